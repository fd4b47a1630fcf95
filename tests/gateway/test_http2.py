"""HTTP/2 in front of the API: the same as over HTTP/1.1, multiplexed."""
import hashlib
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess

import httpx2
import pytest

from support.http2 import CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Connection, frame
from support.programs import Gateway

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.fixture
def secured(sim, tmp_path, certificates):
    certificate, key = certificates.make("h2")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}},
              {"address": "127.0.0.1:0"}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}, http2={"streams_max": 600},
                 generations={"grace_unannounced": "5s"}) as running:
        running.roots = ssl.create_default_context(cafile=str(certificates.root))
        yield running


def cleartext(gateway):
    return "127.0.0.1", int(gateway.urls[1].rsplit(":", 1)[1])


def client_of(gateway, tls=True, **options):
    options = {"http1": tls, "http2": True, "verify": gateway.roots, "timeout": 30, **options}
    return httpx2.Client(base_url=gateway.urls[0 if tls else 1], **options)


def body_of(content="count: 5", **members):
    return {"model": "m", "messages": [{"role": "user", "content": content}], **members}


def data_of(text):
    return [line[6:] for line in text.split("\n") if line.startswith("data: ")]


@pytest.mark.parametrize("tls", [True, False])
def test_requests_and_streams_are_those_of_http1(secured, tls):
    with client_of(secured, tls) as two, client_of(secured, http2=False, http1=True) as one:
        for body in (body_of(), body_of(stream=True), body_of(tools=[TOOL], stream=True)):
            answers = [client.post("/v1/chat/completions", json=body) for client in (one, two)]
            assert [a.http_version for a in answers] == ["HTTP/1.1", "HTTP/2"]
            assert [a.status_code for a in answers] == [200, 200]
            texts = [re.sub(r"chatcmpl-\w+|g-[\w-]+|req_\w+", "ID", a.text) for a in answers]
            assert texts[0] == texts[1]
            names = [set(a.headers) - {"connection", "transfer-encoding", "keep-alive"} for a in answers]
            assert names[0] == names[1]
        assert two.get("/v1/models").status_code == one.get("/v1/models").status_code
        assert two.head("/v1/models").content == b""
        assert two.get("/nowhere").status_code == 404
        wrong = two.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
        assert wrong.status_code == 400 and wrong.json()["error"]["message"]


def test_openais_sdk_over_http2(secured):
    import openai
    with client_of(secured) as transport:
        sdk = openai.OpenAI(base_url=secured.url + "/v1", api_key="unused", http_client=transport)
        whole = sdk.chat.completions.create(**body_of("say: hawser"))
        assert whole.choices[0].message.content == "hawser"
        parts = [chunk.choices[0].delta.content or "" for chunk in
                 sdk.chat.completions.create(**body_of("say: a rope that holds"), stream=True) if chunk.choices]
        assert "".join(parts) == "a rope that holds"
        with pytest.raises(openai.RateLimitError):
            sdk.with_options(max_retries=0).chat.completions.create(
                **body_of(), extra_headers={"x-sim-fault": "status:429:retry-after=100"})


def test_curl_over_http2(secured, certificates):
    for url, extra in ((secured.urls[0], ["--http2"]), (secured.urls[1], ["--http2-prior-knowledge"])):
        done = subprocess.run(["curl", "-sS", "--cacert", str(certificates.root), *extra, "-w", " %{http_version}",
                               url + "/v1/models"], capture_output=True, text=True, check=True)
        assert done.stdout.endswith(" 2"), done


def test_500_streams_on_one_connection(secured):
    """Each whole and in order; one connection at the gateway."""
    connection = Connection(cleartext(secured))
    connection.open_window()
    streams = [connection.chat(f"count: {40 + i % 7}", fields=[("x-sim-interval-ms", "5"), ("x-sim-tokens", "60")]) for i in range(500)]
    bodies, ended = dict.fromkeys(streams, b""), set()
    while len(ended) < len(streams):
        kind, flags, stream, payload = connection.read()
        if kind == HEADERS:
            connection.decoder.decode(payload)
        if kind == DATA:
            bodies[stream] += payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            ended.add(stream)
        assert kind != RST_STREAM, payload
    for i, stream in enumerate(streams):
        words = "".join(json.loads(data)["choices"][0]["delta"].get("content") or ""
                        for data in data_of(bodies[stream].decode())[:-1] if json.loads(data)["choices"])
        assert words.split() == [str(n) for n in range(1, 41 + i % 7)]
        assert data_of(bodies[stream].decode())[-1] == "[DONE]"
    connection.close()


def test_large_bodies_both_ways(secured, sim):
    content = os.urandom(24 * 1024 * 1024)
    with client_of(secured) as client:
        sent = client.post("/v1/files", content=content, headers={"content-type": "application/octet-stream"})
        assert sent.status_code == 200
        assert hashlib.sha256(content).hexdigest() in json.dumps(sim.journal()[-1])
        before = secured.memory_kib()
        answer = client.post("/v1/chat/completions", json=body_of("many"), headers={"x-sim-tokens": "200000"})
        assert answer.status_code == 200 and len(answer.content) > 1_000_000
        assert secured.memory_kib() - before < 40_000


def test_a_client_that_reads_slowly_is_waited_for(secured, sim):
    """Without window updates nothing piles up, and others are served."""
    slow = Connection(cleartext(secured))
    stream = slow.chat("many", fields=[("x-sim-tokens", "200000")], stream=False)
    with client_of(secured) as other:
        assert other.post("/v1/chat/completions", json=body_of()).status_code == 200
    status, _, body = slow.answer(stream)
    assert status == 200 and len(body) > 1_000_000
    slow.close()


def test_a_reset_is_the_clients_will(secured, sim):
    connection = Connection(cleartext(secured))
    stream = connection.chat("count: 100000", fields=[("x-sim-interval-ms", "10"), ("x-sim-tokens", "9999")])
    while connection.read()[0] != DATA:
        pass
    connection.send(frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big")))
    journal = sim.settled(lambda j: j and j[-1]["outcome"])
    assert journal[-1]["outcome"] == "client_closed"
    connection.close()


@pytest.mark.parametrize("how", ["reset-announced", "connection"])
def test_a_lost_client_comes_back(secured, sim, how):
    connection = Connection(cleartext(secured))
    announced = [("x-hawser-resumable", "1")] if how == "reset-announced" else []
    stream = connection.chat("count: 60", fields=[("x-sim-interval-ms", "20"), ("x-sim-tokens", "60"), *announced])
    fields, got = {}, b""
    while got.count(b"\n\n") < 5:
        kind, _, _, payload = connection.read()
        if kind == HEADERS:
            fields = dict(connection.decoder.decode(payload))
        if kind == DATA:
            got += payload
    if announced:
        connection.send(frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big")))
    else:
        connection.close(reset=True)
    last = re.findall(rb"id: (\S+)", got[:got.rindex(b"\n\n")])[-1].decode()
    generation = fields["x-hawser-generation"]
    with client_of(secured) as client:
        rest = client.get(f"/v1/generations/{generation}/events", headers={"last-event-id": last})
    assert rest.status_code == 200 and rest.http_version == "HTTP/2"
    events = data_of(got[:got.rindex(b"\n\n")].decode()) + data_of(rest.text)
    words = "".join(json.loads(data)["choices"][0]["delta"].get("content") or ""
                    for data in events[:-1] if json.loads(data)["choices"])
    assert words.split() == [str(n) for n in range(1, 61)] and events[-1] == "[DONE]"
    assert len(sim.journal()) == 1


BAD_HEADS = [
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models\r\nx: y"), (":authority", "x")], "path"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models HTTP/1.1\r\n\r\nGET /v1/x"), (":authority", "x")], "path"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x"), ("a", "b\r\nc: d")], "value"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x"), ("a\r\nb", "c")], "name"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x\r\ny: z")], "authority"),
    ([(":method", "GE T"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x")], "method"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x"), ("connection", "close")], "hop"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x"),
      ("transfer-encoding", "chunked")], "hop"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":authority", "x"), ("X-Upper", "1")], "case"),
    ([(":method", "GET"), (":scheme", "http"), (":authority", "x")], "missing"),
    ([(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "x")], "empty"),
    ([(":method", "GET"), (":scheme", "http"), (":path", "/v1/models"), (":path", "/v1/x"), (":authority", "x")], "twice"),
    ([(":method", "CONNECT"), (":authority", "x:443")], "connect"),
]


@pytest.mark.parametrize("fields,what", BAD_HEADS)
def test_nothing_is_smuggled(secured, sim, fields, what):
    """What is no request of HTTP/2, or would be another one of HTTP/1.1, never reaches a provider."""
    connection = Connection(cleartext(secured))
    block = connection.encoder.encode([(name.encode(), value.encode()) for name, value in fields])
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    status, _, _ = connection.answer(1)
    assert status is None or 400 <= status < 600, what
    assert sim.journal() == []
    connection.close()


def test_a_body_that_is_not_as_long_as_it_says(secured, sim):
    connection = Connection(cleartext(secured))
    stream = connection.request(b"{}", [("content-length", "5"), ("content-type", "application/json")], method="POST",
                                path="/v1/chat/completions")
    assert connection.answer(stream)[0] in (None, 400)
    assert sim.journal() == []


def test_drain_lets_streams_finish(secured, sim):
    connection = Connection(cleartext(secured))
    connection.open_window()
    streams = [connection.chat("count: 60", fields=[("x-sim-interval-ms", "20")]) for _ in range(20)]
    while connection.read()[0] != DATA:
        pass
    secured.process.send_signal(signal.SIGTERM)
    ended, bodies = set(), dict.fromkeys(streams, b"")
    while len(ended) < len(streams):
        kind, flags, stream, payload = connection.read()
        if kind == DATA:
            bodies[stream] += payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            ended.add(stream)
    assert all(body.rstrip().endswith(b"data: [DONE]") for body in bodies.values())
    assert secured.stop() == 0


def test_http2_can_be_turned_off(sim, tmp_path, certificates):
    certificate, key = certificates.make("h1only")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}},
              {"address": "127.0.0.1:0"}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}, http2={"enabled": False}) as gateway:
        gateway.roots = ssl.create_default_context(cafile=str(certificates.root))
        with client_of(gateway) as client:
            assert client.get("/v1/models").http_version == "HTTP/1.1"


def test_10000_idle_streams(sim, tmp_path):
    """100 connections with 100 silent streams each; then one request more is served at once."""
    with Gateway(tmp_path, providers={"sim": sim.provider()}, workers=1,
                 limits={"connections_max": 16000}) as gateway:
        connections = []
        before = gateway.memory_kib()
        for _ in range(100):
            connection = Connection(gateway.address)
            connections.append(connection)
            for _ in range(100):
                connection.request(b"", [("content-type", "application/json")], method="POST",
                                   path="/v1/chat/completions")
        held = (gateway.memory_kib() - before) * 1024 / 10_000
        one_more = Connection(gateway.address)
        assert one_more.answer(one_more.chat())[0] == 200
        print(f"\n{held:,.0f} B for each of 10,000 idle streams")
        assert held < 16 * 1024
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("tls", [False, True])
def test_h2spec(sim, tmp_path, certificates, tls):
    """The conformance suite of summerwind/h2spec, strict."""
    program = os.environ.get("H2SPEC", "")
    if not pathlib.Path(program).is_file():
        pytest.skip("h2spec is not there: ./dev installs it")
    certificate, key = certificates.make("h2spec")
    listen = [{"address": "127.0.0.1:0", "http2_only": True,
               **({"tls": {"certificate": str(certificate), "key": str(key)}} if tls else {})}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}) as gateway:
        done = subprocess.run([program, "--strict", "-h", "127.0.0.1", "-p", str(gateway.address[1]), "-P", "/",
                               "-o", "3", *(["-t", "-k"] if tls else [])], capture_output=True, text=True)
        found = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", done.stdout)
        assert found, done.stdout + done.stderr
        if found[4] != "0":
            print(done.stdout[-6000:])
        print(f"\nh2spec --strict{' over TLS' if tls else ''}: {found[2]} of {found[1]}")
        assert found[2] == found[1]

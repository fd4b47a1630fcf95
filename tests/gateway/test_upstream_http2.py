"""HTTP/2 towards providers: against nginx, Node, Hypercorn and a provider that breaks the protocol as told."""
import collections
import concurrent.futures
import hashlib
import http.client
import json
import pathlib
import subprocess
import time

import h2.errors
import h2.events
import pytest

from support.faults import BrokenPath
from support.guard import Guard
from support.http import chat, connect, events, request
from support.http2_provider import Scripted, stream_of
from support.nginx import Nginx
from support.programs import Gateway

ONCE = {"attempts_max": 1}


@pytest.fixture
def provider():
    with Scripted() as running:
        yield running


def gateway_to(tmp_path, provider, **config):
    settings = {"workers": 1, "default_provider": "p", "providers": {"p": provider}, "retry": ONCE,
                "generations": {"event_ids": False, "on_disconnect": "cancel"}, **config}
    return Gateway(tmp_path, **settings)


def ask(gateway, do="json", stream=False, **headers):
    return chat(gateway.address, stream=stream, headers={"x-h2-do": do, **headers})


def many(count, job, threads=200):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(job, range(count)))


# --- what is said

def test_the_request_is_as_rfc_9113_has_it(provider, tmp_path):
    settings = provider.provider(api_key="sk-secret", auth="bearer", headers={"X-Of-Mine": "1"}, host="llm.example")
    with gateway_to(tmp_path, settings) as gateway:
        status, headers, body = request(gateway.address, "POST", "/v1/chat/completions?a=b",
                                        {"model": "m", "messages": []},
                                        {"x-h2-do": "json", "Connection": "keep-alive", "TE": "gzip", "X-Upper": "Caf\xe9"})
        assert status == 200 and json.loads(body)["object"] == "chat.completion"
        fields = provider.journal[0]["fields"]
        assert {":method": "POST", ":scheme": "http", ":authority": "llm.example",
                ":path": "/v1/chat/completions?a=b"}.items() <= fields.items()
        assert fields["authorization"] == "Bearer sk-secret" and fields["x-of-mine"] == "1"
        assert not {"connection", "te", "host", "transfer-encoding", "keep-alive"} & set(fields)
        assert all(name == name.lower() for name in fields)
        seen = provider.saw(h2.events.RequestReceived)[0].headers
        never = {field[0] for field in seen if type(field).__name__ == "NeverIndexedHeaderTuple"}
        assert {"authorization", "x-request-id"} <= never
        assert headers["content-length"] == str(len(body))


def test_many_requests_share_one_connection(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        answers = many(50, lambda _: ask(gateway, "sse:20", stream=True, **{"x-h2-pace": "0.01"}))
        assert all(status == 200 and events(body)[-1] == "[DONE]" for status, _, body in answers)
        assert len(provider.connections) == 1 and provider.most_at_once > 5
        assert gateway.settled_metric("hawser_upstream_http2_connections", 1) == 1


def test_hints_and_trailers_are_left_out(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        status, headers, body = ask(gateway, "hints")
        assert status == 200 and json.loads(body)["id"] == "x" and "link" not in headers and "x-checksum" not in headers


def test_bodies_of_any_length_stream_through(provider, tmp_path):
    """Uploads of known and unknown length; memory stays bounded, whatever the window."""
    sizes = [0, 1, 16_384, 16_385, 300_000, 5_000_000]
    with gateway_to(tmp_path, provider.provider()) as gateway:
        for size in sizes:
            body = bytes(i * 7 % 251 for i in range(min(size, 1000))) * (size // 1000 + 1)
            body = body[:size]
            for chunked in (False, True):
                if chunked and not size:
                    continue
                given = iter([body[i:i + 9999] for i in range(0, size, 9999)]) if chunked else body
                status, _, _ = request(gateway.address, "POST", "/v1/files", given,
                                       {"Content-Type": "application/octet-stream", "x-h2-do": "json"})
                entry = provider.journal[-1]
                assert status == 200 and entry["size"] == size
                assert entry["sha256"] == hashlib.sha256(body).hexdigest()
                assert "transfer-encoding" not in entry["fields"]


@pytest.mark.long
def test_half_a_gigabyte_goes_up_in_bounded_memory(sim, tmp_path):
    with Nginx(tmp_path, sim.address) as nginx, gateway_to(
            tmp_path, nginx.provider(http="h2"), limits={"body_max": "600MiB"}) as gateway:
        piece = bytes(1 << 20)
        status, _, _ = request(gateway.address, "POST", "/v1/files", (piece for _ in range(512)),
                               {"Content-Type": "application/octet-stream"}, timeout=300)
        assert status == 200 and sim.journal()[-1]["body_size"] == 512 << 20
        assert gateway.memory_kib("VmHWM") < 100 * 1024


def test_a_reader_that_stops_stops_its_provider_only(provider, tmp_path):
    """One window of an answer waits here, not more; others on the connection go on."""
    with gateway_to(tmp_path, provider.provider(pool={"window": "64KiB"})) as gateway:
        assert ask(gateway)[0] == 200
        before = gateway.memory_kib()
        slow = connect(gateway.address, receive_buffer=4096)
        slow.sendall(b"GET /v1/files/x/content HTTP/1.1\r\nHost: a\r\nx-h2-do: bytes:50000000\r\n\r\n")
        assert provider.settled(lambda: len(provider.journal) == 2)
        stream = provider.journal[1]["stream"]
        one = provider.connections[0]

        def stuck():
            with one.lock:
                return one.h2.local_flow_control_window(stream) == 0

        assert provider.settled(stuck)
        for _ in range(20):
            assert ask(gateway)[0] == 200
        assert len(provider.connections) == 1 and provider.journal[1]["outcome"] == "open"
        assert gateway.memory_kib() - before < 10 * 1024
        got = 0
        while got < 50_000_000 and (part := slow.recv(1 << 20)):
            got += len(part)
        assert got >= 50_000_000
        slow.close()


# --- how many at a time

def test_the_peers_limit_of_streams_is_kept(tmp_path):
    with Scripted(streams_max=5) as provider, gateway_to(tmp_path, provider.provider()) as gateway:
        answers = many(40, lambda _: ask(gateway, "sse:5", stream=True, **{"x-h2-pace": "0.02"}), 40)
        assert [status for status, _, _ in answers] == [200] * 40
        assert provider.most_at_once <= 5 and provider.refused == 0 and len(provider.journal) == 40
        assert 2 <= len(provider.connections) <= 12


def test_beyond_the_limit_of_connections_requests_wait(tmp_path):
    pool = {"connections_max": 2, "streams_max": 3}
    with Scripted() as provider, gateway_to(tmp_path, provider.provider(pool=pool)) as gateway:
        answers = many(30, lambda _: ask(gateway, "sse:3", stream=True, **{"x-h2-pace": "0.01"}), 30)
        assert [status for status, _, _ in answers] == [200] * 30
        assert len(provider.connections) == 2 and provider.most_at_once <= 3 and len(provider.journal) == 30


def test_who_waits_too_long_is_told(tmp_path):
    pool = {"connections_max": 1, "streams_max": 1, "wait_max": "200ms"}
    with Scripted() as provider, gateway_to(tmp_path, provider.provider(pool=pool)) as gateway:
        holder = connect(gateway.address)
        holder.sendall(b"GET /v1/files/x HTTP/1.1\r\nHost: a\r\nx-h2-do: stall-head\r\n\r\n")
        assert provider.settled(lambda: provider.journal)
        status, _, body = ask(gateway)
        assert status == 503 and json.loads(body)["error"]["code"] == "overloaded"
        holder.close()  # its stream ends, its connection does not
        assert provider.saw(h2.events.StreamReset)
        assert ask(gateway)[0] == 200 and len(provider.connections) == 1


# --- what ends

def test_a_client_that_goes_resets_its_stream_only(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        client = connect(gateway.address)
        body = json.dumps({"model": "m", "stream": True, "messages": []})
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       b"x-h2-do: stall-after:3\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body.encode()))
        assert b"200" in client.recv(4096)
        client.close()
        reset = provider.saw(h2.events.StreamReset)
        assert reset and reset[0].error_code == h2.errors.ErrorCodes.CANCEL
        assert ask(gateway)[0] == 200 and len(provider.connections) == 1


def test_refused_streams_are_tried_again_for_nothing(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        status, headers, _ = ask(gateway, "refuse:3")
        assert status == 200 and headers["x-hawser-attempts"] == "1"
        assert provider.refused == 3 and len(provider.journal) == 1
        assert gateway.settled_metric("hawser_upstream_http2_refused_total", 3) == 3


def test_a_provider_that_refuses_for_ever_is_given_up(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider(), retry={"attempts_max": 2, "backoff_base": "1ms"}) as gateway:
        status, _, body = ask(gateway, "refuse:1000000")
        assert status == 502 and json.loads(body)["error"]["code"] == "connection"
        assert provider.refused < 60 and not provider.journal


def test_goaway_loses_and_doubles_nothing(provider, tmp_path):
    """200 at once while every connection says goodbye after 30 streams. The journal is the truth."""
    provider.goaway_after = 30
    with gateway_to(tmp_path, provider.provider()) as gateway:
        names = [f"r{i}" for i in range(600)]
        answers = many(600, lambda i: ask(gateway, "sse:3", stream=True,
                                          **{"x-name": names[i], "x-h2-pace": "0.002"}))
        assert collections.Counter(status for status, _, _ in answers) == {200: 600}
        assert all(events(body)[-1] == "[DONE]" for _, _, body in answers)
        assert {headers["x-hawser-attempts"] for _, headers, _ in answers} == {"1"}
        ran = collections.Counter(entry["fields"]["x-name"] for entry in provider.journal)
        assert ran == {name: 1 for name in names}
        assert len(provider.connections) >= 20
        print(f"\n600 requests, {len(provider.connections)} connections that said goodbye: none lost, none doubled")


def test_nginx_says_goodbye_under_load(sim, tmp_path):
    """keepalive_requests of nginx ends its connections by GOAWAY in the middle of everything."""
    with Nginx(tmp_path, sim.address, more="keepalive_requests 25;") as nginx, gateway_to(
            tmp_path, nginx.provider(http="h2")) as gateway:
        answers = many(600, lambda i: chat(gateway.address, stream=True, headers={"x-name": str(i)}))
        assert collections.Counter(status for status, _, _ in answers) == {200: 600}
        ran = collections.Counter(dict(entry["headers"])["x-name"] for entry in sim.journal())
        assert ran == {str(i): 1 for i in range(600)}
        assert set(nginx.protocols()) == {"HTTP/2.0"}


def test_a_connection_that_died_unseen_costs_nothing(provider, tmp_path):
    """The provider ends its idle connections just as the next request goes out."""
    with gateway_to(tmp_path, provider.provider()) as gateway:
        for _ in range(20):
            assert ask(gateway)[0] == 200
            provider.connections[-1].cut(reset=False)
            status, headers, _ = ask(gateway)
            assert status == 200 and headers["x-hawser-attempts"] == "1"
        assert len(provider.journal) == 40


def test_a_silent_peer_is_found_by_ping(provider, tmp_path):
    pool = {"ping_interval": "100ms", "ping_timeout": "200ms"}
    with gateway_to(tmp_path, provider.provider(pool=pool)) as gateway:
        status, _, body = ask(gateway, "no-pong")
        assert status == 502 and json.loads(body)["error"]["code"] == "connection"
        assert gateway.settled_metric("hawser_upstream_http2_lost_total", 1) == 1
        assert ask(gateway)[0] == 200 and len(provider.connections) == 2  # and one that answers is kept
        assert provider.saw(h2.events.PingReceived)
        time.sleep(0.5)
        assert ask(gateway)[0] == 200 and len(provider.connections) == 2


def test_idle_connections_are_closed_and_warm_ones_kept(provider, tmp_path):
    pool = {"prewarm": 2, "idle_timeout": "1s", "ping_interval": "0ms"}
    with gateway_to(tmp_path, provider.provider(pool=pool)) as gateway:
        assert provider.settled(lambda: len(provider.connections) == 2)
        assert ask(gateway)[0] == 200
        assert gateway.settled_metric('hawser_upstream_connections_total{reused="true"}', 1) == 1
        time.sleep(2.5)
        assert len(provider.connections) == 2 and not provider.saw(h2.events.ConnectionTerminated, 0.01)
        provider.connections[0].cut()  # replaced at once
        assert provider.settled(lambda: len(provider.connections) == 3, 2)
    with gateway_to(tmp_path, provider.provider(pool={"idle_timeout": "1s"})) as gateway:
        before = len(provider.connections)
        assert ask(gateway)[0] == 200
        gone = provider.saw(h2.events.ConnectionTerminated)
        assert gone and len(provider.connections) == before + 1


# --- what breaks

BROKEN = {"cut-head": "connection", "rst-head:2": "connection", "rst-head:11": "connection",
          "longer": "upstream", "field:Upper": "upstream", "field:connection:close": "upstream",
          "field:transfer-encoding:chunked": "upstream", "no-status": "upstream",
          "switch": "upstream", "huge-head": "upstream", "bad-frame": "upstream"}


@pytest.mark.parametrize("do", BROKEN)
def test_broken_answers_have_their_type(provider, tmp_path, do):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        status, _, body = ask(gateway, do)
        code = json.loads(body)["error"]["code"] if status == 502 else status
        assert (status, code) == (502, BROKEN[do])
        assert ask(gateway)[0] == 200
        assert len(provider.journal) == 2  # what may have run is not asked for twice


def test_a_body_that_is_shorter_than_its_length_is_no_whole_answer(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            ask(gateway, "short")
        assert [line["error"] for line in gateway.log_lines()] == ["upstream"]


@pytest.mark.parametrize("cut", range(0, 23, 3))
def test_streams_cut_between_frames_end_in_an_error_event(provider, tmp_path, cut):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        for do in (f"cut-after:{cut}", f"cut-after:{cut}:fin", f"rst-after:{cut}:8"):
            status, _, body = ask(gateway, do, stream=True)
            if cut == 0:
                assert status == 502, do
                continue
            assert status == 200
            *whole, error, rest = body.split(b"\n\n")
            assert b'"code":"connection"' in error and not rest, do
            whole = b"".join(event + b"\n\n" for event in whole)
            expected = b"".join(stream_of(20)[:cut])
            # What a reset of the connection overtook is lost on its way.
            assert whole == expected if do.startswith("rst") else expected.startswith(whole), do
        assert len(provider.journal) == 3


def test_a_stream_that_falls_silent_ends_at_its_deadline(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider(), timeouts={"stall": "300ms", "first_token": "300ms",
                                                                     "plain_answer": "300ms"}) as gateway:
        assert ask(gateway, "stall-head")[0] == 504
        _, _, body = ask(gateway, "stall-after:3", stream=True)
        assert b'"code":"timeout"' in body
        assert ask(gateway)[0] == 200 and len(provider.connections) == 1


def test_an_answer_before_the_end_of_its_request_is_read(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider()) as gateway:
        status, _, body = request(gateway.address, "POST", "/v1/files", bytes(3_000_000),
                                  {"Content-Type": "application/octet-stream", "x-h2-do": "early-413"})
        assert status == 413 and b"too much" in body
        assert ask(gateway)[0] == 200


def test_a_provider_that_takes_nothing_meets_the_deadline(provider, tmp_path):
    with gateway_to(tmp_path, provider.provider(), timeouts={"stall": "300ms"}) as gateway:
        status, _, body = request(gateway.address, "POST", "/v1/files", bytes(3_000_000),
                                  {"Content-Type": "application/octet-stream", "x-h2-do": "never-window"})
        assert status == 504, body


def test_a_provider_of_http1_is_told_apart(tmp_path):
    def speak(one):
        one.raw.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        time.sleep(600)

    with Scripted(on_connection=speak) as provider, gateway_to(tmp_path, provider.provider()) as gateway:
        status, _, body = chat(gateway.address)
        assert status == 502 and json.loads(body)["error"]["code"] == "upstream"


def test_a_peer_that_never_says_its_settings_is_given_up(tmp_path):
    with Scripted(on_connection=lambda one: one.raw.recv(1 << 20) and time.sleep(600)) as provider, gateway_to(
            tmp_path, provider.provider(pool={"ping_timeout": "300ms"})) as gateway:
        status, _, body = chat(gateway.address)
        assert status == 502 and json.loads(body)["error"]["code"] == "connection"


# --- who chooses

@pytest.mark.parametrize("http, offers, spoken", [("auto", True, "HTTP/2.0"), ("auto", False, "HTTP/1.1"),
                                                  ("h1", True, "HTTP/1.1"), ("h2", True, "HTTP/2.0"),
                                                  ("h2", False, None)])
def test_tls_agrees_on_the_version(sim, tmp_path, certificates, http, offers, spoken):
    with Nginx(tmp_path, sim.address, tls=certificates.make("front"), http2=offers) as nginx:
        provider = nginx.provider(http=http, tls={"ca_file": str(certificates.root)})
        with gateway_to(tmp_path, provider) as gateway:
            statuses = {status for status, _, _ in many(30, lambda _: chat(gateway.address), 30)}
            assert statuses == ({200} if spoken else {502})
            if not spoken:
                assert "application protocol" in chat(gateway.address)[2].decode()
            assert set(nginx.protocols(30 if spoken else 0)) == ({spoken} if spoken else set())


def test_one_host_in_two_versions_shares_no_connection(sim, tmp_path, certificates):
    with Nginx(tmp_path, sim.address, tls=certificates.make("front")) as nginx:
        tls = {"ca_file": str(certificates.root)}
        providers = {name: nginx.provider(http=name, tls=tls) for name in ("h1", "h2")}
        models = {name: {"targets": [{"provider": name, "model": "sim-large"}]} for name in providers}
        with Gateway(tmp_path, workers=1, providers=providers, models=models) as gateway:
            for _ in range(3):
                for name in providers:
                    body = {"model": name, "messages": []}
                    assert request(gateway.address, "POST", "/v1/chat/completions", body)[0] == 200
            assert collections.Counter(nginx.protocols(6)) == {"HTTP/1.1": 3, "HTTP/2.0": 3}


def test_reload_changes_the_version(sim, tmp_path, certificates):
    with Nginx(tmp_path, sim.address, tls=certificates.make("front")) as nginx:
        tls = {"ca_file": str(certificates.root)}
        with gateway_to(tmp_path, nginx.provider(http="h1", tls=tls)) as gateway:
            assert chat(gateway.address)[0] == 200
            gateway.write({**gateway.config, "providers": {"p": nginx.provider(http="h2", tls=tls)}})
            assert gateway.metric_becomes('hawser_config_reloads_total{result="ok"}', 1)
            assert chat(gateway.address)[0] == 200
            assert nginx.protocols(2) == ["HTTP/1.1", "HTTP/2.0"]


def test_new_connections_resume_the_tls_session(sim, tmp_path, certificates):
    with Nginx(tmp_path, sim.address, tls=certificates.make("front"), more="keepalive_requests 1;") as nginx:
        with gateway_to(tmp_path, nginx.provider(http="h2", tls={"ca_file": str(certificates.root)})) as gateway:
            for _ in range(4):
                assert chat(gateway.address)[0] == 200
            assert nginx.resumed(4) == [False, True, True, True]


@pytest.mark.parametrize("tls", [False, True])
def test_connections_cut_at_any_byte_neither_double_nor_hide_it(sim, tmp_path, certificates, tls):
    """200 streams on shared connections that are reset at random bytes: each is whole or ends in an error that tells it, and
    what may have run is not run again."""
    with Nginx(tmp_path, sim.address, tls=certificates.make("front") if tls else None) as nginx:
        host, port = nginx.address.split(":")
        with BrokenPath((host, int(port)), 1, mean=200_000, outage=1e-6) as path:
            provider = {"base_url": f"{nginx.scheme}://127.0.0.1:{path.ports[0]}/v1", "auth": "none", "http": "h2",
                        "tls": {"ca_file": str(certificates.root)} if tls else {}}
            with gateway_to(tmp_path, provider, retry={**ONCE, "continuation": False}) as gateway:
                answers = many(200, lambda i: chat(gateway.address, "count: 50", stream=True, headers={
                    "x-name": str(i), "x-sim-tokens": "50", "x-sim-interval-ms": "5"}), 8)
        whole = 0
        for status, _, body in answers:
            assert status in (200, 502)
            said = events(body)
            whole += status == 200 and said[-1] == "[DONE]" and len(said) == 53
            assert status == 502 or said[-1] == "[DONE]" or json.loads(said[-1])["error"]["code"] == "connection"
        ran = collections.Counter(dict(entry["headers"])["x-name"] for entry in sim.journal())
        assert max(ran.values()) == 1 and path.cuts > 3 and 80 < whole < 200
        print(f"\n{whole} of 200 streams whole, {path.cuts} connections cut, none ran twice, none ended unsaid")


def test_services_that_the_gateway_asks_speak_it_too(sim, tmp_path, certificates):
    """A guard behind HTTP/2: asked over one connection, again when that is gone."""
    with Guard() as guard, Nginx(tmp_path, guard.url.split("/")[2], tls=certificates.make("front"),
                                 more="keepalive_requests 20;") as nginx:
        config = guard.config(url=f"https://{nginx.address}/judge", tls={"ca_file": str(certificates.root)})
        with gateway_to(tmp_path, sim.provider(), guards=[config]) as gateway:
            assert {status for status, _, _ in many(60, lambda i: chat(gateway.address, f"say: {i}"), 5)} == {200}
        assert len(guard.asked) == 60 and set(nginx.protocols(60)) == {"HTTP/2.0"}


# --- others' servers

APP = '''
import hashlib, json
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    digest, size = hashlib.sha256(), 0
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = json.dumps({"version": scope["http_version"], "sha256": digest.hexdigest(), "size": size}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for i in range(0, len(body), 20):
        await send({"type": "http.response.body", "body": body[i:i + 20], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
'''


def test_hypercorn(tmp_path, certificates):
    import sys

    from support.nginx import free_port
    (tmp_path / "served.py").write_text(APP)
    port = free_port()
    certificate, key = certificates.make("front")
    server = subprocess.Popen([sys.executable, "-m", "hypercorn", "served:app", "--bind", f"127.0.0.1:{port}", "--certfile",
                               str(certificate), "--keyfile", str(key)], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        # No PING that would wake up what was forgotten: requests of more than one TLS record once were.
        provider = {"base_url": f"https://127.0.0.1:{port}/v1", "auth": "none", "pool": {"ping_interval": "0ms"},
                    "tls": {"ca_file": str(certificates.root)}}
        with gateway_to(tmp_path, provider) as gateway:
            for size in (0, 10, 16_384, 60_000, 100_000, 3_000_000):
                body = b"x" * size
                status, _, got = request(gateway.address, "POST", "/v1/files", body,
                                         {"Content-Type": "application/octet-stream"})
                assert status == 200
                assert json.loads(got) == {"version": "2", "sha256": hashlib.sha256(body).hexdigest(), "size": size}
    finally:
        server.terminate()
        server.wait(20)


def wait_for(port, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            return connect(("127.0.0.1", port), timeout=2).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture
def node(tmp_path):
    script = pathlib.Path(__file__).parents[1] / "support" / "http2_node.mjs"
    server = subprocess.Popen(["node", str(script)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    yield server, {"base_url": f"http://127.0.0.1:{port}/v1", "auth": "none", "http": "h2"}
    server.stdin.close()
    server.wait(20)


def test_node_shuts_down_its_sessions_under_200_at_once(node, tmp_path):
    """Node's own graceful close (two GOAWAYs), every 25 ms, of every session, while 200 are under way."""
    server, provider = node
    with gateway_to(tmp_path, provider) as gateway:
        answers = many(1000, lambda i: request(gateway.address, "POST", "/v1/chat/completions",
                                               {"model": "m", "stream": True, "messages": []},
                                               {"x-name": str(i)}))
        assert collections.Counter(status for status, _, _ in answers) == {200: 1000}
        assert all(events(body)[-1] == "[DONE]" for _, _, body in answers)
        server.stdin.write("journal\n")
        server.stdin.flush()
        told = json.loads(server.stdout.readline())
        assert collections.Counter(told["ran"]) == {str(i): 1 for i in range(1000)}
        assert told["sessions"] >= 5 and told["most"] <= 50
        print(f"\n1000 requests over {told['sessions']} sessions that Node closed: none lost, none doubled")

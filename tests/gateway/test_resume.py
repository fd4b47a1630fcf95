"""A generation outlives its connections: resume, re-attach, coalescing, cancel, expiry."""
import concurrent.futures
import hashlib
import json
import random
import re
import signal
import socket
import threading
import time

import openai
import pytest

from support.http import chat, connect, read_until_closed, request
from support.programs import Gateway

EVENTS = 60
ID = re.compile(rb"^id: (g-[0-9a-z]+)\.(\d+)\.(\d+)\n", re.MULTILINE)


@pytest.fixture
def keeper(sim, tmp_path):
    """Two workers, so that clients come back on either."""
    with Gateway(tmp_path, workers=2, providers={"sim": sim.provider()},
                 generations={"grace_unannounced": "30s"}) as running:
        yield running


def post(body, headers=""):
    text = json.dumps(body)
    return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}").encode()


def question(events=EVENTS, mark=""):
    return {"model": "m", "stream": True, "max_tokens": events + 10,
            "user": mark, "messages": [{"role": "user", "content": f"count: {events}"}]}


def content_of(raw):
    """Head and content of a chunked answer, as far as both came."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    content = b""
    while rest:
        size, found, rest = rest.partition(b"\r\n")
        if not found:
            break
        count = int(size, 16)
        if count == 0:
            break
        content += rest[:count]
        rest = rest[count + 2:]
    return head, content


def frames(content):
    """Whole frames; what the cut left of another is lost, as it is to a client."""
    return [frame + b"\n\n" for frame in content.split(b"\n\n")[:-1]]


def resume(address, generation, last, limit=None):
    connection = connect(address)
    connection.sendall(f"GET /v1/generations/{generation}/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       f"Last-Event-ID: {last}\r\n\r\n".encode())
    return read_some(connection, limit)


def read_some(connection, limit=None):
    """Everything, or `limit` bytes and then a reset."""
    raw = b""
    while limit is None or len(raw) < limit:
        part = connection.recv(65536 if limit is None else min(65536, limit - len(raw)))
        if not part:
            break
        raw += part
    if limit is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
    return raw


def undisturbed(address, mark):
    connection = connect(address)
    connection.sendall(post(question(mark=mark), "Connection: close\r\n"))
    head, content = content_of(read_until_closed(connection)[0])
    return head, content


def unnamed(content):
    content = re.sub(rb"chatcmpl-\d+", b"chatcmpl", content)
    return ID.sub(b"", content)


def cut_and_resume(address, offset, mark, again=None):
    """The whole content, although the first connection was reset after `offset` bytes."""
    connection = connect(address)
    connection.sendall(post(question(mark=mark), "Connection: close\r\n"))
    head, content = content_of(read_some(connection, offset))
    generation = re.search(rb"x-hawser-generation: (\S+)", head + b"\r\n")
    if generation is None:
        return None  # the head itself was cut: the client has nothing to come back with
    generation = generation.group(1).decode()
    got = frames(content)
    while True:
        last = ID.findall(b"".join(got))
        cursor = b".".join(last[-1]).decode() if last else ""
        limit = again.randrange(400, 4000) if again and again.random() < 0.7 else None
        head, content = content_of(resume(address, generation, cursor, limit))
        assert head.startswith(b"HTTP/1.1 200"), head
        got += frames(content)
        if limit is None:
            return b"".join(got)


def expect_equal(whole, expected):
    assert unnamed(whole) == unnamed(expected)
    seqs = [int(seq) for _, _, seq in ID.findall(whole)]
    assert seqs == list(range(len(seqs))), "nothing twice, nothing missing"


def test_cut_at_many_bytes(keeper, sim, request):
    """Every byte with --all; else a sample, the first and last bytes among it."""
    head, expected = undisturbed(keeper.address, "")
    size = len(head) + 4 + len(expected) + 8 * EVENTS
    long = request.config.getoption("--all", default=False)
    offsets = range(1, size) if long else sorted({*range(1, size, 211), *range(len(head), len(head) + 40)})
    sim.clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wholes = list(pool.map(lambda at: cut_and_resume(keeper.address, at, f"cut {at}"), offsets))
    for whole in wholes:
        if whole is not None:
            expect_equal(whole, expected)
    done = sum(whole is not None for whole in wholes)
    print(f"\n{done} cuts resumed, {len(sim.journal())} upstream calls for {len(offsets)} requests")
    assert len(sim.journal()) == len(offsets) and done > len(offsets) / 2


def test_cut_again_and_again_while_it_grows(keeper, sim):
    expected = undisturbed(keeper.address, "")[1]
    sim.clear()

    def run(number):
        chance = random.Random(number)
        return cut_and_resume(keeper.address, chance.randrange(600, 9000), f"grow {number}", chance)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        wholes = [whole for whole in pool.map(run, range(120)) if whole is not None]
    for whole in wholes:
        expect_equal(whole, expected)
    assert len(sim.journal()) == 120


def test_status_text_and_cursors(keeper, sim):
    head, content = undisturbed(keeper.address, "")
    generation = re.search(rb"x-hawser-generation: (\S+)", head).group(1).decode()
    get = lambda path: request(keeper.address, "GET", path)
    status, _, body = get(f"/v1/generations/{generation}")
    state = json.loads(body)
    assert status == 200 and state["state"] == "done" and state["last_seq"] == len(frames(content)) - 1
    assert state["text"] == " ".join(str(n) for n in range(1, EVENTS + 1))
    assert get(f"/v1/generations/{generation}/events?after=1.{state['last_seq']}")[2] == b""
    for cursor, expected in (("x", 400), ("2.1", 400), ("999", 400), ("g-other.1.2", 400)):
        status, _, body = get(f"/v1/generations/{generation}/events?after={cursor}")
        assert status == expected, (cursor, body)
    unknown = generation[:-4] + "zzzz"
    assert get(f"/v1/generations/{unknown}/events")[0] == 410
    assert get("/v1/generations/nonsense/events")[0] == 400


def test_a_generation_belongs_to_its_key(sim, tmp_path):
    keys = [{"name": name, "hash": "sha256:" + hashlib.sha256(name.encode()).hexdigest()} for name in ("a", "b")]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        _, headers, _ = chat(gateway.address, stream=True, headers={"Authorization": "Bearer a"})
        path = f"/v1/generations/{headers['x-hawser-generation']}"
        for key, expected in (("a", 200), ("b", 410), ("c", 401)):
            assert request(gateway.address, "GET", path, headers={"Authorization": f"Bearer {key}"})[0] == expected


@pytest.mark.parametrize("where", ["stream", "before the answer"])
def test_the_same_request_again_gets_the_same_answer(keeper, sim, where):
    """An unmodified client that posts the same body again after a drop; behind the first event it says so."""
    early = where != "stream"
    headers = {"x-sim-latency-ms": "600"} if early else {"x-sim-interval-ms": "20"}
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = connect(keeper.address)
    connection.sendall(post(question(30), extra))
    if early:
        sim.settled(lambda journal: len(journal) == 1)
    else:
        assert connection.recv(3000)
    connection.close()
    time.sleep(0.1)
    status, answer, body = request(keeper.address, "POST", "/v1/chat/completions", question(30),
                                   {} if early else {"x-stainless-retry-count": "1"})
    assert status == 200 and b"[DONE]" in body
    assert [int(seq) for _, _, seq in ID.findall(body)] == list(range(len(frames(body))))
    assert len(sim.journal()) == 1
    # It was delivered: who asks once more gets an answer of its own.
    request(keeper.address, "POST", "/v1/chat/completions", question(30))
    assert len(sim.journal()) == 2
    assert keeper.metric('hawser_readers_attached_total{by="request"}') == 1


def test_reattach_can_be_refused(keeper, sim):
    connection = connect(keeper.address)
    connection.sendall(post(question(30), "x-sim-interval-ms: 20\r\n"))
    assert connection.recv(2000)
    connection.close()
    time.sleep(0.1)
    request(keeper.address, "POST", "/v1/chat/completions", question(30), {"x-hawser-reattach": "off"})
    assert len(sim.journal()) == 2


def test_openai_python_with_its_own_retries_pays_once(keeper, sim):
    """A proxy in between resets the first connection while the answer is awaited."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for number in range(2):
            client = listener.accept()[0]
            upstream = connect(keeper.address)

            def pump(source, sink):
                while part := source.recv(65536):
                    sink.sendall(part)

            threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
            if number == 0:
                time.sleep(0.3)
                for end in (client, upstream):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    end.shutdown(socket.SHUT_RDWR)
                    end.close()
            else:
                pump(upstream, client)

    threading.Thread(target=serve, daemon=True).start()
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", api_key="k", max_retries=2)
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "count: 5"}], extra_headers={"x-sim-latency-ms": "1500"})
    assert answer.choices[0].message.content == "1 2 3 4 5"
    assert len(sim.journal()) == 1


def test_identical_requests_share_one_answer(sim, tmp_path):
    with Gateway(tmp_path, workers=2, providers={"sim": sim.provider()}, generations={"coalesce": True}) as gateway:
        for stream in (True, False):
            sim.clear()
            body = {**question(20), "stream": stream}
            ask = lambda _: request(gateway.address, "POST", "/v1/chat/completions", body,
                                    {"x-sim-latency-ms": "1500", "x-sim-interval-ms": "5"})
            with concurrent.futures.ThreadPoolExecutor(100) as pool:
                answers = list(pool.map(ask, range(100)))
            assert {status for status, _, _ in answers} == {200}
            assert len({body for _, _, body in answers}) == 1
            assert len(sim.journal()) == 1


@pytest.mark.parametrize("scope,calls", [("key", 3), ("team", 2), ("tenant", 1)])
def test_whose_identical_requests_share_one_answer(sim, tmp_path, scope, calls):
    """Two keys of one team and one of another, at once; another tenant never shares."""
    def key(name, tenant, team):
        return {"name": name, "tenant": tenant, "team": team,
                "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest()}
    keys = [key("a", "t", "x"), key("b", "t", "x"), key("c", "t", "y"), key("d", "other", "x")]
    with Gateway(tmp_path, workers=2, providers={"sim": sim.provider()}, keys=keys,
                 generations={"coalesce": True, "coalesce_scope": scope}) as gateway:
        def bearer(name):
            return {"authorization": f"Bearer secret-{name}"}

        def ask(name):
            return request(gateway.address, "POST", "/v1/chat/completions", {**question(20), "stream": True},
                           {**bearer(name), "x-sim-latency-ms": "1500"})
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(ask, "abcd" * 3))
        assert {status for status, _, _ in answers} == {200} and len(sim.journal()) == calls + 1
        if scope == "tenant":  # who shares an answer may take it up again, and not end it for the others
            generation = next(headers["x-hawser-generation"] for (_, headers, _), name in zip(answers, "abcd" * 3)
                              if name == "a")
            path = f"/v1/generations/{generation}"
            assert [request(gateway.address, "GET", path + "/events", headers=bearer(name))[0] for name in "abcd"] == [
                200, 200, 200, 410]
            assert sorted(request(gateway.address, "POST", path + "/cancel", headers=bearer(name))[0]
                          for name in "abcd") == [200, 410, 410, 410]


def test_cancel_reaches_the_provider_at_once(keeper, sim):
    connection = connect(keeper.address)
    connection.sendall(post(question(500), "x-sim-interval-ms: 20\r\nConnection: close\r\n"))
    head = connection.recv(4000)
    generation = re.search(rb"x-hawser-generation: (\S+)", head).group(1).decode()
    begun = time.monotonic()
    status, _, body = request(keeper.address, "POST", f"/v1/generations/{generation}/cancel")
    assert status == 200 and json.loads(body)["state"] == "cancelled"
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"
    assert time.monotonic() - begun < 1
    assert request(keeper.address, "POST", f"/v1/generations/{generation}/cancel")[0] == 200  # idempotent
    rest, how = read_until_closed(connection)
    assert how == "closed" and b'"code":"cancelled"' in rest  # who reads along is told


@pytest.mark.parametrize("policy,outcome", [("cancel", "client_closed"), ("finish", "complete")])
def test_policies_for_clients_that_go(sim, tmp_path, policy, outcome):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations={"on_disconnect": policy}) as gateway:
        connection = connect(gateway.address)
        connection.sendall(post(question(40), "x-sim-interval-ms: 20\r\n"))
        assert connection.recv(2000)
        connection.close()
        assert sim.settled(lambda journal: journal[0]["outcome"] != "running")[0]["outcome"] == outcome


def test_after_the_grace_nothing_is_left(sim, tmp_path):
    settings = {"grace_unannounced": "1s", "kept": "1s", "detached_per_key_max": 100000}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations=settings) as gateway:
        gone = []
        for number in range(300):
            connection = connect(gateway.address)
            connection.sendall(post(question(500, str(number)), "x-sim-interval-ms: 100\r\n"))
            gone.append(connection)
        for connection in gone:
            assert connection.recv(1000)
            connection.close()
        assert gateway.metric_becomes('hawser_generations{state="detached"}', 300)
        assert gateway.metric_becomes('hawser_generations{state="detached"}', 0)
        assert gateway.metric_becomes("hawser_generation_log_bytes", 0)
        sim.settled(lambda _: sim.get("/sim/stats")["active"] == 0)
        assert sim.get("/sim/stats")["active"] == 0
        assert gateway.metrics()["process_open_fds"] < 100


def test_an_expired_generation_is_gone_before_any_byte(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations={"grace_unannounced": "300ms"}) as gateway:
        connection = connect(gateway.address)
        connection.sendall(post(question(500), "x-sim-interval-ms: 50\r\n"))
        generation = re.search(rb"x-hawser-generation: (\S+)", connection.recv(1500)).group(1).decode()
        connection.close()
        assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed", 3)[0]["outcome"] == "client_closed"
        assert request(gateway.address, "GET", f"/v1/generations/{generation}/events")[0] == 410
        assert json.loads(request(gateway.address, "GET", f"/v1/generations/{generation}")[2])["state"] == "expired"


def test_an_announced_client_has_the_longer_grace(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 generations={"grace_unannounced": "100ms", "grace": "30s"}) as gateway:
        connection = connect(gateway.address)
        connection.sendall(post(question(40), "x-sim-interval-ms: 50\r\nx-hawser-resumable: 1\r\n"))
        assert connection.recv(1500)
        connection.close()
        assert sim.settled(lambda journal: journal[0]["outcome"] != "running", 6)[0]["outcome"] == "complete"


def test_detached_generations_of_a_key_are_bounded(sim, tmp_path):
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()},
                 generations={"detached_per_key_max": 3}) as gateway:
        for number in range(10):
            connection = connect(gateway.address)
            connection.sendall(post(question(500, str(number)), "x-sim-interval-ms: 50\r\n"))
            assert connection.recv(1000)
            connection.close()
        sim.settled(lambda _: sim.get("/sim/stats")["active"] == 3)
        assert sim.get("/sim/stats")["active"] == 3


def test_silent_streams_get_heartbeats_that_sdks_do_not_see(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations={"heartbeat": "1s"}) as gateway:
        connection = connect(gateway.address)
        connection.sendall(post(question(2), "x-sim-interval-ms: 2500\r\nConnection: close\r\n"))
        content = content_of(read_until_closed(connection)[0])[1]
        assert content.count(b": hb ") >= 2 and b"\n\n: hb" in content
        client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="k", max_retries=0)
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "count: 2"}], stream=True,
            extra_headers={"x-sim-interval-ms": "1500"})
        assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == "1 2"


def test_a_log_beyond_its_limit_goes_on_without_resume(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations={"log_max": "64KiB"}) as gateway:
        connection = connect(gateway.address)
        body = {**question(2), "max_tokens": 2000}
        body["messages"][0]["content"] = "many words"
        connection.sendall(post(body, "x-sim-tokens: 2000\r\nConnection: close\r\n"))
        head, content = content_of(read_until_closed(connection)[0])
        assert frames(content)[-1].endswith(b"data: [DONE]\n\n") and len(content) > 200_000
        generation = re.search(rb"x-hawser-generation: (\S+)", head).group(1).decode()
        assert request(gateway.address, "GET", f"/v1/generations/{generation}/events")[0] == 410


def test_a_slow_reader_slows_nobody(keeper, sim):
    slow = connect(keeper.address)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(post(question(2, "slow"), "x-sim-tokens: 3000\r\n"))
    generation = re.search(rb"x-hawser-generation: (\S+)", slow.recv(1500)).group(1).decode()
    begun = time.monotonic()
    content = content_of(resume(keeper.address, generation, ""))[1]
    assert content.endswith(b"data: [DONE]\n\n") and time.monotonic() - begun < 5
    assert sim.journal()[0]["outcome"] == "complete"
    slow.close()


def test_a_client_that_reads_slowly_gets_fewer_longer_events(sim, tmp_path):
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()}, generations={"grace_unannounced": "30s"}) as gateway:
        connection = connect(gateway.address, receive_buffer=4096)
        connection.sendall(post(question(20_000), "Connection: close\r\n"))
        sim.settled(lambda journal: journal and journal[0]["outcome"] == "complete", 20)  # the writer waited for nobody
        head, content = content_of(read_until_closed(connection, seconds=60)[0])
        got = frames(content)
        texts = "".join(json.loads(frame.split(b"data: ")[1])["choices"][0]["delta"].get("content") or ""
                        for frame in got if b"data: {" in frame and b'"choices":[{' in frame)
        assert texts == " ".join(str(number) for number in range(1, 20_001))
        assert len(got) < 19_000, "merged"
        seqs = [int(seq) for _, _, seq in ID.findall(content)]
        assert seqs == sorted(set(seqs)) and seqs[-1] > 20_000, "the id of the last one merged"


# --- OpenAI's own way to come back: /v1/responses/{id}

def response_stream(address, events, headers="", interval=None):
    body = json.dumps({"model": "m", "input": f"count: {events}", "stream": True})
    connection = connect(address)
    pace = f"x-sim-interval-ms: {interval}\r\n" if interval else ""
    connection.sendall((f"POST /v1/responses HTTP/1.1\r\nHost: x\r\n{headers}{pace}Content-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


def events_in(content):
    return [json.loads(line[6:]) for line in content.decode().splitlines() if line.startswith("data: {")]


def test_responses_are_taken_up_by_their_own_id(keeper, sim):
    connection = response_stream(keeper.address, 30, interval=5)
    raw = b""
    while raw.count(b"output_text.delta") < 12:
        raw += connection.recv(4096)
    read = events_in(b"\n\n".join(content_of(raw)[1].split(b"\n\n")[:-1]))
    connection.close()
    response, last = read[0]["response"]["id"], read[-1]["sequence_number"]
    client = openai.OpenAI(base_url=keeper.url + "/v1", api_key="none", max_retries=0)
    rest = list(client.responses.retrieve(response, stream=True, starting_after=last))
    assert [event.sequence_number for event in rest] == list(range(last + 1, last + 1 + len(rest)))
    assert rest[-1].type == "response.completed"
    text = "".join(event["delta"] for event in read if event["type"] == "response.output_text.delta")
    text += "".join(event.delta for event in rest if event.type == "response.output_text.delta")
    assert text == " ".join(str(number) for number in range(1, 31))
    assert len(list(client.responses.retrieve(response, stream=True))) == len(rest) + last + 1
    assert len(sim.journal()) == 1
    for cursor, status in (("100000", 400), ("-1", 400), ("x", 400)):
        assert request(keeper.address, "GET", f"/v1/responses/{response}?stream=true&starting_after={cursor}")[0] == status


def test_responses_are_cancelled_by_their_own_id(keeper, sim):
    connection = response_stream(keeper.address, 500, interval=20)
    raw = b""
    while b"output_text.delta" not in raw:
        raw += connection.recv(4096)
    response = events_in(b"\n\n".join(content_of(raw)[1].split(b"\n\n")[:-1]))[0]["response"]["id"]
    client = openai.OpenAI(base_url=keeper.url + "/v1", api_key="none", max_retries=0)
    for _ in range(2):  # idempotent
        cancelled = client.responses.cancel(response)
        assert cancelled.id == response and cancelled.status == "cancelled"
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"
    connection.close()


def test_other_responses_are_the_providers(keeper, sim):
    status, _, _ = request(keeper.address, "GET", "/v1/responses/resp_unknown?stream=true&starting_after=3")
    assert sim.journal()[-1]["target"].startswith("/v1/responses/resp_unknown")


# --- rules of one model

def test_rules_of_a_model(sim, tmp_path):
    models = {"stays": {"targets": [{"provider": "sim"}], "on_disconnect": "finish", "coalesce": "on"},
              "goes": {"targets": [{"provider": "sim"}], "on_disconnect": "cancel"}}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, models=models) as gateway:
        for model, outcome in (("stays", "complete"), ("goes", "client_closed")):
            sim.clear()
            connection = connect(gateway.address)
            connection.sendall(post({**question(40), "model": model}, "x-sim-interval-ms: 20\r\n"))
            assert connection.recv(2000)
            connection.close()
            assert sim.settled(lambda journal: journal[0]["outcome"] != "running")[0]["outcome"] == outcome
        sim.clear()
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            ask = lambda _: chat(gateway.address, model="stays", headers={"x-sim-latency-ms": "200"})[2]
            assert len(set(pool.map(ask, range(10)))) == 1
        assert len(sim.journal()) == 1


def test_a_stream_of_told_length_gets_its_ids_too(tmp_path):
    """A provider that knows the length of its stream does not know what we put between its events."""
    frames = b"".join(b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%d "},"finish_reason":null}]}\n\n' % n
                      for n in range(50)) + b"data: [DONE]\n\n"
    server = socket.create_server(("127.0.0.1", 0))

    def provide():
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
                               % len(frames) + frames)

    thread = threading.Thread(target=provide)
    thread.start()
    with server, Gateway(tmp_path, providers={"p": {"base_url": f"http://127.0.0.1:{server.getsockname()[1]}/v1"}}) as gateway:
        status, headers, body = chat(gateway.address, stream=True)
        thread.join()
    assert status == 200 and "content-length" not in headers
    assert re.sub(ID, b"", body) == frames and len(ID.findall(body)) == 51


def reloaded(gateway, **changes):
    gateway.write({**gateway.config, **changes})
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(1.5)


FILTER = {"rules": [{"name": "hawser", "keywords": ["count"], "action": "mask", "in": "both"}]}


def test_kept_answers_do_not_outlive_the_rules_that_they_passed(sim, tmp_path):
    def key(**settings):
        return {"name": "a", "tenant": "t", "hash": "sha256:" + hashlib.sha256(b"sk-a").hexdigest(),
                "operations": ["chat", "generations"], **settings}
    models = {name: {"targets": [{"provider": "sim", "model": "m"}]} for name in ("big", "small")}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, models=models, keys=[key()]) as gateway:
        headers = {"Authorization": "Bearer sk-a", "Idempotency-Key": "one"}

        def send():
            return request(gateway.address, "POST", "/v1/chat/completions", question(5) | {"model": "big"}, headers)
        status, fields, _ = send()
        assert status == 200
        where = f"/v1/generations/{fields['x-hawser-generation']}"

        def look(path):
            return request(gateway.address, "GET", path, None, {"Authorization": "Bearer sk-a"})[0]
        assert [look(where), look(where + "/events")] == [200, 200]
        # Other settings of the gateway change nothing.
        reloaded(gateway, limits={"idle_timeout": "61s"})
        assert [look(where), look(where + "/events"), send()[0]] == [200, 200, 200]
        assert len(sim.journal()) == 1
        reloaded(gateway, keys=[key(models=["small"])])
        assert [look(where), look(where + "/events"), send()[0]] == [403, 403, 403]
        reloaded(gateway, filter=FILTER)
        assert [look(where), look(where + "/events"), send()[0]] == [409, 409, 409]
        assert len(sim.journal()) == 1
        reloaded(gateway)
        assert [look(where), look(where + "/events"), send()[0]] == [200, 200, 200]

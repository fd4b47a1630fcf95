"""What clients can make the process hold: bounded for all, for a key, for a connection; the honest go on."""
import contextlib
import hashlib
import http.client
import json
import socket
import struct
import threading
import time

import pytest

from support import websocket
from support.guard import Guard
from support.http import chat, connect, request
from support.http2 import DATA, END_HEADERS, HEADERS, SETTINGS, Connection, frame
from support.programs import Gateway, Simulator
from support.scripted import Scripted

MIB = 1024 * 1024


def key(name):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"sk-{name}".encode()).hexdigest(), "tenant": name}


def bearer(name):
    return {"Authorization": f"Bearer sk-{name}"}


def begin_body(address, size, sent, name=None, path="/v1/chat/completions"):
    """A request whose body ends `size - sent` bytes short."""
    connection = connect(address, timeout=20)
    who = f"Authorization: Bearer sk-{name}\r\n" if name else ""
    connection.sendall((f"POST {path} HTTP/1.1\r\nHost: x\r\n{who}Content-Type: application/json\r\n"
                        f"Content-Length: {size}\r\n\r\n").encode())
    with contextlib.suppress(OSError):  # it may be refused before
        connection.sendall(b" " * sent)
    return connection


def status_of(connection):
    try:
        head = connection.recv(4096)
    except (ConnectionResetError, TimeoutError):
        return None, b""
    return int(head[9:12]) if head else None, head


@pytest.fixture
def bounded(sim, tmp_path):
    def make(keys=None, **config):
        more = {"keys": [key(name) for name in keys]} if keys else {}
        gateway = Gateway(tmp_path, providers={"sim": sim.provider()}, **more, **config)
        running.append(gateway)
        return gateway
    running = []
    yield make
    for gateway in running:
        gateway.__exit__()


def test_bodies_of_all_connections_hold_no_more_than_the_process_may(bounded, figure):
    gateway = bounded(limits={"memory": {"process": "24MiB"}})
    before = gateway.memory_kib()
    waiting = [begin_body(gateway.address, 8 * MIB, 8 * MIB - 1) for _ in range(40)]
    refused = []
    deadline = time.monotonic() + 20
    while gateway.metric('hawser_memory_refused_total{bound="process"}') < 35 and time.monotonic() < deadline:
        time.sleep(0.1)
    held = gateway.metric('hawser_bytes_in_use{kind="request_body"}')
    grown = gateway.memory_kib() - before
    assert 0 < held <= 24 * MIB
    assert grown < 40 * 1024, "the budget, and what each connection holds anyway"
    for connection in waiting:
        connection.settimeout(0.2)
        refused.append(status_of(connection))
    told = [head for status, head in refused if status == 503]
    assert len(told) >= 30
    assert any(b"limits.memory.process" in head for head in told)
    # A small request needs nothing of it.
    assert chat(gateway.address)[0] == 200
    for connection in waiting:
        connection.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)
    assert chat(gateway.address, content="x" * 2 * MIB)[0] == 200, "everything came back"
    figure(f"figure: 40 bodies of 8 MiB at a budget of 24 MiB: {grown / 1024:.0f} MiB grown, {len(told)} refused")


def test_who_only_says_a_length_takes_no_memory_of_others(bounded):
    gateway = bounded(limits={"memory": {"process": "16MiB"}})
    idle = [begin_body(gateway.address, 8 * MIB, 10) for _ in range(100)]
    time.sleep(0.3)
    assert chat(gateway.address, content="x" * MIB)[0] == 200
    for connection in idle:
        connection.close()


def test_a_key_cannot_take_what_others_need(bounded):
    gateway = bounded(keys=["greedy", "honest"], limits={"memory": {"process": "64MiB", "per_key": "16MiB"}})
    waiting = [begin_body(gateway.address, 8 * MIB, 8 * MIB - 1, "greedy") for _ in range(20)]
    assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 15, 20) >= 15
    told = []
    for connection in waiting:
        connection.settimeout(0.2)
        told.append(status_of(connection))
    assert any(status == 429 and b"limits.memory.per_key" in head for status, head in told), told
    assert gateway.metric('hawser_bytes_in_use{kind="request_body"}') <= 16 * MIB
    status, _, _ = chat(gateway.address, content="x" * 4 * MIB, headers=bearer("honest"))
    assert status == 200
    for connection in waiting:
        connection.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)
    assert chat(gateway.address, content="x" * 4 * MIB, headers=bearer("greedy"))[0] == 200


def test_the_streams_of_one_http2_connection_share_its_bound(bounded):
    gateway = bounded(limits={"memory": {"per_connection": "12MiB"}})
    connection = Connection(gateway.address, timeout=20)
    connection.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31 - 1)))
    connection.open_window()
    fields = [("content-type", "application/json"), ("content-length", str(4 * MIB))]
    streams = [1 + 2 * i for i in range(16)]
    for stream in streams:
        connection.send(frame(HEADERS, END_HEADERS, stream,
                              connection.head(fields, method="POST", path="/v1/chat/completions")))
    windows, connection_window = dict.fromkeys(streams, 65535), 65535
    sent, statuses = dict.fromkeys(streams, 0), {}
    connection.socket.settimeout(0.5)
    deadline = time.monotonic() + 20
    while len(statuses) < 10 and time.monotonic() < deadline:
        for stream in streams:
            while stream not in statuses and sent[stream] < 4 * MIB - 1:
                size = min(16384, windows[stream], connection_window, 4 * MIB - 1 - sent[stream])
                if size <= 0:
                    break
                connection.send(frame(DATA, 0, stream, b" " * size))
                windows[stream] -= size
                connection_window -= size
                sent[stream] += size
        try:
            got = connection.read()
        except TimeoutError:
            break
        if got is None:
            break
        kind, _, of, payload = got
        if kind == 8:
            more = int.from_bytes(payload, "big")
            if of == 0:
                connection_window += more
            elif of in windows:
                windows[of] += more
        if kind == HEADERS:
            statuses[of] = dict(connection.decoder.decode(payload))[":status"]
        if kind == SETTINGS and len(payload) >= 6:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:
                    windows = {stream: value - sent[stream] for stream in streams}
    assert "503" in statuses.values(), statuses
    assert gateway.metric('hawser_bytes_in_use{kind="request_body"}') <= 12 * MIB
    assert gateway.settled_metric('hawser_memory_refused_total{bound="connection"}', 1) >= 1
    assert chat(gateway.address, content="x" * 4 * MIB)[0] == 200, "another connection has its own"
    connection.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)


def open_stream(address, tokens, name=None):
    """A stream at full speed that its client does not read."""
    connection = connect(address, timeout=30, receive_buffer=4096)
    who = f"Authorization: Bearer sk-{name}\r\n" if name else ""
    body = json.dumps({"model": "m", "stream": True,
                       "messages": [{"role": "user", "content": f"count: {tokens}"}]})
    connection.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{who}Content-Type: application/json\r\n"
                        f"x-sim-tokens: {tokens}\r\nx-sim-interval-ms: 0\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


def grows_until_still(gateway, seconds=25):
    """The most memory, in KiB, once it did not grow for two seconds."""
    most, since, end = 0, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end and time.monotonic() - since < 2:
        now = gateway.memory_kib()
        if now > most + 256:
            most, since = now, time.monotonic()
        time.sleep(0.1)
    return most


def test_streams_that_nobody_reads_hold_no_more_than_logs_may(sim, tmp_path, figure):
    with Simulator() as other, Gateway(  # one that writes at full speed to nobody serves nobody else
            tmp_path, providers={"sim": sim.provider(), "other": other.provider()}, default_provider="sim",
            models={"sim-large": {"targets": [{"provider": "other"}]}},
            generations={"memory_max": "16MiB", "log_max": "8MiB"}) as gateway:
        check_unread_streams(gateway, figure)


def check_unread_streams(gateway, figure):
    chat(gateway.address, stream=True)
    before = gateway.memory_kib()
    unread = [open_stream(gateway.address, 100_000) for _ in range(60)]
    grown = grows_until_still(gateway) - before
    held = gateway.metric("hawser_generation_log_bytes")
    assert held <= 16 * MIB + 60 * 96 * 1024, "one piece each had come already"
    assert grown < 56 * 1024, "the logs, and what each pair of connections holds anyway"
    status, _, body = chat(gateway.address, content="count: 200", stream=True)
    assert status == 200 and b"[DONE]" in body, "who reads is served"
    for connection in unread:
        connection.close()
    figure(f"figure: 60 unread streams at memory_max 16 MiB: logs {held / MIB:.1f} MiB, {grown / 1024:.0f} MiB grown")


def test_unread_streams_of_a_key_are_its_own_trouble(bounded):
    gateway = bounded(keys=["greedy", "honest"], limits={"memory": {"per_key": "8MiB"}})
    unread = [open_stream(gateway.address, 100_000, "greedy") for _ in range(8)]
    assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 1, 20) >= 1
    end = time.monotonic() + 10
    while (status := chat(gateway.address, stream=True, headers=bearer("greedy"))[0]) != 429:
        assert time.monotonic() < end, status
        time.sleep(0.1)
    for _ in range(3):
        status, _, body = chat(gateway.address, content="count: 200", stream=True, headers=bearer("honest"))
        assert status == 200 and b"[DONE]" in body
    for connection in unread:
        connection.close()


def test_a_slow_reader_gets_everything_while_memory_is_short(bounded):
    gateway = bounded(generations={"memory_max": "1MiB"})
    unread = [open_stream(gateway.address, 100_000) for _ in range(12)]
    assert gateway.settled_metric('hawser_memory_refused_total{bound="generations"}', 1, 20) >= 1
    slow, got = open_stream(gateway.address, 3_000), b""
    while not got.endswith(b"0\r\n\r\n"):
        part = slow.recv(2048)
        assert part, "cut"
        got += part
    assert b"[DONE]" in got
    assert got.count(b'"content":') >= 3_000
    for connection in [*unread, slow]:
        connection.close()


# --- what is held on other transports, and of answers

FRAGMENT = "x" * (MIB - 100)


def send_unfinished(socket_, pieces):
    with contextlib.suppress(OSError):  # its connection may be ended before
        socket_.sendall(websocket.frame(websocket.TEXT, b'{"x":"', fin=False))
        for _ in range(pieces):
            socket_.sendall(websocket.frame(websocket.CONTINUATION, FRAGMENT.encode(), fin=False))


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat"])
def test_messages_that_never_end_hold_no_more_than_a_key_may(bounded, figure, path):
    gateway = bounded(keys=["greedy", "honest"], limits={"memory": {"process": "64MiB", "per_key": "24MiB"}})
    before = gateway.memory_kib()
    open_ones = [websocket.WebSocket(gateway.address, path, bearer("greedy")) for _ in range(20)]
    for one in open_ones:
        send_unfinished(one.socket, 6)
    assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 10, 20) >= 10
    held = gateway.metric('hawser_bytes_in_use{kind="request_body"}')
    grown = gateway.memory_kib() - before
    assert 0 < held <= 24 * MIB and grown < 64 * 1024, grown
    assert chat(gateway.address, content="x" * 4 * MIB, headers=bearer("honest"))[0] == 200
    for one in open_ones:
        one.socket.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)
    figure(f"figure: {path}: 20 unfinished messages of 6 MiB at 24 MiB a key: {grown / 1024:.0f} MiB grown")


def test_turns_that_responses_may_build_on_hold_no_more_than_a_key_may(bounded):
    gateway = bounded(keys=["greedy"], limits={"memory": {"process": "64MiB", "per_key": "24MiB"}})
    open_ones = [websocket.WebSocket(gateway.address, "/v1/responses", bearer("greedy")) for _ in range(20)]
    for one in open_ones:
        with contextlib.suppress(OSError):
            for _ in range(4):
                one.send({"type": "response.create", "model": "m", "store": False, "generate": False, "input": FRAGMENT})
    assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 10, 20) >= 10
    assert 0 < gateway.metric('hawser_bytes_in_use{kind="request_body"}') <= 24 * MIB
    for one in open_ones:
        one.socket.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)


def test_bodies_in_parts_of_tunnels_hold_no_more_than_the_process_may(bounded):
    gateway = bounded(limits={"memory": {"process": "24MiB"}})
    tunnels = [websocket.WebSocket(gateway.address, "/v1/tunnel") for _ in range(20)]
    for tunnel in tunnels:
        with contextlib.suppress(OSError):
            tunnel.send({"t": "hello", "v": 1})
            tunnel.send({"t": "req", "id": "a", "p": "/v1/chat/completions", "h": {"content-type": "application/json"}, "parts": True})
            for _ in range(4):
                tunnel.send({"t": "body_part", "id": "a", "d": FRAGMENT[:900_000]})
    assert gateway.settled_metric('hawser_memory_refused_total{bound="process"}', 5, 20) >= 5
    assert gateway.metric('hawser_bytes_in_use{kind="request_body"}') <= 24 * MIB
    for tunnel in tunnels:
        tunnel.socket.close()
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)
    assert chat(gateway.address, content="x" * 4 * MIB)[0] == 200


def half_an_answer(connection, _):
    size = 12 * MIB
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size)
    with contextlib.suppress(OSError):
        connection.sendall(b'{"a":"' + b"x" * (size - 100))
        connection.recv(1)  # until the gateway gives up


@pytest.mark.parametrize("reads", ["filter", "guard", "ownership"])
def test_answers_that_a_policy_reads_whole_hold_no_more_than_a_key_may(tmp_path, reads):
    with Scripted(half_an_answer) as provider, Guard() as guard:
        config = {"filter": {"filter": {"rules": [{"name": "mail", "detect": ["email"], "in": "answer"}]}},
                  "guard": {"guards": [guard.config(**{"in": "answer"})]}, "ownership": {}}[reads]
        with Gateway(tmp_path, providers={"p": provider.provider()}, keys=[key("greedy")],
                     limits={"memory": {"process": "256MiB", "per_key": "24MiB"}}, retry={"attempts_max": 1}, **config) as gateway:
            path = "/v1/responses" if reads == "ownership" else "/v1/embeddings"
            body = {"model": "m", "input": "hi"}
            before = gateway.memory_kib()
            asking = [threading.Thread(target=request, args=(gateway.address, "POST", path, body, bearer("greedy")))
                      for _ in range(10)]
            for one in asking:
                one.daemon = True
                one.start()
            assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 5, 20) >= 5
            assert gateway.metric('hawser_bytes_in_use{kind="copy"}') <= 24 * MIB
            assert gateway.memory_kib() - before < 72 * 1024


def test_a_client_that_does_not_read_http2_holds_one_copy_of_its_answer(tmp_path):
    answer = json.dumps({"object": "list", "data": [{"embedding": "x" * 6 * MIB}]}).encode()

    def script(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    with Scripted(script) as provider, Gateway(tmp_path, providers={"p": provider.provider()},
                                               filter={"rules": [{"name": "mail", "detect": ["email"], "in": "answer"}]},
                                               limits={"memory": {"process": "64MiB"}}) as gateway:
        before = gateway.memory_kib()
        connection = Connection(gateway.address, timeout=20)
        connection.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))  # no window at all
        body = json.dumps({"model": "m", "input": "hi"}).encode()
        fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
        for stream in range(1, 41, 2):
            connection.send(frame(HEADERS, END_HEADERS, stream, connection.head(fields, method="POST", path="/v1/embeddings")))
            connection.send(frame(DATA, 1, stream, body))
        assert gateway.settled_metric('hawser_memory_refused_total{bound="process"}', 5, 30) >= 5
        assert gateway.metric('hawser_bytes_in_use{kind="copy"}') <= 64 * MIB
        assert gateway.memory_kib() - before < 128 * 1024
        connection.close()
        assert gateway.metric_becomes('hawser_bytes_in_use{kind="copy"}', 0)


def test_a_body_whose_next_part_does_not_come_is_given_up(bounded):
    gateway = bounded(limits={"body_timeout": "300ms"})
    tunnel = websocket.WebSocket(gateway.address, "/v1/tunnel")
    tunnel.send({"t": "hello", "v": 1})
    tunnel.send({"t": "req", "id": "a", "p": "/v1/chat/completions", "h": {"content-type": "application/json"}, "parts": True})
    tunnel.send({"t": "body_part", "id": "a", "d": FRAGMENT})
    seen = []
    while not seen or seen[-1].get("t") != "err":
        seen.append(tunnel.receive_json())
    assert seen[-1]["id"] == "a" and seen[-1]["s"] == 408, seen
    assert gateway.metric_becomes('hawser_bytes_in_use{kind="request_body"}', 0)


def an_event_without_end(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    with contextlib.suppress(OSError):
        connection.sendall(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
        connection.sendall(b'data: {"choices":[{"delta":{"content":"' + b"x" * 12 * MIB)
        connection.recv(1)


def test_events_without_an_end_hold_no_more_than_a_key_may(tmp_path):
    with Scripted(an_event_without_end) as provider, Gateway(
            tmp_path, providers={"p": provider.provider()}, keys=[key("greedy")], retry={"attempts_max": 1},
            limits={"memory": {"process": "256MiB", "per_key": "24MiB"}}) as gateway:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        before = gateway.memory_kib()
        answers = []

        def ask():
            with contextlib.suppress(OSError, http.client.HTTPException):  # some hang until the gateway ends
                answers.append(request(gateway.address, "POST", "/v1/chat/completions", body, bearer("greedy")))
        asking = [threading.Thread(target=ask, daemon=True) for _ in range(10)]
        for one in asking:
            one.start()
        assert gateway.settled_metric('hawser_memory_refused_total{bound="key"}', 5, 20) >= 5
        assert gateway.metric('hawser_bytes_in_use{kind="copy"}') <= 24 * MIB
        assert gateway.memory_kib() - before < 72 * 1024
        # The stream that was cut says why.
        assert any(status == 200 and b"per_key" in answer for status, _, answer in answers)

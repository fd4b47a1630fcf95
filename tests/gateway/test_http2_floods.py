"""Clients that send what costs and brings nothing: ended within a second, while others are served."""
import contextlib
import socket
import struct
import time

import pytest

from support.http import chat
from support.http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY,
                           PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE, Connection, frame)
from support.programs import Gateway

JSON = [("content-type", "application/json")]


@pytest.fixture
def plain(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, workers=1, limits={"head_timeout": "900ms"}) as running:
        yield running


def rapid_reset(connection):
    """CVE-2023-44487."""
    for _ in range(50):
        frames = []
        for _ in range(20):
            stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
            block = connection.head(JSON, method="POST", path="/v1/chat/completions")
            frames += [frame(HEADERS, END_HEADERS, stream, block), frame(RST_STREAM, 0, stream, b"\0\0\0\x08")]
        connection.send(*frames)


def broken_streams(connection, fault, fields=()):
    """CVE-2025-8671: a thousand streams, each with a fault that makes the server break it off."""
    for _ in range(50):
        frames = []
        for _ in range(20):
            stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
            block = connection.head([*JSON, *fields], method="POST", path="/v1/chat/completions")
            frames += [frame(HEADERS, END_HEADERS, stream, block), fault(stream)]
        connection.send(*frames)


def made_you_reset_by_no_window(connection):
    broken_streams(connection, lambda stream: frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\0"))


def made_you_reset_by_overflow(connection):
    broken_streams(connection, lambda stream: frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff"))


def made_you_reset_by_length(connection):
    broken_streams(connection, lambda stream: frame(DATA, END_STREAM, stream, b"{}"), [("content-length", "1")])


def continuations(connection):
    """A head that does not end (CVE-2024-28182)."""
    connection.send(frame(HEADERS, 0, 1, connection.head()))
    for number in range(2_000):
        block = connection.encoder.encode([(f"x-{number}", "a" * 100)])
        connection.send(frame(CONTINUATION, 0, 1, block))


def open_head(connection):
    """A head that is never continued."""
    connection.read()  # the settings; what is said to them later would be a fault within the head
    connection.send(frame(HEADERS, 0, 1, connection.head()))


def settings(connection):
    for _ in range(50):
        connection.send(frame(SETTINGS, 0, 0, b"\0\x04\0\0\xff\xff") * 100)


def pings(connection):
    for _ in range(50):
        connection.send(frame(PING, 0, 0, b"12345678") * 100)


def priorities(connection):
    for _ in range(50):
        connection.send(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 100)


def window_updates(connection):
    for _ in range(50):
        connection.send(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01") * 100)


def empty_data(connection):
    connection.send(frame(HEADERS, END_HEADERS, 1, connection.head(JSON, method="POST", path="/v1/chat/completions")))
    for _ in range(50):
        connection.send(frame(DATA, 0, 1) * 100)


def cookie_crumbs(connection):
    """Many fields in few bytes: an entry of the table for each."""
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1,
                          connection.head([("cookie", "a=b")]) + connection.encoder.encode([("cookie", "a=b")]) * 12_000))


def hpack_bomb(connection):
    """A long value that is put into the table once and named ten thousand times."""
    block = connection.head([("x-long", "a" * 4_000)])
    again = connection.encoder.encode([("x-long", "a" * 4_000)])
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block + again * 10_000))


FLOODS = [rapid_reset, made_you_reset_by_no_window, made_you_reset_by_overflow, made_you_reset_by_length,
          continuations, open_head, settings, pings, priorities, window_updates, empty_data, cookie_crumbs, hpack_bomb]
# What nghttp2 itself ends as a fault of the connection; all else is calmed, and counted, by us.
FAULTS = {made_you_reset_by_no_window: PROTOCOL_ERROR}


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_http2_floods(plain, figure, flood):
    other = Connection(plain.address)
    assert other.answer(other.chat())[0] == 200
    flooded(plain, flood)  # what is allocated once is there now
    before = plain.memory_kib("RssAnon")
    code, took = flooded(plain, flood)
    held = plain.memory_kib("RssAnon") - before
    figure(f"{flood.__name__}: {code} after {took:.2f} s, {held} KiB more than before")
    # What is closed while it sends may not get to read why.
    assert code in (FAULTS.get(flood, ENHANCE_YOUR_CALM), "closed")
    counted = 0 if flood is open_head or flood in FAULTS else 2
    assert plain.metric_becomes("hawser_http2_floods_total", counted)
    assert flood is not open_head or took > 0.5  # it is the deadline that ends it
    assert took < 2  # a second, and what a busy machine adds
    assert other.answer(other.chat())[0] == 200 and chat(plain.address)[0] == 200
    assert held < 1024


def flooded(gateway, flood):
    """How the connection of a flood ended, and after how long."""
    connection = Connection(gateway.address)
    begun = time.monotonic()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        flood(connection)
    sent = time.monotonic()
    connection.socket.settimeout(10)
    code = connection.goaway()
    took = time.monotonic() - (begun if flood is open_head else sent)
    connection.close()
    assert gateway.metric_becomes('hawser_connections{side="downstream"}', 1)  # that of the other client
    return code, took


def test_a_client_that_cancels_now_and_then_is_none(plain, sim):
    connection = Connection(plain.address)
    for _ in range(100):
        stream = connection.chat("count: 50", fields=[("x-sim-interval-ms", "50")])
        answered = False
        while not answered:
            kind, _, of, payload = connection.read()
            if kind == HEADERS:
                connection.decoder.decode(payload)  # each changes its table
            answered = kind == HEADERS and of == stream
        connection.send(frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))
    assert connection.answer(connection.chat())[0] == 200
    assert plain.metric("hawser_http2_floods_total") == 0


def test_what_one_connection_holds_is_bounded(sim, tmp_path, figure):
    """Bodies that the provider does not take, each as far as it may be sent: less than a megabyte a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        provider = {**sim.provider(), "base_url": f"http://127.0.0.1:{stuck.getsockname()[1]}/v1"}
        with Gateway(tmp_path, providers={"sim": provider}, workers=1) as gateway:
            fill(gateway)
            before = gateway.memory_kib("RssAnon")
            connections = [fill(gateway) for _ in range(8)]
            held = (gateway.memory_kib("RssAnon") - before) / len(connections)
            sent = sum(count for _, count in connections)
            figure(f"{held:.0f} KiB held a connection, its 10 bodies stuck after {sent // 8 // 1024} KiB")
            assert held < 1024


def fill(gateway):
    """A connection with ten bodies, sent until none may be sent for a while; and how many bytes were."""
    connection = Connection(gateway.address, timeout=1)
    head = {"method": "POST", "path": "/v1/uploads-of-ours"}  # no operation that is known: what it is is not asked
    streams = [connection.request(b"", [("content-type", "audio/wav")], **head) for _ in range(10)]
    whole, left, sent = 65_535, dict.fromkeys(streams, 65_535), 0
    with contextlib.suppress(TimeoutError):
        while (got := connection.read()) is not None:
            kind, _, of, payload = got
            assert kind not in (RST_STREAM, HEADERS), payload
            if kind == SETTINGS:
                for at in range(0, len(payload), 6):
                    if payload[at:at + 2] == b"\0\x04":
                        more = struct.unpack(">I", payload[at + 2:at + 6])[0] - 65_535
                        left = {stream: window + more for stream, window in left.items()}
            if kind == WINDOW_UPDATE and of == 0:
                whole += struct.unpack(">I", payload)[0]
            if kind == WINDOW_UPDATE and of != 0:
                left[of] += struct.unpack(">I", payload)[0]
            for stream in streams:
                while whole >= 16_384 and left[stream] >= 16_384:
                    connection.send(frame(DATA, 0, stream, b"a" * 16_384))
                    whole, left[stream], sent = whole - 16_384, left[stream] - 16_384, sent + 16_384
    return connection, sent

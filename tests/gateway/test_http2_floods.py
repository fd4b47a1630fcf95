"""Clients that send what costs and brings nothing: ended within a second, while others are served."""
import contextlib
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


def made_you_reset(connection):
    """CVE-2025-8671: faults that make the server break the streams off."""
    for _ in range(50):
        frames = []
        for _ in range(20):
            stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
            block = connection.head(JSON, method="POST", path="/v1/chat/completions")
            frames += [frame(HEADERS, END_HEADERS, stream, block), frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\0")]
        connection.send(*frames)


def continuations(connection):
    """A head that does not end (CVE-2024-28182)."""
    connection.send(frame(HEADERS, 0, 1, connection.head()))
    for number in range(2_000):
        block = connection.encoder.encode([(f"x-{number}", "a" * 100)])
        connection.send(frame(CONTINUATION, 0, 1, block))


def open_head(connection):
    """A head that is never continued."""
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


FLOODS = [rapid_reset, made_you_reset, continuations, open_head, settings, pings, priorities, window_updates,
          empty_data, cookie_crumbs, hpack_bomb]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_http2_floods(plain, sim, flood):
    other = Connection(plain.address)
    assert other.answer(other.chat())[0] == 200
    before = plain.memory_kib()
    connection = Connection(plain.address)
    begun = time.monotonic()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        flood(connection)
    sent = time.monotonic()
    connection.socket.settimeout(10)
    code = connection.goaway()
    took = time.monotonic() - (begun if flood is open_head else sent)
    print(f"\n{flood.__name__}: {code} after {took:.2f} s")
    assert code in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR, "closed", 0)
    assert took < 2  # a second, and what a busy machine adds
    assert other.answer(other.chat())[0] == 200 and chat(plain.address)[0] == 200
    assert plain.memory_kib() - before < 4_096


def test_a_client_that_cancels_now_and_then_is_none(plain, sim):
    connection = Connection(plain.address)
    for _ in range(100):
        stream = connection.chat("count: 50", fields=[("x-sim-interval-ms", "50")])
        while connection.read()[0] != HEADERS:
            pass
        connection.send(frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))
    assert connection.answer(connection.chat())[0] == 200
    assert plain.metric("hawser_http2_floods_total") == 0


def test_what_one_connection_holds_is_bounded(plain, sim):
    """100 bodies that nobody takes, each as far as the window goes: less than a megabyte."""
    connection = Connection(plain.address)
    before = plain.memory_kib()
    streams = [connection.request(b"", [("content-type", "audio/wav")], method="POST", path="/v1/audio/transcriptions")
               for _ in range(100)]
    left, sent = 65_535, 0
    connection.socket.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while (got := connection.read()) is not None:
            if got[0] == WINDOW_UPDATE and got[2] == 0:
                left += struct.unpack(">I", got[3])[0]
            while left >= 16_384:
                connection.send(frame(DATA, 0, streams[sent % 100], b"a" * 16_384))
                left, sent = left - 16_384, sent + 1
    held = plain.memory_kib() - before
    print(f"\n{held} KiB held after {sent * 16} KiB were sent")
    assert held < 8 * 1024

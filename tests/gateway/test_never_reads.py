"""Nothing grows unless somebody reads it: for each way in, a client that sends and never reads, and one that reads a
byte a second. What the gateway holds, its descriptors and its log stay within stated bounds; others are served as before.

A new transport or route is one line of WAYS.
"""
import concurrent.futures
import dataclasses
import hashlib
import itertools
import json
import pathlib
import struct
import threading
import time
from typing import Callable

import pytest

from support import http2, websocket
from support.grpc import contract
from support.http import chat
from support.programs import Gateway
from support.unread import Peer, WindowPeer, get, post, repeat, text_frames, upgrade

pb, _ = contract()
KEY = "hk-never-reads"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
BEARER = [("authorization", f"Bearer {KEY}")]
MIB = 1024 * 1024
SECONDS, SENT_MAX = 3, 48 * MIB
HELD_MAX, DESCRIPTORS_MAX, LOG_MAX = 12 * MIB, 16, 256 * 1024  # of one way in, unless its line says otherwise
SERVED = {"log_max": 4 * MIB}  # a line for each request that was served, as far as the system's buffers take answers
P99_TIMES, P99_MORE = 3, 0.5  # what a busy machine may add; a worker that stands still for seconds is far beyond

STREAM = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "count: 3"}]}).encode()
PLAIN = STREAM.replace(b"true", b"false")
HELLO = json.dumps({"t": "hello", "v": 1}).encode()


@pytest.fixture
def gateway(sim, tmp_path):
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}, workers=1, grpc={"reflection": True},
                 keys=[{"name": "k", "hash": HASH}], log={"access_log": str(tmp_path / "access.log"), "level": "info"},
                 websocket={"hello_timeout": "2s"}) as running:
        yield running


# --- how each way in is fed

def on_socket(*chunks, again=None, address=lambda gateway: gateway.address):
    """Those bytes once, then the last ones, or `again`, for ever; nothing is read off the socket."""
    def feed(gateway, slow):
        peer = Peer(address(gateway), slow)
        if callable(again):
            peer.feed(itertools.chain(chunks, again()), SECONDS, SENT_MAX)
        else:
            peer.feed(itertools.chain(chunks, repeat(chunks[-1])), SECONDS, SENT_MAX)
        return [peer]
    return feed


def of_admin(gateway):
    host, port = gateway.admin.split("//")[1].rsplit(":", 1)
    return host, int(port)


def of_grpc(gateway):
    host, port = gateway.urls[1].split("//")[1].rsplit(":", 1)
    return host, int(port)


def spoken(path, *messages, fields=BEARER, subprotocol=None):
    return on_socket(upgrade(path, fields, subprotocol), again=lambda: text_frames(*messages))


def tunnel_requests():
    yield websocket.frame(websocket.TEXT, HELLO)
    for number in itertools.count():
        yield websocket.frame(websocket.TEXT, json.dumps(
            {"t": "req", "id": f"r{number}", "p": "/v1/chat/completions", "b": json.loads(PLAIN)}).encode())


def pinged(path, fields=BEARER):
    ping = websocket.frame(websocket.PING, b"p" * 125)
    return on_socket(upgrade(path, fields, "hawser.v1+json"), again=lambda: repeat(ping * 100))


def many_requests(path="/v1/chat/completions", body=PLAIN, fields=()):
    """Requests of HTTP/2, each whole, on a connection whose socket is never read."""
    def feed(gateway, slow):
        peer = Peer(gateway.address, slow)
        encoder = http2.hpack.Encoder()
        pseudo = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "gateway")]

        def requests():
            yield http2.PREFACE + http2.frame(http2.SETTINGS)
            for stream in range(1, 40_000, 2):
                block = encoder.encode([*pseudo, ("content-type", "application/json"), *fields])
                yield http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block) + \
                    http2.frame(http2.DATA, http2.END_STREAM, stream, body)
        peer.feed(requests(), SECONDS, SENT_MAX)
        return [peer]
    return feed


def in_window(path, chunks, fields=(), streams=1, address=lambda gateway: gateway.address, **head):
    """DATA on streams of HTTP/2 whose answers get no window."""
    def feed(gateway, slow):
        peer = WindowPeer(address(gateway), slow)
        for number in range(streams):
            stream = peer.open(path, fields, **head)
            peer.poll(0.1)
            peer.feed(stream, chunks(), SECONDS / streams, SENT_MAX)
        peer.poll(0.2)
        return [peer]
    return feed


def called(method, *messages, fields=(), streams=1):
    """Messages of gRPC, the last one for ever."""
    head = [("content-type", "application/grpc"), ("te", "trailers"), *fields]
    *first, last = [b"\0" + struct.pack(">I", len(message)) + message for message in messages]
    return in_window(method, lambda: itertools.chain(first, repeat(last * max(1, 16_384 // len(last)))), head, streams,
                     of_grpc)


def over_http2(path, *messages, fields=BEARER, streams=1):
    """A WebSocket on a stream of HTTP/2."""
    head = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "hawser.v1+json"), *fields]
    return in_window(path, lambda: text_frames(*messages), head, streams, method="CONNECT", protocol="websocket")


def generate(text="count: 3", **more):
    return pb.GenerateRequest(model="m", messages=[pb.Message(role="user", content=text)], **more)


ASK = generate().SerializeToString()
TUNNEL_ASK = pb.ClientFrame(id="a", generate=generate("count: 100000", headers={"x-sim-fault": "endless"})).SerializeToString()
REFLECT = b"\x22\x0dhawser.v1.Llm"  # file_containing_symbol
LONG_HELLO = json.dumps({"t": "hello", "v": 1, "resume": [
    {"gen": "g-00" + "0" * 26, "after": [1, 1], "id": f"r{n}"} for n in range(4_000)]}).encode()


@dataclasses.dataclass(frozen=True)
class Way:
    name: str
    feed: Callable
    held_max: int = HELD_MAX
    descriptors_max: int = DESCRIPTORS_MAX
    log_max: int = LOG_MAX


WAYS = [
    Way("http1-plain", on_socket(post("/v1/chat/completions", PLAIN, BEARER)), **SERVED),
    Way("http1-stream", on_socket(post("/v1/chat/completions", STREAM, [*BEARER, ("x-sim-fault", "endless")]))),
    Way("http1-models", on_socket(get("/v1/models", BEARER)), **SERVED),
    Way("http1-without-key", on_socket(post("/v1/chat/completions", PLAIN)), held_max=4 * MIB),
    Way("http1-unknown-path", on_socket(get("/" + "x" * 8_000)), held_max=4 * MIB),
    Way("http2-plain", many_requests(fields=BEARER), descriptors_max=128 + 16),
    Way("http2-stream", many_requests(body=STREAM, fields=BEARER), descriptors_max=128 + 16),  # http2.streams_max calls
    Way("http2-without-key", many_requests(), held_max=4 * MIB),
    Way("http2-body-without-key", in_window("/v1/chat/completions", lambda: repeat(b"x" * 16_384),
                                            [("content-type", "application/json")], streams=6), held_max=4 * MIB),
    Way("websocket-tunnel-pings", spoken("/v1/tunnel", HELLO, b'{"t":"ping","ts":"' + b"1" * 4_000 + b'"}')),
    Way("websocket-tunnel-errors", spoken("/v1/tunnel", HELLO, b'{"t":"' + b"z" * 2_000 + b'"}')),
    Way("websocket-tunnel-requests", on_socket(upgrade("/v1/tunnel", BEARER, "hawser.v1+json"), again=tunnel_requests),
        descriptors_max=64 + 16, **SERVED),  # websocket.streams_max calls
    Way("websocket-tunnel-before-hello", spoken("/v1/tunnel", b"x" * 8 * MIB, fields=()), held_max=2 * MIB),
    Way("websocket-tunnel-long-hello", spoken("/v1/tunnel", LONG_HELLO, fields=BEARER)),
    Way("websocket-control-pings", pinged("/v1/tunnel")),
    Way("websocket-chat", spoken("/v1/chat", b"{}")),
    Way("websocket-responses", spoken("/v1/responses", b'{"type":"' + b"y" * 1_000 + b'"}')),
    Way("websocket-responses-turns", spoken("/v1/responses", json.dumps(
        {"type": "response.create", "generate": False, "store": False, "model": "m", "input": ""}).encode())),
    Way("websocket-over-http2-tunnel", over_http2("/v1/tunnel", HELLO, b'{"t":"ping"}')),
    Way("websocket-over-http2-chat", over_http2("/v1/chat", b"{}")),
    Way("websocket-over-http2-without-key", over_http2("/v1/chat", b"{}", fields=(), streams=10), held_max=4 * MIB),
    Way("grpc-generate", called("/hawser.v1.Llm/Generate", ASK, fields=BEARER, streams=3)),
    Way("grpc-stream", called("/hawser.v1.Llm/StreamGenerate", ASK, fields=[*BEARER, ("x-sim-fault", "endless")])),
    Way("grpc-tunnel", called("/hawser.v1.Llm/Tunnel", TUNNEL_ASK, fields=BEARER)),
    Way("grpc-without-key", called("/hawser.v1.Llm/Tunnel", TUNNEL_ASK, streams=3), held_max=4 * MIB, log_max=64 * 1024),
    Way("grpc-unknown-method", called("/hawser.v1.Llm/" + "N" * 4_000, ASK, streams=3), held_max=4 * MIB),
    Way("grpc-reflection", called("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", REFLECT), held_max=6 * MIB),
    Way("grpc-health", called("/grpc.health.v1.Health/Check", b"", streams=3), held_max=6 * MIB),
    Way("grpc-health-watch", called("/grpc.health.v1.Health/Watch", b""), held_max=6 * MIB),
    Way("admin", on_socket(get("/metrics"), address=of_admin), held_max=6 * MIB),
]


# --- what is measured

def descriptors(gateway):
    return len(list(pathlib.Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


class Other:
    """Another client, which asks all the time; how long its answers take."""

    def __init__(self, address):
        self.address, self.took, self.stopped, self.failed = address, [], threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopped.is_set():
            begun = time.monotonic()
            status, _, _ = chat(self.address, headers=dict(BEARER))
            self.took.append(time.monotonic() - begun)
            self.failed += status != 200
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def p99(self):
        return sorted(self.took)[int(len(self.took) * 0.99)]


@pytest.mark.parametrize("slow", [False, True], ids=["never", "a-byte-a-second"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_never_reads(gateway, figure, way, slow):
    for _ in range(5):
        assert chat(gateway.address, headers=dict(BEARER))[0] == 200  # what is allocated once is there now
    with Other(gateway.address) as before:
        time.sleep(0.5)
    held, opened, logged = gateway.memory_kib("RssAnon"), descriptors(gateway), gateway.access_log.stat().st_size
    most = {"held": 0, "opened": 0}
    watching = threading.Event()

    def watch():
        while not watching.wait(0.1):
            most["held"] = max(most["held"], gateway.memory_kib("RssAnon") - held)
            most["opened"] = max(most["opened"], descriptors(gateway) - opened)

    with concurrent.futures.ThreadPoolExecutor(1) as pool, Other(gateway.address) as other:
        watcher = pool.submit(watch)
        peers = way.feed(gateway, slow)
        watching.set()
        watcher.result()
    time.sleep(0.2)
    lines = gateway.access_log.stat().st_size - logged - 1024 * len(other.took)
    sent = sum(peer.sent for peer in peers)
    p99 = other.p99()
    figure(f"{way.name}, {'a byte a second' if slow else 'never'}: {sent / MIB:.1f} MiB sent, {most['held']} KiB held, "
           f"{most['opened']} descriptors, {max(lines, 0) // 1024} KiB of log; another's p99 {before.p99() * 1000:.0f} -> "
           f"{p99 * 1000:.0f} ms")
    assert sent > 0
    assert most["held"] * 1024 < way.held_max
    assert most["opened"] <= way.descriptors_max
    assert lines < way.log_max
    assert other.failed == 0 and p99 < P99_TIMES * before.p99() + P99_MORE
    for peer in peers:
        peer.close()
    assert chat(gateway.address, headers=dict(BEARER))[0] == 200
    assert gateway.metric_becomes('hawser_connections{side="downstream"}', 0)

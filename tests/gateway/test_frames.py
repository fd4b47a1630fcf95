"""What frames may not say for their connection, and what they may cost: tunnel, chats, gRPC, WebSockets over HTTP/2."""
import hashlib
import json
import time

import grpc
import pytest

from support import websocket
from support.grpc import contract
from support.http import chat, request
from support.http2 import NO_ERROR
from support.programs import Gateway
from support.unread import WindowPeer
from support.websocket import Closed, Tunnel, WebSocket

pb, rpc = contract()
KEY = "hk-frames"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
BEARER = {"authorization": f"Bearer {KEY}"}
BODY = {"model": "m", "messages": [{"role": "user", "content": "count: 2"}]}
LISTEN = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]


@pytest.fixture
def start(sim, tmp_path):
    """Starts a gateway with both kinds of listener."""
    running = []

    def started(**config):
        running.append(Gateway(tmp_path, listen=LISTEN, **{"providers": {"sim": sim.provider()}, "workers": 1, **config}))
        return running[-1]
    yield started
    for gateway in running:
        gateway.stop()


def status_over(gateway, how, fields, handshake=()):
    """The status of one chat whose frame, or message, says `fields`."""
    said = dict(handshake)
    if how == "tunnel":
        tunnel = Tunnel(gateway.address, said)
        tunnel.ask("r", BODY, h=fields)
        head, _, last = tunnel.answer("r")
        tunnel.close()
        return last["s"] if last["t"] == "err" else head["s"]
    with grpc.insecure_channel(gateway.urls[1].split("//")[1], options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        ask = pb.GenerateRequest(model="m", messages=[pb.Message(role="user", content="count: 2")], headers=fields)
        try:
            if how == "grpc":
                rpc.LlmStub(channel).Generate(ask, timeout=5, metadata=list(said.items()))
                return 200
            frames = list(rpc.LlmStub(channel).Tunnel(iter([pb.ClientFrame(id="r", generate=ask)]), timeout=5,
                                                      metadata=list(said.items())))
            last = frames[-1]
            codes = {3: 400, 8: 429, 9: 451}
            return 200 if last.WhichOneof("frame") == "end" else codes[int(last.error.code)]
        except grpc.RpcError as error:
            return {"INVALID_ARGUMENT": 400, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 451}[error.code().name]


FRAMES = pytest.mark.parametrize("how", ["tunnel", "grpc", "grpc-tunnel"])


@FRAMES
def test_a_frame_is_no_proxys_word(start, how):
    """The connection's address counts, or what the proxy said in its handshake; never what a frame says."""
    gateway = start(rate_limits=[{"name": "ip", "rate": "2/h", "burst": 2, "by": ["address"]}],
                    admission={"trusted_proxies": ["127.0.0.0/8"]})
    got = [status_over(gateway, how, {"x-forwarded-for": f"192.0.2.{n}", "x-real-ip": f"192.0.2.{n}"}) for n in range(4)]
    assert got == [200, 200, 429, 429]
    # The same from a proxy that stands in front: its clients are told apart.
    assert status_over(gateway, how, {}, {"x-forwarded-for": "198.51.100.7"}) == 200
    assert status_over(gateway, how, {"x-forwarded-for": "203.0.113.1"}, {"x-forwarded-for": "198.51.100.7"}) == 200
    assert status_over(gateway, how, {"x-forwarded-for": "203.0.113.2"}, {"x-forwarded-for": "198.51.100.7"}) == 429


@FRAMES
def test_what_a_handshake_bound_is_not_changed_by_a_frame(start, sim, how):
    rule = {"name": "care", "when": "request.data_class in ['pii']", "require": "target.zdr"}
    gateway = start(residency=[rule], providers={"sim": sim.provider(tags={"region": "us", "zdr": False})})
    bound = {"x-hawser-data-class": "pii"}
    assert status_over(gateway, how, {}, bound) == 451
    assert status_over(gateway, how, {"x-hawser-data-class": "public"}, bound) == 400
    assert status_over(gateway, how, {"X-Hawser-Data-Class": "public"}, bound) == 400
    assert status_over(gateway, how, bound, bound) == 451
    assert status_over(gateway, how, bound) == 451
    assert sim.journal() == []
    assert status_over(gateway, how, {"x-hawser-data-class": "public"}) == 200


def test_a_hello_is_short_and_takes_up_no_more_than_may_run(start):
    gateway = start(websocket={"streams_max": 8})
    entry = {"gen": "g-00" + "0" * 26, "after": [1, 1]}

    def hello(count, first=b""):
        socket = WebSocket(gateway.address, "/v1/tunnel", subprotocols=["hawser.v1+json"])
        socket.raw(first)
        socket.send({"t": "hello", "v": 1, "caps": ["resume"], "resume": [{**entry, "id": f"r{n}"} for n in range(count)]})
        try:
            return socket.receive_json()
        except Closed as closed:
            return closed.code
    welcome = hello(8)
    assert welcome["t"] == "welcome" and sorted(welcome["lost"]) == [f"r{n}" for n in range(8)]
    assert hello(9) == 4429
    assert hello(4_000) == 4413
    assert hello(1, websocket.frame(websocket.TEXT, b"x" * 8_192, fin=False)) in (4400, 1002)
    lines = len(gateway.log_lines(8))
    assert lines == 8, "a line each of those that were asked for, none of the others"


def test_bodies_of_a_connection_are_bounded(start, sim):
    gateway = start(limits={"json_body_max": "512KiB", "replay_max": "512KiB", "memory": {"per_connection": "1MiB"}})
    long = {**BODY, "user": "u" * 400_000}
    tunnel = Tunnel(gateway.address)
    for name in "abc":
        tunnel.ask(name, long, h={"x-sim-latency-ms": "1500"})
    last = tunnel.answer("c")[2]
    assert last["t"] == "err" and last["s"] == 503 and "limits.memory.per_connection" in last["message"]
    tunnel.send({"t": "req", "id": "d", "p": "/v1/chat/completions", "parts": True})
    tunnel.send({"t": "body_part", "id": "d", "d": "x" * 400_000, "last": False})
    assert tunnel.answer("d")[2]["s"] == 503
    assert tunnel.answer("a")[2]["t"] == "end"  # those that have room are served
    tunnel.close()
    peer = WindowPeer(gateway.address)
    body = json.dumps(long).encode()
    head = [("content-type", "application/json"), ("content-length", str(len(body))), ("x-sim-latency-ms", "1500")]
    streams = [peer.open("/v1/chat/completions", head) for _ in range(3)]
    for stream in streams:
        peer.feed(stream, iter([body]), 0.5, 1 << 30)
    peer.poll(0.5)
    statuses = [peer.statuses.get(stream, {}).get(":status") for stream in streams]
    assert statuses[0] is None and statuses[2] == "503", statuses
    peer.close()


def test_websockets_over_http2_are_judged_before_anything_is_opened(start):
    gateway = start(keys=[{"name": "k", "hash": HASH}], limits={"connections_max": 12})
    peer = WindowPeer(gateway.address)
    fds = gateway.metric("process_open_fds")
    head = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "hawser.v1+json")]
    refused = [peer.open("/v1/chat", head, method="CONNECT", protocol="websocket") for _ in range(40)]
    peer.poll(0.5)
    assert {peer.statuses[stream][":status"] for stream in refused} == {"401"}
    waiting = [peer.open("/v1/tunnel", head, method="CONNECT", protocol="websocket") for _ in range(40)]
    peer.poll(0.5)
    statuses = [peer.statuses[stream][":status"] for stream in waiting]
    assert statuses.count("200") == 4 and statuses.count("429") == 36, "four wait for their hello, no more"
    assert gateway.metric("process_open_fds") - fds <= 8 + 1
    peer.close()
    known = WindowPeer(gateway.address)
    served = [known.open("/v1/chat", [*head, *BEARER.items()], method="CONNECT", protocol="websocket") for _ in range(20)]
    known.poll(0.5)
    statuses = [known.statuses[stream][":status"] for stream in served]
    assert 8 <= statuses.count("200") <= 11 and statuses.count("503") == 20 - statuses.count("200"), \
        "each counts as a connection"
    known.close()


def test_an_early_answer_ends_its_request(start):
    """END_STREAM, then RST_STREAM(NO_ERROR): what is left of the request is dropped."""
    gateway = start(keys=[{"name": "k", "hash": HASH}])
    peer = WindowPeer(gateway.address)
    peer.write(b"\0\0\6\4\0\0\0\0\0\0\4\0\0\xff\xff")  # windows, so that answers have room
    head = [("content-type", "application/json")]
    streams = [peer.open("/v1/chat/completions", head),
               peer.open("/v1/chat", [("sec-websocket-version", "13")], method="CONNECT", protocol="websocket"),
               peer.open("/hawser.v1.Llm/Generate", [("content-type", "application/grpc")])]
    peer.poll(0.5)
    time.sleep(0.2)
    peer.poll(0.2)
    assert [peer.resets.get(stream) for stream in streams] == [NO_ERROR] * 3
    # The connection goes on, and its window is whole.
    before = peer.whole
    again = peer.open("/v1/models", [*BEARER.items()], ends=True, method="GET")
    peer.poll(1)
    assert peer.statuses[again][":status"] == "200" and not peer.closed and peer.whole == before
    peer.close()


def test_refusals_are_logged_in_samples(start):
    gateway = start(keys=[{"name": "k", "hash": HASH}])
    for _ in range(300):
        assert request(gateway.address, "POST", "/v1/chat/completions", BODY)[0] == 401
    assert chat(gateway.address, headers=BEARER)[0] == 200
    time.sleep(0.5)
    lines = gateway.log_lines(101)
    refused = [line for line in lines if line["status"] == 401]
    assert 100 <= len(refused) < 200
    assert [line["status"] for line in lines].count(200) == 1
    time.sleep(0.3)
    assert request(gateway.address, "POST", "/v1/" + "x" * 4_000, BODY)[0] == 401
    last = gateway.log_lines(len(lines) + 1)[-1]
    assert len(last["path"]) == 256 and last["suppressed"] > 0
    refused = [line for line in gateway.log_lines() if line["status"] == 401]
    assert len(refused) + sum(line.get("suppressed", 0) for line in refused) == 301, "none is forgotten"

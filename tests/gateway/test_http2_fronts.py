"""One listener for all: WebSockets over HTTP/2 (RFC 8441) and gRPC beside the API."""
import json
import struct

import grpc
import pytest

from support import websocket
from support.grpc import contract
from support.http import chat
from support.http2 import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, Connection, frame
from support.programs import Gateway

pb, rpc = contract()


class Socket(websocket.WebSocket):
    """A WebSocket on a stream of its own of an HTTP/2 connection."""

    def __init__(self, connection, path, subprotocol=None, fields=()):
        self.connection, self.buffer, self.ended = connection, b"", False
        self.stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
        pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
                  (":authority", "gateway"), ("sec-websocket-version", "13")]
        if subprotocol:
            pseudo.append(("sec-websocket-protocol", subprotocol))
        block = connection.encoder.encode([*pseudo, *fields])
        connection.send(frame(HEADERS, END_HEADERS, self.stream, block))
        while not self.take():
            pass

    def take(self):
        """One frame of the connection; true for the head of the answer."""
        got = self.connection.read()
        if got is None or (got[0] == RST_STREAM and got[2] == self.stream):
            raise websocket.Closed(None)
        kind, flags, stream, payload = got
        if kind == HEADERS:
            self.fields = dict(self.connection.decoder.decode(payload))
            self.status = int(self.fields[":status"])
        if kind == DATA and stream == self.stream:
            self.buffer += payload
            more = struct.pack(">I", max(len(payload), 1))
            self.connection.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, stream, more))
        self.ended = self.ended or (stream == self.stream and bool(kind in (DATA, HEADERS) and flags & END_STREAM))
        return kind == HEADERS

    def more(self):
        if self.ended:
            raise websocket.Closed(None)
        self.take()

    def raw(self, data, cut=None):
        self.connection.send(frame(DATA, 0, self.stream, data))

    def send(self, message):
        self.raw(websocket.frame(websocket.TEXT, json.dumps(message).encode()))


@pytest.fixture
def gateway(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, workers=1) as running:
        yield running


def body_of(content, **members):
    return {"model": "m", "stream": True, "messages": [{"role": "user", "content": content}], **members}


def test_a_tunnel_over_http2(gateway, sim):
    connection = Connection(gateway.address)
    socket = Socket(connection, "/v1/tunnel", "hawser.v1+json")
    assert socket.status == 200 and socket.fields["sec-websocket-protocol"] == "hawser.v1+json"
    assert "sec-websocket-accept" not in socket.fields
    socket.send({"t": "hello", "v": 1})
    assert socket.receive_json()["t"] == "welcome"
    for number in range(3):
        socket.send({"t": "req", "id": f"r{number}", "p": "/v1/chat/completions", "b": body_of("count: 20")})
        text, got = "", {"t": ""}
        while got["t"] not in ("end", "err"):
            got = socket.receive_json()
            if got["t"] == "ev" and isinstance(got.get("d"), dict) and got["d"]["choices"]:
                text += got["d"]["choices"][0]["delta"].get("content") or ""
        assert got["t"] == "end" and text.split() == [str(n) for n in range(1, 21)]
    # A plain request on the same connection beside it.
    assert connection.answer(connection.chat())[0] == 200
    socket.raw(websocket.frame(websocket.CLOSE, struct.pack(">H", 1000)))
    assert socket.close_code() == 1000
    assert connection.answer(connection.chat())[0] == 200


def test_openais_mode_over_http2(gateway):
    socket = Socket(Connection(gateway.address), "/v1/responses")
    assert socket.status == 200
    socket.send({"type": "response.create", "model": "m", "input": "count: 5"})
    kinds = []
    while not kinds or kinds[-1] != "response.completed":
        kinds.append(socket.receive_json()["type"])
    assert "response.output_text.delta" in kinds


def test_a_long_answer_in_small_windows(gateway):
    socket = Socket(Connection(gateway.address), "/v1/tunnel", "hawser.v1+json")
    socket.send({"t": "hello", "v": 1})
    assert socket.receive_json()["t"] == "welcome"
    socket.send({"t": "req", "id": "r", "p": "/v1/chat/completions", "b": {**body_of("many"), "stream": False},
                 "h": {"x-sim-tokens": "60000"}})
    got = {"t": ""}
    size = 0
    while got["t"] not in ("end", "err"):
        message = socket.receive()
        size += len(message)
        got = json.loads(message)
        if got["t"] == "ev":
            socket.send({"t": "win", "id": "r", "add": len(message)})
            socket.send({"t": "win", "add": len(message)})
    assert got["t"] == "end" and size > 200_000


def test_wrong_handshakes_are_told(sim, tmp_path):
    import hashlib
    keys = [{"name": "k", "hash": "sha256:" + hashlib.sha256(b"right").hexdigest()}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        connection = Connection(gateway.address)
        assert Socket(connection, "/v1/responses", fields=[("authorization", "Bearer wrong")]).status == 401
        assert Socket(connection, "/v1/responses", fields=[("authorization", "Bearer right")]).status == 200
        assert Socket(connection, "/v1/nowhere").status == 501


def test_a_client_that_is_gone_ends_its_socket(gateway):
    sockets = [Socket(Connection(gateway.address), "/v1/tunnel", "hawser.v1+json") for _ in range(20)]
    for number, socket in enumerate(sockets):
        socket.connection.close(reset=number % 2 == 0)
    assert gateway.metric_becomes('hawser_connections{side="client"}', 0)
    assert chat(gateway.address)[0] == 200


def test_grpc_on_the_apis_listener(gateway):
    """The official client, beside plain requests."""
    with grpc.insecure_channel("%s:%d" % gateway.address,
                               options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = rpc.LlmStub(channel)
        request = pb.GenerateRequest(raw_json=json.dumps(body_of("count: 5")).encode())
        events = list(stub.StreamGenerate(request, timeout=10))
        assert "".join(event.text.text for event in events).split() == ["1", "2", "3", "4", "5"]
        with pytest.raises(grpc.RpcError) as late:
            list(stub.StreamGenerate(request, timeout=0.4, metadata=[("x-sim-latency-ms", "3000")]))
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert chat(gateway.address)[0] == 200

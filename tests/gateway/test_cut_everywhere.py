"""A 500-event stream is cut at a byte of the client's connection, over each transport, and taken up over each: the
events put together are those of an undisturbed stream, nothing twice, nothing missing, one call at the provider.

By default at a sample of bytes; `--all` takes every 211th of them (HAWSER_STRIDE sets another stride; 1: every byte).
"""
import json
import os
import random
import re
import socket
import threading

import grpc
import pytest

from support.grpc import contract
from support.http import connect
from support.programs import Gateway
from support.websocket import Closed, Tunnel

EVENTS = 500
pb, rpc = contract()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from support.programs import Simulator
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    with Simulator() as sim, Gateway(tmp_path_factory.mktemp("cut"), workers=2, listen=listen, providers={"sim": sim.provider()},
                                     generations={"grace_unannounced": "30s", "kept": "10s"}) as gateway:
        gateway.sim = sim
        yield gateway


def body(mark):
    return {"model": "m", "stream": True, "max_tokens": EVENTS + 10, "user": mark,
            "messages": [{"role": "user", "content": f"count: {EVENTS}"}]}


class Cut(Exception):
    pass


# --- each gives (seq, data) of events as they come; `budget` bytes, then the connection is reset

def sse(place, budget, start, state):
    connection = connect(place.address)
    if isinstance(start, dict):
        text = json.dumps(start)
        connection.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-hawser-reattach: off\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode())
    else:
        after = "" if state["last"] is None else f"?after=1.{state['last']}"
        connection.sendall(f"GET /v1/generations/{start}/events{after} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    raw, at = b"", 0
    while budget is None or len(raw) < budget:
        part = connection.recv(65536 if budget is None else min(65536, budget - len(raw)))
        if not part:
            break
        raw += part
    cut = budget is not None and len(raw) >= budget
    if cut:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
    head, found, rest = raw.partition(b"\r\n\r\n")
    if named := re.search(rb"x-hawser-generation: (\S+)\r", head + (b"\r" if found else b"")):
        state["generation"] = named.group(1).decode()
    content = b""
    while rest:
        size, found, rest = rest.partition(b"\r\n")
        if not found or not size:
            break
        content += rest[:int(size, 16)]
        rest = rest[int(size, 16) + 2:]
    for frame in content.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line and not line.startswith(b":"))
        state["last"] = int(fields[b"id"].rsplit(b".", 1)[1])
        state["events"].append((state["last"], fields[b"data"].decode()))
    if cut:
        raise Cut


def websocket(place, budget, start, state):
    try:
        if isinstance(start, dict):
            tunnel = Tunnel(place.address)
            tunnel.ask("r", start)
        else:
            tunnel = Tunnel(place.address, resume=[(start, [] if state["last"] is None else [1, state["last"]], "r")])
        seen = 0
        while True:
            message = tunnel.receive()
            seen += len(message) + 4
            if budget is not None and seen > budget:
                tunnel.reset()
                raise Cut
            got = json.loads(message)
            if got["t"] == "head":
                state["generation"] = got["gen"]
            elif got["t"] == "ev":
                state["last"] = got["q"]
                raw = got["x"] if "x" in got else message[message.index('"d":') + 4:-1]
                state["events"].append((got["q"], raw))
            elif got["t"] == "end":
                tunnel.socket.close()
                return
            assert got["t"] != "err", got
    except Closed:
        raise Cut from None


class ExactCut:
    """Passes one connection on and resets both sides after so many bytes to the client."""

    def __init__(self, target, budget):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.target, self.budget = target, budget
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listening.accept()
        self.listening.close()
        server = socket.create_connection(self.target)

        def up():
            try:
                while part := client.recv(65536):
                    server.sendall(part)
            except OSError:
                pass

        threading.Thread(target=up, daemon=True).start()
        left = self.budget
        try:
            while left > 0 and (part := server.recv(min(left, 65536))):
                client.sendall(part)
                left -= len(part)
        except OSError:
            pass
        for end in (client, server):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def over_grpc(place, budget, start, state):
    host, port = place.urls[1].split("//")[1].rsplit(":", 1)
    port = int(port) if budget is None else ExactCut((host, int(port)), budget).port
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0), ("grpc.initial_reconnect_backoff_ms", 100_000)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        stub = rpc.LlmStub(channel)
        if isinstance(start, dict):
            call = stub.StreamGenerate(pb.GenerateRequest(raw_json=json.dumps(start).encode()), timeout=30)
        else:
            request = pb.ResumeRequest(generation=start, after_epoch=1)
            if state["last"] is not None:
                request.after_seq = state["last"]
            call = stub.Resume(request, timeout=30)
        try:
            for event in call:
                state["generation"] = event.generation or state["generation"]
                state["last"] = event.seq
                state["events"].append((event.seq, event.raw.decode()))
        except grpc.RpcError as error:
            assert budget is not None and error.code() == grpc.StatusCode.UNAVAILABLE, error
            raise Cut from None


TRANSPORTS = {"sse": sse, "ws": websocket, "grpc": over_grpc}
SIZES = {"sse": 170_000, "ws": 180_000, "grpc": 160_000}


def unnamed(events):
    return [(seq, re.sub(r"chatcmpl-\d+", "chatcmpl", data)) for seq, data in events]


def content_of(event):
    return json.loads(event[1])["choices"][0]["delta"]["content"]


def unmerged(events, undisturbed):
    """Events as they were before some came merged, as they do to who lags: each of those stands for all
    since the one before, and holds their text."""
    out = []
    for seq, data in events:
        parts = undisturbed[len(out):seq + 1]
        if len(parts) > 1 and data == parts[-1][1].replace(
                json.dumps(content_of(parts[-1])), json.dumps("".join(map(content_of, parts)))):
            out += parts
        else:
            out.append((seq, data))
    return out


def run(place, first, second, budget, mark):
    """Events of a stream that is cut; None: the cut came before its client knew what to come back to."""
    state = {"events": [], "last": None, "generation": None}
    try:
        TRANSPORTS[first](place, budget, body(mark), state)
        return state["events"]
    except Cut:
        pass
    if state["generation"] is None:
        return None
    TRANSPORTS[second](place, None, state["generation"], state)
    return state["events"]


@pytest.mark.parametrize("second", TRANSPORTS)
@pytest.mark.parametrize("first", TRANSPORTS)
def test_cut_everywhere(place, everything, first, second):
    size = SIZES[first]
    stride = int(os.environ.get("HAWSER_STRIDE", "211"))
    rng = random.Random(f"{first} {second}")
    budgets = range(1, size, stride) if everything else sorted(rng.randrange(600, size) for _ in range(30))
    undisturbed = unnamed(run(place, first, second, None, f"{first} {second} whole"))
    assert [seq for seq, _ in undisturbed] == list(range(len(undisturbed))) and undisturbed[-1][1] == "[DONE]"
    place.sim.clear()
    runs = 0
    for budget in budgets:
        events = run(place, first, second, budget, f"{first} {second} {budget}")
        runs += 1
        if events is not None:
            assert unmerged(unnamed(events), undisturbed) == undisturbed, (first, second, budget)
    assert len(place.sim.journal()) == runs, "one call at the provider each"
    print(f"\n{first} -> {second}: {runs} cuts, all equal")

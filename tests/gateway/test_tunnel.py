"""The tunnel: hawser.v1+json over a WebSocket. docs/tunnel.md is the contract."""
import base64
import hashlib
import json
import random
import signal
import time

import jsonschema
import pathlib
import pytest

from support.http import request
from support.programs import Gateway
from support.websocket import Closed, Tunnel, WebSocket, frame, TEXT

KEY = "hk-test 0123456789"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/tunnel.schema.json").read_text())


def question(events=20, **more):
    return {"model": "m", "stream": True, "max_tokens": events + 10,
            "messages": [{"role": "user", "content": f"count: {events}"}], **more}


def text_of(events):
    return "".join(event["d"]["choices"][0]["delta"].get("content") or ""
                   for event in events if "d" in event and event["d"].get("choices"))


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


@pytest.fixture
def gateway(sim, tmp_path):
    with Gateway(tmp_path, workers=2, providers={"sim": sim.provider()},
                 generations={"grace_unannounced": "300ms"}) as running:
        yield running


def test_a_stream_and_a_plain_answer(gateway):
    tunnel = Tunnel(gateway.address)
    assert tunnel.welcome["max_streams"] == 64 and tunnel.welcome["credit"]["conn"] == 4 << 20
    tunnel.ask("r1", question())
    head, events, last = tunnel.answer()
    assert head["s"] == 200 and head["gen"].startswith("g-")
    assert head["h"]["content-type"].startswith("text/event-stream")
    assert [event["q"] for event in events] == list(range(len(events)))
    assert text_of(events) == counted(20) and events[-1]["x"] == "[DONE]"
    assert last == {"t": "end", "id": "r1", "q": len(events) - 1}
    tunnel.ask("r1", {**question(3), "stream": False})  # its name is free again
    head, events, last = tunnel.answer()
    assert head["s"] == 200 and events[0]["d"]["choices"][0]["message"]["content"] == counted(3)
    assert last["usage"]["output_tokens"] > 0
    assert tunnel.close() == 1000


def test_every_frame_follows_its_schema(gateway):
    validator = jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/server"}]})
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r1", question(3))
    tunnel.ask("r2", {**question(3), "stream": False})
    tunnel.send({"t": "ping", "ts": 1})
    tunnel.send({"t": "what"})
    tunnel.ask("r3", {"model": "m"}, path="/v1/nowhere")
    seen, ended = [tunnel.welcome], 0
    while ended < 3:
        seen.append(tunnel.receive_json())
        ended += seen[-1]["t"] == "end" or (seen[-1]["t"] == "err" and "id" in seen[-1])
    for got in seen:
        validator.validate(got)
    assert {got["t"] for got in seen} >= {"welcome", "head", "ev", "end", "err", "pong"}


def test_many_requests_share_one_connection(gateway, sim):
    tunnel = Tunnel(gateway.address)
    for number in range(30):
        tunnel.ask(f"r{number}", question(40, user=str(number)), h={"x-sim-interval-ms": "5"})
    texts, order = {}, []
    open_streams = 30
    while open_streams:
        got = tunnel.receive_json()
        if got["t"] == "ev":
            order.append(got["id"])
            texts.setdefault(got["id"], []).append(got)
        open_streams -= got["t"] == "end"
    assert all(text_of(texts[f"r{number}"]) == counted(40) for number in range(30))
    assert len(set(order[:200])) > 20, "they go on beside each other"
    assert len(sim.journal()) == 30


def test_other_calls_and_headers(gateway, sim):
    tunnel = Tunnel(gateway.address)
    tunnel.send({"t": "req", "id": "m", "m": "GET", "p": "/v1/models"})
    assert tunnel.answer()[0]["s"] == 200
    form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n'
    tunnel.send({"t": "req", "id": "f", "p": "/v1/audio/transcriptions?x[]=1", "h": {
        "Content-Type": "multipart/form-data; boundary=b", "x-mine": "1", "Content-Length": "3",
        "Authorization": "Bearer stolen", "Transfer-Encoding": "chunked"}, "b64": base64.b64encode(form).decode()})
    assert tunnel.answer()[0]["s"] == 200
    asked = sim.journal()[-1]
    sent = {name.lower(): value for name, value in asked["headers"]}
    assert asked["body_sha256"] == hashlib.sha256(form).hexdigest() and sent["x-mine"] == "1"
    assert "authorization" not in sent and "transfer-encoding" not in sent
    for bad in ({"p": "/admin"}, {"p": "/v1/x y"}, {"p": "/v1/m", "h": {"a": "1\r\nb: 2"}}, {"p": "/v1/m", "h": {"a b": "1"}},
                {"p": "/v1/m", "h": 7}, {"p": "/v1/m", "b64": "!"}):
        tunnel.send({"t": "req", "id": "x", **bad})
        got = tunnel.receive_json()
        assert got["t"] == "err" and got["s"] == 400, (bad, got)
    for method in ("BREW", "TRACE", "CONNECT", "get"):
        tunnel.send({"t": "req", "id": "x", "p": "/v1/m", "m": method})
        assert tunnel.receive_json()["s"] == 501, method


def test_bodies_in_parts(gateway, sim):
    tunnel = Tunnel(gateway.address)
    body = json.dumps({**question(2), "padding": "\u00e4" * 3_000_000}, ensure_ascii=False)
    tunnel.send({"t": "req", "id": "big", "p": "/v1/chat/completions", "parts": True})
    step = 1_000_000
    for at in range(0, len(body), step):
        tunnel.send({"t": "body_part", "id": "big", "d": body[at:at + step], "last": at + step >= len(body)})
    head, events, last = tunnel.answer()
    assert head["s"] == 200 and last["t"] == "end" and text_of(events) == counted(2)
    assert sim.journal()[-1]["body_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    tunnel.send({"t": "body_part", "id": "other", "d": ""})
    assert tunnel.receive_json()["code"] == "bad_message"


def test_errors_carry_their_kind(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, retry={"attempts_max": 1}) as gateway:
        tunnel = Tunnel(gateway.address)
        tunnel.ask("a", question(), h={"x-sim-fault": "status:429:retry-after=7"})
        head, events, last = tunnel.answer()
        assert head["s"] == 429 and head["h"]["retry-after"] == "7" and last["t"] == "end"
        tunnel.ask("b", question(), h={"x-sim-fault": "reset:after-events=3"})
        head, events, last = tunnel.answer()
        assert head["s"] == 200 and last["t"] == "err" and last["code"] == "connection" and last["s"] == 502
        assert last["body"]["error"]["code"] == "connection"
        tunnel.ask("c", "not an object")
        assert tunnel.answer()[2]["s"] == 400


@pytest.mark.parametrize("start,code", [
    ("{", 4400), ("[]", 4400), ('{"t":7}', 4400), ('{"t":"req"}', 4400), ('{"t":"hello","v":2}', 4400)])
def test_bad_beginnings(gateway, start, code):
    socket = WebSocket(gateway.address, "/v1/tunnel", subprotocols=["hawser.v1+json"])
    socket.send(start)
    assert socket.close_code() == code


def test_close_codes(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 websocket={"hello_timeout": "200ms", "message_max": "1KiB", "streams_max": 2}) as gateway:
        assert WebSocket(gateway.address, "/v1/tunnel").close_code() == 4408
        for bad in ('{"t":"req"}', '{"t":"req","id":""}', '{"t":"req","id":"' + "x" * 129 + '"}', "nonsense"):
            tunnel = Tunnel(gateway.address)
            tunnel.send(bad)
            assert tunnel.close_code() == 4400, bad
        tunnel = Tunnel(gateway.address)
        tunnel.ask("r", question(), h={"x-sim-interval-ms": "50"})
        tunnel.ask("r", question())
        assert tunnel.close_code() == 4409
        tunnel = Tunnel(gateway.address)
        tunnel.send("x" * 2000)
        assert tunnel.close_code() == 4413
        tunnel = Tunnel(gateway.address)
        tunnel.send({"t": "hello", "v": 1})
        assert tunnel.close_code() == 4429
        tunnel = Tunnel(gateway.address)
        for name in "abc":
            tunnel.ask(name, question(), h={"x-sim-interval-ms": "50"})
        while (got := tunnel.receive_json())["t"] != "err":
            pass
        assert got["id"] == "c" and got["s"] == 429
        tunnel.send({"t": "x-later", "any": 1})  # reserved for extensions
        tunnel.send({"t": "ping"})
        while tunnel.receive_json()["t"] != "pong":
            pass


def test_keys(sim, tmp_path):
    keys = [{"name": "alice", "hash": HASH, "models": ["m"]}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        good = {"Authorization": f"Bearer {KEY}"}
        tunnel = Tunnel(gateway.address, headers=good)
        tunnel.ask("r", question(3))
        assert tunnel.answer()[2]["t"] == "end"
        tunnel.ask("r", question(3, model="other"))
        assert tunnel.answer()[2]["s"] == 403
        assert WebSocket(gateway.address, "/v1/tunnel", {"Authorization": "Bearer wrong"}).status == 401
        coded = base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
        browser = WebSocket(gateway.address, "/v1/tunnel", subprotocols=["hawser.v1+json", "bearer." + coded])
        assert browser.status == 101 and b"Sec-WebSocket-Protocol: hawser.v1+json" in browser.head
        assert coded.encode() not in browser.head
        for token, answer in ((KEY, "welcome"), ("wrong", 4401), (None, 4401)):
            late = WebSocket(gateway.address, "/v1/tunnel")
            late.send({"t": "hello", "v": 1, **({"token": token} if token else {})})
            assert (late.close_code() if answer == 4401 else late.receive_json()["t"]) == answer
        for path in ("/v1/chat", "/v1/responses"):
            assert WebSocket(gateway.address, path).status == 401
            assert WebSocket(gateway.address, path, good).status == 101


def test_a_key_that_goes_ends_its_connections(sim, tmp_path):
    keys = [{"name": "alice", "hash": HASH}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys, websocket={"recheck": "200ms"}) as gateway:
        tunnel = Tunnel(gateway.address, headers={"Authorization": f"Bearer {KEY}"})
        gateway.write({**gateway.config, "keys": [{"name": "bob", "hash": "sha256:" + "0" * 64}]})
        assert tunnel.close_code() == 4401


def test_malformed_handshakes(gateway):
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    good = {"Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    for change, status in (({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400),
                           ({"Sec-WebSocket-Protocol": "mqtt"}, 400), ({"Content-Length": "3"}, 400)):
        got, headers, body = request(gateway.address, "GET", "/v1/tunnel",
                                     b"abc" if "Content-Length" in change else None, {**good, **change})
        assert got == status and json.loads(body)["error"]["type"] == "invalid_request_error", change
        if status == 426:
            assert {name.lower(): value for name, value in dict(headers).items()}["sec-websocket-version"] == "13"


# --- credit, laggards, cancel

def test_nothing_is_sent_beyond_the_credit(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 websocket={"credit_stream": "4KiB", "credit_connection": "64KiB"}) as gateway:
        tunnel = Tunnel(gateway.address)
        tunnel.ask("r", question(300))
        got, size = [], 0
        while size < 4096:
            message = tunnel.receive()
            if json.loads(message)["t"] == "ev":
                got.append(json.loads(message))
                size += len(message)
        sim.settled(lambda journal: journal[0]["outcome"] == "complete")  # the generation waits for nobody
        tunnel.send({"t": "ping"})
        assert tunnel.receive_json()["t"] == "pong", "nothing came in between"
        tunnel.send({"t": "win", "id": "r", "add": 1 << 20})
        tunnel.send({"t": "win", "add": 1 << 20})
        _, rest, last = tunnel.answer()
        assert text_of(got + rest) == counted(300) and last["t"] == "end"
        merged = [event for event in rest if event.get("n", 1) > 1]
        assert merged, "what a laggard missed comes merged"
        seqs = [event["q"] - event.get("n", 1) + 1 for event in rest]
        assert seqs[1:] == [event["q"] + 1 for event in rest[:-1]], "dense: nothing twice, nothing missing"


def test_a_client_that_reads_nothing_slows_nobody(gateway, sim):
    sleepy = Tunnel(gateway.address)
    for number in range(40):
        sleepy.ask(f"s{number}", question(400, user=str(number)))
    begun = time.monotonic()
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r", question(100, user="awake"))
    assert text_of(tunnel.answer()[1]) == counted(100)
    assert time.monotonic() - begun < 5
    done = sim.settled(lambda journal: sum(entry["outcome"] == "complete" for entry in journal) == 41)
    assert all(entry["outcome"] == "complete" for entry in done)


@pytest.mark.parametrize("mode", ["stop", "discard"])
def test_cancel(gateway, sim, mode):
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r", question(500), h={"x-sim-interval-ms": "20"})
    while tunnel.receive_json()["t"] != "ev":
        pass
    begun = time.monotonic()
    tunnel.send({"t": "cancel", "id": "r", "mode": mode})
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"
    assert time.monotonic() - begun < 1
    tunnel.send({"t": "ping"})
    kinds = []
    while not kinds or kinds[-1] != "pong":
        got = tunnel.receive_json()
        kinds.append(got["t"])
        assert got["t"] != "err" or got["code"] == "cancelled"
    assert ("err" in kinds) == (mode == "stop")
    tunnel.ask("r", question(2))
    assert tunnel.answer()[2]["t"] == "end"


def test_ttl(gateway, sim):
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r", question(500), h={"x-sim-interval-ms": "20"}, ttl=200)
    assert tunnel.answer()[2]["code"] == "timeout"
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"


@pytest.mark.parametrize("how,outcome", [("normal", "client_closed"), ("leave", "client_closed"), ("lost", "complete")])
def test_what_a_close_means(sim, tmp_path, how, outcome):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, generations={"grace_unannounced": "30s"}) as gateway:
        tunnel = Tunnel(gateway.address, caps=())
        tunnel.ask("r", question(60), h={"x-sim-interval-ms": "10"})
        while tunnel.receive_json()["t"] != "ev":
            pass
        if how == "lost":
            tunnel.reset()
        else:
            tunnel.close(1000 if how == "normal" else 1001)
        assert sim.settled(lambda journal: journal[0]["outcome"] != "running")[0]["outcome"] == outcome


# --- resume

def cut(address, rounds, seed, events, transport="ws"):
    """One generation over connections that are reset after random numbers of bytes."""
    rng = random.Random(seed)
    tunnel = Tunnel(address)
    tunnel.ask("r", question(events, user=f"cut {seed}"), h={"x-sim-interval-ms": "1"})
    got, generation = [], None
    for turn in range(rounds):
        budget = rng.randrange(1, 20_000)
        ended = False
        try:
            while budget > 0 and not ended:
                message = tunnel.receive()
                budget -= len(message)
                frame_ = json.loads(message)
                if frame_["t"] == "head":
                    generation = frame_["gen"]
                elif frame_["t"] == "ev":
                    got.append(frame_)
                ended = frame_["t"] == "end"
                assert frame_["t"] != "err", frame_
        except Closed:
            pass
        if ended:
            return got
        tunnel.reset()
        after = [1, got[-1]["q"]] if got else []
        tunnel = Tunnel(address, resume=[(generation, after, "r")])
        assert tunnel.welcome["resumed"] == ["r"] and tunnel.welcome["lost"] == []
    _, rest, last = tunnel.answer()
    assert last["t"] == "end"
    return got + rest


def test_resume_after_cuts_anywhere(gateway, sim, everything):
    for seed in range(200 if everything else 20):
        got = cut(gateway.address, 6, seed, 120)
        seqs = [event["q"] - event.get("n", 1) + 1 for event in got]
        assert seqs == [0] + [event["q"] + 1 for event in got[:-1]]
        assert text_of(got) == counted(120)
    assert len(sim.journal()) == (200 if everything else 20), "one call at the provider each"


def test_several_are_taken_up_at_once_and_what_is_lost_is_told(gateway):
    tunnel = Tunnel(gateway.address)
    generations = {}
    for name in "abc":
        tunnel.ask(name, question(50, user=name), h={"x-sim-interval-ms": "10"})
    while len(generations) < 3:
        got = tunnel.receive_json()
        if got["t"] == "head":
            generations[got["id"]] = got["gen"]
    tunnel.reset()
    back = Tunnel(gateway.address, resume=[(generations[name], [], name) for name in "abc"] +
                  [("g-00" + "0" * 26, [1, 3], "gone"), ("nonsense/..", 3, "bad")])
    assert sorted(back.welcome["resumed"]) == ["a", "b", "c"] and sorted(back.welcome["lost"]) == ["bad", "gone"]
    texts, ends = {name: [] for name in "abc"}, 0
    while ends < 3:
        got = back.receive_json()
        if got["t"] == "ev":
            texts[got["id"]].append(got)
        ends += got["t"] == "end"
        assert got["t"] != "err" or (got["id"] == "gone" and got["s"] == 410)
    assert all(text_of(events) == counted(50) for events in texts.values())


def test_taken_up_over_sse_and_back(gateway, sim):
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r", question(60), h={"x-sim-interval-ms": "5"})
    head, got = tunnel.receive_json(), []
    while len(got) < 10:
        got.append(tunnel.receive_json())
    tunnel.reset()
    status, _, body = request(gateway.address, "GET", f"/v1/generations/{head['gen']}/events?after=1.{got[-1]['q']}")
    assert status == 200
    rest = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    assert text_of(got + [{"d": json.loads(line)} for line in rest]) == counted(60)
    assert len(sim.journal()) == 1


def test_drain_lets_streams_end(sim, tmp_path):
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()}) as gateway:
        tunnel, idle = Tunnel(gateway.address), Tunnel(gateway.address)
        tunnel.ask("r", question(60), h={"x-sim-interval-ms": "10"})
        while tunnel.receive_json()["t"] != "ev":
            pass
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.close_code() == 4503
        events, kinds = [], set()
        tunnel.ask("late", question(2))
        try:
            while True:
                got = tunnel.receive_json()
                kinds.add((got["t"], got.get("id")))
                events.append(got)
        except Closed as closed:
            assert closed.code == 4503
        assert ("goaway", None) in kinds and ("end", "r") in kinds and ("err", "late") in kinds
        assert gateway.process.wait(10) == 0


def test_old_connections_are_asked_to_be_replaced(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, websocket={"max_age": "1s"}) as gateway:
        tunnel = Tunnel(gateway.address)
        got = tunnel.receive_json()
        assert got == {"t": "goaway", "why": "max_age", "in_ms": 10000, "resumable": True}


def test_dead_connections_are_found(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, websocket={"heartbeat": "200ms"}) as gateway:
        tunnel = Tunnel(gateway.address)
        begun = time.monotonic()
        tunnel.send({"t": "ping"})
        assert tunnel.receive_json()["t"] == "pong"
        opcode, _ = tunnel.read_frame()
        assert opcode == 9
        with pytest.raises((Closed, ConnectionResetError)):
            tunnel.read_frame()  # no pong is sent
        assert 0.3 < time.monotonic() - begun < 3

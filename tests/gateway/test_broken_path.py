"""A path that breaks again and again, or dies without a word: what runs over it is whole, paid once, and soon on again.

Thirty streams; each path is reset behind every 20 to 120 KB and away for up to a second. Each load prints its figures:
streams whole, calls at the provider, how soon behind the path's coming back it was in use again, and the time against
that of the same load undisturbed plus the outages.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import threading
import time

import openai
import pytest

from support.flaky_path import FlakyPath
from support.http import connect, request
from support.nginx import Nginx
from support.programs import CLEAN, HAWSER, Gateway
from support.websocket import Tunnel

STREAMS, EVENTS, INTERVAL = 30, 300, 10
PLAIN_EVENTS = 8000  # of an answer that is not streamed: 39 kB
BETWEEN, AWAY, SEED = (20_000, 120_000), 1.0, int(os.environ.get("HAWSER_SEED", "12"))
MEDIAN_MAX, P95_MAX, TIME_MAX = 0.3, 1.0, 1.3
NOTICED_MAX = 5.0


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


@pytest.fixture
def keeper(sim, tmp_path):
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    with Gateway(tmp_path, workers=2, listen=listen, providers={"sim": sim.provider()},
                 generations={"grace_unannounced": "120s"}) as running:
        yield running


class LocalTunnel:
    """`hawser tunnel` in front of an address."""

    def __init__(self, port, *arguments, key=None):
        environment = {**CLEAN, **({"HAWSER_API_KEY": key} if key else {})}
        self.process = subprocess.Popen(
            [HAWSER, "tunnel", "--to", f"ws://127.0.0.1:{port}/v1/tunnel", "--listen", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.url = self.process.stdout.readline().split()[-1]
        self.address = ("127.0.0.1", int(self.url.rsplit(":", 1)[1].split("/")[0]))
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stderr.readline, "")),
                                       daemon=True)
        self.reader.start()

    def said(self, what, seconds=5):
        end = time.monotonic() + seconds
        while not any(what in line for line in self.lines) and time.monotonic() < end:
            time.sleep(0.02)
        return [line for line in self.lines if what in line]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def body_of(number, events=EVENTS):
    return {"model": "m", "stream": True, "max_tokens": events + 10,
            "messages": [{"role": "system", "content": f"number {number}"},
                         {"role": "user", "content": f"count: {events}"}]}


def complete(client, number, events=EVENTS):
    """None: whole; else what went wrong."""
    try:
        stream = client.chat.completions.create(**body_of(number, events), extra_headers={"x-sim-interval-ms": str(INTERVAL)})
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        return None if text == counted(events) else f"{len(text)} of {len(counted(events))} bytes of text"
    except Exception as error:  # httpx raises its own when a body breaks off
        return f"{type(error).__name__}: {error}"


def openai_load(urls):
    """(seconds, faults) of all streams at once, by OpenAI's SDK."""
    clients = [openai.OpenAI(base_url=url, api_key="none") for url in urls]
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
        ended = list(pool.map(lambda number: complete(clients[number % len(clients)], number), range(STREAMS)))
    return time.monotonic() - begun, [fault for fault in ended if fault]


def sdk_load(transport, urls):
    many = pathlib.Path(HAWSER).resolve().parent / "sdk" / "example_many"
    begun = time.monotonic()
    ran = subprocess.run([many, transport, str(STREAMS), str(EVENTS), *urls], capture_output=True, text=True, timeout=300,
                         env={**CLEAN, "MANY_INTERVAL_MS": str(INTERVAL)})
    took = time.monotonic() - begun
    outcome = json.loads(ran.stdout)
    faults = ran.stderr.splitlines() + ["wrong text"] * outcome["wrong"]
    return took, faults


def judge(name, sim, path, plain, took, faults, figure):
    """Prints the figures of a load over a broken path, and fails where they fall short."""
    doors = path.report()
    behind = sorted(late for door in doors for late in door["back_behind"])
    outages = sum(len(door["outages"]) for door in doors)
    away = max(sum(length for _, length in door["outages"]) for door in doors)  # streams of other doors do not wait
    calls = len(sim.journal())
    median = statistics.median(behind) if behind else 0
    p95 = behind[min(len(behind) - 1, int(len(behind) * 0.95))] if behind else 0
    ratio = took / (plain + away)
    text = (f"{name}: {STREAMS - len(faults)} of {STREAMS} whole over {outages} outages, {calls} calls at the provider; back "
            f"behind {median:.3f} s (median), {p95:.3f} s (p95), {behind[-1] if behind else 0:.3f} s (most); "
            f"{took:.1f} s = {ratio:.2f} x ({plain:.1f} s undisturbed + {away:.1f} s away)")
    figure(text)
    print("\n" + text)
    assert not faults, faults[:5]
    assert calls == STREAMS, "one call at the provider each"
    assert outages >= STREAMS // 3 and len(behind) >= outages // 2, "the path did break"
    assert median <= MEDIAN_MAX and p95 <= P95_MAX, text
    assert ratio <= TIME_MAX, text


def test_openai_sdk_over_hawser_tunnel(keeper, sim, figure):
    with FlakyPath(keeper.address) as whole, LocalTunnel(whole.ports[0]) as tunnel:
        plain, faults = openai_load([tunnel.url])
    assert not faults
    sim.clear()
    with FlakyPath(keeper.address, 1, BETWEEN, AWAY, SEED) as path, LocalTunnel(path.ports[0]) as tunnel:
        took, faults = openai_load([tunnel.url])
        judge("openai-python over hawser tunnel", sim, path, plain, took, faults, figure)
        assert tunnel.said("connected to ws://") and tunnel.said("connection lost: ")


@pytest.mark.parametrize("transport, doors", [
    ("sse", STREAMS), ("grpc", STREAMS), ("ws", 1),
    pytest.param("sse", 1, marks=pytest.mark.long), pytest.param("grpc", 1, marks=pytest.mark.long)])
def test_sdk(keeper, sim, figure, transport, doors):
    host, port = keeper.urls[transport == "grpc"].split("//")[1].rsplit(":", 1)
    target = (host, int(port))
    # One thread an URL: over one path of all, each thread has a connection of its own all the same.
    def urls(path):
        return [f"http://127.0.0.1:{path.ports[number % doors]}/v1" for number in range(STREAMS)]

    with FlakyPath(target, doors) as whole:
        plain, faults = sdk_load(transport, urls(whole))
    assert not faults
    sim.clear()
    with FlakyPath(target, doors, BETWEEN, AWAY, SEED) as path:
        took, faults = sdk_load(transport, urls(path))
        judge(f"the SDK over {transport}, {'one path' if doors == 1 else 'a path each'}", sim, path, plain, took, faults, figure)


@pytest.mark.long
def test_repeated_requests_are_attached(keeper, sim, figure):
    """Answers that are not streamed, over one path: what breaks OpenAI's SDK asks again by itself, in its own time. By its
    name a request is known also where its answer was written and lost on its way."""
    with FlakyPath(keeper.address, 1, BETWEEN, AWAY, SEED) as path:
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{path.ports[0]}/v1", api_key="none", max_retries=30)
        text = counted(PLAIN_EVENTS)

        def ask(number):
            try:
                got = client.chat.completions.create(**{**body_of(number, PLAIN_EVENTS), "stream": False},
                                                     extra_headers={"Idempotency-Key": f"number {number}"})
                return None if got.choices[0].message.content == text else "wrong text"
            except openai.APIError as error:
                return repr(error)

        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
            faults = [fault for fault in pool.map(ask, range(STREAMS)) if fault]
        took = time.monotonic() - begun
        outages = sum(len(door["outages"]) for door in path.report())
    text = (f"requests that openai-python repeats: {STREAMS - len(faults)} of {STREAMS} whole over {outages} outages, "
            f"{len(sim.journal())} calls at the provider; {took:.1f} s")
    figure(text)
    print("\n" + text)
    assert not faults, faults[:5]
    assert len(sim.journal()) == STREAMS and outages >= STREAMS // 3


def outer_gateway(folder, path, **more):
    home = folder / f"outer-{path.ports[0]}"
    home.mkdir()
    providers = {f"p{i}": {"base_url": f"http://127.0.0.1:{port}/v1", "auth": "none", "gateway": True, **more}
                 for i, port in enumerate(path.ports)}
    models = {f"m{i}": {"targets": [{"provider": f"p{i}", "model": "m"}]} for i in range(len(path.ports))}
    return Gateway(home, workers=1, node={"name": "outer"}, providers=providers, models=models)


def link_load(outer, doors):
    def one(number):
        asked = {**body_of(number), "model": f"m{number % doors}"}
        status, _, body = request(outer.address, "POST", "/v1/chat/completions", asked,
                                  {"x-sim-interval-ms": str(INTERVAL)}, timeout=120)
        said = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
        text = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in said[:-1]
                       if '"choices"' in event)
        whole = status == 200 and said and said[-1] == "[DONE]" and text == counted(EVENTS)
        return None if whole else f"{status} {body[-200:]!r}"

    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
        ended = list(pool.map(one, range(STREAMS)))
    return time.monotonic() - begun, [fault for fault in ended if fault]


@pytest.mark.parametrize("doors, http", [
    pytest.param(1, "h1", id="one path", marks=pytest.mark.long),
    pytest.param(1, "h2", id="one path, HTTP2", marks=pytest.mark.long),
    pytest.param(STREAMS, "h1", id="a path each")])
def test_gateway_to_gateway(keeper, sim, tmp_path, figure, doors, http):
    with contextlib.ExitStack() as behind:
        target = keeper.address
        if http == "h2":
            host, port = behind.enter_context(Nginx(tmp_path, keeper.url.split("//")[1])).address.split(":")
            target = (host, int(port))
        with FlakyPath(target, doors) as whole, outer_gateway(tmp_path, whole, http=http) as outer:
            plain, faults = link_load(outer, doors)
        assert not faults, faults[:3]
        sim.clear()
        with FlakyPath(target, doors, BETWEEN, AWAY, SEED) as path, outer_gateway(tmp_path, path, http=http) as outer:
            took, faults = link_load(outer, doors)
            name = f"a link of gateways, {'one path' if doors == 1 else 'a path each'}, HTTP/{'2' if http == 'h2' else '1.1'}"
            judge(name, sim, path, plain, took, faults, figure)


# --- death without a word

def one_stream(transport, url, address, events, pace, ended):
    """Runs one stream to its end; appends None where it is whole, else what went wrong."""
    if transport in ("sse", "ws", "grpc"):
        many = pathlib.Path(HAWSER).resolve().parent / "sdk" / "example_many"
        ran = subprocess.run([many, transport, "1", str(events), url], capture_output=True, text=True, timeout=120,
                             env={**CLEAN, "MANY_INTERVAL_MS": str(pace)})
        return ended.append(None if ran.returncode == 0 else ran.stderr + ran.stdout)
    status, _, body = request(address, "POST", "/v1/chat/completions", {**body_of(0, events), "model": "m0"},
                              {"x-sim-interval-ms": str(pace)}, timeout=120)
    said = [json.loads(line[6:]) for line in body.decode().split("\n") if line.startswith("data: {")]
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in said if event.get("choices"))
    ended.append(None if status == 200 and text == counted(events) else f"{status} {body[-300:]!r}")


@pytest.mark.parametrize("events, pace", [(200, 20), (2, 4000)], ids=["events flow", "the model thinks"])
@pytest.mark.parametrize("transport", ["tunnel", "sse", "ws", "grpc", "link"])
def test_silent_death_is_noticed(keeper, sim, tmp_path, figure, transport, events, pace):
    """Bytes go nowhere, and nobody is told: noticed within 5 s, and the stream is whole, paid once."""
    target = keeper.address
    if transport == "grpc":
        target = ("127.0.0.1", int(keeper.urls[1].rsplit(":", 1)[1]))
    ended = []
    with FlakyPath(target) as path:
        url, address, front = f"http://127.0.0.1:{path.ports[0]}/v1", None, None
        if transport == "tunnel":
            front = LocalTunnel(path.ports[0])
        if transport == "link":
            front = outer_gateway(tmp_path, path)
        try:
            address = front.address if front else None
            stream = threading.Thread(target=one_stream, args=(transport, url, address, events, pace, ended))
            stream.start()
            sim.settled(lambda journal: journal and journal[0]["events_sent"] >= 1)
            time.sleep(1)
            path.silence()
            stream.join(60)
            report = path.report()[0]
        finally:
            if front:
                front.__exit__(None, None, None)
    assert ended == [None]
    text = f"silent death, {transport}, {'events flow' if events > 2 else 'the model thinks'}: noticed behind " \
           f"{report['noticed_behind'][0]:.2f} s, {len(sim.journal())} call at the provider"
    figure(text)
    print("\n" + text)
    assert report["noticed_behind"][0] < NOTICED_MAX and len(sim.journal()) == 1


def test_idle_tunnels_cost_nothing(sim, tmp_path, figure, everything):
    """A thousand of them: no packet and next to no time while no request is open."""
    count, seconds = (1000, 20) if everything else (300, 6)
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()}) as gateway:
        tunnels = [Tunnel(gateway.address, keepalive=2000) for _ in range(count)]
        assert all(tunnel.welcome["keepalive"] == 2000 for tunnel in tunnels)
        tunnels[0].ask("r", body_of(0, 3))
        assert tunnels[0].answer()[2]["t"] == "end"
        used = cpu_seconds(gateway.process.pid)
        time.sleep(seconds)
        used = cpu_seconds(gateway.process.pid) - used
        came = 0
        for tunnel in tunnels:
            tunnel.socket.setblocking(False)
            try:
                came += len(tunnel.socket.recv(4096))
            except BlockingIOError:
                pass
            tunnel.socket.close()
    text = f"{count} idle tunnels: {came} bytes and {1000 * used / seconds:.1f} ms of CPU a second in {seconds} s"
    figure(text)
    print("\n" + text)
    assert came == 0 and used / seconds < 0.02


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_each_end_keeps_its_word_only_while_requests_are_open(gateway):
    """A client that promised keepalive hears the gateway as often, and is given up where it breaks its word."""
    tunnel = Tunnel(gateway.address, keepalive=200)
    old = Tunnel(gateway.address)
    assert tunnel.welcome["keepalive"] == 2000 and "keepalive" not in old.welcome
    for one in (tunnel, old):
        one.ask("r", body_of(1, 2), h={"x-sim-interval-ms": "20000"})
        while one.receive_json()["t"] != "ev":
            pass
    begun = time.monotonic()
    assert tunnel.read_frame()[0] == 9, "a ping: nothing was heard of the client for 250 ms"
    with pytest.raises((Exception,)):
        tunnel.read_frame()  # it does not answer: dead
    assert time.monotonic() - begun < 2
    old.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        old.read_frame()  # one that promised nothing is asked nothing


# --- the local endpoint of hawser tunnel

def raw(address, text, wait=1.0, half_close=False):
    client = connect(address)
    client.sendall(text)
    if half_close:
        client.shutdown(socket.SHUT_WR)
    client.settimeout(wait)
    got = b""
    try:
        while part := client.recv(65536):
            got += part
    except TimeoutError:
        pass
    client.close()
    return got


def asked(body, *fields, host="localhost"):
    text = json.dumps(body).encode()
    head = [f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}", *fields, "Content-Type: application/json",
            f"Content-Length: {len(text)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + text


def test_local_clients_hear_a_heartbeat_while_the_tunnel_is_away(keeper, sim):
    with FlakyPath(keeper.address) as path, LocalTunnel(path.ports[0], "--heartbeat", "1") as tunnel:
        client = connect(tunnel.address)
        client.sendall(asked(body_of(0, 60), "x-sim-interval-ms: 30"))
        got = b""
        while got.count(b"data: ") < 5:
            got += client.recv(65536)
        path.away()
        end = time.monotonic() + 3.5
        client.settimeout(0.2)
        silent = b""
        while time.monotonic() < end:
            try:
                silent += client.recv(65536)
            except TimeoutError:
                pass
        path.heal()
        client.settimeout(10)
        rest = silent
        while b"[DONE]" not in rest:
            rest += client.recv(65536)
        client.close()
        assert silent.count(b"\r\n: hb\n\r\n") >= 2, silent[-300:]
        assert b": hb\n\n" not in rest, "an empty line behind it is an event to some"
        assert tunnel.said("connection lost: ") and tunnel.said("1 request waits, next try in ")
    assert len(sim.journal()) == 1


def test_openais_decoder_takes_the_heartbeats(keeper):
    with FlakyPath(keeper.address) as path, LocalTunnel(path.ports[0], "--heartbeat", "1") as tunnel:
        client = openai.OpenAI(base_url=tunnel.url, api_key="none")
        stream = client.chat.completions.create(**body_of(0, 4), extra_headers={"x-sim-interval-ms": "2500"})
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert text == counted(4)


def test_it_gives_up_with_a_reason(sim):
    with FlakyPath(("127.0.0.1", 1)) as path, LocalTunnel(path.ports[0], "--give-up-after", "1") as tunnel:
        path.away()
        begun = time.monotonic()
        status, _, body = request(tunnel.address, "POST", "/v1/chat/completions", body_of(0, 3))
        took = time.monotonic() - begun
        error = json.loads(body)["error"]
        assert status == 502 and "the gateway cannot be reached: " in error["message"] and error["code"] == "connection"
        assert 1 <= took < 4, took


def test_a_wrong_key_is_told_with_a_body(sim, tmp_path):
    keys = [{"name": "alice", "hash": "sha256:" + "0" * 64}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        with LocalTunnel(gateway.address[1], key="hk-wrong-0123456789-abcdef") as tunnel:
            for _ in range(2):
                status, _, body = request(tunnel.address, "POST", "/v1/chat/completions", body_of(0, 3))
                error = json.loads(body)["error"]
                assert status == 401 and error["message"] == "Incorrect API key provided."
                assert error["type"] == "authentication_error"
            assert tunnel.said("refused by ws://") and not tunnel.said("hk-wrong", 0)


@pytest.mark.parametrize("fields, host, status", [
    ([], "localhost:8081", 200), ([], "127.0.0.1", 200), ([], "[::1]:1", 200),
    ([], "evil.example", 403), ([], "127.0.0.1.evil.example:8081", 403), ([], "", 403), (["Host: localhost"], "localhost", 403),
    (["Origin: https://evil.example"], "localhost", 403), (["Origin: null"], "localhost", 403),
    (["Origin: http://localhost:8081"], "localhost", 403), (["Sec-Fetch-Site: cross-site"], "localhost", 403),
    (["Origin: https://app.example"], "localhost", 200), ([], "box.lan:8081", 200)])
def test_web_pages_do_not_reach_the_users_key(keeper, sim, fields, host, status):
    """The local endpoint adds it: a page must come neither by a name of its own nor across origins."""
    with LocalTunnel(keeper.address[1], "--allow-origin", "https://app.example", "--allow-host", "box.lan") as tunnel:
        got = raw(tunnel.address, asked({**body_of(0, 2), "stream": False}, *fields, host=host))
        assert got.split()[1] == str(status).encode(), got
        if status == 403:
            assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["code"] == "permission" and not sim.journal()
        allowed = b"access-control-allow-origin: https://app.example" in got.lower()
        assert allowed == ("Origin: https://app.example" in fields)
        if allowed:
            preflight = raw(tunnel.address, b"OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: "
                            b"https://app.example\r\nAccess-Control-Request-Headers: authorization\r\n\r\n", wait=0.5)
            assert preflight.split()[1] == b"204" and b"Allow-Headers: authorization" in preflight


def test_a_half_closed_client_gets_its_answer_and_a_gone_one_is_cancelled(keeper, sim):
    with LocalTunnel(keeper.address[1], "--heartbeat", "1") as tunnel:
        got = raw(tunnel.address, asked(body_of(0, 20), "x-sim-interval-ms: 20"), wait=5, half_close=True)
        assert b"[DONE]" in got
        client = connect(tunnel.address)
        client.sendall(asked(body_of(1, 1000), "x-sim-interval-ms: 50"))
        while b"data: " not in client.recv(65536):
            pass
        client.close()
        gone = sim.settled(lambda journal: len(journal) == 2 and journal[1]["outcome"] == "client_closed")
        assert gone[1]["outcome"] == "client_closed"


def test_a_local_client_that_reads_nothing_costs_a_bounded_amount(keeper, sim):
    """And holds up no other on the same tunnel."""
    with LocalTunnel(keeper.address[1]) as tunnel:
        sleepy = []
        for number in range(20):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(tunnel.address)
            client.sendall(asked(body_of(number, 5_000)))
            sleepy.append(client)
        sim.settled(lambda journal: len(journal) == 20)
        time.sleep(1)
        begun = time.monotonic()
        status, _, body = request(tunnel.address, "POST", "/v1/chat/completions", body_of(99, 50), timeout=30)
        took = time.monotonic() - begun
        status_file = pathlib.Path(f"/proc/{tunnel.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status_file)[1])
        for client in sleepy:
            client.close()
        assert status == 200 and b"[DONE]" in body and took < 10, took
        assert resident < 100 * 1024, f"{resident} KiB"


def test_local_connections_are_counted(keeper):
    with LocalTunnel(keeper.address[1], "--connections-max", "3") as tunnel:
        held = [connect(tunnel.address) for _ in range(3)]
        time.sleep(0.3)
        got = raw(tunnel.address, asked(body_of(0, 2)))
        assert got.split()[1] == b"503" and b"--connections-max" in got
        for one in held:
            one.close()
        time.sleep(0.3)
        assert request(tunnel.address, "POST", "/v1/chat/completions", body_of(0, 2))[0] == 200

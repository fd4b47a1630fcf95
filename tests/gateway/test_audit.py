"""The audit: a record of every decision, that no change and no removal escapes."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.grpc import contract
from support.guard import Guard
from support.http import chat, connect, events, read_until_closed, request
from support.programs import HAWSER, Gateway, Simulator
from support.websocket import WebSocket

PLANTED = "planted-7f3a-content"
PRICES = {"version": "test", "models": {"*": {"input": "1000", "output": "1000"}}}


def key(name, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest(), **more}


def bearer(name, **more):
    return {"authorization": f"Bearer secret-{name}", **more}


class Audited:
    """Gateways that write one log, and what its own command says of it."""

    def __init__(self, tmp_path, stack):
        self.tmp_path, self.stack = tmp_path, stack
        self.folder, self.witness = tmp_path / "audit", tmp_path / "witness"
        self.key_file = tmp_path / "audit.key"
        self.key_file.write_text(self.run("keygen").stdout)
        self.key_file.chmod(0o600)
        self.public = self.run("public-key", self.key_file).stdout.strip()
        self.started = []

    def start(self, **config):
        audit = {"folder": str(self.folder), "key": "${file:" + str(self.key_file) + "}",
                 "witness": str(self.witness), "sign_every": "50ms", "commit_every": "5ms", **config.pop("audit", {})}
        folder = self.tmp_path / f"gateway-{len(self.started)}"
        folder.mkdir()
        self.started.append(self.stack.enter_context(Gateway(folder, audit=audit, **config)))
        return self.started[-1]

    def run(self, *arguments):
        return subprocess.run([HAWSER, "audit", *map(str, arguments)], capture_output=True, text=True)

    def verify(self, *more, witness=True):
        witness = ["--witness", self.witness] if witness and self.witness.exists() else []
        done = self.run("verify", self.folder, "--public-key", self.public, "--json", *witness, *more)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        assert (done.returncode == 0) == (not report["problems"])
        return report

    def records(self, *more):
        done = self.run("show", self.folder, *more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def exchanges(self, count, seconds=20):
        """The records of exchanges, once there are so many: they are written when they are over."""
        end = time.monotonic() + seconds
        while len(found := self.records("--type", "exchange")) < count and time.monotonic() < end:
            time.sleep(0.05)
        assert len(found) == count, [(one["decision"], one.get("reason")) for one in found]
        return found

    def bytes(self):
        paths = [*self.folder.glob("audit-*"), *([self.witness] if self.witness.exists() else [])]
        return b"".join(path.read_bytes() for path in paths)


@pytest.fixture
def audited(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Audited(tmp_path, stack)


def ask(gateway, who="a", content="count: 3", **more):
    headers = {**bearer(who), **more.pop("headers", {})}
    return chat(gateway.address, content, headers=headers, **{"model": "m", **more})


def rich(sim, guard, tmp_path):
    """A configuration in which everything decides."""
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    return {
        "keys": [key("a", tenant="acme", team="red"), key("b", tenant="bound", models=["m"]),
                 key("c", tenant="clinic"), key("d", tenant="poor"), key("e", tenant="slow")],
        "providers": {"sim": sim.provider(tags={"region": "us"}),
                      "dead": {"base_url": "http://127.0.0.1:9/v1", "auth": "none", "tags": {"region": "us"}}},
        "models": {"m": {"targets": [{"provider": "sim"}]}, "n": {"targets": [{"provider": "sim"}]},
                   "fall": {"targets": [{"provider": "dead"}, {"provider": "sim"}]}},
        "residency": [{"name": "eu-only", "tenants": ["clinic"], "require": 'target.region == "eu"'}],
        "rate_limits": [{"name": "per-key", "by": ["key"], "rate": "1/h", "burst": 1, "tenants": ["slow"]}],
        "budgets": [{"name": "poor-budget", "by": ["tenant"], "hard": "0.001", "period": "day"}],
        "ledger": {"path": str(tmp_path / "ledger.db"), "prices": str(tmp_path / "prices.json")},
        "filter": {"rules": [{"name": "words", "keywords": ["Bluebird"], "action": "block"},
                             {"name": "people", "detect": ["email"], "action": "mask"}]},
        "guards": [guard.config()], "cache": {"mode": "auto"},
        "node": {"tags": {"region": "us"}}}


def only(records, **wanted):
    found = [one for one in records if all(one.get(name) == value for name, value in wanted.items())]
    assert len(found) == 1, (wanted, records)
    return found[0]


def test_every_decision_has_its_record(audited, sim, tmp_path):
    """Served, refused for each reason, cached, retried, fallen back, resumed, cancelled, aborted."""
    with Guard(lambda text: ("bomb" not in text, "")) as guard:
        config = rich(sim, guard, tmp_path)
        config["budgets"][0]["tenants"] = ["poor"]
        gateway = audited.start(**config)
        statuses = [
            ask(gateway, content=f"say: {PLANTED}", headers={"x-request-id": "plain"})[0],
            ask(gateway, content="q", temperature=0, headers={"x-request-id": "first"})[0],
            ask(gateway, content="q", temperature=0, headers={"x-request-id": "again"})[0],
            ask(gateway, model="fall", headers={"x-request-id": "fallen"})[0],
            ask(gateway, headers={"x-request-id": "retried", "x-sim-fault": "status:503:retry-after-ms=1",
                                  "x-sim-fault-times": "1", "x-sim-fault-key": "r"})[0],
            ask(gateway, content="say: mail x@example.com", headers={"x-request-id": "masked"})[0],
            chat(gateway.address, PLANTED, headers={"x-request-id": "stranger"})[0],
            ask(gateway, who="wrong-" + PLANTED, headers={"x-request-id": "wrong"})[0],
            ask(gateway, who="b", model="n", headers={"x-request-id": "forbidden"})[0],
            ask(gateway, who="c", headers={"x-request-id": "clinic"})[0],
            ask(gateway, content=f"Bluebird {PLANTED}", headers={"x-request-id": "filtered"})[0],
            ask(gateway, content=f"bomb {PLANTED}", headers={"x-request-id": "guarded"})[0],
            ask(gateway, who="d", headers={"x-request-id": "poor"}, max_tokens=500)[0],
            ask(gateway, who="e", headers={"x-request-id": "once"})[0],
            ask(gateway, who="e", headers={"x-request-id": "twice"})[0],
            ask(gateway, headers={"x-request-id": "broken", "x-sim-fault": "status:500"})[0]]
        assert statuses == [200, 200, 200, 200, 200, 200, 401, 401, 403, 451, 400, 400, 429, 200, 429, 500]
        records = audited.exchanges(len(statuses))
        gateway.stop()
    plain = only(records, request_id="plain")
    assert (plain["tenant"], plain["team"], plain["key"], plain["model"]) == ("acme", "red", "a", "m")
    assert plain["decision"] == "allowed" and plain["status"] == 200 and plain["client"] == "127.0.0.1"
    assert plain["whole"] and plain["output_tokens"] > 0 and plain["cost_nano_usd"] > 0 and plain["candidates"] == 1
    assert plain["tries"] == [{"target": "sim", "tags": plain["tries"][0]["tags"], "address": "127.0.0.1", "status": 200}]
    assert "us" in plain["tries"][0]["tags"]
    assert only(records, request_id="first")["cache"] == "miss"
    again = only(records, request_id="again")
    assert (again["cache"], again["cache_tier"], again["decision"]) == ("hit", "memory", "allowed") and "tries" not in again
    fallen = only(records, request_id="fallen")["tries"]
    assert [(one["target"], one.get("error"), one.get("status")) for one in fallen][-1] == ("sim", None, 200)
    assert fallen[0]["target"] == "dead" and fallen[0]["error"] == "connection" and "address" not in fallen[0]
    assert [one["status"] for one in only(records, request_id="retried")["tries"]] == [503, 200]
    assert {"rule": "people", "in": "prompt", "count": 1} in only(records, request_id="masked")["filter"]
    why = {name: only(records, request_id=name) for name in
           ("stranger", "wrong", "forbidden", "clinic", "filtered", "guarded", "poor", "twice", "broken")}
    assert [(one["decision"], one["reason"], one.get("by"), one.get("name")) for one in why.values()] == [
        ("refused", "authentication", None, None), ("refused", "authentication", None, None),
        ("refused", "permission", None, None), ("refused", "residency", None, None),
        ("refused", "filtered", "filter", "words"), ("refused", "filtered", "guard", "guard"),
        ("refused", "rate_limit", "budget", "poor-budget"), ("refused", "rate_limit", "limit", "per-key"),
        ("failed", "upstream", None, None)]
    assert why["clinic"]["policy"] == "eu-only" and why["stranger"]["model"] == "other"
    report = audited.verify("--stopped")
    assert report["problems"] == [] and report["remarks"] == [] and report["types"]["exchange"] == len(statuses)
    secrets = [PLANTED, "secret-a", "Bluebird", "x@example.com", audited.key_file.read_text().strip()]
    assert [one for one in secrets if one.encode() in audited.bytes()] == []


def stream(gateway, headers="", events_wanted=40, interval=0):
    """A connection on which a stream has begun; what came so far."""
    body = json.dumps({"model": "m", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 5000,
                       "messages": [{"role": "user", "content": f"count: {events_wanted}"}]}).encode()
    connection = connect(gateway.address, timeout=60)
    connection.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}"
                        f"x-sim-interval-ms: {interval}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    return connection


def cut(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def generation_of(head):
    return head.lower().split(b"x-hawser-generation: ")[1].split(b"\r\n")[0].decode()


def test_streams_that_are_whole_cut_resumed_and_cancelled(audited, sim):
    gateway = audited.start(providers={"sim": sim.provider()})
    whole, _ = read_until_closed(stream(gateway, "x-request-id: whole\r\n"))
    gone = stream(gateway, "x-request-id: gone\r\nx-hawser-resumable: 1\r\n", 60, 20)
    got = b""
    while got.count(b"data: ") < 3:
        got += gone.recv(65536)
    cut(gone)
    generation = generation_of(got)
    first = audited.exchanges(2)
    assert only(first, request_id="whole")["whole"] and only(first, request_id="whole")["output_tokens"] == 40
    assert only(first, request_id="gone")["decision"] == "gone" and "whole" not in only(first, request_id="gone")
    assert request(gateway.address, "GET", f"/v1/generations/{generation}/events",
                   headers={"last-event-id": "", "x-request-id": "back"}, timeout=60)[0] == 200
    assert only(audited.exchanges(3), request_id="back")["action"] == "resume"
    end = time.monotonic() + 20
    while not (outcomes := audited.records("--type", "outcome")) and time.monotonic() < end:
        time.sleep(0.05)
    assert [(one["request_id"], one["generation"], one["whole"], one["output_tokens"]) for one in outcomes] == [
        ("gone", generation, True, 60)]
    stopped = stream(gateway, "x-request-id: stopped\r\n", 2000, 20)
    got = b""
    while got.count(b"data: ") < 3:
        got += stopped.recv(65536)
    generation = generation_of(got)
    assert request(gateway.address, "POST", f"/v1/generations/{generation}/cancel", headers={"x-request-id": "cancel"})[0] == 200
    read_until_closed(stopped)
    records = audited.exchanges(5)
    assert only(records, request_id="cancel")["action"] == "cancel"
    assert only(records, request_id="cancel")["generation"] == generation
    gateway.stop()
    assert audited.verify("--stopped")["problems"] == []
    # Proofs stand alone.
    proof = audited.run("prove", audited.folder, "--gen", generation, "--public-key", audited.public)
    assert proof.returncode == 0 and len(proof.stdout.splitlines()) >= 2
    file = audited.tmp_path / "proof.json"
    file.write_text(proof.stdout)
    assert audited.run("check-proof", file, "--public-key", audited.public).returncode == 0
    file.write_text(proof.stdout.replace('"allowed"', '"refused"'))
    assert audited.run("check-proof", file, "--public-key", audited.public).returncode == 1


def test_every_transport_has_its_records(audited, sim):
    import grpc
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    gateway = audited.start(providers={"sim": sim.provider()}, keys=[key("a", tenant="acme")], listen=listen)
    assert WebSocket(gateway.address, "/v1/chat", {"authorization": "Bearer wrong"}).status == 401
    socket_ = WebSocket(gateway.address, "/v1/chat", bearer("a"))
    question = {"model": "m", "messages": [{"role": "user", "content": "count: 3"}]}
    socket_.send(question)
    while socket_.receive() != "[DONE]":
        continue
    pb, rpc = contract()
    with grpc.insecure_channel(gateway.urls[1].split("//")[1]) as channel:
        asked = pb.GenerateRequest(model="m", max_tokens=20, messages=[pb.Message(role="user", content="count: 3")])
        assert rpc.LlmStub(channel).Generate(asked, metadata=[("authorization", "Bearer secret-a")]).text
        with pytest.raises(grpc.RpcError):
            rpc.LlmStub(channel).Generate(asked)
    records = audited.exchanges(2)
    assert [one["decision"] for one in records] == ["allowed", "allowed"]
    assert [one["whole"] for one in records] == [True, True]
    refused = audited.records("--type", "refused_connection")
    assert sorted(one["what"] for one in refused) == ["grpc", "websocket"]
    gateway.stop()
    assert audited.verify("--stopped")["problems"] == []


def test_both_calls_of_a_continued_stream_are_told(audited, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"path": "chat", "nth": 1, "fault": "reset:after-events=12", "tokens": 40}, {"tokens": 40}]))
    with Simulator("--script", script) as sim:
        gateway = audited.start(providers={"sim": sim.provider(prefill="prefix")})
        status, _, body = ask(gateway, content="What is a hawser?", stream=True)
        assert status == 200 and events(body)[-1] == "[DONE]" and len(sim.journal()) == 2
    [record] = audited.exchanges(1)
    assert [one["status"] for one in record["tries"]] == [200, 200] and record["whole"]


def test_nothing_done_to_the_files_escapes(audited, sim):
    """Bytes, lines and whole segments of a log that a gateway wrote, by the command."""
    gateway = audited.start(providers={"sim": sim.provider()}, audit={"segment_max": "8KiB", "strict_tenants": ["*"]})
    for number in range(60):
        assert ask(gateway, seed=number)[0] == 200
    audited.exchanges(60)
    gateway.stop()
    good = audited.verify("--stopped")
    assert good["problems"] == [] and good["segments"] >= 3
    segments = sorted(audited.folder.glob("audit-*.log"))
    chance, looked, missed = random.Random(5), 0, []

    def look(what, *more):
        nonlocal looked
        looked += 1
        if not audited.verify(*more)["problems"]:
            missed.append(what)
    for segment in segments:
        was = segment.read_bytes()
        lines = was.splitlines(keepends=True)
        for at in [0, 1, 64, 65, len(was) - 1, *chance.sample(range(len(was)), 6)]:
            segment.write_bytes(was[:at] + bytes([was[at] ^ 1]) + was[at + 1:])
            look(f"{segment.name} byte {at}")
        at = chance.randrange(1, len(lines) - 1)
        for name, changed in {"removed": lines[:at] + lines[at + 1:], "doubled": lines[:at] + lines[at:at + 1] + lines[at:],
                              "swapped": lines[:at - 1] + [lines[at], lines[at - 1]] + lines[at + 1:]}.items():
            segment.write_bytes(b"".join(changed))
            look(f"{segment.name} line {at} {name}")
        segment.write_bytes(was[:-len(lines[-1])])
        look(f"{segment.name} end")
        segment.unlink()
        look(f"{segment.name} whole")
        segment.write_bytes(was)
    assert audited.verify("--stopped")["problems"] == []
    print(f"\n{looked} changes and removals, {len(missed)} not found")
    assert missed == []
    other = audited.run("public-key", "-")  # no key at all is an error, not a pass
    assert other.returncode == 1
    wrong = audited.run("verify", audited.folder, "--public-key", "11" * 32)
    assert wrong.returncode == 1 and "not trusted" in wrong.stdout


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(audited, sim):
    """Strict: who has the answer has a record on the disk. The chain goes on, and says what was."""
    config = {"providers": {"sim": sim.provider()}, "audit": {"strict_tenants": ["*"]}}
    answered, lock = [], threading.Lock()
    for turn in range(3):
        gateway = audited.start(**config)

        def load(worker):
            for number in range(10_000):
                name = f"k{turn}-{worker}-{number}"
                try:
                    if ask(gateway, headers={"x-request-id": name}, timeout=20)[0] != 200:
                        return
                except OSError:
                    return
                except Exception:
                    return
                with lock:
                    answered.append(name)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for worker in range(8):
                pool.submit(load, worker)
            end = time.monotonic() + 60
            while sum(name.startswith(f"k{turn}") for name in list(answered)) < 100 and time.monotonic() < end:
                time.sleep(0.01)
            os.kill(gateway.process.pid, signal.SIGKILL)
    segment = sorted(audited.folder.glob("audit-*.log"))[-1]
    with open(segment, "ab") as file:
        file.write(b"00ab {\"seq\":9")  # as a write that came half to the disk
    gateway = audited.start(**config)
    assert ask(gateway)[0] == 200
    gateway.stop()
    report = audited.verify("--stopped")
    assert report["problems"] == [], report
    assert any("cut short" in remark for remark in report["remarks"])
    assert [one["after"] for one in audited.records("--type", "segment")] == ["begin", "crash", "crash", "crash"]
    assert '"audit"' in gateway.err and "did not end by a stop" in gateway.err
    decided = {one["request_id"] for one in audited.records("--type", "decision")}
    lost = [name for name in answered if name not in decided]
    print(f"\n{len(answered)} answers before three kill -9, {len(lost)} without a record")
    assert len(answered) >= 300 and lost == []


@pytest.mark.parametrize("rule", ["continue", "refuse"])
def test_a_full_disk(audited, sim, rule):
    audited.folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(audited.folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        filler = audited.folder / "filler"
        gateway = audited.start(providers={"sim": sim.provider()},
                                audit={"on_failure": rule, "queue_max": "8KiB", "witness": ""})
        assert ask(gateway)[0] == 200
        audited.exchanges(1)
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            for _ in range(200):
                file.write(b"x" * 1024)
        statuses = []
        end = time.monotonic() + 30
        while gateway.metric("hawser_audit_errors_total") == 0 and time.monotonic() < end:
            statuses.append(ask(gateway)[0])
        statuses += [ask(gateway)[0] for _ in range(40)]
        metrics = gateway.metrics()
        assert metrics["hawser_audit_waiting_bytes"] > 0 and metrics["hawser_audit_lag_seconds"] > 0
        if rule == "continue":
            assert set(statuses) == {200} and metrics["hawser_audit_dropped_total"] > 0
        else:
            assert set(statuses) <= {200, 503} and statuses[-40:] == [503] * 40
            assert metrics["hawser_audit_dropped_total"] == 0 and metrics["hawser_audit_refused_total"] >= 40
        filler.unlink()
        assert gateway.metric_becomes("hawser_audit_waiting_bytes", 0, seconds=20)
        while ask(gateway)[0] != 200:  # serving again
            assert time.monotonic() < end + 60
            time.sleep(0.05)
        gateway.stop()
        report = audited.verify("--stopped")
        assert report["problems"] == []
        gaps = audited.records("--type", "gap")
        wanted = "dropped" if rule == "continue" else "refused"
        assert sum(one[wanted] for one in gaps) >= metrics[f"hawser_audit_{wanted}_total"] > 0
    finally:
        audited.stack.close()
        subprocess.run(["umount", str(audited.folder)], check=True)


def test_strict_tenants_get_no_answer_without_a_record(audited, sim):
    audited.folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(audited.folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        keys = [key("a", tenant="acme"), key("b", tenant="bank")]
        gateway = audited.start(providers={"sim": sim.provider()}, keys=keys, audit={
            "strict_tenants": ["bank"], "on_failure": "refuse", "content_hashes": True, "witness": ""})
        assert ask(gateway, "b", headers={"x-request-id": "b1"})[0] == 200
        decision = only(audited.records("--type", "decision"), request_id="b1")  # before the answer
        assert decision["decision"] == "allowed" and len(decision["asked_hmac"]) == 64
        assert ask(gateway, "a", headers={"x-request-id": "a1"})[0] == 200
        assert ask(gateway, "a", headers={"x-request-id": "a2"})[0] == 200
        records = audited.exchanges(3)
        assert only(records, request_id="a1")["asked_hmac"] == only(records, request_id="a2")["asked_hmac"]
        with contextlib.suppress(OSError), open(audited.folder / "filler", "wb", buffering=0) as file:
            for _ in range(200):
                file.write(b"x" * 1024)
        end = time.monotonic() + 30
        while (status := ask(gateway, "b")[0]) == 200 and time.monotonic() < end:
            continue  # what fits the last block still fits
        assert status == 503
    finally:
        audited.stack.close()
        subprocess.run(["umount", str(audited.folder)], check=True)


def test_admin_actions_and_reloads(audited, sim):
    gateway = audited.start(providers={"sim": sim.provider()}, models={"m": {"targets": [{"provider": "sim"}]}})
    assert ask(gateway)[0] == 200
    admin = ("127.0.0.1", int(gateway.admin.rsplit(":", 1)[1]))
    assert request(admin, "POST", "/admin/v1/cache/purge?tenant=x")[0] == 200
    assert request(admin, "POST", "/admin/v1/policy/explain", {"model": "m"})[0] == 200
    config = json.loads(gateway.file.read_text())
    gateway.write({**config, "keys": [key("a")]})
    assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
    end = time.monotonic() + 20
    while ask(gateway, "nobody")[0] != 401:
        assert time.monotonic() < end
    gateway.write({name: value for name, value in config.items() if name != "audit"})  # nobody turns it off unseen
    assert gateway.settled_metric('hawser_config_reloads_total{result="failed"}', 1) == 1
    gateway.file.write_text("listen: [")
    assert gateway.settled_metric('hawser_config_reloads_total{result="failed"}', 2) >= 2
    gateway.stop()
    actions = [one["action"] for one in audited.records("--type", "admin")]
    assert actions[:4] == ["start", "cache_purge", "policy_explain", "reload"] and "reload_refused" in actions
    refused = [one for one in audited.records("--type", "exchange") if one.get("reason") == "authentication"]
    assert refused and all(one["configuration"] == 2 for one in refused)
    assert audited.verify("--stopped")["problems"] == []


def test_a_witness_that_is_away_gets_the_roots_later(audited, sim):
    away = audited.tmp_path / "away"
    audited.witness = away / "roots"
    gateway = audited.start(providers={"sim": sim.provider()}, audit={"witness": str(audited.witness)})
    assert ask(gateway)[0] == 200
    assert gateway.settled_metric("hawser_audit_witness_errors_total", 1, seconds=20) >= 1
    assert gateway.metric("hawser_audit_errors_total") == 0
    away.mkdir()
    assert ask(gateway)[0] == 200
    gateway.stop()
    report = audited.verify("--stopped")
    assert report["problems"] == [] and len(audited.witness.read_text().split()) >= 2 * report["roots"]
    segment = next(audited.folder.glob("audit-*.log"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:2]))
    assert any("taken away" in problem for problem in audited.verify()["problems"])
    assert audited.verify(witness=False)["problems"] == []  # the log alone cannot know


def test_it_is_read_while_it_is_written(audited, sim):
    gateway = audited.start(providers={"sim": sim.provider()})
    ended = threading.Event()

    def load():
        while not ended.is_set():
            ask(gateway)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    reports = [audited.verify("--live", witness=False) for _ in range(10)]
    ended.set()
    for thread in threads:
        thread.join()
    assert all(report["problems"] == [] for report in reports) and reports[-1]["lines"] > reports[0]["lines"]


@pytest.mark.parametrize("audit,word", [({"folder": "x"}, "audit.key"), ({"folder": "x", "key": "short"}, "32 bytes"),
                                        ({"key": "a" * 64}, "audit.folder"),
                                        ({"folder": "x", "key": "a" * 64, "on_failure": "panic"}, "on_failure")])
def test_broken_configurations_are_told(tmp_path, audit, word):
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "audit": audit,
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}}))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stdout + done.stderr


def test_the_example_is_sound(audited):
    text = (pathlib.Path(__file__).parents[2] / "examples/audit.yaml").read_text()
    file = audited.tmp_path / "example.yaml"
    file.write_text(text.replace("/run/secrets/hawser-audit", str(audited.key_file)))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True,
                          env={**os.environ, "OPENAI_API_KEY": "sk-test"})
    assert done.returncode == 0, done.stdout + done.stderr

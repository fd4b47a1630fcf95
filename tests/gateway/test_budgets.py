"""Budgets and the ledger: money in exact amounts, a row for every attempt, whatever became of it."""
import concurrent.futures
import contextlib
import hashlib
import http.server
import json
import os
import signal
import socket
import sqlite3
import threading
import time

import pytest

from support.http import chat, connect, request
from support.programs import Gateway, Simulator

PRICES = {"version": "test", "models": {"m": {"input": "1000", "output": "1000", "cached": "0"},
                                        "cheap": {"input": "1", "output": "2"}}}  # $ a million tokens


@pytest.fixture
def kept(sim, tmp_path):
    """A gateway that keeps a ledger."""
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    with contextlib.ExitStack() as stack:
        def start(**config):
            config.setdefault("providers", {"sim": sim.provider()})
            config["ledger"] = {"path": str(tmp_path / "ledger.db"), "prices": str(tmp_path / "prices.json"),
                                **config.get("ledger", {})}
            return stack.enter_context(Gateway(tmp_path, **config))
        start.path = tmp_path / "ledger.db"
        yield start


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute("SELECT * FROM attempts ORDER BY id")]


def written(gateway, count):
    assert gateway.settled_metric("hawser_ledger_rows_total", count) >= count
    return True


def ask(gateway, model="m", headers=None, **members):
    body = {"model": model, "messages": [{"role": "user", "content": "What is a hawser?"}], **members}
    return request(gateway.address, "POST", "/v1/chat/completions", body, headers)


def key(name, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest(), **more}


def test_a_row_for_every_attempt(kept, sim, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"fault": "status:503:retry-after-ms=1"}]))
    with Simulator("--script", script) as broken:
        models = {"m": {"targets": [{"provider": "broken", "model": "cheap"}, {"provider": "sim"}]}}
        gateway = kept(providers={"broken": broken.provider(), "sim": sim.provider()}, models=models,
                       keys=[key("a", tenant="acme", team="red")])
        answer = ask(gateway, headers={"authorization": "Bearer secret-a"}, user="u'1")
        usage = json.loads(answer[2])["usage"]
        assert answer[0] == 200 and written(gateway, 2)
    got = rows(kept.path)
    assert [(row["attempt"], row["provider"], row["outcome"], row["cost_nano_usd"] > 0) for row in got] == [
        (1, "broken", "overloaded", False), (2, "sim", "done", True)]
    last = got[-1]
    assert (last["tenant"], last["team"], last["key"], last["user"], last["model"]) == ("acme", "red", "a", "u'1", "m")
    assert last["upstream_model"] == "m" and last["source"] == "provider" and last["price_version"].startswith("test+")
    assert (last["input"], last["output"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert last["cost_nano_usd"] == 1_000_000 * usage["total_tokens"]
    metric = 'hawser_cost_usd_total{gen_ai_request_model="m",gen_ai_provider_name="sim"}'
    assert gateway.metric(metric) == pytest.approx(last["cost_nano_usd"] / 1e9)


def test_streams_without_usage_are_counted_and_broken_ones_paid_for(kept, sim):
    gateway = kept(retry={"continuation": False})
    ask(gateway, stream=True)
    ask(gateway, stream=True, max_tokens=200, headers={"x-sim-fault": "reset:after-events=10"})
    connection = connect(gateway.address)
    body = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"x-sim-interval-ms: 30\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    connection.recv(100)
    cancelled = request(gateway.address, "GET", "/v1/models")  # the worker goes on meanwhile
    assert cancelled[0] == 200
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    assert written(gateway, 3)
    whole, broken, gone = rows(kept.path)
    assert whole["source"] == "provider" and whole["outcome"] == "done" and 20 <= whole["output"] <= 60  # asked for it
    # Ten words were seen; what the model may have thought is bound by what was reserved.
    assert broken["outcome"] == "aborted" and broken["source"] == "estimated"
    assert 10 <= broken["output"] <= 200 and broken["cost_nano_usd"] > 0
    assert gone["output"] > 20  # it lingered to its end: that is what it cost


def test_a_budget_is_not_overshot_by_parallel_requests(kept, sim, figure):
    """1,000 at its edge: each costs exactly 30 tokens, and there is room for 33 of them."""
    gateway = kept(budgets=[{"name": "b", "period": "day", "hard": "1"}],
                   models={"m": {"targets": [{"provider": "sim"}]}}, workers=2)

    def one(number):
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, "seed": number}
        return request(gateway.address, "POST", "/v1/chat/completions", body)
    first = one(0)
    cost = json.loads(first[2])["usage"]["total_tokens"] / 1000  # dollars
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        statuses = [status for status, _, _ in pool.map(one, range(1, 1001))]
    assert set(statuses) == {200, 429}
    spent = sum(row["cost_nano_usd"] for row in rows(kept.path) if written(gateway, statuses.count(200) + 1)) / 1e9
    assert spent == pytest.approx(cost * (statuses.count(200) + 1))
    assert spent <= 1 and spent > 1 - 2 * 0.04
    status, headers, body = one(1002)
    assert status == 429 and headers["x-should-retry"] == "false" and '\\"b\\"' in body.decode()
    assert gateway.metric("hawser_budget_refused_total") == statuses.count(429) + 1
    figure(f"1,000 parallel requests on a budget of $1: {statuses.count(200)} passed, ${spent:.3f} spent")


@pytest.mark.parametrize("dimension", ["address", "key", "user", "team", "tenant", "model", "target"])
def test_budgets_by_every_dimension(kept, sim, dimension):
    """Two that differ in this alone have a budget each, a day and a month; it outlives a kill."""
    keys = [key("a", tenant="t1", team="x"), key("b", tenant="t1" if dimension == "key" else "t2",
                                                 team="x" if dimension == "key" else "y")]
    budgets = [{"name": "day", "by": [dimension], "period": "day", "hard": "0.05"},
               {"name": "month", "by": [dimension], "period": "month", "hard": "0.06"}]
    models = {name: {"targets": [{"provider": "sim", "model": "m" if dimension != "target" else name}]}
              for name in ("m", "m-2")}
    config = dict(budgets=budgets, keys=keys, models=models, retry={"attempts_max": 1},
                  admission={"trusted_proxies": ["127.0.0.0/8"]})
    (kept.path.parent / "prices.json").write_text(json.dumps(
        {"version": "test", "models": {"m*": {"input": "1000", "output": "1000"}}}))
    gateway = kept(**config)

    def spend(who):
        other = who == "other"
        name = "b" if other and dimension in ("key", "team", "tenant") else "a"
        headers = {"authorization": f"Bearer secret-{name}",
                   "x-forwarded-for": "192.0.2.2" if other and dimension == "address" else "192.0.2.1"}
        model = "m-2" if other and dimension in ("model", "target") else "m"
        user = "u2" if other and dimension == "user" else "u1"
        return ask(gateway, model, headers, user=user, max_tokens=10)[0]
    first = [spend("one") for _ in range(8)]
    assert first[0] == 200 and first[-1] == 429 and spend("other") == 200
    assert written(gateway, first.count(200) + 1)
    if dimension == "address":
        assert {row["address"] for row in rows(kept.path)} == {"192.0.2.1", "192.0.2.2"}
    else:
        assert {row["address"] for row in rows(kept.path)} == {""}
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    gateway = kept(**config)
    assert spend("one") == 429 and spend("other") == 200


def test_a_fallback_that_costs_more_takes_what_it_costs(kept, sim, tmp_path):
    """The first target is cheap and broken. What the second one costs is in the budget before it is asked."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"fault": "status:500"}] * 20))
    with Simulator("--script", script) as broken:
        models = {"m": {"targets": [{"provider": "broken", "model": "cheap"}, {"provider": "sim", "model": "m"}]}}
        gateway = kept(providers={"broken": broken.provider(), "sim": sim.provider()}, models=models,
                       budgets=[{"name": "b", "hard": "0.1"}])
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(lambda _: ask(gateway, max_tokens=20, headers={"x-sim-latency-ms": "200"})[0], range(10)))
        asked = len(sim.journal())
        assert 1 <= asked <= 3 and statuses.count(200) == asked  # of some 30 tokens at 0.001 each
        assert statuses.count(500) == 10 - asked
        assert written(gateway, 10 + asked)
        assert sum(row["cost_nano_usd"] for row in rows(kept.path)) <= 100_000_000


def test_what_grows_beyond_its_estimate_is_in_the_budget_meanwhile(kept, sim):
    gateway = kept(budgets=[{"name": "b", "hard": "0.5", "reserve": "usual"}], admission={"output_tokens": 10},
                   models={"m": {"targets": [{"provider": "sim"}]}})
    connection = connect(gateway.address)
    body = json.dumps({"model": "m", "stream": True, "max_tokens": 3000,
                       "messages": [{"role": "user", "content": "count: 2000"}]}).encode()
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"x-sim-interval-ms: 1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    seen = b""
    while seen.count(b"data:") < 700:
        seen += connection.recv(65536)
    status, _, answer = ask(gateway, max_tokens=1)
    assert status == 429 and b"budget" in answer
    connection.close()


def test_plain_answers_without_usage_are_estimated_by_their_length(kept):
    class Silent(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            text = json.dumps({"object": "chat.completion", "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 400}}]})
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = kept(providers={"silent": {"base_url": f"http://127.0.0.1:{server.server_port}/v1"}})
    assert ask(gateway)[0] == 200 and written(gateway, 1)
    row = rows(kept.path)[0]
    assert row["source"] == "estimated" and 300 <= row["output"] <= 700 and row["cost_nano_usd"] > 0
    server.shutdown()


def test_budgets_by_tenant_and_their_soft_limit(kept, sim):
    keys = [key("a", tenant="t1"), key("b", tenant="t2")]
    gateway = kept(budgets=[{"name": "each", "by": ["tenant"], "hard": "0.1", "soft": "0.03"}], keys=keys)

    def spend(name):
        return ask(gateway, max_tokens=10, headers={"authorization": f"Bearer secret-{name}"})
    answers = [spend("a") for _ in range(12)]
    assert answers[0][0] == 200 and answers[-1][0] == 429 and spend("b")[0] == 200
    warned = [("x-hawser-budget-warning" in headers) for _, headers, _ in answers]
    assert warned[0] is False and warned[4] is True


def test_what_was_spent_survives_a_kill(kept, sim):
    budgets = [{"name": "each", "by": ["key"], "hard": "0.2"}]
    gateway = kept(budgets=budgets)
    while ask(gateway, max_tokens=20)[0] == 200:
        continue
    answered = sum(1 for entry in sim.journal() if entry["outcome"] == "complete")
    time.sleep(0.1)
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait()
    assert len(rows(kept.path)) == answered
    again = kept(budgets=budgets)
    assert ask(again, max_tokens=20)[0] == 429


def test_a_ledger_that_cannot_be_written_stops_nobody(kept, sim):
    gateway = kept()
    assert ask(gateway)[0] == 200 and written(gateway, 1)
    holder = sqlite3.connect(kept.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert all(ask(gateway)[0] == 200 for _ in range(5))
    assert gateway.settled_metric("hawser_ledger_waiting", 5) == 5
    holder.execute("COMMIT")
    holder.close()
    assert gateway.settled_metric("hawser_ledger_rows_total", 6, seconds=10) == 6
    assert len(rows(kept.path)) == 6


def test_the_sum_of_the_ledger_is_the_providers_invoice(kept, sim, figure):
    """Mixed requests with drops, cancels and failures: not a token more or less than was told."""
    gateway = kept(cache={"mode": "auto"}, generations={"on_disconnect": "finish"})
    faults = [{}, {}, {}, {"x-sim-fault": "status:500"}, {"x-sim-fault": "status:429"}]
    invoiced = 0

    def one(number):
        options = {"stream": True, "stream_options": {"include_usage": True}} if number % 2 else {}
        members = {"temperature": 0, "seed": number // 20} if number % 5 == 0 else {"temperature": 1}
        return chat(gateway.address, f"count: {number % 17 + 1}", headers=faults[number % len(faults)], **options, **members)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(300)))
    for entry in sim.journal():
        if entry["status"] == 200:
            body = json.loads(entry["body"])
            invoiced += int(body["messages"][0]["content"].split()[1])
    assert written(gateway, len(sim.journal()))
    got = rows(kept.path)
    assert len(got) == len(sim.journal())
    assert sum(row["output"] for row in got) == invoiced
    figure(f"{len(got)} attempts, {invoiced:,} tokens in the ledger and on the invoice: the difference is 0")


@pytest.mark.parametrize("config,word", [
    ({"budgets": [{"name": "b"}]}, "budgets[0].hard"), ({"budgets": [{"name": "b", "hard": "lots"}]}, "US dollars"),
    ({"budgets": [{"name": "b", "hard": "1", "by": ["addres"]}]}, "address"),
    ({"ledger": {"prices": "/nowhere"}}, "ledger.prices")])
def test_broken_budgets_are_told(tmp_path, config, word):
    import subprocess
    from support.programs import HAWSER
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}],
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}, **config}))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stdout + done.stderr

"""Budgets and the ledger: money in exact amounts, a row for every attempt, whatever became of it."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import signal
import socket
import sqlite3
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
    ask(gateway, stream=True, headers={"x-sim-fault": "reset:after-events=10"})
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
    assert whole["source"] == "counted" and whole["outcome"] == "done" and 20 <= whole["output"] <= 60
    assert broken["outcome"] == "aborted" and 5 <= broken["output"] <= 12 and broken["cost_nano_usd"] > 0
    assert gone["output"] > 20  # it lingered to its end: that is what it cost


def test_a_budget_is_not_overshot_by_parallel_requests(kept, sim):
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


def test_the_sum_of_the_ledger_is_the_providers_invoice(kept, sim):
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


@pytest.mark.parametrize("config,word", [
    ({"budgets": [{"name": "b"}]}, "budgets[0].hard"), ({"budgets": [{"name": "b", "hard": "lots"}]}, "US dollars"),
    ({"budgets": [{"name": "b", "hard": "1", "by": ["address"]}]}, "by[0]"),
    ({"ledger": {"prices": "/nowhere"}}, "ledger.prices")])
def test_broken_budgets_are_told(tmp_path, config, word):
    import subprocess
    from support.programs import HAWSER
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}],
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}, **config}))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stdout + done.stderr

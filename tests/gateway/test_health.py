"""Targets that fail, name a time or are slow: who is asked, and who is not."""
import concurrent.futures
import contextlib
import json
import time
import urllib.request

import pytest

from support.http import chat, events
from support.programs import Gateway, Simulator
from support.scripted import Scripted, whole


@contextlib.contextmanager
def simulators(tmp_path, *rules):
    """One simulated provider for each list of rules."""
    with contextlib.ExitStack() as stack:
        sims = []
        for number, script in enumerate(rules):
            file = tmp_path / f"script-{number}.json"
            file.write_text(json.dumps(script))
            sims.append(stack.enter_context(Simulator("--script", file) if script else Simulator()))
        yield sims


def gateway_of(tmp_path, sims, model=None, providers=None, **config):
    names = [f"p{number}" for number in range(len(sims))]
    providers = providers or [{} for _ in sims]
    config.setdefault("timeouts", {"connect": "1s", "first_token": "1s", "plain_answer": "1s", "stall": "1s", "total": "20s"})
    return Gateway(tmp_path, workers=1,
                   providers={name: sim.provider(**extra) for name, sim, extra in zip(names, sims, providers)},
                   models={"m": {"targets": [{"provider": name} for name in names], **(model or {})}}, **config)


def targets_of(gateway):
    with urllib.request.urlopen(f"{gateway.admin}/admin/v1/targets", timeout=10) as answer:
        return {one["target"]: one for one in json.load(answer)["targets"]}


def ask(gateway, **options):
    return chat(gateway.address, model="m", **options)


def test_nobody_asks_a_key_that_named_a_time(tmp_path):
    with simulators(tmp_path, [{"fault": "status:429:retry-after=60"}], []) as sims, \
            gateway_of(tmp_path, sims) as gateway:
        statuses = {ask(gateway)[0] for _ in range(50)}
        benched = len(sims[0].journal()) - 1
        state = targets_of(gateway)["p0"]
        print(f"\nrequests to a benched key: {benched}")
        assert statuses == {200} and benched == 0
        assert state["state"] == "cold" and state["why"] == "rate_limit" and 0 < state["for_ms"] <= 60_000
        assert gateway.metric('hawser_target_up{target="p0"}') == 0


@pytest.mark.parametrize("fault,why", [("status:401", "credential"), ("status:402", "credential"),
                                       ("status:500", "breaker"), ("reset:before-head", "breaker")])
def test_one_that_fails_is_left_alone(tmp_path, fault, why):
    with simulators(tmp_path, [{"fault": fault}], []) as sims, \
            gateway_of(tmp_path, sims, retry={"budget_percent": 100}, health={"pause": "10m", "pause_max": "10m"}) as gateway:
        statuses = {ask(gateway)[0] for _ in range(30)}
        assert statuses == {200}
        assert len(sims[0].journal()) == (1 if why == "credential" else 5)
        assert targets_of(gateway)["p0"]["why"] == why


@pytest.mark.parametrize("words", ["Incorrect API key provided", "insufficient_quota", "invalid_api_key", "API_KEY_INVALID"])
def test_words_of_a_prompt_that_come_back_condemn_no_credential(tmp_path, words):
    """Providers repeat wrong values in their messages; only what a client cannot write there is believed."""
    error = {"error": {"message": f"Invalid value: '{words}'.", "type": "invalid_request_error", "code": "invalid_value"}}

    def script(connection, _):
        connection.sendall(whole(error, status="400 Bad Request"))

    with Scripted(script) as first, Scripted(script) as second, \
            Gateway(tmp_path, providers={"a": first.provider(), "b": second.provider()},
                    models={"sim-large": {"targets": [{"provider": "a"}, {"provider": "b"}]}}) as gateway:
        for _ in range(3):
            assert chat(gateway.address, response_format={"type": words})[0] == 400
        assert "cold" not in {target["state"] for target in targets_of(gateway).values()}, targets_of(gateway)


def test_one_that_is_not_there_is_left_alone(tmp_path, sim):
    with Simulator() as gone:
        dead = gone.provider()
    with Gateway(tmp_path, workers=1, providers={"p0": dead, "p1": sim.provider()},
                 models={"m": {"targets": [{"provider": "p0"}, {"provider": "p1"}]}},
                 retry={"budget_percent": 100}) as gateway:
        assert {ask(gateway)[0] for _ in range(20)} == {200}
        assert targets_of(gateway)["p0"]["why"] == "connection"
        assert gateway.metric("hawser_fallbacks_total") == 5


def test_one_that_is_well_again_is_found(tmp_path):
    rules = [{"times": 5, "fault": "status:500"}]
    with simulators(tmp_path, rules, []) as sims, \
            gateway_of(tmp_path, sims, retry={"budget_percent": 100}, health={"pause": "200ms", "slow_start": "0ms"}) as gateway:
        for _ in range(8):
            assert ask(gateway)[0] == 200
        end = time.monotonic() + 10
        while targets_of(gateway)["p0"]["state"] != "warm" and time.monotonic() < end:
            time.sleep(0.05)
        assert ask(gateway)[1]["x-hawser-target"] == "p0"
        assert ask(gateway)[1]["x-hawser-target"] == "p0"


def test_where_all_named_a_time_one_waits_for_the_first(tmp_path):
    rules = [{"times": 1, "fault": "status:429:retry-after-ms=600"}]
    with simulators(tmp_path, rules, [{"times": 1, "fault": "status:429:retry-after=50"}]) as sims, \
            gateway_of(tmp_path, sims, retry={"attempts_max": 2}) as gateway:
        assert ask(gateway)[0] == 429
        begun = time.monotonic()
        status, headers, _ = ask(gateway)
        assert status == 200 and headers["x-hawser-target"] == "p0" and time.monotonic() - begun > 0.3


def test_where_that_is_too_long_the_time_is_told(tmp_path):
    long = [{"fault": "status:429:retry-after=50"}]
    with simulators(tmp_path, long, long) as sims, \
            gateway_of(tmp_path, sims, retry={"attempts_max": 2}) as gateway:
        assert ask(gateway)[0] == 429
        calls = len(sims[0].journal()) + len(sims[1].journal())
        status, headers, body = ask(gateway)
        assert status == 429 and 40 < float(headers["retry-after"]) <= 50
        assert "limits" in json.loads(body)["error"]["message"]
        assert len(sims[0].journal()) + len(sims[1].journal()) == calls, "nobody was asked"


def test_resilience_one_healthy_of_three(tmp_path):
    """Two of three targets fail in every way there is; next to nothing of it reaches a client."""
    faults = ["status:429", "status:429:retry-after-ms=100", "status:529", "error-event:0", "stall:after-events=0",
              "reset:before-head", "slow-first-token:3000", "garbage-head", "status:500", "empty-stream"]
    rules = [{"nth": n + 1, "fault": fault} for n, fault in enumerate(faults * 40)]
    count = 1_000
    with simulators(tmp_path, rules, rules[5:] + rules[:5], []) as sims, \
            gateway_of(tmp_path, sims, timeouts={"first_token": "300ms", "plain_answer": "300ms", "stall": "300ms"},
                       retry={"budget_percent": 100}) as gateway:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask(gateway, stream=True), range(count)))
        whole = sum(status == 200 and events(body)[-1] == "[DONE]" for status, _, body in answers)
        calls = sum(len(sim.journal()) for sim in sims)
        print(f"\nwhole: {whole / count:.2%} of {count}, {calls / count:.3f} calls a request")
        assert whole >= 0.999 * count


def test_resilience_amplification_where_all_fail(tmp_path):
    fails = [{"fault": "status:500"}]
    count = 300
    with simulators(tmp_path, fails, fails, fails) as sims, \
            gateway_of(tmp_path, sims, retry={"budget_per_second": 0}) as gateway:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert {status for status, _, _ in pool.map(lambda _: ask(gateway), range(count))} == {500}
        calls = sum(len(sim.journal()) for sim in sims)
        print(f"\ncalls a request where all targets fail: {calls / count:.3f}")
        assert calls <= 1.2 * count


def test_the_faster_one_is_asked_more(tmp_path):
    with simulators(tmp_path, [{"latency-ms": 80}], []) as sims, \
            gateway_of(tmp_path, sims, model={"balance": "latency"}) as gateway:
        for _ in range(60):
            assert ask(gateway)[0] == 200
        slow, fast = (len(sim.journal()) for sim in sims)
        print(f"\nasked: {slow} the slow one, {fast} the fast one")
        assert slow + fast == 60 and slow < 15


def test_nearness_comes_before_latency(tmp_path):
    """The slow target of this region, not the fast one of another."""
    here = {"tags": {"region": "eu"}}
    there = {"tags": {"region": "us"}}
    with simulators(tmp_path, [{"latency-ms": 40}], []) as sims, \
            gateway_of(tmp_path, sims, model={"balance": "latency"}, providers=[here, there],
                       node={"tags": {"region": "eu"}}) as gateway:
        for _ in range(10):
            assert ask(gateway)[0] == 200
        assert len(sims[1].journal()) == 0


SLOW = [{"nth": n, "first-token-ms": 3_000} for n in range(60, 400, 50)]


def first_tokens(gateway, count):
    """Seconds to the whole (short) answer, one after the other."""
    took = []
    for _ in range(count):
        begun = time.monotonic()
        status, _, body = ask(gateway, stream=True)
        took.append(time.monotonic() - begun)
        assert status == 200 and events(body)[-1] == "[DONE]"
    return sorted(took)


def test_hedge_cuts_the_tail(tmp_path):
    count = 200
    limits = {"timeouts": {"first_token": "10s", "plain_answer": "10s", "stall": "10s"}}
    with simulators(tmp_path, SLOW, []) as sims, gateway_of(tmp_path, sims, **limits) as gateway:
        alone = first_tokens(gateway, count)
    with simulators(tmp_path, SLOW, []) as sims, \
            gateway_of(tmp_path, sims, model={"hedge": {"after": "200ms", "percent": 5}}, **limits) as gateway:
        hedged = first_tokens(gateway, count)
        hedges = gateway.metric("hawser_hedges_total")
        won = gateway.metric("hawser_hedges_won_total")
        broken_off = [entry for entry in sims[0].settled(lambda j: all(e["outcome"] for e in j))
                      if entry["outcome"] == "client_closed"]
        assert won > 0 and len(broken_off) == won, "the loser is cancelled"
        assert targets_of(gateway)["p0"]["tokens_under_way"] == 0
    p99 = int(count * 0.985)
    print(f"\np98.5 of the answers: {alone[p99]:.2f} s alone, {hedged[p99]:.2f} s hedged; "
          f"{hedges / count:.1%} were hedged")
    assert hedges <= 0.05 * count and hedged[p99] < alone[p99] / 2


def test_what_leaves_something_behind_is_not_hedged(tmp_path):
    slow = [{"nth": 20, "first-token-ms": 1_500}] * 2  # the second does not count what the first took
    with simulators(tmp_path, slow, []) as sims, \
            gateway_of(tmp_path, sims, model={"hedge": {"after": "100ms", "percent": 20}},
                       timeouts={"first_token": "10s", "plain_answer": "10s"}) as gateway:
        for _ in range(19):
            assert ask(gateway, stream=True)[0] == 200
        before = gateway.metric("hawser_hedges_total")
        assert ask(gateway, stream=True, store=True)[1]["x-hawser-target"] == "p0"
        assert gateway.metric("hawser_hedges_total") == before
        assert ask(gateway, stream=True)[1]["x-hawser-target"] == "p1"
        assert gateway.metric("hawser_hedges_total") == before + 1


def test_region_dies(tmp_path):
    """Allowed traffic moves to the other region within two seconds; locked traffic is refused."""
    eu, us = {"tags": {"region": "eu"}}, {"tags": {"region": "us"}}
    keys = [{"name": "free", "hash": hash_of("free-key")}, {"name": "locked", "hash": hash_of("locked-key")}]
    with Simulator() as first, Simulator() as second:
        with gateway_of(tmp_path, [first, second], providers=[eu, us], node={"tags": {"region": "eu"}}, keys=keys,
                        residency=[{"name": "eu-only", "keys": ["locked"], "require": 'target.region == "eu"'}],
                        retry={"backoff_base": "5ms"}) as gateway:
            free = {"authorization": "Bearer free-key"}
            locked = {"authorization": "Bearer locked-key"}
            assert ask(gateway, headers=free)[1]["x-hawser-target"] == "p0"
            assert ask(gateway, headers=locked)[0] == 200
            first.stop()
            begun = time.monotonic()
            status, headers, _ = ask(gateway, headers=free)
            moved = time.monotonic() - begun
            assert status == 200 and headers["x-hawser-target"] == "p1"
            before = len(second.journal())
            refused = {ask(gateway, headers=locked)[0] for _ in range(10)}
            assert refused == {502} and len(second.journal()) == before
            print(f"\nallowed traffic moved after {moved:.3f} s; locked traffic was refused")
            assert moved < 2


def hash_of(key):
    import hashlib
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()

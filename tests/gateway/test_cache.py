"""The cache: what is given again, to whom, in which shape, and what never is."""
import contextlib
import hashlib
import json
import time
import urllib.request

import openai
import pytest

from support.http import events, request
from support.programs import Gateway, Simulator

ASKED = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "What is a hawser?"}]}


@pytest.fixture
def cached(sim, tmp_path):
    with contextlib.ExitStack() as stack:
        def start(provider=None, cache=None, **config):
            providers = config.pop("providers", {"sim": (provider or sim).provider()})
            return stack.enter_context(Gateway(tmp_path, providers=providers,
                                               cache={"mode": "auto", **(cache or {})}, **config))
        yield start


def ask(gateway, headers=None, path="/v1/chat/completions", **members):
    return request(gateway.address, "POST", path, ASKED | members, headers)


def text(answer):
    return json.loads(answer)["choices"][0]["message"]["content"]


def streamed_text(answer):
    return "".join(choice["delta"].get("content") or "" for data in events(answer) if data != "[DONE]"
                   for choice in json.loads(data)["choices"])


def test_a_second_request_costs_nothing(cached, sim):
    gateway = cached()
    status, first, body = ask(gateway)
    assert status == 200 and first["x-hawser-cache"] == "miss" and "fwd=miss" in first["cache-status"]
    status, second, again = ask(gateway, user="somebody", metadata={"a": "b"})
    assert status == 200 and again == body and len(sim.journal()) == 1
    assert second["x-hawser-cache"] == "hit" and second["age"] == "0" and "hit; ttl=" in second["cache-status"]
    assert second["content-type"] == first["content-type"] and "x-hawser-target" not in second
    assert gateway.metric('hawser_cache_requests_total{result="hit"}') == 1
    assert gateway.metric("hawser_cache_entries") == 1 and gateway.metric("hawser_cache_bytes") > 100
    assert gateway.metric('hawser_saved_tokens_total{cause="cache"}') > 10


def test_a_stream_is_replayed_byte_for_byte(cached, sim, figure):
    gateway = cached(generations={"event_ids": False})
    _, first, body = ask(gateway, stream=True)
    _, second, again = ask(gateway, stream=True)
    assert again == body and second["x-hawser-cache"] == "hit" and len(sim.journal()) == 1
    figure(f"a stream of {len(body):,} bytes replayed from the cache: equal byte for byte")
    assert second["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("first", [False, True])
def test_a_stream_and_a_plain_request_share_an_entry(cached, sim, first):
    gateway = cached()
    options = {"stream": True, "stream_options": {"include_usage": True}}
    made = ask(gateway, **(options if first else {}))[2]
    plain = ask(gateway)
    stream = ask(gateway, **options)
    assert plain[1]["x-hawser-cache"] == stream[1]["x-hawser-cache"] == "hit" and len(sim.journal()) == 1
    assert text(plain[2]) == streamed_text(stream[2]) == (streamed_text(made) if first else text(made))
    assert len(events(stream[2])) > 5 and events(stream[2])[-1] == "[DONE]"
    usage = json.loads(events(stream[2])[-2])["usage"]
    assert usage["completion_tokens"] == json.loads(plain[2])["usage"]["completion_tokens"]
    bare = ask(gateway, stream=True)
    assert '"prompt_tokens"' not in bare[2].decode() and streamed_text(bare[2]) == text(plain[2])


def test_a_hit_can_be_taken_up_again(cached):
    gateway = cached()
    ask(gateway, stream=True)
    _, headers, body = ask(gateway, stream=True)
    assert headers["x-hawser-cache"] == "hit"
    path = f"/v1/generations/{headers['x-hawser-generation']}/events?after=3"
    _, _, rest = request(gateway.address, "GET", path)
    assert body.endswith(rest) and len(events(rest)) == len(events(body)) - 4


def test_a_paced_replay(cached):
    gateway = cached()
    ask(gateway, stream=True)
    begun = time.monotonic()
    _, _, body = ask(gateway, {"x-hawser-replay": "paced;tps=50"}, stream=True)
    assert time.monotonic() - begun > 0.9 * (len(events(body)) - 1) / 50


def test_the_official_sdk_reads_a_hit(cached, sim):
    gateway = cached()
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="k")
    answers = [client.chat.completions.create(**ASKED) for _ in range(2)]
    assert answers[0] == answers[1]
    stream = client.chat.completions.create(**ASKED, stream=True)
    whole = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert whole == answers[0].choices[0].message.content and len(sim.journal()) == 1


@pytest.mark.parametrize("members", [
    {"temperature": 0.5}, {"temperature": None}, {"store": True}, {"tools": [{"type": "web_search"}]},
    {"modalities": ["text", "audio"]}])
def test_what_is_not_for_the_cache(cached, sim, members):
    gateway = cached()
    for _ in range(2):
        ask(gateway, **members)
    assert len(sim.journal()) == 2 and gateway.metric("hawser_cache_entries") == 0


def test_modes_for_all_and_by_model(cached, sim):
    models = {name: {"targets": [{"provider": "sim"}]} for name in ("a", "b")}
    gateway = cached(cache={"mode": "all", "models": {"b": {"mode": "off"}}}, models=models)
    for model in ("a", "a", "b", "b"):
        ask(gateway, model=model, temperature=0.9)
    assert len(sim.journal()) == 3


def test_other_apis(cached, sim):
    gateway = cached()
    for path, body in (("/v1/embeddings", {"model": "m", "input": "text"}),
                       ("/v1/responses", {"model": "m", "input": "text", "temperature": 0, "store": False}),
                       ("/v1/completions", {"model": "m", "prompt": "text", "temperature": 0})):
        sim.clear()
        first = request(gateway.address, "POST", path, body)
        second = request(gateway.address, "POST", path, body)
        assert first[2] == second[2] and second[1]["x-hawser-cache"] == "hit" and len(sim.journal()) == 1, path


def test_cache_control_of_the_request(cached, sim):
    gateway = cached()

    def word(directive):
        status, headers, _ = ask(gateway, {"cache-control": directive})
        return headers.get("x-hawser-cache", "none") if status == 200 else status
    assert word("only-if-cached") == 504
    assert word("no-store") == "none" and gateway.metric("hawser_cache_entries") == 0
    assert word("") == "miss" and word("") == "hit"
    assert word("no-cache") == "miss" and word("no-store") == "none" and word("only-if-cached") == "hit"
    assert word("max-age=60") == "hit" and word("max-age=0") == "miss"
    assert word("min-fresh=5") == "hit" and word("min-fresh=100000") == "miss"


def key(name, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest(), **more}


def askers(gateway, sim):
    """Of keys a, b and c, who ask the same one after another: + asked the model, - got an answer that was there."""
    asked = ""
    for name in "abc":
        before = len(sim.journal())
        assert ask(gateway, {"authorization": f"Bearer secret-{name}"})[0] == 200
        asked += "+" if len(sim.journal()) > before else "-"
    return asked


THREE_KEYS = [key("a", tenant="t1", team="x"), key("b", tenant="t1", team="y"), key("c", tenant="t2", team="x")]


@pytest.mark.parametrize("scope,expected", [("tenant", "+-+"), ("key", "+++"), ("global", "+--"), ("team", "+++")])
def test_tenants_do_not_see_each_others_answers(cached, sim, scope, expected, figure):
    asked = askers(cached(cache={"scope": scope}, keys=THREE_KEYS), sim)
    assert asked == expected
    figure(f"scope {scope}: of two keys of a tenant and one of another {asked.count('+')} asked the model")


@pytest.mark.parametrize("cache", [{}, {"models": {"m": {"ttl": "2h"}}}, {"models": {"m": {"mode": "all"}}},
                                   {"scope": "tenant", "models": {"m": {"scope": "key"}}}])
def test_nothing_is_shared_beyond_a_key_unless_it_is_said(cached, sim, cache):
    """Neither by default nor by an entry of a model that is about something else."""
    models = {"m": {"targets": [{"provider": "sim"}]}}
    assert askers(cached(cache=cache, keys=THREE_KEYS, models=models), sim) == "+++"


def test_an_entry_of_a_model_inherits_what_it_does_not_say(cached, sim):
    models = {"m": {"targets": [{"provider": "sim"}]}}
    gateway = cached(cache={"scope": "tenant", "ttl": "1s", "models": {"m": {"mode": "auto"}}}, keys=THREE_KEYS,
                     models=models)
    assert askers(gateway, sim) == "+-+"
    time.sleep(1.2)  # the ttl, and its tenth more
    assert ask(gateway, {"authorization": "Bearer secret-a", "cache-control": "min-fresh=0"})[1]["x-hawser-cache"] == "miss"


def test_probes_of_another_tenant_learn_nothing(cached, sim, figure):
    """Neither a hit nor its headers nor its time tell whether others asked."""
    keys = [key("a", tenant="t1"), key("b", tenant="t2")]
    gateway = cached(keys=keys)
    ask(gateway, {"authorization": "Bearer secret-a"})
    for directive in ("only-if-cached", "max-stale, only-if-cached"):
        probe = {"authorization": "Bearer secret-b", "cache-control": directive}
        assert ask(gateway, probe)[0] == 504
        assert ask(gateway, probe, user="x", stream=True)[0] == 504
    figure("4 probes of another tenant for an answer that is stored: 0 told of it")


def test_a_fallbacks_answer_is_not_filed_under_the_first_target(sim, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"model": "big", "times": 1, "fault": "status:500"}]))
    with Simulator("--script", script) as first:
        targets = [{"provider": "first", "model": "big"}, {"provider": "second", "model": "small"}]
        with Gateway(tmp_path, providers={"first": first.provider(), "second": sim.provider()},
                     models={"m": {"targets": targets}}, cache={"mode": "auto"}) as gateway:
            assert ask(gateway)[1]["x-hawser-target"] == "second/small"
            answer = ask(gateway)
            assert answer[1]["x-hawser-cache"] == "miss" and answer[1]["x-hawser-target"] == "first/big"
            assert ask(gateway)[1]["x-hawser-cache"] == "hit"


@pytest.mark.parametrize("fault", ["reset:after-events=5", "error-event:4", "no-done"])
def test_broken_answers_are_not_stored(cached, sim, fault):
    gateway = cached(retry={"continuation": False})
    ask(gateway, {"x-sim-fault": fault}, stream=True)
    assert ask(gateway, stream=True)[1]["x-hawser-cache"] == "miss"


def test_a_spliced_answer_is_not_stored(cached, sim):
    gateway = cached()
    body = ask(gateway, {"x-sim-fault": "reset:after-events=5", "x-sim-fault-times": "1", "x-sim-fault-key": "s"},
               stream=True)[2]
    assert b'"splice":"replay"' in body
    assert ask(gateway, stream=True)[1]["x-hawser-cache"] == "miss"


def test_refusals_that_will_not_change_are_repeated_for_a_while(cached, sim):
    gateway = cached(cache={"negative_ttl": "1s"})
    statuses = [ask(gateway, {"x-sim-fault": "status:400"})[0] for _ in range(2)]
    assert statuses == [400, 400] and len(sim.journal()) == 1
    time.sleep(1.2)
    assert ask(gateway)[0] == 200
    sim.clear()
    for status in (401, 403, 422, 429, 500):
        other = {"x-sim-fault": f"status:{status}", "x-should-retry": "false"}
        for _ in range(2):
            ask(gateway, other, seed=status)
    assert len(sim.journal()) >= 10


def test_stale_answers_while_a_new_one_is_fetched(cached, sim):
    gateway = cached(cache={"ttl": "1s", "stale_while_revalidate": "30s"})
    ask(gateway)
    time.sleep(1.2)
    _, headers, _ = ask(gateway)
    assert headers["x-hawser-cache"] == "stale" and int(headers["age"]) >= 1
    assert sim.settled(lambda journal: len(journal) == 2)
    deadline = time.monotonic() + 5
    while ask(gateway)[1]["x-hawser-cache"] != "hit":
        assert time.monotonic() < deadline
    assert len(sim.journal()) == 2


def test_stale_answers_when_nobody_answers(cached, sim):
    gateway = cached(cache={"ttl": "1s", "stale_while_revalidate": "0"})
    body = ask(gateway)[2]
    time.sleep(1.2)
    status, headers, again = ask(gateway, {"x-sim-fault": "status:500"})
    assert status == 200 and again == body
    assert headers["x-hawser-cache"] == "stale" and "detail=stale-if-error" in headers["cache-status"]
    status, headers, streamed = ask(gateway, {"x-sim-fault": "reset:before-head"}, stream=True)
    assert status == 200 and streamed_text(streamed) == text(body)


def test_purging(cached, sim):
    keys = [key("a", tenant="t1"), key("b", tenant="t2")]
    models = {name: {"targets": [{"provider": "sim"}]} for name in ("m", "n")}
    gateway = cached(keys=keys, models=models)

    def fill():
        for name in "ab":
            for model in "mn":
                ask(gateway, {"authorization": f"Bearer secret-{name}"}, model=model)

    def purge(query):
        call = urllib.request.Request(f"{gateway.admin}/admin/v1/cache/purge{query}", method="POST")
        try:
            with urllib.request.urlopen(call, timeout=5) as answer:
                return json.loads(answer.read())["purged"]
        except urllib.error.HTTPError as refused:
            return refused.code
    fill()
    assert purge("?tenant=t1&model=n") == 1
    fill()
    assert purge("?older_than=1h") == 0 and purge("?tenant=t2") == 2 and purge("?age=3") == 400
    assert purge("") == 2 and purge("") == 0


def test_memory_is_bounded(cached, sim):
    gateway = cached(cache={"memory_max": "1MiB"})
    for number in range(600):
        ask(gateway, {"x-sim-tokens": "500"}, seed=number)
    assert gateway.metric("hawser_cache_bytes") <= 1 << 20
    assert gateway.metric("hawser_cache_evictions_total") > 50


def test_when_the_first_of_equal_requests_fails_another_one_asks(sim, tmp_path):
    import concurrent.futures
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"path": "chat", "nth": 1, "latency-ms": 700, "fault": "reset:before-head"}]))
    with Simulator("--script", script) as flaky, \
            Gateway(tmp_path, providers={"sim": flaky.provider()}, generations={"coalesce": True},
                    retry={"attempts_max": 1}) as gateway:
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            slow = {"x-sim-latency-ms": "700"}  # as models are: who asks anew is still asking when the others come
            answers = list(pool.map(lambda _: ask(gateway, slow, temperature=1), range(30)))
        statuses = [status for status, _, _ in answers]
        assert statuses.count(200) == 29 and statuses.count(502) == 1
        assert 2 <= len(flaky.journal()) <= 4  # no stampede


def keyed(name, **settings):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"sk-{name}".encode()).hexdigest(), **settings}


def test_all_that_goes_on_to_a_provider_is_part_of_the_question(cached, sim):
    gateway = cached(headers={"pass": ["x-user-context"]})
    for name in ("x-user-context", "conversation_id", "session_id", "accept-language"):
        for who in ("alice", "bob"):
            assert ask(gateway, {name: who})[1]["x-hawser-cache"] == "miss", (name, who)
        assert ask(gateway, {name: "alice"})[1]["x-hawser-cache"] == "hit", name
    assert ask(gateway)[1]["x-hawser-cache"] == "miss"
    # What stays here, and what tells calls apart, is not.
    assert ask(gateway, {"x-not-passed": "a", "traceparent": "00-1-1-00"})[1]["x-hawser-cache"] == "hit"


def test_keys_without_a_team_are_none(cached):
    keys = [keyed("a", tenant="t"), keyed("b", tenant="t"), keyed("c", tenant="t", team="x"), keyed("d", tenant="t", team="x")]
    gateway = cached(cache={"scope": "team"}, keys=keys)
    for who, result in (("a", "miss"), ("b", "miss"), ("a", "hit"), ("c", "miss"), ("d", "hit")):
        assert ask(gateway, {"Authorization": f"Bearer sk-{who}"})[1]["x-hawser-cache"] == result, who

"""Answers to questions that are asked in other words."""
import contextlib
import json
import re
import subprocess
import time
import urllib.request

import pytest

from support.embeddings import Embeddings, Model
from support.http import events, request
from support.programs import HAWSER, Gateway

WAYS = ["What is the height of {}?", "please tell me what is the height of {}", "what's the height of {}",
        "Hi, what is the height of {}? Thanks"]


def height(question):
    """The same answer, whatever stands around the name."""
    name = re.search(r"of (\w+)", question)[1]
    return f"The height of {name} is {len(name)} metres." if "not" not in question.split() else "I do not know."


@pytest.fixture
def encoder():
    with Embeddings() as running:
        yield running


@pytest.fixture
def model():
    with Model(height) as running:
        yield running


@pytest.fixture
def semantic(model, tmp_path, encoder):
    with contextlib.ExitStack() as stack:
        def start(settings=None, cache=None, **config):
            section = {"mode": "auto", "semantic": encoder.config(**(settings or {})), **(cache or {})}
            return stack.enter_context(Gateway(tmp_path, providers={"p": {"base_url": model.url}}, workers=1,
                                               cache=section, **{"log": {"level": "warn"}, **config}))
        yield start


def ask(gateway, question, headers=None, **members):
    messages = members.pop("messages", [{"role": "user", "content": question}])
    return request(gateway.address, "POST", "/v1/chat/completions",
                   {"model": "m", "temperature": 0, "messages": messages, **members}, headers)


def result(gateway, word):
    return gateway.metric(f'hawser_semantic_cache_requests_total{{result="{word}"}}')


def said(answer):
    if answer[1]["content-type"] == "application/json":
        return json.loads(answer[2])["choices"][0]["message"]["content"]
    chunks = [json.loads(data) for data in events(answer[2]) if data != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def by_meaning(answer):
    return "detail=semantic; sim=0." in answer[1]["cache-status"] or "sim=1.0" in answer[1]["cache-status"]


def name(number):
    return "Peak" + "".join("abcdefghij"[int(digit)] for digit in f"{number:04}")


def teach(gateway, rounds=160, **members):
    """Questions in several wordings whose answers agree: until it dares to give them."""
    for number in range(rounds):
        for way in WAYS:
            ask(gateway, way.format(name(number)), **members)


def test_it_is_off_by_default(model, tmp_path, encoder):
    with Gateway(tmp_path, providers={"p": {"base_url": model.url}}, workers=1, cache={"mode": "auto"}) as gateway:
        for way in WAYS:
            ask(gateway, way.format("Everest"))
        assert len(model.asked) == len(WAYS) and encoder.asked == []


def test_what_was_learned_to_agree_is_given_and_marked(semantic, model):
    gateway = semantic({"error_bound": 0.05, "verify": 0})
    teach(gateway)
    assert result(gateway, "explore") > 50 and result(gateway, "away") == 0
    assert gateway.metric('hawser_semantic_cache_compared_total{agreed="true"}') > 50
    asked, given = len(model.asked), []
    for number in range(1000, 1060):
        for way in WAYS:
            answer = ask(gateway, way.format(name(number)), stream=way is WAYS[2])
            assert height(way.format(name(number))) == said(answer)
            given.append(by_meaning(answer))
    assert sum(given) > 100, "most of the 180 that could be"
    assert len(model.asked) - asked == len(given) - sum(given)
    print(f"{sum(given)} of 180 repeated questions given by their meaning, none wrongly")


def test_questions_that_only_look_alike_are_asked(semantic, model):
    gateway = semantic({"error_bound": 0.05})
    teach(gateway)
    for number in range(60):
        here, there = name(number), name(number + 3000)
        for question in (f"What is the height of {there}?", f"What is not the height of {here}?",
                         f"What is the height of {here} in 3 units?", f"What is the height of {here} in 4 units?"):
            assert height(question) in ask(gateway, question)[2].decode(), question
    assert result(gateway, "words") > 100


def test_answers_that_disagree_end_the_giving(semantic, model):
    gateway = semantic({"error_bound": 0.05})
    model.answer = lambda question: f"It is {len(question)} metres."  # by the wording
    teach(gateway, rounds=60)
    assert gateway.metric('hawser_semantic_cache_compared_total{agreed="false"}') > 50
    assert result(gateway, "hit") == 0


def test_no_tenant_gets_anothers(semantic, model):
    keys = {who: subprocess.run([HAWSER, "key", "hash"], input=f"hk-{who}", capture_output=True, text=True).stdout.split()[-1]
            for who in ("one", "two")}
    gateway = semantic(keys=[{"name": who, "tenant": who, "hash": value} for who, value in keys.items()])
    ask(gateway, WAYS[0].format("Everest"), {"Authorization": "Bearer hk-one"})
    ask(gateway, WAYS[1].format("Everest"), {"Authorization": "Bearer hk-two"})
    assert result(gateway, "none") == 2 and result(gateway, "explore") == 0
    ask(gateway, WAYS[2].format("Everest"), {"Authorization": "Bearer hk-one"})
    assert result(gateway, "explore") == 1


@pytest.mark.parametrize("members", [
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WAYS[1].format("Everest")}]},
    {"messages": [{"role": "user", "content": "x of y"}, {"role": "assistant", "content": "y"},
                  {"role": "user", "content": WAYS[1].format("Everest")}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, {"max_tokens": 7},
    {"model": "other"}])
def test_only_within_the_same_context(semantic, members):
    gateway = semantic()
    ask(gateway, WAYS[0].format("Everest"))
    ask(gateway, WAYS[1].format("Everest"), **members)
    assert result(gateway, "explore") == 0


@pytest.mark.parametrize("members", [{"temperature": 1}, {"temperature": 0.5},
                                     {"messages": [{"role": "user", "content": "long of " + "word " * 600}]}])
def test_what_is_not_looked_up_at_all(semantic, encoder, members):
    gateway = semantic(cache={"mode": "all"})
    ask(gateway, WAYS[0].format("Everest"), **members)
    assert encoder.asked == []


@pytest.mark.parametrize("fault", ["slow", "refuses", "away"])
def test_without_an_encoder_the_model_is_asked_and_soon_at_once(semantic, encoder, model, fault):
    encoder.delay = 0.5 if fault == "slow" else 0
    encoder.status = 500 if fault == "refuses" else 200
    settings = {"timeout": "40ms", "breaker": {"failures": 3, "pause": "1h"}}
    if fault == "away":
        settings["url"] = "http://127.0.0.1:1/"
    gateway = semantic(settings)
    begun = time.monotonic()
    for number in range(20):
        assert ask(gateway, WAYS[0].format(name(number)))[0] == 200
    assert time.monotonic() - begun < 1.5 and len(model.asked) == 20
    assert result(gateway, "away") == 20 and len(encoder.asked) <= 3


def test_a_share_is_compared_all_the_same(semantic, model):
    gateway = semantic({"error_bound": 0.05, "verify": 1})
    teach(gateway)
    before = gateway.metric('hawser_semantic_cache_compared_total{agreed="true"}')
    hits = result(gateway, "hit")
    for number in range(2000, 2030):
        for way in WAYS:
            ask(gateway, way.format(name(number)))
    more = result(gateway, "hit") - hits
    assert more > 10
    assert gateway.settled_metric('hawser_semantic_cache_compared_total{agreed="true"}', before + more) >= before + more


def test_purged_answers_are_forgotten_by_their_meaning_too(semantic):
    gateway = semantic()
    ask(gateway, WAYS[0].format("Everest"))
    assert gateway.metric("hawser_semantic_cache_entries") == 1
    urllib.request.urlopen(urllib.request.Request(f"{gateway.admin}/admin/v1/cache/purge", method="POST"), timeout=10).read()
    assert gateway.metric("hawser_semantic_cache_entries") == 0
    ask(gateway, WAYS[1].format("Everest"))
    assert result(gateway, "explore") == 0


@pytest.mark.parametrize("change,word", [({"model": None}, "cache.semantic.model: is missing"), ({"url": "x"}, "must begin with"),
                                         ({"error_bound": 0.5}, "from 0.001 to 0.1, not 0.5"), ({"words": "lose"}, "loose"),
                                         ({"verify": "often"}, "must be a number")])
def test_what_is_wrong_is_told(tmp_path, change, word):
    section = {"url": "http://127.0.0.1:1/", "model": "m", **change}
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}},
                                "cache": {"semantic": {k: v for k, v in section.items() if v is not None}}}))
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stderr + done.stdout, done.stderr + done.stdout

"""Services outside that judge prompts and answers."""
import contextlib
import json
import random
import signal
import string
import subprocess
import threading
import time

import pytest

from support.guard import Guard
from support.http import chat, connect, events, request
from support.programs import HAWSER, Gateway
from support.scripted import DONE, LAST, Scripted, chunk, delta, stream_head


def no_bombs(text):
    return ("bomb" not in text, "about bombs" if "bomb" in text else "")


@pytest.fixture
def guarded(sim, tmp_path):
    running = []

    def start(*guards, **settings):
        gateway = Gateway(tmp_path, providers={"sim": sim.provider()}, guards=list(guards),
                          **{"workers": 1, "retry": {"attempts_max": 1}, **settings})
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        gateway.__exit__()


def refusal(answer):
    error = json.loads(answer[2])["error"]
    return answer[0], error["message"]


@pytest.mark.parametrize("form", ["json", "openai_moderation"])
def test_a_prompt_is_judged_before_the_provider_is_asked(guarded, sim, form):
    with Guard(no_bombs, form) as guard:
        gateway = guarded(guard.config(form=form))
        assert chat(gateway.address, "say: hello")[0] == 200
        status, message = refusal(chat(gateway.address, "say: a bomb"))
        assert status == 400 and 'stopped by the guard "guard": about bombs' in message
        assert guard.texts() == ["say: hello", "say: a bomb"]
        assert len(sim.journal()) == 1
        if form == "json":
            question = guard.asked[0]
            assert question["direction"] == "prompt" and question["model"] == "sim-large" and question["id"]
        assert gateway.metric('hawser_guard_verdicts_total{guard="guard",verdict="block"}') == 1


def test_scores_decide_where_categories_are_named(guarded):
    with Guard(no_bombs, "openai_moderation") as guard:
        gateway = guarded(guard.config(categories={"violence": 0.95}), guard.config("other", categories={"violence": 0.8}))
        status, message = refusal(chat(gateway.address, "a bomb"))
        assert status == 400 and '"other": violence' in message


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_judged_before_it_leaves(guarded, sim, stream):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config(**{"in": "answer"}, window=64))
        status, _, body = chat(gateway.address, "say: all is well " + "and fine " * 40, stream=stream, max_tokens=500)
        assert status == 200 and b"fine" in body
        sent = chat(gateway.address, "say: " + "well " * 60 + " here is a bomb " + "and on " * 60, stream=stream, max_tokens=1000)
        assert b"bomb" not in sent[2].replace(b"about bombs", b"")
        if stream:
            last = events(sent[2])[-1]
            assert "ended by the guard" in last and b"[DONE]" not in sent[2]
        else:
            assert refusal(sent)[0] == 400 and "ended by the guard" in refusal(sent)[1]
        assert {question["direction"] for question in guard.asked} == {"answer"}


def test_windows_overlap_so_that_nothing_hides_between_two(guarded):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config(**{"in": "answer"}, window=64, window_time="30s"))
        for padding in range(50, 75):
            body = chat(gateway.address, "say: " + "x" * padding + "bomb" + "y" * 80, stream=True, max_tokens=500)[2]
            assert b"ended by the guard" in body, padding


@contextlib.contextmanager
def behind_guard(tmp_path, script, **settings):
    with Guard(no_bombs) as guard, Scripted(script) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.provider()}, retry={"attempts_max": 1},
                    guards=[guard.config(**{"in": "answer"}, **settings)]) as gateway:
        yield gateway, guard


CHAT = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
RESPONSE = {"model": "m", "stream": True, "input": "hi"}


@pytest.mark.parametrize("path,body,data", [
    ("/v1/chat/completions", CHAT, {"choices": [{"index": 0, "message": {"content": "a bomb"}, "finish_reason": "stop"}]}),
    ("/v1/chat/completions", CHAT, {"choices": [{"index": 0, "delta": {}, "finish_reason": "a bomb"}]}),
    ("/v1/chat/completions", CHAT, {"a bomb": 1}),
    ("/v1/responses", RESPONSE, {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "a bomb"}]}]}}),
    ("/v1/responses", RESPONSE, {"type": "response.output_item.done", "item": {
        "type": "function_call", "arguments": json.dumps({"a": "a bomb"}).replace("bomb", "\\u0062omb")}})])
def test_a_text_is_judged_in_whatever_member_of_an_event_it_stands(tmp_path, path, body, data):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(f"data: {json.dumps(data)}\n\n") + chunk(DONE) + LAST)

    with behind_guard(tmp_path, script) as (gateway, guard):
        answer = request(gateway.address, "POST", path, body)[2]
        assert b"bomb" not in answer.replace(b"about bombs", b"") and b"ended by the guard" in answer, guard.texts()


@pytest.mark.parametrize("data", ["a bomb", '["a bomb"]', '"a bomb"', '{"a": bomb'])
@pytest.mark.parametrize("settings,passes", [({}, False), ({"on_timeout": "open"}, True), ({"pass_unread": ["chat"]}, True)])
def test_an_event_that_a_guard_cannot_read_does_not_pass(tmp_path, data, settings, passes):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(delta("fine")) + chunk(f"data: {data}\n\n") + chunk(delta("", '"stop"')) +
                           chunk(DONE) + LAST)

    with behind_guard(tmp_path, script, **settings) as (gateway, _):
        answer = request(gateway.address, "POST", "/v1/chat/completions", CHAT)[2]
        assert (b"bomb" in answer) == passes, answer
        assert (b"fine" if passes else b"an event is not a JSON object") in answer


def chat_event(members, index=0):
    return f"data: {json.dumps({'choices': [{'index': index, 'delta': members, 'finish_reason': None}]})}\n\n"


def tool(index, arguments):
    return chat_event({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})


INTERLEAVED = {
    "choices": [chat_event({"content": "a bo"}), chat_event({"content": "zz"}, 1), chat_event({"content": "mb "}),
                chat_event({"content": "yy"}, 1)],
    "tools": [tool(0, '{"x":"bo'), tool(1, '{"y":"1'), tool(0, 'mb"}'), tool(1, '"}')],
    "escapes": [tool(0, '{"x":"b\\u00'), tool(1, '{"y":"1'), tool(0, '6fmb"}')],
    "thought": [chat_event({"content": "bo"}), chat_event({"reasoning_content": "zz"}), chat_event({"content": "mb"})],
    "mark": ["\ufeff" + chat_event({"content": "a bomb"})],
    "event": ["event: a bomb\ndata: {}\n\n"]}


@pytest.mark.parametrize("case", INTERLEAVED)
@pytest.mark.parametrize("window_time", ["50ms", "2s"])
def test_each_text_is_judged_for_itself(tmp_path, case, window_time):
    def script(connection, _):
        connection.sendall(stream_head())
        for frame in INTERLEAVED[case]:
            connection.sendall(chunk(frame))
            time.sleep(0.12)
        connection.sendall(chunk(delta("", '"stop"')) + chunk(DONE) + LAST)

    with behind_guard(tmp_path, script, window_time=window_time) as (gateway, guard):
        answer = request(gateway.address, "POST", "/v1/chat/completions", CHAT)[2]
        assert b"ended by the guard" in answer, guard.texts()


def test_nothing_hides_in_many_short_windows(tmp_path):
    def script(connection, _):
        connection.sendall(stream_head())
        for letter in "a bomb":
            connection.sendall(chunk(delta(letter)))
            time.sleep(0.15)  # each letter is a window of its own
        connection.sendall(chunk(delta("", '"stop"')) + chunk(DONE) + LAST)

    with behind_guard(tmp_path, script, window_time="50ms") as (gateway, guard):
        answer = request(gateway.address, "POST", "/v1/chat/completions", CHAT)[2]
        assert b"ended by the guard" in answer, guard.texts()


def test_a_slow_stream_is_judged_after_a_time(guarded):
    with Guard() as guard:
        gateway = guarded(guard.config(**{"in": "answer"}, window=60_000, window_time="100ms"))
        connection = connect(gateway.address)
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "count: 40"}]}).encode()
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"x-sim-interval-ms: 50\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        begun, got = time.monotonic(), b""
        while b"data:" not in got:
            got += connection.recv(65536)
        assert time.monotonic() - begun < 1
        connection.close()


@pytest.mark.parametrize("fault", ["slow", "status", "nonsense", "dies", "redirects", "away"])
@pytest.mark.parametrize("rule", ["open", "closed"])
def test_without_a_verdict_the_rule_holds(guarded, sim, fault, rule):
    with Guard() as guard:
        guard.delay = 0.5 if fault == "slow" else 0
        guard.status = {"status": 500, "redirects": 307}.get(fault, 200)
        guard.raw = {"nonsense": b'{"allowed": 1}', "dies": b'{"al'}.get(fault)
        guard.die = fault == "dies"
        config = guard.config(on_timeout=rule, deadline="150ms")
        if fault == "away":
            config["url"] = "http://127.0.0.1:1/"
        gateway = guarded(config)
        begun = time.monotonic()
        answer = chat(gateway.address)
        assert time.monotonic() - begun < 0.45
        assert answer[0] == (200 if rule == "open" else 400)
        if rule == "closed":
            assert "it could not be asked" in refusal(answer)[1]
        word = "timeout" if fault == "slow" else "error"
        assert gateway.metric(f'hawser_guard_verdicts_total{{guard="guard",verdict="{word}"}}') == 1
        assert len(sim.journal()) == (1 if rule == "open" else 0)


def test_too_long_a_text_is_not_sent(guarded):
    with Guard() as guard:
        gateway = guarded(guard.config(text_max="1KiB"))
        assert chat(gateway.address, "ab c" * 256 + ".")[0] == 400 and guard.asked == []
        assert chat(gateway.address, "ab c" * 256)[0] == 200


NEUTRAL = "Hello."


def test_a_guard_that_fails_again_and_again_is_left_alone_for_a_while(guarded):
    with Guard() as guard:
        gateway = guarded(guard.config(on_timeout="open", breaker={"failures": 3, "pause": "300ms"}))
        breaker = 'hawser_guard_verdicts_total{guard="guard",verdict="breaker"}'
        guard.status = 500
        for number in range(10):
            assert chat(gateway.address, f"say: {number}")[0] == 200
            time.sleep(0.02)
        asked = len([text for text in guard.texts() if text != NEUTRAL])
        assert 3 <= asked <= 5 and NEUTRAL in guard.texts() and gateway.metric(breaker) == 10 - asked
        guard.status = 200
        time.sleep(0.35)
        assert chat(gateway.address, "say: 10")[0] == 200
        time.sleep(0.2)
        before = len(guard.asked)
        for number in range(11, 15):
            assert chat(gateway.address, f"say: {number}")[0] == 200
        assert len(guard.asked) == before + 4, "a neutral text tried it, then all"


@pytest.mark.parametrize("fault", [500, 400, 413, "slow", "nonsense"])
@pytest.mark.parametrize("rule", ["open", "closed"])
def test_texts_at_which_a_guard_fails_switch_it_off_for_nobody(guarded, fault, rule):
    """One tenant writes them; whoever writes others is judged as before."""
    keys = {name: subprocess.run([HAWSER, "key", "hash"], input=f"hk-{name}", capture_output=True, text=True).stdout.split()[-1]
            for name in ("one", "two")}

    class Fragile(Guard):
        def answer(self, question):
            self.status = 200
            if "crash" in question["text"]:
                if fault == "slow":
                    time.sleep(0.3)
                elif fault == "nonsense":
                    return b"{}"
                else:
                    self.status = fault
            return super().answer(question)

    with Fragile(no_bombs) as guard:
        gateway = guarded(guard.config(on_timeout=rule, deadline="150ms", breaker={"failures": 2, "pause": "10m"}),
                          keys=[{"name": name, "tenant": name, "hash": value} for name, value in keys.items()])

        def ask(name, text):
            return chat(gateway.address, text, headers={"Authorization": f"Bearer hk-{name}"})[0]

        for number in range(8):
            assert ask("one", f"say: crash {number}") == (200 if rule == "open" else 400)
        time.sleep(0.4)
        for name in ("two", "one"):
            assert ask(name, f"say: hello {name}") == 200
            assert ask(name, f"say: a bomb {name}") == 400
        assert gateway.metric('hawser_guard_verdicts_total{guard="guard",verdict="block"}') == 2


@pytest.mark.parametrize("raw", [
    {"results": []}, {"results": [{"flagged": True}]}, {"results": [{"flagged": True, "category_scores": {"hate": 0.1}}]},
    {"results": [{"flagged": True, "category_scores": {"violence": "0.99"}}]},
    {"results": [{"flagged": True, "category_scores": {"violence": None}}]},
    b'{"results":[{"flagged":true,"category_scores":{"violence":0.9}}],"results":[{"flagged":false,"category_scores":{"violence":0}}]}'])
@pytest.mark.parametrize("rule", ["open", "closed"])
def test_anything_but_a_well_formed_verdict_is_none(guarded, raw, rule):
    with Guard(no_bombs, "openai_moderation") as guard:
        guard.raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        gateway = guarded(guard.config(on_timeout=rule, categories={"violence": 0.5}))
        assert chat(gateway.address, "say: hi")[0] == (200 if rule == "open" else 400)
        assert gateway.metric('hawser_guard_verdicts_total{guard="guard",verdict="error"}') == 1


TOKENS = [("/v1/completions", {"model": "m", "prompt": [15339, 1917]}, "prompt"),
          ("/v1/embeddings", {"model": "m", "input": [[15339, 1917]]}, "input"),
          ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt_token_ids": [1, 2]},
           "prompt_token_ids")]


@pytest.mark.parametrize("path,body,member", TOKENS)
@pytest.mark.parametrize("settings,passes", [({}, False), ({"on_timeout": "open"}, True),
                                             ({"pass_unread": ["completions", "embeddings", "chat"]}, True)])
def test_a_prompt_of_token_numbers_is_not_judged_and_does_not_pass(guarded, sim, path, body, member, settings, passes):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config(**settings))
        status, _, answer = request(gateway.address, "POST", path, body)
        assert (status != 400 or f"'{member}'" not in answer.decode()) == passes, answer
        assert passes or sim.journal() == []


def test_what_a_tool_gave_is_shown_decoded(guarded):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config())
        inside = '{"x": "a \\u0062omb"}'
        for content in (inside, json.dumps([inside]), "It said: " + inside):
            tool = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "c", "content": content}]
            body = {"model": "m", "messages": tool}
            assert request(gateway.address, "POST", "/v1/chat/completions", body)[0] == 400, guard.texts()


def test_verdicts_are_kept_within_a_tenant(guarded, sim):
    keys = {name: subprocess.run([HAWSER, "key", "hash"], input=f"hk-{name}", capture_output=True, text=True).stdout.split()[-1]
            for name in ("one", "two")}
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config(), keys=[{"name": name, "tenant": name, "hash": value} for name, value in keys.items()])

        def ask(name, text):
            return chat(gateway.address, text, headers={"Authorization": f"Bearer hk-{name}"})[0]

        assert [ask("one", "say: hi") for _ in range(3)] == [200] * 3 and len(guard.asked) == 1
        assert [ask("one", "a bomb") for _ in range(3)] == [400] * 3 and len(guard.asked) == 2
        assert ask("two", "say: hi") == 200 and len(guard.asked) == 3
        assert ask("two", "a bomb") == 400 and len(guard.asked) == 4
        assert gateway.metric('hawser_guard_verdicts_total{guard="guard",verdict="kept"}') == 4


def test_only_for_its_tenants(guarded):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config(tenants=["elsewhere"]))
        assert chat(gateway.address, "a bomb")[0] == 200 and guard.asked == []


@pytest.mark.parametrize("stream", [False, True])
def test_beside_the_provider_nothing_leaves_before_the_verdict(guarded, sim, stream):
    with Guard(no_bombs) as guard:
        guard.delay = 0.4
        gateway = guarded(guard.config(mode="parallel"))
        begun = time.monotonic()
        status, _, body = chat(gateway.address, "say: hello", stream=stream)
        assert status == 200 and time.monotonic() - begun >= 0.4
        assert len(sim.journal()) == 1, "the provider was asked meanwhile"
        answer = chat(gateway.address, "say: a bomb", stream=stream)
        assert refusal(answer)[0] == 400 and answer[2].count(b"bomb") == answer[2].count(b"about bombs")


def test_a_refusal_ends_the_call_beside_it(guarded, sim):
    with Guard(no_bombs) as guard:
        guard.delay = 0.1
        gateway = guarded(guard.config(mode="parallel"))
        begun = time.monotonic()
        status, _ = refusal(chat(gateway.address, "a bomb", headers={"x-sim-latency-ms": "5000"}))
        assert status == 400 and time.monotonic() - begun < 2
        assert sim.settled(lambda journal: journal and journal[0].get("ended") != "whole")
        assert gateway.metric_becomes("hawser_requests_in_flight", 0)


def test_several_are_asked_at_once_and_one_is_enough(guarded):
    with Guard() as slow, Guard(no_bombs) as quick:
        slow.delay = 1
        gateway = guarded(slow.config("slow"), quick.config("quick"))
        begun = time.monotonic()
        status, message = refusal(chat(gateway.address, "a bomb"))
        assert status == 400 and '"quick"' in message and time.monotonic() - begun < 0.8


def test_a_guard_sees_what_the_filter_left(guarded):
    with Guard() as guard:
        rules = [{"name": "mail", "detect": ["email"], "action": "pseudonymise"}, {"name": "keys", "detect": ["credential"]}]
        gateway = guarded(guard.config(**{"in": "both"}), filter={"rules": rules})
        secret = "sk-ant-api03-" + "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=93)) + "AA"
        _, _, body = chat(gateway.address, f"say: write to ann@example.com with {secret}")
        assert b"ann@example.com" in body
        assert len(guard.asked) == 2
        for text in guard.texts():
            assert "ann@example.com" not in text and secret not in text and "EMAIL_" in text


def test_hits_of_the_cache_are_judged_too(guarded, sim):
    with Guard() as guard:
        gateway = guarded(guard.config(verdicts_kept="0s"), cache={"mode": "all"})
        assert chat(gateway.address, "say: a bomb")[0] == 200
        guard.judge = no_bombs
        assert chat(gateway.address, "say: a bomb")[0] == 400
        assert len(sim.journal()) == 1


def test_a_reload_under_traffic(guarded):
    with Guard() as guard:
        gateway = guarded(guard.config(**{"in": "both"}))
        outcomes, over = [], threading.Event()

        def ask():
            while not over.is_set():
                outcomes.append(chat(gateway.address, "count: 20", stream=True)[0])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(10):
            gateway.config["guards"][0]["window"] = 64 + number
            gateway.write(gateway.config)
            gateway.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        over.set()
        for thread in threads:
            thread.join()
        assert outcomes and set(outcomes) == {200}


@pytest.mark.parametrize("path,body", [
    ("/v1/responses", {"model": "m", "input": "a bomb"}),
    ("/v1/completions", {"model": "m", "prompt": "a bomb"}),
    ("/v1/embeddings", {"model": "m", "input": ["fine", "a bomb"]}),
    ("/v1/messages", {"model": "m", "max_tokens": 9, "system": "a bomb", "messages": [{"role": "user", "content": "hi"}]})])
def test_every_api_with_a_prompt(guarded, path, body):
    with Guard(no_bombs) as guard:
        gateway = guarded(guard.config())
        status, _, answer = request(gateway.address, "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert status == 400 and b"stopped by the guard" in answer


@pytest.mark.parametrize("change,word", [
    ({"on_timeout": None}, "guards[0].on_timeout: is missing"), ({"url": "guard"}, "must begin with https:// or http://"),
    ({"on_timeout": "pass"}, "open"), ({"deadline": "5ms"}, "deadline"), ({"form": "opnai_moderation"}, "openai_moderation"),
    ({"form": "openai_moderation", "categories": {"violense": 0.5}}, "violense"), ({"categories": {"hate": 0.5}}, "openai_moderation"),
    ({"name": ""}, "name")])
def test_broken_guards_are_told(tmp_path, change, word):
    guard = {"name": "g", "url": "http://127.0.0.1:1/", "on_timeout": "open", **change}
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}},
                                "guards": [{k: v for k, v in guard.items() if v is not None}]}))
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stderr + done.stdout, done.stderr + done.stdout

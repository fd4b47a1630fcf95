"""Every call that a provider may have run is charged, in exactly one way, however it ended."""
import contextlib
import json
import time

import pytest

from support.guard import Guard
from support.http import chat, connect, request
from support.ledger import rows_of
from support.programs import Gateway
from support.scripted import DONE, LAST, Scripted, chunk, delta, event, stream_head, usage_chunk, whole
from support.websocket import Tunnel

MICRO = 1_000_000  # billionths of a dollar: what a token of `m` costs
PRICES = {"models": {"m": {"input": "1000", "output": "1000"}, "picture": {"image": "1"}}}
MESSAGES = [{"role": "user", "content": "x"}]
JSON = {"Content-Type": "application/json"}


def answer(**usage):
    return whole({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, **usage}})


@pytest.fixture
def charged(tmp_path):
    """A gateway with a hard budget of $100 and a ledger before providers that a script plays."""
    with contextlib.ExitStack() as stack:
        def start(script, *more, hard="100", **config):
            start.providers = [stack.enter_context(Scripted(one)) for one in (script, *more)]
            config.setdefault("providers", {name: p.provider() for name, p in zip("pqr", start.providers)})
            config.setdefault("budgets", [{"name": "b", "period": "day", "hard": hard}])
            return stack.enter_context(Gateway(
                tmp_path, prices=PRICES, ledger={"path": str(tmp_path / "ledger.db")}, workers=1, **config))

        start.rows = lambda gateway, count: rows_of(gateway, tmp_path / "ledger.db", count)
        yield start


def send(address, path, body):
    connection = connect(address)
    data = json.dumps(body).encode()
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                       % (path.encode(), len(data)) + data)
    return connection


def silent(connection, _):
    """A provider that is at work, and says nothing until it is told to stop."""
    connection.settimeout(20)
    with contextlib.suppress(OSError):
        connection.recv(1)
    return True


def post(gateway, path, body):
    return request(gateway.address, "POST", path, body, JSON)


CALLS = {  # what it asks, and what is reserved for it in tokens or pictures
    "images": ("/v1/images/generations", {"model": "picture", "prompt": "a sea", "n": 3}, 3_000_000_000),
    "chat": ("/v1/chat/completions", {"model": "m", "max_tokens": 20, "messages": MESSAGES}, 20 * MICRO),
    "stream": ("/v1/chat/completions", {"model": "m", "max_tokens": 20, "stream": True, "messages": MESSAGES}, 20 * MICRO),
    "messages": ("/v1/messages", {"model": "m", "max_tokens": 20, "messages": MESSAGES}, 20 * MICRO),
    "responses": ("/v1/responses", {"model": "m", "max_output_tokens": 20, "input": "x"}, 20 * MICRO),
    "gemini": ("/v1beta/models/m:generateContent",
               {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"maxOutputTokens": 20}}, 20 * MICRO),
    "embeddings": ("/v1/embeddings", {"model": "m", "input": ["some words"]}, MICRO),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_client_that_leaves_before_the_answer_pays_for_the_call(charged, name):
    path, body, least = CALLS[name]
    gateway = charged(silent, generations={"on_disconnect": "cancel"})
    connection = send(gateway.address, path, body)
    assert charged.providers[0].asked(1)
    connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
    connection.close()
    row, = charged.rows(gateway, 1)
    assert row["source"] == "estimated" and least <= row["cost_nano_usd"] <= least + 40 * MICRO
    assert row["outcome"] == "cancelled" and row["price_version"]


@pytest.mark.parametrize("name", ["images", "chat", "stream", "embeddings"])
def test_a_call_that_times_out_is_paid_for(charged, name):
    path, body, least = CALLS[name]
    gateway = charged(silent, timeouts={"connect": "100ms", "first_token": "200ms", "plain_answer": "200ms", "total": "200ms"},
                      retry={"attempts_max": 1})
    assert post(gateway, path, body)[0] == 504
    row, = charged.rows(gateway, 1)
    assert row["source"] == "estimated" and row["outcome"] == "timeout" and row["cost_nano_usd"] >= least


def test_pictures_of_clients_that_leave_use_the_budget_up(charged):
    """$3 a call: of ten that leave at once, only as many are asked for as there is money."""
    gateway = charged(silent, hard="10", generations={"on_disconnect": "cancel"})
    path, body, _ = CALLS["images"]
    for number in range(1, 11):
        connection = send(gateway.address, path, body)
        charged.providers[0].asked(number, 0.3)  # of those that are refused nothing comes
        connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert len(charged.providers[0].seen) == 3
    assert [row["cost_nano_usd"] for row in charged.rows(gateway, 3)] == [3_000_000_000] * 3


def test_a_parallel_guard_refuses_what_was_sent_and_it_is_paid_for(charged):
    with Guard(lambda text: ("bomb" not in text, "x")) as guard:
        guard.delay = 0.2
        gateway = charged(silent, guards=[guard.config(mode="parallel")])
        body = {"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "bomb"}]}
        assert post(gateway, "/v1/chat/completions", body)[0] == 400
        row, = charged.rows(gateway, 1)
    assert len(charged.providers[0].seen) == 1
    assert row["source"] == "estimated" and row["cost_nano_usd"] >= 20 * MICRO


def test_the_losing_side_of_a_hedge_is_paid_for(charged):
    slow = {"now": False}

    def first(connection, _):
        if slow["now"]:
            return silent(connection, None)
        connection.sendall(answer())

    def second(connection, _):
        connection.sendall(answer())
    gateway = charged(first, second, models={"h": {
        "targets": [{"provider": "p", "model": "m"}, {"provider": "q", "model": "m"}],
        "hedge": {"after": "100ms", "percent": 20}}})

    def ask(raw=None):
        body = raw or {"model": "h", "max_tokens": 20, "messages": MESSAGES}
        return post(gateway, "/v1/chat/completions", body)[0]
    assert [ask() for _ in range(12)] == [200] * 12
    slow["now"] = True
    assert ask() == 200
    rows = charged.rows(gateway, 14)[12:]
    won = [row for row in rows if row["outcome"] == "done"]
    lost = [row for row in rows if row["outcome"] != "done"]
    assert [row["cost_nano_usd"] for row in won] == [15 * MICRO]
    # As its answers of before let expect: five tokens, and what was asked.
    assert lost[0]["source"] == "estimated" and lost[0]["cost_nano_usd"] >= 10 * MICRO


@pytest.mark.parametrize("raw", [
    r'{"model":"h","store":true,"messages":[{"role":"user","content":"y"}]}',
    r'{"model":"h","st\u006fre":true,"messages":[{"role":"user","content":"y"}]}',
    r'{"model":"h","tools":[{"type":"web\u005fsearch"}],"messages":[{"role":"user","content":"y"}]}'])
def test_what_leaves_something_behind_is_not_hedged(charged, raw):
    slow = {"now": False}

    def late(connection, _):
        time.sleep(0.4 if slow["now"] else 0)
        connection.sendall(answer())

    def other(connection, _):
        connection.sendall(answer())
    gateway = charged(late, other, models={"h": {
        "targets": [{"provider": "p", "model": "m"}, {"provider": "q", "model": "m"}],
        "hedge": {"after": "100ms", "percent": 20}}})
    for slow["now"] in [False] * 12 + [True]:  # each earns a fifth of one
        asked = raw if slow["now"] else {"model": "h", "messages": MESSAGES}
        before = len(charged.providers[1].seen)
        assert post(gateway, "/v1/chat/completions", asked)[0] == 200
    assert len(charged.providers[1].seen) == before


def test_what_a_provider_refused_is_free(charged):
    gateway = charged(lambda connection, _: connection.sendall(whole({"error": {"message": "no"}}, status="400 Bad")))
    assert post(gateway, "/v1/chat/completions", CALLS["chat"][1])[0] == 400
    row, = charged.rows(gateway, 1)
    assert (row["cost_nano_usd"], row["source"]) == (0, "none")


def message_stream(connection, end):
    connection.sendall(stream_head() + chunk(event("message_start", message={
        "id": "m", "type": "message", "role": "assistant", "content": [], "model": "m",
        "usage": {"input_tokens": 25, "output_tokens": 1}})) + chunk(event(
            "content_block_start", index=0, content_block={"type": "text", "text": ""})))
    for number in range(500):
        connection.sendall(chunk(event("content_block_delta", index=0,
                                       delta={"type": "text_delta", "text": f"word{number} "})))
    end(connection)


@pytest.mark.parametrize("how", ["cancelled", "broken", "left"])
def test_a_first_total_is_not_the_last_word(charged, how):
    """message_start tells one token of output; 500 words come, and then the end is missing."""
    def end(connection):
        if how != "broken":
            silent(connection, None)

    def script(connection, _):
        message_stream(connection, end)
        return True
    gateway = charged(script, generations={"on_disconnect": "cancel"})
    connection = send(gateway.address, "/v1/messages",
                      {"model": "m", "max_tokens": 5000, "stream": True, "messages": MESSAGES})
    connection.settimeout(5)
    got = b""
    while b"word499 " not in got:
        got += connection.recv(65536)
    if how == "cancelled":
        name = next(line for line in got.decode().split("\r\n") if line.lower().startswith("x-hawser-generation"))
        assert request(gateway.address, "POST", f"/v1/generations/{name.split(': ')[1]}/cancel")[0] == 200
    connection.close()
    row, = charged.rows(gateway, 1)
    assert (row["input"], row["source"], row["outcome"]) == (25, "estimated", "aborted")
    assert row["output"] >= 1000  # a word and its number


def test_the_last_word_counts_though_the_stream_was_cut_behind_it(charged):
    def end(connection):
        connection.sendall(chunk(event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1234})))
        time.sleep(0.3)

    def script(connection, _):
        message_stream(connection, end)
        return True
    gateway = charged(script)
    body = {"model": "m", "max_tokens": 5000, "stream": True, "messages": MESSAGES}
    request(gateway.address, "POST", "/v1/messages", body)
    row, = charged.rows(gateway, 1)
    assert (row["input"], row["output"], row["source"]) == (25, 1234, "provider")


def test_thoughts_that_nobody_saw_are_charged_as_reserved(charged):
    """Cancelled when the text is there: what the model thought before is told with the end only."""
    def script(connection, _):
        connection.sendall(stream_head() + chunk(event("response.created", response={
            "id": "resp_1", "status": "in_progress", "output": []})) + b"".join(
                chunk(event("response.output_text.delta", output_index=0, content_index=0, delta=f"w{i} "))
                for i in range(3)) + chunk(event("response.output_text.done", output_index=0, content_index=0, text="w")))
        return silent(connection, None)
    gateway = charged(script, admission={"output_tokens": 4000})
    tunnel = Tunnel(gateway.address)
    tunnel.ask("a", {"model": "m", "input": "x", "stream": True, "max_output_tokens": 3000}, path="/v1/responses")
    while tunnel.receive_json().get("d", {}).get("type") != "response.output_text.done":
        pass
    tunnel.send({"t": "cancel", "id": "a"})
    row, = charged.rows(gateway, 1)
    assert (row["output"], row["source"], row["outcome"]) == (3000, "estimated", "aborted")


def test_a_continued_stream_is_two_calls(charged):
    calls = []

    def script(connection, asked):
        calls.append(asked)
        if len(calls) == 1:
            connection.sendall(stream_head() + b"".join(chunk(delta(f"word{i} ")) for i in range(100)))
            time.sleep(0.1)
            return True
        connection.sendall(stream_head() + chunk(delta("tail")) + chunk(delta("", '"stop"')) +
                           chunk(usage_chunk(110, 5)) + chunk(DONE) + LAST)
    with Scripted(script) as provider:
        gateway = charged(script, providers={"p": provider.provider(prefill="prefix")}, retry={"continuation": True})
        status, _, text = post(gateway, "/v1/chat/completions",
                               {"model": "m", "max_tokens": 150, "stream": True, "messages": MESSAGES})
        rows = charged.rows(gateway, 2)
    assert status == 200 and b"word99" in text and b"tail" in text
    first, second = rows
    assert (first["outcome"], first["source"]) == ("aborted", "estimated") and first["output"] >= 150
    assert (second["input"], second["output"], second["source"], second["outcome"]) == (110, 5, "provider", "done")
    assert second["attempt"] > first["attempt"]


QUEUED = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "output": [], "usage": None}


def test_a_response_in_the_background_is_refused_where_a_hard_budget_binds(charged):
    gateway = charged(lambda connection, _: connection.sendall(whole(QUEUED)))
    for raw in (r'{"model":"m","input":"x","background":true}', r'{"model":"m","input":"x","backgr\u006fund":true}'):
        status, _, text = post(gateway, "/v1/responses", raw)
        assert status == 403 and b"admission.background_responses" in text
    assert charged.providers[0].seen == []


@pytest.mark.parametrize("config", [{"admission": {"background_responses": True}},
                                    {"budgets": [{"name": "b", "period": "day", "soft": "1"}]}])
def test_a_response_in_the_background_is_charged_as_reserved(charged, config):
    gateway = charged(lambda connection, _: connection.sendall(whole(QUEUED)), **config)
    body = {"model": "m", "input": "x", "background": True, "max_output_tokens": 400}
    assert post(gateway, "/v1/responses", body)[0] == 200
    row, = charged.rows(gateway, 1)
    assert (row["output"], row["source"]) == (400, "estimated") and row["cost_nano_usd"] >= 400 * MICRO


@pytest.mark.parametrize("n", ["64", "64.0", "6.4e1", '"64"', '"64.0"', '" 64 "', r'"\u00364"'])
def test_a_number_of_answers_is_one_in_every_spelling(charged, n):
    """64 x 100 tokens are $6.40, and there are $4."""
    gateway = charged(lambda connection, _: connection.sendall(answer()), hard="4")
    gemini = "/v1beta/models/m:generateContent"
    for path, raw in (
            ("/v1/chat/completions", '{"model":"m","n":%s,"max_tokens":100,"messages":[]}'),
            ("/v1/chat/completions", r'{"model":"m","\u006e":%s,"max_tokens":100,"messages":[]}'),
            ("/v1/completions", '{"model":"m","best_of":%s,"max_tokens":100,"prompt":"x"}'),
            (gemini, '{"contents":[],"generationConfig":{"maxOutputTokens":100,"candidateCount":%s}}'),
            (gemini, '{"contents":[],"generation_config":{"max_output_tokens":100,"candidate_count":%s}}'),
            (gemini, r'{"contents":[],"generationC\u006fnfig":{"maxOutputTokens":100,"candidateC\u006funt":%s}}')):
        assert post(gateway, path, raw % n)[0] == 429, raw
    assert charged.providers[0].seen == []


@pytest.mark.parametrize("path,raw", [
    ("/v1/chat/completions", '{"model":"m","n":"many","messages":[]}'),
    ("/v1/chat/completions", '{"model":"m","n":[1],"messages":[]}'),
    ("/v1/chat/completions", '{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_usage":false},"messages":[]}'),
    ("/v1/chat/completions", '{"model":"m","stream":true,"stream_options":{"include_usage":true,"Include_Usage":false},"messages":[]}'),
    ("/v1beta/models/m:generateContent", '{"generationConfig":{"candidateCount":1,"candidateCount":64}}'),
    ("/v1beta/models/m:generateContent", '{"generationConfig":{"candidateCount":1,"candidate_count":64}}'),
    ("/v1beta/models/m:generateContent", '{"generationConfig":{},"generation_config":{"candidateCount":64}}'),
    ("/v1beta/models/m:generateContent?fields=candidates", '{"contents":[]}'),
    ("/v1beta/models/m:generateContent?f%69elds=candidates", '{"contents":[]}'),
    ("/v1beta/models/m:generateContent?%24fields=candidates", '{"contents":[]}')])
def test_what_nobody_could_count_is_refused(charged, path, raw):
    gateway = charged(lambda connection, _: connection.sendall(answer()))
    assert post(gateway, path, raw)[0] == 400
    assert charged.providers[0].seen == []


def test_a_field_mask_is_refused_where_usage_counts(charged):
    gateway = charged(lambda connection, _: connection.sendall(answer()))
    status, _, _ = request(gateway.address, "POST", "/v1beta/models/m:generateContent", '{"contents":[]}',
                           {**JSON, "X-Goog-FieldMask": "candidates"})
    assert status == 400 and charged.providers[0].seen == []


@pytest.mark.parametrize("name", ["messages", r"messag\u0065s"])
def test_texts_count_however_their_member_is_spelled(charged, name):
    gateway = charged(lambda connection, _: connection.sendall(answer()), rate_limits=[
        {"name": "t", "unit": "input_tokens", "rate": "1000/d", "burst": 1000}])
    raw = '{"model":"m","max_tokens":1,"%s":[{"role":"user","content":"%s"}]}' % (name, "word " * 5000)
    assert post(gateway, "/v1/chat/completions", raw)[0] == 429


def test_an_answer_is_as_long_as_its_own_api_says(charged):
    """$0.512 are reserved where nothing bounds it: a word of another API bounds nothing."""
    gateway = charged(lambda connection, _: connection.sendall(answer()), hard="0.3")
    for more in ('"max_output_tokens":1', '"generationConfig":{"maxOutputTokens":1}'):
        assert post(gateway, "/v1/chat/completions", '{"model":"m",%s,"messages":[]}' % more)[0] == 429
    assert post(gateway, "/v1/chat/completions", '{"model":"m","max_tokens":1,"messages":[]}')[0] == 200


@pytest.mark.parametrize("begin", [b"\n", b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r"])
def test_a_stream_that_ends_within_its_usage(tmp_path, begin, end):
    """The gateway asked for the usage itself, and takes its chunk out again: here half of one is there."""
    events = begin + b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}' + end
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    def script(connection, _):
        connection.sendall(head + events)
        return True  # ends the connection
    with Scripted(script) as provider, \
            Gateway(tmp_path, providers={"p": provider.provider()}, retry={"attempts_max": 1}) as gateway:
        status, _, answer = chat(gateway.address, stream=True)
        assert status == 502 or b'"usage"' not in answer
        assert chat(gateway.address, stream=True)[0] in (200, 502)  # it lives

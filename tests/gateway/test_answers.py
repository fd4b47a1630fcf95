"""What an answer is, where it ends and what it used is read from what it says: not from its bytes, its label, its
segments, or what either connection does."""
import contextlib
import hashlib
import json
import socket
import sqlite3
import threading
import time

import pytest

from support.guard import Guard
from support.http import chat, connect, events, read_until_closed, request
from support.programs import Gateway
from support.scripted import DONE, LAST, Scripted, chunk, delta, event, stream_head, usage_chunk, whole
from support.websocket import WebSocket

CHAT = "/v1/chat/completions"


@contextlib.contextmanager
def behind(script, folder, **config):
    with Scripted(script) as provider, Gateway(folder, workers=1, providers={"p": provider.provider()}, **config) as gateway:
        gateway.provider = provider
        yield gateway


def ask(gateway, content="hi", path=CHAT, headers=None, timeout=30, **members):
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **members}
    return request(gateway.address, "POST", path, body, headers, timeout)


def logged(gateway, count=1):
    """The last line of the access log, once there are `count`."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = gateway.access_log.read_text().splitlines() if gateway.access_log.exists() else []
        if len(lines) >= count:
            return json.loads(lines[count - 1])
        time.sleep(0.02)
    raise AssertionError("the access log lacks a line")


# --- the end

def plain(text, tail=',"finish_reason":null', more=""):
    return f'data: {{"choices":[{{"index":0,"delta":{{"content":{json.dumps(text)}}}{tail}}}]{more}}}\n\n'


@pytest.mark.parametrize("tail,more,last", [
    (',"finish_reason":null', "", "word"), (',"finish_reason":""', "", "word"), ("", "", "word"),
    (',"finish_reason":null', ',"error":null', "word"), (',"finish_reason":null', ',"usage":null', "word"),
    ("", "", "[DONE]"), ("", "", 'data: [DONE]\n\n'), ("", "", '"finish_reason":"stop"'),
    (',"finish_reason":""', "", '{"error":{"a":1}}')])
def test_a_stream_without_an_end_is_told_as_broken(tmp_path, tail, more, last):
    def script(connection, _):
        connection.sendall(stream_head())
        for text in ("one ", "two ", last):
            connection.sendall(chunk(plain(text, tail, more)))
            time.sleep(0.02)
        connection.sendall(LAST)
        return True

    with behind(script, tmp_path) as gateway:
        _, _, body = ask(gateway, stream=True)
        assert json.loads(events(body)[-1])["error"]["code"] == "connection", body
        assert logged(gateway)["error"] == "connection"


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("behind_it", ["silence", "comments", "reset"])
def test_behind_its_end_a_stream_is_over(tmp_path, done, behind_it):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(delta("hello")) + chunk(delta("", '"stop"')))
        if done:
            connection.sendall(chunk(DONE))
        if behind_it == "reset":
            time.sleep(0.1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return True
        for _ in range(60):
            time.sleep(0.1)
            if behind_it == "comments":
                connection.sendall(chunk(": still here\n\n"))
        return True

    limits = [{"name": "one", "unit": "concurrent", "max": 1}]
    with behind(script, tmp_path, timeouts={"stall": "3s", "total": "20s"}, rate_limits=limits) as gateway:
        begun = time.monotonic()
        _, _, body = ask(gateway, stream=True)
        assert time.monotonic() - begun < 2
        assert b'"error":{' not in body and b'"stop"' in body
        line = logged(gateway)
        assert line["status"] == 200 and not line.get("error")
        # Its place is free at once.
        assert ask(gateway, "again", stream=True)[0] == 200


def test_the_connection_of_a_stream_that_is_over_is_used_again(tmp_path):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(delta("a")) + chunk(delta("", '"stop"')) + chunk(DONE))
        time.sleep(0.1)
        connection.sendall(LAST)

    with behind(script, tmp_path) as gateway:
        for number in range(3):
            assert ask(gateway, str(number), stream=True)[0] == 200
            time.sleep(0.3)
        assert gateway.metric('hawser_upstream_connections_total{reused="true"}') == 2 or \
            sum(value for name, value in gateway.metrics().items() if "upstream_connections" in name and "reused" in name) >= 2


def test_all_choices_are_waited_for(tmp_path):
    def script(connection, _):
        connection.sendall(stream_head())
        for index in (0, 1):
            connection.sendall(chunk(f'data: {{"choices":[{{"index":{index},"delta":{{"content":"a"}},"finish_reason":"stop"}}]}}\n\n'))
            time.sleep(1)
        connection.sendall(chunk(DONE) + LAST)

    with behind(script, tmp_path, timeouts={"ending": "300ms"}) as gateway:
        _, _, body = ask(gateway, stream=True, n=2)
        assert b'"index":1' in body and b'"error":{' not in body


BEHIND = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"BEHIND"}}]}\n\n: BEHIND\n\ndata: BEHIND\n\n'
ENDS = {  # the last words of an answer, with its terminal event
    "chat": (CHAT, delta("", '"stop"') + DONE),
    "chat with usage": (CHAT, delta("", '"stop"') + usage_chunk(5, 8) + DONE),
    "chat in CRLF": (CHAT, "data: [DONE]\r\n\r\n"),
    "an error": (CHAT, 'data: {"error":{"message":"x","code":500}}\n\n'),
    "responses": ("/v1/responses", event("response.completed", response={"id": "r", "output": []})),
    "messages": ("/v1/messages", event("message_stop")),
}


def ends_at_every_byte(ending):
    """The number that is asked tells where the last words, and what is behind them, are cut in two."""
    def script(connection, request):
        body = request.json()
        cut = int(body["input"] if "input" in body else body["messages"][0]["content"])
        text = (ENDS[ending][1] + BEHIND).encode()
        connection.sendall(stream_head() + chunk(delta("hello") if CHAT == ENDS[ending][0] else event("ping")))
        if cut:
            connection.sendall(chunk(text[:cut]))
            time.sleep(0.003)
        connection.sendall((chunk(text[cut:]) if cut < len(text) else b"") + LAST)
    return script


def ask_where_to_cut(gateway, path, cut, **members):
    content = {"input": str(cut)} if path == "/v1/responses" else {"messages": [{"role": "user", "content": str(cut)}]}
    return request(gateway.address, "POST", path, {"model": "m", "stream": True, "max_tokens": 9, **content, **members})


WAYS = {
    "record": {}, "without ids": {"generations": {"event_ids": False}},
    "filter": {"filter": {"rules": [{"name": "all", "detect": ["email"]}]}},
    "guard": {}, "cache": {"cache": {"mode": "auto"}},
    "usage taken out": {"rate_limits": [{"name": "t", "unit": "tokens", "rate": "1000000000/s"}]},
}


@pytest.mark.parametrize("way,ending", [(way, "chat") for way in WAYS] + [("record", ending) for ending in ENDS if ending != "chat"]
                         + [("filter", "responses"), ("guard", "messages"), ("usage taken out", "chat with usage")])
def test_nothing_behind_the_end_goes_out(tmp_path, way, ending):
    """Neither where it comes with the end in one read, nor behind it, nor cut in between."""
    path, words = ENDS[ending]
    config = dict(WAYS[way])
    with contextlib.ExitStack() as stack:
        if way == "guard":
            guard = stack.enter_context(Guard(lambda text: ("BEHIND" not in text, "")))
            config["guards"] = [guard.config()]
        gateway = stack.enter_context(behind(ends_at_every_byte(ending), tmp_path, **config))
        told = set()
        for cut in range(len(words) + len(BEHIND) + 1):
            status, headers, body = ask_where_to_cut(gateway, path, cut)
            assert status == 200 and b"BEHIND" not in body, (cut, body)
            bodies = [body]
            if cut % 16 == 0:
                again = request(gateway.address, "GET", f"/v1/generations/{headers['x-hawser-generation']}/events")[2]
                bodies.append(ask_where_to_cut(gateway, path, cut)[2] if way == "cache" else again)
            told.update(tuple(events(one)) for one in bodies)
        assert len(told) == 1, told
        assert told.pop()[-1].strip() == events(words.encode())[-1].strip()


@pytest.mark.parametrize("cut", [0, 10, len(DONE), len(DONE) + 5])
def test_nothing_behind_the_end_goes_out_over_a_websocket(tmp_path, cut):
    def script(connection, _):
        text = (DONE + BEHIND).encode()
        connection.sendall(stream_head() + chunk(delta("hello")) + (chunk(text[:cut]) if cut else b""))
        time.sleep(0.003)
        connection.sendall(chunk(text[cut:]) + LAST)

    with behind(script, tmp_path) as gateway:
        chat = WebSocket(gateway.address, "/v1/chat")
        for _ in range(2):
            chat.send({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
            told = []
            while not told or told[-1] != "[DONE]":
                told.append(chat.receive())
            assert len(told) == 2 and "BEHIND" not in "".join(told)


# --- usage

BODY = json.dumps({"id": "c", "metadata": {"usage": {"prompt_tokens": 1}}, "choices": [{"index": 0, "message": {
    "role": "assistant", "content": "x" * 50}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 700, "completion_tokens": 900}, "x": {"usage": "none"}}).encode()


def test_usage_is_read_wherever_a_segment_ends(tmp_path):
    cuts = [BODY.index(b'"usage": {"prompt_tokens": 700') + 3, BODY.index(b"700") + 1, BODY.index(b"900") + 2, 1]

    def script(connection, request):
        cut = int(request.json()["messages"][0]["content"])
        head, _, _ = whole(BODY).partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n" + BODY[:cut])
        time.sleep(0.1)
        connection.sendall(BODY[cut:])

    with behind(script, tmp_path) as gateway:
        for number, cut in enumerate(cuts):
            assert ask(gateway, str(cut))[2] == BODY
            line = logged(gateway, number + 1)
            assert (line["input_tokens"], line["output_tokens"]) == (700, 900), cut


@pytest.mark.parametrize("path,answer,expected", [
    ("/v1/images/generations", {"data": [{"b64_json": "QUJD"}], "usage": {"input_tokens": 50, "output_tokens": 4160}}, (50, 4160)),
    ("/v1/audio/transcriptions", {"text": "hi", "usage": {"type": "tokens", "input_tokens": 9000, "output_tokens": 1000}}, (9000, 1000)),
    ("/v1/rerank", {"results": [], "usage": {"total_tokens": 50000}}, (50000, 0))])
def test_usage_of_what_is_no_chat(tmp_path, path, answer, expected):
    form = ('--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name="file"; '
            'filename="a.mp3"\r\n\r\nxxx\r\n--b--\r\n')
    with behind(lambda connection, _: connection.sendall(whole(answer)), tmp_path) as gateway:
        if "audio" in path:
            assert request(gateway.address, "POST", path, form, {"Content-Type": "multipart/form-data; boundary=b"})[0] == 200
        else:
            assert request(gateway.address, "POST", path, {"model": "m", "prompt": "a", "input": "a", "query": "a"})[0] == 200
        line = logged(gateway)
        assert (line.get("input_tokens", 0), line.get("output_tokens", 0)) == expected


def test_an_answer_that_is_read_again_is_not_paid_again(tmp_path):
    answer = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 5, "output_tokens": 7}}
    with behind(lambda connection, _: connection.sendall(whole(answer)), tmp_path) as gateway:
        request(gateway.address, "GET", "/v1/responses/resp_1")
        assert not logged(gateway).get("output_tokens")


def thinking(connection, request):
    connection.sendall(stream_head() + chunk(delta("42")) + chunk(delta("", '"stop"')))
    if (request.json().get("stream_options") or {}).get("include_usage"):
        connection.sendall(chunk(usage_chunk(20, 9006, completion_tokens_details={"reasoning_tokens": 9000})))
    connection.sendall(chunk(DONE) + LAST)


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_obfuscation": False}, {"include_usage": True}])
def test_the_gateway_asks_for_the_usage_that_it_counts(tmp_path, options):
    members = {} if options is None else {"stream_options": options}
    with behind(thinking, tmp_path, ledger={"path": str(tmp_path / "ledger.db")},
                budgets=[{"name": "b", "period": "day", "hard": "50"}]) as gateway:
        _, _, body = ask(gateway, stream=True, model="gpt-4o", **members)
        wanted = bool(options and options.get("include_usage"))
        assert (b'"usage"' in body) == wanted and events(body)[-1] == "[DONE]"
        assert json.loads(events(body)[0])["choices"][0]["delta"]["content"] == "42"
        sent = gateway.provider.seen[0].json()["stream_options"]
        assert sent == {**(options or {}), "include_usage": True}
        rows = []
        end = time.monotonic() + 10
        while not rows and time.monotonic() < end:
            time.sleep(0.1)
            rows = sqlite3.connect(tmp_path / "ledger.db").execute("select input, output, source from attempts").fetchall()
        assert rows == [(20, 9006, "provider")]


def test_nobody_asks_where_nothing_counts(tmp_path):
    with behind(thinking, tmp_path) as gateway:
        ask(gateway, stream=True)
        assert "stream_options" not in gateway.provider.seen[0].json()


def test_a_provider_that_refuses_the_option_is_not_asked(tmp_path):
    with Scripted(thinking) as provider, Gateway(tmp_path, workers=1, providers={"p": provider.provider(stream_usage=False)},
                                                 ledger={"path": str(tmp_path / "ledger.db")}) as gateway:
        ask(gateway, stream=True)
        assert "stream_options" not in provider.seen[0].json()


# --- what a stream is

def test_a_stream_under_another_label_is_a_stream(tmp_path):
    def script(connection, _):
        connection.sendall(stream_head("text/plain") + chunk(delta("a")))
        return True

    with behind(script, tmp_path) as gateway:
        _, headers, body = ask(gateway, stream=True)
        assert headers["content-type"].startswith("text/event-stream")
        assert json.loads(events(body)[-1])["error"]["code"] == "connection"


def test_a_body_that_is_labelled_as_a_stream_is_a_body(tmp_path):
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    with behind(lambda connection, _: connection.sendall(whole(answer, "text/event-stream")), tmp_path) as gateway:
        status, headers, body = ask(gateway, stream=True)
        assert status == 200 and headers["content-type"] == "application/json" and json.loads(body) == answer
        assert logged(gateway)["output_tokens"] == 4


FIRST_ERRORS = {
    "chat": (CHAT, 'data: {"error":{"message":"x","code":429}}\n\n'),
    "with choices": (CHAT, 'data: {"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"x"}}\n\n'),
    "named": (CHAT, 'event: error\ndata: {"message":"x"}\n\n'),
    "flat": (CHAT, 'data: {"object": "error","message":"x","type":"server_error","code":50001}\n\n'),
    "escaped": (CHAT, 'data: {"\\u0065rror":{"message":"x"}}\n\n'),
    "a body": (CHAT, '{"error":{"message":"x"}}'),
    "messages": ("/v1/messages", 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'),
    "responses": ("/v1/responses", 'data: {"type":"response.created","response":{"id":"r"}}\n\ndata: {"type":"response.failed","response":{"id":"r"}}\n\n'),
}


@pytest.mark.parametrize("form", FIRST_ERRORS)
def test_an_error_in_place_of_content_is_asked_of_the_next_target(tmp_path, form):
    path, text = FIRST_ERRORS[form]
    good = {CHAT: delta("fine") + delta("", '"stop"') + DONE,
            "/v1/messages": event("message_start", message={}) + event("message_stop"),
            "/v1/responses": event("response.completed", response={"id": "r"})}[path]

    def writes(content):
        return lambda connection, _: connection.sendall(stream_head() + chunk(content) + LAST)

    with Scripted(writes(text)) as bad, Scripted(writes(good)) as fine, Gateway(
            tmp_path, workers=1, providers={"bad": bad.provider(), "fine": fine.provider()},
            models={"m": {"targets": [{"provider": "bad"}, {"provider": "fine"}]}}) as gateway:
        status, _, body = ask(gateway, path=path, stream=True, input="hi", max_tokens=9)
        assert status == 200 and (len(bad.seen), len(fine.seen)) == (1, 1)
        assert b"error" not in body


# --- outside generation

def test_the_head_of_a_subscription_comes_at_once(tmp_path):
    def script(connection, _):
        connection.sendall(stream_head())
        time.sleep(1)
        connection.sendall(chunk(": nothing yet\n"))
        time.sleep(1)
        connection.sendall(chunk('event: status\ndata: {"type":"session.status_idle"}\n\n') + LAST)

    # The comment is a sign of life: all in all it is silent for longer than it may.
    with behind(script, tmp_path, timeouts={"stall": "1500ms", "first_token": "500ms"}) as gateway:
        connection = connect(gateway.address)
        begun = time.monotonic()
        connection.sendall(b"GET /v1/sessions/x/events/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200" and time.monotonic() - begun < 0.8
        rest, _ = read_until_closed(connection)
        assert b"session.status_idle" in rest and b'"error"' not in rest


def test_an_empty_subscription_is_asked_for_once(tmp_path):
    with behind(lambda connection, _: connection.sendall(stream_head() + LAST), tmp_path) as gateway:
        status, _, body = request(gateway.address, "GET", "/v1/sessions/x/events/stream")
        assert (status, body, len(gateway.provider.seen)) == (200, b"", 1)


# --- errors

def half_a_response(connection, _):
    connection.sendall(stream_head() + chunk(
        event("response.created", sequence_number=0, response={"id": "resp_1", "model": "m", "created_at": 7, "status": "in_progress"})
        + event("response.output_text.delta", sequence_number=1, delta="half ")))
    time.sleep(0.2)
    return True


def test_a_broken_response_ends_as_its_api_does(tmp_path):
    with behind(half_a_response, tmp_path) as gateway:
        _, headers, body = request(gateway.address, "POST", "/v1/responses", {"model": "m", "input": "hi", "stream": True})
        told = [json.loads(data) for data in events(body)]
        assert [one["type"] for one in told[-2:]] == ["error", "response.failed"]
        assert [one["sequence_number"] for one in told] == [0, 1, 2, 3]
        failed = told[-1]["response"]
        assert failed["id"] == "resp_1" and failed["status"] == "failed" and failed["model"] == "m"
        assert failed["error"]["code"] == "server_error" and failed["error"]["message"]
        assert told[-2]["message"] == failed["error"]["message"]
        # Who takes it up behind its first event is told the same.
        path = f"/v1/generations/{headers['x-hawser-generation']}/events?after=0"
        again = [json.loads(data) for data in events(request(gateway.address, "GET", path)[2])]
        assert [one["sequence_number"] for one in again] == [1, 2, 3] and again[-1]["response"]["id"] == "resp_1"


def test_a_broken_response_over_a_websocket(tmp_path):
    with behind(half_a_response, tmp_path) as gateway:
        socket_ = WebSocket(gateway.address, "/v1/responses")
        socket_.send({"type": "response.create", "model": "m", "input": "hi"})
        told = []
        while not told or told[-1]["type"] != "response.failed":
            told.append(socket_.receive_json())
        assert told[-1]["response"]["id"] == "resp_1" and told[-2]["type"] == "error"
        socket_.close()


@pytest.mark.parametrize("headers,check", [
    ({}, lambda error: error["error"]["code"] is not None),
    ({"anthropic-version": "2023-06-01"}, lambda error: error["type"] == "error" and error["error"]["type"] == "not_found_error"),
    ({"x-goog-api-client": "genai"}, lambda error: error["error"]["status"] == "NOT_FOUND")])
def test_errors_are_in_the_dialect_that_the_headers_tell(tmp_path, headers, check):
    with behind(lambda connection, _: True, tmp_path) as gateway:
        status, _, body = request(gateway.address, "GET", "/elsewhere", headers=headers)
        assert status == 404 and check(json.loads(body)), body


# --- the same request again

def story(gateway_of):
    def script(connection, _):
        number = len(gateway_of[0].provider.seen)
        connection.sendall(stream_head())
        for word in range(8):
            connection.sendall(chunk(delta(f"answer{number}.{word} ")))
            time.sleep(0.1)
        connection.sendall(chunk(delta("", '"stop"')) + chunk(usage_chunk(5, 8)) + chunk(DONE))
        time.sleep(0.3)
        connection.sendall(LAST)
    return script


def leave_after(gateway, mark, content, extra=""):
    """Reads up to `mark` and closes the connection."""
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": content}]})
    connection = connect(gateway.address)
    connection.sendall((f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{extra}Content-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    raw = b""
    while mark not in raw:
        raw += connection.recv(65536)
    connection.close()


@pytest.mark.parametrize("headers,expected", [({}, b"answer2."), ({"x-stainless-retry-count": "1"}, b"answer1."),
                                              ({"x-hawser-reattach": "on"}, b"answer1.")])
def test_stop_and_ask_again_gets_a_new_answer(tmp_path, headers, expected):
    """But who says that he repeats it gets the old one."""
    place = []
    with behind(story(place), tmp_path) as gateway:
        place.append(gateway)
        leave_after(gateway, b"answer1.1", "a story")
        time.sleep(0.2)
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a story"}]}
        _, _, answer = request(gateway.address, "POST", CHAT, body, headers)
        assert expected + b"0" in answer and DONE.encode() in answer


@pytest.mark.parametrize("mark", [b"[DONE]", b'"stop"'])
def test_who_closes_behind_the_end_was_not_cancelled(tmp_path, mark):
    place = []
    with behind(story(place), tmp_path) as gateway:
        place.append(gateway)
        leave_after(gateway, mark, "a story")
        line = logged(gateway)
        assert line["status"] == 200 and not line.get("error"), line
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a story"}]}
        _, _, answer = request(gateway.address, "POST", CHAT, body, {"x-stainless-retry-count": "1"})
        assert b"answer2.0" in answer


@pytest.mark.parametrize("way", ["plain", "filter", "guard"])
def test_who_closes_behind_the_finish_reason_was_not_cancelled(tmp_path, way):
    """Whoever reads the answer on its way knows that it is all there."""
    left = threading.Event()

    def script(connection, _):
        connection.sendall(stream_head() + chunk(delta("hello")) + chunk(delta("", '"stop"')))
        left.wait(5)
        connection.sendall(chunk(DONE) + LAST)

    with Guard(lambda text: (True, "")) as guard:
        config = {"plain": {}, "guard": {"guards": [guard.config()]},
                  "filter": {"filter": {"rules": [{"name": "all", "detect": ["email"]}]}}}[way]
        with behind(script, tmp_path, timeouts={"ending": "10s"}, generations={"on_disconnect": "cancel"}, **config) as gateway:
            leave_after(gateway, b'"stop"', "hi")
            line = logged(gateway)
            left.set()
            assert line["status"] == 200 and not line.get("error"), line


def test_a_shared_key_joins_nobody_by_equal_bodies(tmp_path):
    place = []
    keys = [{"name": "app", "hash": "sha256:" + hashlib.sha256(b"k").hexdigest(), "shared": True}]
    with behind(story(place), tmp_path, keys=keys) as gateway:
        place.append(gateway)
        leave_after(gateway, b"answer1.1", "a story", "Authorization: Bearer k\r\n")
        time.sleep(0.2)
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a story"}]}
        _, _, answer = request(gateway.address, "POST", CHAT, body,
                               {"Authorization": "Bearer k", "x-stainless-retry-count": "1"})
        assert b"answer2.0" in answer

"""Data filters: what is planted in prompts and answers must not come out, on any way through the gateway."""
import contextlib
import hashlib
import json
import time

import pytest

from support.grpc import contract
from support.http import events, request
from support.messages import Messages
from support.programs import Gateway
from support.scripted import DONE, LAST, Scripted, chunk, delta, stream_head
from support.websocket import Tunnel

SECRETS = {"AKIAQ7ZXN3PLM4KTVB2R": "[KEY]", "jane.doe@example.com": "[EMAIL]", "+14155550132": "[PHONE]",
           "4111 1111 1111 1111": "[CARD]", "DE89370400440532013000": "[IBAN]"}
MASKS = [{"name": "all", "detect": ["credential", "private_key", "jwt", "email", "phone", "bank_card", "iban"]}]


@pytest.fixture
def filtered(sim, tmp_path):
    with contextlib.ExitStack() as stack:
        def start(*rules, **config):
            config.setdefault("providers", {"sim": sim.provider()})
            return stack.enter_context(Gateway(tmp_path, filter={"rules": list(rules)}, **config))
        yield start


def ask(gateway, text, stream=False, path="/v1/chat/completions", headers=None, **members):
    content = [{"role": "user", "content": text}]
    body = {"/v1/chat/completions": {"messages": content}, "/v1/responses": {"input": text},
            "/v1/completions": {"prompt": text}, "/v1/embeddings": {"input": text},
            "/v1/messages": {"messages": content}}[path]
    more = {} if path == "/v1/embeddings" else {"stream": stream, "max_tokens": 500, "max_output_tokens": 500}
    return request(gateway.address, "POST", path, {"model": "m", **body, **more, **members}, headers)


def told(path, stream, body):
    """The text that a client puts together."""
    if not stream:
        answer = json.loads(body)
        if path == "/v1/responses":
            return "".join(part["text"] for item in answer["output"] for part in item.get("content", []))
        choice = answer["choices"][0]
        return choice["text"] if path == "/v1/completions" else choice["message"]["content"]
    out = ""
    for data in events(body):
        if data == "[DONE]":
            continue
        event = json.loads(data)
        if path == "/v1/responses":
            out += event["delta"] if event["type"] == "response.output_text.delta" else ""
        else:
            for choice in event["choices"]:
                out += choice.get("text") or choice.get("delta", {}).get("content") or ""
    return out


WAYS = [(path, stream) for path in ("/v1/chat/completions", "/v1/responses", "/v1/completions") for stream in (False, True)]


@pytest.mark.parametrize("path,stream", WAYS)
@pytest.mark.parametrize("direction", ["prompt", "answer"])
def test_nothing_planted_comes_through(filtered, sim, path, stream, direction):
    gateway = filtered(*[{**rule, "in": direction} for rule in MASKS])
    text = "say: call me, " + ", then ".join(SECRETS) + ", and good bye"
    status, _, body = ask(gateway, text, stream, path)
    assert status == 200
    wanted = text[5:]
    for secret, mask in SECRETS.items():
        assert secret not in body.decode() and (direction == "answer") == (secret in sim.journal()[0]["body"])
        wanted = wanted.replace(secret, mask)
    assert told(path, stream, body) == wanted
    name = f'hawser_filter_findings_total{{rule="all",direction="{direction}"}}'
    assert gateway.settled_metric(name, len(SECRETS)) >= len(SECRETS)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cut", [1, 5, 40])
def test_messages_in_thought_in_words_and_to_tools(filtered, stream, cut):
    """Each channel of an answer of Anthropic's form is filtered for itself; pseudonyms come back in each."""
    with Messages(cut) as claude:
        gateway = filtered({"name": "people", "detect": ["email", "phone"], "action": "pseudonymise", "in": "prompt"},
                           {"name": "keys", "detect": ["credential"], "in": "answer"},
                           providers={"claude": claude.provider()})
        text = "write to jane.doe@example.com, or +14155550132, of AKIAQ7ZXN3PLM4KTVB2R at once"
        status, _, body = ask(gateway, text, stream, "/v1/messages")
        assert status == 200 and "jane" not in claude.bodies[0] and "0132" not in claude.bodies[0]
        if stream:
            told_by = {"thinking": "", "text": "", "partial_json": ""}
            for event in map(json.loads, events(body)):
                for member, part in event.get("delta", {}).items():
                    if member in told_by:
                        told_by[member] += part
            texts = [told_by["thinking"], told_by["text"], json.loads(told_by["partial_json"])["to"]]
        else:
            thought, words, tool = json.loads(body)["content"]
            texts = [thought["thinking"], words["text"], tool["input"]["to"]]
        assert texts == [text.replace("AKIAQ7ZXN3PLM4KTVB2R", "[KEY]")] * 3


def test_embeddings_and_tools(filtered, sim):
    gateway = filtered(*MASKS)
    ask(gateway, "embed jane.doe@example.com", path="/v1/embeddings")
    assert "jane.doe" not in sim.journal()[0]["body"] and "[EMAIL]" in sim.journal()[0]["body"]
    tools = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {
        "to": {"enum": ["jane.doe@example.com"]}}}}}]
    for stream in (False, True):
        body = ask(gateway, "hello", stream, tools=tools)[2].decode()
        assert "jane.doe" not in body and "tool_calls" in body


@pytest.mark.parametrize("path,stream", WAYS)
def test_pseudonyms_are_the_clients_alone(filtered, sim, path, stream):
    """The provider sees a pseudonym, the client its value again, cut wherever it is."""
    gateway = filtered({"name": "people", "detect": ["email", "phone"], "action": "pseudonymise"})
    text = "say: Dear jane.doe@example.com, jane.doe@example.com is you, call +14155550132 or bob@example.org"
    for _ in range(2):
        status, _, body = ask(gateway, text, stream, path, {"x-sim-chunking": "7"})
        assert status == 200 and told(path, stream, body) == text[5:]
    first, second = (entry["body"] for entry in sim.journal())
    assert "jane" not in first and "0132" not in first and "bob@" not in first
    assert first == second and first.count("EMAIL_") == 3


def test_actions(filtered, sim):
    gateway = filtered({"name": "code", "pattern": "PRJ-[0-9]{4}", "action": "drop", "in": "prompt"},
                       {"name": "words", "keywords": ["Bluebird"], "any_case": True, "action": "mask", "replacement": "***"},
                       {"name": "ids", "detect": ["ip"], "action": "hash"},
                       {"name": "mail", "detect": ["email"], "action": "flag"})
    _, _, body = ask(gateway, "say: PRJ-1234 BLUEBIRD bluebird 192.0.2.7 me@example.com end")
    text = told("/v1/chat/completions", False, body)
    assert text.split()[:2] == ["***", "***"] and text.split()[-2:] == ["me@example.com", "end"]
    assert text.split()[2].startswith("IP#")
    assert gateway.settled_metric('hawser_filter_findings_total{rule="mail",direction="prompt"}', 1) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_blocking(filtered, sim, stream):
    gateway = filtered({"name": "no keys", "detect": ["credential"], "action": "block", "in": "prompt"},
                       {"name": "secret plan", "keywords": ["Bluebird"], "action": "block", "in": "answer"})
    status, _, body = ask(gateway, "use AKIAQ7ZXN3PLM4KTVB2R please", stream)
    assert status == 400 and "no keys" in json.loads(body)["error"]["message"] and not sim.journal()
    status, _, body = ask(gateway, "say: the plan is Bluebird at noon", stream)
    assert b"Bluebird" not in body and b"noon" not in body and b"filter" in body
    assert status == (200 if stream else 400)


def test_what_nothing_is_found_in_is_byte_for_byte_the_providers(filtered, sim):
    gateway = filtered({"name": "keys", "detect": ["credential", "jwt"]}, generations={"event_ids": False})
    for stream in (False, True):
        through = ask(gateway, "say: one two three four", stream)[2]
        host, port = sim.address.rsplit(":", 1)
        body = {"model": "m", "messages": [{"role": "user", "content": "say: one two three four"}], "stream": stream,
                "max_tokens": 500, "max_output_tokens": 500}
        direct = request((host, int(port)), "POST", "/v1/chat/completions", body)[2]
        number = [json.loads(data)["id"] for data in events(direct)[:1]] if stream else [json.loads(direct)["id"]]
        own = [json.loads(data)["id"] for data in events(through)[:1]] if stream else [json.loads(through)["id"]]
        assert through.replace(own[0].encode(), number[0].encode()) == direct


@pytest.mark.parametrize("data", ["to jane.doe@example.com", '["jane.doe@example.com"]', '"jane.doe\\u0040example.com"', '{"a":',
                                  '{"a":' * 200 + '"jane.doe@example.com"' + "}" * 200])
@pytest.mark.parametrize("pass_unread", [[], ["chat"]])
def test_an_event_that_a_rule_cannot_read_does_not_pass(tmp_path, data, pass_unread):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(delta("fine. ")) + chunk(f"data: {data}\n\n") + chunk(delta("", '"stop"')) +
                           chunk(DONE) + LAST)

    with Scripted(script) as provider, Gateway(tmp_path, providers={"p": provider.provider()}, retry={"attempts_max": 1},
                                               filter={"rules": MASKS, "pass_unread": pass_unread}) as gateway:
        body = ask(gateway, "hi", stream=True)[2]
        if pass_unread:
            assert b"fine" in body and data.encode() in body
        else:
            assert data.encode() not in body and b"an event is not a JSON object" in body, body


def streamed(tmp_path, frames, action="mask", path="/v1/chat/completions"):
    """What a client gets of these frames."""
    def script(connection, _):
        connection.sendall(stream_head() + b"".join(chunk(frame) for frame in frames) + LAST)

    rules = [{"name": "mail", "detect": ["email"], "action": action, "in": "answer"},
             {"name": "words", "keywords": ["Bluebird"], "action": action, "in": "answer"}]
    with Scripted(script) as provider, Gateway(tmp_path, providers={"p": provider.provider()}, retry={"attempts_max": 1},
                                               generations={"event_ids": False}, filter={"rules": rules}) as gateway:
        return ask(gateway, "hi", stream=True, path=path)[2].decode()


def piece(members, finish=None, **beside):
    return "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m", **beside,
                                  "choices": [{"index": 0, "delta": members, "finish_reason": finish}]}) + "\n\n"


END = [piece({}, "stop"), DONE]
MEMBERS = {"content": lambda t: {"content": t}, "transcript": lambda t: {"audio": {"id": "a", "transcript": t}},
           "list": lambda t: {"content": [{"type": "text", "text": t}]},
           "details": lambda t: {"reasoning_details": [{"type": "reasoning.text", "text": t}]},
           "custom tool": lambda t: {"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "f", "input": t}}]},
           "annotation": lambda t: {"annotations": [{"type": "url_citation", "url_citation": {"content": t}}]},
           "unknown": lambda t: {"never_seen": {"text_of_it": t}}}


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("finish", [None, "", "stop"])
@pytest.mark.parametrize("action", ["mask", "block"])
def test_a_cut_between_events_hides_nothing_in_any_member(tmp_path, member, finish, action):
    texts = ["x. ", "jane.doe@exa", "mple.com and Blue", "bird. ", "end"]
    out = streamed(tmp_path, [piece(MEMBERS[member](text), finish) for text in texts] + END, action)
    assert not any(leak in out for leak in ("jane", "mple.com", "Blue", "bird")), out
    assert ("[EMAIL]" in out and "[DONE]" in out) if action == "mask" else "ended this answer" in out


def test_texts_beside_a_text_that_is_held_are_filtered(tmp_path):
    beside = {"search_results": [{"title": "by bob@example.com Bluebird"}]}
    out = streamed(tmp_path, [piece({"content": "write jane.d", "reasoning_content": "x jim@e"}, **beside),
                              piece({"content": "oe is here"}, **beside)] + END)
    assert "bob@" not in out and "Bluebird" not in out and out.count("by [EMAIL]") == 2


@pytest.mark.parametrize("frame", [
    '{"choices":[{"delta":{"content":"SECRET"}}]}\n\n', 'Data: {"choices":[{"delta":{"content":"SECRET"}}]}\n\n',
    'data\0: {"choices":[{"delta":{"content":"SECRET"}}]}\n\n', '\ufeffdata: {"choices":[{"delta":{"content":"SECRET"}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"SECRET","content":"ok. "}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"SECRET"}}],"choices":[]}\n\n', "id: SECRET\ndata: {}\n\n",
    ": SECRET\n\n", "event: SECRET\ndata: {}\n\n", 'data: {"choices":[],"SECRET":1}\n\n'])
@pytest.mark.parametrize("first", [False, True])
def test_what_was_not_read_of_a_stream_does_not_leave(tmp_path, frame, first):
    frame = frame.replace("SECRET", "jane@example.com Bluebird")
    out = streamed(tmp_path, ([] if first else [piece({"content": "x. "})]) + [frame, *END])
    assert "jane" not in out and "Bluebird" not in out, out


def test_numbers_of_the_users_own_are_read(filtered, sim):
    gateway = filtered(*MASKS)
    tool = {"type": "function", "function": {"name": "pay", "parameters": {"properties": {"card": {"enum": [4111111111111111]}}}}}
    assert ask(gateway, "hi", tools=[tool], metadata={"order": 1, "card": 4111111111111111})[0] == 200
    sent = json.dumps(sim.journal()[-1])
    assert "4111111111111111" not in sent


BLOCK = {"name": "words", "keywords": ["Bluebird"], "action": "block"}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def json_of(text):
    """As Python's json.dumps writes it: nothing but ASCII. Every letter, to be sure."""
    return json.dumps({"x": "@"}).replace("@", "".join(f"\\u{ord(letter):04x}" for letter in text))


@pytest.mark.parametrize("path,body,member", [
    ("/v1/completions", {"model": "m", "prompt": [15339, 1917]}, "prompt"),
    ("/v1/completions", {"model": "m", "prompt": [[15339], [1917]]}, "prompt"),
    ("/v1/embeddings", {"model": "m", "input": [15339, 1917]}, "input"),
    ("/v1/embeddings", {"model": "m", "input": [[15339, 1917]]}, "input"),
    ("/v1/chat/completions", {**CHAT, "prompt_token_ids": [1, 2]}, "prompt_token_ids"),
    ("/v1/completions", {"model": "m", "prompt": "x", "prompt_embeds": "QUJD"}, "prompt_embeds")])
@pytest.mark.parametrize("pass_unread", [[], ["completions", "embeddings", "chat"]])
def test_a_prompt_of_token_numbers_is_not_read_and_does_not_pass(sim, tmp_path, path, body, member, pass_unread):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, filter={"rules": [BLOCK], "pass_unread": pass_unread}) as gateway:
        status, _, answer = request(gateway.address, "POST", path, body)
        if pass_unread:
            assert len(sim.journal()) == 1
        else:
            error = json.loads(answer)["error"]
            assert status == 400 and f"'{member}'" in error["message"] and error["param"] == member and sim.journal() == []


@pytest.mark.parametrize("path,body", [
    ("/v1/chat/completions", {**CHAT, "messages": [{"role": "tool", "tool_call_id": "c", "content": "@"}]}),
    ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t", "content": "@"}]}]}),
    ("/v1/responses", {"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": "@"}]})])
def test_json_in_a_string_is_read_decoded(filtered, sim, path, body):
    gateway = filtered(BLOCK, *MASKS)
    for text in (json_of("Bluebird"), json.dumps([json_of("Bluebird")]), "Result: " + json_of("Bluebird")):
        assert request(gateway.address, "POST", path, json.loads(json.dumps(body).replace('"@"', json.dumps(text))))[0] == 400, text
    assert sim.journal() == []
    inside = json_of("jane.doe@example.com")
    request(gateway.address, "POST", path, json.loads(json.dumps(body).replace('"@"', json.dumps(json.dumps({"a": inside})))))
    sent = sim.journal()[-1]["body"]
    assert "[EMAIL]" in sent and "u006a" not in sent


@pytest.mark.parametrize("path,body", [
    ("/v1beta/models/g:generateContent", {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": "@"}}]}]}),
    ("/v1beta/models/g:generateContent", {"contents": [], "generationConfig": {"responseJsonSchema": {"enum": ["@"]}}}),
    ("/v1/responses", {"model": "m", "prompt": {"id": "pmpt_1", "variables": "@"}}),
    ("/v1/rerank", {"model": "m", "query": "q", "documents": ["@"]}),
    ("/v1/chat/completions", {**CHAT, "extra": "@"})])
def test_what_a_user_fills_is_text_whatever_it_is_called(filtered, sim, path, body):
    gateway = filtered(BLOCK, {**MASKS[0], "action": "block"})
    for filling in ({"id": "Bluebird"}, {"model": "AKIAQ7ZXN3PLM4KTVB2R"}, {"card": 4111111111111111}, {"card": 4.111111111111111e15},
                    {"data": "A" * 256 + "Bluebird"}, {"result": "A" * 300 + "_Bluebird"}):
        sent = json.loads(json.dumps(body).replace('"@"', json.dumps(filling)))
        assert request(gateway.address, "POST", path, sent)[0] == 400, filling
    assert sim.journal() == []


@pytest.mark.parametrize("member", [
    {"logprobs": True}, {"logprobs": "true"}, {"logprobs": 1.0}, {"logprobs": 0}, {"n_probs": 5}, {"return_token_ids": True},
    {"prompt_logprobs": 1}, {"details": True}, {"options": {"logprobs": True}}])
def test_what_asks_for_the_text_of_tokens_is_refused(filtered, sim, member):
    gateway = filtered({**BLOCK, "in": "answer"})
    assert request(gateway.address, "POST", "/v1/chat/completions", {**CHAT, **member})[0] == 400
    gemini = {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"responseLogprobs": True}}
    assert request(gateway.address, "POST", "/v1beta/models/g:generateContent", gemini)[0] == 400
    assert sim.journal() == [] and request(gateway.address, "POST", "/v1/chat/completions", {**CHAT, "logprobs": False})[0] == 200


ANSWER = (b'{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":'
          b'"jane.doe\\u0040example.com \\u0042luebird"},"finish_reason":"stop"}]}')


def labelled(*types, body=ANSWER):
    fields = b"".join(b"Content-Type: " + kind.encode() + b"\r\n" for kind in types)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("answer,passes", [
    (labelled("application/json"), True), (labelled("text/plain"), True), (labelled("text/html; charset=utf-8"), True),
    (labelled("text/javascript"), True), (labelled("text/plain", body=ANSWER + b"x"), True),
    (labelled("text/plain; charset=utf-16"), False), (labelled("application/json; charset=utf-16"), False),
    (labelled("text/plain; charset=latin1"), False), (labelled("text/plain", "application/json"), False),
    (labelled("application/json", body=b"\xef\xbb\xbf" + ANSWER), False), (labelled("application/x-ndjson"), False)])
def test_an_answer_is_read_for_what_it_is_whatever_its_label(tmp_path, answer, passes):
    def script(connection, _):
        connection.sendall(answer)

    rules = [{**MASKS[0], "in": "answer"}, {"name": "words", "keywords": ["Bluebird"], "action": "mask", "in": "answer"}]
    with Scripted(script) as provider, Gateway(tmp_path, providers={"p": provider.provider()}, retry={"attempts_max": 1},
                                               filter={"rules": rules}) as gateway:
        status, _, body = request(gateway.address, "POST", "/v1/chat/completions", CHAT)
        assert b"luebird" not in body and b"jane" not in body
        assert (status == 200 and b"[EMAIL]" in body) if passes else status >= 500, body


def test_a_query_with_something_in_it_does_not_pass(filtered, sim):
    gateway = filtered(BLOCK, *MASKS)
    for query in ("note=Bluebird", "note=%42luebird", "jane.doe%40example.com", "a=1&%42luebird=2"):
        assert request(gateway.address, "POST", "/v1/chat/completions?" + query, CHAT)[0] == 400, query
    assert sim.journal() == []
    assert request(gateway.address, "POST", "/v1/chat/completions?a=1&key=AKIAQ7ZXN3PLM4KTVB2R", CHAT)[0] == 200


def test_tenants_have_rules_of_their_own(filtered, sim):
    def key(name, tenant):
        return {"name": name, "tenant": tenant, "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest()}
    gateway = filtered({"name": "all", "detect": ["email"]},
                       {"name": "acme", "keywords": ["Bluebird"], "tenants": ["acme"]},
                       keys=[key("a", "acme"), key("b", "other")])
    for name, kept in (("a", False), ("b", True)):
        body = ask(gateway, "say: me@example.com Bluebird", headers={"authorization": f"Bearer secret-{name}"})[2].decode()
        assert "me@example.com" not in body and ("Bluebird" in body) == kept


def test_nobody_resumes_past_the_filter(filtered, sim):
    gateway = filtered(*MASKS)
    _, headers, body = ask(gateway, "say: I am jane.doe@example.com and so on", stream=True)
    path = f"/v1/generations/{headers['x-hawser-generation']}"
    for tail in ("/events", ""):
        again = request(gateway.address, "GET", path + tail)[2]
        assert b"jane.doe" not in again and b"[EMAIL]" in again


def test_the_cache_serves_filtered_answers(filtered, sim):
    gateway = filtered({"name": "people", "detect": ["email"], "action": "pseudonymise"}, cache={"mode": "auto"})
    for stream in (False, True, False):
        body = ask(gateway, "say: I am jane.doe@example.com and so on", stream, temperature=0)[2]
        assert told("/v1/chat/completions", stream, body) == "I am jane.doe@example.com and so on"
    assert len(sim.journal()) == 1 and "jane" not in sim.journal()[0]["body"]


def test_a_client_that_asks_again_is_attached_with_filters_too(filtered, sim):
    """The same body is found again, whatever the filter made of it."""
    from support.http import connect
    gateway = filtered(*MASKS)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "say: jane.doe@example.com " + "word " * 40}],
                       "max_tokens": 60}).encode()
    head = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"x-sim-latency-ms: 700\r\nContent-Length: %d\r\n\r\n" % len(body))
    connection = connect(gateway.address)
    connection.sendall(head + body)
    time.sleep(0.2)
    connection.close()
    time.sleep(0.1)
    connection = connect(gateway.address)
    connection.sendall(head + body)
    answer = connection.recv(65536)
    assert b"200 OK" in answer and len(sim.journal()) == 1


def test_a_stream_goes_on_filtered_over_a_reload(filtered, sim):
    """What an answer is filtered and counted with outlives the configuration that it began with."""
    import http.client
    gateway = filtered({**MASKS[0], "in": "answer"})
    text = "say: " + "jane.doe@example.com again and " * 20
    connection = http.client.HTTPConnection(*gateway.address, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": "m", "stream": True, "max_tokens": 500, "messages": [{"role": "user", "content": text}]}),
        {"content-type": "application/json", "x-sim-interval-ms": "20"})
    answer = connection.getresponse()
    seen = answer.readline()
    for number in range(2, 5):
        gateway.config["filter"] = {"rules": [{"name": f"other{number}", "keywords": ["nothing"]}]}
        gateway.write(gateway.config)
        assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', number - 1) >= number - 1
    seen += answer.read()
    assert b"jane.doe" not in seen and told("/v1/chat/completions", True, seen).count("[EMAIL]") == 20


def test_what_is_held_goes_on_while_the_provider_is_silent(filtered, sim):
    gateway = filtered(*MASKS)
    import http.client
    connection = http.client.HTTPConnection(*gateway.address, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": "m", "stream": True, "messages": [{"role": "user", "content": "say: write to jane.doe"}]}),
        {"content-type": "application/json", "x-sim-fault": "stall:after-events=4"})
    answer = connection.getresponse()
    begun, text = time.monotonic(), ""
    while "jane" not in text:
        text += answer.readline().decode()
        assert time.monotonic() - begun < 2
    assert time.monotonic() - begun < 1


def put_together(seen):
    """All that a client could put together of an answer: it, and each member's texts one after the other."""
    whole, decoder = {}, json.JSONDecoder()

    def walk(value, path):
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, path + (name,) if name != "index" else path)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                walk(inner, path + (number,))
        elif isinstance(value, str):
            whole[path] = whole.get(path, "") + value
            if "{" in value:
                scan(value)

    def scan(text):
        at = text.find("{")
        while at >= 0:
            try:
                value, end = decoder.raw_decode(text, at)
                walk(value, ())
            except ValueError:
                end = at + 1
            at = text.find("{", end)
    scan(seen)
    return "\n".join([seen, *whole.values()])


def over_http(gateway, text, stream, path):
    model = {"model": "claude"} if path == "/v1/messages" else {}
    return ask(gateway, text, stream, path, **model)[2].decode()


def over_the_tunnel(gateway, text, stream, path):
    body = {"/v1/responses": {"input": text}, "/v1/completions": {"prompt": text}}.get(
        path, {"messages": [{"role": "user", "content": text}]})
    tunnel = Tunnel(gateway.address)
    model = "claude" if path == "/v1/messages" else "m"
    tunnel.ask("r", {"model": model, "stream": stream, "max_tokens": 500, "max_output_tokens": 500, **body}, path)
    _, frames, _ = tunnel.answer("r")
    tunnel.close()
    return "".join(json.dumps(frame, ensure_ascii=False) for frame in frames)


def over_the_websocket(gateway, text, stream, path):
    from websockets.sync.client import connect as websocket
    where = "/v1/responses" if path == "/v1/responses" else "/v1/chat"
    body = {"type": "response.create", "model": "m", "input": text} if path == "/v1/responses" else {
        "model": "m", "stream": True, "max_tokens": 500, "messages": [{"role": "user", "content": text}]}
    with websocket(f"ws://{gateway.address[0]}:{gateway.address[1]}{where}") as socket:
        socket.send(json.dumps(body))
        seen = ""
        while not any(word in seen for word in ("[DONE]", 'finish_reason":"stop', "response.completed")):
            seen += socket.recv(timeout=5)
    return seen


def over_grpc(gateway, text, stream, path):
    import grpc
    pb, rpc = contract()
    with grpc.insecure_channel(gateway.urls[1].split("//")[1], options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = rpc.LlmStub(channel)
        if path == "/v1/responses":
            asked = pb.GenerateRequest(raw_json=json.dumps({"model": "m", "input": text, "max_output_tokens": 500}).encode(),
                                       raw_dialect="openai.responses")
        else:
            asked = pb.GenerateRequest(model="m", max_tokens=500, messages=[pb.Message(role="user", content=text)])
        if not stream:
            answer = stub.Generate(asked, timeout=5)
            return answer.text + answer.raw_json.decode() if isinstance(answer.raw_json, bytes) else answer.text + answer.raw_json
        events_ = list(stub.StreamGenerate(asked, timeout=5))
        return "".join(event.text.text for event in events_) + b"".join(event.raw for event in events_).decode()


def test_every_route_streamed_and_plain_over_every_transport(sim, tmp_path, figure):
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    ways = [(name, transport, path, stream)
            for name, transport, paths in (
                ("HTTP", over_http, ("/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/messages")),
                ("tunnel", over_the_tunnel, ("/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/messages")),
                ("WebSocket", over_the_websocket, ("/v1/chat/completions", "/v1/responses")),
                ("gRPC", over_grpc, ("/v1/chat/completions", "/v1/responses")))
            for path in paths for stream in (False, True)]
    text = "say: " + ", then ".join(SECRETS) + " and that is all"
    looks = misses = 0
    for direction in ("nowhere", "prompt", "answer"):  # without rules all of it is seen: nobody is blind here
        folder = tmp_path / direction
        folder.mkdir()
        rules = [] if direction == "nowhere" else [{**rule, "in": direction} for rule in MASKS]
        models = {"m": {"targets": [{"provider": "sim"}]}, "claude": {"targets": [{"provider": "claude"}]}}
        with Messages() as claude, \
                Gateway(folder, listen=listen, providers={"sim": sim.provider(), "claude": claude.provider()}, workers=1,
                        models=models, filter={"rules": rules}) as gateway:
            for name, transport, path, stream in ways:
                sim.clear()
                seen = put_together(transport(gateway, text, stream, path))
                sent = claude.bodies[-1] if path == "/v1/messages" else sim.journal()[0]["body"]
                if direction == "nowhere":
                    assert all(secret in seen for secret in SECRETS), (name, path, stream)
                    continue
                for secret in SECRETS:
                    looks += 1
                    misses += secret in seen or (direction == "prompt" and secret in sent)
                assert "[EMAIL]" in seen and "[KEY]" in seen, (name, path, stream)
    figure(f"{len(ways)} ways, both directions, {looks} planted values looked for: {misses} came through")
    assert misses == 0


def test_a_value_that_goes_back_into_arguments_is_escaped_there(filtered, sim):
    value = 'Ann "Rope" O\\Neil'
    gateway = filtered({"name": "people", "keywords": [value], "action": "pseudonymise"})
    tools = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {
        "to": {"enum": [value]}}}}}]
    for stream in (False, True):
        body = ask(gateway, "hello", stream, tools=tools)[2]
        if stream:
            chunks = [json.loads(data) for data in events(body) if data != "[DONE]"]
            arguments = "".join(call["function"].get("arguments", "") for chunk in chunks for choice in chunk["choices"]
                                for call in choice["delta"].get("tool_calls", []))
        else:
            arguments = json.loads(body)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        assert json.loads(arguments)["to"] == value
        assert "Rope" not in sim.journal()[-1]["body"]


@pytest.mark.parametrize("rule,word", [
    ({"name": "x"}, "one of detect"), ({"name": "x", "pattern": "a(b"}, "rules[0].pattern"),
    ({"name": "x", "pattern": "a*"}, "pattern"), ({"name": "x", "detect": ["emial"]}, "email"),
    ({"name": "x", "keywords": [""]}, "keywords"), ({"name": "x", "detect": ["ip"], "replacement": 'a"'}, "replacement"),
    ({"name": "x", "detect": ["ip"], "label": "no"}, "label")])
def test_broken_rules_are_told(tmp_path, rule, word):
    import subprocess
    from support.programs import HAWSER
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}],
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}, "filter": {"rules": [rule]}}))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stdout + done.stderr

"""The walk: every operation, under every policy, in every spelling, over every transport, is decided
alike, or it is refused. A policy that binds a request is never walked around by how it is written."""
import gzip
import hashlib
import json
import re

import pytest

from support.guard import Guard
from support.http import request
from support.http2 import Connection
from support.programs import Gateway
from support.recorder import Recorder

WORD = "bluebird-seven"
CHAT = {"model": "small", "messages": [{"role": "user", "content": f"tell me of {WORD}"}]}
# Operation: method, path, body. Every one that has a body has the word in it.
OPERATIONS = {
    "chat": ("POST", "/v1/chat/completions", CHAT),
    "completions": ("POST", "/v1/completions", {"model": "small", "prompt": WORD}),
    "responses": ("POST", "/v1/responses", {"model": "small", "input": WORD}),
    "compact_response": ("POST", "/v1/responses/compact", {"model": "small", "input": WORD}),
    "messages": ("POST", "/v1/messages", {"model": "small", "max_tokens": 5,
                                         "messages": [{"role": "user", "content": WORD}]}),
    "count_tokens": ("POST", "/v1/messages/count_tokens", {"model": "small", "messages": [
        {"role": "user", "content": WORD}]}),
    "embeddings": ("POST", "/v1/embeddings", {"model": "small", "input": [WORD]}),
    "moderations": ("POST", "/v1/moderations", {"model": "small", "input": WORD}),
    "rerank": ("POST", "/v1/rerank", {"model": "small", "query": WORD, "documents": ["a"]}),
    "speech": ("POST", "/v1/audio/speech", {"model": "small", "input": WORD, "voice": "alloy"}),
    "images": ("POST", "/v1/images/generations", {"model": "small", "prompt": WORD}),
    "gemini": ("POST", "/v1beta/models/small:generateContent", {"contents": [{"parts": [{"text": WORD}]}]}),
    "gemini_stream": ("POST", "/v1beta/models/small:streamGenerateContent",
                      {"contents": [{"parts": [{"text": WORD}]}]}),
    "gemini_embed": ("POST", "/v1beta/models/small:embedContent", {"content": {"parts": [{"text": WORD}]}}),
    "batches": ("POST", "/v1/batches", {"input_file_id": "file-1", "metadata": {"a": WORD}}),
    "message_batches": ("POST", "/v1/messages/batches", {"requests": [{"params": CHAT}]}),
    "thread_messages": ("POST", "/v1/threads/thread_1/messages", {"role": "user", "content": WORD}),
    "conversations": ("POST", "/v1/conversations", {"items": [{"role": "user", "content": WORD}]}),
    "fine_tuning": ("POST", "/v1/fine_tuning/jobs", {"model": "small", "training_file": "file-1", "suffix": WORD}),
    "vector_stores": ("POST", "/v1/vector_stores/vs_1/search", {"query": WORD}),
    "unknown": ("POST", "/v1/agents/agent_1", {"model": {"id": "small"}, "query": WORD}),
    "unknown_get": ("GET", f"/v1/search?q={WORD}", None),
}


def paths_of(path):
    """Second spellings of a path. Programs on the way decode and fold them differently."""
    head, _, query = path.partition("?")
    tail = "?" + query if query else ""
    first = head.rindex("/") + 1
    yield "encoded", head[:first] + "%" + format(ord(head[first]), "02x") + head[first + 1:] + tail
    yield "encoded slash", head[:first - 1] + "%2f" + head[first:] + tail
    yield "trailing slash", head + "/" + tail
    yield "two slashes", head[:first] + "/" + head[first:] + tail
    yield "dot", head[:first] + "./" + head[first:] + tail
    yield "dot dot", head[:first] + "x/../" + head[first:] + tail
    yield "encoded dots", head[:first] + "x/%2e%2e/" + head[first:] + tail
    yield "semicolon", head + ";a=b" + tail
    yield "backslash", head[:first - 1] + "\\" + head[first:] + tail
    yield "null", head + "%00" + tail
    yield "twice encoded", head[:first] + "%25" + format(ord(head[first]), "02x") + head[first + 1:] + tail


TYPES = ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/vnd.x+json", None,
         "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream",
         "application/json; charset=utf-7", "application/json, text/plain", "nonsense"]


def escaped(text):
    return "".join(f"\\u{ord(c):04x}" for c in text)


def bodies_of(body):
    """Spellings of one JSON body that some reader takes for it."""
    plain = json.dumps(body)
    yield "plain", plain.encode(), {}
    yield "escaped values", plain.replace(WORD, escaped(WORD)).encode(), {}
    yield "escaped names", re.sub(r'"(\w+)":', lambda m: f'"{escaped(m[1])}":', plain).encode(), {}
    yield "blanks", json.dumps(body, indent=7).replace("\n", "\r\n\t").encode(), {}
    yield "other case", re.sub(r'"([a-z_]+)":', lambda m: f'"{m[1].capitalize()}":', plain).encode(), {}
    yield "twice", ("{" + plain[1:-1] + ", " + plain[1:]).encode(), {}
    yield "a comment", (plain[:-1] + " /* x */}").encode(), {}
    yield "a comma", (plain[:-1] + ",}").encode(), {}
    yield "a mark", b"\xef\xbb\xbf" + plain.encode(), {}
    yield "utf-16", plain.encode("utf-16"), {}
    yield "two texts", (plain + "\n" + plain).encode(), {}
    yield "gzip", gzip.compress(plain.encode()), {"Content-Encoding": "gzip"}
    yield "unknown coding", plain.encode(), {"Content-Encoding": "rot13"}


def variants(method, path, body):
    """(name, path, body, fields): one at a time from the plain request."""
    if body is None:
        for name, spelt in [("plain", path), *paths_of(path)]:
            yield name, spelt, None, {}
        return
    plain = json.dumps(body).encode()
    for name, spelt in paths_of(path):
        yield name, spelt, plain, {"Content-Type": "application/json"}
    for kind in TYPES:
        yield f"as {kind}", path, plain, {"Content-Type": kind} if kind else {}
    for name, bytes_, fields in bodies_of(body):
        yield name, path, bytes_, {"Content-Type": "application/json", **fields}
    yield "two types", path, plain, {"Content-Type": "application/json", "content-type": "text/plain"}


def over_http1(gateway, method, path, body, fields):
    status, _, _ = request(gateway.address, method, path, body, fields)
    return status


def over_http2(gateway, method, path, body, fields):
    connection = Connection(gateway.address)
    try:
        stream = connection.request(body, [(name.lower(), value) for name, value in fields.items()],
                                    method=method, path=path)
        return connection.answer(stream)[0]
    finally:
        connection.socket.close()


TRANSPORTS = {"http1": over_http1, "http2": over_http2}
KEY = "sk-hawser-walk"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()


def holds_word(requests):
    """Whether a provider was given the word, in any spelling."""
    for _, path, _, body in requests:
        text = body.decode("utf-8", "replace")
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
        if WORD in text or WORD in path:
            return True
    return False


def walk(gateway, provider, transport, judge, extra=None, only=OPERATIONS):
    """Sends every spelling of every operation. Returns what `judge` finds wrong."""
    send = TRANSPORTS[transport]
    wrong, sent = [], 0
    for operation in only:
        method, path, body = OPERATIONS[operation]
        for name, spelt, bytes_, fields in variants(method, path, body):
            provider.requests.clear()
            status = send(gateway, method, spelt, bytes_, {**fields, **(extra or {})})
            sent += 1
            problem = judge(operation, status, list(provider.requests))
            if problem:
                wrong.append((operation, name, status, problem))
    return wrong, sent


@pytest.fixture
def provider():
    with Recorder() as running:
        yield running


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_spelling_passes_a_filter(provider, tmp_path, transport, figure):
    rules = [{"name": "birds", "keywords": [WORD], "action": "block", "in": "prompt"}]
    with Gateway(tmp_path, providers={"p": provider.provider()}, filter={"rules": rules}) as gateway:
        def judge(_, status, requests):
            if holds_word(requests):
                return "the provider got the word"
            return None if status >= 400 else "nothing was refused"
        wrong, sent = walk(gateway, provider, transport, judge)
    assert not wrong, wrong[:10]
    figure(f"walk, filter, {transport}: {sent} requests, 0 passed")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_spelling_passes_a_guard(provider, tmp_path, transport, figure):
    with Guard(lambda text: (WORD not in text, "birds")) as guard:
        with Gateway(tmp_path, providers={"p": provider.provider()}, guards=[guard.config()]) as gateway:
            def judge(_, status, requests):
                if holds_word(requests):
                    return "the provider got what the guard must judge"
                return None if status >= 400 else "nothing was refused"
            wrong, sent = walk(gateway, provider, transport, judge)
    assert not wrong, wrong[:10]
    figure(f"walk, guard, {transport}: {sent} requests, 0 passed")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_spelling_passes_a_list_of_models(provider, tmp_path, transport, figure):
    """A key for another model: nothing that asks for "small" reaches the provider."""
    keys = [{"name": "k", "hash": HASH, "models": ["other"]}]
    with Gateway(tmp_path, providers={"p": provider.provider()}, keys=keys) as gateway:
        def judge(_, status, requests):
            return "it reached the provider" if requests or status < 400 else None
        wrong, sent = walk(gateway, provider, transport, judge, {"Authorization": f"Bearer {KEY}"})
    assert not wrong, wrong[:10]
    figure(f"walk, models, {transport}: {sent} requests, 0 passed")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_spelling_passes_residency(tmp_path, transport, figure):
    """A rule about one model: no request for it reaches a provider elsewhere."""
    with Recorder() as near, Recorder() as far:
        config = {"providers": {"far": far.provider(tags={"region": "us"}), "near": near.provider(tags={"region": "eu"})},
                  "default_provider": "far",
                  "residency": [{"name": "eu", "models": ["small"], "require": 'target.region == "eu"'}]}
        with Gateway(tmp_path, **config) as gateway:
            def judge(_, status, requests):
                return "it left its region" if requests else None
            wrong, sent = walk(gateway, far, transport, judge)
    assert not wrong, wrong[:10]
    figure(f"walk, residency, {transport}: {sent} requests, 0 left")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_spelling_is_free_of_a_hard_budget(provider, tmp_path, transport, figure):
    """Nothing here has a price: nothing passes."""
    budgets = [{"name": "b", "hard": "0.01", "period": "day"}]
    with Gateway(tmp_path, providers={"p": provider.provider()}, budgets=budgets) as gateway:
        def judge(operation, status, requests):
            if operation in ("count_tokens", "conversations"):  # nothing is bought by them
                return None
            return "it was bought without a price" if requests else None
        wrong, sent = walk(gateway, provider, transport, judge)
    assert not wrong, wrong[:10]
    figure(f"walk, budget, {transport}: {sent} requests, 0 passed")


def test_a_path_goes_on_as_it_was_judged_or_not_at_all(provider, tmp_path):
    """Without any policy: what reaches the provider is under its base URL and has one reading."""
    with Gateway(tmp_path, providers={"p": provider.provider()}) as gateway:
        for method, path, body in OPERATIONS.values():
            for name, spelt in paths_of(path):
                provider.requests.clear()
                data = json.dumps(body).encode() if body is not None else None
                status = over_http1(gateway, method, spelt, data, {"Content-Type": "application/json"})
                assert status in (400, 404), (name, spelt, status)
                assert not provider.requests, (name, spelt)


def test_every_operation_passes_where_no_policy_binds_it(provider, tmp_path):
    with Gateway(tmp_path, providers={"p": provider.provider()}) as gateway:
        for operation, (method, path, body) in OPERATIONS.items():
            provider.requests.clear()
            data = json.dumps(body).encode() if body is not None else None
            status = over_http1(gateway, method, path, data, {"Content-Type": "application/json"})
            assert status == 200 and len(provider.requests) == 1, (operation, status)


def test_the_walk_knows_every_grant(provider, tmp_path):
    """A word of `operations` that nothing here walks would be a hole in the walk."""
    keys = [{"name": "k", "hash": HASH, "operations": ["nonsense"]}]
    with pytest.raises(RuntimeError) as refused:
        Gateway(tmp_path, providers={"p": provider.provider()}, keys=keys)
    known = set(re.search(r"known are ([a-z_, ]+)", str(refused.value))[1].replace(",", "").split())
    walked = {"chat", "completions", "responses", "messages", "gemini", "embeddings", "moderations", "rerank", "audio",
              "images", "batches", "threads", "conversations", "fine_tuning", "vector_stores", "unknown"}
    # Each of these only reads, or has a body that is no JSON; test_ownership walks them.
    elsewhere = {"models", "generations", "stored_chat", "files", "assistants", "containers", "evals", "videos",
                 "cached_contents", "skills"}
    assert known == walked | elsewhere

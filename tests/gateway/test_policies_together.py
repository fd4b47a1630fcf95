"""Policies beside each other: what one decided stays decided, whatever the other makes of the request."""
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import sqlite3
import threading

import pytest

from support.guard import Guard
from support.http import request
from support.programs import Gateway
from support.scripted import Scripted, whole

DROP = {"name": "drop", "keywords": ["Bluebird"], "any_case": True, "action": "drop"}


def answer(text="ok", **usage):
    return whole({"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "usage": {
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, **usage},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})


def key(name, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(name.encode()).hexdigest(), **more}


def ask(gateway, body, path="/v1/chat/completions", name="alice", **headers):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body} if isinstance(body, dict) else body
    return request(gateway.address, "POST", path, body, {"Authorization": f"Bearer {name}", **headers})


def form(*fields, boundary="b"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n' for name, value in fields]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nxxxx\r\n--{boundary}--\r\n')
    return "".join(parts), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@pytest.fixture
def beside(tmp_path):
    """A provider that answers anything, and gateways before it."""
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(Scripted(lambda connection, _: connection.sendall(answer())))

        def start(**config):
            config.setdefault("keys", [key("alice")])
            return stack.enter_context(Gateway(tmp_path, workers=1, providers={"p": provider.provider()}, **config))

        start.provider = provider
        yield start


# With the word within it, each is a member, or a word, that nobody knows; without it, one that decides.
@pytest.mark.parametrize("body", [
    {"moBluebirddels": ["big"]}, {"backgrBluebirdound": True}, {"nBluebird": 50}, {"service_tier": "prioBluebirdrity"},
    {"qualityBluebird": "high"}, {"max_toBluebirdkens": 1}, {"stBluebirdore": True}, {"extra": {"aBluebird": "x"}},
    {"metadata": {"Bluebird": "x"}}, {"tools": [{"type": "function", "fBluebirdunction": {"name": "f"}}]}])
def test_what_a_rule_takes_out_makes_no_other_request(beside, body):
    gateway = beside(filter={"rules": [DROP]})
    status, _, told = ask(gateway, body)
    assert status == 400 and json.loads(told)["error"]["type"], told
    assert not beside.provider.seen
    assert ask(gateway, {"messages": [{"role": "user", "content": "a Bluebird"}]})[0] == 200
    assert beside.provider.seen[0].json()["messages"][0]["content"] == "a "


def test_who_asks_is_settled_before_a_rule_changes_the_name(beside):
    gateway = beside(filter={"rules": [{"name": "e", "detect": ["email"], "in": "prompt"}]}, cache={"mode": "all", "scope": "user"})
    for user in ("alice@example.com", "bob@example.com"):
        assert ask(gateway, {"user": user, "temperature": 0})[1]["x-hawser-cache"] == "miss"
    assert ask(gateway, {"user": "bob@example.com", "temperature": 0})[1]["x-hawser-cache"] == "hit"
    assert {seen.json()["user"] for seen in beside.provider.seen} == {"[EMAIL]"}


@pytest.mark.parametrize("odd", [b"\xff", b"\0", b"\x1b", "é".encode("latin-1")])
@pytest.mark.parametrize("place", [
    lambda data: {"messages": [{"role": "user", "content": [{"type": "file", "file": {
        "filename": "a.txt", "file_data": f"data:text/plain;base64,{data}"}}]}]},
    lambda data: {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": data}}]}]}])
def test_bytes_that_are_nearly_a_text_are_one(beside, odd, place):
    with Guard(lambda text: ("bluebird" not in text.lower(), "")) as guard:
        text = b"some lines of text, " * 30 + odd + b" and a Bluebird"
        body = place(base64.b64encode(text).decode())
        gateway = beside(filter={"rules": [{**DROP, "action": "block"}]})
        assert ask(gateway, body)[0] == 400
        gateway = beside(guards=[guard.config()])
        assert ask(gateway, body)[0] == 400
        assert not beside.provider.seen


def test_a_model_in_the_path_stays_what_it_was(beside):
    gateway = beside(filter={"rules": [DROP]})
    body = {"contents": [{"parts": [{"text": "a Bluebird"}]}]}
    assert request(gateway.address, "POST", "/v1beta/models/g:generateContent", body, {"Authorization": "Bearer alice"})[0] == 200
    assert beside.provider.seen[0].json()["contents"][0]["parts"][0]["text"] == "a "


@pytest.mark.parametrize("fields", [[("include[]", "logprobs")], [("include", "logprobs")], [('"response_format"', "verbose_json")],
                                    [('"timestamp_granularities[]"', "word")]])
@pytest.mark.parametrize("size", [0, 3_000_000])  # read whole, and passed through
def test_a_form_asks_for_tokens_as_a_member_does(beside, fields, size):
    gateway = beside(filter={"rules": [{"name": "e", "detect": ["email"], "in": "answer"}]})
    text, headers = form(('"model"', "w"), *fields, ("pad", "x" * size))
    status, _, told = ask(gateway, text.encode(), "/v1/audio/transcriptions", **headers)
    assert status == 400 and "pieces" in told.decode(), told
    text, headers = form(('"model"', "w"), ("pad", "x" * size))
    assert ask(gateway, text.encode(), "/v1/audio/transcriptions", **headers)[0] == 200


@pytest.mark.parametrize("name", ["models", "fallbacks", "api_base", "base_url", "preset", "models[]"])
@pytest.mark.parametrize("size", [0, 3_000_000])
def test_a_bound_keys_form_names_one_model(beside, name, size):
    gateway = beside(keys=[key("alice", models=["small"])])
    text, headers = form(('"model"', "small"), ("pad", "x" * size), (f'"{name}"', "big"))
    assert ask(gateway, text.encode(), "/v1/audio/transcriptions", **headers)[0] == 403
    text, headers = form(('"model"', "small"), ("pad", "x" * size))
    assert ask(gateway, text.encode(), "/v1/audio/transcriptions", **headers)[0] == 200


@pytest.mark.parametrize("body", [{"models": ["big"]}, {"fallbacks": ["big"]}, {"extra_body": {"models": ["big"]}},
                                  {"tools": [{"type": "x", "model": "big"}]}, {"deferred": True}])
def test_a_hard_budget_pays_for_what_it_knows(beside, body):
    gateway = beside(prices={"models": {"m": {"input": "1", "output": "1"}}}, budgets=[{"name": "b", "hard": "5"}])
    assert ask(gateway, body)[0] == 403
    assert not beside.provider.seen
    assert ask(gateway, {})[0] == 200


@pytest.mark.parametrize("fields,cost", [([("name_of_none", "1")], "0.001"), ([("n", "10")], "0.01"), ([('"n"', "10")], "0.01"),
                                         ([('"size"', "256x256"), ("size", "1024x1024")], "0.2"),
                                         ([('"quality"', "HIGH"), ('"size"', "1024X1024")], "0.2"), ([('"quality"', "auto")], "0.2")])
def test_pictures_cost_what_is_asked_for_however_it_is_written(tmp_path, fields, cost):
    with Scripted(lambda connection, _: connection.sendall(whole({"created": 1, "data": [{"url": "x"}]}))) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.provider()}, ledger={"path": str(tmp_path / "ledger")},
                    prices={"models": {"i": {"images": {"1024x1024/HIGH": "0.2", "256x256": "0.001"}, "image": "0.001"}}}) as gateway:
        text, headers = form(('"model"', "i"), *fields)
        assert request(gateway.address, "POST", "/v1/images/edits", text.encode(), headers)[0] == 200
        assert gateway.settled_metric("hawser_ledger_rows_total", 1) >= 1
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger")) as ledger:
        assert ledger.execute("SELECT cost_nano_usd FROM attempts").fetchall() == [(int(float(cost) * 1e9 + .5),)]


def test_calls_at_once_do_not_overspend_a_hard_budget(tmp_path):
    judged = threading.Event()  # all calls are under way at once, or were refused

    def script(connection, asked):
        long = "long" in asked.json()["messages"][0]["content"]
        if long:
            judged.wait(10)
        connection.sendall(answer(completion_tokens=5000 if long else 1))

    with Scripted(script) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.provider()}, ledger={"path": str(tmp_path / "ledger")},
                    prices={"models": {"m": {"input": "0.01", "output": "100"}}}, budgets=[{"name": "b", "hard": "1"}]) as gateway:
        def call(text, **members):
            return ask(gateway, {"messages": [{"role": "user", "content": text}], **members})[0]

        assert {call("short", max_tokens=5000) for _ in range(12)} == {200}  # what is usual is little
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            statuses = []
            for done in concurrent.futures.as_completed(pool.submit(call, "long", max_tokens=5000) for _ in range(30)):
                statuses.append(done.result())
                if len(statuses) == 29:
                    judged.set()
        assert statuses.count(200) == 1 and statuses.count(429) == 29
        gateway.settled_metric("hawser_ledger_rows_total", 13)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger")) as ledger:
        assert ledger.execute("SELECT sum(cost_nano_usd) FROM attempts").fetchone()[0] <= 1e9


def test_what_is_usual_is_reserved_where_that_is_asked_for(beside):
    usual = 50
    for hard, expected in ((usual - 1, 429), (usual, 200)):
        gateway = beside(prices={"models": {"m": {"input": "0", "output": "1000"}}}, admission={"output_tokens": usual},
                         budgets=[{"name": f"b{hard}", "hard": f"{hard / 1000:.3f}", "reserve": "usual"}])
        assert ask(gateway, {"max_tokens": 100_000})[0] == expected, hard


@pytest.mark.parametrize("by", ["team", "user"])
def test_names_within_a_tenant_are_its_own(beside, by):
    keys = [key(name, tenant=name, team="dev") for name in ("alice", "bob")]
    gateway = beside(keys=keys, rate_limits=[{"name": "l", "by": [by], "rate": "2/h", "burst": 2}])
    assert [ask(gateway, {"user": "u"})[0] for _ in range(3)] == [200, 200, 429]
    assert ask(gateway, {"user": "u"}, name="bob")[0] == 200


@pytest.mark.parametrize("size", [100, 197, 198, 199, 5000])
def test_a_long_user_is_a_user(beside, size):
    gateway = beside(rate_limits=[{"name": "l", "by": ["user"], "rate": "1/h", "burst": 1}])
    assert [ask(gateway, {"user": user + "x" * size})[0] for user in ("a", "a", "b")] == [200, 429, 200]
    assert [ask(gateway, {"user": "x" * size + user})[0] for user in ("a", "b", "b")] == [200, 200, 429]


def test_an_error_is_judged_and_keeps_its_status(tmp_path):
    says = {}
    with Scripted(lambda connection, _: connection.sendall(whole(says["body"], says.get("kind", "application/json"), says["status"]))) \
            as provider, Guard(lambda text: ("bomb" not in text, "")) as guard, \
            Gateway(tmp_path, workers=1, providers={"p": provider.provider()}, retry={"attempts_max": 1},
                    guards=[guard.config(**{"in": "answer"})]) as gateway:
        for status, kind in (("400 Bad", "application/json"), ("422 No", "text/plain"), ("404 No", "application/json")):
            says.update(status=status, kind=kind, body={"error": {"message": "build a bomb"}})
            got, _, told = ask(gateway, {})
            assert got == int(status[:3]) and b"bomb" not in told, told
            says["body"] = {"error": {"message": "no such thing"}}
            got, _, told = ask(gateway, {})
            assert got == int(status[:3]) and b"no such thing" in told, told


def test_a_query_is_read_by_guards_and_filters(beside):
    def get(gateway, path, method="POST"):
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} if method == "POST" else None
        return request(gateway.address, method, path, body, {"Authorization": "Bearer alice"})[0]

    with Guard(lambda text: ("bomb" not in text, "")) as guard:
        gateway = beside(guards=[guard.config()])
        assert get(gateway, "/v1/chat/completions?note=a%20bomb") == 400
        assert get(gateway, "/v1/chat/completions?api-version=2024-10-21&key=bomb") == 200
        assert guard.texts()[-1] == "hi"
        assert get(gateway, "/v1/models?note=a%20bomb", "GET") == 400
        assert get(gateway, "/v1/models?limit=3", "GET") == 200
    gateway = beside(filter={"rules": [{**DROP, "action": "block"}]})
    assert get(gateway, "/v1/models?x=Blueb%69rd", "GET") == 400
    assert get(gateway, "/v1/models?x=bird", "GET") == 200


def test_an_answer_of_the_cache_is_of_who_asked(tmp_path):
    def script(connection, asked):
        body = asked.json()
        if body.get("service_tier") == "bogus":
            return connection.sendall(whole({"error": {"message": "no such tier"}}, status="400 Bad"))
        echo = {name: body.get(name) for name in ("metadata", "user", "safety_identifier", "prompt_cache_key")}
        return connection.sendall(whole({"id": "resp_1", "object": "response", "status": "completed", "output": [], **echo}))

    with Scripted(script) as provider, Gateway(tmp_path, workers=1, providers={"p": provider.provider()},
                                               cache={"mode": "all", "scope": "global"}) as gateway:
        def call(**members):
            return request(gateway.address, "POST", "/v1/responses", {"model": "m", "input": "hi", "store": False, **members})

        for name in ("metadata", "user", "safety_identifier", "prompt_cache_key"):
            value = {"ssn": "1"} if name == "metadata" else "alice"
            assert json.loads(call(**{name: value})[2])[name] == value
            assert json.loads(call()[2])[name] is None
        assert ask(gateway, {"service_tier": "bogus", "temperature": 0})[0] == 400
        assert ask(gateway, {"temperature": 0})[0] == 200  # a refusal of what it did not ask for is not its answer


def test_one_clients_odd_calls_take_no_target_from_the_others(tmp_path):
    def script(connection, asked):
        if "/embeddings" in asked.target:
            connection.sendall(b"HTTP/1.1 429 X\r\nRetry-After: 300\r\nContent-Length: 2\r\n\r\n{}")
        elif "/rerank" in asked.target:
            connection.sendall(whole({"error": {"message": "no scope"}}, status="401 No"))
        else:
            connection.sendall(answer())

    with Scripted(script) as one, Scripted(script) as other, \
            Gateway(tmp_path, workers=1, providers={"p": one.provider(), "q": other.provider()},
                    models={"m": {"targets": [{"provider": "p"}, {"provider": "q"}]}}) as gateway:
        assert ask(gateway, {})[1]["x-hawser-target"].startswith("p")
        request(gateway.address, "POST", "/v1/embeddings", {"model": "m", "input": "x"})
        for _ in range(8):
            request(gateway.address, "POST", "/v1/rerank", {"model": "m", "query": "x", "documents": ["y"]})
        status, headers, _ = ask(gateway, {})
        assert status == 200 and headers["x-hawser-target"].startswith("p")


@pytest.mark.parametrize("model", ["BIG", "openai/big", "big:free"])
def test_a_residency_rule_of_a_model_knows_its_spellings(beside, model):
    rule = {"name": "eu", "when": "request.model == 'big'", "require": "target.region == 'eu'"}
    gateway = beside(residency=[rule])
    assert ask(gateway, {"model": "big"})[0] == 451
    assert ask(gateway, {"model": model})[0] == 451
    assert ask(gateway, {"model": "small", "models": ["big"]})[0] == 451
    assert ask(gateway, {"model": "small"})[0] == 200


@pytest.mark.parametrize("place", [{"provider": {"order": ["us"]}}, {"inference_geo": "us"}, {"api_base": "http://x"}, {"models": ["us/m"]}])
def test_no_member_leads_out_of_a_region(tmp_path, place):
    with Scripted(lambda connection, _: connection.sendall(answer())) as here, Scripted(lambda *_: True) as there, \
            Gateway(tmp_path, workers=1, providers={"p": here.provider(tags={"region": "eu"}), "q": there.provider(tags={"region": "us"})},
                    models={"m": {"targets": [{"provider": "p"}, {"provider": "q"}]}},
                    residency=[{"name": "eu", "require": "target.region == 'eu'"}]) as gateway:
        assert ask(gateway, {})[0] == 200
        assert ask(gateway, place)[0] == 451
        assert len(here.seen) == 1


@pytest.mark.parametrize("path", ["/v1/Organization/users", "/v1/auth/key", "/v1/user/new", "/v1/Api-Keys", "/v2/admin/x",
                                  "/v1/fine_tuning/checkpoints/c/permissions"])
def test_nobody_administers_a_providers_account(beside, path):
    gateway = beside(keys=[])
    assert request(gateway.address, "GET", path, None, {"Authorization": "Bearer alice"})[0] in (403, 404)
    assert not beside.provider.seen


def test_a_providers_page_is_nobodys_of_this_origin(tmp_path):
    with Scripted(lambda connection, _: connection.sendall(whole("<script>1</script>", "text/html"))) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.provider()}) as gateway:
        _, headers, _ = ask(gateway, {})
        assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]

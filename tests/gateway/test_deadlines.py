"""Deadlines towards providers, pauses that they name, and kept connections that they end."""
import json
import time

import pytest

from support.guard import Guard
from support.http import chat, connect, request
from support.programs import Gateway
from support.provider import STREAM, Provider, answering, chunk, completion, delta


def told(body):
    return json.loads(body)["error"]["message"]


def late(seconds):
    def answer(connection, *_):
        time.sleep(seconds)
        connection.reply(completion("late"))
    return Provider(answering(answer))


def test_a_plain_answer_has_no_first_token(tmp_path):
    """A reasoning model that is asked without `stream` says nothing until it is done."""
    with late(1.5) as provider, Gateway(tmp_path, providers={"p": provider.config()},
                                        timeouts={"first_token": "300ms"}) as gateway:
        assert chat(gateway.address)[0] == 200
        assert len(provider.heads()) == 1


@pytest.mark.parametrize("name", ["plain_answer", "total"])
def test_what_bounds_a_plain_answer_is_named(tmp_path, name):
    with late(5) as provider, Gateway(tmp_path, providers={"p": provider.config()},
                                      timeouts={"connect": "300ms", name: "400ms"}) as gateway:
        begun = time.monotonic()
        status, _, body = chat(gateway.address)
        assert status == 504 and time.monotonic() - begun < 3
        assert name in told(body) and "400ms" in told(body), body


def test_a_streams_first_token_is_bound(tmp_path):
    with late(5) as provider, Gateway(tmp_path, providers={"p": provider.config()},
                                      timeouts={"first_token": "400ms"}) as gateway:
        status, _, body = chat(gateway.address, stream=True)
        assert status == 504 and "first_token" in told(body), body


def test_the_more_particular_deadline_holds(tmp_path):
    with late(1) as provider:
        providers = {"p": provider.config(timeouts={"plain_answer": "300ms"})}
        models = {"quick": {"targets": [{"provider": "p"}]},
                  "slow": {"targets": [{"provider": "p"}], "timeouts": {"plain_answer": "5s"}},
                  "hasty": {"targets": [{"provider": "p"}], "timeouts": {"plain_answer": "200ms"}}}
        with Gateway(tmp_path, providers=providers, models=models, timeouts={"plain_answer": "100ms"}) as gateway:
            status, _, body = chat(gateway.address, model="quick")
            assert status == 504 and "300ms" in told(body) and "provider" in told(body), body
            assert chat(gateway.address, model="slow")[0] == 200
            status, _, body = chat(gateway.address, model="hasty")
            assert status == 504 and "200ms" in told(body) and "model" in told(body), body


def streaming(connection, *_):
    connection.send(STREAM)
    for i in range(20):
        connection.send(chunk(delta(f"{i} ")))
        time.sleep(0.1)
    connection.send(chunk(delta(finish="stop")) + chunk("data: [DONE]\n\n") + b"0\r\n\r\n")


def test_a_running_stream_has_no_age_unless_it_is_set(tmp_path):
    with Provider(answering(streaming)) as provider:
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        with Gateway(tmp_path / "one", providers={"p": provider.config()}, timeouts={"connect": "300ms", "total": "500ms"}) as gateway:
            status, _, body = chat(gateway.address, stream=True)
            assert status == 200 and b"[DONE]" in body
        with Gateway(tmp_path / "two", providers={"p": provider.config()}, retry={"continuation": False},
                     timeouts={"stream_total": "600ms"}) as gateway:
            status, _, body = chat(gateway.address, stream=True)
            assert status == 200 and b"[DONE]" not in body and b"stream_total" in body, body


@pytest.mark.parametrize("value", ["86400", "90000", "99999999999", "Wed, 21 Oct 2037 07:28:00 GMT",
                                   "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_provider_locks_itself_away(tmp_path, value):
    calls = []

    def limited(connection, *_):
        calls.append(1)
        if len(calls) == 1:
            return connection.reply('{"error":{"message":"slow down"}}', "429 Too Many Requests",
                                    fields=f"Retry-After: {value}\r\n")
        return connection.reply(completion("well again"))

    with Provider(answering(limited)) as one, Provider(answering(lambda c, *_: c.reply(completion("two")))) as two:
        models = {"m": {"targets": [{"provider": "one"}, {"provider": "two"}]}}
        with Gateway(tmp_path, providers={"one": one.config(), "two": two.config()}, models=models,
                     health={"retry_after_max": "1s"}) as gateway:
            assert b"two" in chat(gateway.address, model="m")[2]
            assert b"two" in chat(gateway.address, model="m")[2]
            targets = json.loads(request(("127.0.0.1", int(gateway.admin.rsplit(":", 1)[1])), "GET",
                                         "/admin/v1/targets")[2])["targets"]
            cold = [target for target in targets if target["state"] == "cold"]
            assert all(target["for_ms"] <= 1000 for target in cold), targets
            time.sleep(1.2)
            assert b"well again" in chat(gateway.address, model="m")[2]


def test_the_last_target_is_tried(tmp_path):
    """One named a time to come back, the other one broke: the first may be well, so it is asked."""
    state = {"calls": 0, "down": False}

    def one(connection, *_):
        state["calls"] += 1
        if state["calls"] == 1:
            return connection.reply('{"error":{"message":"slow down"}}', "429 Too Many Requests",
                                    fields="Retry-After: 60\r\n")
        return connection.reply(completion("one"))

    def two(connection, *_):
        if state["down"]:
            return connection.reply('{"error":{"message":"down"}}', "500 Oops")
        return connection.reply(completion("two"))

    with Provider(answering(one)) as first, Provider(answering(two)) as second:
        models = {"m": {"targets": [{"provider": "one"}, {"provider": "two"}]}}
        with Gateway(tmp_path, workers=1, providers={"one": first.config(), "two": second.config()}, models=models,
                     retry={"backoff_base": "1ms"}) as gateway:
            assert b"two" in chat(gateway.address, model="m")[2]
            state["down"] = True
            status, _, body = chat(gateway.address, model="m")
            assert status == 200 and b"one" in body, body


def closes_behind_the_answer(connection):
    """With the next request lying unread in its socket: a provider whose event loop is busy."""
    if connection.head() is None:
        return
    connection.body()
    connection.reply()
    time.sleep(0.05)


@pytest.mark.parametrize("how,method,good", [("again", "POST", True), ("safe", "POST", False), ("never", "POST", False),
                                             ("safe", "GET", True)])
def test_a_kept_connection_that_ends(tmp_path, how, method, good):
    with Provider(closes_behind_the_answer) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.config()}, retry={"kept_connection": how}) as gateway:
        got = []
        for _ in range(10):
            if method == "GET":
                got.append(request(gateway.address, "GET", "/v1/models")[0])
            else:
                got.append(chat(gateway.address)[0])
        assert (got == [200] * 10) == good, got


def test_a_client_that_leaves_during_a_guard_pays_for_nothing(tmp_path):
    guard = Guard()
    guard.delay = 1
    with Provider(answering(lambda c, *_: c.reply())) as provider:
        guards = [{"name": "g", "url": guard.url, "network": "any", "in": "prompt", "deadline": "5s", "on_timeout": "closed"}]
        with Gateway(tmp_path, workers=1, providers={"p": provider.config()}, guards=guards,
                     generations={"on_disconnect": "cancel"}) as gateway:
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]})
            client = connect(gateway.address)
            client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            time.sleep(0.4)
            client.close()
            time.sleep(1.5)
            assert guard.asked and provider.heads() == []

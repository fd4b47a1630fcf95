"""/v1/chat and OpenAI's WebSocket mode of /v1/responses."""
import json
import signal
import time

import openai
import pytest

from support.programs import Gateway
from support.scripted import LAST, Scripted, chunk, event, stream_head, whole
from support.websocket import Closed, WebSocket


def text_of(chunks):
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk.get("choices"))


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


def ask(events, **more):
    return {"model": "m", "max_tokens": events + 10, "messages": [{"role": "user", "content": f"count: {events}"}], **more}


def read_chat(chat):
    chunks = []
    while (message := chat.receive()) != "[DONE]":
        chunks.append(json.loads(message))
    return chunks


# --- /v1/chat

def test_chats_follow_each_other(gateway, sim):
    chat = WebSocket(gateway.address, "/v1/chat")
    for events in (3, 5, 7):
        chat.send(ask(events))
    for events in (3, 5, 7):
        assert text_of(read_chat(chat)) == counted(events)
    chat.send({"type": "ping"})
    assert chat.receive_json() == {"type": "pong"}
    chat.send(ask(4, stream=False))
    assert chat.receive_json()["choices"][0]["message"]["content"] == counted(4)


def test_chat_tells_errors_and_goes_on(gateway):
    chat = WebSocket(gateway.address, "/v1/chat")
    for bad in ("nonsense", "[]", "{}", '{"type":"dance"}', '{"messages":7,"model":["m"]}'):
        chat.send(bad)
        assert chat.receive_json()["error"]["type"] == "invalid_request_error", bad
    chat.send(ask(3))
    assert text_of(read_chat(chat)) == counted(3)


def test_chat_is_cancelled(gateway, sim):
    chat = WebSocket(gateway.address, "/v1/chat", {"x-ignored": "1"})
    chat.send(ask(2000))
    assert json.loads(chat.receive())["object"] == "chat.completion.chunk"
    chat.send({"type": "cancel"})
    try:
        while "error" not in (message := chat.receive()) and message != "[DONE]":
            pass
    finally:
        chat.send({"type": "ping"})
    while chat.receive() != '{"type":"pong"}':
        pass


# --- /v1/responses

def create(socket, text, **more):
    socket.send({"type": "response.create", "model": "m", "input": text, **more})


def events_until_end(socket, lane=None):
    events = []
    while True:
        event = socket.receive_json()
        if lane is not None and event.get("stream_id") != lane:
            continue
        events.append(event)
        if event["type"] in ("response.completed", "error"):
            return events


def output_text(events):
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


def test_events_are_those_of_http(gateway, sim):
    socket = WebSocket(gateway.address, "/v1/responses")
    create(socket, "count: 5")
    events = events_until_end(socket)
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="none", max_retries=0)
    over_http = [event.type for event in client.responses.create(model="m", input="count: 5", stream=True)]
    assert [event["type"] for event in events] == over_http and output_text(events) == counted(5)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_lanes(gateway):
    socket = WebSocket(gateway.address, "/v1/responses")
    for turn in range(3):
        for lane in ("a", "b"):
            create(socket, f"count: {10 + turn}", stream_id=lane)
    by_lane = {"a": [], "b": []}
    while sum(event["type"] == "response.completed" for events in by_lane.values() for event in events) < 6:
        event = socket.receive_json()
        by_lane[event["stream_id"]].append(event)
    for events in by_lane.values():
        assert output_text(events) == "".join(counted(10 + turn) for turn in range(3)), "first in, first out"


def test_limits_of_a_connection(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 websocket={"responses_in_flight_max": 2, "responses_lanes_max": 3, "max_age": "2s"}) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        for lane in "abc":
            create(socket, "count: 500", stream_id=lane)
        while (event := socket.receive_json())["type"] != "error":
            pass
        assert event["stream_id"] == "c" and event["error"]["code"] == "websocket_stream_limit_reached"
        while (event := socket.receive_json())["type"] != "error":
            pass
        assert event["error"]["code"] == "websocket_connection_limit_reached"
        assert socket.close_code() == 1000


def test_turns_build_on_each_other_without_a_store(gateway, sim):
    socket = WebSocket(gateway.address, "/v1/responses")
    create(socket, "count: 2", store=False)
    first = events_until_end(socket)[-1]["response"]
    create(socket, "count: 3", store=False, previous_response_id=first["id"])
    second = events_until_end(socket)[-1]["response"]
    create(socket, [{"role": "user", "content": "count: 4"}], store=False, previous_response_id=second["id"])
    assert output_text(events_until_end(socket)) == counted(4)
    sizes = [entry["request_bytes"] if "request_bytes" in entry else len(entry.get("body") or "") for entry in sim.journal()]
    assert len(sim.journal()) == 3
    create(socket, "count: 3", store=False, previous_response_id="resp_unknown")
    error = events_until_end(socket)[-1]
    assert error["error"]["code"] == "previous_response_not_found" and error["status"] == 400


def test_warm_up(gateway, sim):
    socket = WebSocket(gateway.address, "/v1/responses")
    create(socket, "You count.", generate=False, store=False)
    warm = events_until_end(socket)[-1]["response"]
    assert warm["output"] == [] and sim.journal() == []
    create(socket, "count: 3", store=False, previous_response_id=warm["id"])
    assert output_text(events_until_end(socket)) == counted(3)


# --- bounds of what one connection makes the gateway keep

def bounded(folder, provider, **websocket):
    return Gateway(folder, workers=1, providers={"p": provider.provider()}, websocket=websocket)


def warm(socket, items, **more):
    create(socket, items, generate=False, store=False, **more)
    return events_until_end(socket)[-1]


def known(socket, turn):
    """Whether the connection still keeps the turn."""
    answer = warm(socket, [], previous_response_id=turn)
    if answer["type"] == "error":
        assert answer["error"]["code"] == "previous_response_not_found"
    return answer["type"] == "response.completed"


def ends_with(response_id):
    def script(connection, _):
        connection.sendall(stream_head() + chunk(event("response.created", response={"id": response_id})) + chunk(
            event("response.completed", response={"id": response_id, "output": []})) + LAST)
    return script


@pytest.mark.parametrize("items", [[], [{"role": "user", "content": "hi"}]])
def test_turns_are_counted_those_of_no_bytes_too(tmp_path, items):
    with Scripted(ends_with("r")) as provider, bounded(tmp_path, provider, responses_turns_max=3) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        first = warm(socket, items)["response"]["id"]
        assert known(socket, first)  # is itself a turn more
        turns = [warm(socket, items)["response"]["id"] for _ in range(3)]
        assert not known(socket, first)
        assert known(socket, turns[2])


def test_bytes_of_turns_are_counted(tmp_path):
    def text(size):
        return [{"role": "user", "content": "x" * size}]
    with Scripted(ends_with("r")) as provider, bounded(tmp_path, provider, responses_turns_bytes_max="64KiB") as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        assert not known(socket, warm(socket, text(70_000))["response"]["id"])  # longer than all of it
        first, second = (warm(socket, text(40_000))["response"]["id"] for _ in range(2))
        assert not known(socket, first)
        small = warm(socket, text(1_000))["response"]["id"]
        create(socket, "hi", store=False, previous_response_id=second)
        assert events_until_end(socket)[-1]["type"] == "response.completed"
        assert len(provider.seen[-1].body) > 40_000
        assert known(socket, small)


@pytest.mark.parametrize("length,kept", [(256, True), (257, False)])
def test_a_providers_name_of_a_response_is_bounded(tmp_path, length, kept):
    name = "r" * length
    with Scripted(ends_with(name)) as provider, bounded(tmp_path, provider) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        create(socket, "hi", store=False)
        assert events_until_end(socket)[-1]["response"]["id"] == name
        assert known(socket, name) == kept


def test_names_that_a_client_chooses_are_bounded(tmp_path):
    with Scripted(ends_with("r")) as provider, bounded(tmp_path, provider) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        for length, kind in ((256, "response.completed"), (257, "error")):
            answer = warm(socket, [], model='m' * (length - 2))
            assert answer["type"] == kind and len(json.dumps(answer)) < 1_000
        for length, kind in ((128, "response.completed"), (129, "error")):
            answer = warm(socket, [], stream_id="s" * length)
            assert answer["type"] == kind, length
        create(socket, "hi", store=False, previous_response_id="y" * 300_000)
        assert len(json.dumps(events_until_end(socket)[-1])) < 1_000


@pytest.mark.parametrize("size,told", [(60_000, True), (70_000, False), (3_000_000, False)])
def test_a_refusal_is_kept_up_to_64_kib(tmp_path, size, told):
    body = json.dumps({"error": {"message": "x" * size, "code": "no"}})

    def script(connection, _):
        connection.sendall(whole(body, status="400 Bad Request"))
    with Scripted(script) as provider, bounded(tmp_path, provider) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        create(socket, "hi")
        answer = events_until_end(socket)[-1]
        assert answer["status"] == 400 and len(json.dumps(answer)) < 66_000
        assert (answer["error"] is not None) == told
        socket.send({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}


def test_those_who_wait_in_a_lane_are_counted(tmp_path):
    def script(connection, _):
        time.sleep(5)
        return True
    with Scripted(script) as provider, bounded(tmp_path, provider, responses_in_flight_max=3) as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        for _ in range(4):
            create(socket, "hi")
        error = events_until_end(socket)[-1]["error"]
        assert error["code"] == "websocket_stream_limit_reached" and "in flight" in error["message"]
        time.sleep(0.2)
        assert len(provider.seen) == 1, "one after the other"


def test_a_providers_refusal_is_an_error_event(sim, tmp_path):
    models = {"known": {"targets": [{"provider": "sim"}]}}
    other = Gateway(tmp_path, providers={"sim": sim.provider(), "spare": sim.provider()}, models=models)
    with other as gateway:
        socket = WebSocket(gateway.address, "/v1/responses")
        create(socket, "count: 3", stream_id="x")
        error = events_until_end(socket)[-1]
        assert error["status"] == 404 and error["error"]["code"] == "model_not_found" and error["stream_id"] == "x"
        socket.send("nonsense")
        assert socket.receive_json()["status"] == 400


def test_openais_own_client(gateway):
    client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="none")
    with client.responses.connect() as connection:
        for events in (3, 5):
            connection.response.create(model="m", input=f"count: {events}", store=False)
            text = ""
            for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type == "response.completed":
                    break
            assert text == counted(events)

"""/v1/chat and OpenAI's WebSocket mode of /v1/responses."""
import json
import signal
import time

import openai
import pytest

from support.programs import Gateway
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

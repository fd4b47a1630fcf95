"""The official Python SDK, straight to the provider and through the gateway: the same results."""
import time

import openai
import pytest

from support.programs import Gateway

MESSAGES = [{"role": "user", "content": "say: the rope holds"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}}


@pytest.fixture(params=["direct", "gateway"])
def client(request, sim, tmp_path):
    if request.param == "direct":
        yield openai.OpenAI(base_url=sim.url, api_key="k")
        return
    with Gateway(tmp_path, providers={"sim": sim.provider()}, retry={"attempts_max": 1},
                 generations={"grace_unannounced": "300ms"}) as gateway:
        yield openai.OpenAI(base_url=gateway.url + "/v1", api_key="k")


def test_chat(client):
    answer = client.chat.completions.create(model="m", messages=MESSAGES)
    assert answer.choices[0].message.content == "the rope holds"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 3
    assert answer._request_id


def test_stream(client):
    stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "the rope holds"
    assert chunks[-1].usage.completion_tokens == 3


def test_many_choices(client):
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], n=3)
    assert len({choice.message.content for choice in answer.choices}) == 3


def test_tools(client):
    answer = client.chat.completions.create(model="m", messages=MESSAGES, tools=[TOOL])
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather" and call.function.arguments == '{"city":"example","days":7}'
    arguments = ""
    for chunk in client.chat.completions.create(model="m", messages=MESSAGES, tools=[TOOL], stream=True):
        for piece in chunk.choices[0].delta.tool_calls or []:
            arguments += piece.function.arguments or ""
    assert arguments == call.function.arguments


def test_responses(client):
    assert client.responses.create(model="m", input="say: aye aye").output_text == "aye aye"
    kinds = [event.type for event in client.responses.create(model="m", input="say: aye aye", stream=True)]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") == 2


def test_embeddings(client):
    answer = client.embeddings.create(model="e", input=["a", "b"], dimensions=8)
    assert len(answer.data) == 2 and len(answer.data[0].embedding) == 8
    assert answer.data[0].embedding != answer.data[1].embedding


def test_models_files_and_audio(client):
    assert [model.id for model in client.models.list()] == ["sim-large", "sim-small"]
    content = bytes(range(256)) * 400
    made = client.files.create(file=("data.bin", content), purpose="assistants")
    assert client.files.content(made.id).read() == content
    assert client.files.delete(made.id).deleted
    assert len(client.audio.speech.create(model="tts", voice="alloy", input="x").read()) == 48_000
    assert client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF" * 100)).text


@pytest.mark.parametrize("status,error", [
    (400, openai.BadRequestError), (401, openai.AuthenticationError), (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError), (409, openai.ConflictError), (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError), (500, openai.InternalServerError), (503, openai.InternalServerError)])
def test_errors_are_typed(client, status, error):
    with pytest.raises(error) as caught:
        client.with_options(max_retries=0).chat.completions.create(
            model="m", messages=MESSAGES, extra_headers={"x-sim-fault": f"status:{status}"})
    assert caught.value.status_code == status and "simulated fault" in str(caught.value)
    assert caught.value.request_id


def test_a_missing_model_and_bad_json(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=MESSAGES)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", body={"model": "m"}, cast_to=object)


def test_in_band_errors_raise(client):
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True,
                                            extra_headers={"x-sim-fault": "error-event:2"}))
    assert "had an error" in str(caught.value)


def test_a_broken_stream_raises_through_the_gateway(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}) as gateway:
        client = openai.OpenAI(base_url=gateway.url + "/v1", api_key="k")
        for create in (lambda **more: client.chat.completions.create(messages=MESSAGES, **more),
                       lambda **more: client.responses.create(input="count: 9", **more)):
            with pytest.raises(openai.APIError) as caught:
                list(create(model="m", stream=True, extra_headers={
                    "x-sim-fault": "close:after-events=4", "x-sim-interval-ms": "5"}))
            assert "broke" in str(caught.value) or "ended" in str(caught.value)


def test_time_out(client, sim):
    begun = time.monotonic()
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.4, max_retries=0).chat.completions.create(
            model="m", messages=MESSAGES, extra_headers={"x-sim-fault": "stall:before-head"})
    assert time.monotonic() - begun < 5
    assert sim.settled(lambda j: j[-1]["outcome"] == "client_closed")[-1]["outcome"] == "client_closed"


def test_cancellation(client, sim):
    stream = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "count: 500"}], max_tokens=500, stream=True,
        extra_headers={"x-sim-interval-ms": "20"})
    for i, _ in enumerate(stream):
        if i == 3:
            break
    stream.close()
    entry = sim.settled(lambda j: j[-1]["outcome"] == "client_closed")[-1]
    assert entry["outcome"] == "client_closed" and entry["events_sent"] < 200


def test_the_sdks_own_retries(client, sim):
    answer = client.with_options(max_retries=2).chat.completions.create(
        model="m", messages=MESSAGES, extra_headers={
            "x-sim-fault": "status:500", "x-sim-fault-times": "1", "x-sim-fault-key": "r"})
    assert answer.choices[0].message.content == "the rope holds"
    assert len(sim.journal()) == 2

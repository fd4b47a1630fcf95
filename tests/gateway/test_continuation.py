"""A provider that breaks off in mid-stream: one more call, joined exactly, or a clean error."""
import json

import pytest

from support.http import events, request
from support.programs import Gateway, Simulator

MESSAGES = [{"role": "user", "content": "What is a hawser?"}]


def texts(chunks):
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", []))


@pytest.fixture
def broken(tmp_path):
    """Answers the first chat only in part; yields the simulator and how to ask through a gateway."""
    started = []

    def begin(fault, prefill="none", **options):
        script = tmp_path / "script.json"
        script.write_text(json.dumps([{"path": "chat", "nth": 1, "fault": fault, "tokens": 40}, {"tokens": 40}]))
        sim = Simulator("--script", script).__enter__()
        started.append(sim)
        provider = sim.provider() | {"prefill": prefill}
        gateway = Gateway(tmp_path, providers={"sim": provider}, timeouts={"stall": "500ms"}, **options).__enter__()
        started.append(gateway)
        return sim, gateway

    yield begin
    for program in reversed(started):
        program.__exit__(None, None, None)


def ask(gateway, **body):
    body = {"model": "sim-large", "stream": True, "messages": MESSAGES} | body
    status, headers, answer = request(gateway.address, "POST", "/v1/chat/completions", body)
    assert status == 200
    return headers, events(answer)


def decoded(stream):
    return [json.loads(data) for data in stream if data != "[DONE]"]


@pytest.mark.parametrize("fault", ["reset:after-events=12", "close:after-events=12", "stall:after-events=12",
                                   "reset:after-bytes=2500"])
@pytest.mark.parametrize("prefill,temperature", [("prefix", 1), ("partial", 1), ("none", 0)])
def test_a_broken_answer_is_continued(broken, fault, prefill, temperature):
    sim, gateway = broken(fault, prefill)
    headers, stream = ask(gateway, temperature=temperature)
    chunks = decoded(stream)
    assert stream[-1] == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    marks = [chunk["hawser"] for chunk in chunks if "hawser" in chunk]
    kind = "prefill" if prefill != "none" else "replay"
    assert marks == [{"splice": kind}]
    whole = decoded(ask(gateway, temperature=temperature)[1])
    assert texts(chunks) == texts(whole) and len(texts(whole)) > 100
    assert sum(choice["delta"].get("role") == "assistant" for chunk in chunks for choice in chunk["choices"]) == 1
    assert len(sim.journal()) == 3
    assert gateway.metric(f'hawser_splices_total{{kind="{kind}"}}') == 1


def test_without_content_it_begins_anew(broken):
    sim, gateway = broken("reset:after-events=1")  # the role only
    chunks = decoded(ask(gateway)[1])
    assert texts(chunks) == texts(decoded(ask(gateway)[1]))
    assert len(sim.journal()) == 3
    assert gateway.metric('hawser_splices_total{kind="restart"}') == 1


@pytest.mark.parametrize("body", [{}, {"temperature": 0, "n": 2}, {"temperature": 0, "logprobs": True}])
def test_what_cannot_be_joined_ends_in_an_error(broken, body):
    sim, gateway = broken("reset:after-events=12")
    stream = ask(gateway, **body)[1]
    assert "error" in decoded(stream)[-1]
    assert len(sim.journal()) == 1


def test_it_can_be_switched_off(broken):
    sim, gateway = broken("reset:after-events=12", retry={"continuation": False})
    assert "error" in decoded(ask(gateway, temperature=0)[1])[-1]
    assert len(sim.journal()) == 1


def test_one_splice_at_most(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"path": "chat", "fault": "reset:after-events=12"}]))
    with Simulator("--script", script) as sim, Gateway(tmp_path, providers={"sim": sim.provider()}) as gateway:
        assert "error" in decoded(ask(gateway, temperature=0)[1])[-1]
        assert len(sim.journal()) == 2

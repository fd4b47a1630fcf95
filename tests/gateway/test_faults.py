"""Retries, time-outs and errors: what goes wrong upstream, and what the client hears of it."""
import json
import time

import pytest

from support.http import chat, connect, events, read_until_closed, request
from support.programs import Gateway, Simulator


def fault(name, times=None, key="k"):
    headers = {"x-sim-fault": name}
    if times is not None:
        headers |= {"x-sim-fault-times": str(times), "x-sim-fault-key": key}
    return headers


@pytest.fixture
def quick(sim, tmp_path):
    """A gateway with short deadlines."""
    timeouts = {"connect": "500ms", "first_token": "600ms", "plain_answer": "600ms", "stall": "600ms", "total": "5s"}
    retry = {"backoff_base": "10ms", "backoff_max": "20ms"}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, timeouts=timeouts, retry=retry) as running:
        yield running


@pytest.mark.parametrize("status,waits", [("429", "retry-after-ms=30"), ("503", "retry-after=0.05"), ("529", "")])
def test_what_the_provider_asks_for_is_retried(quick, sim, status, waits):
    name = f"status:{status}" + (f":{waits}" if waits else "")
    code, headers, _ = chat(quick.address, headers=fault(name, times=1))
    assert code == 200 and headers["x-hawser-attempts"] == "2"
    assert len(sim.journal()) == 2


def test_a_500_that_may_have_run_is_not_repeated_at_the_same_target(quick, sim):
    code, headers, body = chat(quick.address, headers=fault("status:500"))
    assert code == 500 and json.loads(body)["error"]["message"] == "simulated fault"
    assert len(sim.journal()) == 1


def test_spent_retries_tell_the_sdk_to_stop(quick, sim):
    code, headers, _ = chat(quick.address, headers=fault("status:503:retry-after-ms=10"))
    assert code == 503 and headers["x-should-retry"] == "false"
    assert len(sim.journal()) == 2  # two at one target


OPENINGS = ["status:500", "status:429", "status:401", "status:404", "reset:before-head", "close:before-head",
            "garbage-head", "stall:before-head"]
STREAM_OPENINGS = ["empty-stream", "error-event:0", "stall:after-events=0", "reset:after-events=0"]


@pytest.mark.parametrize("name,stream", [(name, stream) for name in OPENINGS for stream in (False, True)] +
                         [(name, True) for name in STREAM_OPENINGS])
def test_fallback_before_the_first_content(sim, tmp_path, name, stream):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"model": "sim-large", "fault": name}]))
    with Simulator("--script", script) as first:
        models = {"sim-large": {"targets": [{"provider": "first"}, {"provider": "second", "model": "sim-small"}]}}
        with Gateway(tmp_path, providers={"first": first.provider(), "second": sim.provider()}, models=models,
                     timeouts={"first_token": "600ms", "plain_answer": "600ms", "stall": "600ms"}) as gateway:
            code, headers, body = chat(gateway.address, stream=stream)
            assert code == 200
            assert not stream or events(body)[-1] == "[DONE]"
            assert headers["x-hawser-target"] == "second/sim-small"
            assert len(first.journal()) == 1 and len(sim.journal()) == 1


@pytest.mark.parametrize("name", ["reset:after-events=3", "close:after-events=3", "stall:after-events=3",
                                  "reset:after-bytes=700", "chunked-broken", "no-done"])
def test_a_stream_never_ends_silently(quick, name):
    code, _, body = chat(quick.address, content="count: 20", stream=True,
                         headers=fault(name) | {"x-sim-interval-ms": "20"})
    assert code == 200
    last = json.loads(events(body)[-1])
    assert last["error"]["type"] == "server_error" and last["error"]["message"]
    whole = [json.loads(event) for event in events(body)]  # no event is cut
    assert len(whole) >= 2


def test_malformed_events_and_in_band_errors_pass(quick):
    _, _, body = chat(quick.address, stream=True, headers=fault("malformed-event:2"))
    assert "{not json" in events(body) and events(body)[-1] == "[DONE]"
    _, _, body = chat(quick.address, stream=True, headers=fault("error-event:2"))
    assert json.loads(events(body)[-1])["error"]["message"].startswith("The server had an error")


def test_responses_streams_end_with_their_own_error_event(quick):
    body = {"model": "m", "input": "count: 20", "stream": True}
    _, _, answer = request(quick.address, "POST", "/v1/responses", body, fault("reset:after-events=6"))
    kinds = [line for line in answer.split(b"\n") if line.startswith(b"event: ")][-2:]
    assert kinds == [b"event: error", b"event: response.failed"]
    numbers = [json.loads(data)["sequence_number"] for data in events(answer)]
    assert numbers == list(range(len(numbers)))
    assert json.loads(events(answer)[-1])["response"]["error"]["code"] == "server_error"


@pytest.mark.parametrize("name,code,kind", [
    ("stall:before-head", 504, "timeout"), ("reset:before-head", 502, "connection"),
    ("garbage-head", 502, "upstream"), ("close:before-head", 502, "connection")])
def test_errors_of_our_own(quick, name, code, kind):
    status, headers, body = chat(quick.address, headers=fault(name))
    assert status == code
    assert json.loads(body)["error"]["code"] == kind
    assert quick.settled_metric(f'api_errors{{type="{kind}"}}', 1) == 1


@pytest.mark.parametrize("path,check", [
    ("/v1/messages", lambda e: e["type"] == "error" and e["error"]["type"] == "timeout_error"),
    ("/v1beta/models/m:generateContent", lambda e: e["error"]["status"] == "DEADLINE_EXCEEDED")])
def test_errors_in_the_clients_dialect(quick, path, check):
    status, _, body = request(quick.address, "POST", path, {"model": "m"}, fault("stall:before-head"))
    assert status == 504 and check(json.loads(body))


def test_a_provider_that_is_not_there(sim, tmp_path):
    providers = {"gone": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}, "sim": sim.provider()}
    models = {"a": {"targets": [{"provider": "gone"}]}, "b": {"targets": [{"provider": "gone"}, {"provider": "sim"}]}}
    with Gateway(tmp_path, providers=providers, models=models, retry={"backoff_base": "5ms"}) as gateway:
        status, headers, body = chat(gateway.address, model="a")
        assert status == 502 and json.loads(body)["error"]["code"] == "connection"
        assert headers["x-hawser-attempts"] == "2" and headers["x-should-retry"] == "false"
        assert chat(gateway.address, model="b")[0] == 200


def test_a_truncated_answer_is_cut_not_finished(quick):
    connection = connect(quick.address)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "count: 3"}]})
    connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx-sim-fault: truncate-length:50\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    answer, how = read_until_closed(connection)
    assert how == "reset" or len(answer.split(b"\r\n\r\n", 1)[1]) < 500


def test_idle_connections_that_the_provider_closed_cost_nothing(tmp_path):
    with Simulator() as first:
        port = first.address.split(":")[1]
        with Gateway(tmp_path, workers=1, providers={"sim": first.provider()}) as gateway:
            for _ in range(3):
                assert chat(gateway.address)[0] == 200
            first.stop()
            from support.programs import Program
            with Program("sim", "--listen", f"127.0.0.1:{port}") as second:
                second.read_line("listening on ")
                status, headers, _ = chat(gateway.address)
                assert status == 200 and headers["x-hawser-attempts"] == "1"


def test_client_gone_cancels_upstream(gateway, sim):
    for where in ({"x-sim-latency-ms": "30000"}, {"x-sim-interval-ms": "50", "x-sim-tokens": "1000"}):
        sim.clear()
        extra = "".join(f"{name}: {value}\r\n" for name, value in where.items())
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]})
        connection = connect(gateway.address)
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{extra}"
                           f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        sim.settled(lambda journal: len(journal) == 1)
        time.sleep(0.2)
        begun = time.monotonic()
        connection.close()
        journal = sim.settled(lambda entries: entries[0]["outcome"] == "client_closed", 5)
        assert journal[0]["outcome"] == "client_closed"
        assert time.monotonic() - begun < 2
    assert sim.get("/sim/stats")["active"] == 0

"""A link of gateways that is cut at chosen bytes, or lets some of its streams through and not others."""
import json
import pathlib
import re
import threading
import time

import pytest

from support.gated_path import SILENT, GatedPath, generation_of
from support.http import events, request
from support.programs import Gateway


def near_gateway(folder, path, **config):
    home = pathlib.Path(folder) / "near"
    home.mkdir(exist_ok=True)
    far = {"base_url": f"http://127.0.0.1:{path.port}/v1", "auth": "none", "gateway": True, "pool": {"idle_max": 0}}
    return Gateway(home, **{"workers": 1, "node": {"name": "near"}, "providers": {"far": far}, "default_provider": "far",
                            "generations": {"event_ids": False}, **config})


@pytest.fixture
def far(sim, tmp_path):
    home = tmp_path / "far"
    home.mkdir()
    with Gateway(home, workers=2, node={"name": "far"}, providers={"sim": sim.provider()},
                 generations={"kept": "30s"}) as running:
        yield running


MESSAGE = [{"role": "user", "content": "count: 4"}]
CALLS = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGE, "stream_options": {"include_usage": True}}),
    "two choices": ("/v1/chat/completions", {"messages": MESSAGE, "n": 2}),
    "responses": ("/v1/responses", {"input": "count: 4"}),
    "completions": ("/v1/completions", {"prompt": "count: 4"}),
}


def alike(body):
    """Without what differs between two answers: names, times, and comments."""
    text = re.sub(rb"(cmpl|resp|msg|item|rs)[-_]\w+", rb"\1", body)
    text = re.sub(rb'"(created|created_at)":\d+', rb'"\1":0', text)
    return re.sub(rb"(?m)^: hb \d+\n", b"", text)


@pytest.mark.parametrize("call", CALLS)
def test_a_cut_at_any_byte_changes_nothing(sim, far, tmp_path, everything, call):
    """The stream that the near gateway's client sees is byte for byte the same, wherever the link was cut once."""
    target, more = CALLS[call]
    cuts_left = []

    def decide(_):
        return cuts_left.pop() if cuts_left else None

    with GatedPath(far.address, decide) as path, near_gateway(tmp_path, path) as near:
        def ask(number):
            body = {"model": "m", "stream": True, "user": str(number), **more}
            status, _, answer = request(near.address, "POST", target, body)
            return status, alike(answer)

        whole = ask("whole")
        assert whole[0] == 200
        _, _, raw = request(far.address, "POST", target, {"model": "m", "stream": True, **more})
        stride = 1 if everything else 17
        cuts = range(1, len(raw) + 1500, stride)
        sim.clear()
        wrong = []
        for cut in cuts:
            cuts_left.append(cut)
            if (got := ask(cut)) != whole:
                wrong.append((cut, *got))
        for one in wrong[:4]:
            print(one)
        assert not wrong, [one[0] for one in wrong]
        assert len(sim.journal()) == len(cuts), "one call at the provider each"


def ask_in_thread(near, number, events_wanted, interval, fields=None):
    """A stream of its own; its outcome appears in what is given back."""
    got = {}

    def run():
        body = {"model": "m", "stream": True, "max_tokens": events_wanted + 10, "user": str(number),
                "messages": [{"role": "user", "content": f"count: {events_wanted}"}]}
        begun = time.monotonic()
        got["status"], _, got["body"] = request(near.address, "POST", "/v1/chat/completions", body,
                                                {"x-sim-interval-ms": str(interval), **(fields or {})}, timeout=60)
        got["took"] = time.monotonic() - begun

    got["thread"] = threading.Thread(target=run)
    got["thread"].start()
    return got


def whole(got, events_wanted):
    said = events(got["body"])
    text = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in said[:-1] if '"choices"' in event)
    return said[-1] == "[DONE]" and text.split() == [str(n) for n in range(1, events_wanted + 1)]


class Unlucky:
    """The first connection is reset in the middle of its stream; what takes it up is reset at once, until `let`."""

    def __init__(self):
        self.count, self.generations, self.tries, self.let = 0, set(), [], False

    def __call__(self, head):
        taken_up = generation_of(head)
        if taken_up is None:
            self.count += 1
            return 4000 if self.count == 1 else None
        self.tries.append(time.monotonic())
        return None if self.let else 0


def test_a_stream_that_is_unlucky_for_long_is_whole_while_the_link_works(sim, far, tmp_path):
    """Resets hit one of two streams for three times reattach_for: the link is there, so it is not given up."""
    decide = Unlucky()
    with GatedPath(far.address, decide) as path, near_gateway(tmp_path, path, retry={"reattach_for": "1s"}) as near:
        unlucky = ask_in_thread(near, 1, 40, 10)
        sim.settled(lambda journal: len(journal) == 1)
        lucky = ask_in_thread(near, 2, 200, 20)
        time.sleep(3)
        decide.let = True
        for one in (unlucky, lucky):
            one["thread"].join(30)
    assert whole(lucky, 200) and lucky["took"] > 3.5, "it kept the link alive for all of that time"
    assert whole(unlucky, 40), unlucky["body"][-300:]
    assert len(sim.journal()) == 2 and len(decide.tries) >= 4


def test_a_link_that_brings_nothing_is_given_up_in_time(sim, far, tmp_path):
    with GatedPath(far.address, Unlucky()) as path, near_gateway(tmp_path, path, retry={"reattach_for": "1s"}) as near:
        got = ask_in_thread(near, 1, 60, 10)
        got["thread"].join(20)
    assert "broke in the middle" in events(got["body"])[-1]
    assert got["took"] < 3


def test_how_a_generation_ended_meanwhile_is_told_at_once(sim, tmp_path):
    """The provider fell silent while the link was away: the near gateway's client gets the far one's error, not a wait."""
    home = tmp_path / "far"
    home.mkdir()
    lets = threading.Event()
    with Gateway(home, workers=2, node={"name": "far"}, providers={"sim": sim.provider()},
                 timeouts={"stall": "1s"}) as far, GatedPath(
                     far.address, lambda head: 0 if generation_of(head) and not lets.is_set() else None) as path, near_gateway(
                         tmp_path, path) as near:
        got = ask_in_thread(near, 1, 50, 10, {"x-sim-fault": "stall:after-events=30"})
        sim.settled(lambda journal: journal and journal[0]["events_sent"] == 30)
        time.sleep(0.3)
        path.break_all()
        assert far.settled_metric('requests_total{status="200"}', 1) == 1
        time.sleep(1.5)
        begun = time.monotonic()
        lets.set()
        got["thread"].join(40)
        waited = time.monotonic() - begun
    last = json.loads(events(got["body"])[-1])
    assert "error" in last and "stall" in last["error"]["message"], got["body"][-300:]
    assert waited < 3, waited


def test_a_path_that_is_silent_when_a_stream_is_taken_up_is_noticed(sim, far, tmp_path, figure):
    """The connection opens, and nothing comes by it."""
    tries = []

    def decide(head):
        if not generation_of(head):
            return 4000
        tries.append(time.monotonic())
        return SILENT if len(tries) == 1 else None

    with GatedPath(far.address, decide) as path, near_gateway(tmp_path, path) as near:
        got = ask_in_thread(near, 1, 40, 10)
        got["thread"].join(30)
    assert whole(got, 40) and len(sim.journal()) == 1
    figure(f"silent death where a stream is taken up: noticed behind {tries[1] - tries[0]:.2f} s")
    assert tries[1] - tries[0] < 5

"""A gateway that is another gateway's provider: circles, headers, errors, broken links."""
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import time

import pytest

from support.faults import BrokenPath
from support.http import chat, connect, events, request
from support.nginx import Nginx, free_port
from support.programs import HAWSER, Gateway

MODELS = {"sim-large": {"targets": [{"provider": "p", "model": "sim-large"}]}}


def start(folder, name, provider, **config):
    home = pathlib.Path(folder) / name
    home.mkdir(exist_ok=True)
    return Gateway(home, **{"workers": 1, "node": {"name": name}, "providers": {"p": provider}, "models": MODELS,
                            "default_provider": "p", **config})


def link_to(url, **settings):
    return {"base_url": url, "auth": "none", "gateway": True, **settings}


@pytest.fixture
def inner(sim, tmp_path):
    with start(tmp_path, "inner", sim.provider()) as running:
        yield running


@pytest.fixture(params=["h1", "h2"])
def outer(request, inner, tmp_path):
    """In front of the inner one, over HTTP/1.1 or a warm HTTP/2 connection."""
    if request.param == "h1":
        with start(tmp_path, "outer", link_to(f"{inner.url}/v1")) as running:
            yield running
        return
    with Nginx(tmp_path, inner.url.split("//")[1]) as nginx:
        with start(tmp_path, "outer", link_to(nginx.url, http="h2", pool={"prewarm": 1})) as running:
            yield running


def test_each_hop_tells_its_own_part(outer, sim):
    status, headers, body = chat(outer.address, headers={"X-Request-Id": "asked-0001", "Via": "1.0 proxy"})
    assert status == 200 and json.loads(body)["choices"]
    seen = {}
    for name, value in sim.journal()[0]["headers"]:
        seen.setdefault(name.lower(), []).append(value)
    assert seen["x-request-id"] == ["asked-0001"] and headers["x-request-id"] == "asked-0001"
    assert ", ".join(seen["via"]).startswith("1.0 proxy, 1.1 outer")
    assert headers["x-hawser-target"] == "p/sim-large" == headers["x-hawser-inner-target"]
    assert headers["x-hawser-attempts"] == headers["x-hawser-inner-attempts"] == "1"
    assert int(headers["x-hawser-inner-overhead-us"]) >= 0


def test_a_clients_ids_need_not_differ(outer, sim):
    """Requests that their client gives the same id are different ones; its own Idempotency-Key goes on as a name of ours."""
    for i in range(3):
        assert json.loads(chat(outer.address, f"say: {i}", headers={"X-Request-Id": "always-the-same"})[2])[
            "choices"][0]["message"]["content"] == str(i)
    for _ in range(2):
        chat(outer.address, "say: x", headers={"Idempotency-Key": "mine"})
    sent = [dict((name.lower(), value) for name, value in entry["headers"])["idempotency-key"] for entry in sim.journal()]
    assert len(set(sent[:3])) == 3
    assert len(set(sent[3:])) == 1 and len(sent[3]) == 64, "one name, which no other key of the far gateway can say"


def test_plain_providers_see_nothing_of_it(inner, sim):
    chat(inner.address)
    names = {name.lower() for name, _ in sim.journal()[0]["headers"]}
    assert not {"via", "x-hawser-resumable", "idempotency-key"} & names


def test_a_circle_is_stopped(tmp_path):
    """A asks B, B asks A: A sees its own name and says so, once, in the client's dialect."""
    port = free_port()
    with start(tmp_path, "b", link_to(f"http://127.0.0.1:{port}/v1")) as second:
        listen = [{"address": f"127.0.0.1:{port}"}]
        with start(tmp_path, "a", link_to(f"{second.url}/v1"), listen=listen) as first:
            for path, where in (("/v1/chat/completions", lambda body: body["error"]["message"]),
                                ("/v1/messages", lambda body: body["error"]["message"])):
                status, headers, body = request(first.address, "POST", path, {"model": "sim-large", "messages": []})
                assert status == 508 and "came back to this gateway" in where(json.loads(body))
                assert headers["x-should-retry"] == "false" and headers["x-hawser-error"] == "invalid_request"
            assert json.loads(body)["type"] == "error"  # Anthropic's form
            assert first.settled_metric('requests_total{status="508"}', 4) == 4  # twice each: from B, to the client
            assert second.metric('requests_total{status="508"}') == 2
            assert first.metric("hawser_retries_total") + second.metric("hawser_retries_total") == 0


def test_a_name_that_is_not_given_is_made_up(tmp_path):
    port = free_port()
    with start(tmp_path, "b", link_to(f"http://127.0.0.1:{port}/v1"), node={}) as second:
        with start(tmp_path, "a", link_to(f"{second.url}/v1"), node={},
                   listen=[{"address": f"127.0.0.1:{port}"}]) as first:
            assert chat(first.address)[0] == 508


def test_errors_keep_their_type_and_are_not_retried_twice(outer, inner, sim):
    cases = {"status:500": ("upstream", 500), "reset:before-head": ("connection", 502), "status:429": ("rate_limit", 429),
             "garbage-head": ("upstream", 502), "status:404": ("not_found", 404)}
    for fault, (kind, status) in cases.items():
        sim.clear()
        got, headers, _ = chat(outer.address, headers={"x-sim-fault": fault, "x-name": fault})
        assert got == status, fault
        assert headers["x-hawser-attempts"] == "1", (fault, headers)
        calls = len(sim.journal())
        assert calls == int(headers["x-hawser-inner-attempts"]), fault
        lines = [line for line in outer.log_lines(1) if line["request_id"] == headers["x-request-id"]]
        end = time.monotonic() + 5
        while not lines and time.monotonic() < end:
            lines = [line for line in outer.log_lines(1) if line["request_id"] == headers["x-request-id"]]
        assert lines[0]["error"] == kind, fault


def test_nobody_reads_on_when_the_client_is_gone(sim, tmp_path):
    """The outer one's decision reaches the provider: the inner one does not linger for it."""
    with start(tmp_path, "inner", sim.provider()) as inner, start(
            tmp_path, "outer", link_to(f"{inner.url}/v1"), generations={"on_disconnect": "cancel"}) as outer:
        body = json.dumps({"model": "sim-large", "stream": True, "messages": [{"role": "user", "content": "count: 1000"}]})
        client = connect(outer.address)
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       b"x-sim-interval-ms: 50\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body.encode()))
        assert b"200" in client.recv(4096)
        client.close()
        assert sim.settled(lambda journal: journal and journal[0]["outcome"] == "client_closed")[0]["outcome"] == \
            "client_closed"


def test_a_client_comes_back_to_the_outer_gateway(outer):
    """Its ids are the outer one's; those of the inner one do not reach it."""
    body = json.dumps({"model": "sim-large", "stream": True, "messages": [{"role": "user", "content": "count: 30"}]})
    client = connect(outer.address)
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   b"x-sim-interval-ms: 20\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body.encode()))
    got = b""
    while got.count(b"data: ") < 5:
        got += client.recv(4096)
    client.close()
    head, _, start_of_body = got.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert fields["x-hawser-generation"] != fields["x-hawser-inner-generation"]
    ids = [line[4:].strip() for line in start_of_body.decode().split("\n") if line.startswith("id: ")]
    assert ids and all(name.startswith(fields["x-hawser-generation"] + ".") for name in ids)
    last = ids[-2]
    status, _, rest = request(outer.address, "GET", f"/v1/generations/{fields['x-hawser-generation']}/events",
                              headers={"Last-Event-ID": last})
    text = rest.decode()
    again = [line[4:] for line in text.split("\n") if line.startswith("id: ")]
    assert status == 200 and events(rest)[-1] == "[DONE]"
    assert [int(name.rsplit(".", 1)[1]) for name in again] == list(range(int(last.rsplit(".", 1)[1]) + 1,
                                                                         int(again[-1].rsplit(".", 1)[1]) + 1))


@pytest.mark.parametrize("event_ids, counts", [(True, True), (False, False)], ids=["ids-counted", "no-ids"])
def test_a_link_that_breaks_loses_and_doubles_nothing(sim, tmp_path, everything, event_ids, counts):
    """The link is reset again and again; every stream is whole, byte for byte, and was paid once. Where tokens are counted, the
    usage that the outer gateway asks for reaches no client, however often its stream was taken up."""
    count, doors = (400, 100) if everything else (60, 15)
    inner_config = {"generations": {"event_ids": event_ids, "detached_per_key_max": 10_000}}
    with start(tmp_path, "inner", sim.provider(), **inner_config) as inner, BrokenPath(
            inner.address, doors, mean=12_000, outage=0.2) as path:
        providers = {f"p{i}": link_to(f"http://127.0.0.1:{port}/v1") for i, port in enumerate(path.ports)}
        models = {f"m{i}": {"targets": [{"provider": f"p{i}", "model": "sim-large"}]} for i in range(doors)}
        home = tmp_path / "outer"
        home.mkdir()
        limits = {"rate_limits": [{"name": "tpm", "unit": "tokens", "rate": "1000M/m"}]} if counts else {}
        with Gateway(home, workers=1, providers=providers, models=models, generations={"event_ids": False}, **limits,
                     retry={"attempts_max": 10, "attempts_per_target_max": 10, "budget_percent": 100,
                            "budget_per_second": 1000}) as outer:
            def one(i):
                body = {"model": f"m{i % doors}", "stream": True,
                        "messages": [{"role": "user", "content": f"count: {40 + i}"}]}
                return request(outer.address, "POST", "/v1/chat/completions", body,
                               {"x-sim-interval-ms": "10", "x-sim-tokens": str(40 + i), "x-name": str(i)},
                               timeout=60)

            with concurrent.futures.ThreadPoolExecutor(count) as pool:
                answers = list(pool.map(one, range(count)))

            def whole_one(i, status, body):
                said = events(body)
                if status != 200 or not said or said[-1] != "[DONE]" or b'"usage":{' in body:
                    return False
                deltas = [json.loads(event)["choices"][0]["delta"] for event in said[:-1]]
                text = "".join(delta.get("content") or "" for delta in deltas)
                return text.split() == [str(n) for n in range(1, 41 + i)]

            broken = [body[-300:] for i, (status, _, body) in enumerate(answers) if not whole_one(i, status, body)]
            whole = count - len(broken)
            print(*broken[:3], sep="\n")
            paid = collections.Counter(dict(entry["headers"])["x-name"] for entry in sim.journal())
            assert outer.metric("hawser_upstream_reattached_total") > 0 and path.cuts > 5
    print(f"\n{whole} of {count} streams whole over {path.cuts} resets of the link, {sum(paid.values())} calls paid")
    assert whole == count and set(paid.values()) == {1} and len(paid) == count


@pytest.mark.parametrize("name, keys", [("near", ["FRANKFURT_KEY", "NEARBY_KEY"]),
                                        ("far", ["AZURE_API_KEY", "AP_KEY_SHA256"])])
def test_the_examples_are_sound(name, keys):
    example = pathlib.Path(__file__).parents[2] / "examples" / "regions" / f"{name}.yaml"
    done = subprocess.run([HAWSER, "check", "-c", example], capture_output=True, text=True,
                          env=dict.fromkeys(keys, "a" * 64))
    assert done.returncode == 0 and done.stdout == f"{example}: ok\n", done.stdout


@pytest.mark.parametrize("config, wrong", [
    ({"node": {"name": "eu 1"}}, "node.name: must be at most 64 of letters"),
    ({"node": {"name": "n" * 65}}, "node.name: must be at most 64 of letters"),
    ({"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "http": "h3"}}}, "providers.p.http"),
    ({"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "pool": {"streams_max": 0}}}}, "providers.p.pool.streams_max"),
    ({"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "pool": {"window": "1KiB"}}}}, "providers.p.pool.window")])
def test_a_bad_word_is_told_where_it_stands(tmp_path, config, wrong):
    file = tmp_path / "hawser.yaml"
    whole = {"listen": [{"address": "127.0.0.1:0"}], "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}}
    file.write_text(json.dumps({**whole, **config}, indent=1))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and wrong in done.stdout, done.stdout
    line, column = done.stdout.split(":")[1:3]
    assert int(line) > 1 and int(column) > 1

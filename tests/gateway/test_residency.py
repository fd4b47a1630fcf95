"""Where requests, and what is made of them, may go."""
import hashlib
import http.client
import json
import pathlib
import signal
import subprocess
import threading
import time

import grpc
import pytest

from support.embeddings import Embeddings, Model
from support.grpc import contract
from support.guard import Guard
from support.http import chat, connect, events, request
from support.programs import HAWSER, Gateway, Simulator
from support.websocket import Tunnel, WebSocket

pb, rpc = contract()
EU = {"region": "eu", "zone": "eu-1", "country": "DE", "legal": ["gdpr"], "zdr": True, "global": False}
EU2 = EU | {"zone": "eu-2", "country": "FR"}
US = {"region": "us", "zone": "us-1", "country": "US", "zdr": False, "global": False}
LOCK = {"name": "eu-strict", "tenants": ["hospital"], "require": "target.region == 'eu' && !target.global"}
KEYS = {"ward": "hospital", "shop": "shop"}


def digest(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def keys():
    return [{"name": name, "tenant": tenant, "hash": digest(name)} for name, tenant in KEYS.items()]


def as_(name, **headers):
    return {"Authorization": f"Bearer {name}", **headers}


def message(answer):
    return json.loads(answer[2])["error"]["message"]


class Sites:
    """Simulators by the name of their provider, and gateways in front of them."""

    def __init__(self, folder):
        self.folder, self.sims, self.gateways = folder, {}, []

    def add(self, name, *arguments):
        self.sims[name] = Simulator(*arguments)
        return self.sims[name]

    def config(self, tags, **settings):
        providers = {}
        for name, of in tags.items():
            sim = self.sims.get(name) or self.add(name)
            providers[name] = sim.provider(tags=of)
        targets = [{"provider": name} for name in tags]
        return {"providers": providers, "models": {"sim-large": {"targets": targets}}, "keys": keys(),
                "residency": [LOCK], "node": {"tags": EU}, "workers": 1,
                "retry": {"attempts_max": 6, "backoff_base": "1ms", "budget_percent": 100, "budget_per_second": 1000},
                "timeouts": {"connect": "300ms", "first_token": "1s", "plain_answer": "1s", "stall": "500ms"}, **settings}

    def gateway(self, tags, **settings):
        self.gateways.append(Gateway(self.folder, **self.config(tags, **settings)))
        return self.gateways[-1]

    def asked(self, name):
        return len(self.sims[name].journal())

    def close(self):  # one that was stopped too
        for program in [*self.gateways, *self.sims.values()]:
            program.__exit__()


@pytest.fixture
def sites(tmp_path):
    some = Sites(tmp_path)
    yield some
    some.close()


def explain(gateway, **question):
    host, port = gateway.admin.removeprefix("http://").split(":")
    status, _, body = request((host, int(port)), "POST", "/admin/v1/policy/explain", question)
    return status, json.loads(body)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["dead", "errors", "resets", "silent"])
def test_a_locked_tenant_never_leaves_however_its_targets_fail(sites, tmp_path, fault, stream):
    script = tmp_path / "script.json"
    what = {"errors": {"fault": "status:500"}, "resets": {"fault": "reset:before-head"}, "silent": {"fault": "stall:before-head"}}
    script.write_text(json.dumps([what.get(fault, {})]))
    for name in ["eu-a", "eu-b"]:
        sites.add(name, "--script", script)
    gateway = sites.gateway({"us": US, "eu-a": EU, "eu-b": EU2, "bare": {}},
                            timeouts={"connect": "300ms", "first_token": "250ms", "plain_answer": "250ms", "stall": "250ms"})
    if fault == "dead":
        sites.sims["eu-a"].stop()
        sites.sims["eu-b"].stop()
    for _ in range(3):
        status, headers, _ = chat(gateway.address, headers=as_("ward"), stream=stream)
        assert status >= 500 and status != 200, status
    assert sites.asked("us") == sites.asked("bare") == 0
    if fault != "dead":
        assert sites.asked("eu-a") >= 3 and sites.asked("eu-b") >= 3
    # Others may go on elsewhere.
    assert chat(gateway.address, headers=as_("shop"), stream=stream)[0] == 200
    assert sites.asked("us") + sites.asked("bare") == 1


@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_traffic_moves_when_a_region_dies(sites, how):
    gateway = sites.gateway({"us": US, "eu-a": EU, "eu-b": EU2}, timeouts={"connect": "300ms", "first_token": "300ms", "plain_answer": "300ms"})
    for name in KEYS:
        assert chat(gateway.address, headers=as_(name))[1]["x-hawser-target"] == "eu-a"
    stop = signal.SIGKILL if how == "refuses" else signal.SIGSTOP
    sites.sims["eu-a"].process.send_signal(stop)
    took = []

    def ask(name, **headers):
        begun = time.monotonic()
        answer = chat(gateway.address, headers=as_(name))
        took.append(time.monotonic() - begun)
        return answer[0], answer[1].get("x-hawser-target")

    for name in KEYS:  # the nearest that is left
        assert ask(name) == (200, "eu-b")
    sites.sims["eu-b"].process.send_signal(stop)
    assert ask("shop") == (200, "us") and sites.asked("us") == 1
    assert ask("ward")[0] in (502, 504) and sites.asked("us") == 1
    print(f"\nresidency: a region that {how} is left within {max(took):.2f} s")
    assert max(took) < 2


def test_the_nearest_is_first_and_what_is_preferred_before_it(sites):
    tags = {"far": {"region": "ap"}, "law": {"region": "x", "legal": ["gdpr"]}, "region": EU2, "zone": EU}
    gateway = sites.gateway(tags, residency=[])
    assert [row["target"] for row in explain(gateway, model="sim-large")[1]["targets"]] == ["zone", "region", "law", "far"]
    assert chat(gateway.address, headers=as_("shop"))[1]["x-hawser-target"] == "zone"
    gateway = sites.gateway(tags, residency=[{"name": "cheap", "prefer": ["target.region == 'ap'", "target.country == 'FR'"]}])
    assert [row["target"] for row in explain(gateway, model="sim-large")[1]["targets"]] == ["far", "region", "zone", "law"]
    gateway = sites.gateway(tags, residency=[], node={"tags": EU, "nearest_first": False})
    assert chat(gateway.address, headers=as_("shop"))[1]["x-hawser-target"] == "far"


def test_a_refusal_in_each_dialect(sites):
    gateway = sites.gateway({"us": US}, workers=1)
    messages = [{"role": "user", "content": "hi"}]
    paths = {"/v1/chat/completions": {"messages": messages}, "/v1/completions": {"prompt": "hi"},
             "/v1/responses": {"input": "hi"}, "/v1/embeddings": {"input": "hi"},
             "/v1/messages": {"messages": messages, "max_tokens": 9}}
    for stream in [False, True]:
        for path, body in paths.items():
            status, headers, answer = request(gateway.address, "POST", path, {"model": "sim-large", "stream": stream, **body}, as_("ward"))
            error = json.loads(answer)["error"]
            assert status == 451 and "`eu-strict`" in error["message"] and headers["x-should-retry"] == "false"
            if path == "/v1/messages":
                assert json.loads(answer)["type"] == "error" and error["type"] == "permission_error"
            else:
                assert error["type"] == "invalid_request_error" and error["code"] == "residency"
    assert sites.asked("us") == 0
    assert gateway.settled_metric('hawser_residency_refusals_total{rule="eu-strict"}', 10) == 10
    assert gateway.metric('api_errors{type="residency"}') == 10
    assert chat(gateway.address, headers=as_("shop"))[0] == 200


def test_a_client_may_tighten_and_never_widen(sites):
    gateway = sites.gateway({"us": US, "eu": EU}, node={"nearest_first": False})
    asked = [("shop", "", "us"), ("shop", "region=eu", "eu"), ("shop", "eu-strict", "eu"), ("shop", "zdr=true, country=DE", "eu"),
             ("shop", "legal=gdpr,legal=gdpr", "eu"), ("ward", "", "eu"), ("ward", "region=eu", "eu"),
             ("shop", "region=us", "us"), ("ward", "region=us", 451), ("shop", "region=mars", 451), ("shop", "region=eu,region=us", 451),
             ("ward", "operator=acme", 451), ("shop", "regoin=eu", 400), ("shop", "lax", 400), ("ward", "*", 400)]
    for name, wish, want in asked:
        status, headers, body = chat(gateway.address, headers=as_(name, **({"x-hawser-residency": wish} if wish else {})))
        if isinstance(want, int):
            assert status == want, (name, wish, body)
        else:
            assert status == 200 and headers["x-hawser-target"] == want, (name, wish)
    assert gateway.metric('hawser_residency_refusals_total{rule="client"}') == 4
    # Several fields are as one.
    connection = http.client.HTTPConnection(*gateway.address)
    connection.putrequest("POST", "/v1/chat/completions")
    body = json.dumps({"model": "sim-large", "messages": [{"role": "user", "content": "hi"}]}).encode()
    for header in [("Authorization", "Bearer shop"), ("Content-Type", "application/json"), ("x-hawser-residency", ""),
                   ("x-hawser-residency", "region=eu"), ("x-hawser-residency", "region=us"), ("Content-Length", str(len(body)))]:
        connection.putheader(*header)
    connection.endheaders(body)
    assert connection.getresponse().status == 451


def test_without_any_tags_a_wish_is_refused_and_all_else_passes(sites):
    gateway = sites.gateway({"a": {}, "b": {}}, residency=[], node={})
    assert chat(gateway.address, headers=as_("shop"))[1]["x-hawser-target"] == "a"
    assert chat(gateway.address, headers=as_("shop", **{"x-hawser-residency": "region=eu"}))[0] == 451


@pytest.mark.parametrize("scope", ["tenant", "global"])
def test_the_cache_does_not_cross(sites, scope):
    gateway = sites.gateway({"us": US, "eu": EU}, node={"tags": EU, "nearest_first": False}, cache={"mode": "all", "scope": scope})
    ask = lambda name, **headers: chat(gateway.address, "say: x", headers=as_(name, **headers))
    assert ask("shop")[1]["x-hawser-cache"] == "miss" and ask("shop")[1]["x-hawser-cache"] == "hit"
    tight = {"x-hawser-residency": "region=eu"}
    assert ask("shop", **tight)[1]["x-hawser-cache"] == "miss"  # not the answer of us
    assert ask("shop", **tight)[1]["x-hawser-cache"] == "hit"
    assert sites.asked("us") == sites.asked("eu") == 1
    # When us dies, what eu answers in its place is eu's.
    sites.sims["us"].process.kill()
    assert ask("shop", **tight)[1]["x-hawser-cache"] == "hit"


def test_an_answer_kept_under_other_tags_is_not_given(sites):
    tags = {"one": US}
    gateway = sites.gateway(tags, cache={"mode": "all"}, residency=[])
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-cache"] == "miss"
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-cache"] == "hit"
    gateway.write(gateway.config | sites.config({"one": EU}, cache={"mode": "all"}) | {"listen": gateway.config["listen"]})
    assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-cache"] == "miss"


def test_a_node_outside_keeps_nothing(sites):
    gateway = sites.gateway({"eu": EU}, node={"tags": US}, cache={"mode": "all"})
    for name, kept in [("shop", True), ("ward", False)]:
        for _ in range(2):
            status, headers, body = chat(gateway.address, headers=as_(name), stream=True)
            assert status == 200 and events(body)[-1] == "[DONE]"
            assert ("x-hawser-generation" in headers) == kept
            assert ("x-hawser-cache" in headers) == kept
    assert sites.asked("eu") == 3
    for name in KEYS:
        assert chat(gateway.address, "no", headers=as_(name, **{"x-sim-fault": "status:400"}))[0] == 400
    gateway.stop()
    told = [json.loads(line) for line in gateway.err.splitlines() if "provider refused" in line]
    assert [entry["body"] == "(not told)" for entry in told] == [True, False]  # ward, shop


def test_a_request_does_not_join_one_that_is_bound_less(sites):
    script = sites.folder / "slow.json"
    script.write_text(json.dumps([{"latency-ms": 600}]))
    sites.add("us", "--script", script)
    sites.add("eu", "--script", script)
    gateway = sites.gateway({"us": US, "eu": EU}, node={"tags": EU, "nearest_first": False}, generations={"coalesce": True})
    targets = []

    def ask(**headers):
        targets.append(chat(gateway.address, "say: same", headers=as_("shop", **headers))[1].get("x-hawser-target"))

    threads = [threading.Thread(target=ask, kwargs=wish) for wish in [{}, {}, {"x-hawser-residency": "region=eu"}]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sites.asked("us") == 1 and sites.asked("eu") == 1


def test_a_guard_that_may_not_see_it_refuses(sites):
    with Guard() as abroad, Guard() as home:
        gateway = sites.gateway({"eu": EU}, guards=[home.config("home", tags=EU), abroad.config("abroad", tags=US, tenants=["hospital"], on_timeout="open")])
        assert chat(gateway.address, headers=as_("shop"))[0] == 200
        answer = chat(gateway.address, headers=as_("ward"))
        assert answer[0] == 451 and '"abroad"' in message(answer)
        assert len(home.asked) == 1 and abroad.asked == [] and sites.asked("eu") == 1
        assert gateway.settled_metric('hawser_residency_refusals_total{rule="eu-strict"}', 1) == 1
        # A client cannot get rid of a guard by asking for a region that it is not in.
        assert chat(gateway.address, headers=as_("shop", **{"x-hawser-residency": "zone=eu-1"}))[0] == 200
        assert chat(gateway.address, headers=as_("shop", **{"x-hawser-residency": "country=FR"}))[0] == 451
        only = [{"name": "lax", "require": "target.region == 'eu'", "applies_to": ["inference", "cache"]}]
        gateway = sites.gateway({"eu": EU}, residency=only, guards=[abroad.config("abroad", tags=US)])
        assert chat(gateway.address, headers=as_("ward"))[0] == 200 and len(abroad.asked) == 1


def test_an_embedding_model_abroad_is_not_asked(sites):
    with Embeddings() as abroad:
        semantic = abroad.config(tags=US)
        gateway = sites.gateway({"eu": EU}, cache={"mode": "all", "semantic": semantic})
        before = len(abroad.asked)
        chat(gateway.address, "What is the capital of France?", headers=as_("ward"), temperature=0)
        assert len(abroad.asked) == before
        chat(gateway.address, "What is the capital of France?", headers=as_("shop"), temperature=0)
        assert len(abroad.asked) > before


def test_answers_by_meaning_do_not_cross(sites):
    """What a fallback abroad answered is learned for those who may go there, and for nobody else."""
    mountain = lambda number: "Peak" + "".join("abcdefghij"[int(digit)] for digit in f"{number:04}")
    ways = ["What is the height of {}?", "please tell me what is the height of {}", "what's the height of {}"]
    with Model(lambda text: "Quite high.") as abroad, Embeddings() as encoder:
        config = sites.config({"us": US}, node={"tags": EU}, cache={"mode": "auto", "semantic": encoder.config(tags=EU, error_bound=0.1, verify=0)},
                              models={"sim-large": {"targets": [{"provider": "eu"}, {"provider": "us"}]}}, log={"level": "error"})
        config["providers"] = {"us": {"base_url": abroad.url, "tags": US}, "eu": {"base_url": "http://127.0.0.1:1/v1", "tags": EU}}
        sites.gateways.append(gateway := Gateway(sites.folder, **config))
        ask = lambda way, number, **wish: chat(gateway.address, way.format(mountain(number)), headers=as_("shop", **wish), temperature=0)
        hits = lambda: gateway.metric('hawser_semantic_cache_requests_total{result="hit"}')
        number = 0
        while hits() < 5 and number < 400:
            assert [ask(way, number)[0] for way in ways] == [200] * 3
            number += 1
        known = hits()
        assert known >= 5
        for at in range(number):
            assert ask(ways[at % 3], at, **{"x-hawser-residency": "region=eu"})[0] == 502
        assert hits() == known


@pytest.mark.parametrize("who", [{"name": "ward"}, {"name": "shop", "x-hawser-residency": "region=eu"}])
def test_every_transport_is_bound(sites, who):
    gateway = sites.gateway({"us": US}, listen=[{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}])
    headers = as_(who["name"], **{name: value for name, value in who.items() if name != "name"})
    body = {"model": "sim-large", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    tunnel = Tunnel(gateway.address, headers)
    tunnel.ask("1", body)
    assert tunnel.answer("1")[2]["s"] == 451
    tunnel.close()
    chats = WebSocket(gateway.address, "/v1/chat", headers)
    chats.send(body)
    assert chats.receive_json()["error"]["code"] == "residency"
    chats.close()
    responses = WebSocket(gateway.address, "/v1/responses", headers)
    responses.send({"type": "response.create", "model": "sim-large", "input": "hi"})
    assert responses.receive_json()["error"]["code"] == "residency"
    responses.close()
    with grpc.insecure_channel(gateway.urls[1].split("//")[1]) as channel:
        asked = pb.GenerateRequest(model="sim-large", messages=[pb.Message(role="user", content="hi")])
        with pytest.raises(grpc.RpcError) as refused:
            list(rpc.LlmStub(channel).Generate(asked, metadata=[(name.lower(), value) for name, value in headers.items()], timeout=5))
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert sites.asked("us") == 0


def test_a_broken_stream_is_continued_where_it_may_be(sites):
    script = sites.folder / "breaks.json"
    script.write_text(json.dumps([{"path": "chat", "nth": 1, "fault": "reset:after-events=12", "tokens": 40}, {"tokens": 40}]))
    sites.add("eu", "--script", script)
    gateway = sites.gateway({"us": US, "eu": EU})
    status, _, body = chat(gateway.address, "What is a hawser?", headers=as_("ward"), stream=True, temperature=0)
    assert status == 200 and events(body)[-1] == "[DONE]"
    assert sites.asked("eu") == 2 and sites.asked("us") == 0


def test_what_clients_say_of_their_data_binds(sites):
    rule = {"name": "care", "when": "request.data_class in ['pii', 'health']", "require": "target.zdr"}
    gateway = sites.gateway({"us": US, "eu": EU}, node={"nearest_first": False}, residency=[rule])
    for word, want in [("", "us"), ("public", "us"), ("pii", "eu"), ("health", "eu")]:
        headers = as_("shop", **({"x-hawser-data-class": word} if word else {}))
        assert chat(gateway.address, headers=headers)[1]["x-hawser-target"] == want


@pytest.mark.parametrize("fields", [["public", "pii"], ["pii", "public"], ["public, pii"], ["public;pii"], ["public pii"]])
def test_the_class_of_data_is_one_word_said_once(sites, fields):
    rule = {"name": "care", "when": "request.data_class in ['pii', 'health']", "require": "target.zdr"}
    gateway = sites.gateway({"us": US, "eu": EU}, node={"nearest_first": False}, residency=[rule])
    body = json.dumps({"model": "sim-large", "messages": [{"role": "user", "content": "say: hi"}]})
    lines = "".join(f"x-hawser-data-class: {field}\r\n" for field in fields)
    head = "".join(f"{name}: {value}\r\n" for name, value in as_("shop").items())
    with connect(gateway.address) as connection:
        connection.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}{lines}"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
        assert connection.recv(12) == b"HTTP/1.1 400"
    assert sites.asked("us") == sites.asked("eu") == 0


@pytest.mark.parametrize("model,bound", [
    ("gpt-4o", True), ("GPT-4o", True), ("openai/gpt-4o", True), (" gpt-4o", True), ("gpt-4o:free", True), ("ft:gpt-4o:x", True),
    ("g\u200bpt-4o", True), ("azure/OpenAI/Gpt-4o-mini", True), ("claude-3", False), ("anthropic/claude-3", False)])
def test_a_rule_about_models_binds_every_name_that_may_be_one(sites, model, bound):
    rule = {"name": "lock", "models": ["gpt-*"], "require": 'target.region == "nowhere"'}
    gateway = sites.gateway({"us": US}, residency=[rule], default_provider="us", models={})
    status = chat(gateway.address, headers=as_("shop"), model=model)[0]
    assert (status == 451) == bound and sites.asked("us") == (0 if bound else 1), status


def test_a_target_may_be_elsewhere_than_its_provider(sites):
    sim = sites.add("both")
    targets = [{"provider": "both", "model": "here"}, {"provider": "both", "model": "there", "tags": {"region": "eu", "global": False}}]
    config = sites.config({"both": US}, models={"sim-large": {"targets": targets}})
    sites.gateways.append(Gateway(sites.folder, **config))
    assert chat(sites.gateways[-1].address, headers=as_("ward"))[1]["x-hawser-target"] == "both/there"
    assert [json.loads(entry["body"])["model"] for entry in sim.journal()] == ["there"]


def test_explain(sites):
    gateway = sites.gateway({"us": US, "eu": EU, "bare": {}})
    status, told = explain(gateway, key="ward", model="sim-large")
    assert status == 200 and told["tenant"] == "hospital" and told["rules"] == ["eu-strict"] and told["refused_by"] is None
    rows = {row["target"]: row for row in told["targets"]}
    assert rows["eu"]["eligible"] and rows["eu"]["order"] == 1 and rows["eu"]["reasons"] == []
    assert rows["us"]["reasons"] == [{"rule": "eu-strict", "why": "require does not hold"}]
    assert rows["bare"]["reasons"] == [{"rule": "eu-strict", "why": "require is not known to hold: target.region, target.global are not set"}]
    assert {row["service"] for row in told["services"]} == {"cache", "cache.disk", "cache.semantic", "generations", "log"}
    told = explain(gateway, tenant="hospital", model="sim-large", residency="region=us")[1]
    assert told["refused_by"] == "client" and not any(row["eligible"] for row in told["targets"])
    assert explain(gateway, tenant="shop", model="sim-large")[1]["rules"] == []
    assert explain(gateway, model="none")[0] == 404 and explain(gateway, key="nobody", model="sim-large")[0] == 404
    assert explain(gateway, modell="x")[0] == 400 and explain(gateway, model="sim-large", residency="what")[0] == 400
    host, port = gateway.admin.removeprefix("http://").split(":")
    assert request((host, int(port)), "POST", "/admin/v1/policy/explain", "x" * 9000)[0] == 413
    assert request((host, int(port)), "GET", "/admin/v1/policy/explain")[0] == 405


def check(tmp_path, config):
    file = tmp_path / "check.yaml"
    file.write_text(json.dumps(config, indent=1))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_check_tells_rules_that_leave_too_little(sites, tmp_path):
    config = sites.config({"us": US, "eu": EU}) | {"listen": [{"address": "127.0.0.1:0"}]}
    status, out = check(tmp_path, config)
    assert status == 0 and "residency[0].require: leaves one target of sim-large: nothing to fail over to (warning)" in out
    config["residency"] = [LOCK | {"require": "target.region == 'mars'", "tenants": ["hospitl"]}]
    config["guards"] = [{"name": "g", "url": "http://127.0.0.1:1/", "on_timeout": "closed"}]
    config["cache"] = {"mode": "all"}
    status, out = check(tmp_path, config)
    assert status == 0 and "leaves no target of sim-large: requests that it is about are refused with 451" in out
    assert "no key has the tenant 'hospitl': did you mean 'hospital'?" in out
    assert "does not hold for the guard g" in out and "its cache is not used" in out


def test_the_example_is_sound():
    example = pathlib.Path(__file__).parents[2] / "examples" / "residency.yaml"
    names = ["AZURE_DE_API_KEY", "AZURE_FR_API_KEY", "OPENAI_API_KEY"]
    env = {**dict.fromkeys(names, "x"), "WARD_KEY_SHA256": "a" * 64, "SHOP_KEY_SHA256": "b" * 64}
    done = subprocess.run([HAWSER, "check", "-c", example], capture_output=True, text=True, env=env)
    assert done.returncode == 0 and done.stdout == f"{example}: ok\n", done.stdout


@pytest.mark.parametrize("rule,wrong", [
    ({"require": "target.regoin == 'eu'"}, "residency[0].require: at 1: there is no 'target.regoin': did you mean 'target.region'?"),
    ({"when": "target.zdr", "require": "true"}, "residency[0].when: at 1: there is no 'target.zdr' here: where it may go belongs into require"),
    ({"prefer": ["true", "node.zone"]}, "residency[0].prefer[1]: at 1: must be true or false, and is text"),
    ({"name": "client", "require": "true"}, "residency[0].name: 'client' stands for"),
    ({}, "residency[0].require: or prefer is needed"),
    ({"require": "true", "applies_to": ["inferense"]}, "did you mean 'inference'?")])
def test_a_bad_rule_is_told_where_it_stands(sites, tmp_path, rule, wrong):
    config = sites.config({"us": US}, residency=[{"name": "r", **rule}]) | {"listen": [{"address": "127.0.0.1:0"}]}
    status, out = check(tmp_path, config)
    assert status == 1 and wrong in out
    file, line, column, _ = out.splitlines()[0].split(":", 3)
    assert int(line) > 1 and int(column) > 1


def test_a_rule_comes_and_goes_with_the_file(sites):
    gateway = sites.gateway({"us": US, "eu": EU}, node={"nearest_first": False}, residency=[])
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-target"] == "us"
    gateway.write(gateway.config | {"residency": [LOCK]})
    assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-target"] == "eu"
    gateway.write(gateway.config | {"residency": [LOCK | {"require": "target.regoin == 'eu'"}]})
    assert gateway.settled_metric('hawser_config_reloads_total{result="failed"}', 1) == 1
    assert chat(gateway.address, headers=as_("ward"))[1]["x-hawser-target"] == "eu"


def test_residency_holds_against_another_policy():
    """A million decisions against a policy that walks the trees, one request at a time."""
    program = pathlib.Path(HAWSER).parent / "src/policy_test"
    done = subprocess.run([program, "--gtest_filter=ResidencyOracle.*"], capture_output=True, text=True)
    figure = [line for line in done.stdout.splitlines() if line.startswith("residency:")]
    assert done.returncode == 0, done.stdout
    assert "1000000 decisions" in figure[0] and figure[0].endswith(" 0 violations")
    print("\n" + figure[0])

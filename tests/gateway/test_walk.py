"""The walk: every operation, under every policy, in every spelling, over every transport, is decided
alike, or it is refused. A policy that binds a request is never walked around by how it is written."""
import collections
import contextlib
import hashlib
import json
import pathlib
import re
import urllib.request

import pytest

from support.guard import Guard
from support.http import request
from support.operations import ALL, OPERATIONS, bought, grants, operation_of, table, traits
from support.programs import Gateway
from support.recorder import Recorder
from support.spellings import WORD, paths_of, spellings
from support.ways import LISTEN, ways_to

ROOT = pathlib.Path(__file__).parents[2]
KEY, OTHER = "sk-hawser-walk", "sk-hawser-other"
# What one request came to: its HTTP status (0: the connection ended) and what the provider got.
Seen = collections.namedtuple("Seen", "asked status requests")
# A policy that runs: its gateway, the recorders behind it, the key, judge(seen): what is wrong.
Bound = collections.namedtuple("Bound", "gateway recorders key judge")


def key(name, secret, **settings):
    return {"name": name, "tenant": name, "hash": "sha256:" + hashlib.sha256(secret.encode()).hexdigest(), **settings}


def has_word(asked):
    return asked.body is not None or WORD in asked.path


def holds_word(requests):
    """Whether a provider was given the word, in any spelling."""
    for _, path, _, body in requests:
        text = body.replace(b"\0", b"").decode("utf-8", "replace")
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
        if WORD in text or WORD in path:
            return True
    return False


def passed(seen):
    return bool(seen.requests)


def refused_or(exempt=lambda asked: False):
    """Nothing reaches the provider, but for what the policy is not about."""
    def judge(seen):
        if exempt(seen.asked):
            return None
        return "it reached the provider" if passed(seen) else None
    return judge


def never_with_the_word(seen):
    if holds_word(seen.requests):
        return "the provider got the word"
    # What has no texts (a list of models) cannot tell any.
    if has_word(seen.asked) and traits(seen.asked.operation)["texts"] and 0 < seen.status < 400:
        return "nothing was refused"
    return None


@contextlib.contextmanager
def behind(folder, judge, secret=None, **config):
    with Recorder() as provider:
        with Gateway(folder, listen=LISTEN, providers={"p": provider.provider()}, **config) as gateway:
            yield Bound(gateway, [provider], secret, judge)


def is_list_of_models(asked):
    return asked.operation == "list_models"


def reads_only(asked):
    """Our own generations, lists of models, one's own stored responses: free of limits (docs/limits.md)."""
    return operation_of(asked.operation) in ("list_models", "get_model", "generations", "stored_response", "cancel_response")


def asks_no_model(asked):
    return reads_only(asked) or (traits(asked.operation)["model"] == "hidden" and not bought(asked))


def spend(bound, path="/v1/moderations", body={"model": "small", "input": "a"}):
    """Uses up what a limit of one request, or token, allows."""
    status, _, _ = request(bound.gateway.address, "POST", path, body, {"Authorization": f"Bearer {KEY}"})
    assert status == 200
    return bound


# --- the policies. Each is a context: a gateway that it binds, and what must hold of every request.

def reading(body):
    """A body as JSON, without what the gateway itself asks for."""
    try:
        read = json.loads(body)
        return {name: value for name, value in read.items() if name not in ("stream", "stream_options", "encoding_format")}
    except (ValueError, AttributeError):
        return body


def no_policy(folder):
    """What reaches the provider is what was asked for: the same path below its base URL, the same body."""
    def judge(seen):
        if not passed(seen):
            return None if seen.status >= 400 or seen.status == 0 else "an answer without a provider"
        method, path, _, body = seen.requests[0]
        plain = ALL[seen.asked.operation]
        if len(seen.requests) > 1 or method != plain[0] or path.removeprefix("/v1") != re.sub("^/v1(beta)?", "", plain[1]):
            return f"it went on as {method} {path}"
        if body == (seen.asked.body or b""):
            return None  # as it came
        return None if reading(body) == reading(json.dumps(plain[2])) else f"its body went on as {body[:200]}"
    return behind(folder, judge)


def needs_a_key(folder):
    return behind(folder, refused_or(), keys=[key("k", KEY)])


def key_of_another(folder):
    return behind(folder, refused_or(), "sk-hawser-nobody", keys=[key("k", KEY)])


def filter_blocks(folder):
    rules = [{"name": "birds", "keywords": [WORD], "action": "block", "in": "prompt"}]
    return behind(folder, never_with_the_word, filter={"rules": rules})


def filter_masks(folder):
    rules = [{"name": "birds", "keywords": [WORD], "action": "mask", "in": "both"}]
    return behind(folder, lambda seen: "the provider got the word" if holds_word(seen.requests) else None,
                  filter={"rules": rules})


@contextlib.contextmanager
def guard_refuses(folder):
    with Guard(lambda text: (WORD not in text, "birds")) as guard:
        with behind(folder, never_with_the_word, guards=[guard.config()]) as bound:
            yield bound


def models_of_a_key(folder):
    """A key for another model: nothing that asks for "small" reaches the provider."""
    return behind(folder, refused_or(is_list_of_models), KEY, keys=[key("k", KEY, models=["other"])])


def models_of_a_key_that_may_all(folder):
    """The same where every operation is granted: what tells its model is still bound."""
    hidden = {"stored_response", "cancel_response", "stored_chat", "files", "uploads", "batches", "message_batches",
              "conversations", "assistants", "threads", "fine_tuning", "vector_stores", "containers", "evals", "videos",
              "cached_contents", "skills", "unknown"}
    return behind(folder, refused_or(lambda asked: is_list_of_models(asked) or operation_of(asked.operation) in hidden),
                  KEY, keys=[key("k", KEY, models=["other"], operations=grants(), any_objects=True)])


def operations_of_a_key(folder):
    """A key for moderations alone."""
    return behind(folder, refused_or(lambda asked: asked.operation == "moderations"), KEY,
                  keys=[key("k", KEY, operations=["moderations"])])


def operations_by_default(folder):
    return behind(folder, refused_or(lambda asked: traits(asked.operation)["by_default"]), KEY, keys=[key("k", KEY)])


@contextlib.contextmanager
def limit_of_a_key(folder):
    limit = {"name": "few", "by": ["key"], "rate": "1/d"}
    with behind(folder, refused_or(reads_only), KEY, rate_limits=[limit],
                keys=[key("k", KEY, operations=grants(), any_objects=True)]) as bound:
        yield spend(bound)


@contextlib.contextmanager
def limit_of_a_model(folder):
    """What hides its model may ask for any: it counts as well."""
    limit = {"name": "few", "by": ["tenant"], "models": ["small"], "rate": "1/d"}
    with behind(folder, refused_or(asks_no_model), KEY, rate_limits=[limit],
                keys=[key("k", KEY, operations=grants(), any_objects=True)]) as bound:
        yield spend(bound)


@contextlib.contextmanager
def tokens_of_a_key(folder):
    limit = {"name": "few", "by": ["key"], "unit": "tokens", "rate": "1/d"}
    with behind(folder, refused_or(lambda asked: not bought(asked) or reads_only(asked)), KEY, rate_limits=[limit],
                keys=[key("k", KEY, operations=grants(), any_objects=True)]) as bound:
        yield spend(bound, "/v1/messages/count_tokens", OPERATIONS["count_tokens"][2])


def hard_budget(folder):
    """Nothing here has a price: nothing that is bought passes."""
    return behind(folder, refused_or(lambda asked: not bought(asked)),
                  budgets=[{"name": "b", "hard": "0.01", "period": "day"}])


@contextlib.contextmanager
def residency(folder):
    """A rule about one model: no request for it reaches a provider elsewhere."""
    with Recorder() as near, Recorder() as far:
        with Gateway(folder, listen=LISTEN, default_provider="far",
                     providers={"far": far.provider(tags={"region": "us"}), "near": near.provider(tags={"region": "eu"})},
                     residency=[{"name": "eu", "models": ["small"], "require": 'target.region == "eu"'}]) as gateway:
            yield Bound(gateway, [far], None, refused_or())


def objects_of_others(folder):
    """Nobody here made any object that these requests name."""
    def names_none(asked):
        _, path, body = ALL[asked.operation]
        # What a path that is not known names nobody can tell: it needs the grant `unknown`.
        return operation_of(asked.operation) == "unknown" or not re.search(r"_1\b|-1\b", path + json.dumps(body))
    return behind(folder, refused_or(names_none), KEY, keys=[key("k", KEY, operations=grants())])


@contextlib.contextmanager
def cache_of_a_key(folder):
    """What another key asked is not answered to this one: it is asked anew, or refused."""
    def judge(seen):
        # Of its own entries it keeps none: what is found is the other one's.
        purge = urllib.request.Request(f"{bound.gateway.admin}/admin/v1/cache/purge?tenant=k", method="POST")
        urllib.request.urlopen(purge, timeout=10).read()
        found = 0 < seen.status < 400 and not passed(seen) and operation_of(seen.asked.operation) != "generations"
        return "it got an answer that was another's" if found else None
    every = dict(operations=grants(), any_objects=True)
    with behind(folder, judge, KEY, cache={"mode": "all", "ttl": "1h"}, generations={"coalesce_scope": "key"},
                keys=[key("k", KEY, **every), key("other", OTHER, **every)]) as bound:
        with ways_to(bound.gateway, folder, OTHER) as ways:
            for name, plain in ALL.items():
                ways["http1"].send(next(spellings(name, *plain)))
        assert bound.gateway.metric('hawser_cache_entries') >= 4, "the other one's answers are there"
        yield bound


POLICIES = {policy.__name__: policy for policy in (
    no_policy, needs_a_key, key_of_another, filter_blocks, filter_masks, guard_refuses, models_of_a_key,
    models_of_a_key_that_may_all, operations_of_a_key, operations_by_default, limit_of_a_key, limit_of_a_model,
    tokens_of_a_key, hard_budget, residency, objects_of_others, cache_of_a_key)}


def asked_over(way, number, whole):
    """The requests of one way. By default a part of the spellings, another one for each operation."""
    for index, (operation, plain) in enumerate(ALL.items()):
        for turn, asked in enumerate(spellings(operation, *plain)):
            if way.can(asked) and (whole or not asked.turned or (turn + index + number) % 4 == 0):
                yield asked


def walk(bound, way, asked):
    for recorder in bound.recorders:
        recorder.requests.clear()
    status = way.send(asked)
    return Seen(asked, status, [got for recorder in bound.recorders for got in recorder.requests])


@pytest.mark.parametrize("policy", POLICIES)
def test_walk(policy, tmp_path, everything, figure):
    wrong, sent, plain = [], collections.Counter(), {}
    with POLICIES[policy](tmp_path) as bound, ways_to(bound.gateway, tmp_path, bound.key) as ways:
        for number, (name, way) in enumerate(ways.items()):
            for asked in asked_over(way, number + len(policy), everything or name == "http1"):
                seen = walk(bound, way, asked)
                sent[name] += 1
                if problem := bound.judge(seen):
                    wrong.append((name, asked.operation, asked.name, seen.status, problem))
                if not asked.turned:
                    plain.setdefault(asked.operation, {})[name] = passed(seen)
        assert bound.gateway.process.poll() is None
    # Plainly written a request is decided alike however it comes.
    unlike = {operation: decided for operation, decided in plain.items() if len(set(decided.values())) > 1}
    kinds = collections.Counter((way, operation, status, problem) for way, operation, _, status, problem in wrong)
    print(*wrong[:50], *(f"{count} x {kind}" for kind, count in kinds.items()), unlike, sep="\n")
    assert not wrong, len(wrong)
    assert not unlike
    figure(f"walk, {policy}: {sum(sent.values())} requests over {len(sent)} ways, 0 passed that should not")


def requests_of(row, segment="x1"):
    """A method and a path for a row of the table."""
    path = re.sub(r"\{\w*\}", segment, row["path"]).replace("/**", "/more")
    gemini = row["operation"].startswith("gemini") or row["operation"] == "cached_contents"
    return row["method"] or "POST", ("/v1beta" if gemini else "/v1") + path


@pytest.mark.parametrize("way", ["http1", "tunnel", "local tunnel"])
def test_every_path_of_the_table_is_its_operations(tmp_path, way):
    """Whatever a row's path is, a key without its grant does not reach the provider by it, and one with it does."""
    every = [key(grant, f"sk-{grant}", operations=[grant], any_objects=True) for grant in grants()]
    rows = [row for row in table() if row["operation"] not in ("generations", "stored_response", "cancel_response")]
    with behind(tmp_path, None, keys=[*every, key("none", "sk-none", operations=["moderations"])]) as bound:
        with contextlib.ExitStack() as stack:
            ways = {}
            for row in rows:
                method, path = requests_of(row)
                body = None if method in ("GET", "HEAD", "DELETE") or row["body"] in ("none", "form") else {"model": "small"}
                for grant in {row["grant"] or "unknown", "none"}:
                    if grant not in ways:
                        ways[grant] = stack.enter_context(ways_to(bound.gateway, tmp_path, f"sk-{grant}", [way]))[way]
                    asked = next(spellings(row["operation"], method, path, "form" if row["body"] == "form" else body))
                    seen = walk(bound, ways[grant], asked)
                    ours = row["operation"] in ("list_models", "get_model")
                    may = grant != "none" and row["grant"] != "" or grant == row["operation"] == "moderations"
                    assert ours or passed(seen) == may or (grant == "none" and row["grant"] == "moderations"), (row, grant, seen)


def test_a_path_goes_on_as_it_was_judged_or_not_at_all(tmp_path):
    """Without any policy a second spelling of a path is refused, over each way that has paths."""
    with no_policy(tmp_path) as bound, ways_to(bound.gateway, tmp_path, None, ["http1", "http2", "tunnel"]) as ways:
        for way in ways.values():
            for operation, (method, path, body) in OPERATIONS.items():
                for asked in spellings(operation, method, path, body):
                    if asked.turned != "path":
                        continue
                    seen = walk(bound, way, asked)
                    assert seen.status in (400, 404) and not passed(seen), seen


def test_every_operation_passes_where_no_policy_binds_it(tmp_path):
    with no_policy(tmp_path) as bound, ways_to(bound.gateway, tmp_path, None, ["http1"]) as ways:
        for operation, plain in ALL.items():
            seen = walk(bound, ways["http1"], next(spellings(operation, *plain)))
            if operation_of(operation) in ("administration", "generations"):
                assert seen.status in (400, 403, 404) and not passed(seen), seen
            else:
                assert seen.status == 200 and len(seen.requests) == 1, seen


# --- what is new must be walked

def test_the_walk_knows_every_operation():
    """An operation without a request here would be a hole in the walk."""
    assert {row["operation"] for row in table()} == set(OPERATIONS)


# The words of the configuration that decide about a request, and which policies here walk them. The rest says how
# requests are served.
WALKED = {"keys": ("needs_a_key", "key_of_another"), "keys.models": ("models_of_a_key", "models_of_a_key_that_may_all"),
          "keys.operations": ("operations_of_a_key", "operations_by_default"), "keys.any_objects": ("objects_of_others",),
          "ownership": ("objects_of_others",), "filter": ("filter_blocks", "filter_masks"), "guards": ("guard_refuses",),
          "residency": ("residency",), "budgets": ("hard_budget",), "cache": ("cache_of_a_key",),
          "rate_limits": ("limit_of_a_key", "limit_of_a_model", "tokens_of_a_key")}
# With where else each of these is tested, if it decides.
NOT_WALKED = {
    "listen": "test_web_pages, test_tls_front", "admin": "test_operators", "allow_anonymous": "test_operators",
    "keys.name": "a name", "keys.tenant": "a name", "keys.team": "a name", "keys.hash": "needs_a_key",
    "keys.client_subject": "test_tls_front", "keys.needs_certificate": "test_tls_front", "keys.shared": "test_resume",
    "limits": "test_memory_bounds", "admission": "test_limits", "tenants": "test_limits", "prices": "test_money",
    "ledger": "test_budgets", "headers": "test_upstream_fields", "audit": "test_audit", "generations": "test_resume",
    "workers": "", "drain_timeout": "", "secrets": "", "providers": "", "models": "", "default_provider": "", "node": "",
    "resolver": "", "http2": "", "websocket": "", "grpc": "", "retry": "", "timeouts": "", "health": "", "log": ""}


def test_the_walk_knows_every_policy():
    """A new word of the configuration is walked, or it is said here why not."""
    schema = json.loads((ROOT / "docs/hawser.schema.json").read_text())["properties"]
    words = set(schema) | {f"keys.{name}" for name in schema["keys"]["items"]["properties"]}
    assert words == set(WALKED) | set(NOT_WALKED)
    assert not set(WALKED) & set(NOT_WALKED)
    assert {policy for policies in WALKED.values() for policy in policies} | {"no_policy"} == set(POLICIES)

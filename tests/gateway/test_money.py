"""Hard budgets bind everything that a key may call: what has no price is refused, and all that costs is counted."""
import concurrent.futures
import contextlib
import http.client
import http.server
import json
import threading

import pytest

from support.http import request
from support.ledger import rows_of
from support.programs import Gateway
from support.scripted import DONE, LAST, Scripted, chunk, delta, stream_head, usage_chunk, whole

KEPT = {"hard": [{"name": "b", "period": "day", "hard": "0.50"}], "soft": [{"name": "b", "period": "day", "soft": "0.50"}]}


class Provider:
    """Answers each operation as its API does, and keeps what it was asked."""

    ANSWERS = {
        "/images/": {"created": 1, "data": [{"b64_json": "QUJD"}], "usage": {
            "input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210,
            "input_tokens_details": {"text_tokens": 50, "image_tokens": 0}}},
        "/audio/transcriptions": {"text": "hello", "usage": {
            "type": "tokens", "input_tokens": 900, "output_tokens": 100, "total_tokens": 1000}},
        "/audio/translations": {"text": "hello"},
        "/rerank": {"results": [], "meta": {"billed_units": {"search_units": 2}}},
        "/moderations": {"id": "modr-1", "results": []},
        "/embeddings": {"object": "list", "data": [], "usage": {"prompt_tokens": 100, "total_tokens": 100}},
        "/batches": {"id": "batch_1", "object": "batch"},
        "/files": {"id": "file-1", "object": "file"},
        "/of/next/year": {"done": True},
    }

    def __init__(self, **answers):
        provider = self
        provider.asked = []
        provider.answers = {**self.ANSWERS, **answers}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.body()
                provider.asked.append((self.path, body))
                if "/audio/speech" in self.path:
                    return self.reply(b"ID3" * 1000, "audio/mpeg")
                for part, answer in provider.answers.items():
                    if part in self.path:
                        return self.reply(json.dumps(answer).encode())
                self.reply(json.dumps({
                    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}}).encode())

            def do_GET(self):
                provider.asked.append((self.path, b""))
                self.reply(b'{"object": "list", "data": []}')

            def body(self):
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                out = b""
                while size := int(self.rfile.readline(), 16):
                    out += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return out

            def reply(self, body, kind="application/json"):
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.config = {"base_url": f"http://127.0.0.1:{self.server.server_port}/v1"}


@pytest.fixture
def money(tmp_path):
    """A gateway before one provider that answers everything, with a ledger and a budget of $0.50 a day."""
    with contextlib.ExitStack() as stack:
        def start(prices=None, budget="hard", answers=None, **config):
            start.provider = Provider(**(answers or {}))
            stack.callback(start.provider.server.shutdown)
            config.setdefault("providers", {"up": start.provider.config})
            config.setdefault("budgets", KEPT[budget])
            return stack.enter_context(Gateway(
                tmp_path, prices=prices or {}, ledger={"path": str(tmp_path / "ledger.db")}, **config))

        start.rows = lambda gateway, count: rows_of(gateway, tmp_path / "ledger.db", count)
        yield start


def form(fields, file=b"xxx", filename="a.mp3", name="file"):
    parts = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (k.encode(), v.encode())
                     for k, v in fields.items())
    parts += b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n' % (name.encode(), filename.encode())
    return parts + file + b"\r\n--b--\r\n", {"content-type": "multipart/form-data; boundary=b"}


def post(gateway, path, body, headers=None):
    status, fields, answer = request(gateway.address, "POST", path, body, headers)
    try:
        answer = json.loads(answer)
    except ValueError:
        pass
    return status, answer


CALLS = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
    "completions": ("/v1/completions", {"model": "m", "prompt": "hi"}),
    "responses": ("/v1/responses", {"model": "m", "input": "hi"}),
    "messages": ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}),
    "gemini": ("/v1beta/models/m:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "embeddings": ("/v1/embeddings", {"model": "m", "input": ["hi", "there"]}),
    "image_generation": ("/v1/images/generations", {"model": "m", "prompt": "a sea"}),
    "image_edit": ("/v1/images/edits", form({"model": "m", "prompt": "a sea"}, name="image")),
    "image_variation": ("/v1/images/variations", form({"model": "m"}, name="image")),
    "speech": ("/v1/audio/speech", {"model": "m", "input": "hello", "voice": "a"}),
    "transcription": ("/v1/audio/transcriptions", form({"model": "m"})),
    "translation": ("/v1/audio/translations", form({"model": "m"})),
    "rerank": ("/v1/rerank", {"model": "m", "query": "q", "documents": ["a"]}),
    "moderations": ("/v1/moderations", {"model": "m", "input": "hi"}),
    "batches": ("/v1/batches", {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}),
    "fine_tuning": ("/v1/fine_tuning/jobs", {"model": "m", "training_file": "f"}),
    "videos": ("/v1/videos", {"model": "m", "prompt": "a sea", "seconds": "8"}),
    "unknown": ("/v1/of/next/year", {"model": "m", "input": "hi"}),
}


def call(gateway, name, headers=None):
    path, body = CALLS[name]
    more = {}
    if isinstance(body, tuple):
        body, more = body
    return post(gateway, path, body, {**more, **(headers or {})})


@pytest.mark.parametrize("name", CALLS)
def test_what_has_no_price_is_refused_under_a_hard_budget(money, name):
    gateway = money()
    status, answer = call(gateway, name)
    assert (status, money.provider.asked) == (403, [])
    error = answer["error"]
    assert "has no price" in error["message"] and '"b"' in error["message"] and "prices" in error["message"]
    if name not in ("messages", "gemini"):
        assert error["code"] == "unknown_price"
    if name in ("chat", "speech", "transcription"):
        assert "`m`" in error["message"]
    assert gateway.metric("hawser_budget_unpriced_total") == 1


def test_a_soft_budget_lets_everything_pass(money):
    gateway = money(budget="soft")
    assert {name: call(gateway, name)[0] for name in CALLS} == {name: 200 for name in CALLS}


def test_free_is_what_is_written_to_be_free(money):
    free = {"batches": "0", "fine_tuning": "0", "videos": "0", "unknown": "0"}
    gateway = money(prices={"models": {"m": {"price": "0"}}, "operations": free})
    assert {name: call(gateway, name)[0] for name in CALLS} == {name: 200 for name in CALLS}
    assert {row["cost_nano_usd"] for row in money.rows(gateway, len(CALLS))} == {0}
    assert {row["operation"] for row in money.rows(gateway, len(CALLS))} >= {"chat", "batches", "image_edit"}


def test_lists_cost_nothing(money):
    gateway = money()
    for path in ("/v1/models", "/v1/files", "/v1/batches"):
        assert request(gateway.address, "GET", path)[0] == 200


COSTS = {  # of one call of what CALLS says, in billionths of a dollar
    "chat": ({"input": "1", "output": "2"}, 10 * 1000 + 10 * 2000),
    "embeddings": ({"input": "1"}, 100 * 1000),
    "image_generation": ({"input": "5", "output": "40"}, 50 * 5000 + 4160 * 40000),
    "image_edit": ({"images": {"1024x1024/standard": "0.04"}}, 40_000_000),
    "image_variation": ({"image": "0.02"}, 20_000_000),
    "speech": ({"character": "15"}, 5 * 15_000),
    "transcription": ({"input": "1", "audio_input": "6", "output": "10"}, None),
    "translation": ({"second": "0.01"}, None),
    "rerank": ({"search": "0.002"}, None),
    "moderations": ({"price": "0.001"}, 1_000_000),
}


@pytest.mark.parametrize("name", COSTS)
def test_all_that_is_sold_has_a_price(money, name):
    price, cost = COSTS[name]
    gateway = money(prices={"models": {"up/m": price}})
    assert call(gateway, name)[0] == 200
    row = money.rows(gateway, 1)[0]
    assert row["operation"] == name and row["price_version"].startswith("config-")
    if cost is None:
        assert 0 < row["cost_nano_usd"] < 100_000_000
    else:
        assert row["cost_nano_usd"] == cost


def answered(usage, **members):
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}], **members}


KINDS = {"input": "1", "output": "2", "cached": "0.1", "cache_write": "1.25", "cache_write_long": "2", "reasoning": "3",
         "audio_input": "10", "audio_cached": "4", "audio_output": "20", "image_input": "5", "image_output": "40", "search": "0.01"}
TOLD = {  # what a provider tells, and what it costs in billionths of a dollar
    "sound": ("chat", answered({
        "prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 40, "text_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 30, "text_tokens": 25}}),
        60 * 1000 + 40 * 10000 + 25 * 2000 + 5 * 3000 + 30 * 20000),
    "sound beside the prompt": ("chat", answered({
        "prompt_tokens": 9, "completion_tokens": 201, "total_tokens": 585,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375}}), 9 * 1000 + 375 * 10000 + 201 * 2000),
    "a kind of tomorrow": ("chat", answered({
        "prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160,
        "prompt_tokens_details": {"smell_tokens": 40}, "completion_tokens_details": {"taste_tokens": 10}}),
        60 * 1000 + 40 * 10000 + 50 * 2000 + 10 * 40000),
    "thoughts that only the total tells": ("chat", answered({
        "prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}), 35 * 1000 + 12 * 2000 + 62 * 3000),
    "searches": ("chat", answered({
        "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20,
        "server_tool_use_details": {"web_search_requests": 3}}), 10 * 1000 + 10 * 2000 + 30_000_000),
    "pictures": ("image_generation", {"created": 1, "data": [{"b64_json": "QUJD"}], "usage": {
        "input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210,
        "input_tokens_details": {"text_tokens": 20, "image_tokens": 30}}}, 20 * 1000 + 30 * 5000 + 4160 * 40000),
    "pictures with words": ("image_generation", {"created": 1, "data": [{"b64_json": "QUJD"}], "usage": {
        "input_tokens": 50, "output_tokens": 100, "total_tokens": 150,
        "input_tokens_details": {"text_tokens": 50, "image_tokens": 0},
        "output_tokens_details": {"text_tokens": 8, "image_tokens": 92}}}, 50 * 1000 + 8 * 2000 + 92 * 40000),
    "a transcript": ("transcription", {"text": "hello", "usage": {
        "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10}}}, 4 * 1000 + 10 * 10000 + 45 * 2000),
    "a transcript of what is not said": ("transcription", {"text": "hello", "usage": {
        "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}}, 14 * 10000 + 45 * 2000),
    "caches of two lives": ("messages", {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "usage": {
            "input_tokens": 4, "cache_creation_input_tokens": 1100, "cache_read_input_tokens": 90, "output_tokens": 155,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 1000},
            "server_tool_use": {"web_search_requests": 2}, "service_tier": "standard"}},
        4 * 1000 + 90 * 100 + 100 * 1250 + 1000 * 2000 + 155 * 2000 + 20_000_000),
    "modalities": ("gemini", {"candidates": [{"content": {"parts": [{"text": "x"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 188, "thoughtsTokenCount": 7,
            "toolUsePromptTokenCount": 31, "cachedContentTokenCount": 40,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}, {"modality": "AUDIO", "tokenCount": 70}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 50}]}},
        61 * 1000 + 30 * 10000 + 40 * 4000 + 50 * 40000 + 7 * 3000),
    "priority": ("chat", answered({"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}, service_tier="priority"),
                 (10 * 1000 + 10 * 2000) * 5 // 2),
    "a tier of tomorrow": ("chat", answered({"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}, service_tier="warp"),
                           (10 * 1000 + 10 * 2000) * 6),
    "flex without a factor": ("chat", answered({"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}, service_tier="flex"),
                              10 * 1000 + 10 * 2000),
}
PLACES = {"chat": "/chat/", "messages": "/messages", "gemini": ":generateContent", "image_generation": "/images/",
          "transcription": "/audio/transcriptions"}


@pytest.mark.parametrize("told", TOLD)
def test_every_kind_that_is_told_is_billed_once(money, told):
    name, answer, cost = TOLD[told]
    gateway = money(prices={"models": {"m": KINDS}}, answers={PLACES[name]: answer}, budgets=[
        {"name": "b", "period": "day", "hard": "1000"}])
    status, body = call(gateway, name)
    assert status == 200, body
    row = money.rows(gateway, 1)[0]
    assert row["cost_nano_usd"] == cost and row["source"] == "provider"
    if told == "caches of two lives":
        assert (row["cache_write"], row["cache_write_long"], row["searches"]) == (1100, 1000, 2)
    if told == "priority":
        assert row["service_tier"] == "priority"
    if told == "modalities":
        assert (row["audio_input"], row["image_output"]) == (70, 50)


@pytest.mark.parametrize("asked,served,factor", [
    (None, "priority", 2), ("priority", "default", 1), ("priority", None, 2), ("flex", "flex", 0.5), ("flex", None, 1),
    ("flex", "default", 1), ("auto", "default", 1), (None, None, 1), ("warp", None, 6)])
@pytest.mark.parametrize("stream", [False, True])
def test_how_it_was_served_decides_what_it_costs(money, asked, served, factor, stream):
    """The answer's word goes before the request's; without it nothing is taken for cheaper than it may be."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    members = {"service_tier": served} if served else {}

    def script(connection, _):
        if not stream:
            return connection.sendall(whole(answered(usage, **members)))
        tier = f',"service_tier":"{served}"' if served else ""
        connection.sendall(stream_head() + chunk(delta("x", more=tier) + delta("", '"stop"', tier)
                                                 + usage_chunk(1000, 1000) + DONE) + LAST)
    with Scripted(script) as provider:
        gateway = money(providers={"up": provider.provider()}, prices={"models": {"m": {
            "input": "1", "output": "2", "service_tiers": {"flex": "0.5", "priority": "2"}}}})
        body = {**CALLS["chat"][1], "stream": stream, **({"service_tier": asked} if asked else {})}
        assert request(gateway.address, "POST", "/v1/chat/completions", body)[0] == 200
        assert money.rows(gateway, 1)[0]["cost_nano_usd"] == 3_000_000 * factor


def test_a_dearer_tier_is_reserved_before_it_is_asked(money):
    """$0.30 at the usual price: twice of that fits in no $0.50."""
    gateway = money(prices={"models": {"m": {"input": "0", "output": "3000"}}})
    body = {**CALLS["chat"][1], "max_tokens": 100}
    assert post(gateway, "/v1/chat/completions", {**body, "service_tier": "priority"})[0] == 429
    assert post(gateway, "/v1/chat/completions", {**body, "service_tier": "warp"})[0] == 429
    assert post(gateway, "/v1/chat/completions", {**body, "service_tier": "flex"})[0] == 200


# What each operation that has a price reserves before it is asked, in thousandths of a dollar. Every kind of operation
# stands in the table of stage/admit/forecast_test.cpp; here is that what is forecast there is what a budget holds.
OUT, IN = {"input": "0", "output": "1000"}, {"input": "1000", "output": "0"}
MESSAGES = [{"role": "user", "content": "hi"}]
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
USUAL = 50  # admission.output_tokens
RESERVED = [
    ("/v1/chat/completions", {"messages": MESSAGES}, OUT, USUAL),
    ("/v1/chat/completions", {"messages": MESSAGES, "n": 3}, OUT, 3 * USUAL),
    ("/v1/chat/completions", {"messages": MESSAGES, "max_completion_tokens": 20, "n": 4}, OUT, 80),
    ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 100_000}, OUT, 100_000),
    ("/v1/completions", {"prompt": "hi", "n": 2, "best_of": 5}, OUT, 5 * USUAL),
    ("/v1/completions", {"prompt": ["a", "b", "c"], "max_tokens": 7}, OUT, 21),
    ("/v1/responses", {"input": "hi"}, OUT, USUAL),
    ("/v1/messages", {"messages": MESSAGES, "max_tokens": 12}, OUT, 12),
    ("/v1beta/models/m:generateContent", {**GEMINI, "generationConfig": {"candidateCount": 3}}, OUT, 3 * USUAL),
    ("/v1beta/models/m:generateContent", {**GEMINI, "generation_config": {"candidate_count": 3, "max_output_tokens": 6}}, OUT, 18),
    ("/v1/embeddings", {"input": list(range(500))}, IN, 500),
    ("/v1/embeddings", {"input": [[1] * 250, [2] * 250]}, IN, 500),
    ("/v1/images/generations", {"prompt": "a sea", "n": 7}, {"image": "0.001"}, 7),
    ("/v1/audio/speech", {"input": "hello", "voice": "a"}, {"character": "1000"}, 5),
    ("/v1/rerank", {"query": "q", "documents": ["a"] * 201}, {"search": "0.001"}, 3),
]


@pytest.mark.parametrize("path,body,price,units", RESERVED, ids=range(len(RESERVED)))
def test_what_is_reserved_before_it_is_asked(money, tmp_path, path, body, price, units):
    """A budget of one unit less has no room for it, one of as much has."""
    for hard, expected in ((units - 1, 429), (units, 200)):
        with money(prices={"models": {"m": price}}, admission={"output_tokens": USUAL},
                   budgets=[{"name": f"b{hard}", "period": "day", "hard": f"{hard / 1000:.3f}"}]) as gateway:
            assert post(gateway, path, {"model": "m", **body})[0] == expected, hard


def test_pictures_use_the_budget_up(money):
    """$0.1667 each: a third one would be above $0.50."""
    gateway = money(prices={"models": {"m": {"input": "5", "output": "40"}}})
    assert [call(gateway, "image_generation")[0] for _ in range(5)] == [200, 200, 429, 429, 429]
    assert sum(row["cost_nano_usd"] for row in money.rows(gateway, 2)) == 2 * (50 * 5000 + 4160 * 40000)


def test_a_number_of_pictures_is_a_number_of_prices(money):
    gateway = money(prices={"models": {"m": {"image": "0.02"}}})
    path = "/v1/images/generations"
    assert post(gateway, path, {"model": "m", "prompt": "a", "n": 26})[0] == 429
    assert post(gateway, path, {"model": "m", "prompt": "a", "n": 25})[0] == 200
    assert post(gateway, path, {"model": "m", "prompt": "a", "n": 1})[0] == 429
    body, headers = form({"model": "m", "prompt": "a", "n": "26"}, name="image")
    assert post(gateway, "/v1/images/edits", body, headers)[0] == 429
    assert money.rows(gateway, 1)[0]["images"] == 25


def wav(seconds, rate=8000):
    size = seconds * rate * 2
    return (b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little") +
            b"\1\0\1\0" + rate.to_bytes(4, "little") + (rate * 2).to_bytes(4, "little") + b"\2\0\x10\0data" +
            size.to_bytes(4, "little") + bytes(size))


def test_sound_costs_by_its_length(money):
    gateway = money(prices={"models": {"m": {"second": "0.01"}}}, answers={"/audio/transcriptions": {"text": "hello"}})
    long, headers = form({"model": "m"}, wav(60), "a.wav")
    assert post(gateway, "/v1/audio/transcriptions", long, headers)[0] == 429
    short, headers = form({"model": "m"}, wav(10), "a.wav")
    assert post(gateway, "/v1/audio/transcriptions", short, headers)[0] == 200
    row = money.rows(gateway, 1)[0]
    assert 10_000 <= row["audio_ms"] <= 10_010 and row["source"] == "estimated"
    assert 100_000_000 <= row["cost_nano_usd"] <= 100_100_000
    compressed, headers = form({"model": "m"}, b"ID3" + bytes(60_000))
    assert post(gateway, "/v1/audio/transcriptions", compressed, headers)[0] == 429  # 60 s at 1,000 bytes a second


def test_sound_of_unknown_length_needs_a_price_for_the_call(money):
    def chunked(gateway):
        body, headers = form({"model": "m"}, bytes(3_000_000))
        parts = (body[at:at + 100_000] for at in range(0, len(body), 100_000))
        connection = http.client.HTTPConnection(*gateway.address, timeout=20)
        connection.request("POST", "/v1/audio/transcriptions", body=parts, headers=headers, encode_chunked=True)
        with contextlib.closing(connection):
            return connection.getresponse().status
    gateway = money(prices={"models": {"m": {"second": "0.0001"}}})
    assert chunked(gateway) == 403
    gateway = money(prices={"models": {"m": {"price": "0.1"}}})
    assert chunked(gateway) == 200


def test_a_target_without_a_price_is_passed_over(money, tmp_path):
    cheap, known = Provider(), Provider()
    gateway = money(prices={"models": {"known/m": {"input": "1", "output": "1"}}},
                    providers={"cheap": cheap.config, "known": known.config},
                    models={"m": {"targets": [{"provider": "cheap"}, {"provider": "known"}]},
                            "lost": {"targets": [{"provider": "cheap", "model": "x"}]}})
    assert [call(gateway, "chat")[0] for _ in range(3)] == [200] * 3
    assert (len(cheap.asked), len(known.asked)) == (0, 3)
    status, answer = post(gateway, "/v1/chat/completions", {**CALLS["chat"][1], "model": "lost"})
    assert status == 403 and answer["error"]["code"] == "unknown_price" and "`x`" in answer["error"]["message"]


def test_a_budget_binds_without_a_ledger(tmp_path):
    provider = Provider()
    with Gateway(tmp_path, providers={"up": provider.config}, budgets=KEPT["hard"],
                 prices={"models": {"m": {"input": "10000", "output": "10000"}}}) as gateway:
        body = {**CALLS["chat"][1], "max_tokens": 10}
        statuses = [post(gateway, "/v1/chat/completions", body)[0] for _ in range(5)]
    assert statuses[:2] == [200, 200] and statuses[-1] == 429


def test_parallel_answers_of_several_choices_do_not_overshoot(money, figure):
    """Each call is answered by 5 x 20 tokens; 1,000 cost a dollar."""
    usage = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage, "choices": [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}} for i in range(5)]}
    gateway = money(prices={"models": {"m": {"input": "0", "output": "1000"}}}, answers={"/chat/": answer})

    def one(number):
        body = {**CALLS["chat"][1], "n": 5, "max_tokens": 20, "user": str(number)}
        return post(gateway, "/v1/chat/completions", body)[0]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(one, range(100)))
    assert statuses.count(200) == 5 and statuses.count(429) == 95
    spent = sum(row["cost_nano_usd"] for row in money.rows(gateway, 5))
    assert spent == 500_000_000
    figure(f"100 parallel requests for 5 choices each on a budget of $0.50: ${spent / 1e9:.2f} spent")


def test_money_saturates(money, tmp_path, figure):
    """A provider that says it used 4e9 tokens at the dearest price fills a budget, and never empties it."""
    usage = {"prompt_tokens": 4_000_000_000, "completion_tokens": 4_000_000_000, "total_tokens": 8_000_000_000}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}]}
    config = dict(prices={"models": {"m": {"input": "1", "output": "999999999"}}}, answers={"/chat/": answer})
    soft = [{"name": "s", "period": "month", "soft": "1"}]
    hard = [{"name": "h", "period": "month", "hard": "999999999"}]
    body = {**CALLS["chat"][1], "max_tokens": 1}
    with money(budgets=soft, **config) as gateway:
        assert {post(gateway, "/v1/chat/completions", body)[0] for _ in range(20)} == {200}
        rows = money.rows(gateway, 20)
    assert {row["cost_nano_usd"] for row in rows} == {2**63 - 1}
    gateway = money(budgets=hard, **config)  # goes on from the ledger's sum
    assert [post(gateway, "/v1/chat/completions", body)[0] for _ in range(5)] == [429] * 5
    figure("20 answers of 8e9 tokens at $999,999,999 a million: the sum stays at its largest, the budget is full")


def test_numbers_of_a_client_overflow_nothing(money):
    gateway = money(prices={"models": {"m": {"input": "1", "output": "1"}}})
    for members in ({"n": 1_000_000_000}, {"n": 4_294_967_295, "max_tokens": 4_294_967_295},
                    {"max_tokens": 4_000_000_000, "n": 128, "best_of": 10**12}):
        assert post(gateway, "/v1/chat/completions", {**CALLS["chat"][1], **members})[0] in (200, 400, 429), members
    assert call(gateway, "chat")[0] == 200


@pytest.mark.parametrize("unit", ["tokens", "output_tokens", "input_tokens", "requests"])
def test_what_is_not_json_counts_too(money, unit):
    gateway = money(budget="soft", rate_limits=[{"name": "t", "unit": unit, "rate": "1r/d" if unit == "requests" else "1500/d"}],
                    admission={"input_tokens": 800, "output_tokens": 700})
    body, headers = form({"purpose": "batch"})
    statuses = [post(gateway, path, body, headers)[0] for path in ("/v1/files", "/v1/files", "/v1/of/next/year")]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert request(gateway.address, "GET", "/v1/models")[0] == 200


def test_those_who_wait_are_bounded(money):
    gateway = money(budget="soft", admission={"waiting_max": 2}, rate_limits=[
        {"name": "slow", "rate": "1r/s", "burst": 100, "algorithm": "leaky_bucket", "wait_max": "3s"}])
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: call(gateway, "chat"), range(12)))
    statuses = [status for status, _ in answers]
    assert 1 <= statuses.count(200) <= 4 and set(statuses) == {200, 429}
    assert all("slow" in answer["error"]["message"] for status, answer in answers if status == 429)


@pytest.mark.parametrize("prices,word", [
    ({"models": {"m": {"inptu": "1"}}}, "inptu"), ({"models": {"m": {"input": "cheap"}}}, "US dollars"),
    ({"operations": {"batchs": "1"}}, "batchs"), ({"models": {"m": {"images": {"low": "-1"}}}}, "images.low")])
def test_broken_prices_are_told(tmp_path, prices, word):
    import subprocess
    from support.programs import HAWSER
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "prices": prices,
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1"}}}))
    done = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stdout + done.stderr

"""A request travels through the gateway and back, byte for byte."""
import hashlib
import json
import os
import re

import pytest

from support.http import chat, events, request
from support.programs import Gateway

KEY = "hwk_test key with blanks"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()


def test_plain_and_streamed_chat(gateway, sim):
    status, headers, body = chat(gateway.address)
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == "1 2 3"
    assert headers["x-request-id"] == headers["request-id"]
    assert headers["x-hawser-target"] == "sim" and headers["x-hawser-attempts"] == "1"
    assert int(headers["x-hawser-overhead-us"]) < 100_000

    status, headers, body = chat(gateway.address, stream=True)
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert events(body)[-1] == "[DONE]"
    direct = chat(("127.0.0.1", int(sim.address.split(":")[1])), stream=True)[2]
    ids = re.compile(rb"^id: .*\n", re.MULTILINE)
    strip = lambda text: ids.sub(b"", text.replace(b"0002", b"").replace(b"0003", b""))
    assert strip(body) == strip(direct)


@pytest.mark.parametrize("method,target,body,content_type", [
    ("GET", "/v1/files?filter[purpose]=a&include[]=x&include[]=y%20z", None, None),
    ("DELETE", "/v1/vector_stores/vs_1", b'{"why": "test"}', "application/json"),
    ("POST", "/v1/unknown/path/with%20blank?q=%5B1%5D", b"\x00\x01\xff binary", "application/octet-stream"),
    ("POST", "/v1/moderations", b'{ "input" :  "spaces  kept" , "n":1e2 }', "application/json"),
    ("PUT", "/v1/uploads/u1/parts", b"x" * 3_000_000, "application/octet-stream"),
    ("PATCH", "/v1/fine_tuning/jobs/j", b"[]", "application/json-patch"),
    ("POST", "/v1/images/edits", b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n',
     "multipart/form-data; boundary=b"),
])
def test_passes_byte_for_byte(gateway, sim, method, target, body, content_type):
    if content_type == "application/json-patch":
        body = b'{"op": "x"}'
    headers = {"Content-Type": content_type, "X-Custom": "kept"} if content_type else {}
    status, _, answer = request(gateway.address, method, target, body, headers)
    assert status == 200, answer
    entry = sim.journal()[-1]
    assert entry["method"] == method and entry["target"] == target
    assert entry["body_sha256"] == hashlib.sha256(body or b"").hexdigest()
    sent = {name.lower(): value for name, value in entry["headers"]}
    if content_type:
        assert sent["content-type"] == content_type and sent["x-custom"] == "kept"
    assert "connection" not in sent


def test_model_is_mapped_without_touching_the_rest(sim, tmp_path):
    models = {"public": {"targets": [{"provider": "sim", "model": "up\"stream"}]},
              "team-*": {"targets": [{"provider": "sim", "model": "sim-small"}]}}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, models=models) as gateway:
        body = b'{ "messages": [{"role":"user","content":"say: \xc3\xa4 model \\"public\\""}],\n "model" : "public" , "x":1.50}'
        request(gateway.address, "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        assert sim.journal()[-1]["body_sha256"] == hashlib.sha256(
            body.replace(b'"public" ,', b'"up\\"stream" ,')).hexdigest()
        status, _, answer = chat(gateway.address, model="team-red")
        assert status == 200 and json.loads(answer)["model"] == "sim-small"


def test_an_early_refusal_is_read_by_a_client_that_still_sends(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=[{"name": "alice", "hash": HASH}]) as gateway:
        for _ in range(5):
            status, _, answer = request(gateway.address, "POST", "/v1/files", b"x" * 20_000_000,
                                        {"Content-Type": "application/octet-stream"})
            assert status == 401 and json.loads(answer)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_model_of_a_form_is_mapped(sim, tmp_path, size):
    models = {"ears": {"targets": [{"provider": "sim", "model": "whisper-large-v3"}]}}
    keys = [{"name": "alice", "hash": HASH, "models": ["ears"]}]
    field = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * size + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {KEY}"}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, models=models, keys=keys) as gateway:
        send = lambda form: request(gateway.address, "POST", "/v1/audio/transcriptions", form, headers)
        assert send((field % "ears").encode() + file)[0] == 200
        assert sim.journal()[-1]["body_sha256"] == hashlib.sha256(
            (field % "whisper-large-v3").encode() + file).hexdigest()
        assert send((field % "other").encode() + file)[0] in (403, 404)
        status, _, answer = send((field % "ears" + field % "other").encode() + file)
        assert status == 400 and b"more than one" in answer


@pytest.mark.parametrize("header", ["Authorization", "authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_keys_in_every_form(sim, tmp_path, header):
    keys = [{"name": "alice", "hash": HASH, "models": ["sim-*"]}]
    provider = sim.provider(auth="bearer", api_key="${env:UPSTREAM}")
    with Gateway(tmp_path, providers={"sim": provider}, keys=keys,
                 env={"UPSTREAM": "sk-upstream-secret-000000"}) as gateway:
        value = f"Bearer {KEY}" if header.lower() == "authorization" else KEY
        assert chat(gateway.address, headers={header: value})[0] == 200
        sent = dict(sim.journal()[-1]["headers"])
        assert sent["authorization"] == "Bearer sha256:" + hashlib.sha256(b"sk-upstream-secret-000000").hexdigest()[:16]
        assert not {"x-api-key", "api-key", "x-goog-api-key"} & {name.lower() for name in sent}
        status, _, body = chat(gateway.address, headers={header: value + "x"})
        assert status == 401 and json.loads(body)["error"]["code"] == "invalid_api_key"
        assert chat(gateway.address)[0] == 401
        status, _, body = chat(gateway.address, headers={header: value}, model="gpt-4o")
        assert status == 403 and json.loads(body)["error"]["param"] == "model"
        for more in ({"models": ["gpt-4o"]}, {"fallbacks": ["gpt-4o"]}, {"api_base": "http://127.0.0.1:1"},
                     {"tools": [{"type": "image_generation", "model": "gpt-4o"}]}):
            status, _, body = chat(gateway.address, headers={header: value}, **more)
            assert status == 403 and b"further models" in body, more
        assert {line.get("key") for line in gateway.log_lines(8)} == {"alice", None}


def test_a_bound_key_with_batches_names_their_endpoint(sim, tmp_path):
    """A batch says where its lines go, and may say for which models: the key's operations decide."""
    keys = [{"name": "alice", "hash": HASH, "models": ["sim-*"], "operations": ["chat", "batches"]}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        body = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "models": ["sim-large"]}
        status, _, answer = request(gateway.address, "POST", "/v1/batches", body, {"Authorization": f"Bearer {KEY}"})
        assert status != 403 and len(sim.journal()) == 1, answer


def test_duplicate_model_is_refused(gateway, sim):
    body = b'{"model":"a","messages":[],"mod\\u0065l":"b"}'
    status, _, answer = request(gateway.address, "POST", "/v1/chat/completions", body,
                                {"Content-Type": "application/json"})
    assert status == 400 and json.loads(answer)["error"]["param"] == "model"
    assert sim.journal() == []


def test_large_bodies_stream_in_bounded_memory(gateway, sim):
    size = 64 * 1024 * 1024
    body = os.urandom(1024 * 1024) * (size // (1024 * 1024))
    before = gateway.memory_kib("VmHWM")
    status, _, _ = request(gateway.address, "POST", "/v1/files", body,
                           {"Content-Type": "application/octet-stream"}, timeout=120)
    assert status == 200
    assert sim.journal()[-1]["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert gateway.memory_kib("VmHWM") - before < 16 * 1024

    form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + body + b"\r\n--b--\r\n"
    _, _, answer = request(gateway.address, "POST", "/v1/files", form,
                           {"Content-Type": "multipart/form-data; boundary=b"}, timeout=120)
    status, _, content = request(gateway.address, "GET", f"/v1/files/{json.loads(answer)['id']}/content", timeout=120)
    assert content == body
    assert gateway.memory_kib("VmHWM") - before < 24 * 1024


def test_chunked_upload_and_expect_continue(gateway, sim):
    from support.http import connect
    with connect(gateway.address) as connection:
        connection.sendall(b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                           b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: dropped\r\n\r\n")
        assert b"200 OK" in connection.recv(65536)
    assert sim.journal()[-1]["body_sha256"] == hashlib.sha256(b"hello world").hexdigest()


def test_metrics_and_access_log(gateway):
    chat(gateway.address)
    chat(gateway.address, stream=True)
    request(gateway.address, "GET", "/nowhere")
    served = next(line for line in gateway.log_lines(3) if line["status"] == 200)  # workers write as they end
    assert {"time", "request_id", "status", "target", "duration_us", "overhead_us"} <= set(served)
    assert gateway.settled_metric("http_request_duration_seconds_count", 3) == 3  # refusals count too
    metrics = gateway.metrics()
    assert metrics['requests_total{status="200"}'] == 2
    assert metrics['requests_total{status="404"}'] == 1
    assert metrics["http_request_duration_seconds_count"] == 3
    assert metrics['api_errors{type="not_found"}'] == 1
    assert any(name.startswith("gen_ai_server_time_to_first_token_seconds_bucket") for name in metrics)


def test_request_ids_are_passed_on(gateway, sim):
    _, headers, _ = chat(gateway.address, headers={"X-Request-Id": "abc-123.x"})
    assert headers["x-request-id"] == "abc-123.x"
    assert dict(sim.journal()[-1]["headers"])["x-request-id"] == "abc-123.x"
    _, headers, _ = chat(gateway.address, headers={"X-Request-Id": "not allowed!"})
    assert headers["x-request-id"].startswith("req_")


def test_no_secret_in_any_output(sim, tmp_path):
    secret, virtual = "sk-proj-PLANTEDsecret0123456789abcdef", "hwk_PLANTEDvirtual0123456789"
    provider = sim.provider(auth="bearer", api_key="${env:UPSTREAM}")
    keys = [{"name": "k", "hash": "sha256:" + hashlib.sha256(virtual.encode()).hexdigest()}]
    with Gateway(tmp_path, providers={"sim": provider}, keys=keys, env={"UPSTREAM": secret}) as gateway:
        seen = b""
        for fault in ("none", "status:401", "status:500", "reset:before-head", "garbage-head"):
            headers = {"Authorization": f"Bearer {virtual}", "x-sim-fault": fault} if fault != "none" else {
                "Authorization": f"Bearer {virtual}"}
            status, answered, body = chat(gateway.address, content=f"say: {secret}", headers=headers)
            seen += repr(answered).encode() + (body if fault != "none" else b"")
        chat(gateway.address, headers={"Authorization": f"Bearer {virtual}wrong"})
        seen += repr(gateway.metrics()).encode()
        gateway.log_lines(6)
        gateway.stop()
        seen += gateway.access_log.read_bytes() + gateway.err.encode() + gateway.out.encode()
    assert b"PLANTED" not in seen

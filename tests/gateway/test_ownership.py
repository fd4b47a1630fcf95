"""Tenants share a provider's account: what one of them made there is not the others' to see."""
import hashlib
import http.server
import itertools
import json
import threading
import time

import pytest

from support.http import request
from support.programs import Gateway

KINDS = {"files": "file", "batches": "batch", "vector_stores": "vs", "conversations": "conv", "assistants": "asst",
         "fine_tuning/jobs": "ftjob", "containers": "cntr", "evals": "eval", "threads": "thread"}
LISTED = [kind for kind in KINDS if kind not in ("conversations", "threads")]


class Account:
    """A provider's account: it keeps what anyone with its credential makes, and tells it to anyone."""

    def __init__(self):
        self.objects, self.seen, number = {}, [], itertools.count(1)
        account = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body, status=200, kind="application/json"):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def handle_any(self):
                body = self.rfile.read(length := int(self.headers.get("Content-Length", 0)))
                if len(body) < length:
                    return  # the request was cut
                path = self.path.split("?")[0][len("/v1/"):]
                account.seen.append((self.command, path))
                if path == "responses" and self.command == "POST":
                    asked, made = json.loads(body), f"resp_{next(number)}"
                    response = {"id": made, "object": "response", "status": "completed",
                                "output": [{"id": f"{kind}_{made}", "type": "message", "content": []}
                                           for kind in ("msg", "ig", "rs", "mcpr")]}
                    account.objects[f"responses/{made}"] = response
                    if not asked.get("stream"):
                        return self.answer(response)
                    events = "".join(f"event: {kind}\ndata: {json.dumps({'type': kind, 'response': response})}\n\n"
                                     for kind in ("response.created", "response.completed"))
                    return self.answer(events.encode(), kind="text/event-stream")
                if path == "chat/completions" and self.command == "POST":
                    message = {"role": "assistant", "content": "what it says"}
                    return self.answer({"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices":
                                        [{"index": 0, "message": message, "finish_reason": "stop"}]})
                if self.command == "POST" and path in KINDS:
                    made = f"{KINDS[path]}-{next(number)}"
                    # As some do, it tells what it was told.
                    echo = {"metadata": {"file_id": "file-of-another", "previous_response_id": "resp_of_another"}}
                    account.objects[f"{path}/{made}"] = {"id": made}
                    return self.answer({"id": made, **echo})
                if self.command == "GET" and path in KINDS:
                    found = [o for name, o in account.objects.items() if name.startswith(path + "/")]
                    return self.answer({"object": "list", "data": found, "has_more": False})
                if self.command == "DELETE":
                    account.objects.pop(path, None)
                return self.answer({"id": path.rsplit("/", 1)[-1], "path": path})

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def provider(self):
        return {"base_url": f"http://127.0.0.1:{self.server.server_address[1]}/v1", "auth": "none"}


@pytest.fixture
def account():
    running = Account()
    yield running
    running.server.shutdown()
    running.server.server_close()


def key(name, **settings):
    return {"name": name, "tenant": name, "hash": "sha256:" + hashlib.sha256(f"sk-{name}".encode()).hexdigest(), **settings}


GRANTS = ["chat", "responses", "files", "batches", "vector_stores", "conversations", "assistants", "fine_tuning",
          "containers", "evals", "threads", "unknown"]


def gateway_for(account, tmp_path, **more):
    keys = [key("acme", operations=GRANTS), key("mallory", operations=GRANTS), key("plain"),
            key("auditor", operations=GRANTS, any_objects=True)]
    return Gateway(tmp_path, providers={"p": account.provider()}, keys=keys, **more)


def ask(gateway, who, method, path, body=None):
    status, _, answer = request(gateway.address, method, "/v1/" + path, body, {"Authorization": f"Bearer sk-{who}"})
    return status, json.loads(answer) if answer.startswith(b"{") else answer


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_its_tenants(account, tmp_path, kind):
    with gateway_for(account, tmp_path) as gateway:
        status, made = ask(gateway, "acme", "POST", kind, {"a": 1})
        assert status == 200, made
        name = f"{kind}/{made['id']}"
        assert ask(gateway, "acme", "GET", name)[0] == 200
        account.seen.clear()
        for method in ("GET", "DELETE", "POST"):
            status, answer = ask(gateway, "mallory", method, name, {} if method == "POST" else None)
            assert status in (403, 404), (method, status, answer)
        assert ask(gateway, "mallory", "GET", f"{kind}/{made['id']}/content")[0] in (403, 404)
        assert ask(gateway, "mallory", "GET", f"{kind}/made-elsewhere")[0] == 404
        assert not account.seen
        assert ask(gateway, "auditor", "GET", name)[0] == 200
        # Without the grant nothing of it may be called.
        assert ask(gateway, "plain", "GET", name)[0] == 403
        assert ask(gateway, "plain", "POST", kind, {"a": 1})[0] == 403


@pytest.mark.parametrize("kind", LISTED)
def test_lists_hold_ones_own(account, tmp_path, kind):
    with gateway_for(account, tmp_path) as gateway:
        ids = {who: ask(gateway, who, "POST", kind, {})[1]["id"] for who in ("acme", "mallory")}
        for who in ids:
            assert [entry["id"] for entry in ask(gateway, who, "GET", kind)[1]["data"]] == [ids[who]]
        assert len(ask(gateway, "auditor", "GET", kind)[1]["data"]) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_references_in_bodies(account, tmp_path, stream):
    with gateway_for(account, tmp_path) as gateway:
        question = {"model": "m", "input": "hi", "stream": stream}
        status, answer = ask(gateway, "acme", "POST", "responses", question)
        assert status == 200
        made = "resp_1"
        file = ask(gateway, "acme", "POST", "files", {})[1]["id"]
        account.seen.clear()
        references = [{"previous_response_id": made}, {"previous_respons\u0065_id": made},
                      {"input": [{"type": "item_reference", "id": f"msg_{made}"}]},
                      {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": file}]}]},
                      {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file]}}]},
                      {"conversation": {"id": "conv-of-nobody"}}]
        for reference in references:
            status, answer = ask(gateway, "mallory", "POST", "responses", {**question, "stream": False, **reference})
            assert status == 404, (reference, answer)
        assert not account.seen
        for reference in references[:-1]:
            assert ask(gateway, "acme", "POST", "responses", {**question, "stream": False, **reference})[0] == 200, reference
        assert ask(gateway, "mallory", "GET", f"responses/{made}")[0] == 404
        assert ask(gateway, "mallory", "DELETE", f"responses/{made}")[0] == 404
        assert ask(gateway, "acme", "GET", f"responses/{made}")[0] == 200


def form(name, value, file=True):
    body = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    if file:
        body += '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + "x" * 3_000_000 + "\r\n"
    return (body + "--b--\r\n").encode()


@pytest.mark.parametrize("path", ["batches", "containers", "vector_stores", "assistants", "fine_tuning/jobs", "evals", "files"])
def test_a_body_that_cannot_be_read_refers_to_nothing(account, tmp_path, path):
    """Other spellings of a body that names another tenant's file: none of them arrives."""
    with gateway_for(account, tmp_path) as gateway:
        file = ask(gateway, "acme", "POST", "files", {})[1]["id"]
        account.seen.clear()
        text = json.dumps({"file_id": file})
        form_type = {"Content-Type": "multipart/form-data; boundary=b"}
        bodies = [(text, {"Content-Type": "text/plain"}), (text, {}), (text, {"Content-Type": "application/x-www-form-urlencoded"}),
                  (text, {"Content-Type": "application/jsonl"}), (text, {"Content-Type": "multipart/mixed; boundary=b"}),
                  (f'{{"a":1,"a":2,"file_id":"{file}"}}', {"Content-Type": "application/json"}),
                  (f"[{text}]", {"Content-Type": "application/json"}), (f"{text}{text}", {"Content-Type": "application/json"}),
                  ('{"a":' * 200 + text + "}" * 200, {"Content-Type": "application/json"}),
                  (form("file_id", file), form_type), (form("tools[file_ids][]", file), form_type),
                  (form("file_id", file, file=False), form_type), (form("container", "x", file=False), form_type)]
        for body, fields in bodies:
            status, _, answer = request(gateway.address, "POST", "/v1/" + path, body, {"Authorization": "Bearer sk-mallory", **fields})
            assert status in (400, 404, 415), (body[:80], fields, status, answer)
        assert not account.seen
        for file_too in (False, True):
            body = form("purpose", "user_data", file_too)
            assert request(gateway.address, "POST", "/v1/files", body, {"Authorization": "Bearer sk-mallory", **form_type})[0] == 200


@pytest.mark.parametrize("source", [{"type": "stored_completions"}, {"type": "responses", "model": "m"}])
def test_an_evaluation_of_all_that_is_stored_is_nobodys(account, tmp_path, source):
    with gateway_for(account, tmp_path) as gateway:
        made = ask(gateway, "mallory", "POST", "evals", {})[1]["id"]
        run = {"data_source": {"type": "completions", "source": source}}
        assert ask(gateway, "mallory", "POST", f"evals/{made}/runs", run)[0] == 404
        assert ask(gateway, "auditor", "POST", f"evals/{made}/runs", run)[0] == 200


def test_owners_are_known_after_a_restart(account, tmp_path):
    ownership = {"path": str(tmp_path / "objects.db")}
    with gateway_for(account, tmp_path, ownership=ownership) as gateway:
        made = ask(gateway, "acme", "POST", "files", {})[1]["id"]
        time.sleep(0.5)
        gateway.process.kill()
        gateway.process.wait()
    with gateway_for(account, tmp_path, ownership=ownership) as gateway:
        assert ask(gateway, "acme", "GET", f"files/{made}")[0] == 200
        assert ask(gateway, "mallory", "GET", f"files/{made}")[0] == 404


@pytest.mark.parametrize("path", ["organization/admin_api_keys", "organizations/me", "admin/x", "dashboard/billing/usage"])
def test_the_administration_of_an_account_is_nobodys(account, tmp_path, path):
    with gateway_for(account, tmp_path) as gateway:
        for who in ("acme", "auditor"):
            assert ask(gateway, who, "GET", path)[0] == 403
    with Gateway(tmp_path, providers={"p": account.provider()}) as gateway:
        assert request(gateway.address, "GET", "/v1/" + path)[0] == 403
    assert not account.seen


def test_items_are_their_tenants_in_each_spelling(account, tmp_path):
    with gateway_for(account, tmp_path) as gateway:
        assert ask(gateway, "acme", "POST", "responses", {"model": "m", "input": "x"})[0] == 200
        account.seen.clear()
        item = {"id": "ig_resp_1", "type": "image_generation_call"}
        inputs = [[item, {"role": "user", "content": "make it red"}], [{"type": "reasoning", "id": "rs_resp_1", "summary": []}],
                  [{"type": "message", "role": "assistant", "id": "msg_resp_1", "content": []}], item, [[item]],
                  [{"id": "msg_resp_1", "type": None}], {"id": "msg_resp_1", "type": "item_reference"},
                  [{"type": "mcp_approval_response", "approval_request_id": "mcpr_resp_1", "approve": True}],
                  [{"type": "what comes tomorrow", "deep": [{"item_id": "rs_resp_1"}]}]]
        for asked in inputs:
            status, answer = ask(gateway, "mallory", "POST", "responses", {"model": "m", "input": asked})
            assert status == 404, (asked, answer)
        for raw in ('{"model":"m","input":[{"id":"msg_resp_1","type":"message","type":"item_reference"}]}',
                    '{"model":"m","input":[{"type":"item_reference","id":"msg_resp_1","id":"own"}]}',
                    '{"model":"m","input":[{"id":"msg_resp_1","\\u0074ype":"item_reference"}]}'):
            status, _, answer = request(gateway.address, "POST", "/v1/responses", raw,
                                        {"Authorization": "Bearer sk-mallory", "Content-Type": "application/json"})
            assert status in (400, 404), (raw, answer)
        assert not account.seen
        for asked in inputs:
            assert ask(gateway, "acme", "POST", "responses", {"model": "m", "input": asked})[0] == 200, asked


def test_the_same_id_at_two_providers_is_two_objects(tmp_path):
    accounts = Account(), Account()
    try:
        providers = {name: a.provider() for name, a in zip("pq", accounts)}
        models = {f"m{name}": {"targets": [{"provider": name}]} for name in "pq"}
        models["both"] = {"targets": [{"provider": "p"}, {"provider": "q"}]}
        with Gateway(tmp_path, providers=providers, models=models, keys=[key("acme"), key("mallory")]) as gateway:
            for who, model in (("acme", "mp"), ("mallory", "mq")):
                assert ask(gateway, who, "POST", "responses", {"model": model, "input": "x"})[1]["id"] == "resp_1"
            again = {"previous_response_id": "resp_1", "input": "go on"}
            assert ask(gateway, "acme", "POST", "responses", {"model": "mq", **again})[0] == 404
            assert ask(gateway, "mallory", "POST", "responses", {"model": "mp", **again})[0] == 404
            assert [len(a.seen) for a in accounts] == [1, 1]
            # Of several targets the one is asked that has it.
            assert ask(gateway, "mallory", "POST", "responses", {"model": "both", **again})[0] == 200
            assert [len(a.seen) for a in accounts] == [1, 2]
            assert ask(gateway, "acme", "POST", "responses", {"model": "mp", **again})[0] == 200
    finally:
        for a in accounts:
            a.server.shutdown()
            a.server.server_close()


def test_what_is_echoed_makes_no_owner(account, tmp_path):
    with gateway_for(account, tmp_path) as gateway:
        body = form("metadata", '{"file_id":"file-of-another"}')
        headers = {"Authorization": "Bearer sk-mallory", "Content-Type": "multipart/form-data; boundary=b"}
        status, _, answer = request(gateway.address, "POST", "/v1/files", body, headers)
        assert status == 200 and b"file-of-another" in answer
        assert ask(gateway, "mallory", "GET", "files/" + json.loads(answer)["id"])[0] == 200
        assert ask(gateway, "mallory", "GET", "files/file-of-another")[0] == 404
        assert ask(gateway, "mallory", "POST", "responses", {"model": "m", "input": "x", "previous_response_id": "resp_of_another"})[0] == 404


def test_addresses_of_files(account, tmp_path):
    keys = [key("acme", operations=["gemini"])]
    with Gateway(tmp_path, providers={"p": account.provider()}, keys=keys) as gateway:
        def parts(uri):
            body = {"contents": [{"role": "user", "parts": [{"fileData": {"mimeType": "a/b", "fileUri": uri}}, {"text": "read"}]}]}
            return request(gateway.address, "POST", "/v1beta/models/g:generateContent", body, {"Authorization": "Bearer sk-acme"})[0]
        assert parts("https://generativelanguage.googleapis.com/v1beta/files/of-another") == 404
        assert parts("gs://bucket/of-another") == 404
        assert not account.seen
        assert parts("https://www.youtube.com/watch?v=x") == 200


def upload(lines, purpose="batch", purpose_last=False):
    field = f'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + "\n".join(lines) + "\r\n"
    return ((file + field if purpose_last else field + file) + "--b--\r\n").encode()


@pytest.mark.parametrize("purpose_last", [False, True])
def test_lines_of_a_batch_are_read(account, tmp_path, purpose_last):
    with gateway_for(account, tmp_path) as gateway:
        assert ask(gateway, "acme", "POST", "responses", {"model": "m", "input": "x"})[0] == 200

        def line(**more):
            return json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": "x", **more}})

        def send(who, lines, purpose="batch"):
            headers = {"Authorization": f"Bearer sk-{who}", "Content-Type": "multipart/form-data; boundary=b"}
            status, _, answer = request(gateway.address, "POST", "/v1/files", upload(lines, purpose, purpose_last), headers)
            return status, json.loads(answer).get("id")
        plain, reference = line(), line(previous_response_id="resp_1")
        padding = [line(input="x" * 1000)] * 2000
        account.seen.clear()
        for lines in ([reference], [plain, reference], padding + [reference, plain], [plain, "no JSON"], ['{"a":1,"a":2}'],
                      ["\ufeff" + plain], [line(input="x" * 5_000_000)]):
            assert send("mallory", lines)[0] in (400, 404), lines[-1][:100]
        assert not account.seen
        status, own = send("acme", padding + [reference])
        assert status == 200 and ask(gateway, "acme", "POST", "batches", {"input_file_id": own})[0] == 200
        # What was uploaded for something else is no batch's, whatever a provider takes it for.
        status, other = send("mallory", [reference], "user_data")
        assert status == 200 and ask(gateway, "mallory", "GET", f"files/{other}")[0] == 200
        assert ask(gateway, "mallory", "POST", "batches", {"input_file_id": other})[0] == 404


def test_many_objects_of_one_tenant_push_out_no_others(account, tmp_path):
    with gateway_for(account, tmp_path, ownership={"entries_max": 1000}) as gateway:
        made = ask(gateway, "acme", "POST", "files", {})[1]["id"]
        for _ in range(1200):
            assert ask(gateway, "mallory", "POST", "conversations", {})[0] == 200
        assert ask(gateway, "acme", "GET", f"files/{made}")[0] == 200


def test_the_cache_gives_nobody_what_is_anothers(account, tmp_path):
    with gateway_for(account, tmp_path, cache={"mode": "all", "scope": "global"}) as gateway:
        file = ask(gateway, "acme", "POST", "files", {})[1]["id"]
        content = [{"type": "file", "file": {"file_id": file}}, {"type": "text", "text": "summarise"}]
        question = {"model": "m", "messages": [{"role": "user", "content": content}]}
        assert ask(gateway, "acme", "POST", "chat/completions", question)[0] == 200
        assert ask(gateway, "mallory", "POST", "chat/completions", question)[0] == 404

"""What of a request reaches a provider, and what of its answer reaches the client."""
import gzip
import hashlib
import json
import socket
import subprocess
import threading

import pytest

from support.http import chat, request
from support.programs import CLEAN, HAWSER, Gateway
from support.provider import STREAM, Provider, answering, chunk, completion, delta

KEY = "sk-client-0123456789"
OURS = "sk-operator-9876543210"


def key(name, tenant=None):
    entry = {"name": name, "hash": "sha256:" + hashlib.sha256((KEY + name).encode()).hexdigest()}
    return {**entry, "tenant": tenant} if tenant else entry


def bearer(name):
    return {"Authorization": "Bearer " + KEY + name}


@pytest.fixture
def provider():
    with Provider(answering(lambda c, *_: c.reply(fields="Set-Cookie: a=b\r\nServer: secret-host\r\n"
                                                  "Access-Control-Allow-Origin: *\r\nx-hawser-cache: hit\r\n"
                                                  "Alt-Svc: h3\r\nx-ratelimit-limit-requests: 7\r\n"))) as running:
        yield running


STAYS = {"Cookie": "session=of-the-sign-on", "X-Forwarded-For": "10.1.2.3", "X-Forwarded-User": "eve",
         "X-Real-IP": "10.1.2.3", "Forwarded": "for=10.1.2.3", "CF-Connecting-IP": "203.0.113.9",
         "Origin": "http://app.example", "Referer": "http://wiki.example/secret", "X-HTTP-Method-Override": "DELETE",
         "X-Original-URL": "/admin", "X-Rewrite-URL": "/admin", "x-hawser-data-class": "pii",
         "OpenAI-Organization": "org-1", "OpenAI-Project": "proj-1", "xi-api-key": "k", "X-Auth-Token": "k",
         "Ocp-Apim-Subscription-Key": "k", "x-unheard-of": "1", "Sec-Fetch-Site": "cross-site"}
GOES_ON = {"OpenAI-Beta": "assistants=v2", "anthropic-version": "2023-06-01", "X-Stainless-Lang": "python",
           "User-Agent": "sdk/1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def test_a_list_says_what_goes_on(provider, tmp_path):
    config = provider.config(api_key=OURS, auth="bearer", pass_headers=["x-listed-*"])
    with Gateway(tmp_path, workers=1, providers={"p": config}, keys=[key("k")]) as gateway:
        fields = {**STAYS, **GOES_ON, **bearer("k"), "x-listed-one": "yes", "Accept-Encoding": "gzip, br"}
        status, got, _ = request(gateway.address, "POST", "/v1/chat/completions?key=" + KEY,
                                 {"model": "m", "messages": []}, fields)
        assert status == 200
        head = provider.heads()[0]
        sent = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:])
        assert not {name.lower() for name in STAYS} & set(sent), sent
        assert {name.lower() for name in GOES_ON} <= set(sent) and sent["x-listed-one"] == "yes"
        assert sent["accept-encoding"] == "identity" and sent["authorization"] == "bearer " + OURS
        assert KEY not in head and "?" not in head.split("\r\n")[0]
        assert not {"set-cookie", "server", "access-control-allow-origin", "alt-svc", "x-hawser-cache"} & set(got), got
        assert got["x-ratelimit-limit-requests"] == "7"
        assert KEY not in json.dumps(gateway.log_lines(1))


def test_headers_pass_is_for_every_provider(provider, tmp_path):
    with Gateway(tmp_path, workers=1, providers={"p": provider.config()}, headers={"pass": ["openai-project"]}) as gateway:
        assert chat(gateway.address, headers={"OpenAI-Project": "p1", "OpenAI-Organization": "o1"})[0] == 200
        head = provider.heads()[0]
        assert "OpenAI-Project: p1" in head and "o1" not in head


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("coding", ["gzip", "x-unheard-of"])
def test_a_packed_answer_passes_no_policy(tmp_path, stream, coding):
    """Whatever a provider packs is read by the filter, or it is its failure: never a pass."""
    word = "Bluebird"

    def answer(connection, *_):
        body = (delta(word) + delta(finish="stop") + "data: [DONE]\n\n" if stream else completion(word)).encode()
        packed = gzip.compress(body) if coding == "gzip" else body
        if stream:
            connection.send(STREAM.replace("\r\n\r\n", f"\r\nContent-Encoding: {coding}\r\n\r\n").encode()
                            + chunk(packed) + b"0\r\n\r\n")
        else:
            connection.reply(packed, fields=f"Content-Encoding: {coding}\r\n")

    rules = {"rules": [{"name": "names", "keywords": [word], "action": "block", "in": "answer"}]}
    with Provider(answering(answer)) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.config()}, filter=rules) as gateway:
        status, headers, body = chat(gateway.address, stream=stream, headers={"Accept-Encoding": "gzip"})
        assert word.encode() not in body and "content-encoding" not in headers
        assert status != 200 or (stream and b"error" in body), (status, body)


def test_a_packed_answer_is_the_next_targets_to_give(tmp_path):
    with Provider(answering(lambda c, *_: c.reply(b"?", fields="Content-Encoding: x-unheard-of\r\n"))) as bad, \
            Provider(answering(lambda c, *_: c.reply())) as good:
        models = {"m": {"targets": [{"provider": "bad"}, {"provider": "good"}]}}
        with Gateway(tmp_path, providers={"bad": bad.config(), "good": good.config()}, models=models) as gateway:
            status, headers, _ = chat(gateway.address, model="m")
            assert status == 200 and headers["x-hawser-target"].startswith("good")


@pytest.mark.parametrize("status,error", [
    ("401 Unauthorized", {"message": "no"}), ("403 Forbidden", {"message": "The security token included in the request is invalid."}),
    ("400 Bad Request", {"message": "Incorrect API key provided: sk-op***10.", "code": "invalid_api_key"}),
    ("400 Bad Request", {"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]})])
def test_what_is_about_our_credential_is_not_told(tmp_path, status, error):
    body = json.dumps({"error": {**error, "echo": OURS}})
    with Provider(answering(lambda c, *_: c.reply(body, status))) as provider, \
            Gateway(tmp_path, providers={"p": provider.config(api_key=OURS, auth="bearer")}) as gateway:
        got, _, answer = chat(gateway.address)
        assert got == 502 and b"credential" in answer and OURS.encode() not in answer and b"sk-op" not in answer


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Content", "500 Oops", "429 Too Many Requests"])
def test_no_error_answer_says_the_credential(tmp_path, status):
    body = json.dumps({"error": {"message": f"the header was Bearer {OURS}, the model is unknown"}})
    with Provider(answering(lambda c, *_: c.reply(body, status))) as provider, \
            Gateway(tmp_path, providers={"p": provider.config(api_key=OURS, auth="bearer")},
                    retry={"attempts_max": 1}) as gateway:
        got, _, answer = chat(gateway.address)
        assert str(got) == status[:3] and b"the model is unknown" in answer and OURS.encode() not in answer


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
def test_no_redirect_says_the_credential(tmp_path, status):
    fields = f"Location: http://elsewhere.example/?key={OURS}\r\n"
    with Provider(answering(lambda c, *_: c.reply(f"<a href='?key={OURS}'>here</a>", status, fields=fields))) as provider, \
            Gateway(tmp_path, providers={"p": provider.config(api_key=OURS, auth="bearer")}) as gateway:
        got, headers, answer = chat(gateway.address)
        assert str(got) == status[:3] and b">here</a>" in answer
        assert OURS.encode() not in answer and OURS not in json.dumps(headers)


def test_no_error_in_a_stream_says_the_credential(tmp_path):
    event = "data: " + json.dumps({"error": {"message": f"the key {OURS} is not for this model"}}) + "\n\n"
    with Provider(answering(lambda c, *_: c.send(STREAM.encode() + chunk(event.encode()) + b"0\r\n\r\n"))) as provider, \
            Gateway(tmp_path, providers={"p": provider.config(api_key=OURS, auth="bearer")},
                    retry={"attempts_max": 1}) as gateway:
        _, _, answer = chat(gateway.address, stream=True)
        assert b"is not for this model" in answer and OURS.encode() not in answer


def test_names_of_requests_do_not_cross_tenants_over_two_gateways(tmp_path):
    """Both tenants of the near gateway are one key at the far one, and say the same Idempotency-Key."""
    def answer(connection, method, target, fields, body):
        connection.reply(completion("for " + json.loads(body)["messages"][0]["content"]))

    for name in ("near", "far"):
        (tmp_path / name).mkdir()
    with Provider(answering(answer)) as provider, \
            Gateway(tmp_path / "far", providers={"p": provider.config()}) as far:
        link = {"base_url": far.url + "/v1", "auth": "none", "gateway": True}
        with Gateway(tmp_path / "near", providers={"far": link}, keys=[key("a", "alpha"), key("b", "beta")]) as near:
            said = {}
            for name, text in (("a", "the secret of alpha"), ("b", "hello")):
                fields = {**bearer(name), "Idempotency-Key": "1"}
                said[name] = chat(near.address, text, headers=fields, stream=False)[2]
            assert b"the secret of alpha" in said["a"]
            assert b"for hello" in said["b"] and b"secret" not in said["b"]
        names = [head for head in provider.heads() if "idempotency-key: 1\r\n" in head.lower() + "\r\n"]
        assert names == []


def test_a_name_belongs_to_one_body(tmp_path):
    hold = threading.Event()

    def answer(connection, method, target, fields, body):
        hold.wait(10)
        connection.reply(completion(body.decode()[:20]))

    with Provider(answering(answer)) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.config()}) as gateway:
        fields = {"Idempotency-Key": "order-1"}
        first = threading.Thread(target=chat, args=(gateway.address, "one"), kwargs={"headers": fields})
        first.start()
        while not provider.heads():
            pass
        status, _, body = chat(gateway.address, "another", headers=fields)
        hold.set()
        first.join()
        assert status == 422 and b"Idempotency-Key" in body, body


class Forward:
    """Passes connections on to a port: the gateway cannot see that it leads back to itself."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.accepted = 0
        self.to = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection(self.to)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()


def test_a_gateway_does_not_ask_itself(tmp_path):
    """Nobody said `gateway: true`, and the way leads around: the mark of the process stops it at once."""
    forward = Forward()
    provider = {"base_url": f"http://127.0.0.1:{forward.port}/v1", "auth": "none"}
    with Gateway(tmp_path, providers={"p": provider}) as gateway:
        forward.to = gateway.address
        status, headers, _ = chat(gateway.address)
        assert status == 508 and headers["x-should-retry"] == "false"
        assert forward.accepted == 1
    forward.listener.close()


def test_its_own_listener_is_refused_at_start(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        config = tmp_path / "self.yaml"
        config.write_text(json.dumps({"listen": [{"address": f"127.0.0.1:{port}"}], "admin": {"address": "off"},
                                      "providers": {"p": {"base_url": f"http://{host}:{port}/v1", "auth": "none"}}}))
        ended = subprocess.run([HAWSER, "serve", "-c", config], capture_output=True, text=True, env=CLEAN, timeout=20)
        assert ended.returncode != 0 and "leads to this gateway itself" in ended.stderr + ended.stdout, ended


def test_a_proxy_that_is_none_is_refused(tmp_path):
    config = tmp_path / "proxy.yaml"
    config.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "admin": {"address": "off"},
                                  "providers": {"p": {"base_url": "https://api.openai.com/v1", "api_key": "sk-x"}}}))
    ended = subprocess.run([HAWSER, "serve", "-c", config], capture_output=True, text=True, timeout=20,
                           env={**CLEAN, "https_proxy": "proxy.example:3128x"})
    assert ended.returncode != 0 and "https_proxy" in ended.stderr + ended.stdout, ended

"""What secrets come from in the tests: real programs where a package brings one (moto, oauthlib), and Vault's
HTTP API as it is documented, which hvac speaks to in the same tests."""
import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator


class Http:
    """A server whose subclass has answer(method, path, headers, body) -> (status, headers, bytes)."""

    def __init__(self, tls=None, port=0):
        outer = self
        self.lock, self.paused, self.requests = threading.RLock(), False, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if outer.paused:  # away: the connection just ends
                    self.close_connection = True
                    return
                with outer.lock:
                    outer.requests.append((self.command, self.path))
                    status, headers, out = outer.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_LIST = do_DELETE = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            import ssl
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def count(self, method, path):
        with self.lock:
            return self.requests.count((method, path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def until(condition, seconds=20):
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Vault(Http):
    """KV version 2 at secret/, Transit at transit/, leased credentials at /database/creds/NAME, and logins by
    token, AppRole, Kubernetes and JWT. Source: the HTTP API of HashiCorp Vault and OpenBao."""

    def __init__(self, **options):
        self.kv, self.transit, self.leases = {}, {}, {}
        self.tokens = {"root": {"ttl": 0, "renewable": False, "until": None}}
        self.login_ttl, self.lease_ttl, self.namespace = 3600, 3600, None
        self.approles = {"role-1": "secret-id-1"}
        self.jwts = {"pod.jwt.token": "gateway"}
        self.renewable, self.issued = True, 0
        super().__init__(**options)

    def put(self, path, **data):
        with self.lock:
            self.kv[path] = data

    def new_token(self, ttl, renewable=True):
        token = "hvs." + uuid.uuid4().hex
        self.tokens[token] = {"ttl": ttl, "renewable": renewable, "until": time.monotonic() + ttl}
        return token

    def auth(self, token):
        entry = self.tokens[token]
        return {"client_token": token, "accessor": "a", "policies": ["default"], "token_policies": ["default"],
                "metadata": {}, "lease_duration": entry["ttl"], "renewable": entry["renewable"], "entity_id": "",
                "token_type": "service", "orphan": True}

    @staticmethod
    def said(data=None, auth=None, lease=("", 0, False), status=200):
        return status, {"content-type": "application/json"}, json.dumps(
            {"request_id": str(uuid.uuid4()), "lease_id": lease[0], "renewable": lease[2],
             "lease_duration": lease[1], "data": data, "wrap_info": None, "warnings": None,
             "auth": auth}).encode()

    @staticmethod
    def refused(status, *errors):
        return status, {"content-type": "application/json"}, json.dumps({"errors": list(errors)}).encode()

    def valid(self, token):
        entry = self.tokens.get(token)
        return entry is not None and (entry["until"] is None or time.monotonic() < entry["until"])

    def answer(self, method, path, headers, body):
        body = json.loads(body or b"{}")
        path = path.removeprefix("/v1/")
        if self.namespace and headers.get("x-vault-namespace") != self.namespace:
            return self.refused(404, "no handler for route")
        if path.startswith("auth/") and path.endswith("/login"):
            return self.login(path.split("/")[1], body)
        token = headers.get("x-vault-token", "")
        if not self.valid(token):
            return self.refused(403, "permission denied")
        if path == "auth/token/lookup-self":
            entry = self.tokens[token]
            left = 0 if entry["until"] is None else int(entry["until"] - time.monotonic())
            return self.said({"id": token, "ttl": left, "renewable": entry["renewable"]})
        if path == "auth/token/renew-self":
            entry = self.tokens[token]
            if not entry["renewable"] or not self.renewable:
                return self.refused(400, "lease is not renewable")
            entry["until"] = time.monotonic() + entry["ttl"]
            return self.said(auth=self.auth(token))
        return self.engine(method, path, body)

    def login(self, mount, body):
        if mount == "approle":
            known = self.approles.get(body.get("role_id")) == body.get("secret_id")
            why = "invalid role or secret ID"
        else:
            known = self.jwts.get(body.get("jwt")) == body.get("role")
            why = "error validating token"
        if not known:
            return self.refused(400, why)
        return self.said(auth=self.auth(self.new_token(self.login_ttl)))

    def engine(self, method, path, body):
        if path.startswith("secret/data/"):
            data = self.kv.get(path.removeprefix("secret/data/"))
            if data is None:
                return self.refused(404)
            return self.said({"data": data, "metadata": {
                "created_time": "2026-11-26T00:00:00.000000000Z", "custom_metadata": None, "deletion_time": "",
                "destroyed": False, "version": 1}})
        if path.startswith("transit/encrypt/"):
            key = self.transit.setdefault(path.split("/")[2], AESGCM(AESGCM.generate_key(256)))
            nonce = os.urandom(12)
            sealed = nonce + key.encrypt(nonce, base64.b64decode(body["plaintext"]), None)
            return self.said({"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode(), "key_version": 1})
        if path.startswith("transit/decrypt/"):
            try:
                sealed = base64.b64decode(body["ciphertext"].removeprefix("vault:v1:"))
                clear = self.transit[path.split("/")[2]].decrypt(sealed[:12], sealed[12:], None)
            except Exception:
                return self.refused(400, "cipher: message authentication failed")
            return self.said({"plaintext": base64.b64encode(clear).decode()})
        if path.startswith("database/creds/"):
            self.issued += 1
            lease = f"{path}/{uuid.uuid4().hex}"
            self.leases[lease] = time.monotonic() + self.lease_ttl
            return self.said({"username": f"v-{self.issued}", "password": f"leased-password-{self.issued}"},
                             lease=(lease, self.lease_ttl, True))
        if path == "sys/leases/renew":
            lease = body["lease_id"]
            if not self.renewable or self.leases.get(lease, 0) < time.monotonic():
                return self.refused(400, "lease not found")
            self.leases[lease] = time.monotonic() + self.lease_ttl
            return self.said(lease=(lease, self.lease_ttl, True))
        return self.refused(404)


class OAuth(Http):
    """A token endpoint: oauthlib's server for RFC 6749, which checks clients by itself."""

    def __init__(self, client="hawser", secret="oauth-secret:/?&%", assertion=None, **options):
        self.client, self.secret, self.assertion = client, secret, assertion
        self.life, self.issued, self.forms, self.fixed, self.broken = 3600, [], [], None, None
        outer = self

        class Validator(RequestValidator):
            def authenticate_client(self, request, *_, **__):
                request.client = type("Client", (), {"client_id": outer.client})
                given = request.headers.get("Authorization", "")
                if given.startswith("Basic "):
                    name, _, secret = base64.b64decode(given[6:]).decode().partition(":")
                    return (urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)) == (
                        outer.client, outer.secret)
                form = dict(urllib.parse.parse_qsl(request.body if isinstance(request.body, str) else
                                                   urllib.parse.urlencode(request.decoded_body)))
                if outer.assertion:
                    return form.get("client_assertion") == outer.assertion and form["client_assertion_type"] == (
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                return (form.get("client_id"), form.get("client_secret")) == (outer.client, outer.secret)

            def validate_grant_type(self, client_id, grant_type, *_, **__):
                return grant_type == "client_credentials"

            def validate_scopes(self, client_id, scopes, *_, **__):
                return scopes == ["models"]

            def get_default_scopes(self, *_, **__):
                return ["models"]

            def save_bearer_token(self, token, request, *_, **__):
                outer.issued.append((token["access_token"], time.monotonic() + outer.life))

        self.endpoint = BackendApplicationServer(
            Validator(), token_generator=lambda _: self.fixed or "oauth-token-" + uuid.uuid4().hex,
            token_expires_in=lambda _: self.life)
        super().__init__(**options)

    def answer(self, method, path, headers, body):
        self.forms.append(dict(urllib.parse.parse_qsl(body.decode())))
        if self.broken:
            return self.broken
        headers, out, status = self.endpoint.create_token_response(
            "https://localhost" + path, method, body.decode(), dict(headers.items()))
        return status, headers, out.encode()

    def good(self, token):
        with self.lock:
            return any(token == known and time.monotonic() < end for known, end in self.issued)


class Provider(Http):
    """A provider of one answer that knows by `accepts(credential)` whom to serve, and says back what it refused."""

    def __init__(self, accepts, **options):
        self.accepts, self.served, self.refusals = accepts, [], []
        super().__init__(**options)

    def answer(self, method, path, headers, body):
        credential = (headers.get("authorization") or headers.get("api-key") or "").removeprefix("Bearer ")
        if not self.accepts(credential):
            self.refusals.append(credential)
            return 401, {"content-type": "application/json"}, json.dumps(
                {"error": {"message": f"Incorrect API key provided: {credential}", "code": "invalid_api_key"}}).encode()
        self.served.append(credential)
        return 200, {"content-type": "application/json"}, json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}]}).encode()

    def config(self, **settings):
        return {"base_url": self.url + "/v1", **settings}


class Moto:
    """moto's server: KMS, Secrets Manager, STS, IMDS. It checks signatures once enforce() was called."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"})
        assert until(self._answers, 60), "moto did not start"

    def _answers(self):
        try:
            urllib.request.urlopen(self.url + "/moto-api/", timeout=5).read()
            return True
        except OSError:
            return False

    def client(self, service, **credentials):
        import boto3
        given = credentials or {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
        return boto3.client(service, region_name="eu-central-1", endpoint_url=self.url, **given)

    def user(self, policy="*"):
        """(id, secret) of a new user who may do everything."""
        iam, name = self.client("iam"), "u" + uuid.uuid4().hex[:8]
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": policy, "Resource": "*"}]}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def enforce(self, free=0):
        urllib.request.urlopen(urllib.request.Request(self.url + "/moto-api/reset-auth", data=str(free).encode(),
                                                      method="POST", headers={"Content-Type": "text/plain"}),
                               timeout=10).read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

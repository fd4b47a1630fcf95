"""Secrets over the network: every source in front of the simulator, rotation, sources that go away."""
import base64
import json
import os
import pathlib
import random
import subprocess
import threading
import time

import pytest

from support.http import chat, request
from support.programs import CLEAN, HAWSER, Gateway, Simulator
from support.secret_servers import Http, Moto, OAuth, Provider, Vault, until

KEY = "sk-remote-" + "k" * 30
FAST = {"refresh": "150ms", "ttl": "1h", "timeout": "5s"}


@pytest.fixture(scope="module")
def moto():
    with Moto() as running:
        yield running


@pytest.fixture
def vault():
    with Vault() as running:
        yield running


def vault_settings(vault, **settings):
    return {**FAST, "vault": {"url": vault.url, "token": "${env:VAULT_TOKEN}", **settings}}


ROOT = {"VAULT_TOKEN": "root"}


def run(*arguments, value=None, **environment):
    return subprocess.run([HAWSER, *map(str, arguments)], input=value, capture_output=True, text=True, timeout=60,
                          env={**CLEAN, **environment})


def check(tmp_path, config, *flags, **environment):
    """What `hawser check` says of a configuration: (status, words)."""
    file = tmp_path / "check.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], **config}, indent=1))
    done = run("check", "-c", file, *flags, **environment)
    return done.returncode, done.stdout + done.stderr


def serves(tmp_path, secrets, key, environment=None, **provider):
    """Whether a gateway in front of a simulator that wants KEY gets an answer with that reference."""
    with Simulator("--require-key", KEY) as sim:
        given = {"api_key": key} if key else {}
        config = {"secrets": secrets, "providers": {"sim": {"base_url": sim.url, **given, **provider}}}
        status, words = check(tmp_path, config, **(environment or {}))
        assert status == 0, words
        with Gateway(tmp_path, workers=1, env=environment, **config) as gateway:
            answers = [chat(gateway.address)[0], chat(gateway.address, stream=True)[0]]
            gateway.stop()
            assert KEY not in gateway.err + gateway.access_log.read_text() + words
    return answers == [200, 200]


# --- sources ----------------------------------------------------------------------------------------


def test_secrets_sigv4_is_botocores(tmp_path, monkeypatch):
    """Thousands of random requests have the signature that botocore gives them."""
    import datetime

    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    rng, lines = random.Random(4), []
    word = lambda most, letters="abcXYZ019-._~": "".join(rng.choice(letters) for _ in range(rng.randint(1, most)))
    quoted = lambda most: "".join(rng.choice(["a", "Z", "7", "-", "~", "%20", "%3A", "%2F", "%C3%A9", "."])
                                  for _ in range(rng.randint(1, most)))

    for _ in range(3000):
        method = rng.choice(["GET", "POST", "PUT", "DELETE"])
        host = word(12, "abc019") + rng.choice([".amazonaws.com", ":8080"])
        path = "/" + "/".join(rng.choice([quoted(6), quoted(3), "..", ".", ""]) for _ in range(rng.randint(0, 5)))
        query = "&".join(f"{quoted(3)}={quoted(4)}" for _ in range(rng.randint(0, 4)))
        body = "" if method == "GET" else json.dumps({word(5): word(40), "u": "\u00e9\u6f22"}, ensure_ascii=False)
        fields = {f"X-Amz-{word(5, 'abc')}{i}": "  ".join(word(6) for _ in range(rng.randint(1, 3)))
                  for i in range(rng.randint(0, 3))}
        fields["Content-Type"] = rng.choice(["application/json", " application/x-amz-json-1.1 "])
        token = rng.choice(["", word(50, "abc+/=01")])
        moment = datetime.datetime.fromtimestamp(rng.randint(10**9, 2 * 10**9), datetime.timezone.utc)
        date = moment.strftime("%Y%m%dT%H%M%SZ")
        monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: moment)
        name, secret = word(16, "AKIA019"), word(40, "abc+/XYZ01")
        region, service = rng.choice(["us-east-1", "eu-central-1", "cn-north-1"]), rng.choice(["kms", "bedrock", "sts"])
        asked = AWSRequest(method=method, url=f"https://{host}{path}" + (f"?{query}" if query else ""),
                           data=body.encode(), headers={**fields, "Host": host})
        auth.SigV4Auth(Credentials(name, secret, token or None), service, region).add_auth(asked)
        lines.append(json.dumps({"method": method, "host": host, "path": path, "query": query, "body": body,
                                 "fields": fields, "id": name, "secret": secret, "token": token, "region": region,
                                 "service": service, "date": date,
                                 "authorization": asked.headers["Authorization"]}))
    cases = tmp_path / "cases.jsonl"
    cases.write_text("\n".join(lines) + "\n")
    done = subprocess.run([pathlib.Path(HAWSER).parent / "src/secret_test", "--gtest_filter=SigV4.*"], text=True,
                          capture_output=True, env={**os.environ, "HAWSER_SIGV4_CASES": str(cases)})
    assert done.returncode == 0 and "3000 requests signed as botocore does" in done.stdout, done.stdout[-3000:]
    print("3000 of 3000 requests are signed as botocore signs them")


def test_secrets_the_vault_of_these_tests_is_one_to_hvac(vault):
    """The client library that most programs use finds in it what it expects of Vault."""
    import hvac

    vault.put("openai", key=KEY)
    client = hvac.Client(url=vault.url, token="root")
    assert client.is_authenticated()
    read = client.secrets.kv.v2.read_secret_version(path="openai", raise_on_deleted_version=True)
    assert read["data"]["data"] == {"key": KEY} and read["data"]["metadata"]["version"] == 1
    sealed = client.secrets.transit.encrypt_data("k", base64.b64encode(b"x").decode())["data"]["ciphertext"]
    assert client.secrets.transit.decrypt_data("k", sealed)["data"]["plaintext"] == base64.b64encode(b"x").decode()
    lease = client.read("database/creds/app")
    assert client.sys.renew_lease(lease["lease_id"])["lease_duration"] == 3600
    for log_in in (lambda: client.auth.approle.login("role-1", "secret-id-1"),
                   lambda: client.auth.kubernetes.login("gateway", "pod.jwt.token"),
                   lambda: client.auth.jwt.jwt_login("gateway", "pod.jwt.token")):
        assert log_in()["auth"]["client_token"].startswith("hvs.")
        assert client.auth.token.renew_self()["auth"]["renewable"]
    with pytest.raises(hvac.exceptions.InvalidPath):
        client.secrets.kv.v2.read_secret_version(path="nothing", raise_on_deleted_version=True)
    with pytest.raises(hvac.exceptions.InvalidRequest):
        client.auth.approle.login("role-1", "wrong")
    with pytest.raises(hvac.exceptions.Forbidden):
        hvac.Client(url=vault.url, token="wrong").secrets.kv.v2.read_secret_version(
            path="openai", raise_on_deleted_version=True)


@pytest.mark.parametrize("login", ["token", "approle", "kubernetes", "jwt"])
def test_secrets_from_vault_by_every_login(vault, tmp_path, login):
    vault.put("team/openai", key=KEY)
    vault.namespace = "ns1"
    jwt = tmp_path / "jwt"
    jwt.write_text("pod.jwt.token\n")
    settings = {"token": {}, "approle": {"role_id": "role-1", "secret_id": "${env:SECRET_ID}"},
                "kubernetes": {"role": "gateway", "jwt_file": str(jwt)},
                "jwt": {"role": "gateway", "jwt_file": str(jwt), "login_mount": "oidc"}}[login]
    secrets = vault_settings(vault, login=login, namespace="ns1", **settings)
    if login != "token":
        del secrets["vault"]["token"]
    environment = {**ROOT, "SECRET_ID": "secret-id-1"}
    assert serves(tmp_path, secrets, "${vault:secret/team/openai#key}", environment)


def test_secrets_from_transit_and_from_an_engine_with_leases(vault, tmp_path):
    import hvac

    sealed = hvac.Client(url=vault.url, token="root").secrets.transit.encrypt_data(
        "models", base64.b64encode(KEY.encode()).decode())["data"]["ciphertext"]
    assert serves(tmp_path, vault_settings(vault), "${transit:models#%s}" % sealed, ROOT)
    with Provider(lambda key: key.startswith("leased-password-")) as provider:
        config = {"secrets": vault_settings(vault), "providers": {"p": provider.config(
            api_key="${vault:/database/creds/app#password}", headers={"x-user": "${vault:/database/creds/app#username}"})}}
        with Gateway(tmp_path, workers=1, env=ROOT, **config) as gateway:
            assert chat(gateway.address)[0] == 200
            assert vault.issued == 1, "user and password are of one reading"


def test_secrets_from_vault_over_tls_that_is_verified(certificates, tmp_path):
    with Vault(tls=certificates.make("vault")) as vault:
        vault.put("openai", key=KEY)
        secrets = vault_settings(vault, tls={"ca_file": str(certificates.root)})
        assert serves(tmp_path, secrets, "${vault:secret/openai#key}", ROOT)
        status, words = check(tmp_path, {"secrets": vault_settings(vault), "providers": {
            "p": {"base_url": "http://127.0.0.1:1/v1", "api_key": "${vault:secret/openai#key}"}}}, **ROOT)
        assert status == 1 and "vault:secret/openai" in words and "certificate" in words.lower(), words


AWS = {"AWS_REGION": "eu-central-1", "HOME": "/nonexistent"}


@pytest.mark.parametrize("source", ["kms", "kms with its key", "aws", "aws field"])
def test_secrets_from_aws_with_signatures_that_are_checked(moto, tmp_path, source):
    kms, manager = moto.client("kms"), moto.client("secretsmanager")
    moto.enforce(1000)
    name, secret = moto.user()
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = base64.b64encode(kms.encrypt(KeyId=key_id, Plaintext=KEY.encode(), EncryptionContext={"app": "hawser"})[
        "CiphertextBlob"]).decode()
    stored = f"openai/{source.replace(' ', '')}"
    manager.create_secret(Name=stored, SecretString=json.dumps({"key": KEY}) if "field" in source else KEY)
    reference = {"kms": "${kms:%s}" % sealed, "kms with its key": "${kms:%s#%s}" % (key_id, sealed),
                 "aws": "${aws:%s}" % stored, "aws field": "${aws:%s#key}" % stored}[source]
    secrets = {**FAST, "aws": {"endpoint": moto.url, "encryption_context": {"app": "hawser"}}}
    environment = {**AWS, "AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}
    moto.enforce(0)
    try:
        assert serves(tmp_path, secrets, reference, environment)
        environment["AWS_SECRET_ACCESS_KEY"] = ("y" if secret[0] == "x" else "x") + secret[1:]
        status, words = check(tmp_path, {"secrets": secrets, "providers": {
            "p": {"base_url": "http://127.0.0.1:1/v1", "api_key": reference}}}, **environment)
        assert status == 1 and "answered 40" in words and secret not in words, words
    finally:
        moto.enforce(1000000)


@pytest.mark.parametrize("login", ["profile", "web_identity", "imds", "auto"])
def test_secrets_from_aws_as_whoever_we_are(moto, tmp_path, login):
    manager, stored = moto.client("secretsmanager"), "who/" + login
    manager.create_secret(Name=stored, SecretString=KEY)
    credentials, token = tmp_path / "credentials", tmp_path / "token"
    credentials.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
                           "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = c/d+e\n")
    token.write_text("header.claims.signature")
    environment = {**AWS}
    settings = {"endpoint": moto.url, "imds_url": moto.url, "credentials": login}
    if login == "profile":
        environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
        settings["profile"] = "work"
    if login in ("web_identity", "auto"):
        environment.update(AWS_ROLE_ARN="arn:aws:iam::123456789012:role/hawser", AWS_WEB_IDENTITY_TOKEN_FILE=str(token))
    assert serves(tmp_path, {**FAST, "aws": settings}, "${aws:%s}" % stored, environment)


def test_secrets_as_nobody_towards_aws(moto, tmp_path):
    config = {"secrets": {"timeout": "3s", "aws": {"endpoint": moto.url, "imds_url": "http://127.0.0.1:9"}},
              "providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "api_key": "${aws:x}"}}}
    status, words = check(tmp_path, config, **AWS)
    assert status == 1 and "found no credentials" in words, words


@pytest.mark.parametrize("proof", ["basic", "body", "assertion"])
def test_secrets_by_oauth(tmp_path, proof):
    assertion = "signed.jwt.assertion" if proof == "assertion" else None
    with OAuth(assertion=assertion) as server:
        server.fixed = KEY
        oauth = {"token_url": server.url + "/tenant/oauth2/v2.0/token", "client_id": server.client, "scope": "models",
                 "audience": "https://models.example"}
        if assertion:
            (tmp_path / "assertion").write_text(assertion)
            oauth["assertion_file"] = str(tmp_path / "assertion")
        else:
            oauth.update(client_secret="${env:OAUTH_SECRET}", client_auth=proof)
        environment = {"OAUTH_SECRET": server.secret}
        assert serves(tmp_path, FAST, None, environment, oauth=oauth)
        form = server.forms[-1]
        assert form["grant_type"] == "client_credentials" and form["audience"] == "https://models.example"
        assert ("client_secret" in form) == (proof == "body")
        if assertion:
            return
        status, words = check(tmp_path, {"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "oauth": oauth}}},
                              OAUTH_SECRET="wrong")
        assert status == 1 and "providers.p.oauth" in words and "invalid_client" in words and "wrong" not in words


# --- fresh ------------------------------------------------------------------------------------------


class Load:
    """Requests without a pause from a few clients; what failed."""

    def __init__(self, address, clients=3):
        self.answers, self.stop = [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(address,)) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _run(self, address):
        while not self.stop.is_set():
            self.answers.append(chat(address)[0])

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return [status for status in self.answers if status != 200]


def test_secrets_rotate_under_load_without_a_failed_request(vault, tmp_path):
    """Five keys one after the other; each old one is revoked once the new one is in use."""
    accepted = {"sk-rotating-0"}
    vault.put("p", key="sk-rotating-0")
    with Provider(lambda key: key in accepted) as provider:
        config = {"secrets": vault_settings(vault),
                  "providers": {"p": provider.config(api_key="${vault:secret/p#key}")}}
        with Gateway(tmp_path, env=ROOT, **config) as gateway:
            load = Load(gateway.address)
            for number in range(1, 6):
                fresh = f"sk-rotating-{number}"
                accepted.add(fresh)
                vault.put("p", key=fresh)
                # One worker uses it before the other: the old one goes when none has it any more.
                assert gateway.metric_becomes('hawser_config_reloads_total{result="ok"}', number, 30)
                assert until(lambda: len(provider.served) > 50 and set(provider.served[-50:]) == {fresh})
                accepted.discard(f"sk-rotating-{number - 1}")
            failed = load.end()
            assert failed == [] and provider.refusals == []
            assert len(set(provider.served)) == 6
            print(f"{len(load.answers)} requests over 5 rotations, {len(failed)} failed")


def test_secrets_serve_within_their_time_to_live_and_then_refuse(vault, tmp_path):
    vault.put("p", key=KEY)
    with Provider(lambda key: key == KEY) as provider:
        secrets = {**vault_settings(vault), "ttl": "2s"}
        config = {"secrets": secrets, "providers": {"p": provider.config(api_key="${vault:secret/p#key}")}}
        with Gateway(tmp_path, env=ROOT, retry={"attempts_max": 2}, **config) as gateway:
            assert chat(gateway.address)[0] == 200
            vault.paused = True
            gone = time.monotonic()
            assert until(lambda: gateway.metric(
                'hawser_secret_fetches_total{source="vault:secret/p",result="failed"}') >= 1)
            if time.monotonic() - gone < 1:
                assert chat(gateway.address)[0] == 200, "the last value serves on"
            assert until(lambda: chat(gateway.address)[0] == 503)
            served = len(provider.served)
            for path, body in (("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
                               ("/v1/messages", {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]})):
                status, headers, answer = request(gateway.address, "POST", path, {"model": "m", **body})
                assert status == 503 and headers["x-should-retry"] == "false"
                words = json.loads(answer)["error"]["message"]
                assert "too old" in words and "vault:secret/p" in words and KEY not in words
            assert len(provider.served) == served, "nothing went out"
            assert gateway.metric('hawser_secret_usable{source="vault:secret/p"}') == 0
            vault.paused = False
            assert until(lambda: chat(gateway.address)[0] == 200), "it is back"


def test_secrets_a_fallback_serves_while_a_source_is_away(vault, tmp_path):
    vault.put("p", key=KEY)
    with Provider(lambda key: key == KEY) as first, Provider(lambda key: key == "static") as second:
        config = {"secrets": {**vault_settings(vault), "ttl": "500ms"},
                  "providers": {"first": first.config(api_key="${vault:secret/p#key}"),
                                "second": second.config(api_key="${env:STATIC}")},
                  "models": {"sim-large": {"targets": [{"provider": "first"}, {"provider": "second"}]}}}
        with Gateway(tmp_path, env={**ROOT, "STATIC": "static"}, **config) as gateway:
            assert chat(gateway.address)[0] == 200 and first.served
            vault.paused = True
            assert until(lambda: gateway.metric('hawser_secret_usable{source="vault:secret/p"}') == 0)
            count = len(first.served)
            assert chat(gateway.address)[0] == 200 and second.served and len(first.served) == count


def test_secrets_tokens_and_leases_are_renewed(vault, tmp_path):
    """A token that lives 2 s and a lease that lives 2 s serve for longer, and what ended is replaced."""
    vault.login_ttl = vault.lease_ttl = 3
    secrets = vault_settings(vault, login="approle", role_id="role-1", secret_id="${env:SECRET_ID}")
    del secrets["vault"]["token"]
    with Provider(lambda key: key.startswith("leased-password-")) as provider:
        config = {"secrets": {**secrets, "refresh": "200ms"}, "providers": {
            "p": provider.config(api_key="${vault:/database/creds/app#password}")}}
        with Gateway(tmp_path, workers=1, env={"SECRET_ID": "secret-id-1"}, **config) as gateway:
            load = Load(gateway.address, 1)
            assert until(lambda: vault.count("POST", "/v1/auth/token/renew-self") >= 2
                         and vault.count("POST", "/v1/sys/leases/renew") >= 2, 40)
            assert vault.count("POST", "/v1/auth/approle/login") == 1 and vault.issued == 1
            vault.renewable = False  # now both end: a new login, a new password, no failed request
            assert until(lambda: vault.issued >= 2 and "leased-password-2" in provider.served[-1:], 40)
            assert load.end() == []
            assert vault.count("POST", "/v1/auth/approle/login") >= 2
            with vault.lock:  # an administrator revokes all tokens
                vault.tokens.clear()
            logins = vault.count("POST", "/v1/auth/approle/login")
            assert until(lambda: vault.count("POST", "/v1/auth/approle/login") > logins, 40)
            assert until(lambda: chat(gateway.address)[0] == 200)


def oauth_config(server, **settings):
    return {"token_url": server.url + "/token", "client_id": server.client, "client_secret": "${env:OAUTH_SECRET}",
            **settings}


def test_secrets_tokens_are_refreshed_before_their_end(tmp_path):
    """Tokens live 3 s; for 10 s nobody is refused and no more are fetched than are needed."""
    with OAuth() as server, Provider(server.good) as provider:
        server.life = 3
        config = {"providers": {"p": provider.config(oauth=oauth_config(server))}}
        with Gateway(tmp_path, env={"OAUTH_SECRET": server.secret}, **config) as gateway:
            load, begun = Load(gateway.address), time.monotonic()
            assert until(lambda: len(server.issued) >= 6, 40)
            lasted = time.monotonic() - begun
            assert load.end() == [] and provider.refusals == []
            assert len(server.issued) <= lasted / 1.4 + 2, "one at half of a life of 3 s"
            print(f"{len(load.answers)} requests, {len(server.issued)} tokens, none refused")


def test_secrets_a_refused_token_is_replaced_once_for_all(tmp_path):
    revoked = set()
    with OAuth() as server, Provider(lambda token: server.good(token) and token not in revoked) as provider:
        config = {"providers": {"p": provider.config(oauth=oauth_config(server))}}
        with Gateway(tmp_path, env={"OAUTH_SECRET": server.secret}, **config) as gateway:
            assert chat(gateway.address)[0] == 200
            revoked.add(server.issued[0][0])
            load = Load(gateway.address, 6)
            assert until(lambda: len(load.answers) > 50)
            assert load.end() == []
            assert len(server.issued) == 2 and 1 <= len(provider.refusals) <= 8
            # Where every token is refused nothing is asked again and again, and the client learns no credential.
            provider.accepts = lambda token: False
            answers = [chat(gateway.address) for _ in range(5)]
            assert {status for status, _, _ in answers} == {502}
            assert all(b"oauth-token" not in body for _, _, body in answers)
            assert len(server.issued) <= 4


def test_secrets_tokens_of_a_server_that_is_away_serve_to_their_end(tmp_path):
    with OAuth() as server, Provider(server.good) as provider:
        server.life = 4
        config = {"providers": {"p": provider.config(oauth=oauth_config(server))}}
        with Gateway(tmp_path, env={"OAUTH_SECRET": server.secret}, **config) as gateway:
            assert chat(gateway.address)[0] == 200
            server.broken = (503, {}, b"")
            assert until(lambda: len(server.forms) >= 2)
            assert until(lambda: chat(gateway.address)[0] == 503)
            body = chat(gateway.address)[2].decode()
            assert "too old" in body and server.url in body and "oauth-token" not in body
            server.broken = None
            assert until(lambda: chat(gateway.address)[0] == 200)
            assert provider.refusals == [], "no dead token went out"


def test_secrets_of_files_and_sealed_files_are_taken_when_they_change(tmp_path):
    key = tmp_path / "key"
    key.write_text("sk-file-one\n")
    with Provider(lambda given: given.startswith("sk-file-")) as provider:
        config = {"providers": {"p": provider.config(api_key="${file:%s}" % key)}}
        with Gateway(tmp_path, **config) as gateway:
            assert chat(gateway.address)[0] == 200
            fresh = tmp_path / "key.new"
            fresh.write_text("sk-file-two\n")
            fresh.replace(key)
            assert until(lambda: chat(gateway.address)[0] == 200 and provider.served[-1] == "sk-file-two")


def test_secrets_a_reload_keeps_what_is_at_hand_while_the_source_is_away(vault, tmp_path):
    vault.put("p", key=KEY)
    with Provider(lambda key: key == KEY) as provider:
        config = {"secrets": {**vault_settings(vault), "timeout": "1s"},
                  "providers": {"p": provider.config(api_key="${vault:secret/p#key}")}}
        with Gateway(tmp_path, env=ROOT, **config) as gateway:
            vault.paused = True
            gateway.write({**gateway.config, "drain_timeout": "5s"})
            assert gateway.metric_becomes('hawser_config_reloads_total{result="ok"}', 1, 30)
            assert chat(gateway.address)[0] == 200
            gateway.write({**gateway.config, "providers": {"p": provider.config(api_key="${vault:secret/other#key}")}})
            assert gateway.metric_becomes('hawser_config_reloads_total{result="failed"}', 1, 30)
            assert chat(gateway.address)[0] == 200, "the old configuration stays"


# --- verdicts and leaks -----------------------------------------------------------------------------


@pytest.mark.parametrize("api_key,word", [
    ("${vault:secret/nothing#key}", "answered 404"), ("${vault:secret/p#kye}", "did you mean 'key'?"),
    ("${vault:secret}", "must be PATH#FIELD"), ("${transit:k#AA}", "must be KEY#vault:v1"),
    ("${transit:k#vault:v1:AA==}", "answered 400"), ("${aws:x}", "aws.region is missing"),
    ("${kms:a#}", "must be BASE64 or KEY#BASE64")])
def test_secrets_check_says_what_a_start_would_say(vault, tmp_path, api_key, word):
    vault.put("p", key=KEY)
    config = {"secrets": vault_settings(vault), "providers": {"p": {
        "base_url": "http://127.0.0.1:1/v1", "api_key": api_key}}}
    environment = {**ROOT, "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
    status, words = check(tmp_path, config, **environment)
    assert status == 1 and word in words and "check.yaml:" in words and KEY not in words, words
    (tmp_path / "start.yaml").write_text((tmp_path / "check.yaml").read_text())
    done = run("serve", "-c", tmp_path / "start.yaml", **environment)
    assert done.returncode == 1 and word in done.stderr


def test_secrets_check_offline_asks_nobody(tmp_path):
    config = {"secrets": {"vault": {"url": "http://127.0.0.1:9", "token": "${env:VAULT_TOKEN}"}}, "providers": {
        "p": {"base_url": "http://127.0.0.1:1/v1", "api_key": "${vault:secret/p#key}"}}}
    assert check(tmp_path, config, "--offline", **ROOT)[0] == 0
    status, words = check(tmp_path, {**config, "secrets": {**config["secrets"], "timeout": "1s"}}, **ROOT)
    assert status == 1 and "vault:secret/p" in words, words
    config["providers"]["p"]["api_key"] = "${vault:nothing}"
    assert check(tmp_path, config, "--offline", **ROOT)[0] == 1


def test_secrets_the_example_is_one():
    example = pathlib.Path(__file__).parents[2] / "examples/secrets.yaml"
    done = run("check", "--offline", "-c", example, VAULT_SECRET_ID="x")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("config,word", [
    ({"secrets": {"vault": {"url": "http://127.0.0.1:1", "token": "${vault:a/b#c}"}}}, "may not be used here"),
    ({"secrets": {"vault": {"url": "nowhere", "token": "x"}}}, "url"),
    ({"secrets": {"vault": {"url": "http://127.0.0.1:1"}}}, "token: is missing"),
    ({"secrets": {"vault": {"url": "http://127.0.0.1:1", "login": "approle"}}}, "role_id: is missing"),
    ({"secrets": {"ttl": "1s", "refresh": "2s"}}, "must not be below refresh"),
    ({"keys": [{"name": "a", "hash": "${vault:a/b#c}"}]}, "may not be used here"),
    ({"secrets": {"valt": {}}}, "did you mean 'vault'?")])
def test_secrets_sections_that_are_wrong(tmp_path, config, word):
    status, words = check(tmp_path, {**config, "providers": {"p": {
        "base_url": "http://127.0.0.1:1/v1", "api_key": "${vault:a/b#c}"}}})
    assert status == 1 and word in words, words


@pytest.mark.parametrize("oauth,word", [
    ({"client_secret": "x", "assertion_file": "y"}, "needs one of"), ({}, "needs one of"),
    ({"client_secret": "x", "token_url": "nowhere"}, "token_url")])
def test_secrets_oauth_sections_that_are_wrong(tmp_path, oauth, word):
    config = {"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "oauth": {
        "token_url": "http://127.0.0.1:1/", "client_id": "c", **oauth}}}}
    status, words = check(tmp_path, config)
    assert status == 1 and word in words, words
    config["providers"]["p"]["api_key"] = "${env:HOME}"
    config["providers"]["p"]["oauth"] = {"token_url": "http://127.0.0.1:1/", "client_id": "c", "client_secret": "x"}
    assert "only one can be sent" in check(tmp_path, config)[1]


def test_secrets_master_key_from_kms_seals_and_opens(moto, tmp_path):
    """An envelope: KMS makes the key, and the file that holds it opens by KMS alone."""
    key_id = moto.client("kms").create_key()["KeyMetadata"]["KeyId"]
    aws = {**AWS, "AWS_ENDPOINT_URL": moto.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    made = run("secret", "key", "--kms", key_id, **aws)
    assert made.returncode == 0 and made.stdout.startswith("kms:"), made.stderr
    master, sealed = tmp_path / "master.key", tmp_path / "secrets.json"
    master.write_text(made.stdout)
    environment = {**aws, "HAWSER_MASTER_KEY_FILE": str(master)}
    assert run("secret", "seal", sealed, "openai", value=KEY, **environment).returncode == 0
    assert run("secret", "open", sealed, "openai", "--print", **environment).stdout == KEY + "\n"
    assert serves(tmp_path, FAST, "${sealed:%s#openai}" % sealed, environment)
    refused = run("secret", "open", sealed, "openai", "--print", **{**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert refused.returncode == 1 and "the master key: kms" in refused.stderr


def test_secrets_leave_no_trace(vault, tmp_path):
    """Logs at debug, metrics, the command line, answers: no credential, whatever goes wrong."""
    known = [KEY, "root-of-all-tokens", "oauth-secret:/?&%", "oauth-token-", "secret-id-1"]
    vault.tokens["root-of-all-tokens"] = vault.tokens.pop("root")
    vault.put("p", key=KEY)
    bodies = []
    with OAuth() as server, Provider(lambda key: False) as provider:
        config = {"secrets": {**vault_settings(vault), "ttl": "1s"}, "providers": {
            "a": provider.config(api_key="${vault:secret/p#key}"), "b": provider.config(oauth=oauth_config(server))},
            "models": {"sim-large": {"targets": [{"provider": "a"}]}, "b": {"targets": [{"provider": "b"}]}}}
        environment = {"VAULT_TOKEN": "root-of-all-tokens", "OAUTH_SECRET": server.secret}
        with Gateway(tmp_path, env=environment, **config) as gateway:
            for model in ("sim-large", "b"):
                bodies.append(chat(gateway.address, model=model))
            vault.paused = server.paused = True
            assert until(lambda: gateway.metric('hawser_secret_usable{source="vault:secret/p"}') == 0)
            for model in ("sim-large", "b"):
                bodies.append(chat(gateway.address, model=model))
            command = pathlib.Path(f"/proc/{gateway.process.pid}/cmdline").read_text()
            bodies.append(str(gateway.metrics()))
            gateway.stop()
            everything = command + gateway.err + gateway.out + gateway.access_log.read_text() + repr(bodies)
    assert len(provider.refusals) >= 2 and "secret: cannot be fetched" in gateway.err
    assert [word for word in known if word in everything] == []


def test_secrets_no_core_and_no_look_into_memory(sim, tmp_path):
    """A crash leaves no core, and not even a process of the same user may read the memory."""
    with Gateway(tmp_path, providers={"sim": sim.provider()}) as gateway:
        limits = pathlib.Path(f"/proc/{gateway.process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for command, readable in (([HAWSER, "sim", "--listen", "127.0.0.1:0"], False), (["sleep", "60"], True)):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, user=65534, group=65534, extra_groups=[])
        try:
            if not readable:
                assert process.stdout.readline().startswith(b"listening on")
            look = subprocess.run(["cat", f"/proc/{process.pid}/environ"], capture_output=True, user=65534,
                                  group=65534, extra_groups=[])
            assert (look.returncode == 0) == readable, look.stderr
            copy = subprocess.run(["head", "-c", "0", f"/proc/{process.pid}/mem"], capture_output=True, user=65534,
                                  group=65534, extra_groups=[])
            assert (copy.returncode == 0) == readable, copy.stderr
        finally:
            process.kill()
            process.wait()

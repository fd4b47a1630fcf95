"""TLS in front: certificates by name, renewed in place, clients' certificates, tickets, compliance."""
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from websockets.sync.client import connect as websocket

from support.authority import Authority, named, rsa_key
from support.grpc import contract
from support.programs import HAWSER, Gateway

KEY = "hk-test-0123456789"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "count: 2"}]})


@pytest.fixture(scope="module")
def root():
    return Authority()


def port_of(gateway, index=0):
    return int(gateway.urls[index].rsplit(":", 1)[1])


def serving(folder, sim, tls, **config):
    return Gateway(folder, providers={"sim": sim.provider()}, **{
        "listen": [{"address": "127.0.0.1:0", "tls": tls}, {"address": "127.0.0.1:0"}], **config})


def context_of(root, client=None, version=None):
    context = ssl.create_default_context(cadata=root.chain_pem().decode())
    context.check_hostname = False
    if client:
        context.load_cert_chain(client["certificate"], client["key"])
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def shown(gateway, context, name):
    """The certificate that a client gets who asks for `name`."""
    with socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname=name) as secured:
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))


def ask(gateway, context, headers=None):
    connection = http.client.HTTPSConnection("localhost", port_of(gateway), context=context, timeout=20)
    try:
        connection.request("POST", "/v1/chat/completions", BODY,
                           {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_the_name_chooses_the_certificate(root, sim, tmp_path):
    made = {name: root.issue(*names) for name, names in {
        "first": ["DNS:localhost", "IP:127.0.0.1"], "wild": ["DNS:*.example.com"],
        "exact": ["DNS:api.example.com"]}.items()}
    files = {name: each.write(tmp_path, name) for name, each in made.items()}
    tls = {**files["first"], "certificates": [files["wild"], files["exact"]]}
    with serving(tmp_path, sim, tls) as gateway:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = context_of(root, version=version)
            for name, want in {"api.example.com": "exact", "API.Example.Com": "exact", "x.example.com": "wild",
                               "a.b.example.com": "first", "localhost": "first", "unknown.test": "first",
                               None: "first"}.items():
                assert shown(gateway, context, name) == made[want].certificate, name


def test_two_kinds_of_key_under_one_name(root, sim, tmp_path):
    """A client gets the certificate whose signatures it knows."""
    made = {"ec": root.issue("DNS:localhost"), "rsa": root.issue("DNS:localhost", key=rsa_key())}
    tls = {"certificates": [each.write(tmp_path, name) for name, each in made.items()]}
    with serving(tmp_path, sim, tls) as gateway:
        for kind, cipher in (("ec", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("rsa", "ECDHE-RSA-AES128-GCM-SHA256")):
            context = context_of(root, version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(cipher)
            assert shown(gateway, context, "localhost") == made[kind].certificate


def test_certificates_are_renewed_in_place(root, sim, tmp_path):
    old, new, third = (root.issue("DNS:localhost") for _ in range(3))
    context = context_of(root)
    with serving(tmp_path, sim, old.write(tmp_path, "front")) as gateway:
        open_one = http.client.HTTPSConnection("localhost", port_of(gateway), context=context, timeout=20)

        def still_serves():
            open_one.request("POST", "/v1/chat/completions", BODY, {"Content-Type": "application/json"})
            answer = open_one.getresponse()
            answer.read()
            assert answer.status == 200 and answer.getheader("Connection") is None

        still_serves()
        first_socket = open_one.sock
        assert shown(gateway, context, "localhost") == old.certificate

        new.write(tmp_path, "front")  # the file is watched; the key comes before its certificate
        assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
        assert shown(gateway, context, "localhost") == new.certificate
        still_serves()

        failed = gateway.metric('hawser_config_reloads_total{result="failed"}')
        (tmp_path / "front.pem").write_bytes(third.chain_pem())  # without its key: refused, and told
        assert gateway.settled_metric('hawser_config_reloads_total{result="failed"}', failed + 1) > failed
        assert shown(gateway, context, "localhost") == new.certificate
        (tmp_path / "front.key").write_bytes(third.key_pem())
        gateway.process.send_signal(signal.SIGHUP)
        assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 2) >= 2
        assert shown(gateway, context, "localhost") == third.certificate
        still_serves()
        assert open_one.sock is first_socket  # never opened anew
        assert gateway.stop() == 0
    assert "does not belong to certificate" in gateway.err and "PRIVATE KEY" not in gateway.err


CLIENTS = {
    "by subject": (named("ci", "Example"), [], "CN=ci,O=Example"),
    "by odd subject": (named("a+b", 'Acme, "Söhne"'), [], r'CN=a\+b,O=Acme\, \"S\C3\B6hne\"'),
    "by name": (named("x"), ["DNS:ci.example.com"], "DNS:ci.example.com"),
    "by URI": (named("y"), ["URI:spiffe://example.com/ci"], "URI:spiffe://example.com/ci"),
}


def keys_for_clients():
    return [{"name": name.replace(" ", "-"), "client_subject": subject} for name, (_, _, subject) in CLIENTS.items()] + \
        [{"name": "bearer", "hash": HASH}]


def client(root, folder, name, subject, *names, **options):
    return root.issue(*names, subject=subject, usage=ExtendedKeyUsageOID.CLIENT_AUTH, **options).write(folder, name)


@pytest.fixture
def fronted(root, tmp_path):
    (tmp_path / "root.pem").write_bytes(root.chain_pem())
    front = root.issue("DNS:localhost", "IP:127.0.0.1").write(tmp_path, "front")
    return {**front, "client_ca": str(tmp_path / "root.pem"), "client_auth": "request"}


def test_a_certificate_stands_for_a_key(root, sim, tmp_path, fronted):
    with serving(tmp_path, sim, fronted, keys=keys_for_clients()) as gateway:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for name, (subject, names, _) in CLIENTS.items():
                context = context_of(root, client(root, tmp_path, "client", subject, *names), version)
                assert ask(gateway, context).status == 200, name
                # A key that is sent counts alone.
                assert ask(gateway, context, {"Authorization": "Bearer " + KEY}).status == 200
                assert ask(gateway, context, {"Authorization": "Bearer wrong"}).status == 401
            unknown = context_of(root, client(root, tmp_path, "unknown", named("nobody")), version)
            almost = context_of(root, client(root, tmp_path, "almost", named("CN=ci,O=Example")), version)
            for context in (context_of(root, version=version), unknown, almost):
                assert ask(gateway, context).status == 401
                assert ask(gateway, context, {"Authorization": "Bearer " + KEY}).status == 200
        used = [line.get("key") for line in gateway.log_lines(36) if line["status"] == 200]
    for name in CLIENTS:
        assert used.count(name.replace(" ", "-")) == 2
    assert used.count("bearer") == 14


def test_a_key_may_need_its_certificate_too(root, sim, tmp_path, fronted):
    keys = [{"name": "both", "hash": HASH, "client_subject": "CN=ci,O=Example", "needs_certificate": True}]
    with serving(tmp_path, sim, fronted, keys=keys) as gateway:
        right = context_of(root, client(root, tmp_path, "right", named("ci", "Example")))
        other = context_of(root, client(root, tmp_path, "other", named("x", "Example")))
        key = {"Authorization": "Bearer " + KEY}
        assert ask(gateway, right, key).status == 200
        for context, headers in ((right, {}), (right, {"Authorization": "Bearer wrong"}), (other, key),
                                 (context_of(root), key), (other, {}), (context_of(root), {})):
            assert ask(gateway, context, headers).status == 401
        plain = http.client.HTTPConnection("127.0.0.1", port_of(gateway, 1), timeout=10)
        plain.request("POST", "/v1/chat/completions", BODY, {"Content-Type": "application/json", **key})
        assert plain.getresponse().status == 401


def refused_in_handshake(gateway, context):
    try:
        ask(gateway, context)
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return True
    return False


def test_bad_client_certificates_get_no_connection(root, sim, tmp_path, fronted):
    subject = named("ci", "Example")
    bad = {
        "expired": client(root, tmp_path, "expired", subject, begin=-9, end=-1),
        "of a stranger": client(Authority("a stranger"), tmp_path, "stranger", subject),
        "wrong purpose": root.issue(subject=subject).write(tmp_path, "purpose"),
    }
    for how in ("request", "require"):
        folder = tmp_path / how
        folder.mkdir()
        with serving(folder, sim, {**fronted, "client_auth": how}, keys=keys_for_clients()) as gateway:
            for name, each in bad.items():
                assert refused_in_handshake(gateway, context_of(root, each)), name
            assert refused_in_handshake(gateway, context_of(root)) == (how == "require")
            assert ask(gateway, context_of(root, client(root, tmp_path, "good", subject))).status == 200


def test_a_certificate_stands_for_a_key_on_websockets_and_grpc(root, sim, tmp_path, fronted):
    messages, stubs = contract()
    listen = [{"address": "127.0.0.1:0", "tls": fronted}, {"address": "127.0.0.1:0", "grpc": True, "tls": fronted}]
    with serving(tmp_path, sim, fronted, listen=listen, keys=keys_for_clients()) as gateway:
        subject, names, _ = CLIENTS["by URI"]
        files = client(root, tmp_path, "client", subject, *names)
        with websocket(f"wss://localhost:{port_of(gateway)}/v1/chat", ssl=context_of(root, files)) as chat:
            chat.send(json.dumps({"model": "m", "messages": [{"role": "user", "content": "count: 2"}]}))
            assert "error" not in json.loads(chat.recv(timeout=10))
        with pytest.raises(Exception, match="401"):
            websocket(f"wss://localhost:{port_of(gateway)}/v1/chat", ssl=context_of(root))

        pem = {name: open(path, "rb").read() for name, path in files.items()}
        known = grpc.ssl_channel_credentials(root.chain_pem(), pem["key"], pem["certificate"])
        unknown = grpc.ssl_channel_credentials(root.chain_pem())
        ask_grpc = messages.GenerateRequest(model="m", messages=[
            messages.Message(role="user", content="count: 2")])
        for credentials, code in ((known, None), (unknown, grpc.StatusCode.UNAUTHENTICATED)):
            with grpc.secure_channel(f"localhost:{port_of(gateway, 1)}", credentials,
                                     options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                try:
                    stubs.LlmStub(channel).Generate(ask_grpc, timeout=10)
                    assert code is None
                except grpc.RpcError as error:
                    assert error.code() == code


def test_sessions_end_with_the_roots_of_their_clients(root, sim, tmp_path, fronted):
    """Who was let in under a root that is gone does not come back by an old ticket."""
    other = Authority("the next root")
    context = context_of(root, client(root, tmp_path, "client", named("ci", "Example")), ssl.TLSVersion.TLSv1_2)
    config = {"keys": keys_for_clients()}
    with serving(tmp_path, sim, fronted, **config) as gateway:
        session = session_of(gateway, context)
        assert resumed(gateway, context, session)
        (tmp_path / "root.pem").write_bytes(other.chain_pem())
        assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
        with pytest.raises(ssl.SSLError):
            resumed(gateway, context, session)


def session_of(gateway, context):
    with socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as secured:
        return secured.session


def resumed(gateway, context, session):
    with socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secured:
        return secured.session_reused


def test_ticket_keys_rotate(root, sim, tmp_path):
    front = root.issue("DNS:localhost").write(tmp_path, "front")
    context = context_of(root, version=ssl.TLSVersion.TLSv1_2)
    # The server's own cache of sessions is not what is looked at: a ticket has an empty id there.
    with serving(tmp_path, sim, {**front, "ticket_rotation": "2s"}) as gateway:
        session = session_of(gateway, context)
        begun = time.monotonic()
        assert all(resumed(gateway, context, session) for _ in range(6))  # on any worker
        time.sleep(begun + 2.2 - time.monotonic())  # sealed by a key that is not the newest any more
        assert resumed(gateway, context, session)
        (tmp_path / "front.key").touch()  # a reload keeps the keys
        assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
        assert time.monotonic() < begun + 6 and resumed(gateway, context, session)
        time.sleep(begun + 6.2 - time.monotonic())
        assert not resumed(gateway, context, session)


def test_hsts_on_every_answer_over_tls(root, sim, tmp_path):
    front = root.issue("DNS:localhost").write(tmp_path, "front")
    with serving(tmp_path, sim, {**front, "hsts": "17520h"}) as gateway:
        for path in ("/v1/models", "/", "/nowhere"):
            for scheme, index, want in ((http.client.HTTPSConnection, 0, "max-age=63072000"),
                                        (http.client.HTTPConnection, 1, None)):
                options = {"context": context_of(root)} if index == 0 else {}
                connection = scheme("localhost", port_of(gateway, index), timeout=10, **options)
                connection.request("GET", path)
                answer = connection.getresponse()
                assert answer.getheader("Strict-Transport-Security") == want, path
                connection.close()


@pytest.mark.parametrize("kind", ["RSA", "ECDSA"])
def test_sslyze_finds_mozillas_intermediate(kind, root, sim, tmp_path):
    key = rsa_key() if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
    signer = rsa_root() if kind == "RSA" else root
    front = signer.issue("DNS:localhost", key=key).write(tmp_path, "front")
    (tmp_path / "root.pem").write_bytes(signer.chain_pem())
    with serving(tmp_path, sim, {**front, "hsts": "17520h"}) as gateway:
        done = subprocess.run([sys.executable, "-m", "sslyze", "--mozilla_config=intermediate", "--certinfo_ca_file",
                               str(tmp_path / "root.pem"), f"localhost:{port_of(gateway)}"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and "OK - Compliant" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    print(f"sslyze, {kind} certificate: compliant with Mozilla's intermediate configuration")


def rsa_root():
    return Authority("RSA root", key=rsa_key())


def check(folder, config):
    file = folder / "hawser.yaml"
    file.write_text(config)
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout.replace(str(file), "hawser.yaml")


def test_what_is_wrong_with_tls_is_told(root, tmp_path):
    files = root.issue("DNS:localhost").write(tmp_path, "front")
    certificate, key = files["certificate"], files["key"]
    wrong = {
        "pins: [sha256/abc]": "hawser.yaml:9:14: providers.p.tls.pins[0]: must be sha256/",
        f"certificate: {certificate}": "hawser.yaml:8:10: providers.p.tls.key: is missing",
        f"key: {key}": "providers.p.tls.certificate: is missing",
        "pins_report_only: true": "has no pins",
        "ca_file: /nowhere": "hawser.yaml:9:16: providers.p.tls.ca_file",
        "pin: x": "did you mean 'pins'",
    }
    for text, why in wrong.items():
        status, said = check(tmp_path, f"listen:\n  - address: 127.0.0.1:0\n    tls:\n      certificate: {certificate}\n"
                             f"      key: {key}\nproviders:\n  p: {{base_url: https://x.example/v1, \n    tls: {{\n      {text}}}}}\n")
        assert status == 1 and why in said, said
    front = {
        "client_auth: require": "needs client_ca",
        f"client_ca: {certificate}": "is not used",
        "certificates: [{certificate: x}]": "key: is missing",
        "hsts: 11y": "hsts",
    }
    for text, why in front.items():
        status, said = check(tmp_path, f"listen:\n  - address: 127.0.0.1:0\n    tls:\n      certificate: {certificate}\n"
                             f"      key: {key}\n      {text}\nproviders: {{p: {{base_url: https://x.example/v1}}}}\n")
        assert status == 1 and why in said, said
    for text, why in {"listen: [{address: '127.0.0.1:0', tls: {}}]": "has no certificate",
                      "listen: [{address: '127.0.0.1:0'}]\nkeys: [{name: a, client_subject: CN=a}]":
                          "no listener asks for certificates",
                      "listen: [{address: '127.0.0.1:0'}]\nkeys: [{name: a}]": "hash: is missing"}.items():
        status, said = check(tmp_path, text + "\nproviders: {p: {base_url: https://x.example/v1}}\n")
        assert status == 1 and why in said, said


def test_what_is_unwise_is_warned_of(root, tmp_path):
    leaf = root.issue("DNS:localhost")
    files = leaf.write(tmp_path, "front")
    config = json.dumps({"listen": [{"address": "127.0.0.1:0", "tls": files}], "providers": {
        "p": {"base_url": "https://x.example/v1", "tls": {"pins": [leaf.pin()]}}}}, indent=1)
    status, said = check(tmp_path, config)
    assert status == 0 and "there is no backup" in said and "every user" not in said
    os.chmod(files["key"], 0o644)
    status, said = check(tmp_path, config)
    assert status == 0 and "listen[0].tls.key: every user of this machine may read" in said

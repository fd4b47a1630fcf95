"""Certificates of providers: which are refused, before a credential is sent, and which are not."""
import contextlib
import json
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from support.authority import Authority, TlsServer, named, weak_key
from support.http import chat
from support.programs import Gateway

CREDENTIAL = "sk-the-providers-key-that-must-not-leak"
VERSIONS = {"TLS 1.2": SSL.TLS1_2_VERSION, "TLS 1.3": SSL.TLS1_3_VERSION}
OTHER_PIN = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="


class Case:
    """A server, and what the gateway is told of it."""

    def __init__(self, shown, why=None, host="localhost", version=None, staple=None, client_root=None, **tls):
        self.shown, self.why, self.host, self.version = shown, why, host, version
        self.options = {"staple": staple, "client_root": client_root}
        self.tls = tls


@pytest.fixture(scope="module")
def root():
    return Authority()


def bad_cases(root):
    stranger = Authority("a stranger")
    middle = Authority("intermediate", above=root)
    bounded = Authority("bounded", above=root, constraints="allowed.example")
    good = root.issue("DNS:localhost")
    revoked, forged, stale = (root.issue("DNS:localhost") for _ in range(3))
    must = root.issue("DNS:localhost", features=[x509.TLSFeatureType.status_request])
    no_name = "hostname mismatch"
    return {
        "expired": Case(root.issue("DNS:localhost", begin=-9, end=-1), "expired"),
        "not yet valid": Case(root.issue("DNS:localhost", begin=1), "not yet valid"),
        "wrong host": Case(root.issue("DNS:elsewhere.example"), no_name),
        "self-signed": Case(Authority("localhost"), "self-signed"),
        "unknown root": Case(stranger.issue("DNS:localhost"), "issuer certificate"),
        "missing intermediate": Case(middle.issue("DNS:localhost", chain=[]), "issuer certificate"),
        "weak key": Case(root.issue("DNS:localhost", key=weak_key()), "key too"),
        "SHA-1": Case(root.issue("DNS:localhost", sha1=True), "too weak"),
        "NUL in a name": Case(root.issue("DNS:localhost\0.evil.example"), no_name),
        "wildcard's depth": Case(root.issue("DNS:*.example.com"), no_name, server_name="a.b.example.com"),
        "name constraints": Case(bounded.issue("DNS:localhost"), "permitted subtree"),
        "name, but an address asked": Case(root.issue("DNS:localhost"), "IP address mismatch", host="127.0.0.1"),
        "address, but a name asked": Case(root.issue("IP:127.0.0.1"), no_name),
        "common name only": Case(root.issue(subject=named("localhost")), no_name),
        "TLS 1.1": Case(good, "protocol", version=SSL.TLS1_1_VERSION),
        "pin mismatch": Case(good, "pinned key", pins=[OTHER_PIN, stranger.pin()]),
        "revoked": Case(revoked, "revoked", staple=root.staple(revoked, revoked=True)),
        "staple of a stranger": Case(forged, "OCSP", staple=root.staple(forged, signer=stranger)),
        "staple of another certificate": Case(good, "OCSP", staple=root.staple(stale)),
        "staple that ended": Case(stale, "OCSP", staple=root.staple(stale, begin=-9, end=-8)),
        "must-staple without": Case(must, "stapled"),
        "wrong purpose": Case(root.issue("DNS:localhost", usage=ExtendedKeyUsageOID.CLIENT_AUTH), "purpose"),
    }


def good_cases(root, tmp_path):
    middle = Authority("intermediate", above=root)
    bounded = Authority("bounded", above=root, constraints="allowed.example")
    leaf = root.issue("DNS:localhost")
    must = root.issue("DNS:localhost", features=[x509.TLSFeatureType.status_request])
    responder = root.issue(usage=ExtendedKeyUsageOID.OCSP_SIGNING)
    client = root.issue(subject=named("the gateway"), usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    return {
        "plain": Case(leaf),
        "intermediate": Case(middle.issue("DNS:localhost")),
        "address": Case(root.issue("IP:127.0.0.1"), host="127.0.0.1"),
        "wildcard": Case(root.issue("DNS:*.example.com"), server_name="a.example.com"),
        "constraints": Case(bounded.issue("DNS:api.allowed.example"), server_name="api.allowed.example"),
        "pin": Case(leaf, pins=[leaf.pin()]),
        "backup pin": Case(leaf, pins=[OTHER_PIN, leaf.pin()]),
        "pin in RFC 7469's form": Case(leaf, pins=[f'pin-sha256="{leaf.pin()[7:]}"', OTHER_PIN]),
        "pinned root": Case(middle.issue("DNS:localhost"), pins=[root.pin(), OTHER_PIN]),
        "pins that only report": Case(leaf, pins=[OTHER_PIN], pins_report_only=True),
        "staple": Case(leaf, staple=root.staple(leaf)),
        "staple of a responder": Case(leaf, staple=root.staple(leaf, signer=responder)),
        "must-staple": Case(must, staple=root.staple(must)),
        "client certificate": Case(leaf, client_root=root, **client.write(tmp_path, "client")),
    }


@contextlib.contextmanager
def serving(cases, root, folder, **config):
    """Every case as a server of each version, and a gateway in front of them all."""
    (folder / "root.pem").write_bytes(root.chain_pem())
    servers, providers = {}, {}
    for name, case in cases.items():
        versions = {"TLS 1.1": case.version} if case.version else VERSIONS
        for title, version in versions.items():
            server = TlsServer(case.shown, version, **case.options)
            label = f"{name},{title}".replace(" ", "_").replace("'", "")
            servers[label] = (case, server)
            providers[label] = {"base_url": f"https://{case.host}:{server.port}/v1", "api_key": CREDENTIAL,
                                "tls": {"ca_file": str(folder / "root.pem"), **case.tls}}
    models = {label: {"targets": [{"provider": label}]} for label in providers}
    try:
        with Gateway(folder, workers=1, providers=providers, models=models, **config) as gateway:
            yield gateway, servers
    finally:
        for _, server in servers.values():
            server.close()


def test_BadCertificates_are_refused_before_a_credential_is_sent(root, tmp_path):
    cases = bad_cases(root)
    refused = set(cases)
    with serving(cases, root, tmp_path) as (gateway, servers):
        for label, (case, server) in servers.items():
            status, headers, body = chat(gateway.address, model=label)
            error = json.loads(body)["error"]
            assert (status, error["code"]) == (502, "connection"), (label, error)
            assert case.why in error["message"], (label, error["message"])
            assert CREDENTIAL not in body.decode()
            assert headers.get("x-should-retry") == "false", label
            # One look is enough: the certificate will be the same at the next one.
            assert server.connections == 1 and headers["x-hawser-attempts"] == "1", label
            assert server.plaintext == b"", label
        assert gateway.stop() == 0
    assert CREDENTIAL not in gateway.err
    assert len(refused) >= 15
    print(f"{len(refused)} kinds of bad certificates, {len(servers)} servers: "
          "all refused, 0 bytes of a credential sent")


def test_GoodCertificates_pass(root, tmp_path):
    cases = good_cases(root, tmp_path)
    with serving(cases, root, tmp_path) as (gateway, servers):
        for label, (case, server) in servers.items():
            for _ in range(2):
                status, _, body = chat(gateway.address, model=label)
                assert status == 200 and b"fine" in body, (label, body)
            assert CREDENTIAL.encode() in server.plaintext
            asked = case.tls.get("server_name", case.host).encode()
            assert server.names == [None if asked == b"127.0.0.1" else asked], label
            if "client" in label:
                assert server.clients == ["CN=the gateway"]
        figures = gateway.metrics()
    reported = {label for label in servers
                if figures[f'hawser_upstream_pin_mismatches_total{{provider="{label}"}}'] > 0}
    assert reported == {label for label in servers if label.startswith("pins_that_only_report")}
    print(f"{len(cases)} kinds of good certificates, {len(servers)} servers: all pass")


def test_providers_with_other_rules_share_neither_connection_nor_session(root, tmp_path):
    leaf = root.issue("DNS:localhost")
    server = TlsServer(leaf)
    (tmp_path / "root.pem").write_bytes(root.chain_pem())
    tls = {"ca_file": str(tmp_path / "root.pem")}
    one, two = (root.issue(subject=named(name), usage=ExtendedKeyUsageOID.CLIENT_AUTH).write(tmp_path, name)
                for name in ("one", "two"))
    rules = {"plain": {}, "pinned": {"pins": [leaf.pin(), OTHER_PIN]}, "mispinned": {"pins": [OTHER_PIN, root.pin()[:-2] + "A="]},
             "one": one, "two": two}
    base = {"base_url": f"https://localhost:{server.port}/v1", "api_key": CREDENTIAL}
    providers = {name: {**base, "tls": {**tls, **rule}} for name, rule in rules.items()}
    models = {name: {"targets": [{"provider": name}]} for name in providers}
    try:
        with Gateway(tmp_path, workers=1, providers=providers, models=models) as gateway:
            for _ in range(2):
                for name in rules:
                    assert chat(gateway.address, model=name)[0] == (502 if name == "mispinned" else 200)
            # Four that pass keep one connection each; the fifth is looked at anew each time.
            assert server.connections == 4 + 2 and server.resumed == 0
    finally:
        server.close()


def test_a_resumed_session_keeps_its_origins_pins(root, tmp_path):
    """Who resumes was pinned in the full handshake of the very same origin."""
    leaf = root.issue("DNS:localhost")
    server = TlsServer(leaf)
    (tmp_path / "root.pem").write_bytes(root.chain_pem())
    provider = {"base_url": f"https://localhost:{server.port}/v1", "api_key": CREDENTIAL,
                "pool": {"idle_max": 0}, "tls": {"ca_file": str(tmp_path / "root.pem"), "pins": [leaf.pin(), OTHER_PIN]}}
    try:
        with Gateway(tmp_path, workers=1, providers={"p": provider}) as gateway:
            assert [chat(gateway.address)[0] for _ in range(3)] == [200] * 3
            assert server.connections == 3 and server.resumed == 2
            provider["tls"]["pins"] = [OTHER_PIN, root.pin()[:-2] + "A="]
            gateway.write({**gateway.config, "providers": {"p": provider}})
            assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
            assert chat(gateway.address)[0] == 502 and server.resumed == 2
    finally:
        server.close()


def test_a_certificate_that_ends_soon_is_told(root, tmp_path):
    with serving({"soon": Case(root.issue("DNS:localhost", end=3)), "later": Case(root.issue("DNS:localhost"))},
                 root, tmp_path) as (gateway, servers):
        for label in servers:
            assert chat(gateway.address, model=label)[0] == 200
        name = 'hawser_upstream_certificate_expiry_seconds{provider="%s"}'
        assert 2.9 * 86400 < gateway.metric(name % "soon,TLS_1.3") <= 3 * 86400
        assert 29 * 86400 < gateway.metric(name % "later,TLS_1.3") <= 30 * 86400
        time.sleep(1.5)  # the watch looks twice a second
        assert gateway.stop() == 0
    told = [line for line in gateway.err.splitlines() if "a provider's certificate ends soon" in line]
    assert len(told) == 2 and all('"soon,' in line for line in told)


def test_host_and_server_name_are_ones_own(root, tmp_path):
    server = TlsServer(root.issue("DNS:hidden.example"))
    (tmp_path / "root.pem").write_bytes(root.chain_pem())
    provider = {"base_url": f"https://127.0.0.1:{server.port}/v1", "api_key": CREDENTIAL, "host": "api.example:8443",
                "tls": {"ca_file": str(tmp_path / "root.pem"), "server_name": "hidden.example"}}
    try:
        with Gateway(tmp_path, workers=1, providers={"p": provider}) as gateway:
            assert chat(gateway.address)[0] == 200
        assert b"\r\nhost: api.example:8443\r\n" in server.plaintext and server.names == [b"hidden.example"]
    finally:
        server.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_wants_a_certificate_says_so(version, root, tmp_path):
    server = TlsServer(root.issue("DNS:localhost"), VERSIONS[version], client_root=root)
    (tmp_path / "root.pem").write_bytes(root.chain_pem())
    provider = {"base_url": f"https://localhost:{server.port}/v1", "api_key": CREDENTIAL,
                "tls": {"ca_file": str(tmp_path / "root.pem")}}
    try:
        with Gateway(tmp_path, workers=1, providers={"p": provider}) as gateway:
            status, _, body = chat(gateway.address)
            assert status == 502 and " alert " in json.loads(body)["error"]["message"]
            assert server.connections == 1 and server.plaintext == b""
    finally:
        server.close()

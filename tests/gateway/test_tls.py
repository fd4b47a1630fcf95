"""TLS in front and towards providers."""
import json
import ssl
import subprocess

import pytest

from support.http import chat
from support.programs import Gateway, Simulator


@pytest.fixture
def secured(sim, tmp_path, certificates):
    certificate, key = certificates.make("front")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}},
              {"address": "127.0.0.1:0"}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, listen=listen) as running:
        yield running


def s_client(address, certificates, *extra):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{address[1]}", "-CAfile", str(certificates.root)]
    done = subprocess.run([*command, *extra], input=b"", capture_output=True, timeout=20)
    return done.stdout.decode(errors="replace")  # what HTTP/2 begins with is no text


def test_versions_and_alpn(secured, certificates):
    for flag, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        for offered, chosen in (("http/1.1,h2", "h2"), ("http/1.1", "http/1.1"), ("h2", "h2")):
            out = s_client(secured.address, certificates, flag, "-alpn", offered)
            assert version in out and "Verify return code: 0 (ok)" in out
            assert f"ALPN protocol: {chosen}\n" in out
    assert "Cipher is (NONE)" in s_client(secured.address, certificates, "-tls1_1")


def test_sessions_resume_on_any_worker(secured, certificates, tmp_path):
    ticket = tmp_path / "ticket"
    for flag in ("-tls1_2", "-tls1_3"):
        request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{secured.address[1]}", "-CAfile",
                   str(certificates.root), flag, "-ign_eof"]
        subprocess.run([*command, "-sess_out", str(ticket)], input=request, capture_output=True, timeout=20)
        for _ in range(6):
            out = subprocess.run([*command, "-sess_in", str(ticket)], input=request, capture_output=True, timeout=20)
            assert b"Reused, TLSv1" in out.stdout and b"200 OK" in out.stdout


def test_a_chat_over_tls_and_several_listeners(secured, certificates):
    import http.client
    context = ssl.create_default_context(cafile=str(certificates.root))
    connection = http.client.HTTPSConnection("localhost", secured.address[1], context=context, timeout=20)
    for content in ("count: 3", "say: " + "long " * 20_000):
        body = json.dumps({"model": "m", "stream": True, "max_tokens": 30_000,
                           "messages": [{"role": "user", "content": content}]})
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read().endswith(b"data: [DONE]\n\n")
    plain = ("127.0.0.1", int(secured.urls[1].rsplit(":", 1)[1]))
    assert chat(plain)[0] == 200


def test_upstream_tls_is_verified(tmp_path, certificates):
    good, key = certificates.make("front")
    other, other_key = certificates.make("other", alt_names="DNS:elsewhere.example")
    with Simulator("--tls-cert", good, "--tls-key", key) as fine, \
            Simulator("--tls-cert", other, "--tls-key", other_key) as wrong:
        root = {"ca_file": str(certificates.root)}
        providers = {"fine": fine.provider(tls=root), "wrong": wrong.provider(tls=root),
                     "unknown": fine.provider(), "named": wrong.provider(
                         tls={**root, "server_name": "elsewhere.example"})}
        models = {name: {"targets": [{"provider": name}]} for name in providers}
        with Gateway(tmp_path, workers=1, providers=providers, models=models, retry={"attempts_max": 1}) as gateway:
            assert chat(gateway.address, model="fine")[0] == 200
            assert chat(gateway.address, model="fine", stream=True)[0] == 200
            assert chat(gateway.address, model="named")[0] == 200
            for model, why in (("wrong", "IP address mismatch"), ("unknown", "issuer certificate")):
                status, _, body = chat(gateway.address, model=model)
                error = json.loads(body)["error"]
                assert status == 502 and error["code"] == "connection" and why in error["message"]
            assert gateway.metric('hawser_upstream_connections_total{reused="true"}') >= 1

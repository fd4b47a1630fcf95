"""Web pages in the browser of somebody near the gateway: what they may do where no key protects it, and CORS."""
import hashlib
import json
import socket
import ssl
import subprocess

import pytest

from support.http import read_until_closed
from support.programs import Gateway

PAGE = "https://app.example"
EVIL = "https://evil.example"
BODY = {"model": "m", "messages": [{"role": "user", "content": "count: 2"}]}
KEY = "hk-test-0123456789"
KEYS = [{"name": "k", "hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()}]
LISTEN = {"address": "127.0.0.1:0"}


@pytest.fixture
def keyless(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 listen=[{**LISTEN, "hosts": ["gateway.example"], "cors": {"origins": [PAGE]}}]) as gateway:
        yield gateway


def raw(gateway, method="POST", path="/v1/chat/completions", host="127.0.0.1", body=json.dumps(BODY).encode(), **fields):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    with socket.create_connection(gateway.address, timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = read_until_closed(connection)[0]
    head, _, content = answer.partition(b"\r\n\r\n")
    status, *rest = head.decode().split("\r\n")
    return int(status.split()[1]), {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in rest}, content


JSON = {"Content_Type": "application/json"}
REFUSED = [
    ("another name leads here", {"host": "rebound.evil.example", **JSON}),
    ("one that begins like an address", {"host": "127.0.0.1.evil.example", **JSON}),
    ("a page that is not listed", {"Origin": EVIL, **JSON}),
    ("a page of this machine", {"Origin": "http://localhost:3000", **JSON}),
    ("a sandboxed page", {"Origin": "null", **JSON}),
    ("an empty origin", {"Origin": "", **JSON}),
    ("fetch without CORS", {"Origin": EVIL, "Content_Type": "text/plain"}),
    ("a form of another site", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
                                "Content_Type": "application/x-www-form-urlencoded"}),
    ("another port of this site", {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"}),
]


@pytest.mark.parametrize("what,fields", REFUSED, ids=[what for what, _ in REFUSED])
def test_a_foreign_page_spends_nothing_where_no_key_is_needed(keyless, sim, what, fields):
    status, headers, content = raw(keyless, **fields)
    assert status == 403 and headers["x-hawser-error"] == "permission", what
    assert json.loads(content)["error"]["code"] == "permission_denied"
    assert "access-control-allow-origin" not in headers
    assert sim.journal() == []
    line = keyless.log_lines()[-1]
    assert line["status"] == 403 and line["error"] == "permission" and line["path"] == "/v1/chat/completions"
    assert keyless.metric('api_errors{type="permission"}') == 1


@pytest.mark.parametrize("fields", [{}, {"host": "localhost:80"}, {"host": "gateway.example"}, {"host": "[::1]:80"},
                                    {"Origin": PAGE}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}])
def test_programs_and_listed_pages_are_served(keyless, fields):
    assert raw(keyless, **JSON, **fields)[0] == 200


def test_a_link_to_the_gateway_may_be_followed(keyless):
    assert raw(keyless, "GET", "/", body=b"", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert raw(keyless, "GET", "/v1/models", body=b"", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def handshake(gateway, host="127.0.0.1", **fields):
    with socket.create_connection(gateway.address, timeout=10) as connection:
        lines = ["GET /v1/chat HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        return int(connection.recv(4096).split()[1])


def test_websocket_handshakes_are_judged_alike(keyless):
    assert handshake(keyless) == 101 and handshake(keyless, Origin=PAGE) == 101
    for fields in ({"Origin": EVIL}, {"Origin": "null"}, {"host": "rebound.evil.example"}):
        assert handshake(keyless, **fields) == 403, fields
    assert keyless.log_lines(5)[-1]["path"] == "/v1/chat"


def http2(gateway, **fields):
    """(status, what CORS says) of a request over HTTP/2."""
    headers = [part for name, value in fields.items() for part in ("-H", f"{name.replace('_', '-')}: {value}")]
    done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-m", "10", "-D", "-", "-o", "/dev/null",
                           "-H", "content-type: application/json", *headers, "-d", json.dumps(BODY),
                           f"{gateway.url}/v1/chat/completions"], capture_output=True, text=True, check=True)
    status, *rest = done.stdout.strip().splitlines()
    fields = dict(line.lower().split(": ", 1) for line in rest)
    return int(status.split()[1]), fields.get("access-control-allow-origin")


def test_http2_is_judged_alike(keyless):
    for fields, status in (({}, 200), ({"origin": PAGE}, 200), ({"origin": EVIL}, 403), ({"origin": "null"}, 403),
                           ({"host": "rebound.evil.example"}, 403), ({"host": "gateway.example"}, 200),
                           ({"sec_fetch_site": "cross-site"}, 403)):
        assert http2(keyless, **fields) == (status, PAGE if fields.get("origin") == PAGE else None), fields


def test_with_keys_any_name_and_page_may_ask_that_has_one(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=KEYS) as gateway:
        for fields in ({"host": "anything.example"}, {"Origin": EVIL}, {"Sec_Fetch_Site": "cross-site"}):
            status, headers, _ = raw(gateway, Authorization=f"Bearer {KEY}", **JSON, **fields)
            assert status == 200 and "access-control-allow-origin" not in headers  # but it cannot read it
            assert raw(gateway, **JSON, **fields)[0] == 401


# --- CORS


def preflight(gateway, origin, **fields):
    return raw(gateway, "OPTIONS", body=b"", Origin=origin, Access_Control_Request_Method="POST",
               Access_Control_Request_Headers="authorization,content-type", **fields)


@pytest.fixture
def with_cors(sim, tmp_path):
    cors = {"origins": [PAGE], "headers": ["authorization", "content-type"], "max_age": "1h"}
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=KEYS, listen=[{**LISTEN, "cors": cors}]) as gateway:
        yield gateway


def test_a_preflight_needs_no_key_and_reaches_no_provider(with_cors, sim):
    status, headers, content = preflight(with_cors, PAGE)
    assert status == 204 and content == b"" and "content-length" not in headers
    assert headers["access-control-allow-origin"] == PAGE and headers["vary"] == "Origin"
    assert headers["access-control-allow-headers"] == "authorization, content-type"
    assert "POST" in headers["access-control-allow-methods"] and headers["access-control-max-age"] == "3600"
    assert "access-control-allow-private-network" not in headers and "access-control-allow-credentials" not in headers
    assert preflight(with_cors, PAGE, Access_Control_Request_Private_Network="true")[1][
        "access-control-allow-private-network"] == "true"
    for origin in (EVIL, "null", "*", ""):
        status, headers, _ = preflight(with_cors, origin)
        assert status == 403 and "access-control-allow-origin" not in headers, origin
    assert sim.journal() == [] and sorted(line["status"] for line in with_cors.log_lines(6)) == [204] * 2 + [403] * 4


def test_answers_and_errors_can_be_read_by_listed_pages_alone(with_cors):
    for key, status in ((KEY, 200), ("wrong", 401)):
        for origin in (PAGE, EVIL):
            got, headers, _ = raw(with_cors, Origin=origin, Authorization=f"Bearer {key}", **JSON)
            assert got == status and headers["vary"] == "Origin"
            assert headers.get("access-control-allow-origin") == (PAGE if origin == PAGE else None)
    got, headers, _ = raw(with_cors, "GET", "/nowhere", body=b"", Origin=PAGE)
    assert got == 404 and headers["access-control-allow-origin"] == PAGE
    stream = raw(with_cors, body=json.dumps({**BODY, "stream": True}).encode(), Origin=PAGE,
                 Authorization=f"Bearer {KEY}", **JSON)
    assert stream[0] == 200 and stream[1]["access-control-allow-origin"] == PAGE and b"[DONE]" in stream[2]


def test_without_cors_nothing_of_it_is_said(sim, tmp_path):
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=KEYS) as gateway:
        status, headers, _ = preflight(gateway, PAGE)
        assert status == 403 and not [name for name in headers if name.startswith("access-control")]
        assert "vary" not in headers and sim.journal() == []


def test_a_reload_changes_who_may_call(with_cors):
    assert preflight(with_cors, EVIL)[0] == 403
    config = {**with_cors.config, "listen": [{**LISTEN, "cors": {"origins": [EVIL]}}]}
    with_cors.write(config)
    assert with_cors.settled_metric('hawser_config_reloads_total{result="ok"}', 1) == 1
    assert preflight(with_cors, EVIL)[0] == 204 and preflight(with_cors, PAGE)[0] == 403


# --- a certificate that the browser shows by itself


def test_a_client_certificate_is_no_leave_for_pages(sim, tmp_path, certificates):
    server, client = certificates.make("gateway"), certificates.make("ci", alt_names="DNS:ci.example")
    tls = {"certificate": str(server[0]), "key": str(server[1]), "client_ca": str(certificates.root),
           "client_auth": "request"}
    keys = [{"name": "ci", "client_subject": "CN=ci"}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys, listen=[{**LISTEN, "tls": tls}]) as gateway:
        context = ssl.create_default_context(cafile=str(certificates.root))
        context.load_cert_chain(*map(str, client))

        def asked(path="/v1/chat/completions", method="POST", **fields):
            with context.wrap_socket(socket.create_connection(gateway.address, timeout=10),
                                     server_hostname="localhost") as connection:
                body = json.dumps(BODY).encode() if method == "POST" else b""
                lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"] if body else \
                    [f"{method} {path} HTTP/1.1", "Host: localhost"]
                lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
                connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                return int(connection.recv(4096).split()[1])
        assert asked(**JSON) == 200 and asked(Origin=EVIL, **JSON) == 403
        assert asked(Sec_Fetch_Site="cross-site", **JSON) == 403
        websocket = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
                     "Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
        assert asked("/v1/chat", "GET", **websocket) == 101
        assert asked("/v1/chat", "GET", Origin=EVIL, **websocket) == 403
        # An empty key among the subprotocols does not stand before the certificate.
        assert asked("/v1/chat", "GET", Origin=EVIL, Sec_WebSocket_Protocol="bearer.", **websocket) == 403

"""The operators' side: the admin listener, ports that are taken, what is refused in front of the pipeline."""
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.http import connect, read_until_closed, request
from support.programs import CLEAN, HAWSER, Gateway

TOKEN = "operators-token-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def admin_of(gateway):
    return ("127.0.0.1", int(gateway.admin.rsplit(":", 1)[1]))


def serving(folder, sim, **config):
    return Gateway(folder, providers={"sim": sim.provider()}, **config)


def checked(folder, **config):
    """The verdict of `hawser check`, and of a start, which must be the same."""
    file = folder / "checked.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "admin": {"address": "127.0.0.1:0"},
                                "providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}}, **config}))
    check = subprocess.run([HAWSER, "check", "-c", file], capture_output=True, text=True, env=CLEAN, timeout=30)
    start = subprocess.Popen([HAWSER, "serve", "-c", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=CLEAN)
    try:
        started = start.stdout.readline().startswith("listening on")
    finally:
        start.terminate()
        _, errors = start.communicate(timeout=30)
    assert started == (check.returncode == 0), (check.stdout, errors)
    return check.returncode, check.stdout


# --- the admin listener


@pytest.mark.parametrize("tls", [False, True])
def test_connections_that_ask_nothing_do_not_keep_a_probe_out(sim, tmp_path, certificates, tls):
    certificate, key = certificates.make("admin")
    secured = {"tls": {"certificate": str(certificate), "key": str(key)}} if tls else {}
    with serving(tmp_path, sim, admin={"address": "127.0.0.1:0", "connections_max": 4, **secured}) as gateway:
        admin = admin_of(gateway)
        idle = []
        for _ in range(12):
            idle.append(socket.create_connection(admin, timeout=5))
            idle[-1].sendall(b"GET /readyz HTTP/1.1\r\n" if not tls else b"")
        for _ in range(3):
            context = ssl._create_unverified_context() if tls else None
            probe = (http.client.HTTPSConnection(*admin, timeout=5, context=context) if tls
                     else http.client.HTTPConnection(*admin, timeout=5))
            probe.request("GET", "/readyz")
            assert probe.getresponse().status == 200
            probe.close()
        for connection in idle:
            connection.close()


def test_administration_needs_the_token_where_one_is_set(sim, tmp_path):
    with serving(tmp_path, sim, admin={"address": "127.0.0.1:0", "token": TOKEN}) as gateway:
        admin = admin_of(gateway)
        closed = [("POST", "/admin/v1/cache/purge"), ("POST", "/admin/v1/policy/explain"), ("GET", "/admin/v1/targets"),
                  ("GET", "/nothing"), ("POST", "/healthz")]
        for method, path in closed:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"},
                            {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": TOKEN}):
                status, answered, body = request(admin, method, path, headers=headers)
                assert status == 401 and answered["www-authenticate"] == "Bearer", (path, headers)
                assert "token" in json.loads(body)["error"]
        assert request(admin, "POST", "/admin/v1/cache/purge", headers=BEARER)[0] == 200
        assert request(admin, "GET", "/admin/v1/targets", headers=BEARER)[0] == 200
        assert request(admin, "GET", "/nothing", headers=BEARER)[0] == 404
        for path in ("/healthz", "/readyz", "/metrics"):
            assert request(admin, "GET", path)[0] == 200
        assert gateway.metric("hawser_admin_refusals_total") == 5 * len(closed)


def test_metrics_may_need_it_too(sim, tmp_path):
    with serving(tmp_path, sim, admin={"address": "127.0.0.1:0", "token": TOKEN, "metrics": "token"}) as gateway:
        assert request(admin_of(gateway), "GET", "/metrics")[0] == 401
        status, _, body = request(admin_of(gateway), "GET", "/metrics", headers=BEARER)
        assert status == 200 and b"hawser_admin_refusals_total 1" in body


@pytest.mark.parametrize("fields", [{"Host": "rebound.evil.example"}, {"Origin": "https://evil.example"},
                                    {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}])
def test_no_web_page_administers(sim, tmp_path, fields):
    with serving(tmp_path, sim, admin={"address": "127.0.0.1:0", "hosts": ["ops.example"]}) as gateway:
        admin = admin_of(gateway)
        for method, path in (("POST", "/admin/v1/cache/purge"), ("GET", "/metrics"), ("GET", "/admin/v1/targets")):
            assert request(admin, method, path, headers=fields)[0] == 403
            assert request(admin, method, path, headers={"Host": "ops.example"})[0] == 200
        assert request(admin, "GET", "/healthz", headers=fields)[0] == 200


def test_admin_speaks_http_properly(sim, tmp_path):
    with serving(tmp_path, sim) as gateway:
        connection = http.client.HTTPConnection(*admin_of(gateway), timeout=10)
        for _ in range(3):  # one connection: a body behind HEAD would be read as the next head
            connection.request("HEAD", "/metrics")
            answer = connection.getresponse()
            assert answer.status == 200 and int(answer.getheader("content-length")) > 1000 and answer.read() == b""
        connection.request("GET", "/healthz")
        assert json.load(connection.getresponse()) == {"status": "ok"}
        connection.close()
        status, headers, body = request(admin_of(gateway), "POST", '/admin/v1/cache/purge?older_than=1"x')
        assert status == 400 and "duration" in json.loads(body)["error"]
        status, headers, _ = request(admin_of(gateway), "DELETE", "/metrics")
        assert status == 405 and headers["allow"] == "GET, HEAD"
        for head, expected in ((b"GET / HTTP/1.1\r\n\r\n", b" 400 "), (b"nonsense\r\n\r\n", b" 400 "),
                               (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 40_000 + b"\r\n\r\n", b" 431 "),
                               (b"POST /admin/v1/policy/explain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                                b" 413 "), (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b" 501 ")):
            raw = connect(admin_of(gateway))
            raw.sendall(head)
            answer, _ = read_until_closed(raw)
            assert expected in answer.split(b"\r\n")[0] + b" ", head[:40]
            json.loads(answer.split(b"\r\n\r\n", 1)[1])


def test_admin_connections_are_bounded(sim, tmp_path):
    with serving(tmp_path, sim, admin={"address": "127.0.0.1:0", "connections_max": 8}) as gateway:
        admin = admin_of(gateway)
        held = [connect(admin) for _ in range(28)]
        for connection in held[:20]:  # those that have asked nothing for the longest time
            assert read_until_closed(connection, 5)[1] in ("closed", "reset")
        assert request(admin, "GET", "/healthz")[0] == 200
        for connection in held[-6:]:
            connection.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.close()


def test_admin_over_tls(sim, tmp_path, certificates):
    certificate, key = certificates.make("ops")
    tls = {"certificate": str(certificate), "key": str(key)}
    with serving(tmp_path, sim, admin={"address": "0.0.0.0:0", "token": TOKEN, "tls": tls}) as gateway:
        assert gateway.admin.startswith("https://0.0.0.0:")
        context = ssl.create_default_context(cafile=str(certificates.root))
        connection = http.client.HTTPSConnection("127.0.0.1", admin_of(gateway)[1], context=context, timeout=10)
        connection.request("GET", "/admin/v1/targets", headers=BEARER)
        assert connection.getresponse().status == 200
        connection.close()
        plain = connect(admin_of(gateway))
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" not in read_until_closed(plain)[0]


def test_what_others_can_reach_is_refused_without_token_and_tls(tmp_path, certificates):
    certificate, key = certificates.make("ops")
    tls = {"certificate": str(certificate), "key": str(key)}
    for address in ("0.0.0.0:0", "[::]:0", ":0"):
        for admin in ({}, {"token": TOKEN}, {"tls": tls}):
            code, out = checked(tmp_path, admin={"address": address, **admin})
            assert code == 1 and "admin.address: others can reach this address" in out
    assert checked(tmp_path, admin={"address": "0.0.0.0:0", "token": TOKEN, "tls": tls})[0] == 0
    assert "16 characters" in checked(tmp_path, admin={"address": "127.0.0.1:0", "token": "short"})[1]
    assert "needs admin.token" in checked(tmp_path, admin={"address": "127.0.0.1:0", "metrics": "token"})[1]


def test_a_reload_does_not_take_the_token_from_an_open_address(sim, tmp_path, certificates):
    certificate, key = certificates.make("ops")
    admin = {"address": "0.0.0.0:0", "token": TOKEN, "tls": {"certificate": str(certificate), "key": str(key)}}
    context = ssl.create_default_context(cafile=str(certificates.root))

    def asked(gateway, headers):
        connection = http.client.HTTPSConnection("127.0.0.1", admin_of(gateway)[1], context=context, timeout=10)
        connection.request("GET", "/admin/v1/targets", headers=headers)
        return connection.getresponse().status
    with serving(tmp_path, sim, admin=admin) as gateway:
        gateway.write({**gateway.config, "admin": {"address": "127.0.0.1:0"}})
        time.sleep(1.5)
        assert asked(gateway, {}) == 401 and asked(gateway, BEARER) == 200
        gateway.write({**gateway.config, "admin": {**admin, "token": TOKEN + "-new"}})
        end = time.monotonic() + 10
        while asked(gateway, BEARER) != 401 and time.monotonic() < end:
            time.sleep(0.1)
        assert asked(gateway, {"Authorization": f"Bearer {TOKEN}-new"}) == 200


# --- pages and names, as `hawser check` sees them


@pytest.mark.parametrize("listen,said", [
    ({"cors": {"origins": ["null"]}}, "cors.origins[0]: must be scheme://host"),
    ({"cors": {"origins": ["https://app.example/"]}}, "cors.origins[0]: must be scheme://host"),
    ({"cors": {"origins": ["*"]}}, "cors.origins[0]: without keys the pages must be named"),
    ({"cors": {"origins": []}}, "cors.origins: must not be empty"),
    ({"cors": {"origins": ["https://a"], "headers": ["a b"]}}, "cors.headers[0]: is not a header name"),
    ({"hosts": ["gateway.example:80"]}, "hosts[0]: must be the name of a host"),
    ({"hosts": ["a b"]}, "hosts[0]: must be the name of a host"),
])
def test_what_stands_wrong_is_told(tmp_path, listen, said):
    code, out = checked(tmp_path, listen=[{"address": "127.0.0.1:0", **listen}])
    assert code == 1 and "listen[0]." + said in out


# --- ports


def start(folder, name, config):
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(config))
    return subprocess.Popen([HAWSER, "serve", "-c", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=CLEAN)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def second_start(folder, first, second):
    """(status, stderr) of a gateway that starts beside another one; None: it runs."""
    base = {"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}}, "workers": 2}
    one = start(folder, "one", {**base, **first})
    try:
        assert one.stdout.readline().startswith("listening on")
        other = start(folder, "other", {**base, **second})
        try:
            if other.stdout.readline().startswith("listening on"):
                return None, ""
            return other.wait(20), other.stderr.read()
        finally:
            other.kill()
            other.communicate()
    finally:
        one.send_signal(signal.SIGTERM)
        assert one.wait(20) == 0
        one.communicate()


def test_a_port_that_is_taken_is_a_message(tmp_path, figure):
    api, admin = free_port(), free_port()
    first = {"listen": [{"address": f"127.0.0.1:{api}"}], "admin": {"address": f"127.0.0.1:{admin}"}}
    cases = [({"listen": [{"address": f"127.0.0.1:{api}"}], "admin": {"address": "off"}}, api),
             ({"listen": [{"address": f"127.0.0.1:{api}", "share_port": True}], "admin": {"address": "off"}}, api),
             ({"listen": [{"address": "127.0.0.1:0"}], "admin": {"address": f"127.0.0.1:{admin}"}}, admin),
             ({"listen": [{"address": f"127.0.0.1:{admin}"}], "admin": {"address": "off"}}, admin)]
    for second, port in cases:
        status, errors = second_start(tmp_path, first, second)
        assert status == 1 and f"cannot listen on 127.0.0.1:{port}: Address already in use" in errors, errors
        assert "terminate" not in errors
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for config in ({"listen": [{"address": f"127.0.0.1:{port}"}], "admin": {"address": "off"}},
                       {"listen": [{"address": "127.0.0.1:0"}], "admin": {"address": f"127.0.0.1:{port}"}}):
            process = start(tmp_path, "refused", {"providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}},
                                                  **config})
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 1 and f"127.0.0.1:{port}: Address already in use" in errors
    figure("5 starts at a port that is taken, the admin's too: 5 messages with the address, exit status 1")


def test_two_processes_share_a_port_where_both_say_so(tmp_path):
    port = free_port()
    shared = {"listen": [{"address": f"127.0.0.1:{port}", "share_port": True}], "admin": {"address": "off"}}
    assert second_start(tmp_path, shared, shared)[0] is None
    alone = {"listen": [{"address": f"127.0.0.1:{port}"}], "admin": {"address": "off"}}
    assert second_start(tmp_path, shared, alone)[0] == 1


def test_two_that_start_at_once_never_share_silently(tmp_path):
    for _ in range(5):
        port = free_port()
        config = {"listen": [{"address": f"127.0.0.1:{port}"}], "admin": {"address": "off"}, "workers": 2,
                  "providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}}}
        both = [start(tmp_path, f"race{i}", config) for i in range(2)]
        run = [process.stdout.readline().startswith("listening on") for process in both]
        for process in both:
            process.kill()
            process.communicate()
        assert sum(run) <= 1


def test_a_successor_may_start_while_the_predecessor_drains(sim, tmp_path):
    port = free_port()
    config = {"listen": [{"address": f"127.0.0.1:{port}"}], "admin": {"address": "off"}, "workers": 1,
              "providers": {"sim": sim.provider()}}
    one = start(tmp_path, "one", config)
    assert one.stdout.readline().startswith("listening on")
    stream = connect(("127.0.0.1", port))
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "count: 40"}]})
    stream.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-sim-interval-ms: 50\r\nConnection: close\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
    assert b"200" in stream.recv(100)
    one.send_signal(signal.SIGTERM)
    end = time.monotonic() + 5
    while True:
        two = start(tmp_path, "two", config)
        if two.stdout.readline().startswith("listening on"):
            break
        two.communicate()
        assert time.monotonic() < end
    assert one.poll() is None and b"[DONE]" in read_until_closed(stream)[0]
    for process in (one, two):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


# --- in front of the pipeline


def test_what_is_refused_in_front_of_the_pipeline_is_logged_and_counted(gateway, figure):
    asked = [(b"GET /nowhere?key=secret HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "not_found", "/nowhere"),
             (b"GET /.env HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "not_found", "/.env"),
             (b"nonsense\r\n\r\n", 400, "invalid_request", None),
             (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "invalid_request", None),
             (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", 431, "invalid_request", None),
             (b"GET /" + b"y" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "invalid_request", None),
             (b"GET /v1/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 426,
              "invalid_request", "/v1/chat")]
    for head, *_ in asked:
        connection = connect(gateway.address)
        connection.sendall(head)
        connection.recv(65536)
        connection.close()
    lines = {(line["status"], line["error"], line.get("path")) for line in gateway.log_lines(len(asked))}
    assert lines == {(status, error, path) for _, status, error, path in asked}
    for status in (400, 404, 414, 426, 431, 501):
        assert gateway.metric(f'requests_total{{status="{status}"}}') >= 1
    assert "secret" not in gateway.access_log.read_text()
    figure(f"{len(asked)} kinds of refusals in front of the pipeline: each has its line and is counted")


# --- the drain


def test_a_connection_that_never_asked_anything_does_not_hold_a_drain(sim, tmp_path):
    with serving(tmp_path, sim) as gateway:
        silent = [connect(gateway.address) for _ in range(4)]
        time.sleep(0.3)
        begun = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - begun < 3
        del silent

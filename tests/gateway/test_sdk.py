"""The C++ client: every call, OAuth, proxies, pins, and the installed package."""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

from support.programs import HAWSER, Gateway

TOUR = pathlib.Path(HAWSER).resolve().parent / "sdk" / "example_tour"
ROOT = pathlib.Path(__file__).parents[2]


def tour(url, **variables):
    clean = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_PROXY", "_API_KEY", "_BASE_URL"))}
    ran = subprocess.run([TOUR], capture_output=True, text=True, timeout=60,
                         env={**clean, "HAWSER_BASE_URL": url, **{name: str(value) for name, value in variables.items()}})
    return ran.returncode, dict(line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line), ran.stderr


WHOLE = {"chat": "1 2 3", "chat_stream": "1 2 3 4", "response": "1 2 3 4 5 completed", "response_stream": "1 2 3 4 5 6", "embed": "2"}


@pytest.mark.parametrize("transport", ["sse", "ws"])
def test_sdk_calls(gateway, transport):
    status, said, errors = tour(gateway.url + "/v1", TOUR_TRANSPORT=transport)
    assert status == 0, (said, errors)
    assert {name: said[name] for name in WHOLE} == WHOLE


def test_sdk_calls_over_grpc(sim, tmp_path, certificates):
    certificate, key = certificates.make("front")
    listen = [{"address": "127.0.0.1:0", "grpc": True},
              {"address": "127.0.0.1:0", "grpc": True, "tls": {"certificate": str(certificate), "key": str(key)}}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}) as gateway:
        for url in gateway.urls:
            status, said, errors = tour(url + "/v1", TOUR_TRANSPORT="grpc", TOUR_CA=certificates.root)
            assert status == 0, (said, errors)
            assert {name: said[name] for name in WHOLE} == WHOLE


def test_sdk_straight_to_a_provider(sim):
    status, said, _ = tour(sim.url)
    assert status == 0 and said["chat_stream"] == "1 2 3 4"


class TokenServer:
    """Gives tokens that live for two seconds, to one client."""

    def __init__(self):
        self.asked, self.tokens = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked.append((self.headers["Authorization"], body))
                good = self.headers["Authorization"] == "Basic " + base64.b64encode(b"me%20too:s%2Fecret").decode()
                token = f"token-{len(outer.tokens)}"
                answer = {"access_token": token, "token_type": "Bearer", "expires_in": 2} if good else {"error": "invalid_client"}
                outer.tokens += [token] if good else []
                data = json.dumps(answer).encode()
                self.send_response(200 if good else 401)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/token"


def test_sdk_oauth(sim, tmp_path):
    tokens = TokenServer()
    keys = [{"name": "first", "hash": "sha256:" + hashlib.sha256(b"token-0").hexdigest()}]
    with Gateway(tmp_path, providers={"sim": sim.provider()}, keys=keys) as gateway:
        status, said, errors = tour(gateway.url + "/v1", TOUR_TOKEN_URL=tokens.url, TOUR_CLIENT_ID="me too",
                                    TOUR_CLIENT_SECRET="s/ecret")
        assert status == 0 and said["chat"] == "1 2 3", (said, errors)
        assert len(tokens.asked) == 1 and tokens.asked[0][1] == "grant_type=client_credentials&scope=llm"
        status, said, _ = tour(gateway.url + "/v1", TOUR_TOKEN_URL=tokens.url, TOUR_CLIENT_ID="me too", TOUR_CLIENT_SECRET="wrong")
        assert status == 1 and said["chat"].startswith("authentication 401")
    tokens.server.shutdown()


class ConnectProxy:
    """An HTTP proxy that only connects, for one user."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.connected = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        target = head.split()[1].decode()
        if b"Proxy-Authorization: Basic " + base64.b64encode(b"user:pass") not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return client.close()
        self.connected.append(target)
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        pump(server, client)


@pytest.mark.parametrize("transport", ["sse", "ws"])
def test_sdk_proxy(gateway, transport):
    proxy = ConnectProxy()
    status, said, errors = tour(gateway.url + "/v1", TOUR_TRANSPORT=transport, TOUR_PROXY=f"http://user:pass@127.0.0.1:{proxy.port}")
    assert status == 0, (said, errors)
    assert set(proxy.connected) == {f"127.0.0.1:{gateway.address[1]}"}
    proxy.listening.close()


def test_sdk_pins(sim, tmp_path, certificates):
    certificate, key = certificates.make("front")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}}]
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public, capture_output=True, check=True).stdout
    pin = "sha256/" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}) as gateway:
        url = f"https://127.0.0.1:{gateway.address[1]}/v1"
        assert tour(url, TOUR_CA=certificates.root, TOUR_PIN=pin)[0] == 0
        before = len(sim.journal())
        quick = subprocess.run([HAWSER, "chat", "--base-url", url, "x"], capture_output=True, text=True, timeout=30)
        assert quick.returncode == 1 and "TLS" in quick.stderr and len(sim.journal()) == before
        assert tour(url, TOUR_CA=certificates.root, TOUR_PIN="sha256/short")[0] == 2


def test_sdk_is_installed_and_found(tmp_path, gateway):
    """find_package(hawser) and pkg-config, as a program outside this tree uses them."""
    build = pathlib.Path(HAWSER).resolve().parent
    quiet = {"capture_output": True, "text": True, "timeout": 600}
    made = subprocess.run(["cmake", "--build", build, "--target", "hawser_shared"], **quiet)
    assert made.returncode == 0, made.stdout[-3000:]
    prefix = tmp_path / "prefix"
    done = subprocess.run(["cmake", "--install", build, "--component", "sdk", "--prefix", prefix], **quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    for header in (prefix / "include" / "hawser").glob("*.hpp"):
        assert "boost" not in header.read_text()
    program = tmp_path / "program"
    program.mkdir()
    (program / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(p CXX)\nfind_package(hawser REQUIRED)\n"
        "add_executable(p main.cpp)\ntarget_link_libraries(p hawser::client)\n")
    shutil.copy(ROOT / "sdk" / "examples" / "stream.cpp", program / "main.cpp")
    for command in (["cmake", "-S", program, "-B", program / "b", f"-DCMAKE_PREFIX_PATH={prefix}"],
                    ["cmake", "--build", program / "b"]):
        ran = subprocess.run(command, **quiet)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = subprocess.run([program / "b" / "p"], env={"HAWSER_BASE_URL": gateway.url + "/v1"}, **quiet)
    assert ran.returncode == 0 and len(ran.stdout) > 20, ran.stderr

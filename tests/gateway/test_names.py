"""Names and ways out: DNS over HTTPS, poisoned answers, private addresses, forward proxies."""
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support.http import chat, request
from support.names import Names
from support.programs import HAWSER, Gateway, Simulator

HOST = "api.test.example"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Listener:
    """Takes connections on an address and remembers what came over them."""

    def __init__(self, address="127.0.0.1", port=0, context=None):
        self.socket = socket.create_server((address, port))
        self.port = self.socket.getsockname()[1]
        self.context, self.connections, self.plain = context, 0, b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError), connection:
                connection.settimeout(2)
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                self.plain += connection.recv(65536)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.fixture
def certificate(certificates):
    return certificates.make("api", alt_names=f"DNS:{HOST},DNS:doh.example")


@pytest.fixture
def upstream(certificate):
    with Simulator("--tls-cert", certificate[0], "--tls-key", certificate[1]) as running:
        running.port = int(running.address.rsplit(":", 1)[1])
        yield running


@contextlib.contextmanager
def gateway_at(folder, port, root, resolver, provider=None, scheme="https", **settings):
    providers = {"api": {"base_url": f"{scheme}://{HOST}:{port}/v1", "api_key": "sk-" + "x" * 40,
                         "tls": {"ca_file": str(root)}, **(provider or {})}}
    with Gateway(folder, workers=1, providers=providers, resolver=resolver,
                 **{"retry": {"attempts_max": 1}, **settings}) as running:
        yield running


def problem(answer):
    return answer[0], json.loads(answer[2])["error"]["message"]


def test_names_come_over_https_and_are_kept_for_their_time(tmp_path, certificates, certificate, upstream):
    with Names(certificate, {HOST: ["127.0.0.1"]}, ttl=1) as names, \
            gateway_at(tmp_path, upstream.port, certificates.root, {"doh": [names.config(certificates.root)]},
                       provider={"pool": {"idle_max": 0}}) as gateway:
        for _ in range(5):
            assert chat(gateway.address)[0] == 200
        assert names.asked == [HOST, HOST], "both families, once"
        time.sleep(1.1)
        assert chat(gateway.address)[0] == 200 and len(names.asked) == 4
        names.fails = True  # when it is away, the last answer serves on
        time.sleep(1.1)
        assert chat(gateway.address)[0] == 200 and len(names.asked) >= 6


def test_a_burst_asks_once(tmp_path, certificates, certificate, upstream):
    with Names(certificate, {HOST: ["127.0.0.1"]}) as names, \
            gateway_at(tmp_path, upstream.port, certificates.root, {"doh": [names.config(certificates.root)]}) as gateway:
        outcomes = []
        threads = [threading.Thread(target=lambda: outcomes.append(chat(gateway.address)[0])) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes == [200] * 20 and len(names.asked) == 2


def test_a_resolver_that_is_away_or_knows_nothing_is_followed_by_the_next(tmp_path, certificates, certificate, upstream):
    dead = {"url": f"https://doh.example:{free_port()}/dns-query", "bootstrap": ["127.0.0.1"]}
    with Names(certificate, {}) as empty, Names(certificate, {HOST: ["127.0.0.1"]}) as names:
        sources = [dead, empty.config(certificates.root), names.config(certificates.root)]
        with gateway_at(tmp_path, upstream.port, certificates.root, {"doh": sources}) as gateway:
            assert chat(gateway.address)[0] == 200
            assert names.asked


@pytest.mark.parametrize("where", ["next address", "next resolver"])
def test_a_poisoned_answer_ends_in_a_refused_certificate_and_the_next_is_tried(tmp_path, certificates, certificate,
                                                                              upstream, where):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificates.make("stranger", alt_names="DNS:stranger.example")))
    with Listener("127.0.0.2", upstream.port, context) as stranger:
        answers = ([["127.0.0.2", "127.0.0.1"], []] if where == "next address" else [["127.0.0.2"], ["127.0.0.1"]])
        with Names(certificate, {HOST: answers[0]}) as first, Names(certificate, {HOST: answers[1]}) as second:
            doh = [first.config(certificates.root), second.config(certificates.root)]
            with gateway_at(tmp_path, upstream.port, certificates.root, {"doh": doh, "system": False},
                            provider={"pool": {"idle_max": 0}}) as gateway:
                for _ in range(4):
                    assert chat(gateway.address)[0] == 200
                assert stranger.connections == 1, "and not asked again for a while"
                assert stranger.plain == b""
                assert bool(second.asked) == (where == "next resolver")


def test_an_answer_that_leads_nowhere_is_followed_by_the_next_resolvers(tmp_path, certificates, certificate, upstream):
    with Names(certificate, {HOST: ["127.0.0.2"]}) as first, Names(certificate, {HOST: ["127.0.0.1"]}) as second:
        doh = [first.config(certificates.root), second.config(certificates.root)]
        with gateway_at(tmp_path, upstream.port, certificates.root, {"doh": doh, "system": False},
                        provider={"pool": {"idle_max": 0}}) as gateway:
            for _ in range(3):
                assert chat(gateway.address)[0] == 200
            upstream.stop()  # then it is just away
            status, message = problem(chat(gateway.address))
            assert status == 502 and "could not connect" in message


def test_where_all_answers_are_poisoned_the_reason_is_told(tmp_path, certificates, certificate, upstream):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificates.make("stranger", alt_names="DNS:stranger.example")))
    with Listener("127.0.0.2", upstream.port, context) as stranger, Names(certificate, {HOST: ["127.0.0.2"]}) as names, \
            gateway_at(tmp_path, upstream.port, certificates.root,
                       {"doh": [names.config(certificates.root)], "system": False}) as gateway:
        status, message = problem(chat(gateway.address))
        assert status == 502 and "hostname mismatch" in message
        assert stranger.plain == b"" and stranger.connections == 1
        names.names[HOST] = ["127.0.0.1"]  # mended: found at once, whatever was kept
        assert chat(gateway.address)[0] == 200


def test_resolvers_that_disagree_are_told(tmp_path, certificates, certificate, upstream):
    with Names(certificate, {HOST: ["127.0.0.1"]}) as first, Names(certificate, {HOST: ["192.0.2.7"]}) as second:
        doh = [first.config(certificates.root), second.config(certificates.root)]
        with gateway_at(tmp_path, upstream.port, certificates.root, {"doh": doh, "compare": True}) as gateway:
            assert chat(gateway.address)[0] == 200
            assert gateway.settled_metric("hawser_resolver_mismatches_total", 1) == 1


def test_fixed_addresses_are_not_looked_up(tmp_path, certificates, certificate, upstream):
    with Names(certificate, {}) as names, \
            gateway_at(tmp_path, upstream.port, certificates.root,
                       {"doh": [names.config(certificates.root)], "hosts": {HOST: ["127.0.0.1"]}}) as gateway:
        assert chat(gateway.address)[0] == 200 and names.asked == []


# --- where connections may not go

SPELLINGS_V4 = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1",
                "017700000001", "127.0.0.2", "127.255.255.254", "0", "0.0.0.0", "0x0", "00.00.00.00", "0x7f.0x0.0x0.0x1",
                "0177.0x0.0.1", "127.0.0x1", "127.0x000001", "127.00000001", "localhost", "LOCALHOST", "localhost."]


def spellings():
    """200 ways to write an address that is not public."""
    hosts = list(SPELLINGS_V4)
    private = ["10.0.0.1", "172.16.5.4", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1",
               "224.0.0.1", "240.0.0.1", "255.255.255.255", "203.0.113.9"]
    for text in ["127.0.0.1", *private]:
        a, b, c, d = map(int, text.split("."))
        number = a << 24 | b << 16 | c << 8 | d
        v6 = f"{a:02x}{b:02x}:{c:02x}{d:02x}"
        hosts += [text, str(number), hex(number), oct(number).replace("0o", "0"), f"{a}.{b << 16 | c << 8 | d}",
                  f"{a}.{b}.{c << 8 | d}", f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
                  f"[::ffff:{text}]", f"[::ffff:{v6}]", f"[::{text}]", f"[64:ff9b::{text}]", f"[64:ff9b::{v6}]",
                  f"[2002:{v6}::1]", f"[0:0:0:0:0:ffff:{v6}]"]
    hosts += ["[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[fec0::1]"]
    return list(dict.fromkeys(hosts))


def test_200_spellings_of_private_addresses_reach_nobody(tmp_path):
    with Listener() as four, Listener("127.0.0.2", four.port) as other:
        hosts = spellings()
        assert len(hosts) >= 200
        providers = {f"p{i}": {"base_url": f"http://{host}:{four.port}/v1", "network": "public"}
                     for i, host in enumerate(hosts)}
        models = {name: {"targets": [{"provider": name}]} for name in providers}
        with Gateway(tmp_path, workers=1, providers=providers, models=models, retry={"attempts_max": 1},
                     timeouts={"connect": "500ms"}) as gateway:
            for i, host in enumerate(hosts):
                status, message = problem(chat(gateway.address, model=f"p{i}"))
                assert status in (502, 504), (host, message)
        connections = four.connections + other.connections
        print(f"{len(hosts)} spellings of private addresses: {connections} connections")
        assert connections == 0


def test_a_name_that_is_bound_to_another_address_later_is_not_followed(tmp_path, certificates, certificate):
    """Rebinding: whatever a name points to is looked at when it is connected to."""
    with Listener() as inside:
        turns = iter([["192.88.99.1"], ["192.88.99.1"]])
        with Names(certificate, {HOST: lambda: next(turns, ["127.0.0.1"])}, ttl=0) as names, \
                gateway_at(tmp_path, inside.port, certificates.root,
                           {"doh": [names.config(certificates.root)], "system": False},
                           provider={"network": "public"}, scheme="http") as gateway:
            for _ in range(3):
                status, message = problem(chat(gateway.address))
                assert status == 502 and "points to a private address" in message
        assert inside.connections == 0


def test_redirects_are_answers_and_not_followed(tmp_path):
    import http.server

    class Redirects(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{inside.port}/v1/chat/completions")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with Listener() as inside:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirects)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Gateway(tmp_path, providers={"p": {"base_url": f"http://127.0.0.1:{server.server_address[1]}/v1"}}) as gateway:
            assert chat(gateway.address)[0] == 307
        server.shutdown()
        assert inside.connections == 0


def test_nothing_of_a_request_chooses_the_host(tmp_path, sim):
    with Listener() as other, Gateway(tmp_path, providers={"sim": sim.provider()}) as gateway:
        there = f"127.0.0.1:{other.port}"
        body = json.dumps({"model": "m", "base_url": f"http://{there}/v1", "api_base": f"http://{there}/v1",
                           "messages": [{"role": "user", "content": "hi"}]}).encode()
        for path in ("/v1/chat/completions", f"http://{there}/v1/chat/completions"):
            for name in ("Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host", "Referer", "Origin"):
                status, _, _ = request(gateway.address, "POST", path, body,
                                       {"Content-Type": "application/json", name: there})
                assert status == (403 if name == "Origin" else 200), name  # a page's that nobody listed
        assert other.connections == 0


def test_the_hosts_of_well_known_providers_are_public(tmp_path):
    with Listener() as inside:
        providers = {"p": {"base_url": f"http://api.openai.com:{inside.port}/v1"}}
        for network, reached in (("auto", 0), ("any", 1)):
            providers["p"]["network"] = network
            with Gateway(tmp_path, providers=providers, resolver={"hosts": {"api.openai.com": ["127.0.0.1"]}},
                         retry={"attempts_max": 1}) as gateway:
                assert chat(gateway.address)[0] == 502
            assert inside.connections == reached


# --- forward proxies

@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(port):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise RuntimeError("the proxy does not start")


@contextlib.contextmanager
def proxy_of(kind, folder):
    """A real proxy that wants a user and a password."""
    port = free_port()
    if kind == "http":
        file = folder / "tinyproxy.conf"
        file.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nBasicAuth user p%40ss\nAllow 127.0.0.1\n"
                        f'LogFile "{folder}/tinyproxy.log"\nLogLevel Connect\n'.replace("p%40ss", "p-ss"))
        command, scheme, password = ["tinyproxy", "-d", "-c", str(file)], "http", "p-ss"
    else:
        command, scheme, password = ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", "user", "-P", "p@ss"], "socks5", "p%40ss"
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is missing: ./dev test installs it")
    with running(*command):
        wait_for(port)
        yield f"{scheme}://user:{password}@127.0.0.1:{port}", f"{scheme}://user:wrong@127.0.0.1:{port}"


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_through_a_proxy(tmp_path, certificates, upstream, kind):
    root = {"ca_file": str(certificates.root)}
    with proxy_of(kind, tmp_path) as (url, wrong):
        base = f"https://127.0.0.1:{upstream.port}/v1"
        providers = {"right": {"base_url": base, "proxy": url, "tls": {**root, "server_name": HOST}},
                     "wrong": {"base_url": base, "proxy": wrong, "tls": {**root, "server_name": HOST}},
                     "dead": {"base_url": base, "proxy": f"http://127.0.0.1:{free_port()}", "tls": root}}
        models = {name: {"targets": [{"provider": name}]} for name in providers}
        with Gateway(tmp_path, workers=1, providers=providers, models=models, retry={"attempts_max": 1}) as gateway:
            assert chat(gateway.address, model="right")[0] == 200
            status, head, body = chat(gateway.address, model="right", stream=True)
            assert status == 200 and body.endswith(b"data: [DONE]\n\n")
            assert gateway.metric('hawser_upstream_connections_total{reused="true"}') == 1
            status, message = problem(chat(gateway.address, model="wrong"))
            assert status == 502 and "the proxy" in message
            assert chat(gateway.address, model="dead")[0] == 502
            gateway.stop()
            text = gateway.access_log.read_text() + gateway.err
        assert "p@ss" not in text and "p-ss" not in text and "wrong@" not in text


def test_proxies_of_the_environment(tmp_path, certificates, upstream):
    with proxy_of("socks5", tmp_path) as (_, _), Listener() as proxy:
        base = f"https://{HOST}:{upstream.port}/v1"
        for exempt, proxied in (("", 1), (f"other.example,.{HOST.split('.', 1)[1]}", 0)):
            before = proxy.connections
            with Gateway(tmp_path, workers=1, resolver={"hosts": {HOST: ["127.0.0.1"]}}, retry={"attempts_max": 1},
                         providers={"p": {"base_url": base, "tls": {"ca_file": str(certificates.root)}}},
                         env={"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": exempt,
                              "https_proxy": "", "no_proxy": ""}) as gateway:
                status = chat(gateway.address)[0]
            assert proxy.connections - before == proxied
            assert status == (502 if proxied else 200)
        assert b"CONNECT api.test.example:" in proxy.plain


@pytest.mark.parametrize("settings,word", [
    ({"resolver": {"doh": [{"url": "https://doh.example/dns-query"}]}}, "bootstrap"),
    ({"resolver": {"hosts": {"a.example": ["300.1.1.1"]}}}, "not an IP address"),
    ({"resolver": {"doh": [{"url": "https://1.1.1.1/dns-query", "bootstrap": ["x"]}]}}, "not an IP address"),
    ({"proxy": "ftp://h:1"}, "must begin with http://"), ({"network": "publik"}, "public")])
def test_what_is_wrong_is_told(tmp_path, settings, word):
    provider = {"base_url": "http://127.0.0.1:1/v1", **{k: v for k, v in settings.items() if k != "resolver"}}
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "providers": {"p": provider},
                                **{k: v for k, v in settings.items() if k == "resolver"}}))
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and word in done.stderr + done.stdout

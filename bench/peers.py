"""The proxies that are compared and what stands behind them: each is started, pinned, and ended
by its own process id."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
KEY = "hk-bench-0123456789abcdef0123456789abcdef"
UPSTREAM_KEY = "sk-bench-upstream"
MODEL = "bench-model"


class Failed(Exception):
    """A program that is compared does not run as it should."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


def wait_for_port(port, process, name, limit=15.0):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"{name} ended at its start with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Failed(f"{name} does not listen on port {port}")


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Upstream:
    """bench_upstream, the provider behind every proxy."""

    def __init__(self, program, core):
        self.process = subprocess.Popen(pinned(core, program), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise Failed("bench_upstream does not start")
        self.port = int(line[1])

    def pids(self):
        return [self.process.pid]

    def close(self):
        stop(self.process)


class Direct:
    """No proxy at all: what the load and the provider need by themselves."""

    name = "direct"
    version = "bench_upstream"

    def __init__(self, upstream):
        self.port = upstream.port
        self.tls_port = None

    def pids(self):
        return []

    def forget_log(self):
        pass

    def complaint(self):
        return ""

    def close(self):
        pass


class Proxy:
    """A proxy under test in its own directory."""

    def __init__(self, name, template, command, work, core, values, templates=HERE / "peers"):
        self.name = name
        self.port, self.tls_port = free_port(), free_port()
        # Hawser tells the two versions apart by their first bytes; nginx 1.22 cannot.
        self.h2_port = self.port if name in ("hawser", "before") else free_port()
        self.directory = work / f"{name}-{self.port}"
        self.directory.mkdir()
        make_certificate(work, self.directory)
        config = self.directory / template
        text = (templates / template).read_text()
        values = dict(values, PORT=self.port, TLS_PORT=self.tls_port, H2_PORT=self.h2_port, ADMIN_PORT=free_port(),
                      DIR=self.directory, KEY=KEY, UPSTREAM_KEY=UPSTREAM_KEY,
                      KEY_HASH=hashlib.sha256(KEY.encode()).hexdigest())
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        config.write_text(text)
        self.errors = (self.directory / "stderr").open("w")
        self.process = subprocess.Popen(
            pinned(core, *command, config), stdout=self.errors, stderr=self.errors,
            env=dict(os.environ, BENCH_UPSTREAM_KEY=UPSTREAM_KEY))
        try:
            wait_for_port(self.port, self.process, name)
        except Failed as error:
            self.close()
            raise Failed(f"{error}{self.complaint()}") from None

    def pids(self):
        """The process and its children: nginx works in one of them."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def forget_log(self):
        log = self.directory / "access.log"
        if log.exists():
            os.truncate(log, 0)

    def complaint(self):
        """What it last said on stderr, for a message about its failure."""
        ended = self.process.poll()
        state = "" if ended is None else f"\n{self.name} ended with status {ended}"
        return state + "\n" + (self.directory / "stderr").read_text()[-1000:]

    def close(self):
        stop(self.process)
        self.errors.close()


def make_certificate(work, directory):
    """One self-signed P-256 certificate for all."""
    key, certificate = work / "key.pem", work / "certificate.pem"
    if not key.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out",
             certificate], check=True, capture_output=True)
    for path in (key, certificate):
        shutil.copy(path, directory)
    (directory / "both.pem").write_text(certificate.read_text() + key.read_text())


def nginx(name, setup, settings):
    values = {"BUFFERING": settings.get("buffering", "on"),
              "BUFFER": settings.get("buffer", "4k"), "FILES": setup.files}
    return Proxy(name, "nginx.conf", ["nginx", "-c"], setup.work, setup.proxy_core,
                 dict(values, UPSTREAM=setup.upstream.port))


def haproxy(name, setup, settings):
    connections = min(16000, setup.files // 2 - 50)
    return Proxy(name, "haproxy.cfg", ["haproxy", "-db", "-f"], setup.work, setup.proxy_core,
                 {"UPSTREAM": setup.upstream.port, "CONNECTIONS": connections})


def hawser(name, setup, settings):
    return Proxy(name, "hawser.yaml", [setup.hawser, "serve", "-c"], setup.work,
                 setup.proxy_core, {"UPSTREAM": setup.upstream.port})


def before(name, setup, settings):
    """Another checkout's program with that checkout's configuration."""
    return Proxy(name, "hawser.yaml", [setup.before / "build/release/hawser", "serve", "-c"], setup.work,
                 setup.proxy_core, {"UPSTREAM": setup.upstream.port}, setup.before / "bench/peers")


def direct(name, setup, settings):
    return Direct(setup.upstream)


KINDS = {"hawser": hawser, "nginx": nginx, "before": before, "haproxy": haproxy, "direct": direct,
         "nginx-again": nginx}


class Setup:
    """Where and how the programs of one benchmark run."""

    def __init__(self, args, work, upstream, files):
        self.hawser = args.hawser
        self.before = args.before
        self.programs = args.programs
        self.proxy_core, self.other_core = args.cores
        self.work = work
        self.upstream = upstream
        self.files = files

    def start(self, name, settings):
        return KINDS[name](name, self, settings)


def version_of(name, hawser_path):
    commands = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"],
                "hawser": [hawser_path, "--version"]}
    if name not in commands:
        return ""
    with contextlib.suppress(OSError, IndexError):
        done = subprocess.run(commands[name], capture_output=True, text=True)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    return "unknown"

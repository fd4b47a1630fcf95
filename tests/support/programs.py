"""Starts and ends the programs under test."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

HAWSER = os.environ.get("HAWSER", str(pathlib.Path(__file__).parents[2] / "build/release/hawser"))
# Providers come from the tests' configurations, never from the environment.
CLEAN = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}


class Program:
    """A child process whose first lines of output tell its addresses."""

    def __init__(self, *arguments, env=None, cwd=None):
        self.errors = []
        self.process = subprocess.Popen([HAWSER, *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=cwd,
                                        env={**CLEAN, **(env or {})})

    def read_line(self, begin):
        line = self.process.stdout.readline()
        if not line.startswith(begin):
            raise RuntimeError(f"{line!r}: {self.process.stderr.read()}")
        return line[len(begin):].strip()

    def stop(self, how=signal.SIGTERM, timeout=40):
        """Ends the program; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.out, self.err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out, self.err = self.process.communicate()
            raise
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def memory_kib(self, name="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0


class Simulator(Program):
    def __init__(self, *arguments):
        super().__init__("sim", "--listen", "127.0.0.1:0", *arguments)
        self.address = self.read_line("listening on ")
        self.scheme = "https" if "--tls-cert" in arguments else "http"
        self.url = f"{self.scheme}://{self.address}/v1"

    def provider(self, **settings):
        return {"base_url": self.url, "auth": "none", **settings}

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def journal(self):
        return self.get("/sim/journal")

    def clear(self):
        urllib.request.urlopen(urllib.request.Request(f"http://{self.address}/sim/journal",
                                                      method="DELETE"), timeout=10).read()

    def settled(self, want, seconds=10):
        """The journal, once `want(journal)` holds; else as it is at the end."""
        end = time.monotonic() + seconds
        while True:
            journal = self.journal()
            if want(journal) or time.monotonic() > end:
                return journal
            time.sleep(0.02)


# By which tests tell requests apart, and what they ask of their own providers.
TEST_HEADERS = ["x-name", "x-mine", "x-of-mine", "x-custom", "x-h2-*"]


class Gateway(Program):
    def __init__(self, folder, listeners=1, env=None, **config):
        self.folder = pathlib.Path(folder)
        self.access_log = self.folder / "access.log"
        self.config = {"listen": [{"address": "127.0.0.1:0"}], "admin": {"address": "127.0.0.1:0"},
                       "headers": {"pass": TEST_HEADERS}, "workers": 2, "log": {"access_log": str(self.access_log), "level": "debug"},
                       **config}
        self.file = self.folder / "hawser.yaml"
        self.write(self.config)
        super().__init__("serve", "-c", self.file, env=env)
        self.urls = [self.read_line("listening on ") for _ in self.config["listen"]]
        self.url = self.urls[0]
        self.admin = self.read_line("admin on ")
        self.address = ("127.0.0.1", int(self.url.rsplit(":", 1)[1]))

    def write(self, config):
        """JSON is YAML."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(config, indent=1))
        fresh.replace(self.file)

    def metrics(self):
        with urllib.request.urlopen(f"{self.admin}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def metric(self, name):
        return self.metrics().get(name, 0)

    def settled_metric(self, name, least, seconds=5):
        """The metric once it is at least that: an exchange is counted when it is over."""
        return self._until(name, lambda value: value >= least, seconds)

    def metric_becomes(self, name, value, seconds=10):
        """Whether the metric takes that value in time."""
        return self._until(name, lambda got: got == value, seconds) == value

    def _until(self, name, fits, seconds):
        end = time.monotonic() + seconds
        while not fits(value := self.metric(name)) and time.monotonic() < end:
            time.sleep(0.02)
        return value

    def log_lines(self, least=1, seconds=5):
        end = time.monotonic() + seconds
        while True:
            lines = self.access_log.read_text().splitlines() if self.access_log.exists() else []
            if len(lines) >= least or time.monotonic() > end:
                return [json.loads(line) for line in lines]
            time.sleep(0.05)


class Certificates:
    """A private root and certificates under it, made at run time."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "root.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", "2", "-subj",
                      "/CN=test root", "-addext", "basicConstraints=critical,CA:TRUE")
        self.made = {}

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def make(self, name, alt_names="IP:127.0.0.1,DNS:localhost", days="2"):
        """(certificate, key) for those names."""
        if name not in self.made:
            self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                          "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            (self.folder / f"{name}.ext").write_text(
                f"subjectAltName={alt_names}\nbasicConstraints=CA:FALSE\n")
            self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey",
                          "root.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", days,
                          "-extfile", f"{name}.ext")
            self.made[name] = (self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return self.made[name]

"""The browser example in Chromium: its tunnel over a path that breaks."""
import functools
import hashlib
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import threading
import time
import urllib.request

import pytest
from websockets.sync.client import connect as connect_devtools

from support.faults import BrokenPath
from support.programs import Gateway

PAGE = pathlib.Path(__file__).parents[2] / "examples" / "browser"


class Chromium:
    """A headless browser, driven by its own protocol."""

    def __init__(self, folder):
        program = shutil.which("chromium")
        if program is None:
            pytest.skip("Chromium is not installed: ./dev test installs it")
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0",
             f"--user-data-dir={folder}", "about:blank"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in self.process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                break
        port = int(found.group(1))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10))
        page = next(entry for entry in pages if entry["type"] == "page")
        self.socket = connect_devtools(page["webSocketDebuggerUrl"], max_size=None, legacy=True)
        self.number = 0

    def command(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            got = json.loads(self.socket.recv(timeout=20))
            if got.get("id") == self.number:
                return got["result"]

    def run(self, script):
        return self.command("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script, seconds=30):
        end = time.monotonic() + seconds
        while not (value := self.run(script)) and time.monotonic() < end:
            time.sleep(0.05)
        return value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def page_url():
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=PAGE)
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
    server.shutdown()


def ask(browser, url, key, events):
    browser.run(f"""document.getElementById("url").value = {json.dumps(url)};
                    document.getElementById("key").value = {json.dumps(key)};
                    document.getElementById("model").value = "m";
                    document.getElementById("prompt").value = "count: {events}";
                    document.getElementById("form").requestSubmit();""")
    return browser.until('/^(done|failed)/.test(document.getElementById("state").textContent)'
                         ' && document.getElementById("state").textContent')


def test_browser_takes_streams_up_again(sim, tmp_path, page_url):
    key = "hk-browser 0123456789"
    keys = [{"name": "page", "hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest()}]
    models = {"m": {"targets": [{"provider": "sim"}]}}
    provider = sim.provider(headers={"x-sim-interval-ms": "2"})
    with Gateway(tmp_path, providers={"sim": provider}, models=models, keys=keys) as gateway, \
            BrokenPath(gateway.address, 1, mean=60_000, outage=0.05, seed=5) as path, \
            Chromium(tmp_path / "profile") as browser:
        browser.command("Page.navigate", url=page_url)
        assert browser.until('typeof HawserTunnel === "function" && document.readyState === "complete"')
        url = f"ws://127.0.0.1:{path.ports[0]}/v1/tunnel"
        state = ask(browser, url, key, 900)
        assert state.startswith("done"), state
        assert browser.run('document.getElementById("answer").textContent') == " ".join(map(str, range(1, 901)))
        assert browser.run("tunnel.resumes") > 0 and len(sim.journal()) == 1
        browser.command("Page.navigate", url=page_url + "?again")
        assert browser.until('location.search === "?again" && document.readyState === "complete"')
        assert ask(browser, url, "wrong", 3).startswith("failed")

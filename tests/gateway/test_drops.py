"""15 % of the connections break, with outages behind them: what becomes of 2,000 generations (a sample by default).

`./dev test test_drops --all` prints the table of the README.
"""
import concurrent.futures
import json
import pathlib
import shutil
import socket
import subprocess
import time

import openai
import pytest

from support.faults import BrokenPath
from support.programs import HAWSER, Gateway

EVENTS = 100
MEAN = 31_000 / 0.15  # an answer has 31 kB: 15 % of them are hit
DOORS = 20


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


@pytest.fixture
def scale(everything):
    """(generations, mean outage in seconds)"""
    return (2000, 2.0) if everything else (160, 0.3)


@pytest.fixture
def keeper(sim, tmp_path):
    listen = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]
    with Gateway(tmp_path, workers=2, listen=listen, providers={"sim": sim.provider()}) as running:
        yield running


def tell(name, generations, whole, calls):
    print(f"\n{name}: {whole} of {generations} whole ({100 * whole / generations:.2f} %), {calls} calls at the provider")


def examples():
    return pathlib.Path(HAWSER).resolve().parent / "sdk" / "example_many"


@pytest.mark.parametrize("transport", ["sse", "ws", "grpc"])
def test_drops_of_the_sdk(keeper, sim, scale, transport):
    generations, outage = scale
    host, port = keeper.urls[transport == "grpc"].split("//")[1].rsplit(":", 1)
    with BrokenPath((host, int(port)), DOORS, MEAN, outage=outage, seed=7) as path:
        urls = [f"http://127.0.0.1:{port}/v1" for port in path.ports]
        ran = subprocess.run([examples(), transport, str(generations), str(EVENTS), *urls], capture_output=True,
                             text=True, timeout=1200)
        assert path.cuts > 0.08 * generations, "the path did break"
    outcome = json.loads(ran.stdout)
    calls = len(sim.journal())
    tell(f"Hawser's SDK, {transport}", generations, outcome["whole"], calls)
    assert outcome["wrong"] == 0, outcome
    assert once(outcome["whole"], calls, generations) >= 0.999 * generations, (calls, outcome, ran.stderr[-2000:])


def once(whole, calls, generations):
    """Those that are whole and were asked of the provider exactly once, at least."""
    return whole - abs(calls - generations)


def complete(client, number):
    try:
        stream = client.chat.completions.create(
            model="m", stream=True, max_tokens=EVENTS + 10, extra_headers={"x-sim-interval-ms": "2"},
            messages=[{"role": "system", "content": f"number {number}"}, {"role": "user", "content": f"count: {EVENTS}"}])
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        return text == counted(EVENTS)
    except (openai.APIError, OSError, Exception):  # httpx raises its own when a body breaks off
        return False


def run_clients(urls, generations):
    clients = [openai.OpenAI(base_url=url, api_key="none") for url in urls]
    with concurrent.futures.ThreadPoolExecutor(DOORS) as pool:
        return sum(pool.map(lambda number: complete(clients[number % len(clients)], number), range(generations)))


def test_drops_of_the_tunnel_with_the_official_sdk_in_front(keeper, sim, scale):
    generations, outage = scale
    tunnels = []
    with BrokenPath(keeper.address, DOORS, MEAN, outage=outage, seed=8) as path:
        try:
            for port in path.ports:
                tunnels.append(subprocess.Popen(
                    [HAWSER, "tunnel", "--to", f"ws://127.0.0.1:{port}/v1/tunnel", "--listen", "127.0.0.1:0"],
                    stdout=subprocess.PIPE, text=True))
            urls = [tunnel.stdout.readline().split()[-1] for tunnel in tunnels]
            whole = run_clients(urls, generations)
        finally:
            for tunnel in tunnels:
                tunnel.terminate()
                tunnel.communicate()
    calls = len(sim.journal())
    tell("OpenAI's SDK over hawser tunnel", generations, whole, calls)
    assert once(whole, calls, generations) >= 0.999 * generations


def test_drops_without_a_gateway(sim, scale):
    """For comparison: the official SDK straight to the provider over the same path."""
    generations, outage = scale
    with BrokenPath(sim_address(sim), DOORS, MEAN, outage=outage, seed=9) as path:
        whole = run_clients([f"http://127.0.0.1:{port}/v1" for port in path.ports], generations)
    tell("OpenAI's SDK straight to the provider", generations, whole, len(sim.journal()))
    assert whole < generations, "else the path is not broken enough to tell anything"


def sim_address(sim):
    host, port = sim.address.rsplit(":", 1)
    return host, int(port)


NGINX = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 1000; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream provider {{ server {provider}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed: ./dev bench installs it")
def test_drops_with_nginx_in_place_of_hawser(sim, scale, tmp_path):
    """For comparison: an ordinary reverse proxy."""
    generations, outage = scale
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, provider=sim.address, port=port))
    nginx = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        with BrokenPath(("127.0.0.1", port), DOORS, MEAN, outage=outage, seed=9) as path:
            whole = run_clients([f"http://127.0.0.1:{port_}/v1" for port_ in path.ports], generations)
    finally:
        nginx.terminate()
        nginx.wait()
    tell("OpenAI's SDK through nginx", generations, whole, len(sim.journal()))
    assert whole < generations

#!/usr/bin/env python3
"""What the transports cost the gateway: CPU per relayed event over SSE, WebSocket and gRPC, interleaved in one run; how long
a resume takes; what an open tunnel holds.

Run by ./dev bench transports. The clients are the official ones or our SDK; only the gateway's own CPU counts.
"""
import argparse
import concurrent.futures
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.grpc import contract  # noqa: E402
from support.http import connect  # noqa: E402
from support.programs import Gateway, HAWSER, Simulator  # noqa: E402
from support.websocket import Tunnel  # noqa: E402

STREAMS, EVENTS, PACE = 40, 200, 10
CONNECTIONS = 5000


def cpu_seconds(process):
    total = 0
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def private_kib(process):
    fields = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in fields if line.startswith("Private_"))


def load_sdk(transport, gateway):
    program = pathlib.Path(HAWSER).resolve().parent / "sdk" / "example_many"
    urls = [gateway.urls[0] + "/v1"] * STREAMS
    subprocess.run([program, transport, str(STREAMS), str(EVENTS), *urls], check=True, capture_output=True,
                   env={**os.environ, "MANY_INTERVAL_MS": str(PACE)})


def load_tunnel(gateway):
    """All streams over one connection, which is what a tunnel is for."""
    tunnel = Tunnel(gateway.address)
    for number in range(STREAMS):
        tunnel.ask(f"r{number}", {"model": "m", "stream": True, "max_tokens": EVENTS + 10, "user": str(number),
                                  "messages": [{"role": "user", "content": f"count: {EVENTS}"}]},
                   h={"x-sim-interval-ms": str(PACE)})
    ended = 0
    while ended < STREAMS:
        message = tunnel.receive()
        ended += message.startswith('{"t":"end"')
    tunnel.socket.close()


def load_grpc(gateway):
    import grpc
    pb, rpc = contract()
    with grpc.insecure_channel(gateway.urls[1].split("//")[1]) as channel:
        stub = rpc.LlmStub(channel)

        def one(number):
            request = pb.GenerateRequest(model="m", max_tokens=EVENTS + 10, user=str(number),
                                         messages=[pb.Message(role="user", content=f"count: {EVENTS}")])
            return sum(1 for _ in stub.StreamGenerate(request, metadata=[("x-sim-interval-ms", str(PACE))]))

        with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
            assert sum(pool.map(one, range(STREAMS))) > STREAMS * EVENTS


def resume_times(gateway):
    tunnel = Tunnel(gateway.address)
    tunnel.ask("r", {"model": "m", "stream": True, "messages": [{"role": "user", "content": "count: 100"}], "max_tokens": 200})
    head, _, _ = tunnel.answer()
    connection = connect(gateway.address)
    times = []
    for _ in range(300):
        begun = time.perf_counter()
        connection.sendall(f"GET /v1/generations/{head['gen']}/events?after=1.90 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        raw = connection.recv(65536)
        times.append(time.perf_counter() - begun)
        while not raw.endswith(b"0\r\n\r\n"):
            raw += connection.recv(65536)
    return sorted(times)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    failed = []

    def judge(name, value, unit, most):
        fine = value <= most
        print(f"{'ok  ' if fine else 'MISS'} transports, {name}: {value:.2f}{unit} (required <= {most}{unit})")
        if not fine:
            failed.append(name)

    with Simulator() as sim, tempfile.TemporaryDirectory() as folder:
        settings = dict(workers=1, providers={"sim": sim.provider()}, websocket={"heartbeat": "5m"},
                        listen=[{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}],
                        log={"level": "error"})
        with Gateway(folder, **settings) as gateway:
            loads = {"sse": lambda: load_sdk("sse", gateway), "ws": lambda: load_sdk("ws", gateway),
                     "ws, one connection": lambda: load_tunnel(gateway), "grpc": lambda: load_grpc(gateway)}
            for load in loads.values():
                load()  # warm
            cost = {name: [] for name in loads}
            for _ in range(options.rounds):
                for name, load in loads.items():
                    before = cpu_seconds(gateway.process)
                    load()
                    cost[name].append((cpu_seconds(gateway.process) - before) / (STREAMS * EVENTS) * 1e6)
            print(f"\nCPU of the gateway per relayed event, {STREAMS} streams paced, median of {options.rounds} rounds:\n")
            print("| transport | us per event | of SSE |\n|---|---|---|")
            base = cost["sse"]
            ratios = {name: statistics.median(a / b for a, b in zip(values, base)) for name, values in cost.items()}
            for name, values in cost.items():
                print(f"| {name} | {statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f}) | {ratios[name]:.2f} |")
            print()
            for name in ("ws", "ws, one connection", "grpc"):
                judge(f"CPU per event over {name}, of SSE", ratios[name], "", 1.5)
            times = resume_times(gateway)
            judge("a resume is answered, p50", times[len(times) // 2] * 1000, " ms", 5)
            judge("a resume is answered, p99", times[len(times) * 99 // 100] * 1000, " ms", 5)
            before = private_kib(gateway.process)
            tunnels = [Tunnel(gateway.address) for _ in range(CONNECTIONS)]
            judge(f"{CONNECTIONS} open tunnels, private memory of each", (private_kib(gateway.process) - before) / CONNECTIONS, " KiB", 30)
            for tunnel in tunnels:
                tunnel.socket.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""When the first token comes over a link of 100 ms one way, 15 % of the calls hit by a reset: straight from the provider over
a connection made for it (TLS 1.3), or through a gateway on this side that holds a warm HTTP/2 connection to one on the
other side.

Run by ./dev bench link, as root. The last line is the figure; ends with 1 where it falls short.
"""
import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import ssl
import statistics
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

from slow_link import Forbidden, Link  # noqa: E402
from support.nginx import Nginx  # noqa: E402
from support.programs import Certificates, Gateway, Simulator  # noqa: E402

REQUIRED_MS = 350
DELAY_S = 0.1
RESETS = 0.15
TRIES = 5
TOKENS = 20


def call(connection, name):
    """(when the first token came, whether the stream was whole)"""
    body = json.dumps({"model": "sim-large", "stream": True,
                       "messages": [{"role": "user", "content": f"count: {TOKENS}"}]})
    first = None
    last = b""
    try:
        connection.request("POST", "/v1/chat/completions", body, {
            "Content-Type": "application/json", "x-sim-interval-ms": "5", "x-sim-tokens": str(TOKENS), "x-sim-name": name})
        answer = connection.getresponse()
        while line := answer.readline():
            if line.startswith(b"data: {") and b'"content":"1"' in line:
                first = time.monotonic()
            last = line.strip() or last
        return first, answer.status == 200 and last == b"data: [DONE]"
    except (OSError, http.client.HTTPException):
        return first, False
    finally:
        connection.close()


def timed(connect, name, tries):
    """(milliseconds to the first token, whole at the first try). A client that gets none asks again."""
    begun = time.monotonic()
    for attempt in range(tries):
        first, whole = call(connect(), f"{name}.{attempt}")
        if first:
            return (first - begun) * 1000, whole and attempt == 0
    return (time.monotonic() - begun) * 1000, False


class Setup:
    """Provider and far gateway there, near gateway here."""

    def __init__(self, stack, link, folder):
        certificates = Certificates(folder)
        pair = certificates.make("far", f"IP:{link.ADDRESSES['far']}")
        self.link = link
        self.context = ssl.create_default_context(cafile=str(certificates.root))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        far, near = folder / "far", folder / "near"
        for home in (far, near):
            home.mkdir()
        with link.inside("far"):
            self.sim = stack.enter_context(Simulator())
            provider = stack.enter_context(Nginx(folder, self.sim.address, tls=pair, listen=f"{link.ADDRESSES['far']}:443"))
            gateway = stack.enter_context(Gateway(far, workers=1, node={"name": "far"},
                                                  providers={"sim": self.sim.provider()}, default_provider="sim"))
            front = stack.enter_context(Nginx(folder, gateway.url.split("//")[1], tls=pair,
                                              listen=f"{link.ADDRESSES['far']}:444"))
        self.provider = provider.address.split(":")
        with link.inside("near"):
            self.near = stack.enter_context(Gateway(
                near, workers=1, node={"name": "near"}, default_provider="far",
                providers={"far": front.provider(gateway=True, tls={"ca_file": str(certificates.root)},
                                                 pool={"prewarm": 2, "ping_interval": "2s", "ping_timeout": "2s"})}))
            self.wait_until_warm()

    def wait_until_warm(self):
        end = time.monotonic() + 30
        while self.near.metric("hawser_upstream_http2_connections") < 2:
            if time.monotonic() > end:
                raise RuntimeError("the link does not come up")
            time.sleep(0.1)

    def directly(self):
        return http.client.HTTPSConnection(self.provider[0], int(self.provider[1]), timeout=20, context=self.context)

    def through(self):
        return http.client.HTTPConnection(*self.near.address, timeout=20)

    def journal(self):
        with self.link.inside("far"), urllib.request.urlopen(f"http://{self.sim.address}/sim/journal") as answer:
            return json.load(answer)


def measure(setup, calls, seed):
    chance = random.Random(seed)
    ways = {"straight": setup.directly, "gateways": setup.through}
    times, whole = collections.defaultdict(list), collections.Counter()
    for i in range(calls):
        hit, at = chance.random() < RESETS, 1 + int(chance.expovariate(1 / 4))
        for way, connect in ways.items():
            with setup.link.inside("near"):
                if hit:
                    setup.link.reset_after(at)
                # The SDKs' own retries; nobody needs them through the gateways.
                took, at_once = timed(connect, f"{way}-{i}", TRIES if way == "straight" else 1)
                setup.link.spare()
            times[way].append(took)
            whole[way] += at_once
    return times, whole


def report(setup, times, whole, calls):
    resets = setup.link.resets()
    paid = collections.Counter(dict(entry["headers"])["x-sim-name"] for entry in setup.journal())
    twice = sum(count - 1 for name, count in paid.items() if name.startswith("gateways"))
    print(f"{DELAY_S * 1000:.0f} ms one way, {calls} calls each way, {resets} connections reset\n")
    print(f"{'first token after':20}{'p50':>9}{'p90':>9}{'mean':>9}   whole at once")
    for way, label in (("straight", "straight, TLS 1.3"), ("gateways", "through the link")):
        p90 = statistics.quantiles(times[way], n=10)[8]
        print(f"{label:20}{statistics.median(times[way]):7.0f}ms{p90:7.0f}ms{statistics.fmean(times[way]):7.0f}ms"
              f"   {whole[way]} of {calls}")
    sooner = statistics.median(times["straight"]) - statistics.median(times["gateways"])
    lost = calls - whole["gateways"]
    print(f"\nthrough the link: {lost} of {calls} streams lost, {twice} calls paid twice")
    compares = whole["straight"] > calls / 2  # else something else than the path was in its way
    short = sooner < REQUIRED_MS or lost or twice or not resets or not compares
    print(f"the first token comes {sooner:.0f} ms sooner over the warm link (required: {REQUIRED_MS} ms)"
          + (": FALLS SHORT" if short else ""))
    return 1 if short else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the namespaces go on the way out
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 0
    with contextlib.ExitStack() as stack:
        try:
            link = stack.enter_context(Link(DELAY_S))
        except Forbidden as why:
            print(f"skipped: no network namespaces with TUN devices here ({why})")
            return 0
        setup = Setup(stack, link, pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())))
        return report(setup, *measure(setup, options.calls, options.seed), options.calls)


if __name__ == "__main__":
    sys.exit(main())

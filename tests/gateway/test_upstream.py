"""The way to providers: prewarmed connections, raced addresses, limits."""
import contextlib
import json
import socket
import threading
import time

from support.http import chat
from support.programs import Gateway


def test_prewarmed_connections_are_used(sim, tmp_path):
    provider = sim.provider(pool={"prewarm": 3})
    with Gateway(tmp_path, workers=1, providers={"sim": provider}, default_provider="sim") as gateway:
        end = time.monotonic() + 10
        while sim.get("/sim/stats")["connections_open"] < 4 and time.monotonic() < end:  # and ours
            time.sleep(0.05)
        assert chat(gateway.address)[0] == 200
        assert gateway.settled_metric('hawser_upstream_connections_total{reused="true"}', 1) == 1
        assert gateway.metric('hawser_upstream_connections_total{reused="false"}') == 0


@contextlib.contextmanager
def swallowing():
    """A listener whose queue is full: connections to it hang."""
    listener = socket.create_server(("127.0.0.2", 0), backlog=0)
    waiting = []
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(listener.getsockname())
        waiting.append(client)
    try:
        yield listener.getsockname()[1]
    finally:
        for client in [*waiting, listener]:
            client.close()


def test_a_connect_that_hangs_meets_its_deadline(tmp_path):
    with swallowing() as port:
        provider = {"base_url": f"http://127.0.0.2:{port}/v1", "auth": "none"}
        with Gateway(tmp_path, providers={"slow": provider}, default_provider="slow",
                     timeouts={"connect": "300ms"}, retry={"attempts_max": 1}) as gateway:
            begun = time.monotonic()
            status, _, body = chat(gateway.address)
            assert status == 504 and json.loads(body)["error"]["code"] == "timeout", body
            assert 0.25 < time.monotonic() - begun < 3


def test_the_second_address_wins_when_the_first_is_dead(sim, tmp_path):
    """localhost is ::1 and 127.0.0.1; the simulator listens on the latter only."""
    provider = {"base_url": f"http://localhost:{sim.address.split(':')[1]}/v1", "auth": "none"}
    with Gateway(tmp_path, providers={"sim": provider}, default_provider="sim") as gateway:
        assert chat(gateway.address)[0] == 200


def test_connections_of_one_address_are_limited(sim, tmp_path):
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()}, default_provider="sim",
                 limits={"connections_per_address_max": 5}) as gateway:
        open_ones = [socket.create_connection(gateway.address) for _ in range(5)]
        assert gateway.metric_becomes('hawser_connections{side="downstream"}', 5)
        refused = socket.create_connection(gateway.address)
        refused.settimeout(5)
        assert refused.recv(1) == b""
        open_ones.pop().close()
        assert gateway.metric_becomes('hawser_connections{side="downstream"}', 4)
        assert chat(gateway.address)[0] == 200
        for one in open_ones:
            one.close()


def test_retries_stop_when_their_budget_is_spent(sim, tmp_path):
    """A provider that fails for everyone gets little more than one request a client's request."""
    retry = {"backoff_base": "1ms", "backoff_max": "2ms"}
    with Gateway(tmp_path, workers=1, providers={"sim": sim.provider()}, default_provider="sim",
                 retry=retry) as gateway:
        failing = {"x-sim-fault": "status:503"}

        def burst():
            for _ in range(50):
                chat(gateway.address, headers=failing)

        threads = [threading.Thread(target=burst) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sim.journal()) < 200 * 1.6

"""The second tier of the cache: what outlives the process, who can read it, and what a bad disk does."""
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import resource
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from support.http import events, request
from support.programs import HAWSER, Gateway, Simulator

KEY = "0f" * 32
TENANTS = ["acme-industries", "globex-holding"]


def key(name, **more):
    return {"name": name, "hash": "sha256:" + hashlib.sha256(f"secret-{name}".encode()).hexdigest(), **more}


KEYS = [key("a", tenant=TENANTS[0]), key("b", tenant=TENANTS[1])]


@pytest.fixture
def stored(sim, tmp_path):
    """Starts a gateway on the folder's file; ends the one before it."""
    (tmp_path / "store").mkdir()
    running = contextlib.ExitStack()

    def start(how=signal.SIGTERM, disk=None, env=None, master=KEY, cache=None, **config):
        stop(how)
        settings = {"path": str(tmp_path / "store" / "cache.db"), "key": "${env:CACHE_KEY}", **(disk or {})}
        start.gateway = running.enter_context(Gateway(
            tmp_path, providers={"sim": sim.provider()}, env={"CACHE_KEY": master, **(env or {})},
            cache={"mode": "auto", "disk": settings, **(cache or {})}, **config))
        return start.gateway

    def stop(how=signal.SIGTERM):
        if start.gateway:
            start.status = start.gateway.stop(how)
            start.gateway = None
            if how == signal.SIGTERM:
                assert start.status == 0
    start.gateway, start.stop, start.folder = None, stop, tmp_path / "store"
    with running:
        yield start
        if start.gateway:
            stop()


def ask(gateway, who=None, headers=None, **members):
    headers = dict(headers or {})
    if who:
        headers["authorization"] = f"Bearer secret-{who}"
    body = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "What is a hawser?"}]}
    return request(gateway.address, "POST", "/v1/chat/completions", body | members, headers)


def word(answer):
    return answer[1].get("x-hawser-cache")


def disk_bytes(folder):
    return b"".join(file.read_bytes() for file in folder.iterdir())


def purge(gateway, query=""):
    call = urllib.request.Request(f"{gateway.admin}/admin/v1/cache/purge{query}", method="POST")
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_entries_survive_a_restart(stored, sim, how):
    gateway = stored()
    plain = ask(gateway)
    stream = ask(gateway, stream=True, seed=5)
    assert word(plain) == word(stream) == "miss" and gateway.metric_becomes("hawser_cache_disk_entries", 2)
    gateway = stored(how)
    again = ask(gateway)
    assert word(again) == "hit" and again[2] == plain[2] and len(sim.journal()) == 2
    assert again[1]["cache-status"].startswith("hawser; hit; ttl=") and "; detail=disk" in again[1]["cache-status"]
    assert int(again[1]["age"]) < 60
    promoted = ask(gateway)
    assert word(promoted) == "hit" and "detail" not in promoted[1]["cache-status"] and promoted[2] == plain[2]
    replayed = ask(gateway, stream=True, seed=5)
    assert word(replayed) == "hit" and events(replayed[2]) == events(stream[2]) and len(sim.journal()) == 2
    figures = gateway.metrics()
    assert figures['hawser_cache_disk_requests_total{result="hit"}'] == 2
    assert figures["hawser_cache_disk_bytes"] > 4096 and figures['hawser_saved_tokens_total{cause="cache"}'] > 10


def test_a_drain_writes_what_is_queued(stored, sim):
    gateway = stored()
    for number in range(200):
        assert ask(gateway, seed=number)[0] == 200
    gateway = stored()
    assert all(word(ask(gateway, seed=number)) == "hit" for number in range(200)) and len(sim.journal()) == 200


def test_kill_9_at_any_time_leaves_a_file_that_serves(stored, sim):
    sent = 0
    for round_ in range(5):
        gateway = stored(signal.SIGKILL)

        def fire(number):
            with contextlib.suppress(OSError, http.client.HTTPException):
                ask(gateway, seed=number)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            work = [pool.submit(fire, sent + number) for number in range(150)]
            time.sleep(0.15 + 0.03 * round_)
            stored.stop(signal.SIGKILL)
            for job in work:
                job.cancel()
        sent += 150
    gateway = stored()
    assert gateway.settled_metric("hawser_cache_disk_entries", 30) >= 30
    assert not list(stored.folder.glob("*.corrupt"))
    kept = sum(word(ask(gateway, seed=number, headers={"cache-control": "only-if-cached"})) == "hit"
               for number in range(0, sent, 3))
    assert kept > 10


@pytest.mark.parametrize("scope,shared", [("tenant", False), ("key", False), ("global", True)])
def test_another_tenant_gets_nothing_of_it(stored, sim, scope, shared):
    ask(stored(cache={"scope": scope}, keys=KEYS), "a")
    gateway = stored(cache={"scope": scope}, keys=KEYS)
    only = {"cache-control": "only-if-cached"}
    assert ask(gateway, "b", only)[0] == (200 if shared else 504)
    assert ask(gateway, "a", only)[0] == 200


def test_its_files_tell_nothing(stored):
    phrase = "the walrus signs at midnight"
    gateway = stored(keys=KEYS)
    answers = [ask(gateway, "a", seed=n, messages=[{"role": "user", "content": phrase}]) for n in range(5)]
    said = json.loads(answers[0][2])["choices"][0]["message"]["content"]
    assert gateway.metric_becomes("hawser_cache_disk_entries", 5)
    for running in (True, False):
        raw = disk_bytes(stored.folder)
        assert len(raw) > 10_000
        secrets = [phrase, said[:24], *TENANTS, "secret-a", KEY, "chat.completion", "application/json"]
        assert not [text for text in secrets if text.encode() in raw]
        assert bytes.fromhex(KEY) not in raw
        stored.stop()
    assert (stored.folder / "cache.db").stat().st_mode & 0o777 == 0o600


def test_with_another_key_all_are_misses(stored, sim):
    ask(stored())
    gateway = stored(master="1e" * 32)
    assert word(ask(gateway)) == "miss" and word(ask(gateway)) == "hit"
    assert gateway.metric('hawser_cache_disk_requests_total{result="miss"}') == 1
    gateway = stored()
    assert word(ask(gateway)) == "hit"  # the first key reads its entry still


def test_a_broken_file_is_set_aside(stored, sim):
    ask(stored())
    stored.stop()
    (stored.folder / "cache.db").write_bytes(b"no database " * 5000)
    gateway = stored()
    assert word(ask(gateway)) == "miss" and (stored.folder / "cache.db.corrupt").stat().st_size == 60_000
    assert gateway.metric_becomes("hawser_cache_disk_entries", 1)
    assert word(ask(stored())) == "hit"
    stored.stop()
    assert "set aside" in gateway.err


def test_a_flipped_byte_is_a_miss(stored, sim):
    ask(stored())
    stored.stop()
    with contextlib.closing(sqlite3.connect(stored.folder / "cache.db")) as file:
        (sealed,) = file.execute("SELECT sealed FROM entry").fetchone()
        file.execute("UPDATE entry SET sealed = ?", [sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]])
        file.commit()
    gateway = stored()
    assert word(ask(gateway)) == "miss" and word(ask(gateway)) == "hit" and len(sim.journal()) == 2


def test_the_file_is_bounded(stored, sim):
    gateway = stored(disk={"size_max": "1MiB"}, cache={"memory_max": "1MiB"})
    for number in range(500):
        ask(gateway, headers={"x-sim-tokens": "1000"}, seed=number)
    stored.stop()
    assert (stored.folder / "cache.db").stat().st_size <= 1 << 20
    gateway = stored(disk={"size_max": "1MiB"})
    cached = {"x-sim-tokens": "1000", "cache-control": "only-if-cached"}
    # A look-up has 30 ms: on a busy machine not each of them is answered in time.
    assert any(word(ask(gateway, headers=cached, seed=499)) == "hit" for _ in range(20))
    assert not any(word(ask(gateway, headers=cached, seed=0)) for _ in range(3))


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


def test_a_full_disk_keeps_serving(stored, sim, monkeypatch):
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: popen(*a, preexec_fn=limit_files, **k))
    gateway = stored(cache={"memory_max": "64MiB"})
    monkeypatch.undo()
    for number in range(120):
        assert ask(gateway, headers={"x-sim-tokens": "2000"}, seed=number)[0] == 200
    assert gateway.settled_metric('hawser_cache_disk_dropped_total{cause="disk"}', 1) >= 1
    assert word(ask(gateway, headers={"x-sim-tokens": "2000"}, seed=119)) == "hit"
    gateway = stored()
    kept = sum(word(ask(gateway, headers={"x-sim-tokens": "2000", "cache-control": "only-if-cached"}, seed=number))
               == "hit" for number in range(120))
    assert 0 < kept < 120


def mounted(folder, *options):
    return subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode == 0


def test_a_small_file_system_keeps_serving(stored):
    if not mounted(stored.folder, "-t", "tmpfs", "-o", "size=400k", "tmpfs"):
        pytest.skip("mounting is not allowed here")
    try:
        gateway = stored()
        for number in range(120):
            assert ask(gateway, headers={"x-sim-tokens": "2000"}, seed=number)[0] == 200
        assert gateway.settled_metric('hawser_cache_disk_dropped_total{cause="disk"}', 1) >= 1
        stored.stop()
        assert mounted(stored.folder, "-o", "remount,ro")
        gateway = stored()
        assert ask(gateway)[0] == 200
        assert gateway.settled_metric('hawser_cache_disk_requests_total{result="error"}', 1) == 1
        stored.stop()
    finally:
        stored.stop(signal.SIGKILL)
        subprocess.run(["umount", str(stored.folder)], check=True)


def test_a_path_that_cannot_be_opened_keeps_serving(stored, tmp_path):
    gateway = stored(disk={"path": str(tmp_path / "not-there" / "cache.db")})
    assert word(ask(gateway)) == "miss" and word(ask(gateway)) == "hit"
    assert gateway.metric('hawser_cache_disk_requests_total{result="error"}') == 1
    assert purge(gateway) == 503 and word(ask(gateway)) == "miss"  # the memory is empty all the same
    (tmp_path / "not-there").mkdir()
    deadline = time.monotonic() + 10
    while gateway.metric("hawser_cache_disk_entries") == 0:
        ask(gateway, seed=int(time.monotonic() * 1000))
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_purging_takes_both_tiers(stored, sim):
    models = {name: {"targets": [{"provider": "sim"}]} for name in ("m", "n")}
    settings = {"keys": KEYS, "models": models}

    def fill(gateway):
        for who in "ab":
            for model in "mn":
                ask(gateway, who, model=model)
        assert gateway.metric_becomes("hawser_cache_disk_entries", 4)
    gateway = stored(**settings)
    fill(gateway)
    assert purge(gateway, f"?tenant={TENANTS[0]}&model=n") == {"purged": 1, "purged_disk": 1}
    assert word(ask(gateway, "a", model="n")) == "miss"
    gateway = stored(**settings)
    assert purge(gateway, f"?tenant={TENANTS[1]}") == {"purged": 0, "purged_disk": 2}
    assert word(ask(gateway, "a")) == "hit" and word(ask(gateway, "b")) == "miss"
    fill(gateway)
    assert purge(gateway, "?older_than=1h") == {"purged": 0, "purged_disk": 0}
    assert purge(gateway)["purged_disk"] == 4 and purge(gateway) == {"purged": 0, "purged_disk": 0}
    gateway = stored(**settings)
    assert all(word(ask(gateway, who, model=model)) == "miss" for who in "ab" for model in "mn")


SLOW_READS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
ssize_t pread64(int fd, void *to, size_t size, off_t at) {
  ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread64");
  if (access(getenv("SLOW_READS"), F_OK) == 0) usleep(400000);
  return real(fd, to, size, at);
}
"""


def test_a_slow_disk_costs_no_more_than_the_budget(stored, sim, tmp_path):
    (tmp_path / "slow.c").write_text(SLOW_READS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "slow.so", "slow.c"], cwd=tmp_path, check=True)
    gateway = stored()
    for number in range(50):
        ask(gateway, seed=number)
    gateway = stored(env={"LD_PRELOAD": str(tmp_path / "slow.so"), "SLOW_READS": str(tmp_path / "slow"),
                          "ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert gateway.settled_metric("hawser_cache_disk_entries", 50) == 50 and word(ask(gateway, seed=1)) == "hit"
    (tmp_path / "slow").touch()
    begun = time.monotonic()
    answer = ask(gateway, seed=40)
    assert time.monotonic() - begun < 0.3 and word(answer) == "miss"
    assert gateway.metric('hawser_cache_disk_requests_total{result="timeout"}') == 1
    (tmp_path / "slow").unlink()
    time.sleep(1)  # the one that was slow ends
    assert word(ask(gateway, seed=40)) == "hit" and word(ask(gateway, seed=41)) == "hit"


def test_stale_answers_survive_too(stored, sim):
    times = {"ttl": "1s", "stale_while_revalidate": "0"}
    body = ask(stored(cache=times))[2]
    gateway = stored(cache=times)
    time.sleep(1.2)
    status, headers, again = ask(gateway, headers={"x-sim-fault": "status:500"})
    assert status == 200 and again == body and "detail=stale-if-error" in headers["cache-status"]


def test_two_gateways_do_not_share_a_file(stored, sim, tmp_path):
    ask(stored())
    second = tmp_path / "second"
    second.mkdir()
    with Gateway(second, providers={"sim": sim.provider()}, env={"CACHE_KEY": KEY},
                 cache=stored.gateway.config["cache"]) as other:
        assert word(ask(other)) == "miss" and word(ask(other)) == "hit"
        stored.stop()
        deadline = time.monotonic() + 10  # the one that stays takes the file over
        while other.metric("hawser_cache_disk_entries") == 0:
            ask(other, seed=int(time.monotonic() * 1000))
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("master,fine", [
    ("0f" * 32, True), ("Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=", True), ("short", False),
    ("0f" * 31, False), ("zz" * 32, False)])
def test_what_a_key_looks_like(tmp_path, master, fine):
    file = tmp_path / "hawser.yaml"
    (tmp_path / "key").write_text(master + "\n")
    file.write_text(json.dumps({
        "providers": {"p": {"base_url": "http://127.0.0.1:1/v1", "auth": "none"}},
        "cache": {"disk": {"path": str(tmp_path / "db"), "key": "${file:%s}" % (tmp_path / "key")}}}))
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True)
    assert (done.returncode == 0) == fine, done.stdout
    if not fine:
        assert "cache.disk.key" in done.stdout and "32 bytes" in done.stdout and master not in done.stdout

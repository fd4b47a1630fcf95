"""Malformed inputs over sockets: the gateway does not die of any, goes on answering, and its memory is bounded.

By default some 20,000 against the binary under test; with --all, or HAWSER_MALFORMED=COUNT, that many, against the
build with sanitizers where there is one (build/asan/hawser, or HAWSER_ASAN). HAWSER_MALFORMED_SEED picks others.
"""
import contextlib
import hashlib
import os
import pathlib
import time

from support import programs
from support.http import request
from support.malformed import KEY, Malformed
from support.onslaught import Onslaught, Provider
from support.operations import grants
from support.programs import Gateway
from support.ways import LISTEN

STEP = 2_000  # inputs between two looks
RSS_MAX_KIB = {False: 256 * 1024, True: 1024 * 1024}  # with sanitizers: their shadow and what they keep back
CHAT = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}


def sanitized():
    built = pathlib.Path(__file__).parents[2] / "build/asan/hawser"
    path = os.environ.get("HAWSER_ASAN", built if built.exists() else "")
    return str(path) if path else None


def config_of(provider):
    """Every stage has something to do."""
    key = {"name": "k", "hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest(), "operations": grants()}
    rules = [{"name": "people", "detect": ["email", "phone"], "action": "pseudonymise"},
             {"name": "keys", "detect": ["credential", "jwt"], "action": "mask"}]
    return {"listen": LISTEN, "keys": [key], "providers": {"p": {"base_url": provider.url, "auth": "none"}},
            "filter": {"rules": rules, "pass_unread": ["audio", "images", "files", "batches", "unknown", "gemini"]},
            "cache": {"mode": "auto", "memory_max": "16MiB"}, "generations": {"memory_max": "32MiB", "grace_unannounced": "300ms"},
            "rate_limits": [{"name": "many", "by": ["key"], "rate": "100000/s", "unit": "tokens"}],
            "grpc": {"reflection": True}, "retry": {"attempts_max": 1},
            "limits": {"head_timeout": "2s", "body_timeout": "2s", "idle_timeout": "5s"},
            "timeouts": {"first_token": "3s", "total": "5s"}, "log": {"access_log": "/dev/null", "level": "error"}}


def good(gateway):
    """A sound request, answered."""
    status, _, body = request(gateway.address, "POST", "/v1/chat/completions", CHAT, {"Authorization": f"Bearer {KEY}"})
    return status, body


def answers_again(gateway, seconds=15):
    """A target that gave only nonsense is left alone for a moment; then a sound request is answered."""
    end = time.monotonic() + seconds
    while (got := good(gateway))[0] != 200 and time.monotonic() < end:
        time.sleep(0.1)
    return got


def report(gateway, onslaught, folder):
    kept = folder / "last_inputs"
    kept.mkdir(exist_ok=True)
    for number, kind, data in onslaught.last:
        (kept / f"{number}-{kind}").write_bytes(data)
    with contextlib.suppress(Exception):
        gateway.stop(timeout=30)
    return f"the last inputs are in {kept}; exit {gateway.process.returncode}\n{getattr(gateway, 'err', '')[-8000:]}"


def test_malformed_inputs(tmp_path, everything, figure, monkeypatch):
    count = int(os.environ.get("HAWSER_MALFORMED", 1_000_000 if everything else 20_000))
    seed = int(os.environ.get("HAWSER_MALFORMED_SEED", 1))
    program = sanitized() if count > 20_000 else None
    if program:
        monkeypatch.setattr(programs, "HAWSER", program)
    began = time.monotonic()
    with Provider(seed) as provider:
        environment = {"ASAN_OPTIONS": "quarantine_size_mb=16:malloc_context_size=8", "UBSAN_OPTIONS": "print_stacktrace=1"}
        with Gateway(tmp_path, env=environment, **config_of(provider)) as gateway:
            assert good(gateway)[0] == 200
            over_grpc = ("127.0.0.1", int(gateway.urls[1].rsplit(":", 1)[1]))
            onslaught = Onslaught(Malformed(seed), {"": gateway.address, "grpc": over_grpc})
            most = 0
            for first in range(0, count, STEP):
                try:
                    onslaught.throw(first, min(STEP, count - first))
                    status, body = answers_again(gateway)
                except OSError as error:
                    raise AssertionError(f"{error}: {report(gateway, onslaught, tmp_path)}") from error
                assert gateway.process.poll() is None, report(gateway, onslaught, tmp_path)
                assert status == 200, (status, body, first)
                most = max(most, gateway.memory_kib())
                assert most < RSS_MAX_KIB[program is not None], (most, first)
            took = time.monotonic() - began
            kinds = set(onslaught.answered)
            assert kinds == set(Malformed.KINDS), "each kind reaches who answers"
            assert gateway.stop(timeout=120) == 0, gateway.err[-8000:]
    figure(f"malformed: {count} inputs of {len(kinds)} kinds in {took:.0f} s{' (sanitizers)' if program else ''}, 0 deaths, "
           f"RSS at most {most / 1024:.0f} MB")

"""The program as it is shipped, and the unit that runs it: what an attacker who found a hole would still meet."""
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import time

import pytest

from support.http import chat, request
from support.programs import CLEAN, HAWSER

ROOT = pathlib.Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/hawser.service"


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, HAWSER], capture_output=True, text=True, check=True).stdout


def test_the_program_is_hardened(figure):
    if "-fsanitize" in readelf("-p", ".comment") or "__asan_init" in readelf("--dyn-syms"):
        pytest.skip("a build with sanitizers")
    dynamic, segments, symbols = readelf("-d"), readelf("-l"), readelf("--dyn-syms")
    found = {
        "position-independent": "DYN (Position-Independent" in readelf("-h"),
        "full RELRO": "GNU_RELRO" in segments and bool(re.search(r"\(FLAGS_1\).*NOW", dynamic)),
        "stack not executable": bool(re.search(r"GNU_STACK.* RW +0x", segments)),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified": bool(re.search(r"__\w+_chk@GLIBC", symbols)),
        "shadow stack": platform.machine() != "x86_64" or "SHSTK" in readelf("-n"),
        "no run path": "RPATH" not in dynamic and "RUNPATH" not in dynamic,
    }
    figure("the program: " + ", ".join(f"{name} {'yes' if held else 'NO'}" for name, held in found.items()))
    assert all(found.values()), found


def directives():
    entries = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            entries.setdefault(name, []).append(value)
    return entries


@pytest.fixture(scope="module")
def groups():
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True).stdout
    out, name = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            name = line.strip()
            out[name] = set()
        elif line.startswith("    ") and not line.strip().startswith("#") and name:
            out[name].add(line.strip())
    return out


def unfolded(word, groups):
    if not word.startswith("@"):
        return {word}
    return set().union(*(unfolded(each, groups) for each in groups[word]))


def allowed(groups):
    # Granted by systemd itself: systemd.exec(5), SystemCallFilter.
    calls = {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"} | unfolded("@default", groups)
    for value in directives()["SystemCallFilter"]:
        names = set().union(*(unfolded(word, groups) for word in value.lstrip("~").split()))
        calls = calls - names if value.startswith("~") else calls | names
    return calls


def test_the_unit_is_tight(groups, figure):
    verdict = subprocess.run(["systemd-analyze", "security", "--offline=true", UNIT], capture_output=True, text=True)
    exposure = float(re.search(r"exposure level for hawser.service: ([0-9.]+)", verdict.stdout)[1])
    figure(f"systemd-analyze security: exposure {exposure} (10 is worst)")
    assert exposure <= 1.5
    closed = {"ptrace", "process_vm_readv", "mount", "unshare", "setns", "bpf", "init_module", "kexec_load", "reboot", "swapon",
              "userfaultfd", "perf_event_open", "io_uring_setup", "keyctl", "personality", "chroot", "setuid", "chown", "iopl",
              "execveat", "fork", "vfork"}
    assert not closed & allowed(groups)


def test_a_run_makes_no_system_call_that_the_unit_refuses(sim, tmp_path, groups, certificates, figure):
    """With everything on: TLS, audit, ledger, the cache's disk, a reload, a name to resolve, the admin listener, a drain."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    certificate, key = certificates.make("front")
    tls = {"certificate": str(certificate), "key": str(key)}
    config = {"listen": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "tls": tls}],
              "admin": {"address": "127.0.0.1:0"}, "workers": 2,
              "log": {"access_log": str(tmp_path / "access.log")},
              "providers": {"sim": sim.provider(), "away": {"base_url": "https://away.invalid/v1", "auth": "none"}},
              "models": {"m": {"targets": [{"provider": "away"}, {"provider": "sim"}]},
                         "sim-large": {"targets": [{"provider": "sim"}]}},
              "audit": {"folder": str(tmp_path / "audit"), "key": "ab" * 32},
              "ledger": {"path": str(tmp_path / "ledger.db")},
              "cache": {"mode": "all", "disk": {"path": str(tmp_path / "cache.db"), "key": "cd" * 32}}}
    file = tmp_path / "hawser.yaml"
    file.write_text(json.dumps(config))
    trace = tmp_path / "trace"
    process = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-e", "trace=all", "-e", "signal=none", HAWSER, "serve", "-c", file],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=CLEAN)
    try:
        urls = [process.stdout.readline().strip().rsplit(":", 1)[1] for _ in range(3)]
        api, front, admin = (("127.0.0.1", int(port)) for port in urls)
        for stream in (False, True, True):
            assert chat(api, stream=stream)[0] == 200
        chat(api, model="m")
        request(admin, "GET", "/metrics")
        request(admin, "POST", "/admin/v1/cache/purge")
        subprocess.run(["curl", "-sk", f"https://127.0.0.1:{front[1]}/"], check=True, capture_output=True)
        child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        subprocess.run(["kill", "-HUP", str(child)], check=True)
        time.sleep(1.5)
        subprocess.run(["kill", "-TERM", str(child)], check=True)
        process.wait(40)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace.read_text(), re.M))
    # SQLite gives its files' owner to their companions, as root alone: the unit's user is not.
    refused = made - allowed(groups) - ({"fchown"} if os.geteuid() == 0 else set())
    figure(f"{len(made)} different system calls in a run with everything on: {len(refused)} that the unit refuses {sorted(refused)}")
    assert len(made) > 30 and not refused

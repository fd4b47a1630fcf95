"""Takes one sample: one load against one proxy."""
import json
import pathlib
import re
import subprocess

import benches
import peers


def options_of(case, seconds):
    options = list(case.load)
    if case.events_a_second:
        rate = case.events_a_second
        events = int(rate * (case.warmup + seconds + 1))  # longer than the measurement
        options += ["--answer", f"stream rate={rate} events={events}"]
    return [*options, "--seconds", str(seconds), "--warmup", str(case.warmup)]


def load_command(setup, peer, case, options):
    watched = ",".join(map(str, peer.pids()))
    command = [setup.programs / "bench_load", "--port",
               peer.tls_port if case.tls else peer.port, "--key", peers.KEY, "--model",
               peers.MODEL, "--beside", ",".join(map(str, setup.upstream.pids())), *options]
    if watched:
        command += ["--watch", watched]
    return peers.pinned(setup.other_core, *command, *(["--tls", "1"] if case.tls else []))


def run_load(setup, peer, case, options):
    done = subprocess.run(load_command(setup, peer, case, options), capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise peers.Failed(f"{peer.name}: {done.stderr.strip()}{peer.complaint()}")
    sample = json.loads(done.stdout)
    if sample["errors"] or sample["unfinished"]:
        raise peers.Failed(f"{peer.name}: {sample['errors']} failed ({sample['error']}), "
                           f"{sample['unfinished']} did not finish{peer.complaint()}")
    return sample


def load_sample(setup, peer, case, seconds):
    sample = run_load(setup, peer, case, options_of(case, seconds))
    count, wall = sample[case.per], sample["seconds"]
    if count == 0:
        raise peers.Failed(f"{peer.name}: nothing came through in {wall:.1f} s")
    sample["cpu_us"] = sample["cpu_ns"] / count / 1000
    sample["rate"] = sample["requests"] / wall
    sample["event_rate"] = sample["events"] / wall
    sample["busy"] = sample["cpu_ns"] / wall / 1e9
    sample["other_busy"] = (sample["own_cpu_ns"] + sample["beside_ns"]) / wall / 1e9
    share = sample["resumed"] / count
    if ("--resume" in case.load) != (share > 0.9):
        raise peers.Failed(f"{peer.name}: {share:.0%} of the TLS sessions were resumed")
    peer.forget_log()
    return sample


def cpu_ns(pids):
    """All threads of these processes together."""
    return sum(int(task.read_text().split()[0]) for pid in pids
               for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


H2_REQUESTS = 20_000


def h2_sample(setup, peer, case, seconds):
    """One load of h2load: a fixed number of requests over few connections, many at once on each."""
    body = setup.work / "h2-body.json"
    prompt = "x" * 800
    body.write_text(json.dumps({"model": peers.MODEL, "messages": [{"role": "user", "content": prompt}]}))
    count = max(int(H2_REQUESTS * seconds), 4_000)
    before = cpu_ns(peer.pids())
    done = subprocess.run(
        peers.pinned(setup.other_core, "h2load", "-n", count, "-c", 16, "-m", 16, "-d", body, "-H",
                     f"authorization: Bearer {peers.KEY}", "-H", "content-type: application/json",
                     f"http://127.0.0.1:{peer.h2_port}/v1/chat/completions"),
        capture_output=True, text=True)
    used = cpu_ns(peer.pids()) - before
    found = re.search(r"(\d+) total, \d+ started, \d+ done, (\d+) succeeded", done.stdout)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)
    if not found or not rate or int(found[2]) != count:
        raise peers.Failed(f"{peer.name}: {done.stdout[-600:]}{done.stderr[-300:]}{peer.complaint()}")
    peer.forget_log()
    return {"cpu_us": used / count / 1000, "rate": float(rate[1]), "per_core": count / (used / 1e9)}


def private_bytes(pids):
    """Memory that no other process shares (smaps_rollup: Private_Clean and Private_Dirty)."""
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += sum(map(int, re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", text, re.M)))
    return total * 1024


def held_streams(setup, name, settings, case, count):
    """Private memory of a fresh proxy that holds `count` open, silent streams."""
    peer = setup.start(name, settings)
    try:
        options = ["--connections", str(count), "--ramp", str(count / 2000), "--hold", "1",
                   "--answer", "idle"]
        with subprocess.Popen(load_command(setup, peer, case, options), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
            sample = json.loads(load.stdout.readline() or '{"open":0,"errors":0,"error":""}')
            held = private_bytes(peer.pids())
            load.communicate("\n")
        if sample["open"] != count or sample["errors"]:
            raise peers.Failed(f"{name}: {sample['open']} of {count} streams "
                               f"opened {sample['error']}")
        return held
    finally:
        peer.close()


def idle_sample(setup, name, settings, case):
    """What each of the last streams costs: the first ones live off memory that was freed since the
    start, and would flatter whoever needs much of it to start."""
    few, many = (held_streams(setup, name, settings, case, count)
                 for count in (benches.IDLE_STREAMS_FIRST,
                               benches.IDLE_STREAMS_FIRST + benches.IDLE_STREAMS))
    return {"stream_bytes": (many - few) / benches.IDLE_STREAMS}


def peak_bytes(pids):
    texts = (pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids)
    return 1024 * sum(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in texts)


def rss_sample(setup, name, settings, case):
    peer = setup.start(name, settings)
    try:
        sample = load_sample(setup, peer, case, 4.0)
        if sample["rate"] < 490:
            raise peers.Failed(f"{name}: {sample['rate']:.0f} requests a second came through")
        return {"peak_mb": peak_bytes(peer.pids()) / 1e6}
    finally:
        peer.close()


def perf(setup, peer, case, seconds, output):
    """Records where the proxy spends its time while the load runs."""
    output.parent.mkdir(exist_ok=True)
    pids = ",".join(map(str, peer.pids()))
    recorder = subprocess.Popen(
        ["perf", "record", "-q", "-F", "1999", "-g", "-o", str(output), "-p", pids, "--",
         "sleep", str(seconds + case.warmup)])
    load_sample(setup, peer, case, seconds)
    recorder.wait()
    return recorder.returncode == 0

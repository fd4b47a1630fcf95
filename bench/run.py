#!/usr/bin/env python3
"""Benchmarks of the whole gateway beside nginx and HAProxy, as docs/benchmarks.md explains.

    bench/run.py NAME [--hawser build/release/hawser] [--only hawser,nginx] [--rounds N]
                      [--seconds S] [--quick] [--perf]

NAME is one of the benchmarks, or all. The figure comes last; the status is 1 where it falls short
of what is required.
"""
import argparse
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile

import benches
import measure
import peers
import report

ROOT = peers.HERE.parent


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="all", choices=[*benches.BENCHES, "all"])
    parser.add_argument("--hawser", type=pathlib.Path, default=ROOT / "build/release/hawser")
    parser.add_argument("--programs", type=pathlib.Path,
                        help="where bench_load and bench_upstream are; default: beside hawser")
    parser.add_argument("--before", type=pathlib.Path, metavar="CHECKOUT",
                        help="also measure what is built in another checkout, as `before`")
    parser.add_argument("--only", help="proxies to run; the first is judged, nginx is the measure")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s: does it work?")
    parser.add_argument("--perf", action="store_true",
                        help="also record the first proxy into build/perf.data")
    parser.add_argument("--cores", help="core of the proxy, core of the rest")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 2, 1.0
    allowed = sorted(os.sched_getaffinity(0))
    if args.cores:
        args.cores = [int(core) for core in args.cores.split(",")]
    elif len(allowed) >= 2:
        args.cores = allowed[:2]
    else:
        parser.error("two cores are needed")
    args.hawser = args.hawser.resolve()
    args.before = args.before.resolve() if args.before else None
    args.programs = (args.programs or args.hawser.parent / "bench").resolve()
    return args


def names_of(args, bench):
    names = args.only.split(",") if args.only else list(bench.peers)
    if args.before and "before" not in names:
        names.insert(1, "before")
    unknown = [name for name in names if name not in peers.KINDS]
    if unknown:
        raise peers.Failed(f"unknown: {', '.join(unknown)}; known: {', '.join(peers.KINDS)}")
    if "haproxy" in names and not args.only and shutil.which("haproxy") is None:
        names.remove("haproxy")
    return names


def rotated(names, turn):
    """Each comes first once, so that no one always runs after the same other."""
    turn %= len(names)
    return names[turn:] + names[:turn]


def loaded_rounds(args, setup, bench, case, names):
    running = {}
    try:
        for name in names:
            running[name] = setup.start(name, bench.settings)
        rounds = []
        for turn in range(args.rounds):
            rounds.append({name: measure.load_sample(setup, running[name], case, args.seconds)
                           for name in rotated(names, turn)})
        if args.perf:
            output = ROOT / "build/perf.data"
            if measure.perf(setup, running[names[0]], case, args.seconds, output):
                print(f"perf report -i {output}")
        return rounds
    finally:
        for peer in running.values():
            peer.close()


def h2_rounds(args, setup, bench, case, names):
    proxies = {name: setup.start(name, bench.settings) for name in names}
    try:
        for proxy in proxies.values():
            measure.h2_sample(setup, proxy, case, 0.1)
        return [{name: measure.h2_sample(setup, proxies[name], case, args.seconds)
                 for name in rotated(names, turn)} for turn in range(args.rounds)]
    finally:
        for proxy in proxies.values():
            proxy.close()


def memory_rounds(args, setup, bench, case, names):
    """Each sample has a fresh process."""
    take = {"idle": measure.idle_sample, "rss": measure.rss_sample}[case.kind]
    return [{name: take(setup, name, bench.settings, case) for name in rotated(names, turn)}
            for turn in range(min(args.rounds, bench.rounds_max))]


def run_bench(args, setup, bench_name):
    """@return (table lines, verdicts)"""
    lines, verdicts = [], []
    bench = benches.BENCHES[bench_name]
    names = names_of(args, bench)
    for case in bench.cases:
        take = {"load": loaded_rounds, "h2": h2_rounds}.get(case.kind, memory_rounds)
        case_names = [name for name in names if case.kind == "load" or name != "direct"]
        rounds = take(args, setup, bench, case, case_names)
        lines += report.table(bench, case, rounds, case_names)
        found = [report.verdict(f"{bench_name}, {case.title}", figure, rounds, names[0])
                 for figure in case.figures]
        verdicts += [entry for entry in found if entry is not None]
    return lines, verdicts


def write_results(name, lines):
    folder = peers.HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n")


def require_programs(args):
    for path in (args.programs / "bench_load", args.programs / "bench_upstream"):
        if not path.exists():
            raise peers.Failed(f"{path} is not there: ./dev bench builds it")


def run_all(args, work, files):
    require_programs(args)
    upstream = peers.Upstream(args.programs / "bench_upstream", args.cores[1])
    setup = peers.Setup(args, work, upstream, files)
    chosen = list(benches.BENCHES) if args.name == "all" else [args.name]
    names = names_of(args, benches.BENCHES[chosen[0]])
    text = [f"# Benchmark: {args.name}", "", *report.machine(args, names)]
    print("\n".join(text))
    verdicts = []
    try:
        for name in chosen:
            try:
                lines, found = run_bench(args, setup, name)
            except peers.Failed as error:
                lines, found = [], [(False, f"MISS {name}: {error}")]
            print("\n".join(lines), flush=True)
            text += lines
            verdicts += found
    finally:
        upstream.close()
    verdict_lines = [line for _, line in verdicts]
    write_results(args.name, [*text, "```", *verdict_lines, "```"])
    print("\n".join(verdict_lines))
    return 0 if verdicts and all(reached for reached, _ in verdicts) else 1


def main():
    args = parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="hawser-bench-",
                                     dir=memory if memory.is_dir() else None) as work:
        os.chmod(work, 0o755)  # nginx works as another user
        try:
            return run_all(args, pathlib.Path(work), files)
        except (peers.Failed, OSError) as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())

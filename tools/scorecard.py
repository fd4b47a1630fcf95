"""One table of conformance, faults and attacks: what holds, its target, and the command that shows it.

Each row is run by its own command, `./dev test NAME`; a row without a passed test, or with a failed
one, falls short. Exit status 1 where one does.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Area, what must hold, target, the name that `./dev test` takes.
ROWS = [
    ("conformance", "HTTP/1.1 vectors", "at least 139 of 143, no wrong 2xx", "http_vectors"),
    ("conformance", "HTTP/2 (h2spec)", "146 of 146", "h2spec"),
    ("conformance", "WebSocket (Autobahn's cases)", "all", "test_websocket_conformance"),
    ("conformance", "recorded provider exchanges", "byte for byte", "fixtures"),
    ("conformance", "recorded answers cut at their bytes", "read alike", "Recorded"),
    ("attacks", "request smuggling in front", "nothing reaches the provider", "smuggling"),
    ("attacks", "connections to providers used again", "only when whole", "test_upstream_reuse"),
    ("attacks", "the walk: spellings past a policy, over every transport", "0 of all requests", "test_walk"),
    ("attacks", "equivalent spellings, and each fuzz target's inputs", "decide alike, no property broken", "Seeds"),
    ("attacks", "malformed inputs over sockets", "0 deaths, RSS at most 256 MB", "test_malformed"),
    ("attacks", "objects of other tenants", "none is read, listed or deleted", "test_ownership"),
    ("attacks", "forms with two readings", "refused", "FormReader"),
    ("attacks", "texts in any place and spelling", "all are seen", "RewriteText"),
    ("attacks", "what is sold without a price", "refused under a hard budget", "test_money"),
    ("attacks", "HTTP/2 floods", "bounded and counted", "http2_floods"),
    ("attacks", "clients that never read", "memory, descriptors and log within bounds", "test_never_reads"),
    ("attacks", "bodies and streams beyond memory", "503 or 429, RSS within bounds", "test_memory_bounds"),
    ("attacks", "compressed bombs", "413", "test_compressed_bodies"),
    ("attacks", "frames that overrule their connection", "refused", "test_frames"),
    ("attacks", "web pages and rebound names", "403", "test_web_pages"),
    ("attacks", "private addresses behind public names", "refused in 200 spellings", "test_names"),
    ("attacks", "bad certificates", "22 of 22 refused", "BadCertificates"),
    ("attacks", "ids from outputs of their generator", "not predictable", "SecureRandom"),
    ("attacks", "credentials in logs and errors", "none", "test_secrets"),
    ("faults", "ends of answers", "by what they say", "test_answers"),
    ("faults", "targets that fail, stall or name odd times", "served by others", "test_deadlines"),
    ("faults", "paths that break again and again", "whole, one call each", "test_broken_path"),
    ("faults", "links of gateways cut at any byte", "the same stream, one call", "test_link_cuts"),
    ("faults", "streams cut at many bytes", "resumed", "test_resume"),
    ("faults", "full disk and kill -9", "nothing committed is lost", "Ledger"),
    ("operators", "admin, ports, refusals before the pipeline", "told and counted", "test_operators"),
    ("operators", "hardening of the binary and its unit", "all flags, no refused call", "test_hardening"),
]


def run(name):
    """(passed, failed, figures) of one command."""
    done = subprocess.run([ROOT / "dev", "test", name], cwd=ROOT, capture_output=True, text=True)
    count = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.M)
    passed, failed = map(int, count[-1]) if count else (0, 1)
    figures = done.stdout[done.stdout.rfind(" failed, "):].splitlines()[1:] if count else []
    return passed, failed, figures


def main(wanted):
    short = 0
    print("| area | what holds | target | passed | command |\n|---|---|---|---|---|")
    for area, what, target, name in ROWS:
        if wanted and not any(word in (area, name) for word in wanted):
            continue
        passed, failed, figures = run(name)
        fell = failed > 0 or passed == 0
        short += fell
        told = f"**{passed}, {failed} failed**" if fell else str(passed)
        print(f"| {area} | {what} | {target} | {told} | `./dev test {name}` |", flush=True)
        for figure in figures:
            print(f"|  | {figure} | | | |", flush=True)
    print(f"\nfigure: {short} rows fall short")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

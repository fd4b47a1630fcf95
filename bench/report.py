"""Tables and verdicts."""
import datetime
import os
import pathlib
import platform
import statistics
import subprocess

import peers


def spread(values, digits):
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def ratios(rounds, name, key):
    """This proxy over nginx, each within its own round."""
    return [samples[name][key] / samples["nginx"][key] for samples in rounds
            if name in samples and samples.get("nginx", {}).get(key)]


def resolution(rounds, key):
    """Twice what nginx differs from itself by, in the median of the rounds; 0 where it ran once."""
    apart = [abs(ratio - 1) for ratio in ratios(rounds, "nginx-again", key)]
    return 2 * statistics.median(apart) if apart else 0.0


def values_of(rounds, name, figure):
    return [samples[name][figure.key] for samples in rounds if name in samples]


def table(bench, case, rounds, names):
    relative = any(figure.relative for figure in case.figures) and "nginx" in names
    lines = [f"**{bench.what}: {case.title}**", ""]
    columns = ["", *(f"{figure.title}, {figure.unit}" for figure in case.figures)]
    if relative:
        columns += [f"{figure.title} / nginx" for figure in case.figures if figure.relative]
    if case.kind == "load":
        columns += ["proxy's core busy", "other core busy"]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for name in names:
        cells = [name]
        cells += [spread(values_of(rounds, name, figure), figure.digits)
                  if not (name == "direct" and figure.key == "cpu_us") else ""
                  for figure in case.figures]
        if relative:
            cells += [spread(ratios(rounds, name, figure.key), 3)
                      for figure in case.figures if figure.relative]
        if case.kind == "load":
            cells += [f"{statistics.median(s[name][key] for s in rounds):.0%}"
                      for key in ("busy", "other_busy")]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def verdict(title, figure, rounds, name):
    """@return (reached, line), or None for a figure that is only shown"""
    if figure.limit is None:
        return None
    measured = (ratios(rounds, name, figure.key) if figure.relative
                else values_of(rounds, name, figure))
    if not measured:
        return None
    value = statistics.median(measured)
    digits = 3 if figure.relative else figure.digits

    # What the same program differs by is not a difference between two programs.
    blur = resolution(rounds, figure.key) if figure.relative else 0.0

    def reaches(bound):
        return value >= bound - blur if figure.at_least else value <= bound + blur

    relation = ">=" if figure.at_least else "<="
    of = " of nginx's" if figure.relative else f" {figure.unit}"
    asked = f"required {relation} {figure.limit:g}"
    if blur:
        asked += f", told apart from {blur:.3f} on"
    if figure.goal is not None:
        state = "reached" if reaches(figure.goal) else "not reached"
        asked += f", goal {figure.goal:g} {state}"
    word = "ok  " if reaches(figure.limit) else "MISS"
    line = (f"{word} {name}, {title}: {figure.title} {value:,.{digits}f}{of} "
            f"[{min(measured):,.{digits}f} to {max(measured):,.{digits}f}] ({asked})")
    return reaches(figure.limit), line


def machine(args, names):
    cpu = next((line.split(":")[1].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True,
                              text=True, cwd=peers.HERE).stdout.strip() or "none"
    versions = [peers.version_of(name, args.hawser) for name in names]
    now = datetime.datetime.now(datetime.timezone.utc)
    return [
        f"- {now:%Y-%m-%d %H:%M} UTC, revision {revision}",
        f"- {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; proxy on core "
        f"{args.cores[0]}, load and provider on core {args.cores[1]}; load average "
        f"{os.getloadavg()[0]:.2f} at the start",
        f"- {'; '.join(filter(None, versions))}",
        f"- {args.rounds} rounds of {args.seconds:g} s each, order rotating; median (lowest to "
        "highest); ratios are taken within a round", ""]

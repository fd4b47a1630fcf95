"""House rules that no compiler checks. Runs as a test; prints file:line: what to do.

The layers stand in src/CMakeLists.txt: a folder may include itself and what it lists.
"""
import pathlib
import re
import sys

LINE_MAX, FILE_MAX, TEST_MAX = 100, 500, 800
REVEALS = ("admin", "base", "net", "http", "secret", "provider", "stage/authenticate", "settings")
BANNED_NAMES = ("util", "helper", "manager", "common", "misc")
# What the programs beside src/ may include of it, and what else they may.
BESIDE = {
    "sdk/include": ("hawser",), "sdk/examples": ("hawser",), "cli": ("cli", "hawser", "audit", "base", "config", "dialect", "secret", "tokenizer"),
    "sdk/src": ("base", "wire", "hawser"),
    "sim": ("base", "wire", "net", "http", "sim"),
}
CREDENTIALS = "src/base/credential_headers.hpp"
UMBRELLAS = ("boost/asio.hpp", "boost/beast.hpp", "spdlog/spdlog.h")


def graph(root):
    text = (root / "src" / "CMakeLists.txt").read_text()
    rule = re.compile(r"^hawser_module\((\S+)([^)]*)\)", re.M)
    allowed = {}
    for name, rest in rule.findall(text):
        words = re.split(r"\bLIBRARIES\b", rest)[0].replace("DEPENDS", "").split()
        allowed[name] = set(words)
    return allowed


def module_of(path, allowed):
    """The longest module name that is a folder of `path`."""
    return max((m for m in allowed if path.startswith(m + "/")), key=len, default="")


def may_include(file, included, allowed):
    """None when the include is fine, else why not."""
    for folder, others in BESIDE.items():
        if file.startswith(folder + "/"):
            top = included.split("/")[0]
            if "/" not in included or top in others:
                return None
            return f"{folder} must not include {top}: it may use {', '.join(others)}"
    if not file.startswith("src/") or file == "src/main.cpp":
        return None
    home = module_of(file[4:], allowed)
    other = module_of(included, allowed)
    if not other or other == home or other in allowed[home] or "ALL" in allowed[home]:
        return None
    # A configuration struct is data: the one that loads them all sees their headers.
    return f"{home} must not include {other}: see src/CMakeLists.txt"


def line_problems(file, line, allowed):
    if match := re.match(r'#include "([^"]+)"', line):
        if why := may_include(file, match[1], allowed):
            yield why
    if match := re.match(r"#include <(.+)>", line):
        if match[1] in UMBRELLAS and file != "src/telemetry/log.cpp":
            yield f"<{match[1]}> costs every file that includes it: take the part that is needed"
        if match[1].startswith("boost/beast") and "_fuzz" not in file and "websocket" not in file and \
                file != "cli/tunnel.cpp":
            yield "Beast is for WebSocket only"
        if file.startswith("sdk/include/") and "/" in match[1]:
            yield "public headers need only the standard library"
    if ".reveal()" in line and file.startswith("src/") and not file.endswith("_test.cpp"):
        if module_of(file[4:], allowed) not in REVEALS:
            yield "clear text of a Secret is for " + ", ".join(REVEALS) + " only"
    if "std::mt19937" in line and file.startswith(("src/", "sdk/", "cli/")) and \
            not re.search(r"_(test|bench)[.]|filter/sample[.]hpp", file):
        yield "the Mersenne Twister can be predicted: base/secure_random.hpp"
    if ("# HELP" in line or "# TYPE" in line) and file.startswith("src/") and \
            not file.startswith("src/export/page"):
        yield "Prometheus' text is written by export/page.hpp alone: labels are escaped there"
    if len(line) > LINE_MAX:
        yield f"line is over {LINE_MAX} columns"
    if re.search(r"\b(TODO|FIXME|XXX)\b", line):
        yield "an open point is an issue, not a comment"
    if re.search(r"\[[^\]]*[&=\w][^\]]*\]\s*\([^)]*\)\s*(mutable\s*)?->\s*(\w+::)*Task\b", line):
        yield "a capturing lambda must not be a coroutine: its captures die first"
    if not line.isascii():
        yield "sources are ASCII"


def credential_headers(root):
    """The names of the one list of headers that carry a credential."""
    text = (root / CREDENTIALS).read_text()
    lists = re.search(r"namespace key_header \{.*?credential_headers\{[^}]*\}", text, re.S)[0]
    return set(re.findall(r'"([^"]+)"', re.sub(r"//.*", "", lists)))


def second_list(file, text, credentials):
    """None unless the file names several of the headers that carry a credential."""
    if file == CREDENTIALS or re.search(r"_(test|fuzz|bench)[.]", file):
        return None
    named = {word.lower() for word in re.findall(r'"([^"\n]+)"', text)} & credentials
    if len(named) < 2:
        return None
    return f"{', '.join(sorted(named))}: the list of credential headers is {CREDENTIALS}"


def file_problems(root, path, allowed, credentials):
    file = str(path.relative_to(root))
    text = path.read_text(errors="replace")
    lines = text.splitlines()
    if why := second_list(file, text, credentials):
        yield 1, why
    table = False  # laid out by hand: a rule a line reads better than a rule in four
    for number, line in enumerate(lines, 1):
        table = (table or "clang-format off" in line) and "clang-format on" not in line
        for why in line_problems(file, line, allowed):
            if not (table and "columns" in why):
                yield number, why
    most = TEST_MAX if re.search(r"_test\.|/tests/|_fuzz", file) else FILE_MAX
    if len(lines) > most:
        yield 1, f"{len(lines)} lines: over {most}, so it has more than one subject"
    if path.suffix == ".hpp" and "#pragma once" not in lines[:3]:
        yield 1, "a header begins with #pragma once"
    if any(word in path.stem.split("_") for word in BANNED_NAMES):
        yield 1, "say what it is: not util, helper, manager, common or misc"


def problems(root):
    allowed = graph(root)
    credentials = credential_headers(root)
    for folder in ("src", "sdk", "sim", "cli", "bench"):
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            for number, why in file_problems(root, path, allowed, credentials):
                yield f"{path.relative_to(root)}:{number}: {why}"


if __name__ == "__main__":
    found = list(problems(pathlib.Path(sys.argv[1])))
    print("\n".join(found))
    sys.exit(bool(found))

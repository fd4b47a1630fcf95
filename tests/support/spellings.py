"""Spellings of a request: ways to write its path, media type, body and coding that some reader takes for the same."""
import collections
import gzip
import json
import re

WORD = "bluebird-seven"
# One request. `turned` says what its spelling changes: "path", "type", "body" or nothing.
Asked = collections.namedtuple("Asked", "operation name turned method path body fields")
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def paths_of(path):
    """Second spellings of a path. Programs on the way decode and fold them differently."""
    head, _, query = path.partition("?")
    tail = "?" + query if query else ""
    first = head.rindex("/") + 1
    yield "encoded", head[:first] + "%" + format(ord(head[first]), "02x") + head[first + 1:] + tail
    yield "encoded slash", head[:first - 1] + "%2f" + head[first:] + tail
    yield "trailing slash", head + "/" + tail
    yield "two slashes", head[:first] + "/" + head[first:] + tail
    yield "dot", head[:first] + "./" + head[first:] + tail
    yield "dot dot", head[:first] + "x/../" + head[first:] + tail
    yield "encoded dots", head[:first] + "x/%2e%2e/" + head[first:] + tail
    yield "semicolon", head + ";a=b" + tail
    yield "backslash", head[:first - 1] + "\\" + head[first:] + tail
    yield "null", head + "%00" + tail
    yield "twice encoded", head[:first] + "%25" + format(ord(head[first]), "02x") + head[first + 1:] + tail


TYPES = ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/vnd.x+json", None,
         "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream",
         "application/json; charset=utf-7", "application/json, text/plain", "nonsense"]


def escaped(text):
    return "".join(f"\\u{ord(c):04x}" for c in text)


def bodies_of(body):
    """Spellings of one JSON body that some reader takes for it."""
    plain = json.dumps(body)
    yield "escaped values", plain.replace(WORD, escaped(WORD)).encode(), {}
    yield "escaped names", re.sub(r'"(\w+)":', lambda m: f'"{escaped(m[1])}":', plain).encode(), {}
    yield "blanks", json.dumps(body, indent=7).replace("\n", "\r\n\t").encode(), {}
    yield "other case", re.sub(r'"([a-z_]+)":', lambda m: f'"{m[1].capitalize()}":', plain).encode(), {}
    yield "twice", ("{" + plain[1:-1] + ", " + plain[1:]).encode(), {}
    yield "a comment", (plain[:-1] + " /* x */}").encode(), {}
    yield "a comma", (plain[:-1] + ",}").encode(), {}
    yield "a mark", b"\xef\xbb\xbf" + plain.encode(), {}
    yield "utf-16", plain.encode("utf-16"), {}
    yield "two texts", (plain + "\n" + plain).encode(), {}
    yield "in a list", ("[" + plain + "]").encode(), {}
    yield "a null byte", plain.replace(WORD, WORD[:3] + "\0" + WORD[3:]).encode() + b"\0", {}
    yield "gzip", gzip.compress(plain.encode(), mtime=0), {"Content-Encoding": "gzip"}
    yield "gzip in other case", gzip.compress(plain.encode(), mtime=0), {"Content-Encoding": "X-GZIP"}
    yield "gzip, not said", gzip.compress(plain.encode(), mtime=0), {}
    yield "unknown coding", plain.encode(), {"Content-Encoding": "rot13"}
    yield "no coding, said", plain.encode(), {"Content-Encoding": "identity"}


def form(*parts, end=b"\r\n", before=b"", after=b""):
    """multipart/form-data of (head, content)."""
    out = before
    for head, content in parts:
        out += b"--x" + end + head.encode() + end + end + content + end
    return out + b"--x--" + end + after


def named(name, more=""):
    return f'Content-Disposition: form-data; name="{name}"{more}'


FILE = (named("file", '; filename="a.wav"') + "\r\nContent-Type: audio/wav", b"RIFF" * 40)
MODEL, PROMPT = (named("model"), b"small"), (named("prompt"), WORD.encode())


def forms():
    """Spellings of one form with a model, a text and a file."""
    yield "file first", form(FILE, PROMPT, MODEL)
    yield "two models", form(MODEL, PROMPT, FILE, (named("model"), b"free"))
    yield "a preamble", form(MODEL, PROMPT, FILE, before=b"x\r\n")
    yield "an epilogue", form(MODEL, PROMPT, FILE, after=form((named("model"), b"free")))
    yield "bare line feeds", form(MODEL, PROMPT, FILE, end=b"\n")
    yield "name without quotes", form(("Content-Disposition: form-data; name=model", b"small"), PROMPT, FILE)
    yield "name in other case", form((named("Model"), b"small"), PROMPT, FILE)
    yield "two names", form((named("file", '; name="model"'), b"small"), PROMPT, FILE)
    yield "encoded name", form(("Content-Disposition: form-data; name*=utf-8''model", b"small"), PROMPT, FILE)
    yield "packed part", form((named("model") + "\r\nContent-Transfer-Encoding: base64", b"c21hbGw="), PROMPT, FILE)
    yield "no end", form(MODEL, PROMPT, FILE)[:-8]
    yield "model behind much", form((FILE[0], b"R" * 70_000), PROMPT, MODEL)


PLAIN_FORM = form(MODEL, PROMPT, FILE)


def spellings(operation, method, path, body):
    """The plain request, then one turn at a time. `body`: an object, None, or the word "form"."""
    def asked(name, turned="", path=path, body=None, fields=None):
        return Asked(operation, name, turned, method, path, body, fields or {})

    if body is None:
        yield asked("plain")
        for name, spelt in paths_of(path):
            yield asked(name, "path", spelt)
        return
    if body == "form":
        yield asked("plain", body=PLAIN_FORM, fields=FORM)
        for name, spelt in paths_of(path):
            yield asked(name, "path", spelt, PLAIN_FORM, FORM)
        for kind in ("Multipart/Form-Data; boundary=x", "multipart/form-data; boundary=x; boundary=y", "multipart/form-data",
                     "multipart/mixed; boundary=x", "application/json", None):
            yield asked(f"as {kind}", "type", body=PLAIN_FORM, fields={"Content-Type": kind} if kind else {})
        for name, spelt in forms():
            yield asked(name, "body", body=spelt, fields=FORM)
        return
    plain = json.dumps(body).encode()
    yield asked("plain", body=plain, fields=JSON)
    for name, spelt in paths_of(path):
        yield asked(name, "path", spelt, plain, JSON)
    for kind in TYPES:
        yield asked(f"as {kind}", "type", body=plain, fields={"Content-Type": kind} if kind else {})
    yield asked("two types", "type", body=plain, fields={**JSON, "content-type": "text/plain"})
    for name, bytes_, fields in bodies_of(body):
        yield asked(name, "body", body=bytes_, fields={**JSON, **fields})

#!/usr/bin/env python3
"""The rank tables of OpenAI's encodings, out of a package and checked by their published hashes.

A `.tiktoken` text has a line a token: its bytes in base64 and its rank. The texts are kept in the
user's cache folder, so that one download serves every build. Standard library only.
"""
import argparse
import base64
import fcntl
import hashlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

# Holds the ranks as <count> and <length> <bytes> <rank> for each token.
PACKAGE = ["quicktok-v1==0.4.0", "--platform", "manylinux2014_x86_64", "--python-version", "3.11",
           "--implementation", "cp", "--abi", "cp311"]
MEMBERS = {"cl100k_base": "quicktok/data/cl100k.vocab", "o200k_base": "quicktok/data/o200k.vocab"}
SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}


def cache_folder():
    """Where downloads stay; outside any checkout."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "hawser"


def text_path(name):
    return cache_folder() / f"{name}.tiktoken"


def is_genuine(name, text):
    return hashlib.sha256(text).hexdigest() == SHA256[name]


def write_whole(path, content):
    """Writes a file that no other build ever sees half of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def text_of(vocabulary):
    """The `.tiktoken` form of the package's own."""
    count, at, ranked = struct.unpack_from("<I", vocabulary)[0], 4, []
    for _ in range(count):
        size = struct.unpack_from("<H", vocabulary, at)[0]
        token = vocabulary[at + 2:at + 2 + size]
        ranked.append((struct.unpack_from("<I", vocabulary, at + 2 + size)[0], token))
        at += size + 6
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in sorted(ranked))


def download():
    """Puts every text into the cache; raises RuntimeError."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                               "--disable-pip-version-check", "--only-binary=:all:",
                               "--dest", folder, *PACKAGE], capture_output=True, text=True)
        wheels = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            raise RuntimeError(f"pip download {PACKAGE[0]} failed:\n{done.stderr.strip()[-2000:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            for name, member in MEMBERS.items():
                text = text_of(wheel.read(member))
                if not is_genuine(name, text):
                    raise RuntimeError(f"{PACKAGE[0]}: {name} is not what its hash says")
                write_whole(text_path(name), text)


def load(name):
    """The tokens of an encoding in the order of their ranks; raises RuntimeError."""
    path = text_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / "download.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two encodings are built at once, of one download
        if not path.exists() or not is_genuine(name, path.read_bytes()):
            download()
    lines = path.read_bytes().splitlines()
    tokens = [base64.b64decode(line.split()[0]) for line in lines]
    if [int(line.split()[1]) for line in lines] != list(range(len(lines))):
        raise RuntimeError(f"{name}: the ranks have gaps")
    return tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SHA256)
    options = parser.parse_args()
    try:
        load(options.name)
    except RuntimeError as problem:
        sys.exit(f"token_ranks: {problem}\nWithout a network put {options.name}.tiktoken, sha256 "
                 f"{SHA256[options.name]}, into {cache_folder()}")
    print(text_path(options.name))


if __name__ == "__main__":
    main()

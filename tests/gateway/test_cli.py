"""The commands: check, chat, key; and the configuration's schema."""
import hashlib
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest
import yaml

from support.programs import CLEAN, HAWSER, Gateway

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/golden/config").glob("*.case"))


def hawser(*arguments, env=None):
    return subprocess.run([HAWSER, *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          env={**CLEAN, **(env or {})})


def test_check_says_where_and_what(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("listen:\n  - adress: 127.0.0.1:0\nproviders: {}\n")
    done = hawser("check", "-c", bad)
    assert done.returncode == 1
    assert f"{bad}:2:5: " in done.stdout + done.stderr and "address" in done.stdout + done.stderr
    good = tmp_path / "good.yaml"
    good.write_text('listen: [{address: "127.0.0.1:0"}]\nproviders: {p: {base_url: "http://127.0.0.1:1/v1"}}\n')
    assert hawser("check", "-c", good).returncode == 0


def test_chat_streams_an_answer(gateway):
    done = hawser("chat", "--base-url", gateway.url + "/v1", "-m", "sim", "hello",
                  env={"OPENAI_API_KEY": "unused"})
    assert done.returncode == 0 and len(done.stdout.split()) > 5, done.stderr


def test_chat_says_what_went_wrong(gateway):
    done = hawser("chat", "--base-url", "http://127.0.0.1:9/v1", "-m", "sim", "hello",
                  env={"OPENAI_API_KEY": "sk-secret-of-the-user"})
    assert done.returncode != 0 and done.stderr
    assert "sk-secret" not in done.stdout + done.stderr


def test_keys_that_key_new_prints_are_accepted(sim, tmp_path):
    made = hawser("key", "new").stdout
    words = made.replace('"', " ").split()
    key = next(word for word in words if word.startswith("hwk_"))
    known = next(word for word in words if word.startswith("sha256:"))
    assert known == "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    with Gateway(tmp_path, providers={"sim": sim.provider()}, default_provider="sim",
                 keys=[{"name": "new", "hash": known}]) as gateway:
        done = hawser("chat", "--base-url", gateway.url + "/v1", "-m", "sim", "hi",
                      env={"OPENAI_API_KEY": key})
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", [path for path in GOLDEN if path.stem.startswith("good")],
                         ids=lambda path: path.stem)
def test_schema_takes_every_good_file(case):
    text = case.read_text().split("\n----------\n")[0]
    schema = json.loads((ROOT / "docs/hawser.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(text), schema)


def test_schema_refuses_unknown_keys_and_wrong_types():
    schema = json.loads((ROOT / "docs/hawser.schema.json").read_text())
    good = {"listen": [{"address": ":0"}], "providers": {"p": {"base_url": "http://h/v1"}}}
    jsonschema.validate(good, schema)
    for bad in ({"lisen": []}, {"workers": "many"}, {"drain_timeout": "5 parsecs"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **bad}, schema)


def test_a_file_that_is_no_text_is_told(tmp_path):
    """Such bytes made the YAML library take memory without end."""
    import subprocess

    from support.programs import HAWSER
    file = tmp_path / "c.yaml"
    file.write_bytes(bytes.fromhex("277d0a6d6f6465948cc5c8272c206170726f767603"))
    done = subprocess.run([HAWSER, "check", "-c", str(file)], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "not text in UTF-8" in done.stdout + done.stderr

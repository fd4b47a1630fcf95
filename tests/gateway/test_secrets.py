"""Secrets: sealed files, where they come from, and that they stay secret."""
import json
import os
import signal
import subprocess

import pytest

from support.http import chat
from support.programs import CLEAN, HAWSER, Gateway, Simulator

SECRET = "sk-sealed-" + "x" * 30


def run(*arguments, value=None, **environment):
    return subprocess.run([HAWSER, *map(str, arguments)], input=value, capture_output=True, text=True,
                          env={**CLEAN, **environment})


@pytest.fixture
def master(tmp_path):
    """HAWSER_MASTER_KEY_FILE, as a user makes it."""
    file = tmp_path / "master.key"
    file.write_text(run("secret", "key").stdout)
    file.chmod(0o600)
    return {"HAWSER_MASTER_KEY_FILE": str(file)}


@pytest.fixture
def sealed(tmp_path, master):
    file = tmp_path / "secrets.json"
    assert run("secret", "seal", file, "openai", value=SECRET + "\n", **master).returncode == 0
    return file


def test_values_are_sealed_opened_listed_and_replaced(sealed, master):
    assert SECRET not in sealed.read_text() and sealed.stat().st_mode & 0o777 == 0o600
    assert run("secret", "seal", sealed, "other", value="two", **master).returncode == 0
    assert run("secret", "list", sealed).stdout.split() == ["openai", "other"]
    assert run("secret", "open", sealed, "openai", "--print", **master).stdout == SECRET + "\n"
    run("secret", "seal", sealed, "openai", value="new", **master)
    assert run("secret", "open", sealed, "openai", "--print", **master).stdout == "new\n"
    done = run("secret", "open", sealed, "openai", **master)
    assert done.returncode == 1 and "to a terminal only" in done.stderr and done.stdout == ""
    done = run("secret", "open", sealed, "opnai", "--print", **master)
    assert done.returncode == 1 and "did you mean 'openai'?" in done.stderr


def test_another_master_key_opens_nothing_until_it_is_rotated_to(sealed, master, tmp_path):
    other = tmp_path / "other.key"
    other.write_text(run("secret", "key").stdout)
    done = run("secret", "open", sealed, "openai", "--print", HAWSER_MASTER_KEY_FILE=str(other))
    assert done.returncode == 1 and "another master key" in done.stderr and SECRET not in done.stderr
    assert run("secret", "rotate", sealed, "--new-key-file", other, **master).returncode == 0
    assert run("secret", "open", sealed, "openai", "--print", HAWSER_MASTER_KEY_FILE=str(other)).stdout == SECRET + "\n"
    assert run("secret", "open", sealed, "openai", "--print", **master).returncode == 1


def test_a_provider_gets_what_is_sealed_and_a_changed_value_without_a_restart(sealed, master, tmp_path):
    with Simulator("--require-key", SECRET) as sim:
        provider = {"base_url": sim.url, "api_key": f"${{sealed:{sealed}#openai}}"}
        with Gateway(tmp_path, workers=1, providers={"sim": provider}, env=master) as gateway:
            assert chat(gateway.address)[0] == 200
            for number, (value, status) in enumerate((("sk-wrong-" + "y" * 30, 502), (SECRET, 200)), 1):
                run("secret", "seal", sealed, "openai", value=value, **master)
                gateway.process.send_signal(signal.SIGHUP)
                assert gateway.settled_metric('hawser_config_reloads_total{result="ok"}', number) == number
                assert chat(gateway.address)[0] == status
            command = open(f"/proc/{gateway.process.pid}/cmdline").read()
            metrics = json.dumps(gateway.metrics())
            gateway.stop()
            everything = gateway.access_log.read_text() + gateway.err + command + metrics
    assert SECRET not in everything and "sk-wrong" not in everything


@pytest.mark.parametrize("change,word", [
    (lambda file: file.write_text("{}"), "is not a sealed file"),
    (lambda file: file.write_text(file.read_text().replace('": 1', '": 2')), "of another version"),
    (lambda file: file.unlink(), "cannot be read"),
    (lambda file: file.write_text(file.read_text()[:-60] + file.read_text()[-59:]), "sealed")])
def test_a_file_that_is_wrong_is_told_with_its_place(sealed, master, tmp_path, change, word):
    change(sealed)
    file = tmp_path / "c.yaml"
    file.write_text("listen:\n  - address: 127.0.0.1:0\nproviders:\n  p:\n    base_url: http://127.0.0.1:1/v1\n"
                    f"    api_key: ${{sealed:{sealed}#openai}}\n")
    done = run("check", "-c", file, **master)
    assert done.returncode == 1 and "c.yaml:6:" in done.stdout + done.stderr and word in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("reference,word", [
    ("${sealed:nowhere}", "must be PATH#NAME"), ("${sealed:#x}", "must be PATH#NAME"),
    ("${seald:x#y}", "unknown source 'seald'"), ("${file:OPEN}", "can be written by everyone")])
def test_references_that_lead_nowhere(tmp_path, reference, word):
    key = tmp_path / "key"
    key.write_text("k")
    os.chmod(key, 0o666)
    file = tmp_path / "c.yaml"
    file.write_text("listen:\n  - address: 127.0.0.1:0\nproviders:\n  p:\n    base_url: http://127.0.0.1:1/v1\n"
                    f"    api_key: {reference.replace('OPEN', str(key))}\n")
    done = run("check", "-c", file)
    assert done.returncode == 1 and word in done.stdout + done.stderr


def test_without_a_master_key_it_says_so(sealed):
    done = run("secret", "open", sealed, "openai", "--print")
    assert done.returncode == 1 and "set HAWSER_MASTER_KEY_FILE" in done.stderr

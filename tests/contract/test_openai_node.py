"""The official Node SDK: the same results through the gateway as without it."""
import json
import pathlib
import shutil
import subprocess

import pytest

from support.programs import Gateway

HERE = pathlib.Path(__file__).parent / "node"
EXPECTED = {"chat": "the rope holds", "stream": "the rope holds", "tools": '{"a":"example"}', "responses": "aye aye",
            "responsesStream": "aye aye", "embeddings": 4, "models": "sim-large,sim-small", "files": "content",
            "inBand": "APIError", "timeout": "APIConnectionTimeoutError", "abort": 3}


def run(url):
    done = subprocess.run(["node", "contract.mjs", url], cwd=HERE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {line["name"]: line["result"] for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_the_same_through_the_gateway(sim, tmp_path):
    direct = run(sim.url)
    with Gateway(tmp_path, providers={"sim": sim.provider()}, retry={"attempts_max": 1},
                 generations={"grace_unannounced": "300ms"}) as gateway:
        through = run(gateway.url + "/v1")
    assert through == direct
    assert {name: through[name] for name in EXPECTED} == EXPECTED
    assert through["errors"].split(",")[:3] == ["BadRequestError 400", "AuthenticationError 401", "PermissionDeniedError 403"]
    assert sim.settled(lambda j: j[-1]["outcome"] == "client_closed")[-1]["outcome"] == "client_closed"

"""Fixtures for the suites: each test gets real programs on free ports of loopback."""
import json
import os
import pathlib

import pytest

from support.programs import Certificates, Gateway, Simulator

COUNTS = {"passed": 0, "failed": 0, "skipped": 0, "figures": []}


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="the long tests too")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; only with --all")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="long: ./dev test --all"))


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        COUNTS["passed"] += 1
    elif report.failed:
        COUNTS["failed"] += 1
    elif report.skipped:
        COUNTS["skipped"] += 1


def pytest_sessionfinish():
    if path := os.environ.get("HAWSER_REPORT"):
        pathlib.Path(path).write_text(json.dumps(COUNTS))


@pytest.fixture(scope="session")
def figure():
    """Takes a line that ./dev test NAME prints at its end."""
    return COUNTS["figures"].append


@pytest.fixture(scope="session")
def shared():
    """The folder of recorded exchanges and vectors, where it exists."""
    path = pathlib.Path(os.environ.get("HAWSER_SHARED", ""))
    if not (path / "fixtures").is_dir():
        pytest.skip("no recorded exchanges here: set HAWSER_SHARED")
    return path


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def gateway(sim, tmp_path):
    """A gateway in front of one simulator, without keys."""
    with Gateway(tmp_path, providers={"sim": sim.provider()},
                 generations={"grace_unannounced": "300ms"}) as running:
        yield running


@pytest.fixture(scope="session")
def everything(request):
    """Whether the long form of a test is asked for."""
    return request.config.getoption("--all")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))

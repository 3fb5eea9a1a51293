"""Fixtures: servers on the PostgreSQL and Redis that scripts/test has started (see tests/e2e/README.md)."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

from keeper import Keeper
from server import ROOT, Server, Services

# A shell that runs the tests in the background may have them ignore Ctrl-C, and every program that they start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    config.addinivalue_line("markers", "ships: run against the build that ships, too: what sanitizers change, or rule out")
    config.addinivalue_line("markers", "slow: left out of scripts/test quick")


def pytest_sessionstart(session):
    for name in ("TALELIO_TEST_POSTGRES", "TALELIO_TEST_REDIS"):
        if not os.environ.get(name):
            pytest.exit(f"{name} is not set: run scripts/test e2e", returncode=2)


@pytest.fixture(scope="session")
def run_folder(request):
    # Sockets live below: short paths.
    folder = tempfile.mkdtemp(prefix="talelio-e2e-", dir="/tmp")
    os.chmod(folder, 0o755)
    keeper = Keeper(folder)
    yield pathlib.Path(folder)
    left = [line for line in keeper.end() if line]
    # One that was cut short in the middle of a test has reported so already.
    assert not left or request.session.exitstatus != pytest.ExitCode.OK, f"the tests have left running: {left}"


@pytest.fixture
def tmp_path(run_folder):
    """pytest's own has a longer path, and stays."""
    return pathlib.Path(tempfile.mkdtemp(dir=run_folder))


@pytest.fixture(scope="session")
def make_server(run_folder):
    """make_server(changes): a configured server, not started; stopped at the end of the session if need be."""
    made = []

    def make(changes=None, postgres=None, redis=None, **rest):
        folder = run_folder / f"server{len(made)}"
        server = Server(
            folder,
            postgres or os.environ["TALELIO_TEST_POSTGRES"],
            redis or os.environ["TALELIO_TEST_REDIS"],
            changes,
            **rest,
        )
        made.append(server)
        stops.callback(server.stop)
        return server

    # One that does not stop as it should keeps none of the others from being stopped.
    with contextlib.ExitStack() as stops:
        yield make


@pytest.fixture(scope="module")
def server(make_server):
    """One running server for the tests of a file."""
    running = make_server().start()
    yield running
    running.stop()


@pytest.fixture
def visitor(server):
    return server.client()


@pytest.fixture
def author(server):
    return server.author()


@pytest.fixture
def own_services(run_folder, request):
    """A PostgreSQL and a Redis that this test may stop."""
    folder = tempfile.mkdtemp(prefix="svc", dir=run_folder)
    os.chmod(folder, 0o755)
    try:
        yield Services(folder)
    finally:
        subprocess.run([ROOT / "scripts/services", "stop", folder], check=True)

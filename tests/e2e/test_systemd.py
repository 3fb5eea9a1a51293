"""What systemd is told, and whether it understands the unit file."""

import contextlib
import re
import signal
import socket
import subprocess
import time

import pytest

from server import PATIENCE, ROOT, TALELIO, eventually

UNIT = ROOT / "config/talelio.service.in"


@contextlib.contextmanager
def told(server, **env):
    """Starts the server as systemd does; next() of what comes back waits for its next message."""
    path = str(server.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(PATIENCE)
        server.start(env={"NOTIFY_SOCKET": path, **env})
        yield iter(lambda: listener.recv(1000).decode(), None)
        if server.process.poll() is None:
            server.stop()


def is_full(sender, path):
    """Whether the queue of this socket takes no message more."""
    try:
        sender.sendto(b"WATCHDOG=1\n", str(path))
    except BlockingIOError:
        return True
    return False


@pytest.mark.ships
def test_start_reload_and_stop_are_told(make_server):
    server = make_server()
    with told(server) as messages:
        assert next(messages) == f"READY=1\nSTATUS=serves on http://localhost:{server.port}\n"
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        server.process.send_signal(signal.SIGHUP)
        reloading = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)\n", next(messages))
        assert before <= int(reloading.group(1)) / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
        assert next(messages).startswith("READY=1\nSTATUS=generation 2 serves on ")
        server.process.send_signal(signal.SIGTERM)
        assert next(messages) == "STOPPING=1\n"


def test_after_a_refused_reload_it_is_ready_again(make_server):
    server = make_server()
    with told(server) as messages:
        assert next(messages).startswith("READY=1\n")
        server.changes = {"http": {"nonsense": "1"}}
        server.write_config()
        assert server.run("reload").returncode == 1
        assert next(messages).startswith("RELOADING=1\n")
        assert next(messages).startswith("READY=1\nSTATUS=generation 1 serves on ")


def test_it_is_alive_as_often_as_the_watchdog_wants_it(make_server):
    server = make_server()
    with told(server, WATCHDOG_USEC="100000") as messages:
        seen = [next(messages) for _ in range(20)]
        assert seen.count("WATCHDOG=1\n") >= 19
        # also while and after it reloads
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: next(messages).startswith("READY=1\nSTATUS=generation 2"), every=0)
        assert next(messages) == "WATCHDOG=1\n"


def test_what_it_does_reaches_a_supervisor_that_is_behind(make_server):
    server = make_server()
    with told(server, WATCHDOG_USEC="2000") as messages:
        # given one that has not read for so long that no more messages fit
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as another:
            another.setblocking(False)
            eventually(lambda: is_full(another, server.folder / "notify"))
        # when the server reloads, and the supervisor goes on reading a moment later
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        # then it hears of the reload
        eventually(lambda: next(messages).startswith("RELOADING=1\n"), every=0)
        eventually(lambda: next(messages).startswith("READY=1\nSTATUS=generation 2"), every=0)


@pytest.mark.parametrize("env", [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "often"}])
def test_without_a_watchdog_for_it_nothing_is_told_of_life(make_server, env):
    server = make_server()
    with told(server, **env) as messages:
        assert next(messages).startswith("READY=1\n")
        assert server.run("reload").returncode == 0
        server.process.send_signal(signal.SIGTERM)
        assert [next(messages).split("=")[0] for _ in range(3)] == ["RELOADING", "READY", "STOPPING"]


def test_a_supervisor_that_has_gone_holds_nobody(make_server):
    server = make_server()
    with told(server, WATCHDOG_USEC="20000"):
        (server.folder / "notify").unlink()
        assert server.run("reload").returncode == 0
        assert server.client().get("/v1/health").status == 200


def test_systemd_understands_every_line_of_the_unit(tmp_path):
    # given the unit, with a program that is there
    unit = tmp_path / UNIT.stem
    unit.write_text(UNIT.read_text().replace("@TL_BIN@", str(TALELIO.parent)).replace("@TL_ETC@", "/etc"))

    # then there is nothing to say about it, nor about the lines that wait to be switched on
    for text in (unit.read_text(), re.sub(r"^#(?=[A-Z]\w+=)", "", unit.read_text(), flags=re.MULTILINE)):
        unit.write_text(text)
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        assert (result.returncode, result.stdout + result.stderr) == (0, "")

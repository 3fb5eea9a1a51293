"""What the running server says of itself, to whom, and what it does about those of its processes that are not well."""

import json
import os
import re
import signal
import socket
import stat
import time

import pytest

from server import BUILD, eventually

TROUBLE = {"plugin:trouble": {"enabled": "yes", "path": BUILD / "tests/plugins/trouble.so"}}


def status(server):
    return json.loads(server.run("status", "--json").stdout)


def test_it_tells_processes_plugins_and_the_last_reload(make_server):
    server = make_server({"server": {"workers": "2"}}).start()
    for _ in range(5):
        server.client().get("/v1/health")
    shown = eventually(lambda: (s := status(server))["processes"] and sum(p["requests"] for p in s["processes"]) == 5 and s)
    assert shown["state"] == "serves" and shown["generation"] == 1 and shown["pid"] == server.process.pid
    assert [one["name"] for one in shown["processes"]] == ["worker 1", "worker 2", "jobs"]
    assert {one["pid"] for one in shown["processes"]} == set(server.workers())
    assert all(one["memory"] > 1 << 20 and one["state"] == "serves" for one in shown["processes"])
    assert "articles" in [one["name"] for one in shown["plugins"]]
    assert shown["last_reload"] is None

    server.run("reload")
    server.changes = {"http": {"nonsense": "1"}}
    server.write_config()
    server.run("reload")
    result = server.run("status")
    assert result.returncode == 0
    assert "generation 2: " in result.stdout and "refused" in result.stdout and "nonsense" in result.stdout
    server.stop()


def test_without_a_server_it_says_so(make_server):
    server = make_server()
    for word in ("status", "reload"):
        result = server.run(word)
        assert result.returncode == 1 and "no server runs here" in result.stderr


def test_a_generation_that_drains_is_shown(make_server):
    server = make_server(TROUBLE | {"plugin:crash": {"enabled": "yes", "path": BUILD / "tests/plugins/crash.so"}}).start()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /crash/gate HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: " waits" in server.log_text())
        server.run("reload")
        draining = status(server)["draining"]
        assert [one["generation"] for one in draining] == [1]
        (server.folder / "gate").touch()
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: not status(server)["draining"])
    server.stop()


def test_the_control_socket_is_for_its_owner_and_bounded(make_server):
    server = make_server().start()
    path = server.folder / "run/control.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def say(data):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            asking.sendall(data)
            try:
                return asking.recv(65536)
            except ConnectionResetError:
                return b""

    assert b"expected reload or status" in say(b"nonsense\n")
    assert say(b"x" * 5000) == b""
    # more at once than it serves: the others wait
    silent = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for one in silent:
        one.connect(str(path))
    assert json.loads(say(b"status\n"))["ok"]
    for one in silent:
        one.close()
    server.stop()
    assert not path.exists()


def test_requests_for_a_reload_at_once_each_get_a_result(make_server):
    server = make_server().start()
    asking = []
    for _ in range(10):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(server.folder / "run/control.sock"))
        one.sendall(b"reload\n")
        asking.append(one)
        server.process.send_signal(signal.SIGHUP)
    generations = set()
    for one in asking:
        result = json.loads(one.recv(65536))
        assert result["ok"]
        generations.add(result["generation"])
        one.close()
    # those that came while the first one started share the second, and so do signals
    assert len(generations) <= 3
    assert len(re.findall(r"generation \d+ serves;", server.log_text())) <= 4
    eventually(lambda: len(server.workers()) == 2)
    assert server.client().get("/v1/health").status == 200
    server.stop()


@pytest.mark.ships
def test_a_worker_that_dies_again_and_again_shows_and_fails_readiness(make_server):
    server = make_server({**TROUBLE, "server": {"workers": "2"}}).start()

    def crash():
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /trouble/fault HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                connection.recv(1000)
            except ConnectionResetError:
                pass
        return status(server)["state"] != "serves"

    eventually(crash)
    result = server.run("status")
    assert result.returncode == 1 and "dies again and again" in result.stdout
    assert "dies again and again" in server.log_text()
    answer = eventually(lambda: (a := server.client().get("/v1/health/ready")).status == 503 and a)
    assert answer.json["workers"]["status"] == "down" and answer.json["database"]["status"] == "up"
    assert server.client().get("/v1/health").status == 200
    # not a fork bomb: some starts a second at most
    deaths = sum(one["deaths"] for one in status(server)["processes"])
    assert deaths < 200
    # and well again once it has lived for a while
    eventually(lambda: server.client().get("/v1/health/ready").status == 200)
    assert server.run("status").returncode == 0
    server.stop_after_crash()


@pytest.mark.ships
def test_a_handler_that_blocks_is_named_and_its_worker_replaced(make_server):
    server = make_server({**TROUBLE, "server": {"workers": "1", "watchdog": "5s"}}).start()
    pid = status(server)["processes"][0]["pid"]
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /trouble/hold HTTP/1.1\r\nHost: x\r\n\r\n")
        told = r"worker 1 \(pid \d+\) has not turned its loop for \d seconds while it ran plugin trouble 1, route GET /trouble/hold"
        eventually(lambda: re.search(told, server.log_text()))
        assert [one["state"] for one in status(server)["processes"]][0] == "hangs"
        eventually(lambda: status(server)["processes"][0]["pid"] not in (0, pid))
    assert "it is ended ([server] watchdog)" in server.log_text()
    assert re.search(r"SIGABRT.*route GET /trouble/hold", server.log_text())
    assert server.client().get("/trouble/fine").status == 200
    server.stop_after_crash()


def test_the_watchdog_leaves_a_worker_alone_that_a_debugger_has_stopped(make_server):
    server = make_server({"server": {"watchdog": "4s"}}).start()
    worker = status(server)["processes"][0]["pid"]
    os.kill(worker, signal.SIGSTOP)
    time.sleep(7)
    os.kill(worker, signal.SIGCONT)
    assert server.client().get("/v1/health").status == 200
    assert status(server)["processes"][0]["pid"] == worker
    server.stop()

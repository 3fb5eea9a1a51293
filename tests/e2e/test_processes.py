"""Master, workers and generations: crashes told and survived, reload, signals, who may start."""

import http.client
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from server import BUILD, PATIENCE, ROOT, SANITIZED, TALELIO, eventually

PLUGINS = BUILD / "tests/plugins"
CRASH = {"plugin:crash": {"enabled": "yes", "path": PLUGINS / "crash.so"}}


def crashing(make_server, workers="1", **server):
    return make_server({**CRASH, "server": {"workers": workers, **server}}).start()


def wait_for_requests(server, count=1):
    """Until so many are at the gate, or in the route that does not end."""
    eventually(lambda: server.log_text().count(" waits") == count)


def open_gate(server):
    (server.folder / "gate").touch()


def provoke(server, path):
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        server.client().get(path)


@pytest.mark.ships
class TestCrashes:
    def test_a_fault_is_told_with_plugin_route_and_request_and_the_worker_is_replaced(self, make_server):
        server = crashing(make_server)
        first = server.client().get("/crash/who").body
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            server.client().get("/crash/fault", headers={"X-Request-Id": "find-me-in-the-log"})
        # the connection waits in the listening socket, which is the master's, until the successor takes it
        answer = server.client().get("/crash/who")
        assert answer.status == 200 and answer.body != first
        line = eventually(lambda: re.search(r".*plugin crash 6\.6, route GET /crash/fault.*", server.log_text()))
        assert "find-me-in-the-log" in line.group()
        if not SANITIZED:
            assert "SIGSEGV" in line.group() and "overflow" not in line.group()
        server.stop_after_crash()

    def test_a_stack_overflow_is_told_apart(self, make_server):
        server = crashing(make_server)
        provoke(server, "/crash/overflow/9")
        assert server.client().get("/crash/who").status == 200
        line = eventually(lambda: re.search(r".*plugin crash 6\.6, route GET /crash/overflow/:depth.*", server.log_text()))
        if not SANITIZED:
            assert "the stack of its fiber overflowed" in line.group()
        server.stop_after_crash()

    def test_an_abort_is_told(self, make_server):
        server = crashing(make_server)
        provoke(server, "/crash/abort")
        assert server.client().get("/crash/who").status == 200
        line = eventually(lambda: re.search(r".*plugin crash 6\.6, route GET /crash/abort.*", server.log_text()))
        assert "SIGABRT" in line.group()
        server.stop()

    def test_the_other_workers_requests_go_on(self, make_server):
        server = crashing(make_server, workers="2")
        answers, victims = [], server.workers()
        threads = [threading.Thread(target=lambda: answers.append(ask(server, "/crash/gate"))) for _ in range(12)]
        for thread in threads:
            thread.start()
        wait_for_requests(server, 12)
        os.kill(victims[0], signal.SIGKILL)
        open_gate(server)
        for thread in threads:
            thread.join()
        assert 200 in answers and None in answers
        server.stop()

    def test_a_crash_in_init_fails_the_start_and_names_the_plugin(self, make_server):
        server = make_server({"plugin:crash": {**CRASH["plugin:crash"], "crash_in_init": "yes"}})
        result = server.run("serve")
        assert result.returncode == 1
        assert "in init of plugin crash 6.6" in result.stderr
        result = server.run("check")
        assert result.returncode != 0
        assert "in init of plugin crash 6.6" in result.stderr


def ask(server, path):
    """The status, or None when the connection broke."""
    try:
        return server.client().get(path).status
    except (http.client.HTTPException, ConnectionError):
        return None


def test_a_request_that_takes_too_much_memory_is_ended_alone(make_server):
    # given a plugin that takes as much as it is asked for
    trouble = {"enabled": "yes", "path": BUILD / "tests/plugins/trouble.so"}
    server = make_server({"server": {"workers": "1", "request_memory": "16M"}, "plugin:trouble": trouble}).start()
    worker = server.client().get("/trouble/worker").body
    assert server.client().get("/trouble/memory/3").status == 200

    # when it takes more than a request may
    answer = server.client().get("/trouble/memory/1000")

    # then that request is answered, the log names it, and the worker serves on
    assert (answer.status, answer.message) == (500, "Internal server error")
    assert "/trouble/memory/:mebibytes took more than 16 MiB of memory ([server] request_memory) and was ended" in server.log_text()
    assert server.client().get("/trouble/worker").body == worker
    server.stop()


class TestReload:
    def reload(self, server, expected):
        size = len(server.log_text())
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: expected in server.log_text()[size:])

    def test_a_changed_option_is_in_force_and_no_request_fails(self, make_server):
        server = make_server({"server": {"workers": "2"}, "plugin:crash": CRASH["plugin:crash"]}).start()
        failures, going, statuses = [], True, set()

        def load():
            while going:
                try:
                    statuses.add(server.client().get("/v1/health").status)
                except (http.client.HTTPException, OSError) as problem:
                    failures.append(repr(problem))

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        before = set(server.workers())
        for number in range(2, 5):
            self.reload(server, f"generation {number} serves")
            eventually(lambda: f"generation {number - 1} has ended" in server.log_text())
        going = False
        for thread in threads:
            thread.join()
        assert failures == [] and statuses == {200}
        assert not before & set(server.workers()) and len(server.workers()) == 3

        server.changes = {**server.changes, "plugin:health": None}
        server.write_config()
        self.reload(server, "generation 5 serves")
        eventually(lambda: server.client().get("/v1/health").status == 404)
        server.stop()

    def test_a_request_under_way_ends_in_its_own_generation(self, make_server):
        server = crashing(make_server)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server, "/crash/gate")))
        thread.start()
        wait_for_requests(server)
        self.reload(server, "generation 2 serves")
        open_gate(server)
        thread.join()
        assert answers == [200]
        server.stop()

    def test_one_that_fails_by_a_signal_keeps_the_old(self, make_server):
        server = make_server().start()
        workers = server.workers()
        server.changes = {"plugin:start_refuses": {"enabled": "yes", "path": PLUGINS / "start_refuses.so"}}
        server.write_config()
        self.reload(server, "reload failed, generation 1 goes on serving")
        assert "not before tomorrow" in server.log_text()
        assert server.client().get("/v1/health").status == 200
        eventually(lambda: server.workers() == workers)
        # and a good one works afterwards
        server.changes = {}
        server.write_config()
        self.reload(server, "generation 3 serves")
        assert server.client().get("/v1/health").status == 200
        server.stop()


@pytest.mark.ships
class TestStopping:
    def test_a_request_under_way_is_answered(self, make_server):
        server = crashing(make_server)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server, "/crash/gate")))
        thread.start()
        wait_for_requests(server)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.log_text())
        open_gate(server)
        thread.join()
        assert server.process.wait(PATIENCE) == 0
        server.stop()
        assert answers == [200]

    def test_one_that_does_not_end_is_cut_off_at_the_deadline(self, make_server):
        server = crashing(make_server, stop_timeout="1s")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server, "/crash/endless")))
        thread.start()
        wait_for_requests(server)
        assert server.stop() == 0
        thread.join()
        assert "1 request" in server.log_text() and "cut off" in server.log_text()

    @pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
    def test_a_second_signal_ends_it_at_once(self, make_server, second):
        server = crashing(make_server, stop_timeout="60s")
        thread = threading.Thread(target=lambda: ask(server, "/crash/endless"))
        thread.start()
        wait_for_requests(server)
        # two within a quarter of a second count as one: timeout(1) sends each signal twice
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(second)
        eventually(lambda: "stopping" in server.log_text())
        time.sleep(0.5)
        assert server.process.poll() is None
        server.process.send_signal(second)
        assert server.process.wait(10) == 0
        thread.join()

    def test_the_command_waits_until_it_has_ended(self, make_server):
        server = make_server().start()
        result = server.run("stop")
        assert result.returncode == 0, result.stderr
        assert server.process.wait(1) == 0
        result = server.run("stop")
        assert result.returncode == 1 and "no server runs" in result.stderr

    def test_a_second_server_in_the_same_run_dir_is_refused(self, make_server):
        server = make_server().start()
        result = server.run("serve")
        assert result.returncode == 1
        assert str(server.process.pid) in result.stderr and "talelio stop" in result.stderr
        server.stop()


def open_files(pid):
    return [os.path.realpath(file) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir()]


def test_the_log_file_is_reopened(make_server):
    server = make_server()
    log = server.folder / "talelio.log"
    server.changes = {"log": {"file": log}}
    server.write_config()
    server.start()
    old = log.rename(server.folder / "old.log")
    server.process.send_signal(signal.SIGUSR1)
    eventually(lambda: not any(str(old) in open_files(pid) for pid in [server.process.pid, *server.workers()]))
    server.client().get("/v1/health/ready")
    eventually(lambda: "/v1/health/ready" in log.read_text())
    assert "/v1/health/ready" not in (server.folder / "old.log").read_text()
    server.stop()


@pytest.mark.ships
def test_secrets_are_in_no_command_line_or_environment(make_server):
    server = make_server().start()
    secret = re.search(r"secret = (\S+)", server.ini.read_text()).group(1)
    for pid in [server.process.pid, *server.workers()]:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                assert secret.encode() not in file.read()
    server.stop()


def whose(pid):
    """The four user ids of a process, its four group ids, its capabilities, and its other groups."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = file.read()
    return [re.search(rf"^{name}:\t(.*)$", status, re.M).group(1).split() for name in ("Uid", "Gid", "CapEff", "Groups")]


def may_be_dumped(pid):
    """The kernel gives the files of a process to root when it may not be dumped: neither a core file nor a debugger of the same
    user gets at its secrets."""
    return os.stat(f"/proc/{pid}/environ").st_uid != 0


def for_anybody(server, user):
    """In production. The source tree may be root's alone, and so are the sockets of database and Redis: it serves without them."""
    shutil.copy(TALELIO, server.folder / "talelio")
    for source in (BUILD / "plugins", ROOT / "migrations"):
        shutil.copytree(source, server.folder / source.name, ignore=shutil.ignore_patterns("CMakeFiles"))
    folders = {"plugin_dir": server.folder / "plugins", "migrations_dir": server.folder / "migrations"}
    server.changes = {"server": {"mode": "production", "user": user, **folders}, "plugin:auth": {"cookie_secure": "yes"}}
    server.write_config()
    subprocess.run(["chmod", "-R", "go+rX", server.folder], check=True)
    server.ini.chmod(0o600)
    server.program = server.folder / "talelio"


@pytest.mark.ships
def test_whoever_is_not_root_serves_as_himself(make_server):
    # given somebody who cannot become the user of the ini file
    server = make_server()
    for_anybody(server, "daemon")
    me = os.getuid()
    if me == 0:
        me = pwd.getpwnam("nobody").pw_uid
        subprocess.run(["chown", "-R", "nobody", server.folder], check=True)
        server.program = server.folder / "as_nobody"
        server.program.write_text(f'#!/bin/sh\nexec setpriv --reuid=nobody --clear-groups {server.folder}/talelio "$@"\n')
        server.program.chmod(0o755)

    # then he serves, and everything is his
    server.start()
    for pid in [server.process.pid, *server.workers()]:
        assert whose(pid)[0] == [str(me)] * 4 and not may_be_dumped(pid)
    assert server.client().get("/v1/health").status == 200
    server.stop()
    assert (server.folder / "run/talelio.pid").stat().st_uid == me


# Nobody else can become another user: what happens to others instead is the test above.
if os.getuid() == 0:

    class TestAsRoot:
        @pytest.mark.ships
        def test_it_serves_as_somebody_else(self, make_server):
            # given somebody with groups that nobody else should have
            server = make_server()
            for_anybody(server, "nobody")
            server.program = server.folder / "with_groups"
            server.program.write_text(f'#!/bin/sh\nexec setpriv --groups=0,1,4711 {server.folder}/talelio "$@"\n')
            server.program.chmod(0o755)

            # then nothing of him is left
            server.start()
            nobody = pwd.getpwnam("nobody")
            others = {str(group) for group in os.getgrouplist("nobody", nobody.pw_gid)}
            for pid in [server.process.pid, *server.workers()]:
                users, group, capabilities, groups = whose(pid)
                assert users == [str(nobody.pw_uid)] * 4 and group == [str(nobody.pw_gid)] * 4 and set(groups) == others
                assert int(capabilities[0], 16) == 0 and not may_be_dumped(pid)
            assert server.client().get("/v1/health").status == 200
            server.stop()
            assert (server.folder / "run/talelio.pid").stat().st_uid == nobody.pw_uid

        @pytest.mark.ships
        def test_a_run_dir_of_somebody_else_is_not_taken_from_him(self, make_server):
            server = make_server({"server": {"user": "nobody"}})
            run = server.folder / "run"
            run.mkdir(exist_ok=True)
            os.chown(run, 1, 1)
            result = server.run("serve")
            assert result.returncode == 1 and "belongs to somebody else" in result.stderr
            assert run.stat().st_uid == 1

        @pytest.mark.ships
        def test_check_sees_what_the_servers_user_may_not(self, make_server):
            server = make_server({"server": {"user": "nobody"}, "log": {"file": "/root/talelio.log"}})
            result = server.run("check")
            assert result.returncode == 1
            assert "user 'nobody' may not read it" in result.stderr
            assert "user 'nobody' may not write /root/talelio.log" in result.stderr


def test_check_tells_of_plugins_too_when_the_core_has_problems(make_server):
    server = make_server({"server": {"workers": "many"}, "plugin:auth": {"sekret": "x"}})
    result = server.run("check")
    assert result.returncode == 1
    assert "many" in result.stderr and "sekret" in result.stderr
    assert result.stderr.count("many") == 1


def test_check_tells_of_plugins_too_when_a_store_is_incomplete(make_server):
    stores = {"store:a": {"driver": "s3", "bucket": "${NOT_SET}"}, "store:b": {"driver": "tape"}}
    server = make_server({**stores, "store:c": {"driver": "s3", "endpoint": "nowhere"}, "plugin:auth": {"sekret": "x"}})
    result = server.run("check")
    assert result.returncode == 1, result.stderr
    for wrong in ("NOT_SET", "tape", "nowhere", "sekret"):
        assert result.stderr.count(wrong) >= 1, result.stderr


@pytest.mark.parametrize("words", [["check"], ["routes"], ["plugin", "disable", "auth"]])
def test_commands_give_up_on_a_plugin_that_hangs(make_server, words):
    server = make_server({"server": {"start_timeout": "1s"}, "plugin:trouble": {"enabled": "yes", "path": BUILD / "tests/plugins/trouble.so", "at_init": "hang"}})
    result = server.run(*words)
    assert result.returncode == 1
    assert "not done after [server] start_timeout in init of plugin trouble 1\n" in result.stderr


def test_commands_exit_codes(make_server):
    server = make_server()
    assert server.run("version").returncode == 0
    assert server.run("routes", "x").returncode == 2
    assert server.run("nonsense").returncode == 2
    environment = {k: v for k, v in os.environ.items() if k != "TALELIO_CONFIG"}
    bare = subprocess.run([TALELIO], capture_output=True, text=True, cwd=server.folder, env=environment)
    assert bare.returncode == 2 and "talelio help" in bare.stderr


def test_a_plugins_command_runs_in_its_own_process(make_server):
    server = make_server({"plugin:good": {"enabled": "yes", "path": PLUGINS / "good.so", "greeting": "Good day"}})
    result = server.run("greet", "Ada")
    assert (result.returncode, result.stdout) == (0, "Good day, Ada\n"), result.stderr
    assert server.run("greet").returncode == 7
    shown = server.run("greet", "--help")
    assert shown.returncode == 0 and "usage: talelio greet NAME" in shown.stdout
    listed = server.run("plugins", "--options")
    assert "good 1.2.3" in listed.stdout and "greeting" in listed.stdout and "good.v1" in listed.stdout

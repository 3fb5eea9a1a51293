"""Generations under load: every reload answers with its result, and whatever goes wrong, no request fails."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from load import MEDIA, Load, Paced, ask, every_kind, footprint, gets
from server import BUILD, NOTE, PATIENCE, SANITIZED, TALELIO, compile_plugin, eventually

PLUGINS = BUILD / "tests/plugins"
TROUBLE = {"enabled": "yes", "path": PLUGINS / "trouble.so"}


@contextlib.contextmanager
def undisturbed(server, calls, visitors=2, seconds=PATIENCE):
    """No visitor gets a wrong answer, or none, meanwhile."""
    with Load(server, calls, visitors) as load:
        eventually(lambda: load.count > 2 * len(calls), seconds)
        yield
    assert load.failures == []


def paths_of(server):
    author = server.author()
    assert author.publish("Reloaded").status == 201
    return ["/v1/health", "/v1/articles/reloaded", f"/v1/users/{author.username}", "/nowhere"]


def reads_of(server):
    return gets(server, paths_of(server))


@pytest.mark.ships
def test_many_reloads_in_a_row_fail_no_request_and_leave_nothing_behind(make_server):
    # given a server that has warmed up, and visitors on every kind of route
    server = make_server({"server": {"workers": "2"}, **MEDIA}).start()
    calls = every_kind(server)
    for _ in range(3):
        assert ask(server)["ok"]
    eventually(lambda: not ask(server, "status")["draining"])
    descriptors, memory = footprint(server.process.pid)

    # when it is reloaded again and again under load
    times = 8 if SANITIZED else 30
    with undisturbed(server, calls, visitors=4):
        results = [ask(server) for _ in range(times)]

    # then every one of them is a new generation, and the master is what it was
    assert all(result["ok"] for result in results)
    assert [result["generation"] for result in results] == list(range(5, 5 + times))
    eventually(lambda: not ask(server, "status")["draining"])
    after, memory_after = footprint(server.process.pid)
    assert after == descriptors
    assert SANITIZED or memory_after < memory + 1024
    server.stop()


def test_the_command_tells_what_changed(make_server):
    server = make_server().start()
    result = server.run("reload")
    assert result.returncode == 0, result.stderr
    assert re.search(r"generation 2 serves, after \d+ ms: the same plugins and routes", result.stdout)

    server.changes = {"plugin:trouble": TROUBLE, "plugin:articles": None}
    server.write_config()
    result = json.loads(server.run("reload", "--json").stdout)
    assert result["ok"] and result["generation"] == 3 and result["before"] == 2
    assert result["plugins"]["added"] == [{"name": "trouble", "version": "1"}]
    assert [one["name"] for one in result["plugins"]["removed"]] == ["articles"]
    assert {"name": "GET /trouble/fine", "plugin": "trouble"} in result["routes"]["added"]
    assert "GET /v1/articles/:slug" in [one["name"] for one in result["routes"]["removed"]]
    assert server.client().get("/trouble/fine").status == 200
    assert server.client().get("/v1/articles/x").status == 404
    server.stop()


def plugin(name):
    return {f"plugin:{name}": {"enabled": "yes", "path": PLUGINS / f"{name}.so"}}


def trouble(at_init, **server_settings):
    return {"server": {"workers": "2", **server_settings}, "plugin:trouble": {**TROUBLE, "at_init": at_init}}


GOOD = (PLUGINS / "good.so").read_bytes()
# A sanitized process takes a while to load.
SECONDS = 12 if SANITIZED else 3
DEATH = r"ended with exit code 1" if SANITIZED else r"was killed by SIGSEGV \(Segmentation fault\)"
# The sanitizer's own frames come first.
TRACE = r"; backtrace: .*trouble\.so\+0x[0-9a-f]+ .*"
BROKEN = r"{folder}/broken\.so: plugin broken: cannot be loaded: "

# What is wrong: the bytes of a plugin's file or changes of the configuration, and the line that tells of it.
REFUSALS = {
    "no ELF": (b"just text" * 99, BROKEN + r"expected a shared object \(ELF\), found a file of another kind"),
    "empty": (b"", BROKEN + r"expected a shared object \(ELF\), found an empty file"),
    "cut off early": (GOOD[:40], BROKEN + r"expected a shared object \(ELF\), found the first 40 bytes of one"),
    "cut off": (GOOD[:3000], BROKEN + r"expected at least \d+ bytes, found 3000: the file is cut off, or not yet written whole"),
    "no file": (plugin("nowhere"), r"{plugins}/nowhere\.so: plugin nowhere: the file is not there or cannot be read: .*"),
    "no entry": (plugin("no_entry"), r"{plugins}/no_entry\.so: plugin no_entry: entry: expected the exported function "
                                     r"talelio_plugin, found none: is TL_PLUGIN missing\?"),
    "other ABI": (plugin("other_major"), r"{plugins}/other_major\.so: plugin other_major: abi_major: expected 1, found 2: "
                                         r"rebuild the plugin with the headers of this talelio"),
    "symbol": (plugin("undefined_symbol"), r"{plugins}/undefined_symbol\.so: plugin undefined_symbol: cannot be loaded: "
                                           r"undefined symbol: nobody_has_this"),
    "service": (plugin("needy"), r"{plugins}/needy\.so: plugin needy: needs: expected a provider of 'shared\.v1', found none, "
                                 r"nor any in {build}/plugins"),
    "clash": (plugin("same_route"), r"plugin same_route: route GET /v1/health matches the same requests as GET /v1/health of "
                                    r"plugin health"),
    "init refuses": (trouble("refuse"), r"{plugins}/trouble\.so: plugin trouble: init: as it was told to"),
    "init crashes": (trouble("crash"), rf"(worker \d|jobs) \(pid \d+\) {DEATH} in init of plugin trouble 1{TRACE}"),
    "init hangs": (trouble("hang", start_timeout=f"{SECONDS}s"),
                   rf"(worker \d|jobs) was not ready after {SECONDS} seconds \(\[server\] start_timeout\) in init of plugin trouble 1"),
    "start refuses": (plugin("start_refuses"), r".*not before tomorrow.*"),
    "ini error": ({"http": {"max_bodi": "1M"}}, r"{folder}/talelio\.ini:\d+: \[http\] max_bodi: there is no such key; did you mean "
                                                r"max_body\?"),
}  # fmt: skip


def complaints(text):
    """The lines of a log that tell of something wrong."""
    return re.findall(r"^\S+Z (?:ERROR|WARNING) +(.*)$", text, re.M)


class TestRefused:
    @pytest.fixture(scope="class")
    def refusing(self, make_server):
        server = make_server({"server": {"workers": "2"}}).start()
        server.reads = reads_of(server)
        yield server
        # it is not broken for good
        server.changes = {"server": {"workers": "2"}}
        server.write_config()
        assert ask(server)["ok"]
        server.stop_after_crash()

    @pytest.mark.parametrize("cause", REFUSALS)
    def test_the_old_generation_goes_on_and_one_line_says_why(self, refusing, cause):
        # given something wrong
        server = refusing
        changes, line = REFUSALS[cause]
        if not isinstance(changes, dict):
            file = server.folder / "broken.so"
            file.write_bytes(changes)
            changes = {"plugin:broken": {"enabled": "yes", "path": file}}
        server.changes = {"server": {"workers": "2"}, **changes}
        server.write_config()
        logged = len(server.log_text())

        # when it is reloaded under load
        with undisturbed(server, server.reads):
            result = ask(server)

        # then one line tells of it, in the answer and in the log
        assert not result["ok"] and result["generation"] == 1
        for name, folder in {"folder": server.folder, "plugins": PLUGINS, "build": BUILD}.items():
            line = line.replace("{%s}" % name, re.escape(str(folder)))
        assert len(result["problems"]) == 1 and re.fullmatch(line, result["problems"][0]), result["problems"]
        told = complaints(server.log_text()[logged:])
        assert told == ["master reload failed, generation 1 goes on serving: " + result["problems"][0]]

    def test_the_command_says_so_and_fails(self, refusing):
        refusing.changes = plugin("no_entry")
        refusing.write_config()
        refused = refusing.run("reload")
        assert refused.returncode == 1 and "generation 1 goes on serving" in refused.stderr


@pytest.mark.ships
class TestProgram:
    """The workers run the program that the master was started from."""

    def serve(self, make_server):
        server = make_server({"server": {"workers": "2"}})
        server.program = server.folder / "talelio"
        shutil.copy(TALELIO, server.program)
        return server.start()

    @pytest.mark.parametrize("how", ["deleted", "replaced"])
    def test_a_reload_and_a_new_worker_do_without_its_file(self, make_server, how):
        server = self.serve(make_server)
        server.program.unlink()
        if how == "replaced":
            server.program.write_text("#!/bin/false\n")
            server.program.chmod(0o755)
        with undisturbed(server, reads_of(server)):
            assert ask(server)["ok"]
        os.kill(ask(server, "status")["processes"][0]["pid"], signal.SIGKILL)
        eventually(lambda: "serves in the place of the one that ended" in server.log_text())
        server.stop()

    def test_one_that_cannot_be_executed_any_more_refuses_the_reload(self, make_server):
        server = self.serve(make_server)
        reads = reads_of(server)
        server.program.chmod(0o644)
        with undisturbed(server, reads):
            result = ask(server)
        told = f"the program {server.program} cannot be executed: Permission denied"
        assert not result["ok"] and result["generation"] == 1 and result["problems"] == [told]
        assert complaints(server.log_text()) == ["master reload failed, generation 1 goes on serving: " + told]
        server.program.chmod(0o755)
        assert ask(server)["ok"]
        server.stop()


def test_a_reload_while_the_database_is_away_goes_through(make_server, own_services):
    # given a server whose database is away
    server = make_server({"server": {"workers": "2"}}, postgres=own_services.postgres, redis=own_services.redis).start()
    article = paths_of(server)[1]
    own_services.run("stop")
    eventually(lambda: server.client().get(article).status == 503)

    # when it is reloaded under load, then whatever needs no database is answered, and what does hears 503
    with undisturbed(server, gets(server, ["/v1/health", "/nowhere", article])):
        results = [ask(server) for _ in range(3)]
    assert [result["ok"] for result in results] == [True] * 3, results

    # and the new generation finds the database as soon as it is back
    own_services.run("start")
    eventually(lambda: server.client().get("/v1/health/ready").status == 200)
    assert server.client().get(article).status == 200
    server.stop()


def lost(load):
    """The processes whose requests got no answer. Wrong answers are never right."""
    assert [failure for failure in load.failures if failure.status is not None] == []
    assert all(isinstance(failure.what, (http.client.RemoteDisconnected, ConnectionError)) for failure in load.failures), load.failures
    return [failure.worker for failure in load.failures]


@pytest.mark.ships
def test_a_file_overwritten_in_place_crashes_nobody_and_is_live_after_the_reload(make_server):
    # given a plugin that serves from a file, and visitors who never pause
    server = make_server({"server": {"workers": "2"}})
    file, newer = server.folder / "note.so", server.folder / "newer.so"
    compile_plugin(NOTE.replace("WORD", "1st."), file)
    compile_plugin(NOTE.replace("WORD", "2nd."), newer)
    server.changes = {"server": {"workers": "2"}, "plugin:note": {"enabled": "yes", "path": file}, **plugin("trouble")}
    server.write_config()
    server.start()
    workers, inode = server.workers(), file.stat().st_ino
    calls = gets(server, ["/note", "/v1/health", "/trouble/fine"])
    with Load(server, calls, 4, who="/trouble/worker") as load:
        # when somebody copies the new one over it, then nobody notices
        subprocess.run(["cp", newer, file], check=True)
        seen = load.count
        eventually(lambda: load.count > seen + 200)
        assert server.workers() == workers and file.stat().st_ino == inode and load.failures == []

        # when a worker dies, then only its own requests are lost, and its successor has the old code
        victim = next(one["pid"] for one in ask(server, "status")["processes"] if one["name"] == "worker 1")
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: "serves in the place of the one that ended" in server.log_text())
        seen = load.count
        eventually(lambda: load.count > seen + 200)
    assert set(lost(load)) <= {victim, None} and len(load.failures) <= 4

    # when it is reloaded, then the new code is live
    with undisturbed(server, gets(server, ["/v1/health", "/trouble/fine"])):
        result = ask(server)
    assert [one["name"] for one in result["plugins"]["replaced"]] == ["note"]
    assert server.client().get("/note").body == b"2nd."
    server.stop()


@pytest.mark.ships
def test_a_plugin_that_crashes_on_one_route_leaves_the_others_alone(make_server):
    # given a route that dereferences NULL, and visitors of others who know which worker has their connection
    server = make_server({"server": {"workers": "2"}, "plugin:trouble": TROUBLE}).start()
    deaths = lambda: set(map(int, re.findall(rf"\(pid (\d+)\) {DEATH} while it ran plugin trouble", server.log_text())))  # noqa: E731
    with Load(server, reads_of(server), 4, who="/trouble/worker") as load:
        # when it is asked 200 times a second
        with Paced(server, "/trouble/fault", 200):
            eventually(lambda: len(deaths()) >= 6)
        # then the others are served as soon as that is over
        seen = load.count
        eventually(lambda: load.count > seen + 200)
    # and nobody else's requests were lost: at most one a visitor for every worker that has died
    assert set(lost(load)) <= deaths() | {None}
    assert len(load.failures) <= 4 * len(deaths())
    for _ in range(20):
        assert server.client().get("/v1/health").status == 200
    assert re.search(rf"{DEATH} while it ran plugin trouble 1, route GET /trouble/fault, request \S+{TRACE}", server.log_text())
    server.stop_after_crash()


def one_by_one(port):
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]


def all_at_once(port):
    open_ones = [socket.socket() for _ in range(64)]
    for connection in open_ones:
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
    return open_ones


def let_all_accept(server):
    """Who has just been told to serve needs a moment before he takes connections."""
    before, open_ones = sum(connections(server)), []

    def everybody_has_one():
        open_ones.append(socket.create_connection(("127.0.0.1", server.port)))
        return min(connections(server)) > 0

    eventually(everybody_has_one)
    for connection in open_ones:
        connection.close()
    eventually(lambda: sum(connections(server)) == before)


@pytest.mark.parametrize("connect", [one_by_one, all_at_once])
def test_neither_of_two_workers_has_more_than_65_percent_of_64_connections(make_server, connect):
    server = make_server({"server": {"workers": "2"}}).start()
    let_all_accept(server)
    for _ in range(10):
        open_ones = connect(server.port)
        split = eventually(lambda: [n for n in [connections(server)] if sum(n) == 64])[0]
        assert max(split) <= 0.65 * 64, split
        for connection in open_ones:
            connection.close()
        eventually(lambda: sum(connections(server)) == 0)
    server.stop()


def test_connections_are_shared_out_again_after_a_worker_has_died(make_server):
    server = make_server({"server": {"workers": "2"}}).start()
    let_all_accept(server)
    first = one_by_one(server.port)
    eventually(lambda: sum(connections(server)) == 64)
    victim = next(one for one in ask(server, "status")["processes"] if one["name"] == "worker 1")
    os.kill(victim["pid"], signal.SIGKILL)
    eventually(lambda: "serves in the place of" in server.log_text())
    let_all_accept(server)
    # the one that lived has about 32, so the new one gets the next until it has nearly as many
    second = one_by_one(server.port)
    lived = 64 - victim["connections"]
    split = eventually(lambda: [n for n in [connections(server)] if sum(n) == lived + 64])[0]
    assert max(split) <= 0.65 * sum(split), split
    for connection in first + second:
        connection.close()
    server.stop()


def connections(server):
    return [one["connections"] for one in ask(server, "status")["processes"] if one["name"] != "jobs"]


def test_after_kill_9_of_the_master_its_workers_leave_and_a_new_start_works(make_server):
    server = make_server({"server": {"workers": "2"}}).start()
    workers = server.workers()
    server.process.kill()
    server.process.wait()
    # on the same port, at once
    server.changes = {"server": {"workers": "2", "port": str(server.port)}}
    server.write_config()
    server.start()
    assert server.client().get("/v1/health").status == 200
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))
    assert ask(server)["ok"]
    server.stop()


# Valgrind and the sanitizers exclude each other: the build as it ships is the one that it runs.
if not SANITIZED:

    @pytest.mark.ships
    def test_valgrind_finds_nothing_in_a_start_load_a_reload_and_a_stop(make_server):
        """Memory that is read before it is written, which the sanitizers do not see. Leaks are theirs."""
        server = make_server({"server": {"start_timeout": "5m", "watchdog": "0"}, **MEDIA})
        command = ["valgrind", "--trace-children=yes", "--quiet", "--leak-check=no", f"--log-file={server.folder}/valgrind.%p"]
        with open(server.log_path, "ab") as log:
            server.process = subprocess.Popen(
                [*command, TALELIO, "serve", "--config", server.ini],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=server.folder, start_new_session=True,
            )  # fmt: skip
        found = eventually(lambda: re.search(r"listening on http://[^ ]*:(\d+)", server.log_text()), seconds=300)
        server.port = int(found.group(1))
        with undisturbed(server, every_kind(server), seconds=300):
            assert ask(server)["ok"]
        assert server.stop() == 0
        written = list(server.folder.glob("valgrind.*"))
        assert len(written) >= 5
        assert [path.read_text() for path in written if path.stat().st_size > 0] == []

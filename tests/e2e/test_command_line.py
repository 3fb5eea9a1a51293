"""What the commands say to somebody who types the wrong thing, or asks where nobody answers."""

import os
import shutil
import socket
import subprocess

import pytest

WRONG = [
    ("status now", "talelio status: 'now' means nothing here\nusage: talelio status [--json]\n"),
    ("status --jsn", "'--jsn' means nothing here"),
    ("reload x", "'x' means nothing here\nusage: talelio reload [--json]\n"),
    ("stop now", "'now' means nothing here\nusage: talelio stop\n"),
    ("routes --json", "'--json' means nothing here\nusage: talelio routes\n"),
    ("config x", "'x' means nothing here\nusage: talelio config\n"),
    ("check x", "'x' means nothing here\nusage: talelio check\n"),
    ("plugin", "expected enable or disable, and one plugin\nusage: talelio plugin enable|disable NAME\n"),
    ("plugin on health", "expected enable or disable, found 'on'"),
    ("plugin enable", "expected enable or disable, and one plugin"),
    ("plugin enable health users", "expected enable or disable, and one plugin"),
    ("plugin enable Health", "'Health' is no name of a plugin: expected up to 40 of a-z, 0-9 and _"),
    ("help serve now", "'now' means nothing here\nusage: talelio help [COMMAND]\n"),
    ("stat", "there is no command 'stat': did you mean 'status'?"),
    ("-v", "there is no option '-v' (`talelio help` lists them)"),
    ("--config= status", "--config needs a file"),
]


@pytest.mark.parametrize("words, told", WRONG)
def test_wrong_words_are_named(server, words, told):
    result = server.run(*words.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr


@pytest.fixture
def stopped(make_server):
    """A configured server that has run, and does not run now."""
    server = make_server().start()
    server.stop()
    return server


def leave_a_pid(run):
    (run / "talelio.pid").write_text(f"{os.getpid()}\n")


def leave_rubbish(run):
    (run / "talelio.pid").write_text("rubbish")
    (run / "control.sock").write_text("rubbish")


def leave_a_socket(run):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(run / "control.sock"))


@pytest.mark.parametrize("leave", [lambda run: None, leave_a_pid, leave_rubbish, leave_a_socket])
def test_what_a_server_has_left_behind_is_no_server(stopped, leave):
    run = stopped.folder / "run"
    leave(run)
    for word in ("status", "reload", "stop"):
        result = stopped.run(word)
        assert result.returncode == 1 and result.stderr.startswith(f"no server runs here ({run}/"), result.stderr
    # and nothing of it is in the way of the next one
    stopped.start()
    assert stopped.run("status").returncode == 0
    assert stopped.run("stop").stdout == "stopped\n"


def test_when_no_server_is_found_problems_of_the_ini_file_are_told(stopped):
    """It is where the server would be found by."""
    stopped.ini.write_text("[server\n" + stopped.ini.read_text())
    for word in ("status", "reload", "stop"):
        result = stopped.run(word)
        assert result.returncode == 1 and "talelio.ini:1: expected [section]" in result.stderr, word


def test_another_user_is_told_whom_it_answers(server):
    """As root the tests ask as nobody; else the folder is closed to its own user."""
    server.ini.chmod(0o644)
    run = server.folder / "run"
    command = [shutil.copy(server.program, server.folder / "talelio"), "--config", server.ini]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    else:
        run.chmod(0)
    told = {}
    for word in ("status", "reload", "stop"):
        told[word] = subprocess.run([*command, word], capture_output=True, text=True, cwd="/")
    run.chmod(0o700)
    asked = f"the server cannot be asked ({run}/control.sock): Permission denied: it answers its own user and root\n"
    assert [told[word].stderr for word in ("status", "reload")] == [asked, asked]
    assert told["stop"].stderr == f"the server cannot be found: {run}/talelio.pid: Permission denied\n"
    assert [one.returncode for one in told.values()] == [1, 1, 1]
    assert server.client().get("/v1/health").status == 200


def test_a_folder_is_no_ini_file(server):
    for words in (["status"], ["check"], ["plugin", "disable", "users"]):
        result = subprocess.run([server.program, *words, "--config", server.folder], capture_output=True, text=True)
        assert result.returncode == 1 and "expected a regular file" in result.stderr, words

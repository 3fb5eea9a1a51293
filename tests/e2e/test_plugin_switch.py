"""talelio plugin enable|disable: one value of the ini file changes, and what runs follows, or nothing changes."""

import subprocess

from load import ask
from server import BUILD

PLUGINS = BUILD / "tests/plugins"
TROUBLE = {"enabled": "yes", "path": PLUGINS / "trouble.so"}


def test_one_line_of_the_ini_file_changes_and_the_routes_follow(make_server):
    server = make_server({"plugin:trouble": TROUBLE}).start()
    before = "; first of all\n" + server.ini.read_text() + "# the end"
    server.ini.write_text(before)
    server.ini.chmod(0o640)

    result = server.run("plugin", "disable", "trouble")
    assert result.returncode == 0, result.stderr
    section = "[plugin:trouble]\nenabled = "
    assert server.ini.read_text() == before.replace(section + "yes", section + "no")
    assert server.ini.stat().st_mode & 0o7777 == 0o640
    assert server.client().get("/trouble/fine").status == 404
    assert "removed  plugin trouble" in result.stdout

    result = server.run("plugin", "enable", "trouble")
    assert result.returncode == 0, result.stderr
    assert server.ini.read_text() == before
    assert server.client().get("/trouble/fine").status == 200
    server.stop()


def test_what_is_missing_is_added(make_server):
    # given a section without the line, and a plugin without a section
    server = make_server({"plugin:articles": {"enabled": None}}).start(wait=False)
    assert server.process.wait() == 1 and "[plugin:articles] enabled is missing" in server.log_text()
    before = server.ini.read_text()

    # when both are switched
    assert server.run("plugin", "disable", "articles").returncode == 0
    assert server.run("plugin", "enable", "metrics").returncode == 0

    # then the lines are there, and it serves
    changed = before.replace("[plugin:articles]\n", "[plugin:articles]\nenabled = no\n")
    assert server.ini.read_text() == changed + "\n[plugin:metrics]\nenabled = yes\n"
    server.start()
    assert server.client().get("/metrics").status == 200
    server.stop()


def test_nothing_changes_when_the_check_fails(make_server):
    server = make_server({"plugin:trouble": {**TROUBLE, "enabled": "no", "at_init": "refuse"}}).start()
    before = server.ini.read_text()
    for name, told in (("trouble", "as it was told to"), ("nowhere", "nowhere.so")):
        result = server.run("plugin", "enable", name)
        assert result.returncode == 1
        assert told in result.stderr and "stays as it was" in result.stderr
    assert server.run("plugin", "disable", "nowhere").returncode == 1
    assert server.ini.read_text() == before
    assert sorted(path.name for path in server.folder.glob("talelio.ini*")) == ["talelio.ini"]
    assert ask(server, "status")["generation"] == 1
    server.stop()


def test_the_file_is_as_it_was_when_the_server_refuses_what_the_check_has_let_through(make_server):
    # given a plugin that loads, and refuses only to start; and a file that no editor of ours would write
    server = make_server().start()
    text = server.ini.read_bytes().replace(b"\n", b"\r\n") + b"; mine\r\n[plugin:start_refuses]\r\n# why not\r\n"
    text += f"path={PLUGINS}/start_refuses.so\r\nenabled  =no".encode()
    server.ini.write_bytes(text)
    server.ini.chmod(0o640)

    # when it is turned on
    result = server.run("plugin", "enable", "start_refuses")

    # then the reason is told, and nothing has changed
    assert result.returncode == 1 and "is enabled" not in result.stdout
    assert "not before tomorrow" in result.stderr and "generation 1 goes on serving" in result.stderr
    assert "talelio.ini is as it was again" in result.stderr
    assert server.ini.read_bytes() == text and server.ini.stat().st_mode & 0o7777 == 0o640
    assert sorted(path.name for path in server.folder.glob("talelio.ini*")) == ["talelio.ini"]
    assert ask(server, "status")["generation"] == 1

    # and the same file takes a change that the server does not mind
    assert server.run("plugin", "disable", "articles").returncode == 0
    changed = text.replace(b"[plugin:articles]\r\nenabled = yes", b"[plugin:articles]\r\nenabled = no")
    assert server.ini.read_bytes() == changed != text
    server.stop()


def test_a_plugin_that_hangs_is_given_up(make_server):
    server = make_server({"server": {"start_timeout": "3s"}, "plugin:trouble": {**TROUBLE, "enabled": "no", "at_init": "hang"}})
    before = server.ini.read_bytes()
    result = server.run("plugin", "enable", "trouble")
    assert result.returncode == 1 and "in init of plugin trouble 1" in result.stderr
    assert server.ini.read_bytes() == before


def test_what_is_no_text_is_left_alone(make_server):
    server = make_server()
    before = server.ini.read_bytes() + b"# \0 mine\n"
    server.ini.write_bytes(before)
    result = server.run("plugin", "disable", "articles")
    assert result.returncode == 1 and "talelio.ini: cannot be read: it has a NUL byte" in result.stderr
    assert server.ini.read_bytes() == before


def test_changes_at_once_are_all_there_in_the_end(make_server):
    server = make_server()
    names = ("articles", "users", "auth", "health")
    words = [[server.program, "plugin", "disable", name, "--config", server.ini] for name in names]
    asked = [subprocess.Popen(one, cwd=server.folder, stdout=subprocess.DEVNULL) for one in words]
    assert [one.wait() for one in asked] == [0, 0, 0, 0]
    assert all(f"[plugin:{name}]\nenabled = no\n" in server.ini.read_text() for name in names)


def test_without_a_server_the_file_alone_changes(make_server):
    server = make_server()
    result = server.run("plugin", "disable", "articles")
    assert result.returncode == 0 and "no server runs" in result.stdout
    assert "[plugin:articles]\nenabled = no\n" in server.ini.read_text()
    assert "is disabled already" in server.run("plugin", "disable", "articles").stdout

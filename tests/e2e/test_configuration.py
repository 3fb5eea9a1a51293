"""The ini file, the commands, and how the server refuses to start: each problem with its place and what to do."""

import os
import re
import socket
import subprocess

import pytest

from server import BUILD, ROOT, SECRET, TALELIO


def serve(server, **rest):
    """Tries to serve; returns (exit code, what it said)."""
    result = server.run("serve", **rest)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def configured(make_server):
    return make_server()


class TestProblems:
    def test_all_problems_are_told_in_one_go_with_their_lines(self, configured):
        text = configured.ini.read_text()
        configured.ini.write_text(
            text.replace("workers = 1", "workers = many")
            .replace("[http]\n", "[http]\nmax_bodi = 1M\nrequest_timeout = soon\n")
            .replace("[log]\n", "[log]\nlevel = ${NO_SUCH_VARIABLE}\n" + "format = " + "x" * 500 + "\n")
            + "\n[nonsense]\nkey = 1\n"
        )
        lines = configured.ini.read_text().splitlines()
        code, said = serve(configured)
        assert code == 1
        for part in ("workers", "max_bodi", "request_timeout", "NO_SUCH_VARIABLE", "nonsense"):
            number = next(n for n, line in enumerate(lines, 1) if part in line)
            assert re.search(rf"talelio\.ini:{number}: .*{part}", said), (part, said)
        long_line = next(n for n, line in enumerate(lines, 1) if len(line) > 400)
        assert f"talelio.ini:{long_line}:" in said
        assert "max_body" in said, "the nearest known key is named"

    def test_an_option_of_a_plugin_is_checked_too(self, make_server):
        server = make_server({"plugin:auth": {"access_lifetime": "-5m", "sekret": "x"}})
        code, said = serve(server)
        assert code == 1
        assert "access_lifetime" in said and "sekret" in said and "talelio.ini:" in said

    def test_a_missing_file_is_named(self, configured):
        configured.ini.unlink()
        code, said = serve(configured)
        assert code != 0
        assert "talelio.ini" in said

    def test_a_folder_is_no_file(self, configured):
        configured.ini.unlink()
        configured.ini.mkdir()
        code, said = serve(configured)
        assert code != 0 and "talelio.ini" in said

    def test_a_missing_plugin_file_is_named(self, make_server):
        server = make_server({"plugin:nowhere": {"enabled": "yes"}})
        code, said = serve(server)
        assert code == 1 and "nowhere" in said and "nowhere.so" in said

    def test_check_says_the_same_and_serves_nothing(self, make_server):
        server = make_server({"server": {"workers": "0x"}, "plugin:auth": {"sekret": "x"}})
        result = server.run("check")
        assert result.returncode == 1
        assert "workers" in result.stdout + result.stderr

    def test_check_of_a_good_configuration_passes(self, configured):
        result = configured.run("check")
        assert result.returncode == 0, result.stdout + result.stderr

    def test_a_value_from_the_environment_cannot_add_a_key(self, make_server):
        server = make_server({"server": {"address": "${ADDRESS}"}})
        result = server.run("config", env={"ADDRESS": "127.0.0.1\nport = 1"})
        assert result.returncode != 0 or "port = 1" not in result.stdout


def development(server, ini=ROOT / "config/talelio.ini", **env):
    """`talelio config` with the ini file for development, or another."""
    variables = {
        "DATABASE_URL": server.database, "REDIS_ADDRESS": server.redis, "AUTH_SECRET": SECRET, "TALELIO_BUILD": str(BUILD)
    }  # fmt: skip
    return subprocess.run([TALELIO, "config", "--config", ini], capture_output=True, text=True,
                          cwd=server.folder, env={**os.environ, **variables, **env}, check=True)  # fmt: skip


@pytest.mark.parametrize("env, api, site", [
    ({}, "http://localhost:5000", "http://localhost:3000"),
    ({"PORT": "5300"}, "http://localhost:5300", "http://localhost:3000"),
    ({"PORT": "5300", "API_URL": "https://api.talel.io", "SITE_URL": "https://www.talel.io"}, "https://api.talel.io", "https://www.talel.io"),
])  # fmt: skip
def test_the_api_and_the_site_have_an_address_each(configured, env, api, site):
    shown = development(configured, **env).stdout
    assert re.findall(r"^api_url = (\S+)", shown, re.M) == [api, api]
    assert re.findall(r"^site_url = (\S+)", shown, re.M) == [site]


@pytest.mark.parametrize("changes, told", [
    ({"plugin:auth": {"site_url": "https://talel.io"}}, r"talelio\.ini:\d+: \[plugin:auth\] site_url: there is no such key; did you mean api_url\?"),
    ({"plugin:auth": {"api_url": "talel.io"}}, "auth: .*api_url: expected an address like https://www.example.org, found 'talel.io'"),
    ({"plugin:articles": {"site_url": "talel.io"}}, "articles: .*site_url: expected an address like .*, found 'talel.io'"),
])  # fmt: skip
def test_an_address_under_another_name_or_without_a_scheme_is_refused(make_server, changes, told):
    said = make_server(changes).run("check").stderr
    assert re.search(told, said), said


def test_every_setting_that_a_message_or_a_page_names_exists(make_server):
    # given the keys of all sections, those of plugins that are off among them
    server = make_server()
    ini = server.folder / "all.ini"
    ini.write_text((ROOT / "config/talelio.ini").read_text().replace("enabled = no", "enabled = yes"))
    shown = development(server, ini).stdout
    known = {}
    for line in shown.splitlines():
        if head := re.match(r"\[(.*)\]", line):
            section = known.setdefault(re.sub("^store:.*", "store", head[1]), set())
        elif line:
            section.add(line.split(" = ")[0])

    # and every "[section] key" of the sources and the pages
    listed = subprocess.run(["git", "ls-files", "core", "plugins", "include", "scripts", "*.md", "config"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # fmt: skip
    text = "\n".join((ROOT / name).read_text() for name in listed if not name.startswith(("tests/", "scripts/sample-")))
    sections = "|".join(name for name in known if name != "store")
    named = re.findall(rf"\[({sections}|store:[^\]\n]*)\]`? `?([a-z_]+)", text)
    assert len(named) > 40

    # then each of them is there; what is no key is the verb or the article behind a section that is meant as a whole
    prose = {"the", "is", "that", "and", "or", "cannot", "in", "on", "with", "only", "for", "allows", "when"}
    named = {(re.sub("^store:.*", "store", section), key) for section, key in named if key not in prose}
    assert sorted((section, key) for section, key in named if key not in known[section]) == []
    assert not re.search(r" in \[(postgres|redis|server|http|log|mail)\](?! [a-z])", text), "written as [section] key everywhere"


class TestRefusals:
    def test_a_taken_port(self, make_server):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, said = serve(make_server({"server": {"port": str(port)}}))
        assert code == 1 and str(port) in said and "taken" in said

    def test_missing_migrations_name_the_command(self, make_server):
        code, said = serve(make_server(migrate=False))
        assert code == 1 and "talelio migrate" in said

    def test_a_schema_from_the_future(self, configured):
        configured.sql("INSERT INTO schema_migration (owner, number, name, checksum) VALUES ('talelio', 9999, 'x', 'y')")
        code, said = serve(configured)
        assert code == 1 and "9999" in said

    def test_a_migration_that_was_changed_afterwards(self, configured):
        configured.sql("UPDATE schema_migration SET checksum = 'x' WHERE number = 1")
        code, said = serve(configured)
        assert code == 1 and "0001" in said

    def test_a_database_that_does_not_exist(self, make_server):
        server = make_server()
        server.changes = {"postgres": {"url": server.database.replace("/t", "/none", 1)}}
        server.write_config()
        code, said = serve(server)
        assert code == 1 and re.search(r"\[postgres\] .* does not exist: make it with createdb", said.splitlines()[-1]), said

    def test_a_user_that_does_not_exist(self, make_server):
        server = make_server()
        server.changes = {"postgres": {"url": server.database.replace("user=talelio", "user=stranger")}}
        server.write_config()
        for command in ("serve", "check", "migrate"):
            result = server.run(command)
            assert result.returncode == 1
            assert "make it with createuser, or correct [postgres] url" in result.stderr.splitlines()[-1]

    def test_migrating_twice_changes_nothing(self, configured):
        before = configured.sql("SELECT owner, number, applied_at FROM schema_migration ORDER BY 1, 2")
        assert configured.run("migrate").returncode == 0
        assert configured.sql("SELECT owner, number, applied_at FROM schema_migration ORDER BY 1, 2") == before


class TestProduction:
    # As root: nobody else might reach this tree and the sockets of these tests.
    SAFE = {
        "server": {"mode": "production", "user": "root" if os.getuid() == 0 else ""},
        "plugin:auth": {"cookie_secure": "yes"},
    }

    def refusal(self, make_server, changes):
        sections = {name: dict(values) for name, values in self.SAFE.items()}
        for name, values in changes.items():
            sections.setdefault(name, {}).update(values)
        server = make_server(sections)
        return server, serve(server)

    def test_a_short_secret_is_refused_and_not_shown(self, make_server):
        _, (code, said) = self.refusal(make_server, {"plugin:auth": {"secret": "short-secret-" + "x" * 40}})
        assert code == 1 and "64" in said and "short-secret" not in said

    def test_a_cookie_that_is_not_secure_is_refused(self, make_server):
        _, (code, said) = self.refusal(make_server, {"plugin:auth": {"cookie_secure": "no"}})
        assert code == 1 and "cookie_secure" in said

    def test_a_file_with_secrets_that_others_may_read_is_refused(self, make_server):
        server = make_server(self.SAFE)
        server.ini.chmod(0o644)
        code, said = serve(server)
        assert code == 1 and "chmod" in said

    def test_it_serves_when_all_is_well(self, make_server):
        server = make_server(self.SAFE).start()
        client = server.client()
        assert client.register().status == 201
        assert "Secure" in client.login().cookies[0]
        server.stop()


class TestCommands:
    def test_config_shows_values_with_their_source_and_hides_secrets(self, make_server):
        server = make_server({"plugin:auth": {"secret": "${E2E_SECRET}"}})
        secret = "very-secret-" + "y" * 60
        result = server.run("config", env={"E2E_SECRET": secret})
        assert result.returncode == 0, result.stderr
        assert secret not in result.stdout + result.stderr
        assert re.search(r"talelio\.ini:\d+", result.stdout)
        assert "max_body" in result.stdout

    def test_routes(self, configured):
        result = configured.run("routes")
        assert result.returncode == 0, result.stderr
        assert re.search(r"GET +/v1/articles/:slug.*articles", result.stdout)

    def test_plugins(self, configured):
        result = configured.run("plugins")
        assert result.returncode == 0, result.stderr
        for name in ("health", "users", "auth", "articles"):
            assert name in result.stdout

    @pytest.mark.parametrize("command", ["serve", "check", "migrate", "routes", "plugins", "config", "user"])
    def test_every_command_has_help(self, configured, command):
        result = configured.run(command, "--help")
        assert result.returncode == 0 and command in result.stdout

    def test_an_unknown_command_is_a_failure(self, configured):
        result = configured.run("serv")
        assert result.returncode != 0 and "serve" in result.stderr

    def test_user_add_takes_the_password_from_standard_input(self, configured):
        configured.start()
        result = configured.run("user", "add", "cli@example.org", "cli-user", stdin="a good password\n")
        assert result.returncode == 0, result.stderr
        client = configured.client()
        client.email, client.password = "cli@example.org", "a good password"
        assert client.login().status == 200

        again = configured.run("user", "add", "cli@example.org", "cli-user2", stdin="a good password\n")
        assert again.returncode == 1 and "already exists" in again.stderr
        configured.stop()


class TestSwitchedOff:
    def test_it_is_shown_as_the_file_has_it(self, make_server):
        section = {"enabled": "no", "path": "/opt/notes/notes.so", "motto": "carpe diem", "secret": "${NO_SUCH_VARIABLE}"}
        server = make_server({"plugin:notes": section})
        assert "notes (disabled)\n  file      /opt/notes/notes.so\n" in server.run("plugins").stdout
        shown = server.run("config").stdout.split("[plugin:notes]\n")[1]
        assert [line.split("  ")[0] for line in shown.splitlines()] == [f"{key} = {value}" for key, value in section.items()]

    def test_a_plugin_that_is_off_is_like_an_unknown_path(self, make_server):
        server = make_server({"plugin:users": {"enabled": "no"}}).start()
        author = server.author()
        assert author.get("/v1/users/" + author.username).status == 404
        assert author.publish("Still works").status == 201
        assert author.get(f"/v1/users/{author.username}/articles").status == 200
        server.stop()

    def test_without_auth_articles_are_still_read(self, make_server):
        full = make_server().start()
        slug = full.author().publish("Read me").json["article"]["slug"]
        full.stop()
        server = make_server({"plugin:auth": {"enabled": "no", "secret": None, "api_url": None}}, share=full).start()
        visitor = server.client()
        assert visitor.get("/v1/articles/" + slug).status == 200
        assert visitor.publish("No").status in (404, 405)
        assert visitor.post("/v1/accounts/login", {"email": "a@b.org", "password": "x"}).status == 404
        assert "auth.v1" in server.log_text()
        server.stop()

    @pytest.mark.parametrize("name", ["health", "articles"])
    def test_the_others_do_without(self, make_server, name):
        server = make_server({f"plugin:{name}": {"enabled": "no"}}).start()
        author = server.author()
        assert author.get("/v1/users/" + author.username).status == 200
        assert author.get({"health": "/v1/health", "articles": "/v1/articles/x"}[name]).status == 404
        server.stop()

"""An author who has only what `cmake --install` puts on the machine: a plugin of one's own, built outside, loaded by path."""

import os
import pathlib
import re
import resource
import shlex
import shutil
import subprocess

import pytest

from server import BUILD, ROOT, compile_plugin, eventually

NOTES = pathlib.Path(__file__).parent / "notes"


def run(*words, **rest):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, **rest)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def prefix(run_folder):
    """Where talelio is installed; nothing else of this tree is used below."""
    made = run_folder / "prefix"
    run("cmake", "--install", BUILD, "--prefix", made)
    return made


@pytest.fixture(scope="module")
def pkg_config(prefix):
    [found] = prefix.glob("lib/**/talelio.pc")
    return {**os.environ, "PKG_CONFIG_PATH": str(found.parent)}


@pytest.fixture(scope="module", params=["pkg-config", "CMake"])
def plugin(request, run_folder, prefix, pkg_config):
    """The notes plugin, built in a folder of its own; its path."""
    folder = run_folder / ("notes-" + request.param)
    shutil.copytree(NOTES, folder)
    if request.param == "CMake":
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}", env={**os.environ, "CC": "cc"})
        run("cmake", "--build", folder / "build")
        return folder / "build/notes.so"
    # as the README says it
    [command] = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("cc ")]
    run("sh", "-c", command, cwd=folder, env=pkg_config)
    return folder / "notes.so"


@pytest.fixture
def configured(make_server, plugin):
    def make(**rest):
        section = {"enabled": "yes", "path": plugin, "migrations": NOTES / "migrations", "motto": "carpe diem"}
        return make_server({"plugin:notes": {**section, **rest}})

    return make


@pytest.mark.ships
def test_it_needs_nothing_but_libc(plugin):
    """Neither the core's symbols, nor a library of talelio's; one name is exported."""
    needed = run("nm", "-D", "--undefined-only", "--format=posix", plugin).split("\n")
    names = {line.split()[0] for line in needed if line}
    assert not [name for name in names if name.startswith(("tl_", "talelio"))], names
    exported = [line.split()[0] for line in run("nm", "-D", "--defined-only", "--format=posix", plugin).splitlines()]
    assert exported == ["talelio_plugin"]


def test_the_headers_stand_alone_and_without_a_warning(prefix, pkg_config, run_folder):
    flags = run("pkg-config", "--cflags", "talelio", env=pkg_config).split()
    headers = sorted((prefix / "include/talelio").glob("*.h"))
    assert headers
    for header in headers:
        source = run_folder / "alone.c"
        source.write_text(f"#include <talelio/{header.name}>\n")
        for standard in ("c11", "c17", "gnu11"):
            run("cc", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-std={standard}", *flags, "-fsyntax-only", source)


def test_its_migrations_options_routes_and_services_work(configured):
    # given a server with the plugin, whose migrations have a numbering of their own
    server = configured()
    refused = server.run("serve")
    assert refused.returncode == 1 and "talelio migrate" in refused.stderr
    applied = server.run("migrate")
    assert applied.returncode == 0 and "notes 0001_notes.sql" in applied.stdout + applied.stderr
    server.start()

    # when its routes are used, then authorization, database, options and the other plugin's service are there
    author = server.author()
    assert server.client().post("/v1/notes", {"text": "x"}).status == 403
    made = author.post("/v1/notes", {"text": "Remember"})
    assert made.status == 201, made
    assert server.client().get(f"/v1/notes/{made.json['id']}").json == {**made.json, "text": "Remember", "motto": "carpe diem"}
    assert server.client().get("/v1/notes/none").message == "Note not found"
    assert author.post("/v1/notes", {"txt": "x"}).message == "Expected 'text' key"
    assert author.post("/v1/notes", {"text": ""}).status == 400
    assert author.get("/v1/whoami").body.decode() == author.username
    assert server.client().get("/v1/whoami").status == 403
    server.stop()


def test_the_commands_know_it(configured, plugin):
    server = configured()
    assert server.run("migrate").returncode == 0
    routes = server.run("routes")
    assert routes.returncode == 0 and "/v1/notes/:id" in routes.stdout
    assert "notes" in server.run("plugins").stdout
    assert "motto" in server.run("config").stdout
    assert server.run("check").returncode == 0


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"motto": None}, r"talelio\.ini:\d+: \[plugin:notes\] motto is missing"),
        ({"moto": "x"}, r"talelio\.ini:\d+: .*moto.*did you mean motto"),
        ({"path": "/nowhere/notes.so"}, r"/nowhere/notes\.so: .*path in \[plugin:notes\]"),
    ],
)
def test_its_problems_are_told_like_anybody_elses(configured, changes, told):
    result = configured(**changes).run("check")
    assert result.returncode == 1
    assert re.search(told, result.stderr), result.stderr


def new_plugin(prefix, *words, cwd, **rest):
    command = [prefix / "bin/talelio", "new-plugin", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, **rest)


class TestNewPlugin:
    def configured(self, make_server, prefix, tmp_path, name):
        """A server with a new plugin, built with what is installed alone and configured as `new-plugin` prints; and what that was."""
        made = new_plugin(prefix, name, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        configure, build = re.findall(r"^cmake .*", made.stdout, re.MULTILINE)
        command = f"{configure} -G Ninja -DCMAKE_PREFIX_PATH={prefix} && {build}"
        run("sh", "-c", command, cwd=tmp_path / name, env={**os.environ, "CC": "cc"})
        server = make_server()
        server.program = prefix / "bin/talelio"
        section = re.search(r"^\[plugin:.*?\n(?=```)", made.stdout, re.MULTILINE | re.DOTALL).group()
        server.ini.write_text(server.ini.read_text() + section)
        assert server.run("migrate").returncode == 0
        return server, made.stdout

    # Neither CMake nor SQL may mind the name.
    @pytest.mark.ships
    @pytest.mark.parametrize("name", ["guestbook", "3d", "install", "int", "accounts"])
    def test_it_builds_and_serves_as_its_readme_says(self, make_server, prefix, tmp_path, name):
        server, printed = self.configured(make_server, prefix, tmp_path, name)
        assert server.run("check").returncode == 0
        server.start()
        path = re.search(r"curl localhost:5000(\S+)", printed).group(1)
        answer = server.client().get(path)
        assert answer.status == 200 and answer.headers["cache-control"] == "max-age=60"
        assert answer.json["greeting"] == "Hello" and answer.json["text"] == "The first row"
        assert server.client().get(f"/v1/{name}/nobody").message == "Name not found"
        server.stop()

    def test_it_is_worked_on_as_its_readme_says(self, make_server, prefix, tmp_path):
        server, printed = self.configured(make_server, prefix, tmp_path, "guestbook")
        words = shlex.split(re.search(r"^talelio (dev .*)", printed, re.MULTILINE).group(1))
        server.start(words=[str(tmp_path) if word == ".." else word for word in words])
        source = tmp_path / "guestbook/guestbook.c"
        source.write_text(source.read_text().replace("Name not found", "Nobody of that name"))
        eventually(lambda: server.client().get("/v1/guestbook/nobody").message == "Nobody of that name")
        server.stop()

    def test_nothing_in_it_is_called_as_in_the_template(self, prefix, tmp_path):
        assert new_plugin(prefix, "guestbook", "book", cwd=tmp_path).returncode == 0
        written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
        assert set(written) == {f"book/{name}" for name in (
            "CMakeLists.txt", "README.md", "guestbook.c", "migrations/0001_guestbook.sql")}  # fmt: skip
        assert not [name for name, text in written.items() if "sketch" in text or "/opt/" in text]
        assert f"path = {tmp_path}/book/build/guestbook.so" in written["book/README.md"]
        umask = os.umask(0)
        os.umask(umask)
        assert (tmp_path / "book").stat().st_mode & 0o777 == 0o777 & ~umask

    @pytest.mark.parametrize("name", ["", "Guestbook", "guest-book", "../x", "x" * 41, "gästebuch"])
    def test_a_name_that_no_plugin_may_have_is_refused(self, prefix, tmp_path, name):
        result = new_plugin(prefix, name, cwd=tmp_path)
        assert result.returncode == 2 and f"'{name}' is no name of a plugin: expected" in result.stderr
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["health", "articles", "talelio"])
    def test_a_name_of_talelios_own_is_refused(self, prefix, tmp_path, name):
        result = new_plugin(prefix, name, cwd=tmp_path)
        assert result.returncode == 1 and f"'{name}' is taken by " in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_so_is_that_of_another_plugin_of_the_site(self, make_server, tmp_path):
        server = make_server({"plugin:notes": {"enabled": "no"}, "server": {"plugin_dir": tmp_path}})
        (tmp_path / "diary.so").touch()
        assert f"'notes' is taken by [plugin:notes] in {server.ini}: choose" in server.run("new-plugin", "notes").stderr
        assert f"'diary' is taken by {tmp_path}/diary.so: choose" in server.run("new-plugin", "diary").stderr
        assert not (server.folder / "notes").exists()

    @pytest.mark.parametrize("words", [[], ["a", "b", "c"], ["a", ""]])
    def test_wrong_words_are_told(self, prefix, tmp_path, words):
        result = new_plugin(prefix, *words, cwd=tmp_path)
        assert result.returncode == 2 and "usage: talelio new-plugin NAME [FOLDER]" in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_what_is_there_stays(self, prefix, tmp_path):
        (tmp_path / "file").write_text("mine")
        (tmp_path / "empty").mkdir()
        (tmp_path / "link").symlink_to("nowhere")
        before = sorted(tmp_path.rglob("*"))
        for folder in ("file", "empty", "link", ".", "empty/"):
            result = new_plugin(prefix, "guestbook", folder, cwd=tmp_path)
            assert result.returncode == 1 and f"{folder} is there already, and stays as it is" in result.stderr
        result = new_plugin(prefix, "guestbook", "nowhere/book", cwd=tmp_path)
        assert result.returncode == 1 and "nowhere/book cannot be made: No such file or directory" in result.stderr
        assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_text() == "mine"

    def test_all_of_it_is_made_or_nothing(self, prefix, tmp_path):
        """No file may have more than 500 bytes: as on a disk that is full."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))  # noqa: E731
        result = new_plugin(prefix, "guestbook", cwd=tmp_path, preexec_fn=limit, restore_signals=False)
        assert result.returncode == 1 and "guestbook cannot be made: File too large" in result.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.ships
def test_the_installed_server_serves_with_its_own_plugins_and_migrations(make_server, prefix):
    # given an ini file that names only what was installed
    [plugins], [migrations] = prefix.glob("lib/**/plugins"), prefix.glob("share/talelio/migrations")
    server = make_server({"server": {"plugin_dir": plugins, "migrations_dir": migrations}})
    server.program = prefix / "bin/talelio"
    assert server.run("check").returncode == 0
    server.start()
    author = server.author()
    assert author.publish("Installed").status == 201
    server.stop()


@pytest.mark.ships
def test_what_is_installed_knows_where_it_is(make_server, prefix, tmp_path):
    # given an ini file in the usual place of that prefix, which does not say where anything is
    server = make_server({"server": {"plugin_dir": None, "migrations_dir": None}})
    lines = [line for line in server.ini.read_text().splitlines() if not line.startswith(("plugin_dir", "migrations_dir"))]
    ini = prefix / "etc/talelio/talelio.ini"
    ini.parent.mkdir(parents=True, exist_ok=True)
    ini.write_text("\n".join(lines))
    installed = lambda word: run(prefix / "bin/talelio", word, cwd=tmp_path)  # noqa: E731

    # then the program finds it, its plugins and its migrations, and says so
    assert f"./config/talelio.ini, {ini}\n" in installed("help")
    [plugins] = prefix.glob("lib/**/plugins")
    shown = installed("config")
    assert re.search(rf"^plugin_dir = {plugins} +# default$", shown, re.M), shown
    assert re.search(rf"^migrations_dir = {prefix}/share/talelio/migrations +# default$", shown, re.M), shown
    assert "all is well" in installed("check")
    ini.unlink()


@pytest.mark.parametrize("where, etc", [("/usr", "/etc"), ("/opt/site", "/etc/opt/site"), ("/srv/site", "/srv/site/etc")])
def test_nothing_that_is_installed_names_another_prefix(tmp_path, where, etc):
    """Into a folder that stands for the root of another machine, as packages are made."""
    run("cmake", "--install", BUILD, "--prefix", where, env={**os.environ, "DESTDIR": str(tmp_path)})
    share = tmp_path / where[1:] / "share/talelio"
    unit = (share / "talelio.service").read_text()
    assert f"ExecStart={where}/bin/talelio serve --config {etc}/talelio/talelio.ini\n" in unit
    assert f"EnvironmentFile=-{etc}/talelio/env\n" in unit and "@" not in unit.replace("@system-service", "")
    texts = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".ini", ".service", ".pc", ".cmake", ".sql", ".h")]
    assert len(texts) > 10
    assert [path.name for path in texts if "/usr/local" in path.read_text() or str(tmp_path) in path.read_text()] == []


def test_a_statement_with_too_few_parameters_is_the_plugins_mistake(make_server, tmp_path):
    # given a plugin that forgets one
    compile_plugin("""
        #include <talelio/talelio.h>
        static int add(tl_request *req)
        {
            tl_rows *rows = tl_query(req, "SELECT $1::int + $2::int AS sum", "1");
            return rows ? tl_reply(req, 200, "text/plain", "2", 1) : tl_fail_db(req);
        }
        static const tl_route routes[] = {{TL_GET, "/sum", add}, {0}};
        TL_PLUGIN(.name = "sums", .version = "1", .routes = routes);
    """, tmp_path / "sums.so")  # fmt: skip
    server = make_server({"plugin:sums": {"enabled": "yes", "path": tmp_path / "sums.so"}}).start()

    # then nobody takes the database for away, and the log says whose statement it is
    assert server.client().get("/sum").status == 500
    server.stop()
    assert re.search(r"ERROR worker 1 \[sums\] statement failed: 08P01 bind message supplies 1 parameters.*: SELECT \$1::int \+ \$2", server.log_text())

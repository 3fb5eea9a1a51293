"""What the README and the other first pages say is so."""

import os
import re
import subprocess

import pytest

from load import MEDIA
from server import BUILD, ROOT, SECRET, TALELIO

README = (ROOT / "README.md").read_text()


def section(title):
    """The text below a heading, up to the next one of its level or above."""
    level, start = re.search(rf"^(#+) {re.escape(title)}\n", README, re.M).group(1), README.index(f" {title}\n")
    end = re.search(rf"^#{{1,{len(level)}}} [A-Z]", README[start:], re.M)
    return README[start : start + end.start()] if end else README[start:]


def code(text, language):
    return re.search(rf"```{language}\n(.*?)```", text, re.S).group(1)


@pytest.mark.ships
def test_the_five_commands_publish_and_read_an_article(make_server, tmp_path):
    # given a new server, and the commands as the README types them
    server = make_server().start()
    commands = code(section("Five minutes with curl"), "sh")
    assert commands.count("curl ") == 5

    # when they are typed
    typed = commands.replace("localhost:5000", f"127.0.0.1:{server.port}")
    result = subprocess.run(["bash", "-euc", typed], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    # then the article is read by its slug
    assert result.returncode == 0, result.stderr
    answer = server.client().get("/v1/articles/hello-world")
    assert result.stdout.endswith(answer.body.decode())
    assert answer.json["article"]["html"] == "<h1>Hello</h1>\n<p>It <em>works</em>.</p>"
    server.stop()


@pytest.mark.ships
def test_the_sample_fills_a_server_once(make_server):
    server = make_server(MEDIA).start()
    for count in (20, 0):
        command = [ROOT / "scripts/sample", f"http://127.0.0.1:{server.port}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        assert f"Published {count} articles" in result.stderr
    listed = server.client().get("/v1/users/talel/articles?limit=100")
    assert listed.headers["x-total-count"] == "20"
    html = "".join(article["html"] for article in listed.json["articles"])
    for sign in ("<table>", '<code class="language-c">', "<h2 id="):
        assert sign in html

    # and every picture that is shown is there, uploaded once
    shown = set(re.findall(r'<img src="([^"]*)"', html)) | {article["featured_image"] for article in listed.json["articles"]} - {None}
    uploaded = server.client().get("/v1/users/talel/images").json["images"]
    assert shown == {image["url"] for image in uploaded} and len(uploaded) == 5
    for url in shown:
        assert server.client().get(url.removeprefix("http://localhost")).headers["content-type"] == "image/png"
    server.stop()


def test_without_media_the_sample_has_no_pictures(make_server):
    server = make_server().start()
    result = subprocess.run([ROOT / "scripts/sample", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=120)
    assert "Published 20 articles" in result.stderr, result.stderr
    listed = server.client().get("/v1/users/talel/articles?limit=100").json["articles"]
    assert "<img" not in "".join(article["html"] for article in listed)
    assert {article["featured_image"] for article in listed} == {None}
    server.stop()


def test_every_table_is_in_the_diagram_with_columns_that_it_has(make_server):
    server = make_server()
    shown = {}
    for name, columns in re.findall(r"^    (\w+) \{\n(.*?)^    \}", code(section("The tables"), "mermaid"), re.M | re.S):
        shown[name] = {line.split()[1] for line in columns.splitlines()}
    rows = server.sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
    there = {}
    for row in rows.splitlines():
        name, column = row.split("|")
        there.setdefault(name, set()).add(column)
    assert set(shown) == set(there)
    for name, columns in shown.items():
        assert columns <= there[name], name


def test_every_route_and_plugin_is_in_the_tables(make_server):
    # given the configuration that comes along
    server = make_server()
    variables = {
        "DATABASE_URL": server.database, "REDIS_ADDRESS": server.redis, "AUTH_SECRET": SECRET, "TALELIO_BUILD": str(BUILD)
    }  # fmt: skip
    listed = subprocess.run([TALELIO, "routes", "--config", ROOT / "config/talelio.ini"], capture_output=True, text=True,
                            cwd=server.folder, env={**os.environ, **variables}, check=True).stdout  # fmt: skip
    routes = {(method, re.sub(r":\w+", "<>", path), who == "required", plugin)
              for method, path, who, plugin in (line.split() for line in listed.splitlines()[1:])}  # fmt: skip

    # then each route is there, with who may call it, and each plugin
    rows = re.findall(r"^\| ([A-Z]+(?:, [A-Z]+)*) `([^`?]+)[^|]*\| *([^|]*)\|", section("The REST API"), re.M)
    shown = {(method, re.sub(r"<\w+>", "<>", path), who.startswith(("authorized", "its "))) for method, path, who in rows}
    assert shown == {route[:3] for route in routes}
    plugins = set(re.findall(r"^\| \[(\w+)\]\(plugins/", section("Plugins"), re.M))
    assert plugins == {path.name for path in (ROOT / "plugins").iterdir() if (path / "plugin.c").exists()}


def pages():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [page for page in listed if not page.startswith("scripts/sample-articles/")]


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            assert ((ROOT / page).parent / target).exists(), target


def test_every_folder_says_what_lives_there():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for top in ("core", "plugins"):
        folders = {name.split("/")[1] for name in files if name.startswith(top + "/") and name.count("/") > 1}
        assert [folder for folder in sorted(folders) if f"{top}/{folder}/README.md" not in files] == []

"""Entity tags: what has one, If-None-Match, If-Match, and that no author loses a change to another; and HEAD, which says what
GET would."""

import contextlib
import secrets
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from images import form, png
from server import eventually
from test_framing import parse

SITE = "http://api.example.org"
ORIGIN = {"Origin": "https://www.talel.io"}


@pytest.fixture(scope="module")
def server(make_server):
    running = make_server(
        {
            "server": {"workers": "2"},
            "store:media": {"driver": "dir", "folder": "objects"},
            "plugin:media": {"enabled": "yes", "api_url": SITE},
            "plugin:metrics": {"enabled": "yes"},
        }
    ).start()
    yield running
    running.stop()


def upload(author):
    content_type, body = form([("image", "a.png", png())])
    answer = author.post("/v1/assets/images", body, headers={"Content-Type": content_type})
    assert answer.status == 200, answer
    return answer.json["image_objects_urls"][0].removeprefix(SITE)


def publish(author):
    return "/v1/articles/" + author.publish("Title " + secrets.token_hex(6)).json["article"]["slug"]


def tag_of(client, path):
    return client.get(path).headers["etag"]


def paths_of(author):
    """One of everything that has a tag."""
    profile = "/v1/users/" + author.username
    return {
        "article": publish(author),
        "articles": profile + "/articles",
        "profile": profile,
        "image": upload(author),
        "images": profile + "/images",
    }


KINDS = ["article", "articles", "profile", "image", "images"]
CHANGED = ["article", "profile"]
DELETED = ["article", "image"]
CHANGES = {"article": {"title": "Other"}, "profile": {"location": "Berlin"}}


def ask_with_lines(client, method, path, *lines):
    """With header lines as they stand here, which a dict cannot hold twice. The status."""
    head = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Authorization: Bearer {client.token}", *lines]
    return parse(client.raw(("\r\n".join(head) + "\r\n\r\n").encode()))[0][0]


class TestIfNoneMatch:
    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_unchanged_is_304_with_the_headers_of_200(self, author, kind):
        path = paths_of(author)[kind]
        whole = author.get(path, headers=ORIGIN)
        tag = whole.headers["etag"]
        assert tag.startswith('"') and tag.endswith('"') and len(tag) > 8
        for method in ("GET", "HEAD"):
            answer = author.request(method, path, headers={**ORIGIN, "If-None-Match": tag})
            assert (answer.status, answer.body) == (304, b"")
            for name in set(whole.headers) - {"content-length", "content-type", "date", "x-request-id"}:
                assert answer.headers[name] == whole.headers[name], name

    def test_lists_lines_empty_elements_and_weak_tags(self, author):
        path = publish(author)
        tag = tag_of(author, path)
        for value in ("*", "W/" + tag, f'"a", {tag}', f'"a",,W/"b,c" , {tag},', f", {tag}"):
            assert author.get(path, headers={"If-None-Match": value}).status == 304, value
        for value in ('"another"', tag.strip('"'), "", '"a", "b"', f"{tag} {tag}", f"{tag}, x", "w/" + tag, f"*, {tag}"):
            assert author.get(path, headers={"If-None-Match": value}).status == 200, value
        assert ask_with_lines(author, "GET", path, 'If-None-Match: "a"', f"if-none-match: {tag}") == 304
        assert ask_with_lines(author, "GET", path, 'If-None-Match: "a"', 'If-None-Match: "b"') == 200

    def test_a_tag_changes_with_all_that_an_article_shows(self, server):
        author = server.author()
        path = publish(author)
        seen = [tag_of(author, path)]
        neighbour = publish(author)
        seen.append(tag_of(author, path))
        author.patch(neighbour, {"title": "Renamed"})
        seen.append(tag_of(author, path))
        author.patch("/v1/users/" + author.username, {"avatar_url": "/other.png"})
        seen.append(tag_of(author, path))
        author.patch(path, {"meta_description": "Other"})
        seen.append(tag_of(author, path))
        assert len(set(seen)) == len(seen)

    def test_the_tag_of_a_list_changes_with_its_count(self, server):
        # given a page that shows the same before and after
        author = server.author()
        oldest, _ = publish(author), publish(author)
        page = f"/v1/users/{author.username}/articles?limit=1"
        before = tag_of(author, page)
        author.delete(oldest)
        assert tag_of(author, page) != before

    def test_one_that_names_the_article_keeps_it_from_being_changed(self, author):
        path = publish(author)
        for value in ("*", tag_of(author, path), "nonsense"):
            assert author.patch(path, {"title": "X"}, headers={"If-None-Match": value}).status == 412, value
        assert author.patch(path, {"title": "X"}, headers={"If-None-Match": '"another"'}).status == 200


class TestIfMatch:
    @pytest.mark.parametrize("kind", CHANGED)
    def test_a_change_is_made_to_what_was_seen(self, author, kind):
        path = paths_of(author)[kind]
        first = tag_of(author, path)
        answer = author.patch(path, CHANGES[kind], headers={"If-Match": first})
        assert answer.status == 200, answer
        again = author.patch(path, CHANGES[kind], headers={**ORIGIN, "If-Match": first})
        assert (again.status, again.json["error"]["type"]) == (412, "Precondition Failed")
        assert again.headers["access-control-allow-origin"] == "https://www.talel.io"
        assert author.patch(path, CHANGES[kind], headers={"If-Match": tag_of(author, path)}).status == 200

    @pytest.mark.parametrize("kind", DELETED)
    def test_what_has_another_tag_is_not_deleted(self, author, kind):
        path = paths_of(author)[kind]
        assert author.delete(path, headers={"If-Match": '"another"'}).status == 412
        assert author.delete(path, headers={"If-Match": tag_of(author, path)}).status == 204
        assert author.get(path).status == 404

    @pytest.mark.parametrize("kind", CHANGED)
    def test_the_answer_to_a_write_has_the_tag_that_get_would_give(self, author, kind):
        path = paths_of(author)[kind]
        answer = author.patch(path, CHANGES[kind])
        assert answer.headers["etag"] == tag_of(author, path)
        assert author.patch(path, CHANGES[kind], headers={"If-Match": answer.headers["etag"]}).status == 200

    def test_a_new_article_comes_with_its_tag(self, author):
        publish(author)
        answer = author.publish("Title " + secrets.token_hex(6))
        assert answer.headers["etag"] == tag_of(author, answer.headers["location"])

    def test_lists_lines_and_the_asterisk(self, author):
        path = publish(author)
        for value in ("*", '"a", {tag}', '"a",, {tag} ,', '{tag}, W/"b"'):
            value = value.format(tag=tag_of(author, path))
            assert author.patch(path, {"title": "X"}, headers={"If-Match": value}).status == 200, value
        tag = tag_of(author, path)
        assert ask_with_lines(author, "DELETE", path, 'If-Match: "a"', 'If-Match: "b"') == 412
        assert ask_with_lines(author, "DELETE", path, 'If-Match: "a"', f"If-Match: {tag}") == 204

    def test_what_is_weak_or_malformed_never_fits(self, author):
        path = publish(author)
        tag = tag_of(author, path)
        version = tag.strip('"').split("-")[0]
        for value in ("", ",", "W/" + tag, tag.strip('"'), tag[:-1], f"{tag} x", f"{tag}, x", f"*, {tag}", "**", f"{tag}{tag}",
                      f'"{version}"x', f'"{version}0-{tag.split("-")[1]}', f'"{version[:-1]}-"', '""', '"-"'):  # fmt: skip
            assert author.patch(path, {"title": "X"}, headers={"If-Match": value}).status == 412, value
            assert author.delete(path, headers={"If-Match": value}).status == 412, value
        assert ask_with_lines(author, "DELETE", path, "If-Match: *", f"If-Match: {tag}") == 412
        assert tag_of(author, path) == tag

    def test_neighbours_and_the_author_may_change_meanwhile(self, server):
        author = server.author()
        path = publish(author)
        tag = tag_of(author, path)
        publish(author)
        author.patch("/v1/users/" + author.username, {"location": "Elsewhere"})
        assert tag_of(author, path) != tag
        assert author.patch(path, {"title": "X"}, headers={"If-Match": tag}).status == 200

    def test_an_article_that_took_the_slug_of_another_is_another(self, author):
        name = "Title " + secrets.token_hex(6)
        first = author.publish(name).headers
        author.delete(first["location"])
        assert author.publish(name).headers["location"] == first["location"]
        assert author.delete(first["location"], headers={"If-Match": first["etag"]}).status == 412

    @pytest.mark.parametrize("kind", CHANGED)
    def test_who_may_not_change_it_learns_that_first(self, server, author, kind):
        path, wrong = paths_of(author)[kind], {"If-Match": '"another"'}
        assert server.author().patch(path, CHANGES[kind], headers=wrong).status == 403
        assert author.patch(path.rsplit("/", 1)[0] + "/none-such", CHANGES[kind], headers=wrong).status == 404
        # and 412 comes before whatever is wrong with the body
        assert author.patch(path, {"unknown": 1}, headers=wrong).status == 412

    def test_it_is_heeded_by_get_too(self, author):
        path = publish(author)
        tag = tag_of(author, path)
        assert author.get(path, headers={"If-Match": '"another"'}).status == 412
        assert author.get(path, headers={"If-Match": tag}).status == 200
        assert author.get(path, headers={"If-Match": tag, "If-None-Match": tag}).status == 304


class TestTwoAuthorsAtOnce:
    @pytest.mark.parametrize("kind", CHANGED)
    def test_of_many_changes_to_one_version_one_is_made(self, author, kind):
        path = paths_of(author)[kind]
        seen = {"If-Match": tag_of(author, path)}
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: author.patch(path, CHANGES[kind], headers=seen).status, range(32)))
        assert sorted(answers) == [200] + [412] * 31

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_a_change_that_comes_between_look_and_write_is_kept(self, server, author, method):
        path = publish(author)
        seen = {"If-Match": tag_of(author, path)}
        slug = path.rsplit("/", 1)[1]
        body = {"title": "Mine"} if method == "PATCH" else None
        # given somebody who holds the row, so that the server has looked and waits to write
        with contextlib.closing(psycopg2.connect(server.database)) as other, ThreadPoolExecutor(1) as pool:
            cursor = other.cursor()
            cursor.execute("SELECT FROM articles WHERE slug = %s FOR UPDATE", (slug,))
            answer = pool.submit(author.request, method, path, body, headers=seen)
            eventually(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'") != "0")
            cursor.execute("UPDATE articles SET title = 'Theirs', updated_at = now() WHERE slug = %s", (slug,))
            other.commit()
            assert answer.result().status == 412
        assert author.get(path).json["article"]["title"] == "Theirs"

    def test_a_change_in_the_same_moment_has_another_tag(self, server, author):
        # given a clock that has been set back
        path = publish(author)
        server.sql(f"UPDATE articles SET updated_at = '2100-01-01' WHERE slug = '{path.rsplit('/', 1)[1]}'")
        tags = [author.patch(path, {"title": "X"}).headers["etag"].split("-")[0] for _ in range(3)]
        assert len(set(tags)) == 3


def targets(server, author):
    """The target of every GET route that `talelio routes` lists, with something behind it."""
    paths = paths_of(author)
    words = {":slug": paths["article"].rsplit("/", 1)[1], ":username": author.username, ":file": paths["image"].rsplit("/", 1)[1]}
    lines = [line.split() for line in server.run("routes").stdout.splitlines()]
    routes = [line[1] for line in lines if line[0] == "GET"]
    assert len(routes) >= 9, routes
    return ["/".join(words.get(part, part) for part in route.split("/")) for route in routes]


class TestHead:
    # Of these the numbers in the text differ from one answer to the next.
    MEASURED = ("/v1/health/ready", "/metrics")

    @pytest.mark.parametrize("headers", [{}, ORIGIN, {"If-None-Match": "*"}, {"If-Match": '"another"'}])
    def test_every_route_answers_head_as_it_would_get(self, server, author, headers):
        for target in targets(server, author):
            for suffix in ("", "x", "?page=2", "?page=x"):
                get, head = author.get(target + suffix, headers=headers), author.request("HEAD", target + suffix, headers=headers)
                self.expect_same(get, head, target + suffix)

    def test_a_range_is_for_get_alone(self, server, author):
        for target in targets(server, author):
            self.expect_same(author.get(target), author.request("HEAD", target, headers={"Range": "bytes=0-1"}), target)

    def expect_same(self, get, head, target):
        assert (head.status, head.body) == (get.status, b""), target
        left_out = {"date", "x-request-id"} | ({"content-length"} if target.split("?")[0] in self.MEASURED else set())
        for name in (set(get.headers) | set(head.headers)) - left_out:
            assert head.headers.get(name) == get.headers.get(name), (target, name)

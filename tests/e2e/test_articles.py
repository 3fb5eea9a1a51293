"""The articles plugin: publish, read, list, change, delete, slugs. What Markdown becomes is in test_markdown.py."""

import re
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

FIELDS = {
    "id", "created_at", "updated_at", "title", "slug", "body", "html", "table_of_contents", "meta_description",
    "featured_image", "url",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def title():
    return "Title " + secrets.token_hex(6)


@pytest.mark.ships
class TestPublish:
    def test_it_answers_the_article_and_its_user(self, author):
        name = title()
        answer = author.publish(name, featured_image="/url/to/featured_image.jpg")
        assert answer.status == 201, answer
        article, user = answer.json["article"], answer.json["user"]
        assert set(article) >= FIELDS
        slug = name.lower().replace(" ", "-")
        assert article["slug"] == slug
        assert article["url"] == "https://www.talel.io/articles/" + slug
        assert answer.headers["location"] == "/v1/articles/" + slug
        assert TIME.fullmatch(article["created_at"]) and article["updated_at"] is None
        assert (article["body"], article["html"], article["table_of_contents"]) == ("# Hello World", "<h1>Hello World</h1>", "")
        assert article["featured_image"] == "/url/to/featured_image.jpg"
        assert {"id", "username", "location", "avatar_url"} <= set(user)
        assert user["username"] == author.username

    def test_a_featured_image_may_be_absent(self, author):
        assert author.publish(title()).json["article"]["featured_image"] is None

    @pytest.mark.parametrize("none", [None, ""])
    def test_an_empty_featured_image_is_none(self, author, none):
        article = author.publish(title(), featured_image=none).json["article"]
        assert article["featured_image"] is None
        author.patch("/v1/articles/" + article["slug"], {"featured_image": "/x.jpg"})
        answer = author.patch("/v1/articles/" + article["slug"], {"featured_image": none})
        assert (answer.status, answer.json["article"]["featured_image"]) == (200, None)

    @pytest.mark.parametrize("image", ["javascript:alert(1)", "//evil.example/x.png", "data:image/png;base64,x", "x.png", " ", "/a b"])
    def test_a_featured_image_is_a_path_or_an_address(self, author, image):
        slug = author.publish(title()).json["article"]["slug"]
        for answer in (author.publish(title(), featured_image=image), author.patch("/v1/articles/" + slug, {"featured_image": image})):
            assert answer.status == 400
            assert answer.message == "Expected 'featured_image' to be a path, or an http or https URL, without spaces"

    def test_the_location_of_a_slug_in_another_script_can_be_followed(self, author):
        answer = author.publish("Привет " + secrets.token_hex(6))
        assert answer.headers["location"].isascii()
        assert author.get(answer.headers["location"]).json["article"]["id"] == answer.json["article"]["id"]

    def test_a_title_may_not_be_blank(self, author):
        answer = author.publish(" \t\u00a0\u200b\n")
        assert (answer.status, answer.message) == (400, "Expected 'title' not to be blank")

    def test_an_author_who_is_gone_publishes_nothing(self, server):
        author = server.author()
        server.sql(f"DELETE FROM accounts WHERE email = '{author.email}'")
        answer = author.publish(title())
        assert (answer.status, answer.message) == (403, "User does not exist any more")

    @pytest.mark.parametrize("key", ["title", "body", "meta_description"])
    def test_a_missing_key_is_named(self, author, key):
        article = {"title": "T", "body": "B", "meta_description": "M"}
        del article[key]
        answer = author.post("/v1/articles", article)
        assert (answer.status, answer.message) == (400, f"Expected '{key}' key")

    @pytest.mark.parametrize("key, value", [("slug", "mine"), ("id", 1), ("title", 5), ("title", "x" * 1000), ("html", "<b>")])
    def test_what_cannot_be_set_is_named(self, author, key, value):
        answer = author.publish(**{**{"title": "T"}, key: value})
        assert answer.status == 400
        assert key in answer.message

    @pytest.mark.parametrize(
        "name, slug",
        [
            ("Über die Brücke", "uber-die-brucke"),
            ("Ça va? Très bien!", "ca-va-tres-bien"),
            ("  many   spaces -- and dashes  ", "many-spaces-and-dashes"),
            ("C++ & Rust: 10% off", "c-rust-10-off"),
            ("Привет мир", "привет-мир"),
            ("日本語の記事", "日本語の記事"),
            ("مرحبا بالعالم", "مرحبا-بالعالم"),
            ("ทำงาน", "ทำงาน"),
        ],
    )
    def test_a_slug_keeps_letters_of_any_script(self, author, name, slug):
        article = author.publish(name).json["article"]
        assert re.fullmatch(re.escape(slug) + r"(-\d+)?", article["slug"]), article["slug"]
        assert author.get("/v1/articles/" + quote(article["slug"])).json["article"]["id"] == article["id"]

    def test_a_path_that_is_decomposed_finds_it(self, author):
        slug = author.publish("한국어 がぎ " + secrets.token_hex(6)).json["article"]["slug"]
        path = "/v1/articles/" + quote(unicodedata.normalize("NFD", slug))
        assert author.get(path).json["article"]["slug"] == slug
        assert author.patch(path, {"title": "X"}).json["article"]["slug"] == slug
        assert author.delete(path).status == 204

    @pytest.mark.parametrize("name", ["!!!", "🎉🎉", "---"])
    def test_an_empty_slug_becomes_the_id(self, author, name):
        article = author.publish(name).json["article"]
        assert article["slug"] == str(article["id"])

    def test_a_taken_slug_gets_the_first_free_number(self, author):
        name = title()
        slugs = [author.publish(name).json["article"]["slug"] for _ in range(4)]
        base = name.lower().replace(" ", "-")
        assert slugs == [base, base + "-2", base + "-3", base + "-4"]
        assert author.delete("/v1/articles/" + base + "-3").status == 204
        article = author.publish(name).json["article"]
        assert article["slug"] == base + "-3"
        assert article["url"].endswith("/" + base + "-3")

    def test_a_hundred_posts_of_one_title_at_once(self, make_server):
        # given two workers, so that the posts really race
        server = make_server({"server": {"workers": "2"}}).start()
        author = server.author()
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: author.publish("The same title"), range(100)))
        assert {answer.status for answer in answers} == {201}
        slugs = {answer.json["article"]["slug"] for answer in answers}
        assert slugs == {"the-same-title"} | {f"the-same-title-{n}" for n in range(2, 101)}
        server.stop()


@pytest.mark.ships
class TestRead:
    def test_neighbours_are_the_authors_own_in_order(self, server):
        author, other = server.author(), server.author()
        names = [title() for _ in range(3)]
        slugs = []
        for name in names:
            slugs.append(author.publish(name).json["article"]["slug"])
            other.publish(title())

        answer = author.get("/v1/articles/" + slugs[1])
        assert answer.status == 200
        assert set(answer.json) == {"meta", "article", "user"}
        assert answer.json["meta"]["adjacent_articles"] == {
            "next": {"title": names[2], "slug": slugs[2]},
            "prev": {"title": names[0], "slug": slugs[0]},
        }
        first = author.get("/v1/articles/" + slugs[0]).json["meta"]["adjacent_articles"]
        last = author.get("/v1/articles/" + slugs[2]).json["meta"]["adjacent_articles"]
        assert first["prev"] is None and first["next"]["slug"] == slugs[1]
        assert last["next"] is None and last["prev"]["slug"] == slugs[1]

    def test_articles_of_one_moment_are_ordered_by_id(self, server):
        author = server.author()
        slugs = [author.publish(title()).json["article"]["slug"] for _ in range(3)]
        server.sql(f"UPDATE articles SET created_at = '2020-01-01' WHERE slug LIKE 'title-%' AND user_id = "
                   f"(SELECT id FROM users WHERE username = '{author.username}')")
        middle = author.get("/v1/articles/" + slugs[1]).json["meta"]["adjacent_articles"]
        assert (middle["prev"]["slug"], middle["next"]["slug"]) == (slugs[0], slugs[2])

    def test_an_unknown_article_is_404(self, visitor):
        answer = visitor.get("/v1/articles/none-such")
        assert (answer.status, answer.message) == (404, "Article not found")

    def test_nobody_needs_to_log_in_to_read(self, server, author):
        slug = author.publish(title()).json["article"]["slug"]
        assert server.client().get("/v1/articles/" + slug).status == 200


def links(answer):
    return dict((rel, path) for path, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("link", "")))


class TestList:
    @pytest.fixture(scope="class")
    def prolific(self, server):
        author = server.author()
        author.slugs = [author.publish(f"Number {n} {author.username}").json["article"]["slug"] for n in range(25)][::-1]
        return author

    def path(self, author, query=""):
        return f"/v1/users/{author.username}/articles{query}"

    def test_newest_first_ten_by_default(self, prolific):
        answer = prolific.get(self.path(prolific))
        assert answer.status == 200
        assert set(answer.json) == {"user", "articles"}
        assert [article["slug"] for article in answer.json["articles"]] == prolific.slugs[:10]
        assert set(answer.json["articles"][0]) >= FIELDS
        assert answer.json["user"]["username"] == prolific.username
        assert answer.headers["x-total-count"] == "25"

    def test_links_lead_to_every_page(self, prolific):
        path, seen = self.path(prolific, "?page=1&limit=4"), []
        while path:
            answer = prolific.get(path)
            assert answer.status == 200
            seen += [article["slug"] for article in answer.json["articles"]]
            path = links(answer).get("next")
        assert seen == prolific.slugs

    def test_relations_that_do_not_exist_are_left_out(self, prolific):
        first = links(prolific.get(self.path(prolific, "?page=1&limit=10")))
        middle = links(prolific.get(self.path(prolific, "?page=2&limit=10")))
        last = links(prolific.get(self.path(prolific, "?page=3&limit=10")))
        name = prolific.username
        assert middle["next"] == f"/v1/users/{name}/articles?page=3&limit=10"
        assert middle["prev"] == f"/v1/users/{name}/articles?page=1&limit=10"
        assert "prev" not in first and first["next"].endswith("page=2&limit=10")
        assert "next" not in last and last["prev"].endswith("page=2&limit=10")
        for page in (first, middle, last):
            assert page["first"].endswith("page=1&limit=10") and page["last"].endswith("page=3&limit=10")

    def test_a_single_page_has_no_link_header(self, prolific):
        assert "link" not in prolific.get(self.path(prolific, "?limit=100")).headers

    def test_a_page_past_the_end_is_empty(self, prolific):
        for page in (4, 1000, 2**31, 2**63 - 1):
            answer = prolific.get(self.path(prolific, f"?page={page}"))
            assert (answer.status, answer.json["articles"]) == (200, []), page
            for path in links(answer).values():
                assert prolific.get(path).status == 200

    @pytest.mark.parametrize("query", ["page=0", "page=-1", "limit=0", "page=x", "limit=1.5", "page=", "page=%31%00", "limit=1e3", "page=+1", "page= 1", "page=0x1"])
    def test_anything_but_positive_decimals_is_400(self, prolific, query):
        answer = prolific.get(self.path(prolific, "?" + query.replace(" ", "%20")))
        assert answer.status == 400
        if "%00" not in query:
            assert answer.message == "Expected numeric query parameters"

    def test_at_most_a_hundred(self, server):
        author = server.author()
        author.publish(title())
        server.sql("INSERT INTO articles (user_id, title, slug, body, html, table_of_contents, meta_description, renderer) "
                   "SELECT user_id, title, slug || '-' || n, body, html, '', '', renderer FROM articles, generate_series(2, 101) n "
                   f"WHERE user_id = (SELECT id FROM users WHERE username = '{author.username}')")  # fmt: skip
        answer = author.get(self.path(author, "?limit=1000"))
        assert answer.status == 200 and len(answer.json["articles"]) == 100
        [following] = [path for rel, path in links(answer).items() if rel == "next"]
        assert following.endswith("page=2&limit=100")
        assert len(author.get(following).json["articles"]) == 1

    def test_a_page_that_is_too_large_asks_for_fewer(self, server):
        author = server.author()
        for _ in range(40):
            author.publish(title(), "A line of words.\n\n" * 25000)
        answer = author.get(self.path(author, "?limit=100"))
        assert answer.status == 400
        assert answer.message == "These articles are too large for one page: expected a smaller 'limit'"
        assert len(author.get(self.path(author)).json["articles"]) == 10

    def test_an_author_without_articles_has_an_empty_list(self, author):
        answer = author.get(self.path(author))
        assert (answer.status, answer.json["articles"], answer.headers["x-total-count"]) == (200, [], "0")

    def test_an_unknown_user_is_404(self, visitor):
        answer = visitor.get("/v1/users/nobody/articles")
        assert (answer.status, answer.message) == (404, "User with username 'nobody' does not exist")

    def test_the_count_follows_what_happens_to_the_articles(self, server, author):
        slugs = [author.publish(title()).json["article"]["slug"] for _ in range(3)]
        author.delete("/v1/articles/" + slugs[1])
        assert author.get(self.path(author)).headers["x-total-count"] == "2"
        server.sql("INSERT INTO articles (user_id, title, slug, body, html, table_of_contents, meta_description, renderer) "
                   f"SELECT user_id, title, slug || n, body, html, '', '', '' FROM articles, generate_series(1, 5) n "
                   f"WHERE slug = '{slugs[0]}'")
        assert author.get(self.path(author)).headers["x-total-count"] == "7"
        server.sql(f"DELETE FROM articles WHERE slug LIKE '{slugs[0]}%'")
        assert author.get(self.path(author)).headers["x-total-count"] == "1"


class TestChange:
    def test_the_author_changes_it_and_the_slug_stays(self, author):
        before = author.publish(title()).json["article"]
        answer = author.patch("/v1/articles/" + before["slug"], {"title": "Other", "body": "*new*"})
        assert answer.status == 200, answer
        after = author.get("/v1/articles/" + before["slug"]).json["article"]
        assert (after["title"], after["slug"], after["html"]) == ("Other", before["slug"], "<p><em>new</em></p>")
        assert after["meta_description"] == before["meta_description"]
        assert after["created_at"] == before["created_at"] and TIME.fullmatch(after["updated_at"])
        assert answer.json["article"] == after

    def test_nobody_else_changes_or_deletes_it(self, server, author):
        slug = author.publish(title()).json["article"]["slug"]
        other, visitor = server.author(), server.client()
        for client in (other, visitor):
            assert client.patch("/v1/articles/" + slug, {"title": "X"}).status == 403
            assert client.delete("/v1/articles/" + slug).status == 403
        assert other.delete("/v1/articles/" + slug).message == "Only the author may change this article"
        assert author.get("/v1/articles/" + slug).json["article"]["title"] != "X"

    def test_an_unknown_article_is_404(self, author):
        for answer in (author.patch("/v1/articles/none-such", {"title": "X"}), author.delete("/v1/articles/none-such")):
            assert (answer.status, answer.message) == (404, "Article not found")

    def test_nothing_to_change_is_400(self, author):
        slug = author.publish(title()).json["article"]["slug"]
        answer = author.patch("/v1/articles/" + slug, {})
        assert (answer.status, answer.message) == (400, "Missing request body")

    def test_html_and_contents_follow_the_body(self, author):
        slug = author.publish(title(), "# One\n\n# Two").json["article"]["slug"]
        article = author.patch("/v1/articles/" + slug, {"body": "# Alone"}).json["article"]
        assert (article["html"], article["table_of_contents"]) == ("<h1>Alone</h1>", "")

    def test_a_deleted_article_is_gone(self, author):
        slug = author.publish(title()).json["article"]["slug"]
        answer = author.delete("/v1/articles/" + slug)
        assert (answer.status, answer.body) == (204, b"")
        assert author.get("/v1/articles/" + slug).status == 404

    @pytest.mark.parametrize("body", [{"slug": "x"}, {"user_id": 1}, {"title": None}, {"created_at": "now"}])
    def test_what_cannot_be_set_is_named(self, author, body):
        slug = author.publish(title()).json["article"]["slug"]
        answer = author.patch("/v1/articles/" + slug, body)
        assert answer.status == 400
        assert next(iter(body)) in answer.message

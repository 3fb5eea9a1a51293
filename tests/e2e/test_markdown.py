"""What Markdown becomes, as a reader of the API sees it; the details are unit tests of the plugin."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def rendered(client, body):
    answer = client.publish("Markdown", body)
    assert answer.status == 201, answer
    return answer.json["article"]


def test_html_is_commonmark_without_a_newline_at_its_end(author):
    article = rendered(author, "Hello *world*\n\n- a\n- b\n\n```c\nint x < 1;\n```\n")
    assert article["html"] == (
        "<p>Hello <em>world</em></p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"
        '<pre><code class="language-c">int x &lt; 1;\n</code></pre>'
    )


def test_images_load_lazily(author):
    html = rendered(author, '![alt *text*](/a.png "title")')["html"]
    assert 'src="/a.png"' in html and 'alt="alt text"' in html and 'loading="lazy"' in html


def test_links_to_other_sites_open_in_a_new_tab(author):
    html = rendered(author, "[x](https://example.org/?a=1&b=2) [y](https://www.talel.io/z) [z](/local) [m](mailto:a@b.org)")["html"]
    assert html.count('target="_blank"') == html.count('rel="noopener"') == 1
    assert 'href="https://example.org/?a=1&amp;b=2"' in html


def test_tables_work(author):
    html = rendered(author, "| a | b |\n|---|--:|\n| 1 | 2 |\n")["html"]
    assert "<table>" in html and '<td align="right">2</td>' in html


def test_two_headings_make_a_table_of_contents(author):
    article = rendered(author, "# Intro\n\n## Über uns\n\ntext\n\n## Intro\n")
    assert article["table_of_contents"] == (
        '<div class="toc"><ul><li><a href="#intro">Intro</a><ul><li><a href="#uber-uns">Über uns</a></li>'
        '<li><a href="#intro-2">Intro</a></li></ul></li></ul></div>'
    )
    for part in ('<h1 id="intro">Intro</h1>', '<h2 id="uber-uns">Über uns</h2>', '<h2 id="intro-2">Intro</h2>'):
        assert part in article["html"]


def test_one_heading_makes_none(author):
    article = rendered(author, "# Hello World")
    assert (article["table_of_contents"], article["html"]) == ("", "<h1>Hello World</h1>")


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "text <img src=x onerror=alert(1)> text",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java&#10;script:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "![x](javascript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        "# <script>x</script>\n\n# two",
        "[x]: javascript:alert(1)\n\n[x]",
        '![a" onerror="alert(1)](/x.png)',
        '[a](/x "t\\" onmouseover=\\"alert(1)")',
    ],
)
def test_nothing_that_runs_passes(author, body):
    article = rendered(author, body)
    everything = (article["html"] + article["table_of_contents"]).lower()
    # As an attribute; what an author writes as text stays text.
    for sign in ("<script", '="javascript:', '="vbscript:', '="data:text', "<img src=x"):
        assert sign not in everything, everything
    for attribute in ("onerror=", "onmouseover="):
        assert attribute not in everything.replace("&quot;", "").replace('alt="a onerror=alert(1)"', "").replace(
            'title="t onmouseover=alert(1)"', ""
        ), everything


def test_a_gallery_holds_markdown(author):
    body = '<div class="gallery" markdown="1">\n![a](/a.png)\n</div>'
    assert rendered(author, body)["html"] == (
        '<div class="gallery">\n<p><img src="/a.png" alt="a" loading="lazy" /></p>\n</div>'
    )


def test_an_author_is_told_what_is_left_out(author):
    answer = author.publish("Markdown", '<iframe src="x"></iframe>\n\n<b>x</b> <kbd>y</kbd>')
    assert answer.json["warnings"] == ["raw HTML was left out: <iframe>", "raw HTML was left out: <b>"]
    path = "/v1/articles/" + answer.json["article"]["slug"]
    assert author.patch(path, {"body": "<i>x</i>"}).json["warnings"] == ["raw HTML was left out: <i>"]
    assert "warnings" not in author.patch(path, {"body": "<kbd>y</kbd> <!-- note -->"}).json
    assert "warnings" not in author.get(path).json


def test_trusted_authors_may_write_html(make_server):
    server = make_server({"plugin:articles": {"raw_html": "yes"}}).start()
    author = server.author()
    gallery = '<div class="gallery">\n<img src="/a.png">\n</div>'
    assert rendered(author, gallery)["html"] == gallery
    assert "javascript:" not in rendered(author, "[x](javascript:alert(1))")["html"]
    server.stop()


def test_html_follows_the_configuration_also_for_old_articles(make_server):
    # given an article that was published when authors were trusted
    trusting = make_server({"plugin:articles": {"raw_html": "yes"}}).start()
    author = trusting.author()
    slug = author.publish("Video", '<div class="video"></div>').json["article"]["slug"]
    assert "video" in trusting.client().get("/v1/articles/" + slug).json["article"]["html"]
    trusting.stop()

    # when they are no longer
    strict = make_server(share=trusting).start()

    # then the page is made anew
    assert "<div" not in strict.client().get("/v1/articles/" + slug).json["article"]["html"]
    strict.stop()


def test_a_large_article_is_rendered(author):
    article = rendered(author, "A paragraph of *some* length.\n\n" * 5000)
    assert article["html"].count("<em>") == 5000


# cmark walks over every open item for each empty line, and allocates nothing meanwhile.
ENDLESS = " -" * 30000 + "x" + "\n" * 60000
# Two seconds of CPU may be a minute on a machine where others come first.
PATIENT = {"http": {"request_timeout": "10m"}}


def test_texts_that_take_for_ever_are_refused_while_others_log_in_and_read(make_server):
    # given an article, and somebody who posts texts that keep cmark busy for long
    server = make_server(PATIENT).start()
    author = server.author()
    slug = author.publish("Good", "# Good").json["article"]["slug"]
    with ThreadPoolExecutor(2) as pool:
        hostile = [pool.submit(another_session(server, author).publish, "Hostile", ENDLESS) for _ in range(2)]

        # when others log in and read until all are answered
        statuses = set()
        while not all(post.done() for post in hostile):
            statuses.add(server.client().get("/v1/articles/" + slug).status)
            statuses.add(author.login().status)
            time.sleep(0.1)

        # then they never heard of it, and the texts are refused
        assert statuses == {200}
        for post in hostile:
            assert post.result().status == 400
            assert post.result().message == "Expected 'body' to be less complex: its HTML would take too long to make, or be too large"
    server.stop()


def another_session(server, author):
    client = server.client()
    client.token = author.token
    return client


def test_an_old_article_that_takes_for_ever_is_shown_without_html_and_tried_once(make_server):
    # given one that was published before there was a limit
    server = make_server(PATIENT).start()
    author = server.author()
    slug = author.publish("Old", "# Old").json["article"]["slug"]
    server.sql(f"UPDATE articles SET body = repeat(' -', 30000) || 'x' || repeat(E'\\n', 60000), renderer = 'old' WHERE slug = '{slug}'")

    # when it is read
    answer = author.get("/v1/articles/" + slug)

    # then its text is there, and what came of it is kept
    assert (answer.status, answer.json["article"]["html"]) == (200, "")
    assert server.sql(f"SELECT renderer FROM articles WHERE slug = '{slug}'") != "old"
    server.stop()


@pytest.mark.parametrize(
    "body", [">" * 20000, "[" * 50000, "*a " * 30000, "- " * 3000 + "x", "`" * 50001 + "x"],
    ids=["quotes", "brackets", "emphasis", "lists", "backticks"],
)  # fmt: skip
def test_hostile_markdown_is_answered_and_hurts_nobody(author, body):
    assert author.publish("Hostile", body).status in (201, 400)
    assert author.get("/v1/health").status == 200

"""What Markdown becomes, as a reader of the API sees it; the details are unit tests of the plugin."""

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
    slug = author.publish("Gallery", '<div class="gallery"></div>').json["article"]["slug"]
    assert "gallery" in trusting.client().get("/v1/articles/" + slug).json["article"]["html"]
    trusting.stop()

    # when they are no longer
    strict = make_server(share=trusting).start()

    # then the page is made anew
    assert "<div" not in strict.client().get("/v1/articles/" + slug).json["article"]["html"]
    strict.stop()


def test_a_large_article_is_rendered(author):
    article = rendered(author, "A paragraph of *some* length.\n\n" * 5000)
    assert article["html"].count("<em>") == 5000


@pytest.mark.parametrize("body", [">" * 20000, "[" * 50000, "*a " * 30000, "- " * 3000 + "x", "`" * 50001 + "x"])
def test_hostile_markdown_is_answered_and_hurts_nobody(author, body):
    assert author.publish("Hostile", body).status in (201, 400)
    assert author.get("/v1/health").status == 200

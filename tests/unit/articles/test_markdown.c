/*
 * What becomes of Markdown. The expected HTML of plain CommonMark is what cmark 0.30.2 writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/articles/markdown.h"
#include "tests/unit/articles/balance.h"

static const markdown_rules strict = {.site_host = "www.talel.io"};
static const markdown_rules trusting = {.site_host = "www.talel.io", .raw_html = true};

typedef struct sample {
    const char *text;
    const char *html;
} sample;

static void expect_page(const char *text, const markdown_rules *rules, const char *html, const char *contents)
{
    markdown_page page;

    assert_int_equal(markdown_render(text, strlen(text), rules, &page), MARKDOWN_OK);
    assert_string_equal(page.html, html);
    assert_int_equal(page.html_length, strlen(html));
    assert_string_equal(page.table_of_contents, contents);
    assert_int_equal(page.table_of_contents_length, strlen(contents));
    markdown_free(&page);
}

static void expect(const char *text, const char *html)
{
    expect_page(text, &strict, html, "");
}

static void commonmark_is_what_cmark_makes_of_it(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"", ""},
        {"\n \n", ""},
        {"# Hello World", "<h1>Hello World</h1>"},
        {"Setext\n===\n\ntext", "<h1>Setext</h1>\n<p>text</p>"},
        {"a *b* **c** ***d*** `e<` \\*f\\*", "<p>a <em>b</em> <strong>c</strong> <em><strong>d</strong></em> "
                                             "<code>e&lt;</code> *f*</p>"},
        {"a  \nb\\\nc\nd", "<p>a<br />\nb<br />\nc\nd</p>"},
        {"- a\n- b\n\n1. c\n2. d", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n<li>d</li>\n</ol>"},
        {"7. a\n\n   b\n8. c", "<ol start=\"7\">\n<li>\n<p>a</p>\n<p>b</p>\n</li>\n<li>\n<p>c</p>\n</li>\n</ol>"},
        {"> a\nb\n> > c", "<blockquote>\n<p>a\nb</p>\n<blockquote>\n<p>c</p>\n</blockquote>\n</blockquote>"},
        {"```c x\nint a < b;\n\n```", "<pre><code class=\"language-c\">int a &lt; b;\n\n</code></pre>"},
        {"    code\n\n***", "<pre><code>code\n</code></pre>\n<hr />"},
        {"[a][r] [b](/u 't\"&')\n\n[r]: </x y> (T)",
         "<p><a href=\"/x%20y\" title=\"T\">a</a> <a href=\"/u\" title=\"t&quot;&amp;\">b</a></p>"},
        {"&copy; &amp; &#233; \"q\" 'a' <", "<p>© &amp; é &quot;q&quot; 'a' &lt;</p>"},
        {"a@b www.x.org ~~s~~ - [ ] t", "<p>a@b www.x.org ~~s~~ - [ ] t</p>"}, /* of GFM, only tables */
        {"tab\tstop\r\nline", "<p>tab\tstop\nline</p>"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        expect(samples[i].text, samples[i].html);
}

static void tables_are_gfm(void **state)
{
    (void)state;
    expect(
        "| a | b |\n|---|--:|\n| 1 \\| 2 | *3* |\n| only |\n",
        "<table>\n<thead>\n<tr>\n<th>a</th>\n<th align=\"right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1 | 2</td>"
        "\n<td align=\"right\"><em>3</em></td>\n</tr>\n<tr>\n<td>only</td>\n<td align=\"right\"></td>\n</tr>\n</tbody>"
        "\n</table>");
}

static void images_load_lazily(void **state)
{
    (void)state;
    expect("![alt *text* & `c`](/a.png \"ti\\\"tle\")", "<p><img src=\"/a.png\" alt=\"alt text &amp; c\" "
                                                        "title=\"ti&quot;tle\" loading=\"lazy\" /></p>");
    expect("![a ![b](c) [d](e)](f)", "<p><img src=\"f\" alt=\"a b d\" loading=\"lazy\" /></p>");
    expect("![a\" onerror=\"alert(1)](/x.png)",
           "<p><img src=\"/x.png\" alt=\"a&quot; onerror=&quot;alert(1)\" loading=\"lazy\" /></p>");
}

static void links_to_other_sites_open_in_a_new_tab(void **state)
{
    (void)state;
    expect("[x](https://example.org/?a=1&b=2 't')",
           "<p><a href=\"https://example.org/?a=1&amp;b=2\" title=\"t\" target=\"_blank\" rel=\"noopener\">x</a></p>");
    expect("<https://example.org>",
           "<p><a href=\"https://example.org\" target=\"_blank\" rel=\"noopener\">https://example.org</a></p>");
    expect("[![i](/i.png)](//example.org)", "<p><a href=\"//example.org\" target=\"_blank\" rel=\"noopener\">"
                                            "<img src=\"/i.png\" alt=\"i\" loading=\"lazy\" /></a></p>");
    expect("[a](https://www.talel.io/z) [b](/l) [c](#d) <e@f.org>",
           "<p><a href=\"https://www.talel.io/z\">a</a> <a href=\"/l\">b</a> <a href=\"#d\">c</a> "
           "<a href=\"mailto:e@f.org\">e@f.org</a></p>");
}

static void two_headings_make_a_table_of_contents(void **state)
{
    (void)state;
    expect_page("# Intro\n\n## Über *uns*\n\ntext\n\n## Intro\n", &strict,
                "<h1 id=\"intro\">Intro</h1>\n<h2 id=\"uber-uns\">Über <em>uns</em></h2>\n<p>text</p>\n"
                "<h2 id=\"intro-2\">Intro</h2>",
                "<div class=\"toc\"><ul><li><a href=\"#intro\">Intro</a><ul><li><a href=\"#uber-uns\">Über uns</a></li>"
                "<li><a href=\"#intro-2\">Intro</a></li></ul></li></ul></div>");
}

static void one_heading_makes_none(void **state)
{
    (void)state;
    expect("text\n\n## One", "<p>text</p>\n<h2>One</h2>");
}

static void levels_may_jump(void **state)
{
    (void)state;
    expect_page(
        "# a\n### b\n## c\n#### d\n# e\n", &strict,
        "<h1 id=\"a\">a</h1>\n<h3 id=\"b\">b</h3>\n<h2 id=\"c\">c</h2>\n<h4 id=\"d\">d</h4>\n<h1 id=\"e\">e</h1>",
        "<div class=\"toc\"><ul><li><a href=\"#a\">a</a><ul><li><a href=\"#b\">b</a></li>"
        "<li><a href=\"#c\">c</a><ul><li><a href=\"#d\">d</a></li></ul></li></ul></li>"
        "<li><a href=\"#e\">e</a></li></ul></div>");
    expect_page("### a\n# b\n", &strict, "<h3 id=\"a\">a</h3>\n<h1 id=\"b\">b</h1>",
                "<div class=\"toc\"><ul><li><a href=\"#a\">a</a></li><li><a href=\"#b\">b</a></li></ul></div>");
    expect_page("# a\n### b\n##### c\n### d\n", &strict,
                "<h1 id=\"a\">a</h1>\n<h3 id=\"b\">b</h3>\n<h5 id=\"c\">c</h5>\n<h3 id=\"d\">d</h3>",
                "<div class=\"toc\"><ul><li><a href=\"#a\">a</a><ul><li><a href=\"#b\">b</a><ul>"
                "<li><a href=\"#c\">c</a></li></ul></li><li><a href=\"#d\">d</a></li></ul></li></ul></div>");
}

static void ids_are_unique_whatever_the_headings_say(void **state)
{
    (void)state;
    expect_page(
        "# A\n# A\n# A 2\n# a-2\n# !\n# ?\n", &strict,
        "<h1 id=\"a\">A</h1>\n<h1 id=\"a-2\">A</h1>\n<h1 id=\"a-2-2\">A 2</h1>\n<h1 id=\"a-2-3\">a-2</h1>\n"
        "<h1 id=\"section\">!</h1>\n<h1 id=\"section-2\">?</h1>",
        "<div class=\"toc\"><ul><li><a href=\"#a\">A</a></li><li><a href=\"#a-2\">A</a></li>"
        "<li><a href=\"#a-2-2\">A 2</a></li><li><a href=\"#a-2-3\">a-2</a></li><li><a href=\"#section\">!</a></li>"
        "<li><a href=\"#section-2\">?</a></li></ul></div>");
}

static void a_table_of_contents_holds_plain_escaped_text(void **state)
{
    (void)state;
    expect_page(
        "> # <b>x</b> `c<d` & ![i](y) \"q\"\n\n- two\n  lines\n  ---\n", &strict,
        "<blockquote>\n<h1 id=\"x-c-d-i-q\"><!-- raw HTML omitted -->x<!-- raw HTML omitted --> <code>c&lt;d</code> "
        "&amp; <img src=\"y\" alt=\"i\" loading=\"lazy\" /> &quot;q&quot;</h1>\n</blockquote>\n<ul>\n<li>\n"
        "<h2 id=\"two-lines\">two\nlines</h2>\n</li>\n</ul>",
        "<div class=\"toc\"><ul><li><a href=\"#x-c-d-i-q\">x c&lt;d &amp; i &quot;q&quot;</a><ul>"
        "<li><a href=\"#two-lines\">two lines</a></li></ul></li></ul></div>");
}

static void raw_html_is_left_out(void **state)
{
    (void)state;
    expect("<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b",
           "<!-- raw HTML omitted -->\n<p>a <!-- raw HTML omitted --> b</p>");
    expect("<div class=\"x\">\n<img src=\"/a.png\">\n</div>", "<!-- raw HTML omitted -->");
}

#define GALLERY "<div class=\"gallery\" markdown=\"1\">"
#define PICTURES                                                                                                       \
    "<div class=\"gallery\">\n<p><img src=\"/a\" alt=\"a\" loading=\"lazy\" />\n"                                      \
    "<img src=\"/b\" alt=\"b\" loading=\"lazy\" /></p>\n</div>"
#define PICTURE "<img src=\"/a\" alt=\"a\" loading=\"lazy\" />"
#define LEFT_OUT "<!-- raw HTML omitted -->"

static void expect_both(const char *text, const char *html)
{
    expect_page(text, &strict, html, "");
    expect_page(text, &trusting, html, "");
}

static void a_gallery_is_markdown_between_its_tags(void **state)
{
    (void)state;
    static const char *const forms[] = {
        GALLERY "\n![a](/a)\n![b](/b)\n</div>",
        GALLERY "\n\n![a](/a)\n![b](/b)\n\n</div>\n",
        GALLERY "![a](/a)\n![b](/b)</div>",
        GALLERY "\r\n![a](/a)\r\n![b](/b)\r\n</div>\r\n",
        GALLERY "\r![a](/a)\r![b](/b)\r</div>",
        "\xef\xbb\xbf" GALLERY "\n![a](/a)\n![b](/b)\n</div>",
        "<div class=\"gallery\">\n![a](/a)\n![b](/b)\n</div>",
        "  <DIV Markdown='1'\n  CLASS = gallery >\n![a](/a)\n![b][x]\n  </Div >\n\n[x]: /b",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        expect_both(forms[i], PICTURES);
}

static void what_stands_behind_a_gallery_is_markdown(void **state)
{
    (void)state;
    expect_both(GALLERY "\n![a](/a)\n![b](/b)\n</div>\n*x*", PICTURES "\n<p><em>x</em></p>");
    expect_both(GALLERY "\n![a](/a)\n![b](/b)</div> *x*", PICTURES "\n<p><em>x</em></p>");
    expect_both("x\n" GALLERY "\n![a](/a)\n![b](/b)\n</div>", "<p>x</p>\n" PICTURES);
}

static void galleries_stand_in_quotations_and_lists(void **state)
{
    (void)state;
    expect_both("> " GALLERY "\n> ![a](/a)\n> ![b](/b)\n> </div>\n", "<blockquote>\n" PICTURES "\n</blockquote>");
    expect_both(">\t" GALLERY "![a](/a)\n>\t![b](/b)</div>\n", "<blockquote>\n" PICTURES "\n</blockquote>");
    expect_both("1. a\n2. " GALLERY "![a](/a)</div>\n3. b",
                "<ol>\n<li>a</li>\n<li>\n<div class=\"gallery\">\n" PICTURE "\n</div>\n</li>\n<li>b</li>\n</ol>");
}

static void galleries_may_be_nested(void **state)
{
    (void)state;
    expect_both(GALLERY "\n" GALLERY "\n![a](/a)\n</div>\nx\n</div>\ny",
                "<div class=\"gallery\">\n<div class=\"gallery\">\n<p>" PICTURE "</p>\n</div>\n<p>x</p>\n</div>\n"
                "<p>y</p>");
    expect_page("<div class=\"x\">\n" GALLERY "\n![a](/a)\n</div>\n</div>", &trusting,
                "<div class=\"x\">\n<div class=\"gallery\">\n<p>" PICTURE "</p>\n</div>\n</div>", "");
    expect_page(GALLERY "\n\n<div class=\"x\">\n\n*y*\n\n</div>\n\n</div>", &trusting,
                "<div class=\"gallery\">\n<div class=\"x\">\n<p><em>y</em></p>\n</div>\n</div>", "");
    expect(GALLERY "\n\n<div class=\"x\">\n\n*y*\n\n</div>\n\n</div>",
           "<div class=\"gallery\">\n" LEFT_OUT "\n<p><em>y</em></p>\n" LEFT_OUT "\n</div>");
}

static void a_gallery_without_an_end_swallows_nothing(void **state)
{
    (void)state;
    expect_both(GALLERY "\n![a](/a)\n\n# x", LEFT_OUT "\n<p>" PICTURE "</p>\n<h1>x</h1>");
    expect_both("> " GALLERY "\n\n</div>", "<blockquote>\n" LEFT_OUT "\n</blockquote>\n" LEFT_OUT);
}

static void divs_in_comments_are_none(void **state)
{
    (void)state;
    expect_page(GALLERY "\n<!--\n<div>\n-->\n![a](/a)\n</div>\n*x*", &trusting,
                "<div class=\"gallery\">\n<!--\n<div>\n-->\n<p>" PICTURE "</p>\n</div>\n<p><em>x</em></p>", "");
}

static void tags_in_code_are_text(void **state)
{
    (void)state;
    expect_both("```\n" GALLERY "\n</div>\n```",
                "<pre><code>&lt;div class=&quot;gallery&quot; markdown=&quot;1&quot;&gt;"
                "\n&lt;/div&gt;\n</code></pre>");
    expect_both("    <div class=gallery>\n\n`<kbd>`",
                "<pre><code>&lt;div class=gallery&gt;\n</code></pre>\n<p><code>&lt;kbd&gt;</code></p>");
    expect_both(GALLERY "\n`</div>` \\</div>\n</div>",
                "<div class=\"gallery\">\n<p><code>&lt;/div&gt;</code> &lt;/div&gt;</p>\n</div>");
}

static void nothing_but_a_gallery_passes_as_a_div(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "<div>",
        "<div class=\"gallery evil\">",
        "<div class=\"Gallery\">",
        "<div class=\"g&#97;llery\">",
        "<div class=gallery onclick=x>",
        "<div class=\"gallery\" class=\"x\">",
        "<div class=\"gallery\" markdown=\"2\">",
        "<div class=\"gallery\" markdown=\"1\" markdown=\"1\">",
        "<div class=\"gallery\"onclick=\"x\">",
        "<div class=\"gallery\" />",
        "<div class>",
        "<div\tclass=\"gallery\"\n  style='x'>",
        "<div class=\"gallery\" \"x\">",
        "<div class=\"gallery",
        "<divclass=\"gallery\">",
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s\n\n*x*\n\n</div>", tags[i]);
        markdown_page page;
        assert_int_equal(markdown_render(text, strlen(text), &strict, &page), MARKDOWN_OK);
        assert_null(strstr(page.html, "<div"));
        assert_null(strstr(page.html, "</div"));
        assert_non_null(strstr(page.html, "<em>x</em>"));
        markdown_free(&page);
    }
}

static void galleries_of_html_stay_as_trusted_authors_wrote_them(void **state)
{
    (void)state;
    static const char html[] = "<div class=\"gallery\">\n    <a href=\"/b\">\n    <img src=\"/a\"></a>\n</div>";
    expect_page(html, &trusting, html, "");
}

static void a_few_tags_pass(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"<kbd>Ctrl</kbd>+<KBD >C</Kbd >", "<p><kbd>Ctrl</kbd>+<kbd>C</kbd></p>"},
        {"<s>a</s> H<sub>2</sub>O x<sup>*2*</sup> <mark>m</mark>",
         "<p><s>a</s> H<sub>2</sub>O x<sup><em>2</em></sup> <mark>m</mark></p>"},
        {"a<br>b<BR/>c<br />d", "<p>a<br>b<br />c<br />d</p>"},
        {"<br>\ntext", "<p><br>\ntext</p>"},
        {"<kbd>\n\nx", "<p>" LEFT_OUT "</p>\n<p>x</p>"},
        {"# <mark>a</mark>\n", "<h1><mark>a</mark></h1>"},
        {"![H<sub>2</sub>O<b>](/a)", "<p><img src=\"/a\" alt=\"H2O\" loading=\"lazy\" /></p>"},
        {"<details>\n<summary>a *b*</summary>\n\n- c\n\n</details>\nd",
         "<details>\n<summary>a <em>b</em></summary>\n<ul>\n<li>c</li>\n</ul>\n</details>\n<p>d</p>"},
        {"<details><summary>a</summary>*b*</details>",
         "<details>\n<summary>a</summary>\n<p><em>b</em></p>\n</details>"},
        {"<DETAILS>\n<summary>a\nb</summary>\nc\n</Details>",
         "<details>\n<summary>a\nb</summary>\n<p>c</p>\n</details>"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        expect(samples[i].text, samples[i].html);
}

static void tags_without_their_other_half_are_left_out(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"<kbd>a\n\nb</kbd>", "<p>" LEFT_OUT "a</p>\n<p>b" LEFT_OUT "</p>"},
        {"*a <sub> b* c </sub>", "<p><em>a " LEFT_OUT " b</em> c " LEFT_OUT "</p>"},
        {"<sub>a<sup>b</sub>c</sup>", "<p><sub>a" LEFT_OUT "b</sub>c" LEFT_OUT "</p>"},
        {"<<kbd>a</kbd>", "<p>&lt;<kbd>a</kbd></p>"},
        {"<kbd x>a</kbd> <kbd/> </br> </kbd y>",
         "<p>" LEFT_OUT "a" LEFT_OUT " " LEFT_OUT " " LEFT_OUT " &lt;/kbd y&gt;</p>"},
        {"- <s>a\n- b</s>", "<ul>\n<li>" LEFT_OUT "a</li>\n<li>b" LEFT_OUT "</li>\n</ul>"},
        {"<details>\n\na", LEFT_OUT "\n<p>a</p>"},
        {"a <details>b</details>", "<p>a " LEFT_OUT "b" LEFT_OUT "</p>"},
        {"<summary>a", "<p>" LEFT_OUT "a</p>"},
        {"a <summary>b</summary>", "<p>a " LEFT_OUT "b" LEFT_OUT "</p>"},
        {"<details>\n\n<div class=x>\n\n</details>", "<details>\n" LEFT_OUT "\n</details>"},
        {"<details>\n<div class=gallery>\n</details>\n</div>", "<details>\n" LEFT_OUT "\n</details>\n" LEFT_OUT},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        expect(samples[i].text, samples[i].html);
}

static void expect_left_out(const char *text, const markdown_rules *rules, const char *names)
{
    char found[MARKDOWN_LEFT_OUT_MAX * (TAG_NAME_MAX + 1) + 1] = "";
    markdown_page page;

    assert_int_equal(markdown_render(text, strlen(text), rules, &page), MARKDOWN_OK);
    for (size_t i = 0; i < page.left_out.count; i++)
        strcat(strcat(found, i > 0 ? " " : ""), page.left_out.names[i]);
    assert_string_equal(found, names);
    markdown_free(&page);
}

static void what_is_left_out_is_named_once(void **state)
{
    (void)state;
    expect_left_out("plain *text* <kbd>k</kbd> <br>\n\n<!-- c -->\n\na <!-- d --> `<b>` " GALLERY, &strict, "div");
    expect_left_out("<IFRAME src=x></iframe>\n\na <b>c</b> <i>d <b>", &strict, "iframe b i");
    expect_left_out("<table><tr><td onclick=\"x\">\n</table>", &strict, "table tr td");
    expect_left_out("<kbd>", &strict, "kbd");
    expect_left_out("<?php x ?>\n\na <!X y>", &strict, "? !");
    expect_left_out("a <abcdefghijklmnopqrstuvwxyz-0>", &strict, "abcdefghijklmnopqrst");
    expect_left_out("<a1><a2><a3><a4><a5><a6><a7><a8><a9><b1><b2>", &strict, "a1 a2 a3 a4 a5 a6 a7 a8 a9 b1");
    expect_left_out("<iframe src=x></iframe>\n\na <b>c</b>", &trusting, "");
    expect_left_out(GALLERY "\n\na", &trusting, "div");
}

/* A small generator of pseudo-random numbers, the same ones in each run. */
static unsigned next_number(unsigned *state)
{
    *state = *state * 1103515245U + 12345U;
    return *state >> 16 & 0x7fff;
}

static void pages_are_balanced_whatever_is_combined(void **state)
{
    (void)state;
    static const char *const parts[] = {
        GALLERY,
        "<div class=gallery>",
        "</div>",
        "<div class=\"x\">",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<kbd>",
        "</kbd>",
        "<s>",
        "</s>",
        "<br>",
        "<br/>",
        "</br>",
        "<sub>",
        "</sub>",
        "<mark\n>",
        "</mark>",
        "<b>",
        "</p>",
        "<iframe",
        "<!--",
        "-->",
        "<",
        ">",
        "\"",
        "\n",
        "\n",
        "\n",
        "\n\n",
        "\n\n",
        "\r",
        "> ",
        "- ",
        "1. ",
        "    ",
        "\t",
        "# ",
        "*",
        "**",
        "_",
        "`",
        "```\n",
        "|a|b|\n|-|-|\n|",
        "|",
        "\n---\n",
        "[",
        "](/x)",
        "![",
        "](/y \"t\")",
        "[r]: /z\n",
        "\\",
        "&lt;",
        "x",
        "x",
        "<script>",
        "<summary",
        "&#0;",
        "<div class=\"gallery\"",
        "markdown=1>",
        "\n===\n",
    };
    unsigned seed = 1;

    for (int i = 0; i < 400; i++) {
        char text[2000] = "";
        markdown_page page;
        for (unsigned count = 1 + next_number(&seed) % 24; count > 0; count--)
            strcat(text, parts[next_number(&seed) % (sizeof parts / sizeof *parts)]);
        assert_int_equal(markdown_render(text, strlen(text), &strict, &page), MARKDOWN_OK);
        if (!is_balanced(page.html))
            fail_msg("%s\nbecomes\n%s", text, page.html);
        markdown_free(&page);
        assert_int_equal(markdown_render(text, strlen(text), &trusting, &page), MARKDOWN_OK);
        markdown_free(&page);
    }
}

static void trusted_authors_may_write_html(void **state)
{
    (void)state;
    static const char gallery[] = "<div class=\"gallery\">\n<img src=\"/a.png\">\n</div>";

    expect_page(gallery, &trusting, gallery, "");
    expect_page("a <b class='x'>*c*</b>", &trusting, "<p>a <b class='x'><em>c</em></b></p>", "");
    expect_page("![a](/b.png)", &trusting, "<p><img src=\"/b.png\" alt=\"a\" loading=\"lazy\" /></p>", "");
}

static void dangerous_addresses_never_pass(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"[x](javascript:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](JaVaScRiPt:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](&#106;avascript:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](javascript&colon;alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](java&#10;script:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](&#1;javascript:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](<java\tscript:alert(1)>)", "<p><a href=\"\">x</a></p>"},
        {"[x](javascript\\:alert(1))", "<p><a href=\"\">x</a></p>"},
        {"[x](vbscript:x)", "<p><a href=\"\">x</a></p>"},
        {"[x](file:///etc/passwd)", "<p><a href=\"\">x</a></p>"},
        {"[x](data:text/html;base64,PHM=)", "<p><a href=\"\">x</a></p>"},
        {"![x](data:image/svg+xml,x)", "<p><img src=\"\" alt=\"x\" loading=\"lazy\" /></p>"},
        {"![x](data:image/png+xml,x)", "<p><img src=\"\" alt=\"x\" loading=\"lazy\" /></p>"},
        {"![x]\n\n[x]: DATA&colon;image/gif&plus;xml,x", "<p><img src=\"\" alt=\"x\" loading=\"lazy\" /></p>"},
        {"<data:image/svg+xml,x>", "<p><a href=\"\">data:image/svg+xml,x</a></p>"},
        {"![x](javascript:alert(1))", "<p><img src=\"\" alt=\"x\" loading=\"lazy\" /></p>"},
        {"![x](data:image/png;base64,AA==)",
         "<p><img src=\"data:image/png;base64,AA==\" alt=\"x\" loading=\"lazy\" /></p>"},
        {"<javascript:alert(1)>", "<p><a href=\"\">javascript:alert(1)</a></p>"},
        {"[x]\n\n[x]: javascript:alert(1)", "<p><a href=\"\">x</a></p>"},
        {"[a](/x \"t\\\" onmouseover=\\\"alert(1)\")",
         "<p><a href=\"/x\" title=\"t&quot; onmouseover=&quot;alert(1)\">a</a></p>"},
        {"[a](/x\"onclick=alert(1))", "<p><a href=\"/x%22onclick=alert(1)\">a</a></p>"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        expect_page(samples[i].text, &strict, samples[i].html, "");
        expect_page(samples[i].text, &trusting, samples[i].html, "");
    }
}

/* `start`, and `count` times `part` behind it. */
static char *repeat(const char *start, const char *part, size_t count)
{
    size_t length = strlen(part), head = strlen(start);
    char *text = malloc(head + count * length + 1);

    assert_non_null(text);
    memcpy(text, start, head);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head + i * length, part, length);
    text[head + count * length] = '\0';
    return text;
}

static markdown_status try_page(char *text, markdown_page *page)
{
    markdown_status status = markdown_render(text, strlen(text), &strict, page);

    free(text);
    return status;
}

static void deep_nesting_is_harmless(void **state)
{
    (void)state;
    markdown_page page;

    assert_int_equal(try_page(repeat("", "> ", 10000), &page), MARKDOWN_OK);
    markdown_free(&page);
    assert_int_equal(try_page(repeat("", "*a _b ", 5000), &page), MARKDOWN_OK);
    markdown_free(&page);
}

static void a_table_that_explodes_is_refused(void **state)
{
    (void)state;
    markdown_page page;
    /* given 2000 columns, and lines of one cell, each of which would become 2000 */
    char *columns = repeat("", "|a", 2000);
    char *marks = repeat("|\n", "|-", 2000);
    char *lines = repeat("|\n", "x\n", 20000);
    char *table = malloc(strlen(columns) + strlen(marks) + strlen(lines) + 1);
    assert_non_null(table);
    strcpy(stpcpy(stpcpy(table, columns), marks), lines);
    free(columns);
    free(marks);
    free(lines);

    assert_int_equal(try_page(table, &page), MARKDOWN_TOO_LARGE);
    assert_null(page.html);
}

static void a_page_out_of_proportion_is_refused(void **state)
{
    (void)state;
    markdown_page page;
    /* given empty headings: two bytes each, which get an id and a line of the table of contents */
    assert_int_equal(try_page(repeat("", "#\n", 30000), &page), MARKDOWN_TOO_LARGE);
    assert_null(page.html);
}

static void a_large_article_is_rendered(void **state)
{
    (void)state;
    markdown_page page;
    size_t count = 0;

    assert_int_equal(try_page(repeat("# a\n\n# b\n\n", "A paragraph of *some* length.\n\n", 15000), &page),
                     MARKDOWN_OK);
    for (const char *at = page.html; (at = strstr(at, "<em>")); at++)
        count++;
    assert_int_equal(count, 15000);
    markdown_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commonmark_is_what_cmark_makes_of_it),
        cmocka_unit_test(tables_are_gfm),
        cmocka_unit_test(images_load_lazily),
        cmocka_unit_test(links_to_other_sites_open_in_a_new_tab),
        cmocka_unit_test(two_headings_make_a_table_of_contents),
        cmocka_unit_test(one_heading_makes_none),
        cmocka_unit_test(levels_may_jump),
        cmocka_unit_test(ids_are_unique_whatever_the_headings_say),
        cmocka_unit_test(a_table_of_contents_holds_plain_escaped_text),
        cmocka_unit_test(raw_html_is_left_out),
        cmocka_unit_test(a_gallery_is_markdown_between_its_tags),
        cmocka_unit_test(what_stands_behind_a_gallery_is_markdown),
        cmocka_unit_test(galleries_stand_in_quotations_and_lists),
        cmocka_unit_test(galleries_may_be_nested),
        cmocka_unit_test(a_gallery_without_an_end_swallows_nothing),
        cmocka_unit_test(divs_in_comments_are_none),
        cmocka_unit_test(tags_in_code_are_text),
        cmocka_unit_test(nothing_but_a_gallery_passes_as_a_div),
        cmocka_unit_test(galleries_of_html_stay_as_trusted_authors_wrote_them),
        cmocka_unit_test(a_few_tags_pass),
        cmocka_unit_test(tags_without_their_other_half_are_left_out),
        cmocka_unit_test(what_is_left_out_is_named_once),
        cmocka_unit_test(pages_are_balanced_whatever_is_combined),
        cmocka_unit_test(trusted_authors_may_write_html),
        cmocka_unit_test(dangerous_addresses_never_pass),
        cmocka_unit_test(deep_nesting_is_harmless),
        cmocka_unit_test(a_table_that_explodes_is_refused),
        cmocka_unit_test(a_page_out_of_proportion_is_refused),
        cmocka_unit_test(a_large_article_is_rendered),
    };
    markdown_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

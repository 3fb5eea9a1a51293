/*
 * Any text as Markdown. Its tags are balanced, nothing that runs is in it, every line of the table of contents leads to
 * a heading, and without its own attributes the page of a text without HTML is what cmark-gfm makes of it. The first
 * byte chooses whether HTML passes.
 */
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm-extension_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/articles/markdown.h"
#include "plugins/articles/tree.h"
#include "tests/unit/articles/balance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Takes our attributes away. Text holds neither < nor quotes unescaped, so none of these stands in it. */
static void strip(char *html)
{
    static const char *const attributes[] = {" loading=\"lazy\" />", " target=\"_blank\" rel=\"noopener\">"};
    static const char *const ends[] = {" />", ">"};
    char *to = html;

    while (*html) {
        if (strncmp(html, "<h", 2) == 0 && strncmp(html + 3, " id=\"", 5) == 0) {
            *to++ = *html++;
            *to++ = *html++;
            *to++ = *html;
            html = strchr(html + 6, '"') + 1;
        }
        for (int i = 0; i < 2; i++) {
            if (strncmp(html, attributes[i], strlen(attributes[i])) == 0) {
                html += strlen(attributes[i]);
                to = stpcpy(to, ends[i]);
            }
        }
        if (*html)
            *to++ = *html++;
    }
    *to = '\0';
}

static bool has_html(cmark_node *document)
{
    for (cmark_node *node = document; node; node = tree_next(node, document))
        if (cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK || cmark_node_get_type(node) == CMARK_NODE_HTML_INLINE)
            return true;
    return false;
}

static void compare_with_cmark(const char *text, size_t size, char *html)
{
    static const char *const only_here[] = {
        "data:image/", "blob:", "filesystem:", "view-source:", "livescript:", "mocha:"};
    cmark_parser *parser = cmark_parser_new(CMARK_OPT_DEFAULT);
    cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("table"));
    cmark_parser_feed(parser, text, size);
    cmark_node *document = cmark_parser_finish(parser);
    char *plain = cmark_render_html(document, CMARK_OPT_DEFAULT, NULL);
    size_t length = strlen(plain);
    while (length > 0 && plain[length - 1] == '\n')
        plain[--length] = '\0';

    bool comparable =
        !has_html(document) && !strchr(plain, '%'); /* characters that hide a scheme from cmark, but not from us */
    for (size_t i = 0; i < sizeof only_here / sizeof *only_here; i++)
        comparable = comparable && !strcasestr(plain, only_here[i]);
    strip(html);
    require(!comparable || strcmp(html, plain) == 0);
    free(plain);
    cmark_node_free(document);
    cmark_parser_free(parser);
}

static void check_safety(const char *html)
{
    static const char *const never[] = {"<script",           "<img src=\"javascript:", "<img src=\"vbscript:",
                                        "<img src=\"data:t", "<a href=\"javascript:",  "<a href=\"vbscript:",
                                        "<a href=\"data:t",  "<a href=\"file:"};

    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        require(!strcasestr(html, never[i]));
}

/* Lists and items are closed in the order in which they were opened, and every link has its heading. */
static void check_contents(const char *contents, const char *html)
{
    char open[64];
    size_t depth = 0;

    for (const char *at = strchr(contents, '<'); at; at = strchr(at + 1, '<')) {
        if (at[1] != '/') {
            require(depth < sizeof open);
            open[depth++] = at[1] == 'l' ? 'l' : at[1];
        } else {
            require(depth > 0 && open[--depth] == at[2]);
        }
        if (strncmp(at, "<a href=\"#", 10) == 0) {
            size_t length = strcspn(at + 10, "\"");
            char *id = malloc(length + 8);
            require(id != NULL);
            memcpy(id, " id=\"", 5);
            memcpy(id + 5, at + 10, length + 1);
            id[length + 6] = '\0';
            const char *found = strstr(html, id);
            require(found && !strstr(found + 1, id));
            free(id);
        }
    }
    require(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    markdown_page page;

    if (!ready)
        markdown_init();
    ready = true;
    if (size == 0 || size > 65536)
        return 0;
    const markdown_rules rules = {.site_host = "www.talel.io", .raw_html = data[0] & 1};
    const char *text = (const char *)data + 1;
    if (markdown_render(text, size - 1, &rules, &page) != MARKDOWN_OK)
        return 0;
    require(strlen(page.html) == page.html_length);
    if (!rules.raw_html) {
        check_safety(page.html);
        require(is_balanced(page.html));
        check_contents(page.table_of_contents, page.html);
        compare_with_cmark(text, size - 1, page.html);
    }
    markdown_free(&page);
    return 0;
}

/*
 * One run of cmark: parse, look at tags, images, links and headings, write.
 *
 * The library is cmark-gfm: cmark with hooks for extensions, of which tables are the only one used. The two cannot be
 * linked together (they export the same names).
 */
#include "plugins/articles/markdown.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm-extension_api.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/articles/blocks.h"
#include "plugins/articles/budget.h"
#include "plugins/articles/html.h"
#include "plugins/articles/links.h"
#include "plugins/articles/pairs.h"
#include "plugins/articles/toc.h"
#include "plugins/articles/tree.h"

#define MEMORY_LIMIT ((size_t)128 << 20) /* cmark needs some 300 bytes for the smallest construct of two or three */

/* A page is rarely twice its text; only what is made to explode is more than this. */
#define PAGE_FACTOR 16
#define PAGE_MINIMUM ((size_t)64 << 10)

typedef struct run {
    budget budget;
    toc toc;
    const char *html;
    size_t html_length;
    const char *contents;
    size_t contents_length;
    markdown_left_out left_out;
} run;

static cmark_syntax_extension *table;

void markdown_init(void)
{
    cmark_gfm_core_extensions_ensure_registered();
    table = cmark_find_syntax_extension("table");
    html_init();
}

/* cmark itself drops dangerous URLs only where it drops HTML. */
static void disarm(cmark_node *node)
{
    if (link_is_dangerous(cmark_node_get_url(node)))
        cmark_node_set_url(node, "");
}

static void decorate(run *r, cmark_node *document, const markdown_rules *rules)
{
    for (cmark_node *node = document; node; node = tree_next(node, document)) {
        switch (cmark_node_get_type(node)) {
        case CMARK_NODE_IMAGE:
            disarm(node);
            html_mark_image(node);
            break;
        case CMARK_NODE_LINK:
            disarm(node);
            html_mark_link(node, link_is_external(cmark_node_get_url(node), rules->site_host));
            break;
        case CMARK_NODE_HEADING:
            toc_add(&r->toc, node);
            break;
        default:
            break;
        }
    }
    if (r->toc.count >= 2)
        r->contents = toc_finish(&r->toc, &r->contents_length);
}

/* Everything that cmark allocates here is the budget's: nothing is freed one by one. */
static void render(run *r, const char *text, size_t length, const markdown_rules *rules)
{
    int options = rules->raw_html ? CMARK_OPT_UNSAFE : CMARK_OPT_DEFAULT;
    cmark_parser *parser = cmark_parser_new_with_mem(options, budget_memory());

    cmark_parser_attach_syntax_extension(parser, table);
    blocks_feed(parser, text, length, rules->raw_html);
    cmark_node *document = cmark_parser_finish(parser);
    pairs_match(document, rules->raw_html, &r->left_out);
    decorate(r, document, rules);
    r->html = cmark_render_html_with_mem(document, options, NULL, budget_memory());
    r->html_length = strlen(r->html);
    while (r->html_length > 0 && r->html[r->html_length - 1] == '\n')
        r->html_length--;
}

static char *copy(const char *text, size_t length)
{
    char *result = malloc(length + 1);

    if (result) {
        if (length > 0)
            memcpy(result, text, length);
        result[length] = '\0';
    }
    return result;
}

static markdown_status keep(const run *r, size_t length, markdown_page *page)
{
    if (r->html_length + r->contents_length > PAGE_MINIMUM + PAGE_FACTOR * length)
        return MARKDOWN_TOO_LARGE;
    page->html = copy(r->html, r->html_length);
    page->html_length = r->html_length;
    page->table_of_contents = copy(r->contents, r->contents_length);
    page->table_of_contents_length = r->contents_length;
    page->left_out = r->left_out;
    if (page->html && page->table_of_contents)
        return MARKDOWN_OK;
    markdown_free(page);
    return MARKDOWN_TOO_LARGE;
}

/* Not part of markdown_render: what a function that calls sigsetjmp keeps in its own frame is lost in the jump. */
static markdown_status attempt(run *r, const char *text, size_t length, const markdown_rules *rules)
{
    if (sigsetjmp(r->budget.over, 0) != 0)
        return MARKDOWN_TOO_LARGE;
    render(r, text, length, rules);
    return MARKDOWN_OK;
}

markdown_status markdown_render(const char *text, size_t length, const markdown_rules *rules, markdown_page *page)
{
    run r = {0};

    memset(page, 0, sizeof(*page));
    budget_begin(&r.budget, MEMORY_LIMIT);
    markdown_status status = attempt(&r, text, length, rules);
    budget_end();
    if (status == MARKDOWN_OK)
        status = keep(&r, length, page);
    toc_free(&r.toc);
    budget_free(&r.budget);
    return status;
}

void markdown_free(markdown_page *page)
{
    free(page->html);
    free(page->table_of_contents);
    memset(page, 0, sizeof(*page));
}

/*
 * Ids of headings and the table of contents.
 */
#include "plugins/articles/toc.h"

#include <cmark-gfm/buffer.h>
#include <cmark-gfm/houdini.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "plugins/articles/budget.h"
#include "plugins/articles/html.h"
#include "plugins/articles/slug.h"
#include "plugins/articles/tree.h"

#define LEVELS 6

typedef struct heading_id {
    unsigned long next; /* the number to try for the next heading of this id */
    char text[];
} heading_id;

void toc_add(toc *t, cmark_node *heading)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 16;
        t->headings = budget_memory()->realloc(t->headings, t->capacity * sizeof(*t->headings));
    }
    t->headings[t->count++] = heading;
}

/* The text of a heading without its markup; of an image, what stands in for it. */
static void put_text(cmark_strbuf *text, cmark_node *heading)
{
    for (cmark_node *node = heading; node; node = tree_next(node, heading)) {
        switch (cmark_node_get_type(node)) {
        case CMARK_NODE_TEXT:
        case CMARK_NODE_CODE:
            cmark_strbuf_puts(text, cmark_node_get_literal(node));
            break;
        case CMARK_NODE_SOFTBREAK:
        case CMARK_NODE_LINEBREAK:
            cmark_strbuf_putc(text, ' ');
            break;
        default:
            break;
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const heading_id *)a)->text, ((const heading_id *)b)->text);
}

static heading_id *id_new(const char *text)
{
    size_t length = strlen(text);
    heading_id *id = budget_memory()->calloc(1, sizeof(*id) + length + 1);

    id->next = 2;
    memcpy(id->text, text, length);
    return id;
}

/* The first of text, text-2, text-3 … that no heading has yet. A balanced tree, because authors choose the keys. */
static const char *take_id(toc *t, const char *text)
{
    char numbered[SLUG_SIZE + 24];
    heading_id *wanted = id_new(text);
    heading_id **found = tsearch(wanted, &t->ids, compare_ids);

    if (!found || *found == wanted)
        return wanted->text;
    for (heading_id *taken = *found;;) {
        snprintf(numbered, sizeof(numbered), "%s-%lu", text, taken->next++);
        wanted = id_new(numbered);
        found = tsearch(wanted, &t->ids, compare_ids);
        if (!found || *found == wanted)
            return wanted->text;
    }
}

/* The lists that are open, by the level of the heading that opened each: a jump from h1 to h3 is one list deeper. */
typedef struct nesting {
    int levels[LEVELS];
    int depth;
} nesting;

static void open_item(cmark_strbuf *out, nesting *n, int level)
{
    while (n->depth > 1 && n->levels[n->depth - 1] > level && n->levels[n->depth - 2] >= level) {
        cmark_strbuf_puts(out, "</li></ul>");
        n->depth--;
    }
    if (n->depth > 0 && n->levels[n->depth - 1] >= level) {
        cmark_strbuf_puts(out, "</li>");
    } else {
        cmark_strbuf_puts(out, "<ul>");
        n->depth++;
    }
    n->levels[n->depth - 1] = level;
    cmark_strbuf_puts(out, "<li>");
}

const char *toc_finish(toc *t, size_t *length)
{
    cmark_strbuf out, text;
    nesting open = {0};
    char slug[SLUG_SIZE];

    cmark_strbuf_init(budget_memory(), &out, 0);
    cmark_strbuf_init(budget_memory(), &text, 0);
    cmark_strbuf_puts(&out, "<div class=\"toc\">");
    for (size_t i = 0; i < t->count; i++) {
        cmark_strbuf_clear(&text);
        put_text(&text, t->headings[i]);
        const char *id = take_id(t, slug_make((const char *)text.ptr, (size_t)text.size, slug) > 0 ? slug : "section");
        html_mark_heading(t->headings[i], id);

        open_item(&out, &open, cmark_node_get_heading_level(t->headings[i]));
        cmark_strbuf_puts(&out, "<a href=\"#");
        cmark_strbuf_puts(&out, id);
        cmark_strbuf_puts(&out, "\">");
        houdini_escape_html0(&out, text.ptr, text.size, 0);
        cmark_strbuf_puts(&out, "</a>");
    }
    while (open.depth-- > 0)
        cmark_strbuf_puts(&out, "</li></ul>");
    cmark_strbuf_puts(&out, "</div>");
    *length = (size_t)out.size;
    return (const char *)out.ptr;
}

static void keep(void *id)
{
    (void)id;
}

void toc_free(toc *t)
{
    tdestroy(t->ids, keep);
    t->ids = NULL;
}

/*
 * Matching tags, among the children of one node at a time.
 */
#include "plugins/articles/pairs.h"

#include <string.h>

#include "plugins/articles/budget.h"
#include "plugins/articles/html.h"
#include "plugins/articles/tags.h"
#include "plugins/articles/tree.h"

typedef struct open_tag {
    cmark_node *node; /* NULL: a div in HTML that is left to cmark */
    const char *output;
    tag_id id;
} open_tag;

typedef struct matcher {
    bool raw_html;
    markdown_left_out *left_out;
    open_tag *stack;
    size_t count;
    size_t capacity;
    size_t open[TAG_OTHER]; /* how many of each are on the stack */
} matcher;

static void name_left_out(matcher *m, const char *name)
{
    markdown_left_out *l = m->left_out;

    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->names[i], name) == 0)
            return;
    if (l->count == MARKDOWN_LEFT_OUT_MAX)
        return;
    strncpy(l->names[l->count], name, TAG_NAME_MAX);
    l->count++;
}

static void leave_out(matcher *m, cmark_node *node, tag_id id)
{
    name_left_out(m, tag_name(id));
    html_mark_left_out(node);
}

static void push(matcher *m, tag_id id, cmark_node *node, const char *output)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? 2 * m->capacity : 16;
        m->stack = budget_memory()->realloc(m->stack, m->capacity * sizeof(*m->stack));
    }
    m->stack[m->count++] = (open_tag){node, output, id};
    m->open[id]++;
}

static open_tag take(matcher *m)
{
    open_tag top = m->stack[--m->count];

    m->open[top.id]--;
    return top;
}

static void leave_open(matcher *m, const open_tag *open)
{
    if (open->node)
        leave_out(m, open->node, open->id);
}

/* Takes the innermost open tag with this name; those within it have no end. False: there is none. */
static bool pop(matcher *m, tag_id id, open_tag *found)
{
    if (m->open[id] == 0)
        return false;
    while (m->count > 0) {
        *found = take(m);
        if (found->id == id)
            return true;
        leave_open(m, found);
    }
    return false;
}

/* A summary is all of its paragraph. */
static bool may_be_pair(tag_id id, cmark_node *open, cmark_node *close)
{
    return id != TAG_SUMMARY || (!cmark_node_previous(open) && !cmark_node_next(close) &&
                                 cmark_node_get_type(cmark_node_parent(open)) == CMARK_NODE_PARAGRAPH);
}

static void match_end(matcher *m, tag_id id, cmark_node *node, const char *output)
{
    open_tag open;

    if (!pop(m, id, &open)) {
        leave_out(m, node, id);
    } else if (!open.node && m->raw_html) {
        html_mark_tag(node, output);
    } else if (open.node && may_be_pair(id, open.node, node)) {
        html_mark_tag(open.node, open.output);
        html_mark_tag(node, output);
        if (id == TAG_SUMMARY)
            html_mark_bare(cmark_node_parent(node));
    } else {
        leave_open(m, &open);
        leave_out(m, node, id);
    }
}

static void match_cut(matcher *m, cmark_node *node)
{
    const char *output = cmark_node_get_user_data(node);
    bool closing;

    if (!output)
        return; /* a thematic break */
    tag_id id = tag_of_output(output, &closing);
    if (closing)
        match_end(m, id, node, output);
    else
        push(m, id, node, output);
}

static void match_inline(matcher *m, cmark_node *node)
{
    const char *text = cmark_node_get_literal(node);
    size_t length = strlen(text), at = 0;
    tag_mention found;
    tag t;

    if (m->raw_html)
        return;
    if (tag_read(text, length, &t) == TAG_COMPLETE && t.passes && t.id >= TAG_SUMMARY) {
        if (t.id == TAG_BR)
            html_mark_tag(node, t.output);
        else if (t.closing)
            match_end(m, t.id, node, t.output);
        else
            push(m, t.id, node, t.output);
        return;
    }
    if (tag_find(text, length, &at, &found))
        name_left_out(m, found.name);
    html_mark_left_out(node);
}

/* HTML that is left to cmark: the page gets all of it or nothing. A </div> in it can be the end of a gallery only where
 * it gets there. */
static void match_html(matcher *m, cmark_node *node)
{
    const char *text = cmark_node_get_literal(node);
    size_t length = strlen(text), at = 0;
    tag_mention found;
    open_tag open;

    while (tag_find(text, length, &at, &found)) {
        if (!m->raw_html)
            name_left_out(m, found.name);
        if (strcmp(found.name, "div") != 0)
            continue;
        if (!found.closing)
            push(m, TAG_DIV, NULL, NULL);
        else if ((m->raw_html || (m->count > 0 && !m->stack[m->count - 1].node)) && pop(m, TAG_DIV, &open) && open.node)
            html_mark_tag(open.node, open.output);
    }
}

static void match_children(matcher *m, cmark_node *parent)
{
    for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
        switch (cmark_node_get_type(node)) {
        case CMARK_NODE_THEMATIC_BREAK:
            match_cut(m, node);
            break;
        case CMARK_NODE_HTML_BLOCK:
            match_html(m, node);
            break;
        case CMARK_NODE_HTML_INLINE:
            match_inline(m, node);
            break;
        default:
            break;
        }
    }
    while (m->count > 0) {
        open_tag open = take(m);
        leave_open(m, &open);
    }
}

void pairs_match(cmark_node *document, bool raw_html, markdown_left_out *left_out)
{
    matcher m = {.raw_html = raw_html, .left_out = left_out};

    for (cmark_node *node = document; node; node = tree_next(node, document))
        match_children(&m, node);
}

/*
 * The parser is fed line by line, and the block that a line went into is looked at behind it: cmark alone knows what is
 * code, what is a quotation and what continues a paragraph. A tag at the start of a new HTML block is cut off as a
 * block of its own; what stands behind it on its line is fed again, as another line in the same containers.
 */
#include "plugins/articles/blocks.h"

#include <cmark-gfm-extension_api.h>
#include <cmark-gfm/node.h>
#include <cmark-gfm/parser.h>
#include <string.h>

#include "plugins/articles/budget.h"
#include "plugins/articles/tags.h"

#define UNFINISHED_MAX 512 /* bytes of a tag over several lines */

/* The kinds of HTML blocks that start with a tag and end with a blank line; those before are scripts and comments. */
#define FIRST_OF_TAGS 6

/* Divs that are open, in a stack. */
#define GALLERY 'g'
#define OTHER_DIV 'd'

typedef struct feeder {
    cmark_parser *parser;
    bool raw_html;
    cmark_node *node;       /* the block that the last line went into, if it is an HTML block or a paragraph */
    bufsize_t size;         /* of its content then */
    cmark_node *unfinished; /* an HTML block that is the start of a tag so far */
    cmark_node *summary;    /* the paragraph of a <summary> that has not ended */
    size_t details;         /* that are open */
    cmark_strbuf divs;
    cmark_strbuf line; /* to be fed again */
    const char *next;  /* the text behind the line */
    const char *end;
} feeder;

/* The line just fed, as it stands at the end of its block's content. */
typedef struct added {
    const char *line; /* as fed, without its end */
    size_t prefix;    /* bytes of it that belong to the block quotes and list items around the block */
    bufsize_t before; /* content of the block before it */
    bufsize_t start;  /* where it starts within the content, behind blanks */
} added;

static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bufsize_t skip_blanks(const cmark_strbuf *text, bufsize_t at)
{
    while (at < text->size && is_blank(text->ptr[at]))
        at++;
    return at;
}

static tag_result read_tag(const cmark_strbuf *text, bufsize_t at, tag *t)
{
    return tag_read((const char *)text->ptr + at, (size_t)(text->size - at), t);
}

static bool in_gallery(const feeder *f)
{
    return f->divs.size > 0 && f->divs.ptr[f->divs.size - 1] == GALLERY;
}

static void close_div(feeder *f)
{
    if (f->divs.size > 0)
        cmark_strbuf_truncate(&f->divs, f->divs.size - 1);
}

/* Counts the divs in HTML that is left to cmark. */
static void count_divs(feeder *f, const cmark_strbuf *text, bufsize_t from)
{
    tag_mention found;
    size_t at = (size_t)from;

    while (tag_find((const char *)text->ptr, (size_t)text->size, &at, &found)) {
        if (strcmp(found.name, "div") != 0)
            continue;
        if (found.closing)
            close_div(f);
        else
            cmark_strbuf_putc(&f->divs, OTHER_DIV);
    }
}

static void feed(feeder *f, const char *line, size_t length)
{
    cmark_parser_feed(f->parser, line, length);
    cmark_parser_feed(f->parser, "\n", 1);
}

/* Makes the next line of `rest`, within the containers of the line that was fed. `rest` is not of f->line. */
static void set_line(feeder *f, const added *a, const unsigned char *rest, bufsize_t length)
{
    if (a->line != (const char *)f->line.ptr)
        cmark_strbuf_set(&f->line, (const unsigned char *)a->line, (bufsize_t)a->prefix);
    else
        cmark_strbuf_truncate(&f->line, (bufsize_t)a->prefix);
    for (bufsize_t i = 0; i < f->line.size; i++)
        if (f->line.ptr[i] != '>' && f->line.ptr[i] != '\t')
            f->line.ptr[i] = ' '; /* list markers start items only once */
    cmark_strbuf_put(&f->line, rest, length);
}

/* Ends the open block by a blank line, before the line of set_line. */
static void end_block(feeder *f, const added *a)
{
    feed(f, (const char *)f->line.ptr, a->prefix);
}

/* Cuts the content at `at`, and makes the next line of what stood behind `from`. False: nothing but blanks did. */
static bool split(feeder *f, const added *a, cmark_strbuf *content, bufsize_t at, bufsize_t from)
{
    bufsize_t end = content->size;

    from = skip_blanks(content, from);
    while (end > from && is_blank(content->ptr[end - 1]))
        end--;
    set_line(f, a, content->ptr + from, end - from);
    cmark_strbuf_truncate(content, at);
    if (at > 0 && content->ptr[at - 1] != '\n')
        cmark_strbuf_putc(content, '\n');
    return end > from;
}

static void open_or_close(feeder *f, const tag *t)
{
    if (t->id == TAG_DIV && t->closing)
        close_div(f);
    else if (t->id == TAG_DIV)
        cmark_strbuf_putc(&f->divs, GALLERY);
    else if (!t->closing)
        f->details++;
    else if (f->details > 0)
        f->details--;
}

/* Makes a block of its own of the tag that the block starts with. Thematic breaks end with their line and leave none
 * behind, blank or not. */
static bool cut_tag(feeder *f, const added *a, cmark_node *node, bufsize_t start, const tag *t)
{
    bool more = split(f, a, &node->content, 0, start + (bufsize_t)t->length);

    cmark_node_set_type(node, CMARK_NODE_THEMATIC_BREAK);
    cmark_node_set_user_data(node, (void *)t->output);
    open_or_close(f, t);
    return more;
}

/* Whether HTML follows: `rest` of the line, or else the next one. */
static bool is_before_html(const feeder *f, const unsigned char *rest, const unsigned char *end)
{
    while (rest < end && is_blank(*rest))
        rest++;
    if (rest < end)
        return *rest == '<';
    const char *c = f->next;
    while (c < f->end && (*c == ' ' || *c == '\t' || *c == '>'))
        c++;
    return c < f->end && *c == '<';
}

/* Whether the tag, at the start of a block, is a block by itself. Authors who may write HTML have galleries of HTML,
 * too: those that do not ask for Markdown remain as they are. */
static bool is_block(const feeder *f, const tag *t, const cmark_strbuf *content, bufsize_t start)
{
    if (!t->passes || (t->id != TAG_DIV && t->id != TAG_DETAILS))
        return false;
    if (!f->raw_html)
        return true;
    if (t->id != TAG_DIV)
        return false;
    if (t->closing)
        return in_gallery(f);
    return t->markdown || !is_before_html(f, content->ptr + start + t->length, content->ptr + content->size);
}

static void make_paragraph(feeder *f, cmark_node *node, bufsize_t start, const tag *t)
{
    cmark_strbuf_drop(&node->content, start);
    cmark_node_set_type(node, CMARK_NODE_PARAGRAPH);
    if (t->id == TAG_SUMMARY && !t->closing)
        f->summary = node;
}

/* True when there is a line to feed again. */
static bool look_at_new_html(feeder *f, const added *a, cmark_node *node)
{
    bufsize_t start = skip_blanks(&node->content, 0);
    tag t;
    tag_result result = read_tag(&node->content, start, &t);

    f->unfinished = NULL;
    if (result == TAG_UNFINISHED && t.id == TAG_DIV && node->content.size <= UNFINISHED_MAX) {
        f->unfinished = node;
        return false;
    }
    if (result == TAG_COMPLETE && is_block(f, &t, &node->content, start))
        return cut_tag(f, a, node, start, &t);
    if (result == TAG_COMPLETE && t.passes && t.id > TAG_DETAILS && !f->raw_html)
        make_paragraph(f, node, start, &t);
    else
        count_divs(f, &node->content, start);
    return false;
}

/* A gallery starts, and the gallery around ends, also within other HTML. */
static bool look_at_more_html(feeder *f, const added *a, cmark_node *node)
{
    tag t;

    if (read_tag(&node->content, a->start, &t) == TAG_COMPLETE && t.id == TAG_DIV && (!t.closing || in_gallery(f)) &&
        is_block(f, &t, &node->content, a->start)) {
        bool more = split(f, a, &node->content, a->before, a->start);
        end_block(f, a);
        return more;
    }
    count_divs(f, &node->content, a->start);
    return false;
}

/* What stands behind the end of a summary is no part of it. */
static bool look_at_summary(feeder *f, const added *a, cmark_node *node)
{
    cmark_strbuf *content = &node->content;
    tag_mention found;
    size_t at = (size_t)a->start;

    while (tag_find((const char *)content->ptr, (size_t)content->size, &at, &found)) {
        if (!found.closing || strcmp(found.name, "summary") != 0)
            continue;
        const unsigned char *end = memchr(content->ptr + at, '>', (size_t)content->size - at);
        if (!end)
            return false;
        bufsize_t behind = (bufsize_t)(end + 1 - content->ptr);
        bool more = split(f, a, content, behind, behind);
        f->summary = NULL;
        end_block(f, a);
        return more;
    }
    return false;
}

static bool is_end(const feeder *f, const tag *t)
{
    return t->closing && t->passes && (t->id == TAG_DIV ? in_gallery(f) : t->id == TAG_DETAILS && f->details > 0);
}

/* The end of a block, </div> or </details>, behind text starts a line of its own; unless it is text, behind a backslash
 * or (as far as one line tells) in code. */
static bool look_at_paragraph(feeder *f, const added *a, cmark_node *node)
{
    cmark_strbuf *content = &node->content;
    const unsigned char *start = content->ptr + a->start, *end = content->ptr + content->size;
    size_t inner = 0; /* divs that start within the line */
    bool code = false;
    tag t;

    if (!in_gallery(f) && f->details == 0)
        return false;
    for (const unsigned char *at = start; at < end; at++) {
        code ^= *at == '`';
        if (*at != '<' || code || tag_read((const char *)at, (size_t)(end - at), &t) != TAG_COMPLETE)
            continue;
        if (at > start && at[-1] == '\\')
            continue;
        if (t.id == TAG_DIV && !t.closing)
            inner++;
        else if (t.id == TAG_DIV && inner > 0)
            inner--;
        else if (at > start && is_end(f, &t))
            return split(f, a, content, (bufsize_t)(at - content->ptr), (bufsize_t)(at - content->ptr));
    }
    return false;
}

/* Looks at what the line has become. True when there is one to feed again. */
static bool look(feeder *f, const char *line, size_t length)
{
    cmark_node *node = f->parser->current;
    cmark_strbuf *content = &node->content;
    cmark_node_type type = cmark_node_get_type(node);
    bool is_html = type == CMARK_NODE_HTML_BLOCK && node->as.html_block_type >= FIRST_OF_TAGS;
    bool again = false;

    if (!is_html && type != CMARK_NODE_PARAGRAPH) {
        f->node = NULL;
        return false;
    }
    added a = {.line = line, .before = node == f->node && f->size <= content->size ? f->size : 0};
    a.start = skip_blanks(content, a.before);
    /* Blanks may have come from tabs; from the first other byte on, the content is the end of the line. */
    size_t tail = (size_t)(content->size - a.start);
    a.prefix = tail > 0 && tail - 1 <= length ? length - (tail - 1) : 0;
    if (is_html)
        again = a.before == 0 || node == f->unfinished ? look_at_new_html(f, &a, node) : look_at_more_html(f, &a, node);
    if (!again && cmark_node_get_type(node) == CMARK_NODE_PARAGRAPH) {
        if (is_html)
            a.start = 0;
        again = node == f->summary ? look_at_summary(f, &a, node) : look_at_paragraph(f, &a, node);
    }
    f->node = node;
    f->size = content->size;
    return again;
}

static void feed_line(feeder *f, const char *line, size_t length)
{
    /* cmark replaces NULs, and the content is not the end of the line then. */
    bool plain = memchr(line, '\0', length) == NULL;

    feed(f, line, length);
    while (plain && look(f, line, length)) {
        line = (const char *)f->line.ptr;
        length = (size_t)f->line.size;
        feed(f, line, length);
    }
}

void blocks_feed(cmark_parser *parser, const char *text, size_t length, bool raw_html)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    feeder f = {.parser = parser, .raw_html = raw_html, .end = text + length};
    size_t at = length >= 3 && memcmp(text, byte_order_mark, 3) == 0 ? 3 : 0;

    cmark_strbuf_init(budget_memory(), &f.divs, 0);
    cmark_strbuf_init(budget_memory(), &f.line, 0);
    while (at < length) {
        size_t end = at;
        while (end < length && text[end] != '\n' && text[end] != '\r')
            end++;
        size_t next = end < length ? end + 1 : end;
        if (next < length && text[end] == '\r' && text[next] == '\n')
            next++;
        f.next = text + next;
        feed_line(&f, text + at, end - at);
        at = next;
    }
}

/*
 * What is written for a node at its start and its end. All escaping is cmark's.
 */
#include "plugins/articles/html.h"

#include <cmark-gfm-extension_api.h>
#include <cmark-gfm/houdini.h>
#include <cmark-gfm/render.h>
#include <string.h>

static cmark_syntax_extension *extension;

/* The user data of a link that leaves the site. */
static char external_link[] = "external";

static void put_url(cmark_strbuf *html, const char *url)
{
    houdini_escape_href(html, (const uint8_t *)url, (bufsize_t)strlen(url));
}

static void put_title(cmark_strbuf *html, const char *title)
{
    if (!*title)
        return;
    cmark_strbuf_puts(html, " title=\"");
    houdini_escape_html0(html, (const uint8_t *)title, (bufsize_t)strlen(title), 0);
    cmark_strbuf_putc(html, '"');
}

static void render_image(cmark_html_renderer *renderer, cmark_node *node, bool entering)
{
    cmark_strbuf *html = renderer->html;

    if (entering) {
        cmark_strbuf_puts(html, "<img src=\"");
        put_url(html, cmark_node_get_url(node));
        cmark_strbuf_puts(html, "\" alt=\"");
        renderer->plain = node; /* until this node's exit, cmark writes the text of what is in it */
    } else {
        cmark_strbuf_putc(html, '"');
        put_title(html, cmark_node_get_title(node));
        cmark_strbuf_puts(html, " loading=\"lazy\" />");
    }
}

static void render_link(cmark_html_renderer *renderer, cmark_node *node, bool entering)
{
    cmark_strbuf *html = renderer->html;

    if (!entering) {
        cmark_strbuf_puts(html, "</a>");
        return;
    }
    cmark_strbuf_puts(html, "<a href=\"");
    put_url(html, cmark_node_get_url(node));
    cmark_strbuf_putc(html, '"');
    put_title(html, cmark_node_get_title(node));
    if (cmark_node_get_user_data(node) == external_link)
        cmark_strbuf_puts(html, " target=\"_blank\" rel=\"noopener\"");
    cmark_strbuf_putc(html, '>');
}

/* A block starts on a line of its own. */
static void start_line(cmark_strbuf *html)
{
    if (html->size > 0 && html->ptr[html->size - 1] != '\n')
        cmark_strbuf_putc(html, '\n');
}

static void render_block_tag(cmark_html_renderer *renderer, cmark_node *node)
{
    start_line(renderer->html);
    cmark_strbuf_puts(renderer->html, cmark_node_get_user_data(node));
    cmark_strbuf_putc(renderer->html, '\n');
}

static void render_heading(cmark_html_renderer *renderer, cmark_node *node, bool entering)
{
    cmark_strbuf *html = renderer->html;
    int level = '0' + cmark_node_get_heading_level(node);

    if (!entering) {
        cmark_strbuf_puts(html, "</h");
        cmark_strbuf_putc(html, level);
        cmark_strbuf_puts(html, ">\n");
        return;
    }
    start_line(html);
    cmark_strbuf_puts(html, "<h");
    cmark_strbuf_putc(html, level);
    cmark_strbuf_puts(html, " id=\"");
    cmark_strbuf_puts(html, cmark_node_get_user_data(node)); /* a slug: nothing in it needs escaping */
    cmark_strbuf_puts(html, "\">");
}

static void render(cmark_syntax_extension *self, cmark_html_renderer *renderer, cmark_node *node,
                   cmark_event_type event, int options)
{
    bool entering = event == CMARK_EVENT_ENTER;

    (void)self;
    (void)options;
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_IMAGE:
        render_image(renderer, node, entering);
        break;
    case CMARK_NODE_LINK:
        render_link(renderer, node, entering);
        break;
    case CMARK_NODE_HTML_INLINE:
        cmark_strbuf_puts(renderer->html, cmark_node_get_user_data(node));
        break;
    case CMARK_NODE_THEMATIC_BREAK:
        render_block_tag(renderer, node);
        break;
    case CMARK_NODE_PARAGRAPH:
        start_line(renderer->html); /* at its start and at its end */
        break;
    default:
        render_heading(renderer, node, entering);
        break;
    }
}

void html_init(void)
{
    extension = cmark_syntax_extension_new("article");
    cmark_syntax_extension_set_html_render_func(extension, render);
}

void html_mark_image(cmark_node *image)
{
    cmark_node_set_syntax_extension(image, extension);
}

void html_mark_link(cmark_node *link, int external)
{
    cmark_node_set_syntax_extension(link, extension);
    cmark_node_set_user_data(link, external ? external_link : NULL);
}

void html_mark_heading(cmark_node *heading, const char *id)
{
    cmark_node_set_syntax_extension(heading, extension);
    cmark_node_set_user_data(heading, (void *)id);
}

void html_mark_tag(cmark_node *node, const char *output)
{
    if (cmark_node_get_type(node) == CMARK_NODE_HTML_INLINE)
        cmark_node_set_literal(node, ""); /* which would stand in an image's text otherwise */
    cmark_node_set_syntax_extension(node, extension);
    cmark_node_set_user_data(node, (void *)output);
}

void html_mark_left_out(cmark_node *node)
{
    html_mark_tag(node, "<!-- raw HTML omitted -->");
}

void html_mark_bare(cmark_node *paragraph)
{
    cmark_node_set_syntax_extension(paragraph, extension);
}

/*
 * Options to settings.
 */
#include "plugins/articles/site.h"

#include <cmark-gfm.h>
#include <stdio.h>
#include <string.h>

site the_site;

int site_init(void)
{
    site *s = &the_site;
    size_t length = strlen(s->url);

    while (length > 0 && s->url[length - 1] == '/')
        length--;
    if (length > 1024 || strcspn(s->url, " \t\r\n\"<>\\^`{|}?#") < length || !link_host(s->url, s->host))
        return tl_refuse("site_url: expected the site's address, like https://www.example.org, found '%s'", s->url);
    s->url_length = (int)length;
    snprintf(s->renderer, sizeof(s->renderer), "%d cmark-gfm-%s raw_html=%s host=%.255s", MARKDOWN_VERSION,
             cmark_version_string(), s->raw_html ? "yes" : "no", s->host);
    s->rules = (markdown_rules){.site_host = s->host, .raw_html = s->raw_html};
    markdown_init();
    return TL_OK;
}

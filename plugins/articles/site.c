/*
 * Options to settings.
 */
#include "plugins/articles/site.h"

#include <cmark-gfm.h>
#include <stdio.h>

#include "plugins/shared/address.h"

site the_site;

int site_init(void)
{
    site *s = &the_site;

    s->url_length = address_length(s->url);
    if (s->url_length == 0 || !link_host(s->url, s->host))
        return tl_refuse("site_url: " ADDRESS_EXPECTED ", found '%s'", s->url);
    snprintf(s->renderer, sizeof(s->renderer), "%d cmark-gfm-%s raw_html=%s host=%.255s", MARKDOWN_VERSION,
             cmark_version_string(), s->raw_html ? "yes" : "no", s->host);
    s->rules = (markdown_rules){.site_host = s->host, .raw_html = s->raw_html};
    markdown_init();
    return TL_OK;
}

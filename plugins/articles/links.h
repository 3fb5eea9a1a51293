/*
 * What kind of address a URL is. Pure, and only as much of a URL parser as the two questions need: what a URL means is
 * for browsers to say, so the characters that they ignore hide nothing, and what is in doubt is another site.
 */
#ifndef PLUGINS_ARTICLES_LINKS_H
#define PLUGINS_ARTICLES_LINKS_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name in the DNS, and the NUL. */
#define LINK_HOST_SIZE 256

/* Whether following or loading it may run code or read the reader's files: javascript:, vbscript:, file:, data: other
 * than the four kinds of raster image, and their like. */
bool link_is_dangerous(const char *url);

/* The host of a URL that starts with http:// or https://, in lower case, without port. False when there is none. */
bool link_host(const char *url, char host[LINK_HOST_SIZE]);

/* Whether the link leaves the site at `site_host`. Paths, fragments, mailto: and tel: do not. */
bool link_is_external(const char *url, const char *site_host);

#endif

/*
 * The routes' handlers, each in a file of its own: publish.c, read.c, list.c, change.c.
 */
#ifndef PLUGINS_ARTICLES_HANDLERS_H
#define PLUGINS_ARTICLES_HANDLERS_H

#include <talelio/talelio.h>

tl_handler publish_article;
tl_handler read_article;
tl_handler list_articles;
tl_handler change_article;
tl_handler delete_article;

#endif

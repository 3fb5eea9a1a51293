/*
 * What an author may set, and how long it may be (the table's constraints say the same).
 */
#ifndef PLUGINS_ARTICLES_FIELDS_H
#define PLUGINS_ARTICLES_FIELDS_H

#include <talelio/talelio.h>

extern const tl_field fields_to_publish[];
extern const tl_field fields_to_change[];

/* The body as JSON, checked against `fields`; an empty `featured_image` is null. NULL when the request has been
 * answered. */
tl_json *fields_read(tl_request *req, const tl_field *fields);

#endif

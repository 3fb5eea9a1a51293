/*
 * The user that a path names, and how answers show one.
 */
#ifndef PLUGINS_SHARED_USER_H
#define PLUGINS_SHARED_USER_H

#include <talelio/talelio.h>

/*
 * What `sql` finds, whose $1 is the username in the path and whose $2, if it has one, is `second` (else NULL). NULL
 * when the request has been answered: with 404 where there is no row, so a statement that asks for more than the user
 * keeps its row by an outer join. May wait.
 */
tl_rows *user_find(tl_request *req, const char *sql, const char *second);

/* The user in the first row: columns user_id, username, location, avatar_url. */
tl_json *user_json(tl_request *req, tl_rows *rows);

#endif

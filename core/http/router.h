/*
 * Private to core/http: looking up in the router. Building it is in http.h.
 */
#ifndef CORE_HTTP_ROUTER_H
#define CORE_HTTP_ROUTER_H

#include "core/http/http.h"
#include "core/http/path.h"

enum { ROUTE_PARAMETERS = 8, ROUTE_METHODS = TL_DELETE };

typedef struct route_match {
    const route *route; /* NULL: no such path, or not by this method */
    unsigned allow;     /* 1 << method for every route of the path, when there is no route for the method */
    size_t parameters[ROUTE_PARAMETERS]; /* which segments are the values of the route's parameters, in order */
    size_t parameter_count;
} route_match;

void router_find(const router *r, const path_segments *path, tl_method method, route_match *out);

/* All methods that the path has routes for, as in `allow`. */
unsigned router_methods(const router *r, const path_segments *path);

/*
 * Where a secret begins in a target that looks like one of a secret route, whether or not it leads there: a wrong
 * method or a slash too many makes nothing public. Returns what the log shows in its place; NULL when there is no
 * secret.
 */
const char *router_secret(const router *r, const char *target, size_t *at);

/* "GET, HEAD, POST, OPTIONS"; `text` has room for ALLOW_SIZE. */
enum { ALLOW_SIZE = 64 };
const char *router_allow_text(unsigned allow, char *text);

#endif

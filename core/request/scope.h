/*
 * Scopes: parts of a request with memory of their own, one within another.
 */
#ifndef CORE_REQUEST_SCOPE_H
#define CORE_REQUEST_SCOPE_H

#include "core/request/request.h"

typedef struct scope {
    struct scope *outer_scope;
    arena *outer;
    size_t outside; /* before it */
} scope;

/* Ends the innermost one. */
void scope_end(tl_request *req);

#endif

/*
 * Asking for the temporary keys of a role: the container's endpoint, or the instance's metadata service.
 */
#ifndef CORE_OBJECTS_ROLES_H
#define CORE_OBJECTS_ROLES_H

#include "core/objects/driver.h"
#include "core/objects/transfer.h"

typedef struct role_keys {
    const char *access_key, *secret_key, *token;
    int64_t until; /* seconds since 1970 */
} role_keys;

/*
 * Asks whichever the environment names, else the instance. May wait. TL_OK with keys in the request's arena, or
 * TL_UNAVAILABLE with `*problem` for the log.
 */
int roles_ask(tl_request *req, transfers *all, role_keys *keys, const char **problem);

/* A document of either kind; NULL when it is sound, otherwise what is wrong with it. */
const char *roles_read(tl_request *req, const char *text, size_t length, role_keys *keys);

#endif

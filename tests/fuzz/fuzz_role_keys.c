/*
 * The document with a role's temporary keys: what is taken can stand in a header, and has an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/objects/roles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_header(const char *value)
{
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return *value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    role_keys keys = {0};
    tl_request req = {.arena = arena_new(NULL)};
    /* Exactly as long as it is: a byte read behind it is found. */
    char *text = malloc(size ? size : 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    if (!roles_read(&req, text, size, &keys) &&
        (!is_header(keys.access_key) || !is_header(keys.secret_key) || !is_header(keys.token) || keys.until < 0))
        abort();
    free(text);
    arena_free(req.arena);
    return 0;
}

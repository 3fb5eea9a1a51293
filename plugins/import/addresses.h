/*
 * Addresses of images within texts: those of the earlier service's API and bucket become this one's. Pure.
 *
 *     BASE/v1/users/USERNAME/images/FILE        the API
 *     BASE/USER_ID/images/FILE                  the bucket
 */
#ifndef PLUGINS_IMPORT_ADDRESSES_H
#define PLUGINS_IMPORT_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

/* An address that was found. Texts are not terminated. */
typedef struct address {
    const char *text; /* all of it */
    size_t length;
    size_t base; /* bytes of BASE; no slash at its end */
    bool is_api; /* the owner is a user's name, else a user's id */
    const char *owner;
    size_t owner_length;
    const char *file;
    size_t file_length;
} address;

/*
 * The next address of an image at or behind `from`: one that begins with http:// or https:// and goes on like one of
 * the two, whatever its BASE. False: there are no more.
 */
bool address_next(const char *from, address *found);

/*
 * `text` with every address for which `map` gives another one in its place; malloc, NULL when memory is short. `map`
 * returns NULL to leave it as it is.
 */
char *addresses_rewrite(const char *text, const char *(*map)(void *arg, const address *found), void *arg);

#endif

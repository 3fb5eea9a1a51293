/*
 * Which names users can have. Pure.
 */
#ifndef PLUGINS_SHARED_USERNAME_H
#define PLUGINS_SHARED_USERNAME_H

#include <stdbool.h>
#include <string.h>

#define USERNAME_MAX 20

/*
 * 1 to 20 ASCII letters, digits, '-' and '_', as in the database's constraint. What cannot be a name need not be asked
 * for: it may hold bytes that are no text to the database.
 */
static inline bool username_is_possible(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    return length >= 1 && length <= USERNAME_MAX && name[length] == '\0';
}

#endif

/*
 * The texts of prepared statements, numbered for the whole worker. Each connection remembers by number which of them
 * it has prepared. Nothing is ever forgotten here: beyond TEXTS_MAX texts go unprepared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/private.h"

enum { SLOTS = 1024 }; /* a power of two, at least twice TEXTS_MAX */

struct texts {
    uint16_t slots[SLOTS]; /* number + 1 of a text, 0: free */
    uint64_t hashes[TEXTS_MAX];
    char *texts[TEXTS_MAX];
    int count;
    bool told;
};

texts *texts_new(void)
{
    return calloc(1, sizeof(texts));
}

void texts_free(texts *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        free(t->texts[i]);
    free(t);
}

/* FNV-1a. Texts are written by plugin authors, so nobody chooses collisions. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

int texts_number(texts *t, const char *sql, bool *full)
{
    *full = false;
    uint64_t hash = hash_of(sql);
    unsigned at = (unsigned)(hash ^ (hash >> 32)) & (SLOTS - 1);
    for (; t->slots[at]; at = (at + 1) & (SLOTS - 1)) {
        int number = t->slots[at] - 1;
        if (t->hashes[number] == hash && strcmp(t->texts[number], sql) == 0)
            return number;
    }
    char *copy = t->count < TEXTS_MAX ? strdup(sql) : NULL;
    if (!copy) {
        *full = !t->told;
        t->told = true;
        return -1;
    }
    t->hashes[t->count] = hash;
    t->texts[t->count] = copy;
    t->slots[at] = (uint16_t)(t->count + 1);
    return t->count++;
}

void texts_name(int number, uint16_t generation, char name[static 16])
{
    snprintf(name, 16, "t%u_%u", (unsigned)number & 0xffff, generation);
}

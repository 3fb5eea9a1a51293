/*
 * Seals are made over the values, each with its length in front, and not over their JSON: so they do not depend on how
 * a library writes it, and nothing that is read from the file is outside of them.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "plugins/backup/manifest.h"

typedef crypto_generichash_state hash;

static void begin(hash *h, const backup_key *key, const char *kind)
{
    crypto_generichash_init(h, key ? key->manifest : NULL, key ? KEY_BYTES : 0, SEAL_BYTES);
    crypto_generichash_update(h, (const unsigned char *)kind, strlen(kind) + 1);
}

static void add_text(hash *h, const char *text)
{
    char length[24];

    snprintf(length, sizeof length, "%zu:", strlen(text));
    crypto_generichash_update(h, (const unsigned char *)length, strlen(length));
    crypto_generichash_update(h, (const unsigned char *)text, strlen(text));
}

static void add_number(hash *h, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    add_text(h, text);
}

static void end(hash *h, char text[SEAL_TEXT])
{
    unsigned char bytes[SEAL_BYTES];

    crypto_generichash_final(h, bytes, sizeof bytes);
    sodium_bin2hex(text, SEAL_TEXT, bytes, sizeof bytes);
}

static void add_tables(hash *h, const table_list *tables)
{
    add_number(h, (int64_t)tables->count);
    for (size_t i = 0; i < tables->count; i++) {
        add_text(h, tables->items[i].name);
        add_number(h, tables->items[i].rows);
        add_text(h, tables->items[i].sum);
    }
}

void manifest_seal(const manifest *m, const backup_key *key, char text[SEAL_TEXT])
{
    hash h;

    begin(&h, key, "talelio manifest 1");
    add_text(&h, m->name);
    add_number(&h, m->started);
    add_number(&h, m->milliseconds);
    add_number(&h, m->size);
    add_number(&h, m->plain_size);
    add_text(&h, m->sha256);
    add_text(&h, m->key_id);
    add_text(&h, m->server);
    add_text(&h, m->program);
    add_text(&h, m->encoding);
    add_text(&h, m->collate);
    add_text(&h, m->ctype);
    add_number(&h, (int64_t)m->schema_count);
    for (size_t i = 0; i < m->schema_count; i++) {
        add_text(&h, m->schema[i].owner);
        add_number(&h, m->schema[i].number);
    }
    add_tables(&h, &m->tables);
    end(&h, text);
}

void verdict_seal(const verdict *v, const backup_key *key, char text[SEAL_TEXT])
{
    hash h;

    begin(&h, key, "talelio verdict 1");
    add_text(&h, v->name);
    add_text(&h, v->sha256);
    add_number(&h, v->is_good);
    add_number(&h, v->checked);
    add_text(&h, v->reason);
    add_number(&h, v->is_restorable);
    add_number(&h, v->drilled);
    add_number(&h, v->milliseconds);
    add_text(&h, v->drill_reason);
    end(&h, text);
}

bool seal_fits(const char *wanted, const char *found)
{
    return strlen(wanted) == strlen(found) && sodium_memcmp(wanted, found, strlen(wanted)) == 0;
}

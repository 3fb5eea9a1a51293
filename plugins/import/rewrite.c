/*
 * The third step: addresses of images that have been taken over, within bodies, featured images and avatars, become
 * those under which this API serves them. A text that has been changed here since stays as it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/addresses.h"
#include "plugins/import/import.h"

/* Where addresses are mapped, and what came of it. */
typedef struct mapping {
    tl_request *req;
    import_run *run;
    const char *what; /* "article 3" */
} mapping;

static const char select_texts[] = "SELECT id, user_id, body, nullif(featured_image, '') AS featured_image FROM article"
                                   " WHERE id > $1::bigint ORDER BY id LIMIT 100";

static const char select_avatars[] =
    "SELECT id, avatar_url FROM \"user\" WHERE avatar_url LIKE 'http%' AND id > $1::bigint ORDER BY id LIMIT 100";

static bool is_base(const char *text, size_t length, const char *base)
{
    size_t wanted = strlen(base);

    while (wanted > 0 && base[wanted - 1] == '/')
        wanted--;
    return wanted == length && memcmp(text, base, length) == 0;
}

/* Whether images of the earlier service had addresses that begin like this. */
static bool is_known_base(tl_request *req, const address *found)
{
    for (size_t i = 0; i < the_import.image_addresses.count; i++)
        if (is_base(found->text, found->base, the_import.image_addresses.items[i]))
            return true;
    const char *bucket = tl_object_url(req, the_import.store, "x");
    return !found->is_api && bucket &&
           is_base(found->text, found->base, tl_copy_bytes(req, bucket, strlen(bucket) - 2));
}

static const import_user *owner_of(const import_run *run, const address *found)
{
    if (found->is_api)
        return import_user_named(run, found->owner, found->owner_length);
    return found->owner_length > 18 ? NULL : import_user_of(run, strtoll(found->owner, NULL, 10));
}

/* The address here; NULL when there is none. */
static const char *address_here(tl_request *req, const import_run *run, const address *found)
{
    const import_user *owner = owner_of(run, found);
    const char *file = tl_copy_bytes(req, found->file, found->file_length);

    if (!owner || !import_has_image(run, tl_format(req, "%" PRId64 "/images/%s", owner->id, file)))
        return NULL;
    return import_media->address(req, owner->username, file);
}

static const char *map(void *arg, const address *found)
{
    mapping *m = arg;
    const char *here = address_here(m->req, m->run, found);

    if (here && is_known_base(m->req, found))
        return here;
    /* The address may be right already: when the API keeps its name. */
    if (here && strlen(here) == found->length && memcmp(here, found->text, found->length) == 0)
        return NULL;
    m->run->unmapped++;
    printf("%s: the address of an image stays as it is, %s: %.*s\n", m->what,
           here ? "as [plugin:import] image_addresses does not know it" : "as no such image was taken over",
           (int)found->length, found->text);
    return NULL;
}

/* The text itself when nothing in it changes. */
static const char *rewritten(tl_request *req, mapping *m, const char *text)
{
    if (!text)
        return NULL;
    char *made = addresses_rewrite(text, map, m);
    if (!made)
        abort(); /* as everywhere when memory is short */
    const char *result = strcmp(made, text) == 0 ? text : tl_copy(req, made);
    free(made);
    return result;
}

/* Counts what a statement has done: `rows` tells whether the row has the old text, and whether it has the new one. */
static int count(tl_request *req, import_run *run, tl_rows *rows)
{
    if (!rows)
        return import_fail_query(req, run);
    if (tl_row_count(rows) > 0 && tl_row_bool(rows, 0, "is_old"))
        run->addresses.taken++;
    else if (tl_row_count(rows) > 0 && tl_row_bool(rows, 0, "is_new"))
        run->addresses.present++;
    return TL_OK;
}

/* $1 id, $2 and $3 the texts before, $4 and $5 behind */
static const char compare_article[] =
    "SELECT body = $2 AND featured_image IS NOT DISTINCT FROM $3 AS is_old,"
    " body = $4 AND featured_image IS NOT DISTINCT FROM $5 AS is_new FROM articles WHERE id = $1::bigint";
static const char change_article[] =
    "UPDATE articles SET body = $4, featured_image = $5, html = '', table_of_contents = '', renderer = ''"
    " WHERE id = $1::bigint AND body = $2 AND featured_image IS NOT DISTINCT FROM $3";

static int rewrite_article(tl_request *req, import_run *run, const PGresult *rows, int row)
{
    const char *id = source_text(rows, row, "id"), *body = source_text(rows, row, "body");
    const char *image = source_text(rows, row, "featured_image");
    mapping m = {.req = req, .run = run, .what = tl_format(req, "article %s", id)};

    if (!import_has_article(run, source_int(rows, row, "id")))
        return TL_OK;
    const char *new_body = rewritten(req, &m, body), *new_image = rewritten(req, &m, image);
    if (new_body == body && new_image == image)
        return TL_OK;
    /* In a dry run the article need not be here yet. */
    tl_rows *here = tl_query(req, compare_article, id, body, image, new_body, new_image);
    if (here && tl_row_count(here) == 0 && run->is_dry) {
        run->addresses.taken++;
        return TL_OK;
    }
    if (here && !run->is_dry && !tl_query(req, change_article, id, body, image, new_body, new_image)) {
        if (tl_db_error_of(req) != TL_DB_CHECK)
            return import_fail_query(req, run);
        import_leave(&run->addresses, m.what, "with the new addresses of its images it would be too long");
        return TL_OK;
    }
    return count(req, run, here);
}

static int rewrite_avatar(tl_request *req, import_run *run, const PGresult *rows, int row)
{
    const char *id = source_text(rows, row, "id"), *avatar = source_text(rows, row, "avatar_url");
    mapping m = {.req = req, .run = run, .what = tl_format(req, "user %s", id)};

    if (!import_user_of(run, source_int(rows, row, "id")))
        return TL_OK;
    const char *new_avatar = rewritten(req, &m, avatar);
    if (new_avatar == avatar)
        return TL_OK;
    tl_rows *here = tl_query(req,
                             "SELECT avatar_url = $2 AS is_old, avatar_url = $3 AS is_new FROM users"
                             " WHERE id = $1::bigint",
                             id, avatar, new_avatar);
    if (here && tl_row_count(here) == 0 && run->is_dry) {
        run->addresses.taken++;
        return TL_OK;
    }
    if (here && !run->is_dry &&
        !tl_query(req, "UPDATE users SET avatar_url = $3 WHERE id = $1::bigint AND avatar_url = $2", id, avatar,
                  new_avatar))
        return import_fail_query(req, run);
    return count(req, run, here);
}

int import_addresses(tl_request *req, import_run *run)
{
    int result = source_open(req, &run->source, the_import.database_url);

    if (result != TL_OK)
        return import_fail(run, result, run->source.error);
    result = import_walk_rows(req, run, select_texts, rewrite_article);
    if (result == TL_OK)
        result = import_walk_rows(req, run, select_avatars, rewrite_avatar);
    source_close(&run->source);
    return result;
}

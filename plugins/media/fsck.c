/*
 * `talelio media fsck [--repair]`: compares rows with objects, a page at a time.
 *
 * Objects whose keys are none of an image are told of and never touched: the bucket may hold other things.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/media/media.h"
#include "plugins/media/name.h"
#include "plugins/media/remains.h"

enum { PAGE = 1000, KEY_SIZE = 1025 };

typedef struct fsck {
    bool repair;
    int64_t objects, rows; /* seen */
    int64_t orphans, missing, foreign;
    int64_t removed;
    char after[KEY_SIZE]; /* the last key seen, "" before the first */
    char user[24];        /* the last row seen */
    char file[NAME_MAX_LENGTH + 1];
} fsck;

/* What of a key is the user's id and the file; false for a key that is none of an image. */
static bool split_key(tl_request *req, const char *key, const char **user, const char **file)
{
    size_t digits = strspn(key, "0123456789");
    bool fits = digits > 0 && digits < 19 && key[0] != '0' && strncmp(key + digits, "/images/", 8) == 0;

    if (!fits || !name_is_possible(key + digits + 8))
        return false;
    *user = tl_copy_bytes(req, key, digits);
    *file = key + digits + 8;
    return true;
}

static void orphan(tl_request *req, fsck *f, const tl_object *object)
{
    bool old = object->modified < tl_now() - REMAINS_AGE_MICROSECONDS;
    bool removed = f->repair && old && tl_object_delete(req, the_media.store, object->key) == TL_OK;

    f->orphans++;
    f->removed += removed;
    printf("object without image: %s (%" PRId64 " bytes)%s\n", object->key, object->size,
           removed            ? ", removed"
           : f->repair && old ? ", could not be removed"
           : f->repair        ? ", kept: younger than an hour"
                              : "");
}

static const char select_orphans[] =
    "SELECT k.n FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS k (user_id, file, n)"
    " WHERE NOT EXISTS (SELECT FROM images i WHERE i.user_id = k.user_id AND i.file = k.file)";

/* The next page of objects; TL_NOT_FOUND behind the last one. */
static int walk_objects(tl_request *req, void *state)
{
    fsck *f = state;
    tl_object_list page;
    int result = tl_object_list_keys(req, the_media.store, "", *f->after ? f->after : NULL, PAGE, &page);
    if (result != TL_OK)
        return result == TL_NOT_FOUND ? TL_ERROR : result;
    const char **users = tl_alloc(req, (page.count + 1) * sizeof *users);
    const char **files = tl_alloc(req, (page.count + 1) * sizeof *files);
    const tl_object **images = tl_alloc(req, (page.count + 1) * sizeof *images);
    size_t count = 0;
    f->objects += (int64_t)page.count;
    for (size_t i = 0; i < page.count; i++) {
        if (split_key(req, page.items[i].key, &users[count], &files[count])) {
            images[count++] = &page.items[i];
        } else {
            f->foreign++;
            printf("no key of an image, left alone: %s\n", page.items[i].key);
        }
    }
    tl_rows *rows = tl_query(req, select_orphans, text_array(req, users, count), text_array(req, files, count));
    if (!rows)
        return TL_ERROR;
    for (size_t row = 0; row < tl_row_count(rows); row++)
        orphan(req, f, images[tl_row_int(rows, row, "n") - 1]);
    if (!page.next)
        return TL_NOT_FOUND;
    snprintf(f->after, sizeof f->after, "%s", page.next);
    return TL_OK;
}

/* The objects of one user, in order. */
typedef struct walker {
    const char *prefix;
    tl_object_list page;
    size_t at;
} walker;

/* Goes to the first object that does not come before `key`. `*same`: it is that one. */
static int walker_find(tl_request *req, walker *w, const char *key, bool *same)
{
    *same = false;
    for (;;) {
        while (w->at < w->page.count) {
            int order = strcmp(w->page.items[w->at].key, key);
            *same = order == 0;
            if (order >= 0)
                return TL_OK;
            w->at++;
        }
        if (!w->page.next)
            return TL_OK;
        w->at = 0;
        int result = tl_object_list_keys(req, the_media.store, w->prefix, w->page.next, PAGE, &w->page);
        if (result != TL_OK)
            return result;
    }
}

static int missing(tl_request *req, fsck *f, const char *key, const char *id)
{
    /* The list is some moments old. */
    tl_object about;
    int result = tl_object_head(req, the_media.store, key, &about);
    if (result != TL_NOT_FOUND)
        return result;
    bool removed = f->repair && tl_query(req, "DELETE FROM images WHERE id = $1::bigint", id);
    f->missing++;
    f->removed += removed;
    printf("image without object: %s%s\n", key, removed ? ", removed" : f->repair ? ", could not be removed" : "");
    return TL_OK;
}

static const char select_rows[] =
    "SELECT id, user_id, file FROM images WHERE ready AND (user_id, file) > ($1::bigint, $2::text)"
    " ORDER BY user_id, file LIMIT 1000";

/* The next page of rows, each compared with its user's objects. */
static int walk_rows(tl_request *req, void *state)
{
    fsck *f = state;
    walker w = {0};
    tl_rows *rows = tl_query(req, select_rows, f->user, f->file);
    if (!rows)
        return TL_ERROR;
    size_t count = tl_row_count(rows);
    f->rows += (int64_t)count;
    for (size_t row = 0; row < count; row++) {
        const char *user = tl_row_text(rows, row, "user_id"), *file = tl_row_text(rows, row, "file");
        const char *key = tl_format(req, "%s/images/%s", user, file);
        bool same;
        if (!w.prefix || strcmp(user, f->user) != 0) {
            w = (walker){.prefix = tl_format(req, "%s/images/", user)};
            /* Objects up to the row before have been compared. */
            w.page.next = strcmp(user, f->user) == 0 ? tl_format(req, "%s%s", w.prefix, f->file) : w.prefix;
        }
        int result = walker_find(req, &w, key, &same);
        if (result == TL_OK && !same)
            result = missing(req, f, key, tl_row_text(rows, row, "id"));
        if (result != TL_OK)
            return result == TL_NOT_FOUND ? TL_ERROR : result;
        snprintf(f->user, sizeof f->user, "%s", user);
        snprintf(f->file, sizeof f->file, "%s", file);
    }
    return count == PAGE ? TL_OK : TL_NOT_FOUND;
}

static void tell_remains(const char *key, bool removed)
{
    printf("interrupted upload: %s%s\n", key, removed ? ", removed" : "");
}

static int walk(tl_request *req, fsck *f, int (*page)(tl_request *req, void *state))
{
    int result;

    do
        result = tl_scoped(req, page, f);
    while (result == TL_OK);
    return result == TL_NOT_FOUND ? TL_OK : result;
}

static int check(tl_request *req, bool repair)
{
    fsck f = {.repair = repair, .user = "0"};
    remains r = {.repair = repair, .tell = tell_remains};
    int result = remains_walk(req, &r);

    if (result == TL_OK)
        result = walk(req, &f, walk_rows);
    if (result == TL_OK)
        result = walk(req, &f, walk_objects);
    if (result != TL_OK) {
        fflush(stdout);
        fprintf(stderr, "talelio media: the %s; see the log\n",
                tl_db_error_of(req) != TL_DB_OK ? "database failed"
                : result == TL_DENIED           ? "storage refused the request"
                : result == TL_UNAVAILABLE      ? "storage cannot be reached"
                                                : "storage failed");
        return 1;
    }
    int64_t found = f.orphans + f.missing + r.found, removed = f.removed + r.removed;
    printf("%" PRId64 " images, %" PRId64 " objects: %" PRId64 " images without object, %" PRId64
           " objects without image, %" PRId64 " interrupted uploads; %" PRId64 " removed\n",
           f.rows, f.objects, f.missing, f.orphans, r.found, removed);
    if (found > 0 && !repair)
        puts("`talelio media fsck --repair` removes them");
    return found == removed ? 0 : 1;
}

int media_command(tl_request *req, int argc, char **argv)
{
    bool repair = argc == 3 && strcmp(argv[2], "--repair") == 0;

    if (argc < 2 || strcmp(argv[1], "fsck") != 0 || argc > 3 || (argc == 3 && !repair)) {
        fputs("talelio media: expected 'fsck' or 'fsck --repair'\nusage: talelio media fsck [--repair]\n", stderr);
        return 1;
    }
    return check(req, repair);
}

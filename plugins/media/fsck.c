/*
 * `talelio media fsck [--repair] [--types]`: compares rows with objects, a page at a time.
 *
 * Objects whose keys are none of an image are told of and never touched: the bucket may hold other things.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/media/media.h"
#include "plugins/media/name.h"
#include "plugins/media/object.h"
#include "plugins/media/remains.h"

enum { PAGE = 1000, KEY_SIZE = 1025 };

typedef struct fsck {
    bool repair;
    bool types;            /* the objects' types too: a request to the storage for each image */
    int64_t objects, rows; /* seen */
    int64_t orphans, missing, damaged, mistyped;
    int64_t repaired;
    char after[KEY_SIZE]; /* the last key seen, "" before the first */
    char user[24];        /* the last row seen */
    char file[NAME_LONGEST + 1];
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

/* Ends the line that tells of a difference. */
static void told(fsck *f, int64_t *differences, bool repaired, const char *how)
{
    ++*differences;
    f->repaired += repaired;
    printf("%s%s\n", repaired ? ", " : f->repair ? ", could not be " : "", repaired || f->repair ? how : "");
}

static void orphan(tl_request *req, fsck *f, const tl_object *object)
{
    bool old = object->modified < tl_now() - REMAINS_AGE_MICROSECONDS;

    /* No upload to this server has left it: it may still be taken over. */
    if (!name_is_made(strrchr(object->key, '/') + 1)) {
        printf("no key of an image, left alone: %s\n", object->key);
        return;
    }
    printf("object without image: %s (%" PRId64 " bytes)", object->key, object->size);
    if (f->repair && !old) {
        f->orphans++;
        puts(", kept: younger than an hour");
        return;
    }
    told(f, &f->orphans, f->repair && tl_object_delete(req, the_media.store, object->key) == TL_OK, "removed");
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

/* Finds the object of a key behind the last one that was asked for; `*found` is NULL when there is none. */
static int walker_find(tl_request *req, walker *w, const char *key, const tl_object **found)
{
    *found = NULL;
    for (;;) {
        while (w->at < w->page.count) {
            const tl_object *object = &w->page.items[w->at];
            int order = strcmp(object->key, key);
            if (order == 0)
                *found = object;
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

static bool remove_row(tl_request *req, const char *id)
{
    return tl_query(req, "DELETE FROM images WHERE id = $1::bigint", id) != NULL;
}

/* Asks the storage for what it has under the key of a row: a list is some moments old, and has no types. */
static int compare(tl_request *req, fsck *f, const char *key, tl_rows *rows, size_t row)
{
    const char *id = tl_row_text(rows, row, "id"), *type = tl_row_text(rows, row, "content_type");
    int64_t size = tl_row_int(rows, row, "size");
    tl_object about;

    int result = tl_object_head(req, the_media.store, key, &about);
    if (result == TL_NOT_FOUND) {
        printf("image without object: %s", key);
        told(f, &f->missing, f->repair && remove_row(req, id), "removed");
    } else if (result != TL_OK) {
        return result;
    } else if (about.size != size) {
        /* A name never gets other bytes, so this is no image any more that anybody has uploaded. */
        printf("image of another size: %s (%" PRId64 " bytes instead of %" PRId64 ")", key, about.size, size);
        told(f, &f->damaged, f->repair && tl_object_delete(req, the_media.store, key) == TL_OK && remove_row(req, id),
             "removed");
    } else if (f->types && strcmp(about.content_type, type) != 0) {
        const tl_object_options right = image_object(type);
        printf("image of another type: %s (%s instead of %s)", key, about.content_type, type);
        told(f, &f->mistyped, f->repair && tl_object_copy(req, the_media.store, key, key, &right) == TL_OK,
             "put right");
    }
    return TL_OK;
}

static const char select_rows[] =
    "SELECT id, user_id, file, size, content_type FROM images"
    " WHERE ready AND (user_id, file) > ($1::bigint, $2::text) ORDER BY user_id, file LIMIT 1000";

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
        const tl_object *found;
        if (!w.prefix || strcmp(user, f->user) != 0) {
            w = (walker){.prefix = tl_format(req, "%s/images/", user)};
            /* Objects up to the row before have been compared. */
            w.page.next = strcmp(user, f->user) == 0 ? tl_format(req, "%s%s", w.prefix, f->file) : w.prefix;
        }
        int result = walker_find(req, &w, key, &found);
        if (result == TL_OK && (f->types || !found || found->size != tl_row_int(rows, row, "size")))
            result = compare(req, f, key, rows, row);
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

/*
 * Whether the storage has at least one of some images. One that has none is another one, or a disk that is not mounted,
 * and repairing would take all images away.
 */
static int recognize(tl_request *req, bool *known)
{
    tl_rows *rows = tl_query(req, "SELECT user_id, file FROM images WHERE ready ORDER BY id LIMIT 100");
    int result = rows ? TL_OK : TL_ERROR;
    size_t count = rows ? tl_row_count(rows) : 0;

    *known = count == 0;
    for (size_t row = 0; row < count && !*known && result == TL_OK; row++) {
        tl_object about;
        const char *key = image_key(req, tl_row_int(rows, row, "user_id"), tl_row_text(rows, row, "file"));
        result = tl_object_head(req, the_media.store, key, &about);
        *known = result == TL_OK;
        if (result == TL_NOT_FOUND)
            result = TL_OK;
    }
    return result;
}

static int fail(tl_request *req, int result)
{
    fflush(stdout);
    fprintf(stderr, "talelio media: the %s; see the log\n",
            tl_db_error_of(req) != TL_DB_OK ? "database failed"
            : result == TL_DENIED           ? "storage refused the request"
            : result == TL_UNAVAILABLE      ? "storage cannot be reached"
                                            : "storage failed");
    return 1;
}

static int check(tl_request *req, fsck *f)
{
    remains r = {.repair = f->repair, .tell = tell_remains};
    bool known = true;
    int result = f->repair ? recognize(req, &known) : TL_OK;

    if (!known && result == TL_OK) {
        fputs("talelio media: the storage has none of the images: is it the right one? Nothing has been changed\n",
              stderr);
        return 1;
    }
    if (result == TL_OK)
        result = remains_walk(req, &r);
    if (result == TL_OK)
        result = walk(req, f, walk_rows);
    if (result == TL_OK)
        result = walk(req, f, walk_objects);
    if (result != TL_OK)
        return fail(req, result);
    int64_t found = f->orphans + f->missing + f->damaged + f->mistyped + r.found;
    int64_t repaired = f->repaired + r.removed;
    printf("%" PRId64 " images, %" PRId64 " objects: %" PRId64 " images without object, %" PRId64
           " of another size, %" PRId64 " of another type, %" PRId64 " objects without image, %" PRId64
           " interrupted uploads; %" PRId64 " repaired\n",
           f->rows, f->objects, f->missing, f->damaged, f->mistyped, f->orphans, r.found, repaired);
    if (found > 0 && !f->repair)
        puts("`talelio media fsck --repair` repairs that: it removes what is not whole");
    return found == repaired ? 0 : 1;
}

int media_command(tl_request *req, int argc, char **argv)
{
    fsck f = {.user = "0"};
    bool known = argc >= 2 && strcmp(argv[1], "fsck") == 0;

    for (int i = 2; i < argc && known; i++) {
        bool repair = strcmp(argv[i], "--repair") == 0, types = strcmp(argv[i], "--types") == 0;
        known = repair || types;
        f.repair = f.repair || repair;
        f.types = f.types || types;
    }
    if (!known) {
        fputs("talelio media: expected 'fsck', and '--repair' or '--types' behind it\n"
              "usage: talelio media fsck [--repair] [--types]\n",
              stderr);
        return 1;
    }
    return check(req, &f);
}

/*
 * The service media.v1: objects that come from elsewhere become images. As of uploads, only what is part of the picture
 * is kept, in the same place too.
 *
 * The object is in its place before its row is there, and the row is ready at once: an interruption leaves no row that
 * media_sweep would take for what is left of an upload, together with an object that may be the only one.
 */
#include <inttypes.h>
#include <sodium.h>

#include "plugins/media/image.h"
#include "plugins/media/media.h"
#include "plugins/media/name.h"
#include "plugins/media/object.h"
#include "plugins/shared/sha256.h"

typedef struct inspection {
    const unsigned char *bytes;
    size_t length;
    const image_rules *rules;
    image about;
    image_status status;
    unsigned char hash[SHA256_BYTES];
} inspection;

typedef struct adoption {
    const tl_media_find *find;
    const char *key;    /* in the store of images */
    const char *user;   /* the id, as text */
    bool is_in_place;   /* the object need not be copied */
    inspection content; /* once it was read */
    tl_media_outcome *outcome;
    const char **problem;
} adoption;

static void inspect(void *inspection_arg)
{
    inspection *i = inspection_arg;

    i->status = image_read(i->bytes, i->length, i->rules, &i->about);
    if (i->status == IMAGE_OK)
        sha256_of(i->about.kept.bytes, i->about.kept.length, i->hash);
}

static void release(void *inspection_arg)
{
    inspection *i = inspection_arg;

    image_release(&i->about);
}

/* Nothing has to be left out of it. */
static bool is_kept_whole(const inspection *i)
{
    return !i->about.kept.copy && i->about.kept.length == i->length;
}

static int refuse(adoption *a, const char *problem)
{
    *a->outcome = TL_MEDIA_REFUSED;
    *a->problem = problem;
    return TL_OK;
}

static int fail_query(tl_request *req)
{
    tl_db_error error = tl_db_error_of(req);

    return error == TL_DB_UNAVAILABLE ? TL_UNAVAILABLE : error == TL_DB_CANCELLED ? TL_CANCELLED : TL_ERROR;
}

/* Two stores may be one bucket. */
static bool is_same_place(tl_request *req, const adoption *a)
{
    const char *from = tl_object_url(req, a->find->store, a->find->object->key);
    const char *to = tl_object_url(req, the_media.store, a->key);

    return strcmp(a->find->object->key, a->key) == 0 &&
           (a->find->store == the_media.store || (from && to && strcmp(from, to) == 0));
}

/* Stores the object again, with its own bytes, as uploads are stored. */
static int put_right(tl_request *req, const adoption *a, const char *content_type)
{
    const tl_object_options options = image_object(content_type);

    return tl_object_copy(req, the_media.store, a->key, a->key, &options);
}

/*
 * An image whose object has not been touched since its row was made: an interruption may have come before put_right.
 */
static int finish(tl_request *req, const adoption *a, const char *content_type)
{
    tl_object about;
    int result = tl_object_head(req, the_media.store, a->key, &about);

    return result == TL_OK && strcmp(about.content_type, content_type) != 0 ? put_right(req, a, content_type) : result;
}

static const char select_row[] = "SELECT ready, content_type, created_at = $3::timestamptz AS untouched"
                                 " FROM images WHERE user_id = $1::bigint AND file = $2";

/* Whether the name is taken, and by what; then the outcome is there. */
static int look(tl_request *req, adoption *a, bool *taken)
{
    const tl_object *object = a->find->object;
    tl_rows *rows = tl_query(req, select_row, a->user, a->find->file, tl_time_text(req, object->modified));

    if (!rows)
        return fail_query(req);
    *taken = tl_row_count(rows) > 0;
    if (!*taken)
        return TL_OK;
    if (!tl_row_bool(rows, 0, "ready"))
        return refuse(a, "an upload of this name has been interrupted: try again in an hour");
    bool untouched = tl_row_bool(rows, 0, "untouched");
    if (!a->is_in_place && !untouched)
        return refuse(a, "the user has another image of this name");
    *a->outcome = TL_MEDIA_PRESENT;
    if (a->is_in_place && !a->find->dry_run && untouched)
        return finish(req, a, tl_row_text(rows, 0, "content_type"));
    return TL_OK;
}

/* Reads the object and finds out what it is. */
static int examine_object(tl_request *req, adoption *a, tl_object *about)
{
    const tl_media_find *find = a->find;
    const void *bytes;

    int result = tl_object_get(req, find->store, find->object->key, (size_t)the_media.max_file_size, &bytes, about);
    if (result != TL_OK)
        return result;
    a->content = (inspection){.bytes = bytes, .length = (size_t)about->size, .rules = &the_media.rules};
    tl_defer(req, release, &a->content);
    result = tl_blocking(req, inspect, &a->content);
    if (result != TL_OK)
        return result;
    if (a->content.status == IMAGE_TOO_LARGE)
        return refuse(a, "it has more pixels or frames than [plugin:media] allows");
    if (a->content.status != IMAGE_OK)
        return refuse(a, tl_format(req, "it %s", a->content.about.problem));
    return TL_OK;
}

static const char insert_row[] =
    "INSERT INTO images (user_id, file, content_type, size, width, height, frames, sha256, ready, created_at)"
    " VALUES ($1::bigint, $2, $3, $4::bigint, $5::integer, $6::integer, $7::integer, decode($8, 'hex'), true,"
    " $9::timestamptz)";

static int insert(tl_request *req, adoption *a)
{
    const inspection *content = &a->content;
    char hash[2 * SHA256_BYTES + 1];

    sodium_bin2hex(hash, sizeof hash, content->hash, sizeof content->hash);
    if (tl_query(req, insert_row, a->user, a->find->file, image_content_type(content->about.type),
                 tl_format(req, "%zu", content->about.kept.length), tl_format(req, "%" PRIu32, content->about.width),
                 tl_format(req, "%" PRIu32, content->about.height), tl_format(req, "%" PRIu32, content->about.frames),
                 hash, tl_time_text(req, a->find->object->modified)))
        return TL_OK;
    switch (tl_db_error_of(req)) {
    case TL_DB_FOREIGN_KEY:
        return refuse(a, "its user does not exist");
    case TL_DB_UNIQUE:
        return refuse(a, "another image of this name has just been stored");
    default:
        return fail_query(req);
    }
}

static int take(tl_request *req, adoption *a, const tl_object *about)
{
    const char *content_type = image_content_type(a->content.about.type);
    const output *kept = &a->content.about.kept;
    bool as_it_is = a->is_in_place && is_kept_whole(&a->content);
    int result = TL_OK;

    if (!as_it_is) {
        const tl_object_options options = image_object(content_type);
        result = tl_object_put(req, the_media.store, a->key, kept->bytes, kept->length, &options);
    }
    if (result == TL_OK)
        result = insert(req, a);
    if (result == TL_OK && *a->outcome == TL_MEDIA_TAKEN && as_it_is && strcmp(about->content_type, content_type) != 0)
        result = put_right(req, a, content_type);
    return result;
}

static int adopt(tl_request *req, const tl_media_find *find, tl_media_outcome *outcome, const char **problem)
{
    adoption *a = tl_alloc(req, sizeof *a);
    bool taken = false;
    tl_object about;

    *outcome = TL_MEDIA_TAKEN;
    *a = (adoption){.find = find, .outcome = outcome, .problem = problem};
    if (!name_is_possible(find->file))
        return refuse(a, "no image can have this name");
    a->key = image_key(req, find->user_id, find->file);
    a->user = tl_format(req, "%" PRId64, find->user_id);
    a->is_in_place = is_same_place(req, a);
    int result = look(req, a, &taken);
    if (result != TL_OK || taken)
        return result;
    if (find->object->size > the_media.max_file_size)
        return refuse(a, tl_format(req, "it has %" PRId64 " bytes; [plugin:media] max_file_size allows %" PRId64,
                                   find->object->size, the_media.max_file_size));
    result = examine_object(req, a, &about);
    if (result != TL_OK || *outcome == TL_MEDIA_REFUSED || find->dry_run)
        return result;
    return take(req, a, &about);
}

const tl_media_v1 media_service = {sizeof media_service, adopt, image_url};

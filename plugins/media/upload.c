/*
 * POST /v1/assets/images: a form of image files, stored all or none.
 *
 * Rows come first, not ready: whatever ends the request between here and the last statement, the rows tell which
 * objects may be there, and media_sweep takes both away.
 */
#include <inttypes.h>
#include <sodium.h>

#include "plugins/media/examine.h"
#include "plugins/media/media.h"
#include "plugins/media/object.h"

typedef struct upload {
    const examined_file *files;
    size_t count;
    int64_t user_id;
    const char *user;       /* the same, as text */
    const char **names;     /* of the files, as they are kept */
    const char *names_text; /* as an array of PostgreSQL */
} upload;

/* Answers for a form that is not accepted. */
static int refuse(tl_request *req, const examination *e)
{
    switch (e->status) {
    case EXAMINE_TOO_MANY_PARTS:
        return tl_fail(req, 400, "The form has too many parts");
    case EXAMINE_TOO_MANY_FILES:
        return tl_fail(req, 400, "Expected at most %" PRId64 " image files", the_media.max_files);
    case EXAMINE_TOO_LARGE:
        return tl_fail(req, 400, "One or more image file sizes are too large: %s", e->problem);
    case EXAMINE_INVALID_TYPE:
        return tl_fail(req, 400, "One or more image files are of invalid type: %s", e->problem);
    default:
        return tl_fail(req, 400, "Request body is not a valid form");
    }
}

/* Reads the body; NULL when the request has been answered. */
static const examination *read_form(tl_request *req)
{
    const char *type = tl_header(req, "Content-Type");
    char *boundary = tl_alloc(req, MULTIPART_BOUNDARY_MAX + 1);
    examination *e = tl_alloc(req, sizeof *e);

    e->body = tl_body(req, &e->length);
    if (e->length == 0) {
        tl_fail(req, 400, "Missing request body");
        return NULL;
    }
    if (!type || !multipart_is_form(type)) {
        tl_fail(req, 415, "Expected Content-Type multipart/form-data");
        return NULL;
    }
    if (!multipart_boundary(type, boundary)) {
        tl_fail(req, 400, "Expected a boundary in the Content-Type");
        return NULL;
    }
    e->boundary = boundary;
    e->max_file_size = (size_t)the_media.max_file_size;
    e->max_files = (size_t)the_media.max_files;
    e->rules = the_media.rules;
    e->files = tl_alloc(req, e->max_files * sizeof *e->files);
    tl_defer(req, examination_release, e);
    int result = tl_blocking(req, examine, e);
    if (result != TL_OK) {
        tl_fail_service(req, "examining images", result);
        return NULL;
    }
    if (e->status != EXAMINE_OK) {
        refuse(req, e);
        return NULL;
    }
    if (e->count == 0) {
        tl_fail(req, 400, "Expected at least one image file");
        return NULL;
    }
    return e;
}

static void name_files(tl_request *req, upload *u)
{
    u->names = tl_alloc(req, u->count * sizeof *u->names);
    for (size_t i = 0; i < u->count; i++) {
        unsigned char random[NAME_RANDOM];
        char *name = tl_alloc(req, NAME_MAX_LENGTH + 1);
        randombytes_buf(random, sizeof random);
        name_make(u->files[i].stem, random, image_extension(u->files[i].about.type), name);
        u->names[i] = name;
    }
    u->names_text = text_array(req, u->names, u->count);
}

static int fail_no_user(tl_request *req)
{
    return tl_fail(req, 403, "The user does not exist any more");
}

static const char insert_rows[] =
    "INSERT INTO images (user_id, file, content_type, size, width, height, frames, sha256)"
    " SELECT $1::bigint, f.file, f.content_type, f.size, f.width, f.height, f.frames, decode(f.sha256, 'hex')"
    " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[], $6::integer[], $7::integer[], $8::text[])"
    " AS f (file, content_type, size, width, height, frames, sha256)";

static tl_rows *store_rows(tl_request *req, const upload *u)
{
    enum { TYPE, SIZE, WIDTH, HEIGHT, FRAMES, HASH, COLUMNS };
    const char **columns[COLUMNS];
    const char *texts[COLUMNS];

    for (size_t c = 0; c < COLUMNS; c++)
        columns[c] = tl_alloc(req, u->count * sizeof **columns);
    for (size_t i = 0; i < u->count; i++) {
        const examined_file *file = &u->files[i];
        char hash[2 * SHA256_BYTES + 1];
        columns[TYPE][i] = image_content_type(file->about.type);
        columns[SIZE][i] = tl_format(req, "%zu", file->about.kept.length);
        columns[WIDTH][i] = tl_format(req, "%" PRIu32, file->about.width);
        columns[HEIGHT][i] = tl_format(req, "%" PRIu32, file->about.height);
        columns[FRAMES][i] = tl_format(req, "%" PRIu32, file->about.frames);
        columns[HASH][i] = tl_copy(req, sodium_bin2hex(hash, sizeof hash, file->hash, sizeof file->hash));
    }
    for (size_t c = 0; c < COLUMNS; c++)
        texts[c] = text_array(req, columns[c], u->count);
    return tl_query(req, insert_rows, u->user, u->names_text, texts[TYPE], texts[SIZE], texts[WIDTH], texts[HEIGHT],
                    texts[FRAMES], texts[HASH]);
}

static bool delete_rows(tl_request *req, const upload *u)
{
    return tl_query(req, "DELETE FROM images WHERE user_id = $1::bigint AND file = ANY ($2::text[])", u->user,
                    u->names_text) != NULL;
}

/* False when an object may still be there. */
static bool delete_objects(tl_request *req, const upload *u, size_t count)
{
    bool gone = true;

    for (size_t i = 0; i < count; i++)
        gone = tl_object_delete(req, the_media.store, image_key(req, u->user_id, u->names[i])) == TL_OK && gone;
    return gone;
}

/* The number of objects that are there; with an error also the last one may be. */
static int put_objects(tl_request *req, const upload *u, size_t *count)
{
    int result = TL_OK;

    for (*count = 0; *count < u->count && result == TL_OK; ++*count) {
        const examined_file *file = &u->files[*count];
        const tl_object_options options = image_object(image_content_type(file->about.type));
        result = tl_object_put(req, the_media.store, image_key(req, u->user_id, u->names[*count]),
                               file->about.kept.bytes, file->about.kept.length, &options);
    }
    return result;
}

/* The last step. It may have happened although the answer says no: the rows decide. */
static int make_ready(tl_request *req, const upload *u)
{
    tl_rows *rows =
        tl_query(req, "UPDATE images SET ready = true WHERE user_id = $1::bigint AND file = ANY ($2::text[])", u->user,
                 u->names_text);
    if (rows && tl_rows_affected(rows) == (int64_t)u->count)
        return TL_OK;
    if (rows) /* they went with their user */
        fail_no_user(req);
    else
        tl_fail_db(req);
    if (delete_rows(req, u))
        delete_objects(req, u, u->count);
    return TL_REPLIED;
}

int upload_images(tl_request *req)
{
    const examination *e = read_form(req);
    if (!e)
        return TL_REPLIED;
    const tl_identity *who = tl_identity_of(req);
    upload u = {.files = e->files, .count = e->count, .user_id = who->user_id};
    u.user = tl_format(req, "%" PRId64, u.user_id);
    name_files(req, &u);

    if (!store_rows(req, &u)) {
        if (tl_db_error_of(req) == TL_DB_FOREIGN_KEY)
            return fail_no_user(req);
        return tl_fail_db(req);
    }
    size_t count;
    int result = put_objects(req, &u, &count);
    if (result != TL_OK) {
        fail_storage(req, result);
        /* What could not be taken away is the sweep's to find, by its row. */
        if (delete_objects(req, &u, count))
            delete_rows(req, &u);
        return TL_REPLIED;
    }
    if (make_ready(req, &u) != TL_OK)
        return TL_REPLIED;

    tl_json *urls = tl_json_array(req), *answer = tl_json_object(req);
    for (size_t i = 0; i < u.count; i++)
        tl_json_append_string(urls, image_url(req, who->username, u.names[i]));
    tl_json_set(answer, "image_objects_urls", urls);
    return tl_reply_json(req, 200, answer);
}

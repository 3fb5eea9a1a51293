/* The hash is over what is stored, and the cipher vouches for what comes out of it; both have to agree to the end. */
#include "plugins/backup/reader.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backup/catalog.h"
#include "plugins/backup/stream.h"
#include "plugins/shared/sha256.h"

typedef struct reader {
    const manifest *m;
    bool is_encrypted;
    sha256 *hash;
    opener opener;
    const unsigned char *bytes; /* of the storage; NULL: the end */
    size_t length;
    unsigned char *plain;
    size_t plain_size, plain_length;
    opened result;
    bool is_short_of_memory;
} reader;

/* On a thread of the pool. */
static void open_piece(void *arg)
{
    reader *r = arg;

    r->plain_length = 0;
    if (!r->is_encrypted) {
        sha256_add(r->hash, r->bytes, r->length);
        return;
    }
    if (r->plain_size < r->length + STREAM_CHUNK) {
        unsigned char *larger = realloc(r->plain, r->length + STREAM_CHUNK);
        r->is_short_of_memory = !larger;
        if (!larger)
            return;
        r->plain = larger;
        r->plain_size = r->length + STREAM_CHUNK;
    }
    if (!r->bytes) {
        r->result = opener_end(&r->opener, r->plain, &r->plain_length);
        return;
    }
    sha256_add(r->hash, r->bytes, r->length);
    r->result = opener_feed(&r->opener, r->bytes, r->length, r->plain, &r->plain_length);
}

static int refuse(task *t, const reader *r, const char *why)
{
    return task_refuse(t, r->m->name, why);
}

/* Decrypts one piece and hands it on. */
static int take_piece(task *t, reader *r, reader_sink *sink, void *arg)
{
    int result = task_blocking(t, open_piece, r);

    if (result != TL_OK)
        return result;
    if (r->is_short_of_memory)
        return task_fail(t, "out of memory");
    if (r->result == OPENED_OTHER_KEY)
        return refuse(
            t, r,
            tl_format(t->req, "it was made with key %s, which is not among the configured ones", r->opener.needs));
    /* Its length has been compared already: nothing can be missing. */
    if (r->result == OPENED_SHORT)
        r->result = OPENED_ALTERED;
    if (r->result != OPENED)
        return refuse(t, r, opened_text(r->result));
    const void *bytes = r->is_encrypted ? r->plain : r->bytes;
    size_t length = r->is_encrypted ? r->plain_length : r->length;
    return sink && length > 0 ? sink(t, arg, bytes, length) : TL_OK;
}

static int check_size(task *t, const reader *r, int64_t size)
{
    if (size == r->m->size)
        return TL_OK;
    return refuse(t, r,
                  tl_format(t->req, "its dump has %" PRId64 " bytes, expected %" PRId64 ": %s", size, r->m->size,
                            size < r->m->size ? "a part is missing" : "something was appended to it"));
}

static int check_hash(task *t, reader *r)
{
    unsigned char hash[SHA256_BYTES];
    char text[2 * sizeof hash + 1];

    sha256_end(r->hash, hash);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    return strcmp(text, r->m->sha256) == 0
               ? TL_OK
               : refuse(t, r, "its dump has been altered: its SHA-256 is not that of the manifest");
}

static int read_all(task *t, reader *r, tl_download *download, reader_sink *sink, void *arg)
{
    const void *bytes;

    for (;;) {
        int64_t since = tl_now();
        int result = tl_download_read(t->req, download, &bytes, &r->length);
        if (result != TL_OK)
            return task_fail_call(t, result, "reading the dump of %s", r->m->name);
        r->bytes = r->length > 0 ? bytes : NULL;
        if (!r->bytes)
            break;
        if ((result = take_piece(t, r, sink, arg)) != TL_OK)
            return result;
        progress_add(t->req, &t->progress, (int64_t)r->length);
        if ((result = task_rest(t, since)) != TL_OK)
            return result;
    }
    int result = r->is_encrypted ? take_piece(t, r, sink, arg) : TL_OK;
    return result == TL_OK ? check_hash(t, r) : result;
}

static void release(void *arg)
{
    reader *r = arg;

    if (r->plain)
        sodium_memzero(r->plain, r->plain_size);
    free(r->plain);
    r->plain = NULL;
    r->plain_size = 0;
    sodium_memzero(&r->opener, sizeof r->opener);
    sha256_free(r->hash);
    r->hash = NULL;
}

int reader_run(task *t, const manifest *m, const char *what, reader_sink *sink, void *arg)
{
    int error;
    tl_object about;
    reader *r = tl_alloc(t->req, sizeof *r);

    r->m = m;
    r->is_encrypted = *m->key_id != '\0';
    r->hash = sha256_new();
    tl_defer(t->req, release, r);
    opener_begin(&r->opener, &backup_options.ring);
    progress_begin(t->req, &t->progress, what, m->size);
    tl_download *download =
        tl_download_begin(t->req, backup_options.store, catalog_key(t->req, m->name, "dump"), 0, -1, &about, &error);
    if (!download)
        return error == TL_NOT_FOUND ? refuse(t, r, "its dump is missing")
                                     : task_fail_call(t, error, "reading the dump of %s", m->name);
    int result = check_size(t, r, about.size);
    if (result == TL_OK)
        result = read_all(t, r, download, sink, arg);
    release(r);
    return result;
}

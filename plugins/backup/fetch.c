/* The file is written under another name, and gets its own when everything in it has proved to be right. */
#include "plugins/backup/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/backup/reader.h"
#include "plugins/backup/stream.h"

enum { READ_SIZE = 1 << 20 };

typedef struct draft {
    const char *path, *unfinished;
    int fd; /* -1: none */
    const void *bytes;
    size_t length;
    int error; /* an errno */
} draft;

/* What is not finished goes. */
static void release(void *arg)
{
    draft *d = arg;

    if (d->fd >= 0) {
        close(d->fd);
        unlink(d->unfinished);
    }
    d->fd = -1;
}

static int begin(task *t, draft *d, const char *path)
{
    *d = (draft){.path = path, .unfinished = tl_format(t->req, "%s.unfinished", path), .fd = -1};
    tl_defer(t->req, release, d);
    if (access(path, F_OK) == 0)
        return task_fail(t, "%s is there already", path);
    d->fd = open(d->unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return d->fd >= 0 ? TL_OK : task_fail(t, "%s cannot be made: %s", d->unfinished, strerror(errno));
}

static void write_piece(void *arg)
{
    draft *d = arg;
    const char *at = d->bytes;

    for (size_t left = d->length; left > 0 && d->error == 0;) {
        ssize_t count = write(d->fd, at, left);
        if (count > 0) {
            at += count;
            left -= (size_t)count;
        } else if (errno != EINTR) {
            d->error = errno;
        }
    }
}

static int take(task *t, void *arg, const void *bytes, size_t length)
{
    draft *d = arg;

    d->bytes = bytes;
    d->length = length;
    int result = task_blocking(t, write_piece, d);
    if (result == TL_OK && d->error != 0)
        return task_fail(t, "%s cannot be written: %s", d->unfinished, strerror(d->error));
    return result;
}

/* Never in the place of a file that has come meanwhile; where a file system cannot promise that, it is looked for. */
static void publish(void *arg)
{
    draft *d = arg;
    bool is_there = false;

    int failed = fsync(d->fd);
    if (failed == 0)
        failed = renameat2(AT_FDCWD, d->unfinished, AT_FDCWD, d->path, RENAME_NOREPLACE);
    if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
        is_there = access(d->path, F_OK) == 0;
        failed = is_there ? -1 : rename(d->unfinished, d->path);
    }
    if (failed != 0)
        d->error = is_there ? EEXIST : errno;
}

static int finish(task *t, draft *d)
{
    int result = task_blocking(t, publish, d);

    if (result == TL_OK && d->error != 0)
        result = task_fail(t, "%s cannot be made: %s", d->path, strerror(d->error));
    release(d);
    return result;
}

int fetch_run(task *t, const entry *e, const char *path)
{
    draft *d = tl_alloc(t->req, sizeof *d);
    int result = begin(t, d, path);

    if (result == TL_OK)
        result = reader_run(t, e->manifest, "fetching", take, d);
    if (result == TL_OK)
        result = finish(t, d);
    release(d);
    return result;
}

typedef struct decryption {
    opener opener;
    unsigned char sealed[READ_SIZE], plain[READ_SIZE + STREAM_CHUNK];
} decryption;

/* In a command nothing else runs, so nothing is held up by waiting for the disk. */
static int decrypt(task *t, FILE *from, draft *to)
{
    decryption *x = tl_alloc(t->req, sizeof *x);
    size_t length, plain;
    int result = TL_OK;

    opener_begin(&x->opener, &backup_options.ring);
    while (result == TL_OK && (length = fread(x->sealed, 1, sizeof x->sealed, from)) > 0) {
        if (opener_feed(&x->opener, x->sealed, length, x->plain, &plain) != OPENED)
            break;
        result = take(t, to, x->plain, plain);
        progress_add(t->req, &t->progress, (int64_t)length);
    }
    if (result == TL_OK && ferror(from))
        result = task_fail(t, "it cannot be read: %s", strerror(errno));
    if (result == TL_OK && opener_end(&x->opener, x->plain, &plain) == OPENED)
        result = take(t, to, x->plain, plain);
    if (result == TL_OK && x->opener.result == OPENED_OTHER_KEY)
        result = task_fail(t, "it was made with key %s, which is not among the configured ones", x->opener.needs);
    else if (result == TL_OK && x->opener.result != OPENED)
        result = task_fail(t, "%s", opened_text(x->opener.result));
    sodium_memzero(x, sizeof *x);
    return result;
}

int fetch_decrypt(task *t, const char *from, const char *path)
{
    draft *d = tl_alloc(t->req, sizeof *d);
    FILE *file = fopen(from, "rbe");

    if (!file)
        return task_fail(t, "%s cannot be read: %s", from, strerror(errno));
    int result = begin(t, d, path);
    progress_begin(t->req, &t->progress, "decrypting", 0);
    if (result == TL_OK)
        result = decrypt(t, file, d);
    if (result == TL_OK)
        result = finish(t, d);
    release(d);
    fclose(file);
    return result;
}

/*
 * The driver `dir`: objects in a folder. Every step is a job for the blocking pool; here they are made, waited for, and
 * their errors understood.
 */
#include "core/objects/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/pool/pool.h"

enum { PART = 1 << 20, CHUNK = 256 * 1024 };

typedef struct job job;

struct job {
    void (*work)(job *j);
    const char *folder, *key, *to;
    int root;     /* the folder, open */
    bool is_lost; /* it cannot be opened */
    const void *bytes;
    size_t length;
    const tl_object_options *options;
    dir_draft *draft;
    dir_about about;
    dir_page *page;
    int fd;
    int64_t offset;
    void *into;
    bool writes; /* the folder may be made; and to a writer something missing is no "not found" */
    int error;   /* an errno */
};

/* What an errno means to the caller; the log gets its text. */
static int judge(tl_request *req, tl_store *store, const char *what, const job *j)
{
    const char *key = j->key ? j->key : "";
    int error = j->error;
    if ((error == ENOENT || error == ENOTDIR) && !j->writes && !j->is_lost)
        return TL_NOT_FOUND;
    /* Nothing was ever stored there. */
    if (error == ENOENT && j->is_lost && !j->writes && !store->state)
        return TL_NOT_FOUND;
    switch (error) {
    case 0:
        return TL_OK;
    case EBADMSG:
        store_tell(store, req, what, "%s %s: the file is damaged, or was not written by this server", what, key);
        return TL_ERROR;
    case EACCES:
    case EPERM:
    case EROFS:
        store_tell(store, req, what, "%s %s is refused in %s: %s", what, key, store->settings->folder, strerror(error));
        return TL_DENIED;
    default:
        store_tell(store, req, what, "%s %s fails in %s: %s", what, key, store->settings->folder, strerror(error));
        return TL_UNAVAILABLE;
    }
}

static void work_in_folder(void *arg)
{
    job *j = arg;
    j->root = dir_open_root(j->folder, j->writes);
    j->is_lost = j->root < 0;
    if (j->is_lost) {
        j->error = errno;
        return;
    }
    j->work(j);
    close(j->root);
}

/* For what is open already. */
static void work_on_file(void *arg)
{
    job *j = arg;
    j->work(j);
}

static int run(tl_request *req, tl_store *store, const char *what, void (*work)(job *j), job *j)
{
    j->folder = store->settings->folder;
    j->work = work;
    int result = pool_run(store->worker->pool, req, work_in_folder, j);
    return result == TL_OK ? judge(req, store, what, j) : result;
}

static int run_on_file(tl_request *req, tl_store *store, const char *what, void (*work)(job *j), job *j)
{
    j->work = work;
    int result = pool_run(store->worker->pool, req, work_on_file, j);
    return result == TL_OK ? judge(req, store, what, j) : result;
}

static bool dir_open(tl_store *store)
{
    (void)store;
    return sodium_init() >= 0;
}

static void dir_close(tl_store *store)
{
    store->state = NULL;
}

static void dir_recover(tl_store *store)
{
    const char *folder = store->settings->folder;
    int root = dir_open_root(folder, true);
    if (root < 0) {
        log_error(store->worker, NULL, "store %s: %s cannot be used: %s", objects_name(store), folder, strerror(errno));
        return;
    }
    /* From now on it is known to be there, and is missed when it goes. */
    store->state = store;
    size_t count = dir_sweep(root);
    close(root);
    if (count > 0)
        log_info(store->worker, NULL, "store %s: %zu uploads of processes that have ended were removed",
                 objects_name(store), count);
}

/* Writing is tried, because rights and a full disk show nowhere else. */
static void check_folder(job *j)
{
    dir_draft draft;
    j->error = dir_draft_begin(j->root, &draft);
    if (!j->error)
        j->error = dir_draft_write(&draft, "probe", 5);
    dir_draft_drop(j->root, &draft);
}

static int dir_check(tl_request *req, tl_store *store)
{
    return run(req, store, "writing", check_folder, &(job){.writes = true});
}

static void put_object(job *j)
{
    dir_draft draft;
    j->error = dir_draft_begin(j->root, &draft);
    if (!j->error)
        j->error = dir_draft_write(&draft, j->bytes, j->length);
    if (!j->error)
        j->error = dir_draft_finish(j->root, &draft, j->key, j->options);
    dir_draft_drop(j->root, &draft);
}

static int dir_put(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
                   const tl_object_options *options)
{
    job j = {.key = key, .bytes = bytes, .length = length, .options = options, .writes = true};
    return run(req, store, "storing", put_object, &j);
}

static void begin_draft(job *j)
{
    j->error = dir_draft_begin(j->root, j->draft);
}

static void write_part(job *j)
{
    j->error = dir_draft_write(j->draft, j->bytes, j->length);
}

static void finish_draft(job *j)
{
    j->error = dir_draft_write(j->draft, j->bytes, j->length);
    if (!j->error)
        j->error = dir_draft_finish(j->root, j->draft, j->key, j->options);
}

static void drop_draft(job *j)
{
    dir_draft_drop(j->root, j->draft);
}

static int dir_upload_part(tl_request *req, tl_upload *u, const void *bytes, size_t length)
{
    job j = {.key = u->key, .bytes = bytes, .length = length, .draft = u->state, .writes = true};
    if (!u->state) {
        dir_draft *draft = calloc(1, sizeof *draft);
        if (!draft)
            return TL_UNAVAILABLE;
        draft->fd = -1;
        u->state = j.draft = draft;
        int result = run(req, u->store, "storing", begin_draft, &j);
        if (result != TL_OK)
            return result;
    }
    return run_on_file(req, u->store, "storing", write_part, &j);
}

static void dir_upload_forget(tl_upload *u)
{
    dir_draft_drop(-1, u->state);
    free(u->state);
    u->state = NULL;
}

static int dir_upload_finish(tl_request *req, tl_upload *u, const void *bytes, size_t length)
{
    job j = {.key = u->key, .bytes = bytes, .length = length};
    j.draft = u->state;
    j.options = &u->options;
    j.writes = true;
    int result = run(req, u->store, "storing", finish_draft, &j);
    if (result == TL_OK)
        dir_upload_forget(u);
    return result;
}

static int dir_upload_discard(tl_request *req, tl_upload *u)
{
    job j = {.draft = u->state};
    /* Where the pool does not take it, it is done here and now: a few calls of the kernel. */
    if (run(req, u->store, "removing", drop_draft, &j) != TL_OK)
        work_in_folder(&j);
    dir_upload_forget(u);
    return TL_OK;
}

static void fill_about(tl_request *req, const char *key, const dir_about *from, tl_object *about)
{
    about->key = arena_copy(req->arena, key);
    about->size = from->size;
    about->modified = from->modified;
    about->etag = arena_copy(req->arena, from->etag);
    about->content_type = arena_copy(req->arena, from->content_type);
}

typedef struct reading {
    tl_store *store;
    int fd;
    int64_t at, end;
    unsigned char bytes[CHUNK];
} reading;

static void open_object(job *j)
{
    j->fd = dir_open_object(j->root, j->key, &j->about);
    j->error = j->fd < 0 ? errno : 0;
}

static void read_chunk(job *j)
{
    j->error = dir_read(j->fd, j->offset, j->into, j->length);
}

static int dir_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                              tl_object *about, void **state)
{
    job j = {.key = key, .fd = -1};
    int result = run(req, store, "reading", open_object, &j);
    reading *r = result == TL_OK ? malloc(sizeof *r) : NULL;
    if (!r) {
        if (j.fd >= 0)
            close(j.fd);
        return result == TL_OK ? TL_UNAVAILABLE : result;
    }
    fill_about(req, key, &j.about, about);
    r->store = store;
    r->fd = j.fd;
    r->at = offset;
    r->end = length < 0 || length > j.about.size - offset ? j.about.size : offset + length;
    *state = r;
    return TL_OK;
}

static int dir_download_read(tl_request *req, void *state, const void **bytes, size_t *length)
{
    reading *r = state;
    size_t count = r->end - r->at < CHUNK ? (size_t)(r->end - r->at) : CHUNK;
    job j = {.fd = r->fd, .offset = r->at, .into = r->bytes, .length = count};
    int result = run_on_file(req, r->store, "reading", read_chunk, &j);
    if (result != TL_OK)
        return result;
    r->at += (int64_t)count;
    *bytes = r->bytes;
    *length = count;
    return TL_OK;
}

static void dir_download_end(void *state)
{
    reading *r = state;
    close(r->fd);
    free(r);
}

static int dir_head(tl_request *req, tl_store *store, const char *key, tl_object *about)
{
    job j = {.key = key, .fd = -1};
    int result = run(req, store, "reading", open_object, &j);
    if (j.fd >= 0)
        close(j.fd);
    if (result == TL_OK)
        fill_about(req, key, &j.about, about);
    return result;
}

static void remove_object(job *j)
{
    j->error = dir_remove(j->root, j->key);
}

static int dir_remove_object(tl_request *req, tl_store *store, const char *key)
{
    int result = run(req, store, "deleting", remove_object, &(job){.key = key});
    return result == TL_NOT_FOUND ? TL_OK : result;
}

static void copy_object(job *j)
{
    int from = dir_open_object(j->root, j->key, &j->about);
    if (from < 0) {
        j->error = errno;
        return;
    }
    j->writes = true;
    j->error = dir_copy(j->root, from, j->about.size, j->to, j->options);
    close(from);
}

static int dir_copy_object(tl_request *req, tl_store *store, const char *from, const char *to,
                           const tl_object_options *options)
{
    return run(req, store, "copying", copy_object, &(job){.key = from, .to = to, .options = options});
}

static void list_objects(job *j)
{
    j->error = dir_list(j->root, j->page);
}

static int dir_list_objects(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                            tl_object_list *found)
{
    dir_page page = {.prefix = prefix, .after = after, .limit = limit};
    page.items = calloc(limit, sizeof *page.items);
    if (!page.items)
        return TL_UNAVAILABLE;
    int result = run(req, store, "listing", list_objects, &(job){.page = &page});
    result = result == TL_NOT_FOUND ? TL_OK : result;
    if (page.damaged > 0)
        store_tell(store, req, "damaged", "%zu files in %s are damaged, or were not written by this server",
                   page.damaged, store->settings->folder);
    if (result == TL_OK) {
        tl_object *items = arena_alloc(req->arena, (page.count + 1) * sizeof *items);
        for (size_t i = 0; i < page.count; i++) {
            fill_about(req, page.items[i].key, &page.items[i].about, &items[i]);
            items[i].content_type = NULL;
        }
        *found = (tl_object_list){.items = items, .count = page.count};
        if (page.is_more)
            found->next = items[page.count - 1].key;
    }
    for (size_t i = 0; i < page.count; i++)
        free(page.items[i].key);
    free(page.items);
    return result;
}

static void sweep_folder(job *j)
{
    dir_sweep(j->root);
}

/* A lock tells what a living process has, whatever its key and age. */
static int dir_sweep_uploads(tl_request *req, tl_store *store, const char *prefix, int64_t seconds)
{
    (void)prefix, (void)seconds;
    int result = run(req, store, "sweeping", sweep_folder, &(job){0});
    return result == TL_NOT_FOUND ? TL_OK : result;
}

const store_driver dir_driver = {
    .part = PART,
    .open = dir_open,
    .close = dir_close,
    .recover = dir_recover,
    .check = dir_check,
    .put = dir_put,
    .upload_part = dir_upload_part,
    .upload_finish = dir_upload_finish,
    .upload_discard = dir_upload_discard,
    .upload_forget = dir_upload_forget,
    .download_begin = dir_download_begin,
    .download_read = dir_download_read,
    .download_end = dir_download_end,
    .head = dir_head,
    .remove = dir_remove_object,
    .list = dir_list_objects,
    .copy = dir_copy_object,
    .sweep = dir_sweep_uploads,
};

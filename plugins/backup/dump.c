/*
 * One transaction stays open while pg_dump works: it holds the snapshot that pg_dump reads, and afterwards counts the
 * rows of exactly that snapshot. The object appears when pg_dump has ended well and everything is counted; the
 * manifest, which makes a backup of it, comes last.
 */
#include "plugins/backup/dump.h"

#include <string.h>

#include "plugins/backup/contents.h"
#include "plugins/backup/manifest_json.h"
#include "plugins/backup/packer.h"
#include "plugins/backup/programs.h"

enum { DUMP_LOCK = 1 };

typedef struct dump {
    manifest m;
    conninfo address;
    session *session;
    const char *snapshot;
    program program;
    child *child;
    tl_upload *upload;
    packer *packer;
} dump;

static void release(void *arg)
{
    conninfo_free(arg);
}

/* Connects to the database that is to be dumped, alone, and finds a pg_dump for it. */
static int prepare(task *t, dump *d)
{
    const char *problem = conninfo_read(&d->address, backup_options.database_url);

    if (problem)
        return task_fail(t, "'database_url': %s", problem);
    tl_defer(t->req, release, &d->address);
    int result = session_open(t, &d->address, &d->session);
    if (result != TL_OK)
        return result;
    result = session_lock(t, d->session, "backup", DUMP_LOCK);
    if (result != TL_OK)
        return result;
    result = program_find(t, "pg_dump", session_major(d->session), &d->program);
    d->m.program = d->program.version;
    return result;
}

/*
 * Uploads that a process which died has left behind: under the lock nobody's are under way. When that fails the next
 * run does it.
 */
static int clear_away(task *t)
{
    const char *prefix = tl_format(t->req, "%s/", backup_options.prefix);
    int result = tl_store_sweep(t->req, backup_options.store, prefix, 0);

    return result == TL_CANCELLED ? task_fail_call(t, result, "clearing away") : TL_OK;
}

static int take_snapshot(task *t, dump *d)
{
    int result = session_run(t, d->session, "opening a transaction",
                             "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");

    if (result != TL_OK)
        return result;
    d->m.started = tl_now();
    d->snapshot = session_text(t, d->session, "taking a snapshot", "SELECT pg_export_snapshot()");
    if (!d->snapshot)
        return TL_ERROR;
    return contents_properties(t, d->session, &d->m);
}

static int start_child(task *t, dump *d)
{
    const char *arguments[] = {"pg_dump", "--format=custom",
                               tl_format(t->req, "--compress=%d", (int)backup_options.compression),
                               tl_format(t->req, "--snapshot=%s", d->snapshot),
                               /* Nobody waits for hours behind somebody's ALTER TABLE. */
                               "--lock-wait-timeout=60000", "--no-password", "--dbname=service=talelio", NULL};
    child_plan plan = {
        .program = d->program.path,
        .arguments = arguments,
        .database = &d->address,
        .is_nice = true,
        .output = CHILD_STREAMED,
    };

    return child_begin(t, &plan, &d->child);
}

/* Everything that pg_dump writes, into the upload. */
static int stream(task *t, dump *d)
{
    int64_t since = tl_now();

    for (;;) {
        size_t length;
        int result = child_read(t, d->child, packer_room(d->packer), packer_free(d->packer), &length);
        if (result != TL_OK)
            return result;
        bool is_end = length == 0;
        progress_add(t->req, &t->progress, (int64_t)length);
        if (!packer_take(d->packer, length, is_end))
            continue;
        /* What is not whole must not be sealed as if it were. */
        if (is_end && (result = child_end(t, d->child)) != TL_OK)
            return result;
        if ((result = task_blocking(t, packer_pack, d->packer)) != TL_OK)
            return result;
        result = tl_upload_write(t->req, d->upload, packer_bytes(d->packer), packer_length(d->packer));
        if (result != TL_OK)
            return task_fail_call(t, result, "storing the dump");
        if (is_end)
            return TL_OK;
        if ((result = task_rest(t, since)) != TL_OK)
            return result;
        since = tl_now();
    }
}

static int put_manifest(task *t, dump *d)
{
    static const tl_object_options json = {.content_type = "application/json"};
    size_t length;

    packer_finish(d->packer, &d->m.size, &d->m.plain_size, &d->m.sha256);
    d->m.milliseconds = (tl_now() - d->m.started) / 1000;
    const char *text = manifest_write(t->req, &d->m, backup_current_key(), &length);
    int result = tl_object_put(t->req, backup_options.store, catalog_key(t->req, d->m.name, "manifest.json"), text,
                               length, &json);
    return result == TL_OK ? TL_OK : task_fail_call(t, result, "storing the manifest");
}

/* From the first byte to the object. */
static int store(task *t, dump *d)
{
    int result = start_child(t, d);

    if (result != TL_OK)
        return result;
    progress_begin(t->req, &t->progress, "dumping", 0);
    result = stream(t, d);
    if (result != TL_OK)
        return result;
    result = contents_tables(t, d->session, "counting rows", &d->m.tables);
    if (result != TL_OK)
        return result;
    result = tl_upload_finish(t->req, d->upload);
    return result == TL_OK ? TL_OK : task_fail_call(t, result, "storing the dump");
}

static int upload(task *t, dump *d)
{
    int error;

    d->packer = packer_new(t->req, backup_current_key());
    d->upload = tl_upload_begin(t->req, backup_options.store, catalog_key(t->req, d->m.name, "dump"), NULL, &error);
    if (!d->upload)
        return task_fail_call(t, error, "storing the dump");
    int result = store(t, d);
    if (result != TL_OK) {
        child_kill(d->child);
        /* The reason is known already; what cannot be cleared away now is cleared away by the next run. */
        tl_upload_abort(t->req, d->upload);
    }
    return result;
}

int dump_make(task *t, entry **made)
{
    char name[BACKUP_NAME];
    const backup_key *key = backup_current_key();
    dump *d = tl_alloc(t->req, sizeof *d);

    name_make(tl_now() / 1000000, packer_random(), name);
    d->m.name = tl_copy(t->req, name);
    d->m.key_id = key ? key->id_text : "";
    int result = prepare(t, d);
    if (result == TL_OK)
        result = clear_away(t);
    if (result == TL_OK)
        result = take_snapshot(t, d);
    if (result == TL_OK)
        result = upload(t, d);
    if (result == TL_OK) {
        result = put_manifest(t, d);
        if (result != TL_OK)
            catalog_delete(t, d->m.name);
    }
    if (d->session)
        session_close(d->session);
    if (result != TL_OK)
        return result;
    *made = tl_alloc(t->req, sizeof **made);
    **made = (entry){
        .name = d->m.name, .time = d->m.started / 1000000, .has_dump = true, .has_manifest = true, .manifest = &d->m};
    return TL_OK;
}

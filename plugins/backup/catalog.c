/* Listing, loading and deleting backups. */
#include "plugins/backup/catalog.h"

#include <string.h>

#include "plugins/backup/manifest_json.h"

enum { PAGE = 1000, MANIFEST_MOST = 16 << 20, VERDICT_MOST = 64 << 10, BACKUPS_MOST = 10000 };

const char *catalog_key(tl_request *req, const char *name, const char *object)
{
    return tl_format(req, "%s/%s/%s", backup_options.prefix, name, object);
}

/* Objects come in order of their keys, so those of one backup follow each other. */
static void add_object(tl_request *req, catalog *c, const tl_object *object)
{
    char name[BACKUP_NAME];
    int64_t time;
    const char *rest = object->key + strlen(backup_options.prefix) + 1;
    const char *slash = strchr(rest, '/');

    if (!slash || (size_t)(slash - rest) != sizeof name - 1)
        return;
    memcpy(name, rest, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    if (!name_read(name, &time))
        return;
    entry *e = c->count > 0 ? &c->items[c->count - 1] : NULL;
    if (!e || strcmp(e->name, name) != 0) {
        if (c->count == BACKUPS_MOST)
            return;
        e = &c->items[c->count++];
        *e = (entry){.name = tl_copy(req, name), .time = time};
    }
    const char *kind = slash + 1;
    e->has_dump = e->has_dump || strcmp(kind, "dump") == 0;
    e->has_manifest = e->has_manifest || strcmp(kind, "manifest.json") == 0;
    e->has_verdict = e->has_verdict || strcmp(kind, "verdict.json") == 0;
    if (object->modified > e->touched)
        e->touched = object->modified;
}

static void judge_objects(entry *e)
{
    if (!e->has_manifest)
        e->problem = "it has no manifest: it was never finished";
    else if (!e->has_dump)
        e->problem = "its dump is missing";
}

int catalog_list(task *t, catalog *c)
{
    const char *prefix = tl_format(t->req, "%s/", backup_options.prefix), *after = NULL;
    tl_object_list found;

    *c = (catalog){.items = tl_alloc(t->req, BACKUPS_MOST * sizeof *c->items)};
    do {
        int result = tl_object_list_keys(t->req, backup_options.store, prefix, after, PAGE, &found);
        if (result == TL_NOT_FOUND)
            break;
        if (result != TL_OK)
            return task_fail_call(t, result, "listing the backups");
        for (size_t i = 0; i < found.count; i++)
            add_object(t->req, c, &found.items[i]);
        after = found.next;
    } while (after);
    for (size_t i = 0; i < c->count; i++)
        judge_objects(&c->items[i]);
    return TL_OK;
}

static int get(task *t, const char *name, const char *object, size_t limit, const void **bytes, size_t *length)
{
    tl_object about;
    int result = tl_object_get(t->req, backup_options.store, catalog_key(t->req, name, object), limit, bytes, &about);

    *length = result == TL_OK ? (size_t)about.size : 0;
    return result;
}

static int load_verdict(task *t, entry *e)
{
    const void *bytes;
    const char *problem;
    size_t length;
    int result = get(t, e->name, "verdict.json", VERDICT_MOST, &bytes, &length);

    if (result == TL_NOT_FOUND)
        return TL_OK;
    if (result != TL_OK)
        return task_fail_call(t, result, "reading the verdict of %s", e->name);
    e->verdict = verdict_read(t->req, &backup_options.ring, e->manifest, bytes, length, &problem);
    if (!e->verdict)
        tl_log(t->req, TL_WARNING, "backup %s: %s; it counts as not verified", e->name, problem);
    return TL_OK;
}

int catalog_load(task *t, entry *e)
{
    const void *bytes;
    size_t length;

    if (e->manifest || e->problem)
        return TL_OK;
    int result = get(t, e->name, "manifest.json", MANIFEST_MOST, &bytes, &length);
    if (result == TL_NOT_FOUND) {
        e->problem = "it has no manifest: it was never finished";
        return TL_OK;
    }
    if (result != TL_OK)
        return task_fail_call(t, result, "reading the manifest of %s", e->name);
    e->manifest = manifest_read(t->req, &backup_options.ring, e->name, bytes, length, &e->problem);
    return e->manifest && e->has_verdict ? load_verdict(t, e) : TL_OK;
}

int catalog_read(task *t, catalog *c)
{
    int result = catalog_list(t, c);

    for (size_t i = 0; result == TL_OK && i < c->count; i++)
        result = catalog_load(t, &c->items[i]);
    return result;
}

bool entry_is_verified(const entry *e)
{
    return e->manifest && e->verdict && e->verdict->is_good && (e->verdict->drilled == 0 || e->verdict->is_restorable);
}

const char *entry_state(const entry *e)
{
    if (!e->manifest)
        return e->has_manifest ? "refused" : "unfinished";
    if (!e->verdict)
        return "not verified";
    return entry_is_verified(e) ? "verified" : "failed";
}

const char *entry_reason(const entry *e)
{
    if (!e->manifest)
        return e->problem ? e->problem : "";
    if (!e->verdict || entry_is_verified(e))
        return "";
    return e->verdict->is_good ? e->verdict->drill_reason : e->verdict->reason;
}

int catalog_newest_verified(task *t, entry **found, size_t *seen)
{
    catalog c;
    int result = catalog_list(t, &c);

    *found = NULL;
    *seen = c.count;
    for (size_t i = c.count; result == TL_OK && i > 0; i--) {
        entry *e = &c.items[i - 1];
        /* Without a verdict it is not verified, whatever its manifest says. */
        if (!e->has_verdict)
            continue;
        result = catalog_load(t, e);
        if (result == TL_OK && entry_is_verified(e)) {
            *found = e;
            return TL_OK;
        }
    }
    return result;
}

static entry *choose_named(task *t, const char *name)
{
    catalog c;

    if (!name_read(name, NULL)) {
        task_fail(t, "'%.40s' is no name of a backup: `talelio backup list` shows them", name);
        return NULL;
    }
    if (catalog_list(t, &c) != TL_OK)
        return NULL;
    for (size_t i = 0; i < c.count; i++) {
        entry *e = &c.items[i];
        if (strcmp(e->name, name) != 0)
            continue;
        if (catalog_load(t, e) != TL_OK)
            return NULL;
        if (e->manifest)
            return e;
        task_fail(t, "backup %s is refused: %s", name, e->problem);
        return NULL;
    }
    task_fail(t, "there is no backup %s: `talelio backup list` shows them", name);
    return NULL;
}

entry *catalog_choose(task *t, const char *name)
{
    entry *found;
    size_t seen;

    if (strcmp(name, "latest") != 0)
        return choose_named(t, name);
    if (catalog_newest_verified(t, &found, &seen) != TL_OK)
        return NULL;
    if (!found && seen == 0)
        task_fail(t, "there are no backups below %s/", backup_options.prefix);
    else if (!found)
        task_fail(t, "none of the backups is verified: `talelio backup list` shows why; one can be named instead of "
                     "'latest'");
    return found;
}

int catalog_put_verdict(task *t, entry *e, const verdict *v)
{
    static const tl_object_options json = {.content_type = "application/json"};
    size_t length;
    const char *text = verdict_write(t->req, v, backup_current_key(), &length);
    int result =
        tl_object_put(t->req, backup_options.store, catalog_key(t->req, e->name, "verdict.json"), text, length, &json);

    if (result != TL_OK)
        return task_fail_call(t, result, "storing the verdict of %s", e->name);
    e->verdict = v;
    e->has_verdict = true;
    return TL_OK;
}

int catalog_delete(task *t, const char *name)
{
    static const char *const objects[] = {"manifest.json", "verdict.json", "dump"};

    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        int result = tl_object_delete(t->req, backup_options.store, catalog_key(t->req, name, objects[i]));
        if (result != TL_OK)
            return task_fail_call(t, result, "deleting backup %s", name);
    }
    return TL_OK;
}

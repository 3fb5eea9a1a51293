/* What the commands print. */
#include <inttypes.h>
#include <stdio.h>

#include "plugins/backup/command.h"
#include "plugins/backup/manifest_json.h"

#define MINUTE INT64_C(60000000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

tl_json *entry_json(tl_request *req, const entry *e)
{
    tl_json *json = tl_json_object(req);

    tl_json_set_string(json, "name", e->name);
    tl_json_set_string(json, "time", tl_time_text(req, e->time * 1000000));
    tl_json_set_string(json, "state", entry_state(e));
    tl_json_set_string(json, "reason", *entry_reason(e) ? entry_reason(e) : NULL);
    tl_json_set(json, "manifest", e->manifest ? manifest_json(req, e->manifest) : NULL);
    tl_json_set(json, "verdict", e->verdict ? verdict_json(req, e->verdict) : NULL);
    return json;
}

void print_json(tl_request *req, const tl_json *json)
{
    puts(tl_json_text(req, json, NULL));
}

static const char *age_text(tl_request *req, int64_t since)
{
    int64_t age = tl_now() - since;

    if (age < 2 * MINUTE)
        return "just now";
    if (age < 2 * HOUR)
        return tl_format(req, "%" PRId64 " minutes", age / MINUTE);
    if (age < 2 * DAY)
        return tl_format(req, "%" PRId64 " hours", age / HOUR);
    return tl_format(req, "%" PRId64 " days", age / DAY);
}

static const char *drilled_text(tl_request *req, const verdict *v)
{
    if (!v || v->drilled == 0)
        return "never";
    return tl_format(req, "%s%s", v->is_restorable ? "" : "failed, ", age_text(req, v->drilled));
}

void print_list(tl_request *req, const catalog *c)
{
    printf("%-25s  %-11s  %10s  %-12s  %s\n", "NAME", "AGE", "SIZE", "STATE", "RESTORED FOR A TEST");
    for (size_t i = 0; i < c->count; i++) {
        const entry *e = &c->items[i];
        printf("%-25s  %-11s  %10s  %-12s  %s\n", e->name, age_text(req, e->time * 1000000),
               e->manifest ? size_text(req, e->manifest->size) : "-", entry_state(e), drilled_text(req, e->verdict));
        if (*entry_reason(e))
            printf("%27s%s\n", "", entry_reason(e));
    }
    if (c->count == 0)
        puts("There are none. `talelio backup now` makes the first one.");
}

static void print_line(const char *what, const char *value)
{
    printf("%-20s %s\n", what, value);
}

static void print_manifest(tl_request *req, const manifest *m)
{
    print_line("taken at", tl_time_text(req, m->started));
    print_line("took", tl_format(req, "%.1f s", (double)m->milliseconds / 1000));
    print_line("size", tl_format(req, "%s (%" PRId64 " bytes)", size_text(req, m->size), m->size));
    print_line("sha256", m->sha256);
    print_line("key", *m->key_id ? m->key_id : "none: not encrypted");
    print_line("PostgreSQL", m->server);
    print_line("pg_dump", m->program);
    for (size_t i = 0; i < m->schema_count; i++)
        print_line("schema", tl_format(req, "%s %" PRId64, m->schema[i].owner, m->schema[i].number));
    for (size_t i = 0; i < m->tables.count; i++)
        print_line(i == 0 ? "tables" : "",
                   tl_format(req, "%s: %" PRId64 " rows", m->tables.items[i].name, m->tables.items[i].rows));
}

void print_entry(tl_request *req, const entry *e)
{
    print_line("name", e->name);
    print_line("state", entry_state(e));
    if (*entry_reason(e))
        print_line("reason", entry_reason(e));
    if (e->verdict) {
        print_line("read back", tl_time_text(req, e->verdict->checked));
        print_line("restored for a test", drilled_text(req, e->verdict));
    }
    if (e->manifest)
        print_manifest(req, e->manifest);
}

void print_pruned(const prune_list *list, bool is_dry)
{
    for (size_t i = 0; i < list->count; i++) {
        const pruned *p = &list->items[i];
        const char *what = !p->goes ? "keep" : is_dry ? "would delete" : "deleted";
        printf("%-12s  %-25s  %-12s  %s\n", what, p->name, p->state, p->why);
    }
    printf("%zu of %zu %s\n", list->going, list->count, is_dry ? "would be deleted" : "deleted");
}

tl_json *pruned_json(tl_request *req, const prune_list *list, bool is_dry)
{
    tl_json *json = tl_json_object(req), *items = tl_json_array(req);

    for (size_t i = 0; i < list->count; i++) {
        tl_json *item = tl_json_object(req);
        tl_json_set_string(item, "name", list->items[i].name);
        tl_json_set_string(item, "state", list->items[i].state);
        tl_json_set_bool(item, "deleted", list->items[i].goes);
        tl_json_set_string(item, "why", list->items[i].why);
        tl_json_append(items, item);
    }
    tl_json_set_bool(json, "dry_run", is_dry);
    tl_json_set(json, "backups", items);
    return json;
}

/* The file is {"manifest": {…}, "seal": {"key": id or null, "value": "…"}}, or the same with "verdict". */
#include "plugins/backup/manifest_json.h"

#include <string.h>

static tl_json *tables_json(tl_request *req, const table_list *tables)
{
    tl_json *list = tl_json_array(req);

    for (size_t i = 0; i < tables->count; i++) {
        tl_json *table = tl_json_object(req);
        tl_json_set_string(table, "name", tables->items[i].name);
        tl_json_set_int(table, "rows", tables->items[i].rows);
        tl_json_set_string(table, "sum", tables->items[i].sum);
        tl_json_append(list, table);
    }
    return list;
}

static tl_json *schema_json(tl_request *req, const manifest *m)
{
    tl_json *schema = tl_json_array(req);

    for (size_t i = 0; i < m->schema_count; i++) {
        tl_json *version = tl_json_object(req);
        tl_json_set_string(version, "owner", m->schema[i].owner);
        tl_json_set_int(version, "number", m->schema[i].number);
        tl_json_append(schema, version);
    }
    return schema;
}

tl_json *manifest_json(tl_request *req, const manifest *m)
{
    tl_json *json = tl_json_object(req);

    tl_json_set_int(json, "format", MANIFEST_FORMAT);
    tl_json_set_string(json, "name", m->name);
    tl_json_set_string(json, "started_at", tl_time_text(req, m->started));
    tl_json_set_int(json, "started", m->started);
    tl_json_set_int(json, "milliseconds", m->milliseconds);
    tl_json_set_int(json, "size", m->size);
    tl_json_set_int(json, "plain_size", m->plain_size);
    tl_json_set_string(json, "sha256", m->sha256);
    tl_json_set_string(json, "key_id", *m->key_id ? m->key_id : NULL);
    tl_json_set_string(json, "server_version", m->server);
    tl_json_set_string(json, "pg_dump_version", m->program);
    tl_json_set_string(json, "encoding", m->encoding);
    tl_json_set_string(json, "collate", m->collate);
    tl_json_set_string(json, "ctype", m->ctype);
    tl_json_set(json, "schema", schema_json(req, m));
    tl_json_set_int(json, "rows", tables_rows(&m->tables));
    tl_json_set(json, "tables", tables_json(req, &m->tables));
    return json;
}

tl_json *verdict_json(tl_request *req, const verdict *v)
{
    tl_json *json = tl_json_object(req);

    tl_json_set_string(json, "name", v->name);
    tl_json_set_string(json, "sha256", v->sha256);
    tl_json_set_bool(json, "good", v->is_good);
    tl_json_set_string(json, "checked_at", tl_time_text(req, v->checked));
    tl_json_set_int(json, "checked", v->checked);
    tl_json_set_string(json, "reason", v->reason);
    tl_json_set_bool(json, "restorable", v->is_restorable);
    tl_json_set_string(json, "drilled_at", v->drilled ? tl_time_text(req, v->drilled) : NULL);
    tl_json_set_int(json, "drilled", v->drilled);
    tl_json_set_int(json, "drill_milliseconds", v->milliseconds);
    tl_json_set_string(json, "drill_reason", v->drill_reason);
    return json;
}

static const char *sealed(tl_request *req, const char *kind, tl_json *json, const backup_key *key, const char *value,
                          size_t *length)
{
    tl_json *file = tl_json_object(req), *seal = tl_json_object(req);

    tl_json_set_string(seal, "key", key ? key->id_text : NULL);
    tl_json_set_string(seal, "value", value);
    tl_json_set(file, kind, json);
    tl_json_set(file, "seal", seal);
    return tl_json_text(req, file, length);
}

const char *manifest_write(tl_request *req, const manifest *m, const backup_key *key, size_t *length)
{
    char value[SEAL_TEXT];

    manifest_seal(m, key, value);
    return sealed(req, "manifest", manifest_json(req, m), key, value, length);
}

const char *verdict_write(tl_request *req, const verdict *v, const backup_key *key, size_t *length)
{
    char value[SEAL_TEXT];

    verdict_seal(v, key, value);
    return sealed(req, "verdict", verdict_json(req, v), key, value, length);
}

/* A member that must be there; what is not of its kind reads as nothing, and the seal then does not fit. */
static const char *text_of(const tl_json *json, const char *name)
{
    const char *text = tl_json_string(tl_json_get(json, name));

    return text ? text : "";
}

static int64_t number_of(const tl_json *json, const char *name)
{
    const tl_json *value = tl_json_get(json, name);

    return tl_json_type_of(value) == TL_JSON_INT ? tl_json_int(value) : -1;
}

static void read_schema(tl_request *req, const tl_json *json, manifest *m)
{
    m->schema_count = tl_json_count(json);
    m->schema = tl_alloc(req, (m->schema_count + 1) * sizeof *m->schema);
    for (size_t i = 0; i < m->schema_count; i++) {
        const tl_json *version = tl_json_at(json, i);
        m->schema[i] = (schema_version){text_of(version, "owner"), number_of(version, "number")};
    }
}

static void read_tables(tl_request *req, const tl_json *json, table_list *tables)
{
    tables->count = tl_json_count(json);
    tables->items = tl_alloc(req, (tables->count + 1) * sizeof *tables->items);
    for (size_t i = 0; i < tables->count; i++) {
        const tl_json *table = tl_json_at(json, i);
        tables->items[i] = (table_sum){text_of(table, "name"), number_of(table, "rows"), text_of(table, "sum")};
    }
}

/* The key that the file says it is sealed with. False with `*problem`; NULL in `*key`: none, and none is wanted. */
static bool key_of(tl_request *req, const keyring *ring, const tl_json *seal, const backup_key **key,
                   const char **problem)
{
    const char *id = tl_json_string(tl_json_get(seal, "key"));

    *key = id ? keyring_find(ring, id) : NULL;
    if (id && !*key) {
        *problem = tl_format(req, "it was made with key %.16s, which is %s", id,
                             ring->count > 0 ? "not among the configured ones" : "not configured");
        return false;
    }
    /* Whoever may write to the store could put such a file there. */
    if (!id && ring->count > 0) {
        *problem = "it is not authenticated, although a key is configured";
        return false;
    }
    return true;
}

/* The values inside the file; NULL with `*problem`. */
static const tl_json *unwrap(tl_request *req, const char *kind, const void *bytes, size_t length, const char **problem)
{
    const tl_json *file = tl_json_parse(req, bytes, length);
    const tl_json *json = tl_json_get(file, kind);

    *problem = tl_format(req, "its %s is damaged", kind);
    return tl_json_type_of(file) == TL_JSON_OBJECT && tl_json_type_of(json) == TL_JSON_OBJECT ? file : NULL;
}

static bool fits(const tl_json *file, const char *value)
{
    return seal_fits(value, text_of(tl_json_get(file, "seal"), "value"));
}

const manifest *manifest_read(tl_request *req, const keyring *ring, const char *name, const void *bytes, size_t length,
                              const char **problem)
{
    const backup_key *key;
    char value[SEAL_TEXT];
    const tl_json *file = unwrap(req, "manifest", bytes, length, problem);

    if (!file || !key_of(req, ring, tl_json_get(file, "seal"), &key, problem))
        return NULL;
    const tl_json *json = tl_json_get(file, "manifest");
    if (number_of(json, "format") != MANIFEST_FORMAT) {
        *problem = "its manifest is of a format that this version does not know";
        return NULL;
    }
    manifest *m = tl_alloc(req, sizeof *m);
    *m = (manifest){
        .name = text_of(json, "name"),
        .started = number_of(json, "started"),
        .milliseconds = number_of(json, "milliseconds"),
        .size = number_of(json, "size"),
        .plain_size = number_of(json, "plain_size"),
        .sha256 = text_of(json, "sha256"),
        .key_id = text_of(json, "key_id"),
        .server = text_of(json, "server_version"),
        .program = text_of(json, "pg_dump_version"),
        .encoding = text_of(json, "encoding"),
        .collate = text_of(json, "collate"),
        .ctype = text_of(json, "ctype"),
    };
    read_schema(req, tl_json_get(json, "schema"), m);
    read_tables(req, tl_json_get(json, "tables"), &m->tables);
    manifest_seal(m, key, value);
    if (!fits(file, value))
        *problem = "its manifest has been altered";
    else if (strcmp(m->name, name) != 0)
        *problem = tl_format(req, "its manifest is that of %.25s", m->name);
    else if (key && strcmp(m->key_id, key->id_text) != 0)
        *problem = "its dump is not encrypted with the key of its manifest";
    else
        *problem = NULL;
    return *problem ? NULL : m;
}

const verdict *verdict_read(tl_request *req, const keyring *ring, const manifest *of, const void *bytes, size_t length,
                            const char **problem)
{
    const backup_key *key;
    char value[SEAL_TEXT];
    const tl_json *file = unwrap(req, "verdict", bytes, length, problem);

    if (!file || !key_of(req, ring, tl_json_get(file, "seal"), &key, problem))
        return NULL;
    const tl_json *json = tl_json_get(file, "verdict");
    verdict *v = tl_alloc(req, sizeof *v);
    *v = (verdict){
        .name = text_of(json, "name"),
        .sha256 = text_of(json, "sha256"),
        .is_good = tl_json_bool(tl_json_get(json, "good")),
        .checked = number_of(json, "checked"),
        .reason = text_of(json, "reason"),
        .is_restorable = tl_json_bool(tl_json_get(json, "restorable")),
        .drilled = number_of(json, "drilled"),
        .milliseconds = number_of(json, "drill_milliseconds"),
        .drill_reason = text_of(json, "drill_reason"),
    };
    verdict_seal(v, key, value);
    if (!fits(file, value))
        *problem = "its verdict has been altered";
    else if (strcmp(v->name, of->name) != 0 || strcmp(v->sha256, of->sha256) != 0)
        *problem = "its verdict is about another dump";
    else
        *problem = NULL;
    return *problem ? NULL : v;
}

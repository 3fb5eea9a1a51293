/* The sections [store:NAME]: each is bound to the same table, and the driver decides which of its keys are needed. */
#include <stddef.h>
#include <string.h>

#include "core/config/parts.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, LONGEST_BUCKET = 63, SHORTEST_BUCKET = 3 };

#define AT(field) ((void *)offsetof(store_settings, field))

static const tl_option store_options[] = {
    {"driver", TL_OPTION_CHOICE, AT(driver), .choices = "dir|s3",
     .help = "write driver = dir for a folder, or driver = s3 for a bucket"},
    {"folder", TL_OPTION_STRING, AT(folder), "", .help = "dir: where the objects are kept"},
    {"endpoint", TL_OPTION_STRING, AT(endpoint), "", .help = "s3: https://host or https://host:port, without a path"},
    {"region", TL_OPTION_STRING, AT(region), "us-east-1", .help = "s3: what requests are signed for"},
    {"bucket", TL_OPTION_STRING, AT(bucket), "", .help = "s3: the bucket's name"},
    {"path_style", TL_OPTION_BOOL, AT(path_style), "no",
     .help = "s3: endpoint/bucket/key instead of bucket.endpoint/key"},
    {"access_key", TL_OPTION_STRING, AT(access_key), "",
     .help = "s3: empty: from AWS_ACCESS_KEY_ID, or the role of the container or machine"},
    {"secret_key", TL_OPTION_SECRET, AT(secret_key), "", .help = "s3: of that access key"},
    {"ca_file", TL_OPTION_STRING, AT(ca_file), "", .help = "s3: certificates to trust; empty: the system's"},
    {"connections", TL_OPTION_INT, AT(connections), "32", 1, 1000, .help = "s3: transfers at once in a worker"},
    {"connect_timeout", TL_OPTION_DURATION, AT(connect_timeout), "5s", 100, 10 * MINUTE,
     .help = "s3: until a connection is there"},
    {"stall_timeout", TL_OPTION_DURATION, AT(stall_timeout), "10s", 100, 60 * MINUTE,
     .help = "s3: how long not a single byte may come or go"},
    {"public_url", TL_OPTION_STRING, AT(public_url), "",
     .help = "s3: where visitors read public objects, such as a CDN; empty: at the bucket itself"},
    {0},
};

enum { OPTIONS = sizeof store_options / sizeof *store_options };

typedef struct check {
    config *c;
    problems *found;
    const char *section;
    bool is_fine;
} check;

static void complain(check *k, const char *key, const char *shown, const char *expected)
{
    const entry *e = entry_find(k->c, k->section, key);
    const section *s = section_find(k->c, k->section);
    k->is_fine = false;
    problems_add(k->found, k->c->ini, e ? e->line : s->line, "[%s] %s = %s: expected %s", k->section, key,
                 *shown ? shown : "(empty)", expected);
}

/* What is behind the scheme, NULL for another one. */
static const char *skip_scheme(const char *url)
{
    return strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

static bool is_endpoint(const char *url)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    const char *host = skip_scheme(url);
    return host && *host && strspn(host, allowed) == strlen(host);
}

/* Nothing that would change the URL or the host it becomes a part of. */
static bool is_bucket(const char *name)
{
    size_t length = strlen(name);
    return length >= SHORTEST_BUCKET && length <= LONGEST_BUCKET && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length && !strstr(name, "..");
}

static bool is_word(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(text);
}

static void check_s3(check *k, const store_settings *s)
{
    if (!is_endpoint(s->endpoint))
        complain(k, "endpoint", s->endpoint, "https://host or https://host:port, without a path");
    if (!is_word(s->region))
        complain(k, "region", s->region, "a region, such as eu-central-1");
    if (!is_bucket(s->bucket))
        complain(k, "bucket", s->bucket, "3 to 63 of a-z, 0-9, '.' and '-'");
    else if (!s->path_style && strchr(s->bucket, '.') && strncmp(s->endpoint, "https:", 6) == 0)
        complain(k, "path_style", "no", "yes: no certificate covers a bucket with a '.' in front of the host");
    if (*s->access_key && !*s->secret_key)
        complain(k, "secret_key", "", "the secret of access_key");
    if (*s->secret_key && !*s->access_key)
        complain(k, "access_key", "", "the access key that secret_key belongs to");
    if (*s->public_url && !skip_scheme(s->public_url))
        complain(k, "public_url", s->public_url, "an address that begins with https:// or http://");
}

static void resolve(config *c, const char *section_name, const char *key, const char **path)
{
    bound *b = bound_find(c, section_name, key);
    if (b && **path)
        b->shown = *path = path_resolve(c, *path);
}

static bool bind_store(config *c, const char *section_name, store_settings *out, problems *found)
{
    tl_option options[OPTIONS];
    memcpy(options, store_options, sizeof options);
    for (tl_option *o = options; o->name; o++)
        o->target = (char *)out + (uintptr_t)o->target;
    out->name = section_name + strlen(STORE_PREFIX);
    check k = {.c = c, .found = found, .section = section_name, .is_fine = true};
    if (!config_bind(c, section_name, options, sizeof *options, NULL, found))
        return false;
    if (strcmp(out->driver, "s3") == 0)
        check_s3(&k, out);
    else if (!*out->folder)
        complain(&k, "folder", "", "a folder, for the dir driver");
    resolve(c, section_name, "folder", &out->folder);
    resolve(c, section_name, "ca_file", &out->ca_file);
    return k.is_fine;
}

bool stores_bind(config *c, settings *out, problems *found)
{
    size_t count = 0;
    const section *s;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        count += strncmp(s->name, STORE_PREFIX, strlen(STORE_PREFIX)) == 0;
    }
    store_settings *stores = arena_alloc(c->memory, (count + 1) * sizeof *stores);
    out->stores = stores;
    out->store_count = count;
    bool is_bound = true;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        if (strncmp(s->name, STORE_PREFIX, strlen(STORE_PREFIX)) == 0)
            is_bound &= bind_store(c, s->name, stores++, found);
    }
    return is_bound;
}

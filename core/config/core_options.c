/* Every key of the core: its name, its kind, its default, its limits, and a line about it. */
#include <stddef.h>
#include <string.h>

#include "core/config/installed.h"
#include "core/config/parts.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    KIB = 1024,
    MIB = 1024 * KIB,
    GIB = 1024 * MIB,
    MILLION = 1000000,
};

/* The tables point into this one, which is never written; config_core_sections turns that into places in another. */
static const settings model;
#define AT(field) ((void *)&model.field)

static const tl_option server_options[] = {
    {"mode", TL_OPTION_CHOICE, AT(mode), "development", .choices = "development|production",
     .help = "production refuses weak secrets and files that others may read"},
    {"address", TL_OPTION_STRING, AT(address), "127.0.0.1", .help = "IPv4 or IPv6 address to listen on"},
    {"port", TL_OPTION_INT, AT(port), "5000", 0, 65535, .help = "TCP port; 0: a free one, which is printed"},
    {"workers", TL_OPTION_INT, AT(workers), "0", 0, 256, .help = "processes that serve; 0: one a core"},
    {"blocking_threads", TL_OPTION_INT, AT(blocking_threads), "2", 1, 64,
     .help = "threads of each plugin in a worker for what would hold the loop"},
    {"blocking_queue", TL_OPTION_INT, AT(blocking_queue), "256", 1, 100000,
     .help = "work of each plugin that may wait for those threads"},
    {"request_memory", TL_OPTION_SIZE, AT(request_memory), "256M", MIB, 64LL * GIB,
     .help = "what a request or a job may take; one that takes more is ended"},
    {"start_timeout", TL_OPTION_DURATION, AT(start_timeout), "30s", 100, HOUR,
     .help = "how long a process may take to load, and to start its plugins"},
    {"stop_timeout", TL_OPTION_DURATION, AT(stop_timeout), "30s", 100, HOUR,
     .help = "until a graceful stop becomes a hard one"},
    {"watchdog", TL_OPTION_DURATION, AT(watchdog), "30s", 0, HOUR,
     .help = "a worker whose loop has not turned for so long is ended and replaced; 0: never"},
    {"watch", TL_OPTION_CHOICE, AT(watch), "auto", .choices = "auto|yes|no",
     .help = "reload when the ini file or a plugin's file changes; auto: in development"},
    {"plugin_dir", TL_OPTION_STRING, AT(plugin_dir), "",
     .help = "folder of the plugins' .so files; default: the installed one"},
    {"migrations_dir", TL_OPTION_STRING, AT(migrations_dir), "",
     .help = "folder of the SQL files; default: the installed one"},
    {"run_dir", TL_OPTION_STRING, AT(run_dir), "/run/talelio", .help = "folder of the pid file and the control socket"},
    {"user", TL_OPTION_STRING, AT(user), "", .help = "whom to become when started as root"},
    {0},
};

static const tl_option http_options[] = {
    {"max_connections", TL_OPTION_INT, AT(max_connections), "10000", 1, MILLION, .help = "open connections a worker"},
    {"max_requests", TL_OPTION_INT, AT(max_requests), "2000", 1, 20000,
     .help = "requests that run at once in a worker; above that, 503"},
    {"max_request_line", TL_OPTION_SIZE, AT(max_request_line), "8K", 256, MIB, .help = "length of the request line"},
    {"max_headers", TL_OPTION_SIZE, AT(max_headers), "32K", KIB, 4 * MIB, .help = "request line and all headers"},
    {"max_body", TL_OPTION_SIZE, AT(max_body), "1M", KIB, GIB, .help = "body of a request; a route may have its own"},
    {"max_keepalive", TL_OPTION_INT, AT(max_keepalive), "10000", 1, 1000 * MILLION,
     .help = "requests over one connection"},
    {"header_timeout", TL_OPTION_DURATION, AT(header_timeout), "10s", 100, HOUR,
     .help = "until the whole head of a request is there"},
    {"body_timeout", TL_OPTION_DURATION, AT(body_timeout), "60s", 100, HOUR,
     .help = "until the whole request is there"},
    {"idle_timeout", TL_OPTION_DURATION, AT(idle_timeout), "60s", 100, HOUR,
     .help = "how long a connection may wait for its next request"},
    {"write_timeout", TL_OPTION_DURATION, AT(write_timeout), "60s", 100, HOUR,
     .help = "how long a client may read nothing of its response"},
    {"request_timeout", TL_OPTION_DURATION, AT(request_timeout), "30s", 100, HOUR,
     .help = "until the handler must have answered"},
    {"cors_origins", TL_OPTION_LIST, AT(cors_origins), "",
     .help = "origins whose pages may call, as https://www.example.org"},
    {"trusted_proxies", TL_OPTION_LIST, AT(trusted_proxies), "",
     .help = "addresses whose X-Forwarded-For counts; \"unix\" for a unix socket"},
    {0},
};

static const tl_option log_options[] = {
    {"file", TL_OPTION_STRING, AT(log_file), "", .help = "a file to append to; empty: stderr"},
    {"format", TL_OPTION_CHOICE, AT(log_format), "text", .choices = "text|json",
     .help = "text for people, json for machines"},
    {"level", TL_OPTION_CHOICE, AT(log_level), "info", .choices = "debug|info|warning|error",
     .help = "the least that is logged"},
    {"access", TL_OPTION_BOOL, AT(log_access), "yes", .help = "one line a request"},
    {"slow_handler", TL_OPTION_DURATION, AT(log_slow_handler), "100ms", 0, HOUR,
     .help = "a warning when a handler holds the loop longer; 0: never"},
    {0},
};

static const tl_option postgres_options[] = {
    {"url", TL_OPTION_SECRET, AT(postgres_url),
     .help = "write url = postgresql://user:password@host/database, or url = ${DATABASE_URL} and set that"},
    {"pipelines", TL_OPTION_INT, AT(db_pipelines), "2", 1, 64, .help = "shared connections a worker"},
    {"transactions", TL_OPTION_INT, AT(db_transactions), "8", 1, 256,
     .help = "connections a worker for transactions, at most"},
    {"queue", TL_OPTION_INT, AT(db_queue), "2000", 1, MILLION, .help = "statements that may wait in a worker"},
    {"query_timeout", TL_OPTION_DURATION, AT(db_query_timeout), "10s", 10, HOUR, .help = "of one statement"},
    {"wait", TL_OPTION_DURATION, AT(db_wait), "0ms", 0, HOUR,
     .help = "how long a statement waits while the database is away; 0: not at all"},
    {"prepare", TL_OPTION_BOOL, AT(db_prepare), "yes",
     .help = "prepare statements; no behind a pooler in transaction mode"},
    {0},
};

static const tl_option redis_options[] = {
    {"address", TL_OPTION_STRING, AT(redis_address), "127.0.0.1:6379",
     .help = "host:port, [IPv6]:port, or /path/to/socket"},
    {"username", TL_OPTION_STRING, AT(redis_username), "", .help = "empty: the default user"},
    {"password", TL_OPTION_SECRET, AT(redis_password), "", .help = "empty: none is sent"},
    {"database", TL_OPTION_INT, AT(redis_database), "0", 0, 100000, .help = "number of the database"},
    {"prefix", TL_OPTION_STRING, AT(redis_prefix), "talelio:", .help = "what every key begins with"},
    {"timeout", TL_OPTION_DURATION, AT(redis_timeout), "2s", 10, HOUR, .help = "of one command"},
    {"queue", TL_OPTION_INT, AT(redis_queue), "2000", 1, MILLION, .help = "commands under way in a worker"},
    {0},
};

static const tl_option mail_options[] = {
    {"driver", TL_OPTION_CHOICE, AT(mail_driver), "file", .choices = "file|smtp",
     .help = "file: mails are put into a folder; smtp: they are sent"},
    {"folder", TL_OPTION_STRING, AT(mail_folder), "../var/mail", .help = "where the file driver puts them"},
    {"from", TL_OPTION_STRING, AT(mail_from), "talelio <no-reply@localhost>", .help = "the sender of every mail"},
    {"smtp_url", TL_OPTION_STRING, AT(smtp_url), "", .help = "smtp://host:587 or smtps://host:465"},
    {"smtp_username", TL_OPTION_STRING, AT(smtp_username), "", .help = "empty: no login"},
    {"smtp_password", TL_OPTION_SECRET, AT(smtp_password), "", .help = "of that user"},
    {"smtp_tls", TL_OPTION_CHOICE, AT(smtp_tls), "require", .choices = "require|try|off",
     .help = "whether mail may travel unencrypted"},
    {"smtp_ca_file", TL_OPTION_STRING, AT(smtp_ca_file), "", .help = "certificates to trust; empty: the system's"},
    {"attempts", TL_OPTION_INT, AT(mail_attempts), "12", 1, 100, .help = "until a mail is given up"},
    {0},
};

static const config_section templates[] = {
    {"server", server_options},     {"http", http_options},   {"log", log_options},
    {"postgres", postgres_options}, {"redis", redis_options}, {"mail", mail_options},
};

enum { SECTIONS = sizeof templates / sizeof *templates, MOST_OPTIONS = 24 };

const config_section *config_core_sections(settings *target, size_t *count)
{
    static tl_option options[SECTIONS][MOST_OPTIONS];
    static config_section sections[SECTIONS];
    for (size_t i = 0; i < SECTIONS; i++) {
        size_t at = 0;
        for (const tl_option *from = templates[i].options; from->name; from++, at++) {
            options[i][at] = *from;
            ptrdiff_t place = (const char *)from->target - (const char *)&model;
            options[i][at].target = target ? (char *)target + place : NULL;
        }
        options[i][at] = (tl_option){0};
        sections[i] = (config_section){templates[i].name, options[i]};
    }
    *count = SECTIONS;
    return sections;
}

typedef struct section_names {
    const config_section *sections;
    size_t count;
} section_names;

static const char *next_section_name(void *arg)
{
    section_names *names = arg;
    if (names->count == 0)
        return NULL;
    names->count--;
    return (names->sections++)->name;
}

static bool are_sections_known(const config *c, section_names known, problems *found)
{
    const section *s;
    bool are_known = true;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        bool is_known = strncmp(s->name, PLUGIN_PREFIX, strlen(PLUGIN_PREFIX)) == 0 ||
                        strncmp(s->name, STORE_PREFIX, strlen(STORE_PREFIX)) == 0;
        for (size_t i = 0; i < known.count && !is_known; i++)
            is_known = strcmp(known.sections[i].name, s->name) == 0;
        if (is_known)
            continue;
        are_known = false;
        section_names names = known;
        const char *near = nearest_name(s->name, next_section_name, &names);
        if (near)
            problems_add(found, c->ini, s->line, "[%s]: there is no such section; did you mean [%s]?", s->name, near);
        else
            problems_add(found, c->ini, s->line, "[%s]: there is no such section; a plugin's is written [plugin:%s]",
                         s->name, s->name);
    }
    return are_known;
}

static void find_installed(config *c, const char *key, const char *folder, const char **path)
{
    char found[PATH_MAX];
    bound *b = bound_find(c, "server", key);
    if (b && !entry_find(c, "server", key))
        b->shown = *path = arena_copy(c->memory, installed_folder(folder, found));
}

/* Makes the folders and files of the core absolute; an empty log file stays empty. */
static void resolve_paths(config *c, settings *s)
{
    const struct {
        const char *section, *key, **path;
    } paths[] = {
        {"server", "plugin_dir", &s->plugin_dir}, {"server", "migrations_dir", &s->migrations_dir},
        {"server", "run_dir", &s->run_dir},       {"log", "file", &s->log_file},
        {"mail", "folder", &s->mail_folder},      {"mail", "smtp_ca_file", &s->smtp_ca_file},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        bound *b = bound_find(c, paths[i].section, paths[i].key);
        if (b && *paths[i].path && **paths[i].path)
            b->shown = *paths[i].path = path_resolve(c, *paths[i].path);
    }
}

bool config_bind_core(config *c, settings *out, problems *found)
{
    section_names known;
    *out = (settings){0};
    known.sections = config_core_sections(out, &known.count);
    bool is_bound = are_sections_known(c, known, found);
    for (size_t i = 0; i < known.count; i++)
        is_bound &= config_bind(c, known.sections[i].name, known.sections[i].options, sizeof(tl_option), NULL, found);
    is_bound &= stores_bind(c, out, found);
    find_installed(c, "plugin_dir", TL_PLUGIN_DIR, &out->plugin_dir);
    find_installed(c, "migrations_dir", TL_MIGRATIONS_DIR, &out->migrations_dir);
    resolve_paths(c, out);
    return core_check(c, out, found) && is_bound;
}

/*
 * Everything the core reads from the ini file, checked and typed. Plugins' sections are bound to their own tables
 * later.
 */
#ifndef CORE_CONFIG_SETTINGS_H
#define CORE_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talelio/plugin.h>

/* One section [store:NAME]. What its driver does not use may be empty. */
typedef struct store_settings {
    const char *name;
    const char *driver;   /* "dir" or "s3" */
    const char *folder;   /* dir: relative to the ini file */
    const char *endpoint; /* s3: https://host[:port] */
    const char *region;   /* us-east-1 */
    const char *bucket;
    bool path_style;         /* endpoint/bucket/key */
    const char *access_key;  /* "": environment, container or instance role */
    const char *secret_key;  /* secret */
    const char *ca_file;     /* "": the system's; relative to the ini file */
    int64_t connections;     /* a worker; 32 */
    int64_t connect_timeout; /* 5s */
    int64_t stall_timeout;   /* without a single byte; 10s */
    const char *public_url;  /* "": the bucket itself */
} store_settings;

typedef struct settings {
    /* [server] */
    const char *mode;         /* "development" or "production" */
    const char *address;      /* "127.0.0.1"; also IPv6 */
    int64_t port;             /* 5000; 0: a free one, printed */
    int64_t workers;          /* 0: number of cores */
    int64_t blocking_threads; /* of each plugin in a worker; 2 */
    int64_t blocking_queue;   /* of each plugin; 256 */
    int64_t request_memory;   /* bytes; 256M */
    int64_t start_timeout;    /* 30s: until every process of a generation must be ready */
    int64_t stop_timeout;     /* 30s: until a graceful stop becomes hard */
    int64_t watchdog;         /* 30s: a worker whose loop has not turned for so long is ended; 0: never */
    const char *watch;        /* "auto", "yes" or "no": reload when the files change; auto: in development */
    const char *plugin_dir;   /* relative to the ini file */
    const char *migrations_dir;
    const char *run_dir; /* pid file, control socket; relative to the ini file */
    const char *user;    /* when started as root: who to become; "" only in development */
    /* [http] */
    int64_t max_connections;  /* a worker; 10000 */
    int64_t max_requests;     /* running at once in a worker; 2000; above: 503 */
    int64_t max_request_line; /* 8K */
    int64_t max_headers;      /* 32K, all together with the line; also at most 100 lines */
    int64_t max_body;         /* 1M */
    int64_t max_keepalive;    /* requests a connection; 10000 */
    int64_t header_timeout;   /* until the whole head is there; 10s */
    int64_t body_timeout;     /* until the whole request is there; 60s */
    int64_t idle_timeout;     /* between requests; 60s */
    int64_t write_timeout;    /* a client that reads nothing; 60s */
    int64_t request_timeout;  /* until the handler must have answered; 30s */
    tl_list cors_origins;     /* exact origins */
    tl_list trusted_proxies;  /* addresses whose X-Forwarded-For counts; "unix" for a unix socket */
    /* [log] */
    const char *log_file;     /* "" : stderr */
    const char *log_format;   /* "text" or "json" */
    const char *log_level;    /* "debug", "info", "warning", "error" */
    bool log_access;          /* one line a request */
    int64_t log_slow_handler; /* a warning when a handler holds the loop longer; 100ms; 0: never */
    /* [postgres] */
    const char *postgres_url; /* secret: URI or keywords, as libpq takes it */
    int64_t db_pipelines;     /* shared connections a worker; 2 */
    int64_t db_transactions;  /* leased connections a worker, at most; 8 */
    int64_t db_queue;         /* statements that may wait; 2000 */
    int64_t db_query_timeout; /* 10s */
    int64_t db_wait; /* how long a statement waits for a connection while the database is away; 0ms: not at all */
    bool db_prepare; /* yes; no behind a pooler in transaction mode */
    /* [redis] */
    const char *redis_address; /* host:port, [v6]:port, or /path/to/socket */
    const char *redis_username;
    const char *redis_password; /* secret */
    int64_t redis_database;
    const char *redis_prefix; /* "talelio:" */
    int64_t redis_timeout;    /* of one command; 2s */
    int64_t redis_queue;      /* commands under way; 2000 */
    /* [mail] */
    const char *mail_driver; /* "file" or "smtp" */
    const char *mail_folder; /* of the file driver; relative to the ini file */
    const char *mail_from;   /* "talelio <no-reply@localhost>" */
    const char *smtp_url;    /* smtp://host:587 or smtps://host:465 */
    const char *smtp_username;
    const char *smtp_password; /* secret */
    const char *smtp_tls;      /* "require" (default), "try", "off" */
    const char *smtp_ca_file;  /* "": the system's; relative to the ini file */
    int64_t mail_attempts;     /* 12 */
    /* [store:NAME], in the order of the file */
    const store_settings *stores;
    size_t store_count;
} settings;

#endif

/*
 * The fixture: a worker as core/process makes one, as far as tests need it. It starts no server.
 */
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log/log.h"
#include "core/memory/arena.h"
#include "core/pool/isolation.h"
#include "core/pool/pool.h"
#include "core/process/scoreboard.h"

enum { RUN_SECONDS = 120 };

static char log_path[] = "/tmp/talelio-test-XXXXXX";

const char *fixture_log_path(void)
{
    return log_path;
}

static void remove_log(void)
{
    unlink(log_path);
}

static void make_log_file(void)
{
    static bool made;
    if (made)
        return;
    int fd = mkstemp(log_path);
    if (fd < 0) {
        perror("temporary log file");
        exit(1);
    }
    close(fd);
    made = true;
    atexit(remove_log);
}

settings *fixture_settings(void)
{
    static settings s;
    make_log_file();
    s = (settings){
        .mode = "development",
        .address = "127.0.0.1",
        .workers = 1,
        .blocking_threads = 2,
        .blocking_queue = 256,
        .stop_timeout = 30000,
        .plugin_dir = ".",
        .migrations_dir = "migrations",
        .run_dir = "/tmp",
        .user = "",
        .request_memory = 256 << 20,
        .max_connections = 10000,
        .max_requests = 2000,
        .max_request_line = 8192,
        .max_headers = 32768,
        .max_body = 1048576,
        .max_keepalive = 10000,
        .header_timeout = 10000,
        .body_timeout = 60000,
        .idle_timeout = 60000,
        .write_timeout = 60000,
        .request_timeout = 30000,
        .log_file = log_path,
        .log_format = "text",
        .log_level = "debug",
        .log_access = true,
        .log_slow_handler = 100,
        .postgres_url = getenv("TALELIO_TEST_POSTGRES"),
        .db_pipelines = 2,
        .db_transactions = 8,
        .db_queue = 2000,
        .db_query_timeout = 10000,
        .db_prepare = true,
        .redis_address = getenv("TALELIO_TEST_REDIS"),
        .redis_username = "",
        .redis_password = "",
        .redis_prefix = "talelio:",
        .redis_timeout = 2000,
        .redis_queue = 2000,
        .mail_driver = "file",
        .mail_folder = "/tmp",
        .mail_from = "talelio <no-reply@localhost>",
        .smtp_url = "",
        .smtp_username = "",
        .smtp_password = "",
        .smtp_tls = "require",
        .mail_attempts = 12,
    };
    return &s;
}

worker *fixture_worker_new(settings *s)
{
    worker *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->role = ROLE_HTTP;
    w->generation = 1;
    w->settings = s;
    w->base = loop_new();
    assert_non_null(w->base);
    w->log = logger_new(s, w->base, "test");
    w->arenas = arena_pool_new(64);
    w->fibers = fiber_pool_new(64, (size_t)s->max_requests);
    w->requests = request_table_new(w);
    assert_non_null(w->requests);
    w->pool = pool_new(w, (size_t)s->blocking_threads, (size_t)s->blocking_queue);
    assert_non_null(w->pool);
    w->isolation = isolation_new(w, (size_t)s->blocking_threads, (size_t)s->blocking_queue);
    assert_non_null(w->isolation);
    w->board = calloc(1, sizeof *w->board);
    assert_non_null(w->board);
    the_worker = w;
    return w;
}

size_t fixture_log_count(worker *w, const char *text)
{
    logger_flush(w->log);
    char line[4096];
    size_t count = 0;
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

static bool none_alive(worker *w)
{
    for (int turn = 0; turn < 20000 && request_count(w->requests) > 0; turn++) {
        request_cancel_all(w->requests);
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        if (request_count(w->requests) > 0)
            usleep(1000);
    }
    return request_count(w->requests) == 0;
}

void fixture_worker_free(worker *w)
{
    if (!w)
        return;
    assert_true(none_alive(w));
    the_worker = NULL;
    free(w->board);
    pool_free(w->pool);
    isolation_free(w->isolation);
    request_table_free(w->requests);
    fiber_pool_free(w->fibers);
    arena_pool_free(w->arenas);
    logger_free(w->log);
    event_base_free(w->base);
    free(w);
}

struct running {
    void (*run)(tl_request *req, void *arg);
    void *arg;
    bool done;
};

static void run_and_tell(tl_request *req, void *arg)
{
    struct running *r = arg;
    r->run(req, r->arg);
    r->done = true;
}

void fixture_run(worker *w, void (*run)(tl_request *req, void *arg), void *arg)
{
    struct running r = {run, arg, false};
    tl_request *req = request_new(w, 0);
    assert_non_null(req);
    assert_true(request_start(req, run_and_tell, &r));
    if (!r.done && !fixture_until(w, &r.done, RUN_SECONDS * 1000))
        fail_msg("the fiber has not ended after %d seconds", RUN_SECONDS);
}

static void set_flag(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

bool fixture_until(worker *w, const bool *done, int milliseconds)
{
    bool late = false;
    struct timeval pause = {milliseconds / 1000, milliseconds % 1000 * 1000};
    struct event *timer = event_new(w->base, -1, 0, set_flag, &late);
    assert_non_null(timer);
    event_add(timer, &pause);
    while (!*done && !late)
        event_base_loop(w->base, EVLOOP_ONCE);
    event_free(timer);
    return *done;
}

static const char *needed(const char *name)
{
    const char *value = getenv(name);
    if (!value || !*value)
        fail_msg("%s is not set: run the tests through scripts/test, which starts the servers", name);
    return value;
}

const char *fixture_postgres(void)
{
    return needed("TALELIO_TEST_POSTGRES");
}

const char *fixture_redis(void)
{
    return needed("TALELIO_TEST_REDIS");
}

char *fixture_source_text(const char *name)
{
    char path[1024], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", TL_TEST_SOURCE, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

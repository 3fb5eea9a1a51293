/*
 * What most unit tests of the core stand on: a worker with a loop, fibers and a log, without HTTP or servers.
 *
 * Include cmocka.h after the headers of talelio: its macro `fail` meets members of that name. Assert outside of fibers,
 * after fixture_run: a failing assertion jumps, and from another stack that ends the whole program.
 */
#ifndef TESTS_UNIT_SUPPORT_FIXTURE_H
#define TESTS_UNIT_SUPPORT_FIXTURE_H

#include "core/request/request.h"
#include "core/worker.h"

/* Settings with the defaults of development, to change before the first use. */
settings *fixture_settings(void);

/* A worker of the_worker's kind; the log goes to a temporary file (path in `fixture_log_path`). */
worker *fixture_worker_new(settings *s);
void fixture_worker_free(worker *w);
const char *fixture_log_path(void);

/* How often `text` stands in the worker's log. */
size_t fixture_log_count(worker *w, const char *text);

/* Runs `run(req, arg)` on a fiber and the loop until it has ended. Fails the test after two minutes. */
void fixture_run(worker *w, void (*run)(tl_request *req, void *arg), void *arg);

/* Turns the loop until `*done`, at most `milliseconds`; true when done. */
bool fixture_until(worker *w, const bool *done, int milliseconds);

/* The servers that scripts/test starts: a PostgreSQL URL and a Redis socket path; the test fails without them. */
const char *fixture_postgres(void); /* TALELIO_TEST_POSTGRES */
const char *fixture_redis(void);    /* TALELIO_TEST_REDIS */

/* The text of a file of the source tree, "migrations/0004_job_runs.sql"; to be freed. Fails the test when it is not
 * there. */
char *fixture_source_text(const char *name);

#endif

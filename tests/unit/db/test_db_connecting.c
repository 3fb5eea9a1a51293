/*
 * Getting a connection: the schema check, refusals, hosts.
 */
#include "tests/unit/db/proxy.h"

#include "core/db/private.h"

static void ask(tl_request *req, void *arg)
{
    tl_db_error *error = arg;
    query(req, "SELECT 1");
    *error = db_error(req);
}

static tl_db_error ask_once(worker *w)
{
    tl_db_error error = TL_DB_FAILED;
    fixture_run(w, ask, &error);
    return error;
}

static void test_the_schema_check_refuses_and_lets_in(void **state)
{
    (void)state;
    sql("CREATE TABLE needed (reason text)");
    sql("INSERT INTO needed VALUES ('migration 2 is missing: run talelio migrate')");
    settings *s = fixture_settings();
    worker *w = open_pool(s, "SELECT reason FROM needed");
    empty_log(w);
    assert_true(reaches(w, DB_REFUSED));
    assert_string_equal(db_reason(w->db), "migration 2 is missing: run talelio migrate");
    assert_int_equal(ask_once(w), TL_DB_UNAVAILABLE);
    turn_for(w, 2500);
    assert_int_equal(log_count(w, "migration 2 is missing"), 1);

    sql("UPDATE needed SET reason = 'migration 3 is missing'");
    for (int turn = 0; turn < 400 && log_count(w, "migration 3 is missing") == 0; turn++)
        turn_for(w, 50);
    assert_int_equal(log_count(w, "migration 3 is missing"), 1);

    sql("UPDATE needed SET reason = ''");
    assert_true(reaches(w, DB_READY));
    assert_int_equal(ask_once(w), TL_DB_OK);
    close_pool(w);
    sql("DROP TABLE needed");
}

static void test_a_check_that_cannot_run_refuses(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), "SELECT reason FROM never_made");
    assert_true(reaches(w, DB_REFUSED));
    assert_non_null(strstr(db_reason(w->db), "never_made"));
    close_pool(w);
}

static void test_a_check_that_takes_too_long_is_no_refusal(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_query_timeout = 50;
    worker *w = open_pool(s, "SELECT pg_sleep(10)::text");
    assert_true(reaches(w, DB_AWAY));
    assert_non_null(strstr(db_reason(w->db), "statement timeout"));
    close_pool(w);
}

static void test_a_database_that_does_not_exist_is_a_refusal(void **state)
{
    (void)state;
    char url[1024];
    settings *s = fixture_settings();
    snprintf(url, sizeof url, "%s dbname=no_such_database password=hunter2", url_of_server());
    s->postgres_url = url;
    worker *w = fixture_worker_new(s);
    empty_log(w);
    w->db = db_new(w, NULL);
    assert_true(reaches(w, DB_REFUSED));
    assert_non_null(strstr(db_reason(w->db), "no_such_database"));
    assert_null(strstr(db_reason(w->db), "LOCATION"));
    turn_for(w, 1500);
    assert_int_equal(log_count(w, "[postgres]"), 1);
    assert_int_equal(log_count(w, "hunter2"), 0);
    close_pool(w);
}

/* The text with the test's own name, which is also the name of its role and of its database, for every "@". */
static const char *own(const char *text)
{
    static char made[4][1024];
    static int next;
    char *out = made[next++ % 4];
    size_t length = 0;
    for (; *text && length < sizeof made[0] - 1; text++)
        length += (size_t)(*text == '@' ? snprintf(out + length, sizeof made[0] - length, "%s", schema_name())
                                        : snprintf(out + length, sizeof made[0] - length, "%c", *text));
    return out;
}

/* A pool whose connection string ends with `added` gets into this state, for a reason that says this. */
static void expect_outcome(const char *added, db_state outcome, const char *reason)
{
    char url[2048];
    settings *s = fixture_settings();
    snprintf(url, sizeof url, "%s %s", url_of_server(), own(added));
    s->postgres_url = url;
    worker *w = fixture_worker_new(s);
    empty_log(w);
    w->db = db_new(w, NULL);
    if (!reaches(w, outcome) || !strstr(db_reason(w->db), reason))
        fail_msg("%s: state %d, reason '%s'", added, db_state_of(w->db), db_reason(w->db));
    assert_int_equal(log_count(w, "hunter2"), 0);
    close_pool(w);
}

static void test_a_role_that_may_not_connect_is_a_refusal(void **state)
{
    (void)state;
    /* given a role that does not exist, then it is refused */
    expect_outcome("user=@", DB_REFUSED, "make it with createuser");

    /* given that it does, and a database that is not for everybody, then it is refused there alone */
    sql(own("CREATE ROLE @ LOGIN"));
    sql(own("CREATE DATABASE @"));
    sql(own("REVOKE CONNECT ON DATABASE @ FROM PUBLIC"));
    expect_outcome("user=@", DB_READY, "");
    expect_outcome("user=@ dbname=@", DB_REFUSED, "permission denied");

    /* given a limit of connections, then that is no refusal: others may end */
    sql(own("ALTER ROLE @ CONNECTION LIMIT 0"));
    expect_outcome("user=@", DB_AWAY, "too many connections");
    sql(own("DROP DATABASE @"));
    sql(own("DROP ROLE @"));
}

/* Changes pg_hba.conf, in the server's own folder, one test at a time; the server reads it a moment later. */
static void edit_hba(const char *script)
{
    char edit[1024];
    snprintf(edit, sizeof edit, "COPY (SELECT WHERE false) TO PROGRAM 'flock PG_VERSION sed -i \"%s\" pg_hba.conf'",
             own(script));
    sql(edit);
    sql("SELECT pg_reload_conf()");
}

static bool lets_in(const char *added)
{
    char url[2048];
    snprintf(url, sizeof url, "%s %s", url_of_server(), own(added));
    PGconn *pq = PQconnectdb(url);
    bool is_in = PQstatus(pq) == CONNECTION_OK;
    PQfinish(pq);
    return is_in;
}

static void test_a_wrong_password_is_a_refusal(void **state)
{
    (void)state;
    /* given a role whom the server asks for a password, while it trusts all others as before */
    sql(own("CREATE ROLE @ LOGIN PASSWORD 'right'"));
    edit_hba("1i local all @ scram-sha-256\\nhost all @ all scram-sha-256");
    for (int i = 0; i < 2000 && lets_in("user=@ password=wrong"); i++)
        usleep(10000);

    /* then only the right one opens */
    expect_outcome("user=@ password=hunter2", DB_REFUSED, "check user and password in [postgres] url");
    expect_outcome("user=@ password=''", DB_REFUSED, "no password supplied");
    expect_outcome("user=@ password=right", DB_READY, "");
    edit_hba("/ @ /d");
    sql(own("DROP ROLE @"));
}

/* The one for connecting, left behind, would close a connection that works. */
static void test_a_ready_connection_has_no_time_limit(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), "SELECT ''");
    assert_true(all_come_up(w));
    for (size_t i = 0; i < w->db->shared_count; i++)
        assert_false(event_pending(w->db->shared[i].timer, EV_TIMEOUT, NULL));
    close_pool(w);
}

static void test_a_url_that_cannot_be_read_is_not_quoted(void **state)
{
    (void)state;
    static const char *const urls[] = {"postgres://app:hunter2%zz@localhost/app", "app hunter2",
                                       "postgres://app:x@hunter2@localhost/app",
                                       "postgres://app:hunter2/x@localhost/a"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        settings *s = fixture_settings();
        s->postgres_url = urls[i];
        worker *w = fixture_worker_new(s);
        empty_log(w);
        w->db = db_new(w, NULL);
        assert_true(reaches(w, DB_REFUSED));
        assert_null(strstr(db_reason(w->db), "hunter2"));
        assert_int_equal(log_count(w, "hunter2"), 0);
        assert_int_equal(log_count(w, "[postgres]"), 1);
        close_pool(w);
    }
}

/* A port of 127.0.0.1 where nobody listens. */
static void free_port(char port[8])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(fd, (struct sockaddr *)&at, &length);
    snprintf(port, 8, "%u", ntohs(at.sin_port));
    close(fd);
}

static void test_the_second_host_serves_when_the_first_is_down(void **state)
{
    (void)state;
    proxy *p;
    char nobody[8], ports[32], url[2048];
    settings *s = fixture_settings();
    worker *w = open_pool_behind(s, NULL, &p);
    db_free(w->db);
    free_port(nobody);
    snprintf(ports, sizeof ports, "%s,%s", nobody, p->port);
    snprintf(url, sizeof url, "%s target_session_attrs=read-write", url_at("127.0.0.1,127.0.0.1", ports));
    s->postgres_url = url;
    w->db = db_new(w, NULL);
    assert_true(reaches(w, DB_READY));
    assert_int_equal(ask_once(w), TL_DB_OK);
    close_pool_behind(w, p);
}

static void test_the_second_host_serves_when_the_first_is_silent(void **state)
{
    (void)state;
    proxy *silent, *p;
    settings *s = fixture_settings();
    worker *w = open_pool_behind(s, NULL, &p);
    db_free(w->db);
    silent = calloc(1, sizeof *silent);
    silent->worker = w;
    silent->silent = true;
    proxy_open(silent);
    char ports[32];
    snprintf(ports, sizeof ports, "%s,%s", silent->port, p->port);
    s->postgres_url = url_at("127.0.0.1,127.0.0.1", ports);
    w->db = db_new(w, NULL);
    assert_true(reaches(w, DB_READY));
    assert_true(silent->accepted > 0);
    assert_int_equal(ask_once(w), TL_DB_OK);
    proxy_free(silent);
    close_pool_behind(w, p);
}

static void test_a_host_by_name(void **state)
{
    (void)state;
    proxy *p;
    settings *s = fixture_settings();
    worker *w = open_pool_behind(s, NULL, &p);
    db_free(w->db);
    s->postgres_url = url_at("localhost", p->port);
    w->db = db_new(w, NULL);
    assert_true(reaches(w, DB_READY));
    assert_int_equal(ask_once(w), TL_DB_OK);
    close_pool_behind(w, p);
}

static void test_a_host_that_is_not_found(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->postgres_url = "postgres://app:hunter2@no-such-host.invalid/app";
    worker *w = fixture_worker_new(s);
    w->db = db_new(w, NULL);
    assert_true(reaches(w, DB_AWAY));
    close_pool(w); /* also while a lookup is under way */
    w = fixture_worker_new(s);
    w->db = db_new(w, NULL);
    turn_for(w, 0);
    close_pool(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schema_check_refuses_and_lets_in),
        cmocka_unit_test(test_a_check_that_cannot_run_refuses),
        cmocka_unit_test(test_a_check_that_takes_too_long_is_no_refusal),
        cmocka_unit_test(test_a_database_that_does_not_exist_is_a_refusal),
        cmocka_unit_test(test_a_role_that_may_not_connect_is_a_refusal),
        cmocka_unit_test(test_a_wrong_password_is_a_refusal),
        cmocka_unit_test(test_a_ready_connection_has_no_time_limit),
        cmocka_unit_test(test_a_url_that_cannot_be_read_is_not_quoted),
        cmocka_unit_test(test_the_second_host_serves_when_the_first_is_down),
        cmocka_unit_test(test_the_second_host_serves_when_the_first_is_silent),
        cmocka_unit_test(test_a_host_by_name),
        cmocka_unit_test(test_a_host_that_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}

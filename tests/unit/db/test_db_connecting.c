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
    turn_for(w, 1500);
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
        cmocka_unit_test(test_a_database_that_does_not_exist_is_a_refusal),
        cmocka_unit_test(test_a_url_that_cannot_be_read_is_not_quoted),
        cmocka_unit_test(test_the_second_host_serves_when_the_first_is_down),
        cmocka_unit_test(test_the_second_host_serves_when_the_first_is_silent),
        cmocka_unit_test(test_a_host_by_name),
        cmocka_unit_test(test_a_host_that_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}

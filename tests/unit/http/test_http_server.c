/*
 * Answers: what a handler replies, what the core replies by itself, and what becomes of the connection.
 */
#include "tests/unit/http/loopback.h"

#include "core/plugin/modules.h"
#include "core/request/request.h"

enum { LARGE = 20 << 20 };

static char large[LARGE + 1];

static int hello(tl_request *req)
{
    http_set_header(req, "X-Own", "one");
    http_set_header(req, "x-own", "two");
    return http_reply(req, 200, "text/plain; charset=utf-8", "hello", 5);
}

static int parameter(tl_request *req)
{
    const char *id = http_path_param(req, "id");
    assert_null(http_path_param(req, "other"));
    return http_reply(req, 200, "text/plain", id, strlen(id));
}

static int echo(tl_request *req)
{
    size_t length;
    const void *body = http_body(req, &length);
    return http_reply(req, 201, "application/octet-stream", body, length);
}

static int nothing(tl_request *req)
{
    return http_reply(req, 204, NULL, NULL, 0);
}

static int not_modified(tl_request *req)
{
    return http_reply(req, 304, "text/plain", "dropped", 7);
}

static int forgets(tl_request *req)
{
    (void)req;
    return TL_OK;
}

static int twice(tl_request *req)
{
    http_fail(req, 409, "The first counts");
    return http_reply(req, 200, "text/plain", "second", 6);
}

static int bad_headers(tl_request *req)
{
    http_set_header(req, "X-Split", "a\r\nX-Injected: 1");
    http_set_header(req, "X Name", "a");
    http_set_header(req, "Content-Length", "99");
    http_set_header(req, "Connection", "close");
    return http_reply(req, 200, "text/plain", "ok", 2);
}

static int bad_status(tl_request *req)
{
    return http_reply(req, 99, "text/plain", "ok", 2);
}

static int fails(tl_request *req)
{
    return http_fail(req, 422, "It's \"%s\"\n", "bad");
}

static int waits(tl_request *req)
{
    int result = request_sleep(req, 20);
    return result == TL_OK ? hello(req) : http_fail_service(req, "sleep", result);
}

static int sends_large(tl_request *req)
{
    return http_reply(req, 200, "text/plain", large, LARGE);
}

static int unavailable(tl_request *req)
{
    return http_fail_service(req, "database", TL_UNAVAILABLE);
}

static int broken(tl_request *req)
{
    return http_fail_service(req, "database", TL_ERROR);
}

static int let_in; /* how often somebody has been */

static int who(tl_request *req)
{
    let_in++;
    const tl_identity *identity = http_identity(req);
    const char *name = identity ? identity->username : "nobody";
    return http_reply(req, 200, "text/plain", name, strlen(name));
}

static const route routes[] = {
    {TL_GET, "/hello", hello},
    {TL_GET, "/hello/:id", parameter},
    {TL_POST, "/echo", echo},
    {TL_PUT, "/echo", echo, .max_body = 10},
    {TL_GET, "/nothing", nothing},
    {TL_GET, "/not-modified", not_modified},
    {TL_GET, "/forgets", forgets},
    {TL_GET, "/twice", twice},
    {TL_GET, "/bad-headers", bad_headers},
    {TL_GET, "/bad-status", bad_status},
    {TL_GET, "/fails", fails},
    {TL_GET, "/waits", waits},
    {TL_GET, "/large", sends_large},
    {TL_GET, "/unavailable", unavailable},
    {TL_GET, "/broken", broken},
    {TL_GET, "/who", who, .auth = TL_AUTH_REQUIRED},
    {TL_GET, "/maybe", who, .auth = TL_AUTH_OPTIONAL},
    {0},
};

static int start(void **state)
{
    memset(large, 'x', LARGE);
    loopback *l = loopback_prepare();
    l->settings->max_keepalive = 50;
    loopback_start(l, routes);
    *state = client_new(l);
    return 0;
}

static void test_a_reply_has_what_every_response_has(void **state)
{
    answer a = ask(*state, GET("/hello"));
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "hello");
    assert_true(strncmp(a.head, "HTTP/1.1 200 OK\r\n", 17) == 0);
    assert_string_equal(answer_header(&a, "Content-Type"), "text/plain; charset=utf-8");
    assert_string_equal(answer_header(&a, "Content-Length"), "5");
    assert_string_equal(answer_header(&a, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(answer_header(&a, "X-Own"), "two");
    assert_int_equal(strlen(answer_header(&a, "X-Request-Id")), 32);
    assert_int_equal(strlen(answer_header(&a, "Date")), strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_null(answer_header(&a, "Server"));
    assert_null(answer_header(&a, "Vary"));
    assert_null(strstr(a.head, "one"));
    answer_free(&a);
    expect_open(*state);
}

static void test_a_sane_request_id_is_taken_over(void **state)
{
    answer a = ask(*state, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-1.2_3\r\n\r\n");
    assert_string_equal(answer_header(&a, "X-Request-Id"), "abc-1.2_3");
    answer_free(&a);
    static const char *const insane[] = {"a b", "a\"b", "", "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < 4; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: %s\r\n\r\n", insane[i]);
        a = ask(*state, request);
        assert_int_equal(strlen(answer_header(&a, "X-Request-Id")), 32);
        answer_free(&a);
    }
}

static void test_parameters_are_decoded(void **state)
{
    answer a = ask(*state, GET("/hello/t%C3%A4lel%20x?id=2"));
    expect_text(&a, 200, "tälel x");
}

static void test_head_has_the_length_and_no_body(void **state)
{
    client *c = *state;
    client_send(c, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    answer a = client_answer(c, true);
    assert_int_equal(a.status, 200);
    assert_string_equal(answer_header(&a, "Content-Length"), "5");
    answer_free(&a);
    expect_open(c);
    /* given a body with it, then the connection stays in order */
    client_send(c, "HEAD /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" GET("/hello"));
    a = client_answer(c, true);
    answer_free(&a);
    a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    client_send(c, "HEAD /missing HTTP/1.1\r\nHost: a\r\n\r\n");
    a = client_answer(c, true);
    assert_int_equal(a.status, 404);
    answer_free(&a);
    expect_open(c);
}

static void test_204_and_304_have_no_body(void **state)
{
    static const char *const requests[] = {GET("/nothing"), GET("/not-modified")};
    for (size_t i = 0; i < 2; i++) {
        answer a = ask(*state, requests[i]);
        assert_int_equal(a.status, i == 0 ? 204 : 304);
        assert_null(answer_header(&a, "Content-Length"));
        answer_free(&a);
        expect_open(*state);
    }
}

static void test_bodies_arrive_whole(void **state)
{
    answer a = ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    expect_text(&a, 201, "hello");
    a = ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n");
    expect_text(&a, 201, "hello!");
    a = ask(*state, "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_text(&a, 201, "");
    a = ask(*state, "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    expect_text(&a, 200, "hello");
}

static void test_a_large_body_comes_back_as_it_was_sent(void **state)
{
    client *c = *state;
    char head[100];
    size_t length = 1000000;
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", length);
    client_send(c, head);
    char *sent = malloc(length);
    assert_non_null(sent);
    for (size_t i = 0; i < length; i++)
        sent[i] = (char)(i * 31 >> 3);
    assert_true(client_send_bytes(c, sent, length));
    answer a = client_answer(c, false);
    assert_int_equal(a.length, length);
    assert_memory_equal(a.body, sent, length);
    free(sent);
    answer_free(&a);
}

static void test_a_large_answer_reaches_a_client_that_has_shut_down_its_side(void **state)
{
    client *c = *state;
    client_send(c, GET("/large"));
    shutdown(c->fd, SHUT_WR);
    answer a = client_answer(c, false);
    assert_int_equal(a.length, LARGE);
    answer_free(&a);
    expect_closed(c);
}

static void test_what_no_route_serves(void **state)
{
    answer a = ask(*state, GET("/missing"));
    expect_error(&a, 404, "Not Found", "Not found");
    a = ask(*state, GET("//hello"));
    expect_error(&a, 404, "Not Found", "Not found");
    a = ask(*state, GET("/hello/"));
    expect_error(&a, 404, "Not Found", "Not found");
    a = ask(*state, GET("/hello/%2e%2e"));
    expect_error(&a, 400, "Bad Request", "Malformed path");
    a = ask(*state, GET("/hello?a=%00"));
    expect_error(&a, 400, "Bad Request", "Malformed query");
    a = ask(*state, "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(answer_header(&a, "Allow"), "GET, HEAD, OPTIONS");
    expect_error(&a, 405, "Method Not Allowed", "Method not allowed");
    expect_open(*state);
}

static void test_options_tells_the_methods(void **state)
{
    answer a = ask(*state, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(a.status, 204);
    assert_string_equal(answer_header(&a, "Allow"), "POST, PUT, OPTIONS");
    answer_free(&a);
    a = ask(*state, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(a.status, 204);
    answer_free(&a);
    a = ask(*state, "OPTIONS /missing HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_error(&a, 404, "Not Found", "Not found");
}

static void test_an_absolute_target_is_served_here(void **state)
{
    answer a = ask(*state, "GET http://evil.example/hello HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_text(&a, 200, "hello");
    a = ask(*state, "GET http://evil.example HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_error(&a, 404, "Not Found", "Not found");
}

static void test_mistakes_of_handlers_are_500_and_logged(void **state)
{
    answer a = ask(*state, GET("/forgets"));
    expect_error(&a, 500, "Internal Server Error", "Internal server error");
    a = ask(*state, GET("/bad-status"));
    expect_error(&a, 500, "Internal Server Error", "Internal server error");
    a = ask(*state, GET("/twice"));
    expect_error(&a, 409, "Conflict", "The first counts");
    a = ask(*state, GET("/bad-headers"));
    assert_null(strstr(a.head, "Injected"));
    assert_null(strstr(a.head, "X Name"));
    assert_string_equal(answer_header(&a, "Content-Length"), "2");
    expect_text(&a, 200, "ok");
    expect_open(*state);

    char log[20000] = "";
    loopback_turn_for(((client *)*state)->on, 20);
    FILE *file = fopen(fixture_log_path(), "r");
    assert_non_null(file);
    log[fread(log, 1, sizeof log - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(log, "the handler of /forgets returned without a reply (plugin notes)"));
    assert_non_null(strstr(log, "a second reply"));
}

static void test_errors_are_escaped(void **state)
{
    answer a = ask(*state, GET("/fails"));
    assert_int_equal(a.status, 422);
    assert_string_equal(a.body, "{\"error\":{\"message\":\"It's \\\"bad\\\"\\n\",\"status\":422,"
                                "\"type\":\"Unprocessable Content\"}}");
    answer_free(&a);
}

static void test_services_that_fail(void **state)
{
    answer a = ask(*state, GET("/unavailable"));
    assert_string_equal(answer_header(&a, "Retry-After"), "1");
    expect_error(&a, 503, "Service Unavailable", "The service is temporarily unavailable");
    a = ask(*state, GET("/broken"));
    expect_error(&a, 500, "Internal Server Error", "Internal server error");
}

static void test_handlers_may_wait(void **state)
{
    loopback *l = ((client *)*state)->on;
    client *others[20];
    for (int i = 0; i < 20; i++) {
        others[i] = client_new(l);
        client_send(others[i], GET("/waits"));
    }
    for (int i = 0; i < 20; i++) {
        answer a = client_answer(others[i], false);
        expect_text(&a, 200, "hello");
        client_free(others[i]);
    }
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    client *c = *state;
    client_send(c, GET("/waits") GET("/missing") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" //
                GET("/hello/1") "GET /hello/2 HTTP/1.1\r\nHost:");
    answer a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    a = client_answer(c, false);
    expect_error(&a, 404, "Not Found", NULL);
    a = client_answer(c, false);
    expect_text(&a, 201, "abc");
    a = client_answer(c, false);
    expect_text(&a, 200, "1");
    expect_open(c);
    a = ask(c, " a\r\n\r\n");
    expect_text(&a, 200, "2");
}

static void test_connections_are_kept_as_the_client_asks(void **state)
{
    loopback *l = ((client *)*state)->on;
    static const struct {
        const char *request;
        bool kept;
    } cases[] = {
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: upgrade, Close\r\n\r\n", false},
        {"GET /hello HTTP/1.0\r\n\r\n", false},
        {"GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\nConnection: close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        client *c = client_new(l);
        answer a = ask(c, cases[i].request);
        const char *connection = answer_header(&a, "Connection");
        assert_true(!connection || strcmp(connection, cases[i].kept ? "keep-alive" : "close") == 0);
        assert_true(cases[i].kept || connection);
        expect_text(&a, 200, "hello");
        if (cases[i].kept)
            expect_open(c);
        else
            expect_closed(c);
        client_free(c);
    }
}

static void test_a_connection_serves_so_many_requests(void **state)
{
    client *c = *state;
    for (int i = 1; i <= 50; i++) {
        answer a = ask(c, GET("/hello"));
        assert_true((answer_header(&a, "Connection") != NULL) == (i == 50));
        expect_text(&a, 200, "hello");
    }
    expect_closed(c);
}

static int authenticate(tl_request *req, tl_identity *identity)
{
    const char *given = http_header(req, "Authorization");
    if (!given)
        return http_fail(req, 403, "No authorization header provided");
    if (strcmp(given, "away") == 0)
        return TL_UNAVAILABLE;
    if (strcmp(given, "confused") == 0)
        http_fail(req, 403, "Refused, and yet TL_OK");
    *identity = (tl_identity){7, "talel"};
    return TL_OK;
}

static void expect_who(client *c, const char *path, const char *authorization, int status, const char *body)
{
    char request[300];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n%s%s%s\r\n", path,
             authorization ? "Authorization: " : "", authorization ? authorization : "", authorization ? "\r\n" : "");
    let_in = 0;
    answer a = ask(c, request);
    assert_int_equal(a.status, status);
    assert_int_equal(let_in, status == 200);
    if (status == 200)
        assert_string_equal(a.body, body);
    else
        assert_non_null(strstr(a.body, body));
    answer_free(&a);
}

static void test_who_asks_is_settled_before_the_handler(void **state)
{
    client *c = *state;
    /* given nobody who could tell, then nobody gets in */
    expect_who(c, "/who", "good", 500, "Internal");
    expect_who(c, "/maybe", NULL, 200, "nobody");
    static const tl_auth_v1 auth = {sizeof auth, authenticate};
    static tl_module provider = {.name = "auth"};
    struct module_list modules = {.worker = c->on->worker, .auth = &auth, .auth_provider = &provider};
    c->on->worker->modules = &modules;
    expect_who(c, "/who", "good", 200, "talel");
    expect_who(c, "/who", NULL, 403, "No authorization header");
    expect_who(c, "/who", "away", 503, "temporarily unavailable");
    expect_who(c, "/who", "confused", 403, "Refused");
    expect_who(c, "/maybe", NULL, 200, "nobody");
    expect_who(c, "/maybe", "good", 200, "talel");
    expect_who(c, "/maybe", "confused", 403, "Refused");
    c->on->worker->modules = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, loopback_stop_client)
    const struct CMUnitTest tests[] = {
        TEST(test_a_reply_has_what_every_response_has),
        TEST(test_a_sane_request_id_is_taken_over),
        TEST(test_parameters_are_decoded),
        TEST(test_head_has_the_length_and_no_body),
        TEST(test_204_and_304_have_no_body),
        TEST(test_bodies_arrive_whole),
        TEST(test_a_large_body_comes_back_as_it_was_sent),
        TEST(test_a_large_answer_reaches_a_client_that_has_shut_down_its_side),
        TEST(test_what_no_route_serves),
        TEST(test_options_tells_the_methods),
        TEST(test_an_absolute_target_is_served_here),
        TEST(test_mistakes_of_handlers_are_500_and_logged),
        TEST(test_errors_are_escaped),
        TEST(test_services_that_fail),
        TEST(test_handlers_may_wait),
        TEST(test_pipelined_requests_are_answered_in_order),
        TEST(test_connections_are_kept_as_the_client_asks),
        TEST(test_a_connection_serves_so_many_requests),
        TEST(test_who_asks_is_settled_before_the_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

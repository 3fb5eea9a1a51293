/*
 * What handlers read: queries, headers, cookies, addresses and JSON bodies; and CORS, which browsers read.
 */
#include "tests/unit/http/loopback.h"

#include "core/request/request.h"

#include <sys/un.h>

static int text(tl_request *req, const char *value)
{
    return http_reply(req, 200, "text/plain", value ? value : "(none)", strlen(value ? value : "(none)"));
}

static int query(tl_request *req)
{
    return text(req, http_query_param(req, "näme"));
}

static int header(tl_request *req)
{
    return text(req, http_header(req, "x-thing"));
}

static int cookie(tl_request *req)
{
    return text(req, http_cookie(req, "token"));
}

/* At most three, joined. */
static int all_cookies(tl_request *req)
{
    const char *values[3];
    char joined[200] = "";
    size_t count = http_cookies(req, "token", values, 3);
    for (size_t i = 0; i < count; i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "<%s>", values[i]);
    return text(req, joined);
}

static int cookie_lines(tl_request *req)
{
    return text(req, http_header(req, "cookie"));
}

static int address(tl_request *req)
{
    return text(req, http_remote_address(req));
}

static int path(tl_request *req)
{
    assert_int_equal(http_method(req), TL_GET);
    return text(req, http_path(req));
}

static int sets_cookies(tl_request *req)
{
    http_set_cookie(req, &(tl_cookie){.name = "token", .value = "abc", .path = "/v1", .max_age = 60, .secure = true});
    http_set_cookie(req, &(tl_cookie){.name = "old", .value = "", .domain = "talel.io"});
    http_set_cookie(req, &(tl_cookie){.name = "bad", .value = "a;b"});
    http_set_cookie(req, &(tl_cookie){.name = "bad name", .value = "a"});
    http_set_cookie(req, &(tl_cookie){.name = "bad", .value = "a", .path = "/; Secure"});
    http_set_cookie(req, &(tl_cookie){.name = "bad", .value = "a\r\nX-Injected: 1"});
    return text(req, "ok");
}

static int body(tl_request *req)
{
    static const tl_field fields[] = {
        {"email", TL_JSON_STRING, .max_length = 5, .not_blank = true},
        {"age", TL_JSON_INT},
        {"size", TL_JSON_DOUBLE, .optional = true},
        {"note", TL_JSON_STRING, .optional = true, .nullable = true},
        {0},
    };
    tl_json *json = http_json_body(req, fields);
    return json ? text(req, "ok") : TL_REPLIED;
}

static int without_visitor_calls;

static void without_visitor(tl_request *req, void *arg)
{
    (void)arg;
    size_t length = 1;
    assert_string_equal(http_path(req), "");
    assert_null(http_header(req, "Host"));
    assert_null(http_query_param(req, "a"));
    assert_null(http_cookie(req, "a"));
    assert_null(http_identity(req));
    assert_string_equal(http_body(req, &length), "");
    assert_int_equal(length, 0);
    http_set_header(req, "A", "b");
    assert_int_equal(http_fail(req, 400, "Nobody reads this"), TL_REPLIED);
    without_visitor_calls++;
}

static const route routes[] = {
    {TL_GET, "/all-cookies", all_cookies},
    {TL_GET, "/secret/:token", header, .secret = true},
    {TL_GET, "/query", query},
    {TL_GET, "/header", header},
    {TL_GET, "/cookie", cookie},
    {TL_GET, "/address", address},
    {TL_GET, "/path/:name", path},
    {TL_GET, "/cookies", sets_cookies},
    {TL_POST, "/body", body},
    {TL_PATCH, "/body", body},
    {TL_GET, "/cookie-lines", cookie_lines},
    {0},
};

static int start(void **state)
{
    static const char *const origins[] = {"https://www.talel.io", "http://localhost:3000"};
    static const char *const proxies[] = {"127.0.0.1", "10.0.0.1", "fd00::1"};
    loopback *l = loopback_prepare();
    l->settings->cors_origins = (tl_list){origins, 2};
    l->settings->trusted_proxies = (tl_list){proxies, 3};
    loopback_start(l, routes);
    *state = client_new(l);
    return 0;
}

static void expect_get(client *c, const char *target, const char *headers, const char *expected)
{
    char request[2000];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, headers);
    answer a = ask(c, request);
    expect_text(&a, 200, expected);
}

static void test_query_parameters(void **state)
{
    client *c = *state;
    expect_get(c, "/query", "", "(none)");
    expect_get(c, "/query?", "", "(none)");
    expect_get(c, "/query?a=1&n%C3%A4me=x%20y+z%2B&n%C3%A4me=second", "", "x y z+");
    expect_get(c, "/query?n%c3%a4me", "", "");
    expect_get(c, "/query?n%C3%A4me=a%26b=c", "", "a&b=c");
    expect_get(c, "/query?x=n%C3%A4me", "", "(none)");
}

static void test_headers_and_path(void **state)
{
    client *c = *state;
    expect_get(c, "/header", "", "(none)");
    expect_get(c, "/header", "X-Thing:  first one \t\r\nX-Thing: second\r\n", "first one, second");
    expect_get(c, "/header", "X-Thing: \r\nOther: x\r\nx-thing: \t\r\nX-THING: last\r\n", ", , last");
    expect_get(c, "/path/a%20b?q=1", "", "/path/a%20b");
}

static void test_cookies_are_found(void **state)
{
    client *c = *state;
    expect_get(c, "/cookie", "", "(none)");
    expect_get(c, "/cookie", "Cookie: token=abc\r\n", "abc");
    expect_get(c, "/cookie", "Cookie: a=b; xtoken=1; token2=2; token=\"a=b\" ; token=late\r\n", "a=b");
    expect_get(c, "/cookie", "Cookie: a=b\r\nCookie: c=d; token=\r\n", "");
    expect_get(c, "/cookie", "Cookie: token; =; ;;\r\n", "(none)");
    expect_get(c, "/cookie-lines", "Cookie: a=b\r\nCookie: c=d\r\n", "a=b; c=d");
}

static void test_every_cookie_of_a_name_is_found(void **state)
{
    client *c = *state;
    expect_get(c, "/all-cookies", "", "");
    expect_get(c, "/all-cookies", "Cookie: token=a; x=y; token=; token=\"b\"\r\n", "<a><><b>");
    expect_get(c, "/all-cookies", "Cookie: token=a\r\nCookie: x=y\r\nCookie: token=b\r\n", "<a><b>");
    /* and no more than there is room for */
    expect_get(c, "/all-cookies", "Cookie: token=a; token=b\r\nCookie: token=c; token=d\r\nCookie: token=e\r\n",
               "<a><b><c>");
}

static void test_cookies_are_set(void **state)
{
    answer a = ask(*state, GET("/cookies"));
    assert_non_null(
        strstr(a.head, "\r\nSet-Cookie: token=abc; Path=/v1; Max-Age=60; HttpOnly; SameSite=Lax; Secure\r\n"));
    assert_non_null(strstr(a.head, "\r\nSet-Cookie: old=; Path=/; Domain=talel.io; Max-Age=0; "
                                   "Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax\r\n"));
    assert_null(strstr(a.head, "Set-Cookie: bad"));
    assert_null(strstr(a.head, "Injected"));
    expect_text(&a, 200, "ok");
}

static void test_the_address_is_what_trusted_proxies_say(void **state)
{
    client *c = *state;
    expect_get(c, "/address", "", "127.0.0.1");
    expect_get(c, "/address", "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7");
    expect_get(c, "/address", "X-Forwarded-For: 6.6.6.6, 192.0.2.7 , 10.0.0.1\r\n", "192.0.2.7");
    expect_get(c, "/address", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: [fd00::1]:80, ::ffff:10.0.0.1\r\n",
               "192.0.2.7");
    expect_get(c, "/address", "X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7");
    expect_get(c, "/address", "X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7");
    expect_get(c, "/address", "X-Forwarded-For: 10.0.0.1\r\n", "10.0.0.1");
    expect_get(c, "/address", "X-Forwarded-For: 192.0.2.7, nonsense\r\n", "127.0.0.1");
    expect_get(c, "/address", "X-Forwarded-For: ,\r\n", "127.0.0.1");
}

/* A server that trusts these, asked from 127.0.0.1. */
static void expect_disbelief(const client *c, tl_list proxies)
{
    loopback *l = loopback_prepare();
    l->settings->trusted_proxies = proxies;
    loopback_start(l, routes);
    client *other = client_new(l);
    expect_get(other, "/address", "X-Forwarded-For: 192.0.2.7\r\n", "127.0.0.1");
    client_free(other);
    loopback_stop(l);
    /* the fixture's worker is the last one made */
    the_worker = c->on->worker;
}

static void test_nobody_is_believed_without_trust(void **state)
{
    static const char *const somebody_else[] = {"10.0.0.1"};
    expect_disbelief(*state, (tl_list){0});
    expect_disbelief(*state, (tl_list){somebody_else, 1});
}

static void test_a_unix_socket_is_a_peer_of_its_own(void **state)
{
    client *c = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/talelio-test-%d.sock", (int)getpid());
    unlink(address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_true(http_server_listen(c->on->server, listener, -1));
    client local = {.on = c->on, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(local.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(local.fd, F_SETFL, O_NONBLOCK), 0);
    expect_get(&local, "/address", "", "unix");
    expect_get(&local, "/address", "X-Forwarded-For: 192.0.2.7\r\n", "unix");
    close(local.fd);
    buffer_free(&local.come);
    unlink(address.sun_path);
    close(listener);
}

static void test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_ipv4(void **state)
{
    client *c = *state;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr), 1);
    socklen_t size = sizeof address;
    int no = 0, listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) {
        assert_int_equal(errno, EAFNOSUPPORT); /* a machine without IPv6 */
        return;
    }
    assert_int_equal(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);

    /* given one server that trusts 127.0.0.1, and one that trusts nobody */
    loopback *wary = loopback_prepare();
    loopback_start(wary, routes);
    loopback *const servers[] = {c->on, wary};
    for (size_t i = 0; i < 2; i++) {
        the_worker = servers[i]->worker;
        assert_true(http_server_listen(servers[i]->server, listener, -1));
        struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = address.sin6_port};
        client mapped = {.on = servers[i], .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        assert_int_equal(connect(mapped.fd, (struct sockaddr *)&to, sizeof to), 0);
        assert_int_equal(fcntl(mapped.fd, F_SETFL, O_NONBLOCK), 0);
        expect_get(&mapped, "/address", "", "127.0.0.1");
        expect_get(&mapped, "/address", "X-Forwarded-For: ::ffff:192.0.2.7\r\n", i == 0 ? "192.0.2.7" : "127.0.0.1");
        close(mapped.fd);
        buffer_free(&mapped.come);
    }
    loopback_stop(wary);
    close(listener);
    the_worker = c->on->worker;
}

static void test_no_secret_of_a_target_is_logged(void **state)
{
    static const char *const requests[] = {
        "GET /secret/hush HTTP/1.1",       "HEAD /secret/hush?x=hush HTTP/1.1", "GET /%73ecret/hush HTTP/1.1",
        "POST /secret/hush HTTP/1.1",      "OPTIONS /secret/hush HTTP/1.1",     "GET /secret/hush/ HTTP/1.1",
        "GET //secret/hush HTTP/1.1",      "GET /secret/hush%zz HTTP/1.1",      "GET http://a/secret/hush HTTP/1.1",
        "GET /secret/hush?x=%zz HTTP/1.1",
    };
    client *c = *state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char request[200];
        snprintf(request, sizeof request, "%s\r\nHost: a\r\nContent-Length: 0\r\n\r\n", requests[i]);
        client_send(c, request);
        answer a = client_answer(c, strncmp(requests[i], "HEAD", 4) == 0);
        answer_free(&a);
    }
    assert_true(log_has(c->on, "GET /secret/:token 200 "));
    assert_true(log_has(c->on, "HEAD /secret/:token 200 "));
    assert_true(log_has(c->on, "POST /secret/:token 405 "));
    assert_false(log_has(c->on, "hush"));
}

static void expect_body_type(client *c, const char *type, const char *json, int status, const char *message)
{
    char request[4000];
    snprintf(request, sizeof request,
             "POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type, strlen(json),
             json);
    answer a = ask(c, request);
    if (status == 200)
        expect_text(&a, 200, "ok");
    else
        expect_error(&a, status, status == 415 ? "Unsupported Media Type" : "Bad Request", message);
}

static void expect_body(client *c, const char *json, const char *message)
{
    expect_body_type(c, "application/json", json, message ? 400 : 200, message);
}

static void test_json_bodies_that_fit(void **state)
{
    client *c = *state;
    expect_body(c, "{\"email\":\"a@b.c\",\"age\":7}", NULL);
    expect_body(c, " {\"email\":\"äöü@b\",\"age\":7,\"size\":1,\"note\":null} ", NULL);
    expect_body(c, "{\"email\":\"\\u200b\u0e01\",\"age\":1}", NULL);
    expect_body(c, "{\"note\":\"x\",\"size\":1.5,\"age\":-7,\"email\":\"a\"}", NULL);
}

static void test_json_bodies_that_do_not_fit(void **state)
{
    client *c = *state;
    expect_body(c, "", "Missing request body");
    expect_body(c, "{", "Request body is not valid JSON");
    expect_body(c, "{\"email\":\"a\",\"age\":7}x", "Request body is not valid JSON");
    expect_body(c, "[]", "Request body is not a JSON object");
    expect_body(c, "null", "Request body is not a JSON object");
    expect_body(c, "{}", "Missing request body");
    expect_body(c, " {\n} ", "Missing request body");
    expect_body(c, "{\"other\":1}", "Expected 'email' key");
    expect_body(c, "{\"email\":\"a\"}", "Expected 'age' key");
    /* a missing key is told before an unknown one and before a wrong value */
    expect_body(c, "{\"email\":1,\"other\":1}", "Expected 'age' key");
    expect_body(c, "{\"email\":1,\"age\":1,\"other\":1}", "Expected 'email' to be a string");
    expect_body(c, "{\"email\":null,\"age\":1}", "Expected 'email' to be a string");
    expect_body(c, "{\"email\":\"a\",\"age\":\"1\"}", "Expected 'age' to be an integer");
    expect_body(c, "{\"email\":\"a\",\"age\":1.5}", "Expected 'age' to be an integer");
    expect_body(c, "{\"email\":\"a\",\"age\":1,\"size\":\"x\"}", "Expected 'size' to be a number");
    expect_body(c, "{\"email\":\"a\",\"age\":1,\"note\":[]}", "Expected 'note' to be a string or null");
    expect_body(c, "{\"email\":\"äöüäöü\",\"age\":1}", "Expected 'email' to have at most 5 characters");
    expect_body(c, "{\"email\":\" \\t\",\"age\":1}", "Expected 'email' not to be blank");
    static const char *const blank[] = {
        "",        "\\u00a0",        "\\u200b",        "\u3000\u2003", "\\u2028\\u2029",
        "\\u0085", "\\u200d\\ufeff", "\\u00ad\\u202e", "\\u3164",      "\\ufe0f",
        "\\u2800", "\\udb40\\udc41",
    };
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"email\":\"%s\",\"age\":1}", blank[i]);
        expect_body(c, json, "Expected 'email' not to be blank");
    }
    expect_body(c, "{\"email\":\"a\",\"age\":1,\"other\":1}", "Unknown key 'other'");
    expect_body(c, "{\"email\":\"a\",\"age\":1,\"a\\\"b\":1}", "Unknown key 'a\\\"b'");
}

static void test_long_unknown_keys_are_cut_at_a_character(void **state)
{
    char json[1000] = "{\"email\":\"a\",\"age\":1,\"a", expected[300] = "Unknown key 'a";
    for (int i = 0; i < 80; i++)
        strcat(json, "é");
    strcat(json, "\":1}");
    for (int i = 0; i < 49; i++)
        strcat(expected, "é");
    strcat(expected, "'");
    expect_body(*state, json, expected);
}

static void test_content_types_of_json(void **state)
{
    client *c = *state;
    static const char good[] = "{\"email\":\"a\",\"age\":7}";
    expect_body_type(c, "application/json; charset=utf-8", good, 200, NULL);
    expect_body_type(c, "Application/JSON;charset=\"UTF-8\"; x=y", good, 200, NULL);
    static const char *const others[] = {"text/plain",
                                         "application/jsonp",
                                         "application/json; charset=latin1",
                                         "application/json x",
                                         "application/json\r\nContent-Type: application/json",
                                         "",
                                         "application/x-www-form-urlencoded"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_body_type(c, others[i], good, 415, "Expected Content-Type application/json");
    answer a = ask(c, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    expect_error(&a, 415, "Unsupported Media Type", NULL);
    a = ask(c, "POST /body HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_error(&a, 400, "Bad Request", "Missing request body");
}

static void test_known_origins_may_read(void **state)
{
    static const char *const requests[] = {
        "GET /address HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\n\r\n",
        "GET /missing HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\n\r\n",
        "PUT /address HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\n\r\n",
    };
    for (size_t i = 0; i < 4; i++) {
        answer a = ask(*state, requests[i]);
        assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "http://localhost:3000");
        assert_string_equal(answer_header(&a, "Access-Control-Allow-Credentials"), "true");
        assert_string_equal(answer_header(&a, "Vary"), "Origin");
        const char *exposed = answer_header(&a, "Access-Control-Expose-Headers");
        assert_true(exposed && strstr(exposed, "Link, X-Total-Count, ETag, Location, Retry-After"));
        answer_free(&a);
    }
}

static void test_other_origins_may_not(void **state)
{
    static const char *const origins[] = {"http://localhost:3001", "null",
                                          "http://LOCALHOST:3000", "https://www.talel.io.evil.example",
                                          "https://www.talel.io/", "*"};
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        char request[300];
        snprintf(request, sizeof request, "GET /address HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n", origins[i]);
        answer a = ask(*state, request);
        assert_int_equal(a.status, 200);
        assert_null(strstr(a.head, "Access-Control"));
        assert_string_equal(answer_header(&a, "Vary"), "Origin");
        answer_free(&a);
    }
}

static void test_an_id_that_comes_twice_is_not_taken_over(void **state)
{
    answer a = ask(*state, "GET /address HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\nX-Request-Id: one\r\n\r\n");
    assert_int_equal(strlen(answer_header(&a, "X-Request-Id")), 32);
    answer_free(&a);
}

static void test_two_origins_are_none(void **state)
{
    answer a = ask(*state, "GET /address HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\n"
                           "Origin: https://evil.example\r\n\r\n");
    assert_null(strstr(a.head, "Access-Control"));
    answer_free(&a);
}

static void test_preflight(void **state)
{
    client *c = *state;
    answer a = ask(c, "OPTIONS /body HTTP/1.1\r\nHost: a\r\nOrigin: https://www.talel.io\r\n"
                      "Access-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: authorization\r\n\r\n");
    assert_int_equal(a.status, 204);
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "https://www.talel.io");
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Methods"), "POST, PATCH, OPTIONS");
    assert_non_null(strstr(answer_header(&a, "Access-Control-Allow-Headers"), "Authorization, Content-Type"));
    assert_non_null(strstr(answer_header(&a, "Access-Control-Allow-Headers"), "If-None-Match, If-Match"));
    assert_non_null(answer_header(&a, "Access-Control-Max-Age"));
    answer_free(&a);
    a = ask(c, "OPTIONS /body HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n"
               "Access-Control-Request-Method: PATCH\r\n\r\n");
    assert_int_equal(a.status, 204);
    assert_null(strstr(a.head, "Access-Control"));
    answer_free(&a);
}

static void test_without_a_visitor_there_is_nothing_to_read(void **state)
{
    without_visitor_calls = 0;
    fixture_run(((client *)*state)->on->worker, without_visitor, NULL);
    assert_int_equal(without_visitor_calls, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, loopback_stop_client)
    const struct CMUnitTest tests[] = {
        TEST(test_query_parameters),
        TEST(test_headers_and_path),
        TEST(test_cookies_are_found),
        TEST(test_every_cookie_of_a_name_is_found),
        TEST(test_cookies_are_set),
        TEST(test_the_address_is_what_trusted_proxies_say),
        TEST(test_nobody_is_believed_without_trust),
        TEST(test_a_unix_socket_is_a_peer_of_its_own),
        TEST(test_an_ipv4_client_of_an_ipv6_socket_is_shown_as_ipv4),
        TEST(test_no_secret_of_a_target_is_logged),
        TEST(test_json_bodies_that_fit),
        TEST(test_json_bodies_that_do_not_fit),
        TEST(test_long_unknown_keys_are_cut_at_a_character),
        TEST(test_content_types_of_json),
        TEST(test_known_origins_may_read),
        TEST(test_other_origins_may_not),
        TEST(test_an_id_that_comes_twice_is_not_taken_over),
        TEST(test_two_origins_are_none),
        TEST(test_preflight),
        TEST(test_without_a_visitor_there_is_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

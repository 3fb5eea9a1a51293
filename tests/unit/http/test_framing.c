/*
 * The head of a request and chunked bodies, read strictly, however the bytes were cut on their way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/chunks.h"
#include "core/http/framing.h"

#define LINE "GET /v1/notes HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define POST "POST /v1/notes HTTP/1.1\r\nHost: localhost\r\n"

static const frame_limits limits = {.request_line = 1000, .head = 4000};

typedef struct head_case {
    const char *text;
    size_t length; /* 0: strlen */
    int status;    /* 0: it passes */
} head_case;

#define RAW(text) text, sizeof(text) - 1

static size_t length_of(const head_case *c)
{
    return c->length ? c->length : strlen(c->text);
}

/* Feeds the head in pieces of `step` bytes, each from memory that ends where the bytes end, so that a sanitizer sees
 * every read behind them. */
static frame_status feed(frame *f, const char *text, size_t length, size_t step)
{
    frame_reset(f);
    frame_status status = FRAME_MORE;
    for (size_t have = 0; status == FRAME_MORE && have < length;) {
        have = have + step < length ? have + step : length;
        char *copy = malloc(have);
        assert_non_null(copy);
        memcpy(copy, text, have);
        status = frame_head(f, copy, have, &limits);
        free(copy);
    }
    return status;
}

static void expect(const head_case *c)
{
    size_t length = length_of(c);
    for (size_t step = 1; step <= length; step = step < 8 ? step + 1 : step * 2) {
        frame f;
        frame_status status = feed(&f, c->text, length, step);
        if (status != (c->status ? FRAME_REFUSED : FRAME_DONE) || f.refusal.status != c->status)
            fail_msg("pieces of %zu: expected %d, found status %d, refusal %d (%s) for:\n%s", step, c->status,
                     (int)status, f.refusal.status, f.refusal.message ? f.refusal.message : "none", c->text);
        assert_true((f.refusal.message != NULL) == (c->status != 0));
    }
}

static void expect_all(const head_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&cases[i]);
}

#define EXPECT_ALL(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void test_sound_heads_pass(void **state)
{
    (void)state;
    static const head_case cases[] = {
        {LINE HOST "\r\n"},
        {"GET / HTTP/1.0\r\n\r\n"},
        {"\r\n" LINE HOST "\r\n"},
        {LINE "hOsT:localhost\r\n\r\n"},
        {LINE "Host:\t localhost:5000 \t\r\n\r\n"},
        {LINE "Host: [::1]:5000\r\n\r\n"},
        {LINE HOST "X-Empty:\r\nX-Tab: a\tb\r\nX-High: \xc3\xa9\r\n\r\n"},
        {POST "Content-Length: 0\r\n\r\n"},
        {POST "Content-Length: 007\r\n\r\n"},
        {POST "Transfer-Encoding: Chunked\r\n\r\n"},
        {POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n"},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
        {"GET http://other.example/v1/notes?q=1 HTTP/1.1\r\n" HOST "\r\n"},
        {"GET http://other.example HTTP/1.1\r\n" HOST "\r\n"},
        {"GET //double/x HTTP/1.1\r\n" HOST "\r\n"},
        {"GET /a|b\"c<d> HTTP/1.1\r\n" HOST "\r\n"},
    };
    EXPECT_ALL(cases);
}

static void test_doubtful_lengths_are_refused(void **state)
{
    (void)state;
    static const head_case cases[] = {
        {POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, 400},
        {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 400},
        {POST "Content-Length: 5, 5\r\n\r\n", 0, 400},
        {POST "Content-Length: +5\r\n\r\n", 0, 400},
        {POST "Content-Length: -5\r\n\r\n", 0, 400},
        {POST "Content-Length: 0x5\r\n\r\n", 0, 400},
        {POST "Content-Length: 5 5\r\n\r\n", 0, 400},
        {POST "Content-Length: 5.0\r\n\r\n", 0, 400},
        {POST "Content-Length: five\r\n\r\n", 0, 400},
        {POST "Content-Length:\r\n\r\n", 0, 400},
        {POST "Content-Length : 5\r\n\r\n", 0, 400},
        {POST "Content-Length\t: 5\r\n\r\n", 0, 400},
        {POST "Content-Length: 18446744073709551621\r\n\r\n", 0, 413},
        {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
        {POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0, 400},
        {POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
    };
    EXPECT_ALL(cases);
}

static void test_doubtful_codings_are_refused(void **state)
{
    (void)state;
    static const head_case cases[] = {
        {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding: xchunked\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding: identity\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding: chunked, identity\r\n\r\n", 0, 501},
        {POST "Transfer-Encoding:\r\n\r\n", 0, 400},
        {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
        {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 0, 400},
        {RAW(POST "Transfer-Encoding: chunked\0\r\n\r\n"), 400},
        {POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n",
         0, 400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
        {POST "Expect: miracles\r\n\r\n", 0, 417},
        {POST "Expect: 100-continue, miracles\r\n\r\n", 0, 417},
    };
    EXPECT_ALL(cases);
}

static void test_doubtful_lines_are_refused(void **state)
{
    (void)state;
    static const head_case cases[] = {
        {"GET / HTTP/1.1\n" HOST "\r\n", 0, 400},
        {LINE "Host: localhost\n\r\n", 0, 400},
        {LINE HOST "\n", 0, 400},
        {LINE HOST "X: a\rb\r\n\r\n", 0, 400},
        {LINE HOST "X: a\r\r\n\r\n", 0, 400},
        {LINE HOST "X: a\r\n b\r\n\r\n", 0, 400},
        {LINE HOST "X: a\r\n\tb\r\n\r\n", 0, 400},
        {LINE " " HOST "\r\n", 0, 400},
        {RAW(LINE HOST "X: a\0b\r\n\r\n"), 400},
        {RAW(LINE HOST "X\0: a\r\n\r\n"), 400},
        {LINE HOST "X: a\x7f\r\n\r\n", 0, 400},
        {LINE HOST "X: \x1b[31m\r\n\r\n", 0, 400},
        {LINE HOST ": a\r\n\r\n", 0, 400},
        {LINE HOST "no colon\r\n\r\n", 0, 400},
        {LINE HOST "a b: c\r\n\r\n", 0, 400},
        {LINE HOST "a\xc3\xa9: c\r\n\r\n", 0, 400},
        {LINE HOST "a(b): c\r\n\r\n", 0, 400},
        {LINE "\r\n", 0, 400},
        {LINE HOST HOST "\r\n", 0, 400},
        {LINE HOST "Host: other\r\n\r\n", 0, 400},
        {LINE "Host:\r\n\r\n", 0, 400},
        {LINE "Host: a b\r\n\r\n", 0, 400},
        {LINE "Host: user@localhost\r\n\r\n", 0, 400},
        {LINE "Host: localhost/v1\r\n\r\n", 0, 400},
    };
    EXPECT_ALL(cases);
}

static void test_doubtful_request_lines_are_refused(void **state)
{
    (void)state;
    static const head_case cases[] = {
        {"GET /\r\n" HOST "\r\n", 0, 400},
        {"GET\r\n", 0, 400},
        {"\r\n\r\n" LINE HOST "\r\n", 0, 400},
        {" GET / HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET /  HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 0, 400},
        {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {RAW("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"GET /#part HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET v1/notes HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET ftp://host/ HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET http://user@host/ HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET http://host?q HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"G(T / HTTP/1.1\r\n" HOST "\r\n", 0, 400},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", 0, 501},
        {"get / HTTP/1.1\r\n" HOST "\r\n", 0, 501},
        {"TRACE / HTTP/1.1\r\n" HOST "\r\n", 0, 501},
        {"CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 0, 501},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", 0, 505},
        {"GET / HTTP/0.9\r\n" HOST "\r\n", 0, 505},
        {"GET / http/1.1\r\n" HOST "\r\n", 0, 400},
        {"GET / HTTP/1.10\r\n" HOST "\r\n", 0, 400},
        {"GET / HTTP/11\r\n" HOST "\r\n", 0, 400},
    };
    EXPECT_ALL(cases);
}

static void test_what_is_no_http_is_refused_before_its_line_ends(void **state)
{
    (void)state;
    frame f;
    frame_reset(&f);
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_int_equal(frame_head(&f, hello, sizeof hello - 1, &limits), FRAME_REFUSED);
    assert_int_equal(f.refusal.status, 400);
}

static void test_limits_hold_before_the_end_is_seen(void **state)
{
    (void)state;
    char text[6000];
    memset(text, 'a', sizeof text);
    frame f;
    /* given a line without an end, then it is too long as soon as it is longer than the limit */
    memcpy(text, "GET /", 5);
    assert_int_equal(feed(&f, text, 1000, 100), FRAME_MORE);
    assert_int_equal(feed(&f, text, 1100, 100), FRAME_REFUSED);
    assert_int_equal(f.refusal.status, 414);
    /* given a header without an end, the same */
    size_t start = strlen(LINE HOST "X: ");
    memcpy(text, LINE HOST "X: ", start);
    assert_int_equal(feed(&f, text, 4000, 100), FRAME_MORE);
    assert_int_equal(feed(&f, text, 4100, 100), FRAME_REFUSED);
    assert_int_equal(f.refusal.status, 431);
    assert_int_equal(feed(&f, text, 4001, 5000), FRAME_REFUSED);
}

static void test_the_number_of_lines_is_limited(void **state)
{
    (void)state;
    char text[2000] = LINE HOST;
    for (int i = 1; i < FRAME_LINES; i++)
        strcat(text, "a: b\r\n");
    frame f;
    size_t length = strlen(text);
    memcpy(text + length, "\r\n", 3);
    assert_int_equal(feed(&f, text, length + 2, 2000), FRAME_DONE);
    memcpy(text + length, "a: b\r\n\r\n", 9);
    assert_int_equal(feed(&f, text, length + 8, 2000), FRAME_REFUSED);
    assert_int_equal(f.refusal.status, 431);
}

static void test_the_parts_of_a_head_are_found(void **state)
{
    (void)state;
    static const char text[] =
        "POST http://evil.example/v1/notes?a=1&b HTTP/1.1\r\nHost: localhost\r\nX-One:  two \t\r\n"
        "Connection: Upgrade , Close\r\nContent-Length: 12\r\n\r\nbody";
    frame f;
    assert_int_equal(feed(&f, text, sizeof text - 1, 7), FRAME_DONE);
    assert_int_equal(f.length, sizeof text - 1 - 4);
    assert_int_equal(f.method, FRAME_POST);
    assert_memory_equal(text + f.path.at, "/v1/notes?", f.path.length + 1);
    assert_memory_equal(text + f.query.at, "a=1&b ", f.query.length + 1);
    assert_int_equal(f.content_length, 12);
    assert_true(f.close);
    int line = frame_find(&f, text, "x-one", 0);
    assert_true(line >= 0);
    assert_int_equal(f.lines[line].value.length, 3);
    assert_memory_equal(text + f.lines[line].value.at, "two", 3);
    assert_int_equal(frame_find(&f, text, "x-one", (size_t)line + 1), -1);
}

static void test_whatever_is_behind_a_head_is_not_looked_at(void **state)
{
    (void)state;
    static const char text[] = LINE HOST "\r\n\0\n\nrubbish";
    frame f;
    frame_reset(&f);
    assert_int_equal(frame_head(&f, text, sizeof text - 1, &limits), FRAME_DONE);
    assert_int_equal(f.length, strlen(LINE HOST "\r\n"));
}

typedef struct chunk_case {
    const char *text;
    const char *body; /* NULL: refused */
    int status;
    size_t behind; /* bytes that belong to the next request */
} chunk_case;

static void feed_chunks(const chunk_case *c, size_t step)
{
    chunks k;
    buffer body = {0};
    chunks_reset(&k);
    size_t length = strlen(c->text), at = 0;
    frame_status status = FRAME_MORE;
    while (status == FRAME_MORE && at < length) {
        size_t n = length - at < step ? length - at : step, used;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, c->text + at, n);
        status = chunks_read(&k, copy, n, 30, &body, &used);
        free(copy);
        at += used;
    }
    if (status != (c->body ? FRAME_DONE : FRAME_REFUSED) || k.refusal.status != c->status)
        fail_msg("pieces of %zu: status %d, refusal %d for:\n%s", step, (int)status, k.refusal.status, c->text);
    if (c->body) {
        assert_int_equal(body.length, strlen(c->body));
        assert_memory_equal(body.data ? body.data : "", c->body, body.length);
        assert_int_equal(length - at, c->behind);
    }
    buffer_free(&body);
}

static void test_chunks(void **state)
{
    (void)state;
    static const chunk_case cases[] = {
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
        {"0\r\n\r\n", "", 0, 0},
        {"00005\r\nhello\r\n0000\r\n\r\nGET /", "hello", 0, 5},
        {"000000000000000000005\r\nhello\r\n00000000000000000\r\n\r\n", "hello", 0, 0},
        {"0000000000000000ffffffffffffffff\r\n", NULL, 413, 0},
        {"0000000000000000000000000000000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
        {"00000000000000000000000000000000000000000000000000000000000000005\r\n", NULL, 400, 0},
        {"5;name=\"value\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0, 0},
        {"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", 0, 0},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0, 0},
        {"5\r\nhello\r\n0\r\nX-Sum: 12\r\nContent-Length: 9\r\n\r\n", "hello", 0, 0},
        {"0x5\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
        {"+5\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
        {"-5\r\n", NULL, 400, 0},
        {" 5\r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
        {"5 \r\nhello\r\n0\r\n\r\n", NULL, 400, 0},
        {"5\nhello\r\n0\r\n\r\n", NULL, 400, 0},
        {"5\r\nhello\n0\r\n\r\n", NULL, 400, 0},
        {"5\r\nhelloXX0\r\n\r\n", NULL, 400, 0},
        {"5\r\nhello\r\n\r\n", NULL, 400, 0},
        {"\r\n", NULL, 400, 0},
        {"5;\x01\r\nhello", NULL, 400, 0},
        {"5\rhello", NULL, 400, 0},
        {"1f\r\n", NULL, 413, 0},
        {"1e\r\n012345678901234567890123456789\r\n1\r\n", NULL, 413, 0},
        {"ffffffffffffffff\r\n", NULL, 413, 0},
        {"ffffffffffffffffffffffff\r\n", NULL, 413, 0},
        {"0\r\nno colon\r\n\r\n", NULL, 400, 0},
        {"0\r\n: x\r\n\r\n", NULL, 400, 0},
        {"0\r\nX : x\r\n\r\n", NULL, 400, 0},
        {"0\r\n folded\r\n\r\n", NULL, 400, 0},
        {"0\r\nX: a\nb\r\n\r\n", NULL, 400, 0},
        {"0\r\n\rX", NULL, 400, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= 40; step++)
            feed_chunks(&cases[i], step);
    }
}

static void test_extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "5;", 2);
    feed_chunks(&(chunk_case){text, NULL, 431, 0}, 16384);
    memcpy(text, "0\r\nx:", 5);
    feed_chunks(&(chunk_case){text, NULL, 431, 0}, 16384);
    memcpy(text, "0\r\nxxx", 6);
    feed_chunks(&(chunk_case){text, NULL, 431, 0}, 16384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_heads_pass),
        cmocka_unit_test(test_doubtful_lengths_are_refused),
        cmocka_unit_test(test_doubtful_codings_are_refused),
        cmocka_unit_test(test_doubtful_lines_are_refused),
        cmocka_unit_test(test_doubtful_request_lines_are_refused),
        cmocka_unit_test(test_what_is_no_http_is_refused_before_its_line_ends),
        cmocka_unit_test(test_limits_hold_before_the_end_is_seen),
        cmocka_unit_test(test_the_number_of_lines_is_limited),
        cmocka_unit_test(test_the_parts_of_a_head_are_found),
        cmocka_unit_test(test_whatever_is_behind_a_head_is_not_looked_at),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

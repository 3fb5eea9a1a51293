/* The log: both formats, what goes out when, and what happens when nothing can be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/http/http.h"
#include "core/log/log.h"
#include "core/log/utf8.h"
#include "core/request/request.h"

typedef struct log_case {
    char path[40];
    settings s;
    char text[1 << 20];
} log_case;

static log_case the;

static int begin(void **state)
{
    (void)state;
    strcpy(the.path, "/tmp/talelio-log-XXXXXX");
    int fd = mkstemp(the.path);
    assert_true(fd >= 0);
    close(fd);
    the.s = (settings){.log_file = the.path, .log_format = "text", .log_level = "info", .log_access = true};
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(the.path);
    return 0;
}

/* All that is in the file now. */
static const char *written(void)
{
    FILE *file = fopen(the.path, "r");
    assert_non_null(file);
    size_t length = fread(the.text, 1, sizeof the.text - 1, file);
    the.text[length] = '\0';
    fclose(file);
    return the.text;
}

static size_t lines(void)
{
    size_t count = 0;
    for (const char *at = written(); *at; at++)
        count += *at == '\n';
    return count;
}

/* One line as it is written, without its time. */
static const char *logged(const char *text)
{
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_write(l, TL_INFO, NULL, NULL, "%s", text);
    logger_free(l);
    assert_int_equal(lines(), 1);
    return written() + strlen("2026-11-22T20:01:30.123Z ");
}

static void a_line_says_when_how_grave_who_and_what(void **state)
{
    (void)state;
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_write(l, TL_WARNING, "articles", NULL, "%d is %s", 7, "odd");
    logger_free(l);
    const char *text = written();
    assert_string_equal(text + 24, " WARN  worker 1 [articles] 7 is odd\n");
    int parts[7];
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4],
                            &parts[5], &parts[6]),
                     7);
    assert_true(parts[0] >= 2024);
}

static void the_time_is_the_time_now_in_utc(void **state)
{
    (void)state;
    time_t before = time(NULL);
    logged("x");
    struct tm utc = {0};
    assert_non_null(strptime(written(), "%Y-%m-%dT%H:%M:%S", &utc));
    /* time() reads a clock that may be a tick behind the log's. */
    assert_in_range(timegm(&utc), before, time(NULL) + 1);
}

static void a_request_adds_its_id_and_route(void **state)
{
    (void)state;
    route here = {.path = "/v1/notes/:id"};
    tl_request req = {.id = "abc-1", .route = &here};
    logger *l = logger_new(&the.s, NULL, "jobs");
    logger_write(l, TL_INFO, "notes", &req, "seen");
    logger_free(l);
    assert_string_equal(written() + 24, " INFO  jobs [notes] seen route=/v1/notes/:id request=abc-1\n");
}

static void what_is_below_the_level_is_left_out(void **state)
{
    (void)state;
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    for (int i = 0; i < 4; i++) {
        the.s.log_level = levels[i];
        assert_int_equal(truncate(the.path, 0), 0);
        logger *l = logger_new(&the.s, NULL, "x");
        for (int level = TL_DEBUG; level <= TL_LOG_ERROR; level++) {
            assert_int_equal(logger_enabled(l, (tl_level)level), level >= i);
            logger_write(l, (tl_level)level, NULL, NULL, "y");
        }
        logger_free(l);
        assert_int_equal(lines(), 4 - i);
    }
}

static void no_text_can_make_a_second_line_or_move_a_cursor(void **state)
{
    (void)state;
    assert_string_equal(logged("a\nb\r\tc\033[2J\x7f\\ \"d\" é 👍 \xc2\x9b \xff \xe2\x82"),
                        "INFO  worker 1 a\\nb\\r\\tc\\x1b[2J\\x7f\\ \"d\" é 👍 \\u009b \\xff \\xe2\\x82\n");
}

static void json_is_json_whatever_is_logged(void **state)
{
    (void)state;
    the.s.log_format = "json";
    char all[256];
    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    all[255] = '\0';
    logged(all);
    const char *text = written();
    assert_true(utf8_is_valid(text, strlen(text)));
    struct json_object *line = json_tokener_parse(text), *message;
    assert_non_null(line);
    assert_true(json_object_object_get_ex(line, "message", &message));
    const char *found = json_object_get_string(message);
    assert_memory_equal(found, all, 127);
    assert_string_equal(found + 127 + 3 * 127, "\xef\xbf\xbd");
    json_object_put(line);
}

static void json_has_the_same_fields(void **state)
{
    (void)state;
    the.s.log_format = "json";
    route here = {.path = "/v1/notes/:id"};
    tl_request req = {.id = "abc-1", .route = &here};
    logger *l = logger_new(&the.s, NULL, "worker 2");
    logger_write(l, TL_LOG_ERROR, "notes", &req, "a \"b\" é");
    logger_free(l);
    assert_string_equal(
        strchr(written(), ','),
        ",\"level\":\"error\",\"process\":\"worker 2\",\"plugin\":\"notes\",\"message\":\"a \\\"b\\\" é\","
        "\"route\":\"/v1/notes/:id\",\"request\":\"abc-1\"}\n");
}

static void a_long_message_is_cut_and_says_so(void **state)
{
    (void)state;
    char *text = malloc(20001);
    memset(text, 'x', 20000);
    text[20000] = '\0';
    const char *line = logged(text);
    assert_in_range(strlen(line), 8000, 8400);
    assert_string_equal(line + strlen(line) - 4, "…\n");
    free(text);
}

static void a_message_of_escapes_keeps_within_the_limit_and_is_still_json(void **state)
{
    (void)state;
    the.s.log_format = "json";
    char *text = malloc(8001);
    memset(text, '\001', 8000);
    text[8000] = '\0';
    logged(text);
    assert_in_range(strlen(written()), 8000, 8500);
    struct json_object *line = json_tokener_parse(written());
    assert_non_null(line);
    json_object_put(line);
    free(text);
}

static const access_entry visit = {.request_id = "r1",
                                   .remote = "192.0.2.1",
                                   .method = "GET",
                                   .target = "/v1/notes/7?x=\"y\"",
                                   .route = "/v1/notes/:id",
                                   .plugin = "notes",
                                   .status = 200,
                                   .bytes = 1234,
                                   .microseconds = 1005};

static void a_visit_is_one_line(void **state)
{
    (void)state;
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_access(l, &visit);
    logger_free(l);
    assert_string_equal(written() + 24, " INFO  worker 1 [notes] GET /v1/notes/7?x=\"y\" 200 1234 bytes 1.005 ms "
                                        "route=/v1/notes/:id remote=192.0.2.1 request=r1\n");
}

static void a_visit_as_json(void **state)
{
    (void)state;
    the.s.log_format = "json";
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_access(l, &visit);
    logger_free(l);
    assert_string_equal(
        strchr(written(), ','),
        ",\"level\":\"info\",\"process\":\"worker 1\",\"plugin\":\"notes\",\"message\":\"request\","
        "\"method\":\"GET\",\"target\":\"/v1/notes/7?x=\\\"y\\\"\",\"status\":200,\"bytes\":1234,"
        "\"microseconds\":1005,\"route\":\"/v1/notes/:id\",\"remote\":\"192.0.2.1\",\"request\":\"r1\"}\n");
}

static void a_visit_of_which_little_is_known_is_a_line_too(void **state)
{
    (void)state;
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_access(l, &(access_entry){.status = 400, .microseconds = -1});
    logger_free(l);
    assert_string_equal(written() + 24, " INFO  worker 1 - - 400 0 bytes 0.000 ms\n");
}

static void a_long_target_is_cut_at_two_kibibytes(void **state)
{
    (void)state;
    char target[4096];
    memset(target, 'x', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    access_entry entry = visit;
    entry.target = target;
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_access(l, &entry);
    logger_free(l);
    assert_in_range(strlen(written()), 2048, 2048 + 200);
    assert_non_null(strstr(written(), "x… 200 "));
}

static void visits_are_left_out_when_nobody_wants_them(void **state)
{
    (void)state;
    the.s.log_access = false;
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_access(l, &visit);
    logger_free(l);
    assert_int_equal(lines(), 0);
}

static void lines_go_out_at_the_end_of_a_turn_of_the_loop(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    logger *l = logger_new(&the.s, base, "worker 1");
    logger_write(l, TL_INFO, NULL, NULL, "one");
    logger_access(l, &visit);
    assert_int_equal(lines(), 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(lines(), 2);
    logger_write(l, TL_INFO, NULL, NULL, "three");
    assert_int_equal(lines(), 2);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(lines(), 3);
    logger_free(l);
    event_base_free(base);
}

static void warnings_and_errors_go_out_at_once_in_order(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    logger *l = logger_new(&the.s, base, "worker 1");
    logger_write(l, TL_INFO, NULL, NULL, "one");
    logger_write(l, TL_WARNING, NULL, NULL, "two");
    assert_int_equal(lines(), 2);
    assert_true(strstr(written(), "one") < strstr(written(), "two"));
    logger_write(l, TL_LOG_ERROR, NULL, NULL, "three");
    assert_int_equal(lines(), 3);
    logger_free(l);
    event_base_free(base);
}

static void the_last_lines_go_out_at_the_end(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    logger *l = logger_new(&the.s, base, "worker 1");
    logger_write(l, TL_INFO, NULL, NULL, "one");
    logger_free(l);
    assert_int_equal(lines(), 1);
    event_base_free(base);
}

static void a_busy_turn_loses_nothing(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    logger *l = logger_new(&the.s, base, "worker 1");
    for (int i = 0; i < 5000; i++)
        logger_access(l, &visit);
    logger_free(l);
    assert_int_equal(lines(), 5000);
    event_base_free(base);
}

static void a_file_that_was_moved_away_is_opened_anew(void **state)
{
    (void)state;
    char moved[64];
    snprintf(moved, sizeof moved, "%s.1", the.path);
    struct event_base *base = event_base_new();
    logger *l = logger_new(&the.s, base, "worker 1");
    logger_write(l, TL_INFO, NULL, NULL, "before");
    assert_int_equal(rename(the.path, moved), 0);
    logger_reopen(l);
    logger_write(l, TL_INFO, NULL, NULL, "after");
    logger_free(l);
    event_base_free(base);
    assert_non_null(strstr(written(), "after"));
    assert_null(strstr(written(), "before"));
    assert_int_equal(rename(moved, the.path), 0);
    assert_non_null(strstr(written(), "before"));
}

static void a_file_that_cannot_be_opened_again_is_kept(void **state)
{
    (void)state;
    char moved[64];
    snprintf(moved, sizeof moved, "%s.1", the.path);
    logger *l = logger_new(&the.s, NULL, "worker 1");
    assert_int_equal(rename(the.path, moved), 0);
    assert_int_equal(mkdir(the.path, 0700), 0);
    logger_reopen(l);
    logger_write(l, TL_INFO, NULL, NULL, "after");
    logger_free(l);
    assert_int_equal(rmdir(the.path), 0);
    assert_int_equal(rename(moved, the.path), 0);
    assert_non_null(strstr(written(), "cannot open the log file"));
    assert_non_null(strstr(written(), "after"));
}

/* stderr is a pipe or socket for as long as this takes. */
static int replace_stderr(int with)
{
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(with, STDERR_FILENO) >= 0);
    close(with);
    return kept;
}

static void restore_stderr(int kept)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

/* Reads what is there; returns the bytes. */
static size_t drain(int fd, char *to, size_t size)
{
    size_t length = 0;
    ssize_t count;
    while (length < size && (count = read(fd, to + length, size - length)) > 0)
        length += (size_t)count;
    return length;
}

/* Fills `out`, whose other end is `in`, until lines are lost; then reads it empty. Nothing may block on the way. */
static void stall_and_go_on(int in, int out)
{
    fcntl(in, F_SETFL, O_NONBLOCK);
    int kept = replace_stderr(out);
    the.s.log_file = "";
    logger *l = logger_new(&the.s, NULL, "worker 1");
    for (int i = 0; i < 20000; i++)
        logger_access(l, &visit);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
    size_t length = 0;
    for (int i = 0; i < 50; i++) {
        length += drain(in, the.text + length, sizeof the.text - 1 - length);
        logger_flush(l);
    }
    restore_stderr(kept);
    logger_free(l);
    length += drain(in, the.text + length, sizeof the.text - 1 - length);
    the.text[length] = '\0';

    size_t visits = 0, losses = 0, lost = 0;
    for (char *at = strtok(the.text, "\n"); at; at = strtok(NULL, "\n")) {
        assert_true(strlen(at) > 24 && at[23] == 'Z');
        const char *loss = strstr(at, " lines of the log were lost: ");
        if (loss) {
            while (loss[-1] >= '0' && loss[-1] <= '9')
                loss--;
            lost += strtoul(loss, NULL, 10);
            losses++;
        } else {
            assert_non_null(strstr(at, " request=r1"));
            visits++;
        }
    }
    assert_int_equal(losses, 1);
    assert_true(lost > 0 && visits > 0);
    assert_int_equal(visits + lost, 20000);
}

static void a_reader_of_a_pipe_that_stalls_stops_nobody(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    stall_and_go_on(ends[0], ends[1]);
    close(ends[0]);
}

static void a_reader_of_a_socket_that_stalls_stops_nobody(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    stall_and_go_on(ends[0], ends[1]);
    close(ends[0]);
}

static void a_full_disk_stops_nobody(void **state)
{
    (void)state;
    the.s.log_file = "/dev/full";
    logger *l = logger_new(&the.s, NULL, "worker 1");
    for (int i = 0; i < 5000; i++)
        logger_access(l, &visit);
    logger_free(l);
}

static void a_reader_that_has_gone_stops_nobody(void **state)
{
    (void)state;
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    int kept = replace_stderr(ends[1]);
    the.s.log_file = "";
    logger *l = logger_new(&the.s, NULL, "worker 1");
    close(ends[0]);
    for (int i = 0; i < 5000; i++)
        logger_access(l, &visit);
    logger_free(l);
    restore_stderr(kept);
}

static void a_file_that_cannot_be_opened_means_stderr(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = replace_stderr(ends[1]);
    the.s.log_file = "/nonexistent/x.log";
    logger *l = logger_new(&the.s, NULL, "worker 1");
    logger_free(l);
    restore_stderr(kept);
    size_t length = drain(ends[0], the.text, sizeof the.text - 1);
    the.text[length] = '\0';
    assert_non_null(strstr(the.text, "cannot write to the log file /nonexistent/x.log: No such file"));
    close(ends[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_line_says_when_how_grave_who_and_what),
        TEST(the_time_is_the_time_now_in_utc),
        TEST(a_request_adds_its_id_and_route),
        TEST(what_is_below_the_level_is_left_out),
        TEST(no_text_can_make_a_second_line_or_move_a_cursor),
        TEST(json_is_json_whatever_is_logged),
        TEST(json_has_the_same_fields),
        TEST(a_long_message_is_cut_and_says_so),
        TEST(a_message_of_escapes_keeps_within_the_limit_and_is_still_json),
        TEST(a_visit_is_one_line),
        TEST(a_visit_as_json),
        TEST(a_visit_of_which_little_is_known_is_a_line_too),
        TEST(a_long_target_is_cut_at_two_kibibytes),
        TEST(visits_are_left_out_when_nobody_wants_them),
        TEST(lines_go_out_at_the_end_of_a_turn_of_the_loop),
        TEST(warnings_and_errors_go_out_at_once_in_order),
        TEST(the_last_lines_go_out_at_the_end),
        TEST(a_busy_turn_loses_nothing),
        TEST(a_file_that_was_moved_away_is_opened_anew),
        TEST(a_file_that_cannot_be_opened_again_is_kept),
        TEST(a_reader_of_a_pipe_that_stalls_stops_nobody),
        TEST(a_reader_of_a_socket_that_stalls_stops_nobody),
        TEST(a_full_disk_stops_nobody),
        TEST(a_reader_that_has_gone_stops_nobody),
        TEST(a_file_that_cannot_be_opened_means_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

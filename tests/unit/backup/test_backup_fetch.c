/*
 * The plain dump as a file: on the disk before it has its name, never in the place of another file, and nothing is left
 * of one that is not whole.
 */
#include "core/plugin/plugin.h"
#include "core/request/request.h"
#include "tests/unit/support/disk.h"
#include "tests/unit/support/fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plugins/backup/fetch.h"
#include "plugins/backup/reader.h"
#include "plugins/backup/stream.h"

#define DUMP "what pg_dump wrote"

const tl_host *tl_the_host;
tl_module *tl_self;
struct backup_options backup_options;

static const char secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static char folder[] = "/tmp/talelio-fetch-XXXXXX";
static char stored[64], opened_file[64], unfinished[80]; /* paths */
static worker *the_test_worker;
static bool is_damaged, comes_meanwhile;

static void write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length)
        perror(path);
    if (file)
        fclose(file);
}

static bool has_file(const char *path, const char *text)
{
    char content[128];
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    return strcmp(content, text) == 0;
}

/* In the place of the store: the dump in two pieces, and perhaps another one who makes the same file. */
int reader_run(task *t, const manifest *m, const char *what, reader_sink *sink, void *arg)
{
    (void)m;
    (void)what;
    int result = sink(t, arg, DUMP, 5);
    if (result == TL_OK)
        result = sink(t, arg, &DUMP[5], strlen(DUMP) - 5);
    if (comes_meanwhile)
        write_file(opened_file, "mine", 4);
    return result == TL_OK && is_damaged ? task_fail(t, "it has been altered") : result;
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(stored, sizeof stored, "%s/stored", folder);
    snprintf(opened_file, sizeof opened_file, "%s/dump", folder);
    snprintf(unfinished, sizeof unfinished, "%s.unfinished", opened_file);
    keyring_add(&backup_options.ring, secret, strlen(secret));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* The encrypted dump, as it lies in the store. */
static void seal(void)
{
    unsigned char sealed[STREAM_HEADER + 256];
    sealer s;
    sealer_begin(&s, backup_current_key(), sealed);
    size_t length =
        STREAM_HEADER + sealer_chunk(&s, (const unsigned char *)DUMP, strlen(DUMP), true, sealed + STREAM_HEADER);
    write_file(stored, sealed, length);
}

static int set_up(void **state)
{
    (void)state;
    the_test_worker = fixture_worker_new(fixture_settings());
    tl_the_host = host_table();
    is_damaged = comes_meanwhile = false;
    disk_forget();
    seal();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_worker_free(the_test_worker);
    unlink(stored);
    unlink(opened_file);
    return 0;
}

typedef struct scene {
    bool is_decrypting; /* out of a file, not out of the store */
    int result;
    char error[800];
} scene;

static void play(tl_request *req, void *arg)
{
    static const manifest m = {.name = "20260101T000000Z-00000000"};
    const entry e = {.name = m.name, .manifest = &m};
    scene *s = arg;
    task *t = tl_alloc(req, sizeof *t);
    task_init(t, req, PROGRESS_NONE);
    s->result = s->is_decrypting ? fetch_decrypt(t, stored, opened_file) : fetch_run(t, &e, opened_file);
    snprintf(s->error, sizeof s->error, "%s", t->error);
}

static scene fetch(void)
{
    scene s = {0};
    fixture_run(the_test_worker, play, &s);
    return s;
}

static scene decrypt(void)
{
    scene s = {.is_decrypting = true};
    fixture_run(the_test_worker, play, &s);
    return s;
}

static const char in_order[] = "sync dump.unfinished of 18\nrename dump.unfinished to dump\n";

static void it_is_on_the_disk_before_it_has_its_name(void **state)
{
    struct stat about;
    (void)state;
    assert_int_equal(fetch().result, TL_OK);
    assert_string_equal(disk_notes, in_order);
    assert_true(has_file(opened_file, DUMP));
    assert_int_equal(stat(opened_file, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);

    assert_int_equal(unlink(opened_file), 0);
    disk_forget();
    assert_int_equal(decrypt().result, TL_OK);
    assert_string_equal(disk_notes, in_order);
    assert_true(has_file(opened_file, DUMP));
}

static void what_the_disk_does_not_take_is_told_and_goes(void **state)
{
    (void)state;
    disk_fails_files = true;
    scene s = fetch();
    assert_int_equal(s.result, TL_ERROR);
    assert_non_null(strstr(s.error, "/dump cannot be made: Input/output error"));
    assert_int_not_equal(access(opened_file, F_OK), 0);
    assert_int_not_equal(access(unfinished, F_OK), 0);
}

static void what_is_not_whole_goes(void **state)
{
    (void)state;
    is_damaged = true;
    assert_int_equal(fetch().result, TL_ERROR);
    /* The tag behind the last byte is the first to say so of a dump that was cut off. */
    assert_int_equal(truncate(stored, STREAM_HEADER + 10), 0);
    assert_int_equal(decrypt().result, TL_ERROR);
    assert_string_equal(disk_notes, "");
    assert_int_not_equal(access(opened_file, F_OK), 0);
    assert_int_not_equal(access(unfinished, F_OK), 0);
}

static void a_file_that_has_come_meanwhile_stays(void **state)
{
    (void)state;
    comes_meanwhile = true;
    for (int i = 0; i < 2; i++) {
        unlink(opened_file);
        disk_knows_no_flags = i == 1;
        scene s = fetch();
        assert_int_equal(s.result, TL_ERROR);
        assert_non_null(strstr(s.error, "/dump cannot be made: File exists"));
        assert_true(has_file(opened_file, "mine"));
        assert_int_not_equal(access(unfinished, F_OK), 0);
    }
}

static void a_file_system_that_cannot_promise_that_will_do(void **state)
{
    (void)state;
    disk_knows_no_flags = true;
    assert_int_equal(fetch().result, TL_OK);
    assert_string_equal(disk_notes, in_order);
    assert_true(has_file(opened_file, DUMP));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_on_the_disk_before_it_has_its_name),
        TEST(what_the_disk_does_not_take_is_told_and_goes),
        TEST(what_is_not_whole_goes),
        TEST(a_file_that_has_come_meanwhile_stays),
        TEST(a_file_system_that_cannot_promise_that_will_do),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

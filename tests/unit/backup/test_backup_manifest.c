/*
 * Manifests and verdicts: written, read, and refused when anything in them is not what was sealed.
 */
#include "core/json/json.h"
#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/backup/manifest_json.h"

const tl_host *tl_the_host;
tl_module *tl_self;

static const char name[] = "20261122T030000Z-1a2b3c4d";
static const char secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char other_secret[] = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static worker *the_test_worker;
static keyring ring, none, other;

static table_sum tables[] = {{"public.articles", 12, "-34"}, {"public.\"odd \"\"x\"\"\"", 0, "0"}};
static schema_version schema[] = {{"talelio", 6}};

static manifest sample(const backup_key *key)
{
    return (manifest){
        .name = name,
        .started = 1795316400123456,
        .milliseconds = 1500,
        .size = 1000,
        .plain_size = 900,
        .sha256 = "ab",
        .key_id = key ? key->id_text : "",
        .server = "15.20",
        .program = "15.20 (Debian)",
        .encoding = "UTF8",
        .collate = "C.UTF-8",
        .ctype = "C.UTF-8",
        .schema = schema,
        .schema_count = 1,
        .tables = {tables, 2},
    };
}

static const verdict judged = {
    .name = name, .sha256 = "ab", .is_good = true, .checked = 1795316500000000, .reason = "", .drill_reason = ""};

static int set_up(void **state)
{
    (void)state;
    the_test_worker = fixture_worker_new(fixture_settings());
    tl_the_host = host_table();
    ring.count = other.count = 0;
    keyring_add(&ring, secret, strlen(secret));
    keyring_add(&other, other_secret, strlen(other_secret));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_worker_free(the_test_worker);
    return 0;
}

/* A file is written on a fiber, changed as text, and read on it again. */
typedef struct round {
    const keyring *writer, *reader;
    const char *from, *to; /* replaced in the text, once; NULL: nothing is */
    bool is_verdict;
    const char *as; /* the name it is read as; NULL: its own */
    bool is_read;
    char problem[200];
    manifest got;
    verdict got_verdict;
    char texts[8][64];
} round_trip;

static const char *replaced(tl_request *req, const char *text, const round_trip *r)
{
    const char *at = r->from ? strstr(text, r->from) : NULL;

    if (!r->from)
        return text;
    if (!at)
        return NULL;
    return tl_format(req, "%.*s%s%s", (int)(at - text), text, r->to, at + strlen(r->from));
}

static void run(tl_request *req, void *arg)
{
    round_trip *r = arg;
    size_t length;
    const char *problem = NULL;
    const backup_key *key = r->writer->count > 0 ? &r->writer->keys[0] : NULL;
    manifest m = sample(key);
    const char *text =
        r->is_verdict ? verdict_write(req, &judged, key, &length) : manifest_write(req, &m, key, &length);

    text = replaced(req, text, r);
    if (!text) {
        snprintf(r->problem, sizeof r->problem, "there is nothing to replace");
        return;
    }
    if (r->is_verdict) {
        const verdict *v = verdict_read(req, r->reader, &m, text, strlen(text), &problem);
        r->is_read = v != NULL;
    } else {
        const manifest *got = manifest_read(req, r->reader, r->as ? r->as : name, text, strlen(text), &problem);
        r->is_read = got != NULL;
        if (got) {
            r->got = *got;
            snprintf(r->texts[0], sizeof *r->texts, "%s", got->server);
            snprintf(r->texts[1], sizeof *r->texts, "%s", got->tables.items[1].name);
            snprintf(r->texts[2], sizeof *r->texts, "%s", got->tables.items[0].sum);
            snprintf(r->texts[3], sizeof *r->texts, "%s", got->schema[0].owner);
        }
    }
    snprintf(r->problem, sizeof r->problem, "%s", problem ? problem : "");
}

static void expect(round_trip r, const char *problem)
{
    fixture_run(the_test_worker, run, &r);
    assert_int_equal(r.is_read, problem == NULL);
    if (problem && !strstr(r.problem, problem))
        fail_msg("expected '%s', found '%s'", problem, r.problem);
}

static void what_is_written_is_read(void **state)
{
    static const keyring *const rings[] = {&ring, &none};

    (void)state;
    for (int i = 0; i < 2; i++) {
        round_trip r = {.writer = rings[i], .reader = rings[i]};
        fixture_run(the_test_worker, run, &r);
        assert_true(r.is_read);
        assert_int_equal(r.got.started, 1795316400123456);
        assert_int_equal(r.got.size, 1000);
        assert_int_equal(r.got.tables.count, 2);
        assert_string_equal(r.texts[0], "15.20");
        assert_string_equal(r.texts[1], "public.\"odd \"\"x\"\"\"");
        assert_string_equal(r.texts[2], "-34");
        assert_string_equal(r.texts[3], "talelio");
    }
    expect((round_trip){.writer = &ring, .reader = &ring, .is_verdict = true}, NULL);
}

static void every_altered_value_is_noticed(void **state)
{
    static const char *const changes[][2] = {
        {"\"started\":1795316400123456", "\"started\":1795316400123457"},
        {"\"milliseconds\":1500", "\"milliseconds\":1501"},
        {"\"size\":1000", "\"size\":1001"},
        {"\"plain_size\":900", "\"plain_size\":901"},
        {"\"sha256\":\"ab\"", "\"sha256\":\"ac\""},
        {"\"server_version\":\"15.20\"", "\"server_version\":\"15.2\""},
        {"\"pg_dump_version\":\"15", "\"pg_dump_version\":\"16"},
        {"\"encoding\":\"UTF8\"", "\"encoding\":\"LATIN1\""},
        {"\"collate\":\"C.UTF-8\"", "\"collate\":\"C\""},
        {"\"ctype\":\"C.UTF-8\"", "\"ctype\":\"C\""},
        {"\"owner\":\"talelio\"", "\"owner\":\"talelio2\""},
        {"\"number\":6", "\"number\":7"},
        {"\"number\":6", "\"number\":\"6\""},
        {"public.articles", "public.article"},
        {"\"rows\":12,\"sum\"", "\"rows\":13,\"sum\""},
        {"\"sum\":\"-34\"", "\"sum\":\"-3\""},
        {"\"sum\":\"-34\"", "\"sum\":-34"},
        {",{\"name\":\"public.\\\"odd", ",{\"name\":\"x\",\"rows\":1,\"sum\":\"\"},{\"name\":\"public.\\\"odd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        expect((round_trip){.writer = &ring, .reader = &ring, .from = changes[i][0], .to = changes[i][1]},
               "has been altered");
        expect((round_trip){.writer = &none, .reader = &none, .from = changes[i][0], .to = changes[i][1]},
               "has been altered");
    }
}

static void every_altered_verdict_is_noticed(void **state)
{
    static const char *const changes[][2] = {
        {"\"good\":true", "\"good\":false"},
        {"\"checked\":1795316500000000", "\"checked\":1795316500000001"},
        {"\"restorable\":false", "\"restorable\":true"},
        {"\"drilled\":0", "\"drilled\":1"},
        {"\"reason\":\"\"", "\"reason\":\"x\""},
        {"\"sha256\":\"ab\"", "\"sha256\":\"ba\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        expect(
            (round_trip){
                .writer = &ring, .reader = &ring, .is_verdict = true, .from = changes[i][0], .to = changes[i][1]},
            "has been altered");
}

static void keys_are_insisted_on(void **state)
{
    (void)state;
    expect((round_trip){.writer = &ring, .reader = &other}, "not among the configured ones");
    expect((round_trip){.writer = &ring, .reader = &none}, "which is not configured");
    expect((round_trip){.writer = &none, .reader = &ring}, "not authenticated");
    expect((round_trip){.writer = &none, .reader = &ring, .is_verdict = true}, "not authenticated");
    char *from = ring.keys[0].id_text, *to = other.keys[0].id_text;
    expect((round_trip){.writer = &ring, .reader = &other, .from = from, .to = to}, "not among the configured ones");
}

static void a_manifest_counts_under_its_own_name_only(void **state)
{
    (void)state;
    expect((round_trip){.writer = &ring, .reader = &ring, .as = "20261123T030000Z-1a2b3c4d"}, "is that of 20261122T");
}

static void formats_to_come_are_not_guessed(void **state)
{
    (void)state;
    expect((round_trip){.writer = &ring, .reader = &ring, .from = "\"format\":1", .to = "\"format\":2"},
           "a format that this version does not know");
}

static void what_is_no_manifest_is_damaged(void **state)
{
    (void)state;
    expect((round_trip){.writer = &ring, .reader = &ring, .from = "{\"manifest\"", .to = "{\"verdict\""}, "damaged");
    expect((round_trip){.writer = &ring, .reader = &ring, .from = "{\"manifest\":", .to = "{\"manifest\":["},
           "damaged");
    expect((round_trip){.writer = &ring, .reader = &ring, .from = "\"seal\":", .to = "\"seel\":"}, "not authenticated");
    expect((round_trip){.writer = &ring, .reader = &ring, .from = "\"value\":", .to = "\"volue\":"}, "altered");
}

static void differences_of_tables_are_named(void **state)
{
    table_sum wanted[] = {{"a", 1, "5"}, {"b", 2, "6"}}, found[] = {{"a", 1, "5"}, {"b", 2, "6"}, {"c", 0, "0"}};
    table_list all = {wanted, 2}, same = {found, 2}, more = {found, 3}, less = {found, 1}, nothing = {found, 0};
    char text[200];

    (void)state;
    assert_null(tables_differ(&all, &same, text, sizeof text));
    assert_null(tables_differ(&nothing, &nothing, text, sizeof text));
    assert_string_equal(tables_differ(&all, &more, text, sizeof text), "table c was not in the backup");
    assert_string_equal(tables_differ(&all, &less, text, sizeof text), "table b is missing");
    assert_string_equal(tables_differ(&all, &nothing, text, sizeof text), "table a is missing");
    found[1].rows = 3;
    assert_string_equal(tables_differ(&all, &same, text, sizeof text), "table b has 3 rows, expected 2");
    found[1] = (table_sum){"b", 2, "7"};
    assert_non_null(strstr(tables_differ(&all, &same, text, sizeof text), "table b has other contents"));
    assert_int_equal(tables_rows(&all), 3);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(every_altered_value_is_noticed),
        TEST(every_altered_verdict_is_noticed),
        TEST(keys_are_insisted_on),
        TEST(a_manifest_counts_under_its_own_name_only),
        TEST(formats_to_come_are_not_guessed),
        TEST(what_is_no_manifest_is_damaged),
        TEST(differences_of_tables_are_named),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

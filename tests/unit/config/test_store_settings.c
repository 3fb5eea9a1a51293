/* The sections [store:NAME]: any number of them, each checked by what its driver needs. */
#include "tests/unit/config/config_case.h"

#define S3                                                                                                             \
    "[store:media]\ndriver = s3\nendpoint = https://s3.eu-central-1.amazonaws.com\nbucket = my.media-1\n"              \
    "path_style = yes\n"

static void refuses(const char *ini, const char *expected)
{
    config_case t;
    char text[1024];
    snprintf(text, sizeof text, ENOUGH "%s", ini);
    assert_false(case_bind(&t, text, NULL));
    assert_only_problem(&t, expected);
    case_end(&t);
}

static void without_sections_there_are_no_stores(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH, NULL));
    assert_int_equal(t.s.store_count, 0);
    case_end(&t);
}

static void stores_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t,
                          ENOUGH S3 "region = eu-central-1\naccess_key = A\nsecret_key = hidden\nca_file = ca.pem\n"
                                    "[store:backup_2]\ndriver = dir\nfolder = ../objects\n",
                          NULL));
    assert_no_problem(&t);
    assert_int_equal(t.s.store_count, 2);
    const store_settings *media = &t.s.stores[0], *backup = &t.s.stores[1];
    assert_string_equal(media->name, "media");
    assert_string_equal(media->region, "eu-central-1");
    assert_string_equal(media->bucket, "my.media-1");
    assert_true(media->path_style && media->ca_file[0] == '/');
    assert_int_equal(media->connections, 32);
    assert_int_equal(media->connect_timeout, 5000);
    assert_int_equal(media->stall_timeout, 10000);
    assert_string_equal(backup->name, "backup_2");
    assert_string_equal(backup->folder, "/tmp/objects");
    case_end(&t);
}

static void secrets_of_stores_are_not_shown(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH S3 "access_key = A\nsecret_key = hidden\n", NULL));
    char *text = case_printed(&t);
    assert_non_null(strstr(text, "[store:media]\n"));
    assert_non_null(strstr(text, "bucket = my.media-1 "));
    assert_null(strstr(text, "hidden"));
    free(text);
    case_end(&t);
}

static void stores_reach_another_process(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH S3, NULL));
    FILE *file = tmpfile();
    assert_true(config_write(t.c, fileno(file)));
    config *c = config_read(fileno(file), t.found);
    settings s;
    assert_true(c && config_bind_core(c, &s, t.found));
    assert_int_equal(s.store_count, 1);
    assert_string_equal(s.stores[0].bucket, "my.media-1");
    config_free(c);
    fclose(file);
    case_end(&t);
}

static void drivers_need_their_keys(void **state)
{
    (void)state;
    refuses("[store:a]\n", "talelio.ini:3: [store:a] driver is missing: write driver = dir for a folder");
    refuses("[store:a]\ndriver = ftp\n", "talelio.ini:4: [store:a] driver = ftp: expected dir or s3");
    refuses("[store:a]\ndriver = dir\n", "talelio.ini:3: [store:a] folder = (empty): expected a folder");
    refuses("[store:a]\ndriver = s3\nbucket = abc\n",
            "talelio.ini:3: [store:a] endpoint = (empty): expected https://host");
    refuses("[store:a]\ndriver = s3\nendpoint = https://h\n",
            "talelio.ini:3: [store:a] bucket = (empty): expected 3 to 63 of");
}

static void refuses_s3(const char *line, const char *expected)
{
    char ini[512], text[512];
    snprintf(ini, sizeof ini, "%s%s", S3, line);
    snprintf(text, sizeof text, "talelio.ini:8: [store:media] %s", expected);
    refuses(ini, text);
}

static void values_that_would_make_other_urls_are_refused(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"ftp://h", "https://", "https://h/path", "https://u:p@h", "https://h?a=b",
                                            "h",       "//h",      "https://h#x",    "https://h ost", "https://h\\x"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, "[store:a]\ndriver = s3\nbucket = abc\nendpoint = %s\n", endpoints[i]);
        refuses(ini, "talelio.ini:6: [store:a] endpoint = ");
    }
    static const char *const buckets[] = {"ab", "A-Bucket", "a/b", "a..b", ".abc", "-abc", "a_b", "a@b.example"};
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, "[store:a]\ndriver = s3\nendpoint = https://h\nbucket = %s\n", buckets[i]);
        refuses(ini, "talelio.ini:6: [store:a] bucket = ");
    }
    refuses_s3("region = eu/x", "region = eu/x: expected a region");
    refuses_s3("public_url = cdn.example.org", "public_url = cdn.example.org: expected an address");
}

static void keys_come_in_pairs(void **state)
{
    (void)state;
    refuses(S3 "access_key = A\n", "talelio.ini:3: [store:media] secret_key = (empty): expected the secret");
    refuses(S3 "secret_key = S\n", "talelio.ini:3: [store:media] access_key = (empty): expected the access key");
}

static void no_certificate_covers_a_bucket_with_a_dot(void **state)
{
    (void)state;
    refuses("[store:a]\ndriver = s3\nendpoint = https://h\nbucket = my.media\n",
            "talelio.ini:3: [store:a] path_style = no: expected yes: no certificate covers");
}

static void names_and_keys_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"store:Media", "store:", "store:a b", "store:a/b", "store:a:b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        config_case t;
        char ini[128];
        snprintf(ini, sizeof ini, ENOUGH "[%s]\ndriver = dir\nfolder = x\n", bad[i]);
        case_bind(&t, ini, NULL);
        assert_only_problem(&t, "talelio.ini:3: [store:");
        case_end(&t);
    }
    refuses("[store:a]\ndriver = dir\nfolder = x\nbuckets = y\n",
            "talelio.ini:6: [store:a] buckets: there is no such key; did you mean bucket?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_sections_there_are_no_stores),
        cmocka_unit_test(stores_come_in_the_order_of_the_file),
        cmocka_unit_test(secrets_of_stores_are_not_shown),
        cmocka_unit_test(stores_reach_another_process),
        cmocka_unit_test(drivers_need_their_keys),
        cmocka_unit_test(values_that_would_make_other_urls_are_refused),
        cmocka_unit_test(keys_come_in_pairs),
        cmocka_unit_test(no_certificate_covers_a_bucket_with_a_dot),
        cmocka_unit_test(names_and_keys_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

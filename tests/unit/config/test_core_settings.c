/* The core's own sections: their defaults, and what must fit together. */
#include "tests/unit/config/config_case.h"
#include "tests/unit/support/fixture.h"

#define POSTGRES "[postgres]\nurl = "

static void refuses(const char *ini, const char *expected)
{
    config_case t;
    assert_false(case_bind(&t, ini, NULL));
    assert_only_problem(&t, expected);
    case_end(&t);
}

static void refuses_key(const char *section, const char *line, const char *expected)
{
    char ini[512], text[512];
    snprintf(ini, sizeof ini, ENOUGH "[%s]\n%s\n", section, line);
    snprintf(text, sizeof text, "talelio.ini:4: [%s] %s", section, expected);
    refuses(ini, text);
}

static void accepts(const char *section, const char *line)
{
    config_case t;
    char ini[512];
    snprintf(ini, sizeof ini, ENOUGH "[%s]\n%s\n", section, line);
    bool is_bound = case_bind(&t, ini, NULL);
    assert_no_problem(&t);
    assert_true(is_bound);
    case_end(&t);
}

static void little_is_needed_and_the_rest_has_defaults(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH, NULL));
    assert_string_equal(t.s.mode, "development");
    assert_string_equal(t.s.address, "127.0.0.1");
    assert_int_equal(t.s.port, 5000);
    assert_int_equal(t.s.max_request_line, 8192);
    assert_int_equal(t.s.max_body, 1 << 20);
    assert_int_equal(t.s.request_timeout, 30000);
    assert_int_equal(t.s.db_wait, 0);
    assert_true(t.s.db_prepare);
    assert_string_equal(t.s.redis_address, "127.0.0.1:6379");
    assert_string_equal(t.s.smtp_tls, "require");
    assert_string_equal(t.s.log_file, "");
    assert_true(t.s.log_access);
    assert_int_equal(t.s.cors_origins.count, 0);
    case_end(&t);
}

static void every_option_has_help_and_a_field_of_its_own(void **state)
{
    (void)state;
    static settings s;
    size_t count, options = 0;
    const config_section *sections = config_core_sections(&s, &count);
    for (size_t i = 0; i < count; i++) {
        for (const tl_option *o = sections[i].options; o->name; o++, options++) {
            assert_non_null(o->help);
            assert_in_range((uintptr_t)o->target, (uintptr_t)&s, (uintptr_t)(&s + 1) - 1);
            for (const tl_option *other = sections[i].options; other < o; other++)
                assert_ptr_not_equal(other->target, o->target);
        }
    }
    assert_true(options > 45);
}

static void a_missing_database_is_told_with_what_to_write(void **state)
{
    (void)state;
    refuses("[server]\n", "talelio.ini: [postgres] url is missing: write url = postgresql://");
    refuses(POSTGRES "\n", "talelio.ini:2: [postgres] url = (empty): expected a value");
}

static void unknown_sections_are_refused_with_the_nearest_known_one(void **state)
{
    (void)state;
    refuses(ENOUGH "[htpp]\nport = 1\n", "talelio.ini:3: [htpp]: there is no such section; did you mean [http]?");
    refuses(ENOUGH "[articles]\nenabled = yes\n",
            "talelio.ini:3: [articles]: there is no such section; a plugin's is written [plugin:articles]");
}

static void unknown_keys_are_refused(void **state)
{
    (void)state;
    refuses_key("http", "max_bodi = 1M", "max_bodi: there is no such key; did you mean max_body?");
}

static void all_sections_are_checked_in_one_go(void **state)
{
    (void)state;
    config_case t;
    assert_false(case_bind(&t,
                           "[server]\nport = 70000\nmode = test\n[http]\nmax_body = 12x\n[log]\nlevel = loud\n"
                           "[redis]\naddress = nowhere\n[odd]\n",
                           NULL));
    assert_int_equal(problems_count(t.found), 7);
    assert_true(has_problem(&t, "talelio.ini:5: [http] max_body = 12x: expected a size like 512, 64K, 2M or 1G from 1K "
                                "to 1G"));
    assert_true(has_problem(&t, "talelio.ini:2: [server] port = 70000: expected a whole number from 0 to 65535"));
    case_end(&t);
}

static void addresses_are_addresses(void **state)
{
    (void)state;
    accepts("server", "address = ::");
    accepts("server", "address = 0.0.0.0");
    refuses_key("server", "address = localhost", "address = localhost: expected an IPv4 or IPv6 address");
    refuses_key("server", "address = 127.0.0.1:80", "address = 127.0.0.1:80: expected an IPv4");
    refuses_key("server", "address =", "address = (empty): expected an IPv4");
}

static void folders_become_absolute(void **state)
{
    (void)state;
    config_case t;
    char expected[128];
    assert_true(case_bind(&t,
                          ENOUGH
                          "[server]\nplugin_dir = ./so\nmigrations_dir = ../sql\nrun_dir = /run/x\n[log]\nfile = "
                          "l/x.log\n[mail]\nfolder = ..\n",
                          NULL));
    snprintf(expected, sizeof expected, "%s/so", t.folder);
    assert_string_equal(t.s.plugin_dir, expected);
    assert_string_equal(t.s.migrations_dir, "/tmp/sql");
    assert_string_equal(t.s.run_dir, "/run/x");
    snprintf(expected, sizeof expected, "%s/l/x.log", t.folder);
    assert_string_equal(t.s.log_file, expected);
    assert_string_equal(t.s.mail_folder, "/tmp");
    case_end(&t);
    refuses_key("server", "run_dir =", "run_dir = (empty): expected a folder");
}

static void dots_above_the_root_stay_there(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH "[server]\nrun_dir = ../../../../x\n", NULL));
    assert_string_equal(t.s.run_dir, "/x");
    case_end(&t);
}

static void origins_are_what_a_browser_sends(void **state)
{
    (void)state;
    accepts("http",
            "cors_origins = https://a.example.org, http://localhost:3000, http://127.0.0.1:1, http://[::1]:8080");
    static const char *const wrong[] = {"*",
                                        "null",
                                        "a.example.org",
                                        "https://",
                                        "https://a.example.org/",
                                        "https://a.example.org/path",
                                        "https://*.example.org",
                                        "https://a.example.org:",
                                        "https://a.example.org:0",
                                        "https://a.example.org:65536",
                                        "https://a.example.org:80x",
                                        "https://a.example.org:443",
                                        "http://a.example.org:80",
                                        "https://A.example.org",
                                        "HTTPS://a.example.org",
                                        "ftp://a.example.org",
                                        "https://user@a.example.org",
                                        "http://[::1",
                                        "http://[zz]:80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[128], expected[128];
        snprintf(line, sizeof line, "cors_origins = https://fine.example.org, %s", wrong[i]);
        snprintf(expected, sizeof expected, "cors_origins = %s: expected origins as a browser sends them", wrong[i]);
        refuses_key("http", line, expected);
    }
}

static void proxies_are_addresses_or_unix(void **state)
{
    (void)state;
    accepts("http", "trusted_proxies = 127.0.0.1, ::1, unix");
    refuses_key("http", "trusted_proxies = 10.0.0.0/8", "trusted_proxies = 10.0.0.0/8: expected IP addresses");
}

static void limits_that_include_others_are_not_below_them(void **state)
{
    (void)state;
    refuses_key("http", "max_headers = 4K", "max_headers: expected at least as much as max_request_line");
    refuses_key("http", "body_timeout = 1s", "body_timeout: expected at least as long as header_timeout");
}

static void the_database_is_given_as_libpq_takes_it(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, POSTGRES "host=a,b dbname=c user=d target_session_attrs=read-write\n", NULL));
    case_end(&t);
    refuses(POSTGRES "mysql://a/hunter2\n", "talelio.ini:2: [postgres] url: expected postgresql://");
    refuses(POSTGRES "postgresql://a:hunter2@b/c?nonsense=1\n",
            "talelio.ini:2: [postgres] url: expected postgresql://");
}

static void no_form_of_the_database_shows_its_password(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgresql://app:hunter2@h/db",      "postgresql:///db?host=/run/x&user=app&password=hunter2",
        "host=h user=app password=hunter2",   "host=h password='hunter2' user=app",
        "host=h password = hunter2 user=app", "host=h user=app sslpassword=hunter2"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        config_case t;
        char ini[256];
        snprintf(ini, sizeof ini, POSTGRES "%s\n", urls[i]);
        assert_true(case_bind(&t, ini, NULL));
        char *text = case_printed(&t);
        assert_null(strstr(text, "hunter2"));
        assert_non_null(strstr(text, "user=app"));
        assert_non_null(strstr(text, "password=********"));
        free(text);
        case_end(&t);
    }
}

static void redis_is_a_host_with_a_port_or_a_socket(void **state)
{
    (void)state;
    accepts("redis", "address = cache.example.org:6379");
    accepts("redis", "address = [::1]:6379");
    accepts("redis", "address = /run/redis.sock");
    refuses_key("redis", "address = localhost", "address = localhost: expected host:port, [IPv6]:port");
    refuses_key("redis", "address = ::1:6379", "address = ::1:6379: expected host:port");
    refuses_key("redis", "address = localhost:", "address = localhost:: expected host:port");
    refuses_key("redis", "address =", "address = (empty): expected host:port");
}

static void mail_over_smtp_needs_a_server(void **state)
{
    (void)state;
    accepts("mail", "driver = smtp\nsmtp_url = smtp://mail.example.org:587");
    accepts("mail", "driver = smtp\nsmtp_url = smtps://mail.example.org");
    config_case t;
    assert_false(case_bind(&t, ENOUGH "[mail]\ndriver = smtp\n", NULL));
    assert_only_problem(&t, "talelio.ini: [mail] smtp_url = (empty): expected smtp://host:587");
    case_end(&t);
    refuses_key("mail", "smtp_url = https://mail.example.org", "smtp_url: expected smtp://host:587");
    refuses_key("mail", "smtp_url = smtp://user:hunter2@mail.example.org", "smtp_url: expected smtp://host:587");
    refuses_key("mail", "from = nobody", "from = nobody: expected an address");
}

static void a_user_without_password_is_noticed(void **state)
{
    (void)state;
    config_case t;
    assert_false(case_bind(&t, ENOUGH "[mail]\nsmtp_username = a\n", NULL));
    assert_true(has_problem(&t, "[mail] smtp_password = (empty): expected the password of smtp_username"));
    case_end(&t);
}

static void the_files_that_come_along_are_right(void **state)
{
    (void)state;
    static const char *const files[] = {"config/talelio.ini", "config/production.ini"};
    static const char *const names[] = {"DATABASE_URL",
                                        "REDIS_ADDRESS",
                                        "AUTH_SECRET",
                                        "API_URL",
                                        "SITE_URL",
                                        "SMTP_URL",
                                        "MEDIA_S3_ENDPOINT",
                                        "MEDIA_S3_BUCKET",
                                        "MEDIA_S3_ACCESS_KEY",
                                        "MEDIA_S3_SECRET_KEY",
                                        "BACKUP_S3_ENDPOINT",
                                        "BACKUP_S3_BUCKET",
                                        "BACKUP_S3_ACCESS_KEY",
                                        "BACKUP_S3_SECRET_KEY",
                                        "BACKUP_KEY"};
    static const char *const values[] = {"postgresql:///x",
                                         "127.0.0.1:1",
                                         "s",
                                         "https://api.x.example",
                                         "https://x.example",
                                         "smtp://x",
                                         "https://x.example",
                                         "media",
                                         "a",
                                         "s",
                                         "https://x.example",
                                         "bucket",
                                         "a",
                                         "s",
                                         "k"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], values[i], 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        config_case t;
        char path[1024];
        case_folder(&t);
        snprintf(path, sizeof path, "%s/%s", TL_TEST_SOURCE, files[i]);
        t.c = config_load(path, NULL, t.found);
        assert_non_null(t.c);
        assert_true(config_bind_core(t.c, &t.s, t.found));
        assert_string_equal(config_plugin_name(t.c, 3), "articles");
        assert_no_problem(&t);
        case_end(&t);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void every_variable_of_theirs_is_in_the_example(void **state)
{
    (void)state;
    static const char *const files[] = {"config/talelio.ini", "config/production.ini", "config/recovery.ini"};
    char *example = fixture_source_text(".env.example");
    size_t count = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = fixture_source_text(files[i]);
        for (const char *at = text; (at = strstr(at, "${")); at += 2) {
            char line[64];
            int length = (int)strcspn(at + 2, ":}");
            /* The one that stands for any. */
            if (length == 4 && strncmp(at + 2, "NAME", 4) == 0)
                continue;
            snprintf(line, sizeof line, "\n#%.*s=", length, at + 2);
            if (!strstr(example, line))
                fprintf(stderr, "%s: %s\n", files[i], line);
            assert_non_null(strstr(example, line));
            count++;
        }
        free(text);
    }
    assert_true(count > 10);
    free(example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_is_needed_and_the_rest_has_defaults),
        cmocka_unit_test(every_option_has_help_and_a_field_of_its_own),
        cmocka_unit_test(a_missing_database_is_told_with_what_to_write),
        cmocka_unit_test(unknown_sections_are_refused_with_the_nearest_known_one),
        cmocka_unit_test(unknown_keys_are_refused),
        cmocka_unit_test(all_sections_are_checked_in_one_go),
        cmocka_unit_test(addresses_are_addresses),
        cmocka_unit_test(folders_become_absolute),
        cmocka_unit_test(dots_above_the_root_stay_there),
        cmocka_unit_test(origins_are_what_a_browser_sends),
        cmocka_unit_test(proxies_are_addresses_or_unix),
        cmocka_unit_test(limits_that_include_others_are_not_below_them),
        cmocka_unit_test(the_database_is_given_as_libpq_takes_it),
        cmocka_unit_test(no_form_of_the_database_shows_its_password),
        cmocka_unit_test(redis_is_a_host_with_a_port_or_a_socket),
        cmocka_unit_test(mail_over_smtp_needs_a_server),
        cmocka_unit_test(a_user_without_password_is_noticed),
        cmocka_unit_test(the_files_that_come_along_are_right),
        cmocka_unit_test(every_variable_of_theirs_is_in_the_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

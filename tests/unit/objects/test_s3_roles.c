/*
 * Temporary keys: of the environment, of a container's role, of an instance's. One server plays the metadata service
 * and the storage.
 */
#include "core/objects/roles.h"
#include "tests/unit/objects/bad_server.h"

static struct {
    int lives;        /* seconds that the keys are good for */
    int asked;        /* how often for keys */
    int refused;      /* so many times first */
    int sessions;     /* of IMDSv2 */
    bool is_broken;   /* the document has no keys */
    bool expires;     /* the storage refuses the first keys */
    int badly_signed; /* storage requests without the right token */
    int stored;
    char last_key[64];
} plan;

static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                    "AWS_SECRET_ACCESS_KEY",
                                    "AWS_SESSION_TOKEN",
                                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                    "AWS_EC2_METADATA_DISABLED"};

static void serve_keys(bad_server *s, int fd)
{
    char body[512], until[32];
    time_t end = time(NULL) + plan.lives;
    struct tm utc;
    strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&end, &utc));
    int number = ++plan.asked;
    snprintf(body, sizeof body,
             "{\"Code\":\"Success\",\"AccessKeyId\":\"ROLE%d\",\"SecretAccessKey\":\"very-secret\","
             "\"Token\":\"token%d\",\"Expiration\":\"%s\"}",
             number, number, until);
    if (number <= plan.refused)
        bad_answer(s, fd, "503 Service Unavailable", "", "");
    else
        bad_answer(s, fd, "200 OK", "", plan.is_broken ? "{\"Code\":\"Failed\"}" : body);
}

static void serve_storage(bad_server *s, int fd, const bad_request *r)
{
    char expected[128];
    const char *key = strstr(r->head, "Credential=");
    snprintf(plan.last_key, sizeof plan.last_key, "%.*s", key ? (int)strcspn(key + 11, "/") : 0, key ? key + 11 : "");
    snprintf(expected, sizeof expected, "\nx-amz-security-token: token%s\r", plan.last_key + 4);
    plan.badly_signed += !bad_has(r, expected) || !strstr(r->head, ";x-amz-security-token");
    plan.stored++;
    if (plan.expires && strcmp(plan.last_key, "ROLE1") == 0)
        bad_error(s, fd, "400 Bad Request", "ExpiredToken");
    else
        bad_answer(s, fd, "200 OK", "ETag: \"e\"\r\n", "");
}

static void serve(bad_server *s, int fd, const bad_request *r)
{
    static const char role[] = "/latest/meta-data/iam/security-credentials/";
    const char *path = strchr(r->head, ' ') + 1;
    bool has_session = bad_has(r, "\nX-aws-ec2-metadata-token: session\r");
    if (strncmp(r->head, "PUT /latest/api/token ", 22) == 0 && bad_has(r, "token-ttl-seconds: 21600\r")) {
        plan.sessions++;
        bad_answer(s, fd, "200 OK", "", "session");
    } else if (strncmp(path, role, strlen(role)) == 0 && !has_session)
        bad_answer(s, fd, "401 Unauthorized", "", "");
    else if (strncmp(path, role, strlen(role)) == 0 && path[strlen(role)] == ' ')
        bad_answer(s, fd, "200 OK", "", "the role\nanother");
    else if (strncmp(path, role, strlen(role)) == 0 && strncmp(path + strlen(role), "the%20role ", 11) == 0)
        serve_keys(s, fd);
    else if (strncmp(path, "/container ", 11) == 0 && bad_has(r, "\nAuthorization: the token\r"))
        serve_keys(s, fd);
    else if (strncmp(path, "/bucket/", 8) == 0)
        serve_storage(s, fd, r);
    else
        bad_answer(s, fd, "404 Not Found", "", "");
}

static void prepare(bad_case *t, int lives)
{
    memset(&plan, 0, sizeof plan);
    plan.lives = lives;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    bad_case_prepare(t, serve);
    t->storage.settings.access_key = t->storage.settings.secret_key = "";
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", t->server->url, 1);
}

static void put_one(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "k", "v"));
}

static void cannot_put(tl_request *req, storage *t)
{
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_UNAVAILABLE);
    CHECK(!objects_presign(req, t->store, TL_GET, "k", 60));
}

static void the_instance_has_a_role(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    storage_run(&t.storage, put_one);
    assert_int_equal(plan.asked, 1);
    assert_int_equal(plan.sessions, 1);
    assert_int_equal(plan.stored, 2);
    assert_int_equal(plan.badly_signed, 0);
    assert_string_equal(plan.last_key, "ROLE1");
    assert_false(storage_logged("very-secret") || storage_logged("token1"));
    bad_case_end(&t);
}

static void ask_container(bad_case *t)
{
    char url[80];
    snprintf(url, sizeof url, "%s/container", t->server->url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
}

static void the_container_has_a_role(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    ask_container(&t);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the token", 1);
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    assert_int_equal(plan.asked, 1);
    assert_int_equal(plan.badly_signed, 0);
    bad_case_end(&t);
}

static void the_containers_token_may_be_in_a_file(void **state)
{
    (void)state;
    bad_case t;
    char path[] = "/tmp/talelio-token-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "the token\n", 10), 10);
    close(fd);
    prepare(&t, 3600);
    ask_container(&t);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    unlink(path);
    assert_int_equal(plan.asked, 1);
    bad_case_end(&t);
}

static void keys_are_not_fetched_from_strangers(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://example.org/keys", "http://127.0.0.1.example.org/keys",
                                       "http://127.0.0.1:80@example.org/", "ftp://127.0.0.1/", "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        bad_case t;
        prepare(&t, 3600);
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i], 1);
        storage_start(&t.storage);
        storage_run(&t.storage, cannot_put);
        assert_true(storage_logged("is no address of this machine"));
        assert_int_equal(t.server->requests, 0);
        bad_case_end(&t);
    }
}

static void the_environment_comes_first(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    setenv("AWS_ACCESS_KEY_ID", "ROLE7", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "very-secret", 1);
    setenv("AWS_SESSION_TOKEN", "token7", 1);
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    assert_int_equal(plan.asked, 0);
    assert_int_equal(plan.badly_signed, 0);
    assert_string_equal(plan.last_key, "ROLE7");
    bad_case_end(&t);
}

static void the_ini_file_comes_before_that(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    setenv("AWS_ACCESS_KEY_ID", "ROLE7", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "other", 1);
    t.storage.settings.access_key = "INI";
    t.storage.settings.secret_key = "secret";
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    assert_string_equal(plan.last_key, "INI");
    bad_case_end(&t);
}

static void put_until_renewed(tl_request *req, storage *t)
{
    for (int i = 0; i < 60 && plan.asked < 2; i++) {
        CHECK(put_text(req, t, "k", "v"));
        CHECK(request_sleep(req, 100) == TL_OK);
    }
    CHECK(plan.asked >= 2);
    CHECK(request_sleep(req, 200) == TL_OK);
    CHECK(put_text(req, t, "k", "v"));
}

/* Keys of four seconds are renewed after two; no request is refused meanwhile. */
static void keys_are_renewed_before_they_end(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 4);
    storage_start(&t.storage);
    storage_run(&t.storage, put_until_renewed);
    assert_int_equal(plan.badly_signed, 0);
    assert_true(strcmp(plan.last_key, "ROLE1") > 0);
    bad_case_end(&t);
}

static void ended_keys_are_renewed_once_they_are_refused(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    plan.expires = true;
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    assert_int_equal(plan.asked, 2);
    assert_string_equal(plan.last_key, "ROLE2");
    bad_case_end(&t);
}

static void put_counted(tl_request *req, void *arg)
{
    storage *t = arg;
    if (!put_text(req, t, "k", "v"))
        strcpy(t->failure, "put");
}

static void many_requests_ask_once(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    storage_start(&t.storage);
    for (int i = 0; i < 10; i++)
        assert_true(request_start(request_new(t.storage.worker, 0), put_counted, &t.storage));
    storage_settle(&t.storage);
    assert_string_equal(t.storage.failure, "");
    assert_int_equal(plan.asked, 1);
    assert_int_equal(plan.stored, 10);
    bad_case_end(&t);
}

static void a_metadata_service_that_fails_is_asked_again(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    plan.refused = 2;
    storage_start(&t.storage);
    storage_run(&t.storage, put_one);
    assert_int_equal(plan.asked, 3);
    bad_case_end(&t);
}

static void without_keys_storage_is_unavailable(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    plan.is_broken = true;
    storage_start(&t.storage);
    storage_run(&t.storage, cannot_put);
    assert_int_equal(plan.stored, 0);
    assert_true(storage_logged("there are no keys to sign requests with: the document has no AccessKeyId"));
    bad_case_end(&t);
}

static void metadata_may_be_switched_off(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    storage_start(&t.storage);
    storage_run(&t.storage, cannot_put);
    assert_int_equal(t.server->requests, 0);
    bad_case_end(&t);
}

#define KEYS "\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","

static void read_documents(tl_request *req, storage *t)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{" KEYS "\"Token\":\"c\"}",
        "{" KEYS "\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{" KEYS "\"Token\":1,\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{" KEYS "\"Token\":\"c\\r\\nd\",\"Expiration\":\"2030-01-01T00:00:00Z\"}",
        "{" KEYS "\"Token\":\"c\",\"Expiration\":\"soon\"}",
    };
    const char *good =
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\",\"Expiration\":\"2030-01-01T00:00:00.5Z\"}";
    role_keys keys;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(roles_read(req, bad[i], strlen(bad[i]), &keys));
    CHECK(!roles_read(req, good, strlen(good), &keys));
    CHECK(keys.until == 1893456000 && strcmp(keys.token, "c") == 0);
}

static void documents_that_are_not_sound_are_refused(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, 3600);
    storage_start(&t.storage);
    storage_run(&t.storage, read_documents);
    bad_case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_instance_has_a_role),
        cmocka_unit_test(the_container_has_a_role),
        cmocka_unit_test(the_containers_token_may_be_in_a_file),
        cmocka_unit_test(keys_are_not_fetched_from_strangers),
        cmocka_unit_test(the_environment_comes_first),
        cmocka_unit_test(the_ini_file_comes_before_that),
        cmocka_unit_test(keys_are_renewed_before_they_end),
        cmocka_unit_test(ended_keys_are_renewed_once_they_are_refused),
        cmocka_unit_test(many_requests_ask_once),
        cmocka_unit_test(a_metadata_service_that_fails_is_asked_again),
        cmocka_unit_test(without_keys_storage_is_unavailable),
        cmocka_unit_test(metadata_may_be_switched_off),
        cmocka_unit_test(documents_that_are_not_sound_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

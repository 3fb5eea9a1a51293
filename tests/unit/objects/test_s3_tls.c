/*
 * TLS to the storage: a certificate is checked, also against a CA of one's own, and it must be for this host. The
 * server is OpenSSL's.
 */
#include "tests/unit/objects/storage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

typedef struct tls_server {
    char folder[64], certificate[96], key[96], url[48];
    pid_t pid;
} tls_server;

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static pid_t run(char *const *words)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also after a crash of the test */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(words[0], words);
        _exit(127);
    }
    return pid;
}

static void start(tls_server *s, const char *name)
{
    char subject[96], alternative[96], port[16];
    strcpy(s->folder, "/tmp/talelio-tls-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->certificate, sizeof s->certificate, "%s/certificate.pem", s->folder);
    snprintf(s->key, sizeof s->key, "%s/key.pem", s->folder);
    snprintf(subject, sizeof subject, "/CN=%s", name);
    snprintf(alternative, sizeof alternative, "subjectAltName=%s", name);
    char *make[] = {"openssl", "req",   "-x509", "-newkey",      "ec",        "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes",  "-subj", subject, "-addext",      alternative, "-days",    "2",
                    "-keyout", s->key,  "-out",  s->certificate, NULL};
    int status;
    waitpid(run(make), &status, 0);
    assert_int_equal(status, 0);
    int number = free_port();
    snprintf(port, sizeof port, "127.0.0.1:%d", number);
    snprintf(s->url, sizeof s->url, "https://127.0.0.1:%d", number);
    char *serve[] = {"openssl", "s_server", "-accept", port,     "-cert", s->certificate,
                     "-key",    s->key,     "-www",    "-quiet", NULL};
    s->pid = run(serve);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 3000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool is_there = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_there)
            return;
        usleep(10000);
    }
    fail_msg("openssl s_server does not start");
}

static void stop(tls_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    storage_remove_folder(s->folder);
}

static int checked;

static void check(tl_request *req, storage *t)
{
    checked = objects_check(req, t->store);
}

/* The page of s_server is a success as any other. */
static void ask(const char *name, bool with_ca, int expected, const char *logged)
{
    tls_server s;
    storage t;
    start(&s, name);
    memset(&t, 0, sizeof t);
    t.is_s3 = true;
    t.settings = (store_settings){.name = "test",
                                  .driver = "s3",
                                  .endpoint = s.url,
                                  .region = "us-east-1",
                                  .bucket = "bucket",
                                  .path_style = true,
                                  .access_key = "KEY",
                                  .secret_key = "secret",
                                  .ca_file = with_ca ? s.certificate : "",
                                  .connections = 2,
                                  .connect_timeout = 5000,
                                  .stall_timeout = 5000,
                                  .public_url = ""};
    storage_start(&t);
    storage_run(&t, check);
    bool is_logged = !logged || storage_logged(logged);
    storage_stop(&t);
    stop(&s);
    assert_int_equal(checked, expected);
    assert_true(is_logged);
}

static void a_certificate_of_ones_own_ca_is_trusted(void **state)
{
    (void)state;
    ask("IP:127.0.0.1", true, TL_OK, NULL);
}

static void a_certificate_of_nobody_is_not_trusted(void **state)
{
    (void)state;
    ask("IP:127.0.0.1", false, TL_UNAVAILABLE, "its certificate is not trusted (see ca_file)");
}

static void a_certificate_for_another_host_is_not_trusted(void **state)
{
    (void)state;
    ask("DNS:example.org", true, TL_UNAVAILABLE, "its certificate is not trusted (see ca_file)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_of_ones_own_ca_is_trusted),
        cmocka_unit_test(a_certificate_of_nobody_is_not_trusted),
        cmocka_unit_test(a_certificate_for_another_host_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

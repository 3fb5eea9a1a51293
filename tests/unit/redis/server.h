/*
 * A Redis server of a test's own, to be stopped, stalled and started again; and a plain connection to look behind the
 * code under test.
 */
#ifndef TESTS_UNIT_REDIS_SERVER_H
#define TESTS_UNIT_REDIS_SERVER_H

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct redis_server {
    char folder[64];
    char socket[96];
    char port[8]; /* "0": the socket only */
    char password[64];
    pid_t pid;
} redis_server;

static inline void redis_server_prepare(redis_server *s, const char *password)
{
    memset(s, 0, sizeof(*s));
    strcpy(s->folder, "/tmp/talelio-redis-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", s->folder);
    snprintf(s->port, sizeof(s->port), "0");
    snprintf(s->password, sizeof(s->password), "%s", password);
}

static inline redisContext *redis_server_connect(const redis_server *s)
{
    for (int i = 0; i < 3000; i++) {
        redisContext *c = redisConnectUnix(s->socket);
        if (c && !c->err) {
            if (s->password[0])
                freeReplyObject(redisCommand(c, "AUTH %s", s->password));
            redisReply *reply = redisCommand(c, "PING");
            bool answers = reply && reply->type == REDIS_REPLY_STATUS;
            freeReplyObject(reply);
            if (answers)
                return c;
        }
        redisFree(c);
        usleep(10000);
    }
    fail_msg("the test's Redis does not answer");
    return NULL;
}

static inline void redis_server_run(redis_server *s)
{
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also after a crash of the test */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", s->port, "--bind", "127.0.0.1", "--unixsocket", s->socket,
               "--dir", s->folder, "--save", "", "--requirepass", s->password, (char *)NULL);
        _exit(127);
    }
    redisFree(redis_server_connect(s));
}

static inline void redis_server_stop(redis_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
    unlink(s->socket);
}

static inline void redis_server_remove(redis_server *s)
{
    redis_server_stop(s);
    rmdir(s->folder);
}

/* How often `text` stands in the log. */
static inline int count_in_log(const char *text)
{
    FILE *file = fopen(fixture_log_path(), "r");
    assert_non_null(file);
    static char content[4 * 1024 * 1024];
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    int count = 0;
    for (const char *p = content; (p = strstr(p, text)); p++)
        count++;
    return count;
}

static inline void clear_log(void)
{
    assert_int_equal(truncate(fixture_log_path(), 0), 0);
}

#endif

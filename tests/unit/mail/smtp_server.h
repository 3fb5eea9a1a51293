/*
 * A small SMTP server for the tests of delivery, on a thread of its own: it says what the test has told it to say, and
 * keeps what it hears. One connection at a time.
 */
#ifndef TESTS_UNIT_MAIL_SMTP_SERVER_H
#define TESTS_UNIT_MAIL_SMTP_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct smtp_server {
    /* What it says, to be set while nobody is connected. */
    const char *ehlo;      /* the lines of the answer to EHLO */
    const char *mail;      /* the answer to MAIL */
    const char *recipient; /* the answer to RCPT */
    const char *data;      /* the answer to the message */
    int hold;              /* milliseconds before the greeting */
    /* What it has heard. */
    char heard[1 << 20];   /* everything, as it came */
    char message[1 << 20]; /* of the last DATA, dots still doubled */
    size_t heard_length;
    size_t message_length;
    atomic_int connections;
    atomic_bool overlapped; /* a second connection waited while the first one was held */
    atomic_bool stop;
    int listener;
    int port;
    pthread_t thread;
} smtp_server;

static inline void smtp_say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static inline void smtp_keep(char *all, size_t size, size_t *used, const char *line)
{
    size_t length = strlen(line);
    if (*used + length < size) {
        memcpy(all + *used, line, length + 1);
        *used += length;
    }
}

/* One line; false when there is no more. */
static inline bool smtp_hear(smtp_server *s, FILE *in, char *line, size_t size)
{
    if (!fgets(line, (int)size, in))
        return false;
    smtp_keep(s->heard, sizeof(s->heard), &s->heard_length, line);
    return true;
}

static inline bool smtp_hear_message(smtp_server *s, FILE *in)
{
    char line[4096];
    s->message_length = 0;
    while (smtp_hear(s, in, line, sizeof(line))) {
        if (strcmp(line, ".\r\n") == 0)
            return true;
        smtp_keep(s->message, sizeof(s->message), &s->message_length, line);
    }
    return false;
}

static inline void smtp_talk(smtp_server *s, int fd)
{
    char line[4096];
    FILE *in = fdopen(fd, "r");
    for (int waited = 0; waited < s->hold && !s->stop; waited += 10) {
        struct pollfd second = {.fd = s->listener, .events = POLLIN};
        if (poll(&second, 1, 10) > 0)
            s->overlapped = true;
    }
    smtp_say(fd, "220 test ESMTP\r\n");
    while (!s->stop && smtp_hear(s, in, line, sizeof(line))) {
        if (strncmp(line, "EHLO", 4) == 0) {
            smtp_say(fd, s->ehlo);
        } else if (strncmp(line, "MAIL", 4) == 0) {
            smtp_say(fd, s->mail);
        } else if (strncmp(line, "RCPT", 4) == 0) {
            smtp_say(fd, s->recipient);
        } else if (strncmp(line, "AUTH", 4) == 0) {
            smtp_say(fd, "334 \r\n");
            if (smtp_hear(s, in, line, sizeof(line)))
                smtp_say(fd, "235 welcome\r\n");
        } else if (strncmp(line, "DATA", 4) == 0) {
            smtp_say(fd, "354 go on\r\n");
            if (smtp_hear_message(s, in))
                smtp_say(fd, s->data);
        } else if (strncmp(line, "QUIT", 4) == 0) {
            smtp_say(fd, "221 bye\r\n");
            break;
        } else {
            smtp_say(fd, "500 what?\r\n");
        }
    }
    fclose(in);
}

static inline void *smtp_run(void *arg)
{
    smtp_server *s = arg;
    while (!s->stop) {
        struct pollfd ready = {.fd = s->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0)
            continue;
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            continue;
        s->connections++;
        smtp_talk(s, fd);
    }
    return NULL;
}

static inline smtp_server *smtp_server_start(void)
{
    smtp_server *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->ehlo = "250-test\r\n250 8BITMIME\r\n";
    s->mail = "250 sender ok\r\n";
    s->recipient = "250 recipient ok\r\n";
    s->data = "250 taken\r\n";
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, smtp_run, s), 0);
    return s;
}

static inline void smtp_server_stop(smtp_server *s)
{
    s->stop = true;
    pthread_join(s->thread, NULL);
    close(s->listener);
    free(s);
}

#endif

/*
 * What systemd wants to know of a service of Type=notify or notify-reload, as sd_notify(3) describes it: a datagram to
 * the socket that $NOTIFY_SOCKET names. Without one, nothing happens. What the server does waits for up to two seconds
 * for room in the socket's queue; a sign of life never does.
 */
#ifndef CORE_PROCESS_NOTIFY_H
#define CORE_PROCESS_NOTIFY_H

#include <stdint.h>
#include <sys/un.h>

typedef struct notifier {
    struct sockaddr_un address;
    int length;       /* of the address; 0: nobody listens */
    int64_t watchdog; /* milliseconds between signs of life, 0: none are wanted */
} notifier;

/* Takes the variables out of the environment, so that no child speaks for the service. */
void notify_open(notifier *n);

void notify_ready(const notifier *n, const char *status);
void notify_reloading(const notifier *n);
void notify_stopping(const notifier *n);
void notify_alive(const notifier *n);

#endif

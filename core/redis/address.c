/*
 * Addresses of Redis, and their names' look-up through libevent's resolver: hiredis itself would resolve with a
 * blocking getaddrinfo.
 */
#include "core/redis/address.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* On its own, because a look-up that was given up still reports later. */
typedef struct question {
    redis_lookup *lookup; /* NULL: nobody waits for the answer any more */
    struct evdns_getaddrinfo_request *request;
} question;

struct redis_lookup {
    struct evdns_base *dns;
    question *open;
    redis_address *address;
    void (*done)(void *arg);
    void *arg;
};

static bool parse_port(const char *text, int *port)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    long number = strtol(text, &end, 10);
    if (*end != '\0' || number < 1 || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

bool redis_address_parse(const char *text, redis_address *out)
{
    memset(out, 0, sizeof(*out));
    size_t length = strlen(text);
    if (text[0] == '/') {
        out->is_path = true;
        if (length >= sizeof(((struct sockaddr_un *)0)->sun_path))
            return false;
        memcpy(out->host, text, length + 1);
        return true;
    }
    const char *colon = strrchr(text, ':');
    if (!colon || !parse_port(colon + 1, &out->port))
        return false;
    const char *start = text;
    length = (size_t)(colon - text);
    bool bracketed = length > 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        start++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(out->host) || (!bracketed && memchr(start, ':', length)))
        return false;
    memcpy(out->host, start, length);
    unsigned char binary[sizeof(struct in6_addr)];
    bool is_v6 = evutil_inet_pton(AF_INET6, out->host, binary) == 1;
    out->is_name = !is_v6 && evutil_inet_pton(AF_INET, out->host, binary) != 1;
    return bracketed == is_v6;
}

redis_lookup *redis_lookup_new(struct event_base *base)
{
    redis_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup)
        return NULL;
    lookup->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!lookup->dns) {
        free(lookup);
        return NULL;
    }
    /* Without such a file the resolver asks 127.0.0.1, which is as good as anything. */
    evdns_base_resolv_conf_parse(lookup->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    return lookup;
}

void redis_lookup_free(redis_lookup *lookup)
{
    if (!lookup)
        return;
    redis_lookup_stop(lookup);
    evdns_base_free(lookup->dns, 1);
    free(lookup);
}

void redis_lookup_stop(redis_lookup *lookup)
{
    if (!lookup || !lookup->open)
        return;
    question *q = lookup->open;
    lookup->open = NULL;
    q->lookup = NULL;
    if (q->request)
        evdns_getaddrinfo_cancel(q->request);
}

static void keep(redis_address *address, const struct sockaddr *found)
{
    const void *binary = found->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)found)->sin6_addr
                                                      : (const void *)&((const struct sockaddr_in *)found)->sin_addr;
    if (address->count < REDIS_ADDRESSES &&
        evutil_inet_ntop(found->sa_family, binary, address->found[address->count], INET6_ADDRSTRLEN))
        address->count++;
}

static void on_answer(int error, struct evutil_addrinfo *list, void *arg)
{
    question *q = arg;
    redis_lookup *lookup = q->lookup;
    if (lookup) {
        lookup->open = NULL;
        for (struct evutil_addrinfo *each = list; !error && each; each = each->ai_next)
            keep(lookup->address, each->ai_addr);
    }
    if (list)
        evutil_freeaddrinfo(list);
    free(q);
    if (lookup)
        lookup->done(lookup->arg);
}

void redis_lookup_start(redis_lookup *lookup, redis_address *address, void (*done)(void *arg), void *arg)
{
    lookup->address = address;
    lookup->done = done;
    lookup->arg = arg;
    address->count = address->next = 0;
    question *q = calloc(1, sizeof(*q));
    if (!q) {
        done(arg);
        return;
    }
    q->lookup = lookup;
    lookup->open = q;
    struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(lookup->dns, address->host, NULL, &hints, on_answer, q);
    /* NULL: it has answered already, and the question is gone. */
    if (request)
        q->request = request;
}

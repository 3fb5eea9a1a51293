/*
 * Where a request comes from: the socket's peer, or what a trusted proxy in front of us says about it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/http/private.h"
#include "core/log/log.h"

/* Both families as IPv6, so that "::ffff:10.0.0.1" and "10.0.0.1" are the same. */
static void map_v4(const struct in_addr *v4, struct in6_addr *out)
{
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, v4, 4);
}

static bool parse_address(const char *text, struct in6_addr *out)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        map_v4(&v4, out);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static const char *address_text(const struct in6_addr *address, char *text)
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        return inet_ntop(AF_INET, address->s6_addr + 12, text, INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

bool remote_trust(struct http_server *h)
{
    const tl_list *list = &h->settings->trusted_proxies;
    if (list->count == 0)
        return true;
    h->proxies = calloc(list->count, sizeof *h->proxies);
    if (!h->proxies)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], "unix") == 0)
            h->trust_unix = true;
        else if (parse_address(list->items[i], &h->proxies[h->proxy_count]))
            h->proxy_count++;
        else
            log_warning(h->worker, NULL, "[http] trusted_proxies: '%s' is no address, and nobody is trusted for it",
                        list->items[i]);
    }
    return true;
}

static bool is_trusted(const struct http_server *h, const struct in6_addr *address)
{
    for (size_t i = 0; i < h->proxy_count; i++) {
        if (memcmp(&h->proxies[i], address, sizeof *address) == 0)
            return true;
    }
    return false;
}

/* One hop: "10.0.0.1", "10.0.0.1:80", "fd00::1" or "[fd00::1]:80". */
static bool parse_hop(const char *text, size_t length, struct in6_addr *out)
{
    char copy[INET6_ADDRSTRLEN + 8];
    if (length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *start = copy;
    char *colon = strchr(copy, ':');
    if (*start == '[') {
        char *end = strchr(++start, ']');
        if (!end)
            return false;
        *end = '\0';
    } else if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
    return parse_address(start, out);
}

/* Goes through one X-Forwarded-For from its right. False: go on with the line before. */
static bool walk(const struct http_server *h, const char *line, struct in6_addr *client)
{
    size_t end = strlen(line);
    while (end > 0) {
        size_t start = end;
        while (start > 0 && line[start - 1] != ',')
            start--;
        size_t from = start, to = end;
        while (from < to && (line[from] == ' ' || line[from] == '\t'))
            from++;
        while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
            to--;
        struct in6_addr hop;
        /* Nonsense can only come from the last one we do not trust. */
        if (!parse_hop(line + from, to - from, &hop))
            return true;
        *client = hop;
        if (!is_trusted(h, &hop))
            return true;
        end = start > 0 ? start - 1 : 0;
    }
    return false;
}

/* What proxies say, for a peer that is one of ours. Leaves the client as it is when they say nothing. */
static void read_forwarded(http_exchange *x, struct in6_addr *client)
{
    int lines[FRAME_LINES], count = 0, line = -1;
    while ((line = frame_find(&x->frame, x->head.data, "X-Forwarded-For", (size_t)line + 1)) >= 0)
        lines[count++] = line;
    bool found = false;
    while (count > 0 && !found)
        found = walk(x->server, exchange_text(x, x->frame.lines[lines[--count]].value), client);
}

/* False: there is no address, as of a unix socket. */
static bool read_peer(const struct sockaddr *peer, struct in6_addr *out)
{
    if (peer->sa_family == AF_INET)
        map_v4(&((const struct sockaddr_in *)peer)->sin_addr, out);
    else if (peer->sa_family == AF_INET6)
        *out = ((const struct sockaddr_in6 *)peer)->sin6_addr;
    return peer->sa_family == AF_INET || peer->sa_family == AF_INET6;
}

const char *remote_address(http_exchange *x)
{
    const struct http_server *h = x->server;
    const struct sockaddr *peer =
        x->remote[0] || !x->conn || !x->conn->evcon ? NULL : evhttp_connection_get_addr(x->conn->evcon);
    if (!peer)
        return x->remote;
    struct in6_addr client = in6addr_any;
    bool has_address = read_peer(peer, &client);
    if (has_address ? is_trusted(h, &client) : h->trust_unix && peer->sa_family == AF_UNIX)
        read_forwarded(x, &client);
    if (has_address || !IN6_IS_ADDR_UNSPECIFIED(&client))
        address_text(&client, x->remote);
    else
        memcpy(x->remote, "unix", sizeof "unix");
    return x->remote;
}

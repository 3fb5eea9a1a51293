/*
 * Lists of hosts: reading, resolving and writing them.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/address.h"

/* Copies item `index` of a list with commas; "" past its end. False when it does not fit. */
static bool item(const char *list, int index, char *out, size_t size)
{
    *out = '\0';
    for (; list && index > 0; index--) {
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }
    if (!list)
        return true;
    size_t length = strcspn(list, ",");
    if (length >= size)
        return false;
    memcpy(out, list, length);
    out[length] = '\0';
    return true;
}

static int item_count(const char *list)
{
    int count = list ? 1 : 0;
    for (; list && *list; list++)
        count += *list == ',';
    return count;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    int port = atoi(text);
    return text[digits] == '\0' && (digits == 0 || (port >= 1 && port <= 65535));
}

bool places_parse(places *p, const char *hosts, const char *addresses, const char *ports)
{
    memset(p, 0, sizeof *p);
    int host_count = item_count(hosts), address_count = item_count(addresses), port_count = item_count(ports);
    int count = address_count > 0 ? address_count : host_count;
    if (count > PLACES_MAX || (address_count > 0 && host_count > 0 && address_count != host_count) ||
        (port_count > 1 && port_count != count))
        return false;
    for (int i = 0; i < count || i < port_count; i++) {
        place *at = &p->items[i];
        if (!item(hosts, i, at->host, sizeof at->host) || !item(addresses, i, at->address, sizeof at->address) ||
            !item(ports, port_count == 1 ? 0 : i, at->port, sizeof at->port) || !is_port(at->port))
            return false;
        /* A stray '@' is what a badly written password leaves behind; a leading one is an abstract socket. */
        if (at->host[0] && strchr(at->host + 1, '@'))
            return false;
    }
    p->count = count;
    return true;
}

static bool is_name(const place *at)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return at->host[0] && !at->address[0] && at->host[0] != '/' && at->host[0] != '@' &&
           inet_pton(AF_INET, at->host, bytes) != 1 && !strchr(at->host, ':');
}

bool places_have_names(const places *p)
{
    for (int i = 0; i < p->count; i++) {
        if (is_name(&p->items[i]))
            return true;
    }
    return false;
}

static void append(places *p, const place *from, const char *address)
{
    if (p->count == PLACES_MAX)
        return;
    place *to = &p->items[p->count++];
    *to = *from;
    snprintf(to->address, sizeof to->address, "%s", address);
}

void places_resolve(places *p, lookup_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    places names = *p;
    p->count = 0;
    error->text[0] = '\0';
    for (int i = 0; i < names.count; i++) {
        const place *from = &names.items[i];
        if (!is_name(from)) {
            append(p, from, from->address);
            continue;
        }
        struct addrinfo *found = NULL;
        int failed = getaddrinfo(from->host, NULL, &hints, &found);
        if (failed)
            snprintf(error->text, sizeof error->text, "the host \"%s\" is not found: %s", from->host,
                     gai_strerror(failed));
        for (struct addrinfo *at = failed ? NULL : found; at; at = at->ai_next) {
            char address[PLACE_ADDRESS];
            if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
                append(p, from, address);
        }
        if (!failed)
            freeaddrinfo(found);
    }
}

static void join(char *list, size_t size, int index, const char *text)
{
    size_t length = index == 0 ? 0 : strlen(list);
    snprintf(list + length, size - length, "%s%s", index == 0 ? "" : ",", text);
}

void places_write(const places *p, int first, places_text *out)
{
    for (int i = 0; i < p->count; i++) {
        const place *at = &p->items[(first + i) % p->count];
        join(out->hosts, sizeof out->hosts, i, at->host);
        join(out->addresses, sizeof out->addresses, i, at->address);
        join(out->ports, sizeof out->ports, i, at->port);
    }
}

int places_find(const places *p, const char *host, const char *address, const char *port)
{
    for (int i = 0; i < p->count; i++) {
        const place *at = &p->items[i];
        bool same_port = !port || !at->port[0] || strcmp(at->port, port) == 0;
        bool same_host =
            at->address[0] ? address && strcmp(at->address, address) == 0 : host && strcmp(at->host, host) == 0;
        if (same_port && same_host)
            return i;
    }
    return p->count - 1;
}

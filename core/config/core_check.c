/* What a table of options cannot say: addresses, origins, and keys that must fit each other. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/parts.h"

typedef struct check {
    config *c;
    problems *found;
    bool is_fine;
} check;

/* `shown` NULL: the value is not repeated. */
static void complain(check *k, const char *section_name, const char *key, const char *shown, const char *expected)
{
    const entry *e = entry_find(k->c, section_name, key);
    k->is_fine = false;
    problems_add(k->found, k->c->ini, e ? e->line : 0, "[%s] %s%s%s%s: expected %s", section_name, key,
                 shown ? " = " : "", shown ? shown : "", shown && !*shown ? "(empty)" : "", expected);
}

static bool is_ip(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* A decimal number from 1 to 65535 and nothing behind it. */
static bool is_port(const char *text)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 5 || text[length])
        return false;
    int port = atoi(text);
    return port >= 1 && port <= 65535;
}

/* A name or an IPv4 address, or an IPv6 address in brackets. Returns what is behind it, NULL when there is none. */
static const char *skip_host(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    if (*text == '[') {
        size_t length = strcspn(text + 1, "]");
        if (length >= sizeof address || !text[length + 1])
            return NULL;
        memcpy(address, text + 1, length);
        address[length] = '\0';
        unsigned char bytes[sizeof(struct in6_addr)];
        return inet_pton(AF_INET6, address, bytes) == 1 ? text + length + 2 : NULL;
    }
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    return length > 0 && text[0] != '.' && text[0] != '-' ? text + length : NULL;
}

static bool is_origin(const char *text)
{
    bool is_secure = strncmp(text, "https://", 8) == 0;
    if (!is_secure && strncmp(text, "http://", 7) != 0)
        return false;
    const char *host = text + (is_secure ? 8 : 7);
    const char *rest = skip_host(host);
    /* A browser sends its origin in lower case and leaves out the scheme's own port: others would never match. */
    if (!rest || strpbrk(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        return false;
    return !*rest || (*rest == ':' && is_port(rest + 1) && strcmp(rest, is_secure ? ":443" : ":80") != 0);
}

static void check_http(check *k, const settings *s)
{
    for (size_t i = 0; i < s->cors_origins.count; i++)
        if (!is_origin(s->cors_origins.items[i]))
            complain(k, "http", "cors_origins", s->cors_origins.items[i],
                     "origins as a browser sends them, such as https://www.example.org or http://localhost:3000: no "
                     "path, no \"*\", no capitals, not the scheme's own port");
    for (size_t i = 0; i < s->trusted_proxies.count; i++)
        if (strcmp(s->trusted_proxies.items[i], "unix") != 0 && !is_ip(s->trusted_proxies.items[i]))
            complain(k, "http", "trusted_proxies", s->trusted_proxies.items[i], "IP addresses, or \"unix\"");
    if (s->max_headers > 0 && s->max_headers < s->max_request_line)
        complain(k, "http", "max_headers", NULL, "at least as much as max_request_line, which it includes");
    if (s->body_timeout > 0 && s->body_timeout < s->header_timeout)
        complain(k, "http", "body_timeout", NULL, "at least as long as header_timeout, which it includes");
}

static void check_server(check *k, const settings *s)
{
    if (s->address && !is_ip(s->address))
        complain(k, "server", "address", s->address, "an IPv4 or IPv6 address, such as 127.0.0.1, 0.0.0.0 or ::");
    if (s->plugin_dir && !*s->plugin_dir)
        complain(k, "server", "plugin_dir", "", "a folder");
    if (s->migrations_dir && !*s->migrations_dir)
        complain(k, "server", "migrations_dir", "", "a folder");
    if (s->run_dir && !*s->run_dir)
        complain(k, "server", "run_dir", "", "a folder");
}

/* The address as keywords, which is how libpq has understood it, so that no password can hide in it. */
static const char *show_postgres(const config *c, const PQconninfoOption *options, bool *has_password)
{
    const char *text = "";
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val)
            continue;
        /* libpq marks what is secret with '*' for forms that ask for it. */
        bool is_secret = *o->dispchar == '*';
        *has_password = *has_password || (is_secret && *o->val);
        text = arena_format(c->memory, "%s%s%s=%s", text, *text ? " " : "", o->keyword,
                            is_secret ? HIDDEN_SECRET : o->val);
    }
    return text;
}

static void check_postgres(check *k, const settings *s)
{
    bound *b = bound_find(k->c, "postgres", "url");
    if (!s->postgres_url || !b)
        return;
    /* libpq's own message may repeat a part of the password. */
    PQconninfoOption *options = PQconninfoParse(s->postgres_url, NULL);
    if (!options) {
        complain(k, "postgres", "url", NULL,
                 "postgresql://user:password@host:port/database with every special character percent-encoded, or "
                 "host=… dbname=… user=…");
        return;
    }
    bool has_password = false;
    b->shown = show_postgres(k->c, options, &has_password);
    b->is_literal_secret = b->is_literal_secret && has_password;
    PQconninfoFree(options);
}

static void check_redis(check *k, const settings *s)
{
    const char *address = s->redis_address;
    if (!address || *address == '/')
        return;
    const char *rest = skip_host(address);
    if (!rest || *rest != ':' || !is_port(rest + 1))
        complain(k, "redis", "address", address, "host:port, [IPv6]:port, or /path/to/socket");
    if (s->redis_username && *s->redis_username && s->redis_password && !*s->redis_password)
        complain(k, "redis", "password", "", "the password of redis' username");
}

static void check_mail(check *k, const settings *s)
{
    bool is_smtp = s->mail_driver && strcmp(s->mail_driver, "smtp") == 0;
    const char *url = s->smtp_url;
    if (url && (*url || is_smtp)) {
        size_t scheme = strncmp(url, "smtp://", 7) == 0 ? 7 : strncmp(url, "smtps://", 8) == 0 ? 8 : 0;
        const char *rest = scheme ? skip_host(url + scheme) : NULL;
        /* Not shown: somebody may have put a password in. */
        if (!rest || (*rest && (*rest != ':' || !is_port(rest + 1))))
            complain(k, "mail", "smtp_url", *url ? NULL : "",
                     "smtp://host:587 or smtps://host:465; user and password have keys of their own");
    }
    if (s->mail_folder && !*s->mail_folder && !is_smtp)
        complain(k, "mail", "folder", "", "a folder, for the file driver");
    if (s->smtp_username && *s->smtp_username && s->smtp_password && !*s->smtp_password)
        complain(k, "mail", "smtp_password", "", "the password of smtp_username");
    if (s->mail_from && (!strchr(s->mail_from, '@') || strchr(s->mail_from, '\t')))
        complain(k, "mail", "from", s->mail_from, "an address, such as no-reply@example.org or Name <address>");
}

bool core_check(config *c, const settings *s, problems *found)
{
    check k = {.c = c, .found = found, .is_fine = true};
    check_server(&k, s);
    check_http(&k, s);
    check_postgres(&k, s);
    check_redis(&k, s);
    check_mail(&k, s);
    return k.is_fine;
}

/*
 * Where the database is: the connection string taken apart, and names of hosts resolved aside, because libpq would
 * resolve them on the loop. Several hosts stay several: libpq tries them in order, with
 * target_session_attrs as in the string.
 *
 * Not resolved here are hosts that libpq takes from its environment (PGHOST, a service file).
 */
#include "core/db/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/lookup.h"
#include "core/db/private.h"

struct address {
    db *db;
    PQconninfoOption *options;
    const char *problem;
    places given;
    places current; /* what libpq gets */
    int first;      /* where among these it begins */
    bool has_names;
    bool is_fresh; /* no attempt has failed since the last lookup */
    lookup *running;
    lookup_error error;
};

static const char *option(const address *a, const char *keyword)
{
    for (PQconninfoOption *o = a->options; o && o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0)
            return o->val && *o->val ? o->val : NULL;
    }
    return NULL;
}

address *address_new(db *d, const char *url)
{
    address *a = calloc(1, sizeof *a);
    if (!a) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    a->db = d;
    char *message = NULL;
    a->options = PQconninfoParse(url, &message);
    PQfreemem(message); /* may quote the string with its password */
    if (!a->options)
        a->problem = "[postgres] url is neither a connection URI nor a list of key=value";
    else if (!places_parse(&a->given, option(a, "host"), option(a, "hostaddr"), option(a, "port")))
        a->problem = "the hosts and ports of [postgres] url are not well-formed (in a URI, special characters of "
                     "user and password are written as %XX)";
    a->has_names = places_have_names(&a->given);
    a->current = a->given;
    return a;
}

void address_free(address *a)
{
    if (!a)
        return;
    lookup_free(a->running);
    PQconninfoFree(a->options);
    free(a);
}

const char *address_problem(const address *a)
{
    return a->problem;
}

static void looked_up(const places *found, const lookup_error *error, void *arg)
{
    address *a = arg;
    db *d = a->db;
    a->is_fresh = true;
    a->error = *error;
    /* When names cannot be resolved now, the addresses of before may still do. */
    if (found->count > 0) {
        a->current = *found;
        a->first %= a->current.count;
    }
    lookup_free(a->running);
    a->running = NULL;
    for (size_t i = 0; i < d->shared_count + d->leased_count; i++)
        connection_go_on(i < d->shared_count ? &d->shared[i] : &d->leased[i - d->shared_count]);
}

bool address_ready(address *a)
{
    if (!a->has_names || a->is_fresh)
        return true;
    /* Without a thread the connection's own time limit ends this attempt. */
    if (!a->running)
        a->running = lookup_start(a->db->worker->base, &a->given, looked_up, a);
    return false;
}

const char *address_lookup_error(const address *a)
{
    return places_have_names(&a->current) ? a->error.text : NULL;
}

void address_failed(address *a, const PGconn *pq, bool silent)
{
    a->is_fresh = false;
    if (!silent || !pq || a->current.count == 0)
        return;
    int at = places_find(&a->current, PQhost(pq), PQhostaddr(pq), PQport(pq));
    a->first = (at + 1) % a->current.count;
}

typedef struct keywords {
    const char *names[64];
    const char *values[64];
    int count;
} keywords;

static void add(keywords *k, const char *name, const char *value)
{
    if (value && k->count < 63) {
        k->names[k->count] = name;
        k->values[k->count++] = value;
    }
}

static void add_unless_given(const address *a, keywords *k, const char *name, const char *value)
{
    if (!option(a, name))
        add(k, name, value);
}

/* Startup parameters for a server; a pooler in between refuses them, and is set up by statements. */
static void write_options(const address *a, char *out, size_t size)
{
    const char *given = option(a, "options");
    snprintf(out, size,
             "%s%s-c TimeZone=UTC -c DateStyle=ISO -c default_transaction_isolation=read\\ committed "
             "-c statement_timeout=%lld -c idle_in_transaction_session_timeout=%d",
             given ? given : "", given ? " " : "", (long long)a->db->worker->settings->db_query_timeout,
             TRANSACTION_IDLE);
}

PGconn *address_connect(address *a)
{
    char options[2048];
    places_text text;
    keywords k = {.count = 0};
    bool has_places = a->current.count > 0;
    if (has_places)
        places_write(&a->current, a->first, &text);
    for (PQconninfoOption *o = a->options; o->keyword; o++) {
        bool ours = strcmp(o->keyword, "options") == 0 || strcmp(o->keyword, "client_encoding") == 0 ||
                    (has_places && (strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0 ||
                                    strcmp(o->keyword, "port") == 0));
        if (!ours)
            add(&k, o->keyword, o->val);
    }
    if (has_places) {
        add(&k, "host", text.hosts);
        add(&k, "hostaddr", text.addresses);
        add(&k, "port", text.ports);
    }
    if (a->db->worker->settings->db_prepare) {
        write_options(a, options, sizeof options);
        add(&k, "options", options);
    } else {
        add(&k, "options", option(a, "options"));
    }
    add(&k, "client_encoding", "UTF8");
    add_unless_given(a, &k, "application_name", "talelio");
    /* A peer that vanished without a word is noticed on idle connections too. */
    add_unless_given(a, &k, "keepalives_idle", "30");
    add_unless_given(a, &k, "keepalives_interval", "5");
    add_unless_given(a, &k, "keepalives_count", "3");
    return PQconnectStartParams(k.names, k.values, 0);
}

/*
 * Keys and their age. Temporary ones are renewed by a request of their own, once for all that wait, and early enough
 * that nobody has to.
 */
#include "core/objects/credentials.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log/log.h"
#include "core/objects/roles.h"

enum {
    EARLY = 300,      /* seconds before the end, or half of a shorter life */
    LAST = 10,        /* seconds before the end at which they are not used any more, or a tenth */
    ASK_AGAIN = 2000, /* milliseconds after an attempt that failed */
};

typedef struct patient {
    TAILQ_ENTRY(patient) entry;
    credentials *owner;
    waiter wait;
} patient;

struct credentials {
    tl_store *store;
    transfers *all;
    bool is_fixed;
    char *access_key, *secret_key, *token; /* NULL: none yet */
    int64_t from, until;                   /* seconds since 1970, of temporary ones */
    bool is_asking;
    int64_t not_before; /* loop_now() */
    struct event *begin;
    TAILQ_HEAD(, patient) patients;
};

static int64_t wall_clock(void)
{
    return (int64_t)time(NULL);
}

static void forget_keys(credentials *c)
{
    char *secrets[] = {c->access_key, c->secret_key, c->token};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (secrets[i])
            explicit_bzero(secrets[i], strlen(secrets[i]));
        free(secrets[i]);
    }
    c->access_key = c->secret_key = c->token = NULL;
}

static bool set_keys(credentials *c, const char *access_key, const char *secret_key, const char *token)
{
    forget_keys(c);
    c->access_key = strdup(access_key);
    c->secret_key = strdup(secret_key);
    c->token = strdup(token ? token : "");
    if (c->access_key && c->secret_key && c->token)
        return true;
    forget_keys(c);
    return false;
}

static void on_begin(evutil_socket_t fd, short what, void *arg);

credentials *credentials_new(tl_store *store, transfers *all)
{
    credentials *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->store = store;
    c->all = all;
    TAILQ_INIT(&c->patients);
    c->begin = evtimer_new(store->worker->base, on_begin, c);
    const store_settings *s = store->settings;
    const char *access_key = s->access_key, *secret_key = s->secret_key, *token = NULL;
    if (!*access_key) {
        access_key = getenv("AWS_ACCESS_KEY_ID");
        secret_key = getenv("AWS_SECRET_ACCESS_KEY");
        token = getenv("AWS_SESSION_TOKEN");
    }
    c->is_fixed = access_key && *access_key && secret_key && *secret_key;
    if (c->begin && (!c->is_fixed || set_keys(c, access_key, secret_key, token)))
        return c;
    credentials_free(c);
    return NULL;
}

void credentials_free(credentials *c)
{
    if (!c)
        return;
    forget_keys(c);
    if (c->begin)
        event_free(c->begin);
    free(c);
}

/* Seconds before the end: at most `most`, and no more than this part of their life. */
static int64_t margin(const credentials *c, int64_t most, int64_t part)
{
    int64_t share = (c->until - c->from) / part;
    return share < most ? share : most;
}

static bool are_good(const credentials *c)
{
    return c->access_key && (c->is_fixed || wall_clock() < c->until - margin(c, LAST, 10));
}

static bool are_fresh(const credentials *c)
{
    return c->access_key && (c->is_fixed || wall_clock() < c->until - margin(c, EARLY, 2));
}

/* Those who wait go on, with keys or without. */
static void end_asking(credentials *c)
{
    c->is_asking = false;
    for (patient *p; (p = TAILQ_FIRST(&c->patients));) {
        TAILQ_REMOVE(&c->patients, p, entry);
        wait_finish(&p->wait);
    }
}

static void renew(tl_request *req, void *arg)
{
    credentials *c = arg;
    role_keys keys;
    const char *problem = "out of memory";
    int result = roles_ask(req, c->all, &keys, &problem);
    if (result == TL_OK && set_keys(c, keys.access_key, keys.secret_key, keys.token)) {
        c->from = wall_clock();
        c->until = keys.until;
        log_info(c->store->worker, NULL, "store %s: the role's keys were renewed", objects_name(c->store));
    } else {
        c->not_before = loop_now(c->store->worker) + ASK_AGAIN;
        store_tell(c->store, NULL, "keys", "there are no keys to sign requests with: %s", problem);
    }
    end_asking(c);
}

/* A request can be started from the loop's stack only. */
static void on_begin(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    credentials *c = arg;
    tl_request *req = request_new(c->store->worker, 0);
    if (!req || !request_start(req, renew, c))
        end_asking(c);
}

/* False: not now. */
static bool ask(credentials *c)
{
    if (!c->is_asking && loop_now(c->store->worker) < c->not_before)
        return false;
    if (!c->is_asking)
        event_active(c->begin, EV_TIMEOUT, 0);
    c->is_asking = true;
    return true;
}

static void leave(waiter *w)
{
    patient *p = w->owner;
    TAILQ_REMOVE(&p->owner->patients, p, entry);
}

static bool copy_keys(const credentials *c, arena *a, sigv4_keys *keys)
{
    if (!are_good(c))
        return false;
    keys->access_key = arena_copy(a, c->access_key);
    keys->secret_key = arena_copy(a, c->secret_key);
    keys->token = arena_copy(a, c->token);
    return true;
}

int credentials_get(tl_request *req, credentials *c, arena *a, bool insist, sigv4_keys *keys)
{
    /* Those that are still good are used while others are fetched. */
    if (!are_fresh(c) && ask(c) && !are_good(c)) {
        patient p = {.owner = c};
        wait_init(&p.wait, req, insist ? NULL : leave, &p);
        TAILQ_INSERT_TAIL(&c->patients, &p, entry);
        int result = request_wait(req, &p.wait);
        if (result != TL_OK)
            return result;
    }
    return copy_keys(c, a, keys) ? TL_OK : TL_UNAVAILABLE;
}

bool credentials_at_hand(credentials *c, arena *a, sigv4_keys *keys)
{
    if (!are_fresh(c))
        ask(c);
    return copy_keys(c, a, keys);
}

bool credentials_refused(credentials *c, const sigv4_keys *keys)
{
    if (c->is_fixed)
        return false;
    if (c->access_key && strcmp(c->access_key, keys->access_key) == 0)
        c->until = 0;
    return true;
}

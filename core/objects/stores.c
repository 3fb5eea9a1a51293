/*
 * The stores of the ini file, from the start of the process to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/objects/driver.h"

enum { TELL_AGAIN = 1000 }; /* milliseconds */

struct objects {
    size_t count;
    tl_store stores[];
};

static const struct {
    const char *name;
    const store_driver *driver;
} drivers[] = {
    {"dir", &dir_driver},
    {"s3", &s3_driver},
};

static const store_driver *driver_named(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i].name, name) == 0)
            return drivers[i].driver;
    return NULL;
}

objects *objects_new(struct worker *w)
{
    const settings *s = w->settings;
    if (s->store_count == 0)
        return NULL;
    objects *o = calloc(1, sizeof *o + s->store_count * sizeof *o->stores);
    for (size_t i = 0; o && i < s->store_count; i++) {
        tl_store *store = &o->stores[i];
        *store = (tl_store){.objects = o, .worker = w, .settings = &s->stores[i]};
        store->driver = driver_named(store->settings->driver);
        o->count++;
        if (store->driver && store->driver->open(store))
            continue;
        log_error(w, NULL, "[store:%s] cannot be made", store->settings->name);
        objects_free(o);
        o = NULL;
    }
    return o;
}

void objects_recover(objects *o)
{
    for (size_t i = 0; i < objects_count(o); i++)
        if (o->stores[i].driver->recover)
            o->stores[i].driver->recover(&o->stores[i]);
}

void objects_free(objects *o)
{
    for (size_t i = 0; i < objects_count(o); i++)
        if (o->stores[i].driver)
            o->stores[i].driver->close(&o->stores[i]);
    free(o);
}

size_t objects_count(const objects *o)
{
    return o ? o->count : 0;
}

tl_store *objects_at(const objects *o, size_t index)
{
    return index < objects_count(o) ? (tl_store *)&o->stores[index] : NULL;
}

const char *objects_name(const tl_store *store)
{
    return store->settings->name;
}

const char *objects_reason(const tl_store *store)
{
    return store->reason;
}

tl_store *objects_find(const objects *o, const char *name)
{
    for (size_t i = 0; i < objects_count(o); i++)
        if (strcmp(o->stores[i].settings->name, name) == 0)
            return (tl_store *)&o->stores[i];
    return NULL;
}

tl_store *objects_store(const char *name)
{
    return objects_find(the_worker->objects, name);
}

void store_tell(tl_store *store, const tl_request *req, const char *what, const char *format, ...)
{
    int64_t now = loop_now(store->worker);
    if (store->told == what && now - store->told_at < TELL_AGAIN)
        return;
    store->told = what;
    store->told_at = now;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_warning(store->worker, req, "store %s: %s", store->settings->name, text);
}

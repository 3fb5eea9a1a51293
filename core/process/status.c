/*
 * What the master knows of itself and its processes, as `talelio status` shows it.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/process/state.h"

const char *master_time(char *text, size_t size)
{
    struct timespec now;
    struct tm t;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(text + length, size - length, ".%03ldZ", now.tv_nsec / 1000000);
    return text;
}

/* Resident bytes; 0 when the process has gone. */
static int64_t memory_of(pid_t pid)
{
    char path[32];
    long long all;
    long long resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lld %lld", &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static const char *state_of(const child *c)
{
    if (c->looping)
        return "dies again and again";
    if (c->pid <= 0)
        return "away";
    if (!c->ready)
        return "starts";
    return c->stall ? "hangs" : "serves";
}

static json_object *show_child(const child *c)
{
    json_object *shown = json_object_new_object();
    const scoreboard_slot *slot = &c->generation->board[c->slot];
    bool alive = c->pid > 0;
    json_object_object_add(shown, "name", json_object_new_string(c->name));
    json_object_object_add(shown, "state", json_object_new_string(state_of(c)));
    json_object_object_add(shown, "pid", json_object_new_int(c->pid));
    json_object_object_add(shown, "uptime", json_object_new_int64(alive ? (process_now() - c->started) / 1000 : 0));
    json_object_object_add(shown, "deaths", json_object_new_int64(c->all_deaths));
    json_object_object_add(shown, "requests", json_object_new_int64((int64_t)slot->requests));
    json_object_object_add(shown, "connections", json_object_new_int64(slot->connections));
    json_object_object_add(shown, "memory", json_object_new_int64(alive ? memory_of(c->pid) : 0));
    return shown;
}

static json_object *show_children(const generation *g)
{
    json_object *all = json_object_new_array();
    for (size_t i = 0; i < g->count; i++)
        if (g->state == GENERATION_SERVING || g->children[i].pid > 0)
            json_object_array_add(all, show_child(&g->children[i]));
    return all;
}

static json_object *show_draining(const master *m)
{
    json_object *all = json_object_new_array();
    const generation *g;
    TAILQ_FOREACH(g, &m->generations, in_master)
    {
        if (g->state != GENERATION_DRAINING)
            continue;
        json_object *shown = json_object_new_object();
        json_object_object_add(shown, "generation", json_object_new_int(g->number));
        json_object_object_add(shown, "milliseconds", json_object_new_int64(process_now() - g->drain_began));
        json_object_object_add(shown, "processes", show_children(g));
        json_object_array_add(all, shown);
    }
    return all;
}

static const char *state_of_all(const master *m)
{
    if (m->stopping)
        return "stops";
    if (!m->serving)
        return "starts";
    for (size_t i = 0; i < m->serving->count; i++)
        if (m->serving->children[i].looping)
            return "workers die again and again";
    return "serves";
}

json_object *master_status(const master *m)
{
    json_object *status = json_object_new_object();
    const generation *g = m->serving;
    json_object_object_add(status, "ok", json_object_new_boolean(1));
    json_object_object_add(status, "version", json_object_new_string(TL_VERSION));
    json_object_object_add(status, "state", json_object_new_string(state_of_all(m)));
    json_object_object_add(status, "url", json_object_new_string(m->listener.url));
    json_object_object_add(status, "config", json_object_new_string(m->ini));
    json_object_object_add(status, "pid", json_object_new_int(getpid()));
    json_object_object_add(status, "uptime", json_object_new_int64((process_now() - m->began) / 1000));
    json_object_object_add(status, "memory", json_object_new_int64(memory_of(getpid())));
    json_object_object_add(status, "watch", json_object_new_boolean(m->watcher != NULL));
    json_object_object_add(status, "generation", json_object_new_int(g ? g->number : 0));
    json_object_object_add(status, "starting", json_object_new_int(m->starting ? m->starting->number : 0));
    json_object_object_add(status, "plugins", g ? contents_plugins(g->contents) : json_object_new_array());
    json_object_object_add(status, "processes", g ? show_children(g) : json_object_new_array());
    json_object_object_add(status, "draining", show_draining(m));
    json_object_object_add(status, "last_reload", json_object_get(m->last_reload));
    return status;
}

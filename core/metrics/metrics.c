/*
 * A process' own block: taking it over, and finding or making places in it.
 */
#include "core/metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/metrics/private.h"

int64_t metrics_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool map_shared(metrics *m, int fd, int block)
{
    struct stat about;
    if (fd <= 0 || block < 0 || fstat(fd, &about) != 0)
        return false;
    m->count = (size_t)about.st_size / sizeof *m->blocks;
    if ((size_t)block >= m->count)
        return false;
    void *memory = mmap(NULL, m->count * sizeof *m->blocks, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    m->blocks = memory;
    m->own = &m->blocks[block];
    m->shared = true;
    return true;
}

/* What the process before has measured is over; what it has counted goes on. */
static void take_over(metric_block *b, const char *process, int generation)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->entries[i].kind == METRIC_LIVE)
            metric_set_live(&b->entries[i].cell, 0);
    b->generation = generation;
    snprintf(b->process, sizeof b->process, "%s", process);
    __atomic_store_n(&b->pid, (int32_t)getpid(), __ATOMIC_RELEASE);
}

metrics *metrics_open(int fd, int block, const char *process, int generation)
{
    metrics *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    if (!map_shared(m, fd, block)) {
        m->blocks = calloc(1, sizeof *m->blocks);
        m->own = m->blocks;
        m->count = m->blocks ? 1 : 0;
    }
    if (m->own)
        take_over(m->own, process, generation);
    return m;
}

void metrics_close(metrics *m)
{
    if (!m)
        return;
    if (m->shared)
        munmap(m->blocks, m->count * sizeof *m->blocks);
    else
        free(m->blocks);
    free(m);
}

static bool is_named(const metric_entry *e, const metric_spec *spec, const char *labels)
{
    return e->order == spec->order && strcmp(e->name, spec->name) == 0 && strcmp(e->labels, labels) == 0;
}

/* In an earlier generation the name may have meant something else. */
static metric *renew(metric_entry *e, const metric_spec *spec, int generation)
{
    if (e->kind != spec->kind)
        e->cell = (metric){0};
    e->kind = (uint8_t)spec->kind;
    e->generation = generation;
    return &e->cell;
}

metric *metrics_register(metrics *m, const metric_spec *spec)
{
    static metric nobody;
    const char *labels = spec->labels ? spec->labels : "";
    if (!m)
        return &nobody;
    metric_block *b = m->own;
    for (uint32_t i = 0; b && i < b->count; i++) {
        if (!is_named(&b->entries[i], spec, labels))
            continue;
        m->mine[i] = true;
        return renew(&b->entries[i], spec, b->generation);
    }
    if (!b || b->count == METRICS_MOST || strlen(spec->name) >= METRIC_NAME_SIZE ||
        strlen(labels) >= METRIC_LABELS_SIZE) {
        m->full = true;
        return &m->nowhere;
    }
    metric_entry *e = &b->entries[b->count];
    *e = (metric_entry){.generation = b->generation, .kind = (uint8_t)spec->kind, .order = (uint8_t)spec->order};
    snprintf(e->name, sizeof e->name, "%s", spec->name);
    snprintf(e->labels, sizeof e->labels, "%s", labels);
    snprintf(e->help, sizeof e->help, "%s", spec->help ? spec->help : "");
    m->mine[b->count] = true;
    __atomic_store_n(&b->count, b->count + 1, __ATOMIC_RELEASE);
    return &e->cell;
}

bool metrics_is_full(const metrics *m)
{
    return m->full;
}

bool metrics_has(const metrics *m, const char *name)
{
    for (uint32_t i = 0; m && m->own && i < m->own->count; i++)
        if (m->mine[i] && strcmp(m->own->entries[i].name, name) == 0)
            return true;
    return false;
}

void metric_set(metric *c, double value)
{
    __atomic_store(&c->value, &value, __ATOMIC_RELAXED);
    __atomic_store_n(&c->stamp, metrics_now(), __ATOMIC_RELEASE);
}

void metric_label(char *out, size_t size, const char *name, const char *value)
{
    size_t at = (size_t)snprintf(out, size, "%s=\"", name);
    /* Room for an escaped character, the quote and the NUL. */
    for (; *value && at + 4 <= size; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            out[at++] = '\\';
        out[at++] = *value == '\n' ? 'n' : *value;
    }
    snprintf(out + at, size - at, "\"");
}

/*
 * The master's part: blocks are handed out and taken back, never emptied, so no counter ever goes down.
 */
#include "core/metrics/area.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct metric_area {
    int fd;
    size_t count;
    metric_block *blocks;
    bool *taken;
};

metric_area *metric_area_new(size_t processes)
{
    metric_area *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->count = processes * AREA_GENERATIONS + 1;
    a->taken = calloc(a->count, sizeof *a->taken);
    /* Pages that nobody counts in take no memory. */
    a->fd = memfd_create("talelio-metrics", MFD_CLOEXEC);
    size_t size = a->count * sizeof *a->blocks;
    void *memory = MAP_FAILED;
    if (a->taken && a->fd >= 0 && ftruncate(a->fd, (off_t)size) == 0)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
    if (memory == MAP_FAILED) {
        metric_area_free(a);
        return NULL;
    }
    a->blocks = memory;
    a->taken[0] = true;
    return a;
}

void metric_area_free(metric_area *a)
{
    if (!a)
        return;
    if (a->blocks)
        munmap(a->blocks, a->count * sizeof *a->blocks);
    if (a->fd >= 0)
        close(a->fd);
    free(a->taken);
    free(a);
}

int metric_area_fd(const metric_area *a)
{
    return a ? a->fd : -1;
}

int metric_area_take(metric_area *a)
{
    for (size_t i = 0; a && i < a->count; i++) {
        if (a->taken[i])
            continue;
        a->taken[i] = true;
        return (int)i;
    }
    return -1;
}

void metric_area_give_back(metric_area *a, int block)
{
    if (!a || block <= 0 || (size_t)block >= a->count)
        return;
    __atomic_store_n(&a->blocks[block].pid, 0, __ATOMIC_RELEASE);
    a->taken[block] = false;
}

/*
 * Schedules and time zones of any bytes: "schedule NUL file of a zone". What is accepted must be usable: due moments
 * rise, fit their fields, and the latest of a time is among them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/jobs/due.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const int64_t starts[] = {0, 951782400, 1774742400, 1792886400, 4102444800};

static void check_moment(const zone *z, int64_t at)
{
    zone_period p = zone_at(z, at);
    require(p.start <= at && at < p.end);
    require(p.offset >= -89999 && p.offset <= 93599);
}

static void walk(const cron *c, const zone *z, int64_t start)
{
    int64_t at = start;
    for (int i = 0; i < 20; i++) {
        int64_t next = due_next(c, z, at);
        if (next == INT64_MAX)
            return;
        require(next > at);
        check_moment(z, next);
        require(due_latest(c, z, at, next) == next);
        require(due_latest(c, z, at, next - 1) == INT64_MIN);
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\0', size);
    size_t length = end ? (size_t)(end - data) : size;
    char *text = malloc(length + 1);
    if (!text)
        return 0;
    memcpy(text, data, length);
    text[length] = '\0';

    cron c;
    char error[CRON_ERROR_SIZE] = "";
    arena *memory = arena_new(NULL);
    const char *problem = NULL;
    const zone *z = zone_load(memory, "UTC", &problem);
    if (end)
        z = zone_parse(memory, end + 1, size - length - 1, &problem);
    require(z || problem);
    bool good = cron_parse(text, &c, error);
    require(good || *error);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (z)
            check_moment(z, starts[i]);
        if (z && good)
            walk(&c, z, starts[i]);
    }
    arena_free(memory);
    free(text);
    return 0;
}

/*
 * TZif files: found by name, read, checked. A file is refused as a whole when anything in it is not as it must be.
 */
#include "core/jobs/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/jobs/zone_private.h"

#define ZONEINFO "/usr/share/zoneinfo"

enum {
    FILE_MOST = 256 * 1024, /* tzdata's largest has 3 KiB */
    NAME_MOST = 64,
    HEAD = 44,
    TRANSITIONS_MOST = 10000,
    TYPES_MOST = 256,
};

struct zone {
    size_t count;
    int64_t *at;      /* transitions, ascending */
    int32_t *offsets; /* from each of them on */
    int32_t first;    /* before the first */
    bool has_rule;    /* after the last */
    zone_rule rule;
};

/* One of the two blocks of a file; `size` is the width of its times. */
typedef struct block {
    const unsigned char *bytes;
    size_t length; /* what is left of the file */
    size_t size;
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
} block;

static uint64_t big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool read_head(block *b, const unsigned char *bytes, size_t length, size_t size)
{
    if (length < HEAD || memcmp(bytes, "TZif", 4) != 0)
        return false;
    uint32_t *counts[] = {&b->utc_count,  &b->standard_count, &b->leap_count,
                          &b->time_count, &b->type_count,     &b->char_count};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        *counts[i] = (uint32_t)big_endian(bytes + 20 + 4 * i, 4);
    b->bytes = bytes + HEAD;
    b->length = length - HEAD;
    b->size = size;
    return true;
}

/* SIZE_MAX when it does not fit into the file. */
static size_t data_length(const block *b)
{
    /* No sum of six 32-bit counts, each times 12 at most, overflows 64 bits. */
    uint64_t length = (uint64_t)b->time_count * (b->size + 1) + (uint64_t)b->type_count * 6 + b->char_count +
                      (uint64_t)b->leap_count * (b->size + 4) + b->standard_count + b->utc_count;
    return length <= b->length ? (size_t)length : SIZE_MAX;
}

static int32_t type_offset(const block *b, size_t type)
{
    const unsigned char *types = b->bytes + b->time_count * (b->size + 1);
    return (int32_t)(uint32_t)big_endian(types + 6 * type, 4);
}

static int64_t transition(const block *b, size_t i)
{
    uint64_t value = big_endian(b->bytes + i * b->size, b->size);
    return b->size == 8 ? (int64_t)value : (int32_t)(uint32_t)value;
}

static const char *take_types(zone *z, const block *b)
{
    if (b->type_count == 0 || b->type_count > TYPES_MOST || b->time_count > TRANSITIONS_MOST)
        return "it has no or too many times";
    if (b->leap_count > 0)
        return "it counts leap seconds, which no clock here does";
    for (size_t i = 0; i < b->type_count; i++)
        if (type_offset(b, i) < OFFSET_LEAST || type_offset(b, i) > OFFSET_MOST)
            return "it has a distance to UTC of more than a day";
    z->first = type_offset(b, 0);
    return NULL;
}

static const char *take_transitions(arena *memory, zone *z, const block *b)
{
    z->count = b->time_count;
    z->at = arena_alloc(memory, (z->count + 1) * sizeof *z->at);
    z->offsets = arena_alloc(memory, (z->count + 1) * sizeof *z->offsets);
    const unsigned char *kinds = b->bytes + b->time_count * b->size;
    for (size_t i = 0; i < z->count; i++) {
        z->at[i] = transition(b, i);
        if (kinds[i] >= b->type_count || (i > 0 && z->at[i] <= z->at[i - 1]))
            return "its times are not in order";
        z->offsets[i] = type_offset(b, kinds[i]);
    }
    return NULL;
}

/* "\nTZ\n" behind the second block; empty: nothing is known of later times. */
static const char *take_rule(zone *z, const char *footer, size_t length)
{
    const char *end = length > 1 && footer[0] == '\n' ? memchr(footer + 1, '\n', length - 1) : NULL;
    if (!end)
        return "its last line is missing";
    z->has_rule = end > footer + 1;
    if (z->has_rule && !zone_rule_parse(footer + 1, (size_t)(end - footer - 1), &z->rule))
        return "its last line is no rule that can be read";
    return NULL;
}

const zone *zone_parse(arena *memory, const unsigned char *bytes, size_t length, const char **problem)
{
    block b;
    bool fine = read_head(&b, bytes, length, 4);
    size_t data = fine ? data_length(&b) : SIZE_MAX;
    bool second = data != SIZE_MAX && bytes[4] >= '2';
    /* Since version 2 the times follow once more, with 64 bits. */
    if (second) {
        fine = read_head(&b, b.bytes + data, b.length - data, 8);
        data = fine ? data_length(&b) : SIZE_MAX;
    }
    if (data == SIZE_MAX) {
        *problem = "it is cut off, or no time zone";
        return NULL;
    }
    zone *z = arena_alloc(memory, sizeof *z);
    *problem = take_types(z, &b);
    if (!*problem)
        *problem = take_transitions(memory, z, &b);
    if (!*problem && second)
        *problem = take_rule(z, (const char *)b.bytes + data, b.length - data);
    return *problem ? NULL : z;
}

zone_period zone_at(const zone *z, int64_t moment)
{
    size_t low = 0, high = z->count; /* the number of transitions up to `moment` lies between */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= moment)
            low = middle + 1;
        else
            high = middle;
    }
    zone_period p = {
        .start = low > 0 ? z->at[low - 1] : INT64_MIN,
        .end = low < z->count ? z->at[low] : INT64_MAX,
        .offset = low > 0 ? z->offsets[low - 1] : z->first,
    };
    if (low < z->count || !z->has_rule)
        return p;
    zone_period ruled = zone_rule_at(&z->rule, moment);
    if (ruled.start < p.start)
        ruled.start = p.start;
    return ruled;
}

/* Letters, digits and "_+-" between single slashes: nothing that leads out of the folder. */
static bool is_zone_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= NAME_MOST && name[0] != '/' && name[length - 1] != '/' && !strstr(name, "//") &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == length;
}

static unsigned char *read_file(arena *memory, const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    unsigned char *bytes = NULL;
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > FILE_MOST) {
        errno = ENOENT;
        goto done;
    }
    bytes = arena_alloc(memory, (size_t)about.st_size + 1);
    *length = 0;
    ssize_t got;
    while ((got = read(fd, bytes + *length, (size_t)about.st_size - *length)) > 0)
        *length += (size_t)got;
    if (got < 0)
        bytes = NULL;
done:
    close(fd);
    return bytes;
}

const zone *zone_load(arena *memory, const char *name, const char **problem)
{
    if (strcmp(name, "UTC") == 0)
        return arena_alloc(memory, sizeof(zone));
    if (!is_zone_name(name)) {
        *problem = arena_format(memory, "'%.*s': expected a time zone like Europe/Berlin, or UTC", NAME_MOST, name);
        return NULL;
    }
    const char *variable = getenv("TZDIR");
    const char *folder = variable && *variable ? variable : ZONEINFO;
    size_t length = 0;
    unsigned char *bytes = read_file(memory, arena_format(memory, "%s/%s", folder, name), &length);
    const char *why = NULL;
    const zone *z = bytes ? zone_parse(memory, bytes, length, &why) : NULL;
    if (z)
        return z;
    if (bytes)
        *problem = arena_format(memory, "'%s': %s/%s cannot be used: %s", name, folder, name, why);
    else if (access(arena_format(memory, "%s/Europe/Berlin", folder), R_OK) != 0)
        *problem = arena_format(memory, "'%s': there are no time zones in %s: install the package tzdata, or use UTC",
                                name, folder);
    else
        *problem = arena_format(memory, "'%s': there is no such time zone in %s (names are like Europe/Berlin, or UTC)",
                                name, folder);
    return NULL;
}

/*
 * Handing a configuration to another process of ours through a memory file: a head, and then strings, each behind its
 * length ("5:hello,"), so that no value can be taken for anything else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config/parts.h"
#include "core/memory/whole.h"

#define HEAD "talelio configuration 1"

/* A thousand values of their full length would fit. */
enum { LARGEST_TRANSFER = 1 << 25 };

static void put(FILE *out, const char *text)
{
    fprintf(out, "%zu:%s,", strlen(text), text);
}

static void put_number(FILE *out, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    put(out, text);
}

static void put_config(const config *c, FILE *out)
{
    size_t section_count = 0;
    const section *s;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        section_count++;
    }
    put(out, HEAD);
    put(out, c->ini);
    put(out, c->folder);
    put(out, c->env ? c->env : "");
    put_number(out, c->ini_mode);
    put_number(out, c->env_mode);
    put_number(out, section_count);
    STAILQ_FOREACH(s, &c->sections, next)
    {
        put(out, s->name);
        put_number(out, (uint64_t)s->line);
    }
    put_number(out, c->entry_count);
    const entry *e;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        put(out, e->section);
        put(out, e->key);
        put(out, e->value);
        put(out, e->from ? e->from : "");
        put_number(out, (uint64_t)e->line);
        put_number(out, e->is_broken);
    }
}

bool config_write(const config *c, int fd)
{
    char *bytes = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&bytes, &length);
    if (!out)
        return false;
    put_config(c, out);
    bool is_written = fclose(out) == 0 && write_whole(fd, bytes, length);
    free(bytes);
    return is_written;
}

typedef struct source {
    arena *memory;
    const char *at, *end;
    bool is_broken;
} source;

static const char *take(source *from)
{
    size_t length = 0;
    while (from->at < from->end && *from->at >= '0' && *from->at <= '9' && length <= LARGEST_TRANSFER)
        length = length * 10 + (size_t)(*from->at++ - '0');
    size_t left = (size_t)(from->end - from->at);
    if (from->is_broken || left < 2 || *from->at != ':' || length > left - 2 || from->at[1 + length] != ',') {
        from->is_broken = true;
        return "";
    }
    const char *text = arena_copy_bytes(from->memory, from->at + 1, length);
    from->at += length + 2;
    return text;
}

static unsigned take_number(source *from)
{
    const char *text = take(from);
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (!*text || *end || number > INT32_MAX)
        from->is_broken = true;
    return from->is_broken ? 0 : (unsigned)number;
}

static void take_config(config *c, source *from)
{
    from->is_broken = strcmp(take(from), HEAD) != 0;
    c->ini = take(from);
    c->folder = take(from);
    c->env = take(from);
    if (!*c->env)
        c->env = NULL;
    c->ini_mode = take_number(from);
    c->env_mode = take_number(from);
    for (unsigned left = take_number(from); left > 0 && !from->is_broken; left--) {
        section *s = arena_alloc(c->memory, sizeof *s);
        s->name = take(from);
        s->line = (int)take_number(from);
        STAILQ_INSERT_TAIL(&c->sections, s, next);
    }
    for (unsigned left = take_number(from); left > 0 && !from->is_broken; left--) {
        entry *e = arena_alloc(c->memory, sizeof *e);
        e->section = take(from);
        e->key = take(from);
        e->value = take(from);
        e->from = take(from);
        if (!*e->from)
            e->from = NULL;
        e->line = (int)take_number(from);
        e->is_broken = take_number(from) != 0;
        STAILQ_INSERT_TAIL(&c->entries, e, next);
        c->entry_count++;
    }
    if (from->at != from->end)
        from->is_broken = true;
}

/* By pread, from the start: several processes have the same open file and would move each other's position. */
static char *read_all(int fd, size_t *length)
{
    size_t size = 0;
    char *bytes = NULL;
    *length = 0;
    for (;;) {
        if (*length == size) {
            size = size ? size * 2 : 65536;
            char *larger = size > LARGEST_TRANSFER ? NULL : realloc(bytes, size);
            if (!larger)
                break;
            bytes = larger;
        }
        ssize_t count = pread(fd, bytes + *length, size - *length, (off_t)*length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        if (count == 0)
            return bytes;
        *length += (size_t)count;
    }
    free(bytes);
    return NULL;
}

config *config_read(int fd, problems *found)
{
    size_t length;
    char *bytes = read_all(fd, &length);
    if (!bytes) {
        problems_add(found, NULL, 0, "the configuration cannot be read from the master: %s", strerror(errno));
        return NULL;
    }
    config *c = config_new();
    source from = {.memory = c->memory, .at = bytes, .end = bytes + length};
    take_config(c, &from);
    free(bytes);
    if (from.is_broken) {
        problems_add(found, NULL, 0, "the configuration from the master is incomplete, or of another version");
        config_free(c);
        return NULL;
    }
    return c;
}

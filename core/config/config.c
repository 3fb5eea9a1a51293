/* Making a configuration from its files. */
#include "core/config/config.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/parts.h"

config *config_new(void)
{
    arena *memory = arena_new(NULL);
    config *c = arena_alloc(memory, sizeof *c);
    c->memory = memory;
    STAILQ_INIT(&c->variables);
    STAILQ_INIT(&c->sections);
    STAILQ_INIT(&c->entries);
    STAILQ_INIT(&c->bound);
    return c;
}

void config_free(config *c)
{
    if (c)
        arena_free(c->memory);
}

/* The folder that relative paths start from, with links resolved: ".." may then be taken off it as text. */
static bool find_folder(config *c, problems *found)
{
    char *folder = realpath(dirname(arena_copy(c->memory, c->ini)), NULL);
    if (!folder) {
        problems_add(found, c->ini, 0, "its folder cannot be found: %s", strerror(errno));
        return false;
    }
    c->folder = arena_copy(c->memory, folder);
    free(folder);
    return true;
}

config *config_load(const char *ini, const char *env, problems *found)
{
    config *c = config_new();
    size_t length;
    c->ini = arena_copy(c->memory, ini);
    const char *text = text_file_read(c->memory, ini, false, &c->ini_mode, &length, found);
    if (!text || !find_folder(c, found)) {
        config_free(c);
        return NULL;
    }
    ini_read(c, text, length, found);
    if (env) {
        c->env = arena_copy(c->memory, env);
        text = text_file_read(c->memory, env, true, &c->env_mode, &length, found);
        if (text)
            env_parse(c, text, length, found);
    }
    config_expand(c, found);
    return c;
}

const char *config_ini_path(const config *c)
{
    return c->ini;
}

const char *entry_source(const config *c, const entry *e)
{
    return arena_format(c->memory, "%s:%d%s%s", c->ini, e->line, e->from ? ", " : "", e->from ? e->from : "");
}

const char *path_resolve(const config *c, const char *path)
{
    if (*path == '/')
        return path;
    char *folder = arena_copy(c->memory, c->folder);
    for (;;) {
        if (strncmp(path, "./", 2) == 0) {
            path += 2;
        } else if (strncmp(path, "../", 3) == 0 || strcmp(path, "..") == 0) {
            char *last = strrchr(folder, '/');
            *last = '\0';
            if (last == folder)
                folder = arena_copy(c->memory, "/");
            path += path[2] ? 3 : 2;
        } else {
            break;
        }
    }
    const char *between = folder[strlen(folder) - 1] == '/' || !*path ? "" : "/";
    return arena_format(c->memory, "%s%s%s", folder, between, path);
}

/*
 * The ini file and the environment file, from memory: the input up to the first NUL is the one, the rest the other.
 * Whatever can be read must bind or be refused, and arrive in another process as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/config/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static char *print(config *c, problems *found)
{
    static settings s;
    static const char *secret;
    static tl_list list;
    static const tl_option options[] = {
        {"secret", TL_OPTION_SECRET, &secret, ""}, {"list", TL_OPTION_LIST, &list, ""}, {0}};
    static const char *const reserved[] = {"enabled", "path", "migrations", NULL};
    char *text = NULL;
    size_t length;
    if (config_bind_core(c, &s, found))
        expect(s.port >= 0 && s.port <= 65535 && s.plugin_dir[0] == '/' && *s.postgres_url);
    config_check_production(c, &s, found);
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(c, i)); i++) {
        config_bind(c, arena_format(c->memory, PLUGIN_PREFIX "%s", name), options, sizeof *options, reserved, found);
        if (config_plugin_enabled(c, name, found) && s.plugin_dir)
            expect(*config_plugin_path(c, name, &s) == '/');
    }
    FILE *out = open_memstream(&text, &length);
    expect(out != NULL);
    config_print(c, out);
    fclose(out);
    return text;
}

/* No value has a line break, and each is of one key. */
static void check_entries(const config *c)
{
    const entry *e;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        expect(is_plain_name(e->key, strlen(e->key)) && section_find(c, e->section));
        expect(entry_find(c, e->section, e->key) == e);
        expect(!has_control_characters(e->value, strlen(e->value)));
    }
}

static void check_handover(config *c, problems *found)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    expect(fd >= 0 && config_write(c, fd));
    config *copy = config_read(fd, found);
    expect(copy != NULL);
    check_entries(copy);
    char *here = print(c, found), *there = print(copy, found);
    expect(strcmp(here, there) == 0);
    free(here);
    free(there);
    config_free(copy);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384)
        return 0;
    setenv("SECRET", "from the environment", 1);
    config *c = config_new();
    problems *found = problems_new();
    c->ini = "talelio.ini";
    c->folder = "/a/b";
    const char *text = arena_copy_bytes(c->memory, data, size);
    size_t length = strlen(text);
    ini_read(c, text, length, found);
    if (length < size) {
        c->env = ".env";
        env_parse(c, text + length + 1, size - length - 1, found);
    }
    config_expand(c, found);
    check_entries(c);
    check_handover(c, found);
    problems_free(found);
    config_free(c);
    return 0;
}

/*
 * talelio new-plugin NAME [FOLDER]: the files of plugins/template with another name. They are written into a folder
 * beside the one that is asked for, which gets its name when all of them are there.
 */
#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/cli/template.h"
#include "core/memory/arena.h"

typedef struct sketch {
    arena *memory;
    const char *name;
    const char *folder; /* absolute */
    char *draft;        /* where it is made */
} sketch;

/* `text` with the template's name and folder replaced by this plugin's. */
static const char *filled_in(const sketch *k, const char *text)
{
    const char *out = "";
    const char *at;
    while ((at = strstr(text, TEMPLATE_NAME))) {
        size_t before = (size_t)(at - text), parent = strlen(TEMPLATE_PARENT);
        bool is_folder = before >= parent && memcmp(at - parent, TEMPLATE_PARENT, parent) == 0;
        before -= is_folder ? parent : 0;
        out = arena_format(k->memory, "%s%.*s%s", out, (int)before, text, is_folder ? k->folder : k->name);
        text = at + strlen(TEMPLATE_NAME);
    }
    return arena_format(k->memory, "%s%s", out, text);
}

static bool write_file(const sketch *k, const template_file *file)
{
    const char *path = arena_format(k->memory, "%s/%s", k->draft, filled_in(k, file->path));
    if (mkdir(dirname(arena_copy(k->memory, path)), 0777) != 0 && errno != EEXIST)
        return false;
    FILE *out = fopen(path, "wxe");
    if (!out)
        return false;
    bool written = fputs(filled_in(k, file->text), out) >= 0;
    return fclose(out) == 0 && written;
}

/* mkdtemp's folders are for their owner alone. */
static bool set_usual_mode(const char *path)
{
    mode_t mask = umask(0);
    umask(mask);
    return chmod(path, 0777 & ~mask) == 0;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

static bool make(sketch *k)
{
    if (!mkdtemp(k->draft))
        return false;
    bool made = set_usual_mode(k->draft);
    for (const template_file *file = template_files; made && file->path; file++)
        made = write_file(k, file);
    /* mkdir refuses what is there already, and rename takes the place of an empty folder only. */
    made = made && mkdir(k->folder, 0700) == 0;
    if (made && rename(k->draft, k->folder) != 0) {
        int reason = errno;
        rmdir(k->folder);
        errno = reason;
        made = false;
    }
    if (!made) {
        int reason = errno;
        nftw(k->draft, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        errno = reason;
    }
    return made;
}

/* The README says how to go on. */
static void print_next(const sketch *k)
{
    const char *readme = "";
    printf("%s\n", k->folder);
    for (const template_file *file = template_files; file->path; file++) {
        printf("  %s\n", filled_in(k, file->path));
        if (strcmp(file->path, "README.md") == 0)
            readme = file->text;
    }
    printf("\n%s", filled_in(k, readme));
}

static int make_in(sketch *k, const char *folder)
{
    struct stat about;
    char parent[PATH_MAX];
    if (lstat(folder, &about) == 0) {
        fprintf(stderr, "talelio new-plugin: %s is there already, and stays as it is: name another folder\n", folder);
        return CLI_FAILED;
    }
    const char *base = basename(arena_copy(k->memory, folder));
    if (!realpath(dirname(arena_copy(k->memory, folder)), parent))
        goto failed;
    k->folder = arena_format(k->memory, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, base);
    k->draft = arena_format(k->memory, "%s.draft-XXXXXX", k->folder);
    if (!make(k))
        goto failed;
    print_next(k);
    return CLI_OK;

failed:
    fprintf(stderr, "talelio new-plugin: %s cannot be made: %s\n", folder, strerror(errno));
    return CLI_FAILED;
}

/* Who has that name already, or NULL. Two plugins of one name could not stand in one ini file. */
static const char *owner_of(arena *memory, const invocation *in, const char *name)
{
    const char *owner = NULL;
    const char *other;
    settings s;
    if (strcmp(name, "talelio") == 0)
        return "the server itself";
    for (size_t i = 0; (other = template_taken[i]); i++)
        if (strcmp(other, name) == 0)
            return "a plugin of talelio's own";
    problems *ignored = problems_new();
    config *c = in->ini ? config_load(in->ini, in->env, ignored) : NULL;
    for (size_t i = 0; c && !owner && (other = config_plugin_name(c, i)); i++)
        if (strcmp(other, name) == 0)
            owner = arena_format(memory, "[plugin:%s] in %s", name, in->ini);
    if (c && !owner) {
        config_bind_core(c, &s, ignored);
        const char *file = s.plugin_dir ? arena_format(memory, "%s/%s.so", s.plugin_dir, name) : "";
        owner = access(file, F_OK) == 0 ? file : NULL;
    }
    config_free(c);
    problems_free(ignored);
    return owner;
}

int command_new_plugin(const invocation *in)
{
    const command *c = cli_find("new-plugin");
    if (in->argc < 2 || in->argc > 3)
        return cli_misused(c, "expected a name, and perhaps a folder");
    if (!cli_is_plugin_name(in->argv[1]))
        return cli_misused(c, "'%s' is no name of a plugin: expected up to 40 of a-z, 0-9 and _", in->argv[1]);
    const char *folder = in->argc == 3 ? in->argv[2] : in->argv[1];
    if (!*folder)
        return cli_misused(c, "expected a folder, found ''");
    sketch k = {.memory = arena_new(NULL), .name = in->argv[1]};
    const char *owner = owner_of(k.memory, in, k.name);
    int code = CLI_FAILED;
    if (owner)
        fprintf(stderr, "talelio new-plugin: '%s' is taken by %s: choose another name\n", k.name, owner);
    else
        code = make_in(&k, folder);
    arena_free(k.memory);
    return code;
}

/* Looks for programs. Debian's /usr/bin/pg_dump is a wrapper that asks its own configuration, so it comes last. */
#include "plugins/backup/programs.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INSTALLED "/usr/lib/postgresql"

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* The installed version that fits best: the server's own, else the newest. 0: there is none. */
static int choose_installed(tl_request *req, const char *name, int server_major)
{
    int best = 0;
    DIR *folder = opendir(INSTALLED);

    if (!folder)
        return 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        int major = atoi(e->d_name);
        if (major <= 0 || !is_program(tl_format(req, INSTALLED "/%d/bin/%s", major, name)))
            continue;
        if (major == server_major || (best != server_major && major > best))
            best = major;
    }
    closedir(folder);
    return best;
}

static const char *in_path(tl_request *req, const char *name)
{
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t length = strcspn(at, ":");
        const char *path = tl_format(req, "%.*s/%s", (int)length, at, name);
        if (length > 0 && *at == '/' && is_program(path))
            return path;
        at += length + (at[length] == ':');
    }
    return NULL;
}

static const char *locate(tl_request *req, const char *name, int server_major)
{
    const char *folder = backup_options.programs;

    if (*folder) {
        const char *path = tl_format(req, "%s/%s", folder, name);
        return is_program(path) ? path : NULL;
    }
    int major = choose_installed(req, name, server_major);
    return major > 0 ? tl_format(req, INSTALLED "/%d/bin/%s", major, name) : in_path(req, name);
}

/* "pg_dump (PostgreSQL) 15.14 (Debian …)" */
static int read_version(task *t, const char *name, program *found)
{
    static const char mark[] = "(PostgreSQL) ";
    const char *arguments[] = {name, "--version", NULL};
    child_plan plan = {.program = found->path, .arguments = arguments, .output = CHILD_KEPT};
    child *c;

    if (child_begin(t, &plan, &c) != TL_OK || child_end(t, c) != TL_OK)
        return TL_ERROR;
    const char *version = c->kept ? strstr(c->kept, mark) : NULL;
    if (!version)
        return task_fail(t, "%s does not tell its version", found->path);
    version += strlen(mark);
    found->version = tl_copy_bytes(t->req, version, strcspn(version, "\r\n"));
    found->major = atoi(version);
    return TL_OK;
}

int program_find(task *t, const char *name, int server_major, program *found)
{
    *found = (program){.path = locate(t->req, name, server_major)};
    if (!found->path && *backup_options.programs)
        return task_fail(t, "there is no %s in %s, which 'programs' names", name, backup_options.programs);
    if (!found->path)
        return task_fail(
            t, "%s is not installed: install PostgreSQL's client programs, or name their folder in 'programs'", name);
    if (read_version(t, name, found) != TL_OK)
        return TL_ERROR;
    if (found->major < server_major)
        return task_fail(
            t, "%s is of version %d, but the server is of version %d: install the client programs of version %d",
            found->path, found->major, server_major, server_major);
    return TL_OK;
}

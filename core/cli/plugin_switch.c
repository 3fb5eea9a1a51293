/*
 * talelio plugin enable|disable NAME: the new ini file is written beside the old one, checked in a process of its own
 * (plugins are loaded, and may crash), and only then takes the old one's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/http/http.h"
#include "core/memory/arena.h"
#include "core/process/crash.h"
#include "core/process/pidfile.h"

enum { LARGEST_INI = 1 << 20 };

typedef struct change {
    const invocation *in;
    arena *memory;
    char path[PATH_MAX];      /* of the ini file, with links resolved: a link stays one */
    char draft[PATH_MAX + 8]; /* beside it */
    const char *text;         /* as it was */
    struct stat about;
    int folder; /* locked: two at once would lose a change */
} change;

static bool lock_folder(change *c)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", c->path);
    c->folder = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->folder >= 0 && flock(c->folder, LOCK_EX) == 0;
}

/* The file's text, or NULL and why. */
static const char *read_file(change *c, const char **reason)
{
    char *text = NULL;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    *reason = NULL;
    if (fd < 0 || fstat(fd, &c->about) != 0) {
        *reason = strerror(errno);
    } else if (!S_ISREG(c->about.st_mode)) {
        *reason = "expected a regular file";
    } else if (c->about.st_size > LARGEST_INI) {
        *reason = "it has more than 1 MiB";
    } else {
        size_t size = (size_t)c->about.st_size;
        text = arena_alloc(c->memory, size + 1);
        if (read(fd, text, size) != c->about.st_size)
            *reason = "it has another length than a moment ago";
        else if (strlen(text) != size)
            *reason = "it has a NUL byte";
    }
    if (fd >= 0)
        close(fd);
    return *reason ? NULL : text;
}

/* Same mode, same owner. */
static bool write_draft(const change *c, const char *text)
{
    unlink(c->draft);
    int fd = open(c->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    size_t length = strlen(text);
    struct stat now;
    bool fine = fstat(fd, &now) == 0 &&
                ((now.st_uid == c->about.st_uid && now.st_gid == c->about.st_gid) ||
                 fchown(fd, c->about.st_uid, c->about.st_gid) == 0) &&
                fchmod(fd, c->about.st_mode & 07777) == 0 && write(fd, text, length) == (ssize_t)length &&
                fsync(fd) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return fine;
}

static bool put_in_place(const change *c)
{
    if (rename(c->draft, c->path) != 0)
        return false;
    fsync(c->folder);
    return true;
}

/* The problem as it will read once the draft is the file. */
static void print_problem(const change *c, const char *text)
{
    size_t length = strlen(c->draft);
    const char *at;
    while ((at = strstr(text, c->draft))) {
        fprintf(stderr, "%.*s%s", (int)(at - text), text, c->path);
        text = at + length;
    }
    fprintf(stderr, "%s\n", text);
}

/* In a child: the exit code says whether the draft leads to something that can serve. */
static _Noreturn void check_and_exit(const change *c)
{
    invocation drafted = *c->in;
    drafted.ini = c->draft;
    host h;
    if (host_read(&h, &drafted) && crash_handler_install(true)) {
        host_load(&h, true);
        router_free(module_list_router(h.runtime.worker.modules, h.found));
    }
    for (size_t i = 0; i < problems_count(h.found); i++)
        print_problem(c, problems_text(h.found, i));
    fflush(stderr);
    _exit(problems_count(h.found) > 0 ? CLI_FAILED : CLI_OK);
}

static bool is_sound(const change *c)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        check_and_exit(c);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK;
}

/* True when nothing more has to be done, or it has worked. */
static bool reload_if_running(const change *c, problems *found)
{
    host h;
    bool fine = false;
    if (host_read(&h, c->in)) {
        fine = pidfile_owner(&h.settings) == 0;
        if (fine)
            printf("no server runs: it counts from the next start on\n");
        else
            fine = cli_reload(&h.settings, false, found) == CLI_OK;
    }
    host_close(&h, CLI_OK);
    return fine;
}

static int apply(change *c, const char *text, problems *found)
{
    if (!write_draft(c, text)) {
        problems_add(found, c->draft, 0, "cannot be written: %s", strerror(errno));
        unlink(c->draft);
        return CLI_FAILED;
    }
    if (!is_sound(c)) {
        unlink(c->draft);
        problems_add(found, NULL, 0, "%s stays as it was", c->path);
        return CLI_FAILED;
    }
    if (!put_in_place(c)) {
        problems_add(found, c->path, 0, "cannot be replaced: %s", strerror(errno));
        unlink(c->draft);
        return CLI_FAILED;
    }
    if (reload_if_running(c, found))
        return CLI_OK;
    if (write_draft(c, c->text) && put_in_place(c))
        problems_add(found, NULL, 0, "%s is as it was again", c->path);
    else
        problems_add(found, c->path, 0, "is changed, but the server has refused it: %s", strerror(errno));
    return CLI_FAILED;
}

static int switch_plugin(change *c, const char *name, bool on, problems *found)
{
    const char *reason = NULL;
    if (!realpath(c->in->ini, c->path) || !lock_folder(c))
        reason = strerror(errno);
    else
        c->text = read_file(c, &reason);
    if (!c->text) {
        problems_add(found, c->in->ini, 0, "cannot be read: %s", reason);
        return CLI_FAILED;
    }
    snprintf(c->draft, sizeof c->draft, "%s.draft", c->path);
    const char *text = config_switch(c->memory, c->text, name, on);
    if (!text) {
        problems_add(found, c->path, 0, "there is no [plugin:%s]: `talelio plugins` lists those that are", name);
        return CLI_FAILED;
    }
    if (strcmp(text, c->text) == 0) {
        printf("plugin %s is %s already\n", name, on ? "enabled" : "disabled");
        return CLI_OK;
    }
    int code = apply(c, text, found);
    if (code == CLI_OK)
        printf("plugin %s is %s\n", name, on ? "enabled" : "disabled");
    return code;
}

int command_plugin(const invocation *in)
{
    bool on = in->argc > 1 && strcmp(in->argv[1], "enable") == 0;
    if (in->argc > 1 && !on && strcmp(in->argv[1], "disable") != 0)
        return cli_misused(cli_find("plugin"), "expected enable or disable, found '%s'", in->argv[1]);
    if (in->argc != 3)
        return cli_misused(cli_find("plugin"), "expected enable or disable, and one plugin");
    if (!cli_is_plugin_name(in->argv[2]))
        return cli_misused(cli_find("plugin"), "'%s' is no name of a plugin: expected up to 40 of a-z, 0-9 and _",
                           in->argv[2]);
    change c = {.in = in, .memory = arena_new(NULL), .folder = -1};
    problems *found = problems_new();
    int code = CLI_FAILED;
    if (in->ini)
        code = switch_plugin(&c, in->argv[2], on, found);
    else
        host_complain_of_none(found);
    if (c.folder >= 0)
        close(c.folder);
    problems_print(found, stderr);
    problems_free(found);
    arena_free(c.memory);
    return code;
}

/*
 * talelio dev: a server in watch mode, and beside it this process, which builds a plugin when its sources change. What
 * does not compile changes nothing: the server goes on with the file that is there.
 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/process/control.h"
#include "core/process/generation.h"
#include "core/process/master.h"

enum {
    MOST_PLUGINS = 128,
    NAME_SIZE = 64,
    QUIET = 40, /* milliseconds: an editor saves in several steps */
    PATIENCE = 60000,
    OUTPUT_KEPT = 1 << 20,
    EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_CREATE,
};

typedef struct source {
    char name[NAME_SIZE];
    int watch; /* inotify's number */
    bool changed;
    int64_t saved; /* when it changed first since its last build */
} source;

typedef struct dev {
    const char *plugins;
    const char *build;
    char own_folder[PATH_MAX];
    settings settings;
    struct event_base *base;
    int inotify;
    int all_watch; /* of the folder of folders */
    struct event *readable;
    struct event *quiet;
    struct event *signals[4];
    source sources[MOST_PLUGINS];
    size_t count;
    pid_t server;
    int code;
    /* the build under way */
    pid_t builder;
    source *building;
    int output;
    struct event *output_readable;
    char *text;
    size_t length;
    int64_t began;
} dev;

static void add_source(dev *d, const char *name)
{
    char path[PATH_MAX];
    if (!cli_is_plugin_name(name) || d->count == MOST_PLUGINS)
        return;
    snprintf(path, sizeof path, "%s/%s", d->plugins, name);
    int watch = inotify_add_watch(d->inotify, path, EVENTS | IN_ONLYDIR);
    if (watch < 0)
        return;
    for (size_t i = 0; i < d->count; i++)
        if (d->sources[i].watch == watch)
            return;
    source *s = &d->sources[d->count++];
    *s = (source){.watch = watch};
    snprintf(s->name, sizeof s->name, "%s", name);
}

static bool find_sources(dev *d)
{
    d->all_watch = inotify_add_watch(d->inotify, d->plugins, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    DIR *folder = d->all_watch < 0 ? NULL : opendir(d->plugins);
    if (!folder)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(folder)))
        add_source(d, entry->d_name);
    closedir(folder);
    return true;
}

/* Editors make files of their own beside a source. */
static bool is_source(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 || strcmp(dot, ".txt") == 0);
}

static void note(dev *d, const struct inotify_event *e)
{
    if (e->wd == d->all_watch) {
        add_source(d, e->name);
        return;
    }
    if (e->len == 0 || !is_source(e->name) || e->mask & IN_CREATE)
        return;
    for (size_t i = 0; i < d->count; i++) {
        source *s = &d->sources[i];
        if (s->watch != e->wd)
            continue;
        if (!s->changed)
            s->saved = process_now();
        s->changed = true;
        event_add(d->quiet, &(struct timeval){.tv_usec = QUIET * 1000});
    }
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    _Alignas(struct inotify_event) char events[65536];
    ssize_t count;
    while ((count = read(fd, events, sizeof events)) > 0) {
        for (const char *at = events; at < events + count;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            note(arg, e);
            at += sizeof *e + e->len;
        }
    }
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    dev *d = arg;
    char part[4096];
    ssize_t count = read(fd, part, sizeof part);
    if (count <= 0) {
        event_del(d->output_readable);
        return;
    }
    if (d->length + (size_t)count > OUTPUT_KEPT)
        return;
    char *more = realloc(d->text, d->length + (size_t)count);
    if (!more)
        return;
    d->text = more;
    memcpy(d->text + d->length, part, (size_t)count);
    d->length += (size_t)count;
}

static _Noreturn void become_builder(const dev *d, const char *name, int output)
{
    char path[PATH_MAX + NAME_SIZE + 1];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(path, sizeof path, "%s/%s", d->plugins, name);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv("PLUGIN", name, 1);
    setenv("PLUGIN_DIR", path, 1);
    setenv("TALELIO_FOLDER", d->own_folder, 1);
    execl("/bin/sh", "sh", "-c", d->build, (char *)NULL);
    _exit(127);
}

static void build(dev *d, source *s)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    s->changed = false;
    d->building = s;
    d->began = process_now();
    d->length = 0;
    fflush(NULL);
    d->builder = fork();
    if (d->builder == 0)
        become_builder(d, s->name, ends[1]);
    close(ends[1]);
    d->output = ends[0];
    d->output_readable = event_new(d->base, d->output, EV_READ | EV_PERSIST, on_output, d);
    if (d->builder < 0 || !d->output_readable || event_add(d->output_readable, NULL) != 0)
        fprintf(stderr, "dev: %s cannot be built: %s\n", s->name, strerror(errno));
}

static void build_next(dev *d)
{
    for (size_t i = 0; i < d->count && d->builder <= 0; i++)
        if (d->sources[i].changed)
            build(d, &d->sources[i]);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    build_next(arg);
}

static double since(int64_t when)
{
    return (double)(process_now() - when) / 1000;
}

/*
 * Asks for the reload instead of leaving it to watch mode, as its end is what the line tells. Watch mode may have
 * loaded the new file by itself, when the builder goes on after writing it: the reload finds nothing changed then.
 */
static void go_live(const dev *d, const source *s, double compiled)
{
    problems *found = problems_new();
    char *answer = control_ask(&d->settings, "reload", PATIENCE, found);
    json_object *result = answer ? json_tokener_parse(answer) : NULL;
    json_object *list = json_object_object_get(result, "problems");
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        problems_add(found, NULL, 0, "%s", json_object_get_string(json_object_array_get_idx(list, i)));
    problems_print(found, stderr);
    if (result && json_object_get_boolean(json_object_object_get(result, "ok")))
        printf("dev: %s is live %.2f s after the save (%.2f s of it the compiler), generation %d: %s\n", s->name,
               since(s->saved), compiled, json_object_get_int(json_object_object_get(result, "generation")),
               json_object_get_string(json_object_object_get(result, "changed")));
    else
        printf("dev: %s is built, but not live: what served before goes on\n", s->name);
    fflush(stdout);
    json_object_put(result);
    free(answer);
    problems_free(found);
}

static void end_build(dev *d, int status)
{
    source *s = d->building;
    double compiled = since(d->began);
    d->builder = 0;
    while (d->output_readable && event_pending(d->output_readable, EV_READ, NULL))
        on_output(d->output, EV_READ, d);
    if (d->output_readable)
        event_free(d->output_readable);
    d->output_readable = NULL;
    close(d->output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        go_live(d, s, compiled);
    } else {
        fwrite(d->text, 1, d->length, stderr);
        printf("dev: %s does not compile: what served before goes on\n", s->name);
        fflush(stdout);
    }
    build_next(d);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    dev *d = arg;
    if (number != SIGCHLD) {
        /* A terminal has sent it to the server, too; its master takes two in a row for one. */
        kill(d->server, SIGTERM);
        return;
    }
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == d->builder)
            end_build(d, status);
        if (pid == d->server) {
            d->server = 0;
            d->code = WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
            event_base_loopbreak(d->base);
        }
    }
}

static bool watch(dev *d)
{
    static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGQUIT};
    d->base = event_base_new();
    d->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (!d->base || d->inotify < 0)
        return false;
    d->readable = event_new(d->base, d->inotify, EV_READ | EV_PERSIST, on_inotify, d);
    d->quiet = event_new(d->base, -1, 0, on_quiet, d);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        d->signals[i] = evsignal_new(d->base, numbers[i], on_signal, d);
        if (!d->signals[i] || event_add(d->signals[i], NULL) != 0)
            return false;
    }
    return d->readable && d->quiet && event_add(d->readable, NULL) == 0;
}

static void unwatch(dev *d)
{
    for (size_t i = 0; i < sizeof d->signals / sizeof d->signals[0]; i++)
        if (d->signals[i])
            event_free(d->signals[i]);
    if (d->readable)
        event_free(d->readable);
    if (d->quiet)
        event_free(d->quiet);
    if (d->inotify >= 0)
        close(d->inotify);
    if (d->base)
        event_base_free(d->base);
    free(d->text);
}

static bool find_own_folder(dev *d)
{
    ssize_t length = readlink("/proc/self/exe", d->own_folder, sizeof d->own_folder - 1);
    if (length <= 0)
        return false;
    d->own_folder[length] = '\0';
    memmove(d->own_folder, dirname(d->own_folder), strlen(dirname(d->own_folder)) + 1);
    return true;
}

static int run(dev *d, const invocation *in)
{
    pid_t self = getpid();
    fflush(NULL);
    d->server = fork();
    if (d->server == 0) {
        /* Without the one who builds there is no reason to serve. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != self)
            _exit(CLI_FAILED);
        exit(master_run(in->ini, in->env, true));
    }
    if (d->server < 0 || !watch(d)) {
        fprintf(stderr, "talelio dev: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    if (!find_sources(d))
        fprintf(stderr, "dev: the folder %s cannot be watched (%s): name another with --plugins\n", d->plugins,
                strerror(errno));
    event_base_loop(d->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return d->code;
}

static int read_words(dev *d, const invocation *in)
{
    for (int i = 1; i < in->argc; i++) {
        const char **target = strcmp(in->argv[i], "--plugins") == 0 ? &d->plugins
                              : strcmp(in->argv[i], "--build") == 0 ? &d->build
                                                                    : NULL;
        if (!target || i + 1 == in->argc)
            return cli_misused(cli_find("dev"), "'%s' %s", in->argv[i],
                               target ? "needs a value" : "means nothing here");
        *target = in->argv[++i];
    }
    return CLI_OK;
}

int command_dev(const invocation *in)
{
    dev d = {
        .plugins = "plugins",
        .build = "cmake --build \"$TALELIO_FOLDER\" --target plugin_$PLUGIN",
        .inotify = -1,
        .code = CLI_FAILED,
    };
    int code = read_words(&d, in);
    if (code != CLI_OK)
        return code;
    host h;
    if (!host_read(&h, in) || !find_own_folder(&d))
        return host_close(&h, CLI_FAILED);
    d.settings = h.settings;
    code = run(&d, in);
    unwatch(&d);
    return host_close(&h, code);
}

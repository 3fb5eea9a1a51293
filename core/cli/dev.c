/*
 * talelio dev: a server in watch mode, and beside it this process, which builds a plugin when its sources change. What
 * does not compile changes nothing: the server goes on with the file that is there.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/cli/source_tree.h"
#include "core/process/control.h"
#include "core/process/generation.h"
#include "core/process/master.h"

enum {
    MOST_PLUGINS = 128,
    NAME_SIZE = 64,
    QUIET = 40, /* milliseconds: an editor saves in several steps */
    PATIENCE = 60000,
    OUTPUT_KEPT = 1 << 20,
};

typedef struct source {
    char name[NAME_SIZE];
    bool changed;
    bool built;    /* and not loaded yet */
    int64_t saved; /* when it changed first since its last build */
    double compiled;
} source;

typedef struct dev {
    const invocation *in;
    const char *plugins;
    const char *build;
    char own_folder[PATH_MAX];
    settings settings;
    struct event_base *base;
    source_tree *tree;
    struct event *quiet;
    struct event *signals[4];
    source sources[MOST_PLUGINS]; /* those that have been saved */
    size_t count;
    pid_t server;
    atomic_bool *building; /* shared with the server, which leaves it to this process to load what is built */
    int code;
    /* the build under way */
    pid_t builder;
    source *building_one;
    int output;
    struct event *output_readable;
    char *text;
    size_t length;
    int64_t began;
} dev;

static void mark(dev *d, const char *name)
{
    source *s = d->sources;
    while (s < d->sources + d->count && strcmp(s->name, name) != 0)
        s++;
    if (s == d->sources + MOST_PLUGINS)
        return;
    if (s == d->sources + d->count) {
        *s = (source){0};
        snprintf(s->name, sizeof s->name, "%s", name);
        d->count++;
    }
    if (!s->changed)
        s->saved = process_now();
    s->changed = true;
    event_add(d->quiet, &(struct timeval){.tv_usec = QUIET * 1000});
}

/* NULL while the ini file cannot be read: the server says why. */
static config *read_config(const dev *d)
{
    problems *ignored = problems_new();
    config *c = config_load(d->in->ini, d->in->env, ignored);
    problems_free(ignored);
    return c;
}

static bool has_section(const config *c, const char *plugin)
{
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(c, i)); i++)
        if (strcmp(name, plugin) == 0)
            return true;
    return false;
}

/* Of a folder that is no plugin's, any plugin may use the sources: their builders know. */
static void on_saved(void *arg, const char *name)
{
    dev *d = arg;
    char path[PATH_MAX];
    config *c = read_config(d);
    if (!c || has_section(c, name)) {
        mark(d, name);
    } else {
        const char *plugin;
        for (size_t i = 0; (plugin = config_plugin_name(c, i)); i++) {
            int length = snprintf(path, sizeof path, "%s/%s", d->plugins, plugin);
            if (length < PATH_MAX && access(path, F_OK) == 0)
                mark(d, plugin);
        }
    }
    config_free(c);
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
    atomic_store(d->building, true);
    d->building_one = s;
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

static double since(int64_t when)
{
    return (double)(process_now() - when) / 1000;
}

static bool is_enabled(config *c, const char *plugin)
{
    problems *ignored = problems_new();
    bool enabled = !c || config_plugin_enabled(c, plugin, ignored);
    problems_free(ignored);
    return enabled;
}

static void tell(const source *s, json_object *result, bool enabled)
{
    if (!enabled)
        printf("dev: %s is built, but not enabled: `talelio plugin enable %s`\n", s->name, s->name);
    else if (json_object_get_boolean(json_object_object_get(result, "ok")))
        printf("dev: %s is live %.2f s after the save (%.2f s of it the compiler), generation %d: %s\n", s->name,
               since(s->saved), s->compiled, json_object_get_int(json_object_object_get(result, "generation")),
               json_object_get_string(json_object_object_get(result, "changed")));
    else
        printf(
            "dev: %s is built, but not live: what served before goes on. After `talelio migrate`, or a change of the "
            "ini file, it goes live by itself; after anything else, by `talelio reload`\n",
            s->name);
    fflush(stdout);
}

/* One reload for all that has been built: its end is what the lines tell. */
static void go_live(dev *d)
{
    problems *found = problems_new();
    char *answer = control_ask(&d->settings, "reload", PATIENCE, found);
    json_object *result = answer ? json_tokener_parse(answer) : NULL;
    json_object *list = json_object_object_get(result, "problems");
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        problems_add(found, NULL, 0, "%s", json_object_get_string(json_object_array_get_idx(list, i)));
    problems_print(found, stderr);
    config *c = read_config(d);
    for (size_t i = 0; i < d->count; i++) {
        if (d->sources[i].built)
            tell(&d->sources[i], result, is_enabled(c, d->sources[i].name));
        d->sources[i].built = false;
    }
    config_free(c);
    json_object_put(result);
    free(answer);
    problems_free(found);
}

static void go_on(dev *d)
{
    bool built = false;
    for (size_t i = 0; i < d->count && d->builder <= 0; i++)
        if (d->sources[i].changed)
            build(d, &d->sources[i]);
    if (d->builder > 0)
        return;
    for (size_t i = 0; i < d->count; i++)
        built = built || d->sources[i].built;
    if (built)
        go_live(d);
    atomic_store(d->building, false);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const dev *d = arg;
    if (d->builder <= 0)
        go_on(arg);
}

static void end_build(dev *d, int status)
{
    source *s = d->building_one;
    s->compiled = since(d->began);
    d->builder = 0;
    while (d->output_readable && event_pending(d->output_readable, EV_READ, NULL))
        on_output(d->output, EV_READ, d);
    if (d->output_readable)
        event_free(d->output_readable);
    d->output_readable = NULL;
    close(d->output);
    s->built = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!s->built) {
        fwrite(d->text, 1, d->length, stderr);
        printf("dev: %s does not compile: what served before goes on\n", s->name);
        fflush(stdout);
    }
    go_on(d);
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
    if (!d->base)
        return false;
    d->quiet = event_new(d->base, -1, 0, on_quiet, d);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        d->signals[i] = evsignal_new(d->base, numbers[i], on_signal, d);
        if (!d->signals[i] || event_add(d->signals[i], NULL) != 0)
            return false;
    }
    return d->quiet;
}

static void unwatch(dev *d)
{
    for (size_t i = 0; i < sizeof d->signals / sizeof d->signals[0]; i++)
        if (d->signals[i])
            event_free(d->signals[i]);
    source_tree_free(d->tree);
    if (d->quiet)
        event_free(d->quiet);
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
        exit(master_run(in->ini, in->env, d->building));
    }
    if (d->server < 0 || !watch(d)) {
        fprintf(stderr, "talelio dev: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    d->tree = source_tree_new(d->base, d->plugins, on_saved, d);
    if (!d->tree)
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
        .in = in,
        .code = CLI_FAILED,
    };
    int code = read_words(&d, in);
    if (code != CLI_OK)
        return code;
    host h;
    if (!host_read(&h, in) || !find_own_folder(&d))
        return host_close(&h, CLI_FAILED);
    d.settings = h.settings;
    d.building = mmap(NULL, sizeof *d.building, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (d.building == MAP_FAILED)
        return host_close(&h, CLI_FAILED);
    code = run(&d, in);
    unwatch(&d);
    munmap(d.building, sizeof *d.building);
    return host_close(&h, code);
}

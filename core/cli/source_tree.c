/*
 * One inotify watch a folder. Paths are relative to the root, "" for the root itself, so that what stands before the
 * first '/' is the plugin.
 */
#include "core/cli/source_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cli/command.h"

enum {
    MOST_FOLDERS = 4096, /* of all plugins together */
    FILE_EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE,
    FOLDER_EVENTS = IN_CREATE | IN_MOVED_TO,
};

typedef struct folder {
    int watch; /* inotify's number */
    char *path;
} folder;

struct source_tree {
    const char *root;
    int fd;
    struct event *readable;
    void (*changed)(void *arg, const char *plugin);
    void *arg;
    folder folders[MOST_FOLDERS];
    size_t count;
    bool told; /* that there are too many */
};

/* Editors make files of their own beside a source. */
static bool is_source(const char *name)
{
    static const char *const kinds[] = {".c", ".h", ".inc", ".cc", ".cpp", ".hpp", ".cmake"};
    const char *dot = strrchr(name, '.');
    if (name[0] == '.' || !dot)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(dot, kinds[i]) == 0)
            return true;
    return strcmp(name, "CMakeLists.txt") == 0;
}

/* Whether a folder called `name` in `parent` has sources of a plugin. */
static bool is_watched(const char *parent, const char *name)
{
    if (!*parent)
        return cli_is_plugin_name(name);
    return name[0] != '.' && strcmp(name, "build") != 0 && strncmp(name, "build-", 6) != 0 &&
           strncmp(name, "cmake-build", 11) != 0;
}

static bool is_below(const char *path, const char *folder_path)
{
    size_t length = strlen(folder_path);
    return strncmp(path, folder_path, length) == 0 && (path[length] == '/' || !path[length]);
}

static void tell(const source_tree *t, const char *path)
{
    char plugin[NAME_MAX + 1];
    snprintf(plugin, sizeof plugin, "%.*s", (int)strcspn(path, "/"), path);
    if (*plugin)
        t->changed(t->arg, plugin);
}

static folder *find(source_tree *t, int watch)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->folders[i].watch == watch)
            return &t->folders[i];
    return NULL;
}

static void drop(source_tree *t, folder *f)
{
    free(f->path);
    *f = t->folders[--t->count];
}

/* What has been moved elsewhere is no source any more; its watches would stay. */
static void forget(source_tree *t, const char *path)
{
    for (size_t i = t->count; i-- > 0;) {
        if (!is_below(t->folders[i].path, path))
            continue;
        inotify_rm_watch(t->fd, t->folders[i].watch);
        drop(t, &t->folders[i]);
    }
}

static bool has_room(source_tree *t, const char *path)
{
    char plugin[NAME_MAX + 1];
    size_t count = 0;
    snprintf(plugin, sizeof plugin, "%.*s", (int)strcspn(path, "/"), path);
    for (size_t i = 0; i < t->count; i++)
        count += is_below(t->folders[i].path, plugin);
    if (count < SOURCE_TREE_FOLDERS && t->count < MOST_FOLDERS)
        return true;
    if (!t->told)
        fprintf(stderr, "dev: %s/%s is not watched: there are too many folders (at most %d a plugin, %d in all)\n",
                t->root, path, SOURCE_TREE_FOLDERS, MOST_FOLDERS);
    t->told = true;
    return false;
}

static bool add(source_tree *t, const char *full, const char *path)
{
    if (*path && !has_room(t, path))
        return false;
    /* A plugin's folder may be a link to it; links below could lead around in circles. */
    bool is_deep = strchr(path, '/');
    int watch =
        inotify_add_watch(t->fd, full, FILE_EVENTS | FOLDER_EVENTS | IN_ONLYDIR | (is_deep ? IN_DONT_FOLLOW : 0));
    if (watch < 0)
        return false;
    char *copy = strdup(path);
    if (!copy)
        abort();
    folder *f = find(t, watch);
    if (f)
        free(f->path);
    else
        f = &t->folders[t->count++];
    *f = (folder){watch, copy};
    return true;
}

/* `is_new`: its sources have come with it, and may have been there before the watch was. */
static void add_all(source_tree *t, const char *path, bool is_new)
{
    char full[PATH_MAX];
    char below[PATH_MAX];
    int length = snprintf(full, sizeof full, "%s%s%s", t->root, *path ? "/" : "", path);
    if (length >= PATH_MAX || !add(t, full, path))
        return;
    DIR *entries = opendir(full);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        length = snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "", entry->d_name);
        bool may_be_folder = entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
        if (length < PATH_MAX && may_be_folder && is_watched(path, entry->d_name))
            add_all(t, below, is_new);
        if (is_new && is_source(entry->d_name))
            tell(t, path);
    }
    if (entries)
        closedir(entries);
}

static void note(source_tree *t, const struct inotify_event *e)
{
    char path[PATH_MAX];
    char below[PATH_MAX];
    folder *f = find(t, e->wd);
    if (e->mask & IN_Q_OVERFLOW) {
        for (size_t i = 0; i < t->count; i++)
            if (!strchr(t->folders[i].path, '/'))
                tell(t, t->folders[i].path);
        return;
    }
    if (!f)
        return;
    if (e->mask & IN_IGNORED) {
        drop(t, f);
        return;
    }
    if (e->len == 0)
        return;
    /* The list may move below. */
    snprintf(path, sizeof path, "%s", f->path);
    bool is_link = !*path && e->mask & FOLDER_EVENTS;
    if (e->mask & IN_ISDIR || is_link) {
        if (!is_watched(path, e->name) ||
            snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "", e->name) >= PATH_MAX)
            return;
        if (e->mask & FOLDER_EVENTS)
            add_all(t, below, true);
        if (e->mask & IN_MOVED_FROM)
            forget(t, below);
    } else if (is_source(e->name) && e->mask & FILE_EVENTS) {
        tell(t, path);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
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

source_tree *source_tree_new(struct event_base *base, const char *root, void (*changed)(void *arg, const char *plugin),
                             void *arg)
{
    source_tree *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->root = root;
    t->changed = changed;
    t->arg = arg;
    t->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (t->fd >= 0)
        add_all(t, "", false);
    int reason = errno;
    if (t->count > 0)
        t->readable = event_new(base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
    if (t->readable && event_add(t->readable, NULL) == 0)
        return t;
    source_tree_free(t);
    errno = reason;
    return NULL;
}

void source_tree_free(source_tree *t)
{
    if (!t)
        return;
    while (t->count > 0)
        drop(t, &t->folders[0]);
    if (t->readable)
        event_free(t->readable);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
}

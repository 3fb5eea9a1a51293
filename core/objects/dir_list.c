/*
 * Listing: the folders are walked in the order of the keys, from the first that can have one behind `after`. Of a large
 * folder only the names that come next are kept, so memory does not grow with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/objects/dir.h"

enum { WINDOW = 256 };

typedef struct name {
    dir_kind kind;
    char part[DIR_PIECE + 2];
} name;

/* The names of one folder that come next: a heap with the last of them at the top. */
typedef struct window {
    size_t count;
    bool is_cut; /* names behind the last one were left out */
    name names[WINDOW];
} window;

typedef struct walk {
    int root;
    dir_page *page;
    char key[LONGEST_KEY + DIR_NAME]; /* as far as the walk has come down */
    char path[DIR_PATH];
} walk;

/* The room has been seen to: a part fits into any of these, and a key of a page has a path. */
static void set(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
}

static void sink(window *w, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= w->count)
            return;
        if (child + 1 < w->count && strcmp(w->names[child + 1].part, w->names[child].part) > 0)
            child++;
        if (strcmp(w->names[child].part, w->names[at].part) <= 0)
            return;
        name swapped = w->names[at];
        w->names[at] = w->names[child];
        w->names[child] = swapped;
        at = child;
    }
}

static void keep(window *w, const name *n)
{
    if (w->count < WINDOW) {
        w->names[w->count++] = *n;
        /* The heap is needed only once names have to go. */
        if (w->count == WINDOW)
            for (size_t i = WINDOW / 2; i-- > 0;)
                sink(w, i);
        return;
    }
    w->is_cut = true;
    if (strcmp(n->part, w->names[0].part) < 0) {
        w->names[0] = *n;
        sink(w, 0);
    }
}

static int by_part(const void *a, const void *b)
{
    return strcmp(((const name *)a)->part, ((const name *)b)->part);
}

/* Can a key that begins with `start` (or is it, `is_whole`) belong to the page? */
static bool is_wanted(const dir_page *page, const char *start, bool is_whole)
{
    size_t length = strlen(start), prefix = strlen(page->prefix);
    size_t common = length < prefix && !is_whole ? length : prefix;
    if (strncmp(start, page->prefix, common) != 0)
        return false;
    if (!page->after)
        return true;
    int order = is_whole ? strcmp(start, page->after) : strncmp(start, page->after, length);
    return is_whole ? order > 0 : order >= 0;
}

static bool read_names(walk *w, size_t key_length, const char *behind, window *found)
{
    int fd = openat(w->root, *w->path ? w->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        errno = error;
        /* Removed a moment ago. */
        return error == ENOENT;
    }
    for (struct dirent *e = readdir(list); e; e = readdir(list)) {
        name n = {.kind = dir_unescape(e->d_name, n.part)};
        if (n.kind == DIR_NOTHING || (behind && strcmp(n.part, behind) <= 0) ||
            key_length + strlen(n.part) > LONGEST_KEY)
            continue;
        set(w->key + key_length, n.part);
        if (*w->key && is_wanted(w->page, w->key, n.kind == DIR_OBJECT))
            keep(found, &n);
    }
    w->key[key_length] = '\0';
    closedir(list);
    return true;
}

static int add(walk *w)
{
    dir_page *page = w->page;
    if (page->count == page->limit) {
        page->is_more = true;
        return 0;
    }
    dir_listed *item = &page->items[page->count];
    int fd = dir_open_file(w->root, w->path, &item->about);
    if (fd < 0 && errno == EBADMSG)
        page->damaged++;
    if (fd < 0)
        return errno == ENOENT || errno == EBADMSG ? 0 : errno;
    close(fd);
    item->key = strdup(w->key);
    if (!item->key)
        return ENOMEM;
    page->count++;
    return 0;
}

static int walk_folder(walk *w);

static int enter(walk *w, size_t key_length, size_t path_length, const name *n)
{
    set(w->key + key_length, n->part);
    /* The path of the whole is made from the key again: no name on the disk is believed. */
    char path[DIR_PATH];
    dir_path(w->key, path);
    if (n->kind == DIR_OBJECT) {
        set(w->path, path);
        int error = add(w);
        w->path[path_length] = '\0';
        w->key[key_length] = '\0';
        return error;
    }
    /* What follows the last slash stands for the end of a key. */
    char *end = strrchr(path, '/');
    *end = '\0';
    set(w->path, path);
    int error = walk_folder(w);
    w->path[path_length] = '\0';
    w->key[key_length] = '\0';
    return error;
}

static int walk_folder(walk *w)
{
    size_t key_length = strlen(w->key), path_length = strlen(w->path);
    char behind[DIR_PIECE + 2] = "";
    int error = 0;
    window *found = malloc(sizeof *found);
    if (!found)
        return ENOMEM;
    do {
        found->count = 0;
        found->is_cut = false;
        if (!read_names(w, key_length, *behind ? behind : NULL, found))
            error = errno;
        qsort(found->names, found->count, sizeof *found->names, by_part);
        for (size_t i = 0; i < found->count && !error && !w->page->is_more; i++)
            error = enter(w, key_length, path_length, &found->names[i]);
        if (found->count > 0)
            set(behind, found->names[found->count - 1].part);
    } while (found->is_cut && !error && !w->page->is_more);
    free(found);
    return error;
}

int dir_list(int root, dir_page *page)
{
    walk w = {.page = page, .root = root};
    return walk_folder(&w);
}

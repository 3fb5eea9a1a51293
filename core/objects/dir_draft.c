/*
 * Writing objects: into a temporary file first, which becomes the object by one rename once all of it is on the disk.
 *
 * A temporary is locked for as long as its process lives. So one that can be locked by somebody else is a left-over,
 * however young, and whoever starts next removes it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/objects/dir_trailer.h"

#define DRAFTS ".drafts"

enum {
    TRIES = 20,
    DRAFT_PATH = sizeof DRAFTS + 32,
    PIECE = 131072, /* a fraction of a millisecond's work */
    BREATH = 50000, /* nanoseconds */
};

static void draft_path(const char *name, char path[DRAFT_PATH])
{
    snprintf(path, DRAFT_PATH, DRAFTS "/%s", name);
}

static int sync_folder(int root, const char *path)
{
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return error;
}

/* A folder, and its name in the folder above it on the disk. */
static int make_one(char *path, mode_t mode)
{
    if (mkdir(path, mode) != 0)
        return errno == EEXIST ? 0 : errno;
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return sync_folder(AT_FDCWD, slash ? "/" : ".");
    *slash = '\0';
    int error = sync_folder(AT_FDCWD, path);
    *slash = '/';
    return error;
}

/* As mkdir -p; the folder itself is its owner's alone. */
static int make_folder(const char *folder)
{
    char path[DIR_PATH];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        return ENAMETOOLONG;
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int error = make_one(path, 0777);
        *at = '/';
        if (error)
            return error;
    }
    return make_one(path, 0700);
}

int dir_open_root(const char *folder, bool make)
{
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0 || errno != ENOENT || !make)
        return root;
    int error = make_folder(folder);
    if (error) {
        errno = error;
        return -1;
    }
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A new file that is locked before anybody can sweep it away; -1 with errno. */
static int make_draft(int drafts, char name[32])
{
    for (int i = 0; i < TRIES; i++) {
        unsigned char random[12];
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(name, 32, random, sizeof random);
        int fd = openat(drafts, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        struct stat file;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &file) == 0 && file.st_nlink > 0)
            return fd;
        /* Swept between the two calls. */
        close(fd);
    }
    errno = EAGAIN;
    return -1;
}

int dir_draft_begin(int root, dir_draft *d)
{
    int error = 0, drafts = -1;
    d->fd = -1;
    d->size = 0;
    crypto_generichash_init(&d->hash, NULL, 0, (DIR_ETAG - 4) / 2);
    if (mkdirat(root, DRAFTS, 0700) != 0 && errno != EEXIST)
        error = errno;
    if (!error && (drafts = openat(root, DRAFTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        error = errno;
    if (!error && (d->fd = make_draft(drafts, d->name)) < 0)
        error = errno;
    if (drafts >= 0)
        close(drafts);
    return error;
}

static int write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t count = write(fd, at, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        at += count;
        length -= (size_t)count;
    }
    return 0;
}

/*
 * On a machine with few cores a thread that works for milliseconds keeps the loop and the database waiting for as long:
 * the kernel lets it finish its slice, and one large write() even longer. So it sleeps for a moment now and then.
 */
static void breathe(void)
{
    nanosleep(&(struct timespec){.tv_nsec = BREATH}, NULL);
}

int dir_draft_write(dir_draft *d, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    d->size += (int64_t)length;
    while (length > 0) {
        size_t count = length < PIECE ? length : PIECE;
        crypto_generichash_update(&d->hash, at, count);
        int error = write_all(d->fd, at, count);
        if (error)
            return error;
        at += count;
        length -= count;
        if (length > 0)
            breathe();
    }
    return 0;
}

static int end_draft(dir_draft *d, const tl_object_options *options)
{
    char trailer[DIR_TRAILER];
    unsigned char hash[(DIR_ETAG - 4) / 2];
    char digits[2 * sizeof hash + 1];
    dir_about about = {.is_public = options->is_public};
    crypto_generichash_final(&d->hash, hash, sizeof hash);
    sodium_bin2hex(digits, sizeof digits, hash, sizeof hash);
    snprintf(about.etag, sizeof about.etag, "\"%s\"", digits);
    snprintf(about.content_type, sizeof about.content_type, "%s", options->content_type);
    snprintf(about.cache_control, sizeof about.cache_control, "%s", options->cache_control);
    dir_trailer_write(trailer, &about);
    int error = write_all(d->fd, trailer, sizeof trailer);
    return error ? error : fsync(d->fd) != 0 ? errno : 0;
}

/* Makes the folders of a path. */
static int make_folders(int root, char *path)
{
    for (char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int error = mkdirat(root, path, 0700) != 0 && errno != EEXIST ? errno : 0;
        *at = '/';
        if (error)
            return error;
    }
    return 0;
}

/* All folders above, for another process may have made them a moment ago and not have synced them yet. */
static int sync_folders(int root, char *path)
{
    for (char *at = strrchr(path, '/'); at; at = strrchr(path, '/')) {
        *at = '\0';
        int error = sync_folder(root, path);
        if (error)
            return error;
    }
    return fsync(root) != 0 ? errno : 0;
}

static int publish(int root, const char *draft, const char *key)
{
    char path[DIR_PATH], from[DRAFT_PATH];
    draft_path(draft, from);
    dir_path(key, path);
    /* Whoever deletes the last object of a folder removes the folder: then again. */
    int error = ENOENT;
    for (int i = 0; i < TRIES && error == ENOENT; i++) {
        error = make_folders(root, path);
        if (!error)
            error = renameat(root, from, root, path) != 0 ? errno : 0;
    }
    return error ? error : sync_folders(root, path);
}

int dir_draft_finish(int root, dir_draft *d, const char *key, const tl_object_options *options)
{
    int error = end_draft(d, options);
    if (!error)
        error = publish(root, d->name, key);
    /* After the rename there is nothing by this name any more. */
    dir_draft_drop(root, d);
    return error;
}

void dir_draft_drop(int root, dir_draft *d)
{
    char path[DRAFT_PATH];
    if (d->fd < 0)
        return;
    draft_path(d->name, path);
    if (root >= 0)
        unlinkat(root, path, 0);
    close(d->fd);
    d->fd = -1;
}

static bool sweep_one(int drafts, const char *name)
{
    if (name[0] == '.')
        return false;
    int fd = openat(drafts, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool is_left_over = flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(drafts, name, 0) == 0;
    close(fd);
    return is_left_over;
}

size_t dir_sweep(int root)
{
    size_t count = 0;
    int drafts = openat(root, DRAFTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = drafts < 0 ? NULL : fdopendir(drafts);
    if (!list)
        return 0;
    for (struct dirent *e = readdir(list); e; e = readdir(list))
        count += sweep_one(drafts, e->d_name);
    closedir(list);
    return count;
}

/*
 * Objects that are there: reading, deleting, copying.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/objects/dir_trailer.h"

enum { COPY_SIZE = 65536 };

int dir_read(int fd, int64_t offset, void *to, size_t length)
{
    char *at = to;
    while (length > 0) {
        ssize_t count = pread(fd, at, length, offset);
        if (count < 0 && errno == EINTR)
            continue;
        /* Objects are replaced, never changed: one that ends early has been damaged. */
        if (count <= 0)
            return count < 0 ? errno : EBADMSG;
        at += count;
        offset += count;
        length -= (size_t)count;
    }
    return 0;
}

static int read_about(int fd, dir_about *about)
{
    struct stat file;
    char trailer[DIR_TRAILER];
    if (fstat(fd, &file) != 0)
        return errno;
    if (!S_ISREG(file.st_mode) || file.st_size < DIR_TRAILER)
        return EBADMSG;
    about->size = file.st_size - DIR_TRAILER;
    about->modified = (int64_t)file.st_mtim.tv_sec * 1000000 + file.st_mtim.tv_nsec / 1000;
    int error = dir_read(fd, about->size, trailer, sizeof trailer);
    return error ? error : dir_trailer_read(trailer, about) ? 0 : EBADMSG;
}

int dir_open_file(int root, const char *path, dir_about *about)
{
    /* Whatever else lies there must neither lead elsewhere nor hold this thread. */
    int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        errno = errno == ELOOP || errno == ENXIO ? EBADMSG : errno;
        return -1;
    }
    int error = read_about(fd, about);
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int dir_open_object(int root, const char *key, dir_about *about)
{
    char path[DIR_PATH];
    dir_path(key, path);
    return dir_open_file(root, path, about);
}

/* The folder of a removed object, on the disk; and those that are empty now. */
static int tidy(int root, char *path)
{
    for (char *at = strrchr(path, '/'); at; at = strrchr(path, '/')) {
        *at = '\0';
        if (unlinkat(root, path, AT_REMOVEDIR) == 0)
            continue;
        int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        /* Another remover was quicker, and syncs what is above. */
        if (fd < 0)
            continue;
        int error = fsync(fd) != 0 ? errno : 0;
        close(fd);
        return error;
    }
    return fsync(root) != 0 ? errno : 0;
}

int dir_remove(int root, const char *key)
{
    char path[DIR_PATH];
    dir_path(key, path);
    int error = unlinkat(root, path, 0) != 0 ? errno : tidy(root, path);
    return error == ENOENT || error == ENOTDIR ? 0 : error;
}

int dir_copy(int root, int from, int64_t size, const char *to, const tl_object_options *options)
{
    char bytes[COPY_SIZE];
    dir_draft draft;
    int error = dir_draft_begin(root, &draft);
    for (int64_t at = 0; !error && at < size;) {
        size_t count = size - at < COPY_SIZE ? (size_t)(size - at) : COPY_SIZE;
        error = dir_read(from, at, bytes, count);
        if (!error)
            error = dir_draft_write(&draft, bytes, count);
        at += (int64_t)count;
    }
    if (!error)
        error = dir_draft_finish(root, &draft, to, options);
    dir_draft_drop(root, &draft);
    return error;
}

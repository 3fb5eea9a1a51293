/*
 * Copying files into memory that nobody can change.
 */
#include "core/process/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { LARGEST_PLUGIN = 1 << 30 };

/* Newer kernels want to be told that the memory holds code; older ones do not know the flag. */
static int make_memory(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static bool copy_bytes(int to, int from, size_t size)
{
    while (size > 0) {
        char block[65536];
        ssize_t count = read(from, block, size < sizeof block ? size : sizeof block);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        size -= (size_t)count;
        for (char *at = block; count > 0;) {
            ssize_t written = write(to, at, (size_t)count);
            if (written <= 0)
                return false;
            at += written;
            count -= written;
        }
    }
    return true;
}

/* Takes the print of the copy; says whether it may be loaded from memory. */
static bool look_at(copy *one, int fd, size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    unsigned char digest[crypto_generichash_BYTES_MIN];
    crypto_generichash(digest, sizeof digest, bytes, size, NULL, 0);
    sodium_bin2hex(one->print, sizeof one->print, digest, sizeof digest);
    bool bound_to_place = memmem(bytes, size, "$ORIGIN", 7) || memmem(bytes, size, "${ORIGIN}", 9);
    munmap(bytes, size);
    return !bound_to_place;
}

static void copy_file(copy *one, const char *path)
{
    /* Whoever puts a FIFO there must not stop the master. */
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (from < 0)
        return;
    int to = -1;
    if (fstat(from, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0 || about.st_size > LARGEST_PLUGIN)
        goto done;
    char name[80];
    snprintf(name, sizeof name, "%s.so", one->name);
    to = make_memory(name);
    size_t size = (size_t)about.st_size;
    if (to < 0 || !copy_bytes(to, from, size) || !look_at(one, to, size))
        goto done;
    if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) {
        one->fd = to;
        to = -1;
    }

done:
    if (to >= 0)
        close(to);
    close(from);
}

void copies_make(copies *all, config *c, const settings *s)
{
    *all = (copies){0};
    size_t count = 0;
    while (config_plugin_name(c, count))
        count++;
    all->items = calloc(count + 1, sizeof *all->items);
    if (!all->items)
        abort();
    /* What is wrong with `enabled` is told by the workers too, as the problem that it is. */
    problems *ignored = problems_new();
    for (size_t i = 0; i < count; i++) {
        const char *name = config_plugin_name(c, i);
        if (!config_plugin_enabled(c, name, ignored))
            continue;
        copy *one = &all->items[all->count++];
        one->fd = -1;
        snprintf(one->name, sizeof one->name, "%s", name);
        copy_file(one, config_plugin_path(c, name, s));
    }
    problems_free(ignored);
}

void copies_close(copies *all)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].fd >= 0)
            close(all->items[i].fd);
    free(all->items);
    *all = (copies){0};
}

const char *copies_print(const copies *all, const char *plugin)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].name, plugin) == 0)
            return all->items[i].print;
    return "";
}

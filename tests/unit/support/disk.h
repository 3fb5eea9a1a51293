/*
 * What the program asks of the disk, in order: files and folders that are synced, and names that are given. For one
 * test program each, whose calls all come by here.
 */
#ifndef TESTS_UNIT_SUPPORT_DISK_H
#define TESTS_UNIT_SUPPORT_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char disk_notes[2048]; /* "sync NAME of BYTES\n", "sync FOLDER/\n", "rename OLD to NEW\n" */
static bool disk_fails_files, disk_fails_folders;
static bool disk_knows_no_flags; /* of renameat2, as some file systems */

static inline void disk_forget(void)
{
    disk_notes[0] = '\0';
    disk_fails_files = disk_fails_folders = disk_knows_no_flags = false;
}

static inline const char *disk_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static inline void disk_note_rename(const char *old, const char *new)
{
    size_t used = strlen(disk_notes);
    snprintf(disk_notes + used, sizeof disk_notes - used, "rename %s to %s\n", disk_name(old), disk_name(new));
}

int fsync(int fd)
{
    char link[64], path[PATH_MAX] = "";
    struct stat about;
    size_t used = strlen(disk_notes), left = sizeof disk_notes - used;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0 || fstat(fd, &about) != 0)
        return -1;
    bool is_folder = S_ISDIR(about.st_mode);
    if (is_folder)
        snprintf(disk_notes + used, left, "sync %s/\n", disk_name(path));
    else
        snprintf(disk_notes + used, left, "sync %s of %d\n", disk_name(path), (int)about.st_size);
    if (is_folder ? disk_fails_folders : disk_fails_files) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    if (flags != 0 && disk_knows_no_flags) {
        errno = EINVAL;
        return -1;
    }
    disk_note_rename(old, new);
    return (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return renameat2(from, old, to, new, 0);
}

int rename(const char *old, const char *new)
{
    return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

#endif

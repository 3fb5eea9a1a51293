/*
 * The pid file.
 */
#include "core/process/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/process/privileges.h"

static void path_of(const settings *s, char *path, size_t size)
{
    snprintf(path, size, "%s/talelio.pid", s->run_dir);
}

static pid_t read_pid(int fd)
{
    char text[32] = "";
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    return length > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Who only asks holds a shared lock for a moment: that must not keep a server from starting. */
static bool lock(int fd)
{
    for (int attempt = 0; attempt < 5; attempt++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        usleep(20000);
    }
    return false;
}

int pidfile_take(const settings *s, problems *found)
{
    char path[PATH_MAX];
    path_of(s, path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        problems_add(found, NULL, 0, "[server] run_dir: cannot write %s: %s", path, strerror(errno));
        return -1;
    }
    if (!lock(fd)) {
        problems_add(found, NULL, 0,
                     "a server runs already (pid %d, %s): stop it with `talelio stop`, or set another "
                     "[server] run_dir",
                     (int)read_pid(fd), path);
        close(fd);
        return -1;
    }
    if (!privileges_give(s, fd, found)) {
        close(fd);
        return -1;
    }
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length) {
        problems_add(found, NULL, 0, "[server] run_dir: cannot write %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

pid_t pidfile_owner(const settings *s)
{
    char path[PATH_MAX];
    path_of(s, path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    /* A shared lock: several who ask at once do not take each other for a master. */
    pid_t owner = 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        owner = read_pid(fd);
    close(fd);
    return owner;
}

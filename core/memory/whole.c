#include "core/memory/whole.h"

#include <errno.h>
#include <unistd.h>

bool read_whole(int fd, void *to, size_t length)
{
    for (char *at = to; length > 0;) {
        ssize_t count = read(fd, at, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        length -= (size_t)count;
    }
    return true;
}

bool write_whole(int fd, const void *from, size_t length)
{
    for (const char *at = from; length > 0;) {
        ssize_t count = write(fd, at, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        length -= (size_t)count;
    }
    return true;
}

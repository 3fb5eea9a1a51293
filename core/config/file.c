/* Reading a text file whole, after looking at what it is: a device, a directory or megabytes of noise are no file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config/parts.h"
#include "core/log/utf8.h"

static int line_of(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static bool is_text(const char *path, const char *text, size_t length, problems *found)
{
    const char *nul = memchr(text, 0, length);
    if (nul) {
        problems_add(found, path, line_of(text, (size_t)(nul - text)), "found a NUL byte: this is not a text file");
        return false;
    }
    for (size_t at = 0; at < length;) {
        size_t step = utf8_sequence(text + at, length - at);
        if (step == 0) {
            problems_add(found, path, line_of(text, at), "found a byte that is not UTF-8: save the file as UTF-8");
            return false;
        }
        at += step;
    }
    return true;
}

static bool read_all(int fd, char *to, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t count = read(fd, to + *length, size - *length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            break;
        *length += (size_t)count;
    }
    return true;
}

char *text_file_read(arena *memory, const char *path, bool is_optional, unsigned *mode, size_t *length, problems *found)
{
    char *text = NULL;
    struct stat info;
    /* O_NONBLOCK: opening a named pipe must not wait for somebody to write to it. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT || !is_optional)
            problems_add(found, path, 0, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    if (fstat(fd, &info) != 0) {
        problems_add(found, path, 0, "cannot be read: %s", strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        problems_add(found, path, 0, "is %s: expected a regular file",
                     S_ISDIR(info.st_mode) ? "a directory" : "a device, socket or pipe");
        goto out;
    }
    /* One byte more than allowed shows that there is more. */
    text = arena_alloc_raw(memory, LARGEST_FILE + 2);
    if (!read_all(fd, text, LARGEST_FILE + 1, length)) {
        problems_add(found, path, 0, "cannot be read: %s", strerror(errno));
        text = NULL;
    } else if (*length > LARGEST_FILE) {
        problems_add(found, path, 0, "is larger than 1 MiB: expected a configuration file");
        text = NULL;
    } else if (!is_text(path, text, *length, found)) {
        text = NULL;
    } else {
        text[*length] = '\0';
        *mode = info.st_mode & 07777;
    }
out:
    close(fd);
    return text;
}

/*
 * The `file` driver: a message becomes a file in a folder, complete or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mail/transport.h"
#include "core/memory/whole.h"

static const char *store(int folder, const char *name, const char *text, size_t length)
{
    char temporary[80];
    snprintf(temporary, sizeof(temporary), ".%s.part", name);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return "create the file";
    const char *failed = NULL;
    int reason = 0;
    if (!write_whole(fd, text, length) || fsync(fd) != 0) {
        failed = "write the file";
        reason = errno;
    }
    if (close(fd) != 0 && !failed) {
        failed = "close the file";
        reason = errno;
    }
    if (!failed && renameat(folder, temporary, folder, name) != 0) {
        failed = "rename the file";
        reason = errno;
    }
    if (failed) {
        unlinkat(folder, temporary, 0);
        errno = reason;
        return failed;
    }
    return fsync(folder) == 0 ? NULL : "sync the folder";
}

void mail_send_file(mail_delivery *d)
{
    const char *path = d->settings->mail_folder;
    const char *failed = NULL;
    d->outcome = MAIL_FAILED;
    size_t length = 0;
    int folder = -1;
    char *text = mail_message_text(&d->message, &length);
    if (!text) {
        snprintf(d->error, sizeof(d->error), "out of memory");
        return;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        failed = "make [mail] folder";
    else if ((folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        failed = "open [mail] folder";
    if (!failed) {
        char name[64], stamp[24];
        time_t seconds = (time_t)(d->message.created / 1000000);
        struct tm t;
        gmtime_r(&seconds, &t);
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &t);
        snprintf(name, sizeof(name), "%s-%lld.eml", stamp, (long long)d->message.id);
        failed = store(folder, name, text, length);
    }
    if (failed)
        snprintf(d->error, sizeof(d->error), "cannot %s: %s", failed, strerror(errno));
    else
        d->outcome = MAIL_SENT;
    if (folder >= 0)
        close(folder);
    free(text);
}

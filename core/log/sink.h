/*
 * Where the log's bytes go: a file that is appended to, or stderr. Never blocks, whatever stderr is connected to.
 */
#ifndef CORE_LOG_SINK_H
#define CORE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum sink_kind { SINK_FILE, SINK_STREAM, SINK_SOCKET } sink_kind;

typedef struct sink {
    int fd;
    sink_kind kind;
    bool may_block; /* the descriptor is shared with others, who want it blocking */
} sink;

/* `path` "" is stderr. False, with errno, when the file cannot be opened. */
bool sink_open(sink *s, const char *path);
void sink_close(sink *s);

/* Writes what goes without waiting, whole lines where the kernel allows it. The bytes written, or -1 with errno. */
ssize_t sink_write(const sink *s, const char *bytes, size_t length);

#endif

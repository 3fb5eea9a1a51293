/*
 * How far something is, for whoever watches: a line that is rewritten on a terminal, now and then a line elsewhere.
 */
#ifndef PLUGINS_BACKUP_PROGRESS_H
#define PLUGINS_BACKUP_PROGRESS_H

#include <talelio/talelio.h>

typedef enum progress_kind {
    PROGRESS_NONE,
    PROGRESS_LOG,  /* for jobs */
    PROGRESS_SHOWN /* for commands, on standard error */
} progress_kind;

typedef struct progress {
    progress_kind kind;
    const char *what;
    int64_t done, total; /* bytes; total 0: not known */
    int64_t told_at, since;
    bool is_line_open;
} progress;

/* A new step: "dumping". */
void progress_begin(tl_request *req, progress *p, const char *what, int64_t total);
void progress_add(tl_request *req, progress *p, int64_t bytes);
/* Shows that something still goes on where no bytes are counted. */
void progress_tick(tl_request *req, progress *p);
/* Ends a line that is being rewritten. */
void progress_end(progress *p);

/* "1.4 GiB"; lives as long as the request. */
const char *size_text(tl_request *req, int64_t bytes);

#endif

/* The task that a job or a command is: its reason to fail, and waiting. */
#include <stdio.h>
#include <string.h>

#include "plugins/backup/backup.h"

enum { PAUSE_MOST = 20, POOL_PAUSE = 50, REST_MOST = 60000 };

void task_init(task *t, tl_request *req, progress_kind kind)
{
    *t = (task){.req = req, .progress = {.kind = kind}};
}

static void remember(task *t, const char *format, va_list args)
{
    if (*t->error)
        return;
    vsnprintf(t->error, sizeof t->error, format, args);
    /* What other programs say may have lines. */
    for (char *at = t->error; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
}

int task_fail(task *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    remember(t, format, args);
    va_end(args);
    return TL_ERROR;
}

int task_refuse(task *t, const char *name, const char *why)
{
    t->is_refused = true;
    return task_fail(t, "backup %s is refused: %s", name, why);
}

static const char *reason(int error)
{
    switch (error) {
    case TL_CANCELLED:
        return "interrupted: the server stops or was reloaded";
    case TL_UNAVAILABLE:
        return "the storage cannot be used now (away, overloaded or full; the log says more)";
    case TL_DENIED:
        return "the storage refuses it: rights are missing, or the secret is wrong";
    case TL_NOT_FOUND:
        return "the storage has no such object";
    default:
        return "the storage has failed (the log says more)";
    }
}

int task_fail_call(task *t, int error, const char *format, ...)
{
    char what[300];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    task_fail(t, "%s: %s", what, reason(error));
    return error;
}

int task_blocking(task *t, void (*run)(void *arg), void *arg)
{
    int result;

    while ((result = tl_blocking(t->req, run, arg)) == TL_UNAVAILABLE)
        if (tl_sleep(t->req, POOL_PAUSE) != TL_OK)
            return TL_CANCELLED;
    if (result != TL_OK)
        task_fail(t, "%s", reason(TL_CANCELLED));
    return result;
}

static int sleep_for(task *t, int milliseconds)
{
    int result = tl_sleep(t->req, milliseconds);

    if (result != TL_OK)
        task_fail(t, "%s", reason(TL_CANCELLED));
    return result;
}

int task_pause(task *t, int *pause)
{
    *pause = *pause == 0 ? 1 : *pause * 2 < PAUSE_MOST ? *pause * 2 : PAUSE_MOST;
    progress_tick(t->req, &t->progress);
    return sleep_for(t, *pause);
}

int task_rest(task *t, int64_t since)
{
    int64_t load = backup_options.load;
    int64_t pause = (tl_now() - since) * (100 - load) / load / 1000;

    if (t->progress.kind != PROGRESS_LOG || pause <= 0)
        return TL_OK;
    return sleep_for(t, (int)(pause < REST_MOST ? pause : REST_MOST));
}

const backup_key *backup_current_key(void)
{
    return backup_options.ring.count > 0 ? &backup_options.ring.keys[0] : NULL;
}

/* Progress: to standard error of a command, or to the log of a job. */
#include "plugins/backup/progress.h"

#include <stdio.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)

static void write_size(char *text, size_t size, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", NULL};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(text, size, "%d B", (int)bytes);
        return;
    }
    while (value >= 1024 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, size, "%.1f %s", value, units[unit]);
}

const char *size_text(tl_request *req, int64_t bytes)
{
    char text[32];

    write_size(text, sizeof text, bytes);
    return tl_copy(req, text);
}

/* Without memory of the request: a long task says this many thousand times. */
static void describe(const progress *p, char *text, size_t size)
{
    char done[32], total[32];
    long long seconds = (long long)((tl_now() - p->since) / SECOND);

    write_size(done, sizeof done, p->done);
    write_size(total, sizeof total, p->total);
    if (p->done == 0)
        snprintf(text, size, "%s%s", p->what, seconds > 0 ? " …" : "");
    else if (p->done < p->total)
        snprintf(text, size, "%s: %s of %s, %d %%, %lld s", p->what, done, total,
                 (int)(100 * (double)p->done / (double)p->total), seconds);
    else
        snprintf(text, size, "%s: %s, %lld s", p->what, done, seconds);
}

static void tell(tl_request *req, progress *p)
{
    char text[200];

    describe(p, text, sizeof text);
    p->told_at = tl_now();
    if (p->kind == PROGRESS_LOG) {
        tl_log(req, TL_INFO, "%s", text);
    } else if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K%s", text);
        p->is_line_open = true;
    } else {
        fprintf(stderr, "%s\n", text);
    }
}

/* The clock on the wall may be set back. */
static bool is_due(const progress *p)
{
    int64_t pause = p->kind == PROGRESS_LOG ? 60 * SECOND : isatty(STDERR_FILENO) ? SECOND / 2 : 10 * SECOND;
    int64_t passed = tl_now() - p->told_at;

    return passed < 0 || passed >= pause;
}

void progress_begin(tl_request *req, progress *p, const char *what, int64_t total)
{
    progress_end(p);
    p->what = what;
    p->total = total;
    p->done = 0;
    p->since = p->told_at = tl_now();
    if (p->kind == PROGRESS_SHOWN)
        tell(req, p);
}

void progress_add(tl_request *req, progress *p, int64_t bytes)
{
    p->done += bytes;
    progress_tick(req, p);
}

void progress_tick(tl_request *req, progress *p)
{
    if (p->kind != PROGRESS_NONE && p->what && is_due(p))
        tell(req, p);
}

void progress_end(progress *p)
{
    if (p->is_line_open)
        fputs("\r\033[K", stderr);
    p->is_line_open = false;
}

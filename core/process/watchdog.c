/*
 * Who dies is started again, and who hangs is told of and ended. A worker writes the time into the scoreboard twice a
 * second; one that does not is asked, by a signal, what it is doing.
 */
#include <signal.h>
#include <stdio.h>

#include "core/process/generation.h"

enum {
    FREE_STARTS = 2,      /* deaths after which it is started again at once */
    PAUSE_LEAST = 100,    /* milliseconds; then before a start, doubling to … */
    PAUSE_MOST = 250,     /* as it has served, and would for others what it cannot for one route */
    PAUSE_USELESS = 5000, /* who never got as far as serving */
    LOOP_DEATHS = 6,
    HEALTHY_AGE = 10000, /* who has lived this long is well again */
    SILENCE = 3000,      /* without a turn of the loop, before it is told */
    LAST_WORDS = 2000,   /* for its crash handler */
};

/* What has been done about a silent worker. */
enum { STALL_NONE, STALL_ASKED, STALL_TOLD, STALL_ABORTED, STALL_KILLED };

bool child_is_looping(const child *c, int64_t now)
{
    return c->deaths >= LOOP_DEATHS && !(c->pid > 0 && c->ready && now - c->started >= HEALTHY_AGE);
}

void child_start_again(child *c)
{
    int64_t now = process_now();
    if (now - c->started >= HEALTHY_AGE)
        c->deaths = 0;
    c->deaths++;
    int64_t pause = 0;
    if (c->deaths > FREE_STARTS) {
        int64_t most = c->has_served ? PAUSE_MOST : PAUSE_USELESS;
        pause = PAUSE_LEAST;
        for (int i = FREE_STARTS + 1; i < c->deaths && pause < most; i++)
            pause *= 2;
        pause = pause < most ? pause : most;
    }
    child_look(c, now);
    child_arm(c, pause);
}

/* A debugger has stopped it: that is no fault. */
static bool is_stopped(pid_t pid)
{
    char path[32];
    char state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    /* The name in parentheses is this program's own, without blanks. */
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    fclose(file);
    return state == 'T' || state == 't';
}

static void tell(const child *c, int64_t silence, const char *what)
{
    char where[512];
    scoreboard_slot *slot = &c->generation->board[c->slot];
    board_describe_report(&slot->asked, where, sizeof where);
    logger_write(c->generation->log, TL_LOG_ERROR, NULL, NULL,
                 "%s (pid %d) has not turned its loop for %lld seconds%s%s", c->name, (int)c->pid,
                 (long long)(silence / 1000), where, what);
}

static void look_for_stall(child *c, int64_t now)
{
    scoreboard_slot *slot = &c->generation->board[c->slot];
    int64_t silence = now - slot->beat;
    int64_t limit = c->generation->settings.watchdog;
    if (silence < SILENCE || is_stopped(c->pid)) {
        c->stall = STALL_NONE;
        return;
    }
    if (c->stall == STALL_NONE) {
        slot->asked.filled = false;
        kill(c->pid, SIGUSR2);
        c->stall = STALL_ASKED;
    } else if (c->stall == STALL_ASKED) {
        tell(c, silence, "");
        c->stall = STALL_TOLD;
    } else if (c->stall == STALL_TOLD && limit > 0 && silence >= limit) {
        tell(c, silence, ": it is ended ([server] watchdog)");
        kill(c->pid, SIGABRT);
        c->stall = STALL_ABORTED;
    } else if (c->stall == STALL_ABORTED && silence >= limit + LAST_WORDS) {
        kill(c->pid, SIGKILL);
        c->stall = STALL_KILLED;
    }
}

void child_look(child *c, int64_t now)
{
    bool looping = child_is_looping(c, now);
    if (looping && !c->looping)
        logger_write(c->generation->log, TL_LOG_ERROR, NULL, NULL,
                     "%s dies again and again (%d times): the lines above say where; readiness fails until one of it "
                     "has lived for %d seconds",
                     c->name, c->deaths, HEALTHY_AGE / 1000);
    c->looping = looping;
    c->generation->board[c->slot].looping = looping;
    if (!looping && c->pid > 0 && now - c->started >= HEALTHY_AGE)
        c->deaths = 0;
    if (c->pid > 0 && c->ready && c->generation->board[c->slot].beat > 0)
        look_for_stall(c, now);
}

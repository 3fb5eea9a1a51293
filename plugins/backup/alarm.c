/* Alarms. The ways do not depend on each other: the mail needs the database, which may be what is broken. */
#include "plugins/backup/alarm.h"

#include <string.h>

#include "plugins/backup/child.h"

#define DAY (INT64_C(24) * 60 * 60 * 1000000)

static void send_mail(tl_request *req, const char *subject, const char *text)
{
    if (*backup_options.alarm_mail && tl_mail(req, backup_options.alarm_mail, subject, text) != TL_OK)
        tl_log(req, TL_LOG_ERROR, "the alarm cannot be mailed to %s", backup_options.alarm_mail);
}

static void run_command(tl_request *req, const char *text)
{
    const tl_list *words = &backup_options.alarm_command;
    task t;
    child *c;

    if (words->count == 0)
        return;
    const char **arguments = tl_alloc(req, (words->count + 1) * sizeof *arguments);
    for (size_t i = 0; i < words->count; i++)
        arguments[i] = words->items[i];
    child_plan plan = {.program = arguments[0], .arguments = arguments, .is_fed = true, .output = CHILD_DROPPED};
    task_init(&t, req, PROGRESS_NONE);
    if (child_begin(&t, &plan, &c) == TL_OK && child_feed(&t, c, text, strlen(text)) == TL_OK &&
        child_end(&t, c) == TL_OK)
        return;
    tl_log(req, TL_LOG_ERROR, "the alarm's command has failed: %s", t.error);
}

void alarm_raise(tl_request *req, const char *subject, const char *text)
{
    tl_log(req, TL_LOG_ERROR, "%s: %s", subject, text);
    run_command(req, text);
    send_mail(req, subject, text);
}

/* True for the first who asks in a day. Without Redis each process counts for itself: rather twice than never. */
static bool is_first(tl_request *req, const char *what)
{
    static int64_t last;
    const char *key = tl_redis_key(req, "backup_alarm", what);
    tl_redis_value *answer = tl_redis(req, "SET", key, "1", "NX", "EX", "86400");

    if (answer)
        return !tl_redis_is_nil(answer);
    int64_t now = tl_now();
    if (last != 0 && now - last < DAY)
        return false;
    last = now;
    return true;
}

void alarm_raise_daily(tl_request *req, const char *what, const char *subject, const char *text)
{
    if (is_first(req, what))
        alarm_raise(req, subject, text);
}

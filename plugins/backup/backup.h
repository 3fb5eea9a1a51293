/*
 * What the files of this plugin share: its options, and the task that a job or a command is.
 */
#ifndef PLUGINS_BACKUP_BACKUP_H
#define PLUGINS_BACKUP_BACKUP_H

#include <talelio/talelio.h>

#include "plugins/backup/keys.h"
#include "plugins/backup/progress.h"
#include "plugins/backup/retention.h"

/* The section [plugin:backup]. Durations in milliseconds. */
struct backup_options {
    const char *store_name, *prefix;
    const char *database_url, *drill_url;
    const char *key, *old_keys;
    const char *schedule, *drill_schedule, *watch_schedule, *zone;
    const char *programs;
    int64_t compression, load;
    retention_rules keep;
    int64_t max_age;
    const char *alarm_mail;
    tl_list alarm_command;
    /* Made of the above by init. */
    tl_store *store;
    keyring ring;
};
extern struct backup_options backup_options;

/* One backup, verification, drill … of a job or a command. */
typedef struct task {
    tl_request *req;
    progress progress;
    char error[800]; /* why it failed, in a line for people; never a secret */
    bool is_refused; /* it failed because the backup is not what it should be, not because of anything around it */
} task;

void task_init(task *t, tl_request *req, progress_kind kind);

/* Remembers why the task fails, unless an earlier reason is known already. Returns TL_ERROR. */
TL_PRINTF(2, 3) int task_fail(task *t, const char *format, ...);

/* The same for what is wrong with the backup of this name itself. */
int task_refuse(task *t, const char *name, const char *why);

/* The same for a call of the host that returned `error`; returns it. */
TL_PRINTF(3, 4) int task_fail_call(task *t, int error, const char *format, ...);

/* tl_blocking, again when the pool is full. TL_OK or TL_CANCELLED. */
int task_blocking(task *t, void (*run)(void *arg), void *arg);

/* Sleeps, a little longer each time, up to 20 ms; `*pause` starts as 0. TL_OK, or TL_CANCELLED with the reason set. */
int task_pause(task *t, int *pause);

/*
 * After some work that began at `since` (tl_now): sleeps so long that a scheduled task works only [plugin:backup] load
 * percent of its time, but a minute at most. Not where somebody waits for a command. TL_OK, or TL_CANCELLED with the
 * reason set.
 */
int task_rest(task *t, int64_t since);

/* The key of new backups, or NULL. */
const backup_key *backup_current_key(void);

#endif

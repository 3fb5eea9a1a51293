/*
 * backup: every night a dump of the database in a store, read back and now and then restored, so that the site's owner
 * knows that it can be.
 */
#include <sodium.h>
#include <string.h>

#include "plugins/backup/backup.h"
#include "plugins/backup/command.h"
#include "plugins/backup/conninfo.h"
#include "plugins/backup/jobs.h"
#include "plugins/backup/programs.h"

#define HOUR (INT64_C(60) * 60 * 1000)
#define DAY (24 * HOUR)

struct backup_options backup_options;

static int check_address(const char *option, const char *url)
{
    conninfo a;

    if (!*url)
        return TL_OK;
    const char *problem = conninfo_read(&a, url);
    conninfo_free(&a);
    return problem ? tl_refuse("'%s': %s", option, problem) : TL_OK;
}

static int add_keys(const char *option, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *problem = keyring_add(&backup_options.ring, text, length);
        if (problem)
            return tl_refuse("'%s': %s", option, problem);
        text += length + (text[length] == ',');
    }
    return TL_OK;
}

static int read_keys(void)
{
    if (!*backup_options.key && *backup_options.old_keys)
        return tl_refuse("'old_keys' are set without a 'key'");
    if (strchr(backup_options.key, ','))
        return tl_refuse("'key': expected one; earlier ones belong into 'old_keys'");
    return add_keys("key", backup_options.key) == TL_OK ? add_keys("old_keys", backup_options.old_keys) : TL_ERROR;
}

static bool is_prefix(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/";
    size_t length = strlen(text);

    return length > 0 && length <= 200 && strspn(text, allowed) == length && text[0] != '/' &&
           text[length - 1] != '/' && !strstr(text, "//");
}

static int init(void)
{
    if (sodium_init() < 0)
        return tl_refuse("libsodium cannot start: no source of random numbers");
    backup_options.store = tl_store_named(backup_options.store_name);
    if (!backup_options.store)
        return tl_refuse("'store = %s': there is no section [store:%s]", backup_options.store_name,
                         backup_options.store_name);
    if (!is_prefix(backup_options.prefix))
        return tl_refuse("'prefix': expected letters, digits, '-', '_' and single '/' inside");
    if (backup_options.keep.daily + backup_options.keep.weekly + backup_options.keep.monthly == 0)
        return tl_refuse("'keep_daily', 'keep_weekly' and 'keep_monthly' are all 0: nothing would be kept");
    if (check_address("database_url", backup_options.database_url) != TL_OK ||
        check_address("drill_url", backup_options.drill_url) != TL_OK)
        return TL_ERROR;
    return read_keys();
}

/* A pg_dump that is too old would otherwise be noticed at three in the morning. */
static int start(tl_request *req)
{
    task t;
    program dump;

    if (!*backup_options.schedule)
        return TL_OK;
    if (!*backup_options.database_url)
        return tl_refuse("'database_url' is empty: it says what to back up");
    tl_rows *version = tl_query(req, "SELECT current_setting('server_version_num')::int / 10000 AS major");
    task_init(&t, req, PROGRESS_NONE);
    /* Where the database is away, only whether there is a pg_dump can be told; each run looks again. */
    int major = version && tl_row_count(version) == 1 ? (int)tl_row_int(version, 0, "major") : 0;
    if (program_find(&t, "pg_dump", major, &dump) != TL_OK || program_find(&t, "pg_restore", major, &dump) != TL_OK)
        return tl_refuse("%s", t.error);
    return TL_OK;
}

#define OPTION(type, field, ...) TL_OPTION_##type, &backup_options.field, __VA_ARGS__

static const tl_option options[] = {
    {"store", OPTION(STRING, store_name, "backup"), .help = "The store of backups: [store:NAME]"},
    {"prefix", OPTION(STRING, prefix, "backup"), .help = "What their keys begin with; nothing else is touched"},
    {"database_url", OPTION(SECRET, database_url, ""),
     .help = "What to back up, by a direct connection that may read everything: usually ${DATABASE_URL}"},
    {"schedule", OPTION(STRING, schedule, "0 3 * * *"), .help = "When: minute hour day month weekday; empty: never"},
    {"zone", OPTION(STRING, zone, "Europe/Berlin"), .help = "Time zone of the schedules"},
    {"key", OPTION(SECRET, key, ""),
     .help = "Encrypts backups: openssl rand -base64 32; keep a copy elsewhere; empty: not encrypted"},
    {"old_keys", OPTION(SECRET, old_keys, ""), .help = "Earlier keys, with commas: backups made with them are read"},
    {"compression", OPTION(INT, compression, "6", 0, 9), .help = "Of pg_dump: 0 none, 9 most"},
    {"load", OPTION(INT, load, "5", 1, 100),
     .help = "Percent of its time that a scheduled backup or drill works; the rest is left to visitors"},
    {"keep_daily", OPTION(INT, keep.daily, "7", 0, 10000), .help = "How many days keep their newest backup"},
    {"keep_weekly", OPTION(INT, keep.weekly, "4", 0, 10000), .help = "How many weeks"},
    {"keep_monthly", OPTION(INT, keep.monthly, "12", 0, 10000), .help = "How many months"},
    {"drill_schedule", OPTION(STRING, drill_schedule, "0 5 * * 0"),
     .help = "When the newest backup is restored for a test; empty: never"},
    {"drill_url", OPTION(SECRET, drill_url, ""),
     .help = "A server for that, where databases may be made; empty: that of database_url"},
    {"watch_schedule", OPTION(STRING, watch_schedule, "*/5 * * * *"),
     .help = "When the age of the newest verified backup is looked at"},
    {"max_age", OPTION(DURATION, max_age, "26h", HOUR / 60, 365 * DAY),
     .help = "An older newest verified backup is an alarm"},
    {"alarm_mail", OPTION(STRING, alarm_mail, ""), .help = "Who gets a mail about what fails; empty: nobody"},
    {"alarm_command", OPTION(LIST, alarm_command, ""),
     .help = "Program and arguments, with commas, that get the message on standard input"},
    {"programs", OPTION(STRING, programs, ""),
     .help = "Folder of pg_dump and pg_restore; empty: those that fit the server's version"},
    {0},
};

static const tl_job jobs[] = {
    {"backup", &backup_options.schedule, &backup_options.zone, job_backup,
     "Back up the database and verify the backup"},
    {"drill", &backup_options.drill_schedule, &backup_options.zone, job_drill, "Restore the newest backup for a test"},
    {"watch", &backup_options.watch_schedule, &backup_options.zone, job_watch,
     "Look how old the newest verified backup is"},
    {0},
};

static const tl_metric metrics[] = {
    {"verified_age_seconds", TL_GAUGE, "Age of the newest verified backup"},
    {"verified_timestamp_seconds", TL_GAUGE, "When the newest verified backup was made"},
    {"size_bytes", TL_GAUGE, "Size of the newest verified backup"},
    {"duration_seconds", TL_GAUGE, "How long making it took"},
    {"drill_timestamp_seconds", TL_GAUGE, "When a backup was last restored for a test"},
    {"backups_total", TL_COUNTER, "Backups made on schedule"},
    {"backup_failures_total", TL_COUNTER, "Scheduled backups that failed"},
    {"verifications_total", TL_COUNTER, "Backups that were read back and found whole"},
    {"verification_failures_total", TL_COUNTER, "Backups that could not be verified"},
    {"drills_total", TL_COUNTER, "Restore drills that succeeded"},
    {"drill_failures_total", TL_COUNTER, "Restore drills that failed"},
    {0},
};

static const tl_service provides[] = {
    {TL_BACKUP_V1, &backup_service},
    {0},
};

static const tl_command commands[] = {
    {"backup", "now|list|show|verify|drill|prune|fetch|decrypt … [--json]", "Make, check and fetch backups",
     backup_command, .offline = true},
    {"restore", "NAME|latest --to DATABASE [--replace]", "Restore a backup into a database", restore_command,
     .offline = true},
    {0},
};

TL_PLUGIN(.name = "backup", .version = "1.0.0", .summary = "Nightly backups that are known to be restorable",
          .options = options, .provides = provides, .commands = commands, .jobs = jobs, .metrics = metrics,
          .init = init, .start = start);

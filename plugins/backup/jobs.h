/*
 * What runs on a schedule, and what others are told about the state of the backups.
 */
#ifndef PLUGINS_BACKUP_JOBS_H
#define PLUGINS_BACKUP_JOBS_H

#include <talelio/backup_v1.h>

#include "plugins/backup/backup.h"

/* Makes a backup, verifies it, deletes old ones. */
int job_backup(tl_request *req);
/* Restores the newest verified backup for a test. */
int job_drill(tl_request *req);
/* Looks how old the newest verified backup is: metrics, and an alarm when it is too old. */
int job_watch(tl_request *req);

extern const tl_backup_v1 backup_service;

#endif

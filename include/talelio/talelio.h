/*
 * All of the plugin interface. A plugin includes this and links nothing of talelio's.
 *
 *   plugin.h  what a plugin is: routes, options, services, commands
 *   http.h    reading a request and answering it          json.h   JSON values
 *   db.h      PostgreSQL                                  redis.h  Redis
 *   mail.h    mail with retries                           task.h   memory, sleeping, blocking work, time
 *   log.h     the log                                     health.h what the server depends on
 *   objects.h object storage on S3 or in a folder         metrics.h metrics for Prometheus
 *   auth_v1.h the service that tells who asks             backup_v1.h whether the site could be restored
 *   media_v1.h the service that takes images over
 */
#ifndef TALELIO_TALELIO_H
#define TALELIO_TALELIO_H

#include "auth_v1.h"
#include "backup_v1.h"
#include "base.h"
#include "db.h"
#include "health.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "mail.h"
#include "media_v1.h"
#include "metrics.h"
#include "objects.h"
#include "plugin.h"
#include "redis.h"
#include "task.h"

#endif

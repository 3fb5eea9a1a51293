/*
 * Telling somebody: a mail, and a command for whatever else there is.
 */
#ifndef PLUGINS_BACKUP_ALARM_H
#define PLUGINS_BACKUP_ALARM_H

#include <talelio/talelio.h>

/* Tells `text` by every way that is configured; what fails is logged. May wait. */
void alarm_raise(tl_request *req, const char *subject, const char *text);

/* The same, at most once a day for the same `what`, however many servers notice it. */
void alarm_raise_daily(tl_request *req, const char *what, const char *subject, const char *text);

#endif

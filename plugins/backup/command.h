/*
 * The commands `talelio backup …` and `talelio restore …`, and how they print.
 */
#ifndef PLUGINS_BACKUP_COMMAND_H
#define PLUGINS_BACKUP_COMMAND_H

#include "plugins/backup/catalog.h"
#include "plugins/backup/prune.h"
#include "plugins/backup/restore.h"

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_MISUSED = 2 };

int backup_command(tl_request *req, int argc, char **argv);
int restore_command(tl_request *req, int argc, char **argv);

/* print.c: a table for people or JSON for machines, on standard output. */
tl_json *entry_json(tl_request *req, const entry *e);
void print_json(tl_request *req, const tl_json *json);
void print_list(tl_request *req, const catalog *c);
void print_entry(tl_request *req, const entry *e);
void print_pruned(const prune_list *list, bool is_dry);
tl_json *pruned_json(tl_request *req, const prune_list *list, bool is_dry);

#endif

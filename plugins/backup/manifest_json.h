/*
 * Manifests and verdicts as JSON, sealed and checked.
 */
#ifndef PLUGINS_BACKUP_MANIFEST_JSON_H
#define PLUGINS_BACKUP_MANIFEST_JSON_H

#include <talelio/talelio.h>

#include "plugins/backup/manifest.h"

/* Without the seal, for people. */
tl_json *manifest_json(tl_request *req, const manifest *m);
tl_json *verdict_json(tl_request *req, const verdict *v);

/* The file; `key` is the current one, or NULL. */
const char *manifest_write(tl_request *req, const manifest *m, const backup_key *key, size_t *length);
const char *verdict_write(tl_request *req, const verdict *v, const backup_key *key, size_t *length);

/*
 * Reads the file of the backup `name`. NULL with `*problem` unless it is sound and sealed: with one of the keys, or,
 * when the ring is empty, without any.
 */
const manifest *manifest_read(tl_request *req, const keyring *ring, const char *name, const void *bytes, size_t length,
                              const char **problem);
const verdict *verdict_read(tl_request *req, const keyring *ring, const manifest *of, const void *bytes, size_t length,
                            const char **problem);

#endif

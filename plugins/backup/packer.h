/*
 * What pg_dump writes, made ready to be stored: collected, encrypted when there is a key, hashed and counted.
 */
#ifndef PLUGINS_BACKUP_PACKER_H
#define PLUGINS_BACKUP_PACKER_H

#include <talelio/talelio.h>

#include "plugins/backup/keys.h"

typedef struct packer packer;

/* Lives as long as the request. `key` NULL: nothing is encrypted. */
packer *packer_new(tl_request *req, const backup_key *key);

/* Where the next bytes go, and how many fit. */
void *packer_room(packer *p);
size_t packer_free(const packer *p);

/* Tells that `length` bytes are there now. True when it is time for packer_pack: it is full, or this is the end. */
bool packer_take(packer *p, size_t length, bool is_end);

/* Packs what is there; for tl_blocking. The result is what is to be stored next. */
void packer_pack(void *arg);
const void *packer_bytes(const packer *p);
size_t packer_length(const packer *p);

/* After the end: the bytes stored, the bytes taken, and the SHA-256 of what was stored. */
void packer_finish(packer *p, int64_t *size, int64_t *plain_size, const char **hash_text);

uint32_t packer_random(void);

#endif

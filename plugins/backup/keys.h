/*
 * The keys of backups. From each secret of the configuration come a key for dumps, one for manifests, and an id that
 * may be seen by anybody and says which secret is needed. Calls nothing of the host.
 */
#ifndef PLUGINS_BACKUP_KEYS_H
#define PLUGINS_BACKUP_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum { KEY_BYTES = 32, KEY_ID = 8, KEY_ID_TEXT = 2 * KEY_ID + 1, KEYS_MOST = 32 };

typedef struct backup_key {
    unsigned char id[KEY_ID];
    char id_text[KEY_ID_TEXT];
    unsigned char dump[KEY_BYTES];
    unsigned char manifest[KEY_BYTES];
} backup_key;

typedef struct keyring {
    backup_key keys[KEYS_MOST]; /* the first one is for new backups */
    size_t count;
} keyring;

/* Adds a secret: base64 of 32 bytes. NULL, or what is wrong with it. */
const char *keyring_add(keyring *ring, const char *base64, size_t length);

/* The key of this id, as text or as bytes; NULL when there is none. */
const backup_key *keyring_find(const keyring *ring, const char *id_text);
const backup_key *keyring_find_id(const keyring *ring, const unsigned char id[KEY_ID]);

#endif

/* One secret, three keys: what is used for two purposes is used for neither safely. */
#include "plugins/backup/keys.h"

#include <sodium.h>
#include <string.h>

enum { FOR_DUMPS = 1, FOR_MANIFESTS = 2, FOR_ID = 3 };

static void derive(unsigned char *out, size_t length, uint64_t purpose, const unsigned char *secret)
{
    crypto_kdf_derive_from_key(out, length, purpose, "tlbackup", secret);
}

const char *keyring_add(keyring *ring, const char *base64, size_t length)
{
    unsigned char secret[KEY_BYTES], id[crypto_kdf_BYTES_MIN];
    size_t bytes;

    if (ring->count == KEYS_MOST)
        return "there are too many of them";
    if (sodium_base642bin(secret, sizeof secret, base64, length, " \t\r\n", &bytes, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        bytes != sizeof secret) {
        sodium_memzero(secret, sizeof secret);
        return "expected 32 bytes in base64, from: openssl rand -base64 32";
    }
    backup_key *key = &ring->keys[ring->count];
    derive(key->dump, sizeof key->dump, FOR_DUMPS, secret);
    derive(key->manifest, sizeof key->manifest, FOR_MANIFESTS, secret);
    derive(id, sizeof id, FOR_ID, secret);
    memcpy(key->id, id, sizeof key->id);
    sodium_bin2hex(key->id_text, sizeof key->id_text, key->id, sizeof key->id);
    sodium_memzero(secret, sizeof secret);
    ring->count++;
    return NULL;
}

const backup_key *keyring_find_id(const keyring *ring, const unsigned char id[KEY_ID])
{
    for (size_t i = 0; i < ring->count; i++)
        if (memcmp(ring->keys[i].id, id, KEY_ID) == 0)
            return &ring->keys[i];
    return NULL;
}

const backup_key *keyring_find(const keyring *ring, const char *id_text)
{
    for (size_t i = 0; i < ring->count; i++)
        if (strcmp(ring->keys[i].id_text, id_text) == 0)
            return &ring->keys[i];
    return NULL;
}

/*
 * The format of an encrypted dump: a header with the id of its key, then chunks of libsodium's secretstream
 * (XChaCha20-Poly1305), the last one marked as such. A chunk that is changed, missing, repeated or out of order is
 * refused, and so is anything behind the last one. Calls nothing of the host.
 *
 *   16 bytes  "talelio backup 1"
 *    8 bytes  id of the key
 *   24 bytes  header of secretstream
 *   chunks    of 131072 bytes and 17 more; the last one may be shorter. The first 24 bytes above are authenticated
 *             with each of them.
 */
#ifndef PLUGINS_BACKUP_STREAM_H
#define PLUGINS_BACKUP_STREAM_H

#include <sodium.h>

#include "plugins/backup/keys.h"

#define STREAM_MAGIC "talelio backup 1"

enum {
    STREAM_MAGIC_BYTES = 16,
    STREAM_LABEL = STREAM_MAGIC_BYTES + KEY_ID,
    STREAM_HEADER = STREAM_LABEL + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    STREAM_CHUNK = 128 * 1024,
    STREAM_SEALED = STREAM_CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES,
};

typedef struct sealer {
    crypto_secretstream_xchacha20poly1305_state state;
    unsigned char label[STREAM_LABEL];
} sealer;

void sealer_begin(sealer *s, const backup_key *key, unsigned char header[STREAM_HEADER]);

/* Encrypts a chunk: STREAM_CHUNK bytes, but for the last one. The length of what is in `out` (STREAM_SEALED at most).
 */
size_t sealer_chunk(sealer *s, const unsigned char *plain, size_t length, bool is_last, unsigned char *out);

typedef enum opened {
    OPENED,
    OPENED_STRANGE,   /* it does not begin like an encrypted dump */
    OPENED_OTHER_KEY, /* made with a key that is not in the ring; its id is in `needs` */
    OPENED_ALTERED,   /* a chunk is not what was written at this place */
    OPENED_SHORT,     /* it ends before its last chunk */
    OPENED_LONG,      /* something follows the last chunk */
} opened;

typedef struct opener {
    const keyring *ring;
    crypto_secretstream_xchacha20poly1305_state state;
    unsigned char held[STREAM_SEALED]; /* bytes that do not make a chunk yet */
    size_t used;
    unsigned char label[STREAM_LABEL];
    bool is_begun, is_ended;
    char needs[KEY_ID_TEXT];
    opened result; /* what went wrong first, and stays */
} opener;

void opener_begin(opener *o, const keyring *ring);

/* Decrypts what has come; `out` needs room for `length` + STREAM_CHUNK bytes. Nothing comes out that is not sound. */
opened opener_feed(opener *o, const unsigned char *bytes, size_t length, unsigned char *out, size_t *out_length);

/* Behind the last byte: is it whole? */
opened opener_end(opener *o, unsigned char *out, size_t *out_length);

/* For people: "it has been altered, …". */
const char *opened_text(opened result);

#endif

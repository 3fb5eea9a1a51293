/* Packing works on pieces of eight chunks, so that the pool is asked eight times a megabyte less often. */
#include "plugins/backup/packer.h"

#include <sodium.h>

#include "plugins/backup/stream.h"
#include "plugins/shared/sha256.h"

enum { CHUNKS = 8, PIECE = CHUNKS * STREAM_CHUNK };

struct packer {
    bool is_encrypting, is_begun, is_end;
    sealer sealer;
    sha256 *hash;
    int64_t size, plain_size;
    size_t used, packed;
    char hash_text[2 * SHA256_BYTES + 1];
    unsigned char plain[PIECE];
    unsigned char stored[STREAM_HEADER + CHUNKS * STREAM_SEALED];
    const backup_key *key;
};

static void release(void *arg)
{
    packer *p = arg;

    sodium_memzero(p->plain, sizeof p->plain);
    sodium_memzero(&p->sealer, sizeof p->sealer);
    sha256_free(p->hash);
}

packer *packer_new(tl_request *req, const backup_key *key)
{
    packer *p = tl_alloc(req, sizeof *p);

    p->key = key;
    p->is_encrypting = key != NULL;
    p->hash = sha256_new();
    tl_defer(req, release, p);
    return p;
}

void *packer_room(packer *p)
{
    return p->plain + p->used;
}

size_t packer_free(const packer *p)
{
    return sizeof p->plain - p->used;
}

bool packer_take(packer *p, size_t length, bool is_end)
{
    p->used += length;
    p->plain_size += (int64_t)length;
    p->is_end = is_end;
    return is_end || p->used == sizeof p->plain;
}

static void encrypt(packer *p)
{
    size_t at = 0;

    if (!p->is_begun) {
        sealer_begin(&p->sealer, p->key, p->stored);
        p->packed = STREAM_HEADER;
        p->is_begun = true;
    }
    /* At the end there is always a last chunk, if need be an empty one. */
    while (at < p->used || p->is_end) {
        size_t length = p->used - at < STREAM_CHUNK ? p->used - at : STREAM_CHUNK;
        bool is_last = p->is_end && at + length == p->used;
        p->packed += sealer_chunk(&p->sealer, p->plain + at, length, is_last, p->stored + p->packed);
        at += length;
        if (is_last)
            break;
    }
}

void packer_pack(void *arg)
{
    packer *p = arg;

    p->packed = 0;
    if (p->is_encrypting)
        encrypt(p);
    else
        p->packed = p->used;
    sha256_add(p->hash, packer_bytes(p), p->packed);
    p->size += (int64_t)p->packed;
    p->used = 0;
}

const void *packer_bytes(const packer *p)
{
    return p->is_encrypting ? p->stored : p->plain;
}

size_t packer_length(const packer *p)
{
    return p->packed;
}

void packer_finish(packer *p, int64_t *size, int64_t *plain_size, const char **hash_text)
{
    unsigned char hash[SHA256_BYTES];

    sha256_end(p->hash, hash);
    sodium_bin2hex(p->hash_text, sizeof p->hash_text, hash, sizeof hash);
    *size = p->size;
    *plain_size = p->plain_size;
    *hash_text = p->hash_text;
}

uint32_t packer_random(void)
{
    return randombytes_random();
}

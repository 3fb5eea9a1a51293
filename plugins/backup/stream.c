/* Encrypting and decrypting dumps, chunk by chunk. */
#include "plugins/backup/stream.h"

#include <string.h>

void sealer_begin(sealer *s, const backup_key *key, unsigned char header[STREAM_HEADER])
{
    memcpy(s->label, STREAM_MAGIC, STREAM_MAGIC_BYTES);
    memcpy(s->label + STREAM_MAGIC_BYTES, key->id, KEY_ID);
    memcpy(header, s->label, STREAM_LABEL);
    crypto_secretstream_xchacha20poly1305_init_push(&s->state, header + STREAM_LABEL, key->dump);
}

size_t sealer_chunk(sealer *s, const unsigned char *plain, size_t length, bool is_last, unsigned char *out)
{
    unsigned char tag =
        is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

    crypto_secretstream_xchacha20poly1305_push(&s->state, out, NULL, plain, length, s->label, sizeof s->label, tag);
    return length + crypto_secretstream_xchacha20poly1305_ABYTES;
}

void opener_begin(opener *o, const keyring *ring)
{
    *o = (opener){.ring = ring};
}

static opened read_header(opener *o)
{
    if (memcmp(o->held, STREAM_MAGIC, STREAM_MAGIC_BYTES) != 0)
        return OPENED_STRANGE;
    memcpy(o->label, o->held, STREAM_LABEL);
    const backup_key *key = keyring_find_id(o->ring, o->label + STREAM_MAGIC_BYTES);
    if (!key) {
        sodium_bin2hex(o->needs, sizeof o->needs, o->label + STREAM_MAGIC_BYTES, KEY_ID);
        return OPENED_OTHER_KEY;
    }
    if (crypto_secretstream_xchacha20poly1305_init_pull(&o->state, o->held + STREAM_LABEL, key->dump) != 0)
        return OPENED_ALTERED;
    o->is_begun = true;
    o->used = 0;
    return OPENED;
}

/* What is held is a chunk: whole, or the last one. */
static opened read_chunk(opener *o, unsigned char *out, size_t *out_length)
{
    unsigned char tag;
    unsigned long long length;

    if (o->is_ended)
        return OPENED_LONG;
    if (o->used < crypto_secretstream_xchacha20poly1305_ABYTES ||
        crypto_secretstream_xchacha20poly1305_pull(&o->state, out, &length, &tag, o->held, o->used, o->label,
                                                   sizeof o->label) != 0)
        return OPENED_ALTERED;
    o->is_ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    o->used = 0;
    *out_length += (size_t)length;
    return OPENED;
}

opened opener_feed(opener *o, const unsigned char *bytes, size_t length, unsigned char *out, size_t *out_length)
{
    *out_length = 0;
    while (length > 0 && o->result == OPENED) {
        size_t wanted = o->is_begun ? (size_t)STREAM_SEALED : (size_t)STREAM_HEADER;
        size_t count = wanted - o->used < length ? wanted - o->used : length;
        memcpy(o->held + o->used, bytes, count);
        o->used += count;
        bytes += count;
        length -= count;
        if (o->is_ended)
            o->result = OPENED_LONG;
        else if (o->used == wanted)
            o->result = o->is_begun ? read_chunk(o, out + *out_length, out_length) : read_header(o);
    }
    return o->result;
}

opened opener_end(opener *o, unsigned char *out, size_t *out_length)
{
    *out_length = 0;
    if (o->result != OPENED || o->is_ended)
        return o->result;
    if (!o->is_begun) {
        bool fits = memcmp(o->held, STREAM_MAGIC, o->used < STREAM_MAGIC_BYTES ? o->used : STREAM_MAGIC_BYTES) == 0;
        o->result = fits ? OPENED_SHORT : OPENED_STRANGE;
    } else if (o->used == 0) {
        o->result = OPENED_SHORT;
    } else {
        /* A last chunk that lacks its tail cannot be told from one that was changed. */
        o->result = read_chunk(o, out, out_length);
        if (o->result == OPENED && !o->is_ended)
            o->result = OPENED_SHORT;
        else if (o->result == OPENED_ALTERED)
            o->result = OPENED_SHORT;
        if (o->result != OPENED)
            *out_length = 0;
    }
    return o->result;
}

const char *opened_text(opened result)
{
    switch (result) {
    case OPENED:
        return "it is whole";
    case OPENED_STRANGE:
        return "it is not an encrypted backup of this server";
    case OPENED_OTHER_KEY:
        return "it was made with another key";
    case OPENED_ALTERED:
        return "it has been altered: a part is not what was written at its place";
    case OPENED_SHORT:
        return "its end is missing or altered";
    case OPENED_LONG:
        return "something was appended to it";
    }
    return "it cannot be read";
}

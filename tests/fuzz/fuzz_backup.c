/*
 * What lies in a store: encrypted dumps in pieces, and names. The first byte says which, and how large the pieces are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backup/name.h"
#include "plugins/backup/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static void check_name(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), again[BACKUP_NAME];
    int64_t seconds;

    memcpy(text, data, size);
    text[size] = '\0';
    if (name_read(text, &seconds)) {
        name_make(seconds, (uint32_t)strtoul(text + 17, NULL, 16), again);
        if (strcmp(text, again) != 0)
            abort();
    }
    free(text);
}

/* Nobody without the key can make a chunk, so that nothing may come out of what a fuzzer makes up. */
static void check_stream(const uint8_t *data, size_t size, size_t piece)
{
    keyring *ring = calloc(1, sizeof *ring);
    opener *o = malloc(sizeof *o);
    unsigned char *out = malloc(piece + STREAM_CHUNK);
    size_t count;

    keyring_add(ring, secret, strlen(secret));
    opener_begin(o, ring);
    for (size_t at = 0; at < size; at += piece) {
        opener_feed(o, data + at, size - at < piece ? size - at : piece, out, &count);
        if (count > 0)
            abort();
    }
    if (opener_end(o, out, &count) == OPENED || count > 0)
        abort();
    free(out);
    free(o);
    free(ring);
}

/* The input as the contents of a dump: it comes back, and with a byte changed it does not. */
static void check_round(const uint8_t *data, size_t size, size_t piece)
{
    keyring *ring = calloc(1, sizeof *ring);
    opener *o = malloc(sizeof *o);
    unsigned char *sealed = malloc(STREAM_HEADER + size + 100), *out = malloc(size + 100 + STREAM_CHUNK);
    sealer s;
    size_t count = 0, plain = 0;

    keyring_add(ring, secret, strlen(secret));
    sealer_begin(&s, &ring->keys[0], sealed);
    size_t length = STREAM_HEADER + sealer_chunk(&s, data, size, true, sealed + STREAM_HEADER);
    opener_begin(o, ring);
    for (size_t at = 0; at < length; at += piece) {
        opener_feed(o, sealed + at, length - at < piece ? length - at : piece, out + plain, &count);
        plain += count;
    }
    if (opener_end(o, out + plain, &count) != OPENED || plain + count != size ||
        (size > 0 && memcmp(out, data, size) != 0))
        abort();
    sealed[(size * 7) % length] ^= 1;
    opener_begin(o, ring);
    opener_feed(o, sealed, length, out, &count);
    if (opener_end(o, out, &count) == OPENED)
        abort();
    free(out);
    free(sealed);
    free(o);
    free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > STREAM_CHUNK)
        return 0;
    size_t piece = (size_t)(data[0] / 3) * 16 + 1;
    switch (data[0] % 3) {
    case 0:
        check_name(data + 1, size - 1);
        break;
    case 1:
        check_stream(data + 1, size - 1, piece);
        break;
    default:
        check_round(data + 1, size - 1, piece);
    }
    return 0;
}

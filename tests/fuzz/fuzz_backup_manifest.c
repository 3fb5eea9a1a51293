/*
 * Manifests and verdicts from a store that others may write to. An even first byte: the rest is a file, which nobody
 * without the key can have sealed. An odd one: a sound file, at a place of the input's choice overwritten with the
 * rest; if it is still taken, it says the same.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin/plugin.h"
#include "core/request/request.h"
#include "plugins/backup/manifest_json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const tl_host *tl_the_host;
tl_module *tl_self;

static keyring ring;

static const char name[] = "20261122T030000Z-1a2b3c4d";
static table_sum tables[] = {{"public.articles", 12, "-34"}, {"public.\"odd \"\"x\"\"\"", 0, "0"}};
static schema_version schema[] = {{"talelio", 6}};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    unsigned char key[32];
    char text[sodium_base64_ENCODED_LEN(sizeof key, sodium_base64_VARIANT_ORIGINAL)];

    (void)argc;
    (void)argv;
    if (sodium_init() < 0)
        abort();
    tl_the_host = host_table();
    randombytes_buf(key, sizeof key);
    sodium_bin2base64(text, sizeof text, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    keyring_add(&ring, text, strlen(text));
    return ring.count == 1 ? 0 : -1;
}

static manifest sample(void)
{
    return (manifest){.name = name,
                      .started = 1795316400123456,
                      .milliseconds = 1500,
                      .size = 1000,
                      .plain_size = 900,
                      .sha256 = "ab",
                      .key_id = ring.keys[0].id_text,
                      .server = "15.20",
                      .program = "15.20 (Debian)",
                      .encoding = "UTF8",
                      .collate = "C.UTF-8",
                      .ctype = "C.UTF-8",
                      .schema = schema,
                      .schema_count = 1,
                      .tables = {tables, 2}};
}

static void check_any(tl_request *req, const uint8_t *data, size_t size)
{
    static const keyring none;
    manifest of = sample();
    const char *problem = NULL;

    if (manifest_read(req, &ring, name, data, size, &problem) || !problem)
        abort();
    if (verdict_read(req, &ring, &of, data, size, &problem) || !problem)
        abort();
    /* Without a key the seal is a plain hash, which anybody may make. */
    if (!manifest_read(req, &none, name, data, size, &problem) && !problem)
        abort();
}

static void check_altered(tl_request *req, const uint8_t *data, size_t size)
{
    manifest m = sample();
    size_t length, at;
    const char *problem = NULL;
    char before[SEAL_TEXT], after[SEAL_TEXT];
    char *text = arena_copy_bytes(req->arena, manifest_write(req, &m, &ring.keys[0], &length), length);

    if (size < 2)
        return;
    at = (data[0] << 8 | data[1]) % length;
    memcpy(text + at, data + 2, size - 2 < length - at ? size - 2 : length - at);
    const manifest *again = manifest_read(req, &ring, name, text, length, &problem);
    if (!again)
        return;
    manifest_seal(&m, &ring.keys[0], before);
    manifest_seal(again, &ring.keys[0], after);
    if (strcmp(before, after) != 0 || again->size != m.size || strcmp(again->name, m.name) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_request req = {.arena = arena_new(NULL)};

    if (size > 0 && data[0] % 2 == 0)
        check_any(&req, data + 1, size - 1);
    else if (size > 0)
        check_altered(&req, data + 1, size - 1);
    arena_free(req.arena);
    return 0;
}

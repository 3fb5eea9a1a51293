/*
 * Keys as paths: a key that passes has a path within the folder, and reading the path's names gives the key again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/objects/dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *key)
{
    char path[DIR_PATH], part[DIR_PIECE + 2], again[LONGEST_KEY + DIR_PIECE + 2] = "";
    dir_path(key, path);
    if (path[0] == '/' || strlen(path) >= DIR_PATH - 1)
        abort();
    for (char *rest = NULL, *name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        dir_kind kind = dir_unescape(name, part);
        if (strlen(name) > 255 || kind == DIR_NOTHING || (kind == DIR_OBJECT) != (*rest == '\0'))
            abort();
        strcat(again, part);
    }
    if (strcmp(again, key) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char part[DIR_PIECE + 2];
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (!key_problem(text))
        check(text);
    if (dir_unescape(text, part) != DIR_NOTHING && strlen(part) > DIR_PIECE + 1)
        abort();
    free(text);
    return 0;
}

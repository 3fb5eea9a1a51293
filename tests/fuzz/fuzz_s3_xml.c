/*
 * What a storage answers in XML, and times. Nothing is read beyond its limits, and what is taken keeps its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/objects/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena *a = arena_new(NULL);
    /* Exactly as long as it is: a byte read behind it is found. */
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, data, size);
    const s3_answer *answer = s3_xml_read(a, exact, size);
    if (answer && (!*answer->root || answer->count > 1000))
        abort();
    for (size_t i = 0; answer && i < answer->count; i++)
        if (!*answer->items[i].key || answer->items[i].size < 0)
            abort();
    s3_xml_time(text);
    if (strpbrk(s3_xml_escape(a, text), "<>\""))
        abort();
    free(exact);
    free(text);
    arena_free(a);
    return 0;
}

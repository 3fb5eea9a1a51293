/* Comparing what tables held with what they hold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/backup/manifest.h"

int64_t tables_rows(const table_list *tables)
{
    int64_t rows = 0;

    for (size_t i = 0; i < tables->count; i++)
        rows += tables->items[i].rows;
    return rows;
}

/* Both lists are in order of their names, so one walk over both finds the first difference. */
const char *tables_differ(const table_list *wanted, const table_list *found, char *text, size_t size)
{
    static const table_sum after_all = {.name = NULL};

    for (size_t i = 0; i < wanted->count || i < found->count; i++) {
        const table_sum *a = i < wanted->count ? &wanted->items[i] : &after_all;
        const table_sum *b = i < found->count ? &found->items[i] : &after_all;
        int order = !a->name ? 1 : !b->name ? -1 : strcmp(a->name, b->name);
        if (order < 0) {
            snprintf(text, size, "table %s is missing", a->name);
            return text;
        }
        if (order > 0) {
            snprintf(text, size, "table %s was not in the backup", b->name);
            return text;
        }
        if (a->rows != b->rows) {
            snprintf(text, size, "table %s has %" PRId64 " rows, expected %" PRId64, a->name, b->rows, a->rows);
            return text;
        }
        if (strcmp(a->sum, b->sum) != 0) {
            snprintf(text, size, "table %s has other contents than when it was dumped", a->name);
            return text;
        }
    }
    return NULL;
}

/*
 * Pages of a list: their numbers and the Link header (RFC 8288). Pure; nothing in it overflows.
 */
#ifndef PLUGINS_SHARED_PAGING_H
#define PLUGINS_SHARED_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGING_LIMIT 10
#define PAGING_LIMIT_MAX 100
#define PAGING_LINK_SIZE 1024 /* enough for a path of 128 bytes */

/* A positive decimal number: digits only. One that is too large for an int64_t is INT64_MAX. */
bool paging_number(const char *text, int64_t *number);

/* How many pages there are; an empty list has one. */
int64_t paging_pages(int64_t total, int64_t limit);

/*
 * Writes the header's value for `page` of the list at `path` (at most 128 bytes): next, prev, first, last as they
 * exist. False when the list has just this one page: no header. Past the end, prev is the last page there is.
 */
bool paging_link(char out[PAGING_LINK_SIZE], const char *path, int64_t page, int64_t limit, int64_t total);

#endif

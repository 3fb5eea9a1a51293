/*
 * All bytes or none, through a descriptor that blocks: read and write may do with a part, or be interrupted.
 */
#ifndef CORE_MEMORY_WHOLE_H
#define CORE_MEMORY_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

/* False, with errno, when that fails; also when there are fewer bytes (errno says nothing of that). */
bool read_whole(int fd, void *to, size_t length);
bool write_whole(int fd, const void *from, size_t length);

#endif

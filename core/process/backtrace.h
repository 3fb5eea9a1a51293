/*
 * Where the code of a crashing process was, as "notes.so+0x11a9": file and offset, for addr2line. Functions of plugins
 * are hidden, so their names are in no table that a dying process could read.
 */
#ifndef CORE_PROCESS_BACKTRACE_H
#define CORE_PROCESS_BACKTRACE_H

#include <stddef.h>

/* Once at the start: what the first backtrace loads and allocates. */
void backtrace_prepare(void);

/* Once the plugins are loaded: which file lies where in memory. */
void backtrace_learn(void);

/* Says that the file loaded as `path` is to be called `name`. Before backtrace_learn. */
void backtrace_name(const char *path, const char *name);

/* The callers of whoever was interrupted by a signal, the innermost first. Async-signal-safe after the above. */
void backtrace_write(char *text, size_t size);

#endif

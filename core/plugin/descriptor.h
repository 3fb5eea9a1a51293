/*
 * A plugin's descriptor and tables: checked, and copied into the host's own layout. Knows nothing of files or services.
 */
#ifndef CORE_PLUGIN_DESCRIPTOR_H
#define CORE_PLUGIN_DESCRIPTOR_H

#include <talelio/talelio.h>

#include "core/config/problems.h"
#include "core/memory/arena.h"

/* The keys of [plugin:…] that the host reads itself; ends with NULL. */
extern const char *const plugin_reserved_keys[];

/*
 * `found` is what the plugin's entry returned, laid out as the plugin's own headers say: structs and table entries may
 * be shorter than the host's (an older minor), and what they lack is zero. Returns a descriptor whose tables have the
 * host's sizes and end with a zeroed entry, living as long as `memory`; NULL with every difference in `told`.
 * `section` is the name that the ini file uses.
 */
const tl_plugin *descriptor_adopt(const tl_plugin *found, const char *section, const char *path, arena *memory,
                                  problems *told);

#endif

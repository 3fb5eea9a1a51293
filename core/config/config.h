/*
 * The ini file with its environment: read once, checked as a whole, every problem told with file and line.
 */
#ifndef CORE_CONFIG_CONFIG_H
#define CORE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <talelio/plugin.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

typedef struct config config;
struct arena;

/*
 * Reads `ini` (a path) and, when it exists, `env` (NULL: none); variables of the process' environment win over the
 * file. Syntax problems, over-long lines, repeated keys, unset variables and the like go to `problems`. NULL when
 * nothing could be read at all.
 */
config *config_load(const char *ini, const char *env, problems *found);
void config_free(config *c);

/* The same through a descriptor: the master writes what it has read, and its workers read exactly that. */
bool config_write(const config *c, int fd);
config *config_read(int fd, problems *found);

/* Checks and binds every section of the core. Unknown sections and keys are problems. Relative paths become absolute.
 */
bool config_bind_core(config *c, settings *out, problems *found);

/* Checks and binds one section to a table; `stride` is the size of its entries. Keys listed in `reserved` (NULL-ended)
 * are skipped. */
bool config_bind(config *c, const char *section, const tl_option *options, size_t stride, const char *const *reserved,
                 problems *found);

/* Tells what is wrong with a key that has been bound, with its file and line (its section's when it is a default). */
void config_complain(const config *c, const char *section, const char *key, problems *found, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The sections "[plugin:NAME]" in file order; index from 0; NULL past the end. */
const char *config_plugin_name(const config *c, size_t index);
bool config_plugin_enabled(config *c, const char *plugin, problems *found);
/* The value of `path`, made absolute, or plugin_dir/NAME.so. Lives as long as the config. */
const char *config_plugin_path(config *c, const char *plugin, const settings *s);
/* The value of `migrations`, made absolute, or NULL. */
const char *config_plugin_migrations(config *c, const char *plugin);

/* The text of an ini file with `enabled` of a plugin set, and nothing else changed; a section that is missing is added
 * at the end. NULL when there is nothing to turn off. */
const char *config_switch(struct arena *memory, const char *text, const char *plugin, bool on);

/* Production's own rules that need only the files: nobody else may read a file with secrets in it. */
void config_check_production(const config *c, const settings *s, problems *found);

/* `talelio config`: every bound key with its value and where it comes from, secrets hidden. */
void config_print(const config *c, FILE *out);

const char *config_ini_path(const config *c);

/* The core's own option tables, for the documentation: section by section; NULL past the end. */
typedef struct config_section {
    const char *name;
    const tl_option *options;
} config_section;
const config_section *config_core_sections(settings *target, size_t *count);

#endif

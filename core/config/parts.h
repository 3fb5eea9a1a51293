/*
 * What the files of this folder share: the configuration as it was read, before it is bound to anything. Not for
 * others.
 */
#ifndef CORE_CONFIG_PARTS_H
#define CORE_CONFIG_PARTS_H

#include <sys/queue.h>

#include "core/config/config.h"
#include "core/memory/arena.h"

enum {
    LARGEST_FILE = 1 << 20,
    MOST_ENTRIES = 2000, /* of an ini file, and of an environment file */
    LONGEST_VALUE = 16384,
};

#define PLUGIN_PREFIX "plugin:"
#define STORE_PREFIX "store:"
#define HIDDEN_SECRET "********"

typedef struct variable {
    const char *name;
    const char *value;
    int line;
    STAILQ_ENTRY(variable) next;
} variable;

typedef struct section {
    const char *name;
    int line;
    STAILQ_ENTRY(section) next;
} section;

typedef struct entry {
    const char *section;
    const char *key;
    const char *value; /* with variables filled in */
    const char *from;  /* "AUTH_SECRET from the environment", or NULL when it is all in the file */
    int line;
    bool is_broken; /* its value could not be made, and that has been told already; or its plugin is off */
    STAILQ_ENTRY(entry) next;
} entry;

/* A key of an option table, with the value it got. */
typedef struct bound {
    const char *section;
    const char *key;
    const char *shown;
    const char *source;
    bool is_literal_secret; /* a secret that stands in the ini file itself */
    STAILQ_ENTRY(bound) next;
} bound;

struct config {
    arena *memory;
    const char *ini;    /* as it was named */
    const char *folder; /* of the ini file, absolute */
    const char *env;    /* the environment file, NULL when there is none */
    unsigned ini_mode, env_mode;
    size_t entry_count, variable_count;
    STAILQ_HEAD(, variable) variables;
    STAILQ_HEAD(, section) sections;
    STAILQ_HEAD(, entry) entries;
    STAILQ_HEAD(, bound) bound;
};

config *config_new(void);

/*
 * The whole of a regular file of text, with a NUL behind it; NULL with a problem. A file that is not there is NULL
 * without one when `is_optional`.
 */
char *text_file_read(arena *memory, const char *path, bool is_optional, unsigned *mode, size_t *length,
                     problems *found);

/* The parts of config_load; they work on text in memory. */
void env_parse(config *c, const char *text, size_t length, problems *found);
void ini_read(config *c, const char *text, size_t length, problems *found);
void config_expand(config *c, problems *found);

/* Letters, digits and '_', beginning with a letter or '_'. */
bool is_variable_name(const char *name, size_t length);
/* a-z, 0-9 and '_'. */
bool is_plain_name(const char *name, size_t length);
bool has_control_characters(const char *text, size_t length);

/* Whether it is that of a plugin with `enabled = no`. */
bool section_is_off(const config *c, const char *section_name);

section *section_find(const config *c, const char *name);
entry *entry_find(const config *c, const char *section_name, const char *key);
bound *bound_find(const config *c, const char *section_name, const char *key);

/* "config/talelio.ini:12, PORT from the environment" */
const char *entry_source(const config *c, const entry *e);

/* Relative to the ini file's folder. */
const char *path_resolve(const config *c, const char *path);

/* A value as text, checked against its option. */
typedef struct parsed {
    const char *text;
    int64_t number;
    bool truth;
    tl_list list;
} parsed;

/* NULL when `text` is fine; otherwise what was expected, in words. */
const char *value_parse(arena *memory, const tl_option *option, const char *text, parsed *out);

/* Of the names that `next` gives, the one that `word` was probably meant to be, or NULL. */
const char *nearest_name(const char *word, const char *(*next)(void *arg), void *arg);

/* What spans several keys or has a form of its own. Also sees to it that the database's address is shown without its
 * password. Keys that could not be bound are NULL or 0, and have been complained of. */
bool core_check(config *c, const settings *s, problems *found);

/* Fills in the stores of `out` from all sections [store:NAME]. */
bool stores_bind(config *c, settings *out, problems *found);

#endif

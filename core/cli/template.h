/*
 * The files of plugins/template, compiled in: what `talelio new-plugin` writes.
 */
#ifndef CORE_CLI_TEMPLATE_H
#define CORE_CLI_TEMPLATE_H

/* What they call their plugin, and the folder they take themselves to be in. */
#define TEMPLATE_NAME "sketch"
#define TEMPLATE_PARENT "/opt/"

typedef struct template_file {
    const char *path; /* below the plugin's folder */
    const char *text;
} template_file;

/* Ends with a zeroed entry. Made by core/CMakeLists.txt. */
extern const template_file template_files[];

/* The names of talelio's own plugins, and NULL. */
extern const char *const template_taken[];

#endif

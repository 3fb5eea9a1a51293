/*
 * What a generation has to offer: its plugins and their routes, as its first worker tells them, and how that differs
 * from another generation's. Knows nothing of files or processes.
 */
#ifndef CORE_PROCESS_CONTENTS_H
#define CORE_PROCESS_CONTENTS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct contents contents;

contents *contents_new(void);
void contents_free(contents *c);

/* "NAME\tVERSION". `print` says which file it came from: another one is another plugin, whatever its version. Beyond
 * a limit that no site reaches, what is told is forgotten. */
void contents_add_plugin(contents *c, const char *text, const char *print);
/* "METHOD PATH\tPLUGIN" */
void contents_add_route(contents *c, const char *text);

/* [{"name", "version"}, …] */
json_object *contents_plugins(const contents *c);

/* {"added": […], "removed": […], "replaced": […]} of plugins and of routes. */
json_object *contents_plugin_changes(const contents *before, const contents *after);
json_object *contents_route_changes(const contents *before, const contents *after);

/* For people: "plugin notes 1.1 replaces 1.0; 2 routes added". Names as many plugins as fit. */
void contents_describe(json_object *plugins, json_object *routes, char *text, size_t size);

#endif

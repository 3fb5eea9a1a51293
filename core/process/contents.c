/*
 * Two sorted lists, and walking two of them side by side.
 */
#include "core/process/contents.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory/arena.h"

enum { MOST_ITEMS = 20000 };

typedef struct item {
    char *name;   /* of the plugin, or "GET /v1/notes/:id" */
    char *detail; /* its version, or the plugin whose route it is */
    char *print;  /* of the plugin's file, "" for a route */
} item;

typedef struct list {
    item *items;
    size_t count;
    size_t room;
} list;

struct contents {
    arena *memory;
    list plugins;
    list routes;
};

contents *contents_new(void)
{
    contents *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->memory = arena_new(NULL);
    return c;
}

void contents_free(contents *c)
{
    if (!c)
        return;
    free(c->plugins.items);
    free(c->routes.items);
    arena_free(c->memory);
    free(c);
}

/* Keeps the list in order. */
static void add(contents *c, list *l, const char *text, const char *print)
{
    const char *tab = strchr(text, '\t');
    if (!tab || l->count >= MOST_ITEMS)
        return;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 32;
        item *items = realloc(l->items, room * sizeof *items);
        if (!items)
            abort();
        l->items = items;
        l->room = room;
    }
    item new = {
        .name = arena_copy_bytes(c->memory, text, (size_t)(tab - text)),
        .detail = arena_copy(c->memory, tab + 1),
        .print = arena_copy(c->memory, print),
    };
    size_t at = l->count++;
    for (; at > 0 && strcmp(l->items[at - 1].name, new.name) > 0; at--)
        l->items[at] = l->items[at - 1];
    l->items[at] = new;
}

void contents_add_plugin(contents *c, const char *text, const char *print)
{
    add(c, &c->plugins, text, print);
}

void contents_add_route(contents *c, const char *text)
{
    add(c, &c->routes, text, "");
}

static json_object *show(const item *i, const char *detail)
{
    json_object *shown = json_object_new_object();
    json_object_object_add(shown, "name", json_object_new_string(i->name));
    json_object_object_add(shown, detail, json_object_new_string(i->detail));
    return shown;
}

json_object *contents_plugins(const contents *c)
{
    json_object *all = json_object_new_array();
    for (size_t i = 0; i < c->plugins.count; i++)
        json_object_array_add(all, show(&c->plugins.items[i], "version"));
    return all;
}

static bool is_other(const item *a, const item *b)
{
    return strcmp(a->detail, b->detail) != 0 || strcmp(a->print, b->print) != 0;
}

static json_object *changes(const list *before, const list *after, const char *detail)
{
    json_object *added = json_object_new_array();
    json_object *removed = json_object_new_array();
    json_object *replaced = json_object_new_array();
    size_t b = 0;
    size_t a = 0;
    while (b < before->count || a < after->count) {
        const item *was = b < before->count ? &before->items[b] : NULL;
        const item *is = a < after->count ? &after->items[a] : NULL;
        int order = was && is ? strcmp(was->name, is->name) : 0;
        if (was && (!is || order < 0)) {
            json_object_array_add(removed, show(was, detail));
            b++;
        } else if (is && (!was || order > 0)) {
            json_object_array_add(added, show(is, detail));
            a++;
        } else {
            if (was && is && is_other(was, is)) {
                json_object *shown = show(is, detail);
                json_object_object_add(shown, "before", json_object_new_string(was->detail));
                json_object_array_add(replaced, shown);
            }
            a++;
            b++;
        }
    }
    json_object *all = json_object_new_object();
    json_object_object_add(all, "added", added);
    json_object_object_add(all, "removed", removed);
    json_object_object_add(all, "replaced", replaced);
    return all;
}

json_object *contents_plugin_changes(const contents *before, const contents *after)
{
    return changes(&before->plugins, &after->plugins, "version");
}

json_object *contents_route_changes(const contents *before, const contents *after)
{
    return changes(&before->routes, &after->routes, "plugin");
}

typedef struct writer {
    char *text;
    size_t size;
    size_t length;
} writer;

__attribute__((format(printf, 2, 3))) static void write_part(writer *w, const char *format, ...)
{
    if (w->length > 0 && w->length + 2 < w->size)
        w->length += (size_t)snprintf(w->text + w->length, w->size - w->length, "; ");
    va_list args;
    va_start(args, format);
    int length = vsnprintf(w->text + w->length, w->size - w->length, format, args);
    va_end(args);
    if (length > 0)
        w->length += (size_t)length < w->size - w->length ? (size_t)length : w->size - w->length - 1;
}

static const char *text_of(json_object *object, const char *key)
{
    return json_object_get_string(json_object_object_get(object, key));
}

static void write_plugins(writer *w, json_object *changed, const char *how)
{
    json_object *all = json_object_object_get(changed, how);
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *one = json_object_array_get_idx(all, i);
        const char *before = text_of(one, "before");
        if (before && strcmp(before, text_of(one, "version")) != 0)
            write_part(w, "plugin %s %s replaces %s", text_of(one, "name"), text_of(one, "version"), before);
        else
            write_part(w, "plugin %s %s %s", text_of(one, "name"), text_of(one, "version"), how);
    }
}

static void write_routes(writer *w, json_object *changed, const char *how)
{
    size_t count = json_object_array_length(json_object_object_get(changed, how));
    if (count > 0)
        write_part(w, "%zu route%s %s", count, count == 1 ? "" : "s", how);
}

void contents_describe(json_object *plugins, json_object *routes, char *text, size_t size)
{
    static const char *const ways[] = {"added", "removed", "replaced"};
    writer w = {.text = text, .size = size};
    text[0] = '\0';
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        write_plugins(&w, plugins, ways[i]);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        write_routes(&w, routes, ways[i]);
    if (w.length == 0)
        write_part(&w, "the same plugins and routes");
}

/*
 * The router: a tree of path segments, built once at load. Static segments are tried before parameters. Checking what
 * plugins ask for is in router_check.c.
 */
#include "core/http/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/http/router_private.h"

static void *checked(void *made)
{
    if (made)
        return made;
    fputs("talelio: out of memory\n", stderr);
    abort();
}

router *router_new(void)
{
    return checked(calloc(1, sizeof(router)));
}

static void node_clear(node *n)
{
    for (size_t i = 0; i < n->child_count; i++) {
        node_clear(n->children[i]);
        free(n->children[i]);
    }
    if (n->parameter) {
        node_clear(n->parameter);
        free(n->parameter);
    }
    for (int method = 0; method <= ROUTE_METHODS; method++) {
        if (n->routes[method])
            free((char *)n->routes[method]->path);
        free(n->routes[method]);
    }
    free(n->children);
    free(n->name);
}

void router_free(router *r)
{
    if (!r)
        return;
    node_clear(&r->root);
    free(r->secrets);
    free(r);
}

static node *static_child(const node *n, const char *name, size_t length)
{
    for (size_t i = 0; i < n->child_count; i++) {
        node *child = n->children[i];
        if (child->name_length == length && memcmp(child->name, name, length) == 0)
            return child;
    }
    return NULL;
}

static node *add_child(node *n, const char *name, size_t length)
{
    if (name[0] == ':') {
        if (!n->parameter)
            n->parameter = checked(calloc(1, sizeof(node)));
        return n->parameter;
    }
    node *child = static_child(n, name, length);
    if (child)
        return child;
    child = checked(calloc(1, sizeof *child));
    child->name = checked(strndup(name, length));
    child->name_length = length;
    n->children = checked(realloc(n->children, (n->child_count + 1) * sizeof(void *)));
    n->children[n->child_count++] = child;
    return child;
}

void router_add(router *r, const route *what, problems *found)
{
    if (!route_is_sound(what, found))
        return;
    node *at = &r->root;
    const char *segment = what->path + 1;
    while (*segment) {
        size_t length = strcspn(segment, "/");
        at = add_child(at, segment, length);
        segment += length;
        if (*segment)
            segment++;
    }
    const route *other = at->routes[what->method];
    if (other) {
        route_clash(what, other, found);
        return;
    }
    route *copy = checked(malloc(sizeof *copy));
    *copy = *what;
    copy->path = checked(strdup(what->path));
    at->routes[what->method] = copy;
    if (copy->secret) {
        r->secrets = checked(realloc(r->secrets, (r->secret_count + 1) * sizeof(void *)));
        r->secrets[r->secret_count++] = copy;
    }
}

const char *router_secret(const router *r, const char *target, size_t *at)
{
    for (size_t i = 0; i < r->secret_count; i++) {
        const char *path = r->secrets[i]->path;
        size_t fixed = strcspn(path, ":");
        for (const char *p = target; (p = strchr(p, '/')); p++) {
            if (strncasecmp(p, path, fixed) != 0 || (!path[fixed] && p[fixed] != '?'))
                continue;
            *at = (size_t)(p - target) + fixed;
            return path + fixed;
        }
    }
    return NULL;
}

typedef struct search {
    const path_segments *path;
    tl_method method; /* 0: any, to collect what is allowed */
    route_match *out;
} search;

/* True when the route is found. Every node on the way ends in `parameters`, and leaves it when its branch fails. */
static bool find(const search *s, const node *at, size_t depth)
{
    route_match *out = s->out;
    if (depth == s->path->count) {
        for (int method = 1; method <= ROUTE_METHODS; method++) {
            if (at->routes[method])
                out->allow |= 1u << method;
        }
        out->route = at->routes[s->method];
        return out->route != NULL;
    }
    const char *text = s->path->item[depth].text;
    const node *child = static_child(at, text, s->path->item[depth].length);
    if (child && find(s, child, depth + 1))
        return true;
    if (!at->parameter || out->parameter_count == ROUTE_PARAMETERS)
        return false;
    out->parameters[out->parameter_count++] = depth;
    if (find(s, at->parameter, depth + 1))
        return true;
    out->parameter_count--;
    return false;
}

void router_find(const router *r, const path_segments *path, tl_method method, route_match *out)
{
    out->route = NULL;
    out->allow = 0;
    out->parameter_count = 0;
    find(&(search){path, method, out}, &r->root, 0);
}

unsigned router_methods(const router *r, const path_segments *path)
{
    route_match match;
    router_find(r, path, 0, &match);
    return match.allow;
}

const char *router_allow_text(unsigned allow, char *text)
{
    static const char *const names[] = {[TL_GET] = "GET, HEAD, ",
                                        [TL_POST] = "POST, ",
                                        [TL_PUT] = "PUT, ",
                                        [TL_PATCH] = "PATCH, ",
                                        [TL_DELETE] = "DELETE, "};
    size_t length = 0;
    for (int method = 1; method <= ROUTE_METHODS; method++) {
        if (allow & 1u << method)
            length += (size_t)snprintf(text + length, ALLOW_SIZE - length, "%s", names[method]);
    }
    snprintf(text + length, ALLOW_SIZE - length, "OPTIONS");
    return text;
}

static size_t collect(const node *n, const route **list, size_t count)
{
    for (int method = 1; method <= ROUTE_METHODS; method++) {
        if (n->routes[method]) {
            if (list)
                list[count] = n->routes[method];
            count++;
        }
    }
    for (size_t i = 0; i < n->child_count; i++)
        count = collect(n->children[i], list, count);
    return n->parameter ? collect(n->parameter, list, count) : count;
}

static int by_path(const void *left, const void *right)
{
    const route *a = *(const route *const *)left, *b = *(const route *const *)right;
    int order = strcmp(a->path, b->path);
    return order != 0 ? order : (int)a->method - (int)b->method;
}

void router_each(const router *r, void (*visit)(const route *what, void *arg), void *arg)
{
    size_t count = collect(&r->root, NULL, 0);
    if (count == 0)
        return;
    const route **list = checked(calloc(count, sizeof(void *)));
    collect(&r->root, list, 0);
    qsort(list, count, sizeof(void *), by_path);
    for (size_t i = 0; i < count; i++)
        visit(list[i], arg);
    free(list);
}

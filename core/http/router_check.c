/*
 * What a plugin may ask of the router, and what it is told when it asks for something else.
 */
#include <string.h>

#include "core/http/router_private.h"
#include "core/plugin/plugin.h"

static const char *const method_names[] = {
    [TL_GET] = "GET", [TL_POST] = "POST", [TL_PUT] = "PUT", [TL_PATCH] = "PATCH", [TL_DELETE] = "DELETE"};

static const char *plugin_of(const route *what)
{
    return what->module ? what->module->name : "(core)";
}

void route_clash(const route *one, const route *other, problems *found)
{
    problems_add(found, NULL, 0, "plugin %s: route %s %s matches the same requests as %s %s of plugin %s",
                 plugin_of(one), method_names[one->method], one->path, method_names[other->method], other->path,
                 plugin_of(other));
}

static bool wrong(const route *what, problems *found, const char *expected)
{
    const char *method =
        what->method >= TL_GET && what->method <= TL_DELETE ? method_names[what->method] : "(no method)";
    problems_add(found, NULL, 0, "plugin %s: route %s %s: %s", plugin_of(what), method,
                 what->path ? what->path : "(no path)", expected);
    return false;
}

static bool consists_of(const char *text, size_t length, const char *allowed)
{
    return length > 0 && strspn(text, allowed) >= length;
}

/* True when a parameter of that name stands in front of `at`. */
static bool is_repeated(const char *path, const char *at, size_t length)
{
    for (const char *p = strchr(path, ':'); p && p < at; p = strchr(p + 1, ':')) {
        if (strncmp(p, at, length) == 0 && (p[length] == '/' || p[length] == '\0'))
            return true;
    }
    return false;
}

bool route_is_sound(const route *what, problems *found)
{
    if (what->method < TL_GET || what->method > TL_DELETE)
        return wrong(what, found, "expected one of the methods of tl_method");
    if (!what->handler)
        return wrong(what, found, "expected a handler");
    if (!what->path || what->path[0] != '/')
        return wrong(what, found, "expected a path that starts with '/'");
    size_t segments = 0, parameters = 0;
    for (const char *at = what->path + 1; what->path[1] && at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t length = strcspn(at, "/");
        if (++segments > PATH_SEGMENTS)
            return wrong(what, found, "expected fewer segments");
        if (at[0] != ':') {
            if (!consists_of(at, length, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"))
                return wrong(what, found, "expected segments of letters, digits, '-', '.', '_' and '~'");
            continue;
        }
        if (!consists_of(at + 1, length - 1, "abcdefghijklmnopqrstuvwxyz_"))
            return wrong(what, found, "expected parameter names of a-z and '_'");
        if (++parameters > ROUTE_PARAMETERS)
            return wrong(what, found, "expected fewer parameters");
        if (is_repeated(what->path, at, length))
            return wrong(what, found, "expected every parameter name once");
    }
    return true;
}

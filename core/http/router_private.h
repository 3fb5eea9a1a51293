/*
 * Shared by router.c and router_check.c only.
 */
#ifndef CORE_HTTP_ROUTER_PRIVATE_H
#define CORE_HTTP_ROUTER_PRIVATE_H

#include "core/http/router.h"

typedef struct node {
    char *name; /* of a static segment */
    size_t name_length;
    struct node **children;
    size_t child_count;
    struct node *parameter;
    route *routes[ROUTE_METHODS + 1]; /* by method; [0] stays NULL */
} node;

struct router {
    node root;
    const route **secrets; /* those whose targets hold one */
    size_t secret_count;
};

/* Checks one route by itself; tells what is wrong, naming the plugin. */
bool route_is_sound(const route *what, problems *found);
void route_clash(const route *one, const route *other, problems *found);

#endif

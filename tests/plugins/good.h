/* The service of the plugin "good", for tests. */
#ifndef TESTS_PLUGINS_GOOD_H
#define TESTS_PLUGINS_GOOD_H

#include <stdio.h>
#include <talelio/talelio.h>

typedef struct good_state {
    const char *greeting;
    int64_t limit;
    int64_t limit_at_init;
    const void *extra;
    int inits, starts, stops;
} good_state;

typedef struct good_v1 {
    size_t struct_size;
    good_state *(*state)(void);
} good_v1;

#endif

/*
 * Lists of hosts, as libpq takes them: commas between hosts, their numeric addresses, and ports.
 */
#ifndef CORE_DB_ADDRESS_H
#define CORE_DB_ADDRESS_H

#include <stdbool.h>

enum { PLACES_MAX = 32, PLACE_HOST = 256, PLACE_ADDRESS = 64, PLACE_PORT = 8 };

typedef struct place {
    char host[PLACE_HOST];       /* a name, an address, a folder of unix sockets, or "" */
    char address[PLACE_ADDRESS]; /* numeric, or "": libpq goes by `host` */
    char port[PLACE_PORT];       /* "": libpq's default */
} place;

typedef struct places {
    place items[PLACES_MAX];
    int count;
} places;

typedef struct places_text {
    char hosts[PLACES_MAX * PLACE_HOST];
    char addresses[PLACES_MAX * PLACE_ADDRESS];
    char ports[PLACES_MAX * PLACE_PORT];
} places_text;

typedef struct lookup_error {
    char text[PLACE_HOST + 128];
} lookup_error;

/* The three may be NULL; without hosts and addresses the list is empty. False when they are not well-formed. */
bool places_parse(places *p, const char *hosts, const char *addresses, const char *ports);

/* True when some host must be looked up. */
bool places_have_names(const places *p);

/* Replaces names by their addresses, one place each, and leaves out what cannot be resolved; says why in `error`.
 * Blocks. */
void places_resolve(places *p, lookup_error *error);

/* The list beginning with number `first`. */
void places_write(const places *p, int first, places_text *out);

/* The number of the place that libpq names so; the last one when there is none. */
int places_find(const places *p, const char *host, const char *address, const char *port);

#endif

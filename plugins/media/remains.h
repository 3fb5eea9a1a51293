/*
 * What interrupted uploads have left: rows that never became ready, and perhaps their objects.
 */
#ifndef PLUGINS_MEDIA_REMAINS_H
#define PLUGINS_MEDIA_REMAINS_H

#include <talelio/talelio.h>

/* No upload lasts that long: rows and objects of uploads under way are younger. */
#define REMAINS_AGE "1 hour"
#define REMAINS_AGE_MICROSECONDS (INT64_C(3600) * 1000000)

typedef struct remains {
    bool repair;                                 /* takes them away */
    void (*tell)(const char *key, bool removed); /* of each; may be NULL */
    int64_t found, removed;
    int64_t after; /* the last row seen */
} remains;

/* Looks at all of them. TL_OK, also when some could not be taken away; or the error of the database. May wait. */
int remains_walk(tl_request *req, remains *r);

#endif

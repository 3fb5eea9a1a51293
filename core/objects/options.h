/*
 * The checks that the calls of this folder begin with.
 */
#ifndef CORE_OBJECTS_OPTIONS_H
#define CORE_OBJECTS_OPTIONS_H

#include "core/objects/driver.h"

/* False, with what to return, when the request is over or this is no key; the log says so. */
bool objects_may(tl_request *req, tl_store *store, const char *key, int *error);

/* Fills in what is NULL, so that drivers find strings. False (and a line in the log) for what no header may hold. */
bool options_complete(tl_request *req, tl_store *store, const tl_object_options *from, tl_object_options *to);

#endif

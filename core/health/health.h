/*
 * What this server depends on, for readiness: asked through the same pools that requests use. As documented in
 * talelio/health.h.
 */
#ifndef CORE_HEALTH_HEALTH_H
#define CORE_HEALTH_HEALTH_H

#include <talelio/health.h>

size_t health_count(void);
const char *health_name(size_t index); /* NULL past the end */
int health_check(tl_request *req, size_t index);

#endif

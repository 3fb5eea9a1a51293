/*
 * What a user's public fields may hold. Needs nothing of the host.
 */
#ifndef PLUGINS_SHARED_PROFILE_H
#define PLUGINS_SHARED_PROFILE_H

#include <stdbool.h>

#define PROFILE_LOCATION_MAX 100
#define PROFILE_AVATAR_URL_MAX 2000

/*
 * A relative reference, or an absolute http or https URL; no white space, control characters or backslashes. Pages put
 * it into attributes, so no other scheme gets through.
 */
bool profile_is_avatar_url(const char *url);

#endif

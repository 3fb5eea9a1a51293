/*
 * The keys that requests are signed with: from the ini file, the environment, the container's role or the instance's
 * (IMDSv2), in this order. Those of roles are temporary, and renewed before they end.
 */
#ifndef CORE_OBJECTS_CREDENTIALS_H
#define CORE_OBJECTS_CREDENTIALS_H

#include "core/objects/driver.h"
#include "core/objects/sigv4.h"
#include "core/objects/transfer.h"

typedef struct credentials credentials;

/* Looks at the ini file and the environment; asks nobody. NULL: out of memory. */
credentials *credentials_new(tl_store *store, transfers *all);
void credentials_free(credentials *c);

/*
 * Keys that are good now, copied into the arena. May wait: TL_OK, TL_CANCELLED (never with `insist`), or TL_UNAVAILABLE
 * when there are none, and the log says why.
 */
int credentials_get(tl_request *req, credentials *c, arena *a, bool insist, sigv4_keys *keys);

/* The same without waiting; false when they would have to be asked for. */
bool credentials_at_hand(credentials *c, arena *a, sigv4_keys *keys);

/* The storage says that these have ended: true when asking for new ones may help. */
bool credentials_refused(credentials *c, const sigv4_keys *keys);

#endif

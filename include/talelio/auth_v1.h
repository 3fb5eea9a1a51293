/*
 * The service "auth.v1": who asks. The host calls its provider before the handlers of routes with `.auth`.
 */
#ifndef TALELIO_AUTH_V1_H
#define TALELIO_AUTH_V1_H

#include "http.h"

#define TL_AUTH_V1 "auth.v1"

typedef struct tl_auth_v1 {
    size_t struct_size;
    /*
     * Fills in who asks, from the Authorization header. TL_OK; or TL_REPLIED when it has answered with the refusal. May
     * wait. `who->username` lives as long as the request.
     */
    int (*authenticate)(tl_request *req, tl_identity *who);
} tl_auth_v1;

#endif

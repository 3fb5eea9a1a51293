/*
 * POST /v1/accounts/logout: ends the session of the cookie; of several cookies those of all that open one, or
 * another of them would log in again. Access tokens that are out hold until they expire.
 */
#include "plugins/auth/auth.h"

int auth_logout(tl_request *req)
{
    const char *problem;
    session_tokens *tokens = session_cookies(req, &problem);
    session_result ended = tokens ? session_end(req, tokens, tl_identity_of(req)->user_id) : SESSION_NONE;

    if (ended == SESSION_FAILED)
        return tl_fail_redis(req);
    if (ended != SESSION_OK)
        return tl_fail(req, 409, "No token to delete");
    session_expire_cookie(req);
    tl_json *answer = tl_json_object(req);
    tl_json_set_string(answer, "message", "Successfully logged out");
    return tl_reply_json(req, 200, answer);
}

/*
 * POST /v1/accounts/token: a new access token for a refresh token, which is rotated.
 *
 * An answer that gets lost, or that the database could not give, ends no session: the token that was sent
 * stays good until the one that it was rotated for has been used.
 */
#include "plugins/auth/auth.h"

static int refuse(tl_request *req, session_result why)
{
    switch (why) {
    case SESSION_NONE:
        return tl_fail(req, 401, "No stored refresh token for user");
    case SESSION_MISMATCH:
        return tl_fail(req, 401, "Provided refresh token not matching stored refresh token");
    default:
        return tl_fail_redis(req);
    }
}

int auth_renew(tl_request *req)
{
    const char *problem;
    session_tokens *tokens = session_cookies(req, &problem);
    if (!tokens)
        return tl_fail(req, 400, "%s", problem);

    /* Every turn but the last ends one of the sessions. */
    for (;;) {
        session opened;
        session_result renewed = session_renew(req, tokens, &opened);
        if (renewed != SESSION_OK)
            return refuse(req, renewed);
        tl_rows *user = tl_query(req, "SELECT id, username FROM users WHERE id = $1", opened.user_id);
        if (!user)
            return tl_fail_db(req);
        if (tl_row_count(user) > 0) {
            session_set_cookie(req, &opened);
            return reply_access_token(req, tl_row_int(user, 0, "id"), tl_row_text(user, 0, "username"));
        }
        if (session_drop(req, &opened) != SESSION_OK)
            return tl_fail_redis(req);
    }
}

/*
 * POST /v1/accounts/token: a new access token for a refresh token, which is rotated.
 *
 * The database is asked before the token is rotated: while it is away, visitors keep the token they have.
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
    const char *problem, *user_id;
    refresh_token *token = session_cookie(req, &problem);
    if (!token)
        return tl_fail(req, 400, "%s", problem);
    session_result found = session_user(req, token, &user_id);
    if (found != SESSION_OK)
        return refuse(req, found);

    tl_rows *user = tl_query(req, "SELECT id, username FROM users WHERE id = $1", user_id);
    if (!user)
        return tl_fail_db(req);
    if (tl_row_count(user) == 0)
        return refuse(req, session_drop(req, token) == SESSION_OK ? SESSION_NONE : SESSION_FAILED);

    session_result rotated = session_rotate(req, token);
    if (rotated == SESSION_MISMATCH)
        tl_log(req, TL_WARNING,
               "a refresh token was used again after its grace; that session of user %s has been ended", user_id);
    if (rotated != SESSION_OK)
        return refuse(req, rotated);
    return reply_access_token(req, tl_row_int(user, 0, "id"), tl_row_text(user, 0, "username"));
}

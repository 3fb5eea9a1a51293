/*
 * Access tokens: handing them out, and the service auth.v1, which reads them.
 *
 * A token is believed until it expires, without a question to any server: an account that is deleted, or a session that
 * is logged out, ends at most `access_lifetime` later.
 */
#include <stdlib.h>

#include "plugins/auth/auth.h"

static int64_t now_in_seconds(void)
{
    return tl_now() / 1000000;
}

int reply_access_token(tl_request *req, int64_t user_id, const char *username)
{
    token_claims claims = {.subject = user_id};
    strncpy(claims.about, username, sizeof claims.about - 1);
    char *token =
        token_make(&auth_options.issuer, TOKEN_ACCESS, &claims, now_in_seconds(), auth_options.access_lifetime / 1000);
    if (!token)
        return tl_fail_service(req, "access tokens", TL_ERROR);

    tl_json *answer = tl_json_object(req);
    tl_json_set_string(answer, "access_token", token);
    free(token);
    tl_set_header(req, "Cache-Control", "no-store");
    return tl_reply_json(req, 200, answer);
}

static int authenticate(tl_request *req, tl_identity *who)
{
    token_claims claims = {0};
    const char *problem;
    const char *token = token_of_header(tl_header(req, "Authorization"), &problem);
    if (token)
        problem = token_check(&auth_options.issuer, TOKEN_ACCESS, token, now_in_seconds(), &claims);
    if (problem) {
        tl_fail(req, 403, "%s", problem);
        return TL_REPLIED;
    }
    who->user_id = claims.subject;
    who->username = tl_copy(req, claims.about);
    return TL_OK;
}

const tl_auth_v1 auth_service = {.struct_size = sizeof(tl_auth_v1), .authenticate = authenticate};

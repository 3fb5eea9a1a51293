/*
 * GET /v1/accounts/verify/:token
 *
 * A link is followed more than once: by scanners of mail, and by people who try again. The account is answered each
 * time.
 */
#include <inttypes.h>

#include "plugins/auth/auth.h"

/* The account that the token was made for, or NULL: the request has been answered. */
static tl_rows *account_of(tl_request *req, const char *token)
{
    token_claims claims;
    tl_rows *rows = NULL;

    if (!token_check(&auth_options.issuer, TOKEN_VERIFY, token, tl_now() / 1000000, &claims)) {
        rows = tl_query(req, "SELECT id, created_at, updated_at, email, verified FROM accounts WHERE id = $1",
                        tl_format(req, "%" PRId64, claims.subject));
        if (!rows) {
            tl_fail_db(req);
            return NULL;
        }
    }
    if (rows && tl_row_count(rows) == 1) {
        char hash[65];
        token_email_hash(tl_row_text(rows, 0, "email"), hash);
        if (strcmp(hash, claims.about) == 0)
            return rows;
    }
    tl_fail(req, 400, "Invalid verification token");
    return NULL;
}

int auth_verify(tl_request *req)
{
    tl_set_header(req, "Cache-Control", "no-store");
    tl_rows *rows = account_of(req, tl_path_param(req, "token"));
    if (!rows)
        return TL_REPLIED;
    if (!tl_row_bool(rows, 0, "verified")) {
        /* Two requests may do this at once: the second finds the time of the first. */
        rows = tl_query(
            req,
            "UPDATE accounts SET verified = true, updated_at = CASE WHEN verified THEN updated_at ELSE now() END"
            " WHERE id = $1 RETURNING id, created_at, updated_at, email, verified",
            tl_row_text(rows, 0, "id"));
        if (!rows)
            return tl_fail_db(req);
        if (tl_row_count(rows) == 0)
            return tl_fail(req, 400, "Invalid verification token"); /* deleted in between */
    }
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "account", account_json(req, rows));
    return tl_reply_json(req, 200, answer);
}

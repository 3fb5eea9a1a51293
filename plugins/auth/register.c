/*
 * POST /v1/accounts/register
 */
#include "plugins/auth/auth.h"

static const tl_field fields[] = {
    {"email", TL_JSON_STRING},
    {"password", TL_JSON_STRING},
    {"username", TL_JSON_STRING},
    {0},
};

int auth_register(tl_request *req)
{
    tl_json *body = tl_json_body(req, fields);
    if (!body)
        return TL_REPLIED;
    new_account account = {
        .email = tl_json_string(tl_json_get(body, "email")),
        .password = tl_json_string(tl_json_get(body, "password")),
        .username = tl_json_string(tl_json_get(body, "username")),
    };

    switch (account_make(req, &account)) {
    case ACCOUNT_REFUSED:
        return tl_fail(req, 400, "%s", account.refusal);
    case ACCOUNT_NOT_STORED:
        return tl_fail_db(req);
    case ACCOUNT_NOT_HASHED:
        return tl_fail_service(req, "password hashing", account.pool_error);
    case ACCOUNT_MADE:
        break;
    }
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "account", account.account);
    tl_json_set(answer, "user", account.user);
    return tl_reply_json(req, 201, answer);
}

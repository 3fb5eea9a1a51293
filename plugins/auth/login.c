/*
 * POST /v1/accounts/login
 *
 * An account that does not exist costs what a wrong password costs: the same queries, and one hash.
 */
#include "plugins/auth/auth.h"
#include "plugins/shared/credentials.h"

static const tl_field fields[] = {
    {"email", TL_JSON_STRING, .max_length = EMAIL_MAX},
    {"password", TL_JSON_STRING, .max_length = PASSWORD_MAX},
    {0},
};

/* A failure costs nobody a login: the old hash still holds. */
static void store_better_hash(tl_request *req, const char *account_id, const password_job *job)
{
    tl_rows *changed = tl_query(req, "UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                                account_id, job->stored, job->hash);

    if (!changed)
        tl_log(req, TL_WARNING, "account %s keeps a password hash of older parameters", account_id);
}

/* The account and its user, if the password is theirs; NULL: the request has been answered. */
static tl_rows *check(tl_request *req, const char *email, const char *password)
{
    tl_rows *rows = tl_query(req,
                             "SELECT a.id AS account_id, a.password_hash, u.id AS user_id, u.username"
                             " FROM accounts a JOIN users u ON u.account_id = a.id WHERE lower(a.email) = lower($1)",
                             email);
    if (!rows) {
        tl_fail_db(req);
        return NULL;
    }
    /* lower() makes a plain letter of some others (the Kelvin sign), which attempts.c counts as another email. */
    bool known = tl_row_count(rows) == 1 && credentials_is_ascii(email);
    password_job *job = tl_alloc(req, sizeof *job);
    job->password = password;
    job->stored = known ? tl_row_text(rows, 0, "password_hash") : password_nobody;
    int result = password_verify_waiting(req, job);
    if (result != TL_OK) {
        tl_fail_service(req, "password hashing", result);
        return NULL;
    }
    if (!known || !job->right) {
        if (attempts_failed(req, email) == TL_OK)
            tl_fail(req, 401, "Invalid username or password");
        return NULL;
    }
    if (job->hash[0])
        store_better_hash(req, tl_row_text(rows, 0, "account_id"), job);
    return rows;
}

int auth_login(tl_request *req)
{
    tl_json *body = tl_json_body(req, fields);
    if (!body)
        return TL_REPLIED;
    size_t length;
    const char *trimmed = credentials_trim(tl_json_string(tl_json_get(body, "email")), &length);
    const char *email = tl_copy_bytes(req, trimmed, length);

    if (attempts_check(req, email) != TL_OK)
        return TL_REPLIED;
    tl_rows *who = check(req, email, tl_json_string(tl_json_get(body, "password")));
    if (!who)
        return TL_REPLIED;
    attempts_forget(req, email);
    int64_t user_id = tl_row_int(who, 0, "user_id");
    if (session_start(req, user_id) != SESSION_OK)
        return tl_fail_redis(req);
    return reply_access_token(req, user_id, tl_row_text(who, 0, "username"));
}

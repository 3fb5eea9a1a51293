/*
 * Making an account with its user. Knows nothing of who asks for it: a visitor (register.c) or an operator (command.c).
 */
#include <inttypes.h>
#include <strings.h>

#include "plugins/auth/auth.h"
#include "plugins/shared/credentials.h"
#include "plugins/shared/user.h"
#include "plugins/shared/username.h"

static bool is_whitelisted(const char *email)
{
    for (size_t i = 0; i < auth_options.whitelist.count; i++) {
        size_t length;
        const char *allowed = credentials_trim(auth_options.whitelist.items[i], &length);
        if (length > 0 && strlen(email) == length && strncasecmp(email, allowed, length) == 0)
            return true;
    }
    return auth_options.whitelist.count == 0;
}

/* What is wrong with the values themselves, in the order of the body's keys; NULL when nothing is. */
static const char *refusal_of(const new_account *account)
{
    if (!credentials_is_email(account->email))
        return "Expected 'email' to be an email address";
    if (!is_whitelisted(account->email))
        return "Email not whitelisted";
    if (!credentials_is_password(account->password))
        return "Expected 'password' to have 8 to 128 characters";
    if (!username_is_possible(account->username))
        return "Expected 'username' to be 1 to 20 letters, digits, '-' and '_'";
    return NULL;
}

static account_result refuse(new_account *account, const char *refusal)
{
    account->refusal = refusal;
    return ACCOUNT_REFUSED;
}

static account_result refuse_email(tl_request *req, new_account *account)
{
    return refuse(account, tl_format(req, "Account with the email '%s' already exists", account->email));
}

static account_result refuse_username(tl_request *req, new_account *account)
{
    return refuse(account, tl_format(req, "Account with the username '%s' already exists", account->username));
}

/* Spares the expensive hash where the answer is known already. It promises nothing: the constraints decide. */
static account_result refuse_taken(tl_request *req, new_account *account)
{
    tl_rows *taken = tl_query(req,
                              "SELECT EXISTS (SELECT FROM accounts WHERE lower(email) = lower($1)) AS email,"
                              " EXISTS (SELECT FROM users WHERE lower(username) = lower($2)) AS username",
                              account->email, account->username);
    if (!taken)
        return ACCOUNT_NOT_STORED;
    if (tl_row_bool(taken, 0, "email"))
        return refuse_email(req, account);
    if (tl_row_bool(taken, 0, "username"))
        return refuse_username(req, account);
    return ACCOUNT_MADE;
}

/* Why an INSERT failed: somebody else was faster, or it is the database. */
static account_result refuse_violation(tl_request *req, new_account *account)
{
    if (tl_db_error_of(req) == TL_DB_UNIQUE) {
        if (strcmp(tl_db_constraint(req), "accounts_email_unique") == 0)
            return refuse_email(req, account);
        if (strcmp(tl_db_constraint(req), "users_username_unique") == 0)
            return refuse_username(req, account);
    }
    return ACCOUNT_NOT_STORED;
}

/* Within a transaction. */
static account_result store(tl_request *req, new_account *account, const char *hash)
{
    tl_rows *made = tl_query(req,
                             "INSERT INTO accounts (email, password_hash, verified) VALUES ($1, $2, $3)"
                             " RETURNING id, created_at, updated_at, email, verified",
                             account->email, hash, account->verified ? "true" : "false");
    if (!made)
        return refuse_violation(req, account);
    account->account = account_json(req, made);

    int64_t id = tl_row_int(made, 0, "id");
    tl_rows *user = tl_query(req,
                             "INSERT INTO users (account_id, username) VALUES ($1, $2)"
                             " RETURNING id AS user_id, username, location, avatar_url",
                             tl_format(req, "%" PRId64, id), account->username);
    if (!user)
        return refuse_violation(req, account);
    account->user = user_json(req, user);

    if (!account->verified && verification_mail(req, id, account->email, account->username) != TL_OK)
        return ACCOUNT_NOT_STORED;
    return ACCOUNT_MADE;
}

account_result account_make(tl_request *req, new_account *account)
{
    size_t length;
    const char *trimmed = credentials_trim(account->email, &length);
    account->email = tl_copy_bytes(req, trimmed, length);

    const char *refusal = refusal_of(account);
    if (refusal)
        return refuse(account, refusal);
    account_result result = refuse_taken(req, account);
    if (result != ACCOUNT_MADE)
        return result;

    /* Hashed before the transaction, which would hold a connection all the while. */
    password_job *job = tl_alloc(req, sizeof *job);
    job->password = account->password;
    account->pool_error = password_make_waiting(req, job);
    if (account->pool_error != TL_OK)
        return ACCOUNT_NOT_HASHED;

    if (tl_begin(req) != TL_OK)
        return ACCOUNT_NOT_STORED;
    result = store(req, account, job->hash);
    if (result == ACCOUNT_MADE && tl_commit(req) != TL_OK)
        result = ACCOUNT_NOT_STORED;
    return result;
}

tl_json *account_json(tl_request *req, tl_rows *rows)
{
    tl_json *account = tl_json_object(req);

    tl_json_set_int(account, "id", tl_row_int(rows, 0, "id"));
    tl_json_set_string(account, "created_at", tl_row_time(rows, 0, "created_at"));
    tl_json_set_string(account, "updated_at", tl_row_time(rows, 0, "updated_at"));
    tl_json_set_string(account, "email", tl_row_text(rows, 0, "email"));
    tl_json_set_bool(account, "verified", tl_row_bool(rows, 0, "verified"));
    return account;
}

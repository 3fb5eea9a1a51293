/*
 * Accounts, each with its user: one row of the report.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/import.h"
#include "plugins/shared/credentials.h"
#include "plugins/shared/earlier_password.h"
#include "plugins/shared/profile.h"
#include "plugins/shared/username.h"

typedef struct account {
    const char *id, *email, *password, *verified, *created_at, *updated_at;
    const char *user_id, *username, *location, *avatar_url, *user_created_at, *user_updated_at;
    bool has_sound_times;
    char stored[EARLIER_PASSWORD_SIZE]; /* the hash, as it is kept here */
} account;

/* A time that API and calendars can write. */
#define SOUND_TIME(time) time "::timestamptz BETWEEN '0001-01-02' AND '9999-12-30'"

/* Their times are set by the INSERT as well, so what was never changed says so by two times that are the same. */
static const char select_accounts[] =
    "SELECT a.id, a.email, a.password, a.verified, a.created_at::timestamptz AS created_at,"
    " nullif(a.updated_at, a.created_at)::timestamptz AS updated_at, u.id AS user_id, u.username,"
    " coalesce(u.location, '') AS location, coalesce(nullif(u.avatar_url, ''), 'default.jpg') AS avatar_url,"
    " u.created_at::timestamptz AS user_created_at, nullif(u.updated_at, u.created_at)::timestamptz AS "
    "user_updated_at, " SOUND_TIME("a.created_at") " AND " SOUND_TIME("a.updated_at") " AND " SOUND_TIME(
        "u.created_at") " AND " SOUND_TIME("u.updated_at") " AS has_sound_times"
                                                           " FROM account a LEFT JOIN \"user\" u ON u.account_id = "
                                                           "a.id WHERE a.id > $1::bigint ORDER BY a.id LIMIT 100";

static const char select_users_without_account[] =
    "SELECT id FROM \"user\" WHERE account_id IS NULL AND id > $1::bigint ORDER BY id LIMIT 100";

static void read_account(const PGresult *rows, int row, account *a)
{
    *a = (account){
        .id = source_text(rows, row, "id"),
        .email = source_text(rows, row, "email"),
        .password = source_text(rows, row, "password"),
        .verified = source_text(rows, row, "verified"),
        .created_at = source_text(rows, row, "created_at"),
        .updated_at = source_text(rows, row, "updated_at"),
        .user_id = source_text(rows, row, "user_id"),
        .username = source_text(rows, row, "username"),
        .location = source_text(rows, row, "location"),
        .avatar_url = source_text(rows, row, "avatar_url"),
        .user_created_at = source_text(rows, row, "user_created_at"),
        .user_updated_at = source_text(rows, row, "user_updated_at"),
        .has_sound_times = source_bool(rows, row, "has_sound_times"),
    };
}

/* What the rules say of the values alone; NULL when they are fine. */
static const char *refusal_of(const account *a)
{
    if (!a->user_id)
        return "it has no user";
    if (!credentials_is_email(a->email))
        return "its email is none that mail servers take everywhere";
    if (!earlier_password_is_hash(a->password))
        return "its password is no hash of the earlier service";
    if (!username_is_possible(a->username))
        return "its username is other than 1 to 20 letters, digits, '-' and '_'";
    if (!profile_is_avatar_url(a->avatar_url))
        return "its avatar is no path and no http or https URL";
    if (!a->has_sound_times)
        return "one of its times is not within the years 1 to 9999";
    return NULL;
}

/* What is here under its ids and names. `same`: it has been taken over before, and may have been changed since. */
static const char select_here[] =
    "SELECT coalesce(a.created_at = $2::timestamptz AND lower(a.email) = lower($3) AND u.id = $4::bigint"
    "  AND lower(u.username) = lower($5), false) AS same, a.id IS NOT NULL AS has_id,"
    " (SELECT id FROM accounts WHERE lower(email) = lower($3)) AS email_of,"
    " (SELECT account_id FROM users WHERE id = $4::bigint) AS user_id_of,"
    " (SELECT account_id FROM users WHERE lower(username) = lower($5)) AS username_of"
    " FROM (SELECT) one LEFT JOIN accounts a ON a.id = $1::bigint LEFT JOIN users u ON u.account_id = a.id";

static const char *conflict_of(tl_request *req, tl_rows *here, const account *a)
{
    if (tl_row_bool(here, 0, "has_id"))
        return "another account here has its id";
    if (!tl_row_is_null(here, 0, "email_of"))
        return tl_format(req, "account %s here has its email", tl_row_text(here, 0, "email_of"));
    if (!tl_row_is_null(here, 0, "user_id_of"))
        return tl_format(req, "account %s here has a user with the id of its user, %s",
                         tl_row_text(here, 0, "user_id_of"), a->user_id);
    if (!tl_row_is_null(here, 0, "username_of"))
        return tl_format(req, "account %s here has its username", tl_row_text(here, 0, "username_of"));
    return NULL;
}

static int insert(tl_request *req, void *row)
{
    const account *a = row;

    return tl_query(req,
                    "INSERT INTO accounts (id, email, password_hash, verified, created_at, updated_at)"
                    " VALUES ($1::bigint, $2, $3, $4::boolean, $5::timestamptz, $6::timestamptz)",
                    a->id, a->email, a->stored, a->verified, a->created_at, a->updated_at) &&
                   tl_query(req,
                            "INSERT INTO users (id, account_id, username, location, avatar_url, created_at, updated_at)"
                            " VALUES ($1::bigint, $2::bigint, $3, $4, $5, $6::timestamptz, $7::timestamptz)",
                            a->user_id, a->id, a->username, a->location, a->avatar_url, a->user_created_at,
                            a->user_updated_at)
               ? TL_OK
               : TL_ERROR;
}

typedef struct wrapping {
    const char *hash;
    char *stored;
    bool done;
} wrapping;

static void run_wrap(void *arg)
{
    wrapping *w = arg;

    w->done = earlier_password_wrap(w->hash, w->stored);
}

/* In a dry run any hash will do. */
static int wrap_password(tl_request *req, import_run *run, account *a)
{
    wrapping *w = tl_alloc(req, sizeof *w);

    if (run->is_dry) {
        strcpy(a->stored, "$argon2id$");
        return TL_OK;
    }
    *w = (wrapping){.hash = a->password, .stored = a->stored};
    int result = tl_blocking(req, run_wrap, w);
    return result == TL_OK && w->done
               ? TL_OK
               : import_fail(run, result, "a password could not be hashed: is there enough memory?");
}

/* TL_OK, also when the account is left out. */
static int take(tl_request *req, import_run *run, account *a)
{
    const char *what =
        a->user_id ? tl_format(req, "account %s (user %s)", a->id, a->user_id) : tl_format(req, "account %s", a->id);
    const char *problem = refusal_of(a);

    if (!problem) {
        tl_rows *here = tl_query(req, select_here, a->id, a->created_at, a->email, a->user_id, a->username);
        if (!here)
            return import_fail_query(req, run);
        if (tl_row_bool(here, 0, "same")) {
            run->accounts.present++;
            import_remember_user(run, strtoll(a->user_id, NULL, 10), a->username);
            return TL_OK;
        }
        problem = conflict_of(req, here, a);
    }
    if (!problem) {
        int result = wrap_password(req, run, a);
        if (result == TL_OK)
            result = import_row(req, run, insert, a, &problem);
        if (result != TL_OK && !problem)
            return result;
    }
    if (problem) {
        import_leave(&run->accounts, what, "%s", problem);
        return TL_OK;
    }
    run->accounts.taken++;
    import_remember_user(run, strtoll(a->user_id, NULL, 10), a->username);
    return TL_OK;
}

static int take_account(tl_request *req, import_run *run, const PGresult *rows, int row)
{
    account a;

    read_account(rows, row, &a);
    return take(req, run, &a);
}

static int leave_user(tl_request *req, import_run *run, const PGresult *rows, int row)
{
    import_leave(&run->accounts, tl_format(req, "user %s", source_text(rows, row, "id")), "it has no account");
    return TL_OK;
}

int import_accounts(tl_request *req, import_run *run)
{
    int result = import_walk_rows(req, run, select_accounts, take_account);

    return result == TL_OK ? import_walk_rows(req, run, select_users_without_account, leave_user) : result;
}

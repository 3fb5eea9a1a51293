/*
 * users: the public side of accounts. Accounts themselves (who may log in) belong to the plugin auth.
 */
#include <talelio/talelio.h>

#include "plugins/shared/profile.h"
#include "plugins/shared/user.h"
#include "plugins/shared/version.h"

#define VERSION ROW_VERSION("u")
#define CHANGED ROW_CHANGED("u")
#define IS_VERSION_4 ROW_IS_VERSION("u", "$4")
#define COLUMNS "u.id AS user_id, u.username, u.location, u.avatar_url, u.created_at, " VERSION " AS version"

/* $1 id, $2 location, $3 avatar; NULL keeps what is there. $4 the version that is changed, NULL: any. */
static const char update_profile[] =
    "UPDATE users u SET location = coalesce($2, u.location), avatar_url = coalesce($3, u.avatar_url),"
    " updated_at = " CHANGED " WHERE u.id = $1::bigint AND " IS_VERSION_4 " RETURNING " COLUMNS;

static const tl_field profile_fields[] = {
    {"location", TL_JSON_STRING, .optional = true, .max_length = PROFILE_LOCATION_MAX},
    {"avatar_url", TL_JSON_STRING, .optional = true, .max_length = PROFILE_AVATAR_URL_MAX},
    {0},
};

/* The answer to a write is that of a GET, and so is its tag: no condition is left to check. */
static int reply_user(tl_request *req, tl_rows *rows)
{
    tl_json *user = user_json(req, rows);
    tl_json_set_string(user, "created_at", tl_row_time(rows, 0, "created_at"));

    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "user", user);
    return tl_reply_json_tagged(req, 200, answer, tl_row_text(rows, 0, "version"));
}

static tl_rows *find(tl_request *req)
{
    return user_find(req, "SELECT " COLUMNS " FROM users u WHERE lower(u.username) = lower($1)", NULL);
}

static int show_user(tl_request *req)
{
    tl_rows *rows = find(req);

    return rows ? reply_user(req, rows) : TL_REPLIED;
}

/* The caller's own profile, if the path names it and it is what the request's conditions ask for. NULL when the request
 * has been answered. */
static tl_rows *find_own(tl_request *req)
{
    tl_rows *rows = find(req);
    if (!rows)
        return NULL;
    if (tl_row_int(rows, 0, "user_id") != tl_identity_of(req)->user_id) {
        tl_fail(req, 403, "Only the user may change this profile");
        return NULL;
    }
    return tl_check_write(req, tl_row_text(rows, 0, "version")) == TL_OK ? rows : NULL;
}

static int update_user(tl_request *req)
{
    tl_rows *found = find_own(req);
    if (!found)
        return TL_REPLIED;
    tl_json *body = tl_json_body(req, profile_fields);
    if (!body)
        return TL_REPLIED;
    const char *location = tl_json_string(tl_json_get(body, "location"));
    const char *avatar_url = tl_json_string(tl_json_get(body, "avatar_url"));
    if (avatar_url && !profile_is_avatar_url(avatar_url))
        return tl_fail(req, 400, "Expected 'avatar_url' to be a path, or an http or https URL, without spaces");

    bool conditional = tl_header(req, "If-Match") != NULL;
    do {
        tl_rows *rows = tl_query(req, update_profile, tl_row_text(found, 0, "user_id"), location, avatar_url,
                                 conditional ? tl_row_text(found, 0, "version") : NULL);
        if (!rows)
            return tl_fail_db(req);
        if (tl_row_count(rows) > 0)
            return reply_user(req, rows);
        /* It has been changed or deleted since it was looked at: what is there now decides. */
    } while ((found = find_own(req)));
    return TL_REPLIED;
}

static const tl_route routes[] = {
    {TL_GET, "/v1/users/:username", show_user},
    {TL_PATCH, "/v1/users/:username", update_user, .auth = TL_AUTH_REQUIRED},
    {0},
};

TL_PLUGIN(.name = "users", .version = "1.0.0", .summary = "Public profiles", .routes = routes);

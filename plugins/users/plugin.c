/*
 * users: the public side of accounts. Accounts themselves (who may log in) belong to the plugin auth.
 */
#include <inttypes.h>
#include <talelio/talelio.h>

#include "plugins/shared/user.h"
#include "plugins/users/profile.h"

#define COLUMNS "id AS user_id, username, location, avatar_url, created_at"

static const tl_field profile_fields[] = {
    {"location", TL_JSON_STRING, .optional = true, .max_length = PROFILE_LOCATION_MAX},
    {"avatar_url", TL_JSON_STRING, .optional = true, .max_length = PROFILE_AVATAR_URL_MAX},
    {0},
};

static int reply_user(tl_request *req, tl_rows *rows)
{
    tl_json *user = user_json(req, rows);
    tl_json_set_string(user, "created_at", tl_row_time(rows, 0, "created_at"));

    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "user", user);
    return tl_reply_json(req, 200, answer);
}

static tl_rows *find(tl_request *req)
{
    return user_find(req, "SELECT " COLUMNS " FROM users WHERE lower(username) = lower($1)", NULL);
}

static int show_user(tl_request *req)
{
    tl_rows *rows = find(req);

    return rows ? reply_user(req, rows) : TL_REPLIED;
}

static int update_user(tl_request *req)
{
    tl_rows *rows = find(req);
    if (!rows)
        return TL_REPLIED;
    int64_t id = tl_row_int(rows, 0, "user_id");
    if (id != tl_identity_of(req)->user_id)
        return tl_fail(req, 403, "Only the user may change this profile");

    tl_json *body = tl_json_body(req, profile_fields);
    if (!body)
        return TL_REPLIED;
    const char *location = tl_json_string(tl_json_get(body, "location"));
    const char *avatar_url = tl_json_string(tl_json_get(body, "avatar_url"));
    if (!location && !avatar_url)
        return tl_fail(req, 400, "Expected 'location' or 'avatar_url' key");
    if (avatar_url && !profile_is_avatar_url(avatar_url))
        return tl_fail(req, 400, "Expected 'avatar_url' to be a path, or an http or https URL, without spaces");

    rows = tl_query(req,
                    "UPDATE users SET location = coalesce($2, location), avatar_url = coalesce($3, avatar_url),"
                    " updated_at = now() WHERE id = $1 RETURNING " COLUMNS,
                    tl_format(req, "%" PRId64, id), location, avatar_url);
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0)
        return tl_fail(req, 404, "User with username '%s' does not exist", tl_path_param(req, "username"));
    return reply_user(req, rows);
}

static const tl_route routes[] = {
    {TL_GET, "/v1/users/:username", show_user},
    {TL_PATCH, "/v1/users/:username", update_user, .auth = TL_AUTH_REQUIRED},
    {0},
};

TL_PLUGIN(.name = "users", .version = "1.0.0", .summary = "Public profiles", .routes = routes);

#include "plugins/shared/user.h"

#include "plugins/shared/username.h"

tl_rows *user_find(tl_request *req, const char *sql, const char *second)
{
    const char *username = tl_path_param(req, "username");
    tl_rows *rows = NULL;

    if (username_is_possible(username)) {
        rows = tl_query_list(req, sql, second ? 2 : 1, (const char *const[]){username, second});
        if (!rows) {
            tl_fail_db(req);
            return NULL;
        }
    }
    if (!rows || tl_row_count(rows) == 0) {
        tl_fail(req, 404, "User with username '%s' does not exist", username);
        return NULL;
    }
    return rows;
}

tl_json *user_json(tl_request *req, tl_rows *rows)
{
    tl_json *json = tl_json_object(req);

    tl_json_set_int(json, "id", tl_row_int(rows, 0, "user_id"));
    tl_json_set_string(json, "username", tl_row_text(rows, 0, "username"));
    tl_json_set_string(json, "location", tl_row_text(rows, 0, "location"));
    tl_json_set_string(json, "avatar_url", tl_row_text(rows, 0, "avatar_url"));
    return json;
}

/*
 * GET /v1/users/:username/images: a page of a user's images, newest first.
 */
#include "plugins/media/media.h"
#include "plugins/shared/listing.h"
#include "plugins/shared/user.h"

static const char select_user[] = "SELECT u.id AS user_id, u.username, u.location, u.avatar_url,"
                                  " (SELECT count(*) FROM images i WHERE i.user_id = u.id AND i.ready) AS total"
                                  " FROM users u WHERE lower(u.username) = lower($1)";

static const char select_page[] = "SELECT file, content_type, size, width, height, frames, created_at FROM images"
                                  " WHERE user_id = $1::bigint AND ready"
                                  " ORDER BY created_at DESC, id DESC LIMIT $2::bigint OFFSET $3::bigint";

static tl_json *image_json(tl_request *req, const char *username, tl_rows *rows, size_t row)
{
    tl_json *json = tl_json_object(req);
    const char *file = tl_row_text(rows, row, "file");

    tl_json_set_string(json, "file", file);
    tl_json_set_string(json, "url", image_url(req, username, file));
    tl_json_set_string(json, "content_type", tl_row_text(rows, row, "content_type"));
    tl_json_set_int(json, "size", tl_row_int(rows, row, "size"));
    tl_json_set_int(json, "width", tl_row_int(rows, row, "width"));
    tl_json_set_int(json, "height", tl_row_int(rows, row, "height"));
    tl_json_set_int(json, "frames", tl_row_int(rows, row, "frames"));
    tl_json_set_string(json, "created_at", tl_row_time(rows, row, "created_at"));
    return json;
}

int list_images(tl_request *req)
{
    listing l;
    if (!listing_read(req, &l))
        return TL_REPLIED;
    tl_rows *user = user_find(req, select_user, NULL);
    if (!user)
        return TL_REPLIED;
    int64_t total = tl_row_int(user, 0, "total");
    const char *username = tl_row_text(user, 0, "username");
    tl_json *images = tl_json_array(req);
    if (listing_has(&l, total)) {
        tl_rows *rows = tl_query(req, select_page, tl_row_text(user, 0, "user_id"), listing_limit(req, &l),
                                 listing_offset(req, &l));
        if (!rows)
            return tl_fail_db(req);
        for (size_t row = 0; row < tl_row_count(rows); row++)
            tl_json_append(images, image_json(req, username, rows, row));
    }
    listing_headers(req, &l, tl_format(req, "/v1/users/%s/images", username), total);
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "user", user_json(req, user));
    tl_json_set(answer, "images", images);
    return listing_reply(req, answer, total);
}

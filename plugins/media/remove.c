/*
 * DELETE /v1/users/:username/images/:file, for its owner. The object goes first: when the storage fails, the image is
 * still all there, and asking again is all it takes.
 */
#include "plugins/media/media.h"
#include "plugins/media/name.h"
#include "plugins/shared/user.h"

static const char select_image[] = "SELECT u.id AS user_id, i.id, encode(i.sha256, 'hex') AS hash FROM users u LEFT "
                                   "JOIN images i ON i.user_id = u.id AND i.file = $2 AND i.ready"
                                   " WHERE lower(u.username) = lower($1)";

int remove_image(tl_request *req)
{
    const char *file = tl_path_param(req, "file");
    tl_rows *rows = user_find(req, select_image, name_is_possible(file) ? file : "");
    if (!rows)
        return TL_REPLIED;
    int64_t user_id = tl_row_int(rows, 0, "user_id");
    if (user_id != tl_identity_of(req)->user_id)
        return tl_fail(req, 403, "Only the owner may delete this image");
    if (tl_row_is_null(rows, 0, "id"))
        return fail_no_image(req);
    /* An image is never changed, so nothing has to be compared again. */
    if (tl_check_write(req, tl_row_text(rows, 0, "hash")) != TL_OK)
        return TL_REPLIED;

    int result = tl_object_delete(req, the_media.store, image_key(req, user_id, file));
    if (result != TL_OK)
        return fail_storage(req, result);
    /* Somebody who looks after images without object may have been faster. */
    if (!tl_query(req, "DELETE FROM images WHERE id = $1::bigint", tl_row_text(rows, 0, "id")))
        return tl_fail_db(req);
    return tl_reply(req, 204, NULL, NULL, 0);
}

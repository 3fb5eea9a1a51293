/*
 * See remains.h.
 */
#include "plugins/media/remains.h"

#include <inttypes.h>

#include "plugins/media/media.h"

enum { AT_ONCE = 100 };

static const char select_rows[] =
    "SELECT id, user_id, file FROM images"
    " WHERE NOT ready AND created_at < now() - interval '" REMAINS_AGE "' AND id > $1::bigint ORDER BY id LIMIT 100";

/* The object first: as long as it may be there, its row says so. */
static bool take_away(tl_request *req, const char *key, const char *id)
{
    return tl_object_delete(req, the_media.store, key) == TL_OK &&
           tl_query(req, "DELETE FROM images WHERE id = $1::bigint AND NOT ready", id);
}

/* The next rows; TL_NOT_FOUND when there are none left. */
static int walk_some(tl_request *req, void *walk)
{
    remains *r = walk;
    tl_rows *rows = tl_query(req, select_rows, tl_format(req, "%" PRId64, r->after));

    if (!rows)
        return tl_is_cancelled(req) ? TL_CANCELLED : TL_ERROR;
    for (size_t row = 0; row < tl_row_count(rows); row++) {
        const char *key = image_key(req, tl_row_int(rows, row, "user_id"), tl_row_text(rows, row, "file"));
        bool removed = r->repair && take_away(req, key, tl_row_text(rows, row, "id"));
        r->after = tl_row_int(rows, row, "id");
        r->found++;
        r->removed += removed;
        if (r->tell)
            r->tell(key, removed);
    }
    return tl_row_count(rows) == AT_ONCE ? TL_OK : TL_NOT_FOUND;
}

int remains_walk(tl_request *req, remains *r)
{
    int result;

    do
        result = tl_scoped(req, walk_some, r);
    while (result == TL_OK);
    return result == TL_NOT_FOUND ? TL_OK : result;
}

int media_sweep(tl_request *req)
{
    remains r = {.repair = true};
    int result = remains_walk(req, &r);

    if (r.found > 0)
        tl_log(req, r.removed == r.found ? TL_INFO : TL_WARNING,
               "interrupted uploads have left %" PRId64 " images, %" PRId64 " of them are taken away", r.found,
               r.removed);
    return result;
}

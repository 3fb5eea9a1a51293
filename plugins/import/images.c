/*
 * The second step: the objects of the earlier service's bucket, `USER_ID/images/FILE`, one by one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/import.h"

enum { PAGE = 1000 };

typedef struct candidate {
    import_run *run;
    const tl_object *object;
} candidate;

/* The id and the file of a key; false for what is none of an image. */
static bool split_key(const char *key, int64_t *user_id, const char **file)
{
    size_t digits = strspn(key, "0123456789");

    if (digits == 0 || digits > 18 || key[0] == '0' || strncmp(key + digits, "/images/", 8) != 0 || !key[digits + 8])
        return false;
    *user_id = strtoll(key, NULL, 10);
    *file = key + digits + 8;
    return true;
}

/* An image of a user whom the earlier service did not have, in a bucket that both use. */
static int leave_unless_known(tl_request *req, import_run *run, const tl_media_find *find, const char *what)
{
    tl_rows *rows = tl_query(req, "SELECT FROM images WHERE user_id = $1::bigint AND file = $2",
                             tl_format(req, "%" PRId64, find->user_id), find->file);

    if (!rows)
        return TL_ERROR;
    if (tl_row_count(rows) == 0)
        import_leave(&run->images_tally, what, "user %" PRId64 " was left out, or there was none", find->user_id);
    return TL_OK;
}

static int take(tl_request *req, void *arg)
{
    const candidate *c = arg;
    import_run *run = c->run;
    const char *what = tl_format(req, "image %s", c->object->key), *problem = NULL;
    tl_media_find find = {
        .struct_size = sizeof find, .store = the_import.store, .object = c->object, .dry_run = run->is_dry};
    tl_media_outcome outcome;

    if (!split_key(c->object->key, &find.user_id, &find.file)) {
        run->foreign_objects++;
        return TL_OK;
    }
    if (!import_user_of(run, find.user_id))
        return leave_unless_known(req, run, &find, what);
    int result = import_media->adopt(req, &find, &outcome, &problem);
    if (result == TL_NOT_FOUND) {
        import_leave(&run->images_tally, what, "it has just gone");
        return TL_OK;
    }
    if (result != TL_OK)
        return result;
    if (outcome == TL_MEDIA_REFUSED) {
        import_leave(&run->images_tally, what, "%s", problem);
        return TL_OK;
    }
    if (outcome == TL_MEDIA_TAKEN)
        run->images_tally.taken++;
    else
        run->images_tally.present++;
    import_remember_image(run, c->object->key);
    return TL_OK;
}

static int take_page(tl_request *req, void *arg)
{
    import_run *run = arg;
    tl_object_list page;

    int result = tl_object_list_keys(req, the_import.store, "", *run->after_key ? run->after_key : NULL, PAGE, &page);
    for (size_t i = 0; i < page.count && result == TL_OK; i++) {
        candidate c = {run, &page.items[i]};
        result = tl_scoped(req, take, &c);
    }
    if (result != TL_OK)
        return result == TL_NOT_FOUND ? TL_ERROR : result;
    if (!page.next)
        return TL_NOT_FOUND;
    snprintf(run->after_key, sizeof run->after_key, "%s", page.next);
    return TL_OK;
}

int import_images(tl_request *req, import_run *run)
{
    int result = import_walk(req, take_page, run);

    if (result == TL_OK)
        return TL_OK;
    return import_fail(run, result,
                       result == TL_DENIED        ? "the storage refused a request; see the log"
                       : result == TL_UNAVAILABLE ? "storage or database cannot be reached; see the log"
                                                  : "storage or database failed; see the log");
}

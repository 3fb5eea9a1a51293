/*
 * sketch: rows of a table as JSON.
 *
 * GET /v1/sketch/:name answers the row of that name; a route that changes something is {TL_POST, …, .auth =
 * TL_AUTH_REQUIRED}. Calls that wait, such as tl_query, suspend this request only; what they return is freed with it.
 */
#include <inttypes.h>
#include <stdio.h>

#include <talelio/talelio.h>

static const char *greeting;
static int64_t max_age;

static int show(tl_request *req)
{
    tl_rows *rows =
        tl_query(req, "SELECT name, text, created_at FROM plugin_sketch WHERE name = $1", tl_path_param(req, "name"));
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0)
        return tl_fail(req, 404, "Name not found");

    char cache[64];
    snprintf(cache, sizeof cache, "max-age=%" PRId64, max_age / 1000);
    tl_set_header(req, "Cache-Control", cache);

    tl_json *answer = tl_json_object(req);
    tl_json_set_string(answer, "greeting", greeting);
    tl_json_set_string(answer, "name", tl_row_text(rows, 0, "name"));
    tl_json_set_string(answer, "text", tl_row_text(rows, 0, "text"));
    tl_json_set_string(answer, "created_at", tl_row_time(rows, 0, "created_at"));
    return tl_reply_json(req, 200, answer);
}

static const tl_route routes[] = {
    {TL_GET, "/v1/sketch/:name", show},
    {0},
};

static const tl_option options[] = {
    {"greeting", TL_OPTION_STRING, &greeting, "Hello", .help = "what every answer begins with"},
    {"max_age", TL_OPTION_DURATION, &max_age, "1m", .max = 86400000, .help = "how long an answer may be kept"},
    {0},
};

TL_PLUGIN(.name = "sketch", .version = "0.1.0", .summary = "Rows of a table as JSON", .routes = routes,
          .options = options);

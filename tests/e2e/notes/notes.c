/* A third party's plugin: knows nothing but the installed headers. */
#include <talelio/talelio.h>

static const char *motto;
static const tl_auth_v1 *auth;

static int reply_note(tl_request *req, int status, tl_rows *rows)
{
    tl_json *note = tl_json_object(req);
    tl_json_set_int(note, "id", tl_row_int(rows, 0, "id"));
    tl_json_set_string(note, "text", tl_row_text(rows, 0, "text"));
    tl_json_set_string(note, "motto", motto);
    return tl_reply_json(req, status, note);
}

static int show_note(tl_request *req)
{
    tl_rows *rows = tl_query(req, "SELECT id, text FROM notes WHERE id::text = $1", tl_path_param(req, "id"));
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0)
        return tl_fail(req, 404, "Note not found");
    return reply_note(req, 200, rows);
}

static const tl_field note_fields[] = {{"text", TL_JSON_STRING, .max_length = 1000}, {0}};

static int create_note(tl_request *req)
{
    tl_json *body = tl_json_body(req, note_fields);
    if (!body)
        return TL_REPLIED;
    tl_rows *rows = tl_query(
        req, "INSERT INTO notes (user_id, text) SELECT id, $2 FROM users WHERE username = $1 RETURNING id, text",
        tl_identity_of(req)->username, tl_json_string(tl_json_get(body, "text")));
    if (!rows && strcmp(tl_db_constraint(req), "notes_text_is_not_empty") == 0)
        return tl_fail(req, 400, "Expected 'text' not to be empty");
    if (!rows)
        return tl_fail_db(req);
    return reply_note(req, 201, rows);
}

/* The service of another plugin, called by hand. */
static int who_am_i(tl_request *req)
{
    tl_identity who;
    if (!auth)
        return tl_fail(req, 404, "Nobody here knows anybody");
    if (auth->authenticate(req, &who) != TL_OK)
        return TL_REPLIED;
    return tl_reply(req, 200, "text/plain; charset=utf-8", who.username, strlen(who.username));
}

static const tl_route routes[] = {
    {TL_GET, "/v1/notes/:id", show_note},
    {TL_POST, "/v1/notes", create_note, .auth = TL_AUTH_REQUIRED},
    {TL_GET, "/v1/whoami", who_am_i},
    {0},
};

static const tl_option options[] = {
    {"motto", TL_OPTION_STRING, &motto, .help = "what stands under every note"},
    {0},
};

static const tl_need needs[] = {{TL_AUTH_V1, (const void **)&auth, .optional = true}, {0}};

TL_PLUGIN(.name = "notes", .version = "1.0.0", .summary = "Notes", .routes = routes, .options = options,
          .needs = needs);

/*
 * Sessions: one for each login, known to a browser by its refresh token, kept in Redis under the token's id.
 *
 * What a token is, and how one secret follows another: refresh.h. What Redis keeps and does: session_scripts.h.
 */
#include <inttypes.h>
#include <sodium.h>

#include "plugins/auth/auth.h"
#include "plugins/auth/session_scripts.h"

#define COOKIE "refresh_token"

static const char *key_of(tl_request *req, const refresh_token *token)
{
    return tl_redis_key(req, "session", token->id);
}

static const char *number(tl_request *req, int64_t value)
{
    return tl_format(req, "%" PRId64, value);
}

static void set_cookie(tl_request *req, const char *value, int64_t max_age)
{
    tl_set_cookie(req, &(tl_cookie){.name = COOKIE,
                                    .value = value,
                                    .path = "/v1/accounts",
                                    .domain = auth_options.cookie_domain,
                                    .max_age = max_age,
                                    .secure = auth_options.cookie_secure});
}

/* The cookie lasts as long as the session would, if it were not used again. */
static void set_token_cookie(tl_request *req, const refresh_token *token, int64_t milliseconds)
{
    char text[REFRESH_TEXT + 1];

    refresh_text(token, text);
    set_cookie(req, text, (milliseconds + 999) / 1000);
}

void session_expire_cookie(tl_request *req)
{
    set_cookie(req, "", 0);
}

static void wipe(void *token)
{
    sodium_memzero(token, sizeof(refresh_token));
}

static refresh_token *new_token(tl_request *req)
{
    refresh_token *token = tl_alloc(req, sizeof *token);

    tl_defer(req, wipe, token);
    return token;
}

refresh_token *session_cookie(tl_request *req, const char **problem)
{
    const char *text = tl_cookie_value(req, COOKIE);
    if (!text || !*text) {
        *problem = "No refresh token provided";
        return NULL;
    }
    refresh_token *token = new_token(req);
    if (!refresh_parse(text, token)) {
        *problem = "Malformed refresh token";
        return NULL;
    }
    return token;
}

session_result session_start(tl_request *req, int64_t user_id)
{
    refresh_token *token = new_token(req);
    refresh_make(token);
    char hash[REFRESH_HEX + 1];
    refresh_hash(token, hash);

    tl_redis_value *left =
        tl_redis(req, "EVAL", session_script_start, "1", key_of(req, token), number(req, user_id), hash,
                 number(req, auth_options.refresh_idle), number(req, auth_options.refresh_lifetime));
    if (!left)
        return SESSION_FAILED;
    set_token_cookie(req, token, tl_redis_int(left));
    return SESSION_OK;
}

session_result session_user(tl_request *req, const refresh_token *token, const char **user_id)
{
    tl_redis_value *answer = tl_redis(req, "HGET", key_of(req, token), "user");
    if (!answer)
        return SESSION_FAILED;
    *user_id = tl_redis_text(answer);
    return *user_id ? SESSION_OK : SESSION_NONE;
}

/* Goes from a rotated secret to the one that counts now. */
static bool follow(refresh_token *token, const tl_redis_value *answer)
{
    for (size_t i = 2; i < tl_redis_count(answer); i++) {
        const char *salt = tl_redis_text(tl_redis_item(answer, i));
        if (!salt || !refresh_advance(token, salt))
            return false;
    }
    return true;
}

session_result session_rotate(tl_request *req, refresh_token *token)
{
    char salt[REFRESH_HEX + 1], hash[REFRESH_HEX + 1], next_hash[REFRESH_HEX + 1];
    refresh_token *next = new_token(req);
    *next = *token;
    refresh_salt(salt);
    refresh_advance(next, salt);
    refresh_hash(token, hash);
    refresh_hash(next, next_hash);

    tl_redis_value *answer =
        tl_redis(req, "EVAL", session_script_rotate, "1", key_of(req, token), hash, salt, next_hash,
                 number(req, auth_options.refresh_grace), number(req, auth_options.refresh_idle),
                 number(req, auth_options.refresh_lifetime));
    const char *what = answer ? tl_redis_text(tl_redis_item(answer, 0)) : NULL;
    if (!what)
        return SESSION_FAILED;
    if (strcmp(what, "none") == 0)
        return SESSION_NONE;
    if (strcmp(what, "mismatch") == 0)
        return SESSION_MISMATCH;
    if (strcmp(what, "grace") == 0) {
        *next = *token;
        if (!follow(next, answer))
            return SESSION_FAILED;
    }
    set_token_cookie(req, next, tl_redis_int(tl_redis_item(answer, 1)));
    return SESSION_OK;
}

session_result session_end(tl_request *req, const refresh_token *token, int64_t user_id)
{
    char hash[REFRESH_HEX + 1];
    refresh_hash(token, hash);

    tl_redis_value *ended = tl_redis(req, "EVAL", session_script_end, "1", key_of(req, token), hash,
                                     number(req, user_id), number(req, auth_options.refresh_grace));
    if (!ended)
        return SESSION_FAILED;
    return tl_redis_int(ended) == 1 ? SESSION_OK : SESSION_NONE;
}

session_result session_drop(tl_request *req, const refresh_token *token)
{
    return tl_redis(req, "DEL", key_of(req, token)) ? SESSION_OK : SESSION_FAILED;
}

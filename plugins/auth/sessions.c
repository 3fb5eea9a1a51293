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

/* Words of a script's call: its name, its text and three arguments more, and four for each token. */
enum { WORDS = 7 + 4 * SESSION_TOKENS };

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

static void wipe(void *tokens)
{
    sodium_memzero(tokens, sizeof(session_tokens));
}

static session_tokens *new_tokens(tl_request *req)
{
    session_tokens *tokens = tl_alloc(req, sizeof *tokens);

    tl_defer(req, wipe, tokens);
    return tokens;
}

session_tokens *session_cookies(tl_request *req, const char **problem)
{
    const char *values[SESSION_TOKENS];
    size_t count = tl_cookie_values(req, COOKIE, values, SESSION_TOKENS);
    session_tokens *tokens = new_tokens(req);

    *problem = "No refresh token provided";
    for (size_t i = 0; i < count; i++) {
        if (refresh_parse(values[i], &tokens->items[tokens->count]))
            tokens->count++;
        else if (*values[i])
            *problem = "Malformed refresh token";
    }
    return tokens->count > 0 ? tokens : NULL;
}

session_result session_start(tl_request *req, int64_t user_id)
{
    refresh_token *token = &new_tokens(req)->items[0];
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

static const char *hash_of(tl_request *req, const refresh_token *token)
{
    char hash[REFRESH_HEX + 1];

    refresh_hash(token, hash);
    return tl_copy(req, hash);
}

static const char *successor_hash(tl_request *req, const refresh_token *token, const char *salt)
{
    refresh_token next = *token;

    refresh_advance(&next, salt);
    const char *hash = hash_of(req, &next);
    sodium_memzero(&next, sizeof next);
    return hash;
}

/* The beginning of a call of a script on the sessions of all tokens: returns how many words there are. */
static size_t script_call(tl_request *req, const char *script, const session_tokens *tokens, const char **words)
{
    size_t count = 0;

    words[count++] = "EVAL";
    words[count++] = script;
    words[count++] = number(req, (int64_t)tokens->count);
    for (size_t i = 0; i < tokens->count; i++)
        words[count++] = key_of(req, &tokens->items[i]);
    return count;
}

/* Goes from the secret that was presented to the one that counts now. */
static bool follow(refresh_token *token, const tl_redis_value *answer)
{
    for (size_t i = 4; i < tl_redis_count(answer); i++) {
        const char *salt = tl_redis_text(tl_redis_item(answer, i));
        if (!salt || !refresh_advance(token, salt))
            return false;
    }
    return true;
}

static session_result open_session(session_tokens *tokens, const tl_redis_value *answer, session *opened)
{
    size_t which = (size_t)tl_redis_int(tl_redis_item(answer, 1));

    opened->left = tl_redis_int(tl_redis_item(answer, 2));
    opened->user_id = tl_redis_text(tl_redis_item(answer, 3));
    opened->token = which < tokens->count ? &tokens->items[which] : NULL;
    return opened->token && opened->user_id && follow(opened->token, answer) ? SESSION_OK : SESSION_FAILED;
}

session_result session_renew(tl_request *req, session_tokens *tokens, session *opened)
{
    const char *words[WORDS];
    char salt[REFRESH_HEX + 1];
    refresh_salt(salt);

    size_t count = script_call(req, session_script_renew, tokens, words);
    words[count++] = number(req, auth_options.refresh_grace);
    words[count++] = number(req, auth_options.refresh_idle);
    words[count++] = number(req, auth_options.refresh_lifetime);
    words[count++] = salt;
    for (size_t i = 0; i < tokens->count; i++) {
        words[count++] = hash_of(req, &tokens->items[i]);
        words[count++] = successor_hash(req, &tokens->items[i], salt);
    }
    tl_redis_value *answer = tl_redis_list(req, count, words);
    const char *what = answer ? tl_redis_text(tl_redis_item(answer, 0)) : NULL;
    if (!what)
        return SESSION_FAILED;
    if (strcmp(what, "none") == 0)
        return SESSION_NONE;
    if (strcmp(what, "mismatch") == 0) {
        tl_log(req, TL_WARNING,
               "a refresh token was used again after its grace; that session of user %s has been ended",
               tl_redis_text(tl_redis_item(answer, 1)));
        return SESSION_MISMATCH;
    }
    return open_session(tokens, answer, opened);
}

void session_set_cookie(tl_request *req, const session *opened)
{
    set_token_cookie(req, opened->token, opened->left);
}

session_result session_end(tl_request *req, const session_tokens *tokens, int64_t user_id)
{
    const char *words[WORDS];

    size_t count = script_call(req, session_script_end, tokens, words);
    words[count++] = number(req, user_id);
    words[count++] = number(req, auth_options.refresh_grace);
    for (size_t i = 0; i < tokens->count; i++)
        words[count++] = hash_of(req, &tokens->items[i]);
    tl_redis_value *ended = tl_redis_list(req, count, words);
    if (!ended)
        return SESSION_FAILED;
    return tl_redis_int(ended) > 0 ? SESSION_OK : SESSION_NONE;
}

session_result session_drop(tl_request *req, const session *opened)
{
    return tl_redis(req, "DEL", key_of(req, opened->token)) ? SESSION_OK : SESSION_FAILED;
}

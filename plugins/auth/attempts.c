/*
 * How often somebody may try to log in: attempts are counted per email and address in Redis, and forgotten with the
 * first success. Guessing from many addresses is slowed by the blocking pool, not by this.
 */
#include <inttypes.h>

#include "plugins/auth/auth.h"

/* Counts and says when counting starts anew, in one step, so that no counter is left without an end. */
static const char count_script[] = "local count = redis.call('INCR', KEYS[1])\n"
                                   "if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end\n"
                                   "return {count, redis.call('PTTL', KEYS[1])}\n";

/* The key shows neither email nor address. */
static const char *key_of(tl_request *req, const char *email)
{
    char hash[65];

    token_email_hash(tl_format(req, "%s %s", tl_remote_address(req), email), hash);
    return tl_redis_key(req, "login", hash);
}

int attempts_count(tl_request *req, const char *email)
{
    if (auth_options.login_attempts == 0)
        return TL_OK;
    tl_redis_value *answer = tl_redis(req, "EVAL", count_script, "1", key_of(req, email),
                                      tl_format(req, "%" PRId64, auth_options.login_window));
    if (!answer) {
        tl_fail_redis(req);
        return TL_REPLIED;
    }
    if (tl_redis_int(tl_redis_item(answer, 0)) <= auth_options.login_attempts)
        return TL_OK;
    int64_t wait = (tl_redis_int(tl_redis_item(answer, 1)) + 999) / 1000;
    tl_set_header(req, "Retry-After", tl_format(req, "%" PRId64, wait));
    tl_fail(req, 429, "Too many attempts to log in");
    return TL_REPLIED;
}

void attempts_forget(tl_request *req, const char *email)
{
    /* A counter that stays because Redis has just gone ends by itself. */
    if (auth_options.login_attempts > 0)
        tl_redis(req, "DEL", key_of(req, email));
}

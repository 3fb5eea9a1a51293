/*
 * How often a login may fail: failures are counted per email and network in Redis, and forgotten with the
 * first success. Attempts that are under way count only when they have failed, so a burst gets past the limit by as
 * many as the blocking pool takes at once. Guessing from many addresses is slowed by that pool, not by this.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#include "plugins/auth/auth.h"

/* In one step, so that no counter is left without an end. */
static const char count_script[] = "if redis.call('INCR', KEYS[1]) == 1 then\n"
                                   "    redis.call('PEXPIRE', KEYS[1], ARGV[1])\n"
                                   "end\n"
                                   "return 1\n";

/* Of IPv6 the /64, which is what one household or one rented server has to choose its addresses from. */
static const char *network_of(tl_request *req)
{
    const char *address = tl_remote_address(req);
    struct in6_addr v6;

    if (inet_pton(AF_INET6, address, &v6) != 1)
        return address;
    memset(v6.s6_addr + 8, 0, 8);
    char text[INET6_ADDRSTRLEN];
    return tl_copy(req, inet_ntop(AF_INET6, &v6, text, sizeof text));
}

/* The key shows neither email nor address. */
static const char *key_of(tl_request *req, const char *email)
{
    char hash[65];

    token_email_hash(tl_format(req, "%s %s", network_of(req), email), hash);
    return tl_redis_key(req, "login", hash);
}

static int away(tl_request *req)
{
    tl_fail_redis(req);
    return TL_REPLIED;
}

int attempts_check(tl_request *req, const char *email)
{
    if (auth_options.login_attempts == 0)
        return TL_OK;
    const char *key = key_of(req, email);
    tl_redis_value *count = tl_redis(req, "GET", key);
    if (!count)
        return away(req);
    const char *text = tl_redis_text(count);
    if (!text || strtoll(text, NULL, 10) < auth_options.login_attempts)
        return TL_OK;

    tl_redis_value *left = tl_redis(req, "PTTL", key);
    if (!left)
        return away(req);
    /* Below zero when it has just ended. */
    int64_t seconds = (tl_redis_int(left) + 999) / 1000;
    tl_set_header(req, "Retry-After", tl_format(req, "%" PRId64, seconds > 0 ? seconds : 1));
    tl_fail(req, 429, "Too many attempts to log in");
    return TL_REPLIED;
}

int attempts_failed(tl_request *req, const char *email)
{
    if (auth_options.login_attempts == 0)
        return TL_OK;
    tl_redis_value *counted = tl_redis(req, "EVAL", count_script, "1", key_of(req, email),
                                       tl_format(req, "%" PRId64, auth_options.login_window));
    return counted ? TL_OK : away(req);
}

void attempts_forget(tl_request *req, const char *email)
{
    /* A counter that stays because Redis has just gone ends by itself. */
    if (auth_options.login_attempts > 0)
        tl_redis(req, "DEL", key_of(req, email));
}

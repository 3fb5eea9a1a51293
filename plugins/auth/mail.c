/*
 * The mail that asks a new account to prove its address.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "plugins/auth/auth.h"

/* "7 days", "12 hours", "1 minute": the largest unit that leaves no rest. */
static const char *duration_text(tl_request *req, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};

    size_t i = 0;
    while (seconds % units[i].seconds != 0)
        i++;
    int64_t count = seconds / units[i].seconds;
    return tl_format(req, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

static void free_token(void *token)
{
    free(token);
}

int verification_mail(tl_request *req, int64_t account_id, const char *email, const char *username)
{
    token_claims claims = {.subject = account_id};
    token_email_hash(email, claims.about);
    int64_t lifetime = auth_options.verification_lifetime / 1000;
    char *token = token_make(&auth_options.issuer, TOKEN_VERIFY, &claims, tl_now() / 1000000, lifetime);
    if (!token) {
        tl_log(req, TL_LOG_ERROR, "no memory for a verification token");
        return TL_ERROR;
    }
    tl_defer(req, free_token, token);

    const char *text =
        tl_format(req,
                  "Hello %s,\n\n"
                  "an account was registered with this email address. Please confirm that it is yours:\n\n"
                  "%.*s/v1/accounts/verify/%s\n\n"
                  "The link works for %s. If it was not you, do nothing.\n",
                  username, auth_options.api_url_length, auth_options.api_url, token, duration_text(req, lifetime));
    return tl_mail(req, email, "Please confirm your email address", text);
}

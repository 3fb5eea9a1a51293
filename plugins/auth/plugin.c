/*
 * auth: accounts, login, sessions, and the service auth.v1 that tells other plugins who asks.
 */
#include <sodium.h>

#include "plugins/auth/auth.h"
#include "plugins/shared/address.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define SECRET_MIN 32
#define SECRET_MIN_PRODUCTION 64 /* as long as what HMAC-SHA512 gives */

struct auth_options auth_options;

static int check_options(void)
{
    size_t minimum = tl_is_production() ? SECRET_MIN_PRODUCTION : SECRET_MIN;
    size_t length = strlen(auth_options.issuer.secret);

    if (length < minimum)
        return tl_refuse("'secret' has %zu bytes, expected at least %zu; make one with: openssl rand -hex 64", length,
                         minimum);
    if (tl_is_production() && !auth_options.cookie_secure)
        return tl_refuse("'cookie_secure = no' in production: the refresh token would travel in the clear");
    auth_options.api_url_length = address_length(auth_options.api_url);
    if (auth_options.api_url_length == 0)
        return tl_refuse("api_url: " ADDRESS_EXPECTED ", found '%s'", auth_options.api_url);
    return TL_OK;
}

static int init(void)
{
    if (sodium_init() < 0)
        return tl_refuse("libsodium cannot start: no source of random numbers");
    return check_options();
}

/* Strangers send these: room for the longest email, name and password with every character escaped, and no more. */
#define MAX_BODY ((size_t)16 << 10)

static const tl_route routes[] = {
    {TL_POST, "/v1/accounts/register", auth_register, .max_body = MAX_BODY},
    {TL_GET, "/v1/accounts/verify/:token", auth_verify, .secret = true},
    {TL_POST, "/v1/accounts/login", auth_login, .max_body = MAX_BODY},
    {TL_POST, "/v1/accounts/token", auth_renew, .max_body = MAX_BODY},
    {TL_POST, "/v1/accounts/logout", auth_logout, .auth = TL_AUTH_REQUIRED, .max_body = MAX_BODY},
    {0},
};

#define OPTION(type, field, ...) TL_OPTION_##type, &auth_options.field, __VA_ARGS__

static const tl_option options[] = {
    {"secret", OPTION(SECRET, issuer.secret, NULL),
     .help = "Key that signs tokens: at least 64 bytes in production, 32 in development"},
    {"issuer", OPTION(STRING, issuer.issuer, "talelio"), .help = "Claim 'iss' of tokens"},
    {"audience", OPTION(STRING, issuer.audience, "talelio"), .help = "Claim 'aud' of tokens"},
    {"api_url", OPTION(STRING, api_url, "http://localhost:5000"),
     .help = "Where visitors reach this API; verification links start with it"},
    {"access_lifetime", OPTION(DURATION, access_lifetime, "30m", SECOND, DAY),
     .help = "How long an access token holds"},
    {"refresh_idle", OPTION(DURATION, refresh_idle, "7d", SECOND, 90 * DAY),
     .help = "How long a session lasts without being used"},
    {"refresh_lifetime", OPTION(DURATION, refresh_lifetime, "30d", SECOND, 365 * DAY),
     .help = "How long a session lasts at most"},
    {"refresh_grace", OPTION(DURATION, refresh_grace, "10s", 0, MINUTE),
     .help = "How long a rotated refresh token still passes once its successor has been used"},
    {"verification_lifetime", OPTION(DURATION, verification_lifetime, "7d", SECOND, 90 * DAY),
     .help = "How long a verification link works"},
    {"cookie_secure", OPTION(BOOL, cookie_secure, "no"),
     .help = "Send the cookie over https only; must be yes in production"},
    {"cookie_domain", OPTION(STRING, cookie_domain, ""), .help = "Domain of the cookie; empty: this host only"},
    {"whitelist", OPTION(LIST, whitelist, ""), .help = "Emails that may register; empty: all"},
    {"login_attempts", OPTION(INT, login_attempts, "100", 0, 1000000),
     .help = "Failed attempts to log in per email and address (IPv6: /64) within login_window; 0: no limit"},
    {"login_window", OPTION(DURATION, login_window, "15m", SECOND, DAY),
     .help = "How long failed attempts are counted"},
    {0},
};

static const tl_service provides[] = {
    {TL_AUTH_V1, &auth_service},
    {0},
};

static const tl_command commands[] = {
    {"user", "add EMAIL USERNAME [--verified]", "Add an account; the password is read from the terminal or stdin",
     auth_command_user},
    {0},
};

TL_PLUGIN(.name = "auth", .version = "1.0.0", .summary = "Accounts, login and sessions", .routes = routes,
          .options = options, .provides = provides, .commands = commands, .init = init);

/*
 * Signed tokens: JWT with HS512, by libjwt. Access tokens say who asks; verification tokens prove that a mail was read.
 * Needs nothing of the host.
 *
 * libjwt checks the signature and nothing else; token_check does the rest. Claims named twice are not looked for (the
 * last one counts): only a holder of the secret can sign them, who could as well sign any other claim.
 */
#ifndef PLUGINS_AUTH_TOKEN_H
#define PLUGINS_AUTH_TOKEN_H

#include <stdint.h>

/* A longer token is refused before anything looks into it. */
#define TOKEN_MAX 4096

/* How far the clocks of two servers may differ: a token from later than that is refused. Expiry has no such slack. */
#define TOKEN_CLOCK_SKEW 5

/* Who signs, and for whom. */
typedef struct token_issuer {
    const char *secret;
    const char *issuer;
    const char *audience;
} token_issuer;

typedef enum token_kind { TOKEN_ACCESS, TOKEN_VERIFY } token_kind;

typedef struct token_claims {
    int64_t subject; /* access: the user's id; verification: the account's id */
    char about[65];  /* access: the username; verification: what token_email_hash gives */
} token_claims;

/* A new token that holds from `now` for `lifetime`, both in seconds. For the caller to free(); NULL: out of memory. */
char *token_make(const token_issuer *issuer, token_kind kind, const token_claims *claims, int64_t now,
                 int64_t lifetime);

/* Checks signature, algorithm, kind, and every claim. NULL when the token is sound, else what is wrong with it. */
const char *token_check(const token_issuer *issuer, token_kind kind, const char *token, int64_t now,
                        token_claims *claims);

/* The token in an Authorization header (NULL: none was sent). NULL with a message in `problem` when there is none. */
const char *token_of_header(const char *header, const char **problem);

/* SHA-256 of an address in lower case, in hexadecimal: ties a token to it without showing it in links and logs. */
void token_email_hash(const char *email, char hash[65]);

#endif

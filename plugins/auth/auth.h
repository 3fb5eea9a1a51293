/*
 * What the files of this plugin share: its options and the steps that more than one handler takes.
 */
#ifndef PLUGINS_AUTH_AUTH_H
#define PLUGINS_AUTH_AUTH_H

#include <talelio/talelio.h>

#include "plugins/auth/password.h"
#include "plugins/auth/refresh.h"
#include "plugins/auth/token.h"

/* The section [plugin:auth]. Durations in milliseconds. */
struct auth_options {
    token_issuer issuer;
    int64_t access_lifetime;
    int64_t refresh_idle;
    int64_t refresh_lifetime;
    int64_t refresh_grace;
    int64_t verification_lifetime;
    const char *api_url;
    int api_url_length; /* without slashes at the end */
    const char *cookie_domain;
    bool cookie_secure;
    tl_list whitelist;
    int64_t login_attempts;
    int64_t login_window;
};
extern struct auth_options auth_options;

/* The handlers, each in the file of its name. */
tl_handler auth_register, auth_verify, auth_login, auth_renew, auth_logout;
extern const tl_auth_v1 auth_service;
int auth_command_user(tl_request *req, int argc, char **argv);

/* accounts.c: a new account with its user, the way that registration and the command `user add` share. */
typedef struct new_account {
    const char *email, *password, *username; /* as given; the email is trimmed in place of the pointer */
    bool verified;                           /* then no mail is sent */
    tl_json *account, *user;                 /* what was made, as the API shows it */
    const char *refusal;                     /* for the visitor, when ACCOUNT_REFUSED */
    int pool_error;                          /* of tl_blocking, when ACCOUNT_NOT_HASHED */
} new_account;

typedef enum account_result {
    ACCOUNT_MADE,
    ACCOUNT_REFUSED,
    ACCOUNT_NOT_STORED, /* ask tl_db_error_of, or tl_fail_db */
    ACCOUNT_NOT_HASHED,
} account_result;

account_result account_make(tl_request *req, new_account *account);

/* A row of accounts as the API shows it. */
tl_json *account_json(tl_request *req, tl_rows *rows);

/* mail.c: queues the mail with the link that verifies. As tl_mail. */
int verification_mail(tl_request *req, int64_t account_id, const char *email, const char *username);

/* passwords.c: the jobs of password.h in the blocking pool. As tl_blocking; TL_ERROR when memory was short. */
int password_make_waiting(tl_request *req, password_job *job);
int password_verify_waiting(tl_request *req, password_job *job);

/* attempts.c: who failed too often. TL_OK; TL_REPLIED when that is so, or Redis is away. */
int attempts_check(tl_request *req, const char *email);
int attempts_failed(tl_request *req, const char *email);
void attempts_forget(tl_request *req, const char *email);

/* sessions.c: refresh tokens in Redis and in the cookie. */
typedef enum session_result {
    SESSION_OK,
    SESSION_NONE,     /* there is no such session (any more) */
    SESSION_MISMATCH, /* it is there, with another secret; it has been ended */
    SESSION_FAILED,   /* tl_fail_redis */
} session_result;

/* The tokens of a request's cookies; more are not looked at. */
#define SESSION_TOKENS 8

typedef struct session_tokens {
    refresh_token items[SESSION_TOKENS];
    size_t count;
} session_tokens;

typedef struct session {
    const char *user_id;
    refresh_token *token; /* the one that counts now */
    int64_t left;         /* milliseconds until it ends, if it is not used again */
} session;

/* Starts a session and sets its cookie. */
session_result session_start(tl_request *req, int64_t user_id);
/* The tokens of the cookies that are well-formed. NULL when none is: `problem` says so. */
session_tokens *session_cookies(tl_request *req, const char **problem);
/*
 * Opens the session of one of the tokens, and rotates that one, or finds its successor when it was rotated before. A
 * token that opens nothing ends its session as used again only when no other opens one. The successor goes to the
 * client with session_set_cookie.
 */
session_result session_renew(tl_request *req, session_tokens *tokens, session *opened);
void session_set_cookie(tl_request *req, const session *opened);
/* Ends the sessions that are the user's and that the tokens open. */
session_result session_end(tl_request *req, const session_tokens *tokens, int64_t user_id);
/* Ends a session whose user is gone. */
session_result session_drop(tl_request *req, const session *opened);
void session_expire_cookie(tl_request *req);

/* identity.c: answers 200 with a new access token. */
int reply_access_token(tl_request *req, int64_t user_id, const char *username);

#endif

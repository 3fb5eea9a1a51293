/*
 * What a failure means: to the caller one of a few results, to the operator a line that says what to do.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log/log.h"
#include "core/objects/s3.h"

typedef struct meaning {
    const char *code;
    int result;
    bool again;
    const char *text; /* NULL: nothing that an operator has to know */
} meaning;

static const meaning meanings[] = {
    {"NoSuchKey", TL_NOT_FOUND, false, NULL},
    {"NoSuchUpload", TL_NOT_FOUND, false, NULL},
    {"AccessControlListNotSupported", TL_ERROR, false, NULL},
    {"NoSuchBucket", TL_DENIED, false, "the bucket does not exist: are bucket, endpoint and region right?"},
    {"AccessDenied", TL_DENIED, false,
     "access is denied: the key is good, but a right is missing (see the policies of "
     "user and bucket)"},
    {"SignatureDoesNotMatch", TL_DENIED, false, "the signature does not match: secret_key is wrong"},
    {"InvalidAccessKeyId", TL_DENIED, false, "access_key is not known there"},
    {"AuthorizationHeaderMalformed", TL_DENIED, false, "the signature is refused: region is wrong"},
    {"PermanentRedirect", TL_DENIED, false, "the bucket is somewhere else: endpoint or region is wrong"},
    {"TemporaryRedirect", TL_UNAVAILABLE, true, "the bucket is being moved"},
    {"InvalidBucketName", TL_DENIED, false, "bucket is no name of a bucket"},
    {"EntityTooLarge", TL_ERROR, false, "the object is too large"},
    {"InvalidRange", TL_ERROR, false, "the object does not have this range"},
    {"OperationAborted", TL_UNAVAILABLE, true, "something else is changing this"},
    {"RequestTimeout", TL_UNAVAILABLE, true, "the request came too slowly"},
    {"InternalError", TL_UNAVAILABLE, true, "it fails inside"},
    {"SlowDown", TL_UNAVAILABLE, true, "it is overloaded and asks to slow down"},
    {"ServiceUnavailable", TL_UNAVAILABLE, true, "it is overloaded"},
};

/* Where no code came along: HEAD has none, and proxies have pages of their own. */
static meaning meaning_of_status(int status)
{
    switch (status) {
    case 404:
        return (meaning){"404", TL_NOT_FOUND, false, NULL};
    case 401:
    case 403:
        return (meaning){"403", TL_DENIED, false, "access is denied"};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return (meaning){"5xx", TL_UNAVAILABLE, true, "it fails or is overloaded"};
    case 301:
    case 307:
    case 308:
        return (meaning){"3xx", TL_DENIED, false, "the bucket is somewhere else: endpoint or region is wrong"};
    default:
        return (meaning){"other", TL_ERROR, false, "it refuses the request"};
    }
}

static meaning find_meaning(const s3_call *c)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i].code, c->code) == 0)
            return meanings[i];
    return meaning_of_status(c->status);
}

/* A code is a word; anything else is not repeated in the log. */
static const char *shown_code(const s3_call *c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    size_t length = strlen(c->code);
    return length > 0 && length < 64 && strspn(c->code, letters) == length ? c->code : "no code";
}

static const char *object_of(const s3_call *c)
{
    return c->key ? c->key : "the bucket";
}

static void tell(const s3_call *c, const char *what, const char *text, int result)
{
    if (!c->is_quiet || result == TL_UNAVAILABLE)
        store_tell(c->s3->store, c->req, what, "%s %.200s: %s (%s, status %d, attempt %d)", c->method, object_of(c),
                   text, shown_code(c), c->status, c->attempts);
}

/* Neither the secret nor the rights are wrong then, and only the clock can be put right. */
static int judge_clock(const s3_call *c)
{
    const char *date = transfer_header(c->transfer, "date");
    time_t theirs = date ? curl_getdate(date, NULL) : -1;
    int64_t off = theirs < 0 ? 0 : (int64_t)time(NULL) - (int64_t)theirs;
    if (!c->is_quiet)
        store_tell(c->s3->store, c->req, "clock",
                   "%s %.200s: refused because of the time: this machine's clock is %" PRId64
                   " s %s that of the storage (RequestTimeTooSkewed)",
                   c->method, object_of(c), off < 0 ? -off : off, off < 0 ? "behind" : "ahead of");
    return TL_DENIED;
}

static bool is_about_token(const char *code)
{
    static const char *const codes[] = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static int judge_answer(s3_call *c, bool *again)
{
    s3 *s = c->s3;
    bool is_error = c->answer && strcmp(c->answer->root, "Error") == 0;
    if (c->status / 100 == 2 && !is_error) {
        s->seen_at = loop_now(s->store->worker);
        return TL_OK;
    }
    snprintf(s->store->reason, sizeof s->store->reason, "%s", shown_code(c));
    if (strcmp(c->code, "RequestTimeTooSkewed") == 0)
        return judge_clock(c);
    if (is_about_token(c->code)) {
        *again = credentials_refused(s->credentials, &c->keys);
        int result = *again ? TL_UNAVAILABLE : TL_DENIED;
        tell(c, "token", "the temporary keys have ended", result);
        return result;
    }
    meaning m = find_meaning(c);
    /* Behind a status of success only the code counts. */
    if (c->status / 100 == 2 && strcmp(m.code, "other") == 0)
        m = (meaning){"within", TL_UNAVAILABLE, true, "it fails after it had begun to answer"};
    *again = m.again;
    if (m.text)
        tell(c, m.text, m.text, m.result);
    return m.result;
}

int s3_judge(s3_call *c, transfer_end end, bool *again)
{
    /* A visitor is not kept waiting for a storage that does not move twice. */
    bool has_time = c->req->deadline == 0;
    const char *text;
    switch (end) {
    case TRANSFER_DONE:
        return judge_answer(c, again);
    case TRANSFER_NO_CONNECT:
        text = "it cannot be reached";
        *again = true;
        break;
    case TRANSFER_STALLED:
        text = "it has stalled";
        *again = has_time && !c->is_told_once;
        break;
    case TRANSFER_BROKEN:
        text = "the connection broke";
        *again = !c->is_told_once;
        break;
    case TRANSFER_UNTRUSTED:
        text = "its certificate is not trusted (see ca_file)";
        *again = false;
        break;
    default:
        text = "its answer is too long";
        *again = false;
    }
    store_tell(c->s3->store, c->req, text, "%s %.200s: %s: %s (attempt %d)", c->method, object_of(c), text,
               transfer_error(c->transfer), c->attempts);
    return end == TRANSFER_TOO_LARGE ? TL_ERROR : TL_UNAVAILABLE;
}

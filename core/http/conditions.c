/*
 * Conditional requests (RFC 9110, 13): the tag of an answer, and what If-Match and If-None-Match say to it.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/entity_tags.h"
#include "core/http/private.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"

static void complain(tl_request *req, const char *what, const char *text)
{
    logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "%s: %.80s", what, text);
}

/* Part of SHA-256, in hexadecimal: by OpenSSL, which uses the processor's instructions for it. */
static void hash_of(const void *bytes, size_t length, char hex[ENTITY_TAG_HASH + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    sodium_bin2hex(hex, ENTITY_TAG_HASH + 1, digest, ENTITY_TAG_HASH / 2);
}

const char *http_etag(tl_request *req, const char *version, const void *bytes, size_t length)
{
    char hash[ENTITY_TAG_HASH + 1];
    hash_of(bytes, length, hash);
    const char *tag = arena_format(req->arena, "\"%s%s%s\"", version ? version : "", version ? "-" : "", hash);
    if (entity_tag_is_sound(tag))
        return tag;
    complain(req, "a version has characters that no entity tag may have, and is left out", version);
    return arena_format(req->arena, "\"%s\"", hash);
}

static tags_found find_none_match(tl_request *req, const char *tag, tag_rule rule)
{
    const char *list = http_header(req, "If-None-Match");
    return list ? entity_tags_find(list, tag, rule) : TAGS_NONE;
}

static int fail_condition(tl_request *req, const char *header, const char *wrong)
{
    return http_fail(req, 412, "Precondition failed: %s %s", header, wrong);
}

static int check_if_match(tl_request *req, const char *tag, tag_rule rule)
{
    const char *list = http_header(req, "If-Match");
    if (!list)
        return TL_OK;
    switch (entity_tags_find(list, tag, rule)) {
    case TAGS_FOUND:
    case TAGS_ANY:
        return TL_OK;
    case TAGS_NONE:
        return fail_condition(req, "If-Match", "does not name the current version");
    case TAGS_MALFORMED:
        break;
    }
    return fail_condition(req, "If-Match", "is no list of entity tags, nor '*'");
}

int http_check_read(tl_request *req, const char *etag)
{
    const http_exchange *x = req->http;
    if (!x || x->method != TL_GET)
        return TL_OK;
    if (!entity_tag_is_sound(etag)) {
        complain(req, "nothing is compared with what is no entity tag", etag);
        return TL_OK;
    }
    int result = check_if_match(req, etag, TAG_STRONG);
    if (result != TL_OK)
        return result;
    switch (find_none_match(req, etag, TAG_WEAK)) {
    case TAGS_FOUND:
    case TAGS_ANY:
        return TL_NOT_MODIFIED;
    case TAGS_NONE:
    case TAGS_MALFORMED: /* says nothing: the whole answer is never wrong */
        break;
    }
    return TL_OK;
}

int http_check_write(tl_request *req, const char *version)
{
    if (!req->http)
        return TL_OK;
    int result = check_if_match(req, version, TAG_VERSION);
    if (result != TL_OK)
        return result;
    switch (find_none_match(req, version, TAG_VERSION)) {
    case TAGS_NONE:
        return TL_OK;
    case TAGS_FOUND:
    case TAGS_ANY:
        return fail_condition(req, "If-None-Match", "names the current version");
    case TAGS_MALFORMED:
        break;
    }
    return fail_condition(req, "If-None-Match", "is no list of entity tags, nor '*'");
}

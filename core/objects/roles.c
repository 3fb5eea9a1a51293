/*
 * The endpoints of roles, as AWS documents them. Both are plain HTTP on addresses that only this machine has, so a
 * token or a document never goes to another host.
 */
#include "core/objects/roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/json/json.h"
#include "core/objects/s3_xml.h"
#include "core/objects/sigv4.h"

#define CONTAINER "http://169.254.170.2"
#define INSTANCE "http://169.254.169.254"
#define INSTANCE_KEYS "/latest/meta-data/iam/security-credentials/"

enum {
    ATTEMPTS = 3,
    PAUSE = 100, /* milliseconds, and twice that */
    CONNECT_TIMEOUT = 1000,
    STALL_TIMEOUT = 3000,
    ANSWER_LIMIT = 16384,
};

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The answer's text, NULL with a problem. What answers 4xx will do so again. */
static const char *ask(tl_request *req, transfers *all, const char *method, const char *url, const char *header,
                       const char **problem)
{
    const char *const headers[] = {header, NULL};
    const transfer_plan plan = {.method = method,
                                .url = url,
                                .headers = headers,
                                .connect_timeout = CONNECT_TIMEOUT,
                                .stall_timeout = STALL_TIMEOUT,
                                .answer_limit = ANSWER_LIMIT};
    const char *answer = NULL;
    int status = 0;
    for (int i = 0; i < ATTEMPTS && !answer && status / 100 != 4; i++) {
        if (i > 0 && request_sleep(req, PAUSE << (i - 1)) != TL_OK)
            break;
        transfer *t = transfer_start(all, &plan);
        if (!t)
            break;
        transfer_end end = transfer_wait(t, req, false);
        status = transfer_status(t);
        size_t length;
        if (end == TRANSFER_DONE && status == 200) {
            const char *text = transfer_answer(t, &length);
            answer = arena_copy_bytes(req->arena, text, length);
        } else {
            *problem = end == TRANSFER_DONE ? arena_format(req->arena, "%s answers with status %d", url, status)
                                            : arena_format(req->arena, "%s: %s", url, transfer_error(t));
        }
        transfer_free(t);
        if (end == TRANSFER_CANCELLED)
            break;
    }
    return answer;
}

static bool is_header(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

static const char *member(const tl_json *document, const char *name)
{
    const char *text = json_as_string(json_get(document, name));
    return text && *text && is_header(text) ? text : NULL;
}

const char *roles_read(tl_request *req, const char *text, size_t length, role_keys *keys)
{
    const tl_json *document = json_parse(req, text, length);
    const char *until = member(document, "Expiration");
    keys->access_key = member(document, "AccessKeyId");
    keys->secret_key = member(document, "SecretAccessKey");
    keys->token = member(document, "Token");
    int64_t microseconds = until ? s3_xml_time(until) : -1;
    keys->until = microseconds / 1000000;
    if (!keys->access_key || !keys->secret_key || !keys->token)
        return "the document has no AccessKeyId, SecretAccessKey and Token";
    return microseconds < 0 ? "the document has no Expiration" : NULL;
}

/* The first line of a file, without its end; NULL with a problem. */
static const char *read_token(tl_request *req, const char *path, const char **problem)
{
    char line[ANSWER_LIMIT] = "";
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (!is_read || !*line)
        *problem = arena_format(req->arena, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: %s", path);
    return is_read && *line ? arena_copy(req->arena, line) : NULL;
}

/* Plain HTTP goes to this machine's own addresses only: loopback, and those that containers get keys from. */
static bool is_own_address(const char *url)
{
    static const char *const addresses[] = {"http://127.0.0.1",     "http://localhost",      "http://[::1]",
                                            "http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]"};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        size_t length = strlen(addresses[i]);
        if (strncmp(url, addresses[i], length) == 0 && (url[length] == '/' || url[length] == ':'))
            return !strchr(url, '@');
    }
    return false;
}

static const char *ask_container(tl_request *req, transfers *all, const char **problem)
{
    const char *relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *url = relative ? arena_format(req->arena, CONTAINER "%s", relative)
                               : environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = file ? read_token(req, file, problem) : environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file && !token)
        return NULL;
    if (relative ? *relative != '/' : !is_own_address(url)) {
        *problem = "AWS_CONTAINER_CREDENTIALS_…_URI is no address of this machine";
        return NULL;
    }
    if (token && !is_header(token)) {
        *problem = "AWS_CONTAINER_AUTHORIZATION_TOKEN has control characters";
        return NULL;
    }
    return ask(req, all, "GET", url, token ? arena_format(req->arena, "Authorization: %s", token) : NULL, problem);
}

/* IMDSv2 alone: a session first, which a request forged by somebody else cannot begin. */
static const char *ask_instance(tl_request *req, transfers *all, const char **problem)
{
    const char *base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *disabled = environment("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0) {
        *problem = "neither the ini file nor the environment has keys, and AWS_EC2_METADATA_DISABLED is set";
        return NULL;
    }
    base = base ? arena_copy_bytes(req->arena, base, strlen(base) - (base[strlen(base) - 1] == '/')) : INSTANCE;
    const char *session = ask(req, all, "PUT", arena_format(req->arena, "%s/latest/api/token", base),
                              "X-aws-ec2-metadata-token-ttl-seconds: 21600", problem);
    if (!session)
        return NULL;
    if (!*session || !is_header(session)) {
        *problem = "the metadata service gives no session token";
        return NULL;
    }
    const char *header = arena_format(req->arena, "X-aws-ec2-metadata-token: %s", session);
    const char *names = ask(req, all, "GET", arena_format(req->arena, "%s" INSTANCE_KEYS, base), header, problem);
    if (!names)
        return NULL;
    const char *role = arena_copy_bytes(req->arena, names, strcspn(names, "\r\n"));
    if (!*role) {
        *problem = "this instance has no role";
        return NULL;
    }
    const char *url = arena_format(req->arena, "%s" INSTANCE_KEYS "%s", base, sigv4_encode(req->arena, role, false));
    return ask(req, all, "GET", url, header, problem);
}

int roles_ask(tl_request *req, transfers *all, role_keys *keys, const char **problem)
{
    bool is_container =
        environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    *problem = "out of memory";
    const char *text = is_container ? ask_container(req, all, problem) : ask_instance(req, all, problem);
    if (!text)
        return req->cancelled ? TL_CANCELLED : TL_UNAVAILABLE;
    *problem = roles_read(req, text, strlen(text), keys);
    return *problem ? TL_UNAVAILABLE : TL_OK;
}

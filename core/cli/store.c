/* talelio store check NAME: every right that the server needs, tried out one after the other. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/objects/objects.h"
#include "core/request/request.h"

enum {
    LARGE = (8 << 20) + 1, /* more than one part */
    LONG_AGO = 86400,
};

#define PROBES ".talelio-probe/"

typedef struct trial {
    tl_store *store;
    bool is_s3;
    char key[64];
    bool is_written;
    bool is_listed; /* so that "denied" means what it says, also of what is not there */
    bool is_bad;
} trial;

static int write_probe(tl_request *req, trial *t)
{
    int result = objects_put(req, t->store, t->key, t->key, strlen(t->key), NULL);
    t->is_written = result == TL_OK;
    return result;
}

static int read_probe(tl_request *req, trial *t)
{
    const void *bytes;
    tl_object about;
    int result = objects_get(req, t->store, t->key, sizeof t->key, &bytes, &about);
    if (result == TL_OK && strcmp(bytes, t->key) != 0)
        return TL_ERROR;
    /* Where nothing could be written, "not found" shows that reading is allowed. */
    return result == TL_NOT_FOUND && !t->is_written ? TL_OK : result;
}

static int list_probe(tl_request *req, trial *t)
{
    tl_object_list found;
    int result = objects_list(req, t->store, t->key, NULL, 1, &found);
    t->is_listed = result == TL_OK;
    return result == TL_OK && found.count != t->is_written ? TL_ERROR : result;
}

/* Begins an upload in parts and takes it back. */
static int abort_probe(tl_request *req, trial *t)
{
    int result;
    char *bytes = arena_alloc(req->arena, LARGE);
    tl_upload *u = objects_upload_begin(req, t->store, t->key, NULL, &result);
    if (!u)
        return result;
    result = objects_upload_write(req, u, bytes, LARGE);
    return result == TL_OK ? objects_upload_abort(req, u) : result;
}

/* Looks for uploads that were left behind long ago: below this key there are none. */
static int sweep_probe(tl_request *req, trial *t)
{
    return objects_sweep(req, t->store, t->key, LONG_AGO);
}

static int delete_probe(tl_request *req, trial *t)
{
    tl_object about;
    int result = objects_remove(req, t->store, t->key);
    if (result != TL_OK)
        return result;
    return objects_head(req, t->store, t->key, &about) == TL_OK ? TL_ERROR : TL_OK;
}

typedef struct step {
    const char *name;
    const char *right; /* as policies call it */
    int (*run)(tl_request *req, trial *t);
} step;

static const step steps[] = {
    {"write", "s3:PutObject", write_probe},
    {"list", "s3:ListBucket", list_probe},
    {"read", "s3:GetObject", read_probe},
    {"abort an upload", "s3:AbortMultipartUpload", abort_probe},
    {"list uploads", "s3:ListBucketMultipartUploads", sweep_probe},
    {"delete", "s3:DeleteObject", delete_probe},
};

/* Tells how it went; false when the steps behind it would go the same way. */
static bool tell(const trial *t, const step *s, int result)
{
    const char *reason = objects_reason(t->store);
    bool is_right = t->is_s3 && strcmp(reason, "AccessDenied") == 0;
    printf("%-16s ", s->name);
    if (result == TL_OK)
        printf("ok\n");
    else if (result == TL_DENIED && is_right)
        printf("denied: the right %s is missing\n", s->right);
    else if (result == TL_DENIED)
        printf("denied%s%s\n", *reason ? ": " : "", reason);
    else
        printf("%s\n", result == TL_UNAVAILABLE ? "not possible now" : "failed");
    return result == TL_OK || result == TL_ERROR || (result == TL_DENIED && (is_right || !t->is_s3));
}

/* What cannot be tried, and says nothing about its own right, once another one is missing. */
static bool is_unknown(const trial *t, const step *s)
{
    if (t->is_written || (s->run != abort_probe && (s->run != read_probe || t->is_listed)))
        return false;
    printf("%-16s not tried: nothing could be written%s\n", s->name, s->run == read_probe ? " or listed" : "");
    return true;
}

static void try_all(tl_request *req, void *arg)
{
    trial *t = arg;
    unsigned char random[8];
    char digits[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    snprintf(t->key, sizeof t->key, PROBES "%s", sodium_bin2hex(digits, sizeof digits, random, sizeof random));
    int result = TL_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (is_unknown(t, &steps[i]))
            continue;
        result = steps[i].run(req, t);
        t->is_bad = t->is_bad || result != TL_OK;
        if (!tell(t, &steps[i], result))
            break;
    }
    if (t->is_written && result != TL_OK)
        printf("The probe %s stays behind.\n", t->key);
}

static bool find(host *h, const char *name, trial *t)
{
    for (size_t i = 0; i < h->settings.store_count; i++)
        if (strcmp(h->settings.stores[i].name, name) == 0)
            t->is_s3 = strcmp(h->settings.stores[i].driver, "s3") == 0;
    t->store = objects_find(h->runtime.worker.objects, name);
    if (!t->store)
        problems_add(h->found, config_ini_path(h->config), 0, "there is no section [store:%s]", name);
    return t->store != NULL;
}

int command_store(const invocation *in)
{
    if (in->argc != 3 || strcmp(in->argv[1], "check") != 0)
        return cli_misused(cli_find("store"), "expected check and the NAME of a [store:NAME]");
    host h;
    trial t = {.is_bad = true};
    if (!host_read(&h, in))
        return host_close(&h, CLI_FAILED);
    /* What is wrong with plugins is no matter of the store's. */
    problems *of_plugins = problems_new();
    runtime_plan plan = {.role = ROLE_COMMAND, .name = "command", .serverless = true};
    runtime_open(&h.runtime, h.config, &h.settings, &plan, of_plugins);
    h.open = true;
    problems_free(of_plugins);
    if (find(&h, in->argv[2], &t)) {
        t.is_bad = false;
        if (!runtime_run(&h.runtime, try_all, &t))
            problems_add(h.found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
    }
    return host_close(&h, t.is_bad ? CLI_FAILED : CLI_OK);
}

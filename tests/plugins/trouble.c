/* A plugin that a test makes do what it should not: by its options at start, by its routes later. */
#include <stdlib.h>
#include <unistd.h>

#include <talelio/talelio.h>

static const char *at_init;
/* Not NULL, which the compiler's own checks would find first. */
static int *volatile nowhere = (int *)16;

static int hold(tl_request *req)
{
    while (*at_init)
        sleep(1);
    return tl_fail(req, 500, "never");
}

static int fault(tl_request *req)
{
    *nowhere = 1;
    return tl_fail(req, 500, "never");
}

static int fine(tl_request *req)
{
    return tl_reply(req, 200, "text/plain", "fine", 4);
}

/* In pieces that it keeps, and then as one answer. */
static int take_memory(tl_request *req)
{
    const int64_t mebibytes = strtoll(tl_path_param(req, "mebibytes"), NULL, 10);
    tl_json *all = tl_json_array(req);
    for (int64_t i = 0; i < mebibytes; i++) {
        char *text = tl_alloc(req, (size_t)1 << 20);
        memset(text, 'x', ((size_t)1 << 20) - 1);
        tl_json_append_string(all, text);
    }
    return tl_reply_json(req, 200, all);
}

static int say_worker(tl_request *req)
{
    const char *pid = tl_format(req, "%d", (int)getpid());
    return tl_reply(req, 200, "text/plain", pid, strlen(pid));
}

static int init(void)
{
    if (strcmp(at_init, "refuse") == 0)
        return tl_refuse("as it was told to");
    if (strcmp(at_init, "crash") == 0)
        *nowhere = 1;
    while (strcmp(at_init, "hang") == 0)
        sleep(1);
    return TL_OK;
}

static const tl_option options[] = {
    {"at_init", TL_OPTION_CHOICE, &at_init, "nothing", .choices = "nothing|refuse|crash|hang"},
    {0},
};

static const tl_route routes[] = {
    {TL_GET, "/trouble/hold", hold},         {TL_GET, "/trouble/fault", fault},
    {TL_GET, "/trouble/fine", fine},         {TL_GET, "/trouble/memory/:mebibytes", take_memory},
    {TL_GET, "/trouble/worker", say_worker}, {0},
};

TL_PLUGIN(.name = "trouble", .version = "1", .routes = routes, .options = options, .init = init);

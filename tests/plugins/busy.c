/* A plugin that keeps a thread of the blocking pool busy until a test lets it go. */
#include <fcntl.h>
#include <unistd.h>

#include <talelio/talelio.h>

static const char *gate;

/* Opening a FIFO waits until somebody opens it for writing. */
static void wait_at_gate(void *arg)
{
    (void)arg;
    close(open(gate, O_RDONLY));
}

static int busy(tl_request *req)
{
    int result = tl_blocking(req, wait_at_gate, NULL);
    if (result != TL_OK)
        return tl_fail_service(req, "a free thread", result);
    return tl_reply(req, 200, "text/plain", "done", 4);
}

static const tl_option options[] = {
    {"gate", TL_OPTION_STRING, &gate, ""},
    {0},
};

static const tl_route routes[] = {
    {TL_GET, "/busy", busy},
    {0},
};

TL_PLUGIN(.name = "busy", .version = "1", .routes = routes, .options = options);

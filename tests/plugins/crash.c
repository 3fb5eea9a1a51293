/* Routes that end their worker in several ways, and some that hold on, and say so: until a file is there, or for ever.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <talelio/talelio.h>

static bool crash_in_init;
/* Not NULL, which the compiler's own checks would find first. */
static int *volatile nowhere = (int *)16;

static int fault(tl_request *req)
{
    *nowhere = 1;
    return tl_fail(req, 500, "never");
}

static int deeper(volatile char *above, int depth)
{
    volatile char room[512];
    if (depth == 100000000)
        return 0;
    room[0] = (char)(above[0] + depth);
    return deeper(room, depth + 1) + room[0];
}

static int overflow(tl_request *req)
{
    volatile char top[1] = {0};
    return tl_fail(req, 500, "%d", deeper(top, 0));
}

static int give_up(tl_request *req)
{
    tl_sleep(req, 1);
    abort();
}

/* Until there is a file of the name "gate". */
static int gate(tl_request *req)
{
    tl_log(req, TL_INFO, "waits");
    while (access("gate", F_OK) != 0)
        if (tl_sleep(req, 10) != TL_OK)
            return tl_fail(req, 503, "cut off");
    return tl_reply(req, 200, "text/plain", "done", 4);
}

static int endless(tl_request *req)
{
    tl_log(req, TL_INFO, "waits");
    while (tl_sleep(req, 100000) == TL_OK)
        ;
    return tl_fail(req, 503, "cut off");
}

static int who(tl_request *req)
{
    const char *pid = tl_format(req, "%d", (int)getpid());
    return tl_reply(req, 200, "text/plain", pid, strlen(pid));
}

static int init(void)
{
    if (crash_in_init)
        *nowhere = 1;
    return TL_OK;
}

static const tl_option options[] = {{"crash_in_init", TL_OPTION_BOOL, &crash_in_init, "no"}, {0}};

static const tl_route routes[] = {
    {TL_GET, "/crash/fault", fault},
    {TL_GET, "/crash/overflow/:depth", overflow},
    {TL_GET, "/crash/abort", give_up},
    {TL_GET, "/crash/gate", gate},
    {TL_GET, "/crash/endless", endless},
    {TL_GET, "/crash/who", who},
    {0},
};

TL_PLUGIN(.name = "crash", .version = "6.6", .routes = routes, .options = options, .init = init);

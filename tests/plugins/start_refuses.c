/* Its start refuses, after it has waited. */
#include <talelio/talelio.h>

static int start(tl_request *req)
{
    tl_sleep(req, 1);
    return tl_refuse("not before tomorrow");
}

TL_PLUGIN(.name = "start_refuses", .version = "1", .start = start);

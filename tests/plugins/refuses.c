/* Its init refuses, with a text. */
#include <talelio/talelio.h>

static int init(void)
{
    return tl_refuse("the %s is too %s", "moon", "far");
}

TL_PLUGIN(.name = "refuses", .version = "1", .init = init);

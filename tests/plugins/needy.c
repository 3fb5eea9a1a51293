/* Cannot do without "shared.v1". */
#include <talelio/talelio.h>

static const void *shared;

static const tl_need needs[] = {{"shared.v1", &shared}, {0}};

static int init(void)
{
    return shared ? TL_OK : tl_refuse("init ran without what it needs");
}

TL_PLUGIN(.name = "needy", .version = "1", .needs = needs, .init = init);

/* Needs a service that no plugin has. */
#include <talelio/talelio.h>

static const void *missing;

static const tl_need needs[] = {{"missing.v7", &missing}, {0}};

TL_PLUGIN(.name = "lonely", .version = "1", .needs = needs);

/* Provides "shared.v1". */
#include <talelio/talelio.h>

static const size_t functions = sizeof functions;

static const tl_service provides[] = {{"shared.v1", &functions}, {0}};

TL_PLUGIN(.name = "provider", .version = "1", .provides = provides);

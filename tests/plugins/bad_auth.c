/* Provides auth.v1 with a table that lacks its function. */
#include <talelio/talelio.h>

static const tl_auth_v1 auth = {.struct_size = sizeof(size_t)};

static const tl_service provides[] = {{TL_AUTH_V1, &auth}, {0}};

TL_PLUGIN(.name = "bad_auth", .version = "1", .provides = provides);

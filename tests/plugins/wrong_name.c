/* Calls itself something else than its file and section. */
#include <talelio/talelio.h>

TL_PLUGIN(.name = "another", .version = "1");

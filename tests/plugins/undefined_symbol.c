/* Needs a function that nobody has. */
#include <talelio/talelio.h>

int nobody_has_this(void);

static int init(void)
{
    return nobody_has_this();
}

TL_PLUGIN(.name = "undefined_symbol", .version = "1", .init = init);

/* A library that is no plugin. */
#include <talelio/talelio.h>

TL_EXPORT int something_else(void);

int something_else(void)
{
    return 1;
}

#include "tests/unit/support/fixture.h"

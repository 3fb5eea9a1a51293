#include "core/worker.h"

worker *the_worker;

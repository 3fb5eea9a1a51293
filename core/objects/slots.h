/*
 * A bounded number of something at once: who comes late waits in line, for a bounded time.
 */
#ifndef CORE_OBJECTS_SLOTS_H
#define CORE_OBJECTS_SLOTS_H

#include <sys/queue.h>

#include "core/request/request.h"

struct event;
struct slot_patient;

typedef struct slots {
    struct worker *worker;
    size_t most, taken;
    int64_t patience; /* milliseconds */
    struct event *timer;
    TAILQ_HEAD(, slot_patient) line;
} slots;

/* False: the loop refuses. */
bool slots_open(slots *s, struct worker *w, size_t most, int64_t patience);
void slots_close(slots *s);

/* TL_OK, TL_UNAVAILABLE after too long in the line, or TL_CANCELLED (never when it `insists`). */
int slots_take(tl_request *req, slots *s, bool insists);
void slots_give(slots *s);

#endif

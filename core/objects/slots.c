/*
 * Slots, handed on in the order of the line.
 */
#include "core/objects/slots.h"

#include <event2/event.h>

#include "core/worker.h"

typedef struct slot_patient {
    TAILQ_ENTRY(slot_patient) entry;
    slots *owner;
    waiter wait;
    int64_t until;
    bool has_slot;
} slot_patient;

/* All are equally patient, so the first in the line is the first to give up. */
static void watch(slots *s)
{
    slot_patient *first = TAILQ_FIRST(&s->line);
    if (!first)
        return;
    int64_t left = first->until - loop_now(s->worker);
    left = left > 0 ? left : 1;
    event_add(s->timer, &(struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000});
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    slots *s = arg;
    int64_t now = loop_now(s->worker);
    for (slot_patient *p = TAILQ_FIRST(&s->line); p && p->until <= now; p = TAILQ_FIRST(&s->line)) {
        TAILQ_REMOVE(&s->line, p, entry);
        wait_finish(&p->wait);
    }
    watch(s);
}

bool slots_open(slots *s, struct worker *w, size_t most, int64_t patience)
{
    *s = (slots){.worker = w, .most = most, .patience = patience};
    TAILQ_INIT(&s->line);
    s->timer = evtimer_new(w->base, on_timer, s);
    return s->timer != NULL;
}

void slots_close(slots *s)
{
    if (s->timer)
        event_free(s->timer);
}

static void leave(waiter *w)
{
    slot_patient *p = w->owner;
    TAILQ_REMOVE(&p->owner->line, p, entry);
}

int slots_take(tl_request *req, slots *s, bool insists)
{
    if (s->taken < s->most) {
        s->taken++;
        return TL_OK;
    }
    slot_patient p = {.owner = s, .until = loop_now(s->worker) + s->patience};
    wait_init(&p.wait, req, insists ? NULL : leave, &p);
    bool is_first = TAILQ_EMPTY(&s->line);
    TAILQ_INSERT_TAIL(&s->line, &p, entry);
    if (is_first)
        watch(s);
    int result = request_wait(req, &p.wait);
    return result == TL_OK && !p.has_slot ? TL_UNAVAILABLE : result;
}

void slots_give(slots *s)
{
    slot_patient *first = TAILQ_FIRST(&s->line);
    if (!first) {
        s->taken--;
        return;
    }
    TAILQ_REMOVE(&s->line, first, entry);
    first->has_slot = true;
    wait_finish(&first->wait);
}

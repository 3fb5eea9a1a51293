/*
 * What has a sound manifest is judged by the rules. What never got one goes after a day, for it may still be on its way
 * until then. What is refused (altered, or made with a key that is missing) is somebody's to look at, and stays.
 */
#include "plugins/backup/prune.h"

#define SETTLED (INT64_C(24) * 60 * 60 * 1000000)

static void judge_unfinished(const entry *e, pruned *p)
{
    bool is_old = tl_now() - e->touched > SETTLED;

    if (e->has_manifest) {
        p->why = "it is refused: look at it, and delete it by hand";
    } else if (is_old) {
        p->goes = true;
        p->why = "it was never finished";
    } else {
        p->why = "it may still be on its way";
    }
}

static void judge(task *t, const catalog *c, prune_list *list)
{
    retained *sound = tl_alloc(t->req, (c->count + 1) * sizeof *sound);
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].manifest)
            sound[count++] = (retained){.time = c->items[i].time, .verified = entry_is_verified(&c->items[i])};
    retention_choose(&backup_options.keep, sound, count);
    count = 0;
    for (size_t i = 0; i < c->count; i++) {
        pruned *p = &list->items[i];
        *p = (pruned){.name = c->items[i].name, .state = entry_state(&c->items[i])};
        if (c->items[i].manifest) {
            p->why = sound[count++].why;
            p->goes = p->why == NULL;
            p->why = p->goes ? "no rule keeps it" : p->why;
        } else {
            judge_unfinished(&c->items[i], p);
        }
        list->going += p->goes;
    }
}

int prune_run(task *t, bool is_dry, prune_list *list)
{
    catalog c;
    int result = catalog_read(t, &c);

    *list = (prune_list){0};
    if (result != TL_OK)
        return result;
    list->items = tl_alloc(t->req, (c.count + 1) * sizeof *list->items);
    list->count = c.count;
    judge(t, &c, list);
    for (size_t i = 0; i < list->count && !is_dry && result == TL_OK; i++)
        if (list->items[i].goes)
            result = catalog_delete(t, list->items[i].name);
    return result;
}

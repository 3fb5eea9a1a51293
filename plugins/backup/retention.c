/* Daily, weekly, monthly. The rules are independent of each other: what one of them keeps is kept. */
#include "plugins/backup/retention.h"

#include <time.h>

enum { DAY = 24 * 60 * 60 };

static int64_t day_of(int64_t time)
{
    return time / DAY;
}

static int64_t week_of(int64_t time)
{
    /* 1 January 1970 was a Thursday. */
    return (time / DAY + 3) / 7;
}

static int64_t month_of(int64_t time)
{
    struct tm at;
    time_t moment = (time_t)time;

    gmtime_r(&moment, &at);
    return (int64_t)at.tm_year * 12 + at.tm_mon;
}

/* The one that stands for the period which ends with items[last]; `*first` is where the period begins. */
static size_t delegate(const retained *items, size_t last, int64_t (*period_of)(int64_t time), size_t *first)
{
    int64_t period = period_of(items[last].time);
    size_t best = last;

    *first = last;
    while (*first > 0 && period_of(items[*first - 1].time) == period) {
        --*first;
        if (!items[best].verified && items[*first].verified)
            best = *first;
    }
    return best;
}

static void keep(retained *items, size_t count, int64_t wanted, int64_t (*period_of)(int64_t time), const char *why)
{
    for (size_t end = count, first; end > 0 && wanted > 0; end = first, wanted--) {
        size_t best = delegate(items, end - 1, period_of, &first);
        if (!items[best].why)
            items[best].why = why;
    }
}

static void keep_verified(retained *items, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        if (items[i - 1].verified) {
            items[i - 1].why = "the last verified one";
            return;
        }
    }
    for (size_t i = 0; i < count; i++)
        items[i].why = "none is verified";
}

void retention_choose(const retention_rules *rules, retained *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i].why = NULL;
    keep_verified(items, count);
    keep(items, count, rules->daily, day_of, "daily");
    keep(items, count, rules->weekly, week_of, "weekly");
    keep(items, count, rules->monthly, month_of, "monthly");
}

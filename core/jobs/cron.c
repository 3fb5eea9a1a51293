/*
 * Reading the five fields. What a schedule means when clocks change is for due.c.
 */
#include "core/jobs/cron.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FIELDS = 5, SHOWN = 40 };

typedef struct field {
    const char *name;
    int least, most;
    const char *names; /* three letters each */
    int first_name;
} field;

static const field fields[FIELDS] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of month", 1, 31, NULL, 0},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
    {"day of week", 0, 7, "sunmontuewedthufrisat", 0},
};

static const struct {
    const char *word, *means;
} aliases[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* A piece of the text: what is being read. */
typedef struct piece {
    const char *at;
    const char *end;
} piece;

typedef struct reading {
    const field *field;
    piece whole; /* the field, for messages */
    char *error;
} reading;

static bool wrong(const reading *r, const char *expected)
{
    int length = (int)(r->whole.end - r->whole.at);
    snprintf(r->error, CRON_ERROR_SIZE, "%s '%.*s%s': expected %s", r->field->name, length < SHOWN ? length : SHOWN,
             r->whole.at, length < SHOWN ? "" : "…", expected);
    return false;
}

static bool wrong_value(const reading *r)
{
    char expected[100];
    snprintf(expected, sizeof expected, "numbers from %d to %d%s", r->field->least, r->field->most,
             !r->field->names           ? ""
             : r->field->first_name > 0 ? " or names from jan to dec"
                                        : " (0 and 7 are Sunday) or names from sun to sat");
    return wrong(r, expected);
}

/* Three digits are more than any value has. */
static bool read_number(piece *p, int *value)
{
    const char *start = p->at;
    *value = 0;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9' && p->at - start < 4)
        *value = *value * 10 + *p->at++ - '0';
    return p->at > start && p->at - start < 4;
}

static bool read_value(const field *f, piece *p, int *value)
{
    if (read_number(p, value))
        return *value >= f->least && *value <= f->most;
    for (int i = 0; f->names && f->names[3 * i] && p->end - p->at >= 3; i++) {
        if (strncasecmp(p->at, f->names + 3 * i, 3) != 0)
            continue;
        p->at += 3;
        *value = f->first_name + i;
        return true;
    }
    return false;
}

static bool take(piece *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

/* One item of a list: *, * with a step, value, from-to, from-to/step. */
static bool read_item(const reading *r, piece p, uint64_t *set)
{
    const field *f = r->field;
    int from = f->least, to = f->most, step = 1;
    bool range = true;
    if (!take(&p, '*')) {
        if (!read_value(f, &p, &from))
            return wrong_value(r);
        to = from;
        range = take(&p, '-');
        if (range && !read_value(f, &p, &to))
            return wrong_value(r);
        /* A week may end with its Sunday. */
        if (range && f->most == 7 && to == 0 && from > 0)
            to = 7;
    } else if (f->most == 7) {
        to = 6;
    }
    if (take(&p, '/')) {
        if (!range)
            return wrong(r, "a step behind '*' or a range, as in */5 or 10-30/5");
        if (!read_number(&p, &step) || step < 1 || step > f->most)
            return wrong(r, "a step of 1 or more that fits into the range");
    }
    if (p.at != p.end)
        return wrong(r, "numbers, ranges (1-5), steps (*/5) and lists of them (1,3,5), without anything else");
    if (from > to)
        return wrong(r, "a range whose end is not below its start");
    for (int value = from; value <= to; value += step)
        *set |= UINT64_C(1) << (value & 63);
    return true;
}

static bool read_field(const reading *r, uint64_t *set)
{
    *set = 0;
    const char *at = r->whole.at;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(r->whole.end - at));
        piece item = {at, comma ? comma : r->whole.end};
        if (item.at == item.end)
            return wrong(r, "a value on each side of a comma");
        if (!read_item(r, item, set))
            return false;
        if (!comma)
            return true;
        at = comma + 1;
    }
}

/* Does any of the months have any of the days? */
static bool date_exists(const cron *c)
{
    static const int days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int first = __builtin_ctz(c->days);
    for (int month = 1; month <= 12; month++)
        if (c->months >> month & 1 && first <= days[month])
            return true;
    return false;
}

static size_t split(const char *text, piece pieces[FIELDS])
{
    size_t count = 0;
    while (*(text += strspn(text, " \t"))) {
        size_t length = strcspn(text, " \t");
        if (count < FIELDS)
            pieces[count] = (piece){text, text + length};
        count++;
        text += length;
    }
    return count;
}

static const char *resolve_alias(const char *text, char *error)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcasecmp(text, aliases[i].word) == 0)
            return aliases[i].means;
    snprintf(error, CRON_ERROR_SIZE,
             "'%.*s': expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or five fields", SHOWN,
             text);
    return NULL;
}

bool cron_parse(const char *text, cron *out, char error[CRON_ERROR_SIZE])
{
    if (*text == '@') {
        text = resolve_alias(text, error);
        if (!text)
            return false;
    }
    piece pieces[FIELDS];
    size_t count = split(text, pieces);
    if (count != FIELDS) {
        snprintf(error, CRON_ERROR_SIZE,
                 "expected five fields (minute, hour, day of month, month, day of week), found %zu", count);
        return false;
    }
    uint64_t sets[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        if (!read_field(&(reading){&fields[i], pieces[i], error}, &sets[i]))
            return false;
    *out = (cron){
        .minutes = sets[0],
        .hours = (uint32_t)sets[1],
        .days = (uint32_t)sets[2],
        .months = (uint32_t)sets[3],
        .weekdays = (uint32_t)((sets[4] | sets[4] >> 7) & 0x7f),
        .minute_star = *pieces[0].at == '*',
        .hour_star = *pieces[1].at == '*',
        .day_star = *pieces[2].at == '*',
        .weekday_star = *pieces[4].at == '*',
    };
    if ((out->weekday_star || out->day_star) && !date_exists(out)) {
        snprintf(error, CRON_ERROR_SIZE, "day of month and month: no such date ever comes");
        return false;
    }
    return true;
}

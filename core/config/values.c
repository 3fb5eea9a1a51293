/* Reading values: numbers with their units, words, lists. What is not exactly right is refused. */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "core/config/parts.h"

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

static const unit no_units[] = {{"", 1}, {0}};
static const unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {0}};
static const unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {0}};

/* Decimal digits, with a '-' before them where that is allowed, and one of the units behind them. */
static bool parse_number(const char *text, const unit *units, int64_t *out)
{
    bool is_negative = units == no_units && *text == '-';
    uint64_t number = 0;
    const char *at = text + is_negative;
    const char *first = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (number > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (at == first)
        return false;
    /* Nought is nought in any unit. */
    if (number == 0 && !*at) {
        *out = 0;
        return true;
    }
    for (; units->name; units++) {
        if (strcmp(at, units->name) == 0) {
            if (number > (uint64_t)(INT64_MAX / units->factor))
                return false;
            *out = (int64_t)number * units->factor * (is_negative ? -1 : 1);
            return true;
        }
    }
    return false;
}

/* The number in the largest unit that leaves no rest. */
static const char *format_number(arena *memory, int64_t number, const unit *units)
{
    while (units[1].name && (number == 0 || number % units->factor != 0))
        units++;
    return arena_format(memory, "%" PRId64 "%s", number / units->factor, units->name);
}

static const char *check_number(arena *memory, const tl_option *option, const char *text, const unit *units,
                                const char *form, int64_t *out)
{
    bool is_limited = option->min != 0 || option->max != 0;
    if (parse_number(text, units, out) && (!is_limited || (*out >= option->min && *out <= option->max)))
        return NULL;
    if (!is_limited)
        return form;
    return arena_format(memory, "%s from %s to %s", form, format_number(memory, option->min, units),
                        format_number(memory, option->max, units));
}

static const char *check_choice(arena *memory, const char *choices, const char *text, parsed *out)
{
    size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        size_t choice = strcspn(at, "|");
        if (choice == length && memcmp(at, text, length) == 0) {
            out->text = arena_copy(memory, text);
            return NULL;
        }
    }
    const char *words = "";
    for (const char *at = choices; *at;) {
        size_t choice = strcspn(at, "|");
        words = arena_format(memory, "%s%s%.*s", words, !*words ? "" : at[choice] ? ", " : " or ", (int)choice, at);
        at += choice + (at[choice] == '|');
    }
    return words;
}

static size_t trimmed(const char **item, size_t length)
{
    while (length > 0 && strchr(" \t", **item)) {
        (*item)++;
        length--;
    }
    while (length > 0 && strchr(" \t", (*item)[length - 1]))
        length--;
    return length;
}

static const char *parse_list(arena *memory, const char *text, parsed *out)
{
    const char *rest = text;
    if (trimmed(&rest, strlen(rest)) == 0)
        return NULL;
    size_t count = 1;
    for (const char *at = text; *at; at++)
        count += *at == ',';
    const char **items = arena_alloc(memory, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(text, ",");
        const char *item = text;
        size_t kept = trimmed(&item, length);
        if (kept == 0)
            return "a list such as \"one, two\", without empty places";
        items[i] = arena_copy_bytes(memory, item, kept);
        text += length + 1;
    }
    out->list = (tl_list){.items = items, .count = count};
    return NULL;
}

const char *value_parse(arena *memory, const tl_option *option, const char *text, parsed *out)
{
    *out = (parsed){0};
    switch (option->type) {
    case TL_OPTION_STRING:
    case TL_OPTION_SECRET:
        out->text = arena_copy(memory, text);
        return *text || option->fallback ? NULL : "a value that is not empty";
    case TL_OPTION_INT:
        return check_number(memory, option, text, no_units, "a whole number", &out->number);
    case TL_OPTION_DURATION:
        return check_number(memory, option, text, durations, "a duration like 250ms, 30s, 15m, 12h or 7d",
                            &out->number);
    case TL_OPTION_SIZE:
        return check_number(memory, option, text, sizes, "a size like 512, 64K, 2M or 1G", &out->number);
    case TL_OPTION_BOOL:
        out->truth = strcmp(text, "yes") == 0;
        return out->truth || strcmp(text, "no") == 0 ? NULL : "yes or no";
    case TL_OPTION_CHOICE:
        return check_choice(memory, option->choices ? option->choices : "", text, out);
    case TL_OPTION_LIST:
        return parse_list(memory, text, out);
    }
    return "an option of a type that this server knows";
}

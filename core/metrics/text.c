/*
 * All blocks as one text: Prometheus' format 0.0.4. Names that no live process has registered are left out, so those of
 * a plugin that was switched off go with the last process that had it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/metrics/private.h"

/* An entry with the block it stands in. */
typedef struct found_entry {
    const metric_entry *entry;
    bool live; /* its process lives, and has registered it */
} found_entry;

typedef struct collection {
    found_entry *items;
    size_t count;
} collection;

static int by_name(const void *left, const void *right)
{
    const metric_entry *a = ((const found_entry *)left)->entry, *b = ((const found_entry *)right)->entry;
    int order = strcmp(a->name, b->name);
    if (order == 0)
        order = a->order - b->order;
    return order != 0 ? order : strcmp(a->labels, b->labels);
}

static bool collect(const metrics *m, collection *all)
{
    size_t most = 0;
    for (size_t i = 0; i < m->count; i++)
        most += __atomic_load_n(&m->blocks[i].count, __ATOMIC_ACQUIRE);
    all->items = malloc((most + 1) * sizeof *all->items);
    if (!all->items)
        return false;
    for (size_t i = 0; i < m->count; i++) {
        const metric_block *b = &m->blocks[i];
        uint32_t count = __atomic_load_n(&b->count, __ATOMIC_ACQUIRE);
        bool live = __atomic_load_n(&b->pid, __ATOMIC_ACQUIRE) != 0;
        for (uint32_t j = 0; j < count && all->count < most; j++)
            all->items[all->count++] = (found_entry){&b->entries[j], live && b->entries[j].generation == b->generation};
    }
    qsort(all->items, all->count, sizeof *all->items, by_name);
    return true;
}

static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '\n')
            fputc('\\', out);
        fputc(*text == '\n' ? 'n' : *text, out);
    }
}

/* The shortest text that reads back as the same number. */
static void print_value(FILE *out, double value)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        fputs(isnan(value) ? "NaN\n" : value > 0 ? "+Inf\n" : "-Inf\n", out);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fprintf(out, "%s\n", text);
}

static void print_sample(FILE *out, const metric_entry *e, const char *suffix, double value)
{
    fprintf(out, "%s%s", e->name, suffix);
    if (e->labels[0])
        fprintf(out, "{%s}", e->labels);
    fputc(' ', out);
    print_value(out, value);
}

static double load(const metric_entry *e)
{
    double value;
    __atomic_load(&e->cell.value, &value, __ATOMIC_RELAXED);
    return value;
}

/* The entries of one name and one set of labels, as one number. False: a gauge that was never set. */
static bool merge(const found_entry *items, size_t count, metric_kind kind, double *value)
{
    int64_t newest = 0;
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        const metric_entry *e = items[i].entry;
        if (e->kind != kind)
            continue;
        if (kind == METRIC_GAUGE) {
            int64_t stamp = __atomic_load_n(&e->cell.stamp, __ATOMIC_ACQUIRE);
            if (stamp <= newest)
                continue;
            newest = stamp;
            *value = load(e);
        } else if (kind != METRIC_LIVE || items[i].live) {
            *value += load(e);
        }
    }
    return kind != METRIC_GAUGE || newest > 0;
}

static const char *type_name(metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_BUCKET:
    case METRIC_SUM:
        return "histogram";
    default:
        return "gauge";
    }
}

/* The newest generation says what a name is; NULL: no live process has it. */
static const metric_entry *leader(const found_entry *items, size_t count)
{
    const found_entry *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (items[i].live && (!best || items[i].entry->generation > best->entry->generation))
            best = &items[i];
    return best ? best->entry : NULL;
}

/* All that has one name. */
static void print_family(FILE *out, const found_entry *items, size_t count)
{
    const metric_entry *lead = leader(items, count);
    if (!lead)
        return;
    fprintf(out, "# HELP %s ", lead->name);
    print_escaped(out, lead->help);
    fprintf(out, "\n# TYPE %s %s\n", lead->name, type_name((metric_kind)lead->kind));
    double below = 0;
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && by_name(&items[i], &items[i + n]) == 0; n++)
            ;
        const metric_entry *head = leader(items + i, n);
        if (!head || strcmp(type_name((metric_kind)head->kind), type_name((metric_kind)lead->kind)) != 0)
            continue;
        double value;
        if (!merge(items + i, n, (metric_kind)head->kind, &value))
            continue;
        if (head->kind == METRIC_BUCKET) {
            print_sample(out, head, "_bucket", below += value);
        } else if (head->kind == METRIC_SUM) {
            print_sample(out, head, "_sum", value);
            print_sample(out, head, "_count", below);
        } else {
            print_sample(out, head, "", value);
        }
    }
}

/* Memory in use, as the kernel counts it; 0: the process has just ended. */
static double resident_bytes(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    unsigned long total, resident = 0;
    if (file && fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* Of two processes with one name, the older finishes what it has. */
static bool is_newest(const metrics *m, const metric_block *b)
{
    for (size_t i = 0; i < m->count; i++)
        if (__atomic_load_n(&m->blocks[i].pid, __ATOMIC_ACQUIRE) != 0 && m->blocks[i].generation > b->generation &&
            strncmp(m->blocks[i].process, b->process, sizeof b->process) == 0)
            return false;
    return true;
}

/* Asked for here and now, since every process can be asked about from outside. */
static void print_memory(FILE *out, const metrics *m)
{
    static const char name[] = "talelio_process_resident_bytes";
    fprintf(out, "# HELP %s Memory in use, of the newest process of each name\n# TYPE %s gauge\n", name, name);
    for (size_t i = 0; i < m->count; i++) {
        const metric_block *b = &m->blocks[i];
        int32_t pid = __atomic_load_n(&b->pid, __ATOMIC_ACQUIRE);
        double bytes = pid != 0 && is_newest(m, b) ? resident_bytes(pid) : 0;
        if (bytes > 0) {
            fprintf(out, "%s{process=\"%.*s\"} ", name, (int)sizeof b->process - 1, b->process);
            print_value(out, bytes);
        }
    }
}

char *metrics_text(metrics *m, size_t *length)
{
    collection all = {0};
    char *text = NULL;
    FILE *out = collect(m, &all) ? open_memstream(&text, length) : NULL;
    if (!out) {
        free(all.items);
        return NULL;
    }
    for (size_t i = 0, n; i < all.count; i += n) {
        for (n = 1; i + n < all.count && strcmp(all.items[i].entry->name, all.items[i + n].entry->name) == 0; n++)
            ;
        print_family(out, all.items + i, n);
    }
    print_memory(out, m);
    free(all.items);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

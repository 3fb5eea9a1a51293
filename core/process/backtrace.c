/*
 * A table of the code in memory, made while all is well and only read when it is not.
 */
#include "core/process/backtrace.h"

#include <execinfo.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "core/process/scoreboard.h"

enum { MOST_MODULES = 128, MOST_FRAMES = 32, OWN_FRAMES = 2 /* this file's and the handler's */, NAME_SIZE = 64 };

typedef struct module {
    uintptr_t base;
    uintptr_t from;
    uintptr_t to;
    char name[NAME_SIZE];
} module;

static module modules[MOST_MODULES];
static size_t module_count;

static struct {
    char path[NAME_SIZE];
    char name[NAME_SIZE];
} names[MOST_MODULES];
static size_t name_count;

void backtrace_prepare(void)
{
    void *frames[1];
    backtrace(frames, 1);
}

void backtrace_name(const char *path, const char *name)
{
    if (name_count == MOST_MODULES)
        return;
    board_copy(names[name_count].path, NAME_SIZE, path);
    board_copy(names[name_count++].name, NAME_SIZE, name);
}

static const char *name_of(const char *path)
{
    for (size_t i = 0; i < name_count; i++)
        if (strcmp(names[i].path, path) == 0)
            return names[i].name;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return *name ? name : "talelio";
}

static int learn(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (module_count == MOST_MODULES)
        return 1;
    module *m = &modules[module_count];
    *m = (module){.base = info->dlpi_addr, .from = UINTPTR_MAX};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        uintptr_t from = m->base + part->p_vaddr;
        m->from = from < m->from ? from : m->from;
        m->to = from + part->p_memsz > m->to ? from + part->p_memsz : m->to;
    }
    if (m->to > m->from) {
        board_copy(m->name, sizeof m->name, name_of(info->dlpi_name));
        module_count++;
    }
    return 0;
}

void backtrace_learn(void)
{
    module_count = 0;
    dl_iterate_phdr(learn, NULL);
}

static size_t put(char *text, size_t size, size_t at, const char *what)
{
    while (*what && at + 1 < size)
        text[at++] = *what++;
    text[at] = '\0';
    return at;
}

static size_t put_number(char *text, size_t size, size_t at, uintptr_t number)
{
    char digits[2 * sizeof number + 1];
    size_t i = sizeof digits - 1;
    digits[i] = '\0';
    do
        digits[--i] = "0123456789abcdef"[number & 15];
    while ((number >>= 4) != 0);
    return put(text, size, put(text, size, at, "0x"), digits + i);
}

void backtrace_write(char *text, size_t size)
{
    void *frames[MOST_FRAMES];
    /* An unwinder that got stuck must not keep the process from dying. */
    alarm(1);
    int count = backtrace(frames, MOST_FRAMES);
    alarm(0);
    size_t at = 0;
    for (int i = OWN_FRAMES; i < count; i++) {
        uintptr_t address = (uintptr_t)frames[i];
        const module *m = modules;
        const module *end = modules + module_count;
        while (m < end && (address < m->from || address >= m->to))
            m++;
        at = put(text, size, at, at > 0 ? " " : "");
        if (m < end) {
            at = put(text, size, at, m->name);
            at = put(text, size, at, "+");
        }
        at = put_number(text, size, at, m < end ? address - m->base : address);
    }
}

/*
 * The scoreboard's memory, and how its contents read. Who dies of what is for core/process/crash.c and the master.
 */
#include "core/process/scoreboard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void board_copy(char *to, size_t size, const char *from)
{
    size_t i = 0;
    while (from && from[i] && i + 1 < size) {
        to[i] = from[i];
        i++;
    }
    to[i] = '\0';
}

void board_phase(scoreboard_slot *slot, const char *phase, const char *plugin, const char *version)
{
    board_copy(slot->phase, sizeof slot->phase, phase);
    board_copy(slot->phase_plugin, sizeof slot->phase_plugin, plugin);
    board_copy(slot->phase_version, sizeof slot->phase_version, version);
}

int board_create(size_t count)
{
    int fd = memfd_create("talelio-scoreboard", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)(count * sizeof(scoreboard_slot))) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

scoreboard_slot *board_map(int fd, size_t count)
{
    void *board = mmap(NULL, count * sizeof(scoreboard_slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return board == MAP_FAILED ? NULL : board;
}

void board_unmap(scoreboard_slot *board, size_t count)
{
    if (board)
        munmap(board, count * sizeof(scoreboard_slot));
}

/* Appends at most `limit` bytes of `value`. */
static size_t append(char *text, size_t size, size_t at, const char *value, size_t limit)
{
    for (size_t i = 0; i < limit && value[i] && at + 1 < size; i++)
        text[at++] = value[i];
    text[at] = '\0';
    return at;
}

/* A field behind its label; nothing when the field is empty. */
static size_t append_field(char *text, size_t size, size_t at, const char *label, const char *field, size_t limit)
{
    if (!field[0])
        return at;
    at = append(text, size, at, label, strlen(label));
    return append(text, size, at, field, limit);
}

static size_t describe_request(const crash_report *crash, char *text, size_t size)
{
    size_t at = append_field(text, size, 0, " while it ran ", crash->plugin[0] ? "plugin" : "the core", 16);
    at = append_field(text, size, at, " ", crash->plugin, sizeof crash->plugin);
    at = append_field(text, size, at, " ", crash->version, sizeof crash->version);
    /* A job stands where a route would, and says so itself. */
    const char *label = strncmp(crash->route, "job ", 4) == 0 ? ", " : ", route ";
    at = append_field(text, size, at, label, crash->route, sizeof crash->route);
    return append_field(text, size, at, ", request ", crash->request_id, sizeof crash->request_id);
}

static size_t describe_phase(const scoreboard_slot *slot, char *text, size_t size)
{
    size_t at = append_field(text, size, 0, " in ", slot->phase, sizeof slot->phase);
    at = append_field(text, size, at, " of plugin ", slot->phase_plugin, sizeof slot->phase_plugin);
    return append_field(text, size, at, " ", slot->phase_version, sizeof slot->phase_version);
}

/* A process that went astray may have written anything here: every text is read within its bounds. */
const char *board_describe(const scoreboard_slot *slot, char *text, size_t size)
{
    const crash_report *crash = &slot->crash;
    size_t at = append(text, size, 0, "", 0);
    if (crash->filled && (crash->plugin[0] || crash->request_id[0]))
        at = describe_request(crash, text, size);
    else if (slot->phase[0])
        at = describe_phase(slot, text, size);
    if (crash->filled && crash->stack_overflow)
        append_field(text, size, at, ": ", "the stack of its fiber overflowed", 64);
    return text;
}

const char *board_describe_report(const crash_report *crash, char *text, size_t size)
{
    append(text, size, 0, "", 0);
    if (crash->filled && (crash->plugin[0] || crash->request_id[0]))
        describe_request(crash, text, size);
    return text;
}

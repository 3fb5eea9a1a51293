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

#define ADD_TEXT(literal) (at = append(text, size, at, literal, sizeof literal))
#define ADD_FIELD(literal, field)                                                                                      \
    (field[0] ? (ADD_TEXT(literal), at = append(text, size, at, field, sizeof field)) : at)

/* A process that went astray may have written anything here: every text is read within its bounds. */
const char *board_describe(const scoreboard_slot *slot, char *text, size_t size)
{
    const crash_report *crash = &slot->crash;
    size_t at = append(text, size, 0, "", 0);
    if (crash->filled && (crash->plugin[0] || crash->request_id[0])) {
        ADD_TEXT(" while it ran ");
        at = append(text, size, at, crash->plugin[0] ? "plugin" : "the core", 16);
        ADD_FIELD(" ", crash->plugin);
        ADD_FIELD(" ", crash->version);
        ADD_FIELD(", route ", crash->route);
        ADD_FIELD(", request ", crash->request_id);
    } else if (slot->phase[0]) {
        ADD_FIELD(" in ", slot->phase);
        ADD_FIELD(" of plugin ", slot->phase_plugin);
        ADD_FIELD(" ", slot->phase_version);
    }
    if (crash->filled && crash->stack_overflow)
        ADD_TEXT(": the stack of its fiber overflowed");
    return text;
}

/*
 * A small classic BPF program on the group of listening sockets, which draws the slot by lot. Any user may attach one.
 */
#include "core/process/spread.h"

#include <linux/filter.h>
#include <sys/socket.h>

enum { MOST_SLOTS = 256 };

/* The kernel's own way is the best as long as everybody serves. */
static void draw_from_all(int listener)
{
    int unused = 0;
    setsockopt(listener, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
}

/* Without the program the kernel draws from all: whoever is drawn for one that is away waits until it is back. */
static void draw_from(int listener, const unsigned *slots, unsigned count)
{
    struct sock_filter code[3 + 2 * MOST_SLOTS];
    unsigned short length = 0;
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_RANDOM));
    code[length++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count);
    for (unsigned i = 0; i + 1 < count; i++) {
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, slots[i]);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, slots[count - 1]);
    struct sock_fprog program = {.len = length, .filter = code};
    setsockopt(listener, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void spread_connections(const listeners *l, const scoreboard_slot *board)
{
    unsigned slots[MOST_SLOTS];
    unsigned count = 0;
    if (l->count < 2 || l->count > MOST_SLOTS)
        return;
    for (unsigned i = 0; i < l->count; i++)
        if (board[i].serves)
            slots[count++] = i;
    if (count == 0 || count == l->count)
        draw_from_all(l->fds[0]);
    else
        draw_from(l->fds[0], slots, count);
}

/*
 * One message is one datagram: its kind in the first byte, then its text.
 */
#include "core/process/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PATIENCE = 5000 /* milliseconds */ };

bool ipc_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

bool ipc_send(int fd, ipc_kind kind, const char *text)
{
    char first = (char)kind;
    struct iovec parts[] = {
        {&first, 1},
        {(void *)text, text ? strnlen(text, IPC_TEXT_MAX - 2) : 0},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent > 0;
}

bool ipc_send_patiently(int fd, ipc_kind kind, const char *text)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (!ipc_send(fd, kind, text))
        if ((errno != EAGAIN && errno != EWOULDBLOCK) || poll(&room, 1, PATIENCE) <= 0)
            return false;
    return true;
}

ipc_kind ipc_receive(int fd, char *text)
{
    char message[IPC_TEXT_MAX];
    ssize_t length;
    do
        length = recv(fd, message, sizeof message, MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return IPC_NOTHING;
    if (length <= 0)
        return IPC_GONE;
    memcpy(text, message + 1, (size_t)length - 1);
    text[length - 1] = '\0';
    return (ipc_kind)message[0];
}

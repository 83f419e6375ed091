/* SPDX-License-Identifier: Apache-2.0 */
#include "vpcd_end.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool take_all(int fd, uint8_t *to, size_t n)
{
    const int on = 1;
    for (size_t at = 0; at < n;) {
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        ssize_t got = recv(fd, to + at, n - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

bool vpcd_end_take(int fd, uint8_t frame[VPCD_END_FRAME], size_t *n)
{
    if (!take_all(fd, frame, 2))
        return false;
    *n = (size_t)frame[0] << 8 | frame[1];
    return *n <= VPCD_END_FRAME - 2 && take_all(fd, frame + 2, *n);
}

bool vpcd_end_give(int fd, struct span octets)
{
    uint8_t frame[VPCD_END_FRAME] = {(uint8_t)(octets.n >> 8), (uint8_t)octets.n};
    if (octets.n > VPCD_END_FRAME - 2)
        return false;
    memcpy(frame + 2, octets.p, octets.n);
    return send(fd, frame, 2 + octets.n, MSG_NOSIGNAL) == (ssize_t)(2 + octets.n);
}

int vpcd_end_listen(struct sockaddr_in *at)
{
    socklen_t n = sizeof *at;
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) == 0 && listen(fd, 1) == 0 &&
        getsockname(fd, (struct sockaddr *)at, &n) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int vpcd_end_card(int listener)
{
    static const uint8_t power_on[] = {0x01}, get_atr[] = {0x04};
    const struct timeval limit = {.tv_sec = VPCD_END_WAIT_MS / 1000};
    const int on = 1;
    struct pollfd p = {.fd = listener, .events = POLLIN};
    uint8_t frame[VPCD_END_FRAME];
    size_t n = 0;
    int fd = poll(&p, 1, VPCD_END_WAIT_MS) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (vpcd_end_give(fd, span_of(power_on, 1)) && vpcd_end_give(fd, span_of(get_atr, 1)) &&
        vpcd_end_take(fd, frame, &n) && n >= 2 && (frame[2] == 0x3B || frame[2] == 0x3F))
        return fd;
    close(fd);
    return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool reader_open(struct reader_end *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    r->fd = -1;
    r->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->listening < 0 || bind(r->listening, (struct sockaddr *)&a, n) != 0 ||
        listen(r->listening, 4) != 0 || getsockname(r->listening, (struct sockaddr *)&a, &n) != 0)
        return false;
    r->port = ntohs(a.sin_port);
    return true;
}

void reader_eject(struct reader_end *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

void reader_close(struct reader_end *r)
{
    reader_eject(r);
    close(r->listening);
}

pid_t softuicc_run(const char *softuicc, const char *deck, unsigned port, const char *durability,
                   const char *log)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char number[12];
    int fd = open(log != NULL ? log : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    snprintf(number, sizeof number, "%u", port);
    if (fd >= 0)
        dup2(fd, 2);
    execl(softuicc, softuicc, "run", deck, "--port", number, "--durability", durability, (char *)NULL);
    _exit(127);
}

static bool ready(int fd, uint64_t until)
{
    for (;;) {
        uint64_t now = microseconds();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct timespec t = {0};
        if (now < until) {
            t.tv_sec = (time_t)((until - now) / 1000000);
            t.tv_nsec = (long)((until - now) % 1000000) * 1000;
        }
        int n = ppoll(&p, 1, &t, NULL);
        if (n > 0)
            return true;
        if (n == 0)
            return false;
    }
}

static bool take(int fd, uint8_t *to, size_t n, uint64_t until)
{
    while (n > 0) {
        ssize_t got = ready(fd, until) ? recv(fd, to, n, 0) : 0;
        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

size_t reader_transmit(struct reader_end *r, const uint8_t *command, size_t n, uint8_t *answer, size_t room,
                       uint64_t until)
{
    uint8_t frame[2 + 300], prefix[2];
    if (n > 300 || r->fd < 0)
        return 0;
    until = until != 0 ? until : microseconds() + 10000000;
    frame[0] = (uint8_t)(n >> 8);
    frame[1] = (uint8_t)n;
    memcpy(frame + 2, command, n);
    if (send(r->fd, frame, n + 2, MSG_NOSIGNAL) != (ssize_t)(n + 2) || !take(r->fd, prefix, 2, until))
        return 0;
    size_t len = (size_t)prefix[0] << 8 | prefix[1];
    return len <= room && take(r->fd, answer, len, until) ? len : 0;
}

bool reader_insert(struct reader_end *r, pid_t pid)
{
    static const uint8_t power_on[] = {0, 1, 1}, get_atr = 4;
    uint8_t atr[40];
    int one = 1;
    uint64_t until = microseconds() + 10000000;
    while (!ready(r->listening, microseconds() + 20000))
        if (microseconds() > until || (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid))
            return false;
    r->fd = accept4(r->listening, NULL, NULL, SOCK_CLOEXEC);
    if (r->fd < 0)
        return false;
    (void)setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return send(r->fd, power_on, sizeof power_on, MSG_NOSIGNAL) == sizeof power_on &&
           reader_transmit(r, &get_atr, 1, atr, sizeof atr, 0) > 0;
}

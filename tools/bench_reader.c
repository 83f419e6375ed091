/* SPDX-License-Identifier: Apache-2.0
 *
 * This process is the reader, as vpcd is: it listens, and the card connects. The card is `softuicc run`; or,
 * as the limit, a process that answers 9000 to everything.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "vpcd_end.h"

enum { PATH_ROOM = 4096, EXEC_RUNS = 41 };

/* ---- cards in processes of their own ---- */

/* `softuicc run`, of the program beside this one. */
static bool start_card(const char *deck, const char *iccid, uint16_t port, pid_t *child)
{
    char self[PATH_ROOM], number[8];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - sizeof "softuicc");
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    memcpy(slash != NULL ? slash + 1 : self, "softuicc", sizeof "softuicc");
    if (access(self, X_OK) != 0)
        memcpy(self, "softuicc", sizeof "softuicc"); /* installed: found by PATH */
    snprintf(number, sizeof number, "%u", (unsigned)port);
    char run[] = "run", card[] = "--card", port_option[] = "--port", durability[] = "--durability",
         process[] = "process";
    char *const path = strdup(deck), *const which = strdup(iccid);
    char *const argv[] = {self, run, path, card, which, port_option, number, durability, process, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    bool good =
        path != NULL && which != NULL && posix_spawnp(child, self, &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    free(path);
    free(which);
    return good;
}

static void end_card(pid_t child)
{
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
}

/* The null card's life. */
static void answer_9000(const struct sockaddr_in *at)
{
    static const uint8_t atr[] = {0x3B, 0x64, 0x00, 0x00, 'n', 'u', 'l', 'l'}, ok[] = {0x90, 0x00};
    const int on = 1;
    uint8_t frame[VPCD_END_FRAME];
    size_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof *at) != 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (vpcd_end_take(fd, frame, &n))
        if (n != 1 || frame[2] == 0x04)
            (void)vpcd_end_give(fd, n == 1 ? span_of(atr, sizeof atr) : span_of(ok, sizeof ok));
}

static bool start_null(const struct sockaddr_in *at, pid_t *child)
{
    *child = fork();
    if (*child == 0) {
        answer_9000(at);
        _exit(0);
    }
    return *child > 0;
}

/* ---- vpcd ---- */

static bool exchange_for(const struct bench *b, int fd, uint64_t *ops, uint64_t *ns)
{
    static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
    uint8_t frame[VPCD_END_FRAME];
    size_t n;
    uint64_t start = bench_now(CLOCK_MONOTONIC);
    *ops = 0;
    do {
        for (unsigned i = 0; i < BENCH_BATCH; i++)
            if (!vpcd_end_give(fd, span_of(select_mf, sizeof select_mf)) || !vpcd_end_take(fd, frame, &n) ||
                n != 2 || frame[2] != 0x90)
                return false;
        *ops += BENCH_BATCH;
        *ns = bench_now(CLOCK_MONOTONIC) - start;
    } while (*ns < b->ns_per_measure / 2);
    return true;
}

/* deck NULL: the null card. */
static bool vpcd_rate(const struct bench *b, const char *deck, const char *iccid, uint64_t *ops, uint64_t *ns)
{
    struct sockaddr_in at;
    pid_t child = 0;
    int listener = vpcd_end_listen(&at), fd = -1;
    bool started = listener >= 0 && (deck != NULL ? start_card(deck, iccid, ntohs(at.sin_port), &child)
                                                  : start_null(&at, &child));
    if (started)
        fd = vpcd_end_card(listener);
    bool good = fd >= 0 && exchange_for(b, fd, ops, ns);
    if (fd >= 0)
        close(fd);
    if (listener >= 0)
        close(listener);
    if (started)
        end_card(child);
    return good;
}

/* Turn and turn about, so that what else the machine does falls on both. */
bool bench_vpcd(struct bench *b, const char *deck, const char *iccid)
{
    uint64_t ops[2] = {0}, ns[2] = {0};
    for (unsigned i = 0; i < 6; i++) {
        uint64_t some_ops = 0, some_ns = 0;
        if (!vpcd_rate(b, i % 2 == 0 ? NULL : deck, iccid, &some_ops, &some_ns)) {
            cli_refuse(b->cmd, "no card came into the reader ('softuicc run')");
            return false;
        }
        ops[i % 2] += some_ops;
        ns[i % 2] += some_ns;
    }
    struct bench_result *r = bench_add(b, "vpcd, SELECT", "LMDB, process", ops[1], ns[1]);
    if (r != NULL) {
        r->limit = LIMIT_NULL;
        r->limit_ns = (double)ns[0] / (double)ops[0];
    }
    return true;
}

/* ---- from exec to the first ATR ---- */

static bool first_atr_once(const char *deck, const char *iccid, uint64_t *ns)
{
    struct sockaddr_in at;
    pid_t child = 0;
    int listener = vpcd_end_listen(&at), fd = -1;
    if (listener < 0)
        return false;
    uint64_t start = bench_now(CLOCK_MONOTONIC);
    bool started = start_card(deck, iccid, ntohs(at.sin_port), &child);
    if (started)
        fd = vpcd_end_card(listener);
    *ns = bench_now(CLOCK_MONOTONIC) - start;
    if (fd >= 0)
        close(fd);
    close(listener);
    if (started)
        end_card(child);
    return fd >= 0;
}

static bool nothing_once(uint64_t *ns)
{
    char program[] = "/bin/true";
    char *const argv[] = {program, NULL};
    pid_t child = 0;
    uint64_t start = bench_now(CLOCK_MONOTONIC);
    if (posix_spawn(&child, program, NULL, NULL, argv, environ) != 0)
        return false;
    waitpid(child, NULL, 0);
    *ns = bench_now(CLOCK_MONOTONIC) - start;
    return true;
}

static int earlier(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of several: the first runs fill the page cache. */
bool bench_first_atr(struct bench *b, const char *deck, const char *iccid)
{
    uint64_t card[EXEC_RUNS], nothing[EXEC_RUNS];
    char name[40];
    for (unsigned i = 0; i < EXEC_RUNS; i++) {
        if (!first_atr_once(deck, iccid, &card[i])) {
            cli_refuse(b->cmd, "no card came into the reader ('softuicc run')");
            return false;
        }
        if (!nothing_once(&nothing[i]))
            nothing[i] = 0;
    }
    qsort(card, EXEC_RUNS, sizeof card[0], earlier);
    qsort(nothing, EXEC_RUNS, sizeof nothing[0], earlier);
    snprintf(name, sizeof name, "exec to ATR, %llu cards", (unsigned long long)b->cards);
    struct bench_result *r = bench_add(b, name, "LMDB, process", 1, card[EXEC_RUNS / 2]);
    if (r != NULL) {
        r->limit = LIMIT_PROCESS;
        r->limit_ns = (double)nothing[EXEC_RUNS / 2];
    }
    return true;
}

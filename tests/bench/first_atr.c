/* SPDX-License-Identifier: Apache-2.0
 *
 * From exec to the first ATR, as a reader sees it: listens as vpcd does, starts a card, asks it for power and
 * for its ATR, and takes the time from before exec until the last octet of the ATR. Prints JSON.
 *
 *     first_atr [-n RUNS] PROGRAM [ARGUMENT...]
 *
 * An argument %p becomes the port. Every run is a process of its own, ended by SIGTERM. For example:
 *
 *     first_atr build/tools/softuicc run card.uicc --port %p
 *     first_atr build/tests/null_card -p %p
 *
 * The second is what a process that does nothing but serve a reader costs: the floor. Exits 1 when a program
 * gives no ATR within ten seconds.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vpcd_end.h"

enum { RUNS_MAX = 10000, ARGUMENTS_MAX = 64 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool run_once(int listener, char **argv, double *ms)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    double start = now_ms();
    bool good = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    if (!good)
        return false;
    int fd = vpcd_end_card(listener);
    *ms = now_ms() - start;
    good = fd >= 0;
    if (good)
        close(fd);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    return good;
}

int main(int argc, char **argv)
{
    long runs = 101;
    for (int c; (c = getopt(argc, argv, "+n:")) != -1;) {
        if (c != 'n' || (runs = strtol(optarg, NULL, 10)) < 1 || runs > RUNS_MAX) {
            fputs("usage: first_atr [-n RUNS] PROGRAM [ARGUMENT...]\n", stderr);
            return 2;
        }
    }
    if (optind == argc || argc - optind >= ARGUMENTS_MAX) {
        fputs("first_atr: which program?\n", stderr);
        return 2;
    }
    struct sockaddr_in at;
    int listener = vpcd_end_listen(&at);
    double *ms = calloc((size_t)runs, sizeof *ms);
    char number[8], *arguments[ARGUMENTS_MAX] = {0};
    snprintf(number, sizeof number, "%u", (unsigned)ntohs(at.sin_port));
    for (int i = optind; i < argc; i++)
        arguments[i - optind] = strcmp(argv[i], "%p") == 0 ? number : argv[i];
    bool good = listener >= 0 && ms != NULL;
    /* One more, first: it fills the page cache. */
    for (long i = -1; good && i < runs; i++)
        good = run_once(listener, arguments, &ms[i < 0 ? 0 : i]);
    if (good) {
        qsort(ms, (size_t)runs, sizeof *ms, ascending);
        printf("{\"runs\": %ld, \"median_ms\": %.3f, \"minimum_ms\": %.3f, \"p90_ms\": %.3f}\n", runs,
               ms[runs / 2], ms[0], ms[runs * 9 / 10]);
    } else {
        fprintf(stderr, "first_atr: %s gave no ATR\n", arguments[0]);
    }
    free(ms);
    return good ? 0 : 1;
}

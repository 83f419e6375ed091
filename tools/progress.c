/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_MS = 500 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct progress progress_begin(void)
{
    return (struct progress){.person = isatty(STDERR_FILENO) == 1, .shown = now_ms()};
}

void progress_cards(struct progress *p, uint64_t done, uint64_t of)
{
    if (!p->person || now_ms() - p->shown <= EVERY_MS)
        return;
    p->shown = now_ms();
    p->drawn = true;
    if (of > 0)
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " cards\r", done, of);
    else
        fprintf(stderr, "%" PRIu64 " cards\r", done);
}

void progress_clear(struct progress *p)
{
    if (p->drawn)
        fputs("\033[K", stderr);
    p->drawn = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE_MS = 2000 }; /* what loop_expect means by a while */

struct watcher {
    int fd; /* -1: was unwatched while the list was in use */
    short events;
    void (*ready)(void *ctx, short revents);
    void *ctx;
};

struct loop {
    bool virtual_clock, stands_still, ended;
    int expected;              /* answers from outside */
    bool silent;               /* they were waited for, and did not come */
    uint64_t start_ms;         /* of the system's clock */
    uint64_t now;              /* virtual */
    struct loop_timer *timers; /* in the order in which they are due */
    struct watcher *watchers;
    struct pollfd *fds; /* as many */
    size_t n, room;
};

static uint64_t system_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

struct loop *loop_new(bool virtual_clock)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->virtual_clock = virtual_clock;
    l->start_ms = system_ms();
    return l;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    free(l->watchers);
    free(l->fds);
    free(l);
}

uint64_t loop_now(const struct loop *l)
{
    return l->virtual_clock ? l->now : system_ms() - l->start_ms;
}

bool loop_is_virtual(const struct loop *l)
{
    return l->virtual_clock;
}

/* ---- timers ---- */

void loop_stop(struct loop *l, struct loop_timer *t)
{
    for (struct loop_timer **at = &l->timers; *at != NULL; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    t->next = NULL;
    t->set = false;
}

void loop_start(struct loop *l, struct loop_timer *t, uint64_t in_ms)
{
    if (t->set)
        loop_stop(l, t);
    t->due = loop_now(l) + in_ms;
    t->set = true;
    struct loop_timer **at = &l->timers;
    while (*at != NULL && (*at)->due <= t->due)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
}

/* Those that are due now; not those that they set, or one that always sets itself again would hold up all
 * else. */
static bool fire(struct loop *l)
{
    const uint64_t now = loop_now(l);
    unsigned due = 0;
    for (const struct loop_timer *t = l->timers; t != NULL && t->due <= now; t = t->next)
        due++;
    for (unsigned i = 0; i < due && l->timers != NULL && l->timers->due <= now && !l->ended; i++) {
        struct loop_timer *t = l->timers;
        loop_stop(l, t);
        t->fire(t->ctx);
    }
    return due > 0;
}

/* ---- descriptors ---- */

static struct watcher *find(const struct loop *l, int fd)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->watchers[i].fd == fd)
            return &l->watchers[i];
    return NULL;
}

bool loop_watch(struct loop *l, int fd, short events, void (*ready)(void *ctx, short revents), void *ctx)
{
    struct watcher *w = find(l, fd);
    if (w == NULL) {
        if (l->n == l->room) {
            size_t room = l->room == 0 ? 8 : 2 * l->room;
            struct watcher *watchers = realloc(l->watchers, room * sizeof *watchers);
            if (watchers == NULL)
                return false;
            l->watchers = watchers;
            struct pollfd *fds = realloc(l->fds, room * sizeof *fds);
            if (fds == NULL)
                return false;
            l->fds = fds;
            l->room = room;
        }
        w = &l->watchers[l->n++];
        /* What poll() said of a descriptor of this number, if it did, was of another. */
        l->fds[l->n - 1] = (struct pollfd){.fd = -1};
    }
    *w = (struct watcher){fd, events, ready, ctx};
    return true;
}

void loop_unwatch(struct loop *l, int fd)
{
    struct watcher *w = find(l, fd);
    if (w != NULL)
        w->fd = -1;
}

static void sweep(struct loop *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->watchers[i].fd >= 0)
            l->watchers[kept++] = l->watchers[i];
    l->n = kept;
}

/* Returns how many were ready; -1: poll() failed. */
static int look(struct loop *l, int timeout)
{
    sweep(l);
    for (size_t i = 0; i < l->n; i++)
        l->fds[i] = (struct pollfd){.fd = l->watchers[i].fd, .events = l->watchers[i].events};
    const size_t n = l->n;
    int ready = poll(l->fds, (nfds_t)n, timeout);
    if (ready < 0)
        return errno == EINTR ? 0 : -1;
    for (size_t i = 0; ready > 0 && i < n && !l->ended; i++) {
        const struct watcher w = l->watchers[i];
        const struct pollfd got = l->fds[i];
        if (got.revents != 0 && w.fd >= 0 && w.fd == got.fd)
            w.ready(w.ctx, got.revents);
    }
    return ready;
}

/* ---- going on ---- */

void loop_stand_still(struct loop *l)
{
    l->stands_still = true;
}

void loop_expect(struct loop *l, int more)
{
    l->expected += more;
    l->silent = l->silent && more < 0;
}

static bool step_virtual(struct loop *l, uint64_t at_most_ms)
{
    const bool due = l->timers != NULL && l->timers->due <= l->now;
    const bool waits = l->expected > 0 && !due && !l->silent;
    int ready = look(l, waits ? PATIENCE_MS : 0);
    l->silent = ready == 0 && (waits || l->silent);
    if (ready != 0 || l->ended)
        return ready >= 0;
    const uint64_t until = l->now + at_most_ms < l->now ? UINT64_MAX : l->now + at_most_ms;
    if ((l->timers == NULL || (l->stands_still && !due)) && l->n > 0 && at_most_ms == UINT64_MAX)
        return look(l, -1) >= 0; /* only the world outside can bring something now */
    uint64_t to = l->timers != NULL && l->timers->due < until ? l->timers->due : until;
    if (to == UINT64_MAX) { /* nothing will ever happen */
        l->ended = true;
        return true;
    }
    if (to > l->now)
        l->now = to;
    fire(l);
    return true;
}

static bool step_real(struct loop *l, uint64_t at_most_ms)
{
    uint64_t wait = at_most_ms;
    if (l->timers != NULL) {
        const uint64_t now = loop_now(l);
        const uint64_t left = l->timers->due > now ? l->timers->due - now : 0;
        wait = left < wait ? left : wait;
    } else if (l->n == 0 && at_most_ms == UINT64_MAX) {
        l->ended = true;
        return true;
    }
    int ready = look(l, wait == UINT64_MAX ? -1 : wait > INT_MAX ? INT_MAX : (int)wait);
    if (ready < 0)
        return false;
    if (!l->ended)
        fire(l);
    return true;
}

bool loop_step(struct loop *l, uint64_t at_most_ms)
{
    l->ended = false;
    return l->virtual_clock ? step_virtual(l, at_most_ms) : step_real(l, at_most_ms);
}

bool loop_run(struct loop *l)
{
    do
        if (!loop_step(l, UINT64_MAX))
            return false;
    while (!l->ended);
    return true;
}

bool loop_ended(const struct loop *l)
{
    return l->ended;
}

void loop_end(struct loop *l)
{
    l->ended = true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads take a few ICCIDs at a time, play these cards, and add what came of them: that is all they share,
 * besides the deck, which locks itself.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "rehearse.h"

enum { BATCH = 64, THREADS_MAX = 64, TICK_MS = 200 };

struct crowd {
    const struct rehearse_plan *plan;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* working */
    /* Under the mutex: */
    unsigned long taken, cards; /* of the deck, so far and at most */
    char at[DECK_ICCID_MAX + 1];
    bool stop;
    unsigned working;
    double start;
    struct rehearse_outcome total;
    struct rehearse_run *run;
    unsigned long next_point;
    enum rehearse_result result;
    char failed[DECK_ICCID_MAX + 1];
};

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* "RssAnon: n kB": what of this process's memory is in no file. */
static unsigned long own_kib(void)
{
    char line[128];
    unsigned long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL && sscanf(line, "RssAnon: %lu", &kib) != 1)
        ;
    if (f != NULL)
        fclose(f);
    return kib;
}

static void add_point(struct crowd *c)
{
    struct rehearse_run *run = c->run;
    if (run->n_points == REHEARSE_POINTS_MAX)
        return;
    run->points[run->n_points++] = (struct rehearse_point){
        .cards = c->total.cards,
        .seconds = now(CLOCK_MONOTONIC) - c->start,
        .cpu_seconds = now(CLOCK_PROCESS_CPUTIME_ID),
        .kib = own_kib(),
        .deck_kib = (unsigned long)(deck_octets(c->plan->deck) / 1024),
    };
}

/* 100, 200, 500, 1000, ... */
static unsigned long point_after(unsigned long n)
{
    unsigned long decade = 100;
    while (decade * 10 <= n)
        decade *= 10;
    return n < 2 * decade ? 2 * decade : n < 5 * decade ? 5 * decade : 10 * decade;
}

/* ICCIDs for a thread to play, from the nth on; how many. */
static unsigned take(struct crowd *c, char iccids[BATCH][DECK_ICCID_MAX + 1], unsigned long *nth)
{
    unsigned n = 0;
    *nth = c->taken;
    while (n < BATCH && !c->stop && c->taken < c->cards) {
        bool there =
            c->taken == 0 ? deck_next(c->plan->deck, "", c->at) : deck_after(c->plan->deck, c->at, c->at);
        if (!there)
            break;
        memcpy(iccids[n++], c->at, sizeof c->at);
        c->taken++;
    }
    return n;
}

static void give(struct crowd *c, const struct rehearse_outcome *outcome)
{
    rehearse_add(&c->total, outcome);
    if (c->total.cards >= c->next_point) {
        add_point(c);
        while (c->next_point <= c->total.cards)
            c->next_point = point_after(c->next_point);
    }
}

static void play_batch(struct crowd *c, struct uicc_crypto *crypto, char iccids[BATCH][DECK_ICCID_MAX + 1],
                       unsigned n, unsigned long nth)
{
    struct rehearse_outcome outcome = {0};
    enum rehearse_result result = REHEARSE_PLAYED;
    unsigned i = 0;
    while (i < n &&
           (result = rehearse_card(c->plan, crypto, iccids[i], nth + i, &outcome)) == REHEARSE_PLAYED)
        i++;
    pthread_mutex_lock(&c->mutex);
    give(c, &outcome);
    if (result != REHEARSE_PLAYED && c->result == REHEARSE_PLAYED) {
        c->result = result;
        c->stop = true;
        memcpy(c->failed, iccids[i], sizeof c->failed);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void *work(void *ctx)
{
    struct crowd *c = ctx;
    char iccids[BATCH][DECK_ICCID_MAX + 1];
    struct uicc_crypto *crypto = crypto_new();
    unsigned long nth = 0;
    unsigned n = 0;
    do {
        pthread_mutex_lock(&c->mutex);
        if (crypto == NULL && c->result == REHEARSE_PLAYED)
            c->result = REHEARSE_NO_CARD;
        n = crypto != NULL ? take(c, iccids, &nth) : 0;
        pthread_mutex_unlock(&c->mutex);
        if (n > 0)
            play_batch(c, crypto, iccids, n, nth);
    } while (n > 0);
    if (crypto != NULL)
        crypto_free(crypto);
    pthread_mutex_lock(&c->mutex);
    c->working--;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* Until the last thread is done, with the mutex held but while waiting. */
static void attend(struct crowd *c, const struct rehearse_watch *watch)
{
    while (c->working > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&c->changed, &c->mutex, &until);
        const struct rehearse_outcome so_far = c->total;
        pthread_mutex_unlock(&c->mutex);
        bool on = watch->tick(watch->ctx, &so_far);
        pthread_mutex_lock(&c->mutex);
        c->stop = c->stop || !on;
    }
}

enum rehearse_result rehearse_all(const struct rehearse_plan *plan, unsigned long cards, unsigned threads,
                                  const struct rehearse_watch *watch, struct rehearse_outcome *out,
                                  struct rehearse_run *run, char failed[DECK_ICCID_MAX + 1])
{
    struct crowd c = {
        .plan = plan, .cards = cards, .run = run, .next_point = 100, .start = now(CLOCK_MONOTONIC)};
    double cpu_before = now(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t ids[THREADS_MAX];
    unsigned n = 0;
    pthread_mutex_init(&c.mutex, NULL);
    pthread_cond_init(&c.changed, NULL);
    pthread_mutex_lock(&c.mutex);
    while (n < threads && n < THREADS_MAX && pthread_create(&ids[n], NULL, work, &c) == 0)
        n++;
    c.working = n;
    if (n == 0)
        c.result = REHEARSE_NO_CARD;
    attend(&c, watch);
    run->threads = n;
    if (run->n_points == 0 || run->points[run->n_points - 1].cards != c.total.cards)
        add_point(&c);
    pthread_mutex_unlock(&c.mutex);
    for (unsigned i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    for (unsigned i = 0; i < run->n_points; i++)
        run->points[i].cpu_seconds -= cpu_before;
    pthread_cond_destroy(&c.changed);
    pthread_mutex_destroy(&c.mutex);
    *out = c.total;
    memcpy(failed, c.failed, sizeof c.failed);
    return c.result;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of `softuicc bench` share. A measure prepares a batch of commands outside the time (what the
 * network's end computes), and runs them inside it; every answer is checked.
 */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <time.h>

#include "aka.h"
#include "cli.h"

enum {
    BENCH_BATCH = 64,
    BENCH_COMMAND_ROOM = 5 + 255 + 1,
    BENCH_PARTS_MAX = 5,
    BENCH_RESULTS_MAX = 32,
};

#define BENCH_ICCID "8900101000000000019"

/* What a measure is held against: what the machine can do at best, measured in the same run. */
enum bench_limit {
    LIMIT_NONE,
    LIMIT_COPY,    /* memcpy of the octets of command and response */
    LIMIT_AES,     /* the five blocks of AES that an AUTHENTICATE with Milenage cannot do without */
    LIMIT_CIPHER,  /* the cipher calls of an SCP80 command on as many octets, alone */
    LIMIT_COMMIT,  /* a transaction of bare LMDB, as durable, that writes two records of 64 octets */
    LIMIT_TWICE,   /* twice what one thread does */
    LIMIT_PROCESS, /* to start and end a program that does nothing */
    LIMIT_NULL,    /* a card that answers 9000 to everything, in the same reader */
    LIMIT_KINDS
};

struct bench_result {
    char name[40];
    const char *store; /* "": not a card's */
    uint64_t ops, ns;
    enum bench_limit limit;
    double limit_ns; /* an operation; 0: not measured */
};

struct bench {
    const struct subcommand *cmd;
    struct uicc_crypto *crypto;
    struct uicc_profile *profile;
    const struct applet_class *const *classes;
    const struct uicc_guard *guard;
    uint8_t seed[16];
    uint64_t ns_per_measure;
    uint64_t cards;   /* in the deck that is started from */
    const char *only; /* "NAME, STORE" of the one measure wanted; NULL: all */
    struct bench_result results[BENCH_RESULTS_MAX];
    size_t n_results;
    size_t footprint; /* octets of a card beyond its profile, as it counts them itself */
    double resident;  /* the same as the process sees it, of many open cards */
};

/* A card under measurement, on one thread. */
struct subject {
    struct bench *bench;
    struct uicc_env env;
    struct profile_pair pair; /* pair 0 of the card: what the network's end knows */
    struct uicc_store *store;
    struct uicc *card;
    const char *store_name;
    clockid_t clock;  /* the thread's processor time, or for what waits CLOCK_MONOTONIC */
    uint64_t seq;     /* of AUTHENTICATE: the last one used */
    uint64_t cntr;    /* of SCP80: the last one used */
    unsigned updates; /* SCP80: UPDATE BINARYs in the script */
    unsigned parts;   /* SCP80: short messages the packet takes */
    size_t packet_n;  /* SCP80: octets of the command packet, and of the response packet with its header */
    size_t response_n;
    size_t octets;     /* of the last command and its response: for LIMIT_COPY */
    uint8_t *response; /* UICC_RESPONSE_MAX */
};

struct batch {
    uint8_t command[BENCH_BATCH][BENCH_COMMAND_ROOM];
    size_t n[BENCH_BATCH];
    uint8_t expect[BENCH_BATCH][AKA_RES_MAX];
    size_t expect_n[BENCH_BATCH];
    uint8_t part[BENCH_BATCH][BENCH_PARTS_MAX][BENCH_COMMAND_ROOM]; /* of SCP80 commands: ENVELOPEs */
    size_t part_n[BENCH_BATCH][BENCH_PARTS_MAX];
};

struct measure {
    bool (*ready)(struct subject *s);                    /* once: selects what is needed; may be NULL */
    bool (*prepare)(struct subject *s, struct batch *b); /* each batch; may be NULL */
    bool (*step)(struct subject *s, const struct batch *b, unsigned i); /* timed */
};

/* ---- bench_cards.c ---- */

extern const struct measure bench_select, bench_read, bench_update, bench_authenticate, bench_packet,
    bench_open;

/* A new card in memory, or the first of the deck. Errors have been printed. subject_close after either. */
bool subject_open(struct subject *s, struct bench *b, struct deck *deck);
void subject_close(struct subject *s);

/* Runs batches for the time that a measure has. The first warms up and does not count. */
bool bench_run(struct subject *s, const struct measure *m, uint64_t *ops, uint64_t *ns);

/* One batch that counts: under this name tests/bench/instructions finds it. */
bool bench_batch(struct subject *s, const struct measure *m, const struct batch *b);

/* The cipher calls of an SCP80 command of the size that s last sent. */
bool bench_cipher_once(struct subject *s, uint8_t octets[800]);

/* ---- bench_limits.c: nanoseconds an operation; 0: it could not be measured ---- */

double limit_copy(const struct bench *b, size_t octets);
double limit_aes(const struct bench *b, struct span key);
double limit_cipher(struct subject *s);
double limit_commit(const struct bench *b, const char *dir, enum deck_durability durability);

/* ---- bench_reader.c: a card in a process of its own, this one is the reader ---- */

/* From exec to the first ATR of the last card of a deck. */
bool bench_first_atr(struct bench *b, const char *deck, const char *iccid);
/* APDUs through vpcd's protocol. */
bool bench_vpcd(struct bench *b, const char *deck, const char *iccid);

/* ---- all ---- */

struct bench_result *bench_add(struct bench *b, const char *name, const char *store, uint64_t ops,
                               uint64_t ns);

/* A limit's clock: the processor's, so that other work on the machine does not count. */
#define LIMIT_CLOCK CLOCK_THREAD_CPUTIME_ID

static inline uint64_t bench_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif

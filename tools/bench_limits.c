/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine can do at best, by the same libraries, measured like the commands that are held against
 * it.
 */
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

/* A quarter of a measure's time is enough: nothing here varies. */
static bool going_on(const struct bench *b, clockid_t clock, uint64_t start)
{
    return bench_now(clock) - start < b->ns_per_measure / 4;
}

double limit_copy(const struct bench *b, size_t octets)
{
    enum { ROUNDS = 100000, ROOM = 1024 };
    static const uint8_t from[ROOM];
    uint8_t to[ROOM];
    uint64_t n = 0, start = bench_now(LIMIT_CLOCK);
    do {
        for (unsigned i = 0; i < ROUNDS; i++) {
            memcpy(to, from, octets < ROOM ? octets : ROOM);
            __asm__ volatile("" : : "r"(to) : "memory"); /* or nothing would be copied */
        }
        n += ROUNDS;
    } while (going_on(b, LIMIT_CLOCK, start));
    return (double)(bench_now(LIMIT_CLOCK) - start) / (double)n;
}

double limit_aes(const struct bench *b, struct span key)
{
    enum { ROUNDS = 1000, BLOCKS = 5 };
    uint8_t octets[BLOCKS * 16] = {0};
    uint64_t n = 0, start = bench_now(LIMIT_CLOCK);
    do {
        for (unsigned i = 0; i < ROUNDS; i++)
            if (!aes_ecb_encrypt(b->crypto, key, octets, octets, sizeof octets))
                return 0;
        n += ROUNDS;
    } while (going_on(b, LIMIT_CLOCK, start));
    return (double)(bench_now(LIMIT_CLOCK) - start) / (double)n;
}

double limit_cipher(struct subject *s)
{
    uint8_t octets[800] = {0};
    uint64_t n = 0, start = bench_now(LIMIT_CLOCK);
    do {
        for (unsigned i = 0; i < BENCH_BATCH; i++)
            if (!bench_cipher_once(s, octets))
                return 0;
        n += BENCH_BATCH;
    } while (going_on(s->bench, LIMIT_CLOCK, start));
    return (double)(bench_now(LIMIT_CLOCK) - start) / (double)n;
}

static int commit_once(MDB_env *env, MDB_dbi dbi, uint32_t round)
{
    uint32_t keys[2] = {1, 2}, value[16] = {round};
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < 2 && rc == 0; i++) {
        MDB_val k = {sizeof keys[i], &keys[i]}, v = {sizeof value, value};
        rc = mdb_put(txn, dbi, &k, &v, 0);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_tree(MDB_env *env, MDB_dbi *dbi)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, dbi);
    return rc == 0 ? mdb_txn_commit(txn) : (mdb_txn_abort(txn), rc);
}

/* With the flags that a deck has at this durability. */
double limit_commit(const struct bench *b, const char *dir, enum deck_durability durability)
{
    enum { MAP = 1 << 20 };
    char path[600];
    MDB_env *env;
    MDB_dbi dbi = 0;
    unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | (durability == DECK_POWER ? 0 : MDB_NOSYNC | MDB_WRITEMAP);
    snprintf(path, sizeof path, "%s/bare-%d", dir, (int)durability);
    if (mdb_env_create(&env) != 0)
        return 0;
    int rc = mdb_env_set_mapsize(env, MAP);
    if (rc == 0)
        rc = mdb_env_open(env, path, flags, 0600);
    if (rc == 0)
        rc = open_tree(env, &dbi);
    const clockid_t clock = durability == DECK_POWER ? CLOCK_MONOTONIC : LIMIT_CLOCK;
    uint32_t n = 0;
    uint64_t start = bench_now(clock);
    while (rc == 0 && (n < BENCH_BATCH || going_on(b, clock, start)))
        rc = commit_once(env, dbi, n++);
    double ns = (double)(bench_now(clock) - start);
    mdb_env_close(env);
    return rc == 0 ? ns / n : 0;
}

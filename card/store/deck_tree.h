/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: the deck's structure, and its tree as the other two parts see it (deck.c: files;
 * deck_cards.c: cards). Everything here is called with the deck's mutex held, or before anybody else knows
 * the deck.
 */
#ifndef STORE_DECK_TREE_H
#define STORE_DECK_TREE_H

#include "deck.h"
#include "deck_anchor.h"
#include "deck_gate.h"
#include "seal.h"

#include <lmdb.h>
#include <pthread.h>
#include <sys/types.h>

enum {
    DECK_VALUE_MAX = 65536,
    ICCID_PACKED = DECK_ICCID_MAX / 2,
    ROOT_KEY = 1 + ICCID_PACKED,
    BOUND_CARDS = 4096, /* of a deck whose anchor tells of each of them */
};

#define MAP_FIRST ((size_t)4 << 20)

struct deck {
    pthread_mutex_t mutex;
    MDB_env *env;
    MDB_dbi dbi;
    struct gate *gate; /* of a large deck: what LMDB may come to */
    MDB_stat shape;    /* with a gate, in a transaction that writes: of the tree after the last change */
    MDB_txn *reading; /* reset between uses */
    MDB_txn *open;    /* the batch, or what DECK_NONE has not committed yet */
    struct anchor *anchor; /* or NULL */
    uint64_t writes;       /* with an anchor: committed so far */
    bool bound; /* what counts them (KEY_WRITES) has the mark of the set of all cards' roots as well */
    struct seal_set roots, roots_committed;
    bool unanchored;       /* the anchor could not be written when the deck was */
    struct sealer sealer;
    uint8_t *profile;
    size_t profile_len;
    uint64_t cards, cards_committed;
    size_t loose, loose_octets; /* writes in `open` by DECK_NONE */
    pid_t pid;
    int fd;           /* has the lock */
    off_t short_size; /* of a file that was found cut short, else 0 */
    enum deck_durability durability;
    bool opened;      /* it is a deck, and its key fits */
    bool batch;       /* `open` is a batch */
    bool spoiled;     /* a write into `open` failed */
    bool touched;     /* the step under way has changed the tree */
    /* why there is no going on: the map could not be mapped again, or the file not be
     * opened; 0: nothing is wrong */
    int lost;
    bool mapped;      /* LMDB writes through the map */
    bool unpublished; /* still DECK.new */
    char *path, *key_path, *new_path, *new_key_path;
    struct deck_error trouble;
};

__attribute__((format(printf, 2, 3))) void deck_say(struct deck_error *error, const char *format, ...);

/* What an error of LMDB or of the system means, for people. */
const char *deck_reason(int rc);
/* That the deck cannot be read, and why. */
void deck_say_unread(const struct deck *d, struct deck_error *error, int rc);
enum store_result deck_result(int rc);

static inline MDB_val val(struct span s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p}; /* LMDB does not write through it */
}

static inline struct span span_from(MDB_val v)
{
    return span_of(v.mv_data, v.mv_size);
}

/* The deck's own records come before the cards' ('C'): so a card that comes after all others is the end of
 * the tree. */
#define KEY_HEADER  span_of("0deck", 5)
#define KEY_COUNT   span_of("0cards", 6)
#define KEY_WRITES  span_of("0writes", 7)
#define KEY_PROFILE span_of("0profile", 8)

/* What all keys of cards, and of their objects, begin with. */
#define KEY_CARDS span_of("C", 1)

/* Records. These are the only ways into the tree: what they may come to is looked at first (deck_gate.h), and
 * MDB_CORRUPTED when it is unsound. put seals straight into the tree; flags are mdb_put's, *sealed may be
 * NULL. get is for a record of exactly n octets in clear: anything else there, or nothing, is STORE_TAMPERED.
 */
int tree_find(struct deck *d, MDB_txn *txn, struct span key, struct span *sealed);
int tree_put_clear(struct deck *d, MDB_txn *txn, struct span key, struct span octets);
int tree_put(struct deck *d, MDB_txn *txn, struct span key, struct span plain, unsigned flags,
             struct span *sealed);
int tree_delete(struct deck *d, MDB_txn *txn, struct span key);
enum store_result tree_get(struct deck *d, MDB_txn *txn, struct span key, uint8_t *plain, size_t n);
int tree_put_count(struct deck *d, MDB_txn *txn, uint64_t cards);
/* How often the deck was written, and the mark of its cards' roots, as they are. false: not as it was
 * written. */
bool tree_get_writes(struct deck *d, MDB_txn *txn, int *rc);
/* A card's root is another now: seal_tag of it as it was and as it is; empty: there was none, or is none.
 * false: crypto failed. */
bool tree_root_changed(struct deck *d, struct span was, struct span is);
/* deck_cards.c: the mark of all roots, from the roots, and how many cards there are, those without a root too
 * (which deck_remove_card counts as well). */
int deck_mark_roots(struct deck *d, MDB_txn *txn, uint8_t mark[SEAL_TAG], uint64_t *n);
/* The first key at or behind `from`. */
int tree_seek(struct deck *d, MDB_txn *txn, struct span from, struct span *key);

/* All records whose keys begin with `prefix`, which is borrowed; MDB_NOTFOUND after the last. Nothing may be
 * written in between. */
struct tree_scan {
    MDB_cursor *cursor;
    struct span prefix;
    bool begun;
};

int tree_scan_begin(struct deck *d, MDB_txn *txn, struct span prefix, struct tree_scan *scan);
int tree_scan_next(struct tree_scan *scan, struct span *key, struct span *sealed);
void tree_scan_end(struct tree_scan *scan);

/* For reading: what is open for writing, if anything, so that writes are seen at once. NULL: cannot be read,
 * *rc is why; else 0. */
MDB_txn *tree_read_begin(struct deck *d, int *rc);
void tree_read_end(struct deck *d);

/* Does one step of writing by whatever means the durability asks for; it may run more than once. On anything
 * but STORE_OK deck_trouble tells why, and *rc in the step is LMDB's or the system's error, 0 if it was none.
 */
typedef enum store_result step_fn(struct deck *d, MDB_txn *txn, void *ctx, int *rc);
enum store_result tree_write(struct deck *d, step_fn *step, void *ctx);

/* Octets of the file that are in use. 0: cannot be told. */
uint64_t tree_used(struct deck *d);

/* deck.c: deck_open_anchored, with the size in octets up to which a file is looked through before LMDB sees
 * it; of a larger one the parts are looked at as they are needed. */
#define DECK_WHOLE ((off_t)64 << 20)
struct deck *deck_open_upto(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                            const struct deck_anchor *anchor, struct deck_error *error, off_t whole);

/* deck.c: LMDB anew on the file that is locked, after it has given itself up, or to open it otherwise. No
 * transaction may be open. On an error there is no environment. */
int deck_reopen(struct deck *d, const char *path);

/* deck.c: after a commit that failed, the file is made longer where the next opening is to bear with that
 * (deck_check.h). */
void deck_lengthen(struct deck *d);

/* Commits what is open and waits for the disk. */
int tree_sync(struct deck *d);
void tree_abort(struct deck *d);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command that writes, with everything that it asks of the world refused at every single place: power
 * cut at its nth write, nth write alone failing (a disk that is full for a moment), nth allocation, cipher or
 * random octet failing, that once or for good. For each of these:
 *
 *  - what the store has is a state that the undisturbed command goes through as well, whole; OTA counters,
 * SQN, PIN tries apart, which may be spent;
 *  - the card in memory says the same as the store;
 *  - the card starts again, counters and SQN have not gone back, and no PIN try is there that was not there
 * before, but for a right PIN;
 *  - an answer that is the undisturbed one is given only when the new state is stored;
 *  - the answer does not tell a right PIN from a wrong one unless a try was spent on it;
 *  - said once more (by the card that went on, and by one that was started again), the command ends where the
 * undisturbed one ends.
 *
 * A new command that writes gets a line in cuts_rows.c. test_cuts [NAME]: only rows whose name begins so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card.h"
#include "cuts.h"
#include "faults.h"
#include "hex.h"
#include "inspect.h"
#include "pairs.h"

enum fault { CUT, FAIL_ONCE, MEMORY_ONCE, MEMORY, CIPHER_ONCE, CIPHER, RANDOM, FAULTS };
static const char *const fault_names[FAULTS] = {
    "power cut at write", "failing write",         "failing allocation",   "no memory from allocation",
    "failing cipher",     "no cipher from cipher", "no random octets from"};

enum { STATES_MAX = 16 };

static void open_test(struct fixture *f)
{
    fixture_open(f, "test");
}

/* ---- states ---- */

struct state {
    uint8_t *octets; /* as fixture_snapshot; malloc'ed */
    size_t n;
};

static void state_free(struct state *s)
{
    free(s->octets);
    *s = (struct state){0};
}

/* PIN tries, SQN, OTA counters, strikes of a trial, the log of what was refused: what may be spent for
 * nothing. */
static bool is_counter(uint32_t id)
{
    switch (id >> 24) {
    case OBJECT_PIN_TRIES:
        return true;
    case OBJECT_APPLET:
        switch (id & 0xFF00) {
        case ITEM_SQN:
        case ITEM_COUNTER:
        case ITEM_COMMON_COUNTER:
        case ITEM_TRIED:
            return true;
        case 0:
            return (id & 0xFFFF) == ITEM_LOG;
        default:
            return false;
        }
    default:
        return false;
    }
}

/* Without counters; in place. */
static struct state without_counters(struct state s)
{
    struct reader r = rd_of(span_of(s.octets, s.n));
    size_t n = 0;
    while (r.left > 0) {
        struct reader at = r;
        uint32_t id = rd_u32(&r);
        struct span value = rd_take(&r, rd_u32(&r));
        assert_true(rd_ok(&r));
        if (is_counter(id))
            continue;
        struct span whole = rd_take(&at, 8 + value.n);
        memmove(s.octets + n, whole.p, whole.n);
        n += whole.n;
    }
    s.n = n;
    return s;
}

static struct state stored(struct fixture *f)
{
    struct state s;
    s.octets = fixture_snapshot(f, &s.n);
    return s;
}

static bool same_state(const struct state *a, const struct state *b)
{
    return a->n == b->n && memcmp(a->octets, b->octets, a->n) == 0;
}

/* What the running card takes for true, as if it were stored. */
static struct state in_memory(struct fixture *f)
{
    struct fixture g = {.memory = store_mem_new()};
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    assert_non_null(g.memory);
    while (objects_each(f->card->objects, &cursor, &id, &value)) {
        const struct store_change change = {.id = id, .value = value};
        assert_int_equal(store_write(g.memory, &change, 1), STORE_OK);
    }
    struct state s = stored(&g);
    store_close(g.memory);
    return s;
}

static struct span find_object(const struct state *s, uint32_t wanted)
{
    struct reader r = rd_of(span_of(s->octets, s->n));
    while (r.left > 0) {
        uint32_t id = rd_u32(&r);
        struct span value = rd_take(&r, rd_u32(&r));
        if (id == wanted)
            return value;
    }
    return SPAN_EMPTY;
}

/* The first object in which two states differ, for people. */
static void differ(const struct state *a, const struct state *b, char *text, size_t room)
{
    for (int way = 0; way < 2; way++) {
        const struct state *x = way == 0 ? a : b, *y = way == 0 ? b : a;
        struct reader r = rd_of(span_of(x->octets, x->n));
        while (r.left > 0) {
            uint32_t id = rd_u32(&r);
            struct span value = rd_take(&r, rd_u32(&r)), other = find_object(y, id);
            char one[65], two[65];
            if (span_equal(value, other))
                continue;
            hex_format(span_slice(value, 0, 32), one);
            hex_format(span_slice(other, 0, 32), two);
            snprintf(text, room, "object %08x: %zu %s, %zu %s", (unsigned)id, value.n, one, other.n, two);
            return;
        }
    }
    snprintf(text, room, "nothing");
}

/* ---- one row ---- */

enum { PAIRS = 4, PINS = 4 };

struct counters {
    uint64_t sqn[PAIRS], ota[PAIRS];
    uint8_t tries[PINS], puk_tries[PINS];
};

static struct counters counters_of(struct fixture *f)
{
    struct counters c = {.sqn = {0}};
    struct applet subscription;
    struct uicc_pin_info pin;
    for (unsigned i = 0; i < PINS && uicc_inspect_pin(f->card, i, &pin); i++) {
        c.tries[i] = pin.tries;
        c.puk_tries[i] = pin.puk_tries;
    }
    for (unsigned i = 0; i < PAIRS && subscription_of(f->card, &subscription); i++) {
        struct pair_info info;
        if (!subscription_info(subscription, i, &info))
            continue;
        struct reader r = rd_of(span_of(info.counter, 5));
        c.ota[i] = rd_be(&r, 5);
        c.sqn[i] = info.sqn;
    }
    return c;
}

struct reference {
    struct fixture *factory; /* the card before the action; a copy has to go through row->session */
    struct state
        all[STATES_MAX]; /* the store after each write of the undisturbed action, counters left out */
    size_t n;
    struct said said;
    long calls[FAULT_KINDS];
    struct counters before;
};

static void session(struct fixture *f, const struct row *row)
{
    f->env.random = faults_random;
    faults_random_start(1);
    faults_disarm();
    cut_steps(f, row->session, NULL);
    faults_disarm();
}

static void start(struct fixture *f, const struct row *row, const struct reference *ref)
{
    fixture_copy(f, ref->factory);
    session(f, row);
}

/* The states between: the action again and again, cut one write later each time. */
static void make_reference(const struct row *row, struct reference *ref)
{
    static struct fixture f;
    start(&f, row, ref);
    long before = fault_store_writes(f.store);
    ref->before = counters_of(&f);
    cut_steps(&f, row->action, &ref->said);
    long writes = fault_store_writes(f.store) - before;
    for (int k = 0; k < FAULT_KINDS; k++)
        ref->calls[k] = faults_calls((enum fault_kind)k);
    fixture_discard(&f);
    assert_true(writes < STATES_MAX);
    for (long n = 0; n <= writes; n++) {
        start(&f, row, ref);
        fault_store_cut_at(f.store, n < writes ? n : -1);
        cut_steps(&f, row->action, NULL);
        ref->all[ref->n++] = without_counters(stored(&f));
        fixture_discard(&f);
    }
}

static void arm(struct fixture *f, enum fault fault, long n)
{
    switch (fault) {
    case CUT:
        fault_store_cut_at(f->store, n);
        break;
    case FAIL_ONCE:
        fault_store_fail_at(f->store, n);
        break;
    case MEMORY_ONCE:
    case MEMORY:
        faults_arm(FAULT_MEMORY, n, fault == MEMORY);
        break;
    case CIPHER_ONCE:
    case CIPHER:
        faults_arm(FAULT_CIPHER, n, fault == CIPHER);
        break;
    default:
        faults_arm(FAULT_RANDOM, n, true);
    }
}

static long places(const struct reference *ref, enum fault fault)
{
    switch (fault) {
    case CUT:
    case FAIL_ONCE:
        return (long)ref->n - 1;
    case MEMORY_ONCE:
    case MEMORY:
        return ref->calls[FAULT_MEMORY];
    case CIPHER_ONCE:
    case CIPHER:
        return ref->calls[FAULT_CIPHER];
    default:
        return ref->calls[FAULT_RANDOM];
    }
}

static unsigned long trials;

static bool among(const struct reference *ref, const struct state *s)
{
    for (size_t i = 0; i < ref->n; i++)
        if (same_state(s, &ref->all[i]))
            return true;
    return false;
}

static void not_back(const struct row *row, const struct reference *ref, struct fixture *f, const char *where)
{
    struct counters now = counters_of(f);
    for (int i = 0; i < PAIRS && (row->flags & KEYS) == 0; i++)
        if (now.sqn[i] < ref->before.sqn[i] || now.ota[i] < ref->before.ota[i])
            fail_msg("%s: a counter of pair %d went back", where, i);
    for (int i = 0; i < PINS && (row->flags & TRIES) == 0; i++)
        if (now.tries[i] > ref->before.tries[i] || now.puk_tries[i] > ref->before.puk_tries[i])
            fail_msg("%s: PIN %d has more tries", where, i);
}

/* The command once more, nothing in its way: it ends where the undisturbed one ended. */
static void once_more(const struct row *row, const struct reference *ref, struct fixture *f,
                      const char *where)
{
    char text[300];
    if ((row->flags & ONCE) != 0)
        return;
    cut_steps(f, row->action, NULL);
    struct state s = without_counters(stored(f));
    if (!same_state(&s, &ref->all[ref->n - 1])) {
        differ(&s, &ref->all[ref->n - 1], text, sizeof text);
        fail_msg("%s, and said once more: %s", where, text);
    }
    state_free(&s);
}

static void disturb(const struct row *row, const struct reference *ref, enum fault fault, long n,
                    struct said *said)
{
    static struct fixture f, g;
    char where[200], text[300];
    snprintf(where, sizeof where, "%s, %s %ld", row->name, fault_names[fault], n);
    trials++;
    start(&f, row, ref);
    arm(&f, fault, n);
    said->n = 0;
    cut_steps(&f, row->action, said);
    faults_disarm();
    fault_store_cut_at(f.store, -1);

    struct state now = stored(&f), live = in_memory(&f);
    if (!same_state(&now, &live)) {
        differ(&live, &now, text, sizeof text);
        fail_msg("%s: in memory and stored differ: %s", where, text);
    }
    state_free(&live);
    now = without_counters(now);
    if (!among(ref, &now)) {
        differ(&now, &ref->all[0], text, sizeof text);
        char other[300];
        differ(&now, &ref->all[ref->n - 1], other, sizeof other);
        fail_msg("%s: neither old nor new:\n  not old: %s\n  not new: %s", where, text, other);
    }
    bool done = said->n == ref->said.n && memcmp(said->octets, ref->said.octets, said->n) == 0;
    if (done && said->n > 0 && !same_state(&now, &ref->all[ref->n - 1])) {
        differ(&now, &ref->all[ref->n - 1], text, sizeof text);
        fail_msg("%s: answered as if done: %s", where, text);
    }
    state_free(&now);

    fixture_copy(&g, &f); /* opens it again from the store */
    g.env.random = faults_random;
    not_back(row, ref, &g, where);
    session(&g, row);
    once_more(row, ref, &g, where);
    fixture_discard(&g);
    once_more(row, ref, &f, where);
    fixture_discard(&f);
}

static const char *only;

/* Rows whose names differ in `right` and `wrong` only. */
static const struct row *wrong_of(const struct row *row)
{
    const char *right = strstr(row->name, ", right");
    for (const struct row *r = row; right != NULL && r < cut_rows + cut_rows_n; r++) {
        const char *wrong = strstr(r->name, ", wrong");
        if (wrong != NULL && wrong - r->name == right - row->name &&
            strncmp(r->name, row->name, (size_t)(right - row->name)) == 0 &&
            strcmp(wrong + 7, right + 7) == 0)
            return r;
    }
    return NULL;
}

static void open_row(const struct row *row, struct reference *ref)
{
    static struct fixture whole;
    if (ref->factory == NULL)
        ref->factory = malloc(sizeof whole);
    (row->open != NULL ? row->open : open_test)(ref->factory);
    ref->factory->env.random = faults_random;
    faults_random_start(1);
    faults_disarm();
    cut_steps(ref->factory, row->made, NULL);
}

static void close_row(struct reference *ref)
{
    for (size_t i = 0; i < ref->n; i++)
        state_free(&ref->all[i]);
    fixture_close(ref->factory);
    free(ref->factory);
}

static void test_rows(void **state)
{
    (void)state;
    for (const struct row *row = cut_rows; row < cut_rows + cut_rows_n; row++) {
        struct reference ref = {.n = 0};
        static struct said said;
        if (only != NULL && strncmp(row->name, only, strlen(only)) != 0)
            continue;
        open_row(row, &ref);
        make_reference(row, &ref);
        for (int fault = 0; fault < FAULTS; fault++)
            for (long n = 0; n < places(&ref, (enum fault)fault); n++)
                disturb(row, &ref, (enum fault)fault, n, &said);
        char answer[13];
        hex_format(span_slice(span_of(ref.said.octets, ref.said.n), ref.said.n > 6 ? ref.said.n - 6 : 0, 6),
                   answer);
        print_message("# %-40s %zu writes, %ld allocations, %ld ciphers, %ld random; ..%s\n", row->name,
                      ref.n - 1, ref.calls[FAULT_MEMORY], ref.calls[FAULT_CIPHER], ref.calls[FAULT_RANDOM],
                      answer);
        close_row(&ref);
    }
    print_message("# %lu disturbances\n", trials);
}

/* A right PIN and a wrong one, with the same thing going wrong at the same place: as long as no try was spent
 * for good, the answers are the same. */
static void test_pins_tell_nothing(void **state)
{
    (void)state;
    unsigned compared = 0;
    for (const struct row *right = cut_rows; right < cut_rows + cut_rows_n; right++) {
        const struct row *both[2] = {right, wrong_of(right)};
        if (both[1] == NULL)
            continue;
        struct reference ref = {.n = 0};
        open_row(right, &ref);
        make_reference(right, &ref);
        for (int fault = 0; fault < FAULTS; fault++)
            for (long n = 0; n < places(&ref, (enum fault)fault); n++) {
                static struct fixture f;
                static struct said said[2];
                bool spent = false;
                for (int way = 0; way < 2; way++) {
                    start(&f, right, &ref);
                    arm(&f, (enum fault)fault, n);
                    said[way].n = 0;
                    cut_steps(&f, both[way]->action, &said[way]);
                    fault_store_cut_at(f.store, -1);
                    fixture_restart(&f);
                    struct counters now = counters_of(&f);
                    spent |=
                        way == 1 && (memcmp(now.tries, ref.before.tries, sizeof now.tries) != 0 ||
                                     memcmp(now.puk_tries, ref.before.puk_tries, sizeof now.puk_tries) != 0);
                    fixture_discard(&f);
                }
                if (!spent &&
                    (said[0].n != said[1].n || memcmp(said[0].octets, said[1].octets, said[0].n) != 0))
                    fail_msg(
                        "%s: %s %ld: the answer tells a right one from a wrong one, and no try was spent",
                        right->name, fault_names[fault], n);
                compared += !spent;
            }
        close_row(&ref);
    }
    assert_true(compared >= 4);
}

/* Making a card, and opening it, with every allocation, write and cipher failing: no card or a whole one, and
 * what is there can be opened. */
static void test_making(void **state)
{
    (void)state;
    static struct fixture f;
    open_test(&f);
    static const struct uicc_env env_of_test = {.random = faults_random};
    struct uicc_env env = env_of_test;
    env.crypto = f.crypto;
    unsigned made = 0, refused = 0, opened = 0, mute = 0;
    for (int fault = 0; fault < FAULTS; fault++)
        for (long n = 0;; n++) {
            struct fixture g = {.memory = store_mem_new()};
            g.store = fault_store_new(g.memory);
            const struct uicc_config config = {&env, f.profile, g.store, f.classes};
            const struct uicc_personal personal = {FIXTURE_ICCID, NULL, f.seed, sizeof f.seed, NULL};
            long calls = 0;
            faults_disarm();
            arm(&g, (enum fault)fault, n);
            faults_on();
            enum uicc_result result = uicc_personalise(&config, &personal);
            faults_off();
            for (int k = 0; k < FAULT_KINDS; k++)
                calls += faults_calls((enum fault_kind)k);
            faults_disarm();
            fault_store_cut_at(g.store, -1);
            struct uicc *card;
            assert_int_equal(uicc_open(&config, &card), result == UICC_OK ? UICC_OK : UICC_NOT_PERSONALISED);
            uicc_close(card);
            made += result == UICC_OK;
            refused += result != UICC_OK;
            store_close(g.store);
            store_close(g.memory);
            if (result == UICC_OK && n > calls)
                break;
        }
    for (long n = 0;; n++) {
        uint8_t atr[UICC_ATR_MAX];
        const struct uicc_config config = {&env, f.profile, f.store, f.classes};
        struct uicc *card;
        faults_arm(FAULT_MEMORY, n, n % 2 == 0);
        faults_on();
        enum uicc_result result = uicc_open(&config, &card);
        size_t len = result == UICC_OK ? uicc_reset(card, atr) : 0;
        faults_off();
        long calls = faults_calls(FAULT_MEMORY);
        opened += len > 0;
        mute += len == 0;
        uicc_close(card);
        if (n > calls)
            break;
    }
    faults_disarm();
    fixture_close(&f);
    print_message("# %u made, %u not, %u opened, %u not\n", made, refused, opened, mute);
    assert_true(made >= FAULTS && refused > 40 && opened > 0 && mute > 2);
}

int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pins_tell_nothing),
                                       cmocka_unit_test(test_making)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

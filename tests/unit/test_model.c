/* SPDX-License-Identifier: Apache-2.0
 *
 * Model-based test of the change of subscription (3GPP TR 33.812 A5, B3 to B8, S2, S3): test_model SEED STEPS
 * plays random orders, replays, forgeries, authentications, events, resets and power cuts with a card and
 * with a simple model of what ota/README.md promises, written independently of the applet. After every step
 * what the card keeps is compared with the model; after a cut the card must be where the model was before or
 * after one of the writes of the step that was cut, and nowhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "ara_m.h"
#include "gsm.h"
#include "hex.h"
#include "isim.h"
#include "pairs.h"
#include "receiver.h"
#include "security_domain.h"
#include "sms.h"
#include "usim.h"

/* Pairs that differ in what the model has to know: sequence number scheme, version of the keyset, rights. */
enum {
    N = 6,
    COMMON = N,
    KEYSETS = N + 1,
    SPN_LEN = 17,
    LOCI_LEN = 11,
    SERIES_MAX = 8,
    PAST = 24,
    SPI_NORMAL = 0x1619
};

#define PAIR(sqn, version, rights)                                                                           \
    "  - algorithm: milenage\n    k: derived\n    opc: derived\n    sqn: {" sqn                              \
    "}\n    ota:\n      version: " version "\n"                                                              \
    "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, mac: 8, "  \
    "key: derived}\n"                                                                                        \
    "      kik: {bits: 128, key: derived}\n    rights: [" rights "]\n"

static const char profile_text[] = "format: 1\ninclude: test\nname: model\n%spairs:\n" PAIR(
    "ind-bits: 5, delta: 268435456, age: 0", "1", "remote-change, admin")
    PAIR("ind-bits: 5, delta: 268435456, age: 0", "1", "remote-change")
        PAIR("ind-bits: 5, delta: 1000, age: 100", "2", "remote-change") PAIR("ind-bits: 0, delta: 0, age: 0",
                                                                              "1", "remote-change")
            PAIR("ind-bits: 2, delta: 268435456, age: 0", "3", "admin") PAIR(
                "ind-bits: 5, delta: 268435456, age: 0", "1",
                "remote-change, admin") "keysets:\n  - ota:\n      version: 15\n"
                                        "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: "
                                        "{algorithm: aes, bits: 128, mac: 8, key: derived}\n"
                                        "      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n";

static const struct scheme {
    unsigned ind_bits;
    uint64_t delta, age;
} schemes[N] = {{5, 268435456, 0}, {5, 268435456, 0}, {5, 1000, 100},
                {0, 0, 0},         {2, 268435456, 0}, {5, 268435456, 0}};
static const bool may_order[KEYSETS] = {true, true, true, true, false, true, true};

/* ---- the model ---- */

struct model {
    struct {
        uint8_t state, has_imsi, imsi[9];
        uint64_t seq[32];
    } pair[N];
    uint64_t counter[KEYSETS];
    unsigned active;
    bool trial;
    unsigned from;
    uint8_t policy[STRIKES], tried[STRIKES], minutes;
    bool ordered;
    uint8_t outcome, ordered_to, ordered_imsi[9], reference_len, reference[8];
    uint8_t imsi[9], spn[SPN_LEN], loci[LOCI_LEN];
    bool both; /* the same order must come under an operator's keyset and under the common one */
    uint8_t staged_kind, staged_n, staged[120];
    uint32_t log_n;
    uint8_t log_event, log_pair;
    /* What the card keeps where nobody sees it. */
    uint8_t before_state, before_imsi[9], before_spn[SPN_LEN], before_loci[LOCI_LEN];
    bool saved_spn;
};

/* Where a step may leave the card that is cut: before it, and after each of its writes. */
struct series {
    struct model at[SERIES_MAX];
    unsigned n;
};

static void wrote(struct series *s, const struct model *m)
{
    assert_true(s->n < SERIES_MAX);
    s->at[s->n++] = *m;
}

static void log_event(struct model *m, uint8_t event, unsigned pair)
{
    m->log_n++;
    m->log_event = event;
    m->log_pair = (uint8_t)pair;
}

static void end_trial(struct model *m)
{
    m->trial = false;
    m->from = 0;
    m->minutes = 0;
    memset(m->policy, 0, sizeof m->policy);
    memset(m->tried, 0, sizeof m->tried);
}

static void roll_back(struct model *m)
{
    unsigned to = m->active;
    if (m->from != to) {
        m->pair[to].state = PAIR_UNUSED;
        m->pair[to].has_imsi = 0;
        memset(m->pair[to].imsi, 0, 9);
    } else { /* only the IMSI was on trial */
        memcpy(m->pair[to].imsi, m->before_imsi, 9);
    }
    m->active = m->from;
    m->pair[m->from].state = m->before_state;
    memcpy(m->imsi, m->before_imsi, 9);
    memcpy(m->loci, m->before_loci, LOCI_LEN);
    if (m->saved_spn)
        memcpy(m->spn, m->before_spn, SPN_LEN);
    m->outcome = ORDER_ROLLED_BACK;
    log_event(m, AUDIT_ROLLED_BACK, to);
    end_trial(m);
}

static bool due(const struct model *m)
{
    for (unsigned i = 0; m->trial && i < STRIKES; i++)
        if (m->policy[i] != 0 && m->tried[i] >= m->policy[i])
            return true;
    return false;
}

/* A wrong MAC only counts: what comes of it is seen at the next power-up, poll or report. */
static void strike(struct model *m, unsigned kind, struct series *s)
{
    bool seen_before = kind == STRIKE_POLL && due(m);
    if (m->trial && m->policy[kind] != 0 && !seen_before) {
        m->tried[kind] = (uint8_t)(m->tried[kind] + (m->tried[kind] < 255));
        wrote(s, m);
    }
    if (kind != STRIKE_FAILURE && due(m)) {
        roll_back(m);
        wrote(s, m);
    }
}

enum aka { AKA_OK, AKA_OLD, AKA_BAD_MAC, AKA_SUSPENDED };

static uint64_t highest_seq(const struct model *m, unsigned pair)
{
    uint64_t best = 0;
    for (unsigned i = 0; i < 1u << schemes[pair].ind_bits; i++)
        best = m->pair[pair].seq[i] > best ? m->pair[pair].seq[i] : best;
    return best;
}

static uint64_t highest_sqn(const struct model *m, unsigned pair)
{
    uint64_t best = 0;
    for (unsigned i = 0; i < 1u << schemes[pair].ind_bits; i++) {
        uint64_t sqn = m->pair[pair].seq[i] << schemes[pair].ind_bits | i;
        best = sqn > best ? sqn : best;
    }
    return highest_seq(m, pair) == 0 ? (1u << schemes[pair].ind_bits) - 1 : best;
}

static enum aka authenticate(struct model *m, unsigned key, uint64_t sqn, bool spoiled, struct series *s)
{
    unsigned a = m->active;
    const struct scheme *c = &schemes[a];
    if (m->pair[a].state == PAIR_BLOCKED)
        return AKA_SUSPENDED;
    if (key != a || spoiled) {
        strike(m, STRIKE_FAILURE, s);
        return AKA_BAD_MAC;
    }
    uint64_t seq = sqn >> c->ind_bits, *slot = &m->pair[a].seq[sqn & ((1u << c->ind_bits) - 1)],
             top = highest_seq(m, a);
    if (seq <= *slot || (c->delta != 0 && seq > top + c->delta) || (c->age != 0 && seq + c->age <= top))
        return AKA_OLD;
    *slot = seq;
    wrote(s, m);
    if (m->trial) {
        if (m->from != a)
            m->pair[m->from].state = PAIR_RETIRED;
        m->pair[a].state = PAIR_ACTIVE;
        m->outcome = ORDER_CONFIRMED;
        log_event(m, AUDIT_CONFIRMED, a);
        end_trial(m);
        wrote(s, m);
    }
    return AKA_OK;
}

/* ---- messages ---- */

enum kind { ORDER_PAIR, SUSPENSION, QUESTION, REMOTE_FILE, REMOTE_IMSI, KINDS };

struct message {
    enum kind kind;
    unsigned key;
    uint64_t counter;
    /* order */
    bool has_index, has_policy, final, malformed, bad_imsi, no_such_file, has_spn;
    uint8_t index, imsi[9], reference_len, reference[8], policy[STRIKES], minutes, spn[SPN_LEN];
    uint8_t suspend;
    bool spoiled;
    uint8_t order_n, order[120]; /* the order's data */
    size_t n;
    uint8_t apdu[261];
};

struct answer {
    bool genuine;
    uint8_t status;
    uint8_t body[80];
    size_t n;
};

struct keys { /* what the parties hold */
    struct profile_pair pair[N];
    struct keyset ota[KEYSETS];
    uint8_t kcv_k[N][3], kcv_kic[N][3];
};

static void body_sw(struct answer *a, unsigned sw)
{
    a->body[a->n++] = (uint8_t)(sw >> 8);
    a->body[a->n++] = (uint8_t)sw;
}

static void order_answer(const struct model *m, const struct keys *k, unsigned index, struct answer *a)
{
    uint8_t unused = 0;
    struct buf b = buf_of(a->body, sizeof a->body);
    for (unsigned i = 0; i < N; i++)
        unused = (uint8_t)(unused + (m->pair[i].state == PAIR_UNUSED || m->pair[i].state == PAIR_STAGED));
    buf_u8(&b, 0xE2);
    buf_u8(&b, (uint8_t)(16 + (m->reference_len > 0 ? m->reference_len + 2 : 0)));
    const uint8_t head[6] = {0x80, 1, (uint8_t)index, 0x81, 1, unused};
    buf_put(&b, span_of(head, 6));
    if (m->reference_len > 0) {
        buf_u8(&b, 0x82);
        buf_u8(&b, m->reference_len);
        buf_put(&b, span_of(m->reference, m->reference_len));
    }
    buf_u16(&b, 0x8303);
    buf_put(&b, span_of(k->kcv_k[index], 3));
    buf_u16(&b, 0x8403);
    buf_put(&b, span_of(k->kcv_kic[index], 3));
    a->n = b.len;
    body_sw(a, 0x9000);
}

static unsigned order_refused(const struct model *m, const struct message *o, unsigned *to)
{
    unsigned i = 0;
    if (m->trial)
        return 0x6A95;
    if (o->has_index) {
        *to = o->index;
        if (o->index >= N)
            return 0x6A91;
        if (m->pair[o->index].state != PAIR_UNUSED && m->pair[o->index].state != PAIR_STAGED)
            return 0x6A92;
    } else {
        while (i < N && m->pair[i].state != PAIR_UNUSED && m->pair[i].state != PAIR_STAGED)
            i++;
        if (i == N)
            return 0x6A90;
        *to = i;
    }
    return 0;
}

/* True when both have ordered it; else it waits for the other, in place of what waited before. */
static bool consent(struct model *m, const struct message *o, unsigned to, struct answer *a)
{
    uint8_t kind = o->key == COMMON ? ITEM_COMMON_COUNTER >> 8 : ITEM_COUNTER >> 8;
    bool agreed = m->staged_n > 0 && m->staged_kind != kind && m->staged_n == o->order_n &&
                  memcmp(m->staged, o->order, o->order_n) == 0;
    for (unsigned i = 0; i < N; i++)
        if (m->pair[i].state == PAIR_STAGED)
            m->pair[i].state = PAIR_UNUSED;
    m->staged_n = m->staged_kind = 0;
    memset(m->staged, 0, sizeof m->staged);
    if (agreed)
        return true;
    m->staged_kind = kind;
    m->staged_n = o->order_n;
    memcpy(m->staged, o->order, o->order_n);
    m->pair[to].state = PAIR_STAGED;
    const uint8_t waits[] = {0xE2, 5, 0x80, 1, (uint8_t)to, 0x89, 0, 0x90, 0};
    memcpy(a->body, waits, sizeof waits);
    a->n = sizeof waits;
    return false;
}

static void do_order(struct model *m, const struct keys *k, const struct message *o, struct answer *a,
                     struct series *s)
{
    static const uint8_t nothing_known[LOCI_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                    0xFF, 0xFF, 0xFE, 0xFF, 0x01};
    unsigned to = 0, from = m->active;
    if (!may_order[o->key]) {
        body_sw(a, 0x6A94);
        return;
    }
    if (o->malformed || o->bad_imsi) {
        body_sw(a, o->malformed ? 0x6A80 : 0x6A93);
        return;
    }
    if (m->ordered && m->outcome != ORDER_ROLLED_BACK && o->reference_len > 0 &&
        o->reference_len == m->reference_len && memcmp(o->reference, m->reference, o->reference_len) == 0 &&
        memcmp(o->imsi, m->ordered_imsi, 9) == 0 && (!o->has_index || o->index == m->ordered_to)) {
        order_answer(m, k, m->ordered_to, a);
        return;
    }
    unsigned sw = order_refused(m, o, &to);
    if (sw != 0) {
        body_sw(a, sw);
        return;
    }
    if (o->no_such_file &&
        (!m->both ||
         (m->staged_n > 0 && m->staged_kind != (o->key == COMMON ? ITEM_COMMON_COUNTER : ITEM_COUNTER) >> 8 &&
          m->staged_n == o->order_n && memcmp(m->staged, o->order, o->order_n) == 0))) {
        body_sw(a, 0x6A82);
        return;
    }
    if (m->both && !consent(m, o, to, a)) {
        wrote(s, m);
        return;
    }
    m->before_state = m->pair[from].state;
    memcpy(m->before_imsi, m->imsi, 9);
    memcpy(m->before_spn, m->spn, SPN_LEN);
    memcpy(m->before_loci, m->loci, LOCI_LEN);
    m->saved_spn = o->has_spn;
    m->pair[from].state = o->final ? PAIR_RETIRED : PAIR_STANDBY;
    m->pair[to].state = o->final ? PAIR_ACTIVE : PAIR_ON_TRIAL;
    m->pair[to].has_imsi = 1;
    memcpy(m->pair[to].imsi, o->imsi, 9);
    memcpy(m->imsi, o->imsi, 9);
    memcpy(m->loci, nothing_known, LOCI_LEN);
    if (o->has_spn)
        memcpy(m->spn, o->spn, SPN_LEN);
    m->active = to;
    m->ordered = true;
    m->outcome = o->final ? ORDER_CONFIRMED : ORDER_ON_TRIAL;
    m->ordered_to = (uint8_t)to;
    memcpy(m->ordered_imsi, o->imsi, 9);
    m->reference_len = o->reference_len;
    memset(m->reference, 0, sizeof m->reference);
    memcpy(m->reference, o->reference, o->reference_len);
    if (!o->final) {
        static const uint8_t usual[STRIKES] = {30};
        m->trial = true;
        m->from = from;
        memset(m->tried, 0, sizeof m->tried);
        memcpy(m->policy, o->has_policy ? o->policy : usual, STRIKES);
        m->minutes = o->has_policy ? o->minutes : 0;
    }
    log_event(m, AUDIT_ORDERED, to);
    wrote(s, m);
    order_answer(m, k, to, a);
}

static void do_suspension(struct model *m, const struct message *o, bool standby, struct answer *a,
                          struct series *s)
{
    if (!may_order[o->key] || standby) {
        body_sw(a, 0x6A94);
    } else if (m->trial) {
        body_sw(a, 0x6A95);
    } else {
        m->pair[m->active].state = o->suspend ? PAIR_BLOCKED : PAIR_ACTIVE;
        log_event(m, o->suspend ? AUDIT_SUSPENDED : AUDIT_RESUMED, m->active);
        wrote(s, m);
        body_sw(a, 0x9000);
    }
}

static void do_question(const struct model *m, struct answer *a)
{
    struct buf b = buf_of(a->body, sizeof a->body);
    if (!m->ordered) {
        body_sw(a, 0x6A88);
        return;
    }
    buf_u8(&b, 0xE4);
    buf_u8(&b, (uint8_t)(6 + (m->reference_len > 0 ? m->reference_len + 2 : 0)));
    buf_u16(&b, 0x8001);
    buf_u8(&b, m->ordered_to);
    if (m->reference_len > 0) {
        buf_u8(&b, 0x82);
        buf_u8(&b, m->reference_len);
        buf_put(&b, span_of(m->reference, m->reference_len));
    }
    buf_u16(&b, 0x8801);
    buf_u8(&b, m->outcome);
    a->n = b.len;
    body_sw(a, 0x9000);
}

/* Alternative 3a: EF.IMSI by remote file management. */
static void do_imsi(struct model *m, const struct message *o, struct answer *a, struct series *s)
{
    static const uint8_t nothing_known[LOCI_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                    0xFF, 0xFF, 0xFE, 0xFF, 0x01};
    unsigned pair = m->active;
    bool same = memcmp(o->imsi, m->pair[pair].imsi, 9) == 0;
    unsigned sw = same ? 0x9000 : m->both ? 0x6A94 : m->trial ? 0x6A95 : o->bad_imsi ? 0x6A93 : 0x9000;
    body_sw(a, sw);
    if (sw != 0x9000)
        log_event(m, AUDIT_REFUSED, sw & 0xFF);
    if (sw == 0x9000 && !same) {
        bool on_trial = m->pair[pair].state != PAIR_BLOCKED;
        m->before_state = m->pair[pair].state;
        memcpy(m->before_imsi, m->imsi, 9);
        memcpy(m->before_loci, m->loci, LOCI_LEN);
        m->saved_spn = false;
        memcpy(m->imsi, o->imsi, 9);
        memcpy(m->pair[pair].imsi, o->imsi, 9);
        memcpy(m->loci, nothing_known, LOCI_LEN);
        m->ordered = true;
        m->outcome = on_trial ? ORDER_ON_TRIAL : ORDER_CONFIRMED;
        m->ordered_to = (uint8_t)pair;
        memcpy(m->ordered_imsi, o->imsi, 9);
        m->reference_len = 0;
        memset(m->reference, 0, sizeof m->reference);
        if (on_trial) {
            static const uint8_t usual[STRIKES] = {30};
            m->pair[pair].state = PAIR_ON_TRIAL;
            m->trial = true;
            m->from = pair;
            memset(m->tried, 0, sizeof m->tried);
            memcpy(m->policy, usual, STRIKES);
            m->minutes = 0;
        }
        log_event(m, AUDIT_IMSI_CHANGED, pair);
    }
    wrote(s, m);
}

/* Who proved who he is, and was refused, is in the log. */
static void note_refusal(struct model *m, const struct answer *a, struct series *s)
{
    unsigned sw = (unsigned)a->body[a->n - 2] << 8 | a->body[a->n - 1];
    if (sw == 0x9000 || sw == 0x6A88)
        return;
    log_event(m, AUDIT_REFUSED, sw & 0xFF);
    wrote(s, m);
}

/* What a message does, and what is answered. */
static void take(struct model *m, const struct keys *k, const struct message *o, struct answer *a,
                 struct series *s)
{
    *a = (struct answer){.status = SCP80_UNIDENTIFIED_ERROR};
    bool standby = m->trial && o->key == m->from && m->from != m->active;
    if (o->spoiled || (o->key != COMMON && o->key != m->active && !standby))
        return;
    a->genuine = true;
    if (standby && (o->kind == REMOTE_FILE || o->kind == REMOTE_IMSI)) {
        a->status = SCP80_TAR_UNKNOWN;
    } else if (o->counter <= m->counter[o->key]) {
        a->status = SCP80_CNTR_LOW;
    } else {
        a->status = SCP80_POR_OK;
        m->counter[o->key] = o->counter;
        wrote(s, m);
        switch (o->kind) {
        case ORDER_PAIR:
            do_order(m, k, o, a, s);
            note_refusal(m, a, s);
            break;
        case SUSPENSION:
            do_suspension(m, o, standby, a, s);
            note_refusal(m, a, s);
            break;
        case REMOTE_IMSI:
            do_imsi(m, o, a, s);
            break;
        case QUESTION:
            do_question(m, a);
            break;
        default:
            memcpy(m->spn, o->spn, SPN_LEN);
            wrote(s, m);
            body_sw(a, 0x9000);
            break;
        }
    }
}

/* ---- the card beside it ---- */

struct play {
    struct fixture f;
    struct keys keys;
    struct model m, fresh;
    uint64_t random;
    uint64_t sent[KEYSETS];    /* counters the operators used last */
    struct message asked;      /* the last order that waits for consent */
    struct message past[PAST]; /* what went over the air: anybody may send it again */
    unsigned long step;
    uint16_t sw;
    char what[16][120];
    unsigned whats;
    struct {
        unsigned long orders, confirmed, rolled_back, refused, replays, cuts, probes, cards;
    } seen;
};

static struct {
    uint64_t seed;
    unsigned long steps;
} arguments = {1, 100000};

static uint32_t below(struct play *p, uint32_t n) /* xorshift64*: repeatable everywhere */
{
    p->random ^= p->random >> 12;
    p->random ^= p->random << 25;
    p->random ^= p->random >> 27;
    return (uint32_t)((p->random * 0x2545F4914F6CDD1Du) >> 32) % n;
}

static bool one_in(struct play *p, uint32_t n)
{
    return below(p, n) == 0;
}

static void say(struct play *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->what[p->whats++ % 16], sizeof p->what[0], format, args);
    va_end(args);
}

static void diverged(struct play *p, const char *what)
{
    for (unsigned i = p->whats < 16 ? 0 : p->whats - 16; i < p->whats; i++)
        print_error("    %s\n", p->what[i % 16]);
    fail_msg("step %lu of seed %llu: %s", p->step, (unsigned long long)arguments.seed, what);
}

/* What the card keeps, as a model. */
static void observe(struct uicc *card, struct model *o)
{
    struct applet self;
    struct trial trial;
    struct order_record order;
    struct span bytes;
    *o = (struct model){0};
    assert_true(subscription_of(card, &self));
    for (unsigned i = 0; i < KEYSETS; i++)
        if (applet_get(self, (uint16_t)(i == COMMON ? ITEM_COMMON_COUNTER : ITEM_COUNTER | i), &bytes) &&
            bytes.n == 5)
            for (unsigned j = 0; j < 5; j++)
                o->counter[i] = o->counter[i] << 8 | bytes.p[j];
    for (unsigned i = 0; i < N; i++) {
        struct pair_record r;
        assert_true(pair_load(self, i, &r));
        o->pair[i].state = r.state;
        o->pair[i].has_imsi = r.has_imsi;
        memcpy(o->pair[i].imsi, r.imsi, 9);
        if (applet_get(self, (uint16_t)(ITEM_SQN | i), &bytes))
            for (unsigned j = 0; j < bytes.n / 6; j++)
                o->pair[i].seq[j] = sqn_from(bytes.p + (size_t)6 * j);
    }
    o->active = pair_active(self);
    o->trial = trial_load(self, &trial);
    if (o->trial) {
        const uint8_t policy[STRIKES] = {[STRIKE_POWER_UP] = trial.policy.power_ups,
                                         [STRIKE_POLL] = trial.policy.polls,
                                         [STRIKE_FAILURE] = trial.policy.failures,
                                         [STRIKE_NO_SERVICE] = trial.policy.no_service};
        memcpy(o->policy, policy, STRIKES);
        o->minutes = trial.policy.minutes;
        o->from = trial.from;
    }
    if (applet_get(self, ITEM_TRIED, &bytes))
        memcpy(o->tried, bytes.p, STRIKES);
    o->ordered = order_record_load(self, &order);
    if (o->ordered) {
        o->outcome = order.outcome;
        o->ordered_to = order.to;
        memcpy(o->ordered_imsi, order.imsi, 9);
        o->reference_len = order.reference_len;
        memcpy(o->reference, order.reference, order.reference_len);
    }
    for (uint8_t a = 0; a < applet_profile(self)->n_applets; a++)
        if (applet_class_of(card, a) == &usim_class) {
            const struct applet usim = {card, a};
            memcpy(o->imsi, admin_file_read(card, admin_file(usim, 0x6F07)).p, 9);
            memcpy(o->spn, admin_file_read(card, admin_file(usim, 0x6F46)).p, SPN_LEN);
            memcpy(o->loci, admin_file_read(card, admin_file(usim, 0x6F7E)).p, LOCI_LEN);
        }
    if (applet_get(self, ITEM_STAGED, &bytes) && bytes.n > 1) {
        o->staged_kind = bytes.p[0];
        o->staged_n = (uint8_t)(bytes.n - 1);
        memcpy(o->staged, bytes.p + 1, bytes.n - 1);
    }
    if (applet_get(self, ITEM_LOG, &bytes) && bytes.n >= 8) {
        struct reader r = rd_of(span_slice(bytes, bytes.n - 8, 8));
        o->log_n = rd_u32(&r) + 1;
        o->log_event = rd_u8(&r);
        o->log_pair = rd_u8(&r);
    }
}

static const char *difference(const struct model *a, const struct model *b)
{
#define SAME(field, name)                                                                                    \
    if (memcmp(&a->field, &b->field, sizeof a->field) != 0)                                                  \
        return name;
    for (unsigned i = 0; i < N; i++) {
        SAME(pair[i].state, "state of a pair")
        SAME(pair[i].has_imsi, "a pair has an IMSI")
        SAME(pair[i].imsi, "IMSI of a pair")
        SAME(pair[i].seq, "sequence numbers")
    }
    SAME(active, "active pair")
    SAME(counter, "OTA counters")
    SAME(trial, "trial")
    SAME(from, "pair to go back to")
    SAME(policy, "policy of the trial")
    SAME(minutes, "minutes of the trial")
    SAME(tried, "what counts against the trial")
    SAME(ordered, "an order was given")
    SAME(outcome, "outcome")
    SAME(ordered_to, "pair of the last order")
    SAME(ordered_imsi, "IMSI of the last order")
    SAME(reference_len, "reference")
    SAME(reference, "reference")
    SAME(imsi, "EF.IMSI")
    SAME(spn, "EF.SPN")
    SAME(loci, "EF.LOCI")
    SAME(staged_kind, "who waits for consent")
    SAME(staged_n, "what waits for consent")
    SAME(staged, "what waits for consent")
    SAME(log_n, "length of the log")
    SAME(log_event, "last event of the log")
    SAME(log_pair, "pair of the last event of the log")
#undef SAME
    return NULL;
}

/* What holds whatever the model says: `was` is the card before, `is` the card now. */
static void assert_invariants(struct play *p, const struct model *was, const struct model *is)
{
    unsigned in_force = 0, standby = 0;
    for (unsigned i = 0; i < N; i++) {
        uint8_t state = is->pair[i].state;
        in_force += state == PAIR_ACTIVE || state == PAIR_ON_TRIAL || state == PAIR_BLOCKED;
        standby += state == PAIR_STANDBY;
        if (was->pair[i].state == PAIR_RETIRED && state != PAIR_RETIRED)
            diverged(p, "a retired pair is back");
        for (unsigned j = 0; j < 32; j++)
            if (is->pair[i].seq[j] < was->pair[i].seq[j])
                diverged(p, "a sequence number went back");
    }
    for (unsigned i = 0; i < KEYSETS; i++)
        if (is->counter[i] < was->counter[i])
            diverged(p, "an OTA counter went back");
    if (in_force != 1 || is->pair[is->active].state == PAIR_STANDBY ||
        is->pair[is->active].state == PAIR_UNUSED || is->pair[is->active].state == PAIR_RETIRED)
        diverged(p, "not exactly one pair is in force");
    if (standby != (is->trial && is->from != is->active))
        diverged(p, "a stand-by pair without a trial, or a trial without");
    if (memcmp(is->imsi, is->pair[is->active].imsi, 9) != 0)
        diverged(p, "EF.IMSI is not the active pair's");
}

static void compare(struct play *p, const struct model *was)
{
    struct model now;
    observe(p->f.card, &now);
    const char *what = difference(&p->m, &now);
    if (what != NULL)
        diverged(p, what);
    assert_invariants(p, was, &now);
}

/* ---- a copy of the card, to try what must not be tried on the card itself ---- */

static const struct applet_class *const classes[] = {
    &gsm_class, &isd_class,   &isim_class,         &ota_class,  &rfm_class,
    &ssd_class, &ara_m_class, &subscription_class, &usim_class, NULL};

static bool copy_object(void *ctx, uint32_t id, struct span value)
{
    const struct store_change change = {.id = id, .value = value};
    return store_write(ctx, &change, 1) == STORE_OK;
}

static struct fixture copy_card(const struct play *p)
{
    struct fixture f = p->f;
    f.env.trace = NULL;
    f.memory = store_mem_new();
    assert_non_null(f.memory);
    assert_int_equal(store_load(p->f.memory, copy_object, f.memory), STORE_OK);
    f.store = fault_store_new(f.memory);
    return f;
}

static void open_copy(struct play *p, struct fixture *f)
{
    const struct uicc_config config = {&p->f.env, f->profile, f->store, classes};
    assert_int_equal(uicc_open(&config, &f->card), UICC_OK);
}

static void drop_copy(struct fixture *f)
{
    uicc_close(f->card);
    store_close(f->store);
    store_close(f->memory);
}

static uint16_t send(struct fixture *f, const uint8_t *command, size_t n)
{
    return fixture_transmit(f, span_of(command, n), true);
}

static void select_usim(struct fixture *f)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    uint16_t sw = send(f, select, sizeof select);
    assert_true(sw >> 8 == 0x90 || sw >> 8 == 0x91);
}

/* AUTHENTICATE; the tag of the answer, or the status word. AUTS is opened and its SQN given. */
static unsigned challenge(struct fixture *f, const struct keys *k, unsigned key, uint64_t sqn, bool spoiled,
                          uint64_t *sqn_ms)
{
    const uint8_t amf[2] = {0x80, 0x00}, resync_amf[2] = {0, 0};
    const struct profile_pair *pair = &k->pair[key];
    const struct aka_algorithm *a = aka_algorithm(pair->algorithm);
    struct aka_vector v;
    uint8_t c[5 + 34] = {0x00, 0x88, 0x00, 0x81, 34, 16}, *rand = c + 6, *autn = c + 23, mac[32], octets[6],
                  ak[6];
    for (unsigned i = 0; i < 16; i++)
        rand[i] = (uint8_t)(sqn >> (8 * (i % 6)) ^ (i * 29 + key));
    c[22] = 16;
    sqn_to(sqn, octets);
    assert_true(a->f2345(f->crypto, &pair->key, rand, &v) &&
                a->f1(f->crypto, &pair->key, rand, octets, amf, mac, NULL));
    for (unsigned i = 0; i < 6; i++)
        autn[i] = octets[i] ^ v.ak[i];
    memcpy(autn + 6, amf, 2);
    memcpy(autn + 8, mac, 8);
    autn[15] ^= spoiled;
    select_usim(f);
    uint16_t sw = send(f, c, sizeof c);
    if (sw >> 8 != 0x90 && sw >> 8 != 0x91)
        return sw;
    if (f->response[0] == 0xDB) {
        assert_int_equal(f->response[1], v.res_len);
        assert_memory_equal(f->response + 2, v.res, v.res_len);
    } else {
        assert_int_equal(f->response[1], 14);
        assert_true(a->f5star(f->crypto, &pair->key, rand, ak));
        for (unsigned i = 0; i < 6; i++)
            octets[i] = f->response[2 + i] ^ ak[i];
        assert_true(a->f1(f->crypto, &pair->key, rand, octets, resync_amf, NULL, mac));
        assert_memory_equal(f->response + 8, mac, 8);
        if (sqn_ms != NULL)
            *sqn_ms = sqn_from(octets);
    }
    return f->response[0];
}

static uint64_t fresh_sqn(const struct model *m, unsigned pair)
{
    return (highest_seq(m, pair) + 1) << schemes[pair].ind_bits;
}

/* Nobody is locked out: on a copy, the subscription in force authenticates, and no other; and one on trial
 * that no network takes goes back to one that does. */
static void probe(struct play *p)
{
    static const uint8_t status[] = {0x80, 0xF2, 0x00, 0x0C, 0x00},
                         no_service[] = {0x80, 0xC2, 0, 0,    12,   0xD6, 10, 0x19, 1,
                                         3,    0x82, 2, 0x82, 0x81, 0x1B, 1,  2};
    struct fixture f = copy_card(p);
    struct model now;
    p->seen.probes++;
    open_copy(p, &f);
    fixture_reset(&f); /* the power-up that is one too many may roll back */
    observe(f.card, &now);
    unsigned expected = now.pair[now.active].state == PAIR_BLOCKED ? 0x6985 : 0xDB;
    for (unsigned i = 0; i < N; i++)
        if (i != now.active && challenge(&f, &p->keys, i, fresh_sqn(&now, i), false, NULL) !=
                                   (expected == 0xDB ? 0x9862 : 0x6985))
            diverged(p, "a key that is not in force authenticates");
    if (challenge(&f, &p->keys, now.active, fresh_sqn(&now, now.active), false, NULL) != expected)
        diverged(p, "the subscription in force does not authenticate");
    drop_copy(&f);
    bool ends = false;
    for (unsigned i = 0; i < STRIKES; i++)
        ends = ends || p->m.policy[i] != 0;
    if (!p->m.trial || !ends)
        return;
    f = copy_card(p);
    open_copy(p, &f);
    for (unsigned i = 0; i < 300; i++) {
        fixture_reset(&f);
        (void)challenge(&f, &p->keys, p->m.active, fresh_sqn(&p->m, p->m.active), true, NULL);
        fixture_terminal_profile(&f);
        if (p->m.policy[STRIKE_POLL] != 0)
            (void)send(&f, status, sizeof status);
        if (p->m.policy[STRIKE_NO_SERVICE] != 0)
            (void)send(&f, no_service, sizeof no_service);
        observe(f.card, &now);
        if (!now.trial)
            break;
    }
    if (now.trial || now.active != p->m.from || memcmp(now.imsi, p->m.before_imsi, 9) != 0)
        diverged(p, "a trial that does not end");
    if (now.pair[now.active].state != PAIR_BLOCKED &&
        challenge(&f, &p->keys, now.active, fresh_sqn(&now, now.active), false, NULL) != 0xDB)
        diverged(p, "the old subscription does not authenticate");
    drop_copy(&f);
}

/* ---- power cuts ---- */

static void power_up(struct model *m, struct series *s)
{
    strike(m, STRIKE_POWER_UP, s);
}

/* The store failed in this step. Either the power was cut, and the card starts again; or a write failed and
 * the next will not: what the card has in memory then is what the store has. `done`: the answer said that all
 * was done. */
static void recover(struct play *p, struct series *s, bool done, const struct model *was)
{
    struct model now;
    bool restart = !one_in(p, 4);
    p->seen.cuts++;
    if (restart) {
        fixture_restart(&p->f);
        fixture_terminal_profile(&p->f);
    } else {
        fault_store_cut_at(p->f.store, -1);
    }
    say(p, "  cut, %s", restart ? "started again" : "goes on");
    observe(p->f.card, &now);
    const char *what = NULL;
    for (unsigned i = done ? s->n - 1 : 0; i < s->n; i++) {
        struct model *candidate = &s->at[i];
        struct series after = {.n = 0};
        if (restart)
            power_up(candidate, &after);
        what = difference(candidate, &now);
        if (what == NULL) {
            p->m = *candidate;
            assert_invariants(p, was, &now);
            probe(p);
            return;
        }
    }
    diverged(p, what);
}

static void finish(struct play *p, struct series *s, bool done, const struct model *was)
{
    if (fault_store_is_cut(p->f.store))
        recover(p, s, done, was);
    else
        compare(p, was);
}

/* ---- steps ---- */

static void random_octets(struct play *p, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)below(p, 256);
}

static void random_imsi(struct play *p, uint8_t ef[9])
{
    char digits[16];
    snprintf(digits, sizeof digits, "00102%010u", below(p, one_in(p, 2) ? 4 : 1000000));
    assert_true(imsi_pack(digits, ef));
}

static void random_order(struct play *p, struct message *o)
{
    static const uint8_t policies[][STRIKES] = {
        {1},          {2},          {3},          {0, 1},    {0, 2},         {0, 0, 1},   {0, 0, 2},
        {0, 0, 0, 1}, {0, 0, 0, 2}, {2, 2, 2, 2}, {5, 0, 2}, {255, 3, 0, 3}, {0, 0, 0, 0}};
    o->has_index = one_in(p, 3);
    o->index = (uint8_t)(one_in(p, 6) ? below(p, 256) : below(p, N));
    random_imsi(p, o->imsi);
    o->reference_len = (uint8_t)(one_in(p, 2) ? 0 : one_in(p, 8) ? 8 : 1);
    memset(o->reference, 'a', sizeof o->reference);
    o->reference[0] = (uint8_t)below(p, 4);
    o->final = one_in(p, 12);
    o->has_policy = !one_in(p, 5);
    memcpy(o->policy, policies[below(p, sizeof policies / sizeof policies[0])], STRIKES);
    o->minutes = (uint8_t)(one_in(p, 4) ? 1 + below(p, 255) : 0);
    /* a trial that nothing ends is none */
    bool endless =
        o->has_policy && !o->final && memcmp(o->policy, policies[12], STRIKES) == 0 && o->minutes == 0;
    o->malformed = endless || one_in(p, 20);
    o->bad_imsi = one_in(p, 20);
    o->has_spn = one_in(p, 4);
    o->no_such_file = one_in(p, 30);
    random_octets(p, o->spn, SPN_LEN);
    if (o->bad_imsi)
        o->imsi[3] = 0xCC;
    /* What was ordered last, once more. */
    if (p->m.ordered && one_in(p, 3)) {
        o->malformed = endless;
        o->bad_imsi = false;
        memcpy(o->imsi, p->m.ordered_imsi, 9);
        o->reference_len = p->m.reference_len;
        memcpy(o->reference, p->m.reference, sizeof o->reference);
        o->has_index = one_in(p, 2);
        o->index = p->m.ordered_to;
    }
}

static void file_entry(struct buf *b, uint16_t fid, const uint8_t *data, uint8_t n)
{
    const uint8_t path[] = {0xA6, (uint8_t)(8 + n),    0x91,         4,    0x7F,
                            0xFF, (uint8_t)(fid >> 8), (uint8_t)fid, 0x93, n};
    buf_put(b, span_of(path, sizeof path));
    buf_put(b, span_of(data, n));
}

static void order_apdu(const struct message *o, struct buf *out)
{
    uint8_t octets[200];
    struct buf b = buf_of(octets, sizeof octets);
    if (o->has_index) {
        buf_u16(&b, 0x8001);
        buf_u8(&b, o->index);
    }
    buf_u16(&b, 0x8109);
    buf_put(&b, span_of(o->imsi, 9));
    if (o->reference_len > 0) {
        buf_u8(&b, 0x82);
        buf_u8(&b, o->reference_len);
        buf_put(&b, span_of(o->reference, o->reference_len));
    }
    if (o->final) {
        buf_u16(&b, 0x8400);
    } else if (o->has_policy) {
        buf_u16(&b, o->minutes != 0 ? 0x8405 : 0x8404);
        buf_put(&b, span_of(o->policy, STRIKES));
        if (o->minutes != 0)
            buf_u8(&b, o->minutes);
    }
    if (o->has_spn || o->no_such_file) {
        buf_u8(&b, 0xA5);
        buf_u8(&b, (uint8_t)((o->has_spn ? 10 + SPN_LEN : 0) + (o->no_such_file ? 11 : 0)));
        if (o->has_spn)
            file_entry(&b, 0x6F46, o->spn, SPN_LEN);
        if (o->no_such_file)
            file_entry(&b, 0x6F99, o->spn, 1);
    }
    if (o->malformed)
        buf_u16(&b, 0x8E00);
    const uint8_t header[] = {0x80, 0xE2, 0x90, 0x00, (uint8_t)(b.len + 2), 0xE1, (uint8_t)b.len};
    buf_put(out, span_of(header, sizeof header));
    buf_put(out, buf_span(&b));
    buf_u8(out, 0);
}

static bool take_tpdu(void *ctx, unsigned nth, struct span tpdu)
{
    struct message *o = ctx;
    if (nth == 0)
        o->n = fixture_wrap(tpdu, o->apdu);
    return nth == 0;
}

/* Writes the message as its operator would: compact format for files, expanded for everything else. */
static void secure(struct play *p, struct message *o)
{
    static const uint8_t suspension[] = {0x80, 0xE2, 0x90, 0x00, 3, 0xC6, 1},
                         question[] = {0x80, 0xCA, 0xE4, 0, 0},
                         imsi[] = {0x00, 0xA4, 0x00, 0x0C, 2, 0x6F, 0x07, 0x00, 0xD6, 0x00, 0x00, 9},
                         file[] = {0x00, 0xA4, 0x00, 0x0C, 2, 0x6F, 0x46, 0x00, 0xD6, 0x00, 0x00, SPN_LEN};
    uint8_t octets[250], script[260], packet[300], address[12];
    struct buf a = buf_of(octets, sizeof octets), s = buf_of(script, sizeof script),
               w = buf_of(packet, sizeof packet), from = buf_of(address, sizeof address);
    const struct keyset *keys = &p->keys.ota[o->key];
    struct scp80_command c = {.spi1 = SPI_NORMAL >> 8,
                              .spi2 = SPI_NORMAL & 0xFF,
                              .kic = keyset_kic_octet(keys),
                              .kid = keyset_kid_octet(keys),
                              .tar = {0xBF, 0xFF, 0x3B}};
    if (o->kind == REMOTE_FILE || o->kind == REMOTE_IMSI) {
        buf_put(&s, o->kind == REMOTE_FILE ? span_of(file, sizeof file) : span_of(imsi, sizeof imsi));
        buf_put(&s, o->kind == REMOTE_FILE ? span_of(o->spn, SPN_LEN) : span_of(o->imsi, 9));
        memcpy(c.tar, "\xB0\x00\x01", 3);
    } else {
        if (o->kind == ORDER_PAIR) {
            order_apdu(o, &a);
            o->order_n = (uint8_t)(a.len - 6);
            assert_true(o->order_n <= sizeof o->order);
            memcpy(o->order, octets + 5, o->order_n);
        } else if (o->kind == SUSPENSION) {
            buf_put(&a, span_of(suspension, sizeof suspension));
            buf_u8(&a, o->suspend);
            buf_u8(&a, 0);
        } else {
            buf_put(&a, span_of(question, sizeof question));
        }
        assert_true(a.len < 0x80);
        buf_u16(&s, 0xAE80);
        buf_u8(&s, 0x22);
        buf_u8(&s, (uint8_t)a.len);
        buf_put(&s, buf_span(&a));
        buf_u16(&s, 0);
    }
    for (unsigned i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(o->counter >> (8 * (4 - i)));
    assert_true(scp80_command_build(p->f.crypto, keys, &c, buf_span(&s), &w) &&
                sms_address_pack("12345", &from));
    o->n = 0;
    bool whole = sms_packet_split(buf_span(&w), 0, buf_span(&from), take_tpdu, o);
    if (!whole) /* too long for one message: the order without what makes it long */
        o->n = 0;
}

/* The answer the card gave, opened with the operator's keys. */
static void open_answer(struct play *p, const struct message *o, struct answer *a)
{
    uint8_t work[300];
    struct buf w = buf_of(work, sizeof work);
    struct scp80_response r;
    struct span data;
    *a = (struct answer){.status = 0xFF};
    if (p->f.response_len <= 2)
        return;
    enum scp80_verdict v = scp80_response_open(p->f.crypto, &p->keys.ota[o->key], SPI_NORMAL & 0xFF,
                                               span_of(p->f.response, p->f.response_len - 2), &r, &w, &data);
    a->genuine = v == SCP80_GENUINE;
    if (v != SCP80_GENUINE && v != SCP80_UNPROTECTED)
        return;
    a->status = r.status;
    /* Compact: number of commands, status word; expanded: AF 80 23 len data 00 00 */
    if ((o->kind == REMOTE_FILE || o->kind == REMOTE_IMSI) && data.n >= 3)
        data = span_slice(data, 1, 2);
    else if (data.n >= 6)
        data = span_slice(data, 4, data.n - 6);
    if (data.n <= sizeof a->body) {
        memcpy(a->body, data.p, data.n);
        a->n = data.n;
    }
}

static void deliver(struct play *p, const struct message *o)
{
    struct series s = {.n = 0};
    struct answer expected, got;
    struct model was = p->m;
    wrote(&s, &p->m);
    take(&p->m, &p->keys, o, &expected, &s);
    p->seen.refused += !expected.genuine;
    p->seen.orders += o->kind == ORDER_PAIR && s.n > 2;
    p->sw = send(&p->f, o->apdu, o->n);
    open_answer(p, o, &got);
    bool right = got.genuine == expected.genuine &&
                 (o->spoiled || (got.status == expected.status && got.n == expected.n &&
                                 memcmp(got.body, expected.body, got.n) == 0));
    if (!fault_store_is_cut(p->f.store) && !right) {
        char a[170], b[170];
        for (size_t i = 0; i < got.n; i++)
            snprintf(a + 2 * i, 3, "%02x", got.body[i]);
        for (size_t i = 0; i < expected.n; i++)
            snprintf(b + 2 * i, 3, "%02x", expected.body[i]);
        print_error("    got %d %02x %.*s\n    want %d %02x %.*s (%04x)\n", got.genuine, got.status,
                    (int)got.n * 2, a, expected.genuine, expected.status, (int)expected.n * 2, b, p->sw);
        diverged(p, "another answer");
    }
    /* Who hears that it was done must be able to rely on it. */
    bool done = right && expected.genuine && expected.n >= 2 && expected.body[expected.n - 2] == 0x90;
    finish(p, &s, done, &was);
}

static void step_message(struct play *p)
{
    struct message o = {.kind = KINDS};
    uint32_t dice = below(p, 16);
    o.key = one_in(p, 3) ? below(p, KEYSETS) : p->m.trial && one_in(p, 2) ? p->m.from : p->m.active;
    o.kind = dice < 9    ? ORDER_PAIR
             : dice < 11 ? SUSPENSION
             : dice < 13 ? QUESTION
             : dice < 14 ? REMOTE_IMSI
                         : REMOTE_FILE;
    p->sent[o.key] += 1 + (one_in(p, 8) ? below(p, 1000) : 0);
    o.counter = one_in(p, 16) && p->sent[o.key] > 8 ? p->sent[o.key] - below(p, 8) : p->sent[o.key];
    random_order(p, &o);
    o.suspend = (uint8_t)(one_in(p, 3) ? 1 : 0);
    if (p->m.staged_n > 0 && one_in(p, 2)) { /* the other party's consent, or the same one's insistence */
        uint64_t counter = o.counter;
        unsigned key = o.key;
        o = p->asked;
        o.key = key;
        o.counter = counter;
        if (one_in(p, 2) && o.key != COMMON) {
            o.key = COMMON;
            o.counter = ++p->sent[COMMON];
        }
    }
    secure(p, &o);
    if (o.n == 0) {
        o.has_spn = false;
        secure(p, &o);
    }
    assert_true(o.n > 0);
    p->past[below(p, PAST)] = o;
    if (o.kind == REMOTE_IMSI && o.bad_imsi && memcmp(o.imsi, p->m.imsi, 9) == 0)
        o.bad_imsi = false;
    if (o.kind == ORDER_PAIR && !o.malformed && !o.bad_imsi)
        p->asked = o;
    say(p, "%lu message %d key %u counter %llu index %d %u final %d policy %d %02x%02x%02x%02x suspend %u",
        p->step, o.kind, o.key, (unsigned long long)o.counter, o.has_index, o.index, o.final, o.has_policy,
        o.policy[0], o.policy[1], o.policy[2], o.policy[3], o.suspend);
    if (one_in(p, 10)) /* late: something else overtakes it, or it is lost */
        return;
    deliver(p, &o);
    if (one_in(p, 16) && !fault_store_is_cut(p->f.store)) {
        say(p, "%lu   twice", p->step);
        deliver(p, &o);
    }
}

/* Anything that ever went over the air, again; or changed on its way, in the packet's checked part. */
static void step_replay(struct play *p)
{
    struct message o = p->past[below(p, PAST)];
    if (o.n == 0)
        return;
    p->seen.replays++;
    if (one_in(p, 2)) {
        enum { PACKET_AT = 36 }; /* behind SMS header, user data header and lengths */
        o.spoiled = true;
        o.apdu[PACKET_AT + below(p, (uint32_t)o.n - PACKET_AT)] ^= (uint8_t)(1u << below(p, 8));
    }
    say(p, "%lu again: %d key %u counter %llu%s", p->step, o.kind, o.key, (unsigned long long)o.counter,
        o.spoiled ? " spoiled" : "");
    deliver(p, &o);
}

static void step_authenticate(struct play *p)
{
    static const unsigned answers[] = {
        [AKA_OK] = 0xDB, [AKA_OLD] = 0xDC, [AKA_BAD_MAC] = 0x9862, [AKA_SUSPENDED] = 0x6985};
    struct series s = {.n = 0};
    struct model was = p->m;
    unsigned key = one_in(p, 2) ? below(p, N) : p->m.active;
    uint64_t top = highest_seq(&p->m, key), seq = top + 1, sqn_ms = 0, expected_ms = highest_sqn(&p->m, key);
    unsigned ind = below(p, 1u << schemes[key].ind_bits);
    switch (below(p, 8)) {
    case 0:
        seq = top;
        break;
    case 1:
        seq = top > 200 ? top - below(p, 200) : below(p, (uint32_t)top + 1);
        break;
    case 2:
        seq = top + 999 + below(p, 3);
        break;
    case 3:
        seq = top + 268435455 + below(p, 3);
        break;
    default:
        break;
    }
    seq &= (UINT64_C(1) << (48 - schemes[key].ind_bits)) - 1;
    uint64_t sqn = seq << schemes[key].ind_bits | ind;
    bool spoiled = one_in(p, 6);
    say(p, "%lu authenticate key %u sqn %llx%s", p->step, key, (unsigned long long)sqn,
        spoiled ? " spoiled" : "");
    wrote(&s, &p->m);
    enum aka verdict = authenticate(&p->m, key, sqn, spoiled, &s);
    unsigned got = challenge(&p->f, &p->keys, key, sqn, spoiled, &sqn_ms);
    if (!fault_store_is_cut(p->f.store) && got != answers[verdict])
        diverged(p, "another verdict of AUTHENTICATE");
    if (got == 0xDC && highest_seq(&p->m, key) != 0 && sqn_ms != expected_ms)
        diverged(p, "another SQN in AUTS");
    p->seen.confirmed += was.trial && !p->m.trial;
    finish(p, &s, got == 0xDB, &was);
}

static void step_power(struct play *p)
{
    struct series s = {.n = 0};
    struct model was = p->m;
    bool restart = one_in(p, 3);
    say(p, "%lu %s", p->step, restart ? "restart" : "reset");
    wrote(&s, &p->m);
    power_up(&p->m, &s);
    if (restart)
        fixture_restart(&p->f);
    else
        fixture_reset(&p->f);
    p->seen.rolled_back += was.trial && !p->m.trial;
    p->sw = 0;
    finish(p, &s, false, &was);
    if (!one_in(p, 8))
        fixture_terminal_profile(&p->f);
}

static void step_event(struct play *p)
{
    struct series s = {.n = 0};
    struct model was = p->m;
    uint8_t
        status[] = {0x80, 0xF2, 0x00, 0x0C, 0x00},
        location[] = {
            0x80, 0xC2, 0, 0, 12, 0xD6, 10, 0x19, 1, 3, 0x82, 2, 0x82, 0x81, 0x1B, 1, (uint8_t)below(p, 3)};
    static const uint8_t timer[] = {0x80, 0xC2, 0, 0, 14,   0xD7, 12, 0x82, 2, 0x82,
                                    0x81, 0xA4, 1, 1, 0xA5, 3,    0,  0x10, 0};
    bool poll = one_in(p, 2), expires = !poll && one_in(p, 4);
    say(p, "%lu %s %u", p->step, poll ? "poll" : expires ? "timer" : "location status", location[16]);
    wrote(&s, &p->m);
    if (poll) {
        strike(&p->m, STRIKE_POLL, &s);
    } else if (expires && p->m.trial && p->m.minutes != 0) {
        roll_back(&p->m);
        wrote(&s, &p->m);
    } else if (expires) {
        /* no trial that a timer ends */
    } else if (location[16] != 0) {
        strike(&p->m, STRIKE_NO_SERVICE, &s);
    }
    p->sw = poll      ? send(&p->f, status, sizeof status)
            : expires ? send(&p->f, timer, sizeof timer)
                      : send(&p->f, location, sizeof location);
    p->seen.rolled_back += was.trial && !p->m.trial;
    finish(p, &s, false, &was);
}

/* The terminal notes where it is. */
static void step_location(struct play *p)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x00, 0x0C, 2, 0x6F, 0x7E};
    uint8_t update[5 + LOCI_LEN] = {0x00, 0xD6, 0, 0, LOCI_LEN};
    struct series s = {.n = 0};
    struct model was = p->m;
    random_octets(p, update + 5, LOCI_LEN);
    say(p, "%lu EF.LOCI", p->step);
    wrote(&s, &p->m);
    memcpy(p->m.loci, update + 5, LOCI_LEN);
    wrote(&s, &p->m);
    select_usim(&p->f);
    (void)send(&p->f, select, sizeof select);
    uint16_t sw = send(&p->f, update, sizeof update);
    finish(p, &s, sw >> 8 == 0x90 || sw >> 8 == 0x91, &was);
}

/* The terminal fetches what the card wants, and says it was done. */
static void step_fetch(struct play *p)
{
    struct model was = p->m;
    if (p->sw >> 8 != 0x91)
        return;
    uint8_t fetch[] = {0x80, 0x12, 0, 0, (uint8_t)p->sw},
            done[] = {0x80, 0x14, 0, 0, 12, 0x81, 3, 1, 0, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, 0};
    uint16_t sw = send(&p->f, fetch, sizeof fetch);
    say(p, "%lu fetch: %04x", p->step, sw);
    if (sw >> 8 == 0x90 && p->f.response_len > 8) {
        memcpy(done + 5, p->f.response + 2, 5);
        (void)send(&p->f, done, sizeof done);
    }
    p->sw = 0;
    if (!fault_store_is_cut(p->f.store))
        compare(p, &was);
}

/* ---- a run ---- */

static void learn_keys(struct play *p)
{
    static const uint8_t ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint8_t out[16];
    struct profile_keyset common;
    const struct profile *profile = &p->f.profile->p;
    struct span seed = span_of(p->f.seed, sizeof p->f.seed);
    for (unsigned i = 0; i < N; i++) {
        assert_true(personal_pair(p->f.crypto, profile, seed, FIXTURE_ICCID, i, &p->keys.pair[i]));
        p->keys.ota[i] = p->keys.pair[i].ota;
        assert_true(aes_ecb_encrypt(p->f.crypto, span_of(p->keys.pair[i].key.k, 16), ones, out, 16));
        memcpy(p->keys.kcv_k[i], out, 3);
        assert_true(aes_ecb_encrypt(p->f.crypto, span_of(p->keys.ota[i].kic, 16), ones, out, 16));
        memcpy(p->keys.kcv_kic[i], out, 3);
    }
    assert_true(personal_keyset(p->f.crypto, profile, seed, FIXTURE_ICCID, 0, &common));
    p->keys.ota[COMMON] = common.keys;
}

/* Another card of the same profile and keys, as the maker made it. */
static void fresh_card(struct play *p)
{
    uicc_close(p->f.card);
    store_close(p->f.store);
    store_close(p->f.memory);
    p->f.memory = store_mem_new();
    assert_non_null(p->f.memory);
    p->f.store = fault_store_new(p->f.memory);
    const struct uicc_config config = {&p->f.env, p->f.profile, p->f.store, classes};
    const struct uicc_personal personal = {FIXTURE_ICCID, NULL, p->f.seed, sizeof p->f.seed, NULL};
    assert_int_equal(uicc_personalise(&config, &personal), UICC_OK);
    assert_int_equal(uicc_open(&config, &p->f.card), UICC_OK);
    fixture_reset(&p->f);
    fixture_terminal_profile(&p->f);
    p->m = p->fresh;
    memset(&p->asked, 0, sizeof p->asked);
    memset(p->past, 0, sizeof p->past);
    p->sw = 0;
    p->seen.cards++;
    say(p, "%lu a fresh card", p->step);
    compare(p, &p->m);
}

static bool exhausted(const struct model *m)
{
    for (unsigned i = 0; i < N; i++)
        if (m->pair[i].state == PAIR_UNUSED)
            return false;
    return !m->trial;
}

static void test_model(void **state)
{
    (void)state;
    struct play *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->random = arguments.seed * 0x9E3779B97F4A7C15u | 1;
    char text[4096];
    bool both = arguments.seed % 2 == 0; /* even seeds: with dual consent */
    snprintf(text, sizeof text, profile_text,
             both ? "applets:\n  - {class: subscription, params: C00101}\n" : "");
    fixture_open_text(&p->f, text);
    fixture_terminal_profile(&p->f);
    learn_keys(p);
    observe(p->f.card, &p->fresh);
    p->fresh.both = both;
    /* The one thing that is taken from the card: how it is made. That it is made well, other tests show; but
     * the first pair is active, and alone. */
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(p->fresh.pair[i].state, i == 0 ? PAIR_ACTIVE : PAIR_UNUSED);
    p->m = p->fresh;
    for (p->step = 0; p->step < arguments.steps; p->step++) {
        uint32_t dice = below(p, 100);
        if (one_in(p, 25))
            fault_store_cut_at(p->f.store, below(p, 4));
        if (dice < 34)
            step_message(p);
        else if (dice < 46)
            step_replay(p);
        else if (dice < 64)
            step_authenticate(p);
        else if (dice < 74)
            step_power(p);
        else if (dice < 88)
            step_event(p);
        else if (dice < 92)
            step_location(p);
        else if (dice < 98)
            step_fetch(p);
        else
            probe(p);
        if (one_in(p, exhausted(&p->m) ? 12 : 2000))
            fresh_card(p);
    }
    print_message("# %lu steps: %lu cards, %lu orders obeyed, %lu confirmed, %lu rolled back, %lu replays "
                  "and forgeries, %lu messages refused, "
                  "%lu cuts, %lu probes\n",
                  arguments.steps, p->seen.cards, p->seen.orders, p->seen.confirmed, p->seen.rolled_back,
                  p->seen.replays, p->seen.refused, p->seen.cuts, p->seen.probes);
    fixture_close(&p->f);
    free(p);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        arguments.seed = strtoull(argv[1], NULL, 0);
    if (argc > 2)
        arguments.steps = strtoul(argv[2], NULL, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

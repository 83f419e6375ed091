/* SPDX-License-Identifier: Apache-2.0
 *
 * Time goes in steps. In each the device, if it is on, powers up and attaches when it has to, and gets what
 * waits for it at the message centre of the operator it is attached to.
 */
#include "rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "hex.h"
#include "late_store.h"
#include "order.h"
#include "plugins.h"
#include "scp80.h"
#include "sms.h"
#include "sqn.h"
#include "state.h"
#include "store.h"
#include "terminal.h"

enum {
    STEPS_MAX = 400,
    WAITING_MAX = 16,
    SPI1 = 0x16,
    SPI2 = 0x19,
    NOBODY = -1,
    NEW_ORDER_EVERY = 3,
    IND_STEP = 32,
    CHECKS = 64
};

/* ---- a store that loses power before a chosen write ---- */

struct cut_store {
    struct uicc_store store;
    struct uicc_store *inner;
    long left; /* writes that still reach the inner store; -1: all */
    bool cut;
};

static enum store_result cut_load(struct uicc_store *s,
                                  bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    struct cut_store *c = (struct cut_store *)s;
    return store_load(c->inner, each, ctx);
}

static enum store_result cut_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct cut_store *c = (struct cut_store *)s;
    c->cut = c->cut || c->left == 0;
    if (c->cut)
        return STORE_FAILED;
    c->left -= c->left > 0;
    return store_write(c->inner, changes, n);
}

static void cut_close(struct uicc_store *s)
{
    (void)s;
}

static const struct store_ops cut_ops = {cut_load, cut_write, cut_close};

/* ---- the parties ---- */

struct message {
    unsigned from; /* operator */
    struct span tpdu;
    uint8_t octets[SMS_TPDU_MAX];
};

/* What an operator holds of one card: what the maker revealed to it, and what it counts itself. */
struct party {
    bool has_pair;
    uint8_t index;
    struct profile_pair pair;
    char imsi[16];
    uint64_t counter;
    uint64_t sqn;
    bool ordered;         /* the hand-over is acknowledged */
    unsigned long orders; /* sent for this hand-over */
};

struct show {
    const struct rehearse_plan *plan;
    struct uicc_crypto *crypto;
    struct rehearse_outcome *out;
    uint64_t random;
    struct uicc_env env;
    struct cut_store store;
    struct uicc *card;
    struct terminal terminal;
    const char *iccid;
    struct party operators[REHEARSE_OPERATORS_MAX];
    int revealed_to[256]; /* the maker's log: operator, or NOBODY */
    struct message waiting[WAITING_MAX];
    unsigned n_waiting;
    int presented; /* operator whose IMSI the card showed last */
    int attached;  /* operator, or NOBODY */
    uint8_t tar[3];
};

static uint32_t draw(struct show *s) /* xorshift64*: repeatable everywhere */
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return (uint32_t)((s->random * 0x2545F4914F6CDD1Du) >> 32);
}

static bool happens(struct show *s, double probability)
{
    return draw(s) < probability * 4294967296.0;
}

static bool draw_octets(void *ctx, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(draw(ctx) >> 24);
    return true;
}

/* Step 5 of the TR: exactly this pair, to exactly this operator. */
static bool reveal(struct show *s, unsigned index, unsigned to)
{
    struct party *o = &s->operators[to];
    if (s->revealed_to[index] != NOBODY && s->revealed_to[index] != (int)to) {
        s->out->revealed_wrongly++;
        return false;
    }
    if (s->revealed_to[index] == NOBODY)
        s->out->revealed++;
    s->revealed_to[index] = (int)to;
    if (!o->has_pair || o->index != index)
        o->counter = o->sqn = 0;
    o->has_pair = personal_pair(s->crypto, &s->plan->profile->p, span_of(s->plan->seed, s->plan->seed_len),
                                s->iccid, index, &o->pair);
    o->index = (uint8_t)index;
    return o->has_pair;
}

/* ---- the device ---- */

static bool transmit(void *ctx, struct span command, struct buf *response)
{
    struct show *s = ctx;
    uint8_t octets[UICC_RESPONSE_MAX];
    if (s->store.cut)
        return false;
    if (s->store.left < 0 && happens(s, s->plan->cuts))
        s->store.left = draw(s) % 4;
    size_t n = uicc_transmit(s->card, command.p, command.n, octets);
    buf_put(response, span_of(octets, n));
    crypto_wipe(octets, n);
    return !s->store.cut && buf_ok(response);
}

static bool power_up(struct show *s)
{
    uint8_t atr[UICC_ATR_MAX];
    struct terminal_asked asked;
    sw_t sw;
    s->attached = NOBODY;
    if (s->store.cut || s->card == NULL) {
        const struct uicc_config config = {&s->env, s->plan->profile, &s->store.store, s->plan->classes};
        s->out->cuts += s->store.cut;
        uicc_close(s->card);
        s->card = NULL;
        s->store.cut = false;
        s->store.left = -1;
        if (uicc_open(&config, &s->card) != UICC_OK)
            return false;
    }
    return uicc_reset(s->card, atr) > 0 && terminal_profile(&s->terminal, &asked, &sw);
}

/* One authentication by what operator `o` holds; a synchronisation failure is answered as an AuC does
 * (TS 33.102 6.3.5). */
static bool authenticate_once(struct show *s, struct party *o, bool *again)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    const uint8_t amf[2] = {0x80, 0x00};
    const struct aka_algorithm *a = aka_algorithm(o->pair.algorithm);
    uint8_t command[5 + 18 + 8 + AKA_MAC_MAX] = {0x00, 0x88, 0x00, 0x81}, octets[6], ak[6], answer[300];
    struct aka_vector v;
    struct buf out = buf_of(answer, sizeof answer);
    sw_t sw;
    size_t mac_len = aka_mac_len(a, &o->pair.key);
    *again = false;
    o->sqn += IND_STEP;
    command[4] = (uint8_t)(18 + 8 + mac_len);
    command[5] = 16;
    (void)draw_octets(s, command + 6, 16);
    command[22] = (uint8_t)(8 + mac_len);
    sqn_to(o->sqn, octets);
    if (!a->f2345(s->crypto, &o->pair.key, command + 6, &v) ||
        !a->f1(s->crypto, &o->pair.key, command + 6, octets, amf, command + 31, NULL))
        return false;
    for (size_t i = 0; i < 6; i++)
        command[23 + i] = octets[i] ^ v.ak[i];
    memcpy(command + 29, amf, 2);
    s->out->authentications++;
    if (!terminal_command(&s->terminal, span_of(select, sizeof select), NULL, &sw) ||
        !terminal_command(&s->terminal, span_of(command, 5u + command[4]), &out, &sw) || out.len < 2)
        return false;
    if (answer[0] == 0xDB)
        return answer[1] == v.res_len && out.len > 2u + v.res_len &&
               crypto_equal(answer + 2, v.res, v.res_len);
    if (answer[0] == 0xDC && out.len >= 8 && a->f5star(s->crypto, &o->pair.key, command + 6, ak)) {
        for (size_t i = 0; i < 6; i++)
            octets[i] = answer[2 + i] ^ ak[i];
        o->sqn = (sqn_from(octets) / IND_STEP + 1) * IND_STEP;
        s->out->resynchronised++;
        *again = true;
    }
    return false;
}

static bool authenticate(struct show *s, struct party *o)
{
    bool again;
    return authenticate_once(s, o, &again) || (again && authenticate_once(s, o, &again));
}

/* The network that the IMSI names; it serves the device if it has the pair, and the radio carries the
 * challenge. */
static bool attach(struct show *s, bool radio_loses)
{
    char imsi[16];
    sw_t sw;
    s->presented = NOBODY;
    if (!terminal_imsi(&s->terminal, imsi, &sw))
        return false;
    for (unsigned i = 0; i < s->plan->operators; i++)
        if (strcmp(s->operators[i].imsi, imsi) == 0)
            s->presented = (int)i;
    for (unsigned i = 0; i < s->plan->operators; i++)
        if (s->operators[i].has_pair && strcmp(s->operators[i].imsi, imsi) == 0 &&
            !(radio_loses && happens(s, s->plan->loss)) && authenticate(s, &s->operators[i])) {
            s->attached = (int)i;
            return true;
        }
    return false;
}

/* ---- messages ---- */

static bool take_tpdu(void *ctx, unsigned nth, struct span tpdu)
{
    struct message *m = ctx;
    if (nth != 0 || tpdu.n > sizeof m->octets)
        return false;
    memcpy(m->octets, tpdu.p, tpdu.n);
    m->tpdu = span_of(m->octets, tpdu.n);
    return true;
}

static void keep(struct show *s, const struct message *m)
{
    if (s->n_waiting == WAITING_MAX) /* the centre gives up on the oldest */
        memmove(s->waiting, s->waiting + 1, --s->n_waiting * sizeof *s->waiting);
    s->waiting[s->n_waiting] = *m;
    s->waiting[s->n_waiting].tpdu.p = s->waiting[s->n_waiting].octets;
    s->n_waiting++;
}

/* The order with a fresh counter, and the same reference as before: what was obeyed already is only
 * acknowledged again. */
static bool send_order(struct show *s, unsigned from, unsigned hop)
{
    struct party *o = &s->operators[from];
    uint8_t script[128], packet[300], address[12];
    struct buf text = buf_of(script, sizeof script), w = buf_of(packet, sizeof packet),
               a = buf_of(address, sizeof address);
    struct order order = {
        .imsi = s->operators[from + 1].imsi, .reference_len = 1, .reference = {(uint8_t)(hop + 1)}};
    struct scp80_command c = {.spi1 = SPI1,
                              .spi2 = SPI2,
                              .kic = keyset_kic_octet(&o->pair.ota),
                              .kid = keyset_kid_octet(&o->pair.ota)};
    struct message m = {.from = from};
    memcpy(c.tar, s->tar, 3);
    o->counter++;
    o->orders++;
    s->out->orders++;
    for (unsigned i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(o->counter >> (8 * (4 - i)));
    if (!order_script(&order, &text) ||
        !scp80_command_build(s->crypto, &o->pair.ota, &c, buf_span(&text), &w) ||
        !sms_address_pack("12345", &a) || !sms_packet_split(buf_span(&w), 0, buf_span(&a), take_tpdu, &m))
        return false;
    if (happens(s, s->plan->corrupt)) { /* anywhere behind the addresses and the header */
        s->out->corrupted++;
        m.octets[30 + draw(s) % (m.tpdu.n - 30)] ^= (uint8_t)(1u << draw(s) % 8);
    }
    if (happens(s, s->plan->loss)) {
        s->out->lost++;
        return true;
    }
    m.tpdu.p = m.octets;
    keep(s, &m);
    if (happens(s, s->plan->duplicate)) {
        s->out->duplicated++;
        keep(s, &m);
    }
    if (s->n_waiting > 1 && happens(s, s->plan->reorder)) {
        struct message first = s->waiting[0];
        s->out->reordered++;
        memmove(s->waiting, s->waiting + 1, (s->n_waiting - 1) * sizeof *s->waiting);
        s->n_waiting--;
        for (unsigned i = 0; i < s->n_waiting; i++)
            s->waiting[i].tpdu.p = s->waiting[i].octets;
        keep(s, &first);
    }
    return true;
}

/* A's end: the receipt says which pair; then, and only then, B is told, and fetches it from the maker. */
static void hear(struct show *s, unsigned from, struct span report)
{
    uint8_t work[300];
    struct buf w = buf_of(work, sizeof work);
    struct scp80_response r;
    struct span data;
    struct order_answer answer;
    struct party *o = &s->operators[from];
    if (scp80_response_open(s->crypto, &o->pair.ota, SPI2, report, &r, &w, &data) != SCP80_GENUINE ||
        r.status != SCP80_POR_OK || !order_answer_parse(data, &answer) ||
        !order_obeyed(&(const struct order){.keep = false}, &answer)) {
        s->out->refused++;
        return;
    }
    o->ordered = reveal(s, answer.active, from + 1);
}

/* Hands over one message that waits at the centre of the operator that serves the device. */
static void deliver(struct show *s)
{
    unsigned i = 0;
    while (i < s->n_waiting && (int)s->waiting[i].from != s->attached)
        i++;
    if (i == s->n_waiting)
        return;
    struct message m = s->waiting[i];
    uint8_t report[300];
    struct buf out = buf_of(report, sizeof report);
    struct terminal_asked asked = {0};
    sw_t sw;
    m.tpdu.p = m.octets;
    s->n_waiting--;
    for (unsigned j = i; j < s->n_waiting; j++) {
        s->waiting[j] = s->waiting[j + 1];
        s->waiting[j].tpdu.p = s->waiting[j].octets;
    }
    s->out->delivered++;
    if (!terminal_sms(&s->terminal, "12345", m.tpdu, &out, &sw))
        return;
    if (happens(s, s->plan->loss))
        s->out->answers_lost++;
    else if (out.len > 0)
        hear(s, m.from, buf_span(&out));
    if (terminal_serve(&s->terminal, &asked, &sw) && asked.reset_due)
        s->attached = NOBODY; /* it starts again in the next step */
}

/* ---- a card's story ---- */

static void count(unsigned long slots[REHEARSE_SLOTS], unsigned long n)
{
    slots[n < REHEARSE_SLOTS ? n : REHEARSE_SLOTS - 1]++;
}

/* Operator `from` hands the card over to the next. True when that one has authenticated it. */
static bool hand_over(struct show *s, unsigned from, bool *went_back)
{
    struct party *a = &s->operators[from];
    bool new_imsi = false;
    a->ordered = false;
    a->orders = 0;
    s->n_waiting = 0;
    for (unsigned step = 1; step <= STEPS_MAX; step++) {
        if (happens(s, s->plan->unattached)) { /* off, or out of reach */
            s->attached = NOBODY;
            continue;
        }
        if (s->attached == NOBODY || s->store.cut) {
            if (!power_up(s))
                continue;
            if (!attach(s, true)) {
                new_imsi = new_imsi || s->presented == (int)from + 1;
                continue;
            }
            if (s->attached == (int)from + 1) {
                s->out->changes++;
                count(s->out->orders_needed, a->orders);
                count(s->out->steps_needed, step);
                return true;
            }
            /* Back with A although the receipt was heard: the card took the change back. A orders once more.
             */
            if (new_imsi || a->ordered) {
                s->out->trials_lost++;
                *went_back = true;
            }
            a->ordered = new_imsi = false;
        }
        if (s->attached == (int)from && !a->ordered && (a->orders == 0 || step % NEW_ORDER_EVERY == 0) &&
            !send_order(s, from, from))
            return false;
        deliver(s);
    }
    return false;
}

/* ---- without anything going wrong ---- */

/* Takes the card's store from the deck, as it is there, for the next power_up to open. What is played reaches
 * the deck afterwards: threads would wait for each other at every write. */
static bool take_from_deck(struct show *s)
{
    struct deck_error error;
    uicc_close(s->card);
    s->card = NULL;
    store_close(s->store.inner);
    struct uicc_store *there = deck_card_of_thread(s->plan->deck, s->iccid, s->crypto, &error);
    s->store.inner = there != NULL ? late_store_new(there) : NULL;
    s->store.cut = false;
    s->store.left = -1;
    return s->store.inner != NULL;
}

/* What the maker would reveal is what the card has. Keys that a profile gives all its cards (pair 0 of
 * `test`) tell nothing of a seed: the others must. */
static bool maker_knows(struct show *s)
{
    struct applet list;
    struct pair_info info;
    bool good = subscription_of(s->card, &list);
    for (unsigned i = 0; good && subscription_info(list, i, &info); i++) {
        struct profile_pair pair;
        good = personal_pair(s->crypto, &s->plan->profile->p, span_of(s->plan->seed, s->plan->seed_len),
                             s->iccid, i, &pair) &&
               state_wrong_key(s->crypto, &info, &pair, true) == NULL;
        crypto_wipe(&pair, sizeof pair);
    }
    return good;
}

/* Before the story: operator A has this card as its subscriber, by its IMSI, and its first pair (B1, B2). */
static enum rehearse_result begin(struct show *s, unsigned long nth)
{
    const struct profile *p = &s->plan->profile->p;
    sw_t sw;
    for (unsigned i = 0; i < 256; i++)
        s->revealed_to[i] = NOBODY;
    for (uint16_t i = 0; i < p->n_applets; i++)
        if (strcmp(p->applets[i].class_name, "subscription") == 0 && p->applets[i].n_tars > 0)
            memcpy(s->tar, p->applets[i].tars[0], 3);
    for (unsigned i = 1; i < s->plan->operators; i++)
        snprintf(s->operators[i].imsi, sizeof s->operators[i].imsi, "001%02u%010lu", (i + 1) % 100,
                 nth % 10000000000ul);
    if (!take_from_deck(s) || !power_up(s) || !terminal_imsi(&s->terminal, s->operators[0].imsi, &sw))
        return REHEARSE_NO_CARD;
    if (!maker_knows(s) || !reveal(s, 0, 0))
        return REHEARSE_WRONG_KEY;
    return attach(s, false) ? REHEARSE_PLAYED : REHEARSE_NOT_SERVED;
}

/* The last question, to the card as the deck has it: is there an operator that authenticates it, with what it
 * legally holds? A trial that nobody can confirm ends by itself. */
static bool works(struct show *s)
{
    bool ok = false;
    for (unsigned i = 0; i < CHECKS && !ok; i++)
        ok = power_up(s) && attach(s, false);
    return ok;
}

/* And no other that ever held a pair of it (S1). */
static bool serves_another(struct show *s)
{
    bool served = false;
    for (unsigned i = 0; i < s->plan->operators; i++)
        served = served ||
                 ((int)i != s->attached && s->operators[i].has_pair && authenticate(s, &s->operators[i]));
    return served;
}

static bool terminal_reset(void *ctx)
{
    uint8_t atr[UICC_ATR_MAX];
    struct show *s = ctx;
    return uicc_reset(s->card, atr) > 0;
}

static enum rehearse_result play(struct show *s)
{
    const unsigned last = s->plan->operators - 1;
    bool went_back = false;
    unsigned at = 0;
    while (at < last && (went_back = false, hand_over(s, at, &went_back)))
        at++;
    struct rehearse_plan calm = *s->plan;
    calm.loss = calm.cuts = 0;
    s->plan = &calm;
    if (!late_store_settle(s->store.inner))
        return REHEARSE_NOT_STORED;
    s->out->cards++;
    if (!take_from_deck(s) || !works(s)) {
        s->out->stranded++;
        return REHEARSE_PLAYED;
    }
    if (s->attached == (int)last)
        s->out->changed++;
    else if (went_back)
        s->out->rolled_back++;
    else
        s->out->unreachable++;
    s->out->served_wrongly += serves_another(s);
    return late_store_settle(s->store.inner) ? REHEARSE_PLAYED : REHEARSE_NOT_STORED;
}

enum rehearse_result rehearse_card(const struct rehearse_plan *plan, struct uicc_crypto *crypto,
                                   const char *iccid, unsigned long nth, struct rehearse_outcome *out)
{
    struct show *s = calloc(1, sizeof *s);
    if (s == NULL)
        return REHEARSE_NO_CARD;
    struct reader seed = rd_of(span_of(plan->seed, plan->seed_len));
    struct rehearse_plan calm = *plan;
    calm.cuts = 0;
    s->plan = &calm;
    s->crypto = crypto;
    s->out = out;
    s->iccid = iccid;
    s->random = ((rd_be(&seed, 8) ^ rd_be(&seed, 8)) + nth + 1) * 0x9E3779B97F4A7C15u | 1;
    s->env = (struct uicc_env){.ctx = s, .random = draw_octets, .crypto = crypto, .guard = plugins_guard()};
    s->store = (struct cut_store){.store = {&cut_ops}, .left = -1};
    s->terminal = (struct terminal){.exchange = transmit, .reset = terminal_reset, .ctx = s};
    s->attached = NOBODY;
    enum rehearse_result result = begin(s, nth);
    s->plan = plan;
    if (result == REHEARSE_PLAYED)
        result = play(s);
    uicc_close(s->card);
    store_close(s->store.inner);
    crypto_wipe(s, sizeof *s);
    free(s);
    return result;
}

void rehearse_add(struct rehearse_outcome *to, const struct rehearse_outcome *more)
{
    enum { COUNTS = sizeof *to / sizeof(unsigned long) };
    unsigned long sum[COUNTS], one[COUNTS];
    _Static_assert(sizeof sum == sizeof *to, "counts only");
    memcpy(sum, to, sizeof sum);
    memcpy(one, more, sizeof one);
    for (size_t i = 0; i < COUNTS; i++)
        sum[i] += one[i];
    memcpy(to, sum, sizeof sum);
}

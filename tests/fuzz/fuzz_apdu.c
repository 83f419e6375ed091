/* SPDX-License-Identifier: Apache-2.0
 *
 * A card under a sequence of whatever a terminal and the world can do to it: the input is a program (below)
 * of commands from every table there is, PINs right and wrong, authentications, OTA scripts, resets, power
 * cuts, and writes, memory, ciphers and random octets that fail. After each step: a status word that is one,
 * no key in the answer, no PIN try given back but for a right PIN; now and then, and in the end: memory says
 * what the store says, counters and SQN have not gone back, the card starts again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card.h"
#include "card_fixture.h"
#include "faults.h"
#include "fuzz.h"
#include "gp_host.h"
#include "hex.h"
#include "inspect.h"

/* One octet of operation, then what it takes; at the end of the input everything is zero. */
enum operation {
    OP_COMMAND,      /* which row of which table, P1, P2, form, length, octets */
    OP_SELECT,       /* which of the names, P2 */
    OP_RAW,          /* length, octets */
    OP_PIN,          /* which command and PIN, right or not */
    OP_AUTHENTICATE, /* pair, how far the SQN goes on, P2, what is changed */
    OP_SCRIPT,       /* pair, application, length, octets: a script, secured as it should be */
    OP_RESET,
    OP_RESTART,
    OP_FAIL, /* kind, which call, once or for good */
    OP_HEAL,
    OP_CHANNEL,  /* the channel of the commands that follow */
    OP_TERMINAL, /* profile; fetch; response: what */
    OP_AGAIN,    /* the last command once more */
    OP_SECURE, /* keyset and level of a secure channel with the issuer's domain, how many commands; each: INS,
                  P1, P2, length, octets */
    OPERATIONS,
};

enum { PAIRS = 4, PINS = 8, STEPS_MAX = 80, COMMAND_ROOM = 300 };

static const char *const profiles[] = {"test", "usim", "sja5"};
enum { PROFILES = sizeof profiles / sizeof profiles[0] };

struct factory {
    struct fixture f;
    struct profile_pair pairs[PAIRS];
    unsigned n_pairs;
    const struct command_table *tables[PROFILE_APPLETS_MAX + 1];
    unsigned n_tables;
};

struct spent {
    uint8_t tries[PINS], puk_tries[PINS];
    uint64_t sqn[PAIRS], counter[PAIRS];
};

struct run {
    const struct factory *factory;
    struct fixture f;
    struct reader in;
    uint8_t channel;
    uint64_t sqn;
    uint8_t last[COMMAND_ROOM];
    size_t last_n;
    struct spent spent;
    bool keys_replaced;
};

static const char *const names[] = {"3F00",
                                    "2F00",
                                    "2FE2",
                                    "2F05",
                                    "2F06",
                                    "2F08",
                                    "7FFF",
                                    "7F10",
                                    "7F20",
                                    "6F07",
                                    "6F08",
                                    "6F05",
                                    "6F38",
                                    "6F46",
                                    "6F78",
                                    "6F7B",
                                    "6F7E",
                                    "6FAD",
                                    "6F3C",
                                    "6F40",
                                    "6F42",
                                    "6F43",
                                    "6FB7",
                                    "6FC5",
                                    "6FC6",
                                    "6FE4",
                                    "5F3B",
                                    "4F20",
                                    "6F99",
                                    "6F98",
                                    "6F97",
                                    "6F96",
                                    "5F00",
                                    "5F01",
                                    "A0000000871002",
                                    "A0000000871004",
                                    "A000000087",
                                    "F0736F6674756963630101",
                                    "A000000151000000",
                                    "A00000015141434C00",
                                    "A0000000871002FFFFFFFF8907090000"};

static void table_of(struct factory *w, const struct command_table *t)
{
    for (unsigned i = 0; i < w->n_tables; i++)
        if (w->tables[i] == t)
            return;
    if (t != NULL && w->n_tables < sizeof w->tables / sizeof w->tables[0])
        w->tables[w->n_tables++] = t;
}

/* Made once for all runs. */
static const struct factory *factory(unsigned which)
{
    static struct factory all[PROFILES];
    struct factory *w = &all[which % PROFILES];
    if (w->f.profile != NULL)
        return w;
    fixture_open(&w->f, profiles[which % PROFILES]);
    w->f.env.random = faults_random;
    while (w->n_pairs < PAIRS && personal_pair(w->f.crypto, &w->f.profile->p, span_of(w->f.seed, 16),
                                               FIXTURE_ICCID, w->n_pairs, &w->pairs[w->n_pairs]))
        w->n_pairs++;
    table_of(w, &kernel_commands);
    for (uint8_t i = 0; i < w->f.profile->p.n_applets; i++) {
        table_of(w, applet_class_of(w->f.card, i)->commands);
        table_of(w, applet_class_of(w->f.card, i)->card_commands);
    }
    return w;
}

/* ---- what must hold ---- */

static void no_key(const struct run *r, struct span key)
{
    if (key.n >= 8 && r->f.response_len > 8 && fuzz_has(r->f.response, r->f.response_len, key.p, 8))
        fuzz_die("a key in a response");
}

static void no_keys(const struct run *r)
{
    for (unsigned i = 0; i < r->factory->n_pairs; i++) {
        const struct profile_pair *p = &r->factory->pairs[i];
        if (i > 0) { /* the first pair's stand in manuals, and in this corpus */
            no_key(r, span_of(p->key.k, p->key.k_len));
            no_key(r, span_of(p->key.opc, p->key.opc_len));
        }
        no_key(r, span_of(p->ota.kic, p->ota.kic_len));
        no_key(r, span_of(p->ota.kid, p->ota.kid_len));
        no_key(r, span_of(p->ota.kik, p->ota.kik_len));
    }
}

static void look(const struct run *r, bool counters, struct spent *now)
{
    struct uicc_pin_info pin;
    struct applet subscription;
    for (unsigned i = 0; i < PINS && uicc_inspect_pin(r->f.card, i, &pin); i++) {
        now->tries[i] = pin.tries;
        now->puk_tries[i] = pin.puk_tries;
    }
    for (unsigned i = 0; counters && i < r->factory->n_pairs && subscription_of(r->f.card, &subscription);
         i++) {
        struct pair_info info;
        if (!subscription_info(subscription, i, &info))
            continue;
        struct reader c = rd_of(span_of(info.counter, 5));
        now->counter[i] = rd_be(&c, 5);
        now->sqn[i] = info.sqn;
    }
}

/* Tries come back by a right PIN only: then the command is answered so, or the store failed behind it. */
static bool may_give_back(struct span command, uint16_t sw)
{
    static const uint8_t pin_commands[] = {0x20, 0x24, 0x26, 0x28, 0x2C, 0xC2};
    bool good = sw >> 8 == 0x90 || sw >> 8 == 0x91 || sw >> 8 == 0x61 || sw >> 8 == 0x9F || sw >> 8 == 0x9E ||
                sw >> 8 == 0x62 || sw == SW_MEMORY_PROBLEM || sw == SW_GSM_MEMORY_PROBLEM;
    return command.n > 1 && good && memchr(pin_commands, command.p[1], sizeof pin_commands) != NULL;
}

static void spent(struct run *r, bool may, bool counters)
{
    struct spent now = r->spent;
    look(r, counters, &now);
    for (int i = 0; i < PINS && !may; i++)
        if (now.tries[i] > r->spent.tries[i] || now.puk_tries[i] > r->spent.puk_tries[i])
            fuzz_die("tries of PIN %d were given back", i);
    for (int i = 0; i < PAIRS; i++)
        if (now.sqn[i] < r->spent.sqn[i] || now.counter[i] < r->spent.counter[i])
            fuzz_die("a counter of pair %d went back", i);
    r->spent = now;
}

struct comparison {
    const struct objects *objects;
    size_t n;
};

static bool compare(void *ctx, uint32_t id, struct span value)
{
    struct comparison *c = ctx;
    struct span here;
    c->n++;
    return objects_get(c->objects, id, &here) && span_equal(here, value);
}

static void same_in_store(struct run *r)
{
    struct comparison c = {r->f.card->objects, 0};
    size_t cursor = 0, n = 0;
    uint32_t id;
    struct span value;
    bool same = store_load(r->f.memory, compare, &c) == STORE_OK;
    while (objects_each(r->f.card->objects, &cursor, &id, &value))
        n++;
    if (!same || n != c.n)
        fuzz_die("memory and store differ");
}

/* ---- steps ---- */

static uint16_t transmit(struct run *r, struct span command)
{
    uint8_t *exact = malloc(command.n > 0 ? command.n : 1); /* sanitizers see a read beyond the end */
    if (exact == NULL)
        exit(1);
    if (command.n > 0)
        memcpy(exact, command.p, command.n);
    faults_on();
    size_t n = uicc_transmit(r->f.card, exact, command.n, r->f.response);
    faults_off();
    free(exact);
    r->f.response_len = n;
    if (n < 2 || n > UICC_RESPONSE_MAX)
        fuzz_die("an answer of %zu octets", n);
    uint16_t sw = (uint16_t)(r->f.response[n - 2] << 8 | r->f.response[n - 1]);
    if (sw_find(sw) == NULL)
        fuzz_die("status word %04x", sw);
    no_keys(r);
    spent(r, may_give_back(command, sw), false);
    return sw;
}

static void say(struct run *r, struct span command)
{
    if (command.n > sizeof r->last)
        return;
    if (command.n > 0)
        memmove(r->last, command.p, command.n);
    r->last_n = command.n;
    uint16_t sw = transmit(r, command);
    if (sw >> 8 == 0x61 || sw >> 8 == 0x9F || sw >> 8 == 0x9E) {
        const uint8_t get[] = {r->last[0], 0xC0, 0, 0, (uint8_t)sw};
        (void)transmit(r, span_of(get, 5));
    } else if (sw >> 8 == 0x6C && r->last_n >= 4) {
        const uint8_t again[] = {r->last[0], r->last[1], r->last[2], r->last[3], (uint8_t)sw};
        (void)transmit(r, span_of(again, 5));
    }
}

static uint8_t class_of(const struct run *r, uint8_t cla)
{
    if (cla == 0xA0)
        return cla;
    return command_cla((cla & 0x80) != 0 ? CLASS_ETSI : CLASS_ISO, r->channel);
}

/* Form: bit 0: data, bit 1: Le, bit 2: extended, bit 3: a length that is wrong. */
static void build(struct run *r, const uint8_t header[4], uint8_t form, struct span data, uint8_t le)
{
    uint8_t octets[COMMAND_ROOM];
    struct buf b = buf_of(octets, sizeof octets);
    bool extended = (form & 4) != 0;
    buf_put(&b, span_of(header, 4));
    if (extended && (form & 3) != 0)
        buf_u8(&b, 0);
    if ((form & 1) != 0) {
        size_t n = data.n + ((form & 8) != 0 ? 1 : 0);
        if (extended)
            buf_u16(&b, (uint16_t)n);
        else
            buf_u8(&b, (uint8_t)n);
        buf_put(&b, data);
    }
    if ((form & 2) != 0) {
        if (extended)
            buf_u16(&b, le);
        else
            buf_u8(&b, le);
    }
    if (buf_ok(&b))
        say(r, buf_span(&b));
}

static void op_command(struct run *r)
{
    const struct factory *w = r->factory;
    const struct command_table *t = w->tables[rd_u8(&r->in) % w->n_tables];
    const struct command_row *row = &t->rows[rd_u8(&r->in) % t->n];
    uint8_t p1 = rd_u8(&r->in), p2 = rd_u8(&r->in), form = rd_u8(&r->in), le = rd_u8(&r->in);
    const uint8_t header[4] = {class_of(r, row->klass == CLASS_GSM    ? 0xA0
                                           : row->klass == CLASS_ETSI ? 0x80
                                                                      : 0),
                               row->ins, p1, p2};
    struct span data = rd_take(&r->in, (form & 1) != 0 ? rd_u8(&r->in) % 200u : 0);
    build(r, header, form & 0x0F, data, le);
}

static void op_select(struct run *r)
{
    uint8_t which = rd_u8(&r->in), p2 = rd_u8(&r->in), octets[16];
    const char *name = names[which % (sizeof names / sizeof names[0])];
    struct buf b = buf_of(octets, sizeof octets);
    (void)hex_parse(name, &b, NULL);
    if (b.len == 2) {
        const uint8_t header[4] = {(which & 0x80) != 0 ? 0xA0 : class_of(r, 0), 0xA4, 0,
                                   (which & 0x80) != 0 ? 0 : 0x0C};
        build(r, header, 1, buf_span(&b), 0);
    } else {
        const uint8_t header[4] = {class_of(r, 0), 0xA4, 4, p2 & 0x5F};
        build(r, header, 1, buf_span(&b), 0);
    }
}

static void op_pin(struct run *r)
{
    static const uint8_t ins[] = {0x20, 0x20, 0x20, 0x24, 0x26, 0x28, 0x2C, 0x20};
    uint8_t what = rd_u8(&r->in), which = rd_u8(&r->in), spoil = rd_u8(&r->in);
    const struct profile *p = &r->factory->f.profile->p;
    if (p->n_pins == 0)
        return;
    const struct profile_pin *pin = &p->pins[which % (unsigned)p->n_pins];
    uint8_t octets[16], command = ins[what % 8];
    memcpy(octets, command == 0x2C ? pin->puk : pin->value, 8);
    memcpy(octets + 8, pin->value, 8);
    if ((spoil & 3) == 3)
        octets[spoil >> 2 & 15] ^= 1;
    size_t n = command == 0x24 || command == 0x2C ? 16 : 8;
    const uint8_t header[4] = {(what & 0x80) != 0 ? 0xA0 : class_of(r, 0), command, 0, pin->reference};
    build(r, header, 1, span_of(octets, n), 0);
}

static void op_authenticate(struct run *r)
{
    uint8_t pair = rd_u8(&r->in), step = rd_u8(&r->in), p2 = rd_u8(&r->in), spoil = rd_u8(&r->in), data[34];
    struct aka_vector expected;
    static const uint8_t challenge[16] = "0123456789abcde";
    if (r->factory->n_pairs == 0)
        return;
    r->sqn += step;
    fixture_challenge_of(&r->f, pair % r->factory->n_pairs, r->sqn, challenge, data, &expected);
    if ((spoil & 3) == 3)
        data[spoil >> 2 & 31] ^= 1;
    const uint8_t header[4] = {class_of(r, 0), 0x88, 0, (p2 & 3) == 3 ? p2 : 0x81};
    build(r, header, 1, span_of(data, sizeof data), 0);
}

static void op_script(struct run *r)
{
    static const char *const tars[] = {"B00000", "B00001", "BFFF3B", "B00010", "000000", "B20100"};
    uint8_t pair = rd_u8(&r->in), target = rd_u8(&r->in);
    struct span script = rd_take(&r->in, rd_u8(&r->in) % 200u);
    struct fixture_message m[4];
    char hex[401];
    if (r->factory->n_pairs == 0)
        return;
    hex_format(script, hex);
    const struct fixture_ota ota = {pair % r->factory->n_pairs, (target & 0x80) != 0 ? 0x1639 : 0x1619,
                                    tars[target % 6], hex, 0};
    size_t n = fixture_messages(&r->f, &ota, 1, "12345", m, 4);
    for (size_t i = 0; i < n; i++)
        say(r, span_of(m[i].apdu, m[i].n));
}

static bool has_keyset(const struct profile *p, uint8_t version)
{
    for (unsigned i = profile_common_keysets(p); i < p->n_keysets; i++)
        if (p->keysets[i].keys.version == version)
            return true;
    return false;
}

/* GlobalPlatform under SCP02 or SCP03: what is sent is protected as it should be, and may fail like
 * everything else. */
static void op_secure(struct run *r)
{
    static const uint8_t versions[] = {0x20, 0x30}, levels[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33},
                         commands[] = {0xE6, 0xE4, 0xD8, 0xE2, 0xF0, 0xF2, 0xCA, 0xE8};
    uint8_t which = rd_u8(&r->in), level = levels[rd_u8(&r->in) % sizeof levels], count = rd_u8(&r->in) % 8;
    uint8_t version = versions[which % 2];
    struct gp_host h = {.f = &r->f};
    bool open = has_keyset(&r->factory->f.profile->p, version);
    if (open) {
        gp_keys(&r->f, version, &h.keys);
        open = gp_select(&h, ISD_AID) == 0x9000 && gp_initialize(&h, version, 8) == 0x9000 &&
               gp_authenticate(&h, version == 0x20 ? level & 3 : level) == 0x9000;
    }
    for (uint8_t i = 0; i < count && rd_ok(&r->in); i++) {
        uint8_t ins = rd_u8(&r->in), p1 = rd_u8(&r->in), p2 = rd_u8(&r->in), wrapped[300];
        struct span data = rd_take(&r->in, rd_u8(&r->in) % 200u);
        char hex[2 * 205 + 1];
        int at = snprintf(hex, sizeof hex, "80%02X%02X%02X%02zX",
                          (ins & 0x80) != 0 ? ins : commands[ins % sizeof commands], p1, p2, data.n);
        hex_format(data, hex + at);
        if (open)
            (void)transmit(r, span_of(wrapped, gp_wrap(&h, hex, wrapped)));
    }
}

static void op_fail(struct run *r)
{
    uint8_t kind = rd_u8(&r->in), nth = rd_u8(&r->in);
    bool for_good = (kind & 0x80) != 0;
    switch (kind % 6) {
    case 0:
        fault_store_cut_at(r->f.store, nth % 6);
        break;
    case 1:
    case 2:
        fault_store_fail_at(r->f.store, nth % 6);
        break;
    default:
        faults_arm((enum fault_kind)(kind % 6 - 3), nth % 32, for_good);
    }
}

static void heal(struct run *r)
{
    faults_disarm();
    fault_store_cut_at(r->f.store, -1);
}

static void op_terminal(struct run *r)
{
    uint8_t what = rd_u8(&r->in), how = rd_u8(&r->in);
    static const uint8_t profile[] = {0x80, 0x10, 0, 0, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t fetch[] = {0x80, 0x12, 0, 0,
                             r->f.response_len == 2 && r->f.response[0] == 0x91 ? r->f.response[1] : 0};
    const uint8_t answer[] = {0x80, 0x14, 0, 0, 12, 0x81, 3, 1, what, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, how};
    switch (how % 3) {
    case 0:
        say(r, span_of(profile, sizeof profile));
        return;
    case 1:
        say(r, span_of(fetch, sizeof fetch));
        return;
    default:
        say(r, span_of(answer, sizeof answer));
    }
}

static void power_up(struct run *r, bool restart)
{
    uint8_t atr[UICC_ATR_MAX];
    if (restart) {
        faults_disarm();
        fixture_restart(&r->f); /* fails the program when the card does not start */
    } else {
        faults_on();
        size_t n = uicc_reset(r->f.card, atr);
        faults_off();
        if (n == 0)
            heal(r);
        if (n == 0 && uicc_reset(r->f.card, atr) == 0)
            fuzz_die("a card that is mute for good");
    }
    r->f.response_len = 0;
    r->channel = 0;
    same_in_store(r);
    spent(r, false, true);
}

static void step(struct run *r)
{
    switch ((enum operation)(rd_u8(&r->in) % OPERATIONS)) {
    case OP_COMMAND:
        op_command(r);
        return;
    case OP_SELECT:
        op_select(r);
        return;
    case OP_RAW:
        say(r, rd_take(&r->in, rd_u8(&r->in)));
        return;
    case OP_PIN:
        op_pin(r);
        return;
    case OP_AUTHENTICATE:
        op_authenticate(r);
        return;
    case OP_SCRIPT:
        op_script(r);
        return;
    case OP_RESET:
        power_up(r, false);
        return;
    case OP_RESTART:
        power_up(r, true);
        return;
    case OP_FAIL:
        op_fail(r);
        return;
    case OP_HEAL:
        heal(r);
        return;
    case OP_CHANNEL:
        r->channel = rd_u8(&r->in) % 20;
        return;
    case OP_TERMINAL:
        op_terminal(r);
        return;
    case OP_SECURE:
        op_secure(r);
        return;
    default: {
        uint8_t again[COMMAND_ROOM];
        memcpy(again, r->last, r->last_n);
        say(r, span_of(again, r->last_n));
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x3F, 0x00};
    static struct run r;
    r = (struct run){.in = rd_of(span_of(data, n))};
    r.factory = factory(rd_u8(&r.in));
    faults_random_start(1);
    faults_disarm();
    fixture_copy(&r.f, &r.factory->f);
    look(&r, true, &r.spent);
    for (unsigned steps = 0; steps < STEPS_MAX && r.in.left > 0; steps++)
        step(&r);
    power_up(&r, true);
    uint16_t sw = transmit(&r, span_of(select_mf, sizeof select_mf));
    if (sw >> 8 != 0x61 && sw != 0x6283 && sw != 0x6285 && sw != 0x6984 && sw != 0x6A81)
        fuzz_die("SELECT MF is answered %04x in the end", sw);
    fixture_discard(&r.f);
    return 0;
}

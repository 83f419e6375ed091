/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver of command packets under a sequence of whatever: the input is a program (below) of packets
 * under known keys, changed or not, in parts and in any order, pages of cell broadcast, resets, restarts,
 * power cuts, and a terminal that fetches and answers as it likes. After each step: counters have not gone
 * back, no key is in what the card says, and it still selects its MF.
 */
#include "attack.h"
#include "fuzz.h"

/* One octet of operation, then what it takes; at the end of the input everything is zero. */
enum operation {
    OP_PACKET,       /* shape, SPI (2), how to change it (see change) */
    OP_PARTS,        /* the same, in parts: reference, order */
    OP_PART,         /* one part by hand: reference, total, number, flags, length */
    OP_PAGE,         /* cell broadcast: serial, pages, identifier, then as OP_PACKET */
    OP_RAW_PACKET,   /* length, octets: behind 02 70 00 */
    OP_RAW_TPDU,     /* length, octets */
    OP_RAW_ENVELOPE, /* tag, length, octets */
    OP_SCRIPT,       /* length, octets: a script, secured as it should be */
    OP_RESET,
    OP_RESTART,
    OP_CUT, /* after how many writes */
    OP_FETCH,
    OP_TERMINAL_RESPONSE, /* general result, then type */
    OP_TERMINAL_PROFILE,
    OP_REPLAY, /* which of the messages that were sent before */
    OP_APDU,   /* length, octets */
    OPERATIONS,
};

enum { REMEMBERED = 8, STEPS_MAX = 60, PAIRS = 4 };

struct run {
    struct fixture f;
    struct reader in;
    uint64_t cntr;
    uint64_t accepted[PAIRS + ATTACK_VERSIONS]; /* counters, as they were last seen */
    struct fixture_message sent[REMEMBERED];
    unsigned n_sent;
    struct profile_pair pairs[PAIRS];
    struct keyset common[ATTACK_VERSIONS];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "fuzz_ota: %s\n", what);
    abort();
}

/* ---- what must hold ---- */

static void no_key(const struct run *r, struct span key)
{
    if (key.n >= 8 && r->f.response_len > 8 && fuzz_has(r->f.response, r->f.response_len, key.p, 8))
        die("a key in a response");
}

static void no_keyset(const struct run *r, const struct keyset *k)
{
    no_key(r, span_of(k->kic, k->kic_len));
    no_key(r, span_of(k->kid, k->kid_len));
    no_key(r, span_of(k->kik, k->kik_len));
}

static void say(struct run *r, struct span command)
{
    uint16_t sw = fixture_transmit(&r->f, command, true);
    if (sw_find(sw) == NULL)
        die("a status word that is none");
    for (int i = 0; i < PAIRS; i++) {
        no_key(r, span_of(r->pairs[i].key.k, r->pairs[i].key.k_len));
        no_key(r, span_of(r->pairs[i].key.opc, r->pairs[i].key.opc_len));
        no_keyset(r, &r->pairs[i].ota);
    }
    for (int i = 0; i < ATTACK_VERSIONS - 1; i++)
        no_keyset(r, &r->common[i]);
}

/* Counters of the keysets as the applet gives them out. PUT KEY, which makes one start afresh, needs keys
 * this program does not use. */
static void counters_rise(struct run *r)
{
    struct applet subscription;
    if (!subscription_of(r->f.card, &subscription))
        die("no subscription applet");
    for (unsigned i = 0; i < PAIRS; i++) {
        struct pair_info info;
        if (!subscription_info(subscription, i, &info))
            continue;
        struct reader c = rd_of(span_of(info.counter, 5));
        uint64_t now = rd_be(&c, 5);
        if (now < r->accepted[i])
            die("a counter went back");
        r->accepted[i] = now;
    }
    const struct ota_key_service *keys =
        applet_class_of(r->f.card, subscription.index)->share(subscription, "ota-keys");
    for (unsigned version = 2; version <= ATTACK_VERSIONS; version++) {
        struct ota_key_reference ref;
        struct keyset k;
        uint8_t octets[5];
        if (!keys->find(subscription, (uint8_t)version, 0, &ref, &k))
            die("a common keyset is gone");
        keys->counter(subscription, &ref, octets);
        struct reader c = rd_of(span_of(octets, 5));
        uint64_t now = rd_be(&c, 5), *seen = &r->accepted[PAIRS + version - 1];
        if (now < *seen)
            die("a counter of a common keyset went back");
        *seen = now;
    }
}

static void alive(struct run *r)
{
    static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x3F, 0x00};
    if (fault_store_is_cut(r->f.store))
        fixture_restart(&r->f);
    if ((fixture_transmit(&r->f, span_of(select_mf, sizeof select_mf), false) & 0xFF00) != 0x6100)
        die("SELECT MF does not answer 61xx");
    counters_rise(r);
}

/* ---- packets ---- */

static void remember(struct run *r, struct span command)
{
    struct fixture_message *m = &r->sent[r->n_sent++ % REMEMBERED];
    memcpy(m->apdu, command.p, command.n);
    m->n = command.n;
}

/* Shape: which keys, TAR and script; bit 7: changed. */
static size_t packet(struct run *r, uint8_t *to, size_t room)
{
    static const char *const tars[] = {"B00000", "B00001", "BFFF3B", "B00020",
                                       "B00021", "B00022", "B00023", "A1B2C3"};
    static const char *const scripts[] = {"00A4000C026F7800D60000020004",
                                          "80E290000DE10B8109080910101032547618"
                                          "00C0000000",
                                          "AA092207"
                                          "00A4000C026F7E",
                                          "AE80"
                                          "220700A4000C026F78"
                                          "220500B0000002"
                                          "0000",
                                          "AA0C"
                                          "830111"
                                          "220700A4000C026F78",
                                          "AA0A"
                                          "830103"
                                          "220500B0000002",
                                          "",
                                          "00A4000C026F3C00B20104B0" /* longer than a report */};
    uint8_t shape = rd_u8(&r->in), keys = rd_u8(&r->in), spi1 = rd_u8(&r->in), spi2 = rd_u8(&r->in);
    struct keyset set;
    struct scp80_command c = {.spi1 = spi1, .spi2 = spi2};
    unsigned which = keys % (PAIRS + ATTACK_VERSIONS - 1);
    set = which < PAIRS ? r->pairs[which].ota : r->common[which - PAIRS];
    c.kic = keyset_kic_octet(&set);
    c.kid = (spi1 & SPI1_CHECK) == SPI1_RC ? ((keys & 0x80) != 0 ? 0x01 : 0x05) : keyset_kid_octet(&set);
    struct buf tar = buf_of(c.tar, 3), out = buf_of(to, room);
    uint8_t script[200];
    struct buf s = buf_of(script, sizeof script);
    (void)hex_parse(tars[shape & 7], &tar, NULL);
    (void)hex_parse(scripts[shape >> 3 & 7], &s, NULL);
    r->cntr++;
    for (int i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(r->cntr >> (8 * (4 - i)));
    if (!scp80_command_build(r->f.crypto, &set, &c, buf_span(&s), &out))
        return 0;
    if ((shape & 0x80) != 0)
        for (unsigned changes = 1 + rd_u8(&r->in) % 4; changes > 0 && out.len > 0; changes--) {
            size_t at = rd_u8(&r->in) % out.len;
            uint8_t with = rd_u8(&r->in);
            if (with == 0)
                out.len = at; /* cut */
            else
                to[at] ^= with;
        }
    return out.len;
}

static void op_packet(struct run *r, bool in_parts)
{
    uint8_t octets[600], order[ATTACK_PARTS];
    struct fixture_message m[ATTACK_PARTS];
    size_t n = packet(r, octets, 300);
    if (in_parts &&
        n > 0) /* something behind it makes it long: it is then refused; or parts of a packet that is whole */
        n += rd_u8(&r->in);
    memset(octets + (n < 300 ? n : 300), 0, 300);
    size_t parts = attack_split(span_of(octets, n < 600 ? n : 600), in_parts ? rd_u8(&r->in) : 0, m);
    for (size_t i = 0; i < parts; i++)
        order[i] = in_parts ? (uint8_t)(rd_u8(&r->in) % parts) : (uint8_t)i;
    for (size_t i = 0; i < parts; i++) {
        remember(r, span_of(m[order[i]].apdu, m[order[i]].n));
        say(r, span_of(m[order[i]].apdu, m[order[i]].n));
    }
}

static void say_user_data(struct run *r, struct span ud)
{
    uint8_t command[261];
    size_t n = attack_envelope(ud, true, 0x7F, 0xF6, command);
    remember(r, span_of(command, n));
    say(r, span_of(command, n));
}

static void op_part(struct run *r)
{
    uint8_t ud[SMS_UD_MAX], reference = rd_u8(&r->in), total = rd_u8(&r->in), number = rd_u8(&r->in),
                            flags = rd_u8(&r->in);
    struct buf b = buf_of(ud, sizeof ud);
    bool wide = (flags & 1) != 0, identifier = (flags & 2) != 0;
    buf_u8(&b, (uint8_t)((wide ? 6 : 5) + (identifier ? 2 : 0)));
    buf_u8(&b, wide ? UDH_CONCAT_16 : UDH_CONCAT_8);
    buf_u8(&b, wide ? 4 : 3);
    if (wide)
        buf_u8(&b, 0);
    buf_u8(&b, reference);
    buf_u8(&b, total);
    buf_u8(&b, number);
    if (identifier)
        buf_u16(&b, 0x7000);
    struct span body = rd_take(&r->in, rd_u8(&r->in) % 100u);
    buf_put(&b, body);
    say_user_data(r, buf_span(&b));
}

static void op_page(struct run *r)
{
    uint8_t octets[300], command[261];
    uint8_t serial = rd_u8(&r->in), pages = rd_u8(&r->in), identifier = rd_u8(&r->in);
    size_t n = packet(r, octets, sizeof octets), at = (pages >> 4) > 1 ? 82 : 0;
    struct buf b = buf_of(command, sizeof command);
    const uint8_t head[] = {0x80,
                            0xC2,
                            0,
                            0,
                            96,
                            0xD2,
                            94,
                            0x82,
                            2,
                            0x83,
                            0x81,
                            0x8C,
                            88,
                            0,
                            serial,
                            0x10,
                            (uint8_t)(0x80 + identifier % 40),
                            0x96,
                            pages};
    struct span content = span_slice(span_of(octets, n), at, 82);
    buf_put(&b, span_of(head, sizeof head));
    buf_put(&b, content);
    buf_fill(&b, 0x2B, 82 - content.n);
    remember(r, buf_span(&b));
    say(r, buf_span(&b));
}

static void op_raw(struct run *r, enum operation op)
{
    uint8_t octets[261];
    struct buf b = buf_of(octets, sizeof octets);
    uint8_t tag = op == OP_RAW_ENVELOPE ? rd_u8(&r->in) : 0;
    size_t limit = op == OP_RAW_PACKET ? 137u : op == OP_RAW_TPDU ? 176u : 240u;
    struct span body = rd_take(&r->in, rd_u8(&r->in) % limit);
    switch (op) {
    case OP_RAW_PACKET:
        buf_put(&b, span_of((const uint8_t *)"\x02\x70\x00", 3));
        buf_put(&b, body);
        say_user_data(r, buf_span(&b));
        return;
    case OP_RAW_TPDU: {
        size_t n = fixture_wrap(body, octets);
        say(r, span_of(octets, n));
        return;
    }
    case OP_RAW_ENVELOPE:
        buf_put(&b,
                span_of((const uint8_t[]){0x80, 0xC2, 0, 0, (uint8_t)(body.n + 2), tag, (uint8_t)body.n}, 7));
        buf_put(&b, body);
        say(r, buf_span(&b));
        return;
    default:
        say(r, body);
    }
}

/* A script from the input under the active pair's keys: what the operator himself may send. */
static void op_script(struct run *r)
{
    uint8_t octets[300];
    static const uint8_t tars[][3] = {{0xB0, 0, 0}, {0xB0, 0, 1}, {0xBF, 0xFF, 0x3B}};
    const struct keyset *set = &r->pairs[0].ota;
    uint8_t which = rd_u8(&r->in);
    struct scp80_command c = {.spi1 = 0x16,
                              .spi2 = (which & 0x80) != 0 ? 0x39 : 0x19,
                              .kic = keyset_kic_octet(set),
                              .kid = keyset_kid_octet(set)};
    struct buf out = buf_of(octets, sizeof octets);
    struct span script = rd_take(&r->in, rd_u8(&r->in));
    struct fixture_message m[ATTACK_PARTS];
    memcpy(c.tar, tars[which % 3], 3);
    r->cntr++;
    for (int i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(r->cntr >> (8 * (4 - i)));
    if (!scp80_command_build(r->f.crypto, set, &c, script, &out))
        die("a packet that cannot be built");
    size_t n = attack_split(buf_span(&out), (uint8_t)r->cntr, m);
    for (size_t i = 0; i < n; i++)
        say(r, span_of(m[i].apdu, m[i].n));
}

static void step(struct run *r)
{
    enum operation op = rd_u8(&r->in) % OPERATIONS;
    switch (op) {
    case OP_PACKET:
    case OP_PARTS:
        op_packet(r, op == OP_PARTS);
        break;
    case OP_PART:
        op_part(r);
        break;
    case OP_PAGE:
        op_page(r);
        break;
    case OP_SCRIPT:
        op_script(r);
        break;
    case OP_RESET:
        fixture_reset(&r->f);
        break;
    case OP_RESTART:
        fixture_restart(&r->f);
        break;
    case OP_CUT:
        fault_store_cut_at(r->f.store, rd_u8(&r->in) % 4);
        break;
    case OP_FETCH:
        say(r, span_of((const uint8_t[]){0x80, 0x12, 0, 0,
                                         r->f.response_len == 2 && r->f.response[0] == 0x91 ? r->f.response[1]
                                                                                            : 0},
                       5));
        break;
    case OP_TERMINAL_RESPONSE: {
        uint8_t result = rd_u8(&r->in), type = rd_u8(&r->in);
        const uint8_t answer[] = {0x80, 0x14, 0, 0,    12,   0x81, 3, 1,     type,
                                  0,    0x82, 2, 0x82, 0x81, 0x83, 1, result};
        say(r, span_of(answer, sizeof answer));
        break;
    }
    case OP_TERMINAL_PROFILE: {
        static const uint8_t profile[] = {0x80, 0x10, 0,    0,    8,    0xFF, 0xFF,
                                          0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
        say(r, span_of(profile, sizeof profile));
        break;
    }
    case OP_REPLAY: {
        const struct fixture_message *m = &r->sent[rd_u8(&r->in) % REMEMBERED];
        if (m->n > 0)
            say(r, span_of(m->apdu, m->n));
        break;
    }
    default:
        op_raw(r, op);
    }
}

/* A card as it left the factory, made once for all runs. */
static const struct fixture *factory(void)
{
    static struct fixture f;
    if (f.profile == NULL)
        fixture_open_text(&f, ATTACK_PROFILE);
    return &f;
}

static void whole_run(struct run *r, struct span input)
{
    *r = (struct run){.in = rd_of(input)};
    fixture_copy(&r->f, factory());
    for (unsigned i = 0; i < PAIRS; i++)
        if (!personal_pair(r->f.crypto, &r->f.profile->p, span_of(r->f.seed, 16), FIXTURE_ICCID, i,
                           &r->pairs[i]))
            die("no such pair");
    for (unsigned version = 2; version <= ATTACK_VERSIONS; version++)
        attack_keys(&r->f, version, &r->common[version - 2]);
    fixture_terminal_profile(&r->f);
    for (unsigned steps = 0; steps < STEPS_MAX && r->in.left > 0; steps++) {
        step(r);
        alive(r);
    }
    fixture_discard(&r->f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct run *r = malloc(sizeof *r);
    if (r == NULL)
        return 0;
    whole_run(r, span_of(data, n));
    free(r);
    return 0;
}

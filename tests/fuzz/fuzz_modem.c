/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual terminal with a card that lies: answers changed, cut short, made up, proactive commands of any
 * kind at any time, a link that fails. Whatever the card says: every event is one JSON line, the card's keys
 * are in none of them, and with an honest card the terminal works again.
 *
 * The input is a program: what the user does (enum deed); and while commands go to the card, what becomes of
 * each answer (enum lie).
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "card_fixture.h"
#include "cat.h"
#include "fuzz.h"
#include "hex.h"
#include "modem.h"
#include "modem_link.h"
#include "modem_network.h"

#undef exchange /* card_fixture.h has a macro of this name; struct modem_link a member */

enum deed {
    DEED_ON,
    DEED_OFF,
    DEED_CYCLE,
    DEED_TIME,     /* next octet: seconds */
    DEED_MESSAGE,  /* length, octets */
    DEED_FILE,     /* command, FID, P1, P2 */
    DEED_CHANNEL,  /* open, send, close */
    DEED_PIN,      /* which */
    DEED_MEMORY,   /* read, write, delete messages */
    DEED_ENVELOPE, /* length, octets */
    DEED_ANSWER,   /* result */
    DEED_RAW,      /* length, octets */
    DEED_RADIO,
    DEED_SUBMIT,
    DEEDS,
};

enum lie {
    LIE_SW = 160, /* below: the truth */
    LIE_SHORT = 176,
    LIE_CHANGED = 192,
    LIE_MADE_UP = 208,
    LIE_GONE = 216,
    LIE_PROACTIVE = 218,
    LIE_FETCHED = 246, /* to the end: what FETCH gets is made up */
};

enum { DEEDS_MAX = 64, STEPS_MAX = 200 };

struct show {
    struct fixture f;
    struct link_card slot;
    struct modem_link honest;
    struct reader in;
    bool lying;
    uint8_t proactive[258];
    size_t proactive_n;
    struct modem *modem;
    struct loop *loop;
    struct modem_network *network;
    char k[2 * 16 + 1], opc[2 * 16 + 1];
};

static uint8_t octet(struct show *s)
{
    return s->in.left > 0 ? rd_u8(&s->in) : 0;
}

static struct span octets(struct show *s, size_t n)
{
    return rd_take(&s->in, n < s->in.left ? n : s->in.left);
}

/* ---- the card ---- */

static bool reset(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct show *s = ctx;
    s->proactive_n = 0;
    if (s->lying && octet(s) >= LIE_GONE)
        return false;
    return s->honest.reset(s->honest.ctx, atr, n);
}

static void make_proactive(struct show *s)
{
    struct buf b = buf_of(s->proactive, sizeof s->proactive);
    struct cat_details details = {1, octet(s), octet(s)};
    const uint8_t to = octet(s);
    if (details.type == 0x40) /* no sockets here */
        details.type = 0x44;
    cat_proactive_build(&b, &details, to, octets(s, octet(s)));
    s->proactive_n = buf_ok(&b) ? b.len : 0;
}

static void lie(struct show *s, uint8_t how, struct buf *answer)
{
    uint8_t *sw = answer->p + answer->len - 2;
    if (how < LIE_SHORT) {
        sw[0] = octet(s);
        sw[1] = octet(s);
    } else if (how < LIE_CHANGED) {
        const size_t n = octet(s);
        if (n < answer->len)
            answer->len = n;
    } else if (how < LIE_MADE_UP) {
        const size_t at = octet(s);
        const struct span with = octets(s, octet(s) & 0x1F);
        if (at + with.n <= answer->len && with.n > 0)
            memcpy(answer->p + at, with.p, with.n);
    } else if (how < LIE_GONE) {
        answer->len = 0;
        buf_put(answer, octets(s, octet(s)));
    } else if (how < LIE_FETCHED) {
        make_proactive(s);
        sw[0] = 0x91;
        sw[1] = (uint8_t)s->proactive_n;
    } else {
        s->proactive_n = octets(s, octet(s)).n;
        sw[0] = 0x91;
        sw[1] = octet(s);
    }
}

static bool send(void *ctx, struct span command, struct buf *response)
{
    struct show *s = ctx;
    uint8_t bytes[66000];
    struct buf answer = buf_of(bytes, sizeof bytes);
    if (command.n > 1 && command.p[1] == 0x12 && s->proactive_n > 0) {
        buf_put(&answer, span_of(s->proactive, s->proactive_n));
        buf_u16(&answer, 0x9000);
        s->proactive_n = 0;
    } else if (!s->honest.exchange(s->honest.ctx, command, &answer)) {
        return false;
    }
    const uint8_t how = s->lying ? octet(s) : 0;
    if (how >= LIE_GONE && how < LIE_PROACTIVE)
        return false;
    if (how >= LIE_SW && answer.len >= 2)
        lie(s, how, &answer);
    buf_put(response, buf_span(&answer));
    return buf_ok(response);
}

static void off(void *ctx)
{
    struct show *s = ctx;
    s->honest.off(s->honest.ctx);
}

static const char *why(void *ctx)
{
    (void)ctx;
    return "it lies";
}

/* ---- the listener ---- */

static void tell(void *ctx, const char *what, const char *json)
{
    const struct show *s = ctx;
    bool quoted = false;
    for (const char *at = json; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20)
            fuzz_die("fuzz_modem: %s: an octet that no JSON line has", what);
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    if (quoted)
        fuzz_die("fuzz_modem: %s: a text that does not end: %s", what, json);
    char lower[1700];
    size_t n = 0;
    for (; json[n] != '\0' && n < sizeof lower; n++)
        lower[n] = json[n] >= 'A' && json[n] <= 'F' ? (char)(json[n] + 32) : json[n];
    if (fuzz_has(lower, n, s->k, 32) || fuzz_has(lower, n, s->opc, 32))
        fuzz_die("fuzz_modem: %s: a key", what);
}

static void reported(void *ctx, const struct modem_report *report)
{
    (void)ctx;
    (void)report;
}

/* ---- the user ---- */

static void pass(struct show *s, uint64_t ms)
{
    const uint64_t until = loop_now(s->loop) + ms;
    for (unsigned i = 0; i < STEPS_MAX && loop_now(s->loop) < until; i++)
        (void)loop_step(s->loop, until - loop_now(s->loop));
}

static void use_channel(struct show *s)
{
    uint8_t bytes[66000];
    struct buf b = buf_of(bytes, sizeof bytes);
    unsigned channel = 0;
    sw_t sw;
    struct modem_app app;
    const bool named = modem_app(s->modem, octet(s) & 1, &app);
    if (!modem_channel_open(s->modem, named ? span_of(app.aid, app.aid_len) : SPAN_EMPTY, &channel, &b,
                            &sw) ||
        sw != SW_OK)
        return;
    b.len = 0;
    (void)modem_channel_apdu(s->modem, channel, octets(s, octet(s) & 0x1F), &b, &sw);
    (void)modem_channel_close(s->modem, channel, &sw);
}

static void use_memory(struct show *s)
{
    struct modem_sms sms = {.state = octet(s), .centre = "+49", .tpdu_len = 20};
    char centre[22];
    const unsigned at = octet(s);
    (void)modem_sms_write(s->modem, MODEM_SM, &sms);
    (void)modem_sms_read(s->modem, MODEM_SM, at, &sms);
    (void)modem_sms_mark(s->modem, MODEM_SM, at, 1);
    (void)modem_sms_used(s->modem, MODEM_SM);
    (void)modem_sms_centre(s->modem, centre);
    (void)modem_sms_centre_set(s->modem, "123456");
    (void)modem_sms_delete(s->modem, MODEM_SM, at);
}

static void use_file(struct show *s)
{
    uint8_t bytes[66000];
    struct buf b = buf_of(bytes, sizeof bytes);
    static const uint8_t commands[] = {0xB0, 0xB2, 0xC0, 0xD6, 0xDC, 0xF2, 0xCB, 0xDB};
    struct modem_crsm how = {.command = commands[octet(s) & 7]};
    sw_t sw;
    how.fid = (uint16_t)(0x6F00 | octet(s));
    how.p1 = octet(s) & 3;
    how.p2 = 4;
    how.p3 = octet(s);
    how.data = octets(s, octet(s) & 0x0F);
    (void)modem_restricted(s->modem, &how, &b, &sw);
}

static void do_deed(struct show *s, enum deed deed)
{
    uint8_t bytes[66000], reference;
    struct buf b = buf_of(bytes, sizeof bytes);
    sw_t sw;
    switch (deed) {
    case DEED_ON:
        (void)modem_function_set(s->modem, MODEM_FULL);
        break;
    case DEED_OFF:
        (void)modem_function_set(s->modem, MODEM_OFF);
        break;
    case DEED_CYCLE:
        (void)modem_power_cycle(s->modem);
        break;
    case DEED_TIME:
        pass(s, octet(s) * UINT64_C(1000));
        break;
    case DEED_MESSAGE:
        (void)modem_sms_deliver(s->modem, "123", octets(s, octet(s)), reported, NULL);
        break;
    case DEED_FILE:
        use_file(s);
        break;
    case DEED_CHANNEL:
        use_channel(s);
        break;
    case DEED_PIN:
        (void)modem_pin_tries(s->modem, octet(s) & 3);
        (void)modem_pin_enter(s->modem, MODEM_PIN1, "1234");
        break;
    case DEED_MEMORY:
        use_memory(s);
        break;
    case DEED_ENVELOPE:
        (void)modem_stk_envelope(s->modem, octets(s, octet(s)), &b, &sw);
        break;
    case DEED_ANSWER: {
        const uint8_t result = octet(s);
        (void)modem_stk_answer(s->modem, result, SPAN_EMPTY, octets(s, octet(s) & 0x1F), &sw);
        break;
    }
    case DEED_RAW:
        (void)modem_apdu(s->modem, octets(s, octet(s)), &b, &sw);
        break;
    case DEED_RADIO:
        network_switch(s->network, 0, (octet(s) & 1) != 0);
        modem_radio_changed(s->modem);
        break;
    case DEED_SUBMIT:
        (void)modem_sms_submit(s->modem, NULL, octets(s, octet(s)), &reference);
        break;
    case DEEDS:
    default:
        break;
    }
}

/* ---- ---- */

static struct auc *centre(const struct show *s, struct profile_pair *pair)
{
    struct sealed_error error;
    const struct auc_config config = {":memory:", true, NULL, NULL};
    struct key_row row = {.index = 0};
    struct auc *a = auc_open(&config, &error);
    memcpy(row.iccid, FIXTURE_ICCID, sizeof FIXTURE_ICCID);
    if (a == NULL ||
        !personal_pair(s->f.crypto, &s->f.profile->p, span_of(s->f.seed, sizeof s->f.seed), FIXTURE_ICCID, 0,
                       &row.pair) ||
        !auc_add(a, &row, FIXTURE_IMSI, &error))
        fuzz_die("fuzz_modem: no centre");
    *pair = row.pair;
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fixture factory; /* reading a profile takes longer than most inputs */
    static bool made;
    static struct auc *auc;
    static struct profile_pair pair;
    struct show *s = calloc(1, sizeof *s);
    if (s == NULL)
        return 0;
    if (!made) {
        fixture_open(&factory, "test");
        s->f = factory;
        auc = centre(s, &pair);
        made = true;
    }
    fixture_copy(&s->f, &factory);
    hex_format(span_of(pair.key.k, 16), s->k);
    hex_format(span_of(pair.key.opc, 16), s->opc);
    s->slot.card = s->f.card;
    s->honest = link_of_card(&s->slot);
    s->in = rd_of(span_of(data, n));
    s->loop = loop_new(true);
    s->network = network_new(1);
    const struct network_spec spec = {.plmn = "00101", .name = "A", .act = 2, .auc = auc};
    if (s->loop == NULL || s->network == NULL || network_add(s->network, &spec) != 0)
        fuzz_die("fuzz_modem: no memory");
    const struct modem_config config = {
        .link = {reset, send, off, why, s}, .loop = s->loop, .network = s->network, .seed = 1, .pin = "1234"};
    s->modem = modem_new(&config);
    const struct modem_user user = {.log = tell, .ctx = s};
    if (s->modem == NULL || !modem_listen(s->modem, &user))
        fuzz_die("fuzz_modem: no memory");
    s->lying = true;
    for (unsigned i = 0; i < DEEDS_MAX && s->in.left > 0; i++) {
        do_deed(s, octet(s) % DEEDS);
        pass(s, 5);
    }
    /* an honest card again; a PIN that was blocked, or another's, may be wanted */
    s->lying = false;
    s->proactive_n = 0;
    (void)modem_function_set(s->modem, MODEM_OFF);
    const enum modem_sim state = modem_function_set(s->modem, MODEM_FULL);
    if (state == MODEM_SIM_ABSENT || state == MODEM_SIM_OFF)
        fuzz_die("fuzz_modem: with an honest card: %d", (int)state);
    modem_free(s->modem);
    network_free(s->network);
    loop_free(s->loop);
    fixture_discard(&s->f);
    free(s);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "at_bench.h"
#include "hex.h"
#include "menu_applet.h"

/* ---- the card's contacts ---- */

static bool contacts_reset(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct at_bench *b = ctx;
    *n = b->gone ? 0 : uicc_reset(b->f.card, atr);
    return *n > 0;
}

/* An ENVELOPE with tag D5, and the GET RESPONSE after it, as T=0 has them. */
static bool control(struct at_bench *b, struct span command, struct buf *response)
{
    uint8_t octets[64];
    struct buf answer = buf_of(octets, sizeof octets);
    assert_true(hex_parse(b->control, &answer, NULL));
    if (command.n > 5 && command.p[1] == 0xC2 && command.p[5] == 0xD5) {
        buf_u16(response, (uint16_t)(0x6100 | answer.len));
        return true;
    }
    if (command.n < 2 || command.p[1] != 0xC0 || command.p[4] != answer.len)
        return false;
    buf_put(response, buf_span(&answer));
    buf_u16(response, 0x9000);
    return true;
}

static bool contacts_exchange(void *ctx, struct span command, struct buf *response)
{
    struct at_bench *b = ctx;
    uint8_t octets[UICC_RESPONSE_MAX];
    if (b->gone)
        return false;
    if (b->control != NULL && control(b, command, response))
        return true;
    size_t n = uicc_transmit(b->f.card, command.p, command.n, octets);
    buf_put(response, span_of(octets, n));
    return buf_ok(response);
}

static void contacts_off(void *ctx)
{
    struct at_bench *b = ctx;
    uicc_power_off(b->f.card);
}

static const char *contacts_why(void *ctx)
{
    (void)ctx;
    return "taken out";
}

/* ---- the home network ---- */

static void home_network(struct at_bench *b)
{
    struct sealed_error e;
    const struct auc_config config = {.path = ":memory:", .create = true};
    struct key_row row = {.index = 0};
    memcpy(row.iccid, FIXTURE_ICCID, sizeof FIXTURE_ICCID);
    b->auc = auc_open(&config, &e);
    if (b->auc == NULL)
        fail_msg("%s", e.text);
    assert_true(personal_pair(b->f.crypto, &b->f.profile->p, span_of(b->f.seed, sizeof b->f.seed),
                              FIXTURE_ICCID, 0, &row.pair));
    assert_true(auc_add(b->auc, &row, FIXTURE_IMSI, &e));
    b->network = network_new(7);
    assert_non_null(b->network);
    const struct network_spec home = {
        .plmn = "00101", .name = "Home", .act = 7, .area = 0x1234, .cell = 0xABCDE, .auc = b->auc};
    const struct network_spec other = {
        .plmn = "26299", .name = "Fremdes Netz", .act = 2, .area = 1, .cell = 2, .forbidden = true};
    assert_int_equal(network_add(b->network, &home), 0);
    assert_int_equal(network_add(b->network, &other), 1);
    assert_true(network_ussd_script(b->network, "*100#", "Balance: 5 EUR"));
}

static void connect_all(struct at_bench *b, const char *personality)
{
    home_network(b);
    b->loop = loop_new(true);
    assert_non_null(b->loop);
    const struct modem_config config = {
        .link = {contacts_reset, contacts_exchange, contacts_off, contacts_why, b},
        .loop = b->loop,
        .network = b->network,
        .seed = 1,
        .imei = "490154203237518",
    };
    b->modem = modem_new(&config);
    assert_non_null(b->modem);
    b->shared = at_modem_new(b->modem, at_personality_find(personality));
    assert_non_null(b->shared);
    b->at = at_open(b->shared);
    assert_non_null(b->at);
    at_bench_say(b, "ATE0");
}

void at_bench_open(struct at_bench *b, const char *profile, const char *personality)
{
    memset(b, 0, sizeof *b);
    fixture_open(&b->f, profile);
    connect_all(b, personality);
}

void at_bench_open_text(struct at_bench *b, const char *profile, const char *personality)
{
    memset(b, 0, sizeof *b);
    fixture_open_text(&b->f, profile);
    connect_all(b, personality);
}

void at_bench_open_menu(struct at_bench *b, const char *personality)
{
    memset(b, 0, sizeof *b);
    foreign_class_of(&uicc_package, 0, &b->menu);
    const struct applet_class *const more[] = {&b->menu.base, NULL};
    fixture_open_text_classes(&b->f, MENU_PROFILE, more);
    connect_all(b, personality);
}

void at_bench_open_copy(struct at_bench *b, const struct fixture *factory, const char *personality)
{
    memset(b, 0, sizeof *b);
    fixture_copy(&b->f, factory);
    b->copied = true;
    connect_all(b, personality);
}

void at_bench_close(struct at_bench *b)
{
    at_close(b->at);
    at_close(b->other);
    modem_free(b->modem);
    at_modem_free(b->shared);
    network_free(b->network);
    auc_close(b->auc);
    loop_free(b->loop);
    if (b->copied)
        fixture_discard(&b->f);
    else
        fixture_close(&b->f);
}

int at_bench_setup(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open(b, "usim", NULL);
    *state = b;
    return 0;
}

int at_bench_teardown(void **state)
{
    at_bench_close(*state);
    free(*state);
    return 0;
}

void at_bench_on(struct at_bench *b)
{
    at_expect(b, "AT+CFUN=1", "|OK|");
    at_bench_run(b, 20000);
    (void)at_bench_heard(b, b->at);
}

void at_bench_run(struct at_bench *b, unsigned ms)
{
    uint64_t end = loop_now(b->loop) + ms;
    while (loop_now(b->loop) < end)
        assert_true(loop_step(b->loop, end - loop_now(b->loop)));
}

/* ---- what is said ---- */

const char *at_bench_heard(struct at_bench *b, struct at *at)
{
    struct span out = at_output(at);
    size_t n = 0;
    for (size_t i = 0; i < out.n; i++) {
        uint8_t c = out.p[i];
        bool end = c == '\r' && i + 1 < out.n && out.p[i + 1] == '\n';
        b->said[n++] = end ? '|' : (char)c;
        i += end;
    }
    b->said[n] = '\0';
    at_sent(at, out.n);
    return b->said;
}

const char *at_bench_raw(struct at_bench *b, struct at *at, const char *octets, size_t n)
{
    assert_int_equal(at_input(at, span_of(octets, n)), n);
    return at_bench_heard(b, at);
}

const char *at_bench_say(struct at_bench *b, const char *line)
{
    char text[AT_LINE_MAX + 8];
    int n = snprintf(text, sizeof text, "%s\r", line);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return at_bench_raw(b, b->at, text, (size_t)n);
}

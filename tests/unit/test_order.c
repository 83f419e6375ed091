/* SPDX-License-Identifier: Apache-2.0
 *
 * The change order as bytes, what may come back, and the terminal's part of the conversation against a card
 * made of a script.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hex.h"
#include "order.h"
#include "terminal.h"

static struct span hex(const char *text, uint8_t *to, size_t cap)
{
    struct buf b = buf_of(to, cap);
    assert_true(hex_parse(text, &b, NULL));
    return buf_span(&b);
}

static void assert_script(const struct order *order, const char *expected)
{
    uint8_t bytes[128], want[128];
    struct buf out = buf_of(bytes, sizeof bytes);
    assert_true(order_script(order, &out));
    struct span w = hex(expected, want, sizeof want);
    assert_int_equal(out.len, w.n);
    assert_memory_equal(bytes, w.p, w.n);
}

static void script_next_pair(void **state)
{
    (void)state;
    const struct order order = {.imsi = "001010123456780"};
    assert_script(&order, "80E29000 0D E10B 8109 080910101032547608 00C0000000");
}

static void script_everything(void **state)
{
    (void)state;
    const struct order order = {.imsi = "001010123456781",
                                .has_index = true,
                                .index = 3,
                                .has_refresh = true,
                                .refresh = 0x02,
                                .reference_len = 8,
                                .reference = {1, 2, 3, 4, 5, 6, 7, 8}};
    assert_script(&order,
                  "80E29000 1D E11B 800103 8109 080910101032547618 8208 0102030405060708 830102 00C0000000");
}

static void script_refuses(void **state)
{
    (void)state;
    uint8_t bytes[128];
    const struct order good = {.imsi = "001010123456780", .reference_len = 8};
    struct order bad = good;
    struct buf out = buf_of(bytes, sizeof bytes);
    bad.imsi = "00101012345678x";
    assert_false(order_script(&bad, &out));
    bad = good;
    bad.imsi = "0010101234567801";
    assert_false(order_script(&bad, &out));
    bad = good;
    bad.reference_len = 9;
    assert_false(order_script(&bad, &out));
    for (size_t room = 0;; room++) { /* never writes beyond what there is */
        out = buf_of(bytes, room);
        memset(bytes, 0xA5, sizeof bytes);
        bool fits = order_script(&good, &out);
        assert_int_equal(bytes[room], 0xA5);
        if (fits)
            break;
        assert_true(room < 64);
    }
}

static bool parse(const char *text, struct order_answer *answer)
{
    uint8_t bytes[256];
    return order_answer_parse(hex(text, bytes, sizeof bytes), answer);
}

static void answer_obeyed(void **state)
{
    (void)state;
    struct order_answer a;
    assert_true(parse("02 9000 E2 14 800101 810102 8204 DEADBEEF 8303 112233 8403 445566", &a) == false);
    assert_true(parse("02 9000 E2 16 800101 810102 8204 DEADBEEF 8303 112233 8403 445566", &a));
    assert_true(order_obeyed(&a));
    assert_int_equal(a.executed, 2);
    assert_int_equal(a.sw, 0x9000);
    assert_int_equal(a.active, 1);
    assert_int_equal(a.unused, 2);
    assert_int_equal(a.reference_len, 4);
    assert_memory_equal(a.reference, "\xDE\xAD\xBE\xEF", 4);
    assert_true(a.has_kcv_k && a.has_kcv_kic);
    assert_memory_equal(a.kcv_k, "\x11\x22\x33", 3);
    assert_memory_equal(a.kcv_kic, "\x44\x55\x66", 3);
    /* less is enough, and what is not known is skipped */
    assert_true(parse("02 9000 E2 0A 800103 810100 9F7F 01 00", &a));
    assert_true(order_obeyed(&a));
    assert_int_equal(a.active, 3);
    assert_int_equal(a.unused, 0);
    assert_false(a.has_kcv_k || a.has_kcv_kic);
}

static void answer_refused(void **state)
{
    (void)state;
    struct order_answer a;
    assert_true(parse("01 6A90", &a));
    assert_int_equal(a.executed, 1);
    assert_int_equal(a.sw, SW_LIST_EXHAUSTED);
    assert_false(a.has_receipt);
    assert_false(order_obeyed(&a));
    /* executed, but without the receipt: not obeyed as far as anyone can prove */
    assert_true(parse("01 6116", &a));
    assert_false(order_obeyed(&a));
    assert_true(parse("02 9000", &a));
    assert_false(order_obeyed(&a));
    /* a receipt beside a status word that refuses does not count */
    assert_true(parse("02 6A80 E206 800101 810102", &a));
    assert_false(order_obeyed(&a));
}

static void answer_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "02",
        "02 90",
        "03 9000",                          /* more commands than the script has */
        "02 9000 E1 06 800101 810102",      /* an order, not a receipt */
        "02 9000 E2 06 800101 810102 00",   /* something after it */
        "02 9000 E2 07 800101 810102",      /* shorter than it says */
        "02 9000 E2 03 800101",             /* no number of unused pairs */
        "02 9000 E2 03 810101",             /* no index */
        "02 9000 E2 07 80020001 810102",    /* index of two octets */
        "02 9000 E2 08 800101 810102 8200", /* empty reference */
        "02 9000 E2 11 800101 810102 8209 000000000000000000",
        "02 9000 E2 0A 800101 810102 83021122",     /* short check value */
        "02 9000 E2 0C 800101 810102 840411223344", /* long one */
        "02 9000 E2 07 800101 810102 83",           /* torn object */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct order_answer a;
        memset(&a, 0xA5, sizeof a);
        if (parse(bad[i], &a))
            fail_msg("taken for an answer: %s", bad[i]);
        assert_int_equal(a.executed, 0);
        assert_false(a.has_receipt);
    }
}

/* ---- a card that says its lines ---- */

struct line {
    const char *command, *response;
};

struct play {
    const struct line *lines;
    size_t n, at;
    unsigned resets;
};

static bool play_exchange(void *ctx, struct span command, struct buf *response)
{
    struct play *p = ctx;
    uint8_t bytes[600];
    if (p->at == p->n)
        return false;
    struct span expected = hex(p->lines[p->at].command, bytes, sizeof bytes);
    assert_int_equal(command.n, expected.n);
    assert_memory_equal(command.p, expected.p, expected.n);
    buf_put(response, hex(p->lines[p->at].response, bytes, sizeof bytes));
    p->at++;
    return true;
}

static bool play_reset(void *ctx)
{
    ((struct play *)ctx)->resets++;
    return true;
}

#define PLAY(p, t, ...)                                                                                      \
    static const struct line lines_[] = {__VA_ARGS__};                                                       \
    struct play p = {lines_, sizeof lines_ / sizeof lines_[0], 0, 0};                                        \
    const struct terminal t = {play_exchange, play_reset, &p}

static void terminal_follows_up(void **state)
{
    (void)state;
    PLAY(p, t, {"80C2000003 D10100", "6102"}, {"00C0000002", "AA6103"}, {"00C0000003", "BBCCDD9110"});
    uint8_t apdu[16], bytes[16];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw;
    assert_true(terminal_command(&t, hex("80C2000003D10100", apdu, sizeof apdu), &data, &sw));
    assert_int_equal(sw, 0x9110);
    assert_int_equal(data.len, 4);
    assert_memory_equal(bytes, "\xAA\xBB\xCC\xDD", 4);
    assert_int_equal(p.at, p.n);
    assert_false(terminal_command(&t, span_of(apdu, 8), &data, &sw)); /* link gone */
}

static void terminal_keeps_warning(void **state)
{
    (void)state;
    PLAY(p, t, {"80C2000001D1", "6300"}, {"00C0000000", "6C02"}, {"00C0000002", "AABB9000"});
    uint8_t bytes[16];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw;
    assert_true(terminal_command(&t, span_of("\x80\xC2\x00\x00\x01\xD1", 6), &data, &sw));
    assert_int_equal(sw, 0x6300);
    assert_int_equal(data.len, 2);
    assert_int_equal(p.at, p.n);
}

static void terminal_not_for_ever(void **state)
{
    (void)state;
    static const struct line start = {"80C2000001D1", "6101"};
    struct line lines[200];
    lines[0] = start;
    for (size_t i = 1; i < 200; i++)
        lines[i] = (struct line){"00C0000001", "6101"};
    struct play p = {lines, 200, 0, 0};
    const struct terminal t = {play_exchange, play_reset, &p};
    uint8_t bytes[16];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw;
    assert_false(terminal_command(&t, span_of("\x80\xC2\x00\x00\x01\xD1", 6), &data, &sw));
    assert_true(p.at < 100);
}

static void terminal_reads(void **state)
{
    (void)state;
    PLAY(p, t, {"00A4000C023F00", "9000"}, {"00A4000C022FE2", "9000"},
         {"00B000000A", "988812010000400310F09000"}, {"00A4040C07A0000000871002", "9000"},
         {"00A4000C026F07", "9000"}, {"00B0000009", "0809101010325476089000"},
         {"00A4040C07A0000000871002", "9000"}, {"00A4000C026F07", "9000"}, {"00B0000009", "6982"},
         {"00A4000C023F00", "9000"}, {"00A4000C022FE2", "6A82"});
    char iccid[21], imsi[16];
    sw_t sw;
    assert_true(terminal_iccid(&t, iccid, &sw));
    assert_int_equal(sw, SW_OK);
    assert_string_equal(iccid, "8988211000000430010");
    assert_true(terminal_imsi(&t, imsi, &sw));
    assert_int_equal(sw, SW_OK);
    assert_string_equal(imsi, "001010123456780");
    assert_true(terminal_imsi(&t, imsi, &sw)); /* behind a PIN */
    assert_int_equal(sw, 0x6982);
    assert_string_equal(imsi, "");
    assert_true(terminal_iccid(&t, iccid, &sw));
    assert_int_equal(sw, 0x6A82);
    assert_string_equal(iccid, "");
    assert_int_equal(p.at, p.n);
}

static void terminal_obeys(void **state)
{
    (void)state;
    /* SET UP EVENT LIST, DISPLAY TEXT (beyond this terminal), then REFRESH by UICC reset, whose answer is the
     * reset itself */
    PLAY(p, t, {"801200000E", "D00C 8103010500 82028182 990109 9000"},
         {"801400000C 8103010500 82028281 830100", "910E"},
         {"801200000E", "D00C 8103022100 82028102 8D0104 9000"},
         {"801400000C 8103022100 82028281 830130", "910B"}, {"801200000B", "D009 8103030104 82028182 9000"});
    struct terminal_asked asked = {0};
    sw_t sw = 0x910E;
    assert_true(terminal_serve(&t, &asked, &sw));
    assert_true(asked.refresh);
    assert_true(asked.reset_due);
    assert_int_equal(asked.refresh_mode, 0x04);
    assert_int_equal(asked.others, 2);
    assert_int_equal(p.at, p.n);
    assert_int_equal(p.resets, 0); /* the caller's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_next_pair),      cmocka_unit_test(script_everything),
        cmocka_unit_test(script_refuses),        cmocka_unit_test(answer_obeyed),
        cmocka_unit_test(answer_refused),        cmocka_unit_test(answer_malformed),
        cmocka_unit_test(terminal_follows_up),   cmocka_unit_test(terminal_keeps_warning),
        cmocka_unit_test(terminal_not_for_ever), cmocka_unit_test(terminal_reads),
        cmocka_unit_test(terminal_obeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal's part of the conversation, against a card that says its lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hex.h"
#include "terminal.h"

static struct span hex(const char *text, uint8_t *to, size_t cap)
{
    struct buf b = buf_of(to, cap);
    assert_true(hex_parse(text, &b, NULL));
    return buf_span(&b);
}

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
    const struct terminal t = {.exchange = play_exchange, .reset = play_reset, .ctx = &p}

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
    const struct terminal t = {.exchange = play_exchange, .reset = play_reset, .ctx = &p};
    uint8_t bytes[16];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw;
    assert_false(terminal_command(&t, span_of("\x80\xC2\x00\x00\x01\xD1", 6), &data, &sw));
    assert_true(p.at < 100);
}

static void terminal_download_error(void **state)
{
    (void)state;
    PLAY(p, t, {"80C2000001D1", "9E02"}, {"00C0000002", "AABB9000"});
    uint8_t bytes[16];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw;
    assert_true(terminal_command(&t, span_of("\x80\xC2\x00\x00\x01\xD1", 6), &data, &sw));
    assert_int_equal(sw, 0x9E02);
    assert_int_equal(data.len, 2);
    assert_int_equal(p.at, p.n);
}

/* ---- short messages ---- */

struct mail {
    unsigned n;
    uint8_t last[180];
    size_t last_n;
};

/* Takes the first one only. */
static bool take_mail(void *ctx, struct span tpdu)
{
    struct mail *m = ctx;
    m->n++;
    assert_true(tpdu.n <= sizeof m->last);
    memcpy(m->last, tpdu.p, tpdu.n);
    m->last_n = tpdu.n;
    return m->n == 1;
}

#define SEND_MESSAGE "D013 8103011300 82028182 8B08 01000281 9900F600"

static void terminal_sends_messages(void **state)
{
    (void)state;
    PLAY(p, link, {"80100000041300C802", "9115"}, {"8012000015", SEND_MESSAGE "9000"},
         {"801400000C 8103011300 82028281 830100", "9115"}, {"8012000015", SEND_MESSAGE "9000"},
         {"801400000D 8103011300 82028281 83022100", "9000"});
    struct terminal t = link;
    struct mail mail = {.n = 0};
    struct terminal_asked asked = {0};
    sw_t sw = 0;
    t.sms = take_mail;
    t.sms_ctx = &mail;
    assert_true(terminal_profile(&t, &asked, &sw)); /* octet 4: it can */
    assert_int_equal(sw, SW_OK);
    assert_int_equal(mail.n, 2);
    assert_int_equal(asked.messages, 1); /* the second one: network unable */
    assert_int_equal(mail.last_n, 8);
    assert_memory_equal(mail.last, "\x01\x00\x02\x81\x99\x00\xF6\x00", 8);
    assert_int_equal(p.at, p.n);
}

static void terminal_sends_none(void **state)
{
    (void)state;
    PLAY(p, t, {"80100000041300C800", "9115"}, {"8012000015", SEND_MESSAGE "9000"},
         {"801400000C 8103011300 82028281 830130", "9000"});
    struct terminal_asked asked = {0};
    sw_t sw = 0;
    assert_true(terminal_profile(&t, &asked, &sw));
    assert_int_equal(asked.messages, 0);
    assert_int_equal(asked.others, 0);
    assert_int_equal(p.at, p.n);
}

static void terminal_hands_over(void **state)
{
    (void)state;
    PLAY(p, t, {"80C2000011 D10F 82028381 860491214365 8B03AABBCC", "6102"}, {"00C0000002", "77889000"});
    uint8_t bytes[16];
    struct buf report = buf_of(bytes, sizeof bytes), none = buf_of(bytes, 4);
    sw_t sw;
    assert_true(terminal_sms(&t, "+123456", span_of("\xAA\xBB\xCC", 3), &report, &sw));
    assert_int_equal(sw, SW_OK);
    assert_int_equal(report.len, 2);
    assert_int_equal(p.at, p.n);
    terminal_envelope("nobody", span_of("\xAA", 1), &report);
    assert_false(buf_ok(&report));
    terminal_envelope("+123456", span_of("\xAA", 1), &none);
    assert_false(buf_ok(&none));
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
        cmocka_unit_test(terminal_follows_up),     cmocka_unit_test(terminal_keeps_warning),
        cmocka_unit_test(terminal_not_for_ever),   cmocka_unit_test(terminal_reads),
        cmocka_unit_test(terminal_obeys),          cmocka_unit_test(terminal_download_error),
        cmocka_unit_test(terminal_sends_messages), cmocka_unit_test(terminal_sends_none),
        cmocka_unit_test(terminal_hands_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

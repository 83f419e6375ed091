/* SPDX-License-Identifier: Apache-2.0
 *
 * The secure channel between card and terminal (requirement P3; ETSI TS 102 484, TS 102 221 11.1.20
 * and 11.1.21): both halves against each other, CK and IK on a trace, wrong keys, replays, blocks out of
 * order, channels that end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card.h"
#include "card_fixture.h"
#include "hex.h"
#include "secure_terminal.h"

#define PSK "000102030405060708090A0B0C0D0E0F"
#define PROFILE(more)                                                                                        \
    "format: 1\ninclude: test\napplets:\n  - {class: secure-channel, params: '8010" PSK more "'}\n"

static const uint8_t psk[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#define KNOWN_MAC    "f79c4ef0cdaf11ceb2e0b803884255b6"
#define KNOWN_SEALED "907b34dc67505be974347f01d0d79417ca5105fe1dd8cb1e256287c75950a315"
static const char imei[] = "352099100170480";

struct link { /* between terminal and card; a man in the middle when `change` */
    struct fixture f;
    unsigned commands;
    unsigned at;   /* which command to tamper with, from 1; 0: none */
    bool response; /* its response, not the command */
    bool small;    /* the endpoints are offered with this size of container */
    uint8_t size;
};

static struct link the_link;

static bool exchange_apdu(void *ctx, struct span command, struct buf *data, sw_t *sw)
{
    struct link *l = ctx;
    uint8_t octets[300];
    assert_in_range(command.n, 4, sizeof octets);
    memcpy(octets, command.p, command.n);
    l->commands++;
    if (l->commands == l->at && !l->response)
        octets[command.n - 1] ^= 1;
    *sw = fixture_transmit(&l->f, span_of(octets, command.n), false);
    size_t n = l->f.response_len - 2;
    if (l->commands == l->at && l->response && n > 0)
        l->f.response[n - 1] ^= 1;
    if (l->small && n > 3) {
        l->f.response[n - 3] = l->size;
        l->small = false;
    }
    if (data != NULL)
        buf_put(data, span_of(l->f.response, n));
    return true;
}

/* The same on logical channel 1. */
static bool exchange_on_1(void *ctx, struct span command, struct buf *data, sw_t *sw)
{
    uint8_t octets[300];
    assert_true(command.n > 0 && command.n <= sizeof octets);
    memcpy(octets, command.p, command.n);
    octets[0] |= 0x01;
    return exchange_apdu(ctx, span_of(octets, command.n), data, sw);
}

static struct secure_terminal terminal_of(struct link *l)
{
    return (struct secure_terminal){
        .crypto = l->f.crypto, .exchange = exchange_apdu, .ctx = l, .random = crypto_random};
}

static void with(const char *yaml)
{
    memset(&the_link, 0, sizeof the_link);
    fixture_open_text(&the_link.f, yaml);
}

static int setup(void **state)
{
    with(PROFILE("810101"));
    *state = &the_link;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(&((struct link *)*state)->f);
    return 0;
}

static enum secure_result open_channel(struct link *l, struct secure_terminal *t, sw_t *sw)
{
    (void)l;
    return secure_terminal_open(t, span_of(psk, sizeof psk), span_of(imei, sizeof imei - 1), sw);
}

/* hex in, expected hex of data and status word out. */
#define through(t, command, pattern) check_through(t, command, pattern, __LINE__)
static void check_through(struct secure_terminal *t, const char *command, const char *pattern, int line)
{
    uint8_t bytes[300], data_bytes[300], want_bytes[300];
    struct buf apdu = buf_of(bytes, sizeof bytes), data = buf_of(data_bytes, sizeof data_bytes),
               want = buf_of(want_bytes, sizeof want_bytes);
    sw_t sw;
    assert_true(hex_parse(command, &apdu, NULL) && hex_parse(pattern, &want, NULL));
    enum secure_result r = secure_terminal_transmit(t, buf_span(&apdu), &data, &sw);
    if (r != SECURE_OK)
        fail_msg("line %d: %s: %s, %04x", line, command, secure_result_text(r), sw);
    buf_u16(&data, sw);
    if (!span_equal(buf_span(&data), buf_span(&want))) {
        char hex[601];
        hex_format(buf_span(&data), hex);
        fail_msg("line %d: %s: %s, not %s", line, command, hex, pattern);
    }
}

/* ---- the codec ---- */

static void test_codec(void **state)
{
    struct link *l = *state;
    struct secure_way sender = {.counter = 0}, receiver;
    uint8_t bytes[400], room_bytes[400];
    memset(sender.cipher, 0x11, sizeof sender.cipher);
    memset(sender.mac, 0x22, sizeof sender.mac);
    for (size_t n = 0; n <= 258; n++) {
        struct buf out = buf_of(bytes, sizeof bytes), room = buf_of(room_bytes, sizeof room_bytes);
        struct span got;
        uint8_t apdu_octets[258];
        memset(apdu_octets, 0x80, sizeof apdu_octets);
        receiver = sender;
        assert_true(secure_seal(l->f.crypto, &sender, span_of(apdu_octets, n), &out));
        assert_true(out.len <= n + SECURE_OVERHEAD && out.len % 16 == 0);
        struct secure_way before = receiver;
        assert_true(secure_open(l->f.crypto, &receiver, buf_span(&out), &room, &got));
        assert_true(span_equal(got, span_of(apdu_octets, n)));
        room.len = 0;
        assert_false(secure_open(l->f.crypto, &receiver, buf_span(&out), &room, &got)); /* once more */
        for (size_t i = 0; i < out.len; i += 7) { /* one bit elsewhere */
            receiver = before;
            room.len = 0;
            bytes[i] ^= 0x10;
            assert_false(secure_open(l->f.crypto, &receiver, buf_span(&out), &room, &got));
            bytes[i] ^= 0x10;
        }
        receiver = before;
        for (size_t cut = 0; cut < out.len; cut += 5) {
            room.len = 0;
            assert_false(
                secure_open(l->f.crypto, &receiver, span_slice(buf_span(&out), 0, cut), &room, &got));
        }
    }
    sender.counter = UINT32_MAX;
    struct buf out = buf_of(bytes, sizeof bytes);
    assert_false(secure_seal(l->f.crypto, &sender, SPAN_EMPTY, &out));
}

/* What is on the line for given keys. The values come from another implementation: Python's hmac, and openssl
 * mac and enc. */
static void test_known_answer(void **state)
{
    struct link *l = *state;
    struct secure_master master;
    struct secure_connection connection;
    uint8_t nonce[16], other[16], mac[16], bytes[64];
    char hex[129];
    struct buf out = buf_of(bytes, sizeof bytes);
    memset(master.id, 0xA1, sizeof master.id);
    memset(connection.id, 0xB2, sizeof connection.id);
    memset(nonce, 0xC3, sizeof nonce);
    memset(other, 0xD4, sizeof other);
    assert_true(secure_master_secret(l->f.crypto, span_of(psk, 16), span_of("\x98\x88", 2), span_of("tt", 2),
                                     &master));
    assert_true(secure_connection_keys(l->f.crypto, &master, nonce, other, &connection));
    assert_true(secure_start_mac(l->f.crypto, &connection, false, span_of("\x04\x04", 2), 0xF0, mac));
    hex_format(span_of(mac, 16), hex);
    assert_string_equal(hex, KNOWN_MAC);
    assert_true(
        secure_seal(l->f.crypto, &connection.to_uicc, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &out));
    hex_format(buf_span(&out), hex);
    assert_string_equal(hex, KNOWN_SEALED);
}

/* ---- both halves ---- */

static void test_channel(void **state)
{
    struct link *l = *state;
    struct secure_terminal t = terminal_of(l);
    sw_t sw;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_true(t.required);
    through(&t, "00A4000C022FE2", "9000");
    through(&t, "00B000000A", "988812010000000000019000");
    through(&t, "00B000000F", "988812010000000000019000"); /* Le is the most, not what T=0 makes of it */
    through(&t,
            "00A4000C02"
            "2FFF",
            "6A82");
    through(&t, "00A4000C022FE2", "9000");
    through(&t, "00D6000001FF", "6982");
    through(&t, "0020000A083132333435363738", "9000");
    through(&t, "0073008000", "6985"); /* no channel in the channel */
    through(&t, "0075000000", "6985");
    through(&t, "00C0000000", "6985");
    through(&t, "0070000001", "019000");
    through(&t, "01A4000C023F00", "9000"); /* another logical channel's command, through this one */
    through(&t, "FFFF", "6700");
    through(&t, "FFFFFFFF", "6E00");
    /* plain ones work beside */
    apdu(&l->f, "00A4000C023F00", "9000");
    assert_int_equal(secure_terminal_close(&t, &sw), SECURE_OK);
    assert_int_equal(sw, SW_OK);
    apdu(&l->f,
         "0075040005"
         "8003112233",
         "6985");
}

/* P3: CK and IK do not cross the reader in clear. */
static void test_ck_and_ik(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    struct secure_terminal t = terminal_of(l);
    struct aka_vector expected;
    uint8_t data[34], command_bytes[64], answer_bytes[300];
    char ck[33], ik[33], rand[33], res[33];
    struct buf command = buf_of(command_bytes, sizeof command_bytes),
               answer = buf_of(answer_bytes, sizeof answer_bytes);
    sw_t sw;
    assert_int_equal(fixture_authenticate(f, 0, 64), 0x6982); /* not in clear */
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    through(&t, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_challenge(f, 0, 96, data, &expected);
    buf_put(&command, span_of("\x00\x88\x00\x81\x22", 5));
    buf_put(&command, span_of(data, sizeof data));
    buf_u8(&command, 0);
    f->tracing = true;
    f->trace_len = 0;
    assert_int_equal(secure_terminal_transmit(&t, buf_span(&command), &answer, &sw), SECURE_OK);
    assert_int_equal(sw, SW_OK);
    assert_int_equal(answer_bytes[0], 0xDB);
    assert_memory_equal(answer_bytes + 2, expected.res, expected.res_len);
    assert_memory_equal(answer_bytes + 3 + expected.res_len, expected.ck, 16);
    assert_memory_equal(answer_bytes + 4 + expected.res_len + 16, expected.ik, 16);
    hex_format(span_of(expected.ck, 16), ck);
    hex_format(span_of(expected.ik, 16), ik);
    hex_format(span_of(expected.res, expected.res_len), res);
    hex_format(span_of(data + 1, 16), rand);
    f->trace[f->trace_len] = '\0';
    assert_non_null(strstr(f->trace, "00750400")); /* the trace is there ... */
    assert_null(strstr(f->trace, ck));             /* ... and has none of it */
    assert_null(strstr(f->trace, ik));
    assert_null(strstr(f->trace, res));
    assert_null(strstr(f->trace, rand));
    through(&t, "0020000A083132333435363738", "9000");
    f->trace[f->trace_len] = '\0';
    assert_null(strstr(f->trace, "3132333435363738"));
}

/* Without "required" both ways work; without the applet nothing is offered. */
static void test_policies(void **state)
{
    struct link *l = *state;
    sw_t sw;
    fixture_close(&l->f);
    with(PROFILE(""));
    struct secure_terminal t = terminal_of(l);
    assert_int_equal(fixture_authenticate(&l->f, 0, 64), 0xDB);
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_false(t.required);
    fixture_close(&l->f);
    with("format: 1\ninclude: test\n");
    t = terminal_of(l);
    assert_int_equal(open_channel(l, &t, &sw), SECURE_NOT_OFFERED);
    apdu(&l->f, "007300A000", "6A81");
    fixture_close(&l->f);
    with("format: 1\ninclude: test\napplets:\n  - {class: secure-channel}\n"); /* the card's own key */
    uint8_t own[16];
    assert_true(personal_derive(l->f.crypto, span_of(l->f.seed, sizeof l->f.seed), FIXTURE_ICCID, "psk", 0,
                                own, sizeof own));
    t = terminal_of(l);
    assert_int_equal(open_channel(l, &t, &sw), SECURE_WRONG_KEY);
    t = terminal_of(l);
    assert_int_equal(secure_terminal_open(&t, span_of(own, 16), span_of(imei, 15), &sw), SECURE_OK);
}

/* "For all": nothing but what sets the channel up goes in clear. */
static void test_all(void **state)
{
    struct link *l = *state;
    sw_t sw;
    fixture_close(&l->f);
    with(PROFILE("810102"));
    struct secure_terminal t = terminal_of(l);
    apdu(&l->f, "00A4000C023F00", "6982");
    apdu(&l->f, "80F2000C00", "6982");
    apdu(&l->f, "0070000001", "6982");
    apdu(&l->f, "80AA000005A903810101", "9000");
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_true(t.required);
    through(&t, "00A4000C022FE2", "9000");
    through(&t, "00B000000A", "988812010000000000019000");
    apdu(&l->f, "00B000000A", "6982");
    /* over the air it is not the terminal's interface */
    struct fixture_por por;
    const struct fixture_ota ota = {0, 0x1619, "B00000", "00A40000022FE2", 0};
    l->f.response_len = 0;
    uint8_t envelope[261];
    size_t n = fixture_envelope(&l->f, &ota, envelope);
    uint8_t data_bytes[300];
    struct buf data = buf_of(data_bytes, sizeof data_bytes);
    assert_int_equal(secure_terminal_transmit(&t, span_of(envelope, n), &data, &sw), SECURE_OK);
    assert_int_equal(sw, SW_OK);
    fixture_open_por(&l->f, &ota, buf_span(&data), &por);
    assert_int_equal(por.status, SCP80_POR_OK);
}

static void test_containers(void **state)
{
    struct link *l = *state;
    sw_t sw;
    for (unsigned size = SECURE_CONTAINER_MIN; size <= SECURE_CONTAINER_MAX; size += 7) {
        struct secure_terminal t = terminal_of(l);
        t.container = (uint8_t)size;
        t.session = (uint8_t)(size % 4);
        assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
        through(&t, "00A4000C022FE2", "9000");
        through(&t, "00B000000A", "988812010000000000019000");
        through(&t,
                "00A40004023F00"
                "00",
                "621D8202782183023F00A5038001718A01058B032F0607C6069001008301019000");
    }
}

/* A card that takes no octets at a time, or so few that a command has more blocks than can be counted. */
static void test_small_containers(void **state)
{
    struct link *l = *state;
    sw_t sw;
    for (l->size = 0; l->size <= SECURE_CONTAINER_MIN; l->size++) {
        struct secure_terminal t = terminal_of(l);
        const bool good = l->size == SECURE_CONTAINER_MIN;
        l->small = true;
        assert_int_equal(open_channel(l, &t, &sw), good ? SECURE_OK : SECURE_NOT_OFFERED);
        if (good)
            through(&t, "00A4000C022FE2", "9000");
    }
}

/* ---- who is in the middle ---- */

static void test_tampering(void **state)
{
    struct link *l = *state;
    struct secure_terminal t = terminal_of(l);
    uint8_t data_bytes[300];
    sw_t sw;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    unsigned commands = l->commands;
    for (unsigned at = 1; at <= commands + 3; at++)
        for (unsigned response = 0; response < 2; response++) {
            struct buf data = buf_of(data_bytes, sizeof data_bytes);
            fixture_reset(&l->f);
            t = terminal_of(l);
            l->commands = 0;
            l->at = at;
            l->response = response != 0;
            enum secure_result opened = open_channel(l, &t, &sw), sent = SECURE_OK;
            if (opened == SECURE_OK)
                sent = secure_terminal_transmit(&t, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &data, &sw);
            l->at = 0;
            /* a change either does not matter (Le; the MSA's agreement octet), or is seen */
            if (opened != SECURE_OK || sent != SECURE_OK)
                continue;
            assert_int_equal(sw, SW_OK);
            through(&t, "00A4000C022FE2", "9000");
        }
    /* in particular: what is sealed */
    fixture_reset(&l->f);
    t = terminal_of(l);
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    l->commands = 0;
    l->at = 1;
    l->response = false;
    struct buf data = buf_of(data_bytes, sizeof data_bytes);
    assert_int_equal(secure_terminal_transmit(&t, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &data, &sw),
                     SECURE_REFUSED);
    assert_int_equal(sw, SW_SECURITY_STATUS);
    l->at = 0;
    assert_false(t.open);
    apdu(&l->f,
         "0075040005"
         "8003112233",
         "6985"); /* the connection is no more */
}

static void test_wrong_key(void **state)
{
    struct link *l = *state;
    struct secure_terminal t = terminal_of(l);
    uint8_t other[16] = {0};
    sw_t sw;
    assert_int_equal(secure_terminal_open(&t, span_of(other, 16), span_of(imei, 15), &sw), SECURE_WRONG_KEY);
    assert_int_equal(sw, SW_SECURITY_STATUS);
    apdu(&l->f,
         "0075040005"
         "8003112233",
         "6985");
}

/* Blocks in disorder, sessions side by side, once more, given up. */
static void test_transact(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    struct secure_terminal t = terminal_of(l);
    uint8_t bytes[128];
    struct buf sealed = buf_of(bytes, sizeof bytes);
    char hex[257], command[300];
    sw_t sw;
    t.container = 16;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_true(
        secure_seal(f->crypto, &t.connection.to_uicc, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &sealed));
    assert_int_equal(sealed.len, 32);
    hex_format(buf_span(&sealed), hex);
    apdu(f, "0075000000", "6985"); /* nothing to fetch */
    apdu(f, "0075040000", "6700");
    snprintf(command, sizeof command,
             "0075040112"
             "8010%.32s",
             hex);
    apdu(f, command, "9201");
    apdu(f, "0075000000", "6985");
    snprintf(command, sizeof command,
             "0075040112"
             "8010%.32s",
             hex); /* the number does not go down */
    apdu(f, command, "6A86");
    apdu(f, command, "9201"); /* from the start */
    apdu(f,
         "00754400"
         "03"
         "800100",
         "6982"); /* session 1: sealed by nobody; that ends the connection */
    apdu(f, command, "6985");

    t = terminal_of(l);
    t.container = 16;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    sealed.len = 0;
    assert_true(
        secure_seal(f->crypto, &t.connection.to_uicc, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &sealed));
    hex_format(buf_span(&sealed), hex);
    snprintf(command, sizeof command,
             "00758401"
             "12"
             "8010%.32s",
             hex);
    apdu(f, command, "9281");    /* session 2 */
    apdu(f, "00758200", "9000"); /* given up */
    apdu(f, command, "9281");
    snprintf(command, sizeof command,
             "00758400"
             "12"
             "8010%.32s",
             hex + 32);
    apdu(f, command, "9282");
    apdu(f, command, "6985"); /* an answer waits */
    apdu(f, "0075800000", "6C12");
    exchange(f, "0075800000", "8010*");
    assert_int_equal(f->response[f->response_len - 2] << 8 | f->response[f->response_len - 1], 0x9283);
    uint8_t first[16];
    memcpy(first, f->response + 2, 16);
    exchange(f, "0075810000", "8010*"); /* again */
    assert_memory_equal(first, f->response + 2, 16);
    exchange(f, "0075800000", "8010*");
    assert_int_equal(f->response[f->response_len - 2] << 8 | f->response[f->response_len - 1], 0x9000);
    apdu(f, "0075800000", "6985");

    /* closing its logical channel ends what was started there */
    exchange(f, "0070000001", "019000");
    apdu(f,
         "0175040003"
         "800100",
         "6985");
}

/* A data transfer session is of one secure channel: another's neither fetches its answer nor ends it. */
static void test_two_channels(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    struct secure_terminal t = terminal_of(l), other = terminal_of(l);
    uint8_t bytes[128];
    struct buf sealed = buf_of(bytes, sizeof bytes);
    char hex[257], command[300];
    sw_t sw;
    exchange(f, "0070000001", "019000");
    other.exchange = exchange_on_1;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_int_equal(open_channel(l, &other, &sw), SECURE_OK);
    assert_true(
        secure_seal(f->crypto, &t.connection.to_uicc, span_of("\x00\xA4\x00\x0C\x02\x3F\x00", 7), &sealed));
    hex_format(buf_span(&sealed), hex);
    snprintf(command, sizeof command, "0075040112" "8010%.32s", hex);
    apdu(f, command, "9201");
    apdu(f, "0175040012" "801000112233445566778899AABBCCDDEEFF", "6985");
    apdu(f, "0175020000", "6985");
    snprintf(command, sizeof command, "0075040012" "8010%.32s", hex + 32);
    apdu(f, command, "9202");
    apdu(f, "0175000000", "6985");
    apdu(f, "0175040012" "801000112233445566778899AABBCCDDEEFF", "6985");
    exchange(f, "0075000000", "8020*");
    apdu(f, "0175010000", "6985");
    through(&other, "01A4000C023F00", "9000"); /* fetched: the session is free */
}

/* The command that closes the logical channel comes through the secure channel there: nothing is sealed
 * with keys that have gone. */
static void test_closed_within(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    struct secure_terminal t = terminal_of(l);
    uint8_t bytes[128];
    struct buf sealed = buf_of(bytes, sizeof bytes);
    char hex[257], command[300];
    sw_t sw;
    exchange(f, "0070000001", "019000");
    t.exchange = exchange_on_1;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    assert_true(secure_seal(f->crypto, &t.connection.to_uicc, span_of("\x01\x70\x80\x01", 4), &sealed));
    hex_format(buf_span(&sealed), hex);
    snprintf(command, sizeof command, "0175040022" "8020%s", hex);
    apdu(f, command, "9000");
    apdu(f, "0175000000", "6881");
    exchange(f, "0070000001", "019000");
    apdu(f, "0175000000", "6985");
}

/* Half a template on a logical channel is not for who has its number next; nor is
 * the answer to a whole one. */
static void test_closed_half_way(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    exchange(f, "0070000001", "019000");
    apdu(f, "0173018003" "730787", "63F1");
    exchange(f, "0070800100", "9000");
    exchange(f, "0070000001", "019000");
    apdu(f, "0173010006" "010283024142", "6985");
    apdu(f, "0173018009" "73078701028302" "4142", "62F3");
    exchange(f, "0070800100", "9000");
    exchange(f, "0070000001", "019000");
    apdu(f, "017301A000", "6985");
    /* another's channel that is closed does not matter */
    apdu(f, "0173018009" "73078701028302" "4142", "62F3");
    exchange(f, "0070000002", "*");
    exchange(f, "0070800200", "9000");
    exchange(f, "017301A000", "7315*");
}

/* The answer to SUSPEND UICC could not be fetched without a command that ends the suspension. */
static void test_no_suspension_within(void **state)
{
    struct link *l = *state;
    struct secure_terminal t = terminal_of(l);
    sw_t sw;
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    through(&t, "807600000400010401", "6985");
    through(&t, "00A4000C023F00", "9000");
}

/* MANAGE SECURE CHANNEL in small blocks, and what is wrong with it. */
static void test_manage(void **state)
{
    struct link *l = *state;
    struct fixture *f = &l->f;
    apdu(f,
         "0073058001"
         "73",
         "6A86");
    apdu(f,
         "0073008001"
         "73",
         "6A86"); /* endpoints: there is nothing to send */
    apdu(f, "0073018000", "6700");
    apdu(f,
         "0073018001"
         "00",
         "6A80");
    apdu(f, "007301A000", "6985");
    apdu(f,
         "0073010001"
         "73",
         "6985"); /* next of nothing */
    apdu(f,
         "00730180"
         "03"
         "730787",
         "63F1");
    apdu(f,
         "0173010003"
         "010283",
         "6881");
    apdu(f,
         "00730200"
         "03"
         "010283",
         "6985"); /* of another procedure */
    apdu(f,
         "00730100"
         "03"
         "010283",
         "63F1");
    apdu(f,
         "00730100"
         "03"
         "024142",
         "62F3");
    apdu(f, "007301A000", "6C17");
    apdu(f, "007301A005",
         "7315870102"
         "62F1");
    apdu(f, "007301A000", "6985"); /* first again: it is past that */
    apdu(f, "0073012012", "8810*");
    assert_int_equal(f->response_len, 18 + 2);
    apdu(f, "0073012012", "6985");
    apdu(f,
         "00730180"
         "07"
         "73058701018301",
         "6A80"); /* an object cut inside */
    apdu(f,
         "00730180"
         "07"
         "73068701018301",
         "63F1"); /* the template cut: more is awaited */
    apdu(f,
         "00730180"
         "08"
         "7306870101830141",
         "6A81"); /* GBA alone: not this card's */
    apdu(f,
         "00730180"
         "09"
         "730687010283014141",
         "6A80"); /* something behind the template */
    apdu(f,
         "00730180"
         "05"
         "7303870102",
         "6A80");
    apdu(f,
         "00730380"
         "02"
         "7300",
         "6A80");
    apdu(f,
         "00730480"
         "02"
         "7300",
         "6A80");
    apdu(f,
         "00730280"
         "2C"
         "732A"
         "8810"
         "00000000000000000000000000000000"
         "8902"
         "0404"
         "8A10"
         "00000000000000000000000000000000"
         "9000",
         "6A88");
}

/* A block of MANAGE SECURE CHANNEL there, and what comes back. */
static struct span manage(struct fixture *f, uint8_t procedure, struct span objects, unsigned sw)
{
    uint8_t octets[300] = {0x00, 0x73, procedure, 0x80};
    struct buf command = {.p = octets, .cap = sizeof octets, .len = 5};
    buf_tlv(&command, SECURE_TEMPLATE, objects);
    octets[4] = (uint8_t)(command.len - 5);
    assert_int_equal(fixture_transmit(f, buf_span(&command), false), sw);
    if (sw != 0x62F3)
        return SPAN_EMPTY;
    uint8_t fetch[] = {0x00, 0x73, procedure, 0xA0, 0x00};
    fetch[4] = (uint8_t)fixture_transmit(f, span_of(fetch, sizeof fetch), false);
    assert_int_equal(fixture_transmit(f, span_of(fetch, sizeof fetch), false), 0x9000);
    struct span template;
    assert_true(tlv_find(span_of(f->response, f->response_len - 2), SECURE_TEMPLATE, &template));
    return template;
}

/* A terminal that has the key, and offers or begins with less than AES and CMAC, gets nothing. */
static void test_weak_algorithms(void **state)
{
    struct fixture *f = &((struct link *)*state)->f;
    static const uint8_t agree[] =
        {SECURE_KEY_AGREEMENT, 1, SECURE_PRE_AGREED, SECURE_TERMINAL_ID, 2, 0x41, 0x42},
                         terminal[] = {0x41, 0x42};
    static const uint8_t offers[][2] = {{0x03, 0x04}, {0x04, 0x03}, {0x04, 0x04}}, nonce[SECURE_ID_LEN] = {7};
    struct secure_master master;
    struct secure_connection keys;
    struct span value, id = SPAN_EMPTY, own = SPAN_EMPTY,
                       all = manage(f, SECURE_ESTABLISH_MASTER, span_of(agree, sizeof agree), 0x62F3);
    assert_true(tlv_find(all, SECURE_MSA_ID, &value) && value.n == SECURE_ID_LEN);
    memcpy(master.id, value.p, value.n);
    uint16_t iccid = admin_file_in(f->card, 0, 0x2FE2);
    assert_true(secure_master_secret(f->crypto, span_of(psk, sizeof psk), admin_file_read(f->card, iccid),
                                     span_of(terminal, 2), &master));
    for (size_t i = 0; i < 6; i++) {
        /* each offer; then each beginning of a connection that was made with the right one */
        uint8_t octets[100], mac[SECURE_ID_LEN];
        struct buf objects = buf_of(octets, sizeof octets);
        buf_tlv(&objects, SECURE_MSA_ID, span_of(master.id, SECURE_ID_LEN));
        buf_tlv(&objects, SECURE_ALGORITHMS, span_of(offers[i < 3 ? i : 2], 2));
        buf_tlv(&objects, SECURE_TERMINAL_NONCE, span_of(nonce, sizeof nonce));
        all = manage(f, SECURE_ESTABLISH_CONNECTION, buf_span(&objects), i < 2 ? 0x6A81 : 0x62F3);
        if (i < 3)
            continue;
        assert_true(tlv_find(all, SECURE_CSA_ID, &id) && tlv_find(all, SECURE_UICC_NONCE, &own));
        memcpy(keys.id, id.p, SECURE_ID_LEN);
        assert_true(secure_connection_keys(f->crypto, &master, nonce, own.p, &keys));
        assert_true(
            secure_start_mac(f->crypto, &keys, false, span_of(offers[i - 3], 2), SECURE_CONTAINER_MAX, mac));
        objects.len = 0;
        buf_tlv(&objects, SECURE_ALGORITHMS, span_of(offers[i - 3], 2));
        buf_tlv(&objects, SECURE_CSA_ID, span_of(keys.id, SECURE_ID_LEN));
        buf_tlv(&objects, SECURE_START_MAC, span_of(mac, sizeof mac));
        buf_tlv_u8(&objects, SECURE_CONTAINER_SIZE, SECURE_CONTAINER_MAX);
        (void)manage(f, SECURE_START, buf_span(&objects), i < 5 ? 0x6982 : 0x62F3);
        if (i < 5) /* and there is no second try for it */
            (void)manage(f, SECURE_START, buf_span(&objects), 0x6A88);
    }
}

static void test_noise(void **state)
{
    struct link *l = *state;
    sw_t sw;
    srand(11);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t octets[5 + 64] = {0, rand() % 2 == 0 ? 0x73 : 0x75,
                                  (uint8_t)(rand() % 3 == 0 ? rand() : rand() % 5), 0, 0};
        static const uint8_t p2[] = {0x80, 0x00, 0xA0, 0x20, 0x01};
        octets[3] = rand() % 8 == 0 ? (uint8_t)rand() : p2[rand() % 5];
        size_t n = (size_t)rand() % 64;
        octets[4] = (uint8_t)n;
        for (size_t k = 0; k < n; k++)
            octets[5 + k] = (uint8_t)rand();
        static const uint8_t tags[] = {0x73, 0x80};
        if (n > 2) {
            octets[5] = tags[rand() % 2];
            octets[6] = (uint8_t)(rand() % 4 == 0 ? rand() : (int)n - 2);
        }
        fixture_transmit(&l->f, span_of(octets, rand() % 4 == 0 ? 5 : 5 + n), rand() % 2 == 0);
    }
    fixture_reset(&l->f);
    struct secure_terminal t = terminal_of(l);
    assert_int_equal(open_channel(l, &t, &sw), SECURE_OK);
    through(&t, "00A4000C023F00", "9000");
}

/* Memory while there is a channel, and no longer. More connections than there is room for: the oldest gives
 * way. */
static void test_memory(void **state)
{
    struct link *l = *state;
    size_t before = uicc_footprint(l->f.card);
    struct secure_terminal t[6];
    sw_t sw;
    assert_null(l->f.card->secure);
    for (unsigned i = 0; i < 6; i++) {
        t[i] = terminal_of(l);
        assert_int_equal(open_channel(l, &t[i], &sw), SECURE_OK);
    }
    through(&t[5], "00A4000C023F00", "9000");
    assert_true(uicc_footprint(l->f.card) < before + 4096);
    fixture_reset(&l->f);
    assert_null(l->f.card->secure);
    assert_true(uicc_footprint(l->f.card) <= before);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_codec),
        T(test_known_answer),
        T(test_channel),
        T(test_ck_and_ik),
        T(test_policies),
        T(test_all),
        T(test_containers),
        T(test_tampering),
        T(test_wrong_key),
        T(test_transact),
        T(test_two_channels),
        T(test_closed_within),
        T(test_closed_half_way),
        T(test_no_suspension_within),
        T(test_small_containers),
        T(test_manage),
        T(test_weak_algorithms),
        T(test_noise),
        T(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

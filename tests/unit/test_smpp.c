/* SPDX-License-Identifier: Apache-2.0
 *
 * SMPP PDUs there and back, and what is not one: each kind of damage gets its command_status, and none
 * reaches the library.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hex.h"
#include "smpp_esme.h"
#include "smsc_text.h"

struct octets {
    uint8_t p[SMPP_PDU_MAX];
    size_t n;
};

static struct octets unhex(const char *text)
{
    struct octets o = {.n = 0};
    struct buf b = buf_of(o.p, sizeof o.p);
    assert_true(hex_parse(text, &b, NULL));
    o.n = b.len;
    return o;
}

static struct octets built(const struct smpp_pdu *pdu)
{
    struct octets o = {.n = 0};
    struct buf b = buf_of(o.p, sizeof o.p);
    smpp_build(pdu, &b);
    assert_true(buf_ok(&b));
    o.n = b.len;
    return o;
}

/* On the heap, exactly as long as it is: whoever reads beyond the end is seen by a sanitizer. */
static uint32_t parsed(struct octets o, struct smpp_pdu *out)
{
    uint8_t *exact = malloc(o.n > 0 ? o.n : 1);
    assert_non_null(exact);
    memcpy(exact, o.p, o.n);
    uint32_t status = smpp_parse(span_of(exact, o.n), out);
    free(exact);
    return status;
}

static void set_length(struct octets *o)
{
    struct buf b = buf_of(o->p, 4);
    buf_u32(&b, (uint32_t)o->n);
}

/* SMPP 3.4, 4.1.5 */
#define BIND "0000001F 00000009 00000000 00000001 6F7000 70776400 00 34 01 01 00"

static void bind_bytes(void **state)
{
    (void)state;
    struct smpp_pdu pdu, back;
    struct octets o = unhex(BIND);
    o.n = 16 + 3 + 4 + 1 + 3 + 1;
    set_length(&o);
    assert_int_equal(parsed(o, &pdu), SMPP_OK);
    assert_int_equal(pdu.command, SMPP_BIND_TRANSCEIVER);
    assert_int_equal(pdu.sequence, 1);
    assert_string_equal(pdu.system_id, "op");
    assert_string_equal(pdu.password, "pwd");
    assert_int_equal(pdu.version, 0x34);
    o.p[16 + 8] = 0x50; /* an SMPP 5.0 client: let it speak 3.4 */
    assert_int_equal(parsed(o, &pdu), SMPP_OK);
    assert_int_equal(pdu.version, 0x50);

    const struct smpp_pdu bind = {
        .command = SMPP_BIND_RECEIVER, .sequence = 7, .system_id = "someone", .password = "password"};
    assert_int_equal(parsed(built(&bind), &back), SMPP_OK);
    assert_string_equal(back.system_id, "someone");
    assert_string_equal(back.password, "password");
}

static struct smpp_pdu submit_of(size_t n)
{
    struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM, .sequence = 5};
    assert_true(smpp_address("+4912345", &pdu.message.source));
    assert_true(smpp_address("8900101000000000019", &pdu.message.destination));
    pdu.message.esm_class = SMPP_CLASS_UDHI;
    pdu.message.protocol_id = 0x7F;
    pdu.message.data_coding = 0xF6;
    pdu.message.n = n;
    for (size_t i = 0; i < n; i++)
        pdu.message.data[i] = (uint8_t)(i * 7);
    return pdu;
}

static void message_there_and_back(void **state)
{
    (void)state;
    static const uint32_t commands[] = {SMPP_SUBMIT_SM, SMPP_DELIVER_SM};
    for (size_t c = 0; c < 2; c++)
        for (size_t n = 0; n < SMPP_MESSAGE_MAX; n++) {
            struct smpp_pdu pdu = submit_of(n), back;
            pdu.command = commands[c];
            assert_int_equal(parsed(built(&pdu), &back), SMPP_OK);
            assert_int_equal(back.command, pdu.command);
            assert_int_equal(back.sequence, 5);
            assert_string_equal(back.message.source.digits, "4912345");
            assert_int_equal(back.message.source.ton, SMPP_TON_INTERNATIONAL);
            assert_string_equal(back.message.destination.digits, "8900101000000000019");
            assert_int_equal(back.message.esm_class, SMPP_CLASS_UDHI);
            assert_int_equal(back.message.protocol_id, 0x7F);
            assert_int_equal(back.message.data_coding, 0xF6);
            assert_int_equal(back.message.n, n);
            assert_memory_equal(back.message.data, pdu.message.data, n);
        }
    struct smpp_pdu long_one = submit_of(10);
    struct buf full = buf_of((uint8_t[SMPP_PDU_MAX]){0}, SMPP_PDU_MAX);
    long_one.message.n = SMPP_MESSAGE_MAX;
    smpp_build(&long_one, &full);
    assert_false(buf_ok(&full));
}

static void answers(void **state)
{
    (void)state;
    struct smpp_pdu back;
    struct smpp_pdu taken = {
        .command = SMPP_SUBMIT_SM | SMPP_RESPONSE, .sequence = 9, .message_id = "0000002A"};
    assert_int_equal(parsed(built(&taken), &back), SMPP_OK);
    assert_string_equal(back.message_id, "0000002A");
    taken.status = 0x0400; /* a vendor's own, which the library does not know */
    struct octets o = built(&taken);
    assert_int_equal(o.n, SMPP_HEADER);
    assert_int_equal(parsed(o, &back), SMPP_OK);
    assert_int_equal(back.status, 0x0400);
    assert_string_equal(back.message_id, "");
    const struct smpp_pdu nack = {
        .command = SMPP_GENERIC_NACK, .status = SMPP_INVALID_COMMAND, .sequence = 0};
    assert_int_equal(parsed(built(&nack), &back), SMPP_OK);
    assert_int_equal(back.status, SMPP_INVALID_COMMAND);
    assert_int_equal(back.sequence, 0);
    const struct smpp_pdu ack = {.command = SMPP_DELIVER_SM | SMPP_RESPONSE, .sequence = 3};
    assert_int_equal(parsed(built(&ack), &back), SMPP_OK);
    /* Some ESMEs give a message_id there. */
    assert_int_equal(parsed(unhex("00000014 80000005 00000000 00000003 34323100"), &back), SMPP_OK);
    const struct smpp_pdu link = {.command = SMPP_ENQUIRE_LINK, .sequence = 4};
    assert_int_equal(parsed(built(&link), &back), SMPP_OK);
}

static void append(struct octets *o, const char *hex)
{
    struct octets more = unhex(hex);
    memcpy(o->p + o->n, more.p, more.n);
    o->n += more.n;
    set_length(o);
}

static void optional_parameters(void **state)
{
    (void)state;
    struct smpp_pdu pdu = submit_of(0), back;
    struct octets o = built(&pdu);
    append(&o, "0204 0002 0001"); /* user_message_reference: not for us */
    append(&o, "0424 0003 027000");
    assert_int_equal(parsed(o, &back), SMPP_OK);
    assert_int_equal(back.message.n, 3);
    assert_memory_equal(back.message.data, "\x02\x70\x00", 3);
    append(&o, "0424 0001 00"); /* twice */
    assert_int_equal(parsed(o, &back), SMPP_INVALID_MESSAGE_LENGTH);

    o = built(&pdu);
    append(&o, "0204 0003 0001"); /* its length is more than there is */
    assert_int_equal(parsed(o, &back), SMPP_INVALID_OPTIONAL);
    o = built(&pdu);
    append(&o, "02");
    assert_int_equal(parsed(o, &back), SMPP_INVALID_OPTIONAL);

    /* So many that the library's log, were it to see them, would run out of its 2048 octets. */
    o = built(&pdu);
    for (unsigned i = 0; i < 200; i++)
        append(&o, "0204 0002 0001");
    assert_int_equal(parsed(o, &back), SMPP_OK);
}

/* 5.3.2.22 to .24: a part of a longer message, as the header that TS 23.040 9.2.3.24.1 has for it. */
static void parts(void **state)
{
    (void)state;
    static const struct {
        uint8_t esm_class;
        const char *data, *tlvs;
        uint32_t status;
        const char *back;
    } rows[] = {
        {0, "AABB", "020C0002 0012 020E0001 03 020F0001 02", SMPP_OK, "050003120302 AABB"},
        {0, "AABB", "020F0001 02 020E0001 03 020C0002 1234", SMPP_OK, "06080412340302 AABB"},
        {0, "", "020C0002 0012 020E0001 03 020F0001 01 04240002 AABB", SMPP_OK, "050003120301 AABB"},
        {0x40, "027000AABB", "020C0002 0012 020E0001 02 020F0001 01", SMPP_OK, "0700031202017000 AABB"},
        {0, "AABB", "020C0002 0012 020E0001 01 020F0001 01", SMPP_OK, "AABB"}, /* one part is the whole */
        {0, "AABB", "020C0002 0012 020E0001 03", SMPP_MISSING_OPTIONAL, NULL},
        {0, "AABB", "020C0002 0012 020E0001 03 020F0001 00", SMPP_INVALID_OPTIONAL_VALUE, NULL},
        {0, "AABB", "020C0002 0012 020E0001 03 020F0001 04", SMPP_INVALID_OPTIONAL_VALUE, NULL},
        {0, "AABB", "020C0001 12 020E0001 03 020F0001 02", SMPP_INVALID_PARAMETER_LENGTH, NULL},
        {0, "AABB", "020C0002 0012 020E0002 0003 020F0001 02", SMPP_INVALID_PARAMETER_LENGTH, NULL},
        {0x40, "0500030102 01AABB", "020C0002 0012 020E0001 03 020F0001 02", SMPP_INVALID_OPTIONAL_VALUE,
         NULL},
        {0x40, "097000AABB", "020C0002 0012 020E0001 03 020F0001 02", SMPP_INVALID_OPTIONAL_VALUE, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smpp_pdu pdu = submit_of(0), back;
        struct octets data = unhex(rows[i].data);
        pdu.message.esm_class = rows[i].esm_class;
        pdu.message.n = data.n;
        memcpy(pdu.message.data, data.p, data.n);
        struct octets o = built(&pdu);
        append(&o, rows[i].tlvs);
        assert_int_equal(parsed(o, &back), rows[i].status);
        if (rows[i].status != SMPP_OK)
            continue;
        const struct octets want = unhex(rows[i].back);
        assert_int_equal(back.message.n, want.n);
        assert_memory_equal(back.message.data, want.p, want.n);
        assert_int_equal(back.message.esm_class, i == 4 ? 0 : 0x40);
    }
    struct smpp_pdu pdu = submit_of(250), back; /* no room for the header */
    pdu.message.esm_class = 0;
    struct octets o = built(&pdu);
    append(&o, rows[0].tlvs);
    assert_int_equal(parsed(o, &back), SMPP_INVALID_MESSAGE_LENGTH);
}

/* What comes for the user of a terminal (smsc_text.h), from TP-PID on, without the time stamp. */
static void texts(void **state)
{
    (void)state;
    static const struct {
        uint8_t esm_class, coding;
        const char *data, *tpdu;
    } rows[] = {
        {0, 0x00, "6162", "04 00 00 02 6131"},
        {0, 0xF0, "6162", "04 00 F0 02 6131"}, /* class 0, default alphabet */
        {0, 0x04, "6162", "04 00 04 02 6162"},
        {0, 0x08, "00410042", "04 00 08 04 00410042"},
        {0, 0x01, "4024", "04 00 00 02 0001"},     /* ASCII's @ and $ */
        {0, 0x03, "E4DF", "04 00 00 02 7B0F"},     /* Latin-1's, which are in the default alphabet */
        {0, 0x03, "41E1", "04 00 08 04 004100E1"}, /* and one that is not */
        /* behind a header, from a septet's boundary on (TS 23.040 figure 9.2.3.24 (a)) */
        {0x40, 0x00, "050003010201 6162", "44 00 00 09 050003010201 C262"},
        {0x40, 0x00, "06080400010201 6162", "44 00 00 0A 06080400010201 6131"},
        {0x40, 0x08, "050003010201 0041", "44 00 08 08 050003010201 0041"},
    };
    static const uint8_t stamp[7] = {0}, from[] = {0x02, 0x81, 0x21};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smpp_message m = {.esm_class = rows[i].esm_class, .data_coding = rows[i].coding};
        const struct octets data = unhex(rows[i].data);
        struct octets want = unhex(rows[i].tpdu);
        uint8_t octets[200], back_octets[256];
        struct buf tpdu = buf_of(octets, sizeof octets), text = buf_of(back_octets, sizeof back_octets);
        m.n = data.n;
        memcpy(m.data, data.p, data.n);
        assert_int_equal(smsc_text_deliver(&m, span_of(from, sizeof from), stamp, &tpdu), SMPP_OK);
        assert_int_equal(tpdu.len, want.n + sizeof from + sizeof stamp);
        assert_int_equal(octets[0], want.p[0]);
        assert_memory_equal(octets + 4, want.p + 1, 2);
        assert_memory_equal(octets + 13, want.p + 3, want.n - 3);
        /* The same from the user (an SMS-SUBMIT has a reference, and here no validity) comes back as it was.
         */
        struct octets submit = unhex("0100 0281 21");
        submit.p[0] |= (uint8_t)(want.p[0] & 0x40);
        memcpy(submit.p + submit.n, want.p + 1, want.n - 1);
        submit.n += want.n - 1;
        struct sms_submit sms;
        assert_true(smsc_text_submit(span_of(submit.p, submit.n), &sms, &text));
        if (rows[i].coding == 0x01 || rows[i].coding == 0x03)
            continue; /* another coding of the same */
        assert_int_equal(sms.user_data.n, data.n);
        assert_memory_equal(sms.user_data.p, data.p, data.n);
        assert_false(smsc_text_submit(span_of(submit.p, submit.n - 1), &sms, &text)); /* cut short */
    }
    struct smpp_message m = {.n = 161};
    uint8_t octets[200];
    struct buf tpdu = buf_of(octets, sizeof octets);
    memset(m.data, 'a', sizeof m.data);
    assert_int_equal(smsc_text_deliver(&m, span_of(from, 3), stamp, &tpdu), SMPP_INVALID_MESSAGE_LENGTH);
    m.n = 160;
    assert_int_equal(smsc_text_deliver(&m, span_of(from, 3), stamp, &tpdu), SMPP_OK);
    assert_int_equal(tpdu.len, 1 + 3 + 2 + 7 + 1 + 140);
    m.data_coding = 4;
    assert_int_equal(smsc_text_deliver(&m, span_of(from, 3), stamp, &tpdu), SMPP_INVALID_MESSAGE_LENGTH);
    m = (struct smpp_message){.n = 3, .esm_class = 0x40, .data = {5, 0, 3}}; /* half a header */
    assert_int_equal(smsc_text_deliver(&m, span_of(from, 3), stamp, &tpdu), SMPP_INVALID_MESSAGE_LENGTH);
}

/* TP-OA of what stands in source_addr. */
static void originators(void **state)
{
    (void)state;
    static const struct {
        struct smpp_address from;
        const char *hex; /* NULL: refused */
    } rows[] = {
        {{.digits = "12345"}, "0581 2143F5"},
        {{.ton = 1, .digits = "4912"}, "0491 9421"},
        {{.ton = 1, .digits = "+4912"}, "0491 9421"},
        {{.digits = ""}, "0481 9999"}, /* the SMSC's own */
        {{.ton = 5, .digits = ""}, "0481 9999"},
        {{.ton = 5, .digits = "a"}, "02D0 61"},
        {{.ton = 5, .digits = "4711"}, "07D0 B45B2C06"},
        {{.ton = 5, .digits = "softuicc"}, "0ED0 F3B7995E4F8FC7"},
        {{.ton = 5, .digits = "hellohello"}, "12D0 E8329BFD4697D9EC37"},
        {{.ton = 5, .digits = "Bank@hellos"}, "14D0 C2B07B0D4097D9ECF71C"},
        {{.ton = 5, .digits = "hellohelloxx"}, NULL}, /* twelve */
        {{.ton = 5, .digits = "hellohell[]"}, NULL},  /* two septets each */
        {{.ton = 5, .digits = "\x1B[31m"}, NULL},
        {{.ton = 5, .digits = "\xFF"}, NULL},
        {{.digits = "softuicc"}, NULL},
        {{.ton = 1, .digits = "+4a"}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t octets[SMS_ADDRESS_MAX];
        struct buf b = buf_of(octets, sizeof octets);
        const bool good = smsc_text_originator(&rows[i].from, "9999", &b);
        if (good != (rows[i].hex != NULL))
            fail_msg("row %zu: %d", i, good);
        const struct octets want = unhex(good ? rows[i].hex : "");
        if (good && !span_equal(buf_span(&b), span_of(want.p, want.n)))
            fail_msg("row %zu: %02X %02X ... (%zu octets)", i, octets[0], octets[2], b.len);
    }
}

/* TP-DA of a card's message. A name leaves what there was. */
static void text_destination(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint8_t ton;
        const char *digits;
    } rows[] = {
        {"0581 2143F5", 0, "12345"}, {"0491 9421", 1, "4912"}, {"04D0 6131", 5, "ab"},
        {"04D1 2143", 5, "ab"},      {"0081", 5, "ab"},        {"", 5, "ab"},
        {"0481 21F3", 0, "123"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct octets address = unhex(rows[i].hex);
        struct smpp_address to = {.ton = 5, .digits = "ab"};
        smsc_text_destination(span_of(address.p, address.n), &to);
        if (to.ton != rows[i].ton || strcmp(to.digits, rows[i].digits) != 0)
            fail_msg("row %zu: %u %s", i, to.ton, to.digits);
    }
}

static void damage(void **state)
{
    (void)state;
    struct smpp_pdu pdu = submit_of(20), back;
    const struct octets good = built(&pdu);
    /* Cut anywhere, with a length that says so, and with one that does not. */
    for (size_t n = 0; n < good.n; n++) {
        struct octets cut = good;
        cut.n = n;
        assert_int_not_equal(parsed(cut, &back), SMPP_OK);
        if (n < SMPP_HEADER)
            continue;
        set_length(&cut);
        assert_int_not_equal(parsed(cut, &back), SMPP_OK);
        assert_int_equal(back.sequence, 5);
    }
    /* Every octet as every value: an answer, and no crash. */
    for (size_t at = 0; at < good.n; at++)
        for (unsigned value = 0; value < 256; value++) {
            struct octets bad = good;
            bad.p[at] = (uint8_t)value;
            (void)parsed(bad, &back);
            assert_true(back.message.n <= SMPP_MESSAGE_MAX);
        }
    static const struct {
        const char *hex;
        uint32_t status;
    } rows[] = {
        {"", SMPP_INVALID_COMMAND_LENGTH},
        {"00000010 00000015 00000000", SMPP_INVALID_COMMAND_LENGTH},
        {"00000011 00000015 00000000 00000001", SMPP_INVALID_COMMAND_LENGTH},
        {"00000010 00000103 00000000 00000001", SMPP_INVALID_COMMAND},
        {"00000010 0000FFFF 00000000 00000001", SMPP_INVALID_COMMAND},
        {"00000010 00000003 00000000 00000001", SMPP_INVALID_COMMAND}, /* query_sm: not here */
        {"00000010 00000009 00000000 00000001", 0x0F},                 /* no system_id at all */
        /* a system_id of 16, without an end; then a good one and a password of 9 */
        {"00000021 00000009 00000000 00000001 41414141414141414141414141414141 00", 0x0F},
        {"0000001E 00000009 00000000 00000001 4100 414141414141414141 00 00 34", 0x0E},
        {"0000001A 00000009 00000000 00000001 4100 4100 00 34 07 00 00", SMPP_BIND_FAILED}, /* a TON of 7 */
        {"0000001A 00000009 00000000 00000001 4100 4100 00 34 00 02 00", SMPP_BIND_FAILED}, /* an NPI of 2 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct octets o = unhex(rows[i].hex);
        if (o.n >= SMPP_HEADER && i != 2)
            set_length(&o);
        assert_int_equal(parsed(o, &back), rows[i].status);
    }
}

static void random_octets(void **state)
{
    (void)state;
    static const uint8_t commands[] = {0x01, 0x02, 0x04, 0x05, 0x06, 0x09, 0x15};
    uint32_t x = 2463534242u; /* xorshift: the same every time */
    struct smpp_pdu back;
    for (unsigned round = 0; round < 20000; round++) {
        struct octets o = {.n = 0};
        for (size_t i = 0; i < sizeof o.p / 8; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            o.p[i] = (round & 1) != 0 && (x & 0x700) != 0 ? 0 : (uint8_t)x;
        }
        o.n = SMPP_HEADER + x % 200;
        o.p[4] = (uint8_t)((x & 0x10000) != 0 ? 0x80 : 0);
        o.p[5] = o.p[6] = 0;
        o.p[7] = commands[(x >> 20) % sizeof commands];
        set_length(&o);
        (void)parsed(o, &back);
    }
}

/* ---- the connection ---- */

struct ends {
    struct smpp_link *link;
    int other;
};

static int connect_ends(void **state)
{
    struct ends *e = calloc(1, sizeof *e);
    int fds[2];
    if (e == NULL || (e->link = malloc(sizeof *e->link)) == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || !smpp_link_init(e->link, fds[0]))
        return -1;
    e->other = fds[1];
    *state = e;
    return 0;
}

static int disconnect_ends(void **state)
{
    struct ends *e = *state;
    smpp_link_close(e->link);
    if (e->other >= 0)
        close(e->other);
    free(e->link);
    free(e);
    return 0;
}

static void framing(void **state)
{
    struct ends *e = *state;
    struct smpp_pdu pdu = submit_of(60), back;
    struct octets one = built(&pdu);
    struct span bytes;
    /* Octet by octet: a PDU is there when the last one is. */
    for (size_t i = 0; i < one.n; i++) {
        assert_int_equal(smpp_link_next(e->link, &bytes), SMPP_LINK_NONE);
        assert_int_equal(write(e->other, one.p + i, 1), 1);
        assert_true(smpp_link_read(e->link));
    }
    assert_int_equal(smpp_link_next(e->link, &bytes), SMPP_LINK_PDU);
    assert_int_equal(smpp_parse(bytes, &back), SMPP_OK);
    assert_int_equal(smpp_link_next(e->link, &bytes), SMPP_LINK_NONE);
    /* Many at once. */
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(write(e->other, one.p, one.n), (ssize_t)one.n);
    unsigned got = 0;
    for (unsigned i = 0; i < 20 && got < 50; i++) {
        assert_true(smpp_link_read(e->link));
        while (smpp_link_next(e->link, &bytes) == SMPP_LINK_PDU)
            got++;
    }
    assert_int_equal(got, 50);
    /* Nothing is there; then a length of no PDU; then nobody. */
    assert_true(smpp_link_read(e->link));
    assert_int_equal(write(e->other, "\x00\x00\x00\x0F", 4), 4);
    assert_true(smpp_link_read(e->link));
    assert_int_equal(smpp_link_next(e->link, &bytes), SMPP_LINK_LOST);
    close(e->other);
    e->other = -1;
    assert_false(smpp_link_read(e->link));
    assert_true(smpp_link_put(e->link, &pdu));
    assert_false(smpp_link_flush(e->link)); /* and no SIGPIPE */
}

static void who_does_not_read(void **state)
{
    struct ends *e = *state;
    struct smpp_pdu pdu = submit_of(140);
    size_t n = 0;
    while (smpp_link_put(e->link, &pdu)) {
        assert_true(smpp_link_flush(e->link));
        assert_true(++n < 100000);
    }
    assert_true(smpp_link_pending(e->link));
    assert_true(smpp_link_room(e->link) < SMPP_PDU_MAX);
}

static void endpoints(void **state)
{
    (void)state;
    char host[256], port[6];
    assert_true(smpp_endpoint("127.0.0.1:2775", host, port));
    assert_string_equal(host, "127.0.0.1");
    assert_string_equal(port, "2775");
    assert_true(smpp_endpoint("[::1]:0", host, port));
    assert_string_equal(host, "::1");
    static const char *const bad[] = {"",     "host",  "host:",     ":2775", "::1:2775", "h:70000",
                                      "h:1x", "[::1]", "[::1:2775", "[]:1",  "host:-1",  "host:123456"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(smpp_endpoint(bad[i], host, port));
}

/* An SMSC that takes whoever comes, and answers the message with these octets of header and body. */
static void smsc(int listener, uint32_t command, uint32_t status, const char *id)
{
    uint8_t request[SMPP_PDU_MAX];
    const int fd = accept(listener, NULL, NULL);
    for (uint32_t sequence = 1; fd >= 0 && recv(fd, request, sizeof request, 0) > 0; sequence++) {
        uint8_t octets[SMPP_PDU_MAX];
        struct buf b = buf_of(octets, sizeof octets);
        const uint32_t words[4] = {SMPP_HEADER + (uint32_t)strlen(id) + 1,
                                   sequence == 1 ? 0x80000009 : command, sequence == 1 ? 0 : status,
                                   sequence};
        for (int i = 0; i < 4; i++) {
            buf_u16(&b, (uint16_t)(words[i] >> 16));
            buf_u16(&b, (uint16_t)words[i]);
        }
        buf_put(&b, span_of(id, strlen(id) + 1));
        if (write(fd, octets, b.len) != (ssize_t)b.len)
            break;
    }
    _exit(0);
}

/* A message is taken when submit_sm_resp says so, and by nothing else (fuzz_peers). */
static void what_takes_a_message(void **state)
{
    (void)state;
    static const struct {
        uint32_t command, status;
        const char *id, *printed;
        bool taken;
    } answers[] = {
        {0x80000004, 0, "12345", "12345", true},  {0x80000004, SMPP_QUEUE_FULL, "1", "", false},
        {0x80000000, 0, "", "", false}, /* a nack, whatever its status */
        {0x80000009, 0, "SMSC", "", false},       {0x80000015, 0, "", "", false},
        {0x80000004, 0, "\033[2J", "?[2J", true}, /* a terminal would obey it */
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;
        char endpoint[40], id[SMPP_MESSAGE_ID_MAX + 1];
        struct smpp_link_error e;
        uint32_t status = 0;
        const struct smpp_pdu pdu = submit_of(20);
        const int listener = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(listener, (const struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
        snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", ntohs(at.sin_port));
        const pid_t child = fork();
        if (child == 0)
            smsc(listener, answers[i].command, answers[i].status, answers[i].id);
        close(listener);
        struct smpp_esme *esme = smpp_esme_open(endpoint, "us", "word", 10000, &e);
        if (esme == NULL)
            fail_msg("%s", e.text);
        assert_true(smpp_esme_submit(esme, &pdu.message, 10000, &status, id, &e));
        assert_int_equal(status == SMPP_OK, answers[i].taken);
        assert_string_equal(id, answers[i].printed);
        smpp_esme_close(esme);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bind_bytes),
        cmocka_unit_test(message_there_and_back),
        cmocka_unit_test(answers),
        cmocka_unit_test(optional_parameters),
        cmocka_unit_test(parts),
        cmocka_unit_test(texts),
        cmocka_unit_test(originators),
        cmocka_unit_test(text_destination),
        cmocka_unit_test(damage),
        cmocka_unit_test(random_octets),
        cmocka_unit_test_setup_teardown(framing, connect_ends, disconnect_ends),
        cmocka_unit_test_setup_teardown(who_does_not_read, connect_ends, disconnect_ends),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(what_takes_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

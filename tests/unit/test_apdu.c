/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything in apdu/: spans, TLV, command APDUs, dispatch, status words, digits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "command.h"
#include "dispatch.h"
#include "hex.h"
#include "sw.h"
#include "tlv.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* Bytes at the very end of an allocation of their own, so that a sanitizer sees a read beyond them. */
struct bytes {
    uint8_t *p;
    size_t n;
};

static struct bytes hex(const char *text)
{
    size_t room = strlen(text) / 2 + 1;
    uint8_t *wide = malloc(room);
    assert_non_null(wide);
    struct buf out = buf_of(wide, room);
    assert_true(hex_parse(text, &out, NULL));
    struct bytes b = {malloc(out.len > 0 ? out.len : 1), out.len};
    assert_non_null(b.p);
    memcpy(b.p, wide, out.len);
    free(wide);
    return b;
}

static struct span span(struct bytes b)
{
    return span_of(b.p, b.n);
}

static void assert_span(struct span got, const char *text)
{
    struct bytes b = hex(text);
    assert_true(span_equal(got, span(b)));
    free(b.p);
}

/* ---- span.h ---- */

static void test_span(void **state)
{
    (void)state;
    static const uint8_t p[4] = {1, 2, 3, 4};
    struct span s = span_of(p, 4);
    assert_span(span_slice(s, 0, 4), "01020304");
    assert_span(span_slice(s, 1, 2), "0203");
    assert_span(span_slice(s, 3, 9), "04");
    assert_int_equal(span_slice(s, 4, 1).n, 0);
    assert_int_equal(span_slice(s, 5, 1).n, 0);
    assert_span(span_slice(s, 2, SIZE_MAX), "0304");
    assert_int_equal(span_slice(s, SIZE_MAX, SIZE_MAX).n, 0);
    assert_int_equal(span_slice(SPAN_EMPTY, 0, 1).n, 0);
    assert_true(span_equal(SPAN_EMPTY, span_of(p, 0)));
    assert_false(span_equal(s, span_of(p, 3)));
    assert_true(span_starts(s, span_of(p, 3)));
    assert_true(span_starts(s, SPAN_EMPTY));
    assert_true(span_starts(SPAN_EMPTY, SPAN_EMPTY));
    assert_false(span_starts(span_of(p, 3), s));
    assert_false(span_starts(s, span_of(p + 1, 2)));
}

static void test_reader(void **state)
{
    (void)state;
    static const uint8_t p[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct reader r = rd_of(span_of(p, 10));
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x0203);
    assert_int_equal(rd_u32(&r), 0x04050607);
    assert_false(rd_done(&r));
    assert_span(rd_rest(&r), "08090a");
    assert_true(rd_done(&r));
    assert_int_equal(rd_rest(&r).n, 0);
    assert_true(rd_ok(&r));
    assert_int_equal(rd_take(&r, 0).n, 0);
    assert_true(rd_ok(&r));
    assert_int_equal(rd_u8(&r), 0);
    assert_false(rd_ok(&r));

    r = rd_of(span_of(p, 10));
    assert_true(rd_be(&r, 8) == UINT64_C(0x0102030405060708));

    /* sticky: a read that did not fit spoils those that would */
    r = rd_of(span_of(p, 3));
    assert_int_equal(rd_u32(&r), 0);
    assert_int_equal(r.left, 3);
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_take(&r, 0).n, 0);
    assert_int_equal(rd_rest(&r).n, 0);
    uint8_t to[3] = {9, 9, 9};
    rd_copy(&r, to, 3);
    assert_int_equal(to[0] | to[1] | to[2], 0);
    assert_false(rd_ok(&r));
    assert_false(rd_done(&r));

    r = rd_of(span_of(p, 3));
    rd_copy(&r, to, 3);
    assert_memory_equal(to, p, 3);
    assert_true(rd_done(&r));
    r = rd_of(span_of(p, 3));
    (void)rd_take(&r, SIZE_MAX);
    assert_false(rd_ok(&r));
    r = rd_of(SPAN_EMPTY);
    assert_true(rd_done(&r));
    rd_copy(&r, to, 0);
    assert_true(rd_done(&r));
}

static void test_buf(void **state)
{
    (void)state;
    uint8_t p[8];
    struct buf b = buf_of(p, 8);
    buf_u8(&b, 1);
    buf_u16(&b, 0x0203);
    buf_u32(&b, 0x04050607);
    assert_true(buf_ok(&b));
    buf_put(&b, SPAN_EMPTY);
    buf_u16(&b, 0x0809); /* one octet too many: nothing of it is written */
    assert_false(buf_ok(&b));
    assert_span(buf_span(&b), "01020304050607");
    buf_u8(&b, 8); /* sticky, though it would fit */
    assert_int_equal(b.len, 7);
    assert_null(buf_grow(&b, 0));

    b = buf_of(p, 8);
    buf_fill(&b, 0xEE, 8);
    assert_true(buf_ok(&b));
    buf_fill(&b, 0xEE, 0);
    assert_true(buf_ok(&b));
    buf_be(&b, 0, SIZE_MAX);
    assert_false(buf_ok(&b));

    b = buf_of(p, 8);
    buf_be(&b, UINT64_C(0x0102030405060708), 8);
    assert_span(buf_span(&b), "0102030405060708");
    b = buf_of(p, 8);
    buf_be(&b, 0xAABBCC, 2); /* the low octets */
    assert_span(buf_span(&b), "bbcc");
    assert_null(buf_grow(&b, SIZE_MAX));

    b = buf_of(NULL, 0);
    buf_put(&b, SPAN_EMPTY);
    assert_true(buf_ok(&b));
    assert_int_equal(buf_span(&b).n, 0);
    buf_u8(&b, 0);
    assert_false(buf_ok(&b));
}

/* ---- tlv.h ---- */

static void test_ber_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        uint32_t tag;
        const char *value;
    } good[] = {
        {"8000", 0x80, ""},
        {"8202ffff", 0x82, "ffff"},
        {"9f70021122", 0x9F70, "1122"},
        {"7f4e0199", 0x7F4E, "99"},
        {"5f8102017f", 0x5F8102, "7f"},
        {"8181023344", 0x81, "3344"}, /* more length octets than needed */
        {"81820002aabb", 0x81, "aabb"},
        {"8183000001cc", 0x81, "cc"},
    };
    static const char *const bad[] = {
        "80",           "8002",       "800211",
        "9f",           "9f70",       "9f81",
        "5f818002aa00", "8080",       "808000",
        "8081",         "808105aa",   "8082",
        "808200",       "80820001",   "8083",
        "8083000001",   "8083ffffff", "808400000001aa",
        "80ff",         "ff",         "8085000000000100",
    };
    for (size_t i = 0; i < N(good); i++) {
        struct bytes b = hex(good[i].in);
        struct reader r = rd_of(span(b));
        struct tlv t;
        assert_true(tlv_next(&r, &t));
        assert_int_equal(t.tag, good[i].tag);
        assert_span(t.value, good[i].value);
        assert_true(rd_done(&r));
        assert_false(tlv_next(&r, &t)); /* the end is no error */
        assert_true(rd_ok(&r));
        struct span value;
        assert_true(tlv_find(span(b), good[i].tag, &value));
        assert_span(value, good[i].value);
        for (size_t n = 1; n < b.n; n++) { /* cut anywhere */
            r = rd_of(span_of(b.p, n));
            assert_false(tlv_next(&r, &t));
            assert_false(rd_ok(&r));
        }
        free(b.p);
    }
    for (size_t i = 0; i < N(bad); i++) {
        struct bytes b = hex(bad[i]);
        struct reader r = rd_of(span(b));
        struct tlv t;
        assert_false(tlv_next(&r, &t));
        assert_false(rd_ok(&r));
        assert_int_equal(t.value.n, 0);
        assert_false(tlv_next(&r, &t));
        struct span value;
        assert_false(tlv_find(span(b), 0x80, &value));
        assert_int_equal(value.n, 0);
        free(b.p);
    }
    /* the first of two, one behind another, none inside another, none behind a malformed one */
    struct bytes b = hex("6206820101830142820299998481");
    struct span value;
    assert_true(tlv_find(span(b), 0x82, &value));
    assert_span(value, "9999");
    assert_true(tlv_find(span(b), 0x62, &value));
    assert_span(value, "820101830142");
    assert_false(tlv_find(span(b), 0x84, &value));
    assert_false(tlv_find(span(b), 0x83, &value));
    assert_false(tlv_find(SPAN_EMPTY, 0x83, &value));
    free(b.p);
}

static void test_ber_nested(void **state)
{
    (void)state;
    struct bytes b = hex("620b8202412183026f07a50180"); /* whole and inside: three levels, none recursive */
    struct span fcp, value;
    assert_true(tlv_find(span(b), 0x62, &fcp));
    assert_true(tlv_find(fcp, 0x83, &value));
    assert_span(value, "6f07");
    assert_true(tlv_find(fcp, 0xA5, &value));
    struct reader r = rd_of(value);
    struct tlv t;
    assert_false(tlv_next(&r, &t)); /* its content is cut off: an error in there and not outside */
    assert_false(rd_ok(&r));
    free(b.p);

    b = hex("620482024121620383026f"); /* an object reaches beyond the one it is in */
    assert_true(tlv_find(span(b), 0x62, &fcp));
    struct reader outer = rd_of(span(b));
    assert_true(tlv_next(&outer, &t));
    assert_true(tlv_next(&outer, &t));
    assert_false(tlv_find(t.value, 0x83, &value));
    free(b.p);
}

static void test_comprehension(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        uint32_t tag;
        bool must;
        const char *value;
    } good[] = {
        {"820281 83", 0x02, true, "8183"},  {"02028183", 0x02, false, "8183"},
        {"8b00", 0x0B, true, ""},           {"7e0111", 0x7E, false, "11"},
        {"fe0111", 0x7E, true, "11"},       {"7f00010122", 0x0001, false, "22"},
        {"7f80010122", 0x0001, true, "22"}, {"7fffff00", 0x7FFF, true, ""},
        {"05810133", 0x05, false, "33"},
    };
    static const char *const bad[] = {"00",       "0000", "8000", "000111",       "ff",  "ff00",
                                      "ff800100", "7f",   "7f00", "7f0001",       "02",  "0202",
                                      "020211",   "0280", "8284", "828400000000", "8281"};
    for (size_t i = 0; i < N(good); i++) {
        struct bytes b = hex(good[i].in);
        struct reader r = rd_of(span(b));
        struct tlv t;
        bool must = !good[i].must;
        assert_true(ctlv_next(&r, &t, &must));
        assert_int_equal(t.tag, good[i].tag);
        assert_int_equal(must, good[i].must);
        assert_span(t.value, good[i].value);
        assert_false(ctlv_next(&r, &t, &must));
        assert_true(rd_done(&r));
        for (size_t n = 1; n < b.n; n++) {
            r = rd_of(span_of(b.p, n));
            assert_false(ctlv_next(&r, &t, NULL));
            assert_false(rd_ok(&r));
        }
        free(b.p);
    }
    for (size_t i = 0; i < N(bad); i++) {
        struct bytes b = hex(bad[i]);
        struct reader r = rd_of(span(b));
        struct tlv t;
        assert_false(ctlv_next(&r, &t, NULL));
        assert_false(rd_ok(&r));
        assert_int_equal(t.value.n, 0);
        free(b.p);
    }
    struct bytes b = hex("810301210082028182 8202 8183 0202aabb 00");
    struct span value;
    assert_true(ctlv_find(span(b), 0x02, 0, &value));
    assert_span(value, "8182");
    assert_true(ctlv_find(span(b), 0x02, 1, &value));
    assert_span(value, "8183");
    assert_true(ctlv_find(span(b), 0x02, 2, &value));
    assert_span(value, "aabb");
    assert_false(ctlv_find(span(b), 0x02, 3, &value));
    assert_int_equal(value.n, 0);
    assert_false(ctlv_find(span(b), 0x82, 0, &value)); /* asked without the comprehension bit */
    assert_false(ctlv_find(SPAN_EMPTY, 0x02, 0, &value));
    free(b.p);
}

/* Every two- and three-octet input: neither reader leaves its input, and what it takes it takes whole. */
static void test_tlv_exhaustive(void **state)
{
    (void)state;
    uint8_t *p = malloc(3);
    assert_non_null(p);
    for (uint32_t v = 0; v < 1u << 24; v += v % 5 == 4 ? 3 : 1) {
        p[0] = (uint8_t)(v >> 16);
        p[1] = (uint8_t)(v >> 8);
        p[2] = (uint8_t)v;
        for (int which = 0; which < 2; which++) {
            struct reader r = rd_of(span_of(p, 3));
            struct tlv t;
            unsigned n = 0;
            while (which == 0 ? tlv_next(&r, &t) : ctlv_next(&r, &t, NULL))
                n++;
            if (n > 1 || r.left > 3 || (n == 1 && rd_ok(&r) && r.left != 0))
                fail();
        }
    }
    free(p);
}

static void test_tlv_write(void **state)
{
    (void)state;
    static uint8_t p[70100], content[70000];
    static const struct {
        size_t n;
        const char *head;
    } sizes[] = {
        {0, "8500"},     {1, "8501"},       {127, "857f"},       {128, "858180"},
        {255, "8581ff"}, {256, "85820100"}, {65535, "8582ffff"}, {65536, "8583010000"},
    };
    memset(content, 0xC3, sizeof content);
    for (size_t i = 0; i < N(sizes); i++) {
        struct bytes head = hex(sizes[i].head);
        struct span value = span_of(content, sizes[i].n);
        struct buf b = buf_of(p, sizeof p);
        buf_tlv(&b, 0x85, value);
        assert_true(buf_ok(&b));
        assert_true(span_starts(buf_span(&b), span(head)));
        assert_true(span_equal(span_slice(buf_span(&b), head.n, sizeof p), value));

        /* open and close give the same, with content before and behind */
        struct buf c = buf_of(p, sizeof p);
        buf_u8(&c, 0x11);
        size_t mark = buf_tlv_open(&c, 0x85);
        buf_put(&c, value);
        buf_tlv_close(&c, mark);
        buf_u8(&c, 0x22);
        assert_true(buf_ok(&c));
        assert_int_equal(c.len, head.n + value.n + 2);
        assert_int_equal(p[c.len - 1], 0x22);
        assert_true(span_equal(span_slice(buf_span(&c), 1, head.n), span(head)));
        assert_true(span_equal(span_slice(buf_span(&c), 1 + head.n, value.n), value));

        /* exactly enough room, and one octet too little */
        for (size_t lack = 0; lack < 2; lack++) {
            b = buf_of(p, head.n + value.n - lack);
            buf_tlv(&b, 0x85, value);
            assert_int_equal(buf_ok(&b), lack == 0);
            b = buf_of(p, head.n + value.n - lack);
            mark = buf_tlv_open(&b, 0x85);
            buf_put(&b, value);
            buf_tlv_close(&b, mark);
            assert_int_equal(buf_ok(&b), lack == 0);
        }
        free(head.p);
    }
    struct buf b = buf_of(p, sizeof p);
    buf_tlv_u8(&b, 0x8A, 5);
    buf_tlv_u16(&b, 0x83, 0x6F07);
    buf_tlv_u8(&b, 0x9F70, 7);
    buf_tlv_u8(&b, 0x5F8102, 9);
    assert_span(buf_span(&b), "8a010583026f079f7001075f81020109");

    /* nested, both growing a second and third length octet */
    b = buf_of(p, sizeof p);
    size_t outer = buf_tlv_open(&b, 0x62);
    buf_tlv_u8(&b, 0x8A, 5);
    size_t inner = buf_tlv_open(&b, 0xA5);
    buf_put(&b, span_of(content, 300));
    buf_tlv_close(&b, inner);
    buf_tlv_u8(&b, 0x88, 1);
    buf_tlv_close(&b, outer);
    struct span fcp, value;
    assert_true(tlv_find(buf_span(&b), 0x62, &fcp));
    assert_int_equal(fcp.n, 3 + 4 + 300 + 3);
    assert_int_equal(b.len, 4 + fcp.n);
    assert_true(tlv_find(fcp, 0xA5, &value));
    assert_true(span_equal(value, span_of(content, 300)));
    assert_true(tlv_find(fcp, 0x88, &value));
    assert_span(value, "01");

    b = buf_of(p, 1); /* an open that does not fit: close does no harm */
    outer = buf_tlv_open(&b, 0x7F4E);
    buf_tlv_close(&b, outer);
    assert_false(buf_ok(&b));
}

/* ---- command.h ---- */

static sw_t parse(const char *text, struct command *c)
{
    struct bytes b = hex(text);
    sw_t sw = command_parse(span(b), c);
    /* data is borrowed: keep what the tests look at, its length */
    if (c->data.n > 0)
        assert_true(c->data.p >= b.p && c->data.p + c->data.n <= b.p + b.n);
    c->data.p = NULL;
    free(b.p);
    return sw;
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        sw_t sw;
        bool has_p3, extended, has_le;
        size_t lc;
        uint32_t le;
    } rows[] = {
        {"00e40102", SW_OK, false, false, false, 0, 0},   /* 1 */
        {"00b0010200", SW_OK, true, false, true, 0, 256}, /* 2S, or Lc 0 */
        {"00b0010201", SW_OK, true, false, true, 0, 1},
        {"00b00102ff", SW_OK, true, false, true, 0, 255},
        {"00d6010201aa", SW_OK, true, false, false, 1, 0}, /* 3S */
        {"00d6010203aabbcc", SW_OK, true, false, false, 3, 0},
        {"00a40004023f0000", SW_OK, true, false, true, 2, 256}, /* 4S */
        {"00a40004023f0010", SW_OK, true, false, true, 2, 16},
        {"00b0010200 0001", SW_OK, true, true, true, 0, 1}, /* 2E */
        {"00b0010200 0000", SW_OK, true, true, true, 0, 65536},
        {"00b0010200 ffff", SW_OK, true, true, true, 0, 65535},
        {"00d6010200 0001 aa", SW_OK, true, true, false, 1, 0}, /* 3E */
        {"00d6010200 0002 aabb", SW_OK, true, true, false, 2, 0},
        {"00a4000400 0002 3f00 0000", SW_OK, true, true, true, 2, 65536}, /* 4E */
        {"00a4000400 0002 3f00 0101", SW_OK, true, true, true, 2, 257},
        {"", SW_WRONG_LENGTH, false, false, false, 0, 0},
        {"00", SW_WRONG_LENGTH, false, false, false, 0, 0},
        {"00a400", SW_WRONG_LENGTH, false, false, false, 0, 0},
        {"00d6010203aabb", SW_WRONG_LENGTH, true, false, false, 0, 0},    /* data missing */
        {"00d6010201aabbcc", SW_WRONG_LENGTH, true, false, false, 0, 0},  /* two octets behind */
        {"00d601020011", SW_WRONG_LENGTH, true, false, false, 0, 0},      /* Lc 0 and more */
        {"00d6010200 0000 aa", SW_WRONG_LENGTH, true, true, false, 0, 0}, /* extended Lc 0 */
        {"00d6010200 0000 0000", SW_WRONG_LENGTH, true, true, false, 0, 0},
        {"00d6010200 0002 aa", SW_WRONG_LENGTH, true, true, false, 0, 0},
        {"00d6010200 0001 aabb", SW_WRONG_LENGTH, true, true, false, 0, 0}, /* half a Le */
        {"00d6010200 0001 aabbccdd", SW_WRONG_LENGTH, true, true, false, 0, 0},
        {"00d6010200 ffff aa", SW_WRONG_LENGTH, true, true, false, 0, 0},
    };
    for (size_t i = 0; i < N(rows); i++) {
        struct command c;
        memset(&c, 0xAA, sizeof c);
        assert_int_equal(parse(rows[i].in, &c), rows[i].sw);
        if (rows[i].sw != SW_OK)
            continue;
        assert_int_equal(c.p1 << 8 | c.p2, c.ins == 0xA4 ? 0x0004 : 0x0102);
        assert_int_equal(c.has_p3, rows[i].has_p3);
        assert_int_equal(c.extended, rows[i].extended);
        assert_int_equal(c.has_le, rows[i].has_le);
        assert_int_equal(c.data.n, rows[i].lc);
        assert_int_equal(c.le, rows[i].le);
    }
    /* the longest: 65535 octets and a Le */
    size_t n = 4 + 3 + 65535 + 2;
    uint8_t *p = calloc(1, n);
    assert_non_null(p);
    p[5] = p[6] = 0xFF;
    struct command c;
    assert_int_equal(command_parse(span_of(p, n), &c), SW_OK);
    assert_int_equal(c.data.n, 65535);
    assert_int_equal(c.le, 65536);
    assert_int_equal(command_parse(span_of(p, n - 1), &c), SW_WRONG_LENGTH);
    assert_int_equal(command_parse(span_of(p, n - 2), &c), SW_OK);
    assert_false(c.has_le);
    free(p);
    /* short lengths: every Lc with every amount of octets behind P3 */
    uint8_t small[4 + 1 + 260] = {0};
    for (unsigned lc = 1; lc < 256; lc++)
        for (unsigned behind = 0; behind < 260; behind++) {
            small[4] = (uint8_t)lc;
            bool good = behind == 0 || behind == lc || behind == lc + 1;
            assert_int_equal(command_parse(span_of(small, 5 + behind), &c), good ? SW_OK : SW_WRONG_LENGTH);
        }
}

static void test_class(void **state)
{
    (void)state;
    for (unsigned cla = 0; cla < 256; cla++) {
        const uint8_t apdu[4] = {(uint8_t)cla, 0xA4, 0, 0};
        struct command c;
        assert_int_equal(command_parse(span_of(apdu, 4), &c), SW_OK);
        enum apdu_class klass;
        unsigned channel = 0, messaging = 0;
        bool chained = (cla & 0x10) != 0;
        if (cla == 0xA0) {
            klass = CLASS_GSM;
        } else if (cla < 0x20 || (cla >= 0x80 && cla < 0xA0)) {
            klass = cla < 0x20 ? CLASS_ISO : CLASS_ETSI;
            channel = cla & 3;
            messaging = cla >> 2 & 3;
        } else if (cla == 0xFF || cla < 0x40 || (cla >= 0xA0 && cla < 0xC0)) {
            klass = CLASS_UNKNOWN;
            chained = false;
        } else {
            klass = cla < 0x80 ? CLASS_ISO : CLASS_ETSI;
            channel = 4 + (cla & 15);
            messaging = cla >> 5 & 1;
        }
        assert_int_equal(c.klass, klass);
        assert_int_equal(c.channel, channel);
        assert_int_equal(c.messaging, messaging);
        assert_int_equal(c.chained, chained);
        assert_true(c.channel < APDU_CHANNELS);
    }
    for (uint8_t channel = 0; channel < APDU_CHANNELS; channel++) {
        static const enum apdu_class classes[2] = {CLASS_ISO, CLASS_ETSI};
        for (size_t i = 0; i < 2; i++) {
            const uint8_t apdu[4] = {command_cla(classes[i], channel), 0, 0, 0};
            struct command c;
            assert_int_equal(command_parse(span_of(apdu, 4), &c), SW_OK);
            assert_int_equal(c.klass, classes[i]);
            assert_int_equal(c.channel, channel);
            assert_int_equal(c.messaging, 0);
            assert_false(c.chained);
        }
        assert_int_equal(command_cla(CLASS_GSM, channel), 0xA0);
    }
}

/* ---- dispatch.h ---- */

struct call {
    char seen[8];
    size_t n;
    sw_t admit, answer;
};

static sw_t handler(struct call *call)
{
    call->seen[call->n++] = 'h';
    return call->answer;
}

static sw_t admit(struct call *call, const struct command_row *row)
{
    assert_non_null(row);
    call->seen[call->n++] = 'a';
    return call->admit;
}

static const struct command_row rows_a[] = {
    {.name = "one", .klass = CLASS_ISO, .ins = 0xE4, .iso_case = CASE_1, .handler = handler},
    {.name = "two", .klass = CLASS_ISO, .ins = 0xB0, .iso_case = CASE_2, .handler = handler},
    {.name = "three",
     .klass = CLASS_ISO,
     .ins = 0xD6,
     .iso_case = CASE_3,
     .lc_min = 1,
     .lc_max = 255,
     .handler = handler},
    {.name = "four", .klass = CLASS_ISO, .ins = 0xA4, .iso_case = CASE_4, .lc_max = 16, .handler = handler},
    {.name = "verify", .klass = CLASS_ISO, .ins = 0x20, .iso_case = CASE_3, .lc_max = 8, .handler = handler},
};
static const struct command_row rows_b[] = {
    {.name = "open", .klass = CLASS_ISO, .ins = 0x70, .p1 = 0x00, .p1_mask = 0xFF, .iso_case = CASE_2},
    {.name = "close", .klass = CLASS_ISO, .ins = 0x70, .p1 = 0x80, .p1_mask = 0x80, .iso_case = CASE_1},
    {.name = "etsi", .klass = CLASS_ETSI, .ins = 0xF2, .iso_case = CASE_2},
    {.name = "shadowed", .klass = CLASS_ISO, .ins = 0xB0, .iso_case = CASE_1},
};
static const struct command_table table_a = {rows_a, N(rows_a)}, table_b = {rows_b, N(rows_b)};
static const struct command_table *const tables[] = {&table_a, &table_b};

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        sw_t sw;
        const char *name;
    } cases[] = {
        {"00e40000", SW_OK, "one"},
        {"03b00000", SW_OK, "two"}, /* the first table wins; the channel does not matter */
        {"40a40000", SW_OK, "four"},
        {"00700000", SW_OK, "open"},
        {"00708001", SW_OK, "close"},
        {"0070ff01", SW_OK, "close"},
        {"00700100", SW_WRONG_P1P2, NULL},
        {"80f20000", SW_OK, "etsi"},
        {"00f20000", SW_INS_NOT_SUPPORTED, NULL}, /* the instruction, but of another class */
        {"80b00000", SW_INS_NOT_SUPPORTED, NULL},
        {"a0a40000", SW_CLA_NOT_SUPPORTED, NULL},
        {"20a40000", SW_CLA_NOT_SUPPORTED, NULL},
        {"ffa40000", SW_CLA_NOT_SUPPORTED, NULL},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct command c;
        const struct command_row *row = rows_a;
        assert_int_equal(parse(cases[i].in, &c), SW_OK);
        assert_int_equal(dispatch_find(tables, 2, &c, &row), cases[i].sw);
        assert_int_equal(row != NULL, cases[i].name != NULL);
        if (row != NULL)
            assert_string_equal(row->name, cases[i].name);
    }
    struct command c;
    const struct command_row *row = rows_a;
    assert_int_equal(parse("00a40000", &c), SW_OK);
    assert_int_equal(dispatch_find(tables, 0, &c, &row), SW_CLA_NOT_SUPPORTED);
    assert_null(row);
}

static void test_fit(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        sw_t sw;
        bool has_le;
        uint32_t le;
        size_t lc;
    } cases[] = {
        /* case 1: T=0 sends a P3 of 00 with it, and nothing else fits */
        {"00e40000", SW_OK, false, 0, 0},
        {"00e4000000", SW_OK, false, 0, 0},
        {"00e4000001", SW_WRONG_LENGTH, false, 0, 0},
        {"00e4000001aa", SW_WRONG_LENGTH, false, 0, 0},
        {"00e40000000000", SW_WRONG_LENGTH, false, 0, 0},
        /* case 2 */
        {"00b00000", SW_OK, true, 256, 0},
        {"00b0000000", SW_OK, true, 256, 0},
        {"00b0000010", SW_OK, true, 16, 0},
        {"00b00000000100", SW_OK, true, 256, 0},
        {"00b0000001aa", SW_WRONG_LENGTH, false, 0, 0},
        {"00b0000001aa00", SW_WRONG_LENGTH, false, 0, 0},
        /* case 3 */
        {"00d6000001aa", SW_OK, false, 0, 1},
        {"00d60000000001aa", SW_OK, false, 0, 1},
        {"00d60000", SW_WRONG_LENGTH, false, 0, 0}, /* lc_min */
        {"00d6000000", SW_WRONG_LENGTH, false, 0, 0},
        {"00d6000005", SW_WRONG_LENGTH, false, 0, 0},
        {"00d6000001aa00", SW_WRONG_LENGTH, false, 0, 0},
        {"00200001", SW_OK, false, 0, 0}, /* VERIFY without data asks for the tries */
        {"0020000100", SW_OK, false, 0, 0},
        {"0020000108", SW_WRONG_LENGTH, false, 0, 0},
        {"002000010831323334ffffffff", SW_OK, false, 0, 8},
        {"002000010931323334ffffffffff", SW_WRONG_LENGTH, false, 0, 0}, /* lc_max */
        /* case 4, with and without Le */
        {"00a40004023f0000", SW_OK, true, 256, 2},
        {"00a40004023f00", SW_OK, false, 0, 2},
        {"00a40004", SW_OK, false, 0, 0},
        {"00a4000400", SW_OK, false, 0, 0},
        {"00a4000402", SW_WRONG_LENGTH, false, 0, 0},
        {"00a40004110011223344556677889900112233445566", SW_WRONG_LENGTH, false, 0, 0},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct command c;
        const struct command_row *row;
        assert_int_equal(parse(cases[i].in, &c), SW_OK);
        assert_int_equal(dispatch_find(tables, 2, &c, &row), SW_OK);
        assert_int_equal(dispatch_fit(row, &c), cases[i].sw);
        if (cases[i].sw != SW_OK)
            continue;
        assert_int_equal(c.has_le, cases[i].has_le);
        assert_int_equal(c.data.n, cases[i].lc);
        if (c.has_le)
            assert_int_equal(c.le, cases[i].le);
    }
}

static void test_run(void **state)
{
    (void)state;
    static const struct gate gate = {admit};
    static const struct {
        const char *in;
        sw_t admit, answer, sw;
        const char *seen;
    } cases[] = {
        {"00b0000010", SW_OK, SW_OK, SW_OK, "ah"},
        {"00b0000010", SW_OK, SW_FILE_NOT_FOUND, SW_FILE_NOT_FOUND, "ah"},
        {"00b0000010", SW_SECURITY_STATUS, SW_OK, SW_SECURITY_STATUS, "a"}, /* refused: no handler */
        {"00b0000001aa", SW_OK, SW_OK, SW_WRONG_LENGTH, ""}, /* does not fit: not even the gate */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct command c;
        struct call call = {.admit = cases[i].admit, .answer = cases[i].answer};
        assert_int_equal(parse(cases[i].in, &c), SW_OK);
        assert_int_equal(dispatch_run(&rows_a[1], &c, &gate, &call), cases[i].sw);
        assert_string_equal(call.seen, cases[i].seen);
    }
}

/* ---- sw.h ---- */

static void test_sw(void **state)
{
    (void)state;
    static const struct sw_info rows[] = {
#define SW(name, value, text, clause) {value, #name, text, clause},
#include "sw.def"
#undef SW
    };
    for (size_t i = 0; i < N(rows); i++) {
        const struct sw_info *found = sw_find(rows[i].value);
        assert_non_null(found);
        assert_int_equal(found->value, rows[i].value);
        assert_string_equal(found->name, rows[i].name);
        assert_string_equal(found->text, rows[i].text);
        assert_string_equal(found->clause, rows[i].clause);
        assert_string_equal(sw_text(rows[i].value), rows[i].text);
        assert_true(strlen(rows[i].text) > 0 && strlen(rows[i].clause) > 0);
        assert_int_equal(rows[i].value >> 12 == 6 || rows[i].value >> 12 == 9, 1); /* ISO/IEC 7816-4 5.6 */
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].value, rows[j].value);
            assert_string_not_equal(rows[i].name, rows[j].name);
            assert_string_not_equal(rows[i].text, rows[j].text);
        }
    }
    static const sw_t families[] = {SW_DATA_AVAILABLE, SW_WRONG_LE, SW_PROACTIVE};
    for (unsigned low = 0; low < 256; low++) {
        for (size_t i = 0; i < N(families); i++) {
            assert_int_equal(SW_WITH(families[i], low), families[i] + low);
            assert_int_equal(sw_find(SW_WITH(families[i], low))->value, families[i]);
        }
        const struct sw_info *warning = sw_find((sw_t)(0x6300 | low));
        static const sw_t single[] = {SW_MORE_DATA_EXPECTED, SW_MORE_EXPECTED_PROACTIVE,
                                      SW_HOST_CRYPTOGRAM,    SW_MORE_ENTRIES,
                                      SW_RULE_EXISTS,        SW_RULE_PART_UNKNOWN};
        sw_t expected = low >= 0xC0 && low < 0xD0 ? SW_TRIES_LEFT : 0;
        for (size_t i = 0; i < N(single); i++)
            expected = single[i] == (0x6300 | low) ? single[i] : expected;
        assert_int_equal(warning != NULL ? warning->value : 0, expected);
    }
    assert_null(sw_find(0x0000));
    assert_null(sw_find(0x9001));
    assert_null(sw_find(0x6E01));
    assert_string_equal(sw_text(0x1234), "unknown status word");
    for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
        unsigned high = sw >> 8;
        assert_int_equal(sw_is_ok((sw_t)sw) != 0, sw == 0x9000 || high == 0x91 ||
                                                      (high == 0x92 && sw != 0x9240) || high == 0x61 ||
                                                      high == 0x9F);
        assert_int_equal(sw_is_warning((sw_t)sw) != 0,
                         high == 0x62 || (high == 0x63 && (sw < 0x63C0 || sw > 0x63CF)));
    }
}

/* ---- hex.h ---- */

static void test_hex(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool good;
        size_t where;
        const char *out; /* of what was good before the error, too */
    } rows[] = {
        {"", true, 0, ""},
        {"00fF7a", true, 6, "00ff7a"},
        {" 00:11\t22\r\n33 ", true, 14, "00112233"},
        {"0", false, 1, ""},
        {"001", false, 3, "00"},
        {"0 1", false, 1, ""},
        {"00g1", false, 2, "00"},
        {"000g", false, 3, "00"},
        {"0x00", false, 1, ""},
        {"001122334455667788", false, 16, "0011223344556677"}, /* no room for the ninth */
    };
    for (size_t i = 0; i < N(rows); i++) {
        uint8_t p[8];
        char text[17];
        struct buf b = buf_of(p, sizeof p);
        size_t where = 99;
        assert_int_equal(hex_parse(rows[i].in, &b, &where), rows[i].good);
        assert_int_equal(where, rows[i].where);
        hex_format(buf_span(&b), text);
        assert_string_equal(text, rows[i].out);
    }
    char one[1];
    hex_format(SPAN_EMPTY, one);
    assert_string_equal(one, "");
}

static void test_bcd(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        size_t n;
        const char *packed; /* NULL: refused */
    } rows[] = {
        {"", 2, "ffff"},    {"1", 1, "f1"},      {"12", 1, "21"},
        {"123", 2, "21f3"}, {"1234", 2, "2143"}, {"1234", 3, "2143ff"},
        {"12345", 2, NULL}, {"1", 0, NULL},      {"12a", 2, NULL},
        {"1 2", 2, NULL},   {"*", 1, NULL},      {"8949440000001234567", 10, "989444000000214365f7"},
    };
    for (size_t i = 0; i < N(rows); i++) {
        uint8_t p[10];
        char text[21];
        assert_int_equal(bcd_pack(rows[i].digits, p, rows[i].n), rows[i].packed != NULL);
        if (rows[i].packed == NULL)
            continue;
        assert_span(span_of(p, rows[i].n), rows[i].packed);
        assert_true(bcd_unpack(span_of(p, rows[i].n), text));
        assert_string_equal(text, rows[i].digits);
    }
    static const struct {
        const char *in;
        bool good;
        const char *digits;
    } unpack[] = {
        {"", true, ""},     {"ffff", true, ""},     {"21ff43", true, "12"}, {"2a", false, ""},
        {"a2", false, "2"}, {"21e3", false, "123"}, {"1f", true, ""},       {"2143", true, "1234"},
    };
    for (size_t i = 0; i < N(unpack); i++) {
        struct bytes b = hex(unpack[i].in);
        char text[16];
        assert_int_equal(bcd_unpack(span(b), text), unpack[i].good);
        assert_string_equal(text, unpack[i].digits);
        free(b.p);
    }
}

static void test_imsi(void **state)
{
    (void)state;
    static const struct {
        const char *digits, *packed;
    } rows[] = {
        {"001010123456789", "080910101032547698"},
        {"00101012345678", "0801101010325476f8"}, /* an even number: parity bit 0, the last nibble F */
        {"1234567", "0419325476ffffffff"},
        {"123456", "04113254f6ffffffff"},
    };
    for (size_t i = 0; i < N(rows); i++) {
        uint8_t p[9];
        char text[16];
        assert_true(imsi_pack(rows[i].digits, p));
        assert_span(span_of(p, 9), rows[i].packed);
        assert_true(imsi_unpack(span_of(p, 9), text));
        assert_string_equal(text, rows[i].digits);
    }
    for (size_t n = 0; n <= 17; n++) {
        char digits[18] = "31041012345678901", text[16] = "x";
        digits[n] = '\0';
        uint8_t p[9] = {0};
        bool length = n >= 6 && n <= 15;
        assert_int_equal(imsi_pack(digits, p), length);
        if (!length)
            continue;
        assert_true(imsi_unpack(span_of(p, 9), text));
        assert_string_equal(text, digits);
        assert_false(imsi_unpack(span_of(p, 8), text));
        p[1] ^= 0x08; /* the wrong parity */
        assert_false(imsi_unpack(span_of(p, 9), text));
        assert_string_equal(text, "");
    }
    static const char *const no_imsi[] = {"00101012345678x", "x01010123456789", "00101 0123456",
                                          "+26201123456"};
    for (size_t i = 0; i < N(no_imsi); i++) {
        uint8_t p[9];
        assert_false(imsi_pack(no_imsi[i], p));
    }
    static const char *const malformed[] = {
        "",
        "08",
        "ffffffffffffffffff",
        "000910101032547698",
        "090910101032547698",
        "080a10101032547698",
        "080810101032547698", /* not an IMSI: identity type in bits 3-1 */
        "08a910101032547698",
        "08f910101032547698",
        "0809101010325476a8",
        "08091010a032547698",
        "0809101010325476f8",
        "080910101032ffffff", /* fewer digits than the length says */
        "080110101032547698", /* more */
        "0109ffffffffffffff",
        "03093254ffffffffff",
        "0301 32f4ffffffffff", /* one, five, four digits */
        "08091010103254769800",
    };
    for (size_t i = 0; i < N(malformed); i++) {
        struct bytes b = hex(malformed[i]);
        char text[16] = "x";
        assert_false(imsi_unpack(span(b), text));
        assert_string_equal(text, "");
        free(b.p);
    }
}

static void test_luhn(void **state)
{
    (void)state;
    assert_int_equal(luhn_digit("7992739871"), '3'); /* ISO/IEC 7812-1's method, the usual example */
    assert_int_equal(luhn_digit("894944000000123456"), '4');
    assert_int_equal(luhn_digit("0"), '0');
    assert_int_equal(luhn_digit(""), '0');
    assert_int_equal(luhn_digit("1"), '8');
    assert_int_equal(luhn_digit("5"), '9');
    /* it sees every single wrong digit */
    char number[] = "8988211000000123450";
    number[18] = '\0';
    char right = luhn_digit(number);
    for (size_t i = 0; i < 18; i++) {
        char was = number[i];
        for (char d = '0'; d <= '9'; d++) {
            number[i] = d;
            assert_int_equal(luhn_digit(number) == right, d == was);
        }
        number[i] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_ber_read),
        cmocka_unit_test(test_ber_nested),
        cmocka_unit_test(test_comprehension),
        cmocka_unit_test(test_tlv_exhaustive),
        cmocka_unit_test(test_tlv_write),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_class),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_sw),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_bcd),
        cmocka_unit_test(test_imsi),
        cmocka_unit_test(test_luhn),
    };
    return cmocka_run_group_tests_name("apdu", tests, NULL, NULL);
}

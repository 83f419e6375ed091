/* SPDX-License-Identifier: Apache-2.0
 *
 * SCP80 packets: known answers of real cards, round trips over all algorithms and SPI settings, every bit of
 * a packet turned, hostile lengths, and the number of calls that a refusal costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto.h"
#include "octets.h"
#include "keyset.h"

/* Calls to the cryptography are counted by putting the counter between: scp80.c is compiled into this test.
 */
struct calls {
    unsigned decrypt, encrypt, mac, compare;
    size_t octets;
};
static struct calls calls;

static bool counted_aes_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16],
                                    const uint8_t *in, uint8_t *out, size_t n)
{
    calls.decrypt++;
    calls.octets += n;
    return aes_cbc_decrypt(c, key, iv, in, out, n);
}

static bool counted_des_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8],
                                    const uint8_t *in, uint8_t *out, size_t n)
{
    calls.decrypt++;
    calls.octets += n;
    return des_cbc_decrypt(c, key, iv, in, out, n);
}

static bool counted_aes_cmac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n,
                             uint8_t mac[16])
{
    calls.mac++;
    for (size_t i = 0; i < n; i++)
        calls.octets += parts[i].n;
    return aes_cmac(c, key, parts, n, mac);
}

static bool counted_des_mac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n,
                            uint8_t mac[8])
{
    calls.mac++;
    for (size_t i = 0; i < n; i++)
        calls.octets += parts[i].n;
    return des_mac(c, key, parts, n, mac);
}

static bool counted_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    calls.compare++;
    calls.octets += n;
    return crypto_equal(a, b, n);
}

#define aes_cbc_decrypt counted_aes_cbc_decrypt
#define des_cbc_decrypt counted_des_cbc_decrypt
#define aes_cmac        counted_aes_cmac
#define des_mac         counted_des_mac
#define crypto_equal    counted_equal
#include "../../ota/scp80.c" /* NOLINT */
#undef aes_cbc_decrypt
#undef des_cbc_decrypt
#undef aes_cmac
#undef des_mac
#undef crypto_equal

/* ---- helpers ---- */

struct fixture {
    struct uicc_crypto *crypto;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    f->crypto = crypto_new();
    *state = f;
    return f->crypto == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    crypto_free(f->crypto);
    free(f);
    return 0;
}

static struct keyset keyset_make(uint8_t version, enum ota_algorithm kic_algorithm, uint8_t kic_len,
                                 const char *kic, enum ota_algorithm kid_algorithm, uint8_t kid_len,
                                 const char *kid, uint8_t mac_len)
{
    struct keyset k = {.version = version,
                       .kic_algorithm = (uint8_t)kic_algorithm,
                       .kid_algorithm = (uint8_t)kid_algorithm,
                       .mac_len = mac_len,
                       .kic_len = kic_len,
                       .kid_len = kid_len};
    struct octets a = unhex(kic), b = unhex(kid);
    memcpy(k.kic, a.p, kic_len);
    memcpy(k.kid, b.p, kid_len);
    return k;
}

/* A keyset with keys that differ in every octet; lengths of 16 and 24 are 3DES with 2 and 3 keys. */
static struct keyset keyset_any(enum ota_algorithm kic, uint8_t kic_len, enum ota_algorithm kid,
                                uint8_t kid_len, uint8_t mac_len)
{
    return keyset_make(5, kic, kic_len, "a0b1c2d3e4f5061728394a5b6c7d8e9f0112233445566778899aabbccddeef0a",
                       kid, kid_len, "0f1e2d3c4b5a69788796a5b4c3d2e1f0fedcba98765432100123456789abcdef",
                       mac_len);
}

static struct keyset set_a(void)
{
    return keyset_make(3, OTA_3DES, 16, "300102030405060708090a0b0c0d0e0f", OTA_3DES, 16,
                       "301102030405060708090a0b0c0d0e0f", 8);
}

static struct keyset set_b(void)
{
    return keyset_make(2, OTA_AES, 16, "200102030405060708090a0b0c0d0e0f", OTA_AES, 16,
                       "201102030405060708090a0b0c0d0e0f", 8);
}

static struct keyset set_c(void)
{
    return keyset_make(3, OTA_3DES, 16, "C21DD66ACAC13CB3BC8B331B24AFB57B", OTA_3DES, 16,
                       "12110C78E678C25408233076AA033615", 8);
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Parses and opens a copy on the heap of exactly the packet's size, with room for exactly what is needed, so
 * that a sanitizer sees every octet read or written outside. The plain data goes to `to`. */
static enum scp80_status open_copy(struct uicc_crypto *crypto, const struct keyset *keys, struct span packet,
                                   struct scp80_command *c, struct octets *to)
{
    uint8_t *copy = malloc(packet.n > 0 ? packet.n : 1);
    assert_non_null(copy);
    if (packet.n > 0)
        memcpy(copy, packet.p, packet.n);
    enum scp80_status status = scp80_command_parse(span_of(copy, packet.n), c);
    if (status == SCP80_POR_OK) {
        uint8_t *room = malloc(c->secured.n);
        assert_non_null(room);
        memset(room, 0xEE, c->secured.n);
        struct buf work = buf_of(room, c->secured.n);
        struct span data;
        status = scp80_command_open(crypto, keys, c, &work, &data);
        if (status == SCP80_POR_OK) {
            if (to != NULL) {
                assert_true(data.n <= sizeof to->p);
                memcpy(to->p, data.p, data.n);
                to->n = data.n;
            }
        } else {
            assert_int_equal(work.len, 0);
            assert_int_equal(data.n, 0);
            assert_true(all_zero(room, c->secured.n));
        }
        free(room);
    }
    free(copy);
    return status;
}

static enum scp80_verdict open_response_copy(struct uicc_crypto *crypto, const struct keyset *keys,
                                             uint8_t spi2, struct span packet, struct scp80_response *r,
                                             struct octets *to)
{
    uint8_t *copy = malloc(packet.n > 0 ? packet.n : 1);
    uint8_t *room = malloc(packet.n > 0 ? packet.n : 1);
    assert_non_null(copy);
    assert_non_null(room);
    if (packet.n > 0)
        memcpy(copy, packet.p, packet.n);
    struct buf work = buf_of(room, packet.n > 9 ? packet.n - 9 : 0);
    struct span data;
    enum scp80_verdict v = scp80_response_open(crypto, keys, spi2, span_of(copy, packet.n), r, &work, &data);
    if (to != NULL && data.n <= sizeof to->p) {
        if (data.n > 0)
            memcpy(to->p, data.p, data.n);
        to->n = data.n;
    }
    if (v == SCP80_FORGED || v == SCP80_MALFORMED)
        assert_int_equal(data.n, 0);
    free(room);
    free(copy);
    return v;
}

/* ---- known answers ---- */

static void check_command(struct fixture *f, const struct keyset *keys, uint8_t spi1, uint8_t spi2,
                          const char *tar, const char *script, const char *packet)
{
    struct octets data = unhex(script), t = unhex(tar), whole = unhex(packet);
    struct scp80_command c = {
        .spi1 = spi1, .spi2 = spi2, .kic = keyset_kic_octet(keys), .kid = keyset_kid_octet(keys)};
    memcpy(c.tar, t.p, 3);
    uint8_t room[256];
    struct buf out = buf_of(room, whole.n); /* exactly enough */
    assert_true(scp80_command_build(f->crypto, keys, &c, span_of(data.p, data.n), &out));
    assert_span(buf_span(&out), packet);
    out = buf_of(room, whole.n - 1);
    assert_false(scp80_command_build(f->crypto, keys, &c, span_of(data.p, data.n), &out));
    assert_int_equal(out.len, 0);

    struct scp80_command o;
    struct octets plain;
    assert_int_equal(open_copy(f->crypto, keys, span_of(whole.p, whole.n), &o, &plain), SCP80_POR_OK);
    assert_span(span_of(plain.p, plain.n), script);
    assert_int_equal(o.spi1, spi1);
    assert_int_equal(o.spi2, spi2);
    assert_memory_equal(o.tar, t.p, 3);
    assert_true(all_zero(o.cntr, sizeof o.cntr));
}

static void known_commands(void **state)
{
    struct fixture *f = *state;
    struct keyset a = set_a(), b = set_b();
    const char *script = "00a40004023f00";
    check_command(f, &a, 0x06, 0x19, "b00011", script,
                  "00201506193535b00011ae733256918d050b87c94fbfe12e4dc402f262c41cf67f2f");
    check_command(f, &a, 0x06, 0x09, "b00011", script,
                  "00201506093535b00011c49ac91ab8159ba5b83a54fb6385e0a5e31694f8b215fafc");
    check_command(f, &a, 0x06, 0x01, "b00011", script,
                  "00201506013535b000113190be334900f52b025f3f7eddfe868e96ebf310023b7769");
    check_command(f, &b, 0x06, 0x19, "b00011", script,
                  "00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058");
}

static void known_command_ciphered_only(void **state)
{
    struct fixture *f = *state;
    struct keyset c = set_c();
    check_command(f, &c, 0x04, 0x19, "b00000", "00a40000023f00",
                  "00180d04193535b00000e3ec80a849b554421276af3883927c20");
}

static void check_response(struct fixture *f, const struct keyset *keys, uint8_t spi2, const char *body,
                           const char *packet)
{
    struct octets data = unhex(body), whole = unhex(packet);
    struct scp80_response r = {.tar = {0xB0, 0x00, 0x11}, .status = SCP80_POR_OK};
    uint8_t room[256];
    struct buf out = buf_of(room, whole.n);
    assert_true(scp80_response_build(f->crypto, keys, spi2, &r, span_of(data.p, data.n), &out));
    assert_span(buf_span(&out), packet);
    out = buf_of(room, whole.n - 1);
    assert_false(scp80_response_build(f->crypto, keys, spi2, &r, span_of(data.p, data.n), &out));

    struct scp80_response o;
    struct octets plain;
    enum scp80_verdict want = por_check(spi2) == SPI1_CC ? SCP80_GENUINE : SCP80_UNPROTECTED;
    assert_int_equal(open_response_copy(f->crypto, keys, spi2, span_of(whole.p, whole.n), &o, &plain), want);
    assert_span(span_of(plain.p, plain.n), body);
    assert_memory_equal(o.tar, r.tar, 3);
    assert_int_equal(o.status, SCP80_POR_OK);
    assert_true(all_zero(o.cntr, sizeof o.cntr));
}

static void known_responses(void **state)
{
    struct fixture *f = *state;
    struct keyset a = set_a(), b = set_b(), c = set_c();
    check_response(f, &a, 0x19, "016132",
                   "027100001c12b000118bb989492c632529326a2f4681feb37c825bc9021c9f6d0b");
    check_response(f, &a, 0x09, "016132", "027100001612b0001100000000000000b5bcd6353a421fae016132");
    check_response(f, &a, 0x01, "016132", "027100000e0ab0001100000000000000016132");
    check_response(f, &b, 0x19, "016132",
                   "027100002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f");
    check_response(f, &c, 0x19, "01612f",
                   "027100001c12b000119660ebdb81be189b5e4389e9e7ab2bc0954f963ad869ed7c");
    check_response(f, &c, 0x09, "01612f", "027100001612b000110000000000000055f47118381175fb01612f");
    check_response(f, &c, 0x01, "01612f", "027100000e0ab000110000000000000001612f");
    check_response(f, NULL, 0x01, "01612f", "027100000e0ab000110000000000000001612f");
}

/* TS 102 225 annex B: the CRCs of 01 02 03 04 05. */
static void known_crc(void **state)
{
    (void)state;
    const struct span parts[] = {span_of("\x01\x02", 2), SPAN_EMPTY, span_of("\x03\x04\x05", 3)};
    uint8_t out[CHECK_MAX];
    redundancy_check(parts, 3, 2, out);
    assert_span(span_of(out, 2), "22ec");
    redundancy_check(parts, 3, 4, out);
    assert_span(span_of(out, 4), "470b99f4");
    const struct span digits = span_of("123456789", 9); /* check value of CRC-32 and CRC-16/X-25 */
    redundancy_check(&digits, 1, 4, out);
    assert_span(span_of(out, 4), "cbf43926");
    redundancy_check(&digits, 1, 2, out);
    assert_span(span_of(out, 2), "906e");
}

/* ---- round trips ---- */

static size_t all_keysets(struct keyset *to)
{
    size_t n = 0;
    to[n++] = keyset_any(OTA_DES, 8, OTA_DES, 8, 8);
    to[n++] = keyset_any(OTA_3DES, 16, OTA_3DES, 16, 8);
    to[n++] = keyset_any(OTA_3DES, 24, OTA_3DES, 24, 8);
    to[n++] = keyset_any(OTA_AES, 16, OTA_AES, 16, 8);
    to[n++] = keyset_any(OTA_AES, 24, OTA_AES, 24, 8);
    to[n++] = keyset_any(OTA_AES, 32, OTA_AES, 32, 8);
    to[n++] = keyset_any(OTA_AES, 32, OTA_AES, 16, 4);
    to[n++] = keyset_any(OTA_3DES, 24, OTA_AES, 32, 8);
    to[n++] = keyset_any(OTA_AES, 16, OTA_3DES, 16, 8);
    return n;
}

static void command_round_trips(void **state)
{
    struct fixture *f = *state;
    struct keyset sets[16];
    size_t n_sets = all_keysets(sets);
    uint8_t payload[80], room[256];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(7 * i + 1);
    unsigned done = 0;
    for (size_t s = 0; s < n_sets; s++)
        for (unsigned spi1 = 0; spi1 < 0x20; spi1++)
            for (size_t n = 0; n < sizeof payload; n += 3) {
                if ((spi1 & SPI1_CHECK) == SPI1_DS)
                    continue;
                struct scp80_command c = {.spi1 = (uint8_t)spi1,
                                          .spi2 = SPI2_POR_NO,
                                          .kic = keyset_kic_octet(&sets[s]),
                                          .kid = keyset_kid_octet(&sets[s]),
                                          .tar = {0xB0, 0x00, 0x10},
                                          .cntr = {1, 2, 3, 4, 5}};
                if ((spi1 & SPI1_CHECK) == SPI1_RC)
                    c.kid = n % 2 == 0 ? 0x01 : 0x05;
                struct buf out = buf_of(room, sizeof room);
                assert_true(scp80_command_build(f->crypto, &sets[s], &c, span_of(payload, n), &out));
                size_t block, overhead = scp80_command_overhead(&sets[s], c.spi1, &block);
                if (c.kid == 0x01 && (spi1 & SPI1_CHECK) == SPI1_RC)
                    overhead -= 2;
                size_t secured = overhead - COMMAND_CLEAR + n;
                assert_int_equal(out.len, COMMAND_CLEAR + (secured + block - 1) / block * block);
                struct scp80_command o;
                struct octets plain;
                assert_int_equal(open_copy(f->crypto, &sets[s], buf_span(&out), &o, &plain), SCP80_POR_OK);
                assert_int_equal(plain.n, n);
                assert_memory_equal(plain.p, payload, n);
                assert_memory_equal(o.cntr, c.cntr, 5);
                assert_int_equal(o.pcntr, out.len - COMMAND_CLEAR - secured);
                done++;
            }
    assert_true(done > 5000);
}

static void response_round_trips(void **state)
{
    struct fixture *f = *state;
    struct keyset sets[16];
    size_t n_sets = all_keysets(sets);
    uint8_t payload[40], room[256];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(11 * i + 1);
    for (size_t s = 0; s < n_sets; s++)
        for (unsigned spi2 = 0; spi2 < 0x40; spi2++)
            for (size_t n = 0; n < sizeof payload; n++) {
                struct scp80_response r = {.tar = {1, 2, 3},
                                           .cntr = {0, 0, 0, 9, 8},
                                           .status = SCP80_POR_OK,
                                           .kid = n % 2 == 0 ? 0x01 : 0x05};
                struct buf out = buf_of(room, sizeof room);
                bool built =
                    scp80_response_build(f->crypto, &sets[s], (uint8_t)spi2, &r, span_of(payload, n), &out);
                assert_int_equal(built, por_check((uint8_t)spi2) != SPI1_DS);
                if (!built)
                    continue;
                struct scp80_response o;
                struct octets plain;
                enum scp80_verdict v =
                    open_response_copy(f->crypto, &sets[s], (uint8_t)spi2, buf_span(&out), &o, &plain);
                assert_int_equal(v, por_check((uint8_t)spi2) == SPI1_CC ? SCP80_GENUINE : SCP80_UNPROTECTED);
                assert_int_equal(plain.n, n);
                assert_memory_equal(plain.p, payload, n);
                assert_memory_equal(o.tar, r.tar, 3);
                assert_memory_equal(o.cntr, r.cntr, 5);
                assert_int_equal(o.status, r.status);
            }
}

/* ---- one octet wrong ---- */

/* No changed octet, and no other length, is taken. `spi1` of the packet asks for a CC. */
static void refuse_all_changes(struct fixture *f, const struct keyset *keys, struct span packet)
{
    struct octets changed = {.n = packet.n};
    struct scp80_command c;
    assert_int_equal(open_copy(f->crypto, keys, packet, &c, NULL), SCP80_POR_OK);
    for (size_t i = 0; i < packet.n; i++)
        for (unsigned x = 1; x < 256; x++) {
            memcpy(changed.p, packet.p, packet.n);
            changed.p[i] ^= (uint8_t)x;
            enum scp80_status s = open_copy(f->crypto, keys, span_of(changed.p, changed.n), &c, NULL);
            if (s != SCP80_CHECK_FAILED && s != SCP80_UNIDENTIFIED_ERROR)
                fail_msg("octet %zu xor %02x gave status %d", i, x, s);
        }
    memcpy(changed.p, packet.p, packet.n);
    changed.p[packet.n] = 0;
    for (size_t n = 0; n <= packet.n + 1; n++) {
        if (n == packet.n)
            continue;
        assert_int_equal(open_copy(f->crypto, keys, span_of(changed.p, n), &c, NULL),
                         SCP80_UNIDENTIFIED_ERROR);
    }
    /* The same with a CPL that agrees, as an attacker would send it. */
    for (size_t n = 2; n < packet.n + 40; n++) {
        if (n == packet.n)
            continue;
        memset(changed.p, 0, sizeof changed.p);
        memcpy(changed.p, packet.p, n < packet.n ? n : packet.n);
        changed.p[0] = (uint8_t)((n - 2) >> 8);
        changed.p[1] = (uint8_t)(n - 2);
        assert_int_not_equal(open_copy(f->crypto, keys, span_of(changed.p, n), &c, NULL), SCP80_POR_OK);
    }
}

static void every_octet_of_a_command(void **state)
{
    struct fixture *f = *state;
    struct keyset a = set_a(), b = set_b();
    struct octets p = unhex("00201506193535b00011ae733256918d050b87c94fbfe12e4dc402f262c41cf67f2f");
    refuse_all_changes(f, &a, span_of(p.p, p.n));
    p = unhex("00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058");
    refuse_all_changes(f, &b, span_of(p.p, p.n));

    /* Every keyset, counter on, ciphered and not. */
    struct keyset sets[16];
    size_t n_sets = all_keysets(sets);
    for (size_t s = 0; s < n_sets; s++)
        for (uint8_t spi1 = 0x12; spi1 <= 0x16; spi1 = (uint8_t)(spi1 + 4)) {
            struct scp80_command c = {.spi1 = spi1,
                                      .spi2 = 0x19,
                                      .kic = keyset_kic_octet(&sets[s]),
                                      .kid = keyset_kid_octet(&sets[s]),
                                      .tar = {0xB0, 0x00, 0x01},
                                      .cntr = {0, 0, 0, 1, 2}};
            uint8_t room[64];
            struct buf out = buf_of(room, sizeof room);
            assert_true(
                scp80_command_build(f->crypto, &sets[s], &c, span_of("\xA0\xA4\x00\x00\x02\x3F", 6), &out));
            refuse_all_changes(f, &sets[s], buf_span(&out));
        }
}

static void every_octet_of_a_response(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct keyset keys;
        uint8_t spi2;
        const char *packet;
    } rows[] = {
        {set_a(), 0x19, "027100001c12b000118bb989492c632529326a2f4681feb37c825bc9021c9f6d0b"},
        {set_a(), 0x09, "027100001612b0001100000000000000b5bcd6353a421fae016132"},
        {set_b(), 0x19, "027100002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f"},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct octets p = unhex(rows[row].packet);
        for (size_t i = 0; i < p.n; i++)
            for (unsigned x = 1; x < 256; x++) {
                struct octets changed = p;
                struct scp80_response r;
                changed.p[i] ^= (uint8_t)x;
                if (open_response_copy(f->crypto, &rows[row].keys, rows[row].spi2, span_of(changed.p, p.n),
                                       &r, NULL) == SCP80_GENUINE)
                    fail_msg("row %zu, octet %zu xor %02x is taken", row, i, x);
            }
        for (size_t n = 0; n < p.n; n++) {
            struct scp80_response r;
            assert_int_equal(
                open_response_copy(f->crypto, &rows[row].keys, rows[row].spi2, span_of(p.p, n), &r, NULL),
                SCP80_MALFORMED);
        }
    }
}

static void crc_sees_changes(void **state)
{
    struct fixture *f = *state;
    for (uint8_t kid = 1; kid <= 5; kid = (uint8_t)(kid + 4)) {
        struct scp80_command c = {.spi1 = SPI1_RC, .kid = kid, .tar = {0xB0, 0, 0}}, o;
        uint8_t room[64];
        struct buf out = buf_of(room, sizeof room);
        assert_true(
            scp80_command_build(f->crypto, NULL, &c, span_of("\x00\xA4\x00\x04\x02\x3F\x00", 7), &out));
        assert_int_equal(out.len, 16 + (kid == 1 ? 2 : 4) + 7);
        assert_int_equal(open_copy(f->crypto, NULL, buf_span(&out), &o, NULL), SCP80_POR_OK);
        for (size_t bit = 0; bit < 8 * out.len; bit++) {
            /* SPI1 itself: a CRC keeps nobody from asking for no check at all. That is the minimum security
             * level's. */
            if (bit / 8 == 3)
                continue;
            room[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(open_copy(f->crypto, NULL, buf_span(&out), &o, NULL), SCP80_POR_OK);
            room[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* ---- headers ---- */

static void refuse_headers(void **state)
{
    struct fixture *f = *state;
    struct keyset b = set_b();
    static const struct {
        const char *why, *packet;
    } rows[] = {
        {"empty", ""},
        {"CPL only", "0000"},
        {"CPL 0 with more", "00000d0000000000000000000000000000"},
        {"CPL one short", "000c0d00000000b0000000000000000000"},
        {"CPL one long", "000f0d00000000b000000000000000000000"},
        {"CPL counts more than is there", "ffff0d00000000b00000000000000000"},
        {"CHL 0", "000e0000000000b000000000000000 00"},
        {"CHL 12", "000e0c00000000b00000000000000000"},
        {"CHL beyond CPL", "000e0e00000000b00000000000000000"},
        {"CHL FF", "000eff00000000b00000000000000000"},
        {"CHL with a check that SPI does not ask for", "00161500000000b000000000000000000000000000000000"},
        {"CHL without the CC that SPI asks for", "000e0d02000002b00000000000000000"},
        {"CC of 5 octets", "00131202000002b000000000000000000000000000"},
        {"DS", "00161503002222b000000000000000000000000000000000"},
        {"RC without a KID that says CRC", "00121101000002b0000000000000000000000000"},
        {"RC 16 with 4 octets", "00121101000001b0000000000000000000000000"},
        {"RC 32 with 2 octets", "00100f01000005b000000000000000000000"},
        {"KID implicit", "00161502002020b000000000000000000000000000000000"},
        {"KID proprietary", "00161502002023b000000000000000000000000000000000"},
        {"KIc implicit", "000e0d04002022b00000000000000000"},
        {"KIc single DES in ECB mode", "000e0d04002d22b00000000000000000"},
        {"ciphered, no multiple of 16", "001e1506002222b0000000000000000000000000000000000000000000000000"},
        {"PoR reserved", "000e0d00030000b00000000000000000"},
        {"PoR with DS", "000e0d000d0000b00000000000000000"},
        {"PoR ciphered, with no key to name", "00161502110022b000000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct octets p = unhex(rows[i].packet);
        struct scp80_command c;
        enum scp80_status s = open_copy(f->crypto, &b, span_of(p.p, p.n), &c, NULL);
        if (s != SCP80_UNIDENTIFIED_ERROR)
            fail_msg("%s: status %d", rows[i].why, s);
    }
    /* Reserved bits of SPI alone do no harm. */
    struct octets p = unhex("000e0de0c00000b00000000000000000");
    struct scp80_command c;
    assert_int_equal(open_copy(f->crypto, &b, span_of(p.p, p.n), &c, NULL), SCP80_POR_OK);
    /* Not ciphered: no padding. */
    p = unhex("000e0d00000000b00000000000000001");
    assert_int_equal(open_copy(f->crypto, &b, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
}

/* What there is of a header is known even where the packet is refused: the PoR needs TAR and CNTR. */
static void header_fields_of_refused(void **state)
{
    (void)state;
    struct octets p = unhex("00ff1506192222b0001102030405060708");
    struct scp80_command c;
    assert_int_equal(scp80_command_parse(span_of(p.p, p.n), &c), SCP80_UNIDENTIFIED_ERROR);
    assert_int_equal(c.spi1, 0x06);
    assert_int_equal(c.spi2, 0x19);
    assert_int_equal(c.kic, 0x22);
    assert_span(span_of(c.tar, 3), "b00011");
    assert_span(span_of(c.cntr, 5), "0203040506");
    assert_int_equal(c.secured.n, 7);
    assert_int_equal(scp80_command_parse(span_of(p.p, 8), &c), SCP80_UNIDENTIFIED_ERROR);
    assert_span(span_of(c.tar, 3), "000000");
    assert_int_equal(c.secured.n, 0);
}

static void key_versions(void **state)
{
    (void)state;
    struct scp80_command c = {.kic = 0x12, .kid = 0x32};
    static const struct {
        uint8_t spi1, spi2, kic, kid;
    } rows[] = {
        {0x00, 0x00, 0, 0}, {0x04, 0x00, 1, 0}, {0x02, 0x00, 0, 3},
        {0x06, 0x00, 1, 3}, {0x01, 0x00, 0, 0}, {0x00, 0x18, 0, 0}, /* no PoR, no key for it */
        {0x02, 0x18, 0, 3}, {0x02, 0x11, 1, 3}, {0x02, 0x09, 0, 3},
        {0x00, 0x05, 0, 0}, {0x00, 0x19, 0, 0}, /* no CC, no key for an answer */
        {0x04, 0x09, 1, 0}, {0x01, 0x19, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        c.spi1 = rows[i].spi1;
        c.spi2 = rows[i].spi2;
        assert_int_equal(scp80_kic_version(&c), rows[i].kic);
        assert_int_equal(scp80_kid_version(&c), rows[i].kid);
    }
}

/* ---- keys ---- */

static void keys_that_do_not_fit(void **state)
{
    struct fixture *f = *state;
    struct octets p =
        unhex("00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058");
    struct scp80_command c;
    struct keyset k = set_b();
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_POR_OK);
    assert_int_equal(open_copy(f->crypto, NULL, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    k.version = 3;
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    k = set_b();
    k.kic_algorithm = OTA_3DES;
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    k = set_b();
    k.mac_len = 4;
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    k = set_b();
    k.kid[15] ^= 1;
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    k = set_b();
    k.kic[0] ^= 0x80;
    assert_int_equal(open_copy(f->crypto, &k, span_of(p.p, p.n), &c, NULL), SCP80_CHECK_FAILED);
    /* A refused packet leaves CNTR as it was received. */
    assert_span(span_of(c.cntr, 5), "e87cceebb2");

    /* A packet without protection needs no keys, whatever it asks of the PoR. */
    p = unhex("000e0d00190000b00000000000000000");
    assert_int_equal(open_copy(f->crypto, NULL, span_of(p.p, p.n), &c, NULL), SCP80_POR_OK);
    /* One with a CC and a ciphered PoR needs both. */
    c = (struct scp80_command){.spi1 = SPI1_CC, .spi2 = 0x19, .kic = 0x22, .kid = 0x22};
    uint8_t room[64];
    struct buf out = buf_of(room, sizeof room);
    k = set_b();
    assert_true(scp80_command_build(f->crypto, &k, &c, SPAN_EMPTY, &out));
    assert_int_equal(open_copy(f->crypto, &k, buf_span(&out), &c, NULL), SCP80_POR_OK);
    k.kic_algorithm = OTA_3DES;
    assert_int_equal(open_copy(f->crypto, &k, buf_span(&out), &c, NULL), SCP80_CHECK_FAILED);
}

static void build_refuses(void **state)
{
    struct fixture *f = *state;
    struct keyset b = set_b();
    uint8_t room[128];
    const struct scp80_command good = {.spi1 = 0x16, .spi2 = 0x19, .kic = 0x22, .kid = 0x22};
    struct scp80_command c;
    struct buf out = buf_of(room, sizeof room);
    assert_false(scp80_command_build(f->crypto, NULL, &good, SPAN_EMPTY, &out));
    c = good, c.kic = 0x12;
    assert_false(scp80_command_build(f->crypto, &b, &c, SPAN_EMPTY, &out));
    c = good, c.kid = 0x25;
    assert_false(scp80_command_build(f->crypto, &b, &c, SPAN_EMPTY, &out));
    c = good, c.spi1 = 0x17;
    assert_false(scp80_command_build(f->crypto, &b, &c, SPAN_EMPTY, &out));
    c = good, c.spi2 = 0x1d;
    assert_false(scp80_command_build(f->crypto, &b, &c, SPAN_EMPTY, &out));
    c = good, c.spi2 = 0x03;
    assert_false(scp80_command_build(f->crypto, &b, &c, SPAN_EMPTY, &out));
    b.kic_len = 17;
    assert_false(scp80_command_build(f->crypto, &b, &good, SPAN_EMPTY, &out));
    assert_int_equal(out.len, 0);
    assert_false(out.full);
    b = set_b();
    assert_true(scp80_command_build(f->crypto, &b, &good, SPAN_EMPTY, &out));
    assert_false(scp80_response_build(f->crypto, NULL, 0x09, &(struct scp80_response){0}, SPAN_EMPTY, &out));
    assert_false(scp80_response_build(f->crypto, NULL, 0x11, &(struct scp80_response){0}, SPAN_EMPTY, &out));
    assert_false(scp80_response_build(f->crypto, &b, 0x0d, &(struct scp80_response){0}, SPAN_EMPTY, &out));
}

/* The longest packet that CPL can count, and one octet more. */
static void longest(void **state)
{
    struct fixture *f = *state;
    struct keyset b = set_b();
    uint8_t *data = calloc(1, 70000), *room = malloc(70000), *plain = malloc(70000);
    assert_non_null(data);
    assert_non_null(room);
    assert_non_null(plain);
    struct scp80_command c = {.spi1 = 0x16, .spi2 = 0x19, .kic = 0x22, .kid = 0x22};
    size_t fits = (65537 - 10) / 16 * 16 - 14;
    struct buf out = buf_of(room, 70000), work = buf_of(plain, 70000);
    assert_false(scp80_command_build(f->crypto, &b, &c, span_of(data, fits + 1), &out));
    assert_false(scp80_command_build(f->crypto, &b, &c, span_of(data, SIZE_MAX), &out));
    assert_false(
        scp80_response_build(f->crypto, &b, 0x19, &(struct scp80_response){0}, span_of(data, 65535), &out));
    assert_true(scp80_command_build(f->crypto, &b, &c, span_of(data, fits), &out));
    struct span got;
    assert_int_equal(scp80_command_parse(buf_span(&out), &c), SCP80_POR_OK);
    assert_int_equal(scp80_command_open(f->crypto, &b, &c, &work, &got), SCP80_POR_OK);
    assert_int_equal(got.n, fits);
    work = buf_of(plain, c.secured.n - 1);
    assert_int_equal(scp80_command_open(f->crypto, &b, &c, &work, &got), SCP80_NO_MEMORY);
    free(data);
    free(room);
    free(plain);
}

/* ---- the cost of a refusal ---- */

static struct calls cost_of(struct fixture *f, const struct keyset *keys, struct span packet,
                            enum scp80_status want)
{
    struct scp80_command c;
    calls = (struct calls){0};
    assert_int_equal(open_copy(f->crypto, keys, packet, &c, NULL), want);
    return calls;
}

/* A packet whose CC is right but whose PCNTR is not: made by hand, for the builder makes none. */
static struct octets bad_padding(struct fixture *f, const struct keyset *k, uint8_t pcntr)
{
    static const uint8_t iv[16] = {0};
    struct octets p =
        unhex("00281506192222b00011 0000000000 00 0000000000000000 00a40004023f00 0000000000000000000000");
    p.p[15] = pcntr;
    const struct span parts[] = {span_of(p.p, 16), span_of(p.p + 24, p.n - 24)};
    uint8_t mac[16];
    assert_true(aes_cmac(f->crypto, span_of(k->kid, 16), parts, 2, mac));
    memcpy(p.p + 16, mac, 8);
    assert_true(aes_cbc_encrypt(f->crypto, span_of(k->kic, 16), iv, p.p + 10, p.p + 10, p.n - 10));
    return p;
}

static void same_cost(void **state)
{
    struct fixture *f = *state;
    struct keyset b = set_b(), other = set_b(), des = set_a();
    struct octets p = bad_padding(f, &b, 11);
    const struct calls good = cost_of(f, &b, span_of(p.p, p.n), SCP80_POR_OK);
    assert_int_equal(good.decrypt, 1);
    assert_int_equal(good.mac, 1);
    assert_int_equal(good.compare, 1);
    struct calls bad[16];
    size_t n = 0;
    /* padding: one block and more, and more than there is data */
    p = bad_padding(f, &b, 16);
    bad[n++] = cost_of(f, &b, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    p = bad_padding(f, &b, 18);
    bad[n++] = cost_of(f, &b, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    p = bad_padding(f, &b, 255);
    bad[n++] = cost_of(f, &b, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    /* check: in the ciphered text and by a wrong key */
    p = bad_padding(f, &b, 11);
    p.p[p.n - 1] ^= 1;
    bad[n++] = cost_of(f, &b, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    p.p[p.n - 1] ^= 1;
    other.kid[3] ^= 0x10;
    bad[n++] = cost_of(f, &other, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    other = b;
    other.kic[3] ^= 0x10;
    bad[n++] = cost_of(f, &other, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    /* no keyset, another version, another algorithm, another length of the check */
    bad[n++] = cost_of(f, NULL, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    other = b;
    other.version = 9;
    bad[n++] = cost_of(f, &other, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    bad[n++] = cost_of(f, &des, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    other = b;
    other.mac_len = 4;
    bad[n++] = cost_of(f, &other, span_of(p.p, p.n), SCP80_CHECK_FAILED);
    for (size_t i = 0; i < n; i++)
        if (memcmp(&bad[i], &good, sizeof good) != 0)
            fail_msg("refusal %zu costs otherwise: %u %u %u, %zu octets", i, bad[i].decrypt, bad[i].mac,
                     bad[i].compare, bad[i].octets);
}

/* ---- verdicts on responses ---- */

static void verdicts(void **state)
{
    struct fixture *f = *state;
    struct keyset a = set_a(), b = set_b();
    struct scp80_response r;
    struct octets plain;
    /* The card's answer to what it could not read: plain, no check, whatever was asked for. */
    struct octets p = unhex("027100000b0ab00011e87cceebb20006");
    static const uint8_t asked[] = {0x01, 0x09, 0x11, 0x19, 0x05, 0x02, 0x3a};
    for (size_t i = 0; i < sizeof asked; i++) {
        assert_int_equal(open_response_copy(f->crypto, &b, asked[i], span_of(p.p, p.n), &r, &plain),
                         SCP80_UNPROTECTED);
        assert_int_equal(r.status, SCP80_UNIDENTIFIED_ERROR);
        assert_span(span_of(r.cntr, 5), "e87cceebb2");
        assert_int_equal(plain.n, 0);
        assert_int_equal(open_response_copy(f->crypto, NULL, asked[i], span_of(p.p, p.n), &r, &plain),
                         SCP80_UNPROTECTED);
    }
    /* With data as long as a block, so that it could be ciphered. */
    p = unhex("0271000014 0ab00011 0000000000 00 01 112233445566778899");
    assert_int_equal(open_response_copy(f->crypto, &b, 0x11, span_of(p.p, p.n), &r, &plain),
                     SCP80_UNPROTECTED);
    assert_int_equal(r.status, SCP80_CHECK_FAILED);
    assert_span(span_of(plain.p, plain.n), "112233445566778899");
    /* A check by other keys, or none that we could verify it with. */
    p = unhex("027100001612b0001100000000000000b5bcd6353a421fae016132");
    assert_int_equal(open_response_copy(f->crypto, &a, 0x09, span_of(p.p, p.n), &r, &plain), SCP80_GENUINE);
    assert_int_equal(open_response_copy(f->crypto, &b, 0x09, span_of(p.p, p.n), &r, &plain), SCP80_FORGED);
    assert_int_equal(open_response_copy(f->crypto, NULL, 0x09, span_of(p.p, p.n), &r, &plain), SCP80_FORGED);
    assert_int_equal(open_response_copy(f->crypto, &a, 0x01, span_of(p.p, p.n), &r, &plain), SCP80_FORGED);
    /* Ciphered where plain was asked for, and the reverse. */
    assert_int_not_equal(open_response_copy(f->crypto, &a, 0x19, span_of(p.p, p.n), &r, &plain),
                         SCP80_GENUINE);
    p = unhex("027100001c12b000118bb989492c632529326a2f4681feb37c825bc9021c9f6d0b");
    assert_int_equal(open_response_copy(f->crypto, &a, 0x09, span_of(p.p, p.n), &r, &plain), SCP80_FORGED);
    /* Another header before it. */
    p = unhex("027000000e0ab0001100000000000000016132");
    assert_int_equal(open_response_copy(f->crypto, &a, 0x01, span_of(p.p, p.n), &r, &plain), SCP80_MALFORMED);
    p = unhex("027100000d0ab0001100000000000000016132");
    assert_int_equal(open_response_copy(f->crypto, &a, 0x01, span_of(p.p, p.n), &r, &plain), SCP80_MALFORMED);
    p = unhex("027100000e09b0001100000000000000016132");
    assert_int_equal(open_response_copy(f->crypto, &a, 0x01, span_of(p.p, p.n), &r, &plain), SCP80_MALFORMED);
}

static void status_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        assert_true(strlen(scp80_status_text(i)) > 3);
    assert_string_equal(scp80_status_text(0x0D), scp80_status_text(0xFF));
    assert_string_not_equal(scp80_status_text(0x0C), scp80_status_text(0xFF));
}

/* ---- mutations ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void mutations(void **state)
{
    struct fixture *f = *state;
    struct keyset keys[] = {set_a(), set_b()};
    static const char *const from[] = {
        "00201506193535b00011ae733256918d050b87c94fbfe12e4dc402f262c41cf67f2f",
        "00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058",
        "027100001c12b000118bb989492c632529326a2f4681feb37c825bc9021c9f6d0b",
        "027100001612b0001100000000000000b5bcd6353a421fae016132",
        "027100002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f",
    };
    uint32_t seed = 20240225;
    for (unsigned round = 0; round < 20000; round++) {
        struct octets p = unhex(from[next(&seed) % 5]);
        const struct octets before = p;
        for (unsigned edits = 1 + next(&seed) % 4; edits > 0; edits--)
            switch (next(&seed) % 5) {
            case 0:
                p.p[next(&seed) % (p.n > 0 ? p.n : 1)] = (uint8_t)next(&seed);
                break;
            case 1:
                p.p[next(&seed) % 8] = (uint8_t)next(&seed);
                break;
            case 2:
                p.n = next(&seed) % (p.n + 1);
                break;
            case 3:
                p.n += next(&seed) % 20;
                break;
            default: /* lengths that agree */
                if (p.n >= 2)
                    p.p[0] = (uint8_t)((p.n - 2) >> 8), p.p[1] = (uint8_t)(p.n - 2);
                break;
            }
        const struct keyset *k = next(&seed) % 3 == 0 ? NULL : &keys[next(&seed) % 2];
        struct scp80_command c;
        struct scp80_response r;
        enum scp80_status s = open_copy(f->crypto, k, span_of(p.p, p.n), &c, NULL);
        bool changed = p.n != before.n || memcmp(p.p, before.p, p.n) != 0;
        if (changed && s == SCP80_POR_OK && (c.spi1 & SPI1_CHECK) == SPI1_CC)
            fail_msg("round %u: a changed packet with a CC is taken", round);
        uint8_t spi2 = (uint8_t)next(&seed);
        if (open_response_copy(f->crypto, k, spi2, span_of(p.p, p.n), &r, NULL) == SCP80_GENUINE && changed)
            fail_msg("round %u: a changed response is genuine", round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_commands),
        cmocka_unit_test(known_command_ciphered_only),
        cmocka_unit_test(known_responses),
        cmocka_unit_test(known_crc),
        cmocka_unit_test(command_round_trips),
        cmocka_unit_test(response_round_trips),
        cmocka_unit_test(every_octet_of_a_command),
        cmocka_unit_test(every_octet_of_a_response),
        cmocka_unit_test(crc_sees_changes),
        cmocka_unit_test(refuse_headers),
        cmocka_unit_test(header_fields_of_refused),
        cmocka_unit_test(key_versions),
        cmocka_unit_test(keys_that_do_not_fit),
        cmocka_unit_test(build_refuses),
        cmocka_unit_test(longest),
        cmocka_unit_test(same_cost),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(status_texts),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

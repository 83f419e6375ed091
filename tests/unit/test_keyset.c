/* SPDX-License-Identifier: Apache-2.0
 *
 * OTA keysets: KIc and KID octets (ETSI TS 102 225 5.1.2, 5.1.3), validity, and the byte form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keyset.h"

static struct keyset make(uint8_t version, uint8_t kic, uint8_t kic_len, uint8_t kid, uint8_t kid_len,
                          uint8_t kik_len, uint8_t mac_len)
{
    struct keyset k;
    memset(&k, 0, sizeof k); /* padding too: keysets are compared as memory below */
    k.version = version;
    k.kic_algorithm = kic;
    k.kid_algorithm = kid;
    k.mac_len = mac_len;
    k.kic_len = kic_len;
    k.kid_len = kid_len;
    k.kik_len = kik_len;
    for (uint8_t i = 0; i < 32; i++) {
        k.kic[i] = i < kic_len ? 0x10 + i : 0;
        k.kid[i] = i < kid_len ? 0x40 + i : 0;
        k.kik[i] = i < kik_len ? 0x70 + i : 0;
    }
    return k;
}

static void test_octets(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, kic, kic_len, kid, kid_len, kic_octet, kid_octet;
    } rows[] = {
        {2, OTA_AES, 16, OTA_AES, 16, 0x22, 0x22},   {2, OTA_AES, 32, OTA_AES, 24, 0x22, 0x22},
        {3, OTA_3DES, 16, OTA_3DES, 16, 0x35, 0x35}, {3, OTA_3DES, 24, OTA_3DES, 24, 0x39, 0x39},
        {3, OTA_3DES, 24, OTA_3DES, 16, 0x39, 0x35}, {1, OTA_DES, 8, OTA_DES, 8, 0x11, 0x11},
        {15, OTA_AES, 16, OTA_3DES, 16, 0xF2, 0xF5}, {4, OTA_NONE, 0, OTA_AES, 16, 0x00, 0x42},
        {5, OTA_3DES, 16, OTA_NONE, 0, 0x55, 0x00},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keyset k =
            make(rows[i].version, rows[i].kic, rows[i].kic_len, rows[i].kid, rows[i].kid_len, 0, 8);
        assert_true(keyset_valid(&k));
        assert_int_equal(keyset_kic_octet(&k), rows[i].kic_octet);
        assert_int_equal(keyset_kid_octet(&k), rows[i].kid_octet);
    }
}

static bool length_exists(uint8_t algorithm, uint8_t n)
{
    return (algorithm == OTA_NONE && n == 0) || (algorithm == OTA_DES && n == 8) ||
           (algorithm == OTA_3DES && (n == 16 || n == 24)) ||
           (algorithm == OTA_AES && (n == 16 || n == 24 || n == 32));
}

static void test_valid(void **state)
{
    (void)state;
    for (uint8_t kic = 0; kic <= 4; kic++)
        for (uint8_t kid = 0; kid <= 4; kid++)
            for (uint8_t a = 0; a <= 40; a++)
                for (uint8_t b = 0; b <= 40; b++) {
                    struct keyset k = make(1, kic, a, kid, b, 0, 8);
                    bool good = length_exists(kic, a) && length_exists(kid, b) && (kic != 0 || kid != 0);
                    assert_int_equal(keyset_valid(&k), good);
                }
    for (unsigned version = 0; version <= 255; version++) {
        struct keyset k = make((uint8_t)version, OTA_AES, 16, OTA_AES, 16, 16, 8);
        assert_int_equal(keyset_valid(&k), version >= 1 && version <= 127);
        assert_true(version <= 15 || keyset_kic_octet(&k) == 0);
    }
    for (unsigned mac_len = 0; mac_len <= 255; mac_len++) {
        struct keyset k = make(1, OTA_AES, 16, OTA_AES, 16, 16, (uint8_t)mac_len);
        assert_int_equal(keyset_valid(&k), mac_len == 4 || mac_len == 8);
        k = make(1, OTA_AES, 16, OTA_3DES, 16, 16, (uint8_t)mac_len);
        assert_int_equal(keyset_valid(&k), mac_len == 8);
    }
    for (unsigned n = 0; n <= 255; n++) {
        struct keyset k = make(1, OTA_3DES, 16, OTA_AES, 16, (uint8_t)n, 8);
        assert_int_equal(keyset_valid(&k), n == 0 || n == 16 || n == 24);
        k = make(1, OTA_NONE, 0, OTA_AES, 16, (uint8_t)n, 8);
        assert_int_equal(keyset_valid(&k), n == 0 || n == 16 || n == 24 || n == 32);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct keyset sets[] = {
        make(2, OTA_AES, 16, OTA_AES, 16, 16, 8),   make(15, OTA_AES, 32, OTA_AES, 32, 32, 4),
        make(3, OTA_3DES, 16, OTA_3DES, 24, 16, 8), make(1, OTA_DES, 8, OTA_DES, 8, 0, 8),
        make(1, OTA_NONE, 0, OTA_AES, 24, 0, 8),    make(7, OTA_AES, 24, OTA_NONE, 0, 0, 8),
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        uint8_t bytes[KEYSET_ENCODED_MAX + 1] = {0};
        struct buf b = buf_of(bytes, KEYSET_ENCODED_MAX);
        keyset_encode(&sets[i], &b);
        assert_true(buf_ok(&b));
        assert_int_equal(b.len, 7u + sets[i].kic_len + sets[i].kid_len + sets[i].kik_len);

        struct keyset out;
        struct reader r = rd_of(buf_span(&b));
        assert_true(keyset_decode(&r, &out));
        assert_true(rd_done(&r));
        assert_memory_equal(&out, &sets[i], sizeof out);

        r = rd_of(span_of(bytes, b.len + 1)); /* what follows is the caller's */
        assert_true(keyset_decode(&r, &out));
        assert_int_equal(r.left, 1);

        for (size_t n = 0; n < b.len; n++) { /* cut anywhere: refused, nothing of a key left */
            static const struct keyset zero;
            memset(&out, 0xAA, sizeof out);
            r = rd_of(span_of(bytes, n));
            assert_false(keyset_decode(&r, &out));
            assert_false(rd_ok(&r));
            assert_memory_equal(&out, &zero, sizeof out);

            uint8_t few[KEYSET_ENCODED_MAX];
            struct buf small = buf_of(few, n);
            keyset_encode(&sets[i], &small);
            assert_false(buf_ok(&small));
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    const struct keyset bad[] = {
        make(0, OTA_AES, 16, OTA_AES, 16, 16, 8),  make(128, OTA_AES, 16, OTA_AES, 16, 16, 8),
        make(1, OTA_AES, 8, OTA_AES, 16, 16, 8),   make(1, OTA_AES, 16, OTA_AES, 33, 16, 8),
        make(1, OTA_3DES, 32, OTA_AES, 16, 0, 8),  make(1, 4, 16, OTA_AES, 16, 0, 8),
        make(1, OTA_AES, 16, OTA_AES, 16, 255, 8), make(1, OTA_AES, 16, OTA_AES, 16, 16, 16),
        make(1, OTA_NONE, 0, OTA_NONE, 0, 0, 8),   make(1, OTA_NONE, 16, OTA_AES, 16, 0, 8),
    };
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf b = buf_of(bytes, sizeof bytes);
        keyset_encode(&bad[i], &b); /* never written ... */
        assert_false(buf_ok(&b));
        assert_int_equal(b.len, 0);
        const uint8_t head[] = {bad[i].version, bad[i].kic_algorithm, bad[i].kid_algorithm, bad[i].mac_len,
                                bad[i].kic_len, bad[i].kid_len,       bad[i].kik_len};
        memset(bytes, 0x5A, sizeof bytes);
        memcpy(bytes, head, sizeof head);
        struct reader r = rd_of(span_of(bytes, sizeof bytes)); /* ... and never read */
        struct keyset out;
        assert_false(keyset_decode(&r, &out));
        assert_false(rd_ok(&r));
    }
}

static void test_single_des(void **state)
{
    (void)state;
    uint8_t key[24];
    for (uint8_t i = 0; i < 24; i++)
        key[i] = (uint8_t)(i * 22 + 4);
    assert_false(ota_key_is_des(OTA_3DES, span_of(key, 16)));
    assert_false(ota_key_is_des(OTA_3DES, span_of(key, 24)));
    assert_true(ota_key_is_des(OTA_DES, span_of(key, 8)));
    memcpy(key + 16, key, 8); /* K1, K2, K1: what two keys are */
    assert_false(ota_key_is_des(OTA_3DES, span_of(key, 24)));
    memcpy(key + 8, key, 8);
    key[8] ^= 1; /* parity */
    key[15] ^= 1;
    assert_true(ota_key_is_des(OTA_3DES, span_of(key, 16)));
    assert_true(ota_key_is_des(OTA_3DES, span_of(key, 24)));
    assert_false(ota_key_is_des(OTA_AES, span_of(key, 24)));
    key[8] ^= 2;
    assert_false(ota_key_is_des(OTA_3DES, span_of(key, 16)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_single_des),
    };
    return cmocka_run_group_tests_name("keyset", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Milenage against the conformance data of 3GPP TS 35.207 and TS 35.208, and the GSM conversions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aka.h"
#include "hex.h"

static const struct {
    const char *k, *op, *opc, *rand, *sqn, *amf, *f1, *f1star, *f2, *f3, *f4, *f5, *f5star;
} sets[] = {
    {"465b5ce8b199b49faa5f0a2ee238a6bc", "cdc202d5123e20f62b6d676ac72cb318",
     "cd63cb71954a9f4e48a5994e37a02baf", "23553cbe9637a89d218ae64dae47bf35", "ff9bb4d0b607", "b9b9",
     "4a9ffac354dfafb3", "01cfaf9ec4e871e9", "a54211d5e3ba50bf", "b40ba9a3c58b2a05bbf0d987b21bf8cb",
     "f769bcd751044604127672711c6d3441", "aa689c648370", "451e8beca43b"},
    {"0396eb317b6d1c36f19c1c84cd6ffd16", "ff53bade17df5d4e793073ce9d7579fa",
     "53c15671c60a4b731c55b4a441c0bde2", "c00d603103dcee52c4478119494202e8", "fd8eef40df7d", "af17",
     "5df5b31807e258b0", "a8c016e51ef4a343", "d3a628ed988620f0", "58c433ff7a7082acd424220f2b67c556",
     "21a8c1f929702adb3e738488b9f5c5da", "c47783995f72", "30f1197061c1"},
    {"fec86ba6eb707ed08905757b1bb44b8f", "dbc59adcb6f9a0ef735477b7fadf8374",
     "1006020f0a478bf6b699f15c062e42b3", "9f7c8d021accf4db213ccff0c7f71a6a", "9d0277595ffc", "725c",
     "9cabc3e99baf7281", "95814ba2b3044324", "8011c48c0c214ed2", "5dbdbb2954e8f3cde665b046179a5098",
     "59a92d3b476a0443487055cf88b2307b", "33484dc2136b", "deacdd848cc6"},
    {"9e5944aea94b81165c82fbf9f32db751", "223014c5806694c007ca1eeef57f004f",
     "a64a507ae1a2a98bb88eb4210135dc87", "ce83dbc54ac0274a157c17f80d017bd6", "0b604a81eca8", "9e09",
     "74a58220cba84c49", "ac2cc74a96871837", "f365cd683cd92e96", "e203edb3971574f5a94b0d61b816345d",
     "0c4524adeac041c4dd830d20854fc46b", "f0b9c08ad02e", "6085a86c6f63"},
    {"4ab1deb05ca6ceb051fc98e77d026a84", "2d16c5cd1fdf6b22383584e3bef2a8d8",
     "dcf07cbd51855290b92a07a9891e523e", "74b0cd6031a1c8339b2b6ce2b8c4a186", "e880a1b580b6", "9f07",
     "49e785dd12626ef2", "9e85790336bb3fa2", "5860fc1bce351e7e", "7657766b373d1c2138f307e3de9242f9",
     "1c42e960d89b8fa99f2744e0708ccb53", "31e11a609118", "fe2555e54aa9"},
    {"6c38a116ac280c454f59332ee35c8c4f", "1ba00a1a7c6700ac8c3ff3e96ad08725",
     "3803ef5363b947c6aaa225e58fae3934", "ee6466bc96202c5a557abbeff8babf63", "414b98222181", "4464",
     "078adfb488241a57", "80246b8d0186bcf1", "16c8233f05a0ac28", "3f8c7587fe8e4b233af676aede30ba3b",
     "a7466cc1e6b2a1337d49d3b66e95d7b4", "45b0f69ab06c", "1f53cd2b1113"},
};

enum { SETS = sizeof sets / sizeof sets[0] };

static void hex(const char *text, uint8_t *to, size_t n)
{
    struct buf out = buf_of(to, n);
    assert_true(hex_parse(text, &out, NULL));
    assert_int_equal(out.len, n);
}

static void assert_hex(const uint8_t *got, const char *expected, size_t n)
{
    uint8_t bytes[32];
    hex(expected, bytes, n);
    assert_memory_equal(got, bytes, n);
}

static void assert_zero(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(((const uint8_t *)p)[i], 0);
}

static int setup(void **state)
{
    *state = crypto_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    crypto_free(*state);
    return 0;
}

static void test_algorithms(void **state)
{
    (void)state;
    const struct aka_algorithm *a = aka_algorithm(AKA_MILENAGE);
    assert_non_null(a);
    assert_ptr_equal(aka_algorithm_named("milenage"), a);
    assert_string_equal(a->name, "milenage");
    assert_int_equal(a->id, AKA_MILENAGE);
    assert_int_equal(a->k_lens[0], 16);
    assert_int_equal(a->k_lens[1], 0);
    assert_int_equal(a->opc_len, 16);
    assert_int_equal(a->mac_len, 8);
    assert_null(aka_algorithm(0));
    assert_null(aka_algorithm(255));
    assert_null(aka_algorithm_named(""));
    assert_null(aka_algorithm_named("milenag"));
}

static void test_milenage(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_MILENAGE);
    for (size_t i = 0; i < SETS; i++) {
        struct aka_key key = {.k_len = 16, .opc_len = 16};
        uint8_t op[16], rand[16], sqn[6], amf[2];
        hex(sets[i].k, key.k, 16);
        hex(sets[i].op, op, 16);
        hex(sets[i].rand, rand, 16);
        hex(sets[i].sqn, sqn, 6);
        hex(sets[i].amf, amf, 2);

        assert_true(a->opc(*state, &key, op, key.opc));
        assert_hex(key.opc, sets[i].opc, 16);
        assert_true(a->opc(*state, &key, op, op)); /* in place */
        assert_hex(op, sets[i].opc, 16);

        struct aka_vector v;
        memset(&v, 0xAA, sizeof v);
        assert_true(a->f2345(*state, &key, rand, &v));
        assert_int_equal(v.res_len, 8);
        assert_hex(v.res, sets[i].f2, 8);
        assert_zero(v.res + 8, 8);
        assert_hex(v.ck, sets[i].f3, 16);
        assert_hex(v.ik, sets[i].f4, 16);
        assert_hex(v.ak, sets[i].f5, 6);

        uint8_t mac_a[8], mac_s[8], ak[6];
        assert_true(a->f1(*state, &key, rand, sqn, amf, mac_a, mac_s));
        assert_hex(mac_a, sets[i].f1, 8);
        assert_hex(mac_s, sets[i].f1star, 8);
        memset(mac_a, 0, 8);
        memset(mac_s, 0, 8);
        assert_true(a->f1(*state, &key, rand, sqn, amf, mac_a, NULL));
        assert_true(a->f1(*state, &key, rand, sqn, amf, NULL, mac_s));
        assert_true(a->f1(*state, &key, rand, sqn, amf, NULL, NULL));
        assert_hex(mac_a, sets[i].f1, 8);
        assert_hex(mac_s, sets[i].f1star, 8);

        assert_true(a->f5star(*state, &key, rand, ak));
        assert_hex(ak, sets[i].f5star, 6);
    }
}

/* Lengths that are not Milenage's: refused, and nothing but zeros comes out. */
static void test_refusals(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_MILENAGE);
    static const uint8_t lengths[][2] = {{0, 16}, {15, 16}, {24, 16}, {32, 16}, {16, 0}, {16, 32}};
    const uint8_t rand[16] = {1}, sqn[6] = {2}, amf[2] = {3}, op[16] = {4};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct aka_key key = {.k = {5}, .opc = {6}, .k_len = lengths[i][0], .opc_len = lengths[i][1]};
        struct aka_vector v;
        uint8_t mac_a[8], mac_s[8], ak[6], opc[16];
        memset(&v, 0xAA, sizeof v);
        memset(mac_a, 0xAA, sizeof mac_a);
        memset(mac_s, 0xAA, sizeof mac_s);
        memset(ak, 0xAA, sizeof ak);
        memset(opc, 0xAA, sizeof opc);
        assert_false(a->f2345(*state, &key, rand, &v));
        assert_false(a->f1(*state, &key, rand, sqn, amf, mac_a, mac_s));
        assert_false(a->f5star(*state, &key, rand, ak));
        assert_zero(&v, sizeof v);
        assert_zero(mac_a, sizeof mac_a);
        assert_zero(mac_s, sizeof mac_s);
        assert_zero(ak, sizeof ak);
        assert_int_equal(a->opc(*state, &key, op, opc), key.k_len == 16);
        if (key.k_len != 16)
            assert_zero(opc, sizeof opc);
    }
}

/* The first test set's SRES and Kc: GSM-MILENAGE (3GPP TS 55.205) is Milenage followed by c2 and c3. */
static void test_gsm(void **state)
{
    struct aka_vector v = {.res_len = 8};
    uint8_t sres[4], kc[8];
    (void)state;
    hex(sets[0].f2, v.res, 8);
    hex(sets[0].f3, v.ck, 16);
    hex(sets[0].f4, v.ik, 16);
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "46f8416a", 4);
    assert_hex(kc, "eae4be823af9a08b", 8);

    /* c2 for the other lengths that RES may have: folded by words, padded with zeros; what lies behind RES
     * does not count */
    for (size_t i = 0; i < 16; i++)
        v.res[i] = (uint8_t)(1 << i % 8);
    v.res_len = 4;
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "01020408", 4);
    v.res_len = 16;
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "00000000", 4);
    v.res_len = 5;
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "11020408", 4);
    v.res_len = 14;
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "00004080", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_milenage),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_gsm),
    };
    return cmocka_run_group_tests_name("aka", tests, setup, teardown);
}

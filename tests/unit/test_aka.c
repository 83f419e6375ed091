/* SPDX-License-Identifier: Apache-2.0
 *
 * Milenage against the conformance data of 3GPP TS 35.207 and TS 35.208, TUAK against those of TS 35.232 and
 * TS 35.233, the test algorithm of TS 34.108, and the GSM conversions.
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

/* 3GPP TS 35.232 6.3 to 6.8 and TS 35.233: sizes follow from the lengths. */
static const struct {
    const char *k, *rand, *sqn, *amf, *top;
    uint8_t iterations;
    const char *topc, *f1, *f1star, *f2, *f3, *f4, *f5, *f5star;
} tuak_sets[] = {
    {"abababababababababababababababab", "42424242424242424242424242424242", "111111111111", "ffff",
     "5555555555555555555555555555555555555555555555555555555555555555", 1,
     "bd04d9530e87513c5d837ac2ad954623a8e2330c115305a73eb45d1f40cccbff", "f9a54e6aeaa8618d",
     "e94b4dc6c7297df3", "657acd64", "d71a1e5c6caffe986a26f783e5c78be1", "be849fa2564f869aecee6f62d4337e72",
     "719f1e9b9054", "e7af6b3d0e38"},
    {"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0", "0123456789abcdef0123456789abcdef",
     "0123456789ab", "abcd", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", 1,
     "305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524", "c0b8c2d4148ec7aa5f1d78a97e4d1d58",
     "ef81af7290f7842c6ceafa537fa0745b", "e9d749dc4eea0035", "a4cb6f6529ab17f8337f27baa8234d47",
     "2274155ccf4199d5e2abcbf621907f90", "480a9345cc1e", "f84eb338848c"},
    {"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0", "0123456789abcdef0123456789abcdef",
     "0123456789ab", "abcd", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", 1,
     "305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524",
     "d97b75a1776065271b1e212bc3b1bf173f438b21e6c64a55a96c372e085e5cc5",
     "427bbf07c6e3a86c54f8c5216499f3909a6fd4a164c9fe235b1550258111b821", "07021c73e7635c7d",
     "4d59ac796834eb85d11fa148a5058c3c", "126d47500136fdc5ddfd14f19ebf16749ce4b6435323fbb5715a3a796a6082bd",
     "1d6622c4e59a", "f84eb338848c"},
    {"b8da837a50652d6ac7c97da14f6acc61", "6887e55425a966bd86c9661a5fa72be8", "0dea2ee2c5af", "df1e",
     "0952be13556c32ebc58195d9dd930493e12a9003669988ffde5fa1f0fe35cc01", 1,
     "2bc16eb657a68e1f446f08f57c0efb1d493527a2e652ce281eb6ca0e4487760a", "749214087958dd8f58bfcdf869d8ae3f",
     "619e865afe80e382aee13063f9dfb56d", "4041ce438e3e38e8aa96562eed83ac43",
     "3e3bc01bea0cd914c4c2c83ce2d92757", "666a8e6f577b1aa77b7fd53cebb8a3d6", "1f880d005119", "45e617d77fe5"},
    {"1574ca56881d05c189c82880f789c9cd4244955f4426aa2b69c29f15770e5aa5", "c570aac68cde651fb1e3088322498bef",
     "c89bb71f3a41", "297d", "e59f6eb10ea406813f4991b0b9e02f181edf4c7e17b480f66d34da35ee88c95e", 1,
     "3c6052e41532a28a47aa3cbb89f223e8f3aaa976aecd48bc3e7d6165a55eff62", "d7340dad02b4cb01",
     "c6021e2e66accb15", "84d89b41db1867ffd4c7ba1d82163f4d526a20fbae5418fbb526940b1eeb905c",
     "d419676afe5ab58c1d8bee0d43523a4d2f52ef0b31a4676a0c334427a988fe65", "205533e505661b61d05cc0eac87818f4",
     "d7b3d2d4980a", "ca9655264986"},
    {"1574ca56881d05c189c82880f789c9cd4244955f4426aa2b69c29f15770e5aa5", "c570aac68cde651fb1e3088322498bef",
     "c89bb71f3a41", "297d", "e59f6eb10ea406813f4991b0b9e02f181edf4c7e17b480f66d34da35ee88c95e", 2,
     "b04a66f26c62fcd6c82de22a179ab65506ecf47f56245cd149966cfa9cec7a51",
     "90d2289ed1ca1c3dbc2247bb480d431ac71d2e4a7677f6e997cfddb0cbad88b7",
     "427355dbac30e825063aba61b556e87583abac638e3ab01c4c884ad9d458dc2f",
     "d67e6e64590d22eecba7324afa4af4460c93f01b24506d6e12047d789a94c867",
     "ede57edfc57cdffe1aae75066a1b7479bbc3837438e88d37a801cccc9f972b89",
     "48ed9299126e5057402fe01f9201cf25249f9c5c0ed2afcf084755daff1d3999", "6aae8d18c448", "8c5f33b61f4e"},
};

enum { SETS = sizeof sets / sizeof sets[0], TUAK_SETS = sizeof tuak_sets / sizeof tuak_sets[0] };

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
    a = aka_algorithm_named("tuak");
    assert_ptr_equal(aka_algorithm(AKA_TUAK), a);
    assert_int_equal(a->k_lens[1], 32);
    assert_int_equal(a->opc_len, 32);
    a = aka_algorithm_named("xor");
    assert_ptr_equal(aka_algorithm(AKA_XOR), a);
    assert_int_equal(a->opc_len, 0);
}

static size_t octets(const char *text)
{
    return strlen(text) / 2;
}

/* challenge() is f2345() and f1() in one; it must not differ from them by a bit. */
static void assert_challenge(struct uicc_crypto *c, const struct aka_algorithm *a, const struct aka_key *key,
                             const uint8_t rand[16], const uint8_t sqn[6], const uint8_t amf[2])
{
    struct aka_vector v, w;
    uint8_t token[8], got[6], mac[AKA_MAC_MAX], expected[AKA_MAC_MAX];
    assert_true(a->f2345(c, key, rand, &v));
    assert_true(a->f1(c, key, rand, sqn, amf, expected, NULL));
    for (int i = 0; i < 6; i++)
        token[i] = sqn[i] ^ v.ak[i];
    memcpy(token + 6, amf, 2);
    assert_true(a->challenge(c, key, rand, token, &w, got, mac));
    assert_memory_equal(&w, &v, sizeof v);
    assert_memory_equal(got, sqn, 6);
    assert_memory_equal(mac, expected, aka_mac_len(a, key));
}

static void test_tuak(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_TUAK);
    for (size_t i = 0; i < TUAK_SETS; i++) {
        struct aka_key key = {.k_len = (uint8_t)octets(tuak_sets[i].k),
                              .opc_len = 32,
                              .mac_len = (uint8_t)octets(tuak_sets[i].f1),
                              .res_len = (uint8_t)octets(tuak_sets[i].f2),
                              .ck_len = (uint8_t)octets(tuak_sets[i].f3),
                              .ik_len = (uint8_t)octets(tuak_sets[i].f4),
                              .iterations = tuak_sets[i].iterations};
        uint8_t top[32], rand[16], sqn[6], amf[2];
        hex(tuak_sets[i].k, key.k, key.k_len);
        hex(tuak_sets[i].top, top, 32);
        hex(tuak_sets[i].rand, rand, 16);
        hex(tuak_sets[i].sqn, sqn, 6);
        hex(tuak_sets[i].amf, amf, 2);

        assert_true(a->opc(*state, &key, top, key.opc));
        assert_hex(key.opc, tuak_sets[i].topc, 32);
        assert_true(a->opc(*state, &key, top, top)); /* in place */
        assert_hex(top, tuak_sets[i].topc, 32);
        assert_true(aka_key_valid(a, &key));
        assert_int_equal(aka_mac_len(a, &key), key.mac_len);

        struct aka_vector v;
        memset(&v, 0xAA, sizeof v);
        assert_true(a->f2345(*state, &key, rand, &v));
        assert_int_equal(v.res_len, key.res_len);
        assert_int_equal(v.ck_len, key.ck_len);
        assert_int_equal(v.ik_len, key.ik_len);
        assert_hex(v.res, tuak_sets[i].f2, key.res_len);
        assert_hex(v.ck, tuak_sets[i].f3, key.ck_len);
        assert_hex(v.ik, tuak_sets[i].f4, key.ik_len);
        assert_hex(v.ak, tuak_sets[i].f5, 6);
        assert_zero(v.res + v.res_len, sizeof v.res - v.res_len);

        uint8_t mac_a[AKA_MAC_MAX], mac_s[AKA_MAC_MAX], ak[6];
        assert_true(a->f1(*state, &key, rand, sqn, amf, mac_a, mac_s));
        assert_hex(mac_a, tuak_sets[i].f1, key.mac_len);
        assert_hex(mac_s, tuak_sets[i].f1star, key.mac_len);
        assert_true(a->f1(*state, &key, rand, sqn, amf, NULL, NULL));
        assert_true(a->f5star(*state, &key, rand, ak));
        assert_hex(ak, tuak_sets[i].f5star, 6);
        assert_challenge(*state, a, &key, rand, sqn, amf);
    }
}

/* All parameters zero are the usual ones: 64 bits of MAC and RES, 128 of CK and IK, one iteration (the first
 * set). */
static void test_tuak_usual(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_TUAK);
    struct aka_key zero = {.k = {1}, .k_len = 32, .opc = {2}, .opc_len = 32}, full = zero;
    struct aka_vector v, w;
    uint8_t rand[16] = {3}, sqn[6] = {4}, amf[2] = {5}, mac[8], same[8];
    full.mac_len = full.res_len = 8;
    full.ck_len = full.ik_len = 16;
    full.iterations = 1;
    assert_true(a->f2345(*state, &zero, rand, &v) && a->f2345(*state, &full, rand, &w));
    assert_memory_equal(&v, &w, sizeof v);
    assert_true(a->f1(*state, &zero, rand, sqn, amf, mac, NULL) &&
                a->f1(*state, &full, rand, sqn, amf, same, NULL));
    assert_memory_equal(mac, same, 8);
    assert_int_equal(aka_mac_len(a, &zero), 8);
}

static void test_parameters(void **state)
{
    static const struct {
        enum aka_id id;
        uint8_t k, opc, mac, res, ck, ik, iterations;
        bool valid;
    } rows[] = {
        {AKA_TUAK, 16, 32, 8, 4, 16, 32, 16, true},    {AKA_TUAK, 32, 32, 32, 32, 32, 16, 2, true},
        {AKA_TUAK, 24, 32, 0, 0, 0, 0, 0, false},      {AKA_TUAK, 16, 16, 0, 0, 0, 0, 0, false},
        {AKA_TUAK, 16, 32, 4, 0, 0, 0, 0, false},      {AKA_TUAK, 16, 32, 0, 5, 0, 0, 0, false},
        {AKA_TUAK, 16, 32, 0, 0, 8, 0, 0, false},      {AKA_TUAK, 16, 32, 0, 0, 0, 24, 0, false},
        {AKA_TUAK, 16, 32, 0, 0, 0, 0, 17, false},     {AKA_TUAK, 16, 32, 33, 0, 0, 0, 0, false},
        {AKA_XOR, 16, 0, 8, 4, 16, 16, 0, true},       {AKA_XOR, 16, 0, 0, 16, 0, 0, 0, true},
        {AKA_XOR, 32, 0, 0, 0, 0, 0, 0, false},        {AKA_XOR, 16, 16, 0, 0, 0, 0, 0, false},
        {AKA_XOR, 16, 0, 0, 3, 0, 0, 0, false},        {AKA_XOR, 16, 0, 0, 17, 0, 0, 0, false},
        {AKA_XOR, 16, 0, 16, 0, 0, 0, 0, false},       {AKA_XOR, 16, 0, 0, 0, 0, 0, 1, false},
        {AKA_MILENAGE, 16, 16, 8, 8, 16, 16, 0, true}, {AKA_MILENAGE, 16, 16, 8, 8, 32, 16, 0, false},
        {AKA_MILENAGE, 16, 16, 16, 0, 0, 0, 0, false}, {AKA_MILENAGE, 16, 16, 0, 4, 0, 0, 0, false},
        {AKA_MILENAGE, 16, 16, 0, 0, 0, 0, 1, false},
    };
    const uint8_t rand[16] = {1}, sqn[6] = {2}, token[8] = {3};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct aka_algorithm *a = aka_algorithm(rows[i].id);
        const struct aka_key key = {.k = {9},
                                    .k_len = rows[i].k,
                                    .opc_len = rows[i].opc,
                                    .mac_len = rows[i].mac,
                                    .res_len = rows[i].res,
                                    .ck_len = rows[i].ck,
                                    .ik_len = rows[i].ik,
                                    .iterations = rows[i].iterations};
        struct aka_vector v;
        uint8_t mac[AKA_MAC_MAX], ak[6], out[6];
        assert_int_equal(aka_key_valid(a, &key), rows[i].valid);
        assert_int_equal(a->f2345(*state, &key, rand, &v), rows[i].valid);
        assert_int_equal(a->f1(*state, &key, rand, sqn, token, mac, NULL), rows[i].valid);
        assert_int_equal(a->f5star(*state, &key, rand, ak), rows[i].valid);
        assert_int_equal(a->challenge(*state, &key, rand, token, &v, out, mac), rows[i].valid);
        if (!rows[i].valid) {
            assert_zero(&v, sizeof v);
            assert_zero(mac, 8);
            assert_zero(ak, 6);
        }
    }
}

/* The example of K = 00..0F, RAND = 34..34, SQN 1, AMF 8000, worked by hand from TS 34.108 8.1.2. */
static void test_xor(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_XOR);
    struct aka_key key = {.k_len = 16};
    struct aka_vector v;
    uint8_t rand[16], sqn[6] = {[5] = 1}, amf[2] = {0x80, 0}, mac_a[8], mac_s[8], ak[6], sres[4], kc[8];
    for (uint8_t i = 0; i < 16; i++)
        key.k[i] = i;
    memset(rand, 0x34, sizeof rand);
    assert_true(a->f2345(*state, &key, rand, &v));
    assert_int_equal(v.res_len, 16);
    assert_hex(v.res, "34353637303132333c3d3e3f38393a3b", 16);
    assert_hex(v.ck, "353637303132333c3d3e3f38393a3b34", 16);
    assert_hex(v.ik, "3637303132333c3d3e3f38393a3b3435", 16);
    assert_hex(v.ak, "37303132333c", 6);
    assert_true(a->f1(*state, &key, rand, sqn, amf, mac_a, mac_s));
    assert_hex(mac_a, "343536373030b233", 8);
    assert_memory_equal(mac_s, mac_a, 8);
    assert_true(a->f5star(*state, &key, rand, ak));
    assert_memory_equal(ak, v.ak, 6);
    assert_challenge(*state, a, &key, rand, sqn, amf);
    aka_gsm(&v, sres, kc);
    assert_hex(sres, "00000000", 4);
    key.res_len = 4;
    assert_true(a->f2345(*state, &key, rand, &v));
    assert_int_equal(v.res_len, 4);
    assert_zero(v.res + 4, sizeof v.res - 4);
}

/* With the standard's constants spelt out nothing changes; with others, each function moves with its own
 * pair. The expected values are from an independent implementation (Python, AES of the cryptography package).
 */
static void test_constants(void **state)
{
    const struct aka_algorithm *a = aka_algorithm(AKA_MILENAGE);
    struct aka_key key = {.k_len = 16, .opc_len = 16, .own_constants = true};
    struct aka_vector v;
    uint8_t rand[16], sqn[6], amf[2], mac_a[8], mac_s[8], ak[6];
    static const uint8_t r[5] = {64, 0, 32, 64, 96};
    hex(sets[0].k, key.k, 16);
    hex(sets[0].opc, key.opc, 16);
    hex(sets[0].rand, rand, 16);
    hex(sets[0].sqn, sqn, 6);
    hex(sets[0].amf, amf, 2);
    memcpy(key.milenage.r, r, 5);
    for (int i = 1; i < 5; i++)
        key.milenage.c[i][15] = (uint8_t)(1 << (i - 1));
    assert_true(a->f2345(*state, &key, rand, &v));
    assert_hex(v.res, sets[0].f2, 8);
    assert_hex(v.ik, sets[0].f4, 16);
    assert_challenge(*state, a, &key, rand, sqn, amf);

    static const uint8_t other[5] = {3, 127, 65, 8, 1};
    memcpy(key.milenage.r, other, 5);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 16; j++)
            key.milenage.c[i][j] = (uint8_t)(16 * i + j);
    assert_true(a->f2345(*state, &key, rand, &v));
    assert_hex(v.res, "8fb0ff0e18724825", 8);
    assert_hex(v.ck, "f651b12d9b569a117a17e245414c7c0f", 16);
    assert_hex(v.ik, "587f282720932f13d57b56df85001a53", 16);
    assert_hex(v.ak, "818f75a462ca", 6);
    assert_true(a->f1(*state, &key, rand, sqn, amf, mac_a, mac_s));
    assert_hex(mac_a, "b31b811641f3ad55", 8);
    assert_hex(mac_s, "947f9d4139691aef", 8);
    assert_true(a->f5star(*state, &key, rand, ak));
    assert_hex(ak, "4f53d76345ec", 6);
    assert_challenge(*state, a, &key, rand, sqn, amf);

    key.milenage.r[4] = 128;
    assert_false(a->f2345(*state, &key, rand, &v));
    key.milenage.r[4] = 8; /* as f4: nothing but the constant tells them apart */
    assert_true(a->f2345(*state, &key, rand, &v));
    memcpy(key.milenage.c[4], key.milenage.c[3], 16);
    assert_false(aka_key_valid(a, &key));
    assert_false(a->f2345(*state, &key, rand, &v));
}

/* Keys as bytes, and every cut of them. */
static void test_encoding(void **state)
{
    (void)state;
    struct aka_key keys[3] = {
        {.k = {1, 2}, .k_len = 16, .opc = {3}, .opc_len = 16, .own_constants = true},
        {.k = {[31] = 4},
         .k_len = 32,
         .opc = {[31] = 5},
         .opc_len = 32,
         .mac_len = 32,
         .res_len = 4,
         .ck_len = 32,
         .ik_len = 16,
         .iterations = 2},
        {.k = {6}, .k_len = 16, .res_len = 9},
    };
    memset(&keys[0].milenage, 0x5A, sizeof keys[0].milenage);
    for (size_t i = 0; i < 3; i++) {
        uint8_t bytes[AKA_KEY_ENCODED_MAX + 1];
        struct buf b = buf_of(bytes, sizeof bytes);
        struct aka_key back;
        aka_key_encode(&keys[i], &b);
        assert_true(buf_ok(&b));
        assert_in_range(b.len, 1, AKA_KEY_ENCODED_MAX);
        buf_u8(&b, 0x77);
        struct reader r = rd_of(buf_span(&b));
        assert_true(aka_key_decode(&r, &back));
        assert_memory_equal(&back, &keys[i], sizeof back);
        assert_int_equal(rd_u8(&r), 0x77);
        assert_true(rd_done(&r));
        for (size_t n = 0; n + 1 < b.len; n++) {
            r = rd_of(span_of(bytes, n));
            assert_false(aka_key_decode(&r, &back));
            assert_false(rd_ok(&r));
            assert_zero(&back, sizeof back);
        }
        bytes[0] = 33;
        r = rd_of(buf_span(&b));
        assert_false(aka_key_decode(&r, &back));
    }
    uint8_t few[4];
    struct buf b = buf_of(few, sizeof few);
    keys[0].k_len = 33;
    aka_key_encode(&keys[0], &b);
    assert_true(b.full);
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
        assert_challenge(*state, a, &key, rand, sqn, amf);
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
    struct aka_vector v = {.res_len = 8, .ck_len = 16, .ik_len = 16};
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
        cmocka_unit_test(test_algorithms), cmocka_unit_test(test_milenage), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_gsm),        cmocka_unit_test(test_tuak),     cmocka_unit_test(test_tuak_usual),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_xor),      cmocka_unit_test(test_constants),
        cmocka_unit_test(test_encoding),
    };
    return cmocka_run_group_tests_name("aka", tests, setup, teardown);
}

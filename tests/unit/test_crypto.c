/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers for card/crypto/crypto.h, each with its source, and what the key cache must not get wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "crypto.h"
#include "hex.h"

struct bytes {
    uint8_t p[256];
    size_t n;
};

static struct bytes hex(const char *text)
{
    struct bytes b = {{0}, 0};
    struct buf out = buf_of(b.p, sizeof b.p);
    assert_true(hex_parse(text, &out, NULL));
    b.n = out.len;
    return b;
}

static struct span span(const struct bytes *b)
{
    return span_of(b->p, b->n);
}

static void assert_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i], 0);
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

/* ---- AES modes: NIST SP 800-38A, Appendix F ---- */

#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define PLAIN                                                                                                \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                                       \
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

static void test_ecb(void **state)
{
    static const struct {
        const char *key, *cipher;
    } rows[] = {
        /* F.1.1, F.1.3, F.1.5 */
        {KEY_128, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
                  "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"},
        {KEY_192, "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"
                  "ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e"},
        {KEY_256, "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
                  "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7"},
    };
    struct bytes plain = hex(PLAIN);
    for (size_t round = 0; round < 2; round++) /* the second time from the cache */
        for (size_t i = 0; i < 3; i++) {
            struct bytes key = hex(rows[i].key);
            struct bytes cipher = hex(rows[i].cipher);
            uint8_t out[64];
            assert_true(aes_ecb_encrypt(*state, span(&key), plain.p, out, 64));
            assert_memory_equal(out, cipher.p, 64);
            memcpy(out, plain.p, 64);
            assert_true(aes_ecb_encrypt(*state, span(&key), out, out, 64)); /* in place */
            assert_memory_equal(out, cipher.p, 64);
            assert_true(aes_ecb_encrypt(*state, span(&key), plain.p + 16, out, 16)); /* no chaining */
            assert_memory_equal(out, cipher.p + 16, 16);
        }
}

static void test_cbc(void **state)
{
    static const struct {
        const char *key, *cipher;
    } rows[] = {
        /* F.2.1, F.2.3, F.2.5 */
        {KEY_128, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
        {KEY_192, "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
                  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
        {KEY_256, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
    };
    struct bytes plain = hex(PLAIN);
    struct bytes iv = hex("000102030405060708090a0b0c0d0e0f");
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < 3; i++) {
            struct bytes key = hex(rows[i].key);
            struct bytes cipher = hex(rows[i].cipher);
            uint8_t out[64];
            assert_true(aes_cbc_encrypt(*state, span(&key), iv.p, plain.p, out, 64));
            assert_memory_equal(out, cipher.p, 64);
            assert_true(aes_cbc_decrypt(*state, span(&key), iv.p, out, out, 64)); /* in place */
            assert_memory_equal(out, plain.p, 64);
            /* a chain continued by hand: the context remembers no IV of its own */
            assert_true(aes_cbc_encrypt(*state, span(&key), cipher.p + 16, plain.p + 32, out, 32));
            assert_memory_equal(out, cipher.p + 32, 32);
            assert_true(aes_cbc_decrypt(*state, span(&key), cipher.p + 16, cipher.p + 32, out, 32));
            assert_memory_equal(out, plain.p + 32, 32);
        }
}

static void test_lengths(void **state)
{
    uint8_t key[33] = {1};
    uint8_t iv[16] = {0};
    uint8_t in[48] = {0};
    uint8_t out[48];
    for (size_t n = 0; n <= 33; n++) {
        bool aes = n == 16 || n == 24 || n == 32;
        bool des = n == 8 || n == 16 || n == 24;
        struct span part = span_of(in, 16);
        memset(out, 0xAA, sizeof out);
        assert_int_equal(aes_ecb_encrypt(*state, span_of(key, n), in, out, 16), aes);
        if (!aes)
            assert_zero(out, 16);
        assert_int_equal(aes_cbc_encrypt(*state, span_of(key, n), iv, in, out, 16), aes);
        assert_int_equal(aes_cbc_decrypt(*state, span_of(key, n), iv, in, out, 16), aes);
        memset(out, 0xAA, sizeof out);
        assert_int_equal(aes_cmac(*state, span_of(key, n), &part, 1, out), aes);
        if (!aes)
            assert_zero(out, 16);
        assert_int_equal(des_cbc_encrypt(*state, span_of(key, n), iv, in, out, 16), des);
        assert_int_equal(des_cbc_decrypt(*state, span_of(key, n), iv, in, out, 16), des);
        memset(out, 0xAA, sizeof out);
        assert_int_equal(des_mac(*state, span_of(key, n), &part, 1, out), des);
        if (!des)
            assert_zero(out, 8);
    }
    for (size_t n = 0; n <= 48; n++) {
        memset(out, 0xAA, sizeof out);
        assert_int_equal(aes_ecb_encrypt(*state, span_of(key, 16), in, out, n), n % 16 == 0);
        if (n % 16 != 0)
            assert_zero(out, n);
        assert_int_equal(aes_cbc_encrypt(*state, span_of(key, 16), iv, in, out, n), n % 16 == 0);
        assert_int_equal(aes_cbc_decrypt(*state, span_of(key, 16), iv, in, out, n), n % 16 == 0);
        assert_int_equal(des_cbc_encrypt(*state, span_of(key, 16), iv, in, out, n), n % 8 == 0);
        assert_int_equal(des_cbc_decrypt(*state, span_of(key, 16), iv, in, out, n), n % 8 == 0);
    }
    assert_true(aes_ecb_encrypt(*state, span_of(key, 16), NULL, NULL, 0));
    assert_true(des_cbc_encrypt(*state, span_of(key, 16), iv, NULL, NULL, 0));
}

/* ---- CMAC: NIST SP 800-38B, Appendix D ---- */

static void test_cmac(void **state)
{
    static const size_t lengths[4] = {0, 16, 40, 64};
    static const struct {
        const char *key;
        const char *mac[4];
    } rows[] = {
        {KEY_128,
         {"bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c",
          "dfa66747de9ae63030ca32611497c827", "51f0bebf7e3b9d92fc49741779363cfe"}},
        {KEY_192,
         {"d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184",
          "8a1de5be2eb31aad089a82e6ee908b0e", "a1d5df0eed790f794d77589659f39a11"}},
        {KEY_256,
         {"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c",
          "aaf3d8f1de5640c232f5b169b9c911e6", "e1992190549f6ed5696a2c056c315410"}},
    };
    struct bytes message = hex(PLAIN);
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 4; j++) {
                struct bytes key = hex(rows[i].key);
                struct bytes expected = hex(rows[i].mac[j]);
                uint8_t mac[16];
                /* cut in two everywhere, with empty parts between */
                for (size_t cut = 0; cut <= lengths[j]; cut++) {
                    const struct span parts[] = {span_of(message.p, cut), SPAN_EMPTY,
                                                 span_of(message.p + cut, lengths[j] - cut), SPAN_EMPTY};
                    assert_true(aes_cmac(*state, span(&key), parts, 4, mac));
                    assert_memory_equal(mac, expected.p, 16);
                }
            }
    struct bytes key = hex(KEY_128);
    struct bytes expected = hex(rows[0].mac[0]);
    uint8_t mac[16];
    assert_true(aes_cmac(*state, span(&key), NULL, 0, mac));
    assert_memory_equal(mac, expected.p, 16);
}

/* ---- DES ---- */

static void test_des(void **state)
{
    static const struct {
        const char *key, *plain, *cipher;
    } rows[] = {
        /* NBS Special Publication 500-20, variable plaintext and variable key known answers (single DES) */
        {"0101010101010101", "8000000000000000", "95f8a5e5dd31d900"},
        {"0101010101010101", "0000000000000001", "166b40b44aba4bd6"},
        {"8001010101010101", "0000000000000000", "95a8d72813daa94d"},
        {"7ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"},
        {"0131d9619dc1376e", "5cd54ca83def57da", "7a389d10354bd271"},
        /* EDE with three equal keys is single DES */
        {"7ca110454a1a6e577ca110454a1a6e577ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"},
        {"7ca110454a1a6e577ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"},
        /* NIST SP 800-67, Appendix B: three keys; its blocks are independent of each other (ECB) */
        {"0123456789abcdef23456789abcdef01456789abcdef0123", "5468652071756663", "a826fd8ce53b855f"},
        {"0123456789abcdef23456789abcdef01456789abcdef0123", "6b2062726f776e20", "cce21c8112256fe6"},
        {"0123456789abcdef23456789abcdef01456789abcdef0123", "666f78206a756d70", "68d5c05dd9b6b900"},
    };
    static const uint8_t zero[8] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes key = hex(rows[i].key);
        struct bytes plain = hex(rows[i].plain);
        struct bytes cipher = hex(rows[i].cipher);
        uint8_t out[8];
        assert_true(des_cbc_encrypt(*state, span(&key), zero, plain.p, out, 8));
        assert_memory_equal(out, cipher.p, 8);
        assert_true(des_cbc_decrypt(*state, span(&key), zero, out, out, 8));
        assert_memory_equal(out, plain.p, 8);
    }
    /* the IV, and two keys (K1 K2 K1) against three */
    struct bytes two = hex("0123456789abcdef23456789abcdef01");
    struct bytes three = hex("0123456789abcdef23456789abcdef010123456789abcdef");
    struct bytes plain = hex(PLAIN);
    uint8_t a[64], b[64], iv[8];
    memset(iv, 0x5A, sizeof iv);
    assert_true(des_cbc_encrypt(*state, span(&two), iv, plain.p, a, 64));
    assert_true(des_cbc_encrypt(*state, span(&three), iv, plain.p, b, 64));
    assert_memory_equal(a, b, 64);
    uint8_t first[8];
    for (size_t i = 0; i < 8; i++)
        first[i] = plain.p[i] ^ 0x5A;
    assert_true(des_cbc_encrypt(*state, span(&two), zero, first, first, 8));
    assert_memory_equal(a, first, 8);
    assert_true(des_cbc_encrypt(*state, span(&two), a, plain.p + 8, b, 56));
    assert_memory_equal(a + 8, b, 56);
    assert_true(des_cbc_decrypt(*state, span(&two), iv, a, a, 64));
    assert_memory_equal(a, plain.p, 64);
}

/* Messages as SCP80 has them (recorded from real cards: keysets A and B of shared/vectors/scp80.md). */
static void test_scp80_messages(void **state)
{
    struct bytes kid = hex("301102030405060708090a0b0c0d0e0f");
    struct bytes head = hex("027100001612b0001100000000000000");
    struct bytes data = hex("016132");
    struct bytes expected = hex("b5bcd6353a421fae");
    const struct span parts[] = {span(&head), span(&data)};
    uint8_t mac[16];
    assert_true(des_mac(*state, span(&kid), parts, 2, mac));
    assert_memory_equal(mac, expected.p, 8);

    /* keyset A, the command with a signed answer: decrypt with KIc, then CC over CPL ... PCNTR, data, padding
     */
    struct bytes kic = hex("300102030405060708090a0b0c0d0e0f");
    struct bytes packet = hex("00201506093535b00011c49ac91ab8159ba5b83a54fb6385e0a5e31694f8b215fafc");
    static const uint8_t zero[16] = {0};
    assert_true(des_cbc_decrypt(*state, span(&kic), zero, packet.p + 10, packet.p + 10, packet.n - 10));
    const struct span checked[] = {span_of(packet.p, 16), span_of(packet.p + 24, packet.n - 24)};
    assert_true(des_mac(*state, span(&kid), checked, 2, mac));
    assert_memory_equal(mac, packet.p + 16, 8);
    struct bytes script = hex("00a40004023f00");
    assert_memory_equal(packet.p + 24, script.p, script.n);

    /* keyset B: AES-128 */
    struct bytes kic_b = hex("200102030405060708090a0b0c0d0e0f");
    struct bytes kid_b = hex("201102030405060708090a0b0c0d0e0f");
    struct bytes packet_b =
        hex("00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058");
    assert_true(
        aes_cbc_decrypt(*state, span(&kic_b), zero, packet_b.p + 10, packet_b.p + 10, packet_b.n - 10));
    const struct span checked_b[] = {span_of(packet_b.p, 16), span_of(packet_b.p + 24, packet_b.n - 24)};
    assert_true(aes_cmac(*state, span(&kid_b), checked_b, 2, mac));
    assert_memory_equal(mac, packet_b.p + 16, 8);
    assert_memory_equal(packet_b.p + 24, script.p, script.n);
}

/* des_mac is the last block of des_cbc_encrypt over the zero-padded whole, however the parts are cut, beyond
 * its inner chunk as well. */
static void test_des_mac(void **state)
{
    uint8_t key[24], message[1024], padded[1024];
    static const uint8_t zero[8] = {0};
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(7 * i + 1);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * i + 3);
    for (size_t n = 1; n <= 800; n += n < 20 || (n > 250 && n < 262) ? 1 : 37) {
        size_t whole = (n + 7) / 8 * 8;
        uint8_t mac[8], again[8];
        memset(padded, 0, sizeof padded);
        memcpy(padded, message, n);
        assert_true(des_cbc_encrypt(*state, span_of(key, 24), zero, padded, padded, whole));
        struct span one = span_of(message, n);
        assert_true(des_mac(*state, span_of(key, 24), &one, 1, mac));
        assert_memory_equal(mac, padded + whole - 8, 8);
        const struct span parts[] = {span_slice(one, 0, 3), SPAN_EMPTY, span_slice(one, 3, n / 2),
                                     span_slice(one, 3 + n / 2, n)};
        assert_true(des_mac(*state, span_of(key, 24), parts, 4, again));
        assert_memory_equal(mac, again, 8);
    }
    uint8_t mac[8];
    const struct span empty = SPAN_EMPTY;
    assert_false(des_mac(*state, span_of(key, 24), &empty, 1, mac));
    assert_zero(mac, 8);
    assert_false(des_mac(*state, span_of(key, 24), NULL, 0, mac));
}

/* ---- GCM: McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", Appendix B, test cases 13 to 16
 * (AES-256) ---- */

static void test_gcm(void **state)
{
    static const struct {
        const char *key, *nonce, *aad, *plain, *cipher, *tag;
    } rows[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
         "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
         "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
         "d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
         "b094dac5d93471bdec1a502270e3cc6c"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
         "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
         "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
         "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < 4; i++) {
            struct bytes key = hex(rows[i].key), nonce = hex(rows[i].nonce), aad = hex(rows[i].aad);
            struct bytes plain = hex(rows[i].plain), cipher = hex(rows[i].cipher), tag = hex(rows[i].tag);
            uint8_t out[64], got[16];
            assert_true(gcm_seal(*state, key.p, nonce.p, span(&aad), span(&plain), out, got));
            assert_memory_equal(out, cipher.p, cipher.n);
            assert_memory_equal(got, tag.p, 16);
            assert_true(gcm_open(*state, key.p, nonce.p, span(&aad), span_of(out, cipher.n), tag.p, out));
            assert_memory_equal(out, plain.p, plain.n);

            /* one bit wrong anywhere: refused, and nothing of the plain text left */
            for (size_t bit = 0; bit < 128; bit += 7) {
                struct bytes bad = tag;
                bad.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                memset(out, 0xAA, sizeof out);
                assert_false(gcm_open(*state, key.p, nonce.p, span(&aad), span(&cipher), bad.p, out));
                assert_zero(out, cipher.n);
            }
            if (cipher.n > 0) {
                struct bytes bad = cipher;
                bad.p[cipher.n - 1] ^= 1;
                memcpy(out, bad.p, bad.n);
                assert_false(gcm_open(*state, key.p, nonce.p, span(&aad), span_of(out, bad.n), tag.p, out));
                assert_zero(out, bad.n);
            }
            struct bytes other = aad;
            other.p[other.n++] = 0;
            assert_false(gcm_open(*state, key.p, nonce.p, span(&other), span(&cipher), tag.p, out));
            nonce.p[0] ^= 1;
            assert_false(gcm_open(*state, key.p, nonce.p, span(&aad), span(&cipher), tag.p, out));
            nonce.p[0] ^= 1;
            key.p[31] ^= 1;
            assert_false(gcm_open(*state, key.p, nonce.p, span(&aad), span(&cipher), tag.p, out));
            key.p[31] ^= 1;
            /* a failure leaves no trace in the context */
            assert_true(gcm_open(*state, key.p, nonce.p, span(&aad), span(&cipher), tag.p, out));
        }
}

/* ---- HMAC-SHA-256: RFC 4231, 4.2 to 4.8 ---- */

static void test_hmac(void **state)
{
    struct bytes long_key = {{0}, 131};
    memset(long_key.p, 0xAA, 131);
    struct bytes repeated = {{0}, 50};
    static const char *const text[] = {
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "This is a test using a larger than block-size key and a larger than "
        "block-size data. The key needs to be hashed before being used by the HMAC "
        "algorithm."};
    struct {
        struct bytes key;
        struct span data;
        const char *mac;
        size_t mac_len;
    } rows[] = {
        {hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), span_of("Hi There", 8),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", 32},
        {hex("4a656665"), span_of("what do ya want for nothing?", 28),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 32},
        {hex("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), SPAN_EMPTY,
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", 32},
        {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), SPAN_EMPTY,
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b", 32},
        {hex("0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"), span_of("Test With Truncation", 20),
         "a3b6167473100ee06e0c796c2955552b", 16},
        {long_key, span_of(text[0], strlen(text[0])),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 32},
        {long_key, span_of(text[1], strlen(text[1])),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2", 32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes expected = hex(rows[i].mac);
        uint8_t mac[32];
        if (rows[i].data.n == 0) { /* cases 3 and 4: fifty times DD, CD */
            memset(repeated.p, i == 2 ? 0xDD : 0xCD, 50);
            rows[i].data = span(&repeated);
        }
        const struct span parts[] = {span_slice(rows[i].data, 0, 5), SPAN_EMPTY,
                                     span_slice(rows[i].data, 5, 200)};
        assert_true(hmac_sha256(*state, span(&rows[i].key), parts, 3, mac));
        assert_memory_equal(mac, expected.p, rows[i].mac_len);
    }
    /* An empty key and message, after another key: the value everybody knows, and not the other key's. */
    struct bytes expected = hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    uint8_t mac[32];
    assert_true(hmac_sha256(*state, SPAN_EMPTY, NULL, 0, mac));
    assert_memory_equal(mac, expected.p, 32);
}

/* ---- the cache ---- */

/* More keys than slots, in an order that makes hits, misses and evictions, checked against a crypto that
 * always forgets. */
static void test_cache(void **state)
{
    struct uicc_crypto *fresh = crypto_new();
    assert_non_null(fresh);
    uint8_t key[32] = {0}, in[32], iv[16] = {9}, a[32], b[32];
    memset(in, 0x3C, sizeof in);
    uint32_t random = 1;
    for (int i = 0; i < 2000; i++) {
        random = random * 1664525 + 1013904223;
        static const size_t lengths[3] = {16, 24, 32};
        size_t n = lengths[(random >> 28) % 3];
        key[0] = (uint8_t)((random >> 20) % 7);     /* seven keys for four slots, alike but for one octet */
        key[n - 1] = (uint8_t)((random >> 16) % 2); /* the first or the last */
        struct span k = span_of(key, n), part = span_of(in, 32);
        uint8_t tag_a[16], tag_b[16];
        for (int which = 0; which < 8; which++) {
            if ((random >> which & 1) != 0)
                continue;
            struct uicc_crypto *const who[2] = {*state, fresh};
            memset(a, 0, sizeof a);
            memset(b, 1, sizeof b);
            for (int j = 0; j < 2; j++) {
                uint8_t *out = j == 0 ? a : b;
                uint8_t *tag = j == 0 ? tag_a : tag_b;
                bool good = false;
                memset(out, 0, 32);
                memset(tag, 0, 16);
                switch (which) {
                case 0:
                    good = aes_ecb_encrypt(who[j], k, in, out, 32);
                    break;
                case 1:
                    good = aes_cbc_encrypt(who[j], k, iv, in, out, 32);
                    break;
                case 2:
                    good = aes_cbc_decrypt(who[j], k, iv, in, out, 32);
                    break;
                case 3:
                    good = aes_cmac(who[j], k, &part, 1, out);
                    break;
                case 4:
                    good = des_cbc_encrypt(who[j], span_of(key, n == 32 ? 8 : n), iv, in, out, 32);
                    break;
                case 5:
                    good = des_mac(who[j], span_of(key, n == 32 ? 8 : n), &part, 1, out);
                    break;
                case 6:
                    good = gcm_seal(who[j], key, iv, part, part, out, tag);
                    break;
                case 7:
                    good = hmac_sha256(who[j], k, &part, 1, out);
                    break;
                }
                assert_true(good);
            }
            crypto_forget(fresh);
            assert_memory_equal(a, b, 32);
            assert_memory_equal(tag_a, tag_b, 16);
        }
        key[n - 1] = 0;
        if (i % 500 == 499)
            crypto_forget(*state);
    }
    crypto_free(fresh);
    crypto_forget(*state);
    crypto_forget(*state);
}

/* ---- what is left in memory ---- */

/* OpenSSL's memory goes through these, which look into every block that is given back. */
static const uint8_t marker[32] = {0xC0, 0xFF, 0xEE, 0x11, 0x5E, 0xC2, 0xE7, 0x99, 0x42, 0x17, 0x93,
                                   0x5A, 0xA5, 0x6B, 0xB6, 0xD0, 0x0D, 0x1E, 0xE1, 0x77, 0x78, 0x34,
                                   0x43, 0x9A, 0xA9, 0x65, 0x56, 0x8B, 0xB8, 0x2F, 0xF2, 0x10};
static unsigned found, freed;

static void *watched_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    void *p = malloc(n);
    if (p != NULL)
        memset(p, 0, malloc_usable_size(p)); /* what others left there is not OpenSSL's */
    return p;
}

static void watched_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    freed++;
    /* any eight octets of the marker: AES schedules begin with the key, some implementations keep its words
     * swapped */
    const uint8_t *bytes = p;
    for (size_t at = 0; p != NULL && at + 8 <= malloc_usable_size(p); at++)
        for (size_t part = 0; part < sizeof marker; part += 8)
            if (memcmp(bytes + at, marker + part, 8) == 0)
                found++;
    free(p);
}

static void *watched_realloc(void *p, size_t n, const char *file, int line)
{
    void *fresh = watched_malloc(n, file, line);
    if (fresh != NULL && p != NULL) {
        size_t old = malloc_usable_size(p);
        memcpy(fresh, p, old < n ? old : n);
        watched_free(p, file, line);
    }
    return fresh;
}

static void test_no_key_in_freed_memory(void **state)
{
    (void)state;
    void *sample = OPENSSL_malloc(64); /* the watch works */
    memcpy(sample, marker, sizeof marker);
    OPENSSL_free(sample);
    assert_int_not_equal(found, 0);

    for (int way = 0; way < 2; way++) {
        struct uicc_crypto *c = crypto_new();
        assert_non_null(c);
        found = freed = 0;
        uint8_t in[32] = {1}, iv[16] = {0}, out[32], tag[16];
        struct span part = span_of(in, 32);
        static const size_t lengths[3] = {16, 24, 32};
        for (size_t i = 0; i < 3; i++) {
            struct span key = span_of(marker, lengths[i]);
            assert_true(aes_ecb_encrypt(c, key, in, out, 32));
            assert_true(aes_cbc_encrypt(c, key, iv, in, out, 32));
            assert_true(aes_cbc_decrypt(c, key, iv, in, out, 32));
            assert_true(aes_cmac(c, key, &part, 1, out));
            struct span des = span_of(marker, lengths[i] == 32 ? 8 : lengths[i]);
            assert_true(des_cbc_encrypt(c, des, iv, in, out, 32));
            assert_true(des_cbc_decrypt(c, des, iv, in, out, 32));
            assert_true(des_mac(c, des, &part, 1, out));
            assert_true(hmac_sha256(c, key, &part, 1, out));
        }
        assert_true(gcm_seal(c, marker, iv, part, part, out, tag));
        assert_true(gcm_open(c, marker, iv, part, span_of(out, 32), tag, out));
        if (way == 1)
            crypto_forget(c);
        crypto_free(c);
        assert_true(freed > 20);
        assert_int_equal(found, 0);
    }
}

static void test_misc(void **state)
{
    (void)state;
    uint8_t a[40], b[40];
    memset(a, 7, sizeof a);
    memset(b, 7, sizeof b);
    for (size_t n = 0; n <= sizeof a; n++) {
        assert_true(crypto_equal(a, b, n));
        for (size_t i = 0; i < n; i++) {
            b[i] ^= 0x80;
            assert_false(crypto_equal(a, b, n));
            b[i] ^= 0x80;
        }
    }
    assert_true(crypto_equal(NULL, NULL, 0));
    crypto_wipe(a, 39);
    assert_zero(a, 39);
    assert_int_equal(a[39], 7);
    crypto_wipe(NULL, 0);
    assert_true(crypto_random(NULL, a, sizeof a));
    assert_true(crypto_random(NULL, b, sizeof b));
    assert_false(crypto_equal(a, b, sizeof a)); /* but for one time in 2^320 */
    assert_true(crypto_random(NULL, NULL, 0));
    crypto_free(NULL);
}

int main(void)
{
    if (CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free) !=
        1) /* before its first use */
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecb),
        cmocka_unit_test(test_cbc),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_cmac),
        cmocka_unit_test(test_des),
        cmocka_unit_test(test_scp80_messages),
        cmocka_unit_test(test_des_mac),
        cmocka_unit_test(test_gcm),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_no_key_in_freed_memory),
        cmocka_unit_test(test_misc),
    };
    return cmocka_run_group_tests_name("crypto", tests, setup, teardown);
}

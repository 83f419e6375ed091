/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers for SCP02 and SCP03 (figures: exchanges with cards, as pySim's own tests record them), both
 * ends against each other, and what must not be accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "scp.h"

struct bytes {
    uint8_t p[300];
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

static void assert_hex(struct span got, const char *expected)
{
    struct bytes e = hex(expected);
    assert_int_equal(got.n, e.n);
    assert_memory_equal(got.p, e.p, e.n);
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

static struct scp_keys keys_of(const char *enc, const char *mac, const char *dek)
{
    struct scp_keys k = {0};
    struct bytes e = hex(enc), m = hex(mac), d = hex(dek);
    k.len = (uint8_t)e.n;
    memcpy(k.enc, e.p, e.n);
    memcpy(k.mac, m.p, m.n);
    memcpy(k.dek, d.p, d.n);
    return k;
}

/* The command as the host protects it, against the record; then the card takes the protection off. */
static void assert_command(struct uicc_crypto *c, struct scp_session *host, struct scp_session *card,
                           const char *plain, const char *wrapped)
{
    uint8_t out[300], back[300];
    struct bytes p = hex(plain);
    struct buf w = buf_of(out, sizeof out), b = buf_of(back, sizeof back);
    struct span data = span_of(p.p + 5, p.n - 5);
    assert_true(scp_command_wrap(c, host, p.p, data, &w));
    assert_hex(buf_span(&w), wrapped);
    assert_int_equal(scp_command_unwrap(c, card, out, span_of(out + 5, w.len - 5), &b), SCP_GOOD);
    assert_int_equal(b.len, data.n);
    assert_memory_equal(back, data.p, data.n);
}

/* ---- SCP02 ---- */

static void test_scp02(void **state)
{
    struct uicc_crypto *c = *state;
    struct scp_keys keys = keys_of("100102030405060708090a0b0c0d0e0f", "101102030405060708090a0b0c0d0e0f",
                                   "102102030405060708090a0b0c0d0e0f");
    struct bytes host_challenge = hex("40A62C37FA6304F8"), card_challenge = hex("6B4524ABEE7C");
    struct scp_session host, card;
    uint8_t cryptogram[16];
    assert_true(scp02_begin(c, &keys, 1, host_challenge.p, card_challenge.p, &host));
    card = host;
    assert_true(scp_cryptogram(c, &host, SCP_CARD, cryptogram));
    assert_hex(span_of(cryptogram, 8), "F32EA3838BC148F3");
    assert_true(scp_cryptogram(c, &host, SCP_HOST, cryptogram));
    assert_hex(span_of(cryptogram, 8), "BA6961667737C5BC");
    assert_command(c, &host, &card, "8082010008BA6961667737C5BC",
                   "8482010010BA6961667737C5BCEBECE14C7D6A4376");
    assert_command(c, &host, &card, "80f28002024f00", "84F280020A4F00B21AAFA3EB2D1672");
}

/* i = 55: the challenge of sequence counter and AID. Recomputed with OpenSSL's command from E.4.2.3: session
 * key 0101 || counter, then the MAC over the padded AID. */
static void test_scp02_challenge(void **state)
{
    struct uicc_crypto *c = *state;
    struct scp_keys keys = keys_of("404142434445464748494a4b4c4d4e4f", "404142434445464748494a4b4c4d4e4f",
                                   "404142434445464748494a4b4c4d4e4f");
    struct bytes aid = hex("A000000151000000");
    uint8_t challenge[SCP02_CHALLENGE], other[SCP02_CHALLENGE];
    assert_true(scp02_challenge(c, &keys, 0x001C, span_of(aid.p, aid.n), challenge));
    assert_hex(span_of(challenge, 6), "ae6407f79dd1");
    assert_true(scp02_challenge(c, &keys, 0x001D, span_of(aid.p, aid.n), other));
    assert_memory_not_equal(challenge, other, sizeof other);
}

/* ---- SCP03 ---- */

static const struct {
    const char *enc, *mac, *host, *card, *card_cryptogram;
    uint8_t level;
    const char *authenticate, *command, *response;
} scp03[] = {
#define K128 "000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f"
#define K192                                                                                                 \
    "000102030405060708090a0b0c0d0e0f0001020304050607", "101112131415161718191a1b1c1d1e1f1011121314151617"
#define K256                                                                                                 \
    "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f",                                      \
        "101112131415161718191a1b1c1d1e1f101112131415161718191a1b1c1d1e1f"
    {K128, "b13e5f938fc108c4", "3eb51047495b249f", "66c484c1d2ef1948", 0x11,
     "84821100107d5f5826a993ebc89eea24957fa0b3ce", "84e291000ebf3e035c015a558d036518a28297",
     "bf3e125a1089882119900000000000000000000005971be68992dbbdfa"},
    {K128, "8e1552d0513c60f3", "30760cd2c47c1dd3", "95065fe5ead8a9d7", 0x03,
     "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
     "84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c",
     "bf3e125a1089882119900000000000000000000005"},
    {K128, "fdf38259a1e0de44", "3b1aca81e821f219", "081cdc01c26b372d", 0x33,
     "84823300108c36f96bcc00724a4e13ad591d7da3f0",
     "84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f",
     "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9"},
    {K192, "7396430b768b085b", "8cfc23522ffdbf1e", "5df5542cac8fd866", 0x11,
     "84821100102145ed30b146f5db252fb7e624cec244", "84e291000ebf3e035c015aff42cf801d143944",
     "bf3e125a1089882119900000000000000000000005162fbd33e04940a9"},
    {K192, "69c65da8202bf19f", "b570a67be3844671", "7729d6dd3d2ec5b1", 0x03,
     "848203001065df4f1a356a887905466516d9e5b7c1",
     "84e2910018d2c6fb477c5d4afe4fd4d21f17eff10d3578ec1774a12a2d",
     "bf3e125a1089882119900000000000000000000005"},
    {K192, "9b3f2eef0e8c9374", "f6bb305a15bae1a6", "8f79fb08212fbed7", 0x33,
     "84823300109100bc22d58b45b86a26365ce39ff3cf",
     "84e29100188f7f946c84f70d17994bc6e8791251bb1bb1bf02cf8de589",
     "c05176c1b6f72aae50c32cbee63b0e95998928fd4dfb2be9f27ffde8c8476f5909b4805cc4039599"},
    {K256, "11666d57866c6f54", "53ea8847efa7674e", "41498a4d66cf0dee", 0x11,
     "84821100102f2ad190eff2fafc4908996d1cebd310", "84e291000ebf3e035c015af4b680372542b59d",
     "bf3e125a10898821199000000000000000000000058012dd7f01f1c4c1"},
    {K256, "c6066990fc426e1d", "8682cd81bbd8919f", "2de3f2664581f118", 0x03,
     "848203001077c493b632edadaf865a1e64acc07ce9",
     "84e29100183ddaa60594963befaada3525b492ede23c2ab2c1ce3afe44",
     "bf3e125a1089882119900000000000000000000005"},
    {K256, "97b2055fe58599fd", "a8439a22cedf045f", "a9f1903b2834f26e", 0x33,
     "8482330010508a0fd959d2e547c6b33154a6be2057",
     "84e29100187a5ef717eaf1e135ae92fe54429d0e465decda65f5fe5aea",
     "ea90dbfa648a67c5eb6abc57f8530b97d0cd5647c5e8732016b55203b078dd2ace7f8bc5d1c1cd99"},
};

static void test_scp03(void **state)
{
    struct uicc_crypto *c = *state;
    static const char *plain_command = "80E2910006BF3E035C015A",
                      *plain_response = "bf3e125a1089882119900000000000000000000005";
    for (size_t i = 0; i < sizeof scp03 / sizeof scp03[0]; i++) {
        struct scp_keys keys = keys_of(scp03[i].enc, scp03[i].mac, scp03[i].mac);
        struct bytes h = hex(scp03[i].host), k = hex(scp03[i].card), response = hex(plain_response);
        struct scp_session host, card;
        uint8_t cryptogram[16], out[300], back[300];
        char authenticate[64];
        struct buf r = buf_of(out, sizeof out), b = buf_of(back, sizeof back);
        assert_true(scp03_begin(c, &keys, h.p, k.p, 8, &host));
        card = host;
        assert_true(scp_cryptogram(c, &card, SCP_CARD, cryptogram));
        assert_hex(span_of(cryptogram, 8), scp03[i].card_cryptogram);
        assert_true(scp_cryptogram(c, &host, SCP_HOST, cryptogram));
        snprintf(authenticate, sizeof authenticate, "8082%02x0008", scp03[i].level);
        hex_format(span_of(cryptogram, 8), authenticate + 10);
        assert_command(c, &host, &card, authenticate, scp03[i].authenticate);
        host.level = card.level = scp03[i].level;
        assert_command(c, &host, &card, plain_command, scp03[i].command);
        assert_true(scp_response_wrap(c, &card, 0x9000, span_of(response.p, response.n), &r));
        assert_hex(buf_span(&r), scp03[i].response);
        assert_int_equal(scp_response_unwrap(c, &host, 0x9000, buf_span(&r), &b), SCP_GOOD);
        assert_hex(buf_span(&b), plain_response);
        if ((scp03[i].level & SCP_R_MAC) != 0) { /* another status word, another octet */
            b.len = 0;
            assert_int_equal(scp_response_unwrap(c, &host, 0x6200, buf_span(&r), &b), SCP_WRONG_MAC);
            out[0] ^= 1;
            assert_int_equal(scp_response_unwrap(c, &host, 0x9000, buf_span(&r), &b), SCP_WRONG_MAC);
        }
    }
}

/* ---- both protocols ---- */

static void begin(struct uicc_crypto *c, int which, struct scp_session *host, struct scp_session *card)
{
    struct scp_keys keys = keys_of("404142434445464748494a4b4c4d4e4f", "505152535455565758595a5b5c5d5e5f",
                                   "606162636465666768696a6b6c6d6e6f");
    uint8_t challenge[16] = {1, 2, 3};
    if (which == 0)
        assert_true(scp02_begin(c, &keys, 7, challenge, challenge, host));
    else
        assert_true(scp03_begin(c, &keys, challenge, challenge, which == 1 ? 8 : 16, host));
    *card = *host;
}

static const uint8_t levels[3][4] = {
    {0x01, 0x03, 0x03, 0x03}, {0x01, 0x03, 0x11, 0x33}, {0x01, 0x03, 0x13, 0x33}};

/* Data of every length that fits, back and forth. */
static void test_lengths(void **state)
{
    struct uicc_crypto *c = *state;
    const uint8_t header[4] = {0x81, 0xE2, 0x80, 0x00};
    uint8_t data[255], out[300], back[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (int which = 0; which < 3; which++)
        for (int l = 0; l < 4; l++) {
            struct scp_session host, card;
            begin(c, which, &host, &card);
            host.level = card.level = levels[which][l];
            for (size_t n = 0; n <= 255; n++) {
                struct buf w = buf_of(out, sizeof out), b = buf_of(back, sizeof back);
                struct scp_session before = host;
                size_t block = which == 0 ? 8 : 16;
                size_t longest = 255 - card.mac_len;
                if ((card.level & SCP_C_DECRYPTION) != 0)
                    longest = longest / block * block - 1;
                bool ok = scp_command_wrap(c, &host, header, span_of(data, n), &w);
                assert_int_equal(ok, n <= longest);
                if (!ok) {
                    host = before;
                    continue;
                }
                assert_int_equal(out[0], 0x85);
                assert_int_equal(scp_command_unwrap(c, &card, out, span_of(out + 5, w.len - 5), &b),
                                 SCP_GOOD);
                assert_int_equal(b.len, n);
                assert_memory_equal(back, data, n);
                w.len = b.len = 0;
                assert_true(scp_response_wrap(c, &card, 0x9000, span_of(data, n), &w));
                assert_int_equal(scp_response_unwrap(c, &host, 0x9000, buf_span(&w), &b), SCP_GOOD);
                assert_int_equal(b.len, n);
                assert_memory_equal(back, data, n);
            }
        }
}

/* A change of any bit, a replay, two commands in the wrong order: a wrong MAC, and nothing of the plain text.
 */
static void test_attacks(void **state)
{
    struct uicc_crypto *c = *state;
    const uint8_t header[4] = {0x80, 0xE2, 0x80, 0x00};
    uint8_t data[20] = {1, 2, 3}, out[300], second[300], back[300];
    for (int which = 0; which < 3; which++)
        for (int l = 0; l < 2; l++) {
            struct scp_session host, card;
            struct buf w = buf_of(out, sizeof out), w2 = buf_of(second, sizeof second),
                       b = buf_of(back, sizeof back);
            begin(c, which, &host, &card);
            host.level = card.level = levels[which][l];
            assert_true(scp_command_wrap(c, &host, header, span_of(data, sizeof data), &w));
            assert_true(scp_command_wrap(c, &host, header, span_of(data, sizeof data), &w2));
            for (size_t i = 1; i < w.len; i++) { /* from INS on */
                struct scp_session s = card;
                if (i == 4)
                    continue; /* Lc is what the frame says */
                out[i] ^= 0x10;
                assert_int_equal(scp_command_unwrap(c, &s, out, span_of(out + 5, w.len - 5), &b),
                                 SCP_WRONG_MAC);
                assert_int_equal(b.len, 0);
                out[i] ^= 0x10;
            }
            for (size_t n = 0; n + 5 < w.len; n++) { /* cut short */
                struct scp_session s = card;
                enum scp_verdict v = scp_command_unwrap(c, &s, out, span_of(out + 5, n), &b);
                assert_int_equal(v, n < card.mac_len ? SCP_MALFORMED : SCP_WRONG_MAC);
            }
            struct scp_session s = card;
            assert_int_equal(scp_command_unwrap(c, &s, second, span_of(second + 5, w2.len - 5), &b),
                             SCP_WRONG_MAC); /* out of order */
            assert_int_equal(scp_command_unwrap(c, &card, out, span_of(out + 5, w.len - 5), &b), SCP_GOOD);
            b.len = 0;
            s = card;
            assert_int_equal(scp_command_unwrap(c, &s, out, span_of(out + 5, w.len - 5), &b),
                             SCP_WRONG_MAC); /* again */
            assert_int_equal(scp_command_unwrap(c, &card, second, span_of(second + 5, w2.len - 5), &b),
                             SCP_GOOD);
        }
}

/* Under a right MAC: padding of one block and more, which E.4.6 has not; and what is no whole block. */
static void test_padding(void **state)
{
    struct uicc_crypto *c = *state;
    const uint8_t header[4] = {0x80, 0xE2, 0x80, 0x00}, iv[8] = {0};
    uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 0x80}, out[300], back[300];
    for (size_t n = 1; n <= 7; n++)
        for (size_t blocks = 1; blocks <= 3; blocks++) {
            struct scp_session host, card;
            uint8_t padded[24 + 8] = {0};
            struct buf w = buf_of(out, sizeof out), b = buf_of(back, sizeof back);
            begin(c, 0, &host, &card);
            host.level = card.level = 0x03;
            assert_true(scp_command_wrap(c, &host, header, span_of(data, n), &w));
            memcpy(padded, data, n);
            padded[n] = 0x80;
            assert_true(des_cbc_encrypt(c, span_of(host.enc, host.key_len), iv, padded, padded, 8 * blocks));
            memcpy(padded + 8 * blocks, out + w.len - 8, 8);
            struct scp_session s = card;
            assert_int_equal(scp_command_unwrap(c, &s, header, span_of(padded, 8 * blocks + 8), &b),
                             blocks == 1 ? SCP_GOOD : SCP_WRONG_MAC);
            assert_int_equal(b.len, blocks == 1 ? n : 0);
            b.len = 0;
            assert_int_equal(scp_command_unwrap(c, &card, header, span_of(padded, 8 * blocks + 7), &b),
                             SCP_WRONG_MAC);
        }
}

static void test_dek(void **state)
{
    struct uicc_crypto *c = *state;
    uint8_t key[32], there[32], back[32];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    for (int which = 0; which < 3; which++) {
        struct scp_session host, card;
        begin(c, which, &host, &card);
        assert_int_equal(scp_dek_block(&host), which == 0 ? 8 : 16);
        assert_true(scp_dek_encrypt(c, &host, span_of(key, sizeof key), there));
        assert_true(scp_dek_decrypt(c, &card, span_of(there, sizeof there), back));
        assert_memory_equal(key, back, sizeof key);
        assert_false(scp_dek_decrypt(c, &card, span_of(there, 9), back));
    }
}

static void test_lengths_of_keys(void **state)
{
    struct uicc_crypto *c = *state;
    struct scp_keys keys = {.len = 24};
    struct scp_session s;
    const uint8_t challenge[16] = {0};
    assert_false(scp02_begin(c, &keys, 1, challenge, challenge, &s));
    keys.len = 20;
    assert_false(scp03_begin(c, &keys, challenge, challenge, 8, &s));
    keys.len = 16;
    assert_false(scp03_begin(c, &keys, challenge, challenge, 12, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scp02),   cmocka_unit_test(test_scp02_challenge), cmocka_unit_test(test_scp03),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_attacks),         cmocka_unit_test(test_dek),
        cmocka_unit_test(test_padding), cmocka_unit_test(test_lengths_of_keys),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

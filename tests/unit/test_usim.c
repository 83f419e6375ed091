/* SPDX-License-Identifier: Apache-2.0
 *
 * AUTHENTICATE (3GPP TS 31.102 7.1, TS 33.102 6.3 and Annex C), against a network side that is computed from
 * the same keys by the same functions; the functions themselves are checked against 3GPP's conformance data
 * in test_aka.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth_profile.h"

static void send(struct fixture *f, const uint8_t data[34], uint8_t p2, size_t n, bool follow)
{
    uint8_t command[5 + 34 + 1] = {0x00, 0x88, 0x00, p2, (uint8_t)n};
    memcpy(command + 5, data, n);
    fixture_transmit(f, span_of(command, 5 + n), follow);
}

static unsigned sw(const struct fixture *f)
{
    return (unsigned)f->response[f->response_len - 2] << 8 | f->response[f->response_len - 1];
}

static void test_success(void **state)
{
    struct fixture *f = *state;
    struct aka_vector v;
    uint8_t data[34], sres[4], kc[8];
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_challenge(f, 0, 32, data, &v);
    send(f, data, 0x81, 34, false);
    assert_int_equal(sw(f), 0x6135); /* DB, RES 8, CK 16, IK 16, Kc 8: two octets first, as T=0 has it */
    apdu(f, "00C0000035",
         "DB08................10................................10................................08*");
    aka_gsm(&v, sres, kc);
    assert_memory_equal(f->response + 2, v.res, 8);
    assert_memory_equal(f->response + 11, v.ck, 16);
    assert_memory_equal(f->response + 28, v.ik, 16);
    assert_memory_equal(f->response + 45, kc, 8);
    assert_int_equal(sw(f), 0x9000);
}

/* What the terminal keeps in EF.Keys and its kin is in no trace, as what AUTHENTICATE answered is not. */
static void test_keys_not_traced(void **state)
{
    (void)state;
    static const char key[] = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
    static const struct {
        const char *select, *update, *read;
        unsigned size;
    } files[] = {{"00A40804047FFF6F08", "00D6000021", "00B0000021", 0x21},
                 {"00A40804047FFF6F07", "00D6890021", "00B0890021", 0x21},
                 {"00A40804047FFF6FE4", "00DC010436", "00B2010436", 0x36},
                 {"00A40804047FFF5FC0", "00DC011C3E", "00B2011C3E", 0x3E},
                 {"00A40804067FFF5FC04F05", "00D685006E", "00B085006E", 0x6E},
                 {"00A40804067FFF5F3B4F20", "00D6000009", "00B0000009", 0x09}};
    struct fixture f;
    fixture_open(&f, "usim");
    f.tracing = true;
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char command[2 * 130];
        const size_t given = files[i].size < 32 ? files[i].size : 32;
        snprintf(command, sizeof command, "%s%.*s", files[i].update, (int)(2 * given), key);
        for (size_t n = given; n < files[i].size; n++)
            memcpy(command + 10 + 2 * n, "FF", 3);
        exchange(&f, files[i].select, "62*");
        apdu(&f, command, "9000");
        apdu(&f, files[i].read, "A1B2C3D4E5F60718*");
    }
    apdu(&f, "00A4000C026F99", "6A82");
    assert_null(strstr(f.trace, "a1b2c3d4"));
    assert_non_null(strstr(f.trace, "00d6890021 9000")); /* what was done is */
    assert_non_null(strstr(f.trace, "00b2010436 9000"));
    f.tracing = false;
    fixture_close(&f);
}

/* With Le, as srsUE and wpa_supplicant send it. */
static void test_with_le(void **state)
{
    struct fixture *f = *state;
    struct aka_vector v;
    uint8_t command[40] = {0x00, 0x88, 0x00, 0x81, 0x22};
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_challenge(f, 0, 32, command + 5, &v);
    assert_int_equal(fixture_transmit(f, span_of(command, 40), false), 0x6135);
}

static void test_sequence_numbers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t sqn;
        unsigned answer;
    } steps[] = {
        /* SEQ 1 of IND 0; again; SEQ 5 of IND 3; SEQ 2 of IND 1, below the highest but fresh for its IND;
           again; SEQ 4 of IND 3 */
        {1 << 5, 0xDB},     {1 << 5, 0xDC},     {5 << 5 | 3, 0xDB}, {2 << 5 | 1, 0xDB}, {2 << 5 | 1, 0xDC},
        {4 << 5 | 3, 0xDC}, {6 << 5 | 3, 0xDB}, {0, 0xDC},          {31, 0xDC},         {1 << 5 | 31, 0xDB},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        unsigned answer = fixture_authenticate(f, 0, steps[i].sqn);
        if (answer != steps[i].answer)
            fail_msg("step %zu: %02x", i, answer);
        if (i == 4)
            fixture_restart(f); /* SQN is durable before RES leaves the card */
    }
}

/* AUTS carries the highest SQN accepted, MAC-S is over AMF 0000 (TS 33.102 6.3.3), concealed with f5*. */
static void test_auts(void **state)
{
    struct fixture *f = *state;
    struct aka_vector v;
    struct profile_pair pair;
    uint8_t data[34], ak[6], sqn[6], mac[16];
    const uint8_t amf[2] = {0, 0};
    assert_int_equal(fixture_authenticate(f, 0, 0x1234567 << 5 | 2), 0xDB);
    assert_int_equal(fixture_authenticate(f, 0, 0x1000000 << 5 | 3), 0xDB);
    fixture_challenge(f, 0, 0x1000000 << 5 | 3, data, &v);
    send(f, data, 0x81, 34, true);
    assert_int_equal(sw(f), 0x9000);
    assert_memory_equal(f->response, "\xDC\x0E", 2);
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    const struct aka_algorithm *a = aka_algorithm(pair.algorithm);
    assert_true(a->f5star(f->crypto, &pair.key, data + 1, ak));
    for (int i = 0; i < 6; i++)
        sqn[i] = f->response[2 + i] ^ ak[i];
    assert_int_equal(sqn_from(sqn), 0x1234567 << 5 | 2);
    assert_true(a->f1(f->crypto, &pair.key, data + 1, sqn, amf, NULL, mac));
    assert_memory_equal(f->response + 8, mac, 8);
}

static void test_wrong_mac(void **state)
{
    struct fixture *f = *state;
    struct aka_vector v;
    uint8_t data[34];
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    for (size_t i = 0; i < 34;
         i++) { /* any octet of RAND or AUTN changed, whether its SQN would be fresh or not */
        fixture_challenge(f, 0, i % 2 == 0 ? 0 : 32, data, &v);
        data[i] ^= 0x10;
        send(f, data, 0x81, 34, true);
        assert_int_equal(sw(f), i == 0 || i == 17 ? 0x6700 : 0x9862);
    }
    fixture_challenge(f, 0, 32, data, &v); /* none of them moved the sequence number */
    send(f, data, 0x81, 34, true);
    assert_int_equal(f->response[0], 0xDB);
}

static void test_gsm_context(void **state)
{
    struct fixture *f = *state;
    struct aka_vector v;
    uint8_t data[34], sres[4], kc[8];
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_challenge(f, 0, 32, data, &v);
    send(f, data, 0x80, 17, false);
    assert_int_equal(sw(f), 0x610E); /* exactly that: EAP-SIM peers look for it */
    apdu(f, "00C000000E", "04........08................9000");
    aka_gsm(&v, sres, kc);
    assert_memory_equal(f->response + 1, sres, 4);
    assert_memory_equal(f->response + 6, kc, 8);
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    apdu(f,
         "00880081"
         "11"
         "1000000000000000000000000000000000",
         "6D00"); /* no USIM selected */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f,
         "00880081"
         "11"
         "1000000000000000000000000000000000",
         "6700");
    apdu(f,
         "00880081"
         "02"
         "1000",
         "6700");
    apdu(f, "00880081", "6700");
    apdu(f, "0088008100", "6700");
    apdu(f,
         "00880180"
         "11"
         "1000000000000000000000000000000000",
         "6A86");
    apdu(f,
         "00880001"
         "11"
         "1000000000000000000000000000000000",
         "6A86");
    apdu(f,
         "008800C1"
         "11"
         "1000000000000000000000000000000000",
         "6A86");
    apdu(f,
         "00880084"
         "11"
         "1000000000000000000000000000000000",
         "9864"); /* GBA is not there */
    exchange(f, "00A4000C023F00", "9000");
    apdu(f,
         "00880080"
         "11"
         "1000000000000000000000000000000000",
         "6985"); /* the current directory is not the USIM's */
    exchange(f, "00A4000C027FFF", "9000");
    apdu(f,
         "00880080"
         "11"
         "1000000000000000000000000000000000",
         "610E");
}

static void test_needs_pin(void **state)
{
    struct fixture *f = *state;
    apdu(f,
         "0028000108"
         "31323334FFFFFFFF",
         "9000");
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f,
         "00880080"
         "11"
         "1000000000000000000000000000000000",
         "6982");
    apdu(f,
         "0020000108"
         "31323334FFFFFFFF",
         "9000");
    apdu(f,
         "00880080"
         "11"
         "1000000000000000000000000000000000",
         "610E");
}

/* A power cut between the challenge and the answer may cost the answer, never the memory of the challenge. */
static void test_cut(void **state)
{
    struct fixture *f = *state;
    fault_store_cut_at(f->store, 0);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6581);
    fixture_restart(f);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDC);
}

static void test_other_contexts(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f,
         "0088008211"
         "1000000000000000000000000000000000",
         "9864"); /* VGCS/VBS */
    apdu(f,
         "0088008311"
         "1000000000000000000000000000000000",
         "6A86"); /* reserved */
    apdu(f,
         "0088008511"
         "1000000000000000000000000000000000",
         "6A86"); /* MBMS, with the even INS */
    apdu(f,
         "0088008711"
         "1000000000000000000000000000000000",
         "6A86");
    apdu(f, "0089808503730141", "9864"); /* MBMS */
    apdu(f, "0089808603530141", "9864"); /* Local Key Establishment */
    apdu(f,
         "0089808511"
         "1000000000000000000000000000000000",
         "6A80");
    apdu(f,
         "0089808111"
         "1000000000000000000000000000000000",
         "6A86");
    apdu(f, "0089408503730141", "6A86");
    apdu(f, "0089008503730141", "6985");
    apdu(f, "0089A085", "6985");
    apdu(f, "0089208500", "6985");
    apdu(f, "00898085", "6700");
    apdu(f, "0089A0850141", "6700");
    apdu(f,
         "8088008111"
         "1000000000000000000000000000000000",
         "6D00");
}

/* ---- other algorithms and parameters, through the card; the functions themselves are checked in test_aka.c
 * ---- */

#define TUAK_KEYS                                                                                            \
    "    k: fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\n"                              \
    "    topc: 305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524\n"

static const uint8_t usual_services[] = {27, 38, 0};

/* As fixture_challenge, for any length of MAC: the data of AUTHENTICATE, and its length. */
static size_t any_challenge(struct fixture *f, uint64_t sqn, uint8_t data[2 + 16 + 40],
                            struct aka_vector *expected)
{
    struct profile_pair pair;
    const uint8_t amf[2] = {0x80, 0x00};
    uint8_t octets[6], mac[AKA_MAC_MAX];
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    const struct aka_algorithm *a = aka_algorithm(pair.algorithm);
    size_t n = aka_mac_len(a, &pair.key);
    struct buf out = buf_of(data, 2 + 16 + 40);
    buf_u8(&out, 16);
    assert_true(crypto_random(NULL, buf_grow(&out, 16), 16));
    assert_true(a->f2345(f->crypto, &pair.key, data + 1, expected));
    sqn_to(sqn, octets);
    assert_true(a->f1(f->crypto, &pair.key, data + 1, octets, amf, mac, NULL));
    for (int i = 0; i < 6; i++)
        octets[i] ^= expected->ak[i];
    buf_u8(&out, (uint8_t)(8 + n));
    buf_put(&out, span_of(octets, 6));
    buf_put(&out, span_of(amf, 2));
    buf_put(&out, span_of(mac, n));
    return out.len;
}

static void say(struct fixture *f, uint8_t p2, const uint8_t *data, size_t n)
{
    uint8_t command[5 + 58] = {0x00, 0x88, 0x00, p2, (uint8_t)n};
    memcpy(command + 5, data, n);
    fixture_transmit(f, span_of(command, 5 + n), true);
}

static void assert_counted(struct reader *r, const uint8_t *expected, size_t n)
{
    struct span got = rd_take(r, rd_u8(r));
    assert_true(rd_ok(r));
    assert_int_equal(got.n, n);
    assert_memory_equal(got.p, expected, n);
}

static void test_algorithms(void **state)
{
    static const struct {
        const char *pair;
        uint8_t res, ck, ik, mac;
    } rows[] = {
        {"  - algorithm: tuak\n" TUAK_KEYS, 8, 16, 16, 8},
        {"  - algorithm: tuak\n" TUAK_KEYS "    tuak: {mac: 128, res: 32, ck: 256, ik: 128, iterations: 2}\n",
         4, 32, 16, 16},
        {"  - algorithm: tuak\n" TUAK_KEYS "    tuak: {mac: 256, res: 256, ck: 256, ik: 256}\n", 32, 32, 32,
         32},
        {"  - algorithm: tuak\n    k: derived\n    topc: derived\n    tuak: {k: 256, res: 128, ck: 128, ik: "
         "256}\n",
         16, 16, 32, 8},
        {"  - algorithm: tuak\n    k: derived\n    top: "
         "305425427e18c503c8a4b294ea72c95d0c36c6c6b29d0c65de5974d5977f8524\n",
         8, 16, 16, 8},
        {"  - algorithm: xor\n    k: 000102030405060708090a0b0c0d0e0f\n", 16, 16, 16, 8},
        {"  - algorithm: xor\n    k: derived\n    xor: {res: 72}\n", 9, 16, 16, 8},
        {"  - algorithm: milenage\n    k: derived\n    opc: derived\n"
         "    milenage: {r: [3, 127, 65, 8, 1], c: [00000000000000000000000000000000, "
         "01000000000000000000000000000001, "
         "02000000000000000000000000000002, 03000000000000000000000000000003, "
         "04000000000000000000000000000004]}\n",
         8, 16, 16, 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        struct aka_vector v;
        uint8_t data[58], sres[4], kc[8];
        auth_open(&f, &(struct auth_profile){.ust = usual_services, .pair = rows[i].pair});
        exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
        size_t n = any_challenge(&f, 32, data, &v);
        assert_int_equal(n, 18 + 8 + rows[i].mac);
        say(&f, 0x81, data, n);
        assert_int_equal(sw(&f), 0x9000);
        struct reader r = rd_of(span_of(f.response, f.response_len - 2));
        assert_int_equal(rd_u8(&r), 0xDB);
        aka_gsm(&v, sres, kc);
        assert_counted(&r, v.res, rows[i].res);
        assert_counted(&r, v.ck, rows[i].ck);
        assert_counted(&r, v.ik, rows[i].ik);
        assert_counted(&r, kc, 8);
        assert_true(rd_done(&r));
        say(&f, 0x81, data, n); /* a replay: AUTS is as long as the MAC makes it */
        assert_int_equal(f.response[0], 0xDC);
        assert_int_equal(f.response[1], 6 + rows[i].mac);
        assert_int_equal(f.response_len, 2 + 6 + rows[i].mac + 2);
        say(&f, 0x80, data, 17);
        r = rd_of(span_of(f.response, f.response_len - 2));
        assert_counted(&r, sres, 4);
        assert_counted(&r, kc, 8);
        fixture_restart(&f);
        exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
        say(&f, 0x81, data, n);
        assert_int_equal(f.response[0], 0xDC);
        n = any_challenge(&f, 64, data, &v);
        data[n - 1] ^= 1; /* the last octet of the MAC counts, too */
        say(&f, 0x81, data, n);
        assert_int_equal(sw(&f), 0x9862);
        data[n - 1] ^= 1;
        data[17]--; /* AUTN one octet short for this key */
        say(&f, 0x81, data, n - 1);
        assert_int_equal(sw(&f), 0x6700);
        data[17]++;
        say(&f, 0x81, data, n);
        assert_int_equal(f.response[0], 0xDB);
        fixture_close(&f);
    }
}

/* What the loader says of pairs that cannot be. */
static void test_refused_pairs(void **state)
{
#define K        "    k: derived\n"
#define TUAK     "  - algorithm: tuak\n" K "    topc: derived\n"
#define MILENAGE "  - algorithm: milenage\n" K "    opc: derived\n"
#define C(n)     "0" #n "000000000000000000000000000000"
    static const struct {
        const char *pair, *error;
    } rows[] = {
        {"  - algorithm: comp128\n" K,
         "pairs[0].algorithm: no algorithm \"comp128\"; there are: milenage, tuak, xor"},
        {"  - algorithm: tuak\n" K, "pairs[0]: give either \"topc\" or \"top\""},
        {"  - algorithm: tuak\n" K "    opc: derived\n", "pairs[0].opc: tuak has none; TUAK has \"topc\""},
        {"  - algorithm: milenage\n" K "    topc: derived\n", "pairs[0].topc: milenage has none"},
        {"  - algorithm: milenage\n" K "    top: derived\n", "pairs[0].top: milenage has none"},
        {"  - algorithm: tuak\n" K "    top: derived\n", "pairs[0].top: an OP is an operator's"},
        {TUAK "    top: derived\n", "pairs[0]: give either"},
        {"  - algorithm: tuak\n" K "    topc: 63bfa50ee6523365ff14c1f45f88737d\n",
         "pairs[0].topc: 16 octets; must be 32"},
        {"  - algorithm: tuak\n    k: 465b5ce8b199b49faa5f0a2ee238a6bc465b5ce8b199b49f\n    topc: derived\n",
         "pairs[0].k: 24 octets; must be 16 or 32"},
        {"  - algorithm: tuak\n    k: 465b5ce8b199b49faa5f0a2ee238a6bc\n    topc: derived\n    tuak: {k: "
         "256}\n",
         "pairs[0].k: 16 octets; must be 32"},
        {TUAK "    tuak: {k: 192}\n", "pairs[0].tuak.k: must be one of: 128, 256 (bits)"},
        {TUAK "    tuak: {mac: 32}\n", "pairs[0].tuak.mac: must be one of: 64, 128, 256 (bits)"},
        {TUAK "    tuak: {res: 16}\n", "pairs[0].tuak.res: must be one of: 32, 64, 128, 256 (bits)"},
        {TUAK "    tuak: {ck: 64}\n", "pairs[0].tuak.ck: must be one of: 128, 256"},
        {TUAK "    tuak: {ik: 0}\n", "pairs[0].tuak.ik: must be one of: 128, 256"},
        {TUAK "    tuak: {iterations: 0}\n", "pairs[0].tuak.iterations: must be 1 to 16"},
        {TUAK "    tuak: {iterations: 17}\n", "pairs[0].tuak.iterations: must be 1 to 16"},
        {TUAK "    tuak: {rounds: 1}\n", "no such key here"},
        {TUAK "    xor: {res: 64}\n", "pairs[0].xor: parameters of another algorithm"},
        {MILENAGE "    tuak: {res: 64}\n", "pairs[0].tuak: parameters of another algorithm"},
        {"  - algorithm: xor\n" K "    opc: derived\n", "pairs[0].opc: xor has none; remove it"},
        {"  - algorithm: xor\n" K "    xor: {res: 24}\n", "pairs[0].xor.res: must be 32 to 128 bits"},
        {"  - algorithm: xor\n" K "    xor: {res: 65}\n", "pairs[0].xor.res: must be 32 to 128 bits"},
        {MILENAGE "    milenage: {r: [1, 2, 3, 4], c: [" C(0) ", " C(1) ", " C(2) ", " C(3) ", " C(4) "]}\n",
         "pairs[0].milenage.r: must have 5 to 5 entries"},
        {MILENAGE
         "    milenage: {r: [1, 2, 3, 4, 128], c: [" C(0) ", " C(1) ", " C(2) ", " C(3) ", " C(4) "]}\n",
         "pairs[0].milenage.r[4]: must be 0 to 127"},
        {MILENAGE "    milenage: {r: [1, 2, 3, 4, 5], c: [" C(0) ", " C(1) ", 02, " C(3) ", " C(4) "]}\n",
         "pairs[0].milenage.c[2]: 1 octet; must be 16"},
        {MILENAGE
         "    milenage: {r: [1, 2, 3, 4, 2], c: [" C(0) ", " C(1) ", " C(2) ", " C(3) ", " C(1) "]}\n",
         "pairs[0].milenage.c[4]: r and c are the same as those of f2"},
        {MILENAGE "    milenage: {r: [1, 2, 3, 4, 5]}\n", "\"c\" is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct profile_error error;
        char *text = auth_text(&(struct auth_profile){.pair = rows[i].pair});
        assert_null(profile_load_text(text, strlen(text), "t", &error));
        if (strstr(error.text, rows[i].error) == NULL)
            fail_msg("row %zu: %s", i, error.text);
        free(text);
    }
    /* the test algorithm is for test cards */
    struct profile_error error;
    char *text = auth_text(&(struct auth_profile){.pair = "  - algorithm: xor\n" K});
    memcpy(strstr(text, "insecure: true"), "insecure: no  ", 14);
    assert_null(profile_load_text(text, strlen(text), "t", &error));
    assert_non_null(strstr(error.text, "pairs[0].algorithm: the test algorithm protects nothing"));
    free(text);
}

/* Each pair has its own way with sequence numbers: here no IND, jumps of at most 10, none older than the
 * highest. */
static void test_sequence_profile(void **state)
{
    static const struct {
        uint64_t sqn;
        uint8_t answer;
    } steps[] = {
        {10, 0xDB}, {21, 0xDC}, {20, 0xDB}, {20, 0xDC}, {19, 0xDC}, {30, 0xDB}, {0xFFFFFFFFFFFF, 0xDC}};
    (void)state;
    struct fixture f;
    auth_open(&f, &(struct auth_profile){.ust = usual_services,
                                         .pair = "  - algorithm: tuak\n" TUAK_KEYS
                                                 "    sqn: {ind-bits: 0, delta: 10, age: 1}\n"});
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct aka_vector v;
        uint8_t data[58];
        size_t n = any_challenge(&f, steps[i].sqn, data, &v);
        say(&f, 0x81, data, n);
        if (f.response[0] != steps[i].answer)
            fail_msg("step %zu: %02x", i, f.response[0]);
    }
    fixture_close(&f);
}

/* EF.UST gates: no Kc without service 27, no GSM context without 38. */
static void test_services(void **state)
{
    static const uint8_t none[] = {1, 0};
    (void)state;
    struct fixture f;
    struct aka_vector v;
    uint8_t data[58];
    auth_open(&f, &(struct auth_profile){.ust = none, .pair = "  - algorithm: tuak\n" TUAK_KEYS});
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    size_t n = any_challenge(&f, 32, data, &v);
    say(&f, 0x80, data, 17);
    assert_int_equal(sw(&f), 0x9864);
    say(&f, 0x81, data, n);
    assert_int_equal(f.response_len, 1 + 9 + 17 + 17 + 2);
    fixture_close(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup_bare, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_success),
        T(test_with_le),
        cmocka_unit_test(test_keys_not_traced),
        T(test_sequence_numbers),
        T(test_auts),
        T(test_wrong_mac),
        T(test_gsm_context),
        T(test_refusals),
        T(test_needs_pin),
        T(test_cut),
        T(test_other_contexts),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_refused_pairs),
        cmocka_unit_test(test_sequence_profile),
        cmocka_unit_test(test_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * AUTHENTICATE (3GPP TS 31.102 7.1, TS 33.102 6.3 and Annex C), against a network side that is computed from the same keys by the same functions; the functions
 * themselves are checked against 3GPP's conformance data in test_aka.c.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_open(f, "test");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

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
    apdu(f, "00C0000035", "DB08................10................................10................................08*");
    aka_gsm(&v, sres, kc);
    assert_memory_equal(f->response + 2, v.res, 8);
    assert_memory_equal(f->response + 11, v.ck, 16);
    assert_memory_equal(f->response + 28, v.ik, 16);
    assert_memory_equal(f->response + 45, kc, 8);
    assert_int_equal(sw(f), 0x9000);
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
        /* SEQ 1 of IND 0; again; SEQ 5 of IND 3; SEQ 2 of IND 1, below the highest but fresh for its IND; again; SEQ 4 of IND 3 */
        {1 << 5, 0xDB}, {1 << 5, 0xDC}, {5 << 5 | 3, 0xDB}, {2 << 5 | 1, 0xDB}, {2 << 5 | 1, 0xDC}, {4 << 5 | 3, 0xDC},
        {6 << 5 | 3, 0xDB}, {0, 0xDC}, {31, 0xDC}, {1 << 5 | 31, 0xDB},
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
    for (size_t i = 0; i < 34; i++) { /* any octet of RAND or AUTN changed, whether its SQN would be fresh or not */
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
    apdu(f, "00880081" "11" "1000000000000000000000000000000000", "6D00"); /* no USIM selected */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "00880081" "11" "1000000000000000000000000000000000", "6700");
    apdu(f, "00880081" "02" "1000", "6700");
    apdu(f, "00880081", "6700");
    apdu(f, "0088008100", "6700");
    apdu(f, "00880180" "11" "1000000000000000000000000000000000", "6A86");
    apdu(f, "00880001" "11" "1000000000000000000000000000000000", "6A86");
    apdu(f, "008800C1" "11" "1000000000000000000000000000000000", "6A86");
    apdu(f, "00880084" "11" "1000000000000000000000000000000000", "9864"); /* GBA is not there */
    exchange(f, "00A4000C023F00", "9000");
    apdu(f, "00880080" "11" "1000000000000000000000000000000000", "6985"); /* the current directory is not the USIM's */
    exchange(f, "00A4000C027FFF", "9000");
    apdu(f, "00880080" "11" "1000000000000000000000000000000000", "610E");
}

static void test_needs_pin(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0028000108" "31323334FFFFFFFF", "9000");
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "00880080" "11" "1000000000000000000000000000000000", "6982");
    apdu(f, "0020000108" "31323334FFFFFFFF", "9000");
    apdu(f, "00880080" "11" "1000000000000000000000000000000000", "610E");
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_success), T(test_with_le), T(test_sequence_numbers), T(test_auts), T(test_wrong_mac),
        T(test_gsm_context), T(test_refusals), T(test_needs_pin), T(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

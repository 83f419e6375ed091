/* SPDX-License-Identifier: Apache-2.0
 *
 * The ISIM's AUTHENTICATE (3GPP TS 31.103 7.1): IMS AKA; the other contexts in test_gba.c or refused.
 */
#include "auth_profile.h"

#define ISIM "00A4040C07" ISIM_AID_PREFIX
#define RAND "23553CBE9637A89D218AE64DAE47BF35"
#define AUTN "55F328B43577B9B94A9FFAC354DFAFB3" /* SQN FF9BB4D0B607, AMF B9B9 */

static int setup(void **state)
{
    static const uint8_t ist[] = {1, 3, 4, 0}, ust[] = {27, 38, 0};
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    auth_open(f, &(struct auth_profile){.ust = ust, .ist = ist});
    *state = f;
    return 0;
}

/* The whole of test set 1: RES, CK, IK, and never a Kc. */
static void test_aka(void **state)
{
    struct fixture *f = *state;
    exchange(f, ISIM, "9000");
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN,
             "DB08A54211D5E3BA50BF"
             "10B40BA9A3C58B2A05BBF0D987B21BF8CB"
             "10F769BCD751044604127672711C6D3441"
             "9000");
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN,
             "DC0E*");
    /* one K, one sequence number: the USIM has seen it, too */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN,
             "DC0E*");
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    exchange(f, ISIM, "9000");
    apdu(f,
         "0088008122"
         "10" RAND "10"
         "55F328B43577B9B94A9FFAC354DFAFB2",
         "9862");
    apdu(f,
         "0088008111"
         "10" RAND,
         "6700");
    apdu(f,
         "0088008123"
         "10" RAND "10" AUTN "00",
         "6700");
    apdu(f,
         "0088008120"
         "0F23553CBE9637A89D218AE64DAE47BF"
         "0F"
         "55F328B43577B9B94A9FFAC354DFAF",
         "6700");
    apdu(f,
         "0088008121"
         "10" RAND "0F"
         "55F328B43577B9B94A9FFAC354DFAF",
         "6700");
    apdu(f, "00880081", "6700");
    apdu(f,
         "0088008011"
         "10" RAND,
         "6A86"); /* an ISIM has no GSM context */
    apdu(f,
         "0088008222"
         "10" RAND "10" AUTN,
         "9864"); /* HTTP digest */
    apdu(f,
         "0088008423"
         "DD10" RAND "10" AUTN,
         "9864"); /* service 2 is not there */
    apdu(f,
         "0088008522"
         "10" RAND "10" AUTN,
         "6A86");
    apdu(f,
         "0088008622"
         "10" RAND "10" AUTN,
         "6A86");
    apdu(f,
         "0088000122"
         "10" RAND "10" AUTN,
         "6A86");
    apdu(f,
         "0088018122"
         "10" RAND "10" AUTN,
         "6A86");
    apdu(f, "8078000100", "6D00"); /* GET IDENTITY is the USIM's */
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN,
             "DB*");
}

static void test_odd(void **state)
{
    struct fixture *f = *state;
    exchange(f, ISIM, "9000");
    apdu(f, "0089808603730141", "9864"); /* Local Key Establishment */
    apdu(f, "0089808503730141", "9864");
    apdu(f, "0089808603800141", "6A80");
    apdu(f, "0089808103730141", "6A86");
    apdu(f, "0089818603730141", "6A86");
    apdu(f, "0089008603730141", "6985");
    apdu(f, "0089A086", "6985");
    apdu(f, "00892086", "6985");
    apdu(f, "0089A08603730141", "6700");
    apdu(f, "00898086", "6700");
    apdu(f, "00890086", "6700");
}

static void test_needs_pin(void **state)
{
    struct fixture *f = *state;
    apdu(f,
         "0028000108"
         "31323334FFFFFFFF",
         "9000");
    fixture_reset(f);
    exchange(f, ISIM, "9000");
    apdu(f,
         "0088008122"
         "10" RAND "10" AUTN,
         "6982");
    apdu(f, "0089808603730141", "6982");
    apdu(f,
         "0020000108"
         "31323334FFFFFFFF",
         "9000");
    exchange(f, "00A4000C023F00", "9000");
    apdu(f,
         "0088008122"
         "10" RAND "10" AUTN,
         "6985");
    exchange(f, "00A4000C027FFF", "9000");
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN,
             "DB*");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_aka), T(test_refusals), T(test_odd), T(test_needs_pin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

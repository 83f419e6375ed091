/* SPDX-License-Identifier: Apache-2.0
 *
 * USAT application pairing (requirement P2; 3GPP TS 31.102 4.2.100 to 4.2.102): a card that was bound to its
 * machine and moved to another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"

/* Mobile identities, TS 24.008 10.5.1.4: the IMEI 352099100170480 and others; digits in pairs, the low half
 * first, behind the first one and the type */
#define IMEI_OURS  "3A25901900714008"
#define IMEI_LOW   "3A25901900714000"
#define IMEI_HIGH  "3A25901900714909"
#define IMEI_OTHER "8A46090100214305"
#define SV_OURS    "332590190071400812"
#define RANGE      "8010" IMEI_LOW IMEI_HIGH "FFFF"
#define NO_RANGE   "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"

static struct fixture fixture;

static int setup(void **state)
{
    fixture_open(&fixture, "paired");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static void write_list(struct fixture *f, const char *record)
{
    char command[80];
    apdu(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026FF0", "9*");
    snprintf(command, sizeof command, "00DC010414%s", record);
    apdu(f, command, "9*");
}

static void list_over_air(struct fixture *f, const char *record, struct fixture_por *por)
{
    char script[80];
    snprintf(script, sizeof script, "00A4000C026FF000DC010414%s", record);
    const struct fixture_ota ota = {0, FIXTURE_SPI, "B00001", script, 0};
    fixture_ota(f, &ota, por);
}

/* A power-up in a terminal with this IMEI. */
static void in_terminal(struct fixture *f, const char *imei)
{
    char rest[40];
    snprintf(rest, sizeof rest, "1408%s", imei);
    fixture_reset(f);
    exchange(f, "8010000004FFFFFFFF", "91*");
    exchange(f, "8012000000",
             "D0098103..260182028182"
             "9000");
    answer_proactive(f, 0, rest, "9000");
}

/* SQN goes on from test to test step. */
static uint64_t next_sqn(void)
{
    static uint64_t sqn = 32;
    return sqn += 32;
}

static unsigned authenticate(struct fixture *f)
{
    return fixture_authenticate(f, 0, next_sqn());
}

/* GBA_U in the application that is selected (TS 31.102 7.1.1): a bootstrapping, and a key of what the last
 * one that succeeded left. */
static void bootstrap(struct fixture *f, const char *pattern)
{
    struct aka_vector v;
    uint8_t data[34], hash[20];
    char hex[69], command[90];
    fixture_challenge(f, 0, next_sqn(), data, &v);
    assert_true(digest_sha1(f->crypto, span_of(v.ik, v.ik_len), hash));
    for (size_t i = 0; i < 8; i++) /* TS 33.220 5.3.2 */
        data[26 + i] ^= hash[i];
    hex_format(span_of(data, sizeof data), hex);
    snprintf(command, sizeof command, "0088008423DD%s00", hex);
    exchange(f, command, pattern);
}

#define DERIVE "008800840ADE05410100000002424300"

static void status(struct fixture *f, const char *newest)
{
    char pattern[16];
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026FF1", "9*");
    snprintf(pattern, sizeof pattern, "%s9000", newest);
    apdu(f, "00B2010404", pattern);
}

#define OK_1 "4F4B01FF"
#define KO_1 "4B4F01FF"
#define OK_2 "4F4B02FF"
#define KO_2 "4B4F02FF"

/* P2: at home, elsewhere, at home again. */
static void test_moved(void **state)
{
    struct fixture *f = *state;
    write_list(f, RANGE);
    in_terminal(f, IMEI_OURS);
    assert_int_equal(authenticate(f), 0xDB);
    in_terminal(f, IMEI_OTHER);
    assert_int_equal(authenticate(f), 0x6985);
    fixture_restart(f); /* neither power nor the program's end helps */
    in_terminal(f, IMEI_OTHER);
    assert_int_equal(authenticate(f), 0x6985);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f,
         "0088008011"
         "1000112233445566778899AABBCCDDEEFF",
         "6*"); /* m2m has no GSM context either way */
    in_terminal(f, IMEI_OURS);
    assert_int_equal(authenticate(f), 0xDB);
}

/* A card that was suspended finds out anew where it is when it is resumed: the terminal sends
 * no TERMINAL PROFILE then. */
static void test_resumed(void **state)
{
    struct fixture *f = *state;
    char resume[40] = "8076010008", token[20];
    write_list(f, RANGE);
    in_terminal(f, IMEI_OURS);
    assert_int_equal(authenticate(f), 0xDB);
    exchange(f, "8076000004"
                "00010401",
             "0401................9000");
    hex_format(span_of(f->response + 2, 8), token);
    strcat(resume, token);
    fixture_reset(f);
    apdu(f, resume, "91*");
    assert_int_equal(authenticate(f), 0x6985); /* it does not know yet */
    exchange(f, "8012000000", "D0098103..260182028182" "9000");
    answer_proactive(f, 0, "1408" IMEI_OURS, "9000");
    assert_int_equal(authenticate(f), 0xDB);
}

/* Who has been here, readable by anybody; who exactly, by the operator. */
static void test_files(void **state)
{
    struct fixture *f = *state;
    write_list(f, RANGE);
    status(f, "FFFFFFFF");
    in_terminal(f, IMEI_OURS);
    status(f, OK_1);
    in_terminal(f, IMEI_OTHER);
    status(f, KO_2);
    in_terminal(f, IMEI_OURS); /* its record again */
    status(f, OK_1);
    apdu(f, "00B2020404", KO_2 "9000");
    apdu(f, "00B2030404", OK_1 "9000");
    exchange(f, "00A4000C026FF2", "9000");
    apdu(f, "00B201040B", "6982");
    apdu(f, "0020000A083132333435363738", "9000");
    apdu(f, "00B201040B", "8008" IMEI_OURS "FF9000");
    apdu(f, "00B202040B", "8008" IMEI_OTHER "FF9000");
    apdu(f, "00B203040B", "FFFFFFFFFFFFFFFFFFFFFF9000");
    /* TS 31.102 4.2.102: nothing of who had the record before is left behind him that has it now */
    apdu(f, "00DC01040BFFFFFFFFFFFFFFFFFFFFAA", "9000");
    in_terminal(f, "3A25901900714100");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026FF2", "9000");
    apdu(f, "0020000A083132333435363738", "9000");
    apdu(f, "00B201040B", "80083A25901900714100FF9000");
}

/* Before the terminal said who it is: as the profile wants it. */
static void test_unknown(void **state)
{
    struct fixture *f = *state;
    write_list(f, RANGE);
    fixture_reset(f);
    assert_int_equal(authenticate(f), 0x6985);
    exchange(f, "8010000004FFFFFF3F", "9000"); /* a terminal that does not say its IMEI */
    assert_int_equal(authenticate(f), 0x6985);
    fixture_reset(f);
    exchange(f, "8010000004FFFFFFFF", "91*");
    assert_int_equal(authenticate(f), 0x6985);
    exchange(f, "8012000000", "D0*");
    answer_proactive(f, 0x20, "", "9000"); /* busy: not known */
    assert_int_equal(authenticate(f), 0x6985);
    fixture_close(f);
    fixture_open_text(f, "format: 1\ninclude: paired\napplets:\n  - {class: pairing, params: '00'}\n");
    write_list(f, RANGE);
    fixture_reset(f);
    assert_int_equal(authenticate(f), 0xDB);
    in_terminal(f, IMEI_OTHER);
    assert_int_equal(authenticate(f), 0x6985);
}

/* An empty list binds to nothing; ranges have bounds; what is no range is none. */
static void test_list(void **state)
{
    struct fixture *f = *state;
    in_terminal(f, IMEI_OTHER);
    assert_int_equal(authenticate(f), 0xDB);
    static const struct {
        const char *record, *imei;
        unsigned answer;
    } cases[] = {
        {"8010" IMEI_LOW IMEI_LOW "FFFF", IMEI_LOW, 0xDB},
        {"8010" IMEI_LOW IMEI_LOW "FFFF", "3A25901900714090", 0xDB}, /* only the check digit differs */
        {"8010" IMEI_LOW IMEI_LOW "FFFF", "3A25901900714100", 0x6985},
        {"8010" IMEI_LOW IMEI_HIGH "FFFF", IMEI_HIGH, 0xDB},
        {"8010" IMEI_LOW IMEI_HIGH "FFFF", "3A25901900814000", 0x6985},
        {"8010" IMEI_HIGH IMEI_LOW "FFFF", IMEI_LOW, 0x6985}, /* upside down */
        {"8010FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", IMEI_OTHER, 0xDB},
        {"80FF" IMEI_LOW IMEI_LOW "FFFF", IMEI_OTHER, 0xDB},
        {"8210" IMEI_LOW IMEI_LOW "FFFF", IMEI_OTHER, 0xDB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_list(f, cases[i].record);
        in_terminal(f, cases[i].imei);
        if (authenticate(f) != cases[i].answer)
            fail_msg("case %zu: %s in a terminal with %s", i, cases[i].record, cases[i].imei);
    }
}

static void test_imeisv(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026FF0", "9000");
    apdu(f,
         "00DC010414"
         "8112" SV_OURS SV_OURS,
         "9000");
    fixture_reset(f);
    exchange(f, "8010000012FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "91*");
    exchange(f, "8012000000", "D0098103..2601820281829000");
    answer_proactive(f, 0, "1408" IMEI_OURS, "91*");
    assert_int_equal(authenticate(f), 0x6985); /* half the answer is none */
    exchange(f, "8012000000", "D0098103..2608820281829000");
    answer_proactive(f, 0, "6209" SV_OURS, "9000");
    assert_int_equal(authenticate(f), 0xDB);
    status(f, OK_1);
    fixture_reset(f);
    exchange(f, "8010000012FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "91*");
    exchange(f, "8012000000", "D0*");
    answer_proactive(f, 0, "1408" IMEI_OURS, "91*");
    exchange(f, "8012000000", "D0*");
    answer_proactive(f, 0,
                     "6209"
                     "332590190071400813",
                     "9000"); /* another software */
    assert_int_equal(authenticate(f), 0x6985);
}

/* The operator changes the list by remote file management: it counts at once. */
static void test_over_the_air(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    write_list(f, RANGE);
    in_terminal(f, IMEI_OTHER);
    assert_int_equal(authenticate(f), 0x6985);
    status(f, KO_1);
    list_over_air(f, "8010" IMEI_OTHER IMEI_OTHER "FFFF", &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data, "\x02\x90\x00", 3);
    assert_int_equal(authenticate(f), 0xDB);
    status(f, OK_1);
    list_over_air(f, RANGE, &por);
    assert_int_equal(authenticate(f), 0x6985);
    list_over_air(f, NO_RANGE, &por);
    assert_int_equal(authenticate(f), 0xDB);
}

/* A list that changes counts as well for a terminal that does not say who it is. */
static void test_list_of_unknown(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    fixture_reset(f);
    assert_int_equal(authenticate(f), 0xDB); /* an empty list need not know */
    exchange(f, "8010000004FFFFFFFF", "91*");
    exchange(f, "8012000000", "D0*");
    answer_proactive(f, 0x30, "", "9000"); /* beyond its capabilities */
    assert_int_equal(authenticate(f), 0xDB);
    list_over_air(f, RANGE, &por);
    assert_int_equal(authenticate(f), 0x6985);
    list_over_air(f, NO_RANGE, &por);
    assert_int_equal(authenticate(f), 0xDB);
}

/* A change that could not be stored is none, in this power session either. */
static void test_list_not_stored(void **state)
{
    struct fixture *f = *state;
    write_list(f, RANGE);
    in_terminal(f, IMEI_OTHER);
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026FF0", "9000");
    fault_store_fail_at(f->store, 0);
    apdu(f, "00DC010414" NO_RANGE, "6581");
    assert_int_equal(authenticate(f), 0x6985);
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4000C026FF0", "9000");
    apdu(f, "00B2010414", RANGE "9000");
}

/* A range of IMEISVs that comes later: who was not asked for his is asked, and not cut off for it. */
static void test_imeisv_later(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    write_list(f, RANGE);
    fixture_reset(f);
    exchange(f, "8010000012FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "91*");
    exchange(f, "8012000000", "D0098103..2601820281829000");
    answer_proactive(f, 0, "1408" IMEI_OURS, "9000");
    assert_int_equal(authenticate(f), 0xDB);
    list_over_air(f, "8112" SV_OURS SV_OURS, &por);
    assert_int_equal(por.sw >> 8, 0x91);
    assert_int_equal(authenticate(f), 0x6985); /* it does not know yet */
    exchange(f, "8012000000",
             "D0098103..260882028182"
             "9000");
    answer_proactive(f, 0, "6209" SV_OURS, "9000");
    assert_int_equal(authenticate(f), 0xDB);
}

/* More devices than records: the one behind the newest goes. */
static void test_many_devices(void **state)
{
    struct fixture *f = *state;
    char imei[17];
    for (unsigned i = 0; i < 45; i++) {
        snprintf(imei, sizeof imei, "3A259019007%02u400", i);
        in_terminal(f, imei);
        char newest[9];
        snprintf(newest, sizeof newest, "4F4B%02XFF", i % 20 + 1);
        status(f, newest);
    }
    in_terminal(f, "3A25901900744400"); /* known: its own record */
    status(f, "4F4B05FF");
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4000C026FF2", "9000");
    apdu(f, "00B205040B",
         "8008"
         "3A25901900744400"
         "FF9000");
}

/* A card with every context there is: in a foreign terminal none of them answers, and
 * class A0 does not either. */
static void test_every_context(void **state)
{
#define RAND "000102030405060708090A0B0C0D0E0F"
    struct fixture *f = *state;
    fixture_close(f);
    fixture_open_text(f, "format: 1\nname: bound\ninclude: [usim, part-pairing]\n");
    write_list(f, RANGE);
    static const struct {
        const char *imei;
        bool ours;
    } terminals[] = {{IMEI_OURS, true}, {IMEI_OTHER, false}, {IMEI_OURS, true}};
    for (size_t i = 0; i < sizeof terminals / sizeof terminals[0]; i++) {
        const bool ours = terminals[i].ours;
        in_terminal(f, terminals[i].imei);
        assert_int_equal(authenticate(f), ours ? 0xDB : 0x6985);
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
        /* GSM context */
        exchange(f, "008800801110" RAND "00", ours ? "04........08................9000" : "6985");
        /* what was bootstrapped at home outlives power */
        bootstrap(f, ours ? "DB08*" : "6985");
        exchange(f, DERIVE, ours ? "DB20*" : "6985");
        exchange(f, "00A4040C07A0000000871004", "9000");
        /* IMS AKA: not even whether MAC is right */
        exchange(f, "008800812210" RAND "10" RAND "00", ours ? "9862" : "6985");
        bootstrap(f, ours ? "DB08*" : "6985");
        exchange(f, DERIVE, ours ? "DB20*" : "6985");
        apdu(f, "A0A40000027F20", "9F*");
        exchange(f, "A088000010" RAND, ours ? "9F0C" : "6F00");
    }
#undef RAND
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_moved),         T(test_resumed),         T(test_files),           T(test_unknown),
        T(test_list),          T(test_imeisv),          T(test_over_the_air),    T(test_many_devices),
        T(test_every_context), T(test_list_of_unknown), T(test_list_not_stored), T(test_imeisv_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The operating system through its one door: T=0 (ETSI TS 102 221 7.3.1.1), SELECT, STATUS, READ, UPDATE,
 * PINs, the toolkit's state machine, and what a trace may show. Card: built-in profile `test`.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "card_fixture.h"

static void test_t0(void **state)
{
    struct fixture *f = *state;
    apdu(f, "00A40004023F00", "61..");                    /* case 4: two octets, the data wait */
    apdu(f, "00C00000FF", "6C..");                        /* more than there is: the right length */
    apdu(f, "00C0000005", "62..8202..61..");              /* less: what was asked for, and what is left */
    apdu(f, "00A40000022FE2", "61..");                    /* P2 = 00 gives the FCP as well */
    apdu(f, "00A40004023F0000", "61..");                  /* case 4 with Le over T=0 */
    apdu(f, "00A4000C022FE2", "9000");
    apdu(f, "00C0000000", "6F00");                        /* nothing waits */
    apdu(f, "00B0000000", "6C0A");                        /* case 2: right length in SW2 */
    apdu(f, "00B00000FF", "6C0A");
    apdu(f, "00B000000A", "98*");
    apdu(f, "00B0000004", "98......9000");                /* less than there is: just that */
    apdu(f, "00B0000A01", "6B00");                        /* offset at the end */
    apdu(f, "00B0000902", "6C01");
    apdu(f, "00B07FFF01", "6B00");
    apdu(f, "80F20000", "6C..");                          /* case 2 without P3 */
    apdu(f, "80F2000168", "6985");                        /* STATUS, DF name, no application: never 6700 */
    apdu(f, "80F2000C00", "9000");                        /* case 1 with P3 = 00 */
    apdu(f, "80F2000C", "9000");
    exchange(f, "80F2000000", "62*");
    apdu(f, "00A40004023F00", "61..");
    apdu(f, "80F2000C", "9000");                          /* another command drops what waited */
    apdu(f, "00C0000001", "6F00");
    /* GET RESPONSE comes with the class of the command it belongs to, or any other */
    for (int i = 0; i < 4; i++) {
        static const char *const get[] = {"00C000000A", "80C000000A", "A0C000000A", "81C000000A"};
        apdu(f, "00A40004023F00", "61..");
        apdu(f, get[i], i < 3 ? "62*" : "6881");
    }
}

static void test_lengths(void **state)
{
    struct fixture *f = *state;
    apdu(f, "00", "6700");
    apdu(f, "00A4", "6700");
    apdu(f, "00A400", "6700");
    apdu(f, "00A40004033F00", "6700");
    apdu(f, "00A40004013F", "6700");
    apdu(f, "00A40004023F000000", "6700");
    apdu(f, "00B00000023F00", "6700");                    /* case 2 with data */
    apdu(f, "00D6000000", "6700");                        /* Lc 0 where there must be data */
    apdu(f, "00A4000402", "6700");                        /* P3 = 02 and nothing after it */
    apdu(f, "0020000105123412341234", "6700");
    apdu(f, "002000010431323334", "6700");
    uint8_t all[UICC_COMMAND_MAX] = {0x00, 0xA4, 0x00, 0x04, 0x00, 0xFF, 0xFF};
    assert_int_equal(fixture_transmit(f, span_of(all, sizeof all), false), 0x6700);
    assert_int_equal(fixture_transmit(f, span_of(NULL, 0), false), 0x6700);
}

static void test_classes(void **state)
{
    struct fixture *f = *state;
    apdu(f, "80A40004023F00", "6D00");                    /* class 80 does not run class 00 commands */
    apdu(f, "00F2000000", "6D00");
    apdu(f, "A0A40000022F00", "9F0F");                    /* class A0 has a table of its own */
    apdu(f, "20A40004023F00", "6E00");
    apdu(f, "B0A40004023F00", "6E00");
    apdu(f, "FFA40004023F00", "6E00");
    apdu(f, "01A40004023F00", "6881");
    apdu(f, "4FA40004023F00", "6881");
    apdu(f, "0CA40004023F00", "6882");
    apdu(f, "10A40004023F00", "6800");
    apdu(f, "00FA000000", "6D00");
    apdu(f, "0020010100", "6A86");                        /* VERIFY with P1 = 01 */
}

static void test_select(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00A4000400", "62..82027821830" "23F00*"); /* no FID: the MF */
    exchange(f, "00A40004022F00", "62..8205422100*");
    exchange(f, "00A40004026F07", "6A82");                /* not from the MF */
    exchange(f, "00A40004027FFF", "6A82");                /* no application yet */
    exchange(f, "00A4040407" USIM_AID_PREFIX, "62*");     /* partial AID */
    exchange(f, "00A40004027FFF", "62*");
    exchange(f, "00A40004026F07", "62..8202412183026F07*");
    exchange(f, "00A40804047FFF6F07", "62..8202412183026F07*");
    exchange(f, "00A40804022F05", "62..8202412183022F05*");
    exchange(f, "00A40804042F052F05", "6A82");            /* through an EF */
    exchange(f, "00A4080400", "6700");
    exchange(f, "00A40804037FFF6F", "6700");
    exchange(f, "00A4040407" USIM_AID_PREFIX, "62*");
    exchange(f, "00A40904026F07", "62*");                 /* path from the current DF */
    exchange(f, "00A4030400", "62..82027821830" "23F00*"); /* parent */
    exchange(f, "00A4040405A000000087", "62*");
    exchange(f, "00A4040404A0000000", "6700");            /* fewer than five octets of an AID */
    exchange(f, "00A4040407A0000005591010", "6A82");      /* an eUICC's ISD-R */
    exchange(f, "00A4040410" "A0000000871002FFFFFFFFFFFFFFFFFF", "6A82");
    exchange(f, "00A4020400", "6A86");
    exchange(f, "00A4000802" "3F00", "6A86");             /* FMD */
    exchange(f, "00A4000502" "3F00", "6A86");
    exchange(f, "00A4044C07" USIM_AID_PREFIX, "9000");    /* termination */
    exchange(f, "00A40004027FFF", "6A82");
    exchange(f, "00A4044C07" USIM_AID_PREFIX, "6985");    /* not active any more */
    exchange(f, "00A4040407" USIM_AID_PREFIX, "62*");
    exchange(f, "80F2000100", "8410A0000000871002*");
    exchange(f, "00A40004023F00", "62*");
    exchange(f, "80F2000100", "84*");                     /* the application stays active */
    exchange(f, "00A4000402" "5F3B", "6A82");             /* but its DFs are not below the MF */
}

static void test_records(void **state)
{
    struct fixture *f = *state;
    apdu(f, "00B2010400", "6986");                        /* no EF */
    exchange(f, "00A4000C022F00", "9000");
    exchange(f, "00B2010400", "61*");
    apdu(f, "00B20104FF", "6C..");                        /* srsUE and wpa_supplicant ask so */
    apdu(f, "00B2FF0400", "6A83");
    apdu(f, "00B2010500", "6A86");
    apdu(f, "00B2010200", "6A86");                        /* NEXT has P1 = 00 */
    apdu(f, "00B2000200", "6C26");                        /* a wrong Le must not move the pointer */
    apdu(f, "00B2000226", "61*9000");                     /* NEXT without a pointer: the first */
    apdu(f, "00B2000226", "6A83");
    apdu(f, "00B2000426", "61*9000");                     /* the current one */
    apdu(f, "00B0000001", "6981");                        /* READ BINARY of a record file */
    exchange(f, "00B201F400", "61*");                     /* SFI 1E: current EF from now on */
    apdu(f, "00B2012C00", "6981");                        /* SFI 05 is EF.PL here: transparent */
    apdu(f, "00B201E400", "6A82");                        /* SFI 1C is nobody's */
    apdu(f, "00B201FC00", "6A82");                        /* SFI 1F does not exist */
    exchange(f, "00A4000C022FE2", "9000");
    apdu(f, "00B2010400", "6981");
}

static void test_sfi(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00B082000A", "98*");                     /* SFI 02: EF.ICCID */
    exchange(f, "00B000000A", "98*");                     /* which is then current */
    apdu(f, "00B09F0001", "6A82");
    apdu(f, "00B0800001", "6A82");
    apdu(f, "00B0E20001", "6A86");
}

static void test_access(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00A4000C022FE2", "9000");
    apdu(f, "00D60000029821", "6982");                    /* EF.ICCID: never */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "00D60000010A", "6982");                      /* EF.IMSI: ADM1 */
    apdu(f, "0020000A083132333435363738", "9000");
    apdu(f, "00D6000001FF", "9000");
    apdu(f, "00B0000001", "FF9000");
    apdu(f, "00D60009010A", "6B00");
    apdu(f, "00D60008020A0A", "6700");
    /* a verified PIN does not outlive a reset; what was written does */
    fixture_reset(f);
    exchange(f, "00A40804047FFF6F07", "6A82");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "00B0000001", "FF9000");
    apdu(f, "00D6000001FF", "6982");
}

static void test_pin(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "0020000100", "63C3");
    apdu(f, "00200001083132333" "4FFFFFFFF", "6984");     /* disabled */
    apdu(f, "00280001083132333" "4FFFFFFFF", "9000");     /* ENABLE */
    apdu(f, "00280001083132333" "4FFFFFFFF", "6985");     /* is enabled */
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "00B0000009", "6982");
    apdu(f, "00200001083132333" "5FFFFFFFF", "63C2");
    apdu(f, "0020000100", "63C2");
    apdu(f, "00200001083132333" "4FFFFFFFF", "9000");
    apdu(f, "0020000100", "63C3");
    apdu(f, "00B0000009", "08*");
    apdu(f, "00200001083132333" "5FFFFFFFF", "63C2");     /* a wrong PIN takes away what a right one gave */
    apdu(f, "00B0000009", "6982");
    apdu(f, "002400011031323334FFFFFFFF31FFFFFFFFFFFFFF", "6A80");     /* one digit */
    apdu(f, "00240001103132333" "4FFFFFFFF3938373" "6FFFFFFFF", "9000");
    apdu(f, "00200001083132333" "4FFFFFFFF", "63C2");
    apdu(f, "00200001083132333" "4FFFFFFFF", "63C1");
    apdu(f, "00200001083132333" "4FFFFFFFF", "63C0");
    apdu(f, "0020000108393837" "36FFFFFFFF", "6983");
    apdu(f, "002C000100", "63CA");
    apdu(f, "002C0001103132333" "43536373935353535FFFFFFFF", "63C9");
    apdu(f, "002C0001103132333" "43536373835353535FFFFFFFF", "9000");
    apdu(f, "00B0000009", "08*");
    apdu(f, "002C000100", "63CA");
    apdu(f, "0026000108" "35353535FFFFFFFF", "9000");     /* DISABLE */
    fixture_restart(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "00B0000009", "08*");
    apdu(f, "0020000700", "6A88");                        /* no such PIN */
    apdu(f, "0026000A083132333435363738", "6985");        /* ADM cannot be disabled */
}

/* traps.md: a try is spent durably before the compare. The store loses power at each
 * write of a VERIFY in turn. */
static void test_pin_cut(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0020000A083132333435363739", "63C*");
    unsigned before = f->response[1] & 0x0F;
    for (long cut = 0; cut < 2; cut++) {
        fault_store_cut_at(f->store, cut);
        fixture_transmit(f, span_of("\x00\x20\x00\x0A\x08" "12345670", 13), false);
        assert_int_not_equal(f->response[0], 0x90);
        fixture_restart(f);
        apdu(f, "0020000A00", "63C*");
        assert_int_equal(f->response[1] & 0x0F, before - (unsigned)cut);
    }
    /* Even the right value gives no right when its try could not be noted down. */
    fault_store_cut_at(f->store, 0);
    apdu(f, "0020000A083132333435363738", "6581");
    apdu(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "00A4000C026F07", "9000");
    apdu(f, "00D60000010A", "6982");
    /* The right value costs its try too, until it has been found right: who cuts the power at the first
     * write learns nothing for free. */
    fixture_restart(f);
    apdu(f, "0020000A00", "63C*");
    before = f->response[1] & 0x0F;
    fault_store_cut_at(f->store, 1);
    apdu(f, "0020000A083132333435363738", "6581");
    fixture_restart(f);
    apdu(f, "0020000A00", "63C*");
    assert_int_equal(f->response[1] & 0x0F, before - 1);
    fault_store_cut_at(f->store, 1);
    apdu(f, "002C000110" "3132333435363738" "34333231FFFFFFFF", "6581"); /* a PUK as well */
    fixture_restart(f);
    apdu(f, "002C000100", "63C9");
}

static void test_toolkit(void **state)
{
    struct fixture *f = *state;
    apdu(f, "8012000000", "6985");
    apdu(f, "801400000C810301010082028281830100", "6985"); /* TERMINAL RESPONSE with nothing fetched */
    apdu(f, "8010000003FFFFFF", "9000");
    apdu(f, "80C2000000", "6700");
    apdu(f, "80C2000002D100", "9000");                    /* no SMS in it: nobody's */
    apdu(f, "80C2000002D602", "6A80");
    apdu(f, "80C20000020000", "6A80");
    apdu(f, "80C200000AD60982028281830100", "6700");
    apdu(f, "80C2000009D6088202828183010000", "6A80");       /* something behind the object */
    apdu(f, "80C2000009D60782028281830100", "9000");         /* an event nobody listens to */
    /* An SMS-DELIVER with UDHI and no data (it crashed a peer), one without a header, one
     * that is not for data download */
    apdu(f, "80C2000017D115820283818B0F40048121437FF61111111111111100", "9000");
    apdu(f, "80C200001AD118820283818B1200048121437FF61111111111111103027000", "9000");
    apdu(f, "80C200001AD118820283818B12400481214300F61111111111111103027000", "9000");
}

/* No PIN, no CK or IK in what a trace sink gets. */
static void test_trace(void **state)
{
    struct fixture *f = *state;
    f->tracing = true;
    apdu(f, "0020000A083132333435363738", "9000");
    apdu(f, "8020000A083132333435363738", "6D00");        /* a PIN with a wrong class */
    apdu(f, "0020000A09313233343536373831", "6700");
    apdu(f, "0024000110" "3132333435363738" "3132333435363738", "*");
    assert_null(strstr(f->trace, "31323334"));
    f->trace_len = 0;
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    char res[2 * 16 + 1];
    for (int i = 0; i < 16; i++)
        snprintf(res + 2 * i, 3, "%02x", f->response[2 + 8 + 1 + i]); /* CK */
    assert_null(strstr(f->trace, res));
    assert_non_null(strstr(f->trace, "0088008122"));
}

static void test_unpowered(void **state)
{
    struct fixture *f = *state;
    uicc_power_off(f->card);
    apdu(f, "00A40004023F00", "6F00");
    fixture_reset(f);
    apdu(f, "00A4000C023F00", "9000");
}

/* A write that the store refuses leaves no trace in the card either. */
static void test_store_fails(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    fault_store_cut_at(f->store, 0);
    apdu(f, "00D6000001FF", "6581");
    apdu(f, "00B0000001", "089000");
    fault_store_cut_at(f->store, -1);
    apdu(f, "00D6000001FF", "9000");
    apdu(f, "00B0000001", "FF9000");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup_bare, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_t0),    T(test_lengths),   T(test_classes),     T(test_select),  T(test_records),
        T(test_sfi),   T(test_access),    T(test_pin),         T(test_pin_cut), T(test_toolkit),
        T(test_trace), T(test_unpowered), T(test_store_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that come and go (ETSI TS 102 222), records searched and increased, BER-TLV files, channels,
 * suspension (TS 102 221 11.1.7 to 11.3), access rules in all their formats. Card: built-in profile `test`,
 * with ADM1 verified where it says so.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"

static void verify_adm(struct fixture *f)
{
    apdu(f, "0020000A083132333435363738", "9000");
}

/* CREATE FILE of an EF below the current DF: descriptor, FID, size, SFI; access as
 * EF.ARR record `rule` of 2F06. */
#define EF_T                                                                                                 \
    "8202412183026F998A01058B032F060280020010880108" /* transparent, 16 octets, SFI 01, rule 2: read always, \
                                                        update PIN1 */
#define EF_L "82054221000A0383026F988A01058B032F06028002001E8800"  /* linear, 3 records of 10 */
#define EF_C "820546210003048302" "6F978A01058B032F06028002000C8800" /* cyclic, 4 records of 3 */
#define EF_B "8202392183026F968A01058B032F060280020200" "8800"       /* BER-TLV, up to 512 octets */

static void create(struct fixture *f, const char *fcp, const char *answer)
{
    char command[200];
    size_t n = strlen(fcp) / 2;
    snprintf(command, sizeof command, "00E00000%02zx62%02zx%s", n + 2, n, fcp);
    apdu(f, command, answer);
}

static void test_create_delete(void **state)
{
    struct fixture *f = *state;
    create(f, EF_T, "6982");
    verify_adm(f);
    create(f, EF_T, "9000");
    apdu(f, "00B0000010", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF9000"); /* it is the current EF */
    apdu(f, "00D6000003010203", "9000");
    create(f, EF_T, "6A89");                                         /* exists */
    create(f, "8202412183026F958A01058B032F060280020010880108", "6A80"); /* the SFI is taken */
    create(f, "8202412183026F958A01058B032F0602800200108800", "9000");
    exchange(f, "00A40004026F99", "62..8202412183026F99 *");
    fixture_restart(f);                                              /* it lasts */
    exchange(f, "00A4000C026F99", "9000");
    apdu(f, "00B0000003", "0102039000");
    apdu(f, "00B0810003", "0102039000");
    apdu(f, "00E40000026F99", "6982");
    verify_adm(f);
    apdu(f, "00E40000026F99", "9000");
    apdu(f, "00B0000003", "6986");                                   /* no longer current */
    exchange(f, "00A40004026F99", "6A82");
    apdu(f, "00B0810003", "6A82");
    create(f, EF_T, "9000");
    apdu(f, "00B0000003", "FFFFFF9000");                             /* nothing of the old one */
    apdu(f, "00E40000022F05", "9000");                               /* a file of the profile */
    exchange(f, "00A40004022F05", "6A82");
    fixture_restart(f);
    exchange(f, "00A40004022F05", "6A82");
    verify_adm(f);
    create(f, "8202412183022F058A01058B032F060280020002880128", "9000");
    apdu(f, "00D6000002656E", "9000");
    fixture_restart(f);
    apdu(f, "00B0850002", "656E9000");
}

static void test_directories(void **state)
{
    struct fixture *f = *state;
    verify_adm(f);
    create(f, "8202782183025F008A01058B032F0607C60090", "6A80");
    create(f, "8202782183025F008A01058B032F0607C600", "9000");
    create(f, EF_T, "9000");
    create(f, "8202782183025F018A01058B032F0607", "9000");
    create(f, EF_L, "9000");
    exchange(f, "00A408040A5F005F016F98", "6700");
    exchange(f, "00A40804065F005F016F98", "62*");
    fixture_restart(f);
    exchange(f, "00A40804065F005F016F98", "62*");
    exchange(f, "0070000001", "019000");                 /* another channel, inside what will be gone */
    exchange(f, "01A4080C065F005F016F98", "9000");
    verify_adm(f);
    exchange(f, "00A4000C023F00", "9000");
    apdu(f, "00E40000025F00", "9000");                   /* with all that is in it */
    exchange(f, "00A40804025F00", "6A82");
    apdu(f, "01B2010400", "6986");
    exchange(f, "01F2000000", "6D00");
    exchange(f, "81F2000000", "62..82027821830" "23F00*");
    apdu(f, "00E40000023F00", "6A82");
    apdu(f, "00E4000000", "6982");                       /* the MF: nobody may */
}

/* The right to create an EF is no right to create a DF, whatever else stands in the data: an object
 * that comes twice is refused. */
static void test_created_twice(void **state)
{
    struct fixture *f = *state;
    verify_adm(f);
    /* who comes may create EFs in it, and nothing else */
    create(f, "8202782183025F008A0105AB058001029000C600", "9000");
    create(f, "8202782183025F018A01058B032F0607C600", "6982");
    create(f, "8202412182027821" "83025F018A01058B032F0607C600", "6A80");
    create(f, "8202412182024121" "83026F998A01058B032F0602800200108800", "6A80");
    create(f, "82024121" "83026F99" "83026F98" "8A01058B032F0602800200108800", "6A80");
    create(f, EF_T, "9000");
}

static void test_refused_creations(void **state)
{
    static const char *const bad[] = {
        "",
        "8202412183026F99",
        "8202412183026F998A01058B032F060280020010A5",
        "8202412183023F008A01058B032F060280020010",
        "8202412183027FFF8A01058B032F060280020010",
        "8202412183026F998A01058B032F060280020010D400",
        "82014183026F998A01058B032F060280020010",
        "8202432183026F998A01058B032F060280020010",
        "82024221"
        "83026F998A01058B032F060280020010",
        "82054221000003"
        "83026F998A01058B032F06028002001E",
        "82054221000A0383026F998A01058B032F06028002001F",
        "82054221010003"
        "83026F998A01058B032F060280020300",
        "8202412183026F998A01018B032F060280020010",
        "8202412183026F998A01058B022F0680020010",
        "8202412183026F998A01058B032F060080020010",
        "8202412183026F998A010580020010",
        "82024121830"
        "16F8A01058B032F060280020010",
        "8202412183026F998A01058B032F0602",
    };
    struct fixture *f = *state;
    size_t n, m;
    verify_adm(f);
    uint8_t *before = fixture_snapshot(f, &n);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char command[200];
        size_t len = strlen(bad[i]) / 2;
        snprintf(command, sizeof command, "00E00000%02zx62%02zx%s", len + 2, len, bad[i]);
        apdu(f, command, "6A80");
    }
    create(f, "8202412183026F998A01058B032F06028003010000", "6A84"); /* 64 KiB and more */
    create(f, "8202782183025F008A01058B032F06078405A000000099", "6A81");
    apdu(f, "00E000000362016F", "6A80");
    apdu(f, "00E00100036200", "6700");
    apdu(f, "00E0010002620" "0", "6A86");
    apdu(f, "80E00000026200", "6D00");
    uint8_t *after = fixture_snapshot(f, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
    for (int i = 0; i < 4; i++) { /* there is an end to it */
        char fcp[80];
        snprintf(fcp, sizeof fcp, "82024121830260%02x8A01058B032F06028002C0008800", i);
        create(f, fcp, i < 2 ? "9000" : "6A84");
    }
}

static void test_resize(void **state)
{
    struct fixture *f = *state;
    verify_adm(f);
    create(f, "8202412183026F998A01058B032F0602800200108800", "9000"); /* rule 2 has RESIZE for ADM1 */
    apdu(f, "00D6000010000102030405060708090A0B0C0D0E0F", "9000");
    apdu(f, "80D400000A620883026F9980020004", "9000");
    apdu(f, "00B0000000", "6C04");
    apdu(f, "80D400000A620883026F9980020006", "9000");
    apdu(f, "00B0000006", "00010203FFFF9000");
    exchange(f, "00A40004026F99", "62..*80020006*");
    create(f, EF_L, "9000");
    apdu(f, "80D400000A620883026F9880020028", "9000");
    apdu(f, "00B204040A", "FFFFFFFFFFFFFFFFFFFF9000");
    apdu(f, "00B205040A", "6A83");
    apdu(f, "80D400000A620883026F9880020029", "6A80");
    apdu(f, "80D400000A620883026F9080020029", "6A82");
    apdu(f, "80D4000006620483026F98", "6A80");
    apdu(f, "80D400000A620883022F0080020026", "9000");
    fixture_restart(f);
    exchange(f, "00A4000C026F98", "9000");
    apdu(f, "00B204040A", "FFFFFFFFFFFFFFFFFFFF9000");
    apdu(f, "80D400000A620883026F9980020004", "6982");
    /* all made files together have as much room as CREATE FILE gives them */
    verify_adm(f);
    exchange(f, "00A4000C023F00", "9000");
    for (int i = 0; i < 3; i++) {
        char command[80];
        snprintf(command, sizeof command,
                 "00E0000018"
                 "6216"
                 "82024121"
                 "83024F1%d"
                 "8A0105"
                 "8B032F0602"
                 "80020008"
                 "8800",
                 i);
        apdu(f, command, "9000");
        exchange(f, "00A4000C023F00", "9000");
        snprintf(command, sizeof command, "80D400000A" "6208" "83024F1%d" "8002F000", i);
        apdu(f, command, i < 2 ? "9000" : "6A84");
    }
    apdu(f, "80D400000A" "6208" "83024F10" "80020008", "9000");
    apdu(f, "80D400000A" "6208" "83024F12" "8002F000", "9000");
}

static void test_life_cycle(void **state)
{
    struct fixture *f = *state;
    exchange(f, "00A4000C022F05", "9000");
    apdu(f, "0004000000", "6982");
    verify_adm(f);
    apdu(f, "00040000", "9000");
    apdu(f, "00B0000002", "6984");
    apdu(f, "00A40004022F05", "6283");                  /* selected with a warning; the FCP can be had */
    apdu(f, "00C0000000", "6C..");
    exchange(f, "00A4000C022F05", "6283");
    fixture_restart(f);
    exchange(f, "00A40004022F05", "6283");
    apdu(f, "00B0850002", "6984");
    verify_adm(f);
    apdu(f, "00440000022F05", "9000");                  /* pySim's form */
    apdu(f, "00B0000002", "656E9000");
    apdu(f, "00040800022F05", "9000");                  /* by path */
    apdu(f, "00440900022F05", "9000");
    apdu(f, "00440900022F99", "6A82");
    apdu(f, "00440000012F", "6700");
    apdu(f, "004401000" "22F05", "6A86");
    apdu(f, "0004000002" "3F00", "6981");
    create(f, EF_T, "9000");
    apdu(f, "00E8000000", "6982");                      /* rule 2 says nothing of TERMINATE */
    /* a rule of its own: all is allowed */
    create(f, "8202412183026F908A0105AB0580017F900080020010" "8800", "9000");
    apdu(f, "00E8000000", "9000");
    exchange(f, "00A40004026F90", "6285");
    apdu(f, "00B0000001", "6984");
    apdu(f, "0044000000", "6984");
    apdu(f, "00E40000026F90", "9000");
}

/* 8.4.1: an ADF is reached by its AID, whatever FID the profile notes for it. */
static void test_no_fid_of_an_adf(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(f,
                      "format: 1\ninclude: test\nname: named\nfiles:\n  - {path: MF/ADF.USIM, fid: 7FF0}\n");
    apdu(f, "00A4000C027FF0", "6A82");
    apdu(f, "00A4010C027FF0", "6A82");
    apdu(f, "00A4080C047FF06F07", "6A82");
    apdu(f, "00A4000C027FFF", "6A82"); /* no application yet */
    apdu(f, "00A4080C047FFF6F07", "6A82");
    apdu(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "00A4080C047FFF6F07", "9000");
    apdu(f, "00A4000C023F00", "9000");
    apdu(f, "00A4080C047FF06F07", "6A82");
    assert_int_not_equal(profile_child(&f->profile->p, 0, 0x7FF0), PROFILE_NO_FILE); /* it has one there */
    fixture_close(f);
    free(f);
}

static void test_terminate_card(void **state)
{
    struct fixture *f = *state;
    apdu(f, "00FE000000", "6982");
    verify_adm(f);
    exchange(f, "00A4000C022F06", "9000");
    exchange(f, "00B2070400", "*");
    /* the profile's rule for the MF does not give it to anybody */
    apdu(f, "00FE000000", "6982");
}

static void test_search(void **state)
{
    struct fixture *f = *state;
    verify_adm(f);
    create(f, EF_L, "9000");
    apdu(f, "00DC01040A" "AABBCCDDEEFF00112233", "9000");
    apdu(f, "00DC03040A" "00BBCCDDEEFF00112233", "9000");
    exchange(f, "00A2010402BBCC", "01039000");
    apdu(f, "00A2010402BBCC", "6102");
    exchange(f, "00A2020402BBCC", "039000");
    exchange(f, "00A2030502BBCC", "03019000");          /* backward */
    apdu(f, "00A2010402BBCD", "6282");
    apdu(f, "00A2040402BBCC", "6A83");
    exchange(f, "00A20106040401BBCC", "01039000");      /* enhanced, from offset 1 */
    exchange(f, "00A20106040402BBCC", "6282");
    exchange(f, "00A20106040C00" "BBCC", "039000");     /* behind the first 00 */
    exchange(f, "00A20106040CAABBCC", "019000");
    apdu(f, "00A201060204" "01", "6700");
    apdu(f, "00A2010702BBCC", "6A86");
    apdu(f, "00A201040B0000000000000000000000", "6700");
    create(f, EF_T, "9000");
    apdu(f, "00A2010402BBCC", "6981");
    /* Searching is reading: without the right to read there is no answer to be had (a
     * peer's keys were found out so) */
    create(f, "82054221000A0383026F948A0105AB0980010297008001019700" "8002001E8800", "*");
    create(f, "82054221000A0383026F948A0105AB0A80010290008001019700" "8002001E8800", "9000");
    apdu(f, "00DC01040A" "AABBCCDDEEFF00112233", "9000");
    apdu(f, "00A2010401AA", "6982");
}

static void test_increase(void **state)
{
    struct fixture *f = *state;
    verify_adm(f);
    create(f, EF_C, "9000");
    apdu(f, "8032000003000001", "6982");                /* rule 2 says nothing of INCREASE */
    create(f, "820546210003048302" "6F918A0105AB0F80010390008401329000800140900080" "02000C8800", "9000");
    apdu(f, "00DC000303" "0000FE", "9000");
    exchange(f, "8032000003000001", "0000FF0000019000");
    exchange(f, "803200000101", "000100019000");
    apdu(f, "00B2010403", "0001009000");
    apdu(f, "00B2020403", "0000FF9000");
    apdu(f, "8032000003FFFFFF", "9850");
    apdu(f, "8032000004FFFFFFFF", "6700");
    apdu(f, "00B2010403", "0001009000");
    apdu(f, "00DC010403" "000000", "6981");             /* only PREVIOUS */
    exchange(f, "00B2000303", "......9000");
    create(f, EF_T, "9000");
    apdu(f, "803200000101", "6982");
}

static void test_ber_tlv(void **state)
{
    struct fixture *f = *state;
    char block[2 * 255 + 20];
    verify_adm(f);
    create(f, EF_B, "9000");
    exchange(f, "80CB0080015C", "5C009000");
    exchange(f, "80CB00800180", "6A88");
    apdu(f, "80DB008005" "8003010203", "9000");
    exchange(f, "80CB00800180", "80030102039000");
    apdu(f, "80DB008004" "8002AABB", "9000");            /* replaces */
    exchange(f, "80CB00800180", "8002AABB9000");
    /* an object of 300 octets in two blocks */
    strcpy(block, "80DB0080FF" "9F1082012C");
    for (int i = 0; i < 250; i++)
        strcat(block, "5A");
    apdu(f, block, "63F1");
    apdu(f, "80CB00000A", "6985");                       /* nothing is being fetched */
    apdu(f, "80CB000001", "6985");
    exchange(f, "80CB0080015C", "5C01809000");           /* anything else ends it */
    apdu(f, "80DB00000111", "6985");
    apdu(f, block, "63F1");
    strcpy(block, "80DB000032");
    for (int i = 0; i < 50; i++)
        strcat(block, "5B");
    apdu(f, block, "9000");
    exchange(f, "80CB0080015C", "5C03809F109000");
    apdu(f, "80CB0080029F10", "62F1");                   /* a warning, then GET RESPONSE */
    apdu(f, "00C00000FF", "9F1082012C5A*");
    apdu(f, "80CB000032", "5B5B5B*");
    apdu(f, "80CB0000FF", "6985");
    apdu(f, "80DB0080019F", "6A80");
    apdu(f, "80DB0080" "029F10", "9000");                /* the tag alone takes it away */
    apdu(f, "80DB0080" "039F1000", "6A88");              /* so does an empty object; it is gone */
    exchange(f, "80CB0080029F10", "6A88");
    apdu(f, "80DB0080" "048103010" "2", "63F1");
    apdu(f, "80DB0000" "020304", "6A80");                /* more than was announced */
    apdu(f, "80DB008005818300FFFF", "6A84");             /* larger than the file */
    apdu(f, "80DB0080058184010000", "6A80");
    apdu(f, "80DB0080" "0481800000", "6A80");
    for (int closed = 0; closed < 2; closed++) {         /* what a logical channel began ends with it */
        apdu(f, "0070000001", "019000");
        exchange(f, "01A4000C026F96", "9000");
        apdu(f, "81DB0080" "0481040102", "63F1");
        if (closed != 0) {
            apdu(f, "0070800100", "9000");
            apdu(f, "0070000001", "019000");
            exchange(f, "01A4000C026F96", "9000");
        }
        apdu(f, "81DB0000" "0103", closed != 0 ? "6985" : "63F1");
        apdu(f, "0070800100", "9000");
    }
    fixture_restart(f);
    exchange(f, "00A4000C026F96", "9000");
    exchange(f, "80CB0080015C", "5C01809000");
    apdu(f, "80DB008004" "8002AABB", "9000");            /* rule 2: update with PIN1, which is disabled */
    apdu(f, "00B0000001", "6981");
    apdu(f, "00B2010401", "6981");
    exchange(f, "00A4000C022FE2", "9000");
    exchange(f, "80CB0080015C", "6981");
    apdu(f, "80DB008003" "800100", "6982");
}

/* More tags than one response can have (11.3.1: the list is an object, and comes in blocks like one). */
static void test_many_tags(void **state)
{
    struct fixture *f = *state;
    char command[60];
    verify_adm(f);
    exchange(f, "00A4000C023F00", "9000");
    exchange(f, "00E0000018" "6216" "82027921" "83024F20" "8A0105" "8B032F0602" "80021000" "8800", "9000");
    for (unsigned i = 0; i < 120; i++) {
        snprintf(command, sizeof command, "80DB008005" "9F81%02X0155", i);
        apdu(f, command, "9000");
    }
    apdu(f, "80CB0080015C", "62F1");
    apdu(f, "00C0000000", "6CFF");
    apdu(f, "00C00000FF", "5C820168" "9F8100*");
    apdu(f, "80CB000000", "6C6D");
    exchange(f, "80CB00006D", "*");
    assert_int_equal(f->response_len, 0x6D + 2);
    assert_int_equal(f->response[0x6D - 1], 119);
    assert_int_equal(f->response[0x6D], 0x90);
}

/* A BER-TLV file may be longer than two octets can say. */
static void test_long_file(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open_text(
        &f,
        "format: 1\nname: long\ninclude: test\nfiles:\n  - {path: MF/EF.LONG, kind: ber-tlv, fid: 2F77, size: 66000, access: open-adm}\n");
    exchange(&f, "00A40004022F77",
             "6226 82027921 83022F77 A5058503"
             "0101D0"
             "8A0105 8B032F0601 C606900100 830101 8003"
             "0101D0"
             "8800 9000");
    fixture_close(&f);
}

/* An ADF that is closed closes its application: no authentication either. */
static void test_closed_application(void **state)
{
    static const char authenticate[] = "0088008122"
                                       "10"
                                       "00000000000000000000000000000000"
                                       "10"
                                       "00000000000000000000000000000000";
    struct fixture *f = *state;
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, authenticate, "9862");
    verify_adm(f);
    apdu(f, "00040000", "9000");
    apdu(f, authenticate, "6984");
    fixture_reset(f);
    exchange(f, "00A40404" "07" USIM_AID_PREFIX, "6283");
    apdu(f, authenticate, "6984");
    exchange(f, "00A4000C025F3B", "9000");               /* nor from a directory below it */
    apdu(f, authenticate, "6984");
    exchange(f, "00A4000C027FFF", "6283");
    verify_adm(f);
    apdu(f, "00440000", "9000");
    apdu(f, authenticate, "9862");
}

/* A PIN that is blocked grants nothing, wherever it was verified before. */
static void test_blocked_elsewhere(void **state)
{
    static const char usim[] = "A4040C07A0000000871002", est[] = "D685000100";
    struct fixture *f = *state;
    char select[40], update[40];
    exchange(f, "0070000001", "019000");
    for (int channel = 0; channel < 2; channel++) {
        snprintf(select, sizeof select, "%02X%s", channel, usim);
        exchange(f, select, "9000");
    }
    apdu(f, "012000810835363738FFFFFFFF", "9000");
    snprintf(update, sizeof update, "01%s", est);
    apdu(f, update, "9000");
    for (int left = 2; left >= 0; left--)
        apdu(f, "002000810830303030FFFFFFFF", left == 2 ? "63C2" : left == 1 ? "63C1" : "63C0");
    apdu(f, update, "6982");
}

static void test_channels(void **state)
{
    struct fixture *f = *state;
    char open[12], use[40];
    apdu(f, "01A4000C023F00", "6881");
    apdu(f, "0070000001", "019000");
    apdu(f, "0070000000", "6C01");
    apdu(f, "0070000500", "9000");
    apdu(f, "0070000500", "6881");
    apdu(f, "0070001400", "6A86");
    for (int i = 2; i < 20; i++) {
        if (i == 5)
            continue;
        snprintf(open, sizeof open, "%02x9000", (unsigned)i);
        apdu(f, "0070000001", open);
    }
    apdu(f, "0070000001", "6A81");
    snprintf(use, sizeof use, "4FA4040C07%s", USIM_AID_PREFIX);
    exchange(f, use, "9000");                            /* channel 19 */
    exchange(f, "4FA4000C026F07", "9000");
    exchange(f, "4FB0000009", "08*");
    apdu(f, "00B0000009", "6986");                       /* the others have views of their own */
    apdu(f, "00A4000C026F07", "6A82");
    /* PINs are shared: verified on one, verified on all */
    verify_adm(f);
    apdu(f, "4FD6000001FF", "9000");
    apdu(f, "0070801300", "9000");
    apdu(f, "4FB0000009", "6881");
    apdu(f, "0070801300", "6881");
    apdu(f, "0070800000", "6A86");
    apdu(f, "0070800101", "6700");
    /* from a channel with an application: the new one starts there */
    exchange(f, "01A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "0170000001", "139000");
    exchange(f, "4FA4000C026F07", "9000");
    fixture_reset(f);
    apdu(f, "01A4000C023F00", "6881");
}

static void test_suspend(void **state)
{
    struct fixture *f = *state;
    char resume[40];
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    verify_adm(f);
    apdu(f, "8076000004" "00010A01", "6A80");
    apdu(f, "8076000003" "000104", "6700");
    apdu(f, "8076010008" "0000000000000000", "6985");    /* not suspended */
    exchange(f, "8076000004" "00010401", "0401................9000");
    strcpy(resume, "8076010008");
    for (int i = 0; i < 8; i++)
        snprintf(resume + strlen(resume), 3, "%02x", f->response[2 + i]);
    fixture_reset(f);
    apdu(f, "8076010008" "0000000000000000", "6982");
    fixture_restart(f);
    /* what serves once is gone for good first, or it serves not at all */
    fault_store_fail_at(f->store, 0);
    apdu(f, resume, "6581");
    fixture_restart(f);
    apdu(f, resume, "9000");
    apdu(f, "00B0000009", "08*");                        /* selected and verified as before */
    apdu(f, "00D6000001FF", "9000");
    fixture_reset(f);
    apdu(f, resume, "6985");                             /* once */
    exchange(f, "8076000004" "00010401", "*");
    fixture_reset(f);
    apdu(f, "80F2000C00", "9000");
    apdu(f, resume, "6985");                             /* another command came first */
    exchange(f, "8076000004" "00010401", "*");
    strcpy(resume, "8076010008");
    for (int i = 0; i < 8; i++)
        snprintf(resume + strlen(resume), 3, "%02x", f->response[2 + i]);
    fixture_reset(f);
    apdu(f, "8076010008" "0000000000000000", "6982");
    apdu(f, "80F2000C00", "9000");                       /* nor does it wait for a later power-up */
    fixture_reset(f);
    apdu(f, resume, "6985");
    exchange(f, "8076000004" "00010401", "*");
    strcpy(resume, "8076010008");
    for (int i = 0; i < 8; i++)
        snprintf(resume + strlen(resume), 3, "%02x", f->response[2 + i]);
    fixture_reset(f);
    apdu(f, "80AA000005" "A903810101", "9000");          /* 11.1.22.3: TERMINAL CAPABILITY comes before */
    apdu(f, "8076010008" "0000000000000000", "6982");
    apdu(f, resume, "9000");
    apdu(f, resume, "6985");
    for (int i = 0; i < 2; i++) {                        /* the power was not taken away: that ends it, too */
        exchange(f, "8076000004" "00010401", "*");
        strcpy(resume, "8076010008");
        for (int k = 0; k < 8; k++)
            snprintf(resume + strlen(resume), 3, "%02x", f->response[2 + k]);
        if (i == 1)
            apdu(f, "80AA000005" "A903810101", "9000");
        apdu(f, resume, "6985");
        fixture_reset(f);
        apdu(f, resume, "6985");
    }
}

static void test_platform(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0084000008", "................9000");
    apdu(f, "0084000008", "................9000");
    apdu(f, "80AA000005A903810101", "9000");
    apdu(f, "80AA000005A903810201", "6A80");
    apdu(f, "80AA000005A8038101" "01", "6A80");
    apdu(f, "00730000", "6A81");
    apdu(f, "0073000000", "6A81");
}

/* The rule formats of TS 102 221 9.2.4 and 9.2.5, in the FCP of files that CREATE
 * FILE makes: who may read. */
static void test_rules(void **state)
{
    static const struct {
        const char *rule;
        const char *open, *with_adm;
    } rules[] = {
        {"AB0580010190" "00", "FF9000", "FF9000"},                                        /* always */
        {"AB0580010197" "00", "6982", "6982"},                                            /* never */
        /* a security condition byte: none */
        {"AB06800101" "9E0100", "FF9000", "FF9000"},
        /* never; any other is of an SE that there is not */
        {"AB06800101" "9E01FF", "6982", "6982"},
        {"AB06800101" "9E0101", "6982", "6982"},
        {"AB05800101" "9E00", "6982", "6982"},
        {"AB07800101" "9E020000", "6982", "6982"},
        {"AB0B800101A406" "83010A950108", "6982", "FF9000"},                              /* ADM1 */
        {"AB0D800101A008" "A40683010A950108", "6982", "FF9000"},                          /* OR of one */
        {"AB15800101A010" "A40683010A950108A40683010B950108", "6982", "FF9000"},          /* OR */
        /* AND with a key that is not there */
        {"AB15800101AF10" "A40683010A950108A40683010B950108", "6982", "6982"},
        {"AB0D800101A708" "A40683010A950108", "FF9000", "6982"},                          /* NOT */
        {"AB11800101AF0C" "A70897009700A7029700" "9000", "*", "*"},
        {"AB0F800101A00A" "AF08A40683010A950108", "6982", "FF9000"},                      /* AND in OR */
        {"AB09800101A004A0029000", "FF9000", "FF9000"},
        {"AB0D800101A008A006A004A0029000", "FF9000", "FF9000"},                           /* four deep */
        /* five: not satisfied */
        {"AB0F800101A00AA008A006A004A0029000", "6982", "6982"},
        /* an empty template */
        {"AB05800101A000", "6982", "6982"},
        /* two conditions: both must hold */
        {"AB0780010190009700", "6982", "6982"},
        /* a mode without a condition */
        {"AB03800101", "6982", "6982"},
        /* speaks of UPDATE only */
        {"AB05800102" "9000", "6982", "6982"},
        /* not user authentication */
        {"AB0B800101A406" "83010A950101", "6982", "6982"},
        {"AB06800101900100", "6982", "6982"},
        /* compact: READ without condition */
        {"8C020100", "FF9000", "FF9000"},
        {"8C0201FF", "6982", "6982"},
        /* UPDATE never, READ always */
        {"8C0303FF00", "FF9000", "FF9000"},
        {"8C0201" "8A", "6982", "6982"},
        {"8C0101", "6982", "6982"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char fcp[120];
        fixture_reset(f);
        verify_adm(f);
        snprintf(fcp, sizeof fcp, "82024121830261%02x8A0105%s800200018800", (unsigned)i, rules[i].rule);
        if (rules[i].open[0] == '*')
            continue;
        create(f, fcp, "9000");
        apdu(f, "00B0000001", rules[i].with_adm);
        fixture_reset(f);
        snprintf(fcp, sizeof fcp, "00A4000C0261%02x", (unsigned)i);
        exchange(f, fcp, "9000");
        apdu(f, "00B0000001", rules[i].open);
    }
}

/* A power cut at every write of CREATE, DELETE, RESIZE: the file is there or not, whole. A peer had 28
 * broken states in 150 trials. */
static void test_cut(void **state)
{
    (void)state;
    for (long cut = 0; cut < 6; cut++) {
        struct fixture f;
        fixture_open(&f, "test");
        verify_adm(&f);
        fault_store_cut_at(f.store, cut);
        fixture_transmit(
            &f,
            span_of(
                "\x00\xE0\x00\x00\x19\x62\x17\x82\x02\x41\x21\x83\x02\x6F\x99\x8A\x01\x05\x8B\x03\x2F\x06\x02\x80\x02\x00\x10\x88\x01\x08",
                30),
            false);
        fixture_transmit(&f, span_of("\x80\xD4\x00\x00\x0A\x62\x08\x83\x02\x6F\x99\x80\x02\x00\x08", 15),
                         false);
        fixture_transmit(&f, span_of("\x00\xE4\x00\x00\x02\x6F\x99", 7), false);
        fixture_restart(&f);
        uint16_t sw = fixture_transmit(&f, span_of("\x00\xA4\x00\x0C\x02\x6F\x99", 7), false);
        if (sw == 0x9000) {
            sw = fixture_transmit(&f, span_of("\x00\xB0\x00\x00\x00", 5), false);
            assert_true(sw == 0x6C10 || sw == 0x6C08);
            apdu(&f, "00B0810001", "FF9000");
        } else {
            assert_int_equal(sw, 0x6A82);
            apdu(&f, "00B0810001", "6A82");
        }
        verify_adm(&f);
        create(&f, "82024121830260008A01058B032F0602800200108800", "9000");
        fixture_close(&f);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup_bare, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_create_delete),
        T(test_directories),
        T(test_created_twice),
        T(test_refused_creations),
        T(test_resize),
        T(test_life_cycle),
        T(test_terminate_card),
        cmocka_unit_test(test_no_fid_of_an_adf),
        T(test_search),
        T(test_increase),
        T(test_ber_tlv),
        T(test_many_tags),
        cmocka_unit_test(test_long_file),
        T(test_closed_application),
        T(test_channels),
        T(test_blocked_elsewhere),
        T(test_suspend),
        T(test_platform),
        T(test_rules),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

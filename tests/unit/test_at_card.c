/* SPDX-License-Identifier: Apache-2.0
 *
 * AT commands about the card: PINs, files, channels, phonebooks (TS 27.007 7 and 8), of a UICC and of a SIM.
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>

#include "at_bench.h"
#include "hex.h"

/* ---- PINs ---- */

static void test_pins(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1", "|OK|");
    at_expect(b, "AT+CLCK=\"SC\",2", "|+CLCK: 0||OK|"); /* 7.4 */
    at_expect(b, "AT+CLCK=\"SC\",1,\"9999\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CLCK=\"sc\",1,\"1234\"", "|OK|");
    at_expect(b, "AT+CLCK=\"SC\",2", "|+CLCK: 1||OK|");
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PIN||OK|"); /* 8.3 */
    at_expect(b, "AT+CIMI", "|+CME ERROR: 11|");
    at_expect(b, "AT+CLCK=\"FD\",2", "|+CME ERROR: 11|");
    at_expect(b, "AT+CPMS?", "|+CMS ERROR: 311|");
    at_expect(b, "AT+CREG?", "|+CREG: 0,0||OK|");
    at_expect(b, "AT+CPIN=\"12\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CPIN=\"9999\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPINR=\"SIM PIN\"", "|+CPINR: SIM PIN,2,3||OK|"); /* 8.65 */
    at_expect(b, "AT+CPIN=1234", "|OK|");                /* clients forget the quotation marks */
    at_expect(b, "AT+CPIN=\"1234\"", "|+CME ERROR: 3|"); /* none is asked for */
    at_expect(b, "AT+CPWD=\"SC\",\"1234\",\"4321\"", "|OK|");
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PUK||OK|");
    at_expect(b, "AT+CPIN=\"4321\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN=\"00000000\",\"1234\"", "|+CME ERROR: 16|");
    at_expect(
        b, "AT+CPINR=\"SIM*\"",
        "|+CPINR: SIM PIN,0,3||+CPINR: SIM PUK,9,10||+CPINR: SIM PIN2,3,3||+CPINR: SIM PUK2,10,10||OK|");
    at_expect(b, "AT+CPIN=\"12345678\",\"1234\"", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CPWD=?", "|+CPWD: (\"SC\",8),(\"P2\",8)||OK|");
}

/* TS 27.007 8.3: what is used up while the SIM is initialised is unblocked by +CPIN all the same. */
static void test_pin1_used_up(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPIN=\"12345678\",\"1234\"", "|+CME ERROR: 3|"); /* no PUK is wanted */
    at_expect(b, "AT+CLCK=\"SC\",1,\"1234\"", "|OK|");
    at_expect(b, "AT+CPWD=\"SC\",\"0000\",\"1111\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPWD=\"SC\",\"0000\",\"1111\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CPWD=\"SC\",\"0000\",\"1111\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PUK||OK|");
    at_expect(b, "AT+CPIN=\"1234\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN=\"12345670\",\"1234\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"12345678\",\"1234\"", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CLCK=\"SC\",0,\"1234\"", "|OK|"); /* now with a PIN1 that is not enabled */
    for (unsigned i = 0; i < 2; i++)
        at_expect(b, "AT+CLCK=\"SC\",1,\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CLCK=\"SC\",1,\"0000\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CPIN=\"12345678\",\"1234\"", "|OK|");
    at_expect(b, "AT+CLCK=\"SC\",2", "|+CLCK: 1||OK|"); /* TS 102 221 11.1.13: unblocking enables it */
}

static void test_pin2_used_up(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPBS=\"FD\";+CPBW=1,\"123\",129,\"x\"", "|+CME ERROR: 17|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 18|");
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PUK2||OK|");
    at_expect(b, "AT+CPBW=1,\"123\",129,\"x\"", "|+CME ERROR: 18|");
    at_expect(b, "AT+CPIN=\"87654320\",\"5678\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"87654321\",\"5678\"", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CPBW=1,\"123\",129,\"x\"", "|OK|");
    b->gone = true;
    at_expect(b, "AT+CPIN=\"87654321\",\"5678\"", "|+CME ERROR: 10|");
}

/* 8.3: SIM PIN2 is said only when the command before was refused for want of it. */
static void test_pin2_wanted(void **state)
{
    struct at_bench *b = *state;
    static const char want[] = "AT+CMEE=1;+CPBS=\"FD\";+CPBW=1,\"123\",129,\"x\"";
    at_bench_on(b);
    at_expect(b, want, "|+CME ERROR: 17|");
    at_expect(b, "AT+CPIN?;+CPIN?", "|+CPIN: SIM PIN2||+CPIN: SIM PIN2||OK|");
    at_expect(b, "AT+CSQ", "|+CSQ: 31,99||OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    static const char *const others[] = {"AT", "ATE0", "ATQ0V1", "AT+NONE"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        at_expect(b, want, "|+CME ERROR: 17|");
        (void)at_bench_say(b, others[i]);
        at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    }
    at_expect(b, "AT+CPIN=\"5678\"", "|OK|"); /* but it may still be given, once */
    at_expect(b, "AT+CPIN=\"5678\"", "|+CME ERROR: 3|");
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_bench_run(b, 20000);
    (void)at_bench_heard(b, b->at);
    b->other = at_open(b->shared); /* what another peer gives, counts */
    assert_non_null(b->other);
    at_bench_raw(b, b->other, "ATE0\r", 5);
    at_expect(b, want, "|+CME ERROR: 17|");
    static const char change[] = "AT+CPWD=\"P2\",\"5678\",\"5679\"\r";
    assert_string_equal(at_bench_raw(b, b->other, change, sizeof change - 1), "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_bench_run(b, 20000);
    (void)at_bench_heard(b, b->at);
    at_expect(b, want, "|+CME ERROR: 17|");
    static const char again[] = "AT+CFUN=1,1\r"; /* another card, for all that one knows */
    assert_string_equal(at_bench_raw(b, b->other, again, sizeof again - 1), "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
}

static int setup_class_a0(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open(b, "gsm", NULL);
    *state = b;
    return 0;
}

/* TS 51.011 9.4.5: 9804 is a wrong CHV with attempts left, 9840 one without. */
static void test_pins_of_class_a0(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CLCK=\"SC\",1,\"1234\"", "|OK|");
    at_expect(b, "AT+CFUN=1,1;+CPIN?", "|+CPIN: SIM PIN||OK|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPINR=\"SIM PIN\"", "|+CPINR: SIM PIN,2,3||OK|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 12|");
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PUK||OK|");
    at_expect(b, "AT+CPIN=\"00000000\",\"1234\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPINR=\"SIM PUK\"", "|+CPINR: SIM PUK,9,10||OK|");
    at_expect(b, "AT+CPIN=\"12345678\",\"1234\"", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
}

/* ---- files, channels ---- */

static void test_access(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1", "|OK|");
    at_expect(b, "AT+CSIM=?", "|OK|"); /* 8.17; pySim asks */
    at_expect(b, "AT+CSIM=14,\"00A40004023F00\"", "|+CSIM: 4,\"6122\"||OK|");
    at_expect(b, "AT+CSIM=10,\"0020000100\"", "|+CSIM: 4,\"63C3\"||OK|");
    at_expect(b, "AT+CSIM=10,0020000100", "|+CSIM: 4,\"63C3\"||OK|");
    at_expect(b, "AT+CSIM=9,\"0020000100\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CSIM=10,\"002000010G\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CSIM=4,\"0020\"", "|+CME ERROR: 50|");
    assert_non_null(
        strstr(at_bench_say(b, "AT+CRSM=176,12258,0,0,10"), "|+CRSM: 144,0,\"98881201")); /* 8.18 */
    at_expect(b, "AT+CRSM=176,28423,0,0,9", "|+CRSM: 144,0,\"080910101032547608\"||OK|");
    at_expect(b, "AT+CRSM=176,28423,0,0,9,,\"3F007FFF\"", "|+CRSM: 144,0,\"080910101032547608\"||OK|");
    at_expect(b, "AT+CRSM=176,4660,0,0,9", "|+CRSM: 106,130||OK|");
    at_expect(b, "AT+CRSM=177,28423", "|+CME ERROR: 50|");
    at_expect(b, "AT+CRSM=176,28423,0,0,9,,\"3F\"", "|+CME ERROR: 50|");
}

static void test_channels(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1", "|OK|");
    assert_non_null(strstr(at_bench_say(b, "AT+CUAD"), "|+CUAD: \"61184F10A0000000871002"));
    at_expect(b, "AT+CUAD=1", "|+CUAD: \"\",1,\"A0000000871002FFFFFFFF8907090000\"||OK|");
    at_expect(b, "AT+CCHO=\"A0000000871002FFFFFFFF8907090000\"", "|+CCHO: 1||OK|"); /* 8.45 */
    at_expect(b, "AT+CGLA=1,10,\"00B0870009\"", "|+CGLA: 22,\"0809101010325476089000\"||OK|");
    at_expect(b, "AT+CRLA=1,176,28423,0,0,9", "|+CRLA: 144,0,\"080910101032547608\"||OK|");
    assert_non_null(strstr(at_bench_say(b, "AT+CRLA=1,192,28423"), "|+CRLA: 144,0,\"62"));
    /* TS 102 221 11.3: RETRIEVE DATA is of class 8X; this is no BER-TLV file */
    at_expect(b, "AT+CRLA=1,203,28423,0,128,0,\"A1\"", "|+CRLA: 105,129||OK|");
    at_expect(b, "AT+CCHO=\"A0000000871004\"", "|+CCHO: 2||OK|"); /* the ISIM */
    at_expect(b, "AT+CCHC=1", "|OK|");
    at_expect(b, "AT+CCHC=1", "|+CME ERROR: 21|");
    at_expect(b, "AT+CGLA=1,10,\"00B0870009\"", "|+CME ERROR: 21|");
    at_expect(b, "AT+CCHO=\"F0F1F2F3F4\"", "|+CME ERROR: 22|");
}

/* AKA, as ofono does it: the answer has RES, CK and IK (TS 31.102 7.1.2) for who asked, and the wrong
 * challenge has none. */
static void test_authenticate(void **state)
{
    struct at_bench *b = *state;
    uint8_t data[34];
    char hex[2 * sizeof data + 1], line[200], upper[64];
    struct aka_vector expected;
    at_bench_on(b);
    fixture_challenge(&b->f, 0, 1 << 20, data, &expected);
    hex_format(span_of(data, sizeof data), hex);
    at_expect(b, "AT+CCHO=\"A0000000871002\"", "|+CCHO: 1||OK|");
    snprintf(line, sizeof line, "AT+CGLA=1,78,\"0088008122%s\"", hex);
    const char *said = at_bench_say(b, line);
    hex_format(span_of(expected.res, expected.res_len), upper);
    for (char *c = upper; *c != '\0'; c++)
        *c = (char)toupper(*c);
    assert_memory_equal(said, "|+CGLA: ", 8);
    assert_non_null(strstr(said, "\"DB08"));
    assert_memory_equal(strstr(said, "\"DB08") + 5, upper, strlen(upper));
    data[20] ^= 1;
    hex_format(span_of(data, sizeof data), hex);
    snprintf(line, sizeof line, "AT+CGLA=1,78,\"0088008122%s\"", hex);
    at_expect(b, line, "|+CGLA: 4,\"9862\"||OK|");
}

/* ---- phonebooks ---- */

static void test_phonebook(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CCLK=\"26/02/30,00:00:00+00\"", "|+CME ERROR: 50|"); /* 8.15: no such day */
    at_expect(b, "AT+CPBS=?", "|+CPBS: (\"SM\",\"FD\",\"ON\")||OK|");             /* 8.11 */
    at_expect(b, "AT+CPBW=1,\"+491234567\",145,\"Anna\"", "|OK|");
    at_expect(b, "AT+CPBW=,\"0815\",129,\"Bert\"", "|OK|");
    at_expect(b, "AT+CPBR=1,50",
              "|+CPBR: 1,\"+491234567\",145,\"Anna\"||+CPBR: 2,\"0815\",129,\"Bert\"||OK|");
    at_expect(b, "AT+CPBF=\"an\"", "|+CPBF: 1,\"+491234567\",145,\"Anna\"||OK|");
    at_expect(b, "AT+CPBF=\"x\"", "|+CME ERROR: 22|");
    assert_memory_equal(at_bench_say(b, "AT+CPBS?"), "|+CPBS: \"SM\",2,", 14);
    at_expect(b, "AT+CPBW=1", "|OK|");
    at_expect(b, "AT+CPBR=1", "|OK|");
    at_expect(b, "AT+CPBR=255", "|+CME ERROR: 21|");
    at_expect(b, "AT+CSCS=\"UCS2\"", "|OK|");
    at_expect(b, "AT+CPBW=3,\"0031\",129,\"00C4004E\"", "|OK|"); /* Ä: in the default alphabet */
    at_expect(b, "AT+CPBW=4,\"0032\",129,\"0416\"", "|OK|");     /* Ж: not in it */
    at_expect(b, "AT+CPBR=3,4", "|+CPBR: 3,\"0031\",129,\"00C4004E\"||+CPBR: 4,\"0032\",129,\"0416\"||OK|");
    at_expect(b, "AT+CPBW=5,\"0031\",129,\"004100410041004100410041004100410041004100410041004100410041\"",
              "|+CME ERROR: 24|");
    at_expect(b, "AT+CSCS=\"HEX\";+CPBR=4", "|+CPBR: 4,\"32\",129,\"3f\"||OK|"); /* 5.5: in this set, too */
    at_expect(b, "AT+CSCS=\"IRA\"", "|OK|");
    /* A name alone is an entry: it is shown, and no place for another one. Nor can one be written. */
    at_expect(
        b,
        "AT+CRSM=220,28474,1,4,28,\"426F62FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\",\"3F007F10\"",
        "|+CRSM: 144,0||OK|");
    at_expect(b, "AT+CPBR=1,2", "|+CPBR: 1,\"\",129,\"Bob\"||+CPBR: 2,\"0815\",129,\"Bert\"||OK|");
    at_expect(b, "AT+CPBW=,\"0816\",129,\"a@_b\"", "|OK|");
    at_expect(b, "AT+CPBR=1", "|+CPBR: 1,\"\",129,\"Bob\"||OK|");
    at_expect(b, "AT+CPBR=5", "|+CPBR: 5,\"0816\",129,\"a@_b\"||OK|");
    at_expect(b, "AT+CPBW=5,,,\"Eve\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CSCS=\"GSM\"", "|OK|");
    static const char in_gsm[] = "|+CPBR: 5,\"0816\",129,\"a\0\x11"
                                 "b\"||OK|"; /* TS 23.038 6.2.1 */
    assert_memory_equal(at_bench_say(b, "AT+CPBR=5"), in_gsm, sizeof in_gsm);
    at_expect(b, "AT+CSCS=\"IRA\";+CPBW=1", "|OK|");
    at_expect(b, "AT+CPBS=\"FD\";+CPBW=1,\"123\",129,\"Fix\"", "|+CME ERROR: 17|"); /* PIN2 first */
    at_expect(b, "AT+CPIN?", "|+CPIN: SIM PIN2||OK|");
    at_expect(b, "AT+CPIN=\"0000\"", "|+CME ERROR: 16|");
    at_expect(b, "AT+CPIN=\"5678\"", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    at_expect(b, "AT+CPBW=1,\"123\",129,\"Fix\";+CPBR=1", "|+CPBR: 1,\"123\",129,\"Fix\"||OK|");
    at_expect(b, "AT+CPBS=\"ON\";+CPBW=1,\"+4917\",145,\"Me\"", "|OK|");
    at_expect(b, "AT+CNUM", "|+CNUM: \"Me\",\"+4917\",145||OK|");
}

/* TS 31.102 4.4.2.3: the digits of a number are extended BCD, and its type is what the peer says. */
static void test_numbers(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPBW=1,\"*100#\",129,\"Balance\"", "|OK|");
    at_expect(b, "AT+CPBW=2,\"0815\",161,\"X\"", "|OK|");
    at_expect(b, "AT+CPBW=3,\"4930\",145,\"Y\";+CPBW=4,\"+4931\",129,\"Z\"", "|OK|");
    at_expect(b, "AT+CPBR=1,4",
              "|+CPBR: 1,\"*100#\",129,\"Balance\"||+CPBR: 2,\"0815\",161,\"X\"|"
              "|+CPBR: 3,\"+4930\",145,\"Y\"||+CPBR: 4,\"+4931\",145,\"Z\"||OK|");
    at_expect(b, "AT+CRSM=178,28474,1,4,28,,\"3F007F10\"",
              "|+CRSM: 144,0,\"42616C616E6365FFFFFFFFFFFFFF04811A00FBFFFFFFFFFFFFFFFFFF\"||OK|");
    at_expect(b, "AT+CPBW=5,\"12345678901234567890\"", "|OK|");
    at_expect(b, "AT+CPBW=5,\"123456789012345678901\"", "|+CME ERROR: 26|"); /* 9.2.1: too long */
    at_expect(b, "AT+CPBW=5,\"1234567890123456789012345678901234567890123456789012345678901234567890\"",
              "|+CME ERROR: 26|");
    at_expect(b, "AT+CPBW=5,\"123a\"", "|+CME ERROR: 27|"); /* invalid characters */
}

/* TS 51.011 10.5: the phonebooks lie in DF.TELECOM, where +CRSM looks, too, when no path is given. */
static void test_phonebook_of_class_a0(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPBS=?", "|+CPBS: (\"SM\",\"FD\",\"ON\")||OK|");
    at_expect(b, "AT+CPBR=?", "|+CPBR: (1-50),20,14||OK|");
    at_expect(b, "AT+CPBW=?", "|+CPBW: (1-50),20,(129,145,161),14||OK|");
    at_expect(b, "AT+CPBW=1,\"+491234567\",145,\"Anna\";+CPBR=1",
              "|+CPBR: 1,\"+491234567\",145,\"Anna\"||OK|");
    at_expect(b, "AT+CPBS=\"ON\";+CPBW=1,\"+4917\",145,\"Me\";+CNUM", "|+CNUM: \"Me\",\"+4917\",145||OK|");
    at_expect(b, "AT+CPBS=\"FD\";+CPBW=1,\"123\",129,\"Fix\"", "|+CME ERROR: 17|");
    at_expect(b, "AT+CPIN=\"5678\";+CPBW=1,\"123\",129,\"Fix\"", "|OK|");
    static const char anna[] =
        "|+CRSM: 144,0,\"416E6E61FFFFFFFFFFFFFFFFFFFF069194214365F7FFFFFFFFFFFFFF\"||OK|";
    at_expect(b, "AT+CRSM=178,28474,1,4,28", anna);
    at_expect(b, "AT+CRSM=178,28474,1,4,28,,\"3F007F10\"", anna);
    at_expect(b, "AT+CRSM=178,28474,1,4,28,,\"3F007F20\"", "|+CRSM: 148,4||OK|"); /* it is not there */
    at_expect(b, "AT+CRSM=176,28423,0,0,9", "|+CRSM: 144,0,\"080910101032547608\"||OK|"); /* EF.IMSI */
    at_expect(b, "AT+CRSM=176,28423,0,0,9,,\"3F007FFF\"", "|+CRSM: 144,0,\"080910101032547608\"||OK|");
    at_expect(b, "AT+CRSM=176,4660,0,0,9", "|+CRSM: 148,4||OK|");
    at_expect(b, "AT+CRSM=176,28423,0,0,0", "|+CRSM: 144,0,\"080910101032547608\"||OK|"); /* all of it */
    at_expect(b, "AT+CRSM=178,28474,1,4,0", anna);
    at_expect(b, "AT+CPOL=,2,\"26201\";+CPOL?", "|+CPOL: 1,2,\"26201\",1,0,1,1,1||OK|");
    at_expect(b, "AT+CPLS=1;+CPOL=1,2,\"26201\"", "|+CME ERROR: 3|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pins, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_access, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_channels, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_authenticate, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_phonebook, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_pin1_used_up, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_pin2_used_up, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_pin2_wanted, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_numbers, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_pins_of_class_a0, setup_class_a0, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_phonebook_of_class_a0, setup_class_a0, at_bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

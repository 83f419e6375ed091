/* SPDX-License-Identifier: Apache-2.0
 *
 * AT commands against what V.250, TS 27.007 and TS 27.005 say. Clauses are named at the steps.
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "at_bench.h"
#include "hex.h"

/* ---- V.250: the line ---- */

static void test_line(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT", "|OK|");
    at_expect(b, "at", "|OK|");
    at_expect(b, "  xyzAT", "|OK|");  /* 5.2.1: what comes before the prefix is not for us */
    at_expect(b, "ATE0V1Q0", "|OK|"); /* 5.2.2: several on a line */
    at_expect(b, "AT +CMEE = 2 ;+CMEE?", "|+CMEE: 2||OK|");
    at_expect(b, "AT+CMEE=0;+FOO;+CMEE=2", "|ERROR|"); /* 5.5: the first error ends it */
    at_expect(b, "AT+CMEE?", "|+CMEE: 0||OK|");
    at_expect(b, "AT+CMEE=3", "|ERROR|");
    at_expect(b, "AT+CMEE=1,1", "|ERROR|");
    at_expect(b, "AT+CMEE=\"1\"", "|ERROR|");
    at_expect(b, "AT+CMEE=", "|ERROR|");
    at_expect(b, "AT+cmee=?", "|+CMEE: (0-2)||OK|");
    at_expect(b, "ATJ", "|ERROR|");
    at_expect(b, "AT+", "|ERROR|");
    at_expect(b, "AT\"", "|ERROR|");
}

static void test_editing(void **state)
{
    struct at_bench *b = *state;
    static const char text[] = "ATX9\b4\r";
    assert_string_equal(at_bench_raw(b, b->at, text, sizeof text - 1), "|OK|"); /* S5 corrects */
    assert_string_equal(at_bench_raw(b, b->at, "A/", 2), "|OK|");               /* 5.2.4: no <CR> */
    at_expect(b, "ATI1", "|1.0||OK|");
    assert_string_equal(at_bench_raw(b, b->at, "a/", 2), "|1.0||OK|");
    assert_string_equal(at_bench_raw(b, b->at, "A\x01T\rAT\r", 7),
                        "|OK|");  /* a control character between A and T: no prefix */
    at_expect(b, "ATE1", "|OK|"); /* the echo comes while the line is typed: it was off */
    assert_string_equal(at_bench_raw(b, b->at, "AT\r\n", 4), "AT\r|OK|\n");
}

static void test_formats(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "ATV0", "0\r"); /* 5.7.1 */
    at_expect(b, "ATI1", "1.0|0\r");
    at_expect(b, "AT+FOO", "4\r");
    at_expect(b, "ATD112;", "3\r");
    at_expect(b, "ATQ1", "");
    at_expect(b, "ATI1", "1.0|");
    at_expect(b, "ATQ0V1", "|OK|");
    at_expect(b, "ATQ1+CREG=1;+CFUN=1", ""); /* 6.2.5: nor result codes that nobody asked for */
    at_bench_run(b, 20000);
    assert_string_equal(at_bench_heard(b, b->at), "");
    at_expect(b, "ATQ0+CREG?", "|+CREG: 1,1||OK|");
    at_expect(b, "AT+CREG=0", "|OK|");
    at_expect(b, "ATS3=13S4?", "|010||OK|"); /* 5.3.2 */
    at_expect(b, "ATS5=200", "|ERROR|");
    at_expect(b, "ATS9?", "|ERROR|");
    at_expect(b, "ATS3=33", "!\nOK!\n"); /* ! ends lines now */
    assert_string_equal(at_bench_raw(b, b->at, "ATS3=13!", 8), "|OK|");
}

static void test_profiles(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT&V",
              "|E0 V1 Q0 X4 &C1 &D2||S0:000 S3:013 S4:010 S5:008 S6:002 S7:060 S8:002 S10:002||OK|");
    at_expect(b, "ATX1S0=2+CMEE=1;&W", "|OK|");
    at_expect(b, "ATX4S0=0+CMEE=2", "|OK|");
    at_expect(b, "ATZ", "|OK|"); /* 6.1.1: what was stored */
    at_expect(b, "ATS0?;+CMEE?", "|002||+CMEE: 1||OK|");
    b->other = at_open(b->shared); /* and for who comes next */
    assert_string_equal(at_bench_raw(b, b->other, "AT+CMEE?\r", 9), "|+CMEE: 1||OK|");
    at_expect(b, "AT&F", "|OK|"); /* 6.1.2: the factory's, with echo */
    assert_string_equal(at_bench_raw(b, b->at, "ATS0?\r", 6), "ATS0?\r|000||OK|");
}

static void test_bounds(void **state)
{
    struct at_bench *b = *state;
    char *line = malloc(3 * AT_LINE_MAX);
    assert_non_null(line);
    memset(line, '1', 3 * AT_LINE_MAX);
    memcpy(line, "AT+CMEE=", 8);
    line[3 * AT_LINE_MAX - 1] = '\r';
    assert_string_equal(at_bench_raw(b, b->at, line, 3 * AT_LINE_MAX), "|ERROR|");
    free(line);
    at_expect(b, "AT+CMEE=4294967297", "|ERROR|");
    at_expect(b, "ATS7=4294967297", "|ERROR|");
    /* more answers than there is room for: the line ends with an error, and the next is answered again */
    char many[AT_LINE_MAX] = "AT";
    while (strlen(many) + 8 < sizeof many)
        strcat(many, "+CLAC;");
    const char *said = at_bench_say(b, many);
    assert_string_equal(said + strlen(said) - 7, "|ERROR|");
    at_expect(b, "AT", "|OK|");
}

/* ---- TS 27.007 ---- */

static void test_identity(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CGMI;+CGMM", "|softuicc||virtual modem||OK|");
    at_expect(b, "AT+CGSN", "|490154203237518||OK|");
    at_expect(b, "AT+CGSN=2", "|+CGSN: \"4901542032375101\"||OK|");
    at_expect(b, "AT+CIMI", "|" FIXTURE_IMSI "||OK|");
    at_expect(b, "AT+CCID", "|+CCID: " FIXTURE_ICCID "||OK|");
    at_expect(b, "AT^ICCID?", "|^ICCID: " FIXTURE_ICCID "||OK|");
    assert_non_null(strstr(at_bench_say(b, "AT+CLAC"), "|AT+CGLA|"));
}

static void test_power(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT+CMEE=1", "|OK|");
    at_expect(b, "AT+CFUN?", "|+CFUN: 0||OK|");
    at_expect(b, "AT+CPAS", "|+CPAS: 1||OK|");
    at_expect(b, "AT+CIMI", "|+CME ERROR: 3|");
    at_expect(b, "AT+CMGL=4", "|+CMS ERROR: 302|");
    at_expect(b, "AT+CFUN=?", "|+CFUN: (0,1,4),(0,1)||OK|");
    b->gone = true; /* no card: 9.2.1 */
    at_expect(b, "AT+CFUN=1", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CME ERROR: 10|");
    at_expect(b, "AT+CSIM=10,\"00F2000000\"", "|+CME ERROR: 10|");
    at_expect(b, "AT+CMEE=2;+CPIN?", "|+CME ERROR: SIM not inserted|");
    at_expect(b, "AT+CMGD=1", "|+CMS ERROR: SIM not inserted|");
    at_expect(b, "AT+CMEE=0;+CPIN?", "|ERROR|");
    b->gone = false;
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_expect(b, "AT+CPIN?", "|+CPIN: READY||OK|");
    b->gone = true; /* taken out */
    at_expect(b, "AT+CRSM=176,12258,0,0,10", "|ERROR|");
    at_expect(b, "AT+CMEE=1;+CPIN?", "|+CME ERROR: 10|");
}

/* ---- network ---- */

static void test_registration(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT+CREG=2;+CEREG=1;+CMER=3,0,0,1", "|OK|");
    at_expect(b, "AT+CREG?", "|+CREG: 2,0||OK|");
    at_expect(b, "AT+CFUN=1", "|OK||+CREG: 2||+CEREG: 2|");
    at_bench_run(b, 20000);
    const char *said = at_bench_heard(b, b->at);
    assert_non_null(strstr(said, "|+CREG: 1,\"1234\",\"000ABCDE\",7|")); /* 7.2 */
    assert_non_null(strstr(said, "|+CEREG: 1|"));
    assert_non_null(strstr(said, "|+CIEV: 3,1|")); /* 8.9: service */
    at_expect(b, "AT+CREG?;+CGREG?;+CEREG?;+C5GREG?",
              "|+CREG: 2,1,\"1234\",\"000ABCDE\",7||+CGREG: 0,1||+CEREG: 1,1||+C5GREG: 0,0||OK|");
    at_expect(b, "AT+COPS?", "|+COPS: 0,0,\"Home\",7||OK|");
    at_expect(b, "AT+COPS=3,2;+COPS?", "|+COPS: 0,2,\"00101\",7||OK|");
    at_expect(b, "AT+COPS=?",
              "|+COPS: (2,\"Home\",\"Home\",\"00101\",7),(1,\"Fremdes "
              "Netz\",\"Fremdes\",\"26299\",2),,(0-4),(0-2)||OK|");
    at_expect(b, "AT+CSQ;+CESQ", "|+CSQ: 31,99||+CESQ: 99,99,255,255,34,97||OK|");
    at_expect(b, "AT+CMEE=1;+COPS=1,2,\"99999\"", "|+CME ERROR: 30|"); /* 7.3 */
    assert_memory_equal(at_bench_say(b, "AT+COPS=1,2,\"26299\""), "|OK|", 4);
    at_bench_run(b, 60000);
    said = at_bench_heard(b, b->at);
    assert_non_null(strstr(said, "|+CREG: 3|")); /* it takes no roamers */
    assert_memory_equal(at_bench_say(b, "AT+COPS=0"), "|OK|", 4);
    at_bench_run(b, 120000);
    assert_non_null(strstr(at_bench_heard(b, b->at), "|+CREG: 1,"));
    assert_memory_equal(at_bench_say(b, "AT+COPS=2"), "|OK||+CREG: 0|", 14);
}

/* 7.3: manual, and automatic when that fails */
static void test_manual_automatic(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+COPS=3,2;+COPS=4,2,\"26299\"", "|OK|");
    at_bench_run(b, 1000);
    at_expect(b, "AT+COPS?;+CREG?", "|+COPS: 0,2,\"00101\",7||+CREG: 0,1||OK|");
    at_expect(b, "AT+COPS=4,2,\"99999\"", "|OK|"); /* not there at all */
    at_bench_run(b, 1000);
    at_expect(b, "AT+COPS?;+CREG?", "|+COPS: 0,2,\"00101\",7||+CREG: 0,1||OK|");
    at_expect(b, "AT+COPS=1,2,\"26299\"", "|OK|"); /* manual is manual */
    at_bench_run(b, 1000);
    at_expect(b, "AT+COPS?;+CREG?", "|+COPS: 1||+CREG: 0,3||OK|");
    at_expect(b, "AT+COPS=0", "|OK|");
    at_bench_run(b, 1000);
    at_expect(b, "AT+CREG?", "|+CREG: 0,1||OK|");
    modem_operator_select(b->modem, "00101"); /* somebody else's choice: the console's */
    at_bench_run(b, 1000);
    at_expect(b, "AT+COPS?", "|+COPS: 1,2,\"00101\",7||OK|");
    at_expect(b, "AT+COPS=0;+COPS=3,2", "|OK|");
    assert_int_equal(modem_operator_selection(b->modem), MODEM_AUTOMATIC);
    at_bench_run(b, 1000);
    at_expect(b, "AT+COPS?", "|+COPS: 0,2,\"00101\",7||OK|");
    modem_operator_select(b->modem, "");
    at_expect(b, "AT+COPS?", "|+COPS: 2||OK|");
}

static void test_preferred(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CPOL=?", "|+CPOL: (1-8),(2)||OK|"); /* 7.19 */
    at_expect(b, "AT+CPOL?", "|OK|");
    at_expect(b, "AT+CPOL=2,2,\"26201\",0,0,1,1,0", "|OK|");
    at_expect(b, "AT+CPOL?", "|+CPOL: 2,2,\"26201\",0,0,1,1,0||OK|");
    at_expect(b, "AT+CPOL=1,2,\"310410\"", "|OK|");
    at_expect(b, "AT+CPOL?", "|+CPOL: 1,2,\"310410\",1,0,1,1,1||+CPOL: 2,2,\"26201\",0,0,1,1,0||OK|");
    at_expect(b, "AT+CPOL=1", "|OK|");
    at_expect(b, "AT+CPOL?", "|+CPOL: 2,2,\"26201\",0,0,1,1,0||OK|");
    at_expect(b, "AT+CPOL=9,2,\"26201\"", "|+CME ERROR: 21|");
    at_expect(b, "AT+CPOL=1,2,\"2620x\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CPOL=,2,\"26202\"", "|OK|"); /* the first free place */
    at_expect(b, "AT+CPOL?", "|+CPOL: 1,2,\"26202\",1,0,1,1,1||+CPOL: 2,2,\"26201\",0,0,1,1,0||OK|");
    for (unsigned i = 3; i <= 8; i++)
        at_expect(b, "AT+CPOL=,2,\"26203\"", "|OK|");
    at_expect(b, "AT+CPOL=,2,\"26203\"", "|+CME ERROR: 20|");
    at_expect(b, "AT+CPOL=,2", "|OK|"); /* how it is to be read: there is one way */
    at_expect(b, "AT+CPOL=,0", "|+CME ERROR: 50|");
    /* The operator's list is updated under ADM (TS 31.102 4.2.53), which is no PIN2. */
    at_expect(b, "AT+CPLS=1;+CPOL=1,2,\"26201\"", "|+CME ERROR: 3|");
}

/* What stands in the way of a registration is said (9.2.1); what there is already is not done again. */
static void test_no_registration(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT+CMEE=1;+COPS=0", "|+CME ERROR: 3|"); /* off */
    b->gone = true;
    at_expect(b, "AT+CFUN=1;+CGATT=1", "|+CME ERROR: 10|");
    at_expect(b, "AT+COPS=0", "|+CME ERROR: 10|");
    at_expect(b, "AT+COPS=3,2;+COPS=2;+CGATT=0", "|OK|"); /* nobody needs a card for these */
    b->gone = false;
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_bench_run(b, 20000);
    at_expect(b, "AT+COPS=0;+CREG=1", "|OK|");
    at_bench_run(b, 20000);
    assert_string_equal(at_bench_heard(b, b->at), "|+CREG: 1|");
    at_expect(b, "AT+COPS=0;+CGATT=1;+CREG?", "|+CREG: 1,1||OK|"); /* it stays */
    at_bench_run(b, 20000);
    assert_string_equal(at_bench_heard(b, b->at), "");
    at_expect(b, "AT+CREG=0;+CFUN=4;+CGATT=1", "|+CME ERROR: 30|");
    at_expect(b, "AT+COPS=0", "|+CME ERROR: 30|");
    at_expect(b, "AT+CLCK=\"SC\",1,\"1234\";+CFUN=1,1;+CGATT=1", "|+CME ERROR: 11|");
    at_expect(b, "AT+COPS=0", "|+CME ERROR: 11|");
    network_switch(b->network, 0, false);
    network_switch(b->network, 1, false);
    at_expect(b, "AT+COPS=?", "|+COPS: ,,(0-4),(0-2)||OK|"); /* 7.3: none in the air */
}

static void test_ussd(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CUSD=1", "|OK|");
    at_bench_say(b, "AT+CUSD=1,\"*100#\",15");
    char said[256];
    snprintf(said, sizeof said, "%.100s", b->said);
    at_bench_run(b, 5000);
    strncat(said, at_bench_heard(b, b->at), sizeof said - strlen(said) - 1);
    assert_non_null(strstr(said, "|+CUSD: 0,\"Balance: 5 EUR\",15|"));
    at_expect(b, "AT+CUSD=2", "|OK|");
    at_expect(b, "AT+CMEE=1;+CUSD=1,\"002A0031003000300023\",17", "|+CME ERROR: 30|"); /* TS 23.038 5: UCS2 */
}

/* ---- packet domain and calls: what there is not ---- */

static void test_contexts(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CGATT?", "|+CGATT: 1||OK|");
    at_expect(b, "AT+CGATT=0", "|OK|");
    at_bench_run(b, 1000);
    at_expect(b, "AT+CGATT?;+CREG?;+COPS?", "|+CGATT: 0||+CREG: 0,0||+COPS: 2||OK|");
    at_expect(b, "AT+CGATT=1", "|OK|");
    at_bench_run(b, 60000);
    at_expect(b, "AT+CGATT?;+CREG?", "|+CGATT: 1||+CREG: 0,1||OK|");
    at_expect(b, "AT+CGDCONT=1,\"IP\",\"internet\"", "|OK|");
    at_expect(b, "AT+CGDCONT?", "|+CGDCONT: 1,\"IP\",\"internet\",\"\",0,0||OK|");
    at_expect(b, "AT+CGDCONT=9,\"IP\"", "|+CME ERROR: 50|");
    at_expect(b, "AT+CGDCONT=1,\"PPP\"", "|+CME ERROR: 50|");
    char line[256];
    snprintf(line, sizeof line, "AT+CGDCONT=1,\"IP\",\"%0101d\"", 0); /* too long: what there was stays */
    at_expect(b, line, "|+CME ERROR: 50|");
    at_expect(b, "AT+CGDCONT?", "|+CGDCONT: 1,\"IP\",\"internet\",\"\",0,0||OK|");
    at_expect(b, "AT+CGACT=1,1", "|+CME ERROR: 148|");
    at_expect(b, "AT+CGACT=1,2", "|+CME ERROR: 50|");
    at_expect(b, "AT+CMEE=2;+CGACT=1,1", "|+CME ERROR: unspecified GPRS error|"); /* 9.2.2 */
    at_expect(b, "AT+CMEE=1;+CGACT?;+CGPADDR=1", "|+CGACT: 1,0||+CGPADDR: 1||OK|");
    at_expect(b, "AT+CGDCONT=3,\"IP\"", "|OK|");
    at_expect(b, "AT+CGPADDR=3,2,1", "|+CGPADDR: 3||+CGPADDR: 1||OK|"); /* 10.1.14 */
    at_expect(b, "AT+CGPADDR=1,9", "|+CME ERROR: 50|");
    at_expect(b, "AT+CGDCONT=3", "|OK|");
    at_expect(b, "AT+CGDCONT=1;+CGDCONT?", "|OK|");
    at_expect(b, "ATD*99***1#", "|NO CARRIER|");
    assert_non_null(strstr(at_bench_say(b, "AT+CEER"), "|+CEER: No bearer"));
    at_expect(b, "ATH", "|OK|");
    at_expect(b, "AT+CCWA=1,2", "|+CCWA: 0,7||OK|");
    at_expect(b, "AT+CCWA=1,1,1", "|+CME ERROR: 3|");
}

/* ---- short messages ---- */

static void nobody(void *ctx, const struct modem_report *report)
{
    *(int *)ctx = report->failure;
}

/* An SMS-DELIVER from +31628870634, of 2011-10-11 (TS 23.040 9.2.2.1): "Hi" in the default alphabet, or this
 * coding. */
static int deliver(struct at_bench *b, const char *hex)
{
    uint8_t tpdu[176];
    struct buf t = buf_of(tpdu, sizeof tpdu);
    int failure = -1;
    assert_true(hex_parse(hex, &t, NULL));
    assert_true(modem_sms_deliver(b->modem, "+4917", buf_span(&t), nobody, &failure));
    at_bench_run(b, 100);
    (void)at_bench_heard(b, b->at);
    at_bench_run(b, 30000); /* nobody acknowledges */
    return failure;
}

#define HI      "040B911326880736F4000011011121222204 02 C834"
#define HI_UCS2 "040B911326880736F4000811011121222204 04 04160021"
#define IN_0x44(class, pid) "040B911326880736F4" pid "4" class "11011121222204 08 0102030405060708"
#define REPORT  "06070B911326880736F4 11011121222204 11011121222204 00"

static void test_sms_received(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CNMI?", "|+CNMI: 0,0,0,0,0||OK|");
    assert_int_equal(deliver(b, HI), 0);
    assert_string_equal(b->said, "");
    at_expect(b, "AT+CMGL=0", "|+CMGL: 1,0,,21|03919471040B911326880736F400001101112122220402C834||OK|");
    at_expect(b, "AT+CMGL=0", "|OK|"); /* read now */
    at_expect(b, "AT+CMGR=1", "|+CMGR: 1,,21|03919471040B911326880736F400001101112122220402C834||OK|");
    at_expect(b, "AT+CNMI=2,1", "|OK|"); /* TS 27.005 3.4.1 */
    assert_int_equal(deliver(b, HI), 0);
    assert_string_equal(b->said, "|+CMTI: \"SM\",2|");
    at_expect(b, "AT+CMGF=1;+CMGR=2",
              "|+CMGR: \"REC UNREAD\",\"+31628870634\",,\"11/10/11,12:22:22+40\"|Hi||OK|");
    at_expect(
        b, "AT+CSDH=1;+CMGR=2",
        "|+CMGR: \"REC READ\",\"+31628870634\",,\"11/10/11,12:22:22+40\",145,4,0,0,\"+4917\",145,2|Hi||OK|");
    at_expect(b, "AT+CMGL=\"ALL\"",
              "|+CMGL: 1,\"REC READ\",\"+31628870634\",,\"11/10/11,12:22:22+40\",145,2|Hi||+CMGL: 2,\"REC "
              "READ\",\"+31628870634\",,"
              "\"11/10/11,12:22:22+40\",145,2|Hi||OK|");
    at_expect(b, "AT+CSDH=0;+CNMI=2,2", "|OK|");
    assert_int_equal(deliver(b, HI), 0); /* +CSMS=0: shown is enough */
    assert_string_equal(b->said, "|+CMT: \"+31628870634\",,\"11/10/11,12:22:22+40\"|Hi|");
    assert_int_equal(deliver(b, HI_UCS2), 0);
    assert_string_equal(b->said, "|+CMT: \"+31628870634\",,\"11/10/11,12:22:22+40\"|04160021|");
    at_expect(b, "AT+CMGD=1,4;+CMGL=\"ALL\"", "|OK|");
    at_expect(b, "AT+CMGR=1", "|+CMS ERROR: 321|");
    at_expect(b, "AT+CNMI=2,1", "|OK|");
    /* TS 23.038 4: a message that is to be deleted when it was read is coded as others are */
    assert_int_equal(deliver(b, IN_0x44("4", "00")), 0);
    at_expect(b, "AT+CMGF=0;+CMGR=1",
              "|+CMGR: 0,,27|03919471040B911326880736F4004411011121222204080102030405060708||OK|");
    at_expect(b, "AT+CMGD=1", "|OK|");
    assert_int_equal(deliver(b, IN_0x44("0", "00")), 0);
    at_expect(b, "AT+CMGR=1",
              "|+CMGR: 0,,26|03919471040B911326880736F40040110111212222040801020304050607||OK|");
    at_expect(b, "AT+CMGD=1", "|OK|");
    assert_int_equal(modem_sms_used(b->modem, MODEM_ME), 0);
    assert_int_equal(deliver(b, "040B911326880736F4005511011121222204 01 78"), 0); /* class 1 */
    assert_int_equal(modem_sms_used(b->modem, MODEM_ME), 1);
    at_expect(b, "AT+CMGD=99", "|+CMS ERROR: 321|");
}

static void test_sms_acknowledged(void **state)
{
    struct at_bench *b = *state;
    uint8_t tpdu[64];
    struct buf t = buf_of(tpdu, sizeof tpdu);
    int failure = -1;
    at_bench_on(b);
    at_expect(b, "AT+CNMA", "|+CMS ERROR: 340|");
    at_expect(b, "AT+CSMS=1", "|+CSMS: 1,1,0||OK|");
    at_expect(b, "AT+CNMI=2,2,0,1", "|OK|");
    assert_int_equal(deliver(b, HI), 0xFF); /* nobody said +CNMA: the network keeps it */
    assert_string_equal(b->said, "|+CMT: ,21|03919471040B911326880736F400001101112122220402C834|");
    at_expect(b, "AT+CNMA", "|+CMS ERROR: 340|"); /* too late */
    at_expect(b, "AT+CNMI?", "|+CNMI: 2,0,0,0,0||OK|"); /* 3.4.4: who does not acknowledge gets no more */
    at_expect(b, "AT+CNMI=2,2,0,1", "|OK|");
    assert_true(hex_parse(HI, &t, NULL));
    assert_true(modem_sms_deliver(b->modem, "+4917", buf_span(&t), nobody, &failure));
    at_bench_run(b, 100);
    at_expect(b, "AT", "|+CMT: ,21|03919471040B911326880736F400001101112122220402C834||OK|");
    at_expect(b, "AT+CNMA=1", "|OK|");
    assert_int_equal(failure, 0);
    assert_true(modem_sms_deliver(b->modem, "+4917", buf_span(&t), nobody, &failure));
    at_bench_run(b, 100);
    (void)at_bench_heard(b, b->at);
    at_expect(b, "AT+CNMA=2,2", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "00D3\x1A", 5), "|OK|");
    assert_int_equal(failure, 0xD3); /* memory exceeded, TS 23.040 9.2.3.22 */
    assert_int_equal(deliver(b, REPORT), 0xFF);
    assert_non_null(strstr(b->said, "|+CDS: 25|"));
    at_expect(b, "AT+CNMA=?;+CNMA?", "|+CNMA: (0-2)||+CMS ERROR: 303|");
    at_expect(b, "AT+CSMS=0;+CMGF=1;+CNMI=2,2,0,1", "|+CSMS: 1,1,0||OK|");
    at_expect(b, "AT+CNMI=2,1,0,2", "|OK|"); /* 3.4.1: kept, and told of */
    assert_int_equal(deliver(b, REPORT), 0);
    assert_string_equal(b->said, "|+CDSI: \"SM\",1|");
    at_expect(
        b, "AT+CMGR=1",
        "|+CMGR: \"REC UNREAD\",6,7,\"+31628870634\",145,\"11/10/11,12:22:22+40\",\"11/10/11,12:22:22+40\",0||OK|");
    at_expect(b, "AT+CNMI=2,1,0,0", "|OK|");
    assert_int_equal(deliver(b, REPORT), 0);
    at_expect(b, "AT+CPMS?", "|+CPMS: \"SM\",1,10,\"SM\",1,10,\"SM\",1,10||OK|");
    at_expect(b, "AT+CMGC=2,0", "|+CMS ERROR: 303|"); /* 3.5.5: in text mode that would be another command */
    at_expect(b, "AT+CNMI=2,2,0,1", "|OK|");
    assert_int_equal(deliver(b, REPORT), 0);
    assert_string_equal(
        b->said, "|+CDS: 6,7,\"+31628870634\",145,\"11/10/11,12:22:22+40\",\"11/10/11,12:22:22+40\",0|");
}

static unsigned submitted(void *ctx, const char *centre, struct span tpdu)
{
    struct at_bench *b = ctx;
    snprintf(b->submitted_by, sizeof b->submitted_by, "%s", centre);
    b->submitted_n = tpdu.n < sizeof b->submitted ? tpdu.n : sizeof b->submitted;
    memcpy(b->submitted, tpdu.p, b->submitted_n);
    return 0;
}

static void test_sms_sent(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CSCA?", "|+CSCA: \"+00101000001\",145||OK|");
    at_expect(b, "AT+CMGS=0", "|+CMS ERROR: 304|");
    at_expect(b, "AT+CMGS=14", "|> "); /* 4.3 */
    assert_string_equal(at_bench_raw(b, b->at, "0001000B911326880736F40000\x1A", 27), "|+CMS ERROR: 304|");
    at_expect(b, "AT+CMGS=15", "|> ");
    assert_non_null(strstr(at_bench_raw(b, b->at, "0001000B911326880736F4000002C834\x1A", 33), "|+CMGS: "));
    at_expect(b, "AT+CMGS=15", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "0001\x1B", 5), "|OK|"); /* <ESC> */
    at_expect(b, "AT+CMGF=1", "|OK|");
    at_expect(b, "AT+CMGS=\"+31628870634\"", "|> "); /* 3.5.1 */
    assert_non_null(strstr(at_bench_raw(b, b->at, "Two\rlines {}\x1A", 13), "|> |+CMGS: "));
    /* The <LF> of a <CR><LF> is none of the text. */
    assert_non_null(strstr(at_bench_raw(b, b->at, "AT+CMGW=\"1\"\r\nHi\r\nyou\x1A", 21), "|+CMGW: 1||OK|"));
    at_expect(b, "AT+CMGR=1", "|+CMGR: \"STO UNSENT\",\"1\",|Hi\nyou||OK|");
    at_expect(b, "AT+CSCS=\"GSM\";+CMGW=\"1\"", "|> "); /* TS 23.038 6.2.1: 7F is a letter */
    assert_string_equal(at_bench_raw(b, b->at, "\x7Fx\by\x1A", 5), "|+CMGW: 2||OK|");
    at_expect(b, "AT+CMGR=2", "|+CMGR: \"STO UNSENT\",\"1\",|\x7Fy||OK|");
    at_expect(b, "AT+CSCS=\"IRA\";+CMGD=1,4", "|OK|");
    at_expect(b, "AT+CMGS=\"abc\"", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGW=\"0815\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "Hell\bl\x7Flo @ {}\x1A", 15), "|+CMGW: 1||OK|");
    at_expect(b, "AT+CMGR=1", "|+CMGR: \"STO UNSENT\",\"0815\",|Hello @ {}||OK|");
    assert_non_null(strstr(at_bench_say(b, "AT+CMSS=1"), "|+CMSS: "));
    assert_non_null(strstr(at_bench_say(b, "AT+CMSS=1,\"+4930\",145"), "|+CMSS: "));
    at_expect(b, "AT+CMGR=1", "|+CMGR: \"STO SENT\",\"0815\",|Hello @ {}||OK|");
    at_expect(b, "AT+CMSS=2", "|+CMS ERROR: 321|");
    char text[200];
    memset(text, 'x', 161);
    text[161] = 0x1A;
    at_expect(b, "AT+CMGS=\"1\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, text, 162), "|+CMS ERROR: 305|"); /* 161 characters */
    at_expect(b, "AT+CSMP=17,167,0,8", "|OK|");
    at_expect(b, "AT+CMGW=\"1\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "04160021\x1A", 9), "|+CMGW: 2||OK|");
    at_expect(b, "AT+CMGR=2", "|+CMGR: \"STO UNSENT\",\"1\",|04160021||OK|");
    at_expect(b, "AT+CSMP=17,167,0,0;+CMGW=\"4930\",145", "|> "); /* 3.5.3: <toda> */
    assert_string_equal(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMGW: 3||OK|");
    at_expect(b, "AT+CMGR=3", "|+CMGR: \"STO UNSENT\",\"+4930\",|x||OK|");
    at_expect(b, "AT+CMGD=3;+CMGW=\"*100#\",161", "|> "); /* TS 23.040 9.1.2.3, 9.1.2.5 */
    assert_string_equal(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMGW: 3||OK|");
    at_expect(b, "AT+CSDH=1;+CMGR=3", "|+CMGR: \"STO UNSENT\",\"*100#\",,161,17,0,0,167,\"\",129,1|x||OK|");
    at_expect(b, "AT+CSDH=0;+CMGS=\"4930\",8", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGS=\"4930\",208", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CSCA=\"4917\",161", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGW=\"4930\",abc", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGD=3", "|OK|");
    at_expect(b, "AT+CMGW", "|> "); /* 3.5.3: to whom is said when it is sent */
    assert_string_equal(at_bench_raw(b, b->at, "later\x1A", 6), "|+CMGW: 3||OK|");
    at_expect(b, "AT+CMGR=3", "|+CMGR: \"STO UNSENT\",\"\",|later||OK|");
    at_expect(b, "AT+CMSS=3", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGR=3", "|+CMGR: \"STO UNSENT\",\"\",|later||OK|");
    network_on_submit(b->network, submitted, b);
    assert_non_null(strstr(at_bench_say(b, "AT+CMSS=3,\"5678\""), "|+CMSS: "));
    assert_memory_equal(b->submitted + 2, "\x04\x81\x65\x87", 4);
    at_expect(b, "AT+CMGS=\"\"", "|+CMS ERROR: 305|");
    at_expect(b, "AT+CMGD=3", "|OK|");
    /* An absolute validity (TS 23.040 9.2.3.12.2) is seven octets, and goes with the message to whomever. */
    at_expect(b, "AT+CMGF=0;+CMGW=17", "|> ");
    assert_string_equal(at_bench_raw(b, b->at,
                                     "001900048121430000"
                                     "62101000000000"
                                     "0178\x1A",
                                     37),
                        "|+CMGW: 3||OK|");
    network_on_submit(b->network, submitted, b);
    at_expect(b, "AT+CMGF=1", "|OK|");
    assert_non_null(strstr(at_bench_say(b, "AT+CMSS=3,\"5678\""), "|+CMSS: "));
    assert_int_equal(b->submitted_n, 17);
    assert_memory_equal(b->submitted + 2, "\x04\x81\x65\x87\x00\x00\x62\x10\x10\x00\x00\x00\x00\x01\x78", 15);
    at_expect(b, "AT+CSDH=1;+CMGR=3",
              "|+CMGR: \"STO SENT\",\"1234\",,129,25,0,0,\"26/01/01,00:00:00+00\",\"\",129,1|x||OK|");
    at_expect(b, "AT+CSDH=0;+CMGD=3", "|OK|");
    at_expect(b, "AT+CSMP=25,167,0,0;+CMGS=\"1\"", "|> "); /* +CSMP cannot say one */
    assert_string_equal(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMS ERROR: 305|");
    assert_memory_equal(at_bench_say(b, "AT+CPMS=\"ME\",\"ME\""), "|+CPMS: 0,20,0,20,2,", 20); /* 3.2.2 */
    at_expect(b, "AT+CFUN=4", "|OK|");
    at_expect(b, "AT+CSMP=17,167,0,0;+CMGS=\"1\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMS ERROR: 331|");
}

/* What nobody is there to see is not shown, but kept: TS 27.005 3.4.1 has +CMT for who is connected. */
static void test_sms_for_nobody(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CNMI=2,2;&W", "|OK|");
    assert_int_equal(deliver(b, HI), 0);
    assert_memory_equal(b->said, "|+CMT: ", 7);
    at_expect(b, "ATQ1", "");
    assert_int_equal(deliver(b, HI), 0); /* quiet */
    assert_string_equal(b->said, "");
    at_hang_up(b->at);
    assert_int_equal(deliver(b, HI), 0); /* gone */
    assert_string_equal(b->said, "");
    assert_int_equal(modem_sms_used(b->modem, MODEM_SM), 2);
    at_pick_up(b->at); /* back, and has nothing to say */
    assert_int_equal(deliver(b, HI), 0);
    assert_memory_equal(b->said, "|+CMT: ", 7);
    assert_int_equal(modem_sms_used(b->modem, MODEM_SM), 2);
    /* TS 23.038 4: class 0 that is not shown is as one without class. */
    at_hang_up(b->at);
    assert_int_equal(deliver(b, "040B911326880736F4001011011121222204 01 78"), 0);
    assert_int_equal(modem_sms_used(b->modem, MODEM_SM), 3);
}

/* Unsolicited result codes wait until a text has been typed (27.005 3.4.1, V.250 5.8). */
static void test_held(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CNMI=2,1;+CMGF=1;+CMGS=\"1\"", "|> ");
    assert_int_equal(deliver(b, HI), 0);
    assert_string_equal(b->said, "");
    assert_non_null(strstr(at_bench_raw(b, b->at, "x\x1A", 2), "||OK||+CMTI: \"SM\",1|"));
}

/* ---- toolkit ---- */

static int setup_menu(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open_menu(b, NULL);
    *state = b;
    return 0;
}

/* Command details of the proactive command that was shown last, as the first object of its answer. */
static void answer(struct at_bench *b, char *line, size_t room, const char *rest)
{
    const char *details = strstr(b->said, "8103");
    assert_non_null(details);
    snprintf(line, room, "AT+CUSATT=\"%.10s82028281%s\"", details, rest);
}

static void test_toolkit(void **state)
{
    struct at_bench *b = *state;
    char line[200];
    at_expect(b, "AT+CMEE=1;+CUSATT=\"8103012500820282818301 00\"", "|+CME ERROR: 3|");
    at_expect(b, "AT+CUSATW=0,\"0000000000000000000000000000000000000000000000000000000000000001\"",
              "|OK|"); /* 12.2 */
    assert_non_null(strstr(at_bench_say(b, "AT+CUSATR"), "|+CUSATR: 0,\"00000000"));
    at_expect(b, "AT+CUSATD=1;+CUSATD?", "|+CUSATD: 1,0||OK|");
    assert_int_equal(modem_stk_profile_get(b->modem).n, 32); /* both put together */
    assert_int_equal(modem_stk_profile_get(b->modem).p[31], 1);
    assert_true(modem_stk_profile_get(b->modem).p[0] != 0);
    at_bench_on(b);
    const char *said =
        at_bench_say(b, "AT+CUSATA=1"); /* TS 27.007 12.2: the menu came before this peer wanted it */
    assert_non_null(strstr(said, "|+CUSATP: \"D0"));
    assert_non_null(strstr(said, "42616C616E6365")); /* Balance */
    answer(b, line, sizeof line, "830100");
    at_expect(b, line, "|OK|");
    at_expect(b, line, "|+CME ERROR: 3|"); /* nothing waits any more */
    at_expect(b, "AT+CUSATE=\"D30782020181900180\"", "|+CUSATE: \"\"||OK|");
    at_bench_run(b, 1000);
    said = at_bench_heard(b, b->at);
    assert_non_null(strstr(said, "|+CUSATP: \"D0"));
    assert_non_null(strstr(said, "596F752068617665203520455552")); /* You have 5 EUR */
    answer(b, line, sizeof line, "830100");
    at_expect(b, line, "|OK||+CUSATEND|");
    at_expect(b, "AT+CUSATE=\"D30782020181900181\"", "|+CUSATE: \"\"||OK|");
    at_bench_run(b, 1000);
    assert_non_null(strstr(at_bench_heard(b, b->at), "416D6F756E743F")); /* Amount? */
    answer(b, line, sizeof line, "8301008D03043432");
    at_expect(b, line, "|OK|");
    at_bench_run(b, 1000);
    assert_non_null(strstr(at_bench_heard(b, b->at), "436861726765643A203432")); /* Charged: 42 */
    answer(b, line, sizeof line, "830100");
    at_expect(b, line, "|OK||+CUSATEND|");
    at_expect(b, "AT+CUSATE=\"D30782020181900182\"",
              "|+CUSATE: \"\"||OK|"); /* RUN AT COMMAND, TS 102 223 6.4.23 */
    at_bench_run(b, 1000);
    assert_non_null(strstr(at_bench_heard(b, b->at),
                           "494D454920343930313534323033323337353138")); /* IMEI 490154203237518 */
    at_hang_up(b->at); /* the modem is left with the answer to give, and does in time */
    at_bench_run(b, 300000);
    assert_int_equal(modem_stk_waiting(b->modem).n, 0);
    /* A command goes to somebody who is there, and not to one who stored that he wants such and left. */
    (void)at_bench_raw(b, b->at, "ATE0+CUSATA=1;&W\r", 17);
    b->other = at_open(b->shared);
    assert_non_null(b->other);
    assert_string_equal(at_bench_raw(b, b->other, "AT\r", 3), "|OK|");
    at_hang_up(b->at);
    uint8_t octets[16];
    struct buf select = buf_of(octets, sizeof octets);
    sw_t sw;
    assert_true(hex_parse("D30782020181900180", &select, NULL));
    assert_true(modem_stk_envelope(b->modem, buf_span(&select), NULL, &sw));
    at_bench_run(b, 1000);
    assert_memory_equal(at_bench_heard(b, b->other), "|+CUSATP: ", 10);
}

/* ---- control by the card (TS 31.111 7.3) ---- */

static int setup_control(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open_text(
        b,
        "format: 1\ninclude: usim\nname: control\n"
        "files:\n  - {path: MF/ADF.USIM/EF.UST, content: 9FFF9F7DFFFEDD7F6E63BF861176C23FF9FF2F}\n"
        "subscription:\n  use:\n    - {pair: 0, calls: yes, supplementary: no, messages: yes, numbers: "
        "[\"+4917\"]}\n",
        NULL);
    *state = b;
    return 0;
}

static void test_control(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CMEE=1;+CMGF=1", "|OK|");
    at_expect(b, "ATD+4917123;", "|NO CARRIER|");
    assert_non_null(strstr(at_bench_say(b, "AT+CEER"), "|+CEER: No bearer"));
    at_expect(b, "ATD+4930123;", "|NO CARRIER|");
    at_expect(b, "AT+CEER", "|+CEER: Barred by the card||OK|");
    at_expect(b, "ATD+491712345678901234567890;",
              "|+CME ERROR: 26|"); /* the card is not asked about a part of it */
    at_expect(b, "AT+CMGS=\"+4917123\"", "|> ");
    assert_non_null(strstr(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMGS: "));
    at_expect(b, "AT+CMGS=\"+4930123\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMS ERROR: 302|");
    at_expect(b, "AT+CUSD=1,\"*100#\",15", "|+CME ERROR: 30|");
    /* 7.3.2.3: another destination, +49171 (service centre, then it) */
    network_on_submit(b->network, submitted, b);
    b->control = "020D"
                 "8604"
                 "91947100"
                 "8605"
                 "91947111F1";
    at_expect(b, "AT+CMGF=0;+CMGS=15", "|> ");
    assert_non_null(strstr(at_bench_raw(b, b->at, "0001000B911326880736F4000002C834\x1A", 33), "|+CMGS: "));
    at_expect(b, "AT", "|OK|");
    assert_int_equal(b->submitted_n, 13);
    assert_string_equal(b->submitted_by, "+491700");
    assert_memory_equal(b->submitted + 2, "\x07\x91\x94\x71\x11\xF1\x00\x00\x02\xC8\x34", 11);
    /* TS 31.111 5.2: what asks says so; a terminal that cannot, does not */
    const struct span full = modem_stk_profile_get(b->modem);
    assert_true(full.n > 2 && (full.p[0] & 0xC0) == 0xC0 && (full.p[1] & 0x0E) == 0x0E);
    b->control = "02"; /* cut short: no permission */
    at_expect(b, "AT+CMGS=15", "|> ");
    assert_string_equal(at_bench_raw(b, b->at, "0001000B911326880736F4000002C834\x1A", 33),
                        "|+CMS ERROR: 302|");
    struct span old;
    assert_true(modem_stk_preset("old", &old));
    modem_stk_profile(b->modem, old);
    at_expect(b, "AT+CFUN=1,1", "|OK|");
    at_bench_run(b, 20000);
    (void)at_bench_heard(b, b->at);
    at_expect(b, "ATD+4930123;+CEER", "|NO CARRIER|");
    assert_non_null(strstr(at_bench_say(b, "AT+CEER"), "|+CEER: No bearer"));
    at_expect(b, "AT+CMGS=15", "|> ");
    assert_non_null(strstr(at_bench_raw(b, b->at, "0001000B911326880736F4000002C834\x1A", 33), "|+CMGS: "));
}

static int setup_gsm(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open(b, "usim", "gsm");
    *state = b;
    return 0;
}

static void test_personality(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    at_expect(b, "AT+CGMM", "|virtual modem (GSM)||OK|");
    at_expect(b, "AT+CCHO=\"A0000000871002\"", "|ERROR|");
    at_expect(b, "AT+CEREG?", "|ERROR|");
    at_expect(b, "AT+CREG?", "|+CREG: 0,1||OK|");
    assert_null(strstr(at_bench_say(b, "AT+CLAC"), "+CGLA"));
    assert_null(at_personality_find("none such"));
}

/* ---- several peers ---- */

static void test_peers(void **state)
{
    struct at_bench *b = *state;
    at_bench_on(b);
    b->other = at_open(b->shared);
    assert_non_null(b->other);
    assert_string_equal(at_bench_raw(b, b->other, "ATE0\r", 5), "ATE0\r|OK|");
    at_expect(b, "AT+CMGF=1;+CMGS=\"1\"", "|> ");
    assert_string_equal(at_bench_raw(b, b->other, "AT+CMGF?\r", 9), "|+CMGF: 0||OK|");
    assert_non_null(strstr(at_bench_raw(b, b->at, "x\x1A", 2), "|+CMGS: "));
    assert_string_equal(at_bench_raw(b, b->other, "AT+CMEE=2\r", 10), "|OK|");
    at_hang_up(b->other);
    assert_string_equal(at_bench_raw(b, b->other, "AT+CMEE?\r", 9), "AT+CMEE?\r|+CMEE: 0||OK|");
    struct at *more[AT_PEERS_MAX];
    unsigned n = 0;
    while (n < AT_PEERS_MAX && (more[n] = at_open(b->shared)) != NULL)
        n++;
    assert_int_equal(n, AT_PEERS_MAX - 2);
    while (n > 0)
        at_close(more[--n]);
}

/* What every command of the table has in common: =? is answered, and nothing that the table allows is a
 * crash. */
static void test_table(void **state)
{
    struct at_bench *b = *state;
    char list[1 << 14], line[64];
    at_bench_on(b);
    snprintf(list, sizeof list, "%.16000s", at_bench_say(b, "AT+CLAC"));
    unsigned n = 0;
    for (char *at = strtok(list, "|"); at != NULL; at = strtok(NULL, "|")) {
        if (at[0] != 'A' || strchr("+^%*#", at[2]) == NULL)
            continue;
        snprintf(line, sizeof line, "%s=?", at);
        const char *said = at_bench_say(b, line);
        size_t end = strlen(said);
        if (end < 4 || strcmp(said + end - 4, "|OK|") != 0)
            fail_msg("%s: %s", line, said);
        n++;
    }
    assert_true(n > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_editing, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_formats, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_profiles, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_bounds, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_identity, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_power, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_registration, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_manual_automatic, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_preferred, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_no_registration, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_ussd, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_contexts, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_sms_received, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_sms_acknowledged, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_sms_sent, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_sms_for_nobody, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_held, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_peers, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_table, at_bench_setup, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_toolkit, setup_menu, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_control, setup_control, at_bench_teardown),
        cmocka_unit_test_setup_teardown(test_personality, setup_gsm, at_bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

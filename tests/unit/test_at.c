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

static int setup(void **state)
{
    struct at_bench *b = malloc(sizeof *b);
    if (b == NULL)
        return -1;
    at_bench_open(b, "usim", NULL);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    at_bench_close(*state);
    free(*state);
    return 0;
}

static void on(struct at_bench *b)
{
    at_expect(b, "AT+CFUN=1", "|OK|");
    at_bench_run(b, 20000);
    (void)at_bench_heard(b, b->at);
}

/* ---- V.250: the line ---- */

static void test_line(void **state)
{
    struct at_bench *b = *state;
    at_expect(b, "AT", "|OK|");
    at_expect(b, "at", "|OK|");
    at_expect(b, "  xyzAT", "|OK|");                    /* 5.2.1: what comes before the prefix is not for us */
    at_expect(b, "ATE0V1Q0", "|OK|");                   /* 5.2.2: several on a line */
    at_expect(b, "AT +CMEE = 2 ;+CMEE?", "|+CMEE: 2||OK|");
    at_expect(b, "AT+CMEE=0;+FOO;+CMEE=2", "|ERROR|");  /* 5.5: the first error ends it */
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
    assert_string_equal(at_bench_raw(b, b->at, "A\x01T\rAT\r", 7), "|OK|"); /* a control character between A and T: no prefix */
    at_expect(b, "ATE1", "ATE1\r|OK|"); /* the echo comes while the line is typed, after it is on */
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
    at_expect(b, "ATS3=13S4?", "|010||OK|"); /* 5.3.2 */
    at_expect(b, "ATS5=200", "|ERROR|");
    at_expect(b, "ATS9?", "|ERROR|");
    at_expect(b, "ATS3=33", "!\nOK!\n"); /* ! ends lines now */
    assert_string_equal(at_bench_raw(b, b->at, "ATS3=13!", 8), "|OK|");
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
    on(b);
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
    at_expect(b, "AT+CIMI", "|+CME ERROR: 3||");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_editing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

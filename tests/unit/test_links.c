/* SPDX-License-Identifier: Apache-2.0
 *
 * One file under two names (profile.h, `link`), and files of the IMS that follow from the IMSI (`fill`), in a
 * card of the profile "usim".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"

#define USIM "00A4040C07" USIM_AID_PREFIX
#define ISIM "00A4040C07A0000000871004"
#define ADM1 "0020000A083132333435363738"
#define NEW_IMSI "310410987654321"

/* Written under the one name, read under the other, in either class; stored once. */
static void test_both_ways(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, ADM1, "9000");
    exchange(f, "00A4000C026F46", "9000"); /* EF.SPN */
    apdu(f, "00D60000020141", "9000");
    exchange(f, "00A4080C047F206F46", "9000");
    apdu(f, "00B0000002", "01419000");
    apdu(f, "00D6000101" "42", "9000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F46", "9000");
    apdu(f, "00B0000002", "01429000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F3C", "9000"); /* EF.SMS, first octet of record 1: its status */
    apdu(f, "00B20104B0", "00*");
    apdu(f, "A0A40000023F00", "9F*");
    apdu(f, "A0A40000027F10", "9F*");
    apdu(f, "A0A40000026F3C", "9F*");
    apdu(f, "A0B20104B0", "00*");
    char update[400] = "A0DC0104B003", pattern[16] = "03*";
    for (int i = 0; i < 175; i++)
        strcat(update, "5A");
    apdu(f, update, "9000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F3C", "9000");
    apdu(f, "00B20104B0", pattern);
    fixture_restart(f); /* stored once, and there for both */
    exchange(f, "00A4080C047F106F3C", "9000");
    apdu(f, "00B20104B0", "035A5A*");
    exchange(f, "00A4080C047F206F46", "9000");
    apdu(f, "00B0000002", "01429000");
}

/* The access rule is the name's own, the life cycle the file's. */
static void test_life_cycle(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F46", "9000");
    apdu(f, "0004000000", "6982");
    exchange(f, ADM1, "9000");
    apdu(f, "00040000", "9000");
    exchange(f, "00A4080C047F206F46", "6283");
    apdu(f, "00B0000001", "6984");
    apdu(f, "00440000", "9000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F46", "9000");
    apdu(f, "00B0000001", "..9000");
    /* A name goes without the other. */
    exchange(f, "00A4080C027F20", "9000");
    apdu(f, "00E40000026F46", "9000");
    exchange(f, "00A4080C047F206F46", "6A82");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F46", "9000");
    apdu(f, "00B0000001", "..9000");
}

static void order(struct fixture *f, unsigned keys, const char *more)
{
    char command[120], imsi[19];
    uint8_t packed[9];
    imsi_pack(NEW_IMSI, packed);
    hex_format(span_of(packed, 9), imsi);
    snprintf(command, sizeof command, "80E29000%02zxE1%02zx8109%s%s00", 13 + strlen(more) / 2,
             11 + strlen(more) / 2, imsi, more);
    fixture_expect(f, keys, command, "E2*9000");
}

static void assert_text(struct fixture *f, const char *app, const char *fid, bool record, const char *text)
{
    char select[20] = "00A4000C02";
    exchange(f, app, "9000");
    exchange(f, strcat(select, fid), "9000");
    exchange(f, record ? "00B2010400" : "00B0000000", "80*");
    assert_int_equal(f->response[1], strlen(text));
    assert_memory_equal(f->response + 2, text, strlen(text));
    for (size_t i = 2 + strlen(text); i < f->response_len - 2; i++)
        assert_int_equal(f->response[i], 0xFF);
}

static void assert_identities(struct fixture *f, const char *imsi, const char *domain)
{
    char text[96], digits[16];
    fixture_imsi(f, digits);
    assert_string_equal(digits, imsi);
    exchange(f, "00A4080C047F206F07", "9000"); /* under its other name too */
    exchange(f, "00B0000009", "08*");
    assert_true(imsi_unpack(span_of(f->response, 9), digits));
    assert_string_equal(digits, imsi);
    snprintf(text, sizeof text, "%s@%s", imsi, domain);
    assert_text(f, ISIM, "6F02", false, text);
    snprintf(text, sizeof text, "sip:%s@%s", imsi, domain);
    assert_text(f, ISIM, "6F04", true, text);
    assert_text(f, ISIM, "6F03", false, domain);
}

#define HOME "ims.mnc001.mcc001.3gppnetwork.org"
#define NEW_HOME "ims.mnc410.mcc310.3gppnetwork.org"

/* IMPI, IMPU and domain go with the IMSI: from the start, when the operator changes, when a
 * trial brings the old one back. */
static void test_identities(void **state)
{
    struct fixture *f = *state;
    assert_identities(f, FIXTURE_IMSI, HOME);
    order(f, 0, "850103" "840402000000");
    fixture_reset(f);
    assert_identities(f, NEW_IMSI, NEW_HOME);
    fixture_reset(f); /* the second power-up without success */
    assert_identities(f, FIXTURE_IMSI, HOME);
    fixture_terminal_profile(f);
    /* TS 31.102 4.2.18: the length of the MNC is b4-b1, whatever stands beside it */
    exchange(f, ADM1, "9000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026FAD", "9000");
    exchange(f, "00D6000301F3", "9000");
    order(f, 0, "840402000000");
    fixture_reset(f);
    assert_identities(f, NEW_IMSI, NEW_HOME);
    fixture_reset(f);
    fixture_terminal_profile(f);
    order(f, 0, "8400" "850103");
    fixture_reset(f);
    assert_identities(f, NEW_IMSI, NEW_HOME);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    fixture_restart(f);
    assert_identities(f, NEW_IMSI, NEW_HOME);
}

/* A change clears and sets a file with two names once, and a roll-back gives back what was there before. */
static void test_change(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F7E", "9000"); /* EF.LOCI */
    apdu(f, "00D600000B" "1122334455667788990000", "9000");
    order(f, 0, "840402000000");
    fixture_reset(f);
    exchange(f, "00A4080C047F206F7E", "9000");
    exchange(f, "00B000000B", "FFFFFFFF*");
    fixture_reset(f);
    exchange(f, "00A4080C047F206F7E", "9000");
    exchange(f, "00B000000B", "1122334455667788990000 9000");
    exchange(f, USIM, "9000");
    exchange(f, "00A4000C026F7E", "9000");
    exchange(f, "00B000000B", "1122334455667788990000 9000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, fixture_setup_usim, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_life_cycle, fixture_setup_usim, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_identities, fixture_setup_usim, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_change, fixture_setup_usim, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

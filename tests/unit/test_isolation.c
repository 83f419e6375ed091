/* SPDX-License-Identifier: Apache-2.0
 *
 * Isolation between operators (TR 33.812 S1): files that one made over the air are suspended while the card
 * is another's, not read, not replaced, not deleted; and back with him.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "pairs.h"

#define IMSI_HEX "080910200000000010"
/* an EF of 8 octets (2F30, SFI 1D) and a DF (7F30) in the MF; rule 1 of EF.ARR: read always, update ADM1 */
#define CREATE_EF(fid, sfi)                                                                                  \
    "00E0000019"                                                                                             \
    "6217"                                                                                                   \
    "82024121"                                                                                               \
    "8302" fid "8A0105"                                                                                      \
    "8B032F0601"                                                                                             \
    "80020008"                                                                                               \
    "8801" sfi
#define CREATE_DF "00E0000012" "6210" "82027821" "83027F30" "8A0105" "8B032F0607"

/* A compact script to remote file management of the MF: commands executed, last status word, data. */
static void rfm(struct fixture *f, unsigned keys, const char *script, const char *answer)
{
    char got[80] = "";
    struct fixture_por por;
    const struct fixture_ota ota = {keys, FIXTURE_SPI, "B00000", script, 0};
    fixture_ota(f, &ota, &por);
    assert_true(por.answered);
    hex_format(span_of(por.data, por.n < 16 ? por.n : 16), got);
    if (strncasecmp(got, answer, strlen(answer)) != 0)
        fail_msg("%s under keyset %u: got %s, want %s", script, keys, got, answer);
}

static void to_next(struct fixture *f, unsigned from, bool confirm)
{
    fixture_expect(f, from, "80E290000DE10B8109" IMSI_HEX "00", "E2*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    if (confirm)
        assert_int_equal(fixture_authenticate(f, from + 1, 32), 0xDB);
    exchange(f, "00A40004023F00", "62*");
}

static void make_files(struct fixture *f)
{
    rfm(f, 0, CREATE_EF("2F30", "E8") "00D6000008" "4141414141414141", "029000");
    rfm(f, 0, CREATE_DF CREATE_EF("2F31", "E8") "00D6000002" "4242", "039000");
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "00B0000008", "4141414141414141 9*");
}

static void test_suspended(void **state)
{
    struct fixture *f = *state;
    make_files(f);
    fixture_restart(f);
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "00B0000008", "4141414141414141 9*");
    to_next(f, 0, true);
    exchange(f, "00A40004022F30", "6A82");
    exchange(f, "00B09D0008", "6A82");                       /* nor by SFI */
    exchange(f, "00A40004027F30", "6A82");
    exchange(f, "00A40804" "04" "7F302F31", "6A82");         /* nor by path */
    rfm(f, 1, "00A40004022F30" "00B0000008", "016A82");      /* nor over the air */
    rfm(f, 1, "00E4000002" "2F30", "016A82");
    fixture_restart(f);
    exchange(f, "00A40004022F30", "6A82");
}

/* A channel that had the file selected before the change reads it no more. */
static void test_selected(void **state)
{
    struct fixture *f = *state;
    make_files(f);
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "0070000001", "019000");
    exchange(f, "01A40004022F30", "62*");
    exchange(f, "01A40004027F30", "62*");
    fixture_expect(f, 0, "80E290000DE10B8109" IMSI_HEX "00", "E2*9000");
    exchange(f, "00B0000008", "6986");                       /* no EF selected */
    exchange(f, "01A40004022F31", "6A82");                   /* that channel's DF is the MF again */
}

/* The next operator may use the same names; each has his own. */
static void test_own(void **state)
{
    struct fixture *f = *state;
    make_files(f);
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050000000001" "00", "E2*9000");
    rfm(f, 1, CREATE_EF("2F30", "E8") "00D6000002" "4343", "029000");
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "00B0000002", "4343 9*");
    exchange(f, "00B09D0002", "4343 9*");
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, CREATE_EF("2F32", "00"), "9*");              /* at the interface: nobody's, there for all */
    exchange(f, "80C200000ED70C82028281A40101A503001000", "9*"); /* the timer: rolled back */
    fixture_reset(f);
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "00B0000002", "4141 9*");
    exchange(f, "00A40004022F32", "62*");
    exchange(f, "00A40004027F30", "62*");
    exchange(f, "00A40004022F31", "62*");
    exchange(f, "00B0000002", "4242 9*");
    /* the pair that was rolled back is unused: what was made under it does not wait for its next holder */
    fixture_terminal_profile(f);
    to_next(f, 0, true);
    exchange(f, "00A40004022F30", "6A82");
    rfm(f, 1, CREATE_EF("2F30", "E8"), "019000");
}

/* Nobody deletes a directory with another's files in it; the room they take is taken. */
static void test_deletion(void **state)
{
    struct fixture *f = *state;
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, CREATE_DF, "9*");                            /* the card's own directory */
    rfm(f, 0, "00A40004027F30" CREATE_EF("2F31", "E8"), "029000");
    to_next(f, 0, true);
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A40004027F30", "62*");
    exchange(f, "00A40004022F31", "6A82");
    exchange(f, "00A40004023F00", "62*");
    exchange(f, "00E40000027F30", "6985");
    exchange(f, "00A40004027F30", "62*");
    exchange(f, CREATE_EF("2F31", "E8"), "9*");
    fixture_restart(f);
    exchange(f, "00A40804" "04" "7F302F31", "62*");
}

/* What a channel stands on goes with the operator who made it, also when nobody's command took it away: a
 * roll-back in the middle of STATUS, which is then asked for again. */
static void test_gone_under_a_channel(void **state)
{
    struct fixture *f = *state;
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050003000000" "00", "E2*9000");
    rfm(f, 1, CREATE_DF CREATE_EF("2F31", "E8"), "029000");
    exchange(f, "0070000001", "01*");
    exchange(f, "01A40004027F30", "62*");
    exchange(f, "01A40004022F31", "62*");
    exchange(f, "00A40004027F30", "62*");
    exchange(f, "80F2000000", "62..8202782183027F30*");
    exchange(f, "80F2000000", "62..8202782183027F30*");
    /* the third poll: rolled back, and so is the DF */
    exchange(f, "80F2000000", "62..8202782183023F00*");
    exchange(f, "80F2000000", "62..8202782183023F00*");
    apdu(f, "01B0000001", "6986");
    exchange(f, "81F2000000", "62..8202782183023F00*");
}

/* What is made at the interface meanwhile, under the name of a file that is not there, does not take
 * its place when it is back. */
static void test_not_replaced(void **state)
{
    struct fixture *f = *state;
    make_files(f);
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050200000000" "00", "E2*9000");
    fixture_reset(f);
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, CREATE_EF("2F30", "E8"), "9000");
    exchange(f, "00D6000008" "4343434343434343", "9000");
    fixture_reset(f); /* and back */
    for (int i = 0; i < 2; i++) {
        exchange(f, "00A40004022F30", "62*");
        exchange(f, "00B0000008", "4141414141414141 9*");
        exchange(f, "00B09D0008", "4141414141414141 9*");
        fixture_restart(f);
    }
    /* his gone, the other is nobody's and there */
    fixture_terminal_profile(f);
    rfm(f, 0, "00E4000002" "2F30", "019000");
    exchange(f, "00A40004022F30", "62*");
    exchange(f, "00B0000008", "4343434343434343 9*");
}

/* A file of the network's context that has become shorter keeps nobody from changing the operator (A5). */
static void test_resized(void **state)
{
    struct fixture *f = *state;
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "80D400000A620883026F7E80020005", "9*");
    exchange(f, "80D400000A620883026F7380020001", "9*");
    exchange(f, "80D400000A620883026FAD80020003", "9*");
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050200000000" "00", "E2*9000");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00B0000005", "FFFFFFFFFF9*");
    fixture_reset(f);
    fixture_reset(f); /* and back */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00B0000005", "*");
    /* nor a file that has no room for how long the MNC is */
    fixture_terminal_profile(f);
    fixture_expect(f, 0, "80E2900010E10E8109" IMSI_HEX "850103" "00", "E2*9000");
}

/* Nor files that have become too long to be kept for a roll-back, or that have nothing left: the subscription
 * itself comes back all the same. */
static void test_enlarged(void **state)
{
    struct fixture *f = *state;
    static const char *const sizes[] = {"9C40", "0000"};
    char resize[100];
    exchange(f, "0020000A083132333435363738", "9*");
    for (int i = 0; i < 2; i++) {
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        for (int k = 0; k < 5; k++) {
            static const char *const files[] = {"6F7B", "6FC4", "6F7E", "6F73", "6FAD"};
            snprintf(resize, sizeof resize, "80D400000A62088302%s8002%s", files[k], sizes[i]);
            exchange(f, resize, "9*");
        }
        if (i == 0) {
            exchange(f, "00A4000C026F7B", "9*");
            exchange(f, "00D600000800F11000F22000F3", "9*");
        }
        fixture_expect(f, 0, "80E2900017E1158109" IMSI_HEX "850103" "84050200000000" "00", "E2*9000");
        if (i == 0) {
            exchange(f, "00A4000C026F7B", "9*");
            exchange(f, "00B0000003", "FFFFFF9*");
            exchange(f, "00B0270F03", "FFFFFF9*");
        }
        fixture_reset(f);
        fixture_reset(f); /* and back */
        char imsi[16];
        fixture_imsi(f, imsi);
        assert_string_equal(imsi, FIXTURE_IMSI);
        if (i == 0) {
            exchange(f, "00A4000C026F7B", "9*");
            exchange(f, "00B0000008", "00F11000F22000F39*");
        }
        fixture_terminal_profile(f);
        exchange(f, "0020000A083132333435363738", "9*");
    }
    /* with files that the new operator wants otherwise in what was cleared: as they were */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "80D400000A620883026F7E80020010", "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00D6000010000102030405060708090A0B0C0D0E0F", "9*");
    fixture_expect(f, 0,
                   "80E290003FE13D8109" IMSI_HEX "84050200000000"
                   "A529"
                   "A611"
                   "91047FFF6F7E"
                   "92020002"
                   "9305AABBCCDDEE"
                   "A614"
                   "91047FFF6F7E"
                   "92020004"
                   "93081122334455667788"
                   "00",
                   "E2*9000");
    exchange(f, "00B0000010", "FFFFAABB11223344556677880C0D0E0F9*");
    fixture_reset(f);
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00B0000010", "000102030405060708090A0B0C0D0E0F9*");
}

/* Nor one that has no room for an identity of the IMS; it has none then, and not the old one. */
static void test_resized_identities(void **state)
{
    struct fixture *f = *state;
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A4040C07" "A0000000871004", "9*");
    exchange(f, "80D400000A620883026F028002000A", "9*");
    exchange(f, "80D400000A620883026F0380020024", "9*");
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050200000000" "00", "E2*9000");
    exchange(f, "00A4000C026F02", "9*");
    exchange(f, "00B000000A", "FFFFFFFFFFFFFFFFFFFF9*");
    exchange(f, "00A4000C026F03", "9*");
    exchange(f, "00B0000024", "8021696D732E6D6E633030322E6D63633030312E336770706E6574776F726B2E6F7267FF9*");
    fixture_reset(f);
    fixture_reset(f); /* and back */
    exchange(f, "00A4040C07" "A0000000871004", "9*");
    exchange(f, "00A4000C026F03", "9*");
    exchange(f, "00B0000024", "8021696D732E6D6E633030312E6D63633030312E336770706E6574776F726B2E6F7267FF9*");
}

/* So does a card that was suspended on such a file: what it resumes to must be there. */
static void test_gone_while_suspended(void **state)
{
    struct fixture *f = *state;
    char resume[40] = "8076010008", token[40];
    fixture_expect(f, 0, "80E2900014E1128109" IMSI_HEX "84050200000000" "00", "E2*9000");
    rfm(f, 1, CREATE_DF, "019000");
    fixture_restart(f);
    exchange(f, "00A40004027F30", "62*");
    exchange(f, "8076000004" "00010401", "0401................9000");
    hex_format(span_of(f->response + 2, 8), token);
    strcat(resume, token);
    fixture_reset(f); /* the second power-up: rolled back */
    fixture_restart(f);
    exchange(f, "80AA000002A900", "9000");
    exchange(f, resume, "6985");
    exchange(f, resume, "6985");
    exchange(f, "80F2000000", "62..8202782183023F00*");
}

/* A common keyset is nobody's: what it makes stays for every operator. */
static void test_common(void **state)
{
    (void)state;
    static const char profile[] =
        "format: 1\nname: common\ninclude: test\nkeysets:\n  - ota:\n      version: 9\n"
        "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, key: derived}\n"
        "      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n";
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(f, profile);
    fixture_terminal_profile(f);
    rfm(f, FIXTURE_COMMON, CREATE_EF("2F30", "E8"), "019000");
    to_next(f, 0, true);
    exchange(f, "00A40004022F30", "62*");
    fixture_close(f);
    free(f);
}

/* What is ciphered with an operator's key and not signed may be anybody's: where a profile lets it in, it
 * orders nothing, and what it makes is not that operator's. */
static void test_only_ciphered(void **state)
{
    (void)state;
    static const char profile[] =
        "format: 1\nname: lax\ninclude: test\napplets:\n  - {class: subscription, msl: \"04\"}\n"
        "  - {class: rfm, tars: [B00000], msl: \"04\"}\n";
    struct fixture *f = malloc(sizeof *f);
    struct fixture_por por = {0};
    fixture_open_text(f, profile);
    fixture_terminal_profile(f);
    struct fixture_ota ota = {0, 0x0401, "BFFF3B", "80E290000DE10B8109" IMSI_HEX, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);
    assert_memory_equal(por.data, "\x01\x6A\x94", 3); /* may not order a change */
    ota.script = "80D8018108010000000000" "0000";
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x01\x6A\x94", 3); /* nor replace keys */
    ota.script = "80CAE40000";
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x01\x69\x82", 3); /* nor ask */
    ota.tar = "B00000";
    ota.script = CREATE_EF("2F30", "E8");
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x01\x90\x00", 3); /* the TAR has ADM1 */
    exchange(f, "00A40004022F30", "62*");
    to_next(f, 0, true);
    exchange(f, "00A40004022F30", "62*");
    fixture_close(f);
    free(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_suspended),
        T(test_selected),
        T(test_own),
        T(test_deletion),
        T(test_gone_under_a_channel),
        T(test_not_replaced),
        T(test_resized),
        T(test_enlarged),
        cmocka_unit_test_setup_teardown(test_resized_identities, fixture_setup_usim, fixture_teardown),
        T(test_gone_while_suspended),
        cmocka_unit_test(test_common),
        cmocka_unit_test(test_only_ciphered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

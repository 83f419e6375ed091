/* SPDX-License-Identifier: Apache-2.0
 *
 * Alternative 3a of 3GPP TR 33.812: the IMSI by remote file management, K kept (A1), again and again (A6),
 * never without a subscription (A5).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"

#define IMSI_B "001020000000001"
#define IMSI_B_HEX "080910200000000010"
#define IMSI_C "001030000000001"
#define IMSI_C_HEX "080910300000000010"
#define ASK "80CAE40000"
#define LOG "80CAE50000"

/* SELECT EF.IMSI and UPDATE BINARY in a compact script to the USIM's TAR; what came back: number
 * of commands, status word. */
static void rfm(struct fixture *f, unsigned keys, const char *imsi_hex, const char *answer)
{
    char script[100], got[20] = "";
    struct fixture_por por;
    snprintf(script, sizeof script, "00A40004026F0700D60000%02zx%s", strlen(imsi_hex) / 2, imsi_hex);
    const struct fixture_ota ota = {keys, FIXTURE_SPI, "B00001", script, 0};
    fixture_ota(f, &ota, &por);
    assert_true(por.answered);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    hex_format(span_of(por.data, por.n < 3 ? por.n : 3), got);
    assert_string_equal(got, answer);
}

static void assert_imsi(struct fixture *f, const char *expected)
{
    char digits[16];
    fixture_imsi(f, digits);
    assert_string_equal(digits, expected);
}

/* What the old network left: LOCI and a key. */
static void leave_context(struct fixture *f)
{
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00D600000B0102030405060708090A00", "9*");
    exchange(f, "00A4000C026F08", "9*");
    exchange(f, "00D600000301AABB", "9*");
}

static void assert_context(struct fixture *f, const char *loci, const char *keys)
{
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00B000000B", loci);
    exchange(f, "00A4000C026F08", "9*");
    exchange(f, "00B0000021", keys);
}

static void list(struct fixture *f, const char *pattern)
{
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A404000BF0736F6674756963630101", "6F*");
    exchange(f, "80CAE30000", pattern);
}

static void test_change(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    leave_context(f);
    rfm(f, 0, IMSI_B_HEX, "029000");
    assert_int_equal(f->response[f->response_len - 2], 0x91);
    assert_imsi(f, IMSI_B);
    assert_context(f, "FFFFFFFFFFFFFFFFFEFF01 91*", "07FFFF*");              /* in the same step */
    exchange(f, "8012000000", "D00981030.010482028182 9000");                /* REFRESH, UICC reset */
    exchange(f, "801400000C810301010482028281830100", "9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    fixture_expect(f, 0, ASK, "E4068001008801019000");                       /* on trial: the same pair */
    fixture_expect(f, 0, LOG, "000000000800040" "09000");
    list(f, "E321800100850102860101870101" "8109" IMSI_B_HEX "*");
    /* K kept, and its sequence numbers */
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDC);
    assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
    fixture_expect(f, 0, ASK, "E4068001008801029000");                       /* confirmed */
    list(f, "E321800100850103860101870101" "8109" IMSI_B_HEX "*");           /* active, retired by nobody */
    for (int i = 0; i < 40; i++)
        fixture_reset(f);
    assert_imsi(f, IMSI_B);
}

static void script(struct fixture *f, const char *commands, const char *answer)
{
    char got[20] = "";
    struct fixture_por por;
    const struct fixture_ota ota = {0, FIXTURE_SPI, "B00001", commands, 0};
    fixture_ota(f, &ota, &por);
    assert_true(por.answered);
    hex_format(span_of(por.data, por.n < 3 ? por.n : 3), got);
    assert_string_equal(got, answer);
}

/* There are more ways to another IMSI, or to none, than UPDATE BINARY (A5): a file that is resized, deleted,
 * and made anew with a content. */
static void test_other_ways(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    script(f, "80D400000A620883026F0780020008", "016a93");
    script(f, "00E40000026F07", "016a93");
    script(f, "00A4000C026F07" "0004000000", "026985");  /* nor is it closed, or what it lies in */
    script(f, "00040000026F07", "016985");
    script(f, "0004000000", "016985");
    script(f, "00040800047FFF6F07", "016985");
    script(f, "00A4000C026F46" "0004000000", "029000");
    script(f, "00A4000C026F46" "0044000000", "029000");
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(fixture_authenticate(f, 0, 48), 0xDB);
    /* at the interface one may leave the card as one likes */
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00040000026F07", "9*");
    exchange(f, "00440000026F07", "9*");
    exchange(f, "00E40000026F07", "9*");
    script(f,
           "00E000002662"
           "24"
           "82024121"
           "83026F07"
           "8A0104"
           "8B036F0605"
           "80020009"
           "880138"
           "A50BC109" IMSI_B_HEX,
           "016985");
    script(f, "00E00000196217" "82024121" "83026F07" "8A0105" "8B036F0605" "80020009" "880138", "016a93");
    script(f,
           "00E000002662"
           "24"
           "82024121"
           "83026F07"
           "8A0105"
           "8B036F0605"
           "80020009"
           "880138"
           "A50BC109" IMSI_B_HEX,
           "019000");
    exchange(f, "8012000000", "D00981030.010482028182 9000");                /* REFRESH, UICC reset */
    exchange(f, "801400000C810301010482028281830100", "9000");
    assert_imsi(f, IMSI_B);
    /* on trial, as after an UPDATE */
    fixture_expect(f, 0, ASK, "E4068001008801019000");
    assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
    fixture_expect(f, 0, ASK, "E4068001008801029000");
}

/* By another name of the file, under an FID of its own, it is the IMSI that changes all the same. */
static void test_another_name(void **state)
{
    (void)state;
    static const char text[] =
        "format: 1\ninclude: test\nname: alias\nfiles:\n  - {path: MF/EF.ALIAS, kind: transparent, fid: 2F77, link: MF/ADF.USIM/EF.IMSI, access: open-adm}\n";
    struct fixture *f = malloc(sizeof *f);
    char got[7] = "";
    struct fixture_por por;
    fixture_open_text(f, text);
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    /* the IMSI is the order's own */
    fixture_expect(f, 0, "80E2900018E1168109" IMSI_C_HEX "A509" "A607" "91022F77" "930108" "00", "6A80");
    struct fixture_ota ota = {0, FIXTURE_SPI, "B00000",
                              "00A4000C022F77"
                              "00D6000009"
                              "08FFFFFFFFFFFFFFFF",
                              0};
    fixture_ota(f, &ota, &por);
    hex_format(span_of(por.data, 3), got);
    assert_string_equal(got, "026a93");
    ota.script = "00A4000C022F77" "0004000000"; /* it is deactivated under both names */
    fixture_ota(f, &ota, &por);
    hex_format(span_of(por.data, 3), got);
    assert_string_equal(got, "026985");
    assert_imsi(f, FIXTURE_IMSI);
    ota.script = "00A4000C022F77" "00D6000009" IMSI_B_HEX;
    fixture_ota(f, &ota, &por);
    hex_format(span_of(por.data, 3), got);
    assert_string_equal(got, "029000");
    assert_imsi(f, IMSI_B);
    fixture_expect(f, 0, ASK, "E4068001008801019000"); /* on trial */
    for (int i = 0; i < 40; i++)
        fixture_reset(f);
    assert_imsi(f, FIXTURE_IMSI);
    fixture_close(f);
    free(f);
}

/* A6: the transfer IMSI was temporary; A3: by the same keys. */
static void test_again(void **state)
{
    struct fixture *f = *state;
    rfm(f, 0, IMSI_B_HEX, "029000");
    /* not before the first is accepted */
    rfm(f, 0, IMSI_C_HEX, "026a95");
    assert_imsi(f, IMSI_B);
    /* what is there already changes nothing */
    rfm(f, 0, IMSI_B_HEX, "029000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    rfm(f, 0, IMSI_C_HEX, "029000");
    fixture_restart(f);
    assert_imsi(f, IMSI_C);
    assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
    fixture_expect(f, 0, LOG,
                   "0000000008000400"
                   "0000000105950400"
                   "0000000202000000"
                   "0000000308000400"
                   "0000000402000000"
                   "9000");
}

static void test_rolls_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    leave_context(f);
    rfm(f, 0, IMSI_B_HEX, "029000");
    for (int i = 0; i < 29; i++) {
        fixture_restart(f);
        assert_imsi(f, IMSI_B);
    }
    fixture_reset(f);
    assert_imsi(f, FIXTURE_IMSI);
    assert_context(f, "0102030405060708090A00 90*", "01AABB*");              /* all of it, as it was */
    list(f, "E321800100850103860101870101" "8109" "080910101032547608" "*");
    assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
    fixture_expect(f, 0, ASK, "E4068001008801039000");
    rfm(f, 0, IMSI_B_HEX, "029000");                                         /* may be tried again */
}

/* 3b after 3a: an order while the IMSI is on trial waits; afterwards the pair goes as any other. */
static void test_order_after(void **state)
{
    struct fixture *f = *state;
    rfm(f, 0, IMSI_B_HEX, "029000");
    fixture_expect(f, 0, "80E290000DE10B8109" IMSI_C_HEX "00", "6A95");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    fixture_expect(f, 0, "80E290000DE10B8109" IMSI_C_HEX "00", "E2*9000");
    rfm(f, 1, IMSI_B_HEX, "026a95");                                         /* nor the other way round */
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    assert_imsi(f, IMSI_C);
    rfm(f, 1, IMSI_B_HEX, "029000");
    assert_int_equal(fixture_authenticate(f, 1, 64), 0xDB);
    list(f, "E321800100850104860101870101" "8109" IMSI_B_HEX "*");
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {
        "FFFFFFFFFFFFFFFFFF", "000910200000000010", "080A10200000000010",
        "080910A00000000010", "0809102000000000",
    };
    struct fixture *f = *state;
    size_t n, m;
    for (size_t i = 0; i + 1 < sizeof bad / sizeof bad[0]; i++)
        rfm(f, 0, bad[i], "026a93");
    assert_imsi(f, FIXTURE_IMSI);
    rfm(f, 0, bad[4], "029000"); /* the first eight octets of it: nine are there, and they are an IMSI */
    assert_imsi(f, "001020000000080");
    /* a refusal leaves everything but log and counter as it was */
    uint8_t *before = fixture_snapshot(f, &n);
    rfm(f, 0, IMSI_C_HEX, "026a95");
    uint8_t *after = fixture_snapshot(f, &m);
    assert_true(m == n + 8);
    free(before);
    free(after);
    assert_imsi(f, "001020000000080");
}

/* A suspended subscription gets no new life by a new IMSI. */
static void test_suspended(void **state)
{
    struct fixture *f = *state;
    fixture_expect(f, 0, "80E2900003C60101", "9000");
    rfm(f, 0, IMSI_B_HEX, "029000");
    assert_imsi(f, IMSI_B);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6985);
    fixture_expect(f, 0, "80E2900003C60100", "9000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
}

static struct fixture *open_with(const char *params)
{
    char text[200];
    struct fixture *f = malloc(sizeof *f);
    snprintf(text, sizeof text,
             "format: 1\nname: own\ninclude: test\napplets:\n  - {class: subscription, params: %s}\n",
             params);
    fixture_open_text(f, text);
    fixture_terminal_profile(f);
    return f;
}

/* The profile says how long: here two power-ups; and none at all. */
static void test_policy(void **state)
{
    (void)state;
    struct fixture *f = open_with("C30402000000");
    rfm(f, 0, IMSI_B_HEX, "029000");
    fixture_reset(f);
    assert_imsi(f, IMSI_B);
    fixture_reset(f);
    assert_imsi(f, FIXTURE_IMSI);
    fixture_expect(f, 0, "80E290000DE10B8109" IMSI_C_HEX "00", "E2*9000"); /* orders, too */
    fixture_reset(f);
    fixture_reset(f);
    assert_imsi(f, FIXTURE_IMSI);
    fixture_close(f);
    free(f);
    f = open_with("C300");
    rfm(f, 0, IMSI_B_HEX, "029000");
    fixture_expect(f, 0, ASK, "E4068001008801029000");
    for (int i = 0; i < 40; i++)
        fixture_reset(f);
    assert_imsi(f, IMSI_B);
    fixture_close(f);
    free(f);
    f = open_with("C00101"); /* two parties must agree: then not by a file command */
    rfm(f, 0, IMSI_B_HEX, "026a94");
    assert_imsi(f, FIXTURE_IMSI);
    fixture_expect(f, 0, LOG, "00000000059404009000");
    fixture_close(f);
    free(f);
}

/* Who has ADM1 at the interface personalises: the list follows, nothing is on trial,
 * nobody is asked to start anew. */
static void test_local(void **state)
{
    struct fixture *f = *state;
    leave_context(f);
    exchange(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A4000C026F07", "9000");
    exchange(f, "00D6000009" IMSI_B_HEX, "9000");
    assert_context(f, "FFFFFFFFFFFFFFFFFEFF01 90*", "07FFFF*");
    list(f, "E321800100850103860101870101" "8109" IMSI_B_HEX "*");
    fixture_expect(f, 0, ASK, "6A88");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F07", "9000");
    exchange(f, "00D6000009" "FFFFFFFFFFFFFFFFFF", "9000");
    list(f, "E321800100850103860101870101" "8109" IMSI_B_HEX "*");
}

static void test_cuts(void **state)
{
    (void)state;
    for (int phase = 0; phase < 2; phase++) { /* the change; the roll-back */
        bool completed = false;
        for (long cut = 0; !completed; cut++) {
            char imsi[16];
            struct fixture *f = open_with("C30402000000");
            leave_context(f);
            if (phase == 0) {
                const struct fixture_ota ota = {0, FIXTURE_SPI, "B00001",
                                                "00A40004026F0700D6000009" IMSI_B_HEX, 0};
                struct fixture_por por;
                fault_store_cut_at(f->store, cut);
                fixture_ota(f, &ota, &por);
            } else {
                rfm(f, 0, IMSI_B_HEX, "029000");
                fixture_reset(f);
                fault_store_cut_at(f->store, cut);
                fixture_reset(f);
            }
            completed = !fault_store_is_cut(f->store);
            fixture_restart(f);
            fixture_imsi(f, imsi);
            bool old = strcmp(imsi, FIXTURE_IMSI) == 0;
            assert_true(old || strcmp(imsi, IMSI_B) == 0);
            assert_context(f, old ? "0102030405060708090A00 90*" : "FFFFFFFFFFFFFFFFFEFF01 90*",
                           old ? "01AABB*" : "07FFFF*");
            list(f, old ? "E321800100850103*" : "E321800100850102*");
            fixture_reset(f);
            fixture_reset(f);
            assert_imsi(f, FIXTURE_IMSI);
            assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
            fixture_close(f);
            free(f);
            assert_true(cut < 60);
        }
    }
}

/* Refusals are noted, once the sender has proved who he is; eight at most, so that
 * they wash nothing else out. */
static void test_refusals(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_expect(f, 0, "80E290000DE10B8109" IMSI_B_HEX "00", "E2*9000");
    fixture_tar(f, "subscription", tar);
    for (int i = 0; i < 20; i++) { /* the stand-by keyset wants another order carried out */
        fixture_expect(f, 0, "80E290000DE10B8109" IMSI_C_HEX "00", "6A95");
        struct fixture_ota ota = {0, FIXTURE_SPI, tar, "80E2900002E100", 0};
        uint8_t envelope[261];
        size_t n = fixture_envelope(f, &ota, envelope);
        envelope[n - 2] ^= 1; /* a stranger */
        fixture_ota_raw(f, &ota, span_of(envelope, n), &por);
    }
    fixture_expect(f, 0, "80D80181" "01" "03" "00", "6A94"); /* by the gate */
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    fixture_expect(f, 1, LOG,
                   "0000000001010400"
                   "0000000E05950400"
                   "0000000F05950400"
                   "0000001005950400"
                   "0000001105950400"
                   "0000001205950400"
                   "0000001305950400"
                   "0000001405950400"
                   "0000001505940400"
                   "0000001602010000"
                   "9000");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_change),    T(test_other_ways), cmocka_unit_test(test_another_name),
        T(test_again),     T(test_rolls_back), T(test_order_after),
        T(test_malformed), T(test_suspended),  cmocka_unit_test(test_policy),
        T(test_local),     T(test_refusals),   cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

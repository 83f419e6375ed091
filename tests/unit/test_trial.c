/* SPDX-License-Identifier: Apache-2.0
 *
 * Nobody is locked out (3GPP TR 33.812 A5, B8): a new subscription is on trial until its first successful
 * authentication, and rolls back by itself; questions from both operators; orders repeated; files in the same
 * step; suspension; keys replaced over the air (A3, A4). Each with a power cut at every write.
 */
#include <ctype.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"

#define NEW_IMSI "001020000000001"
#define NEW_IMSI_HEX "080910200000000010"

static void expect(struct fixture *f, unsigned keys, const char *apdu_hex, const char *pattern)
{
    fixture_expect(f, keys, apdu_hex, pattern);
}

static void command(struct fixture *f, unsigned keys, const char *apdu_hex, char *answer, size_t room)
{
    fixture_command(f, keys, apdu_hex, answer, room);
}

/* An order for the next pair and NEW_IMSI; `more`: further objects, as hex. */
static void order(struct fixture *f, unsigned keys, const char *more, const char *pattern)
{
    char apdu_hex[500];
    size_t n = 11 + strlen(more) / 2;
    snprintf(apdu_hex, sizeof apdu_hex, "80E29000%02zxE1%02zx8109%s%s00", n + 2, n, NEW_IMSI_HEX, more);
    expect(f, keys, apdu_hex, pattern);
}

static void assert_imsi(struct fixture *f, const char *expected)
{
    char digits[16];
    fixture_imsi(f, digits);
    assert_string_equal(digits, expected);
}

static void assert_old(struct fixture *f, uint64_t sqn)
{
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(fixture_authenticate(f, 0, sqn), 0xDB);
}

#define ASK "80CAE40000"
#define POWER_UPS(n) "8404" n "000000"

static void test_power_ups(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    order(f, 0, "8201AA" POWER_UPS("03"), "E2..8001018101028201AA*9000");
    expect(f, 0, ASK, "E4098001018201AA8801019000");     /* both may ask: on trial */
    expect(f, 1, ASK, "E4098001018201AA8801019000");
    fixture_reset(f);
    assert_imsi(f, NEW_IMSI);
    /* counted for good: a modem that power-cycles does not defeat it */
    fixture_restart(f);
    assert_imsi(f, NEW_IMSI);
    fixture_reset(f);                                    /* the third */
    assert_old(f, 64);
    expect(f, 0, ASK, "E4098001018201AA8801039000");     /* rolled back */
    expect(f, 1, ASK, "unprotected 06");                 /* the new operator is out */
    fixture_reset(f);
    fixture_reset(f);
    fixture_reset(f);
    assert_old(f, 96);
    /* the pair was never used with success: it is there again */
    order(f, 0, "", "E2..8001018101*9000");
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    for (int i = 0; i < 40; i++)
        fixture_reset(f);
    assert_imsi(f, NEW_IMSI);
    expect(f, 1, ASK, "E4068001018801029000");           /* confirmed; the old pair is retired */
    expect(f, 0, ASK, "unprotected 06");
}

static void test_usual_trial(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "", "E2*9000");
    for (int i = 0; i < 29; i++)
        fixture_reset(f);
    assert_imsi(f, NEW_IMSI);
    fixture_reset(f);
    assert_old(f, 32);
}

static void test_polls(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8404" "00020000", "E2*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80F2000C00", "9000");
    apdu(f, "80F2000C00", "910B");                       /* back, and a REFRESH is asked for */
    apdu(f, "801200000B", "D00981030.010482028182 9000");
    fixture_reset(f);
    assert_old(f, 32);
}

/* A poll that is sent again because its Le was wrong is one poll; a terminal of class A0 polls as well. */
static void test_poll_is_one(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8404" "00050000", "E2*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    exchange(f, "80F2000000", "62*");                    /* 6Cxx, and again with the right one */
    exchange(f, "80F2000000", "62*");
    assert_imsi(f, NEW_IMSI);
    /* one that does not mind what it gets polls all the same */
    apdu(f, "80F2000000", "6C*");
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80F2000000", "6C*");
    apdu(f, "A0F2000016", "000000007F20................................910B");
    fixture_reset(f);
    assert_old(f, 32);
}

/* STATUS in a script is no poll: nobody ends a trial from afar, nor a new operator his
 * own by looking at the card. */
static void test_poll_is_the_terminals(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    order(f, 0, "8404" "00020000", "E2*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    for (int i = 0; i < 3; i++) {
        const struct fixture_ota ota = {1, FIXTURE_SPI, "B00001", "80F2000C00" "80F2000C00" "A0F2000016", 0};
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.status, SCP80_POR_OK);
        assert_int_equal(por.data[0], 3);
    }
    fixture_terminal_profile(f);
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80F2000C00", "9000");
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80F2000C00", "910B");
}

static void test_failures(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8404" "00000200", "E2*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x9862); /* a network with the wrong K */
    assert_imsi(f, NEW_IMSI);
    fixture_restart(f);
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 2, 32), 0x9862);
    apdu(f, "80F2000C00", "910B");                       /* noticed at the next poll */
    fixture_reset(f);
    assert_old(f, 32);
}

/* A terminal that never polls does not defeat a limit of failures: the next
 * power-up sees that it was passed. */
static void test_failures_without_polls(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8404" "00000100", "E2*9000");
    fixture_reset(f);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x9862);
    assert_imsi(f, NEW_IMSI);
    fixture_reset(f);
    assert_old(f, 32);
}

static void test_no_service(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8404" "00000002", "E2*9000");
    fixture_reset(f);
    exchange(f, "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "910E");
    apdu(f, "801200000E", "D00C81030.0500820281829901039000");    /* SET UP EVENT LIST: location status */
    exchange(f, "801400000C8103010500820282818301" "00", "9000");
    apdu(f, "80C200000CD60A190103820282811B0102", "9000");        /* no service */
    apdu(f, "80C200000CD60A190103820282811B0100", "9000");        /* normal service: nothing against it */
    apdu(f, "80C200000CD60A190104820282811B0102", "9000");        /* another event */
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80C200000CD60A190103820282811B0101", "910B");        /* limited service: the second strike */
    fixture_reset(f);
    assert_old(f, 32);
}

static void test_timer(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "8405" "000000005A", "E2*9000");                  /* 90 minutes */
    fixture_reset(f);
    exchange(f, "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "9113");
    apdu(f, "8012000013", "D01181030.270082028182A40101A503100300" "9000");
    exchange(f, "801400000F8103012700820282818301" "00A40101", "9000");
    assert_imsi(f, NEW_IMSI);
    apdu(f, "80C200000ED70C82028281A40101A503100300", "910B");    /* the time is up */
    fixture_reset(f);
    assert_old(f, 32);
    fixture_terminal_profile(f);
    apdu(f, "80C200000ED70C82028281A40101A503100300", "9000");    /* nothing is on trial any more */
    order(f, 0, "8405" "000000005A", "E2*9000");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    apdu(f, "80C200000ED70C82028281A40101A503100300", "91..");
    assert_imsi(f, NEW_IMSI);
}

static void test_mnc_length(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "850104", "6A80");
    order(f, 0, "85020203", "6A80");
    order(f, 0, "850103" POWER_UPS("01"), "E2*9000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026FAD", "9*");
    exchange(f, "00B0000301", "039*");
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026FAD", "9*");
    exchange(f, "00B0000301", "029*");                            /* back with the rest */
}

/* TR 33.812 V2, and both together: the same order must come from the operator and from
 * the subscription manager. */
static void test_consent(void **state)
{
    (void)state;
    static const char profile[] =
        "format: 1\n"
        "name: consent\n"
        "include: test\n"
        "applets:\n"
        "  - {class: subscription, params: C00101}\n"
        "keysets:\n"
        "  - ota:\n"
        "      version: 9\n"
        "      kic: {algorithm: aes, bits: 128, key: derived}\n"
        "      kid: {algorithm: aes, bits: 128, key: derived}\n"
        "      kik: {bits: 128, key: derived}\n"
        "    rights: [remote-change]\n";
    enum { COMMON = FIXTURE_COMMON };
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(f, profile);
    fixture_terminal_profile(f);
    order(f, 0, "820177", "E205" "80010189009000");               /* staged: nothing happens yet */
    order(f, 0, "820177", "E205" "80010189009000");               /* one party does not consent to itself */
    assert_imsi(f, FIXTURE_IMSI);
    fixture_restart(f);
    fixture_terminal_profile(f);
    order(f, COMMON, "820178", "E205" "80010189009000");          /* another order takes its place */
    order(f, 0, "820177", "E205" "80010189009000");
    assert_imsi(f, FIXTURE_IMSI);
    order(f, COMMON, "820177", "E2..8001018101028201" "77*9000"); /* the same from the other party: done */
    assert_imsi(f, NEW_IMSI);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    fixture_close(f);
    free(f);
}

/* V2: the subscription manager's own keyset orders, for an operator who does not. */
static void test_common(void **state)
{
    (void)state;
    static const char profile[] =
        "format: 1\n"
        "name: manager\n"
        "include: test\n"
        "pairs:\n"
        "  - algorithm: milenage\n    k: derived\n    opc: derived\n    ota:\n      version: 1\n"
        "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, key: derived}\n"
        "      kik: {bits: 128, key: derived}\n    repeat: 3\n"
        "keysets:\n"
        "  - ota:\n      version: 9\n"
        "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, key: derived}\n"
        "      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n";
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(f, profile);
    fixture_terminal_profile(f);
    for (unsigned next = 1; next < 3; next++) {
        /* the profile gives the operators no such right */
        order(f, next - 1, "", "6A94");
        order(f, FIXTURE_COMMON, "", "E2*9000");
        assert_imsi(f, NEW_IMSI);
        assert_int_equal(fixture_authenticate(f, next, 32), 0xDB);
        expect(f, next - 1, ASK, "unprotected 06");
    }
    order(f, FIXTURE_COMMON, "", "6A90");
    fixture_close(f);
    free(f);
}

static void test_repetition(void **state)
{
    struct fixture *f = *state;
    size_t n, m;
    order(f, 0, "820155", "E2..8001018101028201" "55*9000");
    exchange(f, "8012000000", "D0*");
    uint8_t *before = fixture_snapshot(f, &n);
    /* its receipt was lost: the same answer under the old keys ... */
    order(f, 0, "820155", "E2..8001018101028201" "55*9000");
    order(f, 1, "820155", "E2..8001018101028201" "55*9000");      /* ... and under the new */
    order(f, 0, "820156", "6A95");                                /* another order has to wait */
    order(f, 0, "", "6A95");
    order(f, 1, "820156", "6A95");
    expect(f, 0, "80E2900003C60101", "6A94");                     /* the stand-by keyset decides nothing */
    uint8_t *after = fixture_snapshot(f, &m);
    size_t differ = n != m;
    for (size_t i = 0; i < n && n == m; i++)
        differ += before[i] != after[i];
    assert_true(n + 13 == m || differ <= 10);                     /* counters, and nothing else */
    free(before);
    free(after);
    /* Nor does it reach files */
    struct fixture_por por;
    const struct fixture_ota rfm = {0, FIXTURE_SPI, "B00001", "00A4000C026F46", 0};
    fixture_ota(f, &rfm, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    const struct fixture_ota own = {1, FIXTURE_SPI, "B00001", "00A4000C026F46", 0};
    fixture_ota(f, &own, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
}

/* A script of two commands, or three, in the name of the operator that the card is with at its
 * beginning; what comes of the last. */
static void script(struct fixture *f, const char *const *commands, const char *pattern)
{
    char inner[1200] = "", text[1300], tar[7], got[1000], executed[3];
    unsigned n = 0;
    for (; commands[n] != NULL; n++)
        snprintf(inner + strlen(inner), sizeof inner - strlen(inner),
                 strlen(commands[n]) / 2 > 127 ? "2281%02zx%s" : "22%02zx%s", strlen(commands[n]) / 2,
                 commands[n]);
    snprintf(text, sizeof text, strlen(inner) / 2 > 127 ? "AA81%02zx%s" : "AA%02zx%s", strlen(inner) / 2,
             inner);
    fixture_tar(f, "subscription", tar);
    const struct fixture_ota ota = {0, FIXTURE_SPI, tar, text, 0};
    struct fixture_por por;
    struct fixture_message parts[4];
    size_t messages = fixture_messages(f, &ota, 9, "12345", parts, 4);
    for (size_t i = 0; i < messages; i++)
        fixture_ota_raw(f, &ota, span_of(parts[i].apdu, parts[i].n), &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    hex_format(span_of(por.data, por.n), got);
    snprintf(executed, sizeof executed, "%02x", n);
    assert_memory_equal(got + 4, "8001", 4);
    assert_memory_equal(got + 8, executed, 2);
    const char *last = got + 14; /* behind AB, length, 80 01 n, 23, length */
    for (size_t i = 0;; i++) {
        if (pattern[i] == '*' || (pattern[i] == '\0' && last[i] == '\0'))
            return;
        if (pattern[i] == '\0' || last[i] == '\0' ||
            (pattern[i] != '.' && toupper(last[i]) != toupper(pattern[i])))
            fail_msg("%s\n  answered %s\n  expected ...%s", text, got, pattern);
    }
}

/* With the order that takes the card away from him, an operator's say ends: the rest of his script is heard
 * as if it came afterwards. */
static void test_rest_of_the_script(void **state)
{
    static const char final[] = "80E29000"
                                "12"
                                "E110"
                                "8109" NEW_IMSI_HEX "820109"
                                "8400"
                                "00",
                      tried[] = "80E29000"
                                "10"
                                "E10E"
                                "8109" NEW_IMSI_HEX "820109"
                                "00",
                      next[] = "80E29000"
                               "0F"
                               "E10D"
                               "8109"
                               "080910300000000010"
                               "8400"
                               "00",
                      list[] = "80CAE30000", log[] = "80CAE50000", suspend[] = "80E2900003C6010100";
    struct profile_pair pair;
    uint8_t octets[200], fresh[16];
    char put[300], hex[200];
    struct fixture *f = *state;
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    memset(fresh, 0x31, 16);
    struct buf data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    fixture_key_field(f, &pair.ota, fresh, 16, false, &data);
    fixture_key_field(f, &pair.ota, fresh, 16, false, &data);
    hex_format(buf_span(&data), hex);
    snprintf(put, sizeof put, "80D87A81%02zx%s00", data.len, hex);
    const struct {
        const char *first, *then, *pattern;
    } rows[] = {
        {final, put, "6A94"},      /* the next operator's keys */
        {final, suspend, "6A94"},
        {final, next, "6A94"},     /* one order after the other would use the list up */
        {final, list, "6982"},     /* his IMSI */
        {final, log, "6982"},
        {final, final, "E2*9000"}, /* a repetition is one */
        {final, ASK, "E4*9000"},
        {tried, put, "6A94"},
        {tried, suspend, "6A94"},
        {tried, next, "6A95"},
        {tried, list, "6982"},
        {tried, tried, "E2*9000"},
        {tried, ASK, "E4*9000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture copy;
        const char *const both[] = {rows[i].first, rows[i].then, NULL};
        fixture_copy(&copy, f);
        fixture_terminal_profile(&copy);
        script(&copy, both, rows[i].pattern);
        assert_imsi(&copy, NEW_IMSI);
        assert_int_equal(fixture_authenticate(&copy, 1, 32), 0xDB);
        fixture_discard(&copy);
    }
    /* what he may while it is still his */
    const char *const one[] = {suspend, list, put, NULL};
    script(f, one, "7A*9000");
    /* and under the keyset that is stand-by: it is not the next operator's list to read */
    order(f, 0, "", "E2*9000");
    expect(f, 0, list, "6982");
    expect(f, 0, log, "6982");
    expect(f, 0, "80CAE60000", "6982");
    expect(f, 1, "80CAE30300", "E3*9000");
    /* nor does it have the terminal do anything: DISPLAY TEXT */
    char tar[7];
    struct fixture_por por;
    fixture_tar(f, "subscription", tar);
    for (unsigned keys = 0; keys < 2; keys++) {
        const struct fixture_ota ota = {keys, FIXTURE_SPI, tar, "AA0B" "8109" "8103012180" "8D020441", 0};
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.n, keys == 0 ? 8 : 5); /* bad format, or not */
    }
}

static void test_final(void **state)
{
    struct fixture *f = *state;
    order(f, 0, "820109" "8400", "E2*9000");
    expect(f, 0, ASK, "unprotected 06");                          /* no trial, no stand-by */
    expect(f, 1, ASK, "E4098001018201098801029000");
    for (int i = 0; i < 40; i++)
        fixture_reset(f);
    assert_imsi(f, NEW_IMSI);
    fixture_terminal_profile(f);
    order(f, 1, "84020000", "6A80");
}

/* V5: other files in the same step, and back with it. */
static void test_bundle(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *more, *answer;
    } bad[] = {
        {"A50B" "A609" "91047FFF6F99" "9301AA", "6A82"},                   /* no such file */
        {"A50B" "A609" "91047FFF6F07" "9301AA", "6A80"},                   /* the IMSI is the order's own */
        {"A509" "A607" "91022FE2" "9301AA", "E2*"},                        /* (the card's owner may) */
        {"A50A" "A608" "91047FFF6F46" "9300", "6A80"},
        {"A508" "A606" "91047FFF6F46", "6A80"},
        {"A50F" "A60D" "91047FFF6F46" "92020011" "9301AA", "6A80"},        /* beyond the end */
        {"A50E" "A60C" "91047FFF6F46" "920100" "9301AA", "6A80"},
        {"A50A" "A608" "91037FFF6F" "9301AA", "6A82"},
        {"A503" "990100", "6A80"},
        {"A50B" "A609" "91047FFF6F46" "9302AA", "6A80"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (bad[i].answer[0] == '6') {
            order(f, 0, bad[i].more, bad[i].answer);
            assert_imsi(f, FIXTURE_IMSI);
        }
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F46", "9*");
    exchange(f, "00B0000011", "*");
    char before[40], spn[40];
    hex_format(span_of(f->response, 17), before);
    order(f, 0,
          POWER_UPS("02") "A51D"
                          "A60C"
                          "91047FFF6F46"
                          "9304014E6577"
                          "A60D"
                          "91047FFF6F78"
                          "92020001"
                          "930110",
          "E2*9000");
    exchange(f, "00B0000011", "014E6577*");
    exchange(f, "00A4000C026F78", "9*");
    exchange(f, "00B0000002", "..10*");
    fixture_reset(f);
    fixture_reset(f);
    assert_old(f, 32);
    exchange(f, "00A4000C026F46", "9*");
    exchange(f, "00B0000011", "*");
    hex_format(span_of(f->response, 17), spn);
    assert_string_equal(spn, before);
}

static void test_suspension(void **state)
{
    struct fixture *f = *state;
    expect(f, 0, "80E2900003C60102", "6A80");
    expect(f, 0, "80E2900003C60101", "9000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6985);
    fixture_restart(f);
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6985);
    expect(f, 0, "80E2900003C60100", "9000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
}

/* A change that is rolled back does not lift a suspension. */
static void test_suspended_and_back(void **state)
{
    struct fixture *f = *state;
    expect(f, 0, "80E2900003C60101", "9000");
    order(f, 0, POWER_UPS("01"), "E2*9000");
    fixture_reset(f);
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6985);
    expect(f, 0, "80E2900003C60100", "9000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
}

static void test_log(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        expect(f, 0, "80E2900003C60101", "9000");
        expect(f, 0, "80E2900003C60100", "9000");
    }
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "00A404000BF0736F6674756963630101", "6F*");
    /* 40 events, the last 32 are kept, 31 fit */
    exchange(f, "80CAE50000", "0000000907000400000000" "0A*");
    exchange(f, "80CAE51F00", "0000000806000400" "9000");
    exchange(f, "80CAE52000", "6A88");
}

/* ---- keys over the air ---- */

static void pair_keys(struct fixture *f, struct profile_pair *pair)
{
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, pair));
}

static void put_key(struct fixture *f, unsigned p1, unsigned p2, const struct buf *data, const char *pattern)
{
    char hex[600], apdu_hex[700];
    hex_format(buf_span(data), hex);
    snprintf(apdu_hex, sizeof apdu_hex, "80D8%02x%02x%02zx%s00", p1, p2, data->len, hex);
    expect(f, 0, apdu_hex, pattern);
}

static void test_put_keyset(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    uint8_t octets[200], fresh[3][16];
    struct buf data;
    pair_keys(f, &pair);
    for (int i = 0; i < 3; i++)
        memset(fresh[i], 0x31 + i, 16);
    for (int spoiled = 0; spoiled < 3; spoiled++) { /* any check value wrong: nothing is stored */
        data = buf_of(octets, sizeof octets);
        buf_u8(&data, 1);
        for (int i = 0; i < 3; i++)
            fixture_key_field(f, &pair.ota, fresh[i], 16, i == spoiled, &data);
        put_key(f, 1, 0x81, &data, "6A80");
    }
    data = buf_of(octets, sizeof octets);
    buf_u8(&data, 3);
    for (int i = 0; i < 3; i++)
        fixture_key_field(f, &pair.ota, fresh[i], 16, false, &data);
    put_key(f, 2, 0x81, &data, "6A88");              /* there is no version 2 */
    put_key(f, 1, 0x01, &data, "6A86");
    data.len -= 1;
    put_key(f, 1, 0x81, &data, "6A80");
    data.len += 1;
    put_key(f, 1, 0x81, &data, "03..................9000"); /* the receipt comes under the old keys */
    expect(f, 0, ASK, "unprotected 06");             /* which then are gone */
    fixture_restart(f);
    expect(f, 0, ASK, "unprotected 06");
    /* the new ones are in force, and count from the beginning */
    char tar[7];
    struct fixture_por por;
    f->other_keys = fixture_aes_keyset(3, fresh[0], fresh[1], fresh[2]);
    fixture_tar(f, "subscription", tar);
    const struct fixture_ota first = {FIXTURE_OTHER, FIXTURE_SPI, tar, ASK, 1};
    fixture_ota(f, &first, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    fixture_ota(f, &first, &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
}

/* All keys in one script: each comes under the KIK of the keyset that secured the message, also behind
 * the one that brings another. */
static void test_put_all_keys(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    uint8_t octets[200], fresh[16], k[16];
    char keyset[400], subscriber[400], hex[300];
    pair_keys(f, &pair);
    struct buf data = buf_of(octets, sizeof octets);
    buf_u8(&data, 3);
    for (int i = 0; i < 3; i++) {
        memset(fresh, 0x31 + i, 16);
        fixture_key_field(f, &pair.ota, fresh, 16, false, &data);
    }
    hex_format(buf_span(&data), hex);
    snprintf(keyset, sizeof keyset, "80D80181%02zx%s00", data.len, hex);
    data.len = 0;
    buf_u8(&data, 0x7A);
    memset(k, 0x77, 16);
    fixture_key_field(f, &pair.ota, k, 16, false, &data);
    fixture_key_field(f, &pair.ota, k, 16, false, &data);
    hex_format(buf_span(&data), hex);
    snprintf(subscriber, sizeof subscriber, "80D87A81%02zx%s00", data.len, hex);
    const char *const both[] = {keyset, subscriber, NULL};
    script(f, both, "7A............9000");
    expect(f, 0, ASK, "unprotected 06");
    memcpy(f->profile->p.pairs[0].key.k, k, 16);
    memcpy(f->profile->p.pairs[0].key.opc, k, 16);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
}

/* Keys that come again are no new keys: what was said under them before must not count a second time. */
static void test_put_same_keys(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    struct fixture_por por;
    uint8_t octets[200];
    struct buf data;
    pair_keys(f, &pair);
    data = buf_of(octets, sizeof octets);
    buf_u8(&data, 1);
    fixture_key_field(f, &pair.ota, pair.ota.kic, pair.ota.kic_len, false, &data);
    fixture_key_field(f, &pair.ota, pair.ota.kid, pair.ota.kid_len, false, &data);
    fixture_key_field(f, &pair.ota, pair.ota.kik, pair.ota.kik_len, false, &data);
    put_key(f, 1, 0x81, &data, "01..................9000");
    char tar[7];
    fixture_tar(f, "subscription", tar);
    const struct fixture_ota again = {0, FIXTURE_SPI, tar, ASK, 1};
    fixture_ota(f, &again, &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    /* nor by way of another version */
    octets[0] = 2;
    put_key(f, 1, 0x81, &data, "02..................9000");
    f->other_keys = pair.ota;
    f->other_keys.version = 2;
    octets[0] = 1;
    char hex[400], back[500];
    hex_format(buf_span(&data), hex);
    snprintf(back, sizeof back, "80D80281%02zx%s00", data.len, hex);
    f->counter = 100;
    expect(f, FIXTURE_OTHER, back, "01..................9000");
    fixture_ota(f, &again, &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    f->counter = 200;
    assert_int_equal(fixture_authenticate(f, 0, 1 << 12), 0xDB);
    data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    fixture_key_field(f, &pair.ota, pair.key.k, pair.key.k_len, false, &data);
    fixture_key_field(f, &pair.ota, pair.key.opc, pair.key.opc_len, false, &data);
    put_key(f, 0x7A, 0x81, &data, "7A............9000");
    assert_int_equal(fixture_authenticate(f, 0, 1 << 11), 0xDC);
    assert_int_equal(fixture_authenticate(f, 0, 1 << 13), 0xDB);
    /* nor with another scheme of sequence numbers: IND of 0 bits */
    data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    static const uint8_t milenage[] = {0xA9, 0x16, 0x80, 0x01, 0x01, 0x82, 0x11, 0, 0, 0, 0, 0,
                                       0x10, 0,    0,    0,    0,    0,    0,    0, 0, 0, 0, 0};
    buf_put(&data, span_of(milenage, sizeof milenage));
    fixture_key_field(f, &pair.ota, pair.key.k, pair.key.k_len, false, &data);
    fixture_key_field(f, &pair.ota, pair.key.opc, pair.key.opc_len, false, &data);
    put_key(f, 0x7A, 0x84, &data, "7A............9000");
    assert_int_equal(fixture_authenticate(f, 0, 1 << 12), 0xDC);
    assert_int_equal(fixture_authenticate(f, 0, 1 << 13), 0xDC);
    assert_int_equal(fixture_authenticate(f, 0, (1 << 13) + 1), 0xDB);
}

static void test_put_subscriber_keys(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    uint8_t octets[200], k[16], opc[16];
    pair_keys(f, &pair);
    memset(k, 0x77, 16);
    memset(opc, 0x66, 16);
    assert_int_equal(fixture_authenticate(f, 0, 1 << 12), 0xDB);
    struct buf data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    fixture_key_field(f, &pair.ota, k, 16, false, &data);
    size_t one = data.len;
    fixture_key_field(f, &pair.ota, opc, 16, false, &data);
    put_key(f, 0x7A, 0x83, &data, "6A86");
    put_key(f, 0x7A, 0x81, &data, "7A............9000");
    assert_int_equal(fixture_authenticate(f, 0, 1 << 13), 0x9862);
    /* the network has the new keys as well: its sequence numbers start afresh */
    memcpy(f->profile->p.pairs[0].key.k, k, 16);
    memcpy(f->profile->p.pairs[0].key.opc, opc, 16);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
    data.len = one;
    put_key(f, 0x7A, 0x01, &data, "7A......9000");
    put_key(f, 0x7A, 0x02, &data, "7A......9000");
    order(f, 0, "", "E2*9000");
    /* no keys while a subscription is on trial: whose would they be? */
    put_key(f, 0x7A, 0x01, &data, "*");
}

/* S4: another algorithm, with parameters, a scheme of sequence numbers and keys of its own, in one step. */
static void test_put_algorithm(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    uint8_t octets[250], key[2][32];
    struct aka_key *net = &f->profile->p.pairs[0].key; /* what the network has */
    pair_keys(f, &pair);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 32; k++)
            key[i][k] = (uint8_t)(k * 7 + i * 91 + 3);
    assert_int_equal(fixture_authenticate(f, 0, 1 << 12), 0xDB);
    static const struct {
        const char *algorithm;
        size_t keys, len;
        const char *answer;
    } tried[] = {
        {"A903" "800107", 2, 32, "6A80"},                         /* no such algorithm */
        /* the test algorithm: this profile is insecure */
        {"A903" "800103", 1, 16, "7A*"},
        {"A903" "800102", 1, 32, "6A80"},                         /* TUAK has a TOPc */
        {"A903" "800102", 2, 16, "6A80"},                         /* of 32 octets */
        {"A90A" "800102" "8105" "0808101000", 2, 32, "7A*"},      /* iterations 0: the usual */
        {"A90A" "800102" "8105" "0708101001", 2, 32, "6A80"},     /* a MAC of 7 octets */
        {"A909" "800102" "8104" "08081010", 2, 32, "6A80"},       /* one parameter short */
        /* IND of 6 bits */
        {"A916" "800102" "8211" "06" "0000000010000000" "0000000000000000", 2, 32, "6A80"},
        {"A906" "800101" "8101" "40", 2, 16, "6A80"},
        {"A803" "800101", 2, 16, "6A80"},
        {"A91D" "800102" "8105" "0810202004" "8211" "02" "0000000000000000" "0000000000000000", 2, 32, "7A......" "......9000"},
    };
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        struct buf data = buf_of(octets, sizeof octets);
        buf_u8(&data, 0x7A);
        assert_true(hex_parse(tried[i].algorithm, &data, NULL));
        for (size_t k = 0; k < tried[i].keys; k++)
            fixture_key_field(f, &pair.ota, key[k], tried[i].len, false, &data);
        put_key(f, 0x7A, 0x84, &data, tried[i].answer);
    }
    f->profile->p.pairs[0].algorithm = AKA_TUAK;
    *net = (struct aka_key){
        .k_len = 32, .opc_len = 32, .mac_len = 8, .res_len = 16, .ck_len = 32, .ik_len = 32, .iterations = 4};
    memcpy(net->k, key[0], 32);
    memcpy(net->opc, key[1], 32);
    fixture_restart(f);
    /* its sequence numbers start afresh, by the new scheme */
    assert_int_equal(fixture_authenticate(f, 0, 4), 0xDB);
    assert_int_equal(fixture_authenticate(f, 0, 4), 0xDC);
    assert_int_equal(fixture_authenticate(f, 0, 5), 0xDB);        /* another index, the same SEQ */
    assert_int_equal(fixture_authenticate(f, 0, UINT64_C(1) << 40), 0xDB); /* no limit on the jump */
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A404000BF0736F6674756963630101", "6F*");
    exchange(f, "80CAE30000", "E321" "800100" "850103" "860102" "*"); /* the list tells the algorithm */
    expect(f, 0, "80D8" "7A84" "027A" "A900", "6A80");
}

/* ---- power cuts ---- */

/* At every write of the order, of the confirmation and of the roll-back: the card is on the old subscription
 * or on the new one, wholly; and what is on trial goes back in the end. */
static void test_cuts(void **state)
{
    (void)state;
    for (int phase = 0; phase < 3; phase++) {
        bool completed = false;
        for (long cut = 0; !completed; cut++) {
            struct fixture *f = malloc(sizeof *f);
            char imsi[16];
            fixture_open(f, "test");
            fixture_terminal_profile(f);
            assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
            if (phase == 0)
                fault_store_cut_at(f->store, cut);
            if (phase == 0) {
                char answer[600];
                char hex[100];
                snprintf(hex, sizeof hex, "80E2900013E1118109%s84040400000000", NEW_IMSI_HEX);
                command(f, 0, hex, answer, sizeof answer);
            } else {
                order(f, 0, POWER_UPS("04"), "E2*9000");
            }
            if (phase == 1) {
                fault_store_cut_at(f->store, cut);
                (void)fixture_authenticate(f, 1, 32);
            }
            if (phase == 2) {
                fixture_reset(f);
                fixture_reset(f);
                fixture_reset(f);
                fault_store_cut_at(f->store, cut);
                fixture_reset(f);
            }
            completed = !fault_store_is_cut(f->store);
            fixture_restart(f);
            fixture_terminal_profile(f);
            fixture_imsi(f, imsi);
            bool old = strcmp(imsi, FIXTURE_IMSI) == 0;
            assert_true(old || strcmp(imsi, NEW_IMSI) == 0);
            assert_int_equal(fixture_authenticate(f, old ? 1 : 0, 1 << 10), 0x9862);
            if (phase == 1 || old)
                assert_int_equal(fixture_authenticate(f, old ? 0 : 1, 1 << 10), 0xDB);
            for (int i = 0; i < 5; i++)
                fixture_reset(f);
            fixture_imsi(f, imsi);
            if (phase != 1) { /* nobody ever authenticated the new one: the old one is back */
                assert_string_equal(imsi, FIXTURE_IMSI);
                assert_int_equal(fixture_authenticate(f, 0, 1 << 11), 0xDB);
            }
            fixture_terminal_profile(f);
            fixture_close(f);
            free(f);
            assert_true(cut < 60);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_power_ups),
        T(test_usual_trial),
        T(test_polls),
        T(test_poll_is_one),
        T(test_poll_is_the_terminals),
        T(test_failures),
        T(test_failures_without_polls),
        T(test_no_service),
        T(test_timer),
        T(test_mnc_length),
        cmocka_unit_test(test_consent),
        cmocka_unit_test(test_common),
        T(test_repetition),
        T(test_rest_of_the_script),
        T(test_final),
        T(test_bundle),
        T(test_suspension),
        T(test_suspended_and_back),
        T(test_log),
        T(test_put_keyset),
        T(test_put_all_keys),
        T(test_put_same_keys),
        T(test_put_subscriber_keys),
        T(test_put_algorithm),
        cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

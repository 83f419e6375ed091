/* SPDX-License-Identifier: Apache-2.0
 *
 * Automatic selection among several subscriptions: country, service, preference; counted durably; at rest
 * during trials and suspension; never a card without a subscription, wherever the power is cut. And what a
 * subscription may be used for (P4).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "pairs.h"

static const char profile[] =
    "format: 1\n"
    "include: test\n"
    "name: selection\n"
    "subscription:\n"
    "  selection:\n"
    "    limits: {%s}\n"
    "    candidates:\n"
    "      - {pair: 0, mcc: [\"001\"]}\n"
    "      - {pair: 1, imsi: 26201xxxxxxxxxx, mnc-digits: 2, mcc: [\"262\", \"232\"], files: [{path: MF/ADF.USIM/EF.SPN, content: 00 414243}]}\n"
    "      - {pair: 2, imsi: 310410xxxxxxxxx, mnc-digits: 3}\n"
    "  use:\n"
    "    - {pair: 1, calls: yes, supplementary: no, data: yes, numbers: [\"+4917\", \"22\"], apns: [iot.example]}\n"
    "    - {pair: 2, calls: no, messages: no}\n";

#define IMSI_1 "262010123456780"
#define IMSI_2 "310410123456780"

enum { NORMAL = 0, LIMITED = 1, NO_SERVICE = 2 };

static struct fixture *open_with(const char *limits)
{
    char text[2000];
    struct fixture *f = malloc(sizeof *f);
    snprintf(text, sizeof text, profile, limits);
    fixture_open_text(f, text);
    fixture_terminal_profile(f);
    return f;
}

static void done(struct fixture *f)
{
    fixture_close(f);
    free(f);
}

static void assert_imsi(struct fixture *f, const char *expected)
{
    char digits[16];
    fixture_imsi(f, digits);
    assert_string_equal(digits, expected);
}

static unsigned active(struct fixture *f)
{
    struct applet self;
    assert_true(subscription_of(f->card, &self));
    return pair_active(self);
}

/* Exactly one pair in force; its IMSI in EF.IMSI; its key authenticates. */
static void assert_served(struct fixture *f, uint64_t sqn)
{
    struct applet self;
    struct pair_record s;
    unsigned in_force = 0;
    char digits[16], ef[16];
    assert_true(subscription_of(f->card, &self));
    for (unsigned i = 0; pair_load(self, i, &s); i++)
        in_force += s.state == PAIR_ACTIVE || s.state == PAIR_ON_TRIAL || s.state == PAIR_BLOCKED;
    assert_int_equal(in_force, 1);
    assert_true(pair_load(self, pair_active(self), &s) && imsi_unpack(span_of(s.imsi, 9), digits));
    fixture_imsi(f, ef);
    assert_string_equal(ef, digits);
    if (sqn != 0)
        assert_int_equal(fixture_authenticate(f, pair_active(self), sqn), 0xDB);
}

/* EVENT DOWNLOAD (location status); mcc NULL: none known. */
static uint16_t location(struct fixture *f, int status, const char *mcc)
{
    uint8_t apdu[64] = {0x80, 0xC2, 0, 0};
    struct buf b = {.p = apdu, .cap = sizeof apdu, .len = 5};
    size_t mark = buf_tlv_open(&b, 0xD6);
    const uint8_t fixed[] = {0x99, 1, 3, 0x82, 2, 0x82, 0x81, 0x9B, 1, (uint8_t)status};
    buf_put(&b, span_of(fixed, sizeof fixed));
    if (mcc != NULL) {
        const uint8_t place[] = {0x93,
                                 7,
                                 (uint8_t)((mcc[1] - '0') << 4 | (mcc[0] - '0')),
                                 (uint8_t)(0xF0 | (mcc[2] - '0')),
                                 0x10,
                                 0x12,
                                 0x34,
                                 0,
                                 1};
        buf_put(&b, span_of(place, sizeof place));
    }
    buf_tlv_close(&b, mark);
    apdu[4] = (uint8_t)(b.len - 5);
    return fixture_transmit(f, buf_span(&b), false);
}

static void restart_as_asked(struct fixture *f)
{
    fixture_reset(f);
    fixture_terminal_profile(f);
}

static void poll(struct fixture *f)
{
    exchange(f, "80F2000C00", "*");
}

static void test_made(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 2");
    assert_imsi(f, FIXTURE_IMSI);
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A404000BF0736F6674756963630101", "6F*");
    exchange(f, "80CAE30000", "E321800100850103*");
    exchange(f, "80CAE30100", "E321800101850107860101870101" "8109" "082926101032547608" "*");
    exchange(f, "80CAE60000", "E60D" "82020000" "800100" "8A0400000000" "9*");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0x9862); /* not in force */
    fixture_expect(f, 1, "80CAE40000", "unprotected 06");     /* nor its OTA keys */
    done(f);
}

/* An operator's consent is that of the one in force: what waits for the other party's is void when
 * another subscription is chosen. */
static void test_consent_of_the_one_in_force(void **state)
{
    (void)state;
    static const char both[] = "  authority: both\nkeysets:\n  - ota:\n      version: 9\n      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, key: "
                               "derived}\n      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n",
                      order[] = "80E2900014E1128109" "080910200000000010" "84050200000000" "00", staged[] = "E205" "800103" "8900" "9000";
    char text[3000];
    struct fixture *f = malloc(sizeof *f);
    snprintf(text, sizeof text, profile, "no-service: 2");
    strcat(text, both);
    fixture_open_text(f, text);
    fixture_terminal_profile(f);
    fixture_expect(f, 0, order, staged);
    assert_int_equal(location(f, LIMITED, "262") >> 8, 0x91);
    restart_as_asked(f);
    assert_int_equal(active(f), 1);
    /* the common key's holder alone: operator 0 has no say any more */
    fixture_expect(f, FIXTURE_COMMON, order, staged);
    assert_int_equal(active(f), 1);
    fixture_expect(f, 1, order, "E2*9000");
    assert_int_equal(active(f), 3);
    done(f);
}

static void test_country(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 2");
    /* it wants to know where the terminal is */
    exchange(f, "8012000000", "D00C" "810301" "0500" "82028182" "990103" "9000");
    exchange(f, "801400000C810301050082028281830100", "9000");
    assert_int_equal(location(f, NORMAL, "001"), 0x9000);
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(location(f, LIMITED, "262") >> 8, 0x91);          /* the country's own is preferred */
    exchange(f, "8012000000", "D009" "8103020104" "82028182" "9000");  /* REFRESH */
    exchange(f, "801400000C810302010482028281830100", "9000");
    restart_as_asked(f);
    assert_imsi(f, IMSI_1);
    exchange(f, "00A4000C026F46", "9*");
    exchange(f, "00B0000004", "00414243 9*");                          /* with its files */
    exchange(f, "00A4000C026FAD", "9*");
    exchange(f, "00B0000301", "02 9*");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x9862);
    fixture_expect(f, 0, "80CAE40000", "unprotected 06");              /* S1: not while another is in force */
    assert_int_equal(location(f, NORMAL, "232"), 0x9000 | (location(f, NORMAL, "232") & 0x1FF));
    assert_int_equal(active(f), 1);
    /* nobody's country: the one that is for all */
    (void)location(f, NORMAL, "208");
    restart_as_asked(f);
    assert_imsi(f, IMSI_2);
    exchange(f, "00A4000C026FAD", "9*");
    exchange(f, "00B0000301", "03 9*");                                /* an MNC of three digits */
    (void)location(f, NO_SERVICE, NULL);
    assert_int_equal(active(f), 2);
    fixture_restart(f);                                                /* the country is remembered */
    fixture_terminal_profile(f);
    (void)location(f, LIMITED, "001");
    restart_as_asked(f);
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A404000BF0736F6674756963630101", "6F*");
    /* by country, each */
    exchange(f, "80CAE50000", "0000000009010001" "0000000109020001" "0000000209000001" "9*");
    done(f);
}

/* Want of service: the next in turn, all of them, and round again. */
static void test_no_service(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 2");
    static const unsigned turn[] = {0, 1, 2, 0, 1, 2, 0};
    for (size_t i = 0; i < sizeof turn / sizeof turn[0]; i++) {
        assert_int_equal(active(f), turn[i]);
        (void)location(f, NO_SERVICE, NULL);
        assert_int_equal(active(f), turn[i]);
        fixture_restart(f); /* what was counted is not forgotten */
        fixture_terminal_profile(f);
        assert_served(f, 0);
        (void)location(f, LIMITED, NULL);
        restart_as_asked(f);
    }
    done(f);
}

/* Whoever keeps something of the subscription in force is told to let it go, by rules as by an order (S1). */
static unsigned keepers_told;

static bool tell(struct applet self)
{
    (void)self;
    keepers_told++;
    return true;
}

static const struct subscriber_service keeper_service = {tell};

static const void *keeper_share(struct applet self, const char *service)
{
    (void)self;
    return strcmp(service, "subscriber") == 0 ? &keeper_service : NULL;
}

static void test_told(void **state)
{
    (void)state;
    static const struct applet_class keeper = {.name = "keeper", .share = keeper_share};
    static const struct applet_class *const more[] = {&keeper, NULL};
    char text[2000];
    struct fixture *f = malloc(sizeof *f);
    size_t n = (size_t)snprintf(text, sizeof text, profile, "no-service: 2");
    snprintf(text + n, sizeof text - n, "applets:\n  - {class: keeper}\n");
    fixture_open_text_classes(f, text, more);
    fixture_terminal_profile(f);
    keepers_told = 0;
    (void)location(f, NORMAL, "001");
    assert_int_equal(keepers_told, 0);
    (void)location(f, LIMITED, "262");
    assert_int_equal(active(f), 1);
    assert_int_equal(keepers_told, 1);
    done(f);
}

/* What failed in one country has another chance in the next, and none before. */
static void test_other_country(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 2");
    (void)location(f, LIMITED, "262");
    restart_as_asked(f);
    assert_int_equal(active(f), 1);
    (void)location(f, NO_SERVICE, "262");
    (void)location(f, NO_SERVICE, "262");
    restart_as_asked(f);
    assert_int_equal(active(f), 2);
    (void)location(f, LIMITED, "262");
    assert_int_equal(active(f), 2);
    (void)location(f, LIMITED, "232");
    restart_as_asked(f);
    assert_int_equal(active(f), 1);
    done(f);
}

/* Service, or an authentication, ends the counting. */
static void test_success(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 2, polls: 3, power-ups: 3");
    for (unsigned i = 0; i < 10; i++) {
        (void)location(f, NO_SERVICE, NULL);
        (void)location(f, NORMAL, NULL);
        for (unsigned k = 0; k < 10; k++) {
            poll(f); /* a terminal in service polls as long as it likes */
            assert_int_equal(active(f), 0);
        }
        restart_as_asked(f);
        assert_int_equal(fixture_authenticate(f, 0, 32 * (i + 1)), 0xDB);
    }
    assert_int_equal(active(f), 0);
    restart_as_asked(f);
    poll(f);
    poll(f);
    assert_int_equal(active(f), 0);
    poll(f);
    assert_int_equal(active(f), 1);
    done(f);
}

/* A modem that only powers the card down and up does not defeat it, nor one whose network
 * fails its authentication. */
static void test_power_ups_and_failures(void **state)
{
    (void)state;
    struct fixture *f = open_with("power-ups: 3, failures: 2");
    fixture_restart(f);
    fixture_restart(f);
    assert_int_equal(active(f), 1); /* opening was the first */
    fixture_restart(f);
    fixture_restart(f);
    fixture_restart(f);
    assert_int_equal(active(f), 2);
    assert_served(f, 32);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x9862);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x9862);
    poll(f);
    assert_int_equal(active(f), 0);
    assert_served(f, 32);
    done(f);
}

static void test_timer(void **state)
{
    static const char expired[] = "80C200000ED70C82028281A40101A503001000";
    (void)state;
    struct fixture *f = open_with("minutes: 90");
    exchange(f, "8012000000", "D011" "8103012700" "82028182" "A40101A503100300" "9*"); /* 1 h 30 */
    exchange(f, "8014000014810301270082028281830100240101250310" "0300", "91*");
    exchange(f, "8012000000", "D00C" "8103020500" "82028182" "990103" "9000");
    exchange(f, "801400000C810302050082028281830100", "9000");
    exchange(f, expired, "91*");
    restart_as_asked(f);
    assert_imsi(f, IMSI_1);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB); /* in service: the timer ends nothing */
    exchange(f, expired, "9*");
    assert_int_equal(active(f), 1);
    done(f);
}

#define NEW_IMSI_HEX "080910200000000010"

/* One defined way: while an operator's order is on trial, the rules rest; roll-back
 * or confirmation ends that. */
static void test_orders(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 1, power-ups: 9");
    /* an available one is nobody's to take */
    fixture_expect(f, 0, "80E2900010E10E8001018109" NEW_IMSI_HEX "00", "6A92");
    for (int i = 0; i < 5; i++) /* what counted against a candidate does not count against the trial */
        fixture_restart(f);
    fixture_terminal_profile(f);
    /* the next unused is 3 */
    fixture_expect(f, 0, "80E2900013E1118109" NEW_IMSI_HEX "840403000000" "00", "E2..800103*9000");
    for (int i = 0; i < 5; i++)
        (void)location(f, NO_SERVICE, "262");
    assert_int_equal(active(f), 3);
    fixture_restart(f);
    fixture_restart(f);
    assert_int_equal(active(f), 3);
    fixture_restart(f);
    fixture_terminal_profile(f);
    assert_int_equal(active(f), 0);                                                  /* rolled back */
    assert_served(f, 32);
    (void)location(f, NO_SERVICE, "262");
    /* and the rules are in force again */
    assert_int_equal(active(f), 1);
    restart_as_asked(f);
    fixture_expect(f, 1, "80E290000DE10B8109" NEW_IMSI_HEX "00", "E2..800103*9000");
    /* confirmed: it is in force without being among them */
    assert_int_equal(fixture_authenticate(f, 3, 32), 0xDB);
    for (int i = 0; i < 5; i++)
        (void)location(f, NO_SERVICE, "001");
    assert_int_equal(active(f), 3);
    assert_served(f, 64);
    done(f);
}

/* A suspended subscription is not evaded. */
static void test_suspended(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 1, polls: 1, power-ups: 5");
    fixture_expect(f, 0, "80E2900003C60101", "9000");
    for (int i = 0; i < 5; i++) {
        (void)location(f, NO_SERVICE, "262");
        poll(f);
        fixture_restart(f);
        fixture_terminal_profile(f);
    }
    assert_int_equal(active(f), 0);
    assert_int_equal(fixture_authenticate(f, 0, 32), 0x6985);
    fixture_expect(f, 0, "80E2900003C60100", "9000");
    (void)location(f, NO_SERVICE, NULL);
    assert_int_equal(active(f), 1);
    done(f);
}

/* The IMSI of the one in force, by remote file management: on trial first, and its own afterwards. */
static void test_imsi(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 1");
    struct fixture_por por;
    const struct fixture_ota ota = {0, FIXTURE_SPI, "B00001", "00A40004026F0700D6000009" NEW_IMSI_HEX, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.data[1], 0x90);
    (void)location(f, NO_SERVICE, "262");
    assert_int_equal(active(f), 0);
    assert_served(f, 32);
    (void)location(f, NO_SERVICE, "262");
    assert_int_equal(active(f), 1);
    (void)location(f, LIMITED, "001");
    assert_imsi(f, "001020000000001");
    done(f);
}

/* STORE DATA C1 { content }. */
static void rules(struct fixture *f, unsigned keys, const char *content, const char *pattern)
{
    char apdu_hex[500];
    size_t n = strlen(content) / 2;
    snprintf(apdu_hex, sizeof apdu_hex, "80E29000%02zxC1%02zx%s00", n + 2, n, content);
    fixture_expect(f, keys, apdu_hex, pattern);
}

/* What the maker's record says of a pair's IMSI is what the card has. */
static void test_made_imsi(void **state)
{
    struct fixture *f = open_with("no-service: 3");
    struct applet list;
    struct pair_info info;
    (void)state;
    assert_true(subscription_of(f->card, &list));
    for (unsigned i = 1; subscription_info(list, i, &info); i++) {
        char has[16] = "", told[16] = "";
        assert_int_equal(subscription_made_imsi(&f->profile->p, i, "001010123456780", told), info.has_imsi);
        if (info.has_imsi)
            assert_true(imsi_unpack(span_of(info.imsi, sizeof info.imsi), has));
        assert_string_equal(told, has);
        assert_string_equal(told, i == 1 ? IMSI_1 : i == 2 ? IMSI_2 : "");
    }
    done(f);
    f = malloc(sizeof *f);
    fixture_open(f, "test");
    char none[16];
    assert_false(subscription_made_imsi(&f->profile->p, 1, "001010123456780", none));
    done(f);
}

/* Rules over the air: versions only go up; new candidates are enlisted, those that
 * are left out are retired. */
static void test_rules(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 1");
    struct applet self;
    struct pair_record s;
#define NEW "A103800100" "A10E800103" "8109" NEW_IMSI_HEX
    rules(f, 0, "840400000001" NEW, "6A80");                    /* no version */
    rules(f, 0, "82020001" "840400000000" NEW, "6A80");         /* limits that are none */
    rules(f, 0, "82020001" "A103800107", "6A91");               /* no such pair */
    /* the last one names no pair, and half a country */
    rules(f, 0, "82020001" NEW "A103860162", "6A80");
    rules(f, 0, "82020001" "A103800103", "6A93");               /* it would have no IMSI */
    rules(f, 0, "82020001" "A10E800103" "8109" "080A10200000000010", "6A93");
    rules(f, 0,
          "82020001"
          "A1"
          "1F800103"
          "8109" NEW_IMSI_HEX "A50F"
          "A60D"
          "9104"
          "7FFF6F99"
          "9305"
          "0102030405",
          "6A82");
    assert_true(subscription_of(f->card, &self) && pair_load(self, 3, &s) && s.state == PAIR_UNUSED);
    rules(f, 0, "82020002" "840400000002" NEW, "9000");
    rules(f, 0, "82020002" "840400000001" NEW, "6985");         /* not the same again, nor an older one */
    rules(f, 0, "82020001" "840400000001" NEW, "6985");
    rules(f, 1, "82020003" NEW, "unprotected 06");              /* another's keys decide nothing */
    assert_true(subscription_of(f->card, &self) && pair_load(self, 3, &s) && s.state == PAIR_AVAILABLE);
    assert_true(pair_load(self, 1, &s) && s.state == PAIR_RETIRED);
    assert_true(pair_load(self, 2, &s) && s.state == PAIR_RETIRED);
    /* Another IMSI for one that is available already; what is the card's own in it stays. The
     * one in force keeps its own. */
    rules(f, 0, "82020003" "840400000002" "A103800100" "A10E800103" "8109" "0809103000000000E0", "9000");
    assert_true(subscription_of(f->card, &self) && pair_load(self, 3, &s) && s.state == PAIR_AVAILABLE);
    assert_memory_equal(s.imsi, "\x08\x09\x10\x30\x00\x00\x00\x00\x10", 9);
    rules(f, 0, "82020004" "A10E800100" "8109" NEW_IMSI_HEX "A103800103", "6A92");
    rules(f, 0, "82020004" "840400000002" NEW, "9000");
    (void)location(f, NO_SERVICE, NULL);
    fixture_restart(f);
    fixture_terminal_profile(f);
    (void)location(f, NO_SERVICE, NULL);
    assert_int_equal(active(f), 3);
    assert_imsi(f, "001020000000001");
    assert_served(f, 32);
    (void)location(f, NO_SERVICE, NULL);
    (void)location(f, NO_SERVICE, NULL);
    assert_int_equal(active(f), 0);                             /* the retired ones are not there any more */
    fixture_expect(f, 0, "80E290000DE10B8109" NEW_IMSI_HEX "00", "6A90");
    done(f);
}

/* No new rules while a subscription is on trial: they would be of an operator whom no network knows yet. */
static void test_rules_in_trial(void **state)
{
    (void)state;
    struct fixture *f = open_with("no-service: 1");
    fixture_expect(f, 0, "80E290000DE10B8109" NEW_IMSI_HEX "00", "E2..800103*9000");
    rules(f, 3, "82020001" "840400000001" "A103800103", "6A95");
    assert_int_equal(fixture_authenticate(f, 3, 32), 0xDB);
    rules(f, 3, "82020001" "840400000001" "A103800103", "9000");
    done(f);
}

/* Power cut at every write of a switch: the one before or the one after, whole, and it authenticates. */
static void test_cuts(void **state)
{
    (void)state;
    bool completed = false;
    for (long cut = 0; !completed; cut++) {
        struct fixture *f = open_with("no-service: 1, power-ups: 200");
        fault_store_cut_at(f->store, cut);
        (void)location(f, NO_SERVICE, "262");
        completed = !fault_store_is_cut(f->store);
        fixture_restart(f);
        assert_in_range(active(f), 0, 1);
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        exchange(f, "00A4000C026F46", "9*");
        exchange(f, "00B0000004", active(f) == 1 ? "00414243 9*" : "01736F66 9*");
        assert_served(f, 32);
        assert_true(cut < 60);
        done(f);
    }
}

/* Whatever happens in whatever order: one subscription, whole. */
static void test_walk(void **state)
{
    static const char *const countries[] = {NULL, "001", "262", "232", "208", "999"};
    (void)state;
    struct fixture *f = open_with("no-service: 2, power-ups: 3, polls: 4, failures: 2, minutes: 1");
    uint64_t random = 88172645463325252u, sqn[4] = {64, 64, 64, 64};
    unsigned seen[4] = {0};
    for (unsigned i = 0; i < 4000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned dice = (unsigned)(random >> 32) % 16, more = (unsigned)(random >> 48);
        if (more % 20 == 0)
            fault_store_cut_at(f->store, (long)(more % 3));
        if (dice < 6)
            (void)location(f, (int)(more % 3), countries[more % 6]);
        else if (dice < 9)
            poll(f);
        else if (dice < 11)
            fixture_restart(f);
        else if (dice < 13)
            restart_as_asked(f);
        else if (dice < 14)
            exchange(f, "80C200000ED70C82028281A40101A503001000", "*");
        else if (dice < 15)
            (void)fixture_authenticate(f, more % 4, 32);
        if (fault_store_is_cut(f->store) || dice == 15) {
            fixture_restart(f);
            fixture_terminal_profile(f);
            assert_served(f, sqn[active(f)] += 32);
        }
        fault_store_cut_at(f->store, -1);
        assert_served(f, 0);
        seen[active(f)]++;
    }
    assert_true(seen[0] > 100 && seen[1] > 100 && seen[2] > 100 && seen[3] == 0);
    done(f);
}

/* ---- what a subscription may be used for (P4) ---- */

static void ask(struct fixture *f, unsigned envelope, const uint8_t tags[2], const char *const values[2],
                const char *pattern)
{
    uint8_t apdu_octets[200] = {0x80, 0xC2, 0, 0}, value[100];
    struct buf b = {.p = apdu_octets, .cap = sizeof apdu_octets, .len = 5};
    char hex[420];
    size_t mark = buf_tlv_open(&b, envelope);
    buf_tlv(&b, 0x82, span_of((const uint8_t *)"\x82\x81", 2));
    for (unsigned i = 0; i < 2 && values[i] != NULL; i++) {
        struct buf v = buf_of(value, sizeof value);
        assert_true(hex_parse(values[i], &v, NULL));
        buf_tlv(&b, tags[i], buf_span(&v));
    }
    buf_tlv_close(&b, mark);
    apdu_octets[4] = (uint8_t)(b.len - 5);
    buf_u8(&b, 0);
    hex_format(buf_span(&b), hex);
    exchange(f, hex, pattern);
}

static void test_use(void **state)
{
    (void)state;
#define APN "280C" "03696F74" "076578616D706C65"
#define PDP "0A410503" "0100" "020121"
#define PDN "0201D031"
#define YES "9*"
#define NO "0100 9*"
    static const struct {
        unsigned envelope;
        uint8_t tags[2];
        const char *values[2];
        const char *answers[2]; /* under pair 1, and 2 */
    } asked[] = {
        {0xD4, {0x86}, {"9194710200"}, {YES, NO}},               /* a call to +4917200 */
        {0xD4, {0x86}, {"91947802"}, {NO, NO}},                  /* to +498720 */
        {0xD4, {0x86}, {"8122"}, {YES, NO}},                     /* to 22 */
        {0xD4, {0x86}, {"81"}, {NO, NO}},                        /* to nobody */
        {0xD4, {0x89}, {"FFAABB"}, {NO, YES}},                   /* a supplementary service */
        {0xD4, {0x8A}, {"0FAA11"}, {NO, YES}},                   /* USSD */
        {0xD4, {0xB1}, {"7369703A7140782E79"}, {NO, NO}},        /* a call to a SIP URI */
        {0xD4, {0xD2}, {PDP APN}, {YES, YES}},                   /* a PDP context: the right access point */
        {0xD4, {0xD2}, {PDP "280403616263"}, {NO, YES}},         /* another */
        {0xD4, {0xD2}, {PDP}, {NO, YES}},                        /* it does not say which */
        {0xD4, {0xD2}, {PDP "2803" "0361"}, {NO, YES}},          /* cut */
        {0xD4, {0xFC}, {PDN "D1" "2702FFFF" APN}, {YES, YES}},   /* a PDN connection */
        {0xD4, {0xFC}, {PDN "D1" "28"}, {NO, YES}},
        {0xD4, {0}, {NULL}, {NO, YES}},                          /* something newer: it may be data */
        {0xD5, {0x86, 0x86}, {"9100", "91947102"}, {YES, NO}},   /* a short message to +491720 */
        {0xD5, {0x86, 0x86}, {"91947102", "9100"}, {NO, NO}},
        {0xD5, {0x86}, {"91947102"}, {NO, NO}},                  /* without a destination */
    };
    struct fixture *f = open_with("no-service: 1");
    for (unsigned pair = 0; pair < 3; pair++) {
        if (pair > 0)
            (void)location(f, NORMAL, pair == 1 ? "262" : "208");
        fixture_reset(f);
        assert_int_equal(active(f), pair);
        for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) /* pair 0 has no service profile */
            ask(f, asked[i].envelope, asked[i].tags, asked[i].values,
                pair == 0 ? YES : asked[i].answers[pair - 1]);
        fixture_terminal_profile(f);
    }
    done(f);
}

/* A subscription for voice and messages alone: no data, however it is asked for. */
static void test_no_data(void **state)
{
    (void)state;
    static const struct {
        unsigned envelope;
        uint8_t tags[2];
        const char *values[2], *answer;
    } asked[] = {
        {0xD4, {0x86}, {"9194710200"}, YES},       {0xD5, {0x86, 0x86}, {"9100", "91947102"}, YES}, {0xD4, {0xD2}, {PDP APN}, NO},
        {0xD4, {0xD2}, {PDP}, NO},                 {0xD4, {0xFC}, {PDN "D1" "2702FFFF" APN}, NO},   {0xD4, {0}, {NULL}, NO},
    };
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(
        f, "format: 1\ninclude: test\nname: voice\nsubscription:\n  use:\n    - {pair: 0, data: no}\n");
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        ask(f, asked[i].envelope, asked[i].tags, asked[i].values, asked[i].answer);
    done(f);
}

/* An order brings the service profile of its subscription; a roll-back takes it away. */
static void test_use_by_order(void **state)
{
    (void)state;
    static const uint8_t tags[2] = {0x86};
    static const char *const call[2] = {"9194710200"};
    struct fixture *f = malloc(sizeof *f);
    fixture_open(f, "test");
    fixture_terminal_profile(f);
    ask(f, 0xD4, tags, call, YES);
    /* no such use */
    fixture_expect(f, 0, "80E2900012E1108109" NEW_IMSI_HEX "A803810110" "00", "6A80");
    fixture_expect(f, 0, "80E2900011E10F8109" NEW_IMSI_HEX "A80282" "0000", "6A80");
    fixture_expect(f, 0, "80E2900018E1168109" NEW_IMSI_HEX "84040100" "0000" "A803810108" "00", "E2*9000");
    ask(f, 0xD4, tags, call, NO);
    fixture_reset(f);
    /* rolled back */
    ask(f, 0xD4, tags, call, YES);
    fixture_expect(f, 0,
                   "80E290001AE1188109" NEW_IMSI_HEX "A80B"
                   "810109"
                   "8203"
                   "914971"
                   "830161"
                   "00",
                   "E2*9000");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    fixture_restart(f);
    ask(f, 0xD4, tags, call, NO);
    done(f);
}

/* Errors of a profile's "subscription", by line and place. */
static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"  on-trial: no\n  trial: {polls: 1}", "subscription.trial: \"on-trial\" says that there is none"},
        {"  trial: {polls: 0}", "subscription.trial: no limit at all"},
        {"  authority: all", "subscription.authority: \"all\" is not one of: any, both"},
        {"  selection: {candidates: [{pair: 0}]}", "subscription.selection.candidates: must have 2 to 32 entries"},
        {"  selection: {candidates: [{pair: 0}, {pair: 4, imsi: 001010000000001}]}", "candidates[1].pair: no pair 4; the profile has 4"},
        {"  selection: {candidates: [{pair: 0}, {pair: 0}]}", "candidates[1].pair: pair 0 is given twice"},
        {"  selection: {candidates: [{pair: 0}, {pair: 1}]}", "candidates[1]: \"imsi\" is missing"},
        {"  selection: {candidates: [{pair: 0, imsi: 001010000000001}, {pair: 1}]}", "candidates[0]: pair 0 has the card's own IMSI"},
        {"  selection: {candidates: [{pair: 2, imsi: 001010000000001}, {pair: 1, imsi: 001010000000002}]}", "candidates: pair 0, which a new card is on"},
        {"  selection: {candidates: [{pair: 0}, {pair: 1, imsi: 0010y}]}", "candidates[1].imsi: 6 to 15 digits, or x"},
        {"  selection: {candidates: [{pair: 0, mcc: [\"26\"]}, {pair: 1, imsi: 001010000000001}]}", "candidates[0].mcc[0]: an MCC has three digits"},
        {"  selection: {candidates: [{pair: 0, mnc-digits: 4}, {pair: 1, imsi: 001010000000001}]}", "candidates[0].mnc-digits: must be 2 or 3"},
        {"  selection: {candidates: [{pair: 0, files: [{path: MF/EF.NONE, content: 00}]}, {pair: 1, imsi: 001010000000001}]}",
         "candidates[0].files[0]: no EF \"MF/EF.NONE\""},
        {"  selection: {candidates: [{pair: 0, files: [{path: MF/ADF.USIM/EF.SPN, offset: 17, content: 00}]}, {pair: 1, imsi: 001010000000001}]}",
         "candidates[0].files[0]: MF/ADF.USIM/EF.SPN has 17 octets"},
        {"  selection: {candidates: [{pair: 0, files: [{path: MF/ADF.USIM/EF.IMSI, content: 00}]}, {pair: 1, imsi: 001010000000001}]}",
         "candidates[0].files[0]: the IMSI is the candidate's own"},
        {"  use: [{pair: 9}]", "subscription.use[0].pair: no pair 9"},
        {"  use: [{pair: 1}, {pair: 1}]", "subscription.use[1].pair: pair 1 is given twice"},
        {"  use: [{pair: 1, numbers: [\"+\"]}]", "subscription.use[0].numbers[0]: must be 1 to 20 digits"},
        {"  use: [{pair: 1, apns: [\"a b\"]}]", "subscription.use[0].apns[0]: \"a b\" is no access point name"},
        {"  use: [{pair: 1, apns: [\"a..b\"]}]", "subscription.use[0].apns[0]: \"a..b\" is no access point name"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[600];
        struct profile_error error;
        snprintf(text, sizeof text, "format: 1\ninclude: test\nname: wrong\nsubscription:\n%s\n",
                 wrong[i].text);
        assert_null(profile_load_text(text, strlen(text), "wrong.yaml", &error));
        if (strstr(error.text, wrong[i].error) == NULL)
            fail_msg("%s\n  got  %s\n  want %s", wrong[i].text, error.text, wrong[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_made_imsi),
        cmocka_unit_test(test_consent_of_the_one_in_force),
        cmocka_unit_test(test_country),
        cmocka_unit_test(test_no_service),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_other_country),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_power_ups_and_failures),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_imsi),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rules_in_trial),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_no_data),
        cmocka_unit_test(test_use_by_order),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Card content over the air (TS 102 226, remote application management): whose messages a domain takes, and
 * operators apart from each other (S1).
 */
#include "gp_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "registry.h"
#include "security_domain.h"
#include "sw.h"

/* ---- over the air ---- */

static void ram(struct fixture *f, unsigned keys, const char *tar, const char *script,
                struct fixture_por *por)
{
    const struct fixture_ota ota = {keys, SPI_POR, tar, script, 0};
    fixture_ota(f, &ota, por);
}

/* What the domain's keyset is once the host's keys are in it, for FIXTURE_OTHER. */
static void other_keys(struct fixture *f, struct gp_host *h)
{
    gp_keys_of(h, K1, K2, K3);
    f->other_keys = fixture_aes_keyset(1, h->keys.enc, h->keys.mac, h->keys.dek);
}

#define por_is(f, keys, tar, script, pattern) por_check(f, keys, tar, script, pattern, __LINE__)
static void por_check(struct fixture *f, unsigned keys, const char *tar, const char *script,
                      const char *pattern, int line)
{
    struct fixture_por por;
    char text[8400];
    ram(f, keys, tar, script, &por);
    assert_true(por.answered);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    hex_format(span_of(por.data, por.n), text);
    if (!gp_matches(text, pattern))
        fail_msg("line %d: %s\n  answered %s\n  expected %s", line, script, text, pattern);
}

static void test_ram(void **state)
{
    (void)state;
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    char data[400];
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    /* compact: the status, and by GET RESPONSE what there is */
    por_is(&f, 0, "000000",
           "80F28002024F00"
           "00C0000000",
           "02 9000 E3*4F08" ISD_AID "9F70010F*");
    por_is(&f, 0, "000000", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6101");
    por_is(&f, 0, "000000", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6A80");
    /* expanded: AA { 22 ... } */
    por_is(&f, 0, "000000",
           "AA0D"
           "220B"
           "80F24002"
           "05"
           "4F00"
           "5C014F"
           "00",
           "AB*800101 23*E3*9000");
    /* more than a script's response has room for: 6310, and the next command goes on; over the air and in a
     * session at once */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    for (unsigned i = 0; i < 12; i++) {
        char aid[33];
        snprintf(aid, sizeof aid, "F0736F667400000000000000000000%02x", i);
        gp_make_ssd(&h, aid, "80", "02C900");
    }
    por_is(&f, 0, "000000", "80F24002054F005C014F", "01 6310");
    por_is(&f, 0, "000000", "80F24003054F005C014F", "01 61..");
    por_is(&f, 0, "000000",
           "80F24002054F005C014F"
           "80F24003054F005C014F"
           "00C0000000",
           "03 9000 E3*");
    /* what a script may not: INITIALIZE UPDATE; what it does not know */
    por_is(&f, 0, "000000", "80503000080102030405060708", "01 6D00");
    por_is(&f, 0, "000000",
           "80F28002024F00"
           "84F28002024F00",
           "02 6882");
    /* the domain at its own TAR: the operator's keyset opens its messages while it has none of its own */
    por_is(&f, 0, "B20201",
           "80F24002024F00"
           "00C0000000",
           "02 9000 E3*4F07" SSD1 "*");
    /* keys for it under the KIK of the message: SCP80 keys 01 */
    struct profile_pair pair;
    assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, 0, &pair));
    h = (struct gp_host){.f = &f, .scp = {.protocol = SCP03, .key_len = 16}};
    memcpy(h.scp.dek, pair.ota.kik, 16);
    gp_three_keys(&h, 0x88, "01", data);
    por_is(&f, 0, "B20201", gp_command("80D80081", data), "01 61..");
    /* from now on only they do */
    ram(&f, 0, "B20201", "80F24002024F00", &por);
    assert_int_not_equal(por.verdict == SCP80_GENUINE && por.status == SCP80_POR_OK, 1);
    other_keys(&f, &h);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20201", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
           "01 6101");
    por_is(&f, FIXTURE_OTHER, "B20201",
           "80F24002024F00"
           "00C0000000",
           "02 9000 *4F07" APP1 "*CC07" SSD1 "*");
    /* it does not reach the issuer's domain, nor files, nor the subscription */
    static const char *const others[] = {"000000", "B00000", "B00001", "BFFF3B"};
    for (size_t i = 0; i < 4; i++) {
        ram(&f, FIXTURE_OTHER, others[i], "80F24002024F00", &por);
        assert_int_not_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    }
    /* replayed */
    f.counter = 1;
    ram(&f, FIXTURE_OTHER, "B20201", "80F24002024F00", &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    f.counter = 100;
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80E40000", "4F07" APP1), "01 6101");
    /* a load file in blocks that come in several messages */
    por_is(&f, FIXTURE_OTHER, "B20201",
           gp_command("80E60200", "07F0736F66740301"
                                  "00"
                                  "00"
                                  "00"
                                  "00"),
           "01 6101");
    por_is(&f, FIXTURE_OTHER, "B20201",
           "80E800000A"
           "C425010013DECAFFED01"
           "80E800010E"
           "0204020107F0736F667403010000",
           "02 6101");
    por_is(&f, FIXTURE_OTHER, "B20201",
           "80E880020F"
           "03000C0108F0736F66740301010010",
           "01 6101");
    por_is(&f, FIXTURE_OTHER, "B20201",
           "80F21002094F07F0736F66740301"
           "00C0000000",
           "02 9000 E3*8408F0736F6674030101*");
    fixture_close(&f);
}

/* Only the issuer's and the operators' keysets with the right, and none that only repeats an order. */
static void test_ram_rights(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "test");
    struct fixture_por por;
    const struct fixture_ota open = {0, 0x0001, "000000", "80F28002024F00", 0}; /* no security at all */
    fixture_ota(&f, &open, &por);
    assert_int_equal(por.status, SCP80_SECURITY_LEVEL);
    const struct fixture_ota signed_only = {0, 0x1201, "000000", "80F28002024F00", 0};
    fixture_ota(&f, &signed_only, &por);
    assert_int_equal(por.status, SCP80_SECURITY_LEVEL);
    /* not what is the card owner's alone: keys, data, life cycle of the issuer's domain */
    por_is(&f, 0, "000000", "80F0807F00", "01 6985");
    por_is(&f, 0, "000000", "80E29000064204AABBCCDD", "01 6985");
    por_is(&f, 0, "000000", gp_command("80E40000", "D20120"), "01 6985");
    por_is(&f, 0, "000000", "80D80081 0101", "01 6985");
    por_is(&f, 0, "000000", gp_command("80E40000", "4F09A00000015141434C00"), "01 6985");
    por_is(&f, 0, "000000", gp_command("80F04080", "A00000015141434C00"), "01 6985");
    fixture_close(&f);
}

/* SCP80 keys of the issuer's own domain: they manage the card's applications, and open nothing else; an
 * operator's keyset of the same version stays what it is. */
static void test_ram_issuer(void **state)
{
    (void)state;
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    char data[400], script[400];
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp_three_keys(&h, 0x88, "01", data); /* as pair 0 has */
    gp(&h, gp_command("80D80081", data), "01*9000");
    other_keys(&f, &h);
    f.counter = 500;
    por_is(&f, 0, "000000", "80F28002024F00", "01 61..");
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "000000", "80F28002024F00", "01 61..");
    por_is(&f, FIXTURE_OTHER, "000000", "80E29000064204AABBCCDD", "01 9000");
    /* rules for ARA-M: for its domain and not for an operator */
    snprintf(script, sizeof script, "%s%s",
             gp_command("80E62000", "00"
                                    "00"
                                    "09A00000015141434C00"
                                    "00"
                                    "00"
                                    "00"),
             gp_command("80E29000", "F021" RULE(HASH1, "01")));
    por_is(&f, FIXTURE_OTHER, "000000", script, "02 9000");
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f, "80CAFF4000", "FF4021" RULE(HASH1, "01") "9000");
    f.counter = 600;
    por_is(&f, 0, "000000",
           gp_command("80E62000", "00"
                                  "00"
                                  "09A00000015141434C00"
                                  "00"
                                  "00"
                                  "00"),
           "01 6A88");
    /* the card locked over the air, and only its issuer heard; unlocked again */
    f.counter = 10;
    por_is(&f, FIXTURE_OTHER, "000000", "80F0807F00", "01 9000");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    f.counter = 700;
    ram(&f, 0, "B00000", "00A40004022FE2", &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    por_is(&f, 0, "000000", "80E40000034F0100", "01 6985");
    f.counter = 20;
    por_is(&f, FIXTURE_OTHER, "000000", "80F0800F00", "01 9000");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    static const char *const others[] = {"B00000", "B00001", "BFFF3B"};
    for (size_t i = 0; i < 3; i++) {
        ram(&f, FIXTURE_OTHER, others[i], "80F24002024F00", &por);
        assert_int_not_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    }
    fixture_close(&f);
}

/* A domain that has used its room up to the last octet still opens sessions and messages, if only to delete
 * something: its counters have their room from when the keys came. */
static void test_full_domain(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char data[400], store[40];
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp_make_ssd(&h, SSD1, "804000", "16 EF04 D8020084 EA0E 800C FF00000000 020116 03B20201"); /* 132 octets */
    gp_open(&h, &f, SSD1, 0x30, 0x01, 8);
    gp_three_keys(&h, 0x88, "01", data);
    gp(&h, gp_command("80D80081", data), "01*9000");
    gp_three_keys(&h, 0x88, "3A", data);
    gp(&h, gp_command("80D80081", data), "3A*9000");
    unsigned stored = 0;
    for (unsigned n = 40; n > 0; n--) { /* as much as goes in */
        snprintf(store, sizeof store, "%02x%02x", 0x42, n);
        strcpy(data, store);
        for (unsigned i = 0; i < n; i++)
            strcat(data, "AA");
        stored = gp_send(&h, gp_command("80E29000", data)) == 0x9000 ? n : stored;
        if (stored != 0)
            break;
    }
    assert_true(stored > 0 && stored < 40);
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x3A, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x01), 0x9000);
    other_keys(&f, &h);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20201", "80F24002024F00", "01 61..");
    gp(&h, "80E29000024200", "9000");
    fixture_close(&f);
}

/* A domain without keys of its own is served by those of the one that it belongs to, and by nobody else's: an
 * operator does not come in below a domain that he does not reach. */
static void test_ram_below(void **state)
{
    (void)state;
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    char data[400];
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp_make_ssd(&h, SSD1, "804000", SSD_PARAMETERS);
    gp_open(&h, &f, SSD1, 0x30, 0x01, 8);
    gp_make_ssd(&h, SSD2, "804000", "10 EA0E 800C FF00000000 020116 03B20202");
    por_is(&f, 0, "B20202", "80F24002024F00", "01 61..");
    gp_three_keys(&h, 0x88, "01", data);
    gp(&h, gp_command("80D80081", data), "01*9000");
    other_keys(&f, &h);
    static const char *const tars[] = {"B20201", "B20202"};
    for (int i = 0; i < 2; i++) {
        ram(&f, 0, tars[i], gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), &por);
        assert_int_not_equal(por.verdict, SCP80_GENUINE);
    }
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20202", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
           "01 6101");
    /* its first keys, under those of the domain above */
    h = (struct gp_host){.f = &f, .scp = {.protocol = SCP03, .key_len = 16}};
    memcpy(h.scp.dek, f.other_keys.kik, 16);
    strcpy(data, "01");
    gp_key_field(&h, 0x88, K2, data);
    gp_key_field(&h, 0x88, K3, data);
    gp_key_field(&h, 0x88, K1, data);
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80D80081", data), "01 61..");
    ram(&f, FIXTURE_OTHER, "B20202", "80F24002024F00", &por);
    assert_int_not_equal(por.verdict, SCP80_GENUINE);
    por_is(&f, FIXTURE_OTHER, "B20201", "80F24002024F00", "01 61..");
    /* its keys under another version: messages are counted on */
    struct domain_keyset_info info, moved;
    uint8_t octets[16];
    struct buf aid = buf_of(octets, sizeof octets);
    assert_true(hex_parse(SSD1, &aid, NULL));
    const struct applet ssd = {f.card, applet_by_aid(f.card, buf_span(&aid))};
    assert_true(domain_keyset_inspect(ssd, 0, &info) && info.version == 1 && info.counter > 0);
    gp_open(&h, &f, SSD1, 0x30, 0x01, 8);
    gp_three_keys(&h, 0x88, "02", data);
    gp(&h, gp_command("80D80181", data), "02*9000");
    assert_true(domain_keyset_inspect(ssd, 0, &moved) && moved.version == 2);
    assert_int_equal(moved.counter, info.counter);
    fixture_close(&f);
}

/* ---- S1: an operator's applications are his ---- */

static void change(struct fixture *f, unsigned keys, const char *imsi)
{
    char script[200], tar[7];
    struct fixture_por por;
    fixture_tar(f, "subscription", tar);
    fixture_order(imsi, -1, "0102", script, sizeof script);
    const struct fixture_ota ota = {keys, SPI_POR, tar, script, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.data[1], 0x90);
    fixture_reset(f);
    fixture_terminal_profile(f);
    f->counter = 0;
}

static void test_operators(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    por_is(&f, 0, "000000", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6101");
    por_is(&f, 0, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    por_is(&f, 0, "B20201", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
    exchange(&f, "00A4040C07" APP1, "9000");
    /* B is active: A's are suspended, and B neither sees nor touches them, nor takes their names */
    change(&f, 0, "001020000000001");
    assert_int_equal(fixture_authenticate(&f, 1, 32), 0xDB);
    exchange(&f, "00A4040C07" APP1, "6A82");
    exchange(&f, "00A4040C07" APP2, "6A82");
    exchange(&f, "00A4040C07" SSD1, "6A82");
    por_is(&f, 1, "000000",
           "80F24002054F005C014F"
           "00C0000000",
           "02 9000 E3*");
    por_is(&f, 1, "000000", gp_command("80F24002", "4F07" APP1), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80F24002", "4F07" SSD1), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80E40000", "4F07" APP1), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80F04080", APP1), "01 6A88");
    por_is(&f, 1, "000000",
           gp_command("80E61000", "08" ISD_AID "00"
                                  "07" APP1 "00"
                                  "00"
                                  "00"),
           "01 6A88");
    por_is(&f, 1, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6A80");
    struct fixture_por por;
    ram(&f, 1, "B20201", "80F24002024F00", &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    /* nor loads into A's domain; into the issuer's, by its name, as without */
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740303" "07" SSD1 "00" "00" "00"), "01 6A88");
    por_is(&f, 1, "000000",
           gp_command("80E60200", "07F0736F66740303"
                                  "09A00000015141434C00"
                                  "00"
                                  "00"
                                  "00"),
           "01 6A88");
    por_is(&f, 1, "000000",
           gp_command("80E60200", "07F0736F66740303"
                                  "08" ISD_AID "00"
                                  "00"
                                  "00"),
           "01 6101");
    /* what one began in his name, another does not go on with: a load file, a personalization */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80E60200", "07F0736F66740301" "00" "00" "00" "00"), "009000");
    gp(&h, "80E80000 0A C425010013DECAFFED01", "009000");
    por_is(&f, 1, "000000", "80E800010E0204020107F0736F667403010000", "01 6985");
    gp(&h, "80E80001 0E 0204020107F0736F66740301 0000", "009000");
    /* only one at a time */
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740302" "00" "00" "00" "00"), "01 6101");
    gp(&h, "80E88002 0F 03000C0108F0736F66740301010010", "6985");
    gp(&h, gp_command("80E62000", "00" "00" "09A00000015141434C00" "00" "00" "00"), "009000");
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000); /* the session ends: so does what it began */
    assert_int_equal(gp_initialize(&h, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x01), 0x9000);
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "6A88");
    /* the card's owner sees and may delete everything; who has no key sees what he could select */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*9000");
    gp(&h, "80CA2F0000", "6112*61094F07" APP1 "*9000");
    exchange(&f, "80CA2F0000", "*");
    char seen[1000];
    hex_format(span_of(f.response, f.response_len), seen);
    assert_null(strcasestr(seen, APP1));
    assert_non_null(strcasestr(seen, "A00000015141434C00"));
    gp(&h, gp_command("80E40000", "4F07" APP2), "009000");
    fixture_close(&f);
}

/* A change that was rolled back brings A's applications back. No operator makes his applications nobody's, to
 * have them stay after him: only the card's owner gives away. */
static void test_operators_back(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    por_is(&f, 0, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    por_is(&f, 0, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
    por_is(&f, 0, "000000", gp_command("80E61000", "08" ISD_AID "00" "07" APP2 "00" "00" "00"), "01 6101");
    change(&f, 0, "001020000000001");
    exchange(&f, "00A4040C07" APP1, "6A82");
    exchange(&f, "00A4040C07" APP2, "6A82");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80E61000", "08" ISD_AID "00" "07" APP2 "00" "00" "00"), "009000");
    exchange(&f, "00A4040C07" APP2, "9000");
    for (unsigned i = 0; i < 40; i++) /* nobody authenticates: it goes back */
        fixture_reset(&f);
    exchange(&f, "00A4040C07" APP1, "9000");
    exchange(&f, "00A4040C07" APP2, "9000");
    fixture_close(&f);
}

/* A load file under the name of a package that the program has is no way to keep others from its modules. */
static void test_operators_names(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    por_is(&f, 0, "000000", gp_command("80E60200", ARA_PACKAGE "00" "00" "00" "00"), "01 6101");
    por_is(&f, 0, "000000", gp_command("80E88000", "C4081122334455667788"), "01 6101");
    por_is(&f, 0, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    change(&f, 0, "001020000000001");
    por_is(&f, 1, "000000", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
    fixture_close(&f);
}

/* What operator B installed while his subscription was on trial goes with it: the pair
 * may be another's next time. */
static void test_operators_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    change(&f, 0, "001020000000001");
    por_is(&f, 1, "000000", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6101");
    por_is(&f, 1, "B20201", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    por_is(&f, 1, "B20201", gp_command("80E60200", "07F0736F66740301" "00" "00" "00" "00"), "01 6101");
    por_is(&f, 1, "B20201", gp_command("80E88000", "C4081122334455667788"), "01 6101");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*9000");
    for (unsigned i = 0; i < 40; i++)
        fixture_reset(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80F24002", "4F07" APP1), "6A88");
    gp(&h, gp_command("80F24002", "4F07" SSD1), "6A88");
    gp(&h, gp_command("80F22002", "4F07F0736F66740301"), "6A88");
    fixture_close(&f);
}

static void load_file(struct fixture *f, unsigned keys, const char *tar, const char *package)
{
    char data[80];
    snprintf(data, sizeof data, "%s00000000", package);
    por_is(f, keys, tar, gp_command("80E60200", data), "01 6101");
    por_is(f, keys, tar, gp_command("80E88000", "C4081122334455667788"), "01 6101");
}

static void package_of(struct fixture *f, const char *aid_hex, struct package_info *info)
{
    uint8_t octets[16];
    struct buf aid = buf_of(octets, sizeof octets);
    assert_true(hex_parse(aid_hex, &aid, NULL));
    assert_true(package_find(f->card, buf_span(&aid), info));
}

/* In whatever order they depend on each other: a domain below a domain, and what both are instances of. Only
 * what somebody else depends on stays, and is nobody's. */
static void test_operators_forgotten_wholly(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    struct package_info info;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    for (int again = 0; again < 2; again++) { /* names and numbers are free again */
        change(&f, 0, again ? "001020000000003" : "001020000000001");
        f.counter = again ? 500 : 0; /* the pair's counter goes on: its keys are the same */
        load_file(&f, 1, "000000", SSD_PACKAGE);
        por_is(&f, 1, "000000", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
               "01 6101");
        por_is(&f, 1, "B20201", gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD2, "804000", "02C900"),
               "01 6101");
        load_file(&f, 1, "B20201", ARA_PACKAGE);
        gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
        if (again) /* the card's owner uses what operator B loaded */
            gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        uint8_t used = applets_count(f.card);
        for (unsigned i = 0; i < 40; i++)
            fixture_reset(&f);
        gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
        gp(&h, gp_command("80F24002", "4F07" SSD2), "6A88");
        package_of(&f, "A0000001515350", &info);
        assert_true(again ? info.owner == OWNER_GONE : info.slot == NO_PACKAGE);
        package_of(&f, "A00000015141434C", &info);
        if (!again) {
            gp(&h, gp_command("80F24002", "4F07" SSD1), "6A88");
            assert_int_equal(info.slot, NO_PACKAGE);
            assert_int_equal(applets_count(f.card), used - 2);
        } else {
            assert_int_equal(info.owner, OWNER_GONE);
            gp(&h, gp_command("80F24002", "4F07" SSD1), "E3*9000"); /* the package is of this domain */
            exchange(&f, "00A4040C07" SSD1, "6A82");
            exchange(&f, "00A4040C07" APP1, "9000");
        }
        fixture_terminal_profile(&f);
        f.counter = again ? 2000 : 1000;
    }
    /* the next operator of that pair finds nothing of it */
    change(&f, 0, "001020000000005");
    f.counter = 2000;
    por_is(&f, 1, "000000", gp_command("80F24002", "4F07" SSD1), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80E40000", "4F08A00000015141434C"), "01 6A88");
    fixture_close(&f);
}

/* Access rules of the card's owner, in an ARA-M that is reached over the air: operators do not change them.
 * Those in an operator's own are his. */
static void test_operators_rules(void **state)
{
    (void)state;
    static const char with_tar[] =
        "format: 1\ninclude: test\nname: rules\napplets:\n  - {class: ara-m, aid: A00000015141434C01, tars: [B20299]}\n";
    struct fixture f;
    struct gp_host h;
    fixture_open_text(&f, with_tar);
    fixture_terminal_profile(&f);
    gp_open(&h, &f, "A00000015141434C01", 0x30, 0x01, 8);
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "9000");
    por_is(&f, 0, "B20299", gp_command("80E29000", "F100"), "01 6985");
    por_is(&f, 0, "B20299", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 6985");
    por_is(&f, 0, "B20299", "80CAFF4000", "01 9000 FF4021" RULE(HASH1, "01"));
    por_is(&f, 0, "000000",
           gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "10 EA0E 800C FF00000000 020116 03B20201"),
           "01 6101");
    por_is(&f, 0, "B20201", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 9000");
    gp(&h, gp_command("80E29000", "F100"), "9000");
    fixture_close(&f);
}

/* ---- domains of the profile ---- */

/* One for each operator, with keys of its own for SCP80, as the maker burnt them in; a
 * card that is not yet SECURED. */
static const char profile[] =
    "format: 1\ninclude: test\nname: domains\ninsecure: no\n"
    "pairs:\n"
    "  - {algorithm: milenage, k: derived, opc: derived, repeat: 2, rights: [remote-change], ota: {version: 1, kic: {algorithm: aes, bits: 128, key: "
    "derived}, kid: {algorithm: aes, bits: 128, key: derived}, kik: {bits: 128, key: derived}}}\n"
    "applets:\n"
    "  - {class: isd, params: C10101, keys: [{kvn: \"30\", algorithm: aes, bits: 128, enc: derived, mac: derived, dek: derived}]}\n"
    "  - {class: ssd, name: a, aid: F0736F66740101, tars: [B20201], msl: 16, params: C00100, keys: [{kvn: \"05\", algorithm: 3des, bits: 128, enc: derived, "
    "mac: derived, dek: derived}, {kvn: \"31\", algorithm: aes, bits: 256, enc: derived, mac: derived, dek: derived}]}\n"
    "  - {class: ssd, name: b, aid: F0736F66740102, tars: [B20202], msl: 16, params: C00101, keys: [{kvn: \"05\", algorithm: 3des, bits: 128, enc: derived, "
    "mac: derived, dek: derived}]}\n";

static void domain_keyset_of(struct fixture *f, unsigned nth)
{
    struct profile_keyset set;
    const struct profile *p = &f->profile->p;
    for (unsigned i = profile_common_keysets(p); i < p->n_keysets; i++)
        if (p->keysets[i].keys.version == 5 && nth-- == 0) {
            assert_true(personal_keyset(f->crypto, p, span_of(f->seed, 16), FIXTURE_ICCID, i, &set));
            f->other_keys = set.keys;
            return;
        }
    fail();
}

static void test_profile_domains(void **state)
{
    (void)state;
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    char data[400];
    fixture_open_text(&f, profile);
    fixture_terminal_profile(&f);
    /* the card's states, from OP_READY on */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, "80F28002024F00", "E3*9F700101*9000");
    gp(&h, "80F0800F00", "6985"); /* INITIALIZED comes first */
    gp(&h, "80F0800700", "9000");
    gp(&h, "80F0800100", "6985");
    gp(&h, "80F0800F00", "9000");
    gp(&h, "80F28002024F00", "E3*9F70010F*9000");
    /* A's domain, under its own keys only; B's is not there yet */
    gp_open(&h, &f, SSD1, 0x31, 0x33, 8);
    gp(&h, "80CA00E000", "E0*C004010580 10*C0040131 8820*9000");
    exchange(&f, "00A4040C07" SSD2, "6A82");
    domain_keyset_of(&f, 0);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20201", "80F24002094F07" SSD1 "00C0000000", "02 9000 E3*");
    por_is(&f, FIXTURE_OTHER, "B20201", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
           "01 6101");
    /* PUT KEY under a 3DES KIK, then a session with what came */
    h.scp = (struct scp_session){.protocol = SCP02, .key_len = 16};
    memcpy(h.scp.dek, f.other_keys.kik, 16);
    gp_three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80081", data), "01 610A");
    data[0] = '\0';
    strcpy(data, "2E"); /* one of three equal parts, which is single DES: this profile has none */
    gp_key_field(&h, 0x80, "A94F1C62D80E73B5A94F1C62D80E73B5", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80001", data), "01 6A80");
    strcpy(data, "3F"); /* a well-known one */
    gp_key_field(&h, 0x88, "404142434445464748494A4B4C4D4E4F", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80001", data), "01 6A80");
    h = (struct gp_host){.f = &f};
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x3E, 16), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x33), 0x9000);
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*9000");
    /* an operator's keyset does not reach a domain with keys of its own, and has no right at the issuer's */
    f.counter = 0;
    const struct fixture_ota operators = {0, SPI_POR, "B20201", "80F24002024F00", 0};
    fixture_ota(&f, &operators, &por);
    assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    por_is(&f, 0, "000000", "80F24002024F00", "01 6982");
    /* B is active: A's domain and all in it sleep, B's wakes up */
    change(&f, 0, "001020000000001");
    assert_int_equal(fixture_authenticate(&f, 1, 32), 0xDB);
    exchange(&f, "00A4040C07" SSD1, "6A82");
    exchange(&f, "00A4040C07" APP1, "6A82");
    exchange(&f, "00A4040C07" SSD2, "9000");
    f.counter = 1000;
    const struct fixture_ota old = {FIXTURE_OTHER, SPI_POR, "B20201", "80F24002024F00", 0};
    fixture_ota(&f, &old, &por);
    assert_int_not_equal(por.verdict, SCP80_GENUINE);
    domain_keyset_of(&f, 1);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20202", "80F24002094F07" SSD2 "00C0000000", "02 9000 E3*");
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80F24002", "4F07" APP1), "01 6A88");
    fixture_close(&f);
}

/* The maker gave pair 1's operator a domain. Its keys are not his to change before a network has accepted his
 * subscription: the pair may be another's next time, and the domain with it. */
static void test_profile_domain_on_trial(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h = {0};
    char data[400], keys[100];
    uint8_t plain[48], encrypted[48];
    struct buf b = buf_of(plain, sizeof plain);
    fixture_open_text(&f, profile);
    fixture_terminal_profile(&f);
    change(&f, 0, "001020000000001");
    domain_keyset_of(&f, 1);
    h = (struct gp_host){.f = &f, .scp = {.protocol = SCP02, .key_len = 16}};
    memcpy(h.scp.dek, f.other_keys.kik, 16);
    gp_three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80D80081", data), "01 6A95");
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80E40000", "D20105"), "01 6A95");
    por_is(&f, FIXTURE_OTHER, "B20202", "80E29000064204AABBCCDD", "01 6A95");
    /* this goes with the trial */
    por_is(&f, FIXTURE_OTHER, "B20202", gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
           "01 6101");
    /* the card's owner may */
    struct gp_host isd;
    gp_open(&isd, &f, ISD_AID, 0x30, 0x01, 8);
    assert_true(hex_parse(K1 K2 K3, &b, NULL));
    assert_true(scp_dek_encrypt(f.crypto, &isd.scp, span_of(plain, 48), encrypted));
    hex_format(span_of(encrypted, 48), keys);
    gp(&isd, gp_command("80E62000", "00" "00" "07" SSD2 "00" "00" "00"), "009000");
    snprintf(data, sizeof data, "00B90BB909800188810110830134" "8F0130%s", keys);
    gp(&isd, gp_command("80E28800", data), "9000");
    /* his once a network has accepted him */
    assert_int_equal(fixture_authenticate(&f, 1, 32), 0xDB);
    gp_three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80D80081", data), "01 61..");
    fixture_close(&f);
}

/* Nor are its state and its privileges, by way of the issuer's domain: locked, or without its privilege, it
 * would be the next one's. */
static void test_profile_domain_state_on_trial(void **state)
{
    (void)state;
    static const char few[] = "rights: [remote-change]";
    struct fixture f;
    struct gp_host isd;
    char text[4096];
    const char *at = strstr(profile, few);
    assert_non_null(at);
    snprintf(text, sizeof text,
             "%.*srights: [remote-change, manage-applets]%s  - {class: ara-m, aid: A00000015141434C01, tars: "
             "[B20299]}\n",
             (int)(at - profile), profile, at + strlen(few));
    fixture_open_text(&f, text);
    fixture_terminal_profile(&f);
    gp_open(&isd, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&isd, "80F0800700", "9000");
    gp(&isd, "80F0800F00", "9000");
    gp(&isd,
       gp_command("80E61000", "07" SSD2 "00"
                              "09"
                              "A00000015141434C01"
                              "00"
                              "00"
                              "00"),
       "009000");
    change(&f, 0, "001020000000001");
    domain_keyset_of(&f, 1);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20299", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 6A95");
    f.counter = 0;
    por_is(&f, 1, "000000", gp_command("80F04080", SSD2), "01 6A95");
    por_is(&f, 1, "000000", gp_command("80F06080", SSD2), "01 6A95");
    por_is(&f, 1, "000000",
           gp_command("80E64000", "0000"
                                  "07" SSD2 "01"
                                  "80"
                                  "00"
                                  "00"),
           "01 6A95");
    snprintf(text, sizeof text, "%s%s",
             gp_command("80E62000", "0000"
                                    "07" SSD2 "00"
                                    "00"
                                    "00"),
             "80E29000064204AABBCCDD");
    por_is(&f, 1, "000000", text, "02 6A95");
    assert_int_equal(fixture_authenticate(&f, 1, 32), 0xDB);
    f.counter = 20;
    por_is(&f, FIXTURE_OTHER, "B20299", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 9000");
    por_is(&f, 1, "000000", gp_command("80F04080", SSD2), "01 9000");
    fixture_close(&f);
}

/* What an installation's access domain opens, it opens to who proves who he is: no profile may have a target
 * open to everybody (but for tests), and none comes later. */
static void test_access_needs_a_checksum(void **state)
{
    (void)state;
    /* all files */
    static const char parameters[] =
        "14 EA12"
        "800A FF00000000 00 03B20204" /* TAR, no minimum security level */ "8104 00 0100 00",
                      write[] = "00A4000C022F05"
                                "00D6000002"
                                "6465";
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    fixture_open_text(&f, profile);
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp_make_ssd(&h, "F0736F66740109", "80", parameters);
    static const uint16_t without_keys[] = {0x0001, 0x0401};
    for (size_t i = 0; i < sizeof without_keys / sizeof without_keys[0]; i++) {
        const struct fixture_ota ota = {0, without_keys[i], "B20204", write, 0};
        fixture_ota(&f, &ota, &por);
        assert_int_equal(por.status, SCP80_POR_OK);
        assert_memory_equal(por.data, "\x02\x69\x82", 3);
    }
    exchange(&f, "00A4000C022F05", "9000");
    exchange(&f, "00B0000002", "656E9000");
    por_is(&f, 0, "B20204", write, "02 9000");
    exchange(&f, "00B0000002", "64659000");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram),
        cmocka_unit_test(test_ram_rights),
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_operators_names),
        cmocka_unit_test(test_operators_back),
        cmocka_unit_test(test_operators_forgotten),
        cmocka_unit_test(test_profile_domain_on_trial),
        cmocka_unit_test(test_profile_domain_state_on_trial),
        cmocka_unit_test(test_full_domain),
        cmocka_unit_test(test_operators_rules),
        cmocka_unit_test(test_ram_below),
        cmocka_unit_test(test_access_needs_a_checksum),
        cmocka_unit_test(test_operators_forgotten_wholly),
        cmocka_unit_test(test_ram_issuer),
        cmocka_unit_test(test_profile_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

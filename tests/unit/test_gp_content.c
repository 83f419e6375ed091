/* SPDX-License-Identifier: Apache-2.0
 *
 * Card content through security domains: applications and packages made, moved, personalized, deleted;
 * supplementary domains with keys of their own; access rules; power cuts in the middle of everything.
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

/* ---- INSTALL, DELETE ---- */

static void test_install(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp(&h, gp_install(0x0C, ARA_PACKAGE, "09A00000015141434C4E", APP1, "00", "02C900"),
       "6A88"); /* no such module */
    gp(&h, gp_install(0x0C, "08A00000015141434D", ARA_MODULE, APP1, "00", "02C900"), "6A88");
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, "A00000015141434C00", "00", "02C900"),
       "6A80"); /* there is one of that name */
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, "A0000001515350", "00", "02C900"),
       "6A80");                                                                   /* a package of that name */
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "80", "02C900"), "6A80"); /* no security domain */
    gp(&h, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "00", "02C900"), "6A80"); /* one */
    /* Delegated Management */
    gp(&h, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "A0", "02C900"), "6A80");
    gp(&h, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "C0", "02C900"), "6A80"); /* DAP verification */
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "0000", "02C900"), "6A80");
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02DD00"), "6A80");
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C905"), "6A80");
    gp(&h,
       gp_command("80E60C00", ARA_PACKAGE ARA_MODULE "07" APP1 "0100"
                                                     "02C900"
                                                     "021122"),
       "6A81"); /* a token */
    gp(&h,
       gp_command("80E60C01", ARA_PACKAGE ARA_MODULE "07" APP1 "0100"
                                                     "02C900"
                                                     "00"),
       "6A86");
    gp(&h,
       gp_command("80E60E00", ARA_PACKAGE ARA_MODULE "07" APP1 "0100"
                                                     "02C900"
                                                     "00"),
       "6A86");
    gp(&h,
       gp_command("80E60C00", ARA_PACKAGE ARA_MODULE "07" APP1 "0100"
                                                     "02C900"),
       "6A80");
    /* without a module's AID it is the application's */
    gp(&h, gp_install(0x0C, SSD_PACKAGE, "00", "A000000151535041", "80", "02C900"), "009000");
    gp(&h, gp_command("80E40000", "4F08A000000151535041"), "009000");
    /* installed, then made selectable */
    gp(&h, gp_install(0x04, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*9F700103*C408A00000015141434C*CC08" ISD_AID "9000");
    exchange(&f, "00A4040C07" APP1, "6A82");
    gp(&h, gp_install(0x08, "00", "00", APP1, "00", "00"), "009000");
    gp(&h, gp_install(0x08, "00", "00", APP1, "00", "00"), "6985");
    gp(&h, gp_install(0x08, "00", "00", APP2, "00", "00"), "6A88");
    fixture_restart(&f);
    exchange(&f, "00A4040007" APP1, "6F0B8407" APP1 "A5009000");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    /* DELETE: what is not there, what is the profile's, the domain itself, a package of the program, the
     * application */
    gp(&h, gp_command("80E40000", "4F07" APP2), "6A88");
    gp(&h, gp_command("80E40000", "4F09A00000015141434C00"), "6985");
    gp(&h, gp_command("80E40000", "4F08" ISD_AID), "6985");
    gp(&h, gp_command("80E40000", "4F08A00000015141434C"), "6985");
    gp(&h, gp_command("80E40000", "4F07" APP1 "9E0411223344"), "6A81");
    /* nor one that the terminal has selected */
    exchange(&f, "0070000001", "019000");
    exchange(&f, "01A4040C07" APP1, "9000");
    gp(&h, gp_command("80E40000", "4F07" APP1), "6985");
    apdu(&f, "00708001", "9000");
    gp(&h, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&h, gp_command("80E40000", "4F07" APP1), "6A88");
    exchange(&f, "00A4040C07" APP1, "6A82");
    fixture_close(&f);
}

/* ---- supplementary security domains ---- */

static void test_ssd(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, s;
    char data[400];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp_make_ssd(&h, SSD1, "80", "0AC9088102025581020360"); /* SCP02 i=55, SCP03 i=60 */
    gp_make_ssd(&h, SSD2, "804000", "02C900");
    gp(&h, gp_command("80F24002", "4F07" SSD1), "E3*9F700107C503800000C407A0000001515350CC08" ISD_AID "9000");
    /* without keys of its own, its parent's serve it */
    gp_open(&s, &f, SSD1, 0x30, 0x03, 8);
    gp(&s, "80CA00E000", "E0009000");
    gp(&s, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
       "6985"); /* no Authorized Management */
    gp(&s, gp_command("80E40000", "4F07" SSD2), "6985");
    gp(&s, "80F28002024F00", "6A88");
    gp(&s, gp_command("80F24002", "4F00"), "E3*4F07" SSD1 "*9000"); /* only what is its own */
    assert_null(memmem(f.response, f.response_len, "\xF0\x73\x6F\x66\x74\x01\x02", 7));
    gp_three_keys(&s, 0x80, "20", data);
    gp(&s, gp_command("80D80081", data), "20*9000");
    gp_three_keys(&s, 0x88, "30", data);
    gp(&s, gp_command("80D80081", data), "30*9000");
    gp(&s, gp_command("80F24002", "4F07" SSD1), "E3*9F70010F*9000");
    /* now they do not; its own do, with the options of its parameters */
    gp_keys(&f, 0x31, &s.keys);
    assert_int_equal(gp_select(&s, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&s, 0x31, 8), 0x6A88);
    gp_keys_of(&s, K1, K2, K3);
    assert_int_equal(gp_initialize(&s, 0x30, 8), 0x9000);
    assert_int_equal(s.update[12], 0x60); /* a random challenge, no counter in the answer */
    assert_int_equal(gp_authenticate(&s, 0x33), 0x9000);
    gp(&s, gp_command("80F24002", "4F00"), "E3*9000");
    uint8_t challenge[6], again[6];
    uint8_t name[16];
    struct buf aid = buf_of(name, sizeof name);
    assert_true(hex_parse(SSD1, &aid, NULL));
    assert_int_equal(gp_initialize(&s, 0x20, 8), 0x9000); /* i = 55: the challenge is that of the AID */
    assert_true(scp02_challenge(f.crypto, &s.keys, 0, buf_span(&aid), challenge));
    assert_memory_equal(challenge, s.update + 14, 6);
    assert_int_equal(gp_initialize(&s, 0x20, 8), 0x9000);
    assert_memory_equal(challenge, s.update + 14, 6);
    assert_int_equal(gp_authenticate(&s, 0x01), 0x9000);
    assert_int_equal(gp_initialize(&s, 0x20, 8), 0x9000);
    memcpy(again, s.update + 14, 6);
    assert_memory_not_equal(challenge, again, 6);
    /* the issuer gives it Authorized Management; it installs, and owns */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h,
       gp_command("80E64000", "00"
                              "00"
                              "07" SSD1 "03804000"
                              "00"
                              "00"),
       "009000");
    gp(&h,
       gp_command("80E64000", "00"
                              "00"
                              "07" SSD1 "0100"
                              "00"
                              "00"),
       "6A80");
    gp(&h,
       gp_command("80E64000", "00"
                              "00"
                              "08" ISD_AID "03804000"
                              "00"
                              "00"),
       "6985");
    assert_int_equal(gp_select(&s, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&s, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&s, 0x13), 0x9000);
    gp(&s, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&s, gp_command("80F24002", "4F07" APP1), "E3*CC07" SSD1 "9000");
    gp(&s, gp_command("80E40000", "4F07" SSD2), "6A88"); /* not below it: it does not exist */
    gp(&s, gp_command("80F04080", SSD2), "6A88");
    gp(&s, gp_command("80F04080", APP1), "9000");
    gp(&s, gp_command("80F04007", APP1), "9000");
    /* its application speaks through its channel */
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, APP1), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x03), 0x9000);
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "9000");
    /* extradited: to a domain, back to the issuer */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h,
       gp_command("80E64000", "07" SSD2 "00"
                              "07" APP1 "00"
                              "00"
                              "00"),
       "009000"); /* by registry update */
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*CC07" SSD2 "9000");
    gp(&h,
       gp_command("80E61000", "07" SSD1 "00"
                              "07" APP1 "00"
                              "00"
                              "00"),
       "009000");
    gp(&h,
       gp_command("80E61000", "07" APP1 "00"
                              "07" APP1 "00"
                              "00"
                              "00"),
       "6A88");
    gp(&h,
       gp_command("80E61000", "07" SSD1 "00"
                              "07" SSD2 "00"
                              "00"
                              "00"),
       "6985"); /* domains stay where they are */
    gp(&h,
       gp_command("80E61000", "07" SSD1 "00"
                              "07" APP2 "00"
                              "00"
                              "00"),
       "6A88");
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*CC07" SSD1 "9000");
    /* a domain locked with what is in it; deleted only when empty */
    gp(&h, gp_command("80F06080", SSD1), "9000");
    exchange(&f, "00A4040C07" SSD1, "6A82");
    exchange(&f, "00A4040C07" APP1, "6A82");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80F06007", SSD1), "9000");
    gp(&h, gp_command("80E40000", "4F07" SSD1), "6985");
    gp(&h, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&h, gp_command("80E40000", "4F07" SSD1), "009000");
    /* one of the same name has none of its keys */
    gp_make_ssd(&h, SSD1, "80", "02C900");
    assert_int_equal(gp_select(&h, SSD1), 0x9000);
    exchange(&f, "80CA00E000", "E0009000");
    fixture_close(&f);
}

/* ---- LOAD ---- */

/* A CAP file's header and applet components: package F0 73 6F 66 74 03 01, version 1.2, one applet. */
#define BLOCK_OF_CAP                                                                                         \
    "C425"                                                                                                   \
    "010013DECAFFED010204020107F0736F667403010000"                                                           \
    "03000C0108F0736F66740301010010"

static void test_load(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    uint8_t file[37], digest[32];
    char hash[65], data[200];
    struct buf b = buf_of(file, sizeof file);
    assert_true(hex_parse(&BLOCK_OF_CAP[4], &b, NULL));
    fixture_open(&f, "test");
    assert_true(digest_sha256(f.crypto, buf_span(&b), digest));
    hex_format(span_of(digest, 32), hash);
    gp_open(&h, &f, ISD_AID, 0x20, 0x03, 8);
    gp(&h, "80E8800002C400", "6985"); /* nobody announced it */
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "00"
                              "00"
                              "021122"),
       "6A81");
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "05AABBCCDDEE"
                              "00"
                              "00"),
       "6A80");
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "07" SSD1 "00"
                              "00"
                              "00"),
       "6A88");
    gp(&h,
       gp_command("80E60200", "08" ISD_AID "00"
                              "00"
                              "00"
                              "00"),
       "6A80");
    snprintf(data, sizeof data,
             "07F0736F66740301"
             "08" ISD_AID "20%s"
             "00"
             "00",
             hash);
    gp(&h, gp_command("80E60200", data), "009000");
    gp(&h, gp_command("80E80001", BLOCK_OF_CAP), "6A86");       /* block 0 comes first */
    gp(&h, gp_command("80E88000", "E2054F0349534300"), "6A81"); /* a DAP block */
    gp(&h, gp_command("80E88000", "D40411223344"), "6A81");
    gp(&h, gp_command("80E88000", "4F0411223344"), "6A80");
    gp(&h, gp_command("80E88000", "C40411223344"), "6A80"); /* another hash */
    gp(&h, "80E80000 0A C425010013DECAFFED01", "009000");
    gp(&h, gp_command("80E80003", "00"), "6A86"); /* out of order */
    gp(&h, "80E80001 0E 0204020107F0736F66740301 0000", "009000");
    gp(&h, "80E88002 0F 03000C0108F0736F66740301010010", "009000");
    gp(&h, gp_command("80F21002", "4F07F0736F66740301"),
       "E3*4F07F0736F667403019F700101CE0201028408F0736F6674030101CC08" ISD_AID "9000");
    gp(&h, "80E88003 02 C400", "6985"); /* that was it */
    fixture_restart(&f);
    struct package_info info;
    assert_true(
        package_find(f.card, b.p != NULL ? span_of("\xF0\x73\x6F\x66\x74\x03\x01", 7) : SPAN_EMPTY, &info));
    assert_memory_equal(info.hash, digest, 32);
    assert_int_equal(info.octets, 37);
    gp_open(&h, &f, ISD_AID, 0x20, 0x03, 8);
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "00"
                              "00"
                              "00"),
       "6A80"); /* there already */
    gp(&h, gp_install(0x0C, "07F0736F66740301", "08F0736F6674030101", APP1, "00", "02C900"),
       "6A88"); /* nothing here can run it */
    gp(&h, gp_command("80E40080", "4F07F0736F66740301"), "009000");
    gp(&h, gp_command("80F22002", "4F07F0736F66740301"), "6A88");
    /* a reset gives up what came so far */
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "00"
                              "00"
                              "00"),
       "009000");
    gp(&h, "80E80000 0A C425010013DECAFFED01", "009000");
    size_t before, after;
    fixture_reset(&f);
    gp_open(&h, &f, ISD_AID, 0x20, 0x03, 8);
    gp(&h, "80E80001 0E 0204020107F0736F66740301 0000", "6985");
    /* what is no CAP file has no version, the CAP file of another package is refused */
    free(fixture_snapshot(&f, &before));
    gp(&h,
       gp_command("80E60200", "07F0736F66740302"
                              "00"
                              "00"
                              "00"
                              "00"),
       "009000");
    gp(&h, gp_command("80E88000", BLOCK_OF_CAP), "6A80");
    gp(&h, gp_command("80E88000", "C4081122334455667788"), "009000");
    gp(&h, gp_command("80F21002", "4F07F0736F66740302"), "E3*CE020000CC08" ISD_AID "9000");
    gp(&h, gp_command("80E40000", "4F07F0736F66740302"), "009000");
    free(fixture_snapshot(&f, &after));
    assert_true(after <= before + 16); /* nothing is left behind but the sequence counter */
    fixture_close(&f);
}

/* As much as the domain's quota allows, and 256 blocks at most. */
/* Who was to be personalized was deleted, and another has its number: it does not get
 * what was meant for the first. */
static void test_personalization_of_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, other = {0};
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80E62000", "00" "00" "07" APP1 "00" "00" "00"), "009000");
    exchange(&f, "0070000001", "019000");
    other.f = &f;
    other.channel = 1;
    gp_keys(&f, 0x30, &other.keys);
    assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&other, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&other, 0x01), 0x9000);
    gp(&other, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&other, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "6985");
    exchange(&f, "00A4040C07" APP2, "9000");
    exchange(&f, "80CAFF4000", "FF40009000");
    fixture_close(&f);
}

/* The domain that it was to belong to is gone when the load file is whole: it does not become that of
 * the next to get its number. */
static void test_load_for_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    for (int again = 0; again < 2; again++) {
        gp_make_ssd(&h, SSD1, "804000", "02C900");
        gp(&h, gp_command("80E60200", "07F0736F66740301" "07" SSD1 "00" "00" "00"), "009000");
        gp(&h, gp_command("80E80000", "C408112233"), "009000");
        gp(&h, gp_command("80E40000", "4F07" SSD1), "009000");
        if (again)
            /* has its number now */
            gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        gp(&h, gp_command("80E88001", "4455667788"), "6985");
        gp(&h, "80F22002094F07F0736F66740301", "6A88");
    }
    fixture_close(&f);
}

static void test_load_room(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, s;
    char block[520], header[16];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x20, 0x01, 8);
    gp(&h, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", "08EF06C800D8020200"),
       "6A80");                                     /* C8 of no octets */
    gp_make_ssd(&h, SSD1, "804000", "06EF04D8020200"); /* 512 octets */
    gp_open(&s, &f, SSD1, 0x20, 0x01, 8);
    gp(&s,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "00"
                              "00"
                              "00"),
       "009000");
    memset(block, '5', 400);
    block[400] = '\0';
    memcpy(block, "C48203E8", 8);
    gp(&s, gp_command("80E80000", block), "009000");
    memset(block, '5', 400);
    gp(&s, gp_command("80E80001", block), "009000");
    gp(&s, gp_command("80E80002", block), "6A84");
    fixture_reset(&f);
    /* the longest there can be: 256 blocks of 240, in the issuer's domain */
    gp_open(&h, &f, ISD_AID, 0x20, 0x01, 8);
    gp(&h,
       gp_command("80E60200", "07F0736F66740301"
                              "00"
                              "00"
                              "00"
                              "00"),
       "009000");
    memset(block, '5', 480);
    block[480] = '\0';
    memcpy(block, "C482EFFC", 8); /* 61436 and four */
    for (unsigned i = 0; i < 256; i++) {
        snprintf(header, sizeof header, "80E8%02x%02x", i == 255 ? 0x80 : 0, i);
        gp(&h, gp_command(header, block), "009000");
        memset(block, '5', 480);
    }
    gp(&h, gp_command("80F21002", "4F07F0736F66740301"), "E3*9000");
    fixture_close(&f);
}

/* ---- STORE DATA, personalization ---- */

/* A session whose own keyset comes by STORE DATA goes on with the DEK that it
 * began with, as after PUT KEY. */
static void test_store_own_keys(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char data[400], keys[100];
    uint8_t plain[48], encrypted[48];
    struct buf b = buf_of(plain, sizeof plain);
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    assert_true(hex_parse(K1 K2 K3, &b, NULL));
    assert_true(scp_dek_encrypt(f.crypto, &h.scp, span_of(plain, 48), encrypted));
    hex_format(span_of(encrypted, 48), keys);
    snprintf(data, sizeof data, "00B90BB909800188810110830130" "8F0130%s", keys);
    gp(&h, gp_command("80E28800", data), "9000");
    gp_three_keys(&h, 0x88, "3A", data);
    gp(&h, gp_command("80D80081", data), "3A*9000");
    /* a new one begins with the new */
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x03), 0x9000);
    gp_three_keys(&h, 0x88, "3B", data);
    gp(&h, gp_command("80D80081", data), "3B*9000");
    fixture_close(&f);
}

static void test_store_data(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char data[400], keys[400];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp(&h, "80E29000 06 4204AABBCCDD", "9000");
    gp(&h, "80CA004200", "4204AABBCCDD9000");
    gp(&h, "80E28800 07 00450411223344", "9000"); /* as a DGI */
    gp(&h, "80CA004500", "4504112233449000");
    gp(&h, "80E28800 0F 5F500C 687474703A2F2F612E62 2F63", "9000");
    gp(&h, "80CA5F5000", "5F500C*9000");
    gp(&h, "80E29000 02 4200", "9000"); /* back to what it was */
    gp(&h, "80CA004200", "420498881201 9000");
    gp(&h, "80E29000 06 4304AABBCCDD", "6A88");
    gp(&h, "80E29000 06 4205AABBCCDD", "6A80");
    gp(&h, "80E2F000 06 4204AABBCCDD", "6A86"); /* encrypted */
    gp(&h, "80E29001 06 4204AABBCCDD", "6A86"); /* block 0 comes first */
    gp(&h, "80E21000 06 4204AABBCCDD", "9000");
    gp(&h, "80E29002 06 4504AABBCCDD", "6A86");
    gp(&h, "80E21000 06 4204AABBCCDD", "9000");
    gp(&h, "80E29001 06 4504AABBCCDD", "9000");
    /* for an application */
    gp(&h,
       gp_command("80E62000", "00"
                              "00"
                              "07" APP1 "00"
                              "00"
                              "00"),
       "6A88");
    gp(&h,
       gp_command("80E62000", "00"
                              "00"
                              "10A0000000871002FFFFFFFF8907090000"
                              "00"
                              "00"
                              "00"),
       "6985"); /* takes none */
    gp(&h,
       gp_command("80E62000", "00"
                              "00"
                              "09A00000015141434C00"
                              "0100"
                              "00"
                              "00"),
       "6A80");
    gp(&h,
       gp_command("80E62000", "00"
                              "00"
                              "09A00000015141434C00"
                              "00"
                              "00"
                              "00"),
       "009000");
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "9000");
    gp(&h, "80E29000 06 4204AABBCCEE", "9000"); /* the domain's own again */
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f, "80CAFF4000", "FF4021" RULE(HASH1, "01") "9000");
    /* a keyset for a domain by DGIs 00B9 and 8F01 */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    keys[0] = '\0';
    uint8_t plain[48], encrypted[48];
    struct buf b = buf_of(plain, sizeof plain);
    assert_true(hex_parse(K1 K2 K3, &b, NULL));
    assert_true(scp_dek_encrypt(f.crypto, &h.scp, span_of(plain, 48), encrypted));
    hex_format(span_of(encrypted, 48), keys);
    gp(&h,
       gp_command("80E28800", "8F0130"
                              "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566"
                              "778899AABBCCDDEEFF"),
       "6985");
    snprintf(data, sizeof data,
             "00B90BB909800188810110830134"
             "8F0130%s",
             keys);
    gp(&h, gp_command("80E28800", data), "9000");
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_initialize(&h, 0x34, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x33), 0x9000);
    /* for a domain of this one that has none of its own yet */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp_make_ssd(&h, SSD1, "80", "02C900");
    assert_true(scp_dek_encrypt(f.crypto, &h.scp, span_of(plain, 48), encrypted));
    hex_format(span_of(encrypted, 48), keys);
    gp(&h, gp_command("80E62000", "00" "00" "07" SSD1 "00" "00" "00"), "009000");
    snprintf(data, sizeof data, "00B90BB909800188810110830138" "8F0130%s" "00450411223344", keys);
    gp(&h, gp_command("80E28800", data), "9000");
    gp(&h, gp_command("80F24002", "4F07" SSD1), "E3*9F70010F*9000");
    /* one that was deleted meanwhile: whoever has its place in the registry gets nothing of it */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80E62000", "00" "00" "07" APP1 "00" "00" "00"), "009000");
    gp(&h, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "6985");
    gp_keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, SSD1), 0x9000);
    exchange(&f, "80CA004500", "450411223344 9000");
    assert_int_equal(gp_initialize(&h, 0x38, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x33), 0x9000);
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    snprintf(data, sizeof data,
             "00B90BB909800188810110830124"
             "8F0130%s",
             keys);
    gp(&h, gp_command("80E28800", data), "6A80"); /* no AES for SCP02 */
    snprintf(data, sizeof data,
             "00B90BB909800188810120830135"
             "8F0130%s",
             keys);
    gp(&h, gp_command("80E28800", data), "6A80");
    gp(&h, gp_command("80E28800", "00B906B904800188810110"), "6A80");
    fixture_close(&f);
}

/* ---- ARA-M ---- */

static void test_ara(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "test");
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f, "80CAFF4000", "FF40009000");
    exchange(&f, "80CADF2000", "DF2008*");
    uint8_t tag[8];
    memcpy(tag, f.response + 3, 8);
    exchange(&f, "80E29000 23F021" RULE(HASH1, "01"), "6982");
    exchange(&f,
             "0020000A08"
             "3132333435363738",
             "9000"); /* ADM1 */
    exchange(&f, "80E29000 23F021" RULE(HASH1, "01"), "9000");
    exchange(&f, "80CADF2000", "DF2008*");
    assert_memory_not_equal(tag, f.response + 3, 8);
    memcpy(tag, f.response + 3, 8);
    exchange(&f, "80E29000 23F021" RULE(HASH1, "01"), "6381");
    exchange(&f, "80E29000 23F021" RULE(HASH1, "00"), "6A89"); /* never and always */
    exchange(&f, "80E29000 23F021" RULE(HASH2, "00"), "9000");
    exchange(&f, "80CAFF4000", "FF4042" RULE(HASH1, "01") RULE(HASH2, "00") "9000");
    /* another kind of access for the same reference: one rule then */
    exchange(&f, "80E29000 23F021E21FE1184F00C114" HASH2 "E303D10101", "6381");
    exchange(&f, "80CAFF4000", "FF4045*");
    exchange(&f, "80CAFF5000", "6700");
    exchange(&f, "80CAFF501AE1184F00C114" HASH2, "FF5008E306D00100D10101 9000");
    exchange(&f,
             "80CAFF501AE1184F00C114"
             "2222222222222222222222222222222222222222",
             "6A88");
    exchange(&f, "80CAFF5002E000", "6A80");
    exchange(&f, "80CADF2107E405E603000001", "DF2107E505E603010100 9000");
    exchange(&f, "80CADF2200", "6A88");
    /* what is not known is left out; what is wrong is refused; commands for what this card has not */
    exchange(&f,
             "80E29000 23F021E21FE1184F00C114"
             "3333333333333333333333333333333333333333"
             "E303D90101",
             "6382");
    exchange(&f,
             "80E29000 22F020E21EE1174F00C113"
             "33333333333333333333333333333333333333"
             "E303D00101",
             "6A80");
    exchange(&f,
             "80E29000 23F021E21FE1184F00C114"
             "4444444444444444444444444444444444444444"
             "E303D00102",
             "6A80");
    exchange(&f, "80E29000 02F300", "6981");
    exchange(&f, "80E29000 02F000", "6A80");
    exchange(&f, "80E28000 02F100", "6A86");
    exchange(&f, "80E29001 02F100", "6A86");
    exchange(&f, "80E29000 03F10042", "6A80");
    exchange(&f, "80E29000 02F200", "9000");
    /* deleted: by reference, by AID, all */
    exchange(&f, "80E29000 1CF11AE1184F00C114" HASH2, "9000");
    exchange(&f, "80E29000 1CF11AE1184F00C114" HASH2, "6A88");
    exchange(&f, "80E29000 23F121" RULE(HASH1, "00"), "6A88"); /* that rule says something else */
    exchange(&f, "80E29000 23F121" RULE(HASH1, "01"), "9000");
    fixture_restart(&f);
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f, "80CAFF4000", "FF401EE21CE1184F00C1143333333333333333333333333333333333333333E3009000");
    exchange(&f,
             "0020000A08"
             "3132333435363738",
             "9000");
    exchange(&f, "80E29000 04F1024F00", "9000");
    exchange(&f, "80E29000 02F100", "9000");
    exchange(&f, "80CAFF4000", "FF40009000");
    fixture_close(&f);
}

/* More rules than a response has room for: [Next] brings the rest, of the same rules only. */
static void test_ara_next(void **state)
{
    (void)state;
    struct fixture f;
    char command[200];
    uint8_t all[2000];
    size_t n = 0;
    fixture_open(&f, "test");
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f,
             "0020000A08"
             "3132333435363738",
             "9000");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(command, sizeof command,
                 "80E29000 23F021E21FE1184F00C114222222222222222222222222222222222222%04xE303D00101", i);
        exchange(&f, command, "9000");
    }
    exchange(&f, "80CAFF6000", "6985");
    for (unsigned part = 0; n < 4 + 33 * 20 + 1; part++) {
        exchange(&f, part == 0 ? "80CAFF4000" : "80CAFF6000", "*");
        assert_true(f.response_len > 2 && f.response_len <= 258);
        assert_int_equal(f.response[f.response_len - 2], 0x90);
        memcpy(all + n, f.response, f.response_len - 2);
        n += f.response_len - 2;
        assert_true(part < 4);
    }
    assert_int_equal(n, 5 + 33 * 20);
    struct span value;
    assert_true(tlv_find(span_of(all, n), 0xFF40, &value));
    assert_int_equal(value.n, 33 * 20);
    exchange(&f, "80CAFF6000", "6985");
    exchange(&f, "80CAFF4000", "FF40*");
    exchange(&f, "80E29000 02F200", "9000");
    exchange(&f, "80CAFF6000", "6984");
    fixture_close(&f);
}

/* ---- power cuts ---- */

/* What a host can see of the card: everything in the registry, the keys, the rules. */
static void observe(struct fixture *f, char *to, size_t room)
{
    struct gp_host h;
    static const char *const queries[] = {"80F28002024F00", "80F24002024F00", "80F21002024F00",
                                          "80CA00E000",     "80CA004200",     "80CA004500"};
    size_t n = 0;
    gp_open(&h, f, ISD_AID, 0x31, 0x01, 8);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        gp_send(&h, queries[i]);
        assert_true(n + 2 * f->response_len < room);
        hex_format(span_of(f->response, f->response_len), to + n);
        n += 2 * f->response_len;
    }
    exchange(f, "00A4040C09A00000015141434C00", "9000");
    exchange(f, "80CAFF4000", "*");
    assert_true(n + 2 * f->response_len < room);
    hex_format(span_of(f->response, f->response_len), to + n);
}

enum step {
    STEP_PUT,
    STEP_REPLACE,
    STEP_DELETE_KEY,
    STEP_INSTALL,
    STEP_LOAD,
    STEP_DELETE,
    STEP_DELETE_PACKAGE,
    STEP_EXTRADITE,
    STEP_LOCK,
    STEP_STORE,
    STEP_RULE,
    STEPS
};

/* What goes before, and the command. */
static const char *prepare(struct gp_host *h, enum step step)
{
    static _Thread_local char command[600];
    char data[400];
    switch (step) {
    case STEP_PUT:
        gp_three_keys(h, 0x88, "3A", data);
        return strcpy(command, gp_command("80D80081", data));
    case STEP_REPLACE:
        gp_three_keys(h, 0x80, "2F", data);
        gp(h, gp_command("80D80081", data), "2F*9000");
        gp_three_keys(h, 0x80, "2E", data);
        return strcpy(command, gp_command("80D82F81", data));
    case STEP_DELETE_KEY:
        return "80E4000003D20132";
    case STEP_INSTALL:
        return strcpy(command, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS));
    case STEP_LOAD:
        gp(h,
           gp_command("80E60200", "07F0736F66740301"
                                  "00"
                                  "00"
                                  "00"
                                  "00"),
           "009000");
        gp(h, "80E80000 0A C425010013DECAFFED01", "009000");
        gp(h, "80E80001 0E 0204020107F0736F66740301 0000", "009000");
        return "80E880020F03000C0108F0736F66740301010010";
    case STEP_DELETE:
        gp(h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        return strcpy(command, gp_command("80E40000", "4F07" APP1));
    case STEP_DELETE_PACKAGE:
        gp(h,
           gp_command("80E60200", "08A00000015141434C"
                                  "00"
                                  "00"
                                  "00"
                                  "00"),
           "009000"); /* the program's own, loaded: it has instances */
        gp(h, gp_command("80E88000", "C4081122334455667788"), "009000");
        gp(h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        gp(h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
        return strcpy(command, gp_command("80E40080", "4F08A00000015141434C"));
    case STEP_EXTRADITE:
        gp_make_ssd(h, SSD1, "80", "02C900");
        gp(h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        return strcpy(command, gp_command("80E61000", "07" SSD1 "00"
                                                      "07" APP1 "00"
                                                      "00"
                                                      "00"));
    case STEP_LOCK:
        gp_make_ssd(h, SSD1, "80", "02C900");
        gp(h, gp_install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        gp(h,
           gp_command("80E61000", "07" SSD1 "00"
                                  "07" APP1 "00"
                                  "00"
                                  "00"),
           "009000");
        return strcpy(command, gp_command("80F06080", SSD1));
    case STEP_STORE:
        return "80E290000C4204AABBCCDD450411223344";
    default:
        gp(h,
           gp_command("80E62000", "00"
                                  "00"
                                  "09A00000015141434C00"
                                  "00"
                                  "00"
                                  "00"),
           "009000");
        return strcpy(command, gp_command("80E29000", "F021" RULE(HASH1, "01")));
    }
}

static void test_cuts(void **state)
{
    (void)state;
    for (enum step step = 0; step < STEPS; step++) {
        static char before[8192], after[8192], now[8192];
        bool done = false;
        for (long at = -2; !done; at++) { /* -2: as it was, -1: as it becomes, then a cut at each write */
            struct fixture f;
            struct gp_host h;
            fixture_open(&f, "test");
            gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
            const char *command = prepare(&h, step);
            if (at >= 0)
                fault_store_cut_at(f.store, at);
            if (at != -2) {
                uint16_t sw = gp_send(&h, command);
                done = at >= 0 && !fault_store_is_cut(f.store);
                assert_true(at >= 0 || sw == 0x9000);
                assert_true(sw == 0x9000 || !done);
            }
            fixture_restart(&f);
            observe(&f, at == -2 ? before : at == -1 ? after : now, sizeof now);
            if (at >= 0 && strcmp(now, done ? after : before) != 0 && strcmp(now, after) != 0)
                fail_msg("step %d cut at %ld: neither as before nor as after\n%s\n%s\n%s", step, at, before,
                         after, now);
            assert_true(at != -1 || strcmp(before, after) != 0);
            assert_true(at < 50);
            fixture_close(&f);
        }
    }
}

/* ---- secrets ---- */

static void test_secrets(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char data[400];
    fixture_open(&f, "test");
    f.tracing = true;
    gp_open(&h, &f, ISD_AID, 0x32, 0x33, 8);
    gp_three_keys(&h, 0x88, "3A", data);
    gp(&h, gp_command("80D80081", data), "3A*9000");
    gp(&h, "80CA00E000", "E0*9000");
    gp(&h, "80E29000 06 4204AABBCCDD", "9000");
    const char *secrets[] = {K1, K2, K3};
    char lower[40];
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k <= 16; k++)
            lower[k] = (char)(secrets[i][k] >= 'A' ? secrets[i][k] | 0x20 : secrets[i][k]);
        lower[16] = '\0';
        assert_null(strstr(f.trace, lower));
    }
    assert_null(strstr(f.trace, "aabbccdd"));
    /* session keys neither */
    char text[65];
    hex_format(span_of(h.scp.enc, 8), text);
    assert_null(strcasestr(f.trace, text));
    hex_format(span_of(h.keys.mac, 8), text);
    assert_null(strcasestr(f.trace, text));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_install),
        cmocka_unit_test(test_ssd),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_room),
        cmocka_unit_test(test_store_data),
        cmocka_unit_test(test_store_own_keys),
        cmocka_unit_test(test_ara),
        cmocka_unit_test(test_ara_next),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_personalization_of_nobody),
        cmocka_unit_test(test_load_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

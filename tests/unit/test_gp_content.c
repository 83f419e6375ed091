/* SPDX-License-Identifier: Apache-2.0
 *
 * Card content through security domains: applications and packages made, moved, personalized, deleted;
 * supplementary domains with keys of their own; over the air; operators apart from each other (S1); power
 * cuts in the middle of everything.
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

#define SSD_PACKAGE "07A0000001515350"
#define SSD_MODULE  "08A000000151535041"
#define SSD1        "F0736F66740101"
#define SSD2        "F0736F66740102"
#define ARA_PACKAGE "08A00000015141434C"
#define ARA_MODULE  "09A00000015141434C4D"
#define APP1        "F0736F66740201"
#define APP2        "F0736F66740202"
#define SSD_PARAMETERS                                                                                       \
    "10 EA0E 800C FF00000000 020116 03B20201" /* TAR B20201, checksum, ciphering, counter */
#define K1      "A94F1C62D80E73B5542B9DE6107FC83A"
#define K2      "6E35F2911A8C0BD4C75926E83D40B17A"
#define K3      "9C26E0D3548BF17A15DC3EA872F6490B"
#define SPI_POR 0x1619 /* CC, ciphering, counter higher; PoR signed and ciphered, always */
#define RULE(hash, access)                                                                                   \
    "E2"                                                                                                     \
    "1F"                                                                                                     \
    "E1"                                                                                                     \
    "18"                                                                                                     \
    "4F00"                                                                                                   \
    "C114" hash "E3"                                                                                         \
    "03"                                                                                                     \
    "D001" access
#define HASH1 "11111111111111111111111111111111111111AA"
#define HASH2 "11111111111111111111111111111111111111BB"

static const char *install(unsigned p1, const char *package, const char *module, const char *aid,
                           const char *privileges, const char *parameters)
{
    char header[16], data[520];
    snprintf(header, sizeof header, "80E6%02x00", p1);
    snprintf(data, sizeof data, "%s%s%02zx%s%02zx%s%s00", package, module, strlen(aid) / 2, aid,
             strlen(privileges) / 2, privileges, parameters);
    return gp_command(header, data);
}

static void make_ssd(struct gp_host *h, const char *aid, const char *privileges, const char *parameters)
{
    gp(h, install(0x0C, SSD_PACKAGE, SSD_MODULE, aid, privileges, parameters), "009000");
}

static void keys_of(struct gp_host *h, const char *enc, const char *mac, const char *dek)
{
    uint8_t *to[] = {h->keys.enc, h->keys.mac, h->keys.dek};
    const char *from[] = {enc, mac, dek};
    h->keys.len = 16;
    for (int i = 0; i < 3; i++) {
        struct buf b = buf_of(to[i], 16);
        assert_true(hex_parse(from[i], &b, NULL));
    }
}

static void three_keys(struct gp_host *h, uint8_t type, const char *kvn, char *data)
{
    strcpy(data, kvn);
    gp_key_field(h, type, K1, data);
    gp_key_field(h, type, K2, data);
    gp_key_field(h, type, K3, data);
}

/* ---- INSTALL, DELETE ---- */

static void test_install(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp(&h, install(0x0C, ARA_PACKAGE, "09A00000015141434C4E", APP1, "00", "02C900"),
       "6A88"); /* no such module */
    gp(&h, install(0x0C, "08A00000015141434D", ARA_MODULE, APP1, "00", "02C900"), "6A88");
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, "A00000015141434C00", "00", "02C900"),
       "6A80"); /* there is one of that name */
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, "A0000001515350", "00", "02C900"),
       "6A80");                                                                   /* a package of that name */
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "80", "02C900"), "6A80"); /* no security domain */
    gp(&h, install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "00", "02C900"), "6A80"); /* one */
    gp(&h, install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "A0", "02C900"), "6A80"); /* Delegated Management */
    gp(&h, install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "C0", "02C900"), "6A80"); /* DAP verification */
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "0000", "02C900"), "6A80");
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02DD00"), "6A80");
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C905"), "6A80");
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
    gp(&h, install(0x0C, SSD_PACKAGE, "00", "A000000151535041", "80", "02C900"), "009000");
    gp(&h, gp_command("80E40000", "4F08A000000151535041"), "009000");
    /* installed, then made selectable */
    gp(&h, install(0x04, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80F24002", "4F07" APP1), "E3*9F700103*C408A00000015141434C*CC08" ISD_AID "9000");
    exchange(&f, "00A4040C07" APP1, "6A82");
    gp(&h, install(0x08, "00", "00", APP1, "00", "00"), "009000");
    gp(&h, install(0x08, "00", "00", APP1, "00", "00"), "6985");
    gp(&h, install(0x08, "00", "00", APP2, "00", "00"), "6A88");
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
    make_ssd(&h, SSD1, "80", "0AC9088102025581020360"); /* SCP02 i=55, SCP03 i=60 */
    make_ssd(&h, SSD2, "804000", "02C900");
    gp(&h, gp_command("80F24002", "4F07" SSD1), "E3*9F700107C503800000C407A0000001515350CC08" ISD_AID "9000");
    /* without keys of its own, its parent's serve it */
    gp_open(&s, &f, SSD1, 0x30, 0x03, 8);
    gp(&s, "80CA00E000", "E0009000");
    gp(&s, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
       "6985"); /* no Authorized Management */
    gp(&s, gp_command("80E40000", "4F07" SSD2), "6985");
    gp(&s, "80F28002024F00", "6A88");
    gp(&s, gp_command("80F24002", "4F00"), "E3*4F07" SSD1 "*9000"); /* only what is its own */
    assert_null(memmem(f.response, f.response_len, "\xF0\x73\x6F\x66\x74\x01\x02", 7));
    three_keys(&s, 0x80, "20", data);
    gp(&s, gp_command("80D80081", data), "20*9000");
    three_keys(&s, 0x88, "30", data);
    gp(&s, gp_command("80D80081", data), "30*9000");
    gp(&s, gp_command("80F24002", "4F07" SSD1), "E3*9F70010F*9000");
    /* now they do not; its own do, with the options of its parameters */
    gp_keys(&f, 0x31, &s.keys);
    assert_int_equal(gp_select(&s, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&s, 0x31, 8), 0x6A88);
    keys_of(&s, K1, K2, K3);
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
    gp(&s, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&s, gp_command("80F24002", "4F07" APP1), "E3*CC07" SSD1 "9000");
    gp(&s, gp_command("80E40000", "4F07" SSD2), "6A88"); /* not below it: it does not exist */
    gp(&s, gp_command("80F04080", SSD2), "6A88");
    gp(&s, gp_command("80F04080", APP1), "9000");
    gp(&s, gp_command("80F04007", APP1), "9000");
    /* its application speaks through its channel */
    keys_of(&h, K1, K2, K3);
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
    make_ssd(&h, SSD1, "80", "02C900");
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
    gp(&h, install(0x0C, "07F0736F66740301", "08F0736F6674030101", APP1, "00", "02C900"),
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
/* Who was to be personalized was deleted, and another has its number: it does not get what was meant for the first. */
static void test_personalization_of_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, other = {0};
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80E62000", "00" "00" "07" APP1 "00" "00" "00"), "009000");
    exchange(&f, "0070000001", "019000");
    other.f = &f;
    other.channel = 1;
    gp_keys(&f, 0x30, &other.keys);
    assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&other, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&other, 0x01), 0x9000);
    gp(&other, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&other, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "6985");
    exchange(&f, "00A4040C07" APP2, "9000");
    exchange(&f, "80CAFF4000", "FF40009000");
    fixture_close(&f);
}

/* The domain that it was to belong to is gone when the load file is whole: it does not become that of the next to get its number. */
static void test_load_for_nobody(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    for (int again = 0; again < 2; again++) {
        make_ssd(&h, SSD1, "804000", "02C900");
        gp(&h, gp_command("80E60200", "07F0736F66740301" "07" SSD1 "00" "00" "00"), "009000");
        gp(&h, gp_command("80E80000", "C408112233"), "009000");
        gp(&h, gp_command("80E40000", "4F07" SSD1), "009000");
        if (again)
            gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000"); /* has its number now */
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
    gp(&h, install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", "08EF06C800D8020200"),
       "6A80");                                     /* C8 of no octets */
    make_ssd(&h, SSD1, "804000", "06EF04D8020200"); /* 512 octets */
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

/* A session whose own keyset comes by STORE DATA goes on with the DEK that it began with, as after PUT KEY. */
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
    three_keys(&h, 0x88, "3A", data);
    gp(&h, gp_command("80D80081", data), "3A*9000");
    /* a new one begins with the new */
    keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x30, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x03), 0x9000);
    three_keys(&h, 0x88, "3B", data);
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
    keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_initialize(&h, 0x34, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x33), 0x9000);
    /* for a domain of this one that has none of its own yet */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    make_ssd(&h, SSD1, "80", "02C900");
    assert_true(scp_dek_encrypt(f.crypto, &h.scp, span_of(plain, 48), encrypted));
    hex_format(span_of(encrypted, 48), keys);
    gp(&h, gp_command("80E62000", "00" "00" "07" SSD1 "00" "00" "00"), "009000");
    snprintf(data, sizeof data, "00B90BB909800188810110830138" "8F0130%s" "00450411223344", keys);
    gp(&h, gp_command("80E28800", data), "9000");
    gp(&h, gp_command("80F24002", "4F07" SSD1), "E3*9F70010F*9000");
    /* one that was deleted meanwhile: whoever has its place in the registry gets nothing of it */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
    gp(&h, gp_command("80E62000", "00" "00" "07" APP1 "00" "00" "00"), "009000");
    gp(&h, gp_command("80E40000", "4F07" APP1), "009000");
    gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "6985");
    keys_of(&h, K1, K2, K3);
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

/* ---- over the air ---- */

static void ram(struct fixture *f, unsigned keys, const char *tar, const char *script,
                struct fixture_por *por)
{
    const struct fixture_ota ota = {keys, SPI_POR, tar, script, 0};
    fixture_ota(f, &ota, por);
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
    por_is(&f, 0, "000000", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6101");
    por_is(&f, 0, "000000", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
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
        make_ssd(&h, aid, "80", "02C900");
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
    three_keys(&h, 0x88, "01", data);
    por_is(&f, 0, "B20201", gp_command("80D80081", data), "01 61..");
    /* from now on only they do */
    ram(&f, 0, "B20201", "80F24002024F00", &por);
    assert_int_not_equal(por.verdict == SCP80_GENUINE && por.status == SCP80_POR_OK, 1);
    f.other_keys = (struct keyset){.version = 1,
                                   .kic_algorithm = OTA_AES,
                                   .kid_algorithm = OTA_AES,
                                   .mac_len = 8,
                                   .kic_len = 16,
                                   .kid_len = 16,
                                   .kik_len = 16};
    keys_of(&h, K1, K2, K3);
    memcpy(f.other_keys.kic, h.keys.enc, 16);
    memcpy(f.other_keys.kid, h.keys.mac, 16);
    memcpy(f.other_keys.kik, h.keys.dek, 16);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20201", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"),
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

/* SCP80 keys of the issuer's own domain: they manage the card's applications, and open nothing else; an operator's keyset of the same version stays what it is. */
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
    three_keys(&h, 0x88, "01", data); /* as pair 0 has */
    gp(&h, gp_command("80D80081", data), "01*9000");
    f.other_keys = (struct keyset){.version = 1, .kic_algorithm = OTA_AES, .kid_algorithm = OTA_AES, .mac_len = 8, .kic_len = 16, .kid_len = 16, .kik_len = 16};
    keys_of(&h, K1, K2, K3);
    memcpy(f.other_keys.kic, h.keys.enc, 16);
    memcpy(f.other_keys.kid, h.keys.mac, 16);
    memcpy(f.other_keys.kik, h.keys.dek, 16);
    f.counter = 500;
    por_is(&f, 0, "000000", "80F28002024F00", "01 61..");
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "000000", "80F28002024F00", "01 61..");
    por_is(&f, FIXTURE_OTHER, "000000", "80E29000064204AABBCCDD", "01 9000");
    /* rules for ARA-M: for its domain and not for an operator */
    snprintf(script, sizeof script, "%s%s", gp_command("80E62000", "00" "00" "09A00000015141434C00" "00" "00" "00"), gp_command("80E29000", "F021" RULE(HASH1, "01")));
    por_is(&f, FIXTURE_OTHER, "000000", script, "02 9000");
    exchange(&f, "00A4040C09A00000015141434C00", "9000");
    exchange(&f, "80CAFF4000", "FF4021" RULE(HASH1, "01") "9000");
    f.counter = 600;
    por_is(&f, 0, "000000", gp_command("80E62000", "00" "00" "09A00000015141434C00" "00" "00" "00"), "01 6A88");
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

static void other_keys(struct fixture *f, struct gp_host *h)
{
    f->other_keys = (struct keyset){.version = 1, .kic_algorithm = OTA_AES, .kid_algorithm = OTA_AES, .mac_len = 8, .kic_len = 16, .kid_len = 16, .kik_len = 16};
    keys_of(h, K1, K2, K3);
    memcpy(f->other_keys.kic, h->keys.enc, 16);
    memcpy(f->other_keys.kid, h->keys.mac, 16);
    memcpy(f->other_keys.kik, h->keys.dek, 16);
}

/* A domain that has used its room up to the last octet still opens sessions and messages, if only to delete something: its counters have their room from when the keys came. */
static void test_full_domain(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char data[400], store[40];
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    make_ssd(&h, SSD1, "804000", "16 EF04 D8020084 EA0E 800C FF00000000 020116 03B20201"); /* 132 octets */
    gp_open(&h, &f, SSD1, 0x30, 0x01, 8);
    three_keys(&h, 0x88, "01", data);
    gp(&h, gp_command("80D80081", data), "01*9000");
    three_keys(&h, 0x88, "3A", data);
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
    keys_of(&h, K1, K2, K3);
    assert_int_equal(gp_select(&h, SSD1), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x3A, 8), 0x9000);
    assert_int_equal(gp_authenticate(&h, 0x01), 0x9000);
    other_keys(&f, &h);
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20201", "80F24002024F00", "01 61..");
    gp(&h, "80E29000024200", "9000");
    fixture_close(&f);
}

/* A domain without keys of its own is served by those of the one that it belongs to, and by nobody else's: an operator does not come in below a domain that he does not reach. */
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
    make_ssd(&h, SSD1, "804000", SSD_PARAMETERS);
    gp_open(&h, &f, SSD1, 0x30, 0x01, 8);
    make_ssd(&h, SSD2, "804000", "10 EA0E 800C FF00000000 020116 03B20202");
    por_is(&f, 0, "B20202", "80F24002024F00", "01 61..");
    three_keys(&h, 0x88, "01", data);
    gp(&h, gp_command("80D80081", data), "01*9000");
    other_keys(&f, &h);
    static const char *const tars[] = {"B20201", "B20202"};
    for (int i = 0; i < 2; i++) {
        ram(&f, 0, tars[i], install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), &por);
        assert_int_not_equal(por.verdict, SCP80_GENUINE);
    }
    f.counter = 0;
    por_is(&f, FIXTURE_OTHER, "B20202", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
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
    three_keys(&h, 0x88, "02", data);
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
    por_is(&f, 0, "000000", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS),
           "01 6101");
    por_is(&f, 0, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    por_is(&f, 0, "B20201", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
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
    por_is(&f, 1, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6A80");
    struct fixture_por por;
    ram(&f, 1, "B20201", "80F24002024F00", &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    /* nor loads into A's domain; into the issuer's, by its name, as without */
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740303" "07" SSD1 "00" "00" "00"), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740303" "09A00000015141434C00" "00" "00" "00"), "01 6A88");
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740303" "08" ISD_AID "00" "00" "00"), "01 6101");
    /* what one began in his name, another does not go on with: a load file, a personalization */
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, gp_command("80E60200", "07F0736F66740301" "00" "00" "00" "00"), "009000");
    gp(&h, "80E80000 0A C425010013DECAFFED01", "009000");
    por_is(&f, 1, "000000", "80E800010E0204020107F0736F667403010000", "01 6985");
    gp(&h, "80E80001 0E 0204020107F0736F66740301 0000", "009000");
    por_is(&f, 1, "000000", gp_command("80E60200", "07F0736F66740302" "00" "00" "00" "00"), "01 6101"); /* only one at a time */
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

/* A change that was rolled back brings A's applications back. No operator makes his applications nobody's, to have them stay after him: only the card's owner gives away. */
static void test_operators_back(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    por_is(&f, 0, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    por_is(&f, 0, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
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
    por_is(&f, 0, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    change(&f, 0, "001020000000001");
    por_is(&f, 1, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "01 6101");
    fixture_close(&f);
}

/* What operator B installed while his subscription was on trial goes with it: the pair may be another's next time. */
static void test_operators_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    fixture_terminal_profile(&f);
    change(&f, 0, "001020000000001");
    por_is(&f, 1, "000000", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS), "01 6101");
    por_is(&f, 1, "B20201", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
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

/* In whatever order they depend on each other: a domain below a domain, and what both are instances of. Only what somebody else depends on stays, and is nobody's. */
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
        por_is(&f, 1, "000000", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS), "01 6101");
        por_is(&f, 1, "B20201", install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD2, "804000", "02C900"), "01 6101");
        load_file(&f, 1, "B20201", ARA_PACKAGE);
        gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
        if (again) /* the card's owner uses what operator B loaded */
            gp(&h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
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

/* Access rules of the card's owner, in an ARA-M that is reached over the air: operators do not change them. Those in an operator's own are his. */
static void test_operators_rules(void **state)
{
    (void)state;
    static const char with_tar[] = "format: 1\ninclude: test\nname: rules\napplets:\n  - {class: ara-m, aid: A00000015141434C01, tars: [B20299]}\n";
    struct fixture f;
    struct gp_host h;
    fixture_open_text(&f, with_tar);
    fixture_terminal_profile(&f);
    gp_open(&h, &f, "A00000015141434C01", 0x30, 0x01, 8);
    gp(&h, gp_command("80E29000", "F021" RULE(HASH1, "01")), "9000");
    por_is(&f, 0, "B20299", gp_command("80E29000", "F100"), "01 6985");
    por_is(&f, 0, "B20299", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 6985");
    por_is(&f, 0, "B20299", "80CAFF4000", "01 9000 FF4021" RULE(HASH1, "01"));
    por_is(&f, 0, "000000", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "10 EA0E 800C FF00000000 020116 03B20201"), "01 6101");
    por_is(&f, 0, "B20201", gp_command("80E29000", "F021" RULE(HASH2, "01")), "01 9000");
    gp(&h, gp_command("80E29000", "F100"), "9000");
    fixture_close(&f);
}

/* ---- domains of the profile ---- */

/* One for each operator, with keys of its own for SCP80, as the maker burnt them in; a card that is not yet SECURED. */
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
    por_is(&f, FIXTURE_OTHER, "B20201", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101");
    /* PUT KEY under a 3DES KIK, then a session with what came */
    h.scp = (struct scp_session){.protocol = SCP02, .key_len = 16};
    memcpy(h.scp.dek, f.other_keys.kik, 16);
    three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80081", data), "01 610A");
    data[0] = '\0';
    strcpy(data, "2E"); /* one of three equal parts, which is single DES: this profile has none */
    gp_key_field(&h, 0x80, "A94F1C62D80E73B5A94F1C62D80E73B5", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80001", data), "01 6A80");
    strcpy(data, "3F"); /* a well-known one */
    gp_key_field(&h, 0x88, "404142434445464748494A4B4C4D4E4F", data);
    por_is(&f, FIXTURE_OTHER, "B20201", gp_command("80D80001", data), "01 6A80");
    h = (struct gp_host){.f = &f};
    keys_of(&h, K1, K2, K3);
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

/* The maker gave pair 1's operator a domain. Its keys are not his to change before a network has accepted his subscription: the pair may be another's next time, and the domain with it. */
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
    three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80D80081", data), "01 6A95");
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80E40000", "D20105"), "01 6A95");
    por_is(&f, FIXTURE_OTHER, "B20202", "80E29000064204AABBCCDD", "01 6A95");
    por_is(&f, FIXTURE_OTHER, "B20202", install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "01 6101"); /* this goes with the trial */
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
    three_keys(&h, 0x88, "3E", data);
    por_is(&f, FIXTURE_OTHER, "B20202", gp_command("80D80081", data), "01 61..");
    fixture_close(&f);
}

/* What an installation's access domain opens, it opens to who proves who he is: no profile may have a target open to everybody (but for tests), and none comes later. */
static void test_access_needs_a_checksum(void **state)
{
    (void)state;
    static const char parameters[] = "14 EA12" "800A FF00000000 00 03B20204" /* TAR, no minimum security level */ "8104 00 0100 00", /* all files */
                      write[] = "00A4000C022F05" "00D6000002" "6465";
    struct fixture f;
    struct fixture_por por;
    struct gp_host h;
    fixture_open_text(&f, profile);
    fixture_terminal_profile(&f);
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    make_ssd(&h, "F0736F66740109", "80", parameters);
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
        three_keys(h, 0x88, "3A", data);
        return strcpy(command, gp_command("80D80081", data));
    case STEP_REPLACE:
        three_keys(h, 0x80, "2F", data);
        gp(h, gp_command("80D80081", data), "2F*9000");
        three_keys(h, 0x80, "2E", data);
        return strcpy(command, gp_command("80D82F81", data));
    case STEP_DELETE_KEY:
        return "80E4000003D20132";
    case STEP_INSTALL:
        return strcpy(command, install(0x0C, SSD_PACKAGE, SSD_MODULE, SSD1, "804000", SSD_PARAMETERS));
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
        gp(h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
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
        gp(h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        gp(h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP2, "00", "02C900"), "009000");
        return strcpy(command, gp_command("80E40080", "4F08A00000015141434C"));
    case STEP_EXTRADITE:
        make_ssd(h, SSD1, "80", "02C900");
        gp(h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
        return strcpy(command, gp_command("80E61000", "07" SSD1 "00"
                                                      "07" APP1 "00"
                                                      "00"
                                                      "00"));
    case STEP_LOCK:
        make_ssd(h, SSD1, "80", "02C900");
        gp(h, install(0x0C, ARA_PACKAGE, ARA_MODULE, APP1, "00", "02C900"), "009000");
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
    three_keys(&h, 0x88, "3A", data);
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
        cmocka_unit_test(test_install),        cmocka_unit_test(test_ssd),
        cmocka_unit_test(test_load),           cmocka_unit_test(test_load_room),
        cmocka_unit_test(test_store_data), cmocka_unit_test(test_store_own_keys),    cmocka_unit_test(test_ara),
        cmocka_unit_test(test_ara_next),       cmocka_unit_test(test_ram),
        cmocka_unit_test(test_ram_rights),     cmocka_unit_test(test_operators),
        cmocka_unit_test(test_operators_names), cmocka_unit_test(test_operators_back), cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_operators_forgotten),
        cmocka_unit_test(test_profile_domain_on_trial),
        cmocka_unit_test(test_full_domain),
        cmocka_unit_test(test_personalization_of_nobody),
        cmocka_unit_test(test_load_for_nobody),
        cmocka_unit_test(test_operators_rules),
        cmocka_unit_test(test_ram_below),
        cmocka_unit_test(test_access_needs_a_checksum),
        cmocka_unit_test(test_operators_forgotten_wholly),
        cmocka_unit_test(test_ram_issuer),
        cmocka_unit_test(test_profile_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

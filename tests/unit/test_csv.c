/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "card_csv.h"

static char path[] = "/tmp/softuicc-csv-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const void *content, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void write_text(const char *text)
{
    write_file(text, strlen(text));
}

/* ---- rows ---- */

static struct csv c;
static struct csv_error error;

/* Fields joined by '|'. */
static void row_is(const char *expected)
{
    char joined[CSV_LINE_MAX] = "";
    assert_int_equal(csv_row(&c, &error), CSV_ROW);
    for (size_t i = 0; i < c.n; i++) {
        strcat(joined, i > 0 ? "|" : "");
        strcat(joined, c.field[i]);
    }
    assert_string_equal(joined, expected);
}

static void rows(void **state)
{
    (void)state;
    write_text("\xEF\xBB\xBF"
               "ICCID, Imsi ,\"ki\"\r\n"
               "# a comment\n\n"
               "1,2,3\r\n"
               "\"a,b\", \"c\"\"d\" ,\n"
               " x , y,z \n");
    assert_true(csv_open(&c, path, &error));
    assert_int_equal(c.columns, 3);
    assert_string_equal(c.field[0], "iccid");
    assert_string_equal(c.field[1], "imsi");
    assert_string_equal(c.field[2], "ki");
    for (int round = 0; round < 2; round++) {
        row_is("1|2|3");
        row_is("a,b|c\"d|");
        row_is("x|y|z");
        assert_int_equal(csv_row(&c, &error), CSV_END);
        assert_true(csv_rewind(&c, &error));
    }
    csv_close(&c);
    write_text("a;b,c\n1;2,3\n");
    assert_true(csv_open(&c, path, &error));
    row_is("1|2,3");
    csv_close(&c);
    write_text("a\tb\n1\t2\n");
    assert_true(csv_open(&c, path, &error));
    row_is("1|2");
    csv_close(&c);
    csv_close(&c); /* all zero: nothing to do */
}

/* The header, or the first row, is refused with this text; no secret in it. */
static void refused(const char *text, size_t n, const char *why)
{
    write_file(text, n);
    bool opened = csv_open(&c, path, &error);
    if (opened)
        assert_int_equal(csv_row(&c, &error), CSV_BAD);
    csv_close(&c);
    if (strstr(error.text, why) == NULL)
        print_error("'%s' lacks '%s'\n", error.text, why);
    assert_non_null(strstr(error.text, why));
    assert_null(strstr(error.text, "secret"));
    assert_null(strchr(error.text, '\n'));
}

#define REFUSED(text, why) refused(text, sizeof(text) - 1, why)

static void what_is_no_csv(void **state)
{
    (void)state;
    REFUSED("", ":1: the file is empty");
    REFUSED("a,b", ":1: the line has no end");
    REFUSED("a,b\nsecret,sec", ":2: the line has no end");
    REFUSED("a,b\nsecret\n", ":2: 1 column, 2 expected");
    REFUSED("a,b\nsecret,2,3\n", ":2: 3 columns, 2 expected");
    REFUSED("a,b\n\"secret,2\n", ":2: a quotation mark without its second");
    REFUSED("a,b\n\"secret\"x,2\n", ":2: something behind");
    REFUSED("a,b\nse\0cret,2\n", ":2: not a text file");
    char *line = malloc(3 * CSV_LINE_MAX);
    assert_non_null(line);
    memset(line, 'a', 3 * CSV_LINE_MAX);
    line[3 * CSV_LINE_MAX - 1] = '\n';
    refused(line, 3 * CSV_LINE_MAX, ":1: line longer than");
    memset(line, ',', 200);
    line[200] = '\n';
    refused(line, 201, "more than 96 columns");
    free(line);
    assert_false(csv_open(&c, "/nonexistent/file", &error));
}

/* ---- cards ---- */

static struct uicc_profile *profile; /* of two PINs, one pair, one common keyset, three files */
static struct uicc_crypto *crypto;
static const struct subcommand nobody = {.name = "test"};

static struct profile_file files[4];
static struct profile_pin pins[3];
static struct profile_pair pairs[1];
static struct profile_keyset keysets[1];
static struct uicc_profile made;

static int make_profile(void **state)
{
    (void)state;
    files[0] = (struct profile_file){.kind = FILE_MF, .fid = 0x3F00};
    files[1] = (struct profile_file){.kind = FILE_TRANSPARENT, .fid = 0x6F78, .size = 2};
    files[2] = (struct profile_file){.kind = FILE_LINEAR, .fid = 0x6F42, .record_len = 40, .size = 40};
    files[3] = (struct profile_file){.kind = FILE_LINEAR, .fid = 0x6F40, .record_len = 28, .size = 56};
    pins[0].reference = 0x01;
    pins[1].reference = 0x81;
    pins[2].reference = 0x0A;
    pins[0].puk_tries = pins[1].puk_tries = 10;
    const struct keyset ota = {.version = 1,
                               .kic_algorithm = OTA_AES,
                               .kid_algorithm = OTA_AES,
                               .mac_len = 8,
                               .kic_len = 16,
                               .kid_len = 16,
                               .kik_len = 16};
    pairs[0] = (struct profile_pair){.algorithm = AKA_MILENAGE,
                                     .derived = PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA};
    pairs[0].key.k_len = 16;
    pairs[0].key.opc_len = 16;
    pairs[0].ota = ota;
    keysets[0] = (struct profile_keyset){.keys = ota, .derived = true};
    keysets[0].keys.version = 3;
    keysets[0].keys.kik_len = 0;
    made.p = (struct profile){.name = "made",
                              .n_files = 4,
                              .files = files,
                              .n_pins = 3,
                              .pins = pins,
                              .n_pairs = 1,
                              .pairs = pairs,
                              .n_keysets = 1,
                              .keysets = keysets};
    profile = &made;
    crypto = crypto_new();
    return crypto != NULL ? make_file(state) : -1;
}

static int drop_profile(void **state)
{
    crypto_free(crypto);
    return remove_file(state);
}

static struct card_csv csv;

static bool open_cards(const char *text)
{
    write_text(text);
    memset(&csv, 0, sizeof csv);
    return card_csv_open(&csv, &nobody, path, &profile->p, crypto, &error);
}

#define K     "8f3a51c20b77de94a6e1034c5d82f96b"
#define OPC   "c40d9e7712a8b35fe06b94d15a2f837c"
#define SMSP  "E1FFFFFFFFFFFFFFFFFFFFFFFF0791947122723033FFFFFFFF0000A7"
#define OTHER "5b1ee07a94c2d8316f0ba75d42c98e13"

static void whole_cards(void **state)
{
    (void)state;
    struct card_data card;
    assert_true(open_cards(
        "IMSI,ICCID,Ki,OPC,KIC1,KID1,KIK1,KIC3,KID3,PIN1,PUK1,PIN2,PUK2,ADM1,ACC,SMSP,MSISDN,algorithm\n"
        "001010000000001,8900101000000000019," K "," OPC "," OTHER "," K "," OPC "," K "," OTHER
        ",1111,11111111,22222,22222222,33333333,0004," SMSP ",+4912345,milenage\n"
        "001010000000002,8900101000000000027,,,,,,,,,,,,0102030405060708,,,,\n"));
    const struct personal_given *g = &csv.given;
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_ROW);
    assert_string_equal(card.iccid, "8900101000000000019");
    assert_string_equal(card.imsi, "001010000000001");
    assert_ptr_equal(card.given, g);
    assert_true(g->has_pair);
    assert_int_equal(g->pair.derived, 0);
    assert_memory_equal(g->pair.key.k, "\x8f\x3a\x51", 3);
    assert_memory_equal(g->pair.key.opc, "\xc4\x0d", 2);
    assert_memory_equal(g->pair.ota.kic, "\x5b\x1e", 2);
    assert_memory_equal(g->pair.ota.kik, "\xc4\x0d", 2);
    assert_int_equal(g->keysets, 1);
    assert_false(g->keyset[0].derived);
    assert_memory_equal(g->keyset[0].keys.kid, "\x5b\x1e", 2);
    assert_int_equal(g->pins, 7);
    assert_int_equal(g->puks, 3);
    assert_memory_equal(g->pin[0], "1111\xFF\xFF\xFF\xFF", 8);
    assert_memory_equal(g->puk[1], "22222222", 8);
    assert_memory_equal(g->pin[2], "33333333", 8);
    assert_int_equal(g->n_files, 3);
    assert_int_equal(g->files[0].file, 1);
    assert_memory_equal(g->files[0].octets, "\x00\x04", 2);
    assert_int_equal(g->files[1].offset, 12); /* its end is the record's, or the fields would lie elsewhere */
    assert_int_equal(g->files[1].n, 28);
    assert_memory_equal(g->files[1].octets, "\xE1\xFF", 2);
    assert_int_equal(g->files[2].offset, 14);
    assert_memory_equal(g->files[2].octets, "\x05\x91\x94\x21\x43\xF5\xFF", 7);
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_ROW);
    assert_false(g->has_pair);
    assert_int_equal(g->keysets, 0);
    assert_int_equal(g->pins, 4);
    assert_memory_equal(g->pin[2], "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_END);
    card_csv_close(&csv);
    const struct card_csv zero = {.cmd = csv.cmd, .p = csv.p, .crypto = csv.crypto};
    assert_memory_equal(&csv.given, &zero.given, sizeof zero.given);
    assert_memory_equal(&csv.csv, &zero.csv, sizeof zero.csv);
}

static void op_is_to_become_opc(void **state)
{
    (void)state;
    struct card_data card;
    struct profile_pair a, b;
    uint8_t seed[16] = {0};
    assert_true(open_cards("imsi,iccid,k,op\n001010000000001,8900101000000000019," K "," OTHER "\n"));
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_ROW);
    assert_int_equal(csv.given.pair.derived, PAIR_DERIVE_OTA | PAIR_FROM_OP);
    assert_true(personal_pair_given(crypto, &profile->p, span_of(seed, 16), card.iccid, card.given, 0, &a));
    assert_true(personal_pair(crypto, &profile->p, span_of(seed, 16), card.iccid, 0, &b));
    assert_memory_equal(a.ota.kic, b.ota.kic, 16);
    assert_memory_not_equal(a.key.k, b.key.k, 16);
    uint8_t opc[32] = {0};
    assert_true(aka_algorithm(AKA_MILENAGE)->opc(crypto, &a.key, csv.given.pair.key.opc, opc));
    assert_memory_equal(a.key.opc, opc, 16);
    card_csv_close(&csv);
}

static void bad_header(const char *header, const char *why)
{
    char text[CSV_LINE_MAX];
    snprintf(text, sizeof text, "%s\n", header);
    assert_false(open_cards(text));
    if (strstr(error.text, why) == NULL)
        print_error("'%s' lacks '%s'\n", error.text, why);
    assert_non_null(strstr(error.text, why));
}

static void headers(void **state)
{
    (void)state;
    bad_header("iccid,imsi,favourite_colour,shoe size", "unknown columns: 'favourite_colour', 'shoe size'");
    bad_header("iccid,imsi,kic16", "unknown columns: 'kic16'");
    bad_header("iccid,imsi,kic0", "unknown columns: 'kic0'");
    bad_header("iccid,imsi,kic1x", "unknown columns: 'kic1x'");
    bad_header("iccid,imsi,", "unknown columns: ''");
    bad_header("iccid,imsi,ki,k", "column 'k' is there twice");
    bad_header("iccid,imsi,adm1,pin_adm", "column 'pin_adm' is there twice");
    bad_header("iccid,imsi,kic2", "column 'kic2': profile made has nothing");
    pins[1].puk_tries = 0; /* cannot be unblocked: a PUK would be for nothing */
    bad_header("iccid,imsi,pin2,puk2", "column 'puk2': profile made has nothing");
    pins[1].puk_tries = 10;
    bad_header("iccid,imsi,adm2", "column 'adm2': profile made has nothing");
    bad_header("imsi", "no column 'iccid'");
    bad_header("iccid", "no column 'imsi'");
}

/* A row whose last column is this one, with this value, is refused; the value is not repeated if it is a
 * secret. */
static void bad_value(const char *columns, const char *values, const char *why)
{
    char text[CSV_LINE_MAX];
    struct card_data card;
    snprintf(text, sizeof text, "imsi,iccid,%s\n001010000000001,8900101000000000019,%s\n", columns, values);
    assert_true(open_cards(text));
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_BAD);
    card_csv_close(&csv);
    if (strstr(error.text, why) == NULL)
        print_error("'%s' lacks '%s'\n", error.text, why);
    assert_non_null(strstr(error.text, why));
    assert_null(strstr(error.text, "8f3a"));
    assert_null(strstr(error.text, "1234"));
}

static void values(void **state)
{
    (void)state;
    bad_value("ki,opc",
              K ","
                "zz",
              "opc is not hexadecimal");
    bad_value("ki,opc", "8f3a51c20b77de94," OPC, "the lengths of ki and opc are not those of milenage");
    bad_value("ki,opc", K "0d11," OPC, "the lengths of ki and opc");
    bad_value("ki,opc", K K K "," OPC, "ki is not 32 octets or less");
    bad_value("ki,opc", "00112233445566778899aabbccddeeff," OPC, "ki is a well-known or regular key");
    bad_value("ki,opc,op", K "," OPC "," OTHER, "opc and op: one of them");
    bad_value("kic1", K, "kid1 is missing");
    bad_value("kic1,kid1,kik1", K "," OPC ",", "kik1 is missing");
    bad_value("kic3,kid3,kik3", K "," OPC "," OTHER, "kik3: the keyset of that version has no such key");
    bad_value("kic3,kid3",
              K ","
                "8f3a",
              "kid3");
    /* the second half is the first but for parity, which DES does not look at */
    pairs[0].ota.kic_algorithm = pairs[0].ota.kid_algorithm = OTA_3DES;
    bad_value("kic1,kid1,kik1", "8f3a51c20b77de948e3b50c30a76df95," OTHER "," OPC,
              "parts of kic1 are equal: that is single DES");
    bad_value("kic1,kid1,kik1", OTHER ",8f3a51c20b77de948e3b50c30a76df95," OPC, "parts of kid1 are equal");
    bad_value("kic1,kid1,kik1", OTHER "," OPC ",8f3a51c20b77de948e3b50c30a76df958f3a51c20b77de94",
              "parts of kik1 are equal");
    pairs[0].ota.kic_algorithm = pairs[0].ota.kid_algorithm = OTA_AES;
    bad_value("pin1", "123", "a PIN is not 4 to 8 digits");
    bad_value("pin1", "123456789", "a PIN is not 4 to 8 digits");
    bad_value("pin1", "12a4", "a PIN is not 4 to 8 digits");
    bad_value("puk1", "1234567", "a PUK is not 8 digits");
    bad_value("adm1", "12345678123456", "an ADM key is neither");
    bad_value("acc", "00", "acc is not four");
    bad_value("smsp", "0", "smsp is not hexadecimal");
    bad_value("smsp", "E1FFFF", "smsp has 3 octets: the parameters alone have 28");
    bad_value("msisdn", "+49 123", "msisdn is not");
    bad_value("msisdn", "123456789012345678901", "msisdn is not");
    bad_value("algorithm", K, "algorithm of 32 characters: profile made has milenage");
    bad_value("algorithm", "tuak", "algorithm 'tuak': profile made has milenage");
    struct card_data card;
    assert_true(open_cards("iccid,imsi,ki\n8900101000000000019," K ",001010000000001\n"));
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_BAD);
    assert_non_null(strstr(error.text, "imsi of 32 characters is not 6 to 15 digits"));
    card_csv_close(&csv);
    assert_true(open_cards("imsi,iccid\n001010000000001,89001010000\n"));
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_BAD);
    card_csv_close(&csv);
    assert_true(open_cards("imsi,iccid\n0010x,8900101000000000019\n"));
    assert_int_equal(card_csv_next(&csv, &card, &error), CSV_BAD);
    card_csv_close(&csv);
    /* another K makes an OPc that stands in the profile wrong */
    pairs[0].derived = 0;
    bad_value("ki", K, "ki without opc");
    pairs[0].derived = PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA;
}

static void garbage(void **state)
{
    (void)state;
    static const char alphabet[] = "01289,,,;\"\n\n abcdefiksmnpu\t\xFF\xEF#";
    char text[600];
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        size_t n = (size_t)snprintf(text, sizeof text, "iccid,imsi,ki,opc,pin1,adm1,kic1,kid1,kik1\n");
        size_t end = n + (size_t)round % 500;
        for (; n < end; n++) {
            seed = seed * 1103515245u + 12345u;
            text[n] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        text[n++] = '\n';
        write_file(text, n);
        struct card_data card;
        memset(&csv, 0, sizeof csv);
        if (!card_csv_open(&csv, &nobody, path, &profile->p, crypto, &error))
            continue;
        for (int i = 0; i < 100 && card_csv_next(&csv, &card, &error) == CSV_ROW; i++)
            ;
        card_csv_close(&csv);
    }
}

int main(void)
{
    const struct CMUnitTest of_rows[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(what_is_no_csv),
    };
    const struct CMUnitTest of_cards[] = {
        cmocka_unit_test(whole_cards), cmocka_unit_test(op_is_to_become_opc),
        cmocka_unit_test(headers),     cmocka_unit_test(values),
        cmocka_unit_test(garbage),
    };
    int failed = cmocka_run_group_tests(of_rows, make_file, remove_file);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    return failed + cmocka_run_group_tests(of_cards, make_profile, drop_profile);
}

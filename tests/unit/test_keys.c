/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files: what is written is read back; hostile files give one line with file and line number, and never a
 * key in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys.h"

#define HEADER            "iccid\tindex\timsi\talgorithm\tk\topc\tkvn\tkic_algorithm\tkic\tkid_algorithm\tkid\tkik\n"
#define CARD              "8900101000000000019"
#define K16               "00112233445566778899aabbccddeeff"
#define OPC               "63bfa50ee6523365ff14c1f45f88737d"
#define OTA               "1\taes\t000102030405060708090a0b0c0d0e0f\taes\t101112131415161718191a1b1c1d1e1f\t-"
#define PAIR(index, imsi) CARD "\t" index "\t" imsi "\tmilenage\t" K16 "\t" OPC "\t" OTA "\n"

enum { PATH_MAX_HERE = 64 };

static void write_file(char path[PATH_MAX_HERE], const void *content, size_t n)
{
    snprintf(path, PATH_MAX_HERE, "/tmp/test_keys_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), (ssize_t)n);
    close(fd);
}

static bool find_in(const char *content, const char *iccid, bool common, unsigned index, struct key_row *row,
                    struct keys_error *error)
{
    char path[PATH_MAX_HERE];
    error->text[0] = '\0';
    write_file(path, content, strlen(content));
    bool found = keys_find(path, iccid, common, index, row, error);
    unlink(path);
    return found;
}

/* The file is refused, with this line number and these words, in one line, without a key. */
static void refused(const char *content, const char *words)
{
    struct key_row row;
    struct keys_error error;
    static const struct key_row zero;
    assert_false(find_in(content, CARD, false, 0, &row, &error));
    if (strstr(error.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, words);
    assert_null(strchr(error.text, '\n'));
    assert_null(strstr(error.text, "00112233"));
    assert_memory_equal(&row, &zero, sizeof row);
}

static void sample(struct key_row *row)
{
    memset(row, 0, sizeof *row);
    memcpy(row->iccid, CARD, sizeof CARD);
    memcpy(row->imsi, "001010123456780", 16);
    row->pair.algorithm = AKA_MILENAGE;
    row->pair.key.k_len = row->pair.key.opc_len = 16;
    row->pair.ota = (struct keyset){.version = 3,
                                    .kic_algorithm = OTA_AES,
                                    .kid_algorithm = OTA_AES,
                                    .mac_len = 8,
                                    .kic_len = 32,
                                    .kid_len = 16,
                                    .kik_len = 24};
    for (unsigned i = 0; i < 32; i++) {
        row->pair.key.k[i] = (uint8_t)(i < 16 ? i : 0);
        row->pair.key.opc[i] = (uint8_t)(i < 16 ? 0x40 + i : 0);
        row->pair.ota.kic[i] = (uint8_t)(0x60 + i);
        row->pair.ota.kid[i] = (uint8_t)(i < 16 ? 0x80 + i : 0);
        row->pair.ota.kik[i] = (uint8_t)(i < 24 ? 0xA0 + i : 0);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct key_row row, common, got;
    struct keys_error error;
    char path[PATH_MAX_HERE];
    sample(&row);
    common = row;
    common.common = true;
    common.index = 2;
    common.imsi[0] = '\0';
    common.pair.ota.mac_len = 4;
    write_file(path, "", 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    keys_write_header(f);
    keys_write_row(f, &row);
    keys_write_row(f, &common);
    assert_int_equal(fclose(f), 0);

    assert_true(keys_find(path, CARD, false, 0, &got, &error));
    assert_string_equal(got.iccid, CARD);
    assert_string_equal(got.imsi, "001010123456780");
    assert_false(got.common);
    assert_int_equal(got.pair.algorithm, AKA_MILENAGE);
    assert_memory_equal(&got.pair.key, &row.pair.key, sizeof row.pair.key);
    assert_memory_equal(&got.pair.ota, &row.pair.ota, sizeof row.pair.ota);

    assert_true(keys_find(path, NULL, true, 2, &got, &error));
    assert_true(got.common);
    assert_int_equal(got.index, 2);
    assert_string_equal(got.imsi, "");
    assert_int_equal(got.pair.ota.mac_len, 4);
    assert_int_equal(got.pair.key.k_len, 0);
    assert_memory_equal(&got.pair.ota, &common.pair.ota, sizeof common.pair.ota);
    unlink(path);
}

/* A PIN's row is no keyset's, though it has the same number. */
static void test_pins(void **state)
{
    (void)state;
    struct key_row row, got;
    struct keys_error error;
    char line[KEYS_LINE_MAX];
    memset(&row, 0, sizeof row);
    memcpy(row.iccid, CARD, sizeof CARD);
    row.common = row.pin = true;
    row.index = 2;
    row.pair.ota.version = 0x0A;
    row.pair.key.k_len = 8;
    memcpy(row.pair.key.k, "12345678", 8);
    assert_true(keys_format(&row, line));
    assert_string_equal(line, CARD "\tp2\t-\t-\t3132333435363738\t-\t10\tnone\t-\tnone\t-\t-\t-");
    assert_true(keys_parse("x", line, &got, &error));
    assert_true(got.pin && got.common && !got.domain);
    assert_int_equal(got.index, 2);
    assert_int_equal(got.pair.ota.version, 0x0A);
    assert_memory_equal(&got.pair.key, &row.pair.key, sizeof row.pair.key);
    row.pair.key.opc_len = 8;
    memset(row.pair.key.opc, 0x39, 8);
    assert_true(keys_format(&row, line));
    assert_true(keys_parse("x", line, &got, &error));
    assert_memory_equal(&got.pair.key, &row.pair.key, sizeof row.pair.key);
#define PIN_ROW(rest) HEADER CARD "\tp2\t" rest "\n"
    assert_false(
        find_in(PIN_ROW("-\t-\t3132333435363738\t-\t10\tnone\t-\tnone\t-\t-"), CARD, true, 2, &got, &error));
    assert_non_null(strstr(error.text, "no common keyset c2"));
    refused(HEADER CARD "\tp24\t-\t-\t3132333435363738\t-\t10\tnone\t-\tnone\t-\t-\n", ":2: index 'p24'");
    refused(PIN_ROW("001010\t-\t3132333435363738\t-\t10\tnone\t-\tnone\t-\t-"), ":2: imsi '001010' is not");
    refused(PIN_ROW("-\tmilenage\t3132333435363738\t-\t10\tnone\t-\tnone\t-\t-"),
            ":2: a PIN has no algorithm");
    refused(PIN_ROW("-\t-\t3132333435363738\t-\t10\taes\t-\tnone\t-\t-"), ":2: a PIN has no kic_algorithm");
    refused(PIN_ROW("-\t-\t3132333435363738\t-\t9\tnone\t-\tnone\t-\t-"), ":2: kvn '9' is no key reference");
    refused(PIN_ROW("-\t-\t31323334353637\t-\t10\tnone\t-\tnone\t-\t-"),
            ":2: a PIN (k) and a PUK (opc) have 8 octets");
    refused(PIN_ROW("-\t-\t3132333435363738\t31\t10\tnone\t-\tnone\t-\t-"),
            ":2: a PIN (k) and a PUK (opc) have 8 octets");
}

/* Whatever a pair has that is not as usual comes back as it was. */
static void test_parameters(void **state)
{
    (void)state;
    struct key_row row, got;
    struct keys_error error;
    char line[KEYS_LINE_MAX];
    sample(&row);
    row.pair.sqn = (struct sqn_scheme){.ind_bits = 3, .delta = 1000, .age = UINT64_C(1) << 40};
    row.pair.key.own_constants = true;
    for (unsigned i = 0; i < 5; i++) {
        row.pair.key.milenage.r[i] = (uint8_t)(8 * i);
        memset(row.pair.key.milenage.c[i], (int)i, 16);
    }
    assert_true(keys_format(&row, line));
    assert_true(keys_parse("here", line, &got, &error));
    assert_memory_equal(&got.pair.key, &row.pair.key, sizeof row.pair.key);
    assert_memory_equal(&got.pair.sqn, &row.pair.sqn, sizeof row.pair.sqn);

    sample(&row);
    row.pair.algorithm = AKA_TUAK;
    row.pair.key.k_len = row.pair.key.opc_len = 32;
    row.pair.key.mac_len = 16;
    row.pair.key.res_len = 32;
    row.pair.key.ck_len = 32;
    row.pair.key.iterations = 2;
    row.pair.sqn = (struct sqn_scheme){.ind_bits = 5, .delta = UINT64_C(1) << 28};
    assert_true(keys_format(&row, line));
    assert_non_null(strstr(line, "\tmac=16,res=32,ck=32,iterations=2"));
    assert_true(keys_parse("here", line, &got, &error));
    assert_memory_equal(&got.pair.key, &row.pair.key, sizeof row.pair.key);

    sample(&row);
    row.pair.sqn = got.pair.sqn;
    assert_true(keys_format(&row, line));
    assert_string_equal(line + strlen(line) - 2, "\t-");
    line[4] = '\t';
    assert_false(keys_parse("here", line, &got, &error));
    assert_null(strchr(error.text, '\n'));
}

static bool count_rows(void *ctx, const struct key_row *row, struct keys_error *error)
{
    unsigned *n = ctx;
    snprintf(error->text, sizeof error->text, "enough at %u", row->index);
    return ++*n < 3;
}

static void test_each(void **state)
{
    (void)state;
    struct keys_error error = {""};
    char path[PATH_MAX_HERE];
    unsigned n = 0;
    const char *two = HEADER PAIR("0", "-") PAIR("1", "-"),
               *three = HEADER PAIR("0", "-") PAIR("1", "-") PAIR("2", "-");
    write_file(path, two, strlen(two));
    assert_true(keys_each(path, count_rows, &n, &error));
    assert_int_equal(n, 2);
    unlink(path);
    n = 0;
    write_file(path, three, strlen(three));
    assert_false(keys_each(path, count_rows, &n, &error));
    assert_string_equal(error.text, "enough at 2");
    unlink(path);
    write_file(path, three, strlen(three) - 1);
    n = 0;
    assert_false(keys_each(path, count_rows, &n, &error));
    assert_non_null(strstr(error.text, ":4: the line has no end"));
    unlink(path);
}

static void test_finding(void **state)
{
    (void)state;
    struct key_row row;
    struct keys_error error;
    const char *two = "# from the maker\n" HEADER "\n" PAIR("0", "001010123456780") PAIR("1", "-");
    assert_true(find_in(two, CARD, false, 1, &row, &error));
    assert_string_equal(row.imsi, "");
    assert_int_equal(row.index, 1);
    assert_true(find_in(two, NULL, false, 0, &row, &error));
    assert_false(find_in(two, CARD, false, 2, &row, &error));
    assert_non_null(strstr(error.text, "no pair 2 for card " CARD));
    assert_false(find_in(two, NULL, true, 0, &row, &error));
    assert_non_null(strstr(error.text, "no common keyset c0"));
    assert_false(find_in(two, "8988211000000000007", false, 0, &row, &error));
    assert_non_null(strstr(error.text, "no keys of card 8988211000000000007"));
    assert_false(keys_find("/nonexistent/keys", CARD, false, 0, &row, &error));
    assert_string_equal(error.text, "/nonexistent/keys: No such file or directory");
}

static void test_line_ends(void **state)
{
    (void)state;
    struct key_row row;
    struct keys_error error;
    assert_true(find_in(
        "iccid\tindex\timsi\talgorithm\tk\topc\tkvn\tkic_algorithm\tkic\tkid_algorithm\tkid\tkik\r\n" CARD
        "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\r\n",
        CARD, false, 0, &row, &error));
    assert_false(
        find_in(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA, CARD, false, 0, &row, &error));
    assert_non_null(strstr(error.text, ":2: the line has no end: the file was cut short"));
}

static void test_several_cards(void **state)
{
    (void)state;
    struct key_row row;
    struct keys_error error;
    const char *file =
        HEADER PAIR("0", "-") "8900101000000000027\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\n";
    assert_true(find_in(file, "8900101000000000027", false, 0, &row, &error));
    assert_false(find_in(file, NULL, false, 0, &row, &error));
    assert_non_null(strstr(error.text, ":3: the file has keys of more than one card"));
    assert_false(find_in(HEADER PAIR("0", "-") PAIR("0", "-"), NULL, false, 0, &row, &error));
    assert_non_null(strstr(error.text, ":3: the row for index 0 of " CARD " is there twice"));
}

static void test_hostile(void **state)
{
    (void)state;
    refused("", ":1: not a key file");
    refused("hello\n", ":1: not a key file");
    refused(PAIR("0", "-"), ":1: not a key file");
    refused(HEADER "89\t0\n", ":2: 2 columns, 12 or 13 expected");
    refused(HEADER "\n\n" PAIR("0", "-\t-\t-"), ":4: 14 columns");
    refused(HEADER PAIR("0", "-\t-"), ":2: algorithm '-'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tind\n",
            ":2: parameters: 'ind' is no name=value");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tind=6\n", ":2: parameters: 'ind'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tage=x\n", ":2: parameters: 'age'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tr=0000000000\n",
            ":2: parameters: r and c");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tr=00\n", ":2: parameters: 'r'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\tres=16\n",
            ":2: parameters are none that");
    refused(HEADER CARD "\tc0\t-\t-\t-\t-\t" OTA "\tind=1\n", ":2: a common keyset has no parameters");
    refused(HEADER PAIR("", "-"), ":2: index is empty");
    refused(HEADER PAIR("255", "-"), ":2: index '255'");
    refused(HEADER PAIR("-1", "-"), ":2: index '-1'");
    refused(HEADER PAIR("c", "-"), ":2: index 'c'");
    refused(HEADER PAIR("99999999999", "-"), ":2: index '99999999999'");
    refused(HEADER PAIR("c0", "-"), ":2: a common keyset has no algorithm");
    refused(HEADER PAIR("0", "12345"), ":2: imsi '12345'");
    /* Columns in disorder: what stands there is a key. */
    refused(HEADER CARD "\t0\t" K16 "\tmilenage\t-\t" OPC "\t" OTA "\t-\n",
            ":2: imsi of 32 characters is not");
    refused(HEADER CARD "\t0\t-\t" K16 "\tmilenage\t" OPC "\t" OTA "\t-\n",
            ":2: algorithm of 32 characters is not");
    refused(HEADER CARD "\t" K16 "\t-\tmilenage\t0\t" OPC "\t" OTA "\t-\n",
            ":2: index of 32 characters is neither");
    refused(HEADER K16 "\t0\t-\tmilenage\t" CARD "\t" OPC "\t" OTA "\t-\n",
            ":2: iccid of 32 characters is not");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\t" K16 "\n",
            ":2: parameters: of 32 characters is no");
    refused(HEADER PAIR("0", "00101012345678x"), ":2: imsi");
    refused(HEADER "89001010000000000x9\t0\t-\tmilenage\t" K16 "\t" OPC "\t" OTA "\n",
            ":2: iccid of 19 characters");
    refused(HEADER CARD "\t0\t-\tcomp128\t" K16 "\t" OPC "\t" OTA "\n", ":2: algorithm 'comp128'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "00\t" OPC "\t" OTA "\n", ":2: k has 17 octets");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "0\t" OPC "\t" OTA "\n", ":2: k has an odd number");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 K16 "00\t" OPC "\t" OTA "\n",
            ":2: k has more than 32 octets");
    refused(HEADER CARD "\t0\t-\tmilenage\t00112233zz\t" OPC "\t" OTA "\n",
            ":2: k has a character that is no hex digit, at position 9");
    refused(HEADER CARD "\t0\t-\tmilenage\t-\t" OPC "\t" OTA "\n", ":2: k has 0 octets");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t-\t" OTA "\n", ":2: opc has 0 octets");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t16\taes\t-\taes\t-\t-\n", ":2: kvn '16'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t0\taes\t-\taes\t-\t-\n", ":2: kvn '0'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t1\trc4\t-\taes\t-\t-\n",
            ":2: kic_algorithm 'rc4'");
    refused(HEADER CARD "\t0\t-\tmilenage\t" K16 "\t" OPC "\t1\taes\t0011\taes\t0011\t-\n",
            ":2: the lengths of kic, kid, kik");
}

static void test_long_and_binary(void **state)
{
    (void)state;
    struct key_row row;
    struct keys_error error;
    char path[PATH_MAX_HERE];
    size_t n = sizeof HEADER - 1;
    char *content = malloc(n + 5000);
    assert_non_null(content);
    memcpy(content, HEADER, n);
    memset(content + n, '8', 5000);
    content[n + 4999] = '\n';
    write_file(path, content, n + 5000);
    assert_false(keys_find(path, CARD, false, 0, &row, &error));
    assert_non_null(strstr(error.text, ":2: line longer than"));
    unlink(path);
    content[n + 10] = '\0';
    content[n + 20] = '\n';
    write_file(path, content, n + 21);
    assert_false(keys_find(path, CARD, false, 0, &row, &error));
    assert_non_null(strstr(error.text, ":2: not a text file"));
    unlink(path);
    free(content);
    assert_false(keys_find("/", CARD, false, 0, &row, &error));
    assert_non_null(strstr(error.text, "Is a directory"));
}

/* No prefix of a good file gives a key, but the whole does. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char whole[] = HEADER PAIR("0", "001010123456780");
    struct key_row row;
    struct keys_error error;
    assert_true(find_in(whole, CARD, false, 0, &row, &error));
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char part[sizeof whole];
        memcpy(part, whole, n);
        part[n] = '\0';
        assert_false(find_in(part, CARD, false, 0, &row, &error));
        assert_true(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_finding),
        cmocka_unit_test(test_line_ends),    cmocka_unit_test(test_several_cards),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_long_and_binary),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_each),         cmocka_unit_test(test_pins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles without YAML: index, bytes and back, personalisation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hex.h"
#include "profile.h"
#include <stdio.h>
#include <stdlib.h>

static uint8_t content[600];
static struct profile_file files[] = {
    {.kind = FILE_MF,
     .fid = 0x3F00,
     .arr_fid = 0x2F06,
     .arr_record = 1,
     .applet = 0xFF,
     .name = "MF",
     .pin_status = true},
    {.kind = FILE_LINEAR,
     .fid = 0x2F00,
     .sfi = 30,
     .record_len = 50,
     .arr_fid = 0x2F06,
     .arr_record = 1,
     .applet = 0xFF,
     .size = 100,
     .content = {content, 100},
     .name = "EF.DIR"},
    {.kind = FILE_TRANSPARENT,
     .fid = 0x2FE2,
     .sfi = 2,
     .fill = FILL_ICCID,
     .arr_fid = 0x2F06,
     .arr_record = 2,
     .applet = 0xFF,
     .size = 10,
     .content = {content, 10},
     .name = "EF.ICCID"},
    {.kind = FILE_ADF,
     .fid = PROFILE_FID_CURRENT_ADF,
     .arr_fid = 0x2F06,
     .arr_record = 3,
     .applet = 0,
     .name = "ADF.USIM"},
    {.kind = FILE_TRANSPARENT,
     .fid = 0x6F07,
     .sfi = 7,
     .fill = FILL_IMSI,
     .parent = 3,
     .arr_fid = 0x6F06,
     .arr_record = 4,
     .applet = 0xFF,
     .size = 9,
     .content = {content, 9},
     .name = "EF.IMSI",
     .high_update = true,
     .deactivated = true},
    {.kind = FILE_CYCLIC,
     .fid = 0x6F80,
     .sfi = 20,
     .record_len = 200,
     .parent = 3,
     .arr_fid = 0x6F06,
     .arr_record = 1,
     .applet = 0xFF,
     .size = 600,
     .content = {content, 600},
     .name = "EF.ICI"},
};
static struct profile_pin pins[] = {
    {.reference = 0x01,
     .tries = 3,
     .puk_tries = 10,
     .can_disable = true,
     .adf = 0xFF,
     .value = "1234\xFF\xFF\xFF\xFF",
     .puk = "12345678"},
    {.reference = 0x81,
     .tries = 3,
     .puk_tries = 10,
     .enabled = true,
     .adf = 0,
     .value = "5678\xFF\xFF\xFF\xFF",
     .puk = "87654321"},
};
static struct profile_applet applets[] = {
    {.class_name = "usim",
     .aid = {0xA0, 0, 0, 0, 0x87, 0x10, 0x02},
     .aid_len = 7,
     .adf = 3,
     .n_tars = 2,
     .tars = {{1, 2, 3}, {4, 5, 6}},
     .msl = 0x16,
     .access = 0x101,
     .params = {(const uint8_t *)"abc", 3}},
};
static struct profile_pair pairs[] = {
    {.algorithm = AKA_MILENAGE,
     .sqn = {5, 1u << 28, 0},
     .key = {.k = {1, 2, 3}, .k_len = 16, .opc = {4}, .opc_len = 16},
     .ota = {.version = 1,
             .kic_algorithm = OTA_AES,
             .kid_algorithm = OTA_AES,
             .mac_len = 8,
             .kic_len = 16,
             .kid_len = 16,
             .kik_len = 16},
     .derived = PAIR_DERIVE_OTA,
     .ota_rights = RIGHT_REMOTE_CHANGE},
    {.algorithm = AKA_MILENAGE,
     .sqn = {4, 0, 77},
     .key = {.k_len = 16, .opc_len = 16},
     .ota = {.version = 15,
             .kic_algorithm = OTA_AES,
             .kid_algorithm = OTA_3DES,
             .mac_len = 8,
             .kic_len = 32,
             .kid_len = 24,
             .kik_len = 16},
     .derived = PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA},
    /* Milenage test set 1 (3GPP TS 35.208 4.3.1): OPc from OP */
    {.algorithm = AKA_MILENAGE,
     .sqn = {5, 0, 0},
     .key = {.k = {0x46, 0x5b, 0x5c, 0xe8, 0xb1, 0x99, 0xb4, 0x9f, 0xaa, 0x5f, 0x0a, 0x2e, 0xe2, 0x38, 0xa6,
                   0xbc},
             .k_len = 16,
             .opc = {0xcd, 0xc2, 0x02, 0xd5, 0x12, 0x3e, 0x20, 0xf6, 0x2b, 0x6d, 0x67, 0x6a, 0xc7, 0x2c, 0xb3,
                     0x18},
             .opc_len = 16},
     .ota = {.version = 1,
             .kic_algorithm = OTA_AES,
             .kid_algorithm = OTA_AES,
             .mac_len = 8,
             .kic_len = 16,
             .kid_len = 16,
             .kik_len = 16,
             .kic = {9},
             .kid = {8},
             .kik = {7}},
     .derived = PAIR_FROM_OP},
};
static struct profile_keyset keysets[] = {
    {.keys = {.version = 2,
              .kic_algorithm = OTA_AES,
              .kid_algorithm = OTA_AES,
              .mac_len = 8,
              .kic_len = 16,
              .kid_len = 16,
              .kik_len = 16},
     .derived = true,
     .rights = RIGHT_REMOTE_CHANGE | RIGHT_ADMIN},
};

static struct profile sample(void)
{
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7);
    struct profile p = {.name = "sample",
                        .title = "A sample",
                        .ota_silent = true,
                        .atr = {0x3B, 0x00},
                        .atr_len = 2,
                        .imsi = "001010123456780",
                        .n_files = 6,
                        .files = files,
                        .n_pins = 2,
                        .pins = pins,
                        .n_applets = 1,
                        .applets = applets,
                        .n_pairs = 3,
                        .pairs = pairs,
                        .n_keysets = 1,
                        .keysets = keysets};
    return p;
}

static void test_pin_bits(void **state)
{
    (void)state;
    uint32_t seen = 0;
    int n = 0;
    for (unsigned r = 0; r < 256; r++) {
        int bit = profile_pin_bit((uint8_t)r);
        if (bit < 0)
            continue;
        assert_in_range(bit, 0, 31);
        assert_false(seen & (1u << bit));
        seen |= 1u << bit;
        n++;
    }
    assert_int_equal(n, 8 + 5 + 1 + 8 + 5);
    assert_int_equal(profile_pin_bit(0x01), 0);
    assert_int_equal(profile_pin_bit(0x08), 7);
    assert_int_equal(profile_pin_bit(0x0A), 8);
    assert_int_equal(profile_pin_bit(0x0E), 12);
    assert_int_equal(profile_pin_bit(0x11), 13);
    assert_int_equal(profile_pin_bit(0x81), 16);
    assert_int_equal(profile_pin_bit(0x8E), 28);
    assert_int_equal(profile_pin_bit(0x00), -1);
    assert_int_equal(profile_pin_bit(0x09), -1);
    assert_int_equal(profile_pin_bit(0x0F), -1);
    assert_int_equal(profile_pin_bit(0x89), -1);
    assert_int_equal(profile_pin_bit(0x91), -1);
}

static void test_index(void **state)
{
    (void)state;
    struct profile p = sample();
    assert_int_equal(profile_child(&p, 0, 0x2F00), PROFILE_NO_FILE); /* not indexed yet */
    assert_true(profile_index(&p, NULL));
    assert_int_equal(profile_child(&p, 0, 0x2F00), 1);
    assert_int_equal(profile_child(&p, 0, 0x2FE2), 2);
    assert_int_equal(profile_child(&p, 0, 0x6F07), PROFILE_NO_FILE);
    assert_int_equal(profile_child(&p, 3, 0x6F07), 4);
    assert_int_equal(profile_child(&p, 0, 0x3F00), PROFILE_NO_FILE);
    assert_int_equal(profile_child(&p, 0, PROFILE_FID_CURRENT_ADF), PROFILE_NO_FILE);
    assert_int_equal(profile_sfi(&p, 0, 30), 1);
    assert_int_equal(profile_sfi(&p, 3, 7), 4);
    assert_int_equal(profile_sfi(&p, 3, 0), PROFILE_NO_FILE);
    assert_int_equal(profile_sfi(&p, 3, 30), PROFILE_NO_FILE);
    assert_true(profile_index(&p, NULL)); /* anew, without a leak */
    free(p.children);
}

static void expect_index_error(struct profile_file *changed, uint16_t at)
{
    struct profile p = sample();
    p.files = changed;
    uint16_t file = 0;
    assert_false(profile_index(&p, &file));
    assert_int_equal(file, at);
    assert_int_equal(profile_child(&p, 0, 0x2F00), PROFILE_NO_FILE);
}

static void test_index_errors(void **state)
{
    (void)state;
    struct profile_file f[6];
#define CHANGE(at, change)                                                                                   \
    do {                                                                                                     \
        memcpy(f, files, sizeof f);                                                                          \
        change;                                                                                              \
        expect_index_error(f, at);                                                                           \
    } while (0)
    CHANGE(5, f[5].fid = 0x6F07);
    CHANGE(5, f[5].sfi = 7);
    CHANGE(4, f[4].parent = 4);
    CHANGE(4, f[4].parent = 5);
    CHANGE(4, f[4].parent = 9999);
    CHANGE(4, f[4].parent = 2);
    CHANGE(4, f[4].kind = FILE_MF);
    CHANGE(0, f[0].kind = FILE_DF);
#undef CHANGE
    struct profile p = sample();
    p.n_files = 0;
    assert_false(profile_index(&p, NULL));
}

static void test_index_large(void **state)
{
    (void)state;
    struct profile_file *many = calloc(PROFILE_FILES_MAX, sizeof *many);
    assert_non_null(many);
    many[0] = files[0];
    for (unsigned i = 1; i < PROFILE_FILES_MAX; i++)
        many[i] = (struct profile_file){
            .kind = i % 64 == 1 ? FILE_DF : FILE_TRANSPARENT,
            .fid = (uint16_t)(0x4000 + i),
            .parent = (uint16_t)(i % 64 == 1 ? 0 : (i - 1) / 64 * 64 + (i == 0 ? 0 : 1)),
            .sfi = (uint8_t)(i % 64 > 1 && i % 64 < 30 ? i % 64 : 0)};
    many[PROFILE_FILES_MAX - 1].parent = 1;
    for (unsigned i = 64; i < PROFILE_FILES_MAX; i += 64)
        many[i].parent = (uint16_t)(i - 63);
    struct profile p = sample();
    p.files = many;
    p.n_files = PROFILE_FILES_MAX;
    uint16_t bad = 0;
    assert_true(profile_index(&p, &bad));
    for (unsigned i = 1; i < PROFILE_FILES_MAX; i++) {
        assert_int_equal(profile_child(&p, many[i].parent, many[i].fid), i);
        if (many[i].sfi != 0)
            assert_int_equal(profile_sfi(&p, many[i].parent, many[i].sfi), i);
    }
    free(p.children);
    free(many);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct profile p = sample();
    uint8_t *bytes, *again;
    size_t n, n_again;
    assert_true(profile_encode(&p, &bytes, &n));
    struct uicc_profile *u = profile_decode(span_of(bytes, n));
    assert_non_null(u);
    assert_string_equal(u->p.name, "sample");
    assert_string_equal(u->p.title, "A sample");
    assert_string_equal(u->p.imsi, p.imsi);
    assert_true(u->p.ota_silent);
    assert_false(u->p.insecure);
    assert_int_equal(u->p.n_files, 6);
    assert_string_equal(u->p.files[4].name, "EF.IMSI");
    assert_int_equal(u->p.files[4].fill, FILL_IMSI);
    assert_true(u->p.files[4].deactivated);
    assert_true(u->p.files[4].high_update);
    assert_int_equal(u->p.files[5].size, 600);
    assert_memory_equal(u->p.files[5].content.p, content, 600);
    assert_int_equal(u->p.files[3].applet, 0);
    assert_memory_equal(&u->p.pins[1], &pins[1], sizeof pins[1]);
    assert_string_equal(u->p.applets[0].class_name, "usim");
    assert_int_equal(u->p.applets[0].n_tars, 2);
    assert_memory_equal(u->p.applets[0].tars, applets[0].tars, 6);
    assert_int_equal(u->p.applets[0].params.n, 3);
    assert_int_equal(u->p.pairs[1].sqn.age, 77);
    assert_int_equal(u->p.pairs[1].ota.kid_algorithm, OTA_3DES);
    assert_memory_equal(u->p.pairs[0].key.k, pairs[0].key.k, 16);
    assert_int_equal(u->p.keysets[0].rights, 3);
    assert_true(u->p.keysets[0].derived);
    assert_int_equal(profile_child(&u->p, 3, 0x6F07), 4);
    assert_true(profile_encode(&u->p, &again, &n_again));
    assert_int_equal(n, n_again);
    assert_memory_equal(bytes, again, n);
    profile_free(u);
    free(bytes);
    free(again);
    profile_free(NULL);
}

static void test_encode_refuses(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct profile p = sample();
    p.title = text;
    assert_false(profile_encode(&p, &bytes, &n));
    assert_null(bytes);
    p = sample();
    memset(p.imsi, '1', sizeof p.imsi);
    assert_false(profile_encode(&p, &bytes, &n));
    p = sample();
    p.atr_len = 34;
    assert_false(profile_encode(&p, &bytes, &n));
    p = sample();
    struct profile_pair pair = pairs[0];
    pair.ota.kic_len = 15;
    p.pairs = &pair;
    p.n_pairs = 1;
    assert_false(profile_encode(&p, &bytes, &n));
    assert_null(bytes);
}

/* Each change makes a profile that encodes but must not decode. */
static void test_decode_refuses(void **state)
{
    (void)state;
    struct profile_file f[6];
    struct profile_applet a[1];
    struct profile_pin q[2];
    struct profile_pair r[3];
#define REFUSED(change)                                                                                      \
    do {                                                                                                     \
        struct profile p = sample();                                                                         \
        memcpy(f, files, sizeof f), memcpy(a, applets, sizeof a), memcpy(q, pins, sizeof q),                 \
            memcpy(r, pairs, sizeof r);                                                                      \
        p.files = f, p.applets = a, p.pins = q, p.pairs = r;                                                 \
        change;                                                                                              \
        uint8_t *bytes;                                                                                      \
        size_t n;                                                                                            \
        assert_true(profile_encode(&p, &bytes, &n));                                                         \
        assert_null(profile_decode(span_of(bytes, n)));                                                      \
        free(bytes);                                                                                         \
    } while (0)
    REFUSED(p.imsi[3] = 'x');
    REFUSED(p.imsi[3] = 0);
    REFUSED(p.atr_len = 1);
    REFUSED(p.n_files = 0);
    REFUSED(f[1].sfi = 31);
    REFUSED(f[1].record_len = 0);
    REFUSED(f[1].record_len = 33);
    REFUSED(f[2].record_len = 1);
    REFUSED(f[2].content.n = 9);
    REFUSED(f[2].content.n = 0);
    REFUSED(f[4].content.n = 10);
    REFUSED(f[4].parent = 4);
    REFUSED(f[4].arr_record = 0);
    REFUSED(f[4].kind = 0);
    REFUSED(f[4].kind = 8);
    REFUSED(f[4].applet = 0);
    REFUSED(f[4].fid = 0x6F80);
    REFUSED(f[3].applet = 0xFF);
    REFUSED(f[3].applet = 1);
    REFUSED(f[0].parent = 1);
    REFUSED(f[0].fill = FILL_IMSI);
    REFUSED(a[0].aid_len = 4);
    REFUSED(a[0].adf = 6);
    REFUSED(a[0].adf = 1);
    REFUSED(a[0].msl = 0x20);
    REFUSED(q[0].reference = 9);
    REFUSED(q[0].tries = 0);
    REFUSED(q[0].tries = 16);
    REFUSED(q[0].puk_tries = 16);
    REFUSED(q[1].adf = 1);
    REFUSED((q[1].reference = 1, q[1].adf = 0xFF));
    REFUSED(r[0].algorithm = 99);
    REFUSED(r[0].derived = 16);
    REFUSED(r[0].derived = PAIR_FROM_OP | PAIR_DERIVE_OPC);
    REFUSED(r[0].sqn.ind_bits = 6);
    REFUSED(r[0].key.k_len = 15);
    REFUSED(r[0].key.opc_len = 0);
    REFUSED(r[0].ota_rights = 16);
#undef REFUSED
}

static uint64_t rng(uint64_t *s) /* SplitMix64: the same bytes in every run */
{
    uint64_t z = (*s += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static void try_decode(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n == 0 ? 1 : n); /* so that a sanitizer sees a read beyond the end */
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    struct uicc_profile *u = profile_decode(span_of(exact, n));
    free(exact);
    if (u != NULL) { /* what decodes must be usable, without the bytes it came from, and encode again */
        uint8_t *again;
        size_t m;
        for (unsigned i = 0; i < u->p.n_files; i++)
            (void)profile_child(&u->p, u->p.files[i].parent, u->p.files[i].fid);
        assert_true(profile_encode(&u->p, &again, &m));
        assert_int_equal(m, n);
        free(again);
    }
    profile_free(u);
}

static void test_decode_cut(void **state)
{
    (void)state;
    struct profile p = sample();
    uint8_t *bytes;
    size_t n;
    assert_true(profile_encode(&p, &bytes, &n));
    for (size_t i = 0; i < n; i++)
        assert_null(profile_decode(span_of(bytes, i)));
    uint8_t *longer = malloc(n + 1);
    assert_non_null(longer);
    memcpy(longer, bytes, n);
    longer[n] = 0;
    assert_null(profile_decode(span_of(longer, n + 1)));
    free(longer);
    free(bytes);
}

static void test_decode_mutations(void **state)
{
    (void)state;
    struct profile p = sample();
    uint8_t *bytes;
    size_t n;
    uint64_t seed = 1;
    assert_true(profile_encode(&p, &bytes, &n));
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, bytes, n);
        size_t changes = 1 + rng(&seed) % 4;
        for (size_t i = 0; i < changes; i++) {
            static const uint8_t edge[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
            uint64_t r = rng(&seed);
            copy[rng(&seed) % n] = r & 1 ? (uint8_t)(r >> 8) : edge[(r >> 8) % sizeof edge];
        }
        try_decode(copy, rng(&seed) % 8 == 0 ? rng(&seed) % n : n);
    }
    free(copy);
    free(bytes);
}

/* ---- what decks have in them: no value may ever change its meaning ---- */

static struct profile_file stored_files[] = {
    {.kind = FILE_MF, .fid = 0x3F00, .arr_fid = 0x2F06, .arr_record = 1, .applet = 0xFF, .pin_status = true, .name = "MF"},
    {.kind = FILE_ADF, .fid = 0x7FFF, .arr_fid = 0x2F06, .arr_record = 2, .applet = 0, .pin_status = true, .name = "A"},
    {.kind = FILE_TRANSPARENT, .fid = 0x6F07, .sfi = 7, .fill = FILL_IMSI, .parent = 1, .arr_fid = 0x6F06, .arr_record = 3, .applet = 0xFF,
     .size = 9, .content = {(const uint8_t *)"imsiimsii", 9}, .high_update = true, .name = "I"},
    {.kind = FILE_LINEAR, .fid = 0x6F04, .fill = FILL_IMPU, .parent = 1, .arr_fid = 0x6F06, .arr_record = 4, .applet = 0xFF,
     .record_len = 2, .size = 4, .content = {(const uint8_t *)"abcd", 4}, .deactivated = true, .name = "L"},
    {.kind = FILE_CYCLIC, .fid = 0x6F80, .sfi = 20, .parent = 1, .arr_fid = 0x6F06, .arr_record = 5, .applet = 0xFF,
     .record_len = 3, .size = 3, .content = {(const uint8_t *)"efg", 3}, .name = "C"},
    {.kind = FILE_BERTLV, .fid = 0x6FF8, .parent = 1, .arr_fid = 0x6F06, .arr_record = 6, .applet = 0xFF,
     .size = 2, .content = {(const uint8_t *)"hi", 2}, .open_deactivated = true, .name = "B"},
    {.kind = FILE_TRANSPARENT, .fid = 0x6F07, .arr_fid = 0x2F06, .arr_record = 7, .applet = 0xFF, .link = 2,
     .size = 9, .content = {(const uint8_t *)"imsiimsii", 9}, .high_update = true, .name = "K"},
    {.kind = FILE_TRANSPARENT, .fid = 0x2FE2, .sfi = 2, .fill = FILL_ICCID, .arr_fid = 0x2F06, .arr_record = 8, .applet = 0xFF,
     .size = 10, .content = {(const uint8_t *)"iccidiccid", 10}, .name = "N"},
    {.kind = FILE_TRANSPARENT, .fid = 0x6F02, .fill = FILL_IMPI, .parent = 1, .arr_fid = 0x6F06, .arr_record = 9, .applet = 0xFF,
     .size = 1, .content = {(const uint8_t *)"p", 1}, .name = "P"},
    {.kind = FILE_TRANSPARENT, .fid = 0x6F03, .fill = FILL_DOMAIN, .parent = 1, .arr_fid = 0x6F06, .arr_record = 10, .applet = 0xFF,
     .size = 1, .content = {(const uint8_t *)"d", 1}, .name = "D"},
    {.kind = FILE_DF, .fid = 0x7F10, .arr_fid = 0x2F06, .arr_record = 11, .applet = 0xFF, .name = "T"},
};
static struct profile_applet stored_applets[] = {
    {.class_name = "usim", .aid = {0xA0, 0, 0, 0, 0x87}, .aid_len = 5, .adf = 1, .msl = 0x16, .so = ""},
    {.class_name = "x", .adf = PROFILE_NO_FILE, .n_tars = 1, .tars = {{0xB0, 0, 1}}, .msl = 0x12, .access = 0x10002, .params = {(const uint8_t *)"yz", 2}, .so = "/x"},
};
static struct profile_pin stored_pins[] = {
    {.reference = 0x01, .tries = 3, .puk_tries = 10, .enabled = true, .adf = 0xFF, .value = "1111222", .puk = "3333444", .derived = PIN_DERIVE_PUK},
    {.reference = 0x81, .tries = 4, .can_disable = true, .adf = 0, .value = "5555666", .derived = PIN_DERIVE_VALUE},
};
#define STORED_OTA(v)                                                                                        \
    {                                                                                                        \
        .version = v, .kic_algorithm = OTA_DES, .kid_algorithm = OTA_3DES, .mac_len = 8, .kic_len = 8,       \
        .kid_len = 16, .kic = "KKKKKKK", .kid = "DDDDDDDDDDDDDDD"                                            \
    }
static struct profile_pair stored_pairs[] = {
    {.algorithm = AKA_MILENAGE, .derived = PAIR_FROM_OP | PAIR_DERIVE_K, .sqn = {3, 0x10203, 0x40506}, .ota = STORED_OTA(1), .ota_rights = RIGHT_REMOTE_CHANGE | RIGHT_MANAGE_APPLETS,
     .key = {.k_len = 16, .opc_len = 16, .opc = "OOOOOOOOOOOOOOO", .own_constants = true, .milenage = {.r = {1, 2, 3, 4, 5}, .c = {"0", "1", "2", "3", "4"}}}},
    {.algorithm = AKA_TUAK, .derived = PAIR_DERIVE_OPC, .sqn = {5, 0, 0}, .ota_rights = RIGHT_ADMIN,
     .key = {.k_len = 16, .k = "TTTTTTTTTTTTTTT", .opc_len = 32, .mac_len = 16, .res_len = 8, .ck_len = 16, .ik_len = 32, .iterations = 2},
     .ota = {.version = 2, .kic_algorithm = OTA_NONE, .kid_algorithm = OTA_AES, .mac_len = 4, .kid_len = 16, .kid = "AAAAAAAAAAAAAAA"}},
    {.algorithm = AKA_XOR, .derived = PAIR_DERIVE_OTA, .sqn = {0, 1, 2}, .key = {.k_len = 16, .k = "XXXXXXXXXXXXXXX"}, .ota = STORED_OTA(3), .ota_rights = RIGHT_REPLACE_KEYS},
};
static struct profile_keyset stored_keysets[] = {
    {.keys = STORED_OTA(15), .derived = true, .rights = RIGHT_REMOTE_CHANGE},
    {.keys = STORED_OTA(0x30), .domain = 2},
};

static struct profile stored_profile(void)
{
    return (struct profile){.name = "n",
                            .title = "t",
                            .insecure = true,
                            .atr = {0x3B, 0x00},
                            .atr_len = 2,
                            .imsi = "001010",
                            .n_files = 11,
                            .files = stored_files,
                            .n_pins = 2,
                            .pins = stored_pins,
                            .n_applets = 2,
                            .applets = stored_applets,
                            .n_pairs = 3,
                            .pairs = stored_pairs,
                            .n_keysets = 2,
                            .keysets = stored_keysets};
}

static const char stored_4[] =
    "53555046 04" /* "SUPF", version */
    "0001 6E 0001 74 01" /* name, title, insecure */
    "02 3B00 0006 303031303130" /* ATR, IMSI */
    /* files: kind, SFI, record length, fill, FID, parent, EF.ARR, record, applet,
     * flags [link], name, content */
    "000B"
    "01 00 00 00 3F00 0000 2F06 01 FF 04 0002 4D46 00000000" /* MF; 04: PIN status */
    "03 00 00 00 7FFF 0000 2F06 02 00 04 0001 41 00000000" /* ADF of applet 0 */
    /* transparent, IMSI; 02: high update activity */
    "04 07 00 02 6F07 0001 6F06 03 FF 02 0001 49 00000009 696D7369696D736969"
    "05 00 02 04 6F04 0001 6F06 04 FF 01 0001 4C 00000004 61626364" /* linear, IMPU; 01: deactivated */
    "06 14 03 00 6F80 0001 6F06 05 FF 00 0001 43 00000003 656667" /* cyclic */
    "07 00 00 00 6FF8 0001 6F06 06 FF 10 0001 42 00000002 6869" /* BER-TLV; 10: open when deactivated */
    "04 00 00 00 6F07 0000 2F06 07 FF 0A 0002 0001 4B 00000000" /* 08: link to file 2 */
    "04 02 00 01 2FE2 0000 2F06 08 FF 00 0001 4E 0000000A 69636369646963636964" /* ICCID */
    "04 00 00 03 6F02 0001 6F06 09 FF 00 0001 50 00000001 70" /* IMPI */
    "04 00 00 05 6F03 0001 6F06 0A FF 00 0001 44 00000001 64" /* domain */
    "02 00 00 00 7F10 0000 2F06 0B FF 00 0001 54 00000000" /* DF */
    "02" /* applets: class, AID, file, TARs, MSL, access, parameters [shared object] */
    "0004 7573696D 05 A000000087 0001 00 16 00000000 00000000 0000"
    "0001 78 00 FFFF 01 B00001 12 00010002 00000002 797A 0002 2F78"
    "02" /* PINs: reference, tries, tries of the PUK, flags, applet, value, PUK */
    "01 03 0A 09 FF 3131313132323200 3333333334343400" /* 01: enabled, 08: PUK derived */
    "81 04 00 06 00 3535353536363600 0000000000000000" /* 02: can be disabled, 04: derived */
    "0003" /* pairs: algorithm, derived, SQN scheme, key, keyset (version, KIc, KID, MAC, lengths), rights */
    "01 09 03 0000000000010203 0000000000040506" /* Milenage; 08: from OP, 01: K derived */
    /* its own constants */
    "10 00000000000000000000000000000000 10 4F4F4F4F4F4F4F4F4F4F4F4F4F4F4F00 00 00 00 00 00 01"
    "0102030405 30000000000000000000000000000000 31000000000000000000000000000000 32000000000000000000000000000000"
    "33000000000000000000000000000000 34000000000000000000000000000000"
    /* DES, 3DES; remote change, manage applets */
    "1F 01 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00 00000009"
    "02 02 05 0000000000000000 0000000000000000" /* TUAK; 02: OPc derived */
    /* MAC, RES, CK, IK, iterations */
    "10 54545454545454545454545454545400 20 0000000000000000000000000000000000000000000000000000000000000000 10 08 10 20 02 00"
    "17 02 0003 04 00 10 00 41414141414141414141414141414100 00000002" /* none, AES; admin */
    "03 04 00 0000000000000001 0000000000000002" /* XOR; 04: OTA keys derived */
    "10 58585858585858585858585858585800 00 00 00 00 00 00 00"
    "1F 03 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00 00000004" /* replace keys */
    "02" /* keysets: derived, rights, domain, keyset */
    "01 00000001 00 1F 0F 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00"
    /* the second applet's */
    "00 00000000 02 1F 30 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00";

/* What has none of the new things is written as older versions read it. */
static const char stored_1[] =
    "53555046 01 0001 6E 0001 74 01 02 3B00 0006 303031303130"
    "0001 01 00 00 00 3F00 0000 2F06 01 FF 04 0002 4D46 00000000"
    "01 0001 78 00 FFFF 01 B00001 12 00010002 00000002 797A"
    "01 81 04 00 02 FF 3535353536363600 0000000000000000"
    "0001 03 04 00 0000000000000001 0000000000000002 10 58585858585858585858585858585800 00 00 00 00 00 00 00 1F 03 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00 00000004"
    "01 00 00000000 1F 0F 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00";

static const char stored_2[] =
    "53555046 02 0001 6E 0001 74 01 02 3B00 0006 303031303130"
    "0001 01 00 00 00 3F00 0000 2F06 01 FF 04 0002 4D46 00000000"
    "01 0001 78 00 FFFF 01 B00001 12 00010002 00000002 797A"
    "01 81 04 00 02 FF 3535353536363600 0000000000000000"
    "0001 03 04 00 0000000000000001 0000000000000002 10 58585858585858585858585858585800 00 00 00 00 00 00 00 1F 03 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00 00000004"
    "01 00 00000000 01 1F 0F 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00";

static const char stored_3[] =
    "53555046 03 0001 6E 0001 74 01 02 3B00 0006 303031303130"
    "0001 01 00 00 00 3F00 0000 2F06 01 FF 04 0002 4D46 00000000"
    "01 0001 78 00 FFFF 01 B00001 12 00010002 00000002 797A 0002 2F78"
    "01 81 04 00 02 FF 3535353536363600 0000000000000000"
    "0001 03 04 00 0000000000000001 0000000000000002 10 58585858585858585858585858585800 00 00 00 00 00 00 00 1F 03 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00 00000004"
    "01 00 00000000 01 1F 0F 0102 08 08 10 00 4B4B4B4B4B4B4B00 444444444444444444444444444444 00";

/* It is encoded to that, and that is decoded to what it was: one way alone, both
 * ends could change together. */
static void stored_as(const struct profile *p, const char *text)
{
    uint8_t expected[2000], *bytes = NULL;
    struct buf b = buf_of(expected, sizeof expected);
    size_t n = 0, where = 0;
    assert_true(hex_parse(text, &b, &where));
    assert_true(profile_encode(p, &bytes, &n));
    assert_int_equal(n, b.len);
    assert_memory_equal(bytes, expected, n);
    free(bytes);
    struct uicc_profile *u = profile_decode(buf_span(&b));
    assert_non_null(u);
    const struct profile *q = &u->p;
    assert_true(strcmp(q->name, p->name) == 0 && strcmp(q->title, p->title) == 0 &&
                strcmp(q->imsi, p->imsi) == 0);
    assert_true(q->insecure == p->insecure && q->ota_silent == p->ota_silent && q->atr_len == p->atr_len &&
                memcmp(q->atr, p->atr, p->atr_len) == 0);
    assert_true(q->n_files == p->n_files && q->n_applets == p->n_applets && q->n_pins == p->n_pins &&
                q->n_pairs == p->n_pairs && q->n_keysets == p->n_keysets);
    for (unsigned i = 0; i < p->n_files; i++) {
        const struct profile_file *f = &p->files[i], *g = &q->files[i];
        assert_true(g->kind == f->kind && g->sfi == f->sfi && g->record_len == f->record_len &&
                    g->fill == f->fill && g->fid == f->fid);
        assert_true(g->parent == f->parent && g->arr_fid == f->arr_fid && g->arr_record == f->arr_record &&
                    g->applet == f->applet && g->link == f->link);
        assert_true(g->deactivated == f->deactivated && g->high_update == f->high_update &&
                    g->open_deactivated == f->open_deactivated && g->pin_status == f->pin_status);
        assert_true(g->size == f->size && span_equal(g->content, f->content) &&
                    strcmp(g->name, f->name) == 0);
    }
    for (unsigned i = 0; i < p->n_applets; i++) {
        const struct profile_applet *a = &p->applets[i], *c = &q->applets[i];
        assert_true(strcmp(c->class_name, a->class_name) == 0 && strcmp(c->so, a->so) == 0 &&
                    span_equal(c->params, a->params));
        assert_true(c->aid_len == a->aid_len && memcmp(c->aid, a->aid, a->aid_len) == 0 && c->adf == a->adf &&
                    c->msl == a->msl && c->access == a->access);
        assert_true(c->n_tars == a->n_tars && memcmp(c->tars, a->tars, 3u * a->n_tars) == 0);
    }
    for (unsigned i = 0; i < p->n_pins; i++)
        assert_memory_equal(&q->pins[i], &p->pins[i], sizeof p->pins[i]);
    for (unsigned i = 0; i < p->n_pairs; i++) {
        const struct profile_pair *x = &p->pairs[i], *y = &q->pairs[i];
        assert_true(y->algorithm == x->algorithm && y->derived == x->derived &&
                    y->ota_rights == x->ota_rights);
        assert_true(y->sqn.ind_bits == x->sqn.ind_bits && y->sqn.delta == x->sqn.delta &&
                    y->sqn.age == x->sqn.age);
        assert_memory_equal(&y->key, &x->key, sizeof x->key);
        assert_memory_equal(&y->ota, &x->ota, sizeof x->ota);
    }
    for (unsigned i = 0; i < p->n_keysets; i++) {
        assert_true(q->keysets[i].derived == p->keysets[i].derived &&
                    q->keysets[i].rights == p->keysets[i].rights &&
                    q->keysets[i].domain == p->keysets[i].domain);
        assert_memory_equal(&q->keysets[i].keys, &p->keysets[i].keys, sizeof p->keysets[i].keys);
    }
    profile_free(u);
}

static void test_stored_form(void **state)
{
    (void)state;
    struct profile p = stored_profile();
    stored_as(&p, stored_4);
    struct profile_applet applet = stored_applets[1];
    struct profile_pin pin = stored_pins[1];
    p.n_files = 1, p.n_applets = 1, p.n_pins = 1, p.n_pairs = 1, p.n_keysets = 1;
    p.applets = &applet, p.pins = &pin, p.pairs = &stored_pairs[2];
    pin.adf = 0xFF, pin.derived = 0;
    struct profile_keyset keyset = {.keys = STORED_OTA(15), .domain = 1};
    p.keysets = &keyset;
    stored_as(&p, stored_3);
    applet.so = "";
    stored_as(&p, stored_2);
    keyset.domain = 0;
    stored_as(&p, stored_1);
}

static void test_personal(void **state)
{
    (void)state;
    struct uicc_crypto *c = crypto_new();
    assert_non_null(c);
    struct profile p = sample();
    struct span seed = span_of("0123456789abcdef0123456789abcdef", 32);
    const char *iccid = "8988211000000000013";
    struct profile_pair q, r;

    assert_true(personal_pair(c, &p, seed, iccid, 0, &q));
    assert_memory_equal(q.key.k, pairs[0].key.k, 16); /* given, not derived */
    assert_int_equal(q.derived, 0);
    uint8_t zero[32] = {0}, expected[32];
    assert_memory_not_equal(q.ota.kic, zero, 16);
    assert_memory_equal(q.ota.kic + 16, zero, 16);
    assert_memory_not_equal(q.ota.kic, q.ota.kid, 16);
    assert_memory_not_equal(q.ota.kid, q.ota.kik, 16);

    assert_true(personal_pair(c, &p, seed, iccid, 1, &q));
    assert_true(personal_derive(c, seed, iccid, "k", 1, expected, 16));
    assert_memory_equal(q.key.k, expected, 16);
    assert_true(personal_derive(c, seed, iccid, "kic", 1, expected, 32));
    assert_memory_equal(q.ota.kic, expected, 32);
    assert_true(personal_pair(c, &p, seed, "8988211000000000021", 1, &r));
    assert_memory_not_equal(q.key.k, r.key.k, 16);
    assert_memory_not_equal(q.key.k, q.key.opc, 16);
    /* independent of what computes it: HMAC-SHA-256 by Python's hmac over
     * "k" 00 "8988211000000000013" 00 00000001 */
    assert_true(personal_derive(c, seed, iccid, "k", 1, expected, 32));
    static const uint8_t reference[32] = {0x51, 0xcd, 0x78, 0x72, 0x59, 0x3a, 0x4f, 0x15, 0x45, 0x61, 0xb7,
                                          0x19, 0xb0, 0xf5, 0x81, 0x00, 0x43, 0x6c, 0x32, 0xee, 0xe4, 0xb6,
                                          0x3a, 0xc8, 0xff, 0xfc, 0xf0, 0xac, 0x44, 0xdf, 0xc7, 0x32};
    assert_memory_equal(expected, reference, 32);

    assert_true(personal_pair(c, &p, seed, iccid, 2, &q));
    static const uint8_t opc[16] = {0xcd, 0x63, 0xcb, 0x71, 0x95, 0x4a, 0x9f, 0x4e,
                                    0x48, 0xa5, 0x99, 0x4e, 0x37, 0xa0, 0x2b, 0xaf};
    assert_memory_equal(q.key.opc, opc, 16);
    assert_int_equal(q.ota.kic[0], 9);

    assert_false(personal_pair(c, &p, seed, iccid, 3, &q));
    assert_memory_equal(q.key.k, zero, 16);
    assert_false(personal_pair(c, &p, span_slice(seed, 0, 15), iccid, 1, &q));
    assert_memory_equal(q.key.k, zero, 16);
    uint8_t big[33];
    memset(big, 1, sizeof big);
    assert_false(personal_derive(c, seed, iccid, "k", 1, big, sizeof big));
    assert_int_equal(big[32], 0);

    struct profile_keyset k;
    assert_true(personal_keyset(c, &p, seed, iccid, 0, &k));
    assert_false(k.derived);
    assert_true(personal_derive(c, seed, iccid, "common-kid", 0, expected, 16));
    assert_memory_equal(k.keys.kid, expected, 16);
    assert_false(personal_keyset(c, &p, seed, iccid, 1, &k));
    crypto_free(c);
}

/* Who keeps a seed has the keys of cards made long ago: each label and index counts. Reference:
 * HMAC-SHA-256 by Python's hmac. */
static void test_derived_forever(void **state)
{
    (void)state;
    struct uicc_crypto *c = crypto_new();
    assert_non_null(c);
    struct profile p = sample();
    struct profile_pin own[] = {{.reference = 0x0A, .adf = 0xFF, .derived = PIN_DERIVE_VALUE},
                                {.reference = 0x01, .adf = 0xFF, .derived = PIN_DERIVE_PUK, .puk_tries = 10, .value = "1234\xFF\xFF\xFF\xFF"},
                                {.reference = 0x81, .adf = 0, .derived = PIN_DERIVE_VALUE, .puk = "12345678"}};
    struct profile_keyset sets[] = {keysets[0], keysets[0]};
    sets[1].domain = 2;
    sets[1].keys.version = 0x30;
    p.pins = own, p.keysets = sets, p.n_pins = 3, p.n_keysets = 2;
    const struct span seed = span_of("0123456789abcdef0123456789abcdef", 32);
    const char *iccid = "8988211000000000013";
    struct profile_pair q;
    struct profile_keyset k;
    uint8_t value[8], puk[8];
    assert_true(personal_pair(c, &p, seed, iccid, 1, &q));
    assert_memory_equal(q.key.opc, "\xbd\xaf\x08\xae", 4);
    assert_memory_equal(q.ota.kic, "\x6b\xcf\xd4\xa5", 4);
    assert_memory_equal(q.ota.kid, "\xae\xfb\x13\x39", 4);
    assert_memory_equal(q.ota.kik, "\xc9\xbb\xbc\x5a", 4);
    assert_true(personal_keyset(c, &p, seed, iccid, 0, &k));
    assert_memory_equal(k.keys.kic, "\x88\xc0\x50\x50", 4);
    assert_memory_equal(k.keys.kid, "\x84\xd7\x10\xed", 4);
    assert_memory_equal(k.keys.kik, "\xd7\xc0\x46\x58", 4);
    assert_true(personal_keyset(c, &p, seed, iccid, 1, &k));
    assert_memory_equal(k.keys.kic, "\x23\xa3\x09\x71", 4);
    assert_memory_equal(k.keys.kid, "\xa4\x72\xfc\x13", 4);
    assert_memory_equal(k.keys.kik, "\x97\xb7\x6a\xc9", 4);
    assert_true(personal_pin(c, &p, seed, iccid, NULL, 0, value, puk));
    assert_memory_equal(value, "55296969", 8);
    assert_true(personal_pin(c, &p, seed, iccid, NULL, 1, value, puk));
    assert_memory_equal(value, "1234\xFF\xFF\xFF\xFF", 8);
    assert_memory_equal(puk, "58073083", 8);
    assert_true(personal_pin(c, &p, seed, iccid, NULL, 2, value, puk));
    assert_memory_equal(value, "0677\xFF\xFF\xFF\xFF", 8);
    assert_memory_equal(puk, "12345678", 8);
    crypto_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin_bits),         cmocka_unit_test(test_index),
        cmocka_unit_test(test_index_errors),     cmocka_unit_test(test_index_large),
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_encode_refuses),
        cmocka_unit_test(test_decode_refuses),   cmocka_unit_test(test_decode_cut),
        cmocka_unit_test(test_decode_mutations), cmocka_unit_test(test_personal),
        cmocka_unit_test(test_stored_form), cmocka_unit_test(test_derived_forever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

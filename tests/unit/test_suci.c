/* SPDX-License-Identifier: Apache-2.0
 *
 * GET IDENTITY (3GPP TS 31.102 7.5) and the concealment behind it, against the implementers' test data of
 * TS 33.501 C.4: the ephemeral private keys come through the environment's random.
 */
#include "auth_profile.h"
#include "ecies.h"
#include "tlv.h"

#define HN_A "5A8D38864820197C3394B92613B20B91633CBD897119273BF8E4A6F4EEC0A650"
#define HN_B "0272DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD1"
#define HN_B_LONG                                                                                            \
    "0472DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD15A7DED52FCBB097A4ED250E036C7B9C8C700" \
    "4C4EEDC4F0"                                                                                             \
    "68CD7BF8D3F900E3B4"
#define EPH_A     "c80949f13ebe61af4ebdbd293ea4f942696b9e815d7e8f0096bbf6ed7de62256"
#define EPH_A_NSI "BE9EFF3E9F22A4B42A3D236E7A6C500B3F2E7E0C7449988BA800D664BF4FCD97"
#define EPH_B     "99798858A1DC6A2C68637149A4B1DBFD1FDFF5ADDD62A2142F06699ED7602529"
#define EPH_B_NSI "90A5898BD29FFA3F261E00E980067C70A2B1B992A21F5B4FEF6D4DF69FE804AD"
#define OUT_A                                                                                                \
    "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457d"                                       \
    "cb02352410"                                                                                             \
    "cddd9e730ef3fa87"
#define OUT_B                                                                                                \
    "039AAB8376597021E855679A9778EA0B67396E68C66DF32C0F41E9ACCA2DA9B9D1"                                     \
    "46A33FC271"                                                                                             \
    "6AC7DAE96AA30A4D"
#define NSI     "801A766572796C6F6E67757365726E616D653140336770702E636F6D" /* verylongusername1@3gpp.com */
#define IMSI_C4 "274012001002086"
#define ZEROS   "0000000000000000000000000000000000000000000000000000000000000000"
#define ORDER_N "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

static const uint8_t by_usim[] = {124, 125, 0}, by_me[] = {124, 0}, only_125[] = {125, 0},
                     nswo[] = {124, 125, 142, 0}, nai[] = {124, 125, 130, 0},
                     nai_nswo[] = {124, 125, 130, 142, 0};

/* What the environment's random gives, one after the other; at the end, or without a list, it fails. */
static const char *const *next_draw;

static bool draw(void *ctx, uint8_t *to, size_t n)
{
    struct buf out = buf_of(to, n);
    (void)ctx;
    if (next_draw == NULL || *next_draw == NULL)
        return false;
    assert_true(hex_parse(*next_draw++, &out, NULL));
    assert_int_equal(out.len, n);
    return true;
}

static void open(struct fixture *f, struct auth_profile o, const char *const *draws)
{
    if (o.imsi == NULL) {
        o.imsi = IMSI_C4;
        o.mnc_len = 3;
    }
    auth_open(f, &o);
    next_draw = draws;
    f->env.random = draw;
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
}

/* The answer to `command` is the object A1 with the octet `first` (negative: none), then this text. */
static void expect_text(struct fixture *f, const char *command, int first, const char *text)
{
    uint8_t object[300];
    char pattern[2 * sizeof object + 5];
    struct buf b = buf_of(object, sizeof object);
    size_t mark = buf_tlv_open(&b, 0xA1);
    if (first >= 0)
        buf_u8(&b, (uint8_t)first);
    buf_put(&b, span_of(text, strlen(text)));
    buf_tlv_close(&b, mark);
    assert_true(buf_ok(&b));
    hex_format(buf_span(&b), pattern);
    memcpy(pattern + 2 * b.len, "9000", 5);
    exchange(f, command, pattern);
}

/* ---- ECIES alone ---- */

struct sample {
    enum ecies_profile profile;
    const char *public, *secret, *plain, *key, *cipher, *mac;
};

static size_t unhex(const char *text, uint8_t *to, size_t room)
{
    struct buf b = buf_of(to, room);
    assert_true(hex_parse(text, &b, NULL));
    return b.len;
}

static void test_ecies(void **state)
{
    static const struct sample samples[] = {
        {ECIES_A, HN_A, EPH_A, "00012080f6",
         "b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457d", "cb02352410",
         "cddd9e730ef3fa87"},
        {ECIES_A, HN_A, EPH_A_NSI, "766572796C6F6E67757365726E616D6531",
         "977D8B2FDAA7B64AA700D04227D5B440630EA4EC50F9082273A26BB678C92222",
         "8E358A1582ADB15322C10E515141D2039A", "12E1D7783A97F1AC"},
        {ECIES_B, HN_B, EPH_B, "00012080F6",
         "039AAB8376597021E855679A9778EA0B67396E68C66DF32C0F41E9ACCA2DA9B9D1", "46A33FC271",
         "6AC7DAE96AA30A4D"},
        {ECIES_B, HN_B_LONG, EPH_B, "00012080F6",
         "039AAB8376597021E855679A9778EA0B67396E68C66DF32C0F41E9ACCA2DA9B9D1", "46A33FC271",
         "6AC7DAE96AA30A4D"},
        {ECIES_B, HN_B, EPH_B_NSI, "766572796C6F6E67757365726E616D6531",
         "03759BB22C563D9F4A6B3C1419E543FC2F39D6823F02A9D71162B39399218B244B",
         "BE22D8B9F856A52ED381CD7EAF4CF2D525", "3CDDC61A0A7882EB"},
    };
    (void)state;
    struct uicc_crypto *c = crypto_new();
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct sample *s = &samples[i];
        uint8_t public[65], secret[32], plain[32], key[33], cipher[32], mac[8], out[32];
        struct ecies_seal seal;
        size_t n = unhex(s->public, public, sizeof public), m = unhex(s->plain, plain, sizeof plain);
        unhex(s->secret, secret, sizeof secret);
        size_t k = unhex(s->key, key, sizeof key);
        unhex(s->cipher, cipher, sizeof cipher);
        unhex(s->mac, mac, sizeof mac);
        assert_int_equal(ecies_seal(c, s->profile, span_of(public, n), secret, span_of(plain, m), &seal, out),
                         ECIES_OK);
        assert_int_equal(seal.key_len, k);
        assert_memory_equal(seal.key, key, k);
        assert_memory_equal(out, cipher, m);
        assert_memory_equal(seal.mac, mac, 8);
    }
    crypto_free(c);
}

static void test_ecies_refusals(void **state)
{
    static const struct {
        enum ecies_profile profile;
        const char *public, *secret;
        enum ecies_result result;
    } rows[] = {
        {ECIES_A, HN_B, EPH_A, ECIES_BAD_KEY}, /* 33 octets */
        {ECIES_A, "", EPH_A, ECIES_BAD_KEY},
        {ECIES_A, ZEROS, EPH_A, ECIES_BAD_KEY}, /* of small order: the shared secret would be zero */
        {ECIES_A, HN_A, ZEROS, ECIES_OK},       /* X25519 has no private key that is none (RFC 7748 5) */
        {ECIES_B, HN_A, EPH_B, ECIES_BAD_KEY},
        {ECIES_B, "05" HN_A, EPH_B, ECIES_BAD_KEY},
        {ECIES_B,
         "02"
         "0000000000000000000000000000000000000000000000000000000000000001",
         EPH_B, ECIES_BAD_KEY},                /* off the curve */
        {ECIES_B, "00", EPH_B, ECIES_BAD_KEY}, /* infinity */
        {ECIES_B,
         "06"
         "72DA71976234CE833A6907425867B82E074D44EF907DFB4B3E21C1C2256EBCD15A7DED52FCBB097A4ED250E036C7B9C8C70"
         "04C4EEDC4F068CD7BF8D3F900E3B4",
         EPH_B, ECIES_BAD_KEY}, /* hybrid */
        {ECIES_B, HN_B, ZEROS, ECIES_DRAW_AGAIN},
        {ECIES_B, HN_B, ORDER_N, ECIES_DRAW_AGAIN},
        {(enum ecies_profile)3, HN_B, EPH_B, ECIES_BAD_KEY},
    };
    (void)state;
    struct uicc_crypto *c = crypto_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t public[65], secret[32], plain[5] = {1}, cipher[5] = {9};
        struct ecies_seal seal;
        size_t n = unhex(rows[i].public, public, sizeof public);
        unhex(rows[i].secret, secret, sizeof secret);
        enum ecies_result result =
            ecies_seal(c, rows[i].profile, span_of(public, n), secret, span_of(plain, 5), &seal, cipher);
        if (result != rows[i].result)
            fail_msg("row %zu: %d", i, result);
        if (result != ECIES_OK) {
            assert_int_equal(seal.key_len, 0);
            assert_memory_equal(cipher, "\0\0\0\0\0", 5);
        }
    }
    crypto_free(c);
}

/* ---- the command ---- */

static void test_null_scheme(void **state)
{
    (void)state;
    static const char *const infos[] = {NULL, "A0020000", "A000", "A0040000011BA100"};
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        struct fixture f;
        open(&f, (struct auth_profile){.ust = by_usim, .calc_5gs = infos[i]}, NULL);
        exchange(&f, "8078000100",
                 "A10D"
                 "01"
                 "722410"
                 "F0FF"
                 "00"
                 "00"
                 "00012080F6"
                 "9000");
        fixture_close(&f);
    }
}

/* MNC of two digits, a routing indicator; T=0 learns the length first. */
static void test_coding(void **state)
{
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = by_usim, .imsi = "001010123456780", .routing = "21F30000"}, NULL);
    apdu(&f, "8078000100", "6C0F");
    apdu(&f, "807800010F",
         "A10D"
         "01"
         "00F110"
         "21F3"
         "00"
         "00"
         "1032547608"
         "9000");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = by_usim, .imsi = "0010112345", .mnc_len = 3, .routing = "FFFFFFFF"},
         NULL);
    exchange(&f, "8078000100",
             "A10A"
             "01"
             "001110"
             "F0FF"
             "00"
             "00"
             "3254"
             "9000");
    fixture_close(&f);
}

static void test_profile_a(void **state)
{
    static const char *const draws[] = {EPH_A, EPH_A_NSI, NULL};
    (void)state;
    struct fixture f;
    open(&f,
         (struct auth_profile){.ust = by_usim, .routing = "10F2", .calc_saip = "A0020101A12580011B8120" HN_A},
         draws);
    apdu(&f, "8078000137",
         "A135"
         "01"
         "722410"
         "10F2"
         "01"
         "1B" OUT_A "9000");
    exchange(&f, "8078000137",
             "A135"
             "01"
             "722410"
             "10F2"
             "01"
             "1B"
             "977D8B2F*");          /* another time, another key */
    apdu(&f, "8078000137", "6F00"); /* no random, no answer */
    fixture_close(&f);
}

/* The second key of the list; a private key that is none is drawn again; a scheme that is not known is passed
 * over. */
static void test_profile_b(void **state)
{
    static const char *const draws[] = {ZEROS, ORDER_N, EPH_B, NULL};
    (void)state;
    struct fixture f;
    open(&f,
         (struct auth_profile){.ust = by_usim,
                               .calc_saip = "A00603010202"
                                            "0101"
                                            "A14B"
                                            "80011B8120" HN_A "80011C8121" HN_B},
         draws);
    apdu(&f, "8078000138",
         "A136"
         "01"
         "722410"
         "F0FF"
         "02"
         "1C" OUT_B "9000");
    fixture_close(&f);
}

static void test_random_that_never_fits(void **state)
{
    static const char *const draws[] = {ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, EPH_B, NULL};
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = by_usim, .calc_saip = "A0020201A12680011C8121" HN_B}, draws);
    apdu(&f, "8078000138", "6F00");
    fixture_close(&f);
}

/* DF.SAIP is where the USIM looks; DF.5GS only when there is no DF.SAIP. */
static void test_which_file(void **state)
{
    static const char *const draws[] = {EPH_A, NULL};
    (void)state;
    struct fixture f;
    open(&f,
         (struct auth_profile){
             .ust = by_usim, .calc_saip = "A0020000", .calc_5gs = "A0020101A12580011B8120" HN_A},
         NULL);
    exchange(&f, "8078000100", "A10D01*");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = by_usim, .calc_5gs = "A0020101A12580011B8120" HN_A}, draws);
    apdu(&f, "8078000137",
         "A135"
         "01"
         "722410"
         "F0FF"
         "01"
         "1B" OUT_A "9000");
    fixture_close(&f);
}

/* An operator who asks for concealment never gets a plain IMSI, whatever is wrong with his file. */
static void test_broken_info(void **state)
{
    static const char *const infos[] = {
        "A0020101", /* no key */
        "A0020101A100",
        "A0020102A12580011B8120" HN_A, /* no second key */
        "A0020100A12580011B8120" HN_A, /* keys are counted from 1 */
        "A0020101A12681011B8120" HN_A,
        "A0020101A12580021B8120" HN_A,
        "A0020101A12580011B8220" HN_A,
        "A0020201A12580011B8120" HN_A, /* an X25519 key for P-256 */
        "A0020101A12580011B8120" ZEROS,
        "A0010101A12580011B8120" HN_A, /* half a pair */
        "A0020F01A12580011B8120" HN_A, /* nothing that the card has */
        "A0C9",                        /* longer than the file */
        "0102",
        "A1258001"
        "1B8120" HN_A, /* keys without schemes */
    };
    static const char *const draws[] = {EPH_A, NULL};
    (void)state;
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        struct fixture f;
        open(&f, (struct auth_profile){.ust = by_usim, .calc_saip = infos[i]}, draws);
        exchange(&f, "8078000100", "6A88");
        fixture_close(&f);
    }
}

static void test_services(void **state)
{
    static const uint8_t *const tables[] = {NULL, by_me, only_125};
    (void)state;
    struct fixture f;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        open(&f, (struct auth_profile){.ust = tables[i]}, NULL);
        apdu(&f, "8078000100", "6985");
        apdu(&f, "8078000200", "6985");
        fixture_close(&f);
    }
    open(&f, (struct auth_profile){.ust = by_usim}, NULL);
    apdu(&f, "8078000200", "6985"); /* no service 142 */
    fixture_close(&f);
}

static void test_malformed(void **state)
{
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = by_usim}, NULL);
    apdu(&f, "8078000000", "6A86");
    apdu(&f, "8078000300", "6A86");
    apdu(&f, "8078008100", "6A86");
    apdu(&f, "8078010100", "6A86");
    apdu(&f, "807800010100", "6700");
    apdu(&f, "0078000100", "6D00");
    apdu(&f, "80780001", "6C0F"); /* four octets: all there is */
    exchange(&f, "00A4000C023F00", "9000");
    apdu(&f, "8078000100", "6985"); /* not in the USIM's directory */
    /* EF.AD and EF.IMSI that do not tell a home network */
    exchange(&f, "00A4000C027FFF", "9000");
    exchange(&f, "00A4000C026FAD", "9000");
    exchange(&f, "00D600030104", "9000");
    exchange(&f, "8078000100", "6A88");
    exchange(&f, "00D600030103", "9000");
    exchange(&f, "00A4000C026F07", "9000");
    exchange(&f, "00D6000009FFFFFFFFFFFFFFFFFF", "9000");
    exchange(&f, "8078000100", "6A88");
    exchange(&f,
             "00D6000009"
             "03729410FFFFFFFFFF",
             "9000"); /* 274901: the end of MNC is the end of it all */
    exchange(&f, "8078000100", "6A88");
    fixture_close(&f);
}

static void test_needs_pin(void **state)
{
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = by_usim}, NULL);
    apdu(&f,
         "0028000108"
         "31323334FFFFFFFF",
         "9000");
    fixture_reset(&f);
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(&f, "8078000100", "6982");
    apdu(&f,
         "0020000108"
         "31323334FFFFFFFF",
         "9000");
    exchange(&f, "8078000100", "A10D01*");
    fixture_close(&f);
}

/* 5G NSWO: the SUCI of an IMSI as a NAI (TS 23.003 28.7.12). */
static void test_nswo(void **state)
{
    static const char *const draws[] = {EPH_A, EPH_B, NULL};
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = nswo, .routing = "76F8"}, NULL);
    expect_text(&f, "8078000200", -1,
                "type0.rid678.schid0.userid001002086@5gc-nswo.mnc012.mcc274.3gppnetwork.org");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = nswo, .imsi = "001010123456780", .routing = "10325476"}, NULL);
    expect_text(&f, "8078000200", -1,
                "type0.rid0123.schid0.userid0123456780@5gc-nswo.mnc001.mcc001.3gppnetwork.org");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = nswo, .calc_saip = "A0020101A12580011B8120" HN_A}, draws);
    expect_text(
        &f, "80780002AC", -1,
        "type0.rid0.schid1.hnkey27.ecckeyb2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457d"
        ".cipcb02352410.maccddd9e730ef3fa87@5gc-nswo.mnc012.mcc274.3gppnetwork.org");
    fixture_close(&f);
}

/* SUPIs that are NAIs (TS 33.501 C.4.3.2, C.4.4.2; TS 24.501 9.11.3.4; TS 23.003 28.7.3). */
static void test_nai(void **state)
{
    static const char *const draws[] = {EPH_A_NSI, EPH_B_NSI, NULL};
    (void)state;
    struct fixture f;
    open(&f, (struct auth_profile){.ust = nai, .supi_nai = NSI}, NULL);
    expect_text(&f, "8078000100", 0x11, "type1.rid0.schid0.useridverylongusername1@3gpp.com");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = nai, .supi_nai = NSI, .calc_saip = "A0020101A12580011B8120" HN_A},
         draws);
    expect_text(
        &f, "80780001A7", 0x11,
        "type1.rid0.schid1.hnkey27.ecckey977d8b2fdaa7b64aa700d04227d5b440630ea4ec50f9082273a26bb678c92222"
        ".cip8e358a1582adb15322c10e515141d2039a.mac12e1d7783a97f1ac@3gpp.com");
    fixture_close(&f);
    open(&f,
         (struct auth_profile){.ust = nai_nswo, .supi_nai = NSI, .calc_saip = "A0020201A1268001FF8121" HN_B},
         draws + 1);
    expect_text(
        &f, "80780002A9", -1,
        "type1.rid0.schid2.hnkey255.ecckey03759bb22c563d9f4a6b3c1419e543fc2f39d6823f02a9d71162b39399218b244b"
        ".cipbe22d8b9f856a52ed381cd7eaf4cf2d525.mac3cddc61a0a7882eb@3gpp.com");
    fixture_close(&f);
    /* GLI and GCI: the null-scheme, whatever the file says; 24.501 and 23.003 number them differently */
    open(&f,
         (struct auth_profile){
             .ust = nai, .supi_nai = "81056740782E79", .calc_saip = "A0020101A12580011B8120" HN_A},
         NULL);
    expect_text(&f, "8078000100", 0x31, "type2.rid0.schid0.useridg@x.y");
    fixture_close(&f);
    open(&f, (struct auth_profile){.ust = nai, .supi_nai = "82056340782E79"}, NULL);
    expect_text(&f, "8078000100", 0x21, "type3.rid0.schid0.useridc@x.y");
    fixture_close(&f);
}

static void test_broken_nai(void **state)
{
    static const char *const nais[] = {NULL,
                                       "8000",
                                       "800141",
                                       "80024140",
                                       "80024041",
                                       "83034140"
                                       "42",
                                       "80FF4140"};
    (void)state;
    for (size_t i = 0; i < sizeof nais / sizeof nais[0]; i++) {
        struct fixture f;
        open(&f, (struct auth_profile){.ust = nai, .supi_nai = nais[i]}, NULL);
        exchange(&f, "8078000100", "6A88");
        fixture_close(&f);
    }
    /* one that fits a file but not an answer */
    char supi[520];
    struct fixture f;
    static const char *const draws[] = {EPH_A, NULL};
    snprintf(supi, sizeof supi, "8181A0");
    for (int i = 0; i < 158; i++)
        memcpy(supi + 6 + 2 * i, "61", 3);
    memcpy(supi + 6 + 2 * 158, "4062", 5);
    supi[1] = '0'; /* an NSI of 160 octets */
    open(&f, (struct auth_profile){.ust = nai, .supi_nai = supi, .calc_saip = "A0020101A12580011B8120" HN_A},
         draws);
    exchange(&f, "8078000100", "6985");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecies),
        cmocka_unit_test(test_ecies_refusals),
        cmocka_unit_test(test_null_scheme),
        cmocka_unit_test(test_coding),
        cmocka_unit_test(test_profile_a),
        cmocka_unit_test(test_profile_b),
        cmocka_unit_test(test_random_that_never_fits),
        cmocka_unit_test(test_which_file),
        cmocka_unit_test(test_broken_info),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_needs_pin),
        cmocka_unit_test(test_nswo),
        cmocka_unit_test(test_nai),
        cmocka_unit_test(test_broken_nai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

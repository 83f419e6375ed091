/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles from YAML: the built-in one is what it says it is; every mistake gets one line that says where and
 * what; and no text, however broken, does more than that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builtin.h"
#include "profile_yaml.h"
#include "tlv.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the built-in profile ---- */

static uint16_t find(const struct profile *p, uint16_t parent, uint16_t fid)
{
    uint16_t i = profile_child(p, parent, fid);
    assert_int_not_equal(i, PROFILE_NO_FILE);
    return i;
}

static void test_builtin(void **state)
{
    (void)state;
    struct profile_error error;
    struct uicc_profile *u = profile_load("test", &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    const struct profile *p = &u->p;
    assert_string_equal(p->name, "test");
    assert_true(p->insecure);
    assert_false(p->ota_silent);
    assert_string_equal(p->imsi, "001010123456780");

    static const uint8_t k[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    static const uint8_t opc[] = {0x63, 0xbf, 0xa5, 0x0e, 0xe6, 0x52, 0x33, 0x65,
                                  0xff, 0x14, 0xc1, 0xf4, 0x5f, 0x88, 0x73, 0x7d};
    assert_int_equal(p->n_pairs, 4);
    assert_memory_equal(p->pairs[0].key.k, k, 16);
    assert_memory_equal(p->pairs[0].key.opc, opc, 16);
    assert_int_equal(p->pairs[0].derived, PAIR_DERIVE_OTA);
    for (unsigned i = 0; i < 4; i++) {
        const struct profile_pair *q = &p->pairs[i];
        if (i > 0)
            assert_int_equal(q->derived, PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA);
        assert_int_equal(q->algorithm, AKA_MILENAGE);
        assert_int_equal(q->key.k_len, 16);
        assert_int_equal(q->key.opc_len, 16);
        assert_int_equal(q->sqn.ind_bits, 5);
        assert_int_equal(q->sqn.delta, 1 << 28);
        assert_int_equal(q->ota.version, 1);
        assert_int_equal(q->ota.kic_algorithm, OTA_AES);
        assert_int_equal(q->ota.kid_algorithm, OTA_AES);
        assert_int_equal(q->ota.kic_len, 16);
        assert_int_equal(q->ota.mac_len, 8);
        assert_int_equal(q->ota_rights,
                         RIGHT_REMOTE_CHANGE | RIGHT_ADMIN | RIGHT_REPLACE_KEYS | RIGHT_MANAGE_APPLETS);
    }
    assert_int_equal(p->n_pins, 3);
    assert_int_equal(p->pins[0].reference, 0x01);
    assert_memory_equal(p->pins[0].value, "1234\xFF\xFF\xFF\xFF", 8);
    assert_memory_equal(p->pins[0].puk, "12345678", 8);
    assert_false(p->pins[0].enabled);
    assert_true(p->pins[0].can_disable);
    assert_int_equal(p->pins[1].reference, 0x81);
    assert_int_equal(p->pins[1].adf, 0);
    assert_int_equal(p->pins[2].reference, 0x0A);
    assert_int_equal(p->pins[2].puk_tries, 0);
    assert_memory_equal(p->pins[2].value, "12345678", 8);

    assert_int_equal(p->n_applets, 8);
    assert_string_equal(p->applets[0].class_name, "usim");
    assert_string_equal(p->applets[1].class_name, "subscription");
    assert_int_equal(p->applets[1].msl, 0x16);
    assert_memory_equal(p->applets[1].tars[0], "\xBF\xFF\x3B", 3);
    assert_int_equal(p->applets[2].n_tars, 0);
    assert_int_equal(p->applets[3].adf, 0);
    assert_int_equal(p->applets[3].access, 1u << profile_pin_bit(0x01) | 1u << profile_pin_bit(0x0A));
    uint16_t adf = p->applets[0].adf;
    assert_int_equal(p->applets[4].adf, adf);
    assert_int_equal(p->files[adf].kind, FILE_ADF);
    assert_int_equal(p->files[adf].applet, 0);
    assert_int_equal(p->files[adf].arr_fid, 0x2F06);
    assert_true(p->files[adf].pin_status);

    /* EF.DIR names the ADF's AID */
    struct span dir = p->files[find(p, 0, 0x2F00)].content, template, aid;
    assert_true(tlv_find(dir, 0x61, &template));
    assert_true(tlv_find(template, 0x4F, &aid));
    assert_true(span_equal(aid, span_of(p->applets[0].aid, p->applets[0].aid_len)));
    assert_int_equal(p->files[find(p, 0, 0x2FE2)].fill, FILL_ICCID);
    assert_int_equal(p->files[find(p, adf, 0x6F07)].fill, FILL_IMSI);
    assert_int_equal(profile_sfi(p, adf, 0x07), find(p, adf, 0x6F07));
    assert_int_equal(profile_sfi(p, 0, 0x1E), find(p, 0, 0x2F00));
    profile_free(u);
}

/* Every file's rule is there, is well formed, and has an access mode and a condition by turns. */
static void test_builtin_rules(void **state)
{
    (void)state;
    struct uicc_profile *u = profile_load("test", NULL);
    assert_non_null(u);
    const struct profile *p = &u->p;
    uint16_t mf_arr = find(p, 0, 0x2F06), adf_arr = find(p, p->applets[0].adf, 0x6F06);
    assert_true(span_equal(p->files[mf_arr].content, p->files[adf_arr].content));
    for (unsigned i = 0; i < p->n_files; i++) {
        const struct profile_file *f = &p->files[i];
        const struct profile_file *arr = &p->files[f->arr_fid == 0x2F06 ? mf_arr : adf_arr];
        assert_in_range(f->arr_record, 1, arr->size / arr->record_len);
        struct span record =
            span_slice(arr->content, (size_t)(f->arr_record - 1) * arr->record_len, arr->record_len);
        struct reader r = rd_of(record);
        struct tlv t;
        unsigned n = 0;
        while (r.left > 0 && r.p[0] != 0xFF) {
            assert_true(tlv_next(&r, &t));
            if (n++ % 2 == 0)
                assert_true((t.tag == 0x80 || t.tag == 0x84) && t.value.n == 1);
            else
                assert_true(t.tag == 0x90 || t.tag == 0x97 || (t.tag == 0xA4 && t.value.n == 6));
        }
        assert_true(n > 0 && n % 2 == 0);
    }
    /* EF.IMSI: read with PIN1, update with ADM1 (TS 31.102 4.2.2) */
    const struct profile_file *imsi = &p->files[find(p, p->applets[0].adf, 0x6F07)];
    static const uint8_t expected[] = {0x80, 0x01, 0x01, 0xA4, 0x06, 0x83, 0x01, 0x01, 0x95, 0x01, 0x08,
                                       0x80, 0x01, 0x5A, 0xA4, 0x06, 0x83, 0x01, 0x0A, 0x95, 0x01, 0x08};
    const struct profile_file *arr = &p->files[adf_arr];
    assert_memory_equal(arr->content.p + (imsi->arr_record - 1) * arr->record_len, expected, sizeof expected);
    profile_free(u);
}

/* EF.UST is truthful: a service that has a file is there exactly when the file is (TS 31.102 4.2.8). */
static void test_builtin_services(void **state)
{
    (void)state;
    static const struct {
        unsigned service;
        uint16_t fid;
    } needs[] = {{2, 0x6F3B},  {4, 0x6F49},  {6, 0x6F4D},  {8, 0x6F81},  {9, 0x6F80},  {10, 0x6F3C},
                 {11, 0x6F47}, {12, 0x6F42}, {13, 0x6F37}, {15, 0x6F45}, {16, 0x6F50}, {17, 0x6F3E},
                 {18, 0x6F3F}, {19, 0x6F46}, {20, 0x6F60}, {21, 0x6F40}, {27, 0x5F3B}, {29, 0x6F48},
                 {34, 0x6F56}, {35, 0x6F57}, {42, 0x6F61}, {43, 0x6F62}, {45, 0x6FC5}, {46, 0x6FC6},
                 {47, 0x6FC7}, {51, 0x6FCD}, {71, 0x6FD9}, {85, 0x6FE3}};
    /* SMS-PP download; always; GSM security context; USSD download */
    static const unsigned others[] = {28, 33, 38, 70};
    struct uicc_profile *u = profile_load("test", NULL);
    assert_non_null(u);
    uint16_t adf = u->p.applets[0].adf;
    const struct profile_file *ust = &u->p.files[find(&u->p, adf, 0x6F38)];
    unsigned announced = 0, expected = sizeof others / sizeof others[0];
    for (unsigned i = 0; i < 8 * ust->size; i++)
        announced += (ust->content.p[i / 8] >> (i % 8)) & 1;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        bool there = profile_child(&u->p, adf, needs[i].fid) != PROFILE_NO_FILE;
        unsigned bit = needs[i].service - 1;
        assert_int_equal((ust->content.p[bit / 8] >> (bit % 8)) & 1, there);
        expected += there;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_true((ust->content.p[(others[i] - 1) / 8] >> ((others[i] - 1) % 8)) & 1);
    assert_int_equal(announced, expected);
    profile_free(u);
}

static void round_trip(const char *name)
{
    struct uicc_profile *u = profile_load(name, NULL);
    assert_non_null(u);
    uint8_t *bytes, *again;
    size_t n, m;
    assert_true(profile_encode(&u->p, &bytes, &n));
    struct uicc_profile *v = profile_decode(span_of(bytes, n));
    assert_non_null(v);
    assert_true(profile_encode(&v->p, &again, &m));
    assert_int_equal(n, m);
    assert_memory_equal(bytes, again, n);
    for (unsigned i = 0; i < u->p.n_files; i++) {
        assert_int_equal(v->p.files[i].link, u->p.files[i].link);
        assert_int_equal(v->p.files[i].fill, u->p.files[i].fill);
        assert_true(span_equal(v->p.files[i].content, u->p.files[i].content));
    }
    free(bytes);
    free(again);
    profile_free(u);
    profile_free(v);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip("test");
    round_trip("usim"); /* has links */
}

/* What cannot be in a stored profile is not read: a link to nothing, to itself,
 * to a link, to another kind. */
static void test_stored_links(void **state)
{
    (void)state;
    struct uicc_profile *u = profile_load("usim", NULL);
    assert_non_null(u);
    unsigned link = 0, other = 0, records = 0;
    for (unsigned i = 0; i < u->p.n_files; i++) {
        if (u->p.files[i].link != 0 && u->p.files[i].kind == FILE_TRANSPARENT) {
            other = link;
            link = i;
        }
        if (u->p.files[i].kind == FILE_LINEAR)
            records = i;
    }
    const unsigned wrong[] = {u->p.n_files, 0xFFFF, link, other, records};
    const uint16_t right = u->p.files[link].link;
    for (size_t i = 0; i <= sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t *bytes;
        size_t n;
        u->p.files[link].link = i == 0 ? right : (uint16_t)wrong[i - 1];
        assert_true(profile_encode(&u->p, &bytes, &n));
        struct uicc_profile *v = profile_decode(span_of(bytes, n));
        assert_true((v != NULL) == (i == 0));
        profile_free(v);
        free(bytes);
    }
    profile_free(u);
}

/* ---- a small profile, and mistakes in it ---- */

static const char small[] =
    "format: 1\n"                                                                        /* 1 */
    "name: small\n"                                                                      /* 2 */
    "atr: 3B00\n"                                                                        /* 3 */
    "imsi: 999700000000001\n"                                                            /* 4 */
    "access:\n"                                                                          /* 5 */
    "  - {name: open, read: always, update: adm1 or pin1}\n"                             /* 6 */
    "  - {name: dir, create-ef: adm1 and pin1, delete: never}\n"                         /* 7 */
    "  - {name: both, increase: pin1, activate: adm1}\n"                                 /* 8 */
    "pins:\n"                                                                            /* 9 */
    "  - {name: pin1, reference: 01, value: 0000, puk: 00000000}\n"                      /* 10 */
    "  - {name: adm1, reference: 0A, value: 3131313131313131}\n"                         /* 11 */
    "  - {name: pin2, reference: 81, value: 1111, scope: MF/ADF.X}\n"                    /* 12 */
    "files:\n"                                                                           /* 13 */
    "  - {path: MF, kind: mf, access: dir}\n"                                            /* 14 */
    "  - {path: MF/EF.ARR, kind: linear, fid: 2F06, access: open, fill: access-rules}\n" /* 15 */
    "  - {path: MF/EF.T, kind: transparent, fid: 2F10, sfi: 01, size: 4, access: open, content: 0102}\n" /* 16
                                                                                                          */
    "  - {path: MF/EF.C, kind: cyclic, fid: 2F11, records: {length: 3, count: 2}, access: both, contents: "
    "[\"01\", 0203]}\n"                                                                        /* 17 */
    "  - {path: MF/ADF.X, kind: adf, access: dir}\n"                                           /* 18 */
    "  - {path: MF/ADF.X/EF.ARR, kind: linear, fid: 6F06, access: open, fill: access-rules}\n" /* 19 */
    "  - {path: MF/ADF.X/EF.B, kind: ber-tlv, fid: 6F10, size: 100, access: open}\n"           /* 20 */
    "applets:\n"                                                                               /* 21 */
    "  - {class: x, aid: F000000001, adf: MF/ADF.X, tars: [A00001, A00002], params: 0102}\n"   /* 22 */
    "  - {class: rfm, start: MF, tars: [B00000], msl: 16, access: [adm1]}\n"                   /* 23 */
    "pairs:\n"                                                                                 /* 24 */
    "  - algorithm: milenage\n"                                                                /* 25 */
    "    k: 5f8a1c93e2b7460d91c4f03e6a2d7b58\n"                                                /* 26 */
    "    op: c7e15a0b39d6482f8e7041b5d3926fac\n"                                               /* 27 */
    "    sqn: {ind-bits: 4, delta: 1000, age: 50}\n"                                           /* 28 */
    "    ota:\n"                                                                               /* 29 */
    "      version: 1\n"                                                                       /* 30 */
    "      kic: {algorithm: aes, bits: 256, key: derived}\n"                                   /* 31 */
    "      kid: {algorithm: aes, bits: 128, mac: 4, key: derived}\n"                           /* 32 */
    "      kik: {bits: 128, key: derived}\n"                                                   /* 33 */
    "keysets:\n"                                                                               /* 34 */
    "  - ota:\n"                                                                               /* 35 */
    "      version: 2\n"                                                                       /* 36 */
    "      kic: {algorithm: 3des, bits: 192, key: derived}\n"                                  /* 37 */
    "      kid: {algorithm: 3des, bits: 128, key: derived}\n"                                  /* 38 */
    "      kik: {bits: 192, key: derived}\n"                                                   /* 39 */
    "    rights: [remote-change, admin]\n";                                                    /* 40 */

static struct uicc_profile *load(const char *text, size_t n, struct profile_error *error)
{
    char *exact = malloc(n == 0 ? 1 : n); /* not ended by NUL: a sanitizer sees a read beyond */
    assert_non_null(exact);
    memcpy(exact, text, n);
    struct uicc_profile *u = profile_load_text(exact, n, "small.yaml", error);
    free(exact);
    if (u == NULL) {
        assert_true(strlen(error->text) > 0);
        assert_null(strchr(error->text, '\n'));
    }
    return u;
}

static void test_small(void **state)
{
    (void)state;
    struct profile_error error;
    struct uicc_profile *u = load(small, sizeof small - 1, &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    const struct profile *p = &u->p;
    const struct profile_file *arr = &p->files[find(p, 0, 0x2F06)];
    static const uint8_t open[] = {0x80, 0x01, 0x01, 0x90, 0x00, 0x80, 0x01, 0x02, 0xA0,
                                   0x10, 0xA4, 0x06, 0x83, 0x01, 0x0A, 0x95, 0x01, 0x08,
                                   0xA4, 0x06, 0x83, 0x01, 0x01, 0x95, 0x01, 0x08};
    static const uint8_t dir[] = {0x80, 0x01, 0x02, 0xAF, 0x10, 0xA4, 0x06, 0x83, 0x01,
                                  0x0A, 0x95, 0x01, 0x08, 0xA4, 0x06, 0x83, 0x01, 0x01,
                                  0x95, 0x01, 0x08, 0x80, 0x01, 0x40, 0x97, 0x00};
    static const uint8_t both[] = {0x80, 0x01, 0x10, 0xA4, 0x06, 0x83, 0x01, 0x0A, 0x95, 0x01, 0x08,
                                   0x84, 0x01, 0x32, 0xA4, 0x06, 0x83, 0x01, 0x01, 0x95, 0x01, 0x08};
    assert_int_equal(arr->record_len, sizeof open);
    assert_int_equal(arr->size, 3 * sizeof open);
    assert_memory_equal(arr->content.p, open, sizeof open);
    assert_memory_equal(arr->content.p + arr->record_len, dir, sizeof dir);
    assert_memory_equal(arr->content.p + 2 * arr->record_len, both, sizeof both);
    assert_memory_equal(p->files[find(p, 0, 0x2F10)].content.p, "\x01\x02\xFF\xFF", 4);
    assert_memory_equal(p->files[find(p, 0, 0x2F11)].content.p, "\x01\xFF\xFF\x02\x03\xFF", 6);
    assert_int_equal(p->pairs[0].derived, PAIR_FROM_OP | PAIR_DERIVE_OTA);
    assert_int_equal(p->pairs[0].sqn.age, 50);
    assert_int_equal(p->pairs[0].ota.mac_len, 4);
    assert_int_equal(p->pairs[0].ota.kic_len, 32);
    assert_int_equal(p->keysets[0].keys.kic_len, 24);
    assert_int_equal(p->keysets[0].rights, RIGHT_ADMIN | RIGHT_REMOTE_CHANGE);
    assert_true(p->keysets[0].derived);
    assert_int_equal(p->applets[0].msl, 0x16);
    assert_int_equal(p->applets[0].n_tars, 2);
    assert_memory_equal(p->applets[0].params.p, "\x01\x02", 2);
    assert_memory_equal(p->pins[1].value, "11111111", 8);
    assert_int_equal(p->pins[0].puk_tries, 10);
    profile_free(u);
}

/* `small` with the first `from` replaced by `to`. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(small, from);
    assert_non_null(at);
    size_t room = sizeof small + strlen(to);
    char *text = malloc(room);
    assert_non_null(text);
    (void)snprintf(text, room, "%.*s%s%s", (int)(at - small), small, to, at + strlen(from));
    return text;
}

static const struct {
    const char *from, *to;
    const char *error; /* how it begins */
} mistakes[] = {
    /* not YAML, or not the YAML that is read */
    {"name: small", "name: [",
     "small.yaml:4: not valid YAML here: did not find expected ',' or ']' while parsing a flow sequence from "
     "line 2"},
    {"name: small", "\tname: small", "small.yaml:2: not valid YAML here: "},
    {"name: small", "name: sm\x01ll", "small.yaml:2: control characters are not allowed"},
    {"name: small", "name: \"sm\\e[2Jll\"", "small.yaml:2: name: has a control character in it"},
    {"name: small", "name: small\ntitle: \"sm\\x9b2Jll\"", "small.yaml:3: title: has a control character in it"},
    {"name: small", "name: sm\xC3\x28ll", "small.yaml:2: invalid trailing UTF-8 octet"},
    {"name: small", "name: small\nname: big", "small.yaml:3: name: given twice"},
    {"name: small", "name: &a small\ntitle: *a",
     "small.yaml:2: name: anchors (&) and aliases (*) are not read"},
    {"name: small", "name: {[1]: 2}", "small.yaml:2: name: a list or mapping as a key"},
    {"format: 1", "format: 1\n---\nname: x\n---", "small.yaml:2: a second document begins"},
    {"format: 1", "- format: 1", "small.yaml:"},
    /* against the schema */
    {"format: 1\n", "", "small.yaml:1: \"format\" is missing; add it"},
    {"format: 1", "format: 2", "small.yaml:1: format: format 2; this softuicc reads format 1"},
    {"format: 1", "format: one", "small.yaml:1: format: must be a number from 0 to 4294967295"},
    {"name: small", "nane: small", "small.yaml:2: nane: no such key here; there are: format, name, title,"},
    {"name: small", "name:", "small.yaml:2: name: empty; give a value or remove the key"},
    {"name: small", "name: small\ninsecure: maybe",
     "small.yaml:3: insecure: \"maybe\" is not one of: true, false, yes, no"},
    {"imsi: 999700000000001", "imsi: 9997000000000012",
     "small.yaml:4: imsi: too long; at most 15 characters"},
    {"kind: cyclic", "kind: round",
     "small.yaml:17: files[3].kind: \"round\" is not one of: mf, df, adf, transparent,"},
    {"kind: cyclic, ", "", "small.yaml:17: files[3]: \"kind\" is missing; add it"},
    {"size: 4", "size: four", "small.yaml:16: files[2].size: must be a number from 0 to 4294967295"},
    {"size: 4", "size: 4 000", "small.yaml:16: files[2].size: must be a whole number and nothing else"},
    {"size: 4", "size: 4.5", "small.yaml:16: files[2].size: must be a whole number and nothing else"},
    {"size: 4", "size: 040", "small.yaml:16: files[2].size: must be a whole number and nothing else, without zeros"},
    {"ind-bits: 4", "ind-bits: 4x", "small.yaml:28: pairs[0].sqn.ind-bits: must be a whole number and nothing else"},
    {"delta: 1000", "delta: 17592186044416", "small.yaml:28: pairs[0].sqn.delta: must be at most 17592186044415"},
    {"age: 50", "age: 17592186044416", "small.yaml:28: pairs[0].sqn.age: must be at most 17592186044415"},
    {"size: 4", "size: -4", "small.yaml:16: files[2].size: must be a number"},
    {"size: 4", "size: 99999999999999999999999", "small.yaml:16: files[2].size: must be a number"},
    {"size: 4", "syze: 4",
     "small.yaml:16: files[2].syze: no such key here; there are: path, fid, sfi, kind,"},
    /* what stands behind a forgotten space may be a secret, and is not repeated */
    {"content: 0102", "content:0102",
     "small.yaml:16: files[2].content..: no such key here (behind the colon goes a space); there are: path,"},
    {"kind: cyclic", "kind: 8F12C1A77B60E5D3941F2A6608BC4D71", "small.yaml:17: files[3].kind: \"..\" is not one of: mf,"},
    {"access: open, content: 0102", "access: 8F12C1A77B60E5D3941F2A6608BC4D71, content: 0102", "small.yaml:16: files[2].access: EF.T: no rule \"..\" under"},
    {"kind: cyclic", "kind: cyclic1234", "small.yaml:17: files[3].kind: \"cyclic..\" is not one of: mf,"},
    {"size: 4", "sizesizesizesizesizesizesize: 4", "small.yaml:16: files[2].sizesizesizesizesizesize..: no such key here;"},
    {"{length: 3, count: 2}", "{length: 3}", "small.yaml:17: files[3].records: \"count\" is missing"},
    {"{length: 3, count: 2}", "{}", "small.yaml:17: files[3].records: \"length\" is missing"},
    {"{length: 3, count: 2}", "3", "small.yaml:17: files[3].records: must be a mapping"},
    {"content: 0102", "content: [0102]", "small.yaml:16: files[2].content: must be a single value"},
    {"contents: [\"01\", 0203]", "contents: 01", "small.yaml:17: files[3].contents: must be a list"},
    {"contents: [\"01\", 0203]", "contents: []",
     "small.yaml:17: files[3].contents: must have 1 to 254 entries"},
    {"[A00001, A00002]", "[A00001, A00002, A00003, A00004, A00005]",
     "small.yaml:22: applets[0].tars: must have 0 to 4 entries"},
    {"version: 1", "version: 256", "small.yaml:30: pairs[0].ota.version: must be a number from 0 to 255"},
    {"rights: [remote-change, admin]", "rights: [root]", "small.yaml:40: keysets[0].rights"},
    {"rights: [remote-change, admin]", "rights: admin", "small.yaml:40: keysets[0].rights: must be a list"},
    /* head */
    {"atr: 3B00", "atr: 3C00", "small.yaml:3: atr: begins with 3C"},
    {"atr: 3B00", "atr: 3B01", "small.yaml:3: atr: has 2 octets; T0 and TDi announce 3"},
    {"atr: 3B00", "atr: 3B80", "small.yaml:3: atr: too short"},
    {"atr: 3B00", "atr: 3B8001", "small.yaml:3: atr: offers T=1 first"},
    {"atr: 3B00", "atr: 3B80800F00", "small.yaml:3: atr: TCK is 00; must be 0F"},
    {"atr: 3B00", "atr: 3B0", "small.yaml:3: atr: an odd number of hexadecimal digits"},
    {"atr: 3B00", "atr: 3BXX", "small.yaml:3: atr: character 3 is no hexadecimal digit"},
    {"imsi: 999700000000001", "imsi: 99970", "small.yaml:4: imsi: must be 6 to 15 digits"},
    {"imsi: 999700000000001", "imsi: 99970x", "small.yaml:4: imsi: must be 6 to 15 digits"},
    /* access rules */
    {"name: both", "name: open", "small.yaml:8: access[2].name: two rules are called \"open\""},
    {"read: always", "read: sometimes", "small.yaml:6: access[0].read: no PIN \"sometimes\""},
    {"adm1 or pin1", "adm1 or", "small.yaml:6: access[0].update: must be always, never, or names of PINs"},
    {"adm1 or pin1", "adm1 xor pin1", "small.yaml:6: access[0].update: PINs are joined by"},
    {"adm1 or pin1", "adm1 or pin1 and pin2", "small.yaml:6: access[0].update: PINs are joined by"},
    {"adm1 or pin1", "' '", "small.yaml:6: access[0].update: must be always"},
    {"adm1 or pin1", "pin1 or pin1 or pin1 or pin1 or pin1 or pin1 or pin1 or pin1 or pin1",
     "small.yaml:6: access[0].update: more than 8 PINs"},
    {"read: always", "read: always, create-ef: always", "small.yaml:6: access[0]: mixes access to files"},
    {"increase: pin1, activate: adm1", "", "small.yaml:8: access[2]: allows nothing"},
    /* PINs */
    {"name: pin2", "name: pin1", "small.yaml:12: pins[2].name: two PINs are called \"pin1\""},
    {"name: pin2", "name: never", "small.yaml:12: pins[2].name: one word"},
    {"reference: 81", "reference: 89", "small.yaml:12: pins[2].reference: no key reference"},
    {"reference: 81", "reference: 1", "small.yaml:12: pins[2].reference: must be two hexadecimal digits"},
    {"reference: 81", "reference: 02", "small.yaml:12: pins[2].reference: a global PIN has no \"scope\""},
    {", scope: MF/ADF.X", "", "small.yaml:12: pins[2].reference: a local PIN (81-8E) needs a \"scope\""},
    {"scope: MF/ADF.X", "scope: MF/EF.T", "small.yaml:12: pins[2].scope: no ADF \"MF/EF.T\""},
    {"reference: 0A", "reference: 01",
     "small.yaml:11: pins[1].reference: pins[0] has the same key reference"},
    {"value: 0000", "value: 123",
     "small.yaml:10: pins[0].value: must be 4 to 8 digits, 16 hexadecimal digits, or derived"},
    {"value: 0000", "value: 12ab", "small.yaml:10: pins[0].value: must be 4 to 8 digits"},
    {"puk: 00000000", "puk: 0000", "small.yaml:10: pins[0].puk: must be 8 digits"},
    {"puk: 00000000", "tries: 0", "small.yaml:10: pins[0].tries: must be 1 to 15"},
    {"puk: 00000000", "puk-tries: 3", "small.yaml:10: pins[0].puk-tries: there is no \"puk\""},
    {"puk: 00000000", "puk: 00000000, puk-tries: 0", "small.yaml:10: pins[0].puk-tries: must be 1 to 15"},
    {"value: 3131313131313131", "value: 3131313131313131, enabled: no",
     "small.yaml:11: pins[1]: an administrative key"},
    /* files */
    {"{path: MF, kind: mf", "{path: MF, kind: df",
     "small.yaml:14: files[0].path: the first file is \"MF\", of kind mf"},
    {"{path: MF/EF.T, kind: transparent", "{path: MF/EF.T, kind: mf",
     "small.yaml:16: files[2].path: only the first file"},
    {"path: MF/EF.T", "path: EF.T", "small.yaml:16: files[2].path: must begin with \"MF/\""},
    {"path: MF/EF.T", "path: MF/", "small.yaml:16: files[2].path: a name has 1 to 63 characters"},
    {"path: MF/EF.T", "path: MF/DF.Y/EF.T",
     "small.yaml:16: files[2].path: its directory \"MF/DF.Y\" is not above"},
    {"path: MF/EF.T", "path: MF/EF.ARR/EF.T",
     "small.yaml:16: files[2].path: \"MF/EF.ARR\" is not a directory"},
    {"path: MF/EF.T", "path: MF/EF.C", "small.yaml:17: files[3].path: given twice"},
    {"path: MF/EF.T", "path: MF/EF T", "small.yaml:16: files[2].path: blanks"},
    {"fid: 2F10", "fid: 2F11", "small.yaml:17: files[3].fid: EF.C: 2F11 is also EF.T's FID"},
    {"fid: 2F10", "fid: 2F1", "small.yaml:16: files[2].fid: must be four hexadecimal digits"},
    {"fid: 2F10", "fid: 3F00", "small.yaml:16: files[2].fid: EF.T: 3F00 is reserved"},
    {"fid: 2F10", "fid: 7FFF", "small.yaml:16: files[2].fid: EF.T: 7FFF is reserved"},
    {"fid: 2F10, ", "", "small.yaml:16: files[2]: EF.T: \"fid\" is missing"},
    {"sfi: 01", "sfi: 1F", "small.yaml:16: files[2].sfi: EF.T: an SFI is 01 to 1E"},
    {"fid: 2F11", "fid: 2F11, sfi: 01", "small.yaml:17: files[3].sfi: EF.C: 01 is also EF.T's SFI"},
    {"kind: adf, access: dir", "kind: adf, sfi: 01, access: dir",
     "small.yaml:18: files[4].sfi: ADF.X: a directory has no SFI"},
    {"access: both", "access: none", "small.yaml:17: files[3].access: EF.C: no rule \"none\""},
    {"access: both", "access: dir",
     "small.yaml:17: files[3].access: EF.C: rule \"dir\" is for directories, not files"},
    {"kind: adf, access: dir", "kind: adf, access: open",
     "small.yaml:18: files[4].access: ADF.X: rule \"open\" is for files"},
    {"fid: 6F06", "fid: 6F07",
     "small.yaml:19: files[5].access: EF.ARR: its rule stands in MF/ADF.X/EF.ARR (6F06)"},
    {"fid: 2F06", "fid: 2F07", "small.yaml:14: files[0].access: MF: its rule stands in MF/EF.ARR (2F06)"},
    {"size: 4, ", "size: 1, ", "small.yaml:16: files[2].content: EF.T: content has 2 octets, size is 1"},
    {"size: 4, ", "size: 0, ", "small.yaml:16: files[2].size: EF.T: 0 octets; must be 1 to 65535"},
    {"size: 4, ", "size: 65536, ", "small.yaml:16: files[2].size: EF.T: 65536 octets"},
    {"size: 100", "size: 100, content: 8003AABB",
     "small.yaml:20: files[6].content: EF.B: not whole BER-TLV data objects"},
    {"size: 100", "size: 16777215", "small.yaml:20: files[6]: EF.B: the files up to here have more than"},
    {"content: 0102", "content: 010", "small.yaml:16: files[2].content: an odd number"},
    {"content: 0102", "fill: imsi", "small.yaml:16: files[2].size: EF.T: must be 9 octets"},
    {"content: 0102", "content: 01, fill: iccid",
     "small.yaml:16: files[2].content: EF.T: \"content\" is for files without \"fill\""},
    {"content: 0102", "fill: access-rules",
     "small.yaml:16: files[2].fill: EF.T: \"fill\" is for linear files"},
    {"size: 4, ", "records: {length: 1, count: 2}, ",
     "small.yaml:16: files[2].records: EF.T: \"records\" is for linear and cyclic"},
    {"records: {length: 3, count: 2}, ", "", "small.yaml:17: files[3]: EF.C: \"records\" is missing"},
    {"records: {length: 3, count: 2}", "size: 6",
     "small.yaml:17: files[3].size: EF.C: \"size\" is for transparent"},
    {"{length: 3, count: 2}", "{length: 256, count: 2}",
     "small.yaml:17: files[3].records: EF.C: length must be 1 to 255"},
    {"{length: 3, count: 2}", "{length: 3, count: 0}",
     "small.yaml:17: files[3].records: EF.C: count must be 1 to 254"},
    {"{length: 3, count: 2}", "{length: 3, count: 1}",
     "small.yaml:17: files[3].contents: EF.C: 2 records given, there are 1"},
    {"{length: 3, count: 2}", "{length: 1, count: 2}",
     "small.yaml:17: files[3].contents[1]: more than 1 octet"},
    {"access: open, fill: access-rules", "records: {length: 10, count: 3}, access: open, fill: access-rules",
     "small.yaml:15: files[1].records: EF.ARR: the rules need {length: 26, count: 3}"},
    /* applets */
    {"aid: F000000001", "aid: F0000001", "small.yaml:22: applets[0].aid: 4 octets; must be at least 5"},
    {"aid: F000000001, ", "", "small.yaml:22: applets[0]: owns an ADF but has no \"aid\""},
    {"adf: MF/ADF.X", "adf: MF/ADF.Y", "small.yaml:22: applets[0].adf: no file \"MF/ADF.Y\""},
    {"adf: MF/ADF.X", "adf: MF", "small.yaml:22: applets[0].adf: \"MF\" is not of kind adf"},
    {"adf: MF/ADF.X", "start: MF/ADF.X", "small.yaml:12: pins[2].scope: no ADF"},
    {"start: MF", "start: MF/EF.T", "small.yaml:23: applets[1].start: \"MF/EF.T\" is not a DF"},
    {"start: MF", "start: MF, adf: MF", "small.yaml:23: applets[1].adf: \"adf\" and \"start\" together"},
    {"class: rfm, start: MF", "class: y, aid: F000000002, adf: MF/ADF.X",
     "small.yaml:23: applets[1].adf: \"MF/ADF.X\" is already owned"},
    {"class: rfm, start: MF", "class: y, aid: F000000001",
     "small.yaml:23: applets[1].aid: applets[0] has the same AID"},
    {"tars: [B00000]", "tars: [A00002]",
     "small.yaml:23: applets[1].tars[0]: TAR already given to applets[0]"},
    {"tars: [B00000]", "tars: [B000]", "small.yaml:23: applets[1].tars[0]: 2 octets; must be 3"},
    {"msl: 16", "msl: 00", "small.yaml:23: applets[1].msl: without a cryptographic checksum"},
    {"msl: 16", "msl: 36", "small.yaml:23: applets[1].msl: bits 6 to 8"},
    {"class: rfm, start: MF", "start: MF", "small.yaml:23: applets[1]: \"class\" is missing; add it, or \"so\""},
    {"class: rfm, start: MF", "class: rfm, instance: no",
     "small.yaml:23: applets[1].instance: is for a \"so\" whose package is wanted"},
    {"class: rfm, start: MF", "start: MF, so: \"lib\\e[2J.so\"", "small.yaml:23: applets[1].so: has a control character in it"},
    {"class: rfm, start: MF", "so: x.so, instance: no", "small.yaml:23: applets[1].instance: no applet, but something"},
    {"access: [adm1]", "access: [adm2]", "small.yaml:23: applets[1].access[0]: no PIN \"adm2\""},
    /* keys */
    {"algorithm: milenage", "algorithm: comp128",
     "small.yaml:25: pairs[0].algorithm: no algorithm \"comp128\""},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 5f8a1c93", "small.yaml:26: pairs[0].k: 4 octets; must be 16"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 5f8a1c93e2b7460d91c4f03e6a2d7b5800",
     "small.yaml:26: pairs[0].k: more than 16 octets"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 000102030405060708090a0b0c0d0e0f",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 00112233445566778899aabbccddeeff",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 404142434445464748494a4b4c4d4e4f",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: ffeeddccbbaa99887766554433221100",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 00000000000000000000000000000000",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 0123456789abcdef0123456789abcdef",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 465b5ce8b199b49faa5f0a2ee238a6bc",
     "small.yaml:26: pairs[0].k: a well-known"},
    {"op: c7e15a0b39d6482f8e7041b5d3926fac", "op: cdc202d5123e20f62b6d676ac72cb318",
     "small.yaml:27: pairs[0].op: a well-known"},
    {"op: c7e15a0b39d6482f8e7041b5d3926fac", "opc: 63bfa50ee6523365ff14c1f45f88737d",
     "small.yaml:27: pairs[0].opc: a well-known"},
    {"op: c7e15a0b39d6482f8e7041b5d3926fac", "op: derived",
     "small.yaml:27: pairs[0].op: an OP is an operator's"},
    {"    op: c7e15a0b39d6482f8e7041b5d3926fac\n", "",
     "small.yaml:25: pairs[0]: give either \"opc\" or \"op\""},
    {"ind-bits: 4", "ind-bits: 6", "small.yaml:28: pairs[0].sqn.ind-bits: must be 0 to 5"},
    {"    sqn:", "    repeat: 2\n    sqn:",
     "small.yaml:28: pairs[0].repeat: pairs with the same keys are one pair"},
    {"    sqn:", "    repeat: 0\n    sqn:", "small.yaml:28: pairs[0].repeat: must be 1 to 255"},
    {"version: 1", "version: 0", "small.yaml:30: pairs[0].ota.version: must be 1 to 15"},
    {"version: 2", "version: 1",
     "small.yaml:36: keysets[0].ota.version: a pair's OTA keys have the same version"},
    {"bits: 256", "bits: 100", "small.yaml:31: pairs[0].ota.kic.bits: must be 128, 192 or 256 for aes"},
    {"params: 0102", "keys: [{kvn: 40, algorithm: aes, bits: 128, enc: c7e15a0b39d6482f8e7041b5d3926fac, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].kvn: must be 01 to 0F (SCP80), 20 to 2F or 70 (SCP02), or 30 to 3F (SCP03)"},
    {"params: 0102", "keys: [{kvn: 20, algorithm: aes, bits: 128, enc: c7e15a0b39d6482f8e7041b5d3926fac, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].kvn: SCP02 (20 to 2F, 70) has 3des keys"},
    {"params: 0102", "keys: [{kvn: 30, algorithm: 3des, bits: 128, enc: c7e15a0b39d6482f8e7041b5d3926fac, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].kvn: SCP02 (20 to 2F, 70) has 3des keys"},
    {"params: 0102", "keys: [{kvn: 20, algorithm: 3des, bits: 192, enc: c7e15a0b39d6482f8e7041b5d3926fac, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].bits: must be 128: SCP02"},
    {"params: 0102", "keys: [{kvn: 30, algorithm: aes, bits: 192, enc: c7e15a0b39d6482f8e7041b5d3926fac, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].enc: 16 octets; must be 24"},
    {"params: 0102", "keys: [{kvn: 30, algorithm: aes, bits: 128, enc: 404142434445464748494a4b4c4d4e4f, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].enc: a well-known"},
    {"params: 0102", "keys: [{kvn: 20, algorithm: 3des, bits: 128, enc: c7e15a0b39d6482fc6e05b0a38d7492e, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0].enc: parts of it are equal"},
    {"params: 0102", "keys: [{kvn: 30, algorithm: aes, bits: 128, enc: derived, mac: 6e35f2911a8c0bd4c75926e83d40b17a, dek: 9c26e0d3548bf17a15dc3ea872f6490b}]",
     "small.yaml:22: applets[0].keys[0]: either all of enc, mac and dek"},
    {"params: 0102", "keys: [{kvn: 30, algorithm: aes, bits: 128, enc: derived, mac: derived, dek: derived}, {kvn: 30, algorithm: aes, bits: 128, enc: derived, mac: derived, dek: derived}]",
     "small.yaml:22: applets[0].keys[1].kvn: another keyset of this security domain"},
    {"bits: 192", "bits: 256", "small.yaml:37: keysets[0].ota.kic.bits: must be 128 (two keys)"},
    {"{algorithm: aes, bits: 256", "{algorithm: des, bits: 64",
     "small.yaml:31: pairs[0].ota.kic.algorithm: single DES is broken"},
    {"mac: 4", "mac: 5", "small.yaml:32: pairs[0].ota.kid.mac: must be 8 octets, or 4 with aes"},
    {"mac: 4, key: derived", "key: 8d3e5f8a1c93e2b7460d91c4f03e6a2d",
     "small.yaml:29: pairs[0].ota: either all of kic, kid and kik"},
    {"mac: 4, key: derived", "key: 77777777777777777777777777777777",
     "small.yaml:32: pairs[0].ota.kid.key: a well-known"},
    /* links */
    {"size: 4, access: open, content: 0102", "access: open, link: MF/EF.Z",
     "small.yaml:16: files[2].link: EF.T: no EF \"MF/EF.Z\" under \"files\""},
    {"size: 4, access: open, content: 0102", "access: open, link: MF/EF.T", "small.yaml:16: files[2].link: EF.T: no EF"},
    {"size: 4, access: open, content: 0102", "access: open, link: MF/ADF.X", "small.yaml:16: files[2].link: EF.T: no EF"},
    {"size: 4, access: open, content: 0102", "access: open, link: MF", "small.yaml:16: files[2].link: EF.T: no EF"},
    {"size: 4, access: open, content: 0102", "access: open, link: MF/EF.C",
     "small.yaml:16: files[2].link: EF.T: \"MF/EF.C\" is of another kind"},
    {"size: 4, access: open, content: 0102", "access: open, size: 4, link: MF/EF.C",
     "small.yaml:16: files[2].link: EF.T: a link is an EF, and size,"},
    {"kind: adf, access: dir", "kind: adf, access: dir, link: MF/EF.C", "small.yaml:18: files[4].link: ADF.X: a link is an EF"},
    {"size: 100, access: open}", "access: open, link: MF/EF.T2}\n  - {path: MF/EF.T2, kind: ber-tlv, fid: 2F20, access: open, link: MF/EF.T3}\n"
     "  - {path: MF/EF.T3, kind: ber-tlv, fid: 2F21, access: open, size: 9}",
     "small.yaml:20: files[6].link: EF.B: \"MF/EF.T2\" is a link itself"},
    {"content: 0102", "fill: impu", "small.yaml:16: files[2].fill: EF.T: \"fill\" is for linear files when it is impu"},
    {"size: 100, access: open", "size: 100, access: open, fill: domain",
     "small.yaml:20: files[6].fill: EF.B: \"fill\" is for transparent files when it is"},
    {"mac: 4, key: derived", "key: secret",
     "small.yaml:32: pairs[0].ota.kid.key: character 1 is no hexadecimal digit"},
};


/* Shared objects: the class is called as the file is; the path is seen from the profile's file, or, of a
 * text, from here; all of it is in the bytes that a deck keeps, whose version tells. */
static void test_shared_objects(void **state)
{
    (void)state;
    static const char text[] = "format: 1\ninclude: [test]\nname: so\napplets:\n"
                               "  - {so: /nowhere/libhello.so.1, aid: F000000001}\n"
                               "  - {so: /nowhere/x.so, class: other}\n"
                               "  - {so: /nowhere/y.so, instance: no}\n";
    struct profile_error error;
    uint8_t *bytes = NULL, *plain = NULL;
    size_t n, n_plain;
    struct uicc_profile *u = profile_load_text(text, strlen(text), "so.yaml", &error), *back, *test;
    if (u == NULL)
        fail_msg("%s", error.text);
    assert_true(profile_encode(&u->p, &bytes, &n));
    back = profile_decode(span_of(bytes, n));
    assert_non_null(back);
    const struct profile_applet *a = &back->p.applets[back->p.n_applets - 3];
    assert_string_equal(a[0].class_name, "hello");
    assert_string_equal(a[0].so, "/nowhere/libhello.so.1");
    assert_string_equal(a[1].class_name, "other");
    assert_string_equal(a[2].class_name, "");
    assert_string_equal(a[2].so, "/nowhere/y.so");
    assert_string_equal(back->p.applets[0].so, "");
    /* A profile without one is written as older programs read it. */
    test = profile_load("test", &error);
    assert_non_null(test);
    assert_true(profile_encode(&test->p, &plain, &n_plain));
    assert_int_equal(bytes[4], 3);
    assert_true(plain[4] < 3);
    free(bytes);
    free(plain);
    profile_free(u);
    profile_free(back);
    profile_free(test);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct profile_error error;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char *text = changed(mistakes[i].from, mistakes[i].to);
        struct uicc_profile *u = load(text, strlen(text), &error);
        if (u != NULL || strncmp(error.text, mistakes[i].error, strlen(mistakes[i].error)) != 0) {
            print_error("\"%s\" -> \"%s\"\n   gave:     %s\n   expected: %s\n", mistakes[i].from,
                        mistakes[i].to, u != NULL ? "a profile" : error.text, mistakes[i].error);
            wrong++;
        }
        profile_free(u);
        free(text);
    }
    assert_int_equal(wrong, 0);
}

static void test_insecure(void **state)
{
    (void)state;
    struct profile_error error;
    static const char *const allowed[][2] = {
        {"k: 5f8a1c93e2b7460d91c4f03e6a2d7b58", "k: 00000000000000000000000000000000"},
        {"msl: 16", "msl: 00"},
        {"kic: {algorithm: aes, bits: 256, key: derived}\n      kid: {algorithm: aes, bits: 128, mac: 4, "
         "key: derived}\n"
         "      kik: {bits: 128,",
         "kic: {algorithm: des, bits: 64, key: derived}\n      kid: {algorithm: des, bits: 64, key: "
         "derived}\n"
         "      kik: {bits: 64,"},
    };
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        char *text = changed(allowed[i][0], allowed[i][1]);
        assert_null(load(text, strlen(text), &error));
        char *insecure = malloc(strlen(text) + 20);
        assert_non_null(insecure);
        (void)snprintf(insecure, strlen(text) + 20, "insecure: yes\n%s", text);
        struct uicc_profile *u = load(insecure, strlen(insecure), &error);
        assert_string_equal(error.text, "");
        assert_non_null(u);
        assert_true(u->p.insecure);
        profile_free(u);
        free(insecure);
        free(text);
    }
}

/* ---- include ---- */

/* Files a.yaml, b.yaml, .. beside `base.yaml`, which is `small`. Loads a.yaml. */
struct folder {
    char dir[40];
    unsigned n;
};

static void folder_put(const struct folder *d, const char *name, const char *text, size_t n)
{
    char path[80];
    (void)snprintf(path, sizeof path, "%s/%s", d->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct folder folder_open(void)
{
    struct folder d = {.dir = "/tmp/test_include.XXXXXX"};
    assert_non_null(mkdtemp(d.dir));
    folder_put(&d, "base.yaml", small, sizeof small - 1);
    return d;
}

static struct uicc_profile *folder_load(struct folder *d, const char *const files[],
                                        struct profile_error *error)
{
    char path[80], name[] = "a.yaml";
    for (unsigned i = 0; files[i] != NULL; i++, name[0]++) {
        folder_put(d, name, files[i], strlen(files[i]));
        d->n = i + 1 > d->n ? i + 1 : d->n;
    }
    (void)snprintf(path, sizeof path, "%s/a.yaml", d->dir);
    struct uicc_profile *u = profile_load(path, error);
    if (u == NULL) { /* the folder's name, taken out of the error */
        size_t n = strlen(d->dir) + 1;
        for (char *at; (at = strstr(error->text, d->dir)) != NULL;)
            memmove(at, at + n, strlen(at + n) + 1);
        assert_null(strchr(error->text, '\n'));
    }
    return u;
}

static void folder_close(struct folder *d)
{
    char path[80];
    for (unsigned i = 0; i < d->n; i++) {
        (void)snprintf(path, sizeof path, "%s/%c.yaml", d->dir, (char)('a' + i));
        (void)remove(path);
    }
    (void)snprintf(path, sizeof path, "%s/base.yaml", d->dir);
    (void)remove(path);
    assert_int_equal(rmdir(d->dir), 0);
}

static void test_include(void **state)
{
    (void)state;
    struct profile_error error;
    struct folder d = folder_open();
    /* d is included twice and read once: what b says of EF.T stays */
    static const char *const files[] = {
        "format: 1\ninclude: [b.yaml, c.yaml]\nname: top\n"
        "access: [{name: new, read: pin1}, {name: dir, terminate: always}]\n"
        "pins: [{name: adm1, tries: 7}]\n"
        "files:\n"
        "  - {path: MF/EF.C, contents: ['07'], records: {count: 4}}\n"
        "  - {path: MF/EF.New, kind: transparent, fid: 2F12, access: new, content: 'AA'}\n"
        "  - {path: MF/ADF.X/EF.B, remove: yes}\n"
        "  - {path: MF/ADF.X/EF.B, kind: transparent, fid: 6F11, access: open, size: 2, remove: no}\n"
        "applets:\n  - {class: rfm, tars: [B00000], msl: 12}\n"
        "pairs:\n  - algorithm: milenage\n    k: derived\n    opc: derived\n    ota:\n      version: 1\n"
        "      kic: {algorithm: aes, bits: 128, key: derived}\n"
        "      kid: {algorithm: aes, bits: 128, key: derived}\n      kik: {bits: 128, key: derived}\n"
        "    repeat: 2\n",
        "format: 1\ninclude: d.yaml\ntitle: b\nfiles: [{path: MF/EF.T, sfi: 05, content: 09080706}]\n",
        "format: 1\ninclude: d.yaml\ntitle: \"c \\u263A \\\\ \\\"\"\napplets: [{class: rfm, access: "
        "[pin1]}]\n",
        "format: 1\ninclude: [./base.yaml]\ninsecure: no\ntitle: d\n"
        "files: [{path: MF/EF.T, content: 'FF'}, {path: MF/DF.G, kind: df, fid: 5F00, access: dir}, "
        "{path: MF/DF.G/EF.H, kind: transparent, fid: 6F00, access: open, size: 1}]\n",
        NULL};
    struct uicc_profile *u = folder_load(&d, files, &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    const struct profile *p = &u->p;
    assert_string_equal(p->name, "top");
    assert_string_equal(p->title, "c \xE2\x98\xBA \\ \"");
    assert_string_equal(p->imsi, "999700000000001");
    const struct profile_file *t = &p->files[find(p, 0, 0x2F10)], *c = &p->files[find(p, 0, 0x2F11)];
    assert_int_equal(t->sfi, 5);
    assert_memory_equal(t->content.p, "\x09\x08\x07\x06", 4);
    assert_int_equal(c->record_len, 3);
    assert_int_equal(c->size, 12);
    assert_memory_equal(c->content.p, "\x07\xFF\xFF\xFF\xFF\xFF", 6);
    uint16_t adf = p->applets[0].adf;
    assert_int_equal(profile_child(p, adf, 0x6F10), PROFILE_NO_FILE);
    assert_int_equal(p->files[find(p, adf, 0x6F11)].kind, FILE_TRANSPARENT);
    assert_int_equal(p->files[find(p, find(p, 0, 0x5F00), 0x6F00)].size, 1);
    assert_int_equal(p->files[find(p, 0, 0x2F12)].arr_record, 4); /* after the three that were there */
    const struct profile_file *arr = &p->files[find(p, 0, 0x2F06)];
    assert_int_equal(arr->size / arr->record_len, 4);
    assert_memory_equal(arr->content.p + arr->record_len + 21, "\x80\x01\x20\x90\x00", 5);
    assert_int_equal(p->pins[1].tries, 7);
    assert_memory_equal(p->pins[1].value, "11111111", 8);
    assert_int_equal(p->n_applets, 2);
    assert_int_equal(p->applets[1].msl, 0x12);
    assert_int_equal(p->applets[1].access, 1u << profile_pin_bit(0x01));
    assert_int_equal(p->n_pairs, 2);
    assert_int_equal(p->n_keysets, 1);
    profile_free(u);

    /* a sub-tree goes with its directory; applets by name; built-in profiles from text */
    static const char *const removed[] = {
        "format: 1\ninclude: base.yaml\n"
        "files: [{path: MF/ADF.X, remove: true}]\npins: [{name: pin2, remove: true}]\n"
        "access: [{name: both, remove: true}, {name: open, write: adm1}]\n"
        "applets: [{class: x, remove: true}, {class: rfm, name: second, start: MF, tars: [B00000]}]\n",
        NULL};
    assert_null(folder_load(&d, removed, &error));
    assert_string_equal(error.text,
                        "a.yaml:6: applets[1].tars[0]: TAR already given to applets[1] of base.yaml; "
                        "each needs its own");
    static const char *const right[] = {
        "format: 1\ninclude: base.yaml\n"
        "files: [{path: MF/ADF.X, remove: true}, {path: MF/EF.C, access: open}]\n"
        "pins: [{name: pin2, remove: true}]\n"
        "access: [{name: both, remove: true}]\n"
        "applets: [{class: x, tars: [A00001], remove: true}]\n",
        NULL};
    u = folder_load(&d, right, &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    assert_int_equal(u->p.n_files, 4);
    assert_int_equal(u->p.n_pins, 2);
    assert_int_equal(u->p.n_applets, 1);
    profile_free(u);
    /* a link takes the place of content and size, and the other way round */
    static const char *const links[] = {
        "format: 1\ninclude: b.yaml\nfiles:\n"
        "  - {path: MF/EF.T, link: MF/ADF.X/EF.T2}\n"
        "  - {path: MF/ADF.X/EF.T3, content: '0102'}\n",
        "format: 1\ninclude: base.yaml\nfiles:\n"
        "  - {path: MF/ADF.X/EF.T2, kind: transparent, fid: 6F22, size: 7, access: open, content: AA}\n"
        "  - {path: MF/ADF.X/EF.T3, kind: transparent, fid: 6F23, access: open, link: MF/ADF.X/EF.T2}\n",
        NULL};
    u = folder_load(&d, links, &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    adf = u->p.applets[0].adf;
    t = &u->p.files[find(&u->p, 0, 0x2F10)];
    assert_int_equal(t->link, find(&u->p, adf, 0x6F22));
    assert_int_equal(t->size, 7);
    assert_memory_equal(t->content.p, "\xAA\xFF\xFF\xFF\xFF\xFF\xFF", 7);
    assert_int_equal(u->p.files[find(&u->p, adf, 0x6F23)].link, 0);
    assert_int_equal(u->p.files[find(&u->p, adf, 0x6F23)].size, 2);
    profile_free(u);
    static const char text[] = "format: 1\ninclude: test\nname: mine\n";
    u = load(text, sizeof text - 1, &error);
    assert_string_equal(error.text, "");
    assert_non_null(u);
    assert_string_equal(u->p.name, "mine");
    profile_free(u);
    folder_close(&d);
}

static void test_include_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *files[4];
        const char *error;
    } cases[] = {
        {{"format: 1\ninclude: a.yaml\n"}, "a.yaml:2: include: goes in a circle: a.yaml -> a.yaml; take one"},
        {{"format: 1\ninclude: b.yaml\n", "format: 1\n\ninclude:\n  - base.yaml\n  - ./c.yaml\n",
          "include: b.yaml\nformat: 1\n"},
         "./c.yaml:1: include: goes in a circle: b.yaml -> ./c.yaml -> ./b.yaml; take one of them out"},
        {{"format: 1\ninclude: nobody\n"},
         "a.yaml:2: include: nobody: No such file or directory; give the path of a profile, or the name of a "
         "built-in one (usim, test, "},
        {{"format: 1\ninclude: /dev/null\n"}, "/dev/null:1: empty"},
        {{"format: 1\ninclude: {b: c}\n"}, "a.yaml:2: include: must be the name of a built-in profile"},
        {{"format: 1\ninclude: [[b]]\n"}, "a.yaml:2: include: must be the name"},
        {{"format: 1\ninclude: ''\n"}, "a.yaml:2: include: must be the name"},
        {{"format: 1\ninclude: []\n"}, "a.yaml:2: include: an empty list"},
        {{"format: 1\ninclude: b.yaml\n", "name: b\n"}, "b.yaml:1: \"format\" is missing; add it"},
        {{"format: 1\ninclude: base.yaml\nfiles:\n- {path: MF/EF.T, sfi: 05}\n- {path: MF/EF.C, sfi: 06}\n- {path: MF/EF.T, sfi: 07}\n"},
         "a.yaml:6: files[2]: given twice; make it one entry"},
        {{"format: 1\ninclude: base.yaml\npins: [{name: adm1, tries: 5}, {name: adm1, tries: 6}]\n"}, "a.yaml:3: pins[1]: given twice"},
        {{"format: 1\ninclude: base.yaml\napplets: [{class: rfm, msl: 16}, {class: rfm, tars: [B00000]}]\n"}, "a.yaml:3: applets[1]: given twice"},
        {{"format: 1\ninclude: b.yaml\n", "name: b\nformat: 2\n"},
         "b.yaml:2: format: format 2; this softuicc"},
        {{"include: base.yaml\nformat: 3\n"}, "a.yaml:2: format: format 3; this softuicc"},
        {{"format: 1\ninclude: b.yaml\n", "name: b\nformat: 1\nx: ]\n"}, "b.yaml:3: not valid YAML here"},
        {{"format: 1\ninclude: b.yaml\n", "format: 1\n"}, "a.yaml:1: \"name\" is missing; add it"},
        {{"include: base.yaml\nformat: 1\nfiles: [{path: MF/EF.T, syze: 2}]\n"},
         "a.yaml:3: files[0].syze: no such key here"},
        {{"include: base.yaml\nformat: 1\nfiles: [{path: MF/EF.T, remove: maybe}]\n"},
         "a.yaml:3: files[0].remove: \"maybe\" is not one of: true, false, yes, no"},
        {{"include: base.yaml\nformat: 1\nfiles:\n  - {path: MF/EF.T, remove: yes, size: 4}\n"},
         "a.yaml:4: files[0]: \"size\" in an entry that is removed"},
        {{"include: base.yaml\nformat: 1\nfiles:\n  - {path: MF/EF.U, remove: yes}\n"},
         "a.yaml:4: files[0]: nothing like it is included"},
        {{"include: base.yaml\nformat: 1\nfiles: [{path: MF/EF.U}]\n"},
         "a.yaml:3: files[0]: \"kind\" is missing"},
        {{"include: base.yaml\nformat: 1\nfiles: [{path: MF/EF.T, size: 1}]\n"},
         "base.yaml:16: files[2].content: EF.T: content has 2 octets, size is 1"},
        {{"include: base.yaml\nformat: 1\nfiles: [{path: MF/EF.T, content: 0102030405}]\n"},
         "a.yaml:3: files[0].content: EF.T: content has 5 octets, size is 4"},
        {{"include: base.yaml\nformat: 1\npins: [{name: pin1, reference: 0A}]\n"},
         "base.yaml:11: pins[1].reference: pins[0] of base.yaml has the same key reference"},
        {{"include: base.yaml\nformat: 1\nfiles: 7\n"}, "a.yaml:3: files: must be a list"},
        {{"include: base.yaml\nformat: 1\nfiles: [7]\n"}, "a.yaml:3: files[0]: must be a mapping"},
        {{"include: base.yaml\nformat: 1\npins: {}\n"}, "a.yaml:3: pins: must be a list"},
        {{"include: b.yaml\nformat: 1\napplets: [{class: rfm, msl: 12}]\n",
          "include: base.yaml\nformat: 1\napplets: [{class: rfm, tars: [B00001]}, {class: rfm, tars: "
          "[B00002]}]\n"},
         "a.yaml:3: applets[0]: several applets of this class are included"},
        {{"include: base.yaml\nformat: 1\npins: [{name: adm1, remove: yes}]\n"},
         "base.yaml:23: applets[1].access[0]: no PIN \"adm1\""},
    };
    struct profile_error error;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder d = folder_open();
        struct uicc_profile *u = folder_load(&d, cases[i].files, &error);
        if (u != NULL || strncmp(error.text, cases[i].error, strlen(cases[i].error)) != 0) {
            print_error("case %zu gave: %s\n   expected: %s\n", i, u != NULL ? "a profile" : error.text,
                        cases[i].error);
            wrong++;
        }
        profile_free(u);
        folder_close(&d);
    }
    assert_int_equal(wrong, 0);
    /* from text, no file is read */
    static const char text[] = "format: 1\ninclude: /etc/passwd\n";
    assert_null(load(text, sizeof text - 1, &error));
    assert_string_equal(error.text, "small.yaml:2: include: no built-in profile \"/etc/passwd\"");

    /* too deep; and one name for a file again and again */
    struct folder d = folder_open();
    static const char *const deep[] = {"format: 1\ninclude: b.yaml",
                                       "format: 1\ninclude: c.yaml",
                                       "format: 1\ninclude: d.yaml",
                                       "format: 1\ninclude: e.yaml",
                                       "format: 1\ninclude: f.yaml",
                                       "format: 1\ninclude: g.yaml",
                                       "format: 1\ninclude: h.yaml",
                                       "format: 1\ninclude: i.yaml",
                                       "format: 1\n",
                                       NULL};
    assert_null(folder_load(&d, deep, &error));
    assert_string_equal(error.text, "h.yaml:2: include: more than 8 files deep");
    folder_close(&d);
}

/* ---- hostile texts ---- */

static char *repeated(const char *head, const char *unit, size_t times, const char *tail)
{
    size_t n = strlen(unit), at = strlen(head);
    char *text = malloc(at + n * times + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, at);
    for (size_t i = 0; i < times; i++, at += n)
        memcpy(text + at, unit, n);
    memcpy(text + at, tail, strlen(tail) + 1);
    return text;
}

static void test_hostile(void **state)
{
    (void)state;
    struct profile_error error;
    char *texts[] = {
        repeated("", "", 0, ""),
        repeated("# nothing\n", "\n", 1000, ""),
        repeated("a: ", "[", 100000, ""),
        repeated("a: ", "{a: ", 100000, ""),
        repeated("", "- ", 100000, ""),
        repeated("", "? ", 2000, ""),
        repeated("a: [", "1,", 300000, "]"),
        repeated("", "x", 1 << 20, ": 1"),
        repeated("name: ", "x", 1 << 20, ""),
        repeated("files:\n", "  - {}\n", 10000, ""),
        repeated("a: &a [x]\nb: [", "*a,", 10000, "]"),
        repeated("", "%TAG ! x\n", 1000, ""),
        repeated("", "---\n", 1000, ""),
        repeated("", "...\n", 1000, ""),
        repeated("a: \"", "\\u0000", 1000, "\""),
        repeated("name: !!binary ", "A", 1000, ""),
        repeated("files: ", "y", 5 << 20, ""),
        repeated("\xFF\xFE", "\x01\x02", 1000, ""),
        repeated("\xEF\xBB\xBF", "x", 1000, ""),
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_null(load(texts[i], strlen(texts[i]), &error));
        free(texts[i]);
    }
    assert_null(load("a: \0b", 5, &error));
    /* seventy different keys */
    char keys[70 * 8], *to = keys;
    for (int i = 0; i < 70; i++)
        to += snprintf(to, 8, "k%d: 1\n", i);
    assert_null(load(keys, strlen(keys), &error));
    assert_non_null(strstr(error.text, "more than 64 keys"));
}

static uint64_t rng(uint64_t *s) /* SplitMix64: the same texts in every run */
{
    uint64_t z = (*s += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

static void test_cut(void **state)
{
    (void)state;
    struct profile_error error;
    for (size_t n = 0; n < sizeof small - 1; n += 3)
        profile_free(load(small, n, &error));
    const struct profile_builtin *b = &profile_builtins[1]; /* test: the one that includes nothing */
    for (size_t n = 0; n < b->n; n += 97)
        profile_free(load((const char *)b->text, n, &error));
}

/* What a later file says, over a built-in one. */
static const char over[] = "format: 1\ninclude: [test, m2m]\nname: over\n"
                           "access: [{name: open-pin, remove: yes}, {name: new, read: pin1}]\n"
                           "pins: [{name: pin1, tries: 5}]\n"
                           "files:\n"
                           "  - {path: MF/ADF.USIM/EF.SPN, content: 00}\n"
                           "  - {path: MF/ADF.USIM/DF.GSM-ACCESS, remove: yes}\n"
                           "  - {path: MF/ADF.USIM/EF.SMS, records: {count: 2}}\n"
                           "  - {path: MF/EF.X, kind: transparent, fid: 2F10, access: new, size: 3}\n"
                           "applets: [{class: rfm, tars: [B00001], msl: 12}]\n";

static void mutate(const char *original, size_t length, int rounds)
{
    struct profile_error error;
    static const char edge[] = "\n :-,{}[]#&*!|>'\"%@`?0fF\x80\xFF\t";
    uint64_t seed = 2;
    char *text = malloc(length);
    assert_non_null(text);
    for (int round = 0; round < rounds; round++) {
        memcpy(text, original, length);
        size_t n = length, changes = 1 + rng(&seed) % 3;
        for (size_t i = 0; i < changes; i++) {
            size_t at = rng(&seed) % n;
            uint64_t how = rng(&seed) % 3;
            if (how == 0) {
                text[at] = edge[rng(&seed) % (sizeof edge - 1)];
            } else if (how == 1) { /* take some out */
                size_t gone = 1 + rng(&seed) % 20;
                gone = gone > n - at ? n - at : gone;
                memmove(text + at, text + at + gone, n - at - gone);
                n -= gone;
            } else { /* copy from elsewhere */
                size_t from = rng(&seed) % n, len = 1 + rng(&seed) % 30;
                len = len > n - from ? n - from : len;
                len = len > n - at ? n - at : len;
                memmove(text + at, text + from, len);
            }
        }
        profile_free(load(text, n, &error));
    }
    free(text);
}

static void test_mutations(void **state)
{
    (void)state;
    mutate(small, sizeof small - 1, 3000);
    mutate(over, sizeof over - 1, 1000);
}

/* ---- files ---- */

static void test_files(void **state)
{
    (void)state;
    struct profile_error error;
    assert_null(profile_load("/nonexistent/p.yaml", &error));
    assert_non_null(strstr(error.text, "/nonexistent/p.yaml: No such file or directory"));
    assert_null(profile_load("/", &error));
    assert_true(strlen(error.text) > 0);
    assert_null(profile_load("/dev/null", &error));
    assert_string_equal(error.text, "/dev/null:1: empty; a profile is a mapping: lines of \"key: value\"");
    char path[] = "/tmp/test_profile_yaml.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(small, 1, sizeof small - 1, f), sizeof small - 1);
    assert_int_equal(fclose(f), 0);
    struct uicc_profile *u = profile_load(path, &error);
    assert_int_equal(remove(path), 0);
    assert_non_null(u);
    assert_string_equal(u->p.name, "small");
    profile_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_builtin_rules),
        cmocka_unit_test(test_builtin_services),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_stored_links),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_shared_objects),
        cmocka_unit_test(test_insecure),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_include_mistakes),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

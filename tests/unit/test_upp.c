/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of profile packages: a small one made here, cut and changed octet by octet; hostile ones; and three
 * real ones where they are at hand (in the folder UPP_DATA).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gsm.h"
#include "hex.h"
#include "isim.h"
#include "receiver.h"
#include "security_domain.h"
#include "store.h"
#include "subscription.h"
#include "tlv.h"
#include "uicc.h"
#include "upp.h"
#include "usim.h"

#define K         "465B5CE8B199B49FAA5F0A2EE238A6BC" /* TS 35.208 4.3, test set 1: known to everybody */
#define OPC       "CD63CB71954A9F4E48A5994E37A02BAF"
#define KIC       "8F12C1A77B60E5D3941F2A6608BC4D71"
#define KID       "11E09A5C3D7F42B8A1C6D40E9B8273F5"
#define KIK       "5D2C90B7E84F1A63D07BC3915E8A2F46"
#define USIM_AID  "A0000000871002FF86FFFF89FFFFFFFF"
#define ISIM_AID  "A0000000871004FF86FFFF89FFFFFFFF"
#define CSIM_AID  "A0000003431002FF86FFFF89FFFFFFFF"
#define RULE_OPEN "8001019000 80015AA40683010A950108"
#define RULE_PIN  "800103A406830101950108 800158A40683010A950108"

static const char *const all_classes[] = {"usim", "isim", "subscription", "ota", "rfm", "isd", NULL};
static const char *const no_isim[] = {"usim", "subscription", "ota", "rfm", "gsm", NULL};
static const struct upp_options everything = {.classes = all_classes, .get_identity = true};
static const struct upp_options without_isim = {.classes = no_isim};

/* ---- making packages ---- */

struct package {
    uint8_t bytes[1 << 18];
    struct buf b;
    uint8_t id;
};

static void put(struct package *m, uint32_t tag, const char *hex)
{
    uint8_t bytes[1024];
    struct buf v = buf_of(bytes, sizeof bytes);
    size_t where;
    if (!hex_parse(hex, &v, &where))
        fail_msg("%s: %zu", hex, where);
    buf_tlv(&m->b, tag, buf_span(&v));
}

static size_t enter(struct package *m, uint32_t tag)
{
    return buf_tlv_open(&m->b, tag);
}

static void leave(struct package *m, size_t mark)
{
    buf_tlv_close(&m->b, mark);
}

/* A profile element, with its header. */
static size_t element(struct package *m, uint32_t tag)
{
    size_t pe = enter(m, tag), header = enter(m, 0xA0);
    put(m, 0x80, "");
    buf_tlv_u8(&m->b, 0x81, m->id++);
    leave(m, header);
    return pe;
}

static size_t templated(struct package *m, uint32_t tag, const char *oid)
{
    char whole[32];
    size_t pe = element(m, tag);
    snprintf(whole, sizeof whole, "67810F0102%s", oid);
    put(m, 0x81, whole);
    return pe;
}

/* A file of a template: FCP ("" for none), content (NULL for none). */
static void file(struct package *m, uint32_t tag, const char *fcp, const char *content)
{
    size_t f = enter(m, tag);
    if (fcp[0] != 0)
        put(m, 0xA1, fcp);
    if (content != NULL)
        put(m, 0x83, content);
    leave(m, f);
}

static void header(struct package *m, const char *major, const char *iccid)
{
    m->b = buf_of(m->bytes, sizeof m->bytes);
    m->id = 1;
    size_t pe = enter(m, 0xA0);
    put(m, 0x80, major);
    put(m, 0x81, "03");
    put(m, 0x82, "41206361726420");
    put(m, 0x83, iccid);
    size_t services = enter(m, 0xA5);
    put(m, 0x81, ""); /* usim */
    put(m, 0x84, ""); /* milenage */
    leave(m, services);
    put(m, 0xA6, "060667810F010201");
    leave(m, pe);
}

static void rules(struct package *m, uint32_t tag)
{
    size_t arr = enter(m, tag);
    put(m, 0xA1, "820442210020 800201E0"); /* 15 records, as many as annex A refers to */
    for (int i = 1; i <= 15; i++) {
        bool pin = i == 2 || i == 5;
        put(m, 0x83, pin ? RULE_PIN : RULE_OPEN);
        put(m, 0x82, pin ? "0A" : "10");
    }
    leave(m, arr);
}

static void mf(struct package *m)
{
    size_t pe = templated(m, 0xB0, "01");
    file(m, 0xA2, "8B032F0601 C603010A0B", NULL);
    /* EF.PL is the template's */
    file(m, 0xA4, "880110", "98000121436587 0921F3");
    size_t dir = enter(m, 0xA5);
    put(m, 0xA1, "82044221001C 800154");
    put(m, 0x83, "61184F10" USIM_AID "50045553494D");
    put(m, 0x82, "02");
    put(m, 0x83, "61184F10" ISIM_AID "50044953494D");
    put(m, 0x82, "02");
    put(m, 0x83, "61184F10" CSIM_AID "50044353494D");
    leave(m, dir);
    rules(m, 0xA6);
    leave(m, pe);
}

static void usim(struct package *m)
{
    size_t pe = templated(m, 0xB3, "04");
    file(m, 0xA2, "83027FD0 8410" USIM_AID " 8B032F0601 C603010A81", NULL);
    file(m, 0xA3, "", "080910101032547608");
    rules(m, 0xA4);
    file(m, 0xA8, "", "00CE1C0C2336000040001000000F");
    put(m, 0xA9, "8000");                   /* EF.FDN: doNotCreate */
    file(m, 0xAA, "80020160 8801C8", "01"); /* EF.SMS: two records, SFI 19 */
    file(m, 0xAD, "8B036F0603", "0141");
    file(m, 0xAE, "", "00");
    file(m, 0xB2, "", "0001");
    file(m, 0xB6, "820442210008 800110", "11F2FF");
    leave(m, pe);
}

static void opt_usim(struct package *m)
{
    size_t pe = templated(m, 0xB4, "05");
    file(m, 0xA9, "800104 A504C1020011", NULL);
    file(m, 0xAE, "800105 A507C00180C202ABCD", NULL);
    file(m, 0xAF, "8A0104", NULL);
    file(m, 0xBB, "", NULL);
    file(m, 0xBF3A, "800106", "00F110");
    leave(m, pe);
    pe = templated(m, 0xB8, "07");
    file(m, 0xA2, "", NULL);
    file(m, 0xA3, "", NULL);
    leave(m, pe);
}

static void isim(struct package *m)
{
    size_t pe = templated(m, 0xB5, "08");
    file(m, 0xA2, "83027FB0 8410" ISIM_AID " 8B032F0601 C603010A81", NULL);
    file(m, 0xA3, "800110", "8002414243");
    file(m, 0xA4, "820442210010 800120", "8002414243");
    file(m, 0xA5, "800108", "80024142");
    file(m, 0xA6, "", "00");
    rules(m, 0xA8);
    leave(m, pe);
}

static void pins(struct package *m, const char *first, const char *second)
{
    size_t pe = element(m, 0xA2), a = enter(m, 0xA1), list = enter(m, 0xA0);
    put(m, 0x30, first);
    if (second != NULL)
        put(m, 0x30, second);
    leave(m, list);
    leave(m, a);
    leave(m, pe);
}

static void puks(struct package *m)
{
    size_t pe = element(m, 0xA3), list = enter(m, 0xA1);
    put(m, 0x30, "800101 81083132333435363738");
    put(m, 0x30, "80020081 81083837363534333231 820155");
    leave(m, list);
    leave(m, pe);
}

static void aka(struct package *m, const char *choice, const char *content)
{
    size_t pe = element(m, 0xA4), a = enter(m, 0xA1);
    put(m, strcmp(choice, "mapping") == 0 ? 0xA0 : 0xA1, content);
    leave(m, a);
    put(m, 0x83, "000000000400");
    leave(m, pe);
}

static void management(struct package *m)
{
    size_t pe = element(m, 0xA1), list = enter(m, 0xA1), one = enter(m, 0x30);
    put(m, 0x62, "82024121 83022FF1 8B032F060A 800104"); /* in the MF; SFI from the FID */
    put(m, 0x81, "AABB");
    put(m, 0x80, "7FD0");
    put(m, 0x62, "82027921 83026FFE 8B036F0602 80020100 8800");
    put(m, 0x81, "800101");
    put(m, 0x80, "");
    put(m, 0x62, "82027821 83027F10 8B032F060E C603010A81");
    leave(m, one);
    one = enter(m, 0x30);
    put(m, 0x80, "7F10");
    put(m, 0x62, "8204422100B0 83026F3C 8B032F0602 8800 C7047FD06F3C");
    put(m, 0x62, "820442210004 83026F3A 8B032F060A 80010C 8800 A503C10155");
    put(m, 0x02, "05");
    put(m, 0x81, "0102");
    leave(m, one);
    leave(m, list);
    leave(m, pe);
}

static void key(struct package *m, const char *id, const char *version, const char *type, const char *data)
{
    size_t k = enter(m, 0x30);
    put(m, 0x95, "18");
    put(m, 0x82, id);
    put(m, 0x83, version);
    size_t components = enter(m, 0x30), c = enter(m, 0x30);
    put(m, 0x80, type);
    put(m, 0x86, data);
    leave(m, c);
    leave(m, components);
    leave(m, k);
}

static void domain(struct package *m)
{
    size_t pe = element(m, 0xA6), instance = enter(m, 0xA1);
    put(m, 0x4F, "A0000001515350");
    put(m, 0x4F, "A000000151535041");
    put(m, 0x4F, "A000000151000000");
    put(m, 0x82, "82DC00");
    put(m, 0xC9, "81028000");
    leave(m, instance);
    size_t keys = enter(m, 0xA2);
    key(m, "01", "02", "88", KIC);
    key(m, "02", "02", "88", KID);
    key(m, "01", "05", "80", KID);
    key(m, "02", "05", "80", KIK);
    key(m, "03", "05", "80", KIC);
    key(m, "01", "30", "88", KIK);
    key(m, "02", "30", "88", KIC);
    key(m, "03", "30", "88", KID);
    key(m, "01", "20", "80", KIK);
    key(m, "01", "40", "80", KIK);
    leave(m, keys);
    leave(m, pe);
}

static void rfm(struct package *m, const char *tar, const char *aid)
{
    size_t pe = element(m, 0xA7);
    put(m, 0x4F, "A00000055910100001");
    size_t tars = enter(m, 0xA0);
    put(m, 0x04, tar);
    leave(m, tars);
    put(m, 0x81, "16");
    put(m, 0x04, "00");
    put(m, 0x04, "02000100");
    if (aid != NULL) {
        size_t adf = enter(m, 0x30);
        put(m, 0x80, aid);
        put(m, 0x81, "00");
        put(m, 0x82, "02000100");
        leave(m, adf);
    }
    leave(m, pe);
}

static void end(struct package *m)
{
    size_t pe = element(m, 0xAA);
    leave(m, pe);
    assert_true(buf_ok(&m->b));
}

/* Everything once. */
static void small(struct package *m)
{
    header(m, "02", "8900101234567890123F");
    mf(m);
    puks(m);
    pins(m, "800101 810831323334FFFFFFFF 820101 830106", "80010A 81084142434445464748 830103 840200AA");
    usim(m);
    pins(m, "80020081 810835363738FFFFFFFF 82020081 830103", NULL);
    aka(m, "own", "800101 810102 8210" K "8310" OPC);
    opt_usim(m);
    isim(m);
    aka(m, "mapping", "800100 8110" USIM_AID);
    management(m);
    domain(m);
    rfm(m, "B00000", NULL);
    rfm(m, "B00001", USIM_AID);
    end(m);
}

static struct package *fresh(void)
{
    struct package *m = calloc(1, sizeof *m);
    assert_non_null(m);
    return m;
}

/* From a copy of just its size: sanitizers see what is read beyond the end. */
static bool load(struct span bytes, const struct upp_options *o, struct upp_import *u, struct upp_error *e)
{
    uint8_t *exact = malloc(bytes.n > 0 ? bytes.n : 1);
    assert_non_null(exact);
    if (bytes.n > 0)
        memcpy(exact, bytes.p, bytes.n);
    bool good = upp_load(span_of(exact, bytes.n), "a.der", o, u, e);
    free(exact);
    return good;
}

static void must_load(struct package *m, const struct upp_options *o, struct upp_import *u)
{
    struct upp_error e;
    if (!load(buf_span(&m->b), o, u, &e))
        fail_msg("%s", e.text);
}

/* Refused, in one line with the origin and these words. */
static void refused(struct span bytes, const char *words)
{
    struct upp_import u;
    struct upp_error e;
    if (load(bytes, &everything, &u, &e)) {
        upp_free(&u);
        fail_msg("imported, but should say: %s", words);
    }
    assert_null(u.profile);
    assert_null(u.notes);
    if (strncmp(e.text, "a.der: ", 7) != 0 || strchr(e.text, '\n') != NULL || strstr(e.text, words) == NULL)
        fail_msg("says \"%s\", should say \"%s\"", e.text, words);
}

static bool noted(const struct upp_import *u, const char *words)
{
    for (size_t i = 0; i < u->n_notes; i++)
        if (strstr(u->notes[i].text, words) != NULL)
            return true;
    return false;
}

static void print_notes(const struct upp_import *u)
{
    for (size_t i = 0; i < u->n_notes; i++)
        print_message("%zu %s: %s\n", u->notes[i].offset, u->notes[i].name, u->notes[i].text);
}

#define assert_noted(u, words)                                                                               \
    do {                                                                                                     \
        if (!noted(u, words)) {                                                                              \
            print_notes(u);                                                                                  \
            fail_msg("not noted: %s", words);                                                                \
        }                                                                                                    \
    } while (0)

/* A file by path; fails when it is not there. */
static const struct profile_file *at(const struct upp_import *u, const char *path)
{
    const struct profile *p = &u->profile->p;
    uint16_t dir = 0;
    char one[64];
    for (const char *c = path; *c != 0;) {
        size_t n = strcspn(c, "/");
        snprintf(one, sizeof one, "%.*s", (int)n, c);
        uint16_t found = PROFILE_NO_FILE;
        for (uint16_t i = 1; i < p->n_files; i++)
            if (p->files[i].parent == dir && strcmp(p->files[i].name, one) == 0)
                found = i;
        if (found == PROFILE_NO_FILE)
            fail_msg("%s: no %s", path, one);
        dir = found;
        c += n + (c[n] == '/');
    }
    return &p->files[dir];
}

static void has_content(const struct upp_import *u, const char *path, const char *hex)
{
    uint8_t bytes[512];
    struct buf b = buf_of(bytes, sizeof bytes);
    size_t where;
    const struct profile_file *f = at(u, path);
    assert_true(hex_parse(hex, &b, &where));
    if (!span_equal(f->content, buf_span(&b))) {
        char is[2 * 512 + 1];
        hex_format(span_slice(f->content, 0, 512), is);
        fail_msg("%s is %s, should be %s", path, is, hex);
    }
}

/* ---- what comes out ---- */

static void test_small(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    small(m);
    must_load(m, &everything, &u);
    const struct profile *p = &u.profile->p;
    assert_string_equal(u.iccid, "8900101234567890123");
    assert_string_equal(p->imsi, "001010123456780");
    assert_string_equal(p->title, "A card ");
    assert_true(p->atr_len > 2);
    assert_true(p->insecure); /* K is a published one */
    assert_noted(&u, "keys that anyone guesses");
    assert_noted(&u, "EF.DIR record 3 names a0000003431002ff86ffff89ffffffff, which is left out: emptied");
    assert_noted(&u, "key 1 of version 40: not one of SCP80");
    assert_noted(&u, "keyset version 20: not whole");
    if (u.n_notes != 6) {
        print_notes(&u);
        fail_msg("%zu notes", u.n_notes);
    }
    /* MF 1+5 and 2FF1, 7F10 with two, USIM 1+22 and 5 of opt-usim, 2 of GSM access and 6FFE, ISIM 1+6 */
    assert_int_equal(p->n_files, 6 + 1 + 3 + 23 + 5 + 2 + 1 + 7);
    upp_free(&u);
    free(m);
}

static void test_templates(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    small(m);
    must_load(m, &everything, &u);
    has_content(&u, "EF.PL", "FFFF");
    assert_int_equal(at(&u, "EF.PL")->sfi, 0x05);
    assert_int_equal(at(&u, "EF.PL")->arr_record, 1);
    assert_int_equal(at(&u, "EF.PL")->arr_fid, 0x2F06);
    has_content(&u, "EF.UMPC", "FFFFFFFFFF");
    has_content(&u, "ADF.USIM/EF.AD", "00000002");
    assert_int_equal(at(&u, "ADF.USIM/EF.AD")->arr_fid, 0x6F06);
    assert_int_equal(at(&u, "ADF.USIM/EF.AD")->arr_record, 10);
    has_content(&u, "ADF.USIM/EF.LOCI", "FFFFFFFFFFFFFF0000FF01");
    has_content(&u, "ADF.USIM/EF.EPSLOCI", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF000001");
    has_content(&u, "ADF.USIM/EF.START-HFN", "F00000F00000");
    assert_true(at(&u, "ADF.USIM/EF.LOCI")->high_update);
    assert_false(at(&u, "ADF.USIM/EF.ACC")->high_update);
    has_content(&u, "ADF.USIM/DF.GSM-ACCESS/EF.Kc", "FFFFFFFFFFFFFFFF07");
    has_content(&u, "ADF.USIM/EF.PLMNwAcT",
                "FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000FFFFFF0000");
    const struct profile_file *ici = at(&u, "ADF.USIM/EF.ICI");
    assert_int_equal(ici->kind, FILE_CYCLIC);
    assert_int_equal(ici->size, 20 * 38);
    assert_memory_equal(ici->content.p + 38 + 28, "\xFF\xFF\xFF\x00\x00\x00\x00\x01\xFF\xFF", 10);
    const struct profile_file *adf = at(&u, "ADF.USIM");
    assert_int_equal(adf->fid, PROFILE_FID_CURRENT_ADF);
    assert_true(adf->pin_status);
    assert_int_equal(u.profile->p.applets[adf->applet].adf, adf - u.profile->p.files);
    assert_int_equal(at(&u, "EF.ICCID")->fill, FILL_ICCID);
    assert_int_equal(at(&u, "ADF.USIM/EF.IMSI")->fill, FILL_IMSI);
    upp_free(&u);
    free(m);
}

static void test_overrides(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    small(m);
    must_load(m, &everything, &u);
    assert_int_equal(at(&u, "EF.ICCID")->sfi, 0x02);
    const struct profile_file *sms = at(&u, "ADF.USIM/EF.SMS");
    assert_int_equal(sms->size, 352);
    assert_int_equal(sms->record_len, 176);
    assert_int_equal(sms->sfi, 0x19);
    assert_memory_equal(sms->content.p, "\x01\xFF", 2);
    assert_memory_equal(sms->content.p + 176, "\x00\xFF", 2); /* the pattern is each record's */
    assert_int_equal(at(&u, "ADF.USIM/EF.SPN")->arr_record, 3);
    has_content(&u, "ADF.USIM/EF.SPN", "0141FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    has_content(&u, "ADF.USIM/EF.ECC", "11F2FFFFFFFFFFFF FFFFFFFFFFFFFFFF");
    has_content(&u, "ADF.USIM/EF.CBMI", "00111111");
    has_content(&u, "ADF.USIM/EF.CBMIR", "ABCDABCDAB");
    assert_true(at(&u, "ADF.USIM/EF.CBMIR")->high_update);
    assert_true(at(&u, "ADF.USIM/EF.PLMNwAcT")->deactivated);
    assert_false(at(&u, "ADF.USIM/EF.CBMI")->deactivated);
    has_content(&u, "ADF.USIM/EF.EHPLMN", "00F110FFFFFF");
    has_content(&u, "EF.2FF1", "AABBFFFF");
    assert_int_equal(at(&u, "EF.2FF1")->sfi, 0x11);
    assert_int_equal(at(&u, "ADF.USIM/EF.MuDMiDConfigData")->kind, FILE_BERTLV);
    assert_int_equal(at(&u, "ADF.USIM/EF.MuDMiDConfigData")->size, 0x100);
    has_content(&u, "DF.TELECOM/EF.ADN", "555555555501025555555555");
    const struct profile_file *link = at(&u, "DF.TELECOM/EF.SMS");
    assert_int_equal(link->size, 352);
    assert_memory_equal(link->content.p, sms->content.p, 352);
    assert_ptr_equal(&u.profile->p.files[link->link], sms);
    for (uint16_t i = 0; i < u.profile->p.n_files; i++)
        assert_string_not_equal(u.profile->p.files[i].name, "EF.FDN"); /* doNotCreate */
    upp_free(&u);
    free(m);
}

static void test_keys(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    struct upp_options o = everything;
    o.pairs = 3;
    small(m);
    must_load(m, &o, &u);
    const struct profile *p = &u.profile->p;
    char hex[65];
    assert_int_equal(p->n_pairs, 4);
    const struct profile_pair *first = &p->pairs[0];
    assert_int_equal(first->algorithm, AKA_MILENAGE);
    assert_int_equal(first->derived, 0);
    hex_format(span_of(first->key.k, first->key.k_len), hex);
    assert_int_equal(strcasecmp(hex, K), 0);
    hex_format(span_of(first->key.opc, first->key.opc_len), hex);
    assert_int_equal(strcasecmp(hex, OPC), 0);
    assert_int_equal(first->sqn.ind_bits, 5);
    assert_int_equal(first->sqn.delta, 0x400);
    assert_int_equal(first->sqn.age, 0);
    assert_int_equal(first->ota.version, 2);
    assert_int_equal(first->ota.kic_algorithm, OTA_AES);
    assert_int_equal(first->ota.kik_len, 0);
    hex_format(span_of(first->ota.kid, first->ota.kid_len), hex);
    assert_int_equal(strcasecmp(hex, KID), 0);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(p->pairs[i].derived, PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA);
        assert_int_equal(p->pairs[i].ota.version, 2);
        assert_int_equal(p->pairs[i].ota_rights, RIGHT_REMOTE_CHANGE | RIGHT_MANAGE_APPLETS);
    }
    assert_int_equal(p->n_keysets, 2);
    assert_int_equal(profile_common_keysets(p), 1);
    assert_int_equal(p->keysets[1].keys.version, 0x30);
    assert_int_equal(p->keysets[1].keys.kik_len, 16);
    const struct profile_applet *isd = &p->applets[p->keysets[1].domain - 1];
    assert_string_equal(isd->class_name, "isd");
    assert_memory_equal(isd->aid, "\xA0\0\0\1\x51\0\0\0", 8);
    assert_int_equal(isd->n_tars, 1);
    assert_memory_equal(isd->tars[0], "\0\0\0", 3);
    assert_int_equal(p->keysets[0].keys.version, 5);
    assert_int_equal(p->keysets[0].keys.kic_algorithm, OTA_3DES);
    assert_int_equal(p->keysets[0].keys.kik_len, 16);
    assert_int_equal(p->keysets[0].rights, RIGHT_MANAGE_APPLETS);

    assert_int_equal(p->n_pins, 3);
    assert_int_equal(p->pins[0].reference, 0x01);
    assert_false(p->pins[0].enabled);
    assert_true(p->pins[0].can_disable);
    assert_memory_equal(p->pins[0].puk, "12345678", 8);
    assert_int_equal(p->pins[0].puk_tries, 10);
    assert_int_equal(p->pins[1].reference, 0x0A);
    assert_int_equal(p->pins[1].tries, 10);
    assert_int_equal(p->pins[1].puk_tries, 0);
    assert_int_equal(p->pins[2].reference, 0x81);
    assert_int_equal(p->pins[2].adf, at(&u, "ADF.USIM")->applet);
    assert_int_equal(p->pins[2].puk_tries, 5);

    assert_int_equal(p->n_applets, 7);
    const struct profile_applet *rfm_mf = &p->applets[5], *rfm_usim = &p->applets[6];
    assert_string_equal(rfm_mf->class_name, "rfm");
    assert_memory_equal(rfm_mf->tars[0], "\xB0\x00\x00", 3);
    assert_int_equal(rfm_mf->msl, 0x16);
    assert_int_equal(rfm_mf->adf, 0);
    assert_int_equal(rfm_mf->access,
                     1u << profile_pin_bit(0x0A)); /* ADM1 for administration: what is common to both */
    assert_int_equal(rfm_usim->adf, at(&u, "ADF.USIM") - p->files);
    upp_free(&u);
    free(m);
}

static void test_without_keys(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    header(m, "03", "89001012345678901234");
    mf(m);
    usim(m);
    end(m);
    must_load(m, &everything, &u);
    const struct profile_pair *pair = &u.profile->p.pairs[0];
    assert_int_equal(u.profile->p.n_pairs, 1);
    assert_int_equal(pair->derived, PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA);
    assert_int_equal(pair->ota.version, 1);
    assert_string_equal(u.iccid, "89001012345678901234");
    assert_noted(&u, "no akaParameter in the package");
    assert_noted(&u, "EF.ICCID has another number than the header");
    assert_int_equal(u.profile->p.n_applets, 3);
    upp_free(&u);
    free(m);
}

static void test_imsi(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    struct upp_options o = everything;
    small(m);
    o.imsi = "262011234567";
    must_load(m, &o, &u);
    assert_string_equal(u.profile->p.imsi, "262011234567");
    upp_free(&u);
    uint8_t *imsi = memmem(m->bytes, m->b.len, "\x08\x09\x10\x10\x10\x32\x54\x76\x08", 9);
    assert_non_null(imsi);
    memset(imsi, 0xFF, 9);
    refused(buf_span(&m->b), "no USIM with an IMSI in it; name one");
    must_load(m, &o, &u);
    upp_free(&u);
    free(m);
}

static void test_unsupported(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    small(m);
    /* again, with elements that no card has before the end */
    m->b.len -= 9;
    assert_int_equal(m->b.p[m->b.len], 0xAA);
    size_t pe = templated(m, 0xB9, "0A");
    file(m, 0xA2, "83027FC0 8410" CSIM_AID " 8B032F0601 C60101", NULL);
    file(m, 0xA3, "820442210020 800120", "00");
    leave(m, pe);
    pins(m, "80020081 810835363738FFFFFFFF 830103", NULL);
    pe = element(m, 0xA1);
    size_t list = enter(m, 0xA1), one = enter(m, 0x30);
    put(m, 0x80, "7FC0");
    put(m, 0x62, "82024121 83026FFE 8B032F0602 800104");
    leave(m, one);
    leave(m, list);
    leave(m, pe);
    pe = element(m, 0xA5);
    put(m, 0x81, "0011223344556677");
    leave(m, pe);
    pe = element(m, 0xA8);
    leave(m, pe);
    pe = element(m, 0xA9);
    leave(m, pe);
    pe = element(m, 0xBF20);
    leave(m, pe);
    pe = element(m, 0xBF50);
    leave(m, pe);
    rfm(m, "B00002", CSIM_AID);
    rfm(m, "BFFF3B", NULL); /* the subscription manager's */
    end(m);
    must_load(m, &without_isim, &u);
    assert_noted(&u, "adf-isim: there is no ISIM in this card");
    assert_noted(&u, "files below a directory that is left out: 6");
    assert_noted(&u, "for the isim: left out with it");
    assert_noted(&u, "there is no CSIM in this card: left out, with its files (1)");
    assert_noted(&u, "key reference 81 of ADF.CSIM: left out with it");
    assert_noted(&u, "files below a directory that is left out: 1");
    assert_noted(&u, "keys of CDMA networks");
    assert_noted(&u, "an application in byte code");
    assert_noted(&u, "an issuer's own element");
    assert_noted(&u, "not supported: left out");
    assert_noted(&u, "unknown element: left out");
    assert_noted(&u, "for ADF.CSIM: left out with it");
    assert_noted(&u, "TAR BFFF3B: another application has it already");
    assert_noted(&u, "EF.DIR record 2 names a0000000871004ff86ffff89ffffffff");
    assert_int_equal(u.profile->p.n_applets, 6);
    assert_string_equal(u.profile->p.applets[3].class_name, "gsm");
    upp_free(&u);
    free(m);
}

static void with_key(struct package *m, const char *algorithm)
{
    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    aka(m, "own", algorithm);
    end(m);
}

#define CONSTANTS                                                                                            \
    "0000000000000000000000000000000000000000000000000000000000000001"                                       \
    "0000000000000000000000000000000200000000000000000000000000000004"                                       \
    "000000000000000000000000000000"

static void test_algorithms(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    with_key(m, "800101 810102 8210" K "8310" OPC "84054000204060 8550" CONSTANTS "08");
    must_load(m, &everything, &u);
    assert_false(u.profile->p.pairs[0].key.own_constants);
    upp_free(&u);
    with_key(m, "800101 810102 8210" K "8310" OPC "84054000204061 8550" CONSTANTS "0C");
    must_load(m, &everything, &u);
    const struct aka_key *key = &u.profile->p.pairs[0].key;
    assert_true(key->own_constants);
    assert_memory_equal(key->milenage.r, "\x40\x00\x20\x40\x61", 5);
    assert_int_equal(key->milenage.c[4][15], 0x0C);
    assert_int_equal(key->milenage.c[3][15], 0x04);
    upp_free(&u);
    with_key(m, "800101 810102 8210" K "8310" OPC "84054000204080");
    refused(buf_span(&m->b), "rotationConstants: 128; at most 127");
    with_key(m, "800101 810102 8210" K "8308" OPC);
    refused(buf_span(&m->b), "PE 3 (akaParameter)");

    with_key(m, "800102 810102 8220" K KIC "8320" OPC KID "870103");
    must_load(m, &everything, &u);
    key = &u.profile->p.pairs[0].key;
    assert_int_equal(u.profile->p.pairs[0].algorithm, AKA_TUAK);
    assert_int_equal(key->k_len, 32);
    assert_int_equal(key->opc_len, 32);
    assert_int_equal(key->iterations, 3);
    assert_false(u.profile->p.insecure);
    assert_noted(&u, "algorithmOptions 02");
    upp_free(&u);
    with_key(m, "800102 810102 8220" K KIC "8320" OPC KID "870111");
    refused(buf_span(&m->b), "numberOfKeccak 17; at most 16");
    with_key(m, "800102 810102 8210" K "8310" OPC);
    refused(buf_span(&m->b), "tuak takes 32");

    with_key(m, "800103 810102 8210" K "8310" OPC);
    must_load(m, &everything, &u);
    assert_int_equal(u.profile->p.pairs[0].algorithm, AKA_XOR);
    assert_int_equal(u.profile->p.pairs[0].key.opc_len, 0);
    assert_true(u.profile->p.insecure); /* whatever the key */
    upp_free(&u);

    with_key(m, "800104 810102 8210" K "8310" OPC);
    must_load(m, &everything, &u);
    assert_noted(&u, "algorithm 4: unknown; pair 0 gets derived keys");
    assert_true((u.profile->p.pairs[0].derived & PAIR_DERIVE_K) != 0);
    upp_free(&u);
    free(m);
}

static void test_weak_keys(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    aka(m, "own", "800101 810102 8210000102030405060708090A0B0C0D0E0F 8310" OPC);
    end(m);
    must_load(m, &everything, &u);
    assert_true(u.profile->p.insecure);
    assert_noted(&u, "a card for tests only");
    upp_free(&u);
    /* not regular, but published: TS 35.208 4.3, test set 1; a pattern of five octets; an OPc like that */
    static const char *const known[] = {"8210" K "8310" KIC, "821012345678AB12345678AB12345678AB12 8310" KIC,
                                        "8210" KIC "8310" OPC};
    with_key(m, "800101 810102 8210" KIC "8310" KID);
    must_load(m, &everything, &u);
    assert_false(u.profile->p.insecure);
    upp_free(&u);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char parameters[256];
        snprintf(parameters, sizeof parameters, "800101 810102 %s", known[i]);
        with_key(m, parameters);
        must_load(m, &everything, &u);
        assert_true(u.profile->p.insecure);
        upp_free(&u);
    }
    free(m);
}

/* ---- refusals ---- */

static void test_wrong(void **state)
{
    (void)state;
    struct package *m = fresh();
    refused(SPAN_EMPTY, "octet 0: PE 0 (nothing): the package ends without");
    refused(span_of("format: 1\n", 10), "octet 0: PE 0 (?)");
    header(m, "04", "89001012345678901234");
    refused(buf_span(&m->b), "format version 4.3");
    header(m, "02", "8900101234567F901234");
    refused(buf_span(&m->b), "not decimal digits");
    header(m, "02", "89001012345678901234");
    refused(buf_span(&m->b), "without an \"end\"");
    end(m);
    refused(buf_span(&m->b), "the package has no MF");
    buf_u8(&m->b, 0);
    refused(buf_span(&m->b), "1 octets follow the end");

    header(m, "02", "89001012345678901234");
    usim(m);
    refused(buf_span(&m->b), "PE 1 (usim): no MF is there before it");

    header(m, "02", "89001012345678901234");
    mf(m);
    mf(m);
    refused(buf_span(&m->b), "PE 2 (mf): mf: 3F00 below MF is there already");

    header(m, "02", "89001012345678901234");
    mf(m);
    size_t pe = templated(m, 0xB4, "04");
    leave(m, pe);
    refused(buf_span(&m->b), "templateID is not that of opt-usim");

    header(m, "02", "89001012345678901234");
    mf(m);
    opt_usim(m);
    refused(buf_span(&m->b), "no USIM is there before it");

    header(m, "02", "89001012345678901234");
    mf(m);
    pe = templated(m, 0xB3, "04");
    file(m, 0xA2, "83027FD0 8410" USIM_AID " 8B032F0601", NULL);
    file(m, 0xA3, "", "08091010103254760800");
    leave(m, pe);
    refused(buf_span(&m->b), "ef-imsi: content reaches octet 10 of EF.IMSI, which has 9");

    header(m, "02", "89001012345678901234");
    mf(m);
    pe = templated(m, 0xB2, "03");
    file(m, 0xA2, "", NULL);
    file(m, 0xAA, "820442210004 800104", NULL);
    leave(m, pe);
    refused(buf_span(&m->b), "ef-img: its directory is not there");

    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    pins(m, "800101 81083132333435363738", "800101 81083132333435363738");
    refused(buf_span(&m->b), "key reference 01 is there twice");

    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    aka(m, "own", "800101 810102 8208" KIC "8310" OPC);
    refused(buf_span(&m->b), "PE 3 (akaParameter)");
    free(m);
}

/* ETSI TS 102 226 8.2.1.3.2.5: what a remote file management may do, of files and of their administration, in
 * the UICC and in an ADF; "-": no ADF. Whatever is not understood grants nothing. */
static void test_rfm_access(void **state)
{
    (void)state;
    static const uint32_t all = 0x1FFF3FFF;
    static const struct {
        const char *files, *admin, *own, *own_admin;
        uint32_t access;
        const char *note;
    } cases[] = {
        {"00", "00", "-", "-", all, NULL},
        {"FF", "00", "-", "-", 0, "other access for administration"},
        {"00", "FF", "-", "-", 0, "other access for administration"},
        {"", "00", "-", "-", 0, "other access for administration"},
        {"00", "", "-", "-", 0, "other access for administration"},
        {"02001F00", "02001100", "-", "-", 0x1100, "other access for administration"},
        {"02FF0101", "02000100", "-", "-", 0x0100, "uiccAccessDomain 02ff0101: of it, only PIN1 and ADM1 to ADM5 are granted"},
        {"00", "0200E200", "-", "-", 0x0200, "uiccAdminAccessDomain 0200e200: of it, only PIN1 and ADM1 to ADM5 are granted"},
        {"01", "00", "-", "-", 0, "uiccAccessDomain 01: unknown, grants nothing"},
        {"0200FF", "00", "-", "-", 0, "uiccAccessDomain 0200ff: unknown, grants nothing"},
        {"03001F00", "00", "-", "-", 0, "unknown, grants nothing"},
        {"00", "00", "00", "00", all, NULL},
        {"00", "00", "FF", "00", 0, "other access to the ADF's files"},
        {"00", "00", "00", "02000400", 0x0400, "other access to the ADF's files"},
        {"02000300", "02000300", "02000600", "02000600", 0x0200, "other access to the ADF's files"},
    };
    struct package *m = fresh();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct upp_import u;
        header(m, "02", "89001012345678901234");
        mf(m);
        usim(m);
        size_t pe = element(m, 0xA7);
        put(m, 0x4F, "A00000055910100001");
        size_t tars = enter(m, 0xA0);
        put(m, 0x04, "B00001");
        leave(m, tars);
        put(m, 0x81, "36");
        put(m, 0x04, cases[i].files);
        put(m, 0x04, cases[i].admin);
        if (cases[i].own[0] != '-') {
            size_t adf = enter(m, 0x30);
            put(m, 0x80, USIM_AID);
            put(m, 0x81, cases[i].own);
            put(m, 0x82, cases[i].own_admin);
            leave(m, adf);
        }
        leave(m, pe);
        end(m);
        must_load(m, &everything, &u);
        const struct profile *q = &u.profile->p;
        const struct profile_applet *a = &q->applets[q->n_applets - 1];
        assert_string_equal(a->class_name, "rfm");
        if (a->access != cases[i].access)
            fail_msg("row %zu: access %08X", i, (unsigned)a->access);
        assert_int_equal(a->msl, 0x16); /* reserved bits are none of the level */
        assert_noted(&u, "minimumSecurityLevel 36: bits 8 to 6 are reserved");
        if (cases[i].note != NULL)
            assert_noted(&u, cases[i].note);
        upp_free(&u);
    }
    free(m);
}

/* An element of PINs, PUKs or a key that makes no sense, behind a MF and a USIM. */
static void wrong_element(struct package *m, uint32_t tag, const char *inner, const char *words)
{
    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    size_t pe = element(m, tag);
    put(m, 0xA1, inner);
    leave(m, pe);
    refused(buf_span(&m->b), words);
}

static void test_wrong_elements(void **state)
{
    (void)state;
    struct package *m = fresh();
    wrong_element(m, 0xA2, "A00F 300D 800109 8108 3132333435363738", "09 is no key reference");
    wrong_element(m, 0xA2, "A012 3010 800101 8108 3132333435363738 840103", "key reference 01: 0 attempts");
    wrong_element(m, 0xA2, "8204 7FD00000", "neither pinconfig nor filePath");
    wrong_element(m, 0xA2, "8102 6FFF", "filePath: not a directory that is there");
    wrong_element(m, 0xA2, "A003 040100", "tag 4 is no PINConfiguration");
    wrong_element(m, 0xA3, "3010 800101 8108 3132333435363738 820105", "PUK 01: 0 attempts");
    wrong_element(m, 0xA3, "300D 800101 8108 3132333435363738 300D 800101 8108 3132333435363738",
                  "PUK 01 is there twice");
    wrong_element(m, 0xA3, "040100", "tag 4 is no PUKConfiguration");
    wrong_element(m, 0xA4, "820100", "neither mappingParameter nor algoParameter");
    wrong_element(m, 0xA4, "A13C 800101 810102 8210" K "8310" OPC "8010" KIC,
                  "algorithmID stands there twice");
    wrong_element(m, 0xA4, "A11E 800101 810102 8210" K "8304 CD63CB71",
                  "an OPc (TOPc) of 4 octets; milenage takes 16");
    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    size_t pe = templated(m, 0xB5, "08");
    file(m, 0xA2, "83027FB0 8410" USIM_AID " 8B032F0601", NULL); /* of the USIM */
    leave(m, pe);
    refused(buf_span(&m->b), "two ADFs with one AID");
    header(m, "02", "89001012345678901234");
    mf(m);
    usim(m);
    pe = element(m, 0xA4);
    put(m, 0xA1, "A12A 800101 810102 8210" K "8310" OPC);
    put(m, 0x83, "080000000000");
    leave(m, pe);
    refused(buf_span(&m->b), "sqnDelta or sqnAgeLimit above 07FFFFFFFFFF");
    free(m);
}

/* Octets in place of one file of file management. */
static void managed(struct package *m, const char *fcp, unsigned times)
{
    header(m, "02", "89001012345678901234");
    mf(m);
    size_t pe = element(m, 0xA1), list = enter(m, 0xA1), one = enter(m, 0x30);
    for (unsigned i = 0; i < times; i++) {
        char whole[128];
        snprintf(whole, sizeof whole, "8302%04X %s", 0x4000 + i, fcp);
        put(m, 0x62, whole);
    }
    leave(m, one);
    leave(m, list);
    leave(m, pe);
    usim(m);
    end(m);
    assert_true(buf_ok(&m->b));
}

static void test_hostile_sizes(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    managed(m, "82024121 8B032F060A 80030FFFFF", 1);
    refused(buf_span(&m->b), "larger than 65535");
    managed(m, "82024121 8B032F060A 80087FFFFFFFFFFFFFFF", 1);
    refused(buf_span(&m->b), "a number of 8 octets");
    managed(m, "82024121 8B032F060A 8002FFFF", 200);
    refused(buf_span(&m->b), "more than 8388608 octets together");
    managed(m, "82024121 8B032F060A 800101", 4096);
    refused(buf_span(&m->b), "more than 4096 files");
    managed(m, "82044221FFFF 8B032F060A 8002FFFF", 1);
    refused(buf_span(&m->b), "records of 65535 octets");
    managed(m, "820442210001 8B032F060A 8002FFFF", 1);
    refused(buf_span(&m->b), "65535 octets in records of 1");
    managed(m, "820442210000 8B032F060A 800110", 1);
    refused(buf_span(&m->b), "the length of its records is said nowhere");
    managed(m, "82024121 8B032F060A 800100", 1);
    refused(buf_span(&m->b), "efFileSize is missing or 0");
    managed(m, "82024121 8B032F0600 800101", 1);
    refused(buf_span(&m->b), "record 0 of EF.ARR");
    managed(m, "82026521 8B032F060A 800101", 1);
    refused(buf_span(&m->b), "no kind of file");
    managed(m, "8202 4121 8B032F060A 800101 880107", 1);
    refused(buf_span(&m->b), "shortEFID 07");
    managed(m, "82027921 8B032F060A A50586030FFFFF", 1);
    must_load(m, &everything, &u);
    assert_noted(&u, "limited to 65535");
    upp_free(&u);
    managed(m, "82024121 8B032F0663 800101", 1);
    must_load(m, &everything, &u);
    assert_noted(&u, "record 99 of EF.ARR 2F06 is not there or empty, so nothing is allowed");
    upp_free(&u);
    managed(m, "82024121 8B032F060A 800101", 900); /* SFIs from FIDs: one file of 32 keeps each */
    must_load(m, &everything, &u);
    assert_int_equal(u.profile->p.n_files, 900 + 6 + 23);
    upp_free(&u);
    free(m);
}

/* Links in a circle, links to nothing, links to directories. */
static void test_links(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    managed(m, "820442210004 8B032F060A 8800 C7024000", 3);
    must_load(m, &everything, &u);
    assert_noted(&u, "EF.4000 is a link to 4000, which is not there: left out");
    assert_noted(&u, "EF.4002 is a link to 4000, which is not there: left out");
    assert_int_equal(u.profile->p.n_files, 6 + 23);
    upp_free(&u);
    managed(m, "820442210004 8B032F060A 8800 C7027FD0", 1);
    must_load(m, &everything, &u);
    assert_noted(&u, "is a link to 7fd0, which is not there");
    upp_free(&u);
    managed(m, "82027821 8B032F060A C7027FD0", 1);
    must_load(m, &everything, &u);
    assert_noted(&u, "DF.4000 is a link to a directory: left out");
    upp_free(&u);
    managed(m, "820442210004 8B032F060A 8800 C703400040", 1);
    refused(buf_span(&m->b), "linkPath has 3 octets");
    free(m);
}

static void test_cut(void **state)
{
    (void)state;
    struct package *m = fresh();
    small(m);
    for (size_t n = 0; n < m->b.len; n++)
        refused(span_of(m->bytes, n), ": octet ");
    free(m);
}

/* Whatever one octet is changed to: imported or refused in one line, nothing else. */
static void test_changed(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x02, 0x20, 0x80, 0xFF};
    struct package *m = fresh();
    unsigned imported = 0, not_imported = 0;
    small(m);
    for (size_t i = 0; i < m->b.len; i++)
        for (size_t k = 0; k < sizeof masks; k++) {
            struct upp_import u;
            struct upp_error e;
            m->bytes[i] ^= masks[k];
            if (load(buf_span(&m->b), k % 2 == 0 ? &everything : &without_isim, &u, &e)) {
                assert_non_null(u.profile);
                upp_free(&u);
                imported++;
            } else {
                assert_null(u.profile);
                assert_null(u.notes);
                assert_int_equal(strncmp(e.text, "a.der: octet ", 13), 0);
                assert_null(strchr(e.text, '\n'));
                not_imported++;
            }
            m->bytes[i] ^= masks[k];
        }
    assert_true(imported > 100);
    assert_true(not_imported > 100);
    free(m);
}

/* ---- cards ---- */

static const struct applet_class *const classes[] = {
    &gsm_class, &isd_class, &ota_class, &rfm_class, &isim_class, &subscription_class, &usim_class, NULL};

struct card {
    struct uicc_env env;
    struct uicc_store *store;
    struct uicc *card;
    uint8_t response[UICC_RESPONSE_MAX];
};

static void card_open(struct card *c, const struct upp_import *u)
{
    static const uint8_t seed[16] = {0x5A, 0xC3};
    uint8_t atr[UICC_ATR_MAX];
    c->env = (struct uicc_env){.random = crypto_random, .crypto = crypto_new()};
    c->store = store_mem_new();
    const struct uicc_config config = {&c->env, u->profile, c->store, classes};
    const struct uicc_personal personal = {u->iccid, NULL, seed, sizeof seed, NULL};
    assert_int_equal(uicc_personalise(&config, &personal), UICC_OK);
    assert_int_equal(uicc_open(&config, &c->card), UICC_OK);
    assert_true(uicc_reset(c->card, atr) > 2);
}

static void card_close(struct card *c)
{
    uicc_close(c->card);
    store_close(c->store);
    crypto_free(c->env.crypto);
}

static uint8_t send(struct card *c, const uint8_t *apdu, size_t n)
{
    size_t got = uicc_transmit(c->card, apdu, n, c->response);
    assert_true(got >= 2);
    return c->response[got - 2];
}

static uint8_t select_by(struct card *c, uint8_t p1, struct span data)
{
    uint8_t apdu[5 + 16] = {0x00, 0xA4, p1, 0x04, (uint8_t)data.n};
    memcpy(apdu + 5, data.p, data.n);
    return send(c, apdu, 5 + data.n);
}

/* From the MF, or from the ADF that was selected by AID. */
static void selectable(struct card *c, const struct profile *p, uint16_t file)
{
    uint16_t path[8];
    size_t n = 0;
    uint8_t bytes[16];
    uint16_t i = file;
    for (; i != 0 && p->files[i].kind != FILE_ADF && n < 8; i = p->files[i].parent)
        path[n++] = p->files[i].fid;
    for (size_t k = 0; k < n; k++) {
        bytes[2 * k] = (uint8_t)(path[n - 1 - k] >> 8);
        bytes[2 * k + 1] = (uint8_t)path[n - 1 - k];
    }
    if (i != 0) {
        const struct profile_applet *a = &p->applets[p->files[i].applet];
        assert_int_equal(select_by(c, 0x04, span_of(a->aid, a->aid_len)), 0x61);
    }
    if (n > 0) {
        uint8_t sw1 = select_by(c, i != 0 ? 0x09 : 0x08, span_of(bytes, 2 * n));
        if (sw1 != 0x61 && sw1 != 0x62) /* 6283: deactivated */
            fail_msg("%s (%04X): %02X", p->files[file].name, p->files[file].fid, sw1);
    }
}

static void all_selectable(const struct upp_import *u)
{
    struct card c;
    card_open(&c, u);
    for (uint16_t i = 1; i < u->profile->p.n_files; i++)
        selectable(&c, &u->profile->p, i);
    card_close(&c);
}

static void test_card(void **state)
{
    (void)state;
    struct package *m = fresh();
    struct upp_import u;
    small(m);
    must_load(m, &without_isim, &u);
    all_selectable(&u);
    /* EF.IMSI is the card's, and opens with PIN1, which is disabled */
    struct card c;
    card_open(&c, &u);
    const struct profile_applet *a = &u.profile->p.applets[0];
    assert_int_equal(select_by(&c, 0x04, span_of(a->aid, a->aid_len)), 0x61);
    assert_int_equal(select_by(&c, 0x00, span_of("\x6F\x07", 2)), 0x61);
    assert_int_equal(send(&c, (const uint8_t *)"\x00\xB0\x00\x00\x09", 5), 0x90);
    assert_memory_equal(c.response, "\x08\x09\x10\x10\x10\x32\x54\x76\x08", 9);
    /* K and OPc are those of TS 35.208 test set 1: its challenge has the right MAC, but an SQN beyond
     * sqnDelta, so there is AUTS */
    uint8_t apdu[64];
    struct buf b = buf_of(apdu, sizeof apdu);
    size_t where;
    assert_true(hex_parse(
        "0088008122 10 23553CBE9637A89D218AE64DAE47BF35 10 55F328B43577B9B94A9FFAC354DFAFB3", &b, &where));
    assert_int_equal(send(&c, apdu, b.len), 0x61);
    assert_int_equal(send(&c, (const uint8_t *)"\x00\xC0\x00\x00\x10", 5), 0x90);
    assert_memory_equal(c.response, "\xDC\x0E", 2);
    card_close(&c);
    upp_free(&u);
    free(m);
}

/* ---- the real ones ---- */

#define REAL_V1      "TS48v1_A.der"
#define REAL_V5      "TS48v5_SAIP2.1A_NoBERTLV.der"
#define REAL_V5_SUCI "TS48v5_SAIP2.3_BERTLV_SUCI.der"

static void real_path(const char *name, char path[1024])
{
    const char *folder = getenv("UPP_DATA");
    snprintf(path, 1024, "%s/%s", folder == NULL ? "../shared/data" : folder, name);
}

static void real(const char *name, const struct upp_options *o, struct upp_import *u)
{
    char path[1024];
    struct upp_error e;
    real_path(name, path);
    if (!upp_load_file(path, o, u, &e))
        fail_msg("%s", e.text);
}

/* What the three have in common: they are generations of one test profile. */
static void common(const struct upp_import *u, bool all)
{
    assert_string_equal(u->iccid, "89000123456789012341");
    assert_string_equal(u->profile->p.imsi, "001010123456063");
    has_content(u, "EF.ICCID", "98001032547698103214");
    has_content(u, "ADF.USIM/EF.ACC", "0001");
    assert_int_equal(at(u, "ADF.USIM/EF.AD")->content.p[0], 0x80); /* type approval */
    assert_int_equal(at(u, "ADF.USIM/EF.AD")->content.p[3], 0x02);
    assert_int_equal(u->profile->p.n_pairs, 1);
    assert_int_equal(u->profile->p.pairs[0].algorithm, AKA_XOR);
    assert_int_equal(u->profile->p.pairs[0].derived, 0);
    assert_int_equal(u->profile->p.pairs[0].ota.version, 1);
    assert_int_equal(u->profile->p.pairs[0].ota.kic_algorithm, OTA_3DES);
    assert_int_equal(u->profile->p.keysets[0].keys.version, 2);
    assert_int_equal(u->profile->p.keysets[0].keys.kic_algorithm, OTA_AES);
    assert_true(u->profile->p.insecure);
    assert_int_equal(u->profile->p.n_pins, all ? 5 : 4);
    assert_noted(u, "there is no CSIM in this card");
    assert_noted(u, "mandatory service csim");
    assert_noted(u, "keys of CDMA networks");
    const struct profile_applet *isd = &u->profile->p.applets[4];
    assert_string_equal(isd->class_name, all ? "isd" : isd->class_name);
    assert_int_equal(isd->n_tars, all ? 2 : isd->n_tars);
    assert_noted(u, "sdPersoData");
    assert_noted(u, "key reference 81 of DF.TELECOM: left out");
    assert_noted(u, "for ADF.CSIM: left out");
    assert_noted(u, "EF.DIR record 3 names a0000003431002f310ffff89020000ff");
    unsigned links = 0, open = 0; /* of 7f665f404f44 */
    for (unsigned i = 0; i < u->profile->p.n_files; i++) {
        links += u->profile->p.files[i].link != 0;
        open += u->profile->p.files[i].open_deactivated;
    }
    assert_true(links > 0 && open > 0);
    assert_int_equal(noted(u, "there is no ISIM"), !all);
    for (size_t i = 0; i < u->n_notes; i++)
        assert_true(u->notes[i].offset < 12284);
}

static void real_one(const char *name, unsigned files, unsigned files_isim)
{
    struct upp_import u;
    real(name, &everything, &u);
    common(&u, true);
    assert_int_equal(u.profile->p.n_files, files_isim);
    all_selectable(&u);
    assert_int_equal(at(&u, "ADF.ISIM/EF.IST")->size, 7);
    upp_free(&u);
    real(name, &without_isim, &u);
    common(&u, false);
    assert_int_equal(u.profile->p.n_files, files);
    all_selectable(&u);
    upp_free(&u);
}

static void test_real_v1(void **state)
{
    (void)state;
    real_one(REAL_V1, 149, 159);
}

static void test_real_v5(void **state)
{
    (void)state;
    real_one(REAL_V5, 163, 173);
}

static void test_real_v5_suci(void **state)
{
    (void)state;
    struct upp_import u;
    real(REAL_V5_SUCI, &everything, &u);
    assert_int_equal(at(&u, "ADF.USIM/DF.5GS/EF.URSP")->kind, FILE_BERTLV);
    has_content(&u, "ADF.USIM/DF.5GS/EF.5GS3GPPLOCI", "FFFFFFFFFFFFFFFFFFFFFFFFFF42F61800000001");
    assert_int_equal(at(&u, "ADF.USIM/DF.SAIP/EF.SUCI_Calc_Info")->size, 0x76);
    upp_free(&u);
    real_one(REAL_V5_SUCI, 168, 179);
}

/* test_upp --package FILE: writes the small package there, for tests of the command line. */
static int write_package(const char *path)
{
    struct package *m = fresh();
    small(m);
    FILE *f = fopen(path, "wb");
    bool good = f != NULL && fwrite(m->bytes, 1, m->b.len, f) == m->b.len;
    good = f != NULL && fclose(f) == 0 && good;
    free(m);
    return good ? 0 : 1;
}

/* test_upp --real: they are not ours to keep. Not by skip(): cmocka says "not ok # SKIP" then, which meson
 * takes for a failure. */
static int real_ones(void)
{
    static const char *const names[] = {REAL_V1, REAL_V5, REAL_V5_SUCI};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_v1),
        cmocka_unit_test(test_real_v5),
        cmocka_unit_test(test_real_v5_suci),
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        real_path(names[i], path);
        if (!upp_detect(path)) {
            printf("1..0 # SKIP there is no profile package %s\n", path);
            return 0;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--real") == 0)
        return real_ones();
    if (argc == 3 && strcmp(argv[1], "--package") == 0)
        return write_package(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),         cmocka_unit_test(test_templates),
        cmocka_unit_test(test_overrides),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_without_keys),  cmocka_unit_test(test_imsi),
        cmocka_unit_test(test_unsupported),   cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_algorithms),    cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_hostile_sizes), cmocka_unit_test(test_links),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_changed),
        cmocka_unit_test(test_card),         cmocka_unit_test(test_rfm_access),
        cmocka_unit_test(test_wrong_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

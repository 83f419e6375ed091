/* SPDX-License-Identifier: Apache-2.0
 *
 * The list that A gives B: signed, for B only, checked row by row, and imported whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handover.h"
#include "identity.h"
#include "records.h"

#define CARD1 "8900101000000000019"
#define CARD2 "8900101000000000027"
#define CARD3 "8900101000000000035"
#define POR   "027100001c12b0001000000000000100000102030405060708090a0b0c0d0e0f10"

struct place {
    char dir[64], path[96];
    struct cms_identity a, b, c;
    unsigned refused;
    char line[300]; /* the last one that was refused */
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/softuicc-handover-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        free(p);
        return -1;
    }
    snprintf(p->path, sizeof p->path, "%s/records", p->dir);
    p->a = identity("A", true);
    p->b = identity("B", false);
    p->c = identity("C", false);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    int rc = rmdir(p->dir);
    identity_free(&p->a);
    identity_free(&p->b);
    identity_free(&p->c);
    free(p);
    return rc;
}

static void refused(void *ctx, const char *line)
{
    struct place *p = ctx;
    assert_null(strchr(line, '\n'));
    p->refused++;
    snprintf(p->line, sizeof p->line, "%s", line);
}

static const struct handover_range ours = {"001020000000000", "001020000009999"};
static const struct handover_policy policy = {&ours, 1, 4};

static void add(struct handover_list *list, const char *text)
{
    struct handover_error e;
    good(e, handover_add_text(list, text, &e));
}

/* From A to B by message; what B makes of it. */
static bool passed_on(struct place *p, struct handover_list *list, struct handover_error *e)
{
    uint8_t *packed = NULL;
    size_t n = 0;
    struct handover_list got;
    p->refused = 0;
    good(*e, handover_pack(list, &p->a, p->b.certificate, &packed, &n, e));
    good(*e, handover_unpack(span_of(packed, n), &p->b, p->a.certificate, &got, e));
    cms_free(packed, n);
    assert_int_equal(got.n, list->n);
    bool imported = handover_import(&got, &policy, p->path, refused, p, e);
    handover_free(&got);
    return imported;
}

static int64_t imported_rows(const struct place *p)
{
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    int64_t n = -1;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM handover_card", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static void test_ranges(void **state)
{
    (void)state;
    struct handover_range r;
    assert_true(handover_range_of("001010000000000-001010000009999", &r));
    assert_true(handover_in_range(&r, 1, "001010000000000"));
    assert_true(handover_in_range(&r, 1, "001010000009999"));
    assert_false(handover_in_range(&r, 1, "001010000010000"));
    assert_false(handover_in_range(&r, 1, "00101000000500"));
    static const char *const wrong[] = {"",
                                        "-",
                                        "001010000000000",
                                        "001010000000001-001010000000000",
                                        "00101-00102",
                                        "0010100000x0000-001010000009999",
                                        "001010000000000-00101000000999",
                                        "001010000000000-001010000009999-"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(handover_range_of(wrong[i], &r));
}

static void test_rows(void **state)
{
    (void)state;
    struct handover_error e;
    struct handover_list list = {0};
    add(&list, CARD1 ",001020000000001,1,A0B1," POR);
    add(&list, CARD2 ",001020000000002,2,-,-");
    assert_int_equal(list.n, 2);
    assert_string_equal(list.rows[0].reference, "A0B1");
    assert_string_equal(list.rows[1].por, "");
    bad(e, handover_add_text(&list, "", &e), "a row is iccid,imsi,index,reference,por");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,1,A0B1", &e), "a row is");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,1,A0B1,00,00", &e), "a row is");
    bad(e, handover_add_text(&list, "123,001020000000001,1,-,-", &e), "ICCID '123'");
    bad(e, handover_add_text(&list, CARD1 ",00102,1,-,-", &e), "IMSI '00102'");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,x,-,-", &e), "index 'x'");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,1,A0B,-", &e), "reference");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,1,001122334455667788,-", &e), "reference");
    bad(e, handover_add_text(&list, CARD1 ",001020000000001,1,-,0g", &e), "proof of receipt");
    handover_free(&list);
}

static void test_passed_on(void **state)
{
    struct place *p = *state;
    struct handover_error e;
    struct handover_list list = {0};
    struct stat st;
    add(&list, CARD1 ",001020000000001,1,A0B1," POR);
    add(&list, CARD2 ",001020000000002,3,-," POR);
    good(e, passed_on(p, &list, &e));
    assert_int_equal(imported_rows(p), 2);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    handover_free(&list);
    /* a second list goes on from there */
    add(&list, CARD3 ",001020000000003,1,-," POR);
    good(e, passed_on(p, &list, &e));
    assert_int_equal(imported_rows(p), 3);
    handover_free(&list);
}

static void test_refused(void **state)
{
    struct place *p = *state;
    struct handover_error e;
    static const struct {
        const char *row, *words;
    } wrong[] = {
        {CARD2 ",001010000000002,1,-," POR,
         "card " CARD2 ", IMSI 001010000000002, index 1: the IMSI is none of ours"},
        {CARD2 ",00102000000000,1,-," POR, "the IMSI is none of ours"},
        {CARD2 ",001020000000002,0,-," POR, "pair 0 is the one"},
        {CARD2 ",001020000000002,4,-," POR, "the card has pairs 0 to 3 only"},
        {CARD2 ",001020000000002,1,-,-", "no proof of receipt"},
        {CARD2 ",001020000000002,1,-,0011", "no response packet"},
        {CARD2 ",001020000000002,1,-," POR "00", "no response packet"},
        {CARD1 ",001020000000002,1,-," POR, "this pair of this card was handed over before"},
        {CARD2 ",001020000000001,1,-," POR, "this IMSI was handed over before"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct handover_list list = {0};
        add(&list, CARD1 ",001020000000001,1,A0B1," POR);
        add(&list, wrong[i].row);
        add(&list, CARD3 ",001020000000003,1,-," POR);
        bad(e, passed_on(p, &list, &e), "1 of 3 cards refused; nothing was imported");
        assert_int_equal(p->refused, 1);
        if (strstr(p->line, wrong[i].words) == NULL)
            fail_msg("'%s' does not say '%s'", p->line, wrong[i].words);
        assert_int_not_equal(access(p->path, F_OK), 0); /* not even an empty file */
        handover_free(&list);
    }
    /* every row that is wrong is told */
    struct handover_list list = {0};
    for (size_t i = 0; i < 7; i++)
        add(&list, wrong[i].row);
    bad(e, passed_on(p, &list, &e), "7 of 7 cards refused");
    assert_int_equal(p->refused, 7);
    handover_free(&list);

    /* what is there already is not touched by what is refused */
    add(&list, CARD1 ",001020000000001,1,A0B1," POR);
    good(e, passed_on(p, &list, &e));
    add(&list, CARD2 ",001020000000002,1,-," POR);
    bad(e, passed_on(p, &list, &e), "1 of 2 cards refused");
    assert_int_equal(imported_rows(p), 1);
    handover_free(&list);
}

static void test_messages(void **state)
{
    struct place *p = *state;
    struct handover_error e;
    struct cms_error why;
    struct handover_list list = {0}, got;
    uint8_t *packed = NULL, *clear = NULL, *other = NULL;
    size_t n = 0, n_clear = 0, n_other = 0;
    bad(e, handover_pack(&list, &p->a, p->b.certificate, &packed, &n, &e), "no card to hand over");
    add(&list, CARD1 ",001020000000001,1,A0B1," POR);
    good(e, handover_pack(&list, &p->a, p->b.certificate, &packed, &n, &e));
    const struct span message = span_of(packed, n);
    bad(e, handover_unpack(message, &p->c, p->a.certificate, &got, &e), "not enveloped for this certificate");
    bad(e, handover_unpack(message, &p->b, p->c.certificate, &got, &e),
        "not by the certificate that is trusted");
    /* the very list again */
    good(e, handover_unpack(message, &p->b, p->a.certificate, &got, &e));
    good(e, handover_import(&got, &policy, p->path, refused, p, &e));
    bad(e, handover_import(&got, &policy, p->path, refused, p, &e), "this very list was imported before");
    handover_free(&got);
    /* any octet of it */
    for (size_t i = 0; i < n; i += 5) {
        packed[i] ^= 0x20;
        if (handover_unpack(message, &p->b, p->a.certificate, &got, &e)) {
            assert_string_equal(got.rows[0].imsi, "001020000000001");
            handover_free(&got);
        }
        packed[i] ^= 0x20;
    }
    for (size_t cut = 0; cut < n; cut += 11)
        assert_false(handover_unpack(span_of(packed, cut), &p->b, p->a.certificate, &got, &e));

    /* B cannot make C believe that A's list was for C: neither by sending on the text, nor what A signed */
    good(why, cms_unpack(message, &p->b, p->a.certificate, NULL, &clear, &n_clear, &why));
    good(why, cms_pack(span_of(clear, n_clear), &p->b, p->c.certificate, &other, &n_other, &why));
    bad(e, handover_unpack(span_of(other, n_other), &p->c, p->a.certificate, &got, &e),
        "not by the certificate");
    bad(e, handover_unpack(span_of(other, n_other), &p->c, p->b.certificate, &got, &e),
        "made for another certificate");
    cms_free(other, n_other);
    good(why, cms_pack(span_of(clear, n_clear), &p->a, p->c.certificate, &other, &n_other, &why));
    bad(e, handover_unpack(span_of(other, n_other), &p->c, p->a.certificate, &got, &e),
        "made for another certificate");
    cms_free(other, n_other);
    /* not signed at all */
    good(why, cms_pack(span_of(clear, n_clear), NULL, p->b.certificate, &other, &n_other, &why));
    bad(e, handover_unpack(span_of(other, n_other), &p->b, p->a.certificate, &got, &e),
        "signature: there is none");
    cms_free(other, n_other);
    /* signed, but damaged before: every prefix of the text */
    for (size_t cut = 1; cut < n_clear; cut += 3) {
        good(why, cms_pack(span_of(clear, cut), &p->a, p->b.certificate, &other, &n_other, &why));
        assert_false(handover_unpack(span_of(other, n_other), &p->b, p->a.certificate, &got, &e));
        cms_free(other, n_other);
    }
    cms_free(clear, n_clear);
    cms_free(packed, n);
    handover_free(&list);
}

/* Alternative 3a: K stayed, and goes along; protected, for B alone, and only what belongs to the card. */
static void write_keys_of_a(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    keys_write_header(f);
    for (int i = 0; i < 2; i++)
        fprintf(f, "%s\t0\t00101000000000%d\tmilenage\t0011223344556677889900112233445%d\t63bfa50ee6523365ff14c1f45f88737d\t1\taes\t"
                   "2001020304050607080900010203040%d\taes\t20112233445566778899001122334455\t20212233445566778899001122334455\t-\n",
                i == 0 ? CARD1 : CARD2, i, i, i);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void test_keys(void **state)
{
    struct place *p = *state;
    struct handover_error e;
    struct keys_error why;
    struct key_row row;
    struct handover_list list = {0}, got = {0};
    struct stat st;
    char ours_path[300], theirs[300];
    uint8_t *packed = NULL, *clear = NULL;
    size_t n = 0, n_packed;
    snprintf(ours_path, sizeof ours_path, "%s.a", p->path);
    snprintf(theirs, sizeof theirs, "%s.b", p->path);
    write_keys_of_a(ours_path);
    add(&list, CARD1 ",001020000000001,0,-," POR);
    add(&list, CARD2 ",001020000000002,0,-," POR);
    bad(e, passed_on(p, &list, &e), "2 of 2 cards refused"); /* without keys it would be no change at all */
    good(e, handover_add_keys(&list, ours_path, &e));
    good(e, handover_pack(&list, &p->a, p->b.certificate, &packed, &n, &e));
    n_packed = n;
    for (size_t i = 0; i + 16 < n; i++)
        assert_memory_not_equal(packed + i, "0011223344556677", 16);
    bad(e, handover_unpack(span_of(packed, n), &p->c, p->a.certificate, &got, &e),
        "not enveloped for this certificate");
    good(e, handover_unpack(span_of(packed, n), &p->b, p->a.certificate, &got, &e));
    good(e, handover_write_keys(&got, theirs, &e));
    bad(e, handover_write_keys(&got, theirs, &e), "exists already");
    good(e, handover_import(&got, &policy, p->path, refused, p, &e));
    handover_free(&got);
    assert_int_equal(stat(theirs, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    good(why, keys_find(theirs, CARD2, false, 0, &row, &why));
    assert_string_equal(row.imsi, "001020000000002");                 /* the new one */
    assert_int_equal(row.pair.key.k[15], 0x51);
    assert_int_equal(row.pair.ota.kic[15], 0x01);
    /* A's signature under keys of another card, or of another pair, or under two of them */
    struct cms_error cms;
    good(cms, cms_unpack(span_of(packed, n), &p->b, p->a.certificate, NULL, &clear, &n, &cms));
    char *text = malloc(n + 1);
    static const char *const swaps[][2] = {{"key " CARD1, "key " CARD3},
                                           {"key " CARD1 "\t0", "key " CARD1 "\t1"},
                                           {"\t001020000000001\tmilenage", "\t001020000000009\tmilenage"},
                                           {"handover 2", "handover 1"},
                                           {"handover 2", "handover 3"}};
    for (size_t i = 0; i < sizeof swaps / sizeof swaps[0]; i++) {
        uint8_t *other = NULL;
        size_t n_other = 0;
        memcpy(text, clear, n);
        text[n] = '\0';
        char *at = strstr(text, swaps[i][0]);
        assert_non_null(at);
        memcpy(at, swaps[i][1], strlen(swaps[i][1]));
        good(cms, cms_pack(span_of(text, n), &p->a, p->b.certificate, &other, &n_other, &cms));
        assert_false(handover_unpack(span_of(other, n_other), &p->b, p->a.certificate, &got, &e));
        cms_free(other, n_other);
    }
    free(text);
    cms_free(clear, n);
    cms_free(packed, n_packed);
    handover_free(&list);
    add(&list, CARD3 ",001020000000003,0,-," POR); /* nobody has its keys */
    bad(e, handover_add_keys(&list, ours_path, &e), CARD3);
    handover_free(&list);
    unlink(ours_path);
    unlink(theirs);
}

/* From A's own records: the last obeyed order of each card, of B's IMSIs only. */
static void order(struct records *r, const char *iccid, const char *imsi, const char *outcome,
                  unsigned active)
{
    struct records_error e;
    static const uint8_t por[] = {0x02, 0x71, 0x00, 0x00, 0x0E, 0x0A, 0xB0, 0x00, 0x10, 0,
                                  0,    0,    0,    1,    0,    0,    1,    2,    3};
    static const uint8_t reference[] = {0xA0, 0xB1};
    const struct records_order o = {.keyset = {iccid, false, 0, 1},
                                    .counter = 1,
                                    .imsi = imsi,
                                    .reference = span_of(reference, sizeof reference),
                                    .packet = span_of(por, sizeof por)};
    int64_t id;
    good(e, records_order(r, &o, &id, &e));
    const struct records_outcome out = {.outcome = outcome,
                                        .sw = 0x9000,
                                        .has_receipt = strcmp(outcome, "obeyed") == 0,
                                        .active = active,
                                        .por = span_of(por, sizeof por)};
    good(e, records_answer(r, id, &out, &e));
}

static void test_from_records(void **state)
{
    struct place *p = *state;
    struct handover_error e;
    struct records_error why;
    struct handover_list list = {0};
    struct records *r = records_open(p->path, &why);
    assert_non_null(r);
    order(r, CARD1, "001020000000001", "obeyed", 1);
    order(r, CARD1, "001020000000009", "refused", 2);
    order(r, CARD2, "001030000000002", "obeyed", 1); /* C's */
    order(r, CARD3, "001020000000003", "obeyed", 1);
    order(r, CARD3, "001020000000033", "obeyed", 2);
    records_close(r);
    good(e, handover_add_records(&list, p->path, &ours, 1, &e));
    assert_int_equal(list.n, 2);
    assert_string_equal(list.rows[0].iccid, CARD1);
    assert_string_equal(list.rows[0].imsi, "001020000000001");
    assert_int_equal(list.rows[0].index, 1);
    assert_string_equal(list.rows[0].reference, "a0b1");
    assert_string_equal(list.rows[1].imsi, "001020000000033");
    assert_int_equal(list.rows[1].index, 2);
    unlink(p->path);
    good(e, passed_on(p, &list, &e)); /* B's records are another file */
    assert_int_equal(imported_rows(p), 2);
    handover_free(&list);
    bad(e, handover_add_records(&list, "/nonexistent/records", &ours, 1, &e), "/nonexistent/records: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_rows),
        cmocka_unit_test_setup_teardown(test_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from_records, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

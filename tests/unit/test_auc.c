/* SPDX-License-Identifier: Apache-2.0
 *
 * The authentication centre, judged by a card in the same process, and by osmo-auc-gen where it is installed.
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
#include <sys/wait.h>
#include <unistd.h>

#include "auc.h"
#include "card_fixture.h"
#include "hex.h"
#include "identity.h"

static const uint8_t amf[2] = {0x80, 0x00};

struct place {
    char dir[64], path[96], key[96], out[96];
    struct fixture card;
    struct auc *auc;
};

static struct key_row row_of(struct place *p, unsigned index)
{
    struct key_row row;
    struct fixture *f = &p->card;
    memset(&row, 0, sizeof row);
    memcpy(row.iccid, FIXTURE_ICCID, sizeof FIXTURE_ICCID);
    row.index = index;
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, sizeof f->seed), FIXTURE_ICCID,
                              index, &row.pair));
    return row;
}

static struct auc *open_auc(const struct place *p, bool create)
{
    struct sealed_error e;
    const struct auc_config config = {.path = p->path, .create = create};
    struct auc *a = auc_open(&config, &e);
    if (a == NULL)
        fail_msg("%s", e.text);
    return a;
}

static int setup(void **state)
{
    struct sealed_error e;
    struct place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/softuicc-auc-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        free(p);
        return -1;
    }
    snprintf(p->path, sizeof p->path, "%s/auc", p->dir);
    snprintf(p->key, sizeof p->key, "%s/auc.key", p->dir);
    snprintf(p->out, sizeof p->out, "%s/out", p->dir);
    fixture_open(&p->card, "test");
    p->auc = open_auc(p, true);
    const struct key_row row = row_of(p, 0);
    good(e, auc_add(p->auc, &row, FIXTURE_IMSI, &e));
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    auc_close(p->auc);
    fixture_close(&p->card);
    unlink(p->path);
    unlink(p->key);
    unlink(p->out);
    int rc = rmdir(p->dir);
    free(p);
    return rc;
}

/* AUTHENTICATE with this vector: the answer's tag, or the status word. */
static unsigned authenticate(struct fixture *f, const struct auc_vector *v)
{
    uint8_t command[5 + 34] = {0x00, 0x88, 0x00, 0x81, 34, 16};
    memcpy(command + 6, v->rand, 16);
    command[22] = 16;
    assert_int_equal(v->autn_len, 16);
    memcpy(command + 23, v->autn, 16);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    uint16_t sw = fixture_transmit(f, span_of(command, sizeof command), true);
    if ((sw & 0xFF00) != 0x9000 && (sw & 0xFF00) != 0x9100)
        return sw;
    if (f->response[0] == 0xDB) {
        assert_int_equal(f->response[1], v->aka.res_len);
        assert_memory_equal(f->response + 2, v->aka.res, v->aka.res_len);
        assert_memory_equal(f->response + 3 + v->aka.res_len, v->aka.ck, 16);
        assert_memory_equal(f->response + 20 + v->aka.res_len, v->aka.ik, 16);
    }
    return f->response[0];
}

static void succeeds(struct place *p, const char *imsi)
{
    struct sealed_error e;
    struct auc_vector v;
    good(e, auc_vector(p->auc, imsi, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
}

static void test_vectors(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v, w;
    uint64_t last = 0;
    /* the first of a fresh pair succeeds (TR 33.812 V6); more than once round the INDs */
    for (int i = 0; i < 70; i++) {
        good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
        assert_int_equal(v.sqn >> 5, (last >> 5) + 1);
        assert_int_equal(v.sqn & 31, ((last & 31) + 1) & 31);
        last = v.sqn;
        assert_int_equal(authenticate(&p->card, &v), 0xDB);
    }
    assert_int_equal(authenticate(&p->card, &v), 0xDC); /* not twice */
    v.autn[15] ^= 1;
    assert_int_equal(authenticate(&p->card, &v), 0x9862);
    /* two vectors taken ahead, used in the wrong order: each has its own IND */
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &w, &e));
    assert_memory_not_equal(v.rand, w.rand, 16);
    assert_int_equal(authenticate(&p->card, &w), 0xDB);
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    bad(e, auc_vector(p->auc, "001010123456799", AUC_CURRENT, amf, NULL, &v, &e), "no IMSI 001010123456799");
    bad(e, auc_vector(p->auc, FIXTURE_IMSI, 2, amf, NULL, &v, &e), "has no pair 2");
}

static void test_durable(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v, w;
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    /* somebody else asks, and dies */
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct auc *other = open_auc(p, false);
        bool ok = auc_vector(other, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &w, &e) && w.sqn > v.sqn;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &w, &e));
    assert_int_equal(w.sqn >> 5, (v.sqn >> 5) + 2);
    auc_close(p->auc);
    p->auc = open_auc(p, false);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.sqn >> 5, (w.sqn >> 5) + 1);
}

static struct span auts_of(struct place *p, struct auc_vector *v, uint8_t auts[14])
{
    assert_int_equal(authenticate(&p->card, v), 0xDC);
    assert_int_equal(p->card.response[1], 14);
    memcpy(auts, p->card.response + 2, 14);
    return span_of(auts, 14);
}

static void test_resync(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    uint8_t auts[14], old[14], old_rand[16];
    bool set = true;
    /* the card has seen far higher numbers than the centre knows */
    assert_int_equal(fixture_authenticate(&p->card, 0, UINT64_C(1000) << 5), 0xDB);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(authenticate(&p->card, &v), 0xDB); /* another IND: Annex C accepts it */
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    for (unsigned ind = 0; ind < 32; ind++)
        assert_int_equal(fixture_authenticate(&p->card, 0, (UINT64_C(2000) + ind) << 5 | ind), 0xDB);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    const struct span s = auts_of(p, &v, auts);
    memcpy(old, auts, sizeof old);
    memcpy(old_rand, v.rand, sizeof old_rand);

    /* not with another RAND, nor changed, nor shorter, nor for another subscriber */
    v.rand[0] ^= 1;
    bad(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, v.rand, s, &set, &e), "MAC-S is wrong");
    v.rand[0] ^= 1;
    for (int i = 0; i < 14; i++) {
        auts[i] ^= 4;
        bad(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, v.rand, s, &set, &e), "MAC-S is wrong");
        auts[i] ^= 4;
    }
    bad(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, v.rand, span_slice(s, 0, 13), &set, &e),
        "MAC-S is wrong");
    bad(e, auc_resync(p->auc, "001010123456799", AUC_CURRENT, v.rand, s, &set, &e), "no IMSI");
    assert_false(set);

    good(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, v.rand, s, &set, &e));
    assert_true(set);
    succeeds(p, FIXTURE_IMSI);
    for (int i = 0; i < 40; i++)
        succeeds(p, FIXTURE_IMSI);
    /* an old AUTS again does no harm */
    good(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, old_rand, span_of(old, 14), &set, &e));
    assert_false(set);
    succeeds(p, FIXTURE_IMSI);
}

/* The centre ran ahead by more than the card follows: the card's number counts then too. */
static void test_too_far_ahead(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    uint8_t auts[14];
    bool set = false;
    succeeds(p, FIXTURE_IMSI);
    auc_close(p->auc);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE subscriber SET sqn = 1 << 40", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    p->auc = open_auc(p, false);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    const struct span s = auts_of(p, &v, auts);
    good(e, auc_resync(p->auc, FIXTURE_IMSI, AUC_CURRENT, v.rand, s, &set, &e));
    assert_true(set);
    succeeds(p, FIXTURE_IMSI);
}

static void test_used_up(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    auc_close(p->auc);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE subscriber SET sqn = (1 << 48) - 33", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    p->auc = open_auc(p, false);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    bad(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e), "used up");
    assert_int_equal(v.sqn, 0);
    /* nor does another data base get one: osmo-hlr wants the last one used, which is what it is */
    static const char *const formats[] = {"srsran", "open5gs", "free5gc", "osmo-hlr"};
    FILE *f = fopen(p->out, "w");
    assert_non_null(f);
    for (size_t i = 0; i < 3; i++) {
        const struct auc_export how = {formats[i], "internet", 2, {0x80, 0x00}};
        bad(e, auc_export(p->auc, &how, f, &e), "the sequence numbers of IMSI " FIXTURE_IMSI " are used up");
    }
    const struct auc_export last = {formats[3], "internet", 2, {0x80, 0x00}};
    good(e, auc_export(p->auc, &last, f, &e));
    fclose(f);
}

struct counts {
    unsigned n, current;
};

static bool count(void *ctx, const struct auc_subscriber *s)
{
    struct counts *c = ctx;
    c->n++;
    if (s->current)
        c->current = s->index;
    assert_null(s->key);
    return true;
}

static void test_pairs(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v, w;
    struct counts c = {0, 99};
    const struct key_row one = row_of(p, 1), zero = row_of(p, 0);
    struct key_row common = one;
    common.common = true;
    succeeds(p, FIXTURE_IMSI);
    bad(e, auc_add(p->auc, &zero, FIXTURE_IMSI, &e), "has a pair 0 already");
    bad(e, auc_add(p->auc, &common, FIXTURE_IMSI, &e), "authenticates nobody");
    bad(e, auc_add(p->auc, &one, "12345", &e), "6 to 15 digits");
    bad(e, auc_add(p->auc, &one, "1234567x", &e), "6 to 15 digits");
    good(e, auc_add(p->auc, &one, FIXTURE_IMSI, &e));
    good(e, auc_each(p->auc, false, count, &c, &e));
    assert_int_equal(c.n, 2);
    assert_int_equal(c.current, 1);
    /* the card still has pair 0 */
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.index, 1);
    assert_int_equal(v.sqn >> 5, 1); /* each pair has its own */
    assert_int_equal(authenticate(&p->card, &v), 0x9862);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, 0, amf, NULL, &w, &e));
    assert_int_equal(w.sqn >> 5, 2);
    assert_int_equal(authenticate(&p->card, &w), 0xDB);
    good(e, auc_remove(p->auc, FIXTURE_IMSI, 1, &e));
    bad(e, auc_remove(p->auc, FIXTURE_IMSI, 1, &e), "no such subscriber");
    succeeds(p, FIXTURE_IMSI);
    /* the same pair under another IMSI goes on where it was (TR 33.812 A6) */
    good(e, auc_add(p->auc, &zero, "001010123456799", &e));
    good(e, auc_vector(p->auc, "001010123456799", AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.sqn >> 5, 4);
    /* and there is one row of numbers, as long as both are there: the card has not
     * changed yet, or goes back */
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.sqn >> 5, 5);
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    good(e, auc_remove(p->auc, FIXTURE_IMSI, AUC_CURRENT, &e));
    bad(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e), "no IMSI");
}

/* Each algorithm with parameters of its own is kept with them. */
static void test_algorithms(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    struct key_row row = row_of(p, 1);
    row.pair.algorithm = AKA_TUAK;
    row.pair.key = (struct aka_key){
        .k_len = 32, .opc_len = 32, .mac_len = 16, .res_len = 32, .ck_len = 32, .iterations = 2};
    memset(row.pair.key.k, 0x11, 32);
    memset(row.pair.key.opc, 0x22, 32);
    good(e, auc_add(p->auc, &row, "001010000000011", &e));
    auc_close(p->auc);
    p->auc = open_auc(p, false);
    good(e, auc_vector(p->auc, "001010000000011", AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.autn_len, 24);
    assert_int_equal(v.aka.res_len, 32);
    assert_int_equal(v.aka.ck_len, 32);
    uint8_t sqn[6], mac[AKA_MAC_MAX];
    struct aka_vector expected;
    const struct aka_algorithm *tuak = aka_algorithm(AKA_TUAK);
    assert_true(tuak->f2345(p->card.crypto, &row.pair.key, v.rand, &expected));
    assert_memory_equal(expected.res, v.aka.res, 32);
    sqn_to(v.sqn, sqn);
    assert_true(tuak->f1(p->card.crypto, &row.pair.key, v.rand, sqn, amf, mac, NULL));
    assert_memory_equal(v.autn + 8, mac, 16);
    /* and a resynchronisation with its longer MAC */
    uint8_t auts[22], ak[6];
    const uint8_t amf_star[2] = {0, 0};
    bool set = false;
    sqn_to(UINT64_C(5000) << 5, sqn);
    assert_true(tuak->f5star(p->card.crypto, &row.pair.key, v.rand, ak));
    assert_true(tuak->f1(p->card.crypto, &row.pair.key, v.rand, sqn, amf_star, NULL, mac));
    for (int i = 0; i < 6; i++)
        auts[i] = sqn[i] ^ ak[i];
    memcpy(auts + 6, mac, 16);
    good(e, auc_resync(p->auc, "001010000000011", AUC_CURRENT, v.rand, span_of(auts, sizeof auts), &set, &e));
    assert_true(set);
    good(e, auc_vector(p->auc, "001010000000011", AUC_CURRENT, amf, NULL, &v, &e));
    assert_int_equal(v.sqn >> 5, 5001);
    row.pair.algorithm = 99;
    bad(e, auc_add(p->auc, &row, "001010000000012", &e), "no key to authenticate with");
}

static void changed(struct place *p, const char *sql, bool noticed)
{
    struct sealed_error e;
    struct auc_vector v;
    sqlite3 *db;
    auc_close(p->auc);
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
    p->auc = open_auc(p, false);
    bool vector = auc_vector(p->auc, "001010000000021", 1, amf, NULL, &v, &e);
    if (vector == noticed)
        fail_msg("%s: %s", sql, vector ? "not noticed" : e.text);
}

static void test_sealed(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct stat st;
    const struct key_row one = row_of(p, 1);
    good(e, auc_add(p->auc, &one, "001010000000021", &e));
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(p->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* another subscriber's key in its place, or the key used otherwise than it was meant */
    changed(p, "UPDATE subscriber SET iccid = iccid WHERE imsi = '001010000000021'", false);
    changed(p, "UPDATE subscriber SET ind_bits = 4 WHERE imsi = '001010000000021'", true);
    changed(p, "UPDATE subscriber SET ind_bits = 5 WHERE imsi = '001010000000021'", false);
    changed(p, "UPDATE subscriber SET algorithm = 'xor' WHERE imsi = '001010000000021'", true);
    changed(p, "UPDATE subscriber SET algorithm = 'nothing' WHERE imsi = '001010000000021'", true);
    changed(p, "UPDATE subscriber SET algorithm = 'milenage' WHERE imsi = '001010000000021'", false);
    changed(p,
            "UPDATE subscriber SET key = (SELECT key FROM subscriber WHERE idx = 0) WHERE imsi = "
            "'001010000000021'",
            true);
}

/* ---- hostapd ---- */

static size_t ask(struct place *p, const char *request, char answer[AUC_ANSWER_MAX])
{
    return auc_answer(p->auc, request, strlen(request), amf, answer);
}

static void take_hex(const char **at, uint8_t *to, size_t n, char after)
{
    char text[80];
    struct buf b = buf_of(to, n);
    assert_true(2 * n < sizeof text);
    memcpy(text, *at, 2 * n);
    text[2 * n] = '\0';
    assert_true(hex_parse(text, &b, NULL));
    assert_int_equal(b.len, n);
    *at += 2 * n;
    assert_int_equal(**at, after);
    if (after != '\0')
        (*at)++;
}

static void aka_answer(struct place *p, struct auc_vector *v)
{
    char answer[AUC_ANSWER_MAX];
    memset(v, 0, sizeof *v);
    size_t n = ask(p, "AKA-REQ-AUTH " FIXTURE_IMSI, answer);
    assert_int_equal(n, strlen(answer));
    const char *at = answer;
    assert_memory_equal(at, "AKA-RESP-AUTH " FIXTURE_IMSI " ", 30);
    at += 30;
    v->autn_len = 16;
    v->aka.res_len = 8;
    take_hex(&at, v->rand, 16, ' ');
    take_hex(&at, v->autn, 16, ' ');
    take_hex(&at, v->aka.ik, 16, ' ');
    take_hex(&at, v->aka.ck, 16, ' ');
    take_hex(&at, v->aka.res, 8, '\0');
}

static void test_gateway_aka(void **state)
{
    struct place *p = *state;
    struct auc_vector v;
    char answer[AUC_ANSWER_MAX], request[200], rand[33], auts_text[29];
    uint8_t auts[14];
    aka_answer(p, &v);
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    for (unsigned ind = 0; ind < 32; ind++)
        assert_int_equal(fixture_authenticate(&p->card, 0, (UINT64_C(2000) + ind) << 5 | ind), 0xDB);
    aka_answer(p, &v);
    hex_format(auts_of(p, &v, auts), auts_text);
    hex_format(span_of(v.rand, 16), rand);
    snprintf(request, sizeof request, "AKA-AUTS " FIXTURE_IMSI " %s %s", auts_text, rand);
    assert_int_equal(ask(p, request, answer), 0);
    aka_answer(p, &v);
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
    ask(p, "AKA-REQ-AUTH 001010999999999", answer);
    assert_string_equal(answer, "AKA-RESP-AUTH 001010999999999 FAILURE");
    ask(p, "AKA-REQ-AUTH nobody", answer);
    assert_string_equal(answer, "AKA-RESP-AUTH nobody FAILURE");
}

/* GSM on the card: RUN GSM ALGORITHM's successor, AUTHENTICATE in the GSM context. */
static void test_gateway_sim(void **state)
{
    struct place *p = *state;
    struct fixture *f = &p->card;
    char answer[AUC_ANSWER_MAX], again[AUC_ANSWER_MAX], request[200], rands[3][33];
    ask(p, "SIM-REQ-AUTH " FIXTURE_IMSI " 3", answer);
    const char *at = answer + strlen("SIM-RESP-AUTH " FIXTURE_IMSI " ");
    uint8_t kc[3][8], sres[3][4], rand[3][16];
    for (int i = 0; i < 3; i++) {
        take_hex(&at, kc[i], 8, ':');
        take_hex(&at, sres[i], 4, ':');
        take_hex(&at, rand[i], 16, i < 2 ? ' ' : '\0');
        hex_format(span_of(rand[i], 16), rands[i]);
        uint8_t command[5 + 17] = {0x00, 0x88, 0x00, 0x80, 17, 16};
        memcpy(command + 6, rand[i], 16);
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        assert_int_equal(fixture_transmit(f, span_of(command, sizeof command), true), 0x9000);
        assert_int_equal(f->response[0], 4);
        assert_memory_equal(f->response + 1, sres[i], 4);
        assert_int_equal(f->response[5], 8);
        assert_memory_equal(f->response + 6, kc[i], 8);
    }
    snprintf(request, sizeof request, "GSM-AUTH-REQ " FIXTURE_IMSI " %s:%s:%s", rands[0], rands[1], rands[2]);
    ask(p, request, again);
    at = again + strlen("GSM-AUTH-RESP " FIXTURE_IMSI " ");
    for (int i = 0; i < 3; i++) {
        uint8_t kc2[8], sres2[4];
        take_hex(&at, kc2, 8, ':');
        take_hex(&at, sres2, 4, i < 2 ? ':' : '\0');
        assert_memory_equal(kc2, kc[i], 8);
        assert_memory_equal(sres2, sres[i], 4);
    }
    ask(p, "SIM-REQ-AUTH " FIXTURE_IMSI " 1", answer);
    assert_null(strchr(answer + strlen("SIM-RESP-AUTH " FIXTURE_IMSI " "), ' '));
    ask(p, "SIM-REQ-AUTH 001010999999999 2", answer);
    assert_string_equal(answer, "SIM-RESP-AUTH 001010999999999 FAILURE");
    ask(p, "GSM-AUTH-REQ " FIXTURE_IMSI " 00", answer);
    assert_string_equal(answer, "GSM-AUTH-RESP " FIXTURE_IMSI " FAILURE");
}

static bool none(void *ctx, const struct auc_subscriber *s)
{
    (void)ctx;
    fail_msg("IMSI %s, ICCID %s were told of", s->imsi, s->iccid);
    return true;
}

/* What somebody else has written into a row is not printed, and not used. */
static void test_tampered_row(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    static const char *const changes[] = {
        "UPDATE subscriber SET imsi = char(27) || '[2J'",
        "UPDATE subscriber SET imsi = '', iccid = 'x' || char(10)",
        "UPDATE subscriber SET imsi = CAST('001010000000001' AS BLOB), iccid = '8900101000000000019'",
        "UPDATE subscriber SET imsi = '001010000000001', sqn = 'many'"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        sqlite3 *db;
        auc_close(p->auc);
        assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        p->auc = open_auc(p, false);
        bad(e, auc_each(p->auc, false, none, NULL, &e), "is damaged");
    }
}

static void test_gateway_rubbish(void **state)
{
    struct place *p = *state;
    char answer[AUC_ANSWER_MAX], request[AUC_REQUEST_MAX + 10];
    static const char *const rubbish[] = {
        "",
        " ",
        "AKA-REQ-AUTH",
        "AKA-REQ-AUTH ",
        "AKA-REQ-AUTH  x",
        "HELLO 001010123456780",
        "AKA-AUTS",
        "AKA-AUTS 001010123456780",
        "AKA-AUTS 001010123456780 00 00",
        "AKA-REQ-AUTH \x01\x02",
        "AKA-REQ-AUTH \xff",
    };
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++)
        assert_int_equal(ask(p, rubbish[i], answer), 0);
    memset(request, 'A', sizeof request);
    assert_int_equal(auc_answer(p->auc, request, sizeof request, amf, answer), 0);
    memcpy(request, "SIM-REQ-AUTH ", 13);
    assert_int_equal(auc_answer(p->auc, request, AUC_REQUEST_MAX, amf, answer), 0);
    assert_int_equal(auc_answer(p->auc, "AKA-REQ-AUTH 0\0", 15, amf, answer), 0);
    /* it is a number of words and no format */
    ask(p, "AKA-REQ-AUTH %s%n", answer);
    assert_string_equal(answer, "AKA-RESP-AUTH %s%n FAILURE");
    struct auc_vector v;
    aka_answer(p, &v);
    assert_int_equal(authenticate(&p->card, &v), 0xDB);
}

/* ---- others ---- */

static void test_against_osmo(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    const struct key_row row = row_of(p, 0);
    char k[33], opc[33], rand[33], command[400], line[200], want[80];
    if (access("/usr/bin/osmo-auc-gen", X_OK) != 0) { /* skip() would be "not ok" to meson */
        print_message("# osmo-auc-gen is not installed: not compared with it\n");
        return;
    }
    for (int i = 0; i < 40; i++)
        good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    hex_format(span_of(row.pair.key.k, 16), k);
    hex_format(span_of(row.pair.key.opc, 16), opc);
    hex_format(span_of(v.rand, 16), rand);
    snprintf(command, sizeof command,
             "/usr/bin/osmo-auc-gen -3 -a MILENAGE -k %s -o %s -f 8000 -l 5 -s %llu -r %s 2>/dev/null", k,
             opc, (unsigned long long)v.sqn, rand);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    unsigned seen = 0;
    const struct {
        const char *name;
        struct span value;
    } rows[] = {{"AUTN:", span_of(v.autn, 16)}, {"IK:", span_of(v.aka.ik, 16)},
                {"CK:", span_of(v.aka.ck, 16)}, {"RES:", span_of(v.aka.res, 8)},
                {"SRES:", span_of(v.sres, 4)},  {"Kc:", span_of(v.kc, 8)}};
    while (fgets(line, sizeof line, f) != NULL)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (strncmp(line, rows[i].name, strlen(rows[i].name)) == 0) {
                char got[80];
                uint8_t octets[32];
                struct buf b = buf_of(octets, sizeof octets);
                assert_true(hex_parse(line + strlen(rows[i].name), &b, NULL));
                hex_format(buf_span(&b), got);
                hex_format(rows[i].value, want);
                if (strcmp(got, want) != 0)
                    fail_msg("%s osmo-auc-gen says %s, we say %s", rows[i].name, got, want);
                seen++;
            }
    assert_int_equal(pclose(f), 0);
    assert_int_equal(seen, 6);
}

static size_t exported(struct place *p, const char *format, char *text, size_t room)
{
    struct sealed_error e;
    const struct auc_export how = {format, "internet", 2, {0x80, 0x00}};
    FILE *f = fopen(p->out, "w+");
    assert_non_null(f);
    good(e, auc_export(p->auc, &how, f, &e));
    rewind(f);
    size_t n = fread(text, 1, room - 1, f);
    text[n] = '\0';
    fclose(f);
    return n;
}

static void test_export(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct auc_vector v;
    char text[8192], k[33], opc[33], line[400];
    struct key_row row = row_of(p, 0);
    hex_format(span_of(row.pair.key.k, 16), k);
    hex_format(span_of(row.pair.key.opc, 16), opc);
    for (int i = 0; i < 3; i++)
        good(e, auc_vector(p->auc, FIXTURE_IMSI, AUC_CURRENT, amf, NULL, &v, &e));
    exported(p, "srsran", text, sizeof text);
    snprintf(line, sizeof line,
             "\n" FIXTURE_ICCID "-0,mil," FIXTURE_IMSI ",%s,opc,%s,8000,000000000080,9,dynamic\n", k, opc);
    assert_non_null(strstr(text, line));
    exported(p, "osmo-hlr", text, sizeof text);
    snprintf(line, sizeof line,
             " SELECT id, 5, '%s', NULL, '%s', 99, 5 FROM subscriber WHERE imsi = '" FIXTURE_IMSI "';\n", k,
             opc);
    assert_non_null(strstr(text, line));
    exported(p, "open5gs", text, sizeof text);
    snprintf(line, sizeof line,
             "\"security\": {\"k\": \"%s\", \"op\": null, \"opc\": \"%s\", \"amf\": \"8000\", \"sqn\": "
             "{\"$numberLong\": \"128\"}}",
             k, opc);
    assert_non_null(strstr(text, line));
    exported(p, "free5gc", text, sizeof text);
    assert_non_null(strstr(text, "{\"plmnID\": \"00101\", \"ueId\": \"imsi-" FIXTURE_IMSI "\""));
    snprintf(line, sizeof line, "\"permanentKeyValue\": \"%s\"", k);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "\"sequenceNumber\": \"000000000080\""));

    /* what cannot be said in a format is not left out in silence */
    row.pair.algorithm = AKA_TUAK;
    row.pair.key = (struct aka_key){.k_len = 16, .opc_len = 32};
    good(e, auc_add(p->auc, &row, "001010000000031", &e));
    const struct auc_export srs = {"srsran", "internet", 2, {0x80, 0x00}},
                            hlr = {"osmo-hlr", "internet", 2, {0x80, 0x00}};
    FILE *f = fopen(p->out, "w");
    assert_non_null(f);
    bad(e, auc_export(p->auc, &srs, f, &e), "IMSI 001010000000031: srsran knows no tuak");
    good(e, auc_export(p->auc, &hlr, f, &e));
    fclose(f);
    assert_false(auc_export_known("hss"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resync, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_far_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_used_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gateway_aka, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gateway_sim, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gateway_rubbish, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tampered_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_against_osmo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_export, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

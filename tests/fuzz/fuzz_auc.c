/* SPDX-License-Identifier: Apache-2.0
 *
 * An authentication centre, those who ask it, and somebody who can write to its file. The input is text, a
 * line for each step. Sequence numbers only go on; a vector is one of the key that was put in for that IMSI,
 * whatever became of the file; nobody is told a key.
 *
 *   q TEXT        a request of hostapd's          + PAIR IMSI   a subscriber (0 to 3; A to C)
 *   a IMSI HEX    his card wants this SQN         - IMSI PAIR   no more ('c': all his pairs)
 *   c             closed, and opened again        l             all of them listed, and exported
 *   s SQL         statements on the file          b HEX         octets of the file: fuzz_sql.h
 *   m N, h N, d N the next step's allocation, HMAC or step in SQLite that fails
 */
#include <stdio.h>
#include <stdlib.h>

#include "auc.h"
#include "faults.h"
#include "fuzz.h"
#include "fuzz_sql.h"
#include "hex.h"
#include "identity.h"

#define CARD "8900101000000000019"

enum { PAIRS = 4, IMSIS = 3, STEPS_MAX = 60, LINE_ROOM = 3000 };

static const char *const imsis[IMSIS] = {"001010000000001", "001010000000002", "00102000000003"};
static const uint8_t amf[2] = {0x80, 0x00};

static struct {
    char path[100];
    uint8_t *base;
    size_t base_n;
    struct uicc_crypto *crypto;
} made;

static struct {
    struct auc *a;
    bool there[IMSIS][PAIRS];
    uint64_t sqn[PAIRS]; /* given out last, by whatever IMSI */
    char kind;
    long nth;
} now;

static struct key_row row_of(unsigned index)
{
    struct key_row row = identity_pair(CARD, false, index);
    row.pair.sqn.ind_bits = index == 2 ? 0 : 5;
    return row;
}

static void no_keys(const char *where, const void *p, size_t n)
{
    char digits[33];
    for (unsigned i = 0; i < PAIRS; i++) {
        const struct key_row row = row_of(i);
        hex_format(span_of(row.pair.key.k, 16), digits);
        if (fuzz_has(p, n, row.pair.key.k, 16) || fuzz_has(p, n, digits, 32))
            fuzz_die("K of pair %u is in %s", i, where);
    }
}

static bool opened(struct sealed_error *e)
{
    const struct auc_config config = {.path = made.path};
    now.a = auc_open(&config, e);
    return now.a != NULL;
}

static void make(void)
{
    struct sealed_error e;
    (void)snprintf(made.path, sizeof made.path, "%s/auc", fuzz_folder());
    made.crypto = crypto_new();
    const struct auc_config config = {.path = made.path, .create = true};
    struct auc *a = auc_open(&config, &e);
    const struct key_row zero = row_of(0), one = row_of(1);
    if (made.crypto == NULL || a == NULL || !auc_add(a, &zero, imsis[0], &e) ||
        !auc_add(a, &one, imsis[1], &e))
        fuzz_die("cannot begin: %s", e.text);
    auc_close(a);
    made.base = fuzz_slurp(made.path, &made.base_n);
}

/* ---- what fails ---- */

static bool arm(void)
{
    const bool armed = now.kind != '\0';
    if (now.kind == 'm')
        faults_arm(FAULT_MEMORY, now.nth, false);
    else if (now.kind == 'h')
        faults_arm(FAULT_CIPHER, now.nth, false);
    else if (now.kind == 'd')
        fuzz_sql_interrupt(now.nth);
    faults_on();
    return armed;
}

static void disarm(void)
{
    faults_off();
    faults_disarm();
    fuzz_sql_interrupt(-1);
    now.kind = '\0';
}

/* ---- vectors ---- */

/* The pair whose key made this AUTN for this RAND, and its SQN; PAIRS: none. */
static unsigned maker(const uint8_t rand[16], const uint8_t autn[16], struct aka_vector *v, uint64_t *sqn)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        const struct key_row row = row_of(i);
        uint8_t value[6], mac[AKA_MAC_MAX];
        if (aka_algorithm(AKA_MILENAGE)->challenge(made.crypto, &row.pair.key, rand, autn, v, value, mac) &&
            memcmp(mac, autn + 8, 8) == 0) {
            *sqn = sqn_from(value);
            return i;
        }
    }
    return PAIRS;
}

static int imsi_of(const char *text)
{
    for (int i = 0; i < IMSIS; i++)
        if (strcmp(imsis[i], text) == 0)
            return i;
    return -1;
}

static void check_vector(const char *imsi, const uint8_t rand[16], const uint8_t autn[16], const uint8_t *res,
                         size_t res_n)
{
    struct aka_vector v;
    uint64_t sqn = 0;
    const int who = imsi_of(imsi);
    const unsigned pair = maker(rand, autn, &v, &sqn);
    if (who < 0 || pair == PAIRS || !now.there[who][pair])
        fuzz_die("a vector for '%s', who has no such key", imsi);
    if (res_n != v.res_len || memcmp(res, v.res, res_n) != 0)
        fuzz_die("a vector whose RES is another");
    if (sqn <= now.sqn[pair])
        fuzz_die("SQN %012llx after %012llx", (unsigned long long)sqn, (unsigned long long)now.sqn[pair]);
    now.sqn[pair] = sqn;
}

/* "AKA-RESP-AUTH IMSI RAND AUTN IK CK RES" */
static void check_answer(char *answer)
{
    uint8_t octets[5][16];
    static const size_t lengths[5] = {16, 16, 16, 16, 8};
    char *save = NULL, *verb = strtok_r(answer, " ", &save), *imsi = strtok_r(NULL, " ", &save);
    if (verb == NULL || imsi == NULL)
        fuzz_die("an answer to nobody");
    if (strcmp(verb, "AKA-RESP-AUTH") != 0)
        return;
    for (int i = 0; i < 5; i++) {
        const char *word = strtok_r(NULL, " ", &save);
        struct buf b = buf_of(octets[i], 16);
        if (i == 0 && word != NULL && strcmp(word, "FAILURE") == 0)
            return;
        if (word == NULL || !hex_parse(word, &b, NULL) || b.len != lengths[i])
            fuzz_die("an answer with a word of another length, number %d", i);
    }
    check_vector(imsi, octets[0], octets[1], octets[4], 8);
}

static void ask(const char *text)
{
    char answer[AUC_ANSWER_MAX];
    (void)arm();
    const size_t n = auc_answer(now.a, text, strlen(text), amf, answer);
    disarm();
    if (strlen(answer) != n)
        fuzz_die("an answer of another length than is said");
    for (size_t i = 0; i < n; i++)
        if (answer[i] < 0x20 || answer[i] > 0x7E)
            fuzz_die("an answer with what no request may have");
    no_keys("an answer", answer, n);
    if (n > 0)
        check_answer(answer);
}

/* AUTS as the card makes it (TS 33.102 6.3.3); afterwards its SQN is behind the centre's. */
static void resynchronise(unsigned who, const char *hex)
{
    static const uint8_t rand[16] = "resynchronise me", none[2];
    struct sealed_error e = {""};
    uint8_t sqn[6] = {0}, auts[14], ak[6];
    struct buf b = buf_of(sqn, 6);
    bool set = false, armed;
    (void)hex_parse(hex, &b, NULL);
    const unsigned pair = (unsigned)(hex[0] & 3);
    const struct key_row row = row_of(pair);
    const struct aka_algorithm *aka = aka_algorithm(AKA_MILENAGE);
    if (!aka->f5star(made.crypto, &row.pair.key, rand, ak) ||
        !aka->f1(made.crypto, &row.pair.key, rand, sqn, none, NULL, auts + 6))
        exit(1);
    for (int i = 0; i < 6; i++)
        auts[i] = sqn[i] ^ ak[i];
    armed = arm();
    const bool good = auc_resync(now.a, imsis[who], (int)pair, rand, span_of(auts, sizeof auts), &set, &e);
    disarm();
    if (!good)
        fuzz_refused(e.text);
    if (good && !now.there[who][pair])
        fuzz_die("AUTS taken for a subscriber who is not there");
    if (!good && now.there[who][pair] && !armed && now.sqn[pair] != UINT64_MAX)
        fuzz_die("a card's AUTS refused: %s", e.text);
    if (good && set)
        now.sqn[pair] = sqn_from(sqn); /* may be lower: the card said so */
}

/* ---- subscribers ---- */

static void add(unsigned pair, unsigned who)
{
    struct sealed_error e = {""};
    const struct key_row row = row_of(pair);
    const bool armed = arm(), good = auc_add(now.a, &row, imsis[who], &e);
    disarm();
    if (!good)
        fuzz_refused(e.text);
    if (good && now.there[who][pair])
        fuzz_die("a subscriber put in twice");
    if (!good && !now.there[who][pair] && !armed)
        fuzz_die("a subscriber not put in: %s", e.text);
    if (!good &&
        armed) /* SQLite may say so of a statement that was interrupted when all was done: old or new */
        (void)auc_add(now.a, &row, imsis[who], &e);
    now.there[who][pair] = now.there[who][pair] || good || armed;
}

static void drop(unsigned who, int pair)
{
    struct sealed_error e = {""};
    bool any = false;
    for (int i = 0; i < PAIRS; i++)
        any = any || ((pair == AUC_CURRENT || pair == i) && now.there[who][i]);
    const bool armed = arm(), good = auc_remove(now.a, imsis[who], pair, &e);
    disarm();
    if (!good)
        fuzz_refused(e.text);
    if (good != any && !(armed && !good))
        fuzz_die("%s of a subscriber who %s", good ? "removal" : "no removal", any ? "is there" : "is not");
    if (!good && armed) /* as in add */
        (void)auc_remove(now.a, imsis[who], pair, &e);
    for (int i = 0; (good || armed) && i < PAIRS; i++)
        if (pair == AUC_CURRENT || pair == i) {
            now.there[who][i] = false;
            now.sqn[i] = 0; /* with the row its number may have gone */
        }
}

static bool see(void *ctx, const struct auc_subscriber *s)
{
    bool(*seen)[PAIRS] = ctx;
    const int who = imsi_of(s->imsi);
    if (strlen(s->imsi) > 15 || s->imsi[strspn(s->imsi, "0123456789")] != '\0' ||
        s->iccid[strspn(s->iccid, "0123456789")] != '\0')
        fuzz_die("a subscriber without an IMSI, or a card without an ICCID, was listed");
    if (who >= 0 && s->index < PAIRS)
        seen[who][s->index] = true;
    return true;
}

static void list(bool exact)
{
    static const char *const formats[] = {"osmo-hlr", "srsran", "open5gs", "free5gc"};
    struct sealed_error e = {""};
    bool seen[IMSIS][PAIRS] = {{false}};
    FILE *nowhere = fopen("/dev/null", "we");
    const bool good = auc_each(now.a, false, see, seen, &e);
    if (!good)
        fuzz_refused(e.text);
    if (exact && (!good || memcmp(seen, now.there, sizeof seen) != 0))
        fuzz_die("others are listed than are there: %s", e.text);
    for (unsigned i = 0; nowhere != NULL && i < 4; i++) {
        const struct auc_export how = {formats[i], "internet", 2, {0x80, 0}};
        if (!auc_export(now.a, &how, nowhere, &e))
            fuzz_refused(e.text);
    }
    if (nowhere != NULL)
        (void)fclose(nowhere);
}

/* Sequence numbers and who is there are not authenticated: whose key is whose is. */
static void tamper(char how, const char *words)
{
    size_t n;
    struct sealed_error e = {""};
    uint8_t octets[LINE_ROOM / 2];
    struct buf b = buf_of(octets, sizeof octets);
    auc_close(now.a);
    uint8_t *before = fuzz_slurp(made.path, &n);
    if (how == 's')
        fuzz_sql(made.path, span_of(words, strlen(words)));
    else if (hex_parse(words, &b, NULL))
        fuzz_overwrite(made.path, buf_span(&b));
    if (opened(&e)) {
        struct auc_vector v;
        list(false);
        memset(now.sqn, 0, sizeof now.sqn);
        for (int who = 0; who < IMSIS; who++)
            for (int pair = AUC_CURRENT; pair < PAIRS; pair++) {
                if (auc_vector(now.a, imsis[who], pair, amf, NULL, &v, &e)) {
                    memset(now.sqn, 0, sizeof now.sqn);
                    check_vector(imsis[who], v.rand, v.autn, v.aka.res, v.aka.res_len);
                } else {
                    fuzz_refused(e.text);
                }
            }
        auc_close(now.a);
    } else {
        fuzz_refused(e.text);
    }
    fuzz_spill(made.path, span_of(before, n));
    free(before);
    memset(now.sqn, 0, sizeof now.sqn);
    if (!opened(&e))
        fuzz_die("a centre that nobody touched does not open: %s", e.text);
}

static void step(const char *line)
{
    struct sealed_error e = {""};
    const char *words = line[0] != '\0' && line[1] == ' ' ? line + 2 : "";
    const unsigned first = (unsigned char)words[0],
                   second = strlen(words) > 2 ? (unsigned char)words[2] : 'A';
    switch (line[0]) {
    case 'q':
        ask(words);
        break;
    case 'a':
        resynchronise((first - 'A') % IMSIS, strlen(words) > 2 ? words + 2 : "0");
        break;
    case '+':
        add((first - '0') % PAIRS, (second - 'A') % IMSIS);
        break;
    case '-':
        drop((first - 'A') % IMSIS, second == 'c' ? AUC_CURRENT : (int)((second - '0') % PAIRS));
        break;
    case 'c':
        auc_close(now.a);
        if (!opened(&e))
            fuzz_die("a centre that nobody touched does not open: %s", e.text);
        list(true);
        break;
    case 'l':
        list(true);
        break;
    case 's':
    case 'b':
        tamper(line[0], words);
        break;
    case 'm':
    case 'h':
    case 'd':
        now.kind = line[0];
        now.nth = strtol(words, NULL, 10) & 0x3FFF;
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char line[LINE_ROOM];
    struct sealed_error e = {""};
    if (made.base == NULL)
        make();
    fuzz_spill(made.path, span_of(made.base, made.base_n));
    memset(&now, 0, sizeof now);
    now.there[0][0] = now.there[1][1] = true;
    if (!opened(&e))
        fuzz_die("it does not open: %s", e.text);
    struct span rest = span_of(data, n);
    for (unsigned steps = 0; rest.n > 0 && steps < STEPS_MAX; steps++) {
        const uint8_t *stop = memchr(rest.p, '\n', rest.n);
        const size_t len = stop != NULL ? (size_t)(stop - rest.p) : rest.n;
        const size_t take = len < sizeof line ? len : sizeof line - 1;
        memcpy(line, rest.p, take);
        line[take] = '\0';
        rest = span_slice(rest, len + 1, rest.n);
        step(line);
    }
    list(true);
    auc_close(now.a);
    size_t file_n;
    uint8_t *file = fuzz_slurp(made.path, &file_n);
    no_keys("the centre's file", file, file_n);
    free(file);
    return 0;
}

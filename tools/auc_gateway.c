/* SPDX-License-Identifier: Apache-2.0
 *
 * What hostapd asks the gateway to its HLR/AuC, for EAP-SIM, EAP-AKA and EAP-AKA': one text a datagram (the
 * protocol of hostapd's example gateway). Requests are SIM-REQ-AUTH IMSI [N], GSM-AUTH-REQ IMSI RAND:...,
 * AKA-REQ-AUTH IMSI and AKA-AUTS IMSI AUTS RAND; the last has no answer.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "auc.h"
#include "hex.h"

enum { CHALLENGES_MAX = 3, TOKEN_MAX = 64 };

/* A text that is written bit by bit; too much marks it as failed. */
struct text {
    char *p;
    size_t len;
    bool failed;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *format, ...)
{
    va_list args;
    size_t room = AUC_ANSWER_MAX - t->len;
    va_start(args, format);
    int n = vsnprintf(t->p + t->len, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        t->failed = true;
    else
        t->len += (size_t)n;
}

static void add_hex(struct text *t, const uint8_t *p, size_t n, const char *after)
{
    char hex[2 * AUC_AUTN_MAX + 1];
    if (n > AUC_AUTN_MAX) {
        t->failed = true;
        return;
    }
    hex_format(span_of(p, n), hex);
    add(t, "%s%s", hex, after);
    crypto_wipe(hex, sizeof hex);
}

/* The next word, up to a blank. Empty at the end; too long makes it empty too. */
static void word(const char **at, char to[TOKEN_MAX])
{
    size_t n = strcspn(*at, " ");
    to[0] = '\0';
    if (n < TOKEN_MAX) {
        memcpy(to, *at, n);
        to[n] = '\0';
    }
    *at += n;
    if (**at == ' ')
        (*at)++;
}

static bool exact(const char *hex, size_t digits, uint8_t *to, size_t n)
{
    char copy[2 * AUC_AUTS_MAX + 1];
    struct buf out = buf_of(to, n);
    if (digits > 2 * AUC_AUTS_MAX)
        return false;
    memcpy(copy, hex, digits);
    copy[digits] = '\0';
    return hex_parse(copy, &out, NULL) && out.len == n;
}

static void sim_request(struct auc *a, const char *at, const char *imsi, struct text *t)
{
    struct sealed_error error;
    struct auc_vector v;
    char count[TOKEN_MAX];
    word(&at, count);
    long n = strtol(count, NULL, 10);
    if (n < 1 || n > CHALLENGES_MAX)
        n = CHALLENGES_MAX;
    size_t head = t->len;
    for (long i = 0; i < n; i++) {
        if (!auc_triplet(a, imsi, AUC_CURRENT, NULL, &v, &error)) {
            t->len = head;
            add(t, " FAILURE");
            return;
        }
        add(t, " ");
        add_hex(t, v.kc, sizeof v.kc, ":");
        add_hex(t, v.sres, sizeof v.sres, ":");
        add_hex(t, v.rand, sizeof v.rand, "");
        crypto_wipe(&v, sizeof v);
    }
}

static void gsm_request(struct auc *a, const char *at, const char *imsi, struct text *t)
{
    struct sealed_error error;
    struct auc_vector v;
    uint8_t rand[16];
    size_t head = t->len;
    bool good = false;
    for (int i = 0; i < CHALLENGES_MAX; i++) {
        size_t n = strcspn(at, ":");
        good = exact(at, n, rand, sizeof rand) && auc_triplet(a, imsi, AUC_CURRENT, rand, &v, &error);
        if (!good)
            break;
        add(t, "%s", i == 0 ? " " : ":");
        add_hex(t, v.kc, sizeof v.kc, ":");
        add_hex(t, v.sres, sizeof v.sres, "");
        crypto_wipe(&v, sizeof v);
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    if (!good) {
        t->len = head;
        add(t, " FAILURE");
    }
}

static void aka_request(struct auc *a, const char *imsi, const uint8_t amf[2], struct text *t)
{
    struct sealed_error error;
    struct auc_vector v;
    if (!auc_vector(a, imsi, AUC_CURRENT, amf, NULL, &v, &error)) {
        add(t, " FAILURE");
        return;
    }
    add(t, " ");
    add_hex(t, v.rand, sizeof v.rand, " ");
    add_hex(t, v.autn, v.autn_len, " ");
    add_hex(t, v.aka.ik, v.aka.ik_len, " ");
    add_hex(t, v.aka.ck, v.aka.ck_len, " ");
    add_hex(t, v.aka.res, v.aka.res_len, "");
    crypto_wipe(&v, sizeof v);
}

static void take_auts(struct auc *a, const char *at, const char *imsi)
{
    struct sealed_error error;
    char auts_text[TOKEN_MAX], rand_text[TOKEN_MAX];
    uint8_t auts[AUC_AUTS_MAX], rand[16];
    bool set;
    word(&at, auts_text);
    word(&at, rand_text);
    struct buf b = buf_of(auts, sizeof auts);
    if (hex_parse(auts_text, &b, NULL) && exact(rand_text, strlen(rand_text), rand, sizeof rand))
        auc_resync(a, imsi, AUC_CURRENT, rand, buf_span(&b), &set, &error);
}

/* Only what is fit to be said back: an answer repeats the IMSI that was asked for. */
static bool fit(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x21 || *text > 0x7E)
            return false;
    return true;
}

size_t auc_answer(struct auc *a, const char *request, size_t n, const uint8_t amf[2],
                  char answer[AUC_ANSWER_MAX])
{
    char copy[AUC_REQUEST_MAX + 1], verb[TOKEN_MAX], imsi[TOKEN_MAX];
    struct text t = {answer, 0, false};
    const char *at = copy;
    answer[0] = '\0';
    if (n > AUC_REQUEST_MAX || memchr(request, '\0', n) != NULL)
        return 0;
    memcpy(copy, request, n);
    copy[n] = '\0';
    word(&at, verb);
    word(&at, imsi);
    if (imsi[0] == '\0' || !fit(imsi))
        return 0;
    if (strcmp(verb, "AKA-REQ-AUTH") == 0) {
        add(&t, "AKA-RESP-AUTH %s", imsi);
        aka_request(a, imsi, amf, &t);
    } else if (strcmp(verb, "SIM-REQ-AUTH") == 0) {
        add(&t, "SIM-RESP-AUTH %s", imsi);
        sim_request(a, at, imsi, &t);
    } else if (strcmp(verb, "GSM-AUTH-REQ") == 0) {
        add(&t, "GSM-AUTH-RESP %s", imsi);
        gsm_request(a, at, imsi, &t);
    } else if (strcmp(verb, "AKA-AUTS") == 0) {
        take_auts(a, at, imsi);
    }
    if (t.failed) {
        crypto_wipe(answer, AUC_ANSWER_MAX);
        return 0;
    }
    return t.len;
}

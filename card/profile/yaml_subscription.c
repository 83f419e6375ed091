/* SPDX-License-Identifier: Apache-2.0
 *
 * What a profile says of its subscriptions beyond their keys (who decides, how long a new one is on
 * trial, which is chosen by itself, what it may be used for), as the parameters of the applet
 * "subscription": the TLV of ota/README.md.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hex.h"
#include "tlv.h"
#include "yaml_make.h"

enum { /* card/applets/subscription.h has the meaning */
       TAG_AUTHORITY = 0xC0,
       TAG_SELECTION = 0xC1,
       TAG_USE = 0xC2,
       TAG_USUAL_TRIAL = 0xC3,
       TAG_PAIR = 0x80,
       TAG_IMSI = 0x81,
       TAG_FOR = 0x81,
       TAG_NUMBER = 0x82,
       TAG_APN = 0x83,
       TAG_LIMITS = 0x84,
       TAG_MNC_LENGTH = 0x85,
       TAG_COUNTRIES = 0x86,
       TAG_CANDIDATE = 0xA1,
       TAG_FILES = 0xA5,
       TAG_FILE = 0xA6,
       TAG_PATH = 0x91,
       TAG_OFFSET = 0x92,
       TAG_DATA = 0x93,
       PARAMS_MAX = 8192,
       DEPTH_MAX = 8,
};

static bool put_limits(const struct maker *m, const char *path, uint32_t tag, const struct y_limits *y,
                       struct buf *out)
{
    const uint8_t octets[5] = {y->power_ups, y->polls, y->failures, y->no_service, y->minutes};
    if ((y->power_ups | y->polls | y->failures | y->no_service | y->minutes) == 0)
        return yaml_fail(m->s, path,
                         "no limit at all; give one of power-ups, polls, failures, no-service, minutes");
    buf_tlv(out, tag, span_of(octets, y->minutes != 0 ? 5 : 4));
    return true;
}

static bool pair_exists(const struct maker *m, const char *path, unsigned pair)
{
    return pair < m->p.n_pairs ||
           yaml_fail(m->s, path, "no pair %u; the profile has %u, from 0 on", pair, m->p.n_pairs);
}

/* An IMSI in which an x stands for the digit of the card's own: E in EF.IMSI's digits (TS 31.102 4.2.2). */
static bool put_imsi(const struct maker *m, const char *path, const char *text, struct buf *out)
{
    char digits[16];
    uint8_t ef[9];
    size_t n = strlen(text);
    (void)snprintf(digits, sizeof digits, "%s", text);
    for (size_t i = 0; i < n; i++)
        if (digits[i] == 'x')
            digits[i] = '0';
    if (n < 6 || !imsi_pack(digits, ef))
        return yaml_fail(m->s, path, "6 to 15 digits, or x for a digit of the card's own IMSI");
    for (size_t i = 0; i < n; i++) {
        uint8_t *octet = &ef[1 + (i + 1) / 2];
        if (text[i] == 'x')
            *octet = (i + 1) % 2 == 0 ? (uint8_t)((*octet & 0xF0) | 0x0E) : (uint8_t)((*octet & 0x0F) | 0xE0);
    }
    buf_tlv(out, TAG_IMSI, span_of(ef, sizeof ef));
    return true;
}

static bool put_countries(const struct maker *m, const struct y_candidate *y, unsigned i, struct buf *out)
{
    if (y->mcc_count == 0)
        return true;
    size_t mark = buf_tlv_open(out, TAG_COUNTRIES);
    for (unsigned k = 0; k < y->mcc_count; k++) {
        const char *t = y->mcc[k];
        if (strlen(t) != 3 || strspn(t, "0123456789") != 3)
            return yaml_fail(m->s, yaml_at_item("subscription.selection.candidates", i, "mcc", k).text,
                             "an MCC has three digits");
        buf_u8(out, (uint8_t)((t[1] - '0') << 4 | (t[0] - '0'))); /* TS 24.008 10.5.1.3 */
        buf_u8(out, (uint8_t)(0xF0 | (t[2] - '0')));
    }
    buf_tlv_close(out, mark);
    return true;
}

/* FIDs from the MF on; 7FFF for the USIM's ADF, which has none. false: in another application's. */
static bool put_path(const struct maker *m, uint16_t file, struct buf *out)
{
    uint16_t fids[DEPTH_MAX];
    size_t n = 0;
    for (; file != 0 && n < DEPTH_MAX; file = m->p.files[file].parent) {
        const struct profile_file *f = &m->p.files[file];
        if (f->kind == FILE_ADF &&
            (f->applet >= m->p.n_applets || strcmp(m->p.applets[f->applet].class_name, "usim") != 0))
            return false;
        fids[n++] = f->kind == FILE_ADF ? PROFILE_FID_CURRENT_ADF : f->fid;
    }
    size_t mark = buf_tlv_open(out, TAG_PATH);
    while (n > 0)
        buf_u16(out, fids[--n]);
    buf_tlv_close(out, mark);
    return file == 0;
}

static bool put_files(const struct maker *m, const struct y_candidate *y, unsigned i, struct buf *out)
{
    if (y->files_count == 0)
        return true;
    size_t mark = buf_tlv_open(out, TAG_FILES);
    for (unsigned k = 0; k < y->files_count; k++) {
        const struct y_bundle_file *f = &y->files[k];
        struct place w = yaml_at_item("subscription.selection.candidates", i, "files", k);
        uint8_t content[200];
        size_t n = 0;
        uint16_t file = yaml_find_file(m, f->path);
        if (file == PROFILE_NO_FILE || profile_is_df(m->p.files[file].kind))
            return yaml_fail(m->s, w.text, "no EF \"%s\" under \"files\"", f->path);
        if (!yaml_octets(m, w.text, f->content, content, 1, sizeof content, &n))
            return false;
        if (f->offset + n > m->p.files[file].size)
            return yaml_fail(m->s, w.text, "%s has %u octets", f->path, (unsigned)m->p.files[file].size);
        if (m->p.files[file].fill == FILL_IMSI)
            return yaml_fail(m->s, w.text, "the IMSI is the candidate's own \"imsi\"");
        size_t one = buf_tlv_open(out, TAG_FILE);
        if (!put_path(m, file, out))
            return yaml_fail(m->s, w.text, "only files of the MF and of the USIM go with a subscription");
        const uint8_t offset[2] = {(uint8_t)(f->offset >> 8), (uint8_t)f->offset};
        if (f->offset != 0)
            buf_tlv(out, TAG_OFFSET, span_of(offset, 2));
        buf_tlv(out, TAG_DATA, span_of(content, n));
        buf_tlv_close(out, one);
    }
    buf_tlv_close(out, mark);
    return true;
}

static bool put_candidate(const struct maker *m, const struct y_selection *s, unsigned i, struct buf *out)
{
    static const char list[] = "subscription.selection.candidates";
    const struct y_candidate *y = &s->candidates[i];
    if (!pair_exists(m, yaml_at(list, i, "pair").text, y->pair))
        return false;
    for (unsigned k = 0; k < i; k++)
        if (s->candidates[k].pair == y->pair)
            return yaml_fail(m->s, yaml_at(list, i, "pair").text, "pair %u is given twice", y->pair);
    if ((y->pair == 0) != (y->imsi == NULL))
        return yaml_fail(m->s, yaml_at(list, i, "").text,
                         y->pair == 0 ? "pair 0 has the card's own IMSI; remove \"imsi\""
                                      : "\"imsi\" is missing; add it");
    if (y->mnc_digits != NULL && *y->mnc_digits != 2 && *y->mnc_digits != 3)
        return yaml_fail(m->s, yaml_at(list, i, "mnc-digits").text, "must be 2 or 3");
    size_t mark = buf_tlv_open(out, TAG_CANDIDATE);
    buf_tlv_u8(out, TAG_PAIR, y->pair);
    if (y->imsi != NULL && !put_imsi(m, yaml_at(list, i, "imsi").text, y->imsi, out))
        return false;
    if (y->mnc_digits != NULL)
        buf_tlv_u8(out, TAG_MNC_LENGTH, *y->mnc_digits);
    if (!put_countries(m, y, i, out) || !put_files(m, y, i, out))
        return false;
    buf_tlv_close(out, mark);
    return true;
}

static bool put_selection(const struct maker *m, const struct y_selection *y, struct buf *out)
{
    bool zero = false;
    size_t mark = buf_tlv_open(out, TAG_SELECTION);
    if (y->limits != NULL && !put_limits(m, "subscription.selection.limits", TAG_LIMITS, y->limits, out))
        return false;
    for (unsigned i = 0; i < y->candidates_count; i++) {
        zero = zero || y->candidates[i].pair == 0;
        if (!put_candidate(m, y, i, out))
            return false;
    }
    buf_tlv_close(out, mark);
    return zero || yaml_fail(m->s, "subscription.selection.candidates",
                             "pair 0, which a new card is on, is not among them");
}

/* TS 102 223 8.1: "+" for an international number. */
static bool put_number(const struct maker *m, const char *path, const char *text, struct buf *out)
{
    const char *digits = text[0] == '+' ? text + 1 : text;
    size_t n = strlen(digits);
    if (n == 0 || n > 20 || strspn(digits, "0123456789") != n)
        return yaml_fail(m->s, path, "must be 1 to 20 digits, with + before an international number");
    size_t mark = buf_tlv_open(out, TAG_NUMBER);
    buf_u8(out, text[0] == '+' ? 0x91 : 0x81);
    for (size_t i = 0; i < n; i += 2)
        buf_u8(out, (uint8_t)((i + 1 < n ? digits[i + 1] - '0' : 0x0F) << 4 | (digits[i] - '0')));
    buf_tlv_close(out, mark);
    return true;
}

/* TS 23.003 9.1: labels with their lengths. */
static bool put_apn(const struct maker *m, const char *path, const char *text, struct buf *out)
{
    size_t mark = buf_tlv_open(out, TAG_APN);
    for (const char *label = text; label != NULL;) {
        size_t n = strcspn(label, ".");
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        if (n == 0 || n > 63 || strspn(label, letters) != n)
            return yaml_fail(m->s, path, "\"%s\" is no access point name", text);
        buf_u8(out, (uint8_t)n);
        buf_put(out, span_of(label, n));
        label = label[n] == '.' ? label + n + 1 : NULL;
    }
    buf_tlv_close(out, mark);
    return true;
}

static bool put_use(const struct maker *m, const struct y_subscription *s, unsigned i, struct buf *out)
{
    static const char list[] = "subscription.use";
    const struct y_use *y = &s->use[i];
    if (!pair_exists(m, yaml_at(list, i, "pair").text, y->pair))
        return false;
    for (unsigned k = 0; k < i; k++)
        if (s->use[k].pair == y->pair)
            return yaml_fail(m->s, yaml_at(list, i, "pair").text, "pair %u is given twice", y->pair);
    size_t mark = buf_tlv_open(out, TAG_USE);
    buf_tlv_u8(out, TAG_PAIR, y->pair);
    buf_tlv_u8(out, TAG_FOR,
               (uint8_t)((y->calls != NO) | (y->supplementary != NO) << 1 | (y->messages != NO) << 2 |
                         (y->data != NO) << 3));
    for (unsigned k = 0; k < y->numbers_count; k++)
        if (!put_number(m, yaml_at_item(list, i, "numbers", k).text, y->numbers[k], out))
            return false;
    for (unsigned k = 0; k < y->apns_count; k++)
        if (!put_apn(m, yaml_at_item(list, i, "apns", k).text, y->apns[k], out))
            return false;
    buf_tlv_close(out, mark);
    return true;
}

static bool put_all(const struct maker *m, const struct y_subscription *y, struct buf *out)
{
    if (y->authority == Y_AUTHORITY_BOTH)
        buf_tlv_u8(out, TAG_AUTHORITY, 1);
    if (y->on_trial == NO && y->trial != NULL)
        return yaml_fail(m->s, "subscription.trial",
                         "\"on-trial\" says that there is none; remove one of the two");
    if (y->on_trial == NO)
        buf_tlv(out, TAG_USUAL_TRIAL, SPAN_EMPTY);
    if (y->trial != NULL && !put_limits(m, "subscription.trial", TAG_USUAL_TRIAL, y->trial, out))
        return false;
    for (unsigned i = 0; i < y->use_count; i++)
        if (!put_use(m, y, i, out))
            return false;
    return y->selection == NULL || put_selection(m, y->selection, out);
}

bool yaml_make_subscription(struct maker *m)
{
    const struct y_subscription *y = m->y->subscription;
    uint8_t i = 0;
    if (y == NULL)
        return true;
    while (i < m->p.n_applets && strcmp(m->p.applets[i].class_name, "subscription") != 0)
        i++;
    if (i == m->p.n_applets)
        return yaml_fail(m->s, "subscription", "no applet of class \"subscription\" under \"applets\"");
    uint8_t *octets = yaml_maker_memory(m, PARAMS_MAX);
    if (octets == NULL)
        return false;
    struct buf out = buf_of(octets, PARAMS_MAX);
    buf_put(&out, m->p.applets[i].params);
    if (!put_all(m, y, &out))
        return false;
    if (!buf_ok(&out))
        return yaml_fail(m->s, "subscription", "more than %d octets of parameters; shorten the lists",
                         PARAMS_MAX);
    m->p.applets[i].params = buf_span(&out);
    return true;
}

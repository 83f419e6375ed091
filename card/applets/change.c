/* SPDX-License-Identifier: Apache-2.0
 *
 * The change order (ota/README.md has it octet by octet): which pair, which files, in one transaction.
 */
#include <stdlib.h>

#include "hex.h"
#include "pairs.h"

/* ---- files: each is saved whole before it is first written, for a roll-back ---- */

enum { SAVED_MAX = 0xFFFF, SAVED_HEADER = 4, FID_DF_GSM = 0x7F20, FID_GSM_ACCESS = 0x5F3B, FID_5GS = 0x5FC0, FID_IMSI = 0x6F07, FID_AD = 0x6FAD, FID_CURRENT_ADF = 0x7FFF };

struct changer {
    struct applet self;
    struct buf saved; /* file (2), length (2), body */
    bool ok;
};

static bool is_saved(const struct changer *c, uint16_t file)
{
    struct reader r = rd_of(buf_span(&c->saved));
    while (r.left > 0) {
        if (rd_u16(&r) == file)
            return true;
        (void)rd_take(&r, rd_u16(&r));
    }
    return false;
}

static void save(struct changer *c, uint16_t file)
{
    struct span body = admin_file_read(c->self.card, file);
    if (is_saved(c, file))
        return;
    buf_u16(&c->saved, file);
    buf_u16(&c->saved, (uint16_t)body.n);
    buf_put(&c->saved, body);
    c->ok = c->ok && buf_ok(&c->saved) && body.n <= 0xFFFF;
}

/* A file that the profile does not have is not there to be changed. */
static void write_file(struct changer *c, uint16_t file, size_t offset, struct span data)
{
    if (file == PROFILE_NO_FILE)
        return;
    save(c, file);
    c->ok = c->ok && admin_file_update(c->self.card, file, offset, data);
}

static void fill_file(struct changer *c, uint16_t file, uint8_t first)
{
    if (file == PROFILE_NO_FILE)
        return;
    save(c, file);
    c->ok = c->ok && admin_file_fill(c->self.card, file, first, 0xFF);
}

bool subscription_files_restore(struct applet self)
{
    struct span stored;
    if (!applet_get(self, ITEM_SAVED, &stored))
        return false;
    uint8_t *copy = malloc(stored.n + 1); /* what is written moves what is stored */
    if (copy == NULL)
        return false;
    if (stored.n > 0)
        memcpy(copy, stored.p, stored.n);
    struct reader r = rd_of(span_of(copy, stored.n));
    bool ok = true;
    while (r.left > 0 && ok) {
        uint16_t file = rd_u16(&r);
        struct span body = rd_take(&r, rd_u16(&r));
        size_t now = admin_file_exists(self.card, file) ? admin_file_read(self.card, file).n : 0;
        /* One that was deleted or resized meanwhile takes what it can. */
        ok = rd_ok(&r) && (now == 0 || admin_file_update(self.card, file, 0, span_slice(body, 0, now)));
    }
    crypto_wipe(copy, stored.n);
    free(copy);
    return ok;
}

/* Where files of a subscription are: in the USIM's ADF, in DF.GSM-ACCESS and DF.5GS below it, and in MF/DF.GSM, if the profile has files of its own there. */
enum place { IN_USIM, IN_GSM_ACCESS, IN_5GS, IN_DF_GSM };

static uint16_t file_in(struct applet usim, enum place place, uint16_t fid)
{
    enum { MF = 0 };
    uint16_t df;
    switch (place) {
    case IN_USIM:
        return admin_file(usim, fid);
    case IN_GSM_ACCESS:
        df = admin_file(usim, FID_GSM_ACCESS);
        break;
    case IN_5GS:
        df = admin_file(usim, FID_5GS);
        break;
    default:
        df = admin_file_in(usim.card, MF, FID_DF_GSM);
        break;
    }
    return df == PROFILE_NO_FILE ? PROFILE_NO_FILE : admin_file_in(usim.card, df, fid);
}

/* What the old network left behind and the new one must not find (TR 33.812 5.3.2.3), and the value that means "nothing known" (TS 31.102, TS 51.011,
 * clause beside each). */
static const struct {
    enum place place;
    uint16_t fid;
    uint8_t n;
    uint8_t value[20];
} cleared[] = {
    /* 4.2.17 EF.LOCI: TMSI, LAI (no PLMN, LAC FFFE), RFU, "not updated" */
    {IN_USIM, 0x6F7E, 11, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}},
    /* 4.2.23 EF.PSLOCI: P-TMSI, signature, RAI (no PLMN, LAC FFFE, RAC FF), "not updated" */
    {IN_USIM, 0x6F73, 14, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}},
    /* 4.2.91 EF.EPSLOCI: GUTI, last visited registered TAI (no PLMN, TAC FFFE), "not updated" */
    {IN_USIM, 0x6FE3, 18, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x01}},
    /* 4.4.11.2, 4.4.11.3 EF.5GS3GPPLOCI, EF.5GSN3GPPLOCI: 5G-GUTI, TAI (no PLMN, TAC FFFFFE), "not updated" */
    {IN_5GS,
     0x4F01,
     20,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x01}},
    {IN_5GS,
     0x4F02,
     20,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0x01}},
    /* 4.4.3.1, 4.4.3.2 EF.Kc, EF.KcGPRS: sequence number 7, no key */
    {IN_GSM_ACCESS, 0x4F20, 9, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07}},
    {IN_GSM_ACCESS, 0x4F52, 9, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07}},
    /* TS 51.011 10.3.3 EF.Kc, 10.3.32 EF.KcGPRS */
    {IN_DF_GSM, 0x6F20, 9, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07}},
    {IN_DF_GSM, 0x6F52, 9, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x07}},
    /* TS 51.011 10.3.17 EF.LOCI, 10.3.33 EF.LOCIGPRS: as above */
    {IN_DF_GSM, 0x6F7E, 11, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}},
    {IN_DF_GSM, 0x6F53, 14, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}},
};

/* 4.2.3, 4.2.4, 4.2.16, 4.2.50 and 4.2.92: key set identifier 07 "no key"; the rest FF. */
static const struct {
    enum place place;
    uint16_t fid;
    uint8_t first;
} emptied[] = {
    {IN_USIM, 0x6F08, 0x07},   /* EF.Keys */
    {IN_USIM, 0x6F09, 0x07},   /* EF.KeysPS */
    {IN_USIM, 0x6F7B, 0xFF},   /* EF.FPLMN */
    {IN_USIM, 0x6FC4, 0xFF},   /* EF.NETPAR */
    {IN_USIM, 0x6FE4, 0xFF},   /* EF.EPSNSC */
    {IN_5GS, 0x4F03, 0xFF},    /* EF.5GS3GPPNSC */
    {IN_5GS, 0x4F04, 0xFF},    /* EF.5GSN3GPPNSC */
    {IN_5GS, 0x4F05, 0xFF},    /* EF.5GAUTHKEYS */
    {IN_DF_GSM, 0x6F74, 0xFF}, /* EF.BCCH */
    {IN_DF_GSM, 0x6F7B, 0xFF}, /* EF.FPLMN */
};

static void clear_files(struct changer *c, struct applet usim, bool df_gsm)
{
    for (size_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++)
        if ((cleared[i].place == IN_DF_GSM) == df_gsm)
            write_file(c, file_in(usim, cleared[i].place, cleared[i].fid), 0, span_of(cleared[i].value, cleared[i].n));
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0]; i++)
        if ((emptied[i].place == IN_DF_GSM) == df_gsm)
            fill_file(c, file_in(usim, emptied[i].place, emptied[i].fid), emptied[i].first);
}

static bool is_usim(struct applet self, uint8_t applet)
{
    return strcmp(applet_row_of(self.card, applet)->class_name, "usim") == 0;
}

/* Files of the subscription are those of every ADF that the profile gives to a "usim", and of DF.GSM; IMSI and network context change together. */
static void change_files(struct changer *c, struct span imsi, uint8_t mnc_length)
{
    clear_files(c, c->self, true);
    write_file(c, file_in(c->self, IN_DF_GSM, FID_IMSI), 0, imsi);
    for (uint8_t a = 0; a < applets_count(c->self.card); a++) {
        const struct applet usim = {c->self.card, a};
        if (!is_usim(c->self, a))
            continue;
        write_file(c, admin_file(usim, FID_IMSI), 0, imsi);
        if (mnc_length != 0) /* TS 31.102 4.2.18: octet 4 of EF.AD says how many digits of the IMSI are the MNC */
            write_file(c, admin_file(usim, FID_AD), 3, span_of(&mnc_length, 1));
        clear_files(c, usim, false);
    }
}

/* ---- the bundle: further files that the new operator wants otherwise ---- */

/* FIDs from the MF on; 7FFF first: the (first) USIM's ADF. */
static uint16_t file_by_path(struct applet self, struct span path)
{
    struct reader r = rd_of(path);
    uint16_t at = 0;
    for (bool first = true; r.left > 0 && at != PROFILE_NO_FILE; first = false) {
        uint16_t fid = rd_u16(&r);
        if (!rd_ok(&r))
            return PROFILE_NO_FILE;
        if (first && fid == FID_CURRENT_ADF) {
            uint8_t a = 0;
            while (a < applets_count(self.card) && !is_usim(self, a))
                a++;
            at = a < applets_count(self.card) ? applet_row_of(self.card, a)->adf : PROFILE_NO_FILE;
        } else {
            at = admin_file_in(self.card, at, fid);
        }
    }
    return path.n == 0 ? PROFILE_NO_FILE : at;
}

static sw_t change_bundle(struct changer *c, struct span bundle)
{
    struct reader r = rd_of(bundle);
    struct tlv entry;
    while (tlv_next(&r, &entry)) {
        struct span path, offset, data;
        if (entry.tag != ORDER_FILE || !tlv_find(entry.value, ORDER_FILE_PATH, &path) ||
            !tlv_find(entry.value, ORDER_FILE_DATA, &data) || data.n == 0)
            return SW_WRONG_DATA;
        bool at = tlv_find(entry.value, ORDER_FILE_OFFSET, &offset);
        if (at && offset.n != 2)
            return SW_WRONG_DATA;
        uint16_t file = file_by_path(c->self, path);
        if (file == PROFILE_NO_FILE)
            return SW_FILE_NOT_FOUND;
        /* The IMSI is the order's own, and nothing is put beyond a file's end. */
        if (admin_file_fid(c->self.card, file) == FID_IMSI)
            return SW_WRONG_DATA;
        if (!admin_file_exists(c->self.card, file))
            return SW_FILE_NOT_FOUND;
        write_file(c, file, at ? (size_t)(offset.p[0] << 8 | offset.p[1]) : 0, data);
        if (!c->ok)
            return SW_WRONG_DATA;
    }
    return rd_ok(&r) ? SW_OK : SW_WRONG_DATA;
}

/* Session keys that applications derived from the old pair's. */
bool subscription_tell_users(struct applet self)
{
    struct applet provider;
    const struct subscriber_service *subscriber;
    bool ok = true;
    for (unsigned i = 0; (subscriber = applet_service(self.card, "subscriber", i, &provider)) != NULL; i++)
        ok = subscriber->changed(provider) && ok;
    return ok;
}

/* ---- the order ---- */

struct order {
    bool has_index, has_trial;
    uint8_t index;
    struct span imsi;
    struct span reference;
    uint8_t refresh;
    struct trial_policy trial;
    bool final;              /* no trial: the old pair is retired at once */
    uint8_t mnc_length;      /* 0: as it is */
    struct span bundle;
};

/* What an order gets that says nothing of a trial: thirty power-ups, which no modem needs to register. */
static const struct trial_policy usual_trial = {.power_ups = 30};

/* Exactly one ORDER object; an object inside that we do not know makes the order void: it may be a condition we would break. */
static sw_t order_parse(struct span data, struct order *out)
{
    struct reader r = rd_of(data);
    struct tlv order, t;
    *out = (struct order){.refresh = REFRESH_UICC_RESET, .trial = usual_trial};
    if (!tlv_next(&r, &order) || !rd_done(&r) || order.tag != ORDER)
        return SW_WRONG_DATA;
    uint32_t seen = 0;
    for (r = rd_of(order.value); tlv_next(&r, &t);) {
        uint32_t bit = 1u << (t.tag & 0x1F);
        if (seen & bit)
            return SW_WRONG_DATA;
        seen |= bit;
        switch (t.tag) {
        case ORDER_INDEX:
            if (t.value.n != 1)
                return SW_WRONG_DATA;
            out->has_index = true;
            out->index = t.value.p[0];
            break;
        case ORDER_IMSI:
            out->imsi = t.value;
            break;
        case ORDER_REFERENCE:
            if (t.value.n < 1 || t.value.n > ORDER_REFERENCE_MAX)
                return SW_WRONG_DATA;
            out->reference = t.value;
            break;
        case ORDER_REFRESH:
            /* TS 102 223 8.6: 00 to 08 are modes of REFRESH; only those that end with a new start make a terminal read the IMSI anew. */
            if (t.value.n != 1 || (t.value.p[0] != REFRESH_UICC_RESET && t.value.p[0] != 0x05 && t.value.p[0] != 0x06))
                return SW_WRONG_DATA;
            out->refresh = t.value.p[0];
            break;
        case ORDER_TRIAL:
            if (t.value.n != 0 && t.value.n != 4 && t.value.n != 5)
                return SW_WRONG_DATA;
            out->final = t.value.n == 0;
            if (t.value.n >= 4)
                out->trial = (struct trial_policy){t.value.p[0], t.value.p[1], t.value.p[2], t.value.p[3], t.value.n == 5 ? t.value.p[4] : 0};
            break;
        case ORDER_MNC_LENGTH:
            if (t.value.n != 1 || (t.value.p[0] != 2 && t.value.p[0] != 3))
                return SW_WRONG_DATA;
            out->mnc_length = t.value.p[0];
            break;
        case ORDER_FILES:
            out->bundle = t.value;
            break;
        default:
            return SW_WRONG_DATA;
        }
    }
    return rd_ok(&r) ? SW_OK : SW_WRONG_DATA;
}

static sw_t choose_pair(struct applet self, const struct order *order, unsigned *index)
{
    struct pair_record s;
    if (order->has_index) {
        *index = order->index;
        if (!pair_load(self, *index, &s))
            return SW_INDEX_UNKNOWN;
        return s.state == PAIR_UNUSED || s.state == PAIR_STAGED ? SW_OK : SW_INDEX_IN_USE;
    }
    for (*index = 0; pair_load(self, *index, &s); ++*index)
        if (s.state == PAIR_UNUSED || s.state == PAIR_STAGED)
            return SW_OK;
    return SW_LIST_EXHAUSTED;
}

static sw_t answer_order(struct applet self, struct span reference, unsigned index, struct buf *out)
{
    struct pair_info info;
    if (!subscription_info(self, index, &info))
        return SW_TECHNICAL_PROBLEM;
    size_t mark = buf_tlv_open(out, ORDER_RESULT);
    buf_tlv_u8(out, RESULT_INDEX, (uint8_t)index);
    buf_tlv_u8(out, RESULT_UNUSED, (uint8_t)pair_count_unused(self));
    if (reference.n > 0)
        buf_tlv(out, RESULT_REFERENCE, reference);
    buf_tlv(out, RESULT_KCV_K, span_of(info.kcv_k, 3));
    buf_tlv(out, RESULT_KCV_KIC, span_of(info.kcv_kic, 3));
    buf_tlv_close(out, mark);
    return SW_OK;
}

/* The pair the card is on becomes the stand-by, or is retired at once; the new one is on trial, or active. */
static bool switch_pair(struct applet self, unsigned to, const struct order *order, uint8_t *was)
{
    unsigned from = pair_active(self);
    struct pair_record s;
    if (!pair_load(self, from, &s))
        return false;
    *was = s.state;
    s.state = order->final ? PAIR_RETIRED : PAIR_STANDBY;
    if (!pair_put(self, from, &s))
        return false;
    s = (struct pair_record){.state = order->final ? PAIR_ACTIVE : PAIR_ON_TRIAL, .has_imsi = true};
    memcpy(s.imsi, order->imsi.p, PAIR_IMSI_LEN);
    return pair_put(self, to, &s) && pair_set_active(self, to);
}

static bool note_order(struct applet self, const struct order *order, unsigned from, unsigned to)
{
    struct order_record r = {.outcome = order->final ? ORDER_CONFIRMED : ORDER_ON_TRIAL, .from = (uint8_t)from, .to = (uint8_t)to};
    memcpy(r.imsi, order->imsi.p, PAIR_IMSI_LEN);
    r.reference_len = (uint8_t)order->reference.n;
    if (order->reference.n > 0)
        memcpy(r.reference, order->reference.p, order->reference.n);
    return order_record_put(self, &r);
}

/* The same order again, because its receipt was lost: the same answer, and nothing else. Same means: same reference, and the pair and IMSI it led to. */
static bool is_repetition(struct applet self, const struct order *order, struct order_record *r)
{
    return order->reference.n > 0 && order_record_load(self, r) && r->outcome != ORDER_ROLLED_BACK &&
           span_equal(order->reference, span_of(r->reference, r->reference_len)) &&
           span_equal(order->imsi, span_of(r->imsi, PAIR_IMSI_LEN)) && (!order->has_index || order->index == r->to);
}

static sw_t carry_out(struct call *call, const struct order *order, unsigned index)
{
    struct applet self = call->self;
    unsigned from = pair_active(self);
    uint8_t was = PAIR_ACTIVE;
    struct changer c = {.self = self, .saved = {.p = malloc(SAVED_MAX), .cap = SAVED_MAX}, .ok = true};
    if (c.saved.p == NULL)
        return SW_MEMORY_PROBLEM;
    change_files(&c, order->imsi, order->mnc_length);
    sw_t sw = c.ok ? change_bundle(&c, order->bundle) : SW_NOT_ENOUGH_MEMORY;
    bool ok = sw == SW_OK && c.ok && subscription_tell_users(self) && switch_pair(self, index, order, &was) &&
              note_order(self, order, from, index) && audit(self, AUDIT_ORDERED, (uint8_t)index, call->session->key_item);
    if (ok && !order->final) {
        const struct trial trial = {(uint8_t)from, (uint8_t)index, was, order->trial};
        ok = trial_begin(self, &trial) && applet_put(self, ITEM_SAVED, buf_span(&c.saved));
    }
    crypto_wipe(c.saved.p, c.saved.len);
    free(c.saved.p);
    if (sw != SW_OK)
        return sw;
    return ok ? answer_order(self, order->reference, index, call->out) : SW_MEMORY_PROBLEM;
}

/* ---- dual consent ---- */

static bool both_must_agree(struct applet self)
{
    struct span value;
    return tlv_find(applet_row(self)->params, AUTHORITY, &value) && value.n == 1 && value.p[0] == AUTHORITY_BOTH;
}

static bool unstage(struct applet self)
{
    struct pair_record s;
    for (unsigned i = 0; pair_load(self, i, &s); i++) {
        s.state = s.state == PAIR_STAGED ? PAIR_UNUSED : s.state;
        if (s.state == PAIR_UNUSED && !pair_put(self, i, &s))
            return false;
    }
    return applet_remove_if_there(self, ITEM_STAGED);
}

/* Is this the consent to the order that waits? Then it goes on. Else this order waits from now on, in place of any other. */
static sw_t stage(struct call *call, unsigned index, bool *go_on)
{
    struct applet self = call->self;
    struct span waiting, data = call->cmd->data;
    uint8_t bytes[1 + 255];
    struct buf staged = buf_of(bytes, sizeof bytes);
    uint8_t kind = (uint8_t)((call->session->key_item & ITEM_KIND) >> 8);
    struct pair_record s;
    *go_on = applet_get(self, ITEM_STAGED, &waiting) && waiting.n > 1 && waiting.p[0] != kind &&
             span_equal(span_slice(waiting, 1, waiting.n), data);
    if (!unstage(self))
        return SW_MEMORY_PROBLEM;
    if (*go_on)
        return SW_OK;
    buf_u8(&staged, kind);
    buf_put(&staged, data);
    if (!pair_load(self, index, &s))
        return SW_TECHNICAL_PROBLEM;
    s.state = PAIR_STAGED;
    if (!buf_ok(&staged) || !applet_put(self, ITEM_STAGED, buf_span(&staged)) || !pair_put(self, index, &s))
        return SW_MEMORY_PROBLEM;
    size_t mark = buf_tlv_open(call->out, ORDER_RESULT);
    buf_tlv_u8(call->out, RESULT_INDEX, (uint8_t)index);
    buf_tlv(call->out, RESULT_STAGED, SPAN_EMPTY);
    buf_tlv_close(call->out, mark);
    return SW_OK;
}

/* STORE DATA with an ORDER: one transaction, begun and committed by whoever runs the command. */
static sw_t obey_order(struct call *call)
{
    struct order order;
    struct order_record last;
    struct trial trial;
    unsigned index;
    char digits[16];
    sw_t sw = order_parse(call->cmd->data, &order);
    if (sw == SW_OK && !imsi_unpack(order.imsi, digits))
        sw = SW_IMSI_MALFORMED;
    if (sw != SW_OK)
        return sw;
    if (is_repetition(call->self, &order, &last))
        return answer_order(call->self, order.reference, last.to, call->out);
    if (trial_load(call->self, &trial))
        return SW_TRIAL_RUNNING;
    sw = choose_pair(call->self, &order, &index);
    bool go_on = true;
    if (sw == SW_OK && both_must_agree(call->self))
        sw = stage(call, index, &go_on);
    if (sw == SW_OK && go_on)
        sw = carry_out(call, &order, index);
    if (sw != SW_OK || !go_on)
        return sw;
    /* A terminal that does not offer REFRESH finds the new IMSI when it next powers the card up. */
    if (!proactive_send(call->self, PROACTIVE_REFRESH, order.refresh, SPAN_EMPTY))
        applet_note(call->self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return SW_OK;
}

/* ---- suspension and resumption of the active subscription ---- */

static sw_t obey_suspension(struct call *call, struct span value)
{
    enum { RESUME = 0, SUSPEND = 1 };
    struct pair_record s;
    struct trial trial;
    unsigned index = pair_active(call->self);
    if (value.n != 1 || value.p[0] > SUSPEND)
        return SW_WRONG_DATA;
    if (trial_load(call->self, &trial))
        return SW_TRIAL_RUNNING;
    if (!pair_load(call->self, index, &s))
        return SW_TECHNICAL_PROBLEM;
    bool suspend = value.p[0] == SUSPEND;
    s.state = suspend ? PAIR_BLOCKED : PAIR_ACTIVE;
    bool ok = pair_put(call->self, index, &s) &&
              audit(call->self, suspend ? AUDIT_SUSPENDED : AUDIT_RESUMED, (uint8_t)index, call->session->key_item);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_order(struct call *call)
{
    struct reader r = rd_of(call->cmd->data);
    struct tlv t;
    if (!tlv_next(&r, &t) || !rd_done(&r))
        return SW_WRONG_DATA;
    switch (t.tag) {
    case ORDER:
        return obey_order(call);
    case ORDER_SUSPENSION:
        /* The stand-by keyset of a trial repeats orders and asks questions; it decides nothing any more. */
        return (call->session->rights & RIGHT_STANDBY) == 0 ? obey_suspension(call, t.value) : SW_NO_AUTHORITY;
    default:
        return SW_WRONG_DATA;
    }
}

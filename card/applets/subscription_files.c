/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that belong to a subscription: its IMSI, what the old network left behind, and what a new
 * operator wants otherwise (TR 33.812 5.3.2.3).
 */
#include <stdlib.h>

#include "hex.h"
#include "pairs.h"

/* ---- files: of each is saved, before it is written, how it begins, as far as it is
 * written: for a roll-back ---- */

enum {
    SAVED_MAX = 0xFFFF,
    /* of a file that is emptied: what the networks' context takes; if somebody made it longer, the rest of it
     * does not come back, but the subscription does */
    CONTEXT_MAX = 512,
};

enum {
    FID_DF_GSM = 0x7F20,
    FID_GSM_ACCESS = 0x5F3B,
    FID_5GS = 0x5FC0,
    FID_IMSI = 0x6F07,
    FID_AD = 0x6FAD,
    FID_CURRENT_ADF = 0x7FFF
};

bool file_changes_begin(struct file_changes *c, struct applet self)
{
    *c = (struct file_changes){.self = self, .saved = {.p = malloc(SAVED_MAX), .cap = SAVED_MAX}, .ok = true};
    return c->saved.p != NULL;
}

void file_changes_end(struct file_changes *c)
{
    if (c->saved.p != NULL)
        crypto_wipe(c->saved.p, c->saved.len);
    free(c->saved.p);
}

/* What was saved of this file so far: the last time there is most of it. */
static struct span saved_of(const struct file_changes *c, uint16_t file)
{
    struct span found = SPAN_EMPTY;
    for (struct reader r = rd_of(buf_span(&c->saved)); r.left > 0;) {
        bool same = rd_u16(&r) == file;
        struct span body = rd_take(&r, rd_u16(&r));
        found = same ? body : found;
    }
    return found;
}

void file_changes_save(struct file_changes *c, uint16_t file, struct span beginning)
{
    file = admin_file_body(c->self.card, file); /* two names of one file are saved once */
    struct span already = saved_of(c, file);
    if (beginning.n <= already.n)
        return;
    buf_u16(&c->saved, file);
    buf_u16(&c->saved, (uint16_t)beginning.n);
    buf_put(&c->saved, already); /* it has been written since */
    buf_put(&c->saved, span_slice(beginning, already.n, beginning.n));
    c->ok = c->ok && buf_ok(&c->saved) && beginning.n <= 0xFFFF;
}

/* A file that the profile does not have is not there to be changed. */
static void write_file(struct file_changes *c, uint16_t file, size_t offset, struct span data)
{
    if (file == PROFILE_NO_FILE)
        return;
    file_changes_save(c, file, span_slice(admin_file_read(c->self.card, file), 0, offset + data.n));
    c->ok = c->ok && admin_file_update(c->self.card, file, offset, data);
}

static void fill_file(struct file_changes *c, uint16_t file, uint8_t first)
{
    if (file == PROFILE_NO_FILE || admin_file_read(c->self.card, file).n == 0)
        return;
    file_changes_save(c, file, span_slice(admin_file_read(c->self.card, file), 0, CONTEXT_MAX));
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

/* Where files of a subscription are: in the USIM's ADF, in DF.GSM-ACCESS and DF.5GS below it, and in
 * MF/DF.GSM, if the profile has files of its own there. */
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

/* What the old network left behind and the new one must not find (TR 33.812 5.3.2.3), and the value that
 * means "nothing known" (TS 31.102, TS 51.011, clause beside each). */
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
    /* 4.4.11.2, 4.4.11.3 EF.5GS3GPPLOCI, EF.5GSN3GPPLOCI: 5G-GUTI, TAI (no PLMN,
     * TAC FFFFFE), "not updated" */
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

static size_t room_in(const struct file_changes *c, uint16_t file)
{
    return admin_file_exists(c->self.card, file) ? admin_file_read(c->self.card, file).n : 0;
}

/* One that is shorter than the standards have it takes what it can: it must not keep
 * the card with an operator. */
static void clear_file(struct file_changes *c, uint16_t file, struct span value)
{
    size_t room = room_in(c, file);
    if (room > 0)
        write_file(c, file, 0, span_slice(value, 0, room));
}

/* TS 31.102 4.2.18: octet 4 of EF.AD says how many digits of the IMSI are the MNC. */
static void write_mnc_length(struct file_changes *c, uint16_t file, uint8_t mnc_length)
{
    enum { PLACE = 3 };
    if (mnc_length != 0 && room_in(c, file) > PLACE)
        write_file(c, file, PLACE, span_of(&mnc_length, 1));
}

static void clear_files(struct file_changes *c, struct applet usim, bool df_gsm)
{
    for (size_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++)
        if ((cleared[i].place == IN_DF_GSM) == df_gsm)
            clear_file(c, file_in(usim, cleared[i].place, cleared[i].fid),
                       span_of(cleared[i].value, cleared[i].n));
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0]; i++)
        if ((emptied[i].place == IN_DF_GSM) == df_gsm)
            fill_file(c, file_in(usim, emptied[i].place, emptied[i].fid), emptied[i].first);
}

static bool is_usim(struct applet self, uint8_t applet)
{
    return strcmp(applet_row_of(self.card, applet)->class_name, "usim") == 0;
}

static bool write_identity(void *ctx, uint16_t file, struct span content)
{
    struct file_changes *c = ctx;
    write_file(c, file, 0, content);
    return c->ok;
}

/* Files of the subscription are those of every ADF that the profile gives to a "usim", and of DF.GSM; IMSI
 * and network context change together. */
void subscription_files_change(struct file_changes *c, struct span imsi, uint8_t mnc_length)
{
    clear_files(c, c->self, true);
    write_file(c, file_in(c->self, IN_DF_GSM, FID_IMSI), 0, imsi);
    for (uint8_t a = 0; a < applets_count(c->self.card); a++) {
        const struct applet usim = {c->self.card, a};
        if (!is_usim(c->self, a))
            continue;
        write_file(c, admin_file(usim, FID_IMSI), 0, imsi);
        write_mnc_length(c, admin_file(usim, FID_AD), mnc_length);
        clear_files(c, usim, false);
    }
    /* The identities for the IMS that follow from the IMSI, where the profile has them made of it. */
    char digits[16];
    if (imsi_unpack(imsi, digits))
        c->ok = admin_identity_files(c->self.card, digits, mnc_length, write_identity, c) && c->ok;
}

/* The same body: itself, or another name of it. */
static bool same_body(struct applet self, uint16_t file, uint16_t imsi)
{
    return imsi != PROFILE_NO_FILE && admin_file_body(self.card, file) == admin_file_body(self.card, imsi);
}

/* For a file whose body has several names: is one of them EF.IMSI? */
static bool names_imsi(struct applet self, uint16_t file)
{
    bool found = same_body(self, file, file_in(self, IN_DF_GSM, FID_IMSI));
    for (uint8_t a = 0; a < applets_count(self.card) && !found; a++)
        found =
            is_usim(self, a) && same_body(self, file, admin_file((struct applet){self.card, a}, FID_IMSI));
    return found;
}

/* By its body, under whatever name; and by where it is, for it may just have been deleted. */
bool subscription_is_imsi(struct applet self, uint16_t file)
{
    if (admin_file_has_names(self.card, file) && names_imsi(self, file))
        return true;
    if (admin_file_fid(self.card, file) != FID_IMSI)
        return false;
    const uint16_t parent = admin_file_parent(self.card, file);
    bool found = parent != 0 && parent == admin_file_in(self.card, 0, FID_DF_GSM);
    for (uint8_t a = 0; a < applets_count(self.card) && !found; a++)
        found = is_usim(self, a) && applet_row_of(self.card, a)->adf == parent;
    return found;
}

uint16_t subscription_imsi_file(struct applet self)
{
    for (uint8_t a = 0; a < applets_count(self.card); a++)
        if (is_usim(self, a))
            return admin_file((struct applet){self.card, a}, FID_IMSI);
    return file_in(self, IN_DF_GSM, FID_IMSI);
}

struct span subscription_imsi(struct applet self)
{
    return admin_file_read(self.card, subscription_imsi_file(self));
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

struct bundle_entry {
    uint16_t file;
    size_t offset;
    struct span data;
};

/* The next entry, and whether the file is there and has room for it. The IMSI is the order's own. */
static sw_t bundle_next(struct applet self, struct reader *r, struct bundle_entry *out)
{
    struct tlv entry;
    struct span path, offset;
    if (!tlv_next(r, &entry) || entry.tag != ORDER_FILE || !tlv_find(entry.value, ORDER_FILE_PATH, &path) ||
        !tlv_find(entry.value, ORDER_FILE_DATA, &out->data) || out->data.n == 0)
        return SW_WRONG_DATA;
    bool at = tlv_find(entry.value, ORDER_FILE_OFFSET, &offset);
    if (at && offset.n != 2)
        return SW_WRONG_DATA;
    out->offset = at ? (size_t)(offset.p[0] << 8 | offset.p[1]) : 0;
    out->file = file_by_path(self, path);
    if (out->file == PROFILE_NO_FILE)
        return SW_FILE_NOT_FOUND;
    if (admin_file_fid(self.card, out->file) == FID_IMSI || subscription_is_imsi(self, out->file))
        return SW_WRONG_DATA;
    if (!admin_file_exists(self.card, out->file))
        return SW_FILE_NOT_FOUND;
    size_t size = admin_file_read(self.card, out->file).n;
    return out->offset <= size && out->data.n <= size - out->offset ? SW_OK : SW_WRONG_DATA;
}

sw_t subscription_files_check(struct applet self, struct span bundle)
{
    struct bundle_entry e;
    sw_t sw = SW_OK;
    for (struct reader r = rd_of(bundle); r.left > 0 && sw == SW_OK;)
        sw = bundle_next(self, &r, &e);
    return sw;
}

sw_t subscription_files_bundle(struct file_changes *c, struct span bundle)
{
    struct bundle_entry e;
    sw_t sw = SW_OK;
    for (struct reader r = rd_of(bundle); r.left > 0 && sw == SW_OK;) {
        sw = bundle_next(c->self, &r, &e);
        if (sw == SW_OK)
            write_file(c, e.file, e.offset, e.data);
    }
    return sw != SW_OK ? sw : c->ok ? SW_OK : SW_NOT_ENOUGH_MEMORY;
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

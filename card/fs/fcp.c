/* SPDX-License-Identifier: Apache-2.0
 *
 * File control parameters (ETSI TS 102 221 11.1.1.3 and 11.1.1.4).
 */
#include "fs.h"

enum {
    FCP = 0x62,
    FCP_SIZE = 0x80,
    FCP_TOTAL_SIZE = 0x81,
    FCP_DESCRIPTOR = 0x82,
    FCP_FID = 0x83,
    FCP_DF_NAME = 0x84,
    FCP_SFI = 0x88,
    FCP_LIFE_CYCLE = 0x8A,
    FCP_ARR = 0x8B,
    FCP_PROPRIETARY = 0xA5,
    FCP_PIN_STATUS = 0xC6,
    LIFE_CYCLE_ACTIVATED = 0x05,
    LIFE_CYCLE_DEACTIVATED = 0x04,
    LIFE_CYCLE_TERMINATED = 0x0C,
    DATA_CODING = 0x21, /* TS 102 221 table 11.5: proprietary, as all UICCs say */
    FID_CURRENT_ADF = 0x7FFF,
    UICC_CHARACTERISTICS = 0x71, /* clock stop allowed, any supply class (TS 102 221 11.1.1.4.6.1) */
};

/* TS 102 221 11.1.1.4.3: file descriptor byte, by kind of file. */
static const uint8_t descriptors[] = {
    [FILE_MF] = 0x78,     [FILE_DF] = 0x78,     [FILE_ADF] = 0x78,   [FILE_TRANSPARENT] = 0x41,
    [FILE_LINEAR] = 0x42, [FILE_CYCLIC] = 0x46, [FILE_BERTLV] = 0x79,
};

static void descriptor(const struct uicc *card, uint16_t file, struct buf *out)
{
    const struct profile_file *f = fs_file(card, file);
    uint8_t value[5] = {descriptors[f->kind], DATA_CODING, 0, f->record_len, 0};
    bool records = f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC;
    if (records)
        value[4] = (uint8_t)(fs_size(card, file) / f->record_len);
    buf_tlv(out, FCP_DESCRIPTOR, span_of(value, records ? 5 : 2));
}

/* 11.1.1.4.1, 11.1.1.4.6.7: two octets, or as many as it takes: a BER-TLV file may be longer. */
static void put_size(struct buf *out, uint32_t tag, size_t size)
{
    size_t mark = buf_tlv_open(out, tag);
    buf_be(out, size, size > 0xFFFF ? 3 : 2);
    buf_tlv_close(out, mark);
}

static void proprietary(const struct profile_file *f, struct buf *out)
{
    bool ber = f->kind == FILE_BERTLV;
    uint8_t special = (uint8_t)((f->high_update ? SPECIAL_HIGH_UPDATE : 0) |
                                (f->open_deactivated ? SPECIAL_OPEN_DEACTIVATED : 0));
    if (fs_is_ef(f) && special == 0 && !ber)
        return;
    size_t mark = buf_tlv_open(out, FCP_PROPRIETARY);
    if (!fs_is_ef(f))
        buf_tlv_u8(out, 0x80, UICC_CHARACTERISTICS);
    if (ber)
        put_size(out, 0x85, f->size); /* maximum file size */
    if (special != 0)
        buf_tlv_u8(out, 0xC0, special); /* 11.1.1.4.6.6 */
    buf_tlv_close(out, mark);
}

/* 11.1.1.4.7: the reference to EF.ARR, or the rule itself as CREATE FILE gave it. */
static void access_rule(const struct uicc *card, uint16_t file, struct buf *out)
{
    const struct profile_file *f = fs_file(card, file);
    const struct made_file *made = fs_made(card, file);
    if (made != NULL && made->access_tag != FCP_ARR) {
        buf_tlv(out, made->access_tag, span_of(made->access_data, made->access_len));
        return;
    }
    const uint8_t arr[3] = {(uint8_t)(f->arr_fid >> 8), (uint8_t)f->arr_fid, f->arr_record};
    buf_tlv(out, FCP_ARR, span_of(arr, 3));
}

/* 11.1.1.4.10: a bit map of which PINs are enabled, then their key references, the application's own first.
 * Only PINs of users: administrative keys are always enabled and are not the terminal's business. */
static void pin_status(const struct uicc *card, const struct session *session, struct buf *out)
{
    uint8_t enabled = 0, references[8];
    size_t n = 0;
    const struct profile *p = card->profile;
    for (int i = 0; i < p->n_pins && n < sizeof references; i++) {
        uint8_t reference = p->pins[i].reference;
        if ((reference & 0x7F) >= 0x0A && (reference & 0x7F) <= 0x0E)
            continue;
        if (reference >= 0x80 && p->pins[i].adf != session->applet)
            continue;
        struct pin_state state;
        pin_state(card, i, &state);
        if (state.enabled)
            enabled |= (uint8_t)(0x80 >> n);
        references[n++] = reference;
    }
    size_t mark = buf_tlv_open(out, FCP_PIN_STATUS);
    buf_tlv_u8(out, 0x90, enabled);
    for (size_t i = 0; i < n; i++) {
        /* 9.5.2: the usage qualifier: the universal PIN is to be verified, or not, in
         * place of the application's */
        if (references[i] == 0x11)
            buf_tlv_u8(out, 0x95, pin_universal_used(card) ? 0x08 : 0x00);
        buf_tlv_u8(out, FCP_FID, references[i]); /* tag 83 here is a key reference */
    }
    buf_tlv_close(out, mark);
}

void fs_fcp(const struct uicc *card, const struct session *session, uint16_t file, struct buf *out)
{
    const struct profile_file *f = fs_file(card, file);
    size_t mark = buf_tlv_open(out, FCP);
    descriptor(card, file, out);
    buf_tlv_u16(out, FCP_FID, f->kind == FILE_ADF ? FID_CURRENT_ADF : f->fid);
    if (f->kind == FILE_ADF && f->applet < applets_count(card)) {
        const struct profile_applet *a = applet_row_of(card, f->applet);
        buf_tlv(out, FCP_DF_NAME, span_of(a->aid, a->aid_len));
    }
    proprietary(f, out);
    static const uint8_t life_cycles[] = {LIFE_CYCLE_ACTIVATED, LIFE_CYCLE_DEACTIVATED,
                                          LIFE_CYCLE_TERMINATED};
    uint8_t state = fs_state(card, file);
    buf_tlv_u8(out, FCP_LIFE_CYCLE, life_cycles[state < sizeof life_cycles ? state : 0]);
    access_rule(card, file, out);
    pin_status(card, session, out); /* in an EF's too: some modems look for it there */
    if (fs_is_ef(f)) {
        put_size(out, FCP_SIZE, fs_size(card, file));
        uint8_t sfi = (uint8_t)(f->sfi << 3);
        buf_tlv(out, FCP_SFI, span_of(&sfi, f->sfi != 0)); /* 11.1.1.4.8: empty when the file has none */
    }
    buf_tlv_close(out, mark);
}

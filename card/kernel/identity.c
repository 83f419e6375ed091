/* SPDX-License-Identifier: Apache-2.0
 *
 * Files whose content follows from the IMSI: the private and public user identities and the home network's
 * domain that a card without others has for the IMS (3GPP TS 23.003 13.2 to 13.4).
 */
#include "card.h"
#include "hex.h"
#include "tlv.h"

enum { FID_AD = 0x6FAD, TEXT_MAX = 96, IMS_TLV = 0x80 };

/* TS 31.102 4.2.18: the length of the MNC stands in octet 4 of EF.AD, b4-b1; the others are RFU. */
static unsigned mnc_length_of(struct uicc *card)
{
    for (uint8_t a = 0; a < applets_count(card); a++) {
        const struct applet app = {card, a};
        struct span ad = admin_file_read(card, admin_file(app, FID_AD));
        const unsigned length = ad.n >= 4 ? ad.p[3] & 0x0F : 0;
        if (length == 2 || length == 3)
            return length;
    }
    return 2;
}

static void identity_text(uint8_t fill, const char *imsi, unsigned mnc_length, struct buf *to)
{
    struct span digits = span_of(imsi, strlen(imsi));
    if (fill != FILL_DOMAIN) {
        buf_text(to, fill == FILL_IMPU ? "sip:" : "");
        buf_put(to, digits);
        buf_text(to, "@");
    }
    buf_text(to, mnc_length == 2 ? "ims.mnc0" : "ims.mnc"); /* an MNC of two digits gets a 0 before it */
    buf_put(to, span_slice(digits, 3, mnc_length));
    buf_text(to, ".mcc");
    buf_put(to, span_slice(digits, 0, 3));
    buf_text(to, ".3gppnetwork.org");
}

bool admin_identity_files(struct uicc *card, const char *imsi, unsigned mnc_length,
                          bool (*each)(void *ctx, uint16_t file, struct span content), void *ctx)
{
    bool ok = true;
    for (uint16_t i = 0; i < card->profile->n_files && ok; i++) {
        const struct profile_file *f = &card->profile->files[i];
        uint8_t octets[255], text_octets[TEXT_MAX];
        struct buf text = buf_of(text_octets, sizeof text_octets);
        if (f->fill < FILL_IMPI || f->fill > FILL_DOMAIN || !admin_file_exists(card, i))
            continue;
        size_t now = admin_file_read(card, i).n, size = f->record_len != 0    ? f->record_len
                                                        : now < sizeof octets ? now
                                                                              : sizeof octets;
        struct buf content = buf_of(octets, size);
        if (size == 0)
            continue;
        identity_text(f->fill, imsi, mnc_length != 0 ? mnc_length : mnc_length_of(card), &text);
        buf_tlv(&content, IMS_TLV, buf_span(&text));
        if (!buf_ok(&content)) /* no room: it has none, and least of all the one before */
            content = buf_of(octets, size);
        buf_fill(&content, 0xFF, size - content.len);
        ok = each(ctx, i, buf_span(&content));
    }
    return ok;
}

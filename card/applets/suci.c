/* SPDX-License-Identifier: Apache-2.0 */
#include "suci.h"

#include "authenticate.h"
#include "ecies.h"
#include "hex.h"

enum {
    P2_SUCI = 0x01,
    P2_NSWO = 0x02,
    TAG_SUCI = 0xA1, /* TS 31.102 7.5.2.1 */
    /* TS 31.102 4.2.8 */
    SERVICE_PRIVACY = 124,
    SERVICE_SUCI_BY_USIM = 125,
    SERVICE_SUPI_NAI = 130,
    SERVICE_NSWO = 142,
    /* below ADF.USIM */
    FID_IMSI = 0x6F07,
    FID_AD = 0x6FAD,
    FID_DF_5GS = 0x5FC0,
    FID_DF_SAIP = 0x5FD0,
    /* below DF.5GS */
    FID_5GS_CALC_INFO = 0x4F07,
    FID_SUPI_NAI = 0x4F09,
    FID_ROUTING_INDICATOR = 0x4F0A,
    /* below DF.SAIP */
    FID_SAIP_CALC_INFO = 0x4F01,

    SCHEME_NULL = 0, /* TS 33.501 C.1; the others are enum ecies_profile */
    USER_MAX = 180,  /* octets of what is concealed: then the longest NAI with its cipher text in hexadecimal
                        is bounded, too */
    NAI_MAX = 640,
    ANSWER_MAX = 256, /* of a case 2 command without extended length */
    DRAWS = 8,        /* one in 2^32 is refused */
};

/* TS 24.501 9.11.3.4 numbers GCI and GLI in one order, TS 23.003 28.7.3 in the other. */
enum supi_format { SUPI_IMSI = 0, SUPI_NSI = 1, SUPI_GCI = 2, SUPI_GLI = 3 };

static char nai_type(enum supi_format format)
{
    return format == SUPI_GLI ? '2' : format == SUPI_GCI ? '3' : (char)('0' + format);
}

struct supi {
    enum supi_format format;
    struct span
        user; /* what is concealed: MSIN as swapped BCD, or the NAI's user name; in octets or in a file */
    uint8_t octets[8];
    char imsi[16];
    unsigned mnc_len;
    struct span realm; /* of a NAI */
};

struct scheme {
    uint8_t id;
    uint8_t key_id;
    struct span key;
};

/* ---- files ---- */

static struct span read_below(struct applet self, uint16_t df_fid, uint16_t fid)
{
    uint16_t df = admin_file(self, df_fid);
    if (df == PROFILE_NO_FILE)
        return SPAN_EMPTY;
    return admin_file_read(self.card, admin_file_in(self.card, df, fid));
}

/* MSIN: the digits of the IMSI behind MCC and MNC, whose length is in EF.AD (TS 31.102 4.2.18). */
static bool supi_from_imsi(struct applet self, struct supi *out)
{
    struct span ad = admin_file_read(self.card, admin_file(self, FID_AD));
    if (!imsi_unpack(admin_file_read(self.card, admin_file(self, FID_IMSI)), out->imsi) || ad.n < 4)
        return false;
    out->format = SUPI_IMSI;
    out->mnc_len = ad.p[3] & 0x0F;
    size_t n = strlen(out->imsi);
    if ((out->mnc_len != 2 && out->mnc_len != 3) || n <= 3 + out->mnc_len)
        return false;
    size_t octets = (n - 3 - out->mnc_len + 1) / 2;
    out->user = span_of(out->octets, octets);
    return bcd_pack(out->imsi + 3 + out->mnc_len, out->octets, octets);
}

/* EF.SUPI_NAI (TS 31.102 4.4.11.10): one of three kinds of NAI. */
static bool supi_from_nai(struct applet self, struct supi *out)
{
    static const enum supi_format formats[] = {SUPI_NSI, SUPI_GLI, SUPI_GCI}; /* tags 80, 81, 82 */
    struct span file = read_below(self, FID_DF_5GS, FID_SUPI_NAI), nai;
    for (unsigned i = 0; i < 3; i++) {
        if (!tlv_find(file, 0x80 + i, &nai))
            continue;
        const uint8_t *at = nai.n > 0 ? memchr(nai.p, '@', nai.n) : NULL;
        if (at == NULL)
            return false;
        out->format = formats[i];
        out->user = span_of(nai.p, (size_t)(at - nai.p));
        out->realm = span_slice(nai, out->user.n + 1, nai.n);
        return out->user.n > 0 && out->user.n <= USER_MAX && out->realm.n > 0;
    }
    return false;
}

/* The n-th (from 1) key of a list of pairs 80 identifier, 81 key. */
static bool nth_key(struct span list, unsigned n, struct scheme *out)
{
    struct reader r = rd_of(list);
    struct tlv id, key;
    while (n > 0 && tlv_next(&r, &id) && tlv_next(&r, &key)) {
        if (id.tag != 0x80 || id.value.n != 1 || key.tag != 0x81)
            return false;
        if (--n == 0) {
            out->key_id = id.value.p[0];
            out->key = key.value;
            return true;
        }
    }
    return false;
}

/* EF.SUCI_Calc_Info (TS 31.102 4.4.11.8): A0, protection schemes with the index of their key, the preferred
 * one first; A1, keys. An operator who has put nothing there gets the null-scheme (TS 33.501 6.12.2). One who
 * asks for more gets that or nothing: the null-scheme is not what a broken key falls back to. */
static bool choose_scheme(struct span file, struct scheme *out)
{
    struct span schemes, keys;
    *out = (struct scheme){.id = SCHEME_NULL};
    if (file.n == 0 || file.p[0] == 0xFF)
        return true;
    if (!tlv_find(file, 0xA0, &schemes) || schemes.n % 2 != 0)
        return false;
    if (schemes.n == 0)
        return true;
    (void)tlv_find(file, 0xA1, &keys);
    struct reader r = rd_of(schemes);
    while (r.left > 0) {
        out->id = rd_u8(&r);
        uint8_t index = rd_u8(&r);
        if (out->id == SCHEME_NULL)
            return true;
        if (out->id == ECIES_A || out->id == ECIES_B)
            return nth_key(keys, index, out);
    }
    return false;
}

/* Two octets as TS 24.501 9.11.3.4 has them: swapped BCD, F behind the last digit. Not provisioned: the one
 * digit 0. */
static void routing_indicator(struct applet self, uint8_t out[2])
{
    struct span file = read_below(self, FID_DF_5GS, FID_ROUTING_INDICATOR);
    out[0] = 0xF0;
    out[1] = 0xFF;
    if (file.n >= 2 && (file.p[0] & 0x0F) <= 9)
        memcpy(out, file.p, 2);
}

/* ---- the two ways to write a SUCI ---- */

struct concealed {
    struct scheme scheme;
    uint8_t routing[2];
    struct ecies_seal seal;
    uint8_t cipher[USER_MAX];
};

/* TS 24.501 figure 9.11.3.4.3, from octet 4 on. */
static void write_identity(const struct supi *s, const struct concealed *c, struct buf *out)
{
    uint8_t d[6]; /* MCC 1 2 3, MNC 1 2 3; F for a third digit that is not there */
    for (unsigned i = 0; i < 6; i++)
        d[i] = i < 3 + s->mnc_len ? (uint8_t)(s->imsi[i] - '0') : 0x0F;
    buf_u8(out, 0x01);
    buf_u8(out, (uint8_t)(d[1] << 4 | d[0]));
    buf_u8(out, (uint8_t)(d[5] << 4 | d[2]));
    buf_u8(out, (uint8_t)(d[4] << 4 | d[3]));
    buf_put(out, span_of(c->routing, 2));
    buf_u8(out, c->scheme.id);
    buf_u8(out, c->scheme.key_id);
    if (c->scheme.id == SCHEME_NULL) {
        buf_put(out, s->user);
    } else {
        buf_put(out, span_of(c->seal.key, c->seal.key_len));
        buf_put(out, span_of(c->cipher, s->user.n));
        buf_put(out, span_of(c->seal.mac, ECIES_MAC_LEN));
    }
}

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, span_of(text, strlen(text)));
}

static void put_hex(struct buf *out, struct span s)
{
    char text[2 * USER_MAX + 1];
    hex_format(s, text);
    put_text(out, text);
}

static void put_number(struct buf *out, uint8_t value)
{
    if (value >= 100)
        buf_u8(out, (uint8_t)('0' + value / 100));
    if (value >= 10)
        buf_u8(out, (uint8_t)('0' + value / 10 % 10));
    buf_u8(out, (uint8_t)('0' + value % 10));
}

/* TS 23.003 28.7.3; for an IMSI in WLAN offload, 28.7.12. */
static void write_nai(const struct supi *s, const struct concealed *c, struct buf *out)
{
    const char type[2] = {nai_type(s->format), 0};
    put_text(out, "type");
    put_text(out, type);
    put_text(out, ".rid");
    for (unsigned i = 0; i < 4; i++) {
        uint8_t digit = c->routing[i / 2] >> 4 * (i % 2) & 0x0F;
        if (digit > 9)
            break;
        buf_u8(out, (uint8_t)('0' + digit));
    }
    put_text(out, ".schid");
    put_number(out, c->scheme.id);
    if (c->scheme.id == SCHEME_NULL) {
        put_text(out, ".userid");
        if (s->format == SUPI_IMSI)
            put_text(out, s->imsi + 3 + s->mnc_len);
        else
            buf_put(out, s->user);
    } else {
        put_text(out, ".hnkey");
        put_number(out, c->scheme.key_id);
        put_text(out, ".ecckey");
        put_hex(out, span_of(c->seal.key, c->seal.key_len));
        put_text(out, ".cip");
        put_hex(out, span_of(c->cipher, s->user.n));
        put_text(out, ".mac");
        put_hex(out, span_of(c->seal.mac, ECIES_MAC_LEN));
    }
    buf_u8(out, '@');
    if (s->format != SUPI_IMSI) {
        buf_put(out, s->realm);
        return;
    }
    put_text(out, "5gc-nswo.mnc");
    if (s->mnc_len == 2)
        buf_u8(out, '0');
    buf_put(out, span_of(s->imsi + 3, s->mnc_len));
    put_text(out, ".mcc");
    buf_put(out, span_of(s->imsi, 3));
    put_text(out, ".3gppnetwork.org");
}

/* ---- the command ---- */

static sw_t conceal(struct applet self, const struct supi *s, struct concealed *c)
{
    uint8_t secret[ECIES_SECRET_LEN];
    enum ecies_result result = ECIES_DRAW_AGAIN;
    if (c->scheme.id == SCHEME_NULL)
        return SW_OK;
    for (unsigned i = 0; i < DRAWS && result == ECIES_DRAW_AGAIN; i++) {
        if (!applet_random(self, secret, sizeof secret))
            return SW_TECHNICAL_PROBLEM;
        result = ecies_seal(applet_crypto(self), (enum ecies_profile)c->scheme.id, c->scheme.key, secret,
                            s->user, &c->seal, c->cipher);
    }
    crypto_wipe(secret, sizeof secret);
    return result == ECIES_OK ? SW_OK : result == ECIES_BAD_KEY ? SW_DATA_NOT_FOUND : SW_TECHNICAL_PROBLEM;
}

static sw_t gather(struct applet self, struct supi *s, struct concealed *c)
{
    struct span info = read_below(self, FID_DF_SAIP, FID_SAIP_CALC_INFO);
    bool nai = service_available(self, FID_UST, SERVICE_SUPI_NAI);
    if (info.n == 0) /* a profile without DF.SAIP */
        info = read_below(self, FID_DF_5GS, FID_5GS_CALC_INFO);
    if (nai ? !supi_from_nai(self, s) : !supi_from_imsi(self, s))
        return SW_DATA_NOT_FOUND;
    if (s->format == SUPI_GCI || s->format == SUPI_GLI) /* TS 33.501 6.12.2: always the null-scheme */
        c->scheme = (struct scheme){.id = SCHEME_NULL};
    else if (!choose_scheme(info, &c->scheme))
        return SW_DATA_NOT_FOUND;
    routing_indicator(self, c->routing);
    return SW_OK;
}

sw_t command_get_identity(struct call *call)
{
    struct supi s = {0};
    struct concealed c = {0};
    uint8_t bytes[NAI_MAX];
    struct buf suci = buf_of(bytes, sizeof bytes);
    uint8_t p2 = call->cmd->p2;
    if (p2 != P2_SUCI && p2 != P2_NSWO)
        return SW_WRONG_P1P2;
    /* With service 124 alone it is the terminal that calculates, from DF.5GS (TS 31.102 4.4.11.8). */
    if (!service_available(call->self, FID_UST, SERVICE_PRIVACY) ||
        !service_available(call->self, FID_UST, SERVICE_SUCI_BY_USIM) ||
        (p2 == P2_NSWO && !service_available(call->self, FID_UST, SERVICE_NSWO)))
        return SW_CONDITIONS_NOT_SATISFIED;
    sw_t sw = gather(call->self, &s, &c);
    if (sw == SW_OK)
        sw = conceal(call->self, &s, &c);
    if (sw != SW_OK)
        return sw;
    if (p2 == P2_SUCI && s.format == SUPI_IMSI) {
        write_identity(&s, &c, &suci);
    } else {
        if (p2 == P2_SUCI)
            buf_u8(&suci, (uint8_t)(s.format << 4 | 0x01));
        write_nai(&s, &c, &suci);
    }
    buf_tlv(call->out, TAG_SUCI, buf_span(&suci));
    return buf_ok(&suci) && call->out->len <= ANSWER_MAX ? SW_OK : SW_CONDITIONS_NOT_SATISFIED;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * GBA_U (3GPP TS 33.220 clause 5 and annex G; TS 31.102 7.1.1.4 and 7.1.1.5): Ks stays on the card, and only
 * keys derived for one NAF leave it. Ks_int_NAF is not kept: nothing on this card uses it (MBMS and Local Key
 * Establishment are refused), and a key that nobody uses can only be stolen. EF.GBANL is kept up to date all
 * the same, as terminals read it.
 */
#include "authenticate.h"

enum {                       /* items of the USIM or ISIM; stored: values never change meaning */
       ITEM_KS = 0x0001,     /* secret: Ks, then the RAND that it came from */
       ITEM_RECENT = 0x0002, /* record numbers of EF.GBANL, that of the NAF key derived last first */
};

enum {
    RAND_LEN = 16,
    KS_MAX = 2 * AKA_CK_MAX,
    RECORD_MAX = 255,
    RECORDS_MAX = 254,
    TAG_BOOTSTRAPPING = 0xDD,
    TAG_NAF_DERIVATION = 0xDE,
    TAG_NAF_ID = 0x80, /* in EF.GBANL, TS 31.102 4.2.83 */
    TAG_B_TID = 0x81,
};

static bool file_fits(struct applet self, uint16_t fid, size_t n)
{
    return admin_file_read(self.card, admin_file(self, fid)).n >= n;
}

/* EF.GBABP (TS 31.102 4.2.79): RAND, B-TID, key lifetime, each with its length. The card writes RAND; the
 * other two become empty, as they belonged to the bootstrapping before, until the terminal writes them
 * (TS 33.220 G.1). */
static bool write_parameters(struct applet self, uint16_t fid, const uint8_t rand[RAND_LEN])
{
    uint16_t file = admin_file(self, fid);
    uint8_t bytes[1 + RAND_LEN + 2] = {RAND_LEN};
    memcpy(bytes + 1, rand, RAND_LEN);
    return admin_file_fill(self.card, file, 0xFF, 0xFF) &&
           admin_file_update(self.card, file, 0, span_of(bytes, sizeof bytes));
}

static struct span read_b_tid(struct applet self, uint16_t fid)
{
    struct reader r = rd_of(admin_file_read(self.card, admin_file(self, fid)));
    (void)rd_take(&r, rd_u8(&r));
    return rd_take(&r, rd_u8(&r));
}

static sw_t bootstrap(struct call *call, const struct gba_files *files, struct span data)
{
    struct aka_vector v;
    bool accepted;
    uint8_t bytes[KS_MAX + RAND_LEN];
    struct buf ks = buf_of(bytes, sizeof bytes);
    if (!file_fits(call->self, files->bootstrapping, 1 + RAND_LEN + 2)) /* before the SQN is spent */
        return SW_AUTHENTICATION_MEMORY;
    sw_t sw = authenticate_challenge(call, AKA_GBA_U, data, &v, &accepted);
    if (sw != SW_OK || !accepted)
        return sw;
    buf_put(&ks, span_of(v.ck, v.ck_len));
    buf_put(&ks, span_of(v.ik, v.ik_len));
    buf_put(&ks, span_slice(data, 1, RAND_LEN));
    if (applet_put(call->self, ITEM_KS, buf_span(&ks)) &&
        write_parameters(call->self, files->bootstrapping, data.p + 1)) {
        buf_u8(call->out, TAG_AUTHENTICATED);
        put_counted(call->out, v.res, v.res_len);
    } else {
        sw = SW_MEMORY_PROBLEM;
    }
    crypto_wipe(bytes, sizeof bytes);
    crypto_wipe(&v, sizeof v);
    return sw;
}

/* ---- EF.GBANL ---- */

struct naf_list {
    uint16_t file;
    struct span body;
    uint8_t record_len;
    uint8_t n; /* records */
};

static struct naf_list naf_list(struct applet self, uint16_t fid)
{
    struct naf_list l = {.file = admin_file(self, fid)};
    l.body = admin_file_read(self.card, l.file);
    l.record_len = admin_file_record_len(self.card, l.file);
    if (l.record_len > 0)
        l.n = (uint8_t)(l.body.n / l.record_len);
    return l;
}

static struct span naf_record(const struct naf_list *l, unsigned record) /* from 1 */
{
    return span_slice(l->body, (size_t)(record - 1) * l->record_len, l->record_len);
}

/* The record of this NAF, else a free one, else 0. */
static unsigned find_record(const struct naf_list *l, struct span naf_id)
{
    unsigned empty = 0;
    struct span id;
    for (unsigned i = 1; i <= l->n; i++) {
        struct span record = naf_record(l, i);
        if (tlv_find(record, TAG_NAF_ID, &id) && span_equal(id, naf_id))
            return i;
        if (empty == 0 && record.p[0] != TAG_NAF_ID)
            empty = i;
    }
    return empty;
}

/* The records used, the newest first, without those that the file had before it became shorter. */
static struct span recent_records(struct applet self, const struct naf_list *l, uint8_t room[RECORDS_MAX])
{
    struct span kept;
    size_t n = 0;
    (void)applet_get(self, ITEM_RECENT, &kept);
    for (size_t i = 0; i < kept.n && n < RECORDS_MAX; i++)
        if (kept.p[i] <= l->n)
            room[n++] = kept.p[i];
    return span_of(room, n);
}

/* The record used longest ago (TS 31.102 7.1.1.5): one that is not in the list was filled before the list
 * began. */
static unsigned oldest_record(const struct naf_list *l, struct span recent)
{
    for (unsigned i = 1; i <= l->n; i++)
        if (recent.n == 0 || memchr(recent.p, (int)i, recent.n) == NULL)
            return i;
    return recent.p[recent.n - 1];
}

static bool move_to_front(struct applet self, unsigned record, struct span recent)
{
    uint8_t bytes[RECORDS_MAX + 1] = {(uint8_t)record};
    size_t n = 1;
    for (size_t i = 0; i < recent.n && n < RECORDS_MAX; i++)
        if (recent.p[i] != record)
            bytes[n++] = recent.p[i];
    return applet_put(self, ITEM_RECENT, span_of(bytes, n));
}

static sw_t note_naf(struct applet self, const struct gba_files *files, struct span naf_id)
{
    struct naf_list l = naf_list(self, files->naf_list);
    uint8_t bytes[RECORD_MAX], places[RECORDS_MAX];
    struct buf record = buf_of(bytes, l.record_len);
    const struct span recent = recent_records(self, &l, places);
    buf_tlv(&record, TAG_NAF_ID, naf_id);
    buf_tlv(&record, TAG_B_TID, read_b_tid(self, files->bootstrapping));
    if (l.n == 0 || !buf_ok(&record))
        return SW_AUTHENTICATION_MEMORY;
    buf_fill(&record, 0xFF, record.cap - record.len);
    unsigned at = find_record(&l, naf_id);
    if (at == 0)
        at = oldest_record(&l, recent);
    if (at == 0 || at > l.n || !move_to_front(self, at, recent) ||
        !admin_file_update(self.card, l.file, (size_t)(at - 1) * l.record_len, buf_span(&record)))
        return SW_MEMORY_PROBLEM;
    return SW_OK;
}

/* ---- Ks_ext_NAF ---- */

static struct span length_of(struct span s, uint8_t to[2])
{
    to[0] = (uint8_t)(s.n >> 8);
    to[1] = (uint8_t)s.n;
    return span_of(to, 2);
}

/* TS 33.220 B.2, B.3: HMAC-SHA-256(Ks, FC || P0 || L0 || ...) with FC 01, "gba-me", RAND, IMPI and NAF_ID. */
static bool derive_naf_key(struct applet self, struct span ks, struct span rand, struct span impi,
                           struct span naf_id, uint8_t key[32])
{
    static const uint8_t fc[1] = {0x01}, label[6] = {'g', 'b', 'a', '-', 'm', 'e'};
    const struct span p0 = span_of(label, sizeof label);
    uint8_t lengths[4][2];
    const struct span parts[] = {
        span_of(fc, 1),
        p0,
        length_of(p0, lengths[0]),
        rand,
        length_of(rand, lengths[1]),
        impi,
        length_of(impi, lengths[2]),
        naf_id,
        length_of(naf_id, lengths[3]),
    };
    return hmac_sha256(applet_crypto(self), ks, parts, sizeof parts / sizeof parts[0], key);
}

static sw_t derive(struct call *call, const struct gba_files *files, struct span data)
{
    struct reader r = rd_of(data);
    struct span naf_id = rd_take(&r, rd_u8(&r));
    struct span impi = rd_take(&r, rd_u8(&r));
    struct span stored;
    uint8_t key[32];
    if (!rd_done(&r) || naf_id.n == 0 || impi.n == 0)
        return SW_WRONG_LENGTH;
    if (!applet_get(call->self, ITEM_KS, &stored) || stored.n <= RAND_LEN)
        return SW_CONDITIONS_NOT_SATISFIED; /* no bootstrapping before */
    struct span ks = span_slice(stored, 0, stored.n - RAND_LEN);
    struct span rand = span_slice(stored, stored.n - RAND_LEN, RAND_LEN);
    if (!derive_naf_key(call->self, ks, rand, impi, naf_id, key))
        return SW_TECHNICAL_PROBLEM;
    sw_t sw = note_naf(call->self, files, naf_id); /* moves objects: Ks must have been used by now */
    if (sw == SW_OK) {
        buf_u8(call->out, TAG_AUTHENTICATED);
        put_counted(call->out, key, sizeof key);
    }
    crypto_wipe(key, sizeof key);
    return sw;
}

/* Ks outlives the power session that it was bootstrapped in: the keys made of it are the subscription's as
 * well, and come out where it may be used. */
sw_t authenticate_gba(struct call *call, const struct gba_files *files)
{
    struct applet provider;
    const struct aka_service *aka = applet_service(call->card, "aka", 0, &provider);
    if (aka == NULL || !aka->usable(provider))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct span data = call->cmd->data;
    struct span rest = span_slice(data, 1, data.n);
    switch (data.n > 0 ? data.p[0] : 0) {
    case TAG_BOOTSTRAPPING:
        return bootstrap(call, files, rest);
    case TAG_NAF_DERIVATION:
        return derive(call, files, rest);
    default:
        return SW_WRONG_DATA;
    }
}

bool gba_forget(struct applet self, const struct gba_files *files)
{
    const uint16_t fids[2] = {files->bootstrapping, files->naf_list};
    bool ok = applet_remove(self, ITEM_KS) && applet_remove(self, ITEM_RECENT);
    for (unsigned i = 0; i < 2 && ok; i++) {
        uint16_t file = admin_file(self, fids[i]);
        ok = file == PROFILE_NO_FILE || admin_file_fill(self.card, file, 0xFF, 0xFF);
    }
    return ok;
}

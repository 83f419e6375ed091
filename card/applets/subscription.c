/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys live in items of their own that are written once; what changes (state, IMSI, SQN, counters) lies
 * beside them, so that a change of subscription never touches a key.
 */
#include "subscription.h"

#include "hex.h"
#include "services.h"
#include "sqn.h"

enum { /* items; stored: values never change meaning. The low octet is the pair's index. */
       ITEM_ACTIVE = 0x0000,      /* index of the active pair */
       ITEM_REFERENCE = 0x0001,   /* reference of the order that was obeyed last */
       ITEM_AKA = 0x0100,         /* secret: struct aka_secret below */
       ITEM_STATE = 0x0200,       /* state, has IMSI, IMSI (9) */
       ITEM_SQN = 0x0300,         /* highest SEQ per IND; absent: fresh */
       ITEM_COUNTER = 0x0400,     /* OTA counter; absent: fresh */
       ITEM_COMMON_KEYS = 0x0500, /* secret: common keysets */
       ITEM_COMMON_COUNTER = 0x0600,
       ITEM_OTA = 0x0700, /* secret: the pair's keyset, with its rights */
       KINDS = 0xFF00,
       IMSI_LEN = 9,
       STATE_LEN = 2 + IMSI_LEN,
       SECRET_BYTES_MAX = 32 + AKA_KEY_ENCODED_MAX,
};

/* ---- a pair's two halves as bytes: AUTHENTICATE needs the one, the OTA receiver the other ---- */

struct aka_secret {
    const struct aka_algorithm *algorithm;
    struct sqn_scheme sqn;
    struct aka_key key;
};

static void aka_encode(const struct profile_pair *p, struct buf *out)
{
    buf_u8(out, p->algorithm);
    buf_u8(out, p->sqn.ind_bits);
    buf_be(out, p->sqn.delta, 8);
    buf_be(out, p->sqn.age, 8);
    aka_key_encode(&p->key, out);
}

/* Wipe *out after use. */
static bool aka_load(struct applet self, unsigned index, struct aka_secret *out)
{
    struct span bytes;
    if (!applet_get(self, (uint16_t)(ITEM_AKA | index), &bytes))
        return false;
    struct reader r = rd_of(bytes);
    out->algorithm = aka_algorithm(rd_u8(&r));
    out->sqn.ind_bits = rd_u8(&r);
    out->sqn.delta = rd_be(&r, 8);
    out->sqn.age = rd_be(&r, 8);
    return aka_key_decode(&r, &out->key) && rd_done(&r) && out->sqn.ind_bits <= 5 && out->algorithm != NULL;
}

static void ota_encode(uint32_t rights, const struct keyset *keys, struct buf *out)
{
    buf_u32(out, rights);
    keyset_encode(keys, out);
}

/* Wipe *keys after use. */
static bool ota_load(struct applet self, uint16_t item, uint32_t *rights, struct keyset *keys)
{
    struct span bytes;
    if (!applet_get(self, item, &bytes))
        return false;
    struct reader r = rd_of(bytes);
    *rights = rd_u32(&r);
    return keyset_decode(&r, keys) && rd_done(&r);
}

static bool secret_put(struct applet self, unsigned item, struct buf *bytes)
{
    bool ok = buf_ok(bytes) && applet_put(self, (uint16_t)item, buf_span(bytes));
    crypto_wipe(bytes->p, bytes->cap);
    return ok;
}

/* ---- state of a pair ---- */

struct state {
    uint8_t state;
    bool has_imsi;
    uint8_t imsi[IMSI_LEN];
};

static bool state_load(struct applet self, unsigned index, struct state *out)
{
    struct span bytes;
    *out = (struct state){0};
    if (index > 0xFF || !applet_get(self, (uint16_t)(ITEM_STATE | index), &bytes) || bytes.n != STATE_LEN)
        return false;
    out->state = bytes.p[0];
    out->has_imsi = bytes.p[1] != 0;
    memcpy(out->imsi, bytes.p + 2, IMSI_LEN);
    return true;
}

static bool state_put(struct applet self, unsigned index, const struct state *s)
{
    uint8_t bytes[STATE_LEN] = {s->state, s->has_imsi};
    memcpy(bytes + 2, s->imsi, IMSI_LEN);
    return applet_put(self, (uint16_t)(ITEM_STATE | index), span_of(bytes, sizeof bytes));
}

static unsigned active_index(struct applet self)
{
    struct span bytes;
    return applet_get(self, ITEM_ACTIVE, &bytes) && bytes.n == 1 ? bytes.p[0] : 0;
}

static unsigned count_unused(struct applet self)
{
    unsigned unused = 0;
    struct state s;
    for (unsigned i = 0; state_load(self, i, &s); i++)
        unused += s.state == PAIR_UNUSED;
    return unused;
}

/* Key check value: the first three octets of the encryption of a block of 01 (AES; GlobalPlatform Amendment
 * D 4.1.4) or of 00 (DES). */
static bool kcv(struct applet self, uint8_t algorithm, struct span key, uint8_t out[3])
{
    uint8_t block[16], encrypted[16];
    const uint8_t iv[8] = {0};
    memset(block, algorithm == OTA_AES ? 0x01 : 0x00, sizeof block);
    bool ok = algorithm == OTA_AES ? aes_ecb_encrypt(applet_crypto(self), key, block, encrypted, 16)
                                   : des_cbc_encrypt(applet_crypto(self), key, iv, block, encrypted, 8);
    memset(out, 0, 3);
    if (ok)
        memcpy(out, encrypted, 3);
    crypto_wipe(encrypted, sizeof encrypted);
    return ok;
}

bool subscription_info(struct applet self, unsigned index, struct pair_info *out)
{
    struct state s;
    struct aka_secret aka;
    struct keyset ota;
    uint32_t rights;
    struct span bytes;
    struct sqn_state sqn = {0};
    *out = (struct pair_info){0};
    if (!state_load(self, index, &s))
        return false;
    bool ok = aka_load(self, index, &aka) && ota_load(self, (uint16_t)(ITEM_OTA | index), &rights, &ota) &&
              kcv(self, OTA_AES, span_of(aka.key.k, aka.key.k_len), out->kcv_k) &&
              kcv(self, ota.kic_algorithm, span_of(ota.kic, ota.kic_len), out->kcv_kic);
    if (ok) {
        out->state = s.state;
        out->has_imsi = s.has_imsi;
        memcpy(out->imsi, s.imsi, IMSI_LEN);
        out->algorithm = (uint8_t)aka.algorithm->id;
        out->kvn = ota.version;
        if (applet_get(self, (uint16_t)(ITEM_SQN | index), &bytes) && sqn_state_decode(&aka.sqn, bytes, &sqn))
            out->sqn = sqn_highest(&aka.sqn, &sqn);
        if (applet_get(self, (uint16_t)(ITEM_COUNTER | index), &bytes) && bytes.n == sizeof out->counter)
            memcpy(out->counter, bytes.p, sizeof out->counter);
    }
    crypto_wipe(&aka, sizeof aka);
    crypto_wipe(&ota, sizeof ota);
    return ok;
}

bool subscription_of(struct uicc *card, struct applet *out)
{
    for (uint8_t i = 0; i < applet_profile((struct applet){card, 0})->n_applets; i++)
        if (applet_class_of(card, i) == &subscription_class) {
            *out = (struct applet){card, i};
            return true;
        }
    return false;
}

/* ---- made ---- */

static bool install_pair(struct applet self, const struct uicc_personal *personal, unsigned index)
{
    const struct profile *p = applet_profile(self);
    struct profile_pair pair;
    uint8_t bytes[SECRET_BYTES_MAX];
    struct buf aka = buf_of(bytes, sizeof bytes), ota = aka;
    bool ok = personal_pair(applet_crypto(self), p, span_of(personal->seed, personal->seed_len),
                            personal->iccid, index, &pair);
    if (ok) {
        const struct aka_algorithm *algorithm = aka_algorithm(pair.algorithm);
        aka_encode(&pair, &aka);
        ok = algorithm != NULL && aka_key_valid(algorithm, &pair.key) &&
             secret_put(self, ITEM_AKA | index, &aka);
        ota_encode(pair.ota_rights, &pair.ota, &ota);
        ok = secret_put(self, ITEM_OTA | index, &ota) && ok;
    }
    crypto_wipe(&pair, sizeof pair);
    struct state s = {.state = index == 0 ? PAIR_ACTIVE : PAIR_UNUSED, .has_imsi = index == 0};
    if (ok && index == 0)
        ok = imsi_pack(personal->imsi != NULL ? personal->imsi : p->imsi, s.imsi);
    return ok && state_put(self, index, &s);
}

static bool install_common(struct applet self, const struct uicc_personal *personal, unsigned index)
{
    struct profile_keyset keyset;
    uint8_t bytes[SECRET_BYTES_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    bool ok = personal_keyset(applet_crypto(self), applet_profile(self),
                              span_of(personal->seed, personal->seed_len), personal->iccid, index, &keyset);
    if (ok) {
        ota_encode(keyset.rights, &keyset.keys, &out);
        ok = secret_put(self, ITEM_COMMON_KEYS | index, &out);
    }
    crypto_wipe(&keyset, sizeof keyset);
    return ok;
}

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    const struct profile *p = applet_profile(self);
    const uint8_t first = 0;
    if (p->n_pairs == 0 || !applet_put(self, ITEM_ACTIVE, span_of(&first, 1)))
        return SW_CONDITIONS_NOT_SATISFIED;
    for (unsigned i = 0; i < p->n_pairs; i++)
        if (!install_pair(self, personal, i))
            return SW_TECHNICAL_PROBLEM;
    for (unsigned i = 0; i < p->n_keysets; i++)
        if (!install_common(self, personal, i))
            return SW_TECHNICAL_PROBLEM;
    return SW_OK;
}

/* ---- "aka" ---- */

static bool load_sqn(struct applet self, unsigned index, const struct sqn_scheme *scheme,
                     struct sqn_state *out)
{
    struct span bytes;
    *out = (struct sqn_state){0};
    return !applet_get(self, (uint16_t)(ITEM_SQN | index), &bytes) || sqn_state_decode(scheme, bytes, out);
}

static bool store_sqn(struct applet self, unsigned index, const struct sqn_scheme *scheme,
                      const struct sqn_state *state)
{
    uint8_t bytes[SQN_STATE_MAX];
    size_t n = sqn_state_encode(scheme, state, bytes);
    return applet_put_now(self, (uint16_t)(ITEM_SQN | index), span_of(bytes, n));
}

/* TS 33.102 6.3.3: AUTS = SQN_MS xor AK* || MAC-S, with AMF* = 0000. */
static bool resynchronise(struct applet self, const struct aka_secret *secret, const struct sqn_state *state,
                          const uint8_t rand[16], struct aka_auts *auts)
{
    const struct aka_algorithm *a = secret->algorithm;
    const uint8_t amf[2] = {0, 0};
    uint8_t sqn[6], ak[6];
    sqn_to(sqn_highest(&secret->sqn, state), sqn);
    auts->n = (uint8_t)(6 + aka_mac_len(a, &secret->key));
    bool ok = a->f1(applet_crypto(self), &secret->key, rand, sqn, amf, NULL, auts->octets + 6) &&
              a->f5star(applet_crypto(self), &secret->key, rand, ak);
    for (size_t i = 0; i < 6; i++)
        auts->octets[i] = sqn[i] ^ ak[i];
    crypto_wipe(ak, sizeof ak);
    return ok;
}

/* TS 33.220 5.3.2: MAC* = MAC xor Trunc(SHA-1(IK)), Trunc being the first 64 bits. Only who knows IK can make
 * or take off the mask, so a terminal cannot pass a GBA_U challenge off as a plain one and get CK and IK for
 * it. */
static bool gba_mask(struct applet self, const struct aka_vector *v, uint8_t *mac)
{
    uint8_t hash[20];
    bool ok = digest_sha1(applet_crypto(self), span_of(v->ik, v->ik_len), hash);
    for (size_t i = 0; i < 8; i++)
        mac[i] ^= hash[i];
    crypto_wipe(hash, sizeof hash);
    return ok;
}

static enum aka_verdict verify(struct applet self, unsigned index, const struct aka_secret *secret,
                               enum aka_context context, const uint8_t rand[16], struct span autn,
                               struct aka_vector *v, struct aka_auts *auts)
{
    struct sqn_state state;
    uint8_t sqn[6], mac[AKA_MAC_MAX];
    size_t mac_len = aka_mac_len(secret->algorithm, &secret->key);
    if (autn.n != 8 + mac_len)
        return AKA_WRONG_LENGTH;
    if (!load_sqn(self, index, &secret->sqn, &state) ||
        !secret->algorithm->challenge(applet_crypto(self), &secret->key, rand, autn.p, v, sqn, mac) ||
        (context == AKA_GBA_U && !gba_mask(self, v, mac)))
        return AKA_FAILED;
    /* the MAC before the sequence number: AUTS for a forger would be an oracle */
    if (!crypto_equal(mac, autn.p + 8, mac_len))
        return AKA_WRONG_MAC;
    uint64_t value = sqn_from(sqn);
    if (!sqn_fresh(&secret->sqn, &state, value))
        return resynchronise(self, secret, &state, rand, auts) ? AKA_RESYNCHRONISE : AKA_FAILED;
    sqn_accept(&secret->sqn, &state, value);
    return store_sqn(self, index, &secret->sqn, &state) ? AKA_ACCEPTED : AKA_FAILED;
}

static enum aka_verdict aka_authenticate(struct applet self, enum aka_context context, const uint8_t rand[16],
                                         struct span autn, struct aka_vector *v, struct aka_auts *auts)
{
    struct aka_secret secret;
    unsigned index = active_index(self);
    enum aka_verdict verdict = AKA_FAILED;
    if (aka_load(self, index, &secret))
        verdict = verify(self, index, &secret, context, rand, autn, v, auts);
    if (verdict != AKA_ACCEPTED)
        crypto_wipe(v, sizeof *v);
    crypto_wipe(&secret, sizeof secret);
    return verdict;
}

static bool aka_respond(struct applet self, const uint8_t rand[16], struct aka_vector *v)
{
    struct aka_secret secret;
    bool ok = aka_load(self, active_index(self), &secret) &&
              secret.algorithm->f2345(applet_crypto(self), &secret.key, rand, v);
    crypto_wipe(&secret, sizeof secret);
    return ok;
}

static const struct aka_service aka = {aka_authenticate, aka_respond};

/* ---- "ota-keys": the active operator's keyset, and the common ones. Those of other pairs do not exist as
 * long as their pair is not the active one: that is what makes the old operator's keys worthless after a
 * change (TR 33.812 5.3.2.2). ---- */

static bool find_common(struct applet self, uint8_t version, struct ota_key_reference *ref,
                        struct keyset *keys)
{
    struct span bytes;
    for (uint16_t i = 0; applet_get(self, (uint16_t)(ITEM_COMMON_KEYS | i), &bytes); i++) {
        ref->item = (uint16_t)(ITEM_COMMON_COUNTER | i);
        if (ota_load(self, (uint16_t)(ITEM_COMMON_KEYS | i), &ref->rights, keys) && keys->version == version)
            return true;
    }
    crypto_wipe(keys, sizeof *keys);
    return false;
}

static bool ota_find(struct applet self, uint8_t version, struct ota_key_reference *ref, struct keyset *keys)
{
    unsigned index = active_index(self);
    ref->item = (uint16_t)(ITEM_COUNTER | index);
    return (ota_load(self, (uint16_t)(ITEM_OTA | index), &ref->rights, keys) && keys->version == version) ||
           find_common(self, version, ref, keys);
}

static void ota_counter(struct applet self, const struct ota_key_reference *ref, uint8_t cntr[5])
{
    struct span bytes;
    memset(cntr, 0, 5);
    if (applet_get(self, ref->item, &bytes) && bytes.n == 5)
        memcpy(cntr, bytes.p, 5);
}

static bool ota_set_counter(struct applet self, const struct ota_key_reference *ref, const uint8_t cntr[5])
{
    return applet_put_now(self, ref->item, span_of(cntr, 5));
}

static const struct ota_key_service ota_keys = {ota_find, ota_counter, ota_set_counter};

static const void *share(struct applet self, const char *service)
{
    (void)self;
    if (strcmp(service, "aka") == 0)
        return &aka;
    return strcmp(service, "ota-keys") == 0 ? &ota_keys : NULL;
}

/* ---- the order ---- */

struct order {
    bool has_index;
    uint8_t index;
    struct span imsi;
    struct span reference;
    uint8_t refresh;
};

/* Exactly one ORDER object; an object inside that we do not know makes the order void: it may be a condition
 * we would break. */
static sw_t order_parse(struct span data, struct order *out)
{
    struct reader r = rd_of(data);
    struct tlv order, t;
    *out = (struct order){.refresh = REFRESH_UICC_RESET};
    if (!tlv_next(&r, &order) || !rd_done(&r) || order.tag != ORDER)
        return SW_WRONG_DATA;
    uint32_t seen = 0;
    for (r = rd_of(order.value); tlv_next(&r, &t);) {
        if (t.tag < ORDER_INDEX || t.tag > ORDER_REFRESH || (seen & 1u << (t.tag - ORDER_INDEX)) != 0)
            return SW_WRONG_DATA;
        seen |= 1u << (t.tag - ORDER_INDEX);
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
        default:
            /* TS 102 223 8.6: 00 to 08 are modes of REFRESH; only those that end with a new start make a
             * terminal read the IMSI anew. */
            if (t.value.n != 1 ||
                (t.value.p[0] != REFRESH_UICC_RESET && t.value.p[0] != 0x05 && t.value.p[0] != 0x06))
                return SW_WRONG_DATA;
            out->refresh = t.value.p[0];
            break;
        }
    }
    return rd_ok(&r) ? SW_OK : SW_WRONG_DATA;
}

static sw_t choose_pair(struct applet self, const struct order *order, unsigned *index)
{
    struct state s;
    if (order->has_index) {
        *index = order->index;
        if (!state_load(self, *index, &s))
            return SW_INDEX_UNKNOWN;
        return s.state == PAIR_UNUSED ? SW_OK : SW_INDEX_IN_USE;
    }
    for (*index = 0; state_load(self, *index, &s); ++*index)
        if (s.state == PAIR_UNUSED)
            return SW_OK;
    return SW_LIST_EXHAUSTED;
}

/* Where files of a subscription are: in the USIM's ADF, in DF.GSM-ACCESS below it, and in MF/DF.GSM, if the profile has files of its own there. */
enum place { IN_USIM, IN_GSM_ACCESS, IN_DF_GSM };

static uint16_t file_in(struct applet usim, enum place place, uint16_t fid)
{
    enum { MF = 0, FID_DF_GSM = 0x7F20, FID_GSM_ACCESS = 0x5F3B };
    if (place == IN_USIM)
        return admin_file(usim, fid);
    uint16_t df = place == IN_DF_GSM ? admin_file_in(usim.card, MF, FID_DF_GSM) : admin_file(usim, FID_GSM_ACCESS);
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
    {IN_DF_GSM, 0x6F74, 0xFF}, /* EF.BCCH */
    {IN_DF_GSM, 0x6F7B, 0xFF}, /* EF.FPLMN */
};

static bool clear_files(struct applet usim, bool df_gsm)
{
    bool ok = true;
    for (size_t i = 0; i < sizeof cleared / sizeof cleared[0] && ok; i++) {
        uint16_t file = file_in(usim, cleared[i].place, cleared[i].fid);
        if (file != PROFILE_NO_FILE && (cleared[i].place == IN_DF_GSM) == df_gsm)
            ok = admin_file_update(usim.card, file, 0, span_of(cleared[i].value, cleared[i].n));
    }
    for (size_t i = 0; i < sizeof emptied / sizeof emptied[0] && ok; i++) {
        uint16_t file = file_in(usim, emptied[i].place, emptied[i].fid);
        if (file != PROFILE_NO_FILE && (emptied[i].place == IN_DF_GSM) == df_gsm)
            ok = admin_file_fill(usim.card, file, emptied[i].first, 0xFF);
    }
    return ok;
}

/* Files of the subscription are those of every ADF that the profile gives to a "usim", and of DF.GSM; IMSI and network context change together. */
static bool change_files(struct applet self, struct span imsi)
{
    const struct profile *p = applet_profile(self);
    uint16_t gsm_imsi = file_in(self, IN_DF_GSM, 0x6F07);
    bool ok = clear_files(self, true) && (gsm_imsi == PROFILE_NO_FILE || admin_file_update(self.card, gsm_imsi, 0, imsi));
    for (uint8_t a = 0; a < p->n_applets && ok; a++) {
        if (strcmp(p->applets[a].class_name, "usim") != 0)
            continue;
        const struct applet usim = {self.card, a};
        ok = admin_file_update(self.card, admin_file(usim, 0x6F07), 0, imsi) && clear_files(usim, false);
    }
    return ok;
}

/* Session keys that applications derived from the old pair's. */
static bool tell_subscribers(struct applet self)
{
    struct applet provider;
    const struct subscriber_service *subscriber;
    bool ok = true;
    for (unsigned i = 0; (subscriber = applet_service(self.card, "subscriber", i, &provider)) != NULL; i++)
        ok = subscriber->changed(provider) && ok;
    return ok;
}

static bool switch_pair(struct applet self, unsigned to, struct span imsi)
{
    unsigned from = active_index(self);
    struct state s;
    if (!state_load(self, from, &s))
        return false;
    s.state = PAIR_RETIRED;
    if (!state_put(self, from, &s))
        return false;
    s = (struct state){.state = PAIR_ACTIVE, .has_imsi = true};
    memcpy(s.imsi, imsi.p, IMSI_LEN);
    const uint8_t index = (uint8_t)to;
    return state_put(self, to, &s) && applet_put(self, ITEM_ACTIVE, span_of(&index, 1));
}

static bool answer_order(struct applet self, const struct order *order, unsigned index, struct buf *out)
{
    struct pair_info info;
    if (!subscription_info(self, index, &info))
        return false;
    size_t mark = buf_tlv_open(out, ORDER_RESULT);
    buf_tlv_u8(out, RESULT_INDEX, (uint8_t)index);
    buf_tlv_u8(out, RESULT_UNUSED, (uint8_t)count_unused(self));
    if (order->reference.n > 0)
        buf_tlv(out, RESULT_REFERENCE, order->reference);
    buf_tlv(out, RESULT_KCV_K, span_of(info.kcv_k, 3));
    buf_tlv(out, RESULT_KCV_KIC, span_of(info.kcv_kic, 3));
    buf_tlv_close(out, mark);
    return true;
}

/* STORE DATA with an ORDER: one transaction, begun and committed by whoever runs the command. */
static sw_t command_order(struct call *call)
{
    struct order order;
    unsigned index;
    char digits[16];
    sw_t sw = order_parse(call->cmd->data, &order);
    if (sw == SW_OK && !imsi_unpack(order.imsi, digits))
        sw = SW_IMSI_MALFORMED;
    if (sw == SW_OK)
        sw = choose_pair(call->self, &order, &index);
    if (sw != SW_OK)
        return sw;
    if (!change_files(call->self, order.imsi) || !tell_subscribers(call->self) ||
        !switch_pair(call->self, index, order.imsi) ||
        (order.reference.n > 0 && !applet_put(call->self, ITEM_REFERENCE, order.reference)) ||
        !answer_order(call->self, &order, index, call->out))
        return SW_MEMORY_PROBLEM;
    /* A terminal that does not offer REFRESH finds the new IMSI when it next powers the card up. */
    if (!proactive_send(call->self, PROACTIVE_REFRESH, order.refresh, SPAN_EMPTY))
        applet_note(call->self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return SW_OK;
}

/* GET DATA 00E3: the list, a PAIR_INFO each, from the index in P2 on, as many as fit an answer. */
static sw_t command_get_data(struct call *call)
{
    enum { ANSWER_MAX = 255, INFO_MAX = 64 };
    struct pair_info info;
    if (call->cmd->p1 != 0xE3)
        return SW_DATA_NOT_FOUND;
    unsigned index = call->cmd->p2;
    for (; call->out->len + INFO_MAX <= ANSWER_MAX && subscription_info(call->self, index, &info); index++) {
        size_t mark = buf_tlv_open(call->out, PAIR_INFO);
        buf_tlv_u8(call->out, RESULT_INDEX, (uint8_t)index);
        buf_tlv_u8(call->out, PAIR_INFO_STATE, info.state);
        buf_tlv_u8(call->out, PAIR_INFO_ALGORITHM, info.algorithm);
        buf_tlv_u8(call->out, PAIR_INFO_KVN, info.kvn);
        if (info.has_imsi)
            buf_tlv(call->out, ORDER_IMSI, span_of(info.imsi, sizeof info.imsi));
        buf_tlv(call->out, RESULT_KCV_K, span_of(info.kcv_k, 3));
        buf_tlv(call->out, RESULT_KCV_KIC, span_of(info.kcv_kic, 3));
        buf_tlv_close(call->out, mark);
        if (index == 0xFF)
            break;
    }
    return call->out->len > 0 ? SW_OK : SW_DATA_NOT_FOUND;
}

static const struct command_row rows[] = {
    {"STORE DATA (change order)", "GlobalPlatform 11.11; ota/README.md", CLASS_ETSI, 0xE2, 0x90, 0xFF, CASE_4,
     1, 255, TARGET_NONE, ACCESS_REMOTE_CHANGE, ROW_REMOTE, command_order},
    {"GET DATA (key list)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, 0x00, 0x00, CASE_2, 0, 0,
     TARGET_NONE, ACCESS_ADMIN, ROW_REMOTE, command_get_data},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

const struct applet_class subscription_class = {
    .name = "subscription",
    .commands = &table,
    .script_target = true,
    .install = install,
    .share = share,
};

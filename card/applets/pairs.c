/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs.h"

#include "hex.h"
#include "key_field.h"

enum { STATE_LEN = 2 + PAIR_IMSI_LEN };

/* ---- a pair's two halves as bytes: AUTHENTICATE needs the one, the OTA receiver the other ---- */

static bool secret_put(struct applet self, unsigned item, struct buf *bytes)
{
    bool ok = buf_ok(bytes) && applet_put(self, (uint16_t)item, buf_span(bytes));
    crypto_wipe(bytes->p, bytes->cap);
    return ok;
}

bool aka_secret_put(struct applet self, unsigned index, const struct aka_secret *s)
{
    uint8_t bytes[PAIR_SECRET_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    buf_u8(&out, (uint8_t)s->algorithm->id);
    buf_u8(&out, s->sqn.ind_bits);
    buf_be(&out, s->sqn.delta, 8);
    buf_be(&out, s->sqn.age, 8);
    aka_key_encode(&s->key, &out);
    return secret_put(self, ITEM_AKA | index, &out);
}

bool aka_secret_load(struct applet self, unsigned index, struct aka_secret *out)
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

bool ota_secret_put(struct applet self, uint16_t item, uint32_t rights, const struct keyset *keys)
{
    uint8_t bytes[PAIR_SECRET_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    buf_u32(&out, rights);
    keyset_encode(keys, &out);
    return secret_put(self, item, &out);
}

bool ota_secret_load(struct applet self, uint16_t item, uint32_t *rights, struct keyset *keys)
{
    struct span bytes;
    if (!applet_get(self, item, &bytes))
        return false;
    struct reader r = rd_of(bytes);
    *rights = rd_u32(&r);
    return keyset_decode(&r, keys) && rd_done(&r);
}

/* ---- state ---- */

bool pair_load(struct applet self, unsigned index, struct pair_record *out)
{
    struct span bytes;
    *out = (struct pair_record){0};
    if (index > 0xFF || !applet_get(self, (uint16_t)(ITEM_STATE | index), &bytes) || bytes.n != STATE_LEN)
        return false;
    out->state = bytes.p[0];
    out->has_imsi = bytes.p[1] != 0;
    memcpy(out->imsi, bytes.p + 2, PAIR_IMSI_LEN);
    return true;
}

bool pair_put(struct applet self, unsigned index, const struct pair_record *s)
{
    uint8_t bytes[STATE_LEN] = {s->state, s->has_imsi};
    memcpy(bytes + 2, s->imsi, PAIR_IMSI_LEN);
    return applet_put(self, (uint16_t)(ITEM_STATE | index), span_of(bytes, sizeof bytes));
}

unsigned pair_active(struct applet self)
{
    struct span bytes;
    return applet_get(self, ITEM_ACTIVE, &bytes) && bytes.n == 1 ? bytes.p[0] : 0;
}

bool pair_set_active(struct applet self, unsigned index)
{
    const uint8_t octet = (uint8_t)index;
    return applet_put(self, ITEM_ACTIVE, span_of(&octet, 1));
}

unsigned pair_count_unused(struct applet self)
{
    unsigned unused = 0;
    struct pair_record s;
    for (unsigned i = 0; pair_load(self, i, &s); i++)
        unused += s.state == PAIR_UNUSED || s.state == PAIR_STAGED;
    return unused;
}

bool subscription_info(struct applet self, unsigned index, struct pair_info *out)
{
    struct pair_record s;
    struct aka_secret aka;
    struct keyset ota;
    uint32_t rights;
    struct span bytes;
    struct sqn_state sqn = {0};
    *out = (struct pair_info){0};
    if (!pair_load(self, index, &s))
        return false;
    bool ok = aka_secret_load(self, index, &aka) &&
              ota_secret_load(self, (uint16_t)(ITEM_OTA | index), &rights, &ota) &&
              key_check_value(self, OTA_AES, span_of(aka.key.k, aka.key.k_len), out->kcv_k) &&
              key_check_value(self, ota.kic_algorithm, span_of(ota.kic, ota.kic_len), out->kcv_kic);
    if (ok) {
        out->state = s.state;
        out->has_imsi = s.has_imsi;
        memcpy(out->imsi, s.imsi, PAIR_IMSI_LEN);
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

/* ---- made ---- */

static bool install_pair(struct applet self, const struct uicc_personal *personal, unsigned index)
{
    const struct profile *p = applet_profile(self);
    struct profile_pair pair;
    bool ok = personal_pair_given(applet_crypto(self), p, span_of(personal->seed, personal->seed_len),
                                  personal->iccid, personal->given, index, &pair);
    if (ok) {
        struct aka_secret aka = {aka_algorithm(pair.algorithm), pair.sqn, pair.key};
        ok = aka.algorithm != NULL && aka_key_valid(aka.algorithm, &aka.key) &&
             aka_secret_put(self, index, &aka) &&
             ota_secret_put(self, (uint16_t)(ITEM_OTA | index), pair.ota_rights, &pair.ota);
        crypto_wipe(&aka, sizeof aka);
    }
    crypto_wipe(&pair, sizeof pair);
    struct pair_record s = {.state = index == 0 ? PAIR_ACTIVE : PAIR_UNUSED, .has_imsi = index == 0};
    if (ok && index == 0)
        ok = imsi_pack(personal->imsi != NULL ? personal->imsi : p->imsi, s.imsi);
    return ok && pair_put(self, index, &s);
}

static bool install_common(struct applet self, const struct uicc_personal *personal, unsigned index)
{
    struct profile_keyset keyset;
    bool ok = personal_keyset_given(applet_crypto(self), applet_profile(self),
                                    span_of(personal->seed, personal->seed_len), personal->iccid,
                                    personal->given, index, &keyset) &&
              ota_secret_put(self, (uint16_t)(ITEM_COMMON_KEYS | index), keyset.rights, &keyset.keys);
    crypto_wipe(&keyset, sizeof keyset);
    return ok;
}

sw_t pairs_install(struct applet self, const struct uicc_personal *personal)
{
    const struct profile *p = applet_profile(self);
    if (p->n_pairs == 0 || !pair_set_active(self, 0))
        return SW_CONDITIONS_NOT_SATISFIED;
    for (unsigned i = 0; i < p->n_pairs; i++)
        if (!install_pair(self, personal, i))
            return SW_TECHNICAL_PROBLEM;
    for (unsigned i = 0; i < profile_common_keysets(p); i++)
        if (!install_common(self, personal, i))
            return SW_TECHNICAL_PROBLEM;
    return use_watch(self) ? selection_install(self) : SW_CONDITIONS_NOT_SATISFIED;
}

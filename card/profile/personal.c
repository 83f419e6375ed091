/* SPDX-License-Identifier: Apache-2.0
 *
 * From one profile to many cards: derived keys. Nothing here is kept; the card maker repeats it for his own
 * records.
 */
#include "profile.h"

enum { SEED_MIN = 16 }; /* octets: below that the seed is the weakest key of the card */

bool personal_derive(struct uicc_crypto *c, struct span seed, const char *iccid, const char *label,
                     unsigned index, uint8_t *out, size_t out_len)
{
    uint8_t mac[32];
    uint8_t number[4] = {(uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8),
                         (uint8_t)index};
    /* the NULs that end label and ICCID belong to the message: no two (label, ICCID) can then give the same
     * one */
    struct span parts[] = {span_of(label, strlen(label) + 1), span_of(iccid, strlen(iccid) + 1),
                           span_of(number, sizeof number)};
    bool ok = seed.n >= SEED_MIN && out_len <= sizeof mac &&
              hmac_sha256(c, seed, parts, sizeof parts / sizeof parts[0], mac);
    if (ok)
        memcpy(out, mac, out_len);
    else
        memset(out, 0, out_len);
    crypto_wipe(mac, sizeof mac);
    return ok;
}

bool personal_pair(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                   unsigned index, struct profile_pair *out)
{
    return personal_pair_given(c, p, seed, iccid, NULL, index, out);
}

bool personal_pair_given(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                         const struct personal_given *given, unsigned index, struct profile_pair *out)
{
    memset(out, 0, sizeof *out);
    if (index >= p->n_pairs)
        return false;
    *out = given != NULL && given->has_pair && index == 0 ? given->pair : p->pairs[index];
    bool ok = true;
    if (out->derived & PAIR_DERIVE_K)
        ok = ok && personal_derive(c, seed, iccid, "k", index, out->key.k, out->key.k_len);
    if (out->derived & PAIR_DERIVE_OPC)
        ok = ok && personal_derive(c, seed, iccid, "opc", index, out->key.opc, out->key.opc_len);
    if (out->derived & PAIR_FROM_OP) {
        const struct aka_algorithm *aka = aka_algorithm(out->algorithm);
        uint8_t opc[sizeof out->key.opc];
        memset(opc, 0, sizeof opc);
        ok = ok && aka != NULL && aka->opc != NULL && aka->opc(c, &out->key, out->key.opc, opc);
        memcpy(out->key.opc, opc, sizeof opc);
        crypto_wipe(opc, sizeof opc);
    }
    if (out->derived & PAIR_DERIVE_OTA) {
        ok = ok && personal_derive(c, seed, iccid, "kic", index, out->ota.kic, out->ota.kic_len);
        ok = ok && personal_derive(c, seed, iccid, "kid", index, out->ota.kid, out->ota.kid_len);
        ok = ok && personal_derive(c, seed, iccid, "kik", index, out->ota.kik, out->ota.kik_len);
    }
    out->derived = 0;
    if (!ok)
        crypto_wipe(out, sizeof *out);
    return ok;
}

/* The number that the first eight octets are, in its last n digits, padded with FF (TS 102 221 9.5.1). */
static bool derive_digits(struct uicc_crypto *c, struct span seed, const char *iccid, const char *label,
                          unsigned index, unsigned n, uint8_t out[8])
{
    uint8_t octets[8];
    uint64_t number = 0;
    bool ok = personal_derive(c, seed, iccid, label, index, octets, sizeof octets);
    for (unsigned i = 0; i < sizeof octets; i++)
        number = number << 8 | octets[i];
    memset(out, 0xFF, 8);
    for (unsigned i = n; i-- > 0; number /= 10)
        out[i] = (uint8_t)('0' + number % 10);
    crypto_wipe(octets, sizeof octets);
    crypto_wipe(&number, sizeof number);
    return ok;
}

bool personal_pin(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                  const struct personal_given *given, unsigned pin, uint8_t value[8], uint8_t puk[8])
{
    const struct profile_pin *q = &p->pins[pin];
    const unsigned index = (unsigned)q->adf << 8 | q->reference;
    bool ok = true;
    memcpy(value, q->value, 8);
    memcpy(puk, q->puk, 8);
    if (given != NULL && (given->pins >> pin & 1) != 0)
        memcpy(value, given->pin[pin], 8);
    else if (q->derived & PIN_DERIVE_VALUE)
        ok = derive_digits(c, seed, iccid, "pin", index, profile_pin_is_adm(q->reference) ? 8 : 4, value);
    if (given != NULL && (given->puks >> pin & 1) != 0)
        memcpy(puk, given->puk[pin], 8);
    else if (q->derived & PIN_DERIVE_PUK)
        ok = derive_digits(c, seed, iccid, "puk", index, 8, puk) && ok;
    return ok;
}

bool personal_keyset(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                     unsigned index, struct profile_keyset *out)
{
    return personal_keyset_given(c, p, seed, iccid, NULL, index, out);
}

bool personal_keyset_given(struct uicc_crypto *c, const struct profile *p, struct span seed,
                           const char *iccid, const struct personal_given *given, unsigned index,
                           struct profile_keyset *out)
{
    memset(out, 0, sizeof *out);
    if (index >= p->n_keysets || index >= PROFILE_KEYSETS_MAX)
        return false;
    *out = given != NULL && (given->keysets >> index & 1) != 0 ? given->keyset[index] : p->keysets[index];
    bool ok = true;
    if (out->derived) {
        bool common = out->domain == 0;
        unsigned number = common ? index : (out->domain - 1u) << 8 | out->keys.version;
        ok = personal_derive(c, seed, iccid, common ? "common-kic" : "domain-kic", number, out->keys.kic,
                             out->keys.kic_len) &&
             personal_derive(c, seed, iccid, common ? "common-kid" : "domain-kid", number, out->keys.kid,
                             out->keys.kid_len) &&
             personal_derive(c, seed, iccid, common ? "common-kik" : "domain-kik", number, out->keys.kik,
                             out->keys.kik_len);
    }
    out->derived = false;
    if (!ok)
        crypto_wipe(out, sizeof *out);
    return ok;
}

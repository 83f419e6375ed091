/* SPDX-License-Identifier: Apache-2.0
 *
 * The service "aka": authentication with the active pair's key (3GPP TS 33.102 6.3.3).
 */
#include "pairs.h"

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
    crypto_wipe(sqn, sizeof sqn);
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

static enum aka_verdict judge_sqn(struct applet self, unsigned index, const struct aka_secret *secret,
                                  uint64_t sqn, const uint8_t rand[16], struct aka_auts *auts)
{
    struct sqn_state state;
    bool ok = load_sqn(self, index, &secret->sqn, &state);
    const bool fresh = ok && sqn_fresh(&secret->sqn, &state, sqn);
    if (fresh) {
        sqn_accept(&secret->sqn, &state, sqn);
        ok = store_sqn(self, index, &secret->sqn, &state);
    } else if (ok) {
        ok = resynchronise(self, secret, &state, rand, auts);
    }
    crypto_wipe(&state, sizeof state);
    return !ok ? AKA_FAILED : fresh ? AKA_ACCEPTED : AKA_RESYNCHRONISE;
}

static enum aka_verdict verify(struct applet self, unsigned index, const struct aka_secret *secret,
                               enum aka_context context, const uint8_t rand[16], struct span autn,
                               struct aka_vector *v, struct aka_auts *auts)
{
    uint8_t sqn[6], mac[AKA_MAC_MAX];
    size_t mac_len = aka_mac_len(secret->algorithm, &secret->key);
    enum aka_verdict verdict = AKA_FAILED;
    if (autn.n != 8 + mac_len)
        return AKA_WRONG_LENGTH;
    /* the MAC before the sequence number: AUTS for a forger would be an oracle */
    if (secret->algorithm->challenge(applet_crypto(self), &secret->key, rand, autn.p, v, sqn, mac) &&
        (context != AKA_GBA_U || gba_mask(self, v, mac)))
        verdict = !crypto_equal(mac, autn.p + 8, mac_len)
                      ? AKA_WRONG_MAC
                      : judge_sqn(self, index, secret, sqn_from(sqn), rand, auts);
    crypto_wipe(mac, sizeof mac); /* who has it can make the AUTN that was refused */
    crypto_wipe(sqn, sizeof sqn);
    return verdict;
}

/* What an authentication says of a subscription on trial: the first that succeeds confirms it, in this
 * command's transaction; a wrong MAC counts against it. */
static enum aka_verdict judge_trial(struct applet self, enum aka_verdict verdict)
{
    bool roll_back;
    if (verdict == AKA_ACCEPTED && (!trial_confirm(self) || !selection_success(self)))
        return AKA_FAILED;
    if (verdict == AKA_WRONG_MAC &&
        (!trial_strike(self, STRIKE_FAILURE, &roll_back) || !selection_strike(self, STRIKE_FAILURE, false)))
        return AKA_FAILED;
    return verdict;
}

static bool blocked(struct applet self, unsigned index)
{
    struct pair_record s;
    return !pair_load(self, index, &s) || s.state == PAIR_BLOCKED;
}

static bool paired(struct applet self)
{
    struct applet provider;
    const struct pairing_service *service = applet_service(self.card, "pairing", 0, &provider);
    return service == NULL || service->allowed(provider);
}

static bool aka_usable(struct applet self)
{
    return !blocked(self, pair_active(self)) && paired(self);
}

static enum aka_verdict aka_authenticate(struct applet self, enum aka_context context, const uint8_t rand[16],
                                         struct span autn, struct aka_vector *v, struct aka_auts *auts)
{
    struct aka_secret secret;
    unsigned index = pair_active(self);
    enum aka_verdict verdict = AKA_FAILED;
    if (!aka_usable(self))
        verdict = AKA_BLOCKED;
    else if (aka_secret_load(self, index, &secret))
        verdict = judge_trial(self, verify(self, index, &secret, context, rand, autn, v, auts));
    if (verdict != AKA_ACCEPTED)
        crypto_wipe(v, sizeof *v);
    crypto_wipe(&secret, sizeof secret);
    return verdict;
}

static enum aka_verdict aka_respond(struct applet self, const uint8_t rand[16], struct aka_vector *v)
{
    struct aka_secret secret;
    unsigned index = pair_active(self);
    if (!aka_usable(self))
        return AKA_BLOCKED;
    bool ok = aka_secret_load(self, index, &secret) &&
              secret.algorithm->f2345(applet_crypto(self), &secret.key, rand, v);
    crypto_wipe(&secret, sizeof secret);
    return ok ? AKA_ACCEPTED : AKA_FAILED;
}

const struct aka_service subscription_aka = {aka_authenticate, aka_respond, aka_usable};

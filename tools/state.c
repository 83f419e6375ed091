/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "hex.h"

/* The body of the card's (first) file that personalisation filled with this. */
static struct span file_filled_with(const struct uicc *card, enum file_fill fill)
{
    struct uicc_file_info info;
    for (uint16_t i = 0; i < uicc_inspect_files(card); i++)
        if (uicc_inspect_file(card, i, &info) && info.row->fill == fill && info.row->kind == FILE_TRANSPARENT)
            return info.body;
    return SPAN_EMPTY;
}

void state_imsi(const struct uicc *card, char text[16])
{
    if (!imsi_unpack(file_filled_with(card, FILL_IMSI), text))
        text[0] = '\0';
}

void state_iccid(const struct uicc *card, char text[STATE_DIGITS])
{
    struct span body = file_filled_with(card, FILL_ICCID);
    if (body.n != 10 || !bcd_unpack(body, text))
        text[0] = '\0';
}

const char *state_of_pin(const struct uicc_pin_info *pin)
{
    return pin->tries == 0 ? "blocked" : pin->enabled ? "enabled" : "disabled";
}

const char *state_of_pair(uint8_t state)
{
    switch (state) {
    case PAIR_UNUSED:
        return "unused";
    case PAIR_STAGED:
        return "staged";
    case PAIR_ON_TRIAL:
        return "on trial";
    case PAIR_ACTIVE:
        return "active";
    case PAIR_BLOCKED:
        return "blocked";
    case PAIR_STANDBY:
        return "stand-by";
    case PAIR_AVAILABLE:
        return "available";
    case PAIR_RETIRED:
        return "retired";
    default:
        return "?";
    }
}

void state_pair_texts(const struct pair_info *info, struct pair_texts *out)
{
    const struct aka_algorithm *aka = aka_algorithm(info->algorithm);
    out->algorithm = aka != NULL ? aka->name : "?";
    if (!info->has_imsi || !imsi_unpack(span_of(info->imsi, sizeof info->imsi), out->imsi))
        out->imsi[0] = '\0';
    hex_format(span_of(info->kcv_k, sizeof info->kcv_k), out->kcv_k);
    hex_format(span_of(info->kcv_kic, sizeof info->kcv_kic), out->kcv_kic);
    hex_format(span_of(info->counter, sizeof info->counter), out->counter);
}

/* GlobalPlatform Amendment D 4.1.4, card specification B.5: the first octets of the encryption of a block
 * of 01, or of 00 with DES. */
static bool same_key(struct uicc_crypto *c, unsigned algorithm, struct span key, const uint8_t kcv[3])
{
    const uint8_t iv[8] = {0};
    uint8_t block[16], encrypted[16] = {0};
    memset(block, algorithm == OTA_AES ? 0x01 : 0x00, sizeof block);
    bool good = algorithm == OTA_AES ? aes_ecb_encrypt(c, key, block, encrypted, sizeof block)
                                     : des_cbc_encrypt(c, key, iv, block, encrypted, 8);
    good = good && memcmp(encrypted, kcv, 3) == 0;
    crypto_wipe(encrypted, sizeof encrypted);
    return good;
}

const char *state_wrong_key(struct uicc_crypto *crypto, const struct pair_info *info,
                            const struct profile_pair *pair, bool ota)
{
    const struct keyset *keys = &pair->ota;
    if (!same_key(crypto, OTA_AES, span_of(pair->key.k, pair->key.k_len), info->kcv_k))
        return "K";
    if (ota && keys->kic_algorithm != OTA_NONE &&
        !same_key(crypto, keys->kic_algorithm, span_of(keys->kic, keys->kic_len), info->kcv_kic))
        return "KIc";
    return NULL;
}

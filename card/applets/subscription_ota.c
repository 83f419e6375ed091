/* SPDX-License-Identifier: Apache-2.0
 *
 * The service "ota-keys": the active operator's keyset, and the common ones. Those of other pairs do not
 * exist as long as their pair is not the active one: that is what makes the old operator's keys worthless
 * after a change (TR 33.812 5.3.2.2). While a subscription is on trial the old operator's keyset still opens
 * messages, but only to hear again what was ordered, and to ask what became of it.
 */
#include "pairs.h"

static bool usable(struct applet self, uint16_t keys_item, uint16_t counter_item, uint8_t version,
                   struct ota_key_reference *ref, struct keyset *keys)
{
    bool operators = (counter_item & ITEM_KIND) == ITEM_COUNTER;
    *ref = (struct ota_key_reference){.item = counter_item,
                                      .owner = operators ? counter_item & 0xFF : NO_OWNER};
    return ota_secret_load(self, keys_item, &ref->rights, keys) && keys->version == version;
}

static bool ota_find(struct applet self, uint8_t version, unsigned nth, struct ota_key_reference *ref,
                     struct keyset *keys)
{
    struct trial trial;
    struct span bytes;
    unsigned active = pair_active(self);
    if (usable(self, (uint16_t)(ITEM_OTA | active), (uint16_t)(ITEM_COUNTER | active), version, ref, keys) &&
        nth-- == 0)
        return true;
    if (trial_load(self, &trial) && trial.from != active &&
        usable(self, ITEM_OTA | trial.from, ITEM_COUNTER | trial.from, version, ref, keys) && nth-- == 0) {
        ref->standby = true;
        return true;
    }
    for (uint16_t i = 0; applet_get(self, (uint16_t)(ITEM_COMMON_KEYS | i), &bytes); i++)
        if (usable(self, (uint16_t)(ITEM_COMMON_KEYS | i), (uint16_t)(ITEM_COMMON_COUNTER | i), version, ref,
                   keys) &&
            nth-- == 0)
            return true;
    crypto_wipe(keys, sizeof *keys);
    return false;
}

const struct ota_key_service subscription_ota_keys = {
    .find = ota_find, .counter = ota_counter_kept, .set_counter = ota_counter_keep};

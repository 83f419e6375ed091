/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps the pre-shared key, and says whether CK and IK may cross the interface in clear. The key is the
 * parameters', for a laboratory; without one it is the card's own, derived from its seed (profile.h,
 * personal_derive, label "psk"), so that its maker can tell the device's.
 */
#include "secure.h"

#include "secure_channel.h"

enum {
    PARAM_KEY = 0x80,      /* 16 to 32 octets */
    PARAM_REQUIRED = 0x81, /* one octet, enum secure_requirement */
    ITEM_KEY = 1,
    KEY_LEN = 16,
    KEY_MAX = 32,
};

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    uint8_t derived[KEY_LEN];
    struct span key;
    if (tlv_find(applet_row(self)->params, PARAM_KEY, &key))
        return key.n >= KEY_LEN && key.n <= KEY_MAX && applet_put(self, ITEM_KEY, key) ? SW_OK
                                                                                       : SW_WRONG_DATA;
    bool ok = personal != NULL &&
              personal_derive(applet_crypto(self), span_of(personal->seed, personal->seed_len),
                              personal->iccid, "psk", 0, derived, KEY_LEN) &&
              applet_put(self, ITEM_KEY, span_of(derived, sizeof derived));
    crypto_wipe(derived, sizeof derived);
    return ok ? SW_OK : SW_CONDITIONS_NOT_SATISFIED;
}

/* One key, whichever terminal asks: which one it is, is bound into the master secret. */
static bool key_of(struct applet self, struct span terminal_id, uint8_t key[KEY_MAX], size_t *n)
{
    struct span stored;
    (void)terminal_id;
    if (!applet_get(self, ITEM_KEY, &stored) || stored.n > KEY_MAX)
        return false;
    memcpy(key, stored.p, stored.n);
    *n = stored.n;
    return true;
}

static enum secure_requirement required(struct applet self)
{
    struct span value;
    if (!tlv_find(applet_row(self)->params, PARAM_REQUIRED, &value) || value.n != 1)
        return SECURE_OPTIONAL;
    return value.p[0] == SECURE_FOR_KEYS || value.p[0] == SECURE_FOR_ALL ? value.p[0] : SECURE_OPTIONAL;
}

static const struct secure_channel_service service = {key_of, required};

static const void *share(struct applet self, const char *name)
{
    (void)self;
    return strcmp(name, "secure-channel") == 0 ? &service : NULL;
}

const struct applet_class secure_class = {
    .name = "secure-channel",
    .install = install,
    .share = share,
};

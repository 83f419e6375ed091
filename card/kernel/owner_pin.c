/* SPDX-License-Identifier: Apache-2.0
 *
 * OwnerPIN (javacard.framework): PINs that belong to an applet. Value and tries lie in its objects, so that
 * they go with it; that one has been verified is known until the card is reset.
 */
#include "kernel.h"

enum { SLOT_VALIDATED = 0xFF, STORED = 2 + OWNER_PIN_MAX }; /* try limit, length, value padded with zeros */

static uint32_t id_of(struct applet self, uint16_t base, uint8_t pin)
{
    return object_id(OBJECT_APPLET, (uint32_t)self.index << 16 | base | pin);
}

/* Borrowed. false: there is none. */
static bool stored(struct applet self, uint8_t pin, struct span *out)
{
    return pin < OWNER_PINS && objects_get(self.card->objects, id_of(self, ITEM_OWNER_PIN, pin), out) &&
           out->n == STORED;
}

static void set_validated(struct applet self, uint8_t pin, bool validated)
{
    uint16_t *set = applet_transient_slot(self, SLOT_VALIDATED, sizeof *set, false);
    if (set != NULL)
        *set = (uint16_t)(validated ? *set | 1u << pin : *set & ~(1u << pin));
}

uint8_t owner_pin_limit(struct applet self, uint8_t pin)
{
    struct span value;
    return stored(self, pin, &value) ? value.p[0] : 0;
}

uint8_t owner_pin_tries(struct applet self, uint8_t pin)
{
    struct span value, tries;
    if (!stored(self, pin, &value))
        return 0;
    if (objects_get(self.card->objects, id_of(self, ITEM_OWNER_TRIES, pin), &tries) && tries.n == 1)
        return tries.p[0];
    return value.p[0];
}

bool owner_pin_set(struct applet self, uint8_t pin, uint8_t try_limit, struct span value)
{
    uint8_t bytes[STORED] = {try_limit, (uint8_t)value.n};
    struct span old;
    if (pin >= OWNER_PINS || try_limit == 0 || value.n == 0 || value.n > OWNER_PIN_MAX)
        return false;
    memcpy(bytes + 2, value.p, value.n);
    bool there = stored(self, pin, &old);
    bool ok =
        (there || registry_account(self.card, self.index, 0, STORED)) &&
        objects_put(self.card->objects, id_of(self, ITEM_OWNER_PIN, pin), span_of(bytes, sizeof bytes)) &&
        objects_remove(self.card->objects, id_of(self, ITEM_OWNER_TRIES, pin));
    crypto_wipe(bytes, sizeof bytes);
    if (ok)
        set_validated(self, pin, false);
    return ok;
}

static bool set_tries(struct applet self, uint8_t pin, uint8_t tries)
{
    const uint32_t id = id_of(self, ITEM_OWNER_TRIES, pin);
    if (self.card->ram.installing == self.index + 1) /* as applet_put_now */
        return objects_put(self.card->objects, id, span_of(&tries, 1));
    return objects_put_now(self.card->objects, id, span_of(&tries, 1)) == STORE_OK;
}

bool owner_pin_check(struct applet self, uint8_t pin, struct span value)
{
    uint8_t given[OWNER_PIN_MAX] = {0};
    struct span own;
    uint8_t tries = owner_pin_tries(self, pin);
    set_validated(self, pin < OWNER_PINS ? pin : 0, false);
    if (tries == 0 || !set_tries(self, pin, (uint8_t)(tries - 1)) || !stored(self, pin, &own))
        return false;
    bool fits = value.n <= sizeof given;
    if (fits && value.n > 0)
        memcpy(given, value.p, value.n);
    bool same = crypto_equal(given, own.p + 2, OWNER_PIN_MAX);
    crypto_wipe(given, sizeof given);
    if (!same || !fits || value.n != own.p[1])
        return false;
    if (!set_tries(self, pin, own.p[0]))
        return false;
    set_validated(self, pin, true);
    return true;
}

bool owner_pin_validated(struct applet self, uint8_t pin)
{
    struct span value;
    if (!stored(self, pin, &value))
        return false;
    const uint16_t *set = applet_transient_slot(self, SLOT_VALIDATED, sizeof *set, false);
    return set != NULL && (*set >> pin & 1) != 0;
}

void owner_pin_reset(struct applet self, uint8_t pin)
{
    if (pin < OWNER_PINS)
        set_validated(self, pin, false);
}

bool owner_pin_unblock(struct applet self, uint8_t pin)
{
    struct span value;
    if (!stored(self, pin, &value) || !objects_remove(self.card->objects, id_of(self, ITEM_OWNER_TRIES, pin)))
        return false;
    set_validated(self, pin, false);
    return true;
}

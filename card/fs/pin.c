/* SPDX-License-Identifier: Apache-2.0
 *
 * PINs (ETSI TS 102 221 9.5 and 11.1.9 to 11.1.13). A try is spent, durably, before the value is
 * compared: a power cut in between costs a try and never gains one. What is compared takes the same time
 * whatever is wrong with it.
 */
#include "fs.h"

enum { PIN_LEN = 8, SECRETS_LEN = 1 + 2 * PIN_LEN, LOCAL_BIT = 0x80, UNIVERSAL = 0x11 };

/* Stored: values never change meaning. Replaced: disabled, the universal PIN being verified in its
 * place (TS 102 221 9.5.1). */
enum pin_mode { PIN_DISABLED = 0, PIN_ENABLED = 1, PIN_REPLACED = 2 };

/* The stored part of a PIN besides its counters. */
struct secrets {
    uint8_t enabled; /* enum pin_mode */
    uint8_t value[PIN_LEN];
    uint8_t puk[PIN_LEN];
};

/* Where they are is found first, and only then are they copied: a value that is in a register during a call
 * may be saved on the stack, where nobody wipes it. */
static void secrets_load(const struct uicc *card, int pin, struct secrets *out)
{
    const struct profile_pin *p = &card->profile->pins[pin];
    const uint8_t *value = p->value, *puk = p->puk;
    uint8_t enabled = p->enabled ? PIN_ENABLED : PIN_DISABLED;
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_PIN, (uint32_t)pin), &own) && own.n == SECRETS_LEN) {
        enabled = own.p[0];
        value = own.p + 1;
        puk = own.p + 1 + PIN_LEN;
    }
    out->enabled = enabled;
    memcpy(out->value, value, PIN_LEN);
    memcpy(out->puk, puk, PIN_LEN);
}

static bool secrets_store(struct uicc *card, int pin, const struct secrets *s)
{
    uint8_t bytes[SECRETS_LEN];
    bytes[0] = s->enabled;
    memcpy(bytes + 1, s->value, PIN_LEN);
    memcpy(bytes + 1 + PIN_LEN, s->puk, PIN_LEN);
    bool ok = objects_put(card->objects, object_id(OBJECT_PIN, (uint32_t)pin), span_of(bytes, sizeof bytes));
    crypto_wipe(bytes, sizeof bytes);
    return ok;
}

bool pin_give(struct uicc *card, int pin, const uint8_t *value, const uint8_t *puk)
{
    struct secrets s;
    secrets_load(card, pin, &s);
    if (value != NULL)
        memcpy(s.value, value, PIN_LEN);
    if (puk != NULL)
        memcpy(s.puk, puk, PIN_LEN);
    bool ok = secrets_store(card, pin, &s);
    crypto_wipe(&s, sizeof s);
    return ok;
}

/* Only what is no secret: never copies the value anywhere. */
void pin_state(const struct uicc *card, int pin, struct pin_state *out)
{
    const struct profile_pin *p = &card->profile->pins[pin];
    *out = (struct pin_state){p->reference, p->tries, p->puk_tries, p->enabled, false};
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_PIN, (uint32_t)pin), &own) && own.n == SECRETS_LEN)
    {
        out->enabled = own.p[0] == PIN_ENABLED;
        out->replaced = own.p[0] == PIN_REPLACED;
    }
    if (objects_get(card->objects, object_id(OBJECT_PIN_TRIES, (uint32_t)pin), &own) && own.n == 2) {
        out->tries = own.p[0];
        out->puk_tries = own.p[1];
    }
}

static bool tries_store(struct uicc *card, int pin, uint8_t tries, uint8_t puk_tries)
{
    const uint8_t bytes[2] = {tries, puk_tries};
    return objects_put_now(card->objects, object_id(OBJECT_PIN_TRIES, (uint32_t)pin), span_of(bytes, 2)) ==
           STORE_OK;
}

int pin_find(const struct uicc *card, const struct session *session, uint8_t reference)
{
    bool local = (reference & LOCAL_BIT) != 0;
    for (int i = 0; i < card->profile->n_pins; i++) {
        const struct profile_pin *p = &card->profile->pins[i];
        if (p->reference == reference && (!local || p->adf == session->applet))
            return i;
    }
    return -1;
}

static uint32_t bit_of(uint8_t reference)
{
    int bit = profile_pin_bit(reference);
    return bit < 0 ? 0 : 1u << bit;
}

static void set_verified(struct uicc *card, struct session *session, uint8_t reference, bool verified)
{
    uint32_t *set = (reference & LOCAL_BIT) != 0 ? &session->local : &card->ram.verified;
    *set = verified ? *set | bit_of(reference) : *set & ~bit_of(reference);
}

bool pin_satisfied(const struct uicc *card, const struct session *session, uint8_t reference)
{
    if (session->remote)
        return (session->granted & bit_of(reference)) != 0;
    int pin = pin_find(card, session, reference);
    if (pin < 0)
        return false;
    struct pin_state state;
    pin_state(card, pin, &state);
    if (state.replaced)
        return (card->ram.verified & bit_of(UNIVERSAL)) != 0;
    if (!state.enabled)
        return true;
    uint32_t verified = (reference & LOCAL_BIT) != 0 ? session->local : card->ram.verified;
    /* tries: a local PIN is verified on each channel by itself, but blocked on all of them */
    return state.tries > 0 && (verified & bit_of(reference)) != 0;
}

bool pin_universal_used(const struct uicc *card)
{
    struct pin_state state;
    for (int i = 0; i < card->profile->n_pins; i++) {
        pin_state(card, i, &state);
        if (state.replaced)
            return true;
    }
    return false;
}

bool pin_application_satisfied(const struct uicc *card, const struct session *session)
{
    const struct profile *p = card->profile;
    for (int i = 0; i < p->n_pins; i++) /* TS 102 221 9.5.1: 01 to 08 are the applications' PINs */
        if (p->pins[i].reference <= 0x08 &&
            (p->pins[i].adf == session->applet || p->pins[i].adf == NO_APPLET))
            return pin_satisfied(card, session, p->pins[i].reference);
    return true;
}

/* ---- presenting a PIN or PUK ---- */

/* Spends a try, compares, and gives the tries back when it was right. */
static sw_t present(struct call *call, int pin, bool puk, const uint8_t presented[PIN_LEN])
{
    struct uicc *card = call->card;
    const struct profile_pin *p = &card->profile->pins[pin];
    struct pin_state state;
    pin_state(card, pin, &state);
    uint8_t left = puk ? state.puk_tries : state.tries;
    if (left == 0)
        return SW_BLOCKED;
    left--;
    if (!tries_store(card, pin, puk ? state.tries : left, puk ? left : state.puk_tries))
        return SW_MEMORY_PROBLEM;
    struct secrets secrets;
    secrets_load(card, pin, &secrets);
    bool right = crypto_equal(presented, puk ? secrets.puk : secrets.value, PIN_LEN);
    crypto_wipe(&secrets, sizeof secrets);
    if (!right) {
        set_verified(card, call->session, p->reference, false);
        return SW_WITH(SW_TRIES_LEFT, left);
    }
    /* A right PUK restores both counters (TS 102 221 11.1.13.1). */
    if (!tries_store(card, pin, p->tries, puk ? p->puk_tries : state.puk_tries))
        return SW_MEMORY_PROBLEM;
    return SW_OK;
}

/* TS 102 221 9.5.1: 4 to 8 decimal digits, padded with FF. Administrative keys may be any octets. */
static bool well_formed(uint8_t reference, const uint8_t value[PIN_LEN])
{
    if ((reference & 0x7F) >= 0x0A && (reference & 0x7F) <= 0x0E)
        return true;
    size_t digits = 0;
    while (digits < PIN_LEN && value[digits] >= '0' && value[digits] <= '9')
        digits++;
    for (size_t i = digits; i < PIN_LEN; i++)
        if (value[i] != 0xFF)
            return false;
    return digits >= 4;
}

/* What the PIN commands have in common: the PIN meant, and the number of octets. */
static sw_t which(struct call *call, size_t octets, int *pin, struct pin_state *state)
{
    *pin = pin_find(call->card, call->session, call->cmd->p2);
    if (*pin < 0)
        return SW_DATA_NOT_FOUND;
    pin_state(call->card, *pin, state);
    return call->cmd->data.n == octets ? SW_OK : SW_WRONG_LENGTH;
}

static sw_t replace(struct call *call, int pin, const uint8_t *value, uint8_t enabled)
{
    struct secrets secrets;
    secrets_load(call->card, pin, &secrets);
    if (value != NULL)
        memcpy(secrets.value, value, PIN_LEN);
    secrets.enabled = enabled;
    bool ok = secrets_store(call->card, pin, &secrets);
    crypto_wipe(&secrets, sizeof secrets);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_verify(struct call *call)
{
    int pin;
    struct pin_state state;
    sw_t sw = which(call, call->cmd->data.n == 0 ? 0 : PIN_LEN, &pin, &state);
    if (sw != SW_OK)
        return sw;
    if (call->cmd->data.n == 0) /* TS 102 221 11.1.9.1.2: asks for the retry counter */
        return SW_WITH(SW_TRIES_LEFT, state.tries);
    if (state.tries == 0)
        return SW_BLOCKED;
    if (!state.enabled)
        return SW_REFERENCED_DATA_INVALIDATED;
    sw = present(call, pin, false, call->cmd->data.p);
    if (sw == SW_OK)
        set_verified(call->card, call->session, state.reference, true);
    return sw;
}

sw_t command_change_pin(struct call *call)
{
    int pin;
    struct pin_state state;
    sw_t sw = which(call, 2 * PIN_LEN, &pin, &state);
    if (sw == SW_OK && state.tries == 0)
        sw = SW_BLOCKED;
    if (sw == SW_OK && !state.enabled)
        sw = SW_REFERENCED_DATA_INVALIDATED;
    if (sw == SW_OK && !well_formed(state.reference, call->cmd->data.p + PIN_LEN))
        sw = SW_WRONG_DATA;
    if (sw == SW_OK)
        sw = present(call, pin, false, call->cmd->data.p);
    if (sw == SW_OK)
        sw = replace(call, pin, call->cmd->data.p + PIN_LEN, PIN_ENABLED);
    if (sw == SW_OK)
        set_verified(call->card, call->session, state.reference, true);
    return sw;
}

/* P1 (11.1.11.2): 00: just disabled; 80: the universal PIN is used in its place others are RFU. */
sw_t command_disable_pin(struct call *call)
{
    int pin;
    struct pin_state state;
    sw_t sw = which(call, PIN_LEN, &pin, &state);
    bool universal = call->cmd->p1 == 0x80;
    if (sw == SW_OK && call->cmd->p1 != 0 && !universal)
        sw = SW_WRONG_P1P2;
    if (sw == SW_OK && universal &&
        (state.reference == UNIVERSAL || pin_find(call->card, call->session, UNIVERSAL) < 0))
        sw = SW_FUNCTION_NOT_SUPPORTED;
    if (sw == SW_OK && !call->card->profile->pins[pin].can_disable)
        sw = SW_CONDITIONS_NOT_SATISFIED;
    if (sw == SW_OK && state.tries == 0)
        sw = SW_BLOCKED;
    if (sw == SW_OK && !state.enabled)
        sw = SW_REFERENCED_DATA_INVALIDATED;
    if (sw == SW_OK)
        sw = present(call, pin, false, call->cmd->data.p);
    return sw == SW_OK ? replace(call, pin, NULL, universal ? PIN_REPLACED : PIN_DISABLED) : sw;
}

sw_t command_enable_pin(struct call *call)
{
    int pin;
    struct pin_state state;
    sw_t sw = which(call, PIN_LEN, &pin, &state);
    if (sw == SW_OK && state.tries == 0)
        sw = SW_BLOCKED;
    if (sw == SW_OK && state.enabled)
        sw = SW_CONDITIONS_NOT_SATISFIED;
    if (sw == SW_OK)
        sw = present(call, pin, false, call->cmd->data.p);
    if (sw == SW_OK)
        sw = replace(call, pin, NULL, PIN_ENABLED);
    if (sw == SW_OK) /* TS 102 221 11.1.12: the PIN then counts as verified */
        set_verified(call->card, call->session, state.reference, true);
    return sw;
}

sw_t command_unblock_pin(struct call *call)
{
    int pin;
    struct pin_state state;
    sw_t sw = which(call, call->cmd->data.n == 0 ? 0 : 2 * PIN_LEN, &pin, &state);
    if (sw != SW_OK)
        return sw;
    if (call->card->profile->pins[pin].puk_tries == 0)
        return SW_DATA_NOT_FOUND; /* a PIN without a PUK */
    if (call->cmd->data.n == 0)
        return SW_WITH(SW_TRIES_LEFT, state.puk_tries);
    if (state.puk_tries == 0)
        return SW_BLOCKED;
    if (!well_formed(state.reference, call->cmd->data.p + PIN_LEN))
        return SW_WRONG_DATA;
    sw = present(call, pin, true, call->cmd->data.p);
    if (sw == SW_OK)
        /* TS 51.011 8.13: it is then enabled */
        sw = replace(call, pin, call->cmd->data.p + PIN_LEN, PIN_ENABLED);
    if (sw == SW_OK)
        set_verified(call->card, call->session, state.reference, true);
    return sw;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What applets share with each other: tables of functions, found by name through applet_service(). The
 * provider stays in charge of its own objects; the user gets results, never a key he was not given to use.
 */
#ifndef APPLETS_SERVICES_H
#define APPLETS_SERVICES_H

#include "aka.h"
#include "applet.h"
#include "keyset.h"

/* "aka": authentication with the active subscription's key. */
enum aka_verdict {
    AKA_ACCEPTED,
    AKA_WRONG_MAC,
    AKA_RESYNCHRONISE,
    AKA_WRONG_LENGTH,
    AKA_BLOCKED,
    AKA_FAILED
};

enum aka_context {
    AKA_PLAIN, /* 3GPP TS 33.102 6.3.3 */
    AKA_GBA_U, /* TS 33.220 5.3.2: the MAC in AUTN is masked with the hash of IK */
};

struct aka_auts {
    uint8_t octets[6 + AKA_MAC_MAX];
    uint8_t n;
};

struct aka_service {
    /* ACCEPTED: *v is RES, CK, IK (wipe it), and the SQN is stored durably. RESYNCHRONISE: auts is set.
     * WRONG_LENGTH: of AUTN, for this key. BLOCKED: the subscription is suspended, or the card
     * in a terminal that it is not paired with. FAILED: the card cannot (no key, storage). But
     * for ACCEPTED, *v is zeroed. */
    enum aka_verdict (*authenticate)(struct applet provider, enum aka_context context, const uint8_t rand[16],
                                     struct span autn, struct aka_vector *v, struct aka_auts *auts);
    /* GSM: f2 to f5 without a challenge to verify. ACCEPTED, BLOCKED or FAILED. */
    enum aka_verdict (*respond)(struct applet provider, const uint8_t rand[16], struct aka_vector *v);
    /* false: what these two answer by BLOCKED. For who keeps a key that came of an authentication. */
    bool (*usable)(struct applet provider);
};

/* "pairing": the terminal that the card is in. */
struct pairing_service {
    /* May the subscription be used in it? */
    bool (*allowed)(struct applet provider);
};

/* "subscriber": an application that keeps something of the active subscription's. */
struct subscriber_service {
    /* Another pair becomes active: the old one's session keys go, in the transaction of the change. */
    bool (*changed)(struct applet provider);
};

/* "ota-keys": the keysets that command packets may refer to. */
struct ota_key_reference {
    uint16_t item;   /* the provider's own way to find it again */
    uint32_t rights; /* enum applet_right: what its holder may do */
    bool standby;    /* only to repeat an order to the provider, and to ask it what became of it */
    uint16_t owner;  /* index of the operator's K/OTA pair, or NO_OWNER */
};

struct ota_key_service {
    /* The nth keyset (from 0) of this version (KIc and KID bits 8-5, 1 to 15) that is valid now: there may be
     * two while a subscription is on trial. Wipe *keys after use. false: there is none. */
    bool (*find)(struct applet provider, uint8_t version, unsigned nth, struct ota_key_reference *ref,
                 struct keyset *keys);
    /* The counter last accepted under it; all zero when fresh. */
    void (*counter)(struct applet provider, const struct ota_key_reference *ref, uint8_t cntr[5]);
    /* Stores it durably, at once. */
    bool (*set_counter)(struct applet provider, const struct ota_key_reference *ref, const uint8_t cntr[5]);
    /* Messages to what belongs to it are opened by its keysets only. May be NULL: no. */
    bool (*alone)(struct applet provider);
};

/* counter and set_counter of a provider that keeps the counter in its object `ref->item`. */
void ota_counter_kept(struct applet self, const struct ota_key_reference *ref, uint8_t cntr[5]);
bool ota_counter_keep(struct applet self, const struct ota_key_reference *ref, const uint8_t cntr[5]);

#endif

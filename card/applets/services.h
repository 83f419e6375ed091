/* SPDX-License-Identifier: Apache-2.0
 *
 * What applets share with each other: tables of functions, found by name through applet_service(). The provider stays in charge of its
 * own objects; the user gets results, never a key he was not given to use.
 */
#ifndef APPLETS_SERVICES_H
#define APPLETS_SERVICES_H

#include "aka.h"
#include "applet.h"
#include "keyset.h"

/* "aka": authentication with the active subscription's key. */
enum aka_verdict { AKA_ACCEPTED, AKA_WRONG_MAC, AKA_RESYNCHRONISE, AKA_FAILED };

struct aka_service {
    /* 3GPP TS 33.102 6.3.3. ACCEPTED: *v is RES, CK, IK (wipe it), and the SQN is stored durably. RESYNCHRONISE: auts is set. FAILED: the card
     * cannot (no key, storage). */
    enum aka_verdict (*authenticate)(struct applet provider, const uint8_t rand[16], const uint8_t autn[16],
                                     struct aka_vector *v, uint8_t auts[14]);
    /* GSM: f2 to f5 without a challenge to verify. */
    bool (*respond)(struct applet provider, const uint8_t rand[16], struct aka_vector *v);
};

/* "ota-keys": the keysets that command packets may refer to. */
struct ota_key_reference {
    uint16_t item;     /* the provider's own way to find it again */
    uint32_t rights;   /* enum applet_right: what its holder may do */
};

struct ota_key_service {
    /* The keyset of this version (KIc and KID bits 8-5, 1 to 15) that is valid now; wipe *keys after use. false: there is none. */
    bool (*find)(struct applet provider, uint8_t version, struct ota_key_reference *ref, struct keyset *keys);
    /* The counter last accepted under it; all zero when fresh. */
    void (*counter)(struct applet provider, const struct ota_key_reference *ref, uint8_t cntr[5]);
    /* Stores it durably, at once. */
    bool (*set_counter)(struct applet provider, const struct ota_key_reference *ref, const uint8_t cntr[5]);
};

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The subscription applet: the indexed list of K/OTA-key pairs of 3GPP TR 33.812 alternative 3b, and the
 * order that moves the card to the next. ota/README.md documents the order and the answers octet by octet.
 */
#ifndef APPLETS_SUBSCRIPTION_H
#define APPLETS_SUBSCRIPTION_H

#include "applet.h"

/* Stored: values never change meaning. */
enum pair_state {
    PAIR_UNUSED = 0,
    PAIR_STAGED = 1,   /* ordered by one party, and waiting for the other's consent */
    PAIR_ON_TRIAL = 2, /* in use, and not yet confirmed by an authentication */
    PAIR_ACTIVE = 3,
    PAIR_RETIRED = 4,
    PAIR_BLOCKED = 5,  /* in use, and suspended by its operator */
    PAIR_STANDBY = 6,  /* the one before, while its successor is on trial */
    PAIR_AVAILABLE = 7, /* a subscription of its own, for automatic selection to choose */
};

/* Whose keyset, of those that have the right `remote-change`, decides (TR 33.812 5.3.2.3). */
enum authority {
    AUTHORITY_ANY = 0,  /* the operator's as well as a common one (V2) */
    AUTHORITY_BOTH = 1, /* the same order must come under both, in any order */
};

/* Tags of the order and of what is answered (ota/README.md). */
enum {
    ORDER = 0xE1,
    ORDER_INDEX = 0x80,
    ORDER_IMSI = 0x81,
    ORDER_REFERENCE = 0x82,
    ORDER_REFRESH = 0x83,
    ORDER_TRIAL = 0x84,
    ORDER_MNC_LENGTH = 0x85,
    ORDER_USE = 0xA8,
    ORDER_FILES = 0xA5,
    ORDER_FILE = 0xA6, /* in ORDER_FILES: path, offset, data */
    ORDER_FILE_PATH = 0x91,
    ORDER_FILE_OFFSET = 0x92,
    ORDER_FILE_DATA = 0x93,
    ORDER_SUSPENSION = 0xC6,
    ORDER_RESULT = 0xE2,
    RESULT_INDEX = 0x80,
    RESULT_UNUSED = 0x81,
    RESULT_REFERENCE = 0x82,
    RESULT_KCV_K = 0x83,
    RESULT_KCV_KIC = 0x84,
    PAIR_INFO = 0xE3, /* GET DATA 00E3: one a pair */
    PAIR_INFO_STATE = 0x85,
    PAIR_INFO_ALGORITHM = 0x86,
    PAIR_INFO_KVN = 0x87,
    LAST_ORDER = 0xE4, /* GET DATA 00E4 */
    LAST_ORDER_OUTCOME = 0x88,
    RESULT_STAGED = 0x89,
    AUTHORITY = 0xC0, /* in the applet's parameters: who may order, enum authority */
    SELECTION = 0xC1, /* there too, and in STORE DATA: rules of automatic selection */
    USE = 0xC2,       /* there too, once a pair: what it may be used for */
    USUAL_TRIAL = 0xC3, /* there too: as ORDER_TRIAL, for changes that say nothing of a trial; empty: none */
    AUDIT_LOG = 0xE5, /* GET DATA 00E5 */
    SELECTION_INFO = 0xE6, /* GET DATA 00E6 */
    SELECTION_FAILED = 0x8A,
    ORDER_REFERENCE_MAX = 8,
};

/* What may be known of a pair: no key. For GET DATA and `softuicc show`. */
struct pair_info {
    uint8_t state;     /* enum pair_state */
    uint8_t algorithm; /* enum aka_id */
    uint8_t kvn;       /* its OTA keyset's version */
    bool has_imsi;
    uint8_t imsi[9]; /* as EF.IMSI has it; only when has_imsi: the pair is or was active */
    uint8_t kcv_k[3], kcv_kic[3];
    uint64_t sqn;       /* the highest accepted */
    uint8_t counter[5]; /* OTA counter last accepted */
};

extern const struct applet_class subscription_class;

/* The card's subscription applet, or false when its profile has none. */
bool subscription_of(struct uicc *card, struct applet *out);
bool subscription_info(struct applet self, unsigned index, struct pair_info *out);

/* For the maker's record: the IMSI that a card made of this profile, with `imsi` for its first pair, has from
 * the start for another one (a candidate's of automatic selection). false: none. */
bool subscription_made_imsi(const struct profile *p, unsigned pair, const char *imsi, char out[16]);

#endif

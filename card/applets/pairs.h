/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of K/OTA pairs as the subscription applet keeps it. Between its own files only.
 *
 * Keys live in items of their own; what changes (state, IMSI, SQN, counters) lies beside them, so that a change of subscription moves an index and never
 * copies a key.
 */
#ifndef APPLETS_PAIRS_H
#define APPLETS_PAIRS_H

#include "registry.h"
#include "services.h"
#include "sqn.h"
#include "subscription.h"

enum { /* items; stored: values never change meaning. The low octet is the pair's (or keyset's) index. */
       ITEM_ACTIVE = 0x0000,      /* index of the active pair */
       ITEM_ORDER = 0x0001,       /* the last order and what became of it (struct order_record) */
       ITEM_TRIAL = 0x0002,       /* there while a subscription is on trial (struct trial) */
       ITEM_SAVED = 0x0003,       /* then: the files as they were */
       ITEM_LOG = 0x0004,         /* audit log */
       ITEM_STAGED = 0x0005,      /* an order that waits for the other party's consent: its kind of keyset, then the order */
       ITEM_AKA = 0x0100,         /* secret: struct aka_secret */
       ITEM_STATE = 0x0200,       /* state, has IMSI, IMSI (9) */
       ITEM_SQN = 0x0300,         /* highest SEQ per IND; absent: fresh */
       ITEM_COUNTER = 0x0400,     /* OTA counter; absent: fresh */
       ITEM_COMMON_KEYS = 0x0500, /* secret: common keysets */
       ITEM_COMMON_COUNTER = 0x0600,
       ITEM_OTA = 0x0700,         /* secret: the pair's keyset, with its rights */
       ITEM_TRIED = 0x0800,       /* counters of a trial, written at once: power-ups, polls, failures */
       ITEM_KIND = 0xFF00,
       PAIR_IMSI_LEN = 9,
       PAIR_SECRET_MAX = 32 + AKA_KEY_ENCODED_MAX,
};

/* ---- secrets: a pair's two halves. Wipe after use. ---- */

struct aka_secret {
    const struct aka_algorithm *algorithm;
    struct sqn_scheme sqn;
    struct aka_key key;
};

bool aka_secret_load(struct applet self, unsigned index, struct aka_secret *out);
bool aka_secret_put(struct applet self, unsigned index, const struct aka_secret *secret);

/* item: ITEM_OTA | index, or ITEM_COMMON_KEYS | index. */
bool ota_secret_load(struct applet self, uint16_t item, uint32_t *rights, struct keyset *keys);
/* The keys lie beside their counter, whose item is what sessions know. */
static inline uint16_t keys_item_of(uint16_t counter_item)
{
    return (uint16_t)((counter_item & ITEM_KIND) == ITEM_COUNTER ? ITEM_OTA | (counter_item & 0xFF) : ITEM_COMMON_KEYS | (counter_item & 0xFF));
}
bool ota_secret_put(struct applet self, uint16_t item, uint32_t rights, const struct keyset *keys);

/* ---- state ---- */

struct pair_record {
    uint8_t state; /* enum pair_state */
    bool has_imsi;
    uint8_t imsi[PAIR_IMSI_LEN];
};

bool pair_load(struct applet self, unsigned index, struct pair_record *out); /* false: no such pair */
bool pair_put(struct applet self, unsigned index, const struct pair_record *s);
unsigned pair_active(struct applet self);
bool pair_set_active(struct applet self, unsigned index);
unsigned pair_count_unused(struct applet self);

/* ---- the applet's parts ---- */

sw_t pairs_install(struct applet self, const struct uicc_personal *personal);
const void *subscription_share(struct applet self, const char *service); /* aka (subscription_aka.c), ota-keys (subscription_ota.c) */
extern const struct aka_service subscription_aka;
extern const struct ota_key_service subscription_ota_keys;

sw_t command_order(struct call *call);     /* change.c */
sw_t command_put_key(struct call *call);   /* put_key.c */

/* Files of the subscription: every EF that a change writes, in every USIM and DF.GSM (change.c). */
bool subscription_files_restore(struct applet self);
bool subscription_tell_users(struct applet self);

/* ---- trial (trial.c) ---- */

/* How long a new subscription may go without a successful authentication; 0: no such limit. */
struct trial_policy {
    uint8_t power_ups, polls, failures, no_service;
    uint8_t minutes; /* of one uninterrupted power session: by the terminal's timer, for the card has no clock */
};

struct trial {
    uint8_t from, to;
    uint8_t from_state; /* to go back to: active, or blocked */
    struct trial_policy policy;
};

bool trial_load(struct applet self, struct trial *out); /* false: none is running */
bool trial_begin(struct applet self, const struct trial *trial);
/* The first successful authentication: the old pair is retired, in the command's transaction. */
bool trial_confirm(struct applet self);
/* Something that counts against the subscription on trial. Counted at once; over a limit of the policy, `roll_back` is set. */
enum trial_strike { STRIKE_POWER_UP, STRIKE_POLL, STRIKE_FAILURE, STRIKE_NO_SERVICE, STRIKES };
bool trial_strike(struct applet self, enum trial_strike strike, bool *roll_back);
/* A limit has been passed already. */
bool trial_due(struct applet self);
/* Back to the old subscription, in a transaction; asks for a REFRESH when the terminal runs already. */
bool trial_roll_back(struct applet self, bool refresh);

/* ---- what became of orders; the audit log (audit.c) ---- */

enum order_outcome { ORDER_ON_TRIAL = 1, ORDER_CONFIRMED = 2, ORDER_ROLLED_BACK = 3 }; /* stored */

struct order_record {
    uint8_t outcome; /* enum order_outcome */
    uint8_t from, to;
    uint8_t imsi[PAIR_IMSI_LEN];
    uint8_t reference_len;
    uint8_t reference[ORDER_REFERENCE_MAX];
};

bool order_record_load(struct applet self, struct order_record *out);
bool order_record_put(struct applet self, const struct order_record *r);

enum audit_event { /* stored */
    AUDIT_ORDERED = 1, AUDIT_CONFIRMED = 2, AUDIT_ROLLED_BACK = 3, AUDIT_KEYS_REPLACED = 4, AUDIT_REFUSED = 5, AUDIT_SUSPENDED = 6, AUDIT_RESUMED = 7,
};
/* One line in the log of the last 32: what, which pair, by the keyset with this item. In the transaction. */
bool audit(struct applet self, enum audit_event event, uint8_t index, uint16_t key_item);
sw_t command_get_data(struct call *call);  /* audit.c: list, last order, log */

#endif

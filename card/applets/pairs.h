/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of K/OTA pairs as the subscription applet keeps it. Between its own files only.
 *
 * Keys live in items of their own; what changes (state, IMSI, SQN, counters) lies beside them, so that a
 * change of subscription moves an index and never copies a key.
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
       /* an order that waits for the other party's consent: its kind of keyset, then the order */
       ITEM_STAGED = 0x0005,
       /* rules of automatic selection that came over the air, in place of the profile's */
       ITEM_RULES = 0x0006,
       /* what automatic selection has seen: country (2), candidates that failed (4) */
       ITEM_SEEN = 0x0007,
       ITEM_AKA = 0x0100,         /* secret: struct aka_secret */
       ITEM_STATE = 0x0200,       /* state, has IMSI, IMSI (9) */
       ITEM_SQN = 0x0300,         /* highest SEQ per IND; absent: fresh */
       ITEM_COUNTER = 0x0400,     /* OTA counter; absent: fresh */
       ITEM_COMMON_KEYS = 0x0500, /* secret: common keysets */
       ITEM_COMMON_COUNTER = 0x0600,
       ITEM_OTA = 0x0700,         /* secret: the pair's keyset, with its rights */
       /* counters of a trial, or of automatic selection, written at once: power-ups,
        * polls, failures, no service */
       ITEM_TRIED = 0x0800,
       /* what a pair may be used for, from its order; absent: as the profile says */
       ITEM_USE = 0x0900,
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
/* aka (subscription_aka.c), ota-keys (subscription_ota.c) */
const void *subscription_share(struct applet self, const char *service);
extern const struct aka_service subscription_aka;
extern const struct ota_key_service subscription_ota_keys;

sw_t command_order(struct call *call);     /* change.c */
/* The same order must come under an operator's and under a common keyset. */
bool subscription_dual_consent(struct applet self);
bool subscription_unstage(struct applet self); /* what waits for the other party's consent is void */
/* A command has written to EF.IMSI: alternative 3a (imsi.c). */
sw_t subscription_imsi_updated(struct applet self, uint16_t file, const struct session *session);
sw_t command_put_key(struct call *call);   /* put_key.c */

/* ---- files of the subscription: in every USIM and in DF.GSM (subscription_files.c) ---- */

/* Changes of files in a transaction; of each file is kept what it began with before its first
 * change, as far as it is changed. */
struct file_changes {
    struct applet self;
    /* file (2), length (2), how it began: what ITEM_SAVED has; of two of one file the last counts */
    struct buf saved;
    bool ok;          /* sticky */
};

bool file_changes_begin(struct file_changes *c, struct applet self); /* false: no memory */
void file_changes_end(struct file_changes *c);
/* What a file, or the beginning of it, was before somebody else wrote to it. */
void file_changes_save(struct file_changes *c, uint16_t file, struct span beginning);
/* The IMSI (as EF.IMSI has it), the length of its MNC (0: as it is), and nothing left of the old network. */
void subscription_files_change(struct file_changes *c, struct span imsi, uint8_t mnc_length);
/* ORDER_FILES: what stands in it. */
sw_t subscription_files_bundle(struct file_changes *c, struct span bundle);
sw_t subscription_files_check(struct applet self, struct span bundle); /* whether it could be done now */
/* ITEM_SAVED, back into the files. */
bool subscription_files_restore(struct applet self);
bool subscription_is_imsi(struct applet self, uint16_t file);
/* EF.IMSI of the first USIM, or of DF.GSM; PROFILE_NO_FILE */
uint16_t subscription_imsi_file(struct applet self);
struct span subscription_imsi(struct applet self);   /* what it has */
/* Session keys that applications derived from the old pair's are forgotten. */
bool subscription_tell_users(struct applet self);

/* ---- trial (trial.c) ---- */

/* How long a new subscription may go without a successful authentication; 0: no such limit. */
struct trial_policy {
    uint8_t power_ups, polls, failures, no_service;
    /* of one uninterrupted power session: by the terminal's timer, for the card has no clock */
    uint8_t minutes;
};

/* ORDER_TRIAL: four octets, or five. false: malformed, or no limit at all, which would be
 * a trial that nothing ends. */
bool trial_policy_read(struct span limits, struct trial_policy *out);
/* What is not said otherwise: the profile's USUAL_TRIAL, or thirty power-ups. false:
 * the profile wants no trial. */
bool trial_usual(struct applet self, struct trial_policy *out);

struct trial {
    uint8_t from, to; /* the same: only the IMSI is on trial (TR 33.812 alternative 3a) */
    uint8_t from_state; /* to go back to: active, or blocked */
    struct trial_policy policy;
};

bool trial_load(struct applet self, struct trial *out); /* false: none is running */
bool trial_begin(struct applet self, const struct trial *trial);
/* Registers for what the terminal can report of it (location status, a timer), or no more,
 * as the trial's policy says. */
bool trial_watch(struct applet self);
void trial_start_timer(struct applet self); /* anew, in this power session */
/* The first successful authentication: the old pair is retired, in the command's transaction. */
bool trial_confirm(struct applet self);
/* Something that counts against the subscription on trial. Counted at once; over a limit of the
 * policy, `roll_back` is set. */
enum trial_strike { STRIKE_POWER_UP, STRIKE_POLL, STRIKE_FAILURE, STRIKE_NO_SERVICE, STRIKES };
bool strikes_count(struct applet self, const struct trial_policy *limits, enum trial_strike strike,
                   bool *over_limit);
bool trial_strike(struct applet self, enum trial_strike strike, bool *roll_back);
/* A limit has been passed already. */
bool trial_due(struct applet self);
/* Back to the old subscription, in a transaction; asks for a REFRESH when the terminal runs already. */
bool trial_roll_back(struct applet self, bool refresh);

/* ---- automatic selection among several subscriptions (selection.c); without rules, nothing ---- */

sw_t selection_install(struct applet self);
bool selection_watches(struct applet self); /* it selects now, and wants to know where the terminal is */
bool selection_limits(struct applet self, struct trial_policy *out); /* false: it does not select now */
/* Something that counts against the subscription in force; success: an authentication, or normal service. */
bool selection_strike(struct applet self, enum trial_strike strike, bool refresh);
bool selection_success(struct applet self);
bool selection_timer(struct applet self);
/* The terminal reports; location information (TS 102 223 8.19) may be empty. */
bool selection_location(struct applet self, bool normal_service, struct span location);
sw_t selection_replace(struct call *call, struct span rules); /* STORE DATA */
sw_t selection_tell(struct call *call);                       /* GET DATA */

/* ---- what a subscription may be used for (use.c) ---- */

sw_t use_check(struct span use);
/* registers for call control if any pair has a service profile */
bool use_watch(struct applet self);
/* empty: as the profile says. false: no memory, or call control is another applet's */
bool use_put(struct applet self, unsigned pair, struct span use);
sw_t use_control(struct applet self, const struct event *event);  /* CALL_CONTROL, MESSAGE_CONTROL */

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

/* Stored: values never change meaning. */
enum audit_event {
    AUDIT_ORDERED = 1,
    AUDIT_CONFIRMED = 2,
    AUDIT_ROLLED_BACK = 3,
    AUDIT_KEYS_REPLACED = 4,
    AUDIT_REFUSED = 5,
    AUDIT_SUSPENDED = 6,
    AUDIT_RESUMED = 7,
    AUDIT_IMSI_CHANGED = 8,
    AUDIT_SELECTED = 9,
    AUDIT_RULES = 10,
};
/* One line in the log of the last 32: what, which pair, by the keyset with this item. In the transaction. */
bool audit(struct applet self, enum audit_event event, uint8_t index, uint16_t key_item);
/* An authenticated party was refused something: the status word's second octet in the pair's place.
 * Durable at once, for the command leaves no trace; there are at most eight such lines, so that
 * nobody can wash the others out. */
void audit_refused(struct applet self, const struct session *session, sw_t sw);
sw_t command_get_data(struct call *call);  /* audit.c: list, last order, log */

#endif

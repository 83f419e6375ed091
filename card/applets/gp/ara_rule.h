/* SPDX-License-Identifier: Apache-2.0
 *
 * Access rules as octets: pure functions of one REF-AR-DO and of lists of them (GlobalPlatform Secure Element
 * Access Control 1.1, 6; Android's CA and DB besides).
 */
#ifndef GP_ARA_RULE_H
#define GP_ARA_RULE_H

#include "sw.h"
#include "tlv.h"

enum {
    REF_AR_DO = 0xE2,
    REF_DO = 0xE1,
    AR_DO = 0xE3,
    AID_REF_DO = 0x4F,
    AID_REF_DO_EMPTY = 0xC0,
    DEVICE_APP_REF_DO = 0xC1
};

/* A REF-AR-DO's value, checked, and written again without the objects that are not known. SW_OK,
 * SW_RULE_PART_UNKNOWN (something was left out), or SW_WRONG_DATA. */
sw_t ara_rule_read(struct span value, struct buf *out);

/* Adds a rule that ara_rule_read wrote to a list: `out` becomes the new list. SW_OK; SW_RULE_EXISTS: one of
 * the same reference was there, and both hold, or are the same; 6A89: they contradict each other, and `out`
 * is of no use. */
sw_t ara_rules_add(struct span rules, struct span rule, struct buf *out);

/* The rules that a deletion does not mean: `what` is an object 4F, C0, E1 or E2, or nothing, which means all.
 * *n: how many went. false: no such object. */
bool ara_rules_delete(struct span rules, struct span what, struct buf *out, unsigned *n);

/* The AR-DOs of the rules with this REF-DO (its value). false: there is none. */
bool ara_rules_find(struct span rules, struct span reference, struct buf *out);

#endif

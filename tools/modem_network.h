/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in the air round a virtual terminal: networks, each with a name and an authentication centre behind
 * it, and what carries its short messages. No radio: a network is there or not, and takes an IMSI or not.
 */
#ifndef TOOLS_MODEM_NETWORK_H
#define TOOLS_MODEM_NETWORK_H

#include "auc.h"

struct modem_network;

enum { NETWORKS_MAX = 16 };

struct network_spec {
    const char *plmn; /* 5 or 6 digits; "": that of the IMSI, whatever it is */
    const char *name; /* may be "" */
    uint8_t act;      /* access technology: 0, 2, 7 */
    uint16_t area;    /* LAC or TAC */
    uint32_t cell;
    /* Where its vectors come from, one of these; neither: it knows nobody. */
    struct auc *auc;     /* in this process; the caller's */
    const char *gateway; /* a socket of the hlr_auc_gw protocol: `softuicc auc serve` */
    bool forbidden;      /* it serves no roamers: cause 11 */
};

/* NULL: no memory. seed: of challenges, when the centre is in this process; 0: from the system's generator.
 */
struct modem_network *network_new(uint64_t seed);
void network_free(struct modem_network *n); /* NULL is allowed */

enum { NETWORK_NAME_MAX = 63, NETWORK_GATEWAY_MAX = 107 }; /* characters */
/* Its number, from 0; -1: no room, or the spec is none. */
int network_add(struct modem_network *n, const struct network_spec *spec);
unsigned network_count(const struct modem_network *n);
/* With the home network's number in place of "". NULL: no such network. */
const struct network_spec *network_at(const struct modem_network *n, unsigned nth);
bool network_in_air(const struct modem_network *n, unsigned nth);
void network_switch(struct modem_network *n, unsigned nth, bool on); /* coverage */

enum network_answer { NETWORK_OK, NETWORK_UNKNOWN_IMSI, NETWORK_OUT_OF_ORDER };

struct network_vector { /* a secret: wipe it */
    uint8_t rand[16], autn[AUC_AUTN_MAX], res[AKA_RES_MAX];
    uint8_t autn_len, res_len;
    uint8_t sres[4]; /* of a triplet */
};

/* A vector for UMTS AKA, or (triplet) for GSM. */
enum network_answer network_vector(struct modem_network *n, unsigned nth, const char *imsi, bool triplet,
                                   struct network_vector *v);
void network_resync(struct modem_network *n, unsigned nth, const char *imsi, const uint8_t rand[16],
                    struct span auts);

/* Takes short messages of the terminal (SMS-SUBMIT or -COMMAND) to this centre; 0, or RP cause
 * (TS 24.011 8.2.5.4). Without one, the network takes every message, and nobody gets it. */
void network_on_submit(struct modem_network *n,
                       unsigned (*submit)(void *ctx, const char *centre, struct span tpdu), void *ctx);
unsigned network_submit(struct modem_network *n, const char *centre, struct span tpdu);

/* What it says to a USSD string, "" or more of it that begin with this; NULL answers: an error. At most 16.
 */
bool network_ussd_script(struct modem_network *n, const char *begins, const char *answer);
const char *network_ussd(const struct modem_network *n, const char *text);

#endif

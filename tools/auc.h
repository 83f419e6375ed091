/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator's authentication centre: the keys of his subscribers, sealed, and the sequence number of each
 * (IMSI, index). It makes vectors for a subscriber (3GPP TS 33.102 6.3.2) with SQN = SEQ || IND, SEQ one
 * higher each time, IND in turn (C.1.1.1, C.3.2), and takes up what a card says of its own sequence numbers
 * (6.3.5). A sequence number is on the disk before the vector that carries it is given out.
 */
#ifndef TOOLS_AUC_H
#define TOOLS_AUC_H

#include "keys.h"
#include "sealed.h"

struct auc;

enum { AUC_AUTN_MAX = 8 + AKA_MAC_MAX, AUC_AUTS_MAX = 6 + AKA_MAC_MAX, AUC_CURRENT = -1 };

struct auc_config {
    const char *path; /* ":memory:" keeps nothing */
    bool create;
    const char *key_file, *passphrase; /* as in struct sealed_config */
};

struct auc *auc_open(const struct auc_config *config, struct sealed_error *error);
void auc_close(struct auc *a); /* NULL is allowed */
bool auc_wants_passphrase(const char *path, bool *wants, struct sealed_error *error);

/* Pair `row` authenticates this IMSI from now on: it is the current one of the IMSI. Other pairs of the IMSI
 * stay, for cards that have not changed yet. Sequence numbers are the pair's: under whatever IMSIs it is
 * there, they go on from one to the next. */
bool auc_add(struct auc *a, const struct key_row *row, const char *imsi, struct sealed_error *error);
/* index AUC_CURRENT: all pairs of the IMSI. When the current one goes, the one added last before it is
 * current. */
bool auc_remove(struct auc *a, const char *imsi, int index, struct sealed_error *error);

struct auc_vector { /* a secret: wipe it */
    uint8_t rand[16];
    uint8_t autn[AUC_AUTN_MAX];
    uint8_t autn_len;
    unsigned index;
    uint64_t sqn;
    struct aka_vector aka; /* XRES, CK, IK */
    uint8_t sres[4], kc[8];
};

/* index AUC_CURRENT: that of the current pair. rand NULL: random. */
bool auc_vector(struct auc *a, const char *imsi, int index, const uint8_t amf[2], const uint8_t *rand,
                struct auc_vector *out, struct sealed_error *error);
/* GSM: RAND, SRES, Kc only (TS 33.102 6.8.1.2); takes no sequence number. */
bool auc_triplet(struct auc *a, const char *imsi, int index, const uint8_t *rand, struct auc_vector *out,
                 struct sealed_error *error);

/* A card refused a vector's SQN and gave AUTS. false: no such subscriber, or MAC-S is wrong (and nothing
 * changed). *set: whether the sequence number was set to the card's; it is left alone where the next one
 * would be accepted anyway, so that an old AUTS does no harm. */
bool auc_resync(struct auc *a, const char *imsi, int index, const uint8_t rand[16], struct span auts,
                bool *set, struct sealed_error *error);

struct auc_subscriber {
    const char *imsi, *iccid;
    unsigned index;
    bool current;
    const struct aka_algorithm *algorithm;
    struct sqn_scheme scheme;
    uint64_t sqn;              /* given out last, 0: none yet */
    uint64_t next;             /* one whose SEQ was never given out, of IND 0; 0: there is none */
    const struct aka_key *key; /* secret; NULL unless asked for */
};
/* In order of IMSI and index. A false from `each` ends it and is returned. */
bool auc_each(struct auc *a, bool with_keys, bool (*each)(void *ctx, const struct auc_subscriber *s),
              void *ctx, struct sealed_error *error);

/* One request of hostapd to its HLR/AuC gateway (a datagram): the answer, NUL-terminated; 0 when there is
 * none to give. */
enum { AUC_REQUEST_MAX = 1000, AUC_ANSWER_MAX = 1000 };
size_t auc_answer(struct auc *a, const char *request, size_t n, const uint8_t amf[2],
                  char answer[AUC_ANSWER_MAX]);

/* The current subscribers as another's data base takes them. */
struct auc_export {
    const char *format; /* "osmo-hlr", "srsran", "open5gs", "free5gc" */
    const char *apn;
    unsigned mnc_digits; /* 2 or 3 */
    uint8_t amf[2];
};
bool auc_export_known(const char *format);
bool auc_export(struct auc *a, const struct auc_export *how, FILE *to, struct sealed_error *error);

#endif

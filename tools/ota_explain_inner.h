/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of ota_explain: what they share while they take something apart.
 */
#ifndef TOOLS_OTA_EXPLAIN_INNER_H
#define TOOLS_OTA_EXPLAIN_INNER_H

#include "ota_explain.h"
#include "ota_say.h"

struct explainer {
    struct printer out;
    const struct ota_explain *e;
    const struct span *inputs;
    size_t n_inputs, at;
    /* of the last command packet seen: what a response is opened with */
    bool has_command;
    uint8_t spi2, kic, kid;
    bool has_cntr; /* the command could be read */
    uint8_t tar[3], cntr[SCP80_CNTR_LEN];
};

/* ota_explain.c: packets from their length on; sw: the status word after a response packet, if any */
void explain_command(struct explainer *x, struct span packet);
void explain_response(struct explainer *x, struct span body, struct span sw);
enum ota_kind explain_kind(const struct ota_explain *e, struct span input);

/* ota_explain_script.c: what packets have in them */
void explain_script(struct printer *p, struct span data, struct why *why);
void explain_results(struct printer *p, struct span data);

/* ota_explain_sms.c: what brings packets */
struct span explain_envelope_in(struct span input); /* without the APDU around it, if there is one */
void explain_udh(struct printer *p, struct span user_data);
void explain_deliver(struct explainer *x, struct span tpdu);
void explain_submit(struct explainer *x, struct span tpdu);
void explain_envelope(struct explainer *x, struct span input);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes apart what travels over the air (command and response packets, short messages, ENVELOPE), and says
 * field by field what it means, by which clause, and why a card would refuse it. Keys are used, never shown.
 */
#ifndef TOOLS_OTA_EXPLAIN_H
#define TOOLS_OTA_EXPLAIN_H

#include <stdio.h>

#include "scp80.h"

enum ota_kind {
    OTA_KIND_UNKNOWN, /* find out */
    OTA_KIND_COMMAND, /* from CPL on, or from a user data header with 70 on */
    OTA_KIND_RESPONSE,/* from RPL on, or from UDHL 02 71 00 on; a status word may follow */
    OTA_KIND_DELIVER, /* TPDUs */
    OTA_KIND_SUBMIT,
    OTA_KIND_ENVELOPE,/* from D1 on, or with 80 C2 00 00 Lc before it */
};

/* Keys as somebody gave them. KIc and KID tell algorithm and version of bare keys; where they were not given
 * (has_ false), those of the packet count. A secret: wipe it. */
struct ota_keys {
    bool has_set; /* set is whole (a key file's); the rest is not looked at */
    struct keyset set;
    uint8_t kic_key[32], kid_key[32];
    size_t kic_len, kid_len; /* 0: none */
    bool has_kic, has_kid;
    uint8_t kic, kid;
    uint8_t mac_len; /* 0: as the packet has it, else 8 */
};

/* The keyset that goes with these octets, KIc and KID needed or not. false: *why (static) says what
 * is missing or does not fit. */
bool ota_keys_fit(const struct ota_keys *keys, bool need_kic, bool need_kid, uint8_t kic, uint8_t kid,
                  size_t mac_len, struct keyset *out, const char **why);

/* TARs by name. */
bool ota_tar_named(const char *name, uint8_t tar[3]);

struct ota_explain {
    FILE *to;
    bool json;
    struct uicc_crypto *crypto;
    enum ota_kind as;            /* of every input */
    const struct ota_keys *keys; /* NULL: none */
    /* SPI2 of the command that responses answer; else that of a command among the inputs, else tried out */
    bool has_spi;
    uint8_t spi2;
    bool has_counter;            /* the counter that the card has stored: judges CNTR */
    uint64_t counter;
};

/* Explains the inputs; parts of one packet among them are put together. false: input *which (from 0) is none
 * of the kinds, or memory ran out (*which is then n); nothing has been printed. */
bool ota_explain(const struct ota_explain *e, const struct span *inputs, size_t n, size_t *which);

#endif

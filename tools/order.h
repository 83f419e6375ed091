/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's end of a change order: what the subscription applet is asked over the air, and what it answers. Pure: bytes in,
 * bytes out. The order is one command APDU in a script of the compact format (ETSI TS 102 226 5.2.1); SCP80 secures the script.
 *
 *   80 E2 90 00 Lc  E1 L { [80 01 index]            absent: the next unused pair
 *                          81 09 IMSI               coded as EF.IMSI (3GPP TS 31.102 4.2.2)
 *                          [82 01..08 reference]    the operator's, echoed in the receipt
 *                          [83 01 refresh mode] }   command qualifier of REFRESH (ETSI TS 102 223 8.6); absent: 04, UICC reset
 *   00 C0 00 00 00                                  GET RESPONSE: puts the receipt into the answer
 *
 * The receipt:  E2 L { 80 01 index now active, 81 01 unused pairs left, [82 reference], 83 03 KCV of K, 84 03 KCV of KIc }
 */
#ifndef TOOLS_ORDER_H
#define TOOLS_ORDER_H

#include "span.h"
#include "sw.h"

enum {
    ORDER_REFERENCE_MAX = 8,
    ORDER_KCV_LEN = 3,
    ORDER_INDEX_MAX = 254,
    ORDER_SCRIPT_COMMANDS = 2, /* the order and its GET RESPONSE */
    ORDER_REFRESH_UICC_RESET = 0x04,
};

struct order {
    const char *imsi; /* 6 to 15 digits */
    bool has_index;   /* else the next unused pair */
    uint8_t index;
    bool has_refresh; /* else the card's default, UICC reset */
    uint8_t refresh;
    uint8_t reference_len; /* 0: none */
    uint8_t reference[ORDER_REFERENCE_MAX];
};

/* Appends the whole script, which is the secured data of the command packet. false: not an IMSI, the reference is too long, or no
 * room. */
bool order_script(const struct order *order, struct buf *out);

/* What came back as the secured data of a response packet. */
struct order_answer {
    uint8_t executed; /* commands of the script that were executed */
    sw_t sw;          /* of the last of them */
    bool has_receipt; /* the rest is there: the order was obeyed, and its receipt fetched */
    uint8_t active;   /* index of the pair now active */
    uint8_t unused;   /* pairs left */
    uint8_t reference_len;
    uint8_t reference[ORDER_REFERENCE_MAX];
    bool has_kcv_k, has_kcv_kic;
    uint8_t kcv_k[ORDER_KCV_LEN];
    uint8_t kcv_kic[ORDER_KCV_LEN];
};

/* Takes an answer apart. Objects with unknown tags are skipped. false: not the answer to an order's script (then *out is all zero);
 * a status word that refuses is a good answer, without receipt. */
bool order_answer_parse(struct span data, struct order_answer *out);

/* The order was executed, and nothing speaks against it: both commands executed, 9000, a receipt. */
bool order_obeyed(const struct order_answer *answer);

#endif

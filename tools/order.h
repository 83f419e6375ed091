/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's end of a change order: what the subscription applet is asked over the air, and what it
 * answers. Pure: bytes in, bytes out. The order is one command APDU in a script of the compact format (ETSI
 * TS 102 226 5.1); SCP80 secures the script.
 *
 *   80 E2 90 00 Lc  E1 L { [80 01 index]            absent: the next unused pair
 *                          81 09 IMSI               coded as EF.IMSI (3GPP TS 31.102 4.2.2)
 *                          [82 01..08 reference]    the operator's, echoed in the receipt
 *                          [83 01 refresh mode] command qualifier of REFRESH (ETSI
 *                          TS 102 223 8.6); absent: 04, UICC reset
 *                          [84 00, 04 or 05 limits] how long it is on trial; absent: as the card has it
 *                          [85 01 digits of the MNC]
 *                          [A5 { A6 { 91 path [92 02 offset] 93 data } .. }] }   further files
 *   00 C0 00 00 00                                  GET RESPONSE: puts the receipt into the answer
 *
 * Alternative 3a (TR 33.812 5.3.1; keep): remote file management instead. SELECT EF.IMSI, UPDATE BINARY; its
 * answer is their status word.
 *
 *   00 A4 00 04 02 6F 07   00 D6 00 00 09 IMSI
 *
 * The receipt: E2 L { 80 01 index now active, 81 01 unused pairs left, [82 reference], 83 03
 * KCV of K, 84 03 KCV of KIc }
 */
#ifndef TOOLS_ORDER_H
#define TOOLS_ORDER_H

#include "span.h"
#include "subscription.h" /* ORDER_REFERENCE_MAX */
#include "sw.h"

enum {
    ORDER_KCV_LEN = 3,
    ORDER_INDEX_MAX = 254,
    ORDER_SCRIPT_COMMANDS = 2, /* the order and its GET RESPONSE; SELECT and UPDATE BINARY */
    ORDER_TRIAL_MAX = 5,
    ORDER_FILES_MAX = 180, /* octets of a script that still goes with the order into few short messages */
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
    bool keep;               /* the IMSI alone: nothing below counts, nor do index, reference, refresh */
    bool has_trial;
    uint8_t trial_len, trial[ORDER_TRIAL_MAX]; /* 0: none, it is final */
    uint8_t mnc_digits;      /* 0: not said */
    uint8_t files_len, files[ORDER_FILES_MAX]; /* what stands in A5 (order_add_file) */
};

/* Another file: path of FIDs from the MF on, or from 7FFF, the USIM's ADF. false: no room. */
bool order_add_file(struct order *order, struct span path, unsigned offset, struct span data);

/* Appends the whole script, which is the secured data of the command packet. false: not an IMSI, the
 * reference is too long, or no room. */
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

/* Takes an answer apart. Objects with unknown tags are skipped. false: not the answer to an order's script
 * (then *out is all zero); a status word that refuses is a good answer, without receipt. */
bool order_answer_parse(struct span data, struct order_answer *out);

/* The order was executed, and nothing speaks against it: both commands executed, 9000, a receipt
 * (which `keep` has none of). */
bool order_obeyed(const struct order *order, const struct order_answer *answer);

#endif

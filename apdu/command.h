/* SPDX-License-Identifier: Apache-2.0
 *
 * A command APDU, taken apart. ETSI TS 102 221 10.1, ISO/IEC 7816-4 5.1 (short and extended lengths).
 */
#ifndef APDU_COMMAND_H
#define APDU_COMMAND_H

#include "span.h"
#include "sw.h"

/* The three families of class bytes a UICC serves (TS 102 221 10.1.1, TS 51.011 9.2). */
enum apdu_class {
    CLASS_ISO,     /* 0X, 4X, 6X: ISO/IEC 7816-4 */
    CLASS_ETSI,    /* 8X, CX, EX: TS 102 221 proprietary, GlobalPlatform */
    CLASS_GSM,     /* A0: TS 51.011 */
    CLASS_UNKNOWN, /* everything else: 6E00 */
};

enum { APDU_CHANNELS = 20 }; /* basic channel 0 and logical channels 1 to 19 (TS 102 221 10.1.1) */

struct command {
    uint8_t cla, ins, p1, p2;
    enum apdu_class klass;
    uint8_t channel;    /* 0 to 19 */
    uint8_t messaging;  /* secure messaging indication of CLA, 0: none */
    bool chained;       /* CLA bit 5: not the last command of a chain (ISO/IEC 7816-4 5.3.3) */
    bool has_p3;        /* false: four octets only */
    bool extended;      /* extended length fields */
    struct span data;   /* Lc octets, borrowed from the APDU */
    /* a Le field was there (always so for five octets, where P3 may turn out to be Lc 0) */
    bool has_le;
    uint32_t le;        /* its value, 1 to 65536 */
};

/* Takes an APDU apart. SW_OK, SW_WRONG_LENGTH when its length fields and its length disagree. The class is
 * decoded but not judged: dispatch does that. */
sw_t command_parse(struct span apdu, struct command *out);

/* The CLA octet of this family for a channel (0 to 19), without secure messaging. */
uint8_t command_cla(enum apdu_class klass, uint8_t channel);

#endif

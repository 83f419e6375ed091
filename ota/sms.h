/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages as they reach a card: TPDUs of 3GPP TS 23.040, their user data header, and the ENVELOPE
 * (SMS-PP DOWNLOAD) of ETSI TS 102 223 7.1 / 3GPP TS 31.111 7.1 that brings one. Pure; parses hostile input
 * and builds what the operator's end sends.
 */
#ifndef OTA_SMS_H
#define OTA_SMS_H

#include "span.h"

enum {
    SMS_UD_MAX = 140,        /* TS 23.040 9.2.3.24, 8-bit data */
    SMS_ADDRESS_MAX = 12,    /* length, type, 10 octets of digits */
    SMS_TPDU_MAX = 176,
    UDH_CONCAT_8 = 0x00,
    UDH_CONCAT_16 = 0x08,
    UDH_COMMAND_PACKET = 0x70,  /* TS 31.115 4: (U)SIM toolkit security header, command */
    UDH_RESPONSE_PACKET = 0x71,
    SMS_PID_USIM_DOWNLOAD = 0x7F,
    SMS_DCS_CLASS2_8BIT = 0xF6,
};

struct sms_deliver {
    struct span originator;   /* TP-OA as it stands: length in digits, type, digits */
    uint8_t pid, dcs;
    uint8_t timestamp[7];     /* TP-SCTS */
    bool has_udh;             /* TP-UDHI */
    struct span user_data;    /* TP-UD: the header (UDHL first) included when has_udh */
};

/* false: not a well-formed SMS-DELIVER with 8-bit (or class 2) data; nothing may be done with it.
 * Builders set out->full when the message is not one that the parser would take (address, coding,
 * more than SMS_UD_MAX octets). */
bool sms_deliver_parse(struct span tpdu, struct sms_deliver *out);
void sms_deliver_build(const struct sms_deliver *sms, struct buf *out);

struct sms_submit {
    uint8_t reference;        /* TP-MR */
    struct span destination;  /* as originator above */
    uint8_t pid, dcs;
    bool has_udh;
    struct span user_data;
};
bool sms_submit_parse(struct span tpdu, struct sms_submit *out);
void sms_submit_build(const struct sms_submit *sms, struct buf *out);

/* The user data header, taken apart. */
struct sms_udh {
    bool concatenated;
    uint16_t reference;
    bool reference16;
    /* part counts from 1; as received: 0 of n and n > total are the caller's to refuse */
    uint8_t total, part;
    bool command_packet;      /* IEI 70 was there */
    bool response_packet;     /* IEI 71 was there */
    struct span body;         /* what follows the header */
};
/* false: lengths in the header do not fit. Unknown information elements are skipped. */
bool sms_udh_parse(struct span user_data, struct sms_udh *out);

/* ENVELOPE's data: D1 { 82 device identities 83 81, 86 address (when address.n), 8B TPDU }. */
struct envelope_sms_pp {
    struct span address;      /* TS 102 223 8.1, the service centre's; may be empty */
    struct span tpdu;
};
bool envelope_sms_pp_parse(struct span envelope, struct envelope_sms_pp *out);
void envelope_sms_pp_build(const struct envelope_sms_pp *e, struct buf *out);

/* Octets of TP-VP in an SMS-SUBMIT with this first octet (TS 23.040 9.2.3.3): 0, 1 (relative) or 7. */
size_t sms_validity_octets(uint8_t first);

/* TP-OA/TP-DA octets of a number ("+491234..." gives type 91, else 81). false: no
 * number of 1 to 20 digits. */
bool sms_address_pack(const char *number, struct buf *out);
/* The same of what a person may dial: * and # are digits, too (TS 23.040 9.1.2.3). */
bool sms_dialled_pack(const char *number, struct buf *out);

/* The whole way out: a secured packet (from CPL on) as SMS-DELIVERs with user data header 70 in the first,
 * split into concatenated parts when it does not fit one (reference ref). each() gets the n-th TPDU; returns
 * false as soon as each() does, or when the packet would need more than 255 parts. */
bool sms_packet_split(struct span packet, uint8_t ref, struct span originator,
                      bool (*each)(void *ctx, unsigned nth, struct span tpdu), void *ctx);

#endif

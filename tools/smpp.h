/* SPDX-License-Identifier: Apache-2.0
 *
 * PDUs of SMPP 3.4, as far as OTA needs them: bytes in, bytes out. libsmpp34 packs and unpacks them, behind a
 * fence: smpp_parse checks every length, terminator and address type of the mandatory parameters itself
 * before the library sees a copy of them, and reads the optional parameters without it. The library trusts
 * its input (it looks for terminators beyond the end, and writes its log past the end of a global buffer when
 * there are many optional parameters), and it keeps that log in globals: one thread at a time may call
 * smpp_parse and smpp_build.
 */
#ifndef TOOLS_SMPP_H
#define TOOLS_SMPP_H

#include "span.h"

/* command_id (SMPP 3.4, 5.1.2.1); an answer has the bit SMPP_RESPONSE. */
enum {
    SMPP_BIND_RECEIVER = 0x01,
    SMPP_BIND_TRANSMITTER = 0x02,
    SMPP_QUERY_SM = 0x03,
    SMPP_SUBMIT_SM = 0x04,
    SMPP_DELIVER_SM = 0x05,
    SMPP_UNBIND = 0x06,
    SMPP_BIND_TRANSCEIVER = 0x09,
    SMPP_ENQUIRE_LINK = 0x15,
};
#define SMPP_RESPONSE     UINT32_C(0x80000000)
#define SMPP_GENERIC_NACK SMPP_RESPONSE

/* command_status (5.1.3), those that are used here */
enum {
    SMPP_OK = 0x00,
    SMPP_INVALID_MESSAGE_LENGTH = 0x01,
    SMPP_INVALID_COMMAND_LENGTH = 0x02,
    SMPP_INVALID_COMMAND = 0x03,
    SMPP_WRONG_BIND_STATUS = 0x04,
    SMPP_ALREADY_BOUND = 0x05,
    SMPP_SYSTEM_ERROR = 0x08,
    SMPP_INVALID_SOURCE = 0x0A,
    SMPP_INVALID_DESTINATION = 0x0B,
    SMPP_BIND_FAILED = 0x0D,
    SMPP_INVALID_PASSWORD = 0x0E,
    SMPP_QUEUE_FULL = 0x14,
    SMPP_SUBMIT_FAILED = 0x45,
    SMPP_INVALID_SOURCE_TON = 0x48,
    SMPP_INVALID_SOURCE_NPI = 0x49,
    SMPP_INVALID_DESTINATION_TON = 0x50,
    SMPP_INVALID_DESTINATION_NPI = 0x51,
    SMPP_INVALID_OPTIONAL = 0xC0,
    SMPP_INVALID_PARAMETER_LENGTH = 0xC2,
    SMPP_MISSING_OPTIONAL = 0xC3,
    SMPP_INVALID_OPTIONAL_VALUE = 0xC4,
    SMPP_UNKNOWN_ERROR = 0xFF,
};

enum {
    SMPP_HEADER = 16,
    SMPP_PDU_MAX =
        2048, /* longer ones are refused: the longest submit_sm that a short message needs has 500 */
    SMPP_SYSTEM_ID_MAX = 15,
    SMPP_PASSWORD_MAX = 8,
    SMPP_ADDRESS_MAX = 20, /* digits */
    SMPP_MESSAGE_ID_MAX = 64,
    SMPP_MESSAGE_MAX = 254,

    SMPP_CLASS_UDHI = 0x40, /* esm_class, 5.2.12 */
    SMPP_CLASS_TYPE = 0x3C, /* deliver_sm: other than 0 it is a receipt or acknowledgement */
    SMPP_CLASS_RECEIPT = 0x04,

    SMPP_CODING_8BIT = 0x04, /* data_coding, 5.2.19 */

    SMPP_TON_UNKNOWN = 0,
    SMPP_TON_INTERNATIONAL = 1,
    SMPP_TON_ALPHANUMERIC = 5,
    SMPP_NPI_UNKNOWN = 0,
    SMPP_NPI_E164 = 1,
};

struct smpp_address {
    uint8_t ton, npi;
    char digits[SMPP_ADDRESS_MAX + 1]; /* as it stands, maybe with a '+' */
};

/* What submit_sm and deliver_sm carry. */
struct smpp_message {
    struct smpp_address source, destination;
    uint8_t esm_class, protocol_id, data_coding, registered_delivery;
    size_t n;
    /* short_message, or message_payload where that is there. A part of a message by sar_msg_ref_num and its
     * kin (5.3.2.22 to .24) is given as the one by user data header that it means (TS 23.040 9.2.3.24.1). */
    uint8_t data[SMPP_MESSAGE_MAX];
};

struct smpp_pdu {
    uint32_t command, status, sequence;
    /* bind_*, and system_id of its answer */
    char system_id[SMPP_SYSTEM_ID_MAX + 1], password[SMPP_PASSWORD_MAX + 1];
    uint8_t version;
    /* submit_sm, deliver_sm */
    struct smpp_message message;
    /* submit_sm_resp, deliver_sm_resp */
    char message_id[SMPP_MESSAGE_ID_MAX + 1];
};

/* The length of the PDU that `stream` begins with, as its header has it: 0 as long as that is not there. */
uint32_t smpp_length(struct span stream);

/* Takes one whole PDU apart. SMPP_OK, or the command_status to refuse it with: out has then its command and
 * sequence, as far as they are there. A command_id that is not one of the above, or an answer to one, is
 * SMPP_INVALID_COMMAND. */
uint32_t smpp_parse(struct span pdu, struct smpp_pdu *out);

/* Appends a PDU. out becomes full when it cannot be made (no such command, no room). */
void smpp_build(const struct smpp_pdu *pdu, struct buf *out);

/* A number as an address: "+49..." is international. false: not 1 to 20 digits. */
bool smpp_address(const char *number, struct smpp_address *out);

/* Names for people: "submit_sm", "submit_sm_resp", "unknown command". */
const char *smpp_command_name(uint32_t command);
const char *smpp_status_text(uint32_t status);

#endif

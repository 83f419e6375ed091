/* SPDX-License-Identifier: Apache-2.0
 *
 * The vocabulary of the card application toolkit (ETSI TS 102 223, 3GPP TS 31.111): cat.def as tables, and
 * what takes a proactive command or a TERMINAL RESPONSE apart and puts one together. Pure; the card,
 * terminals and traces share it.
 */
#ifndef APDU_CAT_H
#define APDU_CAT_H

#include "span.h"

enum { /* BER-TLV, TS 101 220 7.2 */
    CAT_PROACTIVE = 0xD0,
    CAT_SMS_PP = 0xD1,
    CAT_CELL_BROADCAST = 0xD2,
    CAT_MENU_SELECTION = 0xD3,
    CAT_CALL_CONTROL = 0xD4,
    CAT_MO_SMS_CONTROL = 0xD5,
    CAT_EVENT_DOWNLOAD = 0xD6,
    CAT_TIMER_EXPIRATION = 0xD7,
    CAT_USSD_DOWNLOAD = 0xD9,
    CAT_MMS_TRANSFER_STATUS = 0xDA,
    CAT_MMS_NOTIFICATION = 0xDB,
    CAT_TERMINAL_APPLICATION = 0xDC,
    CAT_GEOGRAPHICAL_LOCATION = 0xDD,
    CAT_ENVELOPE_CONTAINER = 0xDE,
    CAT_PROSE_REPORT = 0xDF,
};

enum {
    /* COMPREHENSION-TLV without the comprehension bit, TS 101 220 7.2: those that
     * code of ours reads or writes */
    CAT_TAG_COMMAND_DETAILS = 0x01,
    CAT_TAG_DEVICE_IDENTITIES = 0x02,
    CAT_TAG_RESULT = 0x03,
    CAT_TAG_DURATION = 0x04,
    CAT_TAG_ALPHA_IDENTIFIER = 0x05,
    CAT_TAG_ADDRESS = 0x06,
    CAT_TAG_SS_STRING = 0x09,
    CAT_TAG_USSD_STRING = 0x0A,
    CAT_TAG_SMS_TPDU = 0x0B,
    CAT_TAG_CB_PAGE = 0x0C,
    CAT_TAG_TEXT_STRING = 0x0D,
    CAT_TAG_ITEM = 0x0F,
    CAT_TAG_ITEM_IDENTIFIER = 0x10,
    CAT_TAG_RESPONSE_LENGTH = 0x11,
    CAT_TAG_FILE_LIST = 0x12,
    CAT_TAG_LOCATION_INFORMATION = 0x13,
    CAT_TAG_IMEI = 0x14,
    CAT_TAG_HELP_REQUEST = 0x15,
    CAT_TAG_NEXT_ACTION = 0x18,
    CAT_TAG_EVENT_LIST = 0x19,
    CAT_TAG_LOCATION_STATUS = 0x1B,
    CAT_TAG_ICON_IDENTIFIER = 0x1E,
    CAT_TAG_ITEM_ICON_LIST = 0x1F,
    CAT_TAG_TIMER_IDENTIFIER = 0x24,
    CAT_TAG_TIMER_VALUE = 0x25,
    CAT_TAG_AID = 0x2F,
    CAT_TAG_IMS_URI = 0x31,
    CAT_TAG_CHANNEL_STATUS = 0x38,
    CAT_TAG_PDP_PARAMETERS = 0x52,
    CAT_TAG_IMEISV = 0x62,
    CAT_TAG_EPS_PARAMETERS = 0x7C,
    CAT_COMPREHENSION = 0x80, /* the receiver must understand it, or do nothing (TS 101 220 7.1.1.2) */
};

enum cat_device { /* device identities, TS 102 223 8.7 */
    CAT_KEYPAD = 0x01,
    CAT_DISPLAY = 0x02,
    CAT_EARPIECE = 0x03,
    CAT_READER = 0x10,  /* additional card reader 0 to 7 */
    CAT_CHANNEL = 0x20, /* channel 1 to 7 is 21 to 27 */
    CAT_UICC = 0x81,
    CAT_TERMINAL = 0x82,
    CAT_NETWORK = 0x83,
};

enum {
    CAT_RESULT_OK = 0x00,
    CAT_RESULT_TERMINAL_BUSY = 0x20,
    CAT_RESULT_NETWORK_BUSY = 0x21,
    CAT_RESULT_BEYOND_TERMINAL = 0x30,
    CAT_RESULT_VALUES_MISSING = 0x36
};
enum { CAT_NO_RESULT = 0xFF }; /* no general result has this value */
enum { CAT_PLI_IMEI = 0x01, CAT_PLI_IMEISV = 0x08, CAT_PROVIDE_LOCAL_INFORMATION = 0x26 };
enum { CAT_READER_IDENTIFIER = 0x01, CAT_GET_READER_STATUS = 0x33 };

struct cat_facility { uint8_t octet, bit; }; /* of TERMINAL PROFILE, both from 1; 0, 0: none */

struct cat_command {
    const char *name;
    const char *clause;
    /* tags that must follow the device identities, without the comprehension bit; "" for none */
    const char *mandatory;
    uint8_t type;
    struct cat_facility facility;
    /* enum cat_device: where it goes; for CAT_READER and CAT_CHANNEL the first of its kind */
    uint8_t to;
};

/* Tables for those who list them. */
extern const struct cat_command cat_commands[];
extern const size_t cat_commands_n;

/* NULL: no such type. */
const struct cat_command *cat_command(uint8_t type);
/* The facility that this command with this qualifier needs: of PROVIDE LOCAL INFORMATION and TIMER
 * MANAGEMENT it depends on that. */
struct cat_facility cat_facility(uint8_t type, uint8_t qualifier);
struct cat_facility cat_event_facility(uint8_t code);
/* Has this TERMINAL PROFILE it? {0, 0}: no. */
bool cat_profile_has(struct span profile, struct cat_facility facility);

/* Names; NULL for what is not in the table. */
const char *cat_local_info_name(uint8_t qualifier);
const char *cat_event_name(uint8_t code);
const char *cat_result_text(uint8_t general_result);
const char *cat_envelope_name(uint32_t tag);
const char *cat_tag_name(uint32_t tag);

/* ---- codecs ---- */

struct cat_details { uint8_t number, type, qualifier; };

struct cat_proactive {
    struct cat_details details;
    uint8_t from, to;           /* enum cat_device */
    struct span rest;           /* what follows the device identities */
};

/* A whole D0 object. false: it is none, or details or devices are missing. */
bool cat_proactive_parse(struct span command, struct cat_proactive *out);
void cat_proactive_build(struct buf *out, const struct cat_details *details, uint8_t to, struct span rest);
/* Are the mandatory objects of its type there, and is everything well-formed? An unknown
 * type: whatever is well-formed. */
bool cat_proactive_complete(uint8_t type, struct span rest);

struct cat_response {
    struct cat_details details;
    uint8_t result;             /* general result */
    struct span additional;     /* information on it */
    struct span rest;           /* the whole data, for ctlv_find */
};

/* The data of TERMINAL RESPONSE. false: command details or result missing, or not well-formed. */
bool cat_response_parse(struct span data, struct cat_response *out);
void cat_response_build(struct buf *out, const struct cat_details *details, uint8_t result,
                        struct span additional, struct span rest);

/* A timer's value (8.38): hours, minutes, seconds, each two digits with the low one first. */
void cat_timer_value(uint32_t seconds, uint8_t value[3]);
uint32_t cat_timer_seconds(struct span value);

/* A duration (8.8): seconds where they fit one octet, else minutes, rounded up. */
void cat_duration(uint32_t seconds, uint8_t value[2]);
/* And back, tenths of seconds rounded up; 0: it is none. */
uint32_t cat_duration_seconds(struct span value);

#endif

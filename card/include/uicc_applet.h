/* SPDX-License-Identifier: Apache-2.0
 *
 * Applets for softuicc in C: the one header that an applet needs. Names and meanings are those of JavaCard
 * (javacard.framework), ETSI TS 102 241 (uicc.access, uicc.toolkit, uicc.system) and GlobalPlatform,
 * camelCase written as snake_case. Its clauses are named with each part.
 *
 * - package: a shared object (or a part of the program) with one `struct uicc_package`, called uicc_package:
 *   an AID, a version, classes
 * - class: a `struct uicc_applet_class`: constant code, like a Java class
 * - instance: made from a class by a profile or by INSTALL, with an AID of its own; `self` in every call
 *
 * Rules that differ from Java, all of them:
 * - An exception is a status word that is not 9000 and is returned: ISOException is `return UICC_SW_...;`.
 * Whatever is not 9000, 91xx, 61xx, 62xx or 63xx (not 63Cx) undoes what the call changed: each command, and
 * each event for each applet, is a transaction. There is no beginTransaction.
 * - Nothing survives a call but what was put into the instance's objects (persistent) or its transient
 * arrays. A class has no variables: one process runs many cards on many threads with the same code.
 * - send() of a proactive command does not wait: it queues. The terminal's answer comes as the event
 * UICC_EVENT_TERMINAL_RESPONSE.
 * - `self`, and all that a call is given, is valid during that call only.
 * - An applet reaches its own objects, what others share with it (uicc_invoke), and files through a FileView,
 * by the access domain that it was installed with. A call in another's name is refused: the firewall.
 *
 * Lengths are in octets. Functions that return uicc_sw return UICC_SW_OK or say what was wrong; nothing is
 * changed then.
 */
#ifndef UICC_APPLET_H
#define UICC_APPLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The version of everything below. A package says with which it was built; the card refuses another.
 * Functions may be added at the end of struct uicc_api without a new version: uicc_has tells. */
#define UICC_APPLET_ABI 1

/* ---- octets ---- */

struct uicc_span { /* borrowed */
    const uint8_t *p;
    size_t n;
};

struct uicc_buf { /* bounded output: what does not fit is not written, and sets `full` */
    uint8_t *p;
    size_t cap, len;
    bool full;
};

static inline struct uicc_span uicc_span_of(const void *p, size_t n)
{
    struct uicc_span s = {(const uint8_t *)p, n};
    return s;
}

static inline struct uicc_buf uicc_buf_of(uint8_t *p, size_t cap)
{
    struct uicc_buf b = {p, cap, 0, false};
    return b;
}

static inline void uicc_append(struct uicc_buf *b, const void *p, size_t n)
{
    if (b->full || n > b->cap - b->len) {
        b->full = true;
        return;
    }
    if (n > 0)
        memcpy(b->p + b->len, p, n);
    b->len += n;
}

static inline void uicc_append_u8(struct uicc_buf *b, uint8_t octet)
{
    uicc_append(b, &octet, 1);
}

struct uicc_aid {
    uint8_t n; /* 5 to 16 */
    uint8_t octets[16];
};

/* ---- status words (ETSI TS 102 221 10.2) ---- */

typedef uint16_t uicc_sw;

enum {
    UICC_SW_OK = 0x9000,
    UICC_SW_REFUSED = 0x6200, /* a warning: nothing is undone */
    UICC_SW_MORE_DATA_AVAILABLE = 0x62F1,
    UICC_SW_MORE_DATA_EXPECTED = 0x63F1,
    UICC_SW_MEMORY_PROBLEM = 0x6581,
    UICC_SW_WRONG_LENGTH = 0x6700,
    UICC_SW_INCOMPATIBLE_FILE = 0x6981,
    UICC_SW_SECURITY_STATUS = 0x6982,
    UICC_SW_BLOCKED = 0x6983,
    UICC_SW_REFERENCED_DATA_INVALIDATED = 0x6984,
    UICC_SW_CONDITIONS_NOT_SATISFIED = 0x6985,
    UICC_SW_NO_EF_SELECTED = 0x6986,
    UICC_SW_WRONG_DATA = 0x6A80,
    UICC_SW_FUNCTION_NOT_SUPPORTED = 0x6A81,
    UICC_SW_FILE_NOT_FOUND = 0x6A82,
    UICC_SW_RECORD_NOT_FOUND = 0x6A83,
    UICC_SW_NOT_ENOUGH_MEMORY = 0x6A84,
    UICC_SW_ALREADY_EXISTS = 0x6A89,
    UICC_SW_WRONG_P1P2 = 0x6A86,
    UICC_SW_DATA_NOT_FOUND = 0x6A88,
    UICC_SW_WRONG_PARAMETERS = 0x6B00,
    UICC_SW_WRONG_LE = 0x6C00, /* and the right one in its last octet */
    UICC_SW_INS_NOT_SUPPORTED = 0x6D00,
    UICC_SW_CLA_NOT_SUPPORTED = 0x6E00,
    UICC_SW_TECHNICAL_PROBLEM = 0x6F00,
};

/* ---- an instance ---- */

struct uicc_api;

struct uicc_applet {
    const struct uicc_api *api; /* what the card does for it: use the functions below */
    void *card;
    uint8_t index;
};

/* What INSTALL [for install], or the profile, said (GlobalPlatform 2.3 11.5.2.3; TS 102 226 8.2.1.3.2). */
struct uicc_installation {
    struct uicc_span aid;        /* of this instance */
    struct uicc_span parameters; /* application specific parameters, value of C9; of a profile: `params` */
    uint8_t privileges[3];
    bool personalising; /* by the profile, while the card is made */
};

/* ---- process (javacard.framework.APDU) ---- */

struct uicc_apdu {
    uint8_t cla, ins, p1, p2;
    uint8_t channel;       /* 0 to 19 */
    struct uicc_span data; /* incoming */
    uint32_t le;           /* 0: nothing is expected */
    struct uicc_buf *out;  /* outgoing: uicc_append */
};

/* ---- toolkit events (TS 102 241 annex C, ToolkitConstants; TS 31.130) ---- */

enum uicc_event_number {
    UICC_EVENT_PROFILE_DOWNLOAD = 1,
    UICC_EVENT_FORMATTED_SMS_PP_ENV = 2,
    UICC_EVENT_UNFORMATTED_SMS_PP_ENV = 4,
    UICC_EVENT_UNFORMATTED_SMS_CB = 6,
    UICC_EVENT_MENU_SELECTION = 7,
    UICC_EVENT_MENU_SELECTION_HELP_REQUEST = 8,
    UICC_EVENT_CALL_CONTROL_BY_NAA = 9,
    UICC_EVENT_MO_SHORT_MESSAGE_CONTROL_BY_NAA = 10,
    UICC_EVENT_TIMER_EXPIRATION = 11,
    UICC_EVENT_EVENT_DOWNLOAD_MT_CALL = 12,
    UICC_EVENT_EVENT_DOWNLOAD_CALL_CONNECTED = 13,
    UICC_EVENT_EVENT_DOWNLOAD_CALL_DISCONNECTED = 14,
    UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS = 15,
    UICC_EVENT_EVENT_DOWNLOAD_USER_ACTIVITY = 16,
    UICC_EVENT_EVENT_DOWNLOAD_IDLE_SCREEN_AVAILABLE = 17,
    UICC_EVENT_EVENT_DOWNLOAD_CARD_READER_STATUS = 18,
    UICC_EVENT_STATUS_COMMAND = 19,
    UICC_EVENT_EVENT_DOWNLOAD_LANGUAGE_SELECTION = 20,
    UICC_EVENT_EVENT_DOWNLOAD_BROWSER_TERMINATION = 21,
    UICC_EVENT_EVENT_DOWNLOAD_DATA_AVAILABLE = 22,
    UICC_EVENT_EVENT_DOWNLOAD_CHANNEL_STATUS = 23,
    UICC_EVENT_EVENT_DOWNLOAD_ACCESS_TECHNOLOGY_CHANGE = 25,
    UICC_EVENT_EVENT_DOWNLOAD_DISPLAY_PARAMETER_CHANGED = 26,
    UICC_EVENT_EVENT_DOWNLOAD_LOCAL_CONNECTION = 27,
    UICC_EVENT_EVENT_DOWNLOAD_NETWORK_SEARCH_MODE_CHANGE = 28,
    UICC_EVENT_EVENT_DOWNLOAD_BROWSING_STATUS = 29,
    UICC_EVENT_FRAMES_INFORMATION_CHANGE =
        30, /* from here to 120: numbers of ours, TS 102 223 8.25's events in the same order */
    UICC_EVENT_IWLAN_ACCESS_STATUS = 31,
    UICC_EVENT_NETWORK_REJECTION = 32,
    UICC_EVENT_HCI_CONNECTIVITY = 33,
    UICC_EVENT_CSG_CELL_SELECTION = 34,
    UICC_EVENT_CONTACTLESS_STATE_REQUEST = 35,
    UICC_EVENT_IMS_REGISTRATION = 36,
    UICC_EVENT_INCOMING_IMS_DATA = 37,
    UICC_EVENT_POLL_INTERVAL_NEGOTIATION = 40,
    UICC_EVENT_DATA_CONNECTION_STATUS_CHANGE = 41,
    UICC_EVENT_CAG_CELL_SELECTION = 42,
    UICC_EVENT_USSD_DOWNLOAD = 64,
    UICC_EVENT_GEOGRAPHICAL_LOCATION_REPORT = 68,
    UICC_EVENT_UNRECOGNIZED_ENVELOPE = 120,
    UICC_EVENT_PROACTIVE_HANDLER_AVAILABLE = 123,
    UICC_EVENT_EXTERNAL_FILE_UPDATE = 124,
    UICC_EVENT_APPLICATION_DESELECT = 126, /* data: the AID of the application whose session ended (tag 2F) */
    UICC_EVENT_FIRST_COMMAND_AFTER_ATR = 127,
    UICC_EVENT_POWER_ON =
        200, /* ours: the card was reset; comes to every class with process_toolkit, unasked */
    UICC_EVENT_TERMINAL_RESPONSE =
        201, /* ours: what send() of TS 102 241 returns; comes unasked, to who sent */
};

/* An event, and with it the EnvelopeHandler or the ProactiveResponseHandler: `data` is a list of
 * COMPREHENSION-TLV objects (uicc_find_tlv). */
struct uicc_event {
    uint8_t event; /* enum uicc_event_number */
    uint8_t id;    /* menu entry, timer or channel identifier, for events that have one; TERMINAL RESPONSE:
                      general result (TS 102 223 8.12) */
    uint32_t tag;  /* of the ENVELOPE (D1 to DF); TERMINAL RESPONSE: type of the proactive command (TS 102
                      223 9.4) */
    struct uicc_span
        data; /* content of the ENVELOPE behind its tag and length; TERMINAL RESPONSE: its objects */
    struct uicc_buf *out; /* EnvelopeResponseHandler: NULL when there is nothing to answer, or another has */
    bool *handled;        /* NULL, or set true: no further applet gets this event */
};

/* ---- class and package ---- */

struct uicc_applet_class {
    const char *name;       /* what a profile calls it: `class: hello` */
    struct uicc_aid module; /* executable module AID: what INSTALL names */
    /* Once, when the instance is made. Anything but UICC_SW_OK: there is no instance. May be NULL, as any of
     * these may. */
    uicc_sw (*install)(const struct uicc_applet *self, const struct uicc_installation *how);
    /* Before its objects are removed (AppletEvent.uninstall). */
    void (*uninstall)(const struct uicc_applet *self);
    /* SELECT by AID; anything but UICC_SW_OK refuses. */
    uicc_sw (*select)(const struct uicc_applet *self);
    void (*deselect)(const struct uicc_applet *self);
    /* Commands on the channel that has it selected; the card keeps SELECT, STATUS, MANAGE CHANNEL, GET
     * RESPONSE, TERMINAL CAPABILITY, SUSPEND UICC and the toolkit's. */
    uicc_sw (*process)(const struct uicc_applet *self, const struct uicc_apdu *apdu);
    /* uicc.toolkit.ToolkitInterface: events that it registered for, and the two that come unasked. */
    uicc_sw (*process_toolkit)(const struct uicc_applet *self, const struct uicc_event *event);
    /* javacard.framework.Applet.getShareableInterfaceObject: may this client (its AID) use what this
     * parameter names? */
    bool (*get_shareable_interface_object)(const struct uicc_applet *self, struct uicc_span client,
                                           uint8_t parameter);
    /* A method of that shareable interface, called by uicc_invoke; runs in this applet's context. in and out
     * are copies. */
    uicc_sw (*invoke)(const struct uicc_applet *self, struct uicc_span client, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out);
};

struct uicc_package {
    uint32_t abi;                                   /* UICC_APPLET_ABI */
    struct uicc_aid aid;                            /* executable load file AID */
    uint8_t version[2];                             /* major, minor */
    const struct uicc_applet_class *const *classes; /* NULL at the end */
};

#if defined(__GNUC__)
#define UICC_EXPORT __attribute__((visibility("default")))
#else
#define UICC_EXPORT
#endif

/* The symbol that a shared object has: UICC_EXPORT const struct uicc_package uicc_package = {...}; */
extern UICC_EXPORT const struct uicc_package uicc_package;

/* ---- files ---- */

/* A FileView (uicc.access.FileView): a place in the file system and what may be done there. Yours to keep,
 * also in transient memory; its content is the card's. When the file that it is on has been deleted, it is on
 * the nearest directory that is left. */
struct uicc_file_view {
    uint16_t root, df, ef;
    uint8_t record;
    bool admin;
};

enum uicc_record_mode { /* TS 102 221 11.1.5 */
    UICC_REC_ACC_MODE_NEXT = 2,
    UICC_REC_ACC_MODE_PREVIOUS = 3,
    UICC_REC_ACC_MODE_ABSOLUTE_CURRENT = 4, /* record number 0: the current one */
};

enum uicc_search_mode { /* TS 102 221 11.1.7 */
    UICC_SIMPLE_SEARCH_START_FORWARD = 4,
    UICC_SIMPLE_SEARCH_START_BACKWARD = 5,
};

/* Where an enhanced search begins (TS 102 221 11.1.7.2): one of these, plus an offset in the record (0 to
 * 255), or plus UICC_SEARCH_INDICATION_VALUE and the octet behind which to look. */
enum uicc_search_indication {
    UICC_SEARCH_INDICATION_START_FORWARD_FROM_RECORD = 0x0400, /* the given one; 0: the current one */
    UICC_SEARCH_INDICATION_START_BACKWARD_FROM_RECORD = 0x0500,
    UICC_SEARCH_INDICATION_START_FORWARD_FROM_NEXT = 0x0600, /* behind the current one; none: the first */
    UICC_SEARCH_INDICATION_START_BACKWARD_FROM_PREVIOUS = 0x0700,
    UICC_SEARCH_INDICATION_VALUE = 0x0800,
};

/* ---- memory ---- */

enum uicc_transient { UICC_CLEAR_ON_RESET = 1, UICC_CLEAR_ON_DESELECT = 2 };

enum {
    UICC_OBJECT_MAX = 65535,    /* octets of a persistent object */
    UICC_ITEMS = 0xF000,        /* their numbers are below this */
    UICC_TRANSIENTS = 4,        /* transient arrays of an instance: 0 to 3 */
    UICC_TRANSIENT_MAX = 16384, /* octets of one */
    UICC_OWNER_PINS = 16,       /* OwnerPINs of an instance: 0 to 15 */
    UICC_OWNER_PIN_MAX = 16,    /* octets of a PIN */
};

/* ---- crypto (javacard.security, javacardx.crypto), by the card's library ---- */

enum uicc_digest { UICC_SHA_1 = 1, UICC_SHA_256 = 4 };
enum uicc_cipher {
    UICC_AES_CBC_ENCRYPT = 1,
    UICC_AES_CBC_DECRYPT = 2,
    UICC_DES3_CBC_ENCRYPT = 3,
    UICC_DES3_CBC_DECRYPT = 4
};
enum uicc_mac { UICC_AES_CMAC = 1, UICC_DES3_CBC_MAC = 2, UICC_HMAC_SHA_256 = 3 };

/* ---- proactive commands (uicc.toolkit.ToolkitConstants, TS 102 223 9.4) ---- */

enum uicc_proactive_command {
    UICC_PRO_CMD_REFRESH = 0x01,
    UICC_PRO_CMD_MORE_TIME = 0x02,
    UICC_PRO_CMD_SET_UP_CALL = 0x10,
    UICC_PRO_CMD_SEND_SS = 0x11,
    UICC_PRO_CMD_SEND_USSD = 0x12,
    UICC_PRO_CMD_SEND_SHORT_MESSAGE = 0x13,
    UICC_PRO_CMD_SEND_DTMF = 0x14,
    UICC_PRO_CMD_LAUNCH_BROWSER = 0x15,
    UICC_PRO_CMD_PLAY_TONE = 0x20,
    UICC_PRO_CMD_DISPLAY_TEXT = 0x21,
    UICC_PRO_CMD_GET_INKEY = 0x22,
    UICC_PRO_CMD_GET_INPUT = 0x23,
    UICC_PRO_CMD_SELECT_ITEM = 0x24,
    UICC_PRO_CMD_PROVIDE_LOCAL_INFORMATION = 0x26,
    UICC_PRO_CMD_TIMER_MANAGEMENT = 0x27,
    UICC_PRO_CMD_SET_UP_IDLE_MODE_TEXT = 0x28,
    UICC_PRO_CMD_RUN_AT_COMMAND = 0x34,
    UICC_PRO_CMD_LANGUAGE_NOTIFICATION = 0x35,
    UICC_PRO_CMD_OPEN_CHANNEL = 0x40,
    UICC_PRO_CMD_CLOSE_CHANNEL = 0x41,
    UICC_PRO_CMD_RECEIVE_DATA = 0x42,
    UICC_PRO_CMD_SEND_DATA = 0x43,
    UICC_PRO_CMD_GET_CHANNEL_STATUS = 0x44,
};

enum { /* COMPREHENSION-TLV tags, TS 102 223 9.3, with the comprehension bit */
       UICC_TAG_COMMAND_DETAILS = 0x81,
       UICC_TAG_DEVICE_IDENTITIES = 0x82,
       UICC_TAG_RESULT = 0x83,
       UICC_TAG_DURATION = 0x84,
       UICC_TAG_ALPHA_IDENTIFIER = 0x85,
       UICC_TAG_ADDRESS = 0x86,
       UICC_TAG_SMS_TPDU = 0x8B,
       UICC_TAG_TEXT_STRING = 0x8D,
       UICC_TAG_TONE = 0x8E,
       UICC_TAG_ITEM = 0x8F,
       UICC_TAG_ITEM_IDENTIFIER = 0x90,
       UICC_TAG_RESPONSE_LENGTH = 0x91,
       UICC_TAG_FILE_LIST = 0x92,
       UICC_TAG_LOCATION_INFORMATION = 0x93,
       UICC_TAG_IMEI = 0x94,
       UICC_TAG_HELP_REQUEST = 0x95,
       UICC_TAG_EVENT_LIST = 0x99,
       UICC_TAG_LOCATION_STATUS = 0x9B,
       UICC_TAG_TIMER_IDENTIFIER = 0xA4,
       UICC_TAG_TIMER_VALUE = 0xA5,
       UICC_TAG_AID = 0xAF,
       UICC_TAG_BEARER_DESCRIPTION = 0xB5,
       UICC_TAG_CHANNEL_DATA = 0xB6,
       UICC_TAG_CHANNEL_DATA_LENGTH = 0xB7,
       UICC_TAG_CHANNEL_STATUS = 0xB8,
       UICC_TAG_BUFFER_SIZE = 0xB9,
       UICC_TAG_TRANSPORT_LEVEL = 0xBC,
       UICC_TAG_OTHER_ADDRESS = 0xBE,
       UICC_TAG_NETWORK_ACCESS_NAME = 0xC7,
       UICC_TAG_IMEISV = 0xE2,
};

enum { /* device identities, TS 102 223 8.7 */
       UICC_DEV_ID_KEYPAD = 0x01,
       UICC_DEV_ID_DISPLAY = 0x02,
       UICC_DEV_ID_EARPIECE = 0x03,
       UICC_DEV_ID_CHANNEL_BASE = 0x20,
       UICC_DEV_ID_UICC = 0x81,
       UICC_DEV_ID_TERMINAL = 0x82,
       UICC_DEV_ID_NETWORK = 0x83,
};

enum { UICC_DCS_8_BIT_DATA = 0x04, UICC_DCS_UCS2 = 0x08, UICC_DCS_DEFAULT_ALPHABET = 0x00 };

/* uicc.toolkit.ProactiveHandler: a command in the making, on your stack. */
struct uicc_proactive_handler {
    uint8_t type, qualifier;
    uint8_t destination;     /* 0: the one that the type has by TS 102 223 */
    struct uicc_buf objects; /* what follows the device identities: uicc_append_tlv */
    uint8_t octets[244];     /* as many as fit into one command of 256 */
};

/* A menu entry (ToolkitRegistry.initMenuEntry). */
struct uicc_menu_entry {
    struct uicc_span text; /* an alpha identifier (TS 102 223 8.2) */
    uint8_t next_action;   /* type of the proactive command that a selection leads to; 0: not said */
    bool help_supported;
    uint8_t icon_qualifier, icon_identifier; /* identifier 0: no icon */
};

/* ---- what the card does: by the functions below ---- */

struct uicc_api {
    uint32_t size; /* of this structure: later cards have more */
    /* framework */
    size_t (*get)(const struct uicc_applet *self, uint16_t item, void *to, size_t room);
    uicc_sw (*put)(const struct uicc_applet *self, uint16_t item, const void *from, size_t n);
    uicc_sw (*put_now)(const struct uicc_applet *self, uint16_t item, const void *from, size_t n);
    uicc_sw (*remove)(const struct uicc_applet *self, uint16_t item);
    void *(*make_transient)(const struct uicc_applet *self, unsigned slot, size_t n,
                            enum uicc_transient clear);
    struct uicc_aid (*get_aid)(const struct uicc_applet *self);
    size_t (*get_parameters)(const struct uicc_applet *self, void *to, size_t room);
    void (*note)(const struct uicc_applet *self, const char *text);
    uicc_sw (*invoke)(const struct uicc_applet *self, struct uicc_span server, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out);
    /* OwnerPIN */
    uicc_sw (*pin_create)(const struct uicc_applet *self, unsigned pin, uint8_t try_limit, const void *value,
                          size_t n);
    uicc_sw (*pin_update)(const struct uicc_applet *self, unsigned pin, const void *value, size_t n);
    bool (*pin_check)(const struct uicc_applet *self, unsigned pin, const void *value, size_t n);
    bool (*pin_is_validated)(const struct uicc_applet *self, unsigned pin);
    void (*pin_reset)(const struct uicc_applet *self, unsigned pin);
    uicc_sw (*pin_reset_and_unblock)(const struct uicc_applet *self, unsigned pin);
    uint8_t (*pin_get_tries_remaining)(const struct uicc_applet *self, unsigned pin);
    /* crypto */
    bool (*random)(const struct uicc_applet *self, void *to, size_t n);
    uicc_sw (*digest)(const struct uicc_applet *self, enum uicc_digest algorithm, struct uicc_span in,
                      uint8_t *out);
    uicc_sw (*cipher)(const struct uicc_applet *self, enum uicc_cipher algorithm, struct uicc_span key,
                      const uint8_t *iv, struct uicc_span in, uint8_t *out);
    uicc_sw (*mac)(const struct uicc_applet *self, enum uicc_mac algorithm, struct uicc_span key,
                   struct uicc_span in, uint8_t *out);
    /* files */
    uicc_sw (*get_the_view)(const struct uicc_applet *self, struct uicc_span adf, bool admin,
                            struct uicc_file_view *view);
    uicc_sw (*view_command)(const struct uicc_applet *self, struct uicc_file_view *view,
                            const struct uicc_apdu *apdu);
    /* toolkit */
    uicc_sw (*set_event)(const struct uicc_applet *self, uint8_t event, bool set);
    bool (*is_event_set)(const struct uicc_applet *self, uint8_t event);
    uicc_sw (*menu_entry)(const struct uicc_applet *self, const struct uicc_menu_entry *entry, uint8_t *id,
                          bool change);
    uicc_sw (*enable_menu_entry)(const struct uicc_applet *self, uint8_t id, bool enable);
    uicc_sw (*allocate_timer)(const struct uicc_applet *self, uint8_t *id);
    uicc_sw (*release_timer)(const struct uicc_applet *self, uint8_t id);
    uicc_sw (*request_poll_interval)(const struct uicc_applet *self, uint16_t seconds);
    uint16_t (*get_poll_interval)(const struct uicc_applet *self);
    uicc_sw (*file_event)(const struct uicc_applet *self, const struct uicc_file_view *view, bool set);
    bool (*check_terminal_profile)(const struct uicc_applet *self, uint16_t index);
    uicc_sw (*send)(const struct uicc_applet *self, uint8_t type, uint8_t qualifier, uint8_t destination,
                    struct uicc_span objects);
};

static inline bool uicc_has(const struct uicc_applet *self, size_t offset_of_function)
{
    return offset_of_function < self->api->size;
}

/* ---- persistent objects: the instance's own, by number (0 to UICC_ITEMS - 1), sealed in the deck as all
 * that a card has ---- */

/* Copies at most `room` octets to `to` and returns the object's whole length; 0: there is none, or it is
 * empty. */
static inline size_t uicc_get(const struct uicc_applet *self, uint16_t item, void *to, size_t room)
{
    return self->api->get(self, item, to, room);
}

/* Part of the transaction. 6A84: over the quota of the instance or of its security domain, or longer than
 * UICC_OBJECT_MAX. */
static inline uicc_sw uicc_put(const struct uicc_applet *self, uint16_t item, const void *from, size_t n)
{
    return self->api->put(self, item, from, n);
}

/* Durable at once, whatever becomes of the transaction: counters. 6985: this transaction has changed the
 * object already. In `install`: with the installation. */
static inline uicc_sw uicc_put_now(const struct uicc_applet *self, uint16_t item, const void *from, size_t n)
{
    return self->api->put_now(self, item, from, n);
}

static inline uicc_sw uicc_remove(const struct uicc_applet *self, uint16_t item)
{
    return self->api->remove(self, item);
}

/* JCSystem.makeTransientByteArray: the same n octets in every call until the card is reset (or the applet
 * deselected), then zero. slot 0 to UICC_TRANSIENTS - 1. NULL: no memory, or it exists with another length.
 */
static inline void *uicc_make_transient(const struct uicc_applet *self, unsigned slot, size_t n,
                                        enum uicc_transient clear)
{
    return self->api->make_transient(self, slot, n, clear);
}

/* JCSystem.getAID. */
static inline struct uicc_aid uicc_get_aid(const struct uicc_applet *self)
{
    return self->api->get_aid(self);
}

/* The parameters of its installation again, as uicc_get. */
static inline size_t uicc_get_parameters(const struct uicc_applet *self, void *to, size_t room)
{
    return self->api->get_parameters(self, to, room);
}

/* A line in the card's trace, of at most 159 characters: for people; never a secret. */
static inline void uicc_note(const struct uicc_applet *self, const char *text)
{
    self->api->note(self, text);
}

/* JCSystem.getAppletShareableInterfaceObject and the call of a method, in one: of the applet with this AID.
 * It sees a copy of `in` and who called, and answers into `out`. 6A82: there is no such applet, or it does
 * not share this with us. */
static inline uicc_sw uicc_invoke(const struct uicc_applet *self, struct uicc_span server, uint8_t parameter,
                                  uint8_t method, struct uicc_span in, struct uicc_buf *out)
{
    return self->api->invoke(self, server, parameter, method, in, out);
}

/* ---- javacard.framework.OwnerPIN: a try is spent, durably, before the compare; the compare takes the same
 * time whatever is wrong ---- */

static inline uicc_sw uicc_pin_create(const struct uicc_applet *self, unsigned pin, uint8_t try_limit,
                                      const void *value, size_t n)
{
    return self->api->pin_create(self, pin, try_limit, value, n);
}

/* A new value; all tries again, not validated. */
static inline uicc_sw uicc_pin_update(const struct uicc_applet *self, unsigned pin, const void *value,
                                      size_t n)
{
    return self->api->pin_update(self, pin, value, n);
}

static inline bool uicc_pin_check(const struct uicc_applet *self, unsigned pin, const void *value, size_t n)
{
    return self->api->pin_check(self, pin, value, n);
}

static inline bool uicc_pin_is_validated(const struct uicc_applet *self, unsigned pin)
{
    return self->api->pin_is_validated(self, pin);
}

static inline void uicc_pin_reset(const struct uicc_applet *self, unsigned pin)
{
    self->api->pin_reset(self, pin);
}

static inline uicc_sw uicc_pin_reset_and_unblock(const struct uicc_applet *self, unsigned pin)
{
    return self->api->pin_reset_and_unblock(self, pin);
}

static inline uint8_t uicc_pin_get_tries_remaining(const struct uicc_applet *self, unsigned pin)
{
    return self->api->pin_get_tries_remaining(self, pin);
}

/* ---- crypto ---- */

/* false: no entropy; *to is then zero. */
static inline bool uicc_random(const struct uicc_applet *self, void *to, size_t n)
{
    return self->api->random(self, to, n);
}

/* out: 20 octets (SHA-1) or 32. */
static inline uicc_sw uicc_digest(const struct uicc_applet *self, enum uicc_digest algorithm,
                                  struct uicc_span in, uint8_t *out)
{
    return self->api->digest(self, algorithm, in, out);
}

/* CBC without padding: in.n is a multiple of the block (16, 8); out has in.n octets. Keys: AES 16, 24, 32;
 * 3DES 16, 24. iv NULL: zero. */
static inline uicc_sw uicc_cipher(const struct uicc_applet *self, enum uicc_cipher algorithm,
                                  struct uicc_span key, const uint8_t *iv, struct uicc_span in, uint8_t *out)
{
    return self->api->cipher(self, algorithm, key, iv, in, out);
}

/* out: 16 octets (CMAC), 8 (3DES CBC-MAC, zero padding), 32 (HMAC). */
static inline uicc_sw uicc_mac(const struct uicc_applet *self, enum uicc_mac algorithm, struct uicc_span key,
                               struct uicc_span in, uint8_t *out)
{
    return self->api->mac(self, algorithm, key, in, out);
}

/* ---- uicc.system.UICCSystem: views. The access domain of the installation (TS 102 226 8.2.1.3.2.5) says
 * what each may do. ---- */

/* The files outside ADFs, at the MF (getTheUICCView). */
static inline uicc_sw uicc_get_the_uicc_view(const struct uicc_applet *self, struct uicc_file_view *view)
{
    return self->api->get_the_view(self, uicc_span_of(NULL, 0), false, view);
}

/* The files of this application, at its ADF (getTheFileView). 6A82: no such application, or it has no files.
 */
static inline uicc_sw uicc_get_the_file_view(const struct uicc_applet *self, struct uicc_span adf,
                                             struct uicc_file_view *view)
{
    return self->api->get_the_view(self, adf, false, view);
}

/* uicc.access.fileadministration.AdminFileViewBuilder: the same for administration; adf empty: the files
 * outside ADFs. */
static inline uicc_sw uicc_get_the_admin_file_view(const struct uicc_applet *self, struct uicc_span adf,
                                                   struct uicc_file_view *view)
{
    return self->api->get_the_view(self, adf, true, view);
}

/* ---- uicc.access.FileView. UICCException is the status word: 6A82 FILE_NOT_FOUND, 6982
 * SECURITY_STATUS_NOT_SATISFIED, 6986 NO_EF_SELECTED, 6981 COMMAND_INCOMPATIBLE, 6A83
 * RECORD_NUMBER_NOT_AVAILABLE, 6B00 OUT_OF_FILE_BOUNDARIES, 6984 REF_DATA_INVALIDATED, 9850
 * MAX_VALUE_REACHED. ---- */

static inline uicc_sw uicc_view_command(const struct uicc_applet *self, struct uicc_file_view *view,
                                        uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2,
                                        struct uicc_span data, uint32_t le, struct uicc_buf *out)
{
    struct uicc_apdu apdu;
    memset(&apdu, 0, sizeof apdu);
    apdu.cla = cla;
    apdu.ins = ins;
    apdu.p1 = p1;
    apdu.p2 = p2;
    apdu.data = data;
    apdu.le = le;
    apdu.out = out;
    return self->api->view_command(self, view, &apdu);
}

/* select(short fid): by FID as TS 102 221 8.4.2; 7FFF: the view's ADF. fcp may be NULL; without room for all
 * of it it is full, and has nothing of it. A deactivated file is selected, and answered 6283; a terminated
 * one 6285. */
static inline uicc_sw uicc_select(const struct uicc_applet *self, struct uicc_file_view *view, uint16_t fid,
                                  struct uicc_buf *fcp)
{
    const uint8_t octets[2] = {(uint8_t)(fid >> 8), (uint8_t)fid};
    return uicc_view_command(self, view, 0x00, 0xA4, 0x00, 0x04, uicc_span_of(octets, 2), 0, fcp);
}

/* status: the FCP of the current directory. */
static inline uicc_sw uicc_status(const struct uicc_applet *self, struct uicc_file_view *view,
                                  struct uicc_buf *fcp)
{
    return uicc_view_command(self, view, 0x80, 0xF2, 0x00, 0x00, uicc_span_of(NULL, 0), 256, fcp);
}

/* n octets of the current EF, from offset on; all of them or none. */
static inline uicc_sw uicc_read_binary(const struct uicc_applet *self, struct uicc_file_view *view,
                                       uint16_t offset, uint8_t *to, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t part = n - done < 255 ? n - done : 255;
        struct uicc_buf out = uicc_buf_of(to + done, part);
        uint32_t at = offset + (uint32_t)done;
        if (at > 0x7FFF)
            return UICC_SW_WRONG_PARAMETERS;
        uicc_sw sw = uicc_view_command(self, view, 0x00, 0xB0, (uint8_t)(at >> 8), (uint8_t)at,
                                       uicc_span_of(NULL, 0), (uint32_t)part, &out);
        if (sw != UICC_SW_OK || out.len != part)
            return sw != UICC_SW_OK ? sw : UICC_SW_WRONG_PARAMETERS;
        done += part;
    }
    return UICC_SW_OK;
}

/* Likewise. The last octets first: if they do not fit (6700, 6B00), none is written. */
static inline uicc_sw uicc_update_binary(const struct uicc_applet *self, struct uicc_file_view *view,
                                         uint16_t offset, const void *from, size_t n)
{
    for (size_t left = n; left > 0;) {
        size_t part = (left - 1) % 255 + 1;
        left -= part;
        if (left > 0x7FFFu || offset > 0x7FFFu - left)
            return UICC_SW_WRONG_PARAMETERS;
        uint32_t at = offset + (uint32_t)left;
        uicc_sw sw = uicc_view_command(self, view, 0x00, 0xD6, (uint8_t)(at >> 8), (uint8_t)at,
                                       uicc_span_of((const uint8_t *)from + left, part), 0, NULL);
        if (sw != UICC_SW_OK)
            return sw;
    }
    return UICC_SW_OK;
}

/* A whole record; number 1 to 254, 0 with UICC_REC_ACC_MODE_NEXT and PREVIOUS (and for the current one). *n
 * octets of room; then the record's length. 6Cxx: it has xx octets, for which there is no room. */
static inline uicc_sw uicc_read_record(const struct uicc_applet *self, struct uicc_file_view *view,
                                       uint8_t number, enum uicc_record_mode mode, uint8_t *to, size_t *n)
{
    struct uicc_buf out = uicc_buf_of(to, *n);
    if (*n == 0)
        return UICC_SW_WRONG_LENGTH;
    uicc_sw sw = uicc_view_command(self, view, 0x00, 0xB2, number, (uint8_t)mode, uicc_span_of(NULL, 0),
                                   *n < 256 ? (uint32_t)*n : 256, &out);
    *n = out.len;
    return sw;
}

/* As long as the record, or 6700. Cyclic files: UICC_REC_ACC_MODE_PREVIOUS. */
static inline uicc_sw uicc_update_record(const struct uicc_applet *self, struct uicc_file_view *view,
                                         uint8_t number, enum uicc_record_mode mode, const void *from,
                                         size_t n)
{
    return uicc_view_command(self, view, 0x00, 0xDC, number, (uint8_t)mode, uicc_span_of(from, n), 0, NULL);
}

static inline uicc_sw uicc_search(const struct uicc_applet *self, struct uicc_file_view *view,
                                  uint8_t from_record, uint8_t mode, struct uicc_span data,
                                  struct uicc_buf *numbers)
{
    uint8_t octets[255];
    struct uicc_buf all = uicc_buf_of(octets, sizeof octets);
    uicc_sw sw = uicc_view_command(self, view, 0x00, 0xA2, from_record, mode, data, 256, &all);
    if (sw != UICC_SW_OK || numbers == NULL)
        return sw;
    size_t room = numbers->cap - numbers->len;
    uicc_append(numbers, octets, all.len < room ? all.len : room);
    numbers->full = numbers->full || all.len > room;
    return sw;
}

/* Numbers of the records that contain the pattern, one octet each, in the order of the search; the first
 * becomes the current one. More than there is room for: the first of them, and numbers->full. 6282: none
 * does. from_record 0: the current one; 6A83: there is no such record. */
static inline uicc_sw uicc_search_record(const struct uicc_applet *self, struct uicc_file_view *view,
                                         uint8_t from_record, enum uicc_search_mode mode,
                                         struct uicc_span pattern, struct uicc_buf *numbers)
{
    return uicc_search(self, view, from_record, (uint8_t)mode, pattern, numbers);
}

/* The same, beginning as `indication` says (enum uicc_search_indication). pattern: at most 253 octets. */
static inline uicc_sw uicc_enhanced_search_record(const struct uicc_applet *self, struct uicc_file_view *view,
                                                  uint8_t from_record, uint16_t indication,
                                                  struct uicc_span pattern, struct uicc_buf *numbers)
{
    uint8_t octets[255];
    struct uicc_buf data = uicc_buf_of(octets, sizeof octets);
    uicc_append_u8(&data, (uint8_t)(indication >> 8));
    uicc_append_u8(&data, (uint8_t)indication);
    uicc_append(&data, pattern.p, pattern.n);
    if (data.full)
        return UICC_SW_WRONG_LENGTH;
    return uicc_search(self, view, from_record, 0x06, uicc_span_of(octets, data.len), numbers);
}

/* increase: the first (newest) record of the current cyclic EF plus this number, of 1 to 127 octets,
 * big-endian; the new value, record_len octets, to `out` (may be NULL). */
static inline uicc_sw uicc_increase(const struct uicc_applet *self, struct uicc_file_view *view,
                                    struct uicc_span by, struct uicc_buf *out)
{
    uint8_t ignored[256 + 128];
    struct uicc_buf all = uicc_buf_of(ignored, sizeof ignored);
    uicc_sw sw = uicc_view_command(self, view, 0x80, 0x32, 0x00, 0x00, by, 256, &all);
    if (sw == UICC_SW_OK && out != NULL && all.len >= by.n)
        uicc_append(out, ignored, all.len - by.n);
    return sw;
}

/* The current EF. 6986: there is none. */
static inline uicc_sw uicc_activate_file(const struct uicc_applet *self, struct uicc_file_view *view)
{
    return uicc_view_command(self, view, 0x00, 0x44, 0x00, 0x00, uicc_span_of(NULL, 0), 0, NULL);
}

static inline uicc_sw uicc_deactivate_file(const struct uicc_applet *self, struct uicc_file_view *view)
{
    return uicc_view_command(self, view, 0x00, 0x04, 0x00, 0x00, uicc_span_of(NULL, 0), 0, NULL);
}

/* ---- uicc.access.bertlvfile.BERTLVFileView: of the current BER-TLV EF; else 6981 ---- */

/* The whole object with this tag (1 to 3 octets), tag and length included; tag 5C: the list of tags. 6A88:
 * there is none. An object that `out` has no room for leaves it full. */
static inline uicc_sw uicc_retrieve_data(const struct uicc_applet *self, struct uicc_file_view *view,
                                         struct uicc_span tag, struct uicc_buf *out)
{
    uicc_sw sw = uicc_view_command(self, view, 0x80, 0xCB, 0x00, 0x80, tag, 256, out);
    for (uint32_t le = 256; sw == UICC_SW_MORE_DATA_AVAILABLE || (sw & 0xFF00) == UICC_SW_WRONG_LE;) {
        if ((sw & 0xFF00) == UICC_SW_WRONG_LE) /* the last block is as long as that */
            le = sw & 0xFF;
        sw = uicc_view_command(self, view, 0x80, 0xCB, 0x00, 0x00, uicc_span_of(NULL, 0), le, out);
    }
    return sw;
}

/* A whole object, in place of the one with its tag; without a value (or a tag alone): takes that away. 6A84:
 * the file has no room, and is as before. */
static inline uicc_sw uicc_set_data(const struct uicc_applet *self, struct uicc_file_view *view,
                                    struct uicc_span object)
{
    uicc_sw sw = UICC_SW_MORE_DATA_EXPECTED;
    for (size_t done = 0; sw == UICC_SW_MORE_DATA_EXPECTED && done < object.n;) {
        size_t part = object.n - done < 255 ? object.n - done : 255;
        sw = uicc_view_command(self, view, 0x80, 0xDB, 0x00, done == 0 ? 0x80 : 0x00,
                               uicc_span_of(object.p + done, part), 0, NULL);
        done += part;
    }
    return sw == UICC_SW_MORE_DATA_EXPECTED ? UICC_SW_WRONG_DATA : sw; /* it says that it is longer */
}

/* ---- uicc.access.fileadministration.AdminFileView (of uicc_get_the_admin_file_view). AdminException is the
 * status word: 6A80 INCORRECT_PARAMETERS, 6A89 FILE_ALREADY_EXISTS, 6A84 NOT_ENOUGH_MEMORY_SPACE. ---- */

/* The whole FCP template (62 ..), TS 102 222 6.3; the new file becomes the current one. */
static inline uicc_sw uicc_create_file(const struct uicc_applet *self, struct uicc_file_view *view,
                                       struct uicc_span fcp)
{
    return uicc_view_command(self, view, 0x00, 0xE0, 0x00, 0x00, fcp, 0, NULL);
}

/* A file of the current directory, with all below it. */
static inline uicc_sw uicc_delete_file(const struct uicc_applet *self, struct uicc_file_view *view,
                                       uint16_t fid)
{
    const uint8_t octets[2] = {(uint8_t)(fid >> 8), (uint8_t)fid};
    return uicc_view_command(self, view, 0x00, 0xE4, 0x00, 0x00, uicc_span_of(octets, 2), 0, NULL);
}

/* FCP with FID (83) and new size (80), TS 102 222 6.10. */
static inline uicc_sw uicc_resize_file(const struct uicc_applet *self, struct uicc_file_view *view,
                                       struct uicc_span fcp)
{
    return uicc_view_command(self, view, 0x80, 0xD4, 0x00, 0x00, fcp, 0, NULL);
}

/* ---- COMPREHENSION-TLV (uicc.toolkit.ViewHandler, EditHandler) ---- */

/* findTLV: the value of the nth (from 1) object with this tag, with or without comprehension bit. false:
 * TAG_NOT_FOUND. */
static inline bool uicc_find_tlv(struct uicc_span list, uint8_t tag, unsigned occurrence,
                                 struct uicc_span *value)
{
    size_t at = 0;
    while (at + 2 <= list.n) {
        uint8_t t = list.p[at++] & 0x7F;
        size_t n = list.p[at++], octets = n == 0x81 ? 1 : n == 0x82 ? 2 : 0;
        if (n > 0x82 || n == 0x80 || octets > list.n - at)
            return false;
        if (octets > 0)
            for (n = 0; octets > 0; octets--)
                n = n << 8 | list.p[at++];
        if (n > list.n - at)
            return false;
        if (t == (tag & 0x7F) && --occurrence == 0) {
            *value = uicc_span_of(list.p + at, n);
            return true;
        }
        at += n;
    }
    return false;
}

static inline void uicc_append_header(struct uicc_buf *b, uint8_t tag, size_t n)
{
    uicc_append_u8(b, tag);
    if (n > 0x7F)
        uicc_append_u8(b, 0x81);
    uicc_append_u8(b, (uint8_t)n);
    if (n > 0xFF)
        b->full = true;
}

/* appendTLV. */
static inline void uicc_append_tlv(struct uicc_buf *b, uint8_t tag, const void *value, size_t n)
{
    uicc_append_header(b, tag, n);
    uicc_append(b, value, n);
}

/* appendTLV of a value of one octet and n more. */
static inline void uicc_append_octet_tlv(struct uicc_buf *b, uint8_t tag, uint8_t first, const void *rest,
                                         size_t n)
{
    uicc_append_header(b, tag, n + 1);
    uicc_append_u8(b, first);
    uicc_append(b, rest, n);
}

/* ---- uicc.toolkit.ToolkitRegistry: the applet's own entry; it lasts, and changes with the transaction.
 * ToolkitException is the status word: 6A81 EVENT_NOT_SUPPORTED, 6985 EVENT_NOT_ALLOWED, 6A89
 * EVENT_ALREADY_REGISTERED, 6A84 NO_TIMER_AVAILABLE, 6A88 INVALID_TIMER_ID and MENU_ENTRY_NOT_FOUND, 6700
 * ALLOWED_LENGTH_EXCEEDED, 6581 REGISTRY_ERROR. ---- */

/* Not for the events that come by a menu entry, a timer, a poll interval or a file (6985; a file's can be
 * cleared). User activity and
 * idle screen are reported once (TS 102 223 7.5.5, 7.5.6): set again, the terminal is asked again. */
static inline uicc_sw uicc_set_event(const struct uicc_applet *self, enum uicc_event_number event)
{
    return self->api->set_event(self, (uint8_t)event, true);
}

static inline uicc_sw uicc_clear_event(const struct uicc_applet *self, enum uicc_event_number event)
{
    return self->api->set_event(self, (uint8_t)event, false);
}

static inline bool uicc_is_event_set(const struct uicc_applet *self, enum uicc_event_number event)
{
    return self->api->is_event_set(self, (uint8_t)event);
}

/* All of them or none. */
static inline uicc_sw uicc_set_event_list(const struct uicc_applet *self, const uint8_t *events, size_t n)
{
    uint8_t before[32] = {0}; /* those that were set */
    uicc_sw sw = UICC_SW_OK;
    size_t done = 0;
    for (size_t i = 0; i < n; i++)
        if (self->api->is_event_set(self, events[i]))
            before[events[i] / 8] |= (uint8_t)(1u << events[i] % 8);
    while (done < n && (sw = self->api->set_event(self, events[done], true)) == UICC_SW_OK)
        done++;
    for (size_t i = 0; i < done && sw != UICC_SW_OK; i++)
        if ((before[events[i] / 8] >> events[i] % 8 & 1) == 0)
            (void)self->api->set_event(self, events[i], false);
    return sw;
}

/* Position and, if they say one, identifier are those of the installation parameters. *id: the entry's, as
 * the event has it. The menu shows icons if every entry in it, whoever's, has one. A
 * changed entry is enabled. */
static inline uicc_sw uicc_init_menu_entry(const struct uicc_applet *self,
                                           const struct uicc_menu_entry *entry, uint8_t *id)
{
    return self->api->menu_entry(self, entry, id, false);
}

static inline uicc_sw uicc_change_menu_entry(const struct uicc_applet *self, uint8_t id,
                                             const struct uicc_menu_entry *entry)
{
    return self->api->menu_entry(self, entry, &id, true);
}

static inline uicc_sw uicc_enable_menu_entry(const struct uicc_applet *self, uint8_t id)
{
    return self->api->enable_menu_entry(self, id, true);
}

static inline uicc_sw uicc_disable_menu_entry(const struct uicc_applet *self, uint8_t id)
{
    return self->api->enable_menu_entry(self, id, false);
}

/* A timer of the terminal's (1 to 8), as many as the installation parameters allow; it expires with
 * UICC_EVENT_TIMER_EXPIRATION. */
static inline uicc_sw uicc_allocate_timer(const struct uicc_applet *self, uint8_t *id)
{
    return self->api->allocate_timer(self, id);
}

static inline uicc_sw uicc_release_timer(const struct uicc_applet *self, uint8_t id)
{
    return self->api->release_timer(self, id);
}

/* UICC_EVENT_STATUS_COMMAND at least every so many seconds (at most 15300, or 6581), if the terminal agrees.
 * UICC_POLL_SYSTEM_DURATION: as often as the card thinks fit. UICC_POLL_NO_DURATION: no more. */
enum { UICC_POLL_NO_DURATION = 0, UICC_POLL_SYSTEM_DURATION = 0xFFFF };
static inline uicc_sw uicc_request_poll_interval(const struct uicc_applet *self, uint16_t seconds)
{
    return self->api->request_poll_interval(self, seconds);
}

/* How often that is, in seconds: what the terminal chose, or, as long as it has not said so, what was asked
 * for. UICC_POLL_NO_DURATION: it was not asked for. */
static inline uint16_t uicc_get_poll_interval(const struct uicc_applet *self)
{
    return self->api->get_poll_interval(self);
}

/* registerFileEvent: UICC_EVENT_EXTERNAL_FILE_UPDATE when the terminal changes the view's current EF, or, if
 * the view is on a directory, an EF that is directly in it; also one that is made there later, or again
 * after it was deleted. The event has the EF's FID as its tag, and in its data UICC_TAG_FILE_LIST with
 * the path (one file; from 3F00, then 7FFF for an ADF) and, below an ADF, UICC_TAG_AID. uicc_clear_event
 * ends all such registrations.
 */
static inline uicc_sw uicc_register_file_event(const struct uicc_applet *self,
                                               const struct uicc_file_view *view)
{
    return self->api->file_event(self, view, true);
}

static inline uicc_sw uicc_deregister_file_event(const struct uicc_applet *self,
                                                 const struct uicc_file_view *view)
{
    return self->api->file_event(self, view, false);
}

/* uicc.system.TerminalProfile.check: facility `index`, from 0: bit index % 8 + 1 of octet index / 8 + 1 (TS
 * 102 223 5.2). */
static inline bool uicc_check_terminal_profile(const struct uicc_applet *self, uint16_t index)
{
    return self->api->check_terminal_profile(self, index);
}

/* getValue: facilities index_lsb to index_msb as a number, of at most 16 bits; 0, if they are more or none.
 */
static inline uint16_t uicc_get_terminal_profile_value(const struct uicc_applet *self, uint16_t index_msb,
                                                       uint16_t index_lsb)
{
    uint16_t value = 0;
    if (index_msb < index_lsb || index_msb - index_lsb > 15)
        return 0;
    for (unsigned i = index_msb + 1u; i > index_lsb; i--)
        value = (uint16_t)(value << 1 | uicc_check_terminal_profile(self, (uint16_t)(i - 1)));
    return value;
}

/* ---- uicc.toolkit.ProactiveHandler ---- */

static inline void uicc_init(struct uicc_proactive_handler *h, enum uicc_proactive_command type,
                             uint8_t qualifier, uint8_t destination)
{
    h->type = (uint8_t)type;
    h->qualifier = qualifier;
    h->destination = destination;
    h->objects = uicc_buf_of(h->octets, sizeof h->octets);
}

/* Without a text (TS 102 223 8.15: null text string) there is no coding scheme either. */
static inline void uicc_append_text(struct uicc_proactive_handler *h, uint8_t tag, uint8_t dcs,
                                    const void *text, size_t n)
{
    if (n > 0)
        uicc_append_octet_tlv(&h->objects, tag, dcs, text, n);
    else
        uicc_append_tlv(&h->objects, tag, NULL, 0);
}

/* An item of SELECT ITEM (TS 102 223 8.9): identifier 1 to 255, and an alpha identifier. */
static inline void uicc_append_item(struct uicc_proactive_handler *h, uint8_t identifier, const void *text,
                                    size_t n)
{
    uicc_append_octet_tlv(&h->objects, UICC_TAG_ITEM, identifier, text, n);
}

/* initDisplayText. qualifier: TS 102 223 8.6: 80 wait for the user, 01 high priority. */
static inline void uicc_init_display_text(struct uicc_proactive_handler *h, uint8_t qualifier, uint8_t dcs,
                                          const void *text, size_t n)
{
    uicc_init(h, UICC_PRO_CMD_DISPLAY_TEXT, qualifier, UICC_DEV_ID_DISPLAY);
    uicc_append_text(h, UICC_TAG_TEXT_STRING, dcs, text, n);
}

static inline void uicc_init_get_inkey(struct uicc_proactive_handler *h, uint8_t qualifier, uint8_t dcs,
                                       const void *text, size_t n)
{
    uicc_init(h, UICC_PRO_CMD_GET_INKEY, qualifier, UICC_DEV_ID_TERMINAL);
    uicc_append_text(h, UICC_TAG_TEXT_STRING, dcs, text, n);
}

static inline void uicc_init_get_input(struct uicc_proactive_handler *h, uint8_t qualifier, uint8_t dcs,
                                       const void *text, size_t n, uint8_t min, uint8_t max)
{
    const uint8_t lengths[2] = {min, max};
    uicc_init(h, UICC_PRO_CMD_GET_INPUT, qualifier, UICC_DEV_ID_TERMINAL);
    uicc_append_text(h, UICC_TAG_TEXT_STRING, dcs, text, n);
    uicc_append_tlv(&h->objects, UICC_TAG_RESPONSE_LENGTH, lengths, 2);
}

/* TIMER MANAGEMENT, start (TS 102 223 6.6.21), with one of the applet's own timers. */
static inline void uicc_init_start_timer(struct uicc_proactive_handler *h, uint8_t timer, unsigned hours,
                                         unsigned minutes, unsigned seconds)
{
    const unsigned parts[3] = {hours, minutes, seconds};
    uint8_t value[3];
    for (int i = 0; i < 3; i++) /* two digits each, the low one first (8.38) */
        value[i] = (uint8_t)(parts[i] % 10 << 4 | parts[i] / 10 % 10);
    uicc_init(h, UICC_PRO_CMD_TIMER_MANAGEMENT, 0x00, UICC_DEV_ID_TERMINAL);
    uicc_append_tlv(&h->objects, UICC_TAG_TIMER_IDENTIFIER, &timer, 1);
    uicc_append_tlv(&h->objects, UICC_TAG_TIMER_VALUE, value, 3);
}

static inline void uicc_init_stop_timer(struct uicc_proactive_handler *h, uint8_t timer)
{
    uicc_init(h, UICC_PRO_CMD_TIMER_MANAGEMENT, 0x01, UICC_DEV_ID_TERMINAL);
    uicc_append_tlv(&h->objects, UICC_TAG_TIMER_IDENTIFIER, &timer, 1);
}

/* CLOSE CHANNEL, of one that the applet opened (1 to 7). */
static inline void uicc_init_close_channel(struct uicc_proactive_handler *h, uint8_t channel)
{
    uicc_init(h, UICC_PRO_CMD_CLOSE_CHANNEL, 0x00, (uint8_t)(UICC_DEV_ID_CHANNEL_BASE + channel));
}

static inline void uicc_init_more_time(struct uicc_proactive_handler *h)
{
    uicc_init(h, UICC_PRO_CMD_MORE_TIME, 0x00, UICC_DEV_ID_TERMINAL);
}

/* Queues it; the terminal fetches it after the command under way, and its answer comes as
 * UICC_EVENT_TERMINAL_RESPONSE. 6985: the terminal does not offer it in its TERMINAL PROFILE, or it is not an
 * applet's to send (COMMAND_NOT_ALLOWED: SET UP MENU, SET UP EVENT LIST, POLL INTERVAL, another's timer or
 * channel), or too many wait; 6700: too long. */
static inline uicc_sw uicc_send(const struct uicc_applet *self, const struct uicc_proactive_handler *h)
{
    if (h->objects.full)
        return UICC_SW_WRONG_LENGTH;
    return self->api->send(self, h->type, h->qualifier, h->destination,
                           uicc_span_of(h->octets, h->objects.len));
}

/* ---- uicc.toolkit.ProactiveResponseHandler and EnvelopeHandler, of an event ---- */

/* getGeneralResult (TS 102 223 8.12): 00 to 0F performed, 10 to 14 ended by the user, 20 and up not
 * performed. */
static inline uint8_t uicc_get_general_result(const struct uicc_event *event)
{
    return event->id;
}

/* getItemIdentifier: of a menu selection, or of the answer to SELECT ITEM; 0: none. */
static inline uint8_t uicc_get_item_identifier(const struct uicc_event *event)
{
    struct uicc_span value;
    return uicc_find_tlv(event->data, UICC_TAG_ITEM_IDENTIFIER, 1, &value) && value.n >= 1 ? value.p[0] : 0;
}

/* copyTextString: what the user typed; *dcs (may be NULL) its coding. false: there is no text. */
static inline bool uicc_get_text_string(const struct uicc_event *event, uint8_t *dcs, struct uicc_span *text)
{
    struct uicc_span value;
    if (!uicc_find_tlv(event->data, UICC_TAG_TEXT_STRING, 1, &value) || value.n == 0)
        return false;
    if (dcs != NULL)
        *dcs = value.p[0];
    *text = uicc_span_of(value.p + 1, value.n - 1);
    return true;
}

/* copyAdditionalInformation: what follows the general result in a TERMINAL RESPONSE (TS 102 223 8.12); may be
 * empty. false: there is no result. */
static inline bool uicc_get_additional_information(const struct uicc_event *event,
                                                   struct uicc_span *information)
{
    struct uicc_span value;
    if (!uicc_find_tlv(event->data, UICC_TAG_RESULT, 1, &value) || value.n == 0)
        return false;
    *information = uicc_span_of(value.p + 1, value.n - 1);
    return true;
}

/* getChannelIdentifier: of a channel event, or of the answer to OPEN CHANNEL; 0: none. */
static inline uint8_t uicc_get_channel_identifier(const struct uicc_event *event)
{
    struct uicc_span value;
    return uicc_find_tlv(event->data, UICC_TAG_CHANNEL_STATUS, 1, &value) && value.n >= 1 ? value.p[0] & 0x07
                                                                                          : 0;
}

/* getChannelStatus: both octets of the channel status (TS 102 223 8.56) of this channel, from an event or the
 * answer to GET CHANNEL STATUS. false: nothing is said of it. */
static inline bool uicc_get_channel_status(const struct uicc_event *event, uint8_t channel, uint16_t *status)
{
    struct uicc_span value;
    for (unsigned i = 1; uicc_find_tlv(event->data, UICC_TAG_CHANNEL_STATUS, i, &value); i++)
        if (value.n >= 2 && (value.p[0] & 0x07) == channel) {
            *status = (uint16_t)(value.p[0] << 8 | value.p[1]);
            return true;
        }
    return false;
}

/* getTimerIdentifier, getChannelIdentifier: of the events that have one (a TERMINAL RESPONSE has its general
 * result there). */
static inline uint8_t uicc_get_identifier(const struct uicc_event *event)
{
    return event->id;
}

/* EnvelopeResponseHandler.post: this is the answer; further applets are told, but cannot answer. 6985:
 * this event is not answered, or another applet has; 6700: more than there is room for. post(false) is to
 * return UICC_SW_REFUSED from process_toolkit afterwards: the terminal then takes the data for those of
 * an error (of a short message: TS 31.111 7.1.1.2). Call control and MO short message control are
 * answered with 9000 all the same. */
static inline uicc_sw uicc_post(const struct uicc_event *event, const void *data, size_t n)
{
    if (event->out == NULL)
        return UICC_SW_CONDITIONS_NOT_SATISFIED;
    uicc_append(event->out, data, n);
    return event->out->full ? UICC_SW_WRONG_LENGTH : UICC_SW_OK;
}

/* EnvelopeResponseHandler.postAsBERTLV: the same, as the value of this tag. At most 255 octets. */
static inline uicc_sw uicc_post_as_ber_tlv(const struct uicc_event *event, uint8_t tag, const void *data,
                                           size_t n)
{
    uint8_t octets[3 + 255];
    struct uicc_buf object = uicc_buf_of(octets, sizeof octets);
    uicc_append_tlv(&object, tag, data, n);
    return object.full ? UICC_SW_WRONG_LENGTH : uicc_post(event, octets, object.len);
}

#endif

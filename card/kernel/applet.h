/* SPDX-License-Identifier: Apache-2.0
 *
 * What an applet is and what it may call. Words and meanings follow JavaCard and ETSI TS 102 241: an
 * applet_class is the const code (like a Java class), an applet an instance that the profile or INSTALL made
 * of it, with objects of its own in the store. ISOException is `return SW_...;`: it aborts the transaction.
 *
 * An applet reaches its own objects, files through a session's view, and what another
 * applet shares; nothing else.
 */
#ifndef KERNEL_APPLET_H
#define KERNEL_APPLET_H

#include "crypto.h"
#include "dispatch.h"
#include "profile.h"
#include "tlv.h"
#include "uicc.h"

struct uicc;
struct keyset;

/* of no operator; of one whose pair was taken back: suspended for good */
enum { NO_OWNER = 0xFFFF, OWNER_GONE = 0xFFFE };

struct applet { /* a handle, by value: cheap to pass, no ownership */
    struct uicc *card;
    uint8_t index; /* in the registry (registry.h): the profile's rows, then what INSTALL made */
};

enum { NO_APPLET = 0xFF };

/* ---- events ---- */

enum event_kind {
    EVENT_POWER_ON,          /* after a reset, before the first command: to every class with `event` */
    EVENT_TOOLKIT,           /* an event of the toolkit that the applet registered for */
    EVENT_TERMINAL_RESPONSE, /* the terminal answered a proactive command of this applet */
    /* a suspended card was resumed (TS 102 221 11.1.22): as at a power-on, volatile memory is gone; but the
     * terminal will not send TERMINAL PROFILE */
    EVENT_RESUMED,
    /* a command is about to have changed a file (updated, resized, made, deleted, deactivated, terminated);
     * only classes with `watches`. In that command's transaction, and may refuse it */
    EVENT_FILE_UPDATED,
};

/* What an applet can register for. Numbers up to 29, and from 123 on, are those of
 * TS 102 241's ToolkitConstants (and, for 2 to 6 and 10, of TS 31.130); the others are ours.
 * Stored: values never change meaning. */
enum toolkit_event {
    TOOLKIT_PROFILE_DOWNLOAD = 1,
    /* data of a secured packet that was addressed to a TAR of the applet's */
    TOOLKIT_FORMATTED_SMS_PP_ENV = 2,
    TOOLKIT_FORMATTED_SMS_PP_UPD = 3,    /* not supported, nor is 5 */
    TOOLKIT_UNFORMATTED_SMS_PP_ENV = 4,
    TOOLKIT_UNFORMATTED_SMS_PP_UPD = 5,
    TOOLKIT_UNFORMATTED_SMS_CB = 6,
    TOOLKIT_MENU_SELECTION = 7,          /* by a menu entry, not by itself */
    TOOLKIT_MENU_SELECTION_HELP_REQUEST = 8,
    TOOLKIT_CALL_CONTROL = 9,            /* one applet only */
    TOOLKIT_MO_SHORT_MESSAGE_CONTROL = 10, /* one applet only */
    TOOLKIT_TIMER_EXPIRATION = 11,       /* by a timer */
    TOOLKIT_MT_CALL = 12,
    TOOLKIT_CALL_CONNECTED = 13,
    TOOLKIT_CALL_DISCONNECTED = 14,
    TOOLKIT_LOCATION_STATUS = 15,
    TOOLKIT_USER_ACTIVITY = 16,          /* reported once; who wants more registers again */
    TOOLKIT_IDLE_SCREEN_AVAILABLE = 17,  /* likewise */
    TOOLKIT_CARD_READER_STATUS = 18,
    TOOLKIT_STATUS_COMMAND = 19,         /* by a poll interval, or by its class */
    TOOLKIT_LANGUAGE_SELECTION = 20,
    TOOLKIT_BROWSER_TERMINATION = 21,
    TOOLKIT_DATA_AVAILABLE = 22,         /* of a channel: to who opened it */
    TOOLKIT_CHANNEL_STATUS = 23,         /* likewise */
    TOOLKIT_FORMATTED_SMS_CB = 24,
    TOOLKIT_ACCESS_TECHNOLOGY_CHANGE = 25,
    TOOLKIT_DISPLAY_PARAMETERS_CHANGED = 26,
    TOOLKIT_LOCAL_CONNECTION = 27,
    TOOLKIT_NETWORK_SEARCH_MODE_CHANGE = 28,
    TOOLKIT_BROWSING_STATUS = 29,
    TOOLKIT_FRAMES_INFORMATION_CHANGE = 30,
    TOOLKIT_IWLAN_ACCESS_STATUS = 31,
    TOOLKIT_NETWORK_REJECTION = 32,
    TOOLKIT_HCI_CONNECTIVITY = 33,
    TOOLKIT_CSG_CELL_SELECTION = 34,
    TOOLKIT_CONTACTLESS_STATE_REQUEST = 35,
    TOOLKIT_IMS_REGISTRATION = 36,
    TOOLKIT_INCOMING_IMS_DATA = 37,
    TOOLKIT_PROFILE_CONTAINER = 38,
    TOOLKIT_SECURED_PROFILE_CONTAINER = 39,
    TOOLKIT_POLL_INTERVAL_NEGOTIATION = 40,
    TOOLKIT_DATA_CONNECTION_STATUS_CHANGE = 41,
    TOOLKIT_CAG_CELL_SELECTION = 42,
    TOOLKIT_USSD_DOWNLOAD = 64,
    TOOLKIT_MMS_TRANSFER_STATUS = 65,
    TOOLKIT_MMS_NOTIFICATION = 66,
    TOOLKIT_TERMINAL_APPLICATION = 67,
    TOOLKIT_GEOGRAPHICAL_LOCATION_REPORT = 68,
    TOOLKIT_ENVELOPE_CONTAINER = 69,
    TOOLKIT_PROSE_REPORT = 70,
    TOOLKIT_UNRECOGNISED_ENVELOPE = 120, /* -1 there */
    /* once, then it is registered for no more; not kept over a reset */
    TOOLKIT_PROACTIVE_HANDLER_AVAILABLE = 123,
    TOOLKIT_EXTERNAL_FILE_UPDATE = 124,  /* by files */
    TOOLKIT_APPLICATION_DESELECT = 126,  /* data: its AID, as COMPREHENSION-TLV */
    TOOLKIT_FIRST_COMMAND_AFTER_ATR = 127,
};

struct session;

struct event {
    enum event_kind kind;
    uint8_t toolkit;         /* EVENT_TOOLKIT: enum toolkit_event */
    /* an ENVELOPE: its tag (D1: SMS-PP download). TERMINAL RESPONSE: type of the proactive command.
     * EXTERNAL_FILE_UPDATE: the file */
    uint32_t tag;
    /* an ENVELOPE: the whole object. EXTERNAL_FILE_UPDATE: see toolkit_register_file. TERMINAL RESPONSE: its
     * data; empty: the terminal gave no answer that could be read */
    struct span data;
    struct buf *out;         /* an ENVELOPE: response data; else NULL */
    bool *handled;           /* an ENVELOPE: set it true and no further applet sees the event; may be NULL */
    /* menu entry, timer or channel, for the events that come by one. TERMINAL RESPONSE:
     * general result (TS 102 223 8.12) */
    uint8_t id;
    /* FILE_UPDATED: which; it is in the command's transaction, and what the event returns is
     * the command's status word */
    uint16_t file;
    const struct session *session; /* FILE_UPDATED: whose command it was */
};

/* ---- class ---- */

/* The ToolkitRegistry entry that instances of a class begin with: it takes no room in a card as
 * long as nobody changes it. */
struct toolkit_class {
    const uint8_t *events; /* enum toolkit_event; 0 at the end */
    /* likewise: of these it is told when they come, but the terminal is not asked
     * to report them; may be NULL */
    const uint8_t *unasked;
    uint8_t priority;      /* 01 first, FF last; 00, before all of them, is for classes of the card's own */
    /* it does one thing at a time: while a proactive command of its own is under way, its
     * envelopes are answered 9300 */
    bool one_session;
};

/* An executable load file that this program brings (GlobalPlatform 2.3 6.6): its
 * classes are modules of it. */
struct applet_package {
    uint8_t aid_len, aid[PROFILE_AID_MAX];
    uint8_t version[2]; /* major, minor */
};

struct call;
struct session;

/* Secure messaging, as an applet's class offers it: a secure channel of its own, or its security domain's
 * (GlobalPlatform Card Specification 10). The kernel calls it for a command whose CLA says so, on the
 * card-terminal interface only: scripts are secured by SCP80. */
struct secure_messaging {
    /* Takes the protection off: the command's plain data field goes to `plain` (room for 256
     * octets), the level at which it came to *level, never 0. Anything but SW_OK is the answer:
     * the command does not run. */
    sw_t (*unwrap)(struct applet self, const struct session *session, const struct command *cmd,
                   struct buf *plain, uint8_t *level);
    /* Protects the response to such a command; not called for errors. `out` has room. false: 6F00. */
    bool (*wrap)(struct applet self, const struct session *session, sw_t sw, struct buf *out);
    /* The application session on this channel ends, and secure messaging (session.messaging) with it. */
    void (*close)(struct applet self, const struct session *session);
};

struct applet_class {
    const char *name;                        /* what profiles call it */
    /* while selected, and for OTA scripts that target it; may be NULL */
    const struct command_table *commands;
    /* Class A0 (TS 51.011) knows no applications: the rows of the first applet that has these are in force
     * whatever is selected. The second, called last of all, makes that class's status words of those of
     * shared handlers, kernel and T=0 fold; row is NULL for a command that was refused before it was
     * found. Both NULL or neither. */
    const struct command_table *card_commands;
    sw_t (*card_status)(const struct command *cmd, const struct command_row *row, sw_t sw,
                        size_t waiting);     /* waiting: octets for GET RESPONSE */
    /* what its instances are registered for from the start; NULL: nothing */
    const struct toolkit_class *toolkit;
    const struct secure_messaging *messaging; /* NULL: none, and 6882 */
    bool script_target;                      /* its TARs take remote command scripts (TS 102 226) */
    bool watches;                            /* it wants EVENT_FILE_UPDATED */
    /* instances can own others (GlobalPlatform 2.3 7); the profile's first is the issuer's */
    bool security_domain;
    /* INSTALL may make instances of it, if it has package and module */
    bool installable;
    /* of an instance that the profile makes (GlobalPlatform table 11-7) */
    uint8_t privileges[3];
    const struct applet_package *package;    /* NULL: none that anybody may know of */
    uint8_t module_len, module[PROFILE_AID_MAX]; /* AID of the executable module */
    /* A virtual machine: it runs modules of load files that LOAD brought (package_file), in a form that it
     * knows. May this one be an instance of it? NULL: it runs none. */
    bool (*runs)(const struct uicc *card, struct span load_file, struct span module);
    /* Once, when the card is made, or at run time: then personal is NULL, and INSTALL's parameters are
     * applet_row(self)->params. */
    sw_t (*install)(struct applet self, const struct uicc_personal *personal);
    /* Commands of any INS, on the channel that has it selected: the kernel keeps its ROW_CARD rows only.
     * Instead of `commands`; may be NULL. */
    sw_t (*process)(struct call *call);
    void (*uninstall)(struct applet self);   /* before its objects are removed; may be NULL */
    sw_t (*select)(struct applet self);      /* may refuse */
    void (*deselect)(struct applet self);
    /* proprietary data (A5) of its FCI, when it has no ADF; may be NULL */
    void (*fci)(struct applet self, struct buf *out);
    sw_t (*event)(struct applet self, const struct event *event);
    /* STORE DATA for this applet through its security domain (GlobalPlatform 2.3 7.3.3; JavaCard's
     * processData): P1 (b8: the last block), P2 (its number), data. NULL: 6985. */
    sw_t (*process_data)(struct applet self, uint8_t p1, uint8_t p2, struct span data, struct buf *out);
    /* a const table of functions (services.h), or NULL */
    const void *(*share)(struct applet self, const char *service);
    /* An authenticated OTA session's command to this applet was refused, by the gate or by its handler, and
     * has left no trace. What is kept of that is kept with applet_put_now. May be NULL. */
    void (*refused)(struct applet self, const struct session *session, sw_t sw);
};

/* ---- sessions: who is talking, what is selected, with what rights ---- */

struct view {
    uint16_t df;      /* current DF (or MF, ADF) */
    uint16_t ef;      /* current EF, PROFILE_NO_FILE for none */
    uint8_t record;   /* record pointer, 0 for none */
    /* class A0 alone: the FID that it selected df by, when that is the USIM's ADF
     * (card/applets/gsm_files.c) */
    uint16_t alias;
};

struct session {
    bool open;
    bool remote;       /* an OTA script: rights are `granted`, not the PINs verified by the terminal */
    uint8_t applet;    /* selected applet, NO_APPLET for none */
    uint8_t channel;
    struct view view;
    /* local PINs of the selected application that were verified on this channel (profile_pin_bit) */
    uint32_t local;
    uint32_t granted;  /* remote: key references taken as verified (profile_pin_bit) */
    uint32_t rights;   /* remote: enum applet_right, RIGHT_AUTHENTIC, RIGHT_STANDBY */
    uint16_t key_item; /* remote: the keyset that secured the message, in its provider's own numbering; */
    uint8_t key_provider; /* that provider; */
    /* and the index of the operator's pair that this keyset belongs to; NO_OWNER: a common one's,
     * or nobody proved who he is */
    uint16_t owner;
    bool messaging;    /* secure messaging was begun on it: there is something to close */
    /* the level at which the command under way came by secure messaging (its
     * provider's own), 0: in the clear */
    uint8_t secured;
};

/* Rights that a session has besides those of its keyset. */
#define RIGHT_STANDBY   0x40000000u /* its keyset only repeats an order and asks what became of it */
#define RIGHT_AUTHENTIC 0x80000000u /* the message was authenticated */

/* ---- one running command ---- */

struct call {
    struct uicc *card;
    struct session *session;
    const struct command *cmd;
    const struct command_row *row;
    struct applet self;      /* the applet whose row this is; self.index is NO_APPLET for the kernel's */
    /* the file dispatch resolved and whose access rule it checked; PROFILE_NO_FILE for none */
    uint16_t target;
    struct buf *out;         /* response data */
};

/* ---- the applet's own objects ---- */

/* Items from ITEM_KERNEL on are the kernel's. */
enum { ITEM_KERNEL = 0xF000, ITEM_OWNER_PIN = 0xFE00, ITEM_OWNER_TRIES = 0xFE80, ITEM_DEATHS = 0xFFFF };

/* Borrowed until the next change. false (and empty) when there is none. */
bool applet_get(struct applet self, uint16_t item, struct span *out);
bool applet_put(struct applet self, uint16_t item, struct span value);      /* in the command's transaction */
bool applet_remove(struct applet self, uint16_t item);
bool applet_remove_if_there(struct applet self, uint16_t item);
/* Durable at once, whatever becomes of the command: for counters. */
bool applet_put_now(struct applet self, uint16_t item, struct span value);

/* Volatile memory of this applet: zeroed when first asked for, the same block afterwards whatever n, gone at
 * reset (wiped). NULL: no memory. */
void *applet_transient(struct applet self, size_t n);
void applet_transient_free(struct applet self); /* all of them */
/* One of several such blocks; 0 is the one above. on_deselect: it ends when no channel has the
 * applet selected any more. */
void *applet_transient_slot(struct applet self, uint8_t slot, size_t n, bool on_deselect);

/* ---- javacard.framework.OwnerPIN: PINs of an applet, by number (0 to 15). A try is spent,
 * durably, before the compare. ---- */

enum { OWNER_PINS = 16, OWNER_PIN_MAX = 16 };

/* makes it, or gives it another value: all tries, not validated */
bool owner_pin_set(struct applet self, uint8_t pin, uint8_t try_limit, struct span value);
bool owner_pin_check(struct applet self, uint8_t pin, struct span value);
bool owner_pin_validated(struct applet self, uint8_t pin);
void owner_pin_reset(struct applet self, uint8_t pin);    /* not validated any more; tries as they are */
bool owner_pin_unblock(struct applet self, uint8_t pin);  /* all tries again, not validated */
uint8_t owner_pin_tries(struct applet self, uint8_t pin); /* 0: blocked, or there is none */
uint8_t owner_pin_limit(struct applet self, uint8_t pin); /* 0: there is none */

/* ---- the card ---- */

const struct profile *applet_profile(struct applet self);
/* its own line in the profile, or what INSTALL said in its place */
const struct profile_applet *applet_row(struct applet self);
struct uicc_crypto *applet_crypto(struct applet self);
bool applet_random(struct applet self, uint8_t *to, size_t n);
void applet_note(struct applet self, const char *text);      /* a line in the trace; never a secret */

/* "owner": the applet that knows which operator's K/OTA pair is the active one. */
struct owner_service {
    uint16_t (*active)(struct applet provider);
    /* this pair may yet be taken back from its operator, and be another's next time */
    bool (*on_trial)(struct applet provider, uint16_t owner);
};

/* The nth applet that shares `service`; NULL if there is none. *provider is who to pass to its functions. */
const void *applet_service(struct uicc *card, const char *service, unsigned nth, struct applet *provider);

/* ---- files, by the file's index or FID below the applet's ADF, without access conditions: for an applet's
 * own ADF. What a session does to files goes through dispatch instead. ---- */

/* a file of the applet's ADF; PROFILE_NO_FILE if there is none */
uint16_t admin_file(struct applet self, uint16_t fid);
/* a file of this directory; 0: the MF */
uint16_t admin_file_in(struct uicc *card, uint16_t df, uint16_t fid);
struct span admin_file_read(struct uicc *card, uint16_t file);
bool admin_file_exists(struct uicc *card, uint16_t file); /* an EF that is there */
/* also of one that the transaction has deleted */
uint16_t admin_file_fid(struct uicc *card, uint16_t file);
uint16_t admin_file_parent(struct uicc *card, uint16_t file); /* likewise */
/* deactivated or terminated, so that it is not read; of a directory: nor is what is in it */
bool admin_file_closed(struct uicc *card, uint16_t file);
uint8_t admin_file_record_len(struct uicc *card, uint16_t file); /* 0: not a record file, or no file */
/* Overwrites from offset on, in the command's transaction. false: outside the file, or no memory. */
bool admin_file_update(struct uicc *card, uint16_t file, size_t offset, struct span data);
/* A record of a cyclic file: it becomes number 1, the oldest goes. false: not of its length, or no memory. */
bool admin_file_push_record(struct uicc *card, uint16_t file, struct span data);
/* Files whose content follows from the IMSI (profile.h, enum file_fill), each with what it has with this one:
 * the beginning of the file, or its first record. mnc_length 0: as EF.AD says. */
bool admin_identity_files(struct uicc *card, const char *imsi, unsigned mnc_length,
                          bool (*each)(void *ctx, uint16_t file, struct span content), void *ctx);
/* The file whose body this one shows: itself, unless it is a link. */
uint16_t admin_file_body(struct uicc *card, uint16_t file);
bool admin_file_has_names(struct uicc *card, uint16_t file); /* one of several that show its body */
/* Files that were made over the air under this pair's keys are no more. */
bool admin_files_forget(struct uicc *card, uint16_t owner);
/* Likewise applets and packages: this operator's pair becomes another's, who must not find what is not his.
 * What cannot be deleted (others depend on it) stays suspended for good. */
bool applets_forget(struct uicc *card, uint16_t owner);
/* Every record (of a transparent file: the file) becomes `first`, then `rest`. */
bool admin_file_fill(struct uicc *card, uint16_t file, uint8_t first, uint8_t rest);

/* ---- scripts: the second caller of dispatch ---- */

/* Runs one command APDU of an OTA session, as a transaction of its own (what the caller changed before is
 * committed first). T=0 conventions as remote scripts have them (TS 102 226 5.1): a case 4 command answers
 * 61xx and the data waits in *waiting for GET RESPONSE. waiting NULL (expanded format): it answers with
 * its data, if it has an Le. */
struct script_response {
    uint8_t data[512];
    size_t n;      /* waiting */
};
sw_t session_execute_remote(struct uicc *card, struct session *session, struct span apdu,
                            struct script_response *waiting, struct buf *out);

/* The ISO case of the command that begins with these four octets: scripts need it to tell Lc from Le. CASE_3
 * for a command that is not known: what follows P3 is then most likely its data. */
enum apdu_case session_case(struct uicc *card, const struct session *session, struct span header);

/* In whose name a script speaks: as in struct session; and that keyset's keys as they were when the message
 * came, NULL: nobody proved who he is. */
struct script_authority {
    uint32_t rights;
    uint16_t key_item, owner;
    uint8_t key_provider;
    const struct keyset *keys;
};

/* A fresh session for an OTA script at this target applet; by->keys is borrowed until it
 * is closed. One at a time. */
void session_open_remote(struct uicc *card, uint8_t applet, const struct script_authority *by,
                         struct session *out);
void session_close_remote(struct uicc *card);
/* For keys that come under the KIK of what secured the script that this command is of. NULL: nobody proved
 * who he is, or it is no script's. */
const struct keyset *script_keys(const struct call *call);

/* Where a session is, so that a later one can go on there (SESSION_PLACE_LEN octets, for storage).
 * Taking it up: false, and the session stays where it is, if these files are not there any more, or
 * others are in their place. */
enum { SESSION_PLACE_LEN = 9 };
void session_place_put(struct uicc *card, const struct session *session, struct buf *out);
bool session_place_take(struct uicc *card, struct session *session, struct reader *r);

/* The active applet with this TAR; NO_APPLET if there is none. */
uint8_t applet_by_tar(struct uicc *card, const uint8_t tar[3]);
const struct applet_class *applet_class_of(const struct uicc *card, uint8_t index);

/* ---- toolkit: ToolkitRegistry and ProactiveHandler of TS 102 241 ---- */

/* Words of TS 102 241's ToolkitException. */
enum toolkit_result {
    TOOLKIT_OK,
    TOOLKIT_EVENT_NOT_SUPPORTED,
    TOOLKIT_EVENT_NOT_ALLOWED,        /* that event comes by a menu entry, a timer, a poll interval, files */
    TOOLKIT_EVENT_ALREADY_REGISTERED, /* by another applet, and it is for one only */
    TOOLKIT_NO_TIMER_AVAILABLE,
    TOOLKIT_INVALID_TIMER_ID,         /* not one of its own */
    TOOLKIT_MENU_ENTRY_NOT_FOUND,
    /* the text is longer than its install parameters allow, or the menu than SET UP MENU can hold */
    TOOLKIT_ALLOWED_LENGTH_EXCEEDED,
    /* no entry left, a poll interval that no terminal can have, or no memory */
    TOOLKIT_REGISTRY_ERROR,
};

/* Changes of the registry are kept (they are part of the command's transaction); the terminal
 * is told after the command. */
enum toolkit_result toolkit_set_event(struct applet self, enum toolkit_event event);
enum toolkit_result toolkit_clear_event(struct applet self, enum toolkit_event event);
bool toolkit_event_is_set(struct applet self, enum toolkit_event event);
enum toolkit_result toolkit_set_priority(struct applet self, uint8_t priority);

/* Timers 1 to 8 are the terminal's; each belongs to one applet at a time. */
enum toolkit_result toolkit_allocate_timer(struct applet self, uint8_t *timer);
enum toolkit_result toolkit_release_timer(struct applet self, uint8_t timer);
uint8_t toolkit_timers(struct applet self); /* bit n - 1: timer n is its own */

/* It wants STATUS at least so often, in seconds (TOOLKIT_REGISTRY_ERROR beyond TOOLKIT_POLL_MAX);
 * 0: no more; TOOLKIT_POLL_SYSTEM: as often as the card thinks fit. The terminal gets the
 * shortest that any applet wants. */
enum { TOOLKIT_POLL_MAX = 15300, TOOLKIT_POLL_SYSTEM = 0xFFFF };
enum toolkit_result toolkit_request_poll_interval(struct applet self, uint16_t seconds);

/* Files (indices) whose change by the terminal it is told of; a directory: all files in it. One
 * that is deleted, and made again, is watched again. Clearing EVENT_EXTERNAL_FILE_UPDATE ends them
 * all. The event's data: device identities, the file list with the file's path, of a file below an
 * ADF the application's AID. */
enum toolkit_result toolkit_register_file(struct applet self, uint16_t file);
enum toolkit_result toolkit_deregister_file(struct applet self, uint16_t file);

/* A menu entry. text: an alpha identifier (TS 102 223 8.2); icon 0: none. */
struct toolkit_menu_entry {
    struct span text;
    /* type of the proactive command that a selection leads to; 0: not said */
    uint8_t next_action;
    bool help;                        /* help can be asked for */
    uint8_t icon_qualifier, icon;     /* TS 102 223 8.31 */
};
enum toolkit_result toolkit_init_menu_entry(struct applet self, const struct toolkit_menu_entry *entry,
                                            uint8_t *id);
enum toolkit_result toolkit_change_menu_entry(struct applet self, uint8_t id,
                                              const struct toolkit_menu_entry *entry);
enum toolkit_result toolkit_enable_menu_entry(struct applet self, uint8_t id, bool enable);
enum toolkit_result toolkit_remove_menu_entry(struct applet self, uint8_t id);

/* The applet is deleted: its entry, menu entries and commands go. */
bool toolkit_deregister(struct applet self);

/* Tells this applet of an event as a step of its own: what was changed so far is committed first,
 * and what it changes is undone, and event->out has nothing of it, unless it answers SW_OK or a
 * warning: both are SW_OK here. */
sw_t toolkit_tell(struct uicc *card, uint8_t applet, const struct event *event);

/* Queues a proactive command (the content of D0: command details without number are the toolkit's). `type`
 * and `qualifier` of TS 102 223 8.6; `rest` is what follows the device identities. Dropped when the command
 * is aborted. false: the terminal does not offer it in its TERMINAL PROFILE, the applet may not (TS 102 241:
 * what the card itself asks for on all applets' behalf; timers and channels of others), or the queue is full.
 * A REFRESH that the terminal puts off is asked for again until it is done, or the card is reset. */
bool proactive_send(struct applet self, uint8_t type, uint8_t qualifier, struct span rest);
/* To another device than its type's own (cat.h): a channel (21 to 27), a card reader (10 to 17). */
bool proactive_send_to(struct applet self, uint8_t type, uint8_t qualifier, uint8_t device, struct span rest);

enum {
    PROACTIVE_REFRESH = 0x01,
    PROACTIVE_POLL_INTERVAL = 0x03,
    PROACTIVE_POLLING_OFF = 0x04,
    PROACTIVE_SET_UP_EVENT_LIST = 0x05,
    PROACTIVE_SEND_USSD = 0x12,
    PROACTIVE_SEND_SMS = 0x13,
    PROACTIVE_SET_UP_MENU = 0x25,
    PROACTIVE_TIMER_MANAGEMENT = 0x27,
};
enum { REFRESH_UICC_RESET = 0x04 };

#endif

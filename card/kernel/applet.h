/* SPDX-License-Identifier: Apache-2.0
 *
 * What an applet is and what it may call. Words and meanings follow JavaCard and ETSI TS 102 241: an applet_class is the
 * const code (like a Java class), an applet an instance that the profile or INSTALL made of it, with objects of its own in the store.
 * ISOException is `return SW_...;`: it aborts the transaction.
 *
 * An applet reaches its own objects, files through a session's view, and what another applet shares; nothing else.
 */
#ifndef KERNEL_APPLET_H
#define KERNEL_APPLET_H

#include "crypto.h"
#include "dispatch.h"
#include "profile.h"
#include "tlv.h"
#include "uicc.h"

struct uicc;

enum { NO_OWNER = 0xFFFF }; /* of no operator's */

struct applet { /* a handle, by value: cheap to pass, no ownership */
    struct uicc *card;
    uint8_t index; /* in the registry (registry.h): the profile's rows, then what INSTALL made */
};

enum { NO_APPLET = 0xFF };

/* ---- events ---- */

enum event_kind {
    EVENT_ENVELOPE,          /* an ENVELOPE of one of the tags the class listens to */
    EVENT_TERMINAL_RESPONSE, /* the terminal answered a proactive command of this applet */
    EVENT_POWER_ON,          /* after a reset, before the first command */
    EVENT_STATUS,            /* the terminal polled with STATUS; only classes with `polls` */
    EVENT_TERMINAL_PROFILE,  /* the terminal said what it can do */
};

struct event {
    enum event_kind kind;
    uint32_t tag;            /* ENVELOPE: its tag (D1: SMS-PP download), TERMINAL RESPONSE: type of the proactive command */
    struct span data;        /* ENVELOPE: the whole object; TERMINAL RESPONSE: its data */
    struct buf *out;         /* ENVELOPE: response data; else NULL */
    bool *handled;           /* ENVELOPE: set it true and no further applet sees the event */
};

/* ---- class ---- */

/* An executable load file that this program brings (GlobalPlatform 2.3 6.6): its classes are modules of it. */
struct applet_package {
    uint8_t aid_len, aid[PROFILE_AID_MAX];
    uint8_t version[2]; /* major, minor */
};

struct session;

/* Secure messaging, as an applet's class offers it: a secure channel of its own, or its security domain's (GlobalPlatform Card Specification 10). The kernel calls it for a command
 * whose CLA says so, on the card-terminal interface only: scripts are secured by SCP80. */
struct secure_messaging {
    /* Takes the protection off: the command's plain data field goes to `plain` (room for 256 octets), the level at which it came to *level, never 0. Anything but SW_OK is the
     * answer: the command does not run. */
    sw_t (*unwrap)(struct applet self, const struct session *session, const struct command *cmd, struct buf *plain, uint8_t *level);
    /* Protects the response to such a command; not called for errors. `out` has room. false: 6F00. */
    bool (*wrap)(struct applet self, const struct session *session, sw_t sw, struct buf *out);
    /* The application session on this channel ends. */
    void (*close)(struct applet self, const struct session *session);
};

struct applet_class {
    const char *name;                        /* what profiles call it */
    const struct command_table *commands;    /* while selected, and for OTA scripts that target it; may be NULL */
    /* Class A0 (TS 51.011) knows no applications: the rows of the first applet that has these are in force whatever is selected. The second, called last
     * of all, makes that class's status words of those of shared handlers, kernel and T=0 fold; row is NULL for a command that was refused before it was
     * found. Both NULL or neither. */
    const struct command_table *card_commands;
    sw_t (*card_status)(const struct command *cmd, const struct command_row *row, sw_t sw);
    const uint8_t *envelope_tags;            /* 0 at the end; may be NULL */
    const struct secure_messaging *messaging; /* NULL: none, and 6882 */
    bool script_target;                      /* its TARs take remote command scripts (TS 102 226) */
    bool polls;                              /* it wants EVENT_STATUS */
    bool security_domain;                    /* instances can own others (GlobalPlatform 2.3 7); the profile's first is the issuer's */
    bool installable;                        /* INSTALL may make instances of it, if it has package and module */
    uint8_t privileges[3];                   /* of an instance that the profile makes (GlobalPlatform table 11-7) */
    const struct applet_package *package;    /* NULL: none that anybody may know of */
    uint8_t module_len, module[PROFILE_AID_MAX]; /* AID of the executable module */
    /* Once, when the card is made, or at run time: then personal is NULL, and INSTALL's parameters are applet_row(self)->params. */
    sw_t (*install)(struct applet self, const struct uicc_personal *personal);
    void (*uninstall)(struct applet self);   /* before its objects are removed; may be NULL */
    sw_t (*select)(struct applet self);      /* may refuse */
    void (*deselect)(struct applet self);
    void (*fci)(struct applet self, struct buf *out); /* proprietary data (A5) of its FCI, when it has no ADF; may be NULL */
    sw_t (*event)(struct applet self, const struct event *event);
    /* STORE DATA for this applet through its security domain (GlobalPlatform 2.3 7.3.3; JavaCard's processData): P1 (b8: the last block), P2 (its number), data. NULL: 6985. */
    sw_t (*process_data)(struct applet self, uint8_t p1, uint8_t p2, struct span data, struct buf *out);
    const void *(*share)(struct applet self, const char *service); /* a const table of functions (services.h), or NULL */
};

/* ---- sessions: who is talking, what is selected, with what rights ---- */

struct view {
    uint16_t df;      /* current DF (or MF, ADF) */
    uint16_t ef;      /* current EF, PROFILE_NO_FILE for none */
    uint8_t record;   /* record pointer, 0 for none */
    uint16_t alias;   /* class A0 alone: the FID that it selected df by, when that is the USIM's ADF (card/applets/gsm_files.c) */
};

struct session {
    bool open;
    bool remote;       /* an OTA script: rights are `granted`, not the PINs verified by the terminal */
    uint8_t applet;    /* selected applet, NO_APPLET for none */
    uint8_t channel;
    struct view view;
    uint32_t local;    /* local PINs of the selected application that were verified on this channel (profile_pin_bit) */
    uint32_t granted;  /* remote: key references taken as verified (profile_pin_bit) */
    uint32_t rights;   /* remote: enum applet_right, RIGHT_AUTHENTIC, RIGHT_STANDBY */
    uint16_t key_item; /* remote: the keyset that secured the message, in its provider's own numbering; */
    uint8_t key_provider; /* that provider; */
    uint16_t key_owner;   /* and the operator (index of a K/OTA pair) whose keyset it is, or NO_OWNER */
    uint8_t secured;   /* the level at which the command under way came by secure messaging (its provider's own), 0: in the clear */
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
    uint16_t target;         /* the file dispatch resolved and whose access rule it checked; PROFILE_NO_FILE for none */
    struct buf *out;         /* response data */
};

/* ---- the applet's own objects ---- */

/* Borrowed until the next change. false (and empty) when there is none. */
bool applet_get(struct applet self, uint16_t item, struct span *out);
bool applet_put(struct applet self, uint16_t item, struct span value);      /* in the command's transaction */
bool applet_remove(struct applet self, uint16_t item);
bool applet_remove_if_there(struct applet self, uint16_t item);
/* Durable at once, whatever becomes of the command: for counters. */
bool applet_put_now(struct applet self, uint16_t item, struct span value);

/* Volatile memory of this applet: zeroed when first asked for, the same block afterwards whatever n, gone at reset (wiped). NULL: no memory. */
void *applet_transient(struct applet self, size_t n);
void applet_transient_free(struct applet self);

/* ---- the card ---- */

const struct profile *applet_profile(struct applet self);
const struct profile_applet *applet_row(struct applet self); /* its own line in the profile, or what INSTALL said in its place */
struct uicc_crypto *applet_crypto(struct applet self);
bool applet_random(struct applet self, uint8_t *to, size_t n);
void applet_note(struct applet self, const char *text);      /* a line in the trace; never a secret */

/* "owner": the applet that knows which operator's K/OTA pair is the active one. */
struct owner_service {
    uint16_t (*active)(struct applet provider);
};

/* The nth applet that shares `service`; NULL if there is none. *provider is who to pass to its functions. */
const void *applet_service(struct uicc *card, const char *service, unsigned nth, struct applet *provider);

/* ---- files, by the file's index or FID below the applet's ADF, without access conditions: for an applet's own ADF. What a session does
 * to files goes through dispatch instead. ---- */

uint16_t admin_file(struct applet self, uint16_t fid); /* a file of the applet's ADF; PROFILE_NO_FILE if there is none */
uint16_t admin_file_in(struct uicc *card, uint16_t df, uint16_t fid); /* a file of this directory; 0: the MF */
struct span admin_file_read(struct uicc *card, uint16_t file);
bool admin_file_exists(struct uicc *card, uint16_t file); /* an EF that is there */
uint16_t admin_file_fid(struct uicc *card, uint16_t file);
uint8_t admin_file_record_len(struct uicc *card, uint16_t file); /* 0: not a record file, or no file */
/* Overwrites from offset on, in the command's transaction. false: outside the file, or no memory. */
bool admin_file_update(struct uicc *card, uint16_t file, size_t offset, struct span data);
/* Every record (of a transparent file: the file) becomes `first`, then `rest`. */
bool admin_file_fill(struct uicc *card, uint16_t file, uint8_t first, uint8_t rest);

/* ---- scripts: the second caller of dispatch ---- */

/* Runs one command APDU of an OTA session, as a transaction of its own (what the caller changed before is committed first). T=0 conventions as remote
 * scripts have them (TS 102 226 5.2.1): a case 4 command answers 61xx and the data waits in *waiting for GET RESPONSE. waiting NULL (expanded format):
 * it answers with its data, if it has an Le. */
struct script_response {
    uint8_t data[512];
    size_t n;      /* waiting */
};
sw_t session_execute_remote(struct uicc *card, struct session *session, struct span apdu, struct script_response *waiting,
                            struct buf *out);

/* The ISO case of the command that begins with these four octets: scripts need it to tell Lc from Le. CASE_3 for a command that is not known: what follows
 * P3 is then most likely its data. */
enum apdu_case session_case(struct uicc *card, const struct session *session, struct span header);

/* In whose name a script speaks: as in struct session. */
struct script_authority {
    uint32_t rights;
    uint16_t key_item, key_owner;
    uint8_t key_provider;
};

/* A fresh session for an OTA script at this target applet. */
void session_open_remote(struct uicc *card, uint8_t applet, const struct script_authority *by, struct session *out);

/* The active applet with this TAR; NO_APPLET if there is none. */
uint8_t applet_by_tar(struct uicc *card, const uint8_t tar[3]);
const struct applet_class *applet_class_of(const struct uicc *card, uint8_t index);

/* ---- toolkit ---- */

/* Queues a proactive command (the content of D0: command details without number are the toolkit's). `type` and `qualifier` of TS 102 223 8.6;
 * `rest` is what follows the device identities (display to terminal 81 82). Dropped when the command is aborted. false: the terminal does not offer it in its TERMINAL PROFILE,
 * or the queue is full. */
bool proactive_send(struct applet self, uint8_t type, uint8_t qualifier, struct span rest);

enum { PROACTIVE_REFRESH = 0x01, PROACTIVE_SET_UP_EVENT_LIST = 0x05, PROACTIVE_SEND_SMS = 0x13, PROACTIVE_TIMER_MANAGEMENT = 0x27 };
enum { REFRESH_UICC_RESET = 0x04 };

#endif

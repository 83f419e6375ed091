/* SPDX-License-Identifier: Apache-2.0
 *
 * The card application toolkit (ETSI TS 102 223, triggering as ETSI TS 102 241): between its own files, and
 * for the kernel. Applets see applet.h.
 *
 * proactive.c   the queue and the 91xx state machine: FETCH, TERMINAL RESPONSE
 * envelope.c    TERMINAL PROFILE and ENVELOPE: which event an envelope is, and whose
 * trigger.c     telling the applets that registered, in order of priority
 * describe.c    words for traces
 * toolkit_registry.c  the ToolkitRegistry of each applet
 * system.c      what the card itself asks for on all applets' behalf: SET UP MENU, SET UP EVENT LIST, POLL
 * INTERVAL
 */
#ifndef TOOLKIT_TOOLKIT_H
#define TOOLKIT_TOOLKIT_H

#include "span.h"
#include "sw.h"

struct call;
struct command_row;
struct toolkit_parameters;
struct event;
struct uicc;

enum {
    TOOLKIT_PROFILE_MAX = 48,  /* octets of TERMINAL PROFILE that are kept; the standards define some forty */
    TOOLKIT_COMMAND_MAX = 256, /* a whole D0 object: what FETCH can bring (TS 102 221 11.2.3) */
    TOOLKIT_QUEUE_MAX = 4096,  /* octets of commands that wait at a time, for applets */
    TOOLKIT_QUEUE_RESERVE = 512, /* besides: for REFRESH and for what the card itself asks for */
    TOOLKIT_EVENTS = 128,        /* enum toolkit_event */
    TOOLKIT_CHANNELS = 7,        /* BIP channels, TS 102 223 8.56 */
    TOOLKIT_APPLETS = 256,
};

/* What the card asked for on all applets' behalf, and the terminal has (system.c). */
enum toolkit_system { SYSTEM_EVENTS, SYSTEM_POLL, SYSTEM_MENU, SYSTEM_KINDS };

struct toolkit {                          /* volatile; no pointers */
    uint8_t profile[TOOLKIT_PROFILE_MAX]; /* the terminal's TERMINAL PROFILE */
    uint8_t profile_len;
    uint8_t number;      /* of the last proactive command, 1 to 254 (TS 102 223 8.6) */
    bool fetched;        /* the command at fetched_at has been fetched and awaits its TERMINAL RESPONSE */
    bool again;          /* ... and is announced again, for that answer made no sense */
    bool changed;        /* the registry may not be what the terminal knows of it any more */
    bool touched;        /* by the transaction under way */
    bool known;          /* wanted[] is up to date */
    uint16_t fetched_at; /* offset in the queue */
    uint8_t wanted[TOOLKIT_EVENTS / 8];      /* events that any applet registered for */
    bool offering;                           /* any bit of available[] */
    uint8_t available[TOOLKIT_APPLETS / 8];  /* applets that wait for EVENT_PROACTIVE_HANDLER_AVAILABLE */
    /* applet + 1 whose session the command under way ended; 0: none */
    uint8_t left;
    uint8_t channel_owner[TOOLKIT_CHANNELS]; /* applet + 1 that opened this channel; 0: none */
    /* seconds between STATUS commands, as the terminal chose; 0: it did not say */
    uint16_t poll;
    /* digest of what was asked for last; 0: nothing; 1: it is not in force any more */
    uint32_t told[SYSTEM_KINDS];
};

/* Commands that wait: memory only while there are any. Entries: struct entry_header, then the D0 object. */
struct toolkit_queue {
    uint8_t *p;
    uint16_t cap, used;
    uint16_t settled; /* what a transaction that is aborted leaves */
};

/* ---- proactive.c ---- */

/* Number of octets of the command the terminal should FETCH now; 0 for none, or when one is being executed.
 */
size_t toolkit_pending(const struct uicc *card);
/* TS 102 221 7.4.2.1: 9000 becomes 91xx while a proactive command waits to be fetched. */
sw_t toolkit_announce(const struct uicc *card, sw_t sw);
/* Nothing waits, and nothing is being executed. */
bool toolkit_idle(const struct uicc *card);
/* True when the terminal announced this facility: octet (from 1) and bit (1 to 8) of TS 102 223 5.2. */
bool toolkit_profile_bit(const struct toolkit *t, unsigned octet, unsigned bit);
/* The transaction has been committed, or aborted: what it queued stays, or goes. */
void toolkit_settle(struct uicc *card, bool keep);
/* Power is gone. */
void toolkit_queue_free(struct uicc *card);
/* What the terminal put off (general results 20 and 21) may be asked again. */
void toolkit_release(struct uicc *card);
/* Nothing fetched that is still to be answered: a terminal that begins anew (TERMINAL PROFILE). */
void toolkit_restart(struct uicc *card);
/* Removes commands that have not been fetched: of this applet, and type if that is not 0. */
void toolkit_cancel(struct uicc *card, uint8_t applet, uint8_t type);
bool toolkit_waits_for(const struct uicc *card,
                       uint8_t applet);        /* a command of this applet is queued or being executed */
bool toolkit_crowded(const struct uicc *card); /* no room for a command of any length */
/* As proactive_send, for the card itself (NO_APPLET) as well. */
bool toolkit_queue_command(struct uicc *card, uint8_t applet, uint8_t type, uint8_t qualifier,
                           struct span rest);

/* ---- trigger.c ---- */

/* Tells the applets that registered for it, in order of priority. Each applet is a step of its own: one that
 * fails loses what it changed, and the others are told all the same. What the terminal is to be told: SW_OK
 * when one of them (or none at all) did what it was told, or was not busy but failed; 9300 to an ENVELOPE
 * when some were busy and nobody did it; 6581 when the card itself could not do or keep it; the warning with
 * which an applet posted its answer. */
sw_t toolkit_trigger(struct uicc *card, const struct event *event);
/* One applet, by what it owns; likewise. */
sw_t toolkit_trigger_owner(struct uicc *card, uint8_t applet, const struct event *event);
/* What the applet itself answers; what it changed is the caller's to keep or to undo. */
sw_t toolkit_trigger_applet(struct uicc *card, uint8_t applet, const struct event *event);
/* STATUS came, of whatever class: the terminal polls (TS 102 221 14.5.1); a script does not. */
sw_t toolkit_poll(struct call *call);
/* Did anybody register for this event? Cheap. */
bool toolkit_wanted(struct uicc *card, unsigned event);
/* The terminal's first command came, and is not run yet: outside of its transaction. */
void toolkit_first_command(struct uicc *card);
/* After a command of the terminal's, outside its transaction: events that follow from it, and what the card
 * itself has to ask for. */
void toolkit_file_changed(struct uicc *card, uint16_t file);
/* The terminal's session with this application ends, by the command under way. */
void toolkit_application_left(struct uicc *card, uint8_t applet);
/* In the transaction that deletes it: who watches it watches what is made in its place, and not
 * what will have its index. */
bool toolkit_file_deleted(struct uicc *card, uint16_t file);
void toolkit_after(struct uicc *card, const struct command_row *row, sw_t sw);

/* ---- toolkit_registry.c ---- */

/* May an installation ask for these identifiers of menu entries? From 80 on the card gives them, and below
 * nobody has been promised them (TS 102 226 8.2.1.3.2.2.1). */
bool toolkit_identifiers_free(const struct uicc *card, const struct toolkit_parameters *wanted);

/* ---- system.c ---- */

void toolkit_synchronise(struct uicc *card);
/* This file changes, whoever does it: if it has the title of the menu, that is sent again. */
void toolkit_note_title(struct uicc *card, uint16_t file);
/* The event (enum toolkit_event) of this code of an event list; 0: none that we know. And back; false: it is
 * not reported by event download. */
uint8_t toolkit_event_of_code(uint8_t code);
bool toolkit_code_of_event(unsigned event, uint8_t *code);
/* The terminal has taken an event out of its list: the list is sent again with the next change. */
void toolkit_event_used(struct uicc *card);
/* Is it a type of these commands? */
bool toolkit_system_kind(uint8_t type, enum toolkit_system *kind);
/* The terminal's answer to one of these commands; response: its objects. */
void toolkit_system_answered(struct uicc *card, uint8_t type, uint8_t general_result, struct span response);

/* ---- describe.c ---- */

enum { TOOLKIT_TEXT_MAX = 160 };
/* What enum toolkit_event calls it, in words; NULL: no such event. */
const char *toolkit_event_name(unsigned event);
/* What a command (of this data, answered so, without status word) is about, in words; false: it is none of
 * the toolkit's, or cannot be read. */
bool toolkit_describe(const struct command_row *row, struct span data, struct span response, char *text,
                      size_t room);

/* ---- SUSPEND UICC ---- */

/* What is known of the terminal, and what it was told: for storage; and back. false: it makes no sense. */
enum {
    TOOLKIT_SUSPENDED_MAX =
        2 + TOOLKIT_PROFILE_MAX + TOOLKIT_APPLETS / 8 + TOOLKIT_CHANNELS + 4 * SYSTEM_KINDS + 2
};
void toolkit_suspend(const struct uicc *card, struct buf *out);
bool toolkit_resume(struct uicc *card, struct reader *r);

/* ---- commands of TS 102 221 11.2 ---- */

sw_t command_terminal_profile(struct call *call);
sw_t command_envelope(struct call *call);
sw_t command_fetch(struct call *call);
sw_t command_terminal_response(struct call *call);

#endif

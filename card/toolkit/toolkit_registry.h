/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry as the toolkit's other files read it; applets use the functions of applet.h.
 */
#ifndef TOOLKIT_REGISTRY_H
#define TOOLKIT_REGISTRY_H

#include "card.h"

enum { TOOLKIT_TIMERS = 8, TOOLKIT_MENU_SLOTS = 16 };

struct toolkit_entry {
    uint8_t priority; /* 01 first, FF last (TS 102 226 8.2.1.3.2.2.1) */
    uint8_t timers;   /* bit n - 1: timer n is this applet's */
    uint16_t poll;    /* seconds; 0: no interval of its own */
    uint8_t events[TOOLKIT_EVENTS / 8];
    uint8_t asked[TOOLKIT_EVENTS / 8]; /* those of them that the terminal is to report */
};

/* What its install parameters allow it (TS 102 226 8.2.1.3.2.2.1). */
struct toolkit_limits {
    uint8_t timers, entries, channels, text; /* text 0: as long as fits */
    struct {
        uint8_t position, id; /* 0: at the end; the card chooses */
    } menu[TOOLKIT_MENU_SLOTS];
};
struct toolkit_limits toolkit_limits_of(const struct uicc *card, uint8_t applet);

/* The entry of an applet: what is stored, or what its class registers for. false: it takes part in nothing.
 */
bool toolkit_entry_load(const struct uicc *card, uint8_t applet, struct toolkit_entry *out);

static inline bool toolkit_entry_has(const struct toolkit_entry *e, unsigned event)
{
    return event < TOOLKIT_EVENTS && (e->events[event / 8] >> event % 8 & 1) != 0;
}

/* Call control and MO SMS control: one applet's, for the terminal wants one answer. */
bool toolkit_event_exclusive(unsigned event);

/* The terminal reports it once, and then has it no longer in its list (TS 102 223 7.5.5, 7.5.6). */
bool toolkit_event_once(unsigned event);

/* Did it register this file, or the directory that it is in? */
bool toolkit_watches_file(struct uicc *card, uint8_t applet, uint16_t file);

/* Where a file is: a length octet; two octets, the index of the MF (0) or the ADF that it is below;
 * the FIDs from there down. Also of one that the transaction deletes. false: no room, or deeper
 * than TOOLKIT_PATH_LEVELS. */
enum { TOOLKIT_PATH_LEVELS = 16 };
bool toolkit_path(const struct uicc *card, uint16_t file, struct buf *out);

/* Whose timer, NO_APPLET: nobody's. */
uint8_t toolkit_timer_owner(struct uicc *card, unsigned timer);

/* A menu entry, as it is stored. Borrowed until the next change. */
struct toolkit_menu {
    uint8_t applet, id;
    uint8_t position; /* 0: at the end */
    bool enabled, help;
    uint8_t next_action;          /* type of the proactive command that follows a selection; 0: not said */
    uint8_t icon_qualifier, icon; /* icon 0: none */
    struct span text;
};

/* The applet's entry number `slot` (from 0), whatever its state; toolkit_menu_load: of an active one only. */
bool toolkit_menu_of(const struct uicc *card, uint8_t applet, unsigned slot, struct toolkit_menu *out);
bool toolkit_menu_load(const struct uicc *card, uint8_t applet, unsigned slot, struct toolkit_menu *out);
/* Whose menu entry, NO_APPLET: nobody's. */
uint8_t toolkit_menu_owner(struct uicc *card, uint8_t id, struct toolkit_menu *out);

/* The content of SET UP MENU behind its device identities (system.c). whole: all entries; else without the
 * last ones, if they are more than a command can hold. false: more than that. */
bool toolkit_menu_build(struct uicc *card, bool whole, struct buf *out, bool *help);

#endif

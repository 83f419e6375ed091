/* SPDX-License-Identifier: Apache-2.0
 *
 * A card in a PC/SC reader, for the tools that play the terminal: one exclusive conversation in T=0.
 */
#ifndef TOOLS_PCSC_H
#define TOOLS_PCSC_H

#include "terminal.h"

struct pcsc;

struct pcsc_error {
    char text[512]; /* one line for a person: what is missing, and where */
};

/* Connects to the card in a reader: its name, or a part of it that only one has, or its number in pcscd's
 * list (from 0). NULL: the only reader that has a card. Waits a short while for a card to come (a pcscd just
 * started has not yet looked). NULL: *error says why. */
struct pcsc *pcsc_open(const char *reader, struct pcsc_error *error);

/* Resets and powers down the card, so that nothing verified or half done is left to the
 * next user. NULL is allowed. */
void pcsc_close(struct pcsc *p);

/* Ends the conversation without touching the card: the next user finds it as it is. */
void pcsc_leave(struct pcsc *p);

const char *pcsc_reader(const struct pcsc *p);

/* Takes the power away, or gives it (again: a cold reset). false: pcsc_why says why. The reader is looked for
 * again when it, or pcscd itself, went away in between. */
bool pcsc_power(struct pcsc *p, bool on);
/* What the last reset brought; at most 33 octets. */
bool pcsc_atr(struct pcsc *p, uint8_t atr[33], size_t *n);

/* The card as a terminal sees it; borrows p. When one of its functions returns false, pcsc_why says why. */
struct terminal pcsc_terminal(struct pcsc *p);
const char *pcsc_why(const struct pcsc *p);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * How a virtual terminal reaches its card: one in this process, or one in a PC/SC reader; and a battery in
 * between, that can be made to fall out at a chosen command.
 */
#ifndef TOOLS_MODEM_LINK_H
#define TOOLS_MODEM_LINK_H

#include "modem.h"
#include "pcsc.h"
#include "uicc.h"

/* A card in process, which stays the caller's; it may be put in place of another while the power is off. */
struct link_card {
    struct uicc *card; /* NULL: none is in the slot */
    bool on;
};
struct modem_link link_of_card(struct link_card *c);

/* The card in a reader; borrows p. */
struct modem_link link_of_pcsc(struct pcsc *p);

/* Loses power when it has come to the nth command, of this kind if one is named; the card gets that command,
 * or does not. */
struct link_cut {
    struct modem_link inner;
    bool armed, by_ins, after;
    uint8_t ins;
    unsigned left;          /* 1: the next one */
    unsigned long commands; /* so far */
    bool happened;
    const char *why;
};
struct modem_link link_of_cut(struct link_cut *c);
void link_cut_arm(struct link_cut *c, unsigned nth, bool by_ins, uint8_t ins, bool after);

#endif

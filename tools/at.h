/* SPDX-License-Identifier: Apache-2.0
 *
 * AT commands: what a terminal equipment says to a modem (ITU-T V.250, 3GPP TS 27.007, TS 27.005). Sans I/O:
 * octets of a peer in, octets for the peer out; at_io.h has the pty and the socket. Everything that a command
 * means is done by modem.h.
 *
 * Several peers may talk at once. Each has a line, settings and unsolicited result codes of its own; the
 * card, the network and the messages are the modem's, and so common to all.
 */
#ifndef TOOLS_AT_H
#define TOOLS_AT_H

#include "modem.h"

struct at_modem; /* what peers have in common */
struct at;       /* one peer */

enum {
    AT_LINE_MAX = 8192, /* octets of a command line; a longer one is answered ERROR */
    AT_OUTPUT_MAX =
        1u << 17, /* octets that wait for a peer; unsolicited result codes that find no room are dropped */
};

/* Which modem it takes itself for: what it says of itself, and what its makers added to the standards. */
struct at_personality;

/* NULL: there is none of this name. NULL for name: "generic". */
const struct at_personality *at_personality_find(const char *name);
/* The nth (from 0) name, and what it is for; false: no more. */
bool at_personality_nth(unsigned n, const char **name, const char **summary);

/* NULL: no memory, or too many listen to the modem already. m stays the caller's, and must outlive it. */
struct at_modem *at_modem_new(struct modem *m, const struct at_personality *personality);
void at_modem_free(struct at_modem *a); /* after its peers; NULL is allowed */

/* NULL: no memory, or AT_PEERS_MAX are there. */
enum { AT_PEERS_MAX = 8 };
struct at *at_open(struct at_modem *a);
void at_close(struct at *at); /* NULL is allowed */

/* Takes octets from the peer, does what they say, returns how many it took: fewer when so much output waits
 * that more answers might find no room; give it the rest when the output has been sent. */
size_t at_input(struct at *at, struct span octets);

/* What is to be sent to the peer: borrowed until the next call. */
struct span at_output(const struct at *at);
void at_sent(struct at *at, size_t n);

/* Called when output has come up outside at_input (unsolicited result codes). May be NULL. */
void at_on_output(struct at *at, void (*ready)(void *ctx), void *ctx);

/* The DTR line of V.24 rose: somebody is there to be told things. An octet from him says as much. */
void at_pick_up(struct at *at);
/* The DTR line of V.24 fell, or the connection ended: settings as after ATZ, the line under way forgotten. */
void at_hang_up(struct at *at);

#endif

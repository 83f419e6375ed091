/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal's half of the APDU secure channel (ETSI TS 102 484): from a pre-shared key to APDUs that
 * nobody between terminal and card can read. How octets reach the card is the caller's.
 */
#ifndef SECURE_SECURE_TERMINAL_H
#define SECURE_SECURE_TERMINAL_H

#include "secure_codec.h"
#include "sw.h"

struct secure_terminal {
    struct uicc_crypto *crypto;
    /* One command over T=0 or T=1, as it stands (6Cxx is followed up by the caller or by us); *data gets the
     * response data, *sw the status word. false: the link is gone. */
    bool (*exchange)(void *ctx, struct span command, struct buf *data, sw_t *sw);
    void *ctx;
    bool (*random)(void *ctx, uint8_t *to, size_t n); /* crypto_random */
    uint8_t container;                                /* octets of a block; SECURE_CONTAINER_MIN to _MAX */
    /* what secure_terminal_open found and made */
    bool open;
    bool required;   /* the card says that it wants the channel */
    uint8_t session; /* data transfer session, 0 to 3 */
    struct secure_master master;
    struct secure_connection connection;
};

enum secure_result {
    SECURE_OK,
    SECURE_LINK_GONE,
    SECURE_NOT_OFFERED, /* the card has no platform endpoint with pre-agreed keys over APDUs */
    SECURE_REFUSED,     /* *sw tells */
    SECURE_WRONG_KEY,   /* the card does not prove that it has the same key */
    SECURE_BROKEN,      /* an answer was not the card's, or makes no sense: the channel is closed */
};

/* Retrieves the endpoints, establishes master and connection, starts the channel on the basic logical
 * channel. terminal_id: 1 to SECURE_TERMINAL_ID_MAX octets, the IMEI for instance. *sw is the last status
 * word. */
enum secure_result secure_terminal_open(struct secure_terminal *t, struct span psk, struct span terminal_id,
                                        sw_t *sw);

/* One APDU through the channel; response data and status word as the card meant them (no 61xx, no 6Cxx by
 * T=0). */
enum secure_result secure_terminal_transmit(struct secure_terminal *t, struct span apdu, struct buf *data,
                                            sw_t *sw);

/* Terminates the connection (and with it the channel); wipes the keys whatever the card says. */
enum secure_result secure_terminal_close(struct secure_terminal *t, sw_t *sw);

const char *secure_result_text(enum secure_result result);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The APDU secure channel of ETSI TS 102 484 between terminal and UICC, as ETSI TS 102 221 11.1.20
 * and 11.1.21 carry it: objects, keys, sealed APDUs. Pure; the card and the terminal's half
 * (secure_terminal.h) share it. What the texts at hand did not have is chosen here and in README.md, and
 * nowhere else.
 */
#ifndef SECURE_SECURE_CODEC_H
#define SECURE_SECURE_CODEC_H

#include "crypto.h"
#include "span.h"

enum secure_procedure { /* P1 of MANAGE SECURE CHANNEL, table 11.21a */
    SECURE_RETRIEVE_ENDPOINTS = 0x00,
    SECURE_ESTABLISH_MASTER = 0x01,
    SECURE_ESTABLISH_CONNECTION = 0x02,
    SECURE_START = 0x03,
    SECURE_TERMINATE = 0x04,
};

enum { /* P2, table 11.21b */
       SECURE_FIRST_DATA = 0x80,
       SECURE_NEXT_DATA = 0x00,
       SECURE_FIRST_RESPONSE = 0xA0,
       SECURE_NEXT_RESPONSE = 0x20,
};

enum { /* objects, in a template 73 (11.1.20.2 to .6) */
       SECURE_TEMPLATE = 0x73,
       SECURE_UICC_ID = 0x81,
       SECURE_ENDPOINT = 0x82,
       SECURE_TERMINAL_ID = 0x83,
       SECURE_KEY_AGREEMENT = 0x87,
       SECURE_MSA_ID = 0x88,
       SECURE_ALGORITHMS = 0x89,
       SECURE_TERMINAL_NONCE = 0x8A,
       SECURE_CSA_ID = 0x8B,
       SECURE_UICC_NONCE = 0x8C,
       SECURE_START_MAC = 0x8D,
       SECURE_CONTAINER_SIZE = 0x8E,
       SECURE_DATA = 0x80, /* of TRANSACT DATA */
};

enum {
    SECURE_PLATFORM = 0x01,     /* endpoint type: platform level secure channel endpoint */
    SECURE_BY_APDU = 0x01,      /* transport support: accessible by APDU interface */
    SECURE_APDU_CHANNEL = 0x04, /* secure channel types: APDU secure channel */
    SECURE_FOUR_AT_A_TIME = 0x30,
    SECURE_REQUIRED = 0x80,   /* for all communication to this endpoint */
    SECURE_PRE_AGREED = 0x02, /* key agreement: strong pre-shared keys, proprietary pre-agreed keys */
    SECURE_AES_128 = 0x04,    /* ciphering: 128-bit AES in CBC mode */
    SECURE_CMAC = 0x04,       /* integrity: 128-bit AES in CMAC mode */
};

enum { /* P1 of TRANSACT DATA, table 11.30 */
       SECURE_SESSION = 0xC0,
       SECURE_HAS_DATA = 0x04,
       SECURE_ABORT = 0x02,
       SECURE_AGAIN = 0x01,
};

enum {                            /* SW2 of 92XX, besides the session in bits 8 and 7 */
       SECURE_BLOCK_TAKEN = 0x01, /* not 00: class A0 has 9240 for something else */
       SECURE_ONGOING = 0x02,     /* the last block was taken: the response can be fetched */
       SECURE_MORE_BLOCKS = 0x03, /* of the response */
};

enum {
    SECURE_ID_LEN = 16, /* MSA_ID, CSA_ID, nonces, MACs */
    SECURE_PSK_MIN = 16,
    SECURE_PSK_MAX = 32,
    SECURE_TERMINAL_ID_MAX = 32,
    SECURE_CONTAINER_MIN = 16, /* octets of a SECURE_DATA object's value */
    SECURE_CONTAINER_MAX = 240,
    SECURE_SESSIONS = 4,
    SECURE_APDU_MAX = 5 + 255 + 1,
    SECURE_RESPONSE_MAX = 256 + 2,
    SECURE_OVERHEAD = 16 + 4 + 16, /* of a sealed APDU: MAC, counter, padding */
    SECURE_SEALED_MAX = SECURE_APDU_MAX + SECURE_OVERHEAD,
};

struct secure_master { /* a secret */
    uint8_t id[SECURE_ID_LEN];
    uint8_t secret[32];
};

struct secure_way { /* one direction; a secret */
    uint8_t cipher[16], mac[16];
    uint32_t counter; /* of the last APDU */
};

struct secure_connection { /* a secret */
    uint8_t id[SECURE_ID_LEN];
    struct secure_way to_uicc, to_terminal;
};

/* All return false only when the crypto library fails. */
bool secure_master_secret(struct uicc_crypto *c, struct span psk, struct span uicc_id,
                          struct span terminal_id, struct secure_master *master);
bool secure_connection_keys(struct uicc_crypto *c, const struct secure_master *master,
                            const uint8_t terminal_nonce[SECURE_ID_LEN],
                            const uint8_t uicc_nonce[SECURE_ID_LEN], struct secure_connection *connection);

/* What proves a key: the terminal's at start (by_uicc false), the card's answer to it; at the end of a
 * connection, and of everything under a master. */
bool secure_start_mac(struct uicc_crypto *c, const struct secure_connection *connection, bool by_uicc,
                      struct span algorithms, uint8_t container, uint8_t mac[SECURE_ID_LEN]);
bool secure_end_mac(struct uicc_crypto *c, const struct secure_connection *connection,
                    uint8_t mac[SECURE_ID_LEN]);
bool secure_master_end_mac(struct uicc_crypto *c, const struct secure_master *master,
                           uint8_t mac[SECURE_ID_LEN]);

/* An APDU (or its response) sealed and opened. The counter goes up by one each time; at its end, false. open:
 * *apdu is in `room`; false: not made by who has the key, or not the next one, and then nothing of it can be
 * used. */
bool secure_seal(struct uicc_crypto *c, struct secure_way *way, struct span apdu, struct buf *out);
bool secure_open(struct uicc_crypto *c, struct secure_way *way, struct span sealed, struct buf *room,
                 struct span *apdu);

#endif

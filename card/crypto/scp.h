/* SPDX-License-Identifier: Apache-2.0
 *
 * GlobalPlatform's secure channel protocols, both ends: SCP02 (Card Specification, appendix E; options i = 15
 * and 55) and SCP03 (Amendment D; S8 and S16, AES-128, 192 and 256). Pure: challenges, counters and keys come
 * from the caller. Sessions and keys are secrets: wipe them.
 */
#ifndef CRYPTO_SCP_H
#define CRYPTO_SCP_H

#include "crypto.h"

/* Security level: P1 of EXTERNAL AUTHENTICATE (Card Specification E.5.2.3, Amendment D 7.1.2.3). */
enum { SCP_C_MAC = 0x01, SCP_C_DECRYPTION = 0x02, SCP_R_MAC = 0x10, SCP_R_ENCRYPTION = 0x20 };

enum {
    SCP02 = 2,
    SCP03 = 3,
    SCP_KEY_MAX = 32,
    SCP_MAC_MAX = 16,    /* S16: MACs, challenges, cryptograms */
    SCP02_CHALLENGE = 6, /* the card's; the host's has 8 */
    SCP02_HOST_CHALLENGE = 8,
    SCP_DATA_MAX = 255,    /* octets of a protected data field: short APDUs only */
    SCP_OVERHEAD_MAX = 32, /* what protection adds at most: a block of padding, a MAC */
};

struct scp_keys { /* the static keys of a keyset */
    uint8_t len;  /* of each: 16; SCP03 also 24, 32 */
    uint8_t enc[SCP_KEY_MAX], mac[SCP_KEY_MAX], dek[SCP_KEY_MAX];
};

struct scp_session {
    uint8_t protocol; /* SCP02, SCP03 */
    uint8_t level;   /* in force; SCP_C_MAC from begin to EXTERNAL AUTHENTICATE, whose P1 the caller then puts
                        here */
    uint8_t mac_len; /* 8, or 16: also of cryptograms, and with SCP03 of challenges */
    uint8_t key_len;
    uint8_t enc[SCP_KEY_MAX], mac[SCP_KEY_MAX], rmac[SCP_KEY_MAX];
    uint8_t
        dek[SCP_KEY_MAX]; /* for key data of PUT KEY: a session key with SCP02, the static one with SCP03 */
    bool chained;         /* there was a command: */
    uint8_t chaining[SCP_MAC_MAX]; /* the last C-MAC, from which the next begins */
    uint32_t counter;  /* SCP03: of commands since EXTERNAL AUTHENTICATE, for the ICV of ciphering */
    uint16_t sequence; /* SCP02 */
    uint8_t host_challenge[SCP_MAC_MAX], card_challenge[SCP_MAC_MAX];
};

/* ---- a session begins: INITIALIZE UPDATE ---- */

/* The card challenge that follows from the sequence counter and the AID of the selected application (i = 55,
 * Card Specification E.4.2.3; i = 70, Amendment D 6.2.2.1). n: 8 or 16. */
bool scp02_challenge(struct uicc_crypto *c, const struct scp_keys *keys, uint16_t sequence, struct span aid,
                     uint8_t out[SCP02_CHALLENGE]);
bool scp03_challenge(struct uicc_crypto *c, const struct scp_keys *keys, const uint8_t sequence[3],
                     struct span aid, uint8_t *out, size_t n);

/* Session keys, challenges noted, level SCP_C_MAC. false: OpenSSL failed, or key lengths that the protocol
 * has not; *out is then wiped. */
bool scp02_begin(struct uicc_crypto *c, const struct scp_keys *keys, uint16_t sequence,
                 const uint8_t host_challenge[SCP02_HOST_CHALLENGE],
                 const uint8_t card_challenge[SCP02_CHALLENGE], struct scp_session *out);
/* n octets of each challenge: 8 (S8) or 16 (S16). */
bool scp03_begin(struct uicc_crypto *c, const struct scp_keys *keys, const uint8_t *host_challenge,
                 const uint8_t *card_challenge, size_t n, struct scp_session *out);

enum scp_side { SCP_CARD, SCP_HOST };

/* The cryptogram by which one side proves to the other that it has the keys: mac_len octets. */
bool scp_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side,
                    uint8_t out[SCP_MAC_MAX]);

/* ---- commands and responses ---- */

enum scp_verdict {
    SCP_GOOD,
    SCP_MALFORMED, /* too short for a MAC; or (SCP03) authentic, and its padding wrong */
    SCP_WRONG_MAC, /* the session must end */
    SCP_FAILED,    /* OpenSSL */
};

/* The host's end: header is CLA, INS, P1, P2 without secure messaging. Writes the protected command without
 * Le: header with CLA bit 3 (logical channel kept), Lc, data, MAC. false: too long, or OpenSSL failed. */
bool scp_command_wrap(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], struct span data,
                      struct buf *out);

/* The card's end: header and data as received. The plain data goes to `plain`, which has room for data.n
 * octets and is wiped unless SCP_GOOD. */
enum scp_verdict scp_command_unwrap(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4],
                                    struct span data, struct buf *plain);

/* What the level in force has to say of a response; `data` may be empty. Status words other than 9000, 62xx
 * and 63xx go out bare (Amendment D 6.2.5): not to be called for those. */
bool scp_response_wrap(struct uicc_crypto *c, const struct scp_session *s, uint16_t sw, struct span data,
                       struct buf *out);
enum scp_verdict scp_response_unwrap(struct uicc_crypto *c, const struct scp_session *s, uint16_t sw,
                                     struct span data, struct buf *plain);

/* Key data under the session's DEK: 3DES in ECB mode (E.4.7), AES in CBC mode with an IV of zeros (Amendment
 * D 6.2.8). in.n: a multiple of scp_dek_block octets. */
size_t scp_dek_block(const struct scp_session *s);
bool scp_dek_encrypt(struct uicc_crypto *c, const struct scp_session *s, struct span in, uint8_t *out);
bool scp_dek_decrypt(struct uicc_crypto *c, const struct scp_session *s, struct span in, uint8_t *out);

#endif

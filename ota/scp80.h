/* SPDX-License-Identifier: Apache-2.0
 *
 * SCP80: secured packets of ETSI TS 102 225, as 3GPP TS 31.115 puts them in short messages. Pure: bytes in,
 * bytes out, both directions (the card opens commands and builds responses; the operator's end does the
 * reverse). No state: counters and keysets belong to the caller.
 */
#ifndef OTA_SCP80_H
#define OTA_SCP80_H

#include "crypto.h"
#include "keyset.h"

/* SPI1 (TS 102 225 5.1.1) */
enum {
    SPI1_CHECK = 0x03,
    SPI1_NO_CHECK = 0x00, SPI1_RC = 0x01, SPI1_CC = 0x02, SPI1_DS = 0x03,
    SPI1_CIPHERING = 0x04,
    SPI1_COUNTER = 0x18,
    SPI1_NO_COUNTER = 0x00,
    SPI1_COUNTER_UNCHECKED = 0x08,
    SPI1_COUNTER_HIGHER = 0x10,
    SPI1_COUNTER_PLUS_ONE = 0x18,
    SPI1_RESERVED = 0xE0,
};
/* SPI2 */
enum {
    SPI2_POR = 0x03,
    SPI2_POR_NO = 0x00, SPI2_POR_ALWAYS = 0x01, SPI2_POR_ON_ERROR = 0x02,
    SPI2_POR_CHECK = 0x0C,
    SPI2_POR_NO_CHECK = 0x00, SPI2_POR_RC = 0x04, SPI2_POR_CC = 0x08, SPI2_POR_DS = 0x0C,
    SPI2_POR_CIPHERED = 0x10,
    SPI2_POR_SUBMIT = 0x20,
    SPI2_RESERVED = 0xC0,
};

/* Response status codes, TS 102 225 5.2.1 (table 5) */
enum scp80_status {
    SCP80_POR_OK = 0x00,
    SCP80_CHECK_FAILED = 0x01,      /* RC/CC/DS failed */
    SCP80_CNTR_LOW = 0x02,
    SCP80_CNTR_HIGH = 0x03,
    SCP80_CNTR_BLOCKED = 0x04,
    SCP80_CIPHERING_ERROR = 0x05,
    SCP80_UNIDENTIFIED_ERROR = 0x06,
    SCP80_NO_MEMORY = 0x07,
    SCP80_MORE_TIME = 0x08,
    SCP80_TAR_UNKNOWN = 0x09,
    SCP80_SECURITY_LEVEL = 0x0A,
    SCP80_RESPONSE_BY_SUBMIT = 0x0B,
    SCP80_RESPONSE_BY_USSD = 0x0C,
};
const char *scp80_status_text(unsigned status);

enum {
    SCP80_CNTR_LEN = 5,
    SCP80_PACKET_MAX = 2 + 65535, /* CPL and what it counts */
};

struct scp80_command {
    uint8_t spi1, spi2;
    uint8_t kic, kid;
    uint8_t tar[3];
    /* The rest is known after scp80_command_open (before it: as received, maybe
     * ciphered, zero where too short). */
    uint8_t cntr[SCP80_CNTR_LEN];
    uint8_t pcntr;
    /* Where things lie in the packet: for open, and for explaining a capture. */
    struct span packet;   /* CPL ... end, borrowed */
    struct span secured;  /* CNTR ... end: what may be ciphered */
};

/* Reads the header of a command packet (from CPL on, whole: reassembled if it came in parts) and checks every
 * length that can be checked without a key: CPL, CHL against SPI, block multiple when ciphered. SCP80_POR_OK,
 * or SCP80_UNIDENTIFIED_ERROR; header fields that could be read are set in either case. */
enum scp80_status scp80_command_parse(struct span packet, struct scp80_command *out);

/* Key versions the packet asks for, from KIc and KID: 0 when the SPI says that the key is not used, neither
 * for the command nor for the PoR (which uses keys only when the command has a CC). */
uint8_t scp80_kic_version(const struct scp80_command *c);
uint8_t scp80_kid_version(const struct scp80_command *c);

/* Decrypts and verifies with these keys. Plain text, CNTR to the last padding octet, goes to `work` (wiped on
 * failure); *data is the secured data in it, padding removed. Fills cntr and pcntr, on success only: a PoR to
 * what failed repeats CNTR as received. keys may be NULL when SPI asks for neither check by key nor
 * ciphering, and when the keyset is unknown: then a key of zeros stands in and the answer is never
 * SCP80_POR_OK. Whatever is wrong with check, padding, algorithm or key, an unknown keyset included, costs
 * the same calls (design.md, rule 3): SCP80_CHECK_FAILED for all of them. SCP80_NO_MEMORY: work has no room
 * for c->secured.n octets. Does not look at the counter's value. */
enum scp80_status scp80_command_open(struct uicc_crypto *crypto, const struct keyset *keys,
                                     struct scp80_command *c, struct buf *work, struct span *data);

/* Builds a command packet from CPL on: spi1, spi2, kic, kid, tar, cntr of *c, data ciphered and checked as
 * they say. false: keys do not fit the SPI, or no room. */
bool scp80_command_build(struct uicc_crypto *crypto, const struct keyset *keys, const struct scp80_command *c,
                         struct span data, struct buf *out);

struct scp80_response {
    uint8_t tar[3];
    uint8_t cntr[SCP80_CNTR_LEN];
    uint8_t pcntr;
    uint8_t status;       /* enum scp80_status */
    /* of the command, for building: says which CRC when spi2 asks for RC; else not looked at */
    uint8_t kid;
    struct span packet;   /* RPL ... end, borrowed */
};

/* Builds a response packet as a short message carries it: UDHL 02, IEI 71, IEDL 00, then RPL ... (TS 31.115
 * 5). spi2 says which check and ciphering; keys may be NULL when neither. */
bool scp80_response_build(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t spi2,
                          const struct scp80_response *r, struct span data, struct buf *out);

/* Opens a response (from UDHL on) that answers a command sent with this spi2 and keys. The card answers
 * without protection to what it could not authenticate: SCP80_UNPROTECTED, whose content proves nothing; so
 * does whatever spi2 did not ask a CC for. SCP80_GENUINE: its CC verified. SCP80_FORGED: a CC or RC is there
 * and wrong. Plain text goes to `work` (wiped unless GENUINE or UNPROTECTED). The check protects TAR, CNTR
 * and status, but that they are those of the command is for the caller to compare. */
enum scp80_verdict { SCP80_GENUINE, SCP80_UNPROTECTED, SCP80_FORGED, SCP80_MALFORMED };
enum scp80_verdict scp80_response_open(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t spi2,
                                       struct span packet, struct scp80_response *out, struct buf *work,
                                       struct span *data);

/* Overhead for a given SPI1 and keys: octets of packet besides data and padding (RC: those of CRC 32), and in
 * *block the block size to which everything from CNTR on is padded (1: not ciphered). */
size_t scp80_command_overhead(const struct keyset *keys, uint8_t spi1, size_t *block);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of a GlobalPlatform secure channel, for tests: opens a session with a card of card_fixture.h, and
 * speaks under it.
 */
#ifndef TESTS_GP_HOST_H
#define TESTS_GP_HOST_H

#include "card_fixture.h"
#include "scp.h"

#define ISD_AID "A000000151000000"

struct gp_host {
    struct fixture *f;
    uint8_t channel;
    struct scp_keys keys;
    struct scp_session scp;
    uint8_t update[64]; /* the answer to INITIALIZE UPDATE */
    size_t update_len;
};

/* The keys of this version that the profile gives its security domain `domain` (index of its applet). */
void gp_keys(struct fixture *f, uint8_t version, struct scp_keys *out);

/* Each for itself: SELECT by AID (hex), INITIALIZE UPDATE (host challenge of n octets), EXTERNAL
 * AUTHENTICATE. They give the status word; INITIALIZE UPDATE 0 when the card's cryptogram is wrong. */
uint16_t gp_select(struct gp_host *h, const char *aid);
uint16_t gp_initialize(struct gp_host *h, uint8_t version, size_t n);
uint16_t gp_authenticate(struct gp_host *h, uint8_t level);

/* All of them, with keys of the profile; must succeed. n: 8, or 16 for S16. */
void gp_open(struct gp_host *h, struct fixture *f, const char *aid, uint8_t version, uint8_t level, size_t n);

/* One command, in hex without secure messaging, under the session; the answer, data in plain and status word,
 * against a pattern as of fixture_apdu. */
#define gp(h, command, pattern) gp_exchange(h, command, pattern, __FILE__, __LINE__)
void gp_exchange(struct gp_host *h, const char *command, const char *pattern, const char *file, int line);
/* The protected command alone. */
size_t gp_wrap(struct gp_host *h, const char *command, uint8_t out[300]);
/* The same without looking at the answer, which stays in f->response; the status word. */
uint16_t gp_send(struct gp_host *h, const char *command);

/* A pattern: '.' any digit, '*' any number of them, blanks nothing. */
bool gp_matches(const char *text, const char *pattern);

/* Builds a command with Lc from a header and data in hex. */
const char *gp_command(const char *header, const char *data);

/* Key data field of PUT KEY under the session's DEK: type, key, KCV; appended to `to` as hex. */
void gp_key_field(struct gp_host *h, uint8_t type, const char *key, char *to);

/* ---- what tests install ---- */

#define SSD_PACKAGE "07A0000001515350"
#define SSD_MODULE  "08A000000151535041"
#define SSD1        "F0736F66740101"
#define SSD2        "F0736F66740102"
#define ARA_PACKAGE "08A00000015141434C"
#define ARA_MODULE  "09A00000015141434C4D"
#define APP1        "F0736F66740201"
#define APP2        "F0736F66740202"
#define SSD_PARAMETERS                                                                                       \
    "10 EA0E 800C FF00000000 020116 03B20201" /* TAR B20201, checksum, ciphering, counter */
#define K1      "A94F1C62D80E73B5542B9DE6107FC83A"
#define K2      "6E35F2911A8C0BD4C75926E83D40B17A"
#define K3      "9C26E0D3548BF17A15DC3EA872F6490B"
#define SPI_POR 0x1619 /* CC, ciphering, counter higher; PoR signed and ciphered, always */
#define RULE(hash, access)                                                                                   \
    "E2"                                                                                                     \
    "1F"                                                                                                     \
    "E1"                                                                                                     \
    "18"                                                                                                     \
    "4F00"                                                                                                   \
    "C114" hash "E3"                                                                                         \
    "03"                                                                                                     \
    "D001" access
#define HASH1 "11111111111111111111111111111111111111AA"
#define HASH2 "11111111111111111111111111111111111111BB"

/* INSTALL with this P1. */
const char *gp_install(unsigned p1, const char *package, const char *module, const char *aid,
                       const char *privileges, const char *parameters);
/* A supplementary security domain; must succeed. */
void gp_make_ssd(struct gp_host *h, const char *aid, const char *privileges, const char *parameters);
/* The host's keys are these from now on (32 hex digits each). */
void gp_keys_of(struct gp_host *h, const char *enc, const char *mac, const char *dek);
/* PUT KEY's data: a key version, and K1 to K3 as keys of this type. */
void gp_three_keys(struct gp_host *h, uint8_t type, const char *kvn, char *data);

#endif

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

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the parties of a test are: certificates, made on the spot, and pairs of K and OTA keys.
 */
#ifndef TESTS_IDENTITY_H
#define TESTS_IDENTITY_H

#include <string.h>

#include "cms.h"
#include "keys.h"

/* Self-signed, valid from `from` to `until` seconds from now. rsa: 2048 bits; else EC P-256. Fails the
 * running cmocka test if it can't. */
struct cms_identity identity_made(const char *name, bool rsa, long from, long until);
/* A day long. */
struct cms_identity identity(const char *name, bool rsa);
void identity_free(struct cms_identity *i);

/* A pair of a card: Milenage, AES; K is 16 octets C0 + index, OPc D0 + index, KIc E0 + index, KID F0 + index.
 * `common`: the keys that all pairs of the card share, K is none of them. */
struct key_row identity_pair(const char *iccid, bool common, unsigned index);

/* What fills in e.text says what it must. */
#define good(e, call)                                                                                        \
    do {                                                                                                     \
        if (!(call))                                                                                         \
            fail_msg("%s: %s", #call, (e).text);                                                             \
    } while (0)

#define bad(e, call, words)                                                                                  \
    do {                                                                                                     \
        (e).text[0] = '\0';                                                                                  \
        if (call)                                                                                            \
            fail_msg("%s succeeded", #call);                                                                 \
        if (strstr((e).text, words) == NULL || strchr((e).text, '\n') != NULL)                               \
            fail_msg("%s: '%s' does not say '%s'", #call, (e).text, words);                                  \
    } while (0)

#endif

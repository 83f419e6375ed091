/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for tests, made on the spot.
 */
#ifndef TESTS_IDENTITY_H
#define TESTS_IDENTITY_H

#include <string.h>

#include "cms.h"

/* Self-signed, valid from `from` to `until` seconds from now. rsa: 2048 bits; else EC P-256. Fails the
 * running cmocka test if it can't. */
struct cms_identity identity_made(const char *name, bool rsa, long from, long until);
/* A day long. */
struct cms_identity identity(const char *name, bool rsa);
void identity_free(struct cms_identity *i);

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

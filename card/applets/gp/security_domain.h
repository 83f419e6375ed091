/* SPDX-License-Identifier: Apache-2.0
 *
 * Security domains, for the composition root and for applets that use the secure channel of theirs.
 */
#ifndef GP_SECURITY_DOMAIN_H
#define GP_SECURITY_DOMAIN_H

#include "applet.h"

extern const struct applet_class isd_class; /* issuer security domain */
extern const struct applet_class ssd_class; /* supplementary security domains, of the profile or by INSTALL */

/* What may be known of a keyset: never a key. */
struct domain_keyset_info {
    uint8_t version;
    const char *protocol;      /* "SCP02", "SCP03", "SCP80" */
    uint8_t algorithm[3];      /* enum ota_algorithm of keys 01 to 03; OTA_NONE: there is none */
    uint8_t len[3];
    uint8_t kcv[3][3];
    uint64_t counter;          /* SCP80: counter last accepted; else the sequence counter */
};

/* The keyset with the lowest version above `after`, of this security domain; false: there is none. */
bool domain_keyset_inspect(struct applet self, uint8_t after, struct domain_keyset_info *out);

/* For a class whose applets speak through their security domain (GlobalPlatform Card
 * Specification 2.3, 10.2.2): its `messaging`, and two rows for its commands. */
extern const struct secure_messaging domain_messaging;
#define SECURE_CHANNEL_ROWS                                                                                  \
    {"INITIALIZE UPDATE",                                                                                    \
     "GlobalPlatform E.5.1",                                                                                 \
     CLASS_ETSI,                                                                                             \
     0x50,                                                                                                   \
     0x00,                                                                                                   \
     0x00,                                                                                                   \
     CASE_4,                                                                                                 \
     8,                                                                                                      \
     16,                                                                                                     \
     TARGET_NONE,                                                                                            \
     ACCESS_FREE,                                                                                            \
     ROW_P2_00,                                                                                              \
     command_initialize_update},                                                                             \
    {                                                                                                        \
        "EXTERNAL AUTHENTICATE", "GlobalPlatform E.5.2", CLASS_ETSI, 0x82, 0x00, 0x00, CASE_3, 8, 16,        \
            TARGET_NONE, ACCESS_FREE, ROW_P2_00, command_external_authenticate                               \
    }
sw_t command_initialize_update(struct call *call);
sw_t command_external_authenticate(struct call *call);

#endif

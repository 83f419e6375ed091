/* SPDX-License-Identifier: Apache-2.0
 *
 * GET IDENTITY: the SUCI that the USIM calculates (3GPP TS 31.102 7.5, TS 33.501 6.12 and annex C).
 */
#ifndef APPLETS_SUCI_H
#define APPLETS_SUCI_H

#include "applet.h"

enum { FID_UST = 0x6F38 };

/* P2 01: the SUCI as the 5GS mobile identity has it (TS 24.501 9.11.3.4). P2 02: as a network access
 * identifier, for non-seamless WLAN offload. */
sw_t command_get_identity(struct call *call);

#endif

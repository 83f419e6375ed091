/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_OTA_SEND_H
#define TOOLS_OTA_SEND_H

#include "cli.h"

/* softuicc ota send: makes a command packet, sends it to a card, and says what the card's answer proves. */
extern const struct subcommand ota_send;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The applets of remote management: "ota", which receives secured packets, and "rfm", the target
 * of remote file management.
 */
#ifndef OTA_RECEIVER_H
#define OTA_RECEIVER_H

#include "applet.h"

extern const struct applet_class ota_class;
extern const struct applet_class rfm_class;

#endif

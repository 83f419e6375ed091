/* SPDX-License-Identifier: Apache-2.0
 *
 * The composition root: the one place that knows every applet class.
 */
#include "cli.h"
#include "isim.h"
#include "receiver.h"
#include "subscription.h"
#include "usim.h"

const struct applet_class *const cli_applet_classes[] = {
    &ota_class, &rfm_class, &isim_class, &subscription_class, &usim_class, NULL,
};

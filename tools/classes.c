/* SPDX-License-Identifier: Apache-2.0
 *
 * The composition root: the one place that knows every applet class.
 */
#include "ara_m.h"
#include "cli.h"
#include "gsm.h"
#include "isim.h"
#include "pairing.h"
#include "receiver.h"
#include "secure.h"
#include "security_domain.h"
#include "subscription.h"
#include "usim.h"

const struct applet_class *const cli_applet_classes[] = {
    &ara_m_class, &gsm_class,    &isd_class, &isim_class,         &ota_class,  &pairing_class,
    &rfm_class,   &secure_class, &ssd_class, &subscription_class, &usim_class, NULL,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into tests a second time: they run with the algorithms that softuicc serves cards with
 * (tools/openssl_start.h), so that one that a card needs and that is not among them is noticed here.
 */
#include <stdlib.h>

#include "openssl_start.h"

__attribute__((constructor)) static void start(void)
{
    if (!openssl_start())
        abort();
}

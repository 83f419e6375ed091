/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of its own: a port to a machine without Linux has another source of random octets.
 */
#include "crypto.h"

#include <errno.h>
#include <sys/random.h>

bool crypto_random(void *ctx, uint8_t *to, size_t n)
{
    (void)ctx;
    for (size_t at = 0; at < n;) {
        ssize_t got = getrandom(to + at, n - at, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            crypto_wipe(to, n);
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

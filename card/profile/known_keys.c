/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that are no secret.
 */
#include "hex.h"
#include "profile.h"

/* Keys that are in specifications, manuals and other people's configurations. */
static const char *const published[] = {
    /* 3GPP TS 35.208 4.3: K, OP and OPc of the Milenage test sets */
    "465b5ce8b199b49faa5f0a2ee238a6bc",
    "cdc202d5123e20f62b6d676ac72cb318",
    "cd63cb71954a9f4e48a5994e37a02baf",
    "0396eb317b6d1c36f19c1c84cd6ffd16",
    "ff53bade17df5d4e793073ce9d7579fa",
    "53c15671c60a4b731c55b4a441c0bde2",
    "fec86ba6eb707ed08905757b1bb44b8f",
    "dbc59adcb6f9a0ef735477b7fadf8374",
    "1006020f0a478bf6b699f15c062e42b3",
    "9e5944aea94b81165c82fbf9f32db751",
    "223014c5806694c007ca1eeef57f004f",
    "a64a507ae1a2a98bb88eb4210135dc87",
    "4ab1deb05ca6ceb051fc98e77d026a84",
    "2d16c5cd1fdf6b22383584e3bef2a8d8",
    "dcf07cbd51855290b92a07a9891e523e",
    "6c38a116ac280c454f59332ee35c8c4f",
    "1ba00a1a7c6700ac8c3ff3e96ad08725",
    "3803ef5363b947c6aaa225e58fae3934",
    /* defaults of open core networks and simulators */
    "63bfa50ee6523365ff14c1f45f88737d",
    "e8ed289deba952e4283b54e88e6183ca",
    "8baf473f2f8fd09487cccbd7097c6862",
    "8e27b6af0e692e750f32667a3b14605d",
    "c42449363bbad02b66d16bc975d77cc1",
};

bool profile_key_known(const uint8_t *key, size_t n)
{
    bool seen[256] = {false};
    unsigned distinct = 0;
    bool steps = true; /* 000102.., 00112233.., 404142.., ffeedd.. */
    for (size_t i = 0; i < n; i++) {
        distinct += !seen[key[i]];
        seen[key[i]] = true;
        if (i > 1 && (uint8_t)(key[i] - key[i - 1]) != (uint8_t)(key[1] - key[0]))
            steps = false;
    }
    if (steps || distinct < 4)
        return true;
    for (size_t period = 1; period <= 8 && period < n; period++) { /* 0123456789abcdef0123.. */
        if (memcmp(key, key + period, n - period) == 0)
            return true;
    }
    char text[2 * 32 + 1];
    hex_format(span_of(key, n), text);
    bool known = false;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
        known = known || strcmp(text, published[i]) == 0;
    crypto_wipe(text, sizeof text);
    return known;
}

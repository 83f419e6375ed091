/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fuzz target is: one function that takes any octets and calls fuzz_die when something does not hold.
 * With libFuzzer its main runs it; without, driver.c's main replays files and changes them. A target keeps
 * nothing between two calls that matters.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Are these octets among those? Not by memmem: libFuzzer listens to it, and would learn the key that is
 * looked for, and say it itself. */
static inline bool fuzz_has(const void *those, size_t n, const void *these, size_t m)
{
    const uint8_t *hay = those, *needle = these;
    for (size_t i = 0; m > 0 && i + m <= n; i++) {
        uint8_t differ = 0;
        for (size_t k = 0; k < m; k++)
            differ |= (uint8_t)(hay[i + k] ^ needle[k]);
        if (differ == 0)
            return true;
    }
    return false;
}

/* Something does not hold: prints it, and aborts. */
#define fuzz_die(...)                                                                                        \
    do {                                                                                                     \
        (void)fprintf(stderr, "# " __VA_ARGS__);                                                             \
        (void)fprintf(stderr, "\n");                                                                         \
        abort();                                                                                             \
    } while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fuzz target is: one function that takes any octets and calls fuzz_die when something does not hold. With libFuzzer its main runs it; without, driver.c's
 * main replays files and changes them. A target keeps nothing between two calls that matters.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Something does not hold: prints it, and aborts. */
#define fuzz_die(...)                           \
    do {                                        \
        (void)fprintf(stderr, "# " __VA_ARGS__); \
        (void)fprintf(stderr, "\n");            \
        abort();                                \
    } while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* libFuzzer's name for it */
extern const char fuzz_what[];                             /* what is run */

#endif

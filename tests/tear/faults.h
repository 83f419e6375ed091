/* SPDX-License-Identifier: Apache-2.0
 *
 * What the world may refuse a card besides its store: memory, ciphers, random octets. The program is linked
 * with --wrap of malloc and friends and of the crypto library's functions (faults_dep in tests/meson.build);
 * calls are counted, and may fail, only between faults_on and faults_off, so that the test's own are let
 * alone.
 */
#ifndef TEAR_FAULTS_H
#define TEAR_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind { FAULT_MEMORY, FAULT_CIPHER, FAULT_RANDOM, FAULT_KINDS };

/* The nth call from now on that counts (0: the next) fails; `for_good`: so do all behind it. Forgets what was
 * armed before, and the count. */
void faults_arm(enum fault_kind kind, long nth, bool for_good);
void faults_disarm(void);

void faults_on(void);
void faults_off(void);

/* Calls of this kind since faults_arm or faults_disarm. */
long faults_calls(enum fault_kind kind);

/* For struct uicc_env: always the same octets after faults_random_start, so that two runs can be compared;
 * fails as armed. */
bool faults_random(void *ctx, uint8_t *to, size_t n);
void faults_random_start(uint64_t seed);

#endif

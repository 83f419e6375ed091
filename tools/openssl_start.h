/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL as a card needs it. Its first fetch makes a method of every algorithm that its default provider
 * has, of which a card uses ten: 0.7 ms that the reader waits for.
 */
#ifndef TOOLS_OPENSSL_START_H
#define TOOLS_OPENSSL_START_H

#include <stdbool.h>

/* For a process that serves cards and does nothing else with OpenSSL: of ciphers, digests and MACs there will
 * be those of card/crypto and no others, and openssl.cnf is not read. To be called once, before anything else
 * of OpenSSL. false: it did not work, and OpenSSL is as it always is. */
bool openssl_start(void);

#endif

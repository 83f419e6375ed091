/* SPDX-License-Identifier: Apache-2.0
 *
 * Between scp.c, scp02.c and scp03.c.
 */
#ifndef CRYPTO_SCP_PARTS_H
#define CRYPTO_SCP_PARTS_H

#include "scp.h"

/* ISO/IEC 9797-1 padding method 2: 80, then zeros up to the block. unpad: false when there is none, or more
 * than a block of it; neither time nor path depends on anything but in.n. */
void scp_pad(struct buf *b, size_t from, size_t block);
bool scp_unpad(struct span in, size_t block, size_t *n);

/* CLA as MACs see it: secure messaging set, logical channel zero (E.4.4, Amendment D 6.2.4). */
uint8_t scp_mac_class(uint8_t cla);

/* The C-MAC over a command whose header has `lc` for its Lc; becomes the chaining value. */
bool scp02_mac(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t lc,
               struct span data, uint8_t mac[SCP_MAC_MAX]);
/* The same of data that was deciphered and has its padding still: n octets of it are data, which neither time
 * nor path tells. data.n: whole blocks, at least one. */
bool scp02_mac_padded(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t n,
                      struct span data, uint8_t mac[SCP_MAC_MAX]);
bool scp03_mac(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t lc,
               struct span data, uint8_t mac[SCP_MAC_MAX]);
bool scp03_rmac(struct uicc_crypto *c, const struct scp_session *s, struct span data, uint16_t sw,
                uint8_t mac[SCP_MAC_MAX]);

/* The IV that a data field is ciphered with. */
bool scp03_icv(struct uicc_crypto *c, const struct scp_session *s, bool response, uint8_t icv[16]);

bool scp02_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side, uint8_t out[8]);
bool scp03_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side,
                      uint8_t out[SCP_MAC_MAX]);

#endif

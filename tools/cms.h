/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parties send each other: content signed by one and enveloped for another (CMS, RFC 5652), in DER.
 * Signing is with SHA-256; the envelope is AES-256-GCM (RFC 5084) under a key that RSA-OAEP or ECDH carries,
 * whichever key the recipient's certificate has. A certificate is trusted because it is the very one that was
 * named, not because somebody issued it.
 */
#ifndef TOOLS_CMS_H
#define TOOLS_CMS_H

#include <openssl/x509.h>

#include "span.h"

struct cms_error {
    char text[512]; /* one line for a person */
};

enum { CMS_PRINT = 32, CMS_PRINT_TEXT = 2 * CMS_PRINT + 1, CMS_CONTENT_MAX = 1 << 30 };

/* PEM or DER. Free with X509_free. NULL: *error. */
X509 *cms_certificate(const char *path, struct cms_error *error);
X509 *cms_certificate_of(struct span der);
/* PEM or DER; a file that others than its owner may read is refused. Free with EVP_PKEY_free. */
EVP_PKEY *cms_private_key(const char *path, struct cms_error *error);

/* SHA-256 over the certificate, as lower-case hex: how a certificate is named in lists and logs. */
bool cms_print(const X509 *certificate, char text[CMS_PRINT_TEXT]);
/* Within its dates, and of a kind (RSA of 2048 bits or more, EC) that can be enveloped for. */
bool cms_usable(const X509 *certificate, struct cms_error *error);
/* Same public key. */
bool cms_same_key(const X509 *a, const X509 *b);

/* malloc'ed; free with cms_free. Signed first if there is a signer (certificate and its key). */
struct cms_identity {
    X509 *certificate;
    EVP_PKEY *key;
};
bool cms_pack(struct span content, const struct cms_identity *signer, X509 *recipient, uint8_t **out,
              size_t *n, struct cms_error *error);

/* Opens what was enveloped for `self`. `trusted` is the only signer believed: false when it did not sign.
 * NULL: no signature is looked at, and *has_signature (may be NULL) says whether there is one. */
bool cms_unpack(struct span packed, const struct cms_identity *self, X509 *trusted, bool *has_signature,
                uint8_t **out, size_t *n, struct cms_error *error);

/* Wipes too. NULL is allowed. */
void cms_free(uint8_t *p, size_t n);

/* A whole file of at most CMS_CONTENT_MAX octets; free with cms_free. */
bool cms_read_file(const char *path, uint8_t **out, size_t *n, struct cms_error *error);
/* Could it be made? To be asked before what cannot be taken back. */
bool cms_can_write(const char *path, struct cms_error *error);
/* Makes the file, mode 0600, complete and on the disk, or not at all; it must not be there. */
bool cms_write_file(const char *path, struct span content, struct cms_error *error);

#endif

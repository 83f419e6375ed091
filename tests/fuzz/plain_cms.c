/* SPDX-License-Identifier: Apache-2.0 */
#include "plain_cms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool plain_cms;

bool __real_cms_pack(struct span content, const struct cms_identity *signer, X509 *recipient, uint8_t **out,
                     size_t *n, struct cms_error *error);
bool __wrap_cms_pack(struct span content, const struct cms_identity *signer, X509 *recipient, uint8_t **out,
                     size_t *n, struct cms_error *error);
bool __real_cms_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                       bool *has_signature, uint8_t **out, size_t *n, struct cms_error *error);
bool __wrap_cms_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                       bool *has_signature, uint8_t **out, size_t *n, struct cms_error *error);

bool __wrap_cms_pack(struct span content, const struct cms_identity *signer, X509 *recipient, uint8_t **out,
                     size_t *n, struct cms_error *error)
{
    if (!plain_cms)
        return __real_cms_pack(content, signer, recipient, out, n, error);
    *n = content.n + 1;
    *out = malloc(*n);
    if (*out == NULL) {
        (void)snprintf(error->text, sizeof error->text, "enveloping: no memory");
        return false;
    }
    (*out)[0] = signer != NULL;
    memcpy(*out + 1, content.p, content.n);
    return true;
}

bool __wrap_cms_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                       bool *has_signature, uint8_t **out, size_t *n, struct cms_error *error)
{
    if (!plain_cms)
        return __real_cms_unpack(packed, self, trusted, has_signature, out, n, error);
    const bool is_signed = packed.n > 0 && packed.p[0] != 0;
    *n = packed.n > 1 ? packed.n - 1 : 0;
    *out = (trusted == NULL || is_signed) && *n > 0 ? malloc(*n) : NULL;
    if (*out == NULL) {
        (void)snprintf(error->text, sizeof error->text, "opening: nothing, unsigned, or no memory");
        return false;
    }
    if (has_signature != NULL)
        *has_signature = is_signed;
    memcpy(*out, packed.p + 1, *n);
    return true;
}

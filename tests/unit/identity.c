/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct cms_identity identity_made(const char *name, bool rsa, long from, long until)
{
    const void *cn = name;
    struct cms_identity i = {X509_new(), rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")};
    assert_non_null(i.certificate);
    assert_non_null(i.key);
    X509_NAME *subject = X509_get_subject_name(i.certificate);
    assert_int_equal(X509_set_version(i.certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(i.certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(i.certificate), from));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(i.certificate), until));
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, cn, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(i.certificate, subject), 1);
    assert_int_equal(X509_set_pubkey(i.certificate, i.key), 1);
    assert_true(X509_sign(i.certificate, i.key, EVP_sha256()) > 0);
    return i;
}

struct cms_identity identity(const char *name, bool rsa)
{
    return identity_made(name, rsa, -3600, 86400);
}

void identity_free(struct cms_identity *i)
{
    X509_free(i->certificate);
    EVP_PKEY_free(i->key);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

struct key_row identity_pair(const char *iccid, bool common, unsigned index)
{
    struct key_row row;
    memset(&row, 0, sizeof row);
    (void)snprintf(row.iccid, sizeof row.iccid, "%s", iccid);
    row.common = common;
    row.index = index;
    row.pair.algorithm = AKA_MILENAGE;
    row.pair.sqn = (struct sqn_scheme){.ind_bits = 5, .delta = 1u << 28};
    if (!common) {
        row.pair.key.k_len = row.pair.key.opc_len = 16;
        memset(row.pair.key.k, 0xC0 + (int)index, 16);
        memset(row.pair.key.opc, 0xD0 + (int)index, 16);
    }
    row.pair.ota = (struct keyset){.version = 1,
                                   .kic_algorithm = OTA_AES,
                                   .kid_algorithm = OTA_AES,
                                   .mac_len = 8,
                                   .kic_len = 16,
                                   .kid_len = 16};
    memset(row.pair.ota.kic, 0xE0 + (int)index, 16);
    memset(row.pair.ota.kid, 0xF0 + (int)index, 16);
    return row;
}

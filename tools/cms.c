/* SPDX-License-Identifier: Apache-2.0 */
#include "cms.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "hex.h"
#include "publish.h"

static bool say(struct cms_error *error, const char *about, const char *what)
{
    snprintf(error->text, sizeof error->text, "%.300s: %s", about, what);
    ERR_clear_error();
    return false;
}

/* What OpenSSL says of it. */
static bool blame(struct cms_error *error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return say(error, what, reason != NULL ? reason : "OpenSSL failed");
}

void cms_free(uint8_t *p, size_t n)
{
    if (p == NULL)
        return;
    crypto_wipe(p, n);
    free(p);
}

/* ---- files ---- */

static bool read_all(int fd, uint8_t *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, to + at, n - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool read_fd(int fd, const char *path, bool private, uint8_t **out, size_t *n, struct cms_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return say(error, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return say(error, path, "not a regular file");
    if (private && (st.st_mode & 077) != 0)
        return say(error, path, "others than its owner may read this key: chmod 600 it");
    if (st.st_size <= 0 || st.st_size > CMS_CONTENT_MAX)
        return say(error, path, st.st_size <= 0 ? "the file is empty" : "the file is too large");
    *n = (size_t)st.st_size;
    *out = malloc(*n);
    if (*out == NULL)
        return say(error, path, "no memory");
    if (read_all(fd, *out, *n))
        return true;
    cms_free(*out, *n);
    return say(error, path, "cannot be read");
}

static bool read_path(const char *path, bool private, uint8_t **out, size_t *n, struct cms_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return say(error, path, strerror(errno));
    bool good = read_fd(fd, path, private, out, n, error);
    close(fd);
    return good;
}

bool cms_read_file(const char *path, uint8_t **out, size_t *n, struct cms_error *error)
{
    return read_path(path, false, out, n, error);
}

static bool write_fd(int fd, struct span content)
{
    for (size_t at = 0; at < content.n;) {
        ssize_t put = write(fd, content.p + at, content.n - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return fsync(fd) == 0;
}

/* Makes the file that becomes `path` when it is complete. */
static int open_temporary(const char *path, char *temporary, size_t room, struct cms_error *error)
{
    int n = snprintf(temporary, room, "%s.new", path);
    int fd = -1;
    if (n <= 0 || (size_t)n >= room || path[0] == '\0')
        say(error, path, "the file name is empty or too long");
    /* where it would be piped to, nobody would look after its mode; and it is reported on, there */
    else if (strcmp(path, "-") == 0)
        say(error, path,
            "not to the standard output: name a file, which gets mode 0600 (./- for one of that name)");
    else if ((fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        say(error, temporary, strerror(errno));
    return fd;
}

bool cms_can_write(const char *path, struct cms_error *error)
{
    char temporary[4096];
    struct stat st;
    if (lstat(path, &st) == 0)
        return say(error, path, "exists already");
    int fd = open_temporary(path, temporary, sizeof temporary, error);
    if (fd < 0)
        return false;
    close(fd);
    unlink(temporary);
    return true;
}

bool cms_write_file(const char *path, struct span content, struct cms_error *error)
{
    char temporary[4096];
    int fd = open_temporary(path, temporary, sizeof temporary, error);
    if (fd < 0)
        return false;
    bool good = write_fd(fd, content) || say(error, temporary, strerror(errno));
    close(fd);
    const int rc = good ? publish(temporary, path) : 0;
    if (rc != 0)
        good = say(error, path, rc == EEXIST ? "exists already" : strerror(rc));
    unlink(temporary);
    return good;
}

/* ---- certificates and keys ---- */

X509 *cms_certificate_of(struct span der)
{
    const unsigned char *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    if (x != NULL && p == der.p + der.n)
        return x;
    X509_free(x);
    return NULL;
}

X509 *cms_certificate(const char *path, struct cms_error *error)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!read_path(path, false, &bytes, &n, error))
        return NULL;
    X509 *x = cms_certificate_of(span_of(bytes, n));
    BIO *bio = x == NULL && n <= 1 << 20 ? BIO_new_mem_buf(bytes, (int)n) : NULL;
    if (bio != NULL)
        x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    cms_free(bytes, n);
    ERR_clear_error();
    if (x == NULL)
        say(error, path, "no certificate (X.509, PEM or DER)");
    return x;
}

EVP_PKEY *cms_private_key(const char *path, struct cms_error *error)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!read_path(path, true, &bytes, &n, error))
        return NULL;
    BIO *bio = n <= 1 << 20 ? BIO_new_mem_buf(bytes, (int)n) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    const unsigned char *p = bytes;
    if (key == NULL)
        key = d2i_AutoPrivateKey(NULL, &p, (long)n);
    cms_free(bytes, n);
    ERR_clear_error();
    if (key == NULL)
        say(error, path, "no private key (PEM or DER), or a wrong pass phrase for it");
    return key;
}

bool cms_print(const X509 *certificate, char text[CMS_PRINT_TEXT])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    text[0] = '\0';
    if (X509_digest(certificate, EVP_sha256(), digest, &n) != 1 || n != CMS_PRINT)
        return false;
    hex_format(span_of(digest, n), text);
    return true;
}

bool cms_usable(const X509 *certificate, struct cms_error *error)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL)
        return say(error, "certificate", "its public key cannot be read");
    if (!EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "RSA"))
        return say(error, "certificate", "its key is neither RSA nor EC");
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < 2048)
        return say(error, "certificate", "an RSA key of less than 2048 bits");
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
        return say(error, "certificate", "not valid yet");
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return say(error, "certificate", "expired");
    return true;
}

bool cms_same_key(const X509 *a, const X509 *b)
{
    const EVP_PKEY *x = X509_get0_pubkey(a), *y = X509_get0_pubkey(b);
    return x != NULL && y != NULL && EVP_PKEY_eq(x, y) == 1;
}

/* ---- packing ---- */

/* The content of a signed message lies in OpenSSL's memory, which it does not wipe. */
static void free_wiped(CMS_ContentInfo *cms)
{
    ASN1_OCTET_STRING **content = cms != NULL ? CMS_get0_content(cms) : NULL;
    if (content != NULL && *content != NULL && ASN1_STRING_length(*content) > 0)
        OPENSSL_cleanse((*content)->data, (size_t)(*content)->length);
    CMS_ContentInfo_free(cms);
}

static bool encode(CMS_ContentInfo *cms, uint8_t **out, size_t *n)
{
    int len = i2d_CMS_ContentInfo(cms, NULL);
    uint8_t *bytes = len > 0 ? malloc((size_t)len) : NULL;
    unsigned char *p = bytes;
    if (bytes == NULL || i2d_CMS_ContentInfo(cms, &p) != len) {
        free(bytes);
        return false;
    }
    *out = bytes;
    *n = (size_t)len;
    return true;
}

static bool sign(struct span content, const struct cms_identity *signer, uint8_t **out, size_t *n,
                 struct cms_error *error)
{
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL;
    BIO *bio = BIO_new_mem_buf(content.p, (int)content.n);
    CMS_ContentInfo *cms = bio != NULL ? CMS_sign(NULL, NULL, NULL, NULL, flags) : NULL;
    bool good = cms != NULL &&
                CMS_add1_signer(cms, signer->certificate, signer->key, EVP_sha256(), flags) != NULL &&
                CMS_final(cms, bio, NULL, flags) == 1 && encode(cms, out, n);
    if (!good)
        blame(error, "signing");
    free_wiped(cms);
    BIO_free(bio);
    return good;
}

/* RSA by OAEP rather than by PKCS #1 v1.5, and SHA-256 in the derivation after ECDH rather than SHA-1, which
 * are OpenSSL's defaults. */
static bool add_recipient(CMS_ContentInfo *cms, X509 *recipient, unsigned flags)
{
    CMS_RecipientInfo *ri = CMS_add1_recipient_cert(cms, recipient, flags | CMS_KEY_PARAM);
    EVP_PKEY_CTX *ctx = ri != NULL ? CMS_RecipientInfo_get0_pkey_ctx(ri) : NULL;
    if (ctx == NULL)
        return false;
    if (EVP_PKEY_is_a(X509_get0_pubkey(recipient), "RSA"))
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1;
    return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
}

static bool envelop(struct span content, X509 *recipient, uint8_t **out, size_t *n, struct cms_error *error)
{
    const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_USE_KEYID;
    BIO *bio = BIO_new_mem_buf(content.p, (int)content.n);
    CMS_ContentInfo *cms = bio != NULL ? CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags) : NULL;
    /* A key is named by its identifier where the certificate has one. */
    bool by_id = X509_get0_subject_key_id(recipient) != NULL;
    bool good = cms != NULL &&
                add_recipient(cms, recipient, by_id ? flags : flags & ~(unsigned)CMS_USE_KEYID) &&
                CMS_final(cms, bio, NULL, flags) == 1 && encode(cms, out, n);
    if (!good)
        blame(error, "enveloping");
    CMS_ContentInfo_free(cms);
    BIO_free(bio);
    return good;
}

bool cms_pack(struct span content, const struct cms_identity *signer, X509 *recipient, uint8_t **out,
              size_t *n, struct cms_error *error)
{
    uint8_t *inner = NULL;
    size_t n_inner = 0;
    if (content.n == 0 || content.n > CMS_CONTENT_MAX / 2)
        return say(error, "enveloping", "nothing, or too much, to send");
    if (!cms_usable(recipient, error))
        return false;
    if (signer != NULL && X509_check_private_key(signer->certificate, signer->key) != 1)
        return say(error, "signing", "the private key is not that of the certificate");
    if (signer != NULL && !sign(content, signer, &inner, &n_inner, error))
        return false;
    bool good = envelop(inner != NULL ? span_of(inner, n_inner) : content, recipient, out, n, error);
    cms_free(inner, n_inner);
    return good;
}

/* ---- unpacking ---- */

static CMS_ContentInfo *decode(struct span bytes)
{
    const unsigned char *p = bytes.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)bytes.n);
    if (cms != NULL && p == bytes.p + bytes.n)
        return cms;
    free_wiped(cms);
    return NULL;
}

/* OpenSSL's memory BIOs wipe what they hold when they are freed. */
static bool take(BIO *from, uint8_t **out, size_t *n, struct cms_error *error)
{
    char *p = NULL;
    long len = BIO_get_mem_data(from, &p);
    *out = len > 0 ? malloc((size_t)len) : NULL;
    if (*out == NULL)
        return say(error, "opening", len > 0 ? "no memory" : "there is nothing in it");
    memcpy(*out, p, (size_t)len);
    *n = (size_t)len;
    return true;
}

static bool decrypt(struct span packed, const struct cms_identity *self, uint8_t **out, size_t *n,
                    struct cms_error *error)
{
    CMS_ContentInfo *cms = decode(packed);
    int type = cms != NULL ? OBJ_obj2nid(CMS_get0_type(cms)) : NID_undef;
    if (type != NID_pkcs7_enveloped && type != NID_id_smime_ct_authEnvelopedData) {
        CMS_ContentInfo_free(cms);
        return say(error, "opening", "not an enveloped message (CMS, DER)");
    }
    BIO *plain = BIO_new(BIO_s_mem());
    bool good = plain != NULL && CMS_decrypt(cms, self->key, self->certificate, NULL, plain, CMS_BINARY) == 1;
    if (!good)
        say(error, "opening", "it was not enveloped for this certificate and key, or was changed on the way");
    good = good && take(plain, out, n, error);
    BIO_free(plain);
    CMS_ContentInfo_free(cms);
    return good;
}

static bool verify(CMS_ContentInfo *cms, X509 *trusted, uint8_t **out, size_t *n, struct cms_error *error)
{
    STACK_OF(X509) *only = sk_X509_new_null();
    BIO *plain = BIO_new(BIO_s_mem());
    unsigned flags = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN;
    bool good = only != NULL && plain != NULL;
    if (good && trusted != NULL) {
        good = sk_X509_push(only, trusted) > 0 && CMS_verify(cms, only, NULL, NULL, plain, flags) == 1;
        if (!good)
            say(error, "signature", "not by the certificate that is trusted, or the content was changed");
    } else if (good) {
        flags |= CMS_NO_ATTR_VERIFY | CMS_NO_CONTENT_VERIFY;
        good = CMS_verify(cms, NULL, NULL, NULL, plain, flags & ~(unsigned)CMS_NOINTERN) == 1;
        if (!good)
            say(error, "signature", "it cannot be looked into");
    }
    good = good && take(plain, out, n, error);
    BIO_free(plain);
    sk_X509_free(only);
    return good;
}

bool cms_unpack(struct span packed, const struct cms_identity *self, X509 *trusted, bool *has_signature,
                uint8_t **out, size_t *n, struct cms_error *error)
{
    uint8_t *inner = NULL;
    size_t n_inner = 0;
    if (X509_check_private_key(self->certificate, self->key) != 1)
        return say(error, "opening", "the private key is not that of the certificate");
    if (trusted != NULL && !cms_usable(trusted, error))
        return false;
    if (!decrypt(packed, self, &inner, &n_inner, error))
        return false;
    CMS_ContentInfo *cms = decode(span_of(inner, n_inner));
    bool is_signed = cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed;
    ERR_clear_error();
    if (has_signature != NULL)
        *has_signature = is_signed;
    bool good;
    if (is_signed) {
        good = verify(cms, trusted, out, n, error);
    } else if (trusted != NULL) {
        good = say(error, "signature", "there is none");
    } else {
        *out = inner;
        *n = n_inner;
        inner = NULL;
        good = true;
    }
    free_wiped(cms);
    cms_free(inner, n_inner);
    return good;
}

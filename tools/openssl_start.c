/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider that offers a few algorithms of OpenSSL's default provider, and lends their code: the default
 * provider is loaded into a library context of its own, where nothing is fetched, and asked for its tables.
 * One process, one such provider: what OpenSSL calls back has no argument of ours, so the state is static.
 */
#include "openssl_start.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <string.h>

enum { OFFERED_MAX = 16 };

static struct {
    OSSL_LIB_CTX *apart; /* the lender's; all three for as long as the process lives */
    OSSL_PROVIDER *lender, *few;
    OSSL_ALGORITHM ciphers[OFFERED_MAX], digests[OFFERED_MAX], macs[OFFERED_MAX]; /* the last one is empty */
} state;

/* What card/crypto fetches, by the first of the names that the default provider has for it. */
static const char *const ciphers[] = {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB", "AES-128-CBC",
                                      "AES-192-CBC", "AES-256-CBC", "AES-128-CTR", "DES-EDE3-CBC",
                                      "AES-256-GCM", NULL};
static const char *const digests[] = {"SHA1", "SHA2-256", NULL};
static const char *const macs[] = {"CMAC", NULL};

static bool named(const OSSL_ALGORITHM *a, const char *const *names)
{
    size_t n = strcspn(a->algorithm_names, ":");
    for (; *names != NULL; names++)
        if (strlen(*names) == n && memcmp(a->algorithm_names, *names, n) == 0)
            return true;
    return false;
}

static void choose(int operation, const char *const *names, OSSL_ALGORITHM to[OFFERED_MAX])
{
    int no_cache = 0;
    size_t n = 0;
    const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(state.lender, operation, &no_cache);
    for (; all != NULL && all->algorithm_names != NULL && n < OFFERED_MAX - 1; all++)
        if (named(all, names))
            to[n++] = *all;
}

/* Of everything else (curves, for SUCI) all there is. */
static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_CIPHER:
        return state.ciphers;
    case OSSL_OP_DIGEST:
        return state.digests;
    case OSSL_OP_MAC:
        return state.macs;
    default:
        return OSSL_PROVIDER_query_operation(state.lender, operation, no_cache);
    }
}

/* The algorithms get the context of the provider whose code they are. */
static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **provctx)
{
    static const OSSL_DISPATCH table[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
                                          {0, NULL}};
    (void)handle;
    (void)in;
    *out = table;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(state.lender);
    return 1;
}

bool openssl_start(void)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                            NULL) != 1)
        return false;
    state.apart = OSSL_LIB_CTX_new();
    state.lender = state.apart != NULL ? OSSL_PROVIDER_load(state.apart, "default") : NULL;
    if (state.lender == NULL) {
        OSSL_LIB_CTX_free(state.apart);
        state.apart = NULL;
        return false;
    }
    choose(OSSL_OP_CIPHER, ciphers, state.ciphers);
    choose(OSSL_OP_DIGEST, digests, state.digests);
    choose(OSSL_OP_MAC, macs, state.macs);
    if (OSSL_PROVIDER_add_builtin(NULL, "softuicc", provider_init) != 1)
        return false;
    state.few = OSSL_PROVIDER_load(NULL, "softuicc");
    return state.few != NULL;
}

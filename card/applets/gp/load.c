/* SPDX-License-Identifier: Apache-2.0
 *
 * INSTALL [for load] and LOAD (11.5.2.3.1, 11.6). Blocks lie in the store, an item each, so that they may
 * come in messages far apart and count against the domain's quota; a reset gives them up. The load file is
 * kept and its hash known. What of it runs is what this program has the code of (registry.h): there is no
 * virtual machine.
 */
#include "domain.h"

#include <stdlib.h>

enum {
    BLOCKS_MAX = 256, /* P2 is their number */
    LAST = 0x80,
    DATA_BLOCK = 0xC4,
    DATA_BLOCK_CIPHERED = 0xD4,
    DAP_BLOCK = 0xE2,
    SHA1_LEN = 20,
    SHA256_LEN = 32,
    LOAD_STORED_MAX = 1 + PROFILE_AID_MAX + 1 + 2 + 2 + 1 + SHA256_LEN + 2,
};

struct load {
    struct aid aid;
    uint8_t domain;
    uint16_t owner;
    uint16_t actor; /* who announced it, and alone may bring it (domain_actor) */
    uint8_t hash_len, hash[SHA256_LEN];
    uint16_t next; /* number of the next block */
};

static bool load_put(struct applet self, const struct load *l)
{
    uint8_t bytes[LOAD_STORED_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_u8(&b, l->aid.n);
    buf_put(&b, aid_span(&l->aid));
    buf_u8(&b, l->domain);
    buf_u16(&b, l->owner);
    buf_u16(&b, l->actor);
    buf_u8(&b, l->hash_len);
    buf_put(&b, span_of(l->hash, l->hash_len));
    buf_u16(&b, l->next);
    return buf_ok(&b) && applet_put(self, DOMAIN_LOAD, buf_span(&b));
}

static bool load_get(struct applet self, struct load *l)
{
    struct span bytes;
    *l = (struct load){0};
    if (!applet_get(self, DOMAIN_LOAD, &bytes))
        return false;
    struct reader r = rd_of(bytes);
    struct span aid = lv_take(&r);
    l->domain = rd_u8(&r);
    l->owner = rd_u16(&r);
    l->actor = rd_u16(&r);
    struct span hash = lv_take(&r);
    l->next = rd_u16(&r);
    if (!rd_done(&r) || aid.n > sizeof l->aid.octets || hash.n > sizeof l->hash)
        return false;
    l->aid.n = (uint8_t)aid.n;
    memcpy(l->aid.octets, aid.p, aid.n);
    l->hash_len = (uint8_t)hash.n;
    if (hash.n > 0)
        memcpy(l->hash, hash.p, hash.n);
    return true;
}

bool load_drop(struct applet self)
{
    struct span there;
    bool ok = applet_remove_if_there(self, DOMAIN_LOAD);
    for (uint16_t i = 0; i < BLOCKS_MAX && ok && applet_get(self, (uint16_t)(DOMAIN_BLOCK + i), &there); i++)
        ok = applet_remove(self, (uint16_t)(DOMAIN_BLOCK + i));
    return ok;
}

/* ---- INSTALL [for load] ---- */

static uint8_t load_domain(struct call *call, struct span aid)
{
    if (aid.n == 0)
        return call->self.index;
    uint8_t to = applet_by_aid(call->card, aid);
    bool good = to != NO_APPLET && applet_class_of(call->card, to)->security_domain &&
                (to == call->self.index || domain_reaches(call, to, applet_owner(call->card, to)));
    return good ? to : (uint8_t)NO_APPLET;
}

sw_t install_for_load(struct call *call)
{
    struct reader r = rd_of(call->cmd->data);
    struct span aid = lv_take(&r), domain = lv_take(&r), hash = lv_take(&r);
    (void)lv_take(&r); /* parameters: memory that it will need, which the quota decides about */
    struct span token = lv_take(&r);
    struct package_info other;
    struct load l = {.owner = domain_actor(call), .actor = domain_actor(call)};
    if (!rd_done(&r) || aid.n < 5 || aid.n > PROFILE_AID_MAX ||
        (hash.n != 0 && hash.n != SHA1_LEN && hash.n != SHA256_LEN))
        return SW_WRONG_DATA;
    if (token.n > 0)
        return SW_FUNCTION_NOT_SUPPORTED;
    if ((package_find(call->card, aid, &other) && other.slot != NO_PACKAGE) ||
        applet_by_aid(call->card, aid) != NO_APPLET)
        return SW_WRONG_DATA;
    l.domain = load_domain(call, domain);
    if (l.domain == NO_APPLET)
        return SW_DATA_NOT_FOUND;
    if (l.domain != call->self.index)
        l.owner = applet_owner(call->card, l.domain);
    l.aid.n = (uint8_t)aid.n;
    memcpy(l.aid.octets, aid.p, aid.n);
    l.hash_len = (uint8_t)hash.n;
    if (hash.n > 0)
        memcpy(l.hash, hash.p, hash.n);
    return load_drop(call->self) && load_put(call->self, &l) ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

/* ---- what a load file says of itself: Java Card Virtual Machine Specification 6.4, 6.6 ---- */

static bool component(struct span file, uint8_t tag, struct span *content)
{
    struct reader r = rd_of(file);
    while (r.left > 0) {
        uint8_t t = rd_u8(&r);
        struct span value = rd_take(&r, rd_u16(&r));
        if (!rd_ok(&r))
            return false;
        if (t == tag) {
            *content = value;
            return true;
        }
    }
    return false;
}

/* A CAP file has the package's version and the AIDs of its applets. Another kind of load file says nothing.
 * false: it is the CAP file of another package. */
static bool describe(struct span file, struct package_info *info)
{
    enum { HEADER = 1, APPLET = 3, MAGIC_LEN = 4 };
    static const uint8_t magic[MAGIC_LEN] = {0xDE, 0xCA, 0xFF, 0xED};
    struct span header, applets;
    if (!component(file, HEADER, &header) || !span_starts(header, span_of(magic, sizeof magic)))
        return true;
    struct reader r = rd_of(span_slice(header, MAGIC_LEN, header.n));
    (void)rd_take(&r, 3); /* minor and major version of the format, flags */
    info->version[1] = rd_u8(&r);
    info->version[0] = rd_u8(&r);
    struct span aid = lv_take(&r);
    if (!rd_ok(&r) || !span_equal(aid, aid_span(&info->aid)))
        return false;
    if (!component(file, APPLET, &applets))
        return true;
    r = rd_of(applets);
    for (uint8_t n = rd_u8(&r); n > 0 && info->n_modules < PACKAGE_MODULES_MAX; n--) {
        struct span module = lv_take(&r);
        (void)rd_u16(&r); /* offset of its install method */
        if (!rd_ok(&r) || module.n < 5 || module.n > PROFILE_AID_MAX)
            return false;
        struct aid *to = &info->modules[info->n_modules++];
        to->n = (uint8_t)module.n;
        memcpy(to->octets, module.p, module.n);
    }
    return rd_ok(&r);
}

/* ---- LOAD ---- */

/* The hash of INSTALL [for load] is of the load file data block (11.5.2.3.1). */
static bool hash_agrees(struct call *call, const struct load *l, struct span file)
{
    uint8_t digest[SHA256_LEN];
    struct uicc_crypto *c = applet_crypto(call->self);
    if (l->hash_len == 0)
        return true;
    bool ok = l->hash_len == SHA1_LEN ? digest_sha1(c, file, digest) : digest_sha256(c, file, digest);
    return ok && crypto_equal(digest, l->hash, l->hash_len);
}

/* The blocks, one after the other. The caller frees *out. */
static bool gather(struct applet self, uint16_t blocks, uint8_t **out, size_t *n)
{
    struct span block;
    struct buf b;
    *n = 0;
    for (uint16_t i = 0; i < blocks; i++)
        *n += applet_get(self, (uint16_t)(DOMAIN_BLOCK + i), &block) ? block.n : 0;
    *out = malloc(*n > 0 ? *n : 1);
    if (*out == NULL)
        return false;
    b = buf_of(*out, *n);
    for (uint16_t i = 0; i < blocks; i++)
        if (applet_get(self, (uint16_t)(DOMAIN_BLOCK + i), &block))
            buf_put(&b, block);
    return buf_ok(&b);
}

static sw_t finish(struct call *call, const struct load *l, struct span all)
{
    struct reader r = rd_of(all);
    struct tlv t;
    if (!tlv_next(&r, &t) || r.left > 0 || t.value.n == 0)
        return SW_WRONG_DATA;
    if (t.tag == DAP_BLOCK || t.tag == DATA_BLOCK_CIPHERED)
        return SW_FUNCTION_NOT_SUPPORTED;
    /* It may have been deleted since, and another have its number. */
    if (!applet_exists(call->card, l->domain) || !applet_class_of(call->card, l->domain)->security_domain ||
        (l->domain != call->self.index && applet_owner(call->card, l->domain) != l->owner))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct package_info info = {.domain = l->domain, .owner = l->owner, .aid = l->aid};
    if (t.tag != DATA_BLOCK || !hash_agrees(call, l, t.value) || !describe(t.value, &info))
        return SW_WRONG_DATA;
    /* Its room in the quota is that of the blocks, which go. */
    if (!load_drop(call->self))
        return SW_MEMORY_PROBLEM;
    return package_add(call->card, &info, t.value);
}

/* A DAP block stands first (11.6.2.3): there is nobody here to verify it. */
static sw_t first_block(struct span data)
{
    if (data.p[0] == DAP_BLOCK || data.p[0] == DATA_BLOCK_CIPHERED)
        return SW_FUNCTION_NOT_SUPPORTED;
    return data.p[0] == DATA_BLOCK ? SW_OK : SW_WRONG_DATA;
}

static sw_t take_block(struct call *call, struct load *l)
{
    const struct command *cmd = call->cmd;
    if (cmd->p2 != (l->next & 0xFF) || l->next >= BLOCKS_MAX)
        return SW_WRONG_P1P2;
    sw_t sw = l->next == 0 ? first_block(cmd->data) : SW_OK;
    if (sw != SW_OK)
        return sw;
    if (!applet_put(call->self, (uint16_t)(DOMAIN_BLOCK + l->next), cmd->data))
        return SW_NOT_ENOUGH_MEMORY;
    l->next++;
    if ((cmd->p1 & LAST) == 0)
        return load_put(call->self, l) ? SW_OK : SW_NOT_ENOUGH_MEMORY;
    uint8_t *all;
    size_t n;
    sw = gather(call->self, l->next, &all, &n) ? finish(call, l, span_of(all, n)) : SW_NOT_ENOUGH_MEMORY;
    free(all);
    return sw;
}

/* P1: 80 for the last block; P2: its number, from 0. What goes wrong leaves things as they were: the same
 * block may come again, or a new INSTALL [for load]. */
sw_t command_load(struct call *call)
{
    struct load l;
    sw_t sw = domain_may(call, POWER_CONTENT);
    if (sw == SW_OK && (!load_get(call->self, &l) || l.actor != domain_actor(call)))
        sw = SW_CONDITIONS_NOT_SATISFIED;
    if (sw == SW_OK)
        sw = take_block(call, &l);
    if (sw == SW_OK)
        buf_u8(call->out, 0x00); /* no receipt */
    return sw;
}

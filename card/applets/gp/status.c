/* SPDX-License-Identifier: Apache-2.0
 *
 * GET STATUS (11.4) and SET STATUS (11.10): the registry, as far as this security domain and the operator who
 * asks can see it.
 */
#include "domain.h"

enum {
    ISSUER_DOMAIN = 0x80,
    APPLICATIONS = 0x40,
    LOAD_FILES = 0x20,
    FILES_AND_MODULES = 0x10,
    NEXT = 0x01,
    AS_TLV = 0x02,
    PAGE_TERMINAL = 1000, /* octets of a response: over T=0 a long one is a matter of GET RESPONSE; a script
                             has little room */
    PAGE_REMOTE = 240,
    LOAD_FILE_LOADED = 0x01, /* table 11-3 */
};

enum tag {
    AID = 0x4F,
    LIFE = 0x9F70,
    PRIVILEGES = 0xC5,
    PACKAGE = 0xC4,
    VERSION = 0xCE,
    MODULE = 0x84,
    DOMAIN_AID = 0xCC
};

struct query {
    struct call *call;
    uint8_t subset, format;
    struct span search; /* the beginning of an AID */
    struct span tags;   /* what is to be told; empty: all */
    size_t page;
};

static bool wanted(const struct query *q, uint32_t tag)
{
    struct reader r = rd_of(q->tags);
    if (q->tags.n == 0)
        return true;
    while (r.left > 0) {
        uint32_t t = rd_u8(&r);
        if ((t & 0x1F) == 0x1F)
            t = t << 8 | rd_u8(&r);
        if (t == tag && rd_ok(&r))
            return true;
    }
    return false;
}

static void put(const struct query *q, struct buf *out, enum tag tag, struct span value)
{
    if (wanted(q, tag) && value.n > 0)
        buf_tlv(out, tag, value);
}

static struct span aid_of(const struct query *q, uint8_t index)
{
    const struct profile_applet *row = applet_row_of(q->call->card, index);
    return span_of(row->aid, row->aid_len);
}

static uint8_t life_of(const struct query *q, uint8_t index)
{
    return index == applet_issuer_domain(q->call->card) ? card_life(q->call->card)
                                                        : applet_life(q->call->card, index);
}

/* ---- one entry ---- */

static void put_applet(const struct query *q, uint8_t index, struct buf *out)
{
    struct uicc *card = q->call->card;
    struct aid package, module;
    uint8_t privileges[3], life = life_of(q, index), domain = applet_domain(card, index);
    applet_privileges(card, index, privileges);
    applet_origin(card, index, &package, &module);
    if (q->format == 0) { /* table 11-35 */
        buf_u8(out, (uint8_t)aid_of(q, index).n);
        buf_put(out, aid_of(q, index));
        buf_u8(out, life);
        buf_u8(out, privileges[0]);
        return;
    }
    size_t entry = buf_tlv_open(out, 0xE3);
    put(q, out, AID, aid_of(q, index));
    put(q, out, LIFE, span_of(&life, 1));
    put(q, out, PRIVILEGES, span_of(privileges, sizeof privileges));
    put(q, out, PACKAGE, aid_span(&package));
    if (domain != NO_APPLET)
        put(q, out, DOMAIN_AID, aid_of(q, domain));
    buf_tlv_close(out, entry);
}

static void put_package(const struct query *q, const struct package_info *info, struct buf *out)
{
    const uint8_t life = LOAD_FILE_LOADED;
    bool modules = q->subset == FILES_AND_MODULES;
    uint8_t domain = info->domain != NO_APPLET ? info->domain : applet_issuer_domain(q->call->card);
    if (q->format == 0) {
        buf_u8(out, info->aid.n);
        buf_put(out, aid_span(&info->aid));
        buf_u8(out, life);
        buf_u8(out, 0);
        if (modules)
            buf_u8(out, info->n_modules);
        for (uint8_t i = 0; modules && i < info->n_modules; i++) {
            buf_u8(out, info->modules[i].n);
            buf_put(out, aid_span(&info->modules[i]));
        }
        return;
    }
    size_t entry = buf_tlv_open(out, 0xE3);
    put(q, out, AID, aid_span(&info->aid));
    put(q, out, LIFE, span_of(&life, 1));
    put(q, out, VERSION, span_of(info->version, sizeof info->version));
    for (uint8_t i = 0; modules && i < info->n_modules; i++)
        put(q, out, MODULE, aid_span(&info->modules[i]));
    put(q, out, DOMAIN_AID, aid_of(q, domain));
    buf_tlv_close(out, entry);
}

/* ---- the walk ---- */

static bool applet_fits(const struct query *q, uint8_t index)
{
    struct uicc *card = q->call->card;
    bool issuer = index == applet_issuer_domain(card);
    return applet_exists(card, index) && aid_of(q, index).n > 0 && issuer == (q->subset == ISSUER_DOMAIN) &&
           span_starts(aid_of(q, index), q->search) &&
           domain_sees(q->call, index == q->call->self.index ? index : applet_domain(card, index),
                       applet_owner(card, index));
}

/* Entries from where the last command stopped, whole ones, as many as fit. */
static bool put_page(const struct query *q, struct domain_status *at, unsigned *n)
{
    struct uicc *card = q->call->card;
    uint8_t bytes[512];
    struct package_info info;
    for (;;) {
        struct buf one = buf_of(bytes, sizeof bytes);
        uint8_t applet = at->applet;
        unsigned package = at->package;
        if (q->subset == ISSUER_DOMAIN || q->subset == APPLICATIONS) {
            if (at->applet >= applets_count(card))
                return true;
            applet = (uint8_t)(at->applet + 1);
            if (applet_fits(q, at->applet))
                put_applet(q, at->applet, &one);
        } else {
            if (!package_next(card, &package, &info))
                return true;
            uint8_t domain = info.domain != NO_APPLET ? info.domain : applet_issuer_domain(card);
            if (span_starts(aid_span(&info.aid), q->search) && domain_sees(q->call, domain, info.owner))
                put_package(q, &info, &one);
        }
        if (!buf_ok(&one))
            one.len = 0; /* a package of more modules than can be told */
        if (q->call->out->len + one.len > q->page)
            return false;
        buf_put(q->call->out, buf_span(&one));
        *n += one.len > 0;
        at->applet = applet;
        at->package = package;
    }
}

static sw_t read_query(struct call *call, struct query *q)
{
    const struct command *cmd = call->cmd;
    *q = (struct query){.call = call,
                        .subset = cmd->p1,
                        .format = cmd->p2 & AS_TLV,
                        .page = call->session->remote ? PAGE_REMOTE : PAGE_TERMINAL};
    if ((cmd->p1 != ISSUER_DOMAIN && cmd->p1 != APPLICATIONS && cmd->p1 != LOAD_FILES &&
         cmd->p1 != FILES_AND_MODULES) ||
        (cmd->p2 & ~(NEXT | AS_TLV)) != 0)
        return SW_WRONG_P1P2;
    struct reader r = rd_of(cmd->data);
    struct tlv t;
    bool has_aid = false;
    while (tlv_next(&r, &t)) {
        if (t.tag == AID && t.value.n <= PROFILE_AID_MAX) {
            q->search = t.value;
            has_aid = true;
        } else if (t.tag == 0x5C) {
            q->tags = t.value;
        } else {
            return SW_WRONG_DATA;
        }
    }
    return rd_ok(&r) && has_aid ? SW_OK : SW_WRONG_DATA;
}

sw_t command_get_status(struct call *call)
{
    struct query q;
    struct domain_memory *memory = domain_memory(call->self);
    sw_t sw = memory != NULL ? read_query(call, &q) : SW_NOT_ENOUGH_MEMORY;
    if (sw != SW_OK)
        return sw;
    struct domain_status *at = &memory->status;
    const struct session *session = call->session;
    if ((call->cmd->p2 & NEXT) != 0) {
        if (!at->more || at->remote != session->remote || at->channel != session->channel ||
            at->subset != q.subset)
            return SW_CONDITIONS_NOT_SATISFIED;
    } else {
        *at = (struct domain_status){
            .remote = session->remote, .channel = session->channel, .subset = q.subset};
    }
    unsigned n = 0;
    bool all = put_page(&q, at, &n);
    at->more = !all;
    if (n == 0)
        return SW_DATA_NOT_FOUND;
    return all ? SW_OK : SW_MORE_ENTRIES;
}

/* ---- SET STATUS ---- */

enum { SCOPE_CARD = 0x80, SCOPE_APPLICATION = 0x40, SCOPE_DOMAIN = 0x60 };

/* 5.1.1: the states follow one another; a locked card comes back, a terminated one does not. */
static sw_t set_card(struct call *call, uint8_t to)
{
    uint8_t now = card_life(call->card);
    if (!domain_is_issuer(call->self) || domain_actor(call) != NO_OWNER) /* the card is not one operator's */
        return SW_CONDITIONS_NOT_SATISFIED;
    bool known = to == CARD_OP_READY || to == CARD_INITIALIZED || to == CARD_SECURED || to == CARD_LOCKED ||
                 to == CARD_TERMINATED;
    if (!known)
        return SW_WRONG_P1P2;
    bool forward = now == CARD_OP_READY      ? to == CARD_INITIALIZED || to == CARD_TERMINATED
                   : now == CARD_INITIALIZED ? to == CARD_SECURED || to == CARD_TERMINATED
                   : now == CARD_SECURED     ? to == CARD_LOCKED || to == CARD_TERMINATED
                   : now == CARD_LOCKED      ? to == CARD_SECURED || to == CARD_TERMINATED
                                             : false;
    return forward ? card_set_life(call->card, to) : SW_CONDITIONS_NOT_SATISFIED;
}

/* 5.3.1, 11.10.2.2: what others may do to an application's state is to lock and to unlock it; a security
 * domain may be told that it is personalized. */
static sw_t set_one(struct call *call, uint8_t index, uint8_t to)
{
    uint8_t now = applet_life(call->card, index);
    if ((to & LIFE_LOCKED) != 0)
        return (now & LIFE_LOCKED) != 0 ? SW_CONDITIONS_NOT_SATISFIED
                                        : applet_set_life(call->card, index, now | LIFE_LOCKED);
    if ((now & LIFE_LOCKED) != 0)
        return applet_set_life(call->card, index, (uint8_t)(now & ~LIFE_LOCKED));
    if (to == LIFE_PERSONALIZED && now == LIFE_SELECTABLE &&
        applet_class_of(call->card, index)->security_domain)
        return applet_set_life(call->card, index, LIFE_PERSONALIZED);
    return SW_CONDITIONS_NOT_SATISFIED;
}

/* A security domain and everything below it: those that are in that state already stay as they are. */
static sw_t set_domain(struct call *call, uint8_t domain, uint8_t to)
{
    sw_t sw = set_one(call, domain, to);
    for (uint8_t i = 0; i < applets_count(call->card) && sw == SW_OK; i++) {
        bool locked = (applet_life(call->card, i) & LIFE_LOCKED) != 0;
        if (i != domain && applet_exists(call->card, i) && applet_domain(call->card, i) == domain &&
            locked != ((to & LIFE_LOCKED) != 0))
            sw = set_one(call, i, to);
    }
    return sw;
}

/* P1: of what; P2: the state. Data: the AID, of an application or a security domain. */
sw_t command_set_status(struct call *call)
{
    const struct command *cmd = call->cmd;
    sw_t sw = domain_may(call, POWER_LIFE);
    if (sw != SW_OK)
        return sw;
    if (cmd->p1 == SCOPE_CARD)
        return set_card(call, cmd->p2);
    if (cmd->p1 != SCOPE_APPLICATION && cmd->p1 != SCOPE_DOMAIN)
        return SW_WRONG_P1P2;
    if (card_life(call->card) == CARD_LOCKED)
        return SW_CONDITIONS_NOT_SATISFIED;
    uint8_t index = applet_by_aid(call->card, cmd->data);
    if (index == NO_APPLET ||
        !domain_sees(call, applet_domain(call->card, index), applet_owner(call->card, index)))
        return SW_DATA_NOT_FOUND;
    if (index == applet_issuer_domain(call->card) ||
        !domain_reaches(call, applet_domain(call->card, index), applet_owner(call->card, index)))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!domain_settled(call, (struct applet){call->card, index}))
        return SW_TRIAL_RUNNING;
    if (cmd->p1 == SCOPE_DOMAIN && !applet_class_of(call->card, index)->security_domain)
        return SW_WRONG_DATA;
    return cmd->p1 == SCOPE_DOMAIN ? set_domain(call, index, cmd->p2) : set_one(call, index, cmd->p2);
}

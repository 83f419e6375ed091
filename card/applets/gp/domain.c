/* SPDX-License-Identifier: Apache-2.0
 *
 * The classes "isd" and "ssd": issuer and supplementary security domains. Their commands, and who may do what
 * with them.
 */
#include "domain.h"

enum { PRIVILEGE_AUTHORIZED_MANAGEMENT = 0x40 }; /* table 11-7, second octet */

bool domain_is_issuer(struct applet self)
{
    return self.index == applet_issuer_domain(self.card);
}

bool domain_privilege(struct applet self, unsigned octet, uint8_t bit)
{
    uint8_t privileges[3];
    applet_privileges(self.card, self.index, privileges);
    return octet < sizeof privileges && (privileges[octet] & bit) != 0;
}

uint16_t domain_actor(const struct call *call)
{
    if (call->session->remote && call->session->owner != NO_OWNER)
        return call->session->owner;
    return applet_owner(call->card, call->self.index);
}

/* The issuer sees everything; a supplementary domain itself and what is below it. What is another operator's
 * does not exist for an operator (requirement S1), and what is nobody's can be seen, not touched. */
static bool below(const struct call *call, uint8_t domain)
{
    if (domain_is_issuer(call->self))
        return true;
    for (uint8_t steps = 0; steps < APPLETS_MAX && domain != NO_APPLET; steps++) {
        uint8_t parent = applet_domain(call->card, domain);
        if (domain == call->self.index)
            return true;
        if (parent == domain)
            return false;
        domain = parent;
    }
    return false;
}

bool domain_sees(const struct call *call, uint8_t domain, uint16_t owner)
{
    uint16_t actor = domain_actor(call);
    return below(call, domain) && (actor == NO_OWNER || actor == owner || owner == NO_OWNER);
}

bool domain_reaches(const struct call *call, uint8_t domain, uint16_t owner)
{
    uint16_t actor = domain_actor(call);
    return below(call, domain) && (actor == NO_OWNER || actor == owner);
}

/* A domain (or an application) that the maker gave to a pair's operator is there after him when his trial is
 * rolled back: what he had changed in it would be the next one's to live with. */
bool domain_settled(const struct call *call, struct applet domain)
{
    struct applet provider;
    const uint16_t owner = applet_owner(call->card, domain.index);
    if (owner == NO_OWNER || domain_actor(call) != owner || domain.index >= card_profile_applets(call->card))
        return true;
    const struct owner_service *service = applet_service(call->card, "owner", 0, &provider);
    return service == NULL || !service->on_trial(provider, owner);
}

/* 9.6, table 11-2: a locked card is only looked at and unlocked. Keys and data of a domain are its own
 * affair: an operator has none of the issuer's. Content: with Authorized Management; Delegated Management and
 * its tokens are not offered. */
sw_t domain_may(struct call *call, enum domain_power power)
{
    uint8_t life = card_life(call->card);
    if (life == CARD_TERMINATED || (life == CARD_LOCKED && power != POWER_LIFE))
        return SW_CONDITIONS_NOT_SATISFIED;
    switch (power) {
    case POWER_CONTENT:
        return domain_is_issuer(call->self) ||
                       domain_privilege(call->self, 1, PRIVILEGE_AUTHORIZED_MANAGEMENT)
                   ? SW_OK
                   : SW_CONDITIONS_NOT_SATISFIED;
    case POWER_KEYS:
        if (domain_actor(call) != applet_owner(call->card, call->self.index))
            return SW_CONDITIONS_NOT_SATISFIED;
        return domain_settled(call, call->self) ? SW_OK : SW_TRIAL_RUNNING;
    default:
        return SW_OK;
    }
}

/* ---- the classes ---- */

static void fci(struct applet self, struct buf *out)
{
    /* Appendix H.2, security domain management data: GlobalPlatform 2.3, card identification scheme, the
     * secure channel protocols */
    static const uint8_t management[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01, 0x60, 0x0B,
                                         0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x02, 0x02, 0x03,
                                         0x63, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x03};
    (void)self;
    buf_tlv(out, 0x73, span_of(management, sizeof management));
    buf_tlv_u8(out, 0x9F65, 0xFF); /* longest data field of a command */
}

/* What the maker says in `params` of the profile besides secure channel options (channel.c): the operator's
 * pair that it belongs to, from the card's first day; of the issuer's, the card's life cycle state. */
static sw_t profile_parameters(struct applet self)
{
    enum { OWNER_PAIR = 0xC0, CARD_STATE = 0xC1 };
    struct reader r = rd_of(applet_row(self)->params);
    struct tlv t;
    sw_t sw = SW_OK;
    while (sw == SW_OK && tlv_next(&r, &t)) {
        if (t.tag == OWNER_PAIR && t.value.n == 1 && !domain_is_issuer(self))
            sw = applet_set_owner(self.card, self.index, t.value.p[0]);
        else if (t.tag == CARD_STATE && t.value.n == 1 && domain_is_issuer(self) &&
                 (t.value.p[0] == CARD_OP_READY || t.value.p[0] == CARD_INITIALIZED))
            sw = card_set_life(self.card, t.value.p[0]);
        else if (t.tag == OWNER_PAIR || t.tag == CARD_STATE)
            sw = SW_WRONG_DATA;
    }
    return rd_ok(&r) ? sw : SW_WRONG_DATA;
}

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    if (personal == NULL)
        return SW_OK;
    sw_t sw = domain_keys_install(self, personal);
    return sw == SW_OK ? profile_parameters(self) : sw;
}

/* What LOAD had brought before the power went is given up (9.3.6). */
static sw_t event(struct applet self, const struct event *e)
{
    struct span there;
    if (e->kind != EVENT_POWER_ON || !applet_get(self, DOMAIN_LOAD, &there))
        return SW_OK;
    return load_drop(self) ? SW_OK : SW_MEMORY_PROBLEM;
}

static const void *share(struct applet self, const char *service)
{
    (void)self;
    return strcmp(service, "ota-keys") == 0 ? &domain_ota_keys : NULL;
}

#define P1_ANY 0x00, 0x00

static const struct command_row rows[] = {
    SECURE_CHANNEL_ROWS,
    {"GET DATA", "GlobalPlatform 11.3", CLASS_ETSI, 0xCA, P1_ANY, CASE_2_OR_4, 0, 255, TARGET_NONE,
     ACCESS_FREE, ROW_REMOTE | ROW_TERMINATED, command_domain_get_data},
    {"GET STATUS", "GlobalPlatform 11.4", CLASS_ETSI, 0xF2, 0x00, 0x0F, CASE_4, 2, 255, TARGET_NONE,
     ACCESS_DOMAIN, ROW_REMOTE, command_get_status},
    {"SET STATUS", "GlobalPlatform 11.10", CLASS_ETSI, 0xF0, P1_ANY, CASE_3, 0, 16, TARGET_NONE,
     ACCESS_DOMAIN, ROW_REMOTE, command_set_status},
    {"INSTALL", "GlobalPlatform 11.5", CLASS_ETSI, 0xE6, P1_ANY, CASE_4, 1, 255, TARGET_NONE, ACCESS_DOMAIN,
     ROW_REMOTE, command_install},
    {"LOAD", "GlobalPlatform 11.6", CLASS_ETSI, 0xE8, 0x00, 0x7F, CASE_4, 1, 255, TARGET_NONE, ACCESS_DOMAIN,
     ROW_REMOTE, command_load},
    {"DELETE", "GlobalPlatform 11.2", CLASS_ETSI, 0xE4, 0x00, 0xFF, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_DOMAIN, ROW_REMOTE, command_delete},
    {"PUT KEY", "GlobalPlatform 11.8", CLASS_ETSI, 0xD8, 0x00, 0x80, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_DOMAIN, ROW_REMOTE | ROW_SECRET_DATA, command_domain_put_key},
    {"STORE DATA", "GlobalPlatform 11.11", CLASS_ETSI, 0xE2, P1_ANY, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_DOMAIN, ROW_REMOTE | ROW_SECRET_DATA, command_domain_store_data},
};
static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

/* The load file and module that GlobalPlatform registered for supplementary security domains. */
static const struct applet_package package = {7, {0xA0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50}, {2, 3}};

const struct applet_class isd_class = {
    .name = "isd",
    .commands = &table,
    .messaging = &domain_messaging,
    .script_target = true,
    .security_domain = true,
    .privileges = {0x98, 0xDC, 0x00}, /* security domain, card lock, card terminate; trusted path, authorized
                                         management, global delete, lock, registry */
    .install = install,
    .fci = fci,
    .event = event,
    .share = share,
};

const struct applet_class ssd_class = {
    .name = "ssd",
    .commands = &table,
    .messaging = &domain_messaging,
    .script_target = true,
    .security_domain = true,
    .installable = true,
    .privileges = {0x80, 0x40, 0x00}, /* of one that the profile makes: it manages what is its own */
    .package = &package,
    .module_len = 8,
    .module = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50, 0x41},
    .install = install,
    .fci = fci,
    .event = event,
    .share = share,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * GET DATA (11.3) and STORE DATA (11.11): what a security domain tells of the card and of itself, and what is
 * given to it or, through it, to an application.
 */
#include "domain.h"

enum {
    ISSUER_NUMBER = 0x42,
    CARD_IMAGE = 0x45,
    CARD_DATA = 0x66,
    CAPABILITIES = 0x67,
    DIVERSIFICATION = 0xCF,
    SECURITY_LEVEL = 0xD3,
    KEY_INFORMATION = 0xE0,
    SEQUENCE = 0xC1,
    APPLICATIONS = 0x2F00,
    RESOURCES = 0xFF21,
    MANAGER_URL = 0x5F50,
    FID_ICCID = 0x2FE2,
    ISSUER_OCTETS = 4,
};

/* ---- GET DATA ---- */

static struct span iccid(struct call *call)
{
    return admin_file_read(call->card, admin_file_in(call->card, 0, FID_ICCID));
}

/* 11.3.3.1.1: C0 { key identifier, key version, type, length } for each key. */
static void put_key_information(struct call *call)
{
    struct domain_keyset set;
    size_t all = buf_tlv_open(call->out, KEY_INFORMATION);
    for (uint8_t v = 1; v <= KEYSET_VERSION_MAX; v++) {
        if (!domain_keyset_load(call->self, v, &set))
            continue;
        for (uint8_t k = 0; k < DOMAIN_KEYS_MAX; k++) {
            const uint8_t information[] = {(uint8_t)(k + 1), v, set.key[k].algorithm == OTA_AES ? 0x88 : 0x80,
                                           set.key[k].len};
            if (set.key[k].algorithm != OTA_NONE)
                buf_tlv(call->out, 0xC0, span_of(information, sizeof information));
        }
    }
    crypto_wipe(&set, sizeof set);
    buf_tlv_close(call->out, all);
}

static void put_oid(struct buf *out, uint32_t tag, const uint8_t *tail, size_t n)
{
    static const uint8_t globalplatform[] = {0x2A, 0x86, 0x48,
                                             0x86, 0xFC, 0x6B}; /* {iso member-body US GlobalPlatform} */
    size_t outer = tag != 0 ? buf_tlv_open(out, tag) : 0, oid = buf_tlv_open(out, 0x06);
    buf_put(out, span_of(globalplatform, sizeof globalplatform));
    buf_put(out, span_of(tail, n));
    buf_tlv_close(out, oid);
    if (tag != 0)
        buf_tlv_close(out, outer);
}

/* H.2: what kind of card this is; tag 64 for each secure channel protocol. */
static void put_card_data(struct call *call)
{
    static const uint8_t management[] = {0x02, 0x02, 0x03}, scp02[] = {0x04, 0x02, 0x15},
                         scp03[] = {0x04, 0x03, 0x70}, scheme = 0x03, recognition = 0x01,
                         scp80[] = {0x04, 0x80, 0x00};
    size_t data = buf_tlv_open(call->out, CARD_DATA), inner = buf_tlv_open(call->out, 0x73);
    put_oid(call->out, 0, &recognition, 1);
    put_oid(call->out, 0x60, management, sizeof management);
    put_oid(call->out, 0x63, &scheme, 1);
    put_oid(call->out, 0x64, scp02, sizeof scp02);
    put_oid(call->out, 0x64, scp03, sizeof scp03);
    put_oid(call->out, 0x64, scp80, sizeof scp80);
    buf_tlv_close(call->out, inner);
    buf_tlv_close(call->out, data);
}

/* H.4: protocols with their options, privileges that can be given, hashes of load files. */
static void put_capabilities(struct call *call)
{
    static const uint8_t options02[] = {0x15, 0x55}, options03[] = {0x60, 0x61, 0x70, 0x71};
    static const uint8_t domains[] = {0x80, 0x40, 0x00}, applications[] = {0x00, 0x00, 0x00},
                         hashes[] = {0x01, 0x02};
    struct buf *out = call->out;
    size_t all = buf_tlv_open(out, CAPABILITIES), one = buf_tlv_open(out, 0xA0);
    buf_tlv_u8(out, 0x80, SCP02);
    buf_tlv(out, 0x81, span_of(options02, sizeof options02));
    buf_tlv_close(out, one);
    one = buf_tlv_open(out, 0xA0);
    buf_tlv_u8(out, 0x80, SCP03);
    buf_tlv(out, 0x81, span_of(options03, sizeof options03));
    buf_tlv_u8(out, 0x82, 0x07); /* AES-128, 192, 256 */
    buf_tlv_close(out, one);
    buf_tlv(out, 0x81, span_of(domains, sizeof domains));
    buf_tlv(out, 0x82, span_of(applications, sizeof applications));
    buf_tlv(out, 0x83, span_of(hashes, sizeof hashes)); /* SHA-1, SHA-256 */
    buf_tlv_close(out, all);
}

/* Who has no key is told of what he could select: what is another operator's is not there now (requirement
 * S1). */
static bool shown(const struct call *call, uint8_t index)
{
    const bool anybody = !call->session->remote && call->session->secured == 0;
    if (anybody && applet_suspended(call->card, index))
        return false;
    return applet_exists(call->card, index) && applet_row_of(call->card, index)->aid_len > 0 &&
           domain_sees(call, applet_domain(call->card, index), applet_owner(call->card, index));
}

/* 11.3.3.1.3: application templates, as EF.DIR has them; 2F00 could not be the tag of a BER-TLV object. */
static void put_applications(struct call *call)
{
    for (uint8_t i = 0; i < applets_count(call->card); i++) {
        const struct profile_applet *row = applet_row_of(call->card, i);
        if (!shown(call, i) || applet_class_of(call->card, i)->security_domain)
            continue;
        size_t one = buf_tlv_open(call->out, 0x61);
        buf_tlv(call->out, 0x4F, span_of(row->aid, row->aid_len));
        buf_tlv_close(call->out, one);
    }
}

/* TS 102 226 8.2.1.7.2: applications installed, free memory, non-volatile and volatile. It has as much as the
 * store takes: as much as a load file may have is told. */
static void put_resources(struct call *call)
{
    static const uint8_t plenty[] = {0x00, 0x00, 0xFF, 0xFF};
    uint16_t n = 0;
    for (uint8_t i = card_profile_applets(call->card); i < applets_count(call->card); i++)
        n = (uint16_t)(n + applet_exists(call->card, i));
    size_t all = buf_tlv_open(call->out, RESOURCES);
    buf_tlv_u16(call->out, 0x81, n);
    buf_tlv(call->out, 0x82, span_of(plenty, sizeof plenty));
    buf_tlv(call->out, 0x83, span_of(plenty, sizeof plenty));
    buf_tlv_close(call->out, all);
}

static uint8_t data_number(uint32_t tag)
{
    static const uint32_t tags[] = {ISSUER_NUMBER, CARD_IMAGE,
                                    MANAGER_URL}; /* stored by place: append only */
    for (uint8_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (tags[i] == tag)
            return (uint8_t)(i + 1);
    return 0;
}

/* Given by STORE DATA; issuer's number and card image number otherwise from the ICCID. */
static bool put_own(struct call *call, uint32_t tag)
{
    struct span value;
    bool given = applet_get(call->self, (uint16_t)(DOMAIN_DATA | data_number(tag)), &value);
    if (!given && tag != MANAGER_URL)
        value = span_slice(iccid(call), 0, tag == ISSUER_NUMBER ? ISSUER_OCTETS : 10);
    if (value.n == 0)
        return false;
    buf_tlv(call->out, tag, value);
    return true;
}

static void put_sequence(struct call *call)
{
    struct applet domain = domain_with_channel_keys(call->self);
    uint8_t version = domain_first_keyset(domain);
    struct span counter;
    bool there = applet_get(domain, (uint16_t)(DOMAIN_SEQUENCE | version), &counter);
    static const uint8_t zero[3];
    counter = there && counter.n == sizeof zero ? counter : span_of(zero, sizeof zero);
    if (domain_key_use(version) == KEY_USE_SCP02) /* E.4.1: of two octets there */
        counter = span_slice(counter, 1, 2);
    buf_tlv(call->out, SEQUENCE, counter);
}

sw_t command_domain_get_data(struct call *call)
{
    uint32_t tag = (uint32_t)(call->cmd->p1 << 8 | call->cmd->p2);
    if (card_life(call->card) == CARD_TERMINATED && !domain_is_issuer(call->self)) /* 5.1.1.5 */
        return SW_CONDITIONS_NOT_SATISFIED;
    switch (tag) {
    case KEY_INFORMATION:
        put_key_information(call);
        return SW_OK;
    case CARD_DATA:
        put_card_data(call);
        return SW_OK;
    case CAPABILITIES:
        put_capabilities(call);
        return SW_OK;
    case APPLICATIONS:
        put_applications(call);
        return SW_OK;
    case RESOURCES:
        put_resources(call);
        return SW_OK;
    case SEQUENCE:
        put_sequence(call);
        return SW_OK;
    case SECURITY_LEVEL:
        buf_tlv_u8(call->out, SECURITY_LEVEL,
                   call->session->secured == 0 ? 0 : (uint8_t)(0x80 | call->session->secured));
        return SW_OK;
    case DIVERSIFICATION:
        buf_tlv(call->out, DIVERSIFICATION, span_slice(iccid(call), 0, 10));
        return SW_OK;
    case ISSUER_NUMBER:
    case CARD_IMAGE:
    case MANAGER_URL:
        return put_own(call, tag) ? SW_OK : SW_DATA_NOT_FOUND;
    default:
        return SW_DATA_NOT_FOUND;
    }
}

/* ---- STORE DATA ---- */

enum {
    LAST_BLOCK = 0x80,
    ENCRYPTION = 0x60,
    STRUCTURE = 0x18,
    STRUCTURE_DGI = 0x08,
    RFU = 0x06,
    DGI_KEY_INFORMATION = 0x00B9,
    DGI_KEYS = 0x8F01,
    STORED_VALUE_MAX = 128,
};

/* `to` is the domain itself, or one of its own that INSTALL [for personalization] named. */
static sw_t store_value(struct applet to, uint32_t tag, struct span value)
{
    uint8_t number = data_number(tag);
    if (number == 0)
        return SW_DATA_NOT_FOUND;
    if (value.n > STORED_VALUE_MAX)
        return SW_NOT_ENOUGH_MEMORY;
    uint16_t item = (uint16_t)(DOMAIN_DATA | number);
    bool ok = value.n == 0 ? applet_remove_if_there(to, item) : applet_put(to, item, value);
    return ok ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

/* Amendment A 4.1: a control reference template says what the keys in the next DGI are. */
static sw_t note_key_information(struct domain_personalization *p, struct span dgi)
{
    struct span crt, type, length, version;
    if (!tlv_find(dgi, 0xB9, &crt) || !tlv_find(crt, 0x80, &type) || type.n != 1 ||
        !tlv_find(crt, 0x81, &length) || length.n != 1 || !tlv_find(crt, 0x83, &version) || version.n != 1)
        return SW_WRONG_DATA;
    p->key_type = type.p[0];
    p->key_len = length.p[0];
    p->key_version = version.p[0];
    return SW_OK;
}

static sw_t store_dgi(struct call *call, struct applet to, struct domain_personalization *p, uint16_t dgi,
                      struct span value)
{
    switch (dgi) {
    case DGI_KEY_INFORMATION:
        return note_key_information(p, value);
    case DGI_KEYS:
        return p->key_version != 0 ? domain_store_keys(call, to, p, value) : SW_CONDITIONS_NOT_SATISFIED;
    default: /* 00xx: a tag of one octet */
        return store_value(to, dgi, value);
    }
}

/* GlobalPlatform Systems Scripting, DGI: identifier (2), length (1, or FF and 2), value. */
static sw_t store_dgis(struct call *call, struct applet to, struct domain_personalization *p,
                       struct span data)
{
    struct reader r = rd_of(data);
    sw_t sw = SW_OK;
    while (r.left > 0 && sw == SW_OK) {
        uint16_t dgi = rd_u16(&r);
        size_t n = rd_u8(&r);
        struct span value = rd_take(&r, n == 0xFF ? rd_u16(&r) : n);
        sw = rd_ok(&r) ? store_dgi(call, to, p, dgi, value) : SW_WRONG_DATA;
    }
    return sw;
}

static sw_t store_objects(struct applet to, struct span data)
{
    struct reader r = rd_of(data);
    struct tlv t;
    sw_t sw = SW_OK;
    while (sw == SW_OK && tlv_next(&r, &t))
        sw = store_value(to, t.tag, t.value);
    return rd_ok(&r) ? sw : SW_WRONG_DATA;
}

/* Whole objects in each block. */
static sw_t store_in_domain(struct call *call, struct applet to, struct domain_personalization *p)
{
    sw_t sw = to.index != call->self.index ? SW_OK : domain_may(call, POWER_KEYS);
    if (sw != SW_OK)
        return sw;
    return (call->cmd->p1 & STRUCTURE) == STRUCTURE_DGI ? store_dgis(call, to, p, call->cmd->data)
                                                        : store_objects(to, call->cmd->data);
}

static sw_t store_in_applet(struct call *call, struct domain_personalization *p)
{
    struct applet applet = {call->card, p->applet};
    const struct applet_class *class = applet_class_of(call->card, p->applet);
    if (!applet_active(call->card, p->applet) || applet_by_aid(call->card, aid_span(&p->aid)) != p->applet ||
        applet_domain(call->card, p->applet) != call->self.index)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!domain_settled(call, applet))
        return SW_TRIAL_RUNNING;
    if (class->security_domain)
        return store_in_domain(call, applet, p);
    if (class->process_data == NULL)
        return SW_CONDITIONS_NOT_SATISFIED;
    return class->process_data(applet, call->cmd->p1, call->cmd->p2, call->cmd->data, call->out);
}

/* Blocks come in their order, from 0; the last one says so, and ends what INSTALL [for personalization]
 * began. */
sw_t command_domain_store_data(struct call *call)
{
    const struct command *cmd = call->cmd;
    struct domain_memory *memory = domain_memory(call->self);
    if (memory == NULL)
        return SW_NOT_ENOUGH_MEMORY;
    struct domain_personalization *p = &memory->personalization;
    bool mine = p->running && p->remote == call->session->remote && p->channel == call->session->channel &&
                p->actor == domain_actor(call);
    if (!mine || (cmd->p2 == 0 && p->next != 0))
        *p = (struct domain_personalization){.running = true,
                                             .remote = call->session->remote,
                                             .channel = call->session->channel,
                                             .actor = domain_actor(call),
                                             .applet = NO_APPLET};
    sw_t sw = domain_may(call, POWER_LIFE);
    if (sw == SW_OK && card_life(call->card) == CARD_LOCKED)
        sw = SW_CONDITIONS_NOT_SATISFIED;
    if (sw == SW_OK && ((cmd->p1 & ENCRYPTION) != 0 ||
                        (cmd->p1 & RFU) != 0)) /* data is protected by the channel, and keys by the DEK */
        sw = SW_WRONG_P1P2;
    if (sw == SW_OK && cmd->p2 != p->next)
        sw = SW_WRONG_P1P2;
    if (sw == SW_OK)
        sw = p->applet == NO_APPLET ? store_in_domain(call, call->self, p) : store_in_applet(call, p);
    p->next++;
    if (sw != SW_OK || (cmd->p1 & LAST_BLOCK) != 0)
        *p = (struct domain_personalization){0};
    return sw;
}

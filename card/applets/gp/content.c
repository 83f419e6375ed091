/* SPDX-License-Identifier: Apache-2.0
 *
 * INSTALL (11.5) and DELETE (11.2): applications made, moved, changed and deleted. Delegated Management is
 * not offered: a token is refused, and so is a DAP block (load.c).
 */
#include "domain.h"

enum {
    FOR_LOAD = 0x02,
    FOR_INSTALL = 0x04,
    FOR_MAKE_SELECTABLE = 0x08,
    FOR_EXTRADITION = 0x10,
    FOR_PERSONALIZATION = 0x20,
    FOR_REGISTRY_UPDATE = 0x40,
    PARAMETERS = 0xC9,
    SYSTEM = 0xEF,
    UICC = 0xEA,
    SECURITY_DOMAIN = 0x80, /* table 11-7, first octet */
};

/* The fields of INSTALL's data, each with its length before it (tables 11-42 to 11-47). */
struct install_fields {
    struct span first, second, aid, privileges, parameters, token;
};

static bool read_fields(struct span data, bool with_privileges, struct install_fields *f)
{
    struct reader r = rd_of(data);
    *f = (struct install_fields){0};
    f->first = lv_take(&r);
    f->second = lv_take(&r);
    f->aid = lv_take(&r);
    if (with_privileges)
        f->privileges = lv_take(&r);
    else
        (void)lv_take(&r);
    f->parameters = lv_take(&r);
    f->token = lv_take(&r);
    return rd_done(&r);
}

/* 11.5.3.1: no receipt, for there is no Delegated Management. */
static sw_t confirmed(struct call *call, sw_t sw)
{
    if (sw == SW_OK)
        buf_u8(call->out, 0x00);
    return sw;
}

/* ---- privileges, table 11-7 ---- */

/* An octet alone stands for itself and two of zero (11.1.2). What would have no effect is not given: DAP,
 * Delegated Management, tokens, receipts, ciphered load files are not offered, and an application has no way
 * to lock the card or another application, nor is one selected by default on a UICC. */
static bool read_privileges(struct span field, bool domain, uint8_t out[3])
{
    static const uint8_t for_domain[3] = {0x80, 0x40, 0x00}, for_application[3] = {0};
    const uint8_t *allowed = domain ? for_domain : for_application;
    memset(out, 0, 3);
    if (field.n != 1 && field.n != 3 && field.n != 0)
        return false;
    for (size_t i = 0; i < field.n; i++) {
        out[i] = field.p[i];
        if ((out[i] & ~allowed[i]) != 0)
            return false;
    }
    return domain == ((out[0] & SECURITY_DOMAIN) != 0);
}

/* ---- INSTALL [for install] ---- */

static bool is_domain_module(struct span module)
{
    return span_equal(module, span_of(ssd_class.module, ssd_class.module_len));
}

static sw_t install_application(struct call *call, const struct install_fields *f, bool selectable)
{
    struct applet_installation how = {.domain = call->self.index,
                                      .owner = domain_actor(call),
                                      .package = f->first,
                                      .module = f->second,
                                      .aid = f->aid,
                                      .selectable = selectable};
    uint8_t index;
    struct package_info info;
    if (how.module.n == 0) /* 11.5.2.3.2: then the application has the module's AID */
        how.module = f->aid;
    struct reader r = rd_of(f->parameters);
    struct tlv t;
    while (tlv_next(&r, &t)) {
        if (t.tag == PARAMETERS)
            how.parameters = t.value;
        else if (t.tag == SYSTEM)
            how.system = t.value;
        else if (t.tag == UICC)
            how.uicc = t.value;
        else
            return SW_WRONG_DATA;
    }
    if (!rd_ok(&r) || !read_privileges(f->privileges, is_domain_module(how.module), how.privileges))
        return SW_WRONG_DATA;
    /* What another operator loaded is there for his own applications; what the
     * program has is there for all. */
    if (!package_built_in(call->card, how.package) && package_find(call->card, how.package, &info) &&
        info.slot != NO_PACKAGE && info.owner != NO_OWNER && how.owner != NO_OWNER && info.owner != how.owner)
        return SW_DATA_NOT_FOUND;
    return applet_install(call->card, &how, &index);
}

/* An application that this domain may change. */
static sw_t find_own(struct call *call, struct span aid, uint8_t *index)
{
    *index = applet_by_aid(call->card, aid);
    if (*index == NO_APPLET ||
        !domain_sees(call, applet_domain(call->card, *index), applet_owner(call->card, *index)))
        return SW_DATA_NOT_FOUND;
    if (!domain_reaches(call, applet_domain(call->card, *index), applet_owner(call->card, *index)))
        return SW_CONDITIONS_NOT_SATISFIED;
    return domain_settled(call, (struct applet){call->card, *index}) ? SW_OK : SW_TRIAL_RUNNING;
}

static sw_t make_selectable(struct call *call, const struct install_fields *f)
{
    uint8_t index;
    sw_t sw = find_own(call, f->aid, &index);
    if (sw != SW_OK)
        return sw;
    return applet_life(call->card, index) == LIFE_INSTALLED
               ? applet_set_life(call->card, index, LIFE_SELECTABLE)
               : SW_CONDITIONS_NOT_SATISFIED;
}

/* ---- INSTALL [for extradition], [for registry update], [for personalization] ---- */

/* 9.4: to a security domain that this one knows of, another's too when it is nobody's or the same operator's.
 */
static sw_t extradite(struct call *call, const struct install_fields *f)
{
    uint8_t index, to = applet_by_aid(call->card, f->first);
    sw_t sw = find_own(call, f->aid, &index);
    if (sw != SW_OK)
        return sw;
    if (to == NO_APPLET || !applet_class_of(call->card, to)->security_domain)
        return SW_DATA_NOT_FOUND;
    uint16_t actor = domain_actor(call), owner = applet_owner(call->card, to);
    if ((actor != NO_OWNER && owner != NO_OWNER && actor != owner) || to == index ||
        applet_class_of(call->card, index)->security_domain)
        return SW_CONDITIONS_NOT_SATISFIED;
    sw = applet_extradite(call->card, index, to);
    /* Nobody's would stay when the card is another's (requirement S1): that is the card's owner's to give. */
    return sw == SW_OK && actor != NO_OWNER && owner == NO_OWNER ? applet_set_owner(call->card, index, actor)
                                                                 : sw;
}

static sw_t registry_update(struct call *call, const struct install_fields *f)
{
    uint8_t index, privileges[3];
    sw_t sw = find_own(call, f->aid, &index);
    if (sw != SW_OK)
        return sw;
    if (index == applet_issuer_domain(call->card))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (f->parameters.n > 0 ||
        !read_privileges(f->privileges, applet_class_of(call->card, index)->security_domain, privileges))
        return SW_WRONG_DATA;
    if (f->privileges.n > 0)
        sw = applet_set_privileges(call->card, index, privileges);
    return sw == SW_OK && f->first.n > 0 ? extradite(call, f) : sw;
}

/* 7.3.3: the STORE DATA commands that follow are for this application, of this domain. */
static sw_t personalization(struct call *call, const struct install_fields *f)
{
    struct domain_memory *memory = domain_memory(call->self);
    uint8_t index = applet_by_aid(call->card, f->aid);
    if (memory == NULL)
        return SW_NOT_ENOUGH_MEMORY;
    if (f->first.n > 0 || f->second.n > 0 || f->privileges.n > 0 || f->parameters.n > 0)
        return SW_WRONG_DATA;
    if (index == NO_APPLET || applet_domain(call->card, index) != call->self.index ||
        !domain_reaches(call, call->self.index, applet_owner(call->card, index)))
        return SW_DATA_NOT_FOUND;
    const struct applet_class *class = applet_class_of(call->card, index);
    if (!applet_active(call->card, index) || (class->process_data == NULL && !class->security_domain))
        return SW_CONDITIONS_NOT_SATISFIED;
    memory->personalization = (struct domain_personalization){.running = true,
                                                              .remote = call->session->remote,
                                                              .channel = call->session->channel,
                                                              .actor = domain_actor(call),
                                                              .applet = index};
    memory->personalization.aid.n = (uint8_t)f->aid.n;
    memcpy(memory->personalization.aid.octets, f->aid.p, f->aid.n);
    return SW_OK;
}

/* P1: what for; P2 00: no part of a combined load and install. */
sw_t command_install(struct call *call)
{
    uint8_t p1 = call->cmd->p1;
    struct install_fields f;
    sw_t sw = domain_may(call, p1 == FOR_PERSONALIZATION ? POWER_LIFE : POWER_CONTENT);
    if (sw != SW_OK || card_life(call->card) == CARD_LOCKED)
        return sw != SW_OK ? sw : SW_CONDITIONS_NOT_SATISFIED;
    if (call->cmd->p2 != 0)
        return SW_WRONG_P1P2;
    if (p1 == FOR_LOAD)
        return confirmed(call, install_for_load(call));
    if (!read_fields(call->cmd->data, true, &f))
        return SW_WRONG_DATA;
    if (f.token.n > 0)
        return SW_FUNCTION_NOT_SUPPORTED;
    switch (p1) {
    case FOR_INSTALL:
    case FOR_INSTALL | FOR_MAKE_SELECTABLE:
        return confirmed(call, install_application(call, &f, (p1 & FOR_MAKE_SELECTABLE) != 0));
    case FOR_MAKE_SELECTABLE:
        return confirmed(call, make_selectable(call, &f));
    case FOR_EXTRADITION:
        return confirmed(call, extradite(call, &f));
    case FOR_REGISTRY_UPDATE:
        return confirmed(call, registry_update(call, &f));
    case FOR_PERSONALIZATION:
        return confirmed(call, personalization(call, &f));
    default:
        return SW_WRONG_P1P2;
    }
}

/* ---- DELETE ---- */

static sw_t delete_application(struct call *call, uint8_t index)
{
    if (!domain_reaches(call, applet_domain(call->card, index), applet_owner(call->card, index)))
        return domain_sees(call, applet_domain(call->card, index), applet_owner(call->card, index))
                   ? SW_CONDITIONS_NOT_SATISFIED
                   : SW_DATA_NOT_FOUND;
    /* One that the terminal has selected (Java Card runtime environment, deletion of applet instances) must
     * be left first, or locked. */
    if (index == call->self.index || (applet_selected(call->card, index) && applet_active(call->card, index)))
        return SW_CONDITIONS_NOT_SATISFIED;
    return applet_delete(call->card, index);
}

static bool instance_of(struct uicc *card, uint8_t index, struct span package)
{
    struct aid of, module;
    applet_origin(card, index, &of, &module);
    return applet_exists(card, index) && index >= card_profile_applets(card) &&
           span_equal(aid_span(&of), package);
}

/* All of them, or none: the command's transaction sees to that. */
static sw_t delete_instances(struct call *call, struct span package)
{
    sw_t sw = SW_OK;
    for (uint8_t i = 0; i < applets_count(call->card) && sw == SW_OK; i++)
        if (instance_of(call->card, i, package))
            sw = delete_application(call, i);
    return sw;
}

static sw_t delete_package(struct call *call, const struct package_info *info, bool related)
{
    uint8_t domain = info->domain != NO_APPLET ? info->domain : applet_issuer_domain(call->card);
    if (!domain_sees(call, domain, info->owner))
        return SW_DATA_NOT_FOUND;
    if (!domain_reaches(call, domain, info->owner))
        return SW_CONDITIONS_NOT_SATISFIED;
    sw_t sw = related ? delete_instances(call, aid_span(&info->aid)) : SW_OK;
    return sw == SW_OK ? package_remove(call->card, aid_span(&info->aid)) : sw;
}

static sw_t delete_content(struct call *call, struct span aid, bool related)
{
    struct package_info info;
    uint8_t index = applet_by_aid(call->card, aid);
    if (index != NO_APPLET)
        return delete_application(call, index);
    return package_find(call->card, aid, &info) ? delete_package(call, &info, related) : SW_DATA_NOT_FOUND;
}

/* P2 80: with what is related to it. Data: 4F, an AID; or D0, D2, keys. */
sw_t command_delete(struct call *call)
{
    enum { RELATED = 0x80, AID = 0x4F, TOKEN = 0x9E, REFERENCE = 0xB6 };
    struct span aid, ignored;
    const struct command *cmd = call->cmd;
    if ((cmd->p2 & ~RELATED) != 0)
        return SW_WRONG_P1P2;
    if (tlv_find(cmd->data, TOKEN, &ignored) || tlv_find(cmd->data, REFERENCE, &ignored))
        return SW_FUNCTION_NOT_SUPPORTED;
    bool content = tlv_find(cmd->data, AID, &aid);
    sw_t sw = domain_may(call, content ? POWER_CONTENT : POWER_KEYS);
    if (sw != SW_OK)
        return sw;
    sw = content ? delete_content(call, aid, (cmd->p2 & RELATED) != 0) : domain_delete_key(call, cmd->data);
    return confirmed(call, sw);
}

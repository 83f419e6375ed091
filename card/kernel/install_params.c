/* SPDX-License-Identifier: Apache-2.0
 *
 * Installation parameters (GlobalPlatform 2.3 11.5.2.3.7): system specific parameters (EF), and those of a
 * UICC (EA, ETSI TS 102 226 8.2.1.3.2.2; or the older CA in EF, 3GPP TS 43.019).
 */
#include "install.h"

enum {
    NEEDED = 0xC8,
    RESERVED = 0xD8, /* non-volatile memory: at least, and no more */
    TOOLKIT_OLD = 0xCA,
    TOOLKIT = 0x80,
    FILES = 0x81,
    ADMINISTRATION = 0x82,
    /* Access domain parameter, TS 102 226 8.2.1.3.2.5 */
    DOMAIN_FULL = 0x00,
    DOMAIN_CONDITIONS = 0x02,
    DOMAIN_NONE = 0xFF,
    MSL_SPI1 = 0x01,
};

static bool number(struct span value, uint32_t *out)
{
    struct reader r = rd_of(value);
    *out = value.n >= 1 && value.n <= 4 ? (uint32_t)rd_be(&r, value.n) : 0;
    return value.n == 2 || value.n == 4; /* GlobalPlatform table 11-49 */
}

static struct span lv(struct reader *r)
{
    return rd_take(r, rd_u8(r));
}

/* Which key references an access domain counts as verified: the bits of profile_pin_bit. "Full" is all of
 * them, which does not open what is NEVER. */
static bool access_of(struct span domain, uint32_t *out)
{
    *out = 0;
    if (domain.n == 0)
        return true;
    switch (domain.p[0]) {
    case DOMAIN_FULL:
        *out = UINT32_MAX;
        return domain.n == 1;
    case DOMAIN_NONE:
        return domain.n == 1;
    case DOMAIN_CONDITIONS:
        if (domain.n != 4)
            return false;
        *out = profile_access_conditions(domain.p + 1);
        return true;
    default:
        return false;
    }
}

/* For the UICC file system: an AID that is empty, access domain, DAP; then the same for each ADF. */
static bool access_domain(struct span in, struct access_domain *out)
{
    struct reader r = rd_of(in);
    *out = (struct access_domain){0};
    while (r.left > 0) {
        struct span aid = lv(&r), domain = lv(&r), dap = lv(&r);
        uint32_t access;
        if (!rd_ok(&r) || !access_of(domain, &access) || dap.n != 0)
            return false;
        if (aid.n == 0) {
            out->uicc = access;
            continue;
        }
        if (out->n_adfs == ACCESS_ADFS_MAX || !aid_set(&out->adf[out->n_adfs].aid, aid))
            return false;
        out->adf[out->n_adfs++].access = access;
    }
    return rd_ok(&r);
}

static bool security_level(struct span field, uint8_t *msl)
{
    *msl = 0; /* TS 102 226: without one there is no minimum */
    if (field.n == 0)
        return true;
    if (field.p[0] != MSL_SPI1 || field.n != 2)
        return false;
    *msl = field.p[1];
    return true;
}

static bool tars(struct span field, struct profile_applet *row)
{
    enum { TAR_LEN = 3, TARS_MAX = sizeof row->tars / sizeof row->tars[0], TAR_IN_AID = 12 };
    if (field.n % TAR_LEN != 0 || field.n / TAR_LEN > TARS_MAX)
        return false;
    row->n_tars = (uint8_t)(field.n / TAR_LEN);
    for (uint8_t i = 0; i < row->n_tars; i++)
        memcpy(row->tars[i], field.p + i * TAR_LEN, TAR_LEN);
    if (field.n == 0 && row->aid_len == PROFILE_AID_MAX) { /* TS 101 220: digits 15 to 20 of the PIX */
        memcpy(row->tars[0], row->aid + TAR_IN_AID, TAR_LEN);
        row->n_tars = 1;
    }
    return true;
}

/* What follows the access domain in TS 43.019's, and is all there is in TS 102 226's. Parts at the end may be
 * left out. */
static bool toolkit(struct reader *r, struct applet_entry *e)
{
    struct toolkit_parameters *t = &e->toolkit;
    t->priority = rd_u8(r);
    if (t->priority == 0) /* reserved */
        t->priority = TOOLKIT_PRIORITY_DEFAULT;
    t->timers = rd_u8(r);
    t->text_max = rd_u8(r);
    t->n_menu = rd_u8(r);
    if (t->n_menu > TOOLKIT_MENU_MAX)
        return false;
    for (uint8_t i = 0; i < t->n_menu; i++) {
        t->menu[i].position = rd_u8(r);
        t->menu[i].id = rd_u8(r);
        for (uint8_t k = 0; k < i; k++)
            if (t->menu[i].id != 0 && t->menu[k].id == t->menu[i].id)
                return false;
    }
    t->channels = rd_u8(r);
    struct span msl = r->left > 0 ? lv(r) : SPAN_EMPTY;
    struct span tar = r->left > 0 ? lv(r) : SPAN_EMPTY;
    if (r->left > 0)
        t->services = rd_u8(r);
    /* What a later version of the standard has behind that is for later cards. */
    return rd_ok(r) && t->timers <= 8 && t->channels <= 7 && t->services <= 8 &&
           security_level(msl, &e->row.msl) && tars(tar, &e->row);
}

static bool uicc_parameters(struct span uicc, struct applet_entry *e)
{
    struct span value;
    if (tlv_find(uicc, TOOLKIT, &value)) {
        struct reader r = rd_of(value);
        if (!toolkit(&r, e))
            return false;
        e->has_toolkit = true;
    }
    return (!tlv_find(uicc, FILES, &value) || access_domain(value, &e->files)) &&
           (!tlv_find(uicc, ADMINISTRATION, &value) || access_domain(value, &e->admin));
}

static bool system_parameters(struct span system, struct applet_entry *e)
{
    struct span value;
    uint32_t needed = 0, reserved = 0;
    if (tlv_find(system, NEEDED, &value) && !number(value, &needed))
        return false;
    if (tlv_find(system, RESERVED, &value) && !number(value, &reserved))
        return false;
    e->quota = reserved;
    e->needed = needed > reserved ? needed : reserved;
    if (tlv_find(system, TOOLKIT_OLD, &value)) {
        struct reader r = rd_of(value);
        struct span domain = lv(&r);
        if (!access_of(domain, &e->files.uicc) || !toolkit(&r, e))
            return false;
        e->has_toolkit = true;
    }
    return true;
}

static bool well_formed(struct span objects)
{
    struct reader r = rd_of(objects);
    struct tlv t;
    while (tlv_next(&r, &t))
        ;
    return rd_ok(&r);
}

sw_t installation_parameters(struct span system, struct span uicc, struct applet_entry *e)
{
    e->toolkit = (struct toolkit_parameters){.priority = TOOLKIT_PRIORITY_DEFAULT};
    if (!well_formed(system) || !well_formed(uicc) || !system_parameters(system, e) ||
        !uicc_parameters(uicc, e))
        return SW_WRONG_DATA;
    e->row.access = e->files.uicc;
    return SW_OK;
}

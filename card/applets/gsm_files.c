/* SPDX-License-Identifier: Apache-2.0
 *
 * The SIM's file system as class A0 shows it (3GPP TS 51.011 6, 9.2.1, 9.2.2 and 10). DF.GSM and DF.TELECOM
 * are the profile's MF/7F20 and MF/7F10. What a SIM would have there and the profile has not is the USIM's
 * file, when TS 31.102 gives it the same coding; a profile with neither directory still shows both that way,
 * as deployed UICCs do.
 */
#include "fs.h"
#include "gsm.h"
#include "kernel.h"

enum { FID_MF = 0x3F00, FID_GSM_ACCESS = 0x5F3B };

/* The SIM's files that the USIM has with the same coding: TS 51.011 10.3 and 10.5 beside TS 31.102 4.2
 * and 4.4.3. Not among them, for their coding differs: EF.LP (6F05), EF.SST (6F38), EF.ECC (6FB7).
 * EF.PLMNsel, EF.BCCH, EF.Phase: the USIM has none. */
static const struct alias {
    uint16_t df, fid; /* in the SIM */
    uint16_t below;   /* in the USIM: the DF in its ADF; 0: the ADF itself */
    uint16_t usim_fid;
} aliases[] = {
    {FID_DF_GSM, 0x6F07, 0, 0x6F07},              /* EF.IMSI */
    {FID_DF_GSM, 0x6F20, FID_GSM_ACCESS, 0x4F20}, /* EF.Kc */
    {FID_DF_GSM, 0x6F31, 0, 0x6F31},              /* EF.HPPLMN */
    {FID_DF_GSM, 0x6F37, 0, 0x6F37},              /* EF.ACMmax */
    {FID_DF_GSM, 0x6F39, 0, 0x6F39},              /* EF.ACM */
    {FID_DF_GSM, 0x6F3E, 0, 0x6F3E},              /* EF.GID1 */
    {FID_DF_GSM, 0x6F3F, 0, 0x6F3F},              /* EF.GID2 */
    {FID_DF_GSM, 0x6F41, 0, 0x6F41},              /* EF.PUCT */
    {FID_DF_GSM, 0x6F45, 0, 0x6F45},              /* EF.CBMI */
    {FID_DF_GSM, 0x6F46, 0, 0x6F46},              /* EF.SPN */
    {FID_DF_GSM, 0x6F48, 0, 0x6F48},              /* EF.CBMID */
    {FID_DF_GSM, 0x6F50, 0, 0x6F50},              /* EF.CBMIR */
    {FID_DF_GSM, 0x6F52, FID_GSM_ACCESS, 0x4F52}, /* EF.KcGPRS */
    {FID_DF_GSM, 0x6F53, 0, 0x6F73},              /* EF.LOCIGPRS: EF.PSLOCI */
    {FID_DF_GSM, 0x6F60, 0, 0x6F60},              /* EF.PLMNwAcT */
    {FID_DF_GSM, 0x6F61, 0, 0x6F61},              /* EF.OPLMNwAcT */
    {FID_DF_GSM, 0x6F62, 0, 0x6F62},              /* EF.HPLMNwAcT */
    {FID_DF_GSM, 0x6F63, FID_GSM_ACCESS, 0x4F63}, /* EF.CPBCCH */
    {FID_DF_GSM, 0x6F64, FID_GSM_ACCESS, 0x4F64}, /* EF.InvScan */
    {FID_DF_GSM, 0x6F78, 0, 0x6F78},              /* EF.ACC */
    {FID_DF_GSM, 0x6F7B, 0, 0x6F7B},              /* EF.FPLMN */
    {FID_DF_GSM, 0x6F7E, 0, 0x6F7E},              /* EF.LOCI */
    {FID_DF_GSM, 0x6FAD, 0, 0x6FAD},              /* EF.AD */
    {FID_DF_GSM, 0x6FB5, 0, 0x6FB5},              /* EF.eMLPP */
    {FID_DF_GSM, 0x6FB6, 0, 0x6FB6},              /* EF.AAeM */
    {FID_DF_GSM, 0x6FC5, 0, 0x6FC5},              /* EF.PNN */
    {FID_DF_GSM, 0x6FC6, 0, 0x6FC6},              /* EF.OPL */
    {FID_DF_GSM, 0x6FC7, 0, 0x6FC7},              /* EF.MBDN */
    {FID_DF_GSM, 0x6FC8, 0, 0x6FC8},              /* EF.EXT6 */
    {FID_DF_GSM, 0x6FC9, 0, 0x6FC9},              /* EF.MBI */
    {FID_DF_GSM, 0x6FCA, 0, 0x6FCA},              /* EF.MWIS */
    {FID_DF_GSM, 0x6FCD, 0, 0x6FCD},              /* EF.SPDI */
    {FID_DF_TELECOM, 0x6F3B, 0, 0x6F3B},          /* EF.FDN */
    {FID_DF_TELECOM, 0x6F3C, 0, 0x6F3C},          /* EF.SMS */
    {FID_DF_TELECOM, 0x6F40, 0, 0x6F40},          /* EF.MSISDN */
    {FID_DF_TELECOM, 0x6F42, 0, 0x6F42},          /* EF.SMSP */
    {FID_DF_TELECOM, 0x6F43, 0, 0x6F43},          /* EF.SMSS */
    {FID_DF_TELECOM, 0x6F47, 0, 0x6F47},          /* EF.SMSR */
    {FID_DF_TELECOM, 0x6F49, 0, 0x6F49},          /* EF.SDN */
    {FID_DF_TELECOM, 0x6F4B, 0, 0x6F4B},          /* EF.EXT2 */
    {FID_DF_TELECOM, 0x6F4C, 0, 0x6F4C},          /* EF.EXT3 */
    {FID_DF_TELECOM, 0x6F4D, 0, 0x6F4D},          /* EF.BDN */
    {FID_DF_TELECOM, 0x6F4E, 0, 0x6F55},          /* EF.EXT4 */
};

enum { ALIASES = sizeof aliases / sizeof aliases[0] };

/* ---- where a session is, and what it finds there ---- */

/* A file, and the FID that it goes by in class A0. */
struct place {
    uint16_t file;
    uint16_t fid;
};

static const struct place nowhere = {PROFILE_NO_FILE, 0};

static uint16_t child_of(const struct uicc *card, uint16_t df, uint16_t fid)
{
    uint16_t file = fs_child(card, df, fid);
    /* 6.3: a SIM has no ADFs; 6.4: and no BER-TLV structure. */
    if (file != PROFILE_NO_FILE &&
        (fs_file(card, file)->kind == FILE_ADF || fs_file(card, file)->kind == FILE_BERTLV))
        return PROFILE_NO_FILE;
    return file;
}

uint8_t gsm_home(const struct uicc *card)
{
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (strcmp(applet_row_of(card, i)->class_name, "usim") == 0)
            return i;
    return NO_APPLET;
}

/* The ADF that aliases lead to; PROFILE_NO_FILE if there is none for this session: a script reaches only the
 * application that it was sent to, whose minimum security level it has met (TS 102 226 7). */
static uint16_t home_adf(const struct uicc *card, const struct session *session)
{
    uint8_t home = gsm_home(card);
    uint16_t adf = home == NO_APPLET ? PROFILE_NO_FILE : applet_row_of(card, home)->adf;
    if (session->remote &&
        (session->applet == NO_APPLET || applet_row_of(card, session->applet)->adf != adf))
        return PROFILE_NO_FILE;
    return adf;
}

/* MF/7F20 or MF/7F10: the profile's, else the ADF under that name. */
static struct place sim_df(const struct uicc *card, const struct session *session, uint16_t fid)
{
    uint16_t df = child_of(card, 0, fid);
    if (df == PROFILE_NO_FILE && (fid == FID_DF_GSM || fid == FID_DF_TELECOM))
        df = home_adf(card, session);
    return df != PROFILE_NO_FILE && !fs_is_ef(fs_file(card, df)) ? (struct place){df, fid} : nowhere;
}

/* The current directory. The USIM's ADF, when it was not class A0 that selected it, is DF.GSM if it may be.
 */
static struct place current_df(const struct uicc *card, const struct session *session)
{
    uint16_t df = session->view.df;
    const uint16_t names[] = {session->view.alias, FID_DF_GSM};
    for (size_t i = 0; i < 2; i++)
        if (df == home_adf(card, session) && sim_df(card, session, names[i]).file == df)
            return (struct place){df, names[i]};
    return (struct place){df, df == 0 ? FID_MF : fs_file(card, df)->fid};
}

static struct place find_alias(const struct uicc *card, const struct session *session, const struct alias *a)
{
    uint16_t df = home_adf(card, session);
    if (df != PROFILE_NO_FILE && a->below != 0)
        df = child_of(card, df, a->below);
    uint16_t file = df == PROFILE_NO_FILE ? PROFILE_NO_FILE : child_of(card, df, a->usim_fid);
    return file == PROFILE_NO_FILE ? nowhere : (struct place){file, a->fid};
}

/* A file in a directory: the profile's own, else the USIM's. */
static struct place find_child(const struct uicc *card, const struct session *session, struct place df,
                               uint16_t fid)
{
    bool own = df.file != home_adf(card, session);
    uint16_t file = own ? child_of(card, df.file, fid) : PROFILE_NO_FILE;
    if (file != PROFILE_NO_FILE)
        return (struct place){file, fid};
    if (df.file == 0)
        return sim_df(card, session, fid);
    if (own && fs_file(card, df.file)->parent != 0)
        return nowhere;
    for (size_t i = 0; i < ALIASES; i++)
        if (aliases[i].df == df.fid && aliases[i].fid == fid)
            return find_alias(card, session, &aliases[i]);
    return nowhere;
}

/* 6.5: the MF, children of the current directory, itself, its parent, and directories beside it. */
static struct place find_file(const struct uicc *card, const struct session *session, uint16_t fid)
{
    struct place here = current_df(card, session);
    if (fid == FID_MF)
        return (struct place){0, FID_MF};
    struct place found = find_child(card, session, here, fid);
    if (found.file != PROFILE_NO_FILE)
        return found;
    if (here.fid == fid)
        return here;
    uint16_t parent = fs_file(card, here.file)->parent;
    if (parent == 0)
        return sim_df(card, session, fid);
    if (fs_file(card, parent)->fid == fid && fs_file(card, parent)->kind == FILE_DF)
        return (struct place){parent, fid};
    uint16_t sibling = child_of(card, parent, fid);
    return sibling != PROFILE_NO_FILE && !fs_is_ef(fs_file(card, sibling)) ? (struct place){sibling, fid}
                                                                           : nowhere;
}

bool gsm_in_df_gsm(const struct uicc *card, const struct session *session)
{
    uint16_t df = session->view.df, gsm = sim_df(card, session, FID_DF_GSM).file;
    if (df == gsm)
        return current_df(card, session).fid == FID_DF_GSM;
    while (df != 0 && df != gsm)
        df = fs_file(card, df)->parent;
    return df != 0;
}

/* Is it another application that this session has to leave for the USIM? */
static bool is_away(const struct uicc *card, const struct session *session)
{
    uint8_t home = gsm_home(card);
    return !session->remote && home != NO_APPLET && session->applet != home;
}

/* Where the session is then: the other application's directory is none of a SIM's. */
static void come_home(const struct uicc *card, struct session *session)
{
    fs_leave_application(card, &session->view);
    session->applet = gsm_home(card);
}

void gsm_enter(struct uicc *card, struct session *session)
{
    if (!is_away(card, session))
        return;
    session_leave_applet(card, session);
    come_home(card, session);
}

/* find_file as gsm_enter would leave the session, which stays where it is. */
static struct place find_from_home(const struct uicc *card, const struct session *session, uint16_t fid)
{
    struct session there = *session;
    if (is_away(card, &there))
        come_home(card, &there);
    return find_file(card, &there, fid);
}

/* ---- answers ---- */

static unsigned at_most(unsigned value, unsigned max)
{
    return value < max ? value : max;
}

/* 9.2.1: how many files of each kind SELECT would find in a directory. */
static void count_children(const struct uicc *card, const struct session *session, struct place df,
                           unsigned *dfs, unsigned *efs)
{
    static const uint16_t sim_dfs[] = {FID_DF_GSM, FID_DF_TELECOM};
    *dfs = *efs = 0;
    bool own = df.file != home_adf(card, session);
    for (uint16_t i = 1; own && i < fs_count(card); i++) {
        const struct profile_file *f = fs_file(card, i);
        if (!fs_exists(card, i) || f->parent != df.file || child_of(card, df.file, f->fid) != i)
            continue;
        *efs += fs_is_ef(f);
        *dfs += !fs_is_ef(f);
    }
    for (size_t i = 0; df.file == 0 && i < sizeof sim_dfs / sizeof sim_dfs[0]; i++)
        *dfs += child_of(card, 0, sim_dfs[i]) == PROFILE_NO_FILE &&
                sim_df(card, session, sim_dfs[i]).file != PROFILE_NO_FILE;
    for (size_t i = 0; df.file != 0 && i < ALIASES; i++)
        *efs += aliases[i].df == df.fid &&
                (!own || child_of(card, df.file, aliases[i].fid) == PROFILE_NO_FILE) &&
                find_child(card, session, df, aliases[i].fid).file != PROFILE_NO_FILE;
}

/* 9.3: b8 the code is there, b4-b1 presentations left. */
static void put_chv(const struct uicc *card, int pin, struct buf *out)
{
    struct pin_state state = {0};
    if (pin >= 0)
        pin_state(card, pin, &state);
    bool puk = pin >= 0 && card->profile->pins[pin].puk_tries > 0;
    buf_u8(out, pin >= 0 ? (uint8_t)(0x80 | (state.tries & 0x0F)) : 0);
    buf_u8(out, puk ? (uint8_t)(0x80 | (state.puk_tries & 0x0F)) : 0);
}

/* CHV1 and CHV2; what with_chv() in gsm.c means by them. */
static void put_chvs(const struct uicc *card, const struct session *session, struct buf *out)
{
    struct session home = *session;
    home.applet = gsm_home(card);
    int chv2 = pin_find(card, &home, 0x81);
    put_chv(card, pin_find(card, &home, 0x01), out);
    put_chv(card, chv2 >= 0 ? chv2 : pin_find(card, &home, 0x02), out);
}

/* CHVs, UNBLOCK CHVs and administrative codes that the SIM has. */
static unsigned count_codes(const struct uicc *card)
{
    const struct profile *p = card->profile;
    unsigned n = 0;
    for (int i = 0; i < p->n_pins; i++)
        if (p->pins[i].adf == NO_APPLET || p->pins[i].adf == gsm_home(card))
            n += 1u + (p->pins[i].puk_tries > 0);
    return n;
}

static bool chv1_enabled(const struct uicc *card, const struct session *session)
{
    struct pin_state state = {0};
    int pin = pin_find(card, session, 0x01);
    if (pin >= 0)
        pin_state(card, pin, &state);
    return state.enabled;
}

/* 9.2.1, MF or DF: the 22 octets that every SIM gives. Nothing says how much memory is free: class A0 cannot
 * create files. */
static void describe_df(const struct uicc *card, const struct session *session, struct place df,
                        struct buf *out)
{
    enum {
        TYPE_MF = 1,
        TYPE_DF = 2,
        FOLLOWING = 9,
        CHARACTERISTICS = 0x31, /* 9.3: clock stop allowed, no level preferred; 13/8 MHz will do; any supply
                                   voltage down to 1.8 V */
        CHV1_DISABLED = 0x80,
    };
    unsigned dfs, efs;
    count_children(card, session, df, &dfs, &efs);
    buf_u16(out, 0);
    buf_u16(out, 0);
    buf_u16(out, df.fid);
    buf_u8(out, df.file == 0 ? TYPE_MF : TYPE_DF);
    buf_fill(out, 0, 5);
    buf_u8(out, FOLLOWING);
    buf_u8(out, (uint8_t)(CHARACTERISTICS | (chv1_enabled(card, session) ? 0 : CHV1_DISABLED)));
    buf_u8(out, (uint8_t)at_most(dfs, 255));
    buf_u8(out, (uint8_t)at_most(efs, 255));
    buf_u8(out, (uint8_t)at_most(count_codes(card), 255));
    buf_u8(out, 0);
    put_chvs(card, session, out);
}

enum { NEVER = 15, INS_INCREASE = 0x32 };

/* 9.3, access conditions: the least of these that the file's rule in EF.ARR is content with, for an access
 * mode or, if that is 0, for INCREASE. The rule is asked, not read, by sessions that hold just those key
 * references. */
static uint8_t condition(const struct uicc *card, uint16_t file, uint8_t mode)
{
    static const uint8_t levels[][2] = {
        {0, 0}, {1, 0x01}, {2, 0x81}, {2, 0x02}, {4, 0x0A}, {5, 0x0B}, {6, 0x0C}, {7, 0x0D}, {8, 0x0E},
    };
    struct session holder = {.remote = true, .applet = NO_APPLET};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        int bit = profile_pin_bit(levels[i][1]);
        holder.granted |= bit < 0 ? 0 : 1u << bit;
        sw_t sw = mode != 0 ? fs_access(card, &holder, file, mode)
                            : fs_access_ins(card, &holder, file, INS_INCREASE);
        if (sw == SW_OK)
            return levels[i][0];
    }
    return NEVER;
}

static uint8_t nibbles(uint8_t high, uint8_t low)
{
    return (uint8_t)(high << 4 | low);
}

/* 9.2.1, EF. */
static void describe_ef(const struct uicc *card, struct place ef, struct buf *out)
{
    enum { TYPE_EF = 4, FOLLOWING = 2, NOT_INVALIDATED = 0x01, INCREASE_ALLOWED = 0x40 };
    static const uint8_t structures[] = {
        [FILE_TRANSPARENT] = 0x00, [FILE_LINEAR] = 0x01, [FILE_CYCLIC] = 0x03};
    const struct profile_file *f = fs_file(card, ef.file);
    uint8_t increase = f->kind == FILE_CYCLIC ? condition(card, ef.file, 0) : NEVER;
    buf_u16(out, 0);
    buf_u16(out, (uint16_t)at_most((unsigned)fs_size(card, ef.file), 0xFFFF));
    buf_u16(out, ef.fid);
    buf_u8(out, TYPE_EF);
    buf_u8(out, increase != NEVER ? INCREASE_ALLOWED : 0);
    buf_u8(out, nibbles(condition(card, ef.file, AM_READ), condition(card, ef.file, AM_UPDATE)));
    buf_u8(out, nibbles(increase, 0));
    buf_u8(out, nibbles(condition(card, ef.file, AM_ACTIVATE), condition(card, ef.file, AM_DEACTIVATE)));
    buf_u8(out, fs_state(card, ef.file) == FILE_STATE_ACTIVATED ? NOT_INVALIDATED : 0);
    buf_u8(out, FOLLOWING);
    buf_u8(out, structures[f->kind]);
    buf_u8(out, f->record_len);
}

/* ---- SELECT and STATUS ---- */

sw_t gsm_select(struct call *call)
{
    if (call->cmd->p2 != 0)
        return SW_WRONG_P1P2;
    const uint8_t *fid = call->cmd->data.p;
    struct place found = find_from_home(call->card, call->session, (uint16_t)(fid[0] << 8 | fid[1]));
    if (found.file == PROFILE_NO_FILE)
        return SW_FILE_NOT_FOUND;
    gsm_enter(call->card, call->session); /* a step of its own: not for a SELECT that fails */
    struct view *view = &call->session->view;
    if (!fs_is_ef(fs_file(call->card, found.file))) {
        *view = (struct view){.df = found.file, .ef = PROFILE_NO_FILE, .alias = found.fid};
        describe_df(call->card, call->session, found, call->out);
        return SW_OK;
    }
    /* The directory stays, wherever the file lies. 8.1: the record pointer of a cyclic file is at the record
     * written last, which is the first; others have none. */
    view->ef = found.file;
    view->record = fs_file(call->card, found.file)->kind == FILE_CYCLIC ? 1 : 0;
    describe_ef(call->card, found, call->out);
    return SW_OK;
}

sw_t gsm_status(struct call *call)
{
    if (call->cmd->p2 != 0)
        return SW_WRONG_P1P2;
    sw_t sw = toolkit_poll(call);
    if (sw != SW_OK)
        return sw;
    describe_df(call->card, call->session, current_df(call->card, call->session), call->out);
    if (call->cmd->le < call->out->len) /* P3 says how much of it (9.2.2) */
        call->out->len = call->cmd->le;
    return SW_OK;
}

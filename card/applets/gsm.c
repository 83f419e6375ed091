/* SPDX-License-Identifier: Apache-2.0
 *
 * The command table of class A0, its status words, and what differs from the handlers of TS 102 221: how a
 * CHV is named, how a record is addressed, and RUN GSM ALGORITHM. SELECT and STATUS are in gsm_files.c.
 */
#include "gsm.h"

#include "fs.h"
#include "kernel.h"
#include "services.h"

/* ---- status words ---- */

enum { INS_ANY = 0x00, INS_CHV = 0x20, INS_GET_RESPONSE = 0xC0, INS_ENVELOPE = 0xC2 };

/* What a word of TS 102 221 is in class A0 (TS 51.011 9.4): the first row that fits. A row with an
 * instruction speaks for that alone (INS_CHV: 20 to 2F, which are the CHV commands); `keep` hands SW2 on. A
 * word of 6xxx that no row has becomes 6F00. */
static const struct {
    sw_t word, mask;
    uint8_t ins;
    bool keep;
    sw_t becomes;
} words[] = {
    {SW_DATA_AVAILABLE, 0xFF00, INS_GET_RESPONSE, false, SW_OK}, /* 9.2.18: it may take less than there is */
    {SW_DATA_AVAILABLE, 0xFF00, INS_ANY, true, SW_GSM_DATA_AVAILABLE},
    {SW_TRIES_LEFT, 0xFFFF, INS_ANY, false, SW_GSM_CHV_BLOCKED},
    {SW_TRIES_LEFT, 0xFFF0, INS_ANY, false, SW_GSM_ACCESS},
    {SW_NO_INFORMATION_62, 0xFF00, INS_ANY, false, SW_OK}, /* class A0 has no warnings */
    {0x6300, 0xFF00, INS_ANY, false, SW_OK},
    {SW_MEMORY_PROBLEM, 0xFFFF, INS_ANY, false, SW_GSM_MEMORY_PROBLEM},
    {SW_NOT_ENOUGH_MEMORY, 0xFFFF, INS_ANY, false, SW_GSM_MEMORY_PROBLEM},
    {SW_WRONG_LENGTH, 0xFF00, INS_ANY, true, SW_WRONG_LENGTH},
    {SW_NO_SUCH_CLA_FUNCTION, 0xFF00, INS_ANY, false, SW_CLA_NOT_SUPPORTED},
    {SW_INCOMPATIBLE_FILE, 0xFFFF, INS_ANY, false, SW_GSM_INCONSISTENT},
    {SW_SECURITY_STATUS, 0xFFFF, INS_ANY, false, SW_GSM_ACCESS},
    {SW_BLOCKED, 0xFFFF, INS_ANY, false, SW_GSM_CHV_BLOCKED},
    {SW_REFERENCED_DATA_INVALIDATED, 0xFFFF, INS_CHV, false, SW_GSM_CHV_STATUS}, /* it is disabled */
    {SW_REFERENCED_DATA_INVALIDATED, 0xFFFF, INS_ANY, false, SW_GSM_INVALIDATION},
    {SW_CONDITIONS_NOT_SATISFIED, 0xFFFF, INS_CHV, false,
     SW_GSM_CHV_STATUS}, /* is enabled already, or can't be disabled */
    {SW_NO_EF_SELECTED, 0xFFFF, INS_ANY, false, SW_GSM_NO_EF_SELECTED},
    {SW_FILE_NOT_FOUND, 0xFFFF, INS_ANY, false, SW_GSM_NOT_FOUND},
    {SW_RECORD_NOT_FOUND, 0xFFFF, INS_ANY, false, SW_GSM_OUT_OF_RANGE}, /* 9.4.6, note on 6Bxx */
    {SW_WRONG_P1P2, 0xFFFF, INS_ANY, false, SW_WRONG_PARAMETERS},
    {SW_DATA_NOT_FOUND, 0xFFFF, INS_CHV, false, SW_GSM_NO_CHV},
    {SW_WRONG_PARAMETERS, 0xFFFF, INS_ANY, false,
     SW_GSM_OUT_OF_RANGE},                                 /* TS 102 221: an offset outside the file */
    {SW_WRONG_LE, 0xFF00, INS_ANY, true, SW_WRONG_LENGTH}, /* 9.4.6: 67 and the right P3 */
    {SW_INS_NOT_SUPPORTED, 0xFFFF, INS_ANY, false, SW_INS_NOT_SUPPORTED},
    {SW_CLA_NOT_SUPPORTED, 0xFFFF, INS_ANY, false, SW_CLA_NOT_SUPPORTED},
    {0x6000, 0xF000, INS_ANY, false, SW_TECHNICAL_PROBLEM},
};

static bool speaks_for(uint8_t row_ins, uint8_t ins)
{
    return row_ins == INS_ANY || row_ins == ins || (row_ins == INS_CHV && (ins & 0xF0) == INS_CHV);
}

static sw_t status(const struct command *cmd, const struct command_row *row, sw_t sw, size_t waiting)
{
    /* 9.4.1: an applet's answer of refusal, which TS 102 221 tells by a warning. */
    if (cmd->ins == INS_ENVELOPE && sw_is_warning(sw) && waiting > 0)
        return SW_WITH(SW_GSM_DOWNLOAD_ERROR, waiting > 255 ? 0 : waiting);
    /* 9.4.6: where P3 can have one value only, 67xx names it. */
    if (sw == SW_WRONG_LENGTH && row != NULL && row->lc_min == row->lc_max)
        return SW_WITH(SW_WRONG_LENGTH, row->lc_max);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if ((sw & words[i].mask) == words[i].word && speaks_for(words[i].ins, cmd->ins))
            return words[i].keep ? SW_WITH(words[i].becomes, sw) : words[i].becomes;
    return sw;
}

/* ---- P2 ---- */

/* There are no SFIs in class A0, nor anything else in the bits of P2 that TS 102 221 has a use for. */
static sw_t with_p2(struct call *call, uint8_t max, command_handler handler)
{
    return call->cmd->p2 > max ? SW_WRONG_P1P2 : handler(call);
}

enum { P2_RECORD = 0x07 };

static sw_t read_record(struct call *call)
{
    return with_p2(call, P2_RECORD, command_read_record);
}

static sw_t update_record(struct call *call)
{
    return with_p2(call, P2_RECORD, command_update_record);
}

static sw_t increase(struct call *call)
{
    return with_p2(call, 0, command_increase);
}

/* ---- SEEK ---- */

/* TS 51.011 8.7: a record that starts with the pattern, in a linear fixed file; SEARCH RECORD finds it
 * anywhere in a record and answers all there are. Found, it is the current record; type 2 tells its number.
 */
static sw_t seek(struct call *call)
{
    enum { FROM_FIRST, FROM_LAST, FROM_NEXT, FROM_PREVIOUS, TYPE_2 = 0x10 };
    const struct profile_file *f = fs_file(call->card, call->target);
    struct span pattern = call->cmd->data;
    if ((call->cmd->p2 & ~(TYPE_2 | FROM_PREVIOUS)) != 0)
        return SW_WRONG_P1P2;
    if (f->kind != FILE_LINEAR)
        return SW_INCOMPATIBLE_FILE;
    if (pattern.n > f->record_len)
        return SW_WRONG_LENGTH;
    unsigned mode = call->cmd->p2 & FROM_PREVIOUS, now = call->session->view.record;
    unsigned count = (unsigned)(fs_size(call->card, call->target) / f->record_len);
    unsigned last = now == 0 ? count : now - 1;
    const unsigned from[] = {
        [FROM_FIRST] = 1, [FROM_LAST] = count, [FROM_NEXT] = now + 1, [FROM_PREVIOUS] = last};
    bool backward = mode == FROM_LAST || mode == FROM_PREVIOUS;
    for (unsigned i = from[mode]; i >= 1 && i <= count; i = backward ? i - 1 : i + 1) {
        size_t at = (i - 1) * (size_t)f->record_len;
        if (!span_starts(span_slice(fs_body(call->card, call->target), at, f->record_len), pattern))
            continue;
        call->session->view.record = (uint8_t)i;
        if ((call->cmd->p2 & TYPE_2) != 0)
            buf_u8(call->out, (uint8_t)i);
        return SW_OK;
    }
    return SW_FILE_NOT_FOUND; /* 9404: "pattern not found" */
}

/* ---- INVALIDATE, REHABILITATE ---- */

/* 9.4.5: what is in that state already contradicts the command; TS 102 221's commands do not mind. */
static sw_t change_state(struct call *call, uint8_t from, command_handler handler)
{
    return fs_state(call->card, call->target) != from ? SW_REFERENCED_DATA_INVALIDATED
                                                      : with_p2(call, 0, handler);
}

static sw_t invalidate(struct call *call)
{
    return change_state(call, FILE_STATE_ACTIVATED, command_deactivate_file);
}

static sw_t rehabilitate(struct call *call)
{
    return change_state(call, FILE_STATE_DEACTIVATED, command_activate_file);
}

/* ---- CHV ---- */

enum { PIN1 = 0x01, PIN2_LOCAL = 0x81, PIN2_GLOBAL = 0x02 };

/* The handler of the PIN command, for the key reference that P2 = 01 or 02 means: CHV1 is the card's PIN 01;
 * CHV2 is the USIM's PIN2 (81), or, on a card without a USIM, key reference 02. P2 of UNBLOCK CHV is 00 for
 * CHV1 (9.2.13), hence chv1. */
static sw_t with_chv(struct call *call, uint8_t chv1, bool has_chv2, command_handler handler)
{
    const bool chv2 = call->cmd->p2 == 2 && has_chv2;
    if (call->cmd->p2 != chv1 && !chv2)
        return SW_WRONG_P1P2;
    gsm_enter(call->card, call->session);
    struct command cmd = *call->cmd;
    struct call inner = *call;
    inner.cmd = &cmd;
    cmd.p2 = PIN1;
    if (chv2)
        cmd.p2 = pin_find(call->card, call->session, PIN2_LOCAL) >= 0 ? PIN2_LOCAL : PIN2_GLOBAL;
    return handler(&inner);
}

static sw_t verify_chv(struct call *call)
{
    enum { ADM_FIRST = 0x0A, ADM_LAST = 0x0E };
    /* Administrative codes are the issuer's matter (TS 51.011 9.3); here they have the key references of TS
     * 102 221. */
    if (call->cmd->p2 >= ADM_FIRST && call->cmd->p2 <= ADM_LAST)
        return command_verify(call);
    return with_chv(call, 1, true, command_verify);
}

static sw_t change_chv(struct call *call)
{
    return with_chv(call, 1, true, command_change_pin);
}

static sw_t disable_chv(struct call *call)
{
    return with_chv(call, 1, false, command_disable_pin);
}

static sw_t enable_chv(struct call *call)
{
    return with_chv(call, 1, false, command_enable_pin);
}

static sw_t unblock_chv(struct call *call)
{
    return with_chv(call, 0, true, command_unblock_pin);
}

/* ---- the rest ---- */

/* TS 51.011 8.16; for a key of 3G, SRES and Kc are what the conversion functions c2 and c3 make of RES, CK
 * and IK (TS 33.102 6.8.1.2). */
static sw_t run_gsm_algorithm(struct call *call)
{
    struct applet provider;
    struct aka_vector v;
    uint8_t sres[4], kc[8];
    const struct aka_service *aka = applet_service(call->card, "aka", 0, &provider);
    if (call->cmd->p2 != 0)
        return SW_WRONG_P1P2;
    if (!gsm_in_df_gsm(call->card, call->session))
        return SW_INCOMPATIBLE_FILE;
    enum aka_verdict verdict = aka != NULL ? aka->respond(provider, call->cmd->data.p, &v) : AKA_FAILED;
    if (verdict != AKA_ACCEPTED)
        return verdict == AKA_BLOCKED ? SW_CONDITIONS_NOT_SATISFIED : SW_TECHNICAL_PROBLEM;
    aka_gsm(&v, sres, kc);
    buf_put(call->out, span_of(sres, sizeof sres));
    buf_put(call->out, span_of(kc, sizeof kc));
    crypto_wipe(&v, sizeof v);
    crypto_wipe(kc, sizeof kc);
    return SW_OK;
}

/* TS 51.011 8.17: without effect since phase 2; phase 1 terminals still send it. */
static sw_t sleep_command(struct call *call)
{
    (void)call;
    return SW_OK;
}

#define P1_ANY      0x00, 0x00
#define P1_ZERO     0x00, 0xFF
#define OFFSET_HIGH 0x00, 0x80 /* no file is as long as 32768: what is an SFI in class 00 is refused */

static const struct command_row rows[] = {
    /* name, clause, class, INS, P1, case, Lc min, Lc max, target, access, flags, handler */
    {"SELECT", "TS 51.011 9.2.1", CLASS_GSM, 0xA4, P1_ZERO, CASE_4, 2, 2, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_TERMINATED, gsm_select},
    {"STATUS", "TS 51.011 9.2.2", CLASS_GSM, 0xF2, P1_ZERO, CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_TERMINATED | ROW_ONCE, gsm_status},
    {"READ BINARY", "TS 51.011 9.2.3", CLASS_GSM, 0xB0, OFFSET_HIGH, CASE_2, 0, 0, TARGET_CURRENT_EF,
     ACCESS_READ, ROW_REMOTE, command_read_binary},
    {"UPDATE BINARY", "TS 51.011 9.2.4", CLASS_GSM, 0xD6, OFFSET_HIGH, CASE_3, 1, 255, TARGET_CURRENT_EF,
     ACCESS_UPDATE, ROW_REMOTE, command_update_binary},
    {"READ RECORD", "TS 51.011 9.2.5", CLASS_GSM, 0xB2, P1_ANY, CASE_2, 0, 0, TARGET_CURRENT_EF, ACCESS_READ,
     ROW_REMOTE, read_record},
    {"UPDATE RECORD", "TS 51.011 9.2.6", CLASS_GSM, 0xDC, P1_ANY, CASE_3, 1, 255, TARGET_CURRENT_EF,
     ACCESS_UPDATE, ROW_REMOTE, update_record},
    {"SEEK", "TS 51.011 9.2.7", CLASS_GSM, 0xA2, P1_ZERO, CASE_4, 1, 255, TARGET_CURRENT_EF, ACCESS_READ,
     ROW_REMOTE, seek},
    {"INCREASE", "TS 51.011 9.2.8", CLASS_GSM, 0x32, P1_ZERO, CASE_4, 3, 3, TARGET_CURRENT_EF, ACCESS_BY_INS,
     ROW_REMOTE, increase},
    {"VERIFY CHV", "TS 51.011 9.2.9", CLASS_GSM, 0x20, P1_ZERO, CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, verify_chv},
    {"CHANGE CHV", "TS 51.011 9.2.10", CLASS_GSM, 0x24, P1_ZERO, CASE_3, 16, 16, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, change_chv},
    {"DISABLE CHV", "TS 51.011 9.2.11", CLASS_GSM, 0x26, P1_ZERO, CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, disable_chv},
    {"ENABLE CHV", "TS 51.011 9.2.12", CLASS_GSM, 0x28, P1_ZERO, CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, enable_chv},
    {"UNBLOCK CHV", "TS 51.011 9.2.13", CLASS_GSM, 0x2C, P1_ZERO, CASE_3, 16, 16, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, unblock_chv},
    {"INVALIDATE", "TS 51.011 9.2.14", CLASS_GSM, 0x04, P1_ZERO, CASE_1, 0, 0, TARGET_CURRENT_EF,
     ACCESS_DEACTIVATE, ROW_REMOTE, invalidate},
    {"REHABILITATE", "TS 51.011 9.2.15", CLASS_GSM, 0x44, P1_ZERO, CASE_1, 0, 0, TARGET_CURRENT_EF,
     ACCESS_ACTIVATE, ROW_REMOTE, rehabilitate},
    {"RUN GSM ALGORITHM", "TS 51.011 9.2.16", CLASS_GSM, 0x88, P1_ZERO, CASE_4, 16, 16, TARGET_NONE,
     ACCESS_APPLICATION_PIN, ROW_SECRET_RESPONSE, run_gsm_algorithm},
    {"SLEEP", "TS 51.011 9.2.17", CLASS_GSM, 0xFA, P1_ZERO, CASE_1, 0, 0, TARGET_NONE, ACCESS_FREE, 0,
     sleep_command},
    {"GET RESPONSE", "TS 51.011 9.2.18", CLASS_GSM, INS_GET_RESPONSE, P1_ZERO, CASE_2, 0, 0, TARGET_NONE,
     ACCESS_FREE, ROW_REMOTE | ROW_KEEPS_RESPONSE, command_get_response},
    {"TERMINAL PROFILE", "TS 51.011 9.2.19", CLASS_GSM, 0x10, P1_ZERO, CASE_3, 1, 255, TARGET_NONE,
     ACCESS_FREE, 0, command_terminal_profile},
    {"ENVELOPE", "TS 51.011 9.2.20", CLASS_GSM, 0xC2, P1_ZERO, CASE_4, 1, 255, TARGET_NONE, ACCESS_FREE, 0,
     command_envelope},
    {"FETCH", "TS 51.011 9.2.21", CLASS_GSM, 0x12, P1_ZERO, CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, 0,
     command_fetch},
    {"TERMINAL RESPONSE", "TS 51.011 9.2.22", CLASS_GSM, 0x14, P1_ZERO, CASE_3, 1, 255, TARGET_NONE,
     ACCESS_FREE, 0, command_terminal_response},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

const struct applet_class gsm_class = {
    .name = "gsm",
    .card_commands = &table,
    .card_status = status,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

sw_t dispatch_find(const struct command_table *const *tables, size_t n_tables, const struct command *cmd,
                   const struct command_row **row)
{
    sw_t sw = SW_CLA_NOT_SUPPORTED;
    *row = NULL;
    for (size_t t = 0; t < n_tables; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct command_row *candidate = &tables[t]->rows[i];
            if (candidate->klass != cmd->klass)
                continue;
            if (candidate->ins != cmd->ins) {
                if (sw == SW_CLA_NOT_SUPPORTED)
                    sw = SW_INS_NOT_SUPPORTED;
                continue;
            }
            if ((cmd->p1 & candidate->p1_mask) != candidate->p1) {
                sw = SW_WRONG_P1P2;
                continue;
            }
            *row = candidate;
            return SW_OK;
        }
    }
    return sw;
}

/* Five octets whose case takes command data: P3 is an Lc of 0. TS 102 221 7.3.1.1.1: on T=0
 * even a case 1 command has P3. */
static bool p3_is_lc_zero(struct command *cmd)
{
    if (!cmd->has_le || cmd->data.n > 0)
        return true;
    if (cmd->extended || cmd->le != 256)
        return false;
    cmd->has_le = false;
    return true;
}

sw_t dispatch_fit(const struct command_row *row, struct command *cmd)
{
    if ((row->flags & ROW_BASIC) != 0 && cmd->channel != 0)
        return SW_CHANNEL_NOT_SUPPORTED;
    if ((row->flags & ROW_P2_00) != 0 && cmd->p2 != 0)
        return SW_WRONG_P1P2;
    switch (row->iso_case) {
    case CASE_1:
        if (cmd->data.n > 0 || !p3_is_lc_zero(cmd))
            return SW_WRONG_LENGTH;
        break;
    case CASE_2:
        if (cmd->data.n > 0)
            return SW_WRONG_LENGTH;
        if (!cmd->has_le) { /* four octets: "as much as there is", which T=0 then turns into 6Cxx */
            cmd->has_le = true;
            cmd->le = 256;
        }
        break;
    case CASE_3:
        if (!p3_is_lc_zero(cmd) || cmd->has_le)
            return SW_WRONG_LENGTH;
        break;
    case CASE_4:
        if (!p3_is_lc_zero(cmd))
            return SW_WRONG_LENGTH;
        break;
    case CASE_2_OR_4:
        if (cmd->data.n == 0 && !cmd->has_le) {
            cmd->has_le = true;
            cmd->le = 256;
        }
        break;
    }
    if (cmd->data.n < row->lc_min || cmd->data.n > row->lc_max)
        return SW_WRONG_LENGTH;
    return SW_OK;
}

sw_t dispatch_run(const struct command_row *row, struct command *cmd, const struct gate *gate,
                  struct call *call)
{
    sw_t sw = dispatch_fit(row, cmd);
    if (sw == SW_OK)
        sw = gate->admit(call, row);
    return sw == SW_OK ? row->handler(call) : sw;
}

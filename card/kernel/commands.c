/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's command table: every command of ETSI TS 102 221 that softuicc answers, whatever applet is selected. Look here first for
 * the handler of an APDU; applets have tables of their own in the same form.
 */
#include "fs.h"
#include "kernel.h"

#define ANY_P1 0x00, 0x00
#define P1_IS(value) (value), 0xFF

static const struct command_row rows[] = {
    /* name, clause, class, INS, P1, case, Lc min, Lc max, target, access, flags, handler */
    {"SELECT", "TS 102 221 11.1.1", CLASS_ISO, 0xA4, ANY_P1, CASE_4, 0, 255, TARGET_NONE, ACCESS_FREE, ROW_REMOTE,
     command_select},
    {"STATUS", "TS 102 221 11.1.2", CLASS_ETSI, 0xF2, ANY_P1, CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, ROW_REMOTE,
     command_status},
    {"READ BINARY", "TS 102 221 11.1.3", CLASS_ISO, 0xB0, ANY_P1, CASE_2, 0, 0, TARGET_EF_SFI_P1, ACCESS_READ,
     ROW_REMOTE, command_read_binary},
    {"UPDATE BINARY", "TS 102 221 11.1.4", CLASS_ISO, 0xD6, ANY_P1, CASE_3, 1, 255, TARGET_EF_SFI_P1, ACCESS_UPDATE,
     ROW_REMOTE, command_update_binary},
    {"READ RECORD", "TS 102 221 11.1.5", CLASS_ISO, 0xB2, ANY_P1, CASE_2, 0, 0, TARGET_EF_SFI_P2, ACCESS_READ,
     ROW_REMOTE, command_read_record},
    {"UPDATE RECORD", "TS 102 221 11.1.6", CLASS_ISO, 0xDC, ANY_P1, CASE_3, 1, 255, TARGET_EF_SFI_P2, ACCESS_UPDATE,
     ROW_REMOTE, command_update_record},
    {"VERIFY PIN", "TS 102 221 11.1.9", CLASS_ISO, 0x20, P1_IS(0), CASE_3, 0, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_verify},
    {"CHANGE PIN", "TS 102 221 11.1.10", CLASS_ISO, 0x24, P1_IS(0), CASE_3, 16, 16, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_change_pin},
    {"DISABLE PIN", "TS 102 221 11.1.11", CLASS_ISO, 0x26, P1_IS(0), CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_disable_pin},
    {"ENABLE PIN", "TS 102 221 11.1.12", CLASS_ISO, 0x28, P1_IS(0), CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_enable_pin},
    {"UNBLOCK PIN", "TS 102 221 11.1.13", CLASS_ISO, 0x2C, P1_IS(0), CASE_3, 0, 16, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_unblock_pin},
    {"TERMINAL PROFILE", "TS 102 221 11.2.1", CLASS_ETSI, 0x10, P1_IS(0), CASE_3, 1, 255, TARGET_NONE, ACCESS_FREE,
     0, command_terminal_profile},
    {"ENVELOPE", "TS 102 221 11.2.2", CLASS_ETSI, 0xC2, P1_IS(0), CASE_4, 1, 255, TARGET_NONE, ACCESS_FREE, 0,
     command_envelope},
    {"FETCH", "TS 102 221 11.2.3", CLASS_ETSI, 0x12, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, 0,
     command_fetch},
    {"TERMINAL RESPONSE", "TS 102 221 11.2.4", CLASS_ETSI, 0x14, P1_IS(0), CASE_3, 1, 255, TARGET_NONE, ACCESS_FREE, 0,
     command_terminal_response},
    /* TS 102 221 7.3.1.1.5; TS 102 221 10.1.1: terminals send it with the class of the command it belongs to. */
    {"GET RESPONSE", "TS 102 221 11.1.14 (T=0)", CLASS_ISO, 0xC0, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_KEEPS_RESPONSE, command_get_response},
    {"GET RESPONSE", "TS 102 221 11.1.14 (T=0)", CLASS_ETSI, 0xC0, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_KEEPS_RESPONSE, command_get_response},
};

const struct command_table kernel_commands = {rows, sizeof rows / sizeof rows[0]};

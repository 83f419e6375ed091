/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's command table: every command of ETSI TS 102 221 that softuicc answers, whatever applet is
 * selected. Look here first for the handler of an APDU; applets have tables of their own in the same form.
 */
#include "fs.h"
#include "kernel.h"
#include "secure_channel.h"

#define ANY_P1 0x00, 0x00
#define P1_IS(value) (value), 0xFF

static const struct command_row rows[] = {
    /* name, clause, class, INS, P1, case, Lc min, Lc max, target, access, flags, handler */
    {"SELECT", "TS 102 221 11.1.1", CLASS_ISO, 0xA4, ANY_P1, CASE_4, 0, 255, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_TERMINATED | ROW_CARD, command_select},
    {"STATUS", "TS 102 221 11.1.2", CLASS_ETSI, 0xF2, 0x00, 0xFC, /* others: GlobalPlatform's GET STATUS */ CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_TERMINATED | ROW_CARD | ROW_ONCE, command_status},
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
    {"DISABLE PIN", "TS 102 221 11.1.11", CLASS_ISO, 0x26, ANY_P1, CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_disable_pin},
    {"ENABLE PIN", "TS 102 221 11.1.12", CLASS_ISO, 0x28, P1_IS(0), CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_enable_pin},
    {"UNBLOCK PIN", "TS 102 221 11.1.13", CLASS_ISO, 0x2C, P1_IS(0), CASE_3, 0, 16, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA, command_unblock_pin},
    {"SEARCH RECORD", "TS 102 221 11.1.7", CLASS_ISO, 0xA2, ANY_P1, CASE_4, 1, 255, TARGET_EF_SFI_P2, ACCESS_READ, ROW_REMOTE,
     command_search_record},
    {"INCREASE", "TS 102 221 11.1.8", CLASS_ETSI, 0x32, ANY_P1, CASE_4, 1, 127, TARGET_EF_SFI_P1, ACCESS_BY_INS, ROW_REMOTE | ROW_P2_00,
     command_increase},
    {"DEACTIVATE FILE", "TS 102 221 11.1.14", CLASS_ISO, 0x04, ANY_P1, CASE_3, 0, 255, TARGET_NAMED, ACCESS_DEACTIVATE,
     ROW_REMOTE | ROW_P2_00, command_deactivate_file},
    {"ACTIVATE FILE", "TS 102 221 11.1.15", CLASS_ISO, 0x44, ANY_P1, CASE_3, 0, 255, TARGET_NAMED, ACCESS_ACTIVATE, ROW_REMOTE | ROW_P2_00,
     command_activate_file},
    {"GET CHALLENGE", "TS 102 221 11.1.18", CLASS_ISO, 0x84, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, ROW_P2_00,
     command_get_challenge},
    {"MANAGE CHANNEL (open)", "TS 102 221 11.1.17", CLASS_ISO, 0x70, P1_IS(0x00), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, ROW_CARD,
     command_open_channel},
    {"MANAGE CHANNEL (close)", "TS 102 221 11.1.17", CLASS_ISO, 0x70, P1_IS(0x80), CASE_1, 0, 0, TARGET_NONE, ACCESS_FREE, ROW_CARD,
     command_close_channel},
    {"TERMINAL CAPABILITY", "TS 102 221 11.1.19", CLASS_ETSI, 0xAA, P1_IS(0), CASE_3, 1, 255, TARGET_NONE, ACCESS_FREE, ROW_P2_00 | ROW_CARD,
     command_terminal_capability},
    {"MANAGE SECURE CHANNEL", "TS 102 221 11.1.20", CLASS_ISO, 0x73, ANY_P1, CASE_2_OR_4, 0, 255, TARGET_NONE, ACCESS_FREE, ROW_CARD,
     command_manage_secure_channel},
    {"TRANSACT DATA", "TS 102 221 11.1.21", CLASS_ISO, 0x75, ANY_P1, CASE_2_OR_4, 0, 255, TARGET_NONE, ACCESS_FREE, ROW_CARD,
     command_transact_data},
    {"SUSPEND UICC", "TS 102 221 11.1.22", CLASS_ETSI, 0x76, P1_IS(0x00), CASE_4, 4, 4, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_RESPONSE | ROW_P2_00 | ROW_CARD, command_suspend},
    {"SUSPEND UICC (resume)", "TS 102 221 11.1.22", CLASS_ETSI, 0x76, P1_IS(0x01), CASE_3, 8, 8, TARGET_NONE, ACCESS_FREE,
     ROW_SECRET_DATA | ROW_P2_00 | ROW_CARD, command_resume},
    {"RETRIEVE DATA", "TS 102 221 11.3.1", CLASS_ETSI, 0xCB, P1_IS(0), CASE_2_OR_4, 0, 3, TARGET_EF_SFI_P2_LOW, ACCESS_READ,
     ROW_REMOTE, command_retrieve_data},
    {"SET DATA", "TS 102 221 11.3.2", CLASS_ETSI, 0xDB, P1_IS(0), CASE_3, 1, 255, TARGET_EF_SFI_P2_LOW, ACCESS_UPDATE, ROW_REMOTE,
     command_set_data},
    {"CREATE FILE", "TS 102 222 6.3", CLASS_ISO, 0xE0, P1_IS(0), CASE_3, 1, 255, TARGET_CURRENT_DF, ACCESS_CREATE, ROW_REMOTE | ROW_P2_00,
     command_create_file},
    {"DELETE FILE", "TS 102 222 6.4", CLASS_ISO, 0xE4, P1_IS(0), CASE_3, 0, 2, TARGET_CHILD, ACCESS_DELETE, ROW_REMOTE | ROW_P2_00,
     command_delete_file},
    {"TERMINATE DF", "TS 102 222 6.7", CLASS_ISO, 0xE6, P1_IS(0), CASE_3, 0, 2, TARGET_NAMED_DF, ACCESS_TERMINATE, ROW_REMOTE | ROW_P2_00,
     command_terminate_df},
    {"TERMINATE EF", "TS 102 222 6.8", CLASS_ISO, 0xE8, P1_IS(0), CASE_3, 0, 2, TARGET_NAMED_EF, ACCESS_TERMINATE, ROW_REMOTE | ROW_P2_00,
     command_terminate_ef},
    {"TERMINATE CARD USAGE", "TS 102 222 6.9", CLASS_ISO, 0xFE, P1_IS(0), CASE_1, 0, 0, TARGET_MF, ACCESS_TERMINATE, ROW_P2_00,
     command_terminate_card},
    {"RESIZE FILE", "TS 102 222 6.10", CLASS_ETSI, 0xD4, P1_IS(0), CASE_3, 1, 255, TARGET_FCP_CHILD, ACCESS_BY_INS, ROW_REMOTE | ROW_P2_00,
     command_resize_file},
    {"TERMINAL PROFILE", "TS 102 221 11.2.1", CLASS_ETSI, 0x10, P1_IS(0), CASE_3, 1, 255, TARGET_NONE, ACCESS_FREE,
     ROW_P2_00 | ROW_CARD | ROW_BASIC, command_terminal_profile},
    {"ENVELOPE", "TS 102 221 11.2.2", CLASS_ETSI, 0xC2, P1_IS(0), CASE_4, 1, 255, TARGET_NONE, ACCESS_FREE, ROW_P2_00 | ROW_CARD | ROW_BASIC,
     command_envelope},
    {"FETCH", "TS 102 221 11.2.3", CLASS_ETSI, 0x12, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, ROW_P2_00 | ROW_CARD | ROW_BASIC,
     command_fetch},
    {"TERMINAL RESPONSE", "TS 102 221 11.2.4", CLASS_ETSI, 0x14, P1_IS(0), CASE_3, 1, 255, TARGET_NONE, ACCESS_FREE, ROW_P2_00 | ROW_CARD | ROW_BASIC,
     command_terminal_response},
    /* TS 102 221 7.3.1.1.5: terminals send it with the class of the command it belongs to. */
    {"GET RESPONSE", "TS 102 221 12.1.1", CLASS_ISO, 0xC0, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_KEEPS_RESPONSE | ROW_P2_00 | ROW_CARD, command_get_response},
    {"GET RESPONSE", "TS 102 221 12.1.1", CLASS_ETSI, 0xC0, P1_IS(0), CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE,
     ROW_REMOTE | ROW_KEEPS_RESPONSE | ROW_P2_00 | ROW_CARD, command_get_response},
};

const struct command_table kernel_commands = {rows, sizeof rows / sizeof rows[0]};

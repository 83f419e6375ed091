/* SPDX-License-Identifier: Apache-2.0
 *
 * The command table and the one function that runs it. Commands are rows of data; before a handler runs,
 * dispatch has checked the class, the instruction, P1 where the row fixes it, the ISO case and the lengths,
 * and has had the gate resolve the file the command works on and check its access rule. A handler cannot
 * forget a check it does not make.
 */
#ifndef APDU_DISPATCH_H
#define APDU_DISPATCH_H

#include "command.h"

enum apdu_case {
    CASE_1 = 1,
    CASE_2,
    CASE_3,
    CASE_4,
    CASE_2_OR_4, /* with data case 4, without case 2: RETRIEVE DATA (ETSI TS 102 221 11.3.1) */
};

/* Which file a command works on; the gate finds it. */
enum target {
    TARGET_NONE,
    TARGET_EF_SFI_P1,  /* SFI in P1 when its bit 8 is set, else the current EF (READ BINARY and kin) */
    /* SFI in P2 bits 8-4 unless they are 00000, else the current EF (READ RECORD and kin) */
    TARGET_EF_SFI_P2,
    /* SFI in P2 bits 5-1 unless they are 00000, else the current EF (RETRIEVE DATA, SET DATA) */
    TARGET_EF_SFI_P2_LOW,
    TARGET_CURRENT_EF,
    TARGET_CURRENT_DF,
    TARGET_NAMED_EF,   /* the current EF, or the file in the current DF whose FID is the data: TERMINATE EF */
    TARGET_NAMED_DF,   /* likewise the current DF: TERMINATE DF */
    /* the file that FID or path in the data name (P1: 00, 08, 09), else the current one: ACTIVATE FILE */
    TARGET_NAMED,
    TARGET_CHILD,      /* the file in the current DF whose FID is the data: DELETE FILE */
    TARGET_FCP_CHILD,  /* likewise, the FID being tag 83 of an FCP template in the data: RESIZE FILE */
    TARGET_MF,
};

/* What right on the target, or of the session, a command needs. */
enum access {
    ACCESS_FREE,            /* no condition: SELECT, STATUS, FETCH, ... */
    ACCESS_READ,            /* of the target EF: READ, SEARCH, RETRIEVE */
    ACCESS_UPDATE,          /* of the target EF */
    ACCESS_ACTIVATE,
    ACCESS_DEACTIVATE,
    ACCESS_TERMINATE,
    ACCESS_DELETE,          /* the file's own rule for deletion, or that of its DF for deletion of a child */
    ACCESS_CREATE,          /* of the current DF: creation of a DF or of an EF, as the FCP in the data says */
    /* of the target: the rule for this instruction (AM_DO 84): INCREASE, RESIZE FILE */
    ACCESS_BY_INS,
    ACCESS_APPLICATION_PIN, /* the application's PIN, when enabled: AUTHENTICATE (TS 31.102 7.1.1.1) */
    ACCESS_REMOTE_CHANGE,   /* an OTA session whose keyset may order a change of subscription */
    ACCESS_REMOTE_KEYS,     /* an OTA session whose keyset may replace keys */
    ACCESS_OPERATOR,        /* any authenticated OTA session; else ADM1 */
    ACCESS_ADMIN,           /* ADM1, or an OTA session of the card's owner */
    /* secure messaging of the security domain, or an OTA session whose keyset may manage applets */
    ACCESS_DOMAIN,
    ACCESS_DOMAIN_OR_ADMIN, /* likewise, or ADM1 */
};

enum {
    ROW_REMOTE = 1 << 0,    /* allowed inside a remote file management script (TS 102 226 table 8.2) */
    ROW_KEEPS_RESPONSE = 1 << 2, /* does not drop the response that waits for GET RESPONSE */
    ROW_SECRET_DATA = 1 << 3,    /* its data field is a PIN or key: withheld from traces */
    ROW_SECRET_RESPONSE = 1 << 4,
    ROW_TERMINATED = 1 << 5,     /* works on a card whose usage is terminated (ETSI TS 102 222 6.9) */
    /* has effects that it must not have twice (STATUS is a poll): after 6Cxx its response
     * waits for the command repeated */
    ROW_ONCE = 1 << 12,
    ROW_CARD = 1 << 7,           /* the card's, even on a channel whose applet takes commands of any INS */
    ROW_P2_00 = 1 << 6,          /* P2 has one value: 00 */
    /* stands for commands of any instruction, of an applet that takes them all */
    ROW_ANY_INS = 1 << 9,
    /* on the basic logical channel only: CLA 80 (TS 102 221 table 10.5, the toolkit's commands) */
    ROW_BASIC = 1 << 8,
};

struct call; /* one running command; defined by whoever dispatches */

typedef sw_t (*command_handler)(struct call *call);

struct command_row {
    const char *name;      /* the standard's word: "READ BINARY" */
    const char *clause;    /* where it is specified */
    enum apdu_class klass;
    uint8_t ins;
    uint8_t p1, p1_mask;   /* the row applies when (P1 & p1_mask) == p1; mask 0: any P1 */
    enum apdu_case iso_case;
    uint16_t lc_min, lc_max;
    enum target target;
    enum access access;
    uint32_t flags;
    command_handler handler;
};

struct command_table {
    const struct command_row *rows;
    size_t n;
};

struct gate {
    /* Resolves row->target and checks row->access for this call. SW_OK lets the handler run. */
    sw_t (*admit)(struct call *call, const struct command_row *row);
};

/* The row for this command in the first table that has one. SW_OK and *row; else SW_CLA_NOT_SUPPORTED
 * when no row has the class, SW_INS_NOT_SUPPORTED when none of the class has the instruction,
 * SW_WRONG_P1P2 when only P1 is wrong. */
sw_t dispatch_find(const struct command_table *const *tables, size_t n_tables, const struct command *cmd,
                   const struct command_row **row);

/* Checks channel (ROW_BASIC), P2 (ROW_P2_00), case and lengths of cmd against row, and normalises cmd: after
 * SW_OK, a case 1 or 3 command has no Le, a case 2 command has one, and five octets with P3 = 00 have been
 * understood as the row's case wants them. */
sw_t dispatch_fit(const struct command_row *row, struct command *cmd);

/* fit, admit, handler. */
sw_t dispatch_run(const struct command_row *row, struct command *cmd, const struct gate *gate,
                  struct call *call);

#endif

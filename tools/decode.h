/* SPDX-License-Identifier: Apache-2.0
 *
 * What the common files contain, for people and as JSON: a table of decoders by directory and FID. Pure
 * functions of the content; any content is safe. Keys never come out: files that have some are marked, and of
 * them it is said only whether there is one.
 */
#ifndef TOOLS_DECODE_H
#define TOOLS_DECODE_H

#include "decode_out.h"
#include "profile.h"

/* The directories whose files are known. */
enum decode_place {
    PLACE_UNKNOWN,
    PLACE_MF,
    PLACE_USIM,
    PLACE_ISIM,
    PLACE_TELECOM,
    PLACE_GSM,
    PLACE_PHONEBOOK,
    PLACE_GSM_ACCESS,
    PLACE_5GS,
    PLACE_SAIP,
    PLACE_WLAN,
};

/* Of a directory's row; `aid` is that of its applet when it is an ADF; above: where its parent is. */
enum decode_place decode_place(const struct profile_file *dir, struct span aid, enum decode_place above);

enum decode_result {
    DECODED,
    DECODE_EMPTY,   /* nothing in it yet: all FF, or a free record */
    DECODE_BAD,     /* not what the clause says it should be */
    DECODE_UNKNOWN, /* no decoder for this file, or there is no room for what it says */
};

/* Room that the descriptions of files of usual length need. */
enum { DECODE_ROOM = 16384 };

/* A transparent EF's body, or one record. `to` gets a line, or with json an object; "" unless DECODED. */
enum decode_result decode(enum decode_place place, uint16_t fid, struct span content, bool json, char *to,
                          size_t room);

/* The file has keys or such in it: its octets are not to be shown. */
bool decode_secret(enum decode_place place, uint16_t fid);

/* Where the table has it from: "TS 31.102 4.2.2"; NULL when it is not there. */
const char *decode_clause(enum decode_place place, uint16_t fid);

/* ---- access rules (decode_rule.c; ETSI TS 102 221 9.2.4) ---- */

/* A record of EF.ARR, or an expanded rule of an FCP: who may do what. */
bool decode_rule(struct span rule, struct out *out);

/* The condition for one access mode bit, or with `ins` for that instruction, "PIN1 or ADM1"; "" when the rule
 * is malformed; "never", and false, when no rule speaks of it. */
bool decode_condition(struct span rule, uint8_t mode, uint8_t ins, char *to, size_t room);

/* "PIN1", "ADM1", ...; "" for a key reference without a name of its own (TS 102 221 9.5.1). */
const char *decode_key_reference(uint8_t reference);

/* ---- service tables (decode_services.c) ---- */

/* The name of service n, from 1; NULL when it has none. */
const char *decode_ust_service(unsigned n); /* TS 31.102 4.2.8 */
const char *decode_est_service(unsigned n); /* TS 31.102 4.2.47 */
const char *decode_ist_service(unsigned n); /* TS 31.103 4.2.7 */
const char *decode_sst_service(unsigned n); /* TS 51.011 10.3.7 */

#endif

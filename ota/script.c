/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

enum { COMMAND_HEADER = 5, COMMAND_OUT_MAX = 512, EXECUTED_MAX = 255 };

/* The next command of a compact script: its header has P3 always; command data follow where its case has them (TS 102 226 5.2.1.1). */
static bool next_command(struct uicc *card, const struct session *session, struct reader *r, struct span *apdu)
{
    const uint8_t *start = r->p;
    struct span header = rd_take(r, COMMAND_HEADER);
    if (!rd_ok(r))
        return false;
    enum apdu_case iso_case = session_case(card, session, header);
    size_t n = COMMAND_HEADER;
    if (iso_case == CASE_3 || iso_case == CASE_4) {
        (void)rd_take(r, header.p[4]);
        n += header.p[4];
    }
    *apdu = span_of(start, n);
    return rd_ok(r);
}

void script_run_compact(struct uicc *card, struct session *session, struct span script, struct buf *out)
{
    struct script_response waiting = {.n = 0};
    uint8_t data[COMMAND_OUT_MAX];
    struct buf last = buf_of(data, sizeof data);
    struct reader r = rd_of(script);
    unsigned executed = 0;
    sw_t sw = SW_OK;
    while (r.left > 0 && executed < EXECUTED_MAX && (sw_is_ok(sw) || sw_is_warning(sw))) {
        struct span apdu;
        last.len = 0;
        executed++;
        if (!next_command(card, session, &r, &apdu)) {
            sw = SW_WRONG_LENGTH; /* cut short: the rest cannot be told apart */
            break;
        }
        sw = session_execute_remote(card, session, apdu, &waiting, &last);
    }
    buf_u8(out, (uint8_t)executed);
    buf_u16(out, sw);
    buf_put(out, buf_span(&last));
    crypto_wipe(&waiting, sizeof waiting);
    crypto_wipe(data, sizeof data);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * REFRESH in all its modes: ETSI TS 102 223 6.4.7, 8.6; 3GPP TS 31.111 6.4.7.
 */
#include "modem_inner.h"
#include "tlv.h"

enum {
    MODE_INIT_AND_FULL_CHANGE = 0x00,
    MODE_FILE_CHANGE = 0x01,
    MODE_INIT_AND_FILE_CHANGE = 0x02,
    MODE_INIT = 0x03,
    MODE_UICC_RESET = 0x04,
    MODE_APPLICATION_RESET = 0x05,
    MODE_SESSION_RESET = 0x06,
    MODE_STEERING = 0x07,
    OBJECT_PLMN_LIST = 0x72, /* PLMNwAcT list, TS 31.111 8.90 */
    RESULT_MORE_READ = 0x03,
    PLMN_ROW = 5,
};

static void tell(struct modem *m, uint8_t mode, struct span files)
{
    struct modem_note n;
    note_begin(&n, m, "refresh");
    note_number(&n, "mode", mode);
    if (files.n > 0)
        note_hex(&n, "files", files);
    note_end(&n);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].refresh != NULL)
            m->users[i].refresh(m->users[i].ctx, mode, files);
}

/* The card may be somebody else's now. */
static void look_at_identity(struct modem *m)
{
    if (m->sim != MODEM_SIM_READY || strcmp(m->imsi, m->reg.imsi) == 0)
        return;
    m->reg.refused = false;
    m->reg.told = false;
    register_leave(m);
    if (m->function == MODEM_FULL)
        register_begin(m, 0);
}

static bool read_again(struct modem *m)
{
    sw_t sw;
    return init_read(m) &&
           (m->gsm || card_send(m, 0x80, 0xF2, 0x01, 0x0C, SPAN_EMPTY, CARD_NO_LE, NULL, &sw));
}

/* The application ends and begins again; PIN1 is wanted again if it is enabled (TS 102 221 14.7). */
static bool application_again(struct modem *m)
{
    uint8_t octets[256];
    struct buf fcp = buf_of(octets, sizeof octets);
    bool ready = false;
    sw_t sw;
    init_end_session(m);
    if (!m->powered || !card_select_usim(m, &fcp, &sw) || !pin_read_state(m, buf_span(&fcp)))
        return false;
    /* A PIN that was verified stays so: TS 102 221 9.3 */
    if (modem_pin_tries(m, MODEM_PIN1) > 0 && m->pin_enabled && m->sim != MODEM_SIM_READY &&
        !pin_first(m, &ready))
        return false;
    if (!m->powered || !read_again(m))
        return false;
    init_restart_polling(m); /* ended with the session; the interval stays the card's (TS 102 223 6.4.6) */
    return true;
}

/* No TERMINAL RESPONSE: the reset is the answer. */
static void uicc_reset(struct modem *m)
{
    const struct span whole = span_of(m->stk.command.octets, m->stk.command.n);
    const bool full = m->function == MODEM_FULL;
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].stk_done != NULL)
            m->users[i].stk_done(m->users[i].ctx, whole, SPAN_EMPTY);
    register_leave(m);
    init_end_session(m);
    if (!m->powered) /* lost in the middle of it */
        return;
    modem_dark(m);
    m->sim = MODEM_SIM_OFF;
    const enum modem_sim state = init_power_up(m);
    modem_tell_sim(m, state);
    tell(m, MODE_UICC_RESET, SPAN_EMPTY);
    if (m->powered && state == MODEM_SIM_READY && full)
        register_begin(m, 0);
}

/* TS 31.111 6.4.7.2: the operator's list, as the terminal has it, gets these networks first; the card's file
 * stays as it is. */
static bool steer(struct modem *m)
{
    struct span list;
    if (!ctlv_find(m->stk.command.is.rest, OBJECT_PLMN_LIST, 0, &list))
        return false;
    struct reader r = rd_of(list);
    memset(m->plmn_lists[1], 0, sizeof m->plmn_lists[1]);
    for (size_t n = 0; r.left >= PLMN_ROW && n < MODEM_LIST_MAX;) {
        const struct span row = span_slice(rd_take(&r, PLMN_ROW), 0, 3);
        n += plmn_unpack(row, m->plmn_lists[1][n]);
    }
    if (m->reg.state == MODEM_ROAMING && m->function == MODEM_FULL) {
        register_leave(m);
        register_begin(m, 0);
    }
    return true;
}

void stk_refresh(struct modem *m)
{
    struct span files = SPAN_EMPTY;
    uint8_t copy[255];
    const uint8_t mode = m->stk.command.is.details.qualifier;
    uint8_t result = CAT_RESULT_OK;
    if (ctlv_find(m->stk.command.is.rest, CAT_TAG_FILE_LIST, 0, &files) && files.n <= sizeof copy) {
        memcpy(copy, files.p, files.n);
        files = span_of(copy, files.n);
    }
    switch (mode) {
    case MODE_UICC_RESET:
        uicc_reset(m);
        return;
    case MODE_FILE_CHANGE:
        if (files.n == 0) {
            stk_done(m, CAT_RESULT_VALUES_MISSING);
            return;
        }
        if (!init_read(m))
            return;
        result = RESULT_MORE_READ; /* all that is kept of files was read again, named or not */
        break;
    case MODE_INIT_AND_FULL_CHANGE:
    case MODE_INIT_AND_FILE_CHANGE:
    case MODE_INIT:
        if (!read_again(m))
            return;
        break;
    case MODE_APPLICATION_RESET:
    case MODE_SESSION_RESET:
        register_leave(m); /* the network is left first (TS 31.111 6.4.7.1) */
        m->reg.imsi[0] = '\0';
        if (!application_again(m))
            return;
        break;
    case MODE_STEERING:
        result = steer(m) ? CAT_RESULT_OK : CAT_RESULT_VALUES_MISSING;
        break;
    default:
        result = CAT_RESULT_BEYOND_TERMINAL;
        break;
    }
    stk_done(m, result);
    if (!m->powered)
        return;
    tell(m, mode, files);
    if (mode != MODE_STEERING && mode <= MODE_SESSION_RESET)
        look_at_identity(m);
}

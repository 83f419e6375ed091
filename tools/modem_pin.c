/* SPDX-License-Identifier: Apache-2.0
 *
 * PINs: ETSI TS 102 221 9.5 and 11.1.9 to 11.1.13; CHVs, 3GPP TS 51.011 9.2.9 to 9.2.13, have the same
 * instructions in class A0.
 */
#include "crypto.h"
#include "modem_inner.h"
#include "tlv.h"

enum {
    INS_VERIFY = 0x20,
    INS_CHANGE = 0x24,
    INS_DISABLE = 0x26,
    INS_ENABLE = 0x28,
    INS_UNBLOCK = 0x2C,
    REFERENCE_PIN2 = 0x81,
    PIN_OCTETS = 8,
};

/* P2. In class A0, CHV1 is 00 for UNBLOCK and 01 else. */
static uint8_t reference(const struct modem *m, enum modem_pin which, uint8_t ins)
{
    const bool second = which == MODEM_PIN2 || which == MODEM_PUK2;
    if (m->gsm)
        return second ? 0x02 : ins == INS_UNBLOCK ? 0x00 : 0x01;
    return second ? REFERENCE_PIN2 : m->pin_reference;
}

static bool put_pin(struct buf *b, const char *pin)
{
    const size_t n = strlen(pin);
    if (n < 4 || n > PIN_OCTETS || strspn(pin, "0123456789") != n)
        return false;
    buf_put(b, span_of(pin, n));
    buf_fill(b, 0xFF, PIN_OCTETS - n);
    return true;
}

/* TS 51.011 9.4.5: 9804 says that there is an attempt left, and not how many. The directory does. */
static sw_t tries_left(struct modem *m, uint8_t ins, enum modem_pin which)
{
    const bool second = which == MODEM_PIN2 || which == MODEM_PUK2;
    const int tries = modem_pin_tries(m, ins == INS_UNBLOCK ? (second ? MODEM_PUK2 : MODEM_PUK1)
                                         : second           ? MODEM_PIN2
                                                            : MODEM_PIN1);
    if (!m->powered)
        return 0;
    return SW_WITH(SW_TRIES_LEFT, tries > 0 ? (unsigned)tries : 1u);
}

/* The words of class A0 (TS 51.011 9.4.5) in those of the UICC. */
static sw_t common(struct modem *m, uint8_t ins, enum modem_pin which, sw_t sw)
{
    switch (sw) {
    case SW_GSM_ACCESS:
        return tries_left(m, ins, which);
    case SW_GSM_CHV_BLOCKED:
        return SW_BLOCKED;
    case SW_GSM_CHV_STATUS:
        return SW_REFERENCED_DATA_INVALIDATED;
    default:
        return sw;
    }
}

static sw_t pin_command(struct modem *m, uint8_t ins, enum modem_pin which, const char *first,
                        const char *second)
{
    uint8_t octets[2 * PIN_OCTETS];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw = 0;
    if (!m->powered)
        return 0;
    if (!put_pin(&b, first) || (second != NULL && !put_pin(&b, second)))
        return SW_WRONG_DATA;
    m->secret = true;
    if (!card_send(m, 0x00, ins, 0x00, reference(m, which, ins), buf_span(&b), CARD_NO_LE, NULL, &sw))
        sw = 0;
    m->secret = false;
    crypto_wipe(octets, sizeof octets);
    return common(m, ins, which, sw);
}

/* The PIN status of the USIM's FCP (TS 102 221 9.5.2, 11.1.1.4.10): tag C6; a bit for each key reference,
 * from bit 8 on, says that it is enabled. The first reference 01 to 08, or 11 (universal PIN), is what PIN1
 * goes by. */
static void read_template(struct modem *m, struct span fcp)
{
    struct span body, status;
    struct tlv t;
    uint8_t enabled = 0;
    unsigned nth = 0;
    m->pin_reference = 0x01;
    m->pin_enabled = false;
    if (!tlv_find(fcp, 0x62, &body) || !tlv_find(body, 0xC6, &status))
        return;
    struct reader r = rd_of(status);
    while (tlv_next(&r, &t) && nth < 8) { /* bits of that octet */
        if (t.tag == 0x90 && t.value.n > 0)
            enabled = t.value.p[0];
        if (t.tag != 0x83 || t.value.n != 1)
            continue;
        const uint8_t key = t.value.p[0];
        if ((key >= 0x01 && key <= 0x08) || key == 0x11) {
            m->pin_reference = key;
            m->pin_enabled = (enabled << nth & 0x80) != 0;
            if (m->pin_enabled)
                return;
        }
        nth++;
    }
}

/* TS 51.011 9.2.1: of DF.GSM, octet 14 bit 8 set: CHV1 is disabled; octet 19: tries of CHV1; 20: of its
 * unblocking; 21, 22: CHV2. */
static bool gsm_status(struct modem *m, uint8_t octets[22])
{
    static const uint8_t gsm[] = {0x7F, 0x20};
    struct buf b = buf_of(octets, 22);
    sw_t sw;
    if (!card_send(m, 0xA0, 0xA4, 0, 0, span_of(gsm, sizeof gsm), 0, NULL, &sw) ||
        !card_send(m, 0xA0, 0xF2, 0, 0, SPAN_EMPTY, 22, &b, &sw))
        return false;
    if (b.len < 22)
        memset(octets, 0, 22);
    return true;
}

bool pin_read_state(struct modem *m, struct span fcp)
{
    uint8_t octets[22];
    if (!m->gsm) {
        read_template(m, fcp);
        return true;
    }
    if (!gsm_status(m, octets))
        return false;
    m->pin_enabled = (octets[13] & 0x80) == 0;
    return true;
}

bool modem_pin_locked(const struct modem *m)
{
    return m->pin_enabled;
}

int modem_pin_tries(struct modem *m, enum modem_pin which)
{
    const bool unblock = which == MODEM_PUK1 || which == MODEM_PUK2;
    sw_t sw = 0;
    if (!m->powered)
        return -1;
    if (m->gsm) {
        static const uint8_t at[] = {
            [MODEM_PIN1] = 18, [MODEM_PUK1] = 19, [MODEM_PIN2] = 20, [MODEM_PUK2] = 21};
        uint8_t octets[22];
        return gsm_status(m, octets) ? octets[at[which]] & 0x0F : -1;
    }
    const uint8_t ins = unblock ? INS_UNBLOCK : INS_VERIFY;
    if (!m->adf_selected && !card_select_usim(m, NULL, &sw)) /* PIN2 is the application's */
        return -1;
    /* TS 102 221 11.1.9: without data it only asks */
    if (!card_send(m, 0x00, ins, 0x00, reference(m, which, ins), SPAN_EMPTY, CARD_NO_LE, NULL, &sw))
        return -1;
    if ((sw & 0xFFF0) == SW_TRIES_LEFT)
        return sw & 0x0F;
    return sw == SW_BLOCKED ? 0 : -1;
}

/* What PIN1 stands at. *state is what the card is then; READY when nothing is wanted. */
static bool pin_wanted(struct modem *m, enum modem_sim *state)
{
    *state = MODEM_SIM_READY;
    const int tries = modem_pin_tries(m, MODEM_PIN1);
    if (!m->powered)
        return false;
    if (m->pin_enabled && tries != -1)
        *state = tries > 0                             ? MODEM_SIM_PIN
                 : modem_pin_tries(m, MODEM_PUK1) == 0 ? MODEM_SIM_BLOCKED
                                                       : MODEM_SIM_PUK;
    return m->powered;
}

bool pin_first(struct modem *m, bool *ready)
{
    enum modem_sim state;
    *ready = false;
    if (!pin_wanted(m, &state))
        return false;
    /* Not the last try: a wrong PIN in a start script must not block the card. */
    if (state == MODEM_SIM_PIN && m->pin[0] != '\0' && modem_pin_tries(m, MODEM_PIN1) > 1) {
        const sw_t sw = pin_command(m, INS_VERIFY, MODEM_PIN1, m->pin, NULL);
        if (sw == 0)
            return false;
        if (sw == SW_OK)
            state = MODEM_SIM_READY;
        else
            note_why(m, "PIN refused", "the PIN that was given is not the card's; it is not tried again");
        if (sw != SW_OK)
            crypto_wipe(m->pin, sizeof m->pin);
    }
    *ready = state == MODEM_SIM_READY;
    if (!*ready)
        modem_tell_sim(m, state);
    return m->powered;
}

/* After PIN1 was verified or unblocked. */
static void go_on(struct modem *m)
{
    if (m->sim != MODEM_SIM_PIN && m->sim != MODEM_SIM_PUK)
        return;
    const enum modem_sim state = init_go_on(m);
    modem_tell_sim(m, state);
    if (m->powered && state == MODEM_SIM_READY && m->function == MODEM_FULL)
        register_begin(m, 0);
}

/* A PIN that was refused once too often. */
static void look_again(struct modem *m, enum modem_pin which)
{
    enum modem_sim state;
    if (which == MODEM_PIN1 && (m->sim == MODEM_SIM_PIN || m->sim == MODEM_SIM_PUK) && pin_wanted(m, &state))
        modem_tell_sim(m, state);
}

sw_t modem_pin_enter(struct modem *m, enum modem_pin which, const char *pin)
{
    const sw_t sw = pin_command(m, INS_VERIFY, which, pin, NULL);
    if (sw == SW_OK && which == MODEM_PIN1)
        go_on(m);
    else
        look_again(m, which);
    return sw;
}

sw_t modem_pin_unblock(struct modem *m, enum modem_pin which, const char *puk, const char *pin)
{
    const sw_t sw = pin_command(m, INS_UNBLOCK, which, puk, pin);
    if (sw == SW_OK && which == MODEM_PIN1) {
        m->pin_enabled = true; /* TS 102 221 11.1.13: unblocking enables it */
        go_on(m);
    } else {
        look_again(m, which);
    }
    return sw;
}

sw_t modem_pin_change(struct modem *m, enum modem_pin which, const char *old, const char *pin)
{
    const sw_t sw = pin_command(m, INS_CHANGE, which, old, pin);
    look_again(m, which);
    return sw;
}

sw_t modem_pin_lock(struct modem *m, bool on, const char *pin)
{
    const sw_t sw = pin_command(m, on ? INS_ENABLE : INS_DISABLE, MODEM_PIN1, pin, NULL);
    if (sw == SW_OK)
        m->pin_enabled = on;
    else
        look_again(m, MODEM_PIN1);
    return sw;
}

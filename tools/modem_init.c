/* SPDX-License-Identifier: Apache-2.0
 *
 * From power-up to a card that is initialised, and back: ETSI TS 102 221 14.1 to 14.3, 3GPP TS 31.102 5.1.
 */
#include "crypto.h"
#include "decode_text.h"
#include "hex.h"
#include "modem_inner.h"
#include "tlv.h"

enum {
    EF_DIR = 0x2F00,
    EF_ICCID = 0x2FE2,
    EF_PL = 0x2F05,
    EF_UMPC = 0x2F08,
    EF_LI = 0x6F05,
    EF_IMSI = 0x6F07,
    EF_PLMNwAcT = 0x6F60,
    EF_HPPLMN = 0x6F31,
    EF_UST = 0x6F38,
    EF_MSISDN = 0x6F40,
    EF_SPN = 0x6F46,
    EF_EST = 0x6F56,
    EF_OPLMNwAcT = 0x6F61,
    EF_HPLMNwAcT = 0x6F62,
    EF_ACC = 0x6F78,
    EF_FPLMN = 0x6F7B,
    EF_LOCI = 0x6F7E,
    EF_PSLOCI = 0x6F73,
    EF_AD = 0x6FAD,
    EF_ECC = 0x6FB7,
    EF_EHPLMN = 0x6FD9,
    EF_EPSLOCI = 0x6FE3,
    EF_SIM_PLMNsel = 0x6F30,
    EF_SIM_SST = 0x6F38,
    DIR_RECORDS_MAX = 16,
    PLMN_ROW = 5, /* PLMN and access technology */
};

/* ---- networks by number ---- */

bool plmn_unpack(struct span three, char plmn[7])
{
    char text[8];
    plmn[0] = '\0';
    if (!text_plmn(three, text) || strchr(text, '?') != NULL)
        return false;
    memcpy(plmn, text, 3); /* "001/01" */
    memcpy(plmn + 3, text + 4, strlen(text + 4) + 1);
    return true;
}

void plmn_pack(const char *plmn, uint8_t octets[3])
{
    uint8_t nibbles[6] = {0x0F, 0x0F, 0x0F, 0x0F, 0x0F, 0x0F};
    for (size_t i = 0; i < 6 && plmn[i] != '\0'; i++)
        nibbles[i] = (uint8_t)(plmn[i] - '0') & 0x0F;
    octets[0] = (uint8_t)(nibbles[1] << 4 | nibbles[0]);
    octets[1] = (uint8_t)(nibbles[5] << 4 | nibbles[2]);
    octets[2] = (uint8_t)(nibbles[4] << 4 | nibbles[3]);
}

static void read_plmns(struct span list, size_t row, char to[MODEM_LIST_MAX][7], size_t *n)
{
    struct reader r = rd_of(list);
    while (r.left >= row && *n < MODEM_LIST_MAX) {
        const struct span entry = span_slice(rd_take(&r, row), 0, 3);
        if (plmn_unpack(entry, to[*n]))
            (*n)++;
    }
}

/* ---- UICC level ---- */

static void read_dir_record(struct modem *m, struct span record)
{
    struct span template, aid, label;
    if (!tlv_find(record, 0x61, &template) || !tlv_find(template, 0x4F, &aid) || aid.n == 0 ||
        aid.n > MODEM_AID_MAX || m->n_apps == MODEM_APPS_MAX)
        return;
    struct modem_app *app = &m->apps[m->n_apps++];
    *app = (struct modem_app){.aid_len = (uint8_t)aid.n};
    memcpy(app->aid, aid.p, aid.n);
    if (tlv_find(template, 0x50, &label))
        memcpy(app->label, label.p, label.n < sizeof app->label ? label.n : sizeof app->label - 1);
}

static bool read_dir(struct modem *m, sw_t *sw)
{
    struct modem_file file;
    m->n_apps = 0;
    m->dir_len = 0;
    m->aid_len = 0;
    if (!card_select(m, DIR_MF, EF_DIR, &file, sw))
        return false;
    for (unsigned i = 1; *sw == SW_OK && i <= file.records && i <= DIR_RECORDS_MAX; i++) {
        uint8_t octets[255];
        struct buf record = buf_of(octets, sizeof octets), dir = {m->dir, sizeof m->dir, m->dir_len, false};
        if (!card_send(m, 0x00, 0xB2, (uint8_t)i, 0x04, SPAN_EMPTY, file.record_len, &record, sw))
            return false;
        if (*sw != SW_OK)
            break;
        read_dir_record(m, buf_span(&record));
        buf_put(&dir, buf_span(&record));
        m->dir_len = buf_ok(&dir) ? dir.len : m->dir_len;
    }
    static const uint8_t usim[] = {0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    for (unsigned i = 0; i < m->n_apps && m->aid_len == 0; i++)
        if (span_starts(span_of(m->apps[i].aid, m->apps[i].aid_len), span_of(usim, sizeof usim))) {
            memcpy(m->aid, m->apps[i].aid, m->apps[i].aid_len);
            m->aid_len = m->apps[i].aid_len;
        }
    return true;
}

/* TS 102 221 11.1.19: only a card whose MF says so is told (tag A5, in it 87, bit 1). */
static bool tell_capability(struct modem *m, struct span fcp, sw_t *sw)
{
    struct span body, proprietary, supported;
    *sw = SW_OK;
    if (!tlv_find(fcp, 0x62, &body) || !tlv_find(body, 0xA5, &proprietary) ||
        !tlv_find(proprietary, 0x87, &supported) || supported.n < 1 || (supported.p[0] & 1) == 0)
        return true;
    return card_send(m, 0x80, 0xAA, 0x00, 0x00, span_of(m->capability, m->capability_len), CARD_NO_LE, NULL,
                     sw);
}

static bool read_iccid(struct modem *m, sw_t *sw)
{
    uint8_t octets[10];
    struct buf b = buf_of(octets, sizeof octets);
    if (!card_read(m, DIR_MF, EF_ICCID, &b, sw))
        return false;
    m->iccid[0] = '\0';
    if (*sw == SW_OK && b.len == sizeof octets && !bcd_unpack(buf_span(&b), m->iccid))
        m->iccid[0] = '\0';
    return true;
}

/* TS 102 221 14.1, 14.2: MF, preferred languages, ICCID, power, applications. *usable: there is one for us.
 */
static bool init_uicc(struct modem *m, bool *usable)
{
    static const uint8_t mf[] = {0x3F, 0x00};
    uint8_t octets[256];
    struct buf fcp = buf_of(octets, sizeof octets);
    sw_t sw;
    if (!card_send(m, 0x00, 0xA4, 0x00, 0x04, span_of(mf, 2), 0, &fcp, &sw))
        return false;
    m->gsm = sw == SW_CLA_NOT_SUPPORTED || sw == SW_INS_NOT_SUPPORTED; /* TS 102 221 14.? : no UICC, a SIM */
    if (!m->gsm) {
        if (!tell_capability(m, buf_span(&fcp), &sw))
            return false;
        fcp.len = 0;
        if (!card_read(m, DIR_MF, EF_UMPC, &fcp, &sw))
            return false;
        fcp.len = 0;
        if (!card_read(m, DIR_MF, EF_PL, &fcp, &sw))
            return false;
        if (sw == SW_OK && fcp.len >= 2)
            memcpy(m->language, octets, 2);
    }
    if (!read_iccid(m, &sw) || (!m->gsm && !read_dir(m, &sw)))
        return false;
    if (!m->gsm && m->aid_len == 0) /* TS 31.102 5.1.1: without a USIM, what has DF.GSM is a SIM */
        m->gsm = true;
    *usable = true;
    if (m->gsm) {
        struct modem_file file;
        if (!card_select(m, DIR_ADF, EF_IMSI, &file, &sw))
            return false;
        *usable = sw == SW_OK;
        if (*usable)
            note_why(m, "class A0", "the card has no USIM: it is taken for a SIM");
    }
    return true;
}

/* ---- application level ---- */

/* A file that may be absent or unreadable. */
static bool take(struct modem *m, enum modem_dir dir, uint16_t fid, uint8_t *to, size_t room, size_t *n)
{
    struct buf b = buf_of(to, room);
    sw_t sw;
    *n = 0;
    if (!card_read(m, dir, fid, &b, &sw))
        return false;
    if (sw == SW_OK && buf_ok(&b))
        *n = b.len;
    return true;
}

static bool read_msisdn(struct modem *m)
{
    uint8_t octets[255];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    m->msisdn[0] = '\0';
    if (!card_read_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_MSISDN, 1, &b, &sw))
        return false;
    if (sw != SW_OK || b.len < 14)
        return true;
    /* TS 31.102 4.2.26: alpha identifier, length, type of number, ten octets of digits, and two more */
    const struct span number = span_slice(buf_span(&b), b.len - 14, 12);
    if (number.p[0] >= 2 && number.p[0] <= 11)
        text_number(number.p[1], span_slice(number, 2, number.p[0] - 1u), m->msisdn, sizeof m->msisdn);
    return true;
}

static bool read_lists(struct modem *m)
{
    static const uint16_t with_act[3][2] = {
        {EF_EHPLMN, 3}, {EF_OPLMNwAcT, PLMN_ROW}, {EF_PLMNwAcT, PLMN_ROW}};
    uint8_t octets[MODEM_FILE_MAX];
    size_t n;
    memset(m->plmn_lists, 0, sizeof m->plmn_lists);
    memset(m->forbidden, 0, sizeof m->forbidden);
    for (size_t i = 0; i < 3; i++) {
        size_t at = 0;
        if (!take(m, DIR_ADF, with_act[i][0], octets, sizeof octets, &n))
            return false;
        read_plmns(span_of(octets, n), with_act[i][1], m->plmn_lists[i], &at);
        if (i == 0) { /* EF.HPLMNwAcT adds to the home networks */
            if (!take(m, DIR_ADF, EF_HPLMNwAcT, octets, sizeof octets, &n))
                return false;
            read_plmns(span_of(octets, n), PLMN_ROW, m->plmn_lists[0], &at);
        }
    }
    size_t at = 0;
    if (m->gsm) {
        if (!take(m, DIR_ADF, EF_SIM_PLMNsel, octets, sizeof octets, &n))
            return false;
        read_plmns(span_of(octets, n), 3, m->plmn_lists[2], &at);
    }
    at = 0;
    if (!take(m, DIR_ADF, EF_FPLMN, octets, sizeof octets, &n))
        return false;
    read_plmns(span_of(octets, n), 3, m->forbidden, &at);
    return true;
}

/* TS 31.102 4.2.6, TS 23.122 4.4.3.3.1: so many times six minutes, up to eight hours; all else is the
 * default, an hour. */
static unsigned search_minutes(struct span hpplmn)
{
    enum { UNIT = 6, LONGEST = 0x50, USUAL = 60 };
    return hpplmn.n > 0 && hpplmn.p[0] <= LONGEST ? UNIT * hpplmn.p[0] : USUAL;
}

bool init_read(struct modem *m)
{
    static const uint16_t looked_at[] = {EF_LOCI, EF_PSLOCI, EF_EPSLOCI};
    uint8_t octets[MODEM_FILE_MAX];
    size_t n;
    if (!take(m, DIR_ADF, EF_LI, octets, sizeof octets, &n))
        return false;
    if (n >= 2 && octets[0] != 0xFF)
        memcpy(m->language, octets, 2);
    if (!take(m, DIR_ADF, EF_IMSI, octets, sizeof octets, &n))
        return false;
    if (!imsi_unpack(span_of(octets, n), m->imsi))
        m->imsi[0] = '\0';
    if (!take(m, DIR_ADF, EF_AD, octets, sizeof octets, &n))
        return false;
    const unsigned length = n >= 4 ? octets[3] & 0x0F : 0; /* TS 31.102 4.2.18: b4-b1, the others are RFU */
    m->mnc_length_known = length == 2 || length == 3;
    m->mnc_digits = m->mnc_length_known ? length : 2;
    if (!take(m, DIR_ADF, m->gsm ? EF_SIM_SST : EF_UST, octets, sizeof octets, &n))
        return false;
    m->ust_len = m->gsm ? 0 : n < sizeof m->ust ? n : sizeof m->ust; /* a SIM's table is another one */
    memcpy(m->ust, octets, m->ust_len);
    if (modem_service(m, 34) && !take(m, DIR_ADF, EF_EST, octets, sizeof octets, &n))
        return false;
    if (!take(m, DIR_ADF, EF_SPN, octets, sizeof octets, &n))
        return false;
    text_alpha(span_slice(span_of(octets, n), 1, n), m->spn, sizeof m->spn); /* after the display condition */
    if (!take(m, DIR_ADF, EF_ACC, octets, sizeof octets, &n) ||
        !take(m, DIR_ADF, EF_HPPLMN, octets, sizeof octets, &n))
        return false;
    const unsigned minutes = search_minutes(span_of(octets, n));
    if (m->search_minutes != minutes) { /* read again, and other than it was: the clock of it runs anew */
        m->search_minutes = minutes;
        register_look_later(m);
    }
    for (size_t i = 0; i < sizeof looked_at / sizeof looked_at[0]; i++)
        if (!take(m, DIR_ADF, looked_at[i], octets, sizeof octets, &n))
            return false;
    return read_lists(m) && read_msisdn(m);
}

static void note_card(struct modem *m)
{
    struct modem_note n;
    note_begin(&n, m, "card");
    note_text(&n, "iccid", m->iccid);
    note_text(&n, "imsi", m->imsi);
    note_text(&n, "spn", m->spn);
    note_text(&n, "application", m->gsm ? "SIM" : "USIM");
    note_end(&n);
}

enum modem_sim init_go_on(struct modem *m)
{
    sw_t sw = SW_OK;
    if (!init_read(m))
        return MODEM_SIM_ABSENT;
    note_card(m);
    /* TS 31.111 5.1; then TS 31.102 5.1.1.2: the application is initialised */
    if (!stk_send_profile(m) ||
        (!m->gsm && !card_send(m, 0x80, 0xF2, 0x01, 0x0C, SPAN_EMPTY, CARD_NO_LE, NULL, &sw)))
        return MODEM_SIM_ABSENT;
    init_restart_polling(m);
    return m->imsi[0] != '\0' ? MODEM_SIM_READY : MODEM_SIM_FAILURE;
}

enum modem_sim init_power_up(struct modem *m)
{
    uint8_t octets[256];
    struct buf fcp = buf_of(octets, sizeof octets);
    bool usable = false, ready = false;
    sw_t sw = SW_OK;
    if (!card_reset(m))
        return MODEM_SIM_ABSENT;
    if (!init_uicc(m, &usable))
        return MODEM_SIM_ABSENT;
    if (!usable)
        return MODEM_SIM_FAILURE;
    if (!card_select_usim(m, &fcp, &sw))
        return MODEM_SIM_ABSENT;
    if (sw != SW_OK)
        return MODEM_SIM_FAILURE;
    if (!pin_read_state(m, buf_span(&fcp)) || !pin_first(m, &ready))
        return MODEM_SIM_ABSENT;
    return ready ? init_go_on(m) : m->sim == MODEM_SIM_OFF ? MODEM_SIM_PIN : m->sim;
}

/* ---- polling ---- */

static void poll_card(void *ctx)
{
    struct modem *m = ctx;
    sw_t sw;
    if (!m->powered)
        return;
    /* TS 102 221 14.6.2: any command will do to see that the card is there; STATUS also lets it say what it
     * wants */
    if (m->gsm) {
        uint8_t octets[64];
        struct buf b = buf_of(octets, sizeof octets);
        if (!card_send(m, 0xA0, 0xF2, 0, 0, SPAN_EMPTY, 22, &b, &sw))
            return;
    } else if (!card_send(m, 0x80, 0xF2, 0x00, 0x0C, SPAN_EMPTY, CARD_NO_LE, NULL, &sw)) {
        return;
    }
    init_restart_polling(m);
}

void init_restart_polling(struct modem *m)
{
    const uint32_t s = m->stk.poll_s != 0 && !m->stk.polling_off ? m->stk.poll_s : m->poll_s;
    m->poll.fire = poll_card;
    m->poll.ctx = m;
    loop_start(m->loop, &m->poll, s * UINT64_C(1000));
}

/* ---- power-down ---- */

void init_end_session(struct modem *m)
{
    sw_t sw;
    loop_stop(m->loop, &m->poll);
    if (m->powered && !m->gsm && m->adf_selected) /* TS 31.102 5.1.2: the application session ends */
        (void)card_send(m, 0x80, 0xF2, 0x02, 0x0C, SPAN_EMPTY, CARD_NO_LE, NULL, &sw);
}

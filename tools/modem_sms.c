/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages in the terminal: what comes goes to the card (3GPP TS 31.111 7.1), to EF.SMS, to the user;
 * and what is sent. TPDUs are of TS 23.040, the classes of messages of TS 23.038 4.
 */
#include <stdlib.h>

#include "decode_text.h"
#include "hex.h"
#include "modem_inner.h"
#include "sms.h"

enum {
    EF_SMS = 0x6F3C,
    EF_SMSP = 0x6F42,
    EF_SMSS = 0x6F43,
    SMSS_LEN = 2,
    SMSS_ROOM = 0x01, /* bit 1 of the second octet; 0: a message found none */
    SMS_RECORD = 176,
    RECORDS_MAX = 255,
    SERVICE_SMS_PP = 28,
    MTI_MASK = 0x03,
    MTI_DELIVER = 0x00,
    MTI_SUBMIT = 0x01,
    MTI_STATUS_REPORT = 0x02,
    PID_TYPE_0 = 0x40,
    FCS_BUSY = 0xD4, /* TP-FCS, TS 23.040 9.2.3.22 */
    FCS_DOWNLOAD_ERROR = 0xD5,
    FCS_MEMORY_FULL = 0xD3,
    FCS_SIM_FULL = 0xD0,
    FCS_SIM_ERROR = 0xD1,
    FCS_UNSPECIFIED = 0xFF,
    CMS_NOT_ALLOWED = 302, /* TS 27.005 3.2.5 */
    CMS_NO_CARD = 310,
    CMS_NO_CENTRE = 330,
    CMS_NO_SERVICE = 331,
    CMS_INVALID = 304,
    ACKNOWLEDGE_MS = 15000, /* TS 24.011: the network does not wait for ever */
    SMSP_TAIL = 28,         /* what follows the alpha identifier in EF.SMSP */
};

/* ---- texts ---- */

void sms_address_text(struct span address, char text[22])
{
    if (address.n >= 1)
        text_number(address.p[0], span_slice(address, 1, 10), text, 22);
    else
        text[0] = '\0';
}

bool ussd_text(uint8_t dcs, struct span in, char *text, size_t room)
{
    const bool coded_as_class = (dcs & 0xF0) == 0xF0;
    const uint8_t alphabet = coded_as_class         ? (uint8_t)(dcs & 0x04)
                             : (dcs & 0xC0) == 0x40 ? (uint8_t)(dcs & 0x0C)
                                                    : 0;
    if (alphabet == 0x08 || alphabet == 0x0C || dcs == 0x11) /* 11: UCS2 behind a language */
        return false;
    if (alphabet == 0x04)
        text_utf8(in, text, room);
    else
        text_gsm_packed(in, in.n * 8 / 7, 0, text, room);
    /* A carriage return pads the last octet (TS 23.038 6.1.2.3.1). */
    const size_t n = strlen(text);
    if (alphabet == 0 && n > 0 && text[n - 1] == '\r')
        text[n - 1] = '\0';
    return true;
}

/* ---- the centre ---- */

/* EF.SMSP's first record: parameter indicators, destination, service centre, PID, DCS, validity (TS 31.102
 * 4.2.27). */
static bool read_smsp(struct modem *m, struct buf *record)
{
    sw_t sw;
    return m->sim == MODEM_SIM_READY &&
           card_read_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMSP, 1, record, &sw) && sw == SW_OK &&
           record->len >= SMSP_TAIL;
}

bool modem_sms_centre(struct modem *m, char centre[22])
{
    uint8_t octets[255];
    struct buf b = buf_of(octets, sizeof octets);
    centre[0] = '\0';
    if (!read_smsp(m, &b))
        return false;
    struct reader r = rd_of(span_slice(buf_span(&b), b.len - SMSP_TAIL, SMSP_TAIL));
    const uint8_t indicators = rd_u8(&r);
    (void)rd_take(&r, 12);
    const uint8_t n = rd_u8(&r);
    if ((indicators & 0x02) != 0 || n < 2 || n > 11)
        return false;
    sms_address_text(rd_take(&r, n), centre);
    return centre[0] != '\0';
}

/* Length, type, digits, padded to 12 octets; as RP addresses are (TS 24.011 8.2.5.1). */
static bool put_centre(struct buf *b, const char *centre)
{
    uint8_t octets[SMS_ADDRESS_MAX];
    struct buf packed = buf_of(octets, sizeof octets);
    const size_t before = b->len;
    if (!sms_address_pack(centre, &packed))
        return false;
    buf_u8(b, (uint8_t)(packed.len - 1));
    buf_put(b, span_slice(buf_span(&packed), 1, packed.len));
    buf_fill(b, 0xFF, 12 - (b->len - before));
    return true;
}

bool modem_sms_centre_set(struct modem *m, const char *centre)
{
    uint8_t octets[255], address[12];
    struct buf b = buf_of(octets, sizeof octets), packed = buf_of(address, sizeof address);
    sw_t sw;
    if (!read_smsp(m, &b) || !put_centre(&packed, centre))
        return false;
    uint8_t *tail = octets + b.len - SMSP_TAIL;
    tail[0] &= (uint8_t)~0x02;
    memcpy(tail + 13, address, sizeof address);
    return card_update_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMSP, 1, buf_span(&b), &sw) &&
           sw == SW_OK;
}

/* ---- EF.SMSS: the TP-MR used last, whether there was room for messages (TS 31.102 4.2.28) ---- */

static bool read_status(struct modem *m, uint8_t status[SMSS_LEN])
{
    struct buf b = buf_of(status, SMSS_LEN);
    sw_t sw;
    return m->sim == MODEM_SIM_READY && card_read(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMSS, &b, &sw) &&
           sw == SW_OK && b.len == SMSS_LEN;
}

static bool write_status(struct modem *m, const uint8_t status[SMSS_LEN])
{
    sw_t sw;
    return card_update(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMSS, 0, span_of(status, SMSS_LEN), &sw) &&
           sw == SW_OK;
}

/* TP-MR is the terminal's, and goes on where the card has it (TS 23.040 9.2.3.6); where it has none, or does
 * not take it, from its own last. */
static uint8_t next_reference(struct modem *m)
{
    uint8_t status[SMSS_LEN];
    const bool there = !m->sms.own_numbers && read_status(m, status);
    m->sms.reference = (uint8_t)((there ? status[0] : m->sms.reference) + 1);
    status[0] = m->sms.reference;
    m->sms.own_numbers = !there || !write_status(m, status);
    return m->sms.reference;
}

/* Whether a message found no room, which the card is to know, and the network when there is some again
 * (RP-SMMA, TS 23.040 10.3; for us an event). */
static void note_room(struct modem *m, bool room)
{
    uint8_t status[SMSS_LEN];
    struct modem_note n;
    if (!read_status(m, status) || ((status[1] & SMSS_ROOM) != 0) == room)
        return;
    m->sms.room_untold = room && m->reg.service != SERVICE_NORMAL;
    if (m->sms.room_untold)
        return;
    status[1] ^= SMSS_ROOM;
    if (!write_status(m, status) || !room)
        return;
    note_begin(&n, m, "sms memory available");
    note_end(&n);
}

void sms_registered(struct modem *m)
{
    if (m->sms.room_untold)
        note_room(m, true);
}

/* ---- memory ---- */

static unsigned card_capacity(struct modem *m)
{
    struct modem_file file;
    sw_t sw;
    if (m->sim != MODEM_SIM_READY || !card_select(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMS, &file, &sw) ||
        sw != SW_OK || file.record_len < SMS_RECORD)
        return 0;
    return file.records;
}

unsigned modem_sms_capacity(struct modem *m, enum modem_memory memory)
{
    return memory == MODEM_ME ? MODEM_ME_SLOTS : card_capacity(m);
}

/* How long a TPDU is cannot be seen from behind: what follows it in a record is FF, as it may well end. From
 * the front it can (TS 23.040 9.2.2). */
static size_t tpdu_length(struct span tpdu, bool submit)
{
    struct reader r = rd_of(tpdu);
    const uint8_t first = rd_u8(&r), mti = first & MTI_MASK;
    if (mti == MTI_STATUS_REPORT && !submit)
        return 0;
    if (submit)
        (void)rd_u8(&r); /* TP-MR */
    const uint8_t digits = rd_u8(&r);
    (void)rd_take(&r, 1 + (digits + 1u) / 2);
    (void)rd_u8(&r); /* TP-PID */
    const uint8_t dcs = rd_u8(&r);
    (void)rd_take(&r, submit ? sms_validity_octets(first) : 7);
    const uint8_t udl = rd_u8(&r);
    (void)rd_take(&r, text_dcs_is_7bit(dcs) ? (udl * 7u + 7) / 8 : udl);
    return rd_ok(&r) ? tpdu.n - r.left : 0;
}

static bool record_to_sms(struct span record, struct modem_sms *out)
{
    struct reader r = rd_of(record);
    memset(out, 0, sizeof *out);
    out->state = rd_u8(&r);
    const uint8_t n = rd_u8(&r);
    if ((out->state & 1) == 0 || n > 11)
        return false;
    sms_address_text(rd_take(&r, n), out->centre);
    struct span tpdu = rd_rest(&r);
    size_t length = tpdu_length(tpdu, (out->state & 0x04) != 0);
    if (length == 0)
        for (length = tpdu.n; length > 0 && tpdu.p[length - 1] == 0xFF;)
            length--;
    out->tpdu_len = (uint8_t)(length > sizeof out->tpdu ? sizeof out->tpdu : length);
    if (out->tpdu_len > 0) /* the record may end with the service centre */
        memcpy(out->tpdu, tpdu.p, out->tpdu_len);
    return rd_ok(&r);
}

static bool sms_to_record(const struct modem_sms *sms, struct buf *out)
{
    uint8_t octets[12];
    struct buf centre = buf_of(octets, sizeof octets);
    buf_u8(out, sms->state);
    if (sms->centre[0] == '\0') {
        buf_u8(out, 0);
    } else {
        if (!put_centre(&centre, sms->centre))
            return false;
        buf_put(out, span_of(octets, octets[0] + 1u));
    }
    buf_put(out, span_of(sms->tpdu, sms->tpdu_len));
    return buf_ok(out);
}

bool modem_sms_read(struct modem *m, enum modem_memory memory, unsigned index, struct modem_sms *out)
{
    uint8_t octets[255];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    if (index == 0 || index > RECORDS_MAX)
        return false;
    if (memory == MODEM_ME) {
        if (index > MODEM_ME_SLOTS || m->sms.me[index - 1].state == 0)
            return false;
        *out = m->sms.me[index - 1];
        return true;
    }
    return m->sim == MODEM_SIM_READY &&
           card_read_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMS, (uint8_t)index, &b, &sw) &&
           sw == SW_OK && record_to_sms(buf_span(&b), out);
}

unsigned modem_sms_used(struct modem *m, enum modem_memory memory)
{
    unsigned used = 0;
    const unsigned n = modem_sms_capacity(m, memory);
    struct modem_sms sms;
    for (unsigned i = 1; i <= n; i++)
        used += modem_sms_read(m, memory, i, &sms);
    return used;
}

static bool write_at(struct modem *m, enum modem_memory memory, unsigned index, const struct modem_sms *sms)
{
    uint8_t octets[SMS_RECORD];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    if (memory == MODEM_ME) {
        if (index == 0 || index > MODEM_ME_SLOTS)
            return false;
        m->sms.me[index - 1] = *sms;
        return true;
    }
    return sms_to_record(sms, &b) &&
           card_update_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMS, (uint8_t)index, buf_span(&b), &sw) &&
           sw == SW_OK;
}

bool modem_sms_mark(struct modem *m, enum modem_memory memory, unsigned index, uint8_t state)
{
    struct modem_sms sms;
    if (!modem_sms_read(m, memory, index, &sms))
        return false;
    sms.state = state;
    return write_at(m, memory, index, &sms);
}

bool modem_sms_delete(struct modem *m, enum modem_memory memory, unsigned index)
{
    static const uint8_t gone[1] = {0x00};
    struct modem_sms sms;
    sw_t sw;
    if (!modem_sms_read(m, memory, index, &sms))
        return false;
    if (memory == MODEM_ME) {
        memset(&m->sms.me[index - 1], 0, sizeof m->sms.me[0]);
        note_room(m, true);
        return true;
    }
    if (!card_update_record(m, m->gsm ? DIR_TELECOM : DIR_ADF, EF_SMS, (uint8_t)index, span_of(gone, 1),
                            &sw) ||
        sw != SW_OK)
        return false;
    note_room(m, true);
    return true;
}

unsigned modem_sms_write(struct modem *m, enum modem_memory memory, const struct modem_sms *sms)
{
    const unsigned n = modem_sms_capacity(m, memory);
    struct modem_sms there;
    for (unsigned i = 1; i <= n && m->powered; i++)
        if (!modem_sms_read(m, memory, i, &there))
            return write_at(m, memory, i, sms) ? i : 0;
    return 0;
}

void modem_sms_memory(struct modem *m, enum modem_memory received)
{
    m->sms.received = received;
}

/* ---- what comes ---- */

struct deliver { /* as much of an SMS-DELIVER as decides where it goes */
    bool report; /* it is an SMS-STATUS-REPORT */
    uint8_t pid, dcs;
    int class; /* -1: none */
};

static bool parse(struct span tpdu, struct deliver *out)
{
    struct reader r = rd_of(tpdu);
    const uint8_t first = rd_u8(&r);
    *out = (struct deliver){.class = -1};
    if ((first & MTI_MASK) == MTI_STATUS_REPORT) {
        out->report = true;
        return rd_ok(&r);
    }
    if ((first & MTI_MASK) != MTI_DELIVER)
        return false;
    const uint8_t digits = rd_u8(&r);
    (void)rd_take(&r, 1 + (digits + 1u) / 2);
    out->pid = rd_u8(&r);
    out->dcs = rd_u8(&r);
    if ((out->dcs & 0xF0) == 0xF0 || (out->dcs & 0x90) == 0x10)
        out->class = out->dcs & 3;
    (void)rd_take(&r, 8); /* TP-SCTS, TP-UDL */
    return rd_ok(&r);
}

static void finish(struct modem *m, const struct modem_report *report)
{
    struct modem_sms_part *s = &m->sms;
    if (s->n_queue == 0)
        return;
    const struct modem_incoming first = s->queue[0];
    struct modem_note n;
    loop_stop(m->loop, &s->patience);
    s->with_user = false;
    memmove(s->queue, s->queue + 1, --s->n_queue * sizeof s->queue[0]);
    note_begin(&n, m, "sms report");
    note_number(&n, "failure", report->failure);
    if (report->sw != 0)
        note_sw(&n, report->sw);
    note_hex(&n, "data", report->user_data);
    note_end(&n);
    if (s->n_queue > 0)
        loop_start(m->loop, &s->next, 0);
    first.done(first.ctx, report);
}

static void finish_with(struct modem *m, uint8_t failure)
{
    const struct modem_report r = {.failure = failure};
    finish(m, &r);
}

/* TS 31.111 7.1.1.1, 7.1.1.2 */
static void to_card(struct modem *m, const struct modem_incoming *in)
{
    uint8_t octets[5 + 255], data_octets[256];
    struct buf apdu = buf_of(octets, sizeof octets), data = buf_of(data_octets, sizeof data_octets);
    sw_t sw = 0;
    terminal_envelope(in->centre[0] != '\0' ? in->centre : "0", span_of(in->tpdu, in->tpdu_len), &apdu);
    if (m->gsm)
        octets[0] = 0xA0;
    if (!buf_ok(&apdu)) {
        finish_with(m, FCS_UNSPECIFIED);
        return;
    }
    if (!card_command(m, buf_span(&apdu), &data, &sw))
        return; /* the power is gone: nobody answers */
    struct modem_report r = {.sw = sw, .user_data = buf_span(&data)};
    if (sw == SW_TOOLKIT_BUSY)
        r.failure = FCS_BUSY;
    else if (!terminal_acknowledges(sw) || (m->gsm && sw >> 8 == 0x6F)) /* TS 51.014 7.1.1 */
        r.failure = FCS_DOWNLOAD_ERROR;
    finish(m, &r);
}

static void tell_stored(struct modem *m, enum modem_memory memory, unsigned index)
{
    struct modem_note n;
    note_begin(&n, m, "sms stored");
    note_text(&n, "memory", memory == MODEM_ME ? "ME" : "SM");
    note_number(&n, "index", index);
    note_end(&n);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].sms_stored != NULL)
            m->users[i].sms_stored(m->users[i].ctx, memory, index);
}

/* TP-OA, whole: count, type, digits */
static struct span originator(struct span tpdu)
{
    struct reader r = rd_of(tpdu);
    (void)rd_u8(&r);
    const struct span rest = rd_rest(&r);
    return span_slice(rest, 0, rest.n > 0 ? 2 + (rest.p[0] + 1u) / 2 : 0);
}

/* TS 23.040 9.2.3.9: a message of a Replace Short Message Type takes the place of the one of the same type,
 * from the same sender by the same centre. 0: there is none. */
static unsigned replaced(struct modem *m, enum modem_memory memory, const struct modem_sms *by)
{
    enum { REPLACE_FIRST = 0x41, REPLACE_LAST = 0x47 };
    const struct span tpdu = span_of(by->tpdu, by->tpdu_len);
    struct deliver d, e;
    struct modem_sms there;
    if (!parse(tpdu, &d) || d.report || d.pid < REPLACE_FIRST || d.pid > REPLACE_LAST)
        return 0;
    const unsigned n = modem_sms_capacity(m, memory);
    for (unsigned i = 1; i <= n && m->powered; i++) {
        if (!modem_sms_read(m, memory, i, &there) || (there.state & 0x04) != 0) /* free, or the user's own */
            continue;
        const struct span old = span_of(there.tpdu, there.tpdu_len);
        if (parse(old, &e) && !e.report && e.pid == d.pid && span_equal(originator(old), originator(tpdu)) &&
            strcmp(there.centre, by->centre) == 0)
            return i;
    }
    return 0;
}

static void store(struct modem *m, const struct modem_incoming *in, enum modem_memory memory)
{
    struct modem_sms sms = {.state = 0x03, .tpdu_len = in->tpdu_len};
    memcpy(sms.centre, in->centre, sizeof sms.centre);
    memcpy(sms.tpdu, in->tpdu, in->tpdu_len);
    unsigned index = replaced(m, memory, &sms);
    if (index == 0)
        index = modem_sms_write(m, memory, &sms);
    else if (!write_at(m, memory, index, &sms))
        index = 0;
    const unsigned capacity = index == 0 ? modem_sms_capacity(m, memory) : 0;
    if (capacity > 0 &&
        modem_sms_used(m, memory) == capacity) /* else it could not be written, for another reason */
        note_room(m, false);
    if (!m->powered)
        return;
    finish_with(m, index != 0 ? 0 : memory == MODEM_ME ? FCS_MEMORY_FULL : FCS_SIM_FULL);
    if (index != 0)
        tell_stored(m, memory, index);
    else
        note_why(m, "sms refused", "the memory is full");
}

static void no_acknowledgement(void *ctx)
{
    struct modem *m = ctx;
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].sms_given_up != NULL)
            m->users[i].sms_given_up(m->users[i].ctx);
    finish_with(m, FCS_UNSPECIFIED);
}

static void to_user(struct modem *m, const struct modem_incoming *in, const struct deliver *d)
{
    struct modem_sms_part *s = &m->sms;
    s->with_user = true;
    s->patience.fire = no_acknowledgement;
    s->patience.ctx = m;
    loop_start(m->loop, &s->patience, ACKNOWLEDGE_MS);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].sms_direct != NULL &&
            m->users[i].sms_direct(m->users[i].ctx, in->centre, span_of(in->tpdu, in->tpdu_len)))
            return;
    loop_stop(m->loop, &s->patience);
    s->with_user = false;
    bool kept = !d->report; /* TS 23.038 4: class 0 that nobody shows at once is treated as without class */
    for (unsigned i = 0; d->report && i < m->n_users; i++)
        kept = kept || (m->users[i].sms_report_kept != NULL && m->users[i].sms_report_kept(m->users[i].ctx));
    if (!kept) /* nobody to be shown it to */
        finish_with(m, 0);
    else
        store(m, in, d->class == 1 ? MODEM_ME : s->received);
}

static void handle_first(void *ctx)
{
    struct modem *m = ctx;
    struct modem_sms_part *s = &m->sms;
    struct deliver d;
    if (s->n_queue == 0 || s->with_user || !m->powered)
        return;
    const struct modem_incoming in = s->queue[0];
    if (!parse(span_of(in.tpdu, in.tpdu_len), &d)) {
        finish_with(m, FCS_UNSPECIFIED);
        return;
    }
    const bool downloads = (m->stk.profile_len > 0 && (m->stk.profile[0] & 0x02) != 0) &&
                           (m->gsm || modem_service(m, SERVICE_SMS_PP));
    if (!d.report && d.pid == PID_TYPE_0) /* of any class (TS 23.040 9.2.3.9) */
        finish_with(m, 0);
    else if (!d.report && d.class == 2 && d.pid == SMS_PID_USIM_DOWNLOAD && downloads)
        to_card(m, &in);
    else if (!d.report && d.class == 2)
        store(m, &in, MODEM_SM);
    else
        to_user(m, &in, &d);
}

bool modem_sms_deliver(struct modem *m, const char *centre, struct span tpdu,
                       void (*done)(void *ctx, const struct modem_report *report), void *ctx)
{
    struct modem_sms_part *s = &m->sms;
    struct modem_note n;
    if (m->reg.service != SERVICE_NORMAL || s->n_queue == MODEM_QUEUE_MAX || tpdu.n > MODEM_TPDU_MAX ||
        strlen(centre) >= sizeof s->queue[0].centre)
        return false;
    struct modem_incoming *in = &s->queue[s->n_queue++];
    *in = (struct modem_incoming){.tpdu_len = (uint8_t)tpdu.n, .done = done, .ctx = ctx};
    memcpy(in->centre, centre, strlen(centre) + 1);
    if (tpdu.n > 0)
        memcpy(in->tpdu, tpdu.p, tpdu.n);
    note_begin(&n, m, "sms in");
    note_text(&n, "centre", centre);
    note_hex(&n, "tpdu", tpdu);
    note_end(&n);
    if (s->n_queue == 1)
        loop_start(m->loop, &s->next, 0);
    return true;
}

bool modem_sms_acknowledge(struct modem *m, uint8_t failure)
{
    if (!m->sms.with_user)
        return false;
    finish_with(m, failure);
    return true;
}

/* ---- what goes ---- */

static void nobody_hears(void *ctx, const struct modem_report *report)
{
    (void)ctx;
    (void)report;
}

/* A message to this very terminal comes back as an SMS-DELIVER (TS 23.040 9.2.2.1): the same user data, and
 * where it comes from where it was going. */
static bool come_back(struct modem *m, const char *centre, struct span tpdu)
{
    uint8_t octets[MODEM_TPDU_MAX];
    struct buf b = buf_of(octets, sizeof octets);
    struct reader r = rd_of(tpdu);
    char to[22];
    const uint8_t first = rd_u8(&r);
    (void)rd_u8(&r);
    const uint8_t digits = rd_u8(&r);
    const struct span address = rd_take(&r, 1 + (digits + 1u) / 2);
    if ((first & MTI_MASK) != MTI_SUBMIT || !rd_ok(&r) || m->msisdn[0] == '\0')
        return false;
    sms_address_text(address, to);
    if (strcmp(to[0] == '+' ? to + 1 : to, m->msisdn[0] == '+' ? m->msisdn + 1 : m->msisdn) != 0)
        return false;
    buf_u8(&b, (uint8_t)(0x04 | (first & 0x40))); /* no more messages; TP-UDHI as it was */
    buf_u8(&b, digits);
    buf_put(&b, address);
    buf_put(&b, rd_take(&r, 2)); /* TP-PID, TP-DCS */
    (void)rd_take(&r, sms_validity_octets(first));
    static const uint8_t when[7] = {0x62, 0x10, 0x10, 0x00, 0x00, 0x00, 0x00};
    buf_put(&b, span_of(when, sizeof when));
    buf_put(&b, rd_rest(&r));
    return rd_ok(&r) && buf_ok(&b) && modem_sms_deliver(m, centre, buf_span(&b), nobody_hears, NULL);
}

bool sms_pack(struct span tpdu, struct buf *out)
{
    enum { DCS_8BIT = 0x04, DCS_UCS2 = 0x08 };
    struct reader r = rd_of(tpdu);
    const uint8_t first = rd_u8(&r), reference = rd_u8(&r), digits = rd_u8(&r);
    const struct span address = rd_take(&r, 1 + (digits + 1u) / 2);
    const uint8_t pid = rd_u8(&r), dcs = rd_u8(&r);
    const struct span lifetime = rd_take(&r, sms_validity_octets(first));
    const uint8_t length = rd_u8(&r);
    const struct span data = rd_rest(&r);
    /* Characters an octet each, whatever the coding scheme calls them, as long as
     * that is no other alphabet. */
    const bool classed = (dcs & 0xF0) == 0xF0, general = (dcs & 0xE0) == 0x00;
    if (!rd_ok(&r) || (first & MTI_MASK) != MTI_SUBMIT || length != data.n ||
        !(classed || (general && (dcs & DCS_UCS2) == 0)))
        return false;
    /* A header stays in octets, and the text begins at the next septet (TS 23.040 9.2.3.24). */
    const size_t head = (first & 0x40) != 0 && data.n > 0 ? data.p[0] + 1u : 0;
    const size_t septets = (8 * head + 6) / 7 + (data.n - head);
    if (head > data.n || septets > 160)
        return false;
    const uint8_t before[] = {first, reference, digits}, after[] = {pid, (uint8_t)(dcs & ~DCS_8BIT)};
    buf_put(out, span_of(before, sizeof before));
    buf_put(out, address);
    buf_put(out, span_of(after, sizeof after));
    buf_put(out, lifetime);
    buf_u8(out, (uint8_t)septets);
    buf_put(out, span_slice(data, 0, head));
    text_pack(span_slice(data, head, data.n), (unsigned)(7 * ((8 * head + 6) / 7) - 8 * head), out);
    return buf_ok(out);
}

static bool send_message(struct modem *m, const char *centre, struct span tpdu, uint8_t *reference,
                         unsigned *cause)
{
    uint8_t octets[MODEM_TPDU_MAX];
    char own[22];
    struct modem_note n;
    *cause = m->sim != MODEM_SIM_READY ? CMS_NO_CARD : m->reg.service != SERVICE_NORMAL ? CMS_NO_SERVICE : 0;
    if (*cause != 0)
        return false;
    if (tpdu.n < 2 || tpdu.n > sizeof octets ||
        ((tpdu.p[0] & MTI_MASK) != MTI_SUBMIT && (tpdu.p[0] & MTI_MASK) != 2)) {
        *cause = CMS_INVALID;
        return false;
    }
    if (centre == NULL && !modem_sms_centre(m, own)) {
        *cause = m->powered ? CMS_NO_CENTRE : CMS_NO_CARD;
        return false;
    }
    centre = centre != NULL ? centre : own;
    memcpy(octets, tpdu.p, tpdu.n);
    octets[1] = next_reference(m);
    *reference = octets[1];
    if (!m->powered) { /* the card went, or took its power with it */
        *cause = CMS_NO_CARD;
        return false;
    }
    const struct span ours = span_of(octets, tpdu.n);
    note_begin(&n, m, "sms out");
    note_text(&n, "centre", centre);
    note_hex(&n, "tpdu", ours);
    note_end(&n);
    if (!come_back(m, centre, ours))
        *cause = network_submit(m->network, centre, ours);
    return *cause == 0;
}

unsigned sms_submit(struct modem *m, const char *centre, struct span tpdu, uint8_t *reference,
                    enum modem_control *said)
{
    uint8_t octets[MODEM_TPDU_MAX];
    struct buf allowed = buf_of(octets, sizeof octets);
    char own[22] = "", by[MODEM_TEXT_MAX];
    unsigned cause = 0;
    *said = MODEM_ALLOWED;
    if (m->sim == MODEM_SIM_READY && m->reg.service == SERVICE_NORMAL && tpdu.n <= sizeof octets &&
        (centre != NULL || modem_sms_centre(m, own))) { /* else it goes nowhere, and it is said below why */
        snprintf(by, sizeof by, "%s", centre != NULL ? centre : own);
        *said = control_sms(m, by, tpdu, &allowed);
        if (!modem_control_allows(*said))
            return CMS_NOT_ALLOWED;
        tpdu = buf_span(&allowed);
        centre = by;
    }
    return send_message(m, centre, tpdu, reference, &cause) ? 0 : cause;
}

unsigned modem_sms_submit(struct modem *m, const char *centre, struct span tpdu, uint8_t *reference)
{
    enum modem_control said;
    return sms_submit(m, centre, tpdu, reference, &said);
}

/* ---- strings of USSD ---- */

/* In the default alphabet if it has the characters, else in UCS2 (TS 23.038 5). */
static uint8_t ussd_answer(const char *text, struct buf *out)
{
    uint8_t septets[2 * 182];
    struct buf b = buf_of(septets, sizeof septets);
    if (text_to_gsm(text, &b)) {
        text_pack(buf_span(&b), 0, out);
        if (b.len % 8 == 7 && buf_ok(out)) /* 6.1.2.3.1: seven spare bits would read as a character */
            out->p[out->len - 1] |= '\r' << 1;
        return 0x0F;
    }
    (void)text_to_ucs2(text, out);
    return 0x48;
}

bool modem_ussd(struct modem *m, uint8_t dcs, struct span text)
{
    char said[184];
    uint8_t octets[2 * 184], value[200], other[255];
    struct buf b = buf_of(octets, sizeof octets), string = buf_of(value, sizeof value),
               allowed = buf_of(other, sizeof other);
    buf_u8(&string, dcs);
    buf_put(&string, text);
    /* Another string in its place is not what the user asked for, and nobody is there to be told. */
    if (m->reg.service != SERVICE_NORMAL || !ussd_text(dcs, text, said, sizeof said) || !buf_ok(&string) ||
        control_ussd(m, buf_span(&string), &allowed) != MODEM_ALLOWED)
        return false;
    const char *answer = network_ussd(m->network, said);
    if (answer == NULL)
        return false;
    dcs = ussd_answer(answer, &b);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].ussd != NULL)
            m->users[i].ussd(m->users[i].ctx, false, dcs, buf_span(&b));
    return true;
}

void modem_ussd_cancel(struct modem *m)
{
    (void)m; /* no dialogue of ours goes on */
}

/* ---- begin and end ---- */

void sms_init(struct modem *m)
{
    m->sms.next = (struct loop_timer){.fire = handle_first, .ctx = m};
    m->sms.patience = (struct loop_timer){.fire = no_acknowledgement, .ctx = m};
}

/* Whoever waits for a report gets none: the network finds out that nobody answers. */
void sms_dark(struct modem *m)
{
    struct modem_sms_part *s = &m->sms;
    loop_stop(m->loop, &s->next);
    loop_stop(m->loop, &s->patience);
    s->with_user = false;
    const unsigned n = s->n_queue;
    struct modem_incoming gone[MODEM_QUEUE_MAX];
    memcpy(gone, s->queue, n * sizeof gone[0]);
    s->n_queue = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct modem_report r = {.failure = FCS_UNSPECIFIED, .lost = true};
        gone[i].done(gone[i].ctx, &r);
    }
}

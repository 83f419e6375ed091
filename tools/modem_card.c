/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands to the card, and files by their paths: ETSI TS 102 221, and 3GPP TS 51.011 for a card that knows
 * class A0 only.
 */
#include "command.h"
#include "crypto.h"
#include "modem_inner.h"
#include "tlv.h"

enum {
    INS_SELECT = 0xA4,
    INS_STATUS = 0xF2,
    INS_READ_BINARY = 0xB0,
    INS_UPDATE_BINARY = 0xD6,
    INS_READ_RECORD = 0xB2,
    INS_UPDATE_RECORD = 0xDC,
    INS_SEARCH_RECORD = 0xA2,
    INS_GET_RESPONSE = 0xC0,
    INS_FETCH = 0x12,
    INS_AUTHENTICATE = 0x88,
    CLA_GSM = 0xA0,
    P2_FCP = 0x04,
    PIECE = 255,
};

/* ---- the wire ---- */

static const struct {
    uint16_t df; /* 0: the application's */
    uint16_t fid;
    uint8_t sfi; /* 0: none */
} key_files[] = {
#define KEY_FILE(df, fid, sfi) {df, fid, sfi},
#include "key_files.def"
};
enum { N_KEY_FILES = sizeof key_files / sizeof key_files[0] };

static bool holds_keys(uint16_t fid)
{
    for (size_t i = 0; i < N_KEY_FILES; i++)
        if (key_files[i].fid == fid)
            return true;
    return false;
}

static uint16_t key_file_of(uint16_t df, uint8_t sfi)
{
    for (size_t i = 0; i < N_KEY_FILES; i++)
        if (key_files[i].df == df && key_files[i].sfi == sfi)
            return key_files[i].fid;
    return 0;
}

/* Where a SELECT leads, as far as the command tells: the MF and DFs are 3F00, 7Fxx
 * and 5Fxx (TS 102 221 8.4.1). */
static struct modem_place selected(struct modem_place from, uint8_t p1, struct span path)
{
    struct reader r = rd_of(path);
    from.file = 0;
    if (p1 == 0x04 || p1 == 0x03) /* by name; the parent */
        from.df = 0;
    while (p1 != 0x04 && r.left >= 2) {
        from.file = rd_u16(&r);
        const uint8_t kind = (uint8_t)(from.file >> 8);
        if (kind == 0x3F || kind == 0x7F || kind == 0x5F)
            from.df = from.file == 0x7FFF ? 0 : from.file;
    }
    return from;
}

/* A peer's own commands name files by FID, or by short identifier: which one is current is kept in mind, of
 * each channel. *after: what is if the card obeys. */
static bool reads_keys(const struct modem_place *now, struct span command, struct modem_place *after)
{
    enum { BY_P1 = 1, BY_P2 }; /* where a short identifier stands: TS 102 221 11.1.3 to 11.1.7 */
    static const struct {
        uint8_t ins, by;
    } readers[] = {{INS_READ_BINARY, BY_P1},       {INS_READ_BINARY + 1, BY_P1},   {INS_UPDATE_BINARY, BY_P1},
                   {INS_UPDATE_BINARY + 1, BY_P1}, {INS_READ_RECORD, BY_P2},       {INS_READ_RECORD + 1, BY_P2},
                   {INS_UPDATE_RECORD, BY_P2},     {INS_UPDATE_RECORD + 1, BY_P2}, {INS_SEARCH_RECORD, BY_P2}};
    struct reader r = rd_of(command);
    (void)rd_u8(&r);
    const uint8_t ins = rd_u8(&r), p1 = rd_u8(&r), p2 = rd_u8(&r);
    *after = *now;
    if (ins == INS_SELECT)
        *after = selected(*now, p1, rd_take(&r, rd_u8(&r)));
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (readers[i].ins != ins)
            continue;
        const uint8_t sfi = readers[i].by == BY_P2 ? p2 >> 3 : (p1 & 0x80) != 0 ? p1 & 0x1F : 0;
        if (sfi != 0)
            after->file = key_file_of(now->df, sfi);
        return holds_keys(after->file);
    }
    return false;
}

static unsigned channel_of(struct span apdu)
{
    struct command c;
    (void)command_parse(apdu, &c); /* whatever its lengths are */
    return c.channel;
}

/* What may be shown of an exchange: PINs, keys and what AUTHENTICATE answers may not (P1), nor may what
 * GET RESPONSE fetches of that. */
static bool is_secret(const struct modem *m, bool keys, struct span command)
{
    static const uint8_t pins[] = {0x20, 0x24, 0x26, 0x28, 0x2C};
    if (m->secret || keys || command.n < 2 || (command.p[1] == INS_GET_RESPONSE && m->secret_waits))
        return true;
    if (command.p[1] == INS_AUTHENTICATE || command.p[1] == INS_AUTHENTICATE + 1)
        return true;
    return memchr(pins, command.p[1], sizeof pins) != NULL && command.n > 5;
}

static void note_exchange(struct modem *m, struct span command, struct span response)
{
    struct modem_note n;
    bool wanted = false;
    struct modem_place after, *now = &m->current[channel_of(command)];
    const bool secret = is_secret(m, reads_keys(now, command, &after), command);
    const uint8_t sw1 = response.n >= 2 ? response.p[response.n - 2] : 0;
    if (sw1 == 0x90 || sw1 == 0x91 || sw1 == 0x61 || sw1 == 0x9F || sw1 == 0x62 || sw1 == 0x6C)
        *now = after;
    m->secret_waits = secret && (sw1 == 0x61 || sw1 == 0x9F || sw1 == 0x6C); /* more of it can be asked for */
    for (unsigned i = 0; i < m->n_users; i++)
        wanted = wanted || m->users[i].log != NULL;
    if (!wanted)
        return;
    note_begin(&n, m, "apdu");
    note_hex(&n, "command", secret ? span_slice(command, 0, 5) : command);
    note_hex(&n, "response", secret && response.n > 2 ? span_slice(response, response.n - 2, 2) : response);
    if (secret)
        note_bool(&n, "withheld", true);
    note_end(&n);
}

static void lost(struct modem *m)
{
    const char *why = m->link.why != NULL ? m->link.why(m->link.ctx) : NULL;
    note_why(m, "card lost", why != NULL && why[0] != '\0' ? why : "it does not answer");
    modem_dark(m);
    modem_tell_sim(m, MODEM_SIM_ABSENT);
}

static bool exchange(void *ctx, struct span command, struct buf *response)
{
    struct modem *m = ctx;
    const size_t before = response->len;
    if (!m->powered)
        return false;
    m->last_command = loop_now(m->loop);
    if (m->link.exchange(m->link.ctx, command, response) && buf_ok(response) && response->len >= before + 2) {
        const struct span got = span_slice(buf_span(response), before, response->len - before);
        note_exchange(m, command, got);
        return true;
    }
    if (m->powered)
        lost(m);
    return false;
}

bool card_reset(struct modem *m)
{
    struct modem_note n;
    m->card = (struct terminal){.exchange = exchange, .ctx = m};
    m->adf_selected = false;
    memset(m->current, 0, sizeof m->current);
    memset(m->open, 0, sizeof m->open);
    m->atr_len = 0;
    m->powered = m->link.reset(m->link.ctx, m->atr, &m->atr_len);
    if (!m->powered) {
        m->atr_len = 0;
        note_why(m, "no card", m->link.why != NULL ? m->link.why(m->link.ctx) : "mute");
        return false;
    }
    m->last_command = loop_now(m->loop);
    note_begin(&n, m, "reset");
    note_hex(&n, "atr", span_of(m->atr, m->atr_len));
    note_end(&n);
    return true;
}

bool card_command(struct modem *m, struct span command, struct buf *data, sw_t *sw)
{
    *sw = 0;
    bool good = m->powered && terminal_command(&m->card, command, data, sw);
    if (!good) {
        if (m->powered) /* it answers, but nothing sensible */
            lost(m);
        return false;
    }
    if ((*sw & 0xFF00) == SW_PROACTIVE) {
        stk_pending(m, (uint8_t)*sw);
        *sw = SW_OK;
    } else if (*sw == SW_OK) {
        stk_quiet(m);
    }
    return m->powered;
}

bool card_send(struct modem *m, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, struct span data, int le,
               struct buf *out, sw_t *sw)
{
    uint8_t octets[5 + 255];
    struct buf apdu = buf_of(octets, sizeof octets);
    const uint8_t p3 = data.n > 0 ? (uint8_t)data.n : le == CARD_NO_LE ? 0 : (uint8_t)le;
    const uint8_t header[] = {m->gsm ? CLA_GSM : cla, ins, p1, p2, p3};
    buf_put(&apdu, span_of(header, sizeof header));
    buf_put(&apdu, data);
    bool good = buf_ok(&apdu) && data.n <= 255 && card_command(m, buf_span(&apdu), out, sw);
    if (m->secret)
        crypto_wipe(octets, sizeof octets);
    return good;
}

/* ---- files ---- */

bool card_file_of(struct span fcp, struct modem_file *file)
{
    struct span body, descriptor, size;
    *file = (struct modem_file){.kind = FILE_IS_DIR};
    if (!tlv_find(fcp, 0x62, &body) || !tlv_find(body, 0x82, &descriptor) || descriptor.n < 1)
        return false;
    struct reader r = rd_of(descriptor);
    const uint8_t type = rd_u8(&r);
    if (tlv_find(body, 0x80, &size) && size.n <= 4) {
        struct reader s = rd_of(size);
        const uint64_t n = rd_be(&s, size.n);
        file->size = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
    }
    /* TS 102 221 11.1.1.4.3: x0111xxx is a directory, else the last three bits are the structure */
    if ((type & 0x38) == 0x38) {
        file->kind = FILE_IS_DIR;
        return true;
    }
    file->kind = (type & 7) == 2 ? FILE_IS_LINEAR : (type & 7) == 6 ? FILE_IS_CYCLIC : FILE_IS_TRANSPARENT;
    if (file->kind != FILE_IS_TRANSPARENT) {
        (void)rd_u8(&r);
        const uint16_t length = rd_u16(&r);
        file->record_len = length > 255 ? 255 : (uint8_t)length;
        file->records = rd_u8(&r);
    }
    return rd_ok(&r);
}

/* TS 51.011 9.2.1: of an EF, octets 3 and 4 are its size, 14 its structure, 15 the length of its records. */
static bool gsm_file_of(struct span answer, struct modem_file *file)
{
    struct reader r = rd_of(answer);
    *file = (struct modem_file){.kind = FILE_IS_DIR};
    (void)rd_u16(&r);
    file->size = rd_u16(&r);
    (void)rd_u16(&r);
    if (rd_u8(&r) != 4) /* not an EF */
        return rd_ok(&r);
    (void)rd_take(&r, 6);
    const uint8_t structure = rd_u8(&r);
    file->record_len = rd_u8(&r);
    file->kind = structure == 1 ? FILE_IS_LINEAR : structure == 3 ? FILE_IS_CYCLIC : FILE_IS_TRANSPARENT;
    if (file->kind != FILE_IS_TRANSPARENT && file->record_len > 0)
        file->records = (uint8_t)(file->size / file->record_len);
    return true;
}

bool card_select_usim(struct modem *m, struct buf *fcp, sw_t *sw)
{
    if (m->gsm) { /* there is no application to select */
        *sw = SW_OK;
        return true;
    }
    if (!card_send(m, 0x00, INS_SELECT, 0x04, P2_FCP, span_of(m->aid, m->aid_len), 0, fcp, sw))
        return false;
    m->adf_selected = *sw == SW_OK;
    return true;
}

bool modem_records_of(struct span answer, unsigned *records, unsigned *length)
{
    struct modem_file file;
    const bool fcp = span_starts(answer, span_of("\x62", 1)); /* class A0's begins with two octets RFU */
    if (!(fcp ? card_file_of(answer, &file) : gsm_file_of(answer, &file)) || file.kind != FILE_IS_LINEAR)
        return false;
    *records = file.records;
    *length = file.record_len;
    return true;
}

/* One after another, as class A0 selects (TS 51.011 9.2.1): FIDs from the MF on; *answer is the last one's.
 */
static bool gsm_select_path(struct modem *m, struct span path, struct buf *answer, sw_t *sw)
{
    struct reader r = rd_of(path);
    *sw = SW_OK;
    while (r.left >= 2 && *sw == SW_OK) {
        const struct span fid = rd_take(&r, 2);
        if (!card_send(m, CLA_GSM, INS_SELECT, 0, 0, fid, 0, r.left < 2 ? answer : NULL, sw))
            return false;
        if ((*sw & 0xFF00) == SW_GSM_DATA_AVAILABLE) /* nobody wanted it */
            *sw = SW_OK;
    }
    return true;
}

static bool gsm_select(struct modem *m, enum modem_dir dir, uint16_t fid, struct buf *answer, sw_t *sw)
{
    static const uint16_t dirs[] = {
        [DIR_MF] = 0, [DIR_ADF] = 0x7F20, [DIR_TELECOM] = 0x7F10, [DIR_GSM_ACCESS] = 0x7F20};
    uint8_t octets[6];
    struct buf path = buf_of(octets, sizeof octets);
    buf_u16(&path, 0x3F00);
    if (dirs[dir] != 0)
        buf_u16(&path, dirs[dir]);
    buf_u16(&path, fid);
    return gsm_select_path(m, buf_span(&path), answer, sw);
}

bool card_select(struct modem *m, enum modem_dir dir, uint16_t fid, struct modem_file *file, sw_t *sw)
{
    uint8_t octets[256], path_octets[8];
    struct buf answer = buf_of(octets, sizeof octets), path = buf_of(path_octets, sizeof path_octets);
    *file = (struct modem_file){.kind = FILE_IS_DIR};
    if (m->gsm)
        return gsm_select(m, dir, fid, &answer, sw) &&
               (*sw != SW_OK || gsm_file_of(buf_span(&answer), file) || (*sw = SW_FILE_NOT_FOUND, true));
    if ((dir == DIR_ADF || dir == DIR_GSM_ACCESS) && !m->adf_selected) {
        if (!card_select_usim(m, NULL, sw))
            return false;
        if (*sw != SW_OK)
            return true;
    }
    /* TS 102 221 8.4.2: by path from the MF, where 7FFF is the current application's ADF */
    if (dir == DIR_ADF || dir == DIR_GSM_ACCESS)
        buf_u16(&path, 0x7FFF);
    if (dir == DIR_GSM_ACCESS)
        buf_u16(&path, 0x5F3B);
    if (dir == DIR_TELECOM)
        buf_u16(&path, 0x7F10);
    buf_u16(&path, fid);
    if (!card_send(m, 0x00, INS_SELECT, 0x08, P2_FCP, buf_span(&path), 0, &answer, sw))
        return false;
    if (*sw == SW_OK && !card_file_of(buf_span(&answer), file))
        *sw = SW_FILE_NOT_FOUND;
    return true;
}

bool card_read(struct modem *m, enum modem_dir dir, uint16_t fid, struct buf *out, sw_t *sw)
{
    struct modem_file file;
    if (!card_select(m, dir, fid, &file, sw))
        return false;
    if (*sw == SW_OK && file.kind != FILE_IS_TRANSPARENT)
        *sw = SW_INCOMPATIBLE_FILE;
    for (size_t at = 0; *sw == SW_OK && at < file.size && at < out->cap;) {
        size_t n = file.size - at;
        n = n > PIECE ? PIECE : n;
        n = n > out->cap - out->len ? out->cap - out->len : n;
        if (n == 0)
            break;
        if (!card_send(m, 0x00, INS_READ_BINARY, (uint8_t)(at >> 8), (uint8_t)at, SPAN_EMPTY, (int)n, out,
                       sw))
            return false;
        at += n;
    }
    return true;
}

bool card_read_record(struct modem *m, enum modem_dir dir, uint16_t fid, uint8_t record, struct buf *out,
                      sw_t *sw)
{
    struct modem_file file;
    if (!card_select(m, dir, fid, &file, sw))
        return false;
    if (*sw == SW_OK && (file.kind == FILE_IS_TRANSPARENT || file.kind == FILE_IS_DIR))
        *sw = SW_INCOMPATIBLE_FILE;
    return *sw != SW_OK ||
           card_send(m, 0x00, INS_READ_RECORD, record, 0x04, SPAN_EMPTY, file.record_len, out, sw);
}

bool card_update(struct modem *m, enum modem_dir dir, uint16_t fid, size_t offset, struct span data, sw_t *sw)
{
    struct modem_file file;
    if (!card_select(m, dir, fid, &file, sw))
        return false;
    if (*sw == SW_OK && (file.kind != FILE_IS_TRANSPARENT || data.n > PIECE))
        *sw = SW_INCOMPATIBLE_FILE;
    return *sw != SW_OK || card_send(m, 0x00, INS_UPDATE_BINARY, (uint8_t)(offset >> 8), (uint8_t)offset,
                                     data, CARD_NO_LE, NULL, sw);
}

/* Padded with FF to the length of a record. */
bool card_update_record(struct modem *m, enum modem_dir dir, uint16_t fid, uint8_t record, struct span data,
                        sw_t *sw)
{
    struct modem_file file;
    uint8_t octets[255];
    struct buf padded = buf_of(octets, sizeof octets);
    if (!card_select(m, dir, fid, &file, sw))
        return false;
    if (*sw == SW_OK &&
        (file.kind == FILE_IS_TRANSPARENT || file.kind == FILE_IS_DIR || data.n > file.record_len))
        *sw = SW_INCOMPATIBLE_FILE;
    if (*sw != SW_OK)
        return true;
    buf_put(&padded, data);
    buf_fill(&padded, 0xFF, file.record_len - data.n);
    return card_send(m, 0x00, INS_UPDATE_RECORD, record, 0x04, buf_span(&padded), CARD_NO_LE, NULL, sw);
}

/* ---- what the peer sends by itself ---- */

/* Its selection may have left the USIM. */
static void forget_selection(struct modem *m, struct span command)
{
    if (command.n >= 2 && (command.p[1] == INS_SELECT || command.p[1] == 0x70))
        m->adf_selected = false;
}

bool modem_apdu(struct modem *m, struct span command, struct buf *data, sw_t *sw)
{
    uint8_t octets[MODEM_DATA_MAX + 2];
    struct buf response = buf_of(octets, sizeof octets);
    *sw = 0;
    if (!m->powered || command.n < 4)
        return false;
    forget_selection(m, command);
    bool good = exchange(m, command, &response) && response.len >= 2;
    if (good) {
        struct reader r = rd_of(buf_span(&response));
        const struct span body = rd_take(&r, response.len - 2);
        *sw = rd_u16(&r);
        if (data != NULL)
            buf_put(data, body);
        if ((*sw & 0xFF00) == SW_PROACTIVE)
            stk_pending(m, (uint8_t)*sw);
        else if (*sw == SW_OK)
            stk_quiet(m);
    }
    crypto_wipe(octets, response.len);
    return good;
}

/* Selects what +CRSM names: the path if there is one, else where such files are. */
static bool select_restricted(struct modem *m, const struct modem_crsm *how, struct buf *fcp, sw_t *sw)
{
    static const struct span anywhere[] = {
        {(const uint8_t *)"\x7F\xFF", 2}, {(const uint8_t *)"", 0}, {(const uint8_t *)"\x7F\x10", 2}};
    const size_t n = how->path.n > 0 ? 1 : sizeof anywhere / sizeof anywhere[0];
    if (!m->adf_selected && !card_select_usim(m, NULL, sw))
        return false;
    *sw = SW_FILE_NOT_FOUND;
    for (size_t i = 0; i < n; i++) {
        uint8_t octets[32];
        struct buf path = buf_of(octets, sizeof octets);
        struct span under = how->path.n > 0 ? how->path : anywhere[i];
        if (span_starts(under, span_of("\x3F\x00", 2)))
            under = span_slice(under, 2, under.n);
        buf_put(&path, under);
        if (how->fid != 0x3F00)
            buf_u16(&path, how->fid);
        if (!buf_ok(&path)) {
            *sw = SW_WRONG_DATA;
            return true;
        }
        fcp->len = 0;
        /* TS 102 221 8.4.2: a path from the MF cannot be empty */
        const struct span data = path.len > 0 ? buf_span(&path) : span_of("\x3F\x00", 2);
        if (!card_send(m, 0x00, INS_SELECT, path.len > 0 ? 0x08 : 0x00, P2_FCP, data, 0, fcp, sw))
            return false;
        if (*sw == SW_OK)
            break;
    }
    return true;
}

/* The same on a card of class A0, where DF.GSM is what the USIM's ADF is elsewhere. */
static bool gsm_select_restricted(struct modem *m, const struct modem_crsm *how, struct buf *answer, sw_t *sw)
{
    static const enum modem_dir anywhere[] = {DIR_ADF, DIR_TELECOM};
    uint8_t octets[2 + 8 + 2];
    struct buf path = buf_of(octets, sizeof octets);
    struct reader r = rd_of(how->path);
    if (how->path.n == 0 && (how->fid & 0xFF00) == 0x2F00)
        return gsm_select(m, DIR_MF, how->fid, answer, sw);
    *sw = SW_GSM_NOT_FOUND;
    for (size_t i = 0; how->path.n == 0 && *sw == SW_GSM_NOT_FOUND && i < 2; i++)
        if (!gsm_select(m, anywhere[i], how->fid, answer, sw))
            return false;
    if (how->path.n == 0)
        return true;
    buf_u16(&path, 0x3F00);
    while (r.left >= 2) {
        const uint16_t fid = rd_u16(&r);
        if (fid != 0x3F00)
            buf_u16(&path, fid == 0x7FFF ? 0x7F20 : fid);
    }
    if (how->fid != 0x3F00)
        buf_u16(&path, how->fid);
    return gsm_select_path(m, buf_span(&path), answer, sw);
}

/* Le of a reading command. 0 is whatever there is: a UICC says how much that is by 6Cxx; of class A0, the
 * answer to SELECT has said it. */
static uint8_t read_length(const struct modem *m, const struct modem_crsm *how, struct span answer)
{
    struct modem_file file;
    if (how->p3 != 0 || !m->gsm || !gsm_file_of(answer, &file))
        return how->p3;
    const unsigned from = (unsigned)how->p1 << 8 | how->p2;
    const unsigned n = how->command == INS_READ_RECORD ? file.record_len
                       : from < file.size              ? file.size - from
                                                       : 0;
    return (uint8_t)(n > PIECE ? PIECE : n);
}

static bool restricted(struct modem *m, const struct modem_crsm *how, struct buf *data, sw_t *sw)
{
    static const uint8_t reads[] = {INS_READ_BINARY, INS_READ_RECORD, 0xCB},
                         writes[] = {INS_UPDATE_BINARY, INS_UPDATE_RECORD, 0xDB};
    uint8_t octets[256];
    struct buf fcp = buf_of(octets, sizeof octets);
    *sw = 0;
    if (!m->powered)
        return false;
    const uint8_t cla =
        how->command == 0xCB || how->command == 0xDB || how->command == INS_STATUS ? 0x80 : 0x00;
    if (how->command == INS_STATUS)
        return card_send(m, cla, INS_STATUS, how->p1, how->p2, SPAN_EMPTY, how->p3, data, sw);
    if (!(m->gsm ? gsm_select_restricted(m, how, &fcp, sw) : select_restricted(m, how, &fcp, sw)))
        return false;
    if (*sw != SW_OK)
        return true;
    if (how->command == INS_GET_RESPONSE) {
        buf_put(data, buf_span(&fcp));
        return true;
    }
    if (memchr(reads, how->command, sizeof reads) != NULL)
        return card_send(m, cla, how->command, how->p1, how->p2, SPAN_EMPTY,
                         read_length(m, how, buf_span(&fcp)), data, sw);
    if (memchr(writes, how->command, sizeof writes) != NULL && how->data.n > 0)
        return card_send(m, cla, how->command, how->p1, how->p2, how->data, CARD_NO_LE, data, sw);
    *sw = SW_INS_NOT_SUPPORTED;
    return true;
}

bool modem_restricted(struct modem *m, const struct modem_crsm *how, struct buf *data, sw_t *sw)
{
    m->secret = holds_keys(how->fid);
    const bool good = restricted(m, how, data, sw);
    m->secret = false;
    return good;
}

/* ---- logical channels ---- */

bool modem_channel_open(struct modem *m, struct span aid, unsigned *channel, struct buf *fcp, sw_t *sw)
{
    uint8_t number = 0;
    struct buf answer = buf_of(&number, 1);
    *sw = 0;
    if (!m->powered || aid.n > MODEM_AID_MAX ||
        !card_send(m, 0x00, 0x70, 0x00, 0x00, SPAN_EMPTY, 1, &answer, sw))
        return false;
    if (*sw != SW_OK)
        return true;
    if (answer.len != 1 || number == 0 || number >= MODEM_CHANNELS) {
        *sw = SW_CHANNEL_NOT_SUPPORTED;
        return true;
    }
    if (aid.n > 0) {
        sw_t selected;
        if (!card_send(m, command_cla(CLASS_ISO, number), INS_SELECT, 0x04, P2_FCP, aid, 0, fcp, &selected))
            return false;
        if (selected != SW_OK && (selected & 0xFF00) != 0x6200) { /* no such application: no channel either */
            if (!card_send(m, 0x00, 0x70, 0x80, number, SPAN_EMPTY, CARD_NO_LE, NULL, sw))
                return false;
            *sw = selected;
            return true;
        }
    }
    m->open[number] = true;
    *channel = number;
    return true;
}

/* The same class on this channel: secure messaging and chaining stay
 * (TS 102 221 10.1.1, tables 10.3, 10.4a). */
static uint8_t class_on(uint8_t cla, unsigned channel)
{
    const bool further = (cla & 0x40) != 0, secured = (cla & (further ? 0x20 : 0x0C)) != 0;
    const uint8_t kept = cla & 0x90;
    if (channel >= 4)
        return (uint8_t)(kept | 0x40 | (secured ? 0x20 : 0) | (channel - 4));
    return (uint8_t)(kept | (further ? (secured ? 0x08 : 0) : cla & 0x0C) | channel);
}

bool modem_channel_apdu(struct modem *m, unsigned channel, struct span command, struct buf *data, sw_t *sw)
{
    uint8_t octets[5 + 256];
    *sw = SW_CHANNEL_NOT_SUPPORTED;
    if (!m->powered || channel == 0 || channel >= MODEM_CHANNELS || !m->open[channel])
        return false;
    if (command.n < 4 || command.n > sizeof octets) {
        *sw = SW_WRONG_LENGTH;
        return true;
    }
    memcpy(octets, command.p, command.n);
    octets[0] = class_on(octets[0], channel);
    bool good = card_command(m, span_of(octets, command.n), data, sw);
    crypto_wipe(octets, sizeof octets);
    return good;
}

bool modem_channel_close(struct modem *m, unsigned channel, sw_t *sw)
{
    *sw = SW_CHANNEL_NOT_SUPPORTED;
    if (!m->powered || channel == 0 || channel >= MODEM_CHANNELS || !m->open[channel])
        return false;
    if (!card_send(m, 0x00, 0x70, 0x80, (uint8_t)channel, SPAN_EMPTY, CARD_NO_LE, NULL, sw))
        return false;
    m->open[channel] = false;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Phonebooks of the card, TS 27.007 8.11 to 8.14: EF.ADN, EF.FDN, EF.MSISDN
 * (TS 31.102 4.2.24, 4.2.26, 4.4.2.3), and +CNUM.
 */
#include <ctype.h>
#include <stdio.h>

#include "at_sms.h"
#include "hex.h"
#include "sms.h"
#include "tlv.h"

enum {
    NAME_MAX_OCTETS = 241,
    FOOT = 14, /* octets behind the name: length, type, ten of digits, two of others */
    DIGITS_MAX = 20,
    EF_ADN = 0x6F3A,
    EF_FDN = 0x6F3B,
    EF_MSISDN = 0x6F40,
    EF_PBR = 0x4F30,
    CMD_READ_RECORD = 0xB2,
    CMD_UPDATE_RECORD = 0xDC,
    CMD_FCP = 0xC0,
};

static const struct {
    const char *name;
    uint16_t fid;
} books[] = {{"SM", EF_ADN}, {"FD", EF_FDN}, {"ON", EF_MSISDN}};
enum { N_BOOKS = sizeof books / sizeof books[0], BOOK_SM = 0, BOOK_ON = 2 };

/* Where a phonebook lies, and how many entries of what length it has. */
struct book {
    struct modem_crsm at; /* file and path */
    uint8_t path[8];
    unsigned records, record_len;
};

struct entry {
    bool used;
    char number[AT_NUMBER_MAX]; /* "" for none */
    uint8_t type;
    char name[4 * NAME_MAX_OCTETS];
};

/* ---- finding it ---- */

static bool look_at(struct modem *m, struct book *b, uint16_t fid, struct span path)
{
    uint8_t bytes[256];
    struct buf answer = buf_of(bytes, sizeof bytes);
    sw_t sw = 0;
    if (path.n > 0)
        memcpy(b->path, path.p, path.n);
    b->at = (struct modem_crsm){.command = CMD_FCP, .fid = fid, .path = span_of(b->path, path.n)};
    return modem_restricted(m, &b->at, &answer, &sw) && sw == SW_OK &&
           modem_records_of(buf_span(&answer), &b->records, &b->record_len) && b->record_len >= FOOT;
}

/* The first EF.ADN that an EF.PBR names (TS 31.102 4.4.2.1): A8 { C0 FID ... }. */
static bool look_through_pbr(struct modem *m, struct book *b, struct span path)
{
    uint8_t bytes[256];
    struct buf record = buf_of(bytes, sizeof bytes);
    struct span type1, adn;
    sw_t sw = 0;
    const struct modem_crsm how = {.command = CMD_READ_RECORD, .fid = EF_PBR, .p1 = 1, .p2 = 4, .path = path};
    if (!modem_restricted(m, &how, &record, &sw) || sw != SW_OK)
        return false;
    if (!tlv_find(buf_span(&record), 0xA8, &type1) || !tlv_find(type1, 0xC0, &adn) || adn.n < 2)
        return false;
    struct reader r = rd_of(adn);
    return look_at(m, b, rd_u16(&r), path);
}

static const uint8_t telecom[] = {0x3F, 0x00, 0x7F, 0x10},
                     telecom_book[] = {0x3F, 0x00, 0x7F, 0x10, 0x5F, 0x3A},
                     usim_book[] = {0x3F, 0x00, 0x7F, 0xFF, 0x5F, 0x3A};

static bool open_book(struct modem *m, unsigned nth, struct book *b)
{
    *b = (struct book){0};
    if (nth != BOOK_SM)
        return look_at(m, b, books[nth].fid, SPAN_EMPTY);
    return look_at(m, b, EF_ADN, span_of(telecom, sizeof telecom)) ||
           look_through_pbr(m, b, span_of(telecom_book, sizeof telecom_book)) ||
           look_through_pbr(m, b, span_of(usim_book, sizeof usim_book));
}

/* ---- entries ---- */

/* false: the record cannot be read */
static bool read_entry(struct modem *m, const struct book *b, unsigned index, struct entry *e)
{
    uint8_t bytes[256];
    struct buf record = buf_of(bytes, sizeof bytes);
    struct modem_crsm how = b->at;
    sw_t sw = 0;
    *e = (struct entry){0};
    how.command = CMD_READ_RECORD;
    how.p1 = (uint8_t)index;
    how.p2 = 4;
    how.p3 = (uint8_t)b->record_len;
    if (!modem_restricted(m, &how, &record, &sw) || sw != SW_OK)
        return false;
    struct reader r = rd_of(buf_span(&record));
    struct span name = rd_take(&r, b->record_len - FOOT);
    size_t n = rd_u8(&r);
    e->type = rd_u8(&r);
    struct span digits = rd_take(&r, 10);
    if (!rd_ok(&r))
        return false;
    text_alpha(text_trimmed(name), e->name, sizeof e->name);
    if (n < 1 || n > 11)
        e->type = 129;
    else
        text_number(e->type, span_slice(digits, 0, n - 1), e->number, sizeof e->number);
    e->used = e->name[0] != '\0' || e->number[0] != '\0';
    return true;
}

/* A name as EF.ADN has it: default alphabet, or UCS2 behind 80 (TS 102 221 annex A). */
static bool pack_name(const char *name, size_t room, struct buf *out)
{
    uint8_t bytes[256];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (!text_to_gsm(name, &b)) {
        b = buf_of(bytes, sizeof bytes);
        buf_u8(&b, 0x80);
        if (!text_to_ucs2(name, &b))
            return false;
    }
    if (b.len > room)
        return false;
    buf_put(out, buf_span(&b));
    buf_fill(out, 0xFF, room - b.len);
    return true;
}

/* type: 0 for what the number says by itself. */
static at_result write_entry(struct at_call *c, const struct book *b, unsigned index, const char *number,
                             uint8_t type, const char *name)
{
    uint8_t bytes[256], address[SMS_ADDRESS_MAX];
    struct buf record = buf_of(bytes, sizeof bytes), packed = buf_of(address, sizeof address);
    struct modem_crsm how = b->at;
    sw_t sw = 0;
    if (number[0] == '\0') {
        buf_fill(&record, 0xFF, b->record_len);
    } else {
        if (!pack_name(name, b->record_len - FOOT, &record))
            return AT_CME + CME_TEXT_TOO_LONG;
        if (!at_address_pack(number, type, &packed))
            return AT_CME + CME_INVALID_DIAL;
        buf_u8(&record, (uint8_t)(packed.len - 1)); /* octets of type and digits */
        buf_put(&record, span_slice(buf_span(&packed), 1, packed.len));
        buf_fill(&record, 0xFF, b->record_len - record.len);
    }
    how.command = CMD_UPDATE_RECORD;
    how.p1 = (uint8_t)index;
    how.p2 = 4;
    how.p3 = (uint8_t)b->record_len;
    how.data = buf_span(&record);
    if (!modem_restricted(c->modem, &how, NULL, &sw))
        return AT_CME + CME_SIM_FAILURE;
    if (sw == SW_SECURITY_STATUS || sw == SW_GSM_ACCESS)
        return books[c->at->phonebook].fid == EF_FDN ? at_pin2_refused(c) : AT_CME + CME_NOT_ALLOWED;
    return sw == SW_OK ? AT_OK : AT_CME + CME_MEMORY_FAILURE;
}

/* ---- commands ---- */

static void quoted(const struct at *at, const char *utf8, char *to, size_t room)
{
    at_sms_shown(at, utf8, to, room);
}

static void say_entry(struct at *at, const char *what, unsigned index, const struct entry *e)
{
    char name[1200], number[4 * AT_NUMBER_MAX];
    quoted(at, e->name, name, sizeof name);
    quoted(at, e->number, number, sizeof number);
    at_say(at, "%s: %u,\"%s\",%u,\"%s\"", what, index, number, e->type, name);
}

static at_result storage(struct at_call *c)
{
    struct book b;
    struct entry e;
    char list[64] = "";
    size_t n = 0;
    if (c->form == AT_SET) {
        for (unsigned i = 0; i < N_BOOKS; i++)
            if (at_is(at_text(c, 0), books[i].name) && open_book(c->modem, i, &b)) {
                c->at->phonebook = (uint8_t)i;
                return AT_OK;
            }
        return AT_CME + CME_NOT_ALLOWED;
    }
    if (c->form == AT_TEST) {
        for (unsigned i = 0; i < N_BOOKS; i++)
            if (modem_sim_state(c->modem) == MODEM_SIM_READY && open_book(c->modem, i, &b))
                n +=
                    (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", n == 0 ? "" : ",", books[i].name);
        at_say(c->at, "+CPBS: (%s)", list);
        return AT_OK;
    }
    if (!open_book(c->modem, c->at->phonebook, &b))
        return AT_CME + CME_NOT_FOUND;
    for (unsigned i = 1; i <= b.records; i++)
        n += read_entry(c->modem, &b, i, &e) && e.used;
    at_say(c->at, "+CPBS: \"%s\",%zu,%u", books[c->at->phonebook].name, n, b.records);
    return AT_OK;
}

static at_result read_entries(struct at_call *c)
{
    struct book b;
    struct entry e;
    if (c->form == AT_TEST && modem_sim_state(c->modem) != MODEM_SIM_READY)
        return at_sim_error(modem_sim_state(c->modem), FAMILY_CME);
    if (!open_book(c->modem, c->at->phonebook, &b))
        return AT_CME + CME_NOT_FOUND;
    if (c->form == AT_TEST) {
        at_say(c->at, "+CPBR: (1-%u),%d,%u", b.records, DIGITS_MAX, b.record_len - FOOT);
        return AT_OK;
    }
    unsigned from = at_number(c, 0, 0), to = at_number(c, 1, from);
    if (from == 0 || from > b.records || to < from)
        return AT_CME + CME_INVALID_INDEX;
    for (unsigned i = from; i <= to && i <= b.records; i++)
        if (read_entry(c->modem, &b, i, &e) && e.used)
            say_entry(c->at, "+CPBR", i, &e);
    return AT_OK;
}

/* The name begins with the text, letters of either case. */
static bool begins(const char *name, const char *text)
{
    for (; *text != '\0'; name++, text++)
        if (tolower((unsigned char)*name) != tolower((unsigned char)*text))
            return false;
    return true;
}

static at_result find_entries(struct at_call *c)
{
    struct book b;
    struct entry e;
    char text[256];
    bool found = false;
    if (c->form == AT_TEST && modem_sim_state(c->modem) != MODEM_SIM_READY)
        return at_sim_error(modem_sim_state(c->modem), FAMILY_CME);
    if (!open_book(c->modem, c->at->phonebook, &b))
        return AT_CME + CME_NOT_FOUND;
    if (c->form == AT_TEST) {
        at_say(c->at, "+CPBF: %d,%u", DIGITS_MAX, b.record_len - FOOT);
        return AT_OK;
    }
    if (!at_charset_from(c->at->charset, at_text(c, 0), text, sizeof text))
        return AT_CME + CME_INVALID_TEXT;
    for (unsigned i = 1; i <= b.records; i++)
        if (read_entry(c->modem, &b, i, &e) && e.used && begins(e.name, text)) {
            say_entry(c->at, "+CPBF", i, &e);
            found = true;
        }
    return found ? AT_OK : AT_CME + CME_NOT_FOUND;
}

static unsigned first_free(struct modem *m, const struct book *b)
{
    struct entry e;
    for (unsigned i = 1; i <= b->records; i++)
        if (read_entry(m, b, i, &e) && !e.used)
            return i;
    return 0;
}

/* <number> and <type>; neither: the entry goes. */
static at_result take_number(struct at_call *c, char number[AT_NUMBER_MAX], uint8_t *type)
{
    char text[512];
    const uint32_t given = at_number(c, 2, 129);
    if (!at_given(c, 1))
        return AT_OK;
    size_t n =
        at_charset_from(c->at->charset, at_text(c, 1), text, sizeof text) ? strlen(text) : at_text(c, 1).n;
    const bool good = at_sms_number(c->at, at_text(c, 1), given, number);
    if (good)
        n = strlen(number) - (number[0] == '+');
    if (n > (good ? DIGITS_MAX : DIGITS_MAX + 1)) /* with its + */
        return AT_CME + CME_DIAL_TOO_LONG;
    *type = at_given(c, 2) ? (uint8_t)given : 0;
    return good ? AT_OK : AT_CME + CME_INVALID_DIAL;
}

static at_result write_one(struct at_call *c)
{
    struct book b;
    uint8_t type = 0;
    char number[AT_NUMBER_MAX] = "", name[512];
    if (c->form == AT_TEST && modem_sim_state(c->modem) != MODEM_SIM_READY)
        return at_sim_error(modem_sim_state(c->modem), FAMILY_CME);
    if (!open_book(c->modem, c->at->phonebook, &b))
        return AT_CME + CME_NOT_FOUND;
    if (c->form == AT_TEST) {
        at_say(c->at, "+CPBW: (1-%u),%d,(129,145,161),%u", b.records, DIGITS_MAX, b.record_len - FOOT);
        return AT_OK;
    }
    unsigned index = at_given(c, 0) ? at_number(c, 0, 0) : first_free(c->modem, &b);
    if (index == 0)
        return AT_CME + (at_given(c, 0) ? CME_INVALID_INDEX : CME_MEMORY_FULL);
    if (index > b.records)
        return AT_CME + CME_INVALID_INDEX;
    const at_result given = take_number(c, number, &type);
    if (given != AT_OK)
        return given;
    if (!at_charset_from(c->at->charset, at_text(c, 3), name, sizeof name))
        return AT_CME + CME_INVALID_TEXT;
    if (number[0] == '\0' && name[0] != '\0') /* without either, the entry goes; a name alone is none */
        return AT_CME + CME_PARAMETERS;
    return write_entry(c, &b, index, number, type, name);
}

static at_result own_number(struct at_call *c)
{
    struct book b;
    struct entry e;
    if (!open_book(c->modem, BOOK_ON, &b))
        return AT_OK; /* no file, no number */
    for (unsigned i = 1; i <= b.records; i++) {
        char name[1200], number[4 * AT_NUMBER_MAX];
        if (!read_entry(c->modem, &b, i, &e) || e.number[0] == '\0')
            continue;
        quoted(c->at, e.name, name, sizeof name);
        quoted(c->at, e.number, number, sizeof number);
        at_say(c->at, "+CNUM: \"%s\",\"%s\",%u", name, number, e.type);
    }
    return AT_OK;
}

static const struct at_command rows[] = {
    {"+CPBS", "27.007 8.11", "s,[s", storage, AT_READ | AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM, FAMILY_CME,
     0, 0},
    {"+CPBR", "27.007 8.12", "n,[n", read_entries, AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM, FAMILY_CME, 0,
     0},
    {"+CPBF", "27.007 8.13", "s", find_entries, AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM, FAMILY_CME, 0, 0},
    {"+CPBW", "27.007 8.14", "[n,s,(129,145,161),s,s,n", write_one, AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM,
     FAMILY_CME, 0, 0},
    {"+CNUM", "27.007 7.1", "", own_number, AT_EXECUTE | AT_TEST, NEEDS_SIM, FAMILY_CME, 0, 0},
};
const struct at_table at_table_phonebook = {rows, sizeof rows / sizeof rows[0]};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "decode_text.h"
#include "hex.h"
#include "lines.h"
#include "modem_script_inner.h"
#include "sms.h"
#include "tlv.h"

enum { ENVELOPE_HEADER = 5 };

/* -- short messages -- */

static void reported(void *ctx, const struct modem_report *report)
{
    struct script *s = ctx;
    (void)report;
    s->reports++;
}

/* A TPDU; or the ENVELOPE command that `softuicc change --print` and `ota encode` write, which has one in it.
 */
static bool deliver(struct script *s, const char *hex, const char *centre)
{
    uint8_t octets[ENVELOPE_HEADER + 256];
    struct buf b = buf_of(octets, sizeof octets);
    struct envelope_sms_pp e = {.tpdu = SPAN_EMPTY};
    char number_text[22] = "";
    if (!hex_parse(hex, &b, NULL) || b.len < 10)
        return script_wrong(s, "'%.40s' is neither a short message nor the ENVELOPE of one, in hex", hex);
    struct span tpdu = buf_span(&b);
    if (octets[0] == 0x80 && octets[1] == 0xC2) {
        if (!envelope_sms_pp_parse(span_slice(tpdu, ENVELOPE_HEADER, octets[4]), &e))
            return script_wrong(s, "this ENVELOPE has no short message in it");
        tpdu = e.tpdu;
        if (centre == NULL && e.address.n > 1 && bcd_unpack(span_slice(e.address, 1, 10), number_text + 1)) {
            number_text[0] = '+';
            centre = (e.address.p[0] & 0x70) == 0x10 ? number_text : number_text + 1;
        }
    }
    const unsigned before = s->reports;
    if (!modem_sms_deliver(s->world.modem, centre != NULL ? centre : "12345", tpdu, reported, s))
        return script_wrong(s, "the terminal cannot take a message now: it is not registered");
    const uint64_t until = loop_now(s->world.loop) + s->world.patience_ms;
    while (s->reports == before && loop_now(s->world.loop) < until)
        if (!script_step(s, until))
            return false;
    return s->reports != before || script_wrong(s, "the message was not answered");
}

static bool deliver_file(struct script *s, FILE *f, const char *path, const char *centre)
{
    char *line = NULL;
    size_t room = 0, delivered = 0;
    bool good = true;
    while (good && lines_next(&line, &room, f) >= 0) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0')
            continue;
        good = deliver(s, line + strspn(line, " \t>"), centre);
        delivered++;
    }
    good = good && (errno == 0 || script_wrong(s, "%.200s: %s", path, lines_trouble()));
    free(line);
    return good && (delivered > 0 || script_wrong(s, "%.200s: no message in it", path));
}

static bool run_sms(struct script *s, const struct words *w)
{
    const char *centre = w->n > 2 ? w->at[2] : NULL;
    const size_t n = strlen(w->at[1]);
    if (n >= 20 && strspn(w->at[1], "0123456789abcdefABCDEF") == n)
        return deliver(s, w->at[1], centre);
    FILE *f = fopen(w->at[1], "re");
    if (f == NULL)
        return script_wrong(s, "%.200s: %s", w->at[1], strerror(errno));
    const bool good = deliver_file(s, f, w->at[1], centre);
    fclose(f);
    return good;
}

static bool run_send(struct script *s, const struct words *w)
{
    uint8_t octets[SMS_TPDU_MAX], address[SMS_ADDRESS_MAX], reference;
    struct buf tpdu = buf_of(octets, sizeof octets), to = buf_of(address, sizeof address);
    if (!sms_address_pack(w->at[1], &to))
        return script_wrong(s, "'%.40s' is no number", w->at[1]);
    const struct sms_submit sms = {
        .destination = buf_span(&to), .dcs = 0x04, .user_data = span_of(w->at[2], strlen(w->at[2]))};
    sms_submit_build(&sms, &tpdu);
    if (!buf_ok(&tpdu))
        return script_wrong(s, "a text of more than %d characters", SMS_UD_MAX);
    const unsigned cause = modem_sms_submit(s->world.modem, NULL, buf_span(&tpdu), &reference);
    return cause == 0 || script_wrong(s, "the message was not taken: cause %u", cause);
}

/* -- the user -- */

bool script_takes(void *ctx, struct span proactive)
{
    const struct script *s = ctx;
    (void)proactive;
    return !s->away;
}

static bool check_user(struct script *s, const struct words *w)
{
    static const char *const states[] = {"here", "away", NULL};
    return script_one_of(s, w->at[1], states);
}

static bool run_user(struct script *s, const struct words *w)
{
    s->away = strcmp(w->at[1], "away") == 0;
    return true;
}

/* The number of the item that begins with this text (items: tag 0F, number and text). 0: none. */
static uint8_t item_named(struct span command, const char *text)
{
    struct span body, item;
    if (!tlv_find(command, 0xD0, &body))
        return 0;
    for (unsigned i = 0; ctlv_find(body, 0x0F, i, &item); i++)
        if (item.n > strlen(text) && memcmp(item.p + 1, text, strlen(text)) == 0)
            return item.p[0];
    return 0;
}

static uint8_t item_of(struct script *s, struct span command, const char *word)
{
    unsigned n;
    if (script_number(word, 255, &n))
        return (uint8_t)n;
    const uint8_t item = item_named(command, word);
    if (item == 0)
        script_wrong(s, "the menu has no item that begins with '%.60s'", word);
    return item;
}

/* TS 102 223 7.2: MENU SELECTION */
static bool run_menu(struct script *s, const struct words *w)
{
    const uint8_t devices[] = {0x01, 0x81}; /* keypad to UICC */
    uint8_t octets[32], answer[256];
    struct buf b = buf_of(octets, sizeof octets), data = buf_of(answer, sizeof answer);
    sw_t sw;
    const struct span menu = modem_stk_menu(s->world.modem);
    if (menu.n == 0)
        return script_wrong(s, "the card has set up no menu");
    const uint8_t item = item_of(s, menu, w->at[1]);
    if (item == 0)
        return false;
    const size_t mark = buf_tlv_open(&b, 0xD3);
    buf_tlv(&b, 0x82, span_of(devices, sizeof devices));
    buf_tlv_u8(&b, 0x90, item);
    buf_tlv_close(&b, mark);
    return (modem_stk_envelope(s->world.modem, buf_span(&b), &data, &sw) && sw == SW_OK) ||
           script_wrong(s, "the card does not take the selection: %04X", sw);
}

static const struct {
    const char *word;
    uint8_t result;
    unsigned words; /* that follow */
} answers[] = {
    {"ok", 0x00, 0},   {"text", 0x00, 1},   {"item", 0x00, 1},   {"yes", 0x00, 0},
    {"no", 0x00, 0},   {"end", 0x10, 0},    {"back", 0x11, 0},   {"nothing", 0x12, 0},
    {"help", 0x13, 0}, {"result", 0x00, 1}, {"refuse", 0x22, 0},
};

static bool check_answer(struct script *s, const struct words *w)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(w->at[1], answers[i].word) == 0)
            return w->n == 2 + answers[i].words ||
                   script_wrong(s, "'answer %s' has %u words after it", w->at[1], answers[i].words);
    return script_wrong(
        s, "'%.40s' is none of ok, yes, no, text, item, end, back, nothing, help, refuse, result", w->at[1]);
}

static void put_octet(struct buf *b, uint8_t octet) /* TS 102 223 6.4.2: yes or no, to GET INKEY */
{
    const uint8_t value[] = {0x04, octet};
    buf_tlv(b, 0x8D, span_of(value, sizeof value));
}

static void put_text(struct buf *b, const char *text)
{
    const size_t mark = buf_tlv_open(b, 0x8D);
    text_string(text, b);
    buf_tlv_close(b, mark);
}

static bool run_answer(struct script *s, const struct words *w)
{
    uint8_t octets[255], result = 0, additional[2];
    struct buf b = buf_of(octets, sizeof octets), more = buf_of(additional, sizeof additional);
    sw_t sw;
    const struct span waiting = modem_stk_waiting(s->world.modem);
    if (waiting.n == 0)
        return script_wrong(s, "the card waits for no answer");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(w->at[1], answers[i].word) == 0)
            result = answers[i].result;
    if (strcmp(w->at[1], "text") == 0)
        put_text(&b, w->at[2]);
    else if (strcmp(w->at[1], "yes") == 0)
        put_octet(&b, 0x01);
    else if (strcmp(w->at[1], "no") == 0)
        put_octet(&b, 0x00);
    if (strcmp(w->at[1], "item") == 0) {
        const uint8_t item = item_of(s, waiting, w->at[2]);
        if (item == 0)
            return false;
        buf_tlv_u8(&b, 0x90, item);
    }
    if (strcmp(w->at[1], "result") == 0) { /* general result, and what belongs to it, in hex */
        uint8_t given[3];
        struct buf g = buf_of(given, sizeof given);
        if (!hex_parse(w->at[2], &g, NULL) || g.len < 1)
            return script_wrong(s, "'%.40s' is no result: one to three octets in hex", w->at[2]);
        result = given[0];
        buf_put(&more, span_of(given + 1, g.len - 1));
    }
    /* TS 102 223 6.8: the rest of a TERMINAL RESPONSE takes some of its 255 octets. */
    enum { ANSWER_MAX = 255 - 5 - 4 - 3 };
    if (!buf_ok(&b) || b.len > ANSWER_MAX)
        return script_wrong(s, "an answer of more than %d characters", ANSWER_MAX - 4);
    return modem_stk_answer(s->world.modem, result, buf_span(&more), buf_span(&b), &sw) ||
           script_wrong(s, "the card is gone");
}

/* -- USSD, raw commands, words -- */

static bool run_ussd(struct script *s, const struct words *w)
{
    if (w->n > 2)
        return network_ussd_script(s->world.network, w->at[1], w->at[2]) ||
               script_wrong(s, "too many or too long");
    return modem_ussd(s->world.modem, 0xF4, span_of(w->at[1], strlen(w->at[1]))) ||
           script_wrong(s, "the network does not answer to '%.60s'", w->at[1]);
}

/* '.' stands for any digit. */
static bool fits(const char *hex, const char *pattern)
{
    for (; *hex != '\0' && *pattern != '\0'; hex++, pattern++) {
        const char want = *pattern >= 'A' && *pattern <= 'F' ? (char)(*pattern - 'A' + 'a') : *pattern;
        if (want == '*')
            return true;
        if (want != '.' && want != *hex)
            return false;
    }
    return *hex == *pattern || *pattern == '*';
}

static bool run_apdu(struct script *s, const struct words *w)
{
    static const size_t room = MODEM_DATA_MAX + 2;
    uint8_t command[300];
    struct buf c = buf_of(command, sizeof command);
    sw_t sw = 0;
    if (!hex_parse(w->at[1], &c, NULL) || c.len < 4)
        return script_wrong(s, "'%.40s' is no command in hex", w->at[1]);
    uint8_t *octets = malloc(room);
    char *hex = malloc(2 * room + 1);
    struct buf data = buf_of(octets, octets != NULL ? room : 0);
    bool good = octets != NULL && hex != NULL;
    if (!good)
        script_wrong(s, "no memory");
    if (good && !modem_apdu(s->world.modem, buf_span(&c), &data, &sw))
        good = script_wrong(s, "the card does not answer");
    if (good) {
        buf_u16(&data, sw);
        hex_format(buf_span(&data), hex);
        if (w->n > 2 && !fits(hex, w->at[2]))
            good = script_wrong(s, "the card answers %.200s, not %.200s", hex, w->at[2]);
    }
    free(octets);
    free(hex);
    return good;
}

/* The object, or the ENVELOPE command that has it, as `ota encode` writes it for cell broadcast and USSD. */
static bool run_envelope(struct script *s, const struct words *w)
{
    uint8_t octets[ENVELOPE_HEADER + 255], answer[256 + 2];
    struct buf b = buf_of(octets, sizeof octets), data = buf_of(answer, sizeof answer);
    char hex[2 * sizeof answer + 1];
    sw_t sw;
    if (!hex_parse(w->at[1], &b, NULL) || b.len < 2)
        return script_wrong(s, "'%.40s' is no envelope in hex", w->at[1]);
    const bool command = octets[0] == 0x80 && octets[1] == 0xC2 && b.len > ENVELOPE_HEADER;
    const struct span envelope =
        command ? span_slice(buf_span(&b), ENVELOPE_HEADER, octets[4]) : buf_span(&b);
    if (!modem_stk_envelope(s->world.modem, envelope, &data, &sw))
        return script_wrong(s, "the card does not answer");
    buf_u16(&data, sw);
    hex_format(buf_span(&data), hex);
    return w->n < 3 || fits(hex, w->at[2]) ||
           script_wrong(s, "the card answers %.200s, not %.200s", hex, w->at[2]);
}

const struct statement script_card_deeds[] = {
    {"sms", 1, 2, NULL, run_sms},
    {"send", 2, 2, NULL, run_send},
    {"user", 1, 1, check_user, run_user},
    {"menu", 1, 1, NULL, run_menu},
    {"answer", 1, 2, check_answer, run_answer},
    {"ussd", 1, 2, NULL, run_ussd},
    {"envelope", 1, 2, NULL, run_envelope},
    {"apdu", 1, 2, NULL, run_apdu},
    {.name = NULL},
};

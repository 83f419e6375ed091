/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_build.h"

#include "command.h"
#include "tlv.h"

/* ---- words ---- */

struct word {
    const char *name;
    uint8_t mask, value;
};

static const struct word *word_of(const struct word *words, size_t n, const char *name, size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, name, length) == 0)
            return &words[i];
    return NULL;
}

static bool set_word(const struct word *words, size_t n, const char *name, uint8_t *octet)
{
    const struct word *w = word_of(words, n, name, strlen(name));
    if (w != NULL)
        *octet = (uint8_t)((*octet & ~w->mask) | w->value);
    return w != NULL;
}

bool ota_check_named(const char *word, uint8_t *spi1)
{
    static const struct word words[] = {{"none", SPI1_CHECK, SPI1_NO_CHECK},
                                        {"rc", SPI1_CHECK, SPI1_RC},
                                        {"cc", SPI1_CHECK, SPI1_CC},
                                        {"ds", SPI1_CHECK, SPI1_DS}};
    return set_word(words, sizeof words / sizeof words[0], word, spi1);
}

bool ota_counter_named(const char *word, uint8_t *spi1)
{
    static const struct word words[] = {{"none", SPI1_COUNTER, SPI1_NO_COUNTER},
                                        {"unchecked", SPI1_COUNTER, SPI1_COUNTER_UNCHECKED},
                                        {"higher", SPI1_COUNTER, SPI1_COUNTER_HIGHER},
                                        {"plus-one", SPI1_COUNTER, SPI1_COUNTER_PLUS_ONE}};
    return set_word(words, sizeof words / sizeof words[0], word, spi1);
}

bool ota_por_named(const char *list, uint8_t *spi2, char wrong[24])
{
    static const struct word words[] = {{"never", SPI2_POR, SPI2_POR_NO},
                                        {"always", SPI2_POR, SPI2_POR_ALWAYS},
                                        {"error", SPI2_POR, SPI2_POR_ON_ERROR},
                                        {"none", SPI2_POR_CHECK, SPI2_POR_NO_CHECK},
                                        {"rc", SPI2_POR_CHECK, SPI2_POR_RC},
                                        {"cc", SPI2_POR_CHECK, SPI2_POR_CC},
                                        {"ds", SPI2_POR_CHECK, SPI2_POR_DS},
                                        {"ciphered", SPI2_POR_CIPHERED, SPI2_POR_CIPHERED},
                                        {"submit", SPI2_POR_SUBMIT, SPI2_POR_SUBMIT}};
    uint8_t octet = 0, seen = 0;
    if (wrong != NULL)
        wrong[0] = '\0';
    for (const char *at = list;;) {
        size_t n = strcspn(at, ",");
        const struct word *w = word_of(words, sizeof words / sizeof words[0], at, n);
        if (w == NULL || (seen & w->mask) != 0) {
            size_t shown = n < 23 ? n : 23;
            if (wrong != NULL) {
                memcpy(wrong, at, shown);
                wrong[shown] = '\0';
            }
            return false;
        }
        octet |= w->value;
        seen |= w->mask;
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    if ((seen & SPI2_POR) == 0)
        return false;
    *spi2 = octet;
    return true;
}

/* ---- scripts ---- */

enum {
    TAG_COMMANDS = 0xAA,
    TAG_COMMANDS_INDEFINITE = 0xAE,
    TAG_RESPONSES = 0xAB,
    TAG_RESPONSES_INDEFINITE = 0xAF,
    TAG_C_APDU = 0x22,
    TAG_R_APDU = 0x23,
    TAG_EXECUTED = 0x80,
    TAG_BAD_FORMAT = 0x90,
    LENGTH_INDEFINITE = 0x80,
    COMMAND_MAX = 65544, /* extended lengths */
};

bool ota_script_add(struct ota_script *s, struct span apdu)
{
    struct buf b = {s->bytes, s->cap, s->used, false};
    if (apdu.n > COMMAND_MAX)
        return false;
    buf_be(&b, apdu.n, 3);
    buf_put(&b, apdu);
    if (!buf_ok(&b))
        return false;
    s->used = b.len;
    s->n++;
    return true;
}

unsigned ota_script_wrong(const struct ota_script *s, enum ota_format format)
{
    struct reader r = rd_of(span_of(s->bytes, s->used));
    for (unsigned i = 1; format == OTA_COMPACT && r.left > 0; i++) {
        struct command c;
        const size_t n = (size_t)rd_be(&r, 3);
        if (command_parse(rd_take(&r, n), &c) != SW_OK || c.extended || (c.has_le && c.data.n > 0))
            return i;
    }
    return 0;
}

void ota_script_build(const struct ota_script *s, enum ota_format format, struct buf *out)
{
    struct reader r = rd_of(span_of(s->bytes, s->used));
    size_t mark = 0;
    if (format == OTA_EXPANDED)
        mark = buf_tlv_open(out, TAG_COMMANDS);
    else if (format == OTA_EXPANDED_INDEFINITE)
        buf_u16(out, TAG_COMMANDS_INDEFINITE << 8 | LENGTH_INDEFINITE);
    while (r.left > 0) {
        size_t n = (size_t)rd_be(&r, 3);
        struct span apdu = rd_take(&r, n);
        if (format == OTA_COMPACT) {
            buf_put(out, apdu);
            buf_fill(out, 0, apdu.n == 4 ? 1 : 0);
        } else
            buf_tlv(out, TAG_C_APDU, apdu);
    }
    if (format == OTA_EXPANDED)
        buf_tlv_close(out, mark);
    else if (format == OTA_EXPANDED_INDEFINITE)
        buf_u16(out, 0); /* end of contents */
}

/* ---- results ---- */

static bool results_compact(struct span data, struct ota_results *out)
{
    struct reader r = rd_of(data);
    out->executed = rd_u8(&r);
    out->sw = rd_u16(&r);
    out->data = rd_rest(&r);
    out->has_executed = out->has_sw = true;
    return rd_ok(&r);
}

static bool results_objects(struct span objects, struct ota_results *out)
{
    struct reader r = rd_of(objects);
    struct tlv t;
    unsigned answers = 0;
    while (tlv_next(&r, &t)) {
        struct reader value = rd_of(t.value);
        switch (t.tag) {
        case TAG_EXECUTED:
            if (t.value.n < 1 || t.value.n > 4)
                return false;
            out->executed = (unsigned)rd_be(&value, t.value.n);
            out->has_executed = true;
            break;
        case TAG_R_APDU:
            if (t.value.n < 2)
                return false;
            answers++;
            out->data = rd_take(&value, t.value.n - 2);
            out->sw = rd_u16(&value);
            out->has_sw = true;
            break;
        case TAG_BAD_FORMAT:
            out->bad_format = true;
            out->bad = rd_u8(&value);
            break;
        default:
            break;
        }
    }
    if (!out->has_executed)
        out->executed = answers;
    return rd_ok(&r);
}

static bool results_expanded(struct span data, struct ota_results *out)
{
    struct reader r = rd_of(data);
    struct tlv t;
    if (data.n >= 4 && data.p[0] == TAG_RESPONSES_INDEFINITE) {
        struct reader end = rd_of(span_slice(data, data.n - 2, 2));
        (void)rd_u8(&r);
        if (rd_u8(&r) != LENGTH_INDEFINITE || rd_u16(&end) != 0)
            return false;
        return results_objects(rd_take(&r, data.n - 4), out);
    }
    return tlv_next(&r, &t) && rd_done(&r) && t.tag == TAG_RESPONSES && results_objects(t.value, out);
}

bool ota_results_parse(struct span data, enum ota_format format, struct ota_results *out)
{
    *out = (struct ota_results){0};
    bool good = format == OTA_COMPACT ? results_compact(data, out) : results_expanded(data, out);
    if (!good)
        *out = (struct ota_results){0};
    return good;
}

const char *ota_bad_format_text(unsigned bad)
{
    switch (bad) {
    case 0x01:
        return "unknown tag";
    case 0x02:
        return "wrong length";
    case 0x03:
        return "length not found";
    default:
        return "reserved";
    }
}

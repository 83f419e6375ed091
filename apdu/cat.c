/* SPDX-License-Identifier: Apache-2.0 */
#include "cat.h"

#include "tlv.h"

#define N(table) (sizeof(table) / sizeof(table)[0])

#define CAT_COMMAND(name, type, clause, octet, bit, to, mandatory)                                           \
    {name, clause, mandatory, type, {octet, bit}, CAT_##to},
const struct cat_command cat_commands[] = {
#include "cat.def"
};
const size_t cat_commands_n = N(cat_commands);

struct coded { /* a row of a table that names a code */
    const char *name;
    uint8_t code;
    struct cat_facility facility;
};

#define CAT_LOCAL_INFO(name, qualifier, octet, bit, tag) {name, qualifier, {octet, bit}},
static const struct coded local_infos[] = {
#include "cat.def"
};
#define CAT_EVENT(name, code, octet, bit) {name, code, {octet, bit}},
static const struct coded events[] = {
#include "cat.def"
};
#define CAT_RESULT(name, code) {name, code, {0, 0}},
static const struct coded results[] = {
#include "cat.def"
};
#define CAT_ENVELOPE(name, tag, clause) {name, tag, {0, 0}},
static const struct coded envelopes[] = {
#include "cat.def"
};
#define CAT_TAG(name, tag) {name, tag, {0, 0}},
static const struct coded tags[] = {
#include "cat.def"
};

static const struct coded *find(const struct coded *table, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

static const char *name_in(const struct coded *table, size_t n, uint32_t code)
{
    const struct coded *c = find(table, n, code);
    return c != NULL ? c->name : NULL;
}

const char *cat_local_info_name(uint8_t qualifier)
{
    return name_in(local_infos, N(local_infos), qualifier);
}

const char *cat_event_name(uint8_t code)
{
    return name_in(events, N(events), code);
}

const char *cat_result_text(uint8_t general_result)
{
    return name_in(results, N(results), general_result);
}

const char *cat_envelope_name(uint32_t tag)
{
    return name_in(envelopes, N(envelopes), tag);
}

const char *cat_tag_name(uint32_t tag)
{
    return name_in(tags, N(tags), tag);
}

const struct cat_command *cat_command(uint8_t type)
{
    for (size_t i = 0; i < cat_commands_n; i++)
        if (cat_commands[i].type == type)
            return &cat_commands[i];
    return NULL;
}

struct cat_facility cat_facility(uint8_t type, uint8_t qualifier)
{
    enum { TIMER_MANAGEMENT = 0x27, TIMER_ACTION = 0x03, TIMER_GET = 0x02 };
    const struct cat_command *c = cat_command(type);
    if (type == CAT_PROVIDE_LOCAL_INFORMATION) {
        const struct coded *info = find(local_infos, N(local_infos), qualifier);
        return info != NULL ? info->facility : (struct cat_facility){0, 0};
    }
    if (type == CAT_GET_READER_STATUS && qualifier == CAT_READER_IDENTIFIER)
        return (struct cat_facility){7, 5};
    if (type == TIMER_MANAGEMENT && (qualifier & TIMER_ACTION) == TIMER_GET)
        return (struct cat_facility){8, 2};
    return c != NULL ? c->facility : (struct cat_facility){0, 0};
}

struct cat_facility cat_event_facility(uint8_t code)
{
    const struct coded *event = find(events, N(events), code);
    return event != NULL ? event->facility : (struct cat_facility){0, 0};
}

bool cat_profile_has(struct span profile, struct cat_facility facility)
{
    struct span octet = facility.octet != 0 ? span_slice(profile, facility.octet - 1u, 1) : SPAN_EMPTY;
    return octet.n == 1 && facility.bit >= 1 && (octet.p[0] >> (facility.bit - 1) & 1) != 0;
}

/* ---- codecs ---- */

static bool details_of(struct span value, struct cat_details *out)
{
    struct reader r = rd_of(value);
    out->number = rd_u8(&r);
    out->type = rd_u8(&r);
    out->qualifier = rd_u8(&r);
    return rd_done(&r);
}

bool cat_proactive_parse(struct span command, struct cat_proactive *out)
{
    struct reader r = rd_of(command), in;
    struct tlv t, details, devices;
    *out = (struct cat_proactive){.rest = SPAN_EMPTY};
    if (!tlv_next(&r, &t) || !rd_done(&r) || t.tag != CAT_PROACTIVE)
        return false;
    in = rd_of(t.value);
    if (!ctlv_next(&in, &details, NULL) || details.tag != CAT_TAG_COMMAND_DETAILS ||
        !details_of(details.value, &out->details) || !ctlv_next(&in, &devices, NULL) ||
        devices.tag != CAT_TAG_DEVICE_IDENTITIES || devices.value.n != 2)
        return false;
    out->from = devices.value.p[0];
    out->to = devices.value.p[1];
    out->rest = rd_rest(&in);
    return true;
}

static void put_details(struct buf *out, const struct cat_details *d)
{
    const uint8_t octets[3] = {d->number, d->type, d->qualifier};
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_COMMAND_DETAILS, span_of(octets, 3));
}

void cat_proactive_build(struct buf *out, const struct cat_details *details, uint8_t to, struct span rest)
{
    const uint8_t devices[2] = {CAT_UICC, to};
    size_t mark = buf_tlv_open(out, CAT_PROACTIVE);
    put_details(out, details);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DEVICE_IDENTITIES, span_of(devices, 2));
    buf_put(out, rest);
    buf_tlv_close(out, mark);
}

static bool well_formed(struct span objects)
{
    struct reader r = rd_of(objects);
    struct tlv t;
    while (ctlv_next(&r, &t, NULL))
        ;
    return rd_done(&r);
}

bool cat_proactive_complete(uint8_t type, struct span rest)
{
    const struct cat_command *c = cat_command(type);
    struct span value;
    if (!well_formed(rest))
        return false;
    for (const char *tag = c != NULL ? c->mandatory : ""; *tag != '\0'; tag++)
        if (!ctlv_find(rest, (uint8_t)*tag, 0, &value))
            return false;
    return true;
}

bool cat_response_parse(struct span data, struct cat_response *out)
{
    struct span details, result;
    *out = (struct cat_response){.rest = data};
    if (!well_formed(data) || !ctlv_find(data, CAT_TAG_COMMAND_DETAILS, 0, &details) ||
        !details_of(details, &out->details) || !ctlv_find(data, CAT_TAG_RESULT, 0, &result) || result.n < 1)
        return false;
    out->result = result.p[0];
    out->additional = span_slice(result, 1, result.n);
    return true;
}

void cat_response_build(struct buf *out, const struct cat_details *details, uint8_t result,
                        struct span additional, struct span rest)
{
    const uint8_t devices[2] = {CAT_TERMINAL, CAT_UICC};
    put_details(out, details);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DEVICE_IDENTITIES, span_of(devices, 2));
    size_t mark = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_RESULT);
    buf_u8(out, result);
    buf_put(out, additional);
    buf_tlv_close(out, mark);
    buf_put(out, rest);
}

static uint8_t swapped(uint32_t value)
{
    return (uint8_t)(value % 10 << 4 | value / 10 % 10);
}

void cat_timer_value(uint32_t seconds, uint8_t value[3])
{
    value[0] = swapped(seconds / 3600 > 99 ? 99 : seconds / 3600);
    value[1] = swapped(seconds / 60 % 60);
    value[2] = swapped(seconds % 60);
}

uint32_t cat_timer_seconds(struct span value)
{
    struct reader r = rd_of(value);
    uint32_t seconds = 0;
    for (int i = 0; i < 3; i++) {
        uint8_t octet = rd_u8(&r);
        seconds = seconds * 60 + (octet & 0x0Fu) * 10 + (octet >> 4);
    }
    return seconds;
}

void cat_duration(uint32_t seconds, uint8_t value[2])
{
    enum { MINUTES = 0x00, SECONDS = 0x01 };
    uint32_t minutes = (seconds + 59) / 60;
    value[0] = seconds <= 255 ? SECONDS : MINUTES;
    value[1] = (uint8_t)(seconds <= 255 ? (seconds == 0 ? 1 : seconds) : minutes > 255 ? 255 : minutes);
}

uint32_t cat_duration_seconds(struct span value)
{
    enum { MINUTES = 0x00, SECONDS = 0x01, TENTHS = 0x02 };
    if (value.n != 2 || value.p[0] > TENTHS)
        return 0;
    const uint32_t n = value.p[1];
    return value.p[0] == MINUTES ? n * 60 : value.p[0] == SECONDS ? n : (n + 9) / 10;
}

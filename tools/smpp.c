/* SPDX-License-Identifier: Apache-2.0 */
#include "smpp.h"

/* Its headers want these to be there already. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <libsmpp34/smpp34.h>
#include <libsmpp34/smpp34_structs.h>

#include "crypto.h"

/* ---- names ---- */

static const struct {
    uint32_t command;
    const char *name, *response;
} commands[] = {
    {SMPP_BIND_RECEIVER, "bind_receiver", "bind_receiver_resp"},
    {SMPP_BIND_TRANSMITTER, "bind_transmitter", "bind_transmitter_resp"},
    {SMPP_QUERY_SM, "query_sm", "query_sm_resp"},
    {SMPP_SUBMIT_SM, "submit_sm", "submit_sm_resp"},
    {SMPP_DELIVER_SM, "deliver_sm", "deliver_sm_resp"},
    {SMPP_UNBIND, "unbind", "unbind_resp"},
    {SMPP_BIND_TRANSCEIVER, "bind_transceiver", "bind_transceiver_resp"},
    {SMPP_ENQUIRE_LINK, "enquire_link", "enquire_link_resp"},
    {0, "reserved", "generic_nack"},
};

const char *smpp_command_name(uint32_t command)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].command == (command & ~SMPP_RESPONSE))
            return (command & SMPP_RESPONSE) != 0 ? commands[i].response : commands[i].name;
    return "unknown command";
}

const char *smpp_status_text(uint32_t status)
{
    switch (status) {
    case SMPP_OK:
        return "ok";
    case SMPP_INVALID_MESSAGE_LENGTH:
        return "invalid message length";
    case SMPP_INVALID_COMMAND_LENGTH:
        return "invalid command length";
    case SMPP_INVALID_COMMAND:
        return "invalid command";
    case SMPP_WRONG_BIND_STATUS:
        return "not in this bind state";
    case SMPP_ALREADY_BOUND:
        return "bound already";
    case SMPP_SYSTEM_ERROR:
        return "system error";
    case SMPP_INVALID_SOURCE:
        return "invalid source address";
    case SMPP_INVALID_DESTINATION:
        return "invalid destination address";
    case SMPP_BIND_FAILED:
        return "bind failed";
    case SMPP_INVALID_PASSWORD:
        return "invalid password";
    case ESME_RINVSYSID:
        return "invalid system_id";
    case SMPP_QUEUE_FULL:
        return "message queue full";
    case SMPP_SUBMIT_FAILED:
        return "submit failed";
    case ESME_RINVESMCLASS:
        return "invalid esm_class";
    case ESME_RTHROTTLED:
        return "throttled";
    case SMPP_INVALID_SOURCE_TON:
    case SMPP_INVALID_SOURCE_NPI:
        return "invalid type of source address";
    case SMPP_INVALID_DESTINATION_TON:
    case SMPP_INVALID_DESTINATION_NPI:
        return "invalid type of destination address";
    case SMPP_INVALID_OPTIONAL:
        return "error in the optional parameters";
    case SMPP_INVALID_PARAMETER_LENGTH:
        return "invalid parameter length";
    case SMPP_MISSING_OPTIONAL:
        return "an optional parameter is missing";
    case SMPP_INVALID_OPTIONAL_VALUE:
        return "invalid value of an optional parameter";
    default:
        return "error";
    }
}

bool smpp_address(const char *number, struct smpp_address *out)
{
    *out = (struct smpp_address){.ton = SMPP_TON_UNKNOWN, .npi = SMPP_NPI_E164};
    if (number[0] == '+') {
        out->ton = SMPP_TON_INTERNATIONAL;
        number++;
    }
    size_t n = strlen(number);
    if (n < 1 || n > SMPP_ADDRESS_MAX || strspn(number, "0123456789") != n)
        return false;
    memcpy(out->digits, number, n + 1);
    return true;
}

/* ---- the fence ---- */

enum kind {
    OCTET = 1,
    TEXT, /* C-octet string of at most max octets, its NUL included */
    TON,  /* an octet of those that there are */
    NPI,
    VERSION, /* interface_version: the library takes its own only, others are none of its business */
    MESSAGE, /* sm_length and short_message */
};

struct parameter {
    uint8_t kind, max;
    uint8_t status; /* what to refuse with */
};

/* Mandatory parameters in their order: SMPP 3.4, 4.1.1, 4.1.2, 4.4.1, 4.4.2. A kind of 0 ends them. */
static const struct parameter bind_parameters[] = {
    {TEXT, 16, ESME_RINVSYSID},  {TEXT, 9, ESME_RINVPASWD},
    {TEXT, 13, ESME_RINVSYSTYP}, {VERSION, 0, ESME_RINVCMDLEN},
    {TON, 0, ESME_RBINDFAIL},    {NPI, 0, ESME_RBINDFAIL},
    {TEXT, 41, ESME_RBINDFAIL},  {0, 0, 0},
};
static const struct parameter bind_resp_parameters[] = {{TEXT, 16, ESME_RINVSYSID}, {0, 0, 0}};
static const struct parameter message_parameters[] = {
    {TEXT, 6, ESME_RINVSERTYP},
    {TON, 0, ESME_RINVSRCTON},
    {NPI, 0, ESME_RINVSRCNPI},
    {TEXT, 21, ESME_RINVSRCADR},
    {TON, 0, ESME_RINVDSTTON},
    {NPI, 0, ESME_RINVDSTNPI},
    {TEXT, 21, ESME_RINVDSTADR},
    {OCTET, 0, ESME_RINVCMDLEN}, /* esm_class */
    {OCTET, 0, ESME_RINVCMDLEN}, /* protocol_id */
    {OCTET, 0, ESME_RINVCMDLEN}, /* priority_flag */
    {TEXT, 17, ESME_RINVSCHED},
    {TEXT, 17, ESME_RINVEXPIRY},
    {OCTET, 0, ESME_RINVCMDLEN}, /* registered_delivery */
    {OCTET, 0, ESME_RINVCMDLEN}, /* replace_if_present_flag */
    {OCTET, 0, ESME_RINVCMDLEN}, /* data_coding */
    {OCTET, 0, ESME_RINVCMDLEN}, /* sm_default_msg_id */
    {MESSAGE, SMPP_MESSAGE_MAX, ESME_RINVMSGLEN},
    {0, 0, 0},
};
static const struct parameter message_resp_parameters[] = {{TEXT, 65, ESME_RINVMSGID}, {0, 0, 0}};
static const struct parameter no_parameters[] = {{0, 0, 0}};

static const struct parameter *parameters_of(uint32_t command)
{
    switch (command) {
    case BIND_RECEIVER:
    case BIND_TRANSMITTER:
    case BIND_TRANSCEIVER:
        return bind_parameters;
    case BIND_RECEIVER_RESP:
    case BIND_TRANSMITTER_RESP:
    case BIND_TRANSCEIVER_RESP:
        return bind_resp_parameters;
    case SUBMIT_SM:
    case DELIVER_SM:
        return message_parameters;
    case SUBMIT_SM_RESP:
    case DELIVER_SM_RESP:
        return message_resp_parameters;
    case UNBIND:
    case UNBIND_RESP:
    case ENQUIRE_LINK:
    case ENQUIRE_LINK_RESP:
    case GENERIC_NACK:
        return no_parameters;
    default:
        return NULL;
    }
}

static bool npi_known(uint8_t npi)
{
    static const uint8_t known[] = {NPI_Unknown,          NPI_ISDN_E163_E164, NPI_Data_X121, NPI_Telex_F69,
                                    NPI_Land_Mobile_E212, NPI_National,       NPI_Private,   NPI_ERMES,
                                    NPI_Internet_IP,      NPI_WAP_Client_Id};
    return memchr(known, npi, sizeof known) != NULL;
}

/* A string with its terminator. */
static bool skip_text(struct reader *r, size_t max)
{
    const uint8_t *end = r->left > 0 ? memchr(r->p, 0, r->left < max ? r->left : max) : NULL;
    if (end == NULL)
        return false;
    (void)rd_take(r, (size_t)(end - r->p) + 1);
    return true;
}

/* Walks over the mandatory parameters. `copy` is the same octets, where the walk puts the one version that
 * the library takes. SMPP_OK, or what to refuse with. */
static uint32_t walk(const struct parameter *p, struct reader *r, uint8_t *copy, const uint8_t *start,
                     uint8_t *version)
{
    for (; p->kind != 0; p++) {
        const size_t at = (size_t)(r->p - start);
        uint8_t octet = 0;
        if (p->kind == TEXT) {
            if (!skip_text(r, p->max))
                return p->status;
            continue;
        }
        octet = rd_u8(r);
        if (!rd_ok(r))
            return SMPP_INVALID_COMMAND_LENGTH;
        if (p->kind == VERSION) {
            *version = octet;
            copy[at] = SMPP_VERSION;
        } else if ((p->kind == TON && octet > TON_Abbreviated) || (p->kind == NPI && !npi_known(octet))) {
            return p->status;
        } else if (p->kind == MESSAGE && (octet > p->max || rd_take(r, octet).n != octet)) {
            return p->status;
        }
    }
    return SMPP_OK;
}

/* ---- taking apart ---- */

/* Any PDU as the library has it. */
union library_pdu {
    generic_nack_t header;
    bind_transceiver_t bind; /* the three binds are the same */
    bind_transceiver_resp_t bind_resp;
    submit_sm_t submit;
    submit_sm_resp_t submit_resp;
    deliver_sm_t deliver;
    deliver_sm_resp_t deliver_resp;
};

static void take_text(char *to, size_t room, const uint8_t *from)
{
    snprintf(to, room, "%s", (const char *)from);
}

static void take_address(struct smpp_address *to, uint8_t ton, uint8_t npi, const uint8_t *digits)
{
    to->ton = ton;
    to->npi = npi;
    take_text(to->digits, sizeof to->digits, digits);
}

#define TAKE_MESSAGE(to, from)                                                                               \
    do {                                                                                                     \
        take_address(&(to)->source, (from)->source_addr_ton, (from)->source_addr_npi, (from)->source_addr);  \
        take_address(&(to)->destination, (from)->dest_addr_ton, (from)->dest_addr_npi,                       \
                     (from)->destination_addr);                                                              \
        (to)->esm_class = (from)->esm_class;                                                                 \
        (to)->protocol_id = (from)->protocol_id;                                                             \
        (to)->data_coding = (from)->data_coding;                                                             \
        (to)->registered_delivery = (from)->registered_delivery;                                             \
        (to)->n = (from)->sm_length;                                                                         \
        memcpy((to)->data, (from)->short_message, (from)->sm_length);                                        \
    } while (0)

static void take(const union library_pdu *from, struct smpp_pdu *out)
{
    switch (out->command) {
    case BIND_RECEIVER:
    case BIND_TRANSMITTER:
    case BIND_TRANSCEIVER:
        take_text(out->system_id, sizeof out->system_id, from->bind.system_id);
        take_text(out->password, sizeof out->password, from->bind.password);
        break;
    case BIND_RECEIVER_RESP:
    case BIND_TRANSMITTER_RESP:
    case BIND_TRANSCEIVER_RESP:
        take_text(out->system_id, sizeof out->system_id, from->bind_resp.system_id);
        break;
    case SUBMIT_SM:
        TAKE_MESSAGE(&out->message, &from->submit);
        break;
    case DELIVER_SM:
        TAKE_MESSAGE(&out->message, &from->deliver);
        break;
    case SUBMIT_SM_RESP:
        take_text(out->message_id, sizeof out->message_id, from->submit_resp.message_id);
        break;
    default:
        break;
    }
}

/* sar_msg_ref_num, sar_total_segments, sar_segment_seqnum */
struct segment {
    bool is[3];
    uint16_t value[3];
};
enum { SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER };

/* true: it was one of them. *status: what is wrong with it. */
static bool take_segment(uint16_t tag, struct span value, struct segment *s, uint32_t *status)
{
    static const struct {
        uint16_t tag;
        uint8_t octets;
    } rows[] = {{TLVID_sar_msg_ref_num, 2}, {TLVID_sar_total_segments, 1}, {TLVID_sar_segment_seqnum, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader r = rd_of(value);
        if (rows[i].tag != tag)
            continue;
        if (value.n != rows[i].octets)
            *status = SMPP_INVALID_PARAMETER_LENGTH;
        s->is[i] = true;
        s->value[i] = (uint16_t)rd_be(&r, value.n < 2 ? value.n : 2);
        return true;
    }
    return false;
}

/* TS 23.040 9.2.3.24: the header that the message has is one, and does not say of which part this is itself.
 */
static bool header_is_free(struct span data)
{
    enum { CONCATENATED_8 = 0x00, CONCATENATED_16 = 0x08 };
    struct reader r = rd_of(data), h = rd_of(rd_take(&r, rd_u8(&r)));
    while (rd_ok(&r) && h.left > 0) {
        const uint8_t element = rd_u8(&h);
        (void)rd_take(&h, rd_u8(&h));
        if (!rd_ok(&h) || element == CONCATENATED_8 || element == CONCATENATED_16)
            return false;
    }
    return rd_ok(&r);
}

/* Puts the element for a part in front of what the user data header has else. */
static uint32_t put_segment(const struct segment *s, struct smpp_message *m)
{
    if (!s->is[SAR_REFERENCE] && !s->is[SAR_TOTAL] && !s->is[SAR_NUMBER])
        return SMPP_OK;
    if (!s->is[SAR_REFERENCE] || !s->is[SAR_TOTAL] || !s->is[SAR_NUMBER])
        return SMPP_MISSING_OPTIONAL;
    const uint16_t reference = s->value[SAR_REFERENCE];
    const uint8_t total = (uint8_t)s->value[SAR_TOTAL], number = (uint8_t)s->value[SAR_NUMBER];
    const struct span data = span_of(m->data, m->n);
    const bool udhi = (m->esm_class & SMPP_CLASS_UDHI) != 0;
    if (number == 0 || number > total || (udhi && !header_is_free(data)))
        return SMPP_INVALID_OPTIONAL_VALUE;
    if (total == 1)
        return SMPP_OK;
    const uint8_t wide[] = {0x08, 4, (uint8_t)(reference >> 8), (uint8_t)reference, total, number},
                  narrow[] = {0x00, 3, (uint8_t)reference, total, number};
    const struct span element =
        reference > 0xFF ? span_of(wide, sizeof wide) : span_of(narrow, sizeof narrow);
    uint8_t octets[sizeof m->data];
    struct buf b = buf_of(octets, sizeof octets);
    buf_u8(&b, (uint8_t)(element.n + (udhi ? data.p[0] : 0)));
    buf_put(&b, element);
    buf_put(&b, span_slice(data, udhi ? 1 : 0, data.n));
    if (!buf_ok(&b))
        return SMPP_INVALID_MESSAGE_LENGTH;
    memcpy(m->data, octets, b.len);
    m->n = b.len;
    m->esm_class |= SMPP_CLASS_UDHI;
    return SMPP_OK;
}

/* Optional parameters (5.3): of them only message_payload, which stands in for short_message, and what makes
 * it a part of a longer one is looked at. */
static uint32_t take_optional(struct reader *r, struct smpp_pdu *out)
{
    struct segment segment = {.is = {false}};
    uint32_t status = SMPP_OK;
    while (r->left > 0) {
        const uint16_t tag = rd_u16(r);
        const struct span value = rd_take(r, rd_u16(r));
        if (!rd_ok(r))
            return SMPP_INVALID_OPTIONAL;
        if (take_segment(tag, value, &segment, &status) || tag != TLVID_message_payload)
            continue;
        if (value.n > sizeof out->message.data || out->message.n > 0)
            return SMPP_INVALID_MESSAGE_LENGTH;
        out->message.n = value.n;
        if (value.n > 0)
            memcpy(out->message.data, value.p, value.n);
    }
    const bool message = out->command == SUBMIT_SM || out->command == DELIVER_SM;
    return status != SMPP_OK || !message ? status : put_segment(&segment, &out->message);
}

uint32_t smpp_length(struct span stream)
{
    struct reader r = rd_of(stream);
    return rd_u32(&r);
}

/* The library's log repeats what it read and wrote: passwords, too. */
static void forget(union library_pdu *library, uint8_t *bytes)
{
    crypto_wipe(library, sizeof *library);
    crypto_wipe(bytes, SMPP_PDU_MAX);
    crypto_wipe(smpp34_strerror, sizeof smpp34_strerror);
}

static uint32_t parse_body(const struct parameter *parameters, struct span pdu, struct smpp_pdu *out)
{
    uint8_t copy[SMPP_PDU_MAX + 1]; /* one more: the library's strlen is to find an end */
    union library_pdu library;
    memcpy(copy, pdu.p, pdu.n);
    struct reader r = rd_of(pdu);
    (void)rd_take(&r, SMPP_HEADER);
    uint32_t status = walk(parameters, &r, copy, pdu.p, &out->version);
    if (status != SMPP_OK)
        return status;
    /* The mandatory part alone, with a header that the library has no objections to. */
    const size_t n = pdu.n - r.left;
    struct buf header = buf_of(copy, SMPP_HEADER);
    buf_u32(&header, (uint32_t)n);
    buf_u32(&header, out->command);
    buf_u32(&header, SMPP_OK);
    buf_u32(&header, 1);
    copy[n] = 0;
    memset(&library, 0, sizeof library);
    bool good = smpp34_unpack(out->command, &library, copy, (int)n) == 0;
    if (good)
        take(&library, out);
    forget(&library, copy);
    if (!good)
        return SMPP_UNKNOWN_ERROR; /* a deliver_sm with a time, say */
    return take_optional(&r, out);
}

uint32_t smpp_parse(struct span pdu, struct smpp_pdu *out)
{
    struct reader r = rd_of(pdu);
    memset(out, 0, sizeof *out);
    const uint32_t length = rd_u32(&r);
    out->command = rd_u32(&r);
    out->status = rd_u32(&r);
    out->sequence = rd_u32(&r);
    if (!rd_ok(&r) || length != pdu.n || pdu.n > SMPP_PDU_MAX)
        return SMPP_INVALID_COMMAND_LENGTH;
    const struct parameter *parameters = parameters_of(out->command);
    if (parameters == NULL)
        return SMPP_INVALID_COMMAND;
    /* An answer that refuses may come without its body (5.1.3), and some that do not refuse do, too. The
     * message_id of deliver_sm_resp is not used (4.6.2), whatever it is. */
    if ((out->command & SMPP_RESPONSE) != 0 &&
        (out->status != SMPP_OK || r.left == 0 || out->command == DELIVER_SM_RESP))
        return SMPP_OK;
    return parse_body(parameters, pdu, out);
}

/* ---- making ---- */

static void put_text(uint8_t *to, size_t room, const char *from)
{
    snprintf((char *)to, room, "%s", from);
}

#define PUT_MESSAGE(to, from)                                                                                \
    do {                                                                                                     \
        (to)->source_addr_ton = (from)->source.ton;                                                          \
        (to)->source_addr_npi = (from)->source.npi;                                                          \
        put_text((to)->source_addr, sizeof(to)->source_addr, (from)->source.digits);                         \
        (to)->dest_addr_ton = (from)->destination.ton;                                                       \
        (to)->dest_addr_npi = (from)->destination.npi;                                                       \
        put_text((to)->destination_addr, sizeof(to)->destination_addr, (from)->destination.digits);          \
        (to)->esm_class = (from)->esm_class;                                                                 \
        (to)->protocol_id = (from)->protocol_id;                                                             \
        (to)->data_coding = (from)->data_coding;                                                             \
        (to)->registered_delivery = (from)->registered_delivery;                                             \
        (to)->sm_length = (uint8_t)(from)->n;                                                                \
        memcpy((to)->short_message, (from)->data, (from)->n);                                                \
    } while (0)

void smpp_build(const struct smpp_pdu *pdu, struct buf *out)
{
    union library_pdu library;
    uint8_t bytes[SMPP_PDU_MAX];
    int n = 0;
    /* The library takes less than the 254 octets of its field. */
    if (parameters_of(pdu->command) == NULL || pdu->message.n >= SMPP_MESSAGE_MAX) {
        out->full = true;
        return;
    }
    memset(&library, 0, sizeof library);
    library.header.command_id = pdu->command;
    switch (pdu->command) {
    case BIND_RECEIVER:
    case BIND_TRANSMITTER:
    case BIND_TRANSCEIVER:
        put_text(library.bind.system_id, sizeof library.bind.system_id, pdu->system_id);
        put_text(library.bind.password, sizeof library.bind.password, pdu->password);
        library.bind.interface_version = SMPP_VERSION;
        break;
    case BIND_RECEIVER_RESP:
    case BIND_TRANSMITTER_RESP:
    case BIND_TRANSCEIVER_RESP:
        put_text(library.bind_resp.system_id, sizeof library.bind_resp.system_id, pdu->system_id);
        break;
    case SUBMIT_SM:
        PUT_MESSAGE(&library.submit, &pdu->message);
        break;
    case DELIVER_SM:
        PUT_MESSAGE(&library.deliver, &pdu->message);
        break;
    case SUBMIT_SM_RESP:
        library.submit_resp.command_status = pdu->status; /* says whether there is a message_id */
        put_text(library.submit_resp.message_id, sizeof library.submit_resp.message_id, pdu->message_id);
        break;
    default:
        break;
    }
    library.header.command_status = SMPP_OK;
    if (pdu->command == SUBMIT_SM_RESP && pdu->status != SMPP_OK)
        library.header.command_status = SMPP_SYSTEM_ERROR;
    library.header.sequence_number = 1;
    bool good = smpp34_pack(pdu->command, bytes, (int)sizeof bytes, &n, &library) == 0 && n >= SMPP_HEADER;
    if (!good) {
        forget(&library, bytes);
        out->full = true;
        return;
    }
    /* Status and sequence number are ours: the library knows not all of the one, and not 0 as the other. */
    struct buf words = buf_of(bytes + 8, 8);
    buf_u32(&words, pdu->status);
    buf_u32(&words, pdu->sequence);
    buf_put(out, span_of(bytes, (size_t)n));
    forget(&library, bytes);
}

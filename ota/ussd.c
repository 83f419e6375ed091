/* SPDX-License-Identifier: Apache-2.0 */
#include "ussd.h"

#include "cat.h"
#include "sms.h"
#include "tlv.h"

const struct ussd_identifiers ussd_identifiers = {UDH_COMMAND_PACKET, UDH_RESPONSE_PACKET};

/* DCS and header; the rest is what the string is about. */
static bool string_parse(struct span string, struct span *user_data, struct sms_udh *udh)
{
    struct reader r = rd_of(string);
    uint8_t dcs = rd_u8(&r);
    *user_data = rd_rest(&r);
    return rd_ok(&r) && dcs == USSD_DCS && user_data->n <= USSD_STRING_MAX && sms_udh_parse(*user_data, udh);
}

bool ussd_envelope_parse(struct span envelope, struct span *packet)
{
    struct span inner, devices, string, user_data;
    struct sms_udh udh;
    if (!tlv_find(envelope, CAT_USSD_DOWNLOAD, &inner) ||
        !ctlv_find(inner, CAT_TAG_DEVICE_IDENTITIES, 0, &devices) || devices.n != 2 ||
        devices.p[0] != CAT_NETWORK || devices.p[1] != CAT_UICC ||
        !ctlv_find(inner, CAT_TAG_USSD_STRING, 0, &string))
        return false;
    if (!string_parse(string, &user_data, &udh) || !udh.command_packet)
        return false;
    *packet = udh.body;
    return true;
}

static void put_string(struct span user_data, struct buf *out)
{
    size_t mark = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_USSD_STRING);
    buf_u8(out, USSD_DCS);
    buf_put(out, user_data);
    buf_tlv_close(out, mark);
    out->full = out->full || user_data.n > USSD_STRING_MAX;
}

void ussd_envelope_build(struct span packet, struct buf *out)
{
    const uint8_t devices[2] = {CAT_NETWORK, CAT_UICC}, header[3] = {2, ussd_identifiers.command, 0};
    uint8_t octets[USSD_STRING_MAX];
    struct buf user_data = buf_of(octets, sizeof octets);
    buf_put(&user_data, span_of(header, sizeof header));
    buf_put(&user_data, packet);
    size_t mark = buf_tlv_open(out, CAT_USSD_DOWNLOAD);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DEVICE_IDENTITIES, span_of(devices, 2));
    put_string(buf_span(&user_data), out);
    buf_tlv_close(out, mark);
    out->full = out->full || !buf_ok(&user_data);
}

void ussd_response_build(struct span response, struct buf *out)
{
    put_string(response, out);
}

bool ussd_response_parse(struct span rest, struct span *response)
{
    struct span string;
    struct sms_udh udh;
    return ctlv_find(rest, CAT_TAG_USSD_STRING, 0, &string) && string_parse(string, response, &udh) &&
           udh.response_packet;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * USAT application pairing: after TERMINAL PROFILE the terminal is asked who it is (PROVIDE LOCAL
 * INFORMATION, IMEI and IMEISV); the answer is looked up in EF.IWL, and written down in EF.IPS and EF.IPD. In
 * a terminal that is not in the list there is no authentication with the network (service "pairing").
 *
 * Who the terminal is holds for this power session only: a card that was moved finds out anew. Whether it may
 * be used in it is looked up each time: the list is the operator's to change, over the air like any file; a
 * change counts at once, and one that is not committed never does.
 */
#include "pairing.h"

#include "cat.h"
#include "services.h"

enum {
    FID_IWL = 0x6FF0, /* ranges of IMEI(SV) that the card may be in */
    FID_IPS = 0x6FF1, /* what came of the last checks, newest first */
    FID_IPD = 0x6FF2, /* the devices that were met */
    TAG_IMEI = 0x80,  /* in EF.IWL and EF.IPD */
    TAG_IMEISV = 0x81,
    IPS_LEN = 4,
    DIGITS_IMEI = 14, /* type allocation code and serial number: the check digit (or spare) does not count,
                         TS 23.003 6.2.1 */
    DIGITS_IMEISV = 16,
    IDENTITY_MAX = 9, /* octets of a mobile identity, TS 24.008 10.5.1.4 */
};

/* The applet's parameters: one octet. */
enum { POLICY_ALLOW_UNKNOWN = 0x00, POLICY_REFUSE_UNKNOWN = 0x01 };

enum verdict { UNKNOWN, PAIRED, FOREIGN };

struct identity {
    uint8_t n, octets[IDENTITY_MAX]; /* n 0: not known */
};

struct state { /* volatile */
    uint8_t asked; /* answers still to come */
    bool asked_sv; /* the IMEISV was asked for */
    bool foreign;  /* and that was noted */
    struct identity imei, imeisv;
};

/* ---- identities ---- */

/* The first n digits of a mobile identity as a number: the first digit is in the first octet's high half,
 * then low half before high half. */
static bool number(struct span identity, unsigned n, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        struct span octet = span_slice(identity, (i + 1) / 2, 1);
        uint8_t digit = octet.n == 0 ? 0x0F : (i + 1) % 2 != 0 ? octet.p[0] >> 4 : octet.p[0] & 0x0F;
        if (digit > 9)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

static struct span identity_span(const struct identity *i)
{
    return span_of(i->octets, i->n);
}

/* ---- EF.IWL ---- */

enum match { NO_RANGE, NOT_KNOWN, OUTSIDE, INSIDE };

/* One record: tag, length, lower and upper bound, of equal length. */
static enum match match(const struct state *s, struct span record)
{
    struct reader r = rd_of(record);
    uint8_t tag = rd_u8(&r);
    struct span value = rd_take(&r, rd_u8(&r));
    bool sv = tag == TAG_IMEISV;
    unsigned digits = sv ? DIGITS_IMEISV : DIGITS_IMEI;
    uint64_t low, high, own;
    if (!rd_ok(&r) || (tag != TAG_IMEI && tag != TAG_IMEISV) || value.n % 2 != 0 ||
        !number(span_slice(value, 0, value.n / 2), digits, &low) ||
        !number(span_slice(value, value.n / 2, value.n), digits, &high))
        return NO_RANGE;
    if (!number(identity_span(sv ? &s->imeisv : &s->imei), digits, &own))
        return NOT_KNOWN;
    return own >= low && own <= high ? INSIDE : OUTSIDE;
}

/* An empty list binds the card to no terminal. */
static enum verdict judge(struct applet self, const struct state *s)
{
    uint16_t file = admin_file(self, FID_IWL);
    struct span list = admin_file_read(self.card, file);
    size_t len = admin_file_record_len(self.card, file);
    bool any = false, unknown = false;
    for (size_t at = 0; len > 0 && at < list.n; at += len)
        switch (match(s, span_slice(list, at, len))) {
        case INSIDE:
            return PAIRED;
        case NOT_KNOWN:
            unknown = true;
            any = true;
            break;
        case OUTSIDE:
            any = true;
            break;
        default:
            break;
        }
    if (!any)
        return PAIRED;
    return unknown && (s->asked > 0 || (s->imei.n == 0 && s->imeisv.n == 0)) ? UNKNOWN : FOREIGN;
}

static bool list_has(struct applet self, uint8_t tag)
{
    uint16_t file = admin_file(self, FID_IWL);
    struct span list = admin_file_read(self.card, file);
    size_t len = admin_file_record_len(self.card, file);
    for (size_t at = 0; len > 0 && at < list.n; at += len)
        if (list.p[at] == tag)
            return true;
    return false;
}

/* ---- EF.IPD, EF.IPS ---- */

/* The device's record in EF.IPD: its old one, or a free one, or that behind the newest device's. 0: the file
 * is not there. */
static uint8_t device_record(struct applet self, struct span object)
{
    uint16_t file = admin_file(self, FID_IPD);
    struct span devices = admin_file_read(self.card, file),
                newest = admin_file_read(self.card, admin_file(self, FID_IPS));
    size_t len = admin_file_record_len(self.card, file), free_at = 0;
    if (len < object.n || devices.n < len)
        return 0;
    for (size_t i = devices.n / len; i >= 1; i--) {
        struct span record = span_slice(devices, (i - 1) * len, len);
        if (span_starts(record, object))
            return (uint8_t)i;
        if (record.p[0] == 0xFF)
            free_at = i;
    }
    return (uint8_t)(free_at != 0 ? free_at : newest.n >= 3 ? newest.p[2] % (devices.n / len) + 1 : 1);
}

static bool write_down(struct applet self, const struct state *s, bool paired)
{
    uint8_t bytes[UINT8_MAX];
    struct buf object = buf_of(bytes, sizeof bytes);
    const struct identity *who =
        s->imeisv.n > 0 && (s->imei.n == 0 || list_has(self, TAG_IMEISV)) ? &s->imeisv : &s->imei;
    buf_tlv(&object, who == &s->imei ? TAG_IMEI : TAG_IMEISV, identity_span(who));
    uint16_t ipd = admin_file(self, FID_IPD), ips = admin_file(self, FID_IPS);
    uint8_t record = device_record(self, buf_span(&object));
    size_t len = admin_file_record_len(self.card, ipd);
    if (record != 0) /* TS 31.102 4.2.102: unused octets are FF */
        buf_fill(&object, 0xFF, len - object.len);
    if (record != 0 && !admin_file_update(self.card, ipd, (record - 1u) * len, buf_span(&object)))
        return false;
    const uint8_t status[IPS_LEN] = {paired ? 'O' : 'K', paired ? 'K' : 'O', record != 0 ? record : 0xFF,
                                     0xFF};
    return admin_file_record_len(self.card, ips) != IPS_LEN ||
           admin_file_push_record(self.card, ips, span_of(status, sizeof status));
}

/* ---- events ---- */

static sw_t conclude(struct applet self, struct state *s)
{
    const enum verdict v = judge(self, s);
    if (v == UNKNOWN || (s->imei.n == 0 && s->imeisv.n == 0))
        return SW_OK;
    if (v == FOREIGN && !s->foreign)
        applet_note(self, "this terminal is not in EF.IWL: no authentication here");
    s->foreign = v == FOREIGN;
    return write_down(self, s, v == PAIRED) ? SW_OK : SW_MEMORY_PROBLEM;
}

static bool ask(struct applet self, uint8_t qualifier)
{
    return proactive_send(self, CAT_PROVIDE_LOCAL_INFORMATION, qualifier, SPAN_EMPTY);
}

static void ask_imeisv(struct applet self, struct state *s)
{
    s->asked_sv = ask(self, CAT_PLI_IMEISV);
    s->asked = (uint8_t)(s->asked + s->asked_sv);
}

static sw_t profile_download(struct applet self)
{
    struct state *s = applet_transient(self, sizeof *s);
    if (s == NULL)
        return SW_MEMORY_PROBLEM;
    memset(s, 0, sizeof *s);
    s->asked = ask(self, CAT_PLI_IMEI);
    if (s->asked == 0 || list_has(self, TAG_IMEISV))
        ask_imeisv(self, s);
    if (s->asked == 0)
        applet_note(self, "this terminal does not say its IMEI: it cannot be paired with");
    return SW_OK;
}

static sw_t answered(struct applet self, const struct event *e)
{
    struct state *s = applet_transient(self, sizeof *s);
    struct span value;
    if (s == NULL || e->tag != CAT_PROVIDE_LOCAL_INFORMATION || s->asked == 0)
        return SW_OK;
    s->asked--;
    if (ctlv_find(e->data, CAT_TAG_IMEI, 0, &value) && value.n > 0 && value.n <= IDENTITY_MAX) {
        s->imei.n = (uint8_t)value.n;
        memcpy(s->imei.octets, value.p, value.n);
    }
    if (ctlv_find(e->data, CAT_TAG_IMEISV, 0, &value) && value.n > 0 && value.n <= IDENTITY_MAX) {
        s->imeisv.n = (uint8_t)value.n;
        memcpy(s->imeisv.octets, value.p, value.n);
    }
    return s->asked == 0 ? conclude(self, s) : SW_OK;
}

static sw_t list_changed(struct applet self)
{
    struct state *s = applet_transient(self, sizeof *s);
    if (s == NULL)
        return SW_OK;
    if (!s->asked_sv && list_has(self, TAG_IMEISV)) /* until it is answered, who is out may be in */
        ask_imeisv(self, s);
    return s->asked == 0 ? conclude(self, s) : SW_OK;
}

static sw_t event(struct applet self, const struct event *e)
{
    switch (e->kind) {
    case EVENT_RESUMED: /* perhaps in another device: found out anew */
        return profile_download(self);
    case EVENT_TOOLKIT:
        return e->toolkit == TOOLKIT_PROFILE_DOWNLOAD ? profile_download(self) : SW_OK;
    case EVENT_TERMINAL_RESPONSE:
        return answered(self, e);
    case EVENT_FILE_UPDATED:
        /* or there is none any more */
        return admin_file_fid(self.card, e->file) == FID_IWL ? list_changed(self) : SW_OK;
    default:
        return SW_OK;
    }
}

/* ---- the service ---- */

static bool allowed(struct applet self)
{
    const struct state *s = applet_transient(self, sizeof *s);
    struct span policy = applet_row(self)->params;
    switch (s != NULL ? judge(self, s) : UNKNOWN) {
    case PAIRED:
        return true;
    case FOREIGN:
        return false;
    default:
        return policy.n > 0 && policy.p[0] == POLICY_ALLOW_UNKNOWN;
    }
}

static const struct pairing_service pairing = {allowed};

static const void *share(struct applet self, const char *service)
{
    (void)self;
    return strcmp(service, "pairing") == 0 ? &pairing : NULL;
}

static const uint8_t events[] = {TOOLKIT_PROFILE_DOWNLOAD, 0};
static const struct toolkit_class toolkit = {.events = events, .priority = 3};

const struct applet_class pairing_class = {
    .name = "pairing",
    .toolkit = &toolkit,
    .watches = true,
    .event = event,
    .share = share,
};

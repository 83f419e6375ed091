/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "cat.h"

enum {
    COMMAND_HEADER = 5,
    COMMAND_OUT_MAX = 512,
    EXECUTED_MAX = 255,
    /* TS 102 226 5.2.1, 5.2.2: command and response scripting template, of
     * definite and of indefinite length */
    COMMANDS_DEFINITE = 0xAA,
    COMMANDS_INDEFINITE = 0xAE,
    RESPONSES_DEFINITE = 0xAB,
    RESPONSES_INDEFINITE = 0xAF,
    TAG_C_APDU = 0x22,
    TAG_R_APDU = 0x23,
    TAG_EXECUTED = 0x80,
    TAG_IMMEDIATE_ACTION = 0x81,
    TAG_ERROR_ACTION = 0x82,
    TAG_SCRIPT_CHAINING = 0x83,
    TAG_BAD_FORMAT = 0x90,
    BAD_TAG = 0x01,
    BAD_LENGTH = 0x02,
    NO_LENGTH = 0x03,
    CHAIN_FIRST = 0x01,      /* forgotten at reset */
    CHAIN_FIRST_KEEP = 0x11, /* kept over a reset */
    CHAIN_MIDDLE = 0x02,
    CHAIN_LAST = 0x03,
    CHAIN_NO_PREVIOUS = 0x01, /* answers */
    CHAIN_NOT_SUPPORTED = 0x02,
    ITEM_CHAIN = 0x0001,      /* the receiver's object: what a chain left behind */
    CHAIN_OCTETS = 11 + SESSION_PLACE_LEN,
};

static bool goes_on(sw_t sw)
{
    return sw_is_ok(sw) || sw_is_warning(sw);
}

/* 5.2.1.1: what a response has no room for is lost (62F1), and that ends the script. (Blocks of an object,
 * which say so of what is still there, are shorter.) */
static bool cut_short(sw_t sw, const struct buf *response)
{
    return sw == SW_MORE_DATA_AVAILABLE && response->len == response->cap;
}

/* ---- compact format, 5.1 ---- */

/* The next command: its header has P3 always; command data follow where its case has them. */
static bool next_command(struct uicc *card, const struct session *session, struct reader *r,
                         struct span *apdu)
{
    const uint8_t *start = r->p;
    struct span header = rd_take(r, COMMAND_HEADER);
    if (!rd_ok(r))
        return false;
    enum apdu_case iso_case = session_case(card, session, header);
    size_t n = COMMAND_HEADER;
    if (iso_case == CASE_3 || iso_case == CASE_4) {
        (void)rd_take(r, header.p[4]);
        n += header.p[4];
    }
    *apdu = span_of(start, n);
    return rd_ok(r);
}

static void run_compact(struct uicc *card, struct session *session, struct span script, struct buf *out)
{
    struct script_response waiting = {.n = 0};
    uint8_t data[COMMAND_OUT_MAX];
    struct buf last = buf_of(data, sizeof data);
    struct reader r = rd_of(script);
    unsigned executed = 0;
    sw_t sw = SW_OK;
    while (r.left > 0 && executed < EXECUTED_MAX && goes_on(sw) && !cut_short(sw, &last)) {
        struct span apdu;
        last.len = 0;
        executed++;
        if (!next_command(card, session, &r, &apdu)) {
            sw = SW_WRONG_LENGTH; /* cut short: the rest cannot be told apart */
            break;
        }
        sw = session_execute_remote(card, session, apdu, &waiting, &last);
    }
    buf_u8(out, (uint8_t)executed);
    buf_u16(out, sw);
    if (last.len <= out->cap - out->len)
        buf_put(out, buf_span(&last));
    crypto_wipe(&waiting, sizeof waiting);
    crypto_wipe(data, sizeof data);
}

/* ---- expanded format, 5.2 ---- */

struct expanded {
    struct applet receiver;
    struct session *session;
    bool indefinite;
    unsigned executed;
    struct span error_action;
    struct buf *out;
    /* octets of out that R-APDUs may use; what ends the response has its place beyond */
    size_t room;
    /* an R-APDU did not fit: none after it may, or the n-th would not be the n-th command's any more */
    bool full;
    bool cut;              /* a response was: nothing runs behind it */
    bool early;            /* the response is complete: the rest runs without being told of */
    uint8_t last[COMMAND_OUT_MAX + 2];
    size_t last_len;       /* R-APDU of the last command */
    uint8_t keep;          /* CHAIN_...: what becomes of the session afterwards; 0: nothing */
};

/* 5.2.1.2: one octet says how the response is given (or names a record of EF.RMA, 01 to 7F, which no profile
 * here has); else a proactive command, from its command details on. Its device identities are those of its
 * type: whoever sends them need not, but may. */
enum action_result { ACTION_DONE, ACTION_MALFORMED, ACTION_NOT_DONE };

static enum action_result action(struct expanded *x, struct span value)
{
    enum { PROACTIVE_INDICATION = 0x81, EARLY_RESPONSE = 0x82 };
    if (value.n == 0)
        return ACTION_DONE; /* none */
    if (value.n == 1) {
        x->early |= value.p[0] == EARLY_RESPONSE;
        return value.p[0] == PROACTIVE_INDICATION || value.p[0] == EARLY_RESPONSE ? ACTION_DONE
                                                                                  : ACTION_MALFORMED;
    }
    /* neither a stranger nor the last operator makes the device send, and pay */
    if ((x->session->rights & (RIGHT_AUTHENTIC | RIGHT_STANDBY)) != RIGHT_AUTHENTIC)
        return ACTION_NOT_DONE;
    struct reader r = rd_of(value);
    struct tlv details, devices;
    if (!ctlv_next(&r, &details, NULL) || details.tag != CAT_TAG_COMMAND_DETAILS || details.value.n != 3)
        return ACTION_MALFORMED;
    struct reader rest = r;
    const uint8_t type = details.value.p[1], qualifier = details.value.p[2];
    const bool named = ctlv_next(&r, &devices, NULL) && devices.tag == CAT_TAG_DEVICE_IDENTITIES;
    if (named && (devices.value.n != 2 || devices.value.p[0] != CAT_UICC))
        return ACTION_MALFORMED;
    bool sent = named ? proactive_send_to(x->receiver, type, qualifier, devices.value.p[1], rd_rest(&r))
                      : proactive_send(x->receiver, type, qualifier, rd_rest(&rest));
    return sent ? ACTION_DONE : ACTION_NOT_DONE;
}

static void put_response(struct expanded *x, struct span value)
{
    x->full |= x->out->len + value.n + 4 > x->room; /* tag, and a length of up to three octets */
    if (!x->full)
        buf_tlv(x->out, TAG_R_APDU, value);
}

static bool run_c_apdu(struct expanded *x, struct span apdu)
{
    struct buf r = buf_of(x->last, COMMAND_OUT_MAX);
    sw_t sw = session_execute_remote(x->receiver.card, x->session, apdu, NULL, &r);
    x->last[r.len] = (uint8_t)(sw >> 8);
    x->last[r.len + 1] = (uint8_t)sw;
    x->last_len = r.len + 2;
    x->executed++;
    x->cut = cut_short(sw, &r);
    if (x->indefinite && !x->early)
        put_response(x, span_of(x->last, x->last_len));
    return goes_on(sw);
}

static void bad_format(struct expanded *x, uint8_t why)
{
    if (!x->early)
        buf_tlv_u8(x->out, TAG_BAD_FORMAT, why);
}

/* 5.2.2: what cannot be done (the terminal does not offer it, say) ends the
 * script with "suspension error". */
static bool immediately(struct expanded *x, struct span value)
{
    enum { SUSPENSION_ERROR = 0x01 };
    enum action_result result = action(x, value);
    if (result == ACTION_MALFORMED)
        bad_format(x, BAD_LENGTH);
    else if (result == ACTION_NOT_DONE && !x->early)
        buf_tlv_u8(x->out, TAG_IMMEDIATE_ACTION, SUSPENSION_ERROR);
    return result == ACTION_DONE;
}

/* ---- script chaining, 5.2.1.4: the session of a script goes on in the next one ---- */

static bool chain_store(struct expanded *x, uint8_t target)
{
    uint8_t bytes[CHAIN_OCTETS];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_u8(&b, x->keep);
    buf_u8(&b, target);
    buf_u32(&b, x->session->rights);
    buf_u8(&b, x->session->key_provider);
    buf_u16(&b, x->session->key_item);
    buf_u16(&b, x->session->owner);
    session_place_put(x->receiver.card, x->session, &b);
    return applet_put(x->receiver, ITEM_CHAIN, buf_span(&b));
}

/* Only a script for the same target, in the same name, goes on where the last one
 * ended; if that is still there. */
static bool chain_load(struct expanded *x, uint8_t target, uint8_t *keep)
{
    struct span bytes;
    if (!applet_get(x->receiver, ITEM_CHAIN, &bytes) || bytes.n != CHAIN_OCTETS)
        return false;
    struct reader r = rd_of(bytes);
    *keep = rd_u8(&r);
    bool same = rd_u8(&r) == target;
    same = rd_u32(&r) == x->session->rights && same;
    same = rd_u8(&r) == x->session->key_provider && same;
    same = rd_u16(&r) == x->session->key_item && same;
    same = rd_u16(&r) == x->session->owner && same;
    return same && session_place_take(x->receiver.card, x->session, &r);
}

static void script_chain_end(struct applet receiver)
{
    struct span bytes;
    if (applet_get(receiver, ITEM_CHAIN, &bytes))
        (void)applet_remove(receiver, ITEM_CHAIN);
}

void script_chain_reset(struct applet receiver)
{
    struct span bytes;
    if (applet_get(receiver, ITEM_CHAIN, &bytes) && (bytes.n == 0 || bytes.p[0] != CHAIN_FIRST_KEEP))
        (void)applet_remove(receiver, ITEM_CHAIN);
}

/* Who proved who he is: others neither begin a chain nor end one. */
static bool may_chain(uint32_t rights)
{
    return (rights & RIGHT_AUTHENTIC) != 0;
}

static bool chaining(struct expanded *x, uint8_t target, struct span value)
{
    uint8_t mode = value.n == 1 ? value.p[0] : 0, keep = 0;
    const uint8_t refusal =
        mode == CHAIN_MIDDLE || mode == CHAIN_LAST ? CHAIN_NO_PREVIOUS : CHAIN_NOT_SUPPORTED;
    if (!may_chain(x->session->rights)) {
        buf_tlv_u8(x->out, TAG_SCRIPT_CHAINING, CHAIN_NOT_SUPPORTED);
        return false;
    }
    if (mode == CHAIN_FIRST || mode == CHAIN_FIRST_KEEP) {
        script_chain_end(x->receiver);
        x->keep = mode;
        return true;
    }
    bool ok = (mode == CHAIN_MIDDLE || mode == CHAIN_LAST) && chain_load(x, target, &keep);
    script_chain_end(x->receiver);
    if (!ok) {
        buf_tlv_u8(x->out, TAG_SCRIPT_CHAINING, refusal);
        return false;
    }
    x->keep = mode == CHAIN_MIDDLE ? keep : 0;
    return true;
}

/* Next TLV of a script: definite lengths only; an indefinite template ends with 00 00. */
static bool next_tlv(struct expanded *x, struct reader *r, struct tlv *t)
{
    if (r->left == 0) {
        if (x->indefinite)
            bad_format(x, NO_LENGTH); /* the end of contents is missing */
        return false;
    }
    if (x->indefinite && r->left >= 2 && r->p[0] == 0 && r->p[1] == 0)
        return false;
    if (tlv_next(r, t))
        return true;
    bad_format(x, BAD_LENGTH);
    return false;
}

static void run_commands(struct expanded *x, uint8_t target, struct reader r)
{
    struct tlv t;
    bool first = true;
    for (; next_tlv(x, &r, &t); first = false) {
        switch (t.tag) {
        case TAG_C_APDU:
            if (!run_c_apdu(x, t.value)) {
                /* 5.2.1.3: done when a command fails, which ends the script */
                (void)action(x, x->error_action);
                return;
            }
            if (x->cut)
                return;
            break;
        case TAG_IMMEDIATE_ACTION:
            if (!immediately(x, t.value))
                return;
            break;
        case TAG_ERROR_ACTION:
            x->error_action = t.value;
            break;
        case TAG_SCRIPT_CHAINING: /* if there, it is the first */
            if (!first) {
                bad_format(x, BAD_TAG);
                return;
            }
            if (!chaining(x, target, t.value))
                return;
            break;
        default:
            bad_format(x, BAD_TAG);
            return;
        }
    }
}

/* The template's content: of definite length it is all there is; of indefinite length it is
 * what follows 80, up to 00 00. */
static bool template_content(struct span script, bool indefinite, struct reader *content)
{
    struct reader r = rd_of(script);
    struct tlv t;
    if (indefinite) {
        (void)rd_u8(&r);
        bool ok = rd_u8(&r) == 0x80 && rd_ok(&r);
        *content = r;
        return ok;
    }
    bool ok = tlv_next(&r, &t);
    *content = rd_of(t.value);
    return ok;
}

static void run_expanded(struct applet receiver, struct session *session, uint8_t target, struct span script,
                         struct buf *out)
{
    struct expanded x = {
        .receiver = receiver, .session = session, .indefinite = script.p[0] == COMMANDS_INDEFINITE};
    uint8_t memory[2048];
    struct buf responses =
        buf_of(memory, out->cap - out->len - 8 < sizeof memory ? out->cap - out->len - 8 : sizeof memory);
    struct reader content;
    x.out = &responses;
    x.room = responses.cap - COMMAND_OUT_MAX - 8; /* room for what ends it */
    if (template_content(script, x.indefinite, &content))
        run_commands(&x, target, content);
    else
        bad_format(&x, x.indefinite ? NO_LENGTH : BAD_LENGTH);
    if (x.keep != 0)
        (void)chain_store(&x, target);
    if (x.indefinite) {
        buf_u8(out, RESPONSES_INDEFINITE);
        buf_u8(out, 0x80);
        buf_put(out, buf_span(&responses));
        buf_u16(out, 0);
    } else {
        /* 5.2.2: number of commands executed, and the last one's response;
         * anything else that is to be told */
        size_t mark = buf_tlv_open(out, RESPONSES_DEFINITE);
        buf_tlv_u8(out, TAG_EXECUTED, (uint8_t)(x.executed > EXECUTED_MAX ? EXECUTED_MAX : x.executed));
        if (x.last_len > 0)
            buf_tlv(out, TAG_R_APDU, span_of(x.last, x.last_len));
        buf_put(out, buf_span(&responses));
        buf_tlv_close(out, mark);
    }
    crypto_wipe(memory, sizeof memory);
    crypto_wipe(&x, sizeof x);
}

void script_run(struct applet receiver, uint8_t target, const struct script_authority *by, struct span script,
                struct buf *out)
{
    struct session session;
    session_open_remote(receiver.card, target, by, &session);
    if (script.n > 0 && (script.p[0] == COMMANDS_DEFINITE || script.p[0] == COMMANDS_INDEFINITE)) {
        run_expanded(receiver, &session, target, script, out);
    } else {
        if (may_chain(by->rights))
            script_chain_end(receiver);
        run_compact(receiver.card, &session, script, out);
    }
    session_close_remote(receiver.card);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands of the platform: MANAGE CHANNEL, GET CHALLENGE, TERMINAL CAPABILITY, SUSPEND UICC (ETSI
 * TS 102 221 11.1.17 to 11.1.22).
 */
#include "fs.h"
#include "kernel.h"
#include "secure_channel.h"

/* ---- MANAGE CHANNEL, 11.1.17 ---- */

/* A channel opened from the basic one starts in the MF; one opened from another starts where that one is,
 * with its application (8.7). */
static void open_channel(struct call *call, uint8_t channel)
{
    struct session *to = &call->card->ram.channels[channel];
    *to = (struct session){
        .open = true, .channel = channel, .applet = NO_APPLET, .view = {.ef = PROFILE_NO_FILE}};
    if (call->session->channel != 0) {
        to->applet = call->session->applet;
        to->view.df = call->session->view.df;
    }
}

sw_t command_open_channel(struct call *call)
{
    struct session *channels = call->card->ram.channels;
    uint8_t wanted = call->cmd->p2;
    if (wanted >= APDU_CHANNELS)
        return SW_WRONG_P1P2;
    if (wanted != 0) {
        if (channels[wanted].open)
            return SW_CHANNEL_NOT_SUPPORTED; /* it is not to be had */
        open_channel(call, wanted);
        return SW_OK;
    }
    if (call->cmd->le != 1) /* said before anything is opened: the command will come again */
        return SW_WITH(SW_WRONG_LE, 1);
    for (uint8_t i = 1; i < APDU_CHANNELS; i++)
        if (!channels[i].open) {
            open_channel(call, i);
            buf_u8(call->out, i);
            return SW_OK;
        }
    return SW_FUNCTION_NOT_SUPPORTED; /* 11.1.17.3: none left */
}

sw_t command_close_channel(struct call *call)
{
    uint8_t channel = call->cmd->p2;
    if (channel == 0 || channel >= APDU_CHANNELS)
        return SW_WRONG_P1P2;
    struct session *session = &call->card->ram.channels[channel];
    if (!session->open)
        return SW_CHANNEL_NOT_SUPPORTED;
    session_leave_applet(call->card, session);
    secure_channels_leave(call->card, channel);
    if (call->card->transfer.channel == channel && !call->card->transfer.remote)
        fs_transfer_end(call->card);
    session->open = false;
    return SW_OK;
}

/* ---- GET CHALLENGE, 11.1.18 ---- */

sw_t command_get_challenge(struct call *call)
{
    size_t n = call->cmd->le > 256 ? 256 : call->cmd->le;
    uint8_t *to = buf_grow(call->out, n);
    if (to == NULL || !call->card->env->random(call->card->env->ctx, to, n))
        return SW_TECHNICAL_PROBLEM;
    return SW_OK;
}

/* ---- TERMINAL CAPABILITY, 11.1.19 ---- */

/* Nothing in it changes what this card does: it draws no power, and serves any terminal alike. It must be
 * well-formed all the same. */
sw_t command_terminal_capability(struct call *call)
{
    enum { TERMINAL_CAPABILITY = 0xA9 };
    struct reader r = rd_of(call->cmd->data);
    struct tlv t, inner;
    if (!tlv_next(&r, &t) || !rd_done(&r) || t.tag != TERMINAL_CAPABILITY)
        return SW_WRONG_DATA;
    for (r = rd_of(t.value); tlv_next(&r, &inner);)
        ;
    return rd_ok(&r) ? SW_OK : SW_WRONG_DATA;
}

/* ---- SUSPEND UICC, 11.1.22 ---- */

/* What a suspended card keeps: the token that resumes it, the sessions as they were, and what the toolkit
 * knows of the terminal. Stored for one power-up: whatever comes then besides TERMINAL CAPABILITY and RESUME,
 * uses it up; so does a command that the terminal gives instead of taking the power away. */
enum {
    TOKEN_LEN = 8,
    DURATION_LEN = 2,
    SESSION_OCTETS = 6 + SESSION_PLACE_LEN,
    SUSPENDED_MAX = TOKEN_LEN + 4 + APDU_CHANNELS * SESSION_OCTETS + TOOLKIT_SUSPENDED_MAX
};

static void keep_sessions(struct uicc *card, struct buf *out)
{
    buf_u32(out, card->ram.verified);
    for (uint8_t i = 0; i < APDU_CHANNELS; i++) {
        const struct session *s = &card->ram.channels[i];
        buf_u8(out, s->open);
        buf_u8(out, s->applet);
        buf_u32(out, s->local);
        session_place_put(card, s, out);
    }
    toolkit_suspend(card, out);
}

/* Between the two a subscription may have been rolled back, or who holds the deck have deleted an applet:
 * false then, and nothing is as it was. */
static bool restore_session(struct uicc *card, struct session *s, struct reader *r)
{
    bool open = rd_u8(r) != 0, same;
    uint8_t applet = rd_u8(r);
    uint32_t local = rd_u32(r);
    struct reader place = rd_of(rd_take(r, SESSION_PLACE_LEN));
    if (!open)
        return true;
    same = (applet == NO_APPLET || applet_active(card, applet)) && session_place_take(card, s, &place);
    s->open = true;
    s->applet = applet;
    s->local = local;
    return same;
}

static bool restore_sessions(struct uicc *card, struct reader *r)
{
    bool ok = true;
    uint32_t verified = rd_u32(r);
    for (uint8_t i = 0; i < APDU_CHANNELS; i++) {
        card->ram.channels[i] =
            (struct session){.channel = i, .applet = NO_APPLET, .view = {.ef = PROFILE_NO_FILE}};
        ok = restore_session(card, &card->ram.channels[i], r) && ok;
    }
    ok = ok && toolkit_resume(card, r) && rd_done(r);
    card->ram.verified = ok ? verified : 0;
    if (!ok)
        channels_reset(card);
    return ok;
}

/* Volatile memory of applets is gone. */
static void tell_resumed(struct uicc *card)
{
    const struct event event = {.kind = EVENT_RESUMED};
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (applet_active(card, i))
            (void)toolkit_tell(card, i, &event);
}

/* Durations are a unit (00 seconds, 01 minutes, 02 hours, 03 days, 04 ten days) and a number. */
static bool duration_valid(const uint8_t d[DURATION_LEN])
{
    return d[0] <= 4;
}

sw_t command_suspend(struct call *call)
{
    uint8_t bytes[SUSPENDED_MAX];
    struct buf kept = buf_of(bytes, sizeof bytes);
    struct span data = call->cmd->data;
    /* Through a secure channel the answer could not be fetched without ending the suspension. */
    if (call->session->channel != 0 || call->card->ram.inner)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!duration_valid(data.p) || !duration_valid(data.p + DURATION_LEN))
        return SW_WRONG_DATA;
    if (!toolkit_idle(call->card))
        return SW_CONDITIONS_NOT_SATISFIED; /* what is pending would be lost */
    uint8_t *token = buf_grow(&kept, TOKEN_LEN);
    if (!call->card->env->random(call->card->env->ctx, token, TOKEN_LEN))
        return SW_TECHNICAL_PROBLEM;
    keep_sessions(call->card, &kept);
    bool ok =
        buf_ok(&kept) && objects_put(call->card->objects, object_id(OBJECT_SUSPENDED, 0), buf_span(&kept));
    if (ok) {
        buf_put(call->out, span_slice(data, DURATION_LEN, DURATION_LEN)); /* as long as the terminal likes */
        buf_put(call->out, span_of(token, TOKEN_LEN));
    }
    crypto_wipe(bytes, sizeof bytes);
    call->card->ram.may_resume = call->card->ram.suspended = ok; /* what comes next ends it */
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

/* RESUME with the token is the first command after power-up, but for TERMINAL CAPABILITY; sessions and
 * toolkit are then as they were. The token works once. */
sw_t command_resume(struct call *call)
{
    struct span kept;
    struct uicc *card = call->card;
    if (!card->ram.may_resume || !objects_get(card->objects, object_id(OBJECT_SUSPENDED, 0), &kept) ||
        kept.n < TOKEN_LEN || kept.n > SUSPENDED_MAX)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!crypto_equal(kept.p, call->cmd->data.p, TOKEN_LEN))
        return SW_SECURITY_STATUS;
    /* The token serves once: what it opens is there only after it is gone for good. */
    uint8_t sessions[SUSPENDED_MAX];
    const size_t n = kept.n;
    memcpy(sessions, kept.p, n);
    if (!objects_remove(card->objects, object_id(OBJECT_SUSPENDED, 0)) || !session_step(card, true))
        return SW_MEMORY_PROBLEM;
    card->ram.may_resume = false;
    struct reader r = rd_of(span_slice(span_of(sessions, n), TOKEN_LEN, n));
    if (!restore_sessions(card, &r))
        return SW_CONDITIONS_NOT_SATISFIED;
    tell_resumed(card);
    return SW_OK;
}

bool suspend_forget(struct uicc *card)
{
    struct span kept;
    if (objects_get(card->objects, object_id(OBJECT_SUSPENDED, 0), &kept)) {
        objects_begin(card->objects);
        if (!objects_remove(card->objects, object_id(OBJECT_SUSPENDED, 0)) || !card_commit(card)) {
            (void)card_abort(card);
            return false;
        }
    }
    card->ram.may_resume = false;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A new subscription is on trial until its first successful authentication (TR 33.812 A5, B8: never without a
 * valid subscription). What counts against it is counted at once and for good, so that a modem that powers
 * the card down and up does not defeat it; over a limit, the old subscription comes back as it was.
 */
#include "pairs.h"

#include "cat.h"

enum { TRIAL_LEN = 8 };

bool trial_policy_read(struct span limits, struct trial_policy *out)
{
    struct reader r = rd_of(limits);
    *out = (struct trial_policy){.power_ups = rd_u8(&r)};
    out->polls = rd_u8(&r);
    out->failures = rd_u8(&r);
    out->no_service = rd_u8(&r);
    bool ok = rd_ok(&r);
    out->minutes = r.left > 0 ? rd_u8(&r) : 0;
    return ok && rd_done(&r) &&
           (out->power_ups | out->polls | out->failures | out->no_service | out->minutes) != 0;
}

/* Without anything else said: thirty power-ups, which no modem needs to register. */
bool trial_usual(struct applet self, struct trial_policy *out)
{
    struct span said;
    *out = (struct trial_policy){.power_ups = 30};
    return !tlv_find(applet_row(self)->params, USUAL_TRIAL, &said) || trial_policy_read(said, out);
}

bool trial_load(struct applet self, struct trial *out)
{
    struct span bytes;
    if (!applet_get(self, ITEM_TRIAL, &bytes) || bytes.n != TRIAL_LEN)
        return false;
    struct reader r = rd_of(bytes);
    out->from = rd_u8(&r);
    out->to = rd_u8(&r);
    out->policy = (struct trial_policy){.power_ups = rd_u8(&r)};
    out->policy.polls = rd_u8(&r);
    out->policy.failures = rd_u8(&r);
    out->policy.no_service = rd_u8(&r);
    out->policy.minutes = rd_u8(&r);
    out->from_state = rd_u8(&r);
    return rd_done(&r);
}

/* ---- what the terminal reports of it ---- */

static uint8_t own_timer(struct applet self)
{
    uint8_t timers = toolkit_timers(self), n = 0;
    while (n < 8 && (timers >> n & 1) == 0)
        n++;
    return n < 8 ? (uint8_t)(n + 1) : 0;
}

static enum toolkit_result watch_time(struct applet self, bool watch)
{
    uint8_t timer = own_timer(self);
    if (!watch)
        return timer != 0 ? toolkit_release_timer(self, timer) : TOOLKIT_OK;
    enum toolkit_result result = timer == 0 ? toolkit_allocate_timer(self, &timer) : TOOLKIT_OK;
    if (result == TOOLKIT_NO_TIMER_AVAILABLE) {
        applet_note(self, "no timer is left to watch the new subscription by");
        return TOOLKIT_OK;
    }
    return result;
}

/* What is in force: the trial's limits, or those of automatic selection. *place: it wants to
 * know where the terminal is. */
static struct trial_policy limits_now(struct applet self, bool *place)
{
    struct trial t;
    struct trial_policy limits = {0};
    bool on = trial_load(self, &t);
    if (on)
        limits = t.policy;
    else if (!selection_limits(self, &limits))
        limits = (struct trial_policy){0};
    *place = on ? t.policy.no_service != 0 : selection_watches(self);
    return limits;
}

bool trial_watch(struct applet self)
{
    bool place;
    struct trial_policy limits = limits_now(self, &place);
    enum toolkit_result location = place ? toolkit_set_event(self, TOOLKIT_LOCATION_STATUS)
                                         : toolkit_clear_event(self, TOOLKIT_LOCATION_STATUS);
    return location == TOOLKIT_OK && watch_time(self, limits.minutes != 0) == TOOLKIT_OK;
}

void trial_start_timer(struct applet self)
{
    enum {
        START = 0x00,
        TIMER = CAT_COMPREHENSION | CAT_TAG_TIMER_IDENTIFIER,
        VALUE = CAT_COMPREHENSION | CAT_TAG_TIMER_VALUE
    };
    bool place;
    struct trial_policy limits = limits_now(self, &place);
    uint8_t timer = own_timer(self), bytes[8], value[3];
    struct buf rest = buf_of(bytes, sizeof bytes);
    if (timer == 0 || limits.minutes == 0)
        return;
    cat_timer_value(60u * limits.minutes, value);
    buf_tlv_u8(&rest, TIMER, timer);
    buf_tlv(&rest, VALUE, span_of(value, sizeof value));
    (void)proactive_send(self, PROACTIVE_TIMER_MANAGEMENT, START, buf_span(&rest));
}

/* ---- begin and end ---- */

bool trial_begin(struct applet self, const struct trial *t)
{
    const uint8_t bytes[TRIAL_LEN] = {t->from,
                                      t->to,
                                      t->policy.power_ups,
                                      t->policy.polls,
                                      t->policy.failures,
                                      t->policy.no_service,
                                      t->policy.minutes,
                                      t->from_state};
    return applet_remove_if_there(self, ITEM_TRIED) &&
           applet_put(self, ITEM_TRIAL, span_of(bytes, sizeof bytes)) && trial_watch(self);
}

static bool trial_end(struct applet self)
{
    return applet_remove_if_there(self, ITEM_TRIAL) && applet_remove_if_there(self, ITEM_TRIED) &&
           applet_remove_if_there(self, ITEM_SAVED) && trial_watch(self);
}

static bool set_state(struct applet self, unsigned index, uint8_t state)
{
    struct pair_record s;
    if (!pair_load(self, index, &s))
        return false;
    s.state = state;
    if (state == PAIR_UNUSED)
        s = (struct pair_record){.state = PAIR_UNUSED};
    return pair_put(self, index, &s);
}

static bool set_outcome(struct applet self, uint8_t outcome)
{
    struct order_record r;
    if (!order_record_load(self, &r))
        return true;
    r.outcome = outcome;
    return order_record_put(self, &r);
}

bool trial_confirm(struct applet self)
{
    struct trial t;
    if (!trial_load(self, &t))
        return true;
    /* An IMSI on trial with the same pair (alternative 3a) retires nobody. */
    return (t.from == t.to || set_state(self, t.from, PAIR_RETIRED)) && set_state(self, t.to, PAIR_ACTIVE) &&
           set_outcome(self, ORDER_CONFIRMED) && trial_end(self) && audit(self, AUDIT_CONFIRMED, t.to, 0);
}

static void tried_load(struct applet self, uint8_t tried[STRIKES])
{
    struct span bytes;
    memset(tried, 0, STRIKES);
    if (applet_get(self, ITEM_TRIED, &bytes) && bytes.n == STRIKES)
        memcpy(tried, bytes.p, STRIKES);
}

static uint8_t limit(const struct trial_policy *p, enum trial_strike strike)
{
    const uint8_t limits[STRIKES] = {[STRIKE_POWER_UP] = p->power_ups,
                                     [STRIKE_POLL] = p->polls,
                                     [STRIKE_FAILURE] = p->failures,
                                     [STRIKE_NO_SERVICE] = p->no_service};
    return limits[strike];
}

static bool over(const struct trial_policy *p, const uint8_t tried[STRIKES])
{
    for (unsigned i = 0; i < STRIKES; i++)
        if (limit(p, i) != 0 && tried[i] >= limit(p, i))
            return true;
    return false;
}

bool strikes_count(struct applet self, const struct trial_policy *limits, enum trial_strike strike,
                   bool *over_limit)
{
    uint8_t tried[STRIKES];
    bool ok = true;
    tried_load(self, tried);
    if (limit(limits, strike) != 0) { /* otherwise there is nothing to write down for it */
        if (tried[strike] < 0xFF)
            tried[strike]++;
        ok = applet_put_now(self, ITEM_TRIED, span_of(tried, sizeof tried));
    }
    /* Another limit may have been passed when nothing could be done about it: a terminal that only
     * power-cycles then must not keep the trial alive. */
    *over_limit = over(limits, tried);
    return ok;
}

bool trial_strike(struct applet self, enum trial_strike strike, bool *roll_back)
{
    struct trial t;
    *roll_back = false;
    return !trial_load(self, &t) || strikes_count(self, &t.policy, strike, roll_back);
}

bool trial_due(struct applet self)
{
    struct trial t;
    uint8_t tried[STRIKES];
    if (!trial_load(self, &t))
        return false;
    tried_load(self, tried);
    return over(&t.policy, tried);
}

/* Alternative 3a: the pair has the IMSI again that the restored files have. */
static bool imsi_back(struct applet self, unsigned index)
{
    struct pair_record s;
    struct span imsi = subscription_imsi(self);
    if (!pair_load(self, index, &s) || imsi.n != PAIR_IMSI_LEN)
        return false;
    memcpy(s.imsi, imsi.p, PAIR_IMSI_LEN);
    return pair_put(self, index, &s);
}

/* The pair that no network accepted is not used up: its keys were never used with success, and may be what a
 * later order names. Its sequence numbers stay as they are. */
bool trial_roll_back(struct applet self, bool refresh)
{
    struct trial t;
    if (!trial_load(self, &t))
        return true;
    bool ok = subscription_files_restore(self) && subscription_tell_users(self) &&
              (t.from == t.to || (set_state(self, t.to, PAIR_UNUSED) && use_put(self, t.to, SPAN_EMPTY) &&
                                  admin_files_forget(self.card, t.to) && applets_forget(self.card, t.to))) &&
              set_state(self, t.from, t.from_state) && (t.from != t.to || imsi_back(self, t.from)) &&
              pair_set_active(self, t.from) && set_outcome(self, ORDER_ROLLED_BACK) && trial_end(self) &&
              audit(self, AUDIT_ROLLED_BACK, t.to, 0);
    if (ok && refresh && !proactive_send(self, PROACTIVE_REFRESH, REFRESH_UICC_RESET, SPAN_EMPTY))
        applet_note(self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return ok;
}

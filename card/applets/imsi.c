/* SPDX-License-Identifier: Apache-2.0
 *
 * Alternative 3a of 3GPP TR 33.812 (5.3.1): the IMSI changes by remote file management, K stays. The old
 * network's context goes in the same transaction, and the new IMSI is on trial like that of an order, for
 * nobody else knows whether a network serves it.
 */
#include "hex.h"
#include "pairs.h"

/* The pair that the card is on has this IMSI from now on. */
static bool associate(struct applet self, unsigned index, struct pair_record *s, struct span imsi)
{
    s->has_imsi = true;
    memcpy(s->imsi, imsi.p, PAIR_IMSI_LEN);
    return pair_put(self, index, s);
}

static bool put_on_trial(struct applet self, unsigned index, struct pair_record *s,
                         const struct trial_policy *policy, struct span saved)
{
    const struct trial trial = {(uint8_t)index, (uint8_t)index, s->state, *policy};
    s->state = PAIR_ON_TRIAL;
    return trial_begin(self, &trial) && applet_put(self, ITEM_SAVED, saved);
}

static sw_t change(struct applet self, uint16_t file, struct span imsi, const struct session *session)
{
    struct pair_record s;
    struct trial_policy policy;
    struct file_changes c;
    unsigned index = pair_active(self);
    bool remote = session->remote;
    if (!pair_load(self, index, &s))
        return SW_TECHNICAL_PROBLEM;
    /* A suspended subscription stays suspended, and nothing could confirm it. */
    bool on_trial = remote && s.state != PAIR_BLOCKED && trial_usual(self, &policy);
    if (!file_changes_begin(&c, self))
        return SW_MEMORY_PROBLEM;
    file_changes_save(&c, file, span_of(s.imsi, PAIR_IMSI_LEN));
    subscription_files_change(&c, imsi, 0);
    bool ok = c.ok && subscription_tell_users(self);
    if (ok && remote) {
        struct order_record r = {.outcome = on_trial ? ORDER_ON_TRIAL : ORDER_CONFIRMED,
                                 .from = (uint8_t)index,
                                 .to = (uint8_t)index};
        memcpy(r.imsi, imsi.p, PAIR_IMSI_LEN);
        ok = order_record_put(self, &r);
    }
    if (ok && on_trial)
        ok = put_on_trial(self, index, &s, &policy, buf_span(&c.saved));
    ok = ok && associate(self, index, &s, imsi) &&
         audit(self, AUDIT_IMSI_CHANGED, (uint8_t)index, session->key_item);
    file_changes_end(&c);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

/* The file that terminals read the IMSI from, or a directory around it. */
static bool is_way_to_imsi(struct applet self, uint16_t file)
{
    for (uint16_t at = subscription_imsi_file(self); at != PROFILE_NO_FILE && at != 0;
         at = admin_file_parent(self.card, at))
        if (admin_file_body(self.card, at) == admin_file_body(self.card, file))
            return true;
    return false;
}

/* Who changes it at the interface has proved that he administers the card: he may leave it as he likes. Who
 * does it from afar must leave a subscription. */
sw_t subscription_imsi_updated(struct applet self, uint16_t file, const struct session *session)
{
    uint8_t imsi[PAIR_IMSI_LEN];
    char digits[16];
    struct pair_record s;
    struct trial trial;
    if (session->remote && admin_file_closed(self.card, file) && is_way_to_imsi(self, file)) {
        audit_refused(self, session, SW_CONDITIONS_NOT_SATISFIED);
        return SW_CONDITIONS_NOT_SATISFIED;
    }
    if (!subscription_is_imsi(self, file))
        return SW_OK;
    struct span now = admin_file_exists(self.card, file) ? admin_file_read(self.card, file) : SPAN_EMPTY;
    if (!pair_load(self, pair_active(self), &s) ||
        span_equal(now, span_of(s.imsi, s.has_imsi ? PAIR_IMSI_LEN : 0)))
        return SW_OK;
    bool good = now.n == PAIR_IMSI_LEN && imsi_unpack(now, digits);
    if (good)
        memcpy(imsi, now.p, PAIR_IMSI_LEN); /* what is written moves what is stored */
    if (!session->remote)
        return good ? change(self, file, span_of(imsi, sizeof imsi), session) : SW_OK;
    sw_t sw = subscription_dual_consent(self) ? SW_NO_AUTHORITY
              : trial_load(self, &trial)      ? SW_TRIAL_RUNNING
              : good                          ? SW_OK
                                              : SW_IMSI_MALFORMED;
    if (sw == SW_OK)
        sw = change(self, file, span_of(imsi, sizeof imsi), session);
    if (sw != SW_OK) {
        audit_refused(self, session, sw);
        return sw;
    }
    if (!proactive_send(self, PROACTIVE_REFRESH, REFRESH_UICC_RESET, SPAN_EMPTY))
        applet_note(self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return SW_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The class: its commands, what it shares, and the events that count against a subscription on trial.
 */
#include "pairs.h"

bool subscription_of(struct uicc *card, struct applet *out)
{
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (applet_class_of(card, i) == &subscription_class) {
            *out = (struct applet){card, i};
            return true;
        }
    return false;
}

static uint16_t active_owner(struct applet provider)
{
    return (uint16_t)pair_active(provider);
}

static const struct owner_service owner_service = {active_owner};

static const void *share(struct applet self, const char *service)
{
    (void)self;
    if (strcmp(service, "aka") == 0)
        return &subscription_aka;
    if (strcmp(service, "owner") == 0)
        return &owner_service;
    return strcmp(service, "ota-keys") == 0 ? &subscription_ota_keys : NULL;
}

static sw_t strike(struct applet self, enum trial_strike kind, bool refresh)
{
    bool roll_back;
    if (!trial_strike(self, kind, &roll_back))
        return SW_MEMORY_PROBLEM;
    return !roll_back || trial_roll_back(self, refresh) ? SW_OK : SW_MEMORY_PROBLEM;
}

/* ETSI TS 102 223 7.5: EVENT DOWNLOAD with "location status" (03) and a location status (tag 1B): 00 normal service, 01 limited service, 02 no service. */
static sw_t event_download(struct applet self, struct span envelope)
{
    enum { EVENT_LIST = 0x19, LOCATION_STATUS_EVENT = 0x03, LOCATION_STATUS = 0x1B, NORMAL_SERVICE = 0 };
    struct span inner, list, status;
    if (!tlv_find(envelope, SUBSCRIPTION_EVENTS, &inner) || !ctlv_find(inner, EVENT_LIST, 0, &list) || list.n != 1 ||
        list.p[0] != LOCATION_STATUS_EVENT || !ctlv_find(inner, LOCATION_STATUS, 0, &status) || status.n != 1)
        return SW_OK;
    return status.p[0] == NORMAL_SERVICE ? SW_OK : strike(self, STRIKE_NO_SERVICE, true);
}

/* The terminal is asked to report location status while there is something to watch. */
static void watch_location(struct applet self)
{
    static const uint8_t list[] = {0x99, 1, 0x03};
    struct trial trial;
    if (trial_load(self, &trial) && trial.policy.no_service != 0)
        (void)proactive_send(self, PROACTIVE_SET_UP_EVENT_LIST, 0, span_of(list, sizeof list));
}

static uint8_t swapped(unsigned value) /* two digits as TS 102 223 8.38 has them */
{
    return (uint8_t)(value % 10 << 4 | value / 10);
}

/* The terminal's timer stands in for the clock that the card has not: it starts anew with every power session, which the policy's power-ups count. */
static void start_timer(struct applet self)
{
    enum { START = 0x00, TIMER = 1 };
    struct trial trial;
    if (!trial_load(self, &trial) || trial.policy.minutes == 0)
        return;
    const uint8_t rest[] = {0xA4, 1, TIMER, 0xA5, 3, swapped(trial.policy.minutes / 60u), swapped(trial.policy.minutes % 60u), 0};
    (void)proactive_send(self, PROACTIVE_TIMER_MANAGEMENT, START, span_of(rest, sizeof rest));
}

static sw_t time_is_up(struct applet self)
{
    struct trial trial;
    if (!trial_load(self, &trial) || trial.policy.minutes == 0)
        return SW_OK;
    return trial_roll_back(self, true) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t event(struct applet self, const struct event *e)
{
    switch (e->kind) {
    case EVENT_POWER_ON: /* nobody has read the IMSI yet: no REFRESH */
        return strike(self, STRIKE_POWER_UP, false);
    case EVENT_STATUS:
        if (trial_due(self))
            return trial_roll_back(self, true) ? SW_OK : SW_MEMORY_PROBLEM;
        return strike(self, STRIKE_POLL, true);
    case EVENT_TERMINAL_PROFILE:
        watch_location(self);
        start_timer(self);
        return SW_OK;
    case EVENT_ENVELOPE:
        return e->tag == SUBSCRIPTION_TIMER ? time_is_up(self) : event_download(self, e->data);
    case EVENT_FILE_UPDATED:
        return subscription_imsi_updated(self, e->file, e->session);
    default:
        return SW_OK;
    }
}

static const struct command_row rows[] = {
    {"STORE DATA (change order)", "GlobalPlatform 11.11; ota/README.md", CLASS_ETSI, 0xE2, 0x90, 0xFF, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_REMOTE_CHANGE, ROW_REMOTE, command_order},
    {"PUT KEY", "GlobalPlatform 11.8; ota/README.md", CLASS_ETSI, 0xD8, 0x00, 0x80, CASE_4, 1, 255, TARGET_NONE, ACCESS_REMOTE_KEYS,
     ROW_REMOTE | ROW_SECRET_DATA, command_put_key},
    {"GET DATA (key list)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, PAIR_INFO, 0xFF, CASE_2, 0, 0, TARGET_NONE,
     ACCESS_ADMIN, ROW_REMOTE, command_get_data},
    {"GET DATA (last order)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, LAST_ORDER, 0xFF, CASE_2, 0, 0, TARGET_NONE,
     ACCESS_OPERATOR, ROW_REMOTE, command_get_data},
    {"GET DATA (log)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, AUDIT_LOG, 0xFF, CASE_2, 0, 0, TARGET_NONE, ACCESS_ADMIN,
     ROW_REMOTE, command_get_data},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};
static const uint8_t envelope_tags[] = {SUBSCRIPTION_EVENTS, SUBSCRIPTION_TIMER, 0};

const struct applet_class subscription_class = {
    .name = "subscription",
    .commands = &table,
    .envelope_tags = envelope_tags,
    .script_target = true,
    .polls = true,
    .watches = true,
    .refused = audit_refused,
    .install = pairs_install,
    .event = event,
    .share = share,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * The class: its commands, what it shares, and the events that count against a subscription on trial.
 */
#include "cat.h"
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

/* An IMSI on trial alone (alternative 3a) takes no pair from anybody. */
static bool owner_on_trial(struct applet provider, uint16_t owner)
{
    struct trial trial;
    return trial_load(provider, &trial) && trial.from != trial.to && trial.to == owner;
}

static const struct owner_service owner_service = {active_owner, owner_on_trial};

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
    if (!trial_strike(self, kind, &roll_back) || (roll_back && !trial_roll_back(self, refresh)))
        return SW_MEMORY_PROBLEM;
    return roll_back || selection_strike(self, kind, refresh) ? SW_OK : SW_MEMORY_PROBLEM;
}

/* ETSI TS 102 223 8.27: 00 normal service, 01 limited service, 02 no service. */
static sw_t location_status(struct applet self, struct span envelope)
{
    enum { NORMAL_SERVICE = 0 };
    struct span inner, status, location;
    struct trial trial;
    if (!tlv_find(envelope, CAT_EVENT_DOWNLOAD, &inner) ||
        !ctlv_find(inner, CAT_TAG_LOCATION_STATUS, 0, &status) || status.n != 1)
        return SW_OK;
    bool normal = status.p[0] == NORMAL_SERVICE;
    if (trial_load(self, &trial))
        return normal ? SW_OK : strike(self, STRIKE_NO_SERVICE, true);
    (void)ctlv_find(inner, CAT_TAG_LOCATION_INFORMATION, 0, &location);
    return selection_location(self, normal, location) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t profile_download(struct applet self)
{
    if (!trial_watch(self)) /* it is watched already, but for a deck of an older version */
        return SW_MEMORY_PROBLEM;
    trial_start_timer(self);
    return SW_OK;
}

static sw_t time_is_up(struct applet self)
{
    struct trial trial;
    if (!trial_load(self, &trial))
        return selection_timer(self) ? SW_OK : SW_MEMORY_PROBLEM;
    return trial.policy.minutes == 0 || trial_roll_back(self, true) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t toolkit_event(struct applet self, const struct event *e)
{
    switch (e->toolkit) {
    case TOOLKIT_STATUS_COMMAND:
        if (trial_due(self))
            return trial_roll_back(self, true) ? SW_OK : SW_MEMORY_PROBLEM;
        return strike(self, STRIKE_POLL, true);
    case TOOLKIT_PROFILE_DOWNLOAD:
        return profile_download(self);
    case TOOLKIT_TIMER_EXPIRATION:
        return time_is_up(self);
    case TOOLKIT_LOCATION_STATUS:
        return location_status(self, e->data);
    case TOOLKIT_CALL_CONTROL:
    case TOOLKIT_MO_SHORT_MESSAGE_CONTROL:
        return use_control(self, e);
    default:
        return SW_OK;
    }
}

static sw_t event(struct applet self, const struct event *e)
{
    switch (e->kind) {
    case EVENT_POWER_ON: /* nobody has read the IMSI yet: no REFRESH */
        return strike(self, STRIKE_POWER_UP, false);
    case EVENT_FILE_UPDATED:
        return subscription_imsi_updated(self, e->file, e->session);
    case EVENT_TOOLKIT:
        return toolkit_event(self, e);
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
    {"GET DATA (automatic selection)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, SELECTION_INFO, 0xFF, CASE_2, 0, 0, TARGET_NONE,
     ACCESS_ADMIN, ROW_REMOTE, command_get_data},
    {"GET DATA (log)", "GlobalPlatform 11.3; ota/README.md", CLASS_ETSI, 0xCA, AUDIT_LOG, 0xFF, CASE_2, 0, 0, TARGET_NONE, ACCESS_ADMIN,
     ROW_REMOTE, command_get_data},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};
static const uint8_t events[] = {TOOLKIT_PROFILE_DOWNLOAD, TOOLKIT_STATUS_COMMAND, 0};
static const uint8_t unasked[] = {TOOLKIT_LOCATION_STATUS, 0};
static const struct toolkit_class toolkit = {.events = events, .unasked = unasked, .priority = 2};

const struct applet_class subscription_class = {
    .name = "subscription",
    .commands = &table,
    .toolkit = &toolkit,
    .script_target = true,
    .watches = true,
    .refused = audit_refused,
    .install = pairs_install,
    .event = event,
    .share = share,
};

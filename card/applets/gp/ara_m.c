/* SPDX-License-Identifier: Apache-2.0
 *
 * The class "ara-m": rules and refresh tag in the store, STORE DATA and GET DATA (GlobalPlatform Secure
 * Element Access Control 1.1, 4 and 5). Clauses are that specification's.
 */
#include "ara_m.h"

#include <stdlib.h>

#include "ara_rule.h"
#include "domain.h"
#include "registry.h"

enum { /* items; stored: values never change meaning */
       ITEM_RULES = 1,
       ITEM_TAG = 2,
       TAG_LEN = 8,
       RULES_MAX = 8192,
};

enum {
    ALL = 0xFF40,
    SPECIFIC = 0xFF50,
    NEXT = 0xFF60,
    REFRESH_TAG = 0xDF20,
    CONFIG = 0xDF21,
    STORE = 0xF0,
    DELETE = 0xF1,
    UPDATE_REFRESH_TAG = 0xF2,
};

struct reading { /* GET DATA [All] that did not fit: volatile */
    bool more;
    size_t at;
    uint8_t tag[TAG_LEN]; /* the rules it is of */
};

static struct span rules_of(struct applet self)
{
    struct span rules;
    return applet_get(self, ITEM_RULES, &rules) ? rules : SPAN_EMPTY;
}

static void tag_of(struct applet self, uint8_t tag[TAG_LEN])
{
    struct span bytes;
    memset(tag, 0, TAG_LEN);
    if (applet_get(self, ITEM_TAG, &bytes) && bytes.n == TAG_LEN)
        memcpy(tag, bytes.p, TAG_LEN);
}

/* Another value than before whenever the rules change (4.1.3), so that devices need not read them again and
 * again. */
static bool tag_change(struct applet self)
{
    uint8_t old[TAG_LEN], tag[TAG_LEN];
    tag_of(self, old);
    if (!applet_random(self, tag, sizeof tag))
        return false;
    if (memcmp(old, tag, sizeof tag) == 0)
        tag[0] ^= 1;
    return applet_put(self, ITEM_TAG, span_of(tag, sizeof tag));
}

/* ---- STORE DATA ---- */

static sw_t keep(struct applet self, struct span rules)
{
    bool ok = rules.n > 0 ? applet_put(self, ITEM_RULES, rules) : applet_remove_if_there(self, ITEM_RULES);
    return ok && tag_change(self) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t store_rule(struct applet self, struct span value, struct buf *all)
{
    uint8_t bytes[300];
    struct buf rule = buf_of(bytes, sizeof bytes);
    struct reader r = rd_of(value);
    struct tlv t;
    if (!tlv_next(&r, &t) || t.tag != REF_AR_DO || !rd_done(&r))
        return SW_WRONG_DATA;
    sw_t sw = ara_rule_read(t.value, &rule);
    if (sw == SW_WRONG_DATA)
        return sw;
    sw_t added = ara_rules_add(rules_of(self), buf_span(&rule), all);
    if (added != SW_OK && added != SW_RULE_EXISTS)
        return added;
    sw_t kept = keep(self, buf_span(all));
    return kept != SW_OK ? kept : added != SW_OK ? added : sw;
}

static sw_t delete_rules(struct applet self, struct span what, struct buf *all)
{
    unsigned n;
    if (!ara_rules_delete(rules_of(self), what, all, &n))
        return SW_WRONG_DATA;
    if (n == 0)
        return what.n == 0 ? SW_OK : SW_DATA_NOT_FOUND;
    return keep(self, buf_span(all));
}

/* One block, with one command object: clients' registrations (F3 to F8) are for cards with ARA-Cs, of which
 * there are none here. */
static sw_t store(struct applet self, uint8_t p1, uint8_t p2, struct span data, struct buf *out)
{
    enum { LAST_BLOCK_OF_TLVS = 0x90 };
    struct reader r = rd_of(data);
    struct tlv t;
    (void)out;
    if (p1 != LAST_BLOCK_OF_TLVS || p2 != 0)
        return SW_WRONG_P1P2;
    if (!tlv_next(&r, &t) || !rd_done(&r))
        return SW_WRONG_DATA;
    uint8_t *memory = malloc(RULES_MAX);
    if (memory == NULL)
        return SW_MEMORY_PROBLEM;
    struct buf all = buf_of(memory, RULES_MAX);
    sw_t sw;
    switch (t.tag) {
    case STORE:
        sw = store_rule(self, t.value, &all);
        break;
    case DELETE:
        sw = delete_rules(self, t.value, &all);
        break;
    case UPDATE_REFRESH_TAG:
        sw = t.value.n > 0 ? SW_WRONG_DATA : tag_change(self) ? SW_OK : SW_MEMORY_PROBLEM;
        break;
    default:
        sw = SW_INCOMPATIBLE_FILE; /* 6981: data object not supported */
        break;
    }
    free(memory);
    return sw;
}

static sw_t command_store(struct call *call)
{
    const struct session *session = call->session;
    if (session->remote && session->owner != NO_OWNER &&
        session->owner != applet_owner(call->card, call->self.index))
        return SW_CONDITIONS_NOT_SATISFIED; /* an operator's own only: these would stay for the next */
    if (session->remote && !domain_settled(call, call->self))
        return SW_TRIAL_RUNNING; /* and so would these */
    return store(call->self, call->cmd->p1, call->cmd->p2, call->cmd->data, call->out);
}

/* ---- GET DATA ---- */

/* 4.1.1: the object may be longer than a response: then [Next] has what follows, of the same rules. */
static sw_t get_all(struct call *call, bool next)
{
    struct reading *reading = applet_transient(call->self, sizeof *reading);
    uint8_t *memory = malloc(RULES_MAX + 8), tag[TAG_LEN];
    if (reading == NULL || memory == NULL) {
        free(memory);
        return SW_NOT_ENOUGH_MEMORY;
    }
    struct buf all = buf_of(memory, RULES_MAX + 8);
    buf_tlv(&all, ALL, rules_of(call->self));
    tag_of(call->self, tag);
    sw_t sw = SW_OK;
    if (next && !reading->more)
        sw = SW_CONDITIONS_NOT_SATISFIED;
    else if (next && memcmp(tag, reading->tag, sizeof tag) != 0)
        sw = SW_REFERENCED_DATA_INVALIDATED; /* rules have been updated, and must be read again */
    if (sw == SW_OK) {
        size_t from = next ? reading->at : 0;
        struct span part = span_slice(buf_span(&all), from, call->cmd->le);
        buf_put(call->out, part);
        bool again =
            part.n < call->cmd->le && part.n < 256; /* over T=0 it will be asked again with the right Le */
        reading->at = again ? from : from + part.n;
        reading->more = again ? next : reading->at < all.len;
        memcpy(reading->tag, tag, sizeof tag);
    }
    free(memory);
    return sw;
}

static sw_t get_specific(struct call *call)
{
    struct reader r = rd_of(call->cmd->data);
    struct tlv t;
    if (!tlv_next(&r, &t) || t.tag != REF_DO || !rd_done(&r))
        return SW_WRONG_DATA;
    size_t mark = buf_tlv_open(call->out, SPECIFIC);
    bool found = ara_rules_find(rules_of(call->self), t.value, call->out);
    buf_tlv_close(call->out, mark);
    return found ? SW_OK : SW_DATA_NOT_FOUND;
}

/* 4.1.4: the device tells its version (E4), and is told the one that this follows. */
static sw_t get_config(struct call *call)
{
    static const uint8_t version[] = {1, 1, 0};
    struct span device;
    if (!tlv_find(call->cmd->data, 0xE4, &device))
        return SW_WRONG_DATA;
    size_t outer = buf_tlv_open(call->out, CONFIG), inner = buf_tlv_open(call->out, 0xE5);
    buf_tlv(call->out, 0xE6, span_of(version, sizeof version));
    buf_tlv_close(call->out, inner);
    buf_tlv_close(call->out, outer);
    return SW_OK;
}

static sw_t command_get(struct call *call)
{
    unsigned what = (unsigned)(call->cmd->p1 << 8 | call->cmd->p2);
    uint8_t tag[TAG_LEN];
    bool with_data = what == SPECIFIC || what == CONFIG;
    if (what != ALL && what != NEXT && what != REFRESH_TAG && !with_data)
        return SW_DATA_NOT_FOUND;
    if (with_data != (call->cmd->data.n > 0))
        return SW_WRONG_LENGTH;
    switch (what) {
    case SPECIFIC:
        return get_specific(call);
    case CONFIG:
        return get_config(call);
    case REFRESH_TAG:
        tag_of(call->self, tag);
        buf_tlv(call->out, REFRESH_TAG, span_of(tag, sizeof tag));
        return SW_OK;
    default:
        return get_all(call, what == NEXT);
    }
}

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    (void)personal;
    return tag_change(self) ? SW_OK : SW_MEMORY_PROBLEM;
}

static const struct command_row rows[] = {
    SECURE_CHANNEL_ROWS,
    {"STORE DATA (access rules)", "GlobalPlatform SEAC 5.1", CLASS_ETSI, 0xE2, 0x00, 0x00, CASE_3, 1, 255,
     TARGET_NONE, ACCESS_DOMAIN_OR_ADMIN, ROW_REMOTE, command_store},
    {"GET DATA (access rules)", "GlobalPlatform SEAC 4.1", CLASS_ETSI, 0xCA, 0x00, 0x00, CASE_2_OR_4, 0, 255,
     TARGET_NONE, ACCESS_FREE, ROW_REMOTE, command_get},
};
static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};
static const struct applet_package package = {8, {0xA0, 0x00, 0x00, 0x01, 0x51, 0x41, 0x43, 0x4C}, {1, 1}};

const struct applet_class ara_m_class = {
    .name = "ara-m",
    .commands = &table,
    .messaging = &domain_messaging,
    .script_target = true,
    .installable = true,
    .package = &package,
    .module_len = 9,
    .module = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x41, 0x43, 0x4C, 0x4D},
    .install = install,
    .process_data = store,
};

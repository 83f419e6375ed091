/* SPDX-License-Identifier: Apache-2.0
 *
 * Automatic selection among the subscriptions of a card that has several at once (multi-IMSI): by the country
 * the terminal says it is in, by want of service, in the profile's order of preference. Exactly one pair is
 * in force at any time; a switch is one transaction. While a subscription is on trial or suspended, or in
 * force without being among the candidates, nothing is selected: an operator's order comes before any rule.
 */
#include "hex.h"
#include "pairs.h"

enum {
    CANDIDATE = 0xA1,
    CANDIDATE_PAIR = 0x80,
    CANDIDATE_IMSI = 0x81,
    CANDIDATE_MNC_LENGTH = 0x85,
    CANDIDATE_COUNTRIES = 0x86,
    CANDIDATE_FILES = 0xA5,
    RULES_VERSION = 0x82,
    RULES_LIMITS = 0x84,
    CANDIDATES_MAX = 32,
    COPY_MAX = 256, /* rules that came over the air: the data of one command */
    NO_COUNTRY = 0,
    MINE = 0x0E, /* digit of an IMSI: the one that the card's own has there */
};

/* Why a switch was made: in the log, in the keyset's place. */
enum cause { BY_COUNTRY = 1, BY_STRIKES = 2, BY_TIMER = 3 };

struct rules {
    struct span all;
    uint8_t copy[COPY_MAX];
};

struct candidate {
    unsigned place; /* in the order of preference */
    uint8_t pair, mnc_length;
    struct span imsi, countries, files;
};

/* What the card has seen; stored once there is something. */
struct seen {
    uint16_t country; /* MCC, coded as in a PLMN with the MNC's digit F; NO_COUNTRY: not known */
    uint32_t failed;  /* bit: place of a candidate that had no service in this country */
};

/* ---- rules: the profile's, or those that came over the air ---- */

static bool rules_load(struct applet self, struct rules *out)
{
    struct span stored;
    if (applet_get(self, ITEM_RULES, &stored) && stored.n <= sizeof out->copy) {
        memcpy(out->copy, stored.p, stored.n); /* what is written moves what is stored */
        out->all = span_of(out->copy, stored.n);
        return true;
    }
    return tlv_find(applet_row(self)->params, SELECTION, &out->all);
}

static bool candidate_read(struct span value, struct candidate *out)
{
    struct span octet;
    if (!tlv_find(value, CANDIDATE_PAIR, &octet) || octet.n != 1)
        return false;
    out->pair = octet.p[0];
    out->mnc_length = tlv_find(value, CANDIDATE_MNC_LENGTH, &octet) && octet.n == 1 ? octet.p[0] : 0;
    (void)tlv_find(value, CANDIDATE_IMSI, &out->imsi);
    (void)tlv_find(value, CANDIDATE_COUNTRIES, &out->countries);
    (void)tlv_find(value, CANDIDATE_FILES, &out->files);
    return (out->imsi.n == 0 || out->imsi.n == PAIR_IMSI_LEN) && out->countries.n % 2 == 0 &&
           (out->mnc_length == 0 || out->mnc_length == 2 || out->mnc_length == 3);
}

/* The next candidate from r on; start with rd_of(rules.all) and place 0. One that makes no
 * sense makes the reader bad. */
static bool candidate_next(struct reader *r, unsigned *place, struct candidate *out)
{
    struct tlv t;
    while (*place < CANDIDATES_MAX && tlv_next(r, &t))
        if (t.tag == CANDIDATE) {
            *out = (struct candidate){.place = (*place)++};
            r->bad = !candidate_read(t.value, out);
            return rd_ok(r);
        }
    return false;
}

static bool candidate_of(const struct rules *rules, unsigned pair, struct candidate *out)
{
    unsigned place = 0;
    for (struct reader r = rd_of(rules->all); candidate_next(&r, &place, out);)
        if (out->pair == pair)
            return true;
    return false;
}

/* ---- what was seen ---- */

static struct seen seen_load(struct applet self)
{
    struct span bytes;
    struct seen s = {NO_COUNTRY, 0};
    if (applet_get(self, ITEM_SEEN, &bytes) && bytes.n == 6) {
        struct reader r = rd_of(bytes);
        s.country = rd_u16(&r);
        s.failed = rd_u32(&r);
    }
    return s;
}

static bool seen_put(struct applet self, const struct seen *s)
{
    uint8_t bytes[6];
    struct buf out = buf_of(bytes, sizeof bytes);
    struct seen before = seen_load(self);
    if (before.country == s->country && before.failed == s->failed)
        return true;
    buf_u16(&out, s->country);
    buf_u32(&out, s->failed);
    return applet_put(self, ITEM_SEEN, buf_span(&out));
}

/* Volatile: a card that was just powered up knows nothing of service. */
struct session_state {
    bool in_service;
};

static bool *in_service(struct applet self)
{
    struct session_state *s = applet_transient(self, sizeof *s);
    return s != NULL ? &s->in_service : NULL;
}

/* ---- choice ---- */

static bool fits(const struct candidate *c, uint16_t country)
{
    if (c->countries.n == 0 || country == NO_COUNTRY)
        return true;
    for (struct reader r = rd_of(c->countries); r.left > 0;)
        if (rd_u16(&r) == country)
            return true;
    return false;
}

static bool available(struct applet self, const struct candidate *c)
{
    struct pair_record s;
    return pair_load(self, c->pair, &s) && (s.state == PAIR_AVAILABLE || s.state == PAIR_ACTIVE);
}

/* The most preferred that fits and has not failed here. */
static bool prefer(struct applet self, const struct rules *rules, const struct seen *seen,
                   struct candidate *out)
{
    unsigned place = 0;
    for (struct reader r = rd_of(rules->all); candidate_next(&r, &place, out);)
        if ((seen->failed >> out->place & 1) == 0 && fits(out, seen->country) && available(self, out))
            return true;
    return false;
}

/* Selection is in force: there are rules, the active pair is among the candidates, and nobody's order is
 * being tried or suspends it. */
static bool selects(struct applet self, struct rules *rules, struct candidate *now)
{
    struct pair_record s;
    struct trial trial;
    unsigned active = pair_active(self);
    return rules_load(self, rules) && !trial_load(self, &trial) && pair_load(self, active, &s) &&
           s.state == PAIR_ACTIVE && candidate_of(rules, active, now);
}

static bool set_state(struct applet self, unsigned pair, uint8_t state)
{
    struct pair_record s;
    if (!pair_load(self, pair, &s))
        return false;
    s.state = state;
    return pair_put(self, pair, &s);
}

/* One transaction: files, pairs, counters, log; as after an order, the terminal starts anew. */
static bool switch_to(struct applet self, unsigned from, const struct candidate *to, enum cause cause,
                      bool refresh)
{
    struct pair_record s;
    struct file_changes c;
    if (!pair_load(self, to->pair, &s) || !s.has_imsi || !file_changes_begin(&c, self))
        return false;
    subscription_files_change(&c, span_of(s.imsi, PAIR_IMSI_LEN), to->mnc_length);
    /* A file that was deleted or resized since the rules were taken must not keep
     * the card from the network. */
    bool files = subscription_files_check(self, to->files) == SW_OK;
    if (!files)
        applet_note(self,
                    "the files that the rules give this subscription do not fit any more: left as they are");
    bool ok = c.ok && (!files || subscription_files_bundle(&c, to->files) == SW_OK) &&
              subscription_tell_users(self) &&
              subscription_unstage(self) && /* the operator who wanted it is not in force any more */
              set_state(self, from, PAIR_AVAILABLE) && set_state(self, to->pair, PAIR_ACTIVE) &&
              pair_set_active(self, to->pair) && applet_remove_if_there(self, ITEM_TRIED) &&
              audit(self, AUDIT_SELECTED, to->pair, (uint16_t)cause);
    file_changes_end(&c);
    if (ok && refresh && !proactive_send(self, PROACTIVE_REFRESH, REFRESH_UICC_RESET, SPAN_EMPTY))
        applet_note(self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return ok;
}

/* The one in force has failed here: the next that has not; when all have, the next in turn. */
static bool next_one(struct applet self, const struct rules *rules, const struct candidate *now,
                     struct candidate *to)
{
    struct seen seen = seen_load(self);
    unsigned place = 0;
    bool found, later = false;
    seen.failed |= 1u << now->place;
    found = prefer(self, rules, &seen, to);
    if (!found) {
        struct candidate c, first = *now;
        for (struct reader r = rd_of(rules->all); candidate_next(&r, &place, &c) && !later;)
            if (c.place != now->place && fits(&c, seen.country) && available(self, &c)) {
                first = found ? first : c;
                found = true;
                later = c.place > now->place;
                *to = later ? c : first;
            }
        /* From now on in turn: none is preferred to another that failed as well,
         * until the country changes. */
        if (found)
            seen.failed = ~(1u << to->place);
    }
    return seen_put(self, &seen) && found;
}

static bool move_on(struct applet self, enum cause cause, bool refresh)
{
    struct rules rules;
    struct candidate now, to;
    if (!selects(self, &rules, &now))
        return true;
    if (next_one(self, &rules, &now, &to))
        return switch_to(self, now.pair, &to, cause, refresh);
    return applet_remove_if_there(self, ITEM_TRIED); /* nowhere to go: what is there is better than nothing */
}

/* ---- what happens ---- */

bool selection_watches(struct applet self)
{
    struct rules rules;
    struct candidate now;
    return selects(self, &rules, &now);
}

bool selection_limits(struct applet self, struct trial_policy *out)
{
    struct rules rules;
    struct candidate now;
    struct span limits;
    return selects(self, &rules, &now) && tlv_find(rules.all, RULES_LIMITS, &limits) &&
           trial_policy_read(limits, out);
}

bool selection_strike(struct applet self, enum trial_strike strike, bool refresh)
{
    struct trial_policy limits;
    bool over;
    if (!selection_limits(self, &limits))
        return true;
    bool *service = in_service(self);
    if (strike == STRIKE_POLL && service != NULL && *service)
        return true;
    if (!strikes_count(self, &limits, strike, &over))
        return false;
    if (over && service != NULL)
        *service = false;
    /* A wrong MAC is judged at the next poll or power-up, like one of a trial: its
     * command is about to fail. */
    return !over || strike == STRIKE_FAILURE || move_on(self, BY_STRIKES, refresh);
}

bool selection_timer(struct applet self)
{
    struct trial_policy limits;
    const bool *service = in_service(self);
    if (!selection_limits(self, &limits) || limits.minutes == 0 || (service != NULL && *service))
        return true;
    return move_on(self, BY_TIMER, true);
}

/* An authentication, or normal service: what counted against the subscription is forgotten. Nothing is
 * written when nothing did. */
bool selection_success(struct applet self)
{
    struct rules rules;
    struct candidate now;
    if (!selects(self, &rules, &now))
        return true;
    bool *service = in_service(self);
    if (service != NULL)
        *service = true;
    struct seen seen = seen_load(self);
    seen.failed &= ~(1u << now.place);
    return applet_remove_if_there(self, ITEM_TRIED) && seen_put(self, &seen);
}

/* TS 102 223 8.19: the location information begins with MCC and MNC as TS 24.008 10.5.1.3 has them. */
bool selection_location(struct applet self, bool normal_service, struct span location)
{
    struct rules rules;
    struct candidate now, best;
    struct reader r = rd_of(location);
    uint16_t country = (uint16_t)(rd_u16(&r) | 0x00F0);
    bool *service = in_service(self);
    if (service != NULL && !normal_service)
        *service = false;
    if (!selects(self, &rules, &now))
        return true;
    struct seen seen = seen_load(self);
    if (rd_ok(&r) && country != 0xFFFF && country != seen.country)
        seen = (struct seen){country, 0}; /* elsewhere everybody has another chance */
    if (!seen_put(self, &seen))
        return false;
    if (prefer(self, &rules, &seen, &best) && best.pair != now.pair)
        return switch_to(self, now.pair, &best, BY_COUNTRY, true);
    return normal_service ? selection_success(self) : selection_strike(self, STRIKE_NO_SERVICE, true);
}

/* ---- made, and replaced over the air ---- */

/* Digits marked so are those of the card's own IMSI: a deck of cards has as many of each. */
static void imsi_complete(uint8_t imsi[PAIR_IMSI_LEN], const uint8_t own[PAIR_IMSI_LEN])
{
    for (size_t i = 1; i < PAIR_IMSI_LEN; i++) {
        if ((imsi[i] & 0x0F) == MINE)
            imsi[i] = (uint8_t)((imsi[i] & 0xF0) | (own[i] & 0x0F));
        if (imsi[i] >> 4 == MINE)
            imsi[i] = (uint8_t)((imsi[i] & 0x0F) | (own[i] & 0xF0));
    }
}

bool subscription_made_imsi(const struct profile *p, unsigned pair, const char *imsi, char out[16])
{
    struct rules rules = {.all = SPAN_EMPTY};
    struct candidate c;
    uint8_t ef[PAIR_IMSI_LEN], own[PAIR_IMSI_LEN];
    for (uint16_t i = 0; i < p->n_applets; i++)
        if (strcmp(p->applets[i].class_name, subscription_class.name) == 0 &&
            tlv_find(p->applets[i].params, SELECTION, &rules.all))
            break;
    if (!candidate_of(&rules, pair, &c) || c.imsi.n != PAIR_IMSI_LEN || !imsi_pack(imsi, own))
        return false;
    memcpy(ef, c.imsi.p, sizeof ef);
    imsi_complete(ef, own);
    return imsi_unpack(span_of(ef, sizeof ef), out);
}

/* A candidate that is there already may be given another IMSI while it is not in force; digits
 * that are the card's own stay. */
static sw_t renumber(struct applet self, const struct candidate *c, struct pair_record *s)
{
    char digits[16];
    uint8_t imsi[PAIR_IMSI_LEN];
    memcpy(imsi, c->imsi.p, PAIR_IMSI_LEN);
    imsi_complete(imsi, s->imsi);
    if (!imsi_unpack(span_of(imsi, PAIR_IMSI_LEN), digits))
        return SW_IMSI_MALFORMED;
    if (memcmp(imsi, s->imsi, PAIR_IMSI_LEN) == 0)
        return SW_OK;
    if (s->state == PAIR_ACTIVE)
        return SW_INDEX_IN_USE;
    memcpy(s->imsi, imsi, PAIR_IMSI_LEN);
    s->has_imsi = true;
    return pair_put(self, c->pair, s) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t enlist(struct applet self, const struct candidate *c)
{
    char digits[16];
    struct pair_record s, own;
    if (!pair_load(self, c->pair, &s))
        return SW_INDEX_UNKNOWN;
    if (s.state == PAIR_ACTIVE || s.state == PAIR_AVAILABLE)
        return c->imsi.n == 0 ? SW_OK : renumber(self, c, &s);
    if (s.state != PAIR_UNUSED)
        return SW_INDEX_IN_USE;
    if (c->imsi.n != PAIR_IMSI_LEN || !pair_load(self, pair_active(self), &own))
        return SW_IMSI_MALFORMED;
    s = (struct pair_record){.state = PAIR_AVAILABLE, .has_imsi = true};
    memcpy(s.imsi, c->imsi.p, PAIR_IMSI_LEN);
    imsi_complete(s.imsi, own.imsi);
    if (!imsi_unpack(span_of(s.imsi, PAIR_IMSI_LEN), digits))
        return SW_IMSI_MALFORMED;
    return pair_put(self, c->pair, &s) ? SW_OK : SW_MEMORY_PROBLEM;
}

/* Every candidate becomes available; whoever was and is no more has been replaced, and is retired. */
static sw_t take_rules(struct applet self, struct span all)
{
    struct rules rules = {.all = all};
    struct candidate c;
    struct pair_record s;
    struct reader r = rd_of(all);
    unsigned place = 0;
    sw_t sw = SW_OK;
    while (sw == SW_OK && candidate_next(&r, &place, &c)) {
        sw = subscription_files_check(self, c.files);
        if (sw == SW_OK)
            sw = enlist(self, &c);
    }
    if (sw == SW_OK && !rd_done(&r))
        sw = SW_WRONG_DATA;
    for (unsigned i = 0; sw == SW_OK && pair_load(self, i, &s); i++)
        if (s.state == PAIR_AVAILABLE && !candidate_of(&rules, i, &c) && !set_state(self, i, PAIR_RETIRED))
            sw = SW_MEMORY_PROBLEM;
    return sw;
}

sw_t selection_install(struct applet self)
{
    struct span all;
    if (!tlv_find(applet_row(self)->params, SELECTION, &all))
        return SW_OK;
    sw_t sw = take_rules(self, all);
    return sw != SW_OK || trial_watch(self) ? sw : SW_MEMORY_PROBLEM;
}

static uint16_t version_of(struct span rules)
{
    struct span version;
    struct reader r = rd_of(tlv_find(rules, RULES_VERSION, &version) ? version : SPAN_EMPTY);
    uint16_t n = rd_u16(&r);
    return rd_done(&r) ? n : 0;
}

sw_t selection_replace(struct call *call, struct span all)
{
    struct rules before;
    struct trial trial;
    struct trial_policy limits;
    struct span said;
    uint16_t version = version_of(all), old = rules_load(call->self, &before) ? version_of(before.all) : 0;
    if (trial_load(call->self, &trial))
        return SW_TRIAL_RUNNING;
    if (version == 0 || (tlv_find(all, RULES_LIMITS, &said) && !trial_policy_read(said, &limits)))
        return SW_WRONG_DATA;
    if (version <= old) /* an older package that comes late undoes nothing */
        return SW_CONDITIONS_NOT_SATISFIED;
    const struct seen nothing = {NO_COUNTRY, 0};
    sw_t sw = all.n > COPY_MAX ? SW_NOT_ENOUGH_MEMORY : take_rules(call->self, all);
    if (sw != SW_OK)
        return sw;
    bool ok = applet_put(call->self, ITEM_RULES, all) && applet_remove_if_there(call->self, ITEM_TRIED) &&
              seen_put(call->self, &nothing) && trial_watch(call->self) &&
              audit(call->self, AUDIT_RULES, (uint8_t)version, call->session->key_item);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

/* GET DATA: version of the rules, active pair, country, places of candidates that failed there, what counts
 * against the one in force. */
sw_t selection_tell(struct call *call)
{
    struct rules rules;
    struct span tried;
    struct seen seen = seen_load(call->self);
    if (!rules_load(call->self, &rules))
        return SW_DATA_NOT_FOUND;
    size_t mark = buf_tlv_open(call->out, SELECTION_INFO), inner;
    inner = buf_tlv_open(call->out, RULES_VERSION);
    buf_u16(call->out, version_of(rules.all));
    buf_tlv_close(call->out, inner);
    buf_tlv_u8(call->out, RESULT_INDEX, (uint8_t)pair_active(call->self));
    if (seen.country != NO_COUNTRY) {
        inner = buf_tlv_open(call->out, CANDIDATE_COUNTRIES);
        buf_u16(call->out, seen.country);
        buf_tlv_close(call->out, inner);
    }
    inner = buf_tlv_open(call->out, SELECTION_FAILED);
    buf_u32(call->out, seen.failed);
    buf_tlv_close(call->out, inner);
    if (applet_get(call->self, ITEM_TRIED, &tried))
        buf_tlv(call->out, RULES_LIMITS, tried);
    buf_tlv_close(call->out, mark);
    return SW_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "modem.h"

#include <stdlib.h>

#include "crypto.h"
#include "hex.h"
#include "modem_inner.h"

/* A test number: TAC 00101001 (3GPP TS 23.003 6.2; GSMA TS.06, test TACs begin 00). */
static const char default_imei[] = "00101001000000";

static bool digits(const char *text, size_t n)
{
    return strspn(text, "0123456789") == n && text[n] == '\0';
}

static void number_terminal(struct modem *m, const struct modem_config *config)
{
    memcpy(m->imei, digits(config->imei, 15) ? config->imei : default_imei, 14);
    m->imei[14] = '\0';
    m->imei[14] = digits(config->imei, 15) ? config->imei[14] : luhn_digit(m->imei);
    m->imei[15] = '\0';
    memcpy(m->imeisv, m->imei, 14);
    memcpy(m->imeisv + 14, digits(config->svn, 2) ? config->svn : "01", 3);
}

struct modem *modem_new(const struct modem_config *config)
{
    struct modem *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->link = config->link;
    m->loop = config->loop;
    m->network = config->network;
    m->random = (config->seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    m->allow_network = config->allow_network;
    m->poll_s = config->poll_s != 0 ? config->poll_s : MODEM_POLL_S;
    number_terminal(m, config);
    if (config->pin != NULL && strlen(config->pin) <= MODEM_PIN_MAX)
        memcpy(m->pin, config->pin, strlen(config->pin) + 1);
    /* TS 102 221 11.1.19.2: terminal power supply, class A to C, 60 mA */
    static const uint8_t capability[] = {0xA9, 0x05, 0x81, 0x03, 0x07, 0x3C, 0x00};
    struct span c = config->capability.n > 0 && config->capability.n <= sizeof m->capability
                        ? config->capability
                        : span_of(capability, sizeof capability);
    memcpy(m->capability, c.p, c.n);
    m->capability_len = (uint8_t)c.n;
    m->sim = MODEM_SIM_OFF;
    stk_init(m);
    sms_init(m);
    if (config->profile.n > 0)
        modem_stk_profile(m, config->profile);
    m->reg.timer = (struct loop_timer){.ctx = m};
    modem_dark(m);
    m->sim = MODEM_SIM_OFF;
    return m;
}

void modem_free(struct modem *m)
{
    if (m == NULL)
        return;
    m->n_users = 0;
    modem_dark(m);
    crypto_wipe(m, sizeof *m);
    free(m);
}

bool modem_listen(struct modem *m, const struct modem_user *user)
{
    if (m->n_users == MODEM_USERS_MAX)
        return false;
    m->users[m->n_users++] = *user;
    return true;
}

struct loop *modem_loop(const struct modem *m)
{
    return m->loop;
}

uint32_t modem_draw(struct modem *m) /* xorshift64*: repeatable everywhere */
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return (uint32_t)((m->random * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

/* ---- power ---- */

static const char *sim_word(enum modem_sim state)
{
    switch (state) {
    case MODEM_SIM_ABSENT:
        return "absent";
    case MODEM_SIM_OFF:
        return "off";
    case MODEM_SIM_PIN:
        return "PIN";
    case MODEM_SIM_PUK:
        return "PUK";
    case MODEM_SIM_BLOCKED:
        return "blocked";
    case MODEM_SIM_READY:
        return "ready";
    case MODEM_SIM_FAILURE:
    default:
        return "failure";
    }
}

void modem_tell_sim(struct modem *m, enum modem_sim state)
{
    struct modem_note n;
    if (m->sim == state)
        return;
    m->sim = state;
    note_begin(&n, m, "sim");
    note_text(&n, "state", sim_word(state));
    note_end(&n);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].sim != NULL)
            m->users[i].sim(m->users[i].ctx, state);
}

void modem_dark(struct modem *m)
{
    if (m->powered && m->link.off != NULL)
        m->link.off(m->link.ctx);
    m->powered = false;
    loop_stop(m->loop, &m->poll);
    stk_dark(m);
    sms_dark(m);
    register_leave(m);
    m->atr_len = 0;
    m->gsm = m->adf_selected = false;
    memset(m->open, 0, sizeof m->open);
    m->n_apps = 0;
    m->dir_len = 0;
    m->aid_len = 0;
    m->iccid[0] = m->imsi[0] = m->spn[0] = m->msisdn[0] = '\0';
    m->mnc_digits = m->search_minutes = 0;
    m->mnc_length_known = false;
    m->ust_len = 0;
    memset(m->plmn_lists, 0, sizeof m->plmn_lists);
    memset(m->forbidden, 0, sizeof m->forbidden);
    crypto_wipe(m->last_tmsi, sizeof m->last_tmsi);
}

static void power_up(struct modem *m)
{
    enum modem_sim state = init_power_up(m);
    modem_tell_sim(m, state);
    if (m->powered && state == MODEM_SIM_READY && m->function == MODEM_FULL)
        register_begin(m, 0);
}

enum modem_sim modem_function_set(struct modem *m, enum modem_function function)
{
    const enum modem_function before = m->function;
    struct modem_note n;
    if (function == before && (function == MODEM_OFF || m->powered))
        return m->sim;
    m->function = function;
    note_begin(&n, m, "function");
    note_number(&n, "cfun", function);
    note_end(&n);
    if (function == MODEM_OFF) {
        register_leave(m);
        init_end_session(m);
        modem_dark(m);
        modem_tell_sim(m, MODEM_SIM_OFF);
    } else if (!m->powered) {
        power_up(m);
    } else if (function == MODEM_FLIGHT) {
        register_leave(m);
        register_tell_card(m);
    } else if (m->sim == MODEM_SIM_READY) {
        register_begin(m, 0);
    }
    return m->sim;
}

enum modem_function modem_function_get(const struct modem *m)
{
    return m->function;
}

enum modem_sim modem_sim_state(const struct modem *m)
{
    return m->sim;
}

enum modem_sim modem_power_cycle(struct modem *m)
{
    note(m, "power lost");
    modem_dark(m);
    m->sim = MODEM_SIM_OFF;
    m->function = MODEM_FULL;
    power_up(m);
    return m->sim;
}

/* ---- what is known ---- */

const char *modem_imsi(const struct modem *m)
{
    return m->imsi;
}

const char *modem_iccid(const struct modem *m)
{
    return m->iccid;
}

const char *modem_imei(const struct modem *m)
{
    return m->imei;
}

const char *modem_imeisv(const struct modem *m)
{
    return m->imeisv;
}

const char *modem_spn(const struct modem *m)
{
    return m->spn;
}

const char *modem_msisdn(const struct modem *m)
{
    return m->msisdn;
}

unsigned modem_mnc_digits(const struct modem *m)
{
    return m->mnc_digits;
}

struct span modem_atr(const struct modem *m)
{
    return span_of(m->atr, m->atr_len);
}

bool modem_service(const struct modem *m, unsigned n)
{
    return n >= 1 && (n - 1) / 8 < m->ust_len && (m->ust[(n - 1) / 8] >> (n - 1) % 8 & 1) != 0;
}

bool modem_app(const struct modem *m, unsigned nth, struct modem_app *out)
{
    if (nth >= m->n_apps)
        return false;
    *out = m->apps[nth];
    return true;
}

struct span modem_dir(const struct modem *m)
{
    return span_of(m->dir, m->dir_len);
}

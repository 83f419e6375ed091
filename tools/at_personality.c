/* SPDX-License-Identifier: Apache-2.0
 *
 * Which modem it takes itself for. A personality is a row: what it says of itself, commands besides the
 * standards', commands it lacks.
 */
#include "at_inner.h"

/* ofono's driver for the phonesim simulator asks whether a SIM is in, and how the battery is. */
static at_result sim_inserted(struct at_call *c)
{
    enum modem_sim state = modem_sim_state(c->modem);
    at_say(c->at, "+SIMSTATE: %d", state != MODEM_SIM_ABSENT && state != MODEM_SIM_OFF ? 1 : 0);
    return AT_OK;
}

static at_result battery_charge(struct at_call *c)
{
    at_say(c->at, "+CBC: 0,100");
    return AT_OK;
}

static const struct at_command phonesim[] = {
    {"+SIMSTATE", "phonesim", "", sim_inserted, AT_READ | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CBC", "27.007 8.4", "(0),(0-100)", battery_charge, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0,
     0},
};

/* What came to modems with logical channels and with E-UTRAN. */
static const char *const not_of_gsm[] = {"+CCHO",   "+CCHC",   "+CGLA",   "+CRLA",   "+CUAD",   "+CPINR",
                                         "+CEREG",  "+CESQ",   "+C5GREG", "+CSCON",  "+CUSATR", "+CUSATW",
                                         "+CUSATD", "+CUSATA", "+CUSATP", "+CUSATT", "+CUSATE", NULL};

static const struct at_personality personalities[] = {
    {
        .name = "generic",
        .summary = "the standards and nothing else; toolkit by +CUSATA=1",
        .manufacturer = "softuicc",
        .model = "virtual modem",
        .revision = "1.0",
        .capabilities = "+CGSM",
    },
    {
        .name = "gsm",
        .summary = "an old one: no logical channels, no toolkit, no E-UTRAN; +CSIM and +CRSM only",
        .manufacturer = "softuicc",
        .model = "virtual modem (GSM)",
        .revision = "1.0",
        .capabilities = "+CGSM",
        .absent = not_of_gsm,
    },
    {
        .name = "phonesim",
        .summary = "for ofono's driver of that name, which has a toolkit: proactive commands from +CFUN=1 on",
        .manufacturer = "softuicc",
        .model = "virtual modem (phonesim)",
        .revision = "1.0",
        .capabilities = "+CGSM",
        .commands = {phonesim, sizeof phonesim / sizeof phonesim[0]},
        .toolkit_at_cfun = true,
        .handled = "*HCMD: ",
        .inserted = "+USIMSTATE: ",
    },
};
enum { N_PERSONALITIES = sizeof personalities / sizeof personalities[0] };

const struct at_personality *at_personality_find(const char *name)
{
    for (size_t i = 0; i < N_PERSONALITIES; i++)
        if (name == NULL || strcmp(personalities[i].name, name) == 0)
            return &personalities[i];
    return NULL;
}

bool at_personality_nth(unsigned n, const char **name, const char **summary)
{
    if (n >= N_PERSONALITIES)
        return false;
    *name = personalities[n].name;
    *summary = personalities[n].summary;
    return true;
}

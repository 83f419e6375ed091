/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_por.h"

static bool answers(const struct scp80_response *r, const struct scp80_command *c)
{
    return memcmp(r->tar, c->tar, sizeof c->tar) == 0 && memcmp(r->cntr, c->cntr, sizeof c->cntr) == 0;
}

void ota_por_open(struct uicc_crypto *crypto, const struct keyset *keys, const struct scp80_command *command,
                  struct span packet, struct buf *work, struct ota_por *out)
{
    *out = (struct ota_por){.kind = OTA_POR_UNINTELLIGIBLE};
    switch (scp80_response_open(crypto, keys, command->spi2, packet, &out->response, work, &out->data)) {
    case SCP80_GENUINE:
        out->opened = true;
        out->kind = answers(&out->response, command) ? OTA_POR_GENUINE : OTA_POR_OTHER;
        break;
    case SCP80_UNPROTECTED:
        out->opened = true;
        out->kind = OTA_POR_UNPROTECTED;
        break;
    case SCP80_FORGED:
        out->kind = OTA_POR_FORGED;
        break;
    case SCP80_MALFORMED:
    default:
        break;
    }
    if (!out->opened)
        out->data = SPAN_EMPTY;
}

static bool announces(uint8_t status)
{
    return status == SCP80_RESPONSE_BY_SUBMIT || status == SCP80_RESPONSE_BY_USSD ||
           status == SCP80_MORE_TIME;
}

enum ota_heard ota_por_heard(const struct ota_por *por, const struct scp80_command *command)
{
    /* Where no CC was asked for, no better one can come. */
    const bool best_possible = por->kind == OTA_POR_GENUINE ||
                               (por->kind == OTA_POR_UNPROTECTED && answers(&por->response, command) &&
                                (command->spi2 & SPI2_POR_CHECK) != SPI2_POR_CC);
    if (!best_possible)
        return OTA_HEARD_DOUBTFUL;
    return announces(por->response.status) ? OTA_HEARD_MORE : OTA_HEARD_FINAL;
}

bool ota_por_better(const struct ota_por *candidate, const struct ota_por *best)
{
    if (candidate->kind != best->kind)
        return candidate->kind > best->kind;
    /* The announced answer counts more than its announcement. */
    return candidate->opened && announces(best->response.status);
}

const char *ota_por_name(enum ota_por_kind kind)
{
    static const char *const names[] = {
        [OTA_POR_NONE] = "none",
        [OTA_POR_UNINTELLIGIBLE] = "unintelligible",
        [OTA_POR_FORGED] = "forged",
        [OTA_POR_OTHER] = "answers another command",
        [OTA_POR_UNPROTECTED] = "unprotected",
        [OTA_POR_GENUINE] = "genuine",
    };
    return names[kind];
}

const char *ota_por_advice(uint8_t status)
{
    switch (status) {
    case SCP80_CNTR_LOW:
        return ": the keyset was used with this counter, or a higher one, before: give a higher one with --counter (--records notes it)";
    case SCP80_CNTR_HIGH:
        return ": only the counter after the last one is taken: --counter N, one more than 'softuicc show' has for the pair";
    case SCP80_CNTR_BLOCKED:
        return ": this keyset's counter has come to its end";
    case SCP80_TAR_UNKNOWN:
        return ": no application of the card has this TAR for this keyset ('softuicc show' lists them)";
    case SCP80_SECURITY_LEVEL:
        return ": its application wants a higher security level";
    default:
        return "";
    }
}

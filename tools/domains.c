/* SPDX-License-Identifier: Apache-2.0 */
#include "domains.h"

#include <inttypes.h>

#include "cli.h"
#include "hex.h"
#include "registry.h"
#include "security_domain.h"

enum { KEYS = 3 };

/* Every keyset of every domain: start with *index and *version 0. */
static bool next(struct uicc *card, uint8_t *index, uint8_t *version, struct domain_keyset_info *info)
{
    for (; *index < applets_count(card); ++*index, *version = 0)
        if (applet_class_of(card, *index)->security_domain &&
            domain_keyset_inspect((struct applet){card, *index}, *version, info)) {
            *version = info->version;
            return true;
        }
    return false;
}

static const char *algorithm(const struct domain_keyset_info *info, int key)
{
    switch (info->algorithm[key]) {
    case OTA_AES:
        return info->len[key] == 16 ? "aes-128" : info->len[key] == 24 ? "aes-192" : "aes-256";
    case OTA_3DES:
        return info->len[key] == 16 ? "3des" : "3des-3";
    case OTA_DES:
        return "des";
    default:
        return "-";
    }
}

static void aid_text(const struct uicc *card, uint8_t index, char text[2 * PROFILE_AID_MAX + 1])
{
    const struct profile_applet *row = applet_row_of(card, index);
    for (uint8_t i = 0; i < row->aid_len; i++)
        snprintf(text + 2 * i, 3, "%02X", row->aid[i]);
    if (row->aid_len == 0)
        strcpy(text, "-");
}

void domains_print(FILE *f, struct uicc *card)
{
    struct domain_keyset_info info;
    uint8_t index = 0, version = 0;
    bool any = false;
    char aid[2 * PROFILE_AID_MAX + 1], kcv[7];
    for (; next(card, &index, &version, &info); any = true) {
        if (!any)
            fprintf(f, "%-33s %-3s  %-6s  %-23s  %-20s  %s\n", "security domain", "KVN", "for", "keys", "KCV",
                    "counter");
        aid_text(card, index, aid);
        fprintf(f, "%-33s %02X   %-6s ", aid, info.version, info.protocol);
        for (int i = 0; i < KEYS; i++)
            fprintf(f, " %-7s", algorithm(&info, i));
        fputc(' ', f);
        for (int i = 0; i < KEYS; i++) {
            hex_format(span_of(info.kcv[i], 3), kcv);
            fprintf(f, " %s", info.algorithm[i] != OTA_NONE ? kcv : "-     ");
        }
        fprintf(f, "  %" PRIu64 "\n", info.counter);
    }
    if (any)
        fputc('\n', f);
}

void domains_json(FILE *f, struct uicc *card, const char *indent)
{
    struct domain_keyset_info info;
    uint8_t index = 0, version = 0;
    char text[2 * PROFILE_AID_MAX + 1];
    fprintf(f, "%s\"domain_keys\": [", indent);
    for (bool first = true; next(card, &index, &version, &info); first = false) {
        aid_text(card, index, text);
        fprintf(f,
                "%s\n%s  {\"aid\": \"%s\", \"kvn\": %u, \"protocol\": \"%s\", \"counter\": %" PRIu64
                ", \"keys\": [",
                first ? "" : ",", indent, text, info.version, info.protocol, info.counter);
        for (int i = 0, n = 0; i < KEYS; i++) {
            if (info.algorithm[i] == OTA_NONE)
                continue;
            hex_format(span_of(info.kcv[i], 3), text);
            fprintf(f, "%s{\"id\": %d, \"algorithm\": \"%s\", \"kcv\": \"%s\"}", n++ > 0 ? ", " : "", i + 1,
                    algorithm(&info, i), text);
        }
        fputs("]}", f);
    }
    fprintf(f, "\n%s]", indent);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscribers in the forms that other home subscriber servers take. What they make of SQN differs: osmo-hlr
 * wants the last one used, the others the next to be used.
 */
#include <inttypes.h>

#include "auc.h"
#include "hex.h"

struct exporting {
    const struct auc_export *how;
    FILE *to;
    struct sealed_error *error;
};

static void put_hex(FILE *to, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(to, "%02x", p[i]);
}

static bool cannot(const struct exporting *x, const struct auc_subscriber *s, const char *why)
{
    snprintf(x->error->text, sizeof x->error->text, "IMSI %s: %s knows no %s", s->imsi, x->how->format, why);
    return false;
}

/* None of them has a place for an algorithm's parameters. */
static bool milenage_only(const struct exporting *x, const struct auc_subscriber *s)
{
    if (s->algorithm->id != AKA_MILENAGE)
        return cannot(x, s, s->algorithm->name);
    return aka_key_usual(s->key) || cannot(x, s, "parameters of Milenage");
}

/* libosmocore's numbers of algorithms, as they stand in the data base. */
static int osmo_algorithm(enum aka_id id)
{
    switch (id) {
    case AKA_XOR:
        return 4;
    case AKA_MILENAGE:
        return 5;
    default:
        return 7; /* TUAK: libosmocore 1.9 on */
    }
}

static bool osmo_hlr(struct exporting *x, const struct auc_subscriber *s)
{
    FILE *to = x->to;
    if (!aka_key_usual(s->key))
        return cannot(x, s, "parameters of algorithms");
    fprintf(to, "INSERT INTO subscriber (imsi) VALUES ('%s') ON CONFLICT (imsi) DO NOTHING;\n", s->imsi);
    fprintf(to,
            "INSERT OR REPLACE INTO auc_3g (subscriber_id, algo_id_3g, k, op, opc, sqn, ind_bitlen)"
            " SELECT id, %d, '",
            osmo_algorithm(s->algorithm->id));
    put_hex(to, s->key->k, s->key->k_len);
    fputs("', NULL, ", to);
    if (s->key->opc_len > 0) {
        fputc('\'', to);
        put_hex(to, s->key->opc, s->key->opc_len);
        fputc('\'', to);
    } else {
        fputs("NULL", to);
    }
    fprintf(to, ", %" PRIu64 ", %u FROM subscriber WHERE imsi = '%s';\n", s->sqn, s->scheme.ind_bits,
            s->imsi);
    return true;
}

static bool srsran(struct exporting *x, const struct auc_subscriber *s)
{
    static const uint8_t none[16] = {0};
    bool is_xor = s->algorithm->id == AKA_XOR;
    if ((!is_xor && !milenage_only(x, s)) || (is_xor && !aka_key_usual(s->key)))
        return is_xor ? cannot(x, s, "parameters of XOR") : false;
    fprintf(x->to, "%s-%u,%s,%s,", s->iccid, s->index, is_xor ? "xor" : "mil", s->imsi);
    put_hex(x->to, s->key->k, s->key->k_len);
    fputs(",opc,", x->to);
    put_hex(x->to, is_xor ? none : s->key->opc, 16);
    fprintf(x->to, ",%02x%02x,%012" PRIx64 ",9,dynamic\n", x->how->amf[0], x->how->amf[1], s->next);
    return true;
}

static bool open5gs(struct exporting *x, const struct auc_subscriber *s)
{
    static const char rate[] =
        "{\"downlink\": {\"value\": 1, \"unit\": 3}, \"uplink\": {\"value\": 1, \"unit\": 3}}";
    FILE *to = x->to;
    if (!milenage_only(x, s))
        return false;
    fprintf(to,
            "{\"schema_version\": 1, \"imsi\": \"%s\", \"msisdn\": [], \"imeisv\": [], \"mme_host\": [], "
            "\"mme_realm\": [], \"purge_flag\": [], \"security\": {\"k\": \"",
            s->imsi);
    put_hex(to, s->key->k, s->key->k_len);
    fputs("\", \"op\": null, \"opc\": \"", to);
    put_hex(to, s->key->opc, s->key->opc_len);
    fprintf(to, "\", \"amf\": \"%02x%02x\", \"sqn\": {\"$numberLong\": \"%" PRIu64 "\"}}, \"ambr\": %s, ",
            x->how->amf[0], x->how->amf[1], s->next, rate);
    fprintf(
        to,
        "\"slice\": [{\"sst\": 1, \"default_indicator\": true, \"session\": [{\"name\": \"%s\", \"type\": 3, "
        "\"qos\": {\"index\": 9, \"arp\": {\"priority_level\": 8, \"pre_emption_capability\": 1, "
        "\"pre_emption_vulnerability\": 1}}, \"ambr\": %s, \"pcc_rule\": []}]}], ",
        x->how->apn, rate);
    fputs("\"access_restriction_data\": 32, \"subscriber_status\": 0, \"network_access_mode\": 0, "
          "\"subscribed_rau_tau_timer\": 12, \"__v\": 0}\n",
          to);
    return true;
}

static void free5gc_services(struct exporting *x)
{
    const char *apn = x->how->apn;
    FILE *to = x->to;
    fputs("\"AccessAndMobilitySubscriptionData\": {\"nssai\": {\"defaultSingleNssais\": [{\"sst\": 1, "
          "\"sd\": \"010203\"}], "
          "\"singleNssais\": [{\"sst\": 1, \"sd\": \"010203\"}]}, "
          "\"subscribedUeAmbr\": {\"uplink\": \"1 Gbps\", \"downlink\": \"1 Gbps\"}}, ",
          to);
    fprintf(
        to,
        "\"SessionManagementSubscriptionData\": [{\"singleNssai\": {\"sst\": 1, \"sd\": \"010203\"}, "
        "\"dnnConfigurations\": {\"%s\": {\"pduSessionTypes\": {\"defaultSessionType\": \"IPV4\", "
        "\"allowedSessionTypes\": [\"IPV4\"]}, \"sscModes\": {\"defaultSscMode\": \"SSC_MODE_1\", "
        "\"allowedSscModes\": [\"SSC_MODE_1\"]}, \"5gQosProfile\": {\"5qi\": 9, \"arp\": {\"priorityLevel\": "
        "8}, "
        "\"priorityLevel\": 8}, \"sessionAmbr\": {\"uplink\": \"1 Gbps\", \"downlink\": \"1 Gbps\"}}}}], ",
        apn);
    fprintf(to,
            "\"SmfSelectionSubscriptionData\": {\"subscribedSnssaiInfos\": {\"01010203\": {\"dnnInfos\": "
            "[{\"dnn\": \"%s\"}]}}}, \"AmPolicyData\": {\"subscCats\": [\"free5gc\"]}, "
            "\"SmPolicyData\": {\"smPolicySnssaiData\": {\"01010203\": {\"snssai\": {\"sst\": 1, \"sd\": "
            "\"010203\"}, "
            "\"smPolicyDnnData\": {\"%s\": {\"dnn\": \"%s\"}}}}}, \"FlowRules\": [], \"QosFlows\": []}\n",
            apn, apn, apn);
}

static bool free5gc(struct exporting *x, const struct auc_subscriber *s)
{
    static const char clear[] = "\", \"encryptionKey\": 0, \"encryptionAlgorithm\": 0}";
    FILE *to = x->to;
    if (!milenage_only(x, s))
        return false;
    fprintf(to,
            "{\"plmnID\": \"%.*s\", \"ueId\": \"imsi-%s\", \"AuthenticationSubscription\": "
            "{\"authenticationMethod\": \"5G_AKA\", \"permanentKey\": {\"permanentKeyValue\": \"",
            (int)(3 + x->how->mnc_digits), s->imsi, s->imsi);
    put_hex(to, s->key->k, s->key->k_len);
    fprintf(to,
            "%s, \"sequenceNumber\": \"%012" PRIx64 "\", \"authenticationManagementField\": \"%02x%02x\", "
            "\"milenage\": {\"op\": {\"opValue\": \"%s}, \"opc\": {\"opcValue\": \"",
            clear, s->next, x->how->amf[0], x->how->amf[1], clear);
    put_hex(to, s->key->opc, s->key->opc_len);
    fprintf(to, "%s}, ", clear);
    free5gc_services(x);
    return true;
}

static const struct format {
    const char *name, *head, *tail;
    bool wants_next; /* SQN: the next to be used */
    bool (*put)(struct exporting *x, const struct auc_subscriber *s);
} formats[] = {
    {"osmo-hlr", "BEGIN;\n", "COMMIT;\n", false, osmo_hlr},
    {"srsran", "# Name,Auth,IMSI,Key,OP_Type,OP/OPc,AMF,SQN,QCI,IP_alloc\n", "", true, srsran},
    {"open5gs", "", "", true, open5gs},
    {"free5gc", "", "", true, free5gc},
};

enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static const struct format *format_named(const char *name)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

bool auc_export_known(const char *format)
{
    return format_named(format) != NULL;
}

static bool put(void *ctx, const struct auc_subscriber *s)
{
    struct exporting *x = ctx;
    const struct format *f = format_named(x->how->format);
    if (!s->current)
        return true;
    if (f->wants_next && s->next == 0) {
        snprintf(x->error->text, sizeof x->error->text, "the sequence numbers of IMSI %s are used up",
                 s->imsi);
        return false;
    }
    return f->put(x, s) && !ferror(x->to);
}

bool auc_export(struct auc *a, const struct auc_export *how, FILE *to, struct sealed_error *error)
{
    struct exporting x = {how, to, error};
    const struct format *f = format_named(how->format);
    if (f == NULL) {
        snprintf(error->text, sizeof error->text, "no format '%.40s'", how->format);
        return false;
    }
    fputs(f->head, to);
    if (!auc_each(a, true, put, &x, error)) {
        if (error->text[0] == '\0')
            snprintf(error->text, sizeof error->text, "cannot write");
        return false;
    }
    fputs(f->tail, to);
    return !ferror(to);
}

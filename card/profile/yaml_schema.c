/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema, and libcyaml's complaints in words for people: its log has a message and, as a backtrace, where
 * it was.
 */
#include "yaml_schema.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

enum { HEX_MAX = 3 * 65536, WORD_MAX = 64, CONDITION_MAX = 200, KEYTEXT_MAX = 160 };

static const cyaml_strval_t yes_no[] = {{"true", YES}, {"false", NO}, {"yes", YES}, {"no", NO}};
static const cyaml_strval_t kinds[] = {{"mf", FILE_MF},         {"df", FILE_DF},
                                       {"adf", FILE_ADF},       {"transparent", FILE_TRANSPARENT},
                                       {"linear", FILE_LINEAR}, {"cyclic", FILE_CYCLIC},
                                       {"ber-tlv", FILE_BERTLV}};
static const cyaml_strval_t fills[] = {{"iccid", FILL_ICCID},   {"imsi", FILL_IMSI},
                                       {"impi", FILL_IMPI},     {"impu", FILL_IMPU},
                                       {"domain", FILL_DOMAIN}, {"access-rules", Y_FILL_ACCESS_RULES}};
static const cyaml_strval_t algorithms[] = {{"aes", OTA_AES}, {"3des", OTA_3DES}, {"des", OTA_DES}};
static const cyaml_strval_t rights[] = {{"remote-change", RIGHT_REMOTE_CHANGE},
                                        {"admin", RIGHT_ADMIN},
                                        {"replace-keys", RIGHT_REPLACE_KEYS},
                                        {"manage-applets", RIGHT_MANAGE_APPLETS}};

#define ENUMERATED(key, flags, type, member, strings)                                                        \
    CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | (flags), type, member, strings, CYAML_ARRAY_LEN(strings))
#define YESNO(key, type, member)         ENUMERATED(key, CYAML_FLAG_OPTIONAL, type, member, yes_no)
#define TEXT(key, type, member, max)     CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, max)
#define TEXT_OPT(key, type, member, max) CYAML_FIELD_STRING_PTR(key, OPTIONAL, type, member, 1, max)

static const cyaml_schema_value_t word = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, WORD_MAX)};
static const cyaml_schema_value_t hex_text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, HEX_MAX)};

static const cyaml_schema_field_t rule_fields[] = {
    TEXT("name", struct y_rule, name, WORD_MAX),
    TEXT_OPT("read", struct y_rule, read, CONDITION_MAX),
    TEXT_OPT("update", struct y_rule, update, CONDITION_MAX),
    TEXT_OPT("write", struct y_rule, write, CONDITION_MAX),
    TEXT_OPT("increase", struct y_rule, increase, CONDITION_MAX),
    TEXT_OPT("resize", struct y_rule, resize, CONDITION_MAX),
    TEXT_OPT("create-df", struct y_rule, create_df, CONDITION_MAX),
    TEXT_OPT("create-ef", struct y_rule, create_ef, CONDITION_MAX),
    TEXT_OPT("delete-child", struct y_rule, delete_child, CONDITION_MAX),
    TEXT_OPT("activate", struct y_rule, activate, CONDITION_MAX),
    TEXT_OPT("deactivate", struct y_rule, deactivate, CONDITION_MAX),
    TEXT_OPT("terminate", struct y_rule, terminate, CONDITION_MAX),
    TEXT_OPT("delete", struct y_rule, delete_self, CONDITION_MAX),
    YESNO("remove", struct y_rule, gone),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_rule, rule_fields)};

static const cyaml_schema_field_t pin_fields[] = {
    TEXT("name", struct y_pin, name, WORD_MAX),
    TEXT("reference", struct y_pin, reference, 2),
    TEXT("value", struct y_pin, value, 32),
    TEXT_OPT("puk", struct y_pin, puk, 32),
    TEXT_OPT("scope", struct y_pin, scope, YAML_PATH_MAX),
    YESNO("enabled", struct y_pin, enabled),
    YESNO("can-disable", struct y_pin, can_disable),
    CYAML_FIELD_UINT_PTR("tries", OPTIONAL, struct y_pin, tries),
    CYAML_FIELD_UINT_PTR("puk-tries", OPTIONAL, struct y_pin, puk_tries),
    YESNO("remove", struct y_pin, gone),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pin = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_pin, pin_fields)};

static const cyaml_schema_field_t records_fields[] = {
    CYAML_FIELD_UINT("length", CYAML_FLAG_DEFAULT, struct y_records, length),
    CYAML_FIELD_UINT("count", CYAML_FLAG_DEFAULT, struct y_records, count),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t file_fields[] = {
    TEXT("path", struct y_file, path, YAML_PATH_MAX),
    TEXT_OPT("fid", struct y_file, fid, 4),
    TEXT_OPT("sfi", struct y_file, sfi, 2),
    ENUMERATED("kind", CYAML_FLAG_DEFAULT, struct y_file, kind, kinds),
    CYAML_FIELD_UINT_PTR("size", OPTIONAL, struct y_file, size),
    CYAML_FIELD_MAPPING_PTR("records", OPTIONAL, struct y_file, records, records_fields),
    TEXT("access", struct y_file, access, WORD_MAX),
    TEXT_OPT("link", struct y_file, link, YAML_PATH_MAX),
    CYAML_FIELD_STRING_PTR("content", OPTIONAL, struct y_file, content, 0, HEX_MAX),
    CYAML_FIELD_SEQUENCE("contents", OPTIONAL, struct y_file, contents, &hex_text, 1, 254),
    ENUMERATED("fill", CYAML_FLAG_OPTIONAL, struct y_file, fill, fills),
    YESNO("deactivated", struct y_file, deactivated),
    YESNO("high-update", struct y_file, high_update),
    YESNO("open-deactivated", struct y_file, open_deactivated),
    YESNO("remove", struct y_file, gone),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_file, file_fields)};

static const cyaml_schema_field_t domain_keys_fields[] = {
    TEXT("kvn", struct y_domain_keys, kvn, 2),
    ENUMERATED("algorithm", CYAML_FLAG_DEFAULT, struct y_domain_keys, algorithm, algorithms),
    CYAML_FIELD_UINT("bits", CYAML_FLAG_DEFAULT, struct y_domain_keys, bits),
    TEXT("enc", struct y_domain_keys, enc, KEYTEXT_MAX),
    TEXT("mac", struct y_domain_keys, mac, KEYTEXT_MAX),
    TEXT("dek", struct y_domain_keys, dek, KEYTEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t domain_keys = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_domain_keys, domain_keys_fields)};

static const cyaml_schema_field_t applet_fields[] = {
    TEXT_OPT("name", struct y_applet, name, WORD_MAX),
    TEXT_OPT("class", struct y_applet, class_name, WORD_MAX),
    TEXT_OPT("so", struct y_applet, so, YAML_PATH_MAX),
    YESNO("instance", struct y_applet, instance),
    TEXT_OPT("aid", struct y_applet, aid, 64),
    TEXT_OPT("adf", struct y_applet, adf, YAML_PATH_MAX),
    TEXT_OPT("start", struct y_applet, start, YAML_PATH_MAX),
    CYAML_FIELD_SEQUENCE("tars", OPTIONAL, struct y_applet, tars, &word, 0, 4),
    TEXT_OPT("msl", struct y_applet, msl, 2),
    CYAML_FIELD_SEQUENCE("access", OPTIONAL, struct y_applet, access, &word, 0, PROFILE_PINS_MAX),
    CYAML_FIELD_STRING_PTR("params", OPTIONAL, struct y_applet, params, 0, 1024),
    CYAML_FIELD_SEQUENCE("keys", OPTIONAL, struct y_applet, keys, &domain_keys, 0, PROFILE_KEYSETS_MAX),
    YESNO("remove", struct y_applet, gone),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t applet = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_applet, applet_fields)};

static const cyaml_schema_field_t kic_fields[] = {
    ENUMERATED("algorithm", CYAML_FLAG_DEFAULT, struct y_key, algorithm, algorithms),
    CYAML_FIELD_UINT("bits", CYAML_FLAG_DEFAULT, struct y_key, bits),
    TEXT("key", struct y_key, key, KEYTEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t kid_fields[] = {
    ENUMERATED("algorithm", CYAML_FLAG_DEFAULT, struct y_key, algorithm, algorithms),
    CYAML_FIELD_UINT("bits", CYAML_FLAG_DEFAULT, struct y_key, bits),
    CYAML_FIELD_UINT("mac", CYAML_FLAG_OPTIONAL, struct y_key, mac),
    TEXT("key", struct y_key, key, KEYTEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t kik_fields[] = {
    CYAML_FIELD_UINT("bits", CYAML_FLAG_DEFAULT, struct y_key, bits),
    TEXT("key", struct y_key, key, KEYTEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t ota_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct y_ota, version),
    CYAML_FIELD_MAPPING("kic", CYAML_FLAG_DEFAULT, struct y_ota, kic, kic_fields),
    CYAML_FIELD_MAPPING("kid", CYAML_FLAG_DEFAULT, struct y_ota, kid, kid_fields),
    CYAML_FIELD_MAPPING("kik", CYAML_FLAG_DEFAULT, struct y_ota, kik, kik_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sqn_fields[] = {
    CYAML_FIELD_UINT_PTR("ind-bits", OPTIONAL, struct y_sqn, ind_bits),
    CYAML_FIELD_UINT_PTR("delta", OPTIONAL, struct y_sqn, delta),
    CYAML_FIELD_UINT_PTR("age", OPTIONAL, struct y_sqn, age),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t tuak_fields[] = {
    CYAML_FIELD_UINT_PTR("k", OPTIONAL, struct y_sizes, k),
    CYAML_FIELD_UINT_PTR("mac", OPTIONAL, struct y_sizes, mac),
    CYAML_FIELD_UINT_PTR("res", OPTIONAL, struct y_sizes, res),
    CYAML_FIELD_UINT_PTR("ck", OPTIONAL, struct y_sizes, ck),
    CYAML_FIELD_UINT_PTR("ik", OPTIONAL, struct y_sizes, ik),
    CYAML_FIELD_UINT_PTR("iterations", OPTIONAL, struct y_sizes, iterations),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t xor_fields[] = {
    CYAML_FIELD_UINT_PTR("res", OPTIONAL, struct y_sizes, res),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rotation = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint8_t)};
static const cyaml_schema_field_t milenage_fields[] = {
    CYAML_FIELD_SEQUENCE("r", CYAML_FLAG_POINTER, struct y_constants, r, &rotation, 5, 5),
    CYAML_FIELD_SEQUENCE("c", CYAML_FLAG_POINTER, struct y_constants, c, &word, 5, 5),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t pair_fields[] = {
    TEXT("algorithm", struct y_pair, algorithm, WORD_MAX),
    TEXT("k", struct y_pair, k, KEYTEXT_MAX),
    TEXT_OPT("opc", struct y_pair, opc, KEYTEXT_MAX),
    TEXT_OPT("op", struct y_pair, op, KEYTEXT_MAX),
    TEXT_OPT("topc", struct y_pair, topc, KEYTEXT_MAX),
    TEXT_OPT("top", struct y_pair, top, KEYTEXT_MAX),
    CYAML_FIELD_MAPPING_PTR("tuak", OPTIONAL, struct y_pair, tuak, tuak_fields),
    CYAML_FIELD_MAPPING_PTR("xor", OPTIONAL, struct y_pair, xor_test, xor_fields),
    CYAML_FIELD_MAPPING_PTR("milenage", OPTIONAL, struct y_pair, milenage, milenage_fields),
    CYAML_FIELD_MAPPING("sqn", CYAML_FLAG_OPTIONAL, struct y_pair, sqn, sqn_fields),
    CYAML_FIELD_MAPPING("ota", CYAML_FLAG_DEFAULT, struct y_pair, ota, ota_fields),
    CYAML_FIELD_FLAGS("rights", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct y_pair, rights, rights,
                      CYAML_ARRAY_LEN(rights)),
    CYAML_FIELD_UINT_PTR("repeat", OPTIONAL, struct y_pair, repeat),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pair = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_pair, pair_fields)};

static const cyaml_schema_field_t keyset_fields[] = {
    CYAML_FIELD_MAPPING("ota", CYAML_FLAG_DEFAULT, struct y_keyset, ota, ota_fields),
    CYAML_FIELD_FLAGS("rights", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct y_keyset, rights, rights,
                      CYAML_ARRAY_LEN(rights)),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t keyset = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_keyset, keyset_fields)};

static const cyaml_schema_field_t limits_fields[] = {
    CYAML_FIELD_UINT("power-ups", CYAML_FLAG_OPTIONAL, struct y_limits, power_ups),
    CYAML_FIELD_UINT("polls", CYAML_FLAG_OPTIONAL, struct y_limits, polls),
    CYAML_FIELD_UINT("failures", CYAML_FLAG_OPTIONAL, struct y_limits, failures),
    CYAML_FIELD_UINT("no-service", CYAML_FLAG_OPTIONAL, struct y_limits, no_service),
    CYAML_FIELD_UINT("minutes", CYAML_FLAG_OPTIONAL, struct y_limits, minutes),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t bundle_file_fields[] = {
    TEXT("path", struct y_bundle_file, path, YAML_PATH_MAX),
    CYAML_FIELD_UINT("offset", CYAML_FLAG_OPTIONAL, struct y_bundle_file, offset),
    TEXT("content", struct y_bundle_file, content, 400),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t bundle_file = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_bundle_file, bundle_file_fields)};
static const cyaml_schema_field_t candidate_fields[] = {
    CYAML_FIELD_UINT("pair", CYAML_FLAG_DEFAULT, struct y_candidate, pair),
    TEXT_OPT("imsi", struct y_candidate, imsi, 15),
    CYAML_FIELD_UINT_PTR("mnc-digits", OPTIONAL, struct y_candidate, mnc_digits),
    CYAML_FIELD_SEQUENCE("mcc", OPTIONAL, struct y_candidate, mcc, &word, 1, 60),
    CYAML_FIELD_SEQUENCE("files", OPTIONAL, struct y_candidate, files, &bundle_file, 1, 32),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t candidate = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_candidate, candidate_fields)};
static const cyaml_schema_field_t selection_fields[] = {
    CYAML_FIELD_MAPPING_PTR("limits", OPTIONAL, struct y_selection, limits, limits_fields),
    CYAML_FIELD_SEQUENCE("candidates", CYAML_FLAG_POINTER, struct y_selection, candidates, &candidate, 2, 32),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t use_fields[] = {
    CYAML_FIELD_UINT("pair", CYAML_FLAG_DEFAULT, struct y_use, pair),
    YESNO("calls", struct y_use, calls),
    YESNO("supplementary", struct y_use, supplementary),
    YESNO("messages", struct y_use, messages),
    YESNO("data", struct y_use, data),
    CYAML_FIELD_SEQUENCE("numbers", OPTIONAL, struct y_use, numbers, &word, 1, 16),
    CYAML_FIELD_SEQUENCE("apns", OPTIONAL, struct y_use, apns, &word, 1, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t use = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct y_use, use_fields)};
static const cyaml_strval_t authorities[] = {{"any", Y_AUTHORITY_ANY}, {"both", Y_AUTHORITY_BOTH}};
static const cyaml_schema_field_t subscription_fields[] = {
    ENUMERATED("authority", CYAML_FLAG_OPTIONAL, struct y_subscription, authority, authorities),
    YESNO("on-trial", struct y_subscription, on_trial),
    CYAML_FIELD_MAPPING_PTR("trial", OPTIONAL, struct y_subscription, trial, limits_fields),
    CYAML_FIELD_MAPPING_PTR("selection", OPTIONAL, struct y_subscription, selection, selection_fields),
    CYAML_FIELD_SEQUENCE("use", OPTIONAL, struct y_subscription, use, &use, 1, PROFILE_PAIRS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t policy_fields[] = {
    YESNO("silent", struct y_policy, silent),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t profile_fields[] = {
    CYAML_FIELD_UINT("format", CYAML_FLAG_DEFAULT, struct y_profile, format),
    TEXT("name", struct y_profile, name, WORD_MAX),
    TEXT_OPT("title", struct y_profile, title, 200),
    TEXT_OPT("include", struct y_profile, include, WORD_MAX), /* taken out before */
    YESNO("insecure", struct y_profile, insecure),
    TEXT("atr", struct y_profile, atr, 100),
    TEXT("imsi", struct y_profile, imsi, 15),
    CYAML_FIELD_MAPPING("ota", CYAML_FLAG_OPTIONAL, struct y_profile, ota, policy_fields),
    CYAML_FIELD_MAPPING_PTR("subscription", OPTIONAL, struct y_profile, subscription, subscription_fields),
    CYAML_FIELD_SEQUENCE("access", CYAML_FLAG_POINTER, struct y_profile, access, &rule, 1, 254),
    CYAML_FIELD_SEQUENCE("pins", OPTIONAL, struct y_profile, pins, &pin, 0, PROFILE_PINS_MAX),
    CYAML_FIELD_SEQUENCE("files", CYAML_FLAG_POINTER, struct y_profile, files, &file, 1, PROFILE_FILES_MAX),
    CYAML_FIELD_SEQUENCE("applets", OPTIONAL, struct y_profile, applets, &applet, 0, PROFILE_APPLETS_MAX),
    CYAML_FIELD_SEQUENCE("pairs", CYAML_FLAG_POINTER, struct y_profile, pairs, &pair, 1, PROFILE_PAIRS_MAX),
    CYAML_FIELD_SEQUENCE("keysets", OPTIONAL, struct y_profile, keysets, &keyset, 0, PROFILE_KEYSETS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t profile = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct y_profile, profile_fields)};

/* ---- libcyaml's log ---- */

struct step {      /* one line of the backtrace */
    bool entry;    /* of a list */
    bool nameless; /* a mapping none of whose keys was read */
    unsigned index;
    char key[WORD_MAX];
};

struct complaint {
    char message[300];
    bool have_message;
    struct step steps[YAML_DEPTH_MAX]; /* innermost first */
    unsigned n_steps;
};

static void listen(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct complaint *c = ctx;
    char line[sizeof c->message];
    if (level < CYAML_LOG_ERROR || vsnprintf(line, sizeof line, format, args) < 0)
        return;
    if (!c->have_message) {
        const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
        (void)snprintf(c->message, sizeof c->message, "%.*s", (int)strcspn(text, "\n"), text);
        c->have_message = true;
        return;
    }
    if (c->n_steps == YAML_DEPTH_MAX)
        return;
    struct step s;
    memset(&s, 0, sizeof s);
    if (sscanf(line, " in mapping field '%63[^']'", s.key) == 1) {
        c->steps[c->n_steps++] = s;
    } else if (sscanf(line, " in sequence entry '%u'", &s.index) == 1) {
        s.entry = true;
        s.index -= s.index > 0; /* it counts from 1 */
        c->steps[c->n_steps++] = s;
    } else if (strncmp(line, "  in mapping (", 14) == 0) {
        s.nameless = true;
        c->steps[c->n_steps++] = s;
    }
}

static const cyaml_schema_value_t *below(const cyaml_schema_value_t *v, const struct step *s)
{
    if (v == NULL)
        return NULL;
    if (s->entry)
        return v->type == CYAML_SEQUENCE ? v->sequence.entry : NULL;
    if (v->type != CYAML_MAPPING)
        return NULL;
    for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++)
        if (strcmp(f->key, s->key) == 0)
            return &f->value;
    return NULL;
}

/* The path of steps[from..], outermost first, and what the schema has there. */
static const cyaml_schema_value_t *place(const struct complaint *c, unsigned from, char path[YAML_PATH_MAX])
{
    const cyaml_schema_value_t *v = &profile;
    size_t at = 0;
    path[0] = 0;
    for (unsigned i = c->n_steps; i-- > from;) {
        const struct step *s = &c->steps[i];
        if (s->nameless)
            continue;
        int n = s->entry ? snprintf(path + at, YAML_PATH_MAX - at, "[%u]", s->index)
                         : snprintf(path + at, YAML_PATH_MAX - at, "%s%s", at == 0 ? "" : ".", s->key);
        if (n > 0 && (size_t)n < YAML_PATH_MAX - at)
            at += (size_t)n;
        v = below(v, s);
    }
    return v;
}

static void list_add(char *to, size_t room, const char *item)
{
    size_t n = strlen(to);
    (void)snprintf(to + n, room - n, "%s%s", n == 0 ? "" : ", ", item);
}

/* The keys of a mapping, or the words of an enumeration. */
static void choices(const cyaml_schema_value_t *v, char *to, size_t room)
{
    to[0] = 0;
    if (v != NULL && v->type == CYAML_MAPPING)
        for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++)
            list_add(to, room, f->key);
    if (v != NULL && (v->type == CYAML_ENUM || v->type == CYAML_FLAGS))
        for (uint32_t i = 0; i < v->enumeration.count; i++)
            list_add(to, room, v->enumeration.strings[i].str);
}

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static void explain(const struct yaml_source *s, const struct complaint *c, cyaml_err_t err)
{
    char path[YAML_PATH_MAX], inner[YAML_PATH_MAX + WORD_MAX], words[400];
    const char *m = c->message, *rest;
    unsigned from = c->n_steps > 0 && c->steps[0].nameless ? 1 : 0;
    const cyaml_schema_value_t *v = place(c, from, path);
    unsigned long long max =
        v != NULL && v->data_size < 8 ? (1ULL << (8 * v->data_size)) - 1 : 0xFFFFFFFFFFFFFFFFULL;

    if (err == CYAML_ERR_OOM) {
        (void)yaml_fail_at(s, 0, "", "no memory");
    } else if ((rest = after(m, "Unexpected key: ")) != NULL) {
        choices(v, words, sizeof words);
        (void)snprintf(inner, sizeof inner, "%s%s%.*s", path, path[0] ? "." : "", WORD_MAX - 2, rest);
        (void)yaml_fail(s, inner, "no such key here%s; there are: %s",
                        strchr(rest, ':') != NULL ? " (behind the colon goes a space)" : "", words);
    } else if ((rest = after(m, "Missing required mapping field: ")) != NULL) {
        if (c->n_steps > 0 && !c->steps[0].nameless && !c->steps[0].entry)
            (void)place(c, 1, path); /* the last key read is a sibling of the missing one */
        (void)yaml_fail(s, path, "\"%s\" is missing; add it", rest);
    } else if (v != NULL && (v->type == CYAML_ENUM || v->type == CYAML_FLAGS) &&
               err == CYAML_ERR_INVALID_VALUE && after(m, "Expecting") == NULL) {
        choices(v, words, sizeof words);
        rest = strchr(m, ':');
        rest = rest != NULL && rest[1] != 0 ? rest + 2 : "";
        (void)yaml_fail(s, path, "\"%s\" is not one of: %s", yaml_shown(rest, strlen(rest)).text, words);
    } else if (v != NULL && v->type == CYAML_UINT && err == CYAML_ERR_INVALID_VALUE) {
        (void)yaml_fail(s, path, "must be a number from 0 to %llu", max);
    } else if (err == CYAML_ERR_STRING_LENGTH_MAX && v != NULL) {
        (void)yaml_fail(s, path, "too long; at most %u characters", v->string.max);
    } else if (err == CYAML_ERR_STRING_LENGTH_MIN && v != NULL) {
        (void)yaml_fail(s, path, "empty; give a value or remove the key");
    } else if (err == CYAML_ERR_SEQUENCE_ENTRIES_MAX || err == CYAML_ERR_SEQUENCE_ENTRIES_MIN) {
        if (c->n_steps > 0 && c->steps[0].entry)
            v = place(c, 1, path);
        (void)yaml_fail(s, path, "must have %u to %u entries", v != NULL ? v->sequence.min : 0,
                        v != NULL ? v->sequence.max : 0);
    } else if (after(m, "Expecting ") != NULL && v != NULL) {
        const char *what = v->type == CYAML_MAPPING ? "a mapping (\"key: value\")"
                           : v->type == CYAML_SEQUENCE || v->type == CYAML_FLAGS ? "a list"
                                                                                 : "a single value";
        (void)yaml_fail(s, path, "must be %s", what);
    } else {
        (void)yaml_fail(s, path, "%s", c->have_message ? m : cyaml_strerror(err));
    }
}

/* ---- numbers: libcyaml reads as far as it understands, "1 000" for 1 ---- */

/* Digits, or 0x and hexadecimal ones. Leading zeros mean eight to some and ten to others: only
 * where it is the same to both. */
static bool is_number(const char *text)
{
    const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    const size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789"),
                 zeros = strspn(digits, "0");
    if (n == 0 || digits[n] != 0)
        return false;
    return hex || zeros == 0 || n == zeros || (n == zeros + 1 && digits[zeros] <= '7');
}

static const cyaml_schema_value_t *schema_of(const cyaml_schema_value_t *above, const struct yaml_node *n)
{
    struct step s = {.entry = n->key == NULL};
    (void)snprintf(s.key, sizeof s.key, "%s", n->key != NULL ? n->key : "");
    return below(above, &s);
}

static bool check_numbers(const struct yaml_source *s)
{
    struct {
        const struct yaml_node *node;
        const cyaml_schema_value_t *schema;
    } stack[YAML_DEPTH_MAX + 1];
    unsigned depth = 0;
    const cyaml_schema_value_t *v = &profile;
    for (const struct yaml_node *n = s->root; n != NULL;) {
        if (v != NULL && v->type == CYAML_UINT && n->kind == YAML_SCALAR && !is_number(n->text))
            return yaml_fail_of(s, n, "must be a whole number and nothing else, without zeros before it");
        if (n->kind != YAML_SCALAR && n->first != NULL && depth <= YAML_DEPTH_MAX) {
            stack[depth].node = n;
            stack[depth++].schema = v;
            n = n->first;
        } else {
            while (depth > 0 && n->next == NULL)
                n = stack[--depth].node;
            if (depth == 0)
                break;
            n = n->next;
        }
        v = schema_of(stack[depth - 1].schema, n);
    }
    return true;
}

/* ---- memory that is wiped when it goes: libcyaml keeps K and OTA keys in it ---- */

union header {
    size_t n;
    max_align_t align;
};

static void *wiping(void *ctx, void *ptr, size_t n)
{
    (void)ctx;
    union header *old = ptr == NULL ? NULL : (union header *)ptr - 1;
    union header *fresh = NULL;
    if (n > 0) {
        if (n > SIZE_MAX - sizeof *fresh || (fresh = malloc(sizeof *fresh + n)) == NULL)
            return NULL;
        fresh->n = n;
        if (old != NULL)
            memcpy(fresh + 1, ptr, old->n < n ? old->n : n);
    }
    if (old != NULL) {
        crypto_wipe(ptr, old->n);
        free(old);
    }
    return fresh == NULL ? NULL : fresh + 1;
}

struct y_profile *y_load(const struct yaml_source *s)
{
    struct complaint complaint;
    memset(&complaint, 0, sizeof complaint);
    const cyaml_config_t config = {
        .log_fn = listen, .log_ctx = &complaint, .log_level = CYAML_LOG_ERROR, .mem_fn = wiping};
    cyaml_data_t *data = NULL;
    cyaml_err_t err = cyaml_load_data((const uint8_t *)s->text, s->n, &config, &profile, &data, NULL);
    if (err != CYAML_OK)
        explain(s, &complaint, err);
    else if (data == NULL)
        (void)yaml_fail_at(s, 1, "", "empty; a profile is a mapping: lines of \"key: value\"");
    crypto_wipe(&complaint, sizeof complaint);
    if (data != NULL && !check_numbers(s)) {
        y_free(data);
        data = NULL;
    }
    return err == CYAML_OK ? data : NULL;
}

void y_free(struct y_profile *y)
{
    const cyaml_config_t config = {.mem_fn = wiping};
    if (y != NULL)
        (void)cyaml_free(&config, &profile, y, 0);
}

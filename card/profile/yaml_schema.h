/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile as it is written: what libcyaml fills in. Hexadecimal stays text here. Internal to profile_yaml.
 */
#ifndef PROFILE_YAML_SCHEMA_H
#define PROFILE_YAML_SCHEMA_H

#include "yaml_text.h"

enum said { UNSAID, YES, NO }; /* libcyaml's own booleans take any word for true */

struct y_rule { /* a condition for each kind of access; NULL: never */
    char *name;
    char *read, *update, *write, *increase, *resize;
    char *create_df, *create_ef, *delete_child;
    char *activate, *deactivate, *terminate, *delete_self;
    enum said gone; /* "remove": what is to go went before; here and below */
};

struct y_pin {
    char *name;
    char *reference;
    char *value;
    char *puk;
    char *scope;
    enum said enabled, can_disable, gone;
    uint8_t *tries, *puk_tries;
};

struct y_records {
    uint32_t length, count;
};

struct y_file {
    char *path;
    char *fid;
    char *sfi;
    int kind; /* enum file_kind */
    uint32_t *size;
    struct y_records *records;
    char *access;
    char *link;
    char *content;
    char **contents;
    unsigned contents_count;
    int fill; /* enum file_fill, or Y_FILL_ACCESS_RULES */
    enum said deactivated, high_update, open_deactivated, gone;
};

enum { Y_FILL_ACCESS_RULES = 100 };

struct y_domain_keys { /* of a security domain */
    char *kvn;
    int algorithm; /* enum ota_algorithm */
    uint32_t bits;
    char *enc, *mac, *dek;
};

struct y_applet {
    char *name; /* for profiles that include this one; else unused */
    char *class_name;
    char *aid;
    char *adf;
    char *start;
    char **tars;
    unsigned tars_count;
    char *msl;
    char **access;
    unsigned access_count;
    char *params;
    struct y_domain_keys *keys;
    unsigned keys_count;
    char *so;
    enum said instance;
    enum said gone;
};

struct y_key {
    int algorithm; /* enum ota_algorithm */
    uint32_t bits;
    uint32_t mac;
    char *key;
};

struct y_ota {
    uint8_t version;
    struct y_key kic, kid, kik;
};

struct y_sqn {
    uint8_t *ind_bits;
    uint64_t *delta;
    uint64_t *age;
};

struct y_sizes { /* in bits */
    uint32_t *k, *mac, *res, *ck, *ik;
    uint8_t *iterations;
};

struct y_constants {
    uint8_t *r;
    unsigned r_count;
    char **c;
    unsigned c_count;
};

struct y_pair {
    char *algorithm;
    char *k, *opc, *op, *topc, *top;
    struct y_sizes *tuak, *xor_test;
    struct y_constants *milenage;
    struct y_sqn sqn;
    struct y_ota ota;
    uint32_t rights; /* enum applet_right */
    uint32_t *repeat;
};

struct y_keyset {
    struct y_ota ota;
    uint32_t rights;
};

struct y_limits { /* of a trial, or before automatic selection goes on */
    uint8_t power_ups, polls, failures, no_service, minutes;
};

struct y_bundle_file {
    char *path, *content;
    uint16_t offset;
};

struct y_candidate {
    uint8_t pair;
    char *imsi;
    uint8_t *mnc_digits;
    char **mcc;
    unsigned mcc_count;
    struct y_bundle_file *files;
    unsigned files_count;
};

struct y_selection {
    struct y_limits *limits;
    struct y_candidate *candidates;
    unsigned candidates_count;
};

struct y_use {
    uint8_t pair;
    enum said calls, supplementary, messages, data;
    char **numbers;
    unsigned numbers_count;
    char **apns;
    unsigned apns_count;
};

enum { Y_AUTHORITY_ANY, Y_AUTHORITY_BOTH };

struct y_subscription {
    int authority;
    enum said on_trial;
    struct y_limits *trial;
    struct y_selection *selection;
    struct y_use *use;
    unsigned use_count;
};

struct y_policy {
    enum said silent;
};

struct y_profile {
    uint32_t format;
    char *name, *title;
    char *include; /* as with "remove" */
    enum said insecure;
    char *atr, *imsi;
    struct y_policy ota;
    struct y_subscription *subscription;
    struct y_rule *access;
    unsigned access_count;
    struct y_pin *pins;
    unsigned pins_count;
    struct y_file *files;
    unsigned files_count;
    struct y_applet *applets;
    unsigned applets_count;
    struct y_pair *pairs;
    unsigned pairs_count;
    struct y_keyset *keysets;
    unsigned keysets_count;
};

/* A text that yaml_read made, against the schema. NULL: the source's error says why. */
struct y_profile *y_load(const struct yaml_source *s);
void y_free(struct y_profile *y); /* wipes: it has keys */

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc profile: looks at profiles without making cards.
 */
#include "cli.h"
#include "package.h"
#include "profile_yaml.h"
#include "tree.h"

#include <stdlib.h>

enum { PATH_ROOM = 300, CONDITION_ROOM = 120 };

static int list(const struct subcommand *cmd)
{
    for (const char *const *name = profile_builtin_names; *name != NULL; name++)
        puts(*name);
    return cli_finish(cmd);
}

static unsigned count_efs(const struct profile *p)
{
    unsigned n = 0;
    for (uint16_t i = 0; i < p->n_files; i++)
        n += p->files[i].kind >= FILE_TRANSPARENT;
    return n;
}

/* A package, a YAML file or a built-in profile. false: the error has been printed. package->notes is empty
 * unless it was a package. */
static bool load(const struct subcommand *cmd, const char *name, struct upp_import *package)
{
    struct profile_error error;
    struct upp_error package_error;
    *package = (struct upp_import){0};
    if (upp_detect(name)) {
        if (!package_load(name, NULL, 0, package, &package_error))
            cli_refuse(cmd, "%s", package_error.text);
    } else {
        package->profile = profile_load(name, &error);
        if (package->profile == NULL)
            cli_refuse(cmd, "%s", error.text);
    }
    return package->profile != NULL;
}

static int check(const struct subcommand *cmd, const char *name)
{
    struct upp_import u;
    if (!load(cmd, name, &u))
        return EXIT_REFUSED;
    const struct profile *p = &u.profile->p;
    unsigned efs = count_efs(p);
    printf("%s: good: profile %s, %u EFs in %u directories, %u PINs, %u applets, %u K/OTA pairs, %u common "
           "keysets, %u of security domains%s\n",
           name, p->name, efs, p->n_files - efs, p->n_pins, p->n_applets, p->n_pairs,
           profile_common_keysets(p), p->n_keysets - profile_common_keysets(p),
           p->insecure ? "; insecure: well-known keys or MSL 0 are allowed" : "");
    package_print_notes(stdout, name, &u);
    upp_free(&u);
    return cli_finish(cmd);
}

static void show_pins(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct profile_pin *pin = &p->pins[i];
        printf("PIN     %02X %-11s %s, %u tries, unblocking %u tries%s%s\n", pin->reference,
               tree_pin_name(pin->reference), pin->enabled ? "enabled" : "disabled", pin->tries,
               pin->puk_tries, pin->derived & PIN_DERIVE_VALUE ? ", derived" : "",
               pin->derived & PIN_DERIVE_PUK ? ", PUK derived" : "");
    }
}

static void show_applets(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_applets; i++) {
        const struct profile_applet *a = &p->applets[i];
        printf("applet  %-14s AID ", a->class_name[0] != '\0' ? a->class_name : "(package)");
        if (a->aid_len == 0)
            putchar('-');
        cli_put_hex(stdout, span_of(a->aid, a->aid_len));
        for (unsigned t = 0; t < a->n_tars && t < 4; t++) {
            fputs(t == 0 ? ", TAR " : " ", stdout);
            cli_put_hex(stdout, span_of(a->tars[t], 3));
        }
        if (a->n_tars > 0)
            printf(", MSL %02X", a->msl);
        if (a->so != NULL && a->so[0] != '\0')
            printf(", from %s", a->so);
        putchar('\n');
    }
}

/* Never keys: algorithms and where the keys come from. */
static void show_pairs(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_pairs; i++) {
        const struct profile_pair *pair = &p->pairs[i];
        const struct aka_algorithm *aka = aka_algorithm(pair->algorithm);
        printf("pair    %u %s, K %s, OPc %s, keyset version %u (%s)\n", i, aka != NULL ? aka->name : "?",
               pair->derived & PAIR_DERIVE_K ? "derived" : "given",
               pair->derived & PAIR_DERIVE_OPC ? "derived" : "given", pair->ota.version,
               pair->derived & PAIR_DERIVE_OTA ? "derived" : "given");
    }
    for (unsigned i = 0; i < p->n_keysets; i++)
        printf("keyset  %c%u version %u (%s)\n", p->keysets[i].domain != 0 ? 'd' : 'c', i,
               p->keysets[i].keys.version, p->keysets[i].derived ? "derived" : "given");
}

/* ---- files ---- */

/* "MF/ADF.USIM/EF.IMSI", as profiles have it. */
static void path_of(const struct profile *p, uint16_t file, char path[PATH_ROOM])
{
    size_t at = PATH_ROOM - 1;
    char room[PATH_ROOM];
    room[at] = '\0';
    for (;;) {
        const char *name = p->files[file].name;
        size_t n = strlen(name);
        if (n + 1 > at)
            break; /* no profile that was loaded has such a path */
        at -= n;
        memcpy(room + at, name, n);
        if (file == 0)
            break;
        room[--at] = '/';
        file = p->files[file].parent;
    }
    memcpy(path, room + at, PATH_ROOM - at);
}

static const struct {
    const char *name;
    uint8_t bit, ins, only; /* access mode byte, or an instruction; 1: EFs, 2: DFs */
} accesses[] = {
    {"read", 0x01, 0, 1},         {"update", 0x02, 0, 1},    {"write", 0x04, 0, 1},
    {"delete-child", 0x01, 0, 2}, {"create-ef", 0x02, 0, 2}, {"create-df", 0x04, 0, 2},
    {"deactivate", 0x08, 0, 3},   {"activate", 0x10, 0, 3},  {"terminate", 0x20, 0, 3},
    {"delete", 0x40, 0, 3},       {"increase", 0, 0x32, 1},  {"resize", 0, 0xD4, 3},
};

enum { ACCESSES = sizeof accesses / sizeof accesses[0] };

static struct span rule_of(const struct profile *p, uint16_t file)
{
    const struct tree_source whole = {.p = p};
    return tree_rule(&whole, file);
}

/* What has to be verified for this kind of access; "" when the rule does not name it (then it is never
 * allowed). */
static void access_of(struct span rule, unsigned kind, char text[CONDITION_ROOM])
{
    if (!decode_condition(rule, accesses[kind].bit, accesses[kind].ins, text, CONDITION_ROOM))
        text[0] = '\0';
    else if (text[0] == '\0')
        snprintf(text, CONDITION_ROOM, "malformed rule");
}

/* "PIN1 / ADM1": to read and to update; of a directory: to create in it. */
static void access_text(const struct profile *p, uint16_t file, char text[2 * CONDITION_ROOM + 4])
{
    char first[CONDITION_ROOM], second[CONDITION_ROOM] = "";
    const struct span rule = rule_of(p, file);
    bool df = profile_is_df(p->files[file].kind);
    access_of(rule, df ? 4 : 0, first);
    if (!df)
        access_of(rule, 1, second);
    snprintf(text, 2 * CONDITION_ROOM + 4, "%s%s%s", first[0] != '\0' ? first : "never", df ? "" : " / ",
             df                  ? ""
             : second[0] != '\0' ? second
                                 : "never");
}

static bool has_records(const struct profile_file *f)
{
    return (f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC) && f->record_len > 0;
}

static void size_text(const struct profile_file *f, char text[24])
{
    if (profile_is_df(f->kind))
        snprintf(text, 24, "-");
    else if (has_records(f))
        snprintf(text, 24, "%u x %u", (unsigned)(f->size / f->record_len), f->record_len);
    else
        snprintf(text, 24, "%u", (unsigned)f->size);
}

static void fid_text(const struct profile_file *f, char text[8])
{
    snprintf(text, 8, f->fid == PROFILE_FID_CURRENT_ADF ? "-" : "%04X", f->fid);
}

static void show_files(const struct profile *p)
{
    printf("%-48s %-4s %-3s %-12s %9s  %s\n", "file", "FID", "SFI", "kind", "size", "read / update");
    for (uint16_t i = 0; i < p->n_files; i++) {
        const struct profile_file *f = &p->files[i];
        char path[PATH_ROOM], fid[8], sfi[8] = "-", size[24], access[2 * CONDITION_ROOM + 4];
        path_of(p, i, path);
        fid_text(f, fid);
        size_text(f, size);
        access_text(p, i, access);
        if (f->sfi != 0)
            snprintf(sfi, sizeof sfi, "%02X", f->sfi);
        printf("%-48s %-4s %-3s %-12s %9s  %s%s", path, fid, sfi, tree_kind(f->kind), size, access,
               f->deactivated ? "  deactivated" : "");
        if (f->link != 0)
            path_of(p, f->link, path);
        printf(f->link != 0 ? "  -> %s\n" : "\n", path);
    }
}

/* ---- JSON ---- */

static void json_text(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    cli_put_json(stdout, text);
}

static void json_hex(const char *key, struct span octets)
{
    printf(", \"%s\": \"", key);
    cli_put_hex(stdout, octets);
    putchar('"');
}

static const char *separator(unsigned i)
{
    return i == 0 ? "\n    {" : ",\n    {";
}

/* There may be keys in it. */
static bool is_secret(const struct profile *p, uint16_t file)
{
    const struct tree_source whole = {.p = p};
    struct tree_file f;
    return !tree_file(&whole, file, &f) || tree_secret(&whole, file, &f);
}

static void json_file(const struct profile *p, uint16_t i)
{
    static const char *const fills[] = {"", "iccid", "imsi", "impi", "impu", "domain"};
    const struct profile_file *f = &p->files[i];
    char path[PATH_ROOM];
    path_of(p, i, path);
    printf("%s\"path\": ", separator(i));
    cli_put_json(stdout, path);
    json_text("kind", tree_kind(f->kind));
    if (f->fid != PROFILE_FID_CURRENT_ADF)
        printf(", \"fid\": \"%04X\"", f->fid);
    if (f->sfi != 0)
        printf(", \"sfi\": \"%02X\"", f->sfi);
    if (!profile_is_df(f->kind))
        printf(", \"size\": %u", (unsigned)f->size);
    if (has_records(f))
        printf(", \"record_length\": %u", f->record_len);
    printf(", \"access\": {");
    const char *comma = "";
    const struct span rule = rule_of(p, i);
    for (unsigned k = 0; k < ACCESSES; k++) {
        char text[CONDITION_ROOM];
        if ((accesses[k].only & (profile_is_df(f->kind) ? 2 : 1)) == 0)
            continue;
        access_of(rule, k, text);
        if (text[0] == '\0')
            continue;
        printf("%s\"%s\": ", comma, accesses[k].name);
        cli_put_json(stdout, text);
        comma = ", ";
    }
    printf("}, \"activated\": %s", f->deactivated ? "false" : "true");
    path_of(p, f->link, path);
    if (f->link != 0)
        json_text("link", path);
    else if (f->fill != FILL_CONTENT && f->fill < sizeof fills / sizeof fills[0])
        json_text("fill", fills[f->fill]);
    else if (!profile_is_df(f->kind) && !is_secret(p, i))
        json_hex("content", f->content);
    putchar('}');
}

static void json_applets(const struct profile *p)
{
    printf(",\n  \"applets\": [");
    for (unsigned i = 0; i < p->n_applets; i++) {
        const struct profile_applet *a = &p->applets[i];
        printf("%s\"class\": ", separator(i));
        cli_put_json(stdout, a->class_name);
        if (a->aid_len > 0)
            json_hex("aid", span_of(a->aid, a->aid_len));
        if (a->so != NULL && a->so[0] != '\0') {
            printf(", \"so\": ");
            cli_put_json(stdout, a->so);
        }
        printf(", \"tars\": [");
        for (unsigned t = 0; t < a->n_tars; t++) {
            fputs(t == 0 ? "\"" : ", \"", stdout);
            cli_put_hex(stdout, span_of(a->tars[t], 3));
            putchar('"');
        }
        printf("], \"msl\": \"%02X\"}", a->msl);
    }
    printf("\n  ]");
}

static void json_keyset(const struct keyset *k, bool derived, uint32_t rights)
{
    printf("\"version\": %u, \"derived\": %s, \"remote_change\": %s, \"admin\": %s", k->version,
           derived ? "true" : "false", rights & RIGHT_REMOTE_CHANGE ? "true" : "false",
           rights & RIGHT_ADMIN ? "true" : "false");
}

/* Never keys. */
static void json_keys(const struct profile *p)
{
    printf(",\n  \"pairs\": [");
    for (unsigned i = 0; i < p->n_pairs; i++) {
        const struct profile_pair *pair = &p->pairs[i];
        const struct aka_algorithm *aka = aka_algorithm(pair->algorithm);
        printf("%s\"algorithm\": ", separator(i));
        cli_put_json(stdout, aka != NULL ? aka->name : "?");
        printf(", \"k_derived\": %s, ", pair->derived & PAIR_DERIVE_K ? "true" : "false");
        json_keyset(&pair->ota, (pair->derived & PAIR_DERIVE_OTA) != 0, pair->ota_rights);
        putchar('}');
    }
    printf("\n  ],\n  \"keysets\": [");
    for (unsigned i = 0; i < p->n_keysets; i++) {
        fputs(separator(i), stdout);
        json_keyset(&p->keysets[i].keys, p->keysets[i].derived, p->keysets[i].rights);
        putchar('}');
    }
    printf("\n  ]");
}

static void json_profile(const struct profile *p)
{
    printf("{\n  \"profile\": ");
    cli_put_json(stdout, p->name);
    json_text("title", p->title);
    json_hex("atr", span_of(p->atr, p->atr_len));
    json_text("imsi", p->imsi);
    printf(", \"insecure\": %s, \"ota_silent\": %s,\n  \"pins\": [", p->insecure ? "true" : "false",
           p->ota_silent ? "true" : "false");
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct profile_pin *pin = &p->pins[i];
        printf("%s\"reference\": \"%02X\"", separator(i), pin->reference);
        json_text("name", tree_pin_name(pin->reference));
        printf(", \"enabled\": %s, \"tries\": %u, \"puk_tries\": %u, \"derived\": %s, \"puk_derived\": %s}",
               pin->enabled ? "true" : "false", pin->tries, pin->puk_tries,
               pin->derived & PIN_DERIVE_VALUE ? "true" : "false",
               pin->derived & PIN_DERIVE_PUK ? "true" : "false");
    }
    printf("\n  ]");
    json_applets(p);
    json_keys(p);
    printf(",\n  \"files\": [");
    for (uint16_t i = 0; i < p->n_files; i++)
        json_file(p, i);
    printf("\n  ]\n}\n");
}

static int show(const struct subcommand *cmd, const char *name, bool json)
{
    struct upp_import u;
    if (!load(cmd, name, &u))
        return EXIT_REFUSED;
    const struct profile *p = &u.profile->p;
    if (json) {
        json_profile(p);
    } else {
        printf("profile %s%s%s\nATR     ", p->name, p->title[0] != '\0' ? ": " : "", p->title);
        cli_put_hex(stdout, span_of(p->atr, p->atr_len));
        if (u.iccid[0] != '\0')
            printf("\nICCID   %s", u.iccid);
        printf("\nIMSI    %s\n", p->imsi[0] != '\0' ? p->imsi : "-");
        show_pins(p);
        show_applets(p);
        show_pairs(p);
        putchar('\n');
        show_files(p);
        package_print_notes(stdout, name, &u);
    }
    upp_free(&u);
    return cli_finish(cmd);
}

/* ---- diff ---- */

struct difference { /* what is being printed */
    bool json;
    unsigned n;
};

/* One line. Text for people: a path, and what became of what. */
static void differs(struct difference *d, const char *where, const char *what, const char *from,
                    const char *to)
{
    if (d->json) {
        printf("%s\"where\": ", separator(d->n));
        cli_put_json(stdout, where);
        json_text("what", what);
        if (from != NULL)
            json_text("from", from);
        if (to != NULL)
            json_text("to", to);
        putchar('}');
    } else if (to == NULL) {
        printf("- %s\n", where);
    } else if (from == NULL) {
        printf("+ %s  %s\n", where, to);
    } else {
        printf("~ %s  %s: %s -> %s\n", where, what, from, to);
    }
    d->n++;
}

static void compare_text(struct difference *d, const char *where, const char *what, const char *a,
                         const char *b)
{
    if (strcmp(a, b) != 0)
        differs(d, where, what, a, b);
}

static void compare_number(struct difference *d, const char *where, const char *what, unsigned a, unsigned b)
{
    char x[16], y[16];
    snprintf(x, sizeof x, "%u", a);
    snprintf(y, sizeof y, "%u", b);
    compare_text(d, where, what, x, y);
}

/* Hex, cut in the middle of long ones. */
static void some_hex(struct span s, char text[80])
{
    size_t n = s.n > 24 ? 24 : s.n, at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, 80 - at, "%02X", s.p[i]);
    if (s.n > n)
        snprintf(text + at, 80 - at, "..");
    if (s.n == 0)
        text[0] = '\0';
}

static void compare_octets(struct difference *d, const char *where, const char *what, struct span a,
                           struct span b)
{
    char x[80], y[80];
    if (span_equal(a, b))
        return;
    size_t from = 0; /* show where they begin to differ */
    while (from < a.n && from < b.n && a.p[from] == b.p[from])
        from++;
    from = from < 8 ? 0 : from - from % 8;
    char place[60];
    snprintf(place, sizeof place, from == 0 ? "%s" : "%s from octet %zu", what, from);
    some_hex(span_slice(a, from, a.n - from), x);
    some_hex(span_slice(b, from, b.n - from), y);
    differs(d, where, place, x, y);
}

static void compare_files(struct difference *d, const char *path, const struct profile *a, uint16_t i,
                          const struct profile *b, uint16_t j)
{
    const struct profile_file *f = &a->files[i], *g = &b->files[j];
    char x[2 * CONDITION_ROOM + 4], y[2 * CONDITION_ROOM + 4];
    compare_text(d, path, "kind", tree_kind(f->kind), tree_kind(g->kind));
    fid_text(f, x);
    fid_text(g, y);
    compare_text(d, path, "FID", x, y);
    compare_number(d, path, "SFI", f->sfi, g->sfi);
    size_text(f, x);
    size_text(g, y);
    compare_text(d, path, "size", x, y);
    const struct span of_a = rule_of(a, i), of_b = rule_of(b, j);
    for (unsigned k = 0; k < ACCESSES; k++) {
        if ((accesses[k].only & (profile_is_df(f->kind) ? 2 : 1)) == 0)
            continue;
        access_of(of_a, k, x);
        access_of(of_b, k, y);
        compare_text(d, path, accesses[k].name, x[0] != '\0' ? x : "never", y[0] != '\0' ? y : "never");
    }
    compare_text(d, path, "life cycle", f->deactivated ? "deactivated" : "activated",
                 g->deactivated ? "deactivated" : "activated");
    char to[PATH_ROOM], other[PATH_ROOM];
    path_of(a, f->link, to);
    path_of(b, g->link, other);
    compare_text(d, path, "link", f->link != 0 ? to : "-", g->link != 0 ? other : "-");
    if (f->link != 0 || g->link != 0)
        return;
    if (f->fill != FILL_CONTENT || g->fill != FILL_CONTENT)
        compare_number(d, path, "fill", f->fill, g->fill);
    else if (!is_secret(a, i) && !is_secret(b, j))
        compare_octets(d, path, "content", f->content, g->content);
    else if (!span_equal(f->content, g->content))
        differs(d, path, "content", "not shown", "not shown");
}

struct named_file {
    char path[PATH_ROOM];
    uint16_t file;
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct named_file *)a)->path, ((const struct named_file *)b)->path);
}

static struct named_file *sorted(const struct profile *p)
{
    struct named_file *list = calloc(p->n_files, sizeof *list);
    for (uint16_t i = 0; list != NULL && i < p->n_files; i++) {
        path_of(p, i, list[i].path);
        list[i].file = i;
    }
    if (list != NULL)
        qsort(list, p->n_files, sizeof *list, by_path);
    return list;
}

static void one_file(struct difference *d, const struct profile *p, const struct named_file *f, bool added)
{
    char size[24], text[48];
    size_text(&p->files[f->file], size);
    snprintf(text, sizeof text, "%s %s", tree_kind(p->files[f->file].kind), size);
    differs(d, f->path, added ? "added" : "removed", added ? NULL : text, added ? text : NULL);
}

static bool diff_files(struct difference *d, const struct profile *a, const struct profile *b)
{
    struct named_file *x = sorted(a), *y = sorted(b);
    bool good = x != NULL && y != NULL;
    for (uint16_t i = 0, j = 0; good && (i < a->n_files || j < b->n_files);) {
        int order = i == a->n_files ? 1 : j == b->n_files ? -1 : strcmp(x[i].path, y[j].path);
        if (order < 0)
            one_file(d, a, &x[i++], false);
        else if (order > 0)
            one_file(d, b, &y[j++], true);
        else {
            compare_files(d, x[i].path, a, x[i].file, b, y[j].file);
            i++;
            j++;
        }
    }
    free(x);
    free(y);
    return good;
}

static void applet_text(const struct profile_applet *a, char text[160])
{
    size_t at = (size_t)snprintf(text, 160, "%.63s", a->class_name);
    for (unsigned i = 0; i < a->aid_len; i++)
        at += (size_t)snprintf(text + at, 160 - at, i == 0 ? " AID %02X" : "%02X", a->aid[i]);
    for (unsigned t = 0; t < a->n_tars; t++)
        at += (size_t)snprintf(text + at, 160 - at, " TAR %02X%02X%02X", a->tars[t][0], a->tars[t][1],
                               a->tars[t][2]);
    if (a->n_tars > 0)
        snprintf(text + at, 160 - at, " MSL %02X", a->msl);
}

static void pair_text(const struct profile_pair *q, char text[160])
{
    const struct aka_algorithm *aka = aka_algorithm(q->algorithm);
    snprintf(text, 160, "%s, K %s, OPc %s, sqn ind %u delta %llu age %llu", aka != NULL ? aka->name : "?",
             q->derived & PAIR_DERIVE_K ? "derived" : "given",
             q->derived & PAIR_DERIVE_OPC ? "derived" : "given", q->sqn.ind_bits,
             (unsigned long long)q->sqn.delta, (unsigned long long)q->sqn.age);
}

static void keyset_text(const struct keyset *k, bool derived, uint32_t rights, unsigned domain,
                        char text[160])
{
    static const char *const names[] = {
        [OTA_NONE] = "none", [OTA_DES] = "des", [OTA_3DES] = "3des", [OTA_AES] = "aes"};
    char of[16] = "";
    if (domain > 0)
        snprintf(of, sizeof of, "applet %u, ", domain - 1);
    snprintf(text, 160, "%sversion %u, kic %s %u bits, kid %s %u bits, mac %u, kik %u bits, %s, rights %X",
             of, k->version, k->kic_algorithm <= OTA_AES ? names[k->kic_algorithm] : "?", 8u * k->kic_len,
             k->kid_algorithm <= OTA_AES ? names[k->kid_algorithm] : "?", 8u * k->kid_len, k->mac_len,
             8u * k->kik_len, derived ? "derived" : "given", (unsigned)rights);
}

/* What an applet is given besides its name. */
static void compare_applets(struct difference *d, const char *where, const struct profile *a,
                            const struct profile *b, unsigned i)
{
    const struct profile_applet *x = &a->applets[i], *y = &b->applets[i];
    char from[PATH_ROOM] = "-", to[PATH_ROOM] = "-";
    if (x->adf != PROFILE_NO_FILE)
        path_of(a, x->adf, from);
    if (y->adf != PROFILE_NO_FILE)
        path_of(b, y->adf, to);
    compare_text(d, where, "directory", from, to);
    snprintf(from, sizeof from, "%08X", (unsigned)x->access);
    snprintf(to, sizeof to, "%08X", (unsigned)y->access);
    compare_text(d, where, "access domain", from, to);
    compare_octets(d, where, "parameters", x->params, y->params);
    compare_text(d, where, "shared object", x->so != NULL ? x->so : "", y->so != NULL ? y->so : "");
}

static void pin_text(const struct profile_pin *pin, char text[160])
{
    snprintf(text, 160, "%02X %s, %u tries, unblocking %u%s%s", pin->reference,
             pin->enabled ? "enabled" : "disabled", pin->tries, pin->puk_tries,
             pin->derived & PIN_DERIVE_VALUE ? ", derived" : "",
             pin->derived & PIN_DERIVE_PUK ? ", PUK derived" : "");
}

/* Lists that have an order and no names: one after the other. */
static void diff_lists(struct difference *d, const struct profile *a, const struct profile *b)
{
    char x[160], y[160], where[32];
    for (unsigned i = 0; i < a->n_pins || i < b->n_pins; i++) {
        snprintf(where, sizeof where, "PIN %u", i);
        if (i < a->n_pins)
            pin_text(&a->pins[i], x);
        if (i < b->n_pins)
            pin_text(&b->pins[i], y);
        if (i >= a->n_pins || i >= b->n_pins || strcmp(x, y) != 0)
            differs(d, where, "PIN", i < a->n_pins ? x : NULL, i < b->n_pins ? y : NULL);
    }
    for (unsigned i = 0; i < a->n_applets || i < b->n_applets; i++) {
        snprintf(where, sizeof where, "applet %u", i);
        if (i < a->n_applets)
            applet_text(&a->applets[i], x);
        if (i < b->n_applets)
            applet_text(&b->applets[i], y);
        if (i >= a->n_applets || i >= b->n_applets || strcmp(x, y) != 0)
            differs(d, where, "applet", i < a->n_applets ? x : NULL, i < b->n_applets ? y : NULL);
        if (i < a->n_applets && i < b->n_applets)
            compare_applets(d, where, a, b, i);
    }
    for (unsigned i = 0; i < a->n_pairs || i < b->n_pairs; i++) {
        snprintf(where, sizeof where, "pair %u", i);
        if (i < a->n_pairs)
            pair_text(&a->pairs[i], x);
        if (i < b->n_pairs)
            pair_text(&b->pairs[i], y);
        if (i >= a->n_pairs || i >= b->n_pairs || strcmp(x, y) != 0)
            differs(d, where, "pair", i < a->n_pairs ? x : NULL, i < b->n_pairs ? y : NULL);
        if (i >= a->n_pairs || i >= b->n_pairs)
            continue;
        keyset_text(&a->pairs[i].ota, (a->pairs[i].derived & PAIR_DERIVE_OTA) != 0, a->pairs[i].ota_rights, 0,
                    x);
        keyset_text(&b->pairs[i].ota, (b->pairs[i].derived & PAIR_DERIVE_OTA) != 0, b->pairs[i].ota_rights, 0,
                    y);
        compare_text(d, where, "keyset", x, y);
    }
    for (unsigned i = 0; i < a->n_keysets || i < b->n_keysets; i++) {
        snprintf(where, sizeof where, "keyset %u", i);
        if (i < a->n_keysets)
            keyset_text(&a->keysets[i].keys, a->keysets[i].derived, a->keysets[i].rights,
                        a->keysets[i].domain, x);
        if (i < b->n_keysets)
            keyset_text(&b->keysets[i].keys, b->keysets[i].derived, b->keysets[i].rights,
                        b->keysets[i].domain, y);
        if (i >= a->n_keysets || i >= b->n_keysets || strcmp(x, y) != 0)
            differs(d, where, "keyset", i < a->n_keysets ? x : NULL, i < b->n_keysets ? y : NULL);
    }
}

/* Keys and PINs are not shown; but that they, or anything else that no line above has, are
 * others, is. Names do not count. */
static bool diff_rest(struct difference *d, const struct profile *a, const struct profile *b)
{
    struct profile x = *a, y = *b;
    uint8_t *from = NULL, *to = NULL;
    size_t n = 0, m = 0;
    x.name = y.name = x.title = y.title = "";
    bool good = profile_encode(&x, &from, &n) && profile_encode(&y, &to, &m);
    if (good && d->n == 0 && !span_equal(span_of(from, n), span_of(to, m)))
        differs(d, "profile", "keys, PINs, or something else that is not shown", "one", "another");
    if (from != NULL)
        crypto_wipe(from, n);
    if (to != NULL)
        crypto_wipe(to, m);
    free(from);
    free(to);
    return good;
}

/* As diff(1): 0 no difference, 1 some, 2 trouble. */
static int diff(const struct subcommand *cmd, const char *first, const char *second, bool json)
{
    enum { DIFFERENT = 1, TROUBLE = 2 };
    struct profile_error error;
    struct difference d = {.json = json};
    struct uicc_profile *a = profile_load(first, &error), *b = NULL;
    if (a != NULL)
        b = profile_load(second, &error);
    if (b == NULL) {
        if (a != NULL)
            profile_free(a);
        cli_refuse(cmd, "%s", error.text);
        return TROUBLE;
    }
    if (json)
        printf("{\n  \"differences\": [");
    compare_text(&d, "profile", "IMSI", a->p.imsi, b->p.imsi);
    compare_text(&d, "profile", "insecure", a->p.insecure ? "yes" : "no", b->p.insecure ? "yes" : "no");
    compare_text(&d, "profile", "OTA silent", a->p.ota_silent ? "yes" : "no", b->p.ota_silent ? "yes" : "no");
    compare_octets(&d, "profile", "ATR", span_of(a->p.atr, a->p.atr_len), span_of(b->p.atr, b->p.atr_len));
    diff_lists(&d, &a->p, &b->p);
    bool good = diff_files(&d, &a->p, &b->p) && diff_rest(&d, &a->p, &b->p);
    if (json)
        printf("\n  ]\n}\n");
    profile_free(a);
    profile_free(b);
    if (!good)
        cli_refuse(cmd, "no memory");
    if (!good || cli_finish(cmd) != EXIT_OK)
        return TROUBLE;
    return d.n > 0 ? DIFFERENT : EXIT_OK;
}

static int run(int argc, char **argv)
{
    static const struct cli_setting settings[] = {{"json", CLI_FLAG, 0, NULL}, {NULL, CLI_FLAG, 0, NULL}};
    const struct subcommand *cmd = &cmd_profile;
    bool json = false;
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &json, NULL, &code))
        return code;
    const char *verb = optind < argc ? argv[optind] : "";
    int operands = argc - optind - 1;
    if (json && strcmp(verb, "show") != 0 && strcmp(verb, "diff") != 0)
        return cli_usage(cmd, "--json goes with show and diff");
    if (strcmp(verb, "list") == 0)
        return operands == 0 ? list(cmd) : cli_usage(cmd, "list takes no argument");
    if (strcmp(verb, "check") == 0)
        return operands == 1 ? check(cmd, argv[optind + 1])
                             : cli_usage(cmd, "check takes one profile: a name or a file");
    if (strcmp(verb, "show") == 0)
        return operands == 1 ? show(cmd, argv[optind + 1], json)
                             : cli_usage(cmd, "show takes one profile: a name or a file");
    if (strcmp(verb, "diff") == 0)
        return operands == 2 ? diff(cmd, argv[optind + 1], argv[optind + 2], json)
                             : cli_usage(cmd, "diff takes two profiles: names or files");
    return cli_usage(cmd, "'%.40s' is none of check, list, show, diff", verb);
}

const struct subcommand cmd_profile = {
    .name = "profile",
    .summary = "check, list, show or compare profiles",
    .help = "Usage: softuicc profile list\n"
            "       softuicc profile check NAME|FILE\n"
            "       softuicc profile show NAME|FILE [--json]\n"
            "       softuicc profile diff NAME|FILE NAME|FILE [--json]\n"
            "Profiles are what cards are made of: file tree, PINs, applets, key list.\n\n"
            "  list    names the built-in profiles\n"
            "  check   reads a built-in profile, a YAML file or a profile package for eUICCs (DER) and\n"
            "          says what is in it, or what is wrong with it and where; of a package also what\n"
            "          cards made from it have not, or have otherwise\n"
            "  show    what cards of that profile will have: PINs, applets, pairs and files; no\n"
            "          secrets\n"
            "  diff    what the second has in place of what the first has: - gone, + new, ~ changed,\n"
            "          files by path; exit code 1 when there is any difference, 2 when\n"
            "          there is trouble\n"
            "  --json  for scripts; show has the contents of the files too, but for files of keys\n"
            "  --help  this text\n",
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc diff: what two decks have not in common. Cards are compared by ICCID, files by path; nothing is
 * powered up. Exit codes are those of diff(1): 0 the same, 1 not, 2 trouble.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "applets.h"
#include "cli.h"
#include "domains.h"
#include "making.h"
#include "progress.h"
#include "state.h"
#include "tree.h"

enum { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2, VALUE_ROOM = 160 };

struct side {
    const char *path;
    struct cli_card card;
    struct tree_source files;
};

struct diff {
    const struct subcommand *cmd;
    const char *only; /* the card that is looked at; NULL: all */
    struct side a, b;
    struct progress progress;
    bool json;
    bool same_profile;
    bool cards; /* JSON: a card has been printed */
    char iccid[DECK_ICCID_MAX + 1];
    bool told;           /* the card under way has been named */
    const char *section; /* JSON: "pins", "pairs", "applets", "files", or NULL: which list is open */
    uint64_t differences;
    char *text_a, *text_b; /* DECODE_ROOM */
};

/* ---- printing ---- */

static void begin_card(struct diff *d)
{
    d->differences++;
    if (d->told)
        return;
    progress_clear(&d->progress);
    d->told = true;
    if (d->json) {
        printf("%s\n    {\"iccid\": \"%s\"", d->cards ? "," : "", d->iccid);
        d->cards = true;
    } else {
        printf("card %s\n", d->iccid);
    }
}

static void begin_entry(struct diff *d, const char *section)
{
    begin_card(d);
    if (!d->json)
        return;
    if (d->section == section) {
        fputs(",\n      {", stdout);
        return;
    }
    printf("%s, \"%s\": [\n      {", d->section != NULL ? "]" : "", section);
    d->section = section;
}

static void end_card(struct diff *d)
{
    if (d->json && d->told)
        printf("%s}", d->section != NULL ? "]" : "");
    d->told = false;
    d->section = NULL;
}

static void member(const char *name, const char *value)
{
    printf(", \"%s\": ", name);
    if (value != NULL)
        cli_put_json(stdout, value);
    else
        fputs("null", stdout);
}

/* NULL: not there. */
static void entry(struct diff *d, const char *section, const char *what, const char *a, const char *b)
{
    if (a != NULL && b != NULL && strcmp(a, b) == 0)
        return;
    begin_entry(d, section);
    if (d->json) {
        fputs("\"what\": ", stdout);
        cli_put_json(stdout, what);
        member("a", a);
        member("b", b);
        putchar('}');
    } else if (a == NULL || b == NULL) {
        printf("  %s: only in %s: %s\n", what, a != NULL ? d->a.path : d->b.path, a != NULL ? a : b);
    } else {
        printf("  %s: %s -> %s\n", what, a, b);
    }
}

/* ---- PINs and pairs ---- */

static void pin_value(const struct uicc_pin_info *pin, char out[VALUE_ROOM])
{
    snprintf(out, VALUE_ROOM, "%s, tries %u, unblocking tries %u", state_of_pin(pin), pin->tries,
             pin->puk_tries);
}

/* The nth PIN with this reference: local ones there may be several of. */
static bool find_pin(const struct uicc *card, uint8_t reference, unsigned nth, struct uicc_pin_info *out)
{
    for (unsigned i = 0; uicc_inspect_pin(card, i, out); i++)
        if (out->reference == reference && nth-- == 0)
            return true;
    return false;
}

static void diff_pins(struct diff *d)
{
    const struct uicc *card_a = d->a.card.card, *card_b = d->b.card.card;
    struct uicc_pin_info a, b;
    char what[48], text_a[VALUE_ROOM], text_b[VALUE_ROOM];
    for (unsigned reference = 0; reference <= 0xFF; reference++)
        for (unsigned nth = 0;; nth++) {
            bool in_a = find_pin(card_a, (uint8_t)reference, nth, &a);
            bool in_b = find_pin(card_b, (uint8_t)reference, nth, &b);
            if (!in_a && !in_b)
                break;
            snprintf(what, sizeof what, "PIN %02X %s", reference, tree_pin_name((uint8_t)reference));
            if (in_a)
                pin_value(&a, text_a);
            if (in_b)
                pin_value(&b, text_b);
            entry(d, "pins", what, in_a ? text_a : NULL, in_b ? text_b : NULL);
        }
}

static void pair_value(const struct pair_info *info, char out[VALUE_ROOM])
{
    struct pair_texts t;
    state_pair_texts(info, &t);
    snprintf(out, VALUE_ROOM, "%s, %s, IMSI %s, KCV K %s, KVN %u, KCV KIc %s, OTA CNTR %s, SQN %" PRIu64,
             state_of_pair(info->state), t.algorithm, t.imsi[0] != '\0' ? t.imsi : "-", t.kcv_k, info->kvn,
             t.kcv_kic, t.counter, info->sqn);
}

static void diff_pair(struct diff *d, unsigned index, const struct pair_info *a, const struct pair_info *b)
{
    struct pair_texts ta, tb;
    state_pair_texts(a, &ta);
    state_pair_texts(b, &tb);
    char kvn_a[8], kvn_b[8], sqn_a[24], sqn_b[24], what[32];
    snprintf(kvn_a, sizeof kvn_a, "%u", a->kvn);
    snprintf(kvn_b, sizeof kvn_b, "%u", b->kvn);
    snprintf(sqn_a, sizeof sqn_a, "%" PRIu64, a->sqn);
    snprintf(sqn_b, sizeof sqn_b, "%" PRIu64, b->sqn);
    const struct {
        const char *name, *a, *b;
    } parts[] = {
        {"state", state_of_pair(a->state), state_of_pair(b->state)},
        {"algorithm", ta.algorithm, tb.algorithm},
        {"IMSI", ta.imsi[0] != '\0' ? ta.imsi : "-", tb.imsi[0] != '\0' ? tb.imsi : "-"},
        {"KCV K", ta.kcv_k, tb.kcv_k},
        {"KVN", kvn_a, kvn_b},
        {"KCV KIc", ta.kcv_kic, tb.kcv_kic},
        {"OTA CNTR", ta.counter, tb.counter},
        {"SQN", sqn_a, sqn_b},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(what, sizeof what, "pair %u %s", index, parts[i].name);
        entry(d, "pairs", what, parts[i].a, parts[i].b);
    }
}

static void diff_pairs(struct diff *d)
{
    struct applet list_a, list_b;
    struct pair_info a, b;
    char what[16], text[VALUE_ROOM];
    bool has_a = subscription_of(d->a.card.card, &list_a), has_b = subscription_of(d->b.card.card, &list_b);
    for (unsigned i = 0;; i++) {
        bool in_a = has_a && subscription_info(list_a, i, &a),
             in_b = has_b && subscription_info(list_b, i, &b);
        if (in_a && in_b) {
            diff_pair(d, i, &a, &b);
            continue;
        }
        if (!in_a && !in_b)
            return;
        snprintf(what, sizeof what, "pair %u", i);
        pair_value(in_a ? &a : &b, text);
        entry(d, "pairs", what, in_a ? text : NULL, in_b ? text : NULL);
    }
}

/* ---- applets, packages, keysets of security domains ---- */

/* As `show` prints them. NULL: no memory. */
static char *applets_text(struct uicc *card)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL)
        return NULL;
    domains_print(f, card);
    applets_print(f, card);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

/* The line at `text`, its columns one blank apart; the rest of the text. */
static const char *next_line(const char *text, char line[VALUE_ROOM])
{
    size_t n = 0;
    const char *at = text;
    for (; *at != '\0' && *at != '\n'; at++)
        if (n + 1 < VALUE_ROOM && !(*at == ' ' && (n == 0 || line[n - 1] == ' ')))
            line[n++] = *at;
    line[n] = '\0';
    return *at == '\n' ? at + 1 : at;
}

static bool has_line(const char *text, const char *wanted)
{
    char line[VALUE_ROOM];
    while (*text != '\0') {
        text = next_line(text, line);
        if (strcmp(line, wanted) == 0)
            return true;
    }
    return false;
}

static void only_lines(struct diff *d, const char *here, const char *there, bool in_a)
{
    char line[VALUE_ROOM];
    while (*here != '\0') {
        here = next_line(here, line);
        if (!has_line(there, line))
            entry(d, "applets", "applets", in_a ? line : NULL, in_a ? NULL : line);
    }
}

static bool diff_applets(struct diff *d)
{
    char *a = applets_text(d->a.card.card), *b = applets_text(d->b.card.card);
    const bool good = a != NULL && b != NULL;
    if (!good)
        cli_refuse(d->cmd, "no memory");
    else if (strcmp(a, b) != 0) {
        only_lines(d, a, b, true);
        only_lines(d, b, a, false);
    }
    free(a);
    free(b);
    return good;
}

/* ---- files ---- */

/* What a file is, besides its contents. */
static void file_value(const struct tree_source *s, uint16_t file, const struct tree_file *f,
                       char out[VALUE_ROOM])
{
    struct out o;
    char rule[VALUE_ROOM / 2] = "";
    struct span r = tree_rule(s, file);
    out_begin(&o, false, rule, sizeof rule);
    if (r.n == 0 || !decode_rule(r, &o) || !out_end(&o))
        snprintf(rule, sizeof rule, "rule %04X/%u", f->row->arr_fid, f->row->arr_record);
    snprintf(out, VALUE_ROOM, "%s, %zu octets%s%s, SFI %02X, %s", tree_kind(f->row->kind),
             f->row->kind == FILE_BERTLV ? (size_t)f->row->size : f->body.n,
             f->deactivated ? ", deactivated" : "", f->terminated ? ", terminated" : "", f->row->sfi, rule);
}

static bool same_file(const struct tree_file *a, const struct tree_file *b)
{
    return a->row->kind == b->row->kind && a->row->sfi == b->row->sfi &&
           a->row->record_len == b->row->record_len && a->body.n == b->body.n &&
           a->deactivated == b->deactivated && a->terminated == b->terminated &&
           a->row->arr_fid == b->row->arr_fid && a->row->arr_record == b->row->arr_record &&
           a->row->size == b->row->size && a->rule_tag == b->rule_tag && span_equal(a->rule, b->rule);
}

static void content_entry(struct diff *d, uint16_t file_a, uint16_t file_b, const struct tree_file *a,
                          const struct tree_file *b, size_t from, size_t n_a, size_t n_b, unsigned record)
{
    struct span in_a = span_slice(a->body, from, n_a), in_b = span_slice(b->body, from, n_b);
    char names[TREE_PATH_MAX], what[TREE_PATH_MAX + 24];
    if (span_equal(in_a, in_b))
        return;
    tree_names(&d->a.files, file_a, names);
    if (record > 0)
        snprintf(what, sizeof what, "%s record %u", names, record);
    else
        snprintf(what, sizeof what, "%s", names);
    tree_content(&d->a.files, file_a, a, in_a, true, d->text_a, DECODE_ROOM);
    tree_content(&d->b.files, file_b, b, in_b, true, d->text_b, DECODE_ROOM);
    begin_entry(d, "files");
    if (!d->json) {
        bool alike = strcmp(d->text_a, d->text_b) == 0; /* keys, or what the decoder leaves out */
        printf("  %s: %s -> %s%s\n", what, d->text_a, d->text_b, alike ? " (they differ all the same)" : "");
        return;
    }
    bool secret = tree_secret(&d->a.files, file_a, a) || tree_secret(&d->b.files, file_b, b);
    fputs("\"what\": ", stdout);
    cli_put_json(stdout, what);
    member("a", d->text_a);
    member("b", d->text_b);
    if (!secret) {
        fputs(", \"content_a\": \"", stdout);
        cli_put_hex(stdout, in_a);
        fputs("\", \"content_b\": \"", stdout);
        cli_put_hex(stdout, in_b);
        putchar('"');
    }
    putchar('}');
}

static void diff_file(struct diff *d, uint16_t file_a, uint16_t file_b)
{
    struct tree_file a, b;
    char names[TREE_PATH_MAX], text_a[VALUE_ROOM], text_b[VALUE_ROOM];
    if (!tree_file(&d->a.files, file_a, &a) || !tree_file(&d->b.files, file_b, &b))
        return;
    bool same = same_file(&a, &b);
    if (!same) {
        tree_names(&d->a.files, file_a, names);
        file_value(&d->a.files, file_a, &a, text_a);
        file_value(&d->b.files, file_b, &b, text_b);
        entry(d, "files", names, text_a, text_b);
    }
    size_t record = a.row->record_len;
    if (record == 0 || record != b.row->record_len) {
        content_entry(d, file_a, file_b, &a, &b, 0, a.body.n, b.body.n, 0);
        return;
    }
    size_t n = (a.body.n > b.body.n ? a.body.n : b.body.n) / record;
    for (size_t i = 0; i < n; i++)
        content_entry(d, file_a, file_b, &a, &b, i * record, record, record, (unsigned)i + 1);
}

/* The file in `there` with the path that `file` has here; PROFILE_NO_FILE. */
static uint16_t peer(const struct diff *d, const struct tree_source *here, const struct tree_source *there,
                     uint16_t file)
{
    char path[TREE_PATH_MAX], other[TREE_PATH_MAX];
    struct tree_file f;
    if (d->same_profile && file < here->p->n_files)
        return tree_file(there, file, &f) ? file : PROFILE_NO_FILE;
    tree_path(here, file, path);
    uint16_t n = tree_files(there);
    for (uint16_t i = 0; i < n; i++) {
        if (!tree_file(there, i, &f))
            continue;
        tree_path(there, i, other);
        if (strcmp(path, other) == 0)
            return i;
    }
    return PROFILE_NO_FILE;
}

static void only_file(struct diff *d, const struct side *side, uint16_t file, bool in_a)
{
    struct tree_file f;
    char names[TREE_PATH_MAX], text[VALUE_ROOM];
    if (!tree_file(&side->files, file, &f))
        return;
    tree_names(&side->files, file, names);
    file_value(&side->files, file, &f, text);
    entry(d, "files", names, in_a ? text : NULL, in_a ? NULL : text);
}

static void diff_files(struct diff *d)
{
    struct tree_file f;
    uint16_t n = tree_files(&d->a.files);
    for (uint16_t i = 0; i < n; i++) {
        if (!tree_file(&d->a.files, i, &f))
            continue;
        uint16_t other = peer(d, &d->a.files, &d->b.files, i);
        if (other == PROFILE_NO_FILE)
            only_file(d, &d->a, i, true);
        else
            diff_file(d, i, other);
    }
    n = tree_files(&d->b.files);
    for (uint16_t i = 0; i < n; i++)
        if (tree_file(&d->b.files, i, &f) && peer(d, &d->b.files, &d->a.files, i) == PROFILE_NO_FILE)
            only_file(d, &d->b, i, false);
}

/* ---- cards and decks ---- */

static bool switch_side(struct diff *d, struct side *side, const char *iccid)
{
    int code;
    if (!cli_card_switch(d->cmd, side->path, iccid, &side->card, &code))
        return false;
    side->files = (struct tree_source){&side->card.profile->p, side->card.card};
    return true;
}

static bool diff_card(struct diff *d, const char *iccid)
{
    memcpy(d->iccid, iccid, strlen(iccid) + 1);
    if (!switch_side(d, &d->a, iccid) || !switch_side(d, &d->b, iccid))
        return false;
    diff_pins(d);
    diff_pairs(d);
    const bool good = diff_applets(d);
    diff_files(d);
    end_card(d);
    return good;
}

static void only_card(struct diff *d, const char *iccid, bool in_a)
{
    d->differences++;
    progress_clear(&d->progress);
    if (d->json) {
        printf("%s\n    {\"iccid\": \"%s\", \"only\": \"%s\"}", d->cards ? "," : "", iccid, in_a ? "a" : "b");
        d->cards = true;
    } else {
        printf("only in %s: card %s\n", in_a ? d->a.path : d->b.path, iccid);
    }
}

/* Both decks are in the order of their ICCIDs. */
static bool diff_cards(struct diff *d)
{
    char a[DECK_ICCID_MAX + 1], b[DECK_ICCID_MAX + 1];
    bool more_a = deck_next(d->a.card.deck, "", a), more_b = deck_next(d->b.card.deck, "", b);
    const uint64_t in_a = deck_count(d->a.card.deck), in_b = deck_count(d->b.card.deck),
                   of = in_a > in_b ? in_a : in_b;
    uint64_t n = 0;
    d->progress = progress_begin();
    while ((more_a || more_b) && !ferror(stdout)) {
        int order = !more_b ? -1 : !more_a ? 1 : strcmp(a, b);
        if (order == 0 && !diff_card(d, a))
            return false;
        if (order != 0)
            only_card(d, order < 0 ? a : b, order < 0);
        if (order <= 0)
            more_a = deck_after(d->a.card.deck, a, a);
        if (order >= 0)
            more_b = deck_after(d->b.card.deck, b, b);
        n++;
        /* more than that when cards are in one of them only */
        progress_cards(&d->progress, n, n <= of ? of : 0);
    }
    progress_clear(&d->progress);
    const char *trouble = deck_trouble(d->a.card.deck);
    if (trouble[0] == '\0')
        trouble = deck_trouble(d->b.card.deck);
    if (trouble[0] != '\0')
        cli_refuse(d->cmd, "%s", trouble);
    return trouble[0] == '\0';
}

static bool diff_one(struct diff *d, const char *iccid)
{
    const enum deck_has has_a = making_has_card(d->cmd, d->a.card.deck, iccid),
                        has_b = making_has_card(d->cmd, d->b.card.deck, iccid);
    const bool in_a = has_a == DECK_HAS, in_b = has_b == DECK_HAS;
    if (has_a == DECK_UNREAD || has_b == DECK_UNREAD)
        return false;
    if (!in_a && !in_b) {
        cli_refuse(d->cmd, "neither deck has a card %s", iccid);
        return false;
    }
    if (in_a && in_b)
        return diff_card(d, iccid);
    only_card(d, iccid, in_a);
    return true;
}

static int diff_decks(struct diff *d, const char *iccid)
{
    const char *name_a = d->a.card.profile->p.name, *name_b = d->b.card.profile->p.name;
    d->same_profile = span_equal(deck_profile(d->a.card.deck), deck_profile(d->b.card.deck));
    if (d->json) {
        fputs("{\n  \"a\": ", stdout);
        cli_put_json(stdout, d->a.path);
        member("b", d->b.path);
        member("profile_a", name_a);
        member("profile_b", name_b);
        printf(", \"same_profile\": %s,\n  \"cards\": [", d->same_profile ? "true" : "false");
    } else if (!d->same_profile) {
        printf("profile: %s -> %s%s\n", name_a, name_b,
               strcmp(name_a, name_b) == 0 ? " (another version of it)" : "");
    }
    d->differences += !d->same_profile;
    bool good = iccid != NULL ? diff_one(d, iccid) : diff_cards(d);
    if (d->json)
        printf("\n  ],\n  \"same\": %s\n}\n", d->differences == 0 ? "true" : "false");
    if (cli_finish(d->cmd) != EXIT_OK || !good)
        return EXIT_TROUBLE;
    return d->differences == 0 ? EXIT_SAME : EXIT_DIFFERENT;
}

static int diff(struct diff *d, const char *iccid)
{
    int code;
    d->text_a = malloc(DECODE_ROOM);
    d->text_b = malloc(DECODE_ROOM);
    if (d->text_a == NULL || d->text_b == NULL) {
        cli_refuse(d->cmd, "no memory");
        code = EXIT_TROUBLE;
    } else if (!cli_card_open(d->cmd, d->a.path, "", DECK_READ, &d->a.card, &code)) {
        code = EXIT_TROUBLE;
    } else {
        if (cli_card_open(d->cmd, d->b.path, "", DECK_READ, &d->b.card, &code)) {
            code = diff_decks(d, iccid);
            cli_card_close(&d->b.card);
        } else {
            code = EXIT_TROUBLE;
        }
        cli_card_close(&d->a.card);
    }
    free(d->text_a);
    free(d->text_b);
    return code;
}

static const struct cli_setting settings[] = {
    {"card", CLI_ICCID, offsetof(struct diff, only), NULL},
    {"json", CLI_FLAG, offsetof(struct diff, json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    struct diff *d = calloc(1, sizeof *d);
    int code;
    if (d == NULL) {
        cli_refuse(&cmd_diff, "no memory");
        return EXIT_TROUBLE;
    }
    d->cmd = &cmd_diff;
    if (!cli_settings(d->cmd, argc, argv, settings, d, NULL, &code)) {
        free(d);
        return code;
    }
    if (optind + 2 != argc) {
        code = cli_usage(d->cmd, "two decks are compared");
    } else {
        struct stat a, b;
        d->a.path = argv[optind];
        d->b.path = argv[optind + 1];
        if (stat(d->a.path, &a) == 0 && stat(d->b.path, &b) == 0 && a.st_dev == b.st_dev &&
            a.st_ino == b.st_ino)
            code = cli_usage(d->cmd, "%s and %s are the same deck", d->a.path, d->b.path);
        else
            code = diff(d, d->only);
    }
    free(d);
    return code;
}

const struct subcommand cmd_diff = {
    .name = "diff",
    .summary = "tell what two decks have not in common",
    .help =
        "Usage: softuicc diff DECK_A DECK_B [--card ICCID] [--json]\n"
        "Compares decks card by card: cards that only one has, PIN states, the lists of K/OTA pairs, applets\n"
        "and packages and keysets of security domains, files (by path) and what is in them, decoded. Keys and PINs are not compared, but for the pairs' key\n"
        "check values.\n\n"
        "  --card ICCID  this card only\n"
        "  --json        for scripts\n"
        "  --help        this text\n\n"
        "Exit codes: 0 the same, 1 not the same, 2 trouble or wrong usage.\n",
    .run = run,
};

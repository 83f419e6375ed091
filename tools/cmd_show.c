/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc show: what is in a deck, and in a card. The card is asked as a terminal would ask it, but it is a
 * copy in memory that answers: looking at a card must not power it up, which a change of operator on trial
 * counts.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "hex.h"
#include "tlv.h"
#include "tree.h"

enum { LISTED = 20, RESPONSE_MAX = 1 << 16 };

/* ---- a copy of a card ---- */

struct copy {
    struct store_change *changes;
    size_t n, cap;
};

static bool copy_object(void *ctx, uint32_t id, struct span value)
{
    struct copy *c = ctx;
    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 64 : 2 * c->cap;
        struct store_change *bigger = realloc(c->changes, cap * sizeof *bigger);
        if (bigger == NULL)
            return false;
        c->changes = bigger;
        c->cap = cap;
    }
    uint8_t *own = malloc(value.n + 1);
    if (own == NULL)
        return false;
    if (value.n > 0)
        memcpy(own, value.p, value.n);
    c->changes[c->n++] = (struct store_change){.id = id, .value = span_of(own, value.n)};
    return true;
}

static void copy_free(struct copy *c)
{
    for (size_t i = 0; i < c->n; i++) {
        /* The span lends what copy_object allocated. */
        union {
            const uint8_t *lent;
            uint8_t *own;
        } p = {c->changes[i].value.p};
        crypto_wipe(p.own, c->changes[i].value.n);
        free(p.own);
    }
    free(c->changes);
}

/* A store in memory with the objects of one card of the deck; NULL: the error has been printed. */
static struct uicc_store *copy_card(const struct subcommand *cmd, struct cli_card *c, const char *iccid)
{
    struct deck_error error;
    struct uicc_store *from = deck_card(c->deck, iccid, &error);
    if (from == NULL) {
        cli_refuse(cmd, "%s", error.text);
        return NULL;
    }
    struct copy copy = {0};
    struct uicc_store *to = store_mem_new();
    enum store_result result = store_load(from, copy_object, &copy);
    bool good = to != NULL && result == STORE_OK && store_write(to, copy.changes, copy.n) == STORE_OK;
    store_close(from);
    copy_free(&copy);
    if (good)
        return to;
    store_close(to);
    cli_refuse(cmd, "card %s: %s", iccid,
               result == STORE_TAMPERED
                   ? "what is stored fails its authentication: it was tampered with or damaged"
               : result == STORE_OK ? "no memory"
                                    : "it cannot be read from the deck");
    return NULL;
}

/* ---- asking it ---- */

struct talk {
    struct uicc *card;
    const struct profile *p;
    uint8_t *response; /* RESPONSE_MAX + 2 */
    uint8_t *data;     /* RESPONSE_MAX: of all GET RESPONSEs */
};

/* Sends a command, follows 61xx and 6Cxx. *data is valid until the next. */
static sw_t ask(struct talk *t, const uint8_t *command, size_t n, struct span *data)
{
    struct buf all = buf_of(t->data, RESPONSE_MAX);
    uint8_t again[5];
    sw_t sw = 0;
    for (int round = 0; round < 300; round++) {
        size_t got = uicc_transmit(t->card, command, n, t->response);
        sw = (sw_t)(t->response[got - 2] << 8 | t->response[got - 1]);
        buf_put(&all, span_of(t->response, got - 2));
        if ((sw & 0xFF00) == SW_DATA_AVAILABLE)
            memcpy(again, (const uint8_t[4]){0x00, 0xC0, 0x00, 0x00}, 4);
        else if ((sw & 0xFF00) == SW_WRONG_LE && n == 5)
            memmove(again, command, 4);
        else
            break;
        again[4] = (uint8_t)sw;
        command = again;
        n = sizeof again;
    }
    *data = buf_span(&all);
    return sw;
}

/* SELECT: with P2 04 the answer is the FCP. */
static sw_t select_by(struct talk *t, uint8_t p1, const uint8_t *what, uint8_t n, struct span *fcp)
{
    uint8_t command[5 + 255] = {0x00, 0xA4, p1, 0x04, n};
    memcpy(command + 5, what, n);
    return ask(t, command, 5u + n, fcp);
}

/* Selects the MF, then, when the file lies in an ADF, its application; the file's ADF or the MF is then the
 * current directory. */
static bool select_application(struct talk *t, uint16_t application, struct span *fcp)
{
    static const uint8_t mf[2] = {0x3F, 0x00};
    if (application == 0)
        return select_by(t, 0x00, mf, sizeof mf, fcp) == SW_OK;
    uint8_t applet = t->p->files[application].applet;
    if (applet >= t->p->n_applets)
        return false;
    const struct profile_applet *a = &t->p->applets[applet];
    return a->aid_len > 0 && select_by(t, 0x04, a->aid, a->aid_len, fcp) == SW_OK;
}

/* A transparent file right below its ADF or the MF. */
static bool read_file(struct talk *t, uint16_t file, struct span *content)
{
    const struct profile_file *f = &t->p->files[file];
    const uint8_t fid[2] = {(uint8_t)(f->fid >> 8), (uint8_t)f->fid};
    const uint8_t read[5] = {0x00, 0xB0, 0x00, 0x00, (uint8_t)(f->size > 255 ? 0 : f->size)};
    struct span fcp;
    return select_application(t, f->parent, &fcp) && select_by(t, 0x00, fid, sizeof fid, &fcp) == SW_OK &&
           ask(t, read, sizeof read, content) == SW_OK;
}

static uint16_t file_filled_with(const struct profile *p, enum file_fill fill)
{
    for (uint16_t i = 0; i < p->n_files; i++)
        if (p->files[i].fill == fill && p->files[i].kind == FILE_TRANSPARENT)
            return i;
    return PROFILE_NO_FILE;
}

enum { DIGITS_TEXT = 24 };

static void read_iccid(struct talk *t, char text[DIGITS_TEXT])
{
    uint16_t file = file_filled_with(t->p, FILL_ICCID);
    struct span content;
    text[0] = '\0';
    if (file != PROFILE_NO_FILE && read_file(t, file, &content) && content.n == 10 &&
        !bcd_unpack(content, text))
        text[0] = '\0';
}

static void read_imsi(struct talk *t, char text[DIGITS_TEXT])
{
    uint16_t file = file_filled_with(t->p, FILL_IMSI);
    struct span content;
    text[0] = '\0';
    if (file != PROFILE_NO_FILE && read_file(t, file, &content) && !imsi_unpack(content, text))
        text[0] = '\0';
}

struct pin_facts {
    bool known_enabled, enabled;
    int tries, unblocks; /* left; -1: not known */
};

/* In the FCP's C6: PS_DO has a bit for each key reference that follows, the first one's on the left (TS 102
 * 221 9.5.2). */
static void pin_enabled(struct span fcp, uint8_t reference, struct pin_facts *facts)
{
    struct span inside, template, bits = SPAN_EMPTY;
    if (!tlv_find(fcp, 0x62, &inside) || !tlv_find(inside, 0xC6, &template))
        return;
    struct reader r = rd_of(template);
    struct tlv object;
    size_t nth = 0;
    while (tlv_next(&r, &object)) {
        if (object.tag == 0x90)
            bits = object.value;
        if (object.tag != 0x83 || object.value.n != 1)
            continue;
        if (object.value.p[0] == reference && nth / 8 < bits.n) {
            facts->known_enabled = true;
            facts->enabled = (bits.p[nth / 8] & (0x80 >> nth % 8)) != 0;
        }
        nth++;
    }
}

static int tries_left(struct talk *t, uint8_t ins, uint8_t reference)
{
    const uint8_t empty[5] = {0x00, ins, 0x00, reference, 0x00};
    struct span data;
    sw_t sw = ask(t, empty, sizeof empty, &data);
    if ((sw & 0xFFF0) == SW_TRIES_LEFT)
        return sw & 0x0F;
    return sw == SW_BLOCKED ? 0 : -1;
}

static void ask_pin(struct talk *t, const struct profile_pin *pin, struct pin_facts *facts)
{
    *facts = (struct pin_facts){.tries = -1, .unblocks = -1};
    uint16_t application = 0;
    if (pin->adf < t->p->n_applets)
        application = t->p->applets[pin->adf].adf;
    struct span fcp;
    if (application >= t->p->n_files || !select_application(t, application, &fcp))
        return;
    pin_enabled(fcp, pin->reference, facts);
    if (!facts->known_enabled && !pin->can_disable) {
        facts->known_enabled = true;
        facts->enabled = pin->enabled;
    }
    facts->tries = tries_left(t, 0x20, pin->reference);
    if (pin->puk_tries > 0)
        facts->unblocks = tries_left(t, 0x2C, pin->reference);
}

/* ---- a card to look at ---- */

struct looked_at {
    struct uicc_store *store;
    struct uicc *card;
    struct talk talk;
    char iccid[DIGITS_TEXT], imsi[DIGITS_TEXT];
};

static void look_end(struct looked_at *l)
{
    if (l->card != NULL)
        uicc_close(l->card);
    store_close(l->store);
    if (l->talk.response != NULL)
        crypto_wipe(l->talk.response, RESPONSE_MAX + 2);
    free(l->talk.response);
    free(l->talk.data);
}

static bool look(const struct subcommand *cmd, struct cli_card *c, const char *iccid, struct looked_at *l)
{
    uint8_t atr[UICC_ATR_MAX];
    memset(l, 0, sizeof *l);
    l->store = copy_card(cmd, c, iccid);
    if (l->store == NULL)
        return false;
    l->talk.response = malloc(RESPONSE_MAX + 2);
    l->talk.data = malloc(RESPONSE_MAX);
    if (l->talk.response == NULL || l->talk.data == NULL) {
        cli_refuse(cmd, "no memory");
        return false;
    }
    const struct uicc_config config = {
        .env = &c->env, .profile = c->profile, .store = l->store, .classes = cli_applet_classes};
    enum uicc_result result = uicc_open(&config, &l->card);
    if (result != UICC_OK || uicc_reset(l->card, atr) == 0) {
        cli_refuse(cmd, "card %s: %s", iccid, result != UICC_OK ? uicc_result_text(result) : "it is mute");
        return false;
    }
    l->talk.card = l->card;
    l->talk.p = &c->profile->p;
    read_iccid(&l->talk, l->iccid);
    read_imsi(&l->talk, l->imsi);
    return true;
}

/* ---- printing: people ---- */

static void print_pins(struct talk *t)
{
    printf("\n%-14s %-4s %-9s %-6s %s\n", "PIN", "ref", "state", "tries", "unblocking tries");
    for (unsigned i = 0; i < t->p->n_pins; i++) {
        const struct profile_pin *pin = &t->p->pins[i];
        struct pin_facts f;
        char tries[8] = "-", unblocks[8] = "-";
        ask_pin(t, pin, &f);
        if (f.tries >= 0)
            snprintf(tries, sizeof tries, "%d", f.tries);
        if (f.unblocks >= 0)
            snprintf(unblocks, sizeof unblocks, "%d", f.unblocks);
        const char *state = f.tries == 0       ? "blocked"
                            : !f.known_enabled ? "?"
                            : f.enabled        ? "enabled"
                                               : "disabled";
        printf("%-14s %02X   %-9s %-6s %s\n", tree_pin_name(pin->reference), pin->reference, state, tries,
               unblocks);
    }
}

static void print_card(struct cli_card *c, struct looked_at *l)
{
    printf("profile  %s\nICCID    %s\nIMSI     %s\n", c->profile->p.name,
           l->iccid[0] != '\0' ? l->iccid : "not readable", l->imsi[0] != '\0' ? l->imsi : "not readable");
    print_pins(&l->talk);
    putchar('\n');
    tree_print(stdout, &c->profile->p, NULL);
}

static int list_cards(const struct subcommand *cmd, struct cli_card *c, const char *path, uint64_t count)
{
    char iccid[DECK_ICCID_MAX + 1] = "";
    uint64_t n = 0;
    printf("%s: %" PRIu64 " cards of profile %s\n%-20s  %s\n", path, count, c->profile->p.name, "ICCID",
           "IMSI");
    for (bool more = deck_next(c->deck, "", iccid); more && n < LISTED; n++) {
        struct looked_at l;
        bool good = look(cmd, c, iccid, &l);
        if (good)
            printf("%-20s  %s\n", iccid, l.imsi[0] != '\0' ? l.imsi : "not readable");
        look_end(&l);
        if (!good)
            return EXIT_REFUSED;
        more = deck_next(c->deck, iccid, iccid);
    }
    if (count > n)
        printf("and %" PRIu64 " more (--json lists them all; --card ICCID shows one)\n", count - n);
    return cli_finish(cmd);
}

/* ---- printing: scripts ---- */

static void json_pins(struct talk *t)
{
    fputs(",\n  \"pins\": [", stdout);
    for (unsigned i = 0; i < t->p->n_pins; i++) {
        const struct profile_pin *pin = &t->p->pins[i];
        struct pin_facts f;
        ask_pin(t, pin, &f);
        printf("%s\n    {\"reference\": %u, \"name\": ", i > 0 ? "," : "", pin->reference);
        cli_put_json(stdout, tree_pin_name(pin->reference));
        if (f.known_enabled)
            printf(", \"enabled\": %s", f.enabled ? "true" : "false");
        if (f.tries >= 0)
            printf(", \"tries\": %d", f.tries);
        if (f.unblocks >= 0)
            printf(", \"unblocking_tries\": %d", f.unblocks);
        putchar('}');
    }
    fputs("\n  ]", stdout);
}

static void json_head(struct cli_card *c, const char *path, uint64_t count)
{
    fputs("{\n  \"deck\": ", stdout);
    cli_put_json(stdout, path);
    fputs(",\n  \"profile\": ", stdout);
    cli_put_json(stdout, c->profile->p.name);
    printf(",\n  \"count\": %" PRIu64, count);
}

static void json_digits(const char *name, const char *digits)
{
    printf("\"%s\": ", name);
    if (digits[0] != '\0')
        cli_put_json(stdout, digits);
    else
        fputs("null", stdout);
}

static void json_card(struct cli_card *c, const char *path, uint64_t count, struct looked_at *l)
{
    json_head(c, path, count);
    fputs(",\n  ", stdout);
    json_digits("iccid", l->iccid);
    fputs(",\n  ", stdout);
    json_digits("imsi", l->imsi);
    json_pins(&l->talk);
    fputs(",\n  \"files\": ", stdout);
    tree_json(stdout, &c->profile->p, NULL);
    fputs("\n}\n", stdout);
}

/* One card after the other: a deck of a million needs no more memory than one of two. */
static int json_cards(const struct subcommand *cmd, struct cli_card *c, const char *path, uint64_t count)
{
    char iccid[DECK_ICCID_MAX + 1] = "";
    const char *comma = "";
    json_head(c, path, count);
    fputs(",\n  \"cards\": [", stdout);
    for (bool more = deck_next(c->deck, "", iccid); more && !ferror(stdout);) {
        struct looked_at l;
        bool good = look(cmd, c, iccid, &l);
        if (good) {
            printf("%s\n    {", comma);
            json_digits("iccid", iccid);
            fputs(", ", stdout);
            json_digits("imsi", l.imsi);
            putchar('}');
        }
        look_end(&l);
        if (!good)
            return EXIT_REFUSED;
        comma = ",";
        more = deck_next(c->deck, iccid, iccid);
    }
    fputs("\n  ]\n}\n", stdout);
    return cli_finish(cmd);
}

static int show(const struct subcommand *cmd, const char *path, const char *iccid, bool json)
{
    struct cli_card c;
    int code = EXIT_REFUSED;
    if (!cli_card_open(cmd, path, "", DECK_PROCESS, &c, &code))
        return code;
    uint64_t count = deck_count(c.deck);
    char only[DECK_ICCID_MAX + 1];
    if (iccid == NULL && count == 1 && deck_next(c.deck, "", only))
        iccid = only;
    if (iccid == NULL) {
        code = json ? json_cards(cmd, &c, path, count) : list_cards(cmd, &c, path, count);
    } else {
        struct looked_at l;
        code = EXIT_REFUSED;
        if (look(cmd, &c, iccid, &l)) {
            if (json)
                json_card(&c, path, count, &l);
            else
                print_card(&c, &l);
            code = cli_finish(cmd);
        }
        look_end(&l);
    }
    cli_card_close(&c);
    return code;
}

static int run(int argc, char **argv)
{
    enum { CARD = 256, JSON };
    static const struct option options[] = {
        {"card", required_argument, NULL, CARD},
        {"json", no_argument, NULL, JSON},
        {NULL, 0, NULL, 0},
    };
    const struct subcommand *cmd = &cmd_show;
    const char *iccid = NULL;
    bool json = false;
    int opt, code = EXIT_USAGE;
    while ((opt = cli_option(cmd, argc, argv, options, &code)) != -1) {
        switch (opt) {
        case CARD:
            iccid = optarg;
            if (!cli_iccid(cmd, "--card", iccid))
                return EXIT_USAGE;
            break;
        case JSON:
            json = true;
            break;
        default:
            return code;
        }
    }
    if (optind + 1 != argc)
        return cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time");
    return show(cmd, argv[optind], iccid, json);
}

const struct subcommand cmd_show = {
    .name = "show",
    .summary = "show what is in a deck or a card",
    .help = "Usage: softuicc show DECK [--card ICCID] [--json]\n"
            "Shows a card: profile, ICCID, IMSI, PIN states, the list of K/OTA pairs, the file tree.\n"
            "Of a deck with several cards and no --card: the first 20 cards and how many there are.\n"
            "Never shows keys or PINs. The card is not powered up and nothing in the deck changes.\n\n"
            "  --card ICCID  which card of the deck\n"
            "  --json        for scripts; lists all cards of a deck\n"
            "  --help        this text\n",
    .run = run,
};

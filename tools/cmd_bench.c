/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc bench: what a command costs, and what share of that the machine itself takes. Every number in the
 * documentation comes from here.
 */
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench.h"
#include "making.h"
#include "profile_yaml.h"
#include "scratch.h"

enum { THREADS = 2, RESIDENT_CARDS = 1000, PATH_ROOM = SCRATCH_ROOM + 16 };

enum place { IN_MEMORY, IN_PROCESS_DECK, IN_POWER_DECK };

static const char *const place_names[] = {
    [IN_MEMORY] = "memory", [IN_PROCESS_DECK] = "LMDB, process", [IN_POWER_DECK] = "LMDB, power"};

/* algorithm 0: the profile's own. */
static const struct row {
    const char *name;
    enum place place;
    const struct measure *measure;
    enum bench_limit limit;
    uint8_t algorithm; /* enum ota_algorithm */
    unsigned updates, parts;
} rows[] = {
    {"SELECT", IN_MEMORY, &bench_select, LIMIT_COPY, 0, 0, 0},
    {"READ BINARY", IN_MEMORY, &bench_read, LIMIT_COPY, 0, 0, 0},
    {"UPDATE BINARY", IN_MEMORY, &bench_update, LIMIT_COPY, 0, 0, 0},
    {"AUTHENTICATE", IN_MEMORY, &bench_authenticate, LIMIT_AES, 0, 0, 0},
    {"open a card", IN_MEMORY, &bench_open, LIMIT_NONE, 0, 0, 0},
    {"SCP80 command", IN_MEMORY, &bench_packet, LIMIT_CIPHER, 0, 1, 1},
    {"SCP80 AES 1 SMS", IN_MEMORY, &bench_packet, LIMIT_CIPHER, OTA_AES, 1, 1},
    {"SCP80 AES 5 SMS", IN_MEMORY, &bench_packet, LIMIT_CIPHER, OTA_AES, 33, 5},
    {"SCP80 3DES 1 SMS", IN_MEMORY, &bench_packet, LIMIT_CIPHER, OTA_3DES, 1, 1},
    {"SCP80 3DES 5 SMS", IN_MEMORY, &bench_packet, LIMIT_CIPHER, OTA_3DES, 33, 5},
    {"UPDATE BINARY", IN_PROCESS_DECK, &bench_update, LIMIT_COMMIT, 0, 0, 0},
    {"AUTHENTICATE", IN_PROCESS_DECK, &bench_authenticate, LIMIT_COMMIT, 0, 0, 0},
    {"SCP80 command", IN_PROCESS_DECK, &bench_packet, LIMIT_COMMIT, 0, 1, 1},
    {"open a card", IN_PROCESS_DECK, &bench_open, LIMIT_NONE, 0, 0, 0},
    {"UPDATE BINARY", IN_POWER_DECK, &bench_update, LIMIT_COMMIT, 0, 0, 0},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

struct bench_result *bench_add(struct bench *b, const char *name, const char *store, uint64_t ops,
                               uint64_t ns)
{
    if (b->n_results == BENCH_RESULTS_MAX)
        return NULL;
    struct bench_result *r = &b->results[b->n_results++];
    *r = (struct bench_result){.store = store, .ops = ops, .ns = ns};
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

static bool wanted(const struct bench *b, const char *name, const char *store)
{
    size_t n = strlen(name);
    return b->only == NULL || (strncmp(b->only, name, n) == 0 && strncmp(b->only + n, ", ", 2) == 0 &&
                               strcmp(b->only + n + 2, store) == 0);
}

/* ---- rows ---- */

static double limit_of(struct subject *s, const struct row *row, const char *dir)
{
    switch (row->limit) {
    case LIMIT_COPY:
        return limit_copy(s->bench, s->octets);
    case LIMIT_AES:
        return limit_aes(s->bench, span_of(s->pair.key.k, s->pair.key.k_len));
    case LIMIT_CIPHER:
        return limit_cipher(s);
    case LIMIT_COMMIT:
        return limit_commit(s->bench, dir, row->place == IN_POWER_DECK ? DECK_POWER : DECK_PROCESS);
    default:
        return 0;
    }
}

static bool run_row(struct bench *b, const struct row *row, struct deck *deck, const char *dir)
{
    struct subject s;
    uint64_t ops, ns;
    bool good = subject_open(&s, b, deck);
    s.store_name = place_names[row->place];
    s.updates = row->updates;
    s.parts = row->parts;
    if (row->place == IN_POWER_DECK) /* it waits for the disk */
        s.clock = CLOCK_MONOTONIC;
    good = good && bench_run(&s, row->measure, &ops, &ns);
    if (good) {
        struct bench_result *r = bench_add(b, row->name, place_names[row->place], ops, ns);
        if (r != NULL) {
            r->limit = row->limit;
            r->limit_ns = limit_of(&s, row, dir);
        }
        if (row->place == IN_MEMORY && row->algorithm == 0)
            b->footprint = uicc_footprint(s.card);
    }
    subject_close(&s);
    return good;
}

/* With keys of this algorithm, 128 bits, in the card's first pair: the profile's own for as long as it takes.
 */
static bool run_row_with_keys(struct bench *b, const struct row *row, struct deck *deck, const char *dir)
{
    struct keyset *of_profile = &b->profile->p.pairs[0].ota;
    const struct keyset before = *of_profile;
    if (row->algorithm != 0) {
        of_profile->kic_algorithm = of_profile->kid_algorithm = row->algorithm;
        of_profile->kic_len = of_profile->kid_len = of_profile->kik_len = 16;
        of_profile->mac_len = 8;
    }
    bool good = run_row(b, row, deck, dir);
    *of_profile = before;
    return good;
}

static bool run_rows(struct bench *b, enum place place, struct deck *deck, const char *dir)
{
    bool good = true;
    for (size_t i = 0; good && i < ROWS; i++)
        if (rows[i].place == place && wanted(b, rows[i].name, place_names[place]))
            good = run_row_with_keys(b, &rows[i], deck, dir);
    return good;
}

/* ---- two threads ---- */

/* Twice: by each thread's own processor time, where what else the machine does is not counted, but
 * what threads cost each other is; and by the clock, where waiting for each other would show, as
 * does anything else that runs. */
struct thread {
    pthread_t id;
    struct bench *bench;
    clockid_t clock;
    uint64_t ops, ns;
    bool good;
};

static void *authenticate_alone(void *ctx)
{
    struct thread *t = ctx;
    struct subject s;
    t->good = subject_open(&s, t->bench, NULL);
    s.clock = t->clock;
    t->good = t->good && bench_run(&s, &bench_authenticate, &t->ops, &t->ns);
    subject_close(&s);
    return NULL;
}

static bool run_threads(struct bench *b, unsigned n, clockid_t clock, double *ns_per_op, uint64_t *ops)
{
    struct thread threads[THREADS];
    unsigned started = 0;
    bool good = true;
    double per_ns = 0;
    *ops = 0;
    for (; started < n; started++) {
        threads[started] = (struct thread){.bench = b, .clock = clock};
        if (pthread_create(&threads[started].id, NULL, authenticate_alone, &threads[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i].id, NULL);
        good = good && threads[i].good;
        per_ns += threads[i].good ? (double)threads[i].ops / (double)threads[i].ns : 0;
        *ops += threads[i].ops;
    }
    *ns_per_op = per_ns > 0 ? 1 / per_ns : 0;
    return good && started == n;
}

static bool bench_threads_by(struct bench *b, clockid_t clock, const char *name)
{
    double one, two;
    uint64_t ops;
    if (!run_threads(b, 1, clock, &one, &ops) || !run_threads(b, THREADS, clock, &two, &ops))
        return false;
    struct bench_result *r = bench_add(b, name, "memory", ops, (uint64_t)(two * (double)ops));
    if (r != NULL) {
        r->limit = LIMIT_TWICE;
        r->limit_ns = one / THREADS;
    }
    return true;
}

static bool bench_threads(struct bench *b)
{
    return bench_threads_by(b, CLOCK_THREAD_CPUTIME_ID, "AUTHENTICATE, 2 threads") &&
           bench_threads_by(b, CLOCK_MONOTONIC, "2 threads by the clock");
}

/* ---- many cards ---- */

/* Octets of the heap that are in use, with what malloc adds. */
static size_t heap_octets(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

struct resident {
    struct uicc_store *store;
    struct uicc *card;
};

/* Cards of the deck, open and powered up at the same time. */
static bool open_many(struct bench *b, struct deck *deck, struct resident *all, size_t n)
{
    const struct uicc_env env = {.random = crypto_random, .crypto = b->crypto, .guard = b->guard};
    char iccid[DECK_ICCID_MAX + 1];
    struct deck_error error;
    uint8_t atr[UICC_ATR_MAX];
    bool more = deck_next(deck, "", iccid), good = true;
    const size_t before = heap_octets();
    size_t opened = 0;
    for (; good && more && opened < n; more = deck_after(deck, iccid, iccid)) {
        struct resident *r = &all[opened++];
        r->store = deck_card(deck, iccid, &error);
        const struct uicc_config config = {&env, b->profile, r->store, b->classes};
        good = r->store != NULL && uicc_open(&config, &r->card) == UICC_OK && uicc_reset(r->card, atr) > 0;
    }
    if (good && opened > 0)
        b->resident = (double)(heap_octets() - before) / (double)opened;
    for (size_t i = 0; i < opened; i++) {
        uicc_close(all[i].card);
        store_close(all[i].store);
    }
    if (!good)
        cli_refuse(b->cmd, "card %s of the deck could not be opened", iccid);
    return good;
}

static bool bench_resident(struct bench *b, struct deck *deck)
{
    struct resident *all = calloc(RESIDENT_CARDS, sizeof *all);
    bool good = all != NULL && open_many(b, deck, all, RESIDENT_CARDS);
    free(all);
    return good;
}

/* ---- all of it ---- */

static bool make_deck(struct bench *b, const char *path, char last[DECK_ICCID_MAX + 1])
{
    struct deck_error error;
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct numbering numbers = {.count = b->cards};
    struct making m = {.cmd = b->cmd,
                       .crypto = b->crypto,
                       .profile = b->profile,
                       .seed = span_of(b->seed, sizeof b->seed),
                       .left = "no deck was made"};
    const struct card_source source = numbering_source(&numbers);
    bool good = numbering_iccid(b->cmd, &numbers, BENCH_ICCID) &&
                numbering_imsi(b->cmd, &numbers, NULL, &b->profile->p) &&
                profile_encode(&b->profile->p, &bytes, &n);
    if (good) {
        m.deck = deck_create(path, span_of(bytes, n), b->crypto, &error);
        if (m.deck == NULL)
            cli_refuse(b->cmd, "%s", error.text);
        good = m.deck != NULL && making_cards(&m, &source);
        if (good && !deck_publish(m.deck, &error)) {
            cli_refuse(b->cmd, "%s", error.text);
            good = false;
        }
        if (m.deck != NULL)
            deck_close(m.deck);
    }
    crypto_wipe(bytes, n);
    free(bytes);
    memcpy(last, m.last.iccid, DECK_ICCID_MAX + 1);
    return good;
}

static bool on_deck(struct bench *b, const char *path, enum place place, const char *dir)
{
    struct deck_error error;
    struct deck *deck =
        deck_open(path, place == IN_POWER_DECK ? DECK_POWER : DECK_PROCESS, b->crypto, &error);
    if (deck == NULL) {
        cli_refuse(b->cmd, "%s", error.text);
        return false;
    }
    bool good = run_rows(b, place, deck, dir);
    if (good && place == IN_PROCESS_DECK && b->only == NULL)
        good = bench_resident(b, deck);
    deck_close(deck);
    return good;
}

static bool measure_all(struct bench *b)
{
    char deck[PATH_ROOM], last[DECK_ICCID_MAX + 1];
    struct scratch scratch;
    const char *dir = scratch.dir;
    if (!scratch_make(b->cmd, &scratch))
        return false;
    snprintf(deck, sizeof deck, "%s/deck.uicc", dir);
    bool good = run_rows(b, IN_MEMORY, NULL, dir) && (b->only != NULL || bench_threads(b));
    if (good && (b->only == NULL || strstr(b->only, ", LMDB") != NULL))
        good = make_deck(b, deck, last) && on_deck(b, deck, IN_PROCESS_DECK, dir) &&
               on_deck(b, deck, IN_POWER_DECK, dir);
    if (good && b->only == NULL)
        good = bench_vpcd(b, deck, last) && bench_first_atr(b, deck, last);
    scratch_remove(&scratch);
    if (good && b->n_results == 0) {
        cli_refuse(b->cmd, "--only: there is no '%.60s'; names are as in the first two columns", b->only);
        return false;
    }
    return good;
}

/* ---- telling ---- */

static const char *const limit_texts[LIMIT_KINDS] = {
    [LIMIT_COPY] = "memcpy",        [LIMIT_AES] = "5 AES blocks",     [LIMIT_CIPHER] = "its ciphers",
    [LIMIT_COMMIT] = "LMDB commit", [LIMIT_TWICE] = "twice 1 thread", [LIMIT_PROCESS] = "empty process",
    [LIMIT_NULL] = "null card",
};

static double per_op(const struct bench_result *r)
{
    return (double)r->ns / (double)r->ops;
}

static void print_text(const struct bench *b)
{
    printf("%-26s %-14s %12s %12s   %s\n", "command", "store", "ops/s", "ns/op",
           "limit in the same run, and its share");
    for (size_t i = 0; i < b->n_results; i++) {
        const struct bench_result *r = &b->results[i];
        printf("%-26s %-14s %12.0f %12.0f", r->name, r->store, 1e9 / per_op(r), per_op(r));
        if (r->limit_ns > 0)
            printf("   %-14s %9.0f ns %4.0f %%", limit_texts[r->limit], r->limit_ns,
                   100 * r->limit_ns / per_op(r));
        putchar('\n');
    }
    if (b->only != NULL)
        return;
    printf("memory per card  %zu octets beyond the profile; %.0f with store and heap, of %d open at a time\n",
           b->footprint, b->resident, RESIDENT_CARDS);
}

static void print_json(const struct bench *b)
{
    printf("{\n  \"version\": \"%s\",\n  \"profile\": ", SOFTUICC_VERSION);
    cli_put_json(stdout, b->profile->p.name);
    fputs(",\n  \"commands\": [", stdout);
    for (size_t i = 0; i < b->n_results; i++) {
        const struct bench_result *r = &b->results[i];
        printf("%s\n    {\"name\": \"%s\", \"store\": \"%s\", \"ops\": %" PRIu64
               ", \"ops_per_s\": %.0f, \"ns_per_op\": %.0f",
               i > 0 ? "," : "", r->name, r->store, r->ops, 1e9 / per_op(r), per_op(r));
        if (r->limit_ns > 0)
            printf(", \"limit\": \"%s\", \"limit_ns_per_op\": %.1f, \"limit_share\": %.4f",
                   limit_texts[r->limit], r->limit_ns, r->limit_ns / per_op(r));
        putchar('}');
    }
    printf("\n  ],\n  \"octets_per_card\": %zu,\n  \"octets_per_card_resident\": %.0f\n}\n", b->footprint,
           b->resident);
}

static int bench(struct bench *b, const char *profile, bool json)
{
    struct profile_error error;
    struct uicc_env env = {0};
    int code = EXIT_REFUSED;
    b->crypto = crypto_new();
    b->profile = profile_load(profile, &error);
    if (b->profile == NULL)
        cli_refuse(b->cmd, "%s", error.text);
    else if (b->crypto == NULL)
        cli_refuse(b->cmd, "out of memory");
    else if ((b->classes = cli_classes(b->cmd, &b->profile->p, &env)) != NULL &&
             (b->guard = env.guard, measure_all(b))) {
        json ? print_json(b) : print_text(b);
        code = cli_finish(b->cmd);
    }
    if (b->profile != NULL)
        profile_free(b->profile);
    if (b->crypto != NULL)
        crypto_free(b->crypto);
    return code;
}

struct request {
    struct bench bench;
    const char *profile;
    uint64_t seconds;
    bool json;
};

static bool take_seconds(void *request)
{
    struct request *r = request;
    return cli_number(&cmd_bench, "--seconds", optarg, 0, 3600, &r->seconds);
}

static bool take_cards(void *request)
{
    struct request *r = request;
    return cli_number(&cmd_bench, "--cards", optarg, 1, 100000000, &r->bench.cards);
}

static const struct cli_setting settings[] = {
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {"seconds", CLI_TAKEN, 0, take_seconds},
    {"profile", CLI_TEXT, offsetof(struct request, profile), NULL},
    {"cards", CLI_TAKEN, 0, take_cards},
    {"only", CLI_TEXT, offsetof(struct request, bench.only), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_bench;
    struct request r = {.bench = {.cmd = cmd, .seed = "benchmark seed!", .cards = RESIDENT_CARDS},
                        .profile = "test",
                        .seconds = 1};
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind != argc)
        return cli_usage(cmd, "'%.40s': no arguments, only options", argv[optind]);
    r.bench.ns_per_measure = r.seconds * 1000000000u;
    return bench(&r.bench, r.profile, r.json);
}

const struct subcommand cmd_bench = {
    .name = "bench",
    .summary = "measure what commands cost",
    .help = "Usage: softuicc bench [--seconds N] [--profile NAME|FILE] [--cards N] [--only NAME] [--json]\n"
            "Measures commands in process, without a reader, with the card's objects in memory and in an\n"
            "LMDB deck at process and power durability; SCP80 commands (ciphered and signed, their PoR too)\n"
            "under AES-128 and 3DES, in one short message and (33 updates) in five; two threads; memory per\n"
            "card; APDUs through vpcd's protocol; and the time from exec to the first ATR. Time is the\n"
            "processor's, so that other work on the machine does not count; in the last two and at power\n"
            "durability the clock's. Commands include their GET RESPONSE. Beside each stands what the "
            "machine can do at best, measured in the same\n"
            "run: memcpy, raw AES blocks, the ciphers alone, LMDB's own commit, a card that does nothing.\n\n"
            "  --seconds N          time for each measure (default: 1; 0: one batch of 64)\n"
            "  --profile NAME|FILE  what kind of card (default: test)\n"
            "  --cards N            cards in the deck that a card is started from (default: 1000)\n"
            "  --only NAME          one measure, named as in the first two columns: 'AUTHENTICATE, memory'\n"
            "  --json               for scripts\n"
            "  --help               this text\n\n"
            "The temporary deck is made below $TMPDIR, or /tmp.\n",
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * Applets made, locked, moved and deleted at run time; packages; quotas; and power cuts in the middle of it.
 * The kernel's own functions are called, as a security domain calls them, inside a transaction.
 */
#include "card_fixture.h"
#include "hex.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cat.h"
#include "kernel.h"
#include "pairs.h"
#include "toolkit_registry.h"

/* ---- an applet that keeps what it is told to, and counts ---- */

#define PACKAGE_AID   "\xF0softuicc\x01"
#define MODULE_AID    "\xF0softuicc\x01\x01"
#define DOMAIN_MODULE "\xF0softuicc\x01\x02"
#define INSTANCE_AID  "\xF0test-applet\x01"

static const struct applet_package package = {10, PACKAGE_AID, {1, 2}};

enum { SEEN = 1, KEPT = 2 };

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    assert_null(personal);
    struct span parameters = applet_row(self)->params;
    if (parameters.n == 1 && parameters.p[0] == 0xEE) {
        uint8_t *secret = applet_transient(self, 16);
        assert_non_null(secret);
        memset(secret, 0x5A, 16);
        assert_true(applet_put_now(self, KEPT, parameters));
        assert_true(owner_pin_set(self, 0, 3, parameters));
        assert_false(owner_pin_check(self, 0, SPAN_EMPTY));
        assert_int_equal(toolkit_set_event(self, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), TOOLKIT_OK);
        return SW_CONDITIONS_NOT_SATISFIED;
    }
    for (size_t i = 1; parameters.n > 0 && parameters.p[0] == 'M' && i < parameters.n; i++) {
        /* a menu entry for each letter */
        uint8_t id;
        struct toolkit_menu_entry entry = {.text = span_of(parameters.p + i, 1)};
        assert_int_equal(toolkit_init_menu_entry(self, &entry, &id), TOOLKIT_OK);
    }
    return applet_put(self, KEPT, parameters) ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

static sw_t event(struct applet self, const struct event *e)
{
    struct span seen;
    uint8_t counts[8] = {0};
    if (applet_get(self, SEEN, &seen))
        memcpy(counts, seen.p, sizeof counts);
    counts[e->kind % 8]++;
    return applet_put(self, SEEN, span_of(counts, sizeof counts)) ? SW_OK : SW_MEMORY_PROBLEM;
}

/* GET DATA 00 01: what it keeps; PUT: grows it. */
static sw_t get(struct call *call)
{
    struct span kept;
    (void)applet_get(call->self, call->cmd->p2, &kept);
    buf_put(call->out, kept);
    return SW_OK;
}

static sw_t put(struct call *call)
{
    uint8_t octets[256];
    memset(octets, call->cmd->p2, sizeof octets);
    if (!applet_put(call->self, KEPT, span_of(octets, call->cmd->data.p[0])))
        return SW_NOT_ENOUGH_MEMORY;
    return call->cmd->p2 == 0xEE ? SW_CONDITIONS_NOT_SATISFIED : SW_OK;
}

static const struct command_row rows[] = {
    {"GET", "test", CLASS_ETSI, 0xCA, 0, 0, CASE_2, 0, 0, TARGET_NONE, ACCESS_FREE, 0, get},
    {"PUT", "test", CLASS_ETSI, 0xDA, 0, 0, CASE_3, 1, 1, TARGET_NONE, ACCESS_FREE, 0, put},
};
static const struct command_table table = {rows, 2};
static const uint8_t events[] = {TOOLKIT_STATUS_COMMAND, 0};
static const struct toolkit_class toolkit = {.events = events, .priority = 5};

static const struct applet_class plain_class = {
    .name = "plain",
    .commands = &table,
    .toolkit = &toolkit,
    .installable = true,
    .package = &package,
    .module_len = 11,
    .module = MODULE_AID,
    .install = install,
    .event = event,
    .script_target = true,
};

static const struct applet_class domain_class = {
    .name = "domain",
    .installable = true,
    .security_domain = true,
    .package = &package,
    .module_len = 11,
    .module = DOMAIN_MODULE,
};

static const struct applet_class *const more[] = {&plain_class, &domain_class, NULL};

/* ---- as a security domain does it ---- */

static void open_card(struct fixture *f)
{
    fixture_open_classes(f, "test", more);
}

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

static struct applet_installation plain(const char *aid)
{
    return (struct applet_installation){
        .domain = NO_APPLET,
        .owner = NO_OWNER,
        .package = text(PACKAGE_AID),
        .module = text(MODULE_AID),
        .aid = text(aid),
        .parameters = text("param"),
        .selectable = true,
    };
}

/* Runs one change as a command does. */
static sw_t ended(struct fixture *f, sw_t sw)
{
    if (sw != SW_OK)
        assert_true(card_abort(f->card));
    else if (!card_commit(f->card))
        return SW_MEMORY_PROBLEM;
    return sw;
}

static sw_t install_one(struct fixture *f, const struct applet_installation *how, uint8_t *index)
{
    objects_begin(f->card->objects);
    return ended(f, applet_install(f->card, how, index));
}

static sw_t delete_one(struct fixture *f, uint8_t index)
{
    objects_begin(f->card->objects);
    return ended(f, applet_delete(f->card, index));
}

static void select_aid(struct fixture *f, const char *aid, const char *answer)
{
    char command[64];
    int at = snprintf(command, sizeof command, "00A4040C%02zX", strlen(aid));
    for (size_t i = 0; i < strlen(aid); i++)
        at += snprintf(command + at, sizeof command - (size_t)at, "%02X", (uint8_t)aid[i]);
    apdu(f, command, answer);
}

/* ---- tests ---- */

static void test_install_and_delete(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index, profiles;
    size_t n;
    open_card(&f);
    profiles = applets_count(f.card);
    uint8_t *before = fixture_snapshot(&f, &n);
    size_t plain_size = uicc_footprint(f.card);
    const struct applet_installation how = plain(INSTANCE_AID);
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    assert_int_equal(index, profiles);
    assert_int_equal(applets_count(f.card), profiles + 1);
    assert_true(uicc_footprint(f.card) > plain_size);
    select_aid(&f, INSTANCE_AID, "9000");
    exchange(&f, "80CA000200", "706172616D 9000");
    apdu(&f, "80DA000003 01 20", "6700");
    apdu(&f, "80DA000001 20", "9000");

    /* It is there after a power cut, and selected by the first octets of its AID. */
    fixture_restart(&f);
    assert_int_equal(applets_count(f.card), profiles + 1);
    select_aid(&f, "\xF0test", "9000");
    exchange(&f, "80CA000200", "0000000000000000000000000000000000000000000000000000000000000000 9000");

    /* The same AID, or that of an applet of the profile, is refused, and nothing is left of the attempt. */
    size_t m;
    uint8_t *installed = fixture_snapshot(&f, &m), other;
    assert_int_equal(install_one(&f, &how, &other), SW_WRONG_DATA);
    struct applet_installation refused = plain("\xF0other");
    refused.package = text("\xF0nobody");
    assert_int_equal(install_one(&f, &refused, &other), SW_DATA_NOT_FOUND);
    refused = plain("\xF0other");
    refused.module = text("\xF0nobody");
    assert_int_equal(install_one(&f, &refused, &other), SW_DATA_NOT_FOUND);
    refused = plain("\xF0other");
    refused.parameters = text("\xEE");
    assert_int_equal(install_one(&f, &refused, &other), SW_CONDITIONS_NOT_SATISFIED);
    refused = plain("\xF0x");
    assert_int_equal(install_one(&f, &refused, &other), SW_WRONG_DATA);
    assert_int_equal(applets_count(f.card), profiles + 1);
    uint8_t *same = fixture_snapshot(&f, &n);
    assert_int_equal(n, m);
    assert_memory_equal(installed, same, n);
    free(installed);
    free(same);

    /* Deleted, it is gone from the channel that had selected it, and so are its objects. */
    select_aid(&f, INSTANCE_AID, "9000");
    assert_int_equal(delete_one(&f, index), SW_OK);
    apdu(&f, "80CA000200", "6D00");
    select_aid(&f, INSTANCE_AID, "6A82");
    assert_int_equal(applets_count(f.card), profiles);
    uint8_t *after = fixture_snapshot(&f, &m);
    free(before);
    before = after;
    uint32_t id;
    struct span value;
    for (size_t cursor = 0; objects_each(f.card->objects, &cursor, &id, &value);) {
        assert_true(id >> 24 != OBJECT_INSTANCE);
        assert_false(id >> 24 == OBJECT_APPLET && (id & 0xFFFFFF) >> 16 == index);
    }
    assert_int_equal(delete_one(&f, index), SW_DATA_NOT_FOUND);
    assert_int_equal(delete_one(&f, 0), SW_CONDITIONS_NOT_SATISFIED); /* the profile's */
    free(before);
    fixture_close(&f);
}

/* What an installation that failed left in volatile memory is not the next one's, who gets the same index. */
static void test_failed_install(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t failed, index;
    open_card(&f);
    struct applet_installation how = plain(INSTANCE_AID);
    how.parameters = text("\xEE");
    assert_int_equal(install_one(&f, &how, &failed), SW_CONDITIONS_NOT_SATISFIED);
    struct span left;
    /* not even what is written at once: it would keep the index for good */
    assert_false(applet_get((struct applet){f.card, failed}, KEPT, &left));
    for (int i = 0; i < APPLETS_MAX; i++)
        assert_int_equal(install_one(&f, &how, &index), SW_CONDITIONS_NOT_SATISFIED);
    how.parameters = text("param");
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    assert_int_equal(index, failed);
    const uint8_t *own = applet_transient((struct applet){f.card, index}, 32);
    assert_non_null(own);
    for (int i = 0; i < 16; i++)
        assert_int_equal(own[i], 0);
    assert_int_equal(applet_transient_size((struct applet){f.card, index}, 0), 32);
    assert_false(toolkit_event_is_set((struct applet){f.card, index}, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE));
    fixture_close(&f);
}

static void test_states(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index;
    open_card(&f);
    struct applet_installation how = plain(INSTANCE_AID);
    how.selectable = false;
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    select_aid(&f, INSTANCE_AID, "6A82"); /* installed, not selectable */
    apdu(&f, "80F2000C00", "9000");
    struct span seen;
    const struct applet self = {f.card, index};
    assert_false(applet_get(self, SEEN, &seen));
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_set_life(f.card, index, LIFE_SELECTABLE)), SW_OK);
    select_aid(&f, INSTANCE_AID, "9000");
    apdu(&f, "80F2000C00", "9000");
    assert_true(applet_get(self, SEEN, &seen));
    assert_int_equal(seen.p[EVENT_TOOLKIT], 1);

    /* Locked: it leaves the channel, cannot be selected, sees nothing, whatever happens to power. */
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_set_life(f.card, index, LIFE_SELECTABLE | LIFE_LOCKED)), SW_OK);
    apdu(&f, "80CA000100", "6D00");
    fixture_restart(&f);
    select_aid(&f, INSTANCE_AID, "6A82");
    apdu(&f, "80F2000C00", "9000");
    assert_true(applet_get((struct applet){f.card, index}, SEEN, &seen));
    assert_int_equal(seen.p[EVENT_TOOLKIT], 1);
    assert_int_equal(applet_life(f.card, index), 0x87);

    /* An abort brings memory back, too. */
    objects_begin(f.card->objects);
    assert_int_equal(applet_set_life(f.card, index, LIFE_SELECTABLE), SW_OK);
    assert_true(card_abort(f.card));
    assert_int_equal(applet_life(f.card, index), 0x87);

    /* One of the profile's: locked and unlocked, its own objects untouched. */
    uint8_t usim = NO_APPLET;
    for (uint8_t i = 0; i < applets_count(f.card); i++)
        if (strcmp(applet_class_of(f.card, i)->name, "usim") == 0)
            usim = i;
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_set_life(f.card, usim, LIFE_SELECTABLE | LIFE_LOCKED)), SW_OK);
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    fixture_restart(&f);
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_set_life(f.card, usim, LIFE_SELECTABLE)), SW_OK);
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "9000");

    /* CARD_LOCKED: nothing but the issuer's security domain, which this card has not. */
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, card_set_life(f.card, CARD_LOCKED)), SW_OK);
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, card_set_life(f.card, CARD_SECURED)), SW_OK);
    apdu(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_close(&f);
}

/* Who was installed later is known, whatever index it got, also when the program starts again. */
static void test_turns(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index[3];
    open_card(&f);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t name[5] = {0xF0, 't', 'u', 'r', i};
        struct applet_installation how = plain(INSTANCE_AID);
        how.aid = span_of(name, sizeof name);
        assert_int_equal(install_one(&f, &how, &index[i]), SW_OK);
        if (i == 1) {
            assert_true(applet_is_later(f.card, index[1], index[0]));
            assert_true(applet_is_later(f.card, index[0], 0));
            objects_begin(f.card->objects);
            assert_int_equal(ended(&f, applet_delete(f.card, index[0])), SW_OK);
        }
    }
    assert_int_equal(index[2], index[0]);
    for (int again = 0; again < 2; again++) {
        assert_true(applet_is_later(f.card, index[2], index[1]));
        assert_false(applet_is_later(f.card, index[1], index[2]));
        assert_true(applet_is_later(f.card, 1, 0));
        fixture_restart(&f);
    }
    fixture_close(&f);
}

/* The letters of the menu as the terminal gets it. */
static void menu_is(struct fixture *f, const char *letters)
{
    uint8_t bytes[256];
    char got[65] = "";
    struct buf menu = buf_of(bytes, sizeof bytes);
    struct span item;
    bool help;
    assert_true(toolkit_menu_build(f->card, true, &menu, &help));
    for (unsigned i = 0; ctlv_find(buf_span(&menu), CAT_TAG_ITEM, i, &item) && item.n == 2; i++)
        snprintf(got + i, 2, "%c", item.p[1]);
    assert_string_equal(got, letters);
}

static uint8_t install_menu(struct fixture *f, const char *letters, const char *places)
{
    uint8_t octets[32], index;
    struct buf uicc = buf_of(octets, sizeof octets);
    const size_t n = strlen(letters) - 1;
    struct applet_installation how = plain(INSTANCE_AID);
    uint8_t name[6] = {0xF0, 'm', 'e', 'n', 'u', (uint8_t)letters[1]};
    size_t mark = buf_tlv_open(&uicc, 0x80);
    (void)hex_parse("FF0010", &uicc, NULL);
    buf_u8(&uicc, (uint8_t)n);
    (void)hex_parse(places, &uicc, NULL);
    buf_u8(&uicc, 0);
    buf_tlv_close(&uicc, mark);
    how.aid = span_of(name, sizeof name);
    how.uicc = buf_span(&uicc);
    how.parameters = text(letters);
    assert_int_equal(install_one(f, &how, &index), SW_OK);
    return index;
}

/* TS 102 226: an entry gets the place in the menu that it asked for, and the others move; places count
 * those that are not shown. */
static void test_menu_places(void **state)
{
    (void)state;
    struct fixture f;
    open_card(&f);
    const uint8_t first = install_menu(&f, "Mabcd", "0101020203030404");
    menu_is(&f, "abcd");
    const uint8_t second = install_menu(&f, "Me", "0305");
    menu_is(&f, "abecd");
    (void)install_menu(&f, "Mfg", "02060307");
    menu_is(&f, "afgbecd");
    (void)install_menu(&f, "Mh", "0008"); /* at the end */
    (void)install_menu(&f, "Mi", "2009"); /* beyond it */
    menu_is(&f, "afgbecdhi");
    objects_begin(f.card->objects);
    assert_int_equal(toolkit_enable_menu_entry((struct applet){f.card, first}, 1, false), TOOLKIT_OK);
    assert_int_equal(ended(&f, applet_set_life(f.card, second, LIFE_LOCKED | LIFE_SELECTABLE)), SW_OK);
    menu_is(&f, "fgbcdhi");
    (void)install_menu(&f, "Mjkl", "010A040B150C");
    menu_is(&f, "jfkgbcdhil");
    objects_begin(f.card->objects);
    assert_int_equal(toolkit_enable_menu_entry((struct applet){f.card, first}, 1, true), TOOLKIT_OK);
    assert_int_equal(ended(&f, applet_set_life(f.card, second, LIFE_SELECTABLE)), SW_OK);
    menu_is(&f, "jafkgbecdhil");
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_delete(f.card, second)), SW_OK);
    menu_is(&f, "jafkgbcdhil");
    assert_int_equal(install_menu(&f, "Me", "0305"), second);
    menu_is(&f, "jaefkgbcdhil"); /* as one that came last */
    fixture_restart(&f);
    menu_is(&f, "jaefkgbcdhil");
    fixture_close(&f);
}

/* Of those that make no sense, none is taken. */
static void test_bad_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *uicc, *system;
        sw_t sw;
    } tried[] = {
        {"800C" "FF08000007" "020116" "03B01124", "", SW_OK},
        /* a minimum security level of another kind */
        {"800C" "FF08000007" "020216" "03B01125", "", SW_WRONG_DATA},
        {"800B" "FF08000007" "0101" "03B01125", "", SW_WRONG_DATA},
        {"800D" "FF08000007" "03011600" "03B01125", "", SW_WRONG_DATA},
        {"800D" "FF08000007" "020116" "04B0112500", "", SW_WRONG_DATA}, /* TARs have three octets */
        {"800C" "FF09000007" "020116" "03B01125", "", SW_WRONG_DATA},   /* timers */
        {"800C" "FF08000008" "020116" "03B01125", "", SW_WRONG_DATA},   /* channels */
        {"800D" "FF08000007" "020116" "03B01125" "09", "", SW_WRONG_DATA}, /* services */
        {"800F" "FF08000007" "020116" "03B01126" "080000", "", SW_OK}, /* more than this standard knows */
        {"8007" "FF080001" "0180" "07", "", SW_WRONG_DATA},            /* an identifier that the card gives */
        {"8007" "FF080001" "017F" "07", "", SW_OK},
        /* and one that was promised to another */
        {"8007" "FF080001" "027F" "07", "", SW_WRONG_DATA},
        {"8009" "FF080002" "01210221" "07", "", SW_WRONG_DATA}, /* one identifier twice */
        {"8005" "FF08001107", "", SW_WRONG_DATA},
        {"8004" "FF080000", "", SW_WRONG_DATA},
        {"800C" "FF08000007" "020116" "03B01124", "", SW_WRONG_DATA}, /* the first one's TAR */
        {"8104" "00010000", "", SW_OK},
        {"8104" "00010500", "", SW_WRONG_DATA}, /* an access domain of another kind */
        {"8105" "0002000000", "", SW_WRONG_DATA},
        {"8105" "00010001AA", "", SW_WRONG_DATA}, /* a DAP */
        {"8103" "000100", "", SW_WRONG_DATA},
        {"8106" "00030200" "0100", "", SW_WRONG_DATA},
        {"8108" "04A0000000" "010000", "", SW_WRONG_DATA}, /* no AID */
        {"", "C802001084", SW_WRONG_DATA},
        {"", "C8020010", SW_OK},
        {"", "C803000010", SW_WRONG_DATA},
        {"", "D80110", SW_WRONG_DATA},
        {"", "D80400000040", SW_OK},
    };
    struct fixture f;
    uint8_t index;
    open_card(&f);
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        uint8_t octets[2][64], name[5] = {0xF0, 'b', 'a', 'd', (uint8_t)i};
        struct buf uicc = buf_of(octets[0], 64), system = buf_of(octets[1], 64);
        (void)hex_parse(tried[i].uicc, &uicc, NULL);
        (void)hex_parse(tried[i].system, &system, NULL);
        struct applet_installation how = plain(INSTANCE_AID);
        how.aid = span_of(name, sizeof name);
        how.uicc = buf_span(&uicc);
        how.system = buf_span(&system);
        if (install_one(&f, &how, &index) != tried[i].sw)
            fail_msg("%s %s", tried[i].uicc, tried[i].system);
    }
    fixture_restart(&f);
    fixture_close(&f);
}

/* EA: toolkit parameters and access domains; EF: memory. */
static void test_parameters(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index;
    open_card(&f);
    static const uint8_t uicc[] = {0x80, 19,   0x10, 2,    12,   2,    1,    0x21, 2,    0x22, 3, 2,
                                   1,    0x16, 6,    0xB0, 0x11, 0x22, 0xB0, 0x11, 0x23, 0x81, 4, 0,
                                   /* PIN1 and ADM1 */
                                   1,    0x00, 0,    0x82, 7,    0,    4,    0x02, 1,    0x01, 0, 0};
    static const uint8_t system[] = {0xC8, 2, 0, 64, 0xD8, 2, 0, 80};
    struct applet_installation how = plain(INSTANCE_AID);
    how.uicc = span_of(uicc, sizeof uicc);
    how.system = span_of(system, sizeof system);
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    for (int round = 0; round < 2; round++) { /* after a restart as well */
        const struct toolkit_parameters *t = applet_toolkit(f.card, index);
        assert_non_null(t);
        assert_int_equal(t->priority, 0x10);
        assert_int_equal(t->timers, 2);
        assert_int_equal(t->n_menu, 2);
        assert_int_equal(t->menu[1].position, 2);
        assert_int_equal(t->menu[1].id, 0x22);
        assert_int_equal(t->channels, 3);
        assert_int_equal(applet_row_of(f.card, index)->msl, 0x16);
        assert_int_equal(applet_row_of(f.card, index)->n_tars, 2);
        assert_int_equal(applet_by_tar(f.card, (const uint8_t *)"\xB0\x11\x23"), index);
        assert_int_equal(applet_file_access(f.card, index, false, 0), UINT32_MAX);
        assert_int_equal(applet_file_access(f.card, index, true, 0),
                         1u << profile_pin_bit(0x0A) | 1u << profile_pin_bit(0x01));
        fixture_restart(&f);
    }
    /* D8: no more than 80 octets. */
    select_aid(&f, INSTANCE_AID, "9000");
    apdu(&f, "80DA000001 40", "9000");
    apdu(&f, "80DA000001 80", "6A84");
    exchange(&f, "80CA000200",
             "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
             "000000000000000000000000000000000 9000");
    /* An aborted command gives back what it took. */
    apdu(&f, "80DA00EE01 08", "6985");
    apdu(&f, "80DA000001 40", "9000");

    /* A TAR is one applet's. */
    uint8_t other;
    how.aid = text("\xF0second");
    assert_int_equal(install_one(&f, &how, &other), SW_WRONG_DATA);
    /* Nonsense, cut anywhere. */
    how.system = SPAN_EMPTY;
    for (size_t cut = 1; cut < sizeof uicc; cut++) {
        how.uicc = span_of(uicc, cut);
        sw_t sw = install_one(&f, &how, &other);
        assert_true(sw == SW_WRONG_DATA || cut == 21 || cut == 27);
    }
    fixture_close(&f);
}

static void test_domains(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t domain, second, index, other;
    open_card(&f);
    static const uint8_t quota[] = {0xD8, 2, 0, 100};
    struct applet_installation how = plain("\xF0"
                                           "domain");
    how.module = text(DOMAIN_MODULE);
    how.system = span_of(quota, sizeof quota);
    assert_int_equal(install_one(&f, &how, &domain), SW_OK);
    how.aid = text("\xF0"
                   "another");
    how.system = SPAN_EMPTY;
    assert_int_equal(install_one(&f, &how, &second), SW_OK);
    how = plain(INSTANCE_AID);
    how.domain = domain;
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    assert_int_equal(applet_domain(f.card, index), domain);
    assert_int_equal(domain_used(f.card, domain), 5);

    /* All that is the domain's counts together. */
    select_aid(&f, INSTANCE_AID, "9000");
    apdu(&f, "80DA000001 40", "9000");
    how.aid = text("\xF0second");
    static const uint8_t needs[] = {0xC8, 2, 0, 40};
    how.system = span_of(needs, sizeof needs);
    assert_int_equal(install_one(&f, &how, &other), SW_NOT_ENOUGH_MEMORY);
    how.system = SPAN_EMPTY;
    assert_int_equal(install_one(&f, &how, &other), SW_OK);
    apdu(&f, "80DA000001 60", "6A84");
    assert_int_equal(delete_one(&f, domain), SW_CONDITIONS_NOT_SATISFIED);

    /* Extradited: what it uses moves with it. */
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, index, second)), SW_OK);
    assert_int_equal(domain_used(f.card, domain), 5);
    assert_int_equal(domain_used(f.card, second), 64);
    apdu(&f, "80DA000001 80", "9000");
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, index, domain)), SW_NOT_ENOUGH_MEMORY);
    assert_int_equal(applet_domain(f.card, index), second);
    fixture_restart(&f);
    assert_int_equal(applet_domain(f.card, index), second);
    assert_int_equal(domain_used(f.card, second), 128 + 8); /* it has seen the power come on */
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, index, 0)),
                     SW_DATA_NOT_FOUND); /* no security domain */

    /* A domain within the domain gives no more room, nor does moving about in there take any. */
    uint8_t inner, deep;
    how = plain("\xF0"
                "inner");
    how.module = text(DOMAIN_MODULE);
    how.domain = domain;
    assert_int_equal(install_one(&f, &how, &inner), SW_OK);
    how = plain("\xF0"
                "deep1");
    how.domain = inner;
    assert_int_equal(install_one(&f, &how, &deep), SW_OK);
    const uint32_t used = domain_used(f.card, domain);
    assert_true(used >= 10 && domain_used(f.card, inner) == 5);
    select_aid(&f,
               "\xF0"
               "deep1",
               "9000");
    apdu(&f, "80DA000001 60", "6A84");
    apdu(&f, "80DA000001 40", "9000");
    assert_int_equal(domain_used(f.card, domain), used - 5 + 0x40);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, deep, domain)), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, deep, inner)), SW_OK);
    fixture_close(&f);
}

static void test_packages(void **state)
{
    (void)state;
    struct fixture f;
    struct package_info info, found;
    uint8_t index;
    open_card(&f);
    assert_true(package_find(f.card, text(PACKAGE_AID), &found));
    assert_int_equal(found.slot, NO_PACKAGE);
    assert_int_equal(found.n_modules, 2);
    assert_int_equal(found.version[1], 2);

    /* One that this program has no code of: listed, hashed, not to be installed from. */
    uint8_t *file = malloc(40000);
    memset(file, 0x42, 40000);
    info = (struct package_info){.domain = NO_APPLET, .owner = NO_OWNER, .n_modules = 1};
    info.aid = (struct aid){6, "\xF0"
                               "hello"};
    info.modules[0] = (struct aid){7, "\xF0hello\x01"};
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_add(f.card, &info, span_of(file, 40000))), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_add(f.card, &info, span_of(file, 40))), SW_WRONG_DATA);
    fixture_restart(&f);
    assert_true(package_find(f.card,
                             text("\xF0"
                                  "hello"),
                             &found));
    assert_int_equal(found.octets, 40000);
    uint8_t hash[32];
    assert_true(digest_sha256(f.crypto, span_of(file, 40000), hash));
    assert_memory_equal(found.hash, hash, 32);
    struct applet_installation how = plain(INSTANCE_AID);
    how.package = text("\xF0"
                       "hello");
    how.module = text("\xF0hello\x01");
    assert_int_equal(install_one(&f, &how, &index), SW_DATA_NOT_FOUND);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_remove(f.card, text("\xF0"
                                                           "hello"))),
                     SW_OK);
    assert_false(package_find(f.card,
                              text("\xF0"
                                   "hello"),
                              &found));

    /* One whose code the program has: its modules are the program's; it stays while an instance is there. */
    info = (struct package_info){.domain = NO_APPLET, .owner = NO_OWNER, .aid = {10, PACKAGE_AID}};
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_add(f.card, &info, span_of(file, 10))), SW_OK);
    unsigned cursor = 0, n = 0;
    while (package_next(f.card, &cursor, &found))
        n += span_equal(aid_span(&found.aid), text(PACKAGE_AID));
    assert_int_equal(n, 1);
    how = plain(INSTANCE_AID);
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_remove(f.card, text(PACKAGE_AID))), SW_CONDITIONS_NOT_SATISFIED);
    assert_int_equal(delete_one(&f, index), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_remove(f.card, text(PACKAGE_AID))), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_remove(f.card, text(PACKAGE_AID))),
                     SW_CONDITIONS_NOT_SATISFIED); /* the program's */
    free(file);
    fixture_close(&f);
}

/* Requirement S1: what was installed for one operator sleeps while another's pair is active, and is as it was
 * when its own is active again. */
static void test_owner(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t a, b, moved, domain;
    char tar[7], imsi[16];
    open_card(&f);
    struct applet_installation how = plain("\xF0"
                                           "of-A");
    how.owner = 0;
    assert_int_equal(install_one(&f, &how, &a), SW_OK);
    how.aid = text("\xF0"
                   "of-B");
    how.owner = 1;
    assert_int_equal(install_one(&f, &how, &b), SW_OK);
    how.aid = text("\xF0"
                   "moved");
    how.owner = 0;
    assert_int_equal(install_one(&f, &how, &moved), SW_OK);
    how = plain("\xF0"
                "nobodys");
    how.module = text(DOMAIN_MODULE);
    assert_int_equal(install_one(&f, &how, &domain), SW_OK);
    select_aid(&f,
               "\xF0"
               "of-A",
               "9000");
    select_aid(&f,
               "\xF0"
               "of-B",
               "6A82");
    apdu(&f, "80CA000200", "6C05"); /* still of-A's */
    struct span seen;
    assert_false(applet_get((struct applet){f.card, b}, SEEN, &seen));

    /* A gives one away before it leaves. */
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, applet_extradite(f.card, moved, domain)), SW_OK);

    /* The change: by an order over the air, as everywhere. */
    char script[512];
    struct fixture_por por;
    fixture_terminal_profile(&f);
    fixture_tar(&f, "subscription", tar);
    fixture_order("001020000000042", -1, "01", script, sizeof script);
    const struct fixture_ota order = {.index = 0, .spi = 0x1619, .tar = tar, .script = script};
    fixture_ota(&f, &order, &por);
    assert_true(por.answered && por.status == SCP80_POR_OK);
    apdu(&f, "80CA000200", "6D00"); /* selected still, and asleep */
    fixture_restart(&f);
    fixture_imsi(&f, imsi);
    assert_string_equal(imsi, "001020000000042");
    select_aid(&f,
               "\xF0"
               "of-A",
               "6A82");
    select_aid(&f,
               "\xF0"
               "moved",
               "9000");
    select_aid(&f,
               "\xF0"
               "of-B",
               "9000");
    assert_true(applet_suspended(f.card, a));
    assert_true(applet_get((struct applet){f.card, b}, SEEN, &seen));
    assert_int_equal(applet_life(f.card, a), LIFE_SELECTABLE); /* suspended is no state of its own */

    /* Pair 1 is on trial. Rolled back, it is unused again, and who gets it next is another: what came with it
     * goes. */
    struct applet subscription;
    assert_non_null(applet_service(f.card, "owner", 0, &subscription));
    struct package_info loaded = {.domain = NO_APPLET,
                                  .owner = 1,
                                  .aid = {6, "\xF0"
                                             "loads"}};
    uint8_t sd, below;
    objects_begin(f.card->objects);
    assert_int_equal(ended(&f, package_add(f.card, &loaded, text("load file"))), SW_OK);
    how = plain("\xF0"
                "domain-B");
    how.module = text(DOMAIN_MODULE);
    how.owner = 1;
    assert_int_equal(install_one(&f, &how, &sd), SW_OK);
    how = plain("\xF0"
                "below-B");
    how.owner = 1;
    how.domain = sd;
    assert_int_equal(install_one(&f, &how, &below), SW_OK);
    objects_begin(f.card->objects);
    assert_true(trial_roll_back(subscription, false));
    assert_true(card_commit(f.card));
    apdu(&f, "80F2000C00", "9000");
    select_aid(&f,
               "\xF0"
               "of-A",
               "9000");
    exchange(&f, "80CA000200", "706172616D 9000");
    assert_false(applet_exists(f.card, b) || applet_exists(f.card, sd) || applet_exists(f.card, below));
    assert_false(package_find(f.card,
                              text("\xF0"
                                   "loads"),
                              &loaded));
    select_aid(&f,
               "\xF0"
               "moved",
               "9000");
    fixture_close(&f);
}

/* As many as there is room for, in any order, and none comes into the objects of another. */
static void test_many(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index, n = 0;
    char aid[16];
    open_card(&f);
    uint8_t first = applets_count(f.card);
    for (;; n++) {
        snprintf(aid, sizeof aid, "\xF0many-%02u", n);
        struct applet_installation how = plain(aid);
        how.parameters = text(aid);
        sw_t sw = install_one(&f, &how, &index);
        if (sw != SW_OK) {
            assert_int_equal(sw, SW_NOT_ENOUGH_MEMORY);
            break;
        }
    }
    assert_int_equal(first + n, APPLETS_MAX);
    for (uint8_t i = 0; i < n; i += 3)
        assert_int_equal(delete_one(&f, (uint8_t)(first + i)), SW_OK);
    fixture_restart(&f);
    for (uint8_t i = 0; i < n; i++) {
        snprintf(aid, sizeof aid, "\xF0many-%02u", i);
        struct span kept;
        bool there = applet_get((struct applet){f.card, (uint8_t)(first + i)}, KEPT, &kept);
        assert_int_equal(there, i % 3 != 0);
        if (there)
            assert_true(span_equal(kept, text(aid)));
    }
    const struct applet_installation how = plain(INSTANCE_AID);
    assert_int_equal(install_one(&f, &how, &index), SW_OK);
    assert_int_equal(index, first);
    fixture_close(&f);
}

/* ---- everything at random, with a model beside it, and power cuts ---- */

enum { NAMES = 10, STEPS = 6000 };

struct model {
    struct {
        bool there, domain;
        uint8_t life, in; /* in: number of its security domain, NAMES for the issuer's */
        uint8_t kept;     /* octets */
    } applet[NAMES];
};

static uint32_t draw(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static void name_of(unsigned i, char name[12])
{
    snprintf(name, 12, "\xF0name-%u", i);
}

static uint8_t index_of(struct fixture *f, unsigned i)
{
    char name[12];
    name_of(i, name);
    return applet_by_aid(f->card, text(name));
}

static void compare(struct fixture *f, const struct model *m)
{
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t index = index_of(f, i);
        struct span kept;
        assert_int_equal(index != NO_APPLET, m->applet[i].there);
        if (index == NO_APPLET)
            continue;
        assert_int_equal(applet_life(f->card, index), m->applet[i].life);
        uint8_t in = m->applet[i].in == NAMES ? applet_issuer_domain(f->card) : index_of(f, m->applet[i].in);
        assert_int_equal(applet_domain(f->card, index), in);
        (void)applet_get((struct applet){f->card, index}, KEPT, &kept);
        assert_int_equal(kept.n, m->applet[i].kept);
        /* The account is what there is. */
        uint32_t octets = 0, id;
        struct span value;
        for (size_t cursor = 0; objects_each(f->card->objects, &cursor, &id, &value);)
            octets += id >> 24 == OBJECT_APPLET && (id & 0xFFFFFF) >> 16 == index ? (uint32_t)value.n : 0;
        assert_int_equal(f->card->registry.entries[index]->used, octets);
        assert_true(applet_class_of(f->card, index)->security_domain == m->applet[i].domain);
    }
}

static bool has_members(const struct model *m, unsigned domain)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (m->applet[i].there && m->applet[i].in == domain)
            return true;
    return false;
}

/* One change to card and model; the model's is taken back when the card says no. */
static sw_t change(struct fixture *f, struct model *m, uint32_t *lot)
{
    unsigned i = draw(lot, NAMES), to = draw(lot, NAMES + 1);
    uint8_t index = index_of(f, i), target = to == NAMES ? applet_issuer_domain(f->card) : index_of(f, to);
    bool to_domain =
        to == NAMES ? target != NO_APPLET : m->applet[to].there && m->applet[to].domain && to != i;
    char name[12];
    switch (draw(lot, 5)) {
    case 0: {
        name_of(i, name);
        struct applet_installation how = plain(name);
        bool domain = draw(lot, 4) == 0;
        if (domain)
            how.module = text(DOMAIN_MODULE);
        how.domain = to_domain ? target : (uint8_t)NO_APPLET;
        how.selectable = draw(lot, 2) != 0;
        sw_t sw = applet_install(f->card, &how, &index);
        assert_int_equal(sw, m->applet[i].there ? SW_WRONG_DATA : SW_OK);
        if (sw == SW_OK) {
            m->applet[i].there = true;
            m->applet[i].domain = domain;
            m->applet[i].life = how.selectable ? LIFE_SELECTABLE : LIFE_INSTALLED;
            m->applet[i].in = (uint8_t)(to_domain ? to : NAMES);
            m->applet[i].kept = domain ? 0 : 5;
        }
        return sw;
    }
    case 1: {
        sw_t sw = applet_delete(f->card, index);
        sw_t expected = index == NO_APPLET  ? SW_DATA_NOT_FOUND
                        : has_members(m, i) ? SW_CONDITIONS_NOT_SATISFIED
                                            : SW_OK;
        assert_int_equal(sw, expected);
        if (sw == SW_OK)
            m->applet[i].there = false;
        return sw;
    }
    case 2: {
        static const uint8_t lives[] = {LIFE_INSTALLED, LIFE_SELECTABLE, LIFE_SELECTABLE | LIFE_LOCKED, 0x0F};
        uint8_t life = lives[draw(lot, 4)];
        sw_t sw = applet_set_life(f->card, index, life);
        assert_int_equal(sw, index == NO_APPLET ? SW_DATA_NOT_FOUND : SW_OK);
        if (sw == SW_OK)
            m->applet[i].life = life;
        return sw;
    }
    case 3: {
        if (index == NO_APPLET || !to_domain)
            return SW_DATA_NOT_FOUND;
        sw_t sw = applet_extradite(f->card, index, target);
        assert_int_equal(sw, SW_OK);
        m->applet[i].in = (uint8_t)to;
        return sw;
    }
    default: {
        uint8_t octets[64] = {0}, n = (uint8_t)draw(lot, sizeof octets);
        if (index == NO_APPLET)
            return SW_DATA_NOT_FOUND;
        assert_true(applet_put((struct applet){f->card, index}, KEPT, span_of(octets, n)));
        m->applet[i].kept = n;
        /* One that is written at once fails where the transaction has changed it already. */
        const uint8_t other[3] = {(uint8_t)*lot, (uint8_t)(*lot >> 8), (uint8_t)(*lot >> 16)};
        assert_true(applet_put((struct applet){f->card, index}, 7, span_of(other, sizeof other)));
        assert_false(applet_put_now((struct applet){f->card, index}, 7, span_of(octets, draw(lot, 9))));
        return SW_OK;
    }
    }
}

static void test_random(void **state)
{
    (void)state;
    struct fixture f;
    struct model m = {0};
    uint32_t lot = 1;
    open_card(&f);
    for (unsigned step = 0; step < STEPS; step++) {
        struct model before = m;
        bool cut = draw(&lot, 8) == 0, change_mind = draw(&lot, 6) == 0;
        objects_begin(f.card->objects);
        sw_t sw = change(&f, &m, &lot);
        if (cut)
            fault_store_cut_at(f.store, 0);
        if (change_mind && sw == SW_OK)
            sw = SW_TECHNICAL_PROBLEM;
        if (session_finish(f.card, sw) != SW_OK)
            m = before;
        compare(&f, &m);
        if (cut || draw(&lot, 20) == 0)
            fixture_restart(&f);
        if (cut && memcmp(&m, &before, sizeof m) == 0)
            compare(&f, &m);
        compare(&f, &m);
    }
    fixture_close(&f);
}

/* A card that does not use any of it stays small. */
static void test_footprint(void **state)
{
    (void)state;
    struct fixture f;
    open_card(&f);
    assert_true(uicc_footprint(f.card) <= 4096);
    fixture_close(&f);
}

/* Cut at any write: the card is as before, or as after. */
static void test_cuts(void **state)
{
    (void)state;
    for (int deleting = 0; deleting < 2; deleting++)
        for (long cut = 0; cut < 4; cut++) {
            struct fixture f;
            uint8_t index = NO_APPLET;
            size_t n, m;
            open_card(&f);
            const struct applet_installation how = plain(INSTANCE_AID);
            if (deleting != 0)
                assert_int_equal(install_one(&f, &how, &index), SW_OK);
            uint8_t *before = fixture_snapshot(&f, &n);
            uint8_t count = applets_count(f.card);
            fault_store_cut_at(f.store, cut);
            sw_t sw = deleting != 0 ? delete_one(&f, index) : install_one(&f, &how, &index);
            if (sw != SW_OK)
                assert_int_equal(applets_count(f.card), count);
            fixture_restart(&f);
            uint8_t *after = fixture_snapshot(&f, &m);
            bool same = n == m && memcmp(before, after, n) == 0;
            if (sw != SW_OK)
                assert_true(applets_count(f.card) == count);
            else
                assert_false(same);
            select_aid(&f, INSTANCE_AID,
                       (applets_count(f.card) == count) == (deleting != 0) ? "9000" : "6A82");
            free(before);
            free(after);
            fixture_close(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_install_and_delete),
        cmocka_unit_test(test_failed_install),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_menu_places),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_packages),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_footprint),
        cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}

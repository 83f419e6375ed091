/* SPDX-License-Identifier: Apache-2.0
 *
 * An applet that calls every function of uicc_applet.h with whatever comes to its mind: views that were made
 * up, numbers out of range, objects of every length, in commands and in events, with power cuts, resets,
 * locks, deletions and new installations in between. Nothing may be read or written outside what it is (the
 * sanitizers see that); the card answers, and no key is in an answer.
 *
 * What it does is drawn from the input, one octet a choice; at its end it stops.
 */
#include "card_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api.h"
#include "fuzz.h"
#include "kernel.h"

enum { COMMANDS_MAX = 400 };

static struct reader input;

/* Below n; 0 at the end. */
static uint32_t draw(uint32_t n)
{
    uint32_t value = 0;
    for (uint32_t most = n - 1; most > 0; most >>= 8)
        value = value << 8 | rd_u8(&input);
    return rd_ok(&input) ? value % n : 0;
}

/* Mostly what is near something: a limit, or a small number. */
static uint32_t number(uint32_t max)
{
    static const uint32_t corners[] = {0,   1,   2,   7,   8,   15,  16,  17, 127,
                                       128, 239, 240, 254, 255, 256, 257, 258};
    return draw(3) == 0 ? draw(max) : corners[draw(sizeof corners / sizeof corners[0])] % max;
}

/* All of it from one octet. */
static void fill(uint8_t *to, size_t n)
{
    uint32_t lot = draw(256);
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)lot;
        lot = lot * 1664525u + 1013904223u;
        lot ^= lot >> 16;
    }
}

enum { ROOM = 600 };

static struct uicc_file_view view_of(const struct uicc_applet *self)
{
    struct uicc_file_view v = {0};
    static const uint16_t places[] = {0, 1, 2, 5, 6, 20, 0xFFFE, 0xFFFF};
    if (draw(3) != 0) {
        (void)uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &v);
        v.admin = draw(2) != 0;
    } else {
        v = (struct uicc_file_view){places[draw(8)], places[draw(8)], places[draw(8)], (uint8_t)draw(256),
                                    draw(2) != 0};
    }
    return v;
}

static void files(const struct uicc_applet *self)
{
    static const uint8_t instructions[] = {0xA4, 0xB0, 0xD6, 0xB2, 0xDC, 0xA2, 0x32, 0x04, 0x44, 0xF2,
                                           0xE0, 0xE4, 0xD4, 0xCB, 0xDB, 0xE6, 0xE8, 0x20, 0x12, 0x70};
    static const uint16_t fids[] = {0x3F00, 0x7FFF, 0x2F05, 0x2F00, 0x2FE2, 0x6F07, 0x6F08, 0x4F77, 0x2F06};
    uint8_t octets[ROOM], answer[ROOM];
    struct uicc_file_view v = view_of(self);
    for (uint32_t n = 1 + draw(4); n > 0; n--) {
        struct uicc_buf out = uicc_buf_of(answer, number(sizeof answer));
        size_t len = number(sizeof octets);
        fill(octets, sizeof octets);
        switch (draw(6)) {
        case 0:
            (void)uicc_select(self, &v, fids[draw(9)], draw(2) != 0 ? &out : NULL);
            break;
        case 1:
            (void)uicc_read_binary(self, &v, (uint16_t)number(0x8000), octets, len);
            break;
        case 2:
            (void)uicc_update_binary(self, &v, (uint16_t)number(0x8000), octets, len);
            break;
        case 3:
            len = number(300);
            (void)uicc_read_record(self, &v, (uint8_t)draw(256), (enum uicc_record_mode)draw(8), answer,
                                   &len);
            break;
        case 4: { /* a file that could be made */
            const uint8_t fcp[] = {0x62,
                                   0x1B,
                                   0x82,
                                   0x02,
                                   0x41,
                                   0x21,
                                   0x83,
                                   0x02,
                                   0x4F,
                                   (uint8_t)(0x70 + draw(8)),
                                   0x8A,
                                   0x01,
                                   0x05,
                                   0x8B,
                                   0x03,
                                   0x2F,
                                   0x06,
                                   0x01,
                                   0x80,
                                   0x02,
                                   (uint8_t)draw(3),
                                   (uint8_t)draw(256),
                                   0x88,
                                   0x00,
                                   0xA5,
                                   0x03,
                                   0xC1,
                                   0x01,
                                   0x00};
            (void)uicc_create_file(self, &v, uicc_span_of(fcp, draw(8) == 0 ? draw(sizeof fcp) : sizeof fcp));
            break;
        }
        default:
            (void)uicc_view_command(self, &v, (uint8_t)(draw(2) * 0x80), instructions[draw(20)],
                                    (uint8_t)number(256), (uint8_t)number(256), uicc_span_of(octets, len),
                                    number(70000), draw(4) != 0 ? &out : NULL);
            break;
        }
    }
}

static void objects(const struct uicc_applet *self)
{
    uint8_t octets[ROOM];
    size_t n = number(sizeof octets);
    fill(octets, n);
    uint16_t item = (uint16_t)(draw(4) == 0 ? draw(65536) : draw(20));
    switch (draw(6)) {
    case 0:
        (void)uicc_get(self, item, octets, n);
        break;
    case 1:
        (void)uicc_put(self, item, octets, n);
        break;
    case 2:
        (void)uicc_put_now(self, item, octets, n);
        break;
    case 3:
        (void)uicc_remove(self, item);
        break;
    case 4: {
        size_t len = 1 + number(UICC_TRANSIENT_MAX + 2);
        uint8_t *p = uicc_make_transient(self, draw(6), len, (enum uicc_transient)draw(4));
        if (p != NULL)
            memset(p, 0x5A, len);
        break;
    }
    default:
        (void)uicc_get_parameters(self, octets, n);
        break;
    }
}

static void pins_and_crypto(const struct uicc_applet *self)
{
    uint8_t octets[ROOM], key[40], out[ROOM];
    fill(octets, sizeof octets);
    fill(key, sizeof key);
    size_t n = number(256), k = number(40);
    switch (draw(9)) {
    case 0:
        (void)uicc_pin_create(self, number(20), (uint8_t)draw(5), octets, number(20));
        break;
    case 1:
        (void)uicc_pin_update(self, number(20), octets, number(20));
        break;
    case 2:
        (void)uicc_pin_check(self, number(20), octets, number(40));
        break;
    case 3:
        (void)uicc_pin_reset_and_unblock(self, number(20));
        break;
    case 4:
        uicc_pin_reset(self, number(20));
        (void)uicc_pin_is_validated(self, number(20));
        break;
    case 5:
        (void)uicc_digest(self, (enum uicc_digest)draw(6), uicc_span_of(octets, n), out);
        break;
    case 6:
        (void)uicc_cipher(self, (enum uicc_cipher)draw(6), uicc_span_of(key, k), draw(2) != 0 ? octets : NULL,
                          uicc_span_of(octets, n), out);
        break;
    case 7:
        (void)uicc_mac(self, (enum uicc_mac)draw(5), uicc_span_of(key, k), uicc_span_of(octets, n), out);
        break;
    default:
        (void)uicc_random(self, out, n);
        break;
    }
}

static void toolkit(const struct uicc_applet *self)
{
    struct uicc_proactive_handler h;
    uint8_t octets[ROOM], id = (uint8_t)number(256);
    size_t n = number(sizeof octets);
    fill(octets, sizeof octets);
    const struct uicc_menu_entry entry = {uicc_span_of(octets, draw(3) == 0 ? n : draw(12)),
                                          (uint8_t)draw(256), draw(2) != 0, (uint8_t)draw(256),
                                          (uint8_t)draw(3)};
    struct uicc_file_view v = view_of(self);
    switch (draw(12)) {
    case 0:
        (void)uicc_set_event(self, (enum uicc_event_number)draw(256));
        break;
    case 1:
        (void)uicc_clear_event(self, (enum uicc_event_number)draw(256));
        break;
    case 2:
        (void)uicc_init_menu_entry(self, &entry, &id);
        break;
    case 3:
        (void)uicc_change_menu_entry(self, (uint8_t)draw(40), &entry);
        break;
    case 4:
        (void)uicc_enable_menu_entry(self, (uint8_t)draw(40));
        break;
    case 5:
        (void)uicc_disable_menu_entry(self, (uint8_t)draw(40));
        break;
    case 6:
        (void)uicc_allocate_timer(self, &id);
        break;
    case 7:
        (void)uicc_release_timer(self, (uint8_t)draw(12));
        break;
    case 8:
        (void)uicc_request_poll_interval(self, (uint16_t)number(65536));
        break;
    case 9:
        if ((id & 1) == 0) /* else a directory, or what was made up */
            (void)uicc_select(self, &v, 0x2F05, NULL);
        (void)(draw(2) != 0 ? uicc_register_file_event(self, &v) : uicc_deregister_file_event(self, &v));
        break;
    default:
        uicc_init(&h, (enum uicc_proactive_command)draw(0x80), (uint8_t)draw(256), (uint8_t)number(256));
        if (draw(2) != 0)
            uicc_init_display_text(&h, 0x81, 0x04, octets, draw(100));
        else
            uicc_append(&h.objects, octets, draw(sizeof h.octets));
        (void)uicc_send(self, &h);
        break;
    }
}

static uicc_sw anything(const struct uicc_applet *self)
{
    for (uint32_t n = draw(6); n > 0; n--) {
        uint8_t octets[ROOM], answer[ROOM];
        struct uicc_buf out = uicc_buf_of(answer, number(sizeof answer));
        struct uicc_applet forged = *self;
        forged.index = (uint8_t)draw(256);
        const struct uicc_applet *who = draw(20) == 0 ? &forged : self;
        switch (draw(5)) {
        case 0:
            files(who);
            break;
        case 1:
            objects(who);
            break;
        case 2:
            pins_and_crypto(who);
            break;
        case 3:
            toolkit(who);
            break;
        default: {
            uint8_t aid[5] = {0xF0, 'f', 'u', 'z', (uint8_t)('0' + draw(5))};
            fill(octets, sizeof octets);
            (void)uicc_invoke(who, uicc_span_of(aid, draw(8) == 0 ? draw(6) : 5), (uint8_t)draw(2),
                              (uint8_t)draw(3), uicc_span_of(octets, number(sizeof octets)),
                              draw(3) == 0 ? NULL : &out);
            break;
        }
        }
    }
    return draw(4) == 0 ? (uicc_sw)(0x6000 + draw(0x4000)) : UICC_SW_OK;
}

/* ---- the class ---- */

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    (void)how;
    (void)anything(self);
    return draw(8) == 0 ? UICC_SW_CONDITIONS_NOT_SATISFIED : UICC_SW_OK;
}

static uicc_sw select_(const struct uicc_applet *self)
{
    return draw(4) == 0 ? anything(self) : UICC_SW_OK;
}

static void deselect(const struct uicc_applet *self)
{
    (void)anything(self);
}

static uicc_sw process(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    uint8_t octets[ROOM];
    fill(octets, sizeof octets);
    uicc_append(apdu->out, octets, number(sizeof octets));
    if (draw(10) == 0)
        apdu->out->len = number(70000); /* a length of its own making */
    return anything(self);
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    struct uicc_span value;
    (void)uicc_find_tlv(event->data, (uint8_t)draw(128), 1 + draw(3), &value);
    if (draw(3) == 0)
        (void)uicc_post(event, "answer", draw(7));
    return anything(self);
}

static bool get_shareable_interface_object(const struct uicc_applet *self, struct uicc_span client,
                                           uint8_t parameter)
{
    (void)client;
    (void)anything(self);
    return parameter == 1;
}

static uicc_sw invoke(const struct uicc_applet *self, struct uicc_span client, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out)
{
    (void)client;
    (void)parameter;
    (void)method;
    uicc_append(out, in.p, in.n);
    return anything(self);
}

static const struct uicc_applet_class fuzz = {
    .name = "fuzz",
    .module = {6, {0xF0, 'f', 'u', 'z', 'z', 1}},
    .install = install,
    .uninstall = deselect,
    .select = select_,
    .deselect = deselect,
    .process = process,
    .process_toolkit = process_toolkit,
    .get_shareable_interface_object = get_shareable_interface_object,
    .invoke = invoke,
};
static const struct uicc_applet_class *const classes[] = {&fuzz, NULL};
static const struct uicc_package package = {
    UICC_APPLET_ABI, {5, {0xF0, 'f', 'u', 'z', 'z'}}, {1, 0}, classes};

/* ---- the card ---- */

static bool make(struct fixture *f, uint8_t number_)
{
    uint8_t index;
    const uint8_t aid[5] = {0xF0, 'f', 'u', 'z', (uint8_t)('0' + number_)};
    const uint8_t uicc[] = {0x80, 10, number_, 3, 12,   1, 0,    0, 2, 0, 0,    0,
                            0x81, 4,  0,       1, 0x00, 0, 0x82, 4, 0, 1, 0x00, 0};
    const struct applet_installation how = {.domain = NO_APPLET,
                                            .owner = NO_OWNER,
                                            .package = span_of("\xF0"
                                                               "fuzz",
                                                               5),
                                            .module = span_of("\xF0"
                                                              "fuzz\x01",
                                                              6),
                                            .aid = span_of(aid, 5),
                                            .uicc = span_of(uicc, sizeof uicc),
                                            .selectable = true};
    return registry_install(f->card, &how, &index) == SW_OK;
}

static void random_command(struct fixture *f)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C, 5, 0xF0, 'f', 'u', 'z', '0'};
    uint8_t octets[261] = {0x80, 0xC2, 0, 0, 0};
    size_t n;
    switch (draw(7)) {
    case 0:
        memcpy(octets, select, sizeof select);
        octets[9] = (uint8_t)('0' + draw(5));
        n = sizeof select;
        break;
    case 1: { /* an event, a menu selection, a timer */
        static const uint8_t envelopes[][16] = {
            {15, 0xD6, 0x0D, 0x99, 1, 3, 0x82, 2, 0x82, 0x81, 0x9B, 1, 0, 0x93, 1, 3},
            {9, 0xD3, 7, 0x82, 2, 1, 0x81, 0x90, 1, 0x01},
            {14, 0xD7, 0x0C, 0x82, 2, 0x82, 0x81, 0xA4, 1, 1, 0xA5, 3, 0, 0, 0},
            {11, 0xD4, 9, 0x82, 2, 0x82, 0x81, 0x86, 3, 0x81, 0x21, 0x43}};
        const uint8_t *e = envelopes[draw(4)];
        memcpy(octets + 5, e + 1, e[0]);
        octets[4] = e[0];
        if (e[1] == 0xD3 || e[1] == 0xD7)
            octets[e[1] == 0xD3 ? 13 : 13] = (uint8_t)(1 + draw(5));
        n = 5u + e[0];
        break;
    }
    case 2:
        n = 5;
        memcpy(octets, "\x80\xF2\x00\x0C\x00", 5);
        break;
    default:
        octets[1] = (uint8_t)(draw(4) == 0 ? draw(256) : 0x90);
        octets[2] = (uint8_t)draw(256);
        octets[4] = (uint8_t)draw(20);
        fill(octets + 5, octets[4]);
        n = 5u + (draw(3) == 0 ? 0 : octets[4]);
        break;
    }
    uint16_t sw = fixture_transmit(f, span_of(octets, n), true);
    for (int i = 0; i < 3 && sw >> 8 == 0x91; i++) {
        const uint8_t fetch[5] = {0x80, 0x12, 0, 0, (uint8_t)sw};
        uint8_t response[] = {0x80, 0x14, 0, 0, 0x0C, 0x81, 3, 0, 0, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, 0};
        struct span inner, details;
        if (fixture_transmit(f, span_of(fetch, 5), false) != 0x9000 ||
            !tlv_find(span_of(f->response, f->response_len - 2), 0xD0, &inner) ||
            !ctlv_find(inner, 1, 0, &details))
            return;
        memcpy(response + 7, details.p, 3);
        response[16] = (uint8_t)(draw(4) == 0 ? draw(64) : 0);
        sw = fixture_transmit(f, span_of(response, sizeof response), false);
    }
}

enum { PAIRS = 4 };
static struct profile_pair pairs[PAIRS]; /* of the card */
static unsigned n_pairs;

/* An answer with a status word that is one, and no key. */
static void answers(struct fixture *f, const char *when)
{
    const uint8_t *r = f->response;
    if (f->response_len < 2 || (r[f->response_len - 2] & 0xF0) < 0x60 ||
        (r[f->response_len - 2] & 0xF0) > 0x90)
        fuzz_die("%s: an answer without a status word", when);
    for (unsigned i = 0; i < n_pairs; i++) {
        const struct profile_pair *p = &pairs[i];
        if (fuzz_has(r, f->response_len, p->key.k, p->key.k_len) ||
            fuzz_has(r, f->response_len, p->ota.kic, p->ota.kic_len))
            fuzz_die("%s: a key of pair %u in an answer", when, i);
    }
}

/* It may have deleted what it likes; not the card. */
static void lives(struct fixture *f)
{
    static const uint8_t select_usim[] = {0x00, 0xA4, 0x04, 0x0C, 7,    0xA0,
                                          0x00, 0x00, 0x00, 0x87, 0x10, 0x02},
                         status[] = {0x80, 0xF2, 0x00, 0x0C, 0x00};
    uint8_t atr[UICC_ATR_MAX];
    if (uicc_reset(f->card, atr) == 0)
        fuzz_die("the card is mute");
    (void)fixture_transmit(f, span_of(select_usim, sizeof select_usim), true);
    answers(f, "SELECT");
    (void)fixture_transmit(f, span_of(status, sizeof status), true);
    answers(f, "STATUS");
}

static void between_commands(struct fixture *f)
{
    switch (draw(200)) {
    case 0:
        fixture_reset(f);
        fixture_terminal_profile(f);
        break;
    case 1:
        fault_store_cut_at(f->store, draw(3));
        random_command(f);
        fixture_restart(f);
        fixture_terminal_profile(f);
        break;
    case 2: {
        const uint8_t aid[5] = {0xF0, 'f', 'u', 'z', (uint8_t)('0' + draw(4))};
        uint8_t index = applet_by_aid(f->card, span_of(aid, 5));
        if (index == NO_APPLET)
            break;
        if (draw(2) == 0) {
            (void)registry_delete(f->card, index);
            break;
        }
        objects_begin(f->card->objects);
        (void)session_finish(f->card, applet_set_life(f->card, index, draw(2) == 0 ? 0x87 : 0x07));
        break;
    }
    case 3:
        (void)make(f, (uint8_t)draw(4));
        break;
    case 4:
        lives(f);
        fixture_terminal_profile(f);
        break;
    default:
        break;
    }
}

/* A card with four applets, that each input begins with. */
static void make_card(struct fixture *f)
{
    static struct foreign_class foreign;
    static const struct applet_class *more[] = {&foreign.base, NULL};
    foreign_class_of(&package, 0, &foreign);
    fixture_open_classes(f, "test", more);
    for (uint8_t i = 0; i < 4; i++)
        if (!make(f, i))
            fuzz_die("applet %u is not installed", i);
    while (n_pairs < PAIRS && personal_pair(f->crypto, &f->profile->p, span_of(f->seed, sizeof f->seed),
                                            FIXTURE_ICCID, n_pairs, &pairs[n_pairs]))
        n_pairs++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fixture factory, f;
    if (factory.card == NULL) {
        static uint8_t ones[ROOM]; /* an applet that agrees to be installed */
        memset(ones, 1, sizeof ones);
        input = rd_of(span_of(ones, sizeof ones));
        make_card(&factory);
    }
    input = rd_of(SPAN_EMPTY); /* an applet may be called at once, and the last input has gone */
    fixture_copy(&f, &factory);
    fixture_terminal_profile(&f);
    static const uint8_t select_first[] = {0x00, 0xA4, 0x04, 0x0C, 5, 0xF0, 'f', 'u', 'z', '0'};
    (void)fixture_transmit(&f, span_of(select_first, sizeof select_first), true);
    input = rd_of(span_of(data, n));
    for (unsigned i = 0; i < COMMANDS_MAX && input.left > 0; i++) {
        random_command(&f);
        answers(&f, "a command");
        between_commands(&f);
    }
    lives(&f);
    fixture_discard(&f);
    return 0;
}

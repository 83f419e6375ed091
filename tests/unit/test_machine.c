/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual machine as one more class: load files that LOAD brought are its programs; its instances are made
 * and deleted at run time, keep their heaps in the store, and wait for the terminal in the middle of a
 * program. That of CAP files would need no more of the kernel than this one does, whose code has five
 * instructions.
 */
#include "card_fixture.h"

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel.h"

/* A load file: 'V' 'M', length and AID of its only module, then its code. */
enum {
    OP_ADD = 1,   /* add the next octet to the cell of the heap that the octet after it names */
    OP_ASK = 2,   /* GET INKEY; goes on with the key when the terminal has answered */
    OP_STORE = 3, /* what was answered goes to the cell that the next octet names */
    OP_TELL = 4,  /* the cell that the next octet names goes to the response */
    OP_THROW = 5, /* an exception: the next two octets are the status word */
};

enum { HEAP = 1, FRAME = 2, CELLS = 8, OP_LIMIT = 100 };

static bool code_of(const struct uicc *card, uint8_t index, struct span *code)
{
    struct aid package, module;
    struct package_info info;
    applet_origin(card, index, &package, &module);
    if (!package_find(card, aid_span(&package), &info))
        return false;
    struct reader r = rd_of(package_file(card, &info));
    (void)rd_take(&r, 2);
    (void)rd_take(&r, rd_u8(&r));
    *code = rd_rest(&r);
    return rd_ok(&r);
}

static bool runs(const struct uicc *card, struct span load_file, struct span module)
{
    struct reader r = rd_of(load_file);
    (void)card;
    return rd_u8(&r) == 'V' && rd_u8(&r) == 'M' && span_equal(rd_take(&r, rd_u8(&r)), module) && module.n > 0;
}

static sw_t suspend(struct applet self, size_t at)
{
    static const uint8_t text[] = {0x8D, 2, 0x04, '?'};
    const uint8_t frame = (uint8_t)at;
    if (!proactive_send(self, 0x22, 0, span_of(text, sizeof text)))
        return SW_CONDITIONS_NOT_SATISFIED;
    return applet_put(self, FRAME, span_of(&frame, 1)) ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

/* Runs on from `at` until the end, or until it has to wait. */
static sw_t interpret(struct applet self, size_t at, uint8_t answer, struct buf *out)
{
    uint8_t heap[CELLS] = {0};
    struct span code, kept;
    if (!code_of(self.card, self.index, &code))
        return SW_TECHNICAL_PROBLEM;
    if (applet_get(self, HEAP, &kept) && kept.n == sizeof heap)
        memcpy(heap, kept.p, sizeof heap);
    struct reader r = rd_of(span_slice(code, at, code.n));
    for (unsigned n = 0; r.left > 0 && n < OP_LIMIT; n++) {
        uint8_t op = rd_u8(&r);
        if (op == OP_ASK) {
            sw_t sw = suspend(self, code.n - r.left);
            if (sw != SW_OK)
                return sw;
            break;
        }
        uint8_t operand = rd_u8(&r);
        if (op == OP_ADD) {
            uint8_t cell = rd_u8(&r) % CELLS;
            heap[cell] = (uint8_t)(heap[cell] + operand);
        } else if (op == OP_STORE) {
            heap[operand % CELLS] = answer;
        } else if (op == OP_TELL && out != NULL) {
            buf_u8(out, heap[operand % CELLS]);
        } else if (op == OP_THROW) {
            return (sw_t)(operand << 8 | rd_u8(&r));
        }
    }
    return rd_ok(&r) && applet_put(self, HEAP, span_of(heap, sizeof heap)) ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

static sw_t process(struct call *call)
{
    return interpret(call->self, call->cmd->p2, 0, call->out); /* P2: its entry point */
}

static sw_t event(struct applet self, const struct event *e)
{
    struct span frame, text;
    if (e->kind != EVENT_TERMINAL_RESPONSE || !applet_get(self, FRAME, &frame) || frame.n != 1)
        return SW_OK;
    size_t at = frame.p[0];
    uint8_t answer = ctlv_find(e->data, 0x0D, 0, &text) && text.n == 2 ? text.p[1] : 0;
    return applet_remove(self, FRAME) ? interpret(self, at, answer, NULL) : SW_MEMORY_PROBLEM;
}

static const struct applet_class machine = {
    .name = "machine", .runs = runs, .process = process, .event = event};
static const struct applet_class *const more[] = {&machine, NULL};

/* ---- programs ---- */

static const uint8_t program[] = {
    'V',    'M', 6, 0xF0,    'c', 'o',    'u',      'n', 't',           /* its module */
    OP_ADD, 1,   0, OP_TELL, 0,   OP_ASK, OP_STORE, 1,   OP_ADD, 16, 0, /* entry 0 */
};
static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

static sw_t load(struct fixture *f, const char *aid, struct span file)
{
    struct package_info info = {.domain = NO_APPLET, .owner = NO_OWNER, .n_modules = 1};
    info.aid.n = (uint8_t)strlen(aid);
    memcpy(info.aid.octets, aid, strlen(aid));
    info.modules[0] = (struct aid){6, "\xF0"
                                      "count"};
    objects_begin(f->card->objects);
    return session_finish(f->card, package_add(f->card, &info, file));
}

static sw_t make(struct fixture *f, const char *package, const char *aid, uint8_t *index)
{
    const struct applet_installation how = {.domain = NO_APPLET,
                                            .owner = NO_OWNER,
                                            .package = text(package),
                                            .module = text("\xF0"
                                                           "count"),
                                            .aid = text(aid),
                                            .selectable = true};
    return registry_install(f->card, &how, index);
}

static void heap_is(struct fixture *f, uint8_t index, uint8_t first, uint8_t second)
{
    struct span heap;
    assert_true(applet_get((struct applet){f->card, index}, HEAP, &heap));
    assert_int_equal(heap.p[0], first);
    assert_int_equal(heap.p[1], second);
}

static void answer_inkey(struct fixture *f, uint8_t key)
{
    char command[64];
    exchange(f, "801200000F", "D00D*");
    snprintf(command, sizeof command, "8014000010 8103%02X2200 82028281 830100 8D0204%02X",
             f->card->ram.toolkit.number, key);
    exchange(f, command, "9000");
}

static void test_machine(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t a, b, c;
    fixture_open_classes(&f, "test", more);
    fixture_terminal_profile(&f);
    static const uint8_t other[] = {'X', 'Y', 1, 2, 3};
    assert_int_equal(load(&f,
                          "\xF0"
                          "programs",
                          span_of(program, sizeof program)),
                     SW_OK);
    assert_int_equal(load(&f,
                          "\xF0"
                          "unknown",
                          span_of(other, sizeof other)),
                     SW_OK);
    assert_int_equal(make(&f,
                          "\xF0"
                          "unknown",
                          "\xF0"
                          "c",
                          &c),
                     SW_DATA_NOT_FOUND); /* nobody runs that */
    assert_int_equal(make(&f,
                          "\xF0"
                          "programs",
                          "\xF0"
                          "one-a",
                          &a),
                     SW_OK);
    assert_int_equal(make(&f,
                          "\xF0"
                          "programs",
                          "\xF0"
                          "one-b",
                          &b),
                     SW_OK);

    /* Two instances of one program, each with a heap of its own; one waits for the terminal. */
    apdu(&f, "00A4040C06F06F6E652D61", "9000");
    exchange(&f, "8090000000", "01*");
    heap_is(&f, a, 1, 0);
    apdu(&f, "00A4040C06F06F6E652D62", "91..");
    exchange(&f, "809000FF00", "91..");
    answer_inkey(&f, 'k');
    heap_is(&f, a, 17, 'k'); /* it went on where it was */
    struct span none;
    assert_false(applet_get((struct applet){f.card, a}, FRAME, &none));

    /* Heaps and programs last. */
    fixture_restart(&f);
    fixture_terminal_profile(&f);
    apdu(&f, "00A4040C06F06F6E652D61", "9000");
    exchange(&f, "8090000000", "12*");
    heap_is(&f, a, 18, 'k');

    /* T=0 asks twice when Le was wrong: the program runs once. In between, another
     * command: the answer is lost. */
    apdu(&f, "00A4040C06F06F6E652D62", "9*");
    apdu(&f, "8090000000", "6C01");
    apdu(&f, "8090000001", "01*");
    heap_is(&f, b, 1, 0);
    apdu(&f, "8090000000", "6C01");
    apdu(&f, "80F2000C00", "9*");
    apdu(&f, "8090000001", "03*");
    heap_is(&f, b, 3, 0);
    apdu(&f, "8090000000", "6C01");
    apdu(&f, "8090000101", "*");

    /* The load file stays while it is somebody's program; then it may go. */
    objects_begin(f.card->objects);
    assert_int_equal(session_finish(f.card, package_remove(f.card, text("\xF0"
                                                                        "programs"))),
                     SW_CONDITIONS_NOT_SATISFIED);
    assert_int_equal(registry_delete(f.card, a), SW_OK);
    assert_int_equal(registry_delete(f.card, b), SW_OK);
    objects_begin(f.card->objects);
    assert_int_equal(session_finish(f.card, package_remove(f.card, text("\xF0"
                                                                        "programs"))),
                     SW_OK);

    /* An exception undoes. */
    static const uint8_t throws[] = {'V', 'M',    6, 0xF0, 'c',      'o',  'u', 'n',
                                     't', OP_ADD, 9, 0,    OP_THROW, 0x69, 0x84};
    assert_int_equal(load(&f,
                          "\xF0"
                          "programs",
                          span_of(throws, sizeof throws)),
                     SW_OK);
    assert_int_equal(make(&f,
                          "\xF0"
                          "programs",
                          "\xF0"
                          "one-a",
                          &a),
                     SW_OK);
    apdu(&f, "00A4040C06F06F6E652D61", "*");
    exchange(&f, "8090000000", "6984");
    assert_false(applet_get((struct applet){f.card, a}, HEAP, &none));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_machine)};
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind uicc_applet.h: each looks at what it was given, enters the card's own code, does one
 * thing with the kernel's functions, and leaves.
 */
#include "api.h"
#include "kernel.h"

/* ---- in and out ---- */

bool api_enter(const struct uicc_applet *self, struct applet *out)
{
    struct uicc *card = self->card;
    *out = (struct applet){card, self->index};
    if (card == NULL || card->ram.context != self->index + 1)
        return false;
    if (card->env->guard != NULL)
        card->env->guard->enter(card->env->guard->ctx);
    return true;
}

void api_leave(struct applet self)
{
    const struct uicc_guard *guard = self.card->env->guard;
    if (guard != NULL)
        guard->leave(guard->ctx);
}

enum { PAGE = 4096, NOTE_MAX = 160 };

void api_probe(struct span s)
{
    for (size_t i = 0; i < s.n; i += PAGE)
        (void)*(const volatile uint8_t *)(s.p + i);
    if (s.n > 0)
        (void)*(const volatile uint8_t *)(s.p + s.n - 1);
}

void api_probe_room(void *p, size_t n)
{
    volatile uint8_t *at = p;
    for (size_t i = 0; i < n; i += PAGE)
        at[i] = at[i];
    if (n > 0)
        at[n - 1] = at[n - 1];
}

/* Into a line of the trace: of bounded length, and nothing in it that a terminal would obey. */
static bool line_of(const char *text, char line[NOTE_MAX])
{
    size_t n = 0;
    for (; text != NULL && text[n] != '\0' && n + 1 < NOTE_MAX; n++)
        line[n] = (unsigned char)text[n] >= 0x20 && text[n] != 0x7F ? text[n] : '?';
    line[n] = '\0';
    return n > 0;
}

/* ---- objects ---- */

static size_t get(const struct uicc_applet *self, uint16_t item, void *to, size_t room)
{
    struct applet a;
    struct span value;
    api_probe_room(to, room);
    if (item >= UICC_ITEMS || !api_enter(self, &a))
        return 0;
    (void)applet_get(a, item, &value);
    size_t n = value.n < room ? value.n : room;
    if (n > 0)
        memcpy(to, value.p, n);
    n = value.n;
    api_leave(a);
    return n;
}

static uicc_sw store(const struct uicc_applet *self, uint16_t item, const void *from, size_t n,
                     bool (*how)(struct applet, uint16_t, struct span), sw_t failed)
{
    struct applet a;
    if (n > UICC_OBJECT_MAX)
        return SW_NOT_ENOUGH_MEMORY;
    api_probe(span_of(from, n));
    if (item >= UICC_ITEMS)
        return SW_WRONG_DATA;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool ok = how(a, item, span_of(from, n));
    api_leave(a);
    return ok ? SW_OK : failed;
}

static uicc_sw put(const struct uicc_applet *self, uint16_t item, const void *from, size_t n)
{
    return store(self, item, from, n, applet_put, SW_NOT_ENOUGH_MEMORY);
}

static uicc_sw put_now(const struct uicc_applet *self, uint16_t item, const void *from, size_t n)
{
    return store(self, item, from, n, applet_put_now, SW_CONDITIONS_NOT_SATISFIED);
}

static uicc_sw remove_(const struct uicc_applet *self, uint16_t item)
{
    struct applet a;
    if (item >= UICC_ITEMS)
        return SW_WRONG_DATA;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool ok = applet_remove_if_there(a, item);
    api_leave(a);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

/* Their slots stand behind the one that classes of the program use. */
static void *make_transient(const struct uicc_applet *self, unsigned slot, size_t n,
                            enum uicc_transient clear)
{
    struct applet a;
    if (slot >= UICC_TRANSIENTS || n == 0 || n > UICC_TRANSIENT_MAX || !api_enter(self, &a))
        return NULL;
    uint8_t own = (uint8_t)(slot + 1);
    size_t now = applet_transient_size(a, own);
    void *p = now == 0 || now == n ? applet_transient_slot(a, own, n, clear == UICC_CLEAR_ON_DESELECT) : NULL;
    api_leave(a);
    return p;
}

static struct uicc_aid get_aid(const struct uicc_applet *self)
{
    struct applet a;
    struct uicc_aid aid = {0};
    if (!api_enter(self, &a))
        return aid;
    const struct profile_applet *row = applet_row(a);
    aid.n = row->aid_len;
    memcpy(aid.octets, row->aid, row->aid_len);
    api_leave(a);
    return aid;
}

static size_t get_parameters(const struct uicc_applet *self, void *to, size_t room)
{
    struct applet a;
    api_probe_room(to, room);
    if (!api_enter(self, &a))
        return 0;
    struct span value = applet_row(a)->params;
    if (value.n > 0 && room > 0)
        memcpy(to, value.p, value.n < room ? value.n : room);
    api_leave(a);
    return value.n;
}

static void note(const struct uicc_applet *self, const char *text)
{
    struct applet a;
    char line[NOTE_MAX];
    if (!line_of(text, line) || !api_enter(self, &a))
        return;
    applet_note(a, line);
    api_leave(a);
}

static uicc_sw invoke(const struct uicc_applet *self, struct uicc_span server, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out)
{
    struct applet a;
    uint8_t octets[512];
    struct buf answer = buf_of(octets, sizeof octets);
    api_probe(to_span(server));
    api_probe(to_span(in));
    if (out != NULL)
        api_probe_room(out->p, out->cap);
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    sw_t sw = foreign_invoke(a, to_span(server), parameter, method, to_span(in), &answer);
    api_leave(a);
    if (out != NULL)
        uicc_append(out, octets, answer.len);
    crypto_wipe(octets, answer.len);
    return sw;
}

/* ---- OwnerPIN ---- */

static uicc_sw pin_create(const struct uicc_applet *self, unsigned pin, uint8_t try_limit, const void *value,
                          size_t n)
{
    struct applet a;
    if (pin >= OWNER_PINS || n == 0 || n > OWNER_PIN_MAX || try_limit == 0)
        return SW_WRONG_DATA;
    api_probe(span_of(value, n));
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    sw_t sw = owner_pin_limit(a, (uint8_t)pin) != 0                          ? SW_CONDITIONS_NOT_SATISFIED
              : owner_pin_set(a, (uint8_t)pin, try_limit, span_of(value, n)) ? SW_OK
                                                                             : SW_NOT_ENOUGH_MEMORY;
    api_leave(a);
    return sw;
}

static uicc_sw pin_update(const struct uicc_applet *self, unsigned pin, const void *value, size_t n)
{
    struct applet a;
    if (pin >= OWNER_PINS || n == 0 || n > OWNER_PIN_MAX)
        return SW_WRONG_DATA;
    api_probe(span_of(value, n));
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    uint8_t limit = owner_pin_limit(a, (uint8_t)pin);
    sw_t sw = limit == 0                                                 ? SW_CONDITIONS_NOT_SATISFIED
              : owner_pin_set(a, (uint8_t)pin, limit, span_of(value, n)) ? SW_OK
                                                                         : SW_NOT_ENOUGH_MEMORY;
    api_leave(a);
    return sw;
}

static bool pin_check(const struct uicc_applet *self, unsigned pin, const void *value, size_t n)
{
    struct applet a;
    api_probe(span_of(value, n < OWNER_PIN_MAX ? n : OWNER_PIN_MAX));
    if (pin >= OWNER_PINS || !api_enter(self, &a))
        return false;
    bool ok = owner_pin_check(a, (uint8_t)pin, span_of(value, n));
    api_leave(a);
    return ok;
}

static bool pin_is_validated(const struct uicc_applet *self, unsigned pin)
{
    struct applet a;
    if (pin >= OWNER_PINS || !api_enter(self, &a))
        return false;
    bool ok = owner_pin_validated(a, (uint8_t)pin);
    api_leave(a);
    return ok;
}

static void pin_reset(const struct uicc_applet *self, unsigned pin)
{
    struct applet a;
    if (pin >= OWNER_PINS || !api_enter(self, &a))
        return;
    owner_pin_reset(a, (uint8_t)pin);
    api_leave(a);
}

static uicc_sw pin_reset_and_unblock(const struct uicc_applet *self, unsigned pin)
{
    struct applet a;
    if (pin >= OWNER_PINS || !api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool ok = owner_pin_unblock(a, (uint8_t)pin);
    api_leave(a);
    return ok ? SW_OK : SW_CONDITIONS_NOT_SATISFIED;
}

static uint8_t pin_get_tries_remaining(const struct uicc_applet *self, unsigned pin)
{
    struct applet a;
    if (pin >= OWNER_PINS || !api_enter(self, &a))
        return 0;
    uint8_t tries = owner_pin_tries(a, (uint8_t)pin);
    api_leave(a);
    return tries;
}

/* ---- crypto ---- */

static bool random_(const struct uicc_applet *self, void *to, size_t n)
{
    struct applet a;
    api_probe_room(to, n);
    if (!api_enter(self, &a))
        return false;
    bool ok = n == 0 || applet_random(a, to, n);
    if (!ok)
        memset(to, 0, n);
    api_leave(a);
    return ok;
}

static uicc_sw digest(const struct uicc_applet *self, enum uicc_digest algorithm, struct uicc_span in,
                      uint8_t *out)
{
    struct applet a;
    if (algorithm != UICC_SHA_1 && algorithm != UICC_SHA_256)
        return SW_FUNCTION_NOT_SUPPORTED;
    api_probe(to_span(in));
    api_probe_room(out, algorithm == UICC_SHA_1 ? 20 : 32);
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool ok = algorithm == UICC_SHA_1 ? digest_sha1(applet_crypto(a), to_span(in), out)
                                      : digest_sha256(applet_crypto(a), to_span(in), out);
    api_leave(a);
    return ok ? SW_OK : SW_TECHNICAL_PROBLEM;
}

static uicc_sw cipher(const struct uicc_applet *self, enum uicc_cipher algorithm, struct uicc_span key,
                      const uint8_t *iv, struct uicc_span in, uint8_t *out)
{
    static const uint8_t zero[16];
    struct applet a;
    bool aes = algorithm == UICC_AES_CBC_ENCRYPT || algorithm == UICC_AES_CBC_DECRYPT;
    if (!aes && algorithm != UICC_DES3_CBC_ENCRYPT && algorithm != UICC_DES3_CBC_DECRYPT)
        return SW_FUNCTION_NOT_SUPPORTED;
    size_t block = aes ? 16 : 8;
    if (in.n == 0 || in.n % block != 0 || (key.n != 16 && key.n != 24 && (key.n != 32 || !aes)))
        return SW_WRONG_LENGTH;
    api_probe(to_span(key));
    api_probe(to_span(in));
    api_probe_room(out, in.n);
    if (iv != NULL)
        api_probe(span_of(iv, block));
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct uicc_crypto *c = applet_crypto(a);
    iv = iv != NULL ? iv : zero;
    bool ok;
    switch (algorithm) {
    case UICC_AES_CBC_ENCRYPT:
        ok = aes_cbc_encrypt(c, to_span(key), iv, in.p, out, in.n);
        break;
    case UICC_AES_CBC_DECRYPT:
        ok = aes_cbc_decrypt(c, to_span(key), iv, in.p, out, in.n);
        break;
    case UICC_DES3_CBC_ENCRYPT:
        ok = des_cbc_encrypt(c, to_span(key), iv, in.p, out, in.n);
        break;
    default:
        ok = des_cbc_decrypt(c, to_span(key), iv, in.p, out, in.n);
        break;
    }
    api_leave(a);
    return ok ? SW_OK : SW_TECHNICAL_PROBLEM;
}

static uicc_sw mac(const struct uicc_applet *self, enum uicc_mac algorithm, struct uicc_span key,
                   struct uicc_span in, uint8_t *out)
{
    struct applet a;
    const struct span part = to_span(in);
    if (algorithm != UICC_AES_CMAC && algorithm != UICC_DES3_CBC_MAC && algorithm != UICC_HMAC_SHA_256)
        return SW_FUNCTION_NOT_SUPPORTED;
    if (algorithm != UICC_HMAC_SHA_256 && key.n != 16 && key.n != 24 &&
        (key.n != 32 || algorithm != UICC_AES_CMAC))
        return SW_WRONG_LENGTH;
    if (algorithm == UICC_DES3_CBC_MAC && in.n == 0)
        return SW_WRONG_LENGTH;
    api_probe(to_span(key));
    api_probe(part);
    api_probe_room(out, algorithm == UICC_AES_CMAC ? 16 : algorithm == UICC_DES3_CBC_MAC ? 8 : 32);
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct uicc_crypto *c = applet_crypto(a);
    bool ok = algorithm == UICC_AES_CMAC       ? aes_cmac(c, to_span(key), &part, 1, out)
              : algorithm == UICC_DES3_CBC_MAC ? des_mac(c, to_span(key), &part, 1, out)
                                               : hmac_sha256(c, to_span(key), &part, 1, out);
    api_leave(a);
    return ok ? SW_OK : SW_TECHNICAL_PROBLEM;
}

const struct uicc_api applet_api = {
    .size = sizeof applet_api,
    .get = get,
    .put = put,
    .put_now = put_now,
    .remove = remove_,
    .make_transient = make_transient,
    .get_aid = get_aid,
    .get_parameters = get_parameters,
    .note = note,
    .invoke = invoke,
    .pin_create = pin_create,
    .pin_update = pin_update,
    .pin_check = pin_check,
    .pin_is_validated = pin_is_validated,
    .pin_reset = pin_reset,
    .pin_reset_and_unblock = pin_reset_and_unblock,
    .pin_get_tries_remaining = pin_get_tries_remaining,
    .random = random_,
    .digest = digest,
    .cipher = cipher,
    .mac = mac,
    .get_the_view = api_get_the_view,
    .view_command = api_view_command,
    .set_event = api_set_event,
    .is_event_set = api_is_event_set,
    .menu_entry = api_menu_entry,
    .enable_menu_entry = api_enable_menu_entry,
    .allocate_timer = api_allocate_timer,
    .release_timer = api_release_timer,
    .request_poll_interval = api_request_poll_interval,
    .get_poll_interval = api_get_poll_interval,
    .file_event = api_file_event,
    .check_terminal_profile = api_check_terminal_profile,
    .send = api_send,
};

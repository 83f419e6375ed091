/* SPDX-License-Identifier: Apache-2.0
 *
 * The card's life: made, opened, powered, reset, closed; and the services that applets use.
 */
#include "fs.h"
#include "kernel.h"
#include "secure_channel.h"

#include <stdlib.h>

#include "hex.h"

enum { CARD_FORMAT = 1 };

static void transients_drop(struct uicc *card);

const char *uicc_result_text(enum uicc_result result)
{
    static const char *const texts[] = {
        [UICC_OK] = "ok",
        [UICC_NO_MEMORY] = "out of memory",
        [UICC_STORE_FAILED] = "the store could not be read or written",
        [UICC_TAMPERED] = "the stored card fails its authentication: it was changed outside softuicc",
        [UICC_NOT_PERSONALISED] = "the store has no card of this profile",
        [UICC_UNKNOWN_APPLET] = "the profile names an applet class that this program does not have",
        [UICC_REFUSED] = "an applet refused its installation",
    };
    return (size_t)result < sizeof texts / sizeof texts[0] ? texts[result] : "unknown result";
}

static enum uicc_result load(const struct uicc_config *config, struct uicc **out)
{
    struct uicc *card = calloc(1, sizeof *card);
    if (card == NULL)
        return UICC_NO_MEMORY;
    card->env = config->env;
    card->profile = &config->profile->p;
    card->transfer.file = PROFILE_NO_FILE;
    enum uicc_result result = registry_bind(card, config->classes) ? UICC_OK : UICC_UNKNOWN_APPLET;
    if (result == UICC_OK) {
        enum store_result stored = objects_open(config->store, &card->objects);
        result = stored == STORE_OK ? UICC_OK : stored == STORE_TAMPERED ? UICC_TAMPERED : UICC_STORE_FAILED;
    }
    if (result != UICC_OK) {
        uicc_close(card);
        return result;
    }
    *out = card;
    return UICC_OK;
}

enum uicc_result uicc_open(const struct uicc_config *config, struct uicc **out)
{
    *out = NULL;
    struct uicc *card;
    enum uicc_result result = load(config, &card);
    if (result != UICC_OK)
        return result;
    struct span mark;
    if (!fs_load_made(card) || !registry_load(card)) {
        uicc_close(card);
        return UICC_TAMPERED;
    }
    if (!objects_get(card->objects, object_id(OBJECT_CARD, 0), &mark) || mark.n < 1 ||
        mark.p[0] != CARD_FORMAT ||
        !span_equal(span_slice(mark, 1, mark.n), span_of(card->profile->name, strlen(card->profile->name)))) {
        uicc_close(card);
        return UICC_NOT_PERSONALISED;
    }
    registry_refresh(card);
    *out = card;
    return UICC_OK;
}

void uicc_close(struct uicc *card)
{
    if (card == NULL)
        return;
    objects_close(card->objects);
    fs_transfer_end(card);
    transients_drop(card);
    toolkit_queue_free(card);
    secure_channels_free(card);
    free(card->transients);
    fs_free_made(card);
    registry_free(card);
    if (card->waiting != NULL)
        crypto_wipe(card->waiting, card->waiting_cap);
    free(card->waiting);
    crypto_wipe(card, sizeof *card);
    free(card);
}

/* ---- personalisation ---- */

static bool put_content(void *ctx, uint16_t file, struct span content)
{
    return admin_file_update(ctx, file, 0, content);
}

/* Files whose content is the card's own from the start (profile.h, enum file_fill). */
static bool fill_files(struct uicc *card, const struct uicc_personal *personal)
{
    uint8_t iccid[10], imsi[9];
    const char *number = personal->imsi != NULL ? personal->imsi : card->profile->imsi;
    if (!bcd_pack(personal->iccid, iccid, sizeof iccid) || !imsi_pack(number, imsi))
        return false;
    for (uint16_t i = 0; i < card->profile->n_files; i++) {
        const struct profile_file *f = &card->profile->files[i];
        if (f->fill == FILL_ICCID && !admin_file_update(card, i, 0, span_of(iccid, sizeof iccid)))
            return false;
        if (f->fill == FILL_IMSI && !admin_file_update(card, i, 0, span_of(imsi, sizeof imsi)))
            return false;
    }
    return admin_identity_files(card, number, 0, put_content, card);
}

/* PINs that are this card's own. */
static bool give_pins(struct uicc *card, const struct uicc_personal *personal)
{
    const struct personal_given *given = personal->given;
    uint8_t value[8], puk[8];
    bool ok = true;
    for (int i = 0; i < card->profile->n_pins && ok; i++) {
        bool own = given != NULL && ((given->pins | given->puks) >> i & 1) != 0;
        if (own || card->profile->pins[i].derived != 0)
            ok = personal_pin(card->env->crypto, card->profile, span_of(personal->seed, personal->seed_len),
                              personal->iccid, given, (unsigned)i, value, puk) &&
                 pin_give(card, i, value, puk);
    }
    crypto_wipe(value, sizeof value);
    crypto_wipe(puk, sizeof puk);
    return ok;
}

static bool give_files(struct uicc *card, const struct personal_given *given)
{
    for (uint8_t i = 0; i < given->n_files && i < PERSONAL_FILES_MAX; i++) {
        const struct personal_file *f = &given->files[i];
        if (f->file >= card->profile->n_files ||
            !admin_file_update(card, f->file, f->offset, span_of(f->octets, f->n)))
            return false;
    }
    return true;
}

static bool mark_made(struct uicc *card)
{
    uint8_t bytes[256];
    struct buf mark = buf_of(bytes, sizeof bytes);
    buf_u8(&mark, CARD_FORMAT);
    buf_put(&mark, span_of(card->profile->name, strlen(card->profile->name)));
    return buf_ok(&mark) && objects_put(card->objects, object_id(OBJECT_CARD, 0), buf_span(&mark));
}

static enum uicc_result install_all(struct uicc *card, const struct uicc_personal *personal)
{
    if (!fill_files(card, personal) || !give_pins(card, personal) ||
        (personal->given != NULL && !give_files(card, personal->given)))
        return UICC_REFUSED;
    for (uint8_t i = 0; i < card->profile->n_applets; i++)
        if (applet_class_of(card, i)->install != NULL &&
            applet_class_of(card, i)->install((struct applet){card, i}, personal) != SW_OK)
            return UICC_REFUSED;
    return mark_made(card) ? UICC_OK : UICC_NO_MEMORY;
}

enum uicc_result uicc_personalise(const struct uicc_config *config, const struct uicc_personal *personal)
{
    struct uicc *card;
    enum uicc_result result = load(config, &card);
    if (result != UICC_OK)
        return result;
    objects_begin(card->objects);
    result = install_all(card, personal);
    if (result == UICC_OK)
        result = objects_commit(card->objects) == STORE_OK ? UICC_OK : UICC_STORE_FAILED;
    uicc_close(card);
    return result;
}

/* ---- volatile memory of applets ---- */

static void transient_drop(struct transient *t)
{
    if (t->p != NULL)
        crypto_wipe(t->p, t->n);
    free(t->p);
    *t = (struct transient){0};
}

static void transients_drop(struct uicc *card)
{
    for (size_t i = 0; i < card->n_transients; i++)
        transient_drop(&card->transients[i]);
}

void *applet_transient_slot(struct applet self, uint8_t slot, size_t n, bool on_deselect)
{
    struct uicc *card = self.card;
    struct transient *place = NULL;
    for (size_t i = 0; i < card->n_transients; i++) {
        struct transient *t = &card->transients[i];
        if (t->p != NULL && t->applet == self.index && t->slot == slot)
            return t->p;
        if (t->p == NULL)
            place = t;
    }
    if (place == NULL) {
        struct transient *more = realloc(card->transients, (card->n_transients + 1) * sizeof *more);
        if (more == NULL)
            return NULL;
        card->transients = more;
        place = &more[card->n_transients++];
        *place = (struct transient){0};
    }
    void *p = calloc(1, n);
    if (p != NULL)
        *place = (struct transient){p, n, self.index, slot, on_deselect};
    return p;
}

void *applet_transient(struct applet self, size_t n)
{
    return applet_transient_slot(self, 0, n, false);
}

void applet_transient_free(struct applet self)
{
    for (size_t i = 0; i < self.card->n_transients; i++)
        if (self.card->transients[i].applet == self.index)
            transient_drop(&self.card->transients[i]);
}

void transients_deselect(struct uicc *card, uint8_t applet)
{
    for (uint8_t c = 0; c < APDU_CHANNELS; c++)
        if (card->ram.channels[c].open && card->ram.channels[c].applet == applet)
            return;
    for (size_t i = 0; i < card->n_transients; i++)
        if (card->transients[i].on_deselect && card->transients[i].applet == applet)
            transient_drop(&card->transients[i]);
}

size_t applet_transient_size(struct applet self, uint8_t slot)
{
    for (size_t i = 0; i < self.card->n_transients; i++)
        if (self.card->transients[i].p != NULL && self.card->transients[i].applet == self.index &&
            self.card->transients[i].slot == slot)
            return self.card->transients[i].n;
    return 0;
}

static size_t transients_size(const struct uicc *card)
{
    size_t n = card->n_transients * sizeof *card->transients;
    for (size_t i = 0; i < card->n_transients; i++)
        n += card->transients[i].n;
    return n;
}

/* ---- power ---- */

void channels_reset(struct uicc *card)
{
    for (uint8_t i = 0; i < APDU_CHANNELS; i++)
        card->ram.channels[i] = (struct session){
            .open = i == 0,
            .channel = i,
            .applet = NO_APPLET,
            .view = {.ef = PROFILE_NO_FILE},
        };
}

void uicc_power_off(struct uicc *card)
{
    if (card->waiting != NULL)
        crypto_wipe(card->waiting, card->waiting_cap);
    crypto_wipe(&card->ram, sizeof card->ram);
    fs_transfer_end(card);
    transients_drop(card);
    toolkit_queue_free(card);
    secure_channels_free(card);
    channels_reset(card);
}

size_t uicc_reset(struct uicc *card, uint8_t *atr)
{
    uicc_power_off(card);
    if (!card_reload(card))
        return 0;
    card->ram.powered = true;
    card->ram.may_resume = true;
    const struct event event = {.kind = EVENT_POWER_ON};
    registry_refresh(card);
    for (uint8_t i = 0; i < applets_count(card); i++) {
        const struct applet_class *class = applet_class_of(card, i);
        if (class->event == NULL || !applet_active(card, i))
            continue;
        objects_begin(card->objects);
        (void)session_finish(card, class->event((struct applet){card, i}, &event));
    }
    memcpy(atr, card->profile->atr, card->profile->atr_len);
    if (card->env->trace != NULL) {
        const struct uicc_trace_event e = {
            .kind = UICC_TRACE_RESET, .command = atr, .command_len = card->profile->atr_len};
        card->env->trace(card->env->ctx, &e);
    }
    return card->profile->atr_len;
}

/* ---- the end of a transaction: what memory has of it follows the objects ---- */

bool card_reload(struct uicc *card)
{
    if (!card->stale)
        return true;
    bool files = fs_load_made(card); /* only want of memory can be the reason that it fails */
    card->stale = !(registry_load(card) && files);
    return !card->stale;
}

bool card_abort(struct uicc *card)
{
    objects_abort(card->objects);
    card->ram.doomed = false;
    toolkit_settle(card, false);
    if (card->made.dirty || card->registry.dirty)
        card->stale = true;
    bool ok = card_reload(card);
    if (card->ram.died != 0)
        registry_bury(card);
    return ok;
}

bool card_commit(struct uicc *card)
{
    /* What an applet that died in the middle of something left behind is nobody's work. */
    if (card->ram.doomed || card->ram.died != 0 || objects_commit(card->objects) != STORE_OK) {
        /* it is aborted then */
        (void)card_abort(card);
        return false;
    }
    toolkit_settle(card, true);
    if (card->made.dirty)
        fs_settle(card);
    if (card->registry.dirty)
        card->ram.toolkit.known = !(card->ram.toolkit.changed = true);
    card->made.dirty = false;
    card->registry.dirty = false;
    return true;
}

size_t uicc_footprint(const struct uicc *card)
{
    return sizeof *card + card->waiting_cap + card->made.n * sizeof *card->made.slots +
           (card->made.index != NULL ? sizeof *card->made.index : 0) + card->transfer.n +
           transients_size(card) + registry_footprint(card) + card->queue.cap +
           secure_channels_footprint(card) + objects_footprint(card->objects);
}

/* ---- what applets use ---- */

static uint32_t item_id(struct applet self, uint16_t item)
{
    return object_id(OBJECT_APPLET, (uint32_t)self.index << 16 | item);
}

bool applet_get(struct applet self, uint16_t item, struct span *out)
{
    return objects_get(self.card->objects, item_id(self, item), out);
}

/* The octets this item has, or will have, count against the quotas. */
static bool account(struct applet self, uint16_t item, size_t after)
{
    struct span old;
    (void)applet_get(self, item, &old);
    return registry_account(self.card, self.index, old.n, after);
}

bool applet_put(struct applet self, uint16_t item, struct span value)
{
    return account(self, item, value.n) && objects_put(self.card->objects, item_id(self, item), value);
}

bool applet_remove(struct applet self, uint16_t item)
{
    return account(self, item, 0) && objects_remove(self.card->objects, item_id(self, item));
}

bool applet_remove_if_there(struct applet self, uint16_t item)
{
    struct span there;
    return !applet_get(self, item, &there) || applet_remove(self, item);
}

bool applet_put_now(struct applet self, uint16_t item, struct span value)
{
    struct span old;
    /* it would stay when the installation fails, and nobody could have the index any more */
    if (self.card->ram.installing == self.index + 1)
        return applet_put(self, item, value);
    (void)applet_get(self, item, &old);
    const size_t before = old.n;
    if (!registry_account(self.card, self.index, before, value.n))
        return false;
    if (objects_put_now(self.card->objects, item_id(self, item), value) == STORE_OK)
        return true;
    /* nothing was changed, and the transaction may go on */
    (void)registry_account(self.card, self.index, value.n, before);
    return false;
}

const struct profile *applet_profile(struct applet self)
{
    return self.card->profile;
}

const struct profile_applet *applet_row(struct applet self)
{
    return applet_row_of(self.card, self.index);
}

struct uicc_crypto *applet_crypto(struct applet self)
{
    return self.card->env->crypto;
}

bool applet_random(struct applet self, uint8_t *to, size_t n)
{
    return self.card->env->random(self.card->env->ctx, to, n);
}

void applet_note(struct applet self, const char *text)
{
    const struct uicc_trace_event event = {.kind = UICC_TRACE_NOTE, .text = text};
    if (self.card->env->trace != NULL)
        self.card->env->trace(self.card->env->ctx, &event);
}

const void *applet_service(struct uicc *card, const char *service, unsigned nth, struct applet *provider)
{
    for (uint8_t i = 0; i < applets_count(card); i++) {
        *provider = (struct applet){card, i};
        const struct applet_class *class = applet_class_of(card, i);
        const void *found =
            class->share != NULL && applet_active(card, i) ? class->share(*provider, service) : NULL;
        if (found != NULL && nth-- == 0)
            return found;
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Classes from outside: the kernel calls an applet_class, that calls the package's functions, each in a frame
 * that the environment guards. A call that dies is answered 6F00; the transaction it was in cannot be
 * committed any more.
 */
#include <stdlib.h>

#include "api.h"
#include "kernel.h"

enum { ENVELOPE_FIRST = 0xD1, INVOKE_MAX = 512 }; /* octets of an answer of a shareable interface */

/* One call of a function of theirs. */
struct frame {
    const struct uicc_applet_class *class;
    struct uicc_applet self;
    enum {
        CALL_INSTALL,
        CALL_UNINSTALL,
        CALL_SELECT,
        CALL_DESELECT,
        CALL_PROCESS,
        CALL_TOOLKIT,
        CALL_SHARE,
        CALL_INVOKE
    } what;
    struct uicc_installation installation;
    struct uicc_apdu apdu;
    struct uicc_event event;
    struct uicc_span client, in;
    struct uicc_buf *out;
    uint8_t parameter, method;
    uicc_sw sw;
};

static void enter_frame(void *arg)
{
    struct frame *f = arg;
    const struct uicc_applet_class *c = f->class;
    switch (f->what) {
    case CALL_INSTALL:
        f->sw = c->install(&f->self, &f->installation);
        break;
    case CALL_UNINSTALL:
        c->uninstall(&f->self);
        break;
    case CALL_SELECT:
        f->sw = c->select(&f->self);
        break;
    case CALL_DESELECT:
        c->deselect(&f->self);
        break;
    case CALL_PROCESS:
        f->sw = c->process(&f->self, &f->apdu);
        break;
    case CALL_TOOLKIT:
        f->sw = c->process_toolkit(&f->self, &f->event);
        break;
    case CALL_SHARE:
        f->sw = c->get_shareable_interface_object(&f->self, f->client, f->parameter) ? UICC_SW_OK
                                                                                     : UICC_SW_FILE_NOT_FOUND;
        break;
    case CALL_INVOKE:
        f->sw = c->invoke(&f->self, f->client, f->parameter, f->method, f->in, f->out);
        break;
    }
}

static const struct uicc_applet_class *theirs(struct applet self)
{
    /* base is the first member: every class whose functions are those of this file is a foreign_class. */
    return ((const struct foreign_class *)applet_class_of(self.card, self.index))->theirs;
}

static sw_t call(struct applet self, struct frame *f)
{
    struct uicc *card = self.card;
    const struct uicc_guard *guard = card->env->guard;
    const uint8_t before = card->ram.context;
    f->class = theirs(self);
    f->self = (struct uicc_applet){&applet_api, card, self.index};
    f->sw = UICC_SW_OK;
    card->ram.context = (uint8_t)(self.index + 1);
    bool lived = true;
    if (guard != NULL)
        lived = guard->run(guard->ctx, enter_frame, f);
    else
        enter_frame(f);
    card->ram.context = before;
    if (!lived) {
        /* Of several the outermost is to blame: one that faults in another's shareable interface is so alone,
         * for the other goes on; one whose time is over takes its caller with it, who chose whom to call. */
        card->ram.died = (uint8_t)(self.index + 1);
        applet_note(self, "an applet died, or did not end: what it was doing is undone");
        return SW_TECHNICAL_PROBLEM;
    }
    return f->sw;
}

/* ---- what the kernel calls ---- */

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    struct frame f = {.what = CALL_INSTALL};
    const struct profile_applet *row = applet_row(self);
    if (theirs(self)->install == NULL)
        return SW_OK;
    f.installation.aid = uicc_span_of(row->aid, row->aid_len);
    f.installation.parameters = from_span(row->params);
    f.installation.personalising = personal != NULL;
    applet_privileges(self.card, self.index, f.installation.privileges);
    return call(self, &f);
}

static void uninstall(struct applet self)
{
    struct frame f = {.what = CALL_UNINSTALL};
    (void)call(self, &f);
    self.card->ram.died = 0; /* deletion goes on, and what it wrote goes with it */
}

static sw_t select_(struct applet self)
{
    struct frame f = {.what = CALL_SELECT};
    return call(self, &f);
}

static void deselect(struct applet self)
{
    struct frame f = {.what = CALL_DESELECT};
    (void)call(self, &f);
}

/* `to` is theirs to fill, as long as its arrays are ours. */
static void take(struct buf *out, const struct uicc_buf *from)
{
    out->len = from->len <= out->cap ? from->len : out->cap;
    out->full = from->full || from->len > out->cap;
}

static sw_t process(struct call *c)
{
    struct uicc_buf to = {c->out->p, c->out->cap, 0, false};
    struct frame f = {.what = CALL_PROCESS};
    f.apdu = (struct uicc_apdu){.cla = c->cmd->cla,
                                .ins = c->cmd->ins,
                                .p1 = c->cmd->p1,
                                .p2 = c->cmd->p2,
                                .channel = c->session->channel,
                                .data = from_span(c->cmd->data),
                                .le = c->cmd->has_le ? c->cmd->le : 0,
                                .out = &to};
    sw_t sw = call(c->self, &f);
    take(c->out, &to);
    return sw;
}

/* The envelope's content goes without its tag: EnvelopeHandler is a list of objects. */
static struct span objects_of(const struct event *e)
{
    struct reader r = rd_of(e->data);
    struct tlv t;
    if (e->kind == EVENT_TOOLKIT && e->tag >= ENVELOPE_FIRST && tlv_next(&r, &t) && t.tag == e->tag)
        return t.value;
    return e->data;
}

static sw_t event(struct applet self, const struct event *e)
{
    struct frame f = {.what = CALL_TOOLKIT};
    struct uicc_buf to = {0};
    f.event = (struct uicc_event){.event = e->toolkit,
                                  .id = e->id,
                                  .tag = e->tag,
                                  .data = from_span(objects_of(e)),
                                  .handled = e->handled};
    switch (e->kind) {
    case EVENT_POWER_ON:
        f.event.event = UICC_EVENT_POWER_ON;
        break;
    case EVENT_TERMINAL_RESPONSE:
        f.event.event = UICC_EVENT_TERMINAL_RESPONSE;
        break;
    case EVENT_TOOLKIT:
        if (e->toolkit == TOOLKIT_EXTERNAL_FILE_UPDATE)
            f.event.tag = admin_file_fid(self.card, (uint16_t)e->tag);
        break;
    default:
        return SW_OK;
    }
    const bool unanswered = e->out != NULL && e->out->len == 0; /* by nobody before */
    if (unanswered) {
        to = (struct uicc_buf){e->out->p, e->out->cap, 0, false};
        f.event.out = &to;
    }
    sw_t sw = call(self, &f);
    if (unanswered && (sw == SW_OK || sw_is_warning(sw))) {
        e->out->len = to.len <= to.cap ? to.len : to.cap;
        e->out->full = e->out->full || to.full;
    }
    return sw;
}

sw_t foreign_invoke(struct applet client, struct span server, uint8_t parameter, uint8_t method,
                    struct span in, struct buf *out)
{
    struct applet to = {client.card, applet_by_aid(client.card, server)};
    const struct profile_applet *who = applet_row(client);
    const struct applet_class *class = to.index != NO_APPLET ? applet_class_of(to.card, to.index) : NULL;
    struct frame f = {.what = CALL_SHARE,
                      .client = uicc_span_of(who->aid, who->aid_len),
                      .parameter = parameter,
                      .method = method};
    uint8_t octets[INVOKE_MAX];
    /* JavaCard lets an applet call itself; here the frames would share its transient arrays half-changed. */
    if (class == NULL || class->install != install || to.index == client.index ||
        !applet_active(to.card, to.index) || theirs(to)->get_shareable_interface_object == NULL ||
        theirs(to)->invoke == NULL)
        return SW_FILE_NOT_FOUND;
    if (to.card->ram.depth >= INVOKE_DEPTH)
        return SW_CONDITIONS_NOT_SATISFIED;
    uint8_t *copy = malloc(in.n + 1); /* the server never sees memory of its client's */
    if (copy == NULL)
        return SW_NOT_ENOUGH_MEMORY;
    if (in.n > 0)
        memcpy(copy, in.p, in.n);
    struct uicc_buf answer = uicc_buf_of(octets, sizeof octets);
    f.in = uicc_span_of(copy, in.n);
    f.out = &answer;
    to.card->ram.depth++;
    sw_t sw = call(to, &f);
    if (sw == SW_OK) {
        f.what = CALL_INVOKE;
        sw = call(to, &f);
    }
    to.card->ram.depth--;
    crypto_wipe(copy, in.n);
    free(copy);
    if (answer.len > sizeof octets)
        return SW_TECHNICAL_PROBLEM;
    buf_put(out, span_of(octets, answer.len));
    crypto_wipe(octets, sizeof octets);
    return sw;
}

/* ---- packages ---- */

static bool aid_valid(const struct uicc_aid *aid)
{
    return aid->n >= 5 && aid->n <= sizeof aid->octets;
}

const char *package_check(const struct uicc_package *package, size_t *n_classes)
{
    *n_classes = 0;
    if (package->abi != UICC_APPLET_ABI)
        return "was built for another version of uicc_applet.h: build it again";
    if (!aid_valid(&package->aid))
        return "the package's AID has not 5 to 16 octets";
    if (package->classes == NULL || package->classes[0] == NULL)
        return "has no class";
    for (size_t i = 0; package->classes[i] != NULL; i++) {
        const struct uicc_applet_class *c = package->classes[i];
        if (c->name == NULL || c->name[0] == '\0')
            return "a class has no name";
        if (!aid_valid(&c->module))
            return "a class's module AID has not 5 to 16 octets";
        *n_classes = i + 1;
    }
    return NULL;
}

void foreign_class_of(const struct uicc_package *package, size_t nth, struct foreign_class *out)
{
    const struct uicc_applet_class *c = package->classes[nth];
    *out = (struct foreign_class){.theirs = c};
    out->package.aid_len = package->aid.n;
    memcpy(out->package.aid, package->aid.octets, package->aid.n);
    memcpy(out->package.version, package->version, sizeof out->package.version);
    out->base = (struct applet_class){
        .name = c->name,
        .installable = true,
        .package = &out->package,
        .module_len = c->module.n,
        .install = install,
        .uninstall = c->uninstall != NULL ? uninstall : NULL,
        .select = c->select != NULL ? select_ : NULL,
        .deselect = c->deselect != NULL ? deselect : NULL,
        .process = c->process != NULL ? process : NULL,
        .event = c->process_toolkit != NULL ? event : NULL,
    };
    memcpy(out->base.module, c->module.octets, c->module.n);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * FileView and AdminFileView (ETSI TS 102 241, uicc.access): file commands that an applet gives go through
 * the same dispatch and the same gate as the terminal's and a script's, with the rights of the access domain
 * that the applet was installed with (TS 102 226 8.2.1.3.2.5). Nothing here looks into a file.
 */
#include "api.h"
#include "fs.h"
#include "kernel.h"

uicc_sw api_get_the_view(const struct uicc_applet *self, struct uicc_span adf, bool admin,
                         struct uicc_file_view *view)
{
    struct applet applet;
    api_probe(to_span(adf));
    api_probe_room(view, sizeof *view);
    if (!api_enter(self, &applet))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct uicc_file_view v = {.ef = PROFILE_NO_FILE, .admin = admin};
    if (adf.n > 0) {
        uint8_t application = applet_by_aid(applet.card, to_span(adf));
        v.root = application != NO_APPLET ? applet_row_of(applet.card, application)->adf : PROFILE_NO_FILE;
    }
    bool found = v.root == 0 || (v.root != PROFILE_NO_FILE && fs_exists(applet.card, v.root) &&
                                 fs_file(applet.card, v.root)->kind == FILE_ADF);
    v.df = v.root;
    api_leave(applet);
    if (found)
        *view = v;
    return found ? SW_OK : SW_FILE_NOT_FOUND;
}

/* A view comes from the applet's memory: it may say anything. */
static bool makes_sense(const struct uicc *card, const struct uicc_file_view *v)
{
    return fs_exists(card, v->root) && fs_exists(card, v->df) && !fs_is_ef(fs_file(card, v->df)) &&
           !fs_is_ef(fs_file(card, v->root)) && fs_application_dir(card, v->df) == v->root &&
           (v->root == 0 || fs_file(card, v->root)->kind == FILE_ADF) &&
           (v->ef == PROFILE_NO_FILE || (fs_exists(card, v->ef) && fs_is_ef(fs_file(card, v->ef)) &&
                                         fs_file(card, v->ef)->parent == v->df));
}

uint16_t api_view_file(const struct uicc *card, const struct uicc_file_view *view)
{
    if (!makes_sense(card, view))
        return PROFILE_NO_FILE;
    return view->ef != PROFILE_NO_FILE ? view->ef : view->df;
}

enum {
    CREATE_FILE = 0xE0,
    DELETE_FILE = 0xE4,
    TERMINATE_DF = 0xE6,
    TERMINATE_EF = 0xE8,
    RESIZE_FILE = 0xD4,
    DEACTIVATE_FILE = 0x04,
    ACTIVATE_FILE = 0x44
};

static bool administrative(uint8_t ins)
{
    return ins == CREATE_FILE || ins == DELETE_FILE || ins == RESIZE_FILE || ins == TERMINATE_DF ||
           ins == TERMINATE_EF;
}

enum { VIEW_CHANNEL = 0xFF }; /* none of the terminal's: transfers of BER-TLV objects go by it */

static uint8_t application_of(const struct uicc *card, uint16_t adf)
{
    return adf == 0 ? (uint8_t)NO_APPLET : fs_file(card, adf)->applet;
}

/* What it was on may have been deleted, by whomever, and what has its index now be anything. */
static void come_back(const struct uicc *card, struct uicc_file_view *v)
{
    struct view place = {.df = v->df, .ef = v->ef, .record = v->record};
    if (makes_sense(card, v))
        return;
    fs_leave_gone(card, &place);
    *v = (struct uicc_file_view){.root = v->root, .df = place.df, .ef = PROFILE_NO_FILE, .admin = v->admin};
    if (!makes_sense(card, v))
        v->df = v->root;
}

static sw_t run(struct applet self, struct uicc_file_view *v, struct command *cmd, struct buf *out)
{
    struct uicc *card = self.card;
    const struct command_table *tables[1] = {&kernel_commands};
    const struct command_row *row;
    sw_t sw = dispatch_find(tables, 1, cmd, &row);
    if (sw != SW_OK)
        return sw;
    if ((row->flags & ROW_REMOTE) == 0 || (row->flags & ROW_KEEPS_RESPONSE) != 0 ||
        (administrative(cmd->ins) && !v->admin))
        return SW_INS_NOT_SUPPORTED;
    /* TS 102 241: of a FileView these are the current EF's. The directory is another's who gives its name. */
    if ((cmd->ins == DEACTIVATE_FILE || cmd->ins == ACTIVATE_FILE) && cmd->data.n == 0 &&
        v->ef == PROFILE_NO_FILE)
        return SW_NO_EF_SELECTED;
    struct session session = {
        .open = true,
        .remote = true,
        .applet = application_of(card, v->root),
        .channel = VIEW_CHANNEL,
        .view = {.df = v->df, .ef = v->ef, .record = v->record},
        .granted = applet_file_access(card, self.index, v->admin, v->root),
        .owner = applet_owner(card, self.index), /* whose what it makes is, and goes with (requirement S1) */
    };
    struct call call = {.card = card,
                        .session = &session,
                        .cmd = cmd,
                        .row = row,
                        .self = {card, NO_APPLET},
                        .target = PROFILE_NO_FILE,
                        .out = out};
    sw = dispatch_run(row, cmd, &card_gate, &call);
    if (sw == SW_OK) {
        /* Who watches takes it for an administrator's at the card, or for the word of the operator whose
         * application it is, from afar. */
        session.remote = session.owner != NO_OWNER;
        sw = session_tell_watchers(&call);
        card->ram.doomed = card->ram.doomed || sw != SW_OK; /* it is written, and may not be */
    }
    card->ram.doomed = card->ram.doomed || sw == SW_MEMORY_PROBLEM;
    if (!sw_is_ok(sw) && !sw_is_warning(sw))
        return sw;
    fs_leave_gone(card, &session.view); /* it may have deleted what it was on */
    struct uicc_file_view now = *v;
    now.df = session.view.df;
    now.ef = session.view.ef;
    now.record = session.view.record;
    if (!makes_sense(card, &now)) /* it would lead out of the view: from an ADF to the MF, say */
        return SW_FILE_NOT_FOUND;
    *v = now;
    return sw;
}

uicc_sw api_view_command(const struct uicc_applet *self, struct uicc_file_view *view,
                         const struct uicc_apdu *apdu)
{
    struct applet applet;
    uint8_t octets[512];
    struct buf out = buf_of(octets, sizeof octets);
    const struct uicc_apdu given = *apdu;
    struct uicc_buf to = given.out != NULL ? *given.out : uicc_buf_of(NULL, 0);
    struct uicc_file_view v = *view;
    api_probe(to_span(given.data));
    api_probe_room(to.p, to.cap);
    if (!api_enter(self, &applet))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct command cmd = {.cla = given.cla,
                          .ins = given.ins,
                          .p1 = given.p1,
                          .p2 = given.p2,
                          .has_p3 = true,
                          .data = to_span(given.data),
                          .klass = (given.cla & 0x80) != 0 ? CLASS_ETSI : CLASS_ISO,
                          .has_le = given.le > 0,
                          .le = given.le};
    come_back(applet.card, &v);
    sw_t sw = !makes_sense(applet.card, &v)            ? SW_FILE_NOT_FOUND
              : given.data.n > 255 || given.le > 65536 ? SW_WRONG_LENGTH
                                                       : run(applet, &v, &cmd, &out);
    api_leave(applet);
    if (!sw_is_ok(sw) && !sw_is_warning(sw))
        return sw;
    if (!buf_ok(&out)) /* it was asked for more than there is room for */
        return SW_WRONG_LENGTH;
    *view = v;
    if (given.out != NULL)
        uicc_append(given.out, octets, out.len);
    return sw;
}

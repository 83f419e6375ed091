/* SPDX-License-Identifier: Apache-2.0
 *
 * The public interface for applets (card/include/uicc_applet.h), on the card's side: classes of a package
 * become classes of the kernel's.
 */
#ifndef API_API_H
#define API_API_H

#include "applet.h"
#include "uicc_applet.h"

/* A class from outside. What the package has must stay valid as long as this is used. */
struct foreign_class {
    struct applet_class base; /* what the kernel sees: &foreign.base goes into uicc_config's classes */
    struct applet_package package;
    const struct uicc_applet_class *theirs;
};

/* NULL: fine; else what is wrong with the package, for a person. *n_classes: how many it has. */
const char *package_check(const struct uicc_package *package, size_t *n_classes);

/* The nth class of a package that was checked. */
void foreign_class_of(const struct uicc_package *package, size_t nth, struct foreign_class *out);

/* ---- between the files of this folder ---- */

extern const struct uicc_api applet_api;

static inline struct span to_span(struct uicc_span s)
{
    return span_of(s.p, s.n);
}

static inline struct uicc_span from_span(struct span s)
{
    return uicc_span_of(s.p, s.n);
}

/* The firewall: a call counts only in the name of the applet that is running. Enters the card's own code:
 * what would end the applet waits. */
bool api_enter(const struct uicc_applet *self, struct applet *out);
void api_leave(struct applet self);

/* Touches what the applet gave before the card's own code begins: if it is no memory, the applet dies of it
 * here. */
void api_probe(struct span s);
void api_probe_room(void *p, size_t n);

/* Another applet's method, in its context. */
sw_t foreign_invoke(struct applet client, struct span server, uint8_t parameter, uint8_t method,
                    struct span in, struct buf *out);

/* Files (view.c). */
uicc_sw api_get_the_view(const struct uicc_applet *self, struct uicc_span adf, bool admin,
                         struct uicc_file_view *view);
/* The file (index) that a view has as its current EF; PROFILE_NO_FILE: none, or the view makes no sense. */
uint16_t api_view_file(const struct uicc *card, const struct uicc_file_view *view);

/* Toolkit (toolkit_api.c). */
uicc_sw api_set_event(const struct uicc_applet *self, uint8_t event, bool set);
bool api_is_event_set(const struct uicc_applet *self, uint8_t event);
uicc_sw api_menu_entry(const struct uicc_applet *self, const struct uicc_menu_entry *entry, uint8_t *id,
                       bool change);
uicc_sw api_enable_menu_entry(const struct uicc_applet *self, uint8_t id, bool enable);
uicc_sw api_allocate_timer(const struct uicc_applet *self, uint8_t *id);
uicc_sw api_release_timer(const struct uicc_applet *self, uint8_t id);
uicc_sw api_request_poll_interval(const struct uicc_applet *self, uint16_t seconds);
uint16_t api_get_poll_interval(const struct uicc_applet *self);
uicc_sw api_file_event(const struct uicc_applet *self, const struct uicc_file_view *view, bool set);
bool api_check_terminal_profile(const struct uicc_applet *self, uint16_t index);
uicc_sw api_send(const struct uicc_applet *self, uint8_t type, uint8_t qualifier, uint8_t destination,
                 struct uicc_span objects);

uicc_sw api_view_command(const struct uicc_applet *self, struct uicc_file_view *view,
                         const struct uicc_apdu *apdu);

#endif

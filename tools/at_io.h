/* SPDX-License-Identifier: Apache-2.0
 *
 * Where AT commands come from: a pseudo-terminal, and a TCP port of this machine. Peers may hang up and come
 * again; each that comes finds the settings of a modem just turned on.
 */
#ifndef TOOLS_AT_IO_H
#define TOOLS_AT_IO_H

#include "at.h"
#include "loop.h"

struct at_io;

struct at_io_error {
    char text[512]; /* one line for a person */
};

/* NULL: no memory. a and loop stay the caller's and must outlive it. */
struct at_io *at_io_new(struct at_modem *a, struct loop *loop);
void at_io_free(struct at_io *io); /* hangs up, removes links; NULL is allowed */

/* A pseudo-terminal. *path (of at_io_free's life) gets the name of its other end. link: a symbolic link to
 * it, NULL for none; one that is there is replaced if it is a symbolic link, else that is an error. */
bool at_io_pty(struct at_io *io, const char *link, const char **path, struct at_io_error *error);

/* Listens at this port of 127.0.0.1; 0: any that is free. *bound gets the port. */
bool at_io_listen(struct at_io *io, uint16_t port, uint16_t *bound, struct at_io_error *error);

/* All of it for a modem, as softuicc modem offers it. */
struct at_service_config {
    const char *personality; /* NULL: generic */
    bool pty;
    const char *link; /* to the pty; NULL: none */
    bool tcp;
    uint16_t port; /* 0: any */
};
struct at_service;
/* NULL: *error. m must not run after at_service_close, and is freed before it or after. */
struct at_service *at_service_open(struct modem *m, const struct at_service_config *config,
                                   struct at_io_error *error);
void at_service_close(struct at_service *s);            /* NULL is allowed */
const char *at_service_pty(const struct at_service *s); /* "" for none */
uint16_t at_service_port(const struct at_service *s);   /* 0 for none */

#endif

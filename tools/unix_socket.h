/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets in the file system. Functions return a descriptor, or -1 with errno.
 */
#ifndef TOOLS_UNIX_SOCKET_H
#define TOOLS_UNIX_SOCKET_H

#include <stdbool.h>

/* type: SOCK_DGRAM, or SOCK_SEQPACKET, which then also listens. Takes the place of a socket that nobody
 * listens at any more, and of nothing else. Only this user may write to it. */
int unix_socket_listen(const char *path, int type);

int unix_socket_connect(const char *path, int type);

#endif

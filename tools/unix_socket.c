/* SPDX-License-Identifier: Apache-2.0 */
#include "unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool address_of(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return true;
}

static int give_up(int fd)
{
    const int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

int unix_socket_connect(const char *path, int type)
{
    struct sockaddr_un address;
    if (!address_of(path, &address))
        return -1;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : give_up(fd);
}

/* Does somebody listen there? Asked with a socket of another type, which he does not notice. */
static bool is_served(const char *path, int type)
{
    const int fd = unix_socket_connect(path, type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EPROTOTYPE;
}

static bool clear_place(const char *path, int type)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    const bool served = is_served(path, type);
    errno = EADDRINUSE;
    return !served && unlink(path) == 0;
}

int unix_socket_listen(const char *path, int type)
{
    struct sockaddr_un address;
    if (!address_of(path, &address) || !clear_place(path, type))
        return -1;
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    const mode_t before = umask(0177);
    const bool good = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                      (type == SOCK_DGRAM || listen(fd, 4) == 0);
    umask(before);
    return good ? fd : give_up(fd);
}

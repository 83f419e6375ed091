/* SPDX-License-Identifier: Apache-2.0 */
#include "folder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int folder_sync(const char *path)
{
    char *copy = strdup(path); /* dirname() writes in it */
    if (copy == NULL)
        return ENOMEM;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0) /* in one that takes files, but shows none, there is nothing to wait for it by */
        return errno == EACCES ? 0 : errno;
    int rc = fsync(fd) == 0 || errno == EINVAL ? 0 : errno; /* EINVAL: this file system has no such thing */
    (void)close(fd);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "publish.h"

#include <errno.h>
#include <unistd.h>

#include "folder_sync.h"

int publish(const char *temporary, const char *path)
{
    if (link(temporary, path) != 0) /* takes the name only if nobody else has it; rename() would not ask */
        return errno;
    const int rc = folder_sync(path);
    if (rc != 0)
        (void)unlink(path);
    return rc;
}

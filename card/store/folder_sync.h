/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that is on the disk is lost all the same when a power cut takes its name: that stands in its folder.
 */
#ifndef STORE_FOLDER_SYNC_H
#define STORE_FOLDER_SYNC_H

/* Waits until the names in the folder of this path are on the disk. 0, or an errno. */
int folder_sync(const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk to be cut off and to fail: the program's own pwrite, writev, fdatasync, msync and ftruncate stand
 * before the C library's (LMDB's calls land here, too), and record what is written to one file, and what is
 * waited for. From that, any image can be made that the disk may hold after a power cut: everything that was
 * synced, and of the rest any part. Reading, and files other than the watched one, go their ordinary way.
 */
#ifndef TEAR_DISK_H
#define TEAR_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins with the file as it is now, all of it on the disk. Forgets what was recorded before. */
void disk_watch(const char *path);
void disk_forget(void);

/* Calls (writes, syncs, changes of the file's length) recorded so far: a power cut can come in each. */
size_t disk_events(void);

/* The file as the disk may have it after a power cut in the last of the first `events` of them: what was
 * synced is there; of what was not, each sector of 512 octets by the toss of a coin of `seed`, 0: nothing, 1:
 * everything. Writes it to `path`. */
bool disk_image(size_t events, uint64_t seed, const char *path);

/* The nth call from now on (0: the next) to write, sync or change the length of the watched file fails with
 * this errno, having done nothing, or half of it; `for_good`: so do all that follow. */
void disk_fail(long nth, int error, bool half, bool for_good);
void disk_mend(void);
long disk_calls(void); /* since disk_fail or disk_mend */
/* The nth fsync of a folder from now on (0: the next) fails. */
void disk_fail_folder(long nth, int error);
long disk_ends(void); /* of writes that wait for the disk, those that failed since disk_watch: LMDB ends a
                         commit with one */

#endif

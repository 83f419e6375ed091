/* SPDX-License-Identifier: Apache-2.0
 *
 * How a file that holds what stands nowhere else gets its name: when it is complete, never over another
 * one's, and so that a power cut does not take the name again.
 */
#ifndef TOOLS_PUBLISH_H
#define TOOLS_PUBLISH_H

/* The file, complete and on the disk under its temporary name, gets this one as well; the caller removes the
 * temporary one. 0, or an errno (EEXIST: there is a file of that name), and there is
 * no file of this name by it. */
int publish(const char *temporary, const char *path);

#endif

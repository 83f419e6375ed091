/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread's event loop: file descriptors watched with poll(), and timers. Its clock is the system's, or a
 * virtual one that jumps to the next timer as soon as no descriptor has anything to say: hours of a
 * terminal's life then take no time, and take the same course each time.
 */
#ifndef TOOLS_LOOP_H
#define TOOLS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Belongs to whoever sets it, who must stop it before it goes away. Set it up as {.fire = ..., .ctx = ...}.
 */
struct loop_timer {
    void (*fire)(void *ctx); /* it has been stopped when this is called, and may be set again in it */
    void *ctx;
    uint64_t due; /* ms, of loop_now */
    bool set;
    struct loop_timer *next; /* the loop's */
};

/* NULL: no memory. */
struct loop *loop_new(bool virtual_clock);
void loop_free(struct loop *l); /* NULL is allowed */

/* Milliseconds since the loop was made. */
uint64_t loop_now(const struct loop *l);
bool loop_is_virtual(const struct loop *l);

/* Due in so many ms; one that was set already is set anew. Timers due at the same time fire in the order in
 * which they were set. */
void loop_start(struct loop *l, struct loop_timer *t, uint64_t in_ms);
void loop_stop(struct loop *l, struct loop_timer *t);

/* Watches a descriptor for POLLIN, POLLOUT (poll.h); what is ready comes as revents, POLLHUP and POLLERR
 * included. One watcher per descriptor: a second call changes events and function. Events 0: only POLLHUP and
 * POLLERR are told. false: no memory. Unwatch before you close it; both may be done inside `ready`. */
bool loop_watch(struct loop *l, int fd, short events, void (*ready)(void *ctx, short revents), void *ctx);
void loop_unwatch(struct loop *l, int fd);

/* A virtual clock stands still in loop_run: only what is due already is done, and what descriptors bring. */
void loop_stand_still(struct loop *l);

/* Something outside is expected to answer on a watched descriptor (+1), or has done so (-1): a virtual clock
 * then gives it a while of real time before it jumps. Who has let that pass in silence is waited for no more
 * until something comes, or this is called again: 0 says that one who was expected already has been asked
 * anew. */
void loop_expect(struct loop *l, int more);

/* Waits for the next thing to happen, at most so long (ms; a virtual clock goes on by as much), and does it.
 * false: poll() failed. */
bool loop_step(struct loop *l, uint64_t at_most_ms);
bool loop_ended(const struct loop *l); /* loop_end() was called in the last step */

/* Steps until loop_end() was called, or nothing can ever happen any more. false: poll() failed. */
bool loop_run(struct loop *l);
void loop_end(struct loop *l);

#endif

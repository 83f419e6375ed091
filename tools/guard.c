/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals and sigsetjmp. Three states of a thread: no applet runs (frame NULL), an applet's own code runs
 * (in_card 0), the card's code runs on its behalf (in_card above 0): only the middle one may be left by a
 * jump. And of that only the applet's own instructions: in malloc, say, it holds a lock that nobody would
 * give back. So when its time is over while it is in a library, its code is made not executable, and it is
 * caught when it comes back there.
 */
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODES_MAX = 64, AGAIN_MS = 2, STACK = 64 * 1024, CPU = 0, WALL = 1, PATIENCE = 100 /* ticks */ };

struct thread {
    sigjmp_buf *frame; /* where the innermost call is left */
    volatile unsigned in_card;
    volatile sig_atomic_t expired, waited;
    timer_t cpu, wall;
    void *stack;
    bool ready;
};

static _Thread_local struct thread self;
static unsigned cpu_budget = GUARD_CPU_MS, wall_budget = GUARD_WALL_MS;
static struct {
    uintptr_t from, to;
} codes[CODES_MAX];
static volatile size_t n_codes;
static pthread_key_t leaving;

void guard_set_budget(unsigned cpu_ms, unsigned wall_ms)
{
    cpu_budget = cpu_ms;
    wall_budget = wall_ms;
}

void guard_add_code(const void *from, const void *to)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (n_codes == CODES_MAX)
        return;
    codes[n_codes].from = (uintptr_t)from / page * page;
    codes[n_codes].to = ((uintptr_t)to + page - 1) / page * page;
    n_codes = n_codes + 1;
}

/* mprotect is a plain system call: it may be called in a handler. Other threads that run the same code fall
 * into the trap too, take it away and go on; this one's next tick sets it again. */
static void trap(bool on)
{
    for (size_t i = 0; i < n_codes; i++)
        (void)mprotect((void *)codes[i].from, codes[i].to - codes[i].from,
                       on ? PROT_READ : PROT_READ | PROT_EXEC);
}

/* ---- signals ---- */

static uintptr_t program_counter(const void *context)
{
    const ucontext_t *u = context;
#if defined(__x86_64__)
    return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

static bool in_applets_code(uintptr_t pc)
{
    if (n_codes == 0 || pc == 0) /* applets of this program, or a processor that we do not know: anywhere */
        return true;
    for (size_t i = 0; i < n_codes; i++)
        if (pc >= codes[i].from && pc < codes[i].to)
            return true;
    return false;
}

static void time_is_over(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    struct thread *t = &self;
    int saved = errno;
    if (t->frame == NULL)
        return;
    if (info->si_value.sival_int == WALL)
        t->waited = t->waited + 1;
    t->expired = 1;
    /* One that waits comes back from most system calls now, and falls into the trap; one that does not (a
     * lock of its own) has nobody's lock either, we hope. */
    if (t->in_card == 0 && (in_applets_code(program_counter(context)) || t->waited > PATIENCE))
        siglongjmp(*t->frame, 1);
    if (t->in_card == 0)
        trap(true);
    errno = saved; /* the timer comes again */
}

static void fault(int signal, siginfo_t *info, void *context)
{
    struct thread *t = &self;
    const uintptr_t pc = program_counter(context);
    /* An instruction of an applet's that cannot be fetched: nothing but the trap does that. */
    if (signal == SIGSEGV && n_codes > 0 && (uintptr_t)info->si_addr == pc && in_applets_code(pc)) {
        trap(false);
        if (t->frame == NULL || t->in_card != 0 || t->expired == 0)
            return; /* another thread's trap */
    }
    if (t->frame != NULL && t->in_card == 0)
        siglongjmp(*t->frame, 1);
    /* Ours: it happens again without a handler, and is seen for what it is. */
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    (void)sigaction(signal, &plain, NULL);
    if (signal == SIGABRT)
        (void)raise(signal);
}

static int timer_signal(int which)
{
    return SIGRTMIN + 3 + which;
}

static void thread_leaves(void *stack)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    (void)timer_delete(self.cpu);
    (void)timer_delete(self.wall);
    (void)sigaltstack(&none, NULL);
    free(stack);
    self.ready = false;
}

static bool installed;

static void install(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction a = {.sa_sigaction = time_is_over, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    (void)sigemptyset(&a.sa_mask);
    installed =
        sigaction(timer_signal(CPU), &a, NULL) == 0 && pthread_key_create(&leaving, thread_leaves) == 0;
    a.sa_flags = SA_SIGINFO | SA_ONSTACK; /* what waits is to come back */
    installed = installed && sigaction(timer_signal(WALL), &a, NULL) == 0;
    a.sa_sigaction = fault;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        installed = installed && sigaction(faults[i], &a, NULL) == 0;
}

static bool make_timer(clockid_t clock, int value, timer_t *out)
{
    struct sigevent e = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = timer_signal(value), .sigev_value.sival_int = value};
    e._sigev_un._tid = gettid();
    return timer_create(clock, &e, out) == 0;
}

static bool thread_ready(void)
{
    if (self.ready)
        return true;
    self.stack = malloc(STACK);
    const stack_t stack = {.ss_sp = self.stack, .ss_size = STACK};
    if (self.stack == NULL || sigaltstack(&stack, NULL) != 0)
        return false;
    if (!make_timer(CLOCK_THREAD_CPUTIME_ID, CPU, &self.cpu) ||
        !make_timer(CLOCK_MONOTONIC, WALL, &self.wall))
        return false;
    self.ready = pthread_setspecific(leaving, self.stack) == 0;
    return self.ready;
}

/* 0: disarmed. */
static void arm(timer_t timer, unsigned ms)
{
    struct itimerspec at = {.it_value = {ms / 1000, (long)(ms % 1000) * 1000000}};
    if (ms != 0)
        at.it_interval.tv_nsec = AGAIN_MS * 1000000;
    (void)timer_settime(timer, 0, &at, NULL);
}

/* ---- the guard ---- */

static bool run(void *ctx, void (*function)(void *arg), void *arg)
{
    (void)ctx;
    struct thread *t = &self;
    sigjmp_buf here;
    sigjmp_buf *const outer = t->frame;
    const unsigned in_card = t->in_card;
    volatile bool lived = false;
    if (!thread_ready())
        return false;
    if (outer == NULL) {
        t->expired = 0;
        t->waited = 0;
        arm(t->cpu, cpu_budget);
        arm(t->wall, wall_budget);
    }
    if (sigsetjmp(here, 1) == 0) {
        t->in_card = 0;
        t->frame = &here;
        function(arg);
        lived = true;
    }
    t->frame = outer;
    t->in_card = in_card;
    if (outer == NULL) {
        arm(t->cpu, 0);
        arm(t->wall, 0);
        /* the last tick may have come when it had returned already: nobody would fall into the trap */
        if (t->expired != 0)
            trap(false);
    }
    return lived;
}

static void enter(void *ctx)
{
    (void)ctx;
    self.in_card = self.in_card + 1;
}

static void leave(void *ctx)
{
    (void)ctx;
    struct thread *t = &self;
    t->in_card = t->in_card - 1;
    if (t->in_card == 0 && t->expired != 0 && t->frame != NULL)
        siglongjmp(*t->frame, 1);
}

static const struct uicc_guard guard = {NULL, run, enter, leave};

const struct uicc_guard *guard_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, install);
    return installed ? &guard : NULL;
}

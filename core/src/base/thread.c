#include "base/thread.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/latch.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* -- lock order ---------------------------------------------------------- */

#ifndef NDEBUG

static _Thread_local uint32_t held; /* bit n: a lock of floor n */
static _Atomic uint64_t lock_count;

static void held_check(int floor)
{
    uint32_t not_above = (UINT32_C(2) << floor) - 1;

    assert(floor >= 0 && floor < 31);
    assert((held & not_above) == 0 && "lock order: only floors below");
    (void)not_above;
}

static void held_add(int floor)
{
    held |= UINT32_C(1) << floor;
    atomic_fetch_add_explicit(&lock_count, 1, memory_order_relaxed);
}

static void held_remove(int floor)
{
    assert((held >> floor & 1) != 0 && "unlock by a thread that holds it");
    held &= ~(UINT32_C(1) << floor);
}

int lares__lock_depth(void)
{
    return __builtin_popcount(held);
}

uint64_t lares__lock_count(void)
{
    return atomic_load_explicit(&lock_count, memory_order_relaxed);
}

#else

static void held_check(int floor)
{
    (void)floor;
}

static void held_add(int floor)
{
    (void)floor;
}

static void held_remove(int floor)
{
    (void)floor;
}

#endif

/* -- mutex --------------------------------------------------------------- */

/* What fails here fails by misuse only: glibc's locks need no memory. */
static void must(int rc)
{
    assert(rc == 0);
    (void)rc;
}

void lares__mutex_init(struct lares__mutex *mutex, int floor)
{
    mutex->floor = floor;
    must(pthread_mutex_init(&mutex->os, NULL));
}

void lares__mutex_fini(struct lares__mutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->os));
}

void lares__mutex_lock(struct lares__mutex *mutex)
{
    held_check(mutex->floor);
    must(pthread_mutex_lock(&mutex->os));
    held_add(mutex->floor);
}

int lares__mutex_trylock(struct lares__mutex *mutex)
{
    held_check(mutex->floor);
    if (pthread_mutex_trylock(&mutex->os) != 0)
        return 0;
    held_add(mutex->floor);
    return 1;
}

void lares__mutex_unlock(struct lares__mutex *mutex)
{
    held_remove(mutex->floor);
    must(pthread_mutex_unlock(&mutex->os));
}

/* -- latch --------------------------------------------------------------- */

void lares__latch_init(struct lares__latch *latch, int floor)
{
    atomic_init(&latch->held, 0);
    latch->floor = floor;
}

void lares__latch_check(const struct lares__latch *latch)
{
    held_check(latch->floor);
    held_add(latch->floor);
}

void lares__latch_drop(const struct lares__latch *latch)
{
    held_remove(latch->floor);
}

/* Its holder is about to let it go, or was interrupted: then it needs this
 * processor, and a thread of higher priority must sleep to give it one. */
void lares__latch_wait(struct lares__latch *latch)
{
    enum {
        LOOKS = 100,
        YIELDS = 10,
        SLEEP_NS = 20000
    };
    static const struct timespec sleep = {0, SLEEP_NS};
    int rounds = 0;

    do {
        int looks = LOOKS;

        while (looks > 0 &&
               atomic_load_explicit(&latch->held, memory_order_relaxed))
            looks--;
        if (looks == 0 && rounds++ < YIELDS)
            (void)sched_yield();
        else if (looks == 0)
            (void)nanosleep(&sleep, NULL);
    } while (atomic_exchange_explicit(&latch->held, 1, memory_order_acquire));
}

/* -- condition ----------------------------------------------------------- */

void lares__cond_init(struct lares__cond *cond)
{
    pthread_condattr_t attributes;

    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&cond->os, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void lares__cond_fini(struct lares__cond *cond)
{
    must(pthread_cond_destroy(&cond->os));
}

void lares__cond_signal(struct lares__cond *cond)
{
    must(pthread_cond_signal(&cond->os));
}

void lares__cond_broadcast(struct lares__cond *cond)
{
    must(pthread_cond_broadcast(&cond->os));
}

void lares__cond_wait(struct lares__cond *cond, struct lares__mutex *mutex)
{
    must(pthread_cond_wait(&cond->os, &mutex->os));
}

int lares__cond_wait_until(struct lares__cond *cond, struct lares__mutex *mutex,
                           uint64_t deadline_ns)
{
    struct timespec deadline;
    int rc;

    deadline.tv_sec = (time_t)(deadline_ns / 1000000000);
    deadline.tv_nsec = (long)(deadline_ns % 1000000000);
    rc = pthread_cond_timedwait(&cond->os, &mutex->os, &deadline);
    assert(rc == 0 || rc == ETIMEDOUT);
    return rc == ETIMEDOUT;
}

/* -- thread -------------------------------------------------------------- */

/* On the heap: a detached thread may outlive its lares__thread. */
struct start {
    void (*fn)(void *);
    void *arg;
};

static void *thread_main(void *data)
{
    struct start start = *(struct start *)data;

    lares__free(data);
    start.fn(start.arg);
    return NULL;
}

lares_status lares__thread_start(struct lares__thread *thread,
                                 void (*fn)(void *), void *arg)
{
    struct start *start = lares__alloc(sizeof *start);

    if (start == NULL)
        return lares__error(LARES_ENOMEM, "thread not started");
    start->fn = fn;
    start->arg = arg;
    if (pthread_create(&thread->os, NULL, thread_main, start) != 0) {
        lares__free(start);
        return lares__error(LARES_ENOMEM,
                            "thread not started: the system gives no more");
    }
    return LARES_OK;
}

void lares__thread_join(struct lares__thread *thread)
{
    must(pthread_join(thread->os, NULL));
}

void lares__thread_detach(struct lares__thread *thread)
{
    must(pthread_detach(thread->os));
}

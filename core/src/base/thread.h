/* thread.h - locks that know their floor, conditions, threads.
 *
 * The floors of the house are the lock order: who holds a lock takes only
 * locks of lower floors, one per floor. Debug builds check every lock, also
 * those that are only tried, and count them.
 */
#ifndef LARES_THREAD_H
#define LARES_THREAD_H

#include "lares.h"

#include <pthread.h>

struct lares__mutex {
    pthread_mutex_t os;
    int floor;
};

/* For a lock of static storage, in place of lares__mutex_init. */
#define LARES__MUTEX_INIT(floor)                                               \
    {                                                                          \
        PTHREAD_MUTEX_INITIALIZER, floor                                       \
    }

void lares__mutex_init(struct lares__mutex *mutex, int floor);
void lares__mutex_fini(struct lares__mutex *mutex);
void lares__mutex_lock(struct lares__mutex *mutex);
int lares__mutex_trylock(struct lares__mutex *mutex); /* 1: locked, 0: not */
void lares__mutex_unlock(struct lares__mutex *mutex);

/* Its deadlines are of CLOCK_MONOTONIC, so no clock jump moves them. */
struct lares__cond {
    pthread_cond_t os;
};

void lares__cond_init(struct lares__cond *cond);
void lares__cond_fini(struct lares__cond *cond);
void lares__cond_signal(struct lares__cond *cond);
void lares__cond_broadcast(struct lares__cond *cond);

/* Both may return early: the caller looks again at what it waits for. */
void lares__cond_wait(struct lares__cond *cond, struct lares__mutex *mutex);
int lares__cond_wait_until(struct lares__cond *cond, struct lares__mutex *mutex,
                           uint64_t deadline_ns); /* 1: it has passed */

struct lares__thread {
    pthread_t os;
};

/* Run fn(arg) on a new thread, which is joined or detached once. ENOMEM. */
lares_status lares__thread_start(struct lares__thread *thread,
                                 void (*fn)(void *), void *arg);
void lares__thread_join(struct lares__thread *thread);
void lares__thread_detach(struct lares__thread *thread);

#ifndef NDEBUG
/* Locks that this thread holds. */
int lares__lock_depth(void);

/* Locks that were taken in the life of the process. */
uint64_t lares__lock_count(void);
#endif

#endif

/* latch.h - a lock for what takes less time than a system call.
 *
 * One read-modify-write to take it and a plain store to let it go: a mutex
 * needs two. The price is that nobody is woken: who finds it taken looks again,
 * gives up its time slice, and at last sleeps for some microseconds. It obeys
 * the order of floors like a mutex. */
#ifndef LARES_LATCH_H
#define LARES_LATCH_H

#include <stdatomic.h>

struct lares__latch {
    atomic_int held;
    int floor;
};

void lares__latch_init(struct lares__latch *latch, int floor);

/* the parts that are rare: somebody has it; debug builds check the floors */
void lares__latch_wait(struct lares__latch *latch);
void lares__latch_check(const struct lares__latch *latch);
void lares__latch_drop(const struct lares__latch *latch);

static inline void lares__latch_lock(struct lares__latch *latch)
{
#ifndef NDEBUG
    lares__latch_check(latch);
#endif
    if (atomic_exchange_explicit(&latch->held, 1, memory_order_acquire))
        lares__latch_wait(latch);
}

static inline void lares__latch_unlock(struct lares__latch *latch)
{
#ifndef NDEBUG
    lares__latch_drop(latch);
#endif
    atomic_store_explicit(&latch->held, 0, memory_order_release);
}

#endif

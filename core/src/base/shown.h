/* shown.h - numbers that one thread writes, and reports read at any time.
 *
 * Nobody waits for what is written beside them, so relaxed loads and stores
 * do; and since one thread writes, no read-modify-write is needed. */
#ifndef LARES_SHOWN_H
#define LARES_SHOWN_H

#include <stdatomic.h>
#include <stdint.h>

static inline void lares__shown_set(atomic_ullong *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static inline void lares__shown_add(atomic_ullong *number, uint64_t more)
{
    lares__shown_set(number,
                     atomic_load_explicit(number, memory_order_relaxed) + more);
}

#endif

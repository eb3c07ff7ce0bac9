#include "bus/receiver.h"

/* Design notes
 * - A count and its units move in one word, so a look at one word is a look
 *   at both, and nothing is let in behind a bound by a race.
 * - The fields wrap on their own: each is masked, none carries into the next.
 */

#define CLOSED_BIT (1ULL << 63)
#define COUNT_MASK 0x7fffffffU

static uint32_t word_count(unsigned long long word)
{
    return (uint32_t)(word >> 32) & COUNT_MASK;
}

static unsigned long long word_add(unsigned long long word, uint32_t count,
                                   uint32_t units)
{
    unsigned long long events = (word_count(word) + count) & COUNT_MASK;

    return (word & CLOSED_BIT) | events << 32 | ((uint32_t)word + units);
}

static inline struct lares__level level_of(unsigned long long reserved,
                                           unsigned long long taken)
{
    struct lares__level level;

    level.count = (word_count(reserved) - word_count(taken)) & COUNT_MASK;
    level.bytes = 64 * (uint64_t)((uint32_t)reserved - (uint32_t)taken);
    return level;
}

struct lares__level lares__receiver_level(const struct lares__receiver *r)
{
    unsigned long long taken =
        atomic_load_explicit(&r->taken, memory_order_acquire);

    return level_of(atomic_load_explicit(&r->reserved, memory_order_acquire),
                    taken);
}

int lares__receiver_closed(const struct lares__receiver *receiver)
{
    return (atomic_load_explicit(&receiver->reserved, memory_order_acquire) &
            CLOSED_BIT) != 0;
}

static inline int level_half(const struct lares__receiver *receiver,
                             struct lares__level level)
{
    return level.count <= receiver->count_max / 2 &&
           level.bytes <= receiver->bytes_max / 2;
}

/* Any event fits at half; while a line stands, others find space only there,
 * and one by one: what is above half is for the first. */
static inline int level_fits(const struct lares__receiver *receiver,
                             struct lares__level level, uint32_t count,
                             uint32_t units, int first)
{
    uint64_t cost = 64 * (uint64_t)units;

    if (receiver->evicts)
        return 1;
    if (!first &&
        atomic_load_explicit(&receiver->waiting, memory_order_relaxed) > 0 &&
        (count > 1 || !level_half(receiver, level)))
        return 0;
    if (level.count + count > receiver->count_max)
        return 0;
    return level.bytes + cost <= receiver->bytes_max ||
           (count == 1 && level.bytes <= receiver->bytes_max / 2);
}

enum lares__room lares__receiver_look(const struct lares__receiver *receiver,
                                      uint32_t units, int first)
{
    unsigned long long taken =
        atomic_load_explicit(&receiver->taken, memory_order_acquire);
    unsigned long long reserved =
        atomic_load_explicit(&receiver->reserved, memory_order_relaxed);

    if (reserved & CLOSED_BIT)
        return LARES__CLOSED;
    return level_fits(receiver, level_of(reserved, taken), 1, units, first)
               ? LARES__ROOM
               : LARES__FULL;
}

/* hot path: one compare-and-swap */
enum lares__room lares__receiver_reserve(struct lares__receiver *receiver,
                                         uint32_t count, uint32_t units,
                                         int first)
{
    unsigned long long taken =
        atomic_load_explicit(&receiver->taken, memory_order_acquire);
    unsigned long long reserved =
        atomic_load_explicit(&receiver->reserved, memory_order_relaxed);

    do {
        if (reserved & CLOSED_BIT)
            return LARES__CLOSED;
        if (!level_fits(receiver, level_of(reserved, taken), count, units,
                        first))
            return LARES__FULL;
    } while (!atomic_compare_exchange_weak_explicit(
        &receiver->reserved, &reserved, word_add(reserved, count, units),
        memory_order_seq_cst, memory_order_relaxed));
    return LARES__ROOM;
}

void lares__receiver_give_back(struct lares__receiver *receiver, uint32_t units)
{
    unsigned long long reserved =
        atomic_load_explicit(&receiver->reserved, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(
        &receiver->reserved, &reserved,
        word_add(reserved, COUNT_MASK, 0U - units), memory_order_seq_cst,
        memory_order_relaxed))
        ;
}

void lares__receiver_close(struct lares__receiver *receiver)
{
    atomic_fetch_or_explicit(&receiver->reserved, CLOSED_BIT,
                             memory_order_seq_cst);
}

int lares__receiver_half(const struct lares__receiver *receiver)
{
    return level_half(receiver, lares__receiver_level(receiver));
}

/* hot path: no read-modify-write. A full mailbox holds more than a quarter,
 * so it looks at its line at least once before it is empty. */
int lares__receiver_settle(struct lares__receiver *receiver, uint32_t count,
                           uint32_t units)
{
    unsigned long long taken =
        atomic_load_explicit(&receiver->taken, memory_order_relaxed);

    atomic_store_explicit(&receiver->taken, word_add(taken, count, units),
                          memory_order_release);
    receiver->unlooked_count += count;
    receiver->unlooked_units += units;
    if (receiver->unlooked_count < receiver->count_max / 4 &&
        64 * (uint64_t)receiver->unlooked_units < receiver->bytes_max / 4)
        return 0;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&receiver->waiting, memory_order_relaxed) > 0)
        return 1; /* and again at every commit until the line is gone */
    receiver->unlooked_count = 0;
    receiver->unlooked_units = 0;
    return 0;
}

void lares__receiver_retain(struct lares__receiver *receiver)
{
    atomic_fetch_add_explicit(&receiver->refs, 1, memory_order_relaxed);
}

void lares__receiver_release(struct lares__receiver *receiver)
{
    if (atomic_fetch_sub_explicit(&receiver->refs, 1, memory_order_acq_rel) ==
        1)
        receiver->ops->destroy(receiver);
}

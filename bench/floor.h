/* floor.h - what the rows are measured against: the same work with nothing
 * around it. */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* An event with no hub: malloc, copy, one-shot XXH3 over link and payload,
 * through an MPSC list, indirect call, free. `handle` is called for each. */
void floor_event_run(uint64_t count,
                     void (*handle)(void *user, const void *data), void *user);

/* A chain of count events on the bare hash: `image` is a link of four numbers
 * (origin, horizon, sequence, parent), then the payload, len bytes in all. It
 * begins at the link that it is given, and answers the last hash. */
uint64_t floor_chain_run(uint64_t *image, size_t len, uint64_t count);

/* A bare table, open addressing, at most half full; keys are not 0. */
struct floor_table {
    uint64_t mask;
    uint64_t *keys;
    void **values;
};

void floor_table_init(struct floor_table *table, size_t count);
void floor_table_add(struct floor_table *table, uint64_t key, void *value);

static inline uint64_t floor_table_slot(const struct floor_table *table,
                                        uint64_t key)
{
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93;
    key ^= key >> 32;
    return key & table->mask;
}

static inline void *floor_table_find(const struct floor_table *table,
                                     uint64_t key)
{
    uint64_t slot = floor_table_slot(table, key);

    while (table->keys[slot] != 0 && table->keys[slot] != key)
        slot = (slot + 1) & table->mask;
    return table->keys[slot] != 0 ? table->values[slot] : NULL;
}

/* A cheap sequence of numbers, the same in every run. */
static inline uint64_t floor_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

#endif

/* pool.h - recycled blocks, so that the way of an event allocates nothing.
 *
 * Each thread that makes or drops blocks keeps a cache; caches exchange whole
 * magazines over one depot of the process, by one atomic exchange each. */
#ifndef LARES_POOL_H
#define LARES_POOL_H

#include <stddef.h>
#include <stdint.h>

enum {
    LARES__POOL_SMALL = 128,  /* bytes of a block of class 0 */
    LARES__POOL_CLASSES = 11, /* each twice the one before: to 128 KiB */
    LARES__POOL_NONE = 255    /* a block of its own, from the heap */
};

struct lares__block {
    struct lares__block *next;
    size_t count; /* in the first block of a magazine: how many it holds */
};

struct lares__magazine {
    struct lares__block *first;
    uint32_t count;
    uint32_t room; /* 0: none was needed yet */
};

/* guarded by whoever owns it: one thread at a time */
struct lares__pool_cache {
    struct lares__magazine loaded[LARES__POOL_CLASSES];
    struct lares__magazine spare[LARES__POOL_CLASSES];
};

/* the class whose blocks hold `size` bytes, or LARES__POOL_NONE */
static inline uint8_t lares__pool_class(size_t size)
{
    if (size <= LARES__POOL_SMALL)
        return 0;
    if (size > (size_t)LARES__POOL_SMALL << (LARES__POOL_CLASSES - 1))
        return LARES__POOL_NONE;
    return (uint8_t)(64 - __builtin_clzll((size - 1) / LARES__POOL_SMALL));
}

/* the parts of the two below that are rare: another magazine, the heap */
void *lares__pool_get_slow(struct lares__pool_cache *cache, uint8_t class,
                           size_t size);
void lares__pool_put_slow(struct lares__pool_cache *cache, uint8_t class,
                          void *data);

/* A block of a class, NULL without memory. For LARES__POOL_NONE `size` counts;
 * without a cache the block comes from the heap, and may go to any cache. Hot
 * path: no allocation in steady state, no lock. */
static inline void *lares__pool_get(struct lares__pool_cache *cache,
                                    uint8_t class, size_t size)
{
    struct lares__magazine *loaded;
    struct lares__block *block;

    if (class == LARES__POOL_NONE || cache == NULL ||
        cache->loaded[class].count == 0)
        return lares__pool_get_slow(cache, class, size);
    loaded = &cache->loaded[class];
    block = loaded->first;
    loaded->first = block->next;
    loaded->count--;
    return block;
}

/* hot path: no allocation, no lock */
static inline void lares__pool_put(struct lares__pool_cache *cache,
                                   uint8_t class, void *data)
{
    struct lares__magazine *loaded;
    struct lares__block *block = (struct lares__block *)data;

    if (class == LARES__POOL_NONE || cache == NULL ||
        cache->loaded[class].count == cache->loaded[class].room) {
        lares__pool_put_slow(cache, class, data);
        return;
    }
    loaded = &cache->loaded[class];
    block->next = loaded->first;
    loaded->first = block;
    loaded->count++;
}

/* gives all blocks of a cache to the depot; the cache is empty, and usable */
void lares__pool_flush(struct lares__pool_cache *cache);

/* frees what lies in the depot */
void lares__pool_trim(void);

#endif

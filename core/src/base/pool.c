#include "base/pool.h"

#include "base/alloc.h"

#include <stdatomic.h>

/* Design notes
 * - A cache holds at most two magazines of a class, so a thread that only
 *   makes and one that only drops blocks meet at the depot once a magazine.
 * - A slot of the depot is taken and filled by exchange, which hands over
 *   ownership as a whole: there is no list whose head could come back (ABA),
 *   no lock, and the number of slots is the bound.
 * - A magazine is at most 64 blocks or 64 KiB. */
enum {
    MAGAZINE_BLOCKS = 64,
    MAGAZINE_BYTES = 65536,
    DEPOT_SLOTS = 16
};

static _Atomic(struct lares__block *) depot[LARES__POOL_CLASSES][DEPOT_SLOTS];

static size_t class_size(uint8_t class)
{
    return (size_t)LARES__POOL_SMALL << class;
}

static uint32_t magazine_size(uint8_t class)
{
    size_t count = MAGAZINE_BYTES / class_size(class);

    if (count > MAGAZINE_BLOCKS)
        count = MAGAZINE_BLOCKS;
    return count > 0 ? (uint32_t)count : 1;
}

static void magazine_free(struct lares__block *block)
{
    while (block != NULL) {
        struct lares__block *next = block->next;

        lares__free(block);
        block = next;
    }
}

static void depot_give(uint8_t class, struct lares__magazine *magazine)
{
    struct lares__block *first = magazine->first;

    magazine->first = NULL;
    if (first == NULL)
        return;
    first->count = magazine->count;
    magazine->count = 0;
    for (size_t i = 0; i < DEPOT_SLOTS; i++) {
        struct lares__block *empty = NULL;

        if (atomic_load_explicit(&depot[class][i], memory_order_relaxed) ==
                NULL &&
            atomic_compare_exchange_strong_explicit(&depot[class][i], &empty,
                                                    first, memory_order_release,
                                                    memory_order_relaxed))
            return;
    }
    magazine_free(first);
}

static int depot_take(uint8_t class, struct lares__magazine *magazine)
{
    for (size_t i = 0; i < DEPOT_SLOTS; i++) {
        struct lares__block *first;

        if (atomic_load_explicit(&depot[class][i], memory_order_relaxed) ==
            NULL)
            continue;
        first = atomic_exchange_explicit(&depot[class][i], NULL,
                                         memory_order_acquire);
        if (first != NULL) {
            magazine->first = first;
            magazine->count = (uint32_t)first->count;
            return 1;
        }
    }
    return 0;
}

static void magazine_clear(struct lares__magazine *magazine)
{
    magazine->first = NULL;
    magazine->count = 0;
}

/* the loaded magazine is empty: change it for the spare one, or a new one */
static int cache_reload(struct lares__pool_cache *cache, uint8_t class)
{
    struct lares__magazine *loaded = &cache->loaded[class];
    struct lares__magazine *spare = &cache->spare[class];

    if (spare->count > 0) {
        loaded->first = spare->first;
        loaded->count = spare->count;
        magazine_clear(spare);
        return 1;
    }
    return depot_take(class, loaded);
}

void *lares__pool_get_slow(struct lares__pool_cache *cache, uint8_t class,
                           size_t size)
{
    if (class == LARES__POOL_NONE)
        return lares__alloc(size);
    if (cache == NULL || !cache_reload(cache, class))
        return lares__alloc(class_size(class));
    return lares__pool_get(cache, class, size);
}

/* The loaded magazine is full, or was never used. */
void lares__pool_put_slow(struct lares__pool_cache *cache, uint8_t class,
                          void *data)
{
    struct lares__magazine *loaded;

    if (class == LARES__POOL_NONE || cache == NULL) {
        lares__free(data);
        return;
    }
    loaded = &cache->loaded[class];
    if (loaded->room == 0) {
        loaded->room = magazine_size(class);
    } else {
        depot_give(class, &cache->spare[class]);
        cache->spare[class] = *loaded;
        magazine_clear(loaded);
    }
    lares__pool_put(cache, class, data);
}

void lares__pool_flush(struct lares__pool_cache *cache)
{
    for (uint8_t class = 0; class < LARES__POOL_CLASSES; class ++) {
        depot_give(class, &cache->loaded[class]);
        depot_give(class, &cache->spare[class]);
    }
}

void lares__pool_trim(void)
{
    for (uint8_t class = 0; class < LARES__POOL_CLASSES; class ++) {
        struct lares__magazine magazine;

        while (depot_take(class, &magazine))
            magazine_free(magazine.first);
    }
}

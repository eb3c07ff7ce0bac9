#include "support/pool.h"

#include "base/thread.h"

#include <sched.h>
#include <stdatomic.h>

/* -- fixture: two caches, and room for what is taken from them -- */

enum {
    MAGAZINE = 64, /* blocks of a small class */
    SLOTS = 16,    /* of the depot, for each class */
    MANY = (SLOTS + 8) * MAGAZINE
};

static struct lares__pool_cache other;
static void *blocks[MANY];

static int caches_teardown(void **state)
{
    lares__pool_flush(&other);
    return pool_teardown(state);
}

#define caches_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, pool_setup, caches_teardown)

/* -- tools -- */

static size_t class_size(uint8_t class)
{
    return (size_t)LARES__POOL_SMALL << class;
}

static void *take(struct lares__pool_cache *cache, uint8_t class)
{
    void *block = lares__pool_get(cache, class, class_size(class));

    check(block != NULL);
    memset(block, 0xa5, class_size(class));
    return block;
}

static void take_many(struct lares__pool_cache *cache, uint8_t class, int count)
{
    for (int i = 0; i < count; i++)
        blocks[i] = take(cache, class);
}

static void put_many(struct lares__pool_cache *cache, uint8_t class, int count)
{
    for (int i = 0; i < count; i++)
        lares__pool_put(cache, class, blocks[i]);
}

/* takes and puts back; answers how many of them came from the heap */
static uint64_t heap_share(struct lares__pool_cache *cache, uint8_t class,
                           int count)
{
    uint64_t calls = lares__alloc_count();

    take_many(cache, class, count);
    calls = lares__alloc_count() - calls;
    put_many(cache, class, count);
    return calls;
}

/* -- cases: classes -- */

static void test_pool__class_is_the_smallest_that_holds(void **state)
{
    (void)state;
    check_u64(lares__pool_class(0), 0);
    check_u64(lares__pool_class(1), 0);
    for (uint8_t class = 0; class < LARES__POOL_CLASSES; class ++) {
        check_u64(lares__pool_class(class_size(class)), class);
        check_u64(lares__pool_class(class_size(class) - 1), class);
    }
    for (uint8_t class = 1; class < LARES__POOL_CLASSES; class ++)
        check_u64(lares__pool_class(class_size(class - 1) + 1), class);
}

static void test_pool__what_is_larger_has_no_class(void **state)
{
    size_t largest = class_size(LARES__POOL_CLASSES - 1);

    (void)state;
    check_u64(largest, 131072);
    check_u64(lares__pool_class(largest + 1), LARES__POOL_NONE);
    check_u64(lares__pool_class(16777216 + 384), LARES__POOL_NONE);
    check_u64(lares__pool_class(SIZE_MAX), LARES__POOL_NONE);
}

static void test_pool__every_class_holds_its_size(void **state)
{
    (void)state;
    for (uint8_t class = 0; class < LARES__POOL_CLASSES; class ++) {
        void *first = take(&pool, class);
        void *second = take(NULL, class);

        lares__pool_put(&pool, class, first);
        lares__pool_put(&pool, class, second);
        check(take(&pool, class) == second);
        check(take(&pool, class) == first);
        lares__pool_put(NULL, class, first);
        lares__pool_put(NULL, class, second);
    }
}

static void test_pool__classes_do_not_mix(void **state)
{
    void *small = take(&pool, 0);
    uint64_t calls;

    (void)state;
    lares__pool_put(&pool, 0, small);
    calls = lares__alloc_count();
    blocks[0] = take(&pool, 1);
    check_u64(lares__alloc_count(), calls + 1);
    check(take(&pool, 0) == small);
    lares__pool_put(&pool, 0, small);
    lares__pool_put(&pool, 1, blocks[0]);
}

static void test_pool__blocks_without_a_class_are_the_heaps(void **state)
{
    int64_t living = lares__alloc_living();
    unsigned char *block = lares__pool_get(&pool, LARES__POOL_NONE, 200000);

    (void)state;
    check(block != NULL);
    memset(block, 1, 200000);
    lares__pool_put(&pool, LARES__POOL_NONE, block);
    check_i64(lares__alloc_living(), living);
    block = lares__pool_get(NULL, LARES__POOL_NONE, 1);
    check(block != NULL);
    lares__pool_put(NULL, LARES__POOL_NONE, block);
    check_i64(lares__alloc_living(), living);
}

static void test_pool__without_a_cache_nothing_is_kept(void **state)
{
    int64_t living = lares__alloc_living();
    void *block = take(NULL, 0);

    (void)state;
    check_i64(lares__alloc_living(), living + 1);
    lares__pool_put(NULL, 0, block);
    check_i64(lares__alloc_living(), living);
}

/* -- cases: a cache -- */

static void test_pool__a_cache_recycles_two_magazines(void **state)
{
    (void)state;
    check_u64(heap_share(&pool, 0, 2 * MAGAZINE), 2 * MAGAZINE);
    for (int i = 0; i < 100; i++)
        check_u64(heap_share(&pool, 0, 2 * MAGAZINE), 0);
    check_u64(heap_share(&other, 0, 1), 1); /* none of them in the depot */
}

static void test_pool__no_block_is_given_twice(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        take_many(&pool, 0, MANY);
        for (int i = 0; i < MANY; i++)
            memcpy(blocks[i], &i, sizeof i);
        for (int i = 0; i < MANY; i++)
            check(memcmp(blocks[i], &i, sizeof i) == 0);
        put_many(&pool, 0, MANY);
    }
}

/* A magazine is at most 64 KiB too: 64 blocks of 1 KiB, 2 of 32 KiB, one of
 * 64 KiB and of 128 KiB. */
static void test_pool__magazines_are_bounded_in_bytes(void **state)
{
    static const struct {
        uint8_t class;
        int blocks;
    } magazines[] = {
        {3,  64},
        {4,  32},
        {8,  2 },
        {9,  1 },
        {10, 1 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof magazines / sizeof *magazines; i++) {
        uint8_t class = magazines[i].class;
        int kept = 2 * magazines[i].blocks;

        take_many(&pool, class, kept + 1);
        put_many(&pool, class, kept);
        check_u64(heap_share(&other, class, 1), 1);
        lares__pool_put(&pool, class, blocks[kept]); /* a magazine goes */
        lares__pool_flush(&other);
        check_u64(heap_share(&other, class, magazines[i].blocks), 0);
        lares__pool_flush(&other);
        lares__pool_flush(&pool);
        lares__pool_trim();
    }
}

static void test_pool__without_memory_answers_null(void **state)
{
    void *block = take(&pool, 0);

    (void)state;
    lares__alloc_fail(1, 1);
    check(lares__pool_get(&pool, 0, LARES__POOL_SMALL) == NULL);
    check(lares__pool_get(&pool, 5, 4096) == NULL);
    check(lares__pool_get(&pool, LARES__POOL_NONE, 200000) == NULL);
    check(lares__pool_get(NULL, 0, LARES__POOL_SMALL) == NULL);
    lares__pool_put(&pool, 0, block);
    check(lares__pool_get(&pool, 0, LARES__POOL_SMALL) == block);
    check(lares__pool_get(&pool, 0, LARES__POOL_SMALL) == NULL);
    lares__alloc_fail(-1, 0);
    lares__pool_put(&pool, 0, block);
}

/* -- cases: the depot -- */

static void test_pool__magazines_go_by_the_depot(void **state)
{
    (void)state;
    take_many(&pool, 0, 4 * MAGAZINE);
    put_many(&pool, 0, 4 * MAGAZINE);
    check_u64(heap_share(&other, 0, 2 * MAGAZINE + 1), 1);
}

static void test_pool__the_depot_is_bounded(void **state)
{
    int64_t living = lares__alloc_living();

    (void)state;
    take_many(&pool, 0, MANY);
    put_many(&pool, 0, MANY);
    check_i64(lares__alloc_living() - living, (SLOTS + 2) * MAGAZINE);
    lares__pool_flush(&pool);
    check_i64(lares__alloc_living() - living, SLOTS * MAGAZINE);
    lares__pool_trim();
    check_i64(lares__alloc_living(), living);
}

static void test_pool__a_flushed_cache_is_empty_and_usable(void **state)
{
    (void)state;
    take_many(&pool, 0, MAGAZINE + 3);
    put_many(&pool, 0, MAGAZINE + 3);
    lares__pool_flush(&pool);
    lares__pool_flush(&pool);
    check_u64(heap_share(&other, 0, MAGAZINE + 4), 1);
    check_u64(heap_share(&pool, 0, 1), 1);
    lares__pool_trim();
    check_u64(heap_share(&pool, 0, 1), 0);
}

/* -- cases: threads -- */

enum {
    ROUNDS = 20000,
    WORKERS = 3
};

/* Places that all workers exchange blocks over: who makes a block is mostly
 * not the one that drops it. */
static _Atomic(void *) places[2 * MAGAZINE];
static atomic_int damaged;

/* a stamp that a second owner of the block would spoil */
static void stamp(void *block, uintptr_t worker)
{
    uintptr_t values[3] = {worker, (uintptr_t)block, ~worker};

    memcpy(block, values, sizeof values);
}

static int stamp_holds(const void *block)
{
    uintptr_t values[3];

    memcpy(values, block, sizeof values);
    return values[1] == (uintptr_t)block && values[2] == ~values[0];
}

static void worker_exchange(void *arg)
{
    uintptr_t worker = (uintptr_t)arg;
    struct lares__pool_cache cache = {0};

    for (size_t i = 0; i < ROUNDS; i++) {
        size_t place = (i * (2 * worker + 1)) % (2 * MAGAZINE);
        void *block = lares__pool_get(&cache, 0, LARES__POOL_SMALL);

        stamp(block, worker);
        block = atomic_exchange(&places[place], block);
        if (block == NULL)
            continue;
        if (!stamp_holds(block))
            atomic_store(&damaged, 1);
        lares__pool_put(&cache, 0, block);
    }
    lares__pool_flush(&cache);
}

static void test_pool__threads_exchange_blocks(void **state)
{
    struct lares__thread threads[WORKERS];

    (void)state;
    for (uintptr_t i = 0; i < WORKERS; i++)
        check_ok(lares__thread_start(&threads[i], worker_exchange, (void *)i));
    for (int i = 0; i < WORKERS; i++)
        lares__thread_join(&threads[i]);
    check(!damaged);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        void *block = atomic_exchange(&places[i], NULL);

        if (block != NULL)
            lares__pool_put(NULL, 0, block);
    }
}

/* One makes, one drops, at most `places` on the way. */
static void worker_drop(void *arg)
{
    struct lares__pool_cache cache = {0};

    (void)arg;
    for (size_t i = 0; i < ROUNDS; i++) {
        _Atomic(void *) *place = &places[i % (2 * MAGAZINE)];
        void *block;

        while ((block = atomic_exchange(place, NULL)) == NULL)
            sched_yield();
        lares__pool_put(&cache, 0, block);
    }
    lares__pool_flush(&cache);
}

static void make_for_the_other(void)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        _Atomic(void *) *place = &places[i % (2 * MAGAZINE)];
        void *block = lares__pool_get(&pool, 0, LARES__POOL_SMALL);
        void *none = NULL;

        while (!atomic_compare_exchange_strong(place, &none, block)) {
            none = NULL;
            sched_yield();
        }
    }
}

static void test_pool__a_maker_lives_on_what_another_drops(void **state)
{
    int64_t living = lares__alloc_living();
    uint64_t calls = lares__alloc_count();
    struct lares__thread thread;

    (void)state;
    check_ok(lares__thread_start(&thread, worker_drop, NULL));
    make_for_the_other();
    lares__thread_join(&thread);
    check(lares__alloc_count() - calls < 10 * MAGAZINE);
    check(lares__alloc_living() - living < 10 * MAGAZINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        caches_test(test_pool__class_is_the_smallest_that_holds),
        caches_test(test_pool__what_is_larger_has_no_class),
        caches_test(test_pool__every_class_holds_its_size),
        caches_test(test_pool__classes_do_not_mix),
        caches_test(test_pool__blocks_without_a_class_are_the_heaps),
        caches_test(test_pool__without_a_cache_nothing_is_kept),
        caches_test(test_pool__a_cache_recycles_two_magazines),
        caches_test(test_pool__no_block_is_given_twice),
        caches_test(test_pool__magazines_are_bounded_in_bytes),
        caches_test(test_pool__without_memory_answers_null),
        caches_test(test_pool__magazines_go_by_the_depot),
        caches_test(test_pool__the_depot_is_bounded),
        caches_test(test_pool__a_flushed_cache_is_empty_and_usable),
        caches_test(test_pool__threads_exchange_blocks),
        caches_test(test_pool__a_maker_lives_on_what_another_drops),
    };

    return check_run(tests);
}

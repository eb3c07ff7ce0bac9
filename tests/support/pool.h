/* pool.h - a cache of blocks for a test, at whose end all of them are back. */
#ifndef TESTS_POOL_H
#define TESTS_POOL_H

#include "support/heap.h"

#include "base/pool.h"

static struct lares__pool_cache pool;

static inline int pool_setup(void **state)
{
    lares__pool_trim();
    return heap_setup(state);
}

static inline int pool_teardown(void **state)
{
    lares__pool_flush(&pool);
    lares__pool_trim();
    return heap_teardown(state);
}

#define pool_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, pool_setup, pool_teardown)

#endif

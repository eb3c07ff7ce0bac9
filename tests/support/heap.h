/* heap.h - nothing is left behind, and every allocation may fail.
 *
 * For tests that are linked with the core's objects and see its heap.
 */
#ifndef HEAP_H
#define HEAP_H

#include "support/check.h"

#include "base/alloc.h"

static int64_t heap_baseline;

static inline int heap_setup(void **state)
{
    (void)state;
    heap_baseline = lares__alloc_living();
    return 0;
}

/* A failing teardown of a test counts; one of a group would not. */
static inline int heap_teardown(void **state)
{
    int64_t left = lares__alloc_living() - heap_baseline;

    (void)state;
    lares__alloc_fail(-1, 0);
    if (left != 0)
        print_error("%" PRId64 " blocks are left\n", left);
    return left != 0;
}

#define heap_test(test)                                                        \
    cmocka_unit_test_setup_teardown(test, heap_setup, heap_teardown)

/* Play a scenario, its nth allocation failing, for every n.
 *
 * The scenario frees what it made and answers its first bad status; the last
 * play is the one in which nothing failed any more. */
static inline void heap_torture_mode(lares_status (*scenario)(void), int sticky)
{
    int64_t living = lares__alloc_living();
    uint64_t calls;
    lares_status rc;
    int64_t n = 0;

    do {
        n++;
        calls = lares__alloc_count();
        lares__alloc_fail(n, sticky);
        rc = scenario();
        lares__alloc_fail(-1, 0);
        check(rc == LARES_OK || rc == LARES_ENOMEM);
        check_i64(lares__alloc_living(), living);
    } while (rc != LARES_OK);
    check_u64(lares__alloc_count() - calls, (uint64_t)n - 1);
}

/* One failure alone, then one and all later: both happen. */
static inline void heap_torture(lares_status (*scenario)(void))
{
    heap_torture_mode(scenario, 0);
    heap_torture_mode(scenario, 1);
}

#endif

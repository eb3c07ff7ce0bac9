#include "support/check.h"

#include "base/heap.h"
#include "support/heap.h"
#include "support/random.h"

/* -- tools -- */

enum {
    NODES = 200
};

/* A node is in the heap if its index is not 0: the model needs no more. */
static const struct lares__heap_node *
naive_min(const struct lares__heap_node *nodes)
{
    const struct lares__heap_node *min = NULL;

    for (int i = 0; i < NODES; i++)
        if (nodes[i].index != 0 && (min == NULL || nodes[i].at < min->at))
            min = &nodes[i];
    return min;
}

static uint32_t naive_count(const struct lares__heap_node *nodes)
{
    uint32_t count = 0;

    for (int i = 0; i < NODES; i++)
        count += nodes[i].index != 0;
    return count;
}

/* -- cases -- */

static void test_heap__equals_a_naive_model(void **state)
{
    struct lares__heap_node nodes[NODES] = {0};
    struct lares__heap heap;
    uint64_t seed = 1;

    (void)state;
    lares__heap_init(&heap);
    check_ok(lares__heap_reserve(&heap, NODES));
    for (int step = 0; step < 20000; step++) {
        struct lares__heap_node *node = &nodes[random_below(&seed, NODES)];
        const struct lares__heap_node *min;

        if (node->index == 0) {
            node->at = random_below(&seed, 50); /* many are equal */
            lares__heap_add(&heap, node);
        } else {
            lares__heap_remove(&heap, node);
        }
        min = naive_min(nodes);
        check_u64(heap.count, naive_count(nodes));
        if (min == NULL)
            check(lares__heap_min(&heap) == NULL);
        else
            check_u64(lares__heap_min(&heap)->at, min->at);
    }
    lares__heap_fini(&heap);
    check_u64(naive_count(nodes), 0);
}

static void test_heap__drains_in_order(void **state)
{
    struct lares__heap_node nodes[NODES] = {0};
    struct lares__heap heap;
    struct lares__heap_node *min;
    uint64_t seed = 2;
    uint64_t last = 0;

    (void)state;
    lares__heap_init(&heap);
    check_ok(lares__heap_reserve(&heap, NODES));
    for (int i = 0; i < NODES; i++) {
        nodes[i].at = random_next(&seed);
        lares__heap_add(&heap, &nodes[i]);
    }
    while ((min = lares__heap_min(&heap)) != NULL) {
        check(min->at >= last);
        last = min->at;
        lares__heap_remove(&heap, min);
    }
    lares__heap_fini(&heap);
}

static void test_heap__equal_times_leave_in_an_order_of_calls(void **state)
{
    struct lares__heap_node nodes[2][8] = {{{0, 0}}};
    struct lares__heap heaps[2];

    (void)state;
    for (int h = 0; h < 2; h++) {
        lares__heap_init(&heaps[h]);
        check_ok(lares__heap_reserve(&heaps[h], 8));
        for (int i = 0; i < 8; i++)
            lares__heap_add(&heaps[h], &nodes[h][h == 0 ? i : 7 - i]);
    }
    while (lares__heap_min(&heaps[0]) != NULL) {
        struct lares__heap_node *first = lares__heap_min(&heaps[0]);
        struct lares__heap_node *second = lares__heap_min(&heaps[1]);

        check_u64((uint64_t)(first - nodes[0]),
                  7 - (uint64_t)(second - nodes[1]));
        lares__heap_remove(&heaps[0], first);
        lares__heap_remove(&heaps[1], second);
    }
    lares__heap_fini(&heaps[0]);
    lares__heap_fini(&heaps[1]);
}

static void test_heap__removes_what_is_outside(void **state)
{
    struct lares__heap_node node = {0};
    struct lares__heap heap;

    (void)state;
    lares__heap_init(&heap);
    lares__heap_remove(&heap, &node);
    check(lares__heap_min(&heap) == NULL);
    lares__heap_fini(&heap);
}

static void test_heap__without_memory_stays_as_it_was(void **state)
{
    struct lares__heap_node node = {.at = 7};
    struct lares__heap heap;

    (void)state;
    lares__heap_init(&heap);
    lares__alloc_fail(1, 0);
    check_status(lares__heap_reserve(&heap, 1), LARES_ENOMEM);
    check_ok(lares__heap_reserve(&heap, 1));
    lares__heap_add(&heap, &node);
    lares__alloc_fail(1, 0);
    check_status(lares__heap_reserve(&heap, 1000), LARES_ENOMEM);
    check(lares__heap_min(&heap) == &node);
    lares__heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_heap__equals_a_naive_model),
        heap_test(test_heap__drains_in_order),
        heap_test(test_heap__equal_times_leave_in_an_order_of_calls),
        heap_test(test_heap__removes_what_is_outside),
        heap_test(test_heap__without_memory_stays_as_it_was),
    };

    return check_run(tests);
}

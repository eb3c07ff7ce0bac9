#include "support/heap.h"

/* -- cases --------------------------------------------------------------- */

static void test_alloc__counts_calls_and_living_blocks(void **state)
{
    uint64_t calls = lares__alloc_count();
    int64_t living = lares__alloc_living();
    void *a = lares__alloc(10);
    void *b = lares__calloc(3, 4);
    char *c = lares__strdup("text");

    (void)state;
    check_u64(lares__alloc_count() - calls, 3);
    check_i64(lares__alloc_living() - living, 3);
    check_str(c, "text");
    a = lares__realloc(a, 1000);
    check_u64(lares__alloc_count() - calls, 4);
    check_i64(lares__alloc_living() - living, 3);
    lares__free(a);
    lares__free(b);
    lares__free(c);
    lares__free(NULL);
    check_u64(lares__alloc_count() - calls, 4);
    check_i64(lares__alloc_living() - living, 0);
}

static void test_alloc__size_0_is_a_block(void **state)
{
    void *blocks[4] = {lares__alloc(0), lares__calloc(0, 8),
                       lares__calloc(8, 0), lares__realloc(NULL, 0)};
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        check(blocks[i] != NULL);
        blocks[i] = lares__realloc(blocks[i], 0);
        check(blocks[i] != NULL);
        lares__free(blocks[i]);
    }
}

static void test_alloc__zeroes_and_refuses_overflow(void **state)
{
    static const unsigned char zeroes[64];
    /* volatile: or the compiler warns of a size that no block has */
    volatile size_t huge = SIZE_MAX / 2 + 1;
    void *block = lares__calloc(8, 8);

    (void)state;
    check_mem(block, zeroes, 64);
    lares__free(block);
    check(lares__calloc(huge, 2) == NULL);
}

static void test_alloc__fails_the_nth_call_once(void **state)
{
    void *blocks[4];
    size_t i;

    (void)state;
    lares__alloc_fail(3, 0);
    for (i = 0; i < 4; i++)
        blocks[i] = lares__alloc(1);
    for (i = 0; i < 4; i++) {
        check((blocks[i] == NULL) == (i == 2));
        lares__free(blocks[i]);
    }
}

static void test_alloc__fails_all_later_calls_if_sticky(void **state)
{
    void *first;

    (void)state;
    lares__alloc_fail(2, 1);
    first = lares__alloc(1);
    check(first != NULL);
    check(lares__alloc(1) == NULL);
    check(lares__calloc(1, 1) == NULL);
    check(lares__strdup("") == NULL);
    check(lares__realloc(first, 2) == NULL);
    lares__free(first);
    lares__alloc_fail(-1, 0);
    first = lares__alloc(1);
    check(first != NULL);
    lares__free(first);
}

static void test_alloc__failed_realloc_keeps_the_block(void **state)
{
    char *text = lares__strdup("kept");

    (void)state;
    lares__alloc_fail(1, 0);
    check(lares__realloc(text, 100) == NULL);
    check_str(text, "kept");
    lares__free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        heap_test(test_alloc__counts_calls_and_living_blocks),
        heap_test(test_alloc__size_0_is_a_block),
        heap_test(test_alloc__zeroes_and_refuses_overflow),
        heap_test(test_alloc__fails_the_nth_call_once),
        heap_test(test_alloc__fails_all_later_calls_if_sticky),
        heap_test(test_alloc__failed_realloc_keeps_the_block),
    };

    return check_run(tests);
}

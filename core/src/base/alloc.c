#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLEAR_MAX = 4096 /* bytes that are cleared here */
};

static _Atomic uint64_t calls;
static _Atomic int64_t living;
static _Atomic int64_t fail_after = -1; /* calls until one fails; -1: never */
static _Atomic int fail_sticky;

/* The countdown stops at 0, where a sticky failure stays. */
static int alloc_fails(void)
{
    int64_t left = atomic_load_explicit(&fail_after, memory_order_relaxed);

    while (left > 0 &&
           !atomic_compare_exchange_weak(&fail_after, &left, left - 1))
        continue;
    return left == 1 || (left == 0 && atomic_load(&fail_sticky));
}

static int alloc_begin(void)
{
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    return !alloc_fails();
}

static void *alloc_given(void *block)
{
    if (block != NULL)
        atomic_fetch_add_explicit(&living, 1, memory_order_relaxed);
    return block;
}

void *lares__alloc(size_t size)
{
    if (!alloc_begin())
        return NULL;
    return alloc_given(malloc(size > 0 ? size : 1));
}

/* glibc's calloc looks past the cache of its thread, where malloc finds most
 * small blocks at once. */
static void *block_clear(size_t size)
{
    void *block = malloc(size);

    __asm__("" : "+r"(block)); /* or gcc makes a calloc of it */
    return block != NULL ? memset(block, 0, size) : NULL;
}

void *lares__calloc(size_t count, size_t size)
{
    size_t total;

    if (!alloc_begin() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    if (total == 0)
        total = 1;
    return alloc_given(total <= CLEAR_MAX ? block_clear(total)
                                          : calloc(1, total));
}

void *lares__realloc(void *block, size_t size)
{
    if (block == NULL)
        return lares__alloc(size);
    if (!alloc_begin())
        return NULL;
    return realloc(block, size > 0 ? size : 1);
}

char *lares__strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = lares__alloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void lares__free(void *block)
{
    if (block == NULL)
        return;
    atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
    free(block);
}

uint64_t lares__alloc_count(void)
{
    return atomic_load_explicit(&calls, memory_order_relaxed);
}

int64_t lares__alloc_living(void)
{
    return atomic_load_explicit(&living, memory_order_relaxed);
}

void lares__alloc_fail(int64_t nth, int sticky)
{
    atomic_store(&fail_sticky, sticky);
    atomic_store(&fail_after, nth > 0 ? nth : -1);
}

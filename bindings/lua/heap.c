/* Design notes
 *
 * A state is entered by one thread at a time, and Lua names the size of what
 * it frees. So small blocks need no header and no lock: they are carved from
 * slabs, in steps of 16 bytes, and a freed one waits in the list of its size.
 * That is a third of what malloc and free take, and each input of a daemon
 * costs a pair of them for its string.
 *
 * Slabs go back when the state ends; blocks above SMALL are malloc's.
 */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP = 16,
    SMALL = 512,
    SLAB = 4096 - 2 * STEP /* with malloc's header less than a page */
};

struct spare {
    struct spare *next;
};

struct slab {
    _Alignas(STEP) struct slab *next;
};

struct lares__heap {
    struct spare *spares[SMALL / STEP + 1]; /* by size / STEP */
    struct slab *slabs;
    char *fresh, *end; /* what is left of the youngest slab */
};

struct lares__heap *lares__heap_new(void)
{
    return calloc(1, sizeof(struct lares__heap));
}

void lares__heap_free(struct lares__heap *heap)
{
    struct slab *slab, *next;

    for (slab = heap->slabs; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    free(heap);
}

static inline size_t size_class(size_t size)
{
    return (size + STEP - 1) / STEP;
}

static void small_free(struct lares__heap *heap, void *block, size_t size)
{
    struct spare *spare = block;

    spare->next = heap->spares[size_class(size)];
    heap->spares[size_class(size)] = spare;
}

/* What is left of a slab is too small for somebody, but not for all. */
static void slab_end(struct lares__heap *heap)
{
    size_t left = (size_t)(heap->end - heap->fresh);

    if (left > 0)
        small_free(heap, heap->fresh, left);
}

static int slab_new(struct lares__heap *heap)
{
    struct slab *slab = malloc(SLAB);

    if (slab == NULL)
        return 0;
    slab_end(heap);
    slab->next = heap->slabs;
    heap->slabs = slab;
    heap->fresh = (char *)(slab + 1);
    heap->end = (char *)slab + SLAB;
    return 1;
}

static void *small_alloc(struct lares__heap *heap, size_t size)
{
    size_t bytes = size_class(size) * STEP;
    struct spare *spare = heap->spares[size_class(size)];
    char *block;

    if (spare != NULL) {
        heap->spares[size_class(size)] = spare->next;
        return spare;
    }
    if ((size_t)(heap->end - heap->fresh) < bytes && !slab_new(heap))
        return NULL;
    block = heap->fresh;
    heap->fresh += bytes;
    return block;
}

static void *heap_alloc(struct lares__heap *heap, size_t size)
{
    return size <= SMALL ? small_alloc(heap, size) : malloc(size);
}

static void block_free(struct lares__heap *heap, void *block, size_t size)
{
    if (size <= SMALL)
        small_free(heap, block, size);
    else
        free(block);
}

static void *block_move(struct lares__heap *heap, void *block, size_t old,
                        size_t size)
{
    void *moved = heap_alloc(heap, size);

    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old < size ? old : size);
    block_free(heap, block, old);
    return moved;
}

void *lares__heap_realloc(void *user, void *block, size_t old, size_t size)
{
    struct lares__heap *heap = user;

    if (block == NULL) /* `old` is a type then */
        return size > 0 ? heap_alloc(heap, size) : NULL;
    if (size == 0) {
        block_free(heap, block, old);
        return NULL;
    }
    if (old > SMALL && size > SMALL)
        return realloc(block, size);
    if (old <= SMALL && size_class(old) == size_class(size))
        return block;
    return block_move(heap, block, old, size);
}

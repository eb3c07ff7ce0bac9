#include "base/heap.h"

#include "base/alloc.h"

#include <assert.h>

enum {
    ROOM_MIN = 16
};

void lares__heap_init(struct lares__heap *heap)
{
    heap->nodes = NULL;
    heap->count = 0;
    heap->room = 0;
}

void lares__heap_fini(struct lares__heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++)
        heap->nodes[i]->index = 0;
    lares__free(heap->nodes);
    lares__heap_init(heap);
}

lares_status lares__heap_reserve(struct lares__heap *heap, uint32_t count)
{
    uint32_t room = heap->room > 0 ? heap->room : ROOM_MIN;
    struct lares__heap_node **nodes;

    if (count <= heap->room)
        return LARES_OK;
    while (room < count)
        room = room > UINT32_MAX / 2 ? UINT32_MAX : 2 * room;
    nodes =
        lares__realloc(heap->nodes, room * sizeof(struct lares__heap_node *));
    if (nodes == NULL)
        return LARES_ENOMEM;
    heap->nodes = nodes;
    heap->room = room;
    return LARES_OK;
}

/* places count from 1: the parent of i is i / 2, its children 2i and 2i + 1 */
static struct lares__heap_node *heap_at(const struct lares__heap *heap,
                                        uint32_t index)
{
    return heap->nodes[index - 1];
}

static void heap_put(struct lares__heap *heap, uint32_t index,
                     struct lares__heap_node *node)
{
    heap->nodes[index - 1] = node;
    node->index = index;
}

static void heap_rise(struct lares__heap *heap, uint32_t index,
                      struct lares__heap_node *node)
{
    while (index > 1 && node->at < heap_at(heap, index / 2)->at) {
        heap_put(heap, index, heap_at(heap, index / 2));
        index /= 2;
    }
    heap_put(heap, index, node);
}

/* the earlier child of a place, 0 without children */
static uint32_t heap_child(const struct lares__heap *heap, uint32_t index)
{
    uint32_t left;

    if (index > heap->count / 2)
        return 0;
    left = 2 * index;
    if (left < heap->count &&
        heap_at(heap, left + 1)->at < heap_at(heap, left)->at)
        return left + 1;
    return left;
}

static void heap_sink(struct lares__heap *heap, uint32_t index,
                      struct lares__heap_node *node)
{
    uint32_t child;

    while ((child = heap_child(heap, index)) != 0 &&
           heap_at(heap, child)->at < node->at) {
        heap_put(heap, index, heap_at(heap, child));
        index = child;
    }
    heap_put(heap, index, node);
}

void lares__heap_add(struct lares__heap *heap, struct lares__heap_node *node)
{
    assert(node->index == 0 && heap->count < heap->room);
    heap->count++;
    heap_rise(heap, heap->count, node);
}

void lares__heap_remove(struct lares__heap *heap, struct lares__heap_node *node)
{
    uint32_t index = node->index;
    struct lares__heap_node *last;

    if (index == 0)
        return;
    assert(index <= heap->count && heap_at(heap, index) == node);
    last = heap_at(heap, heap->count);
    heap->count--;
    node->index = 0;
    if (last == node)
        return;
    /* the last one fills the hole, and may belong above it or below */
    heap_rise(heap, index, last);
    heap_sink(heap, last->index, last);
}

struct lares__heap_node *lares__heap_min(const struct lares__heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

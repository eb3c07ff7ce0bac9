/* heap.h - an intrusive binary heap of deadlines.
 *
 * Its owner embeds a node and keeps it alive while it is inside. Nodes of
 * equal time leave in an order that depends only on the calls made, never on
 * addresses. */
#ifndef LARES_HEAP_H
#define LARES_HEAP_H

#include "lares.h"

struct lares__heap_node {
    uint64_t at;    /* the deadline; changed only while outside */
    uint32_t index; /* place in the heap, from 1; 0: outside */
};

struct lares__heap {
    struct lares__heap_node **nodes;
    uint32_t count;
    uint32_t room;
};

void lares__heap_init(struct lares__heap *heap);
void lares__heap_fini(struct lares__heap *heap);

/* makes room for `count` nodes in all, so that adding cannot fail */
lares_status lares__heap_reserve(struct lares__heap *heap, uint32_t count);

/* the node is outside, and there is room */
void lares__heap_add(struct lares__heap *heap, struct lares__heap_node *node);
/* a node that is outside stays there */
void lares__heap_remove(struct lares__heap *heap,
                        struct lares__heap_node *node);

/* the node of the earliest deadline, NULL without any */
struct lares__heap_node *lares__heap_min(const struct lares__heap *heap);

#endif

/* queue.h - the way into a lane: any thread pushes, one takes all.
 *
 * One pointer to a list, newest first. Who finds it empty wakes the taker, so
 * under load there are no wake-ups at all. */
#ifndef LARES_QUEUE_H
#define LARES_QUEUE_H

#include "chain/envelope.h"

struct lares__queue {
    _Atomic(struct lares__input *) head;
    void (*wake)(struct lares__queue *queue);
    uint32_t number; /* of its lane */
};

/* Pushes a chain, newest first. Hot path: one compare-and-swap. */
static inline void lares__queue_push(struct lares__queue *queue,
                                     struct lares__input *newest,
                                     struct lares__input *oldest)
{
    struct lares__input *head =
        atomic_load_explicit(&queue->head, memory_order_relaxed);

    do
        oldest->next = head;
    while (!atomic_compare_exchange_weak_explicit(&queue->head, &head, newest,
                                                  memory_order_seq_cst,
                                                  memory_order_relaxed));
    if (head == NULL)
        queue->wake(queue);
}

/* Takes all, oldest first. */
static inline struct lares__input *lares__queue_take(struct lares__queue *queue)
{
    struct lares__input *taken;
    struct lares__input *oldest = NULL;

    if (atomic_load_explicit(&queue->head, memory_order_relaxed) == NULL)
        return NULL;
    taken = atomic_exchange_explicit(&queue->head, NULL, memory_order_acquire);
    while (taken != NULL) {
        struct lares__input *next = taken->next;

        taken->next = oldest;
        oldest = taken;
        taken = next;
    }
    return oldest;
}

#endif

#include "bus/bus.h"

#include "base/error.h"

#include <assert.h>

enum {
    LOCK_FLOOR = 3
};

void lares__bus_init(struct lares__bus *bus, uint64_t letters_count,
                     uint64_t letters_bytes)
{
    lares__letters_init(&bus->letters, letters_count, letters_bytes);
    lares__mutex_init(&bus->lock, LOCK_FLOOR);
    lares__subscriptions_init(&bus->table);
    bus->subscriptions = 0;
    atomic_init(&bus->generation, 1);
}

void lares__bus_fini(struct lares__bus *bus)
{
    lares__subscriptions_fini(&bus->table);
    lares__letters_fini(&bus->letters);
    lares__mutex_fini(&bus->lock);
}

/* caches of routes are older than the table now */
static void bus_changed_locked(struct lares__bus *bus)
{
    atomic_fetch_add_explicit(&bus->generation, 1, memory_order_release);
}

lares_status lares__bus_subscribe(struct lares__bus *bus, const char *pattern,
                                  const char *group,
                                  struct lares__receiver *receiver)
{
    lares_status rc;

    lares__mutex_lock(&bus->lock);
    if (bus->subscriptions == LARES__SUBSCRIPTIONS_MAX)
        rc = lares__error(LARES_ELIMIT, "a node has at most %d subscriptions",
                          LARES__SUBSCRIPTIONS_MAX);
    else
        rc = lares__subscriptions_add(&bus->table, pattern, group, receiver);
    if (rc == LARES_OK) {
        bus->subscriptions++;
        bus_changed_locked(bus);
    }
    lares__mutex_unlock(&bus->lock);
    return rc;
}

void lares__bus_unsubscribe(struct lares__bus *bus, const char *pattern,
                            const char *group, struct lares__receiver *receiver)
{
    lares__mutex_lock(&bus->lock);
    lares__subscriptions_remove(&bus->table, pattern, group, receiver);
    bus->subscriptions--;
    bus_changed_locked(bus);
    lares__mutex_unlock(&bus->lock);
}

/* -- lines ---------------------------------------------------------------- */

void lares__bus_wait(struct lares__bus *bus, struct lares__receiver *receiver,
                     struct lares__waiter *waiter)
{
    struct lares__waiter **end = &receiver->line;

    lares__mutex_lock(&bus->lock);
    assert(waiter->at == NULL || waiter->at == receiver);
    if (waiter->at == NULL) {
        while (*end != NULL)
            end = &(*end)->next;
        waiter->next = NULL;
        waiter->at = receiver;
        *end = waiter;
        lares__receiver_retain(receiver);
        atomic_fetch_add_explicit(&receiver->waiting, 1, memory_order_seq_cst);
    }
    lares__mutex_unlock(&bus->lock);
    atomic_thread_fence(memory_order_seq_cst); /* settle has its twin */
}

static void line_wake_first_locked(struct lares__receiver *receiver)
{
    if (receiver->line != NULL && lares__receiver_half(receiver))
        receiver->line->wake(receiver->line);
}

void lares__bus_leave(struct lares__bus *bus, struct lares__waiter *waiter)
{
    struct lares__receiver *receiver;
    struct lares__waiter **place;

    lares__mutex_lock(&bus->lock);
    receiver = waiter->at;
    if (receiver != NULL) {
        for (place = &receiver->line; *place != waiter; place = &(*place)->next)
            ;
        *place = waiter->next;
        waiter->at = NULL;
        atomic_fetch_sub_explicit(&receiver->waiting, 1, memory_order_seq_cst);
        line_wake_first_locked(receiver);
    }
    lares__mutex_unlock(&bus->lock);
    if (receiver != NULL)
        lares__receiver_release(receiver);
}

int lares__bus_is_first(struct lares__bus *bus,
                        const struct lares__waiter *waiter)
{
    int first;

    lares__mutex_lock(&bus->lock);
    first = waiter->at != NULL && waiter->at->line == waiter;
    lares__mutex_unlock(&bus->lock);
    return first;
}

void lares__bus_room(struct lares__bus *bus, struct lares__receiver *receiver)
{
    lares__mutex_lock(&bus->lock);
    line_wake_first_locked(receiver);
    lares__mutex_unlock(&bus->lock);
}

void lares__bus_dissolve(struct lares__bus *bus,
                         struct lares__receiver *receiver)
{
    lares__mutex_lock(&bus->lock);
    for (struct lares__waiter *waiter = receiver->line; waiter != NULL;
         waiter = waiter->next)
        waiter->wake(waiter);
    lares__mutex_unlock(&bus->lock);
}

/* bus.h - subscriptions and lines of a node, under one lock. */
#ifndef LARES_BUS_H
#define LARES_BUS_H

#include "base/thread.h"
#include "bus/letter.h"
#include "bus/receiver.h"
#include "bus/subscription.h"

enum {
    LARES__SUBSCRIPTIONS_MAX = 1048576
};

struct lares__bus {
    struct lares__mutex lock;
    struct lares__subscriptions table; /* guarded by lock */
    uint32_t subscriptions;            /* guarded by lock */
    atomic_ullong generation;          /* of the table; changed under lock */
    struct lares__letters letters;     /* has a lock of its own */
};

void lares__bus_init(struct lares__bus *bus, uint64_t letters_count,
                     uint64_t letters_bytes);
void lares__bus_fini(struct lares__bus *bus);

/* Names are well spelled. The receiver's owner subscribes an entry once, and
 * withdraws only what stands. */
lares_status lares__bus_subscribe(struct lares__bus *bus, const char *pattern,
                                  const char *group,
                                  struct lares__receiver *receiver);
void lares__bus_unsubscribe(struct lares__bus *bus, const char *pattern,
                            const char *group,
                            struct lares__receiver *receiver);

/* Enters the line of a receiver; in it already: stays where it stands. The
 * caller looks once more at the level before it waits. */
void lares__bus_wait(struct lares__bus *bus, struct lares__receiver *receiver,
                     struct lares__waiter *waiter);
/* Leaves the line it stands in, and lets the next one come if it may. */
void lares__bus_leave(struct lares__bus *bus, struct lares__waiter *waiter);
int lares__bus_is_first(struct lares__bus *bus,
                        const struct lares__waiter *waiter);

/* space was made: wakes the first of the line at half */
void lares__bus_room(struct lares__bus *bus, struct lares__receiver *receiver);
/* closed or sick: wakes the whole line */
void lares__bus_dissolve(struct lares__bus *bus,
                         struct lares__receiver *receiver);

#endif

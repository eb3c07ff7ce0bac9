/* receiver.h - whoever gets events: how much space there is, and the line of
 * those who wait for it. */
#ifndef LARES_RECEIVER_H
#define LARES_RECEIVER_H

#include "bus/queue.h"

#include <stdatomic.h>

struct lares__receiver;

enum lares__posture {
    LARES__RUNNING,
    LARES__PAUSED, /* passed over by its queue groups */
    LARES__SICK    /* and, without space, by everybody */
};

/* Stands in the line of one receiver; all guarded by the bus lock. */
struct lares__waiter {
    struct lares__waiter *next;
    struct lares__receiver *at;                 /* NULL: in no line */
    void (*wake)(struct lares__waiter *waiter); /* under the bus lock */
};

struct lares__receiver_ops {
    /* an inbox takes an event that was let in; NULL: it has a queue */
    void (*accept)(struct lares__receiver *receiver,
                   struct lares__input *input);
    /* the last reference was dropped */
    void (*destroy)(struct lares__receiver *receiver);
};

/* The level is the difference of two words: `reserved` is changed by any
 * thread, by compare-and-swap; `taken` is stored by the one inside. Each has
 * 31 bits of events, 32 bits of 64-byte units; `reserved` has a bit "closed".
 */
struct lares__receiver {
    atomic_ullong reserved;
    atomic_ullong taken;
    atomic_uint refs;
    atomic_uint waiting; /* in the line; changed under the bus lock */
    atomic_int posture;
    /* set at open */
    uint32_t count_max;
    uint32_t bytes_max;
    int evicts; /* never refuses */
    const struct lares__receiver_ops *ops;
    struct lares__queue *queue;
    uint64_t number; /* in this order receivers are reserved; lane first */
    uint64_t origin; /* 0: an inbox */
    const char *name;
    /* guarded by the bus lock */
    struct lares__waiter *line;
    /* of the thread inside: settled since it last looked at its line */
    uint32_t unlooked_count;
    uint32_t unlooked_units;
};

enum lares__room {
    LARES__ROOM,
    LARES__FULL,
    LARES__CLOSED
};

struct lares__level {
    uint32_t count;
    uint64_t bytes;
};

/* units of 64 bytes that an event costs in a mailbox */
static inline uint32_t lares__cost(size_t len)
{
    return (uint32_t)((len + 128 + 63) / 64);
}

struct lares__level lares__receiver_level(const struct lares__receiver *r);
int lares__receiver_closed(const struct lares__receiver *receiver);

/* Is there space for one event? `first`: the caller is first in its line. */
enum lares__room lares__receiver_look(const struct lares__receiver *receiver,
                                      uint32_t units, int first);
/* Lets `count` events of `units` in all in, or changes nothing. */
enum lares__room lares__receiver_reserve(struct lares__receiver *receiver,
                                         uint32_t count, uint32_t units,
                                         int first);
void lares__receiver_give_back(struct lares__receiver *receiver,
                               uint32_t units);
/* nothing is let in any more */
void lares__receiver_close(struct lares__receiver *receiver);

/* The thread inside has settled events. 1: it must look at its line. */
int lares__receiver_settle(struct lares__receiver *receiver, uint32_t count,
                           uint32_t units);
/* at most half full: the first of its line may come */
int lares__receiver_half(const struct lares__receiver *receiver);

void lares__receiver_retain(struct lares__receiver *receiver);
void lares__receiver_release(struct lares__receiver *receiver);

#endif

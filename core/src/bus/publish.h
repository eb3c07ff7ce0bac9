/* publish.h - from one event to its receivers: to all that count, or to none.
 *
 * A publisher belongs to one thread at a time (a lane, the node chain under its
 * mutex, a synchronous deliver). It caches channel -> receivers for one
 * generation of the bus, and collects what it queues until it is flushed. */
#ifndef LARES_PUBLISH_H
#define LARES_PUBLISH_H

#include "base/pool.h"
#include "bus/bus.h"

struct lares__route;

struct lares__pending {
    struct lares__queue *queue;
    struct lares__input *newest; /* NULL: nothing is pending */
    struct lares__input *oldest;
};

struct lares__publisher {
    struct lares__bus *bus;
    struct lares__pool_cache pool;
    /* the lane whose thread this is, and how it takes from its own */
    struct lares__queue *own; /* NULL: no lane */
    void (*append)(struct lares__queue *own, struct lares__input *oldest);
    /* routes of one generation */
    unsigned long long generation;
    struct lares__route **table;
    uint32_t routes;
    struct lares__route *last;
    /* the publish in hand */
    struct lares__receiver **chosen; /* who gets it, from the front; */
    uint32_t chosen_count;
    uint32_t sick_count; /* from the back: the sick ones without space */
    uint32_t chosen_room;
    struct lares__input *extra; /* inputs of receivers behind the first */
    struct lares__pending *pending;
    uint32_t lanes;
};

/* Whom a publish is for, and who asks. */
struct lares__address {
    const char *channel;
    size_t channel_len;
    struct lares__receiver *to;          /* sent to one; NULL: the channel */
    const struct lares__receiver *self;  /* never receives its own; or NULL */
    const struct lares__receiver *first; /* the caller is first in its line */
};

lares_status lares__publisher_init(struct lares__publisher *publisher,
                                   struct lares__bus *bus, uint32_t lanes);
void lares__publisher_fini(struct lares__publisher *publisher);
/* drops cached routes, and the receivers they keep */
void lares__publisher_forget(struct lares__publisher *publisher);

/* Chooses the receivers of an event of `len` bytes and makes space with all of
 * them, or with none: EAGAIN, and *full_out has no space; ENOMEM; of one that
 * is sent to, ECLOSED and EDOWN. A sick subscriber without space is left out,
 * and gets a dead letter when the event is queued. */
lares_status lares__publish_reserve(struct lares__publisher *publisher,
                                    const struct lares__address *address,
                                    size_t len,
                                    struct lares__receiver **full_out);
/* The receiver of the channel published to last, if it is the only one and
 * lives on a lane; NULL: reserve as above. The name is then well spelled. */
struct lares__receiver *
lares__publish_sole(const struct lares__publisher *publisher,
                    const char *channel, size_t *len_out);
/* Queues a linked event for one receiver that has let it in. */
void lares__publish_post(struct lares__receiver *receiver,
                         struct lares__envelope *event,
                         struct lares__reply *reply);

/* Queues a linked event for the receivers just reserved; takes a reference. */
void lares__publish_queue(struct lares__publisher *publisher,
                          struct lares__envelope *event,
                          struct lares__reply *reply);
/* Pushes what was queued, once a lane. */
void lares__publish_flush(struct lares__publisher *publisher);

/* Hands over outputs, oldest first, until one finds no space; returns the
 * first that is left, and who has no space for it. */
struct lares__envelope *lares__publish_outputs(
    struct lares__publisher *publisher, struct lares__envelope *first,
    struct lares__receiver *self, const struct lares__receiver *first_at,
    struct lares__receiver **full_out);

#endif

/* route.h - who receives what is published on one channel. */
#ifndef LARES_ROUTE_H
#define LARES_ROUTE_H

#include "bus/bus.h"

/* one queue group: one member gets each event, in turn */
struct lares__route_group {
    struct lares__receiver **members;
    uint32_t count;
    uint32_t turn;
    uint32_t next;    /* the turn behind the publish in hand */
    const char *name; /* while the route is made */
};

struct lares__route {
    struct lares__route *next; /* in its bucket */
    uint64_t hash;
    size_t len;
    char *channel;
    struct lares__receiver **plain; /* by rising number, no doubles */
    uint32_t plain_count;
    struct lares__route_group *groups;
    uint32_t group_count;
    struct lares__receiver *sole; /* the only one, and on a lane; or NULL */
};

/* Reads the table of the bus, and holds a reference to every receiver. */
lares_status lares__route_new(struct lares__bus *bus, const char *channel,
                              size_t len, uint64_t hash,
                              struct lares__route **out);
void lares__route_free(struct lares__route *route);

#endif

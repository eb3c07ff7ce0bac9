/* events.h - a list of events that owns what it shows. */
#ifndef LARES_EVENTS_H
#define LARES_EVENTS_H

#include "chain/envelope.h"

struct lares_events {
    size_t count;
    size_t next;
    lares_event view;
    struct lares__envelope *items[];
};

/* room for `count` events, NULL without memory */
struct lares_events *lares__events_new(size_t count);
/* takes a reference of the caller's */
void lares__events_add(struct lares_events *events,
                       struct lares__envelope *envelope);
const lares_event *lares__events_next(struct lares_events *events);
void lares__events_free(struct lares_events *events);

#endif

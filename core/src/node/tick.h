/* tick.h - the heartbeat of a node: what it does again and again. */
#ifndef LARES_TICK_H
#define LARES_TICK_H

#include "lares.h"

struct lares__tick {
    uint64_t interval; /* ns; set at open */
    uint64_t due;      /* monotonic ns; of the loop, or of whoever runs it */
};

/* the first one falls due an interval from now */
void lares__tick_start(lares_node *node, uint64_t now);

/* One tick, if it is time; 0: it is not. Of the loop, or of whoever runs a node
 * without lanes. */
int lares__tick_step(lares_node *node);
/* when, monotonic ns; UINT64_MAX: the node does not run */
uint64_t lares__tick_due(const lares_node *node);

#endif

/* world.h - nodes under a virtual clock, stepped one after the other. */
#ifndef LARES_WORLD_H
#define LARES_WORLD_H

#include "io/sim/sim_world.h"
#include "node/node.h"

enum {
    LARES__WORLD_NODES = 64
};

struct lares_world {
    struct lares__sim *sim;
    lares_node *nodes[LARES__WORLD_NODES]; /* in the order they were made */
    uint32_t count;
};

lares_status lares__world_new(uint64_t seed, lares_world **out);
lares_status lares__world_node(lares_world *world, const char *name,
                               const lares_options *options, lares_node **out);
/* Does all that falls due within `duration_ms`, in the order of time, then of
 * nodes, and leaves the clock at its end. */
void lares__world_run(lares_world *world, int64_t duration_ms);
void lares__world_free(lares_world *world);

#endif

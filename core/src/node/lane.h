/* lane.h - a worker with its own queue of daemons. */
#ifndef LARES_LANE_H
#define LARES_LANE_H

#include "node/node.h"

lares_status lares__lane_init(struct lares__lane *lane, lares_node *node,
                              uint32_t number);
void lares__lane_fini(struct lares__lane *lane);

lares_status lares__lane_start(struct lares__lane *lane);
/* asks its thread to end once it finds nothing to do */
void lares__lane_quit(struct lares__lane *lane);
void lares__lane_wake(struct lares__lane *lane);

/* Forgets what is still on its way; the lane has ended. Any thread. */
void lares__lane_discard(struct lares__lane *lane);

/* One visit to one daemon; 0: nothing is ready. Of the lane's thread. */
int lares__lane_turn(struct lares__lane *lane);
/* is its queue empty? */
int lares__lane_idle(struct lares__lane *lane);
/* when its next gate falls due, UINT64_MAX: none will */
uint64_t lares__lane_due(struct lares__lane *lane);

/* Sets when a daemon of the lane is to be visited, in place of what was set;
 * UINT64_MAX: no more. Any thread, which pokes the daemon afterwards if it is
 * not the lane's. Room was reserved at spawn. */
void lares__lane_gate(struct lares__lane *lane, struct lares__heap_node *gate,
                      uint64_t at);

/* The same, unless an earlier time is set; 1: it was changed. */
int lares__lane_gate_by(struct lares__lane *lane, struct lares__heap_node *gate,
                        uint64_t at);

/* puts a daemon into the run queue; of the lane's thread */
void lares__lane_schedule(struct lares__lane *lane, lares_daemon *daemon);
/* takes one out that is closing: a poke may have come during its last visit */
void lares__lane_unschedule(struct lares__lane *lane, lares_daemon *daemon);

/* Ends the crossing of a daemon soon, if it is in one; of another that comes
 * at the same moment, perhaps: ending early does no harm. Any thread. */
void lares__lane_cut(struct lares__lane *lane, const lares_daemon *daemon);

/* of the loop: ends a crossing that two passes have seen */
void lares__lane_watch(struct lares__lane *lane);

#endif

/* wait.h - how a program's thread waits. */
#ifndef LARES_WAIT_H
#define LARES_WAIT_H

#include "node/node.h"

/* Reads atomics only: it is asked again and again, by any thread. */
typedef int (*lares__ready_fn)(void *context);

/* Waits until ready(context), or the deadline: ETIMEDOUT; 0 only tries. In a simulated world it
 * is over when nothing happens any more without time passing. Without lanes it
 * runs the node meanwhile, one thread at a time. Never inside a callback. */
lares_status lares__node_await(lares_node *node, lares__ready_fn ready,
                               void *context, uint64_t deadline);

/* Something that a thread may wait for has come about. Cheap when nobody
 * waits. Takes the lot's lock, so it may be called under any other. */
void lares__node_notify(lares_node *node);

/* lanes 0: takes the node to run it, if nobody does; 0: somebody does */
int lares__node_drive(lares_node *node);
void lares__node_undrive(lares_node *node);

/* lanes 0: does one thing that is ready; 0: nothing is */
int lares__node_step(lares_node *node);
/* lanes 0: when something falls due, UINT64_MAX: nothing will */
uint64_t lares__node_due(lares_node *node);

#endif

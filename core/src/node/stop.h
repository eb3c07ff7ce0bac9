/* stop.h - how a node stops: settle, stop daemons, end lanes. */
#ifndef LARES_STOP_H
#define LARES_STOP_H

#include "node/node.h"

/* Goes on with a stop that was asked for; 1: something was done. Of the loop,
 * or of whoever runs a node without lanes. */
int lares__stop_step(lares_node *node);
/* when to call it again, monotonic ns; UINT64_MAX: nothing is going on */
uint64_t lares__stop_due(lares_node *node);

#endif

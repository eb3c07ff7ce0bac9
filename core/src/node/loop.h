/* loop.h - the thread that watches the lanes and carries out a stop. */
#ifndef LARES_LOOP_H
#define LARES_LOOP_H

#include "node/node.h"

/* of a node with lanes; ends by itself once the node has stopped */
lares_status lares__loop_start(lares_node *node);

#endif

/* pump.h - lines in, lines out: one daemon as a filter. */
#ifndef LARES_LUA_PUMP_H
#define LARES_LUA_PUMP_H

#include "job.h"

/* Spawn a daemon of the one kind that the job means, publish each line of
 * standard input to it, print what it emits, and stop the node when the input
 * ends. The node runs, and its kinds are registered. Returns the exit code;
 * what went wrong has been said. */
int lares__pump_run(lares_node *node, const struct lares__job *job);

#endif

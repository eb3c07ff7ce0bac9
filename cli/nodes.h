/* nodes.h - the nodes of this user whose sockets can be reached. */
#ifndef LARES_CLI_NODES_H
#define LARES_CLI_NODES_H

#include "console.h"

/* Connect to a node: by its name, or by the path of its socket if that has a
 * slash; NULL means the one that runs. Returns an exit code; what went wrong
 * has been said. */
int lares__nodes_connect(const struct lares__console *console, const char *node,
                         int *fd_out);

#endif

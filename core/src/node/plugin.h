/* plugin.h - shared objects that register kinds. */
#ifndef LARES_PLUGIN_H
#define LARES_PLUGIN_H

#include "node/node.h"

lares_status lares__plugin_load(lares_node *node, const char *path,
                                const char *argument);

/* The load under which this thread registers: its own while it opens a
 * plug-in, else {0, NULL}. */
struct lares__load lares__plugin_current(lares_node *node);

#endif

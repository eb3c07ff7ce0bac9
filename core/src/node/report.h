/* report.h - tables of facts: the one source of everything that is shown. */
#ifndef LARES_REPORT_H
#define LARES_REPORT_H

#include "node/node.h"

/* ENOTFOUND: no such table. ENOMEM */
lares_status lares__node_report(lares_node *node, const char *what,
                                lares_rows **out);

#endif

/* The recovery handlers of the conformance cases, as a C author writes them. */
#ifndef LARES_CONFORMANCE_HANDLERS_H
#define LARES_CONFORMANCE_HANDLERS_H

#include "case.h"

/* Register a handler; NULL data ends its words. Each time it runs it does them
 * in their order: `7` reports slot 7, `add 9` registers a handler 9 that reports
 * slot 9, `remove NAME` takes one away, `fail` fails. */
lares_status handler_add(lares_recovery *recovery, const char *name,
                         const struct word *words, size_t *count_out);

/* Take away the handler of that name. */
lares_status handler_remove(lares_recovery *recovery, const char *name);

#endif

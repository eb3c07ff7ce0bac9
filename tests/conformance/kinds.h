/* The kinds of the conformance cases, as a C author writes them. */
#ifndef LARES_CONFORMANCE_KINDS_H
#define LARES_CONFORMANCE_KINDS_H

#include "lares.h"

/* Register one of the kinds with a node; EKIND when there is none so called. */
lares_status kind_register(lares_node *node, const char *kind,
                           const lares_options *options);

#endif

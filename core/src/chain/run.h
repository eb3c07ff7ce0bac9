/* run.h - a stretch of one chain without its payloads. */
#ifndef LARES_RUN_H
#define LARES_RUN_H

#include "chain/link.h"

/* Check every step of a run: links, and hashes computed from the payloads.
 *
 * Without an anchor (NULL) the first entry is taken as it is. EORIGIN, EGAP,
 * EPARENT: bad_out is then the index of the first entry that does not follow,
 * else it is untouched. */
lares_status lares__run_verify(const struct lares__head *anchor,
                               const struct lares__head *run, size_t count,
                               size_t *bad_out);

#endif

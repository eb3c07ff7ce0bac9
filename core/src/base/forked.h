/* forked.h - in a forked child the library is dead.
 *
 * Threads do not survive a fork and locks stay as they were, so a child that
 * inherits anything alive is refused every call. A child of a process that
 * had made nothing yet may use the library.
 */
#ifndef LARES_FORKED_H
#define LARES_FORKED_H

#include "lares.h"

/* From now on a forked child is refused; called before a key or node lives. */
void lares__forked_arm(void);

/* Whether this process is such a child. */
int lares__forked(void);

/* The first thing in every public function that can fail: whether the process
 * is such a child. Forgets what failed before on this thread. */
int lares__refused(void);

/* What every public entry answers then: LARES_EFORKED, with its detail. */
lares_status lares__forked_refuse(void);

#endif

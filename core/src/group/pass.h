/* pass.h - every handler of a registry once, on one thread. */
#ifndef LARES_PASS_H
#define LARES_PASS_H

#include "group/recovery.h"

/* From `first` to the one whose id is `last`. rows, of lares__pass_columns,
 * takes the slots; NULL: they are not wanted. The registry is held, and says
 * that a pass is under way. */
void lares__pass_run(lares_recovery *recovery, struct lares__handler *first,
                     uint64_t last, lares_rows *rows);

extern const struct lares__column lares__pass_columns[];

/* one slot that the handler of this call recovered. EPHASE, ELIMIT */
lares_status lares__pass_slot(struct lares_call *call, uint64_t group,
                              uint32_t slot);

/* the call of the handler that runs on this thread, or NULL */
struct lares_call *lares__pass_call(void);
/* does this thread stand in a pass of it? */
int lares__pass_inside(const lares_recovery *recovery);

#endif

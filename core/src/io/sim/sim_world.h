/* sim_world.h - a world that repeats itself: virtual clock, seeded entropy.
 *
 * Nodes of one world share it, each through an io of its own. Time stands
 * still but for lares__sim_advance, and nothing ever blocks. */
#ifndef LARES_IO_SIM_SIM_WORLD_H
#define LARES_IO_SIM_SIM_WORLD_H

#include "io/io.h"

struct lares__sim;

/* out shared, lares__sim_release. ENOMEM */
lares_status lares__sim_new(uint64_t seed, struct lares__sim **out);
struct lares__sim *lares__sim_retain(struct lares__sim *sim);
/* NULL is fine */
void lares__sim_release(struct lares__sim *sim);

/* An io of this world: its wait answers at once whether it was woken. It keeps
 * the world until it is closed. out owned, ops->close. ENOMEM */
lares_status lares__sim_io(struct lares__sim *sim, struct lares__io **out);

/* monotonic ns, the same that every io of the world shows */
uint64_t lares__sim_now(const struct lares__sim *sim);
/* one thread at a time; never back */
void lares__sim_advance(struct lares__sim *sim, uint64_t to_ns);

#endif

/* alarm.h - when a daemon's timers fire.
 *
 * Its lane looks at it when the first of them is due, and puts what has fired
 * behind the inputs that wait. Timers of a daemon that stops fire no more. */
#ifndef LARES_ALARM_H
#define LARES_ALARM_H

#include "node/daemon.h"

/* All inside. Fires what is due, of the lane's thread; answers a time before
 * which it is not worth to try again: without memory some may be left. */
uint64_t lares__alarm_fire(lares_daemon *daemon, struct lares__runner *runner);

/* Its lane will look as soon as a timer is due, but not before `earliest`; what
 * it had to look for anyway stands. Of the lane's thread. */
void lares__alarm_set(lares_daemon *daemon, uint64_t earliest);

/* The same on any other thread, from which the lane must hear of it. */
void lares__alarm_tell(lares_daemon *daemon);

#endif

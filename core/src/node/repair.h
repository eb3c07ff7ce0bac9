/* repair.h - a daemon gets back the state that was committed. */
#ifndef LARES_REPAIR_H
#define LARES_REPAIR_H

#include "daemon/rebuild.h"
#include "node/daemon.h"

/* One step of a rebuild on this thread, inside a daemon that is not sound; 1:
 * now it is. A step that fails closes the restart gate. */
int lares__daemon_rebuild(lares_daemon *daemon, struct lares__runner *runner);

/* all steps, for a deliver that failed */
void lares__daemon_rebuild_now(lares_daemon *daemon,
                               struct lares__runner *runner);

/* What a step means to the node; 1: the daemon is sound. For a puller, whose
 * call was the step. */
int lares__daemon_rebuilt(lares_daemon *daemon, struct lares_call *call,
                          enum lares__rebuilt step);
void lares__daemon_rebuild_begins(lares_daemon *daemon);

/* Asks for a rebuild that forgets failures; its lane carries it out. ECLOSED */
lares_status lares__daemon_restart(lares_daemon *daemon);
/* inside: carries out what was asked for */
void lares__daemon_restarted(lares_daemon *daemon);

/* a daemon ends: nobody is left waiting for its rebuild */
void lares__daemon_answer_refused(lares_daemon *daemon);

#endif

/* steward.h - a thread without daemons: on it run the callbacks that belong to
 * the node, and they may wait. A node without lanes has none. */
#ifndef LARES_STEWARD_H
#define LARES_STEWARD_H

#include "base/thread.h"
#include "lares.h"

#include <stdatomic.h>

struct lares__steward {
    struct lares__thread thread;
    struct lares__mutex lock;
    struct lares__cond cond;
    /* guarded by lock */
    int posted; /* a recovery pass, not begun */
    int busy;   /* with one */
    int quit;
    atomic_int ended;
};

void lares__steward_init(struct lares__steward *steward);
void lares__steward_fini(struct lares__steward *steward);

lares_status lares__steward_start(lares_node *node);
/* ends its thread; of a node that does not come up after all */
void lares__steward_undo(lares_node *node);

/* One recovery pass, unless one is posted or under way. */
void lares__steward_post(lares_node *node);

/* asks its thread to end after what it does now */
void lares__steward_quit(lares_node *node);
int lares__steward_ended(lares_node *node);
/* Lets the thread go; 1: it is abandoned inside a callback. */
uint32_t lares__steward_leave(lares_node *node);

#endif

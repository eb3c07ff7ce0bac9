/* directory.h - who lives on a node, and on which lane. */
#ifndef LARES_DIRECTORY_H
#define LARES_DIRECTORY_H

#include "node/daemon.h"

void lares__directory_init(struct lares__directory *directory);
void lares__directory_fini(struct lares__directory *directory);

/* Gives a new daemon its lane, by label or by load, and lists it under its
 * origin; takes the caller's reference on success. EEXIST, ELIMIT, ENOMEM */
lares_status lares__directory_add(lares_node *node, lares_daemon *daemon);
/* takes it out again, marks it closed, and drops the list's reference */
void lares__directory_remove(lares_node *node, lares_daemon *daemon);

/* a reference of the caller's, or NULL */
lares_daemon *lares__directory_find(lares_node *node, uint64_t origin);

/* Calls fn for each daemon, under the lock, by rising origin of the table's
 * slots; a negative answer ends the walk and is its result. */
lares_status lares__directory_each(lares_node *node,
                                   lares_status (*fn)(void *context,
                                                      lares_daemon *daemon),
                                   void *context);
uint32_t lares__directory_count(lares_node *node);
/* what all daemons have counted, those that have ended too */
void lares__directory_totals(lares_node *node, struct lares__totals *out);

/* A spawn is under way from `enter` to `leave`: ECLOSED or ENOTREADY if it may
 * not begin. A stop waits for it, as for a daemon. */
lares_status lares__directory_enter(lares_node *node);
void lares__directory_leave(lares_node *node);
/* no daemon, and nobody who is making one */
int lares__directory_idle(lares_node *node);

#endif

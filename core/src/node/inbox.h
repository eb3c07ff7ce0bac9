/* inbox.h - a program's own subscription, read by pulling. */
#ifndef LARES_INBOX_H
#define LARES_INBOX_H

#include "chain/events.h"
#include "node/node.h"

struct lares_inbox {
    struct lares__receiver receiver; /* first: an inbox is its receiver */
    lares_node *node;
    char *pattern;
    char *group;      /* NULL: none */
    atomic_int ended; /* the node has stopped */
    struct lares__mutex lock;
    /* guarded by lock */
    struct lares__input *first;
    struct lares__input *last;
    /* guarded by the directory's lock */
    struct lares_inbox *next;
};

lares_status lares__inbox_new(lares_node *node, const char *pattern,
                              const lares_options *options, lares_inbox **out);
lares_status lares__inbox_next(lares_inbox *inbox, int64_t timeout_ms,
                               lares_events **out);
void lares__inbox_free(lares_inbox *inbox);

/* the node has stopped: nothing comes any more */
void lares__inboxes_end(lares_node *node);

#endif

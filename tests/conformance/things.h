/* What a case has given names to, and the events that were seen of it. */
#ifndef LARES_CONFORMANCE_THINGS_H
#define LARES_CONFORMANCE_THINGS_H

#include "case.h"

enum {
    THINGS_MAX = 32
};

/* What is not there is NULL. A node may have its registry beside it, and a
 * name may stand for a daemon and for an image. */
struct thing {
    char name[32];
    lares_node *node;
    lares_daemon *daemon;
    lares_inbox *inbox;
    lares_recovery *recovery;
    lares_bytes *image;
    uint64_t origin;     /* of a daemon; stays when its ticket is let go */
    lares_event *events; /* sequence n at n - 1; not seen ones are zero */
    size_t count;
};

/* A thing without a name stands behind the last. */
struct things {
    struct thing list[THINGS_MAX];
};

/* Find a thing by its name; a name not met before begins a new one. */
struct thing *thing_get(struct things *things, const char *name);

/* Write the events as result lines, remember them, and free the list. */
void things_show(struct things *things, lares_events *events,
                 struct text *results);

/* Check the events seen of a daemon, and tell how many there are. */
lares_status thing_check(const struct thing *thing, size_t *count_out);

/* Let go of the tickets of one thing; of all, of images, of what was seen. */
void thing_free_tickets(struct thing *thing);
void things_fini(struct things *things);

#endif

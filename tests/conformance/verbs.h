/* The verbs of the conformance cases, each a few calls of lares.h. */
#ifndef LARES_CONFORMANCE_VERBS_H
#define LARES_CONFORMANCE_VERBS_H

#include "things.h"

/* What one case has made so far, and the command that is played. */
struct play {
    struct things things;
    lares_world *world; /* NULL: time is the machine's */
    lares_node *node;   /* the one named last */

    const struct word *words;
    lares_options *options;
    struct text *results;
};

/* Do the command; a verb that there is not ends the program. */
lares_status verb_play(struct play *play);

#endif

/* sieve.h - is an input shown, or is it a repeat? */
#ifndef LARES_SIEVE_H
#define LARES_SIEVE_H

#include "daemon/call.h"
#include "daemon/host.h"

/* Does an input follow the one shown before it, link by link? Then it is
 * shown, and noted. Hot path: so it mostly is. */
static inline int lares__sieve_follows(struct lares_call *call,
                                       const struct lares__input *input)
{
    const struct lares__envelope *event = input->event;
    struct lares__seen *seen = call->seen;

    if (seen == NULL || seen->origin != event->link.origin ||
        seen->crossing != call->host->crossing ||
        seen->shown_hash != event->link.parent ||
        seen->shown_sequence + 1 != event->link.sequence)
        return 0;
    seen->shown_sequence = event->link.sequence;
    seen->shown_hash = event->hash;
    return 1;
}

/* Judges an input against the horizon and the inputs shown before it in this
 * crossing, notes it as shown if it is, and marks it REPEAT or FORK. */
int lares__sieve_show(struct lares_call *call, struct lares__input *input);

#endif

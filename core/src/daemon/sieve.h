/* sieve.h - is an input shown, or is it a repeat? */
#ifndef LARES_SIEVE_H
#define LARES_SIEVE_H

#include "daemon/call.h"
#include "daemon/host.h"

/* Does an input follow, link by link, the one shown before it, or the one that
 * was committed last? Then it is shown, and noted. Hot path: so it mostly is. */
static inline int lares__sieve_follows(struct lares_call *call,
                                       const struct lares__input *input)
{
    const struct lares__envelope *event = input->event;
    uint64_t crossing = call->host->crossing;
    struct lares__seen *seen = call->seen;
    int here;

    if (seen == NULL)
        seen = lares__horizon_youngest(&call->host->horizon);
    if (seen == NULL || seen->origin != event->link.origin)
        return 0;
    here = seen->crossing == crossing;
    if ((here ? seen->shown_hash : seen->hash) != event->link.parent ||
        (here ? seen->shown_sequence : seen->sequence) + 1 !=
            event->link.sequence)
        return 0;
    seen->crossing = crossing;
    seen->shown_sequence = event->link.sequence;
    seen->shown_hash = event->hash;
    call->seen = seen;
    return 1;
}

/* Judges an input against the horizon and the inputs shown before it in this
 * crossing, notes it as shown if it is, and marks it REPEAT or FORK. */
int lares__sieve_show(struct lares_call *call, struct lares__input *input);

#endif

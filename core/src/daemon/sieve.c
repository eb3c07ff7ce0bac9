#include "daemon/sieve.h"

#include "daemon/host.h"

/* Design notes
 * - The horizon moves at commit only, so what this crossing has shown stands
 *   beside it: in the scratch fields of an origin's entry, valid while
 *   `crossing` is ours, or, for an origin without an entry, in the list of
 *   inputs itself.
 * - A batch mostly comes from one origin: the entry found last is tried first,
 *   and the hash table is asked once a crossing. */

struct shown {
    uint64_t sequence;
    uint64_t hash;
};

/* the latest input of an origin the horizon does not know, in this crossing */
static struct shown shown_fresh(const struct lares_call *call,
                                const struct lares__input *input,
                                uint64_t origin)
{
    struct shown last = {0, 0};

    if (call->fresh == 0)
        return last;
    for (const struct lares__input *i = call->first; i != input; i = i->next)
        if (i->event->link.origin == origin &&
            !(i->flags & (LARES__INPUT_HOLE | LARES__INPUT_REPEAT))) {
            last.sequence = i->event->link.sequence;
            last.hash = i->event->hash;
        }
    return last;
}

static struct shown shown_last(struct lares_call *call,
                               const struct lares__input *input,
                               uint64_t origin)
{
    struct lares__seen *seen = call->seen;

    if (seen == NULL || seen->origin != origin)
        seen = lares__horizon_find(&call->host->horizon, origin);
    call->seen = seen;
    if (seen == NULL)
        return shown_fresh(call, input, origin);
    if (seen->crossing == call->host->crossing)
        return (struct shown){seen->shown_sequence, seen->shown_hash};
    return (struct shown){seen->sequence, seen->hash};
}

static void note_shown(struct lares_call *call,
                       const struct lares__envelope *event)
{
    struct lares__seen *seen = call->seen;

    if (seen == NULL) {
        call->fresh++;
        return;
    }
    seen->crossing = call->host->crossing;
    seen->shown_sequence = event->link.sequence;
    seen->shown_hash = event->hash;
}

/* Of what nobody emitted only a firing may be hidden: its timer is gone. */
static int unlinked_show(const struct lares_call *call,
                         struct lares__input *input)
{
    struct lares__timers *timers = call->host->timers;
    uint64_t id = input->event->link.sequence;

    if (!(input->flags & LARES__INPUT_FIRING) ||
        lares__timers_waits(timers, id))
        return 1;
    input->flags |= LARES__INPUT_HOLE;
    lares__timers_settle(timers, id);
    return 0;
}

/* Rare behind lares__sieve_follows, so it is kept out of the hot path. */
__attribute__((noinline)) int lares__sieve_show(struct lares_call *call,
                                                struct lares__input *input)
{
    const struct lares__envelope *event = input->event;
    const struct lares__link *link = &event->link;
    struct shown last;

    input->flags &= (uint16_t) ~(LARES__INPUT_REPEAT | LARES__INPUT_FORK);
    if (link->origin == 0)
        return unlinked_show(call, input);
    last = shown_last(call, input, link->origin);
    if (link->sequence <= last.sequence) {
        input->flags |= LARES__INPUT_REPEAT;
        if (link->sequence == last.sequence && event->hash != last.hash)
            input->flags |= LARES__INPUT_FORK;
        return 0;
    }
    if (link->sequence == last.sequence + 1 && last.sequence != 0 &&
        link->parent != last.hash)
        input->flags |= LARES__INPUT_FORK;
    note_shown(call, event);
    return 1;
}

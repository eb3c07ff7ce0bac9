#include "chain/events.h"

#include "base/alloc.h"

struct lares_events *lares__events_new(size_t count)
{
    struct lares_events *events =
        lares__alloc(sizeof *events + count * sizeof(struct lares__envelope *));

    if (events != NULL) {
        events->count = 0;
        events->next = 0;
    }
    return events;
}

void lares__events_add(struct lares_events *events,
                       struct lares__envelope *envelope)
{
    events->items[events->count++] = envelope;
}

const lares_event *lares__events_next(struct lares_events *events)
{
    if (events->next == events->count)
        return NULL;
    lares__envelope_view(events->items[events->next++], 0, &events->view);
    return &events->view;
}

enum {
    FEW = 16 /* not worth a magazine */
};

/* Many blocks go back by way of the depot: whoever reads events on a thread of
 * its own keeps the lanes that make them from allocating. */
static void events_recycle(struct lares_events *events)
{
    struct lares__pool_cache cache = {0};

    for (size_t i = 0; i < events->count; i++)
        lares__envelope_release(events->items[i], &cache);
    lares__pool_flush(&cache);
}

void lares__events_free(struct lares_events *events)
{
    if (events == NULL)
        return;
    if (events->count > FEW)
        events_recycle(events);
    else
        for (size_t i = 0; i < events->count; i++)
            lares__envelope_release(events->items[i], NULL);
    lares__free(events);
}

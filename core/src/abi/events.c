#include "chain/events.h"

const lares_event *lares_events_next(lares_events *events)
{
    return events != NULL ? lares__events_next(events) : NULL;
}

void lares_events_free(lares_events *events)
{
    lares__events_free(events);
}

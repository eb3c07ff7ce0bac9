#include "things.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thing *thing_get(struct things *things, const char *name)
{
    struct thing *thing = things->list;

    while (thing->name[0] != '\0' && strcmp(thing->name, name) != 0)
        thing++;
    assert(thing < things->list + THINGS_MAX - 1);
    snprintf(thing->name, sizeof thing->name, "%s", name);
    return thing;
}

static struct thing *things_find(struct things *things, uint64_t origin)
{
    struct thing *thing = things->list;

    while (thing->name[0] != '\0' && thing->origin != origin)
        thing++;
    return thing->name[0] != '\0' ? thing : NULL;
}

/* Copy an event, unless it was seen before. */
static void thing_remember(struct thing *thing, const lares_event *event)
{
    size_t count = (size_t)event->sequence;
    lares_event *copy;
    void *data;

    if (thing->count < count) {
        thing->events = must_realloc(thing->events, count * sizeof *copy);
        memset(thing->events + thing->count, 0,
               (count - thing->count) * sizeof *copy);
        thing->count = count;
    }
    copy = &thing->events[count - 1];
    if (copy->sequence != 0)
        return;
    data = must_realloc(NULL, event->len + 1);
    memcpy(data, event->data, event->len);
    *copy = *event;
    copy->data = data;
    copy->channel = NULL; /* borrowed, and no part of the chain */
}

void things_show(struct things *things, lares_events *events,
                 struct text *results)
{
    const lares_event *event;
    struct thing *thing;

    while ((event = lares_events_next(events)) != NULL) {
        thing = things_find(things, event->origin);
        text_add(results, "= %s %" PRIu64 " ",
                 thing != NULL ? thing->name : "node", event->sequence);
        text_add_payload(results, event->data, event->len);
        text_add(results, "\n");
        if (thing != NULL)
            thing_remember(thing, event);
    }
    lares_events_free(events);
}

lares_status thing_check(const struct thing *thing, size_t *count_out)
{
    lares_chain *chain = NULL;
    lares_status rc;
    size_t count = 0;
    size_t i;

    rc = lares_chain_new(thing->origin, &chain);
    for (i = 0; i < thing->count && rc == LARES_OK; i++) {
        if (thing->events[i].sequence == 0)
            continue;
        rc = lares_chain_check(chain, &thing->events[i]);
        count++;
    }
    lares_chain_free(chain);
    *count_out = count;
    return rc;
}

void thing_free_tickets(struct thing *thing)
{
    lares_recovery_free(thing->recovery);
    lares_inbox_free(thing->inbox);
    lares_daemon_free(thing->daemon);
    lares_node_free(thing->node);
    thing->recovery = NULL;
    thing->inbox = NULL;
    thing->daemon = NULL;
    thing->node = NULL;
}

void things_fini(struct things *things)
{
    struct thing *thing;
    size_t i;

    for (thing = things->list; thing->name[0] != '\0'; thing++) {
        thing_free_tickets(thing);
        lares_bytes_free(thing->image);
        for (i = 0; i < thing->count; i++)
            free((void *)(uintptr_t)thing->events[i].data);
        free(thing->events);
    }
}

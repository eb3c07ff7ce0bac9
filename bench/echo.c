#include "echo.h"

#include "bench.h"
#include "hub.h"

#include <stddef.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* what is hashed of an event, as the chain lays it out */
struct image {
    uint64_t origin, horizon, sequence, parent;
    uint64_t number;
    unsigned char zeros[HUB_PAYLOAD_MAX - sizeof(uint64_t)];
};

/* The output of one more turn: its link tells where the chain stands. */
static void probe(struct echo *echo, lares_event *out)
{
    uint64_t number = 0;
    const lares_event *event;
    lares_events *events;

    hub_check(
        lares_daemon_deliver(echo->daemon, &number, sizeof number, 0, &events),
        "deliver");
    event = lares_events_next(events);
    bench_check(event != NULL, "no output");
    *out = *event;
    out->data = NULL; /* gone with the list */
    lares_events_free(events);
}

static void stand_at(struct echo *echo, const lares_event *last)
{
    echo->origin = last->origin;
    echo->horizon = last->horizon;
    echo->sequence = last->sequence;
    echo->hash = last->hash;
}

void echo_open(struct echo *echo, lares_node *node, const char *kind,
               uint64_t len)
{
    lares_event last;

    echo->node = node;
    echo->len = len;
    echo->daemon = hub_spawn(node, kind, "ticks", NULL);
    for (int i = 0; i < 2; i++) /* the first has a horizon of its own */
        probe(echo, &last);
    stand_at(echo, &last);
}

void echo_burst(struct echo *echo, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        for (uint64_t k = 0; k < BENCH_BURST; k++)
            hub_publish(echo->node, "ticks", i + k, echo->len);
        hub_run(echo->node);
    }
}

void echo_single(struct echo *echo, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        hub_publish(echo->node, "ticks", i, echo->len);
        hub_run(echo->node);
    }
}

int echo_proved(struct echo *echo, uint64_t count)
{
    size_t len = offsetof(struct image, number) + echo->len;
    struct image image = {.origin = echo->origin, .horizon = echo->horizon};
    uint64_t hash = echo->hash;
    lares_event last;

    for (uint64_t i = 0; i < count; i++) {
        image.sequence = echo->sequence + 1 + i;
        image.parent = hash;
        image.number = i;
        hash = XXH3_64bits(&image, len);
    }
    probe(echo, &last);
    stand_at(echo, &last);
    return last.sequence == image.sequence + 1 && last.parent == hash;
}

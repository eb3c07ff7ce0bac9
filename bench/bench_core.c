/* bench_core.c - daemons in C: rows 1, 9, 16, N1, N2, N3 and N4. */
#include "bench.h"
#include "floor.h"
#include "hub.h"
#include "pair.h"

#include <string.h>

enum {
    CROWD = 1000,
    SEED = 88172645
};

/* -- the daemons ---------------------------------------------------------- */

/* Adds up the numbers that it is told. */
struct sink {
    lares_node *node;
    lares_daemon *daemon;
    uint64_t sum;
    size_t len;
};

static lares_verdict sink_process(lares_call *call, void *instance)
{
    struct sink *sink = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL)
        sink->sum += hub_number(event);
    return LARES_DONE;
}

static const lares_daemon_ops sink_ops = {
    .size = sizeof(lares_daemon_ops),
    .process = sink_process,
};

static void sink_open(void *context)
{
    struct sink *sink = context;

    sink->node = hub_node("0");
    hub_register(sink->node, "sink", NULL, &sink_ops, sink);
    sink->daemon = hub_spawn(sink->node, "sink", "ticks", NULL);
}

static int sink_proved(void *context, uint64_t count)
{
    struct sink *sink = context;
    uint64_t sum = sink->sum;

    sink->sum = 0;
    return sum == bench_sum(count);
}

/* -- row 1, N1, N2 -------------------------------------------------------- */

static void burst_run(void *context, uint64_t count)
{
    struct sink *sink = context;

    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        for (uint64_t k = 0; k < BENCH_BURST; k++)
            hub_publish(sink->node, "ticks", i + k, sink->len);
        hub_run(sink->node);
    }
}

static void single_run(void *context, uint64_t count)
{
    struct sink *sink = context;

    for (uint64_t i = 0; i < count; i++) {
        hub_publish(sink->node, "ticks", i, sink->len);
        hub_run(sink->node);
    }
}

static void deliver_run(void *context, uint64_t count)
{
    struct sink *sink = context;

    for (uint64_t i = 0; i < count; i++)
        hub_deliver(sink->daemon, i, sink->len);
}

static void floor_handle(void *user, const void *data)
{
    struct sink *sink = user;
    uint64_t number;

    memcpy(&number, data, sizeof number);
    sink->sum += number;
}

static void floor_run(void *context, uint64_t count)
{
    floor_event_run(count, floor_handle, context);
}

/* -- a crowd: row 9, N2 --------------------------------------------------- */

/* A thousand sinks on a node, found by their tickets or by their origins. */
struct crowd {
    struct sink sink; /* of all */
    lares_daemon *daemons[CROWD];
    uint64_t origins[CROWD];
    struct floor_table table;
    uint64_t found; /* the sum of the origins that were found */
};

static void crowd_open(void *context)
{
    struct crowd *crowd = context;

    sink_open(&crowd->sink);
    floor_table_init(&crowd->table, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        crowd->daemons[i] = hub_spawn(crowd->sink.node, "sink", NULL, NULL);
        crowd->origins[i] = lares_daemon_origin(crowd->daemons[i]);
        floor_table_add(&crowd->table, crowd->origins[i], crowd->daemons[i]);
    }
}

static void crowd_deliver_run(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++)
        hub_deliver(crowd->daemons[floor_random(&random) % CROWD], i,
                    crowd->sink.len);
}

static int crowd_deliver_proved(void *context, uint64_t count)
{
    struct crowd *crowd = context;

    return sink_proved(&crowd->sink, count);
}

static void ticket_run(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++)
        crowd->found +=
            lares_daemon_origin(crowd->daemons[floor_random(&random) % CROWD]);
}

static void origin_run(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t origin = crowd->origins[floor_random(&random) % CROWD];
        lares_daemon *daemon;

        hub_check(lares_node_find(crowd->sink.node, origin, &daemon), "find");
        crowd->found += daemon != NULL ? origin : 0;
        lares_daemon_free(daemon);
    }
}

static void table_run(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t origin = crowd->origins[floor_random(&random) % CROWD];
        void *daemon = floor_table_find(&crowd->table, origin);

        crowd->found += daemon != NULL ? origin : 0;
    }
}

static int crowd_found(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED, found = crowd->found;

    crowd->found = 0;
    for (uint64_t i = 0; i < count; i++)
        found -= crowd->origins[floor_random(&random) % CROWD];
    return found == 0;
}

/* -- pairs: row 16, N3 ---------------------------------------------------- */

static void pair_alone_open(void *context)
{
    pair_open(context, hub_node("0"), "alone", NULL);
}

static void round_trips_run(void *context, uint64_t count)
{
    struct pair *pair = context;

    pair_start(pair, count, 1);
    hub_run(pair->node);
    pair_finish(pair);
}

static int round_trips_proved(void *context, uint64_t count)
{
    const struct pair *pair = context;

    return pair->total == count + 1 && pair_proved(pair);
}

static void two_pairs_open(void *context)
{
    struct couple *couple = context;

    couple_open(couple, hub_node(couple->lanes), NULL, NULL);
}

/* -- N4: an echo that has heard many origins ------------------------------ */

/* Sources that repeat what they are told on one channel, heard by an echo. */
struct choir {
    struct sink sink; /* of the echo's outputs */
    lares_daemon *sources[CROWD];
    uint64_t count;
};

static lares_verdict echo_process(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        lares_call_emit(call, NULL, event->data, event->len);
    return LARES_DONE;
}

static const lares_daemon_ops echo_ops = {
    .size = sizeof(lares_daemon_ops),
    .process = echo_process,
};

static void choir_run(void *context, uint64_t count)
{
    struct choir *choir = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++) {
        hub_deliver(choir->sources[floor_random(&random) % choir->count], i,
                    64);
        hub_run(choir->sink.node);
    }
}

static int choir_proved(void *context, uint64_t count)
{
    struct choir *choir = context;

    return sink_proved(&choir->sink, count);
}

static void choir_open(void *context)
{
    struct choir *choir = context;
    lares_node *node;

    sink_open(&choir->sink);
    node = choir->sink.node;
    hub_register(node, "echo", NULL, &echo_ops, NULL);
    for (uint64_t i = 0; i < choir->count; i++) {
        choir->sources[i] = hub_spawn(node, "echo", NULL, "words");
        hub_deliver(choir->sources[i], i, choir->sink.len);
    }
    lares_daemon_free(hub_spawn(node, "echo", "words", "ticks"));
}

int main(int argc, char **argv)
{
    static struct sink small = {.len = 64}, large = {.len = 1024}, bare;
    static struct crowd crowd = {.sink = {.len = 64}};
    static struct crowd crowd_large = {.sink = {.len = 1024}};
    static struct couple one_lane = {.lanes = "1"}, two_lanes = {.lanes = "2"};
    static struct choir solo = {.sink = {.len = 64}, .count = 1};
    static struct choir choir = {.sink = {.len = 64}, .count = CROWD};
    static struct pair pair;
    static const struct bench_variant variants[] = {
        {"publish, burst 64",       sink_open,       burst_run,         sink_proved,          &small,
         BENCH_CPU                                                                                                    },
        {"event without a hub",     NULL,            floor_run,         sink_proved,          &bare,        BENCH_CPU },
        {"publish, burst 1",        sink_open,       single_run,        sink_proved,          &small,
         BENCH_CPU                                                                                                    },
        {"publish 1 KiB, burst 64", sink_open,       burst_run,         sink_proved,          &large,
         BENCH_CPU                                                                                                    },
        {"deliver",                 sink_open,       deliver_run,       sink_proved,          &small,       BENCH_CPU },
        {"deliver to 1000",         crowd_open,      crowd_deliver_run, crowd_deliver_proved,
         &crowd,                                                                                            BENCH_CPU },
        {"deliver 1 KiB",           sink_open,       deliver_run,       sink_proved,          &large,
         BENCH_CPU                                                                                                    },
        {"deliver 1 KiB to 1000",   crowd_open,      crowd_deliver_run,
         crowd_deliver_proved,                                                                &crowd_large, BENCH_CPU },
        {"find by ticket",          crowd_open,      ticket_run,        crowd_found,          &crowd,
         BENCH_CPU                                                                                                    },
        {"find by origin",          crowd_open,      origin_run,        crowd_found,          &crowd,
         BENCH_CPU                                                                                                    },
        {"find in a bare table",    crowd_open,      table_run,         crowd_found,          &crowd,
         BENCH_CPU                                                                                                    },
        {"round trip",              pair_alone_open, round_trips_run,   round_trips_proved,
         &pair,                                                                                             BENCH_CPU },
        {"pairs on one lane",       two_pairs_open,  couple_run,        couple_proved,
         &one_lane,                                                                                         BENCH_WALL},
        {"pairs on two lanes",      two_pairs_open,  couple_run,        couple_proved,
         &two_lanes,                                                                                        BENCH_WALL},
        {"echo, 1 origin",          choir_open,      choir_run,         choir_proved,         &solo,
         BENCH_CPU                                                                                                    },
        {"echo, 1000 origins",      choir_open,      choir_run,         choir_proved,         &choir,
         BENCH_CPU                                                                                                    },
        {NULL,                      NULL,            NULL,              NULL,                 NULL,         BENCH_CPU },
    };

    return bench_main(argc, argv, variants);
}

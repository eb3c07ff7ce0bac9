/* bench_core.c - daemons in C: rows 1, 9, 16 and N1 to N4. */
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

static void crowd_run(void *context, uint64_t count)
{
    struct crowd *crowd = context;
    uint64_t random = SEED;

    for (uint64_t i = 0; i < count; i++)
        hub_deliver(crowd->daemons[floor_random(&random) % CROWD], i,
                    crowd->sink.len);
}

static int crowd_proved(void *context, uint64_t count)
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

static void single_trip_run(void *context, uint64_t count)
{
    struct pair *pair = context;

    pair_start(pair, count - 1, 1);
    hub_run(pair->node);
    pair_finish(pair);
}

static void trips_run(void *context, uint64_t count)
{
    struct pair *pair = context;

    pair_start(pair, count - BENCH_BURST, BENCH_BURST);
    hub_run(pair->node);
    pair_finish(pair);
}

static int trips_proved(void *context, uint64_t count)
{
    const struct pair *pair = context;

    return pair->total == count && pair_proved(pair);
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
    static const struct bench_subject sinks = {sink_open, sink_proved,
                                               BENCH_CPU};
    static const struct bench_subject floors = {NULL, sink_proved, BENCH_CPU};
    static const struct bench_subject crowds = {crowd_open, crowd_proved,
                                                BENCH_CPU};
    static const struct bench_subject tables = {crowd_open, crowd_found,
                                                BENCH_CPU};
    static const struct bench_subject pairs = {pair_alone_open, trips_proved,
                                               BENCH_CPU};
    static const struct bench_subject couples = {two_pairs_open, couple_proved,
                                                 BENCH_WALL};
    static const struct bench_subject choirs = {choir_open, choir_proved,
                                                BENCH_CPU};
    static struct sink small = {.len = 64}, large = {.len = 1024}, bare;
    static struct crowd crowd = {.sink = {.len = 64}};
    static struct crowd crowd_1k = {.sink = {.len = 1024}};
    static struct couple one_lane = {.lanes = "1"}, two_lanes = {.lanes = "2"};
    static struct choir solo = {.sink = {.len = 64}, .count = 1};
    static struct choir choir = {.sink = {.len = 64}, .count = CROWD};
    static struct pair pair;
    static const struct bench_variant variants[] = {
        {"publish, burst 64",         burst_run,       &sinks,   &small    },
        {"event without a hub",       floor_run,       &floors,  &bare     },
        {"deliver",                   deliver_run,     &sinks,   &small    },
        {"deliver to 1000",           crowd_run,       &crowds,  &crowd    },
        {"deliver 1 KiB",             deliver_run,     &sinks,   &large    },
        {"deliver 1 KiB to 1000",     crowd_run,       &crowds,  &crowd_1k },
        {"find by ticket",            ticket_run,      &tables,  &crowd    },
        {"find by origin",            origin_run,      &tables,  &crowd    },
        {"find in a bare table",      table_run,       &tables,  &crowd    },
        {"round trip",                single_trip_run, &pairs,   &pair     },
        {"round trips, 64 under way", trips_run,       &pairs,   &pair     },
        {"pairs on one lane",         couple_run,      &couples, &one_lane },
        {"pairs on two lanes",        couple_run,      &couples, &two_lanes},
        {"echo, 1 origin",            choir_run,       &choirs,  &solo     },
        {"echo, 1000 origins",        choir_run,       &choirs,  &choir    },
        {NULL,                        NULL,            NULL,     NULL      },
    };

    return bench_main(argc, argv, variants);
}

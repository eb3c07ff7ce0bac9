/* bench_life.c - the life of daemons in C: they are spawned and stopped, saved
 * now and then, rebuilt after a failure; and a pass of the recovery registry.
 * Rows 14, N7, N10, N13, checkpoints and rebuild. */
#include "bench.h"
#include "counter.h"
#include "hub.h"

#include <stdlib.h>

/* -- spawn and stop: rows 14 and N10 -------------------------------------- */

/* Daemons that do nothing, and the identities that they will have. */
struct nursery {
    lares_node *node;
    lares_key *keys[BENCH_BURST];
    lares_daemon *daemons[BENCH_BURST];
    uint64_t born;
};

static lares_verdict idle_process(lares_call *call, void *instance)
{
    (void)instance;
    while (lares_call_next(call) != NULL)
        continue;
    return LARES_DONE;
}

static const lares_daemon_ops idle_ops = {
    .size = sizeof(lares_daemon_ops),
    .process = idle_process,
};

static void nursery_open(void *context)
{
    struct nursery *nursery = context;

    nursery->node = hub_node("0");
    hub_register(nursery->node, "idle", NULL, &idle_ops, NULL);
}

static void keys_make(struct nursery *nursery)
{
    for (int i = 0; i < BENCH_BURST; i++)
        nursery->keys[i] = hub_key();
}

static void keys_drop(struct nursery *nursery)
{
    for (int i = 0; i < BENCH_BURST; i++)
        lares_key_free(nursery->keys[i]);
}

static void burst_spawn(struct nursery *nursery)
{
    for (int i = 0; i < BENCH_BURST; i++)
        hub_check(lares_node_spawn(nursery->node, "idle", nursery->keys[i],
                                   NULL, &nursery->daemons[i]),
                  "spawn");
    nursery->born += BENCH_BURST;
}

static void burst_stop(struct nursery *nursery)
{
    for (int i = 0; i < BENCH_BURST; i++) {
        hub_check(lares_daemon_stop(nursery->daemons[i], 0), "stop");
        lares_daemon_free(nursery->daemons[i]);
    }
}

/* An identity lives once in a node, so each spawn needs a new one: making it
 * is not counted. */
static void births_run(struct nursery *nursery, uint64_t count, int with_stops)
{
    uint64_t spent = 0;

    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        uint64_t began;

        keys_make(nursery);
        began = bench_now();
        burst_spawn(nursery);
        if (!with_stops)
            spent += bench_now() - began;
        burst_stop(nursery);
        if (with_stops)
            spent += bench_now() - began;
        keys_drop(nursery);
    }
    bench_spent(spent);
}

static void spawn_run(void *context, uint64_t count)
{
    births_run(context, count, 0);
}

static void life_run(void *context, uint64_t count)
{
    births_run(context, count, 1);
}

static int spawn_proved(void *context, uint64_t count)
{
    struct nursery *nursery = context;
    uint64_t born = nursery->born;

    nursery->born = 0;
    return born == count;
}

/* -- memory: rows 14 and N7 ----------------------------------------------- */

static void idle_spawn(struct nursery *nursery, const lares_key *key)
{
    hub_check(lares_node_spawn(nursery->node, "idle", key, NULL, NULL),
              "spawn");
    nursery->born++;
}

/* bytes of daemons, their identities among them */
static void keyed_run(void *context, uint64_t count)
{
    struct nursery *nursery = context;
    uint64_t before = bench_resident();

    for (uint64_t i = 0; i < count; i++) {
        lares_key *key = hub_key();

        idle_spawn(nursery, key);
        lares_key_free(key);
    }
    bench_spent(bench_resident() - before);
}

/* bytes of daemons whose identities are there already */
static void idle_run(void *context, uint64_t count)
{
    struct nursery *nursery = context;
    lares_key **keys = malloc(count * sizeof(lares_key *));
    uint64_t before;

    bench_check(keys != NULL, "memory");
    for (uint64_t i = 0; i < count; i++)
        keys[i] = hub_key();
    before = bench_resident();
    for (uint64_t i = 0; i < count; i++)
        idle_spawn(nursery, keys[i]);
    bench_spent(bench_resident() - before);
    for (uint64_t i = 0; i < count; i++)
        lares_key_free(keys[i]);
    free(keys);
}

/* -- checkpoints ---------------------------------------------------------- */

/* A counter that is fed by a channel. */
struct feed {
    const lares_daemon_ops *ops;
    struct counter_recipe recipe;
    lares_node *node;
    uint64_t total; /* that was proved */
};

static void feed_open(void *context)
{
    struct feed *feed = context;

    feed->node = hub_node("0");
    hub_register(feed->node, "counter", NULL, feed->ops, &feed->recipe);
    lares_daemon_free(hub_spawn(feed->node, "counter", "words", NULL));
}

static void feed_run(void *context, uint64_t count)
{
    struct feed *feed = context;

    for (uint64_t i = 0; i < count; i += BENCH_BURST) {
        for (uint64_t k = 0; k < BENCH_BURST; k++)
            hub_publish(feed->node, "words", i + k, COUNTER_WORD);
        hub_run(feed->node);
    }
}

/* what of that is spent in snapshots */
static void saving_run(void *context, uint64_t count)
{
    struct feed *feed = context;
    uint64_t before = feed->recipe.saved;

    feed_run(feed, count);
    bench_spent(feed->recipe.saved - before);
}

static int feed_proved(void *context, uint64_t count)
{
    struct feed *feed = context;

    feed->total += count;
    return feed->recipe.counter->total == feed->total;
}

/* -- rebuild -------------------------------------------------------------- */

/* A counter with a checkpoint, and a tail of inputs behind it. */
struct patient {
    uint64_t tail;
    struct counter_recipe recipe;
    lares_node *node;
    lares_daemon *daemon;
    uint64_t total;    /* of a whole counter */
    uint64_t rebuilds; /* so far */
    /* what the floor is made of */
    unsigned char *state;
    size_t state_len;
    uint64_t (*words)[COUNTER_WORD / sizeof(uint64_t)];
    uint64_t restored; /* counters, in the last run of the floor */
};

static void patient_save(struct patient *patient)
{
    lares_bytes *image;

    hub_check(lares_daemon_snapshot(patient->daemon, 0, &image), "snapshot");
    lares_bytes_free(image);
}

static void patient_open(void *context)
{
    struct patient *patient = context;

    patient->node = hub_node("0");
    hub_register(patient->node, "counter", NULL, &counter_ops,
                 &patient->recipe);
    patient->daemon = hub_spawn(patient->node, "counter", NULL, NULL);
    hub_deliver(patient->daemon, 0, COUNTER_WORD);
    patient_save(patient);
    for (uint64_t i = 0; i < patient->tail; i++)
        hub_deliver(patient->daemon, i, COUNTER_WORD);
    patient->total = 1 + patient->tail;
}

/* The failing deliver returns when the counter is whole again. */
static void rebuild_run(void *context, uint64_t count)
{
    struct patient *patient = context;
    uint64_t poison[COUNTER_WORD / sizeof(uint64_t)] = {COUNTER_POISON};

    for (uint64_t i = 0; i < count; i++)
        bench_check(lares_daemon_deliver(patient->daemon, poison, sizeof poison,
                                         0, NULL) == LARES_ECALLBACK,
                    "it did not fail");
}

static int rebuild_proved(void *context, uint64_t count)
{
    struct patient *patient = context;

    patient->rebuilds += count;
    return patient->recipe.counter->total == patient->total &&
           hub_fact(patient->node, lares_daemon_origin(patient->daemon),
                    "rebuilds") == patient->rebuilds;
}

static void bare_open(void *context)
{
    struct patient *patient = context;
    size_t room = patient->recipe.words * COUNTER_RECORD;
    struct counter counter;

    counter_init(&counter, patient->recipe.words);
    patient->state = malloc(room);
    patient->words = calloc(patient->tail, sizeof *patient->words);
    bench_check(patient->state != NULL && patient->words != NULL, "memory");
    counter_write(&counter, 0, patient->state, room, &patient->state_len);
    counter_fini(&counter);
    for (uint64_t i = 0; i < patient->tail; i++)
        patient->words[i][0] = i;
}

/* The author's own part of that, called directly. */
static void bare_run(void *context, uint64_t count)
{
    struct patient *patient = context;
    int (*volatile hear)(struct counter *, const void *) = counter_hear;

    patient->restored = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct counter counter;

        counter_init(&counter, patient->recipe.words);
        bench_check(counter_read(&counter, patient->state, patient->state_len),
                    "state");
        for (uint64_t k = 0; k < patient->tail; k++)
            hear(&counter, patient->words[k]);
        patient->restored += counter.total == patient->tail;
        counter_fini(&counter);
    }
}

static int bare_proved(void *context, uint64_t count)
{
    const struct patient *patient = context;

    return patient->restored == count;
}

/* -- recovery: row N13 ---------------------------------------------------- */

struct guard {
    lares_recovery *recovery;
    uint64_t handlers;
    uint64_t calls;
};

static lares_verdict handler(lares_call *call, void *user)
{
    struct guard *guard = user;

    (void)call;
    guard->calls++;
    return LARES_DONE;
}

static void guard_open(void *context)
{
    struct guard *guard = context;

    hub_check(lares_recovery_new(&guard->recovery), "registry");
    for (uint64_t i = 0; i < guard->handlers; i++)
        hub_check(lares_recovery_register(guard->recovery, NULL, handler, guard,
                                          NULL, NULL, NULL),
                  "handler");
}

static void pass_run(void *context, uint64_t count)
{
    struct guard *guard = context;

    for (uint64_t i = 0; i < count; i++)
        hub_check(lares_recovery_run(guard->recovery, NULL), "pass");
}

static int pass_proved(void *context, uint64_t count)
{
    struct guard *guard = context;
    uint64_t calls = guard->calls;

    guard->calls = 0;
    return calls == count * guard->handlers;
}

int main(int argc, char **argv)
{
    static const struct bench_subject births = {nursery_open, spawn_proved,
                                                BENCH_CPU};
    static const struct bench_subject feeds = {feed_open, feed_proved,
                                               BENCH_CPU};
    static const struct bench_subject patients = {patient_open, rebuild_proved,
                                                  BENCH_CPU};
    static const struct bench_subject bares = {bare_open, bare_proved,
                                               BENCH_CPU};
    static const struct bench_subject guards = {guard_open, pass_proved,
                                                BENCH_CPU};
    static struct nursery nursery;
    static struct feed feed = {.ops = &counter_ops, .recipe = {.words = 21000}};
    static struct feed plain = {.ops = &counter_plain_ops,
                                .recipe = {.words = 21000}};
    static struct feed small = {.ops = &counter_ops, .recipe = {.words = 1}};
    static struct feed small_plain = {.ops = &counter_plain_ops,
                                      .recipe = {.words = 1}};
    static struct patient brief = {.tail = 64, .recipe = {.words = 14}};
    static struct patient late = {.tail = 4096, .recipe = {.words = 910}};
    static struct patient bare_brief = {.tail = 64, .recipe = {.words = 14}};
    static struct patient bare_late = {.tail = 4096, .recipe = {.words = 910}};
    static struct guard guard = {.handlers = 100};
    static const struct bench_variant variants[] = {
        {"spawn",                       spawn_run,   &births,   &nursery    },
        {"spawn and stop",              life_run,    &births,   &nursery    },
        {"idle daemons",                idle_run,    &births,   &nursery    },
        {"idle daemons and their keys", keyed_run,   &births,   &nursery    },
        {"count",                       feed_run,    &feeds,    &feed       },
        {"count, in snapshots",         saving_run,  &feeds,    &feed       },
        {"count, nothing saved",        feed_run,    &feeds,    &plain      },
        {"count one word",              feed_run,    &feeds,    &small      },
        {"count one word, not saved",   feed_run,    &feeds,    &small_plain},
        {"rebuild of 64 inputs",        rebuild_run, &patients, &brief      },
        {"rebuild of 4096 inputs",      rebuild_run, &patients, &late       },
        {"restore and 64 calls",        bare_run,    &bares,    &bare_brief },
        {"restore and 4096 calls",      bare_run,    &bares,    &bare_late  },
        {"recovery pass",               pass_run,    &guards,   &guard      },
        {NULL,                          NULL,        NULL,      NULL        },
    };

    return bench_main(argc, argv, variants);
}

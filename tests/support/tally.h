/* tally.h - a world with two nodes, and a kind that counts, can snapshot, and
 * misbehaves as its inputs and a test say. */
#ifndef TESTS_TALLY_H
#define TESTS_TALLY_H

#include "support/house.h"

/* -- fixture -------------------------------------------------------------- */

/* One instance of the kind. */
struct counted {
    uint64_t n;
};

/* What instances did, and what the next ones are to do. */
struct tally {
    atomic_int saved;
    int created, destroyed, restored, replayed;
    int create_fails, save_fails, restore_fails, replay_fails; /* so many */
    int stops;             /* create asks its own daemon to stop */
    lares_verdict verdict; /* of what fails */
    uint64_t unsteady;     /* what "wild" emits: no two times the same */
    size_t padding;        /* bytes of a state behind the count */
    char last[64];         /* the argument that restore or create saw last */
    uint32_t version;      /* that restore saw last */
};

static struct tally tally;
static lares_world *world;
static lares_node *node;  /* "east" */
static lares_node *other; /* "west" */

static inline lares_verdict tally_fails(lares_call *call, int *left,
                                        const char *text)
{
    if (*left == 0)
        return LARES_DONE;
    (*left)--;
    lares_call_fail(call, text);
    return tally.verdict;
}

static inline lares_verdict tally_create(lares_call *call, lares_daemon *daemon,
                                         void **instance_out, void *user)
{
    lares_verdict verdict =
        tally_fails(call, &tally.create_fails, "no instance");

    (void)user;
    if (verdict != LARES_DONE)
        return verdict;
    if (tally.stops)
        lares_daemon_stop(daemon, 0);
    (void)snprintf(tally.last, sizeof tally.last, "%s",
                   lares_call_argument(call));
    *instance_out = calloc(1, sizeof(struct counted));
    if (*instance_out == NULL)
        return LARES_FAILED;
    tally.created++;
    return LARES_DONE;
}

static inline void tally_destroy(void *instance)
{
    tally.destroyed++;
    free(instance);
}

/* Counts first, so that what fails has spoilt its state. */
static inline lares_verdict tally_take(lares_call *call, struct counted *it,
                                       const lares_event *event)
{
    char text[24];
    uint64_t n = ++it->n;

    if (event->flags & LARES_EVENT_REPLAY) {
        tally.replayed++;
        if (tally_fails(call, &tally.replay_fails, "no replay") != LARES_DONE)
            return LARES_FAILED;
    }
    if (is_text(event, "wild"))
        n = ++tally.unsteady;
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    if (!is_text(event, "mute"))
        lares_call_emit(call, NULL, text, strlen(text));
    if (is_text(event, "boom")) {
        lares_call_fail(call, "boom");
        return LARES_FAILED;
    }
    if (is_text(event, "lost"))
        return LARES_LOST;
    return LARES_DONE;
}

static inline lares_verdict tally_process(lares_call *call, void *instance)
{
    const lares_event *event;
    lares_verdict verdict = LARES_DONE;

    while (verdict == LARES_DONE && (event = lares_call_next(call)) != NULL)
        verdict = tally_take(call, instance, event);
    return verdict;
}

static inline lares_verdict tally_snapshot(lares_call *call, void *instance)
{
    const struct counted *it = instance;
    lares_verdict verdict = tally_fails(call, &tally.save_fails, "no snapshot");
    char *padding;

    if (verdict != LARES_DONE)
        return verdict;
    tally.saved++;
    lares_call_state(call, &it->n, sizeof it->n);
    if (tally.padding == 0)
        return LARES_DONE;
    padding = calloc(1, tally.padding);
    lares_call_state(call, padding, tally.padding);
    free(padding);
    return LARES_DONE;
}

static inline lares_verdict tally_restore(lares_call *call, uint32_t version,
                                          const void *data, size_t len,
                                          void *instance)
{
    struct counted *it = instance;
    lares_verdict verdict =
        tally_fails(call, &tally.restore_fails, "no restore");

    if (verdict != LARES_DONE)
        return verdict;
    if (len < sizeof it->n)
        return LARES_FAILED;
    tally.version = version;
    memcpy(&it->n, data, sizeof it->n);
    tally.restored++;
    return LARES_DONE;
}

static const lares_daemon_ops tally_ops = {
    .size = sizeof tally_ops,
    .create = tally_create,
    .destroy = tally_destroy,
    .process = tally_process,
    .snapshot = tally_snapshot,
    .restore = tally_restore,
};

static inline void tally_register(lares_node *at, const char *version)
{
    lares_options *set = options("version", version);
    lares_daemon_ops plain = tally_ops;

    check_ok(lares_node_register(at, "counter", set, &tally_ops, NULL, NULL));
    plain.snapshot = NULL;
    plain.restore = NULL;
    check_ok(lares_node_register(at, "plain", set, &plain, NULL, NULL));
    lares_options_free(set);
}

static inline int tally_setup(void **state)
{
    int rc = house_setup(state);

    memset(&tally, 0, sizeof tally);
    tally.verdict = LARES_FAILED;
    world = world_open(7, "east", NULL, &node);
    check_ok(lares_world_node(world, "west", NULL, &other));
    tally_register(node, "0");
    tally_register(other, "0");
    return rc;
}

static inline int tally_teardown(void **state)
{
    check_ok(lares_node_stop(node, 0));
    check_ok(lares_node_stop(other, 0));
    check_ok(lares_world_run(world, 2000));
    check_i64(tally.created, tally.destroyed);
    lares_node_free(node);
    lares_node_free(other);
    lares_world_free(world);
    return house_teardown(state);
}

#define tally_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, tally_setup, tally_teardown)

/* -- tools ---------------------------------------------------------------- */

static inline void pass_ms(int64_t ms)
{
    check_ok(lares_world_run(world, ms));
}

static inline uint64_t fact(const char *column)
{
    return daemon_fact(node, "counter", column);
}

static inline void check_state(const char *name)
{
    check_str(daemon_text(node, "counter", "state"), name);
}

/* The answer of a deliver, which is one output. */
static inline void check_ask(lares_daemon *daemon, const char *text,
                             const char *answer)
{
    lares_events *events = NULL;
    char said[64];

    check_ok(ask(daemon, text, 0, &events));
    event_text(lares_events_next(events), said, sizeof said);
    check_str(said, answer);
    lares_events_free(events);
}

#endif

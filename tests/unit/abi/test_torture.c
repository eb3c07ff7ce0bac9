#include "support/house.h"

/* Every allocation of a node's life fails: once, and from there on.
 *
 * A scenario is a list of steps. The n-th allocation fails; the step that
 * reports it must leave everything as it was, so the same step, with memory
 * again, succeeds, and the rest of the life comes out as ever. */

/* -- fixture -------------------------------------------------------------- */

struct life {
    const char *lanes; /* NULL: in a world */
    int64_t patience_ms;
    lares_options *options;
    lares_options *spawn_options;
    lares_key *key;
    lares_world *world;
    lares_node *node;
    lares_daemon *daemon, *puller, *found;
    lares_inbox *inbox;
    lares_events *events;
    lares_rows *rows;
    lares_chain *chain;
    struct notes notes;
    uint64_t sequence; /* of the last output that was read */
    int releases;
    int refused; /* registers, which release as well */
};

static const char seed[32] = "nothing shall be lost, not a bit";

static void life_release(void *user)
{
    ((struct life *)user)->releases++;
}

/* -- steps ---------------------------------------------------------------- */

static lares_status step_options(struct life *life)
{
    lares_status rc = lares_options_new(&life->options);

    if (rc == LARES_OK)
        rc = lares_options_set(life->options, "lanes",
                               life->lanes != NULL ? life->lanes : "0");
    if (rc < 0) {
        lares_options_free(life->options);
        life->options = NULL;
    }
    return rc;
}

static lares_status step_spawn_options(struct life *life)
{
    static const char *const pairs[] = {"name",
                                        "walker",
                                        "subscribe",
                                        "in other.>",
                                        "publish",
                                        "out",
                                        "argument",
                                        "words",
                                        "restart.max",
                                        "20",
                                        "restart.initial",
                                        "1",
                                        "restart.attempts",
                                        "1000000",
                                        NULL};
    lares_status rc = lares_options_new(&life->spawn_options);

    for (size_t i = 0; rc == LARES_OK && pairs[i] != NULL; i += 2)
        rc = lares_options_set(life->spawn_options, pairs[i], pairs[i + 1]);
    if (rc < 0) {
        lares_options_free(life->spawn_options);
        life->spawn_options = NULL;
    }
    return rc;
}

static lares_status step_key(struct life *life)
{
    return lares_key_new(seed, 32, &life->key);
}

static lares_status step_chain(struct life *life)
{
    return lares_chain_new(lares_key_origin(life->key), &life->chain);
}

static lares_status step_world(struct life *life)
{
    return life->lanes == NULL ? lares_world_new(1, &life->world) : LARES_OK;
}

static lares_status step_node(struct life *life)
{
    if (life->lanes == NULL)
        return lares_world_node(life->world, "east", life->options,
                                &life->node);
    return lares_node_new("east", life->options, &life->node);
}

static lares_status step_start(struct life *life)
{
    return lares_node_start(life->node);
}

static lares_status step_register(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};

    return lares_node_register(life->node, "echo", NULL, &ops, life,
                               life_release);
}

static lares_status step_register_note(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = note};

    return lares_node_register(life->node, "note", NULL, &ops, &life->notes,
                               NULL);
}

static lares_status step_register_pull(struct life *life)
{
    return lares_node_register(life->node, "pulled", NULL, NULL, NULL, NULL);
}

static lares_status step_spawn(struct life *life)
{
    return lares_node_spawn(life->node, "echo", life->key, life->spawn_options,
                            &life->daemon);
}

static lares_status step_spawn_fresh(struct life *life)
{
    return lares_node_spawn(life->node, "note", NULL, NULL, NULL);
}

static lares_status step_spawn_pull(struct life *life)
{
    return lares_node_spawn(life->node, "pulled", NULL, NULL, &life->puller);
}

static lares_status step_subscribe(struct life *life)
{
    lares_options_free(life->options);
    life->options = NULL;
    return lares_node_subscribe(life->node, "out", NULL, &life->inbox);
}

static lares_status step_ledger(struct life *life)
{
    return lares_daemon_subscribe(life->daemon, "late.*", "pool");
}

static lares_status step_find(struct life *life)
{
    return lares_node_find(life->node, lares_key_origin(life->key),
                           &life->found);
}

static lares_status step_publish(struct life *life)
{
    return publish(life->node, "in", "1", -1);
}

static lares_status step_publish_large(struct life *life)
{
    static char data[300000];

    return lares_node_publish(life->node, "late.x", data, sizeof data, -1);
}

static lares_status step_send(struct life *life)
{
    return say(life->daemon, "3", -1);
}

static lares_status step_deliver(struct life *life)
{
    return ask(life->daemon, "4", life->patience_ms, &life->events);
}

static lares_status read_some(struct life *life)
{
    const lares_event *event;
    lares_events *events = NULL;
    lares_status rc = lares_inbox_next(life->inbox, life->patience_ms, &events);

    if (rc == LARES_ETIMEDOUT && life->world != NULL)
        return lares_world_run(life->world, 100);
    if (rc < 0)
        return rc;
    while ((event = lares_events_next(events)) != NULL) {
        check_ok(lares_chain_check(life->chain, event));
        life->sequence = event->sequence;
    }
    lares_events_free(events);
    return LARES_OK;
}

/* Each must come, in order, along the chain. */
static lares_status step_read(struct life *life)
{
    lares_status rc = LARES_OK;

    for (int i = 0; i < 100 && rc == LARES_OK && life->sequence < 4; i++)
        rc = read_some(life);
    return rc == LARES_OK && life->sequence < 4 ? LARES_ETIMEDOUT : rc;
}

static lares_status step_pull_send(struct life *life)
{
    return say(life->puller, "x", -1);
}

static lares_status step_pull(struct life *life)
{
    lares_call *call = NULL;
    lares_status rc = lares_daemon_pull(life->puller, life->patience_ms, &call);

    if (rc < 0)
        return rc;
    check(lares_call_next(call) != NULL);
    rc = lares_call_emit(call, "elsewhere", "y", 1);
    check_ok(lares_call_end(call, rc == LARES_OK ? LARES_DONE : LARES_FAILED));
    return rc;
}

static lares_status step_report(struct life *life)
{
    lares_rows_free(life->rows);
    life->rows = NULL;
    return lares_node_report(life->node, "daemons", &life->rows);
}

static lares_status step_counters(struct life *life)
{
    lares_rows_free(life->rows);
    life->rows = NULL;
    return lares_node_report(life->node, "counters", &life->rows);
}

static lares_status step_unregister(struct life *life)
{
    lares_status rc = lares_node_unregister(life->node, "nobody");

    return rc == LARES_ENOTFOUND ? LARES_OK : rc;
}

static lares_status step_stop_daemon(struct life *life)
{
    return lares_daemon_stop(life->puller, -1);
}

static lares_status step_stop(struct life *life)
{
    lares_status rc = lares_node_stop(life->node, -1);

    return rc == LARES_OK ? lares_node_wait(life->node, 8000) : rc;
}

static const struct step {
    const char *name;
    lares_status (*fn)(struct life *life);
} steps[] = {
    {"options",       step_options      },
    {"spawn options", step_spawn_options},
    {"key",           step_key          },
    {"chain",         step_chain        },
    {"world",         step_world        },
    {"node",          step_node         },
    {"start",         step_start        },
    {"register",      step_register     },
    {"register note", step_register_note},
    {"register pull", step_register_pull},
    {"spawn",         step_spawn        },
    {"spawn fresh",   step_spawn_fresh  },
    {"spawn pull",    step_spawn_pull   },
    {"subscribe",     step_subscribe    },
    {"ledger",        step_ledger       },
    {"find",          step_find         },
    {"publish",       step_publish      },
    {"publish large", step_publish_large},
    {"send",          step_send         },
    {"deliver",       step_deliver      },
    {"read",          step_read         },
    {"pull send",     step_pull_send    },
    {"pull",          step_pull         },
    {"report",        step_report       },
    {"counters",      step_counters     },
    {"unregister",    step_unregister   },
    {"stop daemon",   step_stop_daemon  },
    {"stop",          step_stop         },
};

/* -- tools ---------------------------------------------------------------- */

/* What a step may answer when memory runs out somewhere in it. */
static int is_documented(const char *name, lares_status rc)
{
    if (rc == LARES_ENOMEM)
        return 1;
    /* the turn failed for lack of it, or did not come about */
    if (strcmp(name, "read") == 0 || strcmp(name, "pull") == 0)
        return rc == LARES_ETIMEDOUT;
    return strcmp(name, "deliver") == 0 &&
           (rc == LARES_ECALLBACK || rc == LARES_EDOWN ||
            rc == LARES_ETIMEDOUT);
}

/* By repetition only: EDOWN ends with a gate that only time opens. */
static lares_status step_again(const struct step *step, struct life *life)
{
    lares_status rc = step->fn(life);

    for (int i = 0; i < 100 && rc == LARES_EDOWN; i++) {
        if (life->world != NULL)
            check_ok(lares_world_run(life->world, 100));
        else if (*life->lanes == '0')
            check_status(lares_node_run(life->node, 10), LARES_ETIMEDOUT);
        else
            nap_ms(10);
        rc = step->fn(life);
    }
    return rc;
}

static void life_free(struct life *life)
{
    lares_options_free(life->options);
    lares_options_free(life->spawn_options);
    lares_key_free(life->key);
    lares_daemon_free(life->daemon);
    lares_daemon_free(life->puller);
    lares_daemon_free(life->found);
    lares_inbox_free(life->inbox);
    lares_events_free(life->events);
    lares_rows_free(life->rows);
    lares_chain_free(life->chain);
    lares_node_free(life->node);
    lares_world_free(life->world);
}

/* Nothing of the life may show that memory was short for a moment. */
static void check_life(struct life *life)
{
    check_u64(rows_count(life->node, "letters"), 0);
    check_u64(counter(life->node, "outputs_total", ""), 5);
    check_u64(counter(life->node, "inputs_total", "result=\"duplicate\""), 0);
    check_i64(life->releases, 1 + life->refused);
}

/* A step has failed: for a good reason, and not for good. */
static void check_step(const struct step *step, lares_status rc,
                       struct life *life)
{
    lares_status again = LARES_OK;

    lares__alloc_fail(-1, 0);
    check(strcmp(lares_error_detail(), "out is NULL") != 0);
    life->patience_ms = 8000;
    life->refused += strcmp(step->name, "register") == 0;
    if (is_documented(step->name, rc))
        again = step_again(step, life);
    if (is_documented(step->name, rc) && again == LARES_OK)
        return;
    print_error("%s: %s, then %s\n", step->name, lares_status_name(rc),
                lares_status_name(again));
    check(0);
}

/* Plays it with the n-th allocation failing; 0: it made fewer. */
static int play(const char *lanes, int64_t n, int sticky)
{
    struct life life = {.lanes = lanes, .patience_ms = 100};
    int64_t calls = (int64_t)lares__alloc_count();

    lares__alloc_fail(n, sticky);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        lares_status rc = lares_options_new(NULL); /* leaves its detail */

        rc = steps[i].fn(&life);
        if (rc < 0)
            check_step(&steps[i], rc, &life);
    }
    lares__alloc_fail(-1, 0);
    check_life(&life);
    life_free(&life);
    return (int64_t)lares__alloc_count() - calls >= n;
}

/* The last thread may be on its way out yet. */
static void check_nothing_left(const char *lanes, int64_t n, int sticky)
{
    for (int i = 0; i < 2000 && !house_empty(); i++)
        nap_ms(1);
    if (!house_empty())
        print_error("lanes %s, allocation %d%s\n", lanes != NULL ? lanes : "",
                    (int)n, sticky ? " and all later" : "");
    check(house_empty());
}

static void play_all(const char *lanes, int sticky, int64_t stride)
{
    int64_t n = 1;

    while (play(lanes, n, sticky)) {
        check_nothing_left(lanes, n, sticky);
        n += stride;
    }
    check_nothing_left(lanes, n, sticky);
}

/* -- cases ---------------------------------------------------------------- */

static void test_torture__each_allocation_once(void **state)
{
    (void)state; /* id: AB05 */
    play_all("0", 0, 1);
    play_all(NULL, 0, 1);
}

static void test_torture__each_allocation_and_all_later(void **state)
{
    (void)state; /* id: AB05 */
    play_all("0", 1, 1);
    play_all(NULL, 1, 1);
}

/* With threads the n-th is not always the same one: a sample, or all. */
static void test_torture__with_a_lane(void **state)
{
    int64_t stride = getenv("LARES_DEEP") != NULL ? 1 : 5;

    (void)state; /* id: AB05 */
    play_all("1", 0, stride);
    play_all("1", 1, stride);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(test_torture__each_allocation_once),
        house_test(test_torture__each_allocation_and_all_later),
        house_test(test_torture__with_a_lane),
    };

    return check_run(tests);
}

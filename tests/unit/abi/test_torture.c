#include "support/torture.h"

/* The life of a node that daemons live on (support/torture.h); that of a daemon
 * that fails and comes back is told in test_torture_state.c. */

/* -- fixture -------------------------------------------------------------- */

struct working {
    struct life life; /* first */
    lares_options *spawn_options;
    lares_daemon *puller, *found;
    struct notes notes;
};

static struct working working;

static struct working *of(struct life *life)
{
    return (struct working *)life;
}

static void end(struct life *life)
{
    lares_options_free(of(life)->spawn_options);
    lares_daemon_free(of(life)->puller);
    lares_daemon_free(of(life)->found);
    life_free(life);
}

/* -- steps ---------------------------------------------------------------- */

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

    return options_make(pairs, &of(life)->spawn_options);
}

static lares_status step_register(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = echo};
    lares_status rc =
        lares_node_register(life->node, "echo", NULL, &ops, life, life_release);

    life->refused += rc < 0;
    return rc;
}

static lares_status step_register_note(struct life *life)
{
    const lares_daemon_ops ops = {.size = sizeof ops, .process = note};

    return lares_node_register(life->node, "note", NULL, &ops, &of(life)->notes,
                               NULL);
}

static lares_status step_register_pull(struct life *life)
{
    return lares_node_register(life->node, "pulled", NULL, NULL, NULL, NULL);
}

static lares_status step_spawn(struct life *life)
{
    return lares_node_spawn(life->node, "echo", life->key,
                            of(life)->spawn_options, &life->daemon);
}

static lares_status step_spawn_fresh(struct life *life)
{
    return lares_node_spawn(life->node, "note", NULL, NULL, NULL);
}

static lares_status step_spawn_pull(struct life *life)
{
    return lares_node_spawn(life->node, "pulled", NULL, NULL,
                            &of(life)->puller);
}

static lares_status step_ledger(struct life *life)
{
    return lares_daemon_subscribe(life->daemon, "late.*", "pool");
}

static lares_status step_find(struct life *life)
{
    return lares_node_find(life->node, lares_key_origin(life->key),
                           &of(life)->found);
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

static lares_status step_read(struct life *life)
{
    return read_until(life, 4);
}

static lares_status step_pull_send(struct life *life)
{
    return say(of(life)->puller, "x", -1);
}

static lares_status step_pull(struct life *life)
{
    lares_call *call = NULL;
    lares_status rc =
        lares_daemon_pull(of(life)->puller, life->patience_ms, &call);

    if (rc < 0)
        return rc;
    check(lares_call_next(call) != NULL);
    rc = lares_call_emit(call, "elsewhere", "y", 1);
    check_ok(lares_call_end(call, rc == LARES_OK ? LARES_DONE : LARES_FAILED));
    return rc;
}

static lares_status step_report(struct life *life)
{
    return life_report(life, "daemons");
}

static lares_status step_counters(struct life *life)
{
    return life_report(life, "counters");
}

static lares_status step_unregister(struct life *life)
{
    lares_status rc = lares_node_unregister(life->node, "nobody");

    return rc == LARES_ENOTFOUND ? LARES_OK : rc;
}

static lares_status step_stop_daemon(struct life *life)
{
    return lares_daemon_stop(of(life)->puller, -1);
}

static const struct step steps[] = {
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
    {NULL,            NULL              },
};

/* -- tools ---------------------------------------------------------------- */

/* the turn failed for lack of memory, or did not come about */
static int allows(const char *step, lares_status rc)
{
    if (strcmp(step, "read") == 0 || strcmp(step, "pull") == 0)
        return rc == LARES_ETIMEDOUT;
    return strcmp(step, "deliver") == 0 &&
           (rc == LARES_ECALLBACK || rc == LARES_EDOWN ||
            rc == LARES_ETIMEDOUT);
}

static void check_life(struct life *life)
{
    check_u64(rows_count(life->node, "letters"), 0);
    check_u64(counter(life->node, "outputs_total", ""), 5);
    check_u64(counter(life->node, "inputs_total", "result=\"duplicate\""), 0);
    check_i64(life->releases, 1 + life->refused);
}

static const struct story story = {
    .steps = steps,
    .life = &working.life,
    .size = sizeof working,
    .allows = allows,
    .judge = check_life,
    .end = end,
};

/* -- cases ---------------------------------------------------------------- */

static void test_torture__each_allocation_once(void **state)
{
    (void)state; /* id: AB05 */
    play_alone(&story, 0);
}

static void test_torture__each_allocation_and_all_later(void **state)
{
    (void)state; /* id: AB05 */
    play_alone(&story, 1);
}

static void test_torture__with_a_lane(void **state)
{
    (void)state; /* id: AB05 */
    play_with_a_lane(&story);
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
